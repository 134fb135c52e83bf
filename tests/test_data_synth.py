"""Lists by way of speech: voices, noise, what is kept, and three sentences through the real recognizer."""

from __future__ import annotations

import json
import shutil
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fakes
import pytest
from typer.testing import CliRunner

from ger.cli.data import app
from ger.errors import GerError, InputError, ModelError, OutputError, UsageError
from ger.io.jsonl import read_nbest
from ger.speech import RATE, noisy, voice
from ger.testing import ScriptedFrontend
from ger.train.synth import Delivery, Reader, Take, takes

if TYPE_CHECKING:
    from asr_frontends.faster_whisper import FasterWhisper

np = pytest.importorskip("numpy")

TEXTS = {"a": "We booked two seats.", "b": "", "c": "The night train was late.", "d": "..."}
espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
flite = pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")


class Tone:
    """A voice that hums for as long as a text has letters; it has nothing to say of `mute`, and breaks on `broken`."""

    signature = "tone:1"

    def __init__(self) -> None:
        self.spoken: list[tuple[str, float]] = []

    def speak(self, text: str, speed: float = 1.0) -> Any:
        self.spoken.append((text, speed))
        if "mute" in text:
            raise InputError("tone says nothing.", "Leave it out.")
        if "broken" in text:
            raise ModelError("tone is out of order.")
        time = np.arange(round(len(text) / speed) * 400)
        return (0.25 * np.sin(time / 5)).astype(np.float32)


def heard(segment: Any) -> list[tuple[str, float]]:
    if segment.id == "deaf":
        raise ModelError("The recognizer broke.", "Use another one.")
    return [("we booked two seats", -1.0), (f"{len(segment.samples)} samples", -2.0)]


def reader(tone: Tone, delivery: Delivery | None = None, **more: Any) -> tuple[Reader, ScriptedFrontend]:
    frontend = ScriptedFrontend(heard)
    delivery = delivery or Delivery(("tone",))
    return Reader(dict.fromkeys(delivery.voices, tone), frontend, delivery, **more), frontend


# Takes


def test_takes_by_id() -> None:
    assert takes(TEXTS, Delivery()) == [
        Take("a", 1, TEXTS["a"], "espeak-ng", 1.0, None),
        Take("c", 2, TEXTS["c"], "espeak-ng", 1.0, None),
    ]
    several = Delivery(("x", "y"), (0.9, 1.1), (5.0, 10.0), takes=40)
    made = takes(TEXTS, several)
    assert [take.id for take in made[38:42]] == ["a.39", "a.40", "c.1", "c.2"]
    assert {(take.voice, take.speed, take.snr) for take in made} == {
        (v, s, n) for v in "xy" for s in (0.9, 1.1) for n in (5.0, 10.0)
    }
    assert made == takes(TEXTS, several)
    assert made[40:] == [
        Take(t.id, t.number + 40, t.text, t.voice, t.speed, t.snr) for t in takes({"c": TEXTS["c"]}, several)
    ]


@pytest.mark.parametrize("texts", [{}, {"a": " ?"}])
def test_nothing_to_read(texts: dict[str, str]) -> None:
    with pytest.raises(InputError, match="no text"):
        takes(texts, Delivery())


@pytest.mark.parametrize(
    "options", [{"voices": ()}, {"takes": 0}, {"speeds": (0.0,)}, {"snrs": (float("nan"),)}, {"speeds": ()}]
)
def test_deliveries_that_cannot_be(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"no voice|--speed|--snr"):
        Delivery(**options)


# Reading


def test_lists_of_takes(tmp_path: Path) -> None:
    tone, problems = Tone(), list[GerError]()
    made, frontend = reader(tone, Delivery(("tone",), (2.0,), (10.0,)), language="en")
    texts = {"a": "we  booked", "mute": "mute", "c": "broken", "deaf": "never", "e": "heard"}
    jobs = takes(texts, Delivery(("tone",), (2.0,), (10.0,)))
    found = made.lists(jobs, tmp_path / "part", failed=problems.append)
    assert [str(problem) for problem in problems] == [
        "mute: tone says nothing. Leave it out.",
        "c: tone is out of order.",
        "deaf: The recognizer broke. Use another one.",
    ]
    assert [(one.id, one.reference, one.language) for one in found] == [("a", "we booked", "en"), ("e", "heard", "en")]
    assert found[0].hypotheses[1].text == "1600 samples"
    assert found[0].audio is None
    assert found[0].meta == {"frontend": "scripted-frontend", "voice": "tone:1", "speed": 2.0, "snr": 10.0}
    assert frontend.calls[0] == ["a", "deaf", "e"]


