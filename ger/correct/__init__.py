"""Strategies from N-best lists to corrections.

`ger.correct` is this package and, as the interface of `ger`, a function too: called, it is `ger.api.correct`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ger.io.formats import Recording

__all__: list[str] = []


class _Callable(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> Recording:
        """See `ger.api.correct`."""
        from ger.api import correct

        return correct(*arguments, **options)


sys.modules[__name__].__class__ = _Callable
