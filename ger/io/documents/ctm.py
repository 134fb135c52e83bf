"""CTM: a word a line, `recording channel start duration word [confidence]`; comments, alternatives and noises stay."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ger.errors import InputError
from ger.io.documents.core import Row, decoded, lines_of
from ger.io.documents.rowdoc import RowDocument
from ger.io.documents.rows import Timed, number, units
from ger.types import Word

__all__ = ["read"]

_FIELD = re.compile(r"\S+")
_NOISE = re.compile(r"<[^<>]*>|\[[^\[\]]*\]|\([^()]*\)|@")
#: Decimals of times that are written, at most; a file has as many as its finest time.
_FINEST = 6
_ALT, _ALT_BEGIN, _ALT_END = "<ALT>", "<ALT_BEGIN>", "<ALT_END>"


def read(raw: bytes, name: str) -> RowDocument:
    """The words of a `.ctm` file; of alternatives the first.

    Raises:
        InputError: it is not UTF-8, or a line is not what it should be; names the line.
    """
    text, encode = decoded(raw, name)
    lines, found, skipping, decimals = [], [], False, 0
    for at, _, line in lines_of(text):
        lines.append(line)
        fields = line.split()
        if not fields or line.startswith(";;"):
            continue
        if len(fields) >= 5 and fields[4] in (_ALT, _ALT_BEGIN, _ALT_END):
            skipping = fields[4] == _ALT
            continue
        word = _word(fields, f"{name}, line {at}")
        decimals = max(decimals, *map(_decimals, fields[2:4]))
        if not skipping and not _NOISE.fullmatch(fields[4]):
            found.append(Timed(Row(at - 1, word), (fields[0], fields[1])))
    return RowDocument("ctm", lines, encode, units(found, recording=0, channel=1), _Lines(min(decimals, _FINEST)).made)


def _word(fields: Sequence[str], where: str) -> Word:
    if len(fields) < 5:
        raise InputError(f"{where}: expected recording, channel, start, duration and word.", "Check the file.")
    start, duration = number(fields[2]), number(fields[3])
    if start is None or duration is None:
        raise InputError(f"{where}: {fields[2]} and {fields[3]} are no start and duration.", "Times are in seconds.")
    if duration < 0:
        raise InputError(f"{where}: the duration is negative.", "Correct it.")
    return Word(fields[4], start, start + duration, number(fields[5]) if len(fields) > 5 else None)


@dataclass(frozen=True, slots=True)
class _Lines:
    """How lines of other words are written.

    Attributes:
        decimals: Those of times.
    """

    decimals: int

    def made(self, line: str, word: Word, same: bool) -> str:
        """The line of another word; the white space and further columns are those of the line it is made from."""
        at = [match.span() for match in _FIELD.finditer(line)]
        new = {4: word.text}
        if word.start is not None and word.end is not None:
            start, end = (round(time, self.decimals) for time in (word.start, word.end))  # the next one may begin there
            new |= {i: self._time(time, line[slice(*at[i])]) for i, time in ((2, start), (3, end - start))}
        if word.confidence is not None and len(at) > 5:
            sure = line[slice(*at[5])]
            new[5] = f"{max(0.0, word.confidence):.{_decimals(sure)}f}"
        for column in sorted(new, reverse=True):
            line = line[: at[column][0]] + new[column] + line[at[column][1] :]
        return line

    def _time(self, time: float, old: str) -> str:
        """A time, not below 0; as it was where it is the same."""
        text = f"{max(0.0, time):.{self.decimals}f}"
        return old if float(text) == number(old) else text


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])
