"""Speech out of text, by programs for speech synthesis that are installed."""

from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ger.errors import InputError, ModelError, UsageError
from ger.registry import suggest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]

__all__ = ["ENGINES", "RATE", "Voice", "noisy", "voice"]

#: Samples per second.
RATE = 16_000
#: Largest absolute sample; full scale is 1.
_PEAK = 0.25
#: Seconds of silence before and after the speech.
_REST = 0.2
#: Words per minute that espeak-ng speaks at its own speed.
_WORDS_PER_MINUTE = 175
#: Longest time a program may take for a text, seconds.
_PATIENCE = 120


class Voice(Protocol):
    """Something that reads texts aloud."""

    @property
    def signature(self) -> str:
        """Program and voice."""
        ...

    def speak(self, text: str, speed: float = 1.0) -> Samples:
        """The speech: float32, mono, 16 kHz, with a little silence around it.

        Args:
            text: One sentence or a few.
            speed: 2 is twice as fast as the voice speaks by itself.

        Raises:
            InputError: nothing can be said of that text.
            ModelError: the program failed.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Engine:
    """How a program is called.

    Attributes:
        program: Its name.
        default: Voice that is used where none is named; empty where one has to be.
        install: How to get it.
        command: Arguments for voice, speed, file with the text, and WAV file to write.
    """

    program: str
    default: str
    install: str
    command: Callable[[str, float, Path, Path], list[str]]


def _espeak(voice: str, speed: float, text: Path, wav: Path) -> list[str]:
    return ["-v", voice, "-s", str(round(_WORDS_PER_MINUTE * speed)), "-b", "1", "-f", str(text), "-w", str(wav)]


def _flite(voice: str, speed: float, text: Path, wav: Path) -> list[str]:
    return ["-voice", voice, "--setf", f"duration_stretch={1 / speed:.4f}", "-f", str(text), "-o", str(wav)]


def _piper(voice: str, speed: float, text: Path, wav: Path) -> list[str]:
    return ["--model", voice, "--length_scale", f"{1 / speed:.4f}", "--output_file", str(wav)]


#: The programs by name.
ENGINES = {
    "espeak-ng": _Engine("espeak-ng", "en-us", "apt install espeak-ng, or brew install espeak-ng", _espeak),
    "flite": _Engine("flite", "slt", "apt install flite", _flite),
    "piper": _Engine("piper", "", "pip install piper-tts", _piper),
}


def voice(spec: str) -> Voice:
    """The voice `ENGINE` or `ENGINE:NAME`, such as `espeak-ng:en-gb`, `flite:rms`, `piper:en_US-amy-medium.onnx`.

    Raises:
        UsageError: there is no such engine, its program is not installed, or a voice has to be named.
    """
    name, _, chosen = spec.partition(":")
    if name not in ENGINES:
        raise UsageError(f"There is no speech program called {name!r}.", suggest(name, ENGINES))
    engine = ENGINES[name]
    if not (chosen or engine.default):
        raise UsageError(f"--voice {spec} names no voice.", "Write piper:MODEL.onnx, a voice of piper's.")
    program = shutil.which(engine.program)
    if program is None:
        raise UsageError(f"The program {engine.program} is not on the path.", f"Install it: {engine.install}.")
    return _Program(engine, program, chosen or engine.default)


@dataclass(frozen=True, slots=True)
class _Program:
    """A voice of a program; see `Voice`."""

    engine: _Engine
    program: str
    voice: str

    @property
    def signature(self) -> str:
        """See `Voice`."""
        return f"{self.engine.program}:{self.voice}"

    def speak(self, text: str, speed: float = 1.0) -> Samples:
        """See `Voice`."""
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