def test_an_interrupted_reading_goes_on(tmp_path: Path) -> None:
    texts = {str(i): f"word {i}" for i in range(20)}
    tone, steps = Tone(), list[int]()
    made, _ = reader(tone)
    jobs = takes(texts, Delivery(("tone",)))

    def stop(number: int) -> None:
        steps.append(number)
        if sum(steps) == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made.lists(jobs, tmp_path / "part", failed=pytest.fail, done=stop)
    assert len(tone.spoken) == 8
    steps.clear()
    found = made.lists(jobs, tmp_path / "part", failed=pytest.fail, done=lambda number: steps.append(number))
    assert (len(tone.spoken), steps) == (20, [8, 8, 4])
    assert [one.id for one in found] == [*texts]
    again = made.lists(jobs, tmp_path / "part", failed=pytest.fail)
    assert again == found
    other = takes(texts | {"3": "another word"}, Delivery(("tone",)))
    assert made.lists(other, tmp_path / "part", failed=pytest.fail)[3].reference == "another word"
    assert len(tone.spoken) == 21
    reader(tone, key="another recognizer")[0].lists(jobs, tmp_path / "part", failed=pytest.fail)
    assert len(tone.spoken) == 41


def test_audio_that_is_kept(tmp_path: Path) -> None:
    made, _ = reader(Tone(), audio=tmp_path / "wav")
    (one,) = made.lists(takes({"x/../y": "hello"}, Delivery(("tone",))), tmp_path / "part", failed=pytest.fail)
    assert one.audio is not None
    assert one.audio.path == str(tmp_path / "wav" / "000001.wav")
    with wave.open(one.audio.path) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (RATE, 1, 2000)
    (tmp_path / "file").touch()
    made, _ = reader(Tone(), audio=tmp_path / "file")
    with pytest.raises(OutputError, match="cannot be written"):
        made.lists(takes({"a": "hello"}, Delivery(("tone",))), tmp_path / "part", failed=pytest.fail)


# Voices


def test_noise_has_the_power_that_was_asked_for() -> None:
    speech = (0.2 * np.sin(np.arange(RATE) / 7)).astype(np.float32)
    for snr in (0.0, 10.0):
        noise = noisy(speech, snr, "seed").astype(np.float64) - speech
        assert 10 * np.log10((speech**2).mean() / (noise**2).mean()) == pytest.approx(snr, abs=0.2)
    assert (noisy(speech, 10, "seed") == noisy(speech, 10, "seed")).all()
    assert (noisy(speech, 10, "seed") != noisy(speech, 10, "other")).any()
    assert np.abs(noisy(speech, -15, "seed")).max() <= 1
    power = np.abs(np.fft.rfft(noisy(speech, -20, "seed"))) ** 2
    assert power[10:100].mean() > 5 * power[1000:].mean()  # pink: less and less with frequency


