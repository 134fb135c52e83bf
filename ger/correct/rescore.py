"""Rescoring: language models help to choose among the hypotheses of a list.

The choice is `argmax sum_k w_k f_k(Y, X)` over the listed texts Y, a log-linear model of the features of
`ger.lm.features`. With the recognizer's total log-probability and one language model's, both in nats, it is the
interpolation `(1 - w) * log p_AM(Y|X) + w * log p_LM(Y)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ger import prompting
from ger.correct.outcome import as_it_was, changed
from ger.correct.rewrites import REWRITES
from ger.correct.rewriting import Rewriting
from ger.errors import ModelError, UsageError
from ger.io.lists_join import recording_of
from ger.lm.abilities import abilities_of
from ger.lm.features import compute, with_crossed
from ger.lm.profile import DEFAULT, Profile
from ger.protocols import LanguageModel
from ger.text.normalize import normalize
from ger.text.tokens import latest
from ger.types import Correction, NBest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Rescorer", "candidates", "prefixed", "recording"]

_ADDED = {
    "crossed": "a text made of parts of several hypotheses",
    "generator": "a text that the model wrote",
    REWRITES: "a rewritten text",
}


class Rescorer:
    """Chooses among the listed hypotheses; see `ger.protocols.Corrector`.

    Language models read each text in a written form; the listed text itself is returned. A list with one hypothesis
    keeps it, and a list whose rescoring fails keeps its 1-best.

    Args:
        lms: The language models by the names that the profile gives them. A `Rewriting` called `rewrites` adds texts
            to the lists; it weighs 1 where the profile does not say how much.
        profile: Weights and everything else that decides.

    Raises:
        ModelError: a language model cannot score.
        UsageError: a language model that has a weight is not there.
    """

    name = "rescore"

    def __init__(self, lms: Mapping[str, LanguageModel], profile: Profile = DEFAULT) -> None:
        added = lms.get(REWRITES) if profile.weights.get(REWRITES, 1.0) else None
        self._rewriting = added if isinstance(added, Rewriting) else None
        if self._rewriting and REWRITES not in profile.weights:
            profile = profile.weighted({REWRITES: 1.0})
        self._profile = profile
        self._columns = [name for name, weight in profile.weights.items() if weight]
        named = [
            name for name in (*(spec.name for spec in profile.lms), "generator", REWRITES) if name in self._columns
        ]
        if missing := next((name for name in named if name not in lms), None):
            raise UsageError(f"The language model {missing!r} of the profile is not loaded.", "Give it with --lm.")
        self._lms = {name: lms[name] for name in named}
        for lm in self._lms.values():
            found = abilities_of(lm)
            if found is not None and "score" not in found:
                lm.score([])  # says why it cannot

    @property
    def signature(self) -> str:
        """See `ger.protocols.Corrector`."""
        lms = ",".join(f"{name}={lm.signature}" for name, lm in self._lms.items())
        return f"{self.name}:{self._profile.signature},context={prompting.load('context').hash},{lms or 'no lm'}"

    def correct(self, lists: Sequence[NBest]) -> list[Correction]:
        """See `ger.protocols.Corrector`."""
        open_lists = [nbest for nbest in lists if not self._settled(nbest)]
        try:
            done = iter(self._rescore(open_lists))
        except ModelError:
            done = iter([self._one(nbest) for nbest in open_lists])  # let only the lists fail that must
        return [as_it_was(nbest, reason) if (reason := self._settled(nbest)) else next(done) for nbest in lists]

    def _settled(self, nbest: NBest) -> str:
        """Why there is nothing to choose, if so."""
        if not nbest.hypotheses:
            return "nothing was said"
        return "only one hypothesis" if len(nbest.hypotheses) == 1 and not self._rewriting else ""

    def _competing(self, lists: Sequence[NBest]) -> list[NBest]:
        """The lists with what competes beside their hypotheses."""
        return [candidates(nbest, self._profile.cross) for nbest in lists]

    def _one(self, nbest: NBest) -> Correction:
        try:
            return self._rescore([nbest])[0]
        except ModelError as error:
            return as_it_was(nbest, str(error), "failed")

    def _rescore(self, lists: Sequence[NBest]) -> list[Correction]:
        import numpy as np

        if not lists:
            return []
        profile = self._profile
        competing = self._competing(lists)
        if self._rewriting:
            competing = self._rewriting.widened(competing)
        table = compute(
            competing,
            self._columns,
            self._lms,
            form=profile.form,
            min_length=profile.min_length,
            prefixes=[prefixed(nbest, profile) for nbest in lists],
        )
        weights = np.array([profile.weights[name] for name in table.names])
        return [self._choose(*row, weights) for row in zip(lists, competing, table.values, table.allowed, strict=True)]

    def _choose(
        self,
        nbest: NBest,
        competing: NBest,
        values: npt.NDArray[np.float64],
        allowed: npt.NDArray[np.bool_],
        weights: npt.NDArray[np.float64],
    ) -> Correction:
        import numpy as np

        combined = np.where(allowed, values @ weights, -np.inf)
        chosen = int(np.argmax(combined))
        text = competing.hypotheses[chosen].text
        first = next(i for i, h in enumerate(competing.hypotheses) if h.text == text)  # another system may say the same
        posterior = np.exp((combined - combined[chosen]) / self._profile.temperature)
        same = [normalize(h.text) == normalize(text) for h in competing.hypotheses]
        scores = {name: float(value) for name, value in zip(self._columns, values[chosen], strict=True)}
        scores["combined"] = float(combined[chosen])
        scores["posterior"] = float(posterior[same].sum() / posterior.sum())
        if first == 0:
            return as_it_was(nbest, "best of the list", scores=scores)
        hypothesis, listed = competing.hypotheses[chosen], chosen < len(nbest.hypotheses)
        what = f"hypothesis {chosen + 1}" if listed else _ADDED[str(hypothesis.extra.get("added"))]
        reason = f"{what} is ahead by {combined[chosen] - combined[0]:.2f}"
        made = changed(nbest, hypothesis, "reranked" if listed else "rewritten", reason, scores)
        return made if listed else self._added(made, int(np.argmax(combined[: len(nbest.hypotheses)])))

    def _added(self, made: Correction, best: int) -> Correction:
        """A correction with a text that was not listed; `best` is the number of the best of those that were."""
        return made


def recording(nbest: NBest | Correction) -> str:
    """What a list, or what was made of it, is a part of; empty when that is not known.

    Its audio; else its id up to the last slash, or up to a hyphen with a number behind it (`talk-0012`, as in Kaldi).
    """
    return nbest.audio.path if nbest.audio else recording_of(nbest.id)


def prefixed(nbest: NBest, profile: Profile, previous: str = "") -> str:
    """What language models read before the hypotheses of a list; the list's own context wins over the running one."""
    return prompting.load("context").fill(
        domain=profile.domain.strip(),
        hotwords=", ".join(nbest.context.hotwords),
        previous=latest(nbest.context.previous.strip() or previous, profile.previous_words),
    )


def candidates(nbest: NBest, limit: int) -> NBest:
    """The list and, where wanted, texts made of parts of its hypotheses."""
    if not limit:
        return nbest
    from ger.correct.combine import cross

    return with_crossed(nbest, cross(nbest, limit=limit))
