"""Amazon Transcribe's JSON: items (words and punctuation), transcripts, and segments where alternatives are on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ger.errors import InputError
from ger.io.documents.aws_items import Items, ItemTimes, Owners, labels
from ger.io.documents.core import Change, Row, Unit, joined
from ger.io.documents.echoes import Echo, EchoDocument, ListPlace, candidate, cut_up, list_of, text_places, words_of
from ger.io.documents.jsondoc import field_of, seconds
from ger.io.documents.rows import Timed, units

__all__ = ["Aws", "read"]


class Aws(EchoDocument):
    """See the top of this file and `ger.io.documents.core.Document`.

    The units are the segments where these have alternatives. Else they are runs of items, channel by channel, cut at
    speakers, ends of sentences, pauses, and where audio segments are. Transcripts, labels of speakers and channels, and
    audio segments follow the items.

    Raises:
        InputError: the file is not what it should be; names the item or the segment.
    """

    format = "aws"

    def __init__(self, raw: bytes, name: str) -> None:
        super().__init__(raw, name)
        self._name = name
        results = field_of(self._value, "results", dict, name)
        if results is None or results.get("items") is None:
            raise InputError(f"{name}: 'results' with 'items' is missing.", "Fetch the transcript of a finished job.")
        self._owners = Owners(results, name)
        made = list(self._segments(results) if self._alternatives(results) else self._runs(results))
        language = field_of(results, "language_code", str, name)
        self.units = tuple(replace(unit, id=str(n), language=language) for n, (unit, _) in enumerate(made, 1))
        self._of = [channel for _, channel in made]  # the channel of each unit
        self._texts = {word.start: word.text for word in self._items(results).words}
        self._exact = self._is_exact(results)
        self._check()

    def _items(self, results: Any, channel: str | None = None) -> Items:
        """The items, or those of a channel."""
        several = channel is not None and self._owners.channels[1:]
        wanted = (lambda item: self._owners.channel(item) == channel) if several else None
        return Items(list_of(results, "items", self._name), self._name, wanted)

    def _alternatives(self, results: Any) -> list[list[Any]]:
        """The alternatives of all segments; empty where there are none."""
        found = [list_of(segment, "alternatives", self._name) for segment in list_of(results, "segments", self._name)]
        return found if any(found) else []

    def _runs(self, results: Any) -> Iterator[tuple[Unit, str]]:
        """Runs of items as units, with their channels."""
        for channel in self._owners.channels:
            items = self._items(results, channel)
            rows = [
                Timed(Row(at, part), (self._owners.speaker(item), self._owners.segment(item)))
                for at, (word, item) in enumerate(zip(items.words, items.spoken(), strict=True))
                for part in cut_up(word)
            ]
            for unit, own in units(rows, speaker=0):
                yield replace(unit, words=tuple(row.word for row in own)), channel

    def _segments(self, results: Any) -> Iterator[tuple[Unit, str]]:
        """The segments as units, with their channels."""
        items = self._items(results)
        spoken = {(word.start, word.end): item for word, item in zip(items.words, items.spoken(), strict=True)}
        for number, segment in enumerate(list_of(results, "segments", self._name), 1):
            where = f"{self._name}, segment {number}"
            told = [
                (field_of(other, "transcript", str, where, ""), _items(other, where).words)
                for other in list_of(segment, "alternatives", where)
            ]
            text, listed = told[0] if told else ("", [])
            heard = [spoken[at] for word in listed if (at := (word.start, word.end)) in spoken]
            speakers = {self._owners.speaker(item) for item in heard}
            channel = field_of(segment, "channel_label", str, where)
            unit = Unit(
                "",
                words_of(text, listed) if text.strip() else tuple(part for word in listed for part in cut_up(word)),
                seconds(segment, "start_time", where),
                seconds(segment, "end_time", where),
                speakers.pop() if len(speakers) == 1 else "",
                others=tuple(candidate(*other) for other in told[1:]),
                best=candidate(text, listed) if told[1:] else None,
            )
            yield unit, channel or (self._owners.channel(heard[0]) if heard else "")

    def _is_exact(self, results: Any) -> bool:
        """Whether the texts are those of the items, so that they can be made of them."""
        return _numbered(results) and all(
            text == field_of(holder, "transcript", str, self._name) for holder, text in self._whole(results)
        )

    def _whole(self, results: Any) -> Iterator[tuple[Any, str]]:
        """The transcript and the audio segments, with the texts of their items."""
        items, name = list_of(results, "items", self._name), self._name
        for holder in list_of(results, "transcripts", name):
            yield holder, joined(Items(items, name).texts)
        for segment in list_of(results, "audio_segments", name):
            own = [items[at] for at in list_of(segment, "items", name)]
            yield segment, joined(Items(own, name).texts)

    def _apply(self, value: Any, changes: Mapping[int, Sequence[Change]]) -> None:
        results = value["results"]
        numbered = _numbered(results)
        super()._apply(value, changes)
        if numbered:
            _renumber(results)
        if self._exact:
            for holder, text in self._whole(results):
                holder["transcript"] = text

    def _echoes(self, value: Any) -> Iterator[Echo]:
        results, name, every = value["results"], self._name, range(len(self.units))
        for number, alternatives in enumerate(self._alternatives(results)):
            where = f"{name}, segment {number + 1}"
            yield Echo([number], text_places(alternatives[:1], "transcript", where))
            yield Echo([number], [_items(first, where) for first in alternatives[:1]])
        if not self._exact:
            yield Echo(every, text_places(list_of(results, "transcripts", name), "transcript", name))
            yield Echo(every, text_places(list_of(results, "audio_segments", name), "transcript", name))
        by_time = sorted(every, key=lambda number: self.units[number].start or 0.0)
        yield Echo(by_time, [self._times(stretch) for stretch in labels(results, "speaker_labels", "segments", name)])
        for channel in labels(results, "channel_labels", "channels", name):
            yield Echo(self._in(channel.get("channel_label")), [_items(channel, name)])
        for own in self._owners.channels:
            yield Echo(self._in(own), [self._items(results, own)])

    def _in(self, channel: str | None) -> list[int]:
        """The units in a channel."""
        return [number for number, of in enumerate(self._of) if of == channel]

    def _times(self, stretch: Any) -> ListPlace:
        """The entries of a stretch of a speaker, which tell no words."""
        entries = list_of(stretch, "items", self._name)
        texts = [self._texts.get(seconds(entry, "start_time", self._name), "") for entry in entries]
        return ListPlace(entries, ItemTimes(), self._name, texts)


def _items(value: Any, where: str) -> Items:
    """The items of something that has some."""
    return Items(list_of(value, "items", where), where)


def _numbered(results: Any) -> bool:
    """Whether audio segments, if there are some, tell the numbers of their items."""
    items, segments = results["items"], results.get("audio_segments") or ()
    numbers = range(len(items))
    return not segments or (
        all(item.get("id") == at for at, item in enumerate(items))
        and all(type(item) is int and item in numbers for segment in segments for item in segment.get("items") or ())
    )


def _renumber(results: dict[str, Any]) -> None:
    """Number the items anew; an item that came has the number of the one that it was made like."""
    if not all(type(item.get("id")) is int for item in results["items"]):
        return
    now: dict[int, list[int]] = {}
    for number, item in enumerate(results["items"]):
        now.setdefault(item["id"], []).append(number)
        item["id"] = number
    for segment in results.get("audio_segments") or ():
        if segment.get("items"):
            segment["items"] = sorted(number for item in segment["items"] for number in now.get(item, ()))


def read(raw: bytes, name: str) -> Aws:
    """See `Aws`."""
    return Aws(raw, name)
