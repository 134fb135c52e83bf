"""`ger data`: lists to train on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ger.cli import common, lists
from ger.errors import UsageError
from ger.io.paths import printable

if TYPE_CHECKING:
    from ger.evaluate.rates import Counts
    from ger.train.noise import Noise
    from ger.train.synth import Reader, Take
    from ger.types import NBest

__all__ = ["app", "noise", "split", "synth"]

app = typer.Typer(help="Make lists to train on.", no_args_is_help=True)

_GROUPS = ("reference", "recording")

Texts = Annotated[
    list[str],
    typer.Argument(metavar="TEXT...", help="Sentences, one a line; or lists, whose references are taken; '-'."),
]
Ids = Annotated[bool | None, typer.Option(help="Whether lines of text begin with ids; found out when left out.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="The file of lists, such as lists.jsonl.")]
Seed = Annotated[int, typer.Option(help="Fixes all that is drawn.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print what was made as JSON.")]


@app.command()
def split(
    paths: Annotated[list[str], typer.Argument(metavar="LISTS...", help="Files with N-best lists, '-'.")],
    output: Annotated[
        tuple[Path, Path], typer.Option("--output", "-o", metavar="FIT HELD", help="The two files, such as *.jsonl.")
    ],
    held: Annotated[float, typer.Option(help="Share of the lists in the second file.")] = 0.2,
    by: Annotated[
        str, typer.Option(help="What is never on both sides: lists of the same reference, or of one recording.")
    ] = "reference",
    seed: Seed = 1,
    input_format: lists.Format = None,
    as_json: AsJson = False,
) -> None:
    """Deal lists into one file to learn from and one to judge by; their order stays."""
    with common.exit_codes():
        from ger.io.jsonl import write_records

        if not 0 < held < 1:
            raise UsageError(f"--held is {held}.", "Use a share between 0 and 1.")
        if output[0].resolve() == output[1].resolve():
            raise UsageError(f"{printable(output[0])} is named twice.", "Name two files.")
        for file in output:
            lists.check_output(file, *paths)
        parts = _parts(lists.read(paths, format=input_format), held, by, seed)
        for file, part in zip(output, parts, strict=True):
            write_records(file, part)
    made = [{"path": str(file)} | _summary(part) for file, part in zip(output, parts, strict=True)]
    if as_json:
        typer.echo(json.dumps({"fit": made[0], "held": made[1]}))
        return
    for side in made:
        rate = f", 1-best WER {side['wer']:.2f}" if "wer" in side else ""
        common.say(f"{printable(side['path'])}: {side['lists']} lists, {side['words']} words{rate}")


def _parts(found: Sequence[NBest], share: float, by: str, seed: int) -> list[list[NBest]]:
    """The lists of both sides."""
    from ger.errors import InputError
    from ger.registry import suggest
    from ger.train.splits import apart

    if by not in _GROUPS:
        raise UsageError(f"Lists cannot be split by {by!r}.", suggest(by, _GROUPS))
    names = {nbest.id: _group(nbest, by) for nbest in found}
    chosen = {nbest.id for nbest in apart(found, share, seed, lambda nbest: names[nbest.id])[1]}
    if not 0 < len(chosen) < len(found):
        few = f"{len(set(names.values()))} separate {by}s cannot be dealt into two parts with a share of {share}."
        raise InputError(few, "Give more lists or another share.")
    return [[nbest for nbest in found if (nbest.id in chosen) == side] for side in (False, True)]


def _group(nbest: NBest, by: str) -> str:
    from ger.correct.rescore import recording
    from ger.errors import InputError
    from ger.text.normalize import normalize

    if by == "recording":
        if name := recording(nbest):
            return name
        raise InputError(f"List {nbest.id!r} names no recording.", "Use --by reference.")
    if nbest.reference is None:
        raise InputError(f"List {nbest.id!r} has no reference.", "Use --by recording.")
    return normalize(nbest.reference)


def _summary(part: Sequence[NBest]) -> dict[str, Any]:
    """Counts of lists and words, and the rate of the first hypotheses where all lists have references."""
    from ger.evaluate.rates import count_errors

    counts = count_errors((nbest.reference or "", nbest.best.text) for nbest in part)
    known = all(nbest.reference is not None for nbest in part) and counts.total
    return {"lists": len(part), "words": counts.total} | ({"wer": round(counts.rate, 3)} if known else {})


@app.command()
def noise(
    texts: Texts,
    output: Output,
    like: Annotated[
        list[str] | None,
        typer.Option(metavar="LISTS", help="Lists with references whose errors are imitated; repeatable."),
    ] = None,
    nbest: Annotated[
        int, typer.Option(help="Hypotheses of a list at most (default that of --like, or 5).", show_default=False)
    ] = 0,
    wer: Annotated[
        float,
        typer.Option(
            help="Word error rate of the 1-best, in percent (default that of --like, or 8).", show_default=False
        ),
    ] = 0.0,
    seed: Seed = 1,
    ids: Ids = None,
    as_json: AsJson = False,
) -> None:
    """Make N-best lists of plain text: words that sound alike or that real lists confuse, split and joined words."""
    with common.exit_codes():
        from ger.io.jsonl import write_records
        from ger.train.confuse import learn
        from ger.train.noise import noised

        lists.check_output(output, *texts, *(like or ()))
        sentences = _sentences(texts, ids)
        known = learn(lists.read(like)) if like else None
        made = noised(sentences, known, nbest=nbest, wer=wer, seed=seed)
        write_records(output, made.lists)
    _tell(made, output, as_json)


def _tell(made: Noise, output: Path, as_json: bool) -> None:
    counts: Counts = made.counts
    oracle = 100 * made.oracle / counts.total
    if as_json:
        rates = {"wer": round(counts.rate, 3), "oracle_wer": round(oracle, 3)}
        edits = {"sub": counts.substitutions, "del": counts.deletions, "ins": counts.insertions}
        numbers = {"lists": len(made.lists), "words": counts.total, "hypotheses": made.hypotheses, "edits": edits}
        typer.echo(json.dumps({"path": str(output)} | numbers | rates))
        return
    mean = made.hypotheses / len(made.lists)
    common.say(
        f"{printable(output)}: {len(made.lists)} lists of {mean:.1f} hypotheses, 1-best WER {counts.rate:.2f}, "
        f"oracle {oracle:.2f}"
    )


def _sentences(paths: Sequence[str], ids: bool | None) -> dict[str, str]:
    """Texts by id; ids that occur in several files get the file's name in front."""
    from ger.io.lists import read_texts

    files = {path: read_texts(path, ids=ids, reference=True) for path in dict.fromkeys(paths)}
    names = [key for found in files.values() for key in found]
    if len(set(names)) == len(names):
        return {key: text for found in files.values() for key, text in found.items()}
    return {f"{Path(path).name}:{key}": text for path, found in files.items() for key, text in found.items()}


