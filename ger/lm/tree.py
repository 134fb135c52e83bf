"""Prefix trees of token sequences, laid end to end: a language model's work grows with distinct tokens.

Hypotheses of one list share most of their words, and all of them share the context before them. Sequences are sorted,
so that what shares a beginning stands together; neighbours that share enough grow one tree; trees are laid end to end
in rows, and rows make a pack, which is one call of the model. In a tree a node sees its ancestors and itself, at a
position that is its depth, exactly as if its sequence stood alone. Nodes are in depth-first order, so the ancestors
of node j are the nodes i <= j < ends[i], and the attention mask of a pack follows from one number a node.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

__all__ = ["Encoded", "Ints", "Pack", "Tree", "end_to_end", "packed", "packs", "trees"]

Ints = npt.NDArray[np.int64]

#: What it costs to attend to one more node, in units of all the other work for a node; measured on SmolLM2 135M on a
#: CPU. It decides only how large trees grow: two texts share a root where that saves more than the attention costs.
_ATTENTION = 1e-3


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of a prefix and a text, from the beginning of text to its end; the first `given` are not scored."""

    index: int
    ids: list[int]
    given: int


@dataclass(frozen=True, slots=True)
class Tree:
    """Sequences without their last token, merged where they begin alike.

    Attributes:
        items: The sequences.
        tokens: The token of each node, depth first.
        depths: How many nodes are above it.
        ends: The first node that is not below it.
        paths: For each sequence its nodes, root first.
    """

    items: list[Encoded]
    tokens: Ints
    depths: Ints
    ends: Ints
    paths: list[Ints]

    @property
    def given(self) -> int:
        """So many of its first nodes are above all others, and say nothing about what is scored."""
        above = np.cumprod(self.ends == len(self.tokens)).sum()
        return min(int(above), *(item.given - 1 for item in self.items))


@dataclass(frozen=True, slots=True)
class Pack:
    """Trees end to end in rows: what goes through the model at once.

    Attributes:
        items: The sequences of all its trees.
        tokens: `(rows, width)`; 0 where there is nothing.
        positions: `(rows, width)`, the depth in the tree.
        ends: `(rows, width)`, the first column that is not below this one.
        nodes: Places, counted row by row, where the next token's probability is needed; each once.
        edges: For each probability that is needed its place in `nodes`, ascending.
        targets: And its token.
        owners: And the item to whose total it belongs.
    """

    items: list[Encoded]
    tokens: Ints
    positions: Ints
    ends: Ints
    nodes: Ints
    edges: Ints
    targets: Ints
    owners: Ints

    def totals(self, logp: npt.NDArray[np.float64]) -> list[float]:
        """Sums over the items (nats) of the log-probabilities of `targets`."""
        totals: list[float] = np.bincount(self.owners, weights=logp, minlength=len(self.items)).tolist()
        return totals


def packs(items: Sequence[Encoded], budget: int) -> Iterator[Pack]:
    """All sequences, in packs of at most `budget` places; only a longer sequence exceeds it, and goes alone."""
    return packed(trees(items, budget), budget)


def packed(grown: Iterable[Tree], budget: int) -> Iterator[Pack]:
    """All trees, in packs of at most `budget` places; only a larger tree exceeds it.

    The widest tree sets the width of a pack; what is left in a row is filled with the largest trees that fit.
    """
    waiting = sorted(grown, key=lambda tree: len(tree.tokens))
    sizes = [len(tree.tokens) for tree in waiting]
    while waiting:
        width = sizes[-1]
        rows: list[list[Tree]] = []
        while waiting and (len(rows) + 1) * width <= max(budget, width):
            row, room = [], width
            while found := bisect_left(sizes, room + 1):
                row.append(waiting.pop(found - 1))
                room -= sizes.pop(found - 1)
            rows.append(row)
        yield _pack(rows, width)


def trees(items: Sequence[Encoded], budget: int) -> Iterator[Tree]:
    """Sequences that share a beginning, in trees of at most `budget` nodes where more than one sequence is in them."""
    ordered = sorted(items, key=lambda item: item.ids[:-1])
    group, shared, size = ordered[:1], [0], len(ordered[0].ids) - 1 if ordered else 0
    for before, item in pairwise(ordered):
        common, length = _common(before.ids[:-1], item.ids[:-1]), len(item.ids) - 1
        if size + length - common > budget or common <= 2 * _ATTENTION * size * (length - common):
            yield _tree(group, shared)
            group, shared, size, common = [], [], 0, 0
        group.append(item)
        shared.append(common)
        size += length - common
    if group:
        yield _tree(group, shared)


def _common(one: list[int], other: list[int]) -> int:
    """How many tokens two sequences begin with in common."""
    length = min(len(one), len(other))
    if one[:length] == other[:length]:
        return length
    return next(i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)


def _tree(items: list[Encoded], shared: list[int]) -> Tree:
    """A tree of sorted sequences, each of which shares so many nodes with the one before it."""
    size = sum(len(item.ids) - 1 - keep for item, keep in zip(items, shared, strict=True))
    tokens, depths, ends = (np.zeros(size, np.int64) for _ in range(3))
    path, paths, used = np.zeros(0, np.int64), [], 0
    for item, keep in zip(items, shared, strict=True):
        new = slice(used, used + len(item.ids) - 1 - keep)
        tokens[new] = item.ids[keep:-1]
        depths[new] = np.arange(keep, len(item.ids) - 1)
        path, used = np.concatenate([path[:keep], np.arange(new.start, new.stop)]), new.stop
        ends[path] = used
        paths.append(path)
    return Tree(items, tokens, depths, ends, paths)


def end_to_end(grown: Sequence[Tree]) -> Pack:
    """Trees in one row."""
    return _pack([list(grown)], sum(len(tree.tokens) for tree in grown))


def _pack(rows: list[list[Tree]], width: int) -> Pack:
    tokens, positions = np.zeros((2, len(rows), width), np.int64)
    ends = np.tile(np.arange(1, width + 1), (len(rows), 1))  # an empty place sees itself alone
    items: list[Encoded] = []
    places: list[Ints] = []
    targets: list[Ints] = []
    owners: list[Ints] = []
    for r, row in enumerate(rows):
        start = 0
        for tree in row:
            span = slice(start, start + len(tree.tokens))
            tokens[r, span], positions[r, span], ends[r, span] = tree.tokens, tree.depths, tree.ends + start
            for item, path in zip(tree.items, tree.paths, strict=True):
                places.append(path[item.given - 1 :] + (r * width + start))
                targets.append(np.asarray(item.ids[item.given :], np.int64))
                owners.append(np.full(len(targets[-1]), len(items)))
                items.append(item)
            start = span.stop
    nodes, edges = np.unique(np.concatenate(places), return_inverse=True)
    order = np.argsort(edges, kind="stable")
    chosen = np.concatenate(targets)[order]
    return Pack(items, tokens, positions, ends, nodes, edges[order], chosen, np.concatenate(owners)[order])
