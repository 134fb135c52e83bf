"""What several callers want done, done together: what has come in while the last batch ran is the next one."""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from queue import Full, SimpleQueue
from typing import Any, Generic, ParamSpec, Protocol, TypeVar

from ger.errors import UsageError

__all__ = ["Batcher", "OneThread", "Run", "here"]

_PATIENCE = 0.25  # seconds that items wait for others that are expected, at most

_In = TypeVar("_In")
_Out = TypeVar("_Out")
_Made = TypeVar("_Made")
_Given = ParamSpec("_Given")


class Batcher(Generic[_In, _Out]):
    """Does the work of several threads in one, in batches, first come first served.

    Nothing waits for a batch to fill: a single item is done at once, unless others are expected (`expect`). A batch
    that fails is done again in halves, so that only the items fail that must.

    Args:
        work: What is done: takes items, gives a result for each, in order. It is called in one thread only.
        most: Items of a batch at most.
        bound: Items that wait at most; then callers wait, too.
        name: Name of the thread.
    """

    def __init__(
        self, work: Callable[[Sequence[_In]], Sequence[_Out]], *, most: int = 64, bound: int = 1024, name: str = "batch"
    ) -> None:
        self._work, self._most, self._bound, self._name = work, most, bound, name
        self._waiting: deque[tuple[_In, Future[_Out]]] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._expected, self._until = 0, 0.0
        #: Batches and items that were done, or are being done: whoever has a result finds it counted.
        self.batches = self.items = 0

    @property
    def waiting(self) -> int:
        """Items that are in no batch yet."""
        return len(self._waiting)

    def submit(self, item: _In, timeout: float | None = None) -> Future[_Out]:
        """Have something done; the future has what comes of it. Cancelling the future takes it out of the queue.

        Args:
            item: The item.
            timeout: Seconds to wait for room in the queue; for ever when left out.

        Raises:
            queue.Full: there was no room.
            UsageError: it was closed.
        """
        future: Future[_Out] = Future()
        until = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while len(self._waiting) >= self._bound and not self._closed:
                left = None if until is None else until - time.monotonic()
                if left is not None and left <= 0:
                    raise Full
                self._changed.wait(left)
            if self._closed:
                raise UsageError(f"The {self._name} is closed.", "Make another one.")
            self._waiting.append((item, future))
            self._expected = max(0, self._expected - 1)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"ger-{self._name}", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return future

    def expect(self, count: int = 1, seconds: float = _PATIENCE) -> None:
        """So many more items are about to be submitted; what is there already waits for them, but not for longer."""
        with self._changed:
            self._expected += count
            self._until = max(self._until, time.monotonic() + seconds)

    def close(self) -> None:
        """Take nothing more, finish what was taken, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        while taken := self._take():
            batch = [(item, future) for item, future in taken if future.set_running_or_notify_cancel()]
            if batch:
                self.batches += 1
                self.items += len(batch)
                self._do(batch)

    def _take(self) -> list[tuple[_In, Future[_Out]]]:
        """What is there, at least one item; nothing when there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            full, left = min(self._most, self._bound), min(_PATIENCE, self._until - time.monotonic())
            self._changed.wait_for(lambda: not self._expected or len(self._waiting) >= full or self._closed, left)
            if time.monotonic() >= self._until:
                self._expected = 0
            taken = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
            self._changed.notify_all()
        return taken

    def _do(self, batch: Sequence[tuple[_In, Future[_Out]]]) -> None:
        try:
            made = self._work([item for item, _ in batch])
            if len(made) != len(batch):
                raise ValueError(f"{len(made)} results for {len(batch)} items")
        except Exception as error:  # noqa: BLE001  # raised again where the result is used
            if len(batch) == 1:
                batch[0][1].set_exception(error)
                return
            middle = len(batch) // 2
            self._do(batch[:middle])
            self._do(batch[middle:])
            return
        for (_, future), result in zip(batch, made, strict=True):
            future.set_result(result)


class Run(Protocol):
    """Does something, and gives what comes of it."""

    def __call__(self, work: Callable[_Given, _Made], /, *args: _Given.args, **kwargs: _Given.kwargs) -> _Made:
        """Do it."""


class OneThread:
    """Does what any thread wants done in a thread of its own, one after another in the order in which it came.

    Models should be loaded and run like this: OpenMP keeps helping threads for each thread that runs one, and where
    there are more of these than cores, all of them wait for each other in a slower way.
    """

    def __init__(self) -> None:
        self._queue: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        # A daemon: an interrupted program ends without waiting for a batch.
        threading.Thread(target=_do_all, args=(self._queue,), name="ger-models", daemon=True).start()
        weakref.finalize(self, self._queue.put, None)

    def __call__(self, work: Callable[_Given, _Made], /, *args: _Given.args, **kwargs: _Given.kwargs) -> _Made:
        """Wait until it is done; what it raises is raised here."""
        future: Future[_Made] = Future()
        self._queue.put((future, partial(work, *args, **kwargs)))
        return future.result()


def _do_all(queue: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]) -> None:
    while todo := queue.get():
        future, work = todo
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001  # raised again where the result is waited for
            future.set_exception(error)
        del todo, future, work  # or what they hold would stay until there is more to do


def here(work: Callable[_Given, _Made], /, *args: _Given.args, **kwargs: _Given.kwargs) -> _Made:
    """Do it at once, in this thread."""
    return work(*args, **kwargs)
