"""Names in synthesized speech that the recognizer is told: a small form of `benchmarks/hotwords_audio.py`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from ger.api import settings
from ger.io.inputs import expand
from ger.pipeline import Pipeline

SENTENCES = {
    "Kowalczyk": "Please send the signed contract to Mister Kowalczyk before Friday.",
    "Szymanski": "Professor Szymanski will open the conference on Monday.",
    "Brixworth": "The school in Brixworth was closed because of the snow.",
    "Lindqvist": "Doctor Lindqvist explained the results to the family.",
}
OTHERS = ["The weather will be cold tomorrow.", "The price of bread went up again this spring."]
LISTED = [*SENTENCES, "Pryce", "Bredd", "Tamarrow", "Solvanta"]


def spoken(folder: Path, number: int, text: str) -> Path:
    path = folder / f"{number}.wav"
    subprocess.run(["espeak-ng", "-v", "en-gb", "-s", "150", "-w", str(path), text], check=True)
    return path


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_names_are_heard_and_nothing_else_changes(whisper_dir: Path, tmp_path: Path) -> None:
    files = [spoken(tmp_path, number, text) for number, text in enumerate([*SENTENCES.values(), *OTHERS])]
    options = {"model": str(whisper_dir), "language": "en", "weights": {"lm": 0.0}}
    corrector = settings(**options).make_corrector()  # without hotwords: what the recognizer alone makes of them
    inputs = expand([str(path) for path in files]).inputs
    plain, told = (
        [corrector.correct(result.lists)[0].text for result in Pipeline(made, correct=False).run(inputs)]
        for made in (settings(**options), settings(**options, hotwords=LISTED))
    )
    names = list(SENTENCES)
    heard = [sum(name in text for name, text in zip(names, texts, strict=False)) for texts in (plain, told)]
    assert heard[1] >= max(3, 2 * heard[0])
    assert plain[len(names) :] == told[len(names) :]
    assert not any(name in text for name in LISTED[len(names) :] for text in told)
