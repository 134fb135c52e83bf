"""N-best lists of Kaldi and NeMo, which are in more than one file, and of HypoTranslate."""

from __future__ import annotations

import io
import json
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
from list_samples import AC, LM, MANIFEST, PREDICTED, TEXT, TSV

from ger.cli import lists as cli
from ger.errors import DependencyError, InputError, RecordError
from ger.evaluate.sources import read_items
from ger.io.lists import Beside, read_lists, read_texts
from ger.types import AudioSpan, Hypothesis, NBest, Word


def written(path: Path, content: Any) -> Path:
    """A file with a text, or with JSON Lines."""
    if not isinstance(content, str):
        content = "".join(f"{json.dumps(line)}\n" for line in content)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def rows(nbest: NBest) -> list[tuple[Any, ...]]:
    return [(h.text, h.score, h.acoustic_score, h.lm_score) for h in nbest.hypotheses]


def test_kaldi_lists(tmp_path: Path) -> None:
    path = written(tmp_path / "text", TEXT)
    assert len(list(read_lists(path))) == 4  # ids may end in numbers: without costs these are no lists
    written(tmp_path / "lm_cost", LM)
    written(tmp_path / "ac_cost", AC)
    one, two = read_lists(path)
    assert (one.id, two.id) == ("u-1", "u-2")
    assert rows(one) == [
        ("red door", -11.5, -10.0, -1.5),
        ("read door", -11.75, -9.5, -2.25),
        ("bread", -12.0, -8.0, -4.0),
    ]
    assert (rows(two), two.meta) == ([("", None, None, -0.5)], {"scores_not_finite": 1})
    assert read_texts(path) == {"u-1": "red door", "u-2": ""}
    written(tmp_path / "large" / "ac_cost", AC.replace(" 10\n", " -1e308\n"))
    written(tmp_path / "large" / "lm_cost", LM.replace(" 1.5\n", " -1e308\n"))
    large = next(read_lists(written(tmp_path / "large" / "text", TEXT)))
    assert rows(large)[0] == ("red door", None, 1e308, 1e308)
    scaled = next(read_lists(path, beside=Beside(acoustic_scale=0.5)))
    assert [h.score for h in scaled.hypotheses] == [-6.5, -7.0, -8.0]


def test_costs_of_kaldi_may_be_given_or_lacking(tmp_path: Path) -> None:
    path = written(tmp_path / "text", TEXT)
    assert rows(next(read_lists(path, format="kaldi-nbest")))[0] == ("red door", None, None, None)
    lm, ac = written(tmp_path / "x/lm", LM), written(tmp_path / "x/ac", AC)
    assert rows(next(read_lists(path, beside=Beside(lm_cost=lm, ac_cost=ac))))[1] == ("read door", -11.75, -9.5, -2.25)
    assert rows(next(read_lists(path, beside=Beside(ac_cost=ac))))[1] == ("read door", None, -9.5, None)
    written(tmp_path / "lmwt.withlm", LM)
    assert rows(next(read_lists(path)))[1] == ("read door", None, None, -2.25)


def test_numbers_of_kaldi_lists_may_have_zeros(tmp_path: Path) -> None:
    (nbest,) = read_lists(written(tmp_path / "text", "u-02 b\nu-01 a\nu-1 c\n"), format="kaldi-nbest")
    assert [h.text for h in nbest.hypotheses] == ["a", "c", "b"]


def test_kaldi_lists_of_numbers(tmp_path: Path) -> None:
    path = written(tmp_path / "words", "u-1 3 5\nu-2 3\n")
    with pytest.raises(RecordError, match="words are numbers, and there is no words"):
        list(read_lists(path, format="kaldi-nbest"))
    written(tmp_path / "words.txt", "red 3\ndoor 5\n")
    (nbest,) = read_lists(path, format="kaldi-nbest")
    assert [h.text for h in nbest.hypotheses] == ["red door", "red"]
    written(path, "u-1 3 x\nu-2 3 red\n")
    assert [h.text for h in next(read_lists(path, format="kaldi-nbest")).hypotheses] == ["3 x", "3 red"]


