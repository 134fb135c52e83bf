"""Whether a segmenter keeps what `ger.protocols.Segmenter` promises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from ger.conformance.outcome import Outcome, carried_out, keep
from ger.conformance.sample import RATE, Sample
from ger.protocols import Segmenter

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

__all__ = ["check_segmenter"]

_PAUSES = (1.0, 2.5, 1.5)  # seconds of silence before, between and after two times the recording
_BLOCKS = (0.7, 30.0)  # seconds


def check_segmenter(segmenter: Segmenter, sample: Sample) -> Iterator[Outcome]:
    """Check a segmenter; the recording is said twice, with silence before, between and after.

    Args:
        segmenter: The segmenter.
        sample: A recording of speech.
    """
    return carried_out(_CHECKS, _Cutting(segmenter, sample))


class _Cutting:
    """A segmenter, a recording, and the stretches that it finds there."""

    def __init__(self, segmenter: Segmenter, sample: Sample) -> None:
        import numpy as np

        before, between, after = (np.zeros(int(seconds * RATE), dtype=np.float32) for seconds in _PAUSES)
        self.segmenter = segmenter
        self.recording: Array = np.concatenate([before, sample.samples, between, sample.samples, after])

    @cached_property
    def stretches(self) -> list[tuple[float, Array]]:
        return self.split(self.recording, _BLOCKS[0])

    def split(self, samples: Array, seconds: float) -> list[tuple[float, Array]]:
        """What it makes of samples that come in blocks of so many seconds."""
        size = int(seconds * RATE)
        return list(self.segmenter.split(samples[i : i + size] for i in range(0, len(samples), size)))


def _finds(cutting: _Cutting) -> str:
    found = [f"{start:.2f} to {start + len(samples) / RATE:.2f} s" for start, samples in cutting.stretches]
    keep(bool(found), f"Nothing was found in {len(cutting.recording) / RATE:.1f} s with speech.")
    return ", ".join(found)


def _type(cutting: _Cutting) -> None:
    for start, samples in cutting.stretches:
        said = f"The stretch at {start:.2f} s has samples of {samples.dtype}, shape {samples.shape}."
        keep(str(samples.dtype) == "float32" and samples.ndim == 1 and len(samples) > 0, said)


def _order(cutting: _Cutting) -> None:
    reached = 0.0
    for start, samples in cutting.stretches:
        keep(start >= reached - 0.5 / RATE, f"A stretch begins at {start:.3f} s, where {reached:.3f} s were reached.")
        reached = start + len(samples) / RATE


def _inside(cutting: _Cutting) -> None:
    last = len(cutting.recording) / RATE
    for start, samples in cutting.stretches:
        end = start + len(samples) / RATE
        inside = start >= 0 and end <= last + 0.5 / RATE
        keep(inside, f"A stretch from {start:.3f} to {end:.3f} s is not inside of {last:.3f} s.")


def _samples(cutting: _Cutting) -> None:
    import numpy as np

    for start, samples in cutting.stretches:
        first = max(0, round(start * RATE))
        cut = cutting.recording[first : first + len(samples)]
        length = min(len(cut), len(samples))  # what sticks out is told by another check
        same = np.array_equal(cut[:length], samples[:length])
        keep(same, f"The samples of the stretch at {start:.3f} s are not those of the recording there.")


def _blocks(cutting: _Cutting) -> None:
    short, long = ([(s, len(x)) for s, x in cutting.split(cutting.recording, size)] for size in _BLOCKS)
    keep(short == long, f"Blocks of {_BLOCKS[0]} s are cut otherwise than those of {_BLOCKS[1]:g} s.")


def _silence(cutting: _Cutting) -> None:
    found = cutting.split(cutting.recording * 0, _BLOCKS[0])
    keep(not found, f"{len(found)} stretches of speech were found in digital silence.")


def _nothing(cutting: _Cutting) -> None:
    found = list(cutting.segmenter.split(iter(())))
    keep(not found, f"{len(found)} stretches were found in a recording without a sample.")


_CHECKS: tuple[Callable[[_Cutting], str | None], ...] = (
    _finds,
    _type,
    _order,
    _inside,
    _samples,
    _blocks,
    _silence,
    _nothing,
)
