"""Written forms for language models."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ger.errors import UnknownNameError
from ger.text.form import FORMS, Form, apply


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        (" A b! ", "as-is", "A b!"),
        (" A b! ", "lower", "a b!"),
        ("HE SAT", "lower.", "he sat."),
        ("He sat?", "lower.", "he sat?"),
        ("he sat,", "lower.", "he sat."),
        ("he sat —", "lower.", "he sat."),
        ("HE SAT", "sentence", "He sat."),
        ("he sat", "sentence", "He sat."),
        ("he met Ann", "sentence", "He met Ann."),
        ("iPhone sold", "sentence", "IPhone sold."),
        ("“so be it,” he said", "sentence", "“So be it,” he said."),
        ("he said “no.”", "sentence", "He said “no.”"),
        ("so …", "sentence", "So …"),
        ("3 dogs", "sentence", "3 dogs."),
        ("room 42", "sentence", "Room 42."),
        ("42", "sentence", "42"),
        ("привет", "sentence", "Привет."),
        ("ǆep", "sentence", "ǅep."),
        ("გამარჯობა", "sentence", "გამარჯობა."),
        ("你好", "sentence", "你好"),
        ("你好。", "lower.", "你好。"),
        ("مرحبا", "sentence", "مرحبا"),
        ("كيف حالك؟", "lower.", "كيف حالك؟"),
        ("नमस्ते।", "sentence", "नमस्ते।"),
        ("iPhone を買う", "lower.", "iphone を買う"),
        ("…", "sentence", "…"),
        ("—", "sentence", "—"),
        ("   ", "sentence", ""),
    ],
)
def test_forms(text: str, form: Form, expected: str) -> None:
    assert apply(text, form) == expected


@pytest.mark.parametrize("form", FORMS)
@given(text=st.text())
def test_forms_are_stable_and_stripped(form: Form, text: str) -> None:
    once = apply(text, form)
    assert once == once.strip()
    # "aA" becomes "AA.", which then reads as a text in upper case.
    assert once.isupper() or apply(once, form) == once
    assert bool(once) == bool(text.strip())


def test_unknown_form() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'sentence'"):
        apply("a", "sentense")  # type: ignore[arg-type]
