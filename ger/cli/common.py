"""What the commands share: options, errors and exit codes, progress."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ger.errors import GerError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.progress import Progress

    from ger.hotwords import Hotwords as HotwordsOfRun
    from ger.io.inputs import Expansion, Input

__all__ = [
    "RUN",
    "Backend",
    "Bar",
    "BatchSize",
    "BeamSize",
    "ComputeType",
    "Consistent",
    "Device",
    "Frontend",
    "HotwordModel",
    "Hotwords",
    "Inputs",
    "InputsOrSystems",
    "Language",
    "Llm",
    "LlmForm",
    "LlmPrecision",
    "Mode",
    "Model",
    "NBestSize",
    "ProfileFile",
    "Recursive",
    "Resume",
    "Rewrites",
    "Segmenter",
    "Target",
    "TaskName",
    "Threads",
    "TranslationBeams",
    "TranslationPrompt",
    "Translator",
    "Weight",
    "bar",
    "exit_codes",
    "find",
    "hotword_files",
    "progress",
    "say",
    "told",
]

Inputs = Annotated[
    list[str],
    typer.Argument(metavar="INPUT...", help="Audio or video files, folders, glob patterns, N-best .jsonl files, '-'."),
]
InputsOrSystems = Annotated[
    list[str] | None,
    typer.Argument(metavar="INPUT...", help="Audio or video files, folders, glob patterns, N-best .jsonl files, '-'."),
]
_ASR = "Recognizer"
Model = Annotated[
    list[str] | None,
    typer.Option(
        metavar="MODEL",
        help="Recognizer, \\[NAME=]\\[FRONTEND:]MODEL: a name of 'ger models ls', a hub id, a folder. Repeatable, the "
        "most trusted first.",
        rich_help_panel=_ASR,
    ),
]
Frontend = Annotated[str | None, typer.Option(help="Plug-in for models that name none.", rich_help_panel=_ASR)]
Segmenter = Annotated[str | None, typer.Option(help="Plug-in that finds the speech.", rich_help_panel=_ASR)]
Language = Annotated[
    str | None,
    typer.Option(help="Language spoken, such as en or english; detected when left out.", rich_help_panel=_ASR),
]
TaskName = Annotated[str | None, typer.Option(help="transcribe or translate.", rich_help_panel=_ASR)]
Target = Annotated[
    str | None,
    typer.Option(
        metavar="LANGUAGE", help="Language to translate into: a code or a name (default English).", rich_help_panel=_ASR
    ),
]
_MT = "Translation of what was recognized"
Translator = Annotated[
    str | None,
    typer.Option(
        metavar="[BACKEND:]MODEL",
        help="Model that translates each hypothesis: a language model, or with seq2seq: a translation model.",
        rich_help_panel=_MT,
    ),
]
TranslationPrompt = Annotated[
    str | None, typer.Option(help="Prompt of that model (default translate).", rich_help_panel=_MT)
]
TranslationBeams = Annotated[
    int | None, typer.Option(help="Translations of each hypothesis (default 1).", rich_help_panel=_MT)
]
NBestSize = Annotated[
    int | None, typer.Option("--nbest", help="Different texts in a list (default 5).", rich_help_panel=_ASR)
]
BeamSize = Annotated[
    int | None, typer.Option(help="Width of the search (default four times --nbest).", rich_help_panel=_ASR)
]
BatchSize = Annotated[
    int | None, typer.Option(help="Segments decoded together (default 8, on a GPU 16).", rich_help_panel=_ASR)
]
Hotwords = Annotated[
    list[str] | None,
    typer.Option(
        metavar="A, B",
        help="Words and phrases that may occur; or a file of them (.txt, .csv, .tsv, .toml, .toml#SET). Repeatable.",
        rich_help_panel=_ASR,
    ),
]
HotwordModel = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Model that puts in hotwords that sound like what was heard, of 'ger tune hotwords'.",
        rich_help_panel=_ASR,
    ),
]
Consistent = Annotated[
    bool,
    typer.Option(
        "--consistent",
        help="Spell names and rare words that an English recording repeats one way, in a second look at all of it.",
        rich_help_panel=_ASR,
    ),
]
_LM = "Language model"
Llm = Annotated[
    str | None,
    typer.Option(
        metavar="[BACKEND:]MODEL",
        help="Language model: a name of 'ger models ls', a hub id, a folder, such as 'ger train lm' writes, "
        "an .arpa or .bin file, the URL of a server.",
        rich_help_panel=_LM,
    ),
]
Backend = Annotated[str | None, typer.Option(help="Plug-in that runs the language model.", rich_help_panel=_LM)]
Mode = Annotated[
    str | None,
    typer.Option(help="rescore, combine, generate, hybrid, cascade, rewrite, hotwords.", rich_help_panel=_LM),
]
ProfileFile = Annotated[
    Path | None,
    typer.Option(help="Language models and weights that 'ger tune' wrote.", rich_help_panel=_LM),
]
Rewrites = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|off",
        help="What 'ger tune rewrites' has learned: done in the 1-best, or with a profile, weight, language model or "
        "adapter in texts that compete.",
        rich_help_panel=_LM,
    ),
]
Weight = Annotated[float | None, typer.Option(help="Weight of the language model, 0 to 1.", rich_help_panel=_LM)]
LlmForm = Annotated[
    str | None,
    typer.Option(help="Written form that it reads: as-is, lower, lower., sentence.", rich_help_panel=_LM),
]
LlmPrecision = Annotated[
    str | None,
    typer.Option(
        help="Its precision: float32, bfloat16, float16, with ctranslate2 int8 (default the fastest).",
        rich_help_panel=_LM,
    ),
]
RUN = "Run"
Device = Annotated[str | None, typer.Option(help="auto, cpu or cuda.", rich_help_panel=RUN)]
ComputeType = Annotated[
    str | None, typer.Option(help="Precision of the recognizer: int8, float16, float32 …", rich_help_panel=RUN)
]
Threads = Annotated[int | None, typer.Option(help="CPU threads.", rich_help_panel=RUN)]
Recursive = Annotated[bool, typer.Option(help="Search folders inside folders.", rich_help_panel=RUN)]
Resume = Annotated[bool, typer.Option(help="Leave inputs alone that an earlier run has finished.", rich_help_panel=RUN)]


def say(text: str) -> None:
    """Print a line on standard error."""
    typer.echo(text, err=True)


@contextmanager
def exit_codes() -> Iterator[None]:
    """Errors on standard error; 2 for a wrong call, 1 for everything else, 130 when interrupted."""
    try:
        yield
    except GerError as error:
        say(f"Error: {error}")
        raise typer.Exit(2 if isinstance(error, UsageError) else 1) from error
    except KeyboardInterrupt as error:
        say("Interrupted. Files that were written are complete; with -o the same command goes on from there.")
        raise typer.Exit(130) from error
    except BrokenPipeError as error:
        _drop_output()  # the reader has gone
        raise typer.Exit(1) from error
    except OSError as error:  # of files it is told by name, so this is standard output
        _drop_output()
        say(f"Error: Standard output cannot be written: {error.strerror or error}.")
        raise typer.Exit(1) from error


def told(hotwords: list[str] | None) -> HotwordsOfRun | None:
    """The hotwords of an option that may be given several times.

    Raises:
        InputError: a file cannot be read, or holds what is no hotword.
        UsageError: something is no hotword, or nothing is given.
    """
    from ger.io.hotwords import hotwords as read

    if any(not text.strip(" ,") for text in hotwords or ()):
        raise UsageError("--hotwords is empty.", "Name words and phrases, or a file of them, or leave it out.")
    return read([read(text) for text in hotwords]) if hotwords else None


def hotword_files(hotwords: list[str] | None) -> list[str]:
    """What an option with hotwords names, which may be files, without the sets that are taken of them."""
    return [name for text in hotwords or () for name in (text, text.rpartition("#")[0]) if name]


def _drop_output() -> None:
    """Do not fail again when Python flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def find(paths: list[str], *, recursive: bool, documents: bool = False, whole: bool = False) -> Expansion:
    """The inputs, see `ger.io.inputs.expand`; what cannot be used is said on standard error."""
    from ger.io.inputs import expand

    found = expand(paths, recursive=recursive, documents=documents, whole=whole)
    for problem in found.problems:
        say(f"Error: {problem}")
    return found


