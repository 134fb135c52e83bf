"""Which inputs are done: what a journal says, and what it says when it is damaged, old, or no longer true."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ger.errors import OutputError
from ger.io.inputs import Input
from ger.journal import JOURNAL, Journal, stamp


def source(folder: Path, name: str) -> Input:
    (folder / name).write_text(name)
    return Input(str(folder / name), Path(name).stem)


def note(out: Path, key: str, *sources: Input) -> None:
    journal = Journal(out, key)
    for one in sources:
        out.mkdir(exist_ok=True)
        result = one.output(out, "txt")
        result.write_text("result")
        journal.add(one, [result], stamp(one))


def done(journal: Journal, source: Input) -> bool:
    """Whether an input is done in a run that writes what `note` notes."""
    return journal.done(source, [source.output(journal._path.parent, "txt")])


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_an_input_is_done_when_its_line_says_so(tmp_path: Path, out: Path) -> None:
    a, b = source(tmp_path, "a.wav"), source(tmp_path, "b.wav")
    note(out, "k", a)
    journal = Journal(out, "k")
    assert done(journal, a)
    assert not done(journal, b)


def test_the_journal_knows_what_it_has_just_noted(tmp_path: Path, out: Path) -> None:
    a = source(tmp_path, "a.wav")
    journal = Journal(out, "k")
    assert not done(journal, a)
    out.mkdir()
    (out / "a.txt").touch()
    journal.add(a, [out / "a.txt"], stamp(a))
    assert done(journal, a)


def test_other_settings_another_size_or_time_and_a_missing_result_are_not_done(tmp_path: Path, out: Path) -> None:
    a = source(tmp_path, "a.wav")
    note(out, "k", a)
    assert not done(Journal(out, "other"), a)

    before = os.stat(a.path)
    os.utime(a.path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert not done(Journal(out, "k"), a)
    Path(a.path).write_text("longer than before")
    os.utime(a.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not done(Journal(out, "k"), a)
    Path(a.path).write_text("a.wav")
    os.utime(a.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert done(Journal(out, "k"), a)

    (out / "a.txt").unlink()
    assert not done(Journal(out, "k"), a)


def test_the_last_line_about_an_input_counts(tmp_path: Path, out: Path) -> None:
    a = source(tmp_path, "a.wav")
    note(out, "old", a)
    note(out, "new", a)
    assert not done(Journal(out, "old"), a)
    assert done(Journal(out, "new"), a)


def test_a_result_that_another_input_has_overwritten_is_not_there_any_more(tmp_path: Path, out: Path) -> None:
    for name in ("mon", "tue"):
        (tmp_path / name).mkdir()
    mon, tue = source(tmp_path / "mon", "a.wav"), source(tmp_path / "tue", "a.wav")
    note(out, "k", mon, tue)
    assert not done(Journal(out, "k"), mon)
    assert done(Journal(out, "k"), tue)


def test_results_under_other_names_than_this_run_would_write_do_not_count(tmp_path: Path, out: Path) -> None:
    a = source(tmp_path, "a.wav")
    note(out, "k", a)
    assert not Journal(out, "k").done(a, [out / "a.wav.txt"])
    assert Journal(out, "k").done(a, [out / "a.txt", out / "a.srt"])
    Journal(out, "k").add(a, [], stamp(a))
    assert not Journal(out, "k").done(a, [out / "a.txt"])


def test_an_input_that_changed_while_it_was_read_is_not_done(tmp_path: Path, out: Path) -> None:
    a = source(tmp_path, "a.wav")
    before = stamp(a)
    Path(a.path).write_text("longer than before")
    out.mkdir()
    (out / "a.txt").touch()
    Journal(out, "k").add(a, [out / "a.txt"], before)
    assert not done(Journal(out, "k"), a)
    Journal(out, "k").add(a, [out / "a.txt"], stamp(a))
    assert done(Journal(out, "k"), a)


def test_standard_input_is_never_done(out: Path) -> None:
    stdin = Input("-", "stdin", stdin=True)
    note(out, "k", stdin)
    assert not done(Journal(out, "k"), stdin)


def test_the_same_file_by_another_path_is_done(tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a = source(tmp_path, "a.wav")
    note(out, "k", a)
    monkeypatch.chdir(tmp_path)
    assert done(Journal(Path("out"), "k"), Input("a.wav", "a"))


def test_names_that_are_no_utf8(tmp_path: Path, out: Path) -> None:
    odd = Input(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n.wav"), os.fsdecode(b"\xff\n"))
    Path(odd.path).touch()
    note(out, "k", odd)
    assert done(Journal(out, "k"), odd)


def test_a_journal_cut_anywhere_keeps_its_whole_lines_and_goes_on(tmp_path: Path, out: Path) -> None:
    sources = [source(tmp_path, name) for name in ("a.wav", "b.wav")]
    note(out, "k", *sources)
    path = out / JOURNAL
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        complete = whole[: cut + 1].count(b"\n")  # a line is complete without its line end
        assert [done(Journal(out, "k"), one) for one in sources] == [i < complete for i in range(2)]
        if cut % 10 == 0:
            Journal(out, "k").add(sources[0], [out / "a.txt"], stamp(sources[0]))
            assert done(Journal(out, "k"), sources[0])
            assert path.read_bytes().endswith(b"\n")


JSON = st.recursive(st.none() | st.integers() | st.text(max_size=3), lambda v: st.lists(v, max_size=3), max_leaves=4)


@settings(max_examples=50)
@given(
    st.lists(
        st.binary(max_size=20)
        | st.fixed_dictionaries(dict.fromkeys(("input", "stamp", "key", "outputs"), JSON)).map(
            lambda value: json.dumps(value).encode()
        )
    )
)
def test_a_journal_of_something_else_is_passed_over(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("run")
    a = source(folder, "a.wav")
    (folder / "out").mkdir()
    (folder / "out" / JOURNAL).write_bytes(b"\n".join(lines))
    assert not done(Journal(folder / "out", "k"), a)
    note(folder / "out", "k", a)
    assert done(Journal(folder / "out", "k"), a)


def test_a_journal_that_cannot_be_written_is_an_error(tmp_path: Path, out: Path) -> None:
    (out / JOURNAL).mkdir(parents=True)
    with pytest.raises(OutputError, match=r"\.ger-journal\.jsonl cannot be written"):
        Journal(out, "k").add(source(tmp_path, "a.wav"), [], [])
