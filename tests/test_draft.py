"""Drafts, on cases worked out by hand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ger.lm.draft import Drafter

END = 0
#: show all fairs from / show me fares to / show all fairs to
FIRST, SECOND = (1, 2, 3, 4, 5, END), (1, 9, 8, 6, 7, END)


def test_the_first_draft_is_the_first_text() -> None:
    assert Drafter([FIRST, SECOND]).draft() == FIRST
    assert Drafter([]).draft() == ()
    assert Drafter([(), SECOND]).draft() == SECOND
    assert Drafter([FIRST], most=2).draft() == FIRST[:2]


def test_what_was_right_is_left_behind() -> None:
    drafter = Drafter([FIRST], most=2)
    drafter.told([1, 2, 3], 2)
    assert drafter.draft() == (4, 5)


def test_a_token_that_is_nowhere_stands_for_another_one() -> None:
    drafter = Drafter([FIRST, SECOND])
    drafter.told([1, 2, 30], 2)
    assert drafter.draft() == (4, 5, END)


def test_a_token_that_was_left_out_is_found_further_on() -> None:
    drafter = Drafter([FIRST, SECOND])
    drafter.told([1, 2, 4], 2)
    assert drafter.draft() == (5, END)


def test_another_text_goes_on_where_it_has_the_token() -> None:
    drafter = Drafter([FIRST, SECOND])
    drafter.told([1, 2, 8], 2)
    assert drafter.draft() == (6, 7, END)


def test_more_tokens_that_agree_count_before_the_text_that_was_followed() -> None:
    """4 stands in the first text, but only the second one has it behind 9."""
    drafter = Drafter([FIRST, (1, 9, 4, 7, END)])
    drafter.told([1, 9], 1)
    assert drafter.draft() == (4, 7, END)
    drafter = Drafter([(1, 2, 9, 4, 5, END), (1, 3, 4, 7, END)])
    drafter.told([1, 3], 1)
    drafter.told([1, 3, 4, 8], 1)
    assert drafter.draft()[:1] == (END,)


def test_the_nearest_place_counts() -> None:
    text = (5, 1, 6, 7, 8, 5, 2, END)
    drafter = Drafter([(3, 3, 3, 3, 3, END), text])
    drafter.told([3, 3, 3, 3, 5], 4)
    assert drafter.draft() == (2, END)


def test_what_was_read_comes_last_and_needs_two_tokens() -> None:
    drafter = Drafter([FIRST], read=(20, 21, 22, 23))
    drafter.told([21], 0)
    assert drafter.draft() == FIRST[1:5]
    drafter.told([21, 22], 0)
    assert drafter.draft() == (23,)


def test_drafts_become_shorter_where_they_were_wrong_and_long_again() -> None:
    text = (*range(1, 60), END)
    drafter = Drafter([text])
    drafter.told([100], 0)
    assert drafter.draft() == text[1:5]
    drafter.told([100, 2, 3, 4, 5, 6], 4)
    assert drafter.draft() == text[6:]


_TOKENS = st.lists(st.integers(1, 5), max_size=8)


@given(st.lists(_TOKENS, max_size=4), _TOKENS, _TOKENS)
def test_any_answer_is_written_with_any_texts(texts: list[list[int]], read: list[int], answer: list[int]) -> None:
    answer = [*answer, END]
    drafter, made, steps = Drafter([[*text, END] for text in texts], read), [], 0
    while made != answer:
        draft, right = drafter.draft(), 0
        while right < len(draft) and len(made) + right < len(answer) and draft[right] == answer[len(made) + right]:
            right += 1
        right = min(right, len(answer) - len(made) - 1)
        made = answer[: len(made) + right + 1]
        drafter.told(made, right)
        steps += 1
    assert steps <= len(answer)
    if texts and answer[:-1] == texts[0]:
        assert steps == 1
