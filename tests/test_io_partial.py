"""A file on its way: what is finished is kept, and used again only for the same lists and settings."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ger.errors import OutputError
from ger.io.jsonl import read_corrections
from ger.io.partial import Partial
from ger.types import Correction, Hypothesis, NBest

LISTS = [NBest(f"talk{i % 2}/{i}", (Hypothesis(f"text {i}"), Hypothesis("other"))) for i in range(5)]


def kept(nbest: NBest, text: str = "") -> Correction:
    return Correction.of(nbest, text or nbest.best.text, "kept")


def failed(nbest: NBest) -> Correction:
    return Correction.of(nbest, nbest.best.text, "failed", reason="broke")


def interrupted(target: Path, made: Sequence[Correction], lists: Sequence[NBest] = LISTS, key: str = "k") -> Path:
    """A run that ended before its end; the file that it leaves."""
    with Partial(target, lists, key) as partial:
        for correction in made:
            partial.add([correction])
    return target.with_name(f".{target.name}.part")


def left(target: Path, lists: Sequence[NBest] = LISTS, key: str = "k", resume: bool = True) -> list[str]:
    with Partial(target, lists, key, resume=resume) as partial:
        return [nbest.id for nbest in partial.left]


def ids(lists: Sequence[NBest]) -> list[str]:
    return [nbest.id for nbest in lists]


def test_written_at_the_end_in_the_order_of_the_lists(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "out.jsonl"
    with Partial(target, LISTS, "k") as partial:
        partial.add([kept(LISTS[4]), kept(LISTS[1])])
        partial.add(map(kept, [LISTS[0], LISTS[3]]))
        assert not target.exists()
        assert ids(partial.left) == ["talk0/2"]
        partial.add([kept(LISTS[2])])
        partial.finish()
    assert list(read_corrections(target)) == [kept(n) for n in LISTS]
    assert os.listdir(target.parent) == ["out.jsonl"]


def test_an_interrupted_run_is_gone_on_with(tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    interrupted(target, [kept(LISTS[1], "mine"), kept(LISTS[3])])
    assert not target.exists()
    for _ in range(2):  # opening it again loses nothing
        assert left(target) == ["talk0/0", "talk0/2", "talk0/4"]
    with Partial(target, LISTS, "k") as partial:
        assert [correction.text for correction in partial.made] == ["mine", "text 3"]
        partial.add(map(kept, partial.left))
        partial.finish()
    assert [made.text for made in read_corrections(target)] == ["text 0", "mine", "text 2", "text 3", "text 4"]


def test_failed_lists_of_a_finished_run_are_tried_again(tmp_path: Path) -> None:
    target = tmp_path / "o"
    with Partial(target, LISTS, "k") as partial:
        partial.add([failed(n) if i == 2 else kept(n) for i, n in enumerate(LISTS)])
        partial.finish()
    assert [made.decision for made in read_corrections(target)] == ["kept", "kept", "failed", "kept", "kept"]
    with Partial(target, LISTS, "k") as partial:
        assert ids(partial.left) == ids(LISTS[2:3])
        partial.add([kept(LISTS[2])])
        partial.finish()
    assert list(read_corrections(target)) == [kept(n) for n in LISTS]
    assert os.listdir(tmp_path) == ["o"]


def test_failed_lists_are_tried_again(tmp_path: Path) -> None:
    interrupted(tmp_path / "o", [kept(LISTS[0]), failed(LISTS[1])])
    assert left(tmp_path / "o") == ids(LISTS[1:])


@pytest.mark.parametrize(
    "again",
    [
        {"key": "other"},
        {"lists": LISTS[:4]},
        {"lists": [replace(LISTS[0], reference="new"), *LISTS[1:]]},
        {"lists": LISTS[::-1]},
        {"resume": False},
    ],
)
def test_other_lists_and_settings_begin_anew(tmp_path: Path, again: dict[str, object]) -> None:
    interrupted(tmp_path / "o", [kept(LISTS[0]), kept(LISTS[1])])
    lists = again.get("lists", LISTS)
    assert left(tmp_path / "o", **again) == ids(lists)  # type: ignore[arg-type]


def test_what_belongs_together_is_done_together(tmp_path: Path) -> None:
    def together(nbest: NBest) -> str:
        return nbest.id.partition("/")[0] if "/" in nbest.id else ""

    lists = [*LISTS, NBest("alone", ()), NBest("apart", ())]
    target = tmp_path / "o"
    interrupted(target, [kept(lists[i]) for i in (0, 1, 3, 5)], lists)
    with Partial(target, lists, "k", together=together) as partial:
        # talk0 lacks 2 and 4, talk1 is whole; what stands alone counts for itself
        assert ids(partial.left) == ["talk0/0", "talk0/2", "talk0/4", "apart"]


def test_torn_lines_are_done_again_and_the_rest_is_kept(tmp_path: Path) -> None:
    path = interrupted(tmp_path / "o", [kept(n) for n in LISTS[:3]])
    path.write_bytes(path.read_bytes()[:-9])
    assert left(tmp_path / "o") == ids(LISTS[2:])
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], '{"id": 3}', "[]", "", lines[2]]))
    assert left(tmp_path / "o") == [n.id for i, n in enumerate(LISTS) if i != 1]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"nonsense\n", b'{"key": "other"}\n'])
def test_a_foreign_file_in_its_place_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".o.part").write_bytes(content)
    assert left(tmp_path / "o") == ids(LISTS)


@pytest.mark.parametrize("odd", ["a\u2028b", "a\x85b\x1c", "line\nbreak", "\ud800 half", "\r"])
def test_odd_characters_survive(tmp_path: Path, odd: str) -> None:
    interrupted(tmp_path / "o", [kept(LISTS[0], odd)])
    with Partial(tmp_path / "o", LISTS, "k") as partial:
        assert [json.dumps(made.text) for made in partial.made] == [json.dumps(odd)]


# What cannot be written


def test_a_folder_in_its_place_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=rf"^{tmp_path} cannot be written: Is a directory\. Name another file"):
        Partial(tmp_path, LISTS, "k")


def test_a_place_that_is_locked_or_no_folder(unprivileged: Path) -> None:
    (unprivileged / "file").touch()
    (unprivileged / "locked").mkdir()
    (unprivileged / "locked").chmod(0o500)
    for name in ("file/o", "locked/o", "locked/below/o"):
        with pytest.raises(OutputError, match="cannot be written: "):
            Partial(unprivileged / name, LISTS, "k")


def test_an_earlier_file_that_cannot_be_read(unprivileged: Path) -> None:
    (unprivileged / ".o.part").write_text("x")
    (unprivileged / ".o.part").chmod(0)
    with pytest.raises(OutputError, match="cannot be written: Permission denied"):
        Partial(unprivileged / "o", LISTS, "k")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_at_the_end_loses_nothing(tmp_path: Path) -> None:
    target = tmp_path / "o"
    target.symlink_to("/dev/full")
    with Partial(target, LISTS, "k") as partial:
        partial.add(map(kept, LISTS))
        with pytest.raises(OutputError, match="No space left on device"):
            partial.finish()
    target.unlink()
    assert left(target) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_on_the_way(tmp_path: Path) -> None:
    partial = Partial(tmp_path / "o", LISTS, "k")
    partial.add([kept(LISTS[0])])
    with partial, open("/dev/full", "w") as full:
        os.dup2(full.fileno(), partial._file.fileno())
        with pytest.raises(OutputError, match=r"\.o\.part cannot be written: No space left on device"):
            partial.add([kept(LISTS[1])])
    assert left(tmp_path / "o") == ids(LISTS[1:])
