"""The documentation: its examples run and print what it says, its links lead somewhere, its reference is current.

A page's blocks run in order, in a folder of their own that holds `examples/`:

- `console`: lines that begin with `$ ` are commands, the others are what they print, both streams together. `...`
  stands for anything; seconds of a run and scores are not compared. ` < NAME` gives `ger` a file as standard input.
- `sh`: commands, one a line.
- `python`: run in one namespace a page; a `text` block right after it is what is printed.

A comment on the line before a block changes that: `<!-- not run: why -->`; `<!-- exit code: N -->`;
`<!-- file: NAME -->`, the block is written to a file instead. Entry points of a `pyproject.toml` are registered.
"""

from __future__ import annotations

import contextlib
import doctest
import importlib
import io
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.testing import CliRunner

import ger
from ger import api
from ger.cli import app
from ger.correct.fitted_hotwords import FittedHotwords, Rates
from ger.correct.hotword_model import default
from ger.evaluate.reports import Biasing
from ger.lm.features import OWN
from ger.types import AudioSpan, Context, Correction, Decision, Hypothesis, Word

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RUN = ("console", "sh", "python")

pytestmark = pytest.mark.skipif(not (ROOT / "ger").is_dir(), reason="needs the files of a checkout")

_BLOCK = re.compile(r"(?:<!-- ([a-z ]+): (.+?) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
# What differs from machine to machine: seconds of a run, scores.
_LOOSE = re.compile(r"(?<=in )\d+(?= s\))|(?<=changed \()\d+(?= s\))|-\d+\.\d\b")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    line: int
    language: str
    text: str
    rule: str = ""
    value: str = ""


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(text.count("\n", 0, m.start(3)) + 1, m[3], m[4], m[1] or "", m[2] or "") for m in _BLOCK.finditer(text)
    ]


def executed(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.language in RUN and block.rule not in ("not run", "file")]


def same(want: str, got: str) -> bool:
    """Whether a program printed what a page says, but for white space, seconds and scores."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(_LOOSE.sub("#", want), _LOOSE.sub("#", got), flags)


class Page:
    """Runs the blocks of a page in the current folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.printed = ""

    def take(self, block: Block) -> None:
        """Run a block, or write its file."""
        previous, self.printed = self.printed, ""
        if block.rule == "not run":
            return
        if block.rule == "file":
            self.write(block)
        elif block.language == "console":
            for command, want in exchanges(block.text):
                got = self.command(command, int(block.value) if block.rule == "exit code" else 0)
                assert same(want, got), f"$ {command}\n{got}"
        elif block.language == "sh":
            for command in block.text.splitlines():
                self.command(command, 0)
        elif block.language == "python":
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(block.text, f"line {block.line}", "exec"), self.names)
            self.printed = out.getvalue()
        elif block.language == "text" and previous:
            assert same(block.text, previous), previous

    def command(self, command: str, code: int) -> str:
        """What a command prints; `ger` runs in this process, so that libraries are imported once."""
        command, _, given = command.partition(" < ")
        words = shlex.split(command)
        if words[0] == "ger":
            runner = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1", "FORCE_COLOR": None})
            text = (self.folder / given).read_bytes() if given else None
            done = runner.invoke(app, words[1:], input=text, prog_name="ger", catch_exceptions=False)
            output, status = done.output, done.exit_code
        else:
            run = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            output, status = run.stdout, run.returncode
        assert status == code, f"$ {command}\n{output}"
        return output

    def write(self, block: Block) -> None:
        path = self.folder / block.value
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
        if path.name == "pyproject.toml":
            self.register(tomllib.loads(block.text)["project"])

    def register(self, project: dict[str, Any]) -> None:
        """What installing a project leaves behind: its name, version and entry points."""
        info = self.folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        info.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        groups = [
            f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
            for group, points in project["entry-points"].items()
        ]
        (info / "entry_points.txt").write_text("\n".join(groups), encoding="utf-8")
        importlib.invalidate_caches()


