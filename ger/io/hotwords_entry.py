"""One hotword out of a file: what it may be."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable

from ger.hotwords import Hotword

__all__ = ["Entry", "EntryError", "entry", "plain", "weight_of"]

#: A hotword, and the recording that it is for; empty for all.
Entry = tuple[Hotword, str]

_WORDS, _CHARACTERS = 100, 1000


class EntryError(ValueError):
    """Something is no hotword; says why, to be read behind what it is."""


def entry(text: str, weight: float = 1.0, sounds: Iterable[str] = ()) -> Hotword:
    """A hotword with its text on one line.

    Raises:
        EntryError: it is too long or says nothing, or its weight is not above 0.
    """
    text = plain(text)
    if not (text[:1].isalnum() or any(map(str.isalnum, text))):
        raise EntryError("has no letter and no digit")
    if len(text) > _CHARACTERS or text.count(" ") >= _WORDS:
        raise EntryError(f"is longer than {_WORDS} words or {_CHARACTERS} characters")
    if not (weight > 0 and math.isfinite(weight)):
        raise EntryError(f"has the weight {weight:g}, which should be above 0")
    return Hotword(text, float(weight), tuple(dict.fromkeys(filter(None, map(plain, sounds)))) if sounds else ())


def plain(text: str) -> str:
    """A text on one line, single spaces between its words; control characters are white space."""
    if not text.isprintable():
        text = "".join(" " if unicodedata.category(char) in ("Cc", "Cs") else char for char in text)
    return " ".join(text.split())


def weight_of(value: object) -> float:
    """A weight as it stands in a file; 1 where there is none.

    Raises:
        EntryError: it is no number.
    """
    if value is None or value == "":
        return 1.0
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise EntryError(f"has the weight {value!r}, which should be a number")
    try:
        return float(value)
    except ValueError:
        raise EntryError(f"has the weight {value!r}, which should be a number") from None
