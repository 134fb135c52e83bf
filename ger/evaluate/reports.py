"""The result of scoring: counts, the rates made of them, and how sure they are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ger import __version__
from ger.errors import InputError, UnknownNameError, UsageError
from ger.evaluate import translation as translations
from ger.evaluate.bootstrap import RESAMPLES, SEED, difference_interval, interval, matched_pairs
from ger.evaluate.measure import Table, measure
from ger.evaluate.rates import Counts
from ger.evaluate.regions import CLASSES
from ger.evaluate.sources import Item
from ger.registry import suggest
from ger.text import normalize

__all__ = ["METRICS", "Biasing", "Comparison", "Report", "report"]

#: What can be measured.
METRICS = ("wer", "cer", "biasing", *translations.METRICS)
#: What is measured where nothing is said.
DEFAULT = ("wer", "cer")

#: The group of utterances that lack the field.
NO_GROUP = "(none)"

_Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A system beside another one on the same utterances.

    Attributes:
        errors: Word errors of the other one.
        changed: Utterances where the texts differ.
        helped: Utterances with fewer errors than the other one makes.
        harmed: Utterances with more.
        p_value: Of the matched-pairs test, two-sided.
        difference: Interval (95 %) of our word error rate minus the other one's, in percentage points.
    """

    errors: int
    changed: int
    helped: int
    harmed: int
    p_value: float
    difference: _Interval


