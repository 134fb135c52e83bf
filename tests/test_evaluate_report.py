"""What is read, put together and reported."""

import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ger.errors import DependencyError, InputError, RecordError, UnknownNameError, UsageError
from ger.evaluate import Item, read_items, report
from ger.evaluate.align import aligned, alignments
from ger.io.jsonl import write_records
from ger.types import AudioSpan, Correction, Hypothesis, NBest


def nbest(key: str, reference: str | None, *texts: str, **rest: Any) -> NBest:
    return NBest(key, tuple(map(Hypothesis, texts)), reference=reference, **rest)


LISTS = [
    nbest("a", "we met at noon", "we met it noon", "we met at noon", meta={"domain": "talk", "take": 1}),
    nbest("b", "call me later", "call me later", "tall me later", meta={"domain": "phone", "take": 2}),
    nbest("c", "yes of course", "yes of coarse", "yes off coarse", meta={"domain": "talk"}),
    nbest("d", "so it is", "so is it", "so it was"),
]
CHOSEN = {"a": "we met at noon", "b": "tall me later", "c": "yes off coarse", "d": "so it was"}


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    write_records(tmp_path / "lists.jsonl", LISTS)
    return tmp_path / "lists.jsonl"


@pytest.fixture
def corrections(tmp_path: Path) -> Path:
    path = tmp_path / "out.jsonl"
    write_records(path, [Correction.of(item, CHOSEN[item.id], "reranked") for item in LISTS])
    return path


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "hyp.tsv"
    path.write_text("".join(f"{key}\t{text}\n" for key, text in CHOSEN.items()))
    return path


def test_corrections_are_compared_with_their_first_hypothesis(corrections: Path) -> None:
    made = report(read_items(corrections))
    value = made.to_json()
    # By hand: 13 words; a 0 errors (was 1), b 1 (was 0), c 2 (was 1), d 1 (was 2).
    assert value["n"] == 4
    assert value["words"] == 13
    assert value["edits"] == {"sub": 4, "del": 0, "ins": 0}
    assert value["wer"] == pytest.approx(100 * 4 / 13)
    assert value["baseline_wer"] == pytest.approx(100 * 4 / 13)
    assert value["oracle_wer"] == pytest.approx(100 * 2 / 13)
    assert value["compositional_oracle"] == pytest.approx(100 * 1 / 13)
    assert (value["changed"], value["helped"], value["harmed"]) == (4, 2, 2)
    assert value["harmful_edit_rate"] == 0.5
    assert value["p_value"] == 1
    assert value["relative_improvement"] == value["oracle_gap_closed"] == 0
    assert json.loads(json.dumps(value)) == value


def test_lists_count_by_their_first_hypothesis(lists: Path) -> None:
    value = report(read_items(lists)).to_json()
    assert value["wer"] == value["baseline_wer"]
    assert value["changed"] == 0
    assert "harmful_edit_rate" not in value
    assert "against" not in value


def test_texts_with_lists_as_references(lists: Path, texts: Path, corrections: Path) -> None:
    assert report(read_items(lists, texts)).to_json() == report(read_items(corrections)).to_json()


def test_texts_alone_have_no_oracle(lists: Path, texts: Path, tmp_path: Path) -> None:
    references = tmp_path / "ref.tsv"
    references.write_text("".join(f"{item.id}\t{item.reference}\n" for item in LISTS))
    value = report(read_items(references, texts)).to_json()
    assert not {"oracle_wer", "baseline_wer", "p_value", "by"} & set(value)
    assert report(read_items(references, lists)).to_json()["oracle_wer"] == pytest.approx(100 * 2 / 13)


def test_a_second_system(lists: Path, corrections: Path) -> None:
    made = report(read_items(lists, corrections, against=lists))
    against = made.to_json()["against"]
    assert against["wer"] == pytest.approx(100 * 4 / 13)
    assert (against["changed"], against["helped"], against["harmed"]) == (4, 2, 2)
    assert "Against" in made.render()


