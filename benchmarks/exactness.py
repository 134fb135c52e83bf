"""How far are scores in prefix trees from those of one text at a time?

    python benchmarks/exactness.py DATA [--lists 200] [--model smollm2-135m-instruct]

DATA is a folder with `hyporadise/` in it. The model, and small random ones with SmolLM2's tokenizer (GPT-2's kind, and
Mistral's with a window of 16 tokens), score a random sample of the pooled dev lists in float32 on a CPU, as they are
and after a context of 100 tokens. Prints the largest difference of a text's score, in nats. Exit code 1 when one is
1e-3 or more, 2 when the data is missing.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from common import machine
from rescoring import pooled, with_context

from ger import models
from ger.protocols import LmOptions, ScoreRequest
from llm_backends.transformers import TransformersLM

LIMIT = 1e-3
SMALL: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 128, "n_layer": 3, "n_head": 4},
    "mistral": {
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "sliding_window": 16,
    },
}


def small(kind: str, tokenizer: Path, folder: Path) -> str:
    """A model with random weights in a folder, with the tokenizer of another one."""
    folder.mkdir()
    for file in tokenizer.iterdir():
        if file.suffix in (".json", ".txt", ".jinja") and file.name not in ("config.json", "generation_config.json"):
            shutil.copy(file, folder)
    config = transformers.AutoConfig.for_model(kind, vocab_size=49152, bos_token_id=1, eos_token_id=2, **SMALL[kind])
    torch.manual_seed(3)
    model = transformers.AutoModelForCausalLM.from_config(config).float()
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.1)  # so that every token seen makes a difference
    model.save_pretrained(folder)
    return str(folder)


def alone(lm: TransformersLM, prefix: str, text: str) -> float:
    """The score of a text (nats), by a plain call of the model."""
    item = lm._encode(0, prefix, text)
    ids = torch.tensor([item.ids])
    with torch.inference_mode():
        logits = lm._model(input_ids=ids, use_cache=False).logits[0, :-1]
        logp = logits.gather(-1, ids[0, 1:, None])[:, 0] - torch.logsumexp(logits, dim=-1)
    return float(logp[item.given - 1 :].double().sum())


def worst(lm: TransformersLM, lists: Sequence[ScoreRequest]) -> tuple[int, float]:
    """Number of texts, and the largest difference."""
    assert lm._packed is not None, "scored without trees"
    differences = [
        abs(score - alone(lm, request.prefix, text))
        for request, scores in zip(lists, lm.score(lists), strict=True)
        for text, score in zip(request.continuations, scores, strict=True)
    ]
    return len(differences), max(differences)


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--lists", type=int, default=200)
    parser.add_argument("--model", default=models.DEFAULT_LM)
    args = parser.parse_args()
    folder = args.data / "hyporadise"
    if not folder.is_dir():
        print(f"{folder} is missing: give the folder that holds hyporadise/.", file=sys.stderr)
        return 2
    found = pooled(folder, args.lists)
    print(machine())
    largest = 0.0
    with tempfile.TemporaryDirectory() as temporary:
        tokenizer = models.resolve(models.DEFAULT_LM, "lm").path
        names = {args.model: args.model} | {kind: small(kind, tokenizer, Path(temporary, kind)) for kind in SMALL}
        for shown, name in names.items():
            lm = TransformersLM(LmOptions(model=name, device="cpu", compute_type="float32"))
            cases = {"no context": [ScoreRequest(texts) for texts, _ in found]}
            cases["100 tokens"] = with_context(found, lm._tokenizer)
            for case, lists in cases.items():
                texts, difference = worst(lm, lists)
                largest = max(largest, difference)
                print(f"{shown:24}{case:12}{len(lists):5} lists{texts:6} texts{difference:11.1e} nats", flush=True)
    return int(largest >= LIMIT)


if __name__ == "__main__":
    sys.exit(main())
