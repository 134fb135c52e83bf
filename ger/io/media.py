"""Which files are audio and video, and what is said where text is expected."""

from __future__ import annotations

import os

from ger.errors import InputError

__all__ = ["SUFFIXES", "check_text", "is_media"]

_MEDIA = """
    3g2 3gp aac ac3 aif aifc aiff amr ape asf au avi awb caf dts eac3 flac flv gsm m2ts m4a m4b m4v mka mkv mov mp1 mp2
    mp3 mp4 mpeg mpg mpga mts mxf oga ogg ogv opus ra sln snd sph spx tta voc w64 wav wave weba webm wma wmv wv
"""

#: Extensions of audio and video files, in lower case.
SUFFIXES = frozenset(f".{name}" for name in _MEDIA.split())

#: How files of audio and video begin; a zero byte follows soon.
_BEGINNINGS = (b"fLaC", b"RIFF", b"OggS", b"ID3", b"FORM", b"\x1aE\xdf\xa3")


def is_media(path: str | os.PathLike[str]) -> bool:
    """Whether a file is audio or video by its name."""
    return os.path.splitext(path)[1].lower() in SUFFIXES


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
    if begins or is_media(path):
        raise InputError(
            f"{name} is audio or video, and what a recognizer has written is needed here.",
            "Recognize it first: ger transcribe FILE -o lists.jsonl",
        )
