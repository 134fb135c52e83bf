"""How figures and symbols are spoken."""

from __future__ import annotations

import pytest

from ger.text.spoken import spoken


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("GPT-4", ["gpt four"]),
        ("C++", ["c plus plus"]),
        ("AT&T", ["at and t"]),
        (".NET", ["dot net"]),
        ("Node.js", ["node dot js"]),
        ("COVID-19", ["covid nineteen", "covid one nine"]),
        ("A320", ["a three twenty", "a three two zero"]),
        ("1984", ["nineteen eighty four", "one nine eight four"]),
        ("007", ["zero zero seven"]),
        ("2005", ["twenty zero five", "two zero zero five"]),
        ("12345", ["one two three four five"]),
        ("Katarzyna Nowak", []),
        ("U.S.", []),
        ("Dr. Nowak", []),
    ],
)
def test_what_is_said(text: str, wanted: list[str]) -> None:
    assert list(spoken(text)) == wanted
