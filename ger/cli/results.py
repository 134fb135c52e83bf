"""Where results of `ger correct` go, and what is counted of them."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ger.cli import common

if TYPE_CHECKING:
    from ger.io.documents.change_file import ChangeFile
    from ger.io.inputs import Expansion, Input
    from ger.output import OutputFolder, Voices
    from ger.pipeline import Result
    from ger.unfinished import Unfinished

__all__ = ["Documents", "Run", "counted"]

#: Formats of which several can stand one after another on standard output.
_JOINABLE = ("txt", "same", "jsonl", "table")


@dataclass(frozen=True, slots=True)
class Documents:
    """What is done with documents beside writing them to a folder."""

    in_place: bool
    diff: bool
    changes: ChangeFile | None

    @property
    def takes(self) -> bool:
        """Whether they are not printed."""
        return self.in_place or self.diff

    def note(self, result: Result) -> None:
        """Write the changes of a document where that is wanted, before the document itself is written.

        Raises:
            OutputError: they cannot be written.
        """
        from ger.io.documents.changes import rows
        from ger.io.paths import printable

        if not self.changes:
            return
        assert result.document
        assert result.recording
        path = result.source.path
        made = zip(result.passages, result.recording.corrections, strict=True)
        own = list(rows(result.document, made, path))
        if stay := self.changes.add(result.document, path, own, in_place=self.in_place):
            common.say(f"{printable(path)}: nothing changes; {counted(stay, 'change')} of an earlier run stay.")

    def take(self, result: Result) -> dict[str, Path]:
        """Write a document in its place or print a patch, where that is wanted.

        Raises:
            OutputError: it cannot be written.
        """
        from ger.io.documents.files import patch, replaced

        assert result.document
        if not self.takes:
            return {}
        before, after = result.document.written(), result.rewritten()
        if self.diff:
            typer.echo(patch(before, after, result.source.path), nl=False)
        if self.in_place and after != before:
            replaced(Path(result.source.path), before, after)
            return {"same": Path(result.source.path)}
        return {}


@dataclass(slots=True)
class Run:
    """Counts, and where results go."""

    failed: int
    table: bool
    documents: Documents
    folder: OutputFolder | None = None
    unfinished: Unfinished | None = None
    format: str = ""
    many: bool = False
    skipped: list[str] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    segments: int = 0
    changed: int = 0
    audio: float = 0.0
    signature: str = ""
    ids: set[str] = field(default_factory=set)
    started: float = field(default_factory=time.monotonic)
    _table: Any = None

    def prepare(
        self,
        found: Expansion,
        names: list[str],
        folder: Path | None,
        key: str,
        *,
        resume: bool,
        voices: Voices | None = None,
    ) -> list[Input]:
        """Inputs to work on."""
        from ger.cli.table import ChangeTable
        from ger.errors import UsageError
        from ger.io.formats import AUTO, formats
        from ger.output import OutputFolder
        from ger.unfinished import Unfinished

        inputs = list(found.inputs)
        self.many = len(inputs) > 1
        if self.table:
            self._table = ChangeTable()
        if folder is not None:
            self.folder = OutputFolder(folder, names, key, resume=resume, voices=voices)
            self.unfinished = self.folder.unfinished
            inputs, done = self.folder.split(inputs)
            self.skipped = [source.path for source in done]
            return inputs
        self.unfinished = Unfinished()
        if names == [AUTO] or self.documents.takes:
            self.format = "" if self.documents.takes else AUTO
            return inputs
        names = formats(names)
        if len(names) + self.table > 1:
            raise UsageError("Several formats need a folder.", "Name one with -o, or choose one format.")
        if names and self.many and names[0] not in _JOINABLE:
            raise UsageError(f"The {names[0]} of several inputs needs a folder.", "Name one with -o, or use -f jsonl.")
        self.format = names[0] if names else ""
        return inputs

    def take(self, result: Result) -> None:
        """Write or print one result."""
        from ger.errors import OutputError
        from ger.io.paths import utf8

        row: dict[str, Any] = {"path": utf8(result.source.path)}
        outputs: dict[str, Path] = {}
        try:
            if result.document and result.recording:
                self.documents.note(result)
                outputs = self.documents.take(result)
            if self.folder:
                outputs |= self.folder.write(result)
        except OutputError as error:
            common.say(f"Error: {error}")
            row["error"] = str(error)
        if result.error:
            common.say(f"Error: {result.error}")
            row["error"] = str(result.error)
        self._print(result)
        self.files.append(row | {"outputs": {k: utf8(v) for k, v in outputs.items()}} | self._count(result))
        self.failed += "error" in row or _failures(result) > 0

    def _count(self, result: Result) -> dict[str, Any]:
        from ger.io.jsonl import dumps
        from ger.io.paths import printable

        if result.recording is None:
            return {}
        corrections = result.recording.corrections
        changed = sum(correction.changed for correction in corrections)
        self.ids.update(correction.id for correction in corrections)
        for correction in corrections:
            if correction.decision == "failed":
                common.say(f"Error: {printable(correction.id)}: {correction.reason}")
        self.segments += len(corrections)
        self.changed += changed
        self.audio += result.recording.duration or 0.0
        self.signature = next((correction.signature for correction in corrections), self.signature)
        row: dict[str, Any] = {
            "duration": result.recording.duration,
            "language": result.recording.language,
            "text": result.recording.text,
            "n": len(corrections),
            "changed": changed,
        }
        if self.folder is None:
            row["records"] = [json.loads(dumps(correction)) for correction in corrections]
        return row

    def _print(self, result: Result) -> None:
        from ger.io.formats import AUTO, SAME
        from ger.io.paths import printable
        from ger.output import rendered

        if self._table:
            self._table.add(result)
        elif self.format and result.recording:
            if self.many and self.format in ("txt", SAME, AUTO):
                typer.echo(f"==> {printable(result.source.path)} <==")
            name = self.format if self.format not in (SAME, AUTO) else SAME if result.document else "txt"
            text = rendered(result, [name])[name]
            for piece in [text] if isinstance(text, str | bytes) else text:
                typer.echo(piece, nl=False)

    def close(self, *, as_json: bool) -> None:
        """Say what was done: as JSON on standard output, or in a sentence on standard error."""
        seconds = time.monotonic() - self.started
        if as_json:
            value = {
                "signature": self.signature,
                "n": self.segments,
                "changed": self.changed,
                "failed": self.failed,
                "skipped": self.skipped,
                "audio_seconds": round(self.audio, 3),
                "elapsed_seconds": round(seconds, 3),
                "files": self.files,
            }
            typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
            return
        parts = [f"{counted(len(self.files), 'file')}, {counted(self.segments, 'segment')}, {self.changed} changed"]
        if self.skipped:
            parts.append(f"{len(self.skipped)} finished before")
        if self.failed:
            parts.append(f"{self.failed} with errors")
        if self.skipped and self.documents.changes and self.documents.changes.is_new:
            common.say("Changes of what was finished before are not in the file; --no-resume corrects it again.")
        common.say(f"{'; '.join(parts)} ({self.audio:.0f} s of audio in {seconds:.0f} s).")


def _failures(result: Result) -> int:
    """How many corrections failed."""
    return sum(made.decision == "failed" for made in result.recording.corrections) if result.recording else 0


def counted(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
