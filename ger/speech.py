"""Speech out of text, by programs for speech synthesis that are installed."""

from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
import wave
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ger import registry
from ger.errors import InputError, ModelError, UsageError
from ger.io.output import mapped
from ger.needs import NEEDS
from ger.protocols import Speaker

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]

__all__ = ["RATE", "espeak_ng", "flite", "noisy", "piper", "voice", "wav"]

#: Samples per second.
RATE = 16_000
#: Largest absolute sample; full scale is 1.
_PEAK = 0.25
#: Seconds of silence before and after the speech.
_REST = 0.2
#: Words per minute that espeak-ng speaks at its own speed.
_WORDS_PER_MINUTE = 175
#: Bytes of a file that are handed on at once.
_PIECE = 1 << 20
#: Longest time a program may take for a text, seconds.
_PATIENCE = 120


@dataclass(frozen=True, slots=True)
class _Engine:
    """How a program is called.

    Attributes:
        program: Its name, which is that of the plug-in.
        command: Arguments for voice, speed, file with the text, and WAV file to write.
    """

    program: str
    command: Callable[[str, float, Path, Path], list[str]]


def _espeak(voice: str, speed: float, text: Path, wav: Path) -> list[str]:
    return ["-v", voice, "-s", str(round(_WORDS_PER_MINUTE * speed)), "-b", "1", "-f", str(text), "-w", str(wav)]


def _flite(voice: str, speed: float, text: Path, wav: Path) -> list[str]:
    return ["-voice", voice, "--setf", f"duration_stretch={1 / speed:.4f}", "-f", str(text), "-o", str(wav)]


def _piper(voice: str, speed: float, text: Path, wav: Path) -> list[str]:
    return ["--model", voice, "--length_scale", f"{1 / speed:.4f}", "--output_file", str(wav)]


def voice(spec: str, language: str | None = None) -> Speaker:
    """The voice `PLUG-IN` or `PLUG-IN:NAME`, such as `espeak-ng:en-gb`, `flite:rms`, `piper:en_US-amy-medium.onnx`.

    Args:
        spec: The plug-in, and what it is given.
        language: The code of the language to speak; a voice of espeak-ng for it where the text names none.

    Raises:
        UnknownNameError: there is no such plug-in.
        UsageError: its program is not installed, or a voice has to be named.
    """
    name, _, chosen = spec.partition(":")
    if name == "espeak-ng" and not chosen:
        chosen = language or ""
    speaker: Speaker = registry.load("speakers", name)(chosen)
    return speaker


def espeak_ng(voice: str) -> Speaker:
    """A voice of espeak-ng; American English where none is named."""
    return _found(_Engine("espeak-ng", _espeak), voice or "en-us")


def flite(voice: str) -> Speaker:
    """A voice of flite, which speaks English; `slt` where none is named."""
    return _found(_Engine("flite", _flite), voice or "slt")


def piper(voice: str) -> Speaker:
    """A voice of piper, the file of its model."""
    if not voice:
        raise UsageError("piper has no voice of its own.", "Write piper:MODEL.onnx, a voice of piper's.")
    return _found(_Engine("piper", _piper), voice)


def _found(engine: _Engine, voice: str) -> Speaker:
    need = NEEDS["speakers"][engine.program]
    program = shutil.which(need.program)
    if program is None:
        raise UsageError(f"The program {need.program} is not on the path.", f"Install it: {need.install}.")
    return _Program(engine, program, voice)


@dataclass(frozen=True, slots=True)
class _Program:
    """A voice of a program; see `ger.protocols.Speaker`."""

    engine: _Engine
    program: str
    voice: str

    @property
    def signature(self) -> str:
        """See `ger.protocols.Speaker`."""
        return f"{self.engine.program}:{self.voice}"

    def speak(self, text: str, speed: float = 1.0) -> Samples:
        """See `ger.protocols.Speaker`."""
        import numpy as np

        from ger.errors import AudioError
        from ger.io.audio import decode

        with tempfile.TemporaryDirectory(prefix="ger-") as folder:
            written, wav = Path(folder, "text.txt"), Path(folder, "speech.wav")
            written.write_text(text + "\n", encoding="utf-8", errors="replace")
            self._run(self.engine.command(self.voice, speed, written, wav), written)
            try:
                samples = np.concatenate([*decode(wav)])
            except AudioError as error:
                raise InputError(f"{self.signature} says nothing for {text[:60]!r}.", "Leave that text out.") from error
        peak = float(np.abs(samples).max())
        if not peak:
            raise InputError(f"{self.signature} is silent for {text[:60]!r}.", "Leave that text out.")
        rest = np.zeros(int(_REST * RATE), dtype=np.float32)
        return np.concatenate([rest, samples * np.float32(_PEAK / peak), rest])

    def _run(self, arguments: list[str], text: Path) -> None:
        try:
            with text.open("rb") as stream:
                done = subprocess.run(
                    [self.program, *arguments], stdin=stream, capture_output=True, timeout=_PATIENCE, check=False
                )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ModelError(f"{self.signature} failed: {error}.", "Try the program by itself.") from error
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise ModelError(f"{self.signature} failed: {said[-1] if said else 'no reason given'}.", "Check the voice.")


def wav(parts: Iterable[Samples]) -> Iterator[bytes]:
    """A WAV file of 16 bit, piece by piece; the samples wait on disk, as its beginning says how many there are.

    Raises:
        OutputError: there is no room for them.
    """
    import numpy as np

    with mapped(tempfile.gettempdir()), tempfile.TemporaryFile() as file:
        with wave.open(file, "wb") as stream:
            stream.setnchannels(1)
            stream.setsampwidth(2)
            stream.setframerate(RATE)
            for samples in parts:
                stream.writeframesraw((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
        file.seek(0)
        yield from iter(lambda: file.read(_PIECE), b"")


def noisy(samples: Samples, snr: float, seed: str) -> Samples:
    """Speech in pink noise (its power falls with 1/f), the same for the same seed.

    Args:
        samples: The speech.
        snr: Power of the speech over that of the noise, dB.
        seed: Fixes the noise.
    """
    import numpy as np

    dice = np.random.default_rng(random.Random(seed).getrandbits(64))
    white = np.fft.rfft(dice.standard_normal(len(samples)))
    pink = np.fft.irfft(white / np.sqrt(np.maximum(np.arange(len(white)), 1)), len(samples))
    level = np.sqrt((samples.astype(np.float64) ** 2).mean() / (pink**2).mean() / 10 ** (snr / 10))
    mixed = samples + level * pink
    made: Samples = (mixed / max(1.0, float(np.abs(mixed).max()))).astype(np.float32)
    return made
