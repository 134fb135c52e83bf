"""Decoding files that other programs wrote: libsndfile through soundfile, FFmpeg through PyAV, headers by hand."""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ger.errors import AudioError, DependencyError
from ger.io import audio
from ger.io.audio import SAMPLE_RATE, AudioInfo, decode, probe

av = pytest.importorskip("av")
soundfile = pytest.importorskip("soundfile")

Samples = npt.NDArray[np.float64]


def tone(seconds: float, rate: int, *, frequency: float = 440.0) -> Samples:
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


def whole(path: Path) -> npt.NDArray[np.float32]:
    return np.concatenate(list(decode(path)))


def pitch(samples: npt.NDArray[Any]) -> float:
    """The strongest frequency, Hz."""
    spectrum = np.abs(np.fft.rfft(samples))
    return float(spectrum.argmax() * SAMPLE_RATE / len(samples))


FORMATS = [
    ("wav", 8_000, 2, "PCM_16"),
    ("wav", 48_000, 1, "PCM_24"),
    ("wav", 44_100, 2, "FLOAT"),
    ("wav", 16_000, 1, "ULAW"),
    ("flac", 22_050, 1, "PCM_16"),
    ("flac", 96_000, 2, "PCM_24"),
    ("aiff", 16_000, 1, "PCM_16"),
    ("ogg", 48_000, 1, "OPUS"),
    ("ogg", 44_100, 2, "VORBIS"),
    ("mp3", 44_100, 2, "MPEG_LAYER_III"),
]


@pytest.mark.parametrize(("ending", "rate", "channels", "subtype"), FORMATS)
def test_formats(tmp_path: Path, ending: str, rate: int, channels: int, subtype: str) -> None:
    path = tmp_path / f"a tone.{ending}"
    samples = np.repeat(tone(2.0, rate)[:, None], channels, axis=1)
    soundfile.write(path, samples, rate, subtype=subtype, format=ending.upper())
    decoded = whole(path)
    assert decoded.dtype == np.float32
    assert decoded.ndim == 1
    # MP3 frames hold 1152 samples; encoders pad the end to a whole one.
    assert len(decoded) / SAMPLE_RATE == pytest.approx(2.0, abs=0.06 if ending == "mp3" else 0.01)
    assert pitch(decoded) == pytest.approx(440, abs=1)
    assert np.abs(decoded[2000:-2000]).max() == pytest.approx(0.5, abs=0.03)  # no louder, however many channels
    info = probe(path)
    assert info.duration == pytest.approx(2.0, abs=0.06)
    assert info.exact == (ending in ("wav", "flac", "aiff"))


def test_samples_are_the_files_own_where_nothing_changes(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(-(2**15), 2**15, 5000).astype(np.int16)
    soundfile.write(tmp_path / "n.flac", noise, SAMPLE_RATE)
    assert np.array_equal(whole(tmp_path / "n.flac"), noise.astype(np.float32) / 2**15)


def test_channels_are_averaged(tmp_path: Path) -> None:
    left = tone(1.0, SAMPLE_RATE)
    soundfile.write(tmp_path / "one.wav", np.stack([left, np.zeros_like(left)], 1), SAMPLE_RATE)
    assert np.abs(whole(tmp_path / "one.wav") - left / 2).max() < 1e-3


def test_one_voice_in_opposite_phase_is_heard(tmp_path: Path) -> None:
    left = tone(1.0, SAMPLE_RATE)
    soundfile.write(tmp_path / "phase.wav", np.stack([left, -left], 1), SAMPLE_RATE)
    assert np.abs(whole(tmp_path / "phase.wav")).max() > 0.4


def test_blocks_are_bounded(tmp_path: Path) -> None:
    samples = tone(10.0, SAMPLE_RATE)
    soundfile.write(tmp_path / "long.flac", samples, SAMPLE_RATE)
    blocks = list(decode(tmp_path / "long.flac", block_seconds=2.0))
    assert len(blocks) in (4, 5)
    assert max(map(len, blocks)) < 2.4 * SAMPLE_RATE  # a FLAC frame holds 4096 samples
    assert np.abs(np.concatenate(blocks) - samples).max() < 1e-3


def _drain(reader: Iterator[npt.NDArray[np.float32]], blocks: list[npt.NDArray[np.float32]]) -> None:
    for block in reader:
        blocks.append(block)  # noqa: PERF402 - what came before the error has to stay


@pytest.mark.parametrize(("ending", "kept"), [("flac", 0.5), ("wav", 0.5), ("wav", 0.9)])
def test_cut_short(tmp_path: Path, ending: str, kept: float) -> None:
    full, path = tmp_path / f"full.{ending}", tmp_path / f"cut.{ending}"
    noise = np.random.default_rng(0).standard_normal(10 * SAMPLE_RATE) / 10
    soundfile.write(full, noise, SAMPLE_RATE)
    data = full.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    blocks: list[npt.NDArray[np.float32]] = []
    with pytest.raises(AudioError, match=r"cut short: \d\.\d s could be decoded of the 10\.0 s") as caught:
        _drain(decode(path, 1.0), blocks)
    assert str(path) in caught.value.message
    assert caught.value.hint
    decoded = np.concatenate(blocks)
    assert len(decoded) / SAMPLE_RATE == pytest.approx(10 * kept, abs=0.5)
    assert np.abs(decoded - noise[: len(decoded)]).max() < 1e-3


@pytest.mark.parametrize("unknown", [0xFFFFFFFF, 0x7FFFF000, 0x80000000])
def test_wav_written_to_a_pipe_is_whole(tmp_path: Path, unknown: int) -> None:
    samples = (tone(3.0, SAMPLE_RATE) * 2**15).astype("<i2").tobytes()
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", unknown, b"WAVE", b"fmt ", 16, 1, 1, 16_000, 32_000, 2, 16, b"data", unknown
    )
    path = tmp_path / "pipe.wav"
    path.write_bytes(header + samples)
    assert len(whole(path)) == 3 * SAMPLE_RATE


