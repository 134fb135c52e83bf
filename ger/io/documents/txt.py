"""Plain text: an utterance a line, called by the number of the line."""

from __future__ import annotations

from ger.io.documents.core import TextDocument, Unit, decoded, lines_of

__all__ = ["read"]


def read(raw: bytes, name: str) -> TextDocument:
    """The lines of a text file; blank ones are none.

    Raises:
        InputError: it is not UTF-8; names the line.
    """
    text, encode = decoded(raw, name)
    rows = ((at, offset, line.rstrip("\r\n")) for at, offset, line in lines_of(text))
    found = [(Unit(str(at), closed=True), offset, offset + len(bare)) for at, offset, bare in rows if bare.strip()]
    return TextDocument("txt", text, encode, found)
