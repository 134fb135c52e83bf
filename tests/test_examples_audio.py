"""The clips of `examples/audio`: all there, small, readable, and as the script's table says."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
import soundfile

AUDIO = Path(__file__).resolve().parents[1] / "examples" / "audio"

pytestmark = pytest.mark.skipif(not AUDIO.is_dir(), reason="needs the examples of a checkout")


@pytest.fixture(scope="module")
def table() -> tuple[Any, ...]:
    """The script's `CLIPS`; running it as a module makes no audio."""
    return tuple(runpy.run_path(str(AUDIO / "make_audio.py"), run_name="make_audio")["CLIPS"])


def test_clips_are_16_khz_mono_and_20_to_60_seconds_in_all() -> None:
    infos = [soundfile.info(path) for path in AUDIO.glob("*.flac")]
    assert {(info.samplerate, info.channels, info.format) for info in infos} == {(16_000, 1, "FLAC")}
    assert 20 <= sum(info.duration for info in infos) <= 60


def test_clips_are_under_a_megabyte_in_all() -> None:
    assert sum(path.stat().st_size for path in AUDIO.glob("*.flac")) < 1_000_000


def test_clips_decode_and_hold_speech() -> None:
    for path in AUDIO.glob("*.flac"):
        samples, rate = soundfile.read(path)
        assert len(samples) / rate > 2, path.name
        assert 0.2 < abs(samples).max() < 0.3, path.name


def test_references_cover_all_clips(table: tuple[Any, ...]) -> None:
    lines = (AUDIO / "refs.tsv").read_text(encoding="utf-8").splitlines()
    references = dict(line.split("\t") for line in lines)
    assert references == {clip.id: clip.text for clip in table}
    assert set(references) == {path.stem for path in AUDIO.glob("*.flac")}
    assert len(references) >= 6


def test_several_voices_and_about_half_with_noise(table: tuple[Any, ...]) -> None:
    assert len({clip.voice for clip in table}) >= 2
    noisy = sum(clip.noise is not None for clip in table)
    assert 0.3 <= noisy / len(table) <= 0.7
