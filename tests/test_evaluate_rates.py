"""Counts add up, agree with jiwer, and say how sure they are."""

import math
import statistics

import jiwer
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ger.errors import UsageError
from ger.evaluate.bootstrap import difference_interval, interval, matched_pairs
from ger.evaluate.rates import (
    Counts,
    char_counts,
    count_errors,
    distance,
    oracle_errors,
    unseen_words,
    word_counts,
)

_TEXT = st.lists(st.sampled_from(["a", "b", "c", "dd", "e"]), max_size=8).map(" ".join)
_PAIRS = st.lists(st.tuples(_TEXT.filter(bool), _TEXT), min_size=1, max_size=6)


@given(_PAIRS)
def test_words_as_jiwer_counts_them(pairs: list[tuple[str, str]]) -> None:
    counts = count_errors(pairs)
    theirs = jiwer.process_words([a for a, _ in pairs], [b for _, b in pairs])
    assert counts == Counts(theirs.hits, theirs.substitutions, theirs.deletions, theirs.insertions)
    assert counts.rate == pytest.approx(100 * theirs.wer)


@given(_TEXT.filter(bool), _TEXT)
def test_characters_as_jiwer_counts_them(reference: str, hypothesis: str) -> None:
    theirs = jiwer.process_characters(reference, hypothesis)
    ours = char_counts(reference, hypothesis)
    assert ours == Counts(theirs.hits, theirs.substitutions, theirs.deletions, theirs.insertions)


def test_characters_ignore_how_much_white_space_stands() -> None:
    assert char_counts(" a  b\n", "a b") == Counts(hits=3)


@given(_PAIRS, _PAIRS)
def test_counts_add_up(first: list[tuple[str, str]], second: list[tuple[str, str]]) -> None:
    assert count_errors(first) + count_errors(second) == count_errors(first + second)


@given(_TEXT, _TEXT)
def test_totals(reference: str, hypothesis: str) -> None:
    a, b = reference.split(), hypothesis.split()
    counts = word_counts(a, b)
    assert counts.total == len(a)
    assert counts.hits + counts.substitutions + counts.insertions == len(b)
    assert counts.errors == distance(a, b)


def test_by_hand() -> None:
    counts = count_errors([("the cat sat on the mat", "well the cat sit on mat")])
    assert counts == Counts(hits=4, substitutions=1, deletions=1, insertions=1)
    assert counts.rate == 50
    assert math.isnan(Counts(insertions=2).rate)


def test_oracles() -> None:
    reference = ["we", "met", "at", "noon"]
    lists = [["we", "met", "at", "new"], ["he", "met", "it", "noon"]]
    assert oracle_errors(reference, lists) == 1
    assert unseen_words(reference, lists) == 0
    assert unseen_words([*reference, "noon", "there"], [["we"], ["noon"]]) == 3
    assert oracle_errors(reference, []) == unseen_words(reference, []) == 4


def test_interval_as_drawn_one_by_one() -> None:
    random = np.random.default_rng(7)
    words = random.integers(1, 30, 400)
    errors = random.binomial(words, 0.1)
    drawn = random.integers(0, 400, (20_000, 400))
    expected = np.quantile(100 * errors[drawn].sum(1) / words[drawn].sum(1), [0.025, 0.975])
    assert interval(errors, words, resamples=20_000) == pytest.approx(expected, abs=0.05)
    assert interval(list(errors), list(words)) == interval(errors, words)
    assert interval(errors, words, seed=1) != interval(errors, words, seed=2)
    low, high = interval(errors, words, level=0.5)
    assert interval(errors, words)[0] < low < high < interval(errors, words)[1]


def test_difference_is_drawn_on_the_same_utterances() -> None:
    random = np.random.default_rng(3)
    words = random.integers(5, 30, 500)
    theirs = random.binomial(words, 0.3)
    ours = theirs - (random.random(500) < 0.2)
    ours = np.maximum(ours, 0)
    low, high = difference_interval(ours, theirs, words)
    drawn = random.integers(0, 500, (20_000, 500))
    ratio = 100 * (ours - theirs)[drawn].sum(1) / words[drawn].sum(1)
    assert (low, high) == pytest.approx(np.quantile(ratio, [0.025, 0.975]), abs=0.05)
    assert difference_interval(ours, ours, words) == (0, 0)


def test_interval_of_many_kinds_of_utterances_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    words = np.arange(1, 101)
    whole = interval(words // 10, words)
    monkeypatch.setattr("ger.evaluate.bootstrap._CHUNK", 1000)
    assert interval(words // 10, words) == whole


def test_interval_without_words() -> None:
    assert all(map(math.isnan, interval([], [])))
    assert all(map(math.isnan, interval([2], [0])))
    assert all(map(math.isnan, interval([1], [4])))
    assert interval([1, 1], [4, 4]) == (25, 25)


def test_matched_pairs_by_the_formula() -> None:
    ours = [0, 1, 2, 0, 3, 1, 0, 0, 2, 1, 0, 4]
    theirs = [1, 1, 3, 0, 3, 2, 2, 0, 1, 3, 1, 4]
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    z = statistics.mean(differences) / (statistics.stdev(differences) / math.sqrt(12))
    expected = 2 * statistics.NormalDist().cdf(-abs(z))
    assert matched_pairs(ours, theirs) == matched_pairs(theirs, ours) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [([], [], 1), ([1, 2], [1, 2], 1), ([1], [2], 1), ([1, 1], [2, 2], 0.5), ([3] * 5, [2] * 5, 2 / 2**5)],
)
def test_matched_pairs_without_variance(ours: list[int], theirs: list[int], expected: float) -> None:
    assert matched_pairs(ours, theirs) == expected


def test_lengths_have_to_agree() -> None:
    with pytest.raises(UsageError, match=r"\(2, 1\)"):
        matched_pairs([1, 2], [1])
    with pytest.raises(UsageError, match=r"\(1, 2\)"):
        interval([1], [1, 2])
