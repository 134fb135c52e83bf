"""Streams of words with times, cut into units at pauses, speakers and ends of sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ger.io.documents.core import Row, Unit
from ger.types import Word

__all__ = ["Timed", "number", "units"]

#: A silence that ends a unit (seconds), and how many words one has at most.
_PAUSE, _MOST = 0.8, 50
_SENTENCE = re.compile(r"[.!?…。！？؟]\W*$")


@dataclass(frozen=True, slots=True)
class Timed:
    """A row with what it belongs to: recording, channel, speaker."""

    row: Row
    owner: tuple[str, ...]


def units(
    rows: Sequence[Timed], recording: int | None = None, speaker: int | None = None, channel: int | None = None
) -> list[tuple[Unit, list[Row]]]:
    """Rows as units, named by number.

    Args:
        rows: All words of a file, in order.
        recording: Which part of the owner is the recording, if one is.
        speaker: Which part is the speaker.
        channel: Which part is the channel.
    """
    made = []
    for number, run in enumerate(_runs(rows), 1):
        words = [timed.row.word for timed in run]
        owner = run[0].owner
        unit = Unit(
            str(number),
            start=next((word.start for word in words if word.start is not None), None),
            end=next((word.end for word in reversed(words) if word.end is not None), None),
            speaker=owner[speaker] if speaker is not None else "",
            recording=owner[recording] if recording is not None else "",
            channel=owner[channel] if channel is not None else "",
        )
        made.append((unit, [timed.row for timed in run]))
    return made


def _runs(rows: Sequence[Timed]) -> Iterator[list[Timed]]:
    run: list[Timed] = []
    for timed in rows:
        if run and (run[-1].owner != timed.owner or _apart(run[-1].row.word, timed.row.word)):
            yield from _short(run)
            run = []
        run.append(timed)
    yield from _short(run)


def _apart(before: Word, after: Word) -> bool:
    return bool(_SENTENCE.search(before.text)) or _gap(before, after) >= _PAUSE


def _gap(before: Word, after: Word) -> float:
    if before.end is None or after.start is None:
        return 0.0
    return after.start - before.end


def _short(run: list[Timed]) -> Iterator[list[Timed]]:
    """A run cut at its longest silences until no part is too long."""
    while len(run) > _MOST:
        half = range(_MOST // 2, _MOST + 1)
        cut = max(half, key=lambda i: (_gap(run[i - 1].row.word, run[i].row.word), i))
        yield run[:cut]
        run = run[cut:]
    if run:
        yield run


def number(text: str) -> float | None:
    """A finite number, if it is one."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < 1e9 else None
