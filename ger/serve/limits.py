"""What the service takes, and from whom."""

from __future__ import annotations

from dataclasses import dataclass, field

from ger.errors import UsageError

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What the service takes.

    Attributes:
        key: What clients have to know; empty for nothing.
        body: Bytes of a request at most.
        requests: Requests in hand at once at most; further ones are refused.
        seconds: Time for a request, from its head to the last byte of the answer.
        audio: Length of a recording at most (seconds).

    Raises:
        UsageError: one is not positive.
    """

    key: str = field(default="", repr=False)
    body: int = 100_000_000
    requests: int = 32
    seconds: float = 600.0
    audio: float = 14_400.0

    def __post_init__(self) -> None:
        if not (self.body > 0 and self.requests > 0 and self.seconds > 0 and self.audio > 0):
            raise UsageError("Limits of the service have to be positive.", "See ger serve --help.")
