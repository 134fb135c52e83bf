"""Learning rewrites from lists with references, and what they are worth, cross-validated.

Every hypothesis is aligned with its reference. Changed stretches are counted, alone and with one word of context on
either side; a phrase is learned with what was said in its place most often. Counted are hypotheses, equal ones of a
list once: what several of them have in common is surer than what one of them has.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

from ger import __version__
from ger.correct.fit import list_keys
from ger.correct.rewrites import LONGEST, Rewrite, Rewrites, bare, keys, said_there
from ger.errors import InputError, UsageError
from ger.evaluate.bootstrap import interval
from ger.evaluate.rates import distance
from ger.lm.tune import folds as shared_out
from ger.text.align import diff
from ger.text.normalize import normalize
from ger.text.tokens import tokenize
from ger.types import NBest

__all__ = ["FittedRewrites", "fit_rewrites", "learn"]

_Words = tuple[str, ...]
_Way = TypeVar("_Way", str, tuple[str, ...])

#: How often a phrase has to be corrected to be learned, and in what share of its hypotheses.
_FEWEST, _LEAST = 2, 0.1
#: Thresholds that are tried, the safest first; above all probabilities, nothing is rewritten.
_THRESHOLDS = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5)
#: Rewrites that are shown.
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class FittedRewrites:
    """A table and what it is worth alone, in the mode `rewrite`; rates are word error rates in percent.

    Attributes:
        rewrites: Learned from all lists.
        n: Lists.
        words: Reference words.
        baseline: Of the first hypotheses.
        validated: Of the rewritten ones: each list by a table that was learned without it, from the probability on that
            was best for the other folds.
        validated_interval: Its bootstrap interval (95 %).
        changed: Lists whose text was changed.
        harmed: Lists of these that became worse.
        folds: How many.
    """

    rewrites: Rewrites
    n: int
    words: int
    baseline: float
    validated: float
    validated_interval: tuple[float, float]
    changed: int
    harmed: int
    folds: int

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "n": self.n,
            "words": self.words,
            "baseline_wer": self.baseline,
            "cv_wer": self.validated,
            "cv_wer_ci": list(self.validated_interval),
            "changed": self.changed,
            "harmed": self.harmed,
            "folds": self.folds,
            "rewrites": len(self.rewrites),
            "threshold": self.rewrites.threshold,
        }

    def render(self) -> str:
        """A few lines for people."""
        low, high = self.validated_interval
        rows = [
            f"{self.n} lists, {self.words} words",
            f"  1-best                     {self.baseline:6.2f} %",
            f"  rewritten, cross-validated {self.validated:6.2f} %  [{low:.2f}, {high:.2f}], {self.folds} folds",
            f"  {self.changed} lists changed, {self.harmed} of them for the worse",
            f"{len(self.rewrites)} rewrites, alone {self._made()}",
        ]
        used = [one for one in self.rewrites if one.probability >= self.rewrites.threshold]
        rows += [f"  {_told(one)}" for one in used[:_SHOWN]]
        return "\n".join(rows)

    def _made(self) -> str:
        least = self.rewrites.threshold
        return f"made from a probability of {least:g} on:" if least < 1 else "none is made: errors become no fewer"


def _told(one: Rewrite) -> str:
    return f"{' '.join(one.heard)} -> {' '.join(one.said) or '(nothing)'}  {one.times} of {one.of}"


def fit_rewrites(
    lists: Sequence[NBest], *, normalizer: str = "none", harm: float = 0.2, folds: int = 5, seed: int = 0
) -> FittedRewrites:
    """Learn rewrites, and find from which probability on they should be made where nothing else judges them.

    Args:
        lists: Lists with references.
        normalizer: How words are compared: `none` or `basic`.
        harm: Limit of the share of changed lists that become worse.
        folds: Parts for cross-validation.
        seed: Of the folds.

    Raises:
        InputError: a list has no reference, or no reference has words.
        UsageError: there are too few folds, the limit is no share, or such words cannot be rewritten.
    """
    if missing := next((nbest.id for nbest in lists if nbest.reference is None), None):
        raise InputError(f"The list {missing!r} has no reference.", "Give references with --reference.")
    if not 0 <= harm <= 1:
        raise UsageError(f"The limit of harm is {harm}.", "Use a share, 0 to 1.")
    Rewrites((), normalizer)  # told before anything is learned
    words = [len(_words(nbest.reference or "", normalizer)) for nbest in lists]
    if lists and not any(words):
        raise InputError("The references hold no words.", "Check that they are texts, and the normalizer.")
    parts = [part.tolist() for part in shared_out(list_keys(lists), folds, seed)]
    tried = {threshold: [_Made(0, 0, False)] * len(lists) for threshold in _THRESHOLDS}
    for part in parts:
        without = Rewrites(learn([lists[i] for i in _others(lists, part)], normalizer), normalizer)
        for i in part:
            for made, one in zip(tried.values(), _Made.of(lists[i], without), strict=True):
                made[i] = one
    chosen = [_Made(0, 0, False)] * len(lists)
    for part in parts:
        threshold = _best(tried, _others(lists, part), harm)
        for i in part:
            chosen[i] = tried[threshold][i]
    before, after = [made.before for made in chosen], [made.after for made in chosen]
    threshold = _best(tried, range(len(lists)), harm) if sum(after) < sum(before) else _THRESHOLDS[0]
    total = max(1, sum(words))
    fitted = FittedRewrites(
        rewrites=Rewrites(learn(lists, normalizer), normalizer, threshold),
        n=len(lists),
        words=sum(words),
        baseline=100 * sum(before) / total,
        validated=100 * sum(after) / total,
        validated_interval=interval(after, words),
        changed=sum(made.changed for made in chosen),
        harmed=sum(made.harmed for made in chosen),
        folds=folds,
    )
    told = {**fitted.to_json(), "harm": harm, "seed": seed, "ger": __version__}
    told = {name: value for name, value in told.items() if name not in ("rewrites", "threshold")}
    return replace(fitted, rewrites=Rewrites(fitted.rewrites, normalizer, threshold, told))


def _words(text: str, normalizer: str) -> list[str]:
    return normalize(text, normalizer).split()


class _Made(NamedTuple):
    """What became of a list: word errors before and after, and whether the text was changed."""

    before: int
    after: int
    changed: bool

    @property
    def harmed(self) -> bool:
        return self.after > self.before

    @classmethod
    def of(cls, nbest: NBest, rewrites: Rewrites) -> list[_Made]:
        """At every threshold."""
        before, reference = nbest.best.text, _words(nbest.reference or "", rewrites.normalizer)
        texts = [text or before for text, _ in rewrites.at_levels(before, _THRESHOLDS)]
        errors = {t: distance(reference, _words(t, rewrites.normalizer)) for t in dict.fromkeys([before, *texts])}
        return [cls(errors[before], errors[text], text != before) for text in texts]


def _others(lists: Sequence[NBest], part: Collection[int]) -> list[int]:
    held = set(part)
    return [i for i in range(len(lists)) if i not in held]


def _best(tried: Mapping[float, Sequence[_Made]], some: Sequence[int], harm: float) -> float:
    """The threshold with the fewest errors in some lists, of those that harm few; of equal ones the safest."""

    def errors(threshold: float) -> int:
        return sum(tried[threshold][i].after for i in some)

    def harms(threshold: float) -> bool:
        made = [tried[threshold][i] for i in some]
        return sum(one.harmed for one in made) > harm * sum(one.changed for one in made)

    return min((threshold for threshold in _THRESHOLDS if not harms(threshold)), key=errors)


def learn(lists: Sequence[NBest], normalizer: str = "none") -> list[Rewrite]:
    """The rewrites of lists with references, the most frequent first."""
    said: defaultdict[_Words, Counter[_Words]] = defaultdict(Counter)
    spelled: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for nbest in lists:
        reference = keys(nbest.reference or "", normalizer)
        for heard in _heard(nbest, normalizer):
            for phrase, meant in _pairs(heard, reference):
                said[phrase][meant] += 1
        if normalizer != "none":
            for token in tokenize(nbest.reference or ""):
                spelled[normalize(token.text, normalizer)][bare(token.text)] += 1
    found = {phrase: best for phrase, ways in said.items() if (best := _commonest(ways))[1] >= _FEWEST}
    times: Counter[_Words] = Counter()
    for nbest in lists:
        for heard in _heard(nbest, normalizer):
            for first, last in _stretches(heard):
                known = found.get(heard[first:last])
                times[heard[first:last]] += known is not None and not said_there(heard, first, last, known[0])
    made = []
    for phrase, (meant, count) in found.items():
        written = tuple(_commonest(spelled[key])[0] if key in spelled else key for key in meant)
        made.append(Rewrite(phrase, written, count, max(count, times[phrase])))
    return sorted((one for one in made if one.probability >= _LEAST), key=lambda one: (-one.times, one.heard))


def _commonest(ways: Counter[_Way]) -> tuple[_Way, int]:
    return min(ways.items(), key=lambda way: (-way[1], way[0]))


def _heard(nbest: NBest, normalizer: str) -> set[_Words]:
    return {keys(hypothesis.text, normalizer) for hypothesis in nbest.hypotheses}


def _stretches(row: _Words) -> Iterator[tuple[int, int]]:
    return ((i, i + n) for i in range(len(row)) for n in range(1, min(LONGEST, len(row) - i) + 1))


def _pairs(heard: _Words, reference: _Words) -> Iterator[tuple[_Words, _Words]]:
    """What was heard and what was said in its place: changed stretches, alone and with one word beside.

    Words that become several without marks, such as `well-known`, are left out.
    """
    for op in diff(heard, reference, key=str):
        (first, last), meant = op.before, reference[slice(*op.after)]
        if op.tag in ("equal", "form") or len(meant) > LONGEST:
            continue
        for left, right in dict.fromkeys(
            ((first, last), (max(0, first - 1), last), (first, min(len(heard), last + 1)))
        ):
            phrase, said = heard[left:right], heard[left:first] + meant + heard[last:right]
            if 0 < len(phrase) <= LONGEST and " " not in "".join((*phrase, *said)):
                yield phrase, said
