"""How sure a rate is, and whether two systems differ: intervals and tests over utterances.

Utterances, not words, are what is drawn, because errors come in bursts (Bisani and Ney, "Bootstrap estimates for
confidence intervals in ASR performance evaluation", ICASSP 2004).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ger.errors import UsageError

__all__ = ["RESAMPLES", "SEED", "bootstrap_interval", "difference_interval", "interval", "matched_pairs", "resampled"]

#: How many times a corpus is drawn anew.
RESAMPLES = 1000
SEED = 12345
# Drawn numbers that are held at once.
_CHUNK = 4_000_000

_Ints = Sequence[int] | npt.NDArray[np.int64]


def interval(
    errors: _Ints, words: _Ints, *, level: float = 0.95, resamples: int = RESAMPLES, seed: int = SEED
) -> tuple[float, float]:
    """Percentile bootstrap interval of an error rate.

    Args:
        errors: Errors of each utterance.
        words: Reference words of the same utterances.
        level: How often the interval holds the true rate.
        resamples: How many times the corpus is drawn anew.
        seed: The same seed gives the same interval.

    Returns:
        Lower and upper end in percent; not a number where there are no words, or fewer than two utterances to draw.

    Raises:
        UsageError: the two do not have the same length.
    """
    sums = resampled(_columns(errors, words), resamples, seed)
    return _percentiles(sums[:, 0], sums[:, 1], level)


bootstrap_interval = interval


def difference_interval(
    errors_a: _Ints,
    errors_b: _Ints,
    words: _Ints,
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> tuple[float, float]:
    """Interval of the rate of system a minus the rate of system b, both drawn on the same utterances.

    Returns:
        Lower and upper end in percentage points, below zero where a is better; not a number as in `interval`.

    Raises:
        UsageError: the three do not have the same length.
    """
    sums = resampled(_columns(errors_a, errors_b, words), resamples, seed)
    return _percentiles(sums[:, 0] - sums[:, 1], sums[:, 2], level)


def matched_pairs(errors_a: _Ints, errors_b: _Ints) -> float:
    """Two-sided p-value of the matched-pairs test: do two systems make equally many errors an utterance?

    Gillick and Cox, "Some statistical issues in the comparison of speech recognition algorithms", ICASSP 1989, with
    utterances as segments: the mean difference over its standard error is taken as normal. Where all differences are
    equal they have no variance; then it is the exact probability that all signs agree. 1 where nothing differs.

    Raises:
        UsageError: the two do not have the same length.
    """
    columns = _columns(errors_a, errors_b)
    differences = (columns[:, 0] - columns[:, 1]).astype(np.float64)
    n = len(differences)
    if not differences.any():
        return 1.0
    deviation = float(differences.std(ddof=1)) if n > 1 else 0.0
    if deviation == 0:
        return min(1.0, 2.0 ** (1 - n))
    return math.erfc(abs(float(differences.mean())) / deviation * math.sqrt(n / 2))


def _columns(*columns: _Ints) -> npt.NDArray[np.int64]:
    """Sequences side by side, shape `(utterances, columns)`."""
    if len({len(column) for column in columns}) > 1:
        lengths = ", ".join(str(len(column)) for column in columns)
        raise UsageError(f"Counts of different numbers of utterances ({lengths}) cannot be compared.")
    return np.stack([np.asarray(column, dtype=np.int64) for column in columns], axis=1)


def resampled(columns: npt.NDArray[np.int64], resamples: int, seed: int) -> npt.NDArray[np.int64]:
    """Sums over utterances drawn with replacement, shape `(resamples, columns)`; zeros of fewer than two utterances.

    Equal rows are drawn together: how often each kind of row comes up is multinomial.
    """
    if len(columns) < 2:
        return np.zeros((resamples, columns.shape[1]), dtype=np.int64)
    rows, counts = np.unique(columns, axis=0, return_counts=True)
    random = np.random.default_rng(seed)
    step = max(1, _CHUNK // len(rows))
    parts = [
        random.multinomial(len(columns), counts / len(columns), size=min(step, resamples - done)) @ rows
        for done in range(0, resamples, step)
    ]
    return np.concatenate(parts)


def _percentiles(
    numerators: npt.NDArray[np.int64], denominators: npt.NDArray[np.int64], level: float
) -> tuple[float, float]:
    """Ends of the middle `level` of the ratios, in percent; draws without words do not count."""
    drawn = denominators > 0
    if not drawn.any():
        return math.nan, math.nan
    ratios = 100 * numerators[drawn] / denominators[drawn]
    low, high = np.quantile(ratios, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
