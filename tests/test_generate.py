"""Generation: what a model is asked, and what becomes of its answer. The model is scripted, so every case is there."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ger import prompting
from ger.correct.factories import generator, hybrid
from ger.correct.generate import Generator
from ger.correct.heard import heard
from ger.correct.shots import Examples, read_examples
from ger.correct.slots import near, slots
from ger.correct.style import styled
from ger.errors import InputError, ModelError, UsageError
from ger.lm.generation import GENERATOR, Generation
from ger.lm.profile import Profile
from ger.protocols import Answer, Corrector, GenerateRequest
from ger.testing import ScriptedLM
from ger.types import Context, Correction, Edit, Hypothesis, NBest, Word


def nbest(*texts: str, id: str = "u1", **rest: Any) -> NBest:
    return NBest(id, tuple(Hypothesis(text, score=-1.0 - i) for i, text in enumerate(texts)), **rest)


def says(text: str, **rest: Any) -> ScriptedLM:
    return ScriptedLM(answer=lambda prompt: (Answer(text, **rest),))


def corrected(lm: ScriptedLM, given: NBest, prompt: str = "h2t-nbest", **how: Any) -> Correction:
    (made,) = Generator(lm, Generation(**how), prompting.load(prompt)).correct([given])
    return made


LIST = nbest("sew the field", "sow the field", "so the feel")


# What becomes of an answer


def test_is_a_corrector() -> None:
    made = Generator(ScriptedLM(), Generation(task="asr"), prompting.load("h2t"))
    assert isinstance(made, Corrector)
    assert made.signature == (
        f"generate:prompt=h2t@{prompting.load('h2t').hash},decoding=free,beams=1,task=asr,scripted-lm"
    )
    assert made.correct([]) == []


def test_the_1best_is_kept_however_it_is_spelled() -> None:
    made = corrected(says("Sew the field.", score=-2.0, least=-1.5), LIST)
    assert (made.decision, made.text) == ("kept", "sew the field")
    assert made.scores == {"generator": -2.0, "least": -1.5}
    assert not made.edits


def test_another_hypothesis_as_it_is_listed() -> None:
    words = (Word("Sow", 0.0, 0.5), Word("the", 0.5, 0.7), Word("field", 0.7, 1.0))
    given = NBest("u", (Hypothesis("sew the field"), Hypothesis("Sow the field", words=words)))
    made = corrected(says("sow the FIELD"), given)
    assert (made.decision, made.text, made.words) == ("reranked", "Sow the field", words)
    assert made.edits == (Edit("sew", "Sow"),)
    assert made.reason == "the model wrote hypothesis 2"


def test_a_new_text_in_the_spelling_of_the_list() -> None:
    words = (Word("SEW", 0.0, 0.5), Word("THE", 0.5, 0.75), Word("FIELD", 0.75, 1.0))
    given = NBest("u", (Hypothesis("SEW THE FIELD", words=words),), reference="x", meta={"a": 1})
    made = corrected(says("Sew the fields."), given)
    assert (made.decision, made.text) == ("rewritten", "SEW THE FIELDS")
    assert [word.text for word in made.words] == ["SEW", "THE", "FIELDS"]
    assert made.words[0] == words[0]
    assert made.edits == (Edit("FIELD", "FIELDS", 0.75, 1.0),)
    assert (made.reference, made.meta, made.hypotheses) == ("x", {"a": 1}, given.hypotheses)


@pytest.mark.parametrize(
    ("answer", "prompt", "reason"),
    [
        (Answer("sow the", finished=False, score=-3.0), "h2t-nbest", r"the answer did not end within \d+ tokens"),
        (Answer(" \n"), "h2t-nbest", "the answer is empty"),
        (Answer("…!"), "h2t-nbest", r"the answer is not of the expected kind: '…!'"),
        (Answer("the second one " * 9), "h2t-choice", "the answer is not of the expected kind: 'the second .*…"),
        (Answer("9"), "h2t-choice", "the answer is not of the expected kind: '9'"),
        (Answer("sow"), "h2t-json", "the answer is not of the expected kind: 'sow'"),
    ],
)
def test_what_is_no_answer_is_rejected(answer: Answer, prompt: str, reason: str) -> None:
    made = corrected(ScriptedLM(answer=lambda _: (answer,)), LIST, prompt)
    assert (made.decision, made.text) == ("rejected", "sew the field")
    assert re.match(reason, made.reason)
    assert made.scores == ({"generator": -3.0} if answer.score else {})


def test_a_model_without_chat_template_goes_on_after_its_answer() -> None:
    going = Answer(" sow the field\n\nHeard: a\nHeard: b\nSaid", finished=False)
    assert corrected(ScriptedLM(answer=lambda _: (going,)), LIST, "h2t-plain").text == "sow the field"
    assert corrected(ScriptedLM(answer=lambda _: (going,)), LIST, "h2t-nbest").decision == "rejected"


def test_what_was_not_said_is_not_asked_about() -> None:
    lm = says("hello")
    generator = Generator(lm, Generation(), prompting.load("h2t"))
    made = generator.correct([nbest(), nbest("", "<UNK>"), nbest("..."), nbest("hallo")])
    assert [(c.decision, c.text) for c in made[:3]] == [("kept", ""), ("kept", ""), ("kept", "...")]
    assert {c.reason for c in made[:3]} == {"nothing was said"}
    assert made[3].text == "hello"
    assert [len(call) for call in lm.prompted] == [1]


def test_an_unspoken_1best_falls_to_what_the_model_wrote() -> None:
    made = corrected(says("hallo"), nbest("", "hallo"))
    assert (made.decision, made.text) == ("reranked", "hallo")


# What the model is asked


def request(given: NBest, prompt: str = "h2t", **how: Any) -> GenerateRequest:
    lm = says("x y z")
    corrected(lm, given, prompt, **how)
    return lm.prompted[0][0]


def test_the_hypotheses_are_drafts_as_the_answer_would_begin() -> None:
    given = nbest("a\tb", "a b", 'say "c"')
    assert request(given).drafts == ("a b", 'say "c"')
    assert request(given).prompt == 'a b\nsay "c"\n=\n'
    assert request(given, "h2t-choice").drafts == ("1", "2")
    assert request(given, "h2t-json").drafts == ('{"text": "a b"}', '{"text": "say \\"c\\""}')
    assert request(given, "h2t-1best").drafts == ("a b",)
    assert request(given, "summarize").drafts == ()


def test_an_answer_is_cut_well_behind_the_longest_hypothesis() -> None:
    long = "word " * 40
    assert request(nbest("a", long)).max_tokens == 16 + math.ceil(1.5 * 199 / 3)
    assert request(nbest("日本語")).max_tokens == 16 + math.ceil(1.5 * 9 / 3)
    assert request(nbest("\ud800 a")).max_tokens > 16
    assert request(nbest(long), "h2t-choice").max_tokens < 16


def test_beams_and_task() -> None:
    asked = request(LIST, beams=4, task="wsj")
    assert asked.beams == 4
    assert asked.prompt == "Task: wsj\nsew the field\nsow the field\nso the feel\n=\n"


def test_choices() -> None:
    assert request(LIST, decoding="choice").choices == ("sew the field", "sow the field", "so the feel")
    assert request(LIST, "h2t-choice", decoding="choice").choices == ("1", "2", "3")
    made = corrected(says("2"), LIST, "h2t-choice", decoding="choice")
    assert (made.decision, made.text) == ("reranked", "sow the field")
    quoted = nbest("good day", '"2. good day"')
    assert corrected(says('"2. good day"'), quoted, decoding="choice").text == '"2. good day"'


def test_one_hypothesis_leaves_no_choice() -> None:
    for decoding in ("choice", "nearest"):
        lm = says("hello")
        made = corrected(lm, nbest("hallo", "hallo"), decoding=decoding)
        assert (made.decision, made.reason, lm.prompted) == ("kept", "only one hypothesis", [])


def test_nearest() -> None:
    def nearest(answer: str) -> str:
        return corrected(says(answer), LIST, decoding="nearest").text

    assert nearest("Sow a field, now!") == "sow the field"
    assert nearest("the feel") == "so the feel"
    assert nearest("mow the field") == "sew the field"  # as near as the second: the better one
    assert nearest("nothing of it") == "sew the field"


def test_words() -> None:
    given = nbest("call jon smith", "call john smyth", context=Context(("Jon Smyth",)))
    asked = request(given, decoding="words")
    assert asked.slots[0] == ("call",)
    assert "Jon Smyth" in asked.slots[1]
    made = corrected(says("call Jon Smyth"), given, decoding="words")
    assert (made.decision, made.text) == ("rewritten", "call Jon Smyth".lower())


@pytest.mark.parametrize(
    ("prompt", "decoding", "said"),
    [
        ("context", "free", "asks for nothing"),
        ("h2t-choice", "words", "asks for a number, decoding by words writes text"),
        ("h2t-json", "words", "asks for a json"),
        ("summarize", "nearest", "is no transcript"),
    ],
)
def test_prompts_that_do_not_go_with_the_decoding(prompt: str, decoding: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Generator(ScriptedLM(), Generation(decoding=decoding), prompting.load(prompt))


# What goes wrong


class Short(ScriptedLM):
    """Cannot read prompts that hold the word `long`, and breaks the whole batch for it."""

    def generate(self, requests: Sequence[GenerateRequest]) -> list[tuple[Answer, ...]]:
        made = super().generate(requests)
        if any("long" in str(request.prompt) for request in requests):
            raise ModelError("too long for its context.", "Use shorter segments.")
        return made


def test_only_the_lists_fail_that_must() -> None:
    lm = Short(answer=lambda prompt: prompt.splitlines()[1])
    lists = [nbest(f"{'long ' if i in (3, 10) else ''}a{i}", f"b{i}", id=f"u{i}") for i in range(16)]
    made = Generator(lm, Generation(), prompting.load("h2t")).correct(lists)
    assert [c.id for c in made] == [nbest.id for nbest in lists]
    assert [i for i, c in enumerate(made) if c.decision == "failed"] == [3, 10]
    assert (made[3].text, made[3].reason) == ("long a3", "too long for its context. Use shorter segments.")
    assert [c.text for i, c in enumerate(made) if i not in (3, 10)] == [f"b{i}" for i in range(16) if i not in (3, 10)]


def test_a_model_that_always_fails() -> None:
    def broken(prompt: str) -> str:
        raise ModelError("Broken.")

    made = Generator(ScriptedLM(answer=broken), Generation(), prompting.load("h2t")).correct([LIST, LIST])
    assert [(c.decision, c.text) for c in made] == [("failed", "sew the field")] * 2


# Translations


GERMAN = replace(nbest("Guten Tag", "Guten Tach"), language="en", task="translate", target="de")


def test_lists_of_translations_are_asked_about_as_such() -> None:
    lm = ScriptedLM(answer=lambda _: "Guten Tag")
    made = generator(lm, Generation())
    assert [c.id for c in made.correct([LIST, GERMAN])] == [LIST.id, GERMAN.id]
    said, translated = (str(request.prompt) for request in lm.prompted[0])
    assert "You write down what was said" in said
    assert "You translate what was said from English into German" in translated
    assert f"translations=h2tt-nbest@{prompting.load('h2tt-nbest').hash}" in made.signature
    lm = ScriptedLM(answer=lambda _: "Guten Tag")
    generator(lm, Generation(prompt="h2t-nbest")).correct([GERMAN])
    assert "You write down" in str(lm.prompted[0][0].prompt)  # what is named is used


def test_a_prompt_for_translations_needs_a_target() -> None:
    lm = ScriptedLM(answer=lambda _: "Guten Tag")
    refused, made = Generator(lm, Generation(), prompting.load("h2tt-nbest")).correct([LIST, GERMAN])
    assert (refused.decision, refused.text) == ("failed", "sew the field")
    assert refused.reason.startswith("The prompt 'h2tt-nbest' is for translations, and the list has no target language")
    assert (made.decision, len(lm.prompted[0])) == ("kept", 1)
    (untold,) = generator(ScriptedLM(), Generation()).correct([replace(GERMAN, target=None)])
    assert untold.decision == "failed"
    both = hybrid({GENERATOR: ScriptedLM()}, Profile({}, generation=Generation(prompt="h2tt-nbest")))
    assert [c.decision for c in both.correct([LIST])] == ["failed"]


# For rescoring what was generated


def test_what_the_model_writes() -> None:
    two = (Answer("Sow the fields.", score=-1.0), Answer("cut", finished=False), Answer(" "))
    generator = Generator(ScriptedLM(answer=lambda _: two), Generation(beams=3), prompting.load("h2t"))
    assert generator.write([LIST, nbest(), nbest("SEW THE FIELDS")]) == [["sow the fields"], [], ["SOW THE FIELDS"]]
    assert generator.write([nbest("")]) == [[]]
    assert generator.write([]) == []


def test_what_the_model_thinks_of_texts() -> None:
    class Judge(ScriptedLM):
        def generate(self, requests: Sequence[GenerateRequest]) -> list[tuple[Answer, ...]]:
            self.prompted.append(list(requests))
            return [tuple(Answer(text, score=-float(len(text))) for text in sorted(r.choices)) for r in requests]

    lm = Judge()
    generator = Generator(lm, Generation(), prompting.load("h2t"))
    assert generator.judge([LIST], [["sow the  field", "so", "so"]]) == [[-13.0, -2.0, -2.0]]
    (asked,) = lm.prompted[0]
    assert (asked.choices, asked.beams, asked.drafts) == (("sow the field", "so"), 2, ())
    assert generator.judge([], []) == []
    silent = Generator(ScriptedLM(answer=lambda _: (Answer("so"),)), Generation(), prompting.load("h2t"))
    with pytest.raises(ModelError, match="gives no scores"):
        silent.judge([LIST], [["so"]])


# The spelling of the list


@pytest.mark.parametrize(
    ("answer", "texts", "expected"),
    [
        ("Go home now.", ["GO HOME NO"], "GO HOME NOW"),
        ("Go HOME, now!", ["go home no"], "go home now"),
        ("Go home, now!", ["Go home no", "go home nao"], "Go home now"),
        ("Go home, now!", ["Go home, no."], "Go home, now!"),
        ("go home Mr. Smith", ["Go home, mister smith."], "Go home, Mr. smith."),
        ("it's twenty-one O'Clock", ["its twenty one clock"], "it's twenty-one o'clock"),
        ("it costs $5 & 10% (now)", ["it costs five"], "it costs $5 & 10% now"),
        ("“…” yes", ["jess"], "yes"),
        ("今日は。", ["昨日は"], "今日は"),
        ("новый дом", ["НОВЫ ДОМ"], "НОВЫЙ ДОМ"),
        ("new", [], "new"),
        ("", ["a"], ""),
    ],
)
def test_styled(answer: str, texts: list[str], expected: str) -> None:
    assert styled(answer, texts) == expected


# Slots


def test_slots_take_the_words_that_were_heard_in_their_order() -> None:
    made = slots(["show me fairs to boston", "show me fares to austin", "show fares to boston"])
    assert made == (("show",), ("me", ""), ("fairs", "fares"), ("to",), ("boston", "austin"))
    assert slots([]) == ()


def test_hotwords_stand_where_something_like_them_was_heard() -> None:
    made = slots(["play qantus airways on my blue tooth"], ["Qantas", "Bluetooth", "Zanzibar", "on"])
    assert made == (("play",), ("qantus", "Qantas"), ("airways",), ("on",), ("my",), ("blue tooth", "Bluetooth"))


def test_hotwords_over_places_where_hypotheses_differ() -> None:
    made = slots(["ask jon smyth now", "ask john smith now"], ["Jon Smith", "John Smyth"])
    assert made[1] == ("jon smyth", "jon smith", "john smyth", "john smith", "John Smyth", "Jon Smith")
    assert made[0], made[2] == (("ask",), ("now",))


@pytest.mark.parametrize(
    ("hotword", "heard", "expected"),
    [
        ("Qantas", "qantus", True),
        ("Knight", "night", True),
        ("Phoenix", "fenix", True),
        ("Bluetooth", "blue tooth", True),
        ("Boston", "banana", False),
        ("at", "to", False),
        ("Zanzibar", "", False),
        ("…", "a", False),
        ("Москва", "москве", True),
    ],
)
def test_near(hotword: str, heard: str, expected: bool) -> None:
    assert bool(near(hotword, heard)) is expected


# Examples


POOL = [
    nbest("show flights to bostin", id="1", reference="show flights to boston"),
    nbest("whats the whether", id="2", reference="what's the weather"),
    nbest("show flights to denver", id="3", reference="show flights to Denver"),
    nbest("play music", id="4", reference="play music"),
    nbest("no reference", id="5"),
    nbest("", id="6", reference="nothing heard"),
]


def chosen(given: NBest, count: int, select: Any) -> list[str]:
    (found,) = Examples(POOL, count, select).choose([given])
    return [shot.id for shot in found]


def test_fixed_random_and_nearest_examples() -> None:
    asked = nbest("show flight to boston", id="u")
    assert chosen(asked, 2, "fixed") == ["1", "2"]
    assert chosen(asked, 9, "fixed") == ["1", "2", "3", "4"]
    assert chosen(asked, 2, "nearest") == ["3", "1"]  # the nearest one last
    drawn = {tuple(chosen(nbest("a", id=str(i)), 2, "random")) for i in range(30, 60)}
    assert len(drawn) > 5
    assert chosen(asked, 2, "random") == chosen(nbest("other words", id="u"), 2, "random")


@pytest.mark.parametrize("select", ["fixed", "random", "nearest"])
def test_never_the_list_itself(select: str) -> None:
    assert "1" not in chosen(nbest("show flights to bostin", id="1"), 9, select)
    same = chosen(nbest("show flights to bostin", id="u", reference="Show flights to Boston."), 9, select)
    assert sorted(same) == ["2", "3", "4"]


def test_examples_are_shown_and_signed() -> None:
    lm = says("x")
    generator = Generator(lm, Generation(), prompting.load("h2t"), Examples(POOL, 1, "fixed"))
    generator.correct([nbest("hallo", id="u")])
    assert lm.prompted[0][0].prompt == "show flights to bostin\n=\nshow flights to boston\n\nhallo\n=\n"
    assert f"shots={Examples(POOL, 1, 'fixed').signature}," in generator.signature
    assert Examples(POOL, 1, "fixed").signature != Examples(POOL[1:], 1, "fixed").signature
    assert Examples(POOL, 1, "fixed").signature.startswith("1 fixed of ")


def test_examples_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "lists.jsonl"
    path.write_text('{"id": "a", "hypotheses": [{"text": "hallo"}], "reference": "hello"}\n')
    (shots,) = read_examples(path, 3).choose([LIST])
    assert [shot.reference for shot in shots] == ["hello"]
    path.write_text('{"id": "a", "hypotheses": [{"text": "hallo"}]}\n')
    with pytest.raises(UsageError, match=r"lists\.jsonl: None of the examples has a reference"):
        read_examples(path, 3)
    with pytest.raises(InputError, match="cannot be read"):
        read_examples(tmp_path / "no.jsonl", 3)


# What could have been misheard


@pytest.mark.parametrize(
    ("answer", "texts", "expected"),
    [
        ("please write me a letter", ["stop the music"], "stop the music"),
        ("sow the fields", ["sew the field"], "sow the fields"),
        ("sow the field of gold", ["sew the field"], "sow the field"),
        ("please stop the musik now", ["stop the music now"], "stop the musik now"),
        ("the old musik", ["stop this old music", "the old music", "music"], "the old musik"),
        ("write me a letter", ["stop this music", "stop me a music"], "stop this music"),
        ("it is a house", ["it is house"], "it is a house"),
        ("the train leaves into station", ["the trane leaves in to station"], "the train leaves into station"),
        ("日本の首都は東京", ["日本の首都はどこですか"], "日本の首都はどこですか"),
        ("what is two plus two four", ["what is two plus two"], "what is two plus two"),
        ("you reply now", ["from now on you reply now"], "from now on you reply now"),
    ],
)
def test_heard(answer: str, texts: list[str], expected: str) -> None:
    assert heard(answer, texts) == expected


def test_what_is_unlike_what_was_heard_is_rejected() -> None:
    made = corrected(says("Sure! The field is ready.", score=-4.0), nbest("who sowed"))
    assert (made.decision, made.text, made.scores) == ("rejected", "who sowed", {"generator": -4.0})
    assert made.reason == "what the model wrote is unlike what was heard"
    verbatim = Generator(says("Sure! The field."), Generation(), prompting.load("h2t"), verbatim=True)
    assert verbatim.correct([nbest("who sowed")])[0].text == "Sure! The field."
