"""Texts with ids, one a line: Kaldi `text`, tab-separated columns, plain lines; and opening any text file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from ger.errors import InputError, RecordError
from ger.io.media import check_text
from ger.io.paths import printable, utf8

__all__ = ["Ids", "Line", "Source", "kaldi", "numbered", "opened", "starts_with_ids", "tsv"]

_BOM = b"\xef\xbb\xbf"

#: Number of a line, from 1, and its text without line end.
Line = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Source:
    """An open text file.

    Attributes:
        name: What errors call it.
        stem: Its name without folder and suffix, for ids.
        suffix: With the dot, in lower case.
        first: The first line that is not blank, without byte order mark; empty for an empty file.
        second: The next line that is not blank.
        folder: Where it lies; `None` for standard input.
        raw: All lines, as bytes.
    """

    name: str
    stem: str
    suffix: str
    first: bytes
    second: bytes
    folder: Path | None
    raw: Iterator[bytes]

    def lines(self) -> Iterator[Line]:
        """Number and text of every line, without line end and byte order mark.

        Raises:
            RecordError: a line is not UTF-8.
        """
        for number, line in enumerate(self.raw, 1):
            yield number, self._decoded(number, line)

    def _decoded(self, number: int, line: bytes) -> str:
        line = line.removeprefix(_BOM) if number == 1 else line
        try:
            return line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise RecordError(
                f"{self.name}, line {number}: byte {error.start + 1} (0x{line[error.start]:02x}) is not UTF-8.",
                "Save the file as UTF-8, for example with `iconv -f latin1 -t utf-8`.",
            ) from error


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Source]:
    """Open a text file, or standard input for `-`.

    Raises:
        InputError: the file cannot be read or is audio, or what is read from it is nested too deeply.
    """
    name = "standard input" if path == "-" else printable(path)
    try:
        with nullcontext(sys.stdin.buffer) if path == "-" else open(path, "rb") as stream:
            head: list[bytes] = []
            first = _line(stream, head)
            check_text(path, first, name)
            second = _line(stream, head)
            where = Path("stdin" if path == "-" else utf8(path))
            folder = None if path == "-" else Path(path).parent
            yield Source(name, where.stem, where.suffix.lower(), first, second, folder, chain(head, stream))
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}.", "Check the name and its permissions.") from error
    except RecursionError as error:
        raise InputError(f"{name} is nested too deeply.", "The file seems damaged.") from error


def _line(stream: Iterable[bytes], head: list[bytes]) -> bytes:
    """The next line that is not blank; all lines up to it are kept."""
    for line in stream:
        head.append(line)
        if bare := line.removeprefix(_BOM).strip():
            return bare
    return b""


@dataclass(frozen=True, slots=True)
class Ids:
    """Watches that every id of a file is there only once."""

    name: str
    _places: dict[str, str] = field(default_factory=dict)

    def add(self, key: str, place: str) -> str:
        """Note an id and where it stands, such as `line 3`.

        Raises:
            RecordError: it was there before; names both places.
        """
        if key in self._places:
            raise RecordError(
                f"{self.name}: {self._places[key]} and {place} both have the id {key!r}.",
                "Every utterance needs an id of its own: remove one of them or rename it.",
            )
        self._places[key] = place
        return key


def kaldi(name: str, lines: Iterable[Line]) -> Iterator[tuple[str, str]]:
    """Id and text of every line `id word word …`; an id alone has an empty text, blank lines are skipped.

    Raises:
        RecordError: an id is there twice.
    """
    ids = Ids(name)
    for number, line in lines:
        if line.strip():
            key, _, text = line.strip().replace("\t", " ").partition(" ")
            yield ids.add(key, f"line {number}"), text.strip()


def tsv(name: str, lines: Iterable[Line]) -> Iterator[tuple[str, str]]:
    """Id and text of every line `id<TAB>text`; further columns are not read, blank lines are skipped.

    An id alone has an empty text.

    Raises:
        RecordError: a line has several words but no tab, or nothing in front of it, or an id is there twice.
    """
    ids = Ids(name)
    for number, line in lines:
        key, tab, rest = line.partition("\t")
        if not line.strip():
            continue
        if not key.strip() or (not tab and len(key.split()) > 1):
            raise RecordError(
                f"{name}, line {number}: expected an id, a tab and a text.",
                "Where the first line has a tab behind its id, all lines need one.",
            )
        yield ids.add(key.strip(), f"line {number}"), rest.split("\t", 1)[0].strip()


def numbered(lines: Iterable[Line]) -> Iterator[tuple[str, str]]:
    """The number of every line as its id, and its text; a blank line is an empty text."""
    return ((str(number), line.strip()) for number, line in lines)


def starts_with_ids(lines: Iterable[Line]) -> bool:
    """Whether lines look like Kaldi's: their first words all hold a digit, and few are there twice.

    A number in front of a single line is a word.
    """
    words = [line.split(maxsplit=1)[0] for _, line in lines if line.strip()]
    if len(words) == 1 and words[0].isdecimal():
        return False
    return 2 * len(set(words)) > len(words) and all(any(char.isdigit() for char in word) for word in words)
