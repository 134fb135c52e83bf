"""Recordings on their way: what is made of a long one is kept on disk, segment by segment.

So memory does not grow with a recording's length, and a run that was killed goes on within a recording. A file has a
line that says what it is about, then one line a segment with its list and its correction. The last line of what was
worked on together is marked: what a killed run has left behind the last mark is made again, in the same batches.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

from ger.errors import ModelError, RecordError
from ger.io.inputs import Input
from ger.io.output import mapped, write_atomic
from ger.io.paths import utf8
from ger.journal import stamp
from ger.types import AudioSegment, Correction, NBest

__all__ = ["FOLDER", "Kept", "Stretch", "Stretches", "Unfinished"]

#: Name of the folder, in an output folder, of what is unfinished.
FOLDER = ".ger-unfinished"

_Record = TypeVar("_Record", NBest, Correction)


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was made of a segment, or of a list.

    Attributes:
        nbest: Its list; without hypotheses where nothing was said or it could not be recognized.
        correction: What was made of the list; `None` where nothing was to be.
        segment: What was heard; `None` for a list that was given.
        error: Why it could not be recognized.
    """

    nbest: NBest
    correction: Correction | None = None
    segment: AudioSegment | None = None
    error: ModelError | None = None

    @property
    def said(self) -> bool:
        """Whether it belongs to the results; silence does not."""
        return bool(self.nbest.hypotheses) or self.segment is None


