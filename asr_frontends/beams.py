"""From token sequences with scores to lists of different texts, for recognizers that write text token by token."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ger.text.normalize import normalize

__all__ = ["LOOP_RATIO", "LOW_LOGPROB", "Merged", "Path", "distinct", "loops", "merge", "whole"]

# Whisper's own thresholds (Radford et al. 2022, section 4.5).
LOOP_RATIO = 2.4
LOW_LOGPROB = -1.0

_LONG = 32  # tokens of a text of more than one sentence

Decode = Callable[[list[int]], str]


@dataclass(frozen=True, slots=True)
class Path:
    """One token sequence and its total log-probability (nats)."""

    tokens: tuple[int, ...]
    score: float

    @property
    def average(self) -> float:
        """Log-probability a token, the end of text counted."""
        return self.score / (len(self.tokens) + 1)


@dataclass(frozen=True, slots=True)
class Merged:
    """All paths of one text: the sum of their probabilities (as a logarithm), and the most probable of them."""

    score: float
    path: Path
    text: str

    @property
    def words(self) -> list[str]:
        """The normalized words."""
        return normalize(self.text).split()


def distinct(paths: Iterable[Path], decode: Decode) -> list[Merged]:
    """One entry for each text that differs after normalization, most probable first; nothing is left out."""
    groups: dict[str, list[tuple[Path, str]]] = {}
    for path in sorted(paths, key=lambda path: -path.score):
        text = decode(list(path.tokens)).strip()
        groups.setdefault(normalize(text), []).append((path, text))
    ranked = [Merged(_log_sum(path.score for path, _ in group), *group[0]) for group in groups.values()]
    return sorted(ranked, key=lambda item: -item.score)


def merge(paths: Iterable[Path], decode: Decode) -> list[Merged]:
    """One entry for each text that differs after normalization, most probable first.

    Left out are empty texts, loops, the best text said again, and texts that end early: where another goes on after
    the same words and has the better average, a total alone would favour the shorter. Nothing at all is returned when
    the most probable text is empty: nothing was said.
    """
    ranked = distinct(paths, decode)
    if not ranked or not ranked[0].words:
        return []
    complete = [item for item in ranked if item.words and not any(_continues(other, item) for other in ranked)]
    best = complete[0].words
    return complete[:1] + [item for item in complete[1:] if not _repeats(item, best)]


def whole(paths: list[Path], decode: Decode) -> list[Path]:
    """Without what leaves out half of the text: by its total, "the" beats the text of half a minute.

    The measure is the path with the best average that is no loop; against a short one, only what is hardly believed
    goes.
    """
    straight = [path for path in paths if not loops(decode(list(path.tokens)))]
    fullest = len(max(straight or paths, key=lambda path: path.average).tokens)
    floor = LOW_LOGPROB if fullest < _LONG else 0.0
    return [path for path in paths if 2 * len(path.tokens) >= fullest or path.average >= floor]


def loops(text: str) -> bool:
    """Whether a text repeats itself so much that it compresses like a loop."""
    data = text.encode()
    return len(data) > LOOP_RATIO * len(zlib.compress(data))


def _continues(other: Merged, item: Merged) -> bool:
    """Whether the other text goes on after all words of this one, is better believed, and is no loop."""
    words = item.words
    if other.path.average <= item.path.average or other.words[: len(words)] != words or other.words == words:
        return False
    return not _again(words, other.words) and not loops(other.text)


def _repeats(item: Merged, best: list[str]) -> bool:
    """Whether a text is the best one said again, itself said twice, or a loop."""
    words = item.words
    half = words[: len(words) // 2]
    return _again(best, words) or (len(half) > 1 and half * 2 == words) or loops(item.text)


def _again(text: list[str], words: list[str]) -> bool:
    """Whether the words are the text and then the text again, wholly or in part."""
    return len(words) > len(text) and words == (text * (len(words) // len(text) + 1))[: len(words)]


def _log_sum(scores: Iterable[float]) -> float:
    values = list(scores)
    top = max(values)
    return top + math.log(sum(math.exp(value - top) for value in values))
