"""Packed scores against one text at a time, for every kind of model that takes trees; who takes none, and says so."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
from test_backend_transformers import Reference

from ger.lm.tree import packs
from ger.protocols import LmOptions, ScoreRequest
from llm_backends import packed
from llm_backends.packed import MODEL_TYPES, PackedScorer
from llm_backends.transformers import TransformersLM

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

WINDOW = 6
SIZES: dict[str, Any] = {
    "vocab_size": 49152,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 256,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
SLIDING = {"sliding_window": WINDOW, "layer_types": ["sliding_attention", "full_attention"]}
#: What makes each type show what is special about it.
CONFIGS: dict[str, dict[str, Any]] = {
    "gemma": {},
    "gemma2": SLIDING | {"query_pre_attn_scalar": 8, "attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0},
    "gemma3_text": SLIDING | {"query_pre_attn_scalar": 8},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256},
    "llama": {},
    "mistral": {"sliding_window": WINDOW},
    "qwen2": SLIDING | {"use_sliding_window": True},
    "qwen3": SLIDING | {"use_sliding_window": True},
}
LISTS = (
    ("the toll on the bridge was raised", "the toll on the bridge was raced", "the tall on the bridge was raised"),
    ("the toll on the bridge was raised",) * 3,
    ("yes", "", "yes it is", "yes it is not what we had in mind when we said so last week", "Yes"),
    ("one text alone",),
    ("",),
    (),
)
CONTEXT = "it has been a long day for the council and for all who came to hear what it would say of the bridge. " * 4


def make(folder: Path, smollm2_dir: Path, model_type: str, **changes: Any) -> Path:
    """A model with random weights, and SmolLM2's tokenizer, in a folder."""
    for file in smollm2_dir.iterdir():
        if "tokenizer" in file.name or file.name in ("vocab.json", "merges.txt", "special_tokens_map.json"):
            shutil.copy(file, folder)
    sizes = {k: v for k, v in SIZES.items() if model_type != "gpt2" or k.endswith(("_id", "vocab_size"))}
    config = transformers.AutoConfig.for_model(model_type, **sizes | CONFIGS.get(model_type, {}) | changes)
    torch.manual_seed(3)
    model = transformers.AutoModelForCausalLM.from_config(config).float()
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)  # so that every token seen makes a difference
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=sorted(MODEL_TYPES))
def folder(request: pytest.FixtureRequest, smollm2_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp(request.param), smollm2_dir, request.param)


def load(folder: Path, **options: Any) -> TransformersLM:
    return TransformersLM(LmOptions(model=str(folder), device="cpu", compute_type="float32", **options))


@pytest.mark.parametrize("prefix", ["", CONTEXT])
def test_equal_to_one_text_at_a_time(folder: Path, prefix: str, caplog: pytest.LogCaptureFixture) -> None:
    lm, plain = load(folder), Reference(folder)
    requests = [ScoreRequest(texts, prefix and prefix + f"{n % 2}: ") for n, texts in enumerate(LISTS)]
    scores = lm.score(requests)
    assert lm._packed is not None
    assert caplog.records == []
    for request, row in zip(requests, scores, strict=True):
        assert row == pytest.approx([plain.score(text, request.prefix) for text in request.continuations], abs=1e-3)
    assert len(set(scores[1])) == 1


