"""Learning which hotwords were said: confusions and logistic models from lists with references.

Confusions are learned from the words that the first hypothesis has in place of those of the reference. Every stretch
that sounds like a hotword is then an example of two things: whether the hotword is in the reference and putting it in
takes a word error away, and whether that makes one more. What comes out is cross-validated: each list is corrected by a
model made without its recording, with the threshold that was best for the other parts; the confusions, counts over all
lists, are shared. Those of a model that is there already may count beside them: a few hundred lists do not show what is
taken for what. Where a language model reads the texts, too, both are learned once more, with what it gains, from
those stretches that it is asked about.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import Levenshtein

from ger import __version__
from ger.correct.fitted_hotwords import FittedHotwords, Rates
from ger.correct.hotword_finder import FEATURES, Entries, Found, Heard, find, heard_hotwords, letters
from ger.correct.hotword_model import NAMES, HotwordModel, Judge, Logistic, features
from ger.correct.hotword_reader import Reader, compared
from ger.correct.hotwords import Likely, Ready, by_sound, doubtful, judged, looked_at, put, read, variants
from ger.correct.outcome import as_it_was
from ger.correct.rescore import recording
from ger.errors import DependencyError, InputError, ModelError
from ger.hotwords import Hotwords
from ger.lm.tune import folds as shared_out
from ger.text.align import diff
from ger.text.confusions import Confusions, learn
from ger.text.normalize import normalize
from ger.text.sounds import likeness, sound
from ger.types import NBest

__all__ = ["fit_hotwords", "fit_reading"]

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


def fit_hotwords(
    lists: Sequence[NBest],
    hotwords: Hotwords | None = None,
    *,
    known: HotwordModel | None = None,
    entries: Callable[[NBest], Entries] | None = None,
    reader: Reader | None = None,
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
        known: A model whose confusions count beside those of the lists.
        entries: Gives a list's hotwords, instead of its own and `hotwords`.
        reader: A language model whose opinion the model is to know what to make of, too.
        least: A hotword has to be likelier than this; higher ones are safer with other recognizers and hotwords.
        loss: The model makes the fewest errors in hotwords while a hundred other words have at most so many more, by
            a standard error. `None` for the fewest errors in all words, with next to no more in others.
        usual: Words that are said without being hotwords, without case and punctuation: others are doubted sooner.
        folds: Parts for cross-validation.
        seed: Of the folds.
        progress: Called with numbers of lists; once more for those that the language model has read.

    Raises:
        DependencyError: scikit-learn is not installed.
        InputError: a list has no reference, or there is nothing to learn from.
        ModelError: the language model broke.
        UsageError: there are too few recordings for the folds.
    """
    if missing := next((nbest for nbest in lists if nbest.reference is None), None):
        raise InputError(f"The list {missing.id!r} has no reference.", "Give references with --reference.")
    parts = shared_out([recording(nbest) or nbest.id for nbest in lists], folds, seed)
    sounds, spelling = _confusions(lists, known)
    entries = entries or Ready(hotwords or Hotwords()).of
    made = _examples(lists, entries, (sounds, spelling), usual, progress)
    found = [_held(made, set(part.tolist()), sounds, spelling, least) for part in parts]
    held = [[_Held(own, by_sound(every)) for own, every in part] for part in found]
    threshold, after = _crossed(held, loss)
    judge = replace(_judge(_of_sound(made), least), threshold=threshold)
    reading, rates = _reading(found, reader, least, loss, progress) if reader else (None, None)
    fitted = FittedHotwords(
        HotwordModel(sounds, spelling, judge, reading, usual=usual),
        before=sum((one.at(1.0) for part in held for one in part), Rates()),
        after=after,
        examples=sum(len(own.effects) for own in made),
        right=sum(one.right for own in made for one in own.effects),
        folds=len(parts),
        n=len(lists),
        read=rates,
    )
    told = fitted.to_json() | {"seed": seed, "ger": __version__}
    return replace(fitted, model=replace(fitted.model, made=told))


def fit_reading(
    lists: Sequence[NBest], model: HotwordModel, reader: Reader, *, least: float = 0.3, folds: int = 5, seed: int = 0
) -> HotwordModel:
    """A model that knows what to make of a language model's opinion, and is the same otherwise.

    Args:
        lists: Lists with references and hotwords of their own; better not those that the model was learned from.
        model: The model.
        reader: The language model.
        least: A hotword has to be likelier than this.
        folds: Parts for cross-validation.
        seed: Of the folds.

    Raises:
        GerError: as for `fit_hotwords`.
    """
    parts = shared_out([recording(nbest) or nbest.id for nbest in lists], folds, seed)
    tables = model.sounds, model.letters
    made = _examples(lists, Ready(Hotwords()).of, tables, model.usual, lambda _: None)
    every = [(own, judged(own.found, own.entries, model)) for own in made]
    reading, _ = _reading([[every[i] for i in part] for part in parts], reader, least, None, lambda _: None)
    return replace(model, reading=reading)


