"""The command `ger`: one small module a command."""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

from ger import __version__
from ger.cli import data, lm, models, plugins, prompts, train
from ger.cli.changes import apply, revert
from ger.cli.convert import convert
from ger.cli.correct import correct
from ger.cli.doctor import doctor
from ger.cli.rescore import rescore
from ger.cli.score import score
from ger.cli.serve import serve
from ger.cli.transcribe import transcribe
from ger.cli.tune import Tune, tune
from ger.memory import few_arenas

__all__ = ["app", "main"]

app = typer.Typer(
    name="ger",
    help="Better transcripts: a language model chooses among a speech recognizer's hypotheses.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # --batch_size is --batch-size
    context_settings={
        "token_normalize_func": lambda token: token.replace("_", "-"),
        "help_option_names": ["-h", "--help"],
    },
)


@app.callback()
def _ger(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=lambda value: _version(value)),
    ] = False,
) -> None:
    pass


def _version(value: bool) -> None:
    if value:
        typer.echo(f"ger {__version__}")
        raise typer.Exit


app.command()(correct)
app.command()(transcribe)
app.command()(rescore)
app.command(cls=Tune)(tune)
app.command()(score)
app.command()(convert)
app.command()(apply)
app.command()(revert)
app.command()(serve)
app.add_typer(lm.app, name="lm")
app.add_typer(data.app, name="data")
app.add_typer(train.app, name="train")
app.add_typer(models.app, name="models")
app.add_typer(plugins.app, name="plugins")
app.add_typer(prompts.app, name="prompts")
app.command()(doctor)


def main() -> None:
    """Run the command line."""
    few_arenas()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # half surrogates and narrow terminals end no run
    app()
