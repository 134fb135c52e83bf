"""CTC: search, score and alignment against enumeration of all alignments."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict

import numpy as np
import numpy.typing as npt
import pytest

from asr_frontends.ctc import align, forward, prefix_search

Floats = npt.NDArray[np.float64]


def posteriors(frames: int, symbols: int, seed: int, sharpness: float = 2.0) -> Floats:
    logits = np.random.default_rng(seed).normal(0, sharpness, (frames, symbols))
    return np.asarray(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))


def collapsed(labels: tuple[int, ...], blank: int) -> tuple[int, ...]:
    return tuple(label for label, _ in itertools.groupby(labels) if label != blank)


def enumerated(logp: Floats, blank: int) -> dict[tuple[int, ...], list[tuple[float, tuple[int, ...]]]]:
    """All alignments of all texts, with their log-probabilities."""
    found = defaultdict(list)
    for labels in itertools.product(range(logp.shape[1]), repeat=len(logp)):
        found[collapsed(labels, blank)].append(
            (sum(row[label] for row, label in zip(logp, labels, strict=True)), labels)
        )
    return found


@pytest.mark.parametrize(("frames", "symbols", "blank"), [(1, 2, 0), (3, 3, 2), (5, 3, 0), (6, 4, 1), (7, 3, 0)])
def test_scores_are_sums_over_all_alignments(frames: int, symbols: int, blank: int) -> None:
    logp = posteriors(frames, symbols, seed=frames)
    every = enumerated(logp, blank)
    texts = list(every)
    expected = [np.logaddexp.reduce([score for score, _ in every[text]]) for text in texts]
    assert forward(logp, texts, blank=blank) == pytest.approx(expected, abs=1e-9)
    assert sum(map(math.exp, expected)) == pytest.approx(1)


@pytest.mark.parametrize(("frames", "symbols", "blank"), [(1, 2, 0), (3, 3, 2), (5, 3, 0), (6, 4, 1), (7, 3, 0)])
def test_a_wide_search_finds_the_best_texts_in_their_order(frames: int, symbols: int, blank: int) -> None:
    logp = posteriors(frames, symbols, seed=10 + frames)
    every = {text: np.logaddexp.reduce([score for score, _ in ways]) for text, ways in enumerated(logp, blank).items()}
    expected = sorted(every, key=lambda text: -every[text])
    found = prefix_search(logp, 4096, blank=blank)
    assert [path.tokens for path in found] == expected
    assert [path.score for path in found] == pytest.approx([every[text] for text in expected], abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_a_narrow_search_finds_the_best_text_and_scores_it_whole(seed: int) -> None:
    logp = posteriors(40, 12, seed, sharpness=4.0)
    wide, narrow = prefix_search(logp, 400), prefix_search(logp, 16)
    assert len(narrow) == 16
    assert narrow[0] == wide[0]
    assert len({path.tokens for path in narrow}) == 16
    assert [path.score for path in narrow] == sorted((path.score for path in narrow), reverse=True)
    assert [path.score for path in narrow] == pytest.approx(forward(logp, [path.tokens for path in narrow]))


def test_a_prefix_that_left_the_beam_and_came_back_is_one() -> None:
    for seed in range(20):
        found = prefix_search(posteriors(30, 4, seed, sharpness=0.5), 8)
        assert len({path.tokens for path in found}) == len(found) == 8


@pytest.mark.parametrize("seed", range(8))
def test_an_alignment_is_the_most_probable_one(seed: int) -> None:
    logp = posteriors(6, 3, seed)
    for text, ways in enumerated(logp, 0).items():
        labels = max(ways)[1]
        spans = align(logp, text)
        assert len(spans) == len(text)
        drawn = [0] * len(logp)
        for token, (first, after) in zip(text, spans, strict=True):
            drawn[first:after] = [token] * (after - first)
        assert tuple(drawn) == labels


def test_no_frames_hold_the_empty_text_alone() -> None:
    nothing = np.empty((0, 3))
    assert forward(nothing, [(), (1,)]) == [0.0, -math.inf]
    assert [(path.tokens, path.score) for path in prefix_search(nothing, 4)] == [((), 0.0)]
    assert align(nothing, ()) == []
    assert forward(nothing, []) == []


def test_a_text_that_does_not_fit_is_impossible() -> None:
    logp = posteriors(3, 3, seed=1)
    assert forward(logp, [(1, 1, 1), (1, 2, 1), (1, 1)])[0] == -math.inf
    assert math.isfinite(forward(logp, [(1, 1)])[0])
    with pytest.raises(ValueError, match="3 tokens do not fit into 3 frames"):
        align(logp, (1, 1, 1))


def test_symbols_that_cannot_be_are_left_out() -> None:
    with np.errstate(divide="ignore"):
        logp = np.log(np.array([[0.0, 1.0, 0.0], [0.5, 0.5, 0.0]]))
    assert [path.tokens for path in prefix_search(logp, 9)] == [(1,)]
    assert prefix_search(logp, 9)[0].score == pytest.approx(0.0)
