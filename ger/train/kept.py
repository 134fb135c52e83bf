"""Values by id that are kept while they are made, one a line, so that an interrupted run can go on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from ger.errors import OutputError
from ger.io.output import write_atomic
from ger.io.paths import printable

__all__ = ["Kept"]


class Kept:
    """A file of values on their way; its first line says what they depend on.

    Args:
        path: The file; a missing folder is made.
        key: Everything that the values depend on beside their ids. What was kept under another key is dropped.

    Raises:
        OutputError: it cannot be written.
    """

    def __init__(self, path: Path, key: str) -> None:
        self._path = path
        head = json.dumps({"key": key})
        #: The values so far.
        self.made: dict[str, Any] = dict(_read(path, head))
        write_atomic(path, (f"{line}\n" for line in (head, *map(_line, self.made.items()))))
        self._file: IO[str]

    def __enter__(self) -> Kept:
        with self._mapped():
            self._file = open(self._path, "a", encoding="utf-8", newline="")  # closed on exit
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(OSError):  # a failed write has been reported, and closing would try it again
            self._file.close()

    def add(self, values: Mapping[str, Any]) -> None:
        """Keep values.

        Raises:
            OutputError: they cannot be written; what was kept before stays.
        """
        with self._mapped():
            self._file.writelines(f"{_line(item)}\n" for item in values.items())
            self._file.flush()
        self.made |= values

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise OutputError(
                f"{printable(self._path)} cannot be written: {reason}.", "Free some space, or write elsewhere."
            ) from error


def _line(item: tuple[str, Any]) -> str:
    return json.dumps(item)


def _read(path: Path, head: str) -> Iterator[tuple[str, Any]]:
    try:
        first, *lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError):
        return
    for line in lines if first == head else ():
        try:
            key, value = json.loads(line)
        except (ValueError, TypeError):  # torn by a kill: made again
            continue
        yield key, value
