"""`ger transcribe`: N-best lists out of audio."""

from __future__ import annotations

import shutil
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ger.cli import common, lists
from ger.cli.results import counted
from ger.cli.unmatched import Unmatched

if TYPE_CHECKING:
    from ger.io.inputs import Input
    from ger.output import OutputFolder
    from ger.types import NBest

__all__ = ["transcribe"]


def transcribe(
    inputs: common.Inputs,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File for the lists (default standard output).")
    ] = None,
    reference: lists.References = None,
    model: common.Model = None,
    frontend: common.Frontend = None,
    segmenter: common.Segmenter = None,
    language: common.Language = None,
    task: common.TaskName = None,
    target: common.Target = None,
    translator: common.Translator = None,
    translation_prompt: common.TranslationPrompt = None,
    translation_beams: common.TranslationBeams = None,
    nbest: common.NBestSize = None,
    beam_size: common.BeamSize = None,
    batch_size: common.BatchSize = None,
    hotwords: common.Hotwords = None,
    device: common.Device = None,
    compute_type: common.ComputeType = None,
    threads: common.Threads = None,
    recursive: common.Recursive = True,
    resume: common.Resume = True,
) -> None:
    """Write the recognizer's N-best lists with scores, JSON Lines, one segment of speech a line.

    Exit codes: 0 all done, 1 an input failed (the others are written), 2 wrong call, 130 interrupted.
    """
    with common.exit_codes():
        from ger.api import settings
        from ger.errors import OutputError, UsageError
        from ger.output import LISTS, OutputFolder, lists_text
        from ger.pipeline import Pipeline
        from ger.unfinished import Unfinished

        options = {
            "model": model,
            "frontend": frontend,
            "segmenter": segmenter,
            "language": language,
            "task": task,
            "target": target,
            "translator": translator,
            "translation_prompt": translation_prompt,
            "translation_beams": translation_beams,
            "nbest": nbest,
            "beam_size": beam_size,
            "batch_size": batch_size,
            "hotwords": common.told(hotwords),
            "device": device,
            "compute_type": compute_type,
            "threads": threads,
        }
        pipeline = Pipeline(settings(**options), correct=False)
        if reference and not output:
            raise UsageError("References go to lists when all of these are there.", "Name a file for them with -o.")
        found = common.find(inputs, recursive=recursive)
        read = [source.path for source in found.inputs if not source.stdin]
        read += [spec.model for spec in pipeline.settings.recognizers if spec.model]
        read += [*common.hotword_files(hotwords), *filter(None, [translation_prompt])]
        lists.check_output(output, *read, *(reference or ()))
        references = lists.references(reference)
        if reference:
            _check_references(found.inputs, references)
        failed = len(found.problems)
        todo = list(found.inputs)
        done: list[Input] = []
        parts: OutputFolder | None = None
        if output and found.inputs:
            # Finished inputs wait beside the target until all are there, so that a killed run can go on.
            parts = OutputFolder(
                output.with_name(f".{output.name}.parts"), [LISTS], pipeline.settings.key, resume=resume
            )
            todo, done = parts.split(todo)
        broken: set[str] = set()
        partly: set[str] = set()
        unmatched = Unmatched(pipeline.settings.hotwords)
        with common.progress(todo, "Transcribing") as progress:
            for result in pipeline.run(todo, progress, parts.unfinished if parts else Unfinished()):
                with progress.aside():
                    if result.error:
                        common.say(f"Error: {result.error}")
                        failed += 1
                        partly.add(result.source.stem)
                    if result.recording is None:
                        broken.add(result.source.stem)
                    if parts:
                        try:
                            parts.write(result)
                        except OutputError as error:
                            common.say(f"Error: {error}")
                            failed += 1
                            broken.add(result.source.stem)
                    else:
                        for line in lists_text(result):
                            typer.echo(line, nl=False)
                unmatched.take(result)
        if not done:
            unmatched.tell()
        if output and parts:
            usable = [source for source in found.inputs if source.stem not in broken]
            _join(usable, parts.folder, output, references, partly)
        if failed:
            raise typer.Exit(1)


