"""JSON files whose texts change: the value with all its fields, and where in it the words of each unit stand."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ger.errors import InputError
from ger.io.documents.core import Change, Document, decoded
from ger.text.tokens import spaceless
from ger.types import Word

__all__ = [
    "Entries",
    "JsonDocument",
    "dumped",
    "field_of",
    "figure",
    "is_finite",
    "parsed",
    "readable",
    "seconds",
    "span",
]

_INDENT = re.compile(r"[\[{]\r?\n([ \t]+)")
_DEEP = "Check that it is what the recognizer wrote."


class JsonDocument(Document):
    """A JSON file; see `Document`. Without changes its bytes stay, with changes its value but for these.

    Args:
        raw: The file.
        name: What errors call it.
    """

    def __init__(self, raw: bytes, name: str) -> None:
        self._raw = raw
        self._text, self._encode = decoded(raw, name)
        self._value = self._parsed(name)

    def _written(self, changes: Mapping[int, Sequence[Change]]) -> bytes:
        if not changes:
            return self._raw
        value = self._parsed("")  # a copy
        self._apply(value, changes)
        return self._encode(self._dumped(value))

    def _parsed(self, name: str) -> Any:
        """The value of the file."""
        return parsed(self._text, name)

    def _dumped(self, value: Any) -> str:
        """The file with another value."""
        return dumped(value, self._text)

    def _apply(self, value: Any, changes: Mapping[int, Sequence[Change]]) -> None:
        """Make all changes in a copy of the value."""
        for unit, own in sorted(changes.items(), reverse=True):  # what comes behind does not move
            self._change(value, unit, own)
        self._finish(value)

    def _change(self, value: Any, unit: int, changes: Sequence[Change]) -> None:
        """Change the words of a unit in a copy of the value."""

    def _finish(self, value: Any) -> None:
        """Make what depends on several units right again, such as the whole text."""


@dataclass(frozen=True, slots=True)
class Entries:
    """How words are written as objects.

    Attributes:
        text: Key of the word.
        start: Key of its start.
        end: Key of its end.
        confidence: Keys that its confidence may have.
        unit: Seconds of a time of 1.
    """

    text: str = "word"
    start: str = "start"
    end: str = "end"
    confidence: tuple[str, ...] = ("probability", "score", "confidence")
    unit: float = 1.0

    def word(self, entry: Any, where: str) -> Word:
        """An object as a word.

        Raises:
            InputError: it is none.
        """
        text = field_of(entry, self.text, str, where)
        if text is None:
            raise InputError(f"{where}: {self.text!r} is missing.", _DEEP)
        times = [seconds(entry, key, where) for key in (self.start, self.end)]
        start, end = (None if time is None else time * self.unit for time in times)
        sure = next((entry[key] for key in self.confidence if is_finite(entry.get(key))), None)
        return Word(text.strip(), start, end, sure)

    def change(self, entries: list[Any], changes: Sequence[Change]) -> None:
        """Change the objects of a list, each of which is a word.

        Args:
            entries: The list.
            changes: Changes of its words, in order.
        """
        own = list(entries)
        leads = [self._lead(entry) for entry in own]
        space = next((lead for lead in leads[::-1] if lead), "")  # the first one may have none where the others have
        for change in reversed(changes if own else ()):
            made = []
            for k, word in enumerate(change.words, change.first):
                like = own[k if k < change.last else max(change.last - 1, 0)]
                lead = leads[0] if k == 0 else "" if spaceless(word.text) else space
                made.append(self._entry(like, word, lead))
            entries[change.first : change.last] = made

    def _lead(self, entry: Any) -> str:
        """The white space in front of a word."""
        text = str(entry.get(self.text) or "")
        return text[: len(text) - len(text.lstrip())]

    def _entry(self, like: Any, word: Word, lead: str) -> Any:
        """An object of another word."""
        made = {**like, self.text: lead + word.text}
        was = self.word(like, "")
        for key, time, before in ((self.start, word.start, was.start), (self.end, word.end, was.end)):
            if time == before:
                continue
            if isinstance(like.get(key), int | float) and time is not None:
                made[key] = round(time / self.unit, 3)
            elif isinstance(like.get(key), str) and time is not None:
                made[key] = _told(time / self.unit, like[key])
        for key in self.confidence:
            if key in like and word.confidence is not None:
                made[key] = word.confidence
        return made


def _told(time: float, like: str) -> str:
    """A time as text, with an `s` where another one has it."""
    text = f"{time:.3f}".rstrip("0")
    return text.rstrip(".") + "s" if like.endswith("s") else text + "0" * text.endswith(".")


def dumped(value: Any, like: str) -> str:
    """A value as JSON, laid out like another text."""
    indent = _INDENT.search(like[:1000])
    ascii_only = like.isascii() and "\\u" in like
    tight = indent is None and ": " not in like[:1000] and len(like) > 2
    made = json.dumps(
        value,
        ensure_ascii=ascii_only,
        indent=indent[1] if indent else None,
        separators=(",", ":") if tight else None,
    )
    return made + like[len(like.rstrip()) :]


def parsed(text: str, name: str, line: int = 1) -> Any:
    """The value of a JSON text.

    Args:
        text: The text.
        name: What errors call the file.
        line: The line of the file that the text begins with.

    Raises:
        InputError: it is none; names the line and says where it was cut where it was.
    """
    with readable(text, name, line):
        return json.loads(text)


@contextmanager
def readable(text: str, name: str, line: int = 1) -> Iterator[None]:
    """What goes wrong while JSON is parsed, said with the place; `line` is that which the text begins with.

    Raises:
        InputError: as for `parsed`.
    """
    try:
        yield
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
        hint = "It may be cut off: fetch it again." if cut else "Check that it is JSON."
        raise InputError(f"{name}, line {line - 1 + error.lineno}, column {error.colno}: {error.msg}.", hint) from error
    except RecursionError as error:
        raise InputError(f"{name} is nested too deeply.", _DEEP) from error
    except ValueError as error:  # a whole number of thousands of digits
        raise InputError(f"{name} cannot be read: {error}.", _DEEP) from error


def field_of(value: Any, key: str, kind: type | tuple[type, ...], where: str, default: Any = None) -> Any:
    """A field of an object that has to be of a kind, where it is there.

    Raises:
        InputError: `value` is no object or the field is something else.
    """
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected an object, found {str(value)[:40]!r}.", _DEEP)
    found = value.get(key, default)
    if found is None or (isinstance(found, kind) and not (isinstance(found, bool) and kind is not bool)):
        return default if found is None else found
    raise InputError(f"{where}: {key!r} is {str(found)[:40]!r}.", _DEEP)


def figure(value: Any, key: str, where: str) -> float | None:
    """A number that says how good something is; `None` where it is not there, or infinite or no number.

    Raises:
        InputError: it is something else.
    """
    found: float | None = field_of(value, key, (int, float), where)
    return found if is_finite(found) else None


def is_finite(value: Any) -> bool:
    """Whether it is a number that a float can hold."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def seconds(value: Any, key: str, where: str, count: float = 1.0) -> float | None:
    """A time (seconds), written as a number or as text such as `1.250s`; `count` is how many of it are a second.

    Raises:
        InputError: it is neither.
    """
    found = field_of(value, key, (int, float, str), where)
    if isinstance(found, str):
        try:
            found = float(found.strip().removesuffix("s"))
        except ValueError:
            found = "no number"
    if found is None or (isinstance(found, int | float) and abs(found) < 1e9 * count):
        return None if found is None else float(found) / count
    raise InputError(f"{where}: {key!r} is no time.", _DEEP)


def span(value: Any, first: str, last: str, where: str) -> tuple[float | None, float | None]:
    """Start and end (seconds), under two keys.

    Raises:
        InputError: one is no time, or the end is before the start.
    """
    start, end = seconds(value, first, where), seconds(value, last, where)
    if start is not None and end is not None and end < start:
        raise InputError(f"{where} ends before it begins.", "Correct its times.")
    return start, end
