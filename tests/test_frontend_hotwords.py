"""Hotwords for recognizers that read a prompt: which are told, and the list that comes of two searches."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import pytest

from asr_frontends.beams import Path
from asr_frontends.hotwords import BIASED, Shortlist, joined, prompted, signature

WORDS = ["", "the", "raven", "sat", "ravenscar", "on", "scar", "a", "rock", "raven's"]


def decode(tokens: Sequence[int]) -> str:
    return " ".join(WORDS[token] for token in tokens)


def encode(text: str) -> list[int]:
    """A token a character, and the special token 200 for what is spelled like one."""
    return [200 if piece == "<|end|>" else ord(char) % 128 for piece in text.split("|||") for char in piece]


# Which are told -------------------------------------------------------------------------------------------------------


def test_what_sounds_like_something_in_the_list_is_told() -> None:
    short = Shortlist(["Brixworth", "Kowalczyk", "Ravenscar", "Ouagadougou"])
    told = short.of((), ["we left from bricks worth at noon", "we left Rigsworth"])
    assert told[0] == "Brixworth"
    assert "Ouagadougou" not in told
    assert "Ravenscar" in short.of((), ["the raven sat on a raven scar"])
    assert short.of((), []) == Shortlist([]).of((), ["bricks worth"]) == ()


def test_those_of_a_segment_are_told_beside_those_of_all() -> None:
    short = Shortlist(["Brixworth"])
    assert short.of(("Rigsworth",), ["we left Rigsworth"]) == ("Rigsworth", "Brixworth")


def test_spellings_say_how_hotwords_are_spoken() -> None:
    heard = ["and shivon came"]
    assert Shortlist(["Siobhan"]).of((), heard) == Shortlist([]).of(["Siobhan"], heard) == ()
    sounds = [("shivon", "Siobhan"), ("came", "Kamm")]
    assert Shortlist(["Siobhan"], sounds).of((), heard) == Shortlist([], sounds).of(["Siobhan"], heard) == ("Siobhan",)
    assert Shortlist(["Siobhan"], sounds).signature != Shortlist(["Siobhan"]).signature


def test_few_of_a_long_list_are_told_and_soon() -> None:
    letters = random.Random(0)
    many = ["".join(letters.choices("bdfgklmnprst", k=3)) + letters.choice("aeiou") * 2 for _ in range(20_000)]
    short = Shortlist([*many, "Brixworth"])
    told = short.of((), ["the school in bricks worth was closed"])
    assert told[0] == "Brixworth"
    assert len(told) <= 16


def test_the_signature_tells_lists_apart() -> None:
    made = [Shortlist(words).signature for words in ((), ("Ada",), ("Bob",), ("Ada", "Bob"))]
    assert made[0] == ""
    assert len(set(made)) == 4
    assert made[3].startswith(",hotwords=2:")
    assert made == [signature(words) for words in ((), ("Ada",), ("Bob",), ("Ada", "Bob"))]


def test_a_prompt_has_whole_hotwords_and_only_text() -> None:
    told = prompted(["Ada", "Bob", "Charlotte"], encode, 128, 12)
    assert told.hotwords == ("Ada", "Bob")
    assert "".join(map(chr, told.tokens)) == " Ada, Bob."
    assert prompted(["Ada"], encode, 128, 3).hotwords == ()
    odd = prompted(["Ada|||<|end|>|||"], encode, 128, 50)
    assert all(token < 128 for token in odd.tokens)


# One list out of two --------------------------------------------------------------------------------------------------

HEARD, OTHERS = (2, 3, 5, 7, 6), [(1, 2, 3, 5, 7, 6), (9, 3, 5, 7, 6), (2, 3, 5, 1, 6)]  # raven sat on a scar …
NAMED, AGAIN, THIRD = (4, 3, 5, 7, 8), (4, 3, 5, 1, 8), (4, 3, 5, 8)  # ravenscar sat on a rock …
CHANGED = (2, 3, 5, 7, 8)  # raven sat on a rock
ALONE = {HEARD: -2.0, OTHERS[0]: -3.0, OTHERS[1]: -4.0, OTHERS[2]: -5.0, NAMED: -9.0, AGAIN: -12.0}
TOLD = {NAMED: -1.0, CHANGED: -1.5, AGAIN: -2.0, THIRD: -2.5, HEARD: -7.0, OTHERS[0]: -8.5}


def never(texts: list[tuple[int, ...]]) -> list[float]:
    raise AssertionError(texts)


def both(size: int, told: Sequence[tuple[int, ...]] = tuple(TOLD), hotwords: Sequence[str] = ("Ravenscar",)) -> Any:
    return joined(
        [Path(tokens, ALONE[tokens]) for tokens in (HEARD, *OTHERS)],
        [Path(tokens, TOLD[tokens]) for tokens in told],
        hotwords,
        score=lambda texts: [ALONE[tokens] for tokens in texts],
        biased=never if HEARD in told else lambda texts: [TOLD[tokens] for tokens in texts],
        decode=decode,
        size=size,
    )


def test_texts_with_hotwords_come_into_the_list_and_scores_are_those_without() -> None:
    made = both(5)
    order = [HEARD, *OTHERS[:2], NAMED, AGAIN]
    assert [(h.text, h.score) for h in made.hypotheses] == [(decode(tokens), ALONE[tokens]) for tokens in order]
    assert all(h.acoustic_score == h.score for h in made.hypotheses)
    assert made.best == HEARD
    assert {path.tokens: path.score for path in made.paths} == ALONE
    biased = [h.extra[BIASED] for h in made.hypotheses]
    assert biased[3:] == [TOLD[NAMED], TOLD[AGAIN]]
    # Those without: log(e^-7 + e^-8.5) - log(e^-2 + e^-3), the same for all of them.
    gained = -7 + math.log1p(math.exp(-1.5)) - (-2 + math.log1p(math.exp(-1)))
    assert [told - h.score for told, h in zip(biased, made.hypotheses[:3], strict=False)] == pytest.approx([gained] * 3)


def test_what_the_second_search_did_not_find_is_asked_for() -> None:
    made = both(4, [NAMED, CHANGED])
    assert [h.text for h in made.hypotheses] == [decode(tokens) for tokens in (HEARD, *OTHERS[:2], NAMED)]
    assert [h.extra[BIASED] for h in made.hypotheses] == pytest.approx([-7.0, -8.0, -9.0, -1.0])


def test_without_a_hotword_in_a_text_nothing_changes() -> None:
    assert both(5, [CHANGED, HEARD]) is None
    assert both(5, []) is None
    assert both(5, hotwords=("raven scar", "Ravens")) is None
    assert both(1) is None


def test_hotwords_are_found_whatever_their_case_and_with_an_ending() -> None:
    assert [h.text for h in both(2, hotwords=("RAVENSCAR, sat",)).hypotheses] == [decode(HEARD), decode(NAMED)]
    made = both(2, [HEARD, OTHERS[0]], ["Raven"])
    assert [h.extra[BIASED] for h in made.hypotheses] == [TOLD[HEARD], TOLD[OTHERS[0]]]
