"""Google Speech-to-Text's JSON, versions 1 and 2: results with alternatives, alone or inside of an operation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ger.errors import InputError
from ger.io.documents.core import Unit
from ger.io.documents.echoes import (
    Echo,
    EchoDocument,
    ListPlace,
    candidate,
    cut_up,
    list_of,
    text_places,
    voice,
    words_of,
)
from ger.io.documents.jsondoc import Entries, field_of, figure, seconds
from ger.types import Word

__all__ = ["Google", "read", "transcripts"]

# Version 1, version 2, and both as the client in Python writes them.
_STARTS = ("startTime", "startOffset", "start_time", "start_offset")
_ENDS = ("endTime", "endOffset", "end_time", "end_offset")
_RESULT_ENDS = ("resultEndTime", "resultEndOffset", "result_end_time", "result_end_offset")
_SPEAKERS = ("speakerTag", "speakerLabel", "speaker_tag", "speaker_label")
_CHANNELS = ("channelTag", "channel_tag")
_LANGUAGES = ("languageCode", "language_code")


class _Words(Entries):
    """Words whose times may be objects of seconds and nanoseconds, too."""

    def word(self, entry: Any, where: str) -> Word:
        if isinstance(entry, dict):
            entry = entry | {key: _flat(entry[key], where) for key in (self.start, self.end) if key in entry}
        word = super().word(entry, where)
        return replace(word, confidence=word.confidence or None)  # 0 says that there is none

    def _entry(self, like: Any, word: Word, lead: str) -> Any:
        deep = [key for key in (self.start, self.end) if isinstance(like.get(key), dict)]
        made = super()._entry(like | {key: _flat(like[key], "") for key in deep}, word, lead)
        return made | {key: _deep(made[key], like[key]) for key in deep}


def _flat(time: Any, where: str) -> Any:
    if not isinstance(time, dict):
        return time
    return f"{field_of(time, 'seconds', (int, str), where, 0)}.{field_of(time, 'nanos', int, where, 0):09}s"


def _deep(time: str, like: Mapping[str, Any]) -> dict[str, Any]:
    whole, _, part = time.removesuffix("s").partition(".")
    kind = int if isinstance(like.get("seconds"), int) else str
    return {**like, "seconds": kind(whole), "nanos": int(part.ljust(9, "0"))}


@dataclass(frozen=True, slots=True)
class _Result:
    """A result that has alternatives, and the file that it is of."""

    where: str
    value: dict[str, Any]
    alternatives: list[Any]
    recording: str

    @property
    def channel(self) -> str:
        """The number of its channel; empty where none is told."""
        return str(_first(self.value, _CHANNELS) or "")

    @property
    def has_text(self) -> bool:
        """Whether there is a transcript, maybe an empty one."""
        return "transcript" in self.alternatives[0]

    @property
    def text(self) -> str:
        """The first transcript."""
        return str(field_of(self.alternatives[0], "transcript", str, self.where, "")).strip()

    def listed(self) -> tuple[list[Any], Entries]:
        """The words of the first alternative, and how they are written."""
        entries = list_of(self.alternatives[0], "words", self.where)
        known = {key for entry in entries if isinstance(entry, dict) for key in entry}
        start, end = next((pair for pair in zip(_STARTS, _ENDS, strict=True) if known & set(pair)), ("", ""))
        return entries, _Words(start=start, end=end)

    def words(self) -> list[Word]:
        """The words of the first alternative."""
        entries, kind = self.listed()
        return [kind.word(entry, self.where) for entry in entries]

    def unit(self, number: int, words: Sequence[Word], begins: float) -> Unit:
        """Its unit, with these of its words."""
        told = [(field_of(value, "transcript", str, self.where, ""), self._sure(value)) for value in self.alternatives]
        end = next((seconds(self.value, key, self.where) for key in _RESULT_ENDS if key in self.value), None)
        return Unit(
            str(number),
            words_of(self.text, words) if self.text else tuple(part for word in words for part in cut_up(word)),
            next((word.start for word in words if word.start is not None), None if end is None else begins),
            next((word.end for word in reversed(words) if word.end is not None), end),
            recording=self.recording,
            language=str(_first(self.value, _LANGUAGES) or "") or None,
            others=tuple(candidate(text, confidence=sure) for text, sure in told[1:]),
            best=candidate(self.text, confidence=told[0][1]) if len(told) > 1 else None,
            extra={} if told[0][1] is None else {"confidence": told[0][1]},
        )

    def _sure(self, value: Any) -> float | None:
        return figure(value, "confidence", self.where) or None


class Google(EchoDocument):
    """See the top of this file and `ger.io.documents.core.Document`.

    A result is a unit. Where speakers are told apart, version 1 lists the words of all results so far with every
    result, or behind the results without a text; such a list belongs to all these units.

    Raises:
        InputError: the file is not what it should be; names the result.
    """

    format = "google"

    def __init__(self, raw: bytes, name: str) -> None:
        super().__init__(raw, name)
        self._name = name
        units: list[Unit] = []
        streams: dict[tuple[str, str], list[int]] = {}
        self._of: list[tuple[list[int], list[int]]] = []  # the units of the text and of the words of each result
        found = [(result, result.words()) for result in _results(self._value, name)]
        for result, words in found:
            before = streams.setdefault((result.recording, result.channel), [])
            ended = units[before[-1]].end or 0.0 if before else 0.0
            again = bool(before) and _again(words, result.text, ended)
            own = [len(units)] if result.has_text or (words and not again) else []
            if own:
                new = [word for word in words if not again or (word.start or 0.0) >= ended]
                units.append(result.unit(len(units) + 1, new, ended))
                before += own
            self._of.append((own, list(before) if again else own))
        self.units = tuple(_with_speakers(units, found, [listed for _, listed in self._of]))
        self._check()

    def _echoes(self, value: Any) -> Iterator[Echo]:
        for result, (own, listed) in zip(_results(value, self._name), self._of, strict=True):
            yield Echo(own, text_places(result.alternatives[:1], "transcript", result.where))
            yield Echo(listed, [ListPlace(*result.listed(), result.where)])


def _again(words: Sequence[Word], text: str, ended: float) -> bool:
    """Whether words are those of earlier results, too."""
    if not words or not text:
        return bool(words)
    return len(words) > len(words_of(text)) and words[0].start is not None and words[0].start < ended


def _with_speakers(
    units: Sequence[Unit], found: Sequence[tuple[_Result, Sequence[Word]]], listed: Sequence[Sequence[int]]
) -> list[Unit]:
    """The units with their channels, where there are several, and speakers, where all words are of one."""
    several = len({result.channel for result, _ in found if result.channel}) > 1
    made = list(units)
    for (result, words), numbers in zip(found, listed, strict=True):
        timed = zip(words, result.listed()[0], strict=True)
        names = {word.start: str(_first(entry, _SPEAKERS) or "") for word, entry in timed if word.start is not None}
        for number in numbers:
            heard = {names[word.start] for word in units[number].words if word.start in names}
            speaker = heard.pop() if len(heard) == 1 else ""
            channel = f"channel {result.channel}" if several and result.channel else ""
            made[number] = replace(units[number], speaker=voice(channel, speaker))
    return made


def _results(value: Any, name: str) -> Iterator[_Result]:
    """All results with alternatives."""
    for recording, found in transcripts(value, name):
        for number, result in enumerate(found, 1):
            where = f"{name}, {recording}, result {number}" if recording else f"{name}, result {number}"
            alternatives = field_of(result, "alternatives", list, where)
            if alternatives:
                yield _Result(where, result, alternatives, recording)


def transcripts(value: Any, name: str) -> Iterator[tuple[str, list[Any]]]:
    """The lists of results, each with the file that it is of; empty for the only one.

    Raises:
        InputError: there are none.
    """
    answer = field_of(value, "response", dict, name, value)
    found = field_of(answer, "results", (list, dict), name)
    if found is None:
        raise InputError(
            f"{name}: 'results' is missing.", "There are none before the operation is done, nor where nothing was said."
        )
    if isinstance(found, list):
        yield "", found
        return
    for file in found:
        where = f"{name}, {file}"
        inline = _first(field_of(found, file, dict, where, {}), ("inlineResult", "inline_result")) or found[file]
        yield file, list_of(field_of(inline, "transcript", dict, where, {}), "results", where)


def _first(value: Mapping[str, Any], keys: Sequence[str]) -> Any:
    """The field that has one of these keys."""
    return next((value[key] for key in keys if key in value), None)


def read(raw: bytes, name: str) -> Google:
    """See `Google`."""
    return Google(raw, name)
