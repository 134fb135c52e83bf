"""N-gram models. Golden numbers are from KenLM's own programs, lmplz and query, run on the same text."""

import gzip
import math
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ger.errors import InputError, ModelError, OutputError, UsageError
from ger.lm.ngram import EOS, UNK, NGramModel, Note, train

TINY = ["the cat sat", "the cat ran home", "a dog sat on the mat", "the dog", "home"]


def tiny(order: int = 3) -> NGramModel:
    return train((text.split() for text in TINY), order)


def walk() -> Iterator[list[str]]:
    """Text in which all counts of counts that the discounts need are there."""
    numbers = random.Random(7)
    for _ in range(300):
        yield [f"w{int(numbers.random() ** 3 * 400)}" for _ in range(1 + int(numbers.random() * 8))]


def log10(nats: float) -> float:
    return nats / math.log(10)


def test_tiny_text_as_lmplz_with_discount_fallback() -> None:
    model = tiny()
    assert model.counts() == [12, 17, 15]
    golden = {
        ("<unk>",): -1.3687516,
        ("</s>",): -0.7216132,
        ("the",): -0.993088,
        ("<s>", "the"): -0.45493776,
        ("the", "cat"): -0.69301146,
        ("home", "</s>"): -0.22554158,
        ("cat", "sat", "</s>"): -0.17233361,
        ("the", "cat", "sat"): -0.3975048,
        ("<s>", "the", "dog"): -0.5600344,
        ("<s>", "a", "dog"): -0.11047362,
    }
    for gram, expected in golden.items():
        assert model.log10(gram[:-1], gram[-1]) == pytest.approx(expected, abs=2e-6)


def test_larger_text_as_lmplz() -> None:
    model = train(walk())
    assert model.counts() == [338, 1257, 1296]
    assert model.log10(("w0",), "w1") == pytest.approx(-1.4626409, abs=2e-6)
    assert model.log10(("<s>", "w0"), "w0") == pytest.approx(-0.8919657, abs=2e-6)
    sentences = {"w0 w1 w2": -5.184337, "w3 w0 w0 w17 w2": -8.424237, "w999 w0": -4.970031, "": -1.1994454}
    for text, expected in sentences.items():
        assert log10(model.score(text.split())) == pytest.approx(expected, abs=5e-6)


def test_scores_as_query() -> None:
    model = tiny()
    for text, expected in {"the cat": -2.1404066, "home a dog": -3.5874767, "something sat": -3.1251516}.items():
        assert log10(model.score(text.split())) == pytest.approx(expected, abs=5e-6)


def test_a_prefix_is_not_scored_but_counts() -> None:
    model = tiny()
    whole, begin = model.score(["the", "cat", "ran"]), model.log10(("<s>",), "the") + model.log10(("<s>", "the"), "cat")
    assert model.score(["ran"], prefix=["the", "cat"]) == pytest.approx(whole - begin * math.log(10))
    assert model.score(["ran"], prefix=["nothing", "known"]) == pytest.approx(
        math.log(10) * (model.log10((UNK,), "ran") + model.log10(("ran",), EOS))
    )


words = st.sampled_from(["a", "b", "c", "d", "e", "f"])


@settings(max_examples=60)
@given(
    st.lists(st.lists(words, min_size=1, max_size=6), min_size=1, max_size=40),
    st.integers(2, 4),
    st.lists(words, max_size=4),
)
def test_probabilities_add_up_to_one(text: list[list[str]], order: int, context: list[str]) -> None:
    model = train(text, order)
    for history in (tuple(context), ("<s>", *context)):
        total = sum(10 ** model.log10(history, word) for word in model.words())
        assert total == pytest.approx(1, abs=1e-9)


def test_written_and_read(tmp_path: Path) -> None:
    model = tiny()
    path = tmp_path / "sub" / "lm.arpa"
    model.write(path)
    text = path.read_text()
    assert text.startswith("\\data\\\nngram 1=12\nngram 2=17\nngram 3=15\n\n\\1-grams:\n")
    assert "\n-0.3975048\tthe cat sat\n" in text
    assert text.endswith("\n\\end\\\n")
    (tmp_path / "lm.arpa.gz").write_bytes(gzip.compress(path.read_bytes()))
    for read in (NGramModel.read(path), NGramModel.read(tmp_path / "lm.arpa.gz")):
        assert read.order == 3
        assert read.counts() == [12, 17, 15]
        assert "cat" in read
        assert "bird" not in read
        assert read.score(["the", "bird"]) == pytest.approx(model.score(["the", "bird"]), abs=1e-5)
        assert sorted(read.words()) == sorted(model.words())


