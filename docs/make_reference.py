"""Write the command line part of reference.md: what `ger … --help` prints on a terminal of 80 columns.

python docs/make_reference.py            write it
python docs/make_reference.py --check    exit code 1 when the file is not what would be written
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["commands", "main", "rendered"]

REFERENCE = Path(__file__).with_name("reference.md")
BEGIN = "<!-- made by docs/make_reference.py: begin -->\n"
END = "<!-- made by docs/make_reference.py: end -->\n"


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command and group of commands, each before those in it."""
    yield path
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*path, name))


def rendered() -> str:
    """The help of every command as Markdown."""
    # Typer reads some of these when it is imported.
    for name in ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "TERMINAL_WIDTH"):
        os.environ.pop(name, None)
    import typer.main
    from typer.testing import CliRunner

    from ger.cli import app

    runner = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"})
    parts = []
    for path in commands(typer.main.get_command(app)):
        text = runner.invoke(app, [*path, "--help"], prog_name="ger", catch_exceptions=False).output
        lines = "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")
        parts.append(f"### `{' '.join(['ger', *path])}`\n\n```text\n{lines}\n```\n")
    return "\n".join(parts)


def main() -> int:
    """Write or check; the exit status."""
    before = REFERENCE.read_text(encoding="utf-8")
    head, _, rest = before.partition(BEGIN)
    _, _, tail = rest.partition(END)
    after = f"{head}{BEGIN}\n{rendered()}\n{END}{tail}"
    if "--check" not in sys.argv[1:]:
        REFERENCE.write_text(after, encoding="utf-8")
    elif before != after:
        sys.stderr.write("docs/reference.md is not current. Run: python docs/make_reference.py\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
