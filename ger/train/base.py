"""The model that an adapter is trained on."""

from __future__ import annotations

import importlib.util
from typing import Any

from ger.device import device_of
from ger.errors import DependencyError, UsageError
from ger.models import LocalModel
from ger.train.adapter import causal_model
from ger.train.adapter_options import AdapterOptions

__all__ = ["start", "use_checkpoints"]


def start(options: AdapterOptions, base: LocalModel) -> tuple[Any, Any]:
    """A causal language model, where it is trained and as precise as wanted, and its tokenizer.

    Raises:
        DependencyError: torch or transformers is not installed, or bitsandbytes for 4 bits.
        ModelError: the model cannot be loaded.
        UsageError: the device is not to be had, or 4 bits are wanted without a GPU.
    """
    import torch

    device = device_of(options.device)
    dtype = torch.bfloat16 if options.half else torch.float32
    if not options.four_bit:
        model, tokenizer = causal_model(base.path, base.name, {"dtype": dtype})
        return model.to(device), tokenizer
    _check_four_bit(device)
    import transformers

    quantized = transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )
    return causal_model(base.path, base.name, {"quantization_config": quantized, "device_map": device, "dtype": dtype})


def use_checkpoints(model: Any, name: str) -> None:
    """Have a model compute its activations twice instead of keeping them.

    Raises:
        UsageError: it cannot.
    """
    enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
    try:
        enable({"use_reentrant": False})
    except ValueError as error:
        raise UsageError(f"{name}: {error}", "Leave out checkpointing.") from error


def _check_four_bit(device: str) -> None:
    if device != "cuda":
        raise UsageError("four_bit needs a GPU, and none is used here.", "Leave it out, or train where there is one.")
    if importlib.util.find_spec("bitsandbytes") is None:
        raise DependencyError("bitsandbytes", "four-bit")
