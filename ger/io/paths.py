"""File names as text: names are bytes, and not every name is valid UTF-8 or fits on one line."""

from __future__ import annotations

import os
import unicodedata

__all__ = ["printable", "utf8"]

# Control characters, half surrogates, line and paragraph separators; the bidirectional controls are format characters.
_HIDDEN = frozenset(["Cc", "Cs", "Zl", "Zp"])
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def utf8(path: str | os.PathLike[str]) -> str:
    r"""A path for a record: unchanged where it is valid UTF-8, else with the odd bytes written as `\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def printable(path: str | os.PathLike[str]) -> str:
    r"""A path for a message: on one line, with line breaks and other control characters written as `\n`."""
    return "".join(_shown(char) for char in utf8(path))


def _shown(char: str) -> str:
    if unicodedata.category(char) in _HIDDEN or char in _BIDI:
        return char.encode("unicode_escape").decode("ascii")
    return char
