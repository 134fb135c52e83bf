"""Written form: when are two stretches of text the same words, written otherwise?

`one thousand, nine hundred and eighty-seven` and `nineteen eighty seven`, `d c` and `dc`, `non stop` and `nonstop`,
`colour` and `color`. The rules for numbers, spellings and abbreviations are English; those for spaces, hyphens, case
and punctuation hold in any language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from ger.evaluate.numbers import NUMBER_WORDS, SYMBOLS, is_number, rewrite
from ger.evaluate.spelling import ABBREVIATIONS, american

__all__ = ["FORM_CLASSES", "atoms", "form_class", "number_like", "numeric", "same_form", "written"]

#: Kinds of differences in written form.
FORM_CLASSES = ("number", "abbreviation", "compound", "spelling", "punctuation")

_PIECES = re.compile(r"[$£€¢%]|\d[\d,]*(?:\.\d+)?|\.\d+|[^\W\d_]+(?:['’][^\W\d_]+)*", re.UNICODE)
_ORDINALS = {
    "first": "one", "second": "two", "third": "three", "fifth": "five", "eighth": "eight", "ninth": "nine",
    "twelfth": "twelve", **{word.removesuffix("y") + "ieth": word for word in NUMBER_WORDS if word.endswith("ty")},
}  # fmt: skip
_PLURALS = {word.removesuffix("y") + "ies": word for word in NUMBER_WORDS if word.endswith("ty")}
_GLUED = re.compile(rf"(\w*?)({'|'.join(sorted(NUMBER_WORDS, key=len, reverse=True))})(st|nd|rd|th|s|am|pm|)")
_ENDINGS = {"st", "nd", "rd", "th"}
# Words that can belong to a number without being one.
_AROUND = {"and", "point", "o", "oh", "a", "p", "m", "am", "pm", "per", "-th"}


@lru_cache(maxsize=1 << 16)
def atoms(word: str) -> tuple[str, ...]:
    """The parts of a word that mean something: `$twenty-seventh` is `$`, `twenty`, `seven`, `-th`."""
    text = unicodedata.normalize("NFKC", word).lower().replace("’", "'")
    parts: list[str] = []
    for piece in _PIECES.findall(text if any(map(str.isdigit, text)) else text.replace(".", "")):
        parts += _parts(piece, parts)
    return tuple(parts)


def _parts(piece: str, before: list[str]) -> list[str]:
    if piece[-1].isdigit():
        return [piece.replace(",", "") if piece[0] != "." else f"0{piece}"]
    if piece in _ENDINGS and before and before[-1].isdigit():
        return ["-th"]
    if piece in _ORDINALS:
        return [_ORDINALS[piece], "-th"]
    if piece in _PLURALS:
        return [_PLURALS[piece], "s"]
    glued = _GLUED.fullmatch(piece)
    if glued:
        ending = "-th" if glued[3] in _ENDINGS else glued[3]
        return [part for part in (glued[1], glued[2], ending) if part]
    return [american(ABBREVIATIONS.get(piece, piece))]


@lru_cache(maxsize=1 << 16)
def number_like(word: str) -> bool:
    """Whether a word holds a number or a symbol that goes with one."""
    return any(is_number(atom) or atom in SYMBOLS for atom in atoms(word))


@lru_cache(maxsize=1 << 16)
def numeric(word: str) -> bool:
    """Whether a word is a number or can belong to one."""
    return number_like(word) or any(atom in _AROUND for atom in atoms(word))


@lru_cache(maxsize=1 << 16)
def written(words: tuple[str, ...]) -> str:
    """The form in which all written forms of the same words are equal: no spaces, numbers in figures."""
    found = [atom for word in words for atom in atoms(word)]
    if any(is_number(atom) for atom in found):
        return rewrite(found).replace(" ", "").replace("-th", "th")
    return "".join(found)


def same_form(a: Sequence[str], b: Sequence[str]) -> bool:
    """Whether two stretches of words are the same but for written form."""
    return written(tuple(a)) == written(tuple(b))


def form_class(a: Sequence[str], b: Sequence[str]) -> str:
    """Why two stretches of words of the same form look different, one of `FORM_CLASSES`."""
    left, right = (list(filter(None, map(_bare, words))) for words in (a, b))
    if left == right:
        return "punctuation"
    if "".join(map(_letters, left)) == "".join(map(_letters, right)):
        return "abbreviation" if _spelled(left) or _spelled(right) else "compound"
    if any(map(str.isdecimal, written(tuple(a)))):
        return "number"
    return "abbreviation" if any(word in ABBREVIATIONS for word in left + right) else "spelling"


def _spelled(words: Sequence[str]) -> bool:
    """Whether several letters stand by themselves."""
    return sum(len(word) == 1 and word.upper() != word for word in words) > 1


def _bare(word: str) -> str:
    """A word in lower case with its hyphens and apostrophes, without other marks."""
    return "".join(char for char in word.lower() if char.isalnum() or char in "-'").strip("-'")


def _letters(word: str) -> str:
    return "".join(filter(str.isalnum, word))
