"""`ger score`: how many errors, how sure that is, and what kind they are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from ger.cli import common

if TYPE_CHECKING:
    from ger.evaluate import Report

__all__ = ["score"]

#: Metrics that make use of an option.
_FOR = {"hotwords": ("biasing",), "tokenize": ("bleu", "ter"), "language": ("bleu", "ter")}


def score(
    reference: Annotated[
        str, typer.Argument(metavar="REF", help="References; or lists or corrections that hold references, alone.")
    ],
    hypothesis: Annotated[
        str | None, typer.Argument(metavar="[HYP]", help="What is scored: texts, corrections, N-best lists.")
    ] = None,
    metric: Annotated[
        str,
        typer.Option(
            help="wer, cer, biasing (hotwords); of translations bleu, chrf, chrf++, ter; several with commas."
        ),
    ] = "wer,cer",
    by: Annotated[
        str | None, typer.Option(metavar="FIELD", help="Rates for each value of a field: language, meta.domain …")
    ] = None,
    against: Annotated[
        str | None, typer.Option(metavar="FILE", help="A second system to compare with, on the same utterances.")
    ] = None,
    normalizer: Annotated[
        str, typer.Option(help="What is done to all texts first: none, basic, whisper-english.")
    ] = "none",
    language: Annotated[
        str | None,
        typer.Option(help="Language of the texts, for BLEU and TER; records of translations say it."),
    ] = None,
    tokenize: Annotated[str | None, typer.Option(help="Tokenizer of BLEU: 13a, intl, zh, ja-mecab, char …")] = None,
    ids: Annotated[
        bool | None,
        typer.Option("--ids/--no-ids", help="Whether lines of text begin with an id; found out when left out."),
    ] = None,
    hotwords: common.Hotwords = None,
    align: Annotated[bool, typer.Option("--align", help="Show every utterance with errors, word under word.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    brief: Annotated[bool, typer.Option("--brief", "-b", help="Print the number alone.")] = False,
) -> None:
    """Score hypotheses against references.

    REF and HYP are Kaldi text, id and text with a tab between, plain lines, records (.jsonl) or other lists; or
    subtitles and transcripts (.srt, .vtt, .ctm, .stm, .nlp, Whisper's JSON …), each recording compared as a whole.
    Records that hold references need no second file. References may go by recording: its segments are one text then;
    and a text without ids is compared as a whole with what is of one recording.

    Exit codes: 0 done, 1 a file cannot be scored, 2 wrong call, 130 interrupted.
    """
    with common.exit_codes():
        from ger.errors import UsageError
        from ger.evaluate import read_items, report, with_hotwords
        from ger.evaluate.align import alignments
        from ger.text.normalize import normalizer as find

        if as_json + brief + align > 1:
            raise UsageError("--json, -b and --align each want standard output.", "Choose one of them.")
        metrics = list(dict.fromkeys(name.strip().lower() for name in metric.split(",") if name.strip()))
        _check_use(metrics, hotwords=hotwords, tokenize=tokenize, language=language)
        items = read_items(reference, hypothesis, against=against, by=by, ids=ids)
        if told := common.told(hotwords):
            items = with_hotwords(items, told)
        made = report(items, normalizer=normalizer, metrics=metrics, language=language, tokenize=tokenize)
        if align:
            for text in alignments(items, find(normalizer)):
                typer.echo(text)
        typer.echo(_text(made, as_json=as_json, brief=brief), nl=False)
        if made.biasing and not made.biasing.said:
            hint = "Try --normalizer basic, for which case does not count." if normalizer == "none" else "Check them."
            common.say(f"Warning: No hotword is in any reference. {hint}")


def _check_use(metrics: list[str], **options: object) -> None:
    """See that every option has a metric that it is for.

    Raises:
        UsageError: one has none.
    """
    from ger.errors import UsageError

    for name, value in options.items():
        if value and not set(metrics) & set(_FOR[name]):
            raise UsageError(
                f"--{name} is for --metric {' or '.join(_FOR[name])}.", "Name that metric, too, or leave it out."
            )


def _text(made: Report, *, as_json: bool, brief: bool) -> str:
    """The report in the form that was asked for."""
    if as_json:
        return json.dumps(made.to_json(), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    if brief:
        return "".join(f"{made.value(metric):.2f}\n" for metric in made.metrics)
    return made.render()
