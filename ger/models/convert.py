"""GGUF files to folders that transformers loads at once.

Loading a GGUF takes transformers tens of seconds each time, so it is done once. The weights are kept as float32, which
is what they are dequantized to: rounded to bfloat16 or float16, log-probabilities would move (SmolLM2-135M in Q4_1, one
sentence: by up to 0.18 and 0.04 nats).
"""

from __future__ import annotations

import io
from contextlib import redirect_stderr
from importlib import import_module
from pathlib import Path

from ger.errors import DependencyError, ModelError

__all__ = ["CONVERTER", "convert_gguf"]

#: Written into manifests and part of a model's identity; a change of the result needs a new number.
CONVERTER = "gguf-float32-1"


def convert_gguf(gguf: Path, target: Path) -> None:
    """Write what `gguf` holds into the folder `target`: safetensors (float32), configuration, tokenizer.

    Raises:
        DependencyError: transformers, gguf or accelerate is missing.
        ModelError: transformers cannot read the file.
    """
    try:
        for needed in ("gguf", "accelerate"):  # transformers asks for them later and less clearly
            import_module(needed)
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise DependencyError(error.name or "transformers", "transformers") from error
    source, name = str(gguf.parent), gguf.name
    try:
        with redirect_stderr(io.StringIO()):  # progress bars
            loaded = AutoModelForCausalLM.from_pretrained(source, gguf_file=name, dtype=torch.float32)
            tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=name)
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(
            f"{gguf} cannot be converted: {reason}", "Use a model in safetensors format: a hub id or a folder."
        ) from error
    # The loaded model remembers that it was quantized and refuses to be saved; a fresh one with its weights does not.
    weights, config = loaded.state_dict(), loaded.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    fresh = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    fresh.load_state_dict(weights)
    with redirect_stderr(io.StringIO()):  # progress bars
        fresh.save_pretrained(target)
        tokenizer.save_pretrained(target)
