"""A lattice of k2 as text: arcs `from to label score`, or with a second label, the word; the label of arcs to the final
state is -1; the last line is the final state.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ger.errors import RecordError
from ger.io.lattice import HIGHEST, Lattice, best
from ger.io.lists_beside import Beside, Symbols
from ger.io.lists_text import Source
from ger.types import Hypothesis, NBest

__all__ = ["looks_like", "read"]

_ARC = re.compile(rb"(\d{1,18})\s+(\d{1,18})\s+\S+(?:\s+-?\d+)?\s+(-?\d+(?:\.\d+)?(?:e-?\d+)?|-inf)")


def looks_like(source: Source) -> bool:
    """Whether a file begins in state 0 with two arcs, or one and the final state; a score is no whole number."""
    first, second = _ARC.fullmatch(source.first), _ARC.fullmatch(source.second)
    if not first or int(first[1]):
        return False
    scores = first[3] + (second[3] if second else b"")
    return (second is not None or source.second == first[2]) and any(sign in scores for sign in b".e")


def read(source: Source, beside: Beside) -> Iterator[NBest]:
    """The best different texts of the lattice, named like the file; scores are log-probabilities as they are.

    Raises:
        InputError: words are numbers, and there is no table of them.
        RecordError: a line is not what it should be, or the lattice has a cycle or is too large.
    """
    lattice, symbols = Lattice(source.name, 1), Symbols(source, beside.words)
    ended = False
    for number, line in source.lines():
        fields = line.split()
        if not fields:
            continue
        if ended or len(fields) not in (1, 4, 5):
            raise _wrong(source, number, line)
        ended = len(fields) == 1
        try:
            if ended:
                lattice.final(int(fields[0]), 0.0, 0.0)
            else:
                word = "" if fields[2] == "-1" else symbols.word(fields[-2], number)
                lattice.arc(int(fields[0]), int(fields[1]), word, _score(fields[-1]), 0.0, number)
        except ValueError as error:
            raise _wrong(source, number, line) from error
    if not ended and len(lattice):
        raise RecordError(f"{source.name}: the last line should be the final state, alone.", "The file may be cut off.")
    yield NBest(source.stem, tuple(Hypothesis(path.text, path.acoustic) for path in best(lattice, beside.count)))


def _score(text: str) -> float:
    """A log-probability.

    Raises:
        ValueError: it is none.
    """
    score = float(text)
    if not score <= HIGHEST:
        raise ValueError(text)
    return score


def _wrong(source: Source, number: int, line: str) -> RecordError:
    return RecordError(
        f"{source.name}, line {number}: expected from, to, label and score, or the final state at the end, "
        f"found {line.strip()[:60]!r}.",
        "Write one lattice a file with `k2.to_str_simple`.",
    )