@pytest.mark.parametrize(
    ("text", "lm", "said"),
    [
        (f"u-1 a\nu-{'2' * 5000} b\n", "u-1 1\n", "text, line 2: 'u-2+' has no -1, -2 … at its end"),
        ("u-1 a\nb 2\n", "u-1 1\n", "text, line 2: 'b' has no -1, -2 … at its end"),
        ("u-1 a\nu-1 b\n", "u-1 1\n", "text: line 1 and line 2 both have the id 'u-1'"),
        ("u-1 a\nu-2 b\n", "u-1 1\n", "lm_cost has no cost of 'u-2'"),
        ("u-1 a\n", "u-1 1 2\n", "lm_cost: '1 2' is no cost of 'u-1'"),
    ],
)
def test_damaged_kaldi_lists(tmp_path: Path, text: str, lm: str, said: str) -> None:
    written(tmp_path / "lm_cost", lm)
    with pytest.raises(RecordError, match=said):
        list(read_lists(written(tmp_path / "text", text)))


def test_nemo_lists_with_the_manifest_beside_them(tmp_path: Path) -> None:
    written(tmp_path / "test.json", MANIFEST)
    written(tmp_path / "notes.json", "{}")
    path = written(tmp_path / "preds_out_width2_alpha1.0_beta0.0.tsv", TSV)
    one, two = read_lists(path)
    assert one == NBest(
        "one",
        (Hypothesis("red door", -1.5), Hypothesis("read door", -2.25)),
        AudioSpan("clips/one.wav", 0.0, 2.5),
        reference="red door",
    )
    assert (two.id, two.reference, two.language, two.meta) == ("two", "", "en", {"scores_not_finite": 1})
    assert [(h.text, h.score) for h in two.hypotheses] == [("", -0.5), ("a", None)]
    assert (two.audio.start, two.audio.end) == (1.0, 3.0) if two.audio else False
    assert list(read_lists(path.rename(tmp_path / "beams.tsv"))) == [one, two]


def test_nemo_lists_with_the_manifest_as_reference(tmp_path: Path) -> None:
    manifest = written(tmp_path / "data/test.json", MANIFEST)
    path = written(tmp_path / "preds_out_width2_alpha1.0_beta0.0.tsv", TSV)
    with pytest.raises(
        InputError, match=r"needs the manifest that was decoded, and there is no manifest beside it\. Na"
    ):
        list(read_lists(path))
    assert [nbest.id for nbest in read_lists(path, beside=Beside(manifest=manifest))] == ["one", "two"]
    lists = cli.read([str(path)], reference=[manifest])
    assert [(nbest.id, nbest.reference) for nbest in lists] == [("one", "red door"), ("two", "")]
    for name in ("a.json", "b.json"):
        written(tmp_path / name, MANIFEST)
    with pytest.raises(InputError, match="there are several manifests beside it"):
        list(read_lists(path))


def test_ids_and_texts_are_no_nemo_lists(tmp_path: Path) -> None:
    path = written(tmp_path / "refs.tsv", "u1\t1.5\nu2\t2.5\n")
    assert read_texts(path) == {"u1": "1.5", "u2": "2.5"}
    manifest = written(tmp_path / "other.txt", MANIFEST)
    assert [n.id for n in read_lists(path, beside=Beside(manifest=tmp_path / "refs.tsv"))] == ["u1", "u2"]
    assert [n.id for n in read_lists(path, beside=Beside(manifest=manifest))] == ["one", "two"]


@pytest.mark.parametrize(
    ("name", "tsv", "said"),
    [
        ("a.tsv", "red door\t-1.5\nx\t-2\ny\t-3\n", r"a\.tsv has 3 hypotheses for the 2 utterances of .*test\.json"),
        ("preds_out_width3.tsv", TSV, "has 4 hypotheses for the 2 utterances"),
        ("a.tsv", "", "has 0 hypotheses for the 2 utterances"),
        ("a.tsv", "red door\t-1.5\nx -2\n", r"a\.tsv, line 2: expected a text, a tab and a score"),
        ("a.tsv", "red door\t-1.5\nx\tlow\n", r"a\.tsv, line 2: expected a text, a tab and a score"),
    ],
)
def test_damaged_nemo_lists(tmp_path: Path, name: str, tsv: str, said: str) -> None:
    written(tmp_path / "test.json", MANIFEST)
    with pytest.raises(RecordError, match=said):
        list(read_lists(written(tmp_path / name, tsv), format="nemo-nbest"))


def test_an_empty_manifest_has_no_lists(tmp_path: Path) -> None:
    manifest = written(tmp_path / "test.json", "\n")
    path = written(tmp_path / "a.tsv", "")
    assert list(read_lists(path, format="nemo-nbest", beside=Beside(manifest=manifest))) == []


