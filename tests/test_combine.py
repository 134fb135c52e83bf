"""Votes among the hypotheses of a list; every expected number is worked out by hand or by the definition."""

from __future__ import annotations

import math
import random
import time
from typing import Literal

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ger.correct import combine
from ger.correct.combine import Combiner, cross, from_profile, posteriors
from ger.errors import UsageError
from ger.lm.profile import Profile
from ger.protocols import Corrector
from ger.text.normalize import normalize
from ger.types import Correction, Edit, Hypothesis, NBest, Word

Method = Literal["mbr", "rover"]
METHODS: list[Method] = ["mbr", "rover"]


def listed(*texts: str, scores: tuple[float | None, ...] = (), systems: str = "") -> NBest:
    scores = scores or (None,) * len(texts)
    extras = [{"system": name} for name in systems.split()] or [{}] * len(texts)
    return NBest("u", tuple(Hypothesis(t, s, extra=e) for t, s, e in zip(texts, scores, extras, strict=True)))


def combined(nbest: NBest, method: Method = "mbr", **options: object) -> Correction:
    (correction,) = Combiner(method, **options).correct([nbest])  # type: ignore[arg-type]
    return correction


def test_is_a_corrector() -> None:
    assert isinstance(Combiner(), Corrector)
    assert Combiner().signature == "combine:method=mbr,temperature=1"
    made = Combiner("rover", 2.5, {"b": 1, "a": 0.5}, 0.7)
    assert made.signature == "combine:method=rover,temperature=2.5,null=0.7,a=0.5,b=1"


