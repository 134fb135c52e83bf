"""Recordings on their way: what a run that was killed leaves, and what the next one makes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import Made, tone
from fixtures_cli import run, start
from test_cli_process import kill_when
from test_pipeline import inputs, texts

from ger.errors import ModelError, OutputError
from ger.lm.profile import Profile, write_profile
from ger.lm.select import LmSpec
from ger.output import OutputFolder
from ger.pipeline import Pipeline, Result
from ger.settings import Settings
from ger.testing import ScriptedFrontend
from ger.types import AudioSegment, NBest
from ger.unfinished import FOLDER, Unfinished

#: Segments of a second each; a batch has 24.
SECONDS = 80


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "profile.toml"
    write_profile(path, Profile({"lm": 1.0}, (LmSpec(),), form="as-is", previous=3))
    return path


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """A recording whose segments differ from each other."""
    return tone(tmp_path / "change talk.wav", SECONDS, rate=8000)


def left(out: Path) -> list[str]:
    """The lines of segments that are kept in an output folder."""
    return [line for path in (out / FOLDER).glob("*.jsonl") for line in path.read_text().splitlines()[1:]]


def contents(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.iterdir()) if path.is_file() and path.name[0] != "."}


def test_a_killed_run_goes_on_within_a_recording(talk: Path, profile: Path, tmp_path: Path) -> None:
    """Nothing is recognized again, the context is that of before, and the files are the same, byte for byte."""
    options = [talk, "--profile", profile, "-o"]
    whole, out, log = tmp_path / "whole", tmp_path / "out", tmp_path / "heard"
    assert run("correct", *options, whole)[0] == 0
    killed = start("correct", *options, out, env={"GER_TEST_DELAY": "0.02"})
    kill_when(killed, lambda: len(left(out)) >= 48)
    kept = [json.loads(line)["list"]["id"] for line in left(out)]
    assert 48 <= len(kept) < SECONDS
    code, _, said = run("correct", *options, out, env={"GER_TEST_LOG": str(log)})
    assert code == 0, said
    assert [*kept, *log.read_text().split("\n")[:-1]] == [f"change talk/{n:04}" for n in range(SECONDS)]
    assert contents(out) == contents(whole)
    made = [json.loads(line) for line in contents(out)["change talk.jsonl"].splitlines()]
    assert made[len(kept)]["context"]["previous"] == " ".join(row["text"] for row in made[len(kept) - 3 : len(kept)])
    assert sorted(path.name for path in out.iterdir() if path.name[0] == ".") == [".ger-journal.jsonl"]


def test_a_killed_transcription_goes_on_within_a_recording(talk: Path, tmp_path: Path) -> None:
    out, log = tmp_path / "lists.jsonl", tmp_path / "heard"
    parts = tmp_path / ".lists.jsonl.parts"
    killed = start("transcribe", talk, "-o", out, env={"GER_TEST_DELAY": "0.02"})
    kill_when(killed, lambda: len(left(parts)) >= 48)
    kept = len(left(parts))
    code, _, said = run("transcribe", talk, "-o", out, env={"GER_TEST_LOG": str(log)})
    assert code == 0, said
    assert len(log.read_text().splitlines()) == SECONDS - kept
    assert run("transcribe", talk)[1] == out.read_text()
    assert not parts.exists()


def test_a_full_disk_is_told_and_loses_nothing(talk: Path, tmp_path: Path) -> None:
    out, log = tmp_path / "out", tmp_path / "heard"
    program = ["bash", "-c", 'ulimit -f 64; exec "$@"', "bash", sys.executable, "-m", "fakes"]
    found = subprocess.run(
        [*program, "correct", talk, "-o", out, "-f", "txt"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 1
    assert "cannot be written: File too large. The file would be larger than" in found.stderr
    assert "Traceback" not in found.stderr
    kept = len(left(out))
    assert kept in (24, 48, 72)
    assert run("correct", talk, "-o", out, "-f", "txt", env={"GER_TEST_LOG": str(log)})[0] == 0
    assert len(log.read_text().splitlines()) == SECONDS - kept
    assert len(contents(out)["change talk.txt"].splitlines()) == SECONDS


class Kill(Exception):
    """Ends a run of this process."""


class Runs:
    """Runs over one recording in one output folder, and what their recognizers heard."""

    def __init__(self, folder: Path, made: Made) -> None:
        self.talk = tone(folder / "change talk.wav", 60, rate=8000)
        self.out = folder / "out"
        self._made = made
        self.settings = Settings(profile=Profile({"lm": 1.0}, (LmSpec(),), form="as-is", previous=2))

    def run(self, stop: int = 99, key: str = "key", *, resume: bool = True) -> tuple[Result, int]:
        """What became of it, and how many segments were heard; `Kill` after so many."""
        folder = OutputFolder(self.out, ["txt"], key, resume=resume)
        seconds = iter(range(stop))

        def progress(step: float) -> None:
            if next(seconds, None) is None:
                raise Kill

        pipeline = Pipeline(self.settings)
        self._made.frontends.clear()
        todo, _ = folder.split(inputs(self.talk))
        (result,) = pipeline.run(todo, progress, folder.unfinished)
        folder.write(result)
        return result, self.heard

    @property
    def heard(self) -> int:
        """How many segments the recognizer of the last run has heard."""
        return sum(len(call) for frontend in self._made.frontends for call in frontend.calls)

    def killed(self, after: int, key: str = "key") -> None:
        with pytest.raises(Kill):
            self.run(after, key)

    @property
    def file(self) -> Path:
        (path,) = (self.out / FOLDER).iterdir()
        return path


@pytest.fixture
def runs(tmp_path: Path, made: Made) -> Runs:
    return Runs(tmp_path, made)


TEXTS = [f"change words {i} sow the field" for i in range(60)]


def test_what_is_kept_is_used_again_in_whole_batches(runs: Runs) -> None:
    runs.killed(40)
    result, heard = runs.run()
    assert (texts(result), heard) == (TEXTS, 60 - 24)
    assert not (runs.out / FOLDER).exists()


@pytest.mark.parametrize("cut", [1, 10, 3000])
def test_a_torn_file_costs_its_last_batch(runs: Runs, cut: int) -> None:
    runs.killed(55)
    data = runs.file.read_bytes()
    runs.file.write_bytes(data[:-cut])
    result, heard = runs.run()
    assert (texts(result), heard) == (TEXTS, 60 - 24)


@pytest.mark.parametrize("spoil", [b"\xff", b"{}", b"null\n[]\n{", b"\x00" * 100])
def test_a_damaged_file_costs_no_more_than_the_work(runs: Runs, spoil: bytes) -> None:
    runs.killed(55)
    data = runs.file.read_bytes().splitlines(keepends=True)
    runs.file.write_bytes(b"".join([*data[:30], spoil, *data[30:]]))
    result, heard = runs.run()
    assert texts(result) == TEXTS
    assert heard in (60, 60 - 24)


def test_other_settings_and_no_resume_begin_anew(runs: Runs) -> None:
    runs.killed(55)
    runs.killed(55, "other")
    assert runs.heard == 60
    assert runs.run(key="other", resume=False)[1] == 60


def test_another_recording_of_the_same_size_and_time_is_heard(runs: Runs) -> None:
    runs.killed(55)
    status = runs.talk.stat()
    data = bytearray(runs.talk.read_bytes())
    data[44 + 30 * 16_000 + 3200 : 44 + 31 * 16_000] = bytes(range(256)) * 50  # another half a minute on
    runs.talk.write_bytes(data)
    os.utime(runs.talk, ns=(status.st_atime_ns, status.st_mtime_ns))
    result, heard = runs.run()
    assert (texts(result), heard) == (TEXTS, 60 - 30)


def test_the_language_of_a_recording_is_told_to_the_recognizer(runs: Runs) -> None:
    runs.killed(40)

    class Recalling(ScriptedFrontend):
        def recall(self, nbest: NBest) -> None:
            told.append(nbest.id)

    told: list[str] = []
    folder = OutputFolder(runs.out, ["txt"], "key")
    pipeline = Pipeline(runs.settings)
    pipeline.frontend = Recalling(lambda segment: [("so the field", -1.0)])
    for line in (lines := runs.file.read_text().splitlines())[1:]:
        row = json.loads(line)
        row["list"]["language"] = "cy"
        lines[lines.index(line)] = json.dumps(row)
    runs.file.write_text("".join(f"{line}\n" for line in lines))
    (result,) = pipeline.run(inputs(runs.talk), unfinished=folder.unfinished)
    assert told == ["change talk/0000"]
    assert result.recording is not None
    assert result.recording.language == "cy"


def failing(pipeline: Pipeline, at: int) -> list[int]:
    """Have the recognizer break at a segment; gives the numbers of what it hears."""
    heard = []

    def script(segment: AudioSegment) -> list[tuple[str, float]]:
        number = int(segment.id[-4:])
        if number == at:
            raise ModelError("The recognizer broke.")
        heard.append(number)
        return [("yes", -1.0), ("yeah", -2.0)]

    pipeline.frontend = ScriptedFrontend(script)
    return heard


def test_what_failed_is_told_again_after_a_kill_and_tried_again_after_a_whole_run(runs: Runs) -> None:
    folder = OutputFolder(runs.out, ["txt"], "key")
    pipeline = Pipeline(runs.settings)
    failing(pipeline, 30)
    with pytest.raises(Kill):
        next(pipeline.run(inputs(runs.talk), killer(55), folder.unfinished))

    pipeline = Pipeline(runs.settings)
    heard = failing(pipeline, 99)
    folder = OutputFolder(runs.out, ["txt"], "key")
    (result,) = pipeline.run(inputs(runs.talk), unfinished=folder.unfinished)
    assert isinstance(result.error, ModelError)
    assert len(texts(result)) == 59
    assert heard == [*range(48, 60)]
    folder.write(result)

    pipeline = Pipeline(runs.settings)
    heard = failing(pipeline, 99)
    folder = OutputFolder(runs.out, ["txt"], "key")
    (result,) = pipeline.run(inputs(runs.talk), unfinished=folder.unfinished)
    assert result.error is None
    assert heard == [*range(24, 60)]
    assert len(texts(result)) == 60


def killer(after: int) -> Any:
    seconds = iter(range(after))

    def progress(step: float) -> None:
        if next(seconds, None) is None:
            raise Kill

    return progress


def test_results_can_be_read_in_any_order_when_the_input_is_done(runs: Runs) -> None:
    result, _ = runs.run()
    assert result.recording is not None
    corrections = result.recording.corrections
    assert not (runs.out / FOLDER).exists()
    assert [made.text for made in corrections[3:5]] == TEXTS[3:5]
    assert (corrections[-1].text, len(corrections), len(result.lists)) == (TEXTS[-1], 60, 60)
    assert result.lists[7].id == corrections[7].id == "change talk/0007"
    assert corrections[7].hypotheses == result.lists[7].hypotheses


def test_short_recordings_leave_the_disk_alone(tmp_path: Path, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ger.unfinished.Stretches._open", None)
    files = [tone(tmp_path / f"{i}.wav", 5) for i in range(4)]
    folder = OutputFolder(tmp_path / "out", ["txt"], "key")
    for result in Pipeline(Settings()).run(inputs(*files), unfinished=folder.unfinished):
        folder.write(result)
    assert len(list((tmp_path / "out").glob("*.txt"))) == 4


def test_where_nothing_can_be_kept_the_run_ends_with_a_reason(runs: Runs) -> None:
    runs.out.mkdir()
    (runs.out / FOLDER).write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        runs.run()


class Silent:
    """A segmenter of short segments, without end in sight."""

    def __init__(self, count: int) -> None:
        self._count = count

    def split(self, blocks: Any) -> Iterator[tuple[float, Any]]:
        block = next(iter(blocks))
        for i in range(self._count):
            yield float(i), block[:160]


def peak(path: Path, count: int) -> float:
    """Most MB that Python held while a recording of so many segments was transcribed and written."""
    pipeline = Pipeline(Settings(), correct=False)
    pipeline.segmenter = Silent(count)
    pipeline.frontend = ScriptedFrontend(lambda segment: [(f"{segment.id} {n} " * 50, -n) for n in range(1, 6)])
    tracemalloc.start()
    (result,) = pipeline.run(inputs(path), unfinished=Unfinished())
    assert len(result.lists) == count
    assert sum(1 for _ in result.lists) == count
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / 1e6


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    path = tone(tmp_path / "a.wav", 1)
    peak(path, 50)
    short, long = peak(path, 100), peak(path, 1100)
    assert long < short + 1.0, (short, long)  # the lists of the longer one are more than 5 MB
