"""`ger correct`: recognize and correct, or correct N-best lists."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ger.cli import common, lists, writing

if TYPE_CHECKING:
    from ger.io.inputs import Expansion, Input
    from ger.output import OutputFolder
    from ger.pipeline import Result
    from ger.settings import Settings

__all__ = ["correct"]

_OUT = "Output"
#: Formats of which several can stand one after another on standard output.
#: Names of the format whose lines are corrected as they come on standard input.
_LINES = ("jsonl", "records")
_JOINABLE = ("txt", "same", "jsonl", "table")


def correct(
    inputs: common.InputsOrSystems = None,
    output_dir: Annotated[
        Path | None, typer.Option("--output-dir", "-o", help="Write one file an input here.", rich_help_panel=_OUT)
    ] = None,
    output_format: Annotated[
        str | None,
        typer.Option(
            "--output-format",
            "-f",
            help="table, same, txt, json, jsonl, srt, vtt, tsv, all; several with commas. "
            "same is the format of an input that is no audio. Default: with -o all, or same; else table on a terminal, "
            "and txt or same elsewhere.",
            rich_help_panel=_OUT,
        ),
    ] = None,
    in_place: Annotated[
        bool,
        typer.Option(
            help="Write what is no audio where it is; its first version stays as NAME.orig.", rich_help_panel=_OUT
        ),
    ] = False,
    diff: Annotated[
        bool,
        typer.Option("--diff", help="Print what changes in files that are no audio, as a patch.", rich_help_panel=_OUT),
    ] = False,
    changes: Annotated[
        Path | None,
        typer.Option(
            help="Write every change here, JSON Lines; 'ger apply' and 'ger revert' read it.", rich_help_panel=_OUT
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object about the run.", rich_help_panel=_OUT)
    ] = False,
    systems: lists.Systems = None,
    reference: lists.References = None,
    input_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="Format of inputs that are no audio; found out when left out. 'ger correct - --format jsonl' is a "
            "filter: a line out for each line in.",
        ),
    ] = None,
    model: common.Model = None,
    frontend: common.Frontend = None,
    language: common.Language = None,
    task: common.TaskName = None,
    nbest: common.NBestSize = None,
    beam_size: common.BeamSize = None,
    batch_size: common.BatchSize = None,
    llm: common.Llm = None,
    backend: common.Backend = None,
    mode: common.Mode = None,
    profile: common.ProfileFile = None,
    weight: common.Weight = None,
    form: common.LlmForm = None,
    llm_compute_type: common.LlmPrecision = None,
    adapter: writing.Adapter = None,
    prompt: writing.Prompt = None,
    decoding: writing.Decoding = None,
    beams: writing.Beams = None,
    examples: writing.Examples = None,
    shots: writing.Shots = None,
    select: writing.Select = None,
    tag: writing.Tag = None,
    answers: writing.Answers = None,
    gate: writing.GateFile = None,
    guard: writing.Guarding = None,
    device: common.Device = None,
    compute_type: common.ComputeType = None,
    threads: common.Threads = None,
    recursive: common.Recursive = True,
    resume: common.Resume = True,
) -> None:
    """Recognize speech and let a language model choose among the recognizer's hypotheses.

    Exit codes: 0 all done, 1 an input failed (the others are written), 2 wrong call, 130 interrupted.
    """
    with common.exit_codes():
        from ger.api import settings
        from ger.errors import UsageError
        from ger.io.formats import AUTO
        from ger.pipeline import Pipeline

        options = {
            "model": model,
            "frontend": frontend,
            "language": language,
            "task": task,
            "nbest": nbest,
            "beam_size": beam_size,
            "batch_size": batch_size,
            "llm": llm,
            "backend": backend,
            "mode": mode,
            "profile": profile,
            "weight": weight,
            "form": form,
            "llm_compute_type": llm_compute_type,
            "device": device,
            "compute_type": compute_type,
            "threads": threads,
            "adapter": adapter,
            "prompt": prompt,
            "decoding": decoding,
            "beams": beams,
            "examples": examples,
            "shots": shots,
            "select": select,
            "tag": tag,
            "answers": answers,
            "gate": gate,
            "guard": guard,
        }
        together = _together(systems, inputs)
        if together and not (mode or profile):
            options |= {"mode": "combine", "combine": "rover"}
        made = settings(**options)
        names, table = _formats(output_format, output_dir, as_json=as_json)
        if as_json and (table or (names and not output_dir)):
            raise UsageError("--json and -f both want standard output.", "Leave one out, or name a folder with -o.")
        if sum((in_place, diff, output_dir is not None)) > 1:
            raise UsageError("--in-place, --diff and -o are three ways of writing.", "Choose one.")
        found = _found(inputs, systems, reference, input_format, together, recursive=recursive)
        if systems and made.mode == "combine" and not profile:
            made = _trusted(made, found)
        if input_format in _LINES and inputs == ["-"]:
            if output_dir or as_json or names not in ([AUTO], ["jsonl"]) or table or diff or in_place or changes:
                raise UsageError("A filter writes JSON Lines to standard output.", "Leave out -o, -f and the like.")
            _filter(made)
            return
        pipeline = Pipeline(made)
        if systems and profile:
            weighed = (name for name, value in pipeline.settings.profile.weights.items() if value)
            lists.check_systems(weighed, (nbest for source in found.inputs for nbest in source.lists))
        run = _Run(
            len(found.problems),
            table=table and not diff and not in_place,
            documents=_Documents(in_place, diff, changes is not None),
        )
        todo = run.prepare(found, names, output_dir, pipeline.settings.key, resume=resume)
        with common.progress(todo, "Correcting") as progress:
            for result in pipeline.run(todo, progress):
                with progress.aside():
                    run.take(result)
        if changes:
            run.documents.write_changes(changes)
        if answers and not run.skipped:
            _tell_unused(answers, run.ids)
        run.close(as_json=as_json)
        if run.failed:
            raise typer.Exit(1)


def _found(
    paths: list[str] | None,
    systems: list[str] | None,
    reference: list[Path] | None,
    input_format: str | None,
    together: Expansion | None,
    *,
    recursive: bool,
) -> Expansion:
    """The inputs, or one made of several systems' texts."""
    from ger.errors import UsageError
    from ger.io.inputs import Expansion, Input
    from ger.registry import suggest

    if together:
        return together
    if systems:
        made = tuple(lists.read(paths, systems, reference))
        return Expansion((Input("systems", "systems", lists=made),), ())
    if reference or not paths:
        raise UsageError("Give INPUT, or --system NAME=FILE, which --reference goes with.", "See --help.")
    found = common.find(paths, recursive=recursive)
    if input_format is None:
        return found
    from ger.io.documents import FORMATS as DOCUMENTS
    from ger.io.lists import FORMATS as LISTS

    input_format = "records" if input_format in _LINES else input_format
    if input_format not in (*LISTS, *DOCUMENTS):
        hint = suggest(input_format, (*LISTS, *DOCUMENTS))
        raise UsageError(f"There is no input format called {input_format!r}.", hint)
    return replace(found, inputs=tuple(replace(source, format=input_format) for source in found.inputs))