def test_wav_with_chunks_of_odd_size_before_the_data(tmp_path: Path) -> None:
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 16_000, 32_000, 2, 16)
    extra = struct.pack("<4sI", b"LIST", 5) + b"abcde\0"
    data = struct.pack("<4sI", b"data", 64_000)
    body = b"WAVE" + extra + form + extra + data + bytes(16_000)
    path = tmp_path / "half.wav"
    path.write_bytes(struct.pack("<4sI", b"RIFF", len(body)) + body)
    assert probe(path) == AudioInfo(2.0, exact=True)
    with pytest.raises(AudioError, match=r"0\.5 s could be decoded of the 2\.0 s"):
        list(decode(path))


def test_a_damaged_frame_does_not_end_the_file(tmp_path: Path) -> None:
    path = tmp_path / "damaged.flac"
    soundfile.write(path, np.random.default_rng(0).standard_normal(10 * SAMPLE_RATE) / 10, SAMPLE_RATE)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 40] = bytes(40)
    path.write_bytes(data)
    decoded = np.concatenate(list(decode(path)))
    assert len(decoded) / SAMPLE_RATE == pytest.approx(10, abs=0.6)


def _empty(path: Path) -> None:
    path.touch()


def _text(path: Path) -> None:
    path.write_text("This is no music.\n" * 50)


def _folder(path: Path) -> None:
    path.mkdir()


def _missing(path: Path) -> None:
    assert not path.exists()


def _no_samples(path: Path) -> None:
    soundfile.write(path, np.zeros(0), 16_000, format="WAV")


@pytest.mark.parametrize("make", [_empty, _text, _folder, _missing, _no_samples])
def test_not_audio(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "song.mp3"
    make(path)
    with pytest.raises(AudioError) as caught:
        list(decode(path))
    assert str(path) in caught.value.message
    assert "\n" not in str(caught.value)


def test_video_without_audio(tmp_path: Path) -> None:
    path = tmp_path / "silent.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(10):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), dtype=np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(AudioError, match="holds no audio"):
        probe(path)


def test_header_without_a_length(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="adts") as container:
        stream = container.add_stream("aac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone(1.024, 16_000)[None].astype(np.float32), format="fltp", layout="mono")
        frame.rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    path = tmp_path / "stream.aac"
    path.write_bytes(buffer.getvalue())
    assert not probe(path).exact
    assert len(whole(path)) / SAMPLE_RATE == pytest.approx(1.024, abs=0.2)


def test_raw_stream_has_no_duration(tmp_path: Path) -> None:
    path = tmp_path / "stream.au"
    samples = (tone(1.0, SAMPLE_RATE) * 2**15).astype(">i2").tobytes()
    path.write_bytes(struct.pack(">4sIIIII", b".snd", 24, 0xFFFFFFFF, 3, 16_000, 1) + samples)
    assert not probe(path).exact
    assert len(whole(path)) == SAMPLE_RATE


def test_without_pyav(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(DependencyError, match=r"pip install 'ger-asr\[faster-whisper\]'"):
        probe(tmp_path / "any.wav")


def test_what_came_before_damage_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it is less than a block."""
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(SAMPLE_RATE), SAMPLE_RATE)

    def damaged(*_: Any) -> Iterator[npt.NDArray[np.float32]]:
        yield np.ones(3 * SAMPLE_RATE, dtype=np.float32)
        raise AudioError("a.wav: decoding stopped.")

    monkeypatch.setattr(audio, "_samples", damaged)
    blocks = decode(path, block_seconds=30.0)
    assert len(next(blocks)) == 3 * SAMPLE_RATE
    with pytest.raises(AudioError, match="decoding stopped"):
        next(blocks)