OTHER = """

\\data\\
ngram 1 = 3
ngram  2=1

\\1-grams:
-99 <s> -0.5
-0.25 </s>
-0.5 hi -0.125

\\2-grams:
-0.0625 <s> hi

\\end\\
what follows does not matter
"""


def test_models_of_other_programs(tmp_path: Path) -> None:
    path = tmp_path / "lm.arpa"
    path.write_text(OTHER.replace("\n", "\r\n"))
    model = NGramModel.read(path)
    assert log10(model.score(["hi"])) == pytest.approx(-0.0625 - 0.125 - 0.25)
    # No <unk>: -100, and no context that is known.
    assert log10(model.score(["ho"])) == pytest.approx(-0.5 - 100 - 0.25)
    path.write_text(OTHER.replace("1 = 3", "1=4").replace("-0.25 </s>", "-0.25 </s>\n-2\t<UNK>"))
    assert log10(NGramModel.read(path).score(["ho"])) == pytest.approx(-0.5 - 2 - 0.25)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\\end\\\nwhat follows does not matter", "", r"no \\end\\ was found"),
        (OTHER, "", r"no \\end\\ was found"),
        (OTHER, "just text\n", r"no \\end\\ was found"),
        ("ngram 1 = 3", "ngram 1 = 4", r"line 15: 4 1-grams are announced, 3 are there"),
        ("ngram 1 = 3\nngram  2=1", "", r"line 6: unexpected '\\\\1-grams:'"),
        (OTHER, "\\data\\\n\\end\\\n", r"line 2: no n-grams are announced"),
        ("ngram  2=1", f"ngram 2={'9' * 5000}", r"line 5: unexpected 'ngram 2=9"),
        ("\\2-grams:", f"\\{'2' * 5000}-grams:", r"line 12: unexpected '\\\\22"),
        ("ngram  2=1", "ngrams=1", r"line 5: unexpected 'ngrams=1'"),
        ("\\2-grams:", "\\3-grams:", r"line 12: unexpected '\\\\3-grams:'"),
        ("-0.0625 <s> hi", "-0.0625 hi", r"line 13: expected a number, 2 words and maybe a number, found '-0.0625 hi'"),
        ("-0.0625 <s> hi", "-0.0625 <s> hi -1 0", r"line 13: expected a number, 2 words"),
        ("-0.0625 <s> hi", "x <s> hi", r"line 13: expected a number"),
        ("-0.5 hi -0.125", "-0.5 hi x", r"line 10: expected a number"),
    ],
)
def test_damaged_files(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "lm.arpa"
    path.write_text(OTHER.replace(old, new))
    with pytest.raises(ModelError, match=message) as caught:
        NGramModel.read(path)
    assert caught.value.message.startswith(str(path))


def test_unreadable_files(tmp_path: Path) -> None:
    path = tmp_path / "lm.arpa"
    with pytest.raises(ModelError, match=r"lm\.arpa cannot be read: .*No such file"):
        NGramModel.read(path)
    path.write_bytes(OTHER.replace("hi", "h\xef").encode("latin-1"))
    with pytest.raises(ModelError, match="line 10: not UTF-8"):
        NGramModel.read(path)
    packed = gzip.compress(OTHER.encode())
    path.write_bytes(packed[:20] + b"\xff" * 20 + packed[40:])
    with pytest.raises(ModelError, match="cannot be read"):
        NGramModel.read(path)
    path.write_bytes(packed[:40])
    with pytest.raises(ModelError, match="cannot be read"):
        NGramModel.read(path)


def test_what_cannot_be_trained() -> None:
    for order in (0, 1, 7):
        with pytest.raises(UsageError, match=f"order {order} cannot be made. Use 2 to 6"):
            train([["a"]], order)
    with pytest.raises(InputError, match="no sentence to train on"):
        train([])
    with pytest.raises(InputError, match=r"holds </s>, which is a mark of the model: 'a </s>'"):
        train([["a", "</s>"]])


def test_sentences_shorter_than_the_order() -> None:
    model = train([["a"], ["b"]], 5)
    assert model.counts() == [5, 4, 2, 0, 0]
    assert model.score(["a"]) == pytest.approx(model.score(["b"]))
    assert model.score(["a"]) > model.score(["a", "b"])


def test_notes(tmp_path: Path) -> None:
    path = tmp_path / "lm.arpa"
    assert Note.read(path) is None
    note = Note("basic", 3, 5, 16)
    note.write(path)
    assert Note.read(path) == note
    for damage in ("{", "[]", '{"normalizer": "basic"}'):
        (tmp_path / "lm.arpa.json").write_text(damage)
        with pytest.raises(ModelError, match=r"lm\.arpa\.json is not the note of a model"):
            Note.read(path)


def test_a_model_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        tiny().write(tmp_path / "file" / "lm.arpa")
