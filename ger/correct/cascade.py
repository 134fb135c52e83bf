"""Cascade: the recognizer's text through an instruction, the plainest way to put a language model behind one.

The instruction is a prompt, so it may ask for something else than a transcript: a summary, an answer, minutes. What
such a prompt yields (`result = "other"`) is taken as it is. The prompt says how many hypotheses the model reads
(`most`), and whether it reads each utterance by itself or all of a recording (`scope`), which `joined` puts together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ger.correct.generate import Generator
from ger.errors import UsageError
from ger.lm.generation import Generation
from ger.prompting import Prompt
from ger.types import Hypothesis, NBest

__all__ = ["Cascade", "joined"]


class Cascade(Generator):
    """A `Generator` whose prompt asks for what it likes; see there. Of transcripts its model reads the 1-best only.

    Raises:
        UsageError: the prompt cannot be used, or decoding is not `free`.
    """

    name = "cascade"

    def _check(self, generation: Generation, prompt: Prompt) -> None:
        if generation.decoding != "free":
            raise UsageError(
                f"A cascade reads one text, decoding {generation.decoding!r} needs a list.", "Use mode = 'generate'."
            )
        super()._check(generation, prompt)

    def _seen(self, nbest: NBest) -> NBest:
        return nbest if self.result == "other" else replace(nbest, hypotheses=nbest.hypotheses[:1])


def joined(id: str, lists: Sequence[NBest]) -> NBest:
    """The lists of a recording as one: the first hypotheses of all, then the second ones, and so on.

    A list with fewer hypotheses than the longest gives its best one in place of those it lacks. Scores are left out,
    since hypotheses of different places do not belong together.

    Args:
        id: What it is called.
        lists: Of one recording, in order, at least one.
    """
    count = max(len(nbest.hypotheses) for nbest in lists)
    texts = [" ".join(_text(nbest, i) for nbest in lists) for i in range(count)]
    spans = [nbest.audio for nbest in lists if nbest.audio]
    audio = replace(spans[0], end=spans[-1].end) if spans else None
    hypotheses = tuple(Hypothesis(text) for text in dict.fromkeys(texts))
    return replace(lists[0], id=id, hypotheses=hypotheses, audio=audio, reference=None)


def _text(nbest: NBest, i: int) -> str:
    return (nbest.hypotheses[i] if i < len(nbest.hypotheses) else nbest.best).text.strip()
