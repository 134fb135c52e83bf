import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ger.errors import UsageError
from ger.lm import search, tune
from ger.lm.features import Features
from ger.lm.tune import Method

METHODS: list[Method] = ["risk", "exact"]


def features(*lists, names=None, allowed=None):
    """Features of lists given as rows of numbers."""
    width = next((len(rows[0]) for rows in lists if rows), 1)
    values = [np.array(rows, dtype=np.float64).reshape(-1, width) for rows in lists]
    free = [np.ones(len(rows), dtype=np.bool_) for rows in values]
    return Features(
        names or tuple("abcdefgh"[:width]), values, free if allowed is None else [np.array(a, bool) for a in allowed]
    )


def wrong(*lists):
    return [np.array(row, dtype=np.int64) for row in lists]


def made(counts, width, seed, hidden=None):
    """Lists whose errors follow hidden weights, or nothing."""
    rng = np.random.default_rng(seed)
    values = [rng.standard_normal((count, width)) for count in counts]
    if hidden is None:
        errors = [rng.integers(0, 5, max(count, 1)) for count in counts]
    else:
        errors = [np.argsort(np.argsort(-(rows @ hidden))) for rows in values]
    allowed = [np.ones(count, dtype=np.bool_) for count in counts]
    return Features(tuple("abcdefgh"[:width]), values, allowed), errors


def counted(lists, errors, weights):
    """Errors of a choice made one list at a time in plain Python."""
    total = 0
    for rows, row_errors in zip(lists.values, errors, strict=True):
        marks = [math.fsum(x * w for x, w in zip(row, weights, strict=True)) for row in rows.tolist()]
        total += int(row_errors[marks.index(max(marks)) if marks else 0])
    return total


class TestChoose:
    def test_the_highest_sum_wins_and_the_earlier_of_equals(self):
        lists = features([[1, 0], [0, 1], [1, 0]], [[0, 3], [3, 0], [2, 1]])
        assert tune.choose(lists, [2, 1]).tolist() == [0, 1]
        assert tune.choose(lists, [1, 2]).tolist() == [1, 0]
        assert tune.choose(lists, [1, 1]).tolist() == [0, 0]
        assert tune.choose(lists, [0, 0]).tolist() == [0, 0]

    def test_lists_without_hypotheses_and_no_lists(self):
        assert tune.choose(features([[1.0], [2.0]], [], [[5.0]]), [1]).tolist() == [1, 0, 0]
        assert tune.choose(features(), [1]).tolist() == []

    def test_what_is_not_allowed_is_not_chosen(self):
        lists = features([[1.0], [3.0], [2.0]], allowed=[[True, False, True]])
        assert tune.choose(lists, [1]).tolist() == [2]
        assert tune.choose(lists, [-1]).tolist() == [0]

    def test_where_nothing_is_allowed_the_first_stays(self):
        assert tune.choose(features([[1.0], [3.0]], allowed=[[False, False]]), [1]).tolist() == [0]

    @pytest.mark.parametrize("place", range(9))
    def test_equal_rows_tie_wherever_they_stand(self, place):
        rng = np.random.default_rng(place)
        row, weights = rng.standard_normal(7), rng.standard_normal(7)
        rows = [row * 0.5] * 9 if row @ weights > 0 else [row * 2] * 9
        rows[place:] = [row] * (9 - place)
        assert tune.choose(features([r.tolist() for r in rows]), weights).tolist() == [place]

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e200])
    def test_numbers_that_are_none_are_named(self, value):
        lists = features([[0, 0]], [[0, 1], [1, value]], names=("acoustic", "lm"))
        with pytest.raises(UsageError, match=r"The feature 'lm' of list 2 is "):
            tune.choose(lists, [1, 1])

    def test_a_bad_number_that_is_not_allowed_does_no_harm(self):
        lists = features([[1.0], [math.nan]], allowed=[[True, False]])
        assert tune.choose(lists, [1]).tolist() == [0]

    @pytest.mark.parametrize("weights", [[1], [1, 2, 3], [1, math.nan]])
    def test_weights_must_fit(self, weights):
        with pytest.raises(UsageError, match="2 numbers, one for each of: a, b"):
            tune.choose(features([[1, 2]]), weights)


