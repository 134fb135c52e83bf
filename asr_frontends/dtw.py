"""When tokens were said, from what a decoder attends to: dynamic time warping, in plain numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = ["attended", "beginnings"]

_WIDTH = 7  # frames of the median filter, as in the original Whisper


def attended(weights: Floats) -> Floats:
    """How much each token attends to each frame, comparable between tokens; shape (tokens, frames).

    Args:
        weights: Attention of several heads, shape (heads, tokens, frames).
    """
    import numpy as np

    weights = weights / weights.sum(axis=-1, keepdims=True)
    weights = (weights - weights.mean(axis=1, keepdims=True)) / (weights.std(axis=1, keepdims=True) + 1e-12)
    half = _WIDTH // 2
    padded = np.pad(weights, ((0, 0), (0, 0), (half, half)), mode="reflect" if weights.shape[-1] > half else "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WIDTH, axis=-1)
    return np.asarray(np.median(windows, axis=-1).mean(axis=0))


def beginnings(scores: Floats) -> list[int]:
    """The first frame of each token on the best monotonic path through a matrix of shape (tokens, frames).

    A path begins at the first token and frame, ends at the last ones, and each of its steps goes to the next token,
    the next frame, or both.
    """
    import numpy as np

    tokens, frames = scores.shape
    total = np.full((tokens + 1, frames + 1), -np.inf)
    total[0, 0] = 0.0
    came = np.zeros((tokens + 1, frames + 1), dtype=np.int8)
    # Cells of one anti-diagonal depend on the two before it only.
    for diagonal in range(2, tokens + frames + 1):
        i = np.arange(max(1, diagonal - frames), min(tokens, diagonal - 1) + 1)
        j = diagonal - i
        ways = np.stack([total[i - 1, j - 1], total[i - 1, j], total[i, j - 1]])
        came[i, j] = ways.argmax(axis=0)
        total[i, j] = ways.max(axis=0) + scores[i - 1, j - 1]
    first = [0] * tokens
    i, j = tokens, frames
    while i > 0 and j > 0:
        first[i - 1] = j - 1
        way = came[i, j]
        i, j = i - (way != 2), j - (way != 1)
    return first
