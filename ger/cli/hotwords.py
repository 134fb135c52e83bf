"""`ger tune hotwords`: a model of when a hotword was said, and what it is worth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ger.cli import common, lists

if TYPE_CHECKING:
    from ger.correct.hotword_reader import Reader

__all__ = ["hotwords"]


def hotwords(
    inputs: lists.Lists = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the model here (TOML).")] = None,
    systems: lists.Systems = None,
    reference: lists.References = None,
    input_format: lists.Format = None,
    lm: Annotated[
        list[str] | None,
        typer.Option(
            "--lm",
            metavar="[BACKEND:]MODEL",
            help="Learn what to make of this language model's opinion, too; as for 'ger rescore'.",
        ),
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--hotwords", metavar="A, B", help="Hotwords of all lists, or a file of them; lists may name their own."
        ),
    ] = None,
    size: Annotated[
        int, typer.Option(help="Lists without any get so many: rare words of their reference and of others.")
    ] = 100,
    least: Annotated[float, typer.Option(help="How likely a hotword has to be, whatever else speaks for it.")] = 0.3,
    loss: Annotated[
        float | None,
        typer.Option(
            help="Make the fewest errors in hotwords while a hundred other words have at most so many more, by a "
            "standard error (without: the fewest errors in all words)."
        ),
    ] = None,
    usual: Annotated[
        Path | None,
        typer.Option(
            help="A file of words that are said without being hotwords, one a line; others are doubted sooner."
        ),
    ] = None,
    folds: Annotated[int, typer.Option(help="Parts for cross-validation.")] = 5,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    device: common.Device = None,
    threads: common.Threads = None,
    batch_tokens: lists.BatchTokens = None,
) -> None:
    """Learn when a hotword was said and heard otherwise, from lists with references.

    Learned are which sounds the recognizer takes for which, beside what is known of others, and what speaks for a
    hotword. Printed are the error rates of the first hypotheses and of the texts with hotwords put in, cross-validated:
    of all words, of hotwords, of the others. With '--lm' it is also learned what to make of a language model that reads
    the texts with and without a hotword. '--hotword-model' of 'ger correct', 'rescore' and 'serve' uses the model.

    Exit codes: 0 done, 1 lists cannot be used, 2 wrong call, 130 interrupted.
    """
    with common.exit_codes():
        from ger.correct.fit_hotwords import fit_hotwords
        from ger.correct.hotword_model import default, write_model
        from ger.correct.made_up_hotwords import with_made_up
        from ger.errors import UsageError
        from ger.io.hotwords import read_words

        if size < 1:
            raise UsageError(f"--size is {size}.", "Use 1 or more.")
        if not 0 < least < 1:
            raise UsageError(f"--least is {least}.", "Use a probability, between 0 and 1.")
        if loss is not None and not 0 <= loss <= 100:
            raise UsageError(f"--loss is {loss}.", "Use a number of errors a hundred words, such as 0.03.")
        options = {"device": device, "threads": threads, "batch_tokens": batch_tokens}
        if not lm and (unused := next((name for name, value in options.items() if value is not None), None)):
            raise UsageError(f"--{unused.replace('_', '-')} has no effect without --lm.", "Leave it out.")
        read = [*lists.files(inputs, systems, reference), *common.hotword_files(given), *lists.models(lm)]
        lists.check_output(output, *read, *filter(None, [usual]))
        found = lists.read(inputs, systems, reference, input_format)
        run, words = common.told(given), read_words(usual) if usual else frozenset()
        reader = _reader(lm, options) if lm else None
        if not run:
            found = with_made_up(found, size, seed)
        with common.bar(len(found) * (2 if reader else 1), "Looking") as bar:
            fitted = fit_hotwords(
                found,
                run,
                known=default(),
                reader=reader,
                least=least,
                loss=loss,
                usual=words,
                folds=folds,
                seed=seed,
                progress=bar,
            )
        try:
            typer.echo(json.dumps(fitted.to_json(), indent=2) if as_json else fitted.render())
        finally:  # one of the two may not be writable
            if output:
                write_model(output, fitted.model)


def _reader(lm: list[str], options: dict[str, Any]) -> Reader:
    """What reads the texts, as `ger rescore` with this model would."""
    from ger.api import settings
    from ger.correct.hotword_reader import Reader
    from ger.errors import UsageError

    if len(lm) > 1:
        raise UsageError("--lm is given several times, and one language model reads hotwords.", "Name one.")
    made = settings(lms=lm, mode="rescore", **options)
    (model,) = made.make_lms().values()
    return Reader(model, made.profile)
