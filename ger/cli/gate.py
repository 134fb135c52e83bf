"""`ger tune gate`: a learned model that accepts or refuses each edit of a corrector, and what it is worth."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ger.cli import common, lists

if TYPE_CHECKING:
    from ger.lm.select import LmSpec
    from ger.protocols import Answer, LanguageModel
    from ger.text.form import Form
    from ger.types import NBest

__all__ = ["answers", "gate"]

_LM = "Language model"


def gate(
    inputs: lists.Lists = None,
    answer_files: Annotated[
        list[Path] | None,
        typer.Option(
            "--answers",
            metavar="FILE",
            help='Recorded answers of the corrector: JSON Lines of {"id", "text"}, records of ger correct, Kaldi text; '
            "repeatable.",
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the gate here (TOML).")] = None,
    systems: lists.Systems = None,
    reference: lists.References = None,
    input_format: lists.Format = None,
    sources: Annotated[
        str | None,
        typer.Option(
            help="Where edits come from: answer, list (the other hypotheses), both "
            "(default answer, without answers list)."
        ),
    ] = None,
    trained: Annotated[
        bool, typer.Option(help="The answers are those of a model trained on lists: numbers and negations may change.")
    ] = False,
    confidence: Annotated[float, typer.Option(help="How sure it has to be that errors become fewer, 0.5 to 1.")] = 0.95,
    harm: Annotated[float, typer.Option(help="Limit of the share of changed utterances that become worse.")] = 0.2,
    folds: Annotated[int, typer.Option(help="Parts for cross-validation.")] = 5,
    normalizer: Annotated[
        str, typer.Option(help="Normalizer under which words are compared: none, basic, whisper-english.")
    ] = "none",
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    lm: Annotated[
        str | None,
        typer.Option(
            "--lm",
            metavar="[BACKEND:]MODEL",
            help="A language model that judges each edit, too; whoever uses the gate needs it.",
            rich_help_panel=_LM,
        ),
    ] = None,
    form: lists.Form = None,
    llm_compute_type: lists.LlmPrecision = None,
    device: common.Device = None,
    threads: common.Threads = None,
    batch_tokens: lists.BatchTokens = None,
) -> None:
    """Learn which corrections to accept, from lists with references and a corrector's answers to them.

    Printed are the word error rates of the first hypotheses, of the answers as they are, and of what the gate lets
    through: cross-validated, each list judged by a gate that was made without it. Where no gate makes errors fewer
    surely enough, the one that is written accepts nothing.

    Exit codes: 0 done, 1 lists or answers cannot be used, 2 wrong call, 130 interrupted.
    """
    with common.exit_codes():
        from dataclasses import replace

        from ger.correct.fit_gate import fit_gate
        from ger.correct.gate import write_gate
        from ger.correct.guard import Guard

        answered = list(map(str, answer_files or ()))
        judges = lists.models([lm] if lm else None)
        lists.check_output(output, *lists.files(inputs, systems, reference), *answered, *judges)
        found = lists.read(inputs, systems, reference, input_format)
        given = answers(answer_files, found) if answer_files else None
        started = time.monotonic()
        spec, model, read_as = _model(lm, form, llm_compute_type, device, threads, batch_tokens)
        with common.bar(len(found), "Judging") as bar:
            fitted = fit_gate(
                found,
                given,
                sources=sources,  # type: ignore[arg-type]  # checked there
                guard=Guard.behind(trained),
                lm=model,
                form=read_as,
                folds=folds,
                confidence=confidence,
                harm=harm,
                normalizer=normalizer,
                seed=seed,
                progress=bar,
            )
        value = fitted.to_json() | {"elapsed_seconds": round(time.monotonic() - started, 3)}
        try:
            typer.echo(json.dumps(value, ensure_ascii=False, indent=2) if as_json else fitted.render())
        finally:  # one of the two may not be writable
            if output:
                write_gate(output, replace(fitted.gate, lm=spec, trained=trained))


def answers(files: Sequence[Path], found: Sequence[NBest]) -> dict[str, Answer]:
    """The answers of files, each of which belongs to a list; how many lists lack one is said on standard error.

    Raises:
        InputError: a file cannot be read, an id is there twice, or no list has it.
    """
    from ger.correct.recorded import check_ids
    from ger.errors import InputError
    from ger.io.answers import read_answers
    from ger.io.paths import printable

    given: dict[str, Answer] = {}
    for file in files:
        read = read_answers(file)
        if twice := next((key for key in read if key in given), None):
            raise InputError(f"{printable(file)}: {twice!r} is in an earlier file, too.", "Give each answer once.")
        given |= read
    check_ids(given, (nbest.id for nbest in found))
    if lacking := sum(nbest.id not in given for nbest in found):
        common.say(f"{lacking} of {len(found)} lists have no answer; they keep their 1-best.")
    return given


def _model(
    lm: str | None,
    form: str | None,
    compute_type: str | None,
    device: str | None,
    threads: int | None,
    batch_tokens: int | None,
) -> tuple[LmSpec | None, LanguageModel | None, Form]:
    """The language model, what is written down of it, and the form in which it reads."""
    from ger.api import settings

    if lm is None:
        return None, None, "sentence"
    made = settings(
        lms=[lm],
        weights=lists.unweighted([lm]),
        form=form,
        llm_compute_type=compute_type,
        device=device,
        threads=threads,
        batch_tokens=batch_tokens,
    )
    spec = made.profile.lms[0]
    return spec, made.make_lms()[spec.name], made.profile.form
