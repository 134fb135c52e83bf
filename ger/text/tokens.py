"""Cutting a text into words for alignment, in scripts with and without spaces."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

__all__ = ["Token", "join", "latest", "places", "spaced", "spaceless", "tokenize", "well_formed"]

# Thai, Lao, Burmese, Khmer, kana, Han: written without spaces, so every character is a word of its own. The marks that
# follow it (combining vowels, punctuation) stay with it.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff66-\uff9f\U00020000-\U000323af"
)
_SPACELESS = re.compile(f"[{_UNSPACED}]")
_TOKEN = re.compile(rf"[{_UNSPACED}][^\w\s]*|[^\s{_UNSPACED}]+")


@dataclass(frozen=True, slots=True)
class Token:
    """One word and whether white space stands before it."""

    text: str
    spaced: bool


def tokenize(text: str) -> list[Token]:
    """The words of a text: what white space separates, and single characters in scripts without spaces."""
    return [Token(text[a:b], a > 0 and text[a - 1].isspace()) for a, b in places(text)]


def places(text: str) -> list[tuple[int, int]]:
    """Where the words of a text begin and end."""
    return [match.span() for match in _TOKEN.finditer(text)]


def join(tokens: Iterable[Token]) -> str:
    """The text of tokens, with single spaces where there was white space."""
    return "".join(f" {token.text}" if token.spaced else token.text for token in tokens).strip()


def latest(text: str, words: int) -> str:
    """The last words of a text, of at most 20 characters each on average."""
    text = text.strip()[-20 * words :] if words else ""
    found = places(text)
    return text[found[-words][0] :] if len(found) > words else text


def spaced(tokens: list[Token]) -> list[Token]:
    """The tokens with a space between words that came from different texts, in scripts that have any."""
    for i in range(1, len(tokens)):
        if not spaceless(tokens[i - 1].text) and not spaceless(tokens[i].text):
            tokens[i] = replace(tokens[i], spaced=True)
    return tokens


def spaceless(text: str) -> bool:
    """Whether a text begins in a script that is written without spaces."""
    return _SPACELESS.match(text) is not None


def well_formed(text: str) -> str:
    """The text with half surrogates, which JSON allows and tokenizers and servers refuse, as replacement characters."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
