"""`/v1/audio/transcriptions` and `/v1/audio/translations`: OpenAI's interface, with other models behind it."""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from starlette.responses import Response, StreamingResponse

from ger.errors import GerError, UsageError
from ger.io.hotwords import hotwords as hotwords_of
from ger.io.recording import flat
from ger.serve.answers import Format, Granularity, answer, event
from ger.serve.engine import Asked, Engine, Transcription
from ger.serve.fields import check
from ger.serve.metrics import Metrics
from ger.serve.refusals import RefusedError, refusal_of
from ger.types import Correction

__all__ = ["ALIAS", "router"]

#: The name of a model that OpenAI's clients use; it means the one that is there.
ALIAS = "whisper-1"

router = APIRouter(prefix="/v1/audio", tags=["audio"], dependencies=[Depends(check)])

_Audio = Annotated[UploadFile, File(description="Audio or video, in any form that libav reads.")]
_Model = Annotated[str, Form(description=f"A name of /v1/models; {ALIAS} is always one.")]
_Language = Annotated[str | None, Form(max_length=20, description="Code of the language; detected when left out.")]
_Prompt = Annotated[str, Form(description="What was said before; the corrector reads it, the recognizer does not.")]
_Hotwords = Annotated[str, Form(max_length=20_000, description="Words and phrases that may occur, with commas.")]
_Format = Annotated[Format, Form()]


@router.post("/transcriptions")
async def transcriptions(
    request: Request,
    file: _Audio,
    model: _Model = ALIAS,
    language: _Language = None,
    prompt: _Prompt = "",
    hotwords: _Hotwords = "",
    response_format: _Format = "json",
    granularities: Annotated[
        list[Granularity] | None, Form(alias="timestamp_granularities[]", description="For verbose_json.")
    ] = None,
    stream: Annotated[bool, Form(description="Server-sent events; goes with json and text.")] = False,
) -> Response:
    """Recognize and correct speech."""
    asked = Asked(_name(file), "transcribe", language or None, prompt, _listed(hotwords))
    return await _answered(request, file, model, asked, response_format, granularities or ["segment"], stream=stream)


@router.post("/translations")
async def translations(
    request: Request,
    file: _Audio,
    model: _Model = ALIAS,
    prompt: _Prompt = "",
    hotwords: _Hotwords = "",
    response_format: _Format = "json",
) -> Response:
    """Translate speech into English, and correct that."""
    asked = Asked(_name(file), "translate", None, prompt, _listed(hotwords))
    return await _answered(request, file, model, asked, response_format, ["segment"], stream=False)


async def _answered(
    request: Request,
    file: UploadFile,
    model: str,
    asked: Asked,
    format: Format,
    wanted: list[Literal["word", "segment"]],
    *,
    stream: bool,
) -> Response:
    engine: Engine = request.app.state.engine
    if model not in (known := (engine.model, ALIAS)):
        message = f"There is no model called {model!r}. Use {' or '.join(dict.fromkeys(known))}."
        raise RefusedError(404, message, param="model", code="model_not_found")
    if stream and format not in ("json", "text"):
        raise RefusedError(
            400, f"A stream has no {format}. Use json or text, or leave out stream.", param="response_format"
        )
    transcription = Transcription(engine, asked)
    corrections = _made(transcription, file, request.app.state.metrics)
    if stream:
        return await _streamed(corrections)
    async with aclosing(corrections):
        async for _ in corrections:
            pass
    return answer(transcription.recording, asked.task, format, wanted)


def _listed(text: str) -> tuple[str, ...]:
    """Hotwords with commas between them; what a client sends is never the name of a file."""
    parts = [part for part in text.split(",") if part.strip()]
    try:
        return tuple(hotword.text for hotword in hotwords_of(parts).entries)
    except UsageError as error:
        raise RefusedError(400, str(error), param="hotwords") from error


def _name(file: UploadFile) -> str:
    return (file.filename or "audio")[:200]


async def _made(transcription: Transcription, file: UploadFile, metrics: Metrics) -> AsyncGenerator[Correction, None]:
    """Corrections of what was sent. It goes to a file whose name has nothing to do with what the client calls it."""
    with tempfile.NamedTemporaryFile(prefix="ger-serve-") as copy:
        await asyncio.to_thread(shutil.copyfileobj, file.file, copy)
        copy.flush()
        try:
            async with aclosing(transcription.work(copy.name)) as made:
                async for correction in made:
                    metrics.decisions[correction.decision] += 1
                    yield correction
        finally:
            metrics.audio_seconds += transcription.seconds


async def _streamed(corrections: AsyncGenerator[Correction, None]) -> Response:
    """The answer begins with the first text, so that a file that cannot be used still gets an error."""
    first = await anext(corrections, None)
    return StreamingResponse(_events(first, corrections), media_type="text/event-stream")


async def _events(first: Correction | None, rest: AsyncGenerator[Correction, None]) -> AsyncIterator[bytes]:
    said = ""
    async with aclosing(rest):
        try:
            correction = first
            while correction is not None:
                if text := flat(correction.text):
                    delta = f" {text}" if said else text
                    said += delta
                    yield event("transcript.text.delta", {"delta": delta})
                correction = await anext(rest, None)
        except GerError as error:
            yield event("error", refusal_of(error).value)
            return
        except Exception as error:  # noqa: BLE001  # the answer has begun: this is the only way to tell
            logging.getLogger("ger.serve").error("%s in a stream", type(error).__name__)
            yield event("error", RefusedError(500, "The service broke.").value)
            return
    yield event("transcript.text.done", {"text": said})
