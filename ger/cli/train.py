"""`ger train`: models that learn from N-best lists."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ger.cli import lists
from ger.cli.common import exit_codes, say

if TYPE_CHECKING:
    from ger.train.recipe import RescorerRecipe
    from ger.train.rescorer import Summary, Validation

__all__ = ["app", "rescorer"]

app = typer.Typer(help="Train models on N-best lists.", no_args_is_help=True)


@app.callback()
def _train() -> None:
    pass


@app.command()
def rescorer(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="Recipe: a TOML file, see examples/recipes.")],
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the recipe; repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Train a small model to choose among hypotheses; its folder is what --lm takes.

    The same command goes on after an interruption, and does nothing when it had finished.
    """
    with exit_codes():
        from ger.train.recipe import read_rescorer
        from ger.train.settings import dump

        wanted = read_rescorer(recipe, changes or [])
        launch = shlex.join(["ger", "train", "rescorer", str(recipe), *(f"--set={change}" for change in changes or [])])
        summary = _run(wanted, dump(wanted, launch))
    typer.echo(json.dumps(summary.to_json(), ensure_ascii=False) if as_json else _told(summary))


def _run(wanted: RescorerRecipe, text: str) -> Summary:
    from ger.train.rescorer import train

    return train(lists.read(wanted.lists), wanted.options, Path(wanted.output), report=_report, recipe=text)


def _report(row: dict[str, Any]) -> None:
    held = f", validation errors {row['validation_errors']}" if "validation_errors" in row else ""
    say(f"Epoch {row['epoch']}: loss {row['loss']:.4f}{held}, {row['seconds']:.0f} s")


def _told(summary: Summary) -> str:
    rows = [f"{summary.folder}: epoch {summary.best_epoch} of {summary.epochs}, trained on {summary.trained_on} lists"]
    held = summary.validation
    if idle := summary.lists - summary.trained_on - (held.lists if held else 0):
        rows.append(
            f"{idle} lists teach nothing: all their hypotheses have as many errors, or --set max_lists left them out"
        )
    if held:
        rows.append(_rates(held))
    return "\n".join([*rows, f"Use it: ger rescore LISTS --lm {shlex.quote(summary.folder)}"])


def _rates(held: Validation) -> str:
    def rate(errors: int) -> str:
        return f"{100 * errors / held.words:.2f}" if held.words else "-"

    return (
        f"Validation ({held.lists} lists, chose the epoch): WER {rate(held.first_best)} -> {rate(held.errors)}, "
        f"oracle {rate(held.oracle)}"
    )