class TestLineSearch:
    def test_by_hand(self):
        # Scores along the line are 0, t - 1 and 2t - 4: the envelope bends at t = 1 and t = 3.
        lists = features([[0, 0], [-1, 1], [-4, 2]])
        step, errors = tune.line_search(lists, wrong([2, 0, 1]), [1, 0], [0, 1])
        assert errors == 0
        assert step == pytest.approx(math.tan((math.atan(1) + math.atan(3)) / 2))

    def test_outer_stretches(self):
        lists = features([[0, 0], [-1, 1], [-4, 2]])
        right, errors = tune.line_search(lists, wrong([2, 1, 0]), [1, 0], [0, 1])
        assert (right > 3, errors) == (True, 0)
        left, errors = tune.line_search(lists, wrong([0, 1, 2]), [1, 0], [0, 1])
        assert (left < 1, errors) == (True, 0)

    def test_a_line_under_the_envelope_is_never_chosen(self):
        # t / 2 - 2 lies under 0 and t - 1 everywhere.
        lists = features([[0, 0], [-1, 1], [-2, 0.5]])
        assert tune.line_search(lists, wrong([3, 2, 0]), [1, 0], [0, 1])[1] == 2

    def test_of_equal_lines_the_earlier_counts(self):
        lists = features([[0, 0], [-1, 1], [-1, 1]])
        assert tune.line_search(lists, wrong([3, 2, 0]), [1, 0], [0, 1])[1] == 2

    def test_nothing_changes_along_the_line(self):
        step, errors = tune.line_search(features([[1, 1], [2, 1]], []), wrong([0, 4], [3]), [1, 0], [0, 1])
        assert math.isfinite(step)
        assert errors == 7

    def test_smoothing_prefers_a_wide_stretch_to_a_slit(self):
        # One list has no errors only between t = 1 and 1.01; both have one each from t = 3 on.
        lists = features([[0, 0], [-1, 1], [-2.01, 2]])
        narrow = [2, 0, 1]
        assert 1 < tune.line_search(lists, wrong(narrow), [1, 0], [0, 1])[0] < 1.01
        step, errors = tune.line_search(lists, wrong(narrow), [1, 0], [0, 1], smooth=0.2)
        assert step > 1.01
        assert 1 <= errors < 1.2

    def test_zero_direction(self):
        with pytest.raises(UsageError, match="direction of a line search is zero"):
            tune.line_search(features([[1, 2]]), wrong([0]), [1, 0], [0, 0])

    @settings(max_examples=40)
    @given(
        counts=st.lists(st.integers(0, 6), min_size=1, max_size=8),
        seed=st.integers(0, 10**6),
        coarse=st.booleans(),
    )
    def test_finds_what_trying_everything_finds(self, counts, seed, coarse):
        lists, errors = made(counts, 3, seed)
        if coarse:  # Many equal lines and bends at equal places.
            lists = Features(lists.names, [np.round(rows) for rows in lists.values], lists.allowed)
        rng = np.random.default_rng(seed + 1)
        weights, direction = np.round(rng.standard_normal((2, 3)), 1) + np.full((2, 1), 1e-3)
        step, fewest = tune.line_search(lists, errors, weights, direction)
        assert fewest == counted(lists, errors, weights + step * direction)
        assert fewest == min(
            counted(lists, errors, weights + t * direction) for t in _between(lists, weights, direction)
        )


def _between(lists, weights, direction):
    """A place between any two neighbouring crossings of any two lines, and beyond the last ones."""
    crossings = set()
    for rows in lists.values:
        for one, other in itertools.combinations(rows.tolist(), 2):
            difference = np.subtract(one, other)
            if abs(difference @ direction) > 1e-9:
                crossings.add(float(-(difference @ weights) / (difference @ direction)))
    edges = [min(crossings, default=0) - 1, *sorted(crossings), max(crossings, default=0) + 1]
    return [(low + high) / 2 for low, high in itertools.pairwise(edges) if high - low > 1e-6]


