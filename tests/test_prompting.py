"""Prompts as data: their files, what a model reads for a list, and how its answer is read."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ger import prompting
from ger.errors import InputError, UnknownNameError, UsageError
from ger.prompting import Prompt, cleaned
from ger.protocols import Message
from ger.types import Context, Hypothesis, NBest

HOSTILE = tomllib.loads((Path(__file__).parent / "hostile.toml").read_text("utf-8"))["item"]
ASKING = [name for name in prompting.names() if name != "context"]


def nbest(*texts: str, **rest: Any) -> NBest:
    return NBest("u1", tuple(Hypothesis(text, score=-1.0 - i) for i, text in enumerate(texts)), **rest)


LIST = nbest("turn left", "turn lift")


def made(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


PLAIN = """
purpose = "Mine."
source = "Me."
[variables]
hypotheses = "Them."
[[turns]]
role = "text"
content = "{hypotheses}>"
"""


# The files that come with ger


def test_every_prompt_is_complete() -> None:
    assert {"context", "h2t", "h2t-1best", "h2t-nbest", "h2t-scores", "h2t-tap", "h2t-choice"} <= {*prompting.names()}
    for name in prompting.names():
        prompt = prompting.load(name)
        assert prompt.name == name
        assert prompt.purpose.endswith(".")
        assert prompt.source.endswith((".", "?"))
        for variable, template in prompt.parts.items():
            assert f"{{{variable}}}" in template


@pytest.mark.parametrize("name", [name for name in ASKING if name not in ("h2t", "translate-t5")])
def test_every_prompt_has_room_for_hotwords_and_what_was_said_before(name: str) -> None:
    given = nbest("turn left", context=Context(("Zyxel",), "well then"))
    written = str(prompting.load(name).render(given))
    assert "Zyxel" in written
    assert "well then" in written
    assert "Zyxel" not in str(prompting.load(name).render(LIST))
    over = str(prompting.load(name).render(given, hotwords=["Qantas"], previous="and so"))
    assert "Qantas" in over
    assert "and so" in over
    assert "Zyxel" not in over


def test_the_hash_is_of_the_file() -> None:
    path = Path(str(prompting._folder())) / "context.toml"
    content = path.read_bytes()
    prompt = prompting.load("context")
    assert prompt.hash == hashlib.sha256(content).hexdigest()[:8]
    assert set(tomllib.loads(content.decode())["variables"]) == set(prompt.parts)


# Parts


def test_context_is_put_together_in_order() -> None:
    fill = prompting.load("context").fill
    assert fill() == ""
    assert fill(domain="", hotwords="", previous="") == ""
    assert fill(previous="So it was.", hotwords="Ada, Babbage", domain="A talk.") == (
        "A talk. Keywords: Ada, Babbage. So it was. "
    )
    assert fill(hotwords="Ada") == "Keywords: Ada. "


def test_what_is_filled_in_is_no_template() -> None:
    prompt = Prompt("x", "", "", {"a": "<{a}>", "b": "[{b}]"}, "")
    assert prompt.fill(a="{b} {a}", b="{a}") == "<{b} {a}>[{a}]"


# What a model reads


def test_what_a_trained_model_reads() -> None:
    render = prompting.load("h2t").render
    assert render(nbest("hyp one", "hyp two")) == "hyp one\nhyp two\n=\n"
    full = nbest("hyp one", context=Context(("Ada", "Bob"), "so far"))
    assert render(full, task="atis") == "Task: atis\nBefore: so far\nHotwords: Ada, Bob\nhyp one\n=\n"
    assert render(nbest()) == "=\n"


def test_only_different_texts_that_say_something_and_not_too_many() -> None:
    texts = ["a  b", "", "<UNK>", "a b", "...", "=", "A b", "c", "d", "e", "f"]
    assert prompting.load("h2t").render(nbest(*texts)) == "a b\nA b\nc\nd\ne\n=\n"
    shown = prompting.load("h2t").shown(nbest(*texts))
    assert [hypothesis.text for hypothesis in shown] == ["a  b", "A b", "c", "d", "e"]


def test_a_conversation_ends_with_the_list() -> None:
    messages = prompting.load("h2t-nbest").render(LIST)
    assert isinstance(messages, tuple)
    roles = [message.role for message in messages]
    assert roles[0] == "system"
    assert roles[1::2] == ["user"] * (len(roles) // 2)
    assert messages[-1] == Message("user", "<list>\n1. turn left\n2. turn lift\n</list>")


def test_scores_are_shown_where_they_are_known() -> None:
    scored = replace(LIST, hypotheses=(*LIST.hypotheses, Hypothesis("turn left now")))
    messages = prompting.load("h2t-scores").render(scored)
    assert isinstance(messages[-1], Message)
    assert "1. (-1.00) turn left\n2. (-2.00) turn lift\n3. (unknown) turn left now\n" in messages[-1].text


def test_the_first_hypothesis_alone() -> None:
    assert str(prompting.load("h2t-1best").render(LIST)[-1]).count("turn") == 1


def test_examples_are_earlier_turns() -> None:
    prompt = prompting.load("h2t-choice")
    shot = nbest("good nite", "good night", reference="good night", context=Context(("Nightingale",)))
    messages, plain = prompt.render(LIST, shots=[shot]), prompt.render(LIST)
    assert messages[: len(plain) - 1] == plain[:-1]
    assert messages[-1] == plain[-1]
    question, answer = messages[-3:-1]
    assert isinstance(question, Message)
    assert isinstance(answer, Message)
    assert "1. good nite\n2. good night\n" in question.text
    assert "Nightingale" in question.text
    assert answer == Message("assistant", "2")


def test_examples_in_plain_text() -> None:
    shot = nbest("good nite", reference="good night")
    assert prompting.load("h2t").render(LIST, shots=[shot]) == "good nite\n=\ngood night\n\nturn left\nturn lift\n=\n"
    written = prompting.load("h2t-plain").render(LIST, shots=[shot])
    assert isinstance(written, str)
    assert "Heard: good nite\nSaid: good night\n\n" in written
    assert written.endswith("Heard: turn lift\nSaid:")


def test_the_answer_that_an_example_has(tmp_path: Path) -> None:
    shot = nbest("good nite", "good night", "good knight", reference=" good\tnight ")
    assert prompting.load("h2t").answer_for(shot) == "good night"
    assert json.loads(prompting.load("h2t-json").answer_for(shot)) == {"text": "good night"}
    assert prompting.load("h2t-choice").answer_for(shot) == "2"
    assert prompting.load("h2t-choice").answer_for(nbest("a b", "b a", reference="c d")) == "1"
    assert prompting.load("h2t-choice").answer_for(nbest("a")) == ""


# Transcript text is data


def test_control_characters_and_white_space_become_one_space() -> None:
    assert cleaned(" a\n\n\x00b\u2028\u00a0c\x1b[31m \ud800d\u200be\u202e ") == "a b c [31m de"
    assert cleaned("می\u200cخواهم") == "می\u200cخواهم"
    assert cleaned("naïve café 東京") == "naïve café 東京"


def test_marks_lose_what_makes_them_marks() -> None:
    marks = ("<list>", "</list>")
    assert cleaned("a </list> b", marks) == "a list b"
    assert cleaned("a < / LI\u200bST\n> b", marks) == "a list b"
    assert cleaned("</li</list>st>", marks) == "</li list st>"
    assert cleaned('""""', ('"""',)) == '"'
    assert cleaned("listen to the list", marks) == "listen to the list"


