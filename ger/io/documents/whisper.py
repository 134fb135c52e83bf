"""Whisper's JSON, that of whisperX, and `verbose_json` of services: segments with text and maybe words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ger.errors import InputError
from ger.io.documents.core import Change, Slots, Unit
from ger.io.documents.jsondoc import Entries, JsonDocument, field_of, seconds, span
from ger.text.align import carry_times
from ger.types import Word

__all__ = ["Whisper", "read"]

_WORDS = Entries()


class Whisper(JsonDocument):
    """See the top of this file and `ger.io.documents.core.Document`.

    A segment's words are those of its text; where it lists as many words with times, they have these times. `words`
    of the whole file (`verbose_json`) belong to the segments in whose times they begin. The whole `text` is made anew
    where it was the texts of the segments, one behind the other.

    Raises:
        InputError: the file is not what it should be; names the segment.
    """

    format = "whisper"

    def __init__(self, raw: bytes, name: str) -> None:
        super().__init__(raw, name)
        segments = field_of(self._value, "segments", list, name)
        if segments is None:
            raise InputError(f"{name}: 'segments' is missing.", "Ask the service for response_format=verbose_json.")
        language = field_of(self._value, "language", str, name)
        spans = [(seconds(value, "start", name), seconds(value, "end", name)) for value in segments]
        self._shared = _shared(field_of(self._value, "words", list, name, []), spans, name)
        self.units = tuple(
            self._unit(i, value, f"{name}, segment {i + 1}", language) for i, value in enumerate(segments)
        )
        told = field_of(self._value, "text", str, name, "").strip()
        self._glue = next((glue for glue in ("", " ", "\n") if _whole(segments, glue).strip() == told), None)

    def _unit(self, number: int, value: Any, where: str, language: str | None) -> Unit:
        text = field_of(value, "text", str, where)
        if text is None:
            raise InputError(f"{where}: 'text' is missing.", "Every segment has one.")
        start, end = span(value, "start", "end", where)
        shared = (self._value.get("words") or [])[slice(*self._shared[number])]
        entries = field_of(value, "words", list, where) or shared
        timed = [_WORDS.word(entry, where) for entry in entries]
        texts = Slots(text).texts
        if len(timed) != len(texts):
            timed = list(carry_times(timed, " ".join(texts))) if timed else []
        words = tuple(
            replace(timed[i], text=said) if len(timed) == len(texts) else Word(said) for i, said in enumerate(texts)
        )
        speaker = field_of(value, "speaker", str, where, "")
        told = {key: value[key] for key in ("avg_logprob", "no_speech_prob") if key in value}
        return Unit(str(number + 1), words, start, end, speaker, language=language, extra=told)

    def _change(self, value: Any, unit: int, changes: Sequence[Change]) -> None:
        segment = value["segments"][unit]
        segment["text"] = Slots(segment["text"]).changed(changes)
        first, last = self._shared[unit]
        count, text = len(self.units[unit].words), segment["text"]
        if segment.get("words"):
            _WORDS.change(segment["words"], 0, len(segment["words"]), changes, count, text)
        if last > first:
            _WORDS.change(value["words"], first, last - first, changes, count, text)

    def _finish(self, value: Any) -> None:
        if self._glue is not None and value.get("text"):
            whole = _whole(value["segments"], self._glue)
            value["text"] = whole if value["text"][:1].isspace() else whole.strip()


def _whole(segments: Sequence[Any], glue: str) -> str:
    return glue.join(str(value.get("text") or "") for value in segments if isinstance(value, dict))


def _shared(
    entries: Sequence[Any], spans: Sequence[tuple[float | None, float | None]], name: str
) -> list[tuple[int, int]]:
    """Which of the words of the whole file belong to each segment: those that begin before the next one does."""
    starts = [_WORDS.word(entry, f"{name}, word {i}").start for i, entry in enumerate(entries, 1)]
    made, at = [], 0
    for i in range(len(spans)):
        limit = spans[i + 1][0] if i + 1 < len(spans) else None
        first = at
        while at < len(starts) and (limit is None or (starts[at] or 0.0) < limit):
            at += 1
        made.append((first, at))
    return made


def read(raw: bytes, name: str) -> Whisper:
    """See `Whisper`."""
    return Whisper(raw, name)
