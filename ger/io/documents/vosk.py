"""Vosk's JSON: results with a text and words, or with alternatives; one, a list, or one behind the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ger.errors import InputError
from ger.io.documents.core import Unit
from ger.io.documents.echoes import Echo, ListPlace, candidate, list_of, text_places, words_of
from ger.io.documents.jsondoc import Entries, field_of, figure
from ger.io.documents.values import ResultsDocument, results

__all__ = ["Vosk", "read"]

_WORDS = Entries(confidence=("conf",))


class Vosk(ResultsDocument):
    """See the top of this file and `ger.io.documents.core.Document`.

    A result is a unit; partial results are none. What Vosk calls the confidence of an alternative is a score, a
    natural-log likelihood, unless all are between 0 and 1.

    Raises:
        InputError: the file is not what it should be; names the result.
    """

    format = "vosk"

    def __init__(self, raw: bytes, name: str) -> None:
        super().__init__(raw, name)
        self._name = name
        found = list(_told(self._value, name))
        self.units = tuple(_unit(number, told, where) for number, (where, told) in enumerate(found, 1))
        self._check()

    def _echoes(self, value: Any) -> Iterator[Echo]:
        for number, (where, told) in enumerate(_told(value, self._name)):
            yield Echo([number], text_places(told[:1], "text", where))
            yield Echo([number], [ListPlace(list_of(told[0], "result", where), _WORDS, where)])


def _told(value: Sequence[Any], name: str) -> Iterator[tuple[str, list[Any]]]:
    """The alternatives of every result; one without some is its own."""
    for number, result in enumerate(results(value), 1):
        where = f"{name}, result {number}"
        alternatives = field_of(result, "alternatives", list, where)
        if alternatives or (alternatives is None and "text" in result):
            yield where, alternatives or [result]
        elif alternatives is None and not any(key.startswith("partial") for key in result):
            raise InputError(f"{where}: there is neither 'text' nor 'alternatives'.", "Check that it is Vosk's result.")


def _unit(number: int, told: Sequence[Any], where: str) -> Unit:
    texts = [field_of(value, "text", str, where, "") for value in told]
    listed = [[_WORDS.word(entry, where) for entry in list_of(value, "result", where)] for value in told]
    sure = [figure(value, "confidence", where) for value in told]
    scores = not all(value is None or 0 <= value <= 1 for value in sure)
    best, *others = [
        candidate(text, words, **{"score" if scores else "confidence": value})
        for text, words, value in zip(texts, listed, sure, strict=True)
    ]
    words = words_of(texts[0], listed[0])
    return Unit(
        str(number),
        words,
        next((word.start for word in listed[0] if word.start is not None), None),
        next((word.end for word in reversed(listed[0]) if word.end is not None), None),
        others=tuple(others),
        best=best if others else None,
    )


def read(raw: bytes, name: str) -> Vosk:
    """See `Vosk`."""
    return Vosk(raw, name)
