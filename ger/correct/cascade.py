"""Cascade: the recognizer's 1-best through an instruction, the plainest way to put a language model behind one.

The instruction is a prompt, so it may ask for something else than a transcript: a summary, a translation, minutes.
What such a prompt yields (`result = "other"`) is taken as it is.
"""

from __future__ import annotations

from dataclasses import replace

from ger.correct.generate import Generator
from ger.errors import UsageError
from ger.lm.generation import Generation
from ger.prompting import Prompt
from ger.types import NBest

__all__ = ["Cascade"]


class Cascade(Generator):
    """A `Generator` whose model reads the 1-best only; see there.

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
        return replace(nbest, hypotheses=nbest.hypotheses[:1])
