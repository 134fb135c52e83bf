"""Codes and names of languages."""

import pytest

from ger.errors import UsageError
from ger.languages import among, canonical, code_of, name_of, same, spoken, unknown


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("de", "de"),
        ("DE", "de"),
        ("German", "de"),
        (" haitian  creole ", "ht"),
        ("deu", "de"),
        ("yue", "yue"),
        ("ger", "de"),
        ("xx", "xx"),
    ],
)
def test_codes_and_names(given: str, code: str) -> None:
    assert canonical(given) == code


OWN = """
de deutsch; fr français; fr francais; es Español; pt português; it italiano; pl polski; nl nederlands; sv svenska;
da dansk; no norsk; fi suomi; cs čeština; tr türkçe; ru русский; uk українська; ja 日本語; zh 中文; ko 한국어;
ar العربية; hi हिन्दी; el ελληνικά; hu magyar; ro română
"""


def test_languages_by_their_own_names() -> None:
    for code, name in (entry.split() for entry in OWN.split(";")):
        assert canonical(name) == code


@pytest.mark.parametrize(("given", "code"), [("pt-BR", "pt"), ("zh_Hans", "zh"), ("deu_Latn", "de"), ("no", "no")])
def test_regions_and_scripts_do_not_count(given: str, code: str) -> None:
    assert code_of(given) == code
    assert spoken(given) == given  # for a recognizer that knows regions


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("grman", "Did you mean 'german'?"),
        ("dee", "Use a code or an English name"),
        ("jap", "Did you mean 'japanese'?"),
        ("dutsch", "Did you mean 'dutch'?"),
        ("klingon", "Use a code or an English name"),
        ("haitian-creole", "Did you mean 'haitian creole'?"),
        ("french-creole", "Use a code or an English name"),
        ("xq", "Use a code or an English name"),
        ("jp-JP", r"Did you mean 'ja' \(Japanese\)?"),
        ("cn", r"Did you mean 'zh' \(Chinese\)?"),
        ("cz", r"Did you mean 'cs' \(Czech\)?"),
        ("gr", r"Did you mean 'el' \(Greek\)?"),
        ("ua", r"Did you mean 'uk' \(Ukrainian\)?"),
        ("DK", r"Did you mean 'da' \(Danish\)?"),
        ("se", r"Did you mean 'sv' \(Swedish\)?"),
        ("kr", r"Did you mean 'ko' \(Korean\)?"),
        ("", "Use a code or an English name, such as de or german."),
        ("../../x", "Use a code or an English name"),
    ],
)
def test_languages_that_are_none(given: str, hint: str) -> None:
    for check in (code_of, spoken):
        with pytest.raises(UsageError, match=hint):
            check(given)


def test_what_recognizers_are_told() -> None:
    assert [spoken(text) for text in ("German", "deu", "en-US")] == ["de", "de", "en-US"]
    assert [spoken(text, more=True) for text in ("German", "eng", "gsw", "gsw-CH")] == ["de", "en", "gsw", "gsw-CH"]
    with pytest.raises(UsageError, match="no language called 'klingon'"):
        spoken("klingon", more=True)


def test_what_a_model_calls_a_language() -> None:
    assert [among(text, ["en", "jw"]) for text in ("en-US", "English", "javanese", "fr", "xx")] == [
        *("en", "en", "jw", "fr", "xx")
    ]
    assert among("en-US", ["en", "en-US"]) == "en-US"
    assert among("en", ["en-GB", "en-US"]) == "en"
    many = [f"{first}x" for first in "abcdefghijklmnop"]
    assert str(unknown("It", "fr", many)) == "It does not know the language 'fr'. Use a model that knows it."
    assert str(unknown("It", "fr", ["en"])) == "It does not know the language 'fr'. Known: en."
    assert str(unknown("It", "jp", many)).endswith("Did you mean 'ja' (Japanese)?")


def test_names_and_equality() -> None:
    assert (name_of("de"), name_of("xyz"), name_of(None)) == ("German", "xyz", "")
    assert (name_of("zu"), name_of("pt-BR")) == ("Zulu", "Portuguese")
    assert same("en-US", "en")
    assert same("de", "German")
    assert not same("de", None)
    assert not same(None, None)
    assert not same("de", "nl")
