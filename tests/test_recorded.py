"""Recorded answers: their files, their ids, and what becomes of them without guard and gate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_cli import call

from ger.correct.recorded import Recorded, check_ids
from ger.errors import InputError, RecordError
from ger.io.answers import read_answers
from ger.protocols import Answer, Corrector
from ger.types import Edit, Hypothesis, NBest, Word


def file(path: Path, *lines: object) -> Path:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines), "utf-8")
    return path


def test_json_lines(tmp_path: Path) -> None:
    made = file(
        tmp_path / "a.jsonl",
        {"id": "b", "text": "two"},
        {"id": "a", "text": "", "score": -3.5, "least": -2, "tokens": 4},
        {"id": "c", "text": "x", "decision": "rewritten", "scores": {"generator": -1.5, "least": -0.5}},
    )
    assert read_answers(made) == {
        "b": Answer("two"),
        "a": Answer("", -3.5, -2.0, tokens=4),
        "c": Answer("x", -1.5, -0.5),
    }
    assert list(read_answers(made)) == ["b", "a", "c"]


def test_texts(tmp_path: Path) -> None:
    assert read_answers(file(tmp_path / "text", "u-1 A B", "u-2")) == {"u-1": Answer("A B"), "u-2": Answer("")}
    assert read_answers(file(tmp_path / "t.tsv", "u 1\tA B", "u 2\tC")) == {"u 1": Answer("A B"), "u 2": Answer("C")}
    assert read_answers(file(tmp_path / "none")) == {}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"id": 3, "text": "a"}, "line 2: 'id' or 'text' is missing or no text"),
        ({"id": "u"}, "line 2: 'id' or 'text' is missing"),
        ({"id": "x", "text": "again"}, "lines? 1 and line 2 both have the id 'x'"),
        ({"id": "u", "text": "a", "score": "high"}, "line 2: 'high' should be a finite number"),
        ({"id": "u", "text": "a", "score": 10**400}, "line 2: 10+ should be a finite number"),
        ({"id": "u", "text": "a", "least": True}, "line 2: True should be a finite number"),
        ('{"id": "u", "text": ', "line 2"),
    ],
)
def test_lines_that_are_no_answers(tmp_path: Path, line: object, said: str) -> None:
    with pytest.raises(RecordError, match=said):
        read_answers(file(tmp_path / "a.jsonl", {"id": "x", "text": "y"}, line))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.jsonl cannot be read"):
        read_answers(tmp_path / "none.jsonl")
    (tmp_path / "latin").write_bytes(b"u-1 caf\xe9\n")
    with pytest.raises(RecordError, match="not UTF-8"):
        read_answers(tmp_path / "latin")


def test_every_answer_belongs_to_a_list() -> None:
    check_ids(["a"], ["a", "b"])
    with pytest.raises(InputError, match=r"an answer for 'c' \(and 1 more\), and no such list"):
        check_ids(["a", "c", "d"], ["a", "b"])


WORDS = (Word("the", 0.0, 0.2), Word("hat", 0.2, 0.5))
LISTS = [
    NBest("1", (Hypothesis("the hat", words=WORDS), Hypothesis("the cat")), reference="the bat"),
    NBest("2", (Hypothesis("yes"), Hypothesis("no"))),
    NBest("3", ()),
]


def test_what_becomes_of_them() -> None:
    recorded = Recorded({"1": Answer("the bat", -2.0, -1.0), "2": "no", "3": "hello"}, "file.jsonl")
    assert isinstance(recorded, Corrector)
    assert recorded.signature == "recorded:file.jsonl"
    first, second, third = recorded.correct(LISTS)
    assert (first.text, first.decision, first.reason) == ("the bat", "rewritten", "recorded answer")
    assert (first.scores, first.reference) == ({"generator": -2.0, "least": -1.0}, "the bat")
    assert first.words == (Word("the", 0.0, 0.2), Word("bat", 0.2, 0.5))
    assert first.edits == (Edit("hat", "bat", 0.2, 0.5),)
    assert (second.text, second.decision, second.reason) == ("no", "reranked", "the recorded answer is hypothesis 2")
    assert (third.text, third.decision, third.edits) == ("hello", "rewritten", (Edit("", "hello"),))


def test_lists_without_an_answer_keep_their_best() -> None:
    first, second, third = Recorded({"2": "yes"}).correct(LISTS)
    assert (first.text, first.decision, first.reason) == ("the hat", "kept", "no recorded answer")
    assert first.words == WORDS
    assert (second.decision, second.reason) == ("kept", "the recorded answer is the 1-best")
    assert (third.text, third.decision) == ("", "kept")


def test_answers_that_belong_to_no_list_are_told(tmp_path: Path) -> None:
    made = file(tmp_path / "a.jsonl", {"id": "1", "text": "the bat"}, {"id": "one", "text": "x"})
    lists = file(tmp_path / "lists.jsonl", {"id": "1", "hypotheses": [{"text": "the hat"}, {"text": "the bat"}]})
    result = call("correct", lists, "--answers", made, "-f", "txt")
    assert result.exit_code == 0
    assert result.stdout == "the bat\n"
    assert "a.jsonl: 1 answer without a list, such as 'one'." in result.stderr