class _Effect(NamedTuple):
    """What putting in a hotword does: it was said, and an error goes away; or there is an error more."""

    right: bool
    harm: bool


@dataclass(frozen=True, slots=True)
class _Examples:
    """The stretches of one list that sound like hotwords."""

    nbest: NBest
    entries: Entries
    found: list[Found]
    effects: list[_Effect]


@dataclass(frozen=True, slots=True)
class _Held:
    """What a model says about a list that it was made without, and the errors of the text with so many hotwords."""

    own: _Examples
    found: list[Likely]
    rates: dict[int, Rates] = field(default_factory=dict)

    def at(self, threshold: float) -> Rates:
        """The errors where hotwords have to be worth more than a threshold."""
        count = sum(one.worth > threshold for one in self.found)
        if count not in self.rates:
            nbest, entries = self.own.nbest, self.own.entries
            self.rates[count] = _rates(self.own, put(nbest, as_it_was(nbest, ""), entries, self.found, threshold).text)
        return self.rates[count]

    def more(self, threshold: float) -> int:
        """How many more errors there are in other words than without hotwords."""
        before, after = self.at(1.0), self.at(threshold)
        return (after.errors - after.biased) - (before.errors - before.biased)


def _confusions(lists: Sequence[NBest], known: HotwordModel | None) -> tuple[Confusions, Confusions]:
    counts: Counter[tuple[str, str]] = Counter()
    for nbest in lists:
        counts.update(_taken(normalize(nbest.reference or "").split(), normalize(nbest.best.text).split()))
    pairs = {pair: count**0.5 for pair, count in counts.items() if likeness(*pair) > _ALIKE}
    if not pairs and not known:
        raise InputError("No word was taken for one that sounds like it.", "Give lists with errors in them.")
    sounds, spelling = (known.sounds, known.letters) if known else (None, None)
    return learn(pairs, sound, known=sounds), learn(pairs, letters, known=spelling)


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
            made.append(_Examples(nbest, own, found, [_effect(said, heard, own, one) for one in found]))
        progress(len(part))
    return made


def _effect(reference: Sequence[str], heard: Heard, entries: Entries, one: Found) -> _Effect:
    put = f"{entries.plain[one.hotword]}{one.ending}".split()
    before = [word for plain in heard.plain for word in plain.split()]
    with_it = [*heard.plain[: one.start], *put, *heard.plain[one.end :]]
    after = [word for plain in with_it for word in plain.split()]
    more = Levenshtein.distance(reference, after) - Levenshtein.distance(reference, before)
    said = f" {' '.join(put)} " in f" {' '.join(reference)} "
    return _Effect(said and more < 0, more > 0)


class _Learned(NamedTuple):
    """What judges learn from: features, shape `(n, number)`, and the effect of each."""

    values: npt.NDArray[np.float64]
    effects: list[_Effect]


def _of_sound(made: Sequence[_Examples]) -> _Learned:
    values = [one.values for own in made for one in own.found]
    return _Learned(features(_rows(values)), [effect for own in made for effect in own.effects])


def _judge(learned: _Learned, least: float) -> Judge:
    right, harm = ([getattr(one, name) for one in learned.effects] for name in _Effect._fields)
    if all(right) or not any(right):
        raise InputError("No hotword was said and heard otherwise.", "Give lists whose hotwords were said.")
    return Judge(_logistic(learned.values, right), _logistic(learned.values, harm), least=least)


def _logistic(values: npt.NDArray[np.float64], true: Sequence[bool]) -> Logistic:
    """A logistic model, learned from features that are brought to one scale."""
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise DependencyError("scikit-learn", "gate") from error
    if all(true) or not any(true):
        return Logistic({}, round(math.log((sum(true) + 0.5) / (len(true) - sum(true) + 0.5)), 4))
    mean, spread = values.mean(axis=0), values.std(axis=0)
    spread[spread < _CONSTANT] = np.inf
    fitted = LogisticRegression(C=_STRENGTH, max_iter=5000).fit((values - mean) / spread, true)
    weights = fitted.coef_[0] / spread
    named = {name: float(f"{weight:.5g}") for name, weight in zip(NAMES, weights, strict=True) if weight}
    return Logistic(named, float(f"{fitted.intercept_[0] - mean @ weights:.5g}"))


