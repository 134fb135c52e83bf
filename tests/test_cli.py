"""The command line with scripted models: options, formats, streams, exit codes."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from fakes import Made, tone
from fixtures_cli import AUDIO, Terminal
from typer.testing import CliRunner, Result

import ger
from ger import registry
from ger.api import settings
from ger.cli import app
from ger.io.formats import FORMATS, SAME, SCORING
from ger.io.inputs import expand
from ger.io.lists_write import WRITERS
from ger.lm.features import OWN
from ger.output import LISTS, OutputFolder
from ger.pipeline import Pipeline

pytestmark = pytest.mark.usefixtures("made")


def call(*arguments: object, stdin: str | None = None) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def nbest(id: str, *texts: str, scored: bool = True, **rest: Any) -> str:
    hypotheses = [{"text": text, "score": -1.0 - i if scored else None} for i, text in enumerate(texts)]
    return json.dumps({"id": id, "hypotheses": hypotheses} | rest) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files of two segments, of which the second file is changed by the language model."""
    made = tmp_path / "in"
    made.mkdir()
    tone(made / "a.wav", 2)
    tone(made / "b change.wav", 2)
    return made


A = "plain words 0 so the field\nplain words 1 so the field\n"
B = "change words 0 sow the field\nchange words 1 sow the field\n"


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("correct", {*FORMATS, *SCORING, SAME, "all", "table", "int8", *registry.builtin("correctors")}),
        ("convert", {*FORMATS, *SCORING, *WRITERS}),
        ("tune", {*OWN, "int8"}),
    ],
)
def test_help_names_all_that_there_is(command: str, names: set[str]) -> None:
    shown = set(re.findall(r"[\w-]+", call(command, "--help").stdout))
    assert names - shown == set()


def test_version_and_help() -> None:
    assert call("--version").stdout == f"ger {ger.__version__}\n"
    assert call().exit_code == 2
    for arguments in ([], ["correct"], ["transcribe"], ["models"], ["doctor"]):
        shown = call(*arguments, "--help")
        assert shown.exit_code == 0
        assert call(*arguments, "-h").stdout == shown.stdout
    assert "--output-format" in call("correct", "--help").stdout


# Standard output


def test_one_input_prints_its_text_alone(folder: Path) -> None:
    result = call("correct", folder / "a.wav")
    assert (result.exit_code, result.stdout) == (0, A)
    assert re.fullmatch(r"1 file, 2 segments, 0 changed \(2 s of audio in \d+ s\)\.\n", result.stderr)


def test_several_inputs_print_their_names_as_well(folder: Path) -> None:
    result = call("correct", folder)
    assert result.stdout == f"==> {folder}/a.wav <==\n{A}==> {folder}/b change.wav <==\n{B}"
    assert result.stderr.startswith("2 files, 4 segments, 2 changed (")


def test_records_of_several_inputs_follow_one_another(folder: Path) -> None:
    rows = [json.loads(line) for line in call("correct", folder, "-f", "jsonl").stdout.splitlines()]
    assert [row["id"] for row in rows] == ["a/0000", "a/0001", "b change/0000", "b change/0001"]
    assert [row["decision"] for row in rows] == ["kept", "kept", "reranked", "reranked"]
    assert [edit for row in rows for edit in row["edits"]] == [{"before": "so", "after": "sow"}] * 2


