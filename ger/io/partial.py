"""Corrections that are kept while a run goes on, so that an interrupted one can go on from there."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from ger.errors import OutputError, RecordError
from ger.io.jsonl import dumps, write_records
from ger.io.output import write_atomic
from ger.io.paths import printable
from ger.types import Correction, NBest

__all__ = ["Partial"]


class Partial:
    """A file of corrections on its way: what is finished waits in a hidden file beside it.

    Args:
        target: The file.
        lists: The lists that it is made from.
        key: Everything else that it depends on.
        resume: Whether to go on with what an earlier run for the same lists and key has left.
        together: The name of what a list is a part of, empty for one that stands alone; where one part is unfinished,
            all of them are.

    Raises:
        OutputError: nothing can be written there.
    """

    def __init__(
        self,
        target: Path,
        lists: Sequence[NBest],
        key: str,
        *,
        resume: bool = True,
        together: Callable[[NBest], str] | None = None,
    ) -> None:
        self._target = target
        self._path = target.with_name(f".{target.name}.part")
        self._lists = lists
        self._made: dict[str, Correction] = {}
        head = json.dumps({"key": _digest(key, lists)})
        try:
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, "is a folder")
            if resume:
                self._made = _whole(_finished(self._path, head), lists, together)
            write_atomic(self._path, "".join(f"{line}\n" for line in [head, *map(dumps, self._made.values())]))
            self._file: IO[str] = open(self._path, "a", encoding="utf-8", newline="")  # noqa: SIM115  # closed on exit
        except OSError as error:
            raise _problem(target, error) from error

    def __enter__(self) -> Partial:
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(OSError):  # a failed write has been reported, and closing would try it again
            self._file.close()

    @property
    def made(self) -> list[Correction]:
        """What is finished, in the order of the lists."""
        return [self._made[nbest.id] for nbest in self._lists if nbest.id in self._made]

    @property
    def left(self) -> list[NBest]:
        """Lists that are still to be corrected."""
        return [nbest for nbest in self._lists if nbest.id not in self._made]

    def add(self, corrections: Iterable[Correction]) -> None:
        """Keep corrections.

        Raises:
            OutputError: they cannot be written; what was kept before stays.
        """
        corrections = list(corrections)
        try:
            self._write([dumps(correction) for correction in corrections])
        except OSError as error:
            raise _problem(self._path, error) from error
        self._made |= {correction.id: correction for correction in corrections}

    def finish(self) -> None:
        """Write the file in the order of the lists. While some have failed, what is done is kept for the next run.

        Raises:
            OutputError: it cannot be written; what was kept stays.
        """
        write_records(self._target, self.made)
        with suppress(OSError):  # the file is whole; what is left over is not used again for other lists
            self._file.close()
            if all(correction.decision != "failed" for correction in self.made):
                self._path.unlink(missing_ok=True)

    def _write(self, lines: Iterable[str]) -> None:
        self._file.writelines(line.encode("utf-8", "backslashreplace").decode() + "\n" for line in lines)
        self._file.flush()


def _finished(path: Path, head: str) -> dict[str, Correction]:
    """What an earlier run has left; failed lists are tried again."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (FileNotFoundError, UnicodeDecodeError):
        return {}
    found: dict[str, Correction] = {}
    for line in lines[1:] if lines[:1] == [head] else ():
        try:
            made = Correction.from_json(json.loads(line))
        except (ValueError, RecordError):  # torn by a kill: done again
            continue
        if made.decision != "failed":
            found[made.id] = made
    return found


def _whole(
    made: dict[str, Correction], lists: Sequence[NBest], together: Callable[[NBest], str] | None
) -> dict[str, Correction]:
    """Without the corrections that have to be made again with others."""
    if together is None:
        return made
    torn = {together(nbest) for nbest in lists if nbest.id not in made} - {""}
    return {nbest.id: made[nbest.id] for nbest in lists if nbest.id in made and together(nbest) not in torn}


def _digest(key: str, lists: Sequence[NBest]) -> str:
    digest = hashlib.sha256(key.encode("utf-8", "backslashreplace"))
    for nbest in lists:
        digest.update(dumps(nbest).encode("utf-8", "backslashreplace"))
    return digest.hexdigest()


def _problem(path: Path, error: OSError) -> OutputError:
    reason = os.strerror(error.errno) if error.errno else str(error)
    return OutputError(f"{printable(path)} cannot be written: {reason}.", "Name another file with -o.")