def _filter(made: Settings) -> None:
    """Correct lines of standard input as they come."""
    from ger import __version__
    from ger.filter import correct_stream, pieces

    corrector = made.make_corrector()
    signature = f"ger {__version__} | lists | {corrector.signature}"
    counts = correct_stream(
        corrector,
        pieces(sys.stdin.buffer),
        sys.stdout.buffer,
        signature,
        lambda problem: common.say(f"Error: {problem}"),
    )
    if counts["refused"] or counts["failed"]:
        raise typer.Exit(1)


def _together(systems: list[str] | None, paths: list[str] | None) -> Expansion | None:
    """The input that documents of several systems make together; `None` where they are none."""
    from ger.errors import UsageError
    from ger.io.documents import document_in
    from ger.io.documents.systems import combined
    from ger.io.inputs import Expansion, expand

    files = lists.named(systems or [])
    found = {name: [document for file in own if (document := document_in(file))] for name, own in files.items()}
    if not files or any(len(found[name]) < len(own) for name, own in files.items()):
        return None
    if paths or any(len(own) > 1 for own in files.values()):
        raise UsageError(
            "Outputs of several systems are of one recording: one file each.", "Give no INPUT beside them."
        )
    (source,) = expand([next(iter(files.values()))[0]]).inputs
    documents = {name: own[0] for name, own in found.items()}
    first = next(iter(documents.values()))
    return Expansion((replace(source, document=(first, tuple(combined(documents, source.id)))),), ())


def _trusted(made: Settings, found: Expansion) -> Settings:
    """Settings in which each system weighs as much as it is to be trusted."""
    from ger.correct.combine import Combiner, trust

    given = [nbest for source in found.inputs for nbest in source.lists]
    given += [passage.nbest for source in found.inputs if source.document for passage in source.document[1]]
    profile = made.profile
    weights = trust(given, Combiner(profile.combine, profile.temperature))
    return replace(made, profile=profile.weighted({f"system:{name}": weight for name, weight in weights.items()}))


