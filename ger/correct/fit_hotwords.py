"""Learning which hotwords were said: confusions and a logistic model from lists with references.

Confusions are learned from the words that the first hypothesis has in place of those of the reference. Every stretch
that sounds like a hotword is then an example: a right one where putting the hotword in takes away a word error, and the
hotword is in the reference. What comes out is cross-validated: each list is corrected by a model made without its
recording, with the threshold that was best for the other parts; the confusions, counts over all lists, are shared.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein

from ger import __version__
from ger.correct.hotword_finder import FEATURES, Entries, Found, Heard, find, heard_hotwords, letters
from ger.correct.hotword_model import HotwordModel
from ger.correct.hotwords import Likely, Ready, judged, looked_at, put
from ger.correct.outcome import as_it_was
from ger.correct.rescore import recording
from ger.errors import DependencyError, InputError
from ger.evaluate.biasing import biasing
from ger.hotwords import Hotwords
from ger.lm.tune import folds as shared_out
from ger.text.align import diff
from ger.text.common import RARE, Commonness, commonness
from ger.text.confusions import Confusions, learn
from ger.text.normalize import normalize
from ger.text.sounds import likeness, sound
from ger.types import NBest

__all__ = ["FittedHotwords", "Rates", "fit_hotwords", "with_made_up"]

#: Words that were taken for others: so many at a time, at least so alike.
_WORDS, _ALIKE = 4, 0.4
#: Lists at a time.
_BATCH = 64
_STRENGTH = 0.3
#: Errors in other words may become so many more a hundred where nobody says how many.
_LOSS = 0.02
#: A feature that varies less than this tells nothing.
_CONSTANT = 1e-9
#: Thresholds that are tried, the safest first.
_THRESHOLDS = tuple(round(0.025 * i, 3) for i in range(38, 3, -1))


@dataclass(frozen=True, slots=True)
class Rates:
    """Word errors in hotwords and in everything else; they add up.

    Attributes:
        biased_words: Words of the references that are in hotwords.
        biased: Errors there.
        words: All words of the references.
        errors: All errors.
    """

    biased_words: int = 0
    biased: int = 0
    words: int = 0
    errors: int = 0

    def __add__(self, other: Rates) -> Rates:
        return Rates(*(a + b for a, b in zip(self._counts, other._counts, strict=True)))

    @property
    def _counts(self) -> tuple[int, ...]:
        return self.biased_words, self.biased, self.words, self.errors

    @property
    def wer(self) -> float:
        """Percent."""
        return 100 * self.errors / max(1, self.words)

    @property
    def b_wer(self) -> float:
        """Percent, of the words in hotwords."""
        return 100 * self.biased / max(1, self.biased_words)

    @property
    def u_wer(self) -> float:
        """Percent, of the other words."""
        return 100 * (self.errors - self.biased) / max(1, self.words - self.biased_words)

    @classmethod
    def of(cls, reference: str, text: str, hotwords: Sequence[str]) -> Rates:
        """Count one utterance."""
        said, put = normalize(reference).split(), normalize(text).split()
        found = biasing(said, put, [normalize(hotword).split() for hotword in hotwords])
        return cls(found[0], found[1], len(said), Levenshtein.distance(said, put))


@dataclass(frozen=True, slots=True)
class FittedHotwords:
    """A model and what it is worth.

    Attributes:
        model: Made of all lists.
        before: Errors of the first hypotheses.
        after: Errors of the corrected texts, cross-validated.
        examples: Stretches that it learned from.
        right: How many of these were right.
        folds: Parts of the cross-validation.
        n: Lists.
    """

    model: HotwordModel
    before: Rates
    after: Rates
    examples: int
    right: int
    folds: int
    n: int

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "n": self.n,
            "baseline_wer": round(self.before.wer, 3),
            "cv_wer": round(self.after.wer, 3),
            "baseline_b_wer": round(self.before.b_wer, 3),
            "cv_b_wer": round(self.after.b_wer, 3),
            "baseline_u_wer": round(self.before.u_wer, 3),
            "cv_u_wer": round(self.after.u_wer, 3),
            "words": self.before.words,
            "hotwords": self.before.biased_words,
            "examples": self.examples,
            "right": self.right,
            "folds": self.folds,
            "threshold": self.model.threshold,
        }

    def render(self) -> str:
        """A table."""
        rows = [f"{'':24}{'WER':>8}{'hotwords':>10}{'others':>8}"]
        for name, rates in (("first hypotheses", self.before), ("with hotwords", self.after)):
            rows.append(f"{name:24}{rates.wer:8.2f}{rates.b_wer:10.2f}{rates.u_wer:8.2f}")
        words = f"{self.before.words} words, {self.before.biased_words} of them in hotwords"
        return "\n".join([*rows, f"{words}; {self.examples} examples, {self.right} right; {self.folds} folds"])


def with_made_up(lists: Sequence[NBest], size: int = 100, seed: int = 0) -> list[NBest]:
    """Lists that name no hotwords with some made up: the rare words of the reference among others.

    The others are as many rare words of other references as of the word list of the language, where there is one.

    Args:
        lists: Lists with references.
        size: How many hotwords a list gets.
        seed: Of the choice.
    """
    rare = [_rare(nbest) for nbest in lists]
    pool = sorted(set().union(*rare)) if rare else []
    listed = {known: known.below(RARE) for known in set(map(_known, lists))}
    chance = random.Random(seed)
    made = []
    for nbest, own in zip(lists, rare, strict=True):
        pools = [words for words in (pool, listed[_known(nbest)]) if words]
        others = [chance.choice(chance.choice(pools)) for _ in range(2 * size)] if pools else []
        more = [word for word in dict.fromkeys(others) if word not in own][: max(0, size - len(own))]
        context = replace(nbest.context, hotwords=nbest.context.hotwords or tuple(sorted([*own, *more])))
        made.append(replace(nbest, context=context))
    return made


def _known(nbest: NBest) -> Commonness:
    return commonness(nbest.language, [nbest.reference or ""])


def _rare(nbest: NBest) -> set[str]:
    words, known = normalize(nbest.reference or "").split(), _known(nbest)
    return {word for word in words if known.of(word) < RARE and not word.isdigit()}


def fit_hotwords(
    lists: Sequence[NBest],
    hotwords: Hotwords | None = None,
    *,
    entries: Callable[[NBest], Entries] | None = None,
    least: float = 0.3,
    loss: float | None = None,
    usual: frozenset[str] = frozenset(),
    folds: int = 5,
    seed: int = 0,
    progress: Callable[[float], None] = lambda lists: None,
) -> FittedHotwords:
    """Learn from lists with references.

    Args:
        lists: Lists with references, each with hotwords of its own unless there are `hotwords`.
        hotwords: Those of all lists.
        entries: Gives a list's hotwords, instead of its own and `hotwords`.
        least: The lowest threshold that may be chosen; higher ones are safer with other recognizers and hotwords.
        loss: The model makes the fewest errors in hotwords while a hundred other words have at most so many more.
            `None` for the fewest errors in all words, with next to no more in others.
        usual: Words that are said without being hotwords, without case and punctuation: others are doubted sooner.
        folds: Parts for cross-validation.
        seed: Of the folds.
        progress: Called with numbers of lists.

    Raises:
        DependencyError: scikit-learn is not installed.
        InputError: a list has no reference, or there is nothing to learn from.
        UsageError: there are too few recordings for the folds.
    """
    if missing := next((nbest for nbest in lists if nbest.reference is None), None):
        raise InputError(f"The list {missing.id!r} has no reference.", "Give references with --reference.")
    parts = shared_out([recording(nbest) or nbest.id for nbest in lists], folds, seed)
    sounds, spelling = _confusions(lists)
    entries = entries or Ready(hotwords or Hotwords()).of
    made = _examples(lists, entries, (sounds, spelling), usual, progress)
    held = [_held(made, set(part.tolist()), sounds, spelling) for part in parts]
    before, after = Rates(), Rates()
    for k, part in enumerate(held):
        threshold = _threshold([one for other in (*held[:k], *held[k + 1 :]) for one in other], least, loss)
        before += sum((one.at(1.0) for one in part), Rates())
        after += sum((one.at(threshold) for one in part), Rates())
    threshold = _threshold([one for part in held for one in part], least, loss)
    model = replace(_logistic(made, sounds, spelling), threshold=threshold, usual=usual)
    examples = sum(len(own.right) for own in made)
    fitted = FittedHotwords(model, before, after, examples, sum(sum(own.right) for own in made), len(parts), len(lists))
    told = fitted.to_json() | {"seed": seed, "ger": __version__}
    return replace(fitted, model=replace(model, made=told))


@dataclass(frozen=True, slots=True)
class _Examples:
    """The stretches of one list that sound like hotwords."""

    nbest: NBest
    entries: Entries
    found: list[Found]
    right: list[bool]


@dataclass(frozen=True, slots=True)
class _Held:
    """What a model says about a list that it was made without, and the errors of the text with so many hotwords."""

    own: _Examples
    found: list[Likely]
    rates: dict[int, Rates] = field(default_factory=dict)

    def at(self, threshold: float) -> Rates:
        """The errors where hotwords have to be likelier than a threshold."""
        count = sum(one.probability > threshold for one in self.found)
        if count not in self.rates:
            nbest, entries = self.own.nbest, self.own.entries
            self.rates[count] = _rates(self.own, put(nbest, as_it_was(nbest, ""), entries, self.found, threshold).text)
        return self.rates[count]


def _confusions(lists: Sequence[NBest]) -> tuple[Confusions, Confusions]:
    counts: Counter[tuple[str, str]] = Counter()
    for nbest in lists:
        counts.update(_taken(normalize(nbest.reference or "").split(), normalize(nbest.best.text).split()))
    pairs = {pair: count**0.5 for pair, count in counts.items() if likeness(*pair) > _ALIKE}
    if not pairs:
        raise InputError("No word was taken for one that sounds like it.", "Give lists with errors in them.")
    return learn(pairs, sound), learn(pairs, letters)


def _taken(said: Sequence[str], heard: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Runs of words that were taken for others."""
    for op in diff(said, heard, str):
        a, b = said[slice(*op.before)], heard[slice(*op.after)]
        if op.tag == "replace" and max(len(a), len(b)) <= _WORDS:
            yield " ".join(a), " ".join(b)


