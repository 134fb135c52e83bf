"""Text normalization: when do two texts count as the same?

`basic` does, in this order:

1. compatibility forms are unified (Unicode NFKC: `ﬁ` is `fi`, full-width `Ａ` is `A`) and case is folded (`ß` is `ss`);
2. `’`, `‘` and `ʼ` become `'`;
3. hyphens, dashes, slashes and underscores become a space, and so does any other mark between two digits (`3.5`, `1/2`
   and `10:30` are not `35`, `12` and `1030`), but for a comma before a group of three digits (`10,000` is `10000`);
4. all other punctuation, symbols, control and zero-width characters and variation selectors are dropped, so `U.S.` is
   `us`; apostrophes inside a word stay (`don't`), at its edges they go (`'tis`, `dogs'`);
5. white space is collapsed to single spaces and stripped.

Letters, digits and combining marks of every script are kept. Numbers are not spelled out and no word is replaced.

`whisper-english` is the English normalizer of Radford et al., "Robust speech recognition via large-scale weak
supervision" (2023), appendix C, which most published results of Whisper go through: numbers in figures, American
spelling, contractions written out, hesitations dropped. It needs the package whisper-normalizer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import version

from ger.errors import DependencyError, UnknownNameError
from ger.registry import suggest

__all__ = ["NORMALIZERS", "normalize", "normalizer", "signature"]

_APOSTROPHES = "’‘ʼ"
_SEPARATORS = "/_\u2044"
# A mark between two digits, but not the comma of a group of three: 3.5, 1/2, 10:30; not 10,000.
_BETWEEN_DIGITS = re.compile(r"(?<=\d)(?!,\d{3}(?!\d))[^\w\s'](?=\d)")
_EDGE_APOSTROPHE = re.compile(r"(?<![^\s'])'|'(?![^\s'])")


class _Table(dict[int, str | None]):
    """What `str.translate` does with a character, worked out when it is first met."""

    def __missing__(self, code: int) -> str | None:
        self[code] = result = _translation(chr(code))
        return result


def _translation(char: str) -> str | None:
    """The character itself, a space, an apostrophe or nothing."""
    category = unicodedata.category(char)
    if char in _APOSTROPHES or char == "'":
        return "'"
    if char.isspace() or category == "Pd" or char in _SEPARATORS:
        return " "
    if category[0] in "PS" or category in ("Cc", "Cf", "Cs") or _is_variation_selector(char):
        return None
    return char


def _is_variation_selector(char: str) -> bool:
    return "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"


_TABLE = _Table()


def _space_if_dropped(match: re.Match[str]) -> str:
    mark = match.group()
    return " " if _TABLE[ord(mark)] is None else mark


def _none(text: str) -> str:
    return text


def _basic(text: str) -> str:
    text = _fold(text)
    text = _BETWEEN_DIGITS.sub(_space_if_dropped, text).translate(_TABLE)
    if "'" in text:
        text = _EDGE_APOSTROPHE.sub("", text)
    # Dropping a mark can bring a letter and a combining mark together: fold once more.
    return " ".join(text.split()) if text.isascii() else " ".join(_fold(text).split())


def _fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _whisper_english(text: str) -> str:
    return _load_whisper_english()(text).strip()


@lru_cache(maxsize=1)
def _load_whisper_english() -> Callable[[str], str]:
    try:
        from whisper_normalizer.english import EnglishTextNormalizer
    except ImportError as error:
        raise DependencyError("whisper-normalizer", "evaluate") from error
    made: Callable[[str], str] = EnglishTextNormalizer()
    return made


#: The normalizers by name.
NORMALIZERS: dict[str, Callable[[str], str]] = {"none": _none, "basic": _basic, "whisper-english": _whisper_english}


def normalizer(name: str) -> Callable[[str], str]:
    """The normalizer of that name, ready for use.

    Raises:
        UnknownNameError: there is none.
        DependencyError: it needs a package that is not installed.
    """
    try:
        found = NORMALIZERS[name]
    except KeyError:
        raise UnknownNameError(f"There is no normalizer called {name!r}.", suggest(name, NORMALIZERS)) from None
    if found is _whisper_english:
        _load_whisper_english()
    return found


def signature(name: str) -> str:
    """The name of a normalizer with what its results depend on: the version of the package that does the work."""
    return f"{name}-{version('whisper-normalizer')}" if name == "whisper-english" else name


def normalize(text: str, name: str = "basic") -> str:
    """The form of a text in which equal texts are equal strings.

    Args:
        text: Any text.
        name: `basic` (see the top of this file), `none` or `whisper-english`.

    Raises:
        UnknownNameError: there is no normalizer of that name.
        DependencyError: it needs a package that is not installed.
    """
    return normalizer(name)(text)
