"""Several systems' documents of one recording: aligned, spelled alike, trusted by agreement, voted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_cli import call

from ger.correct.combine import Combiner, trust
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
