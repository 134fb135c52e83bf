"""Alignment, edits and carried word times."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ger.text.align import Op, carry_times, diff, edits
from ger.text.tokens import Token, join, tokenize
from ger.types import Edit, Word

VOCABULARY = ["the", "The", "cat", "cat,", "hat", "sat.", "don't", "-", "a", "extraordinary", "42"]
texts = st.lists(st.sampled_from(VOCABULARY), max_size=8).map(" ".join)


@st.composite
def timed(draw: st.DrawFn, min_size: int = 1) -> list[Word]:
    """Words in order, without overlap."""
    words = draw(st.lists(st.sampled_from(VOCABULARY), min_size=min_size, max_size=8))
    at = draw(st.floats(0, 1000))
    result = []
    for word in words:
        start = at + draw(st.sampled_from([0, 0, 0.25, 1.3]))
        at = start + draw(st.sampled_from([0, 0.02, 0.4, 0.51]))
        result.append(Word(word, start, at, draw(st.floats(0, 1))))
    return result


def words_of(spec: str) -> list[Word]:
    """`cat@1-2 sat@2-3` as words."""
    result = []
    for item in spec.split():
        text, _, times = item.partition("@")
        start, _, end = times.partition("-")
        result.append(Word(text, float(start), float(end), 0.5) if times else Word(text))
    return result


def test_diff_joins_neighbouring_changes() -> None:
    assert diff(["the", "cat", "sat"], ["the", "black", "hat", "sat", "down"]) == [
        Op("equal", (0, 1), (0, 1)),
        Op("replace", (1, 2), (1, 3)),
        Op("equal", (2, 3), (3, 4)),
        Op("insert", (3, 3), (4, 5)),
    ]


def test_diff_tells_another_spelling_from_another_word() -> None:
    assert diff(["THE", "CAT", "sat"], ["The", "hat", "sat"]) == [
        Op("form", (0, 1), (0, 1)),
        Op("replace", (1, 2), (1, 2)),
        Op("equal", (2, 3), (2, 3)),
    ]


def test_diff_with_another_key() -> None:
    assert diff(["A"], ["a"], key=str) == [Op("replace", (0, 1), (0, 1))]
    assert diff(["x", "b"], ["b"]) == [Op("delete", (0, 1), (0, 0)), Op("equal", (1, 2), (0, 1))]


@given(texts, texts)
def test_diff_covers_both_lists(before: str, after: str) -> None:
    old, new = before.split(), after.split()
    ops = diff(old, new)
    b = a = 0
    for op in ops:
        assert (op.before[0], op.after[0]) == (b, a)
        b, a = op.before[1], op.after[1]
        assert (old[slice(*op.before)] == new[slice(*op.after)]) == (op.tag == "equal")
    assert (b, a) == (len(old), len(new))


def test_edits_of_texts() -> None:
    assert edits("the cat sat", "the hat sat down") == (Edit("cat", "hat"), Edit("", "down"))
    assert edits("hello world", "Hello, world") == (Edit("hello", "Hello,"),)
    assert edits("same  text", " same text ") == ()


def test_edits_have_the_times_of_the_words() -> None:
    words = words_of("uh@0.5-0.7 the@1-1.2 big@1.3-1.5 cat@1.5-2 sat@2.5-3")
    assert edits(words, "the black hat sat") == (
        Edit("uh", "", 0.5, 0.7),
        Edit("big cat", "black hat", 1.3, 2.0),
    )


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        ("now the cat sat", Edit("", "now", 1.0, 1.0)),
        ("the fat cat sat", Edit("", "fat", 1.2, 1.5)),
        ("the cat sat down", Edit("", "down", 3.0, 3.0)),
    ],
)
def test_an_insertion_lies_between_its_neighbours(text: str, edit: Edit) -> None:
    assert edits(words_of("the@1-1.2 cat@1.5-2 sat@2.5-3"), text) == (edit,)


def test_edits_without_times() -> None:
    assert edits(words_of("the cat"), "the hat") == (Edit("cat", "hat"),)
    assert edits([], "new") == (Edit("", "new"),)
    assert edits(words_of("a@1-2 b c"), "a b x c") == (Edit("", "x"),)


def test_edits_where_words_overlap_do_not_end_before_they_start() -> None:
    assert edits(words_of("a@1-2 b@1.5-3"), "a x b") == (Edit("", "x", 2.0, 2.0),)


def test_edits_without_spaces_name_the_character() -> None:
    words = [Word("你", 0.0, 0.5), Word("好", 0.5, 1.0), Word("吗", 1.0, 1.5)]
    assert edits(words, "你很好吗") == (Edit("", "很", 0.5, 0.5),)
    assert edits([Word("你好", 0.0, 1.0)], "你早") == (Edit("好", "早", 0.5, 1.0),)
    assert edits([Word("New York", 0.0, 1.0), Word("买", 1.0, 2.0), Word("票", 2.0, 3.0)], "x") == (
        Edit("New York买票", "x", 0.0, 3.0),
    )


@given(texts, texts)
def test_no_edits_means_the_same_text(before: str, after: str) -> None:
    assert (edits(before, after) == ()) == (before.split() == after.split())


def test_same_words_keep_time_and_confidence() -> None:
    assert carry_times(words_of("the@1-1.2 cat@1.5-2"), "The cat.") == (
        Word("The", 1.0, 1.2, 0.5),
        Word("cat.", 1.5, 2.0, 0.5),
    )


def test_replaced_words_share_the_time_by_letters() -> None:
    # one run of 4 s, 8 letters: a (1) quick (5) ox (2)
    assert carry_times(words_of("the@0-1 aquickox@1-5 sat@5-6"), "the a quick, ox sat") == (
        Word("the", 0.0, 1.0, 0.5),
        Word("a", 1.0, 1.5),
        Word("quick,", 1.5, 4.0),
        Word("ox", 4.0, 5.0),
        Word("sat", 5.0, 6.0, 0.5),
    )


def test_inserted_words_share_the_gap() -> None:
    assert carry_times(words_of("a@1-2 b@4-5"), "x a yy zz b w") == (
        Word("x", 1.0, 1.0),
        Word("a", 1.0, 2.0, 0.5),
        Word("yy", 2.0, 3.0),
        Word("zz", 3.0, 4.0),
        Word("b", 4.0, 5.0, 0.5),
        Word("w", 5.0, 5.0),
    )


def test_words_without_times_between_words_with_times() -> None:
    assert carry_times(words_of("a@1-2 42 b@3-4"), "a 42 b")[1] == Word("42", 2.0, 3.0)
    assert carry_times(words_of("a@1-2 42 b@3-4"), "a 43 b")[1] == Word("43", 2.0, 3.0)


def test_words_out_of_order_are_put_in_order() -> None:
    carried = carry_times(words_of("a@2-3 b@1-1.5 c@4-3"), "a b c")
    assert [(word.start, word.end) for word in carried] == [(2.0, 3.0), (2.0, 2.0), (4.0, 4.0)]


def test_without_times_there_are_none() -> None:
    assert carry_times([], "two words") == (Word("two"), Word("words"))
    assert carry_times(words_of("the cat"), "the hat sat") == (Word("the"), Word("hat"), Word("sat"))


def test_carried_times_without_spaces() -> None:
    words = [Word("你", 0.0, 0.5, 0.9), Word("好。", 0.5, 1.0, 0.8)]
    assert carry_times(words, "你早。") == (Word("你", 0.0, 0.5, 0.9), Word("早。", 0.5, 1.0))


@given(timed(), texts)
def test_carried_times_are_monotone_and_inside(words: list[Word], text: str) -> None:
    carried = carry_times(words, text)
    assert [word.text for word in carried] == text.split()
    times = [(word.start, word.end) for word in carried]
    assert all(start is not None and end is not None and start <= end for start, end in times)
    assert all(one[1] <= two[0] for one, two in pairwise(times))  # type: ignore[operator]
    assert all(words[0].start <= start and end <= words[-1].end for start, end in times)  # type: ignore[operator]


@given(timed(min_size=0))
def test_an_unchanged_text_keeps_its_words(words: list[Word]) -> None:
    assert carry_times(words, " ".join(word.text for word in words)) == tuple(words)


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9)), min_size=1, max_size=6), texts)
def test_overlapping_words_still_start_in_order(times: list[tuple[float, float]], text: str) -> None:
    words = [Word(VOCABULARY[i], *time) for i, time in enumerate(times)]
    starts = [word.start for word in carry_times(words, text)]
    assert starts == sorted(starts)  # type: ignore[type-var]


def test_tokens() -> None:
    assert tokenize(" hi 你好。x") == [
        Token("hi", spaced=True),
        Token("你", spaced=True),
        Token("好。", spaced=False),
        Token("x", spaced=False),
    ]
    # Thai: a vowel sign stays with its consonant
    assert [token.text for token in tokenize("กินข้าว")] == ["กิ", "น", "ข้", "า", "ว"]


@given(st.text())
def test_tokens_lose_nothing_but_white_space(text: str) -> None:
    assert join(tokenize(text)) == " ".join(text.split())
