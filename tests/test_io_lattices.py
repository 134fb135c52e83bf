"""Lattices of Kaldi and k2 as N-best lists, with scores added up by hand."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from list_samples import K2, K2_WORDS, KALDI, NUMBERED, WORDS

from ger.errors import InputError, RecordError
from ger.io.lists import Beside, read_lists, read_texts
from ger.types import Hypothesis, NBest


def written(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def rows(nbest: NBest) -> list[tuple[Any, ...]]:
    return [(h.text, h.score, h.acoustic_score, h.lm_score) for h in nbest.hypotheses]


def test_kaldi_lattices(tmp_path: Path) -> None:
    path = written(tmp_path / "lat.txt", KALDI)
    a, b, c = read_lists(path)
    assert (a.id, b.id, c.id) == ("utt-a", "utt-b", "utt-c")
    assert rows(a) == [
        ("the red", -17.75, -15.0, -2.75),
        ("the read", -18.25, -14.5, -3.75),
        ("a red", -18.5, -14.5, -4.0),
        ("a read", -19.0, -14.0, -5.0),
    ]
    assert rows(b) == [("", 0.0, 0.0, 0.0)]
    assert c == NBest("utt-c", ())
    assert read_texts(path) == {"utt-a": "the red", "utt-b": "", "utt-c": ""}


def test_the_acoustic_scale_ranks_but_leaves_the_scores(tmp_path: Path) -> None:
    path = written(tmp_path / "lat.txt", KALDI)
    first = next(read_lists(path, beside=Beside(count=3, acoustic_scale=4.0)))
    assert rows(first) == [
        ("a read", -61.0, -14.0, -5.0),
        ("the read", -61.75, -14.5, -3.75),
        ("a red", -62.0, -14.5, -4.0),
    ]


def test_kaldi_lattices_with_numbers(tmp_path: Path) -> None:
    path = written(tmp_path / "lat", NUMBERED)
    with pytest.raises(RecordError, match=r"lat: words are numbers, and there is no words\.txt beside it\. Copy"):
        list(read_lists(path))
    other = written(tmp_path / "other.txt", WORDS)
    given = list(read_lists(path, beside=Beside(words=other)))
    other.rename(tmp_path / "words.txt")
    a, b = read_lists(path)
    assert [a, b] == given
    assert rows(a) == [("the", -11.5, -10.0, -1.5), ("a", -12.5, -10.5, -2.0), ("", -18.0, -9.0, -9.0)]
    assert rows(b) == [("", -6.0, -3.0, -3.0)]
    for words, said in (
        ("the 7\n", "lat, line 3: no word has the number 8"),
        ("the\n", r"words\.txt, line 1: expected a word and its number"),
        ("\n", r"words\.txt holds no words"),
    ):
        written(tmp_path / "words.txt", words)
        with pytest.raises(RecordError, match=said):
            list(read_lists(path))
    with pytest.raises(InputError, match="nowhere cannot be read"):
        list(read_lists(path, beside=Beside(words=tmp_path / "nowhere")))


def test_words_stay_though_there_is_a_table(tmp_path: Path) -> None:
    written(tmp_path / "words.txt", WORDS)
    path = written(tmp_path / "lat.txt", "u\n0 1 unit 1,1,\n1 2 7 1,1,\n2 3 0 1,1,\n3\n")
    assert read_texts(path) == {"u": "unit 7 0"}


def test_kaldi_lattices_with_two_labels(tmp_path: Path) -> None:
    path = written(tmp_path / "lat.txt", "u\n0 1 5 red 1,2\n1 2 6 <eps> 0.5,1\n2 3 7 door\n3 0.5,0.25\n")
    (nbest,) = read_lists(path)
    assert rows(nbest) == [("red door", -5.25, -3.25, -2.0)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("u\n0 1 a 1,2,\n1 0 b 1,2,\n1\n", r"lat\.txt, line [23]: this arc is part of a cycle"),
        ("u\n0 1 a 1,2,\n1\n\nu\n", "line 1 and line 5 both have the id 'u'"),
        ("u\n0 1 a 1,2,\n1\nv\n0 1 b 1,2,\n1\n", r"lat\.txt, line 4: expected from, to, word and lm,acoustic,al.* 'v'"),
        ("u\n0 1 a 1,2,\n1\n\nv w\n", r"lat\.txt, line 5: expected the id of a lattice, alone"),
        ("u\n0 1 a 1,2,\n0 1 b 1,x,\n1\n", r"lat\.txt, line 3: expected from, to, word .*found '0 1 b 1,x,'"),
        ("u\n0 1 a 1,2,\n0 1 b nan,1,\n1\n", r"lat\.txt, line 3: expected"),
        ("u\n0 1 a 1,2,\n0 1 b -inf,1,\n1\n", r"lat\.txt, line 3: expected"),
        ("u\n0 1 a 1,2,\n0 1 b -1e308,-1e308,\n1\n", r"lat\.txt, line 3: expected"),
        ("u\n0 1 a 1,2,\n0 1 b 1\n0 1 b 1,2,3,4\n", r"lat\.txt, line 4: expected"),
        ("u\n0 1 a 1,2,\n0 x b\n", r"lat\.txt, line 3: expected"),
        ("u\n0 1 a 1,2,\n1 3\n", r"lat\.txt, line 3: expected"),
        ("u\n0 1 a 1,2,\n0 1 a b c 1,2,\n", r"lat\.txt, line 3: expected"),
    ],
)
def test_damaged_kaldi_lattices(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(RecordError, match=said):
        list(read_lists(written(tmp_path / "lat.txt", content)))


def test_an_impassable_arc_is_none(tmp_path: Path) -> None:
    path = written(tmp_path / "lat.txt", "u\n0 1 a Infinity,2,\n0 1 b 1,2,\n1 1,2,\n2 Infinity,0,\n")
    (nbest,) = read_lists(path, format="kaldi-lattice")
    assert rows(nbest) == [("b", -6.0, -4.0, -2.0)]


def test_lattices_come_as_a_stream(tmp_path: Path) -> None:
    lists = read_lists(written(tmp_path / "lat.txt", KALDI + "x\nnonsense\n"))
    assert [next(lists).id for _ in range(3)] == ["utt-a", "utt-b", "utt-c"]
    with pytest.raises(RecordError, match="line 18"):
        next(lists)


def test_k2_lattices(tmp_path: Path) -> None:
    path = written(tmp_path / "clip.txt", K2)
    with pytest.raises(RecordError, match="there is no words"):
        list(read_lists(path))
    written(tmp_path / "words.txt", K2_WORDS)
    (nbest,) = read_lists(path)
    assert nbest == NBest(
        "clip", (Hypothesis("twenty", -1.0), Hypothesis("ten thirty", -1.125), Hypothesis("ten", -2.0))
    )
    assert [h.text for h in next(read_lists(path, beside=Beside(count=1))).hypotheses] == ["twenty"]


def test_the_words_of_k2_transducers_are_the_second_labels(tmp_path: Path) -> None:
    written(tmp_path / "words.txt", "ten 10\n")
    path = written(tmp_path / "clip", "0 1 3 10 -0.5\n1 2 4 0 -0.25\n2 3 -1 -1 0\n3\n")
    assert list(read_lists(path)) == [NBest("clip", (Hypothesis("ten", -0.75),))]


def test_small_k2_lattices(tmp_path: Path) -> None:
    path = written(tmp_path / "clip.txt", "0 1 -1 -0.5\n1\n")
    assert list(read_lists(path)) == [NBest("clip", (Hypothesis("", -0.5),))]
    path = written(tmp_path / "clip.txt", "")
    assert list(read_lists(path, format="k2-lattice")) == [NBest("clip", ())]
    path = written(tmp_path / "words", "0 1 red 1e-2\n1 2 -1 -inf\n1 2 -1 0\n2\n")
    assert list(read_lists(path)) == [NBest("words", (Hypothesis("red", 0.01),))]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("0 1 a -0.5\n1 0 b -0.5\n1 2 -1 0\n2\n", r"x\.txt, line [12]: this arc is part of a cycle"),
        (
            "0 1 a -0.5\n1 2 -1 0.5\n",
            r"x\.txt: the last line should be the final state, alone\. The file may be cut off",
        ),
        ("0 1 a -0.5\n1 2 -1 0.5\n2\n\n0 1 a -0.5\n", r"x\.txt, line 5: expected from, to, label and score"),
        ("0 1 a -0.5\n1 2 b [1 2] 0.5\n", r"x\.txt, line 2: expected .*found '1 2 b \[1 2\] 0\.5'"),
        ("0 1 a -0.5\n1 2 b high\n", r"x\.txt, line 2: expected"),
        ("0 1 a -0.5\n1 2 b nan\n", r"x\.txt, line 2: expected"),
        ("0 1 a -0.5\n1 2 b inf\n", r"x\.txt, line 2: expected"),
        ("0 1 a -0.5\n1 2 b 1e308\n", r"x\.txt, line 2: expected"),
    ],
)
def test_damaged_k2_lattices(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(RecordError, match=said):
        list(read_lists(written(tmp_path / "x.txt", content), format="k2-lattice"))


@pytest.mark.parametrize(
    "content",
    [
        f"{'0' * 5000} 1 2 0.5\n",
        "u1\n0 1 2 3\n",
        "0 1 2 3\n1 2 3 4\n",
        "0 one two 1.5\n1 one two 2.5\n",
        "u1 a\n0 1 a 1,2,\n",
        "u1\nu2 1 2\n",
    ],
)
def test_texts_with_numbers_are_no_lattices(tmp_path: Path, content: str) -> None:
    lists = list(read_lists(written(tmp_path / "text", content)))
    assert len(lists) == len(content.splitlines())
    assert all(nbest.best.text in line for nbest, line in zip(lists, content.splitlines(), strict=True))


@pytest.mark.parametrize(
    ("content", "said"),
    [(gzip.compress(b"u\n"), r"lat\.1\.gz is compressed\. Unpack it"), (b"u \0B\xd6\xfd", "is a binary archive")],
    ids=["compressed", "binary"],  # compressed bytes hold the time: as an id they would differ between test processes
)
def test_lattices_that_are_no_text(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "lat.1.gz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        list(read_lists(path))
    path.write_bytes("u \x42".encode("utf-16"))
    with pytest.raises(InputError, match="is in no format known"):
        list(read_lists(path))
