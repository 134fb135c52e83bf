"""Which entries of a long list sound like a stretch of text: an index of the sounds that follow one another.

Entries and queries are compared by the sounds they share, single ones and pairs, next to each other or with one between
(Dice's coefficient of the two sets). Only entries that share something with the query are looked at, so the time for a
query grows with how many those are, not with comparing it to each entry.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ger.text.sounds import sound

__all__ = ["SoundIndex"]

_VOWELS = re.compile("[aeiouAEIOU]+")
_TWICE = re.compile(r"(.)\1+")
#: Sounds that are often taken for one another count as one.
_ALIKE = str.maketrans("bdgvzjmSTNrhyw", "ptkfsCnstnlhyw")


class SoundIndex:
    """Entries by how they sound.

    Args:
        entries: Texts; a result is the number of one of them.
    """

    def __init__(self, entries: Sequence[str]) -> None:
        self._numbers: dict[str, int] = {}
        found = [[self._numbers.setdefault(g, len(self._numbers)) for g in _features(entry)] for entry in entries]
        self._sizes = np.array([len(row) for row in found], dtype=np.int64)
        of = np.repeat(np.arange(len(found)), self._sizes)
        features = np.fromiter((g for row in found for g in row), dtype=np.int64, count=int(self._sizes.sum()))
        order = np.argsort(features, kind="stable")
        self._entries = of[order]
        self._starts = np.searchsorted(features[order], np.arange(len(self._numbers) + 1))

    def near(self, text: str, least: float = 0.45, most: int = 30) -> npt.NDArray[np.int64]:
        """Numbers of the entries that sound most like a text, in no order.

        Args:
            text: The text.
            least: Least likeness, above 0 and up to 1.
            most: How many at most.
        """
        features = _features(text)
        shared = [
            self._entries[self._starts[i] : self._starts[i + 1]]
            for g in features
            if (i := self._numbers.get(g)) is not None
        ]
        if not shared:
            return np.zeros(0, dtype=np.int64)
        counts = np.bincount(np.concatenate(shared), minlength=len(self._sizes))
        enough = np.flatnonzero(2 * counts >= least * (self._sizes + len(features)))
        if len(enough) <= most:
            return enough
        alike = 2 * counts[enough] / (self._sizes[enough] + len(features))
        return enough[np.argpartition(-alike, most)[:most]]


@lru_cache(maxsize=100_000)
def _features(text: str) -> frozenset[str]:
    """Single sounds, and pairs of them in a coarse alphabet, with the ends of the text as sounds of their own."""
    key = sound(text)
    coarse = "^" + _TWICE.sub(r"\1", _VOWELS.sub("a", key).translate(_ALIKE)) + "$"
    pairs = {coarse[i : i + 2] for i in range(len(coarse) - 1)}
    spread = {f"{coarse[i]}_{coarse[i + 2]}" for i in range(len(coarse) - 2)}
    return frozenset(pairs | spread | {f"={c}" for c in key})
