"""From what the user names (files, folders, patterns, `-`) to a list of inputs, each with a name for its results."""

from __future__ import annotations

import errno
import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ger.errors import InputError, OutputError
from ger.io.documents import ending, is_named
from ger.io.media import is_media
from ger.io.paths import printable, utf8
from ger.types import NBest

if TYPE_CHECKING:
    from ger.io.documents.core import Document
    from ger.io.documents.passages import Passage

__all__ = ["JOURNAL", "Expansion", "Input", "expand"]

#: Name of the journal in an output folder.
JOURNAL = ".ger-journal.jsonl"

#: What is in every folder of ESPnet's lists.
_ESPNET = "1best_recog"

_GLOB = re.compile(r"[*?[]")
_NUMBER = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a run.

    Attributes:
        path: As the user can open it; `-` for standard input.
        stem: Where its results go under the output folder, without extension: `sub/talk`. Unique within a run.
        stdin: Whether it is standard input.
        lists: Lists that were made already, of several files; then `path` only names them.
        format: Format of what is no audio; found out from what is inside when empty.
        document: The document that `path` holds, where it was read already, and its passages with their lists.
    """

    path: str
    stem: str
    stdin: bool = False
    lists: tuple[NBest, ...] = field(default=(), hash=False, compare=False)
    format: str = ""
    document: tuple[Document, tuple[Passage, ...]] | None = field(default=None, hash=False, compare=False)

    @property
    def id(self) -> str:
        """The stem as valid UTF-8, for the ids of records."""
        return utf8(self.stem)

    @property
    def suffix(self) -> str:
        """The extension of its name, without the dot; of standard input, that of its format."""
        return ending(self.format) if self.stdin else Path(self.path).suffix[1:] or "txt"

    def output(self, folder: str | os.PathLike[str], format: str) -> Path:
        """Where a result of this input goes.

        Raises:
            OutputError: it would overwrite the input itself, which is not there any more, or its name is too long.
        """
        target = Path(folder, f"{self.stem}.{format}")
        try:
            same = not self.stdin and not self.lists and target.exists() and target.samefile(self.path)
        except OSError as error:
            hint = "Check that the input is still there, and the folder given with -o."
            if error.errno == errno.ENAMETOOLONG:
                hint = "The name is too long for that file system: rename the input."
            raise OutputError(f"{printable(target)} cannot be written: {error.strerror}.", hint) from error
        if same:
            raise OutputError(f"{printable(target)} is the input itself.", "Choose another folder with -o.")
        return target


@dataclass(frozen=True, slots=True)
class Expansion:
    """What was found, and what could not be used: one error each, the others go on."""

    inputs: tuple[Input, ...]
    problems: tuple[InputError, ...]


def expand(
    paths: Sequence[str | os.PathLike[str]], *, recursive: bool = True, documents: bool = False, whole: bool = False
) -> Expansion:
    """Find the inputs of a run.

    A named file is taken whatever its extension, and once. A folder gives its audio and video files (by extension,
    `ger.io.media.SUFFIXES`) in natural order (`2.wav` before `10.wav`), without hidden files and folders; a file that
    several links lead to is taken once. A name that does not exist and holds `*`, `?` or `[` is a pattern (`**` for any
    depth); files that match it are taken as if named.

    Results mirror the folders under what was named: `calls/mon/a.wav` of the folder `calls` goes to `mon/a`, so does
    that of the pattern `calls/*/*.wav`, and a file named directly goes to its own name. Where two inputs would go to
    the same place, both keep their extension (`a.wav`, `a.mp3`); if that is not enough the name of the folder goes in
    front, and then a number behind.

    Args:
        paths: What the user named, in order.
        recursive: Whether folders inside folders are searched.
        documents: Whether a folder without any audio and video files gives its documents instead (by extension,
            `.srt` for example), and a folder of ESPnet's lists is itself an input.
        whole: Whether every folder is itself an input.
    """
    search = _Search(recursive, documents, whole)
    for path in paths:
        search.add(os.fspath(path))
    return Expansion(tuple(_named(search.found)), tuple(search.problems))


@dataclass(frozen=True, slots=True)
class _Found:
    """A file, the folder named by the user that it lies in, and how much of its name its results keep."""

    path: str
    relative: str
    root: str = ""
    stdin: bool = False
    level: int = 0

    def stem(self) -> str:
        if self.stdin:
            return "stdin"
        whole = Path(self.relative)
        short = whole.with_name(whole.stem) if whole.stem.strip(".") else whole  # `..wav` is no name without `wav`
        return str((short, whole, Path(self.root, whole))[self.level])


@dataclass(slots=True)
class _Search:
    recursive: bool
    documents: bool
    whole: bool
    found: list[_Found] = field(default_factory=list)
    problems: list[InputError] = field(default_factory=list)
    _named: set[str] = field(default_factory=set)
    _real: set[str] = field(default_factory=set)
    _folders: set[tuple[int, int]] = field(default_factory=set)

    def add(self, path: str) -> None:
        """Take one thing that the user named."""
        if path == "-":
            self._take(_Found("-", "stdin", stdin=True), "-")
            return
        try:
            status = os.stat(path)
        except (OSError, ValueError) as error:
            if isinstance(error, FileNotFoundError | ValueError) and _GLOB.search(path):
                self._pattern(path)
            else:
                self._problem(path, error)
            return
        self._existing(path, status)

    def _existing(self, path: str, status: os.stat_result) -> None:
        if not stat.S_ISDIR(status.st_mode):
            self._real.add(os.path.realpath(path))
            self._take(_Found(path, os.path.basename(path)), os.path.abspath(path))
            return
        if self._is_input(path):
            self._take(_Found(path, _base_name(path), level=1), os.path.abspath(path))
            return
        before = len(self.found), len(self.problems)
        known = (status.st_dev, status.st_ino) in self._folders
        for file, below in self._walk(path, path, ""):
            self._file(file, below, path)
        if not known and before == (len(self.found), len(self.problems)):
            hint = "Name the files themselves if they have unusual extensions."
            self.problems.append(InputError(f"{printable(path)} holds no audio or video files.", hint))

    def _is_input(self, folder: str) -> bool:
        """Whether a folder is an input by itself."""
        return self.whole or (self.documents and os.path.isdir(os.path.join(folder, _ESPNET)))

    def _take(self, found: _Found, key: str) -> None:
        if key not in self._named:
            self._named.add(key)
            self.found.append(found)

    def _problem(self, path: str, error: Exception) -> None:
        if os.path.islink(path) and isinstance(error, FileNotFoundError):
            problem = InputError(f"{printable(path)} is a link to a file that does not exist.", "Mend or remove it.")
        elif isinstance(error, FileNotFoundError | ValueError):
            problem = InputError(f"{printable(path)} does not exist.", "Check the name.")
        elif getattr(error, "errno", None) == errno.ELOOP:
            problem = InputError(f"{printable(path)} is a link that leads back to itself.", "Mend or remove it.")
        else:
            reason = getattr(error, "strerror", None) or type(error).__name__
            problem = InputError(f"{printable(path)} cannot be read: {reason}.", "Check its permissions.")
        self.problems.append(problem)

    def _pattern(self, pattern: str) -> None:
        base, rest = _split(pattern)
        try:
            matches = {str(match) for match in Path(base).glob(rest)}
        except ValueError as error:
            problem = InputError(f"{printable(pattern)} is not a pattern: {error}.", "Write `**` between slashes only.")
            self.problems.append(problem)
            return
        shown = [match for match in matches if "/." in f"/{rest}" or not _hidden(os.path.relpath(match, base))]
        if not shown:
            hint = "Check it, and quote it so that the shell leaves it alone."
            self.problems.append(InputError(f"{printable(pattern)} matches nothing.", hint))
        for match in sorted(shown, key=_natural):
            try:
                status = os.stat(match)
            except OSError as error:
                self._problem(match, error)
                continue
            relative = os.path.relpath(match, base)
            if stat.S_ISDIR(status.st_mode) and self._is_input(match):
                self._take(_Found(match, relative, _base_name(base), level=1), os.path.abspath(match))
            elif stat.S_ISDIR(status.st_mode):
                for file, below in self._walk(match, base, "" if relative == "." else relative):
                    self._file(file, below, base)
            else:
                self._real.add(os.path.realpath(match))
                self._take(_Found(match, relative, _base_name(base)), os.path.abspath(match))

    def _walk(self, folder: str, root: str, relative: str) -> list[tuple[str, str]]:
        """Take the audio of a folder, whose path under the root is `relative`, and of the folders in it.

        Returns:
            Where there is none, the documents in its place, but for those in output folders inside of it: their paths,
            and those under the root.
        """
        pending, heard, others = [(folder, relative, False)], False, []
        while pending:
            path, below, ours = pending.pop()
            media = is_media(path)
            try:
                status = os.stat(path)
                if stat.S_ISDIR(status.st_mode):
                    if self.recursive or path == folder:
                        names = reversed(self._names(path, status))
                        ours |= path != folder and os.path.exists(os.path.join(path, JOURNAL))
                        pending += [(os.path.join(path, name), os.path.join(below, name), ours) for name in names]
                elif media and stat.S_ISREG(status.st_mode):
                    heard = True
                    self._file(path, below, root)
                elif self.documents and not ours and is_named(path) and stat.S_ISREG(status.st_mode):
                    others.append((path, below))
            except OSError as error:
                if media or path == folder or isinstance(error, PermissionError):
                    self._problem(path, error)
        return [] if heard else others

    def _names(self, folder: str, status: os.stat_result) -> list[str]:
        """What is in a folder that was not met before, sorted, without what is hidden."""
        identity = (status.st_dev, status.st_ino)
        if identity in self._folders:
            return []
        self._folders.add(identity)
        return sorted((name for name in os.listdir(folder) if not name.startswith(".")), key=_natural)

    def _file(self, path: str, relative: str, root: str) -> None:
        real = os.path.realpath(path)
        if real not in self._real:
            self._real.add(real)
            self._take(_Found(path, relative, _base_name(root)), os.path.abspath(path))


def _split(pattern: str) -> tuple[str, str]:
    """The folder in front of the first wildcard, and the rest of a pattern."""
    parts = pattern.split("/")
    first = next(i for i, part in enumerate(parts) if _GLOB.search(part))
    base = "/".join(parts[:first])
    return base or ("/" if first else "."), "/".join(parts[first:])


def _hidden(relative: str) -> bool:
    return any(part.startswith(".") and part not in (".", "..") for part in Path(relative).parts)


def _base_name(root: str) -> str:
    return os.path.basename(os.path.abspath(root))


def _natural(path: str) -> list[tuple[list[str | int], str]]:
    """Sorts `2` before `10`, folder by folder, without regard to case."""
    return [(_numbers(part), part) for part in path.split("/")]


def _numbers(part: str) -> list[str | int]:
    pieces = _NUMBER.split(part.casefold())
    return [int(piece) if i % 2 else piece for i, piece in enumerate(pieces)]


def _named(found: Sequence[_Found]) -> Iterator[Input]:
    """The inputs with stems that are all different, also where a file system does not tell case apart."""
    found = list(found)
    while True:
        shared = _shared(item.stem() for item in found)
        meeting = [i for i, item in enumerate(found) if _key(item.stem()) in shared and _can_rise(item)]
        if not meeting:
            break
        lowest = min(found[i].level for i in meeting)
        for i in meeting:
            if found[i].level == lowest:
                found[i] = replace(found[i], level=lowest + 1)
    taken = {_key(item.stem()) for item in found}
    used: set[str] = set()
    for item in found:
        stem, number = item.stem(), 1
        while _key(stem) in used or (number > 1 and _key(stem) in taken):
            number += 1
            stem = f"{item.stem()}-{number}"
        used.add(_key(stem))
        yield Input(item.path, stem, item.stdin)


def _can_rise(item: _Found) -> bool:
    return not item.stdin and item.level < (2 if item.root else 1)


def _shared(stems: Iterable[str]) -> set[str]:
    return {key for key, count in Counter(map(_key, stems)).items() if count > 1}


def _key(stem: str) -> str:
    return unicodedata.normalize("NFC", stem).casefold()