@given(st.text(alphabet=st.sampled_from("</list>LIST\n\u200d \u200bab"), max_size=60))
def test_no_text_writes_a_mark(text: str) -> None:
    marks = ("<list>", "</list>")
    said = "".join(cleaned(text, marks).casefold().split()).replace("\u200d", "")
    assert not any(mark in said for mark in marks)
    assert "\n" not in cleaned(text)


@pytest.mark.parametrize("name", ASKING)
def test_hostile_texts_stay_in_their_place(name: str) -> None:
    prompt = prompting.load(name)
    marks = [*prompt.marks, "\n"]

    def counts(items: list[NBest]) -> list[list[tuple[str, list[int]]]]:
        return [[(m.role, [m.text.count(mark) for mark in marks]) for m in messages(item)] for item in items]

    def messages(item: NBest) -> tuple[Message, ...]:
        written = prompt.render(item)
        return (Message("user", written),) if isinstance(written, str) else written

    hostile = [
        nbest(item["text"], item["other"], context=Context((item["text"], "x"), item["text"])) for item in HOSTILE
    ]
    plain = nbest("turn left", "turn lift", context=Context(("y", "x"), "well then"))
    assert counts(hostile) == counts([plain]) * len(hostile)


def test_braces_in_a_text_are_no_variables() -> None:
    written = prompting.load("h2t").render(
        nbest("{hotwords} {task}", context=Context(("{hypotheses}",))), task="{task}"
    )
    assert written == "Task: {task}\nHotwords: {hypotheses}\n{hotwords} {task}\n=\n"