class Bar:
    """A progress bar; without `live` there is none to be seen."""

    def __init__(self, live: Progress | None = None) -> None:
        self._live = live

    def __call__(self, step: float) -> None:
        """Go on, by seconds of audio or by lists."""
        if self._live:
            self._live.advance(self._live.task_ids[0], step)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the bar off the terminal while something else is printed."""
        if self._live:
            self._live.stop()
        yield
        if self._live:
            self._live.start()


def progress(inputs: Iterable[Input], title: str) -> AbstractContextManager[Bar]:
    """A bar with time left over the seconds of audio."""
    return bar(_seconds(inputs) if sys.stderr.isatty() else None, title)


@contextmanager
def bar(total: float | None, title: str) -> Iterator[Bar]:
    """A bar with time left, on standard error and only on a terminal."""
    if not sys.stderr.isatty():
        yield Bar()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns: list[Any] = [TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()]
    columns += [TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()]
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as live:
        live.add_task(title, total=total)
        yield Bar(live)


def _seconds(inputs: Iterable[Input]) -> float | None:
    """Seconds of audio by the headers; what has none counts nothing."""
    from ger.errors import AudioError
    from ger.io.audio import probe

    total = 0.0
    for source in inputs:
        if source.stdin or source.lists or source.path.endswith(".jsonl"):
            continue
        try:
            total += probe(source.path).duration or 0.0
        except AudioError:
            continue  # told when its turn comes
    return total or None
