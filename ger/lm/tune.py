"""Weights that make the fewest word errors on lists with references, and honest measures of how well they do elsewhere.

A choice with weights w takes, from each list, the allowed hypothesis with the highest `values @ w`; the earlier one of
equals. Only ratios of weights matter, so tuned weights are divided by the sum of their absolute values.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar, get_args

import numpy as np

from ger.errors import UsageError
from ger.lm.features import Features
from ger.lm.search import Bools, Floats, Ints, Table, descend, line, risk, scores
from ger.registry import suggest

__all__ = [
    "Method",
    "Tuned",
    "choose",
    "cross_validate",
    "folds",
    "line_search",
    "posteriors",
    "select",
    "temperature",
    "tune",
]

Method = Literal["risk", "exact"]
Prediction = TypeVar("Prediction")

#: Weight of the squared weights (of standardized features) against the expected word errors of a list.
DECAY = 1e-3
#: Half width (radians) of the window over which the exact search averages errors.
SMOOTH = 0.1

#: Features beyond this, infinite or not a number are refused.
_LARGEST = 1e100
#: Averaged errors that differ by less are equal.
_SAME = 1e-9
#: Natural logs of how far the temperature may lie from the spread of the scores.
_RANGE = (-10.0, 10.0)


@dataclass(frozen=True, slots=True)
class Tuned:
    """Weights and what they do on the lists they were tuned on.

    Attributes:
        names: Names of the features.
        weights: One for each; absolute values sum to 1, or all are 0 where no feature tells hypotheses apart.
        errors: Word errors of the chosen hypotheses of all lists.
    """

    names: tuple[str, ...]
    weights: Floats
    errors: int

    def by_name(self) -> dict[str, float]:
        """The weights by the names of their features."""
        return dict(zip(self.names, self.weights.tolist(), strict=True))


def choose(features: Features, weights: Sequence[float] | Floats) -> Ints:
    """The chosen hypothesis of each list; 0 for a list without hypotheses.

    Raises:
        UsageError: a feature is not a number, or the counts of weights and features differ.
    """
    table = _without_errors(features)
    if not len(table.starts):
        return np.zeros(0, dtype=np.int64)
    return table.place[table.best(_vector(features, weights))]


def line_search(
    features: Features,
    errors: Sequence[Ints],
    weights: Sequence[float] | Floats,
    direction: Sequence[float] | Floats,
    *,
    smooth: float = 0.0,
) -> tuple[float, float]:
    """The step t for which `weights + t * direction` makes the fewest word errors (Och 2003), over all real t.

    Args:
        features: Lists.
        errors: Word errors of each hypothesis; for a list without hypotheses one number, the words it misses.
        weights: Where the line starts.
        direction: Where it goes.
        smooth: Half width (radians) of a window over which errors are averaged; 0 for the exact minimum.

    Returns:
        t in the middle of the best stretch, and the word errors there.

    Raises:
        UsageError: the direction is zero, or the arguments do not belong together.
    """
    table = _with_errors(features, errors)
    along = _vector(features, direction)
    if not along.any():
        raise UsageError("The direction of a line search is zero.", "Give at least one feature a value.")
    return line(table, _vector(features, weights), along, smooth)


def tune(
    features: Features,
    errors: Sequence[Ints],
    *,
    start: Sequence[float] | Floats | None = None,
    fixed: Sequence[str] = (),
    method: Method = "risk",
    restarts: int = 20,
    seed: int = 0,
    decay: float = DECAY,
    smooth: float = SMOOTH,
) -> Tuned:
    """Weights that make few word errors; never more than `start` makes, and `start` itself where none make fewer.

    `risk` minimizes the expected errors under a softmax over each list; `exact` the errors themselves, by line
    searches along the features and random directions. Both begin at `start` and at random weights. `exact` makes
    fewer errors on these lists; `risk` makes no more on others, varies less with the seed and is faster.

    Args:
        features: Lists.
        errors: Word errors of each hypothesis; for a list without hypotheses one number, the words it misses.
        start: Weights to begin with; 0 for each, which chooses the first hypotheses, by default.
        fixed: Names of features that keep their weight of `start`.
        method: Which objective.
        restarts: Random weights to begin with besides `start`.
        seed: Of the random weights and directions; equal arguments give equal weights.
        decay: `risk`: weight of the squared weights of the standardized features.
        smooth: `exact`: as in `line_search`.

    Raises:
        UsageError: no lists, a feature that is not a number, no such feature or method, or counts that differ.
    """
    if method not in get_args(Method):
        raise UsageError(f"There is no method {method!r}.", suggest(method, get_args(Method)))
    table = _with_errors(features, errors)
    begin = _vector(features, np.zeros(len(features.names)) if start is None else start)
    spread = table.spread()
    free = (spread > 0) & ~_named(features.names, fixed)
    varied = table.varied()
    if not free.any() or not len(varied.starts):
        return _tuned(features, table, begin)
    unit = np.where(free, spread, 1.0)
    standard = replace(varied, values=varied.values / unit)
    points = list(_points(begin * unit, free, restarts, np.random.default_rng(seed)))
    if method == "exact":
        found = _exact(standard, points, free, smooth, np.random.default_rng(seed + 1))
    else:
        found = _risk(standard, points, free, decay)
    return min(_tuned(features, table, begin), _tuned(features, table, found / unit), key=lambda tuned: tuned.errors)


def _points(begin: Floats, free: Bools, restarts: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Where searches begin: the given weights, and random ones."""
    yield begin
    size = float(np.linalg.norm(begin)) or 1.0
    for _ in range(restarts):
        yield np.where(free, rng.standard_normal(len(begin)) * size, begin)


