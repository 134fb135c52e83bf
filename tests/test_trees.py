"""Boosted trees against scikit-learn's own predictions, and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ger.errors import UsageError
from ger.lm.trees import Tree, Trees

GradientBoostingRegressor = pytest.importorskip("sklearn.ensemble").GradientBoostingRegressor

NAMES = ("votes", "letters", "words")
#: Left of 0.5 in the first feature: 1. Right of it: 3 up to 7 in the third feature, else 5. Four of five went left.
BY_HAND = Tree((0, -1, 2, -1, -1), (0.5, 0.0, 7.0, 0.0, 0.0), (2, 0, 4, 0, 0), (1.6, 1.0, 4.0, 3.0, 5.0))


def rows(values: list[list[float]]) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def test_a_tree_by_hand() -> None:
    trees = Trees(NAMES, 0.25, (BY_HAND, BY_HAND))
    assert trees.predict(rows([[0.5, 0, 9], [0.6, 0, 7], [0.6, 0, 7.5]])).tolist() == [2.25, 6.25, 10.25]


def test_contributions_by_hand() -> None:
    found = Trees(NAMES, 0.25, (BY_HAND,)).contributions(rows([[0.6, 0, 9]])[0])
    assert found == pytest.approx({"votes": 2.4, "letters": 0.0, "words": 1.0})


def test_shares_add_up() -> None:
    assert Trees(NAMES, 0.0, (BY_HAND,)).shares() == pytest.approx({"votes": 3 / 5, "words": 2 / 5})
    assert Trees(NAMES, 0.0, ()).shares() == {}


def fitted(seed: int, **rest: object) -> tuple[GradientBoostingRegressor, np.ndarray]:
    random = np.random.default_rng(seed)
    table = np.round(random.normal(size=(300, 3)), 2)
    goal = np.sin(3 * table[:, 0]) + (table[:, 1] > 0.3) * table[:, 2]
    return GradientBoostingRegressor(random_state=seed, **rest).fit(table, goal), table


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_predictions_are_those_of_scikit_learn(seed: int) -> None:
    model, table = fitted(seed, n_estimators=40, max_depth=4, subsample=0.5, max_features=0.5)
    new = np.random.default_rng(seed + 9).normal(size=(200, 3))
    trees = Trees.of(model, NAMES)
    for values in (table, new):
        np.testing.assert_allclose(trees.predict(values), model.predict(values), atol=2e-6)


def test_contributions_add_up_to_the_prediction() -> None:
    model, table = fitted(3, n_estimators=20)
    trees = Trees.of(model, NAMES)
    average = trees.start + sum(tree.value[0] for tree in trees.trees)
    for row in table[:20]:
        total = average + sum(trees.contributions(row).values())
        assert total == pytest.approx(float(trees.predict(row[None])[0]), abs=1e-9)


def test_the_root_is_the_mean_of_the_training_rows() -> None:
    """Without drawing, the first tree of a model is fitted to residuals whose mean is zero."""
    model, _ = fitted(4, n_estimators=1)
    assert Trees.of(model, NAMES).trees[0].value[0] == pytest.approx(0.0, abs=1e-9)


def test_a_missing_feature_takes_the_value_for_it() -> None:
    made = Trees(NAMES, 0.0, ()).rows([{"votes": 1.0}, {"words": 2.0, "other": 7.0}], -99.0)
    assert made.tolist() == [[1.0, -99.0, -99.0], [-99.0, -99.0, 2.0]]
    assert Trees(NAMES, 0.0, ()).rows([], -99.0).shape == (0, 3)


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        (((), (), (), ()), "different lengths"),
        (((-1,), (0.0,), (0,), (1.0, 2.0)), "different lengths"),
        (((0, -1), (0.0, 0.0), (1, 0), (0.0, 0.0)), "without children"),
        (((0, -1, -1), (0.0, 0.0, 0.0), (3, 0, 0), (0.0, 0.0, 0.0)), "without children"),
        (((-1,), (0.0,), (0,), (float("nan"),)), "number that is none"),
    ],
)
def test_what_is_no_tree(tree: tuple[tuple[float, ...], ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Tree(*tree)  # type: ignore[arg-type]


def test_features_need_names() -> None:
    with pytest.raises(UsageError, match="no name"):
        Trees(("votes",), 0.0, (BY_HAND,))
