"""CTM: a word a line, `recording channel start duration word [confidence]`; comments, alternatives and noises stay."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ger.errors import InputError
from ger.io.documents.core import Row, decoded, lines_of
from ger.io.documents.rowdoc import RowDocument
from ger.io.documents.rows import Timed, number, units
from ger.types import Word

__all__ = ["read"]

_FIELD = re.compile(r"\S+")
_NOISE = re.compile(r"<[^<>]*>|\[[^\[\]]*\]|\([^()]*\)|@")
_ALT, _ALT_BEGIN, _ALT_END = "<ALT>", "<ALT_BEGIN>", "<ALT_END>"


def read(raw: bytes, name: str) -> RowDocument:
    """The words of a `.ctm` file; of alternatives the first.

    Raises:
        InputError: it is not UTF-8, or a line is not what it should be; names the line.
    """
    text, encode = decoded(raw, name)
    lines, found, skipping = [], [], False
    for at, _, line in lines_of(text):
        lines.append(line)
        fields = line.split()
        if not fields or line.startswith(";;"):
            continue
        if len(fields) >= 5 and fields[4] in (_ALT, _ALT_BEGIN, _ALT_END):
            skipping = fields[4] == _ALT
            continue
        word = _word(fields, f"{name}, line {at}")
        if not skipping and not _NOISE.fullmatch(fields[4]):
            found.append(Timed(Row(at - 1, word), (fields[0], fields[1])))
    return RowDocument("ctm", lines, encode, units(found, recording=0, channel=1), _line)


def _word(fields: Sequence[str], where: str) -> Word:
    if len(fields) < 5:
        raise InputError(f"{where}: expected recording, channel, start, duration and word.", "Check the file.")
    start, duration = number(fields[2]), number(fields[3])
    if start is None or duration is None:
        raise InputError(f"{where}: {fields[2]} and {fields[3]} are no start and duration.", "Times are in seconds.")
    if duration < 0:
        raise InputError(f"{where}: the duration is negative.", "Correct it.")
    return Word(fields[4], start, start + duration, number(fields[5]) if len(fields) > 5 else None)


def _line(line: str, word: Word, same: bool) -> str:
    """The line of another word; the white space and further columns are those of the line it is made from."""
    at = [match.span() for match in _FIELD.finditer(line)]
    new = {4: word.text}
    if word.start is not None and word.end is not None:
        start = _like(word.start, line[slice(*at[2])])
        end = _like(word.end, start)  # as the next word may begin there
        new |= {2: start, 3: _like(float(end) - float(start), line[slice(*at[3])])}
    if word.confidence is not None and len(at) > 5:
        new[5] = _like(word.confidence, line[slice(*at[5])])
    for column in sorted(new, reverse=True):
        line = line[: at[column][0]] + new[column] + line[at[column][1] :]
    return line


def _like(value: float, text: str) -> str:
    """A number with as many decimals as another; not below 0."""
    return f"{max(0.0, value):.{len(text.partition('.')[2])}f}"
