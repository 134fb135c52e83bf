"""When two texts count as the same."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ger.errors import UnknownNameError
from ger.text.normalize import NORMALIZERS, normalize, signature


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("  Hello,\tWorld!\n", "hello world"),
        ("Don’t", "don't"),
        ("Donʼt don‘t don't", "don't don't don't"),
        ("'Tis the dogs' rock 'n' roll", "tis the dogs rock n roll"),
        ("a '' b a''b", "a b ab"),
        ("well-known, on—and–off and/or snake_case", "well known on and off and or snake case"),
        ("the U.S. and e.g. that", "the us and eg that"),
        ("3.5 10:30 1/2 ½", "3 5 10 30 1 2 1 2"),
        ("10,000 1,000,000 2,5 1,2345", "10000 1000000 2 5 1 2345"),
        ("$5 + 20% = ©", "5 20"),
        ("Straße STRASSE", "strasse strasse"),
        ("ﬁne Ａ１ x²", "fine a1 x2"),
        ("cafe\u0301", "caf\u00e9"),
        ("你好，世界。", "你好世界"),
        ("مرحبا؟ كَتَبَ", "مرحبا كَتَبَ"),
        ("नमस्ते।", "नमस्ते"),
        ("soft\u00adhy\u200bphen \ufeffbom", "softhyphen bom"),
        ("hi 😀 ❤️ 👨‍👩‍👧", "hi"),
        ("broken \udcff name", "broken name"),
        ("1\u20e32", "1\u20e32"),
    ],
)
def test_basic(text: str, expected: str) -> None:
    assert normalize(text) == expected


def test_none_changes_nothing() -> None:
    assert normalize("  A, b!  ", "none") == "  A, b!  "


def test_unknown_name_is_suggested() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'basic'") as caught:
        normalize("a", "basics")
    assert "'basics'" in caught.value.message


@given(st.text())
def test_basic_is_idempotent_and_tidy(text: str) -> None:
    once = normalize(text)
    assert normalize(once) == once
    assert once == " ".join(once.split())


@given(st.text(st.characters(categories=["Lu", "Ll", "Lo", "Nd", "Zs"])))
def test_letters_and_digits_stay(text: str) -> None:
    kept = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).replace("ʼ", "")
    assert sum(map(str.isalnum, normalize(text))) == sum(map(str.isalnum, kept))


@given(st.text(st.characters(categories=["P", "S", "Cf"]).filter(lambda c: unicodedata.normalize("NFKC", c) == c)))
def test_marks_alone_are_nothing(text: str) -> None:
    assert normalize(text) == ""


@given(st.text(st.characters(codec="ascii")))
def test_case_does_not_matter(text: str) -> None:
    assert normalize(text.upper()) == normalize(text.lower())


def test_names() -> None:
    assert list(NORMALIZERS) == ["none", "basic", "whisper-english"]


def test_whisper_english_as_published() -> None:
    pytest.importorskip("whisper_normalizer")
    said = "Mr. Brown's colour isn't [noise] worth twenty-five dollars, um, he said."
    assert normalize(said, "whisper-english") == "mister brown is color is not worth $25 he said"
    assert signature("whisper-english").startswith("whisper-english-0.")
    assert signature("basic") == "basic"
