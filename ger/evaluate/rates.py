"""Error counts and the rates made of them.

A word error rate is the Levenshtein distance over the words of the reference. Counts of utterances add up; the rate of
a corpus is the rate of the sum, never a mean of rates.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

__all__ = ["Counts", "char_counts", "count_errors", "distance", "oracle_errors", "unseen_words", "word_counts"]


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the units (words or characters) of references.

    Attributes:
        hits: Units of the reference that were recognized.
        substitutions: Units of the reference in whose place something else stands.
        deletions: Units of the reference that are missing.
        insertions: Units that the reference does not have.
    """

    hits: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    @property
    def total(self) -> int:
        """Units of the reference."""
        return self.hits + self.substitutions + self.deletions

    @property
    def errors(self) -> int:
        """Substitutions, deletions and insertions."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors in percent of the units of the reference; not a number without any."""
        return 100 * self.errors / self.total if self.total else math.nan

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.hits + other.hits,
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
        )


def word_counts(reference: Sequence[str], hypothesis: Sequence[str]) -> Counts:
    """Errors of a hypothesis by one of its shortest alignments, the one that jiwer finds.

    Args:
        reference: Words of the reference (a string counts by character).
        hypothesis: Words of the hypothesis.
    """
    if reference == hypothesis:
        return Counts(hits=len(reference))
    tags = [op.tag for op in Levenshtein.editops(reference, hypothesis)]
    substitutions, deletions = tags.count("replace"), tags.count("delete")
    return Counts(
        hits=len(reference) - substitutions - deletions,
        substitutions=substitutions,
        deletions=deletions,
        insertions=len(tags) - substitutions - deletions,
    )


def char_counts(reference: str, hypothesis: str) -> Counts:
    """Errors by character; white space counts, once between two words and not at the ends."""
    return word_counts(" ".join(reference.split()), " ".join(hypothesis.split()))


def count_errors(pairs: Iterable[tuple[str, str]]) -> Counts:
    """Word errors of references and hypotheses, summed; words are what white space separates."""
    counts = [word_counts(reference.split(), hypothesis.split()) for reference, hypothesis in pairs]
    return sum(counts, Counts())


def distance(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """Number of errors alone, which is quicker than `word_counts`."""
    return 0 if reference == hypothesis else Levenshtein.distance(reference, hypothesis)


def oracle_errors(reference: Sequence[str], hypotheses: Iterable[Sequence[str]]) -> int:
    """Errors of the best hypothesis of a list; an empty list counts as one empty hypothesis."""
    return min((distance(reference, hypothesis) for hypothesis in hypotheses), default=len(reference))


def unseen_words(reference: Sequence[str], hypotheses: Iterable[Collection[str]]) -> int:
    """Words of the reference that stand in no hypothesis: what no recombination of the list can get right.

    The numerator of the compositional oracle of Chen et al. 2023 (HyPoradise, section 3.3), words counted without
    regard to their place.
    """
    seen = set().union(*hypotheses)
    return sum(word not in seen for word in reference)
