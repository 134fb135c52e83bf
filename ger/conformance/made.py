"""Making a plug-in by its name, and checking it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ger import registry
from ger.conformance.backends import check_backend
from ger.conformance.correctors import check_corrector
from ger.conformance.frontends import check_frontend
from ger.conformance.outcome import TOLERANCE, Outcome
from ger.conformance.sample import speech
from ger.conformance.segmenters import check_segmenter
from ger.conformance.speakers import check_speaker
from ger.errors import GerError
from ger.plugins import Plugin
from ger.protocols import (
    Answer,
    AsrFrontend,
    Corrector,
    FrontendOptions,
    GenerateRequest,
    LanguageModel,
    LmOptions,
    Segmenter,
    Speaker,
)
from ger.registry import Kind
from ger.settings import GENERATOR, Settings
from ger.testing import ScriptedLM

__all__ = ["check_plugin"]

_PROTOCOLS: dict[Kind, type] = {
    "frontends": AsrFrontend,
    "segmenters": Segmenter,
    "backends": LanguageModel,
    "correctors": Corrector,
    "speakers": Speaker,
}


def check_plugin(
    plugin: Plugin, options: FrontendOptions, audio: Path | None = None, tolerance: float | None = None
) -> Iterator[Outcome]:
    """Make a plug-in and check it.

    Args:
        plugin: Which one; see `ger.plugins.find`.
        options: What a front end is made with. Others take of it what they know: a backend the model, the device, the
            precision (float32 for `auto`) and the threads; a corrector has the model for its language model, and
            without one a language model that is no real one.
        audio: A recording of speech; the one that comes with ger where none is named.
        tolerance: How far equal scores may lie apart (nats), where not the default.

    Raises:
        GerError: the plug-in cannot be imported or made, or the recording not be read.
    """
    make, tolerance = _MAKERS[plugin.kind], TOLERANCE if tolerance is None else tolerance
    try:
        made: Any = make(registry.load(plugin.kind, plugin.name), plugin.name, options)
    except GerError:
        raise
    except Exception as error:  # noqa: BLE001  # a plug-in may raise anything
        yield Outcome("made", "failed", f"Making it raised {type(error).__name__}: {error}.")
        return
    protocol: Any = _PROTOCOLS[plugin.kind]
    if not isinstance(made, protocol):
        lacks = [name for name in dir(protocol) if not name.startswith("_") and not hasattr(made, name)]
        said = f"{type(made).__name__} is no {protocol.__name__}, it lacks {', '.join(lacks)}."
        yield Outcome("made", "failed", said)
        return
    yield Outcome("made", "ok")
    if plugin.kind == "frontends":
        language = options.language
        yield from check_frontend(made, speech(audio), nbest=options.nbest, language=language, tolerance=tolerance)
    elif plugin.kind == "segmenters":
        yield from check_segmenter(made, speech(audio))
    elif plugin.kind == "backends":
        yield from check_backend(made, tolerance=tolerance)
    elif plugin.kind == "speakers":
        yield from check_speaker(made)
    else:
        yield from check_corrector(made)


def _frontend(make: Callable[..., Any], name: str, options: FrontendOptions) -> Any:
    return make(options)


def _segmenter(make: Callable[..., Any], name: str, options: FrontendOptions) -> Any:
    return make()


def _backend(make: Callable[..., Any], name: str, options: FrontendOptions) -> Any:
    precision = "float32" if options.compute_type == "auto" else options.compute_type
    return make(LmOptions(options.model, "", options.device, precision, threads=options.threads))


def _corrector(make: Callable[..., Any], name: str, options: FrontendOptions) -> Any:
    from ger.api import settings

    if options.model:
        made = settings(mode=name, llm=options.model, device=options.device)
        return make(made.make_lms(), made.profile)
    profile = Settings(mode=name).profile
    lms = dict.fromkeys([*(spec.name for spec in profile.lms), GENERATOR], _Reader(_score, _answer))
    return make(lms, profile)


def _speaker(make: Callable[..., Any], name: str, options: FrontendOptions) -> Any:
    return make(options.model)


_MAKERS: dict[Kind, Callable[[Callable[..., Any], str, FrontendOptions], Any]] = {
    "frontends": _frontend,
    "segmenters": _segmenter,
    "backends": _backend,
    "correctors": _corrector,
    "speakers": _speaker,
}


class _Reader(ScriptedLM):
    """A language model that also chooses."""

    def generate(self, requests: Sequence[GenerateRequest]) -> list[tuple[Answer, ...]]:
        """See `ger.protocols.LanguageModel`."""
        return [
            tuple(sorted((Answer(text, _score("", text)) for text in request.choices), key=lambda a: -(a.score or 0.0)))
            if request.choices
            else self._answers(request.prompt)
            for request in requests
        ]


def _score(prefix: str, text: str) -> float:
    """Ten nats a word, but for the words that make the second hypotheses of `ger.conformance.correctors` better."""
    return -10.0 * len([word for word in text.lower().split() if word.strip(".") not in ("sow", "light")])


def _answer(prompt: str) -> tuple[Answer, ...]:
    """The second hypothesis of the list in the prompt."""
    said = "turn left at the light" if "turn left" in prompt.lower() else "we sow the field with oats"
    return (Answer(said, -5.0, -1.0),)
