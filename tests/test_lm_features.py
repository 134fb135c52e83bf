"""The table of features; every number is worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ger.errors import ModelError, UsageError
from ger.lm.features import AGREE_WITH, OWN, acoustic, allowed, check, compute, system_columns, with_crossed
from ger.protocols import ScoreRequest
from ger.testing import ScriptedLM
from ger.types import Hypothesis, NBest


def listed(*texts: str, scores: list[float | None] | None = None, id: str = "u") -> NBest:
    return NBest(id, tuple(Hypothesis(t, s) for t, s in zip(texts, scores or [None] * len(texts), strict=True)))


def spoken(**texts: str) -> NBest:
    """A list of one hypothesis a system."""
    return NBest("u", tuple(Hypothesis(text, extra={"system": name}) for name, text in texts.items()))


def column(name: str, nbest: NBest, **lms: Any) -> list[float]:
    """The values of one column for one list."""
    table = compute([nbest], [name], lms)
    assert table.names == (name,)
    assert table.values[0].shape == (len(nbest.hypotheses), 1)
    values: list[float] = table.values[0][:, 0].tolist()
    return values


FOUR = listed("a b c", "a b d", "a b c d", "A, b c!")


def test_values_by_hand() -> None:
    assert column("words", FOUR) == [3, 3, 4, 3]
    assert column("chars", FOUR) == [3, 3, 4, 5]
    loop = listed("To be or not to be", "a b c d. A b C d e f", "one one one one one", "a b c")
    assert column("repeats", loop) == [0, 1, 1, 0]
    # Distances to all four, itself among them: 0+1+1+0, 1+0+1+1, 1+1+0+1, and the last says what the first says.
    assert column("agree", FOUR) == [-2 / 4, -3 / 4, -3 / 4, -2 / 4]
    assert column("votes", FOUR) == pytest.approx([math.log(0.5), math.log(0.25), math.log(0.25), math.log(0.5)])
    assert column("acoustic", FOUR) == [0, 0, 0, 0]
    assert column("rank", FOUR) == pytest.approx([0, -math.log(2), -math.log(3), -math.log(4)])


def test_the_rank_stands_in_only_where_scores_are_missing() -> None:
    scored, partly = listed("a", "b", scores=[-1.0, 2.5]), listed("a", "b", scores=[-1.0, None])
    assert (column("acoustic", scored), column("rank", scored)) == ([-1, 2.5], [0, 0])
    assert (column("acoustic", partly), column("rank", partly)) == ([0, 0], [0, -math.log(2)])


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_is_missing(bad: float) -> None:
    nbest = listed("a", "b", scores=[-1.0, bad])
    assert (column("acoustic", nbest), column("rank", nbest)) == ([0, 0], [0, -math.log(2)])


def test_a_recognizer_with_a_language_model_is_taken_at_its_score() -> None:
    both = (Hypothesis("a", -1.0, -90.0, -2.0), Hypothesis("b", -2.0, -80.0, -5.0))
    assert acoustic(NBest("u", both)) == [-1.0, -2.0]
    assert acoustic(NBest("u", (*both, Hypothesis("c", -3.0, -70.0)))) == [-90.0, -80.0, -70.0]
    assert acoustic(NBest("u", (*both, Hypothesis("c", None, -70.0, -1.0)))) == [-90.0, -80.0, -70.0]


def test_acoustic_scores_go_first_and_kinds_are_not_mixed() -> None:
    both = (Hypothesis("a", -1.0, acoustic_score=-9.0), Hypothesis("b", -2.0, acoustic_score=-8.0))
    assert acoustic(NBest("u", both)) == [-9.0, -8.0]
    assert acoustic(NBest("u", (*both, Hypothesis("c", -3.0)))) == [-1.0, -2.0, -3.0]
    assert acoustic(NBest("u", (*both, Hypothesis("c", None, acoustic_score=-7.0)))) == [-9.0, -8.0, -7.0]
    assert acoustic(NBest("u", (*both, Hypothesis("c")))) is None
    assert acoustic(NBest("u", ())) is None


def test_systems() -> None:
    nbest = spoken(one="a b c", two="a c", three="a b d")
    assert system_columns([listed("x"), nbest, spoken(four="x", one="y")]) == (
        "system:one",
        "system:two",
        "system:three",
        "system:four",
    )
    assert column("system:one", nbest) == [0, -1, -1]
    assert column("system:two", nbest) == [-1, 0, -2]
    assert column("system:four", nbest) == [0, 0, 0]
    assert column("system:one", listed("x", "y")) == [0, 0]


def test_crossed_texts_count_nothing_themselves() -> None:
    nbest = with_crossed(listed("a b", "c d", "c d", scores=[-1.0, -2.0, -3.0]), ["a d", "c b"])
    assert [h.text for h in nbest.hypotheses] == ["a b", "c d", "c d", "a d", "c b"]
    assert column("acoustic", nbest) == [-1, -2, -3, -3, -3]
    assert column("rank", nbest) == [0] * 5
    assert column("agree", nbest) == pytest.approx([-4 / 3, -2 / 3, -2 / 3, -1, -1])
    # Nobody says the last two: half a vote of three.
    assert column("votes", nbest) == pytest.approx([math.log(v / 3) for v in (1, 2, 2, 0.5, 0.5)])
    assert column("rank", with_crossed(listed("a b", "c d"), ["a d"])) == pytest.approx([0, -math.log(2), -math.log(3)])


def test_allowed() -> None:
    nbest = listed("one two three four five", "one two three four", "one two three", "", "- ! -", "six " * 5)
    assert allowed(nbest, 0.8) == [True, True, False, False, False, True]
    assert allowed(nbest, 0.0) == [True, True, True, False, False, True]
    assert allowed(listed("", "a"), 1.0) == [True, True]
    assert allowed(listed(), 0.8) == []


def test_language_models_read_a_form_behind_a_context() -> None:
    lm = ScriptedLM(lambda prefix, text: -float(len(prefix + text)))
    lists = [listed("I SEE", "EYE SEE"), listed("ship ahoy", "ship a hoy"), listed("the same", "the same")]
    table = compute(lists, ["lm", "words"], {"lm": lm}, form="sentence", prefixes=["", "Sea. ", "Sea. "])
    # Where all texts are alike there is nothing to ask.
    assert lm.scored == [
        [ScoreRequest(("I see.", "Eye see.")), ScoreRequest(("Ship ahoy.", "Ship a hoy."), "Sea. ")],
    ]
    assert [values.tolist() for values in table.values] == [
        [[-6, 2], [-8, 2]],
        [[-15, 2], [-16, 3]],
        [[0, 2], [0, 2]],
    ]


def test_a_model_with_a_form_of_its_own_keeps_it() -> None:
    lm = ScriptedLM()
    lm.form = "lower"  # type: ignore[attr-defined]
    compute([listed("I See", "Eye See")], ["lm"], {"lm": lm}, form="sentence")
    assert lm.scored == [[ScoreRequest(("i see", "eye see"))]]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_language_model_must_give_numbers(number: float) -> None:
    with pytest.raises(ModelError, match=f"The language model's score of 'b' is {number}"):
        column("lm", listed("a", "b"), lm=ScriptedLM(lambda prefix, text: number if text == "B." else -1.0))


def test_lists_of_none_and_of_one() -> None:
    lists = [listed(), listed("a", scores=[-1.0]), listed("")]
    table = compute(lists, [*OWN, "lm", "system:x"], {"lm": ScriptedLM()})
    assert [values.shape for values in table.values] == [(0, 11), (1, 11), (1, 11)]
    assert table.values[1].tolist() == [[-1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0]]
    assert [made.tolist() for made in table.allowed] == [[], [True], [True]]
    assert compute([], ["words"], {}).values == []
    assert [values.shape for values in compute(lists, [], {}).values] == [(0, 0), (1, 0), (1, 0)]


def test_unknown_columns() -> None:
    for names, hint in ((["words", "wrods"], "Did you mean 'words'?"), (["lm2"], "Did you mean 'lm'?")):
        with pytest.raises(UsageError) as caught:
            compute([FOUR], names, {"lm": ScriptedLM()})
        expected = f"There is no feature and no language model called {names[-1]!r}. {hint}"
        assert str(caught.value) == expected
    check(["words", "system:any", "mine"], ["mine"])
    check([], [])


def test_a_thousand_hypotheses_and_ten_thousand_characters() -> None:
    texts = [f"word{i} " + "long " * 2000 for i in range(3)] + [f"word{i}" for i in range(997)]
    nbest = listed(*texts, scores=[-float(i) for i in range(1000)])
    table = compute([nbest], OWN, {}, min_length=0.8)
    assert table.values[0].shape == (1000, 9)
    assert np.isfinite(table.values[0]).all()
    assert table.allowed[0].sum() == 3
    # Agreement is with the first 100: two of 2001 words that differ in one, and 97 of one word.
    assert AGREE_WITH == 100
    assert table.values[0][0, OWN.index("agree")] == pytest.approx(-(2 * 1 + 96 * 2001 + 1 * 2000) / 100)


words = st.text("ab ", max_size=8)


@given(st.lists(st.tuples(words, st.none() | st.floats(-50, 5)), max_size=6))
def test_every_list_has_finite_values(items: list[tuple[str, float | None]]) -> None:
    nbest = NBest("u", tuple(Hypothesis(text, score) for text, score in items))
    table = compute([nbest], OWN, {}, min_length=0.8)
    assert table.values[0].shape == (len(items), len(OWN))
    assert np.isfinite(table.values[0]).all()
    assert all((table.values[0][:, OWN.index("agree")] <= 0).tolist())
    assert not (table.values[0][:, OWN.index("acoustic")].any() and table.values[0][:, OWN.index("rank")].any())
    assert table.allowed[0].tolist()[:1] == [True] * bool(items)


def test_what_a_recognizer_says_that_was_told_hotwords() -> None:
    def told(*scores: float | None) -> NBest:
        rows = zip("abc", (-1.0, -3.0, -4.0), scores, strict=False)
        return NBest(
            "u", tuple(Hypothesis(t, s, s, extra={} if b is None else {"biased_score": b}) for t, s, b in rows)
        )

    assert column("biased", told(-5.0, -2.0, -6.0)) == [-4.0, 1.0, -2.0]
    assert column("biased", told(-5.0, None, -6.0)) == [0.0, 0.0, 0.0]
    assert column("biased", told(-5.0, float("nan"), -6.0)) == [0.0, 0.0, 0.0]
    added = with_crossed(told(-5.0, -2.0), ["d"])
    assert column("biased", added) == [-4.0, 1.0, -4.0]