def _held(
    made: Sequence[_Examples], part: set[int], sounds: Confusions, spelling: Confusions, least: float
) -> list[tuple[_Examples, list[Likely]]]:
    """What a model that is made of the other lists says about those of a part."""
    judge = _judge(_of_sound([own for i, own in enumerate(made) if i not in part]), least)
    model = HotwordModel(sounds, spelling, judge)
    return [(made[i], judged(made[i].found, made[i].entries, model)) for i in sorted(part)]


@dataclass(frozen=True, slots=True)
class _Told:
    """What a language model gains by the hotwords of a list that it is asked about (nats)."""

    own: _Examples
    asked: list[Likely]
    gains: list[float]

    @property
    def effects(self) -> list[_Effect]:
        """What each of them does."""
        of = {id(one): effect for one, effect in zip(self.own.found, self.own.effects, strict=True)}
        return [of[id(one.found)] for one in self.asked]


def _reading(
    found: Sequence[Sequence[tuple[_Examples, list[Likely]]]],
    reader: Reader,
    least: float,
    loss: float | None,
    progress: Callable[[float], None],
) -> tuple[Judge, Rates]:
    """What to make of a language model's gains, and the errors of the texts, cross-validated."""
    told = [_told(part, reader, progress) for part in found]
    held = []
    for k, part in enumerate(told):
        reading = _judge(_of_gains([one for other in (*told[:k], *told[k + 1 :]) for one in other]), least)
        held.append([_Held(one.own, read(one.asked, one.gains, one.own.entries, reading)) for one in part])
    threshold, rates = _crossed(held, loss)
    return replace(_judge(_of_gains([one for part in told for one in part]), least), threshold=threshold), rates


def _told(
    found: Sequence[tuple[_Examples, list[Likely]]], reader: Reader, progress: Callable[[float], None]
) -> list[_Told]:
    made = []
    for start in range(0, len(found), _BATCH):
        part = found[start : start + _BATCH]
        asked = [(own, doubtful(every)) for own, every in part]
        rows = [variants(own.nbest, as_it_was(own.nbest, ""), own.entries, some) for own, some in asked]
        for (own, some), gains in zip(asked, reader.gains(rows), strict=True):
            if gains is None:
                raise ModelError(f"{own.nbest.id}: the language model cannot read it.", "Leave the list out.")
            made.append(_Told(own, some, gains))
        progress(len(part))
    return made


def _of_gains(told: Sequence[_Told]) -> _Learned:
    values = [one.found.values for own in told for one in own.asked]
    gains = [compared([one.found for one in own.asked], own.gains) for own in told]
    effects = [effect for own in told for effect in own.effects]
    return _Learned(features(_rows(values), np.vstack(gains)), effects)


def _rows(values: Sequence[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    return np.array(values).reshape(-1, len(FEATURES))


def _crossed(held: Sequence[Sequence[_Held]], loss: float | None) -> tuple[float, Rates]:
    """The threshold that is best for all, and the errors of the texts, each part with the one of the others."""
    after = Rates()
    for k, part in enumerate(held):
        threshold = _threshold([one for other in (*held[:k], *held[k + 1 :]) for one in other], loss)
        after += sum((one.at(threshold) for one in part), Rates())
    return _threshold([one for part in held for one in part], loss), after


def _threshold(held: Sequence[_Held], loss: float | None) -> float:
    """The threshold that makes the fewest errors, in hotwords or of all, while those in other words hardly become more.

    1 where no threshold takes errors away. Where somebody says how many more there may be, a standard error stays free.
    """
    before = sum((one.at(1.0) for one in held), Rates())
    room = (_LOSS if loss is None else loss) / 100 * (before.words - before.biased_words)
    concerned = [one for one in held if any(likely.worth > _THRESHOLDS[-1] for likely in one.found)]
    untouched = sum((one.at(1.0) for one in concerned), Rates())
    best, fewest = 1.0, 0
    for threshold in _THRESHOLDS:
        after = sum((one.at(threshold) for one in concerned), Rates())
        others = [one.more(threshold) for one in concerned]
        more = after.errors - untouched.errors if loss is None else after.biased - untouched.biased
        margin = 0.0 if loss is None else _error(others)
        if sum(others) + margin <= room and more < fewest:
            best, fewest = threshold, more
    return best


def _error(more: Sequence[int]) -> float:
    """The standard error of a sum over lists."""
    return math.sqrt(len(more)) * float(np.std(more)) if more else 0.0


def _rates(own: _Examples, text: str) -> Rates:
    """Errors of a text of the list; of the hotwords, those count that can be in it or are in the reference."""
    reference = own.nbest.reference or ""
    there = {*heard_hotwords(own.entries, (reference, text)), *(one.hotword for one in own.found)}
    return Rates.of(reference, text, [own.entries.hotwords[i].text for i in sorted(there)])
