"""ger connects speech recognizers to language models through N-best lists of text.

>>> import ger
>>> recording = ger.correct("talk.wav", nbest=5)  # doctest: +SKIP
>>> for result in ger.stream(["calls/"]): ...  # doctest: +SKIP
>>> with ger.Corrector.from_profile() as corrector: ...  # doctest: +SKIP

Importing this loads no model library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0.dev0"

if TYPE_CHECKING:
    from ger.api import correct, stream
    from ger.corrector import Corrector
    from ger.errors import GerError
    from ger.io.recording import Recording
    from ger.pipeline import Result
    from ger.types import AudioSpan, Correction, Hypothesis, NBest, Word

__all__ = [
    "AudioSpan",
    "Correction",
    "Corrector",
    "GerError",
    "Hypothesis",
    "NBest",
    "Recording",
    "Result",
    "Word",
    "__version__",
    "correct",
    "stream",
]

_HOMES = {
    "correct": "ger.api",
    "stream": "ger.api",
    "Corrector": "ger.corrector",
    "GerError": "ger.errors",
    "Recording": "ger.io.recording",
    "Result": "ger.pipeline",
    "AudioSpan": "ger.types",
    "Correction": "ger.types",
    "Hypothesis": "ger.types",
    "NBest": "ger.types",
    "Word": "ger.types",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ger' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
