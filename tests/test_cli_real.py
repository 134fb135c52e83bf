"""The command line with the real models and real speech. One run serves many checks: it takes most of the time."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from fixtures_cli import AUDIO, run, start
from test_cli_process import journal, kill_when, stamps, visible, watched

import ger
from ger.io.formats import FORMATS
from ger.text.normalize import normalize

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("whisper_dir", "smollm2_dir")]

CLIPS = ["01-flight", "03-router", "06-budget"]
REFERENCES = dict(line.split("\t") for line in (AUDIO / "refs.tsv").read_text().splitlines())


def samples(name: str) -> tuple[Any, int]:
    return soundfile.read(AUDIO / f"{name}.flac", dtype="float32")


def resampled(data: Any, rate: int, to: int) -> Any:
    """Linear interpolation: good enough for speech that is to be understood."""
    times = np.arange(int(len(data) * to / rate)) / to
    return np.interp(times, np.arange(len(data)) / rate, data).astype(np.float32)


def long_recording(path: Path) -> None:
    """All clips one after another with pauses of 1 s between them, twice: under two minutes."""
    pause = np.zeros(16_000, dtype=np.float32)
    parts = []
    for name in sorted(REFERENCES) * 2:
        data, rate = samples(name)
        parts += [resampled(data, rate, 16_000), pause]
    soundfile.write(path, np.concatenate(parts), 16_000)


@dataclass
class Run:
    folder: Path
    out: Path
    code: int
    stdout: str
    stderr: str

    def text(self, stem: str) -> str:
        return (self.out / f"{stem}.txt").read_text()

    def object(self, stem: str) -> dict[str, Any]:
        value: dict[str, Any] = json.loads((self.out / f"{stem}.json").read_text())
        return value


@pytest.fixture(scope="session")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Good, odd and bad files corrected in one run."""
    root = tmp_path_factory.mktemp("mixed")
    folder = root / "in"
    (folder / "sub").mkdir(parents=True)
    flight, rate = samples("01-flight")
    for name in CLIPS:
        shutil.copy(AUDIO / f"{name}.flac", folder)
    shutil.copy(AUDIO / "03-router.flac", folder / "sub" / "a b\nc 😀.flac")
    phone = resampled(flight, rate, 8000)
    soundfile.write(folder / "phone.wav", np.stack([phone, phone], axis=1), 8000)
    soundfile.write(folder / "studio.wav", resampled(flight, rate, 48_000), 48_000, subtype="PCM_24")
    soundfile.write(folder / "silence.wav", np.zeros(60 * 16_000, dtype=np.float32), 16_000)
    soundfile.write(folder / "tick.wav", flight[8000:8160], 16_000)
    long_recording(folder / "long.flac")
    (folder / "empty.wav").touch()
    (folder / "text.mp3").write_text("these are words, not sounds\n" * 99)
    data = (AUDIO / "05-school.flac").read_bytes()
    (folder / "cut.flac").write_bytes(data[: len(data) * 6 // 10])
    (folder / "gone.wav").symlink_to("nowhere.wav")
    (folder / "loop").symlink_to(folder)
    return Run(folder, root / "out", *run("correct", folder, "-o", root / "out", real=True))


def test_every_good_file_is_written_and_every_bad_one_named(mixed: Run) -> None:
    assert mixed.code == 1
    errors = [line for line in mixed.stderr.splitlines() if line.startswith("Error: ")]
    for name, reason in {
        "empty.wav": "the file is empty",
        "text.mp3": "cannot be read as audio",
        "cut.flac": "is cut short",
        "gone.wav": "is a link to a file that does not exist",
    }.items():
        assert [error for error in errors if error.startswith(f"Error: {mixed.folder}/{name}") and reason in error]
    assert len(errors) == 4
    assert len(mixed.stderr.splitlines()) == 5  # nothing that the libraries have to say
    stems = {path.relative_to(mixed.out).as_posix()[:-4] for path in mixed.out.rglob("*.txt")}
    good = {*CLIPS, "sub/a b\nc 😀", "phone", "studio", "silence", "tick", "long", "cut"}
    assert stems == good
    assert {path.relative_to(mixed.out).as_posix() for path in visible(mixed.out)} == {
        f"{stem}.{name}" for stem in good for name in FORMATS
    }


def words(text: str) -> set[str]:
    return set(normalize(text).split())


def agreement(text: str, name: str) -> float:
    """Share of the words of a clip's reference that are in a text."""
    reference = words(REFERENCES[name])
    return len(words(text) & reference) / len(reference)


def test_what_was_said_is_written_whatever_the_rate_and_the_channels(mixed: Run) -> None:
    for name in CLIPS:
        assert agreement(mixed.text(name), name) >= 0.7
    for name in ("phone", "studio"):
        assert agreement(mixed.text(name), "01-flight") >= 0.7
    assert agreement(mixed.text("sub/a b\nc 😀"), "03-router") >= 0.7


def test_silence_gives_an_empty_transcript(mixed: Run) -> None:
    assert mixed.text("silence") == ""
    made = mixed.object("silence")
    assert (made["text"], made["segments"], made["duration"]) == ("", [], 60.0)


def test_what_could_be_decoded_of_a_truncated_file_is_written(mixed: Run) -> None:
    assert 0.2 < agreement(mixed.text("cut"), "05-school") < 1
    assert mixed.object("cut")["duration"] < 4


def test_a_long_recording_is_covered_from_end_to_end(mixed: Run) -> None:
    made = mixed.object("long")
    text = normalize(made["text"])
    for name in REFERENCES:
        assert agreement(text, name) >= 0.7
    assert text.count("flight") == 2
    times = [(segment["start"], segment["end"]) for segment in made["segments"]]
    assert times[0][0] < 2
    assert times[-1][1] > made["duration"] - 4
    assert all(end - start <= 30 for start, end in times)
    assert all(first[1] <= second[0] + 0.7 for first, second in pairwise(times))
    assert made["duration"] > 100


def test_records_are_complete(mixed: Run) -> None:
    for name in CLIPS:
        [record] = [json.loads(line) for line in (mixed.out / f"{name}.jsonl").read_text().splitlines()]
        texts = [hypothesis["text"] for hypothesis in record["hypotheses"]]
        scores = [hypothesis["score"] for hypothesis in record["hypotheses"]]
        assert len({normalize(text) for text in texts}) == len(texts) > 1
        assert scores == sorted(scores, reverse=True)
        assert record["text"] in texts
        assert record["decision"] == ("kept" if record["text"] == texts[0] else "reranked")
        assert normalize(" ".join(word["text"] for word in record["words"])) == normalize(record["text"])
        assert record["language"] == "en"
        version, frontend, corrector = record["signature"].split(" | ")
        assert version == f"ger {ger.__version__}"
        assert frontend.startswith("faster-whisper:")
        assert re.fullmatch(r"rescore:.*,lm=transformers:.*", corrector)


def test_started_again_it_does_the_bad_ones_only(mixed: Run) -> None:
    before = stamps([path for path in visible(mixed.out) if path.name.partition(".")[0] != "cut"])
    (mixed.folder / "cut.flac").rename(mixed.folder / "cut.hidden")
    try:
        code, out, _ = run("correct", mixed.folder, "-o", mixed.out, "--json", real=True)
    finally:
        (mixed.folder / "cut.hidden").rename(mixed.folder / "cut.flac")
    value = json.loads(out)
    assert (code, value["n"], len(value["skipped"])) == (1, 0, 9)
    assert sorted(Path(file["path"]).name for file in value["files"]) == ["empty.wav", "text.mp3"]
    assert stamps(list(before)) == before


def test_lists_and_their_correction_are_the_same_as_both_at_once(mixed: Run, tmp_path: Path) -> None:
    """By the Python interface, and in another process; the batches have to be the same, as rounding depends on them."""
    clips = [mixed.folder / f"{name}.flac" for name in CLIPS]
    results = list(ger.stream(clips, threads=2))
    assert [result.error for result in results] == [None] * len(clips)
    assert run("transcribe", *clips, "-o", tmp_path / "lists.jsonl", "--threads", "2", real=True)[0] == 0
    rows = [json.loads(line) for line in (tmp_path / "lists.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == [f"{name}/0000" for name in CLIPS]
    made = ger.correct(tmp_path / "lists.jsonl").corrections
    direct = [correction for result in results if result.recording for correction in result.recording.corrections]
    assert [(one.text, one.decision, one.hypotheses) for one in made] == [
        (one.text, one.decision, one.hypotheses) for one in direct
    ]


def whole(path: Path) -> bool:
    """Whether a JSON file of one segment is there as a whole, and a text file ends with its line."""
    text = path.read_text()
    return len(json.loads(text)["segments"]) == 1 if path.suffix == ".json" else text.endswith("\n")


def test_killed_with_real_models_and_started_again(tmp_path: Path) -> None:
    """More short clips than are recognized at once; killed when the first are written."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    flight, rate = samples("01-flight")
    for number in range(27):
        soundfile.write(folder / f"{number:02}.wav", flight[: int(1.4 * rate)] * (1 - number / 100), rate)
    command = ["correct", folder, "-o", out, "-f", "txt,json", "--nbest", "2", "--beam-size", "2"]
    process = start(*command, real=True)
    with watched(out, whole) as bad:
        kill_when(process, lambda: bool(journal(out)), seconds=200)
        finished = stamps(journal(out))
        assert 0 < len(finished) < 54
        code, _, said = run(*command, real=True)
    assert (code, bad) == (0, []), said
    assert f"{len(finished) // 2} finished before" in said
    assert stamps(list(finished)) == finished
    assert len(visible(out)) == 54
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == [".ger-journal.jsonl"]
