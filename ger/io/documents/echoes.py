"""Echoes: services tell the same words several times, as text, as lists, as paragraphs; all of them follow a change."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, Protocol

from ger.io.documents.core import Change, Slots, Unit, joined
from ger.io.documents.follow import Step, placed, steps
from ger.io.documents.jsondoc import Entries, JsonDocument, field_of
from ger.text.align import carry_times
from ger.text.tokens import tokenize
from ger.types import Hypothesis, Word

__all__ = [
    "Echo",
    "EchoDocument",
    "ListPlace",
    "Place",
    "TextPlace",
    "candidate",
    "cut_up",
    "list_of",
    "text_places",
    "voice",
    "words_of",
]


class Place(Protocol):
    """A place in a JSON value that holds words."""

    @property
    def texts(self) -> Sequence[str]:
        """The words."""

    def change(self, changes: Sequence[Change]) -> None:
        """Change the words, in the value."""


class TextPlace:
    """A piece of a text in a field.

    Args:
        holder: The object.
        key: The field.
        pieces: The text in pieces, the same list for all places in it.
        number: Number of the piece.
    """

    def __init__(self, holder: dict[str, Any], key: str, pieces: list[str], number: int = 0) -> None:
        self._holder, self._key, self._pieces, self._number = holder, key, pieces, number
        self._slots = Slots(pieces[number])
        self.texts = self._slots.texts

    def change(self, changes: Sequence[Change]) -> None:
        """See `Place`."""
        self._pieces[self._number] = self._slots.changed(changes)
        self._holder[self._key] = "".join(self._pieces)


class ListPlace:
    """A list of words as objects.

    Args:
        entries: The list.
        kind: How the words are written.
        where: What errors call the list.
        texts: The words, where the objects do not tell them.
    """

    def __init__(self, entries: list[Any], kind: Entries, where: str, texts: Sequence[str] | None = None) -> None:
        self._entries, self._kind = entries, kind
        self.texts = [kind.word(entry, where).text for entry in entries] if texts is None else texts

    def change(self, changes: Sequence[Change]) -> None:
        """See `Place`."""
        self._kind.change(self._entries, changes)


def text_places(holders: Sequence[Any], key: str, where: str, border: re.Pattern[str] | None = None) -> list[TextPlace]:
    """The texts in a field of every object that has it.

    Args:
        holders: The objects.
        key: The field.
        where: What errors call them.
        border: What is no speech and stands between pieces of a text; a group.

    Raises:
        InputError: a field is no text.
    """
    made: list[TextPlace] = []
    for holder in holders:
        text = field_of(holder, key, str, where)
        if text is not None:
            pieces = border.split(text) if border else [text]
            made += [TextPlace(holder, key, pieces, number) for number in range(0, len(pieces), 2)]
    return made


@dataclass(frozen=True, slots=True)
class Echo:
    """Places that together repeat the words of some units, maybe written otherwise.

    Attributes:
        units: Numbers of the units, in the order in which their words are repeated.
        places: The places, in order.
    """

    units: Sequence[int]
    places: Sequence[Place]

    def follow(self, units: Sequence[Unit], changes: Mapping[int, Sequence[Change]]) -> None:
        """Change the places as the units change; places without words where the units have some stay.

        Args:
            units: All units of the document, as they were.
            changes: The changes of each unit, in order.
        """
        if changes.keys().isdisjoint(self.units):
            return
        old = [word for number in self.units for word in units[number].words]
        have = [text for place in self.places for text in place.texts]
        if not self.places or (old and not have):
            return
        offsets = accumulate((len(units[number].words) for number in self.units), initial=0)
        moved = [
            Step(change.first + offset, change.last + offset, change.words, change.first == 0)
            for number, offset in zip(self.units, offsets, strict=False)
            for change in changes.get(number, ())
        ]
        counts = [len(place.texts) for place in self.places]
        for number, own in placed(counts, have, steps(old, have, moved)).items():
            self.places[number].change(own)


class EchoDocument(JsonDocument):
    """A JSON file that tells its words in several places; see `JsonDocument`."""

    def _apply(self, value: Any, changes: Mapping[int, Sequence[Change]]) -> None:
        for echo in self._echoes(value):
            echo.follow(self.units, changes)

    @abstractmethod
    def _echoes(self, value: Any) -> Iterator[Echo]:
        """All places of the value or a copy of it, those that the units were read from among them."""

    def _check(self) -> None:
        """Look at all places, so that what is wrong with them is found on reading.

        Raises:
            InputError: something is; names the place.
        """
        for _ in self._echoes(self._value):
            pass


def list_of(value: Any, key: str, where: str) -> list[Any]:
    """A list in an object; empty where there is none.

    Raises:
        InputError: it is no list.
    """
    found: list[Any] = field_of(value, key, list, where, [])
    return found


def words_of(text: str, listed: Sequence[Word] = ()) -> tuple[Word, ...]:
    """The words of a text, with the times and confidences of a list of them."""
    texts = Slots(text).texts
    if listed and len(listed) != len(texts):
        listed = carry_times(listed, " ".join(texts))
    if len(listed) != len(texts):
        return tuple(map(Word, texts))
    return tuple(replace(word, text=said) for word, said in zip(listed, texts, strict=True))


def cut_up(word: Word) -> Sequence[Word]:
    """A word cut as texts are, in scripts without spaces and where a service put several into one."""
    return (word,) if len(tokenize(word.text)) == 1 else carry_times([word], word.text)


def candidate(
    text: str, listed: Sequence[Word] = (), *, score: float | None = None, confidence: float | None = None
) -> Hypothesis:
    """One of several texts of a unit.

    Args:
        text: The text.
        listed: Its words with times.
        score: Its natural-log probability.
        confidence: A confidence of 0 to 1, which is no probability of the text.
    """
    words = words_of(text, listed)
    extra = {} if confidence is None else {"confidence": confidence}
    return Hypothesis(joined([word.text for word in words]), score, words=words if listed else (), extra=extra)


def voice(channel: str, speaker: str) -> str:
    """Who speaks, of those that a channel has; a channel where nobody is told."""
    return "/".join(part for part in (channel, speaker) if part)
