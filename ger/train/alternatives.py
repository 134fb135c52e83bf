"""What could be heard instead of some words, and how likely: from counts of confusions, smoothed by sound."""

from __future__ import annotations

import string
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from ger.text.sounds import likeness, sound
from ger.text.tokens import Token
from ger.train.confuse import LONGEST, Confusions, Words, keys

__all__ = ["Alternatives"]

#: How often a word, a pair of words that sounds like one, and a gap are a site without lists; only ratios count.
_WORD, _PAIR, _GAP = 0.1, 0.1, 0.01
#: Share of the words that go missing, among the sites of a word, without lists.
_MISSING = 0.15
#: With lists: what is known of all words counts like so many occurrences of a word.
_PRIOR = 5.0
#: Alternatives by sound count together like so many observed ones.
_SOUND = 0.5
#: Least likeness of words that are taken for each other, and how many of them are.
_LIKE, _NEIGHBOURS = 0.6, 8
#: Letters of the shortest part that a word is cut into.
_PART = 3
#: With lists: ways in which all of several words change at once.
_CHANGED = 4
#: How fast the weight of a neighbour falls with its likeness, as a power.
_FALL = 8
#: What is taken off the edges of words.
_MARKS = string.punctuation + "…–—“”‘’¿¡«»"
#: Only the most frequent words can take the place of others.
_VOCABULARY = 20_000
#: What comes in without lists: so many of the most frequent words of at most four letters.
_FILLERS, _SHORT = 8, 4


class Alternatives:
    """Rates of sites, and what is said there.

    Args:
        texts: What lists will be made of; their words can take each other's place.
        known: What was learned from lists; their words take part, too.
    """

    def __init__(self, texts: Iterable[Sequence[Token]], known: Confusions) -> None:
        self._known = known
        self._learned = bool(known.rows)
        written = Counter(token.text for row in texts for token in row) + known.words
        self._words = _spelled(written)
        self._made: dict[Words, Mapping[str, float]] = {}
        self._neighbours: dict[str, dict[str, float]] = {}
        self._rates, self._missing = {0: _GAP, 1: _WORD}, _MISSING
        if self._learned:
            seen, sites = _by_length(known.seen), _by_length(known.sites)
            self._rates = {length: sites[length] / max(1, seen[length]) for length in range(LONGEST + 1)}
            heard = [said for at, said in known.said.items() if len(at) == 1]
            self._missing = sum(said[""] for said in heard) / max(1, sum(said.total() for said in heard))

    def rate(self, at: Words) -> float:
        """How often these words, or a gap between words, are a site."""
        if not self._learned and len(at) == 2:
            return _PAIR if self._joined(at) else 0.0
        mean = self._rates.get(len(at), 0.0)
        return (self._known.sites[at] + _PRIOR * mean) / (self._known.seen[at] + _PRIOR)

    def of(self, at: Words) -> Mapping[str, float]:
        """What can stand there instead, the empty text for nothing, with weights."""
        if at not in self._made:
            by_sound = self._by_sound(at)
            whole = sum(by_sound.values())
            weights: dict[str, float] = defaultdict(float, self._known.said.get(at, {}))
            for text, weight in by_sound.items():
                weights[text] += _SOUND * weight / whole
            self._made[at] = dict(weights)
        return self._made[at]

    def _by_sound(self, at: Words) -> dict[str, float]:
        """The same by sound alone; what goes missing, or comes in, is no matter of sound but rare in counts."""
        if not at:
            return {} if self._learned else dict.fromkeys(self._fillers, 1.0)
        if len(at) > 1:
            rows = [[*self._near(word)] or [word] for word in at]
            changed = [" ".join(row[min(i, len(row) - 1)] for row in rows) for i in range(_CHANGED)]
            return dict.fromkeys([*self._joined(at), *(changed if self._learned else ())], 1.0)
        near = self._near(at[0])
        gone = self._missing / (1 - self._missing) * (sum(near.values()) or 1.0) if self._missing < 1 else 1.0
        return near | ({"": gone} if gone else {})

    def _near(self, word: str) -> dict[str, float]:
        """Words of the vocabulary that sound like a word, and what it can be cut into."""
        if word not in self._neighbours:
            self._neighbours[word] = self._found(word)
        return self._neighbours[word]

    def _found(self, word: str) -> dict[str, float]:
        names = self._names
        found = process.extract(
            sound(word), self._sounds, scorer=Levenshtein.normalized_similarity, score_cutoff=_LIKE / 2, limit=25
        )
        like = sorted(((likeness(word, names[i]), names[i]) for _, _, i in found if names[i] != word), reverse=True)
        near = {self._words[name]: x**_FALL for x, name in like[:_NEIGHBOURS] if x >= _LIKE}
        cuts = ((word[:i], word[i:]) for i in range(_PART, len(word) - _PART + 1))
        return near | {f"{self._words[a]} {self._words[b]}": 1.0 for a, b in cuts if {a, b} <= self._words.keys()}

    def _joined(self, at: Words) -> list[str]:
        """Words that sound like two words together."""
        return self._by_whole.get("".join(map(sound, at)), [])

    @cached_property
    def _names(self) -> list[str]:
        return [*self._words]

    @cached_property
    def _sounds(self) -> list[str]:
        return [sound(name) for name in self._words]

    @cached_property
    def _by_whole(self) -> dict[str, list[str]]:
        """Words by their sound."""
        made: dict[str, list[str]] = defaultdict(list)
        for name, heard in zip(self._words, self._sounds, strict=True):
            made[heard].append(self._words[name])
        return made

    @cached_property
    def _fillers(self) -> list[str]:
        return [text for name, text in self._words.items() if len(name) <= _SHORT][:_FILLERS]


def _by_length(counts: Counter[Words]) -> Counter[int]:
    made: Counter[int] = Counter()
    for at, count in counts.items():
        made[len(at)] += count
    return made


def _spelled(written: Counter[str]) -> dict[str, str]:
    """The most frequent words, without case and punctuation, and how each is written most."""
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    for text, count in written.items():
        (name,) = keys([Token(text, spaced=True)])
        if " " not in name and any(map(str.isalnum, name)):
            forms[name][text.strip(_MARKS)] += count
    order = sorted(forms, key=lambda name: (-forms[name].total(), name))[:_VOCABULARY]
    return {name: max(forms[name], key=lambda text: (forms[name][text], text)) for name in order}
