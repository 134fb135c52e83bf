"""From names to inputs."""

import os
import stat
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ger.errors import OutputError
from ger.io.inputs import Expansion, Input, _Found, _named, expand
from ger.io.paths import printable, utf8

pytest_plugins = ["fixtures_io"]

UNDECODABLE = os.fsdecode(b"caf\xe9.wav")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def found(paths: Sequence[str], *, recursive: bool = True) -> list[tuple[str, str]]:
    """Paths and stems; there must be no problems."""
    expansion = expand(paths, recursive=recursive)
    assert expansion.problems == ()
    return [(item.path, item.stem) for item in expansion.inputs]


def test_files_are_taken_whatever_their_extension(here: Path) -> None:
    make("b.txt", "sub/a.xyz", "noext")
    assert found(["b.txt", "sub/a.xyz", "noext"]) == [("b.txt", "b"), ("sub/a.xyz", "a"), ("noext", "noext")]
    assert found([str(here / "b.txt")]) == [(str(here / "b.txt"), "b")]
    assert found([here / "b.txt"]) == [(str(here / "b.txt"), "b")]  # type: ignore[list-item]


def test_folder_in_natural_order_without_hidden_and_other_files(here: Path) -> None:
    make("in/10.wav", "in/2.WAV", "in/1/x.mp4", "in/B.ogg", "in/a.flac", "in/.hidden.wav", "in/.git/y.wav")
    make("in/notes.txt", "in/lists.jsonl", "in/1/.DS_Store")
    stems = ["1/x", "2", "10", "a", "B"]
    assert [stem for _, stem in found(["in"])] == stems
    assert [stem for _, stem in found(["in/"])] == stems
    assert [stem for _, stem in found(["in"], recursive=False)] == stems[1:]


def test_documents_of_a_folder_without_audio(here: Path) -> None:
    make("subs/2.srt", "subs/10.VTT", "subs/sub/a.ctm", "subs/notes.txt", "subs/x.json", "subs/a.srt.orig")
    make("subs/out/.ger-journal.jsonl", "subs/out/2.srt", "subs/out/sub/a.ctm")  # what was made of them
    make("both/a.wav", "both/a.srt", "both/sub/b.vtt", "both/refs.tsv", "only/a.wav", "none/notes.txt")

    def stems(*paths: str) -> list[str]:
        return [item.stem for item in expand(paths, documents=True).inputs]

    assert stems("subs") == ["2", "10", "sub/a"]
    assert stems("subs", "subs") == stems("subs")
    assert stems("subs/out") == ["2", "sub/a"]
    assert stems("subs/su*") == ["sub/a"]
    assert stems("both") == ["a"]
    assert stems("both/a.wav", "both") == ["a"]
    assert stems("only", "subs") == ["a", "2", "10", "sub/a"]
    assert [str(problem) for problem in expand(["subs"]).problems] == [
        "subs holds no audio or video files. Name the files themselves if they have unusual extensions."
    ]
    assert len(expand(["none"], documents=True).problems) == 1


def test_folders_that_are_inputs(here: Path) -> None:
    make("decode.lm0.6/1best_recog/text", "decode.lm0.6/a.wav", "other/a.wav")
    folder = [("decode.lm0.6", "decode.lm0.6")]

    def taken(path: str, **how: bool) -> list[tuple[str, str]]:
        return [(item.path, item.stem) for item in expand([path], **how).inputs]

    assert taken("decode.lm0.6", documents=True) == folder
    assert taken("decode.*", documents=True) == folder
    assert taken("decode.lm0.6") == [("decode.lm0.6/a.wav", "a")]
    assert taken("other", whole=True) == [("other", "other")]


