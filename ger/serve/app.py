"""The routes of the service, and what becomes of errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp

from ger import __version__
from ger.errors import GerError
from ger.serve import audio, records
from ger.serve.door import Door
from ger.serve.engine import Engine
from ger.serve.metrics import Metrics
from ger.serve.refusals import RefusedError, refusal_of

__all__ = ["create"]

_router = APIRouter(tags=["service"])


def create(engine: Engine) -> ASGIApp:
    """The service as an ASGI application; it closes the engine when it ends.

    Args:
        engine: The models; its limits are those of the service.
    """
    app = FastAPI(title="ger", version=__version__, lifespan=_lifespan, redoc_url=None, description=_ABOUT)
    app.state.engine, app.state.metrics = engine, Metrics()
    for router in (audio.router, records.router, _router):
        app.include_router(router)
    app.add_exception_handler(RefusedError, _refused)
    app.add_exception_handler(GerError, _failed)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _broken)
    return Door(app, engine.limits, app.state.metrics)


_ABOUT = "Speech recognition with N-best correction. OpenAI's clients work with `/v1` as their base URL."


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    await asyncio.to_thread(app.state.engine.close)


@_router.get("/health")
async def health(request: Request) -> dict[str, Any]:
    """Whether the service is there."""
    engine: Engine = request.app.state.engine
    return {"status": "ok", "version": __version__, "model": engine.model}


@_router.get("/metrics", response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    """Counts for Prometheus."""
    text = request.app.state.metrics.text(request.app.state.engine.stages)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


@_router.get("/v1/models")
async def models(request: Request) -> dict[str, Any]:
    """The models that requests can name."""
    return {"object": "list", "data": [_model(name) for name in _names(request)]}


@_router.get("/v1/models/{name}")
async def model(request: Request, name: str) -> dict[str, Any]:
    """One of the models that requests can name."""
    if name not in _names(request):
        raise RefusedError(404, f"There is no model called {name!r}.", param="model", code="model_not_found")
    return _model(name)


def _names(request: Request) -> list[str]:
    return list(dict.fromkeys([request.app.state.engine.model, audio.ALIAS]))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "ger"}


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return error.response


async def _failed(_: Request, error: Exception) -> Response:
    assert isinstance(error, GerError)
    return refusal_of(error).response


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    param = str(first["loc"][-1])
    return RefusedError(400, f"{param}: {first['msg']}.", param=param).response


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = "request_too_large" if error.status_code == 413 else None
    return RefusedError(error.status_code, str(error.detail), code=code, headers=error.headers or {}).response


async def _broken(_: Request, error: Exception) -> Response:
    return RefusedError(500, "The service broke. Its log says where.").response
