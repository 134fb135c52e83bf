"""What front ends and segmenters are checked on: a recording of speech, four seconds of which come with ger."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ger.errors import AudioError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["RATE", "Sample", "speech"]

RATE = 16_000
#: Seconds of a recording that are used at most: what any recognizer hears at once.
_MOST = 20.0
#: In an installed ger, and in a checkout.
_NAMES = ("speech.flac", "../../examples/audio/10-snow.flac")


@dataclass(frozen=True, slots=True)
class Sample:
    """A recording of speech.

    Attributes:
        path: Where it lies.
        samples: Mono float32 at 16 kHz, twenty seconds of it at most.
    """

    path: str
    samples: npt.NDArray[np.float32]


def speech(path: str | Path | None = None) -> Sample:
    """A recording, decoded; the one that comes with ger (an English sentence, synthetic) where none is named.

    Raises:
        AudioError: it cannot be read, or is shorter than a second.
    """
    import numpy as np

    from ger.io.audio import decode

    named = str(path or _own())
    samples = np.concatenate([np.zeros(0, np.float32), *decode(named)])[: int(_MOST * RATE)]
    if len(samples) < RATE:
        raise AudioError(f"{named} is shorter than a second.", "Give a recording of a sentence or two.")
    return Sample(named, samples)


def _own() -> Any:
    folder = resources.files("ger.conformance")
    return next(file for name in _NAMES if (file := folder / name).is_file())
