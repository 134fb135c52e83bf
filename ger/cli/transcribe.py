"""`ger transcribe`: N-best lists out of audio."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ger.cli import common, lists

if TYPE_CHECKING:
    from ger.io.inputs import Input
    from ger.output import OutputFolder

__all__ = ["transcribe"]


def transcribe(
    inputs: common.Inputs,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File for the lists (default standard output).")
    ] = None,
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
        from ger.errors import OutputError
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
        found = common.find(inputs, recursive=recursive)
        read = [source.path for source in found.inputs if not source.stdin]
        read += [spec.model for spec in pipeline.settings.recognizers if spec.model]
        read += [*common.hotword_files(hotwords), *filter(None, [translation_prompt])]
        lists.check_output(output, *read)
        failed = len(found.problems)
        todo = list(found.inputs)
        parts: OutputFolder | None = None
        if output and found.inputs:
            # Finished inputs wait beside the target until all are there, so that a killed run can go on.
            parts = OutputFolder(
                output.with_name(f".{output.name}.parts"), [LISTS], pipeline.settings.key, resume=resume
            )
            todo, _ = parts.split(todo)
        broken: set[str] = set()
        with common.progress(todo, "Transcribing") as progress:
            for result in pipeline.run(todo, progress, parts.unfinished if parts else Unfinished()):
                with progress.aside():
                    if result.error:
                        common.say(f"Error: {result.error}")
                        failed += 1
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
        if output and parts:
            _join([source for source in found.inputs if source.stem not in broken], parts.folder, output)
        if failed:
            raise typer.Exit(1)


def _join(inputs: list[Input], parts: Path, output: Path) -> None:
    """Put the parts together under the final name, and remove them; without any, the target stays as it is.

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
    write_atomic(output, texts())
    shutil.rmtree(parts, ignore_errors=True)
