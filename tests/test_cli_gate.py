"""`ger tune gate` on lists where the right decision is obvious."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from test_cli import call
from test_gate import lesson

from ger.correct.gate import read_gate
from ger.io.jsonl import write_records
from ger.lm.select import LmSpec
from ger.types import Hypothesis, NBest

pytestmark = pytest.mark.usefixtures("made")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Lists with references, and answers to them."""
    lists, answers = lesson(50)
    write_records(tmp_path / "lists.jsonl", lists)
    rows = (json.dumps({"id": key, "text": answer.text}) for key, answer in answers.items())
    (tmp_path / "answers.jsonl").write_text("\n".join(rows) + "\n", "utf-8")
    return tmp_path / "lists.jsonl", tmp_path / "answers.jsonl"


def tuned(*arguments: object) -> dict[str, Any]:
    result = call("tune", "gate", *arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    value: dict[str, Any] = json.loads(result.stdout)
    return value


def test_a_gate_of_recorded_answers(files: tuple[Path, Path], tmp_path: Path) -> None:
    lists, answers = files
    value = tuned(lists, "--answers", answers, "-o", tmp_path / "gate.toml")
    assert {"baseline_wer", "answers_wer", "cv_wer", "cv_wer_ci", "oracle_wer", "changed", "helped", "harmed"} < set(
        value
    )
    assert (value["baseline_wer"], value["answers_wer"], value["cv_wer"], value["harmful_edit_rate"]) == (10, 10, 0, 0)
    gate = read_gate(tmp_path / "gate.toml")
    assert (gate.threshold, gate.sources, gate.lm) == (value["threshold"], "answer", None)
    assert (tmp_path / "gate.toml").stat().st_size < 100_000


def test_answers_of_a_trained_model_may_change_numbers(tmp_path: Path) -> None:
    lists = [NBest(f"u{i}", (Hypothesis(f"i have to {i}"),), reference=f"i have two {i}") for i in range(60)]
    write_records(tmp_path / "lists.jsonl", lists)
    answers = tmp_path / "answers.jsonl"
    answers.write_text("".join(json.dumps({"id": n.id, "text": n.reference}) + "\n" for n in lists), "utf-8")
    files = (tmp_path / "lists.jsonl", "--answers", answers, "-o", tmp_path / "gate.toml")
    assert call("tune", "gate", *files).exit_code == 1  # the guard leaves no edit
    assert tuned(*files, "--trained")["edits"] == 60
    assert read_gate(tmp_path / "gate.toml").trained


def test_shown_for_people(files: tuple[Path, Path]) -> None:
    result = call("tune", "gate", files[0])
    assert result.exit_code == 0
    assert "50 lists, 500 words, 50 proposed edits\n" in result.stdout
    assert "gated, cross-validated       0.00 %" in result.stdout


def test_systems_and_references(tmp_path: Path) -> None:
    lists, answers = lesson(50)
    names = [nbest.id.replace("/", "-") for nbest in lists]
    for k in (0, 1):
        rows = (f"{name} {nbest.hypotheses[k].text}\n" for name, nbest in zip(names, lists, strict=True))
        (tmp_path / f"{k}.txt").write_text("".join(rows), "utf-8")
    told = (f"{name} {answer.text}\n" for name, answer in zip(names, answers.values(), strict=True))
    (tmp_path / "answers.txt").write_text("".join(told), "utf-8")
    systems = ["--system", f"a={tmp_path / '0.txt'}", "--system", f"b={tmp_path / '1.txt'}"]
    value = tuned(*systems, "--reference", tmp_path / "1.txt", "--answers", tmp_path / "answers.txt")
    assert (value["baseline_wer"], value["cv_wer"]) == (10, 0)


def test_with_a_language_model(files: tuple[Path, Path], tmp_path: Path) -> None:
    tuned(*files[:1], "--answers", files[1], "--lm", "some-model", "-o", tmp_path / "gate.toml")
    gate = read_gate(tmp_path / "gate.toml")
    assert gate.lm == LmSpec(model="some-model")
    assert "lm" in gate.trees.names


def test_lists_without_an_answer_are_told(files: tuple[Path, Path]) -> None:
    lists, answers = files
    answers.write_text("".join(answers.read_text("utf-8").splitlines(keepends=True)[:40]), "utf-8")
    result = call("tune", "gate", lists, "--answers", answers)
    assert result.exit_code == 0
    assert result.stderr == "10 of 50 lists have no answer; they keep their 1-best.\n"


def test_answers_that_do_not_belong(files: tuple[Path, Path], tmp_path: Path) -> None:
    lists, answers = files
    (tmp_path / "more.jsonl").write_text('{"id": "other", "text": "a"}\n', "utf-8")
    result = call("tune", "gate", lists, "--answers", answers, "--answers", tmp_path / "more.jsonl")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: There is an answer for 'other', and no such list.")
    result = call("tune", "gate", lists, "--answers", answers, "--answers", answers)
    assert result.exit_code == 1
    assert "answers.jsonl: 'talk0/0' is in an earlier file, too." in result.stderr


@pytest.mark.parametrize(
    "wrong",
    [("--sources", "answers"), ("--sources", "answer"), ("--confidence", "2"), ("--folds", "1"), ("--harm", "0")],
)
def test_wrong_calls(files: tuple[Path, Path], wrong: tuple[str, str]) -> None:
    assert call("tune", "gate", files[0], *wrong).exit_code == 2


def test_no_input_is_overwritten(files: tuple[Path, Path]) -> None:
    lists, answers = files
    for path in files:
        result = call("tune", "gate", lists, "--answers", answers, "-o", path)
        assert (result.exit_code, "is read, too" in result.stderr) == (2, True)


def test_tune_is_still_a_command_with_files(files: tuple[Path, Path], tmp_path: Path) -> None:
    value = json.loads(call("tune", files[0], "--no-lm", "--json").stdout)
    assert "weights" in value
    (tmp_path / "gate").write_bytes(files[0].read_bytes())
    value = json.loads(call("tune", tmp_path / "gate", "--no-lm", "--json").stdout)
    assert "weights" in value
    assert "ger tune gate" in call("tune", "--help").stdout
    assert "--answers" in call("tune", "gate", "--help").stdout
    assert "--ngram" not in call("tune", "gate", "--help").stdout


def test_a_single_edit_teaches_nothing(files: tuple[Path, Path], tmp_path: Path) -> None:
    first = files[1].read_text("utf-8").splitlines()[0]
    (tmp_path / "one.jsonl").write_text(first + "\n", "utf-8")
    result = call("tune", "gate", files[0], "--answers", tmp_path / "one.jsonl")
    assert result.exit_code == 0
    assert "this gate accepts nothing" in result.stdout
