"""The Python interface: `ger.correct` for one file, `ger.stream` for many."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from ger.errors import UsageError
from ger.hotwords import Hotwords
from ger.io.documents import is_named
from ger.io.formats import Recording
from ger.io.hotwords import hotwords
from ger.io.inputs import Input, expand
from ger.languages import code_of, spoken
from ger.lm.generation import Generation
from ger.lm.profile import DEFAULT, Profile, interpolation, read_profile
from ger.lm.select import LmSpec, parse, parse_all
from ger.pipeline import Pipeline, Result, is_audio
from ger.recognizers import RecognizerSpec
from ger.recognizers import parse_all as parse_recognizers
from ger.registry import suggest
from ger.settings import GENERATING, GENERATOR, HOTWORDS, REWRITE, REWRITES, UNJUDGED, Settings

__all__ = ["alone", "check_hotwords", "correct", "settings", "stream"]


def correct(path: str | os.PathLike[str], **options: Any) -> Recording:
    """Recognize and correct one audio file, or correct one file of N-best records.

    Args:
        path: The file.
        **options: Settings by name, such as `nbest=5`, `language="en"`, `model="whisper-base"`, `llm=…`,
            `weight=0.2`; see `settings`.

    Returns:
        The corrected segments, with `text` for all of it.

    Raises:
        InputError: the file cannot be used, wholly or from some point on.
        ModelError: a model cannot be had or run.
        UsageError: an option is not known or out of its range.
    """
    count = len(expand([os.fspath(path)], documents=True).inputs)
    if count > 1:
        raise UsageError(f"{os.fspath(path)} is {count} files.", "Use ger.stream for folders and patterns.")
    (result,) = stream(path, **options)
    if result.error:
        raise result.error
    assert result.recording is not None
    return result.recording


def stream(paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], **options: Any) -> Iterator[Result]:
    """Recognize and correct files, folders and patterns; models are loaded once.

    Args:
        paths: One or several: files, folders (searched with the folders in them), glob patterns.
        **options: As for `correct`.

    Yields:
        One result a file, in order, as soon as it is complete; a file that cannot be used has `error`.

    Raises:
        InputError: something named does not exist.
        ModelError: a model cannot be had.
        UsageError: an option is not known or out of its range.
    """
    made = settings(**options)
    named = [paths] if isinstance(paths, str | os.PathLike) else [os.fspath(path) for path in paths]
    found = expand(named, documents=True)
    for problem in found.problems:
        raise problem
    check_hotwords(made, found.inputs)
    pipeline = Pipeline(made if options.get("mode") else alone(made, found.inputs))
    yield from pipeline.run(found.inputs)


def settings(**options: Any) -> Settings:
    """Settings from flat names.

    `model` names the recognizer, or several (a list, the most trusted first; see `ger.recognizers.parse`), `frontend`
    the plug-in for those that name none. Several vote (`combine`) unless there is `mode`, `profile`, `llm` or `lms`.
    `language`, `task`, `target`, `nbest`, `beam_size` and `batch_size` go to the recognizers; `target`, the language to
    translate into, makes the task `translate`, and languages may be codes or English names; `hotwords`, a
    `ger.hotwords.Hotwords`, a text with commas, a file or a list of texts, files and `ger.hotwords.Hotword`, to those
    that can use them and to the correctors; `llm_compute_type` and
    `batch_tokens` to the language models; `device` and `threads` to both; `compute_type` to the recognizer.
    `profile` is a file or a `ger.lm.profile.Profile`; `llm` and `backend` (one model) or `lms` (several, see
    `ger.lm.select.parse`) replace its language models; `weight` (of the first of them, 0 to 1), `weights` (by name),
    `form`, `domain`, `previous`, `previous_words`, `combine`, `rewrites`, `gate` and `guard` replace what it says, and
    so do those of `ger.lm.generation.Generation`: `adapter`, `prompt`, `decoding`, `beams`, `examples`, `shots`,
    `select` and `tag` (its `task`). Any of these makes the mode `generate` where none is given, or `hybrid` where the
    generator has a weight or there are rewrites; rewrites alone make it `rewrite`. In the modes `generate` and
    `cascade`, `llm` and `backend` mean the model that writes; in `hybrid` both that one, unless there is an adapter,
    and the one that judges. `segmenter`, `mode`, `answers`, `hotword_model` and `consistent` are
    those of `ger.settings.Settings`. `translator`, a model as for `lms`, translates what the recognizers write into
    `target`, with `translation_prompt` and `translation_beams`. Options that are `None` keep their defaults.

    Raises:
        InputError: the profile cannot be read.
        UsageError: an option is not known or out of its range.
    """
    given = {name: value for name, value in options.items() if value is not None}
    known = {"model", "frontend", "hotwords", *_RECOGNIZER, *_LM, *_OWN, *_PROFILE, *_GENERATION}
    if unknown := next((name for name in given if name not in known), None):
        raise UsageError(f"There is no option called {unknown!r}.", suggest(unknown, sorted(known)))
    if "answers" in given and (
        other := next((name for name in ("mode", "rewrites", *_GENERATION) if name in given), None)
    ):
        raise UsageError(f"Recorded answers take the place of a model, {other!r} has no effect.", "Leave one out.")
    for option, value in given.items():
        _check_kind(option, value)
    given |= {name: _several(name, given[name]) for name in ("model", "lms") if name in given}
    base = Settings()
    heard = parse_recognizers(given.get("model", ()), given.get("frontend", ""))
    given |= _languages(given, heard)
    judging = [name for name in _PROFILE if not (name == "lms" and given.get("mode") in ("generate", "cascade"))]
    judged = _profile(**{name: given[name] for name in judging if name in given})
    if "mode" not in given and (judged.generation or any(name in given for name in _GENERATION)):
        given["mode"] = "hybrid" if GENERATOR in judged.weights or judged.rewrites else "generate"
    if "mode" not in given and judged.rewrites and len(heard) == 1 and not any(given.get(name) for name in _JUDGED):
        given["mode"] = REWRITE
    if len(heard) > 1 and not any(name in given for name in ("mode", "profile", "llm", "lms", "backend")):
        given["mode"], judged = "combine", _voting(judged, heard)
    if given.get("mode") in UNJUDGED and (name := next((name for name in _JUDGING if name in given), None)):
        raise UsageError(
            f"The mode {given['mode']!r} asks no language model, {name!r} has no effect.",
            "Leave it out, or use --mode rescore.",
        )
    return replace(
        base,
        recognizers=heard,
        recognizer=replace(base.recognizer, **{n: given[k] for k, n in _RECOGNIZER.items() if k in given}),
        lm=replace(base.lm, **{n: given[k] for k, n in _LM.items() if k in given}),
        profile=_generating(given, judged),
        hotwords=hotwords(given.get("hotwords", ())),
        **{name: _plain(given[name]) for name in _OWN if name in given},
    )


def _check_kind(name: str, value: Any) -> None:
    """See that an option is of the kind that it should be.

    Raises:
        UsageError: it is not.
    """
    told, kinds = _KINDS.get(name, ("a text or a path", (str, os.PathLike)))
    fits = isinstance(value, kinds) and (kinds is bool or not isinstance(value, bool))
    if fits and kinds is Mapping:
        fits = all(isinstance(number, Real) for number in value.values())
    if not fits:
        raise UsageError(f"{name} is {value!r:.60}.", f"Give {told}.")


def _several(name: str, given: Any) -> list[str]:
    """One model or several, as texts."""
    named: list[Any] = [given] if isinstance(given, str | os.PathLike | Mapping) else list(given)
    for one in named:
        if not isinstance(one, str | os.PathLike):
            raise UsageError(f"{name} is {given!r:.60}.", "Give one model or a list of them.")
    return [os.fspath(one) for one in named]


def _plain(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _languages(given: Mapping[str, Any], recognizers: Iterable[RecognizerSpec]) -> dict[str, Any]:
    """Languages by their codes; a language to translate into makes that the task."""
    made: dict[str, Any] = {}
    if "language" in given:
        more = any(spec.frontend not in _KNOWN_LANGUAGES for spec in recognizers)
        made["language"] = spoken(given["language"], more=more)
    if "translator" in given:
        if given.get("task", "translate") != "translate":
            raise UsageError(f"--task {given['task']} has no use for --translator.", "Leave one out.")
        made |= {"task": "translate", "translator": parse(given["translator"], "translator")}
    elif name := next((name for name in ("translation_prompt", "translation_beams") if name in given), None):
        raise UsageError(f"--{name.replace('_', '-')} is for a translator.", "Add --translator MODEL.")
    if "target" not in given:
        return made
    if given.get("task", "translate") != "translate":
        raise UsageError(f"--task {given['task']} has no use for --target {given['target']}.", "Leave one out.")
    return made | {"task": "translate", "target": code_of(given["target"])}


def alone(made: Settings, inputs: Iterable[Input]) -> Settings:
    """Settings in which no model judges, where nothing was asked for that needs one.

    Hotwords are enough for inputs that are no audio; spelling one way is for documents, which hold single texts.
    """
    inputs = tuple(inputs)
    asked = made.mode != Settings().mode or made.profile != DEFAULT or made.answers
    by_hotwords = made.hotwords and not any(map(is_audio, inputs))
    by_spelling = made.consistent and all(one.document or is_named(one.path, one.format) for one in inputs)
    return replace(made, mode=HOTWORDS) if not asked and (by_hotwords or by_spelling) else made


def check_hotwords(made: Settings, inputs: Iterable[Input]) -> None:
    """See that there are hotwords for the model that puts them in; lists may have their own.

    Raises:
        UsageError: there are none.
    """
    bare = all(is_audio(one) or one.document or is_named(one.path, one.format) for one in inputs)
    if made.hotword_model and not made.hotwords and bare:
        raise UsageError("--hotword-model is for hotwords, and there are none.", "Give them with --hotwords.")


def _voting(profile: Profile, recognizers: Sequence[RecognizerSpec]) -> Profile:
    """Word by word, where nothing tells how good the recognizers are: the others can outvote the first together."""
    weights = {f"system:{spec.name}": _SECOND if i else 1.0 for i, spec in enumerate(recognizers)}
    return replace(profile.weighted(weights), combine="rover")


def _profile(
    profile: Profile | str | os.PathLike[str] = DEFAULT,
    llm: str = "",
    backend: str = "",
    lms: Sequence[str] = (),
    weight: float | None = None,
    weights: Mapping[str, float] | None = None,
    **rest: Any,
) -> Profile:
    """The profile with what was given beside it."""
    made = profile if isinstance(profile, Profile) else read_profile(Path(profile))
    if llm or backend:
        first, *others = made.lms or (LmSpec(),)
        spec = replace(parse(llm, first.name), name=first.name) if llm else replace(first, model="")
        made = replace(made, lms=(replace(spec, backend=backend or spec.backend), *others))
    if lms:
        made = _with_lms(made, parse_all(lms))
    if weight is not None:
        made = made.weighted(interpolation(weight, made.lms[0].name if made.lms else "lm"))
    for name in ("rewrites", "gate"):
        if rest.get(name) is not None:
            rest[name] = "" if os.fspath(rest[name]) == "off" else os.fspath(rest[name])
    if rest.get("rewrites") == "":
        made = replace(made, weights={name: weight for name, weight in made.weights.items() if name != REWRITES})
    return replace(made.weighted(weights or {}), **rest)


def _with_lms(profile: Profile, lms: tuple[LmSpec, ...]) -> Profile:
    """Other language models; weights of those that are no longer there are gone."""
    gone = {spec.name for spec in profile.lms} - {spec.name for spec in lms}
    return replace(profile, lms=lms, weights={n: w for n, w in profile.weights.items() if n not in gone})


def _generating(given: Mapping[str, Any], profile: Profile) -> Profile:
    """The profile with what was given about a model that writes."""
    mode, changes = given.get("mode", ""), {field: given[name] for name, field in _GENERATION.items() if name in given}
    how = profile.generation or Generation()
    if mode in GENERATING and ("llm" in given or "backend" in given) and (mode != "hybrid" or "adapter" not in given):
        spec = parse(given["llm"]) if "llm" in given else how.lm
        changes["lm"] = replace(spec, name=how.lm.name, backend=given.get("backend", spec.backend))
    elif mode in ("generate", "cascade") and given.get("lms"):
        changes["lm"] = replace(parse(given["lms"][0]), name=how.lm.name)
    changes = {name: os.fspath(value) if isinstance(value, os.PathLike) else value for name, value in changes.items()}
    return replace(profile, generation=replace(how, **changes)) if changes else profile


#: Front ends that know no language that we do not know.
_KNOWN_LANGUAGES = ("faster-whisper",)
#: What options have to be that are neither texts nor paths.
_KINDS: dict[str, tuple[str, Any]] = {
    **dict.fromkeys(("nbest", "beam_size", "batch_size", "threads", "batch_tokens"), ("a whole number", Integral)),
    **dict.fromkeys(("previous", "previous_words", "beams", "shots"), ("a whole number", Integral)),
    "translation_beams": ("a whole number", Integral),
    "weight": ("a number", Real),
    "weights": ("numbers by name", Mapping),
    **dict.fromkeys(("guard", "consistent"), ("True or False", bool)),
    **dict.fromkeys(("model", "lms"), ("one model or a list of them", (str, os.PathLike, Iterable))),
    "hotwords": ("texts or files", (str, os.PathLike, Hotwords, Iterable)),
    "profile": ("a file or a ger.lm.profile.Profile", (str, os.PathLike, Profile)),
}
#: What a recognizer's vote is worth beside that of the first.
_SECOND = 0.6
_SHARED = ("device", "threads")
_RECOGNIZER = {
    name: name for name in ("language", "task", "target", "nbest", "beam_size", "batch_size", "compute_type", *_SHARED)
}
_LM = {"llm_compute_type": "compute_type", "batch_tokens": "batch_tokens"} | {n: n for n in _SHARED}
_OWN = (
    *("segmenter", "mode", "answers", "hotword_model", "consistent"),
    *("translator", "translation_prompt", "translation_beams"),
)
_GENERATION = {name: name for name in ("adapter", "prompt", "decoding", "beams", "examples", "shots", "select")}
_GENERATION["tag"] = "task"
_PROFILE = (
    "profile",
    "llm",
    "backend",
    "lms",
    "weight",
    "weights",
    "form",
    "domain",
    "previous",
    "previous_words",
    "combine",
    "rewrites",
    "gate",
    "guard",
)
#: These are about a language model that judges.
_JUDGING = ("llm", "lms", "backend", "weight", "form", "domain", "previous", "previous_words")
#: With any of these, rewritten texts are judged.
_JUDGED = ("profile", "weights", *_JUDGING)
