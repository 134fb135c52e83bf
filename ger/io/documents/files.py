"""Documents as files: what changed, as a patch; and a new version in the place of the old one."""

from __future__ import annotations

import difflib
import os
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
    """Write a file anew; its first version stays beside it, also when it is written several times.

    Args:
        path: The file.
        before: What it held when it was read.
        after: What it shall hold.

    Raises:
        OutputError: it cannot be written, or has changed since it was read.
    """
    original = path.with_name(path.name + ORIGINAL)
    if path.read_bytes() != before:
        raise OutputError(f"{printable(path)} has changed while it was corrected.", "Correct it again.")
    if not original.exists():
        write_atomic(original, before)
    write_atomic(path, after)
