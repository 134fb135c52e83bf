"""How common words are, in the languages of which pyspellchecker has counts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from ger.text.normalize import normalize

__all__ = ["LANGUAGES", "RARE", "Commonness", "commonness"]

#: Languages of pyspellchecker's word lists.
LANGUAGES = ("ar", "de", "en", "es", "eu", "fa", "fr", "it", "lv", "nl", "pt", "ru")
#: A word that is this rare or rarer is one that somebody would list: the 5,000 commonest ones of English are above.
RARE = 6.0
#: What a word counts as in other languages: neither rare nor common.
_UNKNOWN = 6.0
#: A text is taken for English where nobody says what it is if so many of its words are.
_ENGLISH = 0.6
#: One word out of so many that end in an apostrophe and s is that of the word before them.
_OWNED = 20


@dataclass(frozen=True, slots=True, eq=False)
class Commonness:
    """How common the words of a language are.

    Attributes:
        counts: How often each word occurred; empty where nothing is known.
        total: How many words occurred.
        usual: Words that are said without anybody listing them, where that is known.
    """

    counts: Mapping[str, int] = field(default_factory=dict, repr=False)
    total: int = 0
    usual: frozenset[str] = field(default=frozenset(), repr=False)

    def of(self, word: str) -> float:
        """`log(1 + n)` for a word that occurs n times in ten million; 0 for one that is not known.

        Args:
            word: A word without capitals and punctuation.
        """
        if not self.counts:
            return _UNKNOWN
        count = float(self.counts.get(word, 0))
        if not count and word.endswith("'s"):
            count = self.counts.get(word[:-2], 0) / _OWNED
        return math.log1p(1e7 * count / self.total)

    def is_usual(self, word: str) -> bool:
        """Whether a word, or all that it consists of, is among those."""
        return all(part in self.usual for part in word.split())

    def below(self, limit: float) -> list[str]:
        """The words that are less common than this, in alphabetical order."""
        return sorted(word for word in self.counts if self.of(word) < limit)


_NOTHING = Commonness()


def commonness(language: str | None, texts: Iterable[str] = ()) -> Commonness:
    """What is known about the words of a language.

    Args:
        language: A language code; `None` where it is not known.
        texts: Where it is not: what is said in it. English or unknown is what it then is.
    """
    if language is None:
        english = _read("en")
        words = [word for text in texts for word in normalize(text).split()]
        return english if sum(word in english.counts for word in words) >= _ENGLISH * len(words) else _NOTHING
    code = language.lower().replace("_", "-").split("-")[0]
    return _read(code) if code in LANGUAGES else _NOTHING


@lru_cache(maxsize=2)
def _read(code: str) -> Commonness:
    from spellchecker import SpellChecker

    words = SpellChecker(language=code, distance=1).word_frequency
    return Commonness(words.dictionary, words.total_words)
