"""What the backends that run on torch share: lack of memory and precision."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from ger.errors import MemoryLimitError, ModelError, UsageError
from ger.registry import suggest

__all__ = ["attempt", "dtype_of"]

_DTYPES = ("float32", "bfloat16", "float16")
_T = TypeVar("_T")


def attempt(run: Callable[[], _T], what: str, *, alone: bool) -> _T | None:
    """What `run` returns; `None` where memory did not suffice for what can still be split.

    Args:
        run: One call of a model.
        what: The model and the work, for messages.
        alone: Whether the work cannot be split.

    Raises:
        ModelError: the model failed.
        MemoryLimitError: memory did not suffice for what cannot be split.
    """
    import torch

    try:
        return run()
    except (RuntimeError, MemoryError) as error:
        if not _is_memory(error):
            raise ModelError(f"{what}: the language model failed: {error}.") from error
        if alone:
            raise MemoryLimitError(f"{what}: not enough memory.", "Use a smaller model or shorter segments.") from error
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None


def _is_memory(error: BaseException) -> bool:
    import torch

    said = str(error).lower()  # on a CPU: "DefaultCPUAllocator: not enough memory" or "can't allocate memory"
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "out of memory" in said or "alloc" in said


def dtype_of(name: str, device: str) -> str:
    """The precision asked for, or the fastest safe one: bfloat16 on a GPU, on a CPU whichever is quicker there.

    Raises:
        UsageError: there is no such precision.
    """
    if name == "auto":
        return "bfloat16" if device == "cuda" or _bfloat16_is_faster() else "float32"
    if name not in _DTYPES:
        raise UsageError(f"The precision {name!r} is not known to transformers.", suggest(name, _DTYPES))
    return name


def _bfloat16_is_faster() -> bool:
    """Whether this CPU multiplies bfloat16 matrices faster than float32 ones; takes some 20 ms."""
    import torch

    def seconds(dtype: torch.dtype) -> float:
        a, b = torch.ones(128, 576, dtype=dtype), torch.ones(576, 1536, dtype=dtype)
        times = []
        for _ in range(4):
            start = time.perf_counter()
            torch.mm(a, b)
            times.append(time.perf_counter() - start)
        return min(times)

    return seconds(torch.bfloat16) < seconds(torch.float32)
