"""How figures and symbols in a name are spoken: `GPT-4` is said as `gpt four`, `C++` as `c plus plus`. In English."""

from __future__ import annotations

import re
from collections.abc import Callable

from ger.text.normalize import normalize

__all__ = ["TENS", "UP_TO_NINETEEN", "spoken"]

#: Names of numbers: those up to nineteen, and the tens from twenty.
UP_TO_NINETEEN = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SYMBOLS = {"+": " plus ", "&": " and ", "%": " percent ", "@": " at ", "#": " sharp "}
#: A point that is spoken, as in `.NET` and `Node.js`; not that of an abbreviation.
_DOT = re.compile(r"(?<!\w\.\w)\.(?=[^\W\d_]{2})")
_FIGURES = re.compile(r"\d+")


def spoken(text: str) -> tuple[str, ...]:
    """What may be said for a text with figures or symbols, without case and punctuation; nothing where it has none.

    Figures are read in pairs (`nineteen eighty four`), or one by one where they are more than four or that differs.
    """
    written = _DOT.sub(" dot ", "".join(_SYMBOLS.get(c, c) for c in text))
    if written == text and not _FIGURES.search(text):
        return ()
    ways, plain = (normalize(_read(written, read)) for read in (_paired, _single)), normalize(text)
    return tuple(way for way in dict.fromkeys(ways) if way and way != plain)


def _read(text: str, read: Callable[[str], str]) -> str:
    """The text with its figures as words."""
    return _FIGURES.sub(lambda match: f" {read(match.group())} ", text)


def _paired(figures: str) -> str:
    if len(figures) > 4:
        return _single(figures)
    if len(figures) > 2:
        return f"{_paired(figures[:-2])} {_paired(figures[-2:])}"
    value = int(figures)
    if figures[0] == "0" and len(figures) == 2:
        return _single(figures)
    if value < 20:
        return UP_TO_NINETEEN[value]
    return f"{TENS[value // 10 - 2]} {UP_TO_NINETEEN[value % 10] if value % 10 else ''}"


def _single(figures: str) -> str:
    return " ".join(UP_TO_NINETEEN[int(figure)] for figure in figures)