def test_this_folder_and_the_one_above(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make("a.wav", "sub/b.wav")
    assert found(["."]) == [("./a.wav", "a"), ("./sub/b.wav", "sub/b")]
    monkeypatch.chdir(here / "sub")
    assert [stem for _, stem in found([".."])] == ["a", "sub/b"]


def test_named_twice_is_taken_once(here: Path) -> None:
    make("in/a.wav", "in/sub/b.wav")
    assert found(["in/a.wav", "./in/a.wav", "in", "in/sub", "in"]) == [("in/a.wav", "a"), ("in/sub/b.wav", "sub/b")]


def test_links(here: Path) -> None:
    make("in/a.wav", "elsewhere/c.wav")
    os.symlink("a.wav", "in/b.wav")
    os.symlink("../elsewhere", "in/more")
    os.symlink("..", "elsewhere/up")
    os.symlink(".", "in/loop")
    os.symlink("self", "in/self")
    os.symlink("nowhere", "in/dangling.txt")
    assert found(["in"]) == [("in/a.wav", "a"), ("in/more/c.wav", "more/c")]
    assert found(["in/b.wav", "in/a.wav"]) == [("in/b.wav", "b"), ("in/a.wav", "a")]


def test_two_loops_end(here: Path) -> None:
    make("in/a.wav", "in/sub/b.wav")
    for i in range(4):
        os.symlink("..", f"in/sub/loop{i}")
    assert [stem for _, stem in found(["in"])] == ["a", "sub/b"]
    assert [stem for _, stem in found(["i*/**/*.wav"])] == ["in/a", "in/sub/b"]


def test_hard_links_are_two_files(here: Path) -> None:
    make("in/a.wav")
    os.link("in/a.wav", "in/b.wav")
    assert [stem for _, stem in found(["in"])] == ["a", "b"]


def test_dangling_link_is_a_problem(here: Path) -> None:
    make("in/a.wav")
    os.symlink("nowhere", "in/b.wav")
    expansion = expand(["in"])
    assert [item.stem for item in expansion.inputs] == ["a"]
    assert [str(problem) for problem in expansion.problems] == [
        "in/b.wav is a link to a file that does not exist. Mend or remove it."
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes in folders")
def test_pipes_in_folders_are_left_alone(here: Path) -> None:
    make("in/a.wav")
    os.mkfifo("in/pipe.wav")
    assert found(["in"]) == [("in/a.wav", "a")]
    assert found(["in/pipe.wav"]) == [("in/pipe.wav", "pipe")]


def test_standard_input(here: Path) -> None:
    make("-", "stdin.wav")
    assert expand(["-", "-"]) == Expansion((Input("-", "stdin", stdin=True),), ())
    assert found(["./-"]) == [("./-", "-")]
    assert found(["-", "stdin.wav"]) == [("-", "stdin"), ("stdin.wav", "stdin.wav")]


def test_patterns(here: Path) -> None:
    make("in/x/a.wav", "in/y/a.wav", "in/y/10.mp3", "in/y/9.mp3", "in/.h/a.wav", "in/y/b.txt")
    assert found(["in/*/a.wav"]) == [("in/x/a.wav", "x/a"), ("in/y/a.wav", "y/a")]
    assert found(["in/y/*.mp3"]) == [("in/y/9.mp3", "9"), ("in/y/10.mp3", "10")]
    assert found(["in/?"]) == [
        ("in/x/a.wav", "x/a"),
        ("in/y/9.mp3", "y/9"),
        ("in/y/10.mp3", "y/10"),
        ("in/y/a.wav", "y/a"),
    ]
    assert found(["in/**"]) == found(["in/?"]) or sys.version_info >= (3, 13)
    assert found(["in/.h/[a].wav"]) == [("in/.h/a.wav", "a")]
    assert found(["in/.?/a.wav"]) == [("in/.h/a.wav", ".h/a")]
    assert found([f"{here}/in/y/b.*"]) == [(f"{here}/in/y/b.txt", "b")]


def test_a_file_with_brackets_is_no_pattern(here: Path) -> None:
    make("a [1].wav", "a 1.wav", "what?.wav")
    assert found(["a [1].wav", "what?.wav"]) == [("a [1].wav", "a [1]"), ("what?.wav", "what?")]
    assert found(["a [12].wav"]) == [("a 1.wav", "a 1")]


def test_pattern_matches_of_a_dangling_link(here: Path) -> None:
    os.symlink("nowhere", "b.wav")
    (problem,) = expand(["?.wav"]).problems
    assert problem.message == "b.wav is a link to a file that does not exist."


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.wav", "missing.wav does not exist."),
        ("", " does not exist."),
        ("nul\0.wav", r"nul\x00.wav does not exist."),
        ("line\nbreak.wav", r"line\nbreak.wav does not exist."),
        ("*.none", "*.none matches nothing."),
        ("empty", "empty holds no audio or video files."),
        ("file/below", "file/below cannot be read: Not a directory."),
    ],
)
def test_problems_do_not_stop_the_others(here: Path, name: str, message: str) -> None:
    make("a.wav", "empty/readme.txt", "file")
    expansion = expand([name, "a.wav"])
    assert [item.path for item in expansion.inputs] == ["a.wav"]
    assert [problem.message for problem in expansion.problems] == [message]
    assert all(problem.hint for problem in expansion.problems)


@pytest.mark.parametrize("pattern", ["a*\0", "**x"])
def test_bad_pattern(here: Path, pattern: str) -> None:
    (problem,) = expand([pattern]).problems
    assert problem.message.startswith(f"{printable(pattern)} ")
    assert problem.hint


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_unreadable_folder_is_reported(unprivileged: Path) -> None:
    for name in ("open", "closed"):
        (unprivileged / name).mkdir()
        (unprivileged / name / "a.wav").touch()
    (unprivileged / "closed").chmod(0)
    try:
        expansion = expand([unprivileged])
        assert [item.stem for item in expansion.inputs] == ["open/a"]
        assert [problem.message for problem in expansion.problems] == [
            f"{unprivileged}/closed cannot be read: Permission denied."
        ]
        (problem,) = expand([unprivileged / "closed" / "a.wav"]).problems
        assert problem.hint == "Check its permissions."
    finally:
        (unprivileged / "closed").chmod(stat.S_IRWXU)


