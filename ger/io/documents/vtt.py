"""WebVTT: cues with names, settings and voices; notes, styles and regions between them stay as they are."""

from __future__ import annotations

import html
import re

from ger.errors import InputError
from ger.io.documents.core import TextDocument, decoded
from ger.io.documents.cues import blocks, document

__all__ = ["read"]

_HEADER = re.compile(r"WEBVTT(?:[ \t][^\r\n]*)?(?:[\r\n]|$)")
_VOICE = re.compile(r"<v(?:\.[^ \t>]*)?[ \t]+([^<>]+)>")


def read(raw: bytes, name: str) -> TextDocument:
    """Subtitles of a `.vtt` file; the voice of a cue is its speaker.

    Raises:
        InputError: it is not UTF-8, does not begin with WEBVTT, or a cue has no proper times; names the line.
    """
    text, encode = decoded(raw, name)
    if not _HEADER.match(text):
        raise InputError(f"{name}, line 1: a WebVTT file begins with WEBVTT.", "Call it .srt if it is SubRip.")
    return document("vtt", text, blocks(text, name, numbered=False), encode, entities=True, speaker=_speaker)


def _speaker(text: str) -> str:
    voice = _VOICE.search(text)
    return html.unescape(voice[1].strip()) if voice else ""
