"""Speech by its loudness."""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

RATE = 16_000
FRAME = 160  # samples, 10 ms

Samples = npt.NDArray[np.float32]


class Energy:
    """Cuts where it is quiet for half a second, and wherever a stretch gets too long.

    Args:
        quiet: From which level on a frame counts as sound (dB, 0 is full scale).
        pause: Silence that ends a stretch (seconds).
        longest: No stretch is longer (seconds).
    """

    def __init__(self, quiet: float = -40.0, pause: float = 0.5, longest: float = 28.0) -> None:
        self._level = 10 ** (quiet / 20)
        self._pause, self._longest = int(pause * RATE / FRAME), int(longest * RATE / FRAME)

    def split(self, blocks: Iterable[Samples]) -> Iterator[tuple[float, Samples]]:
        held: list[Samples] = []  # frames of the stretch, the pause behind it included
        loud = number = 0
        for number, frame in enumerate(frames(blocks), 1):
            sounds = float(np.sqrt(np.mean(frame**2))) > self._level
            if held or sounds:
                held.append(frame)
                loud = len(held) if sounds else loud
            if len(held) - loud >= self._pause or len(held) >= self._longest:
                yield stretch(held, loud, number)
                held, loud = [], 0
        if held:
            yield stretch(held, loud, number)


def frames(blocks: Iterable[Samples]) -> Iterator[Samples]:
    """Frames of equal length, however long the blocks are; the last one may be shorter."""
    rest = np.zeros(0, np.float32)
    for block in blocks:
        rest = np.concatenate([rest, block])
        whole = len(rest) // FRAME * FRAME
        yield from rest[:whole].reshape(-1, FRAME)
        rest = rest[whole:]
    if len(rest):
        yield rest


def stretch(held: list[Samples], loud: int, number: int) -> tuple[float, Samples]:
    """Start (seconds) and samples of the first frames that are held, where so many frames have come."""
    return (number - len(held)) * FRAME / RATE, np.concatenate(held[:loud])
