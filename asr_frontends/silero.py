"""Voice activity segmentation with Silero, as shipped with faster-whisper.

Speech is found by the Silero network; neighbouring stretches are joined while they stay short enough to be one
sentence or two. Source of the network: https://github.com/snakers4/silero-vad
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ger.errors import DependencyError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["SileroSegmenter"]

_RATE = 16_000


@dataclass(frozen=True, slots=True)
class SileroSegmenter:
    """Cuts a recording into stretches of speech of at most `max_seconds`.

    Args:
        max_seconds: No stretch is longer; a longer one is cut at its last pause. Whisper hears 30 s at a time.
        join_seconds: Neighbours are joined while the whole stays under this.
        max_pause: Neighbours are not joined over a longer pause (seconds); Whisper may end its text there.
        min_silence: A pause this long (seconds) ends a stretch.
        padding: Kept before and after each stretch (seconds).
        threshold: Probability from which a frame counts as speech.
        window: How much of the recording is held in memory (seconds).
    """

    max_seconds: float = 28.0
    join_seconds: float = 15.0
    max_pause: float = 1.0
    min_silence: float = 0.3
    padding: float = 0.3
    threshold: float = 0.5
    window: float = 120.0

    def split(self, blocks: Iterable[npt.NDArray[np.float32]]) -> Iterator[tuple[float, npt.NDArray[np.float32]]]:
        """See `ger.protocols.Segmenter`."""
        import numpy as np

        held = np.zeros(0, dtype=np.float32)
        offset = 0
        pending: list[npt.NDArray[np.float32]] = []
        size = 0
        for block in blocks:
            pending.append(block)
            size += len(block)
            if size < self.window * _RATE:
                continue
            held = np.concatenate([held, *pending])
            pending, size = [], 0
            spans = self._spans(held)
            # What the window's end cuts through, or what follows may be joined to, is looked at again with it.
            late = len(held) - int((self.max_pause + self.padding) * _RATE)
            keep = spans.pop()[0] if spans and spans[-1][1] >= late else max(0, len(held) - _RATE)
            for start, end in spans:
                yield (offset + start) / _RATE, held[start:end].copy()
            held, offset = held[keep:], offset + keep
        held = np.concatenate([held, *pending])
        for start, end in self._spans(held):
            yield (offset + start) / _RATE, held[start:end].copy()

    def _spans(self, audio: npt.NDArray[np.float32]) -> list[tuple[int, int]]:
        """Start and end samples of the stretches of speech, joined."""
        try:
            from faster_whisper.vad import VadOptions, get_speech_timestamps
        except ImportError as error:
            raise DependencyError("faster-whisper", "faster-whisper") from error
        if not len(audio):
            return []
        options = VadOptions(
            threshold=self.threshold,
            max_speech_duration_s=self.max_seconds,
            min_silence_duration_ms=int(self.min_silence * 1000),
            speech_pad_ms=int(self.padding * 1000),
        )
        return self._join([(s["start"], s["end"]) for s in get_speech_timestamps(audio, options)])

    def _join(self, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
        joined: list[tuple[int, int]] = []
        for start, end in spans:
            if joined:
                first, last = joined[-1]
                if (
                    end - first <= self.join_seconds * _RATE
                    and start - last + 2 * self.padding * _RATE <= self.max_pause * _RATE
                ):
                    joined[-1] = (first, end)
                    continue
            joined.append((start, end))
        return joined
