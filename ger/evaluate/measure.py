"""Counting, utterance by utterance: one row of whole numbers each, from which every rate is summed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import Levenshtein

from ger.errors import InputError
from ger.evaluate.biasing import COUNTS, biasing
from ger.evaluate.rates import Counts, distance, oracle_errors, unseen_words
from ger.evaluate.regions import CLASSES, classed
from ger.evaluate.sources import Item

__all__ = ["COLUMNS", "Table", "measure"]

_EDITS = ("hits", "substitutions", "deletions", "insertions")
#: What is counted of every utterance. `baseline` and `against` are word errors, `*_other` tell that a text differs.
COLUMNS = (
    *("words", *_EDITS, *CLASSES, "characters", "character_errors"),
    *("oracle", "unseen", "baseline", "baseline_other", "against", "against_other"),
    *COUNTS,
)
_INDEX = {name: i for i, name in enumerate(COLUMNS)}


@dataclass(frozen=True, slots=True)
class Table:
    """Counts of utterances.

    Attributes:
        values: Shape `(utterances, len(COLUMNS))`.
        lists: Whether lists are known, so that oracle and baseline mean something.
        against: Whether there is a second system.
    """

    values: npt.NDArray[np.int64]
    lists: bool
    against: bool

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, name: str) -> npt.NDArray[np.int64]:
        column: npt.NDArray[np.int64] = self.values[:, _INDEX[name]]
        return column

    def sum(self, name: str) -> int:
        """Sum of a column."""
        return int(self[name].sum())

    @property
    def errors(self) -> npt.NDArray[np.int64]:
        """Word errors of each utterance."""
        return self["substitutions"] + self["deletions"] + self["insertions"]

    @property
    def counts(self) -> Counts:
        """Word errors of all utterances."""
        return Counts(*(self.sum(name) for name in _EDITS))

    def rows(self, chosen: npt.NDArray[np.bool_]) -> Table:
        """Some of the utterances."""
        return Table(self.values[chosen], self.lists, self.against)


def measure(items: Sequence[Item], normalize: Callable[[str], str], *, characters: bool = True) -> Table:
    """Count every utterance.

    Args:
        items: The utterances.
        normalize: Applied to every text first.
        characters: Whether to count characters too.

    Raises:
        InputError: a list, or a second text, is known of some utterances only; names the first one without.
    """
    _check_alike(items)
    lists = any(item.hypotheses for item in items)
    against = any(item.against is not None for item in items)

    @lru_cache(maxsize=1)  # utterances that follow each other often share them
    def phrases(hotwords: tuple[str, ...]) -> list[list[str]]:
        return [normalize(text).split() for text in hotwords]

    rows = [_row(item, normalize, characters, phrases) for item in items]
    return Table(np.array(rows, dtype=np.int64).reshape(len(rows), len(COLUMNS)), lists, against)


def _check_alike(items: Sequence[Item]) -> None:
    """Raise where only some have a list or a second text: the others would count as utterances without errors."""
    for what, without in (
        ("list", [item.id for item in items if item.hypotheses is None]),
        ("second text", [item.id for item in items if item.against is None]),
    ):
        if 0 < len(without) < len(items):
            raise InputError(f"{without[0]!r} has no {what}, others have one.", "Score the two kinds separately.")


def _row(
    item: Item,
    normalize: Callable[[str], str],
    characters: bool,
    phrases: Callable[[tuple[str, ...]], list[list[str]]],
) -> list[int]:
    reference, hypothesis = normalize(item.reference).split(), normalize(item.hypothesis).split()
    row = [len(reference), *_edits(reference, hypothesis)]
    row += _characters(reference, hypothesis) if characters else (0, 0)
    row += _listed(reference, hypothesis, item.hypotheses, normalize) if item.hypotheses is not None else _NO_LIST
    against = item.against
    row += _other(reference, hypothesis, normalize(against).split()) if against is not None else (0, 0)
    return [*row, *(biasing(reference, hypothesis, phrases(item.hotwords)) if item.hotwords else _NO_HOTWORDS)]


_NO_LIST = (0, 0, 0, 0)
_NO_HOTWORDS = (0,) * len(COUNTS)


def _listed(
    reference: list[str], hypothesis: list[str], listed: Sequence[str], normalize: Callable[[str], str]
) -> Iterable[int]:
    """Oracle, unseen words, and the comparison with the first hypothesis."""
    texts = [normalize(text).split() for text in dict.fromkeys(listed)]
    first = texts[0] if texts else []
    return (oracle_errors(reference, texts), unseen_words(reference, texts), *_other(reference, hypothesis, first))


def _edits(reference: list[str], hypothesis: list[str]) -> Iterable[int]:
    """Hits, substitutions, deletions, insertions, and the errors by class."""
    if reference == hypothesis:
        return (len(reference), 0, 0, 0, *(0 for _ in CLASSES))
    codes = [code for code in Levenshtein.opcodes(reference, hypothesis) if code.tag != "equal"]
    substituted = sum(code.src_end - code.src_start for code in codes if code.tag == "replace")
    deleted = sum(code.src_end - code.src_start for code in codes if code.tag == "delete")
    inserted = sum(code.dest_end - code.dest_start for code in codes if code.tag == "insert")
    hits = len(reference) - substituted - deleted
    return (hits, substituted, deleted, inserted, *classed(reference, hypothesis, codes))


def _characters(reference: list[str], hypothesis: list[str]) -> tuple[int, int]:
    """Characters of the reference and errors, with one space between two words."""
    text = " ".join(reference)
    return len(text), distance(text, " ".join(hypothesis))


def _other(reference: list[str], hypothesis: list[str], other: list[str]) -> tuple[int, int]:
    """Errors of another text, and whether it differs from the hypothesis."""
    return distance(reference, other), int(other != hypothesis)