def _examples(
    lists: Sequence[NBest],
    entries: Callable[[NBest], Entries],
    tables: tuple[Confusions, Confusions],
    usual: frozenset[str],
    progress: Callable[[float], None],
) -> list[_Examples]:
    made = []
    for start in range(0, len(lists), _BATCH):
        part = lists[start : start + _BATCH]
        rows = [looked_at(nbest, nbest.best.text, entries(nbest), usual) for nbest in part]
        for nbest, (heard, own, _), found in zip(part, rows, find(rows, *tables), strict=True):
            said = normalize(nbest.reference or "").split()
            made.append(_Examples(nbest, own, found, [_gains(said, heard, own, one) for one in found]))
        progress(len(part))
    return made


def _gains(reference: Sequence[str], heard: Heard, entries: Entries, one: Found) -> bool:
    """Whether putting a hotword in that was said takes an error away."""
    put = f"{entries.plain[one.hotword]}{one.ending}".split()
    if f" {' '.join(put)} " not in f" {' '.join(reference)} ":
        return False
    before = [word for plain in heard.plain for word in plain.split()]
    with_it = [*heard.plain[: one.start], *put, *heard.plain[one.end :]]
    after = [word for plain in with_it for word in plain.split()]
    return Levenshtein.distance(reference, after) < Levenshtein.distance(reference, before)


