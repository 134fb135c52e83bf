"""Which sounds recognizers take for which: how much likelier it is that a text was said, given what was heard.

The measure is the log-odds score of substitution matrices (Henikoff and Henikoff 1992): for aligned symbols a, which
was said, and b, which was heard, `log p(a, b) / (p(a) p(b))` in nats, for a symbol that has no partner the same with
the share of such symbols. The sum along the best alignment says how much likelier it is that the two are one word than
that they met by chance; longer words that agree say more than short ones. The shares are learned from pairs of what was
said and what was heard by alignment and counting in turns, Viterbi training of a stochastic edit distance (Ristad and
Yianilos 1998).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ger.errors import UsageError

__all__ = ["Confusions", "learn"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Pair = tuple[str, str]

#: What symbols weigh that were not seen in training, such as those of other scripts: equal, different, alone.
_UNKNOWN = 3.0, -3.0, -2.0
#: Before anything was learned: equal symbols, different ones, one without a partner.
_START = 3.0, -2.0, -1.5
#: Pairs that are aligned at once.
_AT_ONCE = 2048
#: Symbols of a text that count.
_LONGEST = 48
#: Chance pairs, and chance symbols without a partner, that are counted beside those of the training pairs.
_CHANCE, _ALONE = 20.0, 3.0
#: Pairs of symbols that what is known before counts as.
_KNOWN = 10_000.0


@dataclass(frozen=True, slots=True)
class Confusions:
    """Log-odds of symbols that were said and symbols that were heard.

    Attributes:
        symbols: The symbols.
        table: Shape `(n + 1, n + 1)` (nats): row 0 and column 0 are for a symbol without a partner.

    Raises:
        UsageError: the table does not fit the symbols.
    """

    symbols: str
    table: Floats
    _padded: Floats = field(init=False, repr=False, compare=False)
    _numbers: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        n = len(self.symbols) + 1
        if self.table.shape != (n, n) or not np.isfinite(self.table).all() or len(set(self.symbols)) != n - 1:
            raise UsageError(f"A table of {n - 1} symbols has {n} rows and columns of numbers.", "Make the file again.")
        padded = np.full((n + 1, n + 1), _UNKNOWN[1])
        padded[:n, :n] = self.table
        padded[0, n] = padded[n, 0] = _UNKNOWN[2]
        object.__setattr__(self, "_padded", padded)
        object.__setattr__(self, "_numbers", {symbol: i for i, symbol in enumerate(self.symbols, 1)})

    def score(self, said: Sequence[str], heard: Sequence[str]) -> Floats:
        """The log-odds of each pair of texts, shape `(pairs,)` (nats).

        Args:
            said: What may have been said, as symbols.
            heard: What was heard, as symbols; as many.
        """
        others: dict[str, int] = {}
        x, n, of_said = self._encoded(said, others)
        y, m, of_heard = self._encoded(heard, others)
        order = np.argsort(n[of_said] * _LONGEST + m[of_heard], kind="stable")
        found = np.zeros(len(of_said))
        for start in range(0, len(order), _AT_ONCE):
            part = order[start : start + _AT_ONCE]
            a, b = of_said[part], of_heard[part]
            widest = int(n[a].max()), int(m[b].max())
            found[part] = self._aligned(x[a, : widest[0]], n[a], y[b, : widest[1]], m[b])
        return found

    def _aligned(self, x: Ints, n: Ints, y: Ints, m: Ints) -> Floats:
        """Best global alignments (Needleman and Wunsch 1970) of padded pairs, a row of all their tables at a time."""
        known = len(self.symbols) + 1
        clipped = np.minimum(y, known)
        alone = np.zeros((len(y), y.shape[1] + 1))
        np.cumsum(self._padded[0, clipped], axis=1, out=alone[:, 1:])
        best, all_pairs = alone.copy(), np.arange(len(y))
        found = np.where(n == 0, best[all_pairs, m], 0.0)
        strange = bool((y >= known).any())
        for i in range(x.shape[1]):
            a = np.minimum(x[:, i], known)
            pair = self._padded[a[:, None], clipped]
            if strange:
                pair = np.where((x[:, i, None] == y) & (y >= known), _UNKNOWN[0], pair)
            step = best + self._padded[a, 0][:, None]
            np.maximum(step[:, 1:], best[:, :-1] + pair, out=step[:, 1:])
            # A run of heard symbols without partners may follow any of these.
            best = np.maximum.accumulate(step - alone, axis=1) + alone
            found = np.where(n == i + 1, best[all_pairs, m], found)
        return found

    def _encoded(self, texts: Sequence[str], others: dict[str, int]) -> tuple[Ints, Ints, Ints]:
        """Numbers of the symbols of the different texts, padded with 0; their lengths; which of them each text is."""
        known = len(self.symbols) + 1
        different: dict[str, int] = {}
        which = np.array([different.setdefault(text, len(different)) for text in texts], dtype=np.int64)
        rows = [
            [self._numbers.get(c) or known + others.setdefault(c, len(others)) for c in text[:_LONGEST]]
            for text in different
        ]
        lengths = np.array([len(row) for row in rows], dtype=np.int64)
        made = np.zeros((len(rows), max(1, int(lengths.max(initial=0)))), dtype=np.int64)
        for i, row in enumerate(rows):
            made[i, : len(row)] = row
        return made, lengths, which

    def to_json(self) -> dict[str, Any]:
        """Plain values; log-odds in hundredths of a nat."""
        return {"symbols": self.symbols, "table": [[round(100 * v) for v in row] for row in self.table.tolist()]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Confusions:
        """Read what `to_json` wrote.

        Raises:
            UsageError: the table does not fit the symbols.
            KeyError, TypeError, ValueError: something is missing or of a wrong type.
        """
        return cls(str(value["symbols"]), np.array(value["table"], dtype=np.float64) / 100)


def learn(
    pairs: Mapping[Pair, float], key: Callable[[str], str], rounds: int = 5, known: Confusions | None = None
) -> Confusions:
    """Learn from what was said and what was heard in its place.

    Args:
        pairs: How often each pair of texts occurred; right ones need not be among them.
        key: Makes the symbols of a text.
        rounds: How often pairs are aligned and counted.
        known: What is known before; counts beside the pairs (as a Dirichlet prior does) as 10,000 pairs of symbols.

    Raises:
        UsageError: there are no pairs, and nothing is known before.
    """
    keyed: Counter[Pair] = Counter()
    for (said, heard), count in pairs.items():
        a, b = key(said)[:_LONGEST], key(heard)[:_LONGEST]
        if a and b:
            keyed[a, b] += count  # type: ignore[assignment]
    if not keyed:
        if known:
            return known
        raise UsageError("There is no word that was taken for another.", "Give lists with references.")
    symbols = "".join(sorted(set(known.symbols if known else "").union(*(set(a) | set(b) for a, b in keyed))))
    n = len(symbols) + 1
    table = np.full((n, n), _START[1])
    np.fill_diagonal(table, _START[0])
    table[0, :] = table[:, 0] = _START[2]
    before, weights = np.ones((n, n)), np.zeros((n, n))
    if known:
        at = [0, *(symbols.index(symbol) + 1 for symbol in known.symbols)]
        of_known = np.ix_(at, at)
        table[of_known], before[of_known], weights[of_known] = known.table, np.exp(known.table), _KNOWN
    made = Confusions(symbols, table)
    for _ in range(rounds):
        made = _counted(made, keyed, before, weights)
    return made


def _counted(made: Confusions, pairs: Mapping[Pair, float], before: Floats, weights: Floats) -> Confusions:
    """Log-odds from the symbols that an earlier table aligns, and from odds known before that weigh as many pairs."""
    n = len(made.symbols) + 1
    together = np.zeros((n, n))
    for (said, heard), count in pairs.items():
        for a, b in _path(made, said, heard):
            together[a, b] += count
    said_of, heard_of = together[1:].sum(axis=1), together[:, 1:].sum(axis=0)
    p, q = (said_of + 0.5) / (said_of + 0.5).sum(), (heard_of + 0.5) / (heard_of + 0.5).sum()
    total = together.sum()
    table = np.zeros((n, n))
    table[1:, 1:] = np.log((together[1:, 1:] + _CHANCE * np.outer(p, q)) / (total + _CHANCE) / np.outer(p, q))
    table[1:, 0] = np.log((together[1:, 0] + _ALONE * p) / (total + 2 * _ALONE) / p)
    table[0, 1:] = np.log((together[0, 1:] + _ALONE * q) / (total + 2 * _ALONE) / q)
    table = np.log((total * np.exp(table) + weights * before) / (total + weights))
    return Confusions(made.symbols, table)


def _path(made: Confusions, said: str, heard: str) -> Iterable[tuple[int, int]]:
    """The numbers of aligned symbols of the best alignment, 0 for none."""
    x, y = [made.symbols.index(c) + 1 for c in said], [made.symbols.index(c) + 1 for c in heard]
    table = made.table.tolist()
    rows = [[(0.0, 0)]]
    for b in y:
        rows[0].append((rows[0][-1][0] + table[0][b], 2))
    for a in x:
        above = rows[-1]
        row = [(above[0][0] + table[a][0], 1)]
        for j, b in enumerate(y):
            row.append(
                max((above[j][0] + table[a][b], 0), (above[j + 1][0] + table[a][0], 1), (row[j][0] + table[0][b], 2))
            )
        rows.append(row)
    i, j = len(x), len(y)
    while i or j:
        step = rows[i][j][1]
        yield (x[i - 1] if step != 2 else 0), (y[j - 1] if step != 1 else 0)
        i, j = i - (step != 2), j - (step != 1)
