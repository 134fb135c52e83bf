"""Scripted parts for tests: a segmenter, a recognizer and a language model that do as told and keep a record.

They stand where the real ones would, so that what happens around a model can be tested without one::

    frontend = ScriptedFrontend(lambda segment: [("so the field", -1.0), ("sow the field", -2.0)])
    lm = ScriptedLM(lambda prefix, text: -10.0 if text.startswith("sow") else -40.0)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from ger.protocols import Answer, GenerateRequest, Message, ScoreRequest
from ger.types import AudioSegment, Hypothesis, NBest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["FixedSegmenter", "ScriptedFrontend", "ScriptedLM"]

_RATE = 16_000


class FixedSegmenter:
    """Cuts a recording into pieces of equal length; those of digital silence are left out.

    Args:
        seconds: Length of a piece; the last one may be shorter.
    """

    def __init__(self, seconds: float = 1.0) -> None:
        self.seconds = seconds
        #: Number of pieces that were given out.
        self.pieces = 0

    def split(self, blocks: Iterable[npt.NDArray[np.float32]]) -> Iterator[tuple[float, npt.NDArray[np.float32]]]:
        """See `ger.protocols.Segmenter`."""
        import numpy as np

        size = int(self.seconds * _RATE)
        held, offset = np.zeros(0, dtype=np.float32), 0
        for block in blocks:
            held = np.concatenate([held, block])
            while len(held) >= size:
                yield from self._piece(offset, held[:size])
                held, offset = held[size:], offset + size
        yield from self._piece(offset, held)

    def _piece(self, offset: int, samples: npt.NDArray[np.float32]) -> Iterator[tuple[float, npt.NDArray[np.float32]]]:
        if samples.any():
            self.pieces += 1
            yield offset / _RATE, samples


class ScriptedFrontend:
    """A recognizer that hears what its script says.

    Args:
        script: Texts with their scores (nats) for a segment, best first; what it raises is raised by `recognize`.
    """

    signature = "scripted-frontend"

    def __init__(self, script: Callable[[AudioSegment], Sequence[tuple[str, float]]]) -> None:
        self._script = script
        #: Ids of the segments of every call.
        self.calls: list[list[str]] = []

    def recognize(self, segments: Sequence[AudioSegment]) -> list[NBest]:
        """See `ger.protocols.AsrFrontend`."""
        self.calls.append([segment.id for segment in segments])
        return [self._list(segment) for segment in segments]

    def _list(self, segment: AudioSegment) -> NBest:
        hypotheses = tuple(Hypothesis(text, score=score, acoustic_score=score) for text, score in self._script(segment))
        return NBest(segment.id, hypotheses, segment.span, segment.language, context=segment.context)


class ScriptedLM:
    """A language model whose scores and answers are given.

    Args:
        score: log p of a text after a prefix (prefix first), in nats; what it raises is raised by `score`.
        answer: The answer to a prompt, or several, best first; what it raises is raised by `generate`. Of a
            conversation it is given the texts of all messages, one a line.
    """

    signature = "scripted-lm"

    def __init__(
        self,
        score: Callable[[str, str], float] = lambda prefix, text: 0.0,
        answer: Callable[[str], str | tuple[Answer, ...]] = str,
    ) -> None:
        self._score = score
        self._answer = answer
        #: Requests of every call of `score`.
        self.scored: list[list[ScoreRequest]] = []
        #: Requests of every call of `generate`.
        self.prompted: list[list[GenerateRequest]] = []

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
        """See `ger.protocols.LanguageModel`."""
        self.scored.append(list(requests))
        return [[self._score(request.prefix, text) for text in request.continuations] for request in requests]

    def generate(self, requests: Sequence[GenerateRequest]) -> list[tuple[Answer, ...]]:
        """See `ger.protocols.LanguageModel`."""
        self.prompted.append(list(requests))
        return [self._answers(request.prompt) for request in requests]

    def _answers(self, prompt: str | tuple[Message, ...]) -> tuple[Answer, ...]:
        made = self._answer(prompt if isinstance(prompt, str) else "\n".join(message.text for message in prompt))
        return (Answer(made),) if isinstance(made, str) else made