@dataclass(frozen=True, slots=True)
class Biasing:
    """Errors in hotwords, see `ger.evaluate.biasing`. Rates are in percent.

    Attributes:
        words: Words of the references in hotwords.
        errors: Word errors there, and words of hotwords that were inserted.
        other_words: All other words of the references.
        other_errors: All other word errors.
        said: Hotwords that were said.
        recognized: Those of them that were recognized whole.
        written: Hotwords in the hypotheses.
        right: Those of them that were said there.
    """

    words: int
    errors: int
    other_words: int
    other_errors: int
    said: int
    recognized: int
    written: int
    right: int

    @property
    def b_wer(self) -> float:
        """Error rate of the words in hotwords."""
        return _share(self.errors, self.words)

    @property
    def u_wer(self) -> float:
        """Error rate of all other words."""
        return _share(self.other_errors, self.other_words)

    @property
    def recall(self) -> float:
        """Hotwords recognized, of those that were said."""
        return _share(self.recognized, self.said)

    @property
    def precision(self) -> float:
        """Hotwords that were said, of those that were written."""
        return _share(self.right, self.written)

    def to_json(self) -> dict[str, Any]:
        """A plain JSON value."""
        counts = {"words": self.words, "errors": self.errors, "said": self.said, "written": self.written}
        return {
            "u_wer": self.u_wer,
            "b_wer": self.b_wer,
            "hotword_recall": self.recall,
            "hotword_precision": self.precision,
            "hotwords": counts,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """Error rates of a corpus. Rates are in percent of corpus totals.

    Attributes:
        signature: How it was made, on one line.
        metrics: What was asked for.
        utterances: Number of utterances.
        counts: Word errors.
        interval: Bootstrap interval (95 %) of the word error rate.
        classes: Word errors by class (`ger.evaluate.regions.CLASSES`); they add up to `counts.errors`.
        characters: Characters of the references.
        character_errors: Errors by character.
        oracle: Word errors of the best hypothesis of each list; `None` without lists.
        unseen: Words of the references in no hypothesis; `None` without lists.
        baseline: Compared with the first hypothesis of each list; `None` without lists.
        against: Compared with a second system, if there is one.
        by: Reports of the groups.
        biasing: Errors in hotwords, where they were asked for.
        translation: What the metrics of translations say, where they were asked for.
    """

    signature: str
    metrics: tuple[str, ...]
    utterances: int
    counts: Counts
    interval: _Interval
    classes: Mapping[str, int]
    characters: int
    character_errors: int
    oracle: int | None = None
    unseen: int | None = None
    baseline: Comparison | None = None
    against: Comparison | None = None
    by: Mapping[str, Report] = field(default_factory=dict)
    biasing: Biasing | None = None
    translation: translations.Translation | None = None

    @property
    def wer(self) -> float:
        """Word error rate."""
        return self.counts.rate

    @property
    def wer_words(self) -> float:
        """Word error rate without differences of written form."""
        return self._of_words(self.classes["other"])

    @property
    def cer(self) -> float:
        """Character error rate."""
        return 100 * self.character_errors / self.characters if self.characters else math.nan

    def value(self, metric: str) -> float:
        """The rate or score of that name; of `biasing`, the error rate of the words in hotwords."""
        if self.translation and metric in translations.METRICS:
            return next(quality.score for quality in self.translation.qualities if quality.metric == metric)
        if metric == "biasing" and self.biasing:
            return self.biasing.b_wer
        return self.wer if metric == "wer" else self.cer

    def _of_words(self, errors: int) -> float:
        return 100 * errors / self.counts.total if self.counts.total else math.nan

    def to_json(self) -> dict[str, Any]:
        """A plain JSON value; what does not apply is left out."""
        value: dict[str, Any] = {"signature": self.signature, "n": self.utterances, "words": self.counts.total}
        if "wer" in self.metrics:
            value |= self._words_json()
        if "cer" in self.metrics:
            value |= {"cer": self.cer, "characters": self.characters, "character_errors": self.character_errors}
        if self.biasing:
            value |= self.biasing.to_json()
        if self.translation:
            made = self.translation.to_json()
            if "wer" in self.metrics:
                made["against"] = {**value.get("against", {}), **made.get("against", {})}
            else:
                made |= self.translation.changes()
            value |= {name: item for name, item in made.items() if item != {}}
        if self.by:
            value["by"] = {name: group.to_json() for name, group in self.by.items()}
        return {name: item for name, item in value.items() if not _undefined(item)}

    def render(self) -> str:
        """The report as text for people."""
        from ger.evaluate.render import render

        return render(self)

    def _words_json(self) -> dict[str, Any]:
        counts = self.counts
        value: dict[str, Any] = {
            "wer": self.wer,
            "wer_ci": list(self.interval),
            "wer_words": self.wer_words,
            "edits": {"sub": counts.substitutions, "del": counts.deletions, "ins": counts.insertions},
            "classes": dict(self.classes),
        }
        if self.oracle is not None and self.unseen is not None:
            value["oracle_wer"] = self._of_words(self.oracle)
            value["compositional_oracle"] = self._of_words(self.unseen)
        if self.baseline:
            value["baseline_wer"] = self._of_words(self.baseline.errors)
            value |= self._comparison(self.baseline)
            if self.oracle is not None:
                value["oracle_gap_closed"] = _share(
                    self.baseline.errors - counts.errors, self.baseline.errors - self.oracle
                )
        if self.against:
            value["against"] = {"wer": self._of_words(self.against.errors)} | self._comparison(self.against)
        return value

    def _comparison(self, other: Comparison) -> dict[str, Any]:
        value = {
            "relative_improvement": _share(other.errors - self.counts.errors, other.errors),
            "changed": other.changed,
            "helped": other.helped,
            "harmed": other.harmed,
            "harmful_edit_rate": other.harmed / other.changed if other.changed else math.nan,
            "p_value": other.p_value,
            "difference_ci": list(other.difference),
        }
        return {name: item for name, item in value.items() if not _undefined(item)}


def report(
    items: Sequence[Item],
    *,
    normalizer: str = "none",
    metrics: Sequence[str] = DEFAULT,
    language: str | None = None,
    tokenize: str | None = None,
) -> Report:
    """Score utterances.

    Args:
        items: The utterances, of `ger.evaluate.sources.read_items` or made by hand.
        normalizer: What is done to every text first, a name of `ger.text.normalize`.
        metrics: Names of `METRICS`.
        language: For BLEU and TER, the language of the texts; see `ger.evaluate.translation.measure`.
        tokenize: The tokenizer for BLEU.

    Raises:
        InputError: there is nothing to score, no reference holds a word, or only some items hold a list or a text of
            a second system.
        UnknownNameError: there is no metric or normalizer of that name.
        UsageError: no metric is named, or the tokenizer cannot be had.
        DependencyError: the normalizer, or a metric, needs a package that is not installed.
    """
    for name in metrics:
        if name not in METRICS:
            raise UnknownNameError(f"There is no metric called {name!r}.", suggest(name, METRICS))
    if not metrics:
        raise UsageError("No metric is named.", f"Known: {', '.join(METRICS)}.")
    table = measure(items, normalize.normalizer(normalizer), characters="cer" in metrics)
    if not table.counts.total:
        raise InputError("The references hold no words, so there is no error rate.", "Check the files.")
    if "biasing" in metrics and not any(item.hotwords for item in items):
        raise InputError("No utterance has hotwords.", "Records have them in 'context': {'hotwords': [...]}.")
    signature = "|".join(
        [
            ",".join(metrics),
            f"n:{len(items)}",
            f"normalizer:{normalize.signature(normalizer)}",
            f"bootstrap:{RESAMPLES}",
            f"seed:{SEED}",
            f"version:{__version__}",
        ]
    )
    wanted = [name for name in metrics if name in translations.METRICS]
    translated = None
    if wanted:
        translated = translations.measure(items, normalize.normalizer(normalizer), wanted, language, tokenize)
    made = _summary(table, signature, tuple(metrics), dict(_groups(items, table, translated, signature, metrics)))
    return replace(made, translation=translated.summary() if translated else None)


def _groups(
    items: Sequence[Item],
    table: Table,
    translated: translations.Table | None,
    signature: str,
    metrics: Sequence[str],
) -> Iterator[tuple[str, Report]]:
    """A report for each value of the field, in alphabetical order."""
    if all(item.group is None for item in items):
        return
    names = np.array([NO_GROUP if item.group is None else item.group for item in items], dtype=object)
    for name in sorted(set(names)):
        made = _summary(table.rows(names == name), signature, tuple(metrics), {})
        yield name, replace(made, translation=translated.summary(names == name) if translated else None)


def _summary(table: Table, signature: str, metrics: tuple[str, ...], by: Mapping[str, Report]) -> Report:
    return Report(
        signature=signature,
        metrics=metrics,
        utterances=len(table),
        counts=table.counts,
        interval=interval(table.errors, table["words"]),
        classes={name: table.sum(name) for name in CLASSES},
        characters=table.sum("characters"),
        character_errors=table.sum("character_errors"),
        oracle=table.sum("oracle") if table.lists else None,
        unseen=table.sum("unseen") if table.lists else None,
        baseline=_compared(table, "baseline") if table.lists else None,
        against=_compared(table, "against") if table.against else None,
        by=by,
        biasing=_biasing(table) if "biasing" in metrics else None,
    )


def _biasing(table: Table) -> Biasing:
    words, errors = table.sum("biased_words"), table.sum("biased_errors")
    return Biasing(
        words,
        errors,
        table.counts.total - words,
        table.counts.errors - errors,
        *(table.sum(name) for name in ("said", "recognized", "written", "right")),
    )


def _compared(table: Table, other: str) -> Comparison:
    ours, theirs = table.errors, table[other]
    return Comparison(
        errors=table.sum(other),
        changed=table.sum(f"{other}_other"),
        helped=int((ours < theirs).sum()),
        harmed=int((ours > theirs).sum()),
        p_value=matched_pairs(ours, theirs),
        difference=difference_interval(ours, theirs, table["words"]),
    )


def _share(part: int, whole: int) -> float:
    """A part in percent; not a number of nothing."""
    return 100 * part / whole if whole else math.nan


def _undefined(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return any(isinstance(item, float) and math.isnan(item) for item in values)
