"""Running the service: from the command, or in a thread of a program."""

from __future__ import annotations

import ipaddress
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from ger.errors import UsageError
from ger.serve.app import create
from ger.serve.engine import Engine
from ger.serve.limits import Limits
from ger.settings import Settings

__all__ = ["bind", "is_loopback", "serve", "serving", "url_of"]


def bind(host: str, port: int) -> socket.socket:
    """A socket on an address; nobody can connect to it yet.

    Raises:
        UsageError: the address is not to be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Told the protocol, asyncio sends an answer's body at once; else it would wait for its head to be acknowledged.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
    except (OSError, OverflowError) as error:
        made.close()
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{host} port {port} cannot be used: {reason}.", "Choose another --port or --host.") from error
    return made


def is_loopback(listener: socket.socket) -> bool:
    """Whether only this machine reaches it."""
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def url_of(listener: socket.socket) -> str:
    """The address for a client."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"


def serve(engine: Engine, listener: socket.socket, started: Callable[[], None]) -> None:
    """Answer requests until the process is told to end (SIGTERM, SIGINT); those that were accepted are finished.

    Args:
        engine: The models; closed at the end.
        listener: What to listen on; closed at the end.
        started: Called when clients can connect.
    """
    server = _Server(engine, started)
    # uvicorn ends as the signal would have ended it: by the handlers that were there before its own.
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        server.run(sockets=[listener])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def serving(settings: Settings, limits: Limits | None = None, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """The service in a thread, as long as the block lasts; accepted requests are finished.

    Args:
        settings: What to use; see `ger.api.settings`.
        limits: What is taken.
        host: The address to listen on.
        port: The port; a free one when it is 0.

    Yields:
        The base URL for OpenAI's clients.

    Raises:
        GerError: a model cannot be had, or the address.
    """
    listener = bind(host, port)
    started = threading.Event()
    try:
        server = _Server(Engine(settings, limits or Limits()), started.set)
    except BaseException:
        listener.close()
        raise
    url = url_of(listener)
    thread = threading.Thread(target=server.run, args=([listener],), name="ger-serve")
    thread.start()
    try:
        started.wait(30)
        yield url
    finally:
        server.should_exit = True
        thread.join()


class _Server(uvicorn.Server):
    """uvicorn, quiet, telling when clients can connect."""

    def __init__(self, engine: Engine, started: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                create(engine),
                http="h11",
                ws="none",
                lifespan="on",
                log_config=None,
                log_level=logging.WARNING,
                access_log=False,
                server_header=False,
                proxy_headers=False,
            )
        )
        self._tell = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server`."""
        await super().startup(sockets)
        self._tell()
