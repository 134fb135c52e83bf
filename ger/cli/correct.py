"""`ger correct`: recognize and correct, or correct N-best lists."""

from __future__ import annotations

import gc
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ger.cli import common, lists, writing
from ger.cli.results import Documents, Run, counted
from ger.cli.unmatched import Unmatched

if TYPE_CHECKING:
    from ger.io.inputs import Expansion
    from ger.settings import Settings

__all__ = ["correct"]

_OUT = "Output"
#: Names of the format whose lines are corrected as they come on standard input.
_LINES = ("jsonl", "records")


def correct(
    inputs: common.InputsOrSystems = None,
    output_dir: Annotated[
        Path | None, typer.Option("--output-dir", "-o", help="Write one file an input here.", rich_help_panel=_OUT)
    ] = None,
    output_format: Annotated[
        str | None,
        typer.Option(
            "--output-format",
            "-f",
            help="table, same, txt, json, jsonl, srt, vtt, tsv, all, ctm, stm, seglst, kaldi, nlp; several with "
            "commas. same is the format of an input that is no audio. Default: with -o all, or same; else table on a "
            "terminal, and txt or same elsewhere.",
            rich_help_panel=_OUT,
        ),
    ] = None,
    in_place: Annotated[
        bool,
        typer.Option(help="Write what is no audio where it is; what it held stays as NAME.orig.", rich_help_panel=_OUT),
    ] = False,
    diff: Annotated[
        bool,
        typer.Option("--diff", help="Print what changes in files that are no audio, as a patch.", rich_help_panel=_OUT),
    ] = False,
    changes: Annotated[
        Path | None,
        typer.Option(
            help="Write every change here, JSON Lines; 'ger apply' and 'ger revert' read it.", rich_help_panel=_OUT
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object about the run.", rich_help_panel=_OUT)
    ] = False,
    systems: lists.Systems = None,
    reference: lists.References = None,
    input_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="Format of inputs that are no audio; found out when left out, but for documents on standard input. "
            "'ger correct - --format jsonl' is a "
            "filter: a line out for each line in.",
        ),
    ] = None,
    model: common.Model = None,
    frontend: common.Frontend = None,
    segmenter: common.Segmenter = None,
    language: common.Language = None,
    task: common.TaskName = None,
    target: common.Target = None,
    translator: common.Translator = None,
    translation_prompt: common.TranslationPrompt = None,
    translation_beams: common.TranslationBeams = None,
    nbest: common.NBestSize = None,
    beam_size: common.BeamSize = None,
    batch_size: common.BatchSize = None,
    hotwords: common.Hotwords = None,
    hotword_model: common.HotwordModel = None,
    consistent: common.Consistent = False,
    llm: common.Llm = None,
    backend: common.Backend = None,
    mode: common.Mode = None,
    profile: common.ProfileFile = None,
    rewrites: common.Rewrites = None,
    weight: common.Weight = None,
    form: common.LlmForm = None,
    previous: lists.Previous = None,
    previous_words: lists.PreviousWords = None,
    llm_compute_type: common.LlmPrecision = None,
    adapter: writing.Adapter = None,
    prompt: writing.Prompt = None,
    decoding: writing.Decoding = None,
    beams: writing.Beams = None,
    examples: writing.Examples = None,
    shots: writing.Shots = None,
    select: writing.Select = None,
    tag: writing.Tag = None,
    answers: writing.Answers = None,
    speak: writing.Speak = None,
    gate: writing.GateFile = None,
    guard: writing.Guarding = None,
    device: common.Device = None,
    compute_type: common.ComputeType = None,
    threads: common.Threads = None,
    recursive: common.Recursive = True,
    resume: common.Resume = True,
) -> None:
    """Recognize speech and let a language model choose among the recognizer's hypotheses.

    Exit codes: 0 all done, 1 an input failed (the others are written), 2 wrong call, 130 interrupted.
    """
    with common.exit_codes():
        from ger.api import alone, check_hotwords, settings
        from ger.errors import UsageError
        from ger.io.documents.change_file import ChangeFile
        from ger.io.formats import AUTO, SAME
        from ger.pipeline import Pipeline
        from ger.speech import voice

        options = {
            "model": model,
            "frontend": frontend,
            "segmenter": segmenter,
            "language": language,
            "task": task,
            "target": target,
            "translator": translator,
            "translation_prompt": translation_prompt,
            "translation_beams": translation_beams,
            "nbest": nbest,
            "beam_size": beam_size,
            "batch_size": batch_size,
            "hotwords": common.told(hotwords),
            "hotword_model": hotword_model,
            "consistent": consistent,
            "llm": llm,
            "backend": backend,
            "mode": mode,
            "profile": profile,
            "rewrites": rewrites,
            "weight": weight,
            "form": form,
            "previous": previous,
            "previous_words": previous_words,
            "llm_compute_type": llm_compute_type,
            "device": device,
            "compute_type": compute_type,
            "threads": threads,
            "adapter": adapter,
            "prompt": prompt,
            "decoding": decoding,
            "beams": beams,
            "examples": examples,
            "shots": shots,
            "select": select,
            "tag": tag,
            "answers": answers,
            "gate": gate,
            "guard": guard,
        }
        together = _together(systems, inputs)
        if together and not (mode or profile):
            options |= {"mode": "combine", "combine": "rover"}
        made = settings(**options)
        if speak and not output_dir:
            raise UsageError("--speak writes a file for each input.", "Name a folder with -o.")
        spoken = made.recognizer.into or made.recognizer.language
        voices = cache(lambda heard: voice(speak, spoken or heard)) if speak else None
        names, table = _formats(output_format, output_dir, as_json=as_json)
        if as_json and (table or (names and not output_dir)):
            raise UsageError("--json and -f both want standard output.", "Leave one out, or name a folder with -o.")
        if sum((in_place, diff, output_dir is not None)) > 1:
            raise UsageError("--in-place, --diff and -o are three ways of writing.", "Choose one.")
        if made.whole and (in_place or diff or changes or SAME in names):
            raise UsageError(
                "What is made of a whole recording cannot take the place of its segments.",
                "Leave out --in-place, --diff, --changes and -f same.",
            )
        found = _found(inputs, systems, reference, input_format, together, recursive=recursive)
        check_hotwords(made, found.inputs)
        if in_place or diff or changes:
            _check_documents(found, in_place=in_place, diff=diff, formats=output_format, as_json=as_json)
            read = [path for path in (profile, answers, examples, rewrites, prompt, gate, hotword_model) if path]
            sources = [source.path for source in found.inputs]
            lists.check_output(changes, *sources, *lists.files(None, systems, reference), *read, option="--changes")
        if not mode:
            made = alone(made, found.inputs)
        if systems and made.mode == "combine" and not profile:
            made = _trusted(made, found)
        if input_format in _LINES and inputs == ["-"]:
            if output_dir or as_json or names not in ([AUTO], ["jsonl"]) or table or diff or in_place or changes:
                raise UsageError("A filter writes JSON Lines to standard output.", "Leave out -o, -f and the like.")
            if made.recognizer.into:
                raise UsageError("A filter does not translate.", "Leave out --task, --target and --translator.")
            if consistent:
                raise UsageError("A filter has no whole recordings for --consistent.", "Give it a file.")
            _filter(made)
            return
        pipeline = Pipeline(made, documents=bool(in_place or diff or changes))
        if systems and profile:
            weighed = (name for name, value in pipeline.settings.profile.weights.items() if value)
            lists.check_systems(weighed, (nbest for source in found.inputs for nbest in source.lists))
        run = Run(
            len(found.problems),
            table=table and not diff and not in_place,
            documents=Documents(in_place, diff, ChangeFile(changes) if changes else None),
        )
        todo = run.prepare(found, names, output_dir, pipeline.settings.key, resume=resume, voices=voices)
        unmatched = Unmatched(made.hotwords)
        with common.progress(todo, "Correcting") as progress:
            for result in pipeline.run(todo, progress, run.unfinished):
                with progress.aside():
                    run.take(result)
                unmatched.take(result)
        if answers and not run.skipped:
            _tell_unused(answers, run.ids)
        if not run.skipped:
            unmatched.tell()
        run.close(as_json=as_json)
        if run.failed:
            raise typer.Exit(1)


