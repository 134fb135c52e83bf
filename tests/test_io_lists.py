"""Reading lists and texts in the formats that people have."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ger.errors import InputError, RecordError, UnknownNameError
from ger.io.jsonl import dumps, read_nbest, write_records
from ger.io.lists import FORMATS, Joined, attach_references, join_references, join_systems, read_lists, read_texts
from ger.types import Correction, Hypothesis, NBest


def written(path: Path, content: Any) -> Path:
    """A file that holds bytes, text, or a JSON value."""
    if not isinstance(content, str | bytes):
        content = json.dumps(content)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def texts(nbest: NBest) -> list[str]:
    return [hypothesis.text for hypothesis in nbest.hypotheses]


def scores(nbest: NBest) -> list[float | None]:
    return [hypothesis.score for hypothesis in nbest.hypotheses]


RECORDS = [
    NBest("a", (Hypothesis("red door", -1.5), Hypothesis("read door", -2.0)), reference="red door"),
    NBest("b", ()),
]


def test_records(tmp_path: Path) -> None:
    write_records(tmp_path / "in.jsonl", RECORDS)
    assert list(read_lists(tmp_path / "in.jsonl")) == RECORDS
    made = Correction.of(RECORDS[0], "read door", "reranked")
    write_records(tmp_path / "out.jsonl", [made])
    assert list(read_lists(str(tmp_path / "out.jsonl"))) == RECORDS[:1]


def test_records_are_known_by_what_is_inside(tmp_path: Path) -> None:
    lines = "\ufeff\r\n" + "\r\n".join(map(dumps, RECORDS))
    assert list(read_lists(written(tmp_path / "lists.txt", lines))) == RECORDS


def test_scores_that_are_no_numbers_become_unknown(tmp_path: Path) -> None:
    lines = (
        '{"id": "a", "meta": {"by": "x"}, "hypotheses": [{"text": "NaN", "score": NaN, "lm_score": -Infinity}, '
        '{"text": "two", "score": -1}, {"text": "three", "score": 2.5}, {"text": "four"}, '
        '{"text": "five", "score": 1e400}]}\n'
        '{"id": "b", "meta": null, "hypotheses": [{"text": "Infinity", "score": -3}]}\n'
        f'{{"id": "c", "hypotheses": [{{"text": "big", "score": 1{"0" * 400}}}]}}\n'
    )
    a, b, c = read_lists(written(tmp_path / "in.jsonl", "\ufeff" + lines))
    assert scores(a) == [None, -1, 2.5, None, None]
    assert texts(a)[0] == "NaN"
    assert a.meta == {"by": "x", "scores_not_finite": 3}
    assert (scores(b), b.meta) == ([-3], {})
    assert (scores(c), c.meta) == ([None], {"scores_not_finite": 1})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": "a", "hypotheses": [{"text": "x", "score": NaN}', r"in\.jsonl, line 1: not JSON"),
        ('{"id": "a", "meta": NaN, "hypotheses": [{"text": "x"}]}', "line 1: not JSON .*NaN is not a JSON number"),
        ('{"id": "a", "meta": [1], "hypotheses": [{"text": "x", "score": NaN}]}', "'meta' should be an object"),
        ('{"id": "a", "hypotheses": "NaN"}', "'hypotheses' should be a list"),
        ("[NaN]", "NaN is not a JSON number"),
        ('{"id": "NaN"}', "'hypotheses' is missing"),
        (f"{dumps(RECORDS[0])}\n{dumps(RECORDS[0])}", "lines 1 and 2 both have the id 'a'"),
        (b'\xe9{"id": "NaN"}', r"line 1: byte 1 \(0xe9\) is not UTF-8"),
    ],
)
def test_damaged_records(tmp_path: Path, line: str | bytes, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        list(read_lists(written(tmp_path / "in.jsonl", line)))


def test_hyporadise(tmp_path: Path) -> None:
    items = [
        {"id": "u1", "input": ["a b c", "a b"], "output": "a b c", "am_score": [-0.5, -0.75]},
        {"input": ["x", "<UNK>", "x"], "output": "x", "input1": "x.", "input2": "y.", "instruction": "correct this"},
        {"id": 7, "input": ["a b", "c d"], "output": "e", "score": [-0.5, None]},
        {"id": "", "input": []},
    ]
    one, two, three, four = read_lists(written(tmp_path / "dev.set.json", json.dumps(items, indent=1)))
    # 1 + 1.2 * 2.5 words = 4 tokens.
    assert one == NBest(
        "u1",
        (Hypothesis("a b c", -2.0), Hypothesis("a b", -3.0)),
        reference="a b c",
        meta={"scores": "estimated totals"},
    )
    assert two.id == "dev.set:0002"
    assert texts(two) == ["x", "", "x"]
    assert scores(two) == [None] * 3
    assert two.extra == {"instruction": "correct this"}
    assert two.meta == {}
    assert (three.id, scores(three)) == ("7", [pytest.approx(-1.7), None])
    assert (four.id, four.hypotheses, four.reference) == ("dev.set:0004", (), None)


def test_hyporadise_scores_that_are_no_numbers(tmp_path: Path) -> None:
    content = '[{"input": ["a", "b", "c"], "score": [NaN, -Infinity, 0.5]}]'
    (nbest,) = read_lists(written(tmp_path / "x.json", content))
    assert scores(nbest) == [None, None, pytest.approx(1.1)]
    assert nbest.meta == {"scores": "estimated totals", "scores_not_finite": 2}


@given(st.lists(st.tuples(st.text(max_size=20), st.floats(-5, 5)), min_size=1, max_size=6))
def test_estimated_totals_keep_the_order(tmp_path_factory: pytest.TempPathFactory, pairs: list[Any]) -> None:
    item = {"input": [text for text, _ in pairs], "output": "x", "score": [score for _, score in pairs]}
    (nbest,) = read_lists(written(tmp_path_factory.getbasetemp() / "x.json", [item]))
    order = range(len(pairs))
    assert sorted(order, key=lambda i: scores(nbest)[i] or 0) == sorted(order, key=lambda i: pairs[i][1])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "item 1: 'input', the list of hypotheses, is missing"),
        ('[{"input": ["a"]}, {"output": "x"}]', "item 2: 'input', the list of hypotheses, is missing"),
        ('[{"input": "a"}]', "item 1: the hypotheses should be a list of texts"),
        ('[{"input": ["a", 1]}]', "item 1: the hypotheses should be a list of texts"),
        ('[{"input": ["a", "b"], "score": [1]}]', "item 1: 'score' should be a list of 2 numbers"),
        ('[{"input": ["a"], "am_score": -1}]', "item 1: 'am_score' should be a list of 1 numbers"),
        ('[{"input": ["a"], "score": ["-1"]}]', "item 1: 'score' should be numbers, or null"),
        ('[{"input": ["a"], "score": [true]}]', "item 1: 'score' should be numbers, or null"),
        ('[{"input": ["a"], "score": [false]}]', "item 1: 'score' should be numbers, or null"),
        ('[{"input": ["a"], "output": ["x"]}]', "item 1: 'output' should be text"),
        ('[{"input": ["a"], "id": [1]}]', "item 1: 'id' should be text or a number"),
        ('[{"input": ["a"], "id": true}]', "item 1: 'id' should be text or a number"),
        ('[{"input": ["a"], "id": "u"}, {"input": ["b"]}, {"input": ["c"], "id": "u"}]', "item 1 and item 3 both"),
        ('[{"input": ["a"], "input": ["b"]}]', "entries 1 and 2 of an object both have the key 'input'"),
        ('[{"input": ["a"]},\n{"inp', r"x\.json: not JSON .*line 2"),
        (b'[{"input": ["a"]},\n{"input": ["\xe9"]}]', r"line 2: byte 13 \(0xe9\) is not UTF-8"),
        ("[" * 100_000, r"x\.json: not JSON"),
    ],
)
def test_damaged_hyporadise(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        list(read_lists(written(tmp_path / "x.json", content), format="hyporadise"))


def test_mlm_scoring(tmp_path: Path) -> None:
    value = {
        "u1": {
            "hyp_10": {"score": -9.5, "text": "ten"},
            "hyp_1": {"score": -1.5, "text": "one"},
            "hyp_2": {"text": "two"},
            "ref": "one",
        },
        "u2": {},
    }
    for content in (json.dumps(value), json.dumps(value, indent=2), "\ufeff" + json.dumps(value, indent=2)):
        one, two = read_lists(written(tmp_path / "x.json", content))
        assert one == NBest(
            "u1", (Hypothesis("one", -1.5), Hypothesis("two"), Hypothesis("ten", -9.5)), reference="one"
        )
        assert two == NBest("u2", ())


def test_numbers_of_mlm_scoring_may_be_written_otherwise(tmp_path: Path) -> None:
    value = {"u": {"hyp_02": {"text": "b"}, "hyp_1": {"text": "a"}, "hyp_٣": {"text": "c"}, f"hyp_{'9' * 5000}": 0}}
    (nbest,) = read_lists(written(tmp_path / "x.json", value))
    assert texts(nbest) == ["a", "b", "c"]


def test_other_fields_that_records_have_no_form_for_are_null(tmp_path: Path) -> None:
    (nbest,) = read_lists(written(tmp_path / "x.json", '[{"input": ["a"], "more": {"x": [1, NaN, 1e999]}}]'))
    assert nbest.extra == {"more": {"x": [1, None, None]}}
    (nbest,) = read_lists(written(tmp_path / "x.jsonl", '{"nbest": ["a"], "more": Infinity}'))
    assert nbest.extra == {"more": None}
    assert json.loads(dumps(nbest))["more"] is None
    deep = "[" * 900 + "]" * 900
    with pytest.raises(InputError, match=r"x\.json is nested too deeply|not JSON"):
        list(read_lists(written(tmp_path / "x.json", f'[{{"input": ["a"], "more": {deep}}}]')))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"u": {"hyp_1": {"text": "a"}}, "u": {}}', "entries 1 and 2 of an object both have the key 'u'"),
        ('{"u": {"hyp_1": "a"}}', "utterance 'u': every 'hyp_…' should be an object"),
        ('{"u": {"hyp_1": {"score": 1}}}', "utterance 'u': the hypotheses should be a list of texts"),
        ('{"u": {"hyp_1": {"text": "a", "score": "1"}}}', "utterance 'u': 'score' should be numbers"),
        ('{"u": {"hyp_1": {"text": "a"}, "ref": 1}}', "utterance 'u': 'ref' should be text"),
        ('{"text": "from some other program"}', "is JSON in no format that is known, and no utterance.*--format"),
        ('{"u": {"hyp_1": {"text": "a"}}, "v": "b"}', "utterance 'v': expected an object"),
        ('{"u": \n', "not JSON"),
        ("[]", "expected a JSON object with utterances under their ids"),
    ],
)
def test_damaged_mlm_scoring(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        list(read_lists(written(tmp_path / "x.json", content), format="mlm-scoring"))


def test_a_hyporadise_file_is_a_list(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="expected a JSON list of items"):
        list(read_lists(written(tmp_path / "x.json", "{}"), format="hyporadise"))


def test_agwer(tmp_path: Path) -> None:
    lines = [
        {"reference": "red door", "corrected": "red door", "nbest": ["read door", "red door"]},
        {"id": "mine", "nbest": []},
    ]
    path = written(tmp_path / "out.jsonl", "\n\n".join(map(json.dumps, lines)))
    one, two = read_lists(path)
    assert one == NBest(
        "out:0001",
        (Hypothesis("read door"), Hypothesis("red door")),
        reference="red door",
        extra={"corrected": "red door"},
    )
    assert two == NBest("mine", ())
    for bad, message in (
        ({"nbest": "a"}, "line 2: the hypotheses"),
        ([1], "line 2: expected a JSON object"),
        ({"id": "out:0001", "nbest": []}, "line 1 and line 2 both have the id"),
    ):
        written(path, json.dumps(lines[0]) + "\n" + json.dumps(bad))
        with pytest.raises(RecordError, match=message):
            list(read_lists(path))


def test_kaldi(tmp_path: Path) -> None:
    content = "\ufeffu1 red  door\r\n\r\nu2\r\n  u3\tblue door \r\n4a hello\n"
    for name in ("text", "hyp.txt"):
        lists = list(read_lists(written(tmp_path / name, content)))
        assert [(nbest.id, texts(nbest)) for nbest in lists] == [
            ("u1", ["red  door"]),
            ("u2", [""]),
            ("u3", ["blue door"]),
            ("4a", ["hello"]),
        ]
    with pytest.raises(RecordError, match="text: line 1 and line 3 both have the id 'u1'"):
        list(read_lists(written(tmp_path / "text", "u1 a\nu2 b\nu1 c\n")))
    with pytest.raises(RecordError, match=r"text, line 2: byte 5 \(0xe9\) is not UTF-8. Save the file as UTF-8"):
        list(read_lists(written(tmp_path / "text", b"u1 a\nu2 b\xe9\n")))


def test_brackets_do_not_make_json(tmp_path: Path) -> None:
    content = "[noise] red door\n{laughs} blue door\n"
    assert [texts(nbest) for nbest in read_lists(written(tmp_path / "a.txt", content))] == [
        [line] for line in content.splitlines()
    ]
    assert [nbest.id for nbest in read_lists(tmp_path / "a.txt", format="kaldi")] == ["[noise]", "{laughs}"]
    assert read_texts(written(tmp_path / "b.txt", "{laughs} red door\n")) == {"1": "{laughs} red door"}


def test_lines_of_text_have_no_ids(tmp_path: Path) -> None:
    for content in ("good day and welcome to the call", "Good day to you\nGood day to all\n"):
        lists = list(read_lists(written(tmp_path / "t.txt", content)))
        assert [texts(nbest) for nbest in lists] == [[line] for line in content.splitlines()]
        assert [nbest.id for nbest in lists] == [str(i) for i in range(1, len(lists) + 1)]


def test_tsv(tmp_path: Path) -> None:
    path = written(tmp_path / "refs.tsv", 'u1\tred door\t["red"]\n\nu2\t\nu3\n')
    assert read_texts(path) == {"u1": "red door", "u2": "", "u3": ""}
    assert [texts(nbest) for nbest in read_lists(path)] == [["red door"], [""], [""]]
    for content, message in (
        ("u1\ta\nu2 b\n", "line 2: expected an id, a tab and a text"),
        ("u1\ta\n\tb\n", "line 2: expected an id, a tab and a text"),
        ("u1\ta\nu1\tb\n", "line 1 and line 2 both have the id 'u1'"),
    ):
        with pytest.raises(RecordError, match=message):
            read_texts(written(path, content))


def espnet(folder: Path, ranks: dict[int, tuple[str, str | None]]) -> Path:
    for rank, (text, score) in ranks.items():
        written(folder / f"{rank}best_recog" / "text", text)
        if score is not None:
            written(folder / f"{rank}best_recog" / "score", score)
    written(folder / "asr.log", "done")
    return folder


def test_espnet(tmp_path: Path) -> None:
    ranks: dict[int, tuple[str, str | None]] = {
        1: ("u1 red door\nu2\n", "u1 tensor(-1.5)\nu2 -2.5\n"),
        2: ("u1 read door\n", "u1 tensor(nan, device='cuda:0')\n"),
        10: ("u9 x\n", None),
    }
    folder = espnet(tmp_path / "out", {1: ranks[1], 2: ranks[2], 3: ("u1 bread door\n", None)})
    one, two = read_lists(folder)
    assert (texts(one), scores(one)) == (["red door", "read door", "bread door"], [-1.5, None, None])
    assert one.meta == {"scores_not_finite": 1}
    assert (texts(two), scores(two)) == ([""], [-2.5])
    assert read_texts(folder) == {"u1": "red door", "u2": ""}
    with pytest.raises(RecordError, match="'u9' is not in the rank before"):
        list(read_lists(espnet(tmp_path / "gap", ranks)))
    with pytest.raises(RecordError, match="score: 'loud' is not a score"):
        list(read_lists(espnet(tmp_path / "bad", {1: ("u1 a\n", "u1 loud\n")})))
    for make in (tmp_path / "empty", espnet(tmp_path / "second", {2: ("u1 a\n", None)})):
        make.mkdir(exist_ok=True)
        with pytest.raises(InputError, match=f"{make.name}: no 1best_recog in this folder"):
            list(read_lists(make))
    with pytest.raises(InputError, match="cannot be read: Not a directory"):
        list(read_lists(tmp_path / "out" / "asr.log", format="espnet"))
    (folder / "1best_recog" / "text").unlink()
    with pytest.raises(InputError, match="1best_recog/text cannot be read"):
        list(read_lists(folder))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("film.srt", "1\n00:00:01,000 --> 00:00:02,000\nhello\n"),
        ("numbers.json", "12\n"),
    ],
)
def test_unknown_formats(tmp_path: Path, name: str, content: str | bytes) -> None:
    with pytest.raises(InputError, match=r"is in no format known to hold hypotheses\. Accepted are records"):
        list(read_lists(written(tmp_path / name, content)))


def test_formats_by_name(tmp_path: Path) -> None:
    path = written(tmp_path / "odd.out", "u1 red door\n")
    assert [nbest.id for nbest in read_lists(path, format="kaldi")] == ["u1"]
    with pytest.raises(UnknownNameError, match=r"no list format called 'kald'\. Did you mean 'kaldi'"):
        list(read_lists(path, format="kald"))
    own = {"records", "hyporadise", "mlm-scoring", "agwer", "kaldi", "tsv", "txt", "espnet"}
    toolkits = {"kaldi-nbest", "kaldi-lattice", "k2-lattice", "nemo-nbest", "nemo", "hypotranslate"}
    assert set(FORMATS) == own | toolkits


def test_empty_files(tmp_path: Path) -> None:
    for name in ("x.jsonl", "x.json", "text"):
        for content in ("", "\n\r\n"):
            path = written(tmp_path / name, content)
            assert list(read_lists(path)) == []
    assert read_texts(written(tmp_path / "empty", "")) == {}
    assert list(read_lists(written(tmp_path / "x.json", "[]"))) == []


def test_unreadable_files(tmp_path: Path) -> None:
    for name in ("none.jsonl", "none"):
        with pytest.raises(InputError, match=f"{name} cannot be read: No such file or directory"):
            list(read_lists(tmp_path / name))
        with pytest.raises(InputError, match=f"{name} cannot be read"):
            read_texts(tmp_path / name)


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    for content, expected in (
        (dumps(RECORDS[0]), ["a"]),
        ('[{"input": ["x"]}]', ["stdin:0001"]),
        ("u1 red door\n", ["u1"]),
    ):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
        assert [nbest.id for nbest in read_lists("-")] == expected
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"u1 a\nu2 b\nu1 c\n")))
    with pytest.raises(RecordError, match=r"^standard input: line 1 and line 3"):
        list(read_lists("-"))


def test_lists_come_as_a_stream(tmp_path: Path) -> None:
    path = written(tmp_path / "in.jsonl", f"{dumps(RECORDS[0])}\nnonsense\n")
    reader = read_lists(path)
    assert next(reader).id == "a"
    with pytest.raises(RecordError, match="line 2"):
        next(reader)


def test_texts_of_lines(tmp_path: Path) -> None:
    keyed = written(tmp_path / "keyed", "u-1 red door\n\nu-2\n")
    plain = written(tmp_path / "plain", "red door\n\nblue door\n")
    assert read_texts(keyed) == {"u-1": "red door", "u-2": ""}
    assert read_texts(plain) == {"1": "red door", "2": "", "3": "blue door"}
    assert read_texts(keyed, ids=False) == {"1": "u-1 red door", "2": "", "3": "u-2"}
    assert read_texts(plain, ids=True) == {"red": "door", "blue": "door"}
    # The same first word twice, though with a digit: no ids.
    assert read_texts(written(tmp_path / "x", "3 doors\n3 cats\n")) == {"1": "3 doors", "2": "3 cats"}
    assert read_texts(written(tmp_path / "x", "a\tb\n"), ids=False) == {"1": "a\tb"}


def test_texts_of_records(tmp_path: Path) -> None:
    made = Correction.of(RECORDS[0], "read door", "reranked")
    path = tmp_path / "out.jsonl"
    write_records(path, [made, RECORDS[1]])
    assert read_texts(path) == {"a": "read door", "b": ""}
    written(path, '{"id": "a", "text": "one", "reference": "won"}\n')
    assert read_texts(path) == {"a": "one"}
    assert read_texts(path, reference=True) == {"a": "won"}
    written(path, '{"id": "a", "text": "one"}\n')
    assert read_texts(path, reference=True) == {"a": "one"}


@pytest.mark.parametrize(
    ("line", "reference", "message"),
    [
        ('{"id": "a", "text": "x"}\n{"id": "a", "text": "y"}', False, "line 1 and line 2 both have the id 'a'"),
        ('{"id": "a", "text": "x", "hypotheses": []}', True, "line 1: 'a' has no reference"),
        ('{"id": "a", "text": null}', False, "line 1: expected a text, found None"),
        ('{"id": "a", "reference": 5}', True, "line 1: expected a text, found 5"),
        ('{"id": 5, "text": "x"}', False, "line 1: 'id' is missing or no text"),
        ('{"id": "a"}', False, "line 1: 'hypotheses' is missing"),
        ("[1]", False, "line 1: expected a JSON object"),
    ],
)
def test_records_without_texts(tmp_path: Path, line: str, reference: bool, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        read_texts(written(tmp_path / "in.jsonl", line), reference=reference)


def test_texts_of_lists(tmp_path: Path) -> None:
    path = written(tmp_path / "x.json", [{"id": "u", "input": ["read door"], "output": "red door"}])
    assert read_texts(path) == {"u": "read door"}
    assert read_texts(path, reference=True) == {"u": "red door"}
    with pytest.raises(RecordError, match=r"x\.json: 'u' has no reference"):
        read_texts(written(path, [{"id": "u", "input": ["a"]}]), reference=True)


def test_systems_side_by_side() -> None:
    lists = join_systems({"one": {"a": "x", "b": ""}, "two": {"b": "y", "a": "x"}}, {"b": "r", "a": "s"})
    assert [nbest.id for nbest in lists] == ["b", "a"]
    assert lists[0] == NBest(
        "b", (Hypothesis("", extra={"system": "one"}), Hypothesis("y", extra={"system": "two"})), reference="r"
    )
    assert [nbest.reference for nbest in join_systems({"one": {"a": "x"}})] == [None]
    assert join_systems({}) == []


@pytest.mark.parametrize(
    ("two", "references", "message"),
    [
        ({"a": "x"}, None, r"System 'two' has no utterance 'b' \(and 1 more\)"),
        ({"a": "", "b": "", "c": "", "d": ""}, None, "System 'one' has no utterance 'd'"),
        ({"a": "", "b": "", "c": ""}, {"a": "", "c": ""}, "The reference file has no utterance 'b'"),
        ({"a": "", "b": "", "c": ""}, dict.fromkeys("abcde", ""), r"System 'one' has no utterance 'd' \(and 1 more\)"),
    ],
)
def test_systems_need_the_same_ids(two: dict[str, str], references: dict[str, str] | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        join_systems({"one": {"a": "x", "b": "y", "c": "z"}, "two": two}, references)


def test_references_from_elsewhere() -> None:
    lists = attach_references(RECORDS, {"b": "blue", "a": "new"})
    assert [(nbest.id, nbest.reference) for nbest in lists] == [("a", "new"), ("b", "blue")]
    with pytest.raises(
        InputError, match=r"The reference file has no utterance 'b'\. References go by the ids of lists"
    ):
        attach_references(RECORDS, {"a": "x"})
    with pytest.raises(InputError, match=r"no utterance 'a' \(and 1 more\)\. It has 'c' instead\. References go by"):
        attach_references(RECORDS, {"c": "x"})
    with pytest.raises(InputError, match="The list file has no utterance 'c'"):
        attach_references(RECORDS, {"a": "x", "b": "y", "c": "z"})


@pytest.mark.parametrize("name", ["mon/talk", "calls/mon/talk.wav", "calls/mon/talk", "talk.wav", "talk"])
def test_references_of_recordings(name: str) -> None:
    lists = {"mon/talk/0001": "calls/mon/talk.wav", "mon/other/0000": "calls/mon/other.wav"}
    joined = join_references(lists, [name, "mon/other/0000", "spare"])
    assert joined.own == {"mon/talk/0001": name, "mon/other/0000": "mon/other/0000"}
    assert (joined.whole, joined.without, joined.unused) == ({}, (), ("spare",))
    parts = join_references(lists | {"mon/talk/0003": "calls/mon/talk.wav"}, [name])
    assert (parts.own, parts.whole) == ({}, {name: ("mon/talk/0001", "mon/talk/0003")})


def test_references_of_recordings_without_audio() -> None:
    assert join_references({"a/0000": "", "b-0001": ""}, ["a", "b"]).own == {"a/0000": "a", "b-0001": "b"}
    assert join_references({"1": "", "a": ""}, ["1.wav", "b"]).own == {}


def test_a_reference_is_never_that_of_another_recording() -> None:
    same = {"mon/a/0000": "mon/a.wav", "tue/a/0000": "tue/a.wav"}
    assert join_references(same, ["a"]) == Joined({}, tuple(same), ("a",))
    assert join_references(same | {"a/0000": "a.wav"}, ["a"]).own == {"a/0000": "a"}
    one = {"a/0000": "a.wav", "a/0001": "a.wav"}
    assert join_references(one, ["a", "a/0000"]) == Joined({"a/0000": ("a/0000",)}, ("a/0001",), ("a",))
    assert join_references({"a/0000": None, "b/0000": None}, ["a", "b/0000"]).own == {"b/0000": "b/0000"}


def test_references_of_recordings_with_several_lists_are_refused() -> None:
    lists = [NBest(f"{name}/{i:04d}", (Hypothesis("x"),)) for name in ("talk", "call") for i in range(3)]
    message = (
        r"'talk' \(and 1 more recordings\) is of a whole recording, .* 3 lists\. .*\('talk/0000' …\).*ger score REF HYP"
    )
    with pytest.raises(InputError, match=message):
        attach_references(lists, {"talk": "x", "call": "y"})
    with pytest.raises(InputError, match="'talk' is of a whole recording"):
        join_systems({"one": {nbest.id: "x" for nbest in lists[:3]}}, {"talk": "x"})


def test_systems_with_references_of_recordings() -> None:
    lists = join_systems(
        {"one": {"a/0000": "x", "b/0000": "y"}, "two": {"a/0000": "x", "b/0000": ""}}, {"b": "r", "a": "s"}
    )
    assert [(nbest.id, nbest.reference) for nbest in lists] == [("b/0000", "r"), ("a/0000", "s")]


AUDIO = "is audio or video, and what a recognizer has written is needed here. Recognize it first: ger transcribe"


@pytest.mark.parametrize("read", [lambda path: list(read_lists(path)), read_texts, lambda path: list(read_nbest(path))])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.mp3", b"\xff\xfb\x90"),
        ("a.flac", b"x"),
        ("a", b"fLaC\0\0\0\x22"),
        ("a.txt", b"\0\0\0\x20ftypM4A \n"),
        ("a.jsonl", b"RIFF\x24\0\0\0WAVEfmt "),
    ],
)
def test_audio_is_told_as_such(tmp_path: Path, read: Any, name: str, content: bytes) -> None:
    with pytest.raises(InputError, match=rf"/{name} {AUDIO}"):
        read(written(tmp_path / name, content))
