"""Confusion networks; what is expected is worked out by hand, or by trying every path."""

from __future__ import annotations

import math
import random
from collections import Counter
from itertools import islice, pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ger.text.network import MAX_CELLS, Network, Voter, build
from ger.text.tokens import tokenize

VOCABULARY = ["the", "The", "cat", "cat,", "hat", "sat.", "don't", "-", "a", "twenty-one", "猫", "猫a", "…", "好。"]
texts = st.lists(st.sampled_from(VOCABULARY), max_size=6).map(" ".join)
voters = st.lists(st.builds(Voter.of, texts, st.sampled_from([0.0, 0.1, 0.2, 0.3, 1.0, 2.5])), max_size=5)


def network(*said: str, weights: tuple[float, ...] = (), null_confidence: float = 1.0) -> Network:
    weights = weights or (1.0,) * len(said)
    return build([Voter.of(text, weight) for text, weight in zip(said, weights, strict=True)], null_confidence)


def shown(made: Network) -> list[dict[str, float]]:
    """Each slot as words and masses, `""` for no word."""
    return [{" ".join(arc.keys): round(arc.mass, 9) for arc in slot} for slot in made.slots]


def test_words_are_counted_place_by_place() -> None:
    made = network("the cat sat on the mat", "the hat sat on mat now", "a cat sat on the Mat.")
    assert shown(made) == [
        {"the": 2, "a": 1},
        {"cat": 2, "hat": 1},
        {"sat": 3},
        {"on": 3},
        {"the": 2, "": 1},
        {"mat": 3},
        {"": 2, "now": 1},
    ]
    assert made.best().text == "the cat sat on the mat"
    assert made.best().confidences == pytest.approx((2 / 3, 2 / 3, 1, 1, 2 / 3, 1))


def test_the_vote_can_make_a_text_that_nobody_said() -> None:
    made = network("we met in may", "we meet in June", "he meet in may")
    assert made.best().text == "we meet in may"


def test_weights_decide_and_the_heaviest_spells() -> None:
    made = network("go home", "Go, Rome", "Go, Rome", weights=(1, 0.4, 0.5))
    assert made.best().text == "go home"
    assert network("go home", "Go, Rome", weights=(1, 1.5)).best().text == "Go, Rome"


def test_ties_go_to_the_heaviest_then_the_first() -> None:
    assert network("a x", "a y").best().text == "a x"
    # 0.1 + 0.2 is a little more than 0.3 in binary numbers; it is a tie nevertheless.
    assert network("x", "y", "y", weights=(0.3, 0.1, 0.2)).best().text == "x"


def test_a_word_is_put_beside_the_one_it_looks_like() -> None:
    assert shown(network("red their house", "there house")) == [
        {"red": 1, "": 1},
        {"their": 1, "there": 1},
        {"house": 2},
    ]
    assert shown(network("their red house", "there house")) == [
        {"their": 1, "there": 1},
        {"red": 1, "": 1},
        {"house": 2},
    ]


def test_inserted_words_of_several_texts_meet_in_one_slot() -> None:
    assert shown(network("a b", "a x b", "a x b", "a y b")) == [{"a": 4}, {"x": 2, "": 1, "y": 1}, {"b": 4}]


def test_confidences_weigh_words_and_their_mean_weighs_no_word() -> None:
    made = build([Voter.of("a b c", 2, [0.5, 0.25, 0.75]), Voter.of("a c", 1)])
    assert shown(made) == [{"a": 2}, {"": 1, "b": 0.5}, {"c": 2.5}]
    # The second text has no confidences, the first has 0.5 on average: that is what its missing word counts.
    assert shown(build([Voter.of("a", 2, [0.5]), Voter.of("a b", 1)])) == [{"a": 2}, {"": 1, "b": 1}]


@pytest.mark.parametrize(("null", "text"), [(0.4, "a b c"), (1.0, "a c"), (0.0, "a b c")])
def test_null_confidence(null: float, text: str) -> None:
    assert network("a c", "a c", "a b c", null_confidence=null).best().text == text


def test_scripts_without_spaces() -> None:
    made = network("我很好。", "我狠好", "我很号")
    assert shown(made) == [{"我": 3}, {"很": 2, "狠": 1}, {"好": 2, "号": 1}]
    assert made.best().text == "我很好。"


def test_words_from_two_places_are_not_glued() -> None:
    made = network("def 我abc", "我abc", "def abc", weights=(1, 0.5, 0.5))
    assert "def abc" in {path.text for path in made.paths()}


def test_a_mark_alone_is_compared_as_it_is() -> None:
    assert shown(network("rock - roll", "rock roll")) == [{"rock": 2}, {"-": 1, "": 1}, {"roll": 2}]
    assert network("rock - roll").best().words == ("rock", "roll")


