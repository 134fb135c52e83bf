"""Rescoring: a language model helps to choose among the hypotheses of a list.

The choice is `argmax (1 - w) * log p_AM(Y|X) + w * log p_LM(Y)` over the listed texts Y, with the recognizer's total
log-probability and the language model's, both in nats.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ger.errors import ModelError, UsageError
from ger.protocols import LanguageModel, ScoreRequest
from ger.text.align import carry_times, edits
from ger.text.form import Form, apply
from ger.text.normalize import normalize
from ger.text.tokens import tokenize
from ger.types import Correction, NBest

__all__ = ["DEFAULT_FORM", "DEFAULT_WEIGHT", "MIN_LENGTH", "Rescorer"]

#: Weight of the language model; measured by `benchmarks/weights.py`, see docs/how-it-works.md.
DEFAULT_WEIGHT = 0.1

#: Share of the words of the 1-best that a text must have to be chosen: totals of both models favour short texts.
MIN_LENGTH = 0.8

#: Written form in which the language model reads the hypotheses; measured by the same command.
DEFAULT_FORM: Form = "sentence"


@dataclass(frozen=True, slots=True)
class Rescorer:
    """Chooses among the listed hypotheses; see `ger.protocols.Corrector`.

    The language model reads each text in a written form; the listed text itself is returned. A list with one
    hypothesis, or without acoustic scores, keeps its 1-best; so does one whose rescoring fails. A text with fewer than
    `MIN_LENGTH` of the words of the 1-best is never chosen.

    Args:
        lm: The language model.
        weight: Its weight, 0 to 1. At 0 the best acoustic score wins, for a recognizer with one score its 1-best.
        form: Written form in which it reads the hypotheses.

    Raises:
        UsageError: the weight is not between 0 and 1, or there is no such form.
    """

    lm: LanguageModel
    weight: float = DEFAULT_WEIGHT
    form: Form = DEFAULT_FORM

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise UsageError(f"The weight of the language model is {self.weight}.", "Use a number from 0 to 1.")
        apply("", self.form)

    @property
    def signature(self) -> str:
        """See `ger.protocols.Corrector`."""
        return f"rescore:weight={self.weight:g},form={self.form},lm={self.lm.signature}"

    def correct(self, lists: Sequence[NBest]) -> list[Correction]:
        """See `ger.protocols.Corrector`."""
        open_lists = [nbest for nbest in lists if _settled(nbest) is None]
        try:
            done = iter(self._rescore(open_lists))
        except ModelError:
            done = iter([self._one(nbest) for nbest in open_lists])  # let only the lists fail that must
        return [_kept(nbest, reason) if (reason := _settled(nbest)) else next(done) for nbest in lists]

    def _one(self, nbest: NBest) -> Correction:
        try:
            return self._rescore([nbest])[0]
        except ModelError as error:
            return Correction.of(nbest, nbest.best.text, "failed", reason=str(error), words=nbest.best.words)

    def _rescore(self, lists: Sequence[NBest]) -> list[Correction]:
        requests = [ScoreRequest(tuple(apply(h.text, self.form) for h in nbest.hypotheses)) for nbest in lists]
        return [self._choose(nbest, lm_scores) for nbest, lm_scores in zip(lists, self.lm.score(requests), strict=True)]

    def _choose(self, nbest: NBest, lm_scores: Sequence[float]) -> Correction:
        for hypothesis, lm_score in zip(nbest.hypotheses, lm_scores, strict=True):
            if not math.isfinite(lm_score):
                raise ModelError(
                    f"The language model's score of {hypothesis.text[:60]!r} is {lm_score}.", "Use another precision."
                )
        acoustic = [score or 0.0 for score in _acoustic(nbest)]
        combined = [(1 - self.weight) * a + self.weight * lm for a, lm in zip(acoustic, lm_scores, strict=True)]
        candidates = [i for i, h in enumerate(nbest.hypotheses) if i == 0 or _long_enough(h.text, nbest.best.text)]
        chosen = max(candidates, key=lambda i: (combined[i], -i))
        scores = {"acoustic": acoustic[chosen], "lm": lm_scores[chosen], "combined": combined[chosen]}
        if chosen == 0:
            return _kept(nbest, "best of the list", scores)
        best, hypothesis = nbest.best, nbest.hypotheses[chosen]
        return Correction.of(
            nbest,
            hypothesis.text,
            "reranked",
            reason=f"hypothesis {chosen + 1} is ahead by {combined[chosen] - combined[0]:.2f} nats",
            words=hypothesis.words or (carry_times(best.words, hypothesis.text) if best.words else ()),
            edits=edits(best.words or best.text, hypothesis.text),
            scores=scores,
        )


def _long_enough(text: str, best: str) -> bool:
    """Whether a text has words, and not far fewer than the 1-best."""
    return bool(normalize(text)) and len(tokenize(text)) >= MIN_LENGTH * len(tokenize(best))


def _settled(nbest: NBest) -> str | None:
    """Why there is nothing to rescore, if so."""
    if not nbest.hypotheses:
        return "nothing was said"
    if len(nbest.hypotheses) == 1:
        return "only one hypothesis"
    if None in _acoustic(nbest):
        return "a hypothesis has no score"
    return None


def _acoustic(nbest: NBest) -> list[float | None]:
    """The acoustic scores where every hypothesis has one, else what the recognizer ranks by; never a mixture."""
    acoustic = [hypothesis.acoustic_score for hypothesis in nbest.hypotheses]
    return [hypothesis.score for hypothesis in nbest.hypotheses] if None in acoustic else acoustic


def _kept(nbest: NBest, reason: str, scores: dict[str, float] | None = None) -> Correction:
    best = nbest.best
    return Correction.of(nbest, best.text, "kept", reason=reason, words=best.words, scores=scores or {})
