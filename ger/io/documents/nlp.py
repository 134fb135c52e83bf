"""Rev's `.nlp`: a header line, then `token|speaker|ts|endTs|punctuation|case|tags`, a word a line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ger.errors import InputError
from ger.io.documents.core import Row, decoded, lines_of
from ger.io.documents.rowdoc import RowDocument
from ger.io.documents.rows import Timed, number, units
from ger.types import Word

__all__ = ["HEADER", "case", "cut", "read"]

#: The first line of a file.
HEADER = "token|speaker|ts|endTs|punctuation|case|tags"

_NEEDED = ("token", "speaker")
_END = re.compile(r"[^\w%$€£'’)\]]+$")


def read(raw: bytes, name: str) -> RowDocument:
    """The words of a `.nlp` file, with the punctuation behind them.

    Raises:
        InputError: it is not UTF-8, or a line is not what it should be; names the line.
    """
    text, encode = decoded(raw, name)
    lines = [line for _, _, line in lines_of(text)]
    columns = lines[0].strip().split("|") if lines else []
    if missing := next((column for column in _NEEDED if column not in columns), None):
        raise InputError(f"{name}, line 1: there is no column {missing!r}.", "Begin with token|speaker|ts|endTs|…")
    table = _Table({column: i for i, column in enumerate(columns)})
    found = []
    for at, line in enumerate(lines[1:], 1):
        if not line.strip():
            continue
        fields = line.rstrip("\r\n").split("|")
        if len(fields) != len(columns):
            raise InputError(
                f"{name}, line {at + 1}: expected {len(columns)} columns, found {len(fields)}.",
                "Check for a '|' too many or too few.",
            )
        word = table.word(fields, f"{name}, line {at + 1}")
        if any(char.isalnum() for char in word.text) and not word.text.startswith("<"):
            found.append(Timed(Row(at, word), (table.value(fields, "speaker"),)))
    return RowDocument("nlp", lines, encode, units(found, speaker=0), table.line)


@dataclass(frozen=True, slots=True)
class _Table:
    """Which column is what."""

    at: Mapping[str, int]

    def value(self, fields: Sequence[str], column: str) -> str:
        return fields[self.at[column]] if column in self.at else ""

    def word(self, fields: Sequence[str], where: str) -> Word:
        start, end = (self._time(fields, column, where) for column in ("ts", "endTs"))
        if start is not None and end is not None and end < start:
            raise InputError(f"{where}: the word ends before it begins.", "Correct its times.")
        return Word(self.value(fields, "token") + self.value(fields, "punctuation"), start, end)

    def _time(self, fields: Sequence[str], column: str, where: str) -> float | None:
        text = self.value(fields, column)
        time = number(text)
        if text.strip() and time is None:
            raise InputError(f"{where}: {text!r} is no time.", "Times are in seconds.")
        return time

    def line(self, line: str, word: Word, same: bool) -> str:
        """The line of another word."""
        fields = line.split("|")
        token, punctuation = cut(word.text) if "punctuation" in self.at else (word.text.replace("|", ""), "")
        new = {"token": token}
        if "punctuation" in self.at:
            new["punctuation"] = punctuation
        if self.value(fields, "case"):
            new["case"] = case(token)
        if not same and "tags" in self.at:
            new["tags"] = "[]" if self.value(fields, "tags").startswith("[") else ""
        for column, time in (("ts", word.start), ("endTs", word.end)):
            if self.value(fields, column) and time is not None:
                new[column] = f"{time:.4f}".rstrip("0").rstrip(".")
        for column, value in new.items():
            fields[self.at[column]] = value
        return "|".join(fields)


def cut(word: str) -> tuple[str, str]:
    """A word, and the punctuation behind it."""
    end = _END.search(word)
    at = end.start() if end and end.start() else len(word)
    return word[:at].replace("|", ""), word[at:].replace("|", "")


def case(token: str) -> str:
    """Rev's names of cases: all capitals, upper, lower, mixed."""
    letters = [char for char in token if char.isalpha()]
    if letters and all(char.isupper() for char in letters):
        return "CA"
    if not any(char.isupper() for char in letters):
        return "LC"
    return "UC" if letters[0].isupper() and not any(char.isupper() for char in letters[1:]) else "MC"
