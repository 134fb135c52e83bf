"""A tiny causal model with random weights and lists for it, shared by the tests of training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ger.types import Hypothesis, NBest

TOWNS = ("aston", "birch", "corby", "derby", "epsom", "fleet", "goole", "hythe")

#: Turns between marks, as many models write them; the answer follows a line break.
CHATML = (
    "{% for m in messages %}<|start|>{{ m.role }}\n{{ m.content }}<|stop|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)


def nbest(key: str, reference: str | None, *texts: str, **more: Any) -> NBest:
    return NBest(key, tuple(map(Hypothesis, texts)), reference=reference, **more)


def town_lists(n: int = 24) -> list[NBest]:
    """Half of the 1-bests say `fairs`, which is never right."""
    made = []
    for i in range(n):
        start, end = TOWNS[i % 8], TOWNS[(i // 8 + i + 1) % 8]
        right, wrong = f"fares {start} {end}", f"fairs {start} {end}"
        made.append(nbest(f"u{i}", f"{right} {i}", *((wrong, right) if i % 2 else (right, wrong))))
    return made


def tokenizer(**special: str) -> Any:
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<s>", "</s>", "<|start|>", "<|stop|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator([one.reference or "" for one in town_lists(96)], trainer)
    made.decoder = __import__("tokenizers").decoders.ByteLevel()
    special = {"bos_token": "<s>", "eos_token": "</s>"} | special
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, additional_special_tokens=["<|start|>", "<|stop|>"], **special
    )


def write_model(folder: Path, *, context: int = 128, template: str = "", seed: int = 0) -> Path:
    """A Llama of two layers with random weights, and a tokenizer of bytes and a few words."""
    import torch
    import transformers
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    made = tokenizer()
    if template:
        made.chat_template = template
    made.save_pretrained(folder)
    config = transformers.LlamaConfig(
        vocab_size=400, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=context, bos_token_id=0, eos_token_id=[1, 3] if template else 1,
        tie_word_embeddings=False,
    )  # fmt: skip
    torch.manual_seed(seed)
    model = transformers.LlamaForCausalLM(config)
    config.architectures = ["LlamaForCausalLM"]
    config.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    save_file({name: value.clone() for name, value in model.state_dict().items()}, folder / "model.safetensors")
    return folder


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """The lines of a training's log."""
    return [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
