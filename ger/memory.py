"""Memory that is not used any more, back to the system."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any

__all__ = ["give_back"]


def give_back() -> None:
    """Have the C library return what was freed; glibc keeps it, in pieces that do not always fit again.

    Over a long recording that adds up to some hundred MB. Nothing happens where the library has no `malloc_trim`.
    """
    if trim := _trim():
        trim(0)


@cache
def _trim() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):  # another C library than glibc
        return None
