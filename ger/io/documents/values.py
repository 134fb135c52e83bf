"""Results that a program wrote one behind the other: one JSON value, a list, or value after value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from ger.io.documents.echoes import EchoDocument
from ger.io.documents.jsondoc import dumped, readable

__all__ = ["ResultsDocument", "results", "values"]

_BEGIN = re.compile(r"\S")


class ResultsDocument(EchoDocument):
    """A file of results; see `EchoDocument`. Its value is the list of its JSON values; those without changes stay."""

    def _parsed(self, name: str) -> Any:
        return [value for _, _, value in values(self._text, name)]

    def _dumped(self, value: Any) -> str:
        made, reached = [], 0
        for (begins, ends, old), new in zip(values(self._text, ""), value, strict=True):
            text = self._text[begins:ends]
            made += [self._text[reached:begins], text if new == old else dumped(new, text)]
            reached = ends
        return "".join((*made, self._text[reached:]))


def results(found: Sequence[Any]) -> list[Any]:
    """The results in values that are one, or a list of them."""
    return [result for value in found for result in (value if isinstance(value, list) else [value])]


def values(text: str, name: str) -> Iterator[tuple[int, int, Any]]:
    """The JSON values of a text, with where each begins and ends.

    Raises:
        InputError: there is something else; names the line.
    """
    decoder, at = json.JSONDecoder(), 0
    while begin := _BEGIN.search(text, at):
        with readable(text, name):
            value, end = decoder.raw_decode(text, begin.start())
        yield begin.start(), end, value
        at = end