def exchanges(text: str) -> Iterator[tuple[str, str]]:
    """Commands of a console block, each with what it prints."""
    assert text.startswith("$ "), text
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, want = part.partition("\n")
        yield command, want


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the example clips, from which modules can be imported; the current one."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if executed(page)], ids=lambda page: page.name)
def test_examples_run(page: Path, folder: Path, whisper_dir: Path, smollm2_dir: Path) -> None:
    run = Page(folder)
    for block in blocks(page):
        run.take(block)


def test_pages_with_examples_are_found() -> None:
    names = {page.name for page in PAGES if executed(page)}
    assert {"README.md", "quick-start.md", "plugging-in.md", "models.md"} <= names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_fence_is_understood(page: Path) -> None:
    found = blocks(page)
    fences = re.findall(r"^\s*```", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) == 2 * len(found)
    assert {block.rule for block in found} <= {"", "not run", "file", "exit code"}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        if link.startswith(("https://", "http://")):
            continue
        name, _, heading = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        if heading:
            assert heading in anchors(target), link


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 140


def test_reference_is_current() -> None:
    command = [sys.executable, str(ROOT / "docs" / "make_reference.py"), "--check"]
    environment = {"PYTHONPATH": ":".join(filter(None, sys.path)), "PYTHONUTF8": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr


def test_every_option_of_python_is_in_the_reference() -> None:
    text = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8").split("## Python")[1]
    options = {*api._RECOGNIZER, *api._LM, *api._OWN, *api._PROFILE, *api._GENERATION}
    assert {name for name in options if f"`{name}`" not in text} == set()


def test_every_key_of_the_record_is_in_the_reference() -> None:
    hypothesis = Hypothesis("a", words=(Word("a", 0.0, 1.0, 0.5),))
    made = Correction("1", "a", "kept", hypotheses=(hypothesis,), context=Context(("a",), "b"), audio=AudioSpan("c"))
    value = made.to_json()
    keys = {*value, *value["hypotheses"][0], *value["hypotheses"][0]["words"][0], *value["context"], *value["audio"]}
    text = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8").split("## The record")[1]
    text = text.split("## Output formats")[0]
    assert {key for key in keys | set(get_args(Decision)) if f"`{key}`" not in text} == set()


def test_what_counts_as_the_same_output() -> None:
    assert same("a ... c (4 s of audio in 6 s).\n", "a b\nc (4 s of audio in 17 s).\n")
    assert not same("5 files, 1 changed\n", "5 files, 2 changed\n")
    assert not same("", "Error\n")
    assert list(exchanges("$ a b\n$ c\nd\ne\n")) == [("a b", ""), ("c", "d\ne\n")]


def test_every_benchmark_is_in_the_table() -> None:
    table = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    names = {path.name for path in (ROOT / "benchmarks").glob("*.py")} - {"common.py"}
    assert {name for name in names if f"| `benchmarks/{name}" not in table} == set()


def test_every_feature_is_on_the_page_about_rescoring() -> None:
    page = (ROOT / "docs" / "rescoring.md").read_text(encoding="utf-8").split("## What decides")[1]
    assert {name for name in OWN if f"`{name}`" not in page.split("## Tuning")[0]} == set()


def test_what_is_printed_about_hotwords_is_in_the_reference() -> None:
    text = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    fitted = FittedHotwords(default(), Rates(), Rates(), 0, 0, 5, 0)
    for command, value in (("tune hotwords", fitted.to_json()), ("score", Biasing(*[1] * 8).to_json())):
        table = text.split("## The object of")[1].split(f"### `ger {command}`")[1].split("\n### ")[0]
        assert {key for key in value if f"`{key}`" not in table} == set()


def test_every_name_of_python_is_in_the_reference() -> None:
    text = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8").split("## Python")[1]
    names = {f"ger.{name}" for name in ger.__all__ if name != "__version__"}
    assert {name for name in (*names, "read_nbest") if name not in text} == set()
