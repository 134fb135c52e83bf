"""Recognizers behind an OpenAI-compatible server: `/v1/audio/transcriptions` and `/v1/audio/translations`.

Such servers give one text, without its probability. Where a list is wanted, a segment is sent several times: first at
temperature 0, which is greedy search, then at temperatures that rise to 1, the model's own distribution. How often a
text comes back says something about it, but is no score: hypotheses have none (`score` is `None`), the greedy text
stands first, and the others follow by how often they came. Whoever rescores such a list goes by the position.

What a server can tell beside the text (`verbose_json`: times of words, averages) is found out when the front end is
made, with a second of silence. A server that pays no heed to the temperature gives lists of one text.
"""

from __future__ import annotations

import io
import math
import wave
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from asr_frontends.beams import LOW_LOGPROB, loops
from asr_frontends.hotwords import signature
from asr_frontends.whisper import check_into
from ger.errors import ModelError
from ger.http.address import Address
from ger.http.calls import CONNECTIONS, PROBE_TRIES, each, first_model
from ger.http.client import Client, Policy, Reply
from ger.http.keys import api_key
from ger.protocols import FrontendOptions
from ger.text.align import carry_times
from ger.text.normalize import normalize
from ger.types import AudioSegment, Hypothesis, NBest, Word

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Remote"]

_RATE = 16_000
_HOTWORDS = 100  # that are told; a prompt of Whisper ends after some two hundred tokens
_NO_SPEECH = 0.6  # Whisper's own threshold (Radford et al. 2022, section 4.5)
_EXAMPLE = "Give its address and the model's name there, such as http://localhost:8000/v1#whisper-1."
_UNABLE = "Check the model's name, and that the server has /v1/audio/transcriptions."
_LARGE = "Raise the limit of the server, or of what stands before it: a segment of 30 s has 1 MB."

#: How answers are asked for, what tells most first: servers and models differ.
_FORMS: dict[str, tuple[tuple[str, str], ...]] = {
    "words": (
        ("response_format", "verbose_json"),
        ("timestamp_granularities[]", "word"),
        ("timestamp_granularities[]", "segment"),
    ),
    "verbose_json": (("response_format", "verbose_json"),),
    "json": (("response_format", "json"),),
}


@dataclass(frozen=True, slots=True)
class _Heard:
    """One answer of a server.

    Attributes:
        average: Log-probability a token (nats) as the server says it; no part of a score, as its tokens are unknown.
        no_speech: Probability that nobody speaks.
    """

    text: str
    words: tuple[Word, ...] = ()
    average: float | None = None
    no_speech: float | None = None
    language: str | None = None

    @property
    def silent(self) -> bool:
        """Whether nothing was said: no words, or words that the model itself does not believe."""
        if not normalize(self.text):
            return True
        if self.average is None or self.no_speech is None:
            return False
        return self.no_speech > _NO_SPEECH and self.average < LOW_LOGPROB


