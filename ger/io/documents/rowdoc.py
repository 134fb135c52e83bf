"""Text files with a word a line, whose lines change, come and go with the words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from ger.io.documents.core import Change, Document, Row, Unit
from ger.io.documents.items import Items
from ger.text.align import carry_times
from ger.types import Word

__all__ = ["RowDocument"]

_END = re.compile(r"(?:\r\n?|\n)\Z")


class RowDocument(Document):
    """A text file with a word a line; a line may hold several words of a script without spaces.

    Args:
        format: Name of the format.
        lines: The lines, with their ends.
        encode: Makes bytes of the changed text.
        units: Units, still without words, each with its rows.
        write: Makes the line, without its end, of a new word: from the line of a word beside it or in its place, the
            new word, and whether that is in its place.
    """

    def __init__(
        self,
        format: str,
        lines: Sequence[str],
        encode: Callable[[str], bytes],
        units: Sequence[tuple[Unit, Sequence[Row]]],
        write: Callable[[str, Word, bool], str],
    ) -> None:
        self.format = format
        self._lines, self._encode, self._write = list(lines), encode, write
        self._open = bool(lines) and not _END.search(lines[-1])
        if self._open:  # until it is written: it may not be the last one then
            end = _END.search(lines[0])
            self._lines[-1] += end[0] if end else "\n"
        self._rows = [[row.line for row in rows] for _, rows in units]
        self._items = [Items([row.word.text for row in rows]) for _, rows in units]
        self.units = tuple(
            replace(unit, words=tuple(_words(items, rows)))
            for (unit, rows), items in zip(units, self._items, strict=True)
        )

    def _written(self, changes: Mapping[int, Sequence[Change]]) -> bytes:
        lines = list(self._lines)
        for unit, own in changes.items():
            rows, items = self._rows[unit], self._items[unit].changed(own)
            for row in rows:
                lines[row] = ""
            at = rows[0]
            for item in items:
                at = at if item.old is None else rows[item.old]
                lines[at] += self._line(at, item.word, item.old is not None) if item.word else self._lines[at]
        text = "".join(lines)
        return self._encode(_END.sub("", text) if self._open else text)

    def _line(self, like: int, word: Word, same: bool) -> str:
        line = self._lines[like]
        bare = line.rstrip("\r\n")
        return self._write(bare, word, same) + line[len(bare) :]


def _words(items: Items, rows: Sequence[Row]) -> Iterator[Word]:
    """The words of rows; those of one row share its time."""
    for at, texts in items.by_item():
        word = rows[at].word
        yield from carry_times([word], " ".join(texts)) if texts[1:] else (replace(word, text=texts[0]),)
