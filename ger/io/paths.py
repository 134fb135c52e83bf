"""File names as text: names are bytes, and not every name is valid UTF-8 or fits on one line."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

__all__ = ["beside", "named_from", "printable", "utf8"]

# Control characters, half surrogates, line and paragraph separators; the bidirectional controls are format characters.
_HIDDEN = frozenset(["Cc", "Cs", "Zl", "Zp"])
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def utf8(path: str | os.PathLike[str]) -> str:
    r"""A path for a record: unchanged where it is valid UTF-8, else with the odd bytes written as `\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def printable(path: str | os.PathLike[str]) -> str:
    r"""A path for a message: on one line, with line breaks and other control characters written as `\n`."""
    return "".join(_shown(char) for char in utf8(path))


def beside(file: Path, name: str) -> str:
    """What a file means by a name in it: what lies beside it, else the name as it is."""
    found = file.parent / name
    return str(found) if name and os.path.exists(found) else name


def named_from(file: Path, name: str) -> str:
    """The name by which a file can say what a name means here, wherever it is read: see `beside`.

    What exists here is named from the folder of the file where it lies in it, else absolutely; other names are no
    files and stay.
    """
    if not name or not os.path.exists(path := os.path.expanduser(name)):
        return name
    path, folder = os.path.abspath(path), os.path.abspath(file.parent)
    return os.path.relpath(path, folder) if os.path.commonpath([path, folder]) == folder else path


def _shown(char: str) -> str:
    if unicodedata.category(char) in _HIDDEN or char in _BIDI:
        return char.encode("unicode_escape").decode("ascii")
    return char
