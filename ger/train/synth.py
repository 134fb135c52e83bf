"""N-best lists made of text by way of speech: a voice reads each text aloud, and a recognizer listens."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ger.errors import GerError, InputError, ModelError, OutputError, RecordError, UsageError
from ger.io.paths import printable
from ger.protocols import AsrFrontend, Speaker
from ger.speech import RATE, noisy, wav
from ger.text.normalize import normalize
from ger.train.kept import Kept
from ger.types import AudioSegment, AudioSpan, NBest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]

__all__ = ["Delivery", "Reader", "Take", "takes"]

#: Texts that are recognized together.
_BATCH = 8


@dataclass(frozen=True, slots=True)
class Delivery:
    """How texts are read; of several voices, speeds and noises each take has one of each, drawn by its id.

    Attributes:
        voices: Specifications of voices (`ger.speech.voice`).
        speeds: 1 is the voice's own.
        snrs: Ratios of speech to pink noise, dB; none for no noise.
        takes: How often each text is read.
        seed: Fixes what is drawn.

    Raises:
        UsageError: something is out of its range.
    """

    voices: tuple[str, ...] = ("espeak-ng",)
    speeds: tuple[float, ...] = (1.0,)
    snrs: tuple[float, ...] = ()
    takes: int = 1
    seed: int = 1

    def __post_init__(self) -> None:
        if not self.voices or not self.speeds or self.takes < 1:
            raise UsageError("There is no voice, no speed or no take.", "Give at least one of each.")
        if not all(0.25 <= speed <= 4 for speed in self.speeds):
            raise UsageError(f"--speed {self.speeds} is out of range.", "Use numbers from 0.25 to 4.")
        if not all(-20 <= snr <= 100 for snr in self.snrs):
            raise UsageError(f"--snr {self.snrs} is out of range.", "Use decibels from -20 to 100.")


@dataclass(frozen=True, slots=True)
class Take:
    """One reading of a text.

    Attributes:
        id: That of the list it becomes.
        number: From 1; names the file of its audio.
        text: What is read.
        voice: Who reads.
        speed: 1 is the voice's own.
        snr: Ratio of speech to noise, dB; `None` without noise.
    """

    id: str
    number: int
    text: str
    voice: str
    speed: float
    snr: float | None


def takes(texts: Mapping[str, str], delivery: Delivery) -> list[Take]:
    """The readings of all texts that have words; with several of a text, its id has their number behind a dot.

    Raises:
        InputError: there are none.
    """
    made: list[Take] = []
    for key, text in texts.items():
        for i in range(1, delivery.takes + 1 if normalize(text) else 1):
            name = f"{key}.{i}" if delivery.takes > 1 else key
            dice = random.Random(f"{delivery.seed}-{name}")
            voice, speed = dice.choice(delivery.voices), dice.choice(delivery.speeds)
            snr = dice.choice(delivery.snrs) if delivery.snrs else None
            made.append(Take(name, len(made) + 1, " ".join(text.split()), voice, speed, snr))
    if not made:
        raise InputError("There is no text to be read.", "Give files with sentences, one a line.")
    return made


class Reader:
    """Has texts read and recognized.

    Args:
        voices: Speakers by specification.
        frontend: The recognizer.
        delivery: How texts are read.
        key: What lists depend on beside that: the settings of the recognizer.
        language: Language of the texts, `None` to detect it.
        audio: Folder for the speech, as WAV files; `None` to keep none.
    """

    def __init__(
        self,
        voices: Mapping[str, Speaker],
        frontend: AsrFrontend,
        delivery: Delivery,
        key: str = "",
        language: str | None = None,
        audio: Path | None = None,
    ) -> None:
        self._voices, self._frontend, self._delivery = voices, frontend, delivery
        self._language, self._audio = language, audio
        where = str(audio.absolute()) if audio else ""
        whole = json.dumps([key, language, where, delivery.seed, frontend.signature])
        self._key = hashlib.sha256(whole.encode()).hexdigest()

    def lists(
        self,
        jobs: Sequence[Take],
        part: Path,
        *,
        failed: Callable[[GerError], None],
        done: Callable[[int], None] = lambda number: None,
    ) -> list[NBest]:
        """The lists of all takes, in order.

        Args:
            jobs: The takes.
            part: A file for finished lists, so that the same call goes on after an interruption; it stays.
            failed: Told of each take that cannot be used; it has no list.
            done: Told how many takes are finished.

        Raises:
            OutputError: that file or the audio cannot be written.
        """
        with Kept(part, self._key) as kept:
            found = dict(_whole(kept.made, jobs))
            left = [job for job in jobs if job.id not in found]
            done(len(found))
            for begin in range(0, len(left), _BATCH):
                made = self._made(left[begin : begin + _BATCH], failed)
                kept.add({job.id: [asdict(job), nbest.to_json()] for job, nbest in made})
                found |= {job.id: nbest for job, nbest in made}
                done(len(left[begin : begin + _BATCH]))
        return [found[job.id] for job in jobs if job.id in found]

    def _made(self, jobs: Sequence[Take], failed: Callable[[GerError], None]) -> list[tuple[Take, NBest]]:
        spoken: list[tuple[Take, AudioSegment]] = []
        for job in jobs:
            try:
                spoken.append((job, self._segment(job)))
            except (InputError, ModelError) as error:
                failed(type(error)(f"{job.id}: {error.message}", error.hint))
        try:
            heard = self._frontend.recognize([segment for _, segment in spoken]) if spoken else []
        except ModelError as error:
            if len(spoken) > 1:  # let only those fail that must
                return [made for job, _ in spoken for made in self._made([job], failed)]
            failed(type(error)(f"{jobs[0].id}: {error.message}", error.hint))
            return []
        return [(job, self._list(job, nbest)) for (job, _), nbest in zip(spoken, heard, strict=True)]

    def _segment(self, job: Take) -> AudioSegment:
        samples = self._voices[job.voice].speak(job.text, job.speed)
        if job.snr is not None:
            samples = noisy(samples, job.snr, f"{self._delivery.seed}-{job.id}")
        path = self._audio / f"{job.number:06}.wav" if self._audio else None
        if path:
            _write(path, samples)
        span = AudioSpan(str(path or job.voice), 0.0, round(len(samples) / RATE, 3))
        return AudioSegment(job.id, span, samples, self._language)

    def _list(self, job: Take, nbest: NBest) -> NBest:
        made = {"frontend": self._frontend.signature, "voice": self._voices[job.voice].signature, "speed": job.speed}
        meta = dict(nbest.meta) | made | ({} if job.snr is None else {"snr": job.snr})
        return replace(nbest, id=job.id, reference=job.text, meta=meta, audio=nbest.audio if self._audio else None)


def _whole(kept: Mapping[str, object], jobs: Sequence[Take]) -> Iterator[tuple[str, NBest]]:
    """What an earlier run has finished of these takes."""
    for job in jobs:
        value = kept.get(job.id)
        if isinstance(value, list) and len(value) == 2 and value[0] == asdict(job):
            try:
                yield job.id, NBest.from_json(value[1])
            except RecordError:  # by another version: made again
                continue


def _write(path: Path, samples: Samples) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(wav([samples])))
    except OSError as error:
        raise OutputError(f"{printable(path)} cannot be written: {error.strerror}.", "Check the folder.") from error