@app.command()
def synth(
    texts: Texts,
    output: Output,
    voice: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ENGINE[:NAME]",
            help="Who reads: espeak-ng:en-us, flite:slt, piper:MODEL.onnx; repeatable (default espeak-ng).",
        ),
    ] = None,
    speed: Annotated[
        list[float] | None, typer.Option(help="1 is the voice's own speed; repeatable.", show_default=False)
    ] = None,
    snr: Annotated[
        list[float] | None, typer.Option(help="Ratio of speech to noise, dB; repeatable (default no noise).")
    ] = None,
    takes: Annotated[int, typer.Option(help="How often each text is read.")] = 1,
    keep_audio: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep the speech there as WAV files.")] = None,
    seed: Seed = 1,
    ids: Ids = None,
    model: common.Model = None,
    frontend: common.Frontend = None,
    language: common.Language = None,
    nbest: common.NBestSize = None,
    beam_size: common.BeamSize = None,
    device: common.Device = None,
    compute_type: common.ComputeType = None,
    threads: common.Threads = None,
    as_json: AsJson = False,
) -> None:
    """Make N-best lists of plain text by way of speech: voices read it, the recognizer listens.

    The same command goes on after an interruption. Exit codes: 0 all done, 1 a text failed (the others are written).
    """
    with common.exit_codes():
        from ger.api import settings
        from ger.speech import voice as find
        from ger.train import synth as made

        lists.check_output(output, *texts)
        given = {"model": model, "frontend": frontend, "language": language, "nbest": nbest, "beam_size": beam_size}
        chosen = settings(**given, device=device, compute_type=compute_type, threads=threads)
        delivery = made.Delivery(tuple(voice or ("espeak-ng",)), tuple(speed or (1.0,)), tuple(snr or ()), takes, seed)
        voices = {spec: find(spec) for spec in delivery.voices}
        jobs = made.takes(_sentences(texts, ids), delivery)
        reader = made.Reader(voices, chosen.make_frontend(), delivery, chosen.key, language, keep_audio)
        _read_aloud(reader, jobs, output, as_json)


def _read_aloud(reader: Reader, jobs: Sequence[Take], output: Path, as_json: bool) -> None:
    from ger.io.jsonl import write_records

    problems: list[str] = []
    with common.bar(len(jobs), "Reading") as shown:

        def failed(error: Exception) -> None:
            problems.append(str(error))
            with shown.aside():
                common.say(f"Error: {error}")

        part = output.with_name(f".{output.name}.part")
        found = reader.lists(jobs, part, failed=failed, done=shown)
    write_records(output, found)
    if not problems:
        part.unlink(missing_ok=True)
    summary = _summary(found) if found else {"lists": 0}
    if as_json:
        typer.echo(json.dumps({"path": str(output)} | summary | {"failed": len(problems)}))
    else:
        rate = f", 1-best WER {summary['wer']:.2f}" if "wer" in summary else ""
        common.say(f"{printable(output)}: {summary['lists']} lists{rate}")
    if problems:
        raise typer.Exit(1)
