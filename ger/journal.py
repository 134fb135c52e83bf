"""The journal of an output folder: which inputs are done, so that an interrupted run can go on.

A line is added when all results of an input stand under their final names. An input is done when its line names the
same file (by size and time of change), the same settings, and results that are still there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable
from pathlib import Path
from stat import S_ISDIR
from typing import Any

from ger.errors import OutputError
from ger.io.inputs import JOURNAL, Input
from ger.io.paths import utf8

__all__ = ["JOURNAL", "Journal", "stamp"]


class Journal:
    """What was done in an output folder.

    Args:
        folder: The output folder; it need not exist.
        key: Everything that the results depend on beside the input.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self._path = folder / JOURNAL
        self._key = key
        self._entries: dict[str, dict[str, Any]] = {}
        self._owners: dict[str, str] = {}
        for entry in _read(self._path):
            self._note(entry)

    def _note(self, entry: dict[str, Any]) -> None:
        self._entries[entry["input"]] = entry
        self._owners |= dict.fromkeys(entry["outputs"], entry["input"])

    def done(self, source: Input, outputs: Collection[Path]) -> bool:
        """Whether the results of an input are there and current.

        Args:
            source: The input.
            outputs: What this run may write for it; results under other names, from a run in which the input went
                to another place, do not count.
        """
        entry = self._entries.get(name := _name(source))
        if entry is None or entry["key"] != self._key or not entry["stamp"] or entry["stamp"] != stamp(source):
            return False
        if not entry["outputs"] or not set(entry["outputs"]) <= set(self._names(outputs)):
            return False
        # Another input may have been written to the same place since.
        return all(self._owners[o] == name and (self._path.parent / o).is_file() for o in entry["outputs"])

    def add(self, source: Input, outputs: Iterable[Path], stamp: list[int]) -> None:
        """Note that the results of an input stand under their final names.

        Args:
            source: The input.
            outputs: Its results.
            stamp: `stamp` of the input from before it was read, so that one that has changed since is done again.

        Raises:
            OutputError: the journal cannot be written.
        """
        entry = {"input": _name(source), "stamp": stamp, "key": self._key, "outputs": self._names(outputs)}
        self._note(entry)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # A line that a killed run left torn is ended here, so that it spoils nothing but itself.
            with self._path.open("ab") as file:
                torn = file.tell() and not _ends_with_newline(self._path)
                file.write(b"\n" * bool(torn) + json.dumps(entry).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(f"{self._path} cannot be written: {error.strerror}.", "Check the folder.") from error

    def _names(self, outputs: Iterable[Path]) -> list[str]:
        return [os.path.relpath(output, self._path.parent) for output in outputs]


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return []
    entries = []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:  # torn by a kill: that input is done again
            continue
        if _valid(entry):
            entries.append(entry)
    return entries


def _valid(entry: Any) -> bool:
    if not isinstance(entry, dict) or not {"input", "stamp", "key", "outputs"} <= entry.keys():
        return False
    outputs = entry["outputs"]
    return isinstance(outputs, list) and all(isinstance(name, str) for name in [entry["input"], *outputs])


def _name(source: Input) -> str:
    return utf8(os.path.abspath(source.path))


def stamp(source: Input) -> list[int]:
    """Size and time of change; nothing where there is no file, as with standard input, folders and lists of several."""
    if source.lists:
        return []
    try:
        status = os.stat(source.path)
    except OSError:
        return []
    return [] if S_ISDIR(status.st_mode) else [status.st_size, status.st_mtime_ns]


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
