"""The record as JSON Lines."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ger.errors import InputError, RecordError
from ger.io.jsonl import dumps, read_corrections, read_nbest, write_records
from ger.types import Context, Correction, Hypothesis, NBest

LIST = '{"id": "a", "hypotheses": [{"text": "one"}]}'
OTHER = '{"id": "b", "hypotheses": []}'


def stream(text: str | bytes) -> io.BytesIO:
    return io.BytesIO(text.encode() if isinstance(text, str) else text)


def lists(text: str | bytes) -> list[NBest]:
    return list(read_nbest(stream(text), "in.jsonl"))


def test_round_trip(tmp_path: Path) -> None:
    records = [
        NBest("a\n", (Hypothesis("one 😀 \u2028 two", -1.5),), extra={"mine": {"deep": [1, None, "é"]}}),
        NBest("b", ()),
    ]
    path = tmp_path / "sub" / "lists.jsonl"
    write_records(path, records)
    assert list(read_nbest(path)) == records
    assert list(read_nbest(str(path))) == records
    lines = path.read_bytes().split(b"\n")
    assert len(lines) == 3
    assert "😀".encode() in lines[0]
    assert json.loads(lines[1])["schema"] == 1


def test_corrections_round_trip(tmp_path: Path) -> None:
    nbest = NBest("a", (Hypothesis("one"), Hypothesis("won")), context=Context(("x",)), extra={"speaker": "A"})
    made = Correction.of(nbest, "won", "reranked", reason="because", scores={"lm": -2.0})
    path = tmp_path / "out.jsonl"
    write_records(path, [made])
    assert list(read_corrections(path)) == [made]
    assert list(read_nbest(path)) == [nbest]


def test_windows_files() -> None:
    text = "\ufeff" + LIST + "\r\n\r\n   \r\n" + OTHER
    assert [record.id for record in lists(text)] == ["a", "b"]


def test_a_text_is_a_list_of_itself() -> None:
    (record,) = lists('{"id": "a", "text": "one", "call": 7}\n')
    assert record == NBest("a", (Hypothesis("one"),), extra={"call": 7})


def test_empty() -> None:
    assert lists("") == []
    assert lists("\n\n") == []


def test_reads_as_a_stream() -> None:
    def endless() -> Any:
        number = 0
        while True:
            number += 1
            yield f'{{"id": "{number}", "hypotheses": []}}\n'.encode()

    reader = read_nbest(endless())
    assert [next(reader).id for _ in range(3)] == ["1", "2", "3"]


def test_half_surrogates_survive(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(rb'{"id": "a", "hypotheses": [{"text": "x\udcff"}]}')
    records = list(read_nbest(tmp_path / "in"))
    write_records(tmp_path / "out", records)
    assert rb"x\udcff" in (tmp_path / "out").read_bytes()
    assert list(read_nbest(tmp_path / "out")) == records


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("{]", "line 1: not JSON (", "The last line seems cut off"),
        (LIST[:-5], "line 1: not JSON (", "The last line seems cut off"),
        (f"{LIST}\n\n{LIST[:-5]}", "line 3: not JSON (", "The last line seems cut off"),
        (f"{LIST[:-5]}\n{OTHER}", "line 1: not JSON (", "Each line"),
        ("[" * 100_000 + "\n", "line 1: not JSON (", "Each line"),
        ('["a"]', "line 1: expected a JSON object, found a list.", "Each line"),
        ('"a"', "line 1: expected a JSON object, found text.", "Each line"),
        ("null", "line 1: expected a JSON object, found null.", "Each line"),
        ("true", "line 1: expected a JSON object, found true or false.", "Each line"),
        ("\n1.5", "line 2: expected a JSON object, found a number.", "Each line"),
        (
            '{"id": "a", "hypotheses": [{"text": "x", "score": NaN}]}\n',
            "line 1: not JSON (NaN is not a JSON number, write null",
            "Each line",
        ),
        (b'{"id": "\xe9"}', "line 1: byte 9 (0xe9) is not UTF-8.", "Save the file as UTF-8"),
        (LIST.encode("utf-16"), "line 1: byte 1 (0xff) is not UTF-8.", "Save the file as UTF-8"),
        (f"{LIST}\n{OTHER}\n\n{LIST}", "lines 1 and 4 both have the id 'a'.", "Every line needs"),
        (f'{LIST}\n{{"id": 3, "hypotheses": []}}', "line 2: 'id' should be text", ""),
        ('{"id": "a"}', "line 1: 'hypotheses' is missing.", ""),
        ('{"id": "a", "text": "x", "decision": "kept"}', "line 1: this correction does not hold the list", ""),
        ('{"id": "a", "schema": 99, "hypotheses": []}', "line 1: schema 99 is not known.", "This version"),
    ],
)
def test_errors_name_file_and_line(text: str | bytes, message: str, hint: str) -> None:
    with pytest.raises(RecordError) as caught:
        lists(text)
    assert caught.value.message.startswith("in.jsonl")
    assert message in caught.value.message
    assert caught.value.hint.startswith(hint)


def test_what_stands_before_an_error_is_read() -> None:
    reader = read_nbest(stream(f"{LIST}\n{{"), "in.jsonl")
    assert next(reader).id == "a"
    with pytest.raises(RecordError):
        next(reader)


def test_a_list_is_no_correction() -> None:
    with pytest.raises(RecordError, match=r"line 1: this is an N-best list, not a correction\. Run `ger correct`"):
        list(read_corrections(stream(LIST), "in.jsonl"))
    with pytest.raises(RecordError, match=r"line 1: 'text' is missing"):
        list(read_corrections(stream('{"id": "a", "decision": "kept"}'), "in.jsonl"))


@pytest.mark.parametrize(("name", "reason"), [("missing", "No such file or directory"), (".", "Is a directory")])
def test_unreadable_files(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        list(read_nbest(tmp_path / name))
    assert str(tmp_path / name) in caught.value.message


def test_streams_have_names(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"^stream, line 1:"):
        list(read_nbest(stream("[]")))
    (tmp_path / "a\nb").write_text("[]")
    with (tmp_path / "a\nb").open("rb") as file, pytest.raises(RecordError, match=r"a\\nb, line 1:"):
        list(read_nbest(file))


def test_standard_input() -> None:
    code = "from ger.io.jsonl import read_nbest; print([r.id for r in read_nbest('-')])"
    environment = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], input=LIST, text=True, capture_output=True, env=environment)
    assert done.stdout == "['a']\n"
    done = subprocess.run([sys.executable, "-c", code], input="[]", text=True, capture_output=True, env=environment)
    assert "RecordError" in done.stderr
    assert "standard input, line 1" in done.stderr


@pytest.mark.parametrize("score", [float("nan"), float("inf"), float("-inf")])
def test_numbers_without_a_json_form_are_refused(tmp_path: Path, score: float) -> None:
    with pytest.raises(RecordError, match="Record 'a' cannot be written as JSON"):
        write_records(tmp_path / "out", [NBest("a", (Hypothesis("x", score),))])
    assert list(tmp_path.iterdir()) == []


def test_what_is_nested_too_deeply_is_refused() -> None:
    value: list[object] = []
    for _ in range(5000):
        value = [value]
    with pytest.raises(RecordError, match="Record 'a' cannot be written as JSON"):
        dumps(NBest("a", (), extra={"x": value}))


def test_values_without_a_json_form_are_refused() -> None:
    with pytest.raises(RecordError, match="Record 'a' cannot be written as JSON"):
        dumps(NBest("a", (), meta={"set": {1}}))
    itself: dict[str, object] = {}
    itself["itself"] = itself
    with pytest.raises(RecordError, match="Record 'a' cannot be written as JSON"):
        dumps(NBest("a", (), meta=itself))
