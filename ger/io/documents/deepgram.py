"""Deepgram's JSON: channels with alternatives, their words and paragraphs, and utterances."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ger.errors import InputError
from ger.io.documents.core import Change, Row, Slots, Unit
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
from ger.io.documents.follow import bare
from ger.io.documents.jsondoc import Entries, field_of, figure
from ger.io.documents.rows import Timed, units
from ger.types import Word

__all__ = ["Deepgram", "read"]

#: What stands between paragraphs.
_BORDER = re.compile(r"(\n+(?:(?:Speaker|Channel) \d+: )?)")


class _Words(Entries):
    """Words that may be told twice: as they are spoken and as they are written."""

    def word(self, entry: Any, where: str) -> Word:
        word = super().word(entry, where)
        return replace(word, text=field_of(entry, "punctuated_word", str, where, word.text).strip())

    def _entry(self, like: Any, word: Word, lead: str) -> Any:
        made = super()._entry(like, word, lead)
        if word.text == self.word(like, "").text:
            made["word"] = like["word"]
        elif "punctuated_word" in like:
            made |= {"word": bare(word.text) or word.text, "punctuated_word": word.text}
        return made


_WORDS = _Words()


class Deepgram(EchoDocument):
    """See the top of this file and `ger.io.documents.core.Document`.

    A channel with alternatives is a unit. Else the units are runs of words, cut at speakers, ends of sentences, pauses,
    and where utterances are. Transcripts, paragraphs, sentences and utterances follow the words.

    Raises:
        InputError: the file is not what it should be; names the channel.
    """

    format = "deepgram"

    def __init__(self, raw: bytes, name: str) -> None:
        super().__init__(raw, name)
        self._name = name
        found = list(_channels(self._value, name))
        made: list[Unit] = []
        self._of: list[range] = []  # the units of each channel
        for channel in found:
            own = channel.units(f"channel {channel.number}" if len(found) > 1 else "")
            self._of.append(range(len(made), len(made) + len(own)))
            made += own
        self.units = tuple(replace(unit, id=str(number)) for number, unit in enumerate(made, 1))
        self._check()

    def _apply(self, value: Any, changes: Mapping[int, Sequence[Change]]) -> None:
        super()._apply(value, changes)
        for was, now in zip(_channels(self._value, self._name), _channels(value, self._name), strict=True):
            for old, new in zip(was.paragraphs(), now.paragraphs(), strict=True):
                if isinstance(new.get("num_words"), int):
                    new["num_words"] += now.counted(new) - was.counted(old)

    def _echoes(self, value: Any) -> Iterator[Echo]:
        for channel, own in zip(_channels(value, self._name), self._of, strict=True):
            first, where = channel.alternatives[:1], channel.where
            yield Echo(own, text_places(first, "transcript", where))
            yield Echo(own, [ListPlace(channel.entries(), _WORDS, where)])
            yield Echo(own, text_places([channel.laid_out()], "transcript", where, _BORDER))
            sentences = [sentence for paragraph in channel.paragraphs() for sentence in channel.sentences(paragraph)]
            yield Echo(own, text_places(sentences, "text", where))
            yield Echo(own, text_places(channel.utterances, "transcript", where))
            lists = [list_of(utterance, "words", where) for utterance in channel.utterances]
            yield Echo(own, [ListPlace(entries, _WORDS, where) for entries in lists])


@dataclass(frozen=True, slots=True)
class _Channel:
    """A channel, with the utterances in it."""

    number: int
    where: str
    value: dict[str, Any]
    utterances: list[Any]

    @property
    def alternatives(self) -> list[Any]:
        return list_of(self.value, "alternatives", self.where)

    def entries(self) -> list[Any]:
        """The words of the first alternative."""
        return self._entries(self.alternatives[0]) if self.alternatives else []

    def laid_out(self) -> Any:
        """The first alternative as paragraphs."""
        return field_of(self.alternatives[0], "paragraphs", dict, self.where, {}) if self.alternatives else {}

    def paragraphs(self) -> list[Any]:
        return list_of(self.laid_out(), "paragraphs", self.where)

    def sentences(self, paragraph: Any) -> list[Any]:
        return list_of(paragraph, "sentences", self.where)

    def counted(self, paragraph: Any) -> int:
        """How many words a paragraph has."""
        return sum(len(Slots(sentence.get("text") or "").texts) for sentence in self.sentences(paragraph))

    def units(self, name: str) -> list[Unit]:
        """Its units.

        Args:
            name: What it is called where there are several.
        """
        language = field_of(self.value, "detected_language", str, self.where)
        told = [
            (field_of(value, "transcript", str, self.where, ""), self._words(value), self._sure(value))
            for value in self.alternatives
        ]
        if not any(text or words for text, words, _ in told):
            return []
        text, words, sure = told[0]
        if words and not told[1:]:
            return [replace(unit, language=language) for unit in self._runs(words, name)]
        unit = Unit(
            "",
            words_of(text, words),
            words[0].start if words else None,
            words[-1].end if words else None,
            name,
            language=language,
            others=tuple(candidate(text, words, confidence=sure) for text, words, sure in told[1:]),
            best=candidate(text, words, confidence=sure) if told[1:] else None,
            extra={} if sure is None else {"confidence": sure},
        )
        return [unit]

    def _runs(self, words: Sequence[Word], name: str) -> Iterator[Unit]:
        """Runs of words."""
        utterance_of = {
            _WORDS.word(entry, self.where).start: str(number)
            for number, utterance in enumerate(self.utterances)
            for entry in self._entries(utterance)
        }
        rows = [
            Timed(Row(at, part), (voice(name, _speaker(entry)), utterance_of.get(word.start, "")))
            for at, (word, entry) in enumerate(zip(words, self.entries(), strict=True))
            for part in cut_up(word)
        ]
        for unit, own in units(rows, speaker=0):
            yield replace(unit, words=tuple(row.word for row in own))

    def _entries(self, value: Any) -> list[Any]:
        return list_of(value, "words", self.where)

    def _words(self, value: Any) -> list[Word]:
        return [_WORDS.word(entry, self.where) for entry in self._entries(value)]

    def _sure(self, value: Any) -> float | None:
        return figure(value, "confidence", self.where)


def _speaker(entry: Any) -> str:
    return str(entry.get("speaker", ""))


def _channels(value: Any, name: str) -> Iterator[_Channel]:
    """All channels.

    Raises:
        InputError: there are none.
    """
    results = field_of(value, "results", dict, name, {})
    found = field_of(results, "channels", list, name)
    if found is None:
        raise InputError(f"{name}: 'results' with 'channels' is missing.", "Check that it is Deepgram's whole answer.")
    utterances = list_of(results, "utterances", name)
    for number, channel in enumerate(found):
        own = [value for value in utterances if field_of(value, "channel", int, name, 0) == number]
        yield _Channel(number, f"{name}, channel {number}", channel, own)


def read(raw: bytes, name: str) -> Deepgram:
    """See `Deepgram`."""
    return Deepgram(raw, name)
