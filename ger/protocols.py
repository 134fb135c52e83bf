"""What a plug-in has to be: one protocol a kind, each small enough for a plug-in of some seventy lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from ger.types import AudioSegment, Correction, NBest, Task

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = [
    "Ability",
    "Answer",
    "AsrFrontend",
    "Corrector",
    "Forced",
    "FrontendOptions",
    "GenerateRequest",
    "LanguageModel",
    "LmOptions",
    "Message",
    "Recalling",
    "ScoreRequest",
    "Segmenter",
    "Speaker",
    "result_of",
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


@runtime_checkable
class Forced(Protocol):
    """A front end that can also say how probable given texts are; optional, `ger plugins check` compares with it."""

    def score_texts(self, segment: AudioSegment, texts: Sequence[str]) -> list[float]:
        """log p(text | audio) of each text (nats, totals), by another way than the search that makes lists.

        Teacher forcing, for example, or CTC's forward algorithm. Of a hypothesis of the segment's list it is the
        acoustic score within 1e-3: where a list adds up several spellings or paths of a text, so does this.

        Raises:
            ModelError: the recognizer broke, or a text cannot be written with its symbols.
        """
        ...


@runtime_checkable
class Recalling(Protocol):
    """A front end that finds something out about a recording at its beginning, such as its language; optional."""

    def recall(self, nbest: NBest) -> None:
        """Take over from a list that an earlier run has made what is needed for the rest of its recording."""
        ...


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """Texts to be scored after one common prefix; the prefix itself is not scored."""

    continuations: tuple[str, ...]
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """A prompt and how its answer is searched.

    Attributes:
        prompt: Text to be continued as it is, or a conversation, which the backend puts into the model's chat template.
        max_tokens: Where an answer that does not end is cut.
        beams: Width of the search, and so many answers come back at most; 1 is greedy.
        drafts: Texts that the answer probably resembles, the likeliest first; a backend may use them to answer faster,
            never to answer differently.
        choices: Where given, the answer is one of these texts.
        slots: Where given, the answer takes one text of each slot in turn; an empty text leaves the slot out.
        language: The language of the prompt, for models that have to be told; empty where it is not known.
        target: The language of the answer, for models that translate and have to be told; empty for the same one.
    """

    prompt: str | tuple[Message, ...]
    max_tokens: int = 256
    beams: int = 1
    drafts: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    slots: tuple[tuple[str, ...], ...] = ()
    language: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a language model wrote.

    Attributes:
        text: Without the prompt and without special tokens.
        score: log p(text, end of text | prompt) in nats over the whole vocabulary, also where choices or slots
            restrict the search; `None` where the backend does not know.
        least: The smallest log-probability of one of its tokens (nats); `None` where the backend does not know.
        finished: Whether it ended by itself rather than at the limit.
        tokens: Its length, the end of the text included; 0 where the backend does not know.
        steps: How often the model was run for it; 0 where the backend does not know.
    """

    text: str
    score: float | None = None
    least: float | None = None
    finished: bool = True
    tokens: int = 0
    steps: int = 0


#: What a backend can do: score texts; write; give several answers to a prompt, found by beam search; choose among given
#: texts and tell the score of each, after a prompt of plain text or in a conversation; take a text of each slot; work
#: with a PEFT adapter; write faster along drafts.
Ability = Literal["score", "generate", "beams", "choices", "chat-choices", "slots", "adapter", "drafts"]


@runtime_checkable
class LanguageModel(Protocol):
    """A language model that can score text, generate it, or both.

    A class, or what it makes, may say what it can do in an attribute `abilities`, a frozenset of `Ability`. What is not
    in it is refused before any work starts. Without the attribute a backend is asked, and raises `ModelError`. One with
    an attribute `translates` that is `True` answers with a translation of the prompt, into `GenerateRequest.target`.
    """

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

    def generate(self, requests: Sequence[GenerateRequest]) -> list[tuple[Answer, ...]]:
        """Answers to every prompt, best first; at least one each.

        Raises:
            ModelError: the model broke, or this backend cannot generate or not under such a restriction.
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


def result_of(corrector: Corrector) -> str:
    """What a corrector's texts are: `transcript` unless it has a `result` that says otherwise."""
    return str(getattr(corrector, "result", "transcript"))


@runtime_checkable
class Speaker(Protocol):
    """Something that reads texts aloud; made with the name of a voice, which may be empty."""

    @property
    def signature(self) -> str:
        """Program or model, and voice."""
        ...

    def speak(self, text: str, speed: float = 1.0) -> npt.NDArray[np.float32]:
        """The speech: float32, mono, 16 kHz, between -1 and 1, with a little silence around it.

        Args:
            text: One sentence or a few.
            speed: 2 is twice as fast as the voice speaks by itself.

        Raises:
            InputError: nothing can be said of that text.
            ModelError: the program or the model failed.
        """
        ...


@dataclass(frozen=True, slots=True)
class FrontendOptions:
    """What every front end is made with.

    Attributes:
        model: A catalogue name, a hub id or a folder; empty for the front end's default.
        language: A language code, or `None` to detect it for each recording.
        task: `transcribe` or `translate`.
        nbest: How many different texts are wanted.
        beam_size: Width of the search; 0 lets the front end choose what `nbest` needs.
        device: `auto`, `cpu`, `cuda`.
        compute_type: `auto`, or a precision that the front end knows, such as `int8` or `float16`.
        batch_size: Segments decoded together; 0 lets the front end choose.
        threads: CPU threads; 0 lets the front end choose.
        hotwords: Words and phrases that may occur, the most important first. A front end that can makes them likelier
            to be found, after those of the segment's own context; scores are still those of the recognizer alone.
        target: The language to translate into, where that is the task; a front end that cannot says so when it is made.
        sounds: Spellings that say how hotwords are spoken, also those of single recordings: the spelling, the hotword.
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
    hotwords: tuple[str, ...] = ()
    target: str = "en"
    sounds: tuple[tuple[str, str], ...] = ()

    @property
    def into(self) -> str | None:
        """The language to translate into; `None` where nothing is to be translated."""
        return self.target if self.task == "translate" else None


@dataclass(frozen=True, slots=True)
class LmOptions:
    """What every backend is made with.

    Attributes:
        model: A catalogue name, a hub id or a folder; empty for the backend's default.
        adapter: Folder of a PEFT adapter that goes on the model; empty for none.
        device: `auto`, `cpu`, `cuda`.
        compute_type: `auto`, `float32`, `bfloat16`, `float16`, or another precision that the backend knows: `int8`.
        batch_tokens: Tokens, padding included, that go through the model at once; 0 lets the backend choose.
        threads: CPU threads; 0 lets the backend choose.
    """

    model: str = ""
    adapter: str = ""
    device: str = "auto"
    compute_type: str = "auto"
    batch_tokens: int = 0
    threads: int = 0
