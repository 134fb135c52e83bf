"""Prefix trees: every sequence is found again in its pack, whole and seeing nothing else; a hand-drawn example."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ger.lm.tree import Encoded, Pack, Tree, packs, trees

END = 99


def encoded(*texts: list[int], given: int = 1) -> list[Encoded]:
    """Sequences between a beginning of text, 0, and its end."""
    return [Encoded(i, [0, *text, END], given) for i, text in enumerate(texts)]


def test_a_tree_drawn_by_hand() -> None:
    """0 ─ 5 ─ 6 ─ 8
    │       └─ 7
    └─ 9            of the texts 568, 567, 56 and 9.
    """
    (tree,) = trees(encoded([5, 6, 8], [9], [5, 6, 7], [5, 6]), 100)
    assert [item.index for item in tree.items] == [3, 2, 0, 1]
    assert tree.tokens.tolist() == [0, 5, 6, 7, 8, 9]
    assert tree.depths.tolist() == [0, 1, 2, 3, 3, 1]
    assert tree.ends.tolist() == [6, 5, 5, 4, 5, 6]
    assert [path.tolist() for path in tree.paths] == [[0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 4], [0, 5]]


def test_only_what_is_asked_for_is_scored() -> None:
    """Of 0 5 6 END with two tokens given: 6 after 5 and the end after 6; of 0 5 7 END the same with 7."""
    (pack,) = packs(encoded([5, 6], [5, 7], given=2), 100)
    assert pack.tokens.tolist() == [[0, 5, 6, 7]]
    assert pack.nodes.tolist() == [1, 2, 3]
    assert pack.edges.tolist() == [0, 0, 1, 2]
    assert pack.targets.tolist() == [6, 7, END, END]
    assert pack.owners.tolist() == [0, 1, 0, 1]
    assert pack.totals(np.array([-1.0, -2.0, -0.25, -0.5])) == [-1.25, -2.5]


def test_nothing() -> None:
    assert list(trees([], 10)) == []
    assert list(packs([], 10)) == []


def test_a_shared_context_is_computed_once() -> None:
    context = list(range(1, 40))
    items = encoded(*([*context, n, n + 1] for n in range(50, 58)), given=40)
    (tree,) = trees(items, 1000)
    assert len(tree.tokens) == 40 + 8 * 2
    assert len(list(trees(items, 42))) == 8  # where the budget forbids it, each has its own


def test_trees_that_share_little_stay_apart() -> None:
    """One root less would not pay for the attention of so many more nodes."""
    items = encoded(*([n, *range(100, 160)] for n in range(1, 6)))
    assert [len(tree.tokens) for tree in trees(items, 10_000)] == [62] * 5


def test_rows_are_filled() -> None:
    """Trees of 62 nodes one in a row, the small ones two or more."""
    items = encoded(*([n, *range(100, 160)] for n in range(1, 4)), *([n, *range(100, 128)] for n in range(4, 8)))
    (pack,) = packs(items, 1000)
    assert pack.tokens.shape == (5, 62)
    assert sorted((pack.tokens == 0).sum(axis=1).tolist()) == [1, 1, 1, 4, 4]  # beginnings and empty places


def check(pack: Pack) -> dict[int, list[tuple[tuple[int, ...], int]]]:
    """For each item what is scored: what the model sees at the place, in order, and the token that follows."""
    found: dict[int, list[tuple[tuple[int, ...], int]]] = {item.index: [] for item in pack.items}
    width = pack.tokens.shape[1]
    for edge, target, owner in zip(pack.edges, pack.targets, pack.owners, strict=True):
        row, column = divmod(int(pack.nodes[edge]), width)
        seen = [i for i in range(column + 1) if pack.ends[row, i] > column]
        assert pack.positions[row, seen].tolist() == list(range(len(seen)))
        found[pack.items[owner].index].append((tuple(pack.tokens[row, seen].tolist()), int(target)))
    return found


texts = st.lists(st.lists(st.integers(1, 3), max_size=12), max_size=12)


@given(texts, st.integers(1, 60), st.integers(1, 4))
def test_every_sequence_is_scored_once_and_sees_itself_alone(lists: list[list[int]], budget: int, start: int) -> None:
    items = [Encoded(i, [0, *text, END], min(start, 1 + len(text))) for i, text in enumerate(lists)]
    found: dict[int, list[tuple[tuple[int, ...], int]]] = {}
    for pack in packs(items, budget):
        assert pack.tokens.size <= budget or len(pack.items) == 1
        assert len(set(pack.nodes.tolist())) == len(pack.nodes)
        assert (pack.ends > np.arange(pack.ends.shape[1])).all()  # every place sees itself: no empty softmax
        found |= check(pack)
    assert len(found) == len(items)
    for item in items:
        expected = [(tuple(item.ids[:k]), item.ids[k]) for k in range(item.given, len(item.ids))]
        assert sorted(found[item.index], key=lambda pair: len(pair[0])) == expected


@given(texts)
def test_nodes_are_the_distinct_beginnings(lists: list[list[int]]) -> None:
    grown: list[Tree] = list(trees(encoded(*lists), 10_000))
    beginnings = {tuple(text[:n]) for text in lists for n in range(len(text) + 1)}
    assert sum(len(tree.tokens) for tree in grown) >= len(beginnings)
    if len(grown) == 1:
        assert len(grown[0].tokens) == len(beginnings)


def test_large_lists_are_cut_where_attention_costs_more() -> None:
    rng = np.random.default_rng(0)
    items = encoded(*(rng.integers(1, 50, 30).tolist() for _ in range(1000)))
    sizes = [len(tree.tokens) for tree in trees(items, 10_000)]
    assert max(sizes) < 700
    assert sum(sizes) < sum(len(item.ids) - 1 for item in items)


@pytest.mark.parametrize("budget", [1, 3, 4])
def test_a_long_sequence_goes_alone(budget: int) -> None:
    made = list(packs(encoded([1, 2, 3], [1, 2, 3, 4], [7]), budget))
    assert [len(pack.items) for pack in made if pack.tokens.size > budget] in ([1, 1], [1, 1, 1], [1])
    assert sorted(item.index for pack in made for item in pack.items) == [0, 1, 2]
