"""Written form told apart from recognition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from ger.evaluate.forms import FORM_CLASSES, form_class, same_form, written
from ger.evaluate.regions import CLASSES, classed
from ger.evaluate.spelling import american


def classes(reference: str, hypothesis: str) -> dict[str, int]:
    """Errors by class, without zeros."""
    a, b = reference.split(), hypothesis.split()
    codes = [code for code in Levenshtein.opcodes(a, b) if code.tag != "equal"]
    return {name: n for name, n in zip(CLASSES, classed(a, b, codes), strict=True) if n}


@pytest.mark.parametrize(
    ("a", "b", "kind"),
    [
        ("non stop", "nonstop", "compound"),
        ("well-known", "well known", "compound"),
        ("twenty-seventh", "twenty seventh", "compound"),
        ("d c", "dc", "abbreviation"),
        ("u s", "U.S.", "abbreviation"),
        ("fivepm", "five p m", "abbreviation"),
        ("mister brown", "mr. brown", "abbreviation"),
        ("okay", "ok", "abbreviation"),
        ("colour", "color", "spelling"),
        ("all right", "alright", "spelling"),
        ("thousand,", "thousand", "punctuation"),
        ("Hello!", "hello", "punctuation"),
        ("$one", "one dollars", "number"),
        ("one thousand, nine hundred and eighty-seven", "nineteen eighty seven", "number"),
        ("nineteen hundred eighty seven", "1987", "number"),
        ("two thousand and six", "twenty oh six", "number"),
        ("nineteen eighties", "1980s", "number"),
        ("onest", "first", "number"),
        ("twenty-twond", "22nd", "number"),
        ("twentyth", "twentieth", "number"),
        ("eighteen dollars and twenty five cents", "$18.25", "number"),
        ("$1.5 billion", "one point five billion dollars", "number"),
        ("six pounds", "£6", "number"),
        ("fifty per cent", "50%", "number"),
        ("five thirty p m", "five point three pm", "number"),
        ("a hundred", "100", "number"),
        ("three point one four", "3.14", "number"),
        ("point five", ".5", "number"),
        ("d l seven four six", "dlseven hundred and forty-six", "number"),
        ("zero three nine", "039", "number"),
        ("two million five hundred thousand", "2,500,000", "number"),
        ("five point twenty five", "5.25", "number"),
        ("two point oh five", "2.05", "number"),
        ("two thousand 500", "2500", "number"),
        ("twenty 5", "25", "number"),
        ("two hundred hundred", "200100", "number"),
    ],
)
def test_same_words_written_otherwise(a: str, b: str, kind: str) -> None:
    assert same_form(a.split(), b.split()), (written(tuple(a.split())), written(tuple(b.split())))
    assert form_class(a.split(), b.split()) == form_class(b.split(), a.split()) == kind


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("nineteen", "ninety"),
        ("four five", "nine"),
        ("twenty seventh", "twenty seven"),
        ("one dollar", "one pound"),
        ("five dollars", "five"),
        ("mourning", "morning"),
        ("called", "caled"),
        ("filling", "filing"),
        ("fourth", "forth"),
        ("prise", "prize"),
        ("nineteen one point five million", "191.5 million"),
        ("point", "."),
        ("two thousand three thousand", "five thousand"),
        ("a thousand", "thousands"),
        ("9" * 5000, "8" * 5000),
        ("፩", "1"),
    ],
)
def test_other_words(a: str, b: str) -> None:
    assert not same_form(a.split(), b.split())


_SMALL = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"


def say(number: int) -> str:
    """A number in words, the British way."""
    if number < 20:
        return _SMALL.split()[number]
    if number < 100:
        return _TENS.split()[number // 10 - 2] + (f"-{_SMALL.split()[number % 10]}" if number % 10 else "")
    for size, name in ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= size:
            rest = number % size
            link = " and " if rest < 100 else ", " if size > 100 else " "
            return f"{say(number // size)} {name}{link + say(rest) if rest else ''}"
    raise AssertionError


@given(st.integers(0, 10**12 - 1))
def test_numbers_in_words_and_figures(number: int) -> None:
    words = say(number).split()
    assert same_form(words, [f"{number:,}"])
    assert same_form([f"${number}"], [*words, "dollars"])
    assert same_form([word for word in words if word != "and"], [str(number)])


def test_years_and_telephone_numbers_are_read_in_parts() -> None:
    for year in range(1010, 2100):
        first, second = divmod(year, 100)
        said = f"{say(first)} oh {say(second)}" if 0 < second < 10 else f"{say(first)} {say(second)}"
        assert same_form(said.split() if second else [say(first), "hundred"], [str(year)])
    assert same_form(["five", "five", "five", "oh", "one", "two"], ["555012"])


@pytest.mark.parametrize(
    ("british", "us"),
    [
        ("favourites", "favorites"), ("neighbourhood", "neighborhood"), ("behaviour", "behavior"),
        ("organisation", "organization"), ("realised", "realized"), ("analyse", "analyze"), ("theatre", "theater"),
        ("metres", "meters"), ("travelling", "traveling"), ("cancelled", "canceled"), ("jeweller", "jeweler"),
        ("dialogue", "dialog"), ("anaesthetic", "anesthetic"), ("haemoglobin", "hemoglobin"),
        ("centred", "centered"), ("centring", "centering"), ("metred", "metered"), ("centre", "center"),
        ("fuelled", "fueled"), ("refuelling", "refueling"), ("dialled", "dialed"), ("duellists", "duelists"),
        ("equalling", "equaling"), ("organisational", "organizational"),
        ("organisationally", "organizationally"), ("behavioural", "behavioral"), ("behaviourally", "behaviorally"),
        ("behaviourist", "behaviorist"), ("favouritism", "favoritism"), ("colourise", "colorize"),
        ("archaeology", "archeology"), ("oestrogen", "estrogen"), ("defence", "defense"), ("grey", "gray"),
        ("plough", "plow"), ("parlour", "parlor"), ("honourable", "honorable"), ("panellist", "panelist"),
    ],
)  # fmt: skip
def test_british_and_american(british: str, us: str) -> None:
    assert american(british) == american(us)


_APART = """
four for hour pour tour your court course source mourning morning journal rise wise raise surprise prise prize size
filling filing called rolling willing pulled polled tiling tilling stalled staled rogue vogue centre poetry acre ogre
genre there where more fire tire shore aerial does shoes toe poem ballot allot pallet
quelled dwelled squalled hatred hatted sacred scared journals tourist terrorist retired retried
"""


def test_rules_keep_english_words_apart() -> None:
    words = _APART.split()
    assert len({american(word) for word in words}) == len(words)


def test_edits_are_classed_and_add_up() -> None:
    reference = "flights to washington d c on the twenty seventh of may nonstop with my favourite airline"
    hypothesis = "flight to washington dc on the twenty-seventh of may non stop with my favorite airline"
    assert classes(reference, hypothesis) == {"abbreviation": 2, "compound": 4, "spelling": 1, "other": 1}
    assert Levenshtein.distance(reference.split(), hypothesis.split()) == 8


@pytest.mark.parametrize(
    ("reference", "hypothesis", "expected"),
    [
        ("about one thousand five hundred dollars", "about $one thousand five hundred", {"number": 2}),
        ("one hundred and five days", "one hundred five days", {"number": 1}),
        ("it cost five p m flights", "it cost fivepm flight", {"abbreviation": 3, "other": 1}),
        ("one twenty six is it", "one hundred and twenty-six is it", {"number": 3}),
        ("he said . no", "he said no", {"punctuation": 1}),
        ("he said no", "- he said ... no", {"punctuation": 2}),
        ("ten minutes", "eleven minutes", {"other": 1}),
        ("", "too much", {"other": 2}),
        ("all gone", "", {"other": 2}),
        ("你 好", "你好", {"compound": 2}),
        ("and so", "so", {"other": 1}),
    ],
)
def test_forms_of_more_words_than_those_that_differ(reference: str, hypothesis: str, expected: dict[str, int]) -> None:
    assert classes(reference, hypothesis) == expected


def test_another_long_text_is_no_other_form() -> None:
    a, b = "one " * 300, "two " * 300
    assert classes(a, b) == {"other": 300}


_VOCABULARY = "a and one two five hundred thousand, $one dollars p m pm point non stop nonstop twenty-one - the"
_WORDS = st.lists(st.sampled_from(_VOCABULARY.split()), max_size=12)


@given(_WORDS, _WORDS)
def test_classes_add_up_to_the_errors(a: list[str], b: list[str]) -> None:
    found = classes(" ".join(a), " ".join(b))
    assert sum(found.values()) == Levenshtein.distance(a, b)
    assert all(number > 0 for number in found.values())


@given(_WORDS)
def test_nothing_differs_from_itself(a: list[str]) -> None:
    assert classes(" ".join(a), " ".join(a)) == {}


@given(st.lists(st.text(max_size=6), max_size=6), st.lists(st.text(max_size=6), max_size=6))
def test_any_text_has_a_form(a: list[str], b: list[str]) -> None:
    if same_form(a, b):
        assert form_class(a, b) in FORM_CLASSES