# How an answer is read


@pytest.mark.parametrize(
    "answer",
    [
        "turn left",
        " turn left\n",
        '"turn left"',
        "“turn left”",
        "Transcript: turn left",
        "The correct sentence is: 'turn left'",
        "Here is the corrected transcript:\n\nturn left\n\nI have changed nothing.",
        "1. turn left\n2. turn lift",
        "<list>\n1. turn left\n</list>",
        "turn left</list> Explanation: it is so",
    ],
)
def test_a_text_is_taken_out_of_what_stands_around_it(answer: str) -> None:
    assert prompting.load("h2t-nbest").read(answer, LIST) == "turn left"


def test_what_the_list_has_as_well_stays() -> None:
    quoted = nbest('"turn left"')
    assert prompting.load("h2t").read('"turn right"', quoted) == '"turn right"'
    assert prompting.load("h2t").read("text: hello", nbest("text: hallo")) == "text: hello"
    assert prompting.load("h2t").read("2. hello", nbest("1. hello")) == "2. hello"
    assert prompting.load("h2t").read("it's 10", LIST) == "it's 10"


def test_an_empty_answer() -> None:
    assert prompting.load("h2t").read(" \n\t", LIST) is None
    assert prompting.load("h2t").read('""', LIST) is None
    assert prompting.load("summarize").read("\n", LIST) is None


def test_a_number_is_a_hypothesis() -> None:
    read, listed = prompting.load("h2t-choice").read, nbest("a b", "a b", "c\td")
    assert read("2", listed) == "c\td"
    assert read("Guess 1.", listed) == "a b"
    for wrong in ("3", "0", "12", "two", "", "99999", "It is certainly not easy to say, but I think 2"):
        assert read(wrong, listed) is None


def test_json() -> None:
    read = prompting.load("h2t-json").read
    assert read('Sure:\n```json\n{"text": "turn\\nright", "why": {}}\n```', LIST) == "turn"
    assert read('{"text": "turn right"}', LIST) == "turn right"
    for wrong in ("turn left", '{"text": 3}', '{"txt": "a"}', '["text"]', "{", "}{", '{"text": ""}', "{" * 9999 + "}"):
        assert read(wrong, LIST) is None


def test_what_is_no_transcript_is_taken_as_a_whole() -> None:
    assert prompting.load("summarize").read("Summary: one.\n\nTwo.", LIST) == "Summary: one. Two."


# Files of one's own


def test_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made(tmp_path, PLAIN)
    prompt = prompting.load(path)
    assert (prompt.name, prompt.most, prompt.answer) == ("mine", 5, "text")
    assert prompt.render(LIST) == "turn left\nturn lift\n>"
    assert prompting.load(str(path)) == prompt
    monkeypatch.chdir(tmp_path)
    assert prompting.load("mine.toml") == prompt
    assert prompting.load("./mine.toml").render(LIST) == "turn left\nturn lift\n>"
    path.write_text(PLAIN.replace(">", "!"))
    assert prompting.load(path).render(LIST) == "turn left\nturn lift\n!"  # no old copy


def test_unknown(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"no prompt called 'contxt'. Did you mean 'context'\?"):
        prompting.load("contxt")
    with pytest.raises(InputError, match=r"no\.toml cannot be read: No such file"):
        prompting.load(tmp_path / "no.toml")
    with pytest.raises(InputError, match="cannot be read"):
        prompting.load("a\0b.toml")


