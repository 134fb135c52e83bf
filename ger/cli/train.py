"""`ger train`: models that learn from N-best lists."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ger.cli import lists
from ger.cli.common import Bar, bar, exit_codes, say
from ger.io.paths import printable

if TYPE_CHECKING:
    from ger.train.h2t_recipe import H2TOptions, H2TRecipe
    from ger.train.lm_recipe import Ids, LmRecipe
    from ger.train.recipe import RescorerRecipe
    from ger.train.work import Fluency, Summary, Validation
    from ger.types import NBest

__all__ = ["app", "h2t", "lm", "merge", "rescorer"]

app = typer.Typer(help="Train models on N-best lists and texts.", no_args_is_help=True)

Recipe = Annotated[Path, typer.Argument(metavar="RECIPE", help="Recipe: a TOML file, see examples/recipes.")]
Changes = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the recipe; repeatable.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

#: Seconds between the lines of a log that is no terminal.
_PAUSE = 60.0
#: What of an epoch is told.
_MEASURED = {"validation_wer": "WER", "validation_perplexity": "perplexity"}


@app.command()
def h2t(recipe: Recipe, changes: Changes = None, as_json: AsJson = False) -> None:
    """Train a language model to write the transcript from N-best lists; its folder is what --adapter takes.

    The same command goes on after an interruption, and does nothing when it had finished.
    """
    with exit_codes():
        from ger.train.h2t_recipe import H2TRecipe
        from ger.train.settings import dump, read

        wanted = read(recipe, H2TRecipe, changes or [])
        summary = _train_h2t(wanted, dump(wanted, _launch("h2t", recipe, changes)))
    if as_json:
        typer.echo(json.dumps(summary.to_json(), ensure_ascii=False))
        return
    use = f"ger correct LISTS --mode generate --adapter {shlex.quote(summary.folder)}"
    typer.echo(
        _told(
            summary, "are left out: no hypotheses, an empty reference, or more than max_lists and validation_lists", use
        )
    )


@app.command()
def lm(recipe: Recipe, changes: Changes = None, as_json: AsJson = False) -> None:
    """Adapt a language model to your texts; its folder is what --lm takes. (N-gram models: ger lm train.)

    The same command goes on after an interruption, and does nothing when it had finished.
    """
    with exit_codes():
        from ger.train.lm_recipe import LmRecipe
        from ger.train.settings import dump, read

        wanted = read(recipe, LmRecipe, changes or [])
        summary = _train_lm(wanted, dump(wanted, _launch("lm", recipe, changes)))
    if as_json:
        made = summary.to_json()
        typer.echo(json.dumps({"folder": made["folder"], "texts": made.pop("lists")} | made, ensure_ascii=False))
        return
    held = summary.validation
    rows = _outcome(summary, "texts", held.texts if held else 0, "are empty, or among those to judge by")
    if held:
        rows.append(
            f"Validation ({held.texts} texts, chose the epoch): perplexity a word {held.before:.1f} -> "
            f"{held.perplexity:.1f}"
        )
    form = "" if wanted.options.form == "sentence" else f" --form {wanted.options.form}"
    rows.append(f"Use it: ger tune LISTS --lm {shlex.quote(summary.folder)}{form} -o profile.toml")
    typer.echo("\n".join(rows))


@app.command()
def merge(
    adapter: Annotated[
        Path, typer.Argument(metavar="ADAPTER", help="Folder that 'ger train h2t' or 'ger train lm' wrote.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write, new or empty.")],
    model: Annotated[str, typer.Option(help="The model, where it is not the one of the training.")] = "",
) -> None:
    """Put an adapter into the weights of its model: a folder for --llm or --lm, and any program that reads models."""
    with exit_codes():
        from ger.train.merge import merge as merged

        merged(adapter, output, model)
    typer.echo(f"{output}: the model with the adapter in its weights")


@app.command()
def rescorer(recipe: Recipe, changes: Changes = None, as_json: AsJson = False) -> None:
    """Train a small model to choose among hypotheses; its folder is what --lm takes.

    The same command goes on after an interruption, and does nothing when it had finished.
    """
    with exit_codes():
        from ger.train.recipe import read_rescorer
        from ger.train.settings import dump

        wanted = read_rescorer(recipe, changes or [])
        summary = _train_rescorer(wanted, dump(wanted, _launch("rescorer", recipe, changes)))
    if as_json:
        typer.echo(json.dumps(summary.to_json(), ensure_ascii=False))
        return
    idle = "teach nothing: all their hypotheses have as many errors, or --set max_lists left them out"
    typer.echo(_told(summary, idle, f"ger rescore LISTS --lm {shlex.quote(summary.folder)}"))


def _launch(command: str, recipe: Path, changes: Sequence[str] | None) -> str:
    return shlex.join(["ger", "train", command, str(recipe), *(f"--set={change}" for change in changes or [])])


def _train_h2t(wanted: H2TRecipe, text: str) -> Summary[Validation]:
    from ger.train.h2t import train
    from ger.train.prefer import lesson_of

    found = _tagged(wanted.lists)
    held = [nbest for lists in _tagged(wanted.validation_files).values() for nbest in lists]
    with bar(1.0, "Training") as shown:
        return train(
            [nbest for lists in found.values() for nbest in lists],
            _on_its_model(wanted),
            Path(wanted.output),
            held=held,
            report=_Told(shown),
            recipe=text,
            files={name: len(lists) for name, lists in found.items()},
            lesson=lesson_of(wanted, lambda done, of: say(f"Candidates of {done} of {of} lists")),
        )


def _train_lm(wanted: LmRecipe, text: str) -> Summary[Fluency]:
    from ger.train.lm import train

    texts, files = _texts(wanted.texts, wanted.ids)
    held = _texts(wanted.validation_files, wanted.ids)[0] if wanted.validation_files else None
    with bar(1.0, "Training") as shown:
        return train(
            texts, wanted.options, Path(wanted.output), held=held, report=_Told(shown), recipe=text, files=files
        )


def _texts(files: Sequence[str], ids: Ids) -> tuple[dict[str, str], dict[str, int]]:
    """Texts of files, by file and id, and how many are in each."""
    from ger.io.lists import read_texts

    keyed = {"auto": None, "yes": True, "no": False}[ids]
    found = {file: read_texts(file, ids=keyed, reference=True) for file in files}
    texts = {f"{printable(file)}, {key}": text for file, own in found.items() for key, text in own.items()}
    return texts, {file: len(own) for file, own in found.items()}


def _on_its_model(wanted: H2TRecipe) -> H2TOptions:
    """The options; an adapter to go on from names the model where the recipe does not."""
    from dataclasses import replace

    from ger.train.adapter import base_of

    if wanted.options.model or not wanted.start:
        return wanted.options
    return replace(wanted.options, model=base_of(wanted.start))


def _tagged(entries: Sequence[str]) -> dict[str, list[NBest]]:
    """The lists of files, with their task where the entry is TASK=FILE; ids that are in several get the file in front.

    Raises:
        InputError: a file cannot be read, or there are no lists in it.
    """
    from dataclasses import replace

    found: dict[str, list[NBest]] = {}
    for entry in entries:
        task, file = ("", entry) if Path(entry).exists() or "=" not in entry else entry.split("=", 1)
        own = lists.read([file])
        found[entry] = [replace(nbest, meta={**nbest.meta, "task": task}) for nbest in own] if task else own
    ids = [nbest.id for own in found.values() for nbest in own]
    if len(set(ids)) == len(ids):
        return found
    return {entry: [replace(nbest, id=f"{entry}:{nbest.id}") for nbest in own] for entry, own in found.items()}


class _Told:
    """What is said of a training: a bar on a terminal, else a line now and then, and one for each epoch."""

    def __init__(self, shown: Bar) -> None:
        self._bar, self._said, self._share = shown, time.monotonic(), 0.0

    def __call__(self, row: dict[str, Any]) -> None:
        if "step" in row:
            self._bar(row["step"] / row["of"] - self._share)
            self._share = row["step"] / row["of"]
            if sys.stderr.isatty() or time.monotonic() - self._said < _PAUSE:
                return
            self._said = time.monotonic()
            say(f"Step {row['step']} of {row['of']}: loss {row['loss']:.4f}, {_left(row)} left")
            return
        held = "".join(f", validation {told} {row[key]:.2f}" for key, told in _MEASURED.items() if key in row)
        with self._bar.aside():
            say(f"Epoch {row['epoch']}: loss {row['epoch_loss']:.4f}{held}, {row['seconds']:.0f} s")


def _left(row: dict[str, Any]) -> str:
    """About how long the rest takes."""
    minutes = row["seconds"] / row["step"] * (row["of"] - row["step"]) / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def _train_rescorer(wanted: RescorerRecipe, text: str) -> Summary[Validation]:
    from ger.train.rescorer import train

    return train(lists.read(wanted.lists), wanted.options, Path(wanted.output), report=_report, recipe=text)


def _report(row: dict[str, Any]) -> None:
    held = f", validation errors {row['validation_errors']}" if "validation_errors" in row else ""
    say(f"Epoch {row['epoch']}: loss {row['loss']:.4f}{held}, {row['seconds']:.0f} s")


def _told(summary: Summary[Validation], idle: str, use: str) -> str:
    held = summary.validation
    rows = _outcome(summary, "lists", held.lists if held else 0, idle)
    if held:
        rows.append(_rates(held))
    return "\n".join([*rows, f"Use it: {use}"])


def _outcome(summary: Summary[Any], what: str, held: int, idle: str) -> list[str]:
    """What was trained on, and why not on the rest."""
    rows = [f"{summary.folder}: epoch {summary.best_epoch} of {summary.epochs}, trained on {summary.trained_on} {what}"]
    if unused := summary.lists - summary.trained_on - held:
        rows.append(f"{unused} {what} {idle}")
    return rows


def _rates(held: Validation) -> str:
    def rate(errors: int) -> str:
        return f"{100 * errors / held.words:.2f}" if held.words else "-"

    return (
        f"Validation ({held.lists} lists, chose the epoch): WER {rate(held.first_best)} -> {rate(held.errors)}, "
        f"oracle {rate(held.oracle)}"
    )
