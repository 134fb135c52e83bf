"""`ger convert`: from one format to another."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ger.cli import common, lists

if TYPE_CHECKING:
    from ger.io.documents import Document
    from ger.types import NBest

__all__ = ["convert"]

_SUFFIXES = {".txt": "txt", ".jsonl": "records", ".srt": "srt", ".vtt": "vtt", ".tsv": "tsv", ".ctm": "ctm"}
_SUFFIXES |= {".stm": "stm", ".json": "json", ".text": "kaldi", ".nlp": "nlp"}


def convert(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="Subtitles, transcripts, N-best lists; '-' for standard input.")
    ],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write; '-' for standard output.")],
    from_format: Annotated[
        str | None, typer.Option("--from", "--format", help="Format of IN; found out when left out.")
    ] = None,
    to_format: Annotated[
        str | None,
        typer.Option(
            "--to",
            help="records, hyporadise, mlm-scoring or agwer (N-best lists), txt, json, jsonl (corrections), srt, vtt, "
            "tsv, ctm, stm, seglst, kaldi, nlp; else by the name of OUT.",
        ),
    ] = None,
    nbest: Annotated[int, typer.Option(help="Texts of a lattice.")] = 10,
    acoustic_scale: Annotated[
        float, typer.Option(help="What acoustic scores of Kaldi's lattices are multiplied by; most recipes use 0.1.")
    ] = 1.0,
    words: Annotated[
        Path | None, typer.Option(help="Words by number, for lattices (else words.txt beside IN).")
    ] = None,
) -> None:
    """Write what a recognizer has written in another format.

    Hypotheses beside the first are kept in N-best lists only, word times where a format has them. A file that is to be
    in the format that it has is written as it is.
    """
    with common.exit_codes():
        from ger.correct.outcome import as_it_was
        from ger.errors import UsageError
        from ger.io.documents.passages import unit_lists
        from ger.io.formats import FORMATS, SCORING, Recording, render
        from ger.io.lists import Beside, read_lists
        from ger.io.lists_write import WRITERS
        from ger.io.output import write_atomic
        from ger.io.paths import printable
        from ger.registry import suggest

        known = (*WRITERS, *FORMATS, *SCORING)
        wanted = to_format or _SUFFIXES.get(target.suffix.lower(), "")
        if wanted not in known:
            if to_format:
                raise UsageError(f"There is no output format called {to_format!r}.", suggest(to_format, known))
            hint = f"Name one with --to: {', '.join(known)}."
            raise UsageError(f"{printable(target)} does not tell by its name which format to write.", hint)
        lists.check_output(None if str(target) == "-" else target, source, *filter(None, [words]))
        if nbest < 1 or not acoustic_scale > 0:
            raise UsageError("--nbest has to be 1 or more, --acoustic-scale above 0.", "Correct them.")
        document = _document(source, from_format)
        text: str | bytes
        if document and document.format == wanted:
            text = document.written()
        else:
            beside = Beside(words=words, count=nbest, acoustic_scale=acoustic_scale)
            if document:
                found: Iterable[NBest] = unit_lists(document, "stdin" if str(source) == "-" else source.stem)
            else:
                found = read_lists(str(source), format=from_format, beside=beside)
            if wanted in WRITERS:
                text = "".join(WRITERS[wanted](found))
            else:
                corrections = tuple(as_it_was(nbest, "converted") for nbest in found)
                text = render(wanted, Recording(str(source), corrections=corrections))
        if str(target) == "-":
            typer.echo(text, nl=False)
        else:
            write_atomic(target, text)


def _document(source: Path, given: str | None) -> Document | None:
    from ger.io.documents import FORMATS as DOCUMENTS
    from ger.io.lists import any_document

    return any_document(source, given or "") if given in (None, *DOCUMENTS) else None
