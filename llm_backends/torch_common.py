"""What the backends that run on torch share: batches, lack of memory and precision."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from ger.device import device_of, is_memory
from ger.errors import DependencyError, MemoryLimitError, ModelError, UsageError
from ger.models import resolve
from ger.protocols import LmOptions
from ger.registry import suggest

__all__ = ["Batched", "Loaded", "attempt", "dtype_of", "loaded", "reason"]

_DTYPES = ("float32", "bfloat16", "float16")
_MUCH = 1.2  # times as fast bfloat16 has to be to be taken on a CPU
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


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model of transformers, ready to run.

    Attributes:
        name: What identifies it.
        shown: What it is called in messages.
        device: Where it is.
        dtype: In which precision.
        tokenizer: Its tokenizer.
        model: The model.
    """

    name: str
    shown: str
    device: str
    dtype: str
    tokenizer: Any
    model: Any


def loaded(options: LmOptions, kind: str, what: str, example: str) -> Loaded:
    """A model that has no default.

    Args:
        options: What it is made with.
        kind: The class of transformers that loads it.
        what: What it is, in words.
        example: What to do where none is named.

    Raises:
        DependencyError: torch or transformers is not installed.
        ModelError: the model cannot be found or loaded.
        UsageError: no model is named, or the device or the precision is not to be had here.
    """
    try:
        import torch
        import transformers
    except ImportError as error:
        raise DependencyError("torch or transformers", "transformers") from error
    if not options.model:
        raise UsageError(f"No {what} is named.", example)
    local = resolve(options.model, "lm")
    transformers.utils.logging.disable_progress_bar()
    if options.threads:
        torch.set_num_threads(options.threads)
    device = device_of(options.device)
    dtype = dtype_of(options.compute_type, device)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(local.path, local_files_only=True)
        model = getattr(transformers, kind).from_pretrained(
            local.path, dtype=getattr(torch, dtype), local_files_only=True
        )
    except Exception as error:  # whatever transformers, safetensors and tokenizers raise
        raise ModelError(
            f"{local.name}: the {what} cannot be loaded: {reason(error)}.",
            "For a causal model leave the backend at transformers.",
        ) from error
    return Loaded(local.identity, local.name, device, dtype, tokenizer, model.to(device).eval())


def reason(error: Exception) -> str:
    """What an error of transformers says before it goes on with all that could have been, without the full stop."""
    return str(error).strip().split("\n")[0].rstrip(".")


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
    """Whether this CPU multiplies bfloat16 matrices faster than float32 ones; takes some 50 ms.

    What counts is the time of one thread on the processor, so that it does not depend on what else the machine does:
    all runs are to have the same scores.
    """
    import torch

    def seconds(dtype: torch.dtype) -> float:
        a, b = torch.ones(128, 576, dtype=dtype), torch.ones(576, 1536, dtype=dtype)
        times = []
        for _ in range(4):
            start = time.thread_time()
            torch.mm(a, b)
            times.append(time.thread_time() - start)
        return min(times)

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _MUCH * seconds(torch.bfloat16) < seconds(torch.float32)
    finally:
        torch.set_num_threads(threads)
