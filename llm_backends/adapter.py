"""PEFT adapters, merged into the weights of their model."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from ger.errors import ModelError
from ger.train.lora import going_on

__all__ = ["digest", "merged"]

_CONFIG = "adapter_config.json"
_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
_HINT = "Give the folder that `ger train` or peft's `save_pretrained` wrote, and the model it was trained on."


def digest(folder: Path) -> str:
    """`NAME@` and 8 hex digits that depend on an adapter's settings and weights.

    Raises:
        ModelError: it is no folder of an adapter.
    """
    files = [folder / _CONFIG, *(path for name in _WEIGHTS if (path := folder / name).is_file())]
    if not files[0].is_file() or len(files) == 1:
        raise ModelError(f"{folder}: this is no folder of a PEFT adapter.", _HINT)
    whole = hashlib.sha256()
    for path in files:
        try:
            whole.update(hashlib.sha256(path.read_bytes()).digest())
        except OSError as error:
            raise ModelError(f"{path}: the adapter cannot be read: {error.strerror}.") from error
    return f"{folder.resolve().name}@{whole.hexdigest()[:8]}"


def merged(model: Any, folder: Path) -> Any:
    """The model, which is changed, with the adapter in its weights.

    Args:
        model: A model of transformers in float32, so that nothing is lost in the sum.
        folder: The adapter.

    Raises:
        DependencyError: peft is not installed.
        ModelError: the adapter cannot be read or was made for another model.
    """
    return going_on(model, folder).merge_and_unload()