def _tell_unused(answers: Path, ids: set[str]) -> None:
    """Say how many recorded answers belong to nothing that was corrected."""
    from ger.io.answers import read_answers
    from ger.io.paths import printable

    unused = [key for key in read_answers(answers) if key not in ids]
    if unused:
        common.say(f"{printable(answers)}: {_count(len(unused), 'answer')} without a list, such as {unused[0]!r}.")


def _formats(given: str | None, folder: Path | None, *, as_json: bool) -> tuple[list[str], bool]:
    """Names of the formats to write, as given, and whether to show the table."""
    from ger.io.formats import AUTO, formats

    if given is None:
        terminal = sys.stdout.isatty() and not as_json
        if folder:
            return [AUTO], terminal
        return ([], True) if terminal else ([] if as_json else [AUTO], False)
    names = [name.strip().lower() for name in given.split(",")]
    rest = [name for name in names if name != "table"]
    formats(rest)  # raises where there is no such format
    return rest or ([AUTO] if folder else []), "table" in names


@dataclass(slots=True)
class _Documents:
    """What is done with documents beside writing them to a folder."""

    in_place: bool
    diff: bool
    noted: bool
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def takes(self) -> bool:
        """Whether they are not printed."""
        return self.in_place or self.diff

    def take(self, result: Result) -> dict[str, Path]:
        """Note the changes of a document, and write it in its place or print a patch, where that is wanted.

        Raises:
            OutputError: it cannot be written.
        """
        from ger.io.documents import changes
        from ger.io.documents.files import patch, replaced

        assert result.document
        assert result.recording
        made = zip(result.passages, result.recording.corrections, strict=True)
        if self.noted:
            self.rows += changes.rows(result.document, made, result.source.path)
        if not self.takes:
            return {}
        before, after = result.document.written(), result.rewritten()
        if self.diff:
            typer.echo(patch(before, after, result.source.path), nl=False)
        if self.in_place and after != before:
            replaced(Path(result.source.path), before, after)
            return {"same": Path(result.source.path)}
        return {}

    def write_changes(self, path: Path) -> None:
        """Write all changes.

        Raises:
            OutputError: the file cannot be written.
        """
        from ger.io.documents import changes
        from ger.io.output import write_atomic

        write_atomic(path, changes.lines(self.rows))


@dataclass(slots=True)
class _Run:
    """Counts, and where results go."""

    failed: int
    table: bool
    documents: _Documents
    folder: OutputFolder | None = None
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
        self, found: Expansion, names: list[str], folder: Path | None, key: str, *, resume: bool
    ) -> list[Input]:
        """Inputs to work on."""
        from ger.cli.table import ChangeTable
        from ger.errors import UsageError
        from ger.io.formats import AUTO, formats
        from ger.output import OutputFolder

        inputs = list(found.inputs)
        self.many = len(inputs) > 1
        if self.table:
            self._table = ChangeTable()
        if folder is not None:
            self.folder = OutputFolder(folder, names, key, resume=resume)
            inputs, done = self.folder.split(inputs)
            self.skipped = [source.path for source in done]
            return inputs
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
            outputs = self.folder.write(result) if self.folder else {}
            if result.document and result.recording:
                outputs |= self.documents.take(result)
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
        from ger.io.formats import AUTO, SAME, render
        from ger.io.paths import printable

        if self._table:
            self._table.add(result)
        elif self.format and result.recording:
            if self.many and self.format in ("txt", SAME, AUTO):
                typer.echo(f"==> {printable(result.source.path)} <==")
            if result.document and self.format in (SAME, AUTO):
                typer.echo(result.rewritten(), nl=False)
            else:
                typer.echo(render("txt" if self.format in (SAME, AUTO) else self.format, result.recording), nl=False)

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
        parts = [f"{_count(len(self.files), 'file')}, {_count(self.segments, 'segment')}, {self.changed} changed"]
        if self.skipped:
            parts.append(f"{len(self.skipped)} finished before")
        if self.failed:
            parts.append(f"{self.failed} with errors")
        common.say(f"{'; '.join(parts)} ({self.audio:.0f} s of audio in {seconds:.0f} s).")


def _failures(result: Result) -> int:
    """How many corrections failed."""
    return sum(made.decision == "failed" for made in result.recording.corrections) if result.recording else 0


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
