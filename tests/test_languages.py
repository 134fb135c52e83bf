"""Codes and names of languages."""

import pytest

from ger.errors import UsageError
from ger.languages import canonical, name_of, same, target


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("de", "de"),
        ("DE", "de"),
        ("German", "de"),
        (" haitian  creole ", "ht"),
        ("deu", "de"),
        ("yue", "yue"),
        ("xx", "xx"),
    ],
)
def test_codes_and_names(given: str, code: str) -> None:
    assert canonical(given) == code


@pytest.mark.parametrize(("given", "code"), [("pt-BR", "pt"), ("zh_Hans", "zh"), ("deu_Latn", "de"), ("no", "no")])
def test_regions_and_scripts_do_not_count(given: str, code: str) -> None:
    assert target(given) == code


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("grman", "Did you mean 'german'?"),
        ("dee", r"Did you mean 'de' \(German\)?"),
        ("dutsch", "Did you mean 'dutch'?"),
        ("", "Use a code or an English name, such as de or german."),
        ("../../x", "Use a code or an English name"),
    ],
)
def test_languages_that_are_none(given: str, hint: str) -> None:
    with pytest.raises(UsageError, match=hint):
        target(given)


def test_names_and_equality() -> None:
    assert (name_of("de"), name_of("xyz"), name_of(None)) == ("German", "xyz", "")
    assert same("de", "German")
    assert not same("de", None)
    assert not same(None, None)
    assert not same("de", "nl")