class Stretches:
    """What was made of one input so far: in memory, or on disk once there is more than one batch of it.

    Args:
        path: The file; a temporary one when empty, memory alone when `None`.
        head: What the file is about; one that is about something else is not gone on with.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path | str | None = None, head: str = "") -> None:
        self._path, self._head = path, head
        self._file: int | None = None  # a descriptor
        self._held: list[Stretch] = []
        self._ends: list[int] = []  # of the lines: of the head, and of each stretch
        self._said: list[int] = []  # numbers of the stretches in which something was said
        self._taken = 0
        if isinstance(path, Path) and head and (lines := _left(path, head)):
            write_atomic(path, (f"{line}\n" for line in [head, *lines]))
            self._open(os.O_RDWR)
            for line in lines:
                self._note(bool(json.loads(line)["list"]["hypotheses"]), line)

    @property
    def lists(self) -> Sequence[NBest]:
        """The lists in which there is something, in order."""
        if self._file is not None:
            return Kept(self._said, lambda number: _list(self._line(number)))
        return tuple(made.nbest for made in self._held)

    @property
    def corrections(self) -> Sequence[Correction]:
        """Their corrections; none where nothing was to be corrected."""
        if self._file is None:
            return tuple(made.correction for made in self._held if made.correction)
        if not self._said or "correction" not in self._line(self._said[0]):
            return ()
        return Kept(self._said, lambda number: _correction(self._line(number)))

    def take(self, segment: AudioSegment) -> Stretch | None:
        """What an earlier run has made of the next segment; if it was another one, the rest is made again."""
        if self._taken >= len(self._ends) - 1:
            return None
        line = self._line(self._taken)
        if line["digest"] != _digest(segment):
            self._ends = self._ends[: self._taken + 1]
            self._said = [number for number in self._said if number < self._taken]
            return None
        self._taken += 1
        error = ModelError(*line["error"]) if "error" in line else None
        return Stretch(_list(line), _correction(line) if "correction" in line else None, segment, error)

    def add(self, made: Sequence[Stretch], *, more: bool) -> None:
        """Keep a batch.

        Args:
            made: What was made of the next segments, all of them worked on together.
            more: Whether more is to come; a single batch needs no file.

        Raises:
            OutputError: it cannot be written; what was kept before stays.
        """
        if self._path is None or not (more or self._file is not None):
            self._held += [replace(one, segment=None) for one in made if one.said]
            return
        if self._file is None:
            self._open(os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        lines = [json.dumps(_row(one, last=one is made[-1]), allow_nan=False) for one in made]
        self._append("".join(f"{line}\n" for line in lines))
        for one, line in zip(made, lines, strict=True):
            self._note(one.said, line)
        self._taken = len(self._ends) - 1

    def close(self, *, done: bool) -> None:
        """Nothing more is to come. It can still be read as long as somebody refers to it.

        Args:
            done: Whether it is not needed any more; else another run makes again what comes after the first failure.
        """
        if self._file is not None and isinstance(self._path, Path):
            with suppress(OSError):
                if done:
                    self._path.unlink(missing_ok=True)
                else:
                    os.lseek(self._file, self._ends[-1], os.SEEK_SET)
                    os.write(self._file, b"{}\n")

    def _open(self, flags: int) -> None:
        with mapped(self._path or tempfile.gettempdir()):
            if isinstance(self._path, Path):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = os.open(self._path, flags | getattr(os, "O_BINARY", 0), 0o666)
            else:
                with tempfile.TemporaryFile() as file:
                    self._file = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._file)
        self._ends = [0]
        if flags & os.O_TRUNC:
            self._append(f"{self._head}\n")
        self._ends = [len(self._head) + 1]

    def _note(self, said: bool, line: str) -> None:
        if said:
            self._said.append(len(self._ends) - 1)
        self._ends.append(self._ends[-1] + len(line) + 1)

    def _append(self, text: str) -> None:
        """Write all of it, or nothing."""
        assert self._file is not None
        with mapped(self._path or tempfile.gettempdir()):
            try:
                os.truncate(self._file, self._ends[-1])
                os.lseek(self._file, 0, os.SEEK_END)
                left = memoryview(text.encode("ascii"))
                while left:
                    left = left[os.write(self._file, left) :]
            except OSError:
                with suppress(OSError):
                    os.truncate(self._file, self._ends[-1])
                raise

    def _line(self, number: int) -> dict[str, Any]:
        assert self._file is not None
        start, end = self._ends[number : number + 2]
        os.lseek(self._file, start, os.SEEK_SET)
        value: dict[str, Any] = json.loads(os.read(self._file, end - start))
        return value


class Unfinished:
    """Where the recordings of a run are kept while they are on their way.

    Args:
        folder: The output folder; without one they are in temporary files, and another run knows nothing of them.
        key: Everything that the results depend on beside the input.
        resume: Whether to go on with what an earlier run has left.
    """

    def __init__(self, folder: Path | None = None, key: str = "", *, resume: bool = True) -> None:
        self._folder = folder / FOLDER if folder else None
        self._key = hashlib.sha256(key.encode("utf-8", "backslashreplace")).hexdigest()
        self._resume = resume
        self._open: dict[Input, Stretches] = {}

    def open(self, source: Input) -> Stretches:
        """Where what is made of an input goes, with what an earlier run has left of it.

        Raises:
            OutputError: it cannot be written there.
        """
        if self._folder is None:
            return Stretches("")
        name = utf8(os.path.abspath(source.path))
        path = self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.jsonl"
        if not self._resume:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        head = json.dumps({"input": name, "stamp": stamp(source), "key": self._key})
        self._open[source] = Stretches(path, head)
        return self._open[source]

    def close(self, source: Input, *, done: bool) -> None:
        """The results of an input are written; see `Stretches.close`."""
        if stretches := self._open.pop(source, None):
            stretches.close(done=done)
        if self._folder:
            with suppress(OSError):  # others are on their way
                self._folder.rmdir()


class Kept(Sequence[_Record], Generic[_Record]):
    """Records that are elsewhere, mostly on disk; each is read when it is asked for.

    Args:
        numbers: Their numbers, in order.
        read: Reads one by its number.
    """

    def __init__(self, numbers: Sequence[int], read: Callable[[int], _Record]) -> None:
        self._numbers = numbers
        self._read: Callable[[int], _Record] = read

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[_Record]:
        return map(self._read, self._numbers)

    @overload
    def __getitem__(self, index: int) -> _Record: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[_Record]: ...

    def __getitem__(self, index: int | slice) -> _Record | Sequence[_Record]:
        if isinstance(index, slice):
            return Kept(self._numbers[index], self._read)
        return self._read(self._numbers[index])


def _row(made: Stretch, *, last: bool) -> dict[str, Any]:
    """What `_list` and `_correction` read; a correction mostly has the hypotheses of its list."""
    assert made.segment
    row: dict[str, Any] = {"digest": _digest(made.segment), "list": made.nbest.to_json()}
    if made.correction:
        row["correction"] = made.correction.to_json()
        if made.correction.hypotheses == made.nbest.hypotheses:
            del row["correction"]["hypotheses"]
    if made.error:
        row["error"] = [made.error.message, made.error.hint]
    return row | ({"last": True} if last else {})


def _list(row: dict[str, Any]) -> NBest:
    return NBest.from_json(row["list"])


def _correction(row: dict[str, Any]) -> Correction:
    return Correction.from_json({"hypotheses": row["list"]["hypotheses"]} | row["correction"])


def _digest(segment: AudioSegment) -> str:
    """What is the same for the same stretch of the same recording."""
    digest = hashlib.blake2b(segment.samples.tobytes(), digest_size=8)
    return f"{segment.id} {segment.span.start} {digest.hexdigest()}"


def _left(path: Path, head: str) -> list[str]:
    """The lines of an earlier run: whole batches, and if that run came to its end those before its first failure."""
    try:
        lines = path.read_text(encoding="ascii").split("\n")
    except (OSError, UnicodeDecodeError):
        return []
    kept: list[str] = []
    whole, fault = 0, None
    for line in lines[1:-1] if lines[0] == head else []:
        try:
            row = json.loads(line)
            if row == {}:
                return kept[: whole if fault is None else fault]
            _list(row)
            failed = "error" in row or ("correction" in row and _correction(row).decision == "failed")
        except (ValueError, TypeError, KeyError, RecordError):  # damaged: made again
            break
        kept.append(line)
        if failed and fault is None:
            fault = whole
        if "last" in row:
            whole = len(kept)
    return kept[:whole]
