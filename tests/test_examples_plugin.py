"""The example of a distribution with plug-ins: installed with pip, listed, checked and used by commands."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures_cli import AUDIO, run

import ger

FOLDER = Path(__file__).parents[1] / "examples" / "plugin"
TEXT = "The cache is full when no page is free.\nCheck whether the cache is on.\n"
LIST = (
    "-1.6\tWho's going to check whether the cash is full?\n"
    "-1.7\tWho's going to check whether the cache is full?\n"
    "-2.5\twho's going to check whether the cash is full\n"
    "-2.9\tWho is going to check whether the cache is full?\n"
)

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="needs the files of a checkout")

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that pip has put it into."""
    target, source = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("source") / "plugin"
    shutil.copytree(FOLDER, source)
    isolation = ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", *isolation]
    subprocess.run([*command, "--target", str(target), str(source)], check=True)
    return target


@pytest.fixture
def command(installed: Path, tmp_path: Path) -> Command:
    """Runs `ger` with the plug-ins; beside the recording lies what another recognizer has heard."""
    shutil.copy(AUDIO / "09-cache.flac", tmp_path / "talk.flac")
    (tmp_path / "talk.flac.tsv").write_text(LIST)
    (tmp_path / "manual.txt").write_text(TEXT)
    paths = [str(installed), str(Path(ger.__file__).parents[1])]

    def called(*arguments: str) -> tuple[int, str, str]:
        return run(*arguments, real=True, cwd=tmp_path, env={"PYTHONPATH": os.pathsep.join(paths)})

    return called


def test_they_are_listed(command: Command) -> None:
    rows = {(row["kind"], row["name"]): row for row in json.loads(command("plugins", "--json")[1])}
    for kind, name in [
        ("frontend", "sidecar"),
        ("segmenter", "energy"),
        ("backend", "bigrams"),
        ("corrector", "consensus"),
    ]:
        row = rows[kind, name]
        assert (row["source"], row["version"], row["problem"]) == ("ger-examples", "1.0", "")
    assert "  consensus  ger-examples 1.0  ready\n" in command("plugins")[1]


@pytest.mark.parametrize(
    ("arguments", "skipped"),
    [
        (["sidecar", "talk.flac"], 2),  # no times, no score_texts
        (["energy", "talk.flac"], 0),
        (["energy"], 0),
        (["bigrams", "--model", "manual.txt"], 5),  # it does not write
        (["consensus"], 0),
    ],
)
def test_they_pass_the_checks(command: Command, arguments: list[str], skipped: int) -> None:
    code, out, err = command("plugins", "check", *arguments)
    assert (code, err, out.count("FAILED"), out.count("skipped")) == (0, "", 0, skipped), out


def test_they_are_used(command: Command) -> None:
    options = ["--model", "sidecar", "--segmenter", "energy", "--backend", "bigrams", "--llm", "manual.txt"]
    code, out, err = command("correct", "talk.flac", *options, "-f", "jsonl")
    assert code == 0, err
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["text"] for line in lines] == ["Who's going to check whether the cache is full?"] * len(lines)
    assert lines[0]["decision"] == "reranked"
    assert "| sidecar:nbest=5 | rescore" in lines[0]["signature"]
    # Two spellings of the first text are one hypothesis.
    assert [h["score"] for h in lines[0]["hypotheses"]] == [-1.6, -1.7, -2.9]
    code, out, _ = command("correct", "talk.flac", *options, "--mode", "consensus", "-f", "txt")
    assert (code, out) == (0, "Who's going to check whether the cache is full?\n")


def test_a_plug_in_is_short() -> None:
    assert all(len(file.read_text().splitlines()) < 70 for file in FOLDER.glob("*.py"))


def test_the_documentation_shows_these_files() -> None:
    page = (FOLDER.parents[1] / "docs" / "plugging-in.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"<!-- file: ([\w.]+) -->\n```\w+\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    files = {
        file.name: file.read_text(encoding="utf-8") for file in FOLDER.iterdir() if file.suffix in (".py", ".toml")
    }
    assert {name: shown.get(name) for name in files} == files
