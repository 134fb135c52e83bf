"""How many cores models use, and batches side by side."""

from __future__ import annotations

import os
import threading
import time

import pytest

from ger.cores import aside, cores, shared, side_by_side
from ger.errors import MemoryLimitError


@pytest.mark.parametrize(
    ("told", "usable", "used"),
    [("", 2, 2), ("", 64, 8), ("3", 64, 3), (" 16,4 ", 64, 16), ("0", 2, 2), ("many", 4, 4)],
)
def test_cores(told: str, usable: int, used: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(usable)), raising=False)
    assert cores() == used


def test_cores_where_a_process_cannot_say_which_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores() == 1


@pytest.mark.parametrize(
    ("device", "threads", "made"),
    [("cpu", 1, (1, 1)), ("cpu", 2, (2, 1)), ("cpu", 4, (4, 1)), ("cpu", 9, (4, 2)), ("cuda", 9, (1, 9))],
)
def test_batches_and_threads_of_each(device: str, threads: int, made: tuple[int, int]) -> None:
    assert shared(device, threads) == made


def test_side_by_side() -> None:
    met = threading.Barrier(3, timeout=10)

    def work(number: int) -> int:
        met.wait()
        return 10 * number

    assert side_by_side(work, range(6), 3) == [0, 10, 20, 30, 40, 50]
    assert side_by_side(lambda _: threading.get_ident(), range(3), 1) == [threading.get_ident()] * 3


def test_nothing_is_begun_after_an_error() -> None:
    begun = []

    def work(number: int) -> None:
        begun.append(number)
        time.sleep(0.02)
        raise ValueError(number)

    with pytest.raises(ValueError, match="0"):
        side_by_side(work, range(50), 2)
    assert len(begun) < 10


def test_memory_for_one_at_a_time() -> None:
    met, alone = threading.Barrier(2, timeout=10), threading.get_ident()

    def work(number: int) -> int:
        if threading.get_ident() != alone:
            met.wait()
            if number in (1, 3):
                raise MemoryLimitError("too much", "less")
        return 10 * number

    assert side_by_side(work, range(4), 2) == [0, 10, 20, 30]


def test_memory_for_none() -> None:
    def work(number: int) -> None:
        raise MemoryLimitError(str(number), "less")

    with pytest.raises(MemoryLimitError, match="0"):
        side_by_side(work, range(4), 2)


def test_aside() -> None:
    assert aside(threading.get_ident) != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        aside(lambda: 1 // 0)
