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

__all__ = ["correct_stream"]

#: Lines that are read ahead, and lines that are corrected together.
_AHEAD, _WINDOW = 2048, 256


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    raw: bytes


def correct_stream(
    corrector: Corrector, source: Iterable[bytes], sink: IO[bytes], signature: str, report: Callable[[str], None]
) -> Counter[str]:
    """Correct lines until there are no more.

    A line that holds no list is reported, and goes out as it came in. Blank lines go out blank.

    Args:
        corrector: The corrector.
        source: Lines of JSON: lists, or objects with `id` and `text`.
        sink: Where corrections go; flushed after each batch.
        signature: How corrections are made.
        report: Called with what is wrong with a line.

    Returns:
        How many corrections there were of each decision, and `refused` lines.
    """
    counts: Counter[str] = Counter()
    for batch in _batches(source):
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


def _row(line: _Line, report: Callable[[str], None]) -> NBest | bytes:
    """The list in a line, or the line itself."""
    if not line.raw.strip():
        return b"\n"
    try:
        return loads(line.raw, f"standard input, line {line.number}")
    except RecordError as error:
        report(str(error))
        return line.raw.rstrip(b"\r\n") + b"\n"


def _corrected(
    corrector: Corrector, lists: Sequence[NBest], signature: str, counts: Counter[str], report: Callable[[str], None]
) -> Iterator[bytes]:
    for correction in corrector.correct(lists) if lists else ():
        counts[correction.decision] += 1
        if correction.decision == "failed":
            report(f"{correction.id}: {correction.reason}")
        yield dumps(correction, signature=signature).encode("utf-8", "backslashreplace") + b"\n"


def _batches(source: Iterable[bytes]) -> Iterator[list[_Line]]:
    """What has come in, at least one line each time."""
    lines: queue.Queue[_Line | BaseException | None] = queue.Queue(_AHEAD)
    threading.Thread(target=_read, args=(source, lines), name="ger-read", daemon=True).start()
    while (line := lines.get()) is not None:
        batch: list[_Line] = []
        while isinstance(line, _Line):
            batch.append(line)
            if len(batch) == _WINDOW or lines.empty():
                break
            line = lines.get()
        yield batch
        if isinstance(line, BaseException):
            raise line
        if line is None:
            return


def _read(source: Iterable[bytes], lines: queue.Queue[_Line | BaseException | None]) -> None:
    try:
        for number, raw in enumerate(source, 1):
            lines.put(_Line(number, raw))
        lines.put(None)
    except BaseException as error:  # noqa: BLE001  # raised again where the lines are used
        lines.put(error)
