"""What a plug-in has to be: one protocol a kind, each small enough for a plug-in of some seventy lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ger.types import AudioSegment, Correction, NBest, Task

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = [
    "AsrFrontend",
    "Corrector",
    "FrontendOptions",
    "LanguageModel",
    "LmOptions",
    "ScoreRequest",
    "Segmenter",
]


@runtime_checkable
class Segmenter(Protocol):
    """Finds the speech in a recording."""

    def split(self, blocks: Iterable[npt.NDArray[np.float32]]) -> Iterator[tuple[float, npt.NDArray[np.float32]]]:
        """Cut mono 16 kHz float32 blocks of one recording into stretches of speech.

        Yields:
            Start (seconds from the beginning) and samples, in order and without overlap. Nothing for silence.
        """
        ...


@runtime_checkable
class AsrFrontend(Protocol):
    """A recognizer that makes N-best lists out of audio."""

    @property
    def signature(self) -> str:
        """Name, model and every setting that changes the result, on one line."""
        ...

    def recognize(self, segments: Sequence[AudioSegment]) -> list[NBest]:
        """N-best lists of a batch of segments, in their order.

        Scores are total natural-log probabilities (nats), strictly descending, texts pairwise different. An empty
        list of hypotheses means that nothing was said.

        Raises:
            ModelError: the recognizer broke on this batch.
        """
        ...


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """Texts to be scored after one common prefix; the prefix itself is not scored."""

    continuations: tuple[str, ...]
    prefix: str = ""


@runtime_checkable
class LanguageModel(Protocol):
    """A language model that can score text, generate it, or both."""

    @property
    def signature(self) -> str:
        """Name, model and precision, on one line."""
        ...

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
        """log p(continuation, end of text | prefix) of every continuation, in nats.

        Raises:
            ModelError: the model broke or this backend cannot score.
        """
        ...

    def generate(self, prompts: Sequence[str], *, max_tokens: int = 256) -> list[str]:
        """The most probable continuation of every prompt (greedy), without the prompt.

        Raises:
            ModelError: the model broke or this backend cannot generate.
        """
        ...


@runtime_checkable
class Corrector(Protocol):
    """A strategy from N-best lists to corrections."""

    @property
    def signature(self) -> str:
        """Name and every setting that changes the result, on one line."""
        ...

    def correct(self, lists: Sequence[NBest]) -> list[Correction]:
        """One correction for each list, in order."""
        ...


@dataclass(frozen=True, slots=True)
class FrontendOptions:
    """What every front end is made with.

    Attributes:
        model: A catalogue name, a hub id or a folder; empty for the front end's default.
        language: A language code, or `None` to detect it for each recording.
        task: `transcribe`, or `translate` into English.
        nbest: How many different texts are wanted.
        beam_size: Width of the search; 0 lets the front end choose what `nbest` needs.
        device: `auto`, `cpu`, `cuda`.
        compute_type: `auto`, or a precision that the front end knows, such as `int8` or `float16`.
        batch_size: Segments decoded together; 0 lets the front end choose.
        threads: CPU threads; 0 lets the front end choose.
    """

    model: str = ""
    language: str | None = None
    task: Task = "transcribe"
    nbest: int = 5
    beam_size: int = 0
    device: str = "auto"
    compute_type: str = "auto"
    batch_size: int = 0
    threads: int = 0


@dataclass(frozen=True, slots=True)
class LmOptions:
    """What every backend is made with.

    Attributes:
        model: A catalogue name, a hub id or a folder; empty for the backend's default.
        device: `auto`, `cpu`, `cuda`.
        compute_type: `auto`, `float32`, `bfloat16`, `float16`.
        batch_tokens: Tokens, padding included, that go through the model at once; 0 lets the backend choose.
        threads: CPU threads; 0 lets the backend choose.
    """

    model: str = ""
    device: str = "auto"
    compute_type: str = "auto"
    batch_tokens: int = 0
    threads: int = 0
