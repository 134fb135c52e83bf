"""SubRip: numbered cues; tags in angle brackets and braces, and notes in square brackets, are no speech."""

from __future__ import annotations

from ger.io.documents.core import TextDocument, decoded
from ger.io.documents.cues import blocks, document

__all__ = ["read"]


def read(raw: bytes, name: str) -> TextDocument:
    """Subtitles of a `.srt` file.

    Raises:
        InputError: it is not UTF-8, or a cue has no proper times; names the line.
    """
    text, encode = decoded(raw, name)
    return document("srt", text, blocks(text, name, numbered=True), encode)