def test_improvement_and_gap() -> None:
    items = [
        Item("1", "one two three four", "one two three for", ("one too three for", "one two three four")),
        Item("2", "five six", "five six", ("fife six", "five six")),
    ]
    value = report(items).to_json()
    assert value["relative_improvement"] == pytest.approx(100 * 2 / 3)
    assert value["oracle_gap_closed"] == pytest.approx(100 * 2 / 3)
    assert value["difference_ci"][1] <= 0


def test_groups_add_up(corrections: Path) -> None:
    made = report(read_items(corrections, by="meta.domain"))
    assert list(made.by) == ["(none)", "phone", "talk"]
    assert sum(group.counts.errors for group in made.by.values()) == made.counts.errors
    assert sum(group.utterances for group in made.by.values()) == 4
    assert made.to_json()["by"]["phone"]["wer"] == pytest.approx(100 / 3)
    assert "phone" in made.render()
    assert list(report(read_items(corrections, by="meta.take")).by) == ["(none)", "1", "2"]


def test_an_unknown_field_is_told_with_those_there_are(corrections: Path, texts: Path) -> None:
    with pytest.raises(UsageError, match=r"'meta.dom'.*decision.*meta.domain"):
        read_items(corrections, by="meta.dom")
    with pytest.raises(UsageError, match="come with records"):
        read_items(texts, texts, by="language")


def test_an_id_that_is_missing_is_named(lists: Path, tmp_path: Path) -> None:
    path = tmp_path / "hyp.tsv"
    path.write_text("a\twe met\nb\tcall me\n")
    with pytest.raises(InputError, match=r"hyp.tsv has no utterance 'c' and 1 more of .*lists.jsonl \(2 utterances, 4"):
        read_items(lists, path)
    path.write_text("".join(f"{key}\tx\n" for key in "abcde"))
    with pytest.raises(InputError, match=r"lists.jsonl has no utterance 'e' of .*hyp.tsv"):
        read_items(lists, path)
    with pytest.raises(InputError, match=r"lists.jsonl has no utterance 'e'"):
        read_items(lists, lists, against=path)


def test_records_without_reference(tmp_path: Path) -> None:
    write_records(tmp_path / "l.jsonl", [nbest("a", "yes", "yes"), nbest("b", None, "no")])
    with pytest.raises(RecordError, match=r"l.jsonl: 'b' has no reference.*REF HYP"):
        read_items(tmp_path / "l.jsonl")


def test_texts_alone_are_not_enough(texts: Path) -> None:
    with pytest.raises(UsageError, match=r"hyp.tsv holds texts alone. Give two files"):
        read_items(texts)


def test_references_of_recordings(tmp_path: Path) -> None:
    """The parts of a recording are one text, in order of time; nothing is said then about lists."""
    made = [
        nbest("b/0000", None, "call me", "tall me", audio=AudioSpan("in/b.wav", 0.0, 1.0), language="en"),
        nbest("a/0001", None, "at new", "at noon", audio=AudioSpan("in/a.wav", 2.0, 3.0), language="en"),
        nbest("a/0000", None, "we met", audio=AudioSpan("in/a.wav", 0.0, 1.0), language="en"),
    ]
    lists, texts, references = tmp_path / "l.jsonl", tmp_path / "h.txt", tmp_path / "r.tsv"
    write_records(lists, made)
    references.write_text("a\twe met at noon\nb\tcall me\n")
    texts.write_text("a/0000 we met\na/0001 at noon\nb/0000 call\n")  # as `ger correct -f kaldi` writes them
    items = read_items(references, lists, against=texts, by="language")
    assert [(item.id, item.hypothesis, item.against) for item in items] == [
        ("a", "we met at new", "we met at noon"),
        ("b", "call me", "call"),
    ]
    assert {(item.group, item.hypotheses) for item in items} == {("en", None)}
    write_records(lists, [made[0], made[2]])
    value = report(read_items(references, lists)).to_json()
    assert (value["n"], value["edits"]["del"]) == (2, 2)
    assert "oracle_wer" in value
    references.write_text("a\tx\nb\ty\nc\tz\n")
    with pytest.raises(InputError, match=r"l.jsonl has no utterance 'c' of .*r.tsv .*those of whole recordings"):
        read_items(references, lists)


