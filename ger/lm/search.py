"""Errors of the chosen hypotheses as a function of the weights: exact along a line, smooth over a posterior.

Along a line `w + t d` every hypothesis has a score that is a straight line in t, so the chosen one changes only where
the upper envelope of a list bends and the errors of all lists together are piecewise constant (Och 2003, "Minimum
error rate training in statistical machine translation", ACL). The expected errors under a softmax over each list are
smooth in the weights (Smith and Eisner 2006, "Minimum risk annealing", COLING/ACL).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Bools", "Floats", "Ints", "Smooth", "Table", "descend", "line", "risk", "scores"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
#: Value and gradient at a point.
Smooth = Callable[[Floats], tuple[float, Floats]]


def scores(values: Floats, weights: Floats) -> Floats:
    """`values @ weights`, added up column by column: equal rows have equal scores wherever they stand.

    Args:
        values: Shape `(hypotheses, features)`.
        weights: Shape `(features,)`.
    """
    total = np.zeros(len(values))
    for column, weight in zip(values.T, weights.tolist(), strict=True):
        total += column * weight
    return total


@dataclass(frozen=True, slots=True)
class Table:
    """Hypotheses of all lists in one array, list after list; every list has at least one row.

    Attributes:
        values: Shape `(rows, features)`.
        errors: Word errors of each row.
        place: Where in its list the hypothesis of each row stands.
        starts: First row of each list.
        owner: The list of each row.
    """

    values: Floats
    errors: Floats
    place: Ints
    starts: Ints
    owner: Ints

    @classmethod
    def of(cls, values: Floats, errors: Floats, place: Ints, owner: Ints) -> Table:
        """A table of rows whose lists are told by equal neighbours in `owner`."""
        starts, owner, _ = _groups(owner)
        return cls(values, errors, place, starts, owner)

    def best(self, weights: Floats) -> Ints:
        """The row of each list with the highest score, the first of equals."""
        return _first_max(scores(self.values, weights), self.starts, self.owner)

    def total(self, weights: Floats) -> float:
        """Word errors of the chosen rows of all lists."""
        return float(self.errors[self.best(weights)].sum())

    def log_sum(self, score: Floats) -> Floats:
        """Log of the summed exponentials of the scores of each list."""
        top = _maximum(score, self.starts)
        found: Floats = top + np.log(np.add.reduceat(np.exp(score - top[self.owner]), self.starts))
        return found

    def posteriors(self, score: Floats) -> Floats:
        """Softmax of the scores inside each list."""
        share: Floats = np.exp(score - self.log_sum(score)[self.owner])
        return share

    def lowest(self) -> Bools:
        """Which rows have the fewest errors of their list."""
        few: Bools = self.errors == _minimum(self.errors, self.starts)[self.owner]
        return few

    def varied(self) -> Table:
        """Only the lists whose rows differ in errors: the others add the same whatever is chosen."""
        differ = _maximum(self.errors, self.starts) > _minimum(self.errors, self.starts)
        keep = differ[self.owner]
        return Table.of(self.values[keep], self.errors[keep], self.place[keep], self.owner[keep])

    def spread(self) -> Floats:
        """Standard deviation of each feature inside lists; 0 where it tells no hypotheses apart."""
        sizes = np.bincount(self.owner)[:, None]
        means = np.add.reduceat(self.values, self.starts, axis=0) / sizes
        deviation = np.sqrt(((self.values - means[self.owner]) ** 2).mean(axis=0))
        return np.where(deviation > 1e-9 * np.abs(self.values).max(axis=0), deviation, 0.0)


def line(table: Table, weights: Floats, direction: Floats, smooth: float = 0.0) -> tuple[float, float]:
    """The best step along a line: the middle of the stretch with the fewest errors.

    Steps are measured as angles, atan of t times the length of `direction` over that of `weights`, since only the
    direction of a weight vector matters; so the outer stretches have a middle too.

    Args:
        table: The lists.
        weights: Where the line starts (t = 0).
        direction: Where it goes; not all zero.
        smooth: Half width (radians) of the window over which errors are averaged before stretches are compared.

    Returns:
        t, and the word errors of all lists there (averaged over the window).
    """
    at, change, first = _bends(table, scores(table.values, weights), scores(table.values, direction))
    unit = (np.linalg.norm(weights) or 1.0) / np.linalg.norm(direction)
    order = np.argsort(at, kind="stable")
    edges = np.concatenate(([-np.pi / 2], np.arctan(at[order] / unit), [np.pi / 2]))
    errors = first + np.concatenate(([0.0], np.cumsum(change[order])))
    middles = (edges[1:] + edges[:-1]) / 2
    wide = np.flatnonzero(np.diff(edges) > 1e-9)
    if smooth:
        errors = _windowed(edges, errors, middles, smooth)
    fewest = wide[errors[wide] <= errors[wide].min() + 1e-9]
    chosen = fewest[np.argmax(np.diff(edges)[fewest])]
    return float(np.tan(middles[chosen]) * unit), float(errors[chosen])


def _windowed(edges: Floats, errors: Floats, middles: Floats, half: float) -> Floats:
    """Mean of a step function over a window around each middle, cut at the ends."""
    area = np.concatenate(([0.0], np.cumsum(errors * np.diff(edges))))
    low, high = np.maximum(middles - half, edges[0]), np.minimum(middles + half, edges[-1])
    mean: Floats = (np.interp(high, edges, area) - np.interp(low, edges, area)) / (high - low)
    return mean


def _bends(table: Table, height: Floats, slope: Floats) -> tuple[Floats, Floats, float]:
    """All places t where the upper envelope of `height + t * slope` of some list bends.

    Returns:
        The places, in no order; how many errors more are made behind each; errors of all lists at t = -infinity.
    """
    errors, starts, owner = table.errors, table.starts, table.owner
    flattest = -slope == _maximum(-slope, starts)[owner]
    top = _first_max(np.where(flattest, height, -np.inf), starts, owner)
    first = float(errors[top].sum())
    places, changes = [np.zeros(0)], [np.zeros(0)]
    while True:
        top_slope, top_height, top_errors = slope[top], height[top], errors[top]
        rise = slope - top_slope[owner]
        keep = rise > 0
        if not keep.any():
            return np.concatenate(places), np.concatenate(changes), first
        rise, height, slope, errors = rise[keep], height[keep], slope[keep], errors[keep]
        before, (starts, owner, lists) = owner[keep], _groups(owner[keep])
        with np.errstate(over="ignore"):
            meet = (top_height[before] - height) / rise
        nearest = _minimum(meet, starts)
        top = _first_max(np.where(meet == nearest[owner], slope, -np.inf), starts, owner)
        places.append(nearest)
        changes.append(errors[top] - top_errors[lists])


def risk(table: Table, weights: Floats, decay: float) -> tuple[float, Floats]:
    """Expected word errors a list under a softmax of the scores, plus `decay` times the squared weights.

    Returns:
        The value and its gradient.
    """
    mass = table.posteriors(scores(table.values, weights))
    expected = np.add.reduceat(mass * table.errors, table.starts)
    pull = mass * (table.errors - expected[table.owner])
    count = len(table.starts)
    value = float(expected.sum()) / count + decay * float(weights @ weights)
    return value, pull @ table.values / count + 2 * decay * weights


def descend(function: Smooth, start: Floats, steps: int = 200, memory: int = 8) -> Floats:
    """A local minimum of a smooth function, by limited-memory BFGS (Nocedal and Wright 2006, chapter 7).

    Args:
        function: Value and gradient at a point.
        start: Where to begin.
        steps: At most this many.
        memory: Steps that the curvature is taken from.
    """
    point = start
    value, gradient = function(point)
    pairs: list[tuple[Floats, Floats]] = []
    for _ in range(steps):
        move, new_value, new_gradient = _step(function, point, value, gradient, -_newton(gradient, pairs))
        gain, turn = value - new_value, new_gradient - gradient
        if gain <= 0:
            break
        point, value, gradient = point + move, new_value, new_gradient
        if float(move @ turn) > 0:
            pairs = [*pairs, (move, turn)][-memory:]
        if gain <= 1e-9 * max(1.0, abs(value)):
            break
    return point


def _step(
    function: Smooth, point: Floats, value: float, gradient: Floats, direction: Floats
) -> tuple[Floats, float, Floats]:
    """A move that gains enough and ends on a flatter slope (weak Wolfe conditions), by doubling and halving.

    Returns:
        The move, and value and gradient behind it.
    """
    slope = float(gradient @ direction)
    low, high, length = 0.0, np.inf, 1.0
    for _ in range(40):
        move = length * direction
        new_value, new_gradient = function(point + move)
        if new_value > value + 1e-4 * length * slope:
            high = length
        elif float(new_gradient @ direction) < 0.9 * slope:
            low = length
        else:
            break
        length = (low + high) / 2 if high < np.inf else 2 * low
    return move, new_value, new_gradient


def _newton(gradient: Floats, pairs: Sequence[tuple[Floats, Floats]]) -> Floats:
    """The gradient times an estimate of the inverse curvature (two-loop recursion)."""
    result, shares = gradient.copy(), []
    for move, turn in reversed(pairs):
        share = float(move @ result) / float(move @ turn)
        shares.append(share)
        result -= share * turn
    if pairs:
        move, turn = pairs[-1]
        result *= float(move @ turn) / float(turn @ turn)
    for (move, turn), share in zip(pairs, reversed(shares), strict=True):
        result += (share - float(turn @ result) / float(move @ turn)) * move
    return result


def _groups(owner: Ints) -> tuple[Ints, Ints, Ints]:
    """Starts of equal stretches, the number of the stretch of each row, and the old number of each stretch."""
    fresh = np.ones(len(owner), dtype=np.bool_)
    fresh[1:] = owner[1:] != owner[:-1]
    starts = np.flatnonzero(fresh)
    return starts, np.cumsum(fresh) - 1, owner[starts]


def _maximum(values: Floats, starts: Ints) -> Floats:
    found: Floats = np.maximum.reduceat(values, starts)
    return found


def _minimum(values: Floats, starts: Ints) -> Floats:
    found: Floats = np.minimum.reduceat(values, starts)
    return found


def _first_max(values: Floats, starts: Ints, owner: Ints) -> Ints:
    """Row of the first largest value of each stretch."""
    rows = np.where(values == _maximum(values, starts)[owner], np.arange(len(values)), len(values))
    found: Ints = np.minimum.reduceat(rows, starts)
    return found
