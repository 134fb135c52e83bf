"""Words of Azure Speech: keys in one of two spellings, and times told as offset and duration in several units."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ger.errors import InputError
from ger.io.documents.jsondoc import Entries, field_of, figure, seconds
from ger.types import Word

__all__ = ["TickWords", "fields", "span"]

#: What a key of a time may end in, and how many of it are a second.
_PER_SECOND = {"inticks": 1e7, "milliseconds": 1e3, "": 1e7}
_ISO = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d*)?)S)?")


class TickWords(Entries):
    """How the words are written.

    Args:
        text: Key of the word, in lower case.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text, "offset", "duration", ("confidence",))

    def word(self, entry: Any, where: str) -> Word:
        """See `Entries`."""
        found = fields(entry, where)
        text = field_of(found, self.text, str, where)
        if text is None:
            raise InputError(f"{where}: {self.text!r} is missing.", "Check that it is what the recognizer wrote.")
        return Word(text.strip(), *span(entry, where), figure(found, "confidence", where))

    def _entry(self, like: Any, word: Word, lead: str) -> Any:
        made, was = dict(like), self.word(like, "")
        new: dict[str, tuple[float, float]] = {}
        if (word.start, word.end) != (was.start, was.end) and word.start is not None and word.end is not None:
            new = {"offset": (0.0, word.start), "duration": (word.start, word.end)}
        for key, value in like.items():
            if key.lower() == self.text:
                made[key] = word.text
            for name, times in new.items():
                if key.lower().startswith(name):
                    made[key] = _told(*times, value, _PER_SECOND.get(key.lower().removeprefix(name), 1e7))
        return made


def fields(value: Any, where: str) -> Mapping[str, Any]:
    """An object with its keys in lower case.

    Raises:
        InputError: it is none.
    """
    field_of(value, "", object, where)
    return {key.lower(): found for key, found in value.items()}


def span(value: Any, where: str) -> tuple[float | None, float | None]:
    """Start and end of a phrase or a word (seconds).

    Raises:
        InputError: they are no times.
    """
    start, length = (_time(fields(value, where), name, where) for name in ("offset", "duration"))
    return start, None if start is None or length is None else start + length


def _time(found: Mapping[str, Any], name: str, where: str) -> float | None:
    for ending, count in _PER_SECOND.items():
        told = found.get(name + ending)
        iso = _ISO.fullmatch(told) if isinstance(told, str) else None
        if iso:
            hours, minutes, rest = (float(part or 0) for part in iso.groups())
            return seconds({name: 3600 * hours + 60 * minutes + rest}, name, where)
        if told is not None:
            return seconds({name: told}, name, where, count)
    return None


def _told(start: float, end: float, like: Any, count: float) -> Any:
    """The time from one to another, written like another one."""
    whole = round(end * count) - round(start * count)
    if isinstance(like, str):
        return f"PT{whole / count:.7f}".rstrip("0").rstrip(".") + "S" if like.startswith("P") else str(whole)
    return float(whole) if isinstance(like, float) else whole
