"""Transducer scores and alignments against the enumeration of all ways through small grids."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from asr_frontends.transducer import Arcs, align, forward

FRAMES = 4


def arcs(texts: int, longest: int, blanks: tuple[int, ...], tokens: tuple[int, ...], seed: int = 0) -> Arcs:
    rng = np.random.default_rng(seed)
    return Arcs(
        {step: -rng.exponential(size=(texts, FRAMES, longest + 1)) for step in blanks},
        {step: -rng.exponential(size=(texts, FRAMES, longest)) for step in tokens},
    )


def ways(given: Arcs, text: int, length: int, t: int = 0, u: int = 0) -> Iterator[tuple[float, list[tuple[int, int]]]]:
    """Every way from a place to the end: its log-probability, and the spans of its tokens."""
    for step, arc in given.blank.items():
        if t + step == FRAMES and u == length:
            yield float(arc[text, t, u]), []
        elif t + step < FRAMES:
            for score, spans in ways(given, text, length, t + step, u):
                yield float(arc[text, t, u]) + score, spans
    for step, arc in given.token.items():
        if u < length and t + step < FRAMES:
            for score, spans in ways(given, text, length, t + step, u + 1):
                yield float(arc[text, t, u]) + score, [(t, t + max(1, step)), *spans]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("blanks", "tokens"), [((1,), (0,)), ((1, 2, 4), (0, 1, 2, 4)), ((1, 2), (1, 2))])
def test_sums_and_best_ways(blanks: tuple[int, ...], tokens: tuple[int, ...], seed: int) -> None:
    lengths = (0, 3, 1, 2)
    given = arcs(len(lengths), 3, blanks, tokens, seed)
    scores = forward(given, lengths)
    for text, length in enumerate(lengths):
        every = list(ways(given, text, length))
        assert scores[text] == pytest.approx(math.log(sum(math.exp(score) for score, _ in every)), abs=1e-9)
        assert align(given, length, text) == max(every)[1]


def test_what_does_not_fit() -> None:
    given = arcs(1, 5, (1,), (1,))
    assert forward(given, [5]) == [-math.inf]
    with pytest.raises(ValueError, match="5 tokens do not fit into 4 frames"):
        align(given, 5)


def test_long_texts_stay_exact() -> None:
    """One token a frame and nothing else is possible: the sum is that of its steps."""
    frames, length = 1000, 999
    blank, token = np.full((1, frames, length + 1), -50.0), np.full((1, frames, length), -3.25)
    assert forward(Arcs({1: blank}, {1: token}), [length]) == [pytest.approx(-3.25 * length - 50.0, abs=1e-6)]
    same_frame = Arcs({frames: blank}, {0: token})
    assert forward(same_frame, [length]) == [pytest.approx(-3.25 * length - 50.0, abs=1e-6)]
