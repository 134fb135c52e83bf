"""A filter: lists come in line by line, corrections go out line by line, in order, for as long as lines come.

A thread reads ahead, a bounded number of lines. What has come in by the time the corrector is free is corrected
together, so that a slow source is answered line by line and a fast one in batches. Nothing is kept of what is done.
"""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO

from ger.errors import RecordError
from ger.io.jsonl import dumps, loads
from ger.protocols import Corrector
from ger.types import NBest

__all__ = ["LONGEST", "correct_stream", "pieces"]

#: Bytes that a line may have.
LONGEST = 64_000_000
#: Pieces of the source that are read ahead, and lines that are corrected together.
_AHEAD, _WINDOW = 16, 256
_PIECE = 1 << 16


class _Last(bytes):
    """A last line without an end, which may have been cut off."""


#: A line without its end; `None` for one that is too long.
_Line = bytes | None


def correct_stream(
    corrector: Corrector, chunks: Iterable[bytes], sink: IO[bytes], signature: str, report: Callable[[str], None]
) -> Counter[str]:
    """Correct lines until there are no more.

    A line that holds no list is reported, and goes out as it came in; one of more than `LONGEST` bytes goes out blank.
    Blank lines go out blank.

    Args:
        corrector: The corrector.
        chunks: Lines of JSON, lists, or objects with `id` and `text`, in pieces as they come: see `pieces`.
        sink: Where corrections go; flushed after each batch.
        signature: How corrections are made.
        report: Called with what is wrong with a line.

    Returns:
        How many corrections there were of each decision, and `refused` lines.
    """
    counts: Counter[str] = Counter()
    for first, batch in _batches(chunks):
        rows = [_row(line, number, report) for number, line in enumerate(batch, first)]
        lists = [row for row in rows if isinstance(row, NBest)]
        counts["refused"] += sum(isinstance(row, bytes) and not row.isspace() for row in rows) + batch.count(None)
        made = _corrected(corrector, lists, signature, counts, report)
        sink.write(b"".join(row if isinstance(row, bytes) else next(made) for row in rows))
        sink.flush()
    return counts


def pieces(source: IO[bytes]) -> Iterator[bytes]:
    """What a stream holds, as it comes in."""
    read: Callable[[int], bytes] = getattr(source, "read1", source.read)
    while piece := read(_PIECE):
        yield piece


def _row(line: _Line, number: int, report: Callable[[str], None]) -> NBest | bytes:
    """The list in a line, or the line itself."""
    where = f"standard input, line {number}"
    if line is None:
        report(f"{where}: longer than {LONGEST // 1_000_000} MB. Each line has to be one JSON object.")
    if not line or line.isspace():
        return b"\n"
    try:
        return loads(line, where, cut=isinstance(line, _Last))
    except RecordError as error:
        report(str(error))
        return line.rstrip(b"\r") + b"\n"


def _corrected(
    corrector: Corrector, lists: Sequence[NBest], signature: str, counts: Counter[str], report: Callable[[str], None]
) -> Iterator[bytes]:
    for correction in corrector.correct(lists) if lists else ():
        counts[correction.decision] += 1
        if correction.decision == "failed":
            report(f"{correction.id}: {correction.reason}")
        yield dumps(correction, signature).encode("utf-8", "backslashreplace") + b"\n"


def _batches(chunks: Iterable[bytes]) -> Iterator[tuple[int, list[_Line]]]:
    """The number of the first and the lines that have come in, at least one each time."""
    came: queue.Queue[list[_Line] | BaseException | None] = queue.Queue(_AHEAD)
    threading.Thread(target=_read, args=(chunks, came), name="ger-read", daemon=True).start()
    waiting: list[_Line] = []
    number = 1
    end: BaseException | bool = False
    while waiting or not end:
        while not end and (not waiting or (len(waiting) < _WINDOW and not came.empty())):
            item = came.get()
            if isinstance(item, list):
                waiting += item
            else:
                end = item or True
        batch, waiting = waiting[:_WINDOW], waiting[_WINDOW:]
        if batch:
            yield number, batch
        number += len(batch)
    if isinstance(end, BaseException):
        raise end


def _read(chunks: Iterable[bytes], came: queue.Queue[list[_Line] | BaseException | None]) -> None:
    try:
        for lines in _lines(chunks):
            came.put(lines)
        came.put(None)
    except BaseException as error:  # noqa: BLE001  # raised again where the lines are used
        came.put(error)


def _lines(chunks: Iterable[bytes]) -> Iterator[list[_Line]]:
    """What comes in, cut into lines without their ends."""
    begun: list[bytes] = []
    size = 0
    for chunk in chunks:
        *lines, rest = chunk.split(b"\n")
        if lines:
            size += len(lines[0])
            first = b"".join((*begun, lines[0])) if size <= LONGEST else None
            yield [first, *lines[1:]]
            begun, size = [], 0
        size += len(rest)
        if size <= LONGEST:
            begun.append(rest)
        else:
            begun.clear()
    if size:
        yield [_Last(b"".join(begun)) if size <= LONGEST else None]