class TestSearch:
    @pytest.mark.parametrize("seed", range(3))
    def test_gradient_of_the_risk(self, seed):
        lists, errors = made([3, 4, 2, 5], 3, seed)
        table = tune._with_errors(lists, errors)
        point = np.random.default_rng(seed).standard_normal(3)
        value, gradient = search.risk(table, point, 0.1)
        for i, step in enumerate(np.eye(3) * 1e-6):
            rise = search.risk(table, point + step, 0.1)[0] - search.risk(table, point - step, 0.1)[0]
            assert rise / 2e-6 == pytest.approx(gradient[i], rel=1e-4, abs=1e-7)
        assert value > 0

    def test_risk_by_hand(self):
        # Posteriors 3/4 and 1/4 with 0 and 4 errors.
        table = tune._with_errors(features([[math.log(3)], [0.0]]), wrong([0, 4]))
        assert search.risk(table, np.array([1.0]), 0.5)[0] == pytest.approx(1 + 0.5)

    def test_descent_reaches_the_bottom_of_a_bent_valley(self):
        # Rosenbrock's function: the minimum is 0 at (1, 1).
        def valley(at):
            x, y = at.tolist()
            slope = [-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)]
            return (1 - x) ** 2 + 100 * (y - x * x) ** 2, np.array(slope)

        assert search.descend(valley, np.array([-1.2, 1.0])) == pytest.approx([1, 1], abs=1e-3)

    def test_descent_stops_on_what_has_no_bottom(self):
        def endless(at):
            return float(at[0]), np.array([1.0])

        assert search.descend(endless, np.array([3.0]), steps=2)[0] < 3

    def test_descent_stays_at_a_minimum(self):
        def level(at):
            return 0.0, np.zeros(1)

        assert search.descend(level, np.array([3.0])).tolist() == [3]