def test_plain_text_beside_what_is_of_one_recording(tmp_path: Path) -> None:
    text, cues, lists, line = (tmp_path / name for name in ("ref.txt", "talk.srt", "talk.jsonl", "line.txt"))
    text.write_text("So we met\nat noon\n\nand left\n")
    cues.write_text(
        "1\n00:00:01,000 --> 00:00:02,000\nSo we met at\n\n2\n00:00:02,000 --> 00:00:03,000\nnew and left\n"
    )
    write_records(lists, [nbest("talk/0000", None, "So we"), nbest("talk/0001", None, "met at noon and left")])
    line.write_text("So we met at noon and left")
    for hypothesis, errors in ((cues, 1), (lists, 0), (line, 0)):
        for pair in ((text, hypothesis), (hypothesis, text)) if hypothesis != lists else ((text, hypothesis),):
            made = report(read_items(*pair))
            assert (made.utterances, made.counts.errors, made.counts.total) == (1, errors, 7)
    assert report(read_items(text, cues, against=lists)).to_json()["against"]["wer"] == 0
    more = tmp_path / "more.txt"
    more.write_text("So we\nmet at noon and left\n")
    with pytest.raises(
        InputError, match=r"more\.txt has no utterance '3' and 1 more.* Lines without ids are compared one"
    ):
        read_items(text, more)
    keyed = tmp_path / "keyed.tsv"
    keyed.write_text("other\tSo we met\nthird\tat noon\n")
    with pytest.raises(InputError, match=r"talk\.srt has no utterance 'other' and 1 more"):
        read_items(keyed, cues)


def test_other_kinds_of_files(tmp_path: Path) -> None:
    lines = tmp_path / "ref.txt"
    lines.write_text("good day\nyes yes\n")
    answers = tmp_path / "answers.jsonl"
    answers.write_text('{"id": "1", "text": "good day"}\n{"id": "2", "text": "yes"}\n')
    assert report(read_items(lines, answers)).counts.deletions == 1
    indented = tmp_path / "lists.json"
    indented.write_text(json.dumps([{"input": ["good day", "good"], "output": "good day"}], indent=1))
    assert report(read_items(indented)).oracle == 0
    kaldi = tmp_path / "kaldi"
    kaldi.write_text("one good day\ntwo yes\n")
    assert report(read_items(kaldi, kaldi, ids=True)).counts.total == 3
    assert report(read_items(kaldi, kaldi, ids=False)).counts.total == 5


def test_standard_input_is_read_once(lists: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lists.read_bytes())))
    assert report(read_items("-")).utterances == 4
    with pytest.raises(UsageError, match="only once"):
        read_items("-", "-")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing.txt cannot be read: No such file"):
        read_items(tmp_path / "nothing.txt")


def test_nothing_to_score() -> None:
    with pytest.raises(InputError, match="hold no words"):
        report([])
    with pytest.raises(InputError, match="hold no words"):
        report([Item("a", "", "something")])


def test_one_silent_utterance_counts_its_insertions() -> None:
    made = report([Item("a", "", "uh"), Item("b", "yes", "yes")])
    assert made.counts.insertions == 1
    assert made.wer == 100


def test_a_group_without_words_has_no_rate() -> None:
    made = report([Item("a", "", "uh", group="silence"), Item("b", "yes", "yes", group="speech")])
    assert "wer" not in made.to_json()["by"]["silence"]
    assert "wer_ci" not in made.to_json()["by"]["silence"]
    assert "nan" in made.render()


def test_lists_without_hypotheses_count_as_silence() -> None:
    value = report([Item("a", "yes", "", ()), Item("b", "no", "no", ("no",))]).to_json()
    assert value["oracle_wer"] == value["baseline_wer"] == 50


