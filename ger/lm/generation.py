"""How answers are generated: the model, its adapter, the prompt, and the kind of decoding."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from ger.errors import UsageError
from ger.lm.select import LmSpec
from ger.registry import suggest

__all__ = ["DECODINGS", "GENERATOR", "SHOTS", "Decoding", "Generation", "Shots"]

#: Name of the model that writes, of its column among the features, and of its weight.
GENERATOR = "generator"

Decoding = Literal["free", "nearest", "choice", "words"]
DECODINGS: tuple[Decoding, ...] = get_args(Decoding)

Shots = Literal["fixed", "random", "nearest"]
SHOTS: tuple[Shots, ...] = get_args(Shots)


@dataclass(frozen=True, slots=True)
class Generation:
    """How a corrector has a language model write.

    Attributes:
        lm: The language model.
        adapter: Folder of a PEFT adapter for it, such as `ger train h2t` writes; empty for none.
        prompt: Name of a prompt or a file; empty for the adapter's own, or without adapter the mode's.
        decoding: `free`; `nearest` (free, then the hypothesis that is nearest to the answer, Ma et al. 2023); `choice`
            (one of the hypotheses); `words` (words of the hypotheses and hotwords, in the order of the word graph).
        beams: Width of the search; 1 is greedy.
        examples: File of lists with references to show as examples; empty for none.
        shots: How many of them.
        select: Which of them: the first ones, random ones, or those with the nearest 1-best.
        task: Task tag for a model of several tasks.

    Raises:
        UsageError: something is out of its range.
    """

    lm: LmSpec = field(default_factory=lambda: LmSpec(GENERATOR))
    adapter: str = ""
    prompt: str = ""
    decoding: Decoding = "free"
    beams: int = 1
    examples: str = ""
    shots: int = 0
    select: Shots = "nearest"
    task: str = ""

    def __post_init__(self) -> None:
        if self.decoding not in DECODINGS:
            raise UsageError(f"There is no decoding called {self.decoding!r}.", suggest(self.decoding, DECODINGS))
        if self.select not in SHOTS:
            raise UsageError(f"There is no choice of examples called {self.select!r}.", suggest(self.select, SHOTS))
        if self.beams < 1 or self.shots < 0:
            raise UsageError("--beams has to be 1 or more, --shots 0 or more.", "Correct the setting.")
        if bool(self.examples) != bool(self.shots):
            raise UsageError(
                "Examples need a file and a number.", "Give both --examples FILE and --shots N, or neither."
            )