class Remote:
    """A recognizer of an OpenAI-compatible server; see `ger.protocols.AsrFrontend`.

    `options.model` is `URL#MODEL`; without a model the first one of the server is used. `options.beam_size` is how
    often a segment is sent (as often as `nbest` if 0), `options.threads` how many requests run at the same time (8 if
    0). Device, precision and batches are the server's own business. Hotwords and the context of a segment are sent as
    the prompt.

    Args:
        options: What the front end is made with.
        client: Makes the client for a URL, a key and a policy; for tests and special transports.
        policy: How patient to be.

    Raises:
        UsageError: the address or the key is wrong.
        ModelError: the server does not answer, refuses the key, or does not transcribe.
    """

    def __init__(
        self,
        options: FrontendOptions,
        client: Callable[[str, str, Policy], Client] = Client,
        policy: Policy | None = None,
    ) -> None:
        self._options = options
        address = Address.parse(options.model, "remote front end", _EXAMPLE)
        check_into(options.into, "OpenAI's interface for speech")
        policy, key = policy or Policy(), api_key(address.url)
        self._client = client(address.url, key, replace(policy, tries=min(policy.tries, PROBE_TRIES)))
        self._model = address.model or first_model(self._client, address.shown, _EXAMPLE)
        self._name = f"{address.shown}#{self._model}"
        self._connections = options.threads or CONNECTIONS
        sent = 1 if options.nbest == 1 else max(options.beam_size or options.nbest, 2)
        self._temperatures = [0.0, *(round(i / (sent - 1), 3) for i in range(1, sent))]
        self._form = self._probe()
        self._client = client(address.url, key, policy)

    @property
    def signature(self) -> str:
        """See `ger.protocols.AsrFrontend`; without the key."""
        options = self._options
        return (
            f"remote:{self._name},{self._form},requests={len(self._temperatures)},nbest={options.nbest},"
            f"task={options.task},language={options.language or 'auto'}{signature(options.hotwords)}"
        )

    def recognize(self, segments: Sequence[AudioSegment]) -> list[NBest]:
        """See `ger.protocols.AsrFrontend`; hypotheses have no scores. Digital silence is not sent.

        Raises:
            ModelError: the server did not answer, or refused a segment, for example as too large.
        """
        sounding = [i for i, segment in enumerate(segments) if segment.samples.any()]
        first = self._ask([(segments[i], 0.0) for i in sounding])
        heard = {i: [greedy] for i, greedy in zip(sounding, first, strict=True) if not greedy.silent}
        again = [(i, temperature) for i in heard for temperature in self._temperatures[1:]]
        others = self._ask([(segments[i], temperature) for i, temperature in again])
        for (i, _), other in zip(again, others, strict=True):
            heard[i].append(other)
        return [self._nbest(segment, heard.get(i, [])) for i, segment in enumerate(segments)]

    def _nbest(self, segment: AudioSegment, heard: list[_Heard]) -> NBest:
        meta: dict[str, Any] = {"frontend": "remote"}
        if heard and heard[0].no_speech is not None:
            meta["no_speech_prob"] = round(heard[0].no_speech, 4)
        return NBest(
            id=segment.id,
            hypotheses=tuple(_ranked(heard)[: self._options.nbest]),
            audio=segment.span,
            language=segment.language or self._options.language or (heard[0].language if heard else None),
            task=self._options.task,
            target=self._options.into,
            context=segment.context,
            meta=meta,
        )

    def _ask(self, items: Sequence[tuple[AudioSegment, float]]) -> list[_Heard]:
        """Answers about segments at temperatures."""
        return each(self._heard, items, self._connections)

    def _heard(self, item: tuple[AudioSegment, float]) -> _Heard:
        segment, temperature = item
        told: list[tuple[str, str]] = [("temperature", f"{temperature:g}")]
        language = segment.language or self._options.language
        if language and self._options.task == "transcribe":
            told.append(("language", language))
        own = segment.context.hotwords
        others = [hotword for hotword in self._options.hotwords if hotword not in own][: max(0, _HOTWORDS - len(own))]
        hotwords = (*others, *own[:_HOTWORDS])  # Whisper reads the end of a long prompt
        if prompt := " ".join(filter(None, (", ".join(hotwords), segment.context.previous))):
            told.append(("prompt", prompt))
        reply = self._send(self._form, told, segment.samples)
        if reply.refusal:
            hint = _LARGE if reply.status == 413 else ""
            raise ModelError(f"{self._name}: the server refused {segment.id}: {reply.refusal}.", hint)
        try:
            return _read(reply.value, segment)
        except ValueError as error:
            raise ModelError(f"{self._name}: {error}.", "Check the server; its answer is not as it was.") from error

    def _send(self, form: str, told: Sequence[tuple[str, str]], samples: npt.NDArray[np.float32]) -> Reply:
        path = "audio/translations" if self._options.task == "translate" else "audio/transcriptions"
        return self._client.upload(path, [("model", self._model), *_FORMS[form], *told], "segment.wav", _wav(samples))

    def _probe(self) -> str:
        """The way of asking by which the server tells most.

        Raises:
            ModelError: it refuses all of them.
        """
        import numpy as np

        reasons: list[str] = []
        for form in _FORMS:
            reply = self._send(form, (), np.zeros(_RATE, dtype=np.float32))
            if isinstance(reply.value.get("text"), str):
                return form
            reasons.append(reply.refusal or "its answer has no text")
        said = "; ".join(dict.fromkeys(reasons))
        raise ModelError(f"{self._name}: the server does not {self._options.task}: {said}.", _UNABLE)


def _ranked(heard: Sequence[_Heard]) -> list[Hypothesis]:
    """One hypothesis for each text that differs after normalization: the first answer's, then the most frequent."""
    groups: dict[str, list[_Heard]] = {}
    for answer in heard:
        if normalize(answer.text) and (not loops(answer.text) or answer is heard[0]):
            groups.setdefault(normalize(answer.text), []).append(answer)
    ordered = sorted(groups.values(), key=lambda group: (group[0] is not heard[0], -len(group)))
    return [_hypothesis(group[0], len(group)) for group in ordered]


def _hypothesis(answer: _Heard, count: int) -> Hypothesis:
    extra: dict[str, Any] = {"count": count}
    if answer.average is not None:
        extra["avg_logprob"] = round(answer.average, 4)
    return Hypothesis(answer.text, words=answer.words, extra=extra)


def _read(value: Mapping[str, Any], segment: AudioSegment) -> _Heard:
    """An answer, with as much of it as is there.

    Raises:
        ValueError: it has no text.
    """
    if not isinstance(text := value.get("text"), str):
        raise ValueError("the answer has no text")
    parts = [part for part in value.get("segments") or () if isinstance(part, dict)]
    said = [word for part in (value, *parts) for word in part.get("words") or () if isinstance(word, dict)]
    words = [word for word in (_word(word, segment) for word in said) if word]
    language = value.get("language")
    return _Heard(
        text.strip(),
        carry_times(words, text) if words else (),
        _mean(parts, "avg_logprob"),
        _mean(parts, "no_speech_prob"),
        language if isinstance(language, str) and 1 < len(language) < 4 else None,  # some give its English name
    )


def _word(value: Mapping[str, Any], segment: AudioSegment) -> Word | None:
    """A word with its times in the recording (seconds); nothing where it has none."""
    text, start, end = value.get("word"), _number(value.get("start")), _number(value.get("end"))
    if not isinstance(text, str) or not text.strip() or start is None or end is None:
        return None
    offset = segment.span.start or 0.0
    first, last = (round(offset + min(max(0.0, time), segment.duration), 3) for time in (start, end))
    return Word(text.strip(), first, max(first, last))


def _mean(parts: Sequence[Mapping[str, Any]], name: str) -> float | None:
    """The mean of a number over the parts of an answer, weighted by the lengths of their texts."""
    rows = [(_number(part.get(name)), len(str(part.get("text", ""))) or 1) for part in parts]
    total = sum(weight for _, weight in rows)
    if not rows or any(number is None for number, _ in rows):
        return None
    return sum((number or 0.0) * weight for number, weight in rows) / total


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _wav(samples: npt.NDArray[np.float32]) -> bytes:
    """A WAV file of 16 bit."""
    import numpy as np

    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32767).round().astype("<i2").tobytes())
    return made.getvalue()
