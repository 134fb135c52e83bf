"""Whisper's table: start and end in milliseconds and the text, under a header line; tabs between."""

from __future__ import annotations

import re

from ger.errors import InputError
from ger.io.documents.core import TextDocument, Unit, decoded, lines_of
from ger.io.documents.rows import number

__all__ = ["read"]

_HEADER = "start\tend\ttext"
_ROW = re.compile(r"([^\t]*)\t([^\t]*)\t")


def read(raw: bytes, name: str) -> TextDocument:
    """The segments of a `.tsv` file.

    Raises:
        InputError: it is not UTF-8, or a line is not what it should be; names the line.
    """
    text, encode = decoded(raw, name)
    found: list[tuple[Unit, int, int]] = []
    for at, offset, line in lines_of(text):
        bare = line.rstrip("\r\n")
        if at == 1:
            if bare.strip() != _HEADER:
                raise InputError(f"{name}, line 1: expected the columns start, end and text.", "Add them as a header.")
            continue
        if not bare.strip():
            continue
        row = _ROW.match(bare)
        start, end = (number(row[1]), number(row[2])) if row else (None, None)
        if row is None or start is None or end is None or end < start:
            raise InputError(f"{name}, line {at}: expected start, end and text.", "Times are in milliseconds.")
        unit = Unit(str(len(found) + 1), (), start / 1000, end / 1000)
        found.append((unit, offset + row.end(), offset + len(bare)))
    return TextDocument("tsv", text, encode, found)
