"""A filter: lists come in line by line, corrections go out line by line, in order, for as long as lines come.

A thread reads ahead, a bounded number of lines. What has come in by the time the corrector is free is corrected
together, so that a slow source is answered line by line and a fast one in batches. Nothing is kept of what is done.
"""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from ger.errors import RecordError
from ger.io.jsonl import dumps, loads
from ger.protocols import Corrector
from ger.types import NBest

__all__ = ["correct_stream", "pieces"]

#: Pieces of the source that are read ahead, and lines that are corrected together.
_AHEAD, _WINDOW = 16, 256
_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    raw: bytes


def correct_stream(
    corrector: Corrector, chunks: Iterable[bytes], sink: IO[bytes], signature: str, report: Callable[[str], None]
) -> Counter[str]:
    """Correct lines until there are no more.

    A line that holds no list is reported, and goes out as it came in. Blank lines go out blank.

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
    for batch in _batches(chunks):
        lists: list[NBest] = []
        rows: list[NBest | bytes] = []
        for line in batch:
            row = _row(line, report)
            rows.append(row)
            lists += [row] if isinstance(row, NBest) else []
            counts["refused"] += isinstance(row, bytes) and bool(row.strip())
        made = iter(_corrected(corrector, lists, signature, counts, report))
        sink.write(b"".join(row if isinstance(row, bytes) else next(made) for row in rows))
        sink.flush()
    return counts


def pieces(source: IO[bytes]) -> Iterator[bytes]:
    """What a stream holds, as it comes in."""
    read: Callable[[int], bytes] = getattr(source, "read1", source.read)
    while piece := read(_PIECE):
        yield piece


def _row(line: _Line, report: Callable[[str], None]) -> NBest | bytes:
    """The list in a line, or the line itself."""
    if not line.raw.strip():
        return b"\n"
    try:
        return loads(line.raw, f"standard input, line {line.number}")
    except RecordError as error:
        report(str(error))
        return line.raw.rstrip(b"\r") + b"\n"


def _corrected(
    corrector: Corrector, lists: Sequence[NBest], signature: str, counts: Counter[str], report: Callable[[str], None]
) -> Iterator[bytes]:
    for correction in corrector.correct(lists) if lists else ():
        counts[correction.decision] += 1
        if correction.decision == "failed":
            report(f"{correction.id}: {correction.reason}")
        yield dumps(correction, signature=signature).encode("utf-8", "backslashreplace") + b"\n"


def _batches(chunks: Iterable[bytes]) -> Iterator[list[_Line]]:
    """Lines that have come in, at least one each time."""
    came: queue.Queue[list[bytes] | BaseException | None] = queue.Queue(_AHEAD)
    threading.Thread(target=_read, args=(chunks, came), name="ger-read", daemon=True).start()
    waiting: list[bytes] = []
    number = 0
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
            yield [_Line(number + i, raw) for i, raw in enumerate(batch, 1)]
        number += len(batch)
    if isinstance(end, BaseException):
        raise end


def _read(chunks: Iterable[bytes], came: queue.Queue[list[bytes] | BaseException | None]) -> None:
    """Cut what comes in into lines."""
    try:
        rest = b""
        for chunk in chunks:
            *lines, rest = (rest + chunk).split(b"\n")
            if lines:
                came.put(lines)
        if rest:
            came.put([rest])
        came.put(None)
    except BaseException as error:  # noqa: BLE001  # raised again where the lines are used
        came.put(error)
