"""GGUF files to folders that transformers loads at once, and those to folders of CTranslate2.

Loading a GGUF takes transformers tens of seconds each time, so it is done once. The weights are kept as float32, which
is what they are dequantized to: rounded to bfloat16 or float16, log-probabilities would move (SmolLM2-135M in Q4_1, one
sentence: by up to 0.18 and 0.04 nats).
"""

from __future__ import annotations

import io
import shutil
from contextlib import redirect_stderr
from importlib import import_module
from pathlib import Path

from ger.errors import DependencyError, ModelError

__all__ = ["CONTEXT_FILE", "CONVERTER", "CT2_CONVERTER", "convert_ctranslate2", "convert_gguf"]

#: Written into manifests and part of a model's identity; a change of the result needs a new number.
CONVERTER = "gguf-float32-1"
#: The same of `convert_ctranslate2`.
CT2_CONVERTER = "ctranslate2-1"

#: What a model's own configuration is called beside that of CTranslate2, which does not tell its context.
CONTEXT_FILE = "transformers_config.json"
_BESIDE = ("*.jinja", "generation_config.json", "merges.txt", "special_tokens_map.json", "tokenizer*", "vocab.*")


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


def convert_ctranslate2(source: Path, target: Path, quantization: str) -> None:
    """Write a causal language model for CTranslate2 into the folder `target`, with its tokenizer.

    Args:
        source: The model in transformers format.
        target: An empty folder.
        quantization: How weights are kept, such as `int8`.

    Raises:
        DependencyError: ctranslate2 or transformers with torch is missing.
        ModelError: CTranslate2 does not know models of this kind.
    """
    try:
        import torch  # noqa: F401  # CTranslate2 asks for it later and less clearly
        from ctranslate2.converters import TransformersConverter
    except ImportError as error:
        raise DependencyError(error.name or "ctranslate2", "ctranslate2") from error
    try:
        with redirect_stderr(io.StringIO()):  # progress bars
            TransformersConverter(str(source)).convert(str(target), quantization=quantization, force=True)
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(
            f"{source.name} cannot be converted for CTranslate2: {reason}.", "Use the transformers backend."
        ) from error
    for path in (path for pattern in _BESIDE for path in source.glob(pattern)):
        shutil.copyfile(path, target / path.name)
    shutil.copyfile(source / "config.json", target / CONTEXT_FILE)
