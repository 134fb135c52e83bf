"""Which epoch is kept: what the model makes of lists or texts that it does not learn from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ger.evaluate.rates import distance
from ger.text.normalize import normalize
from ger.train.head import AnswerHead
from ger.train.pairs import Pair, parts
from ger.train.work import Validation
from ger.types import NBest

__all__ = ["ErrorJudge", "LikelihoodJudge"]


class ErrorJudge:
    """Counts word errors on held lists; see `ger.train.objective.Judge`.

    Args:
        held: The lists, with references; may be none.
        answers: Writes a text for each of some lists.
        normalizer: Normalizer of the texts.
    """

    loss = "validation_errors"

    def __init__(self, held: Sequence[NBest], answers: Callable[[Sequence[NBest]], list[str]], normalizer: str) -> None:
        self._held, self._answers, self._normalizer = held, answers, normalizer
        self._references = [self._words(nbest.reference or "") for nbest in held]

    def __bool__(self) -> bool:
        return bool(self._held)

    def measure(self) -> dict[str, Any]:
        """Errors of what the model writes now; see `ger.train.objective.Judge`."""
        texts = self._answers(self._held)
        errors = sum(distance(said, self._words(text)) for said, text in zip(self._references, texts, strict=True))
        return {self.loss: errors, "validation_wer": round(100 * errors / max(1, self.words()), 3)}

    def words(self) -> int:
        """Words of the references."""
        return sum(map(len, self._references))

    def validation(self, errors: int) -> Validation:
        """The same beside the errors of the lists themselves."""
        listed = [[self._words(h.text) for h in nbest.hypotheses] or [[]] for nbest in self._held]
        pairs = list(zip(self._references, listed, strict=True))
        return Validation(
            lists=len(self._held),
            words=self.words(),
            first_best=sum(distance(said, rows[0]) for said, rows in pairs),
            oracle=sum(min(distance(said, row) for row in rows) for said, rows in pairs),
            errors=errors,
        )

    def _words(self, text: str) -> list[str]:
        return normalize(text, self._normalizer).split()


class LikelihoodJudge:
    """Log-probability of held texts; see `ger.train.objective.Judge`.

    Args:
        head: What the model says.
        pairs: The texts.
        words: Their words and ends.
        budget: Tokens, padding included, that go through the model at once.
    """

    loss = "validation_nats"

    def __init__(self, head: AnswerHead, pairs: Sequence[Pair], words: int, budget: int) -> None:
        self._head, self._pairs, self._words, self._budget = head, pairs, words, budget

    def __bool__(self) -> bool:
        return bool(self._pairs)

    def measure(self) -> dict[str, Any]:
        """Negative log-probability of all of them (nats), and their perplexity a word."""
        import torch

        with torch.inference_mode():
            nats = -math.fsum(
                float(logp) for part in parts(self._pairs, self._budget) for logp in self._head.logp(part)
            )
        perplexity = math.exp(min(700.0, nats / self._words))
        return {self.loss: round(nats, 3), "validation_perplexity": round(perplexity, 3)}
