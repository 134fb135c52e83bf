"""How good translations are: BLEU, chrF, chrF++ and TER, by sacrebleu and with its signatures.

sacrebleu reduces each pair of texts to a row of counts, and a corpus has the score of the sum of its rows. The rows are
kept, so that groups, intervals and the comparison of two systems come from one pass over the texts. Intervals are those
of `ger.evaluate.bootstrap`; of two systems the same utterances are drawn (Koehn 2004, "Statistical significance tests
for machine translation evaluation").

All scores are in percent. Of TER less is better, of the others more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ger.errors import DependencyError, UsageError
from ger.evaluate.bootstrap import RESAMPLES, SEED, resampled
from ger.evaluate.sources import Item
from ger.languages import code_of
from ger.registry import suggest

__all__ = ["METRICS", "Quality", "Rival", "Table", "Translation", "measure"]

#: What can be measured, and how it is written.
METRICS = {"bleu": "BLEU", "chrf": "chrF", "chrf++": "chrF++", "ter": "TER"}

#: Tokenizers of BLEU for languages that 13a, the usual one, does not cut into words.
_TOKENIZERS = {"zh": "zh", "yue": "zh", "ja": "ja-mecab", "ko": "ko-mecab"} | dict.fromkeys(
    ("th", "lo", "my", "km", "bo"), "char"
)
_EXTRAS = {"ja-mecab": "ja", "ko-mecab": "ko"}
_UNSPACED = ("zh", "ja-mecab", "char")

_Interval = tuple[float, float]
_Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rival:
    """Another system on the same utterances.

    Attributes:
        score: Its score.
        difference: Interval (95 %) of our score minus its score.
        p_value: Two-sided, of the paired bootstrap.
    """

    score: float
    difference: _Interval
    p_value: float


@dataclass(frozen=True, slots=True)
class Quality:
    """What one metric says of a corpus.

    Attributes:
        metric: Name in `METRICS`.
        score: The score of the corpus.
        interval: Bootstrap interval (95 %).
        signature: sacrebleu's.
        oracle: Score of the best hypothesis of each list by sentence chrF; `None` without lists.
        baseline: The first hypothesis of each list; `None` without lists.
        against: The second system, if there is one.
    """

    metric: str
    score: float
    interval: _Interval
    signature: str
    oracle: float | None = None
    baseline: Rival | None = None
    against: Rival | None = None

    def to_json(self) -> dict[str, Any]:
        """A plain JSON value, its keys beginning or ending with the metric's name."""
        name = self.metric
        value: dict[str, Any] = {name: self.score, f"{name}_ci": list(self.interval)}
        if self.baseline:
            value |= {
                f"baseline_{name}": self.baseline.score,
                f"oracle_{name}": self.oracle,
                f"{name}_difference_ci": list(self.baseline.difference),
                f"{name}_p_value": self.baseline.p_value,
            }
        return value


@dataclass(frozen=True, slots=True)
class Translation:
    """What all metrics say of a corpus.

    Attributes:
        qualities: One for each metric.
        changed: Utterances that differ from the baseline; `None` without lists.
        helped: Those of them with a higher sentence chrF than it.
        harmed: Those with a lower one.
    """

    qualities: tuple[Quality, ...]
    changed: int | None = None
    helped: int = 0
    harmed: int = 0

    def to_json(self) -> dict[str, Any]:
        """A plain JSON value, without the counts of what changed."""
        value: dict[str, Any] = {}
        for quality in self.qualities:
            value |= quality.to_json()
        against = {quality.metric: quality.against for quality in self.qualities if quality.against}
        if against:
            value["against"] = {
                name: {"score": rival.score, "difference_ci": list(rival.difference), "p_value": rival.p_value}
                for name, rival in against.items()
            }
        return value | {"signatures": {quality.metric: quality.signature for quality in self.qualities}}

    def changes(self) -> dict[str, Any]:
        """A plain JSON value of what changed."""
        if self.changed is None:
            return {}
        rate = self.harmed / self.changed if self.changed else math.nan
        return {"changed": self.changed, "helped": self.helped, "harmed": self.harmed, "harmful_edit_rate": rate}


@dataclass(frozen=True, slots=True)
class Table:
    """What sacrebleu counts of every utterance.

    Attributes:
        metrics: Its metrics by name.
        rows: Of each metric the counts of `ours` and, where there are, of `baseline`, `oracle` and `against`; each of
            shape `(utterances, counts)`.
        gains: Sentence chrF minus that of the baseline, shape `(utterances,)`; empty without lists.
        differs: Whether the text is another than that of the baseline; empty without lists.
    """

    metrics: Mapping[str, Any]
    rows: Mapping[str, Mapping[str, _Rows]]
    gains: npt.NDArray[np.float64]
    differs: npt.NDArray[np.bool_]

    def summary(self, chosen: npt.NDArray[np.bool_] | None = None) -> Translation:
        """The scores of all utterances, or of some."""
        qualities = tuple(
            _quality(name, metric, {side: _some(rows, chosen) for side, rows in self.rows[name].items()})
            for name, metric in self.metrics.items()
        )
        if not len(self.differs):
            return Translation(qualities)
        gains, differs = _some(self.gains, chosen), _some(self.differs, chosen)
        return Translation(qualities, int(differs.sum()), int((gains > 0).sum()), int((gains < 0).sum()))


