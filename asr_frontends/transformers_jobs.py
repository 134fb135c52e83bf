"""Segments on their way through a recognizer of transformers, and what kinds of recognizers have in common."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from asr_frontends.beams import Merged, Path
from asr_frontends.transformers_loading import Loaded
from ger.languages import canonical
from ger.types import AudioSegment, Hypothesis

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

__all__ = ["RATE", "Job", "Recognizer", "Stage"]

#: Samples a second of every segment.
RATE = 16_000
_SHORTEST = 3200  # samples; what is shorter is padded with silence
_STEP = 5  # seconds
_SAME = 1e-3  # nats; how far log-probabilities may be apart that should be equal


@dataclass(slots=True)
class Job:
    """A segment on its way through a recognizer.

    Attributes:
        language: As told or heard.
        paths: What the search found.
        best: Tokens of the best hypothesis.
        ended: Whether the search found a text that ended.
        states: What the encoder made of the segment, where it is needed again.
        meta: What is told of the segment besides the list.
    """

    segment: AudioSegment
    language: str | None
    paths: list[Path] = field(default_factory=list)
    hypotheses: list[Hypothesis] = field(default_factory=list)
    best: tuple[int, ...] = ()
    ended: bool = True
    states: Any = None
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def samples(self) -> Array:
        """The samples, silence added to what is shorter than a model can hear."""
        import numpy as np

        short = max(0, _SHORTEST - len(self.segment.samples))
        return np.pad(self.segment.samples, (0, short)) if short else self.segment.samples

    @property
    def span(self) -> int:
        """The length in whole seconds, rounded up to a multiple of 5; what shares a batch has the same."""
        return _STEP * math.ceil(len(self.segment.samples) / RATE / _STEP)

    def take(self, merged: list[Merged], most: int) -> None:
        """Make hypotheses out of texts, best first; their scores descend strictly."""
        self.best = merged[0].path.tokens if merged else ()
        self.hypotheses = []
        for item in merged:
            if len(self.hypotheses) < most and (not self.hypotheses or item.score < (self.hypotheses[-1].score or 0)):
                self.hypotheses.append(Hypothesis(item.text, score=item.score, acoustic_score=item.score))


@dataclass(frozen=True, slots=True)
class Stage:
    """Work to be done with jobs, batch by batch."""

    work: Callable[[list[Job]], None]
    jobs: list[Job]


class Recognizer(ABC):
    """One kind of recognizer.

    Attributes:
        beam: Width of the search.
        told: What the signature says of hotwords.
    """

    beam: int
    told = ""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded, self._options = loaded, loaded.options
        self._device, self._title = loaded.device, loaded.local.name

    @abstractmethod
    def check(self, language: str | None) -> None:
        """Refuse a language or task that the model does not know.

        Raises:
            UsageError: it does not.
        """

    def named(self, language: str | None) -> str | None:
        """A language as the model calls it."""
        return language and canonical(language)

    @abstractmethod
    def stages(self, jobs: list[Job]) -> Iterator[Stage]:
        """What has to be done with jobs, in order; each stage begins when the one before is over."""

    @abstractmethod
    def _outputs(self, samples: list[Array]) -> list[Array]:
        """Log-probabilities that the model gives to recordings, batched, for a comparison."""

    def check_segment(self, segment: AudioSegment) -> None:
        """Refuse a segment that the model cannot hear.

        Raises:
            ModelError: it is too long.
            UsageError: the model does not know its language.
        """
        self.check(segment.language or self._options.language)

    def padded(self, samples: int) -> int:
        """How long a segment is for the model, in samples."""
        return max(samples, _SHORTEST)

    @cached_property
    def mixes(self) -> bool:
        """Whether segments of different lengths can be batched without changing scores; tried out at the first use."""
        import numpy as np

        noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
        short = noise[: RATE // 2 + 77]
        alone, together = self._outputs([short])[0], self._outputs([noise, short])[1]
        near = _SAME if self._loaded.precision == "float32" else 0.1
        return alone.shape == together.shape and bool(np.abs(alone - together).max() < near)

    def _tensors(self, inputs: Any) -> dict[str, Any]:
        """Inputs of a model on its device and in its precision."""
        import torch

        kind = getattr(torch, self._loaded.precision)
        return {
            name: value.to(self._device, kind) if value.is_floating_point() else value.to(self._device)
            for name, value in inputs.items()
        }
