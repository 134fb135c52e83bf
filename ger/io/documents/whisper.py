"""Whisper's JSON, that of whisperX, and what services answer in its shape: segments with text and maybe words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

from ger.errors import InputError
from ger.io.documents.core import Change, Slots, Unit
from ger.io.documents.echoes import Echo, ListPlace, words_of
from ger.io.documents.jsondoc import Entries, JsonDocument, field_of, seconds, span

__all__ = ["Whisper", "read"]

_WORDS = Entries()
#: Words of all segments: those of `verbose_json`, and whisperX's.
_SHARED = ("words", "word_segments")


class Whisper(JsonDocument):
    """See the top of this file and `ger.io.documents.core.Document`.

    A segment's words are those of its text, with the times of those that it lists. `words` and `word_segments` of the
    whole file belong to the segments that list as many, else to those in whose times they begin. A list follows its
    text, also where it cuts it into other words. The whole `text` is made anew where it was the texts of the segments,
    one behind the other. A file without segments is one itself.

    Raises:
        InputError: the file is not what it should be; names the segment.
    """

    format = "whisper"

    def __init__(self, raw: bytes, name: str) -> None:
        super().__init__(raw, name)
        segments = field_of(self._value, "segments", list, name)
        told = field_of(self._value, "text", str, name)
        if segments is None and told is None:
            raise InputError(f"{name}: 'segments' is missing.", "Ask the service for response_format=verbose_json.")
        self._whole = segments is None
        segments = [self._value] if segments is None else segments
        places = [name if self._whole else f"{name}, segment {i}" for i in range(1, len(segments) + 1)]
        language = field_of(self._value, "language", str, name)
        self._shared = {
            key: _shared(entries, segments, places, name)
            for key in (() if self._whole else _SHARED)
            if (entries := field_of(self._value, key, list, name))
        }
        self.units = tuple(self._unit(i, *told, language) for i, told in enumerate(zip(segments, places, strict=True)))
        glues = () if self._whole else ("", " ", "\n")
        self._glue = next((glue for glue in glues if _joined(segments, glue).strip() == (told or "").strip()), None)

    def _unit(self, number: int, value: Any, where: str, language: str | None) -> Unit:
        text = field_of(value, "text", str, where)
        if text is None:
            raise InputError(f"{where}: 'text' is missing.", "Every segment has one.")
        start, end = span(value, "start", "end", where)
        lists = [self._value[key][slice(*found[number])] for key, found in self._shared.items()]
        entries: list[Any] = next(filter(None, [field_of(value, "words", list, where), *lists]), [])
        words = words_of(text, [_WORDS.word(entry, where) for entry in entries])
        if self._whole and words:
            start, end = words[0].start, words[-1].end
        speaker = field_of(value, "speaker", str, where, "")
        told = {key: value[key] for key in ("avg_logprob", "no_speech_prob") if key in value}
        return Unit(str(number + 1), words, start, end, speaker, language=language, extra=told)

    def _change(self, value: Any, unit: int, changes: Sequence[Change]) -> None:
        segment = value if self._whole else value["segments"][unit]
        segment["text"] = Slots(segment["text"]).changed(changes)
        self._follow(segment.get("words") or [], unit, changes)
        for key, found in self._shared.items():
            entries = value[key][slice(*found[unit])]
            self._follow(entries, unit, changes)
            value[key][slice(*found[unit])] = entries

    def _follow(self, entries: list[Any], unit: int, changes: Sequence[Change]) -> None:
        """Change a list of the words of a unit."""
        Echo([unit], [ListPlace(entries, _WORDS, "")]).follow(self.units, {unit: changes})

    def _finish(self, value: Any) -> None:
        if self._glue is not None and value.get("text"):
            whole = _joined(value["segments"], self._glue)
            value["text"] = whole if value["text"][:1].isspace() else whole.strip()


def _joined(segments: Sequence[Any], glue: str) -> str:
    return glue.join(str(value.get("text") or "") for value in segments if isinstance(value, dict))


def _shared(entries: Sequence[Any], segments: Sequence[Any], places: Sequence[str], name: str) -> list[tuple[int, int]]:
    """Which of the words of the whole file belong to each segment: as many as it lists, or those that begin in it."""
    starts = [_WORDS.word(entry, f"{name}, word {i}").start for i, entry in enumerate(entries, 1)]
    told = list(zip(segments, places, strict=True))
    ends = list(accumulate(len(field_of(value, "words", list, where, [])) for value, where in told))
    if not ends or ends[-1] != len(entries):
        ends = []
        for limit in [*[seconds(value, "start", where) for value, where in told[1:]], None]:
            at = ends[-1] if ends else 0
            while at < len(starts) and (limit is None or (starts[at] or 0.0) < limit):
                at += 1
            ends.append(at)
    return list(pairwise([0, *ends]))


def read(raw: bytes, name: str) -> Whisper:
    """See `Whisper`."""
    return Whisper(raw, name)
