"""The rules of the guard, one by one, on answers as language models give them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ger.correct.clean import cleaned
from ger.correct.guard import RULES, Guard
from ger.correct.guarded import Guarded
from ger.correct.recorded import Recorded
from ger.errors import UsageError
from ger.lm.edits import propose
from ger.protocols import Answer
from ger.types import Context, Hypothesis, NBest, Word

SAID = "we should leave the harbour before the storm comes in"


def nbest(*texts: str, **rest: object) -> NBest:
    return NBest("u", tuple(map(Hypothesis, texts)), **rest)  # type: ignore[arg-type]


def rule(answer: str, *texts: str, guard: Guard | None = None, **rest: object) -> str | None:
    found = (guard or Guard()).check(answer, nbest(*(texts or (SAID,)), **rest))
    return found.rule if found else None


@pytest.mark.parametrize(
    "answer",
    [
        SAID,
        "we should leave the harbor before the storm comes in",
        "you should leave the harbour before the storm came in",
        "We should leave the harbour, before the storm comes in.",
        "we should leave the harbour before the storm comes",
    ],
)
def test_good_answers_pass(answer: str) -> None:
    assert rule(answer) is None


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ("", "empty"),
        (" … ", "empty"),
        ("<hypotheses> we should leave the harbour before the storm comes in", "echo"),
        ("hypothesis 1: we should leave the harbour before the storm comes in", "echo"),
        ("I'm sorry, but I cannot help with leaving the harbour before the storm", "reply"),
        ("that is a good plan, how many people are aboard?", "reply"),
        ("we should leave we should leave we should leave we should leave the harbour", "repetition"),
        ("we should leave the гавань before the storm comes in", "script"),
        ("leave before the storm", "length"),
        (f"{SAID} and then we will sail on to the next port of the coast", "length"),
        ("we could live the arbour be for this thorn come sin", "distance"),
    ],
)
def test_each_rule(answer: str, wanted: str) -> None:
    assert rule(answer) == wanted
    assert rule(answer, guard=Guard(off=RULES)) is None


def test_a_reason_is_a_sentence_with_the_rule() -> None:
    found = Guard().check("hurry hurry hurry hurry hurry up", nbest("hurry hurry up"))
    assert str(found) == "repetition: 'hurry' is said 5 times in a row"


def test_what_a_hypothesis_says_is_never_refused() -> None:
    texts = ("no no no no no", "Sure, hypothesis 1", "да", "")
    for text in texts:
        assert Guard().check(text, nbest(*texts)) is None


def test_the_instruction_comes_back() -> None:
    guard = Guard(instructions=("Write only what was said in the recording.",))
    assert rule(f"write only what was said: {SAID}", guard=guard) == "echo"
    heard = "please write only what was said in the minutes"
    assert rule("please write only what was said in the minute", heard, guard=guard) is None


def test_beginnings_of_replies_are_no_replies_when_they_were_said() -> None:
    assert rule("sure I can come at nine tomorrow", "sure I can come at nine to morrow") is None
    assert rule("sure I will come at nine", "shore I will come at nine") is None
    assert rule("here is the corrected text I will come at nine", "I will come at mine") == "reply"


def test_loops_that_were_heard_may_be_said() -> None:
    assert rule("no no no no no stop it", "no no no no no stopped") is None
    assert rule("bang bang bang", "bang bank bang") is None  # three times is no loop


def test_scripts_without_spaces() -> None:
    assert rule("今天天气很好我们去公园", "今天天汽很好我们去公园") is None
    assert rule("今天今天今天今天今天", "今天天气很好") == "repetition"
    assert rule("きょうはとてもいい天気です", "今日はとてもいい天気です") is None
    assert rule("今天天气很 good 我们去公园", "今天天气很好我们去公园") == "script"


def test_a_hotword_may_bring_its_script() -> None:
    said = "we meet at the cafe today", "we meet at the café Нева today"
    assert rule(said[1], said[0]) == "script"
    assert rule(said[1], said[0], context=Context(hotwords=("Нева",))) is None


def test_silence() -> None:
    assert rule("", "") is None
    assert rule("thank you so much for watching", "") == "length"
    assert rule("thank you", "") == "length"  # nothing was heard
    assert Guard().check("", nbest()) is None


# Edits


def refused(base: str, answer: str, *others: str) -> list[str]:
    sheet = propose(nbest(base, *others), Answer(answer))
    found = (Guard().check_edit(sheet, change) for change in sheet.changes)
    return [refusal.rule for refusal in found if refusal]


def test_numbers() -> None:
    assert refused("it costs fifteen pounds", "it costs fifty pounds") == ["numbers"]
    assert refused("it costs 15 pounds", "it costs 16 pounds") == ["numbers"]
    assert refused("it costs fifteen pounds", "it costs fifty pounds", "it cost fifty pounds") == []
    assert refused("it costs twenty five pounds", "it costs 25 pounds") == []
    assert refused("some one has been here and is gone", "someone has been here and is agone") == []


def test_negation() -> None:
    assert refused("you can go", "you can't go") == ["negation"]
    assert refused("you can not go", "you can go") == ["negation"]
    assert refused("you can go", "you can't go", "you can't know") == []
    assert refused("you do not know", "you don't know") == []
    assert refused("我去学校", "我不去学校") == ["negation"]
    assert refused("das ist ein Haus", "das ist kein Haus") == ["negation"]


def test_only_the_edit_is_refused() -> None:
    base, answer = "he owns too horses and fifteen cows", "he owned two horses and fifteen cows"
    sheet = propose(nbest(base), Answer(answer))
    assert [Guard().check_edit(sheet, change) is not None for change in sheet.changes] == [True]
    other = propose(nbest("the man bought fifteen cows yesterday"), Answer("a man bought fifty cows yesterday"))
    assert [Guard().check_edit(other, change) is not None for change in other.changes] == [False, True]


# Cleaning


@pytest.mark.parametrize(
    "answer",
    [
        "Sure, here is the corrected text: the cat sat down",
        'Corrected transcript: "the cat sat down"',
        "**the cat sat down**",
        "```\nthe cat sat down\n```",
        "```text\nthe cat sat down",
        "1. the cat sat down",
        "the cat sat down<|im_end|>",
        "<s> the cat sat down </s>",
        "the cat sat down\n\nNote: I changed 'hat' to 'cat'.",
        "Here you go:\n\n“the cat sat down”\n",
        "  the cat\tsat down ",
    ],
)
def test_what_models_put_around_an_answer(answer: str) -> None:
    assert cleaned(answer, ["the hat sat down"]) == "the cat sat down"


@pytest.mark.parametrize("text", ["he said: come in", '"come in" she said', "note: the door", "1. januar", "a: b: c"])
def test_what_was_said_stays(text: str) -> None:
    assert cleaned(text, [text]) == text
    assert cleaned(f"{text} now", [text]) == f"{text} now"


def test_cleaning_leaves_nothing_of_nothing() -> None:
    assert cleaned("", ["the cat"]) == ""
    assert cleaned("<|im_end|>", ["the cat"]) == ""
    assert cleaned("  some  words ", []) == "some words"


@given(st.text(max_size=40), st.text(min_size=1, max_size=40))
def test_cleaning_only_takes_away(answer: str, text: str) -> None:
    done = cleaned(answer, [text])
    assert "".join(done.split()) in "".join(answer.replace("<|im_end|>", "").split()) or not done


def test_the_written_form_of_the_list() -> None:
    heard = nbest("THE HAT SAT DOWN", "THE CAT SAT TOWN")
    assert Guard().clean("The cat sat down.", heard) == "THE CAT SAT DOWN"
    assert Guard(style=False).clean("The cat sat down.", heard) == "The cat sat down."


@pytest.mark.parametrize(
    "limits", [{"alike": 2}, {"longest": 0.5}, {"slack": -1}, {"repeats": 1}, {"off": ("repetitions",)}]
)
def test_limits_out_of_range(limits: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Guard(**limits)  # type: ignore[arg-type]


def test_the_signature_tells_every_limit() -> None:
    assert Guard().signature == "guard:alike=0.4,changed=0.6,length=0.5-1.5,slack=3,repeats=4,sure=0.99"
    assert Guard(style=False, off=("numbers",)).signature.endswith("sure=0.99,style=off,numbers=off")


def test_what_the_recognizer_is_sure_of_stays_where_there_is_no_list() -> None:
    said = (("the", 1.0), ("hat", 0.4), ("he", 1.0), ("sat", 0.995), ("on", 1.0))
    words = tuple(Word(text, confidence=sure) for text, sure in said)
    alone = NBest("u", (Hypothesis("the hat he sat on", words=words),))
    answer = "the cat he sang on"
    made = Guarded(Recorded({"u": answer})).correct([alone])[0]
    assert made.text == "the cat he sat on"
    assert "guard: sure: the recognizer is sure of 'sat'" in made.reason
    listed = replace(alone, hypotheses=(*alone.hypotheses, Hypothesis("the bat he sat on")))
    unknown = NBest("u", (Hypothesis("the hat he sat on"),))
    for nbest, guard in ((listed, Guard()), (unknown, Guard()), (alone, Guard.behind(trained=True))):
        assert Guarded(Recorded({"u": answer}), guard).correct([nbest])[0].text == answer
