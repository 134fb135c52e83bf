"""The command line as a process: killed, interrupted, piped."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fakes import tone
from fixtures_cli import run, start

from ger.io.formats import FORMATS

#: Enough for several windows of work.
FILES = 40


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of two segments each."""
    made = tmp_path / "in"
    made.mkdir()
    first = tone(made / "00.wav", 2, rate=8000)
    for number in range(1, FILES):
        (made / f"{number:02}.wav").write_bytes(first.read_bytes())
    return made


TEXT = "plain words 0 so the field\nplain words 1 so the field\n"


def visible(folder: Path) -> list[Path]:
    """Files under their final names; nothing in `.ger-unfinished`."""
    # Hidden folders are not even looked into: `.ger-unfinished` may go while somebody reads it.
    found: list[Path] = []
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(root, name) for name in names if not name.startswith(".")]
    return found


def complete(path: Path) -> bool:
    """Whether a result is whole."""
    text = path.read_text()
    match path.suffix:
        case ".txt":
            return text == TEXT
        case ".json":
            return len(json.loads(text)["segments"]) == 2
        case ".jsonl":
            return [json.loads(line)["id"][-4:] for line in text.splitlines()] == ["0000", "0001"]
        case ".tsv":
            return text.count("\n") == 3
        case _:
            return text.count(" --> ") == 2


@contextmanager
def watched(folder: Path, complete: Callable[[Path], bool] = complete) -> Iterator[list[Path]]:
    """Looks at a folder all the time; gives every file under a final name that was not whole."""
    bad: list[Path] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            bad.extend(path for path in visible(folder) if not complete(path))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield bad
    finally:
        stop.set()
        thread.join()


def kill_when(process: Any, condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.001)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def wait_until_asleep(pid: int, seconds: float = 60) -> None:
    """Waits until a process has done nothing for half a second: it has started, and waits for its input."""
    end = time.monotonic() + seconds
    looks = 0
    while looks < 10:
        assert time.monotonic() < end
        time.sleep(0.05)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        looks = looks + 1 if state == "S" else 0


def stamps(paths: list[Path]) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in paths}


def journal(folder: Path) -> list[Path]:
    """The results that the journal calls finished."""
    path = folder / ".ger-journal.jsonl"
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [folder / name for line in lines if line.endswith(b"}") for name in json.loads(line)["outputs"]]


def test_killed_and_started_again(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["correct", folder, "-o", out]
    with watched(out) as bad:
        for look in (visible, journal):  # at the first result, and at the first input that is finished
            process = start(*command, env={"GER_TEST_DELAY": "0.01"})
            kill_when(process, lambda look=look: bool(look(out)))
        finished = stamps(journal(out))
        assert 0 < len(finished) < FILES * len(FORMATS)
        code, _, said = run(*command)
    assert code == 0, said
    assert not bad
    assert stamps(list(finished)) == finished
    assert f"{len(finished) // len(FORMATS)} finished before" in said
    assert len(visible(out)) == FILES * len(FORMATS)
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == [".ger-journal.jsonl"]


def test_transcribe_killed_and_started_again(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    command = ["transcribe", folder, "-o", out / "lists.jsonl"]
    parts = out / ".lists.jsonl.parts"
    process = start(*command, env={"GER_TEST_DELAY": "0.01"})
    with watched(parts) as bad:
        kill_when(process, lambda: bool(journal(parts)))
    assert not bad
    assert not (out / "lists.jsonl").exists()
    finished = {part: part.read_bytes() for part in journal(parts)}
    part = min(finished)
    part.write_bytes(finished[part].replace(b"words", b"WORDS"))  # it shows whether this one is done again
    code, _, said = run(*command)
    assert code == 0, said
    rows = [json.loads(line) for line in (out / "lists.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == [f"{file:02}/{segment:04}" for file in range(FILES) for segment in range(2)]
    assert {row["id"][:2] for row in rows if "WORDS" in row["hypotheses"][0]["text"]} == {part.name[:2]}
    assert [path.name for path in out.iterdir()] == ["lists.jsonl"]


def test_interrupted(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = start("correct", folder, "-o", out, "-f", "txt", env={"GER_TEST_DELAY": "0.02"})
    end = time.monotonic() + 60
    while not visible(out):
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert said == "Interrupted. Files that were written are complete; with -o the same command goes on from there.\n"
    assert 0 < len(visible(out)) < FILES
    assert all(complete(path) for path in visible(out))


def test_interrupted_while_waiting_for_standard_input() -> None:
    with start("correct", "-", stdin=subprocess.PIPE) as process:
        wait_until_asleep(process.pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr.read().startswith("Interrupted.")


@pytest.mark.parametrize("format", ["txt", "table"])
def test_a_reader_that_goes_away_ends_the_run_quietly(folder: Path, format: str) -> None:
    with start("correct", folder, "-f", format, env={"GER_TEST_DELAY": "0.01"}) as process:
        assert process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(60) == 1
    assert said == ""


def test_lists_flow_through_a_pipe(folder: Path) -> None:
    with start("transcribe", folder / "00.wav") as first, start("correct", "-", stdin=first.stdout) as second:
        assert second.communicate(timeout=60)[0] == TEXT


def test_without_a_terminal_nothing_but_results_and_one_line(folder: Path) -> None:
    code, out, said = run("correct", folder / "00.wav")
    assert (code, out) == (0, TEXT)
    assert re.fullmatch(r"1 file, 2 segments, 0 changed \(2 s of audio in \d+ s\)\.\n", said)


def test_a_limit_on_the_size_of_files_is_told(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    script = 'ulimit -f 1; exec "$@"'
    program = ["bash", "-c", script, "bash", sys.executable, "-m", "fakes"]
    found = subprocess.run(
        [*program, "correct", folder / "00.wav", "-o", out, "-f", "txt,json"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 1
    assert f"{out}/00.json cannot be written: File too large." in found.stderr
    assert [path.name for path in visible(out)] == ["00.txt"]


HEAVY = {"av", "ctranslate2", "faster_whisper", "huggingface_hub", "numpy", "onnxruntime", "rich", "torch"}
HEAVY |= {"transformers"}


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("import ger", set()),
        ("import ger.cli", set()),
        ("import ger.api, ger.pipeline, ger.output; ger.correct, ger.stream", set()),
        ("from typer.testing import CliRunner; from ger.cli import app; CliRunner().invoke(app, '--help')", {"rich"}),
    ],
)
def test_starting_loads_no_model_library(code: str, allowed: set[str]) -> None:
    program = f"import sys; {code}; print(*sys.modules)"
    path = os.pathsep.join(filter(None, sys.path))
    loaded = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": path},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert HEAVY.intersection(loaded) <= allowed
