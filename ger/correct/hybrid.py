"""Hybrid: what a language model writes joins the list, and all of it is rescored.

ProGRes (Tur et al. 2024) adds a generated text to the list and lets the recognizer and a language model choose. Here
the generator judges, too: `generator` is log p(text | the hypotheses, as the prompt shows them) of every text, the
listed ones and its own, beside all other features of `ger.lm.features`; `ger tune` finds what each of them weighs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ger.correct.generate import Generator
from ger.correct.guarded import LISTED
from ger.correct.rescore import Rescorer, candidates
from ger.errors import ModelError, UsageError
from ger.lm.generation import GENERATOR
from ger.lm.profile import DEFAULT, Profile
from ger.protocols import Answer, GenerateRequest, LanguageModel, ScoreRequest
from ger.text.normalize import normalize
from ger.types import Correction, Hypothesis, NBest

__all__ = ["Hybrid", "Writer", "widened"]


class Writer:
    """A generator as a language model that judges the texts of a list by its prompt; see `ger.lm.features`.

    Args:
        generator: The generator.

    Raises:
        UsageError: it writes no transcripts or cannot judge them.
    """

    def __init__(self, generator: Generator) -> None:
        _check(generator)
        if not generator.judges:
            raise UsageError(
                "The server scores no answers in a chat, so the generator cannot judge texts.",
                "Let it only write, with --weight generator=0, or use the transformers backend.",
            )
        self.generator = generator

    @property
    def signature(self) -> str:
        """See `ger.protocols.LanguageModel`."""
        return self.generator.signature

    def score_lists(self, lists: Sequence[NBest]) -> list[list[float]]:
        """log p(text | prompt) of every text of every list, in nats; the prompt shows what was not added.

        Raises:
            ModelError: the model broke or cannot score answers.
        """
        return self.generator.judge([_listed(nbest) for nbest in lists], [_texts(nbest) for nbest in lists])

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
        """See `ger.protocols.LanguageModel`; what a generator judges are the texts of a list.

        Raises:
            ModelError: always.
        """
        raise ModelError("A generator judges lists, no single texts.", "Use --mode hybrid.")

    def generate(self, requests: Sequence[GenerateRequest]) -> list[tuple[Answer, ...]]:
        """See `ger.protocols.LanguageModel`; the generator itself writes.

        Raises:
            ModelError: always.
        """
        raise ModelError("What judges lists does not write.", "Use --mode hybrid.")


class Hybrid(Rescorer):
    """Chooses among the listed hypotheses and what a generator wrote; see `ger.correct.rescore.Rescorer`.

    A correction with a text of the generator's names in `extra["listed"]` the best of the listed ones, for
    `ger.correct.guarded.Guarded`, which takes it out again.

    Args:
        lms: The language models by the names that the profile gives them; `generator` is not among them.
        profile: Weights and everything else that decides; `generator` weighs the generator's own opinion.
        generator: What writes.

    Raises:
        UsageError: the generator writes no transcripts, or has a weight and cannot judge them.
    """

    name = "hybrid"

    def __init__(self, lms: Mapping[str, LanguageModel], profile: Profile = DEFAULT, *, generator: Generator) -> None:
        self._generator = generator
        self.verbatim, self.instructions = generator.verbatim, generator.instructions
        _check(generator)
        judge = {GENERATOR: Writer(generator)} if profile.weights.get(GENERATOR) else {}
        super().__init__({**lms, **judge}, profile)

    def _settled(self, nbest: NBest) -> str:
        return "" if nbest.hypotheses else "nothing was said"

    def _added(self, made: Correction, best: int) -> Correction:
        return replace(made, extra={**made.extra, LISTED: best})

    def _competing(self, lists: Sequence[NBest]) -> list[NBest]:
        return widened([candidates(nbest, self._profile.cross) for nbest in lists], self._generator)


def _check(generator: Generator) -> None:
    if generator.answer == "number" or generator.result != "transcript":
        raise UsageError("A hybrid needs a prompt that is answered with a transcript.", "Choose another --prompt.")


def widened(lists: Sequence[NBest], generator: Generator) -> list[NBest]:
    """Lists with what a generator writes for them behind their hypotheses, where nobody has said it.

    Raises:
        ModelError: the model broke.
    """
    made = []
    for nbest, texts in zip(lists, generator.write([_listed(nbest) for nbest in lists]), strict=True):
        known = {hypothesis.text for hypothesis in nbest.hypotheses}
        new = [text for text in dict.fromkeys(texts) if text not in known and normalize(text)]
        added = tuple(Hypothesis(text, extra={"added": "generator"}) for text in new)
        made.append(replace(nbest, hypotheses=nbest.hypotheses + added))
    return made


def _listed(nbest: NBest) -> NBest:
    return replace(nbest, hypotheses=tuple(h for h in nbest.hypotheses if not h.extra.get("added")))


def _texts(nbest: NBest) -> list[str]:
    return [hypothesis.text for hypothesis in nbest.hypotheses]
