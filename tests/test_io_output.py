"""Results are there as a whole or not at all."""

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ger.errors import InputError, OutputError
from ger.io.output import check_writable, clean_stale, write_atomic

pytest_plugins = ["fixtures_io"]

WRITER = """
import resource, sys
from ger.errors import OutputError
from ger.io.output import write_atomic
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_atomic(sys.argv[1], ["x" * 900, "y" * 9000])
except OutputError as error:
    print(error)
"""

DYING = """
import os, signal, sys
from ger.io.output import write_atomic
def pieces():
    yield "half"
    print("ready", flush=True)
    sys.stdin.read() if len(sys.argv) > 2 else os.kill(os.getpid(), signal.SIGKILL)
write_atomic(sys.argv[1], pieces())
"""


def run(code: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_writes_and_replaces(tmp_path: Path) -> None:
    target = tmp_path / "sub" / "deep" / "a.txt"
    write_atomic(target, "one\r\ntwo\n")
    assert target.read_bytes() == b"one\r\ntwo\n"
    write_atomic(str(target), iter(["é", "😀"]))
    assert target.read_text("utf-8") == "é😀"
    assert names(target.parent) == ["a.txt"]


def test_permissions_stay(tmp_path: Path) -> None:
    target, like, other = tmp_path / "a.txt", tmp_path / "b.txt", tmp_path / "c.txt"
    like.touch()
    usual = like.stat().st_mode
    write_atomic(target, "one")
    assert target.stat().st_mode == usual
    target.chmod(0o640)
    for path, of in ((target, None), (target, like), (other, target)):
        write_atomic(path, "two", like=of)
        assert path.stat().st_mode & 0o777 == 0o640


def test_half_surrogates_are_written_as_json_writes_them(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a", "x\udcff")
    assert (tmp_path / "a").read_bytes() == rb"x\udcff"


def test_longest_names(tmp_path: Path) -> None:
    for name in ("x" * 255, "é" * 127, "😀" * 63):
        write_atomic(tmp_path / name, "text")
        assert (tmp_path / name).read_text() == "text"
    assert len(names(tmp_path)) == 3


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real/file")
    write_atomic(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "file").read_text() == "text"


@pytest.mark.parametrize("error", [InputError("broken input"), KeyboardInterrupt(), OSError(errno.EIO, "read error")])
def test_an_error_in_the_pieces_passes_and_leaves_the_old_text(tmp_path: Path, error: BaseException) -> None:
    def pieces() -> Iterator[str]:
        yield "new"
        raise error

    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(type(error)) as caught:
        write_atomic(target, pieces())
    assert caught.value is error
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_while_writing_only_a_hidden_file_is_there(tmp_path: Path) -> None:
    def pieces() -> Iterator[str]:
        yield "new"
        (name,) = names(tmp_path)
        assert name.startswith(f".a.txt.{os.getpid()}")
        assert name.endswith(".ger-tmp")
        assert clean_stale(tmp_path) == []
        yield " text"

    write_atomic(tmp_path / "a.txt", pieces())
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("folder", "A folder of that name"),
        ("file/a.txt", "A file stands where a folder should be"),
        ("file/b/a.txt", "A file stands where a folder should be"),
        ("x" * 256, "The name is too long"),
        ("nul\0", "Check the name."),
    ],
)
def test_what_stands_in_the_way(tmp_path: Path, name: str, hint: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(OutputError) as caught:
        write_atomic(tmp_path / name, "text")
    assert caught.value.hint.startswith(hint)
    assert "cannot be written" in caught.value.message
    assert names(tmp_path) == ["file", "folder"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_full_disk() -> None:
    with pytest.raises(OutputError, match=r"^/dev/full cannot be written: No space left on device\. The disk is full"):
        write_atomic("/dev/full", "text")
    assert not os.path.isfile("/dev/full")


def test_a_device_is_written_not_replaced() -> None:
    write_atomic("/dev/null", "text")
    assert not os.path.isfile("/dev/null")


def test_file_size_limit(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    shown, _ = run(WRITER, str(tmp_path / "a.txt")).communicate(timeout=60)
    assert shown.startswith(f"{tmp_path}/a.txt cannot be written: File too large. The file would be larger")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1000


def test_no_permission(unprivileged: Path) -> None:
    closed = unprivileged / "closed"
    closed.mkdir(mode=0o555)
    with pytest.raises(OutputError, match=r"Permission denied\. You may not write there"):
        write_atomic(closed / "a.txt", "text")
    assert names(closed) == []


def test_killed_half_way_leaves_the_old_text_and_is_cleaned_up(tmp_path: Path) -> None:
    target = tmp_path / "sub" / "line\nbreak.txt"
    write_atomic(target, "old")
    process = run(DYING, str(target))
    process.communicate(timeout=60)
    assert process.returncode == -9
    assert target.read_text() == "old"
    (left,) = set(names(target.parent)) - {target.name}
    (tmp_path / "sub" / ".keep.1.tmp").touch()
    assert clean_stale(target.parent) == [target.parent / left]
    assert names(target.parent) == [".keep.1.tmp", target.name]


def test_files_of_running_programs_stay(tmp_path: Path) -> None:
    process = run(DYING, str(tmp_path / "a.txt"), "wait")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    assert clean_stale(tmp_path) == []
    process.communicate("", timeout=60)
    assert (tmp_path / "a.txt").read_text() == "half"


def test_a_file_of_an_earlier_program_with_our_number_is_stale(tmp_path: Path) -> None:
    for name in (f".a.{os.getpid()}.ger-tmp", f".b.{10**30}.ger-tmp"):
        (tmp_path / name).touch()
    assert len(clean_stale(tmp_path)) == 2
    assert clean_stale(tmp_path / "missing") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user's process")
def test_files_of_other_users_programs_stay(unprivileged: Path) -> None:
    (unprivileged / ".a.1.ger-tmp").touch()
    assert clean_stale(unprivileged) == []


def test_whether_a_file_can_be_written_is_known_before(unprivileged: Path) -> None:
    (unprivileged / "locked").mkdir(0o500)
    (unprivileged / "file").touch()
    for fine in ("a", "new/folders/a", "file"):
        check_writable(unprivileged / fine)
    check_writable("/dev/null")
    for wrong, reason in (("locked/a", "Permission"), ("locked/new/a", "Permission"), ("file/a", "Not a directory")):
        with pytest.raises(OutputError, match=f"{wrong} cannot be written: {reason}"):
            check_writable(unprivileged / wrong)
    assert sorted(os.listdir(unprivileged)) == ["file", "locked"]


def test_a_pipe_of_the_shell_is_written_directly() -> None:
    code = "from ger.io.output import *; check_writable('/dev/stdout'); write_atomic('/dev/stdout', 'text')"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"text"
