"""What the backends that run on torch share: batches, lack of memory and precision."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from ger.device import is_memory
from ger.errors import MemoryLimitError, ModelError, UsageError
from ger.registry import suggest

__all__ = ["Batched", "attempt", "dtype_of"]

_DTYPES = ("float32", "bfloat16", "float16")
_T = TypeVar("_T")
_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


class Batched:
    """A backend that runs its model on batches of at most `_budget` tokens, padding included."""

    _name: str
    _budget: int

    def _each(
        self,
        items: Iterable[_Item],
        length: Callable[[_Item], int],
        run: Callable[[list[_Item]], Sequence[_Made]],
    ) -> Iterator[tuple[_Item, _Made]]:
        """Each item and what the model makes of it; a batch that does not fit in memory is halved, for good.

        Args:
            items: Long ones first.
            length: Tokens of an item.
            run: Runs the model on a batch.

        Raises:
            ModelError: the model failed.
            MemoryLimitError: memory did not suffice for one item.
        """
        batch: list[_Item] = []
        for item in items:
            if batch and (len(batch) + 1) * length(batch[0]) > self._budget:
                yield from self._halved(batch, length, run)
                batch = []
            batch.append(item)
        if batch:
            yield from self._halved(batch, length, run)

    def _halved(
        self, batch: list[_Item], length: Callable[[_Item], int], run: Callable[[list[_Item]], Sequence[_Made]]
    ) -> list[tuple[_Item, _Made]]:
        """A batch, halved as often as memory asks for; the budget is then that of the halves."""
        longest = length(batch[0])
        made = attempt(partial(run, batch), f"{self._name}, {longest} tokens", alone=len(batch) == 1)
        if made is not None:
            return list(zip(batch, made, strict=True))
        middle = len(batch) // 2
        self._budget = min(self._budget, middle * longest)
        return [pair for half in (batch[:middle], batch[middle:]) for pair in self._halved(half, length, run)]


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
        if not is_memory(error):
            raise ModelError(f"{what}: the language model failed: {error}.") from error
        if alone:
            raise MemoryLimitError(f"{what}: not enough memory.", "Use a smaller model or shorter segments.") from error
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None


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
