"""Choosing among listed hypotheses with a scripted language model; every expected number is worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ger.correct.guarded import Guarded
from ger.correct.recorded import Recorded
from ger.correct.rescore import Rescorer
from ger.correct.running import Running
from ger.errors import ModelError, UsageError
from ger.lm.profile import DEFAULT, Profile, interpolation
from ger.lm.select import LmSpec
from ger.protocols import Answer, Corrector, GenerateRequest, LanguageModel, ScoreRequest
from ger.testing import ScriptedLM
from ger.types import Context, Correction, Edit, Hypothesis, NBest, Word


@dataclass
class Scripted:
    """Scores by a table, 0 where it has none; breaks on one text."""

    table: dict[str, float] = field(default_factory=dict)
    breaks_on: str | None = None
    seen: list[tuple[str, ...]] = field(default_factory=list)

    signature = "scripted"

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
        self.seen += [request.continuations for request in requests]
        if any(self.breaks_on in request.continuations for request in requests):
            raise ModelError("scripted: broke.", "Mend it.")
        return [[self.table.get(text, 0.0) for text in request.continuations] for request in requests]

    def generate(self, requests: Sequence[GenerateRequest]) -> list[tuple[Answer, ...]]:
        raise ModelError("scripted: does not write.")


def listed(*pairs: tuple[str, float | None], id: str = "u") -> NBest:
    return NBest(id, tuple(Hypothesis(text, score) for text, score in pairs))


def profile(weight: float = 0.5, **rest: Any) -> Profile:
    return Profile(interpolation(weight), (LmSpec(),), **({"form": "as-is"} | rest))


def rescorer(lm: dict[str, float] | Scripted, weight: float = 0.5, **rest: Any) -> Rescorer:
    return Rescorer({"lm": Scripted(lm) if isinstance(lm, dict) else lm}, profile(weight, **rest))


def test_is_a_corrector() -> None:
    made = rescorer({})
    assert isinstance(made, Corrector)
    assert isinstance(Scripted(), LanguageModel)
    assert made.signature.startswith("rescore:acoustic=0.5,lm=0.5,rank=")
    assert made.signature.endswith("lm=scripted")


PAIR = listed(("their", -1.0), ("there", -2.0))
TABLE = {"their": -14.0, "there": -10.0}


# there overtakes their where (1 - w) * -2 + w * -10 > (1 - w) * -1 + w * -14, so where 5 w > 1.
@pytest.mark.parametrize(
    ("weight", "text", "combined"),
    [(0.0, "their", -1.0), (0.1, "their", -2.3), (0.25, "there", -4.0), (0.5, "there", -6.0), (1.0, "there", -10.0)],
)
def test_arithmetic(weight: float, text: str, combined: float) -> None:
    (correction,) = rescorer(TABLE, weight).correct([PAIR])
    assert correction.text == text
    expected = {
        "acoustic": {"their": -1.0, "there": -2.0}[text],
        "lm": TABLE[text],
        "rank": 0.0,
        "repeats": 0.0,
        "biased": 0.0,
    }
    for name, value in expected.items():
        assert correction.scores.get(name, value) == value
    assert correction.scores["combined"] == pytest.approx(combined)
    assert correction.decision == ("kept" if text == "their" else "reranked")


def test_the_reason_says_by_how_much() -> None:
    (correction,) = rescorer(TABLE, 0.5).correct([PAIR])  # -6.0 against -7.5
    assert correction.reason == "hypothesis 2 is ahead by 1.50"
    assert correction.edits == (Edit("their", "there"),)


def test_ties_keep_the_earlier() -> None:
    ties = listed(("a", -3.0), ("b", -1.0), ("c", -1.0), ("d", -3.0))
    (correction,) = rescorer({"a": -1.0, "b": -3.0, "c": -3.0, "d": -1.0}, 0.5).correct([ties])
    assert (correction.text, correction.decision) == ("a", "kept")
    (correction,) = rescorer({"a": -2.0, "b": -3.0, "c": -3.0, "d": -2.0}, 0.5).correct([ties])
    assert correction.text == "b"


def test_acoustic_score_goes_before_score() -> None:
    hypotheses = (Hypothesis("a", -1.0, acoustic_score=-5.0), Hypothesis("b", -2.0, acoustic_score=-4.0))
    (correction,) = rescorer({}, 0.0).correct([NBest("u", hypotheses)])
    assert (correction.text, correction.scores["acoustic"]) == ("b", -4.0)


def test_kinds_of_scores_are_not_mixed() -> None:
    hypotheses = (Hypothesis("a", -1.0, acoustic_score=-50.0), Hypothesis("b", -2.0))
    (correction,) = rescorer({}, 0.0).correct([NBest("u", hypotheses)])
    assert (correction.text, correction.scores["acoustic"]) == ("a", -1.0)


def test_the_model_reads_the_form_and_the_user_gets_the_text() -> None:
    lm = Scripted({"I see the sea.": -1.0, "I see the see.": -9.0})
    (correction,) = rescorer(lm, form="sentence").correct([listed(("i see the see", -1.0), ("i see the sea", -2.0))])
    assert lm.seen == [("I see the see.", "I see the sea.")]
    assert correction.text == "i see the sea"


def test_words_are_carried_over() -> None:
    words = (Word("two", 1.0, 1.5, 0.9), Word("ships", 1.5, 2.5, 0.4))
    hypotheses = (Hypothesis("two ships", -1.0, words=words), Hypothesis("two sheep", -2.0))
    (correction,) = rescorer({"two ships": -9.0}).correct([NBest("u", hypotheses)])
    assert correction.words == (words[0], Word("sheep", 1.5, 2.5))
    assert correction.edits == (Edit("ships", "sheep", 1.5, 2.5),)


def test_own_words_go_before_carried_ones() -> None:
    own = (Word("two", 1.1, 1.2), Word("sheep", 1.3, 1.4))
    hypotheses = (Hypothesis("two ships", -1.0, words=(Word("two", 0, 1),)), Hypothesis("two sheep", -2.0, words=own))
    (correction,) = rescorer({"two ships": -9.0}).correct([NBest("u", hypotheses)])
    assert correction.words == own


@pytest.mark.parametrize(
    ("nbest", "reason"),
    [
        (listed(), "nothing was said"),
        (listed(("alone", -1.0)), "only one hypothesis"),
    ],
)
def test_nothing_to_rescore(nbest: NBest, reason: str) -> None:
    lm = Scripted()
    (correction,) = rescorer(lm).correct([nbest])
    assert (correction.text, correction.decision, correction.reason) == (nbest.best.text, "kept", reason)
    assert lm.seen == []


def test_without_scores_the_rank_stands_in() -> None:
    # rank: 0 and -ln 2 = -0.69, weighed five times as much as an acoustic score: 3.47
    for ahead, text in ((3.4, "a"), (3.5, "b")):
        lists = [listed(("a", None), ("b", None)), listed(("a", -1.0), ("b", None))]
        for correction in rescorer({"a": -5.0, "b": -5.0 + ahead}).correct(lists):
            assert correction.text == text


def test_posteriors_share_out_the_list() -> None:
    # combined scores ln 6, ln 3, ln 1 at temperature 1: 0.6, 0.3, 0.1; the same words written otherwise count together
    lists = listed(("six", 2 * math.log(6)), ("three", 2 * math.log(3)), ("Six.", 0.0))
    (correction,) = rescorer({}).correct([lists])
    assert correction.scores["posterior"] == pytest.approx(0.7)
    (correction,) = rescorer({}, temperature=1e6).correct([lists])
    assert correction.scores["posterior"] == pytest.approx(2 / 3, abs=1e-3)


class Listening(Scripted):
    """Keeps what was read before each list."""

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
        self.prefixes = [*getattr(self, "prefixes", []), [request.prefix for request in requests]]
        return super().score(requests)


def test_context_is_read_before_the_hypotheses() -> None:
    lm = Listening()
    told = replace(PAIR, context=Context(hotwords=("Ada", "Babbage"), previous="Who was it?"))
    rescorer(lm, domain="A talk on engines.").correct([PAIR, told])
    assert lm.prefixes == [["A talk on engines. ", "A talk on engines. Keywords: Ada, Babbage. Who was it? "]]


def test_earlier_corrected_utterances_are_context() -> None:
    lm = Listening(TABLE)
    lists = [replace(PAIR, id=f"{talk}/{i}") for i in range(3) for talk in "ab"]
    made = Running(rescorer(lm), 2)
    assert isinstance(made, Corrector)
    assert made.signature.endswith("+previous=2")
    done = made.correct(lists[:4])
    done += made.correct([*lists[4:], replace(PAIR, id="alone")])
    assert lm.prefixes == [["", ""], ["there ", "there "], ["there there ", "there there ", ""]]
    assert [c.id for c in done] == [*(nbest.id for nbest in lists), "alone"]


def test_what_a_list_says_of_itself_comes_before_what_was_corrected() -> None:
    lm = Listening(TABLE)
    told = replace(PAIR, id="a/1", context=Context(previous="Who was it?"))
    made = Running(rescorer(lm), 1)
    made.correct([replace(PAIR, id="a/0"), told, replace(PAIR, id="a/2")])
    made.forget()
    made.correct([replace(PAIR, id="a/3")])
    assert lm.prefixes == [[""], ["Who was it? "], ["there "], [""]]


def test_recordings_that_went_silent_are_forgotten() -> None:
    lm = Listening(TABLE)
    made = Running(rescorer(lm), 1)
    made.correct([replace(PAIR, id=f"{talk}/0") for talk in range(1001)])
    made.correct([replace(PAIR, id="0/1"), replace(PAIR, id="1000/1")])
    assert lm.prefixes[1] == ["", "there "]


def test_what_the_guard_refuses_is_no_context() -> None:
    answers = Recorded({"a/0": "7 of them", "a/1": "there"})
    seen: list[str] = []

    class Spy:
        signature = "spy"

        def correct(self, lists: Sequence[NBest]) -> list[Correction]:
            seen.extend(nbest.context.previous for nbest in lists)
            return answers.correct(lists)

    Running(Guarded(Spy()), 2).correct([replace(PAIR, id=f"a/{i}") for i in range(3)])
    assert seen == ["", "their", "their there"]


def test_a_model_may_read_a_form_of_its_own() -> None:
    lm = Scripted()
    lm.form = "lower"  # type: ignore[attr-defined]
    rescorer(lm, form="sentence").correct([listed(("I see", -1.0), ("Eye see", -1.0))])
    assert lm.seen == [("i see", "eye see")]


def test_a_model_without_weight_is_not_asked() -> None:
    lm = Scripted(breaks_on="their")
    assert rescorer(lm, 0.0).correct([PAIR])[0].text == "their"
    with pytest.raises(UsageError, match="'lm' of the profile is not loaded"):
        Rescorer({}, profile())


def test_several_models_and_a_subtracted_one() -> None:
    weights = {"acoustic": 1.0, "big": 0.5, "source": -0.5}
    specs = (LmSpec("big"), LmSpec("source"))
    lms = {"big": Scripted(TABLE), "source": Scripted({"their": -2.0, "there": -9.0})}
    # their: -1 - 7 + 1 = -7; there: -2 - 5 + 4.5 = -2.5
    (correction,) = Rescorer(lms, Profile(weights, specs, form="as-is")).correct([PAIR])
    assert correction.text == "there"
    assert correction.scores["combined"] == pytest.approx(-2.5)


@pytest.mark.parametrize("empty", ["", "  ", "...", "-"])
def test_an_empty_text_never_overtakes(empty: str) -> None:
    (correction,) = rescorer({"word": -50.0}).correct([listed(("word", -1.0), (empty, -2.0))])
    assert correction.text == "word"
    (correction,) = rescorer({"word": -50.0}).correct([listed((empty, -1.0), ("word", -2.0))])
    assert correction.text == empty
    (correction,) = rescorer({empty.strip(): -50.0}).correct([listed((empty, -1.0), ("word", -2.0))])
    assert correction.text == "word"


def test_a_text_that_lost_many_words_never_overtakes() -> None:
    best = "one two three four five six seven eight nine ten"
    for text, wins in (("one two three four five six seven eight", True), ("one two three four five six seven", False)):
        (correction,) = rescorer({best: -90.0, text: -1.0}).correct([listed((best, -1.0), (text, -2.0))])
        assert (correction.text == text) is wins


def test_order_is_kept_among_settled_and_open_lists() -> None:
    lists = [listed(id="0"), PAIR, listed(("x", -1.0), id="2"), listed(("there", -1.0), ("their", -1.0), id="3")]
    assert [c.text for c in rescorer(TABLE).correct(lists)] == ["", "there", "x", "there"]
    assert [c.id for c in rescorer(TABLE).correct(lists)] == ["0", "u", "2", "3"]
    assert rescorer({}).correct([]) == []


def test_one_broken_list_fails_alone() -> None:
    words = (Word("poison", 0.0, 1.0),)
    bad = NBest("bad", (Hypothesis("poison", -1.0, words=words), Hypothesis("b", -2.0)))
    done = rescorer(Scripted(TABLE, breaks_on="poison")).correct([PAIR, bad, PAIR])
    assert [(c.text, c.decision) for c in done] == [("there", "reranked"), ("poison", "failed"), ("there", "reranked")]
    assert done[1].reason == "scripted: broke. Mend it."
    assert done[1].words == words


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_fails_the_list(number: float) -> None:
    done = rescorer(TABLE | {"odd": number}).correct([PAIR, listed(("odd", -1.0), ("there", -2.0))])
    assert [c.decision for c in done] == ["reranked", "failed"]
    assert "'odd'" in done[1].reason


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan")])
def test_weight_out_of_range(weight: float) -> None:
    with pytest.raises(UsageError, match="from 0 to 1"):
        rescorer({}, weight)


def test_unknown_form() -> None:
    with pytest.raises(UsageError, match=r"'lowr'.*Did you mean 'lower'"):
        rescorer({}, form="lowr")


scores = st.floats(-1e4, 0)
candidates = st.lists(st.tuples(st.text("abc", min_size=1), scores, scores), min_size=2, max_size=6)


@given(candidates)
def test_weight_0_keeps_the_recognizers_order(items: list[tuple[str, float, float]]) -> None:
    lm = {text: score for text, _, score in items}
    (correction,) = rescorer(lm, 0.0).correct([listed(*((text, score) for text, score, _ in items))])
    assert correction.text == max(items, key=lambda item: item[1])[0]


@given(candidates, st.floats(0, 1))
def test_the_choice_is_never_beaten(items: list[tuple[str, float, float]], weight: float) -> None:
    lm = {text: score for text, _, score in items}
    (correction,) = rescorer(lm, weight).correct([listed(*((text, score) for text, score, _ in items))])
    assert correction.text in lm
    for text, score, _ in items:
        assert correction.scores["combined"] >= (1 - weight) * score + weight * lm[text] - 1e-9


def test_the_same_text_of_another_system_changes_nothing() -> None:
    """However much more the second hypothesis weighs, it says what the first says."""
    nbest = NBest("u", tuple(Hypothesis(text, score) for text, score in (("a b", -2.0), ("a b", -1.0), ("a c", -3.0))))
    (correction,) = Rescorer({}, Profile({"acoustic": 1.0})).correct([nbest])
    assert (correction.text, correction.decision, correction.scores["acoustic"]) == ("a b", "kept", -1.0)


def test_loops_pay_by_default() -> None:
    """A language model that sees nothing wrong in a loop, as they do: the first text stays."""
    texts = "we go home now", "we go home now we go home now we go home now"
    nbest = NBest("u", tuple(Hypothesis(text) for text in texts))
    lm = ScriptedLM(lambda prefix, text: 80.0 if "now we" in text else 0.0)
    (kept,) = Rescorer({"lm": lm}).correct([nbest])
    assert kept.text == texts[0]  # 0.1 * 80 - 0.9 * 5 * ln 2 - 5 repeated words < 0
    (changed,) = Rescorer({"lm": lm}, DEFAULT.weighted({"repeats": 0.0})).correct([nbest])
    assert changed.text == texts[1]