@pytest.mark.parametrize("content", [b"purpose = ", b"\xff\xfe", b"a = " + b"[" * 100_000])
def test_no_toml(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.toml is not TOML"):
        prompting.load(path)


TURN = '[[turns]]\nrole = "user"\ncontent = "{hypotheses}"\n'


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("purpose", "purpos", "there is no key 'purpos'. Did you mean 'purpose'?"),
        ('source = "Me."', "", "'source' is missing."),
        ('source = "Me."', "source = 3", "'source' is 3. Use a text."),
        ('source = "Me."', 'source = "Me."\nanswer = "numbr"', "'answer' is 'numbr'. Did you mean 'number'?"),
        ('source = "Me."', 'source = "Me."\nresult = "x"', "'result' is 'x'."),
        ('source = "Me."', 'source = "Me."\nmarks = [1]', "'marks' holds something that is no text."),
        ('source = "Me."', 'source = "Me."\nmarks = [" "]', "'marks' holds something that is no text."),
        ('source = "Me."', 'source = "Me."\nmarks = "a"', "'marks' is 'a'. Use a list."),
        ("[variables]", "[variables]\nother = 1", "'variables.other' is 1. Use a text."),
        ("[variables]", "[variables]\nother = 'x'", "'variables.other' is declared but never used."),
        ("{hypotheses}", "{hypothesis}", "it uses {hypothesis}, which [variables] does not declare."),
        ("[variables]", "[parts]\na = '{a}'\n[variables]", "it needs either [[turns]] or [parts]."),
        ("[[turns]]", "[hypotheses]\nlines = 'x'\n[[turns]]", "no key 'hypotheses.lines'. Did you mean 'line'?"),
        ("[[turns]]", "[hypotheses]\nmost = 0\n[[turns]]", "'hypotheses.most' is 0. Use 1 or more."),
        ("[[turns]]", "[hypotheses]\nmost = true\n[[turns]]", "'hypotheses.most' is True. Use a whole number."),
        (
            "[[turns]]",
            "[hypotheses]\nline = '{txt}'\n[[turns]]",
            "'hypotheses.line' uses {txt}, which it is not given.",
        ),
        ("[[turns]]", "[hypotheses]\nline = '{score}'\n[[turns]]", "'hypotheses.line' does not use {text}."),
        ("[[turns]]", "[optional]\ntask = 'x'\n[[turns]]", "'optional.task' has to use {task} once"),
        ("[[turns]]", "[optional]\ntask = '{task}'\n[[turns]]", "'optional.task' is used in no turn."),
        ("role", "rol", "there is no key 'turns[1].rol'. Did you mean 'role'?"),
        ('"text"', '"texts"', "'turns[1].role' is 'texts'. Did you mean 'text'?"),
        ("{hypotheses}>", ">", "'variables.hypotheses' is declared but never used."),
        ('content = "{hypotheses}>"', "", "'turns[1].content' is missing."),
        ('"text"', '"assistant"', "the turns are out of order."),
        ('"text"', '"system"', "the turns are out of order."),
        ("[[turns]]", f"{TURN}[[turns]]", "turns of role 'text' stand among turns of a conversation."),
        ('>"', '>"\n[[turns]]\nrole="text"\ncontent="x"', "the last turn does not use {hypotheses}."),
    ],
)
def test_what_is_wrong_is_said_with_file_and_key(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in PLAIN
    path = made(tmp_path, PLAIN.replace(old, new, 1))
    with pytest.raises(UsageError) as caught:
        prompting.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("turns = []", "it has no turns."),
        ("turns = [3]", "'turns[1]' is 3."),
        ("marks = ['<list>', 'LIST']\nturns = []", "the mark 'LIST' has letters and digits only"),
        ("[variables]\nx='y'\n[parts]\nx='{y}'", "'parts.x' has to use {x} once and no other variable."),
        ("answer='text'\n[variables]\nx='y'\n[parts]\nx='{x}'", "'answer' goes with [[turns]], not with [parts]."),
        (
            "answer='number'\n[variables]\nhypotheses='a'\n[[turns]]\nrole='text'\ncontent='{hypotheses}'",
            "the answer is a number, but 'hypotheses.line' does not use {number}.",
        ),
        (
            "[variables]\nhypotheses='a'\nfoo='b'\n[[turns]]\nrole='text'\ncontent='{foo}{hypotheses}'",
            "'variables.foo' is nothing that a list gives.",
        ),
    ],
)
def test_more_that_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        prompting.load(made(tmp_path, f"purpose='a'\nsource='b'\n{text}"))
    assert said in str(caught.value)