def measure(
    items: Sequence[Item],
    normalize: Any,
    names: Sequence[str],
    language: str | None = None,
    tokenize: str | None = None,
) -> Table:
    """Count every utterance.

    Args:
        items: The utterances; all have a list or none has, and the same of a second text.
        normalize: Applied to every text first.
        names: Names in `METRICS`.
        language: The language of the texts, which chooses BLEU's tokenizer; where none is given, the one that all
            items say they are in.
        tokenize: Name of the tokenizer, a better choice than the language's.

    Raises:
        DependencyError: sacrebleu is not installed.
        UsageError: there is no such tokenizer or language, or the tokenizer needs another package.
    """
    told = {item.target for item in items}
    language = code_of(language) if language else (told.pop() if len(told) == 1 else None)
    metrics = _metrics(names, tokenize or _TOKENIZERS.get(language or "", "13a"))
    chrf = _metrics(["chrf"], "13a")["chrf"]
    references = [normalize(item.reference) for item in items]
    sides = {"ours": [normalize(item.hypothesis) for item in items]}
    gains, differs = np.zeros(0), np.zeros(0, dtype=np.bool_)
    if items and items[0].hypotheses is not None:
        lists = [[normalize(text) for text in item.hypotheses or ()] or [""] for item in items]
        sides["baseline"] = [texts[0] for texts in lists]
        sides["oracle"] = [_best(chrf, *pair) for pair in zip(lists, references, strict=True)]
        ours, first = (
            np.array([_sentence(chrf, text, said) for text, said in zip(sides[side], references, strict=True)])
            for side in ("ours", "baseline")
        )
        gains = ours - first
        differs = np.array([a != b for a, b in zip(sides["ours"], sides["baseline"], strict=True)])
    if items and items[0].against is not None:
        sides["against"] = [normalize(item.against or "") for item in items]
    rows = {
        name: {side: _rows(metric, texts, references) for side, texts in sides.items()}
        for name, metric in metrics.items()
    }
    return Table(metrics, rows, gains, differs)


def _metrics(names: Sequence[str], tokenize: str) -> dict[str, Any]:
    try:
        from sacrebleu.metrics import BLEU, CHRF, TER
    except ImportError as error:
        raise DependencyError("sacrebleu", "evaluate") from error
    if tokenize not in BLEU.TOKENIZERS:
        raise UsageError(f"There is no tokenizer called {tokenize!r}.", suggest(tokenize, BLEU.TOKENIZERS))
    unspaced = tokenize in _UNSPACED
    makers: dict[str, Callable[[], Any]] = {
        "bleu": lambda: BLEU(tokenize=tokenize, force=True),
        "chrf": CHRF,
        "chrf++": lambda: CHRF(word_order=2),
        "ter": lambda: TER(normalized=unspaced, asian_support=unspaced),
    }
    try:
        return {name: makers[name]() for name in names}
    except (ImportError, RuntimeError) as error:
        extra = _EXTRAS.get(tokenize, "")
        hint = f"Run: pip install 'sacrebleu[{extra}]', or add --tokenize char." if extra else "Use --tokenize char."
        raise UsageError(f"The tokenizer {tokenize!r} needs a package that is not installed.", hint) from error


def _rows(metric: Any, texts: Sequence[str], references: Sequence[str]) -> _Rows:
    """sacrebleu's counts, shape `(utterances, counts)`; with one reference all are whole numbers."""
    return np.array(metric._extract_corpus_statistics(texts, [references])).astype(np.int64)


def _score(metric: Any, sums: Sequence[int]) -> float:
    return float(metric._compute_score_from_stats(list(sums)).score)


def _sentence(chrf: Any, text: str, reference: str) -> float:
    return float(chrf.sentence_score(text, [reference]).score)


def _best(chrf: Any, texts: Sequence[str], reference: str) -> str:
    """The text with the highest sentence chrF, of several the first."""
    different = list(dict.fromkeys(texts))
    return max(different, key=lambda text: _sentence(chrf, text, reference)) if len(different) > 1 else different[0]


def _quality(name: str, metric: Any, rows: Mapping[str, _Rows]) -> Quality:
    sides = [side for side in rows if side != "oracle"]
    scores = {side: _score(metric, found.sum(axis=0).tolist()) for side, found in rows.items()}
    drawn = _drawn(metric, [rows[side] for side in sides])
    ours = drawn[0]
    rivals = {
        side: Rival(scores[side], _ends(ours - theirs), _p_value(ours - theirs))
        for side, theirs in zip(sides[1:], drawn[1:], strict=True)
    }
    return Quality(
        name,
        scores["ours"],
        _ends(ours),
        metric.get_signature().format(),
        scores.get("oracle"),
        rivals.get("baseline"),
        rivals.get("against"),
    )


def _drawn(metric: Any, sides: Sequence[_Rows]) -> npt.NDArray[np.float64]:
    """Scores of drawn corpora, shape `(sides, resamples)`; the same utterances are drawn for all sides."""
    if len(sides[0]) < 2:
        return np.full((len(sides), 1), math.nan)
    sums = resampled(np.hstack(sides), RESAMPLES, SEED)
    width = sides[0].shape[1]
    parts = [sums[:, i * width : (i + 1) * width].tolist() for i in range(len(sides))]
    return np.array([[_score(metric, row) for row in part] for part in parts])


def _ends(values: npt.NDArray[np.float64]) -> _Interval:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def _p_value(differences: npt.NDArray[np.float64]) -> float:
    """Two-sided: twice the share of draws on the rarer side of zero; 1 where nothing ever differs."""
    if np.isnan(differences).any():
        return math.nan
    rarer = min((differences <= 0).sum(), (differences >= 0).sum())
    return float(min(1.0, 2 * (rarer + 1) / (len(differences) + 1)))


def _some(rows: Any, chosen: npt.NDArray[np.bool_] | None) -> Any:
    return rows if chosen is None else rows[chosen]
