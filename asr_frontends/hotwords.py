"""Hotwords for recognizers that are told, before they write, what may be said: which of them, and what comes of it.

A recognizer that reads a prompt searches twice, without it and with it. What the second search finds is then scored
without the prompt, so that every score of a list is that of the recognizer alone; how probable a text is for the
recognizer that was told the hotwords is kept beside it (`BIASED`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from asr_frontends.beams import Decode, Merged, Path, distinct, merge, whole
from ger.text.normalize import normalize
from ger.text.sounds import likeness
from ger.text.tokens import tokenize
from ger.types import Hypothesis

__all__ = ["BIASED", "Joined", "Prompt", "Shortlist", "joined", "prompted"]

#: Where a hypothesis has its log-probability (nats) given the hotwords that were told: a key of `extra`.
BIASED = "biased_score"

_MOST = 16  # hotwords that are told at once; more and Whisper base hears fewer of them
_LEAST = 0.4  # likeness of sound to something in the list
_LONGER = 1  # words that a recognizer may make more of a hotword than it has

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
        hotwords: Those of all recordings, the most important first.
    """

    def __init__(self, hotwords: Sequence[str]) -> None:
        self._hotwords = tuple(hotwords)

    def of(self, own: Iterable[str], texts: Iterable[str]) -> tuple[str, ...]:
        """The hotwords to tell, those that sound most like something in the texts first.

        Args:
            own: Those of the segment, which come before those of all where both are as likely.
            texts: What was heard without them.
        """
        entries = tuple(dict.fromkeys((*own, *self._hotwords)))
        spans = _spans(texts, max((len(entry.split()) for entry in entries), default=0) + _LONGER)
        if not entries or not spans:
            return ()
        best = [max(likeness(entry, span) for span in spans) for entry in entries]
        likely = sorted((i for i in range(len(entries)) if best[i] >= _LEAST), key=lambda i: -best[i])
        return tuple(entries[i] for i in likely[:_MOST])


def _spans(texts: Iterable[str], longest: int) -> list[str]:
    """All runs of words."""
    found: dict[str, None] = {}
    for text in dict.fromkeys(texts):
        words = [token.text for token in tokenize(normalize(text))]
        for first in range(len(words)):
            for after in range(first + 1, min(len(words), first + longest) + 1):
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


def joined(alone: list[Path], told: list[Path], *, score: Score, biased: Score, decode: Decode, size: int) -> Joined:
    """One list out of what was found without hotwords and with them, sorted by the scores without.

    Of the list, the half that is best without hotwords stays; then come the texts that are best with them.

    Args:
        alone: What was found without, with its log-probabilities (nats).
        told: What was found with them, with its log-probabilities given them.
        score: log p(tokens) without hotwords.
        biased: log p(tokens) with them.
        decode: From tokens to text.
        size: How many texts are wanted.
    """
    found = merge(whole(told, decode), decode)[:size] if told else []
    known = {path.tokens for path in alone}
    new = [item.path.tokens for item in found if item.path.tokens not in known]
    paths = alone + [Path(tokens, value) for tokens, value in zip(new, score(new) if new else [], strict=True)]
    ranked = merge(paths, decode)
    texts = {normalize(item.text): item for item in ranked}
    order = [texts[text] for item in found if (text := normalize(item.text)) in texts]
    wanted = list(dict.fromkeys([*ranked[: size // 2], *order, *ranked]))[:size]
    ranked = _descending([item for item in ranked if item in wanted])
    values = {normalize(item.text): item.score for item in distinct(told, decode)}
    rest = [item for item in ranked if normalize(item.text) not in values]
    values |= zip(
        (normalize(item.text) for item in rest),
        biased([item.path.tokens for item in rest]) if rest else [],
        strict=True,
    )
    hypotheses = [
        Hypothesis(item.text, item.score, item.score, extra=_told(values[normalize(item.text)])) for item in ranked
    ]
    return Joined(paths, hypotheses, ranked[0].path.tokens if ranked else ())


def _descending(ranked: list[Merged]) -> list[Merged]:
    """Without a text whose score is that of the one before it."""
    return [item for i, item in enumerate(ranked) if not i or item.score < ranked[i - 1].score]


def _told(score: float) -> dict[str, float]:
    return {BIASED: score} if math.isfinite(score) else {}