class TestTune:
    @pytest.mark.parametrize("method", METHODS)
    def test_finds_weights_that_make_no_error(self, method):
        lists, errors = made([5] * 100, 4, 3, hidden=np.array([1.0, -0.5, 0.2, 0.0]))
        found = tune.tune(lists, errors, method=method, restarts=2)
        assert found.errors <= 5 < counted(lists, errors, [0, 0, 0, 0])
        assert found.errors == counted(lists, errors, found.weights)
        assert np.abs(found.weights).sum() == pytest.approx(1)
        assert found.by_name() == dict(zip("abcd", found.weights.tolist(), strict=True))
        assert found.weights / found.weights[0] == pytest.approx([1, -0.5, 0.2, 0], abs=0.1)

    @pytest.mark.parametrize("method", METHODS)
    @settings(max_examples=12)
    @given(counts=st.lists(st.integers(0, 5), min_size=1, max_size=12), seed=st.integers(0, 10**6))
    def test_never_worse_than_the_start_and_always_the_same(self, method, counts, seed):
        lists, errors = made(counts, 3, seed)
        start = np.random.default_rng(seed).standard_normal(3)
        found = tune.tune(lists, errors, start=start, method=method, restarts=2, seed=seed)
        again = tune.tune(lists, errors, start=start, method=method, restarts=2, seed=seed)
        assert found.weights.tolist() == again.weights.tolist()
        assert found.errors == counted(lists, errors, found.weights) <= counted(lists, errors, start)

    @pytest.mark.parametrize("method", METHODS)
    def test_units_of_features_do_not_matter(self, method):
        lists, errors = made([4] * 60, 3, 1)
        units = np.array([1e6, 1.0, 1e-6])
        scaled = Features(lists.names, [rows * units for rows in lists.values], lists.allowed)
        one = tune.tune(lists, errors, method=method, restarts=3)
        other = tune.tune(scaled, errors, method=method, restarts=3)
        assert tune.choose(lists, one.weights).tolist() == tune.choose(scaled, other.weights).tolist()

    @pytest.mark.parametrize("method", METHODS)
    def test_exact_where_the_best_is_known_by_trying_all(self, method):
        # With two features the weights are an angle: every direction is tried.
        lists, errors = made([4] * 12, 2, 8)
        turns = np.linspace(-math.pi, math.pi, 1001)
        best = min(counted(lists, errors, (math.cos(turn), math.sin(turn))) for turn in turns)
        found = tune.tune(lists, errors, method=method, smooth=0.0, restarts=5).errors
        assert found <= best if method == "exact" else found <= best + 3

    @pytest.mark.parametrize("method", METHODS)
    def test_what_is_constant_weighs_nothing(self, method):
        lists, errors = made([4] * 30, 2, 5)
        level = [np.column_stack([rows, np.full(len(rows), 0.1 * i)]) for i, rows in enumerate(lists.values)]
        found = tune.tune(Features(("a", "b", "level"), level, lists.allowed), errors, method=method, restarts=2)
        assert found.weights[2] == 0
        assert found.weights[0] != 0

    @pytest.mark.parametrize("method", METHODS)
    def test_fixed_features_keep_their_weights(self, method):
        lists, errors = made([4] * 60, 3, 2, hidden=np.array([1.0, -2.0, 1.0]))
        found = tune.tune(lists, errors, start=[1, 0, 0.5], fixed=["a", "c"], method=method, restarts=3)
        assert found.weights[2] / found.weights[0] == pytest.approx(0.5)
        assert found.weights[1] < 0

    def test_unknown_fixed_feature(self):
        with pytest.raises(UsageError, match=r"no feature 'acustic'.*Did you mean 'acoustic'"):
            tune.tune(features([[1.0]], names=("acoustic",)), wrong([0]), fixed=["acustic"])

    def test_unknown_method(self):
        with pytest.raises(UsageError, match=r"no method 'exakt'.*Did you mean 'exact'"):
            tune.tune(features([[1.0]]), wrong([0]), method="exakt")

    @pytest.mark.parametrize(
        ("lists", "errors", "made_errors"),
        [
            (features([[1.0]], [[2.0]]), wrong([1], [2]), 3),
            (features([], []), wrong([4], [3]), 7),
            (features([[1.0], [1.0]], [[2.0], [2.0]]), wrong([1, 0], [3, 0]), 4),
            (features([[1.0], [2.0]]), wrong([2, 2]), 2),
            (Features((), [np.zeros((2, 0))], [np.ones(2, bool)]), wrong([1, 0]), 1),
            (features([[1.0], [2.0]], allowed=[[True, False]]), wrong([2, 0]), 2),
        ],
        ids=["lists of one", "empty lists", "equal features", "equal errors", "no feature", "one allowed"],
    )
    def test_nothing_to_choose(self, lists, errors, made_errors):
        found = tune.tune(lists, errors)
        assert (found.weights.tolist(), found.errors) == ([0] * len(lists.names), made_errors)

    def test_one_list(self):
        found = tune.tune(features([[1.0], [2.0]]), wrong([2, 0]))
        assert (found.weights.tolist(), found.errors) == ([1], 0)

    def test_lists_of_a_thousand(self):
        lists, errors = made([1000] * 5, 3, 4, hidden=np.array([0.2, 1.0, 0.4]))
        assert tune.tune(lists, errors, method="exact", restarts=2).errors <= 10

    @pytest.mark.parametrize(
        ("lists", "errors", "message"),
        [
            (features(), [], "no lists to tune on"),
            (features([[1.0]], [[2.0]]), wrong([0]), "errors of 1 lists and features of 2"),
            (features([[1.0]], [[1.0], [2.0]]), wrong([0], [1]), "List 2 has 2 hypotheses and errors of 1"),
            (features([[1.0]], []), wrong([0], []), "List 2 has 0 hypotheses and errors of 0"),
            (features([[1.0], [math.nan]]), wrong([0, 1]), "feature 'a' of list 1 is nan"),
        ],
    )
    def test_what_cannot_be_tuned(self, lists, errors, message):
        with pytest.raises(UsageError, match=message):
            tune.tune(lists, errors)


