"""From lists with references to a gate: gains of edits, trees, a threshold, and what it is worth on other lists.

Every list is judged by trees that were grown without its recording (or, where that is not known, without lists of the
same reference). On these judgements the threshold is chosen: of those that lower the word error rate with the wanted
confidence (bootstrap over utterances) and keep the harmful-edit rate under its limit, the one with the fewest errors.
For the reported rates, the threshold of each fold is chosen on the other folds. Where no threshold will do, the gate
abstains, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ger import __version__
from ger.correct.gate import Gate, deltas
from ger.correct.guard import Guard
from ger.correct.guarded import sheet_of
from ger.correct.rescore import recording
from ger.errors import DependencyError, InputError, UsageError
from ger.evaluate.bootstrap import difference_interval, interval
from ger.evaluate.rates import distance
from ger.lm.edit_features import MISSING, Frequencies, commonness, features
from ger.lm.edits import SOURCES, Sheet, Sources, applied, compatible
from ger.lm.trees import Trees
from ger.lm.tune import folds as shared_out
from ger.protocols import Answer, LanguageModel
from ger.registry import suggest
from ger.text.form import Form
from ger.text.normalize import normalize
from ger.types import NBest

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FittedGate", "Growth", "Tally", "fit_gate"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Gains beyond this many words count as this many.
_LARGEST = 2.0
#: The lowest threshold (words): an edit that hardly gains anything is not worth its risk.
_LEAST = 0.05
#: Thresholds that are tried: so many quantiles of the expected gains above that.
_TRIED = 25
#: Words whose commonness is known without having seen the list itself: counted in so many parts.
_INNER = 10


@dataclass(frozen=True, slots=True)
class Growth:
    """How trees are grown; the names are scikit-learn's."""

    n_estimators: int = 120
    max_depth: int = 3
    learning_rate: float = 0.05
    subsample: float = 0.5
    max_features: float = 0.3
    min_samples_leaf: int = 20


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of utterances.

    Attributes:
        errors: Word errors of each.
        base: Word errors of each 1-best.
        changed: Whether its text changed.
    """

    errors: Ints
    base: Ints
    changed: npt.NDArray[np.bool_]

    @property
    def helped(self) -> int:
        """Utterances with fewer errors than the 1-best."""
        return int((self.errors < self.base).sum())

    @property
    def harmed(self) -> int:
        """Utterances with more errors than the 1-best."""
        return int((self.errors > self.base).sum())

    @property
    def harm(self) -> float:
        """Harmful-edit rate: harmed of changed utterances; 0 where none changed."""
        return self.harmed / max(1, int(self.changed.sum()))


@dataclass(frozen=True, slots=True)
class FittedGate:
    """A gate and how good it is; rates are word error rates in percent of all reference words.

    Attributes:
        gate: The gate.
        words: Reference words of each list.
        tally: What became of each list, cross-validated.
        answers: Word errors of each answer as it is, of the 1-best where there is none; `None` without answers.
        oracle: Word errors of the better of 1-best and what is proposed, for each list.
        edits: Proposed edits.
        folds: Parts of the cross-validation.
    """

    gate: Gate
    words: Sequence[int]
    tally: Tally
    answers: Ints | None
    oracle: Ints
    edits: int
    folds: int

    def _rate(self, errors: Ints) -> float:
        return 100 * int(errors.sum()) / max(1, sum(self.words))

    def to_json(self) -> dict[str, Any]:
        """A plain JSON value; `threshold` is null where the gate abstains."""
        tally = self.tally
        value: dict[str, Any] = {"n": len(self.words), "words": sum(self.words), "edits": self.edits}
        value["baseline_wer"] = self._rate(tally.base)
        if self.answers is not None:
            value["answers_wer"] = self._rate(self.answers)
        value |= {"cv_wer": self._rate(tally.errors), "cv_wer_ci": list(interval(tally.errors, self.words))}
        value |= {"oracle_wer": self._rate(self.oracle), "folds": self.folds}
        value |= {"changed": int(tally.changed.sum()), "helped": tally.helped, "harmed": tally.harmed}
        value["harmful_edit_rate"] = tally.harm
        value["threshold"] = None if self.gate.abstains else self.gate.threshold
        return value | {"features": self.gate.trees.shares()}

    def render(self) -> str:
        """A few lines for people."""
        value = self.to_json()
        low, high = value["cv_wer_ci"]
        rows = [f"{value['n']} lists, {value['words']} words, {value['edits']} proposed edits"]
        rows.append(f"  1-best                     {value['baseline_wer']:6.2f} %")
        if "answers_wer" in value:
            rows.append(f"  answers as they are        {value['answers_wer']:6.2f} %")
        rows += [
            f"  gated, cross-validated     {value['cv_wer']:6.2f} %  [{low:.2f}, {high:.2f}]",
            f"  perfect gate               {value['oracle_wer']:6.2f} %",
            f"  changed {value['changed']}, helped {value['helped']}, harmed {value['harmed']} "
            f"(harmful-edit rate {100 * value['harmful_edit_rate']:.1f} %)",
        ]
        if self.gate.abstains:
            return "\n".join([*rows, "No threshold lowers the errors surely enough: this gate accepts nothing."])
        rows.append(f"threshold {self.gate.threshold:.3f} word errors; what tells edits apart:")
        return "\n".join(
            [*rows, *(f"  {name:16} {share:5.1%}" for name, share in list(value["features"].items())[:10])]
        )


@dataclass(frozen=True, slots=True)
class _Problem:
    """Lists in numbers.

    Attributes:
        references: Words of each.
        texts: The references.
        sheets: Lists with their edits.
        rows: Features of the edits of each list, but for how common words are.
        gains: What each edit alone gains.
        base: Errors of each 1-best.
        keys: What is kept together.
        normalizer: Under which words are compared.
    """

    references: list[list[str]]
    texts: list[str]
    sheets: list[Sheet]
    rows: list[list[dict[str, float]]]
    gains: list[list[float]]
    base: Ints
    keys: list[str]
    normalizer: str

    def tally(self, predicted: Sequence[Floats], thresholds: Sequence[float], memory: dict[Any, int]) -> Tally:
        """What happens with a threshold for each list."""
        errors, changed = self.base.copy(), np.zeros(len(self.sheets), dtype=np.bool_)
        for i, (sheet, gains, threshold) in enumerate(zip(self.sheets, predicted, thresholds, strict=True)):
            chosen = tuple(compatible(sheet.changes, [gain - threshold for gain in gains])) if len(gains) else ()
            if chosen:
                changed[i] = True
                if (i, chosen) not in memory:
                    memory[i, chosen] = self.errors(i, applied(sheet.base, [sheet.changes[j] for j in chosen]))
                errors[i] = memory[i, chosen]
        return Tally(errors, self.base, changed)

    def errors(self, i: int, text: str) -> int:
        """Word errors of a text for a list."""
        return distance(self.references[i], normalize(text, self.normalizer).split())


def fit_gate(
    lists: Sequence[NBest],
    answers: Mapping[str, Answer] | None = None,
    *,
    sources: Sources | None = None,
    guard: Guard | None = None,
    lm: LanguageModel | None = None,
    form: Form = "sentence",
    folds: int = 5,
    confidence: float = 0.95,
    harm: float = 0.2,
    normalizer: str = "none",
    growth: Growth | None = None,
    seed: int = 0,
    progress: Callable[[float], None] = lambda lists: None,
) -> FittedGate:
    """Learn which edits to accept from lists with references.

    Args:
        lists: Lists with references.
        answers: Answers by the ids of the lists; a list may lack one.
        sources: Where edits come from; by default `answer` where there are answers, else `list`.
        guard: Rules that come before the gate, also when it is used; the default ones when left out.
        lm: A language model that judges each edit, also when the gate is used.
        form: Written form in which it reads texts.
        folds: Parts for cross-validation.
        confidence: How sure it has to be that the threshold lowers the word error rate.
        harm: Limit of the harmful-edit rate.
        normalizer: Under which words are compared.
        growth: How the trees are grown.
        seed: Of folds and trees.
        progress: Called with numbers of lists.

    Raises:
        DependencyError: scikit-learn is not installed.
        InputError: a list has no reference, or no edit is proposed.
        UsageError: the sources need answers, a limit is out of range, or there are too few recordings for the folds.
    """
    sources = sources or ("answer" if answers is not None else "list")
    if sources not in SOURCES:
        raise UsageError(f"There are no sources called {sources!r}.", suggest(sources, SOURCES))
    if answers is None and sources != "list":
        raise UsageError(f"The sources {sources!r} need answers.", "Give --answers FILE.")
    if not 0.5 <= confidence < 1 or not 0 < harm <= 1:
        raise UsageError("The confidence has to be 0.5 to 1, the limit of harm 0 to 1.", "Correct it.")
    _check(lists)
    growth = growth or Growth()
    made = _problem(lists, answers or {}, sources, guard or Guard(), lm, form, normalizer, progress)
    if not any(sheet.changes for sheet in made.sheets):
        raise InputError(
            "No edit is proposed by any answer or list.", "Give answers or lists that differ from the 1-best."
        )
    parts = shared_out(made.keys, folds, seed)
    predicted, scale = _held_out(made, parts, growth, seed)
    words = [len(reference) for reference in made.references]
    memory: dict[Any, int] = {}

    def chosen(indices: Ints) -> float:
        return _threshold(made, predicted, indices, words, confidence, harm, memory)

    everything = np.arange(len(lists))
    thresholds = np.zeros(len(lists))
    for part in parts:
        thresholds[part] = chosen(np.setdiff1d(everything, part))
    tally = made.tally(predicted, thresholds.tolist(), memory)
    trees, frequencies = _grow(made, everything, growth, seed)
    gate = Gate(trees, chosen(everything), scale, sources, frequencies, form=form)
    as_they_are = _answered(made, lists, answers) if answers is not None else None
    fitted = FittedGate(
        gate,
        words,
        tally,
        as_they_are,
        _oracle(made, as_they_are),
        sum(len(s.changes) for s in made.sheets),
        len(parts),
    )
    told = {key: value for key, value in fitted.to_json().items() if key not in ("features", "threshold")}
    told |= {"confidence": confidence, "harm": harm, "normalizer": normalizer, "seed": seed, "ger": __version__}
    told |= {"guard": (guard or Guard()).signature} | ({"language_model": lm.signature} if lm else {})
    return replace(fitted, gate=replace(gate, made=told))


def _check(lists: Sequence[NBest]) -> None:
    if not lists:
        raise InputError("There are no lists to learn from.", "Give lists with references.")
    if missing := next((nbest for nbest in lists if nbest.reference is None), None):
        raise InputError(f"The list {missing.id!r} has no reference.", "Give references with --reference.")


def _problem(
    lists: Sequence[NBest],
    answers: Mapping[str, Answer],
    sources: Sources,
    guard: Guard,
    lm: LanguageModel | None,
    form: Form,
    normalizer: str,
    progress: Callable[[float], None],
) -> _Problem:
    sheets = [sheet_of(nbest, answers.get(nbest.id), guard, sources)[0] for nbest in lists]
    texts = [nbest.reference or "" for nbest in lists]
    references = [normalize(text, normalizer).split() for text in texts]
    keys = [recording(nbest) or normalize(nbest.reference or "") or nbest.id for nbest in lists]
    made = _Problem(references, texts, sheets, [], [], np.zeros(len(lists), dtype=np.int64), keys, normalizer)
    differences = deltas(sheets, lm, form) if lm else [None] * len(lists)
    for i, (nbest, sheet) in enumerate(zip(lists, sheets, strict=True)):
        made.base[i] = made.errors(i, nbest.best.text)
        made.rows.append(features(sheet, differences[i]))
        made.gains.append([float(made.base[i] - made.errors(i, applied(sheet.base, [c]))) for c in sheet.changes])
        progress(1)
    return made


def _held_out(made: _Problem, parts: Sequence[Ints], growth: Growth, seed: int) -> tuple[list[Floats], float]:
    """Expected gains of the edits of each list, by trees grown without its fold, and what they were scaled with."""
    predicted: list[Floats] = [np.zeros(0)] * len(made.sheets)
    everything = np.arange(len(made.sheets))
    for part in parts:
        trees, frequencies = _grow(made, np.setdiff1d(everything, part), growth, seed)
        for i in part.tolist():
            if made.sheets[i].changes:
                predicted[i] = trees.predict(trees.rows(_joined(made, i, frequencies), MISSING))
    values = np.concatenate(predicted)
    gains = np.array([gain for row in made.gains for gain in row])
    square = float(values @ values)
    scale = float(values @ gains) / square if square else 1.0
    scale = float(f"{scale:.4g}") if scale > 0 else 1.0
    return [scale * value for value in predicted], scale


def _joined(made: _Problem, i: int, frequencies: Frequencies) -> list[dict[str, float]]:
    return [a | b for a, b in zip(made.rows[i], commonness(made.sheets[i], frequencies), strict=True)]


def _grow(made: _Problem, train: Ints, growth: Growth, seed: int) -> tuple[Trees, Frequencies]:
    """Trees of some lists, and how common words are in their references.

    How common words are is counted without the lists of the same part, as it will be for new lists: else the trees
    would learn that a word is a little more common where the reference has it.
    """
    indices = train.tolist()
    rows: list[dict[str, float]] = []
    gains: list[float] = []
    for part in _inner(made, indices, seed):
        held = set(part)
        frequencies = Frequencies.of(made.texts[i] for i in indices if i not in held)
        for i in part:
            rows += _joined(made, i, frequencies)
            gains += made.gains[i]
    names = tuple(dict.fromkeys(name for row in rows for name in row))
    frequencies = Frequencies.of(made.texts[i] for i in indices)
    return _boosted(rows, gains, names, growth, seed), frequencies


def _inner(made: _Problem, indices: Sequence[int], seed: int) -> Iterable[list[int]]:
    keys = [made.keys[i] for i in indices]
    k = min(_INNER, len(set(keys)))
    parts = shared_out(keys, k, seed + 1) if k > 1 else [np.arange(len(indices))]
    return [[indices[j] for j in part.tolist()] for part in parts]


def _boosted(
    rows: Sequence[Mapping[str, float]], gains: Sequence[float], names: tuple[str, ...], growth: Growth, seed: int
) -> Trees:
    try:
        from sklearn.ensemble import GradientBoostingRegressor
    except ImportError as error:
        raise DependencyError("scikit-learn", "gate") from error
    if growth.subsample * len(rows) < 1:  # a tree would grow out of nothing
        return Trees(names, 0.0, ())
    table = Trees(names, 0.0, ()).rows(rows, MISSING)
    model = GradientBoostingRegressor(
        n_estimators=growth.n_estimators,
        max_depth=growth.max_depth,
        learning_rate=growth.learning_rate,
        subsample=growth.subsample,
        max_features=growth.max_features,
        min_samples_leaf=growth.min_samples_leaf,
        random_state=seed,
    )
    return Trees.of(model.fit(table, np.clip(gains, -_LARGEST, _LARGEST)), names)


def _threshold(
    made: _Problem,
    predicted: Sequence[Floats],
    indices: Ints,
    words: Sequence[int],
    confidence: float,
    harm: float,
    memory: dict[Any, int],
) -> float:
    """The threshold that makes the fewest errors of those that are sure enough and harm little; infinite if none is."""
    gains = np.concatenate([np.zeros(0), *(predicted[i] for i in indices.tolist())])
    positive = gains[gains > _LEAST]
    tried = [_LEAST, *np.quantile(positive, np.linspace(0, 1, _TRIED)[1:-1]).tolist()] if len(positive) else []
    some = np.array(words)[indices]
    best, fewest = math.inf, int(made.base[indices].sum())
    for threshold in tried:
        tally = made.tally(predicted, [threshold] * len(predicted), memory)
        part = Tally(tally.errors[indices], tally.base[indices], tally.changed[indices])
        errors = int(part.errors.sum())
        if errors >= fewest or part.harm > harm:
            continue
        if difference_interval(part.errors, part.base, some, level=2 * confidence - 1)[1] < 0:
            best, fewest = float(f"{threshold:.4g}"), errors
    return best


def _answered(made: _Problem, lists: Sequence[NBest], answers: Mapping[str, Answer]) -> Ints:
    found = made.base.copy()
    for i, nbest in enumerate(lists):
        if nbest.id in answers:
            found[i] = made.errors(i, answers[nbest.id].text)
    return found


def _oracle(made: _Problem, answers: Ints | None) -> Ints:
    """The better of 1-best and answer; without answers the best hypothesis."""
    if answers is not None:
        return np.minimum(made.base, answers)
    return np.array(
        [
            min([int(made.base[i]), *(made.errors(i, h.text) for h in sheet.nbest.hypotheses)])
            for i, sheet in enumerate(made.sheets)
        ],
        dtype=np.int64,
    )
