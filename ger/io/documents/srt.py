"""SubRip: numbered cues; tags in angle brackets and braces, and notes in square brackets, are no speech."""

from __future__ import annotations

from ger.errors import InputError
from ger.io.documents.core import TextDocument, decoded
from ger.io.documents.cues import blocks, document

__all__ = ["read"]


def read(raw: bytes, name: str) -> TextDocument:
    """Subtitles of a `.srt` file.

    Raises:
        InputError: it is not UTF-8, a cue has no proper times, or there is none in what is not empty; names the line.
    """
    text, encode = decoded(raw, name)
    found = blocks(text, name, numbered=True)
    if text.strip() and not found:
        raise InputError(f"{name} holds no cues.", "Write times as 00:00:01,000 --> 00:00:02,500, above each text.")
    return document("srt", text, found, encode)
