"""Memory that is not used any more, back to the system."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any

__all__ = ["few_arenas", "give_back"]

_ARENA_MAX, _ARENAS = -8, 2  # M_ARENA_MAX of glibc


def few_arenas() -> None:
    """Have threads of this program share what was freed; with glibc each of them would keep its own pieces.

    Over a recording that adds up to some hundred MB. For programs of our own, before they make threads.
    """
    if set_option := _of_c("mallopt"):
        set_option(_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Have the C library return what was freed; glibc keeps it, in pieces that do not always fit again.

    Over a long recording that adds up to some hundred MB. Nothing happens where the library has no `malloc_trim`.
    """
    if trim := _of_c("malloc_trim"):
        trim(0)


@cache
def _of_c(name: str) -> Any:
    """A function of glibc; `None` where there is another C library."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        return getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):
        return None