def test_manifests_as_lists(tmp_path: Path) -> None:
    path = written(tmp_path / "out.json", PREDICTED)
    one, two = read_lists(path)
    assert (one.id, one.reference) == ("one", "red door")
    assert [(h.text, h.score) for h in one.hypotheses] == [("read door", -1.5), ("red door", -2.0), ("x", None)]
    assert two.best == Hypothesis("hm", words=(Word("hm", 1.25, 1.5),))
    assert read_texts(path) == {"one": "read door", "two": "hm"}
    assert read_texts(path, reference=True) == {"one": "red door", "two": ""}
    items = read_items(path)
    assert [(item.reference, item.hypothesis) for item in items] == [("red door", "read door"), ("", "hm")]


def test_manifests_without_predictions_are_references(tmp_path: Path) -> None:
    path = written(tmp_path / "test.json", MANIFEST)
    assert read_texts(path) == read_texts(path, reference=True) == {"one": "red door", "two": ""}
    assert [(n.best.text, n.reference) for n in read_lists(path)] == [("red door", None), ("", None)]
    written(path, [{**PREDICTED[0], "text": None}])
    with pytest.raises(RecordError, match="'one' has no reference"):
        read_texts(path, reference=True)


def test_records_that_name_their_audio_are_no_manifest(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", [{"id": "u", "text": "x", "audio_filepath": "a.wav"}])
    assert read_texts(path) == {"u": "x"}


@pytest.mark.parametrize("zipped", [True, False])
def test_hypotranslate(tmp_path: Path, zipped: bool) -> None:
    import torch

    items = [
        {"id": 7, "input": ["read door", "red door"], "ground_truth": "red door", "emb_diff": torch.ones(3)},
        {"input": ("a",), "input_ids": torch.tensor([1, 2])},
    ]
    path = tmp_path / "test.pt"
    torch.save(items, path, _use_new_zipfile_serialization=zipped)
    assert list(read_lists(path)) == [
        NBest("7", (Hypothesis("read door"), Hypothesis("red door")), reference="red door"),
        NBest("test:0002", (Hypothesis("a"),)),
    ]
    assert read_texts(path) == {"7": "read door", "test:0002": "a"}
    assert next(read_lists(path.rename(tmp_path / "x"), format="hypotranslate")).id == "7"


class Harm:
    def __reduce__(self) -> tuple[Any, ...]:
        return (sys.exit, ("run",))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": 1}, r"x\.pt: expected a list of utterances, found dict"),
        (["a"], r"x\.pt, item 1: expected an utterance with 'input' and 'ground_truth'"),
        ([{"input_ids": [1]}], r"item 1: there is no list of texts in 'input', only token ids\. Decode"),
        ([{"input": "a"}], r"item 1: there is no list of texts in 'input'\. Decode"),
        ([{"input": ["a"], "ground_truth": 5}], "item 1: 'ground_truth' should be text"),
        ([{"id": "u", "input": []}, {"id": "u", "input": []}], "item 1 and item 2 both have the id 'u'"),
        ([Harm()], r"x\.pt is damaged, or holds more than plain data: to load it could run code"),
    ],
)
def test_damaged_hypotranslate(tmp_path: Path, value: Any, said: str) -> None:
    import torch

    torch.save(value, tmp_path / "x.pt")
    with pytest.raises(InputError, match=said):
        list(read_lists(tmp_path / "x.pt"))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"hello there\n", pickle.dumps([]), b"\x80\x02"])
def test_files_that_are_none_of_torch(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.pt").write_bytes(content)
    with pytest.raises(InputError, match=r"x\.pt is (no file that torch has saved|damaged)"):
        list(read_lists(tmp_path / "x.pt"))


def test_hypotranslate_needs_a_file_and_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"x\.pt cannot be read: No such file or directory"):
        list(read_lists(tmp_path / "x.pt"))
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(DependencyError, match=r"torch is not installed\. Run: pip install 'ger-asr\[transformers\]'"):
        list(read_lists(tmp_path / "x.pt"))


def test_standard_input_has_nothing_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"u\n0 1 5 1,2,\n1\n")))
    with pytest.raises(RecordError, match="standard input: words are numbers"):
        list(read_lists("-"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"red door\t-1.5\n")))
    with pytest.raises(InputError, match="standard input needs the manifest"):
        list(read_lists("-"))
