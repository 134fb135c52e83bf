"""Which epoch is kept: word errors of what the model writes for lists that it does not learn from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ger.evaluate.rates import distance
from ger.text.normalize import normalize
from ger.train.work import Validation
from ger.types import NBest

__all__ = ["Judge"]


class Judge:
    """Counts word errors on held lists.

    Args:
        held: The lists, with references; may be none.
        answers: Writes a text for each of some lists.
        normalizer: Normalizer of the texts.
    """

    def __init__(self, held: Sequence[NBest], answers: Callable[[Sequence[NBest]], list[str]], normalizer: str) -> None:
        self._held, self._answers, self._normalizer = held, answers, normalizer
        self._references = [self._words(nbest.reference or "") for nbest in held]

    def __bool__(self) -> bool:
        return bool(self._held)

    def errors(self) -> int:
        """Errors of what the model writes now."""
        texts = self._answers(self._held)
        return sum(distance(said, self._words(text)) for said, text in zip(self._references, texts, strict=True))

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
