"""Kaldi's `text`: an id and its words, an utterance a line."""

from __future__ import annotations

import re

from ger.io.documents.core import TextDocument, Unit, decoded, lines_of
from ger.io.lists_text import Ids

__all__ = ["read"]

_ROW = re.compile(r"\s*(\S+)[ \t]*")


def read(raw: bytes, name: str) -> TextDocument:
    """The utterances of a Kaldi text file.

    Raises:
        InputError: it is not UTF-8, or an id is there twice; names the line.
    """
    text, encode = decoded(raw, name)
    ids, found = Ids(name), []
    for at, offset, line in lines_of(text):
        bare = line.rstrip("\r\n")
        if row := _ROW.match(bare):
            unit = Unit(ids.add(row[1], f"line {at}"), closed=True)
            found.append((unit, offset + row.end(), offset + len(bare)))
    return TextDocument("kaldi", text, encode, found, gap=" ")
