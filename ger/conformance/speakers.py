"""Whether a voice keeps what `ger.protocols.Speaker` promises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ger.conformance.outcome import Outcome, carried_out, keep, signature
from ger.errors import GerError
from ger.protocols import Speaker

__all__ = ["check_speaker"]

_RATE = 16_000
_SHORT, _LONG = "No.", "The council voted to raise the toll on the bridge from two to three dollars."


def check_speaker(speaker: Speaker) -> Iterator[Outcome]:
    """Check a voice; it has to know English, or at least its letters."""
    return carried_out(_CHECKS, speaker)


def _samples(speaker: Speaker) -> str:
    spoken: Any = speaker.speak(_LONG)
    keep(getattr(spoken, "dtype", None) == "float32" and spoken.ndim == 1, "The speech is no float32 of one dimension.")
    peak = float(abs(spoken).max()) if len(spoken) else 0.0
    keep(0 < peak <= 1, f"The largest sample is {peak:g}, not between 0 and 1.")
    return f"{len(spoken) / _RATE:.1f} s"


def _lengths(speaker: Speaker) -> str:
    short, long, fast = (len(speaker.speak(*call)) / _RATE for call in ((_SHORT,), (_LONG,), (_LONG, 1.6)))
    keep(short < long, f"{len(_LONG)} letters take {long:.1f} s and {len(_SHORT)} take {short:.1f} s.")
    keep(fast < long, f"At speed 1.6 it speaks for {fast:.1f} s, at speed 1 for {long:.1f} s.")
    return f"{short:.1f} to {long:.1f} s"


def _nothing(speaker: Speaker) -> str:
    try:
        speaker.speak("")
    except GerError:
        return "refused"
    return "spoken"


def _signature(speaker: Speaker) -> None:
    signature(speaker)


_CHECKS: tuple[Callable[[Speaker], str | None], ...] = (_signature, _samples, _lengths, _nothing)