@pytest.mark.parametrize(
    "options",
    [
        {"method": "vote"},
        {"temperature": 0},
        {"temperature": math.nan},
        {"temperature": math.inf},
        {"null_confidence": -1},
        {"system_weights": {"a": -1}},
        {"system_weights": {"a": math.nan}},
    ],
)
def test_refused(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Combiner(**options)  # type: ignore[arg-type]


def test_posteriors_are_a_softmax_of_scores() -> None:
    nbest = listed("a", "b", scores=(-1.0, -1.0 - math.log(3)))
    assert posteriors(nbest) == pytest.approx([3 / 4, 1 / 4])
    assert posteriors(nbest, temperature=0.5) == pytest.approx([9 / 10, 1 / 10])
    assert posteriors(listed("a", "b", scores=(5000.0, -5000.0))) == [1, 0]


@pytest.mark.parametrize("scores", [(None, None, None), (-1.0, None, -2.0), (-1.0, math.nan, -2.0), (0, -math.inf, 0)])
def test_without_all_scores_the_position_counts(scores: tuple[float | None, ...]) -> None:
    assert posteriors(listed("a", "b", "c", scores=scores)) == pytest.approx([6 / 11, 3 / 11, 2 / 11])


def test_posteriors_of_systems() -> None:
    nbest = listed("a", "b", "c", scores=(-900.0, -1.0, -1.0), systems="one two two")
    assert posteriors(nbest) == pytest.approx([1 / 2, 1 / 4, 1 / 4])
    assert posteriors(nbest, system_weights={"two": 3}) == pytest.approx([1 / 4, 3 / 8, 3 / 8])
    assert posteriors(nbest, system_weights={"one": 0, "two": 0}) == [0, 0, 0]
    assert posteriors(NBest("u", ())) == []


def test_minimum_bayes_risk_by_hand() -> None:
    # Shares 0.4, 0.3, 0.3; distances 1-2: 2, 1-3: 2, 2-3: 1. Expected errors: 1.2, 0.4 * 2 + 0.3 = 1.1, 1.1.
    scores = tuple(math.log(p) for p in (0.4, 0.3, 0.3))
    correction = combined(listed("we met in may", "we meet in June", "we meet in july", scores=scores))
    assert correction.text == "we meet in June"
    assert correction.decision == "reranked"
    assert correction.reason == "hypothesis 2 has 0.10 fewer expected word errors"
    assert correction.scores == {"posterior": pytest.approx(0.3), "expected_errors": pytest.approx(1.1)}
    assert correction.edits == (Edit("met", "meet"), Edit("may", "June"))
    assert [word.confidence for word in correction.words] == pytest.approx([1, 0.6, 1, 0.3])


def test_rover_by_hand() -> None:
    correction = combined(listed("we met in may", "we meet in June", "he meet in may", systems="a b c"), "rover")
    assert (correction.text, correction.decision) == ("we meet in may", "rewritten")
    assert correction.reason == "a text made of parts of several hypotheses has 0.33 fewer expected word errors"
    # One word away from each of the three texts; nobody says it.
    assert correction.scores == {"posterior": 0, "expected_errors": pytest.approx(1)}
    assert [word.confidence for word in correction.words] == pytest.approx([2 / 3, 2 / 3, 1, 2 / 3])


def test_rover_can_end_at_a_listed_text() -> None:
    correction = combined(listed("a x c", "A b c.", "a b c", systems="1 2 3"), "rover")
    assert (correction.text, correction.decision) == ("A b c.", "reranked")
    assert correction.scores["posterior"] == pytest.approx(2 / 3)


def test_system_weights_decide() -> None:
    nbest = listed("one", "two", systems="a b")
    for method in METHODS:
        assert combined(nbest, method).text == "one"  # a tie
        assert combined(nbest, method, system_weights={"b": 1.1}).text == "two"
        correction = combined(nbest, method, system_weights={"a": 0, "b": 0})
        assert (correction.text, correction.decision) == ("one", "kept")
        assert correction.reason == "no system of the list has a weight"


def test_temperature_decides() -> None:
    nbest = listed("we met", "we meet", "we meet now", scores=(-1.0, -2.0, -2.0))
    assert combined(nbest).text == "we met"  # shares 0.58, 0.21, 0.21
    assert combined(nbest, temperature=100).text == "we meet"


def test_null_confidence_decides_how_much_is_left_out() -> None:
    nbest = listed("yes", "yes", "well yes", systems="a b c")
    assert combined(nbest, "rover").text == "yes"
    assert combined(nbest, "rover", null_confidence=0.4).text == "well yes"


def test_word_confidences_vote() -> None:
    def said(text: str, confidence: float, system: str) -> Hypothesis:
        words = tuple(Word(t, confidence=confidence if t in ("may", "june") else 1) for t in text.split())
        return Hypothesis(text, words=words, extra={"system": system})

    nbest = NBest("u", (said("in may", 0.2, "a"), said("in june", 0.9, "b")))
    correction = combined(nbest, "rover")
    assert correction.text == "in june"
    assert [word.confidence for word in correction.words] == pytest.approx([1, 0.9 / 1.1])


def test_confidences_out_of_range_and_missing_ones() -> None:
    words = (Word("in", confidence=7.0), Word("may"), Word("we", confidence=0.5))
    nbest = NBest("u", (Hypothesis("in may we", words=words), Hypothesis("on may he")))
    # The first has 2/3 of the mass, and 1, the mean 0.75, and 0.5 of it.
    assert [word.confidence for word in combined(nbest, "rover").words] == pytest.approx([2 / 3, 1, 1 / 2])
    other = (Word("else", confidence=0.5),)
    assert combined(NBest("u", (Hypothesis("a", words=other), Hypothesis("b"))), "rover").text == "a"


def test_times_are_carried_over() -> None:
    words = (Word("we", 0.0, 0.5), Word("met", 0.5, 1.0), Word("in", 1.0, 1.25), Word("may", 1.25, 2.0))
    others = listed("we meet in June", "he meet in may").hypotheses
    correction = combined(NBest("u", (Hypothesis("we met in may", words=words), *others)), "rover", temperature=100)
    assert correction.text == "we meet in may"
    assert [(w.text, w.start, w.end) for w in correction.words] == [
        ("we", 0, 0.5),
        ("meet", 0.5, 1),
        ("in", 1, 1.25),
        ("may", 1.25, 2),
    ]
    assert correction.edits == (Edit("met", "meet", 0.5, 1.0),)


@pytest.mark.parametrize("method", METHODS)
def test_another_spelling_is_no_reason_to_change(method: Method) -> None:
    correction = combined(listed("the end", "The end.", "The End!", "The end"), method)
    assert (correction.text, correction.decision, correction.edits) == ("the end", "kept", ())
    assert correction.scores["posterior"] == pytest.approx(1)
    assert correction.scores["expected_errors"] == 0


def test_written_forms_with_other_cuts_are_one_text() -> None:
    correction = combined(listed("u s twenty-one", "us twenty one", "us twenty-one", systems="a b c"))
    assert (correction.text, correction.decision) == ("us twenty one", "reranked")
    assert len(correction.words) == 3


@pytest.mark.parametrize("method", METHODS)
def test_short_lists(method: Method) -> None:
    nothing, one = Combiner(method).correct([NBest("a", ()), listed("only", scores=(None,))])
    assert (nothing.text, nothing.decision, nothing.reason) == ("", "kept", "nothing was said")
    assert (one.text, one.decision, one.reason) == ("only", "kept", "only one hypothesis")


@pytest.mark.parametrize("method", METHODS)
def test_empty_hypotheses_vote_too(method: Method) -> None:
    assert combined(listed("", "", ""), method).decision == "kept"
    assert combined(listed("yes", "", "yes", systems="a b c"), method).text == "yes"
    correction = combined(listed("thank you", "", "", systems="a b c"), method)
    assert (correction.text, correction.decision, correction.words) == ("", "reranked", ())


@pytest.mark.parametrize("method", METHODS)
def test_scripts_without_spaces(method: Method) -> None:
    correction = combined(listed("我狠好", "我很好。", "我很号", "我很好", systems="a b c d"), method)
    assert correction.text == "我很好。"
    assert len(correction.words) == 3


TEXTS = st.lists(st.sampled_from(["a", "A", "b", "c,", "d-e", "-", "猫"]), max_size=5).map(" ".join)
LISTS = st.lists(st.tuples(TEXTS, st.floats(-9, 9)), min_size=1, max_size=5)


@given(LISTS, st.sampled_from([0.3, 1.0, 20.0]))
def test_minimum_bayes_risk_is_its_definition(rows: list[tuple[str, float]], temperature: float) -> None:
    nbest = NBest("u", tuple(Hypothesis(text, score) for text, score in rows))
    correction = combined(nbest, temperature=temperature)
    odds = [math.exp(score / temperature) for _, score in rows]
    texts = [normalize(text).replace("猫", " 猫 ") for text, _ in rows]
    errors = [sum(o * _errors(i, j) for o, j in zip(odds, texts, strict=True)) / sum(odds) for i in texts]
    assert correction.text in [text for text, _ in rows]
    if len(rows) > 1:
        assert correction.scores["expected_errors"] == pytest.approx(min(errors), abs=1e-6)


def _errors(reference: str, text: str) -> int:
    if not reference.split():
        return len(text.split())
    counted = jiwer.process_words(reference, text)
    return counted.substitutions + counted.deletions + counted.insertions


@given(LISTS, st.sampled_from(METHODS))
def test_decision_text_words_and_edits_agree(rows: list[tuple[str, float]], method: Method) -> None:
    nbest = NBest("u", tuple(Hypothesis(text, score) for text, score in rows))
    correction = combined(nbest, method)
    normal = [normalize(text) for text, _ in rows]
    if correction.decision == "kept":
        assert correction.text == nbest.best.text
        assert correction.edits == ()
    else:
        assert normalize(correction.text) != normal[0]
        assert correction.edits
    assert (correction.decision == "rewritten") == (correction.text not in [text for text, _ in rows])
    assert all(0 <= (word.confidence or 0) <= 1 + 1e-9 for word in correction.words)


def test_crossed_texts_exchange_phrases_first() -> None:
    nbest = listed("the old cat sat on a mat", "the bold hat sat on the mat")
    assert set(cross(nbest)[:2]) == {"the old cat sat on the mat", "the bold hat sat on a mat"}
    assert set(cross(nbest)) == {
        f"the {a} {b} sat on {c} mat" for a in ("old", "bold") for b in ("cat", "hat") for c in ("a", "the")
    } - {h.text for h in nbest.hypotheses}
    assert cross(nbest, limit=1) == cross(nbest)[:1]
    assert cross(nbest, limit=0) == ()


def test_crossed_texts_come_most_probable_first() -> None:
    nbest = listed("a x b", "a x c", "d x c", scores=tuple(math.log(p) for p in (0.5, 0.3, 0.2)))
    # One alone is new: d (0.2) with b (0.5), and it is less probable than the listed ones.
    assert cross(nbest) == ("d x b",)
    nbest = listed("a x b", "c x d", "c x e", scores=tuple(math.log(p) for p in (0.5, 0.3, 0.2)))
    # a 0.5 with d 0.3, c 0.5 with b 0.5, a 0.5 with e 0.2.
    assert cross(nbest) == ("c x b", "a x d", "a x e")


@pytest.mark.parametrize(
    "texts", [(), ("",), ("a b",), ("a b", "A b."), ("a b", "a c"), ("a b", ""), ("a - b", "a b"), ("", "a", "")]
)
def test_nothing_to_cross(texts: tuple[str, ...]) -> None:
    assert cross(listed(*texts)) == ()


@given(st.lists(TEXTS, max_size=5), st.integers(0, 20))
def test_crossed_texts_are_new(texts: list[str], limit: int) -> None:
    made = cross(listed(*texts), limit)
    spellings = [" ".join(normalize(text).replace("猫", " 猫 ").split()) for text in (*texts, *made)]
    assert len(made) <= limit
    assert len(set(spellings[len(texts) :])) == len(made)
    assert not set(spellings[: len(texts)]) & set(spellings[len(texts) :])
    assert all(made)


def test_a_profile_gives_temperature_and_system_weights() -> None:
    made = from_profile({}, Profile({"lm": 0.3, "system:a": 0.5, "system:b": -1.0}, temperature=2.0))
    assert made == Combiner("mbr", 2.0, {"a": 0.5, "b": 0.0})


def test_a_thousand_hypotheses() -> None:
    rng = random.Random(2)
    words = [f"w{i}" for i in range(12)]
    said = [" ".join(w if rng.random() > 0.2 else f"x{rng.randrange(99)}" for w in words) for _ in range(1000)]
    started = time.process_time()
    nbest = listed(*said, scores=tuple(-0.001 * i for i in range(1000)))
    assert combined(nbest, "rover").text == " ".join(words)
    assert len(cross(nbest)) == 16
    assert _errors(" ".join(words), combined(nbest).text) <= 1
    assert time.process_time() - started < 30


def test_of_too_many_words_the_least_probable_do_not_vote(monkeypatch: pytest.MonkeyPatch) -> None:
    nbest = listed("a b", "a c", "a c", scores=(-1.0, -1.2, -1.3))
    assert combined(nbest).text == "a c"
    monkeypatch.setattr(combine, "MAX_WORDS", 4)  # the third does not vote any more
    assert combined(nbest).text == "a b"
    monkeypatch.setattr(combine, "MAX_WORDS", 1)  # one always does
    assert combined(nbest).text == "a b"


@pytest.mark.parametrize("method", METHODS)
def test_ten_thousand_characters(method: Method) -> None:
    said = [" ".join(f"{mark}{i}" if i % 50 == k else f"w{i}" for i in range(2000)) for k, mark in enumerate("xyz")]
    assert all(len(text) > 10_000 for text in said)
    correction = combined(listed(*said, systems="a b c"), method)
    if method == "rover":
        assert correction.text == " ".join(f"w{i}" for i in range(2000))
    else:
        assert correction.decision == "kept"  # each is as far from the others
        assert correction.scores["expected_errors"] == pytest.approx(2 / 3 * 80)


def test_tuned_weights_leave_an_unnamed_system_its_vote() -> None:
    tuned = Profile({"acoustic": 0.2, "system:a": 0.3, "system:b": 0.1}, temperature=0.4, made={"n": 9})
    made = from_profile({}, tuned)
    assert made.system_weights == pytest.approx({"a": 1.5, "b": 0.5})
    assert made.temperature == pytest.approx(2.0)  # scores count as in rescoring: 0.2 of them, divided by 0.4
