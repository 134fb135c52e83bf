"""Rewriting: correction by a table of rewrites, alone or among the hypotheses.

Alone, `Rewriter` makes the likely ones in the 1-best. In rescoring, rewritten texts join the list, and the logarithm of
the probability of the rewrites in a text, and of none in the rest of it, is one of the features, `rewrites`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ger.correct.outcome import as_it_was, written
from ger.correct.rewrites import REWRITES, Rewrite, Rewrites
from ger.errors import ModelError, UsageError
from ger.lm.features import SOURCE
from ger.lm.profile import Profile
from ger.protocols import Answer, GenerateRequest, LanguageModel, ScoreRequest
from ger.types import Correction, Hypothesis, NBest

__all__ = ["Rewriter", "Rewriting", "rewriter"]

#: Texts compete in which only rewrites of these probabilities or more are made.
_LEVELS = (0.8, 0.5, 0.2, 0.1)
#: In `extra` of a rewritten text: log p of its rewrites.
_DONE = "rewritten"
#: So many hypotheses, the first ones, are rewritten, and all that were added.
_MOST = 20


class Rewriting:
    """A table of rewrites among the language models: it adds texts to lists and judges all of them.

    Args:
        rewrites: The table.
    """

    def __init__(self, rewrites: Rewrites) -> None:
        self.rewrites = rewrites

    @property
    def signature(self) -> str:
        """See `ger.protocols.LanguageModel`."""
        return f"{len(self.rewrites)}@{self.rewrites.signature}"

    def widened(self, lists: Sequence[NBest]) -> list[NBest]:
        """Lists with rewritten texts behind their hypotheses, where nobody has said them."""
        return [replace(nbest, hypotheses=(*nbest.hypotheses, *self._added(nbest))) for nbest in lists]

    def _added(self, nbest: NBest) -> list[Hypothesis]:
        known = {h.text for h in nbest.hypotheses}
        made: dict[str, Hypothesis] = {}
        for i, hypothesis in enumerate(nbest.hypotheses):
            if i >= _MOST and not hypothesis.extra.get("added"):
                continue
            for text, done in self.rewrites.at_levels(hypothesis.text, _LEVELS):
                if text and text not in known and text not in made:
                    extra = {"added": REWRITES, SOURCE: i, _DONE: _log_p(done)}
                    made[text] = Hypothesis(text, extra=extra)
        return list(made.values())

    def score_lists(self, lists: Sequence[NBest]) -> list[list[float]]:
        """log p(what was rewritten) + log p(nothing else needs to be) of every text of every list, in nats."""
        return [[self.rewrites.log_kept(h.text) + _done(h) for h in nbest.hypotheses] for nbest in lists]

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
        """See `ger.protocols.LanguageModel`."""
        return [[self.rewrites.log_kept(text) for text in request.continuations] for request in requests]

    def generate(self, requests: Sequence[GenerateRequest]) -> list[tuple[Answer, ...]]:
        """Nothing: rewrites are used for scores only.

        Raises:
            ModelError: always.
        """
        raise ModelError("A table of rewrites does not generate text.", "Use another language model.")


def _log_p(done: Sequence[Rewrite]) -> float:
    return sum(math.log(rewrite.probability) for rewrite in done)


def _done(hypothesis: Hypothesis) -> float:
    log_p = hypothesis.extra.get(_DONE)
    return log_p if hypothesis.extra.get("added") == REWRITES and isinstance(log_p, float) else 0.0


class Rewriter:
    """Makes the rewrites of the 1-best that are likely enough; see `ger.protocols.Corrector`.

    Args:
        rewrites: The table; its threshold says what is likely enough.
    """

    name = "rewrite"

    def __init__(self, rewrites: Rewrites) -> None:
        self._rewrites = rewrites

    @property
    def signature(self) -> str:
        """See `ger.protocols.Corrector`."""
        return f"{self.name}:{len(self._rewrites)}@{self._rewrites.signature}"

    def correct(self, lists: Sequence[NBest]) -> list[Correction]:
        """See `ger.protocols.Corrector`."""
        return [self._corrected(nbest) for nbest in lists]

    def _corrected(self, nbest: NBest) -> Correction:
        before, least = nbest.best.text, self._rewrites.threshold
        text, done = self._rewrites.rewritten(before, least)
        if text == before:
            return as_it_was(nbest, "nothing to rewrite" if nbest.hypotheses else "nothing was said")
        if not text:
            return as_it_was(nbest, "no word would be left", "rejected")
        told, log_p = ", ".join(map(_told, done)), _log_p(done)
        scores = {REWRITES: log_p, "posterior": math.exp(log_p)}
        return written(nbest, text, told, lambda number: f"hypothesis {number}: {told}", scores)


def _told(rewrite: Rewrite) -> str:
    return f"{' '.join(rewrite.heard)!r} -> {' '.join(rewrite.said)!r} ({rewrite.times} of {rewrite.of} times)"


def rewriter(lms: Mapping[str, LanguageModel], profile: Profile) -> Rewriter:
    """The corrector `rewrite`; the table is among the language models.

    Raises:
        UsageError: there is none.
    """
    found = lms.get(REWRITES)
    if not isinstance(found, Rewriting):
        raise UsageError(
            "The mode 'rewrite' needs rewrites.", "Name a file that `ger tune rewrites` wrote: --rewrites."
        )
    return Rewriter(found.rewrites)
