"""Results under their final names."""

from __future__ import annotations

from pathlib import Path

import pytest

from ger.errors import AudioError, OutputError, UnknownNameError
from ger.io.formats import FORMATS, Recording
from ger.io.inputs import Input
from ger.output import LISTS, OutputFolder, lists_text
from ger.pipeline import Result
from ger.types import AudioSpan, Correction, Hypothesis, NBest


@pytest.fixture
def source(tmp_path: Path) -> Input:
    (tmp_path / "talk.wav").write_bytes(b"RIFF")
    return Input(str(tmp_path / "talk.wav"), "mon/talk")


def result(source: Input, *, timed: bool = True, decision: str = "kept", error: AudioError | None = None) -> Result:
    span = AudioSpan(source.path, 0.0, 1.5) if timed else None
    nbest = NBest("mon/talk/0000", (Hypothesis("hello", score=-1.0),), span)
    correction = Correction.of(nbest, "hello", decision)  # type: ignore[arg-type]
    return Result(source, Recording(source.path, 1.5, "en", (correction,)), (nbest,), error)


def test_each_format_is_a_file_in_the_folder_of_the_input(tmp_path: Path, source: Input) -> None:
    out = tmp_path / "out"
    written = OutputFolder(out, ["txt", "srt"], "k").write(result(source))
    assert written == {"txt": out / "mon/talk.txt", "srt": out / "mon/talk.srt"}
    assert (out / "mon/talk.txt").read_text() == "hello\n"
    assert (out / "mon/talk.srt").read_text().startswith("1\n00:00:00,000 --> 00:00:01,500\nhello\n")


def test_what_was_written_is_done_with_the_same_settings_and_formats(tmp_path: Path, source: Input) -> None:
    out = tmp_path / "out"
    OutputFolder(out, ["txt"], "k").write(result(source))
    assert OutputFolder(out, ["txt"], "k").split([source]) == ([], [source])
    assert OutputFolder(out, ["txt", "srt"], "k").split([source]) == ([source], [])
    assert OutputFolder(out, ["txt"], "other").split([source]) == ([source], [])
    assert OutputFolder(out, ["txt"], "k", resume=False).split([source]) == ([source], [])


def test_what_went_wrong_is_written_and_done_again(tmp_path: Path, source: Input) -> None:
    folder = OutputFolder(tmp_path / "out", ["txt"], "k")
    for made in (result(source, error=AudioError("cut short")), result(source, decision="failed")):
        assert folder.write(made)["txt"].read_text() == "hello\n"
        assert folder.split([source]) == ([source], [])


def test_an_input_that_grows_during_the_run_is_done_again(tmp_path: Path, source: Input) -> None:
    folder = OutputFolder(tmp_path / "out", ["txt"], "k")
    for grows in (True, False):
        assert folder.split([source]) == ([source], [])
        if grows:
            Path(source.path).write_bytes(b"RIFF and more")
        folder.write(result(source))
    assert folder.split([source]) == ([], [source])


def test_an_input_that_goes_to_another_place_now_is_done_again(tmp_path: Path, source: Input) -> None:
    folder = OutputFolder(tmp_path / "out", ["txt"], "k")
    folder.write(result(source))
    moved = Input(source.path, "mon/talk.wav")
    assert folder.split([moved]) == ([moved], [])
    assert (tmp_path / "out/mon/talk.txt").is_file()


def test_an_input_whose_result_has_no_place_is_told_when_it_is_written(tmp_path: Path, source: Input) -> None:
    folder = OutputFolder(tmp_path / "out", ["txt"], "k")
    long = Input(source.path, "x" * 252)
    assert folder.split([source, long]) == ([source, long], [])
    with pytest.raises(OutputError, match="too long for that file system: rename the input"):
        folder.write(result(long))


def test_an_input_without_result_writes_nothing(tmp_path: Path, source: Input) -> None:
    folder = OutputFolder(tmp_path / "out", ["txt"], "k")
    assert folder.write(Result(source, error=AudioError("empty"))) == {}
    assert list(folder.folder.iterdir()) == []


def test_all_leaves_out_subtitles_where_there_are_no_times(tmp_path: Path, source: Input) -> None:
    folder = OutputFolder(tmp_path / "out", ["all"], "k")
    assert list(folder.write(result(source, timed=False))) == ["txt", "json", "jsonl"]
    assert folder.split([source]) == ([], [source])
    assert list(folder.write(result(source))) == list(FORMATS)
    with pytest.raises(OutputError, match="no start and end"):
        OutputFolder(tmp_path / "out", ["srt"], "k").write(result(source, timed=False))


def test_lists_are_written_as_json_lines(tmp_path: Path, source: Input) -> None:
    made = result(source)
    written = OutputFolder(tmp_path / "out", [LISTS], "k").write(made)
    assert written[LISTS].read_text() == "".join(lists_text(made))
    assert written[LISTS].read_text().count("\n") == 1


def test_splitting_removes_what_a_killed_run_left(tmp_path: Path, source: Input) -> None:
    folder = OutputFolder(tmp_path / "out", ["txt"], "k")
    left = tmp_path / "out/mon/.talk.txt.999999999-0.ger-tmp"
    left.parent.mkdir()
    left.touch()
    folder.split([source])
    assert not left.exists()


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file is a file, not a folder\. Choose another folder with -o\."):
        OutputFolder(tmp_path / "file", ["txt"], "k")
    with pytest.raises(OutputError, match="out cannot be made: Not a directory"):
        OutputFolder(tmp_path / "file/out", ["txt"], "k")
    with pytest.raises(UnknownNameError, match="Did you mean 'srt'"):
        OutputFolder(tmp_path / "out", ["srtt"], "k")
    assert not (tmp_path / "out").exists()


def test_folders_of_others(unprivileged: Path) -> None:
    mine = unprivileged / "mine"
    mine.mkdir(mode=0o555)
    with pytest.raises(OutputError, match="mine cannot be written to"):
        OutputFolder(mine, ["txt"], "k")
    with pytest.raises(OutputError, match="out cannot be made: Permission denied"):
        OutputFolder(mine / "out", ["txt"], "k")