@pytest.mark.parametrize("said", [(), ("",), ("", "  ")])
def test_nothing_said(said: tuple[str, ...]) -> None:
    made = network(*said)
    assert made.slots == ()
    assert [path.text for path in made.paths()] == [""]
    assert made.best().logprob == 0
    assert made.phrases() == made


def test_no_weight_at_all() -> None:
    made = network("a", "b", weights=(0, 0))
    assert made.best().text == "a"
    assert made.posteriors(0) == (0.5, 0.5)


def test_phrases_are_what_somebody_said_between_agreements() -> None:
    made = network("the old cat sat", "the bold hat sat", "the old cat sat").phrases()
    assert shown(made) == [{"the": 3}, {"old cat": 2, "bold hat": 1}, {"sat": 3}]
    assert [path.text for path in made.paths()] == ["the old cat sat", "the bold hat sat"]
    confident = build([Voter.of("a b", 1, [0.2, 0.6]), Voter.of("c d", 1)]).phrases()
    assert shown(confident) == [{"c d": 1, "a b": 0.4}]


def test_a_phrase_of_no_words() -> None:
    made = network("well you know yes", "yes").phrases()
    assert shown(made) == [{"well you know": 1, "": 1}, {"yes": 2}]
    assert [path.text for path in made.paths()] == ["well you know yes", "yes"]


@given(voters)
def test_every_voter_has_one_arc_in_every_slot_and_its_text_is_a_path(said: list[Voter]) -> None:
    made = build(said)
    for number, voter in enumerate(sorted(said, key=lambda v: -v.weight)):
        for row in (made, made.phrases()):
            path = row.path_of(number)
            assert path.words == voter.words
            assert [key for arc in path.arcs for key in arc.keys] == [
                key for slot in row.slots for arc in slot if number in arc.voters for key in arc.keys
            ]
    for slot in made.slots:
        assert Counter(v for arc in slot for v in arc.voters) == Counter(range(len(said)))
        assert any(arc.keys for arc in slot)


@given(voters)
def test_mass_adds_up(said: list[Voter]) -> None:
    total = sum(voter.weight for voter in said)
    made = build(said)
    for row in (made, made.phrases()):
        for number, slot in enumerate(row.slots):
            assert sum(arc.mass for arc in slot) == pytest.approx(total)
            assert sum(row.posteriors(number)) == pytest.approx(1)


@given(voters)
def test_paths_are_all_of_them_the_most_probable_first(said: list[Voter]) -> None:
    made = build(said)
    ways = math.prod(len(slot) for slot in made.slots)
    if ways > 300:
        made = made.phrases()
        ways = math.prod(len(slot) for slot in made.slots)
    got = list(made.paths())
    assert len(got) == len({path.arcs for path in got}) == ways
    logprobs = [path.logprob for path in got]
    assert all(a >= b - 1e-9 for a, b in pairwise(logprobs))
    brute = (math.prod(p) for p in product(*(made.posteriors(s) for s in range(len(made.slots)))))
    assert sorted(map(math.exp, logprobs)) == pytest.approx(sorted(brute), abs=1e-12)


@given(voters)
def test_tokens_are_those_of_the_text(said: list[Voter]) -> None:
    for path in islice(build(said).paths(), 50):
        assert [token.text for token in path.tokens] == [token.text for token in tokenize(path.text)]
        assert len(path.confidences) == len(path.tokens)


def test_paths_are_made_as_they_are_asked_for() -> None:
    count = 60
    made = network(" ".join(f"a{i} x" for i in range(count)), " ".join(f"b{i} x" for i in range(count)))
    assert math.prod(len(slot) for slot in made.slots) == 2**count
    assert len({path.text for path in islice(made.paths(), 100)}) == 100


def test_long_texts_without_anything_in_common_are_aligned_by_position() -> None:
    n = int(MAX_CELLS**0.5) + 10
    made = network(" ".join(f"a{i}" for i in range(n)), " ".join(f"b{i}" for i in range(n - 3)))
    assert len(made.slots) == n
    assert set(shown(made)[0]) == {"a0", "b0"}
    assert set(shown(made)[-1]) == {f"a{n - 1}", ""}


def test_ten_thousand_characters() -> None:
    rng = random.Random(1)
    words = [f"w{rng.randrange(500)}" for _ in range(2500)]
    # Each word is wrong in one of the five texts, and so right in four.
    said = [
        " ".join(f"x{i}" if rng.random() < 0.2 and i % 5 == k else w for i, w in enumerate(words)) for k in range(5)
    ]
    assert all(len(text) >= 10_000 for text in said)
    assert build([Voter.of(text) for text in said]).best().words == tuple(words)
