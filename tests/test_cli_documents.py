"""Documents from end to end: `ger correct` on them, `ger convert`, `ger apply` and `ger revert`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from document_samples import KALDI, SAMPLES, SRT, STM, WHISPER
from test_cli import call

from ger.io.documents import read_document

pytestmark = pytest.mark.usefixtures("made")

BETTER = {
    "talk/1-2": "Hello my dear friend, how are you doing on this fine day?",
    "talk/4.2": "שלום",
}


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Subtitles, and answers for them."""
    (tmp_path / "talk.srt").write_bytes(SRT.encode())
    rows = (json.dumps({"id": key, "text": text}) for key, text in BETTER.items())
    (tmp_path / "answers.jsonl").write_text("\n".join(rows), "utf-8")
    return tmp_path / "talk.srt", tmp_path / "answers.jsonl"


EXPECTED = SRT.replace("frend", "friend").replace("find", "fine").replace(" עולם", "")


def test_a_corrected_file_is_printed(files: tuple[Path, Path]) -> None:
    result = call("correct", files[0], "--answers", files[1], "--no-guard")
    assert result.exit_code == 0, result.stderr
    assert result.stdout_bytes.decode() == EXPECTED
    assert "2 changed" in result.stderr


def test_it_goes_to_a_folder_in_its_own_format_or_in_others(files: tuple[Path, Path], tmp_path: Path) -> None:
    result = call("correct", files[0], "--answers", files[1], "--no-guard", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert {p.name for p in (tmp_path / "out").iterdir() if p.name[0] != "."} == {"talk.srt"}
    assert (tmp_path / "out" / "talk.srt").read_bytes() == EXPECTED.encode()
    again = call("correct", files[0], "--answers", files[1], "--no-guard", "-o", tmp_path / "out")
    assert "1 finished before" in again.stderr
    formats = ("-f", "same,json,txt", "-o", tmp_path / "more")
    assert call("correct", files[0], "--answers", files[1], "--no-guard", *formats).exit_code == 0
    assert {p.name for p in (tmp_path / "more").iterdir() if p.name[0] != "."} == {"talk.srt", "talk.json", "talk.txt"}
    assert "this fine day?" in (tmp_path / "more" / "talk.txt").read_text("utf-8")
    clash = call("correct", files[0], "--answers", files[1], "-f", "same,srt", "-o", tmp_path / "clash")
    assert clash.exit_code == 1
    assert "would be written twice" in clash.stderr


def test_in_place_the_first_version_stays(files: tuple[Path, Path], tmp_path: Path) -> None:
    for _ in range(2):
        result = call("correct", files[0], "--answers", files[1], "--no-guard", "--in-place")
        assert result.exit_code == 0, result.stderr
        assert result.stdout == ""
        assert files[0].read_bytes() == EXPECTED.encode()
        assert files[0].with_name("talk.srt.orig").read_bytes() == SRT.encode()
    (tmp_path / "other.srt").write_bytes(SRT.encode())
    assert call("correct", tmp_path / "other.srt", "--in-place").exit_code == 0  # one hypothesis each: nothing changes
    assert not (tmp_path / "other.srt.orig").exists()
    assert call("correct", files[0], "--in-place", "--diff").exit_code == 2


def test_a_patch_and_the_changes(files: tuple[Path, Path], tmp_path: Path) -> None:
    changes = tmp_path / "changes.jsonl"
    result = call("correct", files[0], "--answers", files[1], "--no-guard", "--diff", "--changes", changes)
    assert result.exit_code == 0, result.stderr
    assert "-<i>Hello</i> my dear frend, how" in result.stdout
    assert "+<i>Hello</i> my dear friend, how" in result.stdout
    assert files[0].read_bytes() == SRT.encode()
    rows = [json.loads(line) for line in changes.read_text("utf-8").splitlines()]
    assert [(row["unit"], row["before"], row["after"]) for row in rows] == [
        ("1", "frend,", "friend,"),
        ("2", "find", "fine"),
        ("4", "עולם", ""),
    ]
    assert rows[0]["reason"] == "recorded answer"
    assert (rows[0]["start"], rows[0]["end"]) == (1.0, 2.5)


def test_changes_are_applied_and_undone(files: tuple[Path, Path], tmp_path: Path) -> None:
    changes, made = tmp_path / "changes.jsonl", tmp_path / "made.srt"
    call("correct", files[0], "--answers", files[1], "--no-guard", "--diff", "--changes", changes)
    assert call("apply", files[0], changes, "-o", made).exit_code == 0
    assert made.read_bytes() == EXPECTED.encode()
    first, *rest = changes.read_text("utf-8").splitlines()
    changes.write_text("\n".join([first.replace('"accept": true', '"accept": false'), *rest]), "utf-8")
    assert call("apply", files[0], changes).stdout_bytes.decode() == EXPECTED.replace("friend", "frend")
    assert call("revert", made, changes).stdout_bytes.decode() == EXPECTED.replace("friend", "frend")
    assert call("revert", made, changes, "--all", "-o", made).exit_code == 0
    words = [unit.text for unit in read_document(made).units]
    assert words == [unit.text for unit in read_document(files[0]).units]
    wrong = call("revert", files[0], changes, "--all")
    assert wrong.exit_code == 1
    assert "there is no 'friend,' at word 3 of '1'" in wrong.stderr
    assert call("apply", files[0], files[0]).exit_code == 1
    assert call("apply", files[0], changes, "-o", changes).exit_code == 2


def test_what_is_no_change_is_named(files: tuple[Path, Path], tmp_path: Path) -> None:
    for text in ('{"unit": "1"}', '{"unit": 1, "at": 0, "old": [], "new": []}', "[]", "nothing"):
        (tmp_path / "c.jsonl").write_text(f"\n{text}\n", "utf-8")
        result = call("apply", files[0], tmp_path / "c.jsonl")
        assert (result.exit_code, "line 2 is no change" in result.stderr) == (1, True), result.stderr


def test_a_format_by_name(tmp_path: Path) -> None:
    (tmp_path / "text").write_text(KALDI, "utf-8")
    (tmp_path / "answers").write_text("u3 GOOD BYE THEN\n", "utf-8")
    call_ = ("correct", tmp_path / "text", "--answers", tmp_path / "answers", "--no-guard")
    result = call(*call_, "--format", "kaldi", "-f", "same")
    assert result.stdout == KALDI.replace("NOW", "THEN"), result.stderr
    wrong = call(*call_, "--format", "kladi")
    assert (wrong.exit_code, "Did you mean 'kaldi'" in wrong.stderr) == (2, True)


def test_lines_of_text_stay_lines_with_their_ids(tmp_path: Path) -> None:
    said = {"ids.txt": "u1 good dey\r\nu2\r\nu3 bye", "plain.txt": "\ufeffGood dey to you\n\nGood bye\n"}
    (tmp_path / "answers.jsonl").write_text(
        '{"id": "u1", "text": "good day"}\n{"id": "1", "text": "Good day to you"}\n', "utf-8"
    )
    for name, text in said.items():
        (tmp_path / name).write_bytes(text.encode())
        command = ("correct", tmp_path / name, "--answers", tmp_path / "answers.jsonl", "--no-guard")
        assert call(*command).stdout_bytes.decode() == text.replace("dey", "day")
        assert call(*command, "-o", tmp_path / "out", "--changes", tmp_path / "changes").exit_code == 0
        assert (tmp_path / "out" / name).read_bytes().decode() == text.replace("dey", "day")
        again = call("revert", tmp_path / "out" / name, tmp_path / "changes", "--all")
        assert again.stdout_bytes.decode() == text, again.stderr
        rows = call(*command, "-f", "jsonl").stdout.splitlines()
        assert [json.loads(row)["id"] for row in rows] == (["u1", "u2", "u3"] if name == "ids.txt" else ["1", "3"])
        assert call("convert", tmp_path / name, "-", "--to", "kaldi").stdout.startswith(
            ("u1 good dey", "1 Good dey to")
        )


def test_several_files_one_of_them_broken(files: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(WHISPER[:200], "utf-8")
    (tmp_path / "good.stm").write_text(STM, "utf-8")
    result = call("correct", tmp_path / "bad.json", tmp_path / "good.stm", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "bad.json" in result.stderr
    assert (tmp_path / "out" / "good.stm").read_text("utf-8") == STM


@pytest.mark.parametrize("name", sorted(SAMPLES))
@pytest.mark.parametrize("wanted", ["txt", "json", "records", "stm", "seglst", "kaldi", "srt", "vtt", "tsv", "ctm"])
def test_every_format_is_converted_or_says_why_not(tmp_path: Path, name: str, wanted: str) -> None:
    (tmp_path / name).write_bytes(SAMPLES[name][1].encode())
    result = call("convert", tmp_path / name, "-", "--to", wanted)
    document = read_document(tmp_path / name)
    if result.exit_code:
        assert "has no" in result.stderr
        units = document.units
        untimed = any(unit.start is None for unit in units)
        assert untimed or (wanted == "ctm" and any(word.start is None for unit in units for word in unit.words))
        return
    if wanted == document.format:
        assert result.stdout_bytes.decode() == SAMPLES[name][1]
        return
    for word in document.units[0].text.replace("&", "").replace("%", "").split():
        assert word in result.stdout or wanted == "json"


def test_converting_by_the_name(tmp_path: Path) -> None:
    (tmp_path / "a.stm").write_text(STM, "utf-8")
    assert call("convert", tmp_path / "a.stm", tmp_path / "b.vtt").exit_code == 0
    assert [unit.speaker for unit in read_document(tmp_path / "b.vtt").units] == ["ada", "bob"]
    assert call("convert", tmp_path / "b.vtt", tmp_path / "c.jsonl").exit_code == 0
    texts = [json.loads(line)["hypotheses"][0]["text"] for line in (tmp_path / "c.jsonl").read_text().splitlines()]
    assert texts == ["good day there", "yes sure"]
    assert call("convert", tmp_path / "c.jsonl", tmp_path / "d.txt").exit_code == 0
    assert (tmp_path / "d.txt").read_text("utf-8") == "good day there\nyes sure\n"
    for wrong in ("e", "f.docx"):
        assert call("convert", tmp_path / "a.stm", tmp_path / wrong).exit_code == 2
    assert call("convert", tmp_path / "a.stm", tmp_path / "a.stm", "--to", "stm").exit_code == 2


def test_lattices_become_lists(tmp_path: Path) -> None:
    (tmp_path / "lat").write_text("u1\n0 1 1 1.0,10.0,\n0 1 2 2.0,5.0,\n1 0.0,0.0,\n\n", "utf-8")
    (tmp_path / "table").write_text("<eps> 0\nred 1\nread 2\n", "utf-8")
    command = ("convert", tmp_path / "lat", "-", "--from", "kaldi-lattice", "--to", "records")
    assert "words.txt" in call(*command).stderr
    for more, texts in (
        ((), ["read", "red"]),
        (("--acoustic-scale", "0.1"), ["red", "read"]),
        (("--nbest", 1), ["read"]),
    ):
        made = json.loads(call(*command, "--words", tmp_path / "table", *more).stdout)
        assert [hypothesis["text"] for hypothesis in made["hypotheses"]] == texts
    assert call(*command, "--nbest", 0).exit_code == 2


def test_lists_in_json_are_no_documents(tmp_path: Path) -> None:
    lists = [{"input": ["sow the field", "so the field"], "output": "so the field"}]
    (tmp_path / "lists.json").write_text(json.dumps(lists), "utf-8")
    result = call("correct", tmp_path / "lists.json", "--mode", "combine", "-f", "jsonl")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["text"] == "sow the field"
    (tmp_path / "other.json").write_text('{"a": 1}', "utf-8")
    assert call("correct", tmp_path / "other.json").exit_code == 1
