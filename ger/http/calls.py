"""What clients of all servers do: several requests at the same time, and asking for the models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ger.errors import ModelError
from ger.http.client import Client

__all__ = ["CONNECTIONS", "PROBE_TRIES", "each", "first_model"]

#: Requests that run at the same time unless told otherwise.
CONNECTIONS = 8
#: How often a request is sent that finds out at the start what a server can do.
PROBE_TRIES = 3

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


def each(function: Callable[[_Item], _Made], items: Sequence[_Item], connections: int) -> list[_Made]:
    """Apply a function to all items, some at the same time; after a failure no further one is begun."""
    if not items:
        return []
    pool = ThreadPoolExecutor(min(connections, len(items)))
    try:
        return list(pool.map(function, items))
    finally:
        pool.shutdown(cancel_futures=True)


def first_model(client: Client, shown: str, hint: str) -> str:
    """The first model that a server names.

    Args:
        client: The server.
        shown: How the server is named in errors.
        hint: What to do where it names none.

    Raises:
        ModelError: it names none.
    """
    reply = client.get("models")
    try:
        return str(reply.value["data"][0]["id"])
    except (KeyError, IndexError, TypeError) as error:
        reason = f": {reply.refusal}" if reply.refusal else ""
        raise ModelError(f"{shown}: the server names no model{reason}.", hint) from error
