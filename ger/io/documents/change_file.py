"""The file that `--changes` names: the changes of each document are in it before the document itself is written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ger.errors import OutputError, RecordError
from ger.io.documents.changes import applied, lines, read, reverted
from ger.io.documents.core import Document
from ger.io.output import mapped, write_atomic
from ger.io.paths import printable, utf8

__all__ = ["ChangeFile"]


class ChangeFile:
    """Changes of documents, in a file that may hold those of an earlier run.

    Changes of other documents stay. Those of the same document make way for new ones, with two exceptions: they stay
    where now nothing changes, or the same; and where they tell what has made the document what it is, new ones are
    refused, as neither could be undone without the other.

    Args:
        path: The file; made where there is none.

    Raises:
        InputError: it cannot be read, or holds something else than changes.
        OutputError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._earlier: dict[str, list[dict[str, Any]]] = {}
        self._lines: list[tuple[str, str]] = []
        if path.is_file():
            raw = path.read_text("utf-8-sig").split("\n") if (rows := read(path)) else []
            for row in rows:
                file = _key(row.get("file", ""))
                self._earlier.setdefault(file, []).append(row)
                self._lines.append((file, raw[row["line"] - 1] + "\n"))
            self._ended = not raw or not raw[-1]
        else:
            self._ended = True
            if not path.exists():
                self._append("")

    @property
    def is_new(self) -> bool:
        """Whether it held nothing."""
        return not self._earlier

    def add(self, document: Document, path: str, rows: Sequence[Mapping[str, Any]], *, in_place: bool) -> int:
        """Write the changes of a document, to disk.

        Args:
            document: The document as it was.
            path: Its file.
            rows: Its changes.
            in_place: Whether the document will be written where it was.

        Returns:
            How many changes of it from an earlier run stay although nothing changes now.

        Raises:
            OutputError: they cannot be written, or others would be lost.
        """
        file = _key(utf8(path))
        earlier = self._earlier.get(file)
        made = [(file, line) for line in lines(rows)]
        if not earlier:
            self._lines += made
            self._append("".join(line for _, line in made))
            return 0
        if not rows:
            return len(earlier)
        if _words(json.loads(line) for name, line in self._lines if name == file) == _words(rows):
            return 0
        if _is_made(document, earlier) or (in_place and not _is_to_come(document, earlier)):
            raise OutputError(
                f"{printable(self._path)} holds changes that {printable(path)} has had before.",
                "Name another file with --changes.",
            )
        self._lines = [line for line in self._lines if line[0] != file] + made
        write_atomic(self._path, (line for _, line in self._lines))
        return 0

    def _append(self, text: str) -> None:
        with mapped(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                file.write(b"\n" * (not self._ended) + text.encode("utf-8", "backslashreplace"))
                file.flush()
                if self._path.is_file():
                    os.fsync(file.fileno())
        self._ended = True


def _key(path: object) -> str:
    return os.path.abspath(path) if isinstance(path, str) else ""


def _words(rows: Iterable[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """What the changes of some rows are, whatever a person has decided about them."""
    return [(row["unit"], row["at"], row["old"], row["new"]) for row in rows]


def _is_made(document: Document, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a document holds the changes already; where all of them took words out, that cannot be seen directly."""
    try:
        reverted(document, rows, every=True)
    except RecordError:
        return False
    return any(row["new"] for row in rows) or not _is_to_come(document, rows)


def _is_to_come(document: Document, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the changes can be made in a document."""
    try:
        applied(document, [dict(row) | {"accept": True} for row in rows])
    except RecordError:
        return False
    return True
