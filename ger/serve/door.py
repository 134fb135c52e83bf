"""What every request passes: who may enter, how many at once, how much they bring, how long they stay.

Nothing of a request is logged but its kind, its sizes and its time.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
import traceback
from typing import Any

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ger.serve.limits import Limits
from ger.serve.metrics import Metrics
from ger.serve.refusals import RefusedError

__all__ = ["WORK", "Door"]

#: What is work, of which only so much is taken at once.
WORK = ("/v1/audio/transcriptions", "/v1/audio/translations", "/v1/correct")
#: What takes forms; only those in parts, as in forms of the other kind files are text.
_FORMS = WORK[:2]
_OPEN = ("/health", "/docs", "/openapi.json")
_OTHERS = ("/v1/models", "/metrics", *_OPEN)
#: Seconds for which more is read of a request that is refused, so that its client comes to read why.
_LINGER = 5.0
#: The status that is counted where the client has gone.
_GONE = 499

_log = logging.getLogger("ger.serve")


class Door:
    """The outermost part of the service.

    Args:
        app: The rest of it.
        limits: What is taken.
        metrics: Where requests are counted.
    """

    def __init__(self, app: ASGIApp, limits: Limits, metrics: Metrics) -> None:
        self._app, self._limits, self._metrics = app, limits, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, path = time.perf_counter(), str(scope["path"])
        route = path if path in (*WORK, *_OTHERS) else "other"
        traffic = _Traffic(scope, receive, send, self._limits.body)
        refusal = self._refusal(scope, route)
        work = route in WORK and not refusal
        self._metrics.in_hand += work
        try:
            if refusal:
                await traffic.refuse(refusal)
            else:
                await self._pass(scope, traffic)
        finally:
            self._metrics.in_hand -= work
            seconds = time.perf_counter() - started
            self._metrics.request(route, traffic.status, seconds)
            _log.info(
                "%s %s %d, %d bytes in, %d bytes out, %.2f s",
                *(scope["method"], route, traffic.status, traffic.taken, traffic.given, seconds),
            )

    def _refusal(self, scope: Scope, route: str) -> RefusedError | None:
        """Why a request is refused by its head alone, if it is."""
        headers, limits = Headers(scope=scope), self._limits
        if limits.key and route not in _OPEN and not _knows(limits.key, headers.get("authorization", "")):
            message = "This service needs its API key. Send it as the header `Authorization: Bearer KEY`."
            return RefusedError(401, message, code="invalid_api_key", headers={"WWW-Authenticate": "Bearer"})
        if headers.get("content-encoding", "identity") != "identity":
            return RefusedError(415, "Compressed requests are not taken. Send the body as it is.")
        if headers.get("content-length", "0").isdecimal() and int(headers.get("content-length", "0")) > limits.body:
            return _too_large(limits.body)
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if scope["method"] == "POST" and route in _FORMS and kind != "multipart/form-data":
            return RefusedError(400, "file: Send the recording in a form (multipart/form-data).", param="file")
        if route in WORK and self._metrics.in_hand >= limits.requests:
            wait = max(1, min(60, round(self._metrics.mean(route))))
            message = f"{limits.requests} requests are in hand already. Send it again in {wait} s."
            return RefusedError(429, message, code="queue_full", headers={"Retry-After": str(wait)})
        return None

    async def _pass(self, scope: Scope, traffic: _Traffic) -> None:
        """Have a request answered, unless it takes too long or its client goes."""
        work = asyncio.ensure_future(self._app(scope, traffic.receive, traffic.send))
        gone = asyncio.ensure_future(traffic.gone())
        try:
            limit = self._limits.seconds
            await asyncio.wait({work, gone}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            late = not work.done() and not gone.done()
            if traffic.complete and not work.done():
                await asyncio.wait({work})
        finally:
            gone.cancel()
            work.cancel()
            await asyncio.wait({work, gone})
        if late and not traffic.complete:
            message = f"The answer was not there within {limit:g} s."
            await traffic.refuse(RefusedError(504, message, code="timeout"))
        elif work.cancelled():
            traffic.status = _GONE
        elif error := work.exception():
            # Its text may be of the request.
            _log.error("%s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)).rstrip())


def _knows(key: str, header: str) -> bool:
    scheme, _, given = header.partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), key.encode())


def _too_large(most: int) -> RefusedError:
    return RefusedError(413, f"The request is larger than {most} bytes. Send less at once.", code="request_too_large")


class _Traffic:
    """Counts what goes in and out; refuses to take too much."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, most: int) -> None:
        self._scope, self._receive, self._send, self._most = scope, receive, send, most
        self._read, self._left = asyncio.Event(), False
        self._started = self.complete = False
        self.taken = self.given = 0
        self.status = _GONE

    async def receive(self) -> Message:
        """The next part of the request.

        Raises:
            HTTPException: it becomes too large.
        """
        message = await self._next()
        if self.taken > self._most:
            raise HTTPException(413, _too_large(self._most).message)
        return message

    async def _next(self) -> Message:
        message = await self._receive()
        self.taken += len(message.get("body", b""))
        self._left = self._left or message["type"] == "http.disconnect"
        if self._left or not message.get("more_body"):
            self._read.set()
        return message

    async def gone(self) -> None:
        """Returns when the client has gone."""
        await self._read.wait()
        while not self._left:
            await self._next()

    async def send(self, message: Message) -> None:
        """A part of the answer; before the last one, what is left of the request is read for a while."""
        if message["type"] == "http.response.start":
            self._started, self.status = True, message["status"]
        self.given += len(message.get("body", b""))
        if message["type"] == "http.response.body" and not message.get("more_body"):
            if not self._read.is_set() and "expect" not in Headers(scope=self._scope):
                await self._send({**message, "more_body": True})
                await self._drain()
                message = {"type": "http.response.body", "body": b""}
            self.complete = True
        await self._send(message)

    async def _drain(self) -> None:
        until = self.taken + self._most
        try:
            async with asyncio.timeout(_LINGER):
                while not self._read.is_set() and self.taken < until:
                    await self._next()
        except TimeoutError:
            return

    async def refuse(self, refusal: RefusedError) -> None:
        """Answer with an error; where an answer has begun, it ends there."""
        self.status = refusal.status
        if not self._started:
            await refusal.response(self._scope, self._receive, self.send)
            return
        self.complete = True
        closing: Any = {"type": "http.response.body", "body": b""}
        await self._send(closing)