def _logistic(made: Sequence[_Examples], sounds: Confusions, spelling: Confusions) -> HotwordModel:
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise DependencyError("scikit-learn", "gate") from error
    right = np.array([value for own in made for value in own.right])
    if right.all() or not right.any():
        raise InputError("No hotword was said and heard otherwise.", "Give lists whose hotwords were said.")
    values = np.array([one.values for own in made for one in own.found])
    mean, spread = values.mean(axis=0), values.std(axis=0)
    spread[spread < _CONSTANT] = np.inf
    fitted = LogisticRegression(C=_STRENGTH, max_iter=5000).fit((values - mean) / spread, right)
    weights = fitted.coef_[0] / spread
    named = {name: float(f"{weight:.5g}") for name, weight in zip(FEATURES, weights.tolist(), strict=True)}
    return HotwordModel(sounds, spelling, named, float(f"{fitted.intercept_[0] - mean @ weights:.5g}"))


def _held(made: Sequence[_Examples], part: set[int], sounds: Confusions, spelling: Confusions) -> list[_Held]:
    """What a model that is made of the other lists says about those of a part."""
    model = _logistic([own for i, own in enumerate(made) if i not in part], sounds, spelling)
    return [_Held(made[i], judged(made[i].found, made[i].entries, model)) for i in sorted(part)]


def _threshold(held: Sequence[_Held], least: float, loss: float | None) -> float:
    """The threshold that makes the fewest errors, in hotwords or of all, while those in other words hardly become more.

    1 where no threshold takes errors away.
    """
    before = sum((one.at(1.0) for one in held), Rates())
    room = (_LOSS if loss is None else loss) / 100 * (before.words - before.biased_words)
    concerned = [one for one in held if one.found and one.found[0].probability > least]
    untouched = sum((one.at(1.0) for one in concerned), Rates())
    best, fewest = 1.0, 0
    for threshold in (value for value in _THRESHOLDS if value >= least):
        after = sum((one.at(threshold) for one in concerned), Rates())
        in_hotwords, all_words = after.biased - untouched.biased, after.errors - untouched.errors
        more = all_words if loss is None else in_hotwords
        if all_words - in_hotwords <= room and more < fewest:
            best, fewest = threshold, more
    return best


def _rates(own: _Examples, text: str) -> Rates:
    """Errors of a text of the list; of the hotwords, those count that can be in it or are in the reference."""
    reference = own.nbest.reference or ""
    there = {*heard_hotwords(own.entries, (reference, text)), *(one.hotword for one in own.found)}
    return Rates.of(reference, text, [own.entries.hotwords[i].text for i in sorted(there)])
