"""Several systems' documents of one recording: aligned, spelled alike, trusted by agreement, voted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_cli import call

from ger.correct.combine import Combiner, trust
from ger.errors import InputError
from ger.io.documents import Document, read_document
from ger.io.documents.systems import combined
from ger.types import Hypothesis, NBest

SAID = ["so the ship was cheaper in Lisbon than here", "and nobody there knew why the old price had held"]


def ctm(*texts: str, pause: float = 2.0, shift: float = 0.0) -> str:
    """Words half a second long, a pause between texts."""
    rows, at = [], shift
    for text in texts:
        for word in text.split():
            rows.append(f"call A {at:.2f} 0.50 {word} 0.90")
            at += 0.5
        at += pause
    return "\n".join(rows) + "\n"


def nlp(*texts: str) -> str:
    rows = ["token|speaker|ts|endTs|punctuation|case|tags"]
    return "\n".join(rows + [f"{word}|1|||||" for text in texts for word in text.split()]) + "\n"


def document(text: str, name: str = "call.ctm") -> Document:
    return read_document(name, raw=text.encode())


def test_words_of_others_go_to_the_passage_where_they_are_said() -> None:
    base = document(ctm("so the sheep was cheaper in lisbon", "and nobody new why"))
    other = document(ctm("So the ship was cheaper, in Lisbon than", "here. And nobody knew", shift=0.2))
    first, second = combined({"base": base, "other": other}, "call")
    assert [h.extra["system"] for h in first.nbest.hypotheses] == ["base", "other"]
    assert first.nbest.hypotheses[1].text == "so the ship was cheaper in lisbon than"
    assert second.nbest.hypotheses[1].text == "here and nobody knew"
    assert second.nbest.hypotheses[1].words[2].start == pytest.approx(7.2)


def test_without_times_the_alignment_decides() -> None:
    base = document(ctm("so the sheep was cheaper in lisbon", "and nobody new why"))
    other = document(nlp("So the ship was cheaper in Lisbon", "and nobody knew why"), "call.nlp")
    first, second = combined({"base": base, "other": other})
    assert first.nbest.hypotheses[1].text == "so the ship was cheaper in lisbon"
    assert second.nbest.hypotheses[1].text == "and nobody knew why"


def test_others_are_written_as_the_first_one_is() -> None:
    base = document(ctm("SO THE SHEEP"))
    assert combined({"a": base, "b": document(ctm("so, the ship."))})[0].nbest.hypotheses[1].text == "SO THE SHIP"
    mixed = document(ctm("So, the sheep."))
    assert combined({"a": mixed, "b": document(ctm("so the Ship"))})[0].nbest.hypotheses[1].text == "So, the Ship"
    silent = document(ctm("so", "the"))
    assert [p.nbest.hypotheses[1].text for p in combined({"a": silent, "b": document(ctm(""))})] == ["", ""]


def rows(texts: dict[str, tuple[str, ...]]) -> str:
    """Texts of several recordings, or channels of one, each stretch 20 seconds behind the one before."""
    made = []
    for owner, said in texts.items():
        for i, text in enumerate(said):
            made += [f"{owner} {20 * i + 0.5 * k:.2f} 0.50 {word}" for k, word in enumerate(text.split())]
    return "\n".join(made) + "\n"


@pytest.mark.parametrize("owners", [("r1 A", "r2 A"), ("r1 A", "r1 B")])
def test_recordings_and_channels_are_aligned_each_by_itself(owners: tuple[str, str]) -> None:
    def made(*texts: str) -> Document:
        return document(rows({owners[0]: texts[:2], owners[1]: texts[2:]}))

    said = ("good day there", "and bye", "one new price", "for all of it")
    heard = ("good day their", "and by", "one knew price", "for all of it")
    found = combined({"a": made(*heard), "b": made(*said), "c": made(*said)})
    assert [[h.text for h in passage.nbest.hypotheses] for passage in found] == [
        [first, second, second] for first, second in zip(heard, said, strict=True)
    ]


def test_files_of_other_recordings_are_refused() -> None:
    both, one = document(rows({"r1 A": ("a",), "r2 A": ("b",)})), document(ctm("a"))
    for systems in ({"x": both, "y": one}, {"y": one, "x": both}):
        with pytest.raises(InputError, match=r"Recordings of '[xy]' are missing in the output of '[xy]': (r1|call)"):
            combined(systems)
    assert combined({"x": document(rows({"r1 A": ("a",)})), "y": one})[0].nbest.hypotheses[1].text == "a"
    ours, theirs = ({f"r1 {channel}": ("a",) for channel in channels} for channels in ("AB", "12"))
    with pytest.raises(InputError, match=r"Channels of the recording are called A, B by 'x' and 1, 2 by 'y'"):
        combined({"x": document(rows(ours)), "y": document(rows(theirs))})


def test_who_often_disagrees_is_trusted_less() -> None:
    def nbest(i: int) -> NBest:
        texts = {"a": f"one two three {i}", "b": f"one two three {i}", "c": f"one too free {i}"}
        return NBest(str(i), tuple(Hypothesis(text, extra={"system": name}) for name, text in texts.items()))

    weights = trust([nbest(i) for i in range(20)], Combiner("rover"))
    assert weights["a"] == weights["b"] > 3 * weights["c"]
    assert sum(weights.values()) == pytest.approx(3)


def test_three_systems_correct_each_other_in_the_format_of_the_first(tmp_path: Path) -> None:
    texts = {
        "a": ("so the sheep was cheaper in lisbon than here", "and nobody there new why the old price had held"),
        "b": ("so the ship was cheaper in listen than here", "and nobody there knew why the old prize had held"),
        "c": ("so the ship was cheaper in lisbon then here", "and nobody their knew why the old price had held"),
    }
    for name, said in texts.items():
        (tmp_path / f"{name}.ctm").write_text(ctm(*said), "utf-8")
    systems = [part for name in texts for part in ("--system", f"{name}={tmp_path / name}.ctm")]
    result = call("correct", *systems, "-o", tmp_path / "out", "--changes", tmp_path / "changes.jsonl")
    assert result.exit_code == 0, result.stderr
    made = read_document(tmp_path / "out" / "a.ctm")
    assert " ".join(unit.text for unit in made.units) == " ".join(SAID).lower()
    assert (tmp_path / "out" / "a.ctm").read_text("utf-8").count("\n") == (tmp_path / "a.ctm").read_text().count("\n")
    changed = [json.loads(row) for row in (tmp_path / "changes.jsonl").read_text("utf-8").splitlines()]
    assert [(row["before"], row["after"]) for row in changed] == [("sheep", "ship"), ("new", "knew")]
    twice = call("correct", *systems, "--system", f"a={tmp_path / 'b.ctm'}")
    assert (twice.exit_code, "one file each" in twice.stderr) == (2, True)