@pytest.mark.parametrize("name", ["json", "srt", "vtt", "tsv"])
def test_a_format_for_one_input_is_refused_for_several(folder: Path, name: str, made: Made) -> None:
    assert call("correct", folder / "a.wav", "-f", name).exit_code == 0
    count = len(made.lms)
    result = call("correct", folder, "-f", name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"The {name} of several inputs needs a folder. Name one with -o" in result.stderr
    assert len(made.lms) == count


def test_several_formats_need_a_folder(folder: Path) -> None:
    for formats in ("txt,srt", "all", "txt,table"):
        result = call("correct", folder / "a.wav", "-f", formats)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "Several formats need a folder." in result.stderr


def test_the_table_fits_in_80_columns_and_marks_changes_without_colour(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("COLUMNS", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    tone(folder / f"{'long name ' * 5}change.wav", 1)
    tone(folder / "quiet.wav", 1, volume=0)
    (folder / "empty.wav").touch()
    result = call("correct", folder, "-f", "table")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["file", "text", "decision"]
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in result.stdout
    assert re.search(r"^b change\.wav +change words 0 \[-so-\]\{\+sow\+\} the field +reranked", result.stdout, re.M)
    assert re.search(r"^ +plain words 1 so the field +kept", result.stdout, re.M)
    assert re.search(r"^empty\.wav +error", result.stdout, re.M)
    assert re.search(r"^quiet\.wav +no speech", result.stdout, re.M)
    assert len([line for line in lines if line.startswith("long name")]) > 1


def test_json_is_one_object_on_standard_output(folder: Path) -> None:
    (folder / "c.wav").touch()
    result = call("correct", folder, "--json")
    value = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (value["n"], value["changed"], value["failed"], value["skipped"]) == (4, 2, 1, [])
    assert value["audio_seconds"] == 4.0
    assert value["signature"].startswith(f"ger {ger.__version__} | scripted-frontend | rescore:")
    a, b, c = value["files"]
    assert a["path"] == str(folder / "a.wav")
    assert (a["text"], a["n"], a["changed"], a["duration"]) == (" ".join(A.splitlines()), 2, 0, 2.0)
    assert [record["text"] for record in b["records"]] == B.splitlines()
    assert c["error"] == f"{folder}/c.wav: the file is empty. Copy it again or leave it out."
    assert "text" not in c
    assert result.stderr == f"Error: {folder}/c.wav: the file is empty. Copy it again or leave it out.\n"


def test_json_shares_standard_output_with_nothing(folder: Path, tmp_path: Path) -> None:
    for arguments in (["-f", "txt"], ["-f", "table"], ["-f", "table", "-o", tmp_path / "out"]):
        result = call("correct", folder, "--json", *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "--json and -f both want standard output." in result.stderr
    value = json.loads(call("correct", folder, "--json", "-o", tmp_path / "out", "-f", "txt").stdout)
    assert [file["outputs"] for file in value["files"]] == [
        {"txt": str(tmp_path / "out/a.txt")},
        {"txt": str(tmp_path / "out/b change.txt")},
    ]
    assert "records" not in value["files"][0]


# A terminal


def on_terminal(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, *arguments: object, out: bool = True) -> str:
    """What `ger` shows on a terminal; standard output is one if `out`."""
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", terminal.file)
        if out:
            patch.setattr(sys, "stdout", terminal.file)
        assert app([str(argument) for argument in arguments], standalone_mode=False) in (None, 0)
    return terminal.text()


def test_a_terminal_gets_a_bar_and_a_table_in_colour(
    folder: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = on_terminal(terminal, monkeypatch, "correct", folder, folder.parent / "in")
    assert "Correcting" in shown
    assert re.search(r"change words 0 \x1b\[[0-9;]*31mso\x1b\[0m\x1b\[[0-9;]*32msow\x1b\[0m the field", shown)
    # The bar is taken away before the table is printed.
    lines = [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", line.rpartition("\x1b[2K")[2]).split() for line in shown.split("\n")]
    assert ["file", "text", "decision"] in lines
    assert ["a.wav", "plain", "words", "0", "so", "the", "field", "kept"] in lines


def test_no_color_is_honoured(folder: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    shown = on_terminal(terminal, monkeypatch, "correct", folder)
    assert "change words 0 [-so-]{+sow+} the field" in shown
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", shown)


def test_a_dumb_terminal_gets_no_colour(folder: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert "change words 0 [-so-]{+sow+} the field" in on_terminal(terminal, monkeypatch, "correct", folder)


def test_what_is_piped_stays_clean_under_a_bar(
    folder: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    shown = on_terminal(terminal, monkeypatch, "correct", folder, out=False)
    assert capfd.readouterr().out == f"==> {folder}/a.wav <==\n{A}==> {folder}/b change.wav <==\n{B}"
    assert "Correcting" in shown
    assert "plain words" not in shown


def test_the_bar_knows_the_length_of_what_can_be_read(
    folder: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "l.jsonl").write_text(nbest("x", "so", "sow"))
    tone(folder / "c.wav", 3)
    shown = on_terminal(terminal, monkeypatch, "transcribe", folder, tmp_path / "l.jsonl", "-o", tmp_path / "o.jsonl")
    assert "Transcribing" in shown
    assert "100%" in shown
    assert (tmp_path / "o.jsonl").read_text().count("\n") == 8


# Folders


def test_a_folder_gets_every_format_of_every_input(folder: Path, tmp_path: Path) -> None:
    (folder / "sub").mkdir()
    tone(folder / "sub" / "c.wav", 1)
    out = tmp_path / "out"
    result = call("correct", folder, "-o", out)
    assert (result.exit_code, result.stdout) == (0, "")
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert names == {f"{stem}.{name}" for stem in ("a", "b change", "sub/c") for name in FORMATS} | {
        ".ger-journal.jsonl"
    }
    assert (out / "b change.txt").read_text() == B
    assert json.loads((out / "a.json").read_text())["text"] == " ".join(A.splitlines())
    assert call("correct", folder, "-o", tmp_path / "flat", "--no-recursive").exit_code == 0
    assert not (tmp_path / "flat" / "sub").exists()


def test_chosen_formats_and_the_table_beside_them(folder: Path, tmp_path: Path) -> None:
    result = call("correct", folder, "-o", tmp_path / "out", "-f", "SRT, table,txt")
    assert result.stdout.split()[:3] == ["file", "text", "decision"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.suffix != ".jsonl") == [
        "a.srt",
        "a.txt",
        "b change.srt",
        "b change.txt",
    ]


def test_the_table_alone_stands_beside_all_formats(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = call("correct", folder / "a.wav", "-o", out, "-f", "table")
    assert result.stdout.split()[:3] == ["file", "text", "decision"]
    assert {path.name for path in out.glob("a.*")} == {f"a.{name}" for name in FORMATS}
    assert "1 finished before" in call("correct", folder / "a.wav", "-o", out).stderr


def test_a_local_model_that_has_changed_is_another_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def skipped() -> int:
        made = call("correct", folder / "a.wav", "-o", tmp_path / "out", "-f", "txt", "--llm", "lm", "--json")
        return len(json.loads(made.stdout)["skipped"])

    for place in ("one", "two"):
        (tmp_path / place / "lm").mkdir(parents=True)
        (tmp_path / place / "lm" / "model.safetensors").write_text("weights")
        (tmp_path / place / "lm" / "gone").symlink_to("nowhere")
    monkeypatch.chdir(tmp_path / "one")
    assert [skipped(), skipped()] == [0, 1]
    Path("lm/model.safetensors").write_text("more weights")
    assert [skipped(), skipped()] == [0, 1]
    monkeypatch.chdir(tmp_path / "two")
    assert [skipped(), skipped()] == [0, 1]
    monkeypatch.chdir(tmp_path)
    assert [skipped(), skipped()] == [0, 1]  # no such folder here: a name


def test_a_model_that_is_one_file_counts_by_what_is_in_it(tmp_path: Path) -> None:
    file = tmp_path / "lm.gguf"
    keys = set()
    for text in ("one", "other"):
        file.write_text(text)
        keys.add(settings(llm=str(file)).key)
    keys.add(settings(llm=str(tmp_path / "absent")).key)
    assert len(keys) == 3
    for name in ("absent", "~nobody-of-that-name/lm", "nul\0", "x" * 300):
        assert repr(name) in settings(llm=name).key


def test_finished_inputs_are_left_alone_until_something_changes(folder: Path, tmp_path: Path, made: Made) -> None:
    out = tmp_path / "out"

    def done(*arguments: object) -> tuple[int, list[str]]:
        """Number of inputs finished before, and those worked on."""
        value = json.loads(call("correct", folder, "-o", out, "-f", "txt", "--json", *arguments).stdout)
        return len(value["skipped"]), [Path(file["path"]).name for file in value["files"]]

    both = ["a.wav", "b change.wav"]
    assert done() == (0, both)
    loaded = len(made.lms)
    assert done() == (2, [])
    assert done("--threads", "1") == (2, [])
    assert len(made.lms) == loaded
    assert done("--no-resume") == (0, both)
    assert done("--weight", "0.5") == (0, both)
    (out / "a.txt").unlink()
    assert done("--weight", "0.5") == (1, ["a.wav"])
    tone(folder / "a.wav", 1)
    assert done("--weight", "0.5") == (1, ["a.wav"])
    journal = out / ".ger-journal.jsonl"
    journal.write_text(journal.read_text().replace(f"ger {ger.__version__} ", "ger 0.0.0 "))
    assert done("--weight", "0.5") == (0, both)
    journal.write_text(journal.read_text()[:-20])
    assert done("--weight", "0.5") == (1, ["b change.wav"])
    assert "2 finished before" in call("correct", folder, "-o", out, "-f", "txt", "--weight", "0.5").stderr


def test_standard_input_is_always_worked_on(tmp_path: Path) -> None:
    for text in ("so", "other"):
        assert call("correct", "-", "-o", tmp_path, "-f", "txt", stdin=nbest("x", text)).exit_code == 0
        assert (tmp_path / "stdin.txt").read_text() == f"{text}\n"


def test_a_full_disk_spoils_one_file_and_is_told(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.txt").symlink_to("/dev/full")
    result = call("correct", folder, "-o", out, "-f", "txt", "--json")
    assert result.exit_code == 1
    assert f"Error: {out}/a.txt cannot be written: No space left on device. The disk is full" in result.stderr
    assert "No space left" in json.loads(result.stdout)["files"][0]["error"]
    assert (out / "b change.txt").read_text() == B


def test_output_folders_that_cannot_be_used_are_told_before_anything_is_loaded(
    folder: Path, unprivileged: Path, made: Made
) -> None:
    (unprivileged / "file").touch()
    (unprivileged / "locked").mkdir(mode=0o555)
    clip = tone(unprivileged / "c.wav", 1)
    for name in ("file", "file/below", "locked", "locked/below"):
        result = call("correct", clip, "-o", unprivileged / name)
        assert result.exit_code == 1
        assert result.stderr.startswith(f"Error: {unprivileged / name} ")
        assert result.stderr.count("\n") == 1
    assert made == Made()


# Wrong calls


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--form", "lowr"], "There is no written form called 'lowr'. Did you mean 'lower'?"),
        (["--output-format", "jsno"], "There is no output format called 'jsno'. Did you mean 'json'?"),
        (["--mode", "recsore"], "There is no corrector called 'recsore'. Did you mean 'rescore'?"),
        (["--frontend", "fast-whisper"], "There is no frontend called 'fast-whisper'. Did you mean 'faster-whisper'?"),
        (["--backend", "transformer"], "There is no backend called 'transformer'. Did you mean 'transformers'?"),
        (["--task", "translte"], "There is no task called 'translte'. Did you mean 'translate'?"),
        (["--language", "germann"], "There is no language called 'germann'. Did you mean 'german'?"),
        (["--target", "cz"], "There is no language called 'cz'. Did you mean 'cs' (Czech)?"),
        (["--nbest", "0"], "--nbest is 0. Use 1 or more."),
        (["--weight", "2"], "The weight of the language model is 2.0. Use a number from 0 to 1."),
        (["--nbset", "3"], "No such option: --nbset"),
        (["--nbest", "x"], "Invalid value for '--nbest'"),
    ],
)
def test_a_wrong_call_is_told_and_loads_nothing(
    folder: Path, made: Made, arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    result = call("correct", folder, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in re.sub(r"\s+", " ", result.stderr)
    assert made == Made()


def test_underscores_are_hyphens(folder: Path) -> None:
    result = call("correct", folder / "a.wav", "--batch_size", "4", "--output_format=jsonl", "--no_recursive")
    assert result.exit_code == 0
    assert json.loads(result.stdout.splitlines()[0])["text"] == A.splitlines()[0]


def test_a_model_that_is_not_there_is_one_sentence(folder: Path) -> None:
    for option in ("--model", "--llm"):
        result = call("correct", folder, option, "missing")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == "Error: The model missing cannot be found. Check the name.\n"


def test_nothing_found_is_an_error(tmp_path: Path, made: Made) -> None:
    result = call("correct", tmp_path / "absent.wav", tmp_path)
    assert result.exit_code == 1
    assert f"Error: {tmp_path}/absent.wav does not exist. Check the name.\n" in result.stderr
    assert f"Error: {tmp_path} holds no audio or video files." in result.stderr
    assert made == Made()


# Bad inputs


def test_a_name_that_leaves_no_room_for_an_extension_spoils_one_input(folder: Path, tmp_path: Path) -> None:
    long = "x" * 251
    tone(folder / f"{long}.wav", 1)
    tone(folder / "..wav", 1)
    for _ in range(2):
        result = call("correct", folder, folder / "..wav", "-o", tmp_path / "out", "-f", "json")
        assert result.exit_code == 1
        assert result.stderr.count("Error: ") == 1
        assert f"{long}.json cannot be written: File name too long." in result.stderr
        assert {path.name for path in (tmp_path / "out").glob("*.json")} >= {"a.json", "b change.json"}
        assert (tmp_path / "out/..wav.json").is_file()
    result = call("transcribe", folder, "-o", tmp_path / "l.jsonl")
    assert result.exit_code == 1
    assert f"{long}.nbest.jsonl cannot be written: File name too long." in result.stderr
    ids = [json.loads(line)["id"] for line in (tmp_path / "l.jsonl").read_text().splitlines()]
    assert ids == ["a/0000", "a/0001", "b change/0000", "b change/0001"]


def test_bad_inputs_are_named_and_the_others_written(folder: Path, tmp_path: Path) -> None:
    (folder / "empty.wav").touch()
    (folder / "text.mp3").write_text("these are words, not sounds\n" * 99)
    (folder / "cut.flac").write_bytes((AUDIO / "01-flight.flac").read_bytes()[:60_000])
    (folder / "gone.wav").symlink_to(folder / "nowhere.wav")
    (folder / "loop").symlink_to(folder)
    (folder / "self.wav").symlink_to("self.wav")
    tone(folder / "quiet.wav", 2, volume=0)
    tone(folder / "tick.wav", 0.01)
    tone(folder / "a b\nc 😀.wav", 1)
    tone(folder / "12:30.wav", 1)
    (folder / "bad\nname.ogg").write_bytes(b"OggS")
    out = tmp_path / "out"
    result = call("correct", folder, "-o", out)
    assert result.exit_code == 1
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == len(result.stderr.splitlines()) - 1 == 6
    for name, reason in {
        "empty.wav": "the file is empty",
        "text.mp3": "cannot be read as audio",
        "cut.flac": "is cut short",
        "gone.wav": "is a link to a file that does not exist",
        "self.wav": "",
        r"bad\nname.ogg": "",
    }.items():
        assert any(error.startswith(f"Error: {folder}/{name}") and reason in error for error in errors), name
    stems = {path.relative_to(out).as_posix()[:-4] for path in out.rglob("*.txt")}
    assert stems == {"12:30", "a", "a b\nc 😀", "b change", "cut", "quiet", "tick"}
    assert (out / "quiet.txt").read_text() == ""
    assert json.loads((out / "quiet.json").read_text())["text"] == ""
    assert (out / "cut.txt").read_text().startswith(A)
    assert "; 6 with errors" in result.stderr


def test_unreadable_files_are_named(unprivileged: Path) -> None:
    tone(unprivileged / "a.wav", 2)
    tone(unprivileged / "locked.wav", 1).chmod(0)
    (unprivileged / "closed").mkdir(mode=0)
    try:
        result = call("correct", unprivileged, "-o", unprivileged / "out", "-f", "txt")
    finally:
        (unprivileged / "closed").chmod(0o700)
    assert result.exit_code == 1
    assert (
        f"Error: {unprivileged}/locked.wav cannot be read as audio: Permission denied. Check its permissions."
        in result.stderr
    )
    assert f"Error: {unprivileged}/closed cannot be read: Permission denied." in result.stderr
    assert (unprivileged / "out/a.txt").read_text() == A


def test_failures_of_models_are_told_and_everything_else_written(tmp_path: Path) -> None:
    for name in ("a", "broken", "odd"):
        tone(tmp_path / f"{name}.wav", 2)
    arguments = ["correct", tmp_path, "-o", tmp_path / "out", "-f", "txt,jsonl"]
    for _ in range(2):  # what failed is done again
        result = call(*arguments)
        assert result.exit_code == 1
        assert f"Error: {tmp_path}/broken.wav: The recognizer broke. Use another one.\n" in result.stderr
        assert "Error: odd/0000: The language model broke. Use another one.\n" in result.stderr
        assert "; 2 with errors" in result.stderr
    assert "1 finished before" in result.stderr
    assert (tmp_path / "out/broken.txt").read_text() == "plain words 0 so the field\n"
    assert (tmp_path / "out/odd.txt").read_text() == A.replace("plain", "odd")
    rows = [json.loads(line) for line in (tmp_path / "out/odd.jsonl").read_text().splitlines()]
    assert [row["decision"] for row in rows] == ["failed", "failed"]


# Lists


def test_lists_come_from_standard_input_and_files(tmp_path: Path) -> None:
    rows = nbest("x", "so change", "they sow change now") + nbest("y", "one") + nbest("z")
    piped = call("correct", "-", stdin=rows)
    assert (piped.exit_code, piped.stdout) == (0, "they sow change now\none\n\n")
    (tmp_path / "l.jsonl").write_text(rows)
    assert call("correct", tmp_path / "l.jsonl").stdout == piped.stdout


def test_systems_go_to_a_folder_and_are_always_worked_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("systems").mkdir()  # the name that stands for them
    Path("systems/a").write_text("u1 so change\n")
    Path("systems/b").write_text("u1 they sow change now\n")
    command = [
        "correct",
        "--system",
        "a=systems/a",
        "--system",
        "b=systems/b",
        "--weight",
        "0.2",
        "-o",
        "o",
        "-f",
        "txt",
    ]
    assert call(*command).exit_code == 0
    assert Path("o/systems.txt").read_text() == "they sow change now\n"
    Path("systems/b").write_text("u1 they sow change then\n")
    assert call(*command).exit_code == 0
    assert Path("o/systems.txt").read_text() == "they sow change then\n"


def test_what_lists_hold_is_kept(tmp_path: Path) -> None:
    rows = [
        nbest("a", "so change", "they sow change now", reference="they sow", mine={"kept": 1}, language="en"),
        nbest("b", "no scores", "none", scored=False),
        nbest("c", "alone"),
        nbest("d"),
    ]
    made = [json.loads(line) for line in call("correct", "-", "-f", "jsonl", stdin="".join(rows)).stdout.splitlines()]
    assert [row["decision"] for row in made] == ["reranked", "kept", "kept", "kept"]
    assert [row["text"] for row in made] == ["they sow change now", "no scores", "alone", ""]
    assert [row["reason"] for row in made[1:]] == [
        "best of the list",
        "only one hypothesis",
        "nothing was said",
    ]
    assert (made[0]["reference"], made[0]["mine"], made[0]["language"]) == ("they sow", {"kept": 1}, "en")
    assert [h["text"] for h in made[0]["hypotheses"]] == ["so change", "they sow change now"]


def test_lists_without_times_go_to_a_folder_without_subtitles(tmp_path: Path) -> None:
    (tmp_path / "l.jsonl").write_text(nbest("x", "so"))
    assert call("correct", tmp_path / "l.jsonl", "-o", tmp_path / "out").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").glob("l.*")) == ["l.json", "l.jsonl", "l.txt"]
    result = call("correct", tmp_path / "l.jsonl", "-o", tmp_path / "srt", "-f", "srt")
    assert result.exit_code == 1
    assert "Segment 'x' has no start and end" in result.stderr
    result = call("correct", tmp_path / "l.jsonl", "-f", "srt")
    assert (result.exit_code, result.stdout) == (1, "")


def test_bad_lists_are_named_with_their_line(tmp_path: Path) -> None:
    result = call("correct", "-", stdin=nbest("x", "so") + "nonsense\n")
    assert (result.exit_code, result.stdout) == (1, "so\n")
    assert "Error: standard input, line 2: not JSON" in result.stderr


# ger transcribe


def test_transcribe_prints_lists_that_correct_reads(folder: Path, tmp_path: Path) -> None:
    lists = call("transcribe", folder)
    assert lists.exit_code == 0
    rows = [json.loads(line) for line in lists.stdout.splitlines()]
    assert [row["id"] for row in rows] == ["a/0000", "a/0001", "b change/0000", "b change/0001"]
    assert [[h["text"] for h in row["hypotheses"]] for row in rows[:1]] == [
        ["plain words 0 so the field", "plain words 0 sow the field"]
    ]
    assert call("correct", "-", stdin=lists.stdout).stdout == A + B
    assert call("transcribe", folder, "-o", tmp_path / "deep" / "lists.jsonl").stdout == ""
    assert (tmp_path / "deep" / "lists.jsonl").read_text() == lists.stdout
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["lists.jsonl"]


def test_transcribe_names_bad_inputs_and_writes_the_others(folder: Path, tmp_path: Path) -> None:
    (folder / "empty.wav").touch()
    (folder / "cut.flac").write_bytes((AUDIO / "01-flight.flac").read_bytes()[:60_000])
    result = call("transcribe", folder, folder / "absent.wav", "-o", tmp_path / "l.jsonl")
    assert result.exit_code == 1
    assert f"Error: {folder}/empty.wav: the file is empty." in result.stderr
    assert f"Error: {folder}/cut.flac is cut short" in result.stderr
    assert f"Error: {folder}/absent.wav does not exist." in result.stderr
    ids = [json.loads(line)["id"] for line in (tmp_path / "l.jsonl").read_text().splitlines()]
    assert [id for id in ids if not id.startswith("cut")] == ["a/0000", "a/0001", "b change/0000", "b change/0001"]
    assert "cut/0000" in ids


def test_transcribe_without_inputs_leaves_the_output_alone(tmp_path: Path) -> None:
    (tmp_path / "l.jsonl").write_text("kept")
    assert call("transcribe", tmp_path / "absent.wav", "-o", tmp_path / "l.jsonl").exit_code == 1
    assert (tmp_path / "l.jsonl").read_text() == "kept"
    assert [path.name for path in tmp_path.iterdir()] == ["l.jsonl"]


def test_transcribe_keeps_earlier_lists_where_no_input_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "l.jsonl").write_text("kept")
    (tmp_path / "empty.wav").touch()
    result = call("transcribe", tmp_path / "empty.wav", "-o", tmp_path / "l.jsonl")
    assert (result.exit_code, result.stdout) == (1, "")
    assert (tmp_path / "l.jsonl").read_text() == "kept"
    assert {path.name for path in tmp_path.iterdir()} == {"l.jsonl", "empty.wav"}


def test_transcribe_goes_on_when_the_names_of_results_have_changed(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "l.jsonl"
    parts = OutputFolder(tmp_path / ".l.jsonl.parts", [LISTS], settings().key)
    pipeline = Pipeline(settings(), correct=False)
    for result in pipeline.run(expand([folder]).inputs):
        parts.write(result)  # a run that is killed before it puts them together
    tone(folder / "a.mp3", 1)
    assert call("transcribe", folder, "-o", output).exit_code == 0
    ids = [json.loads(line)["id"] for line in output.read_text().splitlines()]
    assert ids == ["a.mp3/0000", "a.wav/0000", "a.wav/0001", "b change/0000", "b change/0001"]


def test_transcribe_names_a_part_that_cannot_be_read(folder: Path, tmp_path: Path) -> None:
    parts = OutputFolder(tmp_path / ".l.jsonl.parts", [LISTS], settings().key)
    for result in Pipeline(settings(), correct=False).run(expand([folder]).inputs):
        parts.write(result)
    (parts.folder / "a.nbest.jsonl").write_bytes(b"\xff")
    result = call("transcribe", folder, "-o", tmp_path / "l.jsonl")
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {parts.folder}/a.nbest.jsonl cannot be read. Remove {parts.folder} and run the same command again.\n"
    )
    assert not (tmp_path / "l.jsonl").exists()


def references_of(path: Path) -> dict[str, str | None]:
    return {row["id"]: row["reference"] for row in map(json.loads, path.read_text().splitlines())}


def test_transcribe_with_references(folder: Path, tmp_path: Path, made: Made) -> None:
    """A recording with several lists gets none, nor does one that was not heard to its end."""
    (folder / "cut.flac").write_bytes((AUDIO / "01-flight.flac").read_bytes()[:60_000])
    tone(folder / "short.wav", 1)
    refs = tmp_path / "refs.tsv"
    refs.write_text("a\tso it is\nshort.wav\tso short\nb change/0001\tsecond\ncut\tx\nabsent\ty\n")
    out = tmp_path / "l.jsonl"
    result = call("transcribe", folder, "-o", out, "--reference", refs)
    assert result.exit_code == 1  # for the file that is cut short
    found = references_of(out)
    known = {"short/0000": "so short", "b change/0001": "second"}
    assert {"a/0000", "a/0001", "cut/0000"} < set(found)
    assert {key: text for key, text in found.items() if text} == known
    assert result.stderr.splitlines()[1:] == [
        "2 lists given a reference.",
        "1 recording with several lists, which a reference of the whole is not for, such as 'a'.",
        f"{len(found) - 4} lists without a reference, such as 'b change/0000'.",
        "2 references without a list, such as 'cut'.",
    ]
    refs.write_text("a/0000\tfirst\n")
    assert call("transcribe", out, "-o", tmp_path / "again.jsonl", "--reference", refs).exit_code == 0
    assert references_of(tmp_path / "again.jsonl") == found | {"a/0000": "first"}


def test_transcribe_looks_at_references_first(folder: Path, tmp_path: Path, made: Made) -> None:
    refs = tmp_path / "refs.tsv"
    refs.write_text("c\tx\nd\ty\n")
    result = call("transcribe", folder, "-o", tmp_path / "l.jsonl", "--reference", refs)
    assert result.exit_code == 1
    assert "has no recording 'a', nor any other. It has 'c' instead. References go by the ids" in result.stderr
    result = call("transcribe", folder, "--reference", refs)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Name a file for them with -o." in result.stderr
    assert made == Made()


def test_correct_tells_where_references_go(folder: Path, tmp_path: Path) -> None:
    result = call("correct", folder, "--reference", tmp_path / "refs.tsv")
    assert result.exit_code == 2
    assert (
        "--reference goes with --system NAME=FILE. Lists: ger rescore LISTS --reference FILE. Audio:" in result.stderr
    )


def test_transcribe_overwrites_nothing_that_it_reads(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "w.txt").write_text("kanban\n")
    lists = tmp_path / "votes.jsonl"
    lists.write_text(nbest("a", "so", "sow"))
    read = {lists: [lists], folder / "a.wav": [folder], tmp_path / "w.txt": [folder, "--hotwords", tmp_path / "w.txt"]}
    for output, arguments in read.items():
        before = output.read_bytes()
        result = call("transcribe", *arguments, "-o", output)
        assert (result.exit_code, "is read, too" in result.stderr) == (2, True)
        assert output.read_bytes() == before


def test_transcribe_writes_a_file_not_a_folder(folder: Path, tmp_path: Path) -> None:
    result = call("transcribe", folder, "-o", tmp_path)
    assert result.exit_code == 2
    assert "is a folder. Give the name of a file." in result.stderr


@pytest.mark.parametrize("name", ["lists.jsonl", "talk.srt"])
def test_a_language_that_there_is_not_is_refused_for_what_is_no_audio(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(nbest("a", "as is"))
    result = call("correct", tmp_path / name, "--language", "klingon")
    assert (result.exit_code, result.stderr[:42]) == (2, "Error: There is no language called 'klingo")


def test_a_language_is_told_for_lists_that_do_not_say_it(tmp_path: Path) -> None:
    told = json.loads(nbest("b", "as is")) | {"language": "fr"}
    (tmp_path / "lists.jsonl").write_text(nbest("a", "as is") + json.dumps(told) + "\n")
    result = call("transcribe", tmp_path / "lists.jsonl", "--language", "german")
    assert [json.loads(line)["language"] for line in result.stdout.splitlines()] == ["de", "fr"]


# Hotwords of single recordings


def test_hotwords_of_recordings_that_are_not_there_are_told(folder: Path, tmp_path: Path) -> None:
    names = tmp_path / "names.csv"
    names.write_text("text,recording\nAda,call-77\nBob,a\nEve,call-78\nTed,call-79\nPam,call-80\nTom,b change.wav\n")
    told = "Warning: There are hotwords for 'call-77', 'call-78', 'call-79' and 1 more, and no recording of that name."
    for command in (("transcribe", folder), ("correct", folder), ("correct", folder, "-o", tmp_path / "out")):
        result = call(*command, "--hotwords", names)
        assert (result.exit_code, result.stderr.count(told)) == (0, 1), result.stderr
    assert "Warning" not in call("correct", folder, "-o", tmp_path / "out", "--hotwords", names).stderr  # was told
    names.write_text("text,recording\nAda,a\n")
    for command in ("transcribe", "correct"):
        assert "Warning" not in call(command, folder, "--hotwords", names).stderr


def test_hotwords_of_recordings_in_lists(tmp_path: Path) -> None:
    lists, names = tmp_path / "lists.jsonl", tmp_path / "names.toml"
    lists.write_text(nbest("call-7", "as is") + nbest("call-8/0001", "as is") + nbest("call-9-0001", "as is"))
    names.write_text("".join(f"[recordings.{name}]\nwords = ['Ada']\n" for name in ("call-7", "call-8", "call-9")))
    for command in ("rescore", "correct"):
        assert "Warning" not in call(command, lists, "--hotwords", names).stderr
    names.write_text("[recordings.lists]\nwords = ['Ada']\n")
    for command in ("rescore", "correct"):
        assert "Warning: There are hotwords for 'lists', and no" in call(command, lists, "--hotwords", names).stderr
    filtered = call("correct", "-", "--format", "jsonl", "--hotwords", names, stdin=nbest("a", "as is"))
    assert (filtered.exit_code, filtered.stderr) == (0, "")
