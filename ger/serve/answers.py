"""Transcriptions in the formats of OpenAI's interface."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection
from typing import Any, Literal

from starlette.responses import JSONResponse, PlainTextResponse, Response

from ger.io.formats import Recording, render
from ger.io.recording import flat
from ger.types import Correction, Task

__all__ = ["Format", "Granularity", "answer", "event"]

Format = Literal["json", "text", "srt", "verbose_json", "vtt"]
Granularity = Literal["word", "segment"]


def answer(recording: Recording, task: Task, format: Format, wanted: Collection[Granularity]) -> Response:
    """A transcription as an answer.

    Args:
        recording: The transcription.
        task: What was done.
        format: Name of the format.
        wanted: What `verbose_json` has times of.
    """
    if format == "text":
        return PlainTextResponse(f"{recording.text}\n")
    if format in ("srt", "vtt"):
        return PlainTextResponse(render(format, recording))
    seconds = round(recording.duration or 0.0, 3)
    value: dict[str, Any] = {"text": recording.text}
    if format == "verbose_json":
        value = {"task": task, "language": recording.language or "", "duration": seconds} | value
        if "word" in wanted:
            value["words"] = [_word(word) for made in recording.corrections for word in made.words]
        if "segment" in wanted:
            value["segments"] = [_segment(i, made) for i, made in enumerate(recording.corrections)]
    return JSONResponse(value | {"usage": {"type": "duration", "seconds": seconds}})


def event(kind: str, value: dict[str, Any]) -> bytes:
    """A server-sent event."""
    head = "event: error\n" if kind == "error" else ""
    data = value if kind == "error" else {"type": kind} | value
    return f"{head}data: {json.dumps(data, ensure_ascii=False)}\n\n".encode("utf-8", "backslashreplace")


def _word(word: Any) -> dict[str, Any]:
    return {"word": word.text, "start": word.start or 0.0, "end": word.end or 0.0}


def _segment(number: int, made: Correction) -> dict[str, Any]:
    start, end = (made.audio.start or 0.0, made.audio.end or 0.0) if made.audio else (0.0, 0.0)
    best = made.hypotheses[0] if made.hypotheses else None
    text = flat(made.text)
    raw = text.encode("utf-8", "replace")
    score = best.score if best else None
    return {
        "id": number,
        "seek": round(start * 100),
        "start": start,
        "end": end,
        "text": text,
        "tokens": [],
        "temperature": 0.0,
        # ger has no tokens: the average is over the words that were heard.
        "avg_logprob": None if best is None or score is None else round(score / max(1, len(best.text.split())), 4),
        "compression_ratio": round(len(raw) / len(zlib.compress(raw)), 4),
        "no_speech_prob": made.meta.get("no_speech_prob", 0.0),
        "decision": made.decision,
        "edits": [edit.to_json() for edit in made.edits],
    }
