"""Names of plug-ins and where they live; listing them imports nothing.

Built-ins are strings here. Third parties add theirs with entry points, for example::

    [project.entry-points."ger.frontends"]
    my-recognizer = "my_package.frontend:load"

Each entry names a callable; what it takes and returns is the kind's protocol (`ger.protocols`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Literal

from ger.errors import UnknownNameError, UsageError

__all__ = ["Kind", "builtin", "load", "named", "names", "suggest", "targets"]

Kind = Literal["frontends", "segmenters", "backends", "correctors", "speakers"]

_BUILTIN: dict[Kind, dict[str, str]] = {
    "frontends": {
        "faster-whisper": "asr_frontends.faster_whisper:FasterWhisper",
        "transformers": "asr_frontends.transformers:TransformersASR",
        "lattice": "asr_frontends.lattice:LatticeASR",
        "pocketsphinx": "asr_frontends.pocketsphinx:PocketSphinx",
        "nemo": "asr_frontends.nemo:Nemo",
        "remote": "asr_frontends.remote:Remote",
    },
    "segmenters": {"silero": "asr_frontends.silero:SileroSegmenter"},
    "backends": {
        "transformers": "llm_backends.transformers:TransformersLM",
        "masked": "llm_backends.masked:MaskedLM",
        "kenlm": "llm_backends.kenlm:KenLM",
        "ctranslate2": "llm_backends.ctranslate2:CTranslate2LM",
        "vllm": "llm_backends.vllm:VllmLM",
        "openai": "llm_backends.openai:OpenAILM",
        "rescorer": "llm_backends.rescorer:RescorerLM",
        "seq2seq": "llm_backends.seq2seq:Seq2SeqLM",
    },
    "correctors": {
        "rescore": "ger.correct.rescore:Rescorer",
        "combine": "ger.correct.combine:from_profile",
        "generate": "ger.correct.factories:generate",
        "hybrid": "ger.correct.factories:hybrid",
        "cascade": "ger.correct.factories:cascade",
        "rewrite": "ger.correct.rewriting:rewriter",
        "hotwords": "ger.correct.first:FirstBest",
    },
    "speakers": {
        "espeak-ng": "ger.speech:espeak_ng",
        "flite": "ger.speech:flite",
        "piper": "ger.speech:piper",
    },
}


def builtin(kind: Kind) -> dict[str, str]:
    """Names of our own of one kind and their `module:attribute`; what they need says `ger.needs`."""
    return dict(_BUILTIN[kind])


def targets(kind: Kind) -> dict[str, str]:
    """Names of one kind and their `module:attribute`; built-ins first, entry points after."""
    found = builtin(kind)
    for point in entry_points(group=f"ger.{kind}"):
        found.setdefault(point.name, point.value)
    return found


def names(kind: Kind) -> list[str]:
    """The names of one kind."""
    return list(targets(kind))


def load(kind: Kind, name: str) -> Callable[..., Any]:
    """The callable behind a name.

    Raises:
        UnknownNameError: nothing of that kind has this name.
        UsageError: a plug-in is registered but cannot be imported.
    """
    found = targets(kind)
    if name not in found:
        raise UnknownNameError(f"There is no {kind[:-1]} called {name!r}.", suggest(name, found))
    module, _, attribute = found[name].partition(":")
    try:
        loaded: Callable[..., Any] = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"The {kind[:-1]} {name!r} ({found[name]}) cannot be imported: {error}.") from error
    return loaded


def named(text: str) -> tuple[str, str]:
    """The two parts of `[NAME=]REST`; the name is empty where there is none."""
    found = re.fullmatch(r"([A-Za-z][A-Za-z0-9_-]*)=(.*)", text, re.DOTALL)
    return (found[1], found[2]) if found else ("", text)


def suggest(name: str, known: Iterable[str]) -> str:
    """A "did you mean" sentence, or the list of known names."""
    known = list(dict.fromkeys(known))
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Known: {', '.join(known) or 'none'}."
