"""STM: `recording channel speaker start end [<label>] text`, a segment a line; `;;` begins a comment."""

from __future__ import annotations

import re

from ger.errors import InputError
from ger.io.documents.core import TextDocument, Unit, decoded, lines_of
from ger.io.documents.rows import number

__all__ = ["read"]

_ROW = re.compile(r"\s*(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)(?:\s+(<[^>\s]*>))?(?:\s+|$)")
#: Of alternatives, `{ x / y }`, the first is what was said, and `@` is none at all.
_MARKUP = re.compile(r"<[^<>]*>|\[[^\[\]]*\]|\(%[^()]*\)|/[^{}/]{0,500}(?=[/}])|(?<!\S)@(?!\S)")
_IGNORED = "IGNORE_TIME_SEGMENT_IN_SCORING"


def read(raw: bytes, name: str) -> TextDocument:
    """The segments of a `.stm` file.

    Raises:
        InputError: it is not UTF-8, or a line is not what it should be; names the line.
    """
    text, encode = decoded(raw, name)
    found: list[tuple[Unit, int, int]] = []
    for at, offset, line in lines_of(text):
        bare = line.rstrip("\r\n")
        if not bare.strip() or bare.startswith(";;"):
            continue
        row = _ROW.match(bare)
        if not row:
            raise InputError(
                f"{name}, line {at}: expected recording, channel, speaker, start, end and text.", "Check the file."
            )
        start, end = number(row[4]), number(row[5])
        if start is None or end is None or end < start:
            raise InputError(f"{name}, line {at}: {row[4]} and {row[5]} are no start and end.", "Times are in seconds.")
        if bare[row.end() :].strip() == _IGNORED:
            continue
        extra = {"label": row[6]} if row[6] else {}
        unit = Unit(str(len(found) + 1), (), start, end, row[3], row[1], channel=row[2], extra=extra)
        found.append((unit, offset + row.end(), offset + len(bare)))
    return TextDocument("stm", text, encode, found, _MARKUP)
