"""Batches across callers."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from queue import Full

import pytest

from ger.batcher import Batcher, OneThread, here
from ger.errors import UsageError


class Work:
    """Doubles numbers; waits for `go`, and fails on negative ones."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = threading.Event()
        self.calls: list[list[int]] = []
        self.go.set()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.calls.append(list(items))
        self.begun.set()
        assert self.go.wait(10)
        if any(item < 0 for item in items):
            raise ValueError("negative")
        return [2 * item for item in items]

    @contextmanager
    def held(self, batcher: Batcher[int, int]) -> Iterator[None]:
        """While the first item is being done."""
        self.go.clear()
        self.begun.clear()
        batcher.submit(0)
        assert self.begun.wait(10)
        yield
        self.go.set()


def test_what_came_in_while_a_batch_ran_is_the_next_one() -> None:
    work = Work()
    batcher = Batcher(work, most=3)
    with work.held(batcher):
        futures = [batcher.submit(i) for i in range(1, 6)]
    assert [future.result(10) for future in futures] == [2, 4, 6, 8, 10]
    batcher.close()
    assert work.calls == [[0], [1, 2, 3], [4, 5]]
    assert (batcher.batches, batcher.items, batcher.waiting) == (3, 6, 0)


def test_a_failing_batch_fails_only_those_that_must() -> None:
    work = Work()
    batcher = Batcher(work)
    with work.held(batcher):
        futures = [batcher.submit(item) for item in (1, 2, -3, 4, 5, 6)]
    batcher.close()
    assert [future.exception(10) is None for future in futures] == [True, True, False, True, True, True]
    assert [future.result() for i, future in enumerate(futures) if i != 2] == [2, 4, 8, 10, 12]
    with pytest.raises(ValueError, match="negative"):
        futures[2].result()


def test_whoever_has_a_result_finds_it_counted() -> None:
    work, counted = Work(), list[tuple[int, int]]()
    batcher = Batcher(work)
    with work.held(batcher):
        for future in [batcher.submit(item) for item in (1, 2, 3)]:
            future.add_done_callback(lambda _: counted.append((batcher.batches, batcher.items)))
    batcher.close()
    assert counted == [(2, 4)] * 3


def test_work_that_loses_results_is_told() -> None:
    batcher = Batcher[int, int](lambda items: [])
    with pytest.raises(ValueError, match="0 results for 1 items"):
        batcher.submit(1).result(10)
    batcher.close()


def test_closing_finishes_what_was_taken_and_takes_nothing_more() -> None:
    work = Work()
    batcher = Batcher(work)
    with work.held(batcher):
        futures = [batcher.submit(i) for i in range(100)]
        closing = threading.Thread(target=batcher.close)
        closing.start()
        while not batcher._closed:
            pass
        with pytest.raises(UsageError, match="is closed"):
            batcher.submit(1)
    closing.join(10)
    assert [future.result(0) for future in futures] == [2 * i for i in range(100)]
    batcher.close()
    Batcher(work).close()


def test_a_full_queue_lets_callers_wait() -> None:
    work = Work()
    batcher = Batcher(work, bound=2)
    with work.held(batcher):
        batcher.submit(1)
        batcher.submit(2)
        for timeout in (0, 0.01):
            with pytest.raises(Full):
                batcher.submit(3, timeout=timeout)
        made: list[int] = []
        waiting = threading.Thread(target=lambda: made.append(batcher.submit(4).result(10)))
        waiting.start()
    waiting.join(10)
    batcher.close()
    assert made == [8]


def test_what_is_cancelled_is_not_done() -> None:
    work = Work()
    batcher = Batcher(work)
    with work.held(batcher):
        gone, stays = batcher.submit(1), batcher.submit(2)
        assert gone.cancel()
    assert stays.result(10) == 4
    with pytest.raises(CancelledError):
        gone.result(0)
    batcher.close()
    assert work.calls == [[0], [2]]


def test_what_is_there_waits_for_what_is_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ger.batcher._PATIENCE", 10)
    work = Work()
    batcher = Batcher(work, most=4)
    batcher.expect(2, 10)
    first = batcher.submit(1)
    time.sleep(0.05)
    assert not first.done()
    assert [batcher.submit(2).result(10), first.result(10)] == [4, 2]
    batcher.expect(9, 10)  # a full batch does not wait
    assert [future.result(10) for future in [batcher.submit(number) for number in range(4)]] == [0, 2, 4, 6]
    last = batcher.submit(5)
    batcher.close()
    assert last.result(10) == 10
    assert work.calls == [[1, 2], [0, 1, 2, 3], [5]]


def test_what_is_there_does_not_wait_for_long() -> None:
    batcher = Batcher(Work())
    batcher.expect(1, 0.02)
    time.sleep(0.03)
    batcher.expect(2, 0.01)
    assert batcher.submit(1).result(10) == 2
    assert batcher._expected == 0  # nothing waits once more for what did not come
    batcher.close()


def test_one_thread_does_what_all_threads_want_one_after_another() -> None:
    run, busy, order = OneThread(), threading.Lock(), []

    def work(number: int) -> int:
        assert busy.acquire(blocking=False)
        time.sleep(0.01)
        order.append((number, threading.get_ident()))
        busy.release()
        return number

    with ThreadPoolExecutor(5) as pool:
        assert list(pool.map(lambda number: run(work, number), range(10))) == list(range(10))
    assert sorted(number for number, _ in order) == list(range(10))
    assert len({thread for _, thread in order}) == 1
    with pytest.raises(ZeroDivisionError):
        run(divmod, 1, 0)
    assert here(divmod, 7, 2) == (3, 1)


def test_the_one_thread_ends_and_keeps_nothing() -> None:
    run = OneThread()
    thread = run(threading.current_thread)
    held = Work()
    gone = weakref.ref(held)
    run(held, [1])
    del held
    run(time.sleep, 0)
    gc.collect()
    assert gone() is None
    assert thread.is_alive()
    del run
    thread.join(10)
    assert not thread.is_alive()
