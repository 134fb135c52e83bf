"""Voice activity segmentation: the example clips at known places in known silence."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from asr_frontends.silero import SileroSegmenter
from ger.errors import DependencyError
from ger.io.audio import SAMPLE_RATE, decode
from ger.protocols import Segmenter

pytest.importorskip("faster_whisper")

Samples = npt.NDArray[np.float32]
CLIPS = sorted((Path(__file__).parent.parent / "examples" / "audio").glob("*.flac"))
GAPS = (1.0, 4.0, 0.5, 2.5, 6.0, 0.2, 3.0)
_EDGE = 0.2  # seconds of rest at both ends of each clip, see examples/audio/make_audio.py


def rest(seconds: float) -> Samples:
    """A very quiet room."""
    noise = np.random.default_rng(0).standard_normal(round(seconds * SAMPLE_RATE)) * 1e-4
    return noise.astype(np.float32)


@pytest.fixture(scope="module")
def talk() -> tuple[Samples, list[tuple[float, float]]]:
    """Clean clips with gaps, and when somebody speaks (seconds)."""
    pieces, spoken, at = [], [], 0.0
    clips = [np.concatenate(list(decode(path))) for path in CLIPS if path.stem[:2] in ("03", "04", "06", "09", "10")]
    for gap, clip in zip(GAPS, clips * 2, strict=False):
        start = at + gap + _EDGE
        spoken.append((start, start + len(clip) / SAMPLE_RATE - 2 * _EDGE))
        pieces += [rest(gap), clip]
        at += gap + len(clip) / SAMPLE_RATE
    return np.concatenate([*pieces, rest(2.0)]), spoken


def blocks(samples: Samples, seconds: float = 1.7) -> Iterator[Samples]:
    size = round(seconds * SAMPLE_RATE)
    for first in range(0, len(samples), size):
        yield samples[first : first + size]


def spans(segmenter: SileroSegmenter, samples: Samples) -> list[tuple[float, float]]:
    """Start and end of each stretch; on the way, that each is cut out of the recording where it says."""
    found = []
    for start, piece in segmenter.split(blocks(samples)):
        first = round(start * SAMPLE_RATE)
        assert np.array_equal(samples[first : first + len(piece)], piece)
        found.append((start, start + len(piece) / SAMPLE_RATE))
    return found


def assert_covers(found: list[tuple[float, float]], spoken: list[tuple[float, float]]) -> None:
    for start, end in spoken:
        assert any(first <= start + 0.2 and last >= end - 0.2 for first, last in found), (start, end, found)


def assert_in_order(found: list[tuple[float, float]]) -> None:
    assert all(start < end for start, end in found)
    assert all(before[1] <= after[0] + 1e-6 for before, after in pairwise(found))


def test_is_a_segmenter() -> None:
    assert isinstance(SileroSegmenter(), Segmenter)


def test_everything_that_is_said_lies_within_a_stretch(talk: tuple[Samples, list[tuple[float, float]]]) -> None:
    samples, spoken = talk
    found = spans(SileroSegmenter(), samples)
    assert_in_order(found)
    assert_covers(found, spoken)
    assert all(end - start <= 15.0 for start, end in found)
    # Only the gaps of 0.5 and 0.2 seconds, 0.9 and 0.6 with the rests of the clips, are bridged.
    assert len(found) == 5 + 1
    silent = len(samples) / SAMPLE_RATE - sum(end - start for start, end in found)
    assert silent > 4.0 + 2.5 + 6.0 + 3.0 - 4 * 2 * 0.3


def test_nothing_is_joined_when_that_is_not_wanted(talk: tuple[Samples, list[tuple[float, float]]]) -> None:
    samples, _ = talk
    found = spans(SileroSegmenter(join_seconds=0.0), samples)
    assert_in_order(found)
    assert len(found) >= 6


@pytest.mark.parametrize("window", [3.0, 7.0, 11.0, 20.0])
def test_a_small_window_changes_nothing(talk: tuple[Samples, list[tuple[float, float]]], window: float) -> None:
    samples, spoken = talk
    whole = spans(SileroSegmenter(window=1000.0), samples)
    found = spans(SileroSegmenter(window=window), samples)
    assert_in_order(found)
    assert_covers(found, spoken)
    # The network starts afresh in each window, so that edges in the silence move a little.
    assert [pytest.approx(edge, abs=0.2) for span in whole for edge in span] == [
        edge for span in found for edge in span
    ]


@pytest.mark.parametrize("cut", np.arange(4.0, 10.0, 0.5))
def test_a_window_that_ends_anywhere_loses_nothing(talk: tuple[Samples, list[tuple[float, float]]], cut: float) -> None:
    samples, spoken = talk
    samples, spoken = samples[: 15 * SAMPLE_RATE], spoken[:2]
    assert_covers(spans(SileroSegmenter(window=float(cut), join_seconds=0.0), samples), spoken)


def test_a_long_speech_is_cut(talk: tuple[Samples, list[tuple[float, float]]]) -> None:
    clip = np.concatenate([block for path in CLIPS[:8] for block in decode(path)])  # 36 s with pauses of 0.4 s
    found = spans(SileroSegmenter(max_seconds=6.0, min_silence=2.0, join_seconds=0.0), clip)
    assert_in_order(found)
    assert len(found) >= 6
    assert all(end - start <= 6.0 + 0.1 for start, end in found)
    assert sum(end - start for start, end in found) > 0.9 * len(clip) / SAMPLE_RATE


@pytest.mark.parametrize("level", [0.0, 1e-4])
def test_silence(level: float) -> None:
    assert spans(SileroSegmenter(window=4.0), rest(10.0) * np.float32(level * 1e4)) == []


def test_nothing_at_all() -> None:
    assert list(SileroSegmenter().split([])) == []
    assert list(SileroSegmenter().split([np.zeros(0, dtype=np.float32)])) == []


def test_without_faster_whisper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper.vad", None)
    with pytest.raises(DependencyError, match="faster-whisper"):
        list(SileroSegmenter().split([rest(1.0)]))
