"""Writing results so that a half-written one is never seen."""

from __future__ import annotations

import errno
import itertools
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ger.errors import OutputError
from ger.io.paths import printable

__all__ = ["check_writable", "clean_stale", "mapped", "write_atomic"]

_TEMPORARY = re.compile(r"\..+\.(\d+)(-\d+)?\.ger-tmp", re.DOTALL)
_COUNTER = itertools.count()
_MINE: set[str] = set()

_HINTS = {
    errno.ENOSPC: "The disk is full: free some space or write to another folder.",
    errno.EDQUOT: "Your disk quota is used up: free some space or write to another folder.",
    errno.EFBIG: "The file would be larger than this system or user may write (see: ulimit -f).",
    errno.EACCES: "You may not write there: change the permissions or choose another folder.",
    errno.EPERM: "You may not write there: change the permissions or choose another folder.",
    errno.EROFS: "That file system is read-only: choose another folder.",
    errno.EISDIR: "A folder of that name is in the way: move it or choose another folder.",
    errno.ENOTDIR: "A file stands where a folder should be: move it or choose another folder.",
    errno.EEXIST: "A file stands where a folder should be: move it or choose another folder.",
    errno.ENAMETOOLONG: "The name is too long for that file system: rename the input.",
}


def write_atomic(
    path: str | os.PathLike[str],
    text: str | bytes | Iterable[str] | Iterable[bytes],
    *,
    like: str | os.PathLike[str] | None = None,
) -> None:
    """Write a text file in UTF-8: afterwards the whole text is there, or what was there before.

    The text goes to a hidden file beside the target, to disk, and then takes the target's name. Missing folders are
    made. A symbolic link is followed; a device or pipe is written directly. Half surrogates, which UTF-8 has no form
    for, are written as `\\udcff`, the way JSON writes them. A target that was there keeps its permissions.

    Args:
        path: The target.
        text: The text, or its bytes, or its pieces in order; an error while they are made leaves the target as it was.
        like: A file whose permissions a new target gets.

    Raises:
        OutputError: the file cannot be written; nothing is left behind.
    """
    pieces: Iterable[str | bytes] = [text] if isinstance(text, str | bytes) else text
    with mapped(path):
        special = _special(Path(path))
        target = Path(os.path.realpath(path))
        if not special:
            target.parent.mkdir(parents=True, exist_ok=True)
    if special:
        _write(Path(path), path, pieces)
        return
    temporary = _temporary(target)
    _MINE.add(temporary.name)
    try:
        _write(temporary, path, pieces, sync=True, mode=_mode(target) or (_mode(like) if like else None))
        with mapped(path):
            temporary.replace(target)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        _MINE.discard(temporary.name)


def check_writable(path: str | os.PathLike[str]) -> None:
    """See, before anything is done, that `write_atomic` may write a file: its folder is there, or can be made.

    Raises:
        OutputError: it cannot be written.
    """
    with mapped(path):
        special = _special(Path(path))
        place = Path(path) if special else _existing(Path(os.path.realpath(path)).parent)
        if not special and not place.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        wanted = os.W_OK if special else os.W_OK | os.X_OK
        if not os.access(place, wanted, effective_ids=os.access in os.supports_effective_ids):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(place for place in (folder, *folder.parents) if place.exists() or place == place.parent)


def clean_stale(folder: str | os.PathLike[str]) -> list[Path]:
    """Remove what killed runs left half-written in a folder (not below it); files of running programs stay.

    Returns:
        The removed files. What cannot be removed is left, without an error.
    """
    removed: list[Path] = []
    with suppress(OSError):
        for name in sorted(os.listdir(folder)):
            match = _TEMPORARY.fullmatch(name)
            if match is None or _in_use(name, int(match[1])):
                continue
            with suppress(OSError):
                Path(folder, name).unlink()
                removed.append(Path(folder, name))
    return removed


@contextmanager
def mapped(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn errors of the operating system into ours.

    Args:
        path: What is written, for messages.

    Raises:
        OutputError: instead of any of them.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        hint = _HINTS.get(error.errno or 0, "Check the name and its folder.")
        raise OutputError(f"{printable(path)} cannot be written: {reason}.", hint) from error
    except ValueError as error:
        raise OutputError(f"{printable(path)} cannot be written: {error}.", "Check the name.") from error


def _temporary(target: Path) -> Path:
    # A file name has at most 255 bytes; 50 characters have at most 200.
    name = target.name if len(os.fsencode(target.name)) <= 200 else target.name[:50]
    return target.with_name(f".{name}.{os.getpid()}-{next(_COUNTER)}.ger-tmp")


def _special(target: Path) -> bool:
    """Whether something other than a regular file or a folder has that name."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder")
    return not stat.S_ISREG(mode)


def _mode(path: str | os.PathLike[str]) -> int | None:
    """The permissions of a file, if there is one."""
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except OSError:
        return None


def _write(
    file_path: Path,
    path: str | os.PathLike[str],
    pieces: Iterable[str | bytes],
    *,
    sync: bool = False,
    mode: int | None = None,
) -> None:
    """Write the pieces to a file; errors of the pieces themselves pass through, the file's name the target `path`."""
    with mapped(path):
        file = file_path.open("wb")
    try:
        if mode is not None:
            with suppress(OSError):  # not every file system has permissions
                file_path.chmod(mode)
        for piece in pieces:
            with mapped(path):
                file.write(piece if isinstance(piece, bytes) else piece.encode("utf-8", "backslashreplace"))
        with mapped(path):
            file.flush()
            if sync:
                os.fsync(file.fileno())
    finally:
        with suppress(OSError):  # a failed write has been reported, and closing would try it again
            file.close()


def _in_use(name: str, process: int) -> bool:
    """Whether a running program may still be writing a temporary file."""
    if process == os.getpid():
        return name in _MINE
    if os.name == "posix":
        try:
            os.kill(process, 0)
        except (ProcessLookupError, OverflowError):
            return False
        except PermissionError:  # it runs, as another user
            return True
    return True