def _exact(table: Table, points: Sequence[Floats], free: Bools, smooth: float, rng: np.random.Generator) -> Floats:
    found = [_climb(table, point, free, smooth, rng) for point in points]
    return min(found, key=lambda pair: pair[1])[0]


def _climb(table: Table, point: Floats, free: Bools, smooth: float, rng: np.random.Generator) -> tuple[Floats, float]:
    """Line searches along every free feature and as many random directions, until a round gains nothing."""
    axes = np.eye(len(point))[free]
    errors, before = np.inf, np.inf
    while True:
        wild = np.where(free, rng.standard_normal((len(axes), len(point))), 0.0)
        for direction in (*axes, *wild):
            step, reached = line(table, point, direction, smooth)
            if reached < errors - _SAME:
                point, errors = point + step * direction, reached
        if errors > before - _SAME:
            return point, errors
        before = errors


def _risk(table: Table, points: Sequence[Floats], free: Bools, decay: float) -> Floats:
    def objective(point: Floats) -> tuple[float, Floats]:
        value, gradient = risk(table, point, decay)
        return value, np.where(free, gradient, 0.0)

    return min((descend(objective, point) for point in points), key=lambda point: objective(point)[0])


def _tuned(features: Features, table: Table, weights: Floats) -> Tuned:
    size = float(np.abs(weights).sum())
    weights = weights / size if size else weights
    return Tuned(features.names, weights, round(table.total(weights)))


def posteriors(features: Features, weights: Sequence[float] | Floats, temperature: float) -> list[Floats]:
    """Softmax of `values @ weights / temperature` over each list; 0 for hypotheses that may not be chosen.

    Raises:
        UsageError: the temperature is not above 0, a feature is not a number, or counts differ.
    """
    if not temperature > 0:
        raise UsageError(f"The temperature is {temperature}.", "Use a number above 0.")
    table = _without_errors(features)
    result = [np.zeros(len(rows)) for rows in features.values]
    share = table.posteriors(scores(table.values, _vector(features, weights)) / temperature)
    for i, place, mass in zip(table.owner.tolist(), table.place.tolist(), share.tolist(), strict=True):
        if len(result[i]):
            result[i][place] = mass
    return result


def temperature(features: Features, errors: Sequence[Ints], weights: Sequence[float] | Floats) -> float:
    """The temperature under which the hypotheses with the fewest errors are most likely.

    Maximum likelihood, with the targets of Platt (1999): of n lists each counts as right (n + 1) / (n + 2) of the time,
    so that a few lists do not make anything certain. Of several best hypotheses of a list any will do, so lists whose
    hypotheses all have the same errors say nothing. 1 where no list says anything.

    Raises:
        UsageError: as `tune` does.
    """
    table = _with_errors(features, errors).varied()
    if not len(table.starts):
        return 1.0
    score = scores(table.values, _vector(features, weights))
    score -= (np.add.reduceat(score, table.starts) / np.bincount(table.owner))[table.owner]
    size = float(np.sqrt((score**2).mean()))
    if not size:
        return 1.0
    low = table.lowest()
    doubt = 1 / (len(table.starts) + 2)

    def surprise(log_temperature: float) -> float:
        cooled = score / (size * math.exp(log_temperature))
        right, wrong = (table.log_sum(np.where(part, cooled, -np.inf)) for part in (low, ~low))
        return float((table.log_sum(cooled) - (1 - doubt) * right - doubt * wrong).sum())

    return size * math.exp(_minimum(surprise, *_RANGE))


