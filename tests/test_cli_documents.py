"""Documents from end to end: `ger correct` on them, `ger convert`, `ger apply` and `ger revert`."""

from __future__ import annotations

import gzip
import json
import os
import stat
from pathlib import Path

import pytest
from document_samples import KALDI, SAMPLES, SRT, STM, WHISPER
from fakes import tone
from test_cli import call, nbest

import ger.io.documents.files as files_module
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


def test_in_its_own_format_by_name_it_is_the_file_with_other_words(files: tuple[Path, Path], tmp_path: Path) -> None:
    command = ("correct", files[0], "--answers", files[1], "--no-guard", "-f")
    assert call(*command, "srt").stdout_bytes.decode() == EXPECTED
    assert call(*command, "srt", "-o", tmp_path / "out").exit_code == 0
    assert call(*command, "all", "-o", tmp_path / "all").exit_code == 0
    for name in ("out", "all"):
        assert (tmp_path / name / "talk.srt").read_bytes() == EXPECTED.encode()


def test_in_other_formats_a_cue_stays_a_cue(files: tuple[Path, Path]) -> None:
    command = ("correct", files[0], "--answers", files[1], "--no-guard", "-f")
    times = [(1.0, 2.5), (2.5, 4.0), (3.5, 5.0), (4.5, 6.0)]
    texts = ["Hello my dear friend, how are you", "doing on this fine day?", "", "50 % of it שלום"]
    segments = json.loads(call(*command, "json").stdout)["segments"]
    assert [(segment["start"], segment["end"]) for segment in segments] == times
    assert [segment["text"] for segment in segments] == texts
    assert [segment["record"] for segment in segments] == [f"talk/{i}" for i in range(1, 5)]
    assert [segment["decision"] for segment in segments] == ["rewritten", "rewritten", "kept", "rewritten"]
    assert segments[1]["edits"] == [{"before": "find", "after": "fine"}]
    assert call(*command, "txt").stdout.splitlines() == texts
    rows = [line.split("\t") for line in call(*command, "tsv").stdout.splitlines()[1:]]
    assert [(float(start), float(end)) for start, end, _ in rows] == [
        (1000 * start, 1000 * end) for (start, end), text in zip(times, texts, strict=True) if text
    ]
    for name, mark in (("vtt", " --> "), ("stm", "talk 1 unknown ")):
        assert call(*command, name).stdout.count(mark) == 3
    records = [json.loads(line)["id"] for line in call(*command, "jsonl").stdout.splitlines()]
    assert records == ["talk/1-2", "talk/4.1", "talk/4.2"]


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_every_unit_is_a_segment_with_its_place(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(SAMPLES[name][1].encode())
    result = call("correct", tmp_path / name, "--mode", "combine", "--format", SAMPLES[name][0], "-f", "json")
    assert result.exit_code == 0, result.stderr
    segments = json.loads(result.stdout)["segments"]
    units = read_document(tmp_path / name, format=SAMPLES[name][0]).units
    spans = [None if None in (unit.start, unit.end) else (unit.start, unit.end) for unit in units]
    assert [segment["text"] for segment in segments] == [unit.text for unit in units]
    assert [(segment["start"], segment["end"]) for segment in segments] == [
        tuple(round(time or 0.0, 3) for time in span) if span else (None, None) for span in spans
    ]
    assert [segment["meta"].get("speaker", "") for segment in segments] == [unit.speaker for unit in units]


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
    for more in (("--in-place", "-f", "json"), ("--diff", "-f", "table"), ("--diff", "--json")):
        assert call("correct", files[0], *more).exit_code == 2
    assert call("correct", "-", "--format", "srt", "--in-place", stdin=SRT).exit_code == 2


def test_in_place_permissions_stay_and_nothing_is_lost(two: list[object], tmp_path: Path) -> None:
    file, answers = tmp_path / "a.srt", tmp_path / "answers.jsonl"
    file.chmod(0o600)
    assert call(*two, "--in-place").exit_code == 0
    assert [stat.S_IMODE(os.stat(path).st_mode) for path in sorted(tmp_path.glob("a.srt*"))] == [0o600, 0o600]
    file.write_text(_cue("sew the feeld"), "utf-8")  # by hand
    for _ in range(2):
        assert call(*two, "--in-place").exit_code == 0
    answers.write_text('{"id": "a/1", "text": "so the meadow"}\n', "utf-8")
    assert call(*two, "--in-place").exit_code == 0
    held = {path.name: path.read_text("utf-8") for path in tmp_path.glob("a.srt*")}
    assert held == {
        "a.srt": _cue("so the meadow"),
        "a.srt.orig": _cue("sow the feeld"),
        "a.srt.orig.2": _cue("sew the feeld"),
        "a.srt.orig.3": _cue("so the a field"),
    }
    file.write_text(_cue("sow the feeld"), "utf-8")
    assert call(*two, "--in-place").exit_code == 0
    assert len(list(tmp_path.glob("a.srt*"))) == 4


def test_in_place_a_file_that_has_gone_is_told(
    two: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced = files_module.replaced

    def gone(path: Path, before: bytes, after: bytes) -> None:
        if path.name == "a.srt":
            path.unlink()
        replaced(path, before, after)

    monkeypatch.setattr(files_module, "replaced", gone)
    result = call(*two, "--in-place")
    assert (result.exit_code, "a.srt cannot be read again: No such file" in result.stderr) == (1, True)
    assert (tmp_path / "b.srt").read_text("utf-8") == _cue("so the b field")


def test_what_is_no_document_cannot_be_written_in_place(two: list[object], tmp_path: Path) -> None:
    (tmp_path / "l.jsonl").write_text(nbest("x", "so the field", "sow the field"), "utf-8")
    tone(tmp_path / "a.wav", 1)
    for name in ("l.jsonl", "a.wav"):
        for how in (("--in-place",), ("--diff",), ("-o", tmp_path / "out", "--changes", tmp_path / "c.jsonl")):
            result = call(*two, tmp_path / name, *how, "--no-resume")
            assert (result.exit_code, f"{name} is no document" in result.stderr) == (1, True), result.stderr
    assert (tmp_path / "b.srt").read_text("utf-8") == _cue("so the b field")
    whole = call("correct", tmp_path / "a.srt", "--mode", "cascade", "--prompt", "summarize", "--diff")
    assert (whole.exit_code, "What is made of a whole recording" in whole.stderr) == (2, True)


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


@pytest.fixture
def two(tmp_path: Path) -> list[object]:
    """A call that corrects two files in which the same words stand at the same places."""
    rows = [{"id": f"{name}/1", "text": f"so the {name} field"} for name in ("a", "b")]
    (tmp_path / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    for name in ("a", "b"):
        (tmp_path / f"{name}.srt").write_text(_cue("sow the feeld"), "utf-8")
    files = (tmp_path / "a.srt", tmp_path / "b.srt")
    return ["correct", *files, "--answers", tmp_path / "answers.jsonl", "--no-guard"]


def _cue(text: str) -> str:
    return f"1\n00:00:01,000 --> 00:00:02,000\n{text}\n"


def _made(changes: Path) -> list[tuple[str, str]]:
    return [(Path(row["file"]).name, row["after"]) for row in map(json.loads, changes.read_text("utf-8").splitlines())]


BOTH = [("a.srt", "so"), ("a.srt", "a field"), ("b.srt", "so"), ("b.srt", "b field")]


def test_changes_are_taken_by_file(two: list[object], tmp_path: Path) -> None:
    changes = tmp_path / "changes.jsonl"
    assert call(*two, "-o", tmp_path / "out", "--changes", changes).exit_code == 0
    assert _made(changes) == BOTH
    for name in ("a", "b"):
        assert call("apply", tmp_path / f"{name}.srt", changes).stdout == _cue(f"so the {name} field")
        made = call("revert", tmp_path / "out" / f"{name}.srt", changes, "--all")
        assert made.stdout == _cue("sow the feeld"), made.stderr
    (tmp_path / "c.srt").write_text(_cue("sow the feeld"), "utf-8")
    other = call("apply", tmp_path / "c.srt", changes)
    assert (other.exit_code, "a.srt, " in other.stderr, "c.srt cannot be told" in other.stderr) == (1, True, True)
    changes.write_text("".join(changes.read_text("utf-8").splitlines(keepends=True)[:2]), "utf-8")
    assert call("apply", tmp_path / "c.srt", changes).stdout == _cue("so the a field")  # they are of one file only


def test_files_of_one_name_are_told_apart_by_their_folders(two: list[object], tmp_path: Path) -> None:
    changes = tmp_path / "changes.jsonl"
    assert call(*two, "-o", tmp_path / "out", "--changes", changes).exit_code == 0
    text = changes.read_text("utf-8").replace("b.srt", "sub/a.srt")
    changes.write_text(text, "utf-8")
    for folder, name in (("new", "a"), ("new/sub", "b"), ("sub", "b")):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "a.srt").write_text(_cue("sow the feeld"), "utf-8")
        made = call("apply", tmp_path / folder / "a.srt", changes)
        if folder == "new":
            assert "cannot be told" in made.stderr
        else:
            assert made.stdout == _cue(f"so the {name} field"), made.stderr


def test_the_file_of_changes_is_none_that_is_read(two: list[object], tmp_path: Path) -> None:
    for path in (two[1], tmp_path / "answers.jsonl"):
        before = Path(str(path)).read_text("utf-8")
        result = call(*two, "--changes", path)
        assert (result.exit_code, "Name another file with --changes." in result.stderr) == (2, True)
        assert Path(str(path)).read_text("utf-8") == before
    (tmp_path / "notes").write_text("my notes\n", "utf-8")
    result = call(*two, "--changes", tmp_path / "notes")
    assert (result.exit_code, "line 1 is no change" in result.stderr) == (1, True)
    assert (tmp_path / "notes").read_text("utf-8") == "my notes\n"


def test_changes_of_files_that_were_finished_before_stay(two: list[object], tmp_path: Path) -> None:
    changes, where = tmp_path / "new" / "changes.jsonl", ("-o", tmp_path / "out")
    for _ in range(2):
        result = call(*two, *where, "--changes", changes)
        assert result.exit_code == 0, result.stderr
        assert _made(changes) == BOTH
    (tmp_path / "out" / "b.srt").unlink()
    text = changes.read_text("utf-8").removesuffix("\n")
    changes.write_text(text.replace('"accept": true', '"accept": false', 1), "utf-8")
    assert "1 finished before" in call(*two, *where, "--changes", changes).stderr
    assert _made(changes) == BOTH
    assert '"accept": false' in changes.read_text("utf-8")  # the decisions of a person, too
    late = call(*two, *where, "--changes", tmp_path / "late.jsonl")
    assert "Changes of what was finished before are not in the file; --no-resume" in late.stderr


def test_new_changes_of_a_file_take_the_place_of_old_ones(two: list[object], tmp_path: Path) -> None:
    changes = tmp_path / "changes.jsonl"
    assert call(*two, "--diff", "--changes", changes).exit_code == 0
    answers = tmp_path / "answers.jsonl"
    answers.write_text(answers.read_text("utf-8").replace("the a field", "the meadow"), "utf-8")
    assert call(*two, "--diff", "--changes", changes).exit_code == 0
    assert sorted(_made(changes)) == [("a.srt", "meadow"), ("a.srt", "so"), *sorted(BOTH[2:])]
    answers.write_text('{"id": "a/1", "text": "sow the feeld"}\n', "utf-8")
    result = call(*two, "--diff", "--changes", changes)
    assert "a.srt: nothing changes; 2 changes of an earlier run stay." in result.stderr
    assert len(_made(changes)) == 4


def test_what_has_changed_a_file_in_place_is_not_lost(two: list[object], tmp_path: Path) -> None:
    changes, file = tmp_path / "changes.jsonl", tmp_path / "a.srt"
    for _ in range(2):
        assert call(*two, "--in-place", "--changes", changes).exit_code == 0
        assert _made(changes) == BOTH
    (tmp_path / "answers.jsonl").write_text('{"id": "a/1", "text": "so the meadow"}\n', "utf-8")
    for how in ("--in-place", "--diff"):
        result = call(*two, how, "--changes", changes)
        assert (result.exit_code, "that " in result.stderr and "a.srt has had before" in result.stderr) == (1, True)
        assert file.read_text("utf-8") == _cue("so the a field")
        assert _made(changes) == BOTH
    assert call("revert", file, changes, "--all").stdout == _cue("sow the feeld")
    assert call(*two, "--in-place", "--changes", tmp_path / "other.jsonl").exit_code == 0
    file.write_text(_cue("by hand"), "utf-8")
    assert call(*two, "--in-place", "--changes", tmp_path / "other.jsonl").exit_code == 1
    assert file.read_text("utf-8") == _cue("by hand")


def test_changes_are_there_before_the_file_is_written(
    two: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes, replaced = tmp_path / "changes.jsonl", files_module.replaced

    def interrupted(path: Path, before: bytes, after: bytes) -> None:
        replaced(path, before, after)
        if path.name == "a.srt":
            raise KeyboardInterrupt

    monkeypatch.setattr(files_module, "replaced", interrupted)
    assert call(*two, "--in-place", "--changes", changes).exit_code == 130
    assert (tmp_path / "a.srt").read_text("utf-8") == _cue("so the a field")
    assert (tmp_path / "b.srt").read_text("utf-8") == _cue("sow the feeld")
    assert _made(changes) == BOTH[:2]
    assert call(*two, "--in-place", "--changes", changes).exit_code == 0
    assert _made(changes) == BOTH


def test_an_edited_change_is_made_as_it_was_edited(two: list[object], tmp_path: Path) -> None:
    changes, file = tmp_path / "changes.jsonl", tmp_path / "a.srt"
    call(*two, "-o", tmp_path / "out", "--changes", changes)
    text = changes.read_text("utf-8")
    changes.write_text(text.replace('"after": "a field"', '"after": "green green meadow"'), "utf-8")
    assert call("apply", file, changes, "-o", tmp_path / "new" / "a.srt").exit_code == 0
    assert (tmp_path / "new" / "a.srt").read_text("utf-8") == _cue("so the green green meadow")
    for made in ("new", "out"):  # of `ger apply` and of `ger correct`
        assert call("revert", tmp_path / made / "a.srt", changes, "--all").stdout == _cue("sow the feeld")
    changes.write_text(text.replace('"after": "a field"', '"after": ""'), "utf-8")
    assert call("apply", file, changes).stdout == _cue("so the")
    for value in ('"false"', "0", "null"):
        changes.write_text(text.replace('"accept": true', f'"accept": {value}'), "utf-8")
        for command in ("apply", "revert"):
            result = call(command, file, changes)
            assert (result.exit_code, "changes.jsonl, line 1: 'accept' is" in result.stderr) == (1, True)


def test_edited_words_have_the_times_of_those_they_replace(tmp_path: Path) -> None:
    (tmp_path / "a.ctm").write_text("c 1 0.50 0.50 sow 0.5\nc 1 1.00 0.40 feeld 0.5\n", "utf-8")
    row = {"unit": "1", "at": 1, "old": [{"text": "feeld", "start": 1.0, "end": 1.4}], "after": "field"}
    row["new"] = [{"text": "fild", "start": 1.0, "end": 1.4}]
    (tmp_path / "c.jsonl").write_text(json.dumps(row), "utf-8")
    assert call("apply", tmp_path / "a.ctm", tmp_path / "c.jsonl").stdout.splitlines()[1] == "c 1 1.00 0.40 field 0.5"
    (tmp_path / "c.jsonl").write_text(json.dumps(row | {"after": "open land"}), "utf-8")
    made = call("apply", tmp_path / "a.ctm", tmp_path / "c.jsonl").stdout.splitlines()[1:]
    assert made == ["c 1 1.00 0.20 open 0.5", "c 1 1.20 0.20 land 0.5"]


def test_changes_that_are_not_there_are_one_sentence(files: tuple[Path, Path], tmp_path: Path) -> None:
    absent = tmp_path / "c.jsonl"
    said = f"Error: {absent} cannot be read: No such file or directory. Check the name and its permissions.\n"
    assert call("apply", files[0], absent).stderr == said


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


def test_a_document_on_standard_input(tmp_path: Path) -> None:
    (tmp_path / "answers").write_text("stdin/1 so the field\n", "utf-8")
    command = ("correct", "-", "--answers", tmp_path / "answers", "--no-guard")
    text = _cue("sow the feeld")
    assert call(*command, "--format", "srt", stdin=text).stdout == _cue("so the field")
    assert call(*command, "--format", "srt", "-o", tmp_path / "out", stdin=text).exit_code == 0
    assert (tmp_path / "out" / "stdin.srt").read_text("utf-8") == _cue("so the field")
    wrong = call(*command, "--format", "srt", stdin="1\n00:01 --> x\nso\n")
    assert (wrong.exit_code, "standard input, line 2: no times" in wrong.stderr) == (1, True)
    lists = call("correct", "-", "--mode", "combine", stdin=nbest("x", "so the field"))
    assert lists.stdout == "so the field\n"
    made = call("convert", "-", tmp_path / "a.vtt", "--from", "srt", stdin=text)
    assert made.exit_code == 0, made.stderr
    assert "00:00:01.000 --> 00:00:02.000\nsow the feeld" in (tmp_path / "a.vtt").read_text("utf-8")
    assert call("convert", "-", "-", "--from", "srt", "--to", "stm", stdin=text).stdout.startswith("stdin 1 ")
    assert call("convert", "-", "-", "--to", "txt", stdin=nbest("x", "so the field")).stdout == "so the field\n"


@pytest.fixture
def toolkits(tmp_path: Path) -> Path:
    """What Kaldi, WeNet and ESPnet write, under their own names."""
    (tmp_path / "text").write_text("u1 so the field\nu2\n", "utf-8")
    (tmp_path / "result.best").write_text(SAMPLES["wer"][1], "utf-8")
    lattice = "u1\n0 1 1 1.0,10.0,\n0 1 2 2.0,5.0,\n1 0.0,0.0,\n\n"
    for name in ("lat", "lat.1"):
        (tmp_path / name).write_text(lattice, "utf-8")
    (tmp_path / "words.txt").write_text("<eps> 0\nred 1\nread 2\n", "utf-8")
    (tmp_path / "lat.2.gz").write_bytes(gzip.compress(lattice.encode()))
    (tmp_path / "lat.3").write_bytes(b"u1 \0B\xff\xfe\x00\x04")
    for rank, text in enumerate(("so the field", "sow the field"), 1):
        (tmp_path / "decode" / f"{rank}best_recog").mkdir(parents=True)
        (tmp_path / "decode" / f"{rank}best_recog" / "text").write_text(f"u1 {text}\n", "utf-8")
    return tmp_path


def test_lists_and_documents_are_known_by_what_is_inside(toolkits: Path) -> None:
    for name, text in (("text", "u1 so the field\nu2\n"), ("lat", "read\n"), ("lat.1", "read\n")):
        result = call("correct", toolkits / name, "--mode", "combine")
        assert (result.exit_code, result.stdout) == (0, text), result.stderr
    assert call("correct", toolkits / "result.best", "--mode", "combine").stdout == SAMPLES["wer"][1]
    for name, reason in (("lat.2.gz", "compressed"), ("lat.3", "a binary archive")):
        result = call("correct", toolkits / name, "--mode", "combine")
        assert (result.exit_code, f"{name} is {reason}. Unpack it" in result.stderr) == (1, True), result.stderr
    (toolkits / "noise").write_bytes(bytes(range(256)) * 20)
    result = call("correct", toolkits / "noise", "--mode", "combine")
    assert (result.exit_code, "name its format with --format" in result.stderr) == (1, True)


def test_audio_is_known_by_what_is_inside(tmp_path: Path) -> None:
    tone(tmp_path / "a.wav", 1)
    (tmp_path / "a.wav").rename(tmp_path / "recording")
    (tmp_path / "play").write_text("ffconcat version 1.0\nfile recording\n", "utf-8")
    for name in ("recording", "play"):
        result = call("correct", tmp_path / name)
        assert (result.exit_code, "1 s of audio" in result.stderr) == (0, True), result.stderr
    (tmp_path / "empty").touch()
    assert "the file is empty" in call("correct", tmp_path / "empty").stderr


def test_folders_of_lists_and_of_documents(toolkits: Path, tmp_path: Path) -> None:
    for more in ((), ("--format", "espnet")):
        result = call("correct", toolkits / "decode", "--mode", "combine", "-f", "jsonl", *more)
        assert result.exit_code == 0, result.stderr
        assert len(json.loads(result.stdout)["hypotheses"]) == 2
    out = ("-o", tmp_path / "out", "-f", "txt")
    for text in ("so the field", "so the fields"):  # a change inside of a folder does not show in its own time
        (toolkits / "decode" / "1best_recog" / "text").write_text(f"u1 {text}\n", "utf-8")
        assert call("correct", toolkits / "decode", "--mode", "combine", *out).exit_code == 0
        assert (tmp_path / "out" / "decode.txt").read_text("utf-8") == f"{text}\n"
    wrong = call("correct", toolkits / "out", "--mode", "combine", "--format", "espnet")
    assert (wrong.exit_code, "no 1best_recog in this folder" in wrong.stderr) == (1, True)
    (tmp_path / "subs").mkdir()
    for name in ("a.srt", "b.srt"):
        (tmp_path / "subs" / name).write_text(_cue("sow the feeld"), "utf-8")
    result = call("correct", tmp_path / "subs", "--mode", "combine")
    assert (result.exit_code, result.stdout.count("sow the feeld")) == (0, 2)
    tone(tmp_path / "subs" / "a.wav", 1)
    assert call("correct", tmp_path / "subs").stderr.startswith("1 file, ")
    (tmp_path / "subs" / "a.wav").unlink()
    assert "holds no audio or video files" in call("transcribe", tmp_path / "subs").stderr


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
@pytest.mark.parametrize(
    "wanted", ["txt", "json", "records", "stm", "seglst", "kaldi", "srt", "vtt", "tsv", "ctm", "nlp"]
)
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
        assert word.rstrip(".,?" * (wanted == "nlp")) in result.stdout or wanted == "json"


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
    unsaid = call("convert", tmp_path / "a.stm", tmp_path / "a.foo").stderr
    assert "a.foo does not tell by its name which format to write. Name one with --to: records, hyporadise" in unsaid


def test_nlp_for_scoring(tmp_path: Path) -> None:
    (tmp_path / "a.ctm").write_text("a 1 0.50 0.25 So, 0.9\na 1 1.00 0.5 NASA's\na 1 2 .5 iPhone|s!\n", "utf-8")
    assert call("convert", tmp_path / "a.ctm", tmp_path / "a.nlp").exit_code == 0
    assert (tmp_path / "a.nlp").read_text("utf-8").splitlines() == [
        "token|speaker|ts|endTs|punctuation|case|tags",
        "So|unknown|0.5000|0.7500|,|UC|[]",
        "NASA's|unknown|1.0000|1.5000||MC|[]",
        "iPhones|unknown|2.0000|2.5000|!|MC|[]",
    ]
    assert [word.text for unit in read_document(tmp_path / "a.nlp").units for word in unit.words] == [
        *("So,", "NASA's", "iPhones!")
    ]


LISTED = {
    "hyporadise": """[
{"set": "x", "id": "u1", "input": ["sow it", "", "so it"], "output": "so the field", "score": [-0.25, null, -0.31]},
{"id": "u2", "input": ["\u00e9t\u00e9"]}
]
""",
    "mlm-scoring": """{
"u1": {"hyp_1": {"score": -1.25, "text": "sow the field"}, "hyp_2": {"text": "so"}, "ref": "so the field"},
"u2": {}
}
""",
    "agwer": """{"corrected": "x", "id": "u1", "reference": "so the field", "nbest": ["sow the field", ""]}
{"id": "u2", "nbest": []}
""",
}


@pytest.mark.parametrize("name", sorted(LISTED))
def test_lists_for_other_programs(tmp_path: Path, name: str) -> None:
    """What is written is what was read, through our own records as well."""
    values = [json.loads(row) for row in LISTED[name].splitlines()] if name == "agwer" else json.loads(LISTED[name])
    (tmp_path / "lists").write_text(LISTED[name], "utf-8")
    assert call("convert", tmp_path / "lists", tmp_path / "lists.jsonl").exit_code == 0
    for source in ("lists", "lists.jsonl"):
        made = call("convert", tmp_path / source, "-", "--to", name)
        assert made.exit_code == 0, made.stderr
        text = made.stdout.replace('"<UNK>"', '""')
        found = [json.loads(row) for row in text.splitlines()] if name == "agwer" else json.loads(text)
        assert found == values
    (tmp_path / "a.srt").write_text(_cue("sow the feeld"), "utf-8")
    assert "sow the feeld" in call("convert", tmp_path / "a.srt", "-", "--to", name).stdout


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
