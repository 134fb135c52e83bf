"""Work on a batch that memory may not suffice for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from ger.errors import MemoryLimitError, ModelError
from ger.types import AudioSegment

__all__ = ["Job", "in_memory"]


class Job(Protocol):
    """Something made of a segment."""

    segment: AudioSegment


_Job = TypeVar("_Job", bound=Job)


def in_memory(
    work: Callable[[list[_Job]], None],
    jobs: list[_Job],
    *,
    device: str,
    is_memory: Callable[[BaseException], bool],
    errors: tuple[type[Exception], ...] = (RuntimeError, MemoryError),
    title: str = "The recognizer",
) -> None:
    """Do one batch; halved as often as memory asks for.

    Args:
        work: Fills the jobs it is given; safe to be done again.
        jobs: The batch.
        device: Where it runs, for messages.
        is_memory: Whether an error is about a lack of memory.
        errors: What the recognizer raises when it breaks, or memory does not suffice.
        title: What it is called in messages.

    Raises:
        MemoryLimitError: not enough memory, even for one segment.
        ModelError: the recognizer broke.
    """
    try:
        work(jobs)
        return
    except errors as error:
        if not is_memory(error):
            raise ModelError(f"{title} failed: {error}.") from error
        if len(jobs) == 1:
            raise MemoryLimitError(
                f"{jobs[0].segment.id}: not enough memory on {device}.", "Use a smaller model or beam."
            ) from error
    middle = len(jobs) // 2
    for half in (jobs[:middle], jobs[middle:]):
        in_memory(work, half, device=device, is_memory=is_memory, errors=errors, title=title)
