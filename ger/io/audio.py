"""Decoding: any file libav reads becomes mono 16 kHz blocks, in bounded memory."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ger.errors import AudioError, DependencyError
from ger.io.paths import printable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["SAMPLE_RATE", "AudioInfo", "decode", "probe"]

#: What every front end gets, Hz.
SAMPLE_RATE = 16_000

#: From here on, the size in a WAV header is a placeholder: 2 GiB or 4 GiB, or a little less.
_UNKNOWN_SIZE = 0x7FFF_0000

#: Hz; what is said to have fewer would become enormous at 16 kHz.
_LEAST_RATE = 1000

#: Containers of audio and video that refer to no other file; play lists and scripts do.
_SELF_CONTAINED = "aac,ac3,aiff,amr,ape,asf,au,avi,caf,flac,flv,gsm,matroska,mov,mp3,mpeg,mpegts,ogg,tta,w64,wav,wv"

#: Containers whose header knows the exact length, so that a file cut short can be told.
_EXACT_LENGTH = {"flac", "wav", "mov,mp4,m4a,3gp,3g2,mj2", "aiff", "w64"}


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What the header of a file says."""

    duration: float | None
    """Seconds; `None` when the header does not say."""
    exact: bool
    """Whether `duration` is exact rather than estimated from the bit rate."""


def probe(path: str | Path) -> AudioInfo:
    """Read the header.

    Raises:
        AudioError: the file cannot be read or holds no audio.
    """
    with _opened(path) as (container, stream):
        return _info(path, container, stream)


def decode(path: str | Path, block_seconds: float = 30.0, *, trusted: bool = True) -> Iterator[npt.NDArray[np.float32]]:
    """Decode a file; channels are averaged, or the loudest is taken where they cancel each other.

    Args:
        path: The file.
        block_seconds: Length of a block.
        trusted: Whether the file may make libav read others, as play lists do.

    Yields:
        float32 arrays of shape `(n,)`, 16 kHz, between -1 and 1, about `block_seconds` long.

    Raises:
        AudioError: the file cannot be read, holds no audio, or ends before its header says it does. In the last
            case everything that could be decoded has been yielded before.
    """
    import numpy as np

    block = int(block_seconds * SAMPLE_RATE)
    pending: list[npt.NDArray[np.float32]] = []
    held = total = 0
    damage: AudioError | None = None
    with _opened(path, trusted=trusted) as (container, stream):
        info = _info(path, container, stream)
        samples = _samples(path, container, stream)
        while True:
            try:
                part = next(samples, None)
            except AudioError as error:
                part, damage = None, error
            if part is None:
                break
            pending.append(part)
            held += len(part)
            if held >= block:
                total += held
                yield np.concatenate(pending)
                pending, held = [], 0
    if held:
        total += held
        yield np.concatenate(pending)
    if damage:
        raise damage
    _check_length(path, total / SAMPLE_RATE, info)


def _samples(path: str | Path, container: Any, stream: Any) -> Iterator[npt.NDArray[np.float32]]:
    import av

    resampler = av.AudioResampler(format="fltp", rate=SAMPLE_RATE)
    try:
        for packet in container.demux(stream):
            for frame in _frames(packet):
                _check_rate(path, frame.sample_rate)
                frame.pts = None  # gaps and jumps in time stamps are not silence
                for out in resampler.resample(frame):
                    yield _mixed(out.to_ndarray())
        for out in resampler.resample(None):
            yield _mixed(out.to_ndarray())
    except (av.error.FFmpegError, OSError, ValueError) as error:  # ValueError: the channels change on the way
        raise AudioError(
            f"{printable(path)}: decoding stopped: {_reason(error)}.", "What could be decoded is transcribed."
        ) from error


def _mixed(channels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """One channel of the same level; libav's own mix makes what all channels hold louder, beyond full scale."""
    mean: npt.NDArray[np.float32] = channels.mean(axis=0)
    loudest: npt.NDArray[np.float32] = channels[(channels**2).sum(axis=1).argmax()]
    return loudest if (mean**2).sum() < (loudest**2).sum() / 100 else mean


def _frames(packet: Any) -> list[Any]:
    """The frames of a packet; one that is damaged does not spoil the file, and a lost tail shows in the length."""
    import av

    try:
        return list(packet.decode())
    except av.error.InvalidDataError:
        return []


def _check_rate(path: str | Path, rate: int) -> None:
    if rate < _LEAST_RATE:
        raise AudioError(f"{printable(path)} has a sample rate of {rate} Hz.", "Speech needs 8000 Hz or more.")


@contextlib.contextmanager
def _opened(path: str | Path, *, trusted: bool = True) -> Iterator[tuple[Any, Any]]:
    try:
        import av
    except ImportError as error:
        raise DependencyError("PyAV", "faster-whisper") from error
    try:
        if Path(path).stat().st_size == 0:
            raise AudioError(f"{printable(path)}: the file is empty.", "Copy it again or leave it out.")
        # Only a path from the root is safe from being taken for an address: 12:30.wav has a colon.
        options = {} if trusted else {"format_whitelist": _SELF_CONTAINED, "protocol_whitelist": "file"}
        container = av.open(os.path.abspath(path), options=options, metadata_errors="ignore")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        hint = "If a player plays it, convert it to WAV or FLAC first."
        if isinstance(error, PermissionError):
            hint = "Check its permissions."
        raise AudioError(f"{printable(path)} cannot be read as audio: {_reason(error)}.", hint) from error
    with container:
        if not container.streams.audio:
            raise AudioError(f"{printable(path)} holds no audio.", "Name a file with an audio track.")
        yield container, container.streams.audio[0]


def _info(path: str | Path, container: Any, stream: Any) -> AudioInfo:
    promised = _wav_seconds(path) if container.format.name == "wav" else None
    if promised is not None:
        return AudioInfo(promised, exact=True)
    if stream.duration and stream.time_base:
        duration = float(stream.duration * stream.time_base)
    elif container.duration:
        duration = container.duration / 1e6
    else:
        return AudioInfo(None, exact=False)
    return AudioInfo(duration, exact=container.format.name in _EXACT_LENGTH)


def _wav_seconds(path: str | Path) -> float | None:
    """What a WAV header promises; libav tells what the file holds. `None` if it was written before that was known."""
    rate = 0
    with Path(path).open("rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            name, size = struct.unpack("<4sI", head)
            if name == b"data":
                return size / rate if rate and size < _UNKNOWN_SIZE else None
            after = file.tell() + size + size % 2
            if name == b"fmt ":
                rate = struct.unpack("<8xI", file.read(12))[0]
            file.seek(after)
    return None


def _check_length(path: str | Path, decoded: float, info: AudioInfo) -> None:
    if decoded == 0:
        raise AudioError(f"{printable(path)} holds no audio samples that can be decoded.", "Copy it again.")
    if info.exact and info.duration and decoded < info.duration - max(0.5, info.duration / 100):
        raise AudioError(
            f"{printable(path)} is cut short: {decoded:.1f} s could be decoded of "
            f"the {info.duration:.1f} s in its header.",
            "What could be decoded is transcribed.",
        )


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).rstrip(".")
