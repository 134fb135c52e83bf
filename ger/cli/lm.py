"""`ger lm`: make language models."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ger.cli.common import exit_codes, say
from ger.cli.lists import check_output
from ger.errors import ModelError, OutputError, UsageError
from ger.io.paths import printable

if TYPE_CHECKING:
    from ger.lm.ngram import NGramModel

__all__ = ["app", "train"]

app = typer.Typer(help="Make language models.", no_args_is_help=True)

_FORMATS = ("arpa", "binary")


@app.callback()
def _lm() -> None:
    pass


@app.command()
def train(
    texts: Annotated[
        list[str],
        typer.Argument(metavar="TEXT...", help="Sentences, one a line; or lists, whose references are taken; '-'."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The model file, such as lm.arpa.")],
    order: Annotated[int, typer.Option(help="Words in the longest n-grams, 2 to 6.")] = 3,
    normalizer: Annotated[
        str, typer.Option(help="What the text goes through first; texts to be scored go through the same.")
    ] = "basic",
    file_format: Annotated[
        str, typer.Option("--format", help="arpa, or binary (needs KenLM's program build_binary).")
    ] = "arpa",
    ids: Annotated[
        bool | None, typer.Option(help="Whether lines of text begin with ids; found out when left out.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was made as JSON.")] = False,
) -> None:
    """Estimate an n-gram model: interpolated modified Kneser-Ney smoothing, no n-gram left out."""
    from ger.lm.ngram import Note
    from ger.lm.ngram import train as estimate

    with exit_codes():
        check_output(output, *texts)
        tool = _build_binary(file_format)
        text = _Text(texts, normalizer, ids)
        model = estimate(text.sentences(), order)
        # The note first: a model is never there without it.
        Note(normalizer, order, text.count, text.words).write(output)
        if tool:
            _write_binary(model, output, tool)
        else:
            model.write(output)
    made = {"path": str(output), "normalizer": normalizer, "sentences": text.count, "words": text.words}
    if as_json:
        typer.echo(json.dumps(made | {"ngrams": model.counts()}))
    else:
        ngrams = " + ".join(map(str, model.counts()))
        say(f"{printable(output)}: {ngrams} n-grams of {text.count} sentences, {text.words} words.")


class _Text:
    """Training text, and how much of it there was."""

    def __init__(self, paths: Iterable[str], normalizer: str, ids: bool | None) -> None:
        self._paths = paths
        self._normalizer = normalizer
        self._ids = ids
        self.count = 0
        self.words = 0

    def sentences(self) -> Iterator[list[str]]:
        """Normalized words of every sentence that has some."""
        from ger.io.lists import read_texts
        from ger.text.normalize import normalize

        for path in self._paths:
            for text in read_texts(path, ids=self._ids, reference=True).values():
                if words := normalize(text, self._normalizer).split():
                    self.count += 1
                    self.words += len(words)
                    yield words


def _build_binary(file_format: str) -> str | None:
    """Where KenLM's program is, if it is needed."""
    if file_format not in _FORMATS:
        raise UsageError(f"There is no model format called {file_format!r}.", f"Use one of: {', '.join(_FORMATS)}.")
    if file_format == "arpa":
        return None
    tool = shutil.which("build_binary")
    if tool is None:
        raise UsageError(
            "KenLM's program build_binary is not on the path.",
            "Build it (https://github.com/kpu/kenlm), or use --format arpa, which is read as well.",
        )
    return tool


def _write_binary(model: NGramModel, output: Path, tool: str) -> None:
    """Let KenLM make a binary, which takes its name when it is complete."""
    with tempfile.TemporaryDirectory(prefix=".", dir=output.parent) as folder:
        arpa, binary = Path(folder) / "lm.arpa", Path(folder) / "lm.bin"
        model.write(arpa)
        done = subprocess.run([tool, arpa, binary], capture_output=True, text=True, errors="replace", check=False)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise ModelError(f"build_binary could not make {printable(output)}: {reason}")
        try:
            binary.replace(output)
        except OSError as error:
            raise OutputError(f"{printable(output)} cannot be written: {error.strerror}.") from error
