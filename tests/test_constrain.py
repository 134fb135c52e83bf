"""The language of slots against the product of their texts, letter by letter."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ger.lm.constrain import Slots, joined, spaced

END = 0


def slots(*texts: tuple[str, ...]) -> Slots:
    """Tokens are letters."""
    every = {text for slot in texts for text in slot}
    first = {text: [ord(letter) for letter in text] for text in every}
    later = {text: [ord(letter) for letter in spaced(text)] for text in every}
    return Slots(texts, first, later, END)


def letters(text: str) -> list[int]:
    return [ord(letter) for letter in text]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ((), ""),
        (("show", "me"), "show me"),
        (("", "me", "", "up"), "me up"),
        (("机场", "在", "Paris"), "机场在 Paris"),
        (("don", " t"), "don t"),
    ],
)
def test_joined(texts: tuple[str, ...], expected: str) -> None:
    assert joined(texts) == expected


def test_what_may_come_next() -> None:
    made = slots(("a", "ab"), ("", "c"))
    assert made.allowed(made.start) == (ord("a"),)
    after = made.step(made.start, ord("a"))
    assert made.allowed(after) == (END, ord(" "), ord("b"))
    assert made.forced(made.start) == letters("a")
    assert made.forced(made.step(after, ord(" "))) == [ord("c"), END]
    assert made.kept(made.start, letters("ab d")) == letters("ab ")
    assert made.longest == len("ab c") + 1
    ended = made.step(after, END)
    assert made.allowed(ended) == ()
    assert made.step(after, ord("z")) == ended


def test_an_answer_that_can_be_cut_in_two_ways() -> None:
    made = slots(("a", "a b"), ("b", "b c"), ("", "c"))
    assert made.text(letters("a b b c")) == "a b b c"
    assert made.text(letters("a b")) == "a b"
    state = made.start
    for token in letters("a b c"):
        state = made.step(state, token)
    assert made.allowed(state) == (END, ord(" "))


def test_slots_that_may_all_be_left_out() -> None:
    made = slots(("", "a"), ("b", ""))
    assert made.allowed(made.start) == (END, ord("a"), ord("b"))
    assert made.text([]) == ""
    assert made.text(letters("b")) == "b"


_TEXT = st.text("ab ", max_size=3).map(str.strip)
_SLOTS = st.lists(st.lists(_TEXT, min_size=1, max_size=3).map(tuple), min_size=1, max_size=4)


@given(_SLOTS, st.data())
def test_every_walk_ends_in_the_language(texts: list[tuple[str, ...]], data: st.DataObject) -> None:
    made, tokens = slots(*texts), list[int]()
    state = made.start
    while END not in tokens:
        allowed = made.allowed(state)
        assert allowed
        tokens.append(data.draw(st.sampled_from(allowed)))
        state = made.step(state, tokens[-1])
    assert len(tokens) <= made.longest
    language = {joined(way) for way in product(*texts)}
    assert made.text(tokens[:-1]) in language
    assert made.text(tokens[:-1]) == "".join(map(chr, tokens[:-1]))


@given(_SLOTS, st.data())
def test_every_text_of_the_language_can_be_walked(texts: list[tuple[str, ...]], data: st.DataObject) -> None:
    made = slots(*texts)
    text = joined(data.draw(st.sampled_from(list(product(*texts)))))
    assert made.kept(made.start, [*letters(text), END]) == [*letters(text), END]
    assert made.text(letters(text)) == text
