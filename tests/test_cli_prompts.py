"""`ger prompts`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ger import prompting
from ger.cli.prompts import app

MINE = """purpose = "Mine."
source = "Me."
marks = ["<list>", "</list>"]
[variables]
hypotheses = "Them."
previous = "Before."
[[turns]]
role = "system"
content = "Be {kind} and {\\"so\\": 1}."
[[turns]]
role = "user"
content = '''
{previous}
<list>
{hypotheses}</list>'''
""".replace("{kind}", "kind")


def call(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(MINE)
    return path


def test_ls() -> None:
    rows = call("ls").stdout.splitlines()
    assert [row.split()[0] for row in rows] == prompting.names()
    (row,) = [row for row in rows if row.startswith("h2t ")]
    assert row.split(maxsplit=2)[1] == prompting.load("h2t").hash
    assert row.endswith(prompting.load("h2t").purpose)
    listed = {row["name"]: row for row in json.loads(call("ls", "--json").stdout)}
    assert listed["h2t-choice"]["answer"] == "number"
    assert listed["summarize"]["result"] == "other"
    assert "hotwords" in listed["h2t"]["variables"]


def test_show(mine: Path) -> None:
    assert call("show", mine).stdout == MINE
    assert call("show", "h2t").stdout == prompting.content_of("h2t")[0].decode()
    shown = call("show", "--rendered", "h2t").stdout
    assert (
        shown
        == "Before: we are nearly there\nHotwords: Ada, Lovelace\nturn left at the light\nturn left at the lite\n=\n\n"
    )
    assert "[system]\nBe kind and" in call("show", "--rendered", mine).stdout
    assert call("show", "--rendered", "context").stdout.startswith("Keywords: Ada, Lovelace. we are")
    wrong = call("show", "h3t")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert "Did you mean 'h2t'?" in wrong.stderr


def test_a_shown_prompt_can_be_checked(tmp_path: Path) -> None:
    for name in prompting.names():
        path = tmp_path / f"{name}.toml"
        path.write_text(call("show", name).stdout)
        assert call("check", path).exit_code == 0


def test_check(mine: Path) -> None:
    made = call("check", mine)
    assert made.exit_code == 0
    assert made.stdout == (f"{mine}: ok, hash {prompting.load(mine).hash}, answer text, 9 words without content\n")


def test_check_says_all_that_is_wrong_and_goes_on(mine: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(MINE.replace("Mine.", "").replace("marks", "mark"))
    made = call("check", bad, tmp_path / "none.toml", mine)
    assert made.exit_code == 1
    assert made.stderr.splitlines() == [
        f"Error: {bad}: there is no key 'mark'. Did you mean 'marks'?",
        f"Error: {bad}: 'purpose' is missing. Say in a sentence what the prompt is for, and where it comes from.",
        f"Error: {tmp_path}/none.toml cannot be read: No such file or directory. "
        "Check the name, or see 'ger prompts ls'.",
    ]
    assert made.stdout.startswith(f"{mine}: ok")


def test_check_finds_fences_that_data_can_write(mine: Path) -> None:
    mine.write_text(MINE.replace('marks = ["<list>", "</list>"]', 'marks = ["<list>"]'))
    made = call("check", mine)
    assert (made.exit_code, made.stdout) == (1, "")
    assert made.stderr == f"Error: {mine}: data of a list can write '</list>'. Add it to 'marks'.\n"
