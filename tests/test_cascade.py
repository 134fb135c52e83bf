"""The cascade: the 1-best through an instruction."""

from __future__ import annotations

from pathlib import Path

import pytest

from ger import prompting
from ger.api import settings
from ger.correct.cascade import Cascade
from ger.errors import UsageError
from ger.io.inputs import expand
from ger.io.jsonl import write_records
from ger.lm.generation import Generation
from ger.pipeline import Pipeline
from ger.protocols import Answer, Corrector
from ger.testing import ScriptedLM
from ger.types import AudioSpan, Hypothesis, NBest, Word

LIST = NBest(
    "u1", (Hypothesis("sew the field", words=(Word("sew", 0, 1),)), Hypothesis("sow the field"), Hypothesis("so"))
)


def cascade(lm: ScriptedLM, prompt: str = "cascade-correct") -> Cascade:
    return Cascade(lm, Generation(), prompting.load(prompt))


def test_the_model_reads_the_1best_only() -> None:
    for prompt in ("cascade-correct", "h2t"):
        lm = ScriptedLM(answer=lambda _: "sow the field")
        made = cascade(lm, prompt)
        assert isinstance(made, Corrector)
        assert made.signature.startswith(f"cascade:prompt={prompt}@")
        (correction,) = made.correct([LIST])
        asked = lm.prompted[0][0]
        assert "sew the field" in str(asked.prompt)
        assert "sow" not in str(asked.prompt).replace("</text>", "")
        assert asked.drafts == ("sew the field",)
        assert (correction.decision, correction.text) == ("reranked", "sow the field")
        assert correction.hypotheses == LIST.hypotheses


def test_answers_are_handled_as_in_generation() -> None:
    (kept,) = cascade(ScriptedLM(answer=lambda _: "<text>\nSew the field.\n</text>")).correct([LIST])
    assert (kept.decision, kept.text) == ("kept", "sew the field")
    cut = (Answer("sew the", finished=False),)
    assert cascade(ScriptedLM(answer=lambda _: cut)).correct([LIST])[0].decision == "rejected"
    assert cascade(ScriptedLM(answer=lambda _: "x")).correct([NBest("u", ())])[0].reason == "nothing was said"


def test_an_instruction_for_something_else() -> None:
    lm = ScriptedLM(answer=lambda _: "A field\nis to be sown.")
    (made,) = cascade(lm, "summarize").correct([LIST])
    assert (made.decision, made.text, made.words, made.edits) == ("rewritten", "A field is to be sown.", (), ())
    assert lm.prompted[0][0].max_tokens >= 64
    (same,) = cascade(ScriptedLM(answer=lambda _: "sew the field"), "summarize").correct([LIST])
    assert same.decision == "rewritten"  # a summary may be as long as what was said
    (empty,) = cascade(ScriptedLM(answer=lambda _: " "), "summarize").correct([LIST])
    assert (empty.decision, empty.text) == ("rejected", "")
    cut = (Answer("A field is", finished=False),)
    (unfinished,) = cascade(ScriptedLM(answer=lambda _: cut), "summarize").correct([LIST])
    assert (unfinished.decision, unfinished.text) == ("rejected", "")  # the 1-best is no summary
    assert "did not end within" in unfinished.reason


@pytest.mark.parametrize("decoding", ["choice", "nearest", "words"])
def test_decodings_that_need_a_list(decoding: str) -> None:
    with pytest.raises(UsageError, match=f"A cascade reads one text, decoding '{decoding}' needs a list"):
        Cascade(ScriptedLM(), Generation(decoding=decoding), prompting.load("cascade-correct"))  # type: ignore[arg-type]


def pipeline(prompt: str, monkeypatch: pytest.MonkeyPatch, lm: ScriptedLM) -> Pipeline:
    monkeypatch.setattr("ger.settings.load", lambda spec, options: lm)
    return Pipeline(settings(mode="cascade", prompt=prompt))


def test_a_recording_is_summarized_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lists = [
        NBest("u1", (Hypothesis("we sow"), Hypothesis("we sew")), AudioSpan("talk.wav", 0, 2)),
        NBest("u2", (Hypothesis("then we rest"),), AudioSpan("talk.wav", 3, 5)),
    ]
    write_records(tmp_path / "talk.jsonl", lists)
    lm = ScriptedLM(answer=lambda _: "Sowing and rest.")
    (result,) = pipeline("summarize", monkeypatch, lm).run(expand([str(tmp_path / "talk.jsonl")]).inputs)
    assert result.recording is not None
    (made,) = result.recording.corrections
    assert (made.id, made.text, made.decision) == ("talk", "Sowing and rest.", "rewritten")
    assert (made.audio, made.signature.count("cascade:prompt=summarize@")) == (AudioSpan("talk.wav", 0, 5), 1)
    assert "we sow then we rest" in str(lm.prompted[0][0].prompt)
    assert "sew" not in str(lm.prompted[0][0].prompt)
    assert len(result.lists) == 2


def test_a_prompt_may_ask_for_several_hypotheses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_records(tmp_path / "ask.jsonl", [NBest("u", (Hypothesis("what is a see"), Hypothesis("what is a sea")))])
    lm = ScriptedLM(answer=lambda _: "A lot of water.")
    (result,) = pipeline("answer", monkeypatch, lm).run(expand([str(tmp_path / "ask.jsonl")]).inputs)
    assert result.recording is not None
    assert result.recording.text == "A lot of water."
    assert "1. what is a see\n2. what is a sea\n" in str(lm.prompted[0][0].prompt[-1].text)  # type: ignore[union-attr]


def test_transcripts_are_of_utterances() -> None:
    content = prompting.content_of("cascade-correct")[0]
    with pytest.raises(UsageError, match="a transcript of a whole recording has no utterances"):
        prompting.parse(b'scope = "recording"\n' + content, "mine.toml")
