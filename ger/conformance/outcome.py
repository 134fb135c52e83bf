"""Carrying out checks: each is a function that raises where a promise is broken, and one line is said about each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from ger.errors import GerError

__all__ = [
    "TOLERANCE",
    "BrokenError",
    "Outcome",
    "SkippedError",
    "carried_out",
    "keep",
    "near",
    "signature",
    "survives",
]

#: How far scores may lie apart that should be equal (nats).
TOLERANCE = 1e-3

_Subject = TypeVar("_Subject")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one check has found.

    Attributes:
        check: Its name.
        state: How it ended.
        said: What is broken, why it was left out, or what was seen; one sentence or nothing.
    """

    check: str
    state: Literal["ok", "failed", "skipped"]
    said: str = ""

    def __str__(self) -> str:
        state = self.state.upper() if self.state == "failed" else self.state
        return f"{state}: {self.said}" if self.said else state


class BrokenError(Exception):
    """A promise is broken; the text says which."""


class SkippedError(Exception):
    """A check makes no sense here; the text says why."""


def carried_out(checks: Sequence[Callable[[_Subject], str | None]], subject: _Subject) -> Iterator[Outcome]:
    """Carry out checks one after the other; whatever a plug-in raises is an outcome.

    Args:
        checks: Functions that raise `BrokenError` or `SkippedError`, or return what they have seen.
        subject: What they are given.
    """
    for check in checks:
        name = check.__name__.strip("_").replace("_", "-")
        try:
            yield Outcome(name, "ok", check(subject) or "")
        except SkippedError as error:
            yield Outcome(name, "skipped", str(error))
        except (BrokenError, GerError) as error:
            yield Outcome(name, "failed", str(error))
        except Exception as error:  # noqa: BLE001  # a plug-in may raise anything
            yield Outcome(name, "failed", f"It raised {type(error).__name__}: {error}.")


def keep(promise: bool, sentence: str) -> None:
    """See that a promise is kept.

    Raises:
        BrokenError: it is not; the sentence says so.
    """
    if not promise:
        raise BrokenError(sentence)


def near(one: float | None, other: float | None, tolerance: float) -> bool:
    """Whether two scores are equal, or both unknown."""
    if one is None or other is None:
        return one is other
    return abs(one - other) <= tolerance


def signature(plugin: Any, work: Callable[[], object] = lambda: None) -> None:
    """See that the signature is one line, and the same after some work.

    Raises:
        BrokenError: it is not.
    """
    first = plugin.signature
    keep(isinstance(first, str) and bool(first.strip()), f"The signature is {first!r}, not a line of text.")
    keep(len(first.splitlines()) == 1, f"The signature {first!r} has several lines.")
    work()
    keep(plugin.signature == first, f"The signature was {first!r} and is {plugin.signature!r} now.")


def survives(record: Any) -> None:
    """See that a record is the same after it was written as JSON and read again.

    Raises:
        BrokenError: it is not, or cannot be written.
    """
    try:
        again = type(record).from_json(json.loads(json.dumps(record.to_json(), allow_nan=False)))
    except (TypeError, ValueError, GerError) as error:
        raise BrokenError(f"The record of {record.id} cannot be written and read as JSON: {error}.") from error
    keep(again == record, f"The record of {record.id} is another one after it was written and read as JSON.")