@espeak
def test_espeak_speaks() -> None:
    slow, fast = (voice("espeak-ng:en-gb").speak("Two seats, please.", speed) for speed in (0.8, 1.6))
    assert slow.dtype == np.float32
    assert 1.3 < len(slow) / len(fast) < 3
    assert 0.24 < np.abs(slow).max() < 0.26
    assert not slow[: RATE // 10].any()
    assert (voice("espeak-ng").speak("-h --help") != 0).any()  # no options, but words


@flite
def test_flite_speaks() -> None:
    slow, fast = (voice("flite:rms").speak("Two seats, please.", speed) for speed in (0.8, 1.6))
    assert 1.3 < len(slow) / len(fast) < 3
    assert voice("flite").signature == "flite:slt"


@espeak
def test_voices_that_are_not_there() -> None:
    with pytest.raises(ModelError, match="espeak-ng:klingon-7 failed"):
        voice("espeak-ng:klingon-7").speak("hello")
    with pytest.raises(InputError, match="for ''"):
        voice("espeak-ng").speak("")


def program(folder: Path, name: str, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_piper_is_called_as_it_wants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Piper needs a voice to be fetched; a program in its place notes how it is called and gives a clip."""
    clip = fakes.tone(tmp_path / "clip.wav", 1.0, rate=22_050)
    program(
        tmp_path,
        "piper",
        f'echo "$1 $2 $3 $4 $5" > {tmp_path}/called; cat > {tmp_path}/read; cp {clip} "$6"',
        monkeypatch,
    )
    samples = voice("piper:en-amy.onnx").speak("Guten Tag, Ä.", 2.0)
    assert len(samples) == pytest.approx(1.4 * RATE, rel=0.01)
    assert (tmp_path / "called").read_text() == "--model en-amy.onnx --length_scale 0.5000 --output_file\n"
    assert (tmp_path / "read").read_text() == "Guten Tag, Ä.\n"


def test_programs_that_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "piper", "echo no voice >&2; exit 3", monkeypatch)
    with pytest.raises(ModelError, match="piper:x failed: no voice"):
        voice("piper:x").speak("hello")
    program(tmp_path, "piper", "exit 3", monkeypatch)
    with pytest.raises(ModelError, match="no reason given"):
        voice("piper:x").speak("hello")
    (tmp_path / "piper").write_bytes(b"\x7fELF")
    with pytest.raises(ModelError, match="piper:x failed"):
        voice("piper:x").speak("hello")
    silent = fakes.tone(tmp_path / "clip.wav", 1.0, volume=0)
    program(tmp_path, "piper", f'cp {silent} "$6"', monkeypatch)
    with pytest.raises(InputError, match="is silent for 'hello'"):
        voice("piper:x").speak("hello")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("festival", "There is no speaker called 'festival'"),
        ("piper", "piper has no voice of its own"),
        ("flite:slt", "flite is not on the path. Install it: apt install flite."),
    ],
)
def test_voices_that_cannot_be_used(spec: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError) as caught:
        voice(spec)
    assert message in str(caught.value)


# The command


def ger_data(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return done.exit_code, done.stdout, done.stderr


@espeak
def test_the_command(tmp_path: Path, made: fakes.Made) -> None:
    (tmp_path / "text.txt").write_text("plain words so the field\n\nplain words so the field\n")
    out = tmp_path / "lists.jsonl"

    def script(segment: Any) -> Sequence[tuple[str, float]]:
        if segment.id == "3" and not (tmp_path / "well").exists():
            raise ModelError("The recognizer broke.")
        return [("plain words sow the field", -1.0)]

    fakes.heard, real = script, fakes.heard
    try:
        code, _, err = ger_data("synth", tmp_path / "text.txt", "-o", out)
        assert (code, "Error: 3: The recognizer broke." in err) == (1, True)
        assert (tmp_path / ".lists.jsonl.part").exists()
        (tmp_path / "well").touch()
        code, text, _ = ger_data("synth", tmp_path / "text.txt", "-o", out, "--json")
    finally:
        fakes.heard = real
    assert code == 0
    assert json.loads(text) == {"path": str(out), "lists": 2, "words": 10, "wer": 20.0, "failed": 0}
    assert [call for frontend in made.frontends for call in frontend.calls] == [["1", "3"], ["1"], ["3"], ["3"]]
    assert [one.id for one in read_nbest(out)] == ["1", "3"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lists.jsonl", "text.txt", "well"]


@pytest.mark.slow
@espeak
def test_three_sentences_through_the_real_recognizer(tmp_path: Path, whisper: FasterWhisper) -> None:
    texts = {
        "train": "We booked two seats on the night train.",
        "market": "The market opens early on Saturday.",
        "bridge": "They closed the bridge for repairs.",
    }
    delivery = Delivery(("espeak-ng:en-us",))
    made = Reader({"espeak-ng:en-us": voice("espeak-ng:en-us")}, whisper, delivery, language="en")
    found = made.lists(takes(texts, delivery), tmp_path / "part", failed=pytest.fail)
    assert [one.reference for one in found] == [*texts.values()]
    for one in found:
        assert len({h.text for h in one.hypotheses}) == len(one.hypotheses) >= 2
        said = {word.strip(".,").lower() for h in one.hypotheses for word in h.text.split()}
        assert len(said & {word.strip(".").lower() for word in (one.reference or "").split()}) >= 2
