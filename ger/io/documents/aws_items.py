"""Items of Amazon Transcribe: words with times, and punctuation that belongs to the word before it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ger.errors import InputError
from ger.io.documents.core import Change
from ger.io.documents.echoes import list_of, voice
from ger.io.documents.jsondoc import Entries, field_of, seconds
from ger.io.documents.rows import number
from ger.types import Word

__all__ = ["ItemTimes", "Items", "Owners", "labels"]

_MARKS = ".,!?;:…。，、？！；：؟،۔।"
_ENDING = re.compile(rf"(?<=[^{_MARKS}])[{_MARKS}]+$")
_SPOKEN = ("start_time", "end_time")


class ItemTimes(Entries):
    """When words are; what they are is told elsewhere."""

    def __init__(self) -> None:
        super().__init__("", *_SPOKEN, ())

    def word(self, entry: Any, where: str) -> Word:
        """See `Entries`; a word without a text."""
        return Word("", *_times(entry, where))

    def _entry(self, like: Any, word: Word, lead: str) -> Any:
        made = super()._entry({**like, "": ""}, word, lead)
        del made[""]
        return made


class Items:
    """A list of items, as a place of `ger.io.documents.echoes`.

    Args:
        items: The list.
        where: What errors call it.
        wanted: Which words are meant; all when left out.

    Raises:
        InputError: an item is not what it should be; names it.
    """

    def __init__(self, items: list[Any], where: str, wanted: Callable[[Any], bool] | None = None) -> None:
        self._items = items
        self._spans: list[tuple[int, int]] = []
        #: The words, each with its punctuation.
        self.words: list[Word] = []
        for at, item in enumerate(items):
            place = f"{where}, item {at + 1}"
            told = _told(item, place)
            text = field_of(told, "content", str, place, "").strip()
            if field_of(item, "type", str, place) != "punctuation":
                if wanted and not wanted(item):
                    continue
                sure = number(str(told.get("confidence", "")))
                self.words.append(Word(text, *_times(item, place), sure))
                self._spans.append((at, at + 1))
            elif self.words and self._spans[-1][1] == at:
                word = self.words[-1]
                self.words[-1] = Word(word.text + text, word.start, word.end, word.confidence)
                self._spans[-1] = (self._spans[-1][0], at + 1)

    @property
    def texts(self) -> Sequence[str]:
        """The words."""
        return [word.text for word in self.words]

    def spoken(self) -> list[dict[str, Any]]:
        """The item of each word."""
        return [self._items[begins] for begins, _ in self._spans]

    def change(self, changes: Sequence[Change]) -> None:
        """See `ger.io.documents.echoes.Place`."""
        for change in reversed(changes if self.words else ()):
            first, last, words = change.first, change.last, change.words
            if first == last:
                at = self._spans[first - 1][1] if first else self._spans[0][0]
                self._items[at:at] = [item for word in words for item in self._made(max(first - 1, 0), word)]
            for k in reversed(range(first, last)):  # items of another channel may stand between
                own = words[k - first : k - first + 1] if k < last - 1 else words[k - first :]
                self._items[slice(*self._spans[k])] = [item for word in own for item in self._made(k, word)]

    def _made(self, like: int, word: Word) -> Iterator[dict[str, Any]]:
        """The items of another word: the word, and the punctuation behind it if there is some."""
        begins, ends = self._spans[like]
        if word.text == self.words[like].text and word.start is None:
            yield from self._items[begins:ends]
            return
        found = _ENDING.search(word.text)
        text, marks = (word.text[: found.start()], found[0]) if found else (word.text, "")
        timed = [self._items[begins]]
        ItemTimes().change(timed, [Change(0, 0, 1, (word,))])
        yield _with(timed[0], text)
        if marks:
            yield _with(self._items[begins + 1] if begins + 1 < ends else _silent(timed[0]), marks)


class Owners:
    """Who speaks the words of items, and in which channel and audio segment they are.

    Args:
        results: What holds the items.
        name: What errors call it.

    Raises:
        InputError: a label is not what it should be.
    """

    def __init__(self, results: dict[str, Any], name: str) -> None:
        self._name = name
        self._speakers = {
            _times(entry, name): field_of(entry, "speaker_label", str, name, "")
            for stretch in labels(results, "speaker_labels", "segments", name)
            for entry in list_of(stretch, "items", name)
        }
        channels = {
            field_of(channel, "channel_label", str, name, ""): Items(list_of(channel, "items", name), name)
            for channel in labels(results, "channel_labels", "channels", name)
        }
        self._channels = {_times(item, name): label for label, items in channels.items() for item in items.spoken()}
        self._segments = {
            item: str(number)
            for number, segment in enumerate(list_of(results, "audio_segments", name))
            for item in list_of(segment, "items", name)
            if isinstance(item, int)
        }
        spoken = Items(list_of(results, "items", name), name).spoken()
        #: The channels.
        self.channels = sorted({*channels, *map(self.channel, spoken)})

    def channel(self, item: Any) -> str:
        """The channel of a word."""
        at = _times(item, self._name)
        return str(field_of(item, "channel_label", str, self._name, self._channels.get(at, "")))

    def speaker(self, item: Any) -> str:
        """Who speaks it."""
        at = _times(item, self._name)
        speaker = field_of(item, "speaker_label", str, self._name, self._speakers.get(at, ""))
        return voice(self.channel(item) if self.channels[1:] else "", speaker)

    def segment(self, item: Any) -> str:
        """The audio segment that it is in."""
        return self._segments.get(field_of(item, "id", int, self._name, -1), "")


def labels(results: dict[str, Any], key: str, inside: str, name: str) -> list[Any]:
    """The labels of speakers or channels."""
    return list_of(field_of(results, key, dict, name, {}), inside, name)


def _times(value: Any, where: str) -> tuple[float | None, float | None]:
    return seconds(value, "start_time", where), seconds(value, "end_time", where)


def _told(item: Any, where: str) -> dict[str, Any]:
    """What an item says first: it or its first alternative."""
    alternatives = field_of(item, "alternatives", list, where)
    told = item if alternatives is None else next(iter(alternatives), {})
    if field_of(told, "content", str, where) is None:
        raise InputError(f"{where}: 'content' is missing.", "Check that it is what the recognizer wrote.")
    found: dict[str, Any] = told
    return found


def _with(item: dict[str, Any], text: str) -> dict[str, Any]:
    """An item with another text."""
    if "alternatives" in item:
        first, *others = item["alternatives"]
        return {**item, "alternatives": [{**first, "content": text}, *others]}
    return {**item, "content": text}


def _silent(item: dict[str, Any]) -> dict[str, Any]:
    """Punctuation behind the word of an item."""
    made = {key: value for key, value in item.items() if key not in _SPOKEN} | {"type": "punctuation"}
    if "alternatives" in item:
        return made | {"alternatives": [{"confidence": "0.0"}]}
    return made | {"confidence": "0.0"}
