"""Kaldi's N-best lists: a text file with the keys `ID-1`, `ID-2` …, and the costs of these keys in files beside it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from math import isfinite
from pathlib import Path

from ger.errors import RecordError
from ger.io.lists_beside import Beside, Symbols, found
from ger.io.lists_json import NOT_FINITE
from ger.io.lists_text import Ids, Source, kaldi, opened
from ger.types import Hypothesis, NBest

__all__ = ["looks_like", "read"]

_KEY = re.compile(r"(.+)-(\d{1,9})")
_FIRST = re.compile(rb"\S+-1(\s.*)?")

#: What files of costs are called: in Kaldi's own scripts, and by people.
_LM = ["lm_cost", "lm_cost.txt", "lm_costs", "lm-cost", "lm.cost", "lmwt.withlm", "lmwt"]
_AC = ["ac_cost", "ac_cost.txt", "ac_costs", "ac-cost", "ac.cost", "acwt"]


def looks_like(source: Source, beside: Beside) -> bool:
    """Whether the first key ends in -1, and there are costs."""
    costs = (found(source, beside.lm_cost, _LM), found(source, beside.ac_cost, _AC))
    return _FIRST.fullmatch(source.first) is not None and any(costs)


def read(source: Source, beside: Beside) -> Iterator[NBest]:
    """Lists in the order of their first keys, hypotheses in that of their numbers.

    Costs are negative logarithms, so scores are minus the costs; `acoustic_score` is without the acoustic scale, which
    `score`, known where both are, is with.

    Raises:
        InputError: words are numbers, and there is no table of them.
        RecordError: a key has no number, is there twice, or has no cost, or a cost is no number.
    """
    lm_costs, ac_costs = _costs(found(source, beside.lm_cost, _LM)), _costs(found(source, beside.ac_cost, _AC))
    lists: dict[str, dict[tuple[int, str], Hypothesis]] = {}
    not_finite: Counter[str] = Counter()
    for number, key, text in _texts(source, beside):
        name = _KEY.fullmatch(key)
        if not name:
            raise RecordError(f"{source.name}, line {number}: {key!r} has no -1, -2 … at its end.", "Check the keys.")
        scores = [None if costs is None else -costs[key] for costs in (ac_costs, lm_costs)]
        acoustic, lm = (score if score is None or isfinite(score) else None for score in scores)
        not_finite[name[1]] += sum(score is not None and not isfinite(score) for score in scores)
        total = None if acoustic is None or lm is None else beside.acoustic_scale * acoustic + lm
        known = total if total is not None and isfinite(total) else None
        lists.setdefault(name[1], {})[int(name[2]), key] = Hypothesis(text, known, acoustic, lm)
    for key, ranked in lists.items():
        meta = {NOT_FINITE: not_finite[key]} if not_finite[key] else {}
        yield NBest(key, tuple(ranked[rank] for rank in sorted(ranked)), meta=meta)


def _texts(source: Source, beside: Beside) -> Iterator[tuple[int, str, str]]:
    """Number, key and text of every line; words that are all numbers are looked up."""
    ids = Ids(source.name)
    lines = [(number, *line.strip().replace("\t", " ").partition(" ")) for number, line in source.lines()]
    words = [word for _, _, _, text in lines for word in text.split()]
    symbols = Symbols(source, beside.words) if words and all(map(str.isdecimal, words)) else None
    for number, key, _, text in lines:
        if key:
            said = (symbols.word(word, number) for word in text.split()) if symbols else [text.strip()]
            yield number, ids.add(key, f"line {number}"), " ".join(filter(None, said))


class _Costs(dict[str, float]):
    """Costs by key."""

    def __init__(self, source: Source) -> None:
        self._name = source.name
        for key, value in kaldi(source.name, source.lines()):
            try:
                self[key] = float(value)
            except ValueError as error:
                raise RecordError(f"{source.name}: {value[:40]!r} is no cost of {key!r}.", "Check the file.") from error

    def __missing__(self, key: str) -> float:
        raise RecordError(f"{self._name} has no cost of {key!r}.", "Check that the files belong together.")


def _costs(path: Path | None) -> _Costs | None:
    if path is None:
        return None
    with opened(path) as source:
        return _Costs(source)