def test_odd_names(here: Path) -> None:
    names = ["in/a b.wav", "in/line\nbreak.wav", "in/😀.wav", "in/-x.wav", "in/日本　語.wav"]
    make(*names)
    assert sorted(path for path, _ in found(["in"])) == sorted(names)


@pytest.mark.skipif(sys.platform != "linux", reason="names that are not UTF-8")
def test_undecodable_names(here: Path) -> None:
    make(f"in/{UNDECODABLE}")
    ((path, stem),) = found(["in"])
    assert Path(path).exists()
    assert Input(path, stem).id == r"caf\xe9"
    assert utf8(path) == r"in/caf\xe9.wav"


def test_same_stem_keeps_the_whole_name(here: Path) -> None:
    make("in/a.wav", "in/a.mp3", "in/b.wav")
    assert found(["in"]) == [("in/a.mp3", "a.mp3"), ("in/a.wav", "a.wav"), ("in/b.wav", "b")]


def test_same_name_in_two_folders_gets_the_folder(here: Path) -> None:
    make("one/a.wav", "two/a.wav", "two/b.wav")
    assert found(["one", "two"]) == [("one/a.wav", "one/a.wav"), ("two/a.wav", "two/a.wav"), ("two/b.wav", "b")]


def test_same_name_in_folders_of_the_same_name_gets_a_number(here: Path) -> None:
    make("x/in/a.wav", "y/in/a.wav")
    assert [stem for _, stem in found(["x/in", "y/in"])] == ["in/a.wav", "in/a.wav-2"]
    assert [stem for _, stem in found(["x/in/a.wav", "y/in/a.wav"])] == ["a.wav", "a.wav-2"]


def test_a_longer_name_that_meets_another_one(here: Path) -> None:
    make("in/a.wav", "in/a.mp3", "in/a.wav.flac")
    assert [stem for _, stem in found(["in"])] == ["a.mp3", "a.wav", "a.wav.flac"]


names = st.sampled_from(
    ["a.wav", "A.wav", "a.mp3", "a.wav.mp3", "a.wav-2.mp3", "sub/a.wav", "r/a.wav", "é.wav", "é.wav"]
)


@given(st.lists(st.tuples(names, st.sampled_from(["", "r", "s", "R"]))))
def test_results_never_meet(items: list[tuple[str, str]]) -> None:
    stems = [item.stem for item in _named([_Found(f"{i}", name, root) for i, (name, root) in enumerate(items)])]
    assert len({unicodedata.normalize("NFC", stem).casefold() for stem in stems}) == len(items)
    assert all(not Path(stem).is_absolute() and ".." not in Path(stem).parts for stem in stems)


def test_output(here: Path) -> None:
    make("in/sub/a.wav", "a.json")
    (item,) = expand(["in"]).inputs
    assert item.output("out", "txt") == Path("out/sub/a.txt")
    (record,) = expand(["a.json"]).inputs
    assert record.output("out", "json") == Path("out/a.json")
    with pytest.raises(OutputError, match=r"^a\.json is the input itself\."):
        record.output(".", "json")
    make("stdin.txt")
    assert Input("-", "stdin", stdin=True).output(".", "txt") == Path("stdin.txt")


def test_output_that_cannot_be(here: Path) -> None:
    make("a.wav", "out/a.txt")
    with pytest.raises(OutputError, match=r"x\.txt cannot be written: File name too long\. .* rename the input\.$"):
        Input("a.wav", "x" * 252).output("out", "txt")
    with pytest.raises(OutputError, match=r"^out/a\.txt cannot be written: No such.* the input is still there"):
        Input("gone.wav", "a").output("out", "txt")


def test_names_of_dots(here: Path) -> None:
    make("..wav", "...wav", "in/..wav")
    assert found(["./..wav", "...wav"]) == [("./..wav", "..wav"), ("...wav", "...wav")]
    assert found(["in/.*"]) == [("in/..wav", "..wav")]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("a b.wav", "a b.wav"),
        ("a\nb\t\x1b[31m.wav", r"a\nb\t\x1b[31m.wav"),
        ("👨‍👩‍👧 日本　語 é.wav", "👨‍👩‍👧 日本　語 é.wav"),
        ("evil\u202egnp.wav", r"evil\u202egnp.wav"),
        ("line\u2028.wav", r"line\u2028.wav"),
        (UNDECODABLE, r"caf\xe9.wav"),
    ],
)
def test_printable(path: str, shown: str) -> None:
    assert printable(path) == shown


@given(st.binary().filter(lambda name: b"\0" not in name))
def test_printable_fits_on_one_line(name: bytes) -> None:
    shown = printable(os.fsdecode(name))
    assert len(shown.splitlines()) <= 1
    shown.encode()


def test_a_link_that_leads_back_to_itself_is_named(tmp_path: Path) -> None:
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    (problem,) = expand([str(tmp_path)]).problems
    assert "loop.wav" in str(problem)
    assert "leads back to itself" in str(problem)
