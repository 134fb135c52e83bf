"""Changes shown word by word."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ger.text.mark import mark, plain_marks

PAIRS = [
    ("the cat sat", "the hat sat"),
    ("the sat", "the cat sat"),
    ("one two three four five", "one too three for five six"),
    ("he said no", "He said no."),
]


def test_pieces() -> None:
    assert mark("the cat sat", "the hat sat") == [
        ("same", "the "),
        ("removed", "cat"),
        ("added", "hat"),
        ("same", " sat"),
    ]
    assert mark("", "") == []
    assert mark("same", "same") == [("same", "same")]


def test_plain() -> None:
    assert plain_marks("the cat sat", "the hat sat") == "the [-cat-]{+hat+} sat"
    assert plain_marks("a {} b", "a {} c") == "a {} [-b-]{+c+}"
    assert plain_marks("uh the big cat", "the cat") == "[-uh-] the [-big-] cat"
    assert plain_marks("", "new text") == "{+new text+}"
    assert plain_marks("你好吗", "你很好") == "你{+很+}好[-吗-]"


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_as_git_shows_it(before: str, after: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_text(before + "\n")
    (tmp_path / "b").write_text(after + "\n")
    command = ["git", "diff", "--no-index", "--word-diff=plain", "--no-color", "--no-ext-diff", "a", "b"]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    assert plain_marks(before, after) == shown.splitlines()[-1]


@given(st.text("ab AB.\n你", max_size=12), st.text("ab AB.\n你", max_size=12))
def test_pieces_make_up_both_texts(before: str, after: str) -> None:
    pieces = mark(before, after)
    for text, kind in ((before, "removed"), (after, "added")):
        shown = "".join(piece for tag, piece in pieces if tag in ("same", kind))
        assert "".join(shown.split()) == "".join(text.split())
    assert all(not piece[:1].isspace() and not piece[-1:].isspace() for tag, piece in pieces if tag != "same")


@given(st.lists(st.sampled_from("ab"), max_size=6), st.lists(st.sampled_from("ab"), max_size=6))
def test_words_stay_apart(before: list[str], after: list[str]) -> None:
    pieces = mark(" ".join(before), " ".join(after))
    shown = "".join(f" {text} " if tag == "removed" else text for tag, text in pieces if tag != "added")
    assert shown.split() == before
