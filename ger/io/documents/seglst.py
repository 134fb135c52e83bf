"""SegLST: a JSON list of segments with `words`, `start_time`, `end_time`, `speaker` and `session_id`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ger.errors import InputError
from ger.io.documents.core import Change, Slots, Unit
from ger.io.documents.jsondoc import JsonDocument, field_of, span
from ger.types import Word

__all__ = ["SegLst", "read"]


class SegLst(JsonDocument):
    """See the top of this file and `ger.io.documents.core.Document`.

    Raises:
        InputError: the file is not what it should be; names the segment.
    """

    format = "seglst"

    def __init__(self, raw: bytes, name: str) -> None:
        super().__init__(raw, name)
        if not isinstance(self._value, list):
            raise InputError(f"{name}: expected a list of segments.", "SegLST is a JSON list.")
        self.units = tuple(_unit(i, value, f"{name}, segment {i}") for i, value in enumerate(self._value, 1))

    def _change(self, value: Any, unit: int, changes: Sequence[Change]) -> None:
        value[unit]["words"] = Slots(value[unit]["words"]).changed(changes)


def _unit(number: int, value: Any, where: str) -> Unit:
    text = field_of(value, "words", str, where)
    if text is None:
        raise InputError(f"{where}: 'words' is missing.", "It holds the text of the segment.")
    start, end = span(value, "start_time", "end_time", where)
    return Unit(
        str(number),
        tuple(map(Word, Slots(text).texts)),
        start,
        end,
        str(field_of(value, "speaker", (str, int), where, "")),
        str(field_of(value, "session_id", (str, int), where, "")),
    )


def read(raw: bytes, name: str) -> SegLst:
    """See `SegLst`."""
    return SegLst(raw, name)
