"""icefall's `recogs`: `id:<TAB>ref=['A', 'B']`, `id:<TAB>hyp=['A', 'C']`, `id:<TAB>timestamp_hyp=[0.08, …]`."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ger.errors import InputError
from ger.io.documents.core import Change, Document, Unit, decoded, joined, lines_of
from ger.io.documents.items import Item, Items
from ger.io.lists_text import Ids
from ger.types import Word

__all__ = ["Icefall", "read"]

_ROW = re.compile(r"(\S[^\t\r\n]*):\t(ref|hyp|timestamp_ref|timestamp_hyp)=(?=\[)")

#: The time of a word: its start, or its start and end (seconds).
_Time = float | tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Row:
    """A line: its number from 0, where its list begins in it, and the list."""

    line: int
    begins: int
    items: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Utterance:
    """The words of `hyp`, and the times beside them."""

    hyp: _Row
    items: Items
    times: _Row | None


class Icefall(Document):
    """See the top of this file and `ger.io.documents.core.Document`.

    `ref` is the reference. The times in `timestamp_hyp` follow the words where there is one for each.

    Raises:
        InputError: a line is not what it should be, or an utterance has no `hyp`; names the line.
    """

    format = "icefall"

    def __init__(self, raw: bytes, name: str) -> None:
        text, self._encode = decoded(raw, name)
        self._lines = [line for _, _, line in lines_of(text)]
        rows = _rows(self._lines, name)
        for key, own in rows.items():
            if "hyp" not in own:
                line = next(iter(own.values())).line + 1
                raise InputError(f"{name}, line {line}: {key!r} has no hyp.", "The file may be cut off.")
        made = [_unit(key, own) for key, own in rows.items()]
        self.units = tuple(unit for unit, _ in made)
        self._utterances = [utterance for _, utterance in made]

    def _written(self, changes: Mapping[int, Sequence[Change]]) -> bytes:
        lines = list(self._lines)
        for unit, own in changes.items():
            utterance = self._utterances[unit]
            items = utterance.items.changed(own)
            _put(lines, utterance.hyp, [item.text for item in items], repr)
            if utterance.times:
                _put(lines, utterance.times, _times(utterance.times.items, items), _timed)
        return self._encode("".join(lines))


def _rows(lines: Sequence[str], name: str) -> dict[str, dict[str, _Row]]:
    """The lines by id and by what they tell."""
    found: dict[str, dict[str, _Row]] = {}
    ids = {kind: Ids(name) for kind in ("ref", "hyp", "timestamp_ref", "timestamp_hyp")}
    for i, line in enumerate(lines):
        if not line.strip():
            continue
        where = f"{name}, line {i + 1}"
        row = _ROW.match(line)
        if not row:
            raise InputError(f"{where}: expected ID:<TAB>ref=[…] or hyp=[…].", "Give a recogs file of icefall.")
        items = _items(line[row.end() :], row[2].startswith("timestamp"), where)
        ids[row[2]].add(row[1], f"line {i + 1}")
        found.setdefault(row[1], {})[row[2]] = _Row(i, row.end(), items)
    return found


def _items(text: str, times: bool, where: str) -> tuple[Any, ...]:
    """A list as Python writes it, of texts or of times."""
    try:
        items = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        items = None
    if not isinstance(items, list) or not all(map(_is_time if times else _is_text, items)):
        what = "times" if times else "words"
        raise InputError(f"{where}: expected a list of {what}, found {text.strip()[:40]!r}.", "It may be cut off.")
    return tuple(items)


def _is_text(item: Any) -> bool:
    return isinstance(item, str)


def _is_time(item: Any) -> bool:
    if isinstance(item, tuple):
        return len(item) == 2 and not any(isinstance(time, tuple) for time in item) and all(map(_is_time, item))
    return isinstance(item, int | float) and not isinstance(item, bool) and abs(item) < 1e9


def _unit(key: str, rows: Mapping[str, _Row]) -> tuple[Unit, _Utterance]:
    hyp, times = rows["hyp"], rows.get("timestamp_hyp")
    if times and len(times.items) != len(hyp.items):
        times = None
    items = Items(hyp.items)
    words = [word for i, texts in items.by_item() for word in _words(texts, times.items[i] if times else None)]
    reference = joined([item for item in rows["ref"].items if item]) if "ref" in rows else None
    return Unit(key, tuple(words), closed=True, reference=reference), _Utterance(hyp, items, times)


def _words(texts: Sequence[str], time: _Time | None) -> Iterator[Word]:
    """The words of an item; they share its time."""
    for k, text in enumerate(texts):
        if isinstance(time, tuple):
            step = (time[1] - time[0]) / len(texts)
            yield Word(text, time[0] + k * step, time[0] + (k + 1) * step)
        else:
            yield Word(text, time)


def _times(old: Sequence[_Time], items: Sequence[Item]) -> list[_Time]:
    """Times for changed items; one that came without a time has that of the item before."""
    made: list[_Time] = []
    for item in items:
        like = old[item.old] if item.old is not None else made[-1] if made else next(iter(old), 0.0)
        made.append(_time(item.word, like) if item.word else like)
    return made


def _time(word: Word, like: _Time) -> _Time:
    """The time of a word in the form of another, or that one where it has none."""
    if word.start is None:
        return like
    if not isinstance(like, tuple):
        return word.start
    return word.start, max(word.start, like[1] if word.end is None else word.end)


def _put(lines: list[str], row: _Row, items: Sequence[Any], write: Callable[[Any], str]) -> None:
    """Write a list again."""
    line = lines[row.line]
    old = line[row.begins :].rstrip()
    comma = ", " if ", " in old or "," not in old else ","
    lines[row.line] = line[: row.begins] + f"[{comma.join(map(write, items))}]" + line[row.begins + len(old) :]


def _timed(time: Any) -> str:
    return f"({time[0]:.3f}, {time[1]:.3f})" if isinstance(time, tuple) else f"{time:.3f}"


def read(raw: bytes, name: str) -> Icefall:
    """See `Icefall`."""
    return Icefall(raw, name)
