"""`ger tune rewrites`: what a recognizer writes wrong again and again, and what correcting it is worth."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from ger.cli import common, lists

__all__ = ["rewrites"]


def rewrites(
    inputs: lists.Lists = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the rewrites here (TOML).")] = None,
    systems: lists.Systems = None,
    reference: lists.References = None,
    input_format: lists.Format = None,
    harm: Annotated[float, typer.Option(help="Limit of the share of changed utterances that become worse.")] = 0.2,
    folds: Annotated[int, typer.Option(help="Parts for cross-validation.")] = 5,
    normalizer: Annotated[
        str,
        typer.Option(
            help="How words are compared: none, as they are written; basic, without case and punctuation, which stay."
        ),
    ] = "none",
    seed: Annotated[int, typer.Option(help="Of the folds.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Learn what a recognizer writes wrong again and again, from lists with references.

    Learned are phrases of up to four words, what was said in their place, and how often. Printed
    are the word error rates of the first hypotheses and of the rewritten ones, cross-validated. 'ger correct
    --rewrites' uses them, and so does 'ger tune --rewrites', with lists that they were not learned from.

    Exit codes: 0 done, 1 lists cannot be used, 2 wrong call, 130 interrupted.
    """
    with common.exit_codes():
        from ger.correct.fit_rewrites import fit_rewrites
        from ger.correct.rewrites import write_rewrites

        lists.check_output(output, *lists.files(inputs, systems, reference))
        found = lists.read(inputs, systems, reference, input_format)
        started = time.monotonic()
        fitted = fit_rewrites(found, normalizer=normalizer, harm=harm, folds=folds, seed=seed)
        value = fitted.to_json() | {"elapsed_seconds": round(time.monotonic() - started, 3)}
        try:
            typer.echo(json.dumps(value, indent=2) if as_json else fitted.render())
        finally:  # one of the two may not be writable
            if output:
                write_rewrites(output, fitted.rewrites)
