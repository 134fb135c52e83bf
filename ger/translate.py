"""Translating lists: each hypothesis of a transcript by itself, with a language model or a translation model.

The translations of all hypotheses make a new list. The score of a translation is what the recognizer and the translator
give it together, summed over the hypotheses that it is a translation of (those found),

    log sum_Y p(Y | audio) p(T | Y),

so that what several hypotheses lead to comes first, and the list can be rescored, combined or corrected like any other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ger.errors import ModelError, UsageError
from ger.lm.abilities import check
from ger.prompting import Prompt, cleaned, shown
from ger.protocols import Answer, GenerateRequest, LanguageModel
from ger.types import Hypothesis, NBest

__all__ = ["Translator"]

#: Tokens of a translation at least, and for each byte of what is translated.
_SPARE, _TOKENS_A_BYTE = 32, 0.7


class Translator:
    """Makes lists of translations out of lists of transcripts.

    A hypothesis of the result has in `extra["source"]` the likeliest hypothesis that it translates. Where a hypothesis
    has no score, none has one, and the translations of the first hypothesis come first. Where the model does not end
    or says nothing, that answer is left out.

    Args:
        lm: The model. One with an attribute `translates` that is `True` is given the hypothesis alone, and told the
            languages beside it.
        target: The language to translate into.
        prompt: What other models are asked.
        beams: Translations of each hypothesis, found by a search of that width.
        nbest: How many hypotheses are translated, and how many translations there are at most.

    Raises:
        UsageError: the model cannot write so many, or the prompt's answer is no text or no translation.
    """

    def __init__(self, lm: LanguageModel, target: str, prompt: Prompt, beams: int = 1, nbest: int = 5) -> None:
        check(lm.signature, lm, ("generate", "beams") if beams > 1 else ("generate",))
        if prompt.answer != "text" or not prompt.turns:
            raise UsageError(f"The prompt {prompt.name!r} does not ask for a text.", "Use translate, or one like it.")
        if prompt.result == "other":
            raise UsageError(f"The answer to the prompt {prompt.name!r} is no translation.", "Use one like translate.")
        self._lm, self._target, self._prompt, self._beams, self._nbest = lm, target, prompt, beams, nbest
        self._plain = bool(getattr(lm, "translates", False)) and prompt.name == "translate"

    @property
    def signature(self) -> str:
        """Every setting that changes the result, on one line."""
        asked = "" if self._plain else f"prompt={self._prompt.name}@{self._prompt.hash},"
        return f"translate:{asked}target={self._target},beams={self._beams},nbest={self._nbest},{self._lm.signature}"

    def translate(self, lists: Sequence[NBest]) -> list[NBest]:
        """The lists with their hypotheses translated, in order; the words' times stay with what was said.

        Raises:
            ModelError: the model broke, or wrote nothing that can be used for a list.
        """
        sources = [shown(nbest, self._nbest) for nbest in lists]
        requests = [self._request(nbest, one) for nbest, found in zip(lists, sources, strict=True) for one in found]
        answers = iter(self._lm.generate(requests) if requests else [])
        return [
            self._made(nbest, [(one, next(answers)) for one in own]) for nbest, own in zip(lists, sources, strict=True)
        ]

    def _request(self, nbest: NBest, hypothesis: Hypothesis) -> GenerateRequest:
        text = cleaned(hypothesis.text)
        one = replace(nbest, hypotheses=(hypothesis,), target=self._target)
        return GenerateRequest(
            prompt=text if self._plain else self._prompt.render(one),
            max_tokens=_SPARE + math.ceil(_TOKENS_A_BYTE * len(text.encode())),
            beams=self._beams,
            language=nbest.language or "",
            target=self._target,
        )

    def _made(self, nbest: NBest, found: Sequence[tuple[Hypothesis, tuple[Answer, ...]]]) -> NBest:
        drafts = [draft for source, answers in found for draft in self._drafts(nbest, source, answers)]
        if found and not drafts:
            raise ModelError(f"{nbest.id}: the translator wrote nothing that can be used.", "Try another model.")
        hypotheses = _merged(drafts)[: self._nbest]
        return replace(nbest, hypotheses=tuple(hypotheses), task="translate", target=self._target)

    def _drafts(self, nbest: NBest, source: Hypothesis, answers: Sequence[Answer]) -> Iterator[_Draft]:
        one = replace(nbest, hypotheses=(source,))
        for answer in answers:
            text = cleaned(answer.text) if self._plain else self._prompt.read(answer.text, one)
            if answer.finished and text and any(map(str.isalnum, text)):
                known = source.score is not None and answer.score is not None
                yield _Draft(text, source, (source.score or 0.0) + (answer.score or 0.0) if known else None)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A translation of a hypothesis; its score is that of both (nats)."""

    text: str
    source: Hypothesis
    score: float | None


def _merged(drafts: Sequence[_Draft]) -> list[Hypothesis]:
    """One hypothesis for each text, best first."""
    groups: dict[str, list[_Draft]] = {}
    for draft in drafts:
        groups.setdefault(draft.text, []).append(draft)
    scores = {text: _sum([draft.score for draft in own]) for text, own in groups.items()}
    if any(score is None for score in scores.values()):
        return [Hypothesis(text, extra={"source": own[0].source.text}) for text, own in groups.items()]
    made = []
    for text, own in groups.items():
        likeliest = max(own, key=lambda draft: draft.score or 0.0)
        score = scores[text]
        made.append(Hypothesis(text, score=score, acoustic_score=score, extra={"source": likeliest.source.text}))
    return sorted(made, key=lambda hypothesis: -(hypothesis.score or 0.0))


def _sum(scores: Sequence[float | None]) -> float | None:
    """log sum exp; `None` where a score is not known."""
    known = [score for score in scores if score is not None]
    if len(known) < len(scores):
        return None
    top = max(known)
    return top + math.log(sum(math.exp(score - top) for score in known))