def _join(
    inputs: list[Input], parts: Path, output: Path, references: Mapping[str, str], partly: Container[str]
) -> None:
    """Put the parts together under the final name, and remove them; without any, the target stays as it is.

    Args:
        inputs: What there are parts of.
        parts: Their folder.
        output: The final name.
        references: Given to the lists that they are for.
        partly: The stems of the inputs that are not all there.

    Raises:
        OutputError: a part cannot be read, or the target not be written.
    """
    from ger.errors import OutputError
    from ger.io.output import clean_stale, write_atomic
    from ger.io.paths import printable
    from ger.output import LISTS

    if not inputs:
        with suppress(OSError):
            parts.rmdir()  # stays where an earlier run has left something to go on with
        return

    def texts() -> Iterator[str]:
        for source in inputs:
            part = Path(parts, f"{source.stem}.{LISTS}")
            try:
                yield part.read_text(encoding="utf-8")
            except (OSError, ValueError) as error:
                hint = f"Remove {printable(parts)} and run the same command again."
                raise OutputError(f"{printable(part)} cannot be read.", hint) from error

    clean_stale(output.parent)
    own = _own(zip(inputs, texts(), strict=True), references, partly) if references else {}
    write_atomic(output, (_with_references(text, own) for text in texts()))
    shutil.rmtree(parts, ignore_errors=True)


def _check_references(inputs: Sequence[Input], references: Mapping[str, str]) -> None:
    """See, before anything is recognized, that there are references of some of the recordings.

    Raises:
        InputError: there are none.
    """
    from ger.errors import InputError
    from ger.io.lists_join import NAMES, join_references, recording_of
    from ger.io.paths import utf8
    from ger.pipeline import is_audio

    ids = {source.id for source in inputs if is_audio(source)}
    found = join_references({f"{source.id}/0": utf8(source.path) for source in inputs}, references)
    if len(ids) == len(inputs) > 0 and not found.lists and ids.isdisjoint(map(recording_of, references)):
        first = next((f" It has {key!r} instead." for key in references), "")
        raise InputError(f"The reference file has no recording {inputs[0].id!r}, nor any other.{first}", NAMES)


def _own(made: Iterable[tuple[Input, str]], references: Mapping[str, str], partly: Container[str]) -> dict[str, str]:
    """References by the ids of the lists that they are for; says what has none.

    A recording of which not all could be recognized has no reference as a whole.
    """
    from ger.io.lists import join_references, recordings_of

    known: dict[str, str | None] = {}
    for source, text in made:
        paths = recordings_of(_read(text))
        known |= dict.fromkeys(paths) if source.stem in partly else paths
    joined = join_references(known, references)
    common.say(f"{counted(len(joined.own), 'list')} given a reference.")
    for ids, noun, what in (
        (joined.whole, "recording", "with several lists, which a reference of the whole is not for"),
        (joined.without, "list", "without a reference"),
        (joined.unused, "reference", "without a list"),
    ):
        if ids:
            common.say(f"{counted(len(ids), noun)} {what}, such as {next(iter(ids))!r}.")
    return {key: references[name] for key, name in joined.own.items()}


def _read(text: str) -> Iterator[NBest]:
    """The lists of a part."""
    from ger.io.jsonl import read_nbest

    return read_nbest(BytesIO(text.encode()))


def _with_references(text: str, own: Mapping[str, str]) -> str:
    """A part with the references of its lists."""
    from ger.io.jsonl import dumps

    if not own:
        return text
    made = (replace(nbest, reference=own.get(nbest.id, nbest.reference)) for nbest in _read(text))
    return "".join(f"{dumps(nbest)}\n" for nbest in made)
