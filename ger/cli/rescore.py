"""`ger rescore`: language models choose among the hypotheses of lists."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ger import __version__
from ger.cli import common, lists, writing
from ger.cli.unmatched import Unmatched
from ger.io.paths import printable

if TYPE_CHECKING:
    from ger.io.partial import Partial
    from ger.protocols import Corrector
    from ger.types import Correction, NBest

__all__ = ["rescore"]

#: Lists that go to the corrector at once; backends batch them by length.
_WINDOW = 256


def rescore(
    inputs: lists.Lists = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write corrections here, JSON Lines, not to standard output.")
    ] = None,
    systems: lists.Systems = None,
    reference: lists.References = None,
    input_format: lists.Format = None,
    profile: common.ProfileFile = None,
    rewrites: common.Rewrites = None,
    lm: lists.Lms = None,
    weight: lists.Weights = None,
    form: lists.Form = None,
    domain: lists.Domain = None,
    previous: lists.Previous = None,
    previous_words: lists.PreviousWords = None,
    hotwords: common.Hotwords = None,
    hotword_model: common.HotwordModel = None,
    llm_compute_type: lists.LlmPrecision = None,
    mode: common.Mode = None,
    combine: Annotated[str | None, typer.Option(help="How votes are counted: mbr or rover.")] = None,
    adapter: writing.Adapter = None,
    prompt: writing.Prompt = None,
    decoding: writing.Decoding = None,
    beams: writing.Beams = None,
    examples: writing.Examples = None,
    shots: writing.Shots = None,
    select: writing.Select = None,
    tag: writing.Tag = None,
    answers: writing.Answers = None,
    gate: writing.GateFile = None,
    guard: writing.Guarding = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object about the run.")] = False,
    device: common.Device = None,
    threads: common.Threads = None,
    batch_tokens: lists.BatchTokens = None,
    resume: Annotated[
        bool, typer.Option(help="Go on where an earlier run with the same -o was ended.", rich_help_panel=common.RUN)
    ] = True,
) -> None:
    """Let language models choose among the hypotheses of N-best lists.

    Exit codes: 0 all done, 1 a list failed (its first hypothesis is kept), 2 wrong call, 130 interrupted.
    """
    with common.exit_codes():
        from ger.api import settings
        from ger.correct.recorded import check_ids
        from ger.correct.rescore import recording
        from ger.errors import UsageError
        from ger.io.answers import read_answers
        from ger.io.partial import Partial

        alone, named = lists.weights(weight)
        made = settings(
            profile=profile,
            rewrites=rewrites,
            lms=lm,
            weight=alone,
            weights=named,
            form=form,
            domain=domain,
            previous=previous,
            previous_words=previous_words,
            hotwords=common.told(hotwords),
            hotword_model=hotword_model,
            mode=mode or ("combine" if combine else None),
            combine=combine,
            llm_compute_type=llm_compute_type,
            device=device,
            threads=threads,
            batch_tokens=batch_tokens,
            adapter=adapter,
            prompt=prompt,
            decoding=decoding,
            beams=beams,
            examples=examples,
            shots=shots,
            select=select,
            tag=tag,
            answers=answers,
            gate=gate,
            guard=guard,
        )
        if as_json and not output:
            raise UsageError("--json and the corrections both want standard output.", "Name a file with -o.")
        read = [str(path) for path in (answers, examples, gate, prompt, profile, rewrites) if path]
        read += [*common.hotword_files(hotwords), *lists.models(lm)]
        lists.check_output(output, *lists.files(inputs, systems, reference), *read)
        found = lists.read(inputs, systems, reference, input_format, empty=True)
        if profile and found:
            lists.check_systems((name for name, value in made.profile.weights.items() if value), found)
        if answers:
            check_ids(read_answers(answers), (nbest.id for nbest in found))
        started = time.monotonic()
        corrector = made.make_corrector()
        signature = f"ger {__version__} | lists | {corrector.signature}"
        with common.bar(len(found), "Rescoring") as bar:
            if output:
                # With earlier utterances as context, what was corrected before an interruption has to be there.
                together = recording if made.profile.previous else None
                key = f"{made.key} {signature}"
                with Partial(output, found, key, resume=resume, together=together) as partial:
                    counts = _to_file(partial, corrector, signature, bar)
            else:
                counts = _to_screen(found, corrector, signature, bar)
        unmatched = Unmatched(made.hotwords)
        unmatched.see(found)
        unmatched.tell()
        _close(counts, signature, time.monotonic() - started, as_json=as_json)
        if counts["failed"]:
            raise typer.Exit(1)


def _to_file(partial: Partial, corrector: Corrector, signature: str, bar: common.Bar) -> Counter[str]:
    """Correct what is left, and write the file."""
    bar(len(partial.made))
    for window in _windows(partial.left, corrector, signature):
        partial.add(window)
        bar(len(window))
    partial.finish()
    return _counted(partial.made)


def _to_screen(found: Sequence[NBest], corrector: Corrector, signature: str, bar: common.Bar) -> Counter[str]:
    """Correct, and print JSON Lines."""
    from ger.io.jsonl import dumps

    counts: Counter[str] = Counter()
    for window in _windows(found, corrector, signature):
        with bar.aside():
            typer.echo("\n".join(dumps(correction) for correction in window))
        counts += _counted(window)
        bar(len(window))
    return counts


def _windows(found: Sequence[NBest], corrector: Corrector, signature: str) -> Iterator[list[Correction]]:
    for start in range(0, len(found), _WINDOW):
        yield [replace(made, signature=signature) for made in corrector.correct(found[start : start + _WINDOW])]


def _counted(made: Iterable[Correction]) -> Counter[str]:
    """Decisions; each failure is said."""
    counts: Counter[str] = Counter()
    for correction in made:
        counts[correction.decision] += 1
        if correction.decision == "failed":
            common.say(f"Error: {printable(correction.id)}: {correction.reason}")
    return counts


def _close(counts: Counter[str], signature: str, seconds: float, *, as_json: bool) -> None:
    """Say what was done."""
    total, failed = counts.total(), counts["failed"]
    changed = counts["reranked"] + counts["rewritten"]
    if as_json:
        value: dict[str, Any] = {"signature": signature, "n": total, "changed": changed, "failed": failed}
        typer.echo(json.dumps(value | {"elapsed_seconds": round(seconds, 3)}, ensure_ascii=False, indent=2))
        return
    said = f"{total} list{'' if total == 1 else 's'}, {changed} changed"
    common.say(f"{said}{f', {failed} failed' if failed else ''} ({seconds:.0f} s).")
