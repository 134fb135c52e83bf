"""Kaldi's lattices as text: an id, arcs `from to word lm,acoustic,alignment`, final states `state lm,acoustic,`, and a
blank line. Lattices with two labels an arc (`--write-compact=false`) are read, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import takewhile

from ger.errors import RecordError
from ger.io.lattice import HIGHEST, Lattice, best
from ger.io.lists_beside import Beside, Symbols
from ger.io.lists_text import Ids, Line, Source
from ger.types import Hypothesis, NBest

__all__ = ["looks_like", "read"]

_ARC = re.compile(rb"\d+\s+\d+\s+\S+(\s+\S+)?\s+[-+.\deE]+,[-+.\deE]+(,[\d_]*)?")


def looks_like(source: Source) -> bool:
    """Whether a file begins with an id alone and an arc."""
    return len(source.first.split()) == 1 and _ARC.fullmatch(source.second) is not None


def read(source: Source, beside: Beside) -> Iterator[NBest]:
    """The best different texts of each lattice; a lattice without any path is an empty list.

    Costs are negative logarithms, so scores are minus the costs; `acoustic_score` is without the acoustic scale, which
    `score` is with.

    Raises:
        InputError: words are numbers, and there is no table of them.
        RecordError: a line is not what it should be, a lattice has a cycle or is too large, or an id is there twice.
    """
    ids, symbols = Ids(source.name), Symbols(source, beside.words)
    lines, scale = source.lines(), beside.acoustic_scale
    for number, head in lines:
        fields = head.split()
        if len(fields) > 1:
            raise RecordError(
                f"{source.name}, line {number}: expected the id of a lattice, alone on its line.",
                "A blank line ends each lattice.",
            )
        if fields:
            key = ids.add(fields[0], f"line {number}")
            block = takewhile(lambda line: line[1].strip(), lines)
            paths = best(_lattice(block, Lattice(source.name, number), symbols), beside.count, scale)
            yield NBest(key, tuple(Hypothesis(p.text, scale * p.acoustic + p.lm, p.acoustic, p.lm) for p in paths))


def _lattice(lines: Iterable[Line], lattice: Lattice, symbols: Symbols) -> Lattice:
    for number, line in lines:
        fields = line.split()
        priced = len(fields) in (2, 5) or (len(fields) == 4 and "," in fields[3])
        try:
            acoustic, lm = _scores(fields.pop()) if priced else (0.0, 0.0)
            match fields:
                case [state]:
                    lattice.final(int(state), acoustic, lm)
                case [start, end, word] | [start, end, _, word]:
                    lattice.arc(int(start), int(end), symbols.word(word, number), acoustic, lm, number)
                case _:
                    raise ValueError(line)
        except ValueError as error:
            raise RecordError(
                f"{lattice.name}, line {number}: expected from, to, word and lm,acoustic,alignment, "
                f"found {line.strip()[:60]!r}.",
                "Write lattices as text with `lattice-copy ark:… ark,t:…`.",
            ) from error
    return lattice


def _scores(cost: str) -> tuple[float, float]:
    """Acoustic and language model score of a cost `lm,acoustic,alignment`.

    Raises:
        ValueError: it is none.
    """
    lm, acoustic, *alignment = cost.split(",")
    scores = -float(acoustic), -float(lm)
    if len(alignment) > 1 or any(not score <= HIGHEST for score in scores):
        raise ValueError(cost)
    return scores
