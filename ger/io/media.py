"""Audio and video where text is expected."""

from __future__ import annotations

import os
from pathlib import Path

from ger.errors import InputError
from ger.io.inputs import MEDIA_SUFFIXES

__all__ = ["check_text"]

#: How files of audio and video begin; a zero byte follows soon.
_BEGINNINGS = (b"fLaC", b"RIFF", b"OggS", b"ID3", b"FORM", b"\x1aE\xdf\xa3")


def check_text(path: str | os.PathLike[str], first: bytes, name: str) -> None:
    """See that a file is no audio, by its name and its first line.

    Args:
        path: The file.
        first: Its first line.
        name: What errors call it.

    Raises:
        InputError: it is audio.
    """
    begins = first[4:8] == b"ftyp" or (first.startswith(_BEGINNINGS) and b"\0" in first)
    if begins or Path(path).suffix.lower() in MEDIA_SUFFIXES:
        raise InputError(
            f"{name} is audio or video, and what a recognizer has written is needed here.",
            "Recognize it first: ger transcribe FILE -o lists.jsonl",
        )
