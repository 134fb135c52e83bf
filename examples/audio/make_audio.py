"""Make the example clips and `refs.tsv`, in the folder of this script.

Four synthetic voices read sentences written for this project; half of the clips get noise, so that a small recognizer
errs in ways that a language model can mend. Everything is fixed: the texts, the voices, the seeds.

    python examples/audio/make_audio.py

Needs numpy and soundfile, and three programs, here as in Debian 12, which made the clips in this folder: flite 2.2-5
(voices slt, rms and awb), espeak-ng 1.51+dfsg-10 and sox 14.4.2. The samples are the same on every run; the bytes of
the files depend on the libFLAC that soundfile brings.
"""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Samples = npt.NDArray[np.float64]

__all__ = ["CLIPS", "RATE", "Clip", "main"]

#: Samples per second of every clip.
RATE = 16_000
#: Largest absolute sample of every clip; full scale is 1.
PEAK = 0.25


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip: who says what, and in which noise.

    Attributes:
        id: Name of the file without its ending, and first column of `refs.tsv`.
        voice: `flite:NAME` or `espeak:NAME`.
        text: What is said, in ordinary written form.
        noise: None, pink noise, or babble (four voices speaking backwards).
        snr: Ratio of speech to noise, dB.
        seed: Of the random numbers behind pink noise.
    """

    id: str
    voice: str
    text: str
    noise: Literal["pink", "babble"] | None = None
    snr: float = 0.0
    seed: int = 0


CLIPS = (
    Clip(
        "01-flight",
        "flite:slt",
        "We can't meet on Tuesday because their flight to Seattle lands two hours late.",
        "pink",
        12.0,
        2,
    ),
    Clip(
        "02-toll",
        "flite:slt",
        "The council voted to raise the toll on the bridge from three to four dollars.",
        "pink",
        9.0,
        2,
    ),
    Clip("03-router", "espeak:en-us", "She knew the new router would lose its settings after the power cut."),
    Clip(
        "04-storm",
        "flite:slt",
        "The weather service expects heavy rain and whole trees down across the coast road.",
    ),
    Clip(
        "05-school",
        "flite:rms",
        "The principal said the school board will meet here again in four weeks.",
        "pink",
        8.0,
        1,
    ),
    Clip(
        "06-budget",
        "flite:awb",
        "Priya will walk us through the sales figures, and then we'll vote on the budget.",
    ),
    Clip(
        "07-patch",
        "flite:awb",
        "The patch fixes a memory leak that made the web server crash every night.",
        "babble",
        9.0,
    ),
    Clip("08-field", "flite:rms", "They sowed the field with wheat and waited for the rain to come.", "pink", 9.0, 2),
    Clip("09-cache", "espeak:en-us", "Who's going to check whether the cache is full before we start the job?"),
    Clip("10-snow", "flite:awb", "The mayor thanked the crews who cleared the snow from the main road by dawn."),
)

#: Who speaks in the babble, and what; it is played backwards.
BABBLE = (
    ("flite:slt", "The ferry to the island leaves every second hour from the pier behind the old market."),
    ("flite:rms", "Our grandmother kept a list of every book she had read, with a short opinion next to each."),
    ("flite:awb", "It rained for most of the week, and then on Friday the whole valley turned bright green."),
    ("espeak:en-us+f3", "Please leave your umbrella at the door, and take a number from the machine by the window."),
)


def main() -> None:
    """Write every clip and `refs.tsv` beside this script."""
    import soundfile

    folder = Path(__file__).resolve().parent
    for clip in CLIPS:
        soundfile.write(folder / f"{clip.id}.flac", _render(clip), RATE, subtype="PCM_16")
    lines = [f"{clip.id}\t{clip.text}\n" for clip in CLIPS]
    (folder / "refs.tsv").write_text("".join(lines), encoding="utf-8")


def _render(clip: Clip) -> Samples:
    import numpy as np

    rest = np.zeros(RATE // 5)
    samples = np.concatenate([rest, _speak(clip.voice, clip.text), rest])
    if clip.noise:
        noise = _pink(clip.seed, len(samples)) if clip.noise == "pink" else _babble(len(samples))
        samples = samples + noise * _power(samples) ** 0.5 / _power(noise) ** 0.5 / 10 ** (clip.snr / 20)
    scaled: Samples = samples * (PEAK / np.abs(samples).max())
    return scaled


def _speak(voice: str, text: str) -> Samples:
    """What a voice says, at `RATE`."""
    import soundfile

    engine, _, name = voice.partition(":")
    with tempfile.TemporaryDirectory() as folder:
        raw, wav = Path(folder, "raw.wav"), Path(folder, "16k.wav")
        command = (
            ["flite", "-voice", name, "-t", text, "-o"] if engine == "flite" else ["espeak-ng", "-v", name, text, "-w"]
        )
        subprocess.run([*command, str(raw)], check=True)
        subprocess.run(["sox", "-D", str(raw), "-r", str(RATE), "-c", "1", str(wav)], check=True)
        samples: Samples = soundfile.read(wav)[0]
    return samples


def _pink(seed: int, length: int) -> Samples:
    """Noise whose power falls with 1/f, the same for the same seed."""
    import numpy as np

    white = np.fft.rfft(np.random.default_rng(seed).standard_normal(length))
    pink: Samples = np.fft.irfft(white / np.sqrt(np.maximum(np.arange(len(white)), 1)), length)
    return pink


def _babble(length: int) -> Samples:
    """Four voices at equal power, backwards, repeated to the length wanted."""
    import numpy as np

    voices = [np.resize(_speak(voice, text)[::-1], length) for voice, text in BABBLE]
    babble: Samples = np.sum([voice / _power(voice) ** 0.5 for voice in voices], axis=0)
    return babble


def _power(samples: Samples) -> float:
    return float((samples**2).mean())


if __name__ == "__main__":
    main()
