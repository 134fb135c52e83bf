"""`ger serve`: the HTTP service."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Annotated

import typer

from ger.cli import common, writing

if TYPE_CHECKING:
    from ger.settings import Settings

__all__ = ["serve"]

_HTTP = "Service"
_LEVELS = ("debug", "info", "warning", "error")


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.", rich_help_panel=_HTTP)] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.", rich_help_panel=_HTTP)
    ] = 8000,
    api_key: Annotated[
        str | None,
        typer.Option(envvar="GER_SERVE_API_KEY", help="What clients have to send.", rich_help_panel=_HTTP),
    ] = None,
    max_body: Annotated[
        float, typer.Option(help="Size of a request at most (megabytes).", rich_help_panel=_HTTP)
    ] = 100.0,
    max_audio: Annotated[
        float, typer.Option(help="Length of a recording at most (seconds).", rich_help_panel=_HTTP)
    ] = 14_400.0,
    queue: Annotated[
        int, typer.Option(help="Requests in hand at once; more are told to come again.", rich_help_panel=_HTTP)
    ] = 32,
    timeout: Annotated[float, typer.Option(help="Time for a request (seconds).", rich_help_panel=_HTTP)] = 600.0,
    log_level: Annotated[
        str, typer.Option(help="debug, info (a line a request), warning, error.", rich_help_panel=_HTTP)
    ] = "info",
    model: common.Model = None,
    frontend: common.Frontend = None,
    segmenter: common.Segmenter = None,
    language: common.Language = None,
    nbest: common.NBestSize = None,
    beam_size: common.BeamSize = None,
    batch_size: common.BatchSize = None,
    hotwords: common.Hotwords = None,
    hotword_model: common.HotwordModel = None,
    llm: common.Llm = None,
    backend: common.Backend = None,
    mode: common.Mode = None,
    profile: common.ProfileFile = None,
    rewrites: common.Rewrites = None,
    weight: common.Weight = None,
    form: common.LlmForm = None,
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
    gate: writing.GateFile = None,
    guard: writing.Guarding = None,
    device: common.Device = None,
    compute_type: common.ComputeType = None,
    threads: common.Threads = None,
) -> None:
    """Answer OpenAI's clients over HTTP: recognize and correct their audio, correct their N-best lists.

    Ends with exit code 0 when told to (SIGTERM, Ctrl-C), after the requests that were accepted.
    """
    with common.exit_codes():
        from ger.api import settings
        from ger.errors import DependencyError

        made = settings(
            model=model,
            frontend=frontend,
            segmenter=segmenter,
            language=language,
            nbest=nbest,
            beam_size=beam_size,
            batch_size=batch_size,
            hotwords=common.told(hotwords),
            hotword_model=hotword_model,
            llm=llm,
            backend=backend,
            mode=mode,
            profile=profile,
            rewrites=rewrites,
            weight=weight,
            form=form,
            llm_compute_type=llm_compute_type,
            adapter=adapter,
            prompt=prompt,
            decoding=decoding,
            beams=beams,
            examples=examples,
            shots=shots,
            select=select,
            tag=tag,
            answers=answers,
            gate=gate,
            guard=guard,
            device=device,
            compute_type=compute_type,
            threads=threads,
        )
        try:
            import fastapi  # noqa: F401
            import python_multipart  # noqa: F401
            import uvicorn  # noqa: F401
        except ImportError as error:
            raise DependencyError("The HTTP service", "serve") from error
        from ger.serve import run
        from ger.serve.engine import Engine
        from ger.serve.limits import Limits

        key = _key(api_key, made)
        limits = Limits(key, int(max_body * 1e6), queue, timeout, max_audio)
        _log(log_level)
        listener = run.bind(host, port)
        with listener:
            if not run.is_loopback(listener) and not key:
                common.say("Warning: everybody who reaches this machine can use the service. Give it an --api-key.")
            engine = Engine(made, limits)
            run.serve(engine, listener, lambda: common.say(f"Listening on {run.url_of(listener)}"))
            common.say("All accepted requests are answered.")


def _key(given: str | None, made: Settings) -> str:
    """What clients have to send: what was given, else GER_API_KEY, unless a model server gets that.

    Raises:
        UsageError: one gets it, and nobody said what clients have to send.
    """
    from ger.errors import UsageError

    if given is not None:
        return given
    key = os.environ.get("GER_API_KEY", "")
    if key and made.servers:
        raise UsageError(
            f"GER_API_KEY is sent to the server of {made.servers[0]}, so it cannot be what clients send.",
            "Set GER_SERVE_API_KEY to what they have to send, or give --api-key '' where they need none.",
        )
    return key


def _log(level: str) -> None:
    from ger.errors import UsageError
    from ger.registry import suggest

    if level not in _LEVELS:
        raise UsageError(f"There is no log level called {level!r}.", suggest(level, _LEVELS))
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    logging.getLogger("ger").setLevel(level.upper())
