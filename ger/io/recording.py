"""One input and what became of its segments, for the writers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ger.types import Correction

__all__ = ["Recording", "flat"]


@dataclass(frozen=True, slots=True)
class Recording:
    """One input and what became of its segments.

    Attributes:
        path: As given by the user.
        duration: Seconds, `None` when unknown.
        language: A language code, `None` when unknown.
        corrections: The segments, in order; those of a long recording may be read from disk as they are asked for.
    """

    path: str
    duration: float | None = None
    language: str | None = None
    corrections: Sequence[Correction] = ()

    @property
    def text(self) -> str:
        """The whole text on one line."""
        return " ".join(filter(None, (flat(correction.text) for correction in self.corrections)))


def flat(text: str) -> str:
    """On one line, without tabs."""
    return " ".join(text.split())