def _found(
    paths: list[str] | None,
    systems: list[str] | None,
    reference: list[Path] | None,
    input_format: str | None,
    together: Expansion | None,
    *,
    recursive: bool,
) -> Expansion:
    """The inputs, or one made of several systems' texts."""
    from ger.errors import UsageError
    from ger.io.inputs import Expansion, Input
    from ger.registry import suggest

    if together:
        return together
    if systems:
        made = tuple(lists.read(paths, systems, reference))
        return Expansion((Input("systems", "systems", lists=made),), ())
    if reference:
        hint = "Lists: ger rescore LISTS --reference FILE. Audio: ger transcribe INPUT --reference FILE -o LISTS."
        raise UsageError("--reference goes with --system NAME=FILE.", hint)
    if not paths:
        raise UsageError("Give INPUT, or --system NAME=FILE.", "See --help.")
    found = common.find(paths, recursive=recursive, documents=True, whole=input_format == "espnet")
    if input_format is None:
        return found
    from ger.io.documents import FORMATS as DOCUMENTS
    from ger.io.lists import FORMATS as LISTS

    input_format = "records" if input_format in _LINES else input_format
    if input_format not in (*LISTS, *DOCUMENTS):
        hint = suggest(input_format, (*LISTS, *DOCUMENTS))
        raise UsageError(f"There is no input format called {input_format!r}.", hint)
    return replace(found, inputs=tuple(replace(source, format=input_format) for source in found.inputs))