def test_a_list_or_a_second_text_is_known_of_all_utterances_or_of_none() -> None:
    listed, plain = Item("a", "yes", "yes", ("yes",)), Item("b", "no", "now")
    with pytest.raises(InputError, match=r"'b' has no list, others have one\."):
        report([listed, plain, Item("c", "no", "now")])
    with pytest.raises(InputError, match=r"'a' has no second text, others have one\."):
        report([replace(plain, id="a"), replace(plain, against="")])
    assert report([plain, plain]).baseline is None
    assert report([replace(listed, hypotheses=()), listed]).oracle == 1


def test_metrics(lists: Path) -> None:
    items = read_items(lists)
    assert set(report(items, metrics=["cer"]).to_json()) == {
        *("signature", "n", "words", "cer", "characters", "character_errors")
    }
    assert "cer" not in report(items, metrics=["wer"]).to_json()
    assert "CER" not in report(items, metrics=["wer"]).render()
    with pytest.raises(UnknownNameError, match=r"no metric called 'mer'. Did you mean 'wer'"):
        report(items, metrics=["wer", "mer"])
    with pytest.raises(UsageError, match="Known: wer, cer"):
        report(items, metrics=[])


def test_the_normalizer_is_applied_and_signed() -> None:
    items = [Item("a", "Hello, World", "hello world")]
    assert report(items).wer == 100
    made = report(items, normalizer="basic")
    assert made.wer == made.cer == 0
    assert "normalizer:basic" in made.signature
    assert report(items).wer_words == 0
    with pytest.raises(UnknownNameError, match="basics"):
        report(items, normalizer="basics")


def test_whisper_english_is_signed_with_its_version() -> None:
    pytest.importorskip("whisper_normalizer")
    items = [Item("a", "It's twenty dollars", "it is $20")]
    made = report(items, normalizer="whisper-english")
    assert made.wer == 0
    assert "normalizer:whisper-english-0." in made.signature


def test_whisper_english_needs_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    from ger.text import normalize

    normalize._load_whisper_english.cache_clear()
    monkeypatch.setitem(sys.modules, "whisper_normalizer.english", None)
    with pytest.raises(DependencyError, match=r"pip install 'ger-asr\[evaluate\]'"):
        report([Item("a", "b", "c")], normalizer="whisper-english")


def test_render_shows_kinds_of_errors(corrections: Path) -> None:
    text = report([*read_items(corrections), Item("e", "d c", "dc", ("dc",))]).render()
    assert "2 abbreviations and spelled letters, 4 recognition" in text
    assert "4 changed, 2 helped, 2 harmed, harmful 50.0 %" in text
    assert text.endswith(f"version:{__import__('ger').__version__}\n")
    assert "no errors" in report([Item("a", "b", "b", ("b",))]).render()


def test_words_stand_under_words() -> None:
    assert aligned("the black cat sat there", "the cat sit there now") == (
        "REF:  the black cat sat there ***\nHYP:  the ***** cat sit there now\nEVAL:     D         S         I"
    )
    assert aligned("你 好", "你") == "REF:  你 好\nHYP:  你 **\nEVAL:    D"


def test_long_lines_are_cut_into_blocks() -> None:
    shown = aligned("one two three four", "one two three for", width=20)
    assert shown.split("\n\n")[1] == "REF:  four\nHYP:  for\nEVAL: S"
    assert max(map(len, shown.splitlines())) <= 20


def test_only_utterances_with_errors_are_shown() -> None:
    items = [Item("u1", "a b", "a b"), Item("u2", "a b", "a")]
    assert [text.splitlines()[0] for text in alignments(items, str)] == ["u2 (#C 1 #S 0 #D 1 #I 0)"]


def test_one_utterance_has_no_interval() -> None:
    made = report([Item("a", "so it goes", "so it went", hypotheses=("so he goes",))])
    assert "wer_ci" not in made.to_json()
    assert "difference_ci" not in made.to_json()
    assert made.render().count("no interval") == 2