def tokens_of(lm: TransformersLM) -> list[int]:
    """How many tokens each call of the model has, padding included, from now on."""
    seen: list[int] = []
    lm._model.base_model.register_forward_pre_hook(
        lambda _module, _args, kwargs: seen.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    return seen


@pytest.fixture
def llama(smollm2_dir: Path, tmp_path: Path) -> tuple[TransformersLM, Reference]:
    """A model, and what says how its scores should be."""
    folder = make(tmp_path, smollm2_dir, "llama")
    return load(folder), Reference(folder)


@pytest.mark.parametrize("model_type", ["gemma2", "gemma3_text", "mistral", "qwen2", "qwen3"])
def test_the_window_matters_here(smollm2_dir: Path, tmp_path: Path, model_type: str) -> None:
    """Else the test above would not notice a mask without it."""
    text = LISTS[2][3]
    (tmp_path / "near").mkdir()
    (tmp_path / "far").mkdir()
    near = Reference(make(tmp_path / "near", smollm2_dir, model_type))
    far = Reference(make(tmp_path / "far", smollm2_dir, model_type, sliding_window=200))
    assert abs(near.score(text) - far.score(text)) > 0.01


def test_context_is_given_to_the_model_once(smollm2_dir: Path, tmp_path: Path) -> None:
    lm = load(make(tmp_path, smollm2_dir, "llama"))
    seen = tokens_of(lm)
    assert lm._packed is not None
    assert lm._kept is not None
    seen.clear()  # its check of itself
    lm.score([ScoreRequest((name,), CONTEXT) for name in ("Ann", "Ben", "Cat", "Dan")])
    context = len(lm._tokenizer(CONTEXT).input_ids)
    assert context > 90
    assert sum(seen) < context + 20


def test_what_was_read_is_read_no_more(folder: Path) -> None:
    """Each call stands behind the texts of those before it, as with running context; then it begins anew."""
    lm, plain = load(folder), Reference(folder)
    assert lm._packed is not None
    assert lm._kept is not None
    seen = tokens_of(lm)
    said, sizes = "", []
    for n, texts in enumerate([LISTS[0], LISTS[2], LISTS[0]]):
        before, other = f"{CONTEXT}{said}", f"{CONTEXT}elsewhere {n}: "
        seen.clear()
        rows = lm.score([ScoreRequest(texts, before), ScoreRequest(texts[:2], other)])
        sizes.append(sum(seen))
        assert rows[0] == pytest.approx([plain.score(text, before) for text in texts], abs=1e-3)
        assert rows[1] == pytest.approx([plain.score(text, other) for text in texts[:2]], abs=1e-3)
        said += f"{texts[0]}. "
    (anew,) = lm.score([ScoreRequest(LISTS[0], said)])
    assert anew == pytest.approx([plain.score(text, said) for text in LISTS[0]], abs=1e-3)
    assert sizes[0] > len(lm._tokenizer(CONTEXT).input_ids)
    assert all(size < 75 for size in sizes[1:])


def test_what_is_kept_is_bounded(llama: tuple[TransformersLM, Reference], monkeypatch: pytest.MonkeyPatch) -> None:
    lm, plain = llama
    kept = lm._kept
    assert kept is not None
    monkeypatch.setattr(kept, "_most", 250)
    contexts = [f"{n} {CONTEXT}" for n in range(4)]
    for context in contexts:
        lm.score([ScoreRequest(LISTS[0], context)])
    assert [one.tokens[1] for one in kept._kept] == [lm._encode(0, c, "").ids[1] for c in contexts[2:]]
    seen = tokens_of(lm)
    rows = lm.score([ScoreRequest(LISTS[0], context) for context in contexts])  # too much to keep: all is read
    assert sum(seen) > 4 * len(lm._tokenizer(CONTEXT).input_ids)
    for context, row in zip(contexts, rows, strict=True):
        assert row == pytest.approx([plain.score(text, context) for text in LISTS[0]], abs=1e-3)


def test_little_memory(llama: tuple[TransformersLM, Reference]) -> None:
    """What is kept makes room first, and less goes through the model at once."""
    lm, plain = llama
    kept = lm._kept
    assert kept is not None
    lm.score([ScoreRequest(LISTS[0], CONTEXT)])
    failed: list[int] = []
    most = 150

    def scarce(_module: Any, _args: Any, kwargs: Any) -> None:
        size = kwargs["input_ids"].numel()
        if size > most or (most < 150 and kept.tokens):
            failed.append(size)
            raise MemoryError

    lm._model.base_model.register_forward_pre_hook(scarce, with_kwargs=True)
    contexts = [f"{n} {CONTEXT}" for n in range(4)]
    rows = lm.score([ScoreRequest(LISTS[0], context) for context in contexts])
    assert failed
    for context, row in zip(contexts, rows, strict=True):
        assert row == pytest.approx([plain.score(text, context) for text in LISTS[0]], abs=1e-3)
    most = 149  # and there is no room beside what is kept
    assert kept.tokens
    (row,) = lm.score([ScoreRequest(("yes",), contexts[0])])
    assert row == pytest.approx([plain.score("yes", contexts[0])], abs=1e-3)


def test_an_unknown_type_is_padded_and_said_once(
    smollm2_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = make(tmp_path, smollm2_dir, "gpt_neox")
    lm, plain = load(folder), Reference(folder)
    for _ in range(2):
        (scores,) = lm.score([ScoreRequest(LISTS[0])])
        assert scores == pytest.approx([plain.score(text) for text in LISTS[0]], abs=1e-3)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "without prefix trees" in record.getMessage()
    assert "type gpt_neox" in record.getMessage()


@pytest.mark.parametrize("kind", ["dynamic", "longrope"])
def test_positions_that_depend_on_the_batch(smollm2_dir: Path, tmp_path: Path, kind: str) -> None:
    folder = make(tmp_path, smollm2_dir, "llama")
    lm = load(folder)
    lm._model.config.rope_parameters = lm._model.config.rope_parameters | {"rope_type": kind}
    assert "length of the batch" in PackedScorer(lm._model).refusal()


def test_the_self_check_notices_tokens_joined_by_more_than_attention(
    smollm2_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LFM2 has convolutions over neighbouring tokens."""
    changes = {"layer_types": ["conv", "full_attention"], "norm_eps": 1e-5}
    lm = load(make(tmp_path, smollm2_dir, "lfm2", **changes))
    monkeypatch.setitem(MODEL_TYPES, "lfm2", "full")
    assert "check differed" in PackedScorer(lm._model).refusal()


def test_the_head_runs_in_chunks(smollm2_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lm = load(make(tmp_path, smollm2_dir, "llama"))
    whole = lm.score([ScoreRequest(LISTS[0] + LISTS[2])])
    rows: list[int] = []
    lm._model.get_output_embeddings().register_forward_pre_hook(lambda _module, args: rows.append(len(args[0])))
    monkeypatch.setitem(packed._HEAD_ELEMENTS, "cpu", 49152 * 4)
    assert lm.score([ScoreRequest(LISTS[0] + LISTS[2])])[0] == pytest.approx(whole[0], abs=1e-4)
    assert max(rows) == 4
    assert len(rows) > 5


def test_half_precision(smollm2_dir: Path, tmp_path: Path) -> None:
    folder = make(tmp_path, smollm2_dir, "llama")
    lm = TransformersLM(LmOptions(model=str(folder), device="cpu", compute_type="bfloat16"))
    plain = Reference(folder)
    (scores,) = lm.score([ScoreRequest(LISTS[2])])
    assert lm._packed is not None
    assert scores == pytest.approx([plain.score(text) for text in LISTS[2]], rel=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("prefix", ["", CONTEXT])
def test_smollm2(smollm2: TransformersLM, smollm2_dir: Path, prefix: str) -> None:
    plain = Reference(smollm2_dir)
    requests = [ScoreRequest(texts, prefix) for texts in (LISTS[0], LISTS[2], LISTS[3])]
    items = [smollm2._encode(i, prefix, text) for i, text in enumerate(LISTS[0])]
    assert sum(pack.tokens.size for pack in packs(items, 1024)) < sum(len(item.ids) for item in items)
    for request, row in zip(requests, smollm2.score(requests), strict=True):
        assert row == pytest.approx([plain.score(text, prefix) for text in request.continuations], abs=1e-3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu(folder: Path) -> None:
    lm, plain = TransformersLM(LmOptions(model=str(folder), device="cuda", compute_type="float32")), Reference(folder)
    for texts, row in zip(LISTS, lm.score([ScoreRequest(texts) for texts in LISTS]), strict=True):
        assert row == pytest.approx([plain.score(text) for text in texts], abs=1e-3)
