"""What a model of hotwords is worth: errors in hotwords and in everything else, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rapidfuzz.distance import Levenshtein

from ger.correct.hotword_model import HotwordModel
from ger.evaluate.biasing import biasing
from ger.text.normalize import normalize

__all__ = ["FittedHotwords", "Rates"]


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
        read: The same where a language model has a say; `None` without one.
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
    read: Rates | None = None

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
            "threshold": self.model.judge.threshold,
            "least": self.model.judge.least,
            **(_read_rates(self.read) if self.read else {}),
        }

    def render(self) -> str:
        """A table."""
        rows = [f"{'':24}{'WER':>8}{'hotwords':>10}{'others':>8}"]
        measured = [("first hypotheses", self.before), ("with hotwords", self.after)]
        measured += [("and a language model", self.read)] if self.read else []
        for name, rates in measured:
            rows.append(f"{name:24}{rates.wer:8.2f}{rates.b_wer:10.2f}{rates.u_wer:8.2f}")
        words = f"{self.before.words} words, {self.before.biased_words} of them in hotwords"
        return "\n".join([*rows, f"{words}; {self.examples} examples, {self.right} right; {self.folds} folds"])


def _read_rates(rates: Rates) -> dict[str, float]:
    told = {"cv_wer_lm": rates.wer, "cv_b_wer_lm": rates.b_wer, "cv_u_wer_lm": rates.u_wer}
    return {name: round(rate, 3) for name, rate in told.items()}
