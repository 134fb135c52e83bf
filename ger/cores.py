"""The cores of a machine, shared among batches of models that CTranslate2 runs on a CPU.

A step of a search is too small for several cores: with two of them it can take longer than with one. So each core
works on batches of its own, and all of them read the same weights.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ger.errors import MemoryLimitError

__all__ = ["aside", "cores", "shared", "side_by_side"]

_CORES = 8  # that are used without being asked for, at most
_BATCHES = 4  # at the same time, at most: memory grows with them

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def cores() -> int:
    """Threads for a model on a CPU unless told otherwise: as OMP_NUM_THREADS says, or a core each, up to eight."""
    told = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if told.isdecimal() and int(told):
        return int(told)
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(_CORES, usable)


def shared(device: str, threads: int) -> tuple[int, int]:
    """How many batches are worked on at the same time, and with how many threads each.

    Args:
        device: `cpu`; anything else works on one batch at a time.
        threads: Threads in all; 0 to choose.
    """
    threads = threads or cores()
    batches = min(_BATCHES, threads) if device == "cpu" else 1
    return batches, threads // batches


def side_by_side(work: Callable[[_In], _Out], items: Iterable[_In], count: int) -> list[_Out]:
    """What comes of the items; so many are worked on at the same time.

    Where memory does not suffice for that, items are done again, each alone. The first other error is raised once what
    had been begun is done; nothing more is begun after it.

    Args:
        work: What is done; safe to be done again.
        items: The items.
        count: How many at a time.

    Raises:
        MemoryLimitError: memory does not suffice for one item alone.
    """
    todo = list(items)
    if count == 1 or len(todo) < 2:
        return [work(item) for item in todo]

    def tried(item: _In) -> tuple[_Out] | None:
        try:
            return (work(item),)
        except MemoryLimitError:
            return None

    with ThreadPoolExecutor(count, thread_name_prefix="ger-core") as pool:
        done = list(pool.map(tried, todo))
    return [work(item) if one is None else one[0] for item, one in zip(todo, done, strict=True)]


def aside(load: Callable[[], _Out]) -> _Out:
    """Load a model in a thread that does nothing else.

    CTranslate2 tells OpenMP how many threads it wants, and torch, where it runs in the same thread, would have them.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(load).result()
