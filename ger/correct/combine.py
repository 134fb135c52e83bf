"""Combination: the hypotheses of a list, of one recognizer or of several, vote; no language model is needed.

Every hypothesis has a share in the list, its posterior: `softmax(score / temperature)` among the hypotheses of the
same system, times the weight of the system. Where a system's hypotheses lack scores, minus the logarithm of the
position stands in for them. The system of a hypothesis is `extra["system"]`.

- `mbr` chooses the listed text with the least expected word errors (Goel and Byrne 2000), `argmin_i sum_j P_j d(i, j)`;
  of translations the one with the highest expected chrF (Eikema and Aziz 2022, "Sampling-based approximations to
  minimum Bayes risk decoding for neural machine translation"), texts compared as they are written.
- `rover` takes the heaviest word at each place (Fiscus 1997), which can make a text that nobody has said as a whole.

Elsewhere case and punctuation do not count as differences.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from ger.correct.outcome import as_it_was
from ger.errors import UsageError
from ger.evaluate.rates import distance
from ger.lm.features import acoustic
from ger.lm.profile import COMBINATIONS, Combination
from ger.registry import suggest
from ger.text.align import carry_times, edits
from ger.text.chrf import chrf_table
from ger.text.network import Network, Path, Voter, build
from ger.text.normalize import normalize
from ger.types import Correction, Decision, Hypothesis, NBest

if TYPE_CHECKING:
    from ger.lm.profile import Profile
    from ger.protocols import LanguageModel

__all__ = ["Combiner", "cross", "from_profile", "posteriors", "trust"]

_SYSTEM = "system:"

#: Words of all hypotheses together that take part; of longer lists the most probable ones do. The time for `mbr` grows
#: with the square of the number of different hypotheses.
MAX_WORDS = 100_000
#: How many paths are looked at for each text that `cross` may return: many have the words of another or of the list.
_PATHS = 25
#: Different translations that take part, the most probable ones.
_TRANSLATIONS = 100
#: How often trust is found, and the least of it before scaling.
_ROUNDS, _LEAST = 2, 0.05


def posteriors(
    nbest: NBest, temperature: float = 1.0, system_weights: Mapping[str, float] | None = None
) -> list[float]:
    """The share of each hypothesis in its list, summing up to 1; 0 each where all systems weigh nothing.

    Args:
        nbest: The list.
        temperature: Divides the scores: above 1 the shares are more alike.
        system_weights: Weights by system; 1 for one that is not named.
    """
    shares = [0.0] * len(nbest.hypotheses)
    for system, group in _systems(nbest).items():
        weight = (system_weights or {}).get(system, 1.0)
        scores = _scores(replace(nbest, hypotheses=tuple(nbest.hypotheses[i] for i in group)))
        odds = [math.exp((score - max(scores)) / temperature) for score in scores]
        for i, odd in zip(group, odds, strict=True):
            shares[i] = weight * odd / sum(odds)
    total = sum(shares)
    return [share / total for share in shares] if total else shares


def _systems(nbest: NBest) -> dict[str, list[int]]:
    """The hypotheses of each system; those that name none are one system, without a name."""
    found: dict[str, list[int]] = {}
    for i, hypothesis in enumerate(nbest.hypotheses):
        found.setdefault(str(hypothesis.extra.get("system", "")), []).append(i)
    return found


def _scores(nbest: NBest) -> list[float]:
    scores = acoustic(nbest)
    if scores is None or not all(map(math.isfinite, scores)):
        return [-math.log(position) for position in range(1, len(nbest.hypotheses) + 1)]
    return scores


def cross(nbest: NBest, limit: int = 16) -> tuple[str, ...]:
    """New texts made of parts of the hypotheses of a list, for a language model to choose from as well.

    First those that exchange whole phrases, from one place where all hypotheses agree to the next, then those that
    exchange single words; the most probable first in each kind.

    Args:
        nbest: The list.
        limit: How many at most.

    Returns:
        Texts that differ in more than case and punctuation from each other and from the listed ones; maybe none.
    """
    ballot = _Ballot.of(nbest, posteriors(nbest))
    network = build([voter for voter in ballot.voters if voter.tokens])
    seen = {*ballot.words, ()}
    made: list[str] = []
    for path in _crossings(network, limit):
        if len(made) >= limit:
            break
        if path.words not in seen:
            seen.add(path.words)
            made.append(path.text)
    return tuple(made)


def _crossings(network: Network, limit: int) -> Iterator[Path]:
    yield from islice(network.phrases().paths(), _PATHS * limit)
    yield from islice(network.paths(), _PATHS * limit)


@dataclass(frozen=True, slots=True)
class _Ballot:
    """The hypotheses that take part, the heaviest first, the earlier first among equals.

    Attributes:
        numbers: Their places in the list.
        voters: What they say.
        words: The same without case and punctuation.
        mass: Share of each different text.
    """

    numbers: list[int]
    voters: list[Voter]
    words: list[tuple[str, ...]]
    mass: dict[tuple[str, ...], float]

    @classmethod
    def of(cls, nbest: NBest, shares: Sequence[float]) -> _Ballot:
        ballot, count = cls([], [], [], {}), 0
        for number in sorted(range(len(shares)), key=lambda i: -shares[i]):
            voter = _voter(nbest.hypotheses[number], shares[number])
            count += len(voter.tokens)
            if count > MAX_WORDS and ballot.numbers:
                break
            ballot.numbers.append(number)
            ballot.voters.append(voter)
            ballot.words.append(words := voter.words)
            ballot.mass[words] = ballot.mass.get(words, 0.0) + shares[number]
        return ballot

    def first(self, words: tuple[str, ...]) -> int | None:
        """Which voter says this and stands first in the list."""
        said = [i for i, others in enumerate(self.words) if others == words]
        return min(said, key=self.numbers.__getitem__, default=None)

    def expected_errors(self, texts: Sequence[tuple[str, ...]]) -> list[float]:
        """Of each text, the mean distance in words to what is said, weighed by the shares."""
        import numpy as np
        from rapidfuzz.distance import Levenshtein
        from rapidfuzz.process import cdist

        distances = cdist(texts, list(self.mass), scorer=Levenshtein.distance, dtype=np.int32)
        errors: list[float] = (distances @ np.array(list(self.mass.values()))).tolist()
        return errors

    def least_errors(self) -> tuple[str, ...]:
        """The text with the least expected errors, of several the first in the list."""
        texts = list(self.mass)
        errors = self.expected_errors(texts)
        return min(zip(errors, texts, strict=True), key=lambda e: (round(e[0], 9), self._place(e[1])))[1]

    def _place(self, words: tuple[str, ...]) -> int:
        voter = self.first(words)
        return -1 if voter is None else self.numbers[voter]


def _voter(hypothesis: Hypothesis, share: float) -> Voter:
    """A hypothesis as a voter; words without confidence among words that have one take the mean."""
    if all(word.confidence is None for word in hypothesis.words):
        return Voter.of(hypothesis.text, share)
    values = [word.confidence for word in carry_times(hypothesis.words, hypothesis.text)]
    known = [_between(value) for value in values if value is not None]
    mean = sum(known) / len(known) if known else 1.0
    return Voter.of(hypothesis.text, share, [mean if value is None else _between(value) for value in values])


def _between(confidence: float) -> float:
    return min(1.0, max(0.0, confidence))


@dataclass(frozen=True, slots=True)
class Combiner:
    """Lets the hypotheses of a list vote; see the top of this file and `ger.protocols.Corrector`.

    A text that only differs in case and punctuation from the 1-best keeps the 1-best as it is. `scores` are the
    posterior of the text (the sum over the hypotheses that say it) and its expected word errors, or of a translation
    its expected chrF; the confidence of a word is its share in the votes at its place. A list with one hypothesis keeps
    it.

    Args:
        method: `mbr` or `rover`.
        temperature: Divides the scores of the hypotheses, above 0.
        system_weights: Weights of systems by name, 0 or more; 1 for those not named.
        null_confidence: For `rover`: how much it counts that a hypothesis has no word at a place, compared with a
            word of its mean confidence. Above 1 deletes more, below 1 keeps more.

    Raises:
        UsageError: a value is out of its range.
    """

    method: Combination = "mbr"
    temperature: float = 1.0
    system_weights: Mapping[str, float] = field(default_factory=dict)
    null_confidence: float = 1.0

    def __post_init__(self) -> None:
        if self.method not in COMBINATIONS:
            raise UsageError(f"There is no way to combine called {self.method!r}.", suggest(self.method, COMBINATIONS))
        if not 0 < self.temperature < math.inf:
            raise UsageError(f"The temperature is {self.temperature}.", "Use a number above 0.")
        if not 0 <= self.null_confidence < math.inf:
            raise UsageError(f"The null confidence is {self.null_confidence}.", "Use a number from 0.")
        if wrong := next((name for name, w in self.system_weights.items() if not 0 <= w < math.inf), None):
            raise UsageError(f"The weight of {wrong!r} is {self.system_weights[wrong]}.", "Use a number from 0.")

    @property
    def signature(self) -> str:
        """See `ger.protocols.Corrector`."""
        null = f",null={self.null_confidence:g}" if self.method == "rover" else ""
        systems = "".join(f",{name}={weight:g}" for name, weight in sorted(self.system_weights.items()))
        return f"combine:method={self.method},temperature={self.temperature:g}{null}{systems}"

    def correct(self, lists: Sequence[NBest]) -> list[Correction]:
        """See `ger.protocols.Corrector`."""
        return [self._correct(nbest) for nbest in lists]

    def _correct(self, nbest: NBest) -> Correction:
        if len(nbest.hypotheses) < 2:
            reason = "only one hypothesis" if nbest.hypotheses else "nothing was said"
            return as_it_was(nbest, reason)
        shares = posteriors(nbest, self.temperature, self.system_weights)
        if not any(shares):
            return as_it_was(nbest, "no system of the list has a weight")
        return self._vote(nbest, _Ballot.of(nbest, shares), shares)

    def _vote(self, nbest: NBest, ballot: _Ballot, shares: Sequence[float]) -> Correction:
        network = build(ballot.voters, self.null_confidence)
        if nbest.task == "translate" and self.method == "mbr":
            return _best_translation(nbest, ballot, shares, network)
        path = network.best()
        words = path.words if self.method == "rover" else ballot.least_errors()
        voter = ballot.first(words)
        errors, before = ballot.expected_errors([words, Voter.of(nbest.best.text).words])
        scores = {"posterior": ballot.mass.get(words, 0.0), "expected_errors": errors}
        gain = f"{before - errors:.2f} fewer expected word errors"
        if voter is None:
            reason = f"a text made of parts of several hypotheses has {gain}"
            return _correction(nbest, Hypothesis(path.text), "rewritten", reason, scores, path.confidences)
        number, confidences = ballot.numbers[voter], network.path_of(voter).confidences
        if number == 0:
            return _correction(nbest, nbest.best, "kept", "best of the list", scores, confidences)
        reason = f"hypothesis {number + 1} has {gain}"
        return _correction(nbest, nbest.hypotheses[number], "reranked", reason, scores, confidences)


def _best_translation(nbest: NBest, ballot: _Ballot, shares: Sequence[float], network: Network) -> Correction:
    """The listed text with the highest expected chrF, of several the first in the list."""
    import numpy as np

    mass: dict[str, float] = {}
    for number in ballot.numbers:
        text = nbest.hypotheses[number].text
        if text in mass or len(mass) < _TRANSLATIONS:
            mass[text] = mass.get(text, 0.0) + shares[number]
    texts = list(mass)
    first = {text: next(n for n in sorted(ballot.numbers) if nbest.hypotheses[n].text == text) for text in texts}
    expected = chrf_table(texts) @ np.array([*mass.values()]) / sum(mass.values())
    best = min(range(len(texts)), key=lambda i: (-round(float(expected[i]), 9), first[texts[i]]))
    number, chrf = first[texts[best]], float(expected[best])
    scores = {"posterior": mass[texts[best]], "expected_chrf": chrf}
    confidences = network.path_of(ballot.numbers.index(number)).confidences
    if number == 0:
        return _correction(nbest, nbest.best, "kept", "best of the list", scores, confidences)
    before = float(expected[texts.index(nbest.best.text)]) if nbest.best.text in mass else 0.0
    reason = f"hypothesis {number + 1} has an expected chrF of {chrf:.1f}, the first one of {before:.1f}"
    return _correction(nbest, nbest.hypotheses[number], "reranked", reason, scores, confidences)


def _correction(
    nbest: NBest,
    chosen: Hypothesis,
    decision: Decision,
    reason: str,
    scores: Mapping[str, float],
    confidences: Sequence[float],
) -> Correction:
    """With times from the hypothesis, or else from the 1-best, and confidences from the votes."""
    words = carry_times(chosen.words or nbest.best.words, chosen.text)
    return Correction.of(
        nbest,
        chosen.text,
        decision,
        reason=reason,
        words=tuple(replace(word, confidence=p) for word, p in zip(words, confidences, strict=True)),
        edits=() if decision == "kept" else edits(nbest.best.words or nbest.best.text, chosen.text),
        scores=scores,
    )


def trust(lists: Sequence[NBest], combiner: Combiner) -> dict[str, float]:
    """How much each system is to be trusted, told by how often it agrees with all of them together.

    A vote of a recognizer that errs with probability e is worth log((1 - e) / e), as in a naive Bayes decision; e is
    its word error rate against what the vote says, first with equal weights and then with those found so.

    Args:
        lists: Lists whose hypotheses name their system.
        combiner: How votes are counted; its own weights of systems do not count.

    Returns:
        Weights by system with a mean of 1.
    """
    weights: dict[str, float] = {}
    for _ in range(_ROUNDS):
        made = replace(combiner, system_weights=weights).correct(lists)
        errors: dict[str, int] = {}
        words = 0
        for nbest, correction in zip(lists, made, strict=True):
            agreed = normalize(correction.text).split()
            words += len(agreed)
            for system, group in _systems(nbest).items():
                said = normalize(nbest.hypotheses[group[0]].text).split()
                errors[system] = errors.get(system, 0) + distance(agreed, said)
        rates = {system: (count + 1) / (words + 2) for system, count in errors.items()}
        weights = {system: max(_LEAST, math.log((1 - min(rate, 0.9)) / rate)) for system, rate in rates.items()}
        mean = sum(weights.values()) / max(1, len(weights))
        weights = {system: weight / mean for system, weight in weights.items()}
    return weights


def from_profile(lms: Mapping[str, LanguageModel], profile: Profile) -> Combiner:
    """A combiner with the weights of a profile: `system:NAME` is the weight of a system, below 0 counts as 0.

    The recognizer's scores count as they do in rescoring: times the weight of `acoustic`, divided by the temperature.
    Tuned weights of systems are scaled to a mean of 1, which is what a system weighs that is not named. Language models
    and all other weights are of no use here.
    """
    weights = {
        name.removeprefix(_SYSTEM): max(0.0, w) for name, w in profile.weights.items() if name.startswith(_SYSTEM)
    }
    if profile.made and any(weights.values()):
        mean = sum(weights.values()) / len(weights)
        weights = {name: weight / mean for name, weight in weights.items()}
    scale = profile.weights.get("acoustic", 1.0)
    return Combiner(profile.combine, profile.temperature / scale if scale > 0 else profile.temperature, weights)
