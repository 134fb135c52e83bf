"""Hotwords for recognizers that are told, before they write, what may be said: which of them, and what comes of it.

A recognizer that reads a prompt searches twice, without it and with it. What the second search finds is then scored
without the prompt, so that every score of a list is that of the recognizer alone; how probable a text is for the
recognizer that was told the hotwords is kept beside it (`BIASED`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from asr_frontends.beams import Decode, Merged, Path, distinct, merge, whole
from ger.text.normalize import normalize
from ger.text.retrieval import SoundIndex
from ger.text.sounds import likeness
from ger.text.tokens import tokenize
from ger.types import Hypothesis

__all__ = ["BIASED", "Joined", "Prompt", "Shortlist", "joined", "prompted", "signature"]

#: Where a hypothesis has its log-probability (nats) given the hotwords that were told: a key of `extra`.
BIASED = "biased_score"

_MOST = 16  # hotwords that are told at once; more and Whisper base hears fewer of them
_LEAST = 0.4  # likeness of sound to something in the list
_NEAR = 0.3  # the same, as the index counts it
_LONGEST = 4  # words that may sound like a hotword

Tokens = tuple[int, ...]
Score = Callable[[list[Tokens]], list[float]]


@dataclass(frozen=True, slots=True)
class Prompt:
    """Hotwords that are told, and the tokens that tell them."""

    hotwords: tuple[str, ...] = ()
    tokens: Tokens = ()


@dataclass(frozen=True, slots=True)
class Joined:
    """A list and what it was made of.

    Attributes:
        paths: All that was found, with scores without hotwords.
        hypotheses: The list.
        best: The tokens of its first hypothesis.
    """

    paths: list[Path]
    hypotheses: list[Hypothesis]
    best: Tokens


class Shortlist:
    """Finds the hotwords that sound like something in a list.

    Args:
        hotwords: Those of all recordings.
        sounds: Spellings that say how hotwords are spoken, those of single recordings too: the spelling, the hotword.
    """

    def __init__(self, hotwords: Sequence[str], sounds: Sequence[tuple[str, str]] = ()) -> None:
        self._hotwords, self._sounds = tuple(hotwords), tuple(sounds)

    @property
    def signature(self) -> str:
        """How many there are, and which: for the signature of a front end."""
        return signature(self._hotwords, self._sounds)

    @cached_property
    def _forms(self) -> list[tuple[str, str]]:
        """What may be heard, and its hotword."""
        of_all = frozenset(self._hotwords)
        return [*((word, word) for word in self._hotwords), *(pair for pair in self._sounds if pair[1] in of_all)]

    @cached_property
    def _index(self) -> SoundIndex:
        return SoundIndex([form for form, _ in self._forms])

    def of(self, own: Iterable[str], texts: Iterable[str]) -> tuple[str, ...]:
        """The hotwords to tell, those that sound most like something in the texts first.

        Args:
            own: Those of the segment.
            texts: What was heard without them.
        """
        words = dict.fromkeys(own)
        forms = [*((word, word) for word in words), *(pair for pair in self._sounds if pair[1] in words)]
        best: dict[str, float] = {}
        for span in _spans(texts):
            near = (self._forms[i] for i in self._index.near(span, _NEAR))
            for form, hotword in (*forms, *near):
                best[hotword] = max(best.get(hotword, 0.0), likeness(form, span))
        likely = [hotword for hotword in best if best[hotword] >= _LEAST]
        return tuple(sorted(likely, key=lambda hotword: -best[hotword])[:_MOST])


def signature(hotwords: Sequence[str], sounds: Sequence[tuple[str, str]] = ()) -> str:
    """How many hotwords there are, and which, for the signature of a front end; nothing for none."""
    if not hotwords:
        return ""
    lines = [*hotwords, *("\t".join(pair) for pair in sounds)]
    digest = hashlib.sha256("\n".join(lines).encode("utf-8", "backslashreplace")).hexdigest()
    return f",hotwords={len(hotwords)}:{digest[:8]}"


def _spans(texts: Iterable[str]) -> list[str]:
    """All runs of words."""
    found: dict[str, None] = {}
    for text in dict.fromkeys(texts):
        words = [token.text for token in tokenize(normalize(text))]
        for first in range(len(words)):
            for after in range(first + 1, min(len(words), first + _LONGEST) + 1):
                found[" ".join(words[first:after])] = None
    return list(found)


def prompted(hotwords: Sequence[str], encode: Callable[[str], Sequence[int]], first_special: int, room: int) -> Prompt:
    """A prompt of as many hotwords as there is room for, the first ones.

    A hotword is text, also where it is spelled like a special token: those are left out.

    Args:
        hotwords: In the order of their importance.
        encode: From text to tokens.
        first_special: From this number on, tokens are no text.
        room: Tokens at most.
    """
    told: list[str] = []
    tokens: Tokens = ()
    for hotword in hotwords:
        text = f" {', '.join([*told, hotword])}."
        longer = tuple(token for token in encode(text) if token < first_special)
        if len(longer) > room:
            break
        told.append(hotword)
        tokens = longer
    return Prompt(tuple(told), tokens)


def joined(
    alone: list[Path],
    told: list[Path],
    hotwords: Sequence[str],
    *,
    score: Score,
    biased: Score,
    decode: Decode,
    size: int,
) -> Joined | None:
    """One list out of what was found without hotwords and with them, sorted by the scores without.

    Texts with a hotword take up to half of it; nothing else of the second search is of use. `BIASED` of theirs is
    exact; that of the others is their score and what all of them together gain or lose, so that being told hotwords
    changes nothing among them.

    Args:
        alone: What was found without, with its log-probabilities (nats).
        told: What was found with them, with its log-probabilities given them.
        hotwords: Those that were told.
        score: log p(tokens) without hotwords.
        biased: log p(tokens) with them.
        decode: From tokens to text.
        size: How many texts are wanted; of a single one none is left for those with hotwords.

    Returns:
        `None` where no text has a hotword: the list stays as it is.
    """
    values = {_key(item): item.score for item in distinct(told, decode)}
    found = merge(whole(told, decode), decode) if told else []
    named = [item for item in found if _has(item.text, hotwords)][: size // 2]
    if not named:
        return None
    known = {path.tokens for path in alone}
    new = [item.path.tokens for item in named if item.path.tokens not in known]
    paths = alone + [Path(tokens, value) for tokens, value in zip(new, score(new) if new else [], strict=True)]
    chosen = {_key(item) for item in named}
    ranked = merge(paths, decode)
    others = [item for item in ranked if _key(item) not in chosen][: size - len(named)]
    ranked = _descending([item for item in ranked if item in others or _key(item) in chosen])
    plain = [item for item in others if not _has(item.text, hotwords)]
    common = [item for item in plain if _key(item) in values]
    if plain and not common:
        common = plain[:1]
        values[_key(plain[0])] = biased([plain[0].path.tokens])[0]
    gained = _log_sum(values[_key(item)] for item in common) - _log_sum(item.score for item in common) if common else 0
    exact = {key: value for key, value in values.items() if key not in set(map(_key, plain))}
    scores = [exact.get(_key(item), item.score + gained) for item in ranked]
    hypotheses = [
        Hypothesis(item.text, item.score, item.score, extra={BIASED: value})
        for item, value in zip(ranked, scores, strict=True)
    ]
    return Joined(paths, hypotheses, ranked[0].path.tokens if ranked else ())


def _key(item: Merged) -> str:
    return normalize(item.text)


def _has(text: str, hotwords: Iterable[str]) -> bool:
    """Whether a text has one of the hotwords, also with 's behind it."""
    said = f" {_words(text)} "
    return any(f" {words} " in said for hotword in hotwords if (words := _words(hotword)))


def _words(text: str) -> str:
    return " ".join(token.text.removesuffix("'s") for token in tokenize(normalize(text)))


def _log_sum(values: Iterable[float]) -> float:
    given = list(values)
    top = max(given)
    return top + math.log(math.fsum(math.exp(value - top) for value in given))


def _descending(ranked: list[Merged]) -> list[Merged]:
    """Without a text whose score is that of the one before it."""
    return [item for i, item in enumerate(ranked) if not i or item.score < ranked[i - 1].score]
