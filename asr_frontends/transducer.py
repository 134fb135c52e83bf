"""Exact scores and alignments for transducers (Graves 2012), also with durations (TDT, Xu et al. 2023), in plain numpy.

A transducer walks over a grid: it is at a frame and has written so many tokens of the text. A blank goes on in time, a
token goes on in the text, and in time too where the model predicts durations. log p(text | audio) is the sum over all
ways from the first frame without a token to the end of the last frame with all of them; the last step is a blank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.floating]
    Grid = npt.NDArray[np.float64]

__all__ = ["Arcs", "align", "forward"]


@dataclass(frozen=True, slots=True)
class Arcs:
    """Log-probabilities (nats) of the steps on the grids of several texts over one recording.

    Attributes:
        blank: By the number of frames that it goes on, at least 1: shape (texts, frames, tokens of the longest + 1).
        token: The same for the next token of a text, which may go on 0 frames: shape (texts, frames, tokens of the
            longest). What lies behind the end of a shorter text is finite and has no effect.
    """

    blank: Mapping[int, Floats]
    token: Mapping[int, Floats]


def forward(arcs: Arcs, lengths: Sequence[int]) -> list[float]:
    """log p(text | audio) of each text in nats, minus infinity where no way leads to the end.

    Args:
        arcs: The steps.
        lengths: How many tokens each text has.
    """
    import numpy as np

    texts, frames, places = next(iter(arcs.blank.values())).shape
    alpha = np.full((texts, frames, places), -np.inf)
    for t in range(frames):
        came = np.full((texts, places), -np.inf)
        if t == 0:
            came[:, 0] = 0.0
        for _, value in _arrivals(arcs, alpha, t):
            came = np.logaddexp(came, value)
        before = _same_frame(arcs, t)
        alpha[:, t] = came if before is None else np.logaddexp.accumulate(came - before, axis=1) + before
    every, last = np.arange(texts), np.asarray(lengths)
    total = np.full(texts, -np.inf)
    for step, arc in arcs.blank.items():
        if step <= frames:
            total = np.logaddexp(total, alpha[every, frames - step, last] + arc[every, frames - step, last])
    return [float(value) for value in total]


def align(arcs: Arcs, length: int, text: int = 0) -> list[tuple[int, int]]:
    """The most probable way of one text: the frame in which each token is written, and the frame after it.

    The frame after is that in which the model goes on, and the next one where it stays in the frame.

    Raises:
        ValueError: no way leads to the end.
    """
    import numpy as np

    own = Arcs(*({step: arc[text : text + 1] for step, arc in kind.items()} for kind in (arcs.blank, arcs.token)))
    _, frames, places = next(iter(own.blank.values())).shape
    best = np.full((1, frames, places), -np.inf)
    came_by: list[list[tuple[int, int]]] = []
    arrived = np.zeros((frames, places), dtype=np.intp)
    stayed = np.zeros((frames, places), dtype=bool)
    for t in range(frames):
        start = np.full((1, places), -np.inf)
        start[0, 0] = 0.0 if t == 0 else -np.inf
        found = [((0, 0), start), *_arrivals(own, best, t)]
        came_by.append([step for step, _ in found])
        ways = np.stack([value[0] for _, value in found])
        arrived[t], came = ways.argmax(axis=0), ways.max(axis=0)
        before = _same_frame(own, t)
        reached = came if before is None else np.maximum.accumulate(came - before[0]) + before[0]
        # The sum restores what arrived up to rounding only, and a place that was reached anew is at least as good.
        stayed[t, 1:] = reached[1:] > came[1:] + 1e-9
        best[0, t] = np.where(stayed[t], reached, came)
    ends = {s: best[0, frames - s, length] + arc[0, frames - s, length] for s, arc in own.blank.items() if s <= frames}
    step = max(ends, key=lambda step: ends[step], default=0)
    if not ends or not np.isfinite(ends[step]):
        raise ValueError(f"{length} tokens do not fit into {frames} frames.")
    spans, t, place = [(0, 0)] * length, frames - step, length
    while t or place:
        skip, written = (0, 1) if stayed[t, place] else came_by[t][arrived[t, place]]
        t, place = t - skip, place - written
        if written:
            spans[place] = (t, t + max(1, skip))
    return spans


def _arrivals(arcs: Arcs, alpha: Grid, t: int) -> list[tuple[tuple[int, int], Grid]]:
    """The ways into a frame from earlier ones: (frames, tokens) of the step, and its values, shape (texts, places)."""
    import numpy as np

    found = [((step, 0), alpha[:, t - step] + arc[:, t - step]) for step, arc in arcs.blank.items() if step <= t]
    for step, arc in arcs.token.items():
        if 0 < step <= t:
            value = np.full_like(alpha[:, t], -np.inf)
            value[:, 1:] = alpha[:, t - step, :-1] + arc[:, t - step]
            found.append(((step, 1), value))
    return found


def _same_frame(arcs: Arcs, t: int) -> Grid | None:
    """The sum of the tokens before each place, written without going on in time; shape (texts, places)."""
    import numpy as np

    if 0 not in arcs.token:
        return None
    arc = arcs.token[0][:, t].astype(np.float64)
    return np.concatenate([np.zeros((len(arc), 1)), np.cumsum(arc, axis=1)], axis=1)
