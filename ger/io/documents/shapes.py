"""Which service or recognizer a JSON value is from, by the fields that it has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ger.errors import InputError
from ger.io.documents.values import results, values

__all__ = ["is_transcript", "of_answer", "of_results", "of_several"]

#: What a text of one of our records or of others' lists has beside it.
_OTHERS = frozenset(("id", "hypotheses", "nbest", "audio_filepath", "pred_text", "result", "alternatives"))


def is_transcript(value: Any) -> bool:
    """Whether it is a text of its own, maybe with words, as services give it that are asked for no segments."""
    return isinstance(_at(value, "text"), str) and _OTHERS.isdisjoint(value)


def of_answer(value: Any) -> str | None:
    """The format of a whole answer of a service; `None` where it is of none that is known."""
    if isinstance(_at(value, "results", "channels"), list):
        return "deepgram"
    if isinstance(_at(value, "results", "items"), list):
        return "aws"
    return "google" if any(map(_is_google, _google(value))) else None


def of_results(found: Sequence[Any]) -> str | None:
    """The format of results of which a file may have many."""
    if any(_is_azure(result) for result in found):
        return "azure"
    return "vosk" if any(_is_vosk(result) for result in found) else None


def of_several(raw: bytes) -> str | None:
    """The format of JSON values one behind the other."""
    try:
        return of_results(results([value for _, _, value in values(raw.decode("utf-8-sig"), "")]))
    except (InputError, UnicodeDecodeError):
        return None


def _at(value: Any, *path: str | int) -> Any:
    """What lies inside of a value; `None` where nothing does."""
    for step in path:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step == 0 and value:
            value = value[0]
        else:
            return None
    return value


def _google(value: Any) -> Iterator[Any]:
    """What may be Google's results."""
    found = _at(value, "response", "results") or _at(value, "results")
    if isinstance(found, list):
        yield from found
    elif isinstance(found, dict):
        for file in found.values():
            for path in (("inlineResult",), ("inline_result",), ()):
                told = _at(file, *path, "transcript", "results")
                yield from told if isinstance(told, list) else ()


def _is_google(result: Any) -> bool:
    first = _at(result, "alternatives", 0)
    told = isinstance(_at(first, "transcript"), str) or isinstance(_at(first, "words", 0, "word"), str)
    return told and "timestamps" not in first  # IBM's are much alike


def _is_azure(result: Any) -> bool:
    if isinstance(_at(result, "recognizedPhrases"), list) or isinstance(_at(result, "RecognitionStatus"), str):
        return True
    best = _at(result, "NBest", 0) or _at(result, "nBest", 0)
    return isinstance(best, dict) and any(key.lower() in ("display", "lexical") for key in best)


def _is_vosk(result: Any) -> bool:
    if isinstance(_at(result, "alternatives", 0, "text"), str):
        return True
    words = _at(result, "result")
    told = isinstance(words, list) and all(isinstance(_at(word, "word"), str) for word in words)
    return told and isinstance(_at(result, "text"), str)
