"""Results that are spoken: a WAV file beside the others."""

from __future__ import annotations

import shutil
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import Made
from test_cli import call

from ger import registry
from ger.conformance.speakers import check_speaker
from ger.errors import InputError, ModelError, OutputError, UnknownNameError, UsageError
from ger.io.inputs import expand
from ger.io.jsonl import write_records
from ger.output import OutputFolder
from ger.pipeline import Pipeline
from ger.settings import Settings
from ger.speech import voice
from ger.testing import ScriptedLM
from ger.types import Hypothesis, NBest

espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


class Hum:
    """A voice that hums a tenth of a second for each letter."""

    signature = "hum"

    def speak(self, text: str, speed: float = 1.0) -> Any:
        if text == "...":
            raise InputError("Nothing can be said.")
        if text == "broken":
            raise ModelError("hum is out of order.", "Repair it.")
        return (0.25 * np.sin(np.arange(round(1600 * len(text) / speed)) / 5)).astype(np.float32)


def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *texts: str) -> tuple[OutputFolder, Any, Any]:
    monkeypatch.setattr("ger.settings.load", lambda spec, options: ScriptedLM())
    lists = [NBest(f"u{i}", (Hypothesis(text),)) for i, text in enumerate(texts)]
    write_records(tmp_path / "talk.jsonl", lists)
    (source,) = expand([str(tmp_path / "talk.jsonl")]).inputs
    folder = OutputFolder(tmp_path / "out", ["txt"], "key", voices=lambda language: Hum())
    assert folder.split([source]) == ([source], [])
    (result,) = Pipeline(Settings()).run([source])
    return folder, source, result


def test_the_result_is_spoken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, source, result = run(tmp_path, monkeypatch, "so the field", "...", "", "and rest")
    written = folder.write(result)
    assert {path.name for path in written.values()} == {"talk.txt", "talk.speech.wav"}
    with wave.open(str(tmp_path / "out" / "talk.speech.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16_000)
        samples = np.frombuffer(file.readframes(-1), dtype="<i2")
    assert len(samples) == 1600 * len("so the fieldand rest")
    assert np.abs(samples).max() == pytest.approx(0.25 * 32767, rel=1e-3)
    again = OutputFolder(tmp_path / "out", ["txt"], "key", voices=lambda language: Hum())
    assert again.split([source]) == ([], [source])
    silent = OutputFolder(tmp_path / "out", ["txt"], "key")
    assert silent.split([source]) == ([source], [])  # another voice, or none, is another result


def test_a_voice_that_fails_is_told_and_the_texts_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, source, result = run(tmp_path, monkeypatch, "so the field", "broken")
    with pytest.raises(OutputError, match=r"talk.jsonl cannot be spoken: hum is out of order. Repair it."):
        folder.write(result)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"talk.txt"}
    assert (tmp_path / "out" / "talk.txt").read_text() == "so the field\nbroken\n"
    again = OutputFolder(tmp_path / "out", ["txt"], "key", voices=lambda language: Hum())
    assert again.split([source]) == ([source], [])  # it is not done


def test_a_voice_that_fails_in_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Made) -> None:
    monkeypatch.setitem(registry._BUILTIN["speakers"], "hum", "test_speak:hum")
    (tmp_path / "talk.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nbroken\n")
    options = ("--speak", "hum", "-o", tmp_path / "out", "--changes", tmp_path / "changes.jsonl")
    result = call("correct", tmp_path / "talk.srt", *options)
    assert result.exit_code == 1
    assert "talk.srt cannot be spoken: hum is out of order. Repair it." in result.stderr
    assert (tmp_path / "out" / "talk.srt").read_text() == (tmp_path / "talk.srt").read_text()
    assert (tmp_path / "changes.jsonl").exists()


def hum(voice: str) -> Hum:
    return Hum()


@pytest.mark.parametrize(
    ("told", "language"),
    [({"language": "de"}, "de"), ({"language": "de", "task": "translate", "target": "fr"}, "fr"), ({}, None)],
)
def test_the_voice_is_that_of_the_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: dict[str, Any], language: str | None
) -> None:
    monkeypatch.setattr("ger.settings.load", lambda spec, options: ScriptedLM())
    write_records(tmp_path / "talk.jsonl", [NBest("u", (Hypothesis("ja"),), **told)])
    asked: list[str | None] = []

    def voices(heard: str | None) -> Hum:
        asked.append(heard)
        return Hum()

    (source,) = expand([str(tmp_path / "talk.jsonl")]).inputs
    (result,) = Pipeline(Settings()).run([source])
    OutputFolder(tmp_path / "out", ["txt"], "key", voices=voices).write(result)
    assert asked == [None, language]  # what is installed is seen to before there is a result


@espeak
def test_the_voice_follows_the_language() -> None:
    assert voice("espeak-ng", "de").signature == "espeak-ng:de"
    assert voice("espeak-ng:es", "de").signature == "espeak-ng:es"
    assert voice("espeak-ng").signature == "espeak-ng:en-us"


@espeak
def test_our_voice_keeps_the_protocol() -> None:
    assert [(outcome.check, outcome.state) for outcome in check_speaker(voice("espeak-ng"))] == [
        *(("signature", "ok"), ("samples", "ok"), ("lengths", "ok"), ("nothing", "ok"))
    ]


def test_broken_voices_are_found_out() -> None:
    class Loud(Hum):
        def speak(self, text: str, speed: float = 1.0) -> Any:
            return np.full(16_000, 2.0)

    states = {outcome.check: outcome.state for outcome in check_speaker(Loud())}
    assert states == {"signature": "ok", "samples": "failed", "lengths": "failed", "nothing": "ok"}


def test_voices_that_there_are_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"no speaker called 'espeak'. Did you mean 'espeak-ng'\?"):
        voice("espeak")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="espeak-ng is not on the path"):
        voice("espeak-ng:de")