class TestFolds:
    def test_a_recording_stays_together_and_folds_are_about_equal(self):
        keys = [f"talk{i % 20}" for i in range(200)]
        parts = tune.folds(keys, 5, seed=1)
        assert sorted(np.concatenate(parts).tolist()) == list(range(200))
        assert [len(part) for part in parts] == [40] * 5
        homes = [{keys[i] for i in part.tolist()} for part in parts]
        assert sum(map(len, homes)) == 20

    def test_a_large_recording_has_a_fold_of_its_own(self):
        parts = tune.folds(["long"] * 50 + [f"short{i}" for i in range(50)], 2)
        assert sorted(tuple(part.tolist()) for part in parts) == [tuple(range(50)), tuple(range(50, 100))]

    def test_the_seed_decides(self):
        keys = [str(i) for i in range(30)]
        one, same, other = (np.concatenate(tune.folds(keys, 3, seed)).tolist() for seed in (1, 1, 2))
        assert one == same
        assert one != other

    @pytest.mark.parametrize(("keys", "k"), [(["a", "a", "b"], 3), (["a", "b"], 1), ([], 2)])
    def test_too_few_recordings(self, keys, k):
        with pytest.raises(UsageError, match=f"cannot be shared out over {k} folds"):
            tune.folds(keys, k)


def held_out(lists, errors, parts, method="risk"):
    """Choices for every list, with weights tuned on the other folds."""

    def fit(train, held):
        tuned = tune.tune(tune.select(lists, train), [errors[i] for i in train], method=method, restarts=1)
        return tune.choose(tune.select(lists, held), tuned.weights).tolist()

    return tune.cross_validate(parts, fit)


class TestCrossValidate:
    def test_what_is_learnt_from_and_what_is_predicted(self):
        seen = []

        def fit(train, held):
            seen.append((train.tolist(), held.tolist()))
            return [f"{i} without {held.tolist()}" for i in held]

        found = tune.cross_validate([np.array([0, 3]), np.array([1, 2])], fit)
        assert found == ["0 without [0, 3]", "1 without [1, 2]", "2 without [1, 2]", "3 without [0, 3]"]
        assert seen == [([1, 2], [0, 3]), ([0, 3], [1, 2])]

    @pytest.mark.parametrize("method", METHODS)
    @settings(max_examples=6)
    @given(seed=st.integers(0, 10**6), fold=st.integers(0, 2))
    def test_references_of_a_fold_do_not_reach_its_own_predictions(self, method, seed, fold):
        lists, errors = made([4] * 18, 2, seed)
        parts = tune.folds([str(i) for i in range(18)], 3, seed)
        other = list(errors)
        for i in parts[fold].tolist():
            other[i] = np.random.default_rng(i).integers(0, 9, 4)
        before, after = held_out(lists, errors, parts, method), held_out(lists, other, parts, method)
        assert [before[i] for i in parts[fold]] == [after[i] for i in parts[fold]]

    @pytest.mark.parametrize("method", METHODS)
    def test_references_of_a_fold_do_reach_the_others(self, method):
        lists, errors = made([4] * 20, 1, 0, hidden=np.array([1.0]))
        parts = [np.arange(10), np.arange(10, 20)]
        turned = [3 - row for row in errors[:10]] + errors[10:]
        before, after = held_out(lists, errors, parts, method), held_out(lists, turned, parts, method)
        assert before[:10] == after[:10]
        assert all(one != other for one, other in zip(before[10:], after[10:], strict=True))

    @pytest.mark.parametrize("parts", [[[0, 1], [1, 2]], [[0], [2]], [[1, 2]]])
    def test_folds_that_are_none(self, parts):
        with pytest.raises(UsageError, match="do not hold every list once"):
            tune.cross_validate([np.array(part) for part in parts], lambda train, held: held.tolist())


