"""Azure Speech's JSON: recognized phrases with alternatives in several forms, one, many, or a batch of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ger.errors import InputError
from ger.io.documents.core import Unit
from ger.io.documents.echoes import Echo, ListPlace, candidate, list_of, text_places, voice, words_of
from ger.io.documents.jsondoc import field_of, figure
from ger.io.documents.ticks import TickWords, fields, span
from ger.io.documents.values import ResultsDocument, results
from ger.types import Hypothesis, Word

__all__ = ["Azure", "read"]

#: The forms of a text, the one that is read and corrected first.
_FORMS = ("display", "maskeditn", "itn", "lexical")
#: The lists of words, and the key of a word in them.
_LISTS = {"displaywords": TickWords("displaytext"), "words": TickWords("word")}


class Azure(ResultsDocument):
    """See the top of this file and `ger.io.documents.core.Document`.

    A phrase is a unit, in its display form. The lexical form and those between follow it, without punctuation; what
    they write otherwise, such as figures, changes only where the words do.

    Raises:
        InputError: the file is not what it should be; names the phrase.
    """

    format = "azure"

    def __init__(self, raw: bytes, name: str) -> None:
        super().__init__(raw, name)
        self._name = name
        found = list(_phrases(self._value, name))
        several = len({phrase.channel for phrase in found if phrase.channel}) > 1
        self._of = [(phrase.result, phrase.channel) for phrase in found]
        self.units = tuple(phrase.unit(number, several) for number, phrase in enumerate(found, 1))
        self._check()

    def _echoes(self, value: Any) -> Iterator[Echo]:
        for number, phrase in enumerate(_phrases(value, self._name)):
            for holder, key in phrase.texts():
                yield Echo([number], text_places([holder], key, phrase.where))
            for entries, kind in _lists(phrase.alternatives[0], phrase.where) if phrase.alternatives else ():
                yield Echo([number], [ListPlace(entries, kind, phrase.where)])
        for number, result in enumerate(results(value)):
            for combined in list_of(result, "combinedRecognizedPhrases", self._name):
                channel = str(field_of(combined, "channel", int, self._name, ""))
                own = [at for at, (of, where) in enumerate(self._of) if of == number and channel in (where, "")]
                for key in _keys(combined, _FORMS, self._name):
                    yield Echo(own, text_places([combined], key, self._name))


@dataclass(frozen=True, slots=True)
class _Phrase:
    """A phrase that says something.

    Attributes:
        result: Number of the result that it is, or is in.
        where: What errors call it.
        value: The phrase.
        alternatives: Its alternatives.
    """

    result: int
    where: str
    value: dict[str, Any]
    alternatives: list[Any]

    @property
    def channel(self) -> str:
        """The number of its channel; empty where none is told."""
        return str(fields(self.value, self.where).get("channel", ""))

    def texts(self) -> list[tuple[dict[str, Any], str]]:
        """Where its text stands, the place that is read and corrected first."""
        first = self.alternatives[:1]
        forms = [(best, key) for best in first for key in _keys(best, _FORMS, self.where)]
        return [*forms, *((self.value, key) for key in _keys(self.value, ["displaytext"], self.where))]

    def unit(self, number: int, several: bool) -> Unit:
        """Its unit.

        Args:
            number: Its number.
            several: Whether there are several channels.
        """
        found, (holder, key) = fields(self.value, self.where), self.texts()[0]
        best, *others = [_candidate(value, key, self.where) for value in self.alternatives] or [candidate(holder[key])]
        start, end = span(self.value, self.where)
        speaker = str(found.get("speakerid", found.get("speaker", "")))
        return Unit(
            str(number),
            best.words or words_of(best.text),
            start,
            end,
            voice(f"channel {self.channel}" if several and self.channel else "", speaker),
            language=_language(found),
            others=tuple(others),
            best=best if others else None,
            extra=best.extra,
        )


def _candidate(value: Any, key: str, where: str) -> Hypothesis:
    found = fields(value, where)
    text = next((found[form] for form in (key.lower(), *_FORMS) if isinstance(found.get(form), str)), "")
    listed = next((_words(entries, kind, where) for entries, kind in _lists(value, where)), [])
    return candidate(text, listed, confidence=figure(found, "confidence", where))


def _lists(value: Any, where: str) -> list[tuple[list[Any], TickWords]]:
    """The lists of words of an alternative."""
    found = fields(value, where)
    lists = [(list_of(found, name, where), kind) for name, kind in _LISTS.items()]
    return [(entries, kind) for entries, kind in lists if entries]


def _words(entries: Sequence[Any], kind: TickWords, where: str) -> list[Word]:
    return [kind.word(entry, where) for entry in entries]


def _keys(value: Any, names: Sequence[str], where: str) -> list[str]:
    """The keys of texts in an object, in the order of their names in lower case."""
    fields(value, where)
    by_name = {key.lower(): key for key in value}
    return [by_name[name] for name in names if field_of(value, by_name.get(name, name), str, where) is not None]


def _language(found: Mapping[str, Any]) -> str | None:
    told = found.get("primarylanguage")
    told = told.get("Language") if isinstance(told, dict) else found.get("locale")
    return told if isinstance(told, str) else None


def _phrases(value: Sequence[Any], name: str) -> Iterator[_Phrase]:
    """All phrases that have a text."""
    for number, result in enumerate(results(value)):
        batch = field_of(result, "recognizedPhrases", list, f"{name}, result {number + 1}")
        for at, phrase in enumerate([result] if batch is None else batch, 1):
            where = f"{name}, phrase {at}" if batch is not None else f"{name}, result {number + 1}"
            found = fields(phrase, where)
            made = _Phrase(number, where, phrase, list_of(found, "nbest", where))
            if made.texts():
                yield made
            elif "recognitionstatus" not in found:
                raise InputError(
                    f"{where}: there is neither 'NBest' nor 'DisplayText'.", "Ask the service for the detailed format."
                )


def read(raw: bytes, name: str) -> Azure:
    """See `Azure`."""
    return Azure(raw, name)
