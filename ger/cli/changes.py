"""`ger apply` and `ger revert`: changes that a person has looked at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ger.cli import common, lists

if TYPE_CHECKING:
    from ger.io.documents import Document

__all__ = ["apply", "revert"]

File = Annotated[Path, typer.Argument(metavar="FILE", help="Subtitles, transcripts: what 'ger correct' reads.")]
Changes = Annotated[Path, typer.Argument(metavar="CHANGES", help="What 'ger correct --changes' wrote, maybe edited.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write the file here, not to standard output; may be FILE itself.")
]
Format = Annotated[str | None, typer.Option("--format", help="Format of FILE; found out when left out.")]


def apply(file: File, changes: Changes, output: Output = None, input_format: Format = None) -> None:
    """Make the accepted changes in a file as it was: those without "accept": false."""
    with common.exit_codes():
        from ger.io.documents.changes import applied, of_file, read
        from ger.io.paths import printable

        document = _read(file, input_format)
        name = printable(changes)
        _write(applied(document, of_file(read(changes), file, name), name), output, changes)


def revert(
    file: File,
    changes: Changes,
    output: Output = None,
    input_format: Format = None,
    every: Annotated[bool, typer.Option("--all", help="Undo the accepted ones, too.")] = False,
) -> None:
    """Undo in a corrected file the changes that are not accepted: those with "accept": false."""
    with common.exit_codes():
        from ger.io.documents.changes import of_file, read, reverted
        from ger.io.paths import printable

        document = _read(file, input_format)
        name = printable(changes)
        _write(reverted(document, of_file(read(changes), file, name), name, every=every), output, changes)


def _read(file: Path, format: str | None) -> Document:
    from ger.io.documents import read_document
    from ger.io.lists import any_document

    return (None if format else any_document(file)) or read_document(file, format=format)


def _write(made: bytes, output: Path | None, changes: Path) -> None:
    from ger.io.output import write_atomic

    lists.check_output(output, str(changes))
    if output:
        write_atomic(output, made)
    else:
        typer.echo(made, nl=False)
