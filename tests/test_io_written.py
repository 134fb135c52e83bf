"""Corrections written from their fields are what the encoder makes of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_types import corrections

from ger.errors import RecordError
from ger.io.jsonl import dumps
from ger.types import AudioSpan, Context, Correction, Edit, Hypothesis, Word


class Name(str):
    """Text of a type of its own."""

    __slots__ = ()


PLAIN = Correction("a", "x", "kept", audio=AudioSpan("a.wav", 0.5, 1.5), hypotheses=(Hypothesis("x", -1.5),))


def by_the_encoder(record: Correction, signature: str) -> str:
    return json.dumps(record.to_json() | {"signature": signature}, ensure_ascii=False, allow_nan=False)


@given(corrections, st.booleans(), st.text())
def test_as_the_encoder_writes_it(record: Correction, known: bool, signature: str) -> None:
    record = replace(record, extra={}) if known else record
    assert dumps(record, signature) == by_the_encoder(record, signature)
    assert dumps(record) == by_the_encoder(record, record.signature)


@pytest.mark.parametrize("number", [0, -3, 10**30, True, np.float64(0.1), -0.0, 1e16, 5e-324, None])
def test_numbers_of_all_types(number: Any) -> None:
    made = replace(PLAIN, hypotheses=(Hypothesis("x", number, number, number),), audio=AudioSpan("a", number, number))
    assert dumps(made, "s") == by_the_encoder(made, "s")


@pytest.mark.parametrize("text", [Name("né\n"), '\ud800 \u2028 \x00 " \\ 😀', 7, None, ["x"]])
def test_texts_of_all_types(text: Any) -> None:
    made = replace(
        PLAIN, id=text, text=text, language=text, reason=text, reference=text, hypotheses=(Hypothesis(text),)
    )
    assert dumps(made, "s") == by_the_encoder(made, "s")


@pytest.mark.parametrize(
    "fields",
    [
        {
            "hypotheses": (
                Hypothesis("x", -1.0, extra={"score": 1, "mine": [1]}),
                Hypothesis("y", words=(Word("y", 1.0),)),
            )
        },
        {"words": (Word("x", 0.5, None, 0.9, {"by": "me"}),), "edits": (Edit("x", "y", 1.0),)},
        {"audio": AudioSpan("a.wav", extra={"channel": 1})},
        {"audio": None, "hypotheses": ()},
        {"context": Context(("x",), "before", {"topic": "cats"}), "meta": {"a": {"b": None}}, "scores": {"lm": -1.0}},
        {"extra": {"id": "other", "speaker": "B"}, "target": "de"},
    ],
)
def test_parts_that_are_rare(fields: dict[str, Any]) -> None:
    made = replace(PLAIN, **fields)
    assert dumps(made, "s") == by_the_encoder(made, "s")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), np.float64("-inf")])
def test_numbers_without_a_form(number: float) -> None:
    wrong = [{"hypotheses": (Hypothesis("x", number),)}, {"audio": AudioSpan("a", number)}, {"scores": {"x": number}}]
    for fields in wrong:
        made = replace(PLAIN, **fields)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="Out of range") as expected:
            by_the_encoder(made, "s")
        with pytest.raises(RecordError) as caught:
            dumps(made, "s")
        assert caught.value.message == f"Record 'a' cannot be written as JSON: {expected.value}."


def test_what_is_nested_too_deeply() -> None:
    value: list[object] = []
    for _ in range(5000):
        value = [value]
    for fields in ({"meta": {"x": value}}, {"scores": {"x": value}}, {"context": Context(extra={"x": value})}):
        with pytest.raises(RecordError, match="Record 'a' cannot be written as JSON"):
            dumps(replace(PLAIN, **fields), "s")  # type: ignore[arg-type]
