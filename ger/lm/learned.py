"""Language models learned from the references of lists, and their scores without leaks.

A model that has seen a list's reference scores that list too well, so its column must come from one that has not. Lists
are dealt into folds: when weights are tuned, a list's column comes from the model that was trained without the list's
fold; in cross-validation, from models that have seen neither the list's fold nor the fold that is held out (stacking,
Wolpert 1992). Nor have they seen lists of other folds with the reference of a list in these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ger.errors import ModelError
from ger.lm.features import Features, compute
from ger.lm.ngram import NGramModel, train
from ger.protocols import Answer, GenerateRequest, LanguageModel, ScoreRequest
from ger.text.form import Form
from ger.text.normalize import normalize
from ger.types import NBest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["CrossFitted", "Learner", "NGram", "ngram"]

#: Makes a language model of lists with references.
Learner = Callable[[Sequence[NBest]], LanguageModel]


@dataclass(frozen=True, slots=True)
class NGram:
    """An n-gram model as a language model; see `ger.protocols.LanguageModel`.

    Args:
        model: The model.
        normalizer: What its words were normalized with.
    """

    model: NGramModel
    normalizer: str = "basic"
    form: Form = "as-is"

    @property
    def signature(self) -> str:
        """See `ger.protocols.LanguageModel`."""
        return f"ngram:order={self.model.order},normalizer={self.normalizer}"

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
        """See `ger.protocols.LanguageModel`."""
        return [self._scores(request) for request in requests]

    def _scores(self, request: ScoreRequest) -> list[float]:
        prefix = self._words(request.prefix)
        return [self.model.score(self._words(text), prefix) for text in request.continuations]

    def _words(self, text: str) -> list[str]:
        return normalize(text, self.normalizer).split()

    def generate(self, requests: Sequence[GenerateRequest]) -> list[tuple[Answer, ...]]:
        """Nothing: n-gram models are used for scores only.

        Raises:
            ModelError: always.
        """
        raise ModelError("An n-gram model does not generate text.", "Use another language model.")


def ngram(order: int = 3, normalizer: str = "basic") -> Callable[[Sequence[NBest]], NGram]:
    """What makes n-gram models of references."""

    def learn(lists: Sequence[NBest]) -> NGram:
        sentences = [normalize(nbest.reference or "", normalizer).split() for nbest in lists]
        return NGram(train(sentences, order), normalizer)

    return learn


@dataclass(frozen=True)
class CrossFitted:
    """Columns of learned language models; each model is trained once, when it is first needed.

    Args:
        lists: Lists with references.
        learners: What makes the models, by the names of their columns.
        parts: Numbers of the lists of each fold.
        prefixes: What language models read before the hypotheses of each list; nothing where left out.
    """

    lists: Sequence[NBest]
    learners: Mapping[str, Learner]
    parts: Sequence[npt.NDArray[np.int64]]
    prefixes: Sequence[str] = ()
    _known: dict[tuple[int, int], list[npt.NDArray[np.float64]]] = field(default_factory=dict)

    def joined(self, table: Features, held: int | None = None) -> Features:
        """A table with the learned columns behind its own.

        Args:
            table: Features of all lists.
            held: A fold whose references no model may have seen.
        """
        import numpy as np

        if not self.learners:
            return table
        values = list(table.values)
        for number, part in enumerate(self.parts):
            columns = self._columns(number, number if held is None else held)
            for i, column in zip(part.tolist(), columns, strict=True):
                values[i] = np.hstack([values[i], column])
        return Features((*table.names, *self.learners), values, table.allowed)

    def _columns(self, number: int, held: int) -> list[npt.NDArray[np.float64]]:
        """Learned columns of the lists of a fold, from models that have seen neither it nor another one."""
        key = (number, held)
        if key not in self._known:
            unseen = {normalize(self.lists[i].reference or "") for fold in key for i in self.parts[fold].tolist()}
            others = (i for fold, part in enumerate(self.parts) if fold not in key for i in part.tolist())
            seen = [self.lists[i] for i in sorted(others) if normalize(self.lists[i].reference or "") not in unseen]
            models = {name: learn(seen) for name, learn in self.learners.items()}
            # The models without folds 1 and 2 serve the lists of both.
            for scored, other in {(number, held), (held, number)}:
                mine = self.parts[scored].tolist()
                prefixes = [self.prefixes[i] for i in mine] if self.prefixes else None
                table = compute([self.lists[i] for i in mine], list(models), models, prefixes=prefixes)
                self._known[scored, other] = list(table.values)
        return self._known[key]
