"""`ger tune`: the weights that make the fewest word errors, and what they are worth on other data."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from ger.cli import common, lists, writing
from ger.cli.gate import gate
from ger.cli.hotwords import hotwords
from ger.cli.rewrites import rewrites as learn_rewrites

if TYPE_CHECKING:
    from ger.lm.learned import NGram
    from ger.lm.profile import Profile
    from ger.lm.select import LmSpec

__all__ = ["Tune", "tune"]

_NGRAM = "ngram"


class Tune(TyperCommand):
    """`ger tune LISTS…` and the commands behind it, such as `ger tune gate`; a file called `gate` is `./gate`."""

    @property
    def commands(self) -> dict[str, Any]:
        """The commands behind this one."""
        app = typer.Typer(add_completion=False)
        app.command("gate")(gate)
        app.command("hotwords")(hotwords)
        app.command("rewrites")(learn_rewrites)
        group = typer.main.get_command(app)
        return dict(group.commands)  # type: ignore[attr-defined]

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """See click; the first word says which command it is."""
        if args and (command := self.commands.get(args[0])):
            return command.make_context(f"{info_name} {args[0]}", args[1:], parent=parent, **extra)
        return super().make_context(info_name, args, parent=parent, **extra)


def tune(
    inputs: lists.Lists = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the profile here (TOML).")] = None,
    systems: lists.Systems = None,
    reference: lists.References = None,
    input_format: lists.Format = None,
    lm: lists.Lms = None,
    no_lm: Annotated[
        bool, typer.Option("--no-lm", help="Use no language model.", rich_help_panel="Language model")
    ] = False,
    ngram: Annotated[
        int,
        typer.Option(
            help="Also use an n-gram model of this order, made of the references; scored without having seen them.",
            rich_help_panel="Language model",
        ),
    ] = 0,
    form: lists.Form = None,
    domain: lists.Domain = None,
    previous: lists.Previous = None,
    previous_words: lists.PreviousWords = None,
    llm_compute_type: lists.LlmPrecision = None,
    adapter: writing.Adapter = None,
    prompt: writing.Prompt = None,
    beams: writing.Beams = None,
    feature: Annotated[
        list[str] | None,
        typer.Option(
            help="Use only these features beside the language models: acoustic, rank, words, chars, repeats, "
            "agree, votes, added, biased, system:NAME (default all that differ)."
        ),
    ] = None,
    rewrites: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="What 'ger tune rewrites' has learned from other lists: rewritten texts compete."
        ),
    ] = None,
    cross: Annotated[
        int, typer.Option(help="Texts made of parts of several hypotheses that compete with the listed ones.")
    ] = 0,
    folds: Annotated[int, typer.Option(help="Parts for cross-validation; 0 for none.")] = 5,
    normalizer: Annotated[
        str, typer.Option(help="Normalizer under which words are compared: none, basic, whisper-english.")
    ] = "none",
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    device: common.Device = None,
    threads: common.Threads = None,
    batch_tokens: lists.BatchTokens = None,
) -> None:
    """Find the weights that make the fewest word errors on lists with references.

    Two error rates are printed. The one on the lists that weights were tuned on flatters; the cross-validated one comes
    from weights that were tuned without the list in question.

    See also: ger tune gate, which learns to tell good corrections from bad ones; ger tune hotwords, which learns when a
    hotword was said; ger tune rewrites, which learns what is written wrong again and again.

    Exit codes: 0 done, 1 lists or models cannot be used, 2 wrong call, 130 interrupted.
    """
    with common.exit_codes():
        from dataclasses import replace

        from ger.api import settings
        from ger.correct.factories import generator
        from ger.correct.fit import fit
        from ger.correct.rewrites import REWRITES
        from ger.correct.rewriting import Rewriting
        from ger.errors import UsageError
        from ger.lm.generation import GENERATOR
        from ger.lm.learned import ngram as ngrams
        from ger.lm.profile import write_profile

        if no_lm and lm:
            raise UsageError("--no-lm and --lm exclude each other.", "Leave one out.")
        made = settings(
            lms=lm,
            weights=lists.unweighted(lm),
            form=form,
            domain=domain,
            previous=previous,
            previous_words=previous_words,
            mode="hybrid" if adapter or prompt or beams else "rescore",
            rewrites=rewrites,
            adapter=adapter,
            prompt=prompt,
            beams=beams,
            llm_compute_type=llm_compute_type,
            device=device,
            threads=threads,
            batch_tokens=batch_tokens,
        )
        specs = () if no_lm else tuple(map(_spelled_out, made.profile.lms))
        read = [*lists.files(inputs, systems, reference), *(spec.model for spec in specs)]
        read += [str(path) for path in (rewrites, prompt) if path]
        lists.check_output(output, *read)
        if output and ngram:
            lists.check_output(_beside(output), *read)
        base = replace(made.profile, lms=specs, weights={spec.name: 1.0 for spec in specs}, cross=cross)
        found = lists.read(inputs, systems, reference, input_format)
        if count := sum(nbest.task == "translate" for nbest in found):
            common.say(
                f"Warning: {count} of {len(found)} lists are translations. The weights are to make the fewest word "
                "errors, which is not what translations are judged by."
            )
        started = time.monotonic()
        learner = ngrams(ngram, normalizer)
        lms = replace(made, profile=base).make_lms()
        writer = generator(lms.pop(GENERATOR), made.generation) if GENERATOR in lms else None
        rewriting = lms.pop(REWRITES, None)
        with common.bar(len(found), "Scoring") as bar:
            fitted = fit(
                found,
                base,
                lms,
                generator=writer,
                rewriting=rewriting if isinstance(rewriting, Rewriting) else None,
                learners={_NGRAM: learner} if ngram else {},
                features=feature,
                folds=folds,
                normalizer=normalizer,
                seed=seed,
                progress=bar,
            )
        value = fitted.to_json() | {"elapsed_seconds": round(time.monotonic() - started, 3)}
        try:
            typer.echo(json.dumps(value, ensure_ascii=False, indent=2) if as_json else fitted.render())
        finally:  # one of the two may not be writable
            if output:
                profile = fitted.profile
                if ngram:
                    profile = _with_ngram(output, profile, learner(found), len(found), fitted.words)
                write_profile(output, profile)


def _spelled_out(spec: LmSpec) -> LmSpec:
    """With the name of the default model, which may be another one some day."""
    from dataclasses import replace

    from ger.models import DEFAULT_LM

    return spec if spec.model or spec.backend != "transformers" else replace(spec, model=DEFAULT_LM)


def _beside(output: Path) -> Path:
    return output.with_suffix(".ngram.arpa")


def _with_ngram(output: Path, profile: Profile, lm: NGram, sentences: int, words: int) -> Profile:
    """The profile with the n-gram model of all references, which is written beside it."""
    from dataclasses import replace

    from ger.lm.ngram import Note
    from ger.lm.select import LmSpec

    path = _beside(output)
    Note(lm.normalizer, lm.model.order, sentences, words).write(path)
    lm.model.write(path)
    return replace(profile, lms=(*profile.lms, LmSpec(_NGRAM, "kenlm", path.name)))
