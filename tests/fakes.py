"""Scripted parts in the places of the built-in ones, for tests in this process and for commands run in another.

`python -m fakes ARGS` is `ger ARGS` with them. What is heard follows from the name of the file:

- `*broken*`: the recognizer fails on its second segment; `*odd*`: the language model fails on all of it.
- `*change*`: the language model prefers the second hypothesis.

GER_TEST_DELAY: seconds that the recognizer takes for a segment.
GER_TEST_LM_DELAY: seconds that the language model takes for a text.
GER_TEST_LOG: a file that gets the id of every segment that the recognizer hears, one a line.
"""

from __future__ import annotations

import math
import os
import struct
import time
import wave
from dataclasses import dataclass, field
from pathlib import Path

from ger import registry
from ger.errors import ModelError
from ger.protocols import FrontendOptions, LmOptions
from ger.testing import FixedSegmenter, ScriptedFrontend, ScriptedLM
from ger.types import AudioSegment

PARTS: dict[registry.Kind, dict[str, str]] = {
    "frontends": {"faster-whisper": "fakes:frontend"},
    "segmenters": {"silero": "fakes:segmenter"},
    "backends": {"transformers": "fakes:lm"},
}


@dataclass
class Made:
    """The parts that were made, in order."""

    frontends: list[ScriptedFrontend] = field(default_factory=list)
    segmenters: list[FixedSegmenter] = field(default_factory=list)
    lms: list[ScriptedLM] = field(default_factory=list)


MADE = Made()


def frontend(options: FrontendOptions) -> ScriptedFrontend:
    if options.model == "missing":
        raise ModelError("The model missing cannot be found.", "Check the name.")
    MADE.frontends.append(ScriptedFrontend(heard))
    return MADE.frontends[-1]


def segmenter() -> FixedSegmenter:
    MADE.segmenters.append(FixedSegmenter())
    return MADE.segmenters[-1]


def lm(options: LmOptions) -> ScriptedLM:
    if options.model == "missing":
        raise ModelError("The model missing cannot be found.", "Check the name.")
    MADE.lms.append(ScriptedLM(score))
    return MADE.lms[-1]


def heard(segment: AudioSegment) -> list[tuple[str, float]]:
    time.sleep(float(os.environ.get("GER_TEST_DELAY", "0")))
    if log := os.environ.get("GER_TEST_LOG"):
        with open(log, "a") as file:
            file.write(f"{segment.id}\n")
    if "broken" in segment.id and segment.id.endswith("/0001"):
        raise ModelError("The recognizer broke.", "Use another one.")
    number = int(segment.id.rpartition("/")[2])
    kind = next((kind for kind in ("odd", "change") if kind in segment.id), "plain")
    return [(f"{kind} words {number} so the field", -1.0), (f"{kind} words {number} sow the field", -2.0)]


def score(prefix: str, text: str) -> float:
    time.sleep(float(os.environ.get("GER_TEST_LM_DELAY", "0")))
    if "odd" in text.lower():
        raise ModelError("The language model broke.", "Use another one.")
    return -10.0 if " sow " in text and "change" in text.lower() else -40.0


def tone(path: Path, seconds: float, rate: int = 16_000, volume: float = 0.3) -> Path:
    """A WAV file of a tone of 440 Hz; of silence where the volume is 0."""
    values = (int(32767 * volume * math.sin(2 * math.pi * 440 * i / rate)) for i in range(int(seconds * rate)))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(b"".join(struct.pack("<h", value) for value in values))
    return path


if __name__ == "__main__":
    from ger.cli import main

    for kind, parts in PARTS.items():
        registry._BUILTIN[kind].update(parts)
    main()