def _minimum(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function of one number is least: the best of a grid, made finer and finer."""
    while high - low > 1e-9:
        grid = np.linspace(low, high, 41)
        best = int(np.argmin([function(at) for at in grid.tolist()]))
        low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, 40)])
    return (low + high) / 2


def folds(keys: Sequence[str], k: int = 5, seed: int = 0) -> list[Ints]:
    """Share lists out over k folds of about equal size; lists with the same key (recording, speaker) stay together.

    Args:
        keys: The key of each list.
        k: How many folds.
        seed: Of the order in which keys are shared out.

    Returns:
        The indices of the lists of each fold, ascending.

    Raises:
        UsageError: k is under 2, or there are fewer keys than folds.
    """
    groups: dict[str, list[int]] = {}
    for i, key in enumerate(keys):
        groups.setdefault(key, []).append(i)
    if k < 2 or len(groups) < k:
        raise UsageError(
            f"{len(groups)} separate recordings cannot be shared out over {k} folds.",
            "Use at least 2 folds, and no more than there are recordings.",
        )
    order = list(groups)
    random.Random(seed).shuffle(order)
    parts: list[list[int]] = [[] for _ in range(k)]
    for key in sorted(order, key=lambda key: -len(groups[key])):
        min(parts, key=len).extend(groups[key])
    return [np.array(sorted(part), dtype=np.int64) for part in parts]


def cross_validate(parts: Sequence[Ints], fit: Callable[[Ints, Ints], Iterable[Prediction]]) -> list[Prediction]:
    """Predictions for every list, each made by what was fitted without its fold.

    Args:
        parts: The folds: every index from 0 once.
        fit: Gets the indices to learn from and the indices held out; gives a prediction for each of the latter. It
            must not look at the references of the held-out lists.

    Returns:
        Predictions in the order of the lists.

    Raises:
        UsageError: the folds do not hold every index once.
    """
    everything = np.concatenate([np.zeros(0, dtype=np.int64), *parts])
    if not np.array_equal(np.sort(everything), np.arange(len(everything))):
        raise UsageError("The folds do not hold every list once.", "Make them with `folds`.")
    found: dict[int, Prediction] = {}
    for held in parts:
        train = np.setdiff1d(everything, held)
        found.update(zip(held.tolist(), fit(train, held), strict=True))
    return [found[i] for i in range(len(everything))]


def select(features: Features, indices: Ints) -> Features:
    """The features of some lists, in the order of `indices`."""
    picked = indices.tolist()
    return replace(features, values=[features.values[i] for i in picked], allowed=[features.allowed[i] for i in picked])


def _with_errors(features: Features, errors: Sequence[Ints]) -> Table:
    """The hypotheses that may be chosen, with their errors."""
    if len(errors) != len(features.values):
        raise UsageError(f"There are errors of {len(errors)} lists and features of {len(features.values)}.")
    if not len(errors):
        raise UsageError("There are no lists to tune on.", "Give lists with references.")
    for i, (rows, wrong) in enumerate(zip(features.values, errors, strict=True)):
        if len(wrong) != max(len(rows), 1):
            raise UsageError(f"List {i + 1} has {len(rows)} hypotheses and errors of {len(wrong)}.")
    table = _without_errors(features)
    starts = np.cumsum([0, *map(len, errors)])[:-1]
    return replace(table, errors=np.concatenate(errors).astype(np.float64)[starts[table.owner] + table.place])


def _without_errors(features: Features) -> Table:
    """The hypotheses that may be chosen; a list without hypotheses has one row of zeros."""
    width = len(features.names)
    places = [_places(allowed) for allowed in features.allowed]
    rows = [v[p] if len(v) else np.zeros((1, width)) for v, p in zip(features.values, places, strict=True)]
    values = np.concatenate([np.zeros((0, width)), *rows])
    owner = np.repeat(np.arange(len(places)), [len(place) for place in places])
    bad = np.argwhere(~(np.abs(values) < _LARGEST))
    if len(bad):
        row, column = bad[0]
        raise UsageError(
            f"The feature {features.names[column]!r} of list {owner[row] + 1} is {values[row, column]}.",
            "Leave out the feature or the list.",
        )
    place = np.concatenate([np.zeros(0, dtype=np.int64), *places])
    return Table.of(values, np.zeros(len(values)), place, owner)


def _places(allowed: Bools) -> Ints:
    """Which hypotheses may be chosen; the first where none may or there is none."""
    places = np.flatnonzero(allowed)
    return places if len(places) else np.zeros(1, dtype=np.int64)


def _vector(features: Features, weights: Sequence[float] | Floats) -> Floats:
    vector = np.asarray(weights, dtype=np.float64)
    if vector.shape != (len(features.names),) or not np.isfinite(vector).all():
        raise UsageError(
            f"Weights must be {len(features.names)} numbers, one for each of: {', '.join(features.names)}."
        )
    return vector


def _named(names: Sequence[str], fixed: Sequence[str]) -> Bools:
    for name in fixed:
        if name not in names:
            raise UsageError(f"There is no feature {name!r} to keep fixed.", suggest(name, names))
    return np.array([name in fixed for name in names], dtype=np.bool_)
