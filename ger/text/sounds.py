"""Which words sound alike: a key for the sound of a word, out of its letters.

The rules are those of English spelling, in the spirit of Philips' Metaphone (1990), but vowels count, too: `fares` and
`fairs`, `write` and `right`, `knew` and `new` have the same key. Accents are dropped; words in other scripts than the
Latin one are their own key, so that the likeness of two of them is that of their letters.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from rapidfuzz.distance import Levenshtein

from ger.text.normalize import normalize

__all__ = ["likeness", "sound"]

#: What letters stand for, tried in this order. Upper case is sound: A E I O U the long vowels, and S in `ship`,
#: C in `chip`, T in `thin`, N in `ring`.
_RULES = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in [
        (r"'", ""),
        (r"(.)\1+", r"\1\1"),
        # Silent letters.
        (r"^(?:kn|gn|pn)", "n"),
        (r"^wr", "r"),
        (r"^ps", "s"),
        (r"^wh(?=o(?!a|i))", "h"),
        (r"^x", "z"),
        (r"wh", "w"),
        (r"mb(?=s?$)", "m"),
        (r"mn(?=s?$)", "m"),
        (r"(?<=[aou])l(?=[km]s?$)|(?<=ou)l(?=d$)", ""),
        (r"(?<=s)t(?=le|en$)", ""),
        (r"(?<=[aeiou])gn(?=s?$|ed$)", "ghn"),
        # Vowels spelled with consonants.
        (r"eigh|aigh", "A"),
        (r"igh(?=t|n|s?$)|ighe", "I"),
        (r"(?:ou|au)ght", "ot"),
        (r"ough$", "O"),
        (r"augh(?=$|s|e)", "af"),
        (r"gh(?=[aeiou])", "g"),
        (r"gh", ""),
        # Consonants.
        (r"ph", "f"),
        (r"tch|ch", "C"),
        (r"sch|sh|[st]i(?=on|ous|al)", "S"),
        (r"ci(?=ous|al|an)", "S"),
        (r"th", "T"),
        (r"ng(?![aeiou])|n(?=k)", "N"),
        (r"dg(?=[eiy])", "j"),
        (r"(?<!^)g(?=[eiy])|^ge(?=n|r|o)|^gy", "j"),
        (r"(?<=[aeiouAEIOU])se(?=s?$)", "ze"),
        (r"sc(?=[eiy])|c(?=[eiy])", "s"),
        (r"ck|c|qu(?=e?$)", "k"),
        (r"qu", "kw"),
        (r"q", "k"),
        (r"x", "ks"),
        # Long vowels: before one consonant and a silent e, and spelled with two letters.
        (r"a(?=[bdfgjklmnpstvzCST]e[sd]?$)", "A"),
        (r"i(?=[bdfgjklmnprstvzCST]e[sd]?$)", "I"),
        (r"o(?=[bdfgjklmnprstvzCST]e[sd]?$)", "O"),
        (r"u(?=[bdfgjklmnprstvzCST]e[sd]?$)", "U"),
        (r"(?:ai|ei|ey|ay|a|e)r(?=e?s?$)|ear(?=s?$)|eir(?=s?$)", "er"),
        (r"ai|ay|ei|ey(?=.)", "A"),
        (r"ee|ea|ie(?=.)|ey$|(?<=[^aeiou])y$|(?<=[^aeiou])ies$", "E"),
        (r"oa|oe(?=s?$)|ow(?=s?$|n$)|(?<=[^aeiou])o$", "O"),
        (r"oo|ew|ue|ui|ou(?=p)", "U"),
        (r"ou(?=r)|au|aw", "o"),
        (r"ou|ow", "a"),
        (r"oi|oy", "Oi"),
        (r"(?<=[^aeiouAEIOU])ye?$", "I"),
        (r"y(?![aeiouAEIOU])", "i"),
        # What is left.
        (r"(?<=[^e])e(?=[sd]?$)", ""),
        (r"(?<=[bdgjklmnrvNzAEIOU])s$", "z"),
        (r"er(?=[^aeiou]|$)|ir(?=[^aeiou]|$)|ur(?=[^aeiou]|$)|(?<=[st])or$", "er"),
        (r"h(?![aeiouAEIOU])", ""),
        (r"(.)\1+", r"\1"),
    ]
)
#: Some of the commonest words whose spelling follows no rule.
_IRREGULAR = {
    "buy": "bI",
    "bye": "bI",
    "by": "bI",
    "my": "mI",
    "hour": "ar",
    "hours": "arz",
    "of": "ov",
    "off": "of",
    "once": "wons",
    "one": "won",
    "do": "dU",
    "to": "tU",
    "two": "tU",
    "who": "hU",
    "whose": "hUz",
    "who's": "hUz",
    "through": "TrU",
    "rough": "ruf",
    "tough": "tuf",
    "enough": "Enuf",
    "laugh": "laf",
    "said": "sed",
    "the": "Te",
}
_LATIN = re.compile(r"[a-z']+")
_VOWELS = re.compile(r"[aeiouAEIOU]+")
_SHORT = str.maketrans("AEIOU", "aeiou")


@lru_cache(maxsize=200_000)
def sound(text: str) -> str:
    """The key of a word, or of several words spoken without pause."""
    return "".join(_word(word) for word in normalize(text).split())


@lru_cache(maxsize=200_000)
def _word(word: str) -> str:
    letters = "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))
    if letters in _IRREGULAR:
        return _IRREGULAR[letters]
    if not _LATIN.fullmatch(letters):
        return word
    for pattern, by in _RULES:
        letters = pattern.sub(by, letters)
    return letters


def likeness(one: str, other: str) -> float:
    """How much two texts sound alike, 0 to 1; at 1 their keys are equal.

    The mean of three: consonants and vowels, the same with long and short vowels alike, and consonants alone.
    """
    keys = sound(one), sound(other)
    views = keys, [key.translate(_SHORT) for key in keys], [_VOWELS.sub("", key) or key for key in keys]
    return sum(Levenshtein.normalized_similarity(*view) for view in views) / len(views)