def _check_documents(found: Expansion, *, in_place: bool, diff: bool, formats: str | None, as_json: bool) -> None:
    """See that documents can be written again with other words, and how.

    Raises:
        UsageError: they cannot.
    """
    from ger.errors import UsageError

    if (in_place or diff) and formats:
        raise UsageError("--in-place and --diff have no use for -f: a file stays in its format.", "Leave one out.")
    if diff and as_json:
        raise UsageError("--json and --diff both want standard output.", "Leave one out.")
    if in_place and any(source.stdin for source in found.inputs):
        raise UsageError("Standard input has no place to be written to.", "Leave out --in-place.")


def _filter(made: Settings) -> None:
    """Correct lines of standard input as they come."""
    from ger import __version__
    from ger.filter import correct_stream, pieces

    corrector = made.make_corrector()
    gc.freeze()  # what is loaded stays, and is not looked through again and again while lines come
    gc.set_threshold(10_000)  # nor are the lists of a batch, which go when they are done
    signature = f"ger {__version__} | lists | {corrector.signature}"
    counts = correct_stream(
        corrector,
        pieces(sys.stdin.buffer),
        sys.stdout.buffer,
        signature,
        lambda problem: common.say(f"Error: {problem}"),
    )
    if counts["refused"] or counts["failed"]:
        raise typer.Exit(1)


def _together(systems: list[str] | None, paths: list[str] | None) -> Expansion | None:
    """The input that documents of several systems make together; `None` where they are none."""
    from ger.errors import UsageError
    from ger.io.documents import document_in
    from ger.io.documents.systems import combined
    from ger.io.inputs import Expansion, expand

    files = lists.named(systems or [])
    found = {name: [document for file in own if (document := document_in(file))] for name, own in files.items()}
    if not files or any(len(found[name]) < len(own) for name, own in files.items()):
        return None
    if paths or any(len(own) > 1 for own in files.values()):
        raise UsageError(
            "Outputs of several systems are of one recording: one file each.", "Give no INPUT beside them."
        )
    (source,) = expand([next(iter(files.values()))[0]]).inputs
    documents = {name: own[0] for name, own in found.items()}
    first = next(iter(documents.values()))
    return Expansion((replace(source, document=(first, tuple(combined(documents, source.id)))),), ())


def _trusted(made: Settings, found: Expansion) -> Settings:
    """Settings in which each system weighs as much as it is to be trusted."""
    from ger.correct.combine import Combiner, trust

    given = [nbest for source in found.inputs for nbest in source.lists]
    given += [passage.nbest for source in found.inputs if source.document for passage in source.document[1]]
    profile = made.profile
    weights = trust(given, Combiner(profile.combine, profile.temperature))
    return replace(made, profile=profile.weighted({f"system:{name}": weight for name, weight in weights.items()}))


def _tell_unused(answers: Path, ids: set[str]) -> None:
    """Say how many recorded answers belong to nothing that was corrected."""
    from ger.io.answers import read_answers
    from ger.io.paths import printable

    unused = [key for key in read_answers(answers) if key not in ids]
    if unused:
        common.say(f"{printable(answers)}: {counted(len(unused), 'answer')} without a list, such as {unused[0]!r}.")


def _formats(given: str | None, folder: Path | None, *, as_json: bool) -> tuple[list[str], bool]:
    """Names of the formats to write, as given, and whether to show the table."""
    from ger.io.formats import AUTO, formats

    if given is None:
        terminal = sys.stdout.isatty() and not as_json
        if folder:
            return [AUTO], terminal
        return ([], True) if terminal else ([] if as_json else [AUTO], False)
    names = [name.strip().lower() for name in given.split(",")]
    rest = [name for name in names if name != "table"]
    formats(rest)  # raises where there is no such format
    return rest or ([AUTO] if folder else []), "table" in names
