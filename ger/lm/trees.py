"""Boosted regression trees as plain numbers: evaluated, explained, written and read without the library they came from.

The value of a row is a start plus the value of the leaf that it reaches in each tree. The value of an inner node is the
mean of its leaves, weighted by the training rows that reached them, so that every split on the way moves the value by
an amount that its feature answers for (Saabas 2014); the amounts add up to the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from ger.errors import UsageError

__all__ = ["Tree", "Trees"]

Floats = npt.NDArray[np.float64]

#: Significant digits of exported values.
_DIGITS = 7
_LEAF = -1


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree; its nodes are numbered depth first, so that the left child of node i is node i + 1.

    Attributes:
        feature: Number of the feature that a node asks for; -1 for a leaf.
        threshold: A row goes left where its feature is not above this; 0 for a leaf.
        right: Number of the right child; 0 for a leaf.
        value: Value of each node.

    Raises:
        UsageError: the nodes are no tree.
    """

    feature: tuple[int, ...]
    threshold: tuple[float, ...]
    right: tuple[int, ...]
    value: tuple[float, ...]

    def __post_init__(self) -> None:
        n = len(self.feature)
        if not n or {len(self.threshold), len(self.right), len(self.value)} != {n}:
            raise UsageError("A tree has lists of different lengths, or none.", "Make the file again.")
        inner = [i for i, feature in enumerate(self.feature) if feature != _LEAF]
        if any(not i + 1 < self.right[i] < n for i in inner) or not np.isfinite([*self.threshold, *self.value]).all():
            raise UsageError("A tree has a node without children, or a number that is none.", "Make the file again.")

    def path(self, row: Floats) -> list[int]:
        """The nodes that a row passes, from the root to a leaf."""
        at = [0]
        while (feature := self.feature[at[-1]]) != _LEAF:
            at.append(at[-1] + 1 if row[feature] <= self.threshold[at[-1]] else self.right[at[-1]])
        return at


@dataclass(frozen=True, slots=True)
class Trees:
    """A sum of trees.

    Attributes:
        names: Names of the features, in the order of a row.
        start: What the values of the leaves are added to.
        trees: The trees.

    Raises:
        UsageError: a tree asks for a feature that has no name.
    """

    names: tuple[str, ...]
    start: float
    trees: tuple[Tree, ...]

    def __post_init__(self) -> None:
        if any(not _LEAF <= feature < len(self.names) for tree in self.trees for feature in tree.feature):
            raise UsageError("A tree asks for a feature that has no name.", "Make the file again.")

    @classmethod
    def of(cls, model: Any, names: Sequence[str]) -> Trees:
        """The trees of a fitted `sklearn.ensemble.GradientBoostingRegressor` with squared errors.

        Values are rounded to 7 digits. As there, rows are compared in single precision, for which 9 digits of a
        threshold are enough.
        """
        grown = [_grown(found.tree_, float(model.learning_rate)) for found in model.estimators_[:, 0]]
        return cls(tuple(names), _rounded(float(model.init_.constant_[0, 0])), tuple(grown))

    def rows(self, values: Sequence[Mapping[str, float]], missing: float) -> Floats:
        """Features by name as an array, shape `(rows, features)`, with a value for what is missing."""
        table = [[row.get(name, missing) for name in self.names] for row in values]
        return np.array(table, dtype=np.float32).astype(np.float64).reshape(len(values), len(self.names))

    def predict(self, rows: Floats) -> Floats:
        """The value of each row."""
        return np.array(
            [self.start + sum(tree.value[tree.path(row)[-1]] for tree in self.trees) for row in _single(rows)],
            dtype=np.float64,
        )

    def contributions(self, row: Floats) -> dict[str, float]:
        """What each feature adds to the value of a row; with the value of a row on average they add up to it."""
        found = dict.fromkeys(self.names, 0.0)
        single = _single(row[None])[0]
        for tree in self.trees:
            path = tree.path(single)
            for node, child in pairwise(path):
                found[self.names[tree.feature[node]]] += tree.value[child] - tree.value[node]
        return found

    def shares(self) -> dict[str, float]:
        """How much of what the trees tell apart each feature does; the greatest first, 1 altogether."""
        spread = dict.fromkeys(self.names, 0.0)
        for tree in self.trees:
            for node, feature in enumerate(tree.feature):
                if feature != _LEAF:
                    spread[self.names[feature]] += abs(tree.value[tree.right[node]] - tree.value[node + 1])
        total = sum(spread.values()) or 1.0
        ordered = sorted(spread.items(), key=lambda item: -item[1])
        return {name: value / total for name, value in ordered if value}

    def to_json(self) -> list[dict[str, list[Any]]]:
        """Plain values: one object a tree."""
        return [
            {
                "feature": list(tree.feature),
                "threshold": list(tree.threshold),
                "right": list(tree.right),
                "value": list(tree.value),
            }
            for tree in self.trees
        ]


def _single(rows: Floats) -> Floats:
    """As single precision has them."""
    return rows.astype(np.float32).astype(np.float64)


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _limit(threshold: float) -> float:
    """The same limit for numbers of single precision, with at most 9 digits."""
    single = np.float32(threshold)
    if float(single) > threshold:
        single = np.nextafter(single, np.float32(-np.inf))
    exact = float(single)
    short = float(f"{exact:.9g}")
    return short if short >= exact else float(f"{exact + abs(exact) * 1e-8:.9g}")


def _grown(tree: Any, rate: float) -> Tree:
    """A tree of scikit-learn, whose nodes are numbered depth first, too."""
    left, right, rows = tree.children_left, tree.children_right, tree.weighted_n_node_samples
    value = rate * tree.value[:, 0, 0]
    for node in reversed(range(len(left))):  # children have greater numbers
        if left[node] != _LEAF:
            both = [left[node], right[node]]
            value[node] = float(np.average(value[both], weights=rows[both]))
    inner = left != _LEAF
    return Tree(
        tuple(int(x) for x in np.where(inner, tree.feature, _LEAF)),
        tuple(_limit(x) for x in np.where(inner, tree.threshold, 0.0).tolist()),
        tuple(int(x) for x in np.where(inner, right, 0)),
        tuple(_rounded(x) for x in value.tolist()),
    )
