"""The cascade: the 1-best through an instruction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_cli import call
from typer.testing import Result

import ger
from ger import prompting
from ger.api import settings
from ger.correct.cascade import Cascade
from ger.errors import ModelError, UsageError
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


def test_without_an_answer_there_is_no_text() -> None:
    def broken(prompt: str) -> str:
        raise ModelError("The server refuses.", "Ask it why.")

    cut = (Answer("A field is", finished=False),)
    for answer, reason in (
        (broken, "The server refuses. Ask it why."),
        (lambda _: " ", "the answer is empty"),
        (lambda _: cut, "the answer did not end within 512 tokens: give the prompt a larger max_tokens"),
    ):
        (made,) = cascade(ScriptedLM(answer=answer), "summarize").correct([LIST])  # type: ignore[arg-type]
        assert (made.decision, made.text, made.words, made.reason) == ("failed", "", (), reason)
    (silent,) = cascade(ScriptedLM(), "summarize").correct([NBest("u", (Hypothesis("…"),))])
    assert (silent.decision, silent.text) == ("kept", "")


def test_a_prompt_says_how_long_its_answer_may_become(tmp_path: Path) -> None:
    content = prompting.content_of("summarize")[0].decode()
    (tmp_path / "minutes.toml").write_text(f"max_tokens = 2000\n{content}")
    lm = ScriptedLM(answer=lambda _: "Minutes.")
    cascade(lm, str(tmp_path / "minutes.toml")).correct([LIST])
    assert lm.prompted[0][0].max_tokens == 2000


@pytest.mark.parametrize(
    ("prompt", "number", "message"),
    [
        ("summarize", "0", "'max_tokens' is 0. Use 1 or more."),
        ("summarize", "'x'", "'max_tokens' is 'x'. Use a whole number."),
        ("cascade-correct", "500", "how long a transcript may become, the list says. Leave out max_tokens"),
    ],
)
def test_lengths_that_no_answer_may_have(prompt: str, number: str, message: str) -> None:
    content = prompting.content_of(prompt)[0].decode()
    with pytest.raises(UsageError, match=message):
        prompting.parse(f"max_tokens = {number}\n{content}".encode(), "mine.toml")


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


def summarized(talk: Path, monkeypatch: pytest.MonkeyPatch, answer: Any, *options: object) -> Result:
    monkeypatch.setattr("ger.settings.load", lambda spec, options: ScriptedLM(answer=lambda _: answer))
    return call("correct", talk, "--mode", "cascade", "--prompt", "summarize", *options)


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    path = tmp_path / "talk.srt"
    path.write_text("1\n00:00:01,000 --> 00:00:02,000\nso the field\n")
    return path


def test_a_run_without_a_summary_fails(tmp_path: Path, talk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = (Answer("A field is", finished=False),)
    for _ in range(2):  # it is not done, so it is tried again
        result = summarized(talk, monkeypatch, cut, "-o", tmp_path / "out", "-f", "txt")
        assert result.exit_code == 1
        assert "Error: talk: the answer did not end within 512 tokens" in result.stderr
        assert (tmp_path / "out" / "talk.txt").read_text() == ""
    result = summarized(talk, monkeypatch, "A field.")
    assert (result.exit_code, result.stdout) == (0, "A field.\n")


@pytest.mark.parametrize("option", ["--in-place", "--diff", "--changes=c.jsonl", "--output-format=same"])
def test_a_summary_takes_no_place_in_a_document(talk: Path, monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    result = summarized(talk, monkeypatch, "A field.", option)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "a whole recording cannot take the place of its segments. Leave out --in-place" in result.stderr


def test_prompts_for_whole_recordings_need_them(talk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = call("correct", talk, "--prompt", "summarize")
    assert (made.exit_code, made.stdout) == (2, "")
    assert "The prompt 'summarize' reads whole recordings. Use --mode cascade." in made.stderr
    write_records(talk.with_suffix(".jsonl"), [LIST])
    whole = ("--mode", "cascade", "--prompt", "summarize")
    alone = "The prompt 'summarize' reads whole recordings, and here is each list by itself."
    for result in (
        call("rescore", talk.with_suffix(".jsonl"), *whole),
        call("correct", "-", "--format", "jsonl", *whole, stdin=""),
    ):
        assert (result.exit_code, result.stdout) == (2, "")
        assert alone in result.stderr
        assert "Give files to 'ger correct --mode cascade'." in result.stderr
    with pytest.raises(UsageError, match=alone):
        ger.Corrector.from_profile(mode="cascade", prompt="summarize")