class TestPosteriors:
    def test_by_hand(self):
        lists = features([[math.log(9), 0], [0, 0]], [], [[1, 7]])
        at_one, nothing, alone = tune.posteriors(lists, [1, 0], 1)
        assert at_one == pytest.approx([0.9, 0.1])
        assert nothing.tolist() == []
        assert alone.tolist() == [1]
        assert tune.posteriors(lists, [1, 0], 2)[0] == pytest.approx([0.75, 0.25])

    def test_what_is_not_allowed_has_none(self):
        lists = features([[0.0], [5.0], [0.0]], allowed=[[True, False, True]])
        assert tune.posteriors(lists, [1], 1)[0] == pytest.approx([0.5, 0, 0.5])

    def test_no_lists(self):
        assert tune.posteriors(features(), [1], 1) == []

    def test_large_scores(self):
        assert tune.posteriors(features([[-1e90], [1e90]]), [1], 0.1)[0].tolist() == [0, 1]

    @pytest.mark.parametrize("value", [0, -1, math.nan])
    def test_temperature_must_be_positive(self, value):
        with pytest.raises(UsageError, match="The temperature is"):
            tune.posteriors(features([[1.0]]), [1], value)


class TestTemperature:
    def test_three_of_four_right(self):
        # Three targets of 5/6 and one of 1/6: the first one's posterior has to be 2/3, exp(1 / T) = 2.
        lists = features(*[[[1.0], [0.0]]] * 4)
        found = tune.temperature(lists, wrong([0, 1], [0, 1], [0, 1], [1, 0]), [1])
        assert found == pytest.approx(1 / math.log(2))

    def test_any_of_the_best_will_do(self):
        # The third has posterior 1 / (2 exp(1 / T) + 1), which has to be (4 * 1/7 + 6/7) / 5: exp(1 / T) = 5/4.
        lists = features(*[[[1.0], [1.0], [0.0]]] * 5)
        found = tune.temperature(lists, [*wrong(*[[0, 0, 2]] * 4), *wrong([1, 1, 0])], [1])
        assert found == pytest.approx(1 / math.log(5 / 4))

    def test_weights_and_temperature_scale_together(self):
        lists, errors = made([5] * 100, 2, 1, hidden=np.array([1.0, 0.7]))
        assert tune.temperature(lists, errors, [10, 5]) == pytest.approx(10 * tune.temperature(lists, errors, [1, 0.5]))

    def test_lists_that_say_nothing_change_nothing(self):
        lists = features(*[[[1.0], [0.0]]] * 5, [])
        found = tune.temperature(lists, wrong([0, 1], [0, 1], [0, 1], [1, 0], [2, 2], [3]), [1])
        assert found == pytest.approx(1 / math.log(2))

    def test_always_right_is_as_sure_as_there_are_lists_and_always_wrong_is_flat(self):
        for count in (2, 98):
            lists = features(*[[[1.0], [0.0]]] * count)
            sharp = tune.temperature(lists, wrong(*[[0, 1]] * count), [1])
            expected = (count + 1) / (count + 2)
            assert tune.posteriors(lists, [1], sharp)[0] == pytest.approx([expected, 1 - expected])
        lists = features([[1.0], [0.0]], [[2.0], [0.0]])
        flat = tune.temperature(lists, wrong([1, 0], [1, 0]), [1])
        assert tune.posteriors(lists, [1], flat)[0] == pytest.approx([0.5, 0.5], abs=1e-3)

    @pytest.mark.parametrize(("errors", "weight"), [([0, 1], 0), ([2, 2], 1)])
    def test_nothing_to_fit(self, errors, weight):
        assert tune.temperature(features([[1.0], [0.0]]), wrong(errors), [weight]) == 1
