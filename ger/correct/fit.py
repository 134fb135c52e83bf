"""From lists with references to a profile: scores, features, tuned weights, and what they are worth.

Two error rates come out and are never mixed up: the one on the lists that weights were tuned on, which flatters, and
the cross-validated one, for which each list is decided with weights that were tuned without its fold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ger import __version__
from ger.correct.generate import Generator
from ger.correct.hybrid import Writer, widened
from ger.correct.rescore import candidates, prefixed, recording
from ger.correct.rewrites import REWRITES
from ger.correct.rewriting import Rewriting
from ger.correct.running import Said
from ger.errors import InputError, UsageError
from ger.evaluate.bootstrap import interval
from ger.evaluate.rates import distance
from ger.lm.features import OWN, Features, compute, system_columns
from ger.lm.generation import GENERATOR
from ger.lm.learned import CrossFitted, Learner
from ger.lm.profile import Profile
from ger.lm.tune import Method, choose, cross_validate, select, temperature, tune
from ger.lm.tune import folds as shared_out
from ger.protocols import LanguageModel
from ger.text.normalize import normalize
from ger.types import NBest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Fitted", "Problem", "fit", "held_out", "list_keys", "problem", "validate"]

_WINDOW = 256


@dataclass(frozen=True, slots=True)
class Problem:
    """Lists with references, in numbers.

    Attributes:
        features: Features of every hypothesis.
        errors: Word errors of every hypothesis of each list; of an empty list one number, the words it misses.
        words: Reference words of each list.
        keys: Lists with the same key are of one recording, or where that is not known have the same reference, and
            stay together in cross-validation.
        lists: The lists themselves, with the crossed texts.
        prefixes: What language models read before the hypotheses of each list.
    """

    features: Features
    errors: Sequence[npt.NDArray[np.int64]]
    words: Sequence[int]
    keys: Sequence[str]
    lists: Sequence[NBest]
    prefixes: Sequence[str]

    def chosen_errors(self, choice: Sequence[int] | npt.NDArray[np.int64]) -> list[int]:
        """Word errors of the chosen hypothesis of each list."""
        return [int(errors[i]) for errors, i in zip(self.errors, choice, strict=True)]

    def rate(self, errors: Sequence[int]) -> float:
        """Word error rate in percent."""
        return 100 * sum(errors) / max(1, sum(self.words))


@dataclass(frozen=True, slots=True)
class Fitted:
    """A tuned profile and how good it is; rates are word error rates in percent of all reference words.

    Attributes:
        profile: The weights.
        n: Lists.
        words: Reference words.
        baseline: Of the first hypotheses.
        oracle: Of the best listed hypotheses, crossed texts left out.
        tuned: With the weights, on the lists they were tuned on.
        validated: Cross-validated; `None` without folds.
        validated_interval: Its bootstrap interval (95 %).
        folds: How many.
    """

    profile: Profile
    n: int
    words: int
    baseline: float
    oracle: float
    tuned: float
    validated: float | None
    validated_interval: tuple[float, float] | None
    folds: int

    def to_json(self) -> dict[str, Any]:
        """A plain JSON value; without folds the cross-validated rates are absent."""
        value: dict[str, Any] = {"signature": self.profile.signature, "n": self.n, "words": self.words}
        value |= {"baseline_wer": self.baseline, "oracle_wer": self.oracle, "tuned_wer": self.tuned}
        if self.validated is not None and self.validated_interval is not None:
            value |= {"cv_wer": self.validated, "cv_wer_ci": list(self.validated_interval), "folds": self.folds}
        return value | {"weights": dict(self.profile.weights), "temperature": self.profile.temperature}

    def render(self) -> str:
        """A few lines for people."""
        rows = [
            f"{self.n} lists, {self.words} words",
            f"  1-best                     {self.baseline:6.2f} %",
            f"  oracle                     {self.oracle:6.2f} %",
            f"  on the tuning lists        {self.tuned:6.2f} %  (flatters: do not report)",
        ]
        if self.validated is not None and self.validated_interval is not None:
            low, high = self.validated_interval
            rows.append(f"  cross-validated, {self.folds} folds   {self.validated:6.2f} %  [{low:.2f}, {high:.2f}]")
            if self.validated >= self.baseline:
                rows.append("  These weights are of no use: they are not better than the first hypotheses.")
        width = max([24, *map(len, self.profile.weights)])
        rows += ["weights", *(f"  {name:{width}} {weight:9.4f}" for name, weight in self.profile.weights.items())]
        return "\n".join([*rows, f"temperature of the posteriors {self.profile.temperature:.3g}"])


def problem(
    lists: Sequence[NBest],
    profile: Profile,
    lms: Mapping[str, LanguageModel],
    *,
    features: Sequence[str] | None = None,
    generator: Generator | None = None,
    rewriting: Rewriting | None = None,
    normalizer: str = "basic",
    progress: Callable[[int], None] = lambda lists: None,
) -> Problem:
    """Score lists and count the errors of their hypotheses.

    With `profile.previous`, the first hypotheses of earlier lists of the same recording are context; never references.

    Args:
        lists: Lists with references, those of one recording in order of time.
        profile: Form, least length, context and crossed texts; its weights do not count.
        lms: Language models by name.
        features: Columns besides the language models'; by default all of `ger.lm.features` that tell hypotheses apart.
        generator: What writes texts that compete, too, and judges all of them; it must not have learned from the lists.
        rewriting: What adds rewritten texts, and judges all of them; it must not have learned from the lists, either.
        normalizer: Under which words are compared.
        progress: Called with numbers of lists that are scored.

    Raises:
        InputError: a list has no reference, or no reference has words.
        ModelError: a language model broke.
        UsageError: there is no such feature or normalizer.
    """
    import numpy as np

    if missing := next((nbest.id for nbest in lists if nbest.reference is None), None):
        raise InputError(f"The list {missing!r} has no reference.", "Give references with --reference.")
    references = [normalize(nbest.reference or "", normalizer).split() for nbest in lists]
    if lists and not any(references):
        raise InputError("The references hold no words.", "Check that they are texts, and the normalizer.")
    first_pass, lists = lists, [candidates(nbest, profile.cross) for nbest in lists]
    if generator:
        lms = {**lms, GENERATOR: Writer(generator)}
        lists = [n for i in range(0, len(lists), _WINDOW) for n in widened(lists[i : i + _WINDOW], generator)]
    if rewriting:
        lms = {**lms, REWRITES: rewriting}
        lists = rewriting.widened(lists)
    names = [*(_own(lists) if features is None else features), *lms]
    prefixes = _prefixes(first_pass, profile)
    values: list[npt.NDArray[np.float64]] = []
    allowed: list[npt.NDArray[np.bool_]] = []
    for start in range(0, len(lists), _WINDOW):
        part = slice(start, start + _WINDOW)
        table = compute(
            lists[part],
            names,
            lms,
            form=profile.form,
            min_length=profile.min_length,
            prefixes=prefixes[part],
        )
        values += table.values
        allowed += table.allowed
        progress(len(table.values))
    errors = [
        np.array([distance(ref, normalize(h.text, normalizer).split()) for h in nbest.hypotheses] or [len(ref)])
        for nbest, ref in zip(lists, references, strict=True)
    ]
    table = Features(tuple(names), values, allowed)
    words = [len(reference) for reference in references]
    return Problem(_telling(table), errors, words, list_keys(lists), lists, prefixes)


def fit(
    lists: Sequence[NBest],
    profile: Profile,
    lms: Mapping[str, LanguageModel],
    *,
    learners: Mapping[str, Learner] | None = None,
    features: Sequence[str] | None = None,
    generator: Generator | None = None,
    rewriting: Rewriting | None = None,
    folds: int = 5,
    method: Method = "risk",
    normalizer: str = "basic",
    seed: int = 0,
    progress: Callable[[int], None] = lambda lists: None,
) -> Fitted:
    """Tune the weights of a profile on lists with references.

    Args:
        lists: See `problem`, also for the next two and the three after `learners`.
        profile: The profile.
        lms: Language models by name.
        learners: What makes language models of the references, by the names of their columns. The caller makes the
            final ones, of all lists, and names them in the profile.
        features: Columns.
        generator: What writes.
        rewriting: What rewrites.
        normalizer: Under which words are compared.
        progress: Called with numbers of lists.
        folds: Parts for cross-validation; 0 for none.
        method: See `ger.lm.tune.tune`.
        seed: Of the folds and the search.

    Raises:
        InputError: all hypotheses of each list are alike.
        UsageError: two language models have one name, or there are too few folds.
        GerError: as `problem` and `ger.lm.tune.tune` do.
    """
    if learners and folds < 3:  # one for the list, one that is held out, and at least one to learn from
        raise UsageError("Models that learn from the references need 3 folds or more.", "Use --folds 5.")
    if twice := next((name for name in learners or {} if name in lms), None):
        raise UsageError(f"Two language models are called {twice!r}.", "Give yours another name: --lm NAME=MODEL.")
    parts = shared_out(list_keys(lists), folds, seed) if folds else []  # told before anything is scored
    made = problem(
        lists,
        profile,
        lms,
        features=features,
        generator=generator,
        rewriting=rewriting,
        normalizer=normalizer,
        progress=progress,
    )
    learned = CrossFitted(made.lists, learners or {}, parts, made.prefixes)
    table = learned.joined(made.features)
    if lists and not table.names:
        raise InputError("No feature tells the hypotheses of any list apart.", "Give lists of several different texts.")
    tuned = tune(table, made.errors, method=method, seed=seed)
    validated = validate(made, learned, method=method, seed=seed) if folds else None
    result = replace(
        profile,
        weights=tuned.by_name(),
        lms=tuple(spec for spec in profile.lms if spec.name in tuned.names),
        temperature=temperature(table, made.errors, tuned.weights),
        rewrites=profile.rewrites if REWRITES in tuned.names else "",
    )
    baseline = [int(errors[0]) for errors in made.errors]
    oracle = [
        int(errors[: max(1, len(nbest.hypotheses))].min()) for errors, nbest in zip(made.errors, lists, strict=True)
    ]
    fitted = Fitted(
        profile=result,
        n=len(lists),
        words=sum(made.words),
        baseline=made.rate(baseline),
        oracle=made.rate(oracle),
        tuned=made.rate(made.chosen_errors(choose(table, tuned.weights))),
        validated=made.rate(validated) if validated is not None else None,
        validated_interval=interval(validated, made.words) if validated is not None else None,
        folds=folds,
    )
    named = [f"{name}: {lm.signature}" for name, lm in lms.items()]
    named += [f"{GENERATOR}: {generator.signature}"] if generator else []
    named += [f"{REWRITES}: {rewriting.signature}"] if rewriting else []
    used = {"ger": __version__, "language_models": named}
    told = {
        name: value for name, value in fitted.to_json().items() if name not in ("weights", "temperature", "signature")
    }
    return replace(fitted, profile=replace(result, made={**told, "normalizer": normalizer, "seed": seed} | used))


def validate(made: Problem, learned: CrossFitted, *, method: Method = "risk", seed: int = 0) -> list[int]:
    """Word errors of each list, decided with weights and models that were made without its fold."""
    return made.chosen_errors(held_out(made, learned, method=method, seed=seed))


def held_out(made: Problem, learned: CrossFitted, *, method: Method = "risk", seed: int = 0) -> list[int]:
    """The hypothesis of each list that is chosen with weights and models that were made without its fold."""
    fold_of = {int(part[0]): number for number, part in enumerate(learned.parts)}

    def without(train: npt.NDArray[np.int64], held: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        table = learned.joined(made.features, held=fold_of[int(held[0])])
        tuned = tune(select(table, train), [made.errors[i] for i in train], method=method, seed=seed)
        return choose(select(table, held), tuned.weights)

    return cross_validate(learned.parts, without)


def list_keys(lists: Sequence[NBest]) -> list[str]:
    """Lists with the same key stay together in cross-validation; see `Problem`."""
    return [recording(nbest) or normalize(nbest.reference or "") or nbest.id for nbest in lists]


def _own(lists: Sequence[NBest]) -> list[str]:
    """All columns; among systems the position says only in which order they were named."""
    systems = system_columns(lists)
    return [*(name for name in OWN if not (systems and name == "rank")), *systems]


def _telling(table: Features) -> Features:
    """Without the columns that are the same for all hypotheses of each list."""
    import numpy as np

    keep = [i for i in range(len(table.names)) if any(len(v) > 1 and np.ptp(v[:, i]) > 0 for v in table.values)]
    return Features(tuple(table.names[i] for i in keep), [v[:, keep] for v in table.values], table.allowed)


def _prefixes(lists: Sequence[NBest], profile: Profile) -> list[str]:
    said: dict[str, Said] = {}
    prefixes = []
    for nbest in lists:
        before = said.setdefault(recording(nbest) or f"\0{nbest.id}", Said(profile.previous, profile.previous_words))
        prefixes.append(prefixed(nbest, profile, str(before)))
        if profile.previous and nbest.best.text:
            before.add(nbest.best.text)
    return prefixes
