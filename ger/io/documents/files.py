"""Documents as files: what changed, as a patch; and a new version in the place of the old one."""

from __future__ import annotations

import difflib
import os
from itertools import count
from pathlib import Path

from ger.errors import OutputError
from ger.io.output import write_atomic
from ger.io.paths import printable, utf8

__all__ = ["ORIGINAL", "patch", "replaced"]

#: What stands behind the name of a file's first version.
ORIGINAL = ".orig"


def patch(before: bytes, after: bytes, path: str | os.PathLike[str]) -> bytes:
    """What changed, as a unified diff; nothing where nothing did."""
    name = utf8(path).encode()
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    made = b""
    for line in difflib.diff_bytes(difflib.unified_diff, old, new, name, name):
        made += line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n"
    return made


def replaced(path: Path, before: bytes, after: bytes) -> None:
    """Write a file anew; what it held stays beside it, as `NAME.orig`, where that is not there from an earlier time.

    Where `NAME.orig` holds something else, it stays, too, and `NAME.orig.2`, `NAME.orig.3` … are looked at and made.

    Args:
        path: The file.
        before: What it held when it was read.
        after: What it shall hold.

    Raises:
        OutputError: it cannot be written, or has changed since it was read.
    """
    try:
        now = path.read_bytes()
    except OSError as error:
        raise OutputError(
            f"{printable(path)} cannot be read again: {error.strerror}.", "Check that it is still there."
        ) from error
    if now != before:
        raise OutputError(f"{printable(path)} has changed while it was corrected.", "Correct it again.")
    for number in count(1):
        kept = path.with_name(path.name + ORIGINAL + (f".{number}" if number > 1 else ""))
        if not os.path.lexists(kept):
            write_atomic(kept, before, like=path)
            break
        if _holds(kept, before):
            break
    write_atomic(path, after)


def _holds(path: Path, what: bytes) -> bool:
    try:
        return path.read_bytes() == what
    except OSError:  # a folder, for example
        return False
