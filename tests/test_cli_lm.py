"""`ger lm train`."""

import json
import os
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ger.cli.lm import app
from ger.lm.ngram import NGramModel, Note
from ger.protocols import LmOptions, ScoreRequest
from llm_backends.kenlm import KenLM

TEXT = "The cat sat.\n\nThe cat ran home!\nA dog sat on the mat\nthe dog\nhome\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT)


def ger_lm(*arguments: str, stdin: str | None = None) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, list(arguments), input=stdin)
    return done.exit_code, done.stdout, done.stderr


def test_plain_text() -> None:
    code, out, err = ger_lm("train", "text.txt", "-o", "models/lm.arpa")
    assert (code, out) == (0, "")
    assert err == "models/lm.arpa: 12 + 17 + 15 n-grams of 5 sentences, 16 words.\n"
    assert NGramModel.read("models/lm.arpa").counts() == [12, 17, 15]
    assert Note.read("models/lm.arpa") == Note("basic", 3, 5, 16)


def test_what_is_written_is_a_language_model() -> None:
    assert ger_lm("train", "text.txt", "-o", "lm.arpa", "--order", "2")[0] == 0
    model = KenLM(LmOptions(model="lm.arpa"))
    good, bad = model.score([ScoreRequest(("The dog sat.", "sat the dog"))])[0]
    assert good > bad


def test_json_and_standard_input() -> None:
    code, out, err = ger_lm("train", "-", "-o", "lm.arpa", "--json", "--normalizer", "none", stdin=TEXT)
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "path": "lm.arpa",
        "normalizer": "none",
        "sentences": 5,
        "words": 16,
        "ngrams": [15, 19, 15],
    }
    assert "sat." in NGramModel.read("lm.arpa")


def test_references_of_lists_and_lines_with_ids(tmp_path: Path) -> None:
    items = [{"input": ["wrong"], "output": text} for text in TEXT.splitlines() if text]
    (tmp_path / "lists.json").write_text(json.dumps(items))
    (tmp_path / "keyed.txt").write_text("".join(f"utt{i} {line}\n" for i, line in enumerate(TEXT.splitlines())))
    for name in ("lists.json", "keyed.txt"):
        assert ger_lm("train", name, "-o", "lm.arpa")[0] == 0
        assert NGramModel.read("lm.arpa").counts() == [12, 17, 15]
    assert ger_lm("train", "keyed.txt", "-o", "lm.arpa", "--no-ids")[0] == 0
    assert "utt1" in NGramModel.read("lm.arpa")


def test_errors(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n\n")
    (tmp_path / "list.jsonl").write_text('{"id": "a", "hypotheses": [{"text": "x"}]}\n')
    cases = {
        ("none.txt",): (1, "none.txt cannot be read: No such file"),
        ("empty.txt",): (1, "There is no sentence to train on"),
        ("list.jsonl",): (1, "'a' has no reference"),
        ("text.txt", "--order", "9"): (2, "An n-gram model of order 9 cannot be made. Use 2 to 6."),
        ("text.txt", "--format", "zip"): (2, "There is no model format called 'zip'. Use one of: arpa, binary."),
        ("text.txt", "--normalizer", "basics"): (2, "Did you mean 'basic'?"),
    }
    for arguments, (expected, message) in cases.items():
        code, out, err = ger_lm("train", *arguments, "-o", "lm.arpa")
        assert (code, out) == (expected, "")
        assert message in err
        assert not (tmp_path / "lm.arpa").exists()


def test_binary_needs_kenlms_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    code, _, err = ger_lm("train", "text.txt", "-o", "lm.bin", "--format", "binary")
    assert code == 2
    assert "build_binary is not on the path" in err


def test_binary_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "build_binary"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho the disk is full >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    code, _, err = ger_lm("train", "text.txt", "-o", "lm.bin", "--format", "binary")
    assert code == 1
    assert "build_binary could not make lm.bin: the disk is full" in err
    program.write_text('#!/bin/sh\ncat "$1" > "$2"\n')
    (tmp_path / "taken").mkdir()
    assert ger_lm("train", "text.txt", "-o", "taken", "--format", "binary")[0] == 2
    assert {path.name for path in tmp_path.iterdir()} == {"bin", "text.txt", "taken", "lm.bin.json"}


@pytest.mark.skipif(not shutil.which("build_binary"), reason="KenLM's programs are not installed")
def test_binary() -> None:
    pytest.importorskip("kenlm")
    scores = []
    for name, kind in (("lm.bin", "binary"), ("lm.arpa", "arpa")):
        assert ger_lm("train", "text.txt", "-o", name, "--format", kind)[0] == 0
        scores.append(KenLM(LmOptions(model=name)).score([ScoreRequest(("the cat", "the bird"))])[0])
    assert Path("lm.bin").read_bytes().startswith(b"mmap")
    assert scores[0] == pytest.approx(scores[1], abs=1e-5)


def test_an_output_that_cannot_be_written_is_told_first() -> None:
    code, _, err = ger_lm("train", "absent.txt", "-o", "text.txt/lm.arpa")
    assert (code, "text.txt/lm.arpa cannot be written: Not a directory" in err) == (1, True)
