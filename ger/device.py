"""Where torch runs, and whether it ran out of memory there."""

from __future__ import annotations

from ger.errors import DependencyError, UsageError

__all__ = ["device_of", "is_memory"]


def device_of(name: str) -> str:
    """`cpu` or `cuda`: the device asked for, or for `auto` a GPU if there is one.

    Raises:
        DependencyError: torch is not installed.
        UsageError: there is no such device.
    """
    try:
        import torch
    except ImportError as error:
        raise DependencyError("torch", "transformers") from error
    if name not in ("auto", "cpu", "cuda"):
        raise UsageError(f"The device {name!r} is not known.", "Use auto, cpu or cuda.")
    if name == "cuda" and not torch.cuda.is_available():
        raise UsageError("No CUDA device was found.", "Use --device cpu.")
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name


def is_memory(error: BaseException) -> bool:
    """Whether an error that torch raised is about a lack of memory."""
    import torch

    said = str(error).lower()  # on a CPU: "DefaultCPUAllocator: not enough memory" or "can't allocate memory"
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "out of memory" in said or "alloc" in said
