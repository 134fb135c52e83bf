"""Lists made of text: what sounds alike, what lists confuse, and what comes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from ger.cli.data import app
from ger.errors import InputError, UsageError
from ger.evaluate.rates import distance
from ger.io.jsonl import read_nbest, write_records
from ger.text.normalize import normalize
from ger.text.sounds import likeness, sound
from ger.train.alternatives import Alternatives
from ger.train.confuse import Confusions, Site, learn, sites, words_of
from ger.train.noise import noised
from ger.types import Hypothesis, NBest

SENTENCES = (
    "show me the non stop fares to boston",
    "is there a nonstop flight at eight in the morning",
    "they ate there before the flight",
    "what are the fairs in the city this week",
    "the weak plane had to wait for rain",
    "a plain sail is for sale by the sea",
    "i see two of them to the right",
    "write to their agent about the weight",
)


def nbest(key: str, reference: str | None, *texts: str) -> NBest:
    return NBest(key, tuple(map(Hypothesis, texts)), reference=reference)


# Sound


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("fares", "fairs"), ("write", "right"), ("knew", "new"), ("night", "knight"), ("their", "there"),
        ("to", "two"), ("one", "won"), ("sea", "see"), ("weight", "wait"), ("plane", "plain"), ("sale", "sail"),
        ("whole", "hole"), ("know", "no"), ("road", "rode"), ("steel", "steal"), ("scent", "sent"), ("rain", "reign"),
        ("cell", "sell"), ("blue", "blew"), ("week", "weak"), ("hear", "here"), ("bear", "bare"), ("eight", "ate"),
        ("site", "sight"), ("allowed", "aloud"), ("who's", "whose"), ("non stop", "nonstop"), ("café", "cafe"),
    ],
)  # fmt: skip
def test_words_that_sound_the_same(one: str, other: str) -> None:
    assert sound(one) == sound(other)
    assert likeness(one, other) == 1


def test_what_sounds_less_alike() -> None:
    assert 1 > likeness("weather", "whether") > likeness("weather", "winter") > likeness("weather", "boston")
    assert likeness("cat", "") == 0
    assert 0 < likeness("дом", "том") < 1
    assert sound("機場") == "機場"


@given(st.text(), st.text())
def test_likeness_is_a_share_and_goes_both_ways(one: str, other: str) -> None:
    assert 0 <= likeness(one, other) <= 1
    assert likeness(one, other) == pytest.approx(likeness(other, one))
    assert likeness(one, one) == 1


# Confusions


def test_sites_by_hand() -> None:
    made = sites(
        words_of("show me nonstop fares to d c"),
        [
            words_of(text)
            for text in (
                "Show me non stop fairs to D.C.",
                "show nonstop fares to dc .",
                "so show me nonstop fares to d c",
            )
        ],
    )
    assert made == [
        Site(0, 0, ("so",), (0, 0, 1)),
        Site(1, 2, ("",), (0, 1, 0)),
        Site(2, 4, ("non stop fairs",), (1, 0, 0)),
        Site(5, 7, ("D.C.", "dc"), (1, 2, 0)),
    ]


def test_case_and_punctuation_are_no_site() -> None:
    assert sites(words_of("Who, me?"), [words_of("who me"), words_of("Who... me .")]) == []


def test_learned_counts_by_hand() -> None:
    known = learn(
        [
            nbest("a", "the fares to boston", "the fairs to boston", "the fares to boston"),
            nbest("b", "fares to", "fares to", "fairs", "fares too"),
            nbest("c", "a", "a"),
            nbest("none", "a b c"),
        ]
    )
    assert known.said["fares",] == {"fairs": 1}
    assert known.said["fares", "to"] == {"fairs": 1, "fares too": 1}
    assert (known.sites["fares",], known.seen["fares",], known.seen["fares", "to"]) == (1, 2, 2)
    assert known.seen[()] == 5 + 3 + 2
    assert known.rows == {2: 1, 3: 1, 1: 1}
    assert (known.errors.total, known.errors.errors) == (7, 1)


def test_lists_that_gather_errors_have_a_spread() -> None:
    clean = nbest("clean", "a b c d e f g h i j", "a b c d e f g h i j")
    rough = nbest("rough", "a b c d e f g h i j", "x b y d z f w h i j")
    # Two sites a list are expected, 0 and 4 found: ((4 - 2) + (4 - 2)) / (4 + 4).
    assert learn([clean, rough]).spread == pytest.approx(0.5)
    assert learn([rough, rough]).spread == 0


@pytest.mark.parametrize(
    ("lists", "message"), [([nbest("x", None, "a")], "'x' has no reference"), ([nbest("x", "a")], "no list with")]
)
def test_nothing_can_be_learned(lists: list[NBest], message: str) -> None:
    with pytest.raises(InputError, match=message):
        learn(lists)


# Alternatives


def test_words_of_the_text_that_sound_alike() -> None:
    made = Alternatives([words_of(text) for text in SENTENCES], Confusions())
    near = made.of(("fares",))
    assert max(near, key=lambda text: near[text]) == "fairs"
    assert "non stop" in made.of(("nonstop",))
    assert made.of(("non", "stop")) == {"nonstop": 0.5}
    assert made.rate(("non", "stop")) > made.rate(("stop", "fares")) == 0
    assert "" in near
    assert set(made.of(())) <= {word for text in SENTENCES for word in text.split() if len(word) <= 4}


def test_counts_come_before_sound() -> None:
    lists = [nbest(str(i), "cheap fares", "cheap flares", "cheap fares") for i in range(9)]
    made = Alternatives([words_of(text) for text in SENTENCES], learn(lists))
    of = made.of(("fares",))
    assert max(of, key=lambda text: of[text]) == "flares"
    assert "fairs" in of
    assert made.rate(("fares",)) > 0.5 > made.rate(("cheap",))
    assert made.of(()) == {}


# Lists


TEXTS = {str(i): text for i, text in enumerate(SENTENCES * 12)}


def test_the_same_seed_makes_the_same_lists() -> None:
    one, again, other = noised(TEXTS, seed=3), noised(TEXTS, seed=3), noised(TEXTS, seed=4)
    assert one == again
    assert one.lists != other.lists


@pytest.mark.parametrize("wer", [5.0, 20.0, 40.0])
def test_the_rate_that_was_asked_for(wer: float) -> None:
    made = noised(TEXTS, wer=wer)
    references = [normalize(one.reference or "").split() for one in made.lists]
    errors = sum(distance(r, normalize(one.best.text).split()) for r, one in zip(references, made.lists, strict=True))
    assert 100 * errors / sum(map(len, references)) == pytest.approx(wer, rel=0.15)
    assert made.counts.errors == errors
    assert made.oracle < errors


def test_lists_are_different_texts_with_their_reference() -> None:
    made = noised(TEXTS | {"empty": "  ", "mark": "..."}, nbest=4, wer=15)
    assert [one.id for one in made.lists] == [*TEXTS]
    for one in made.lists:
        texts = [h.text for h in one.hypotheses]
        assert 1 <= len(texts) == len(set(texts)) <= 4
        assert one.reference == TEXTS[one.id]
    assert made.hypotheses == sum(len(one.hypotheses) for one in made.lists)


def test_errors_of_lists_are_imitated() -> None:
    like = [nbest(str(i), text, text.replace("flight", "fright"), text) for i, text in enumerate(SENTENCES)]
    known = learn(like)
    made = noised(TEXTS, known)
    said = [one.best.text for one in made.lists if "flight" in (one.reference or "")]
    assert sum("fright" in text for text in said) >= len(said) / 4
    assert made.counts.rate == pytest.approx(known.errors.rate, rel=0.15)
    assert max(len(one.hypotheses) for one in made.lists) == 2
    wide = noised(TEXTS, known, nbest=4)  # wider than what was learned from
    assert max(len(one.hypotheses) for one in wide.lists) > 1


def test_capitals_and_marks_stay() -> None:
    texts = {str(i): "Fares, FARES: nonstop fares!" for i in range(30)} | {"v": "fairs flares non stop"}
    made = [h.text for one in noised(texts, wer=40).lists[:-1] for h in one.hypotheses]
    assert any(text.startswith("Fairs, ") for text in made)
    assert any(" FAIRS:" in text for text in made)
    assert any(text.endswith(" fairs!") for text in made)
    assert any(": non stop" in text for text in made)


def test_scripts_without_spaces_and_other_alphabets() -> None:
    texts = {str(i): text for i, text in enumerate(("去機場的路上", "дом стоит у тома", "ไปโรงเรียน") * 9)}
    made = noised(texts, wer=20)
    assert made.counts.errors > 0
    assert not any(" " in h.text for one in made.lists for h in one.hypotheses if "機" in (one.reference or ""))


@pytest.mark.parametrize(
    ("options", "message"), [({"wer": 95.0}, "--wer is 95"), ({"nbest": -1}, "--nbest is -1"), ({"wer": -1.0}, "--wer")]
)
def test_options_out_of_range(options: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        noised(TEXTS, **options)  # type: ignore[arg-type]


def test_no_text() -> None:
    with pytest.raises(InputError, match="no text"):
        noised({"a": " ", "b": "?!"})


# Commands


def ger_data(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return done.exit_code, done.stdout, done.stderr


def test_noise_command(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("\n".join(TEXTS.values()))
    code, out, err = ger_data("noise", tmp_path / "text.txt", "-o", tmp_path / "lists.jsonl", "--wer", "15", "--json")
    assert (code, err) == (0, "")
    made = list(read_nbest(tmp_path / "lists.jsonl"))
    told = json.loads(out)
    assert (told["lists"], told["words"]) == (len(made), sum(len(text.split()) for text in TEXTS.values()))
    assert told["wer"] == pytest.approx(100 * sum(told["edits"].values()) / told["words"], abs=0.001)
    assert told["oracle_wer"] < told["wer"]
    code, _, err = ger_data("noise", tmp_path / "lists.jsonl", "--like", tmp_path / "lists.jsonl", "-o", tmp_path / "b")
    assert code == 0
    assert f"{tmp_path}/b: {len(made)} lists of " in err
    assert "1-best WER 1" in err
    same = ger_data("noise", tmp_path / "text.txt", "-o", tmp_path / "text.txt")
    assert (same[0], "is read, too" in same[2]) == (2, True)


def test_texts_of_several_files_keep_apart(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("the cat sat\nthe dog ran\n")
    assert ger_data("noise", tmp_path / "a.txt", tmp_path / "b.txt", "-o", tmp_path / "c.jsonl")[0] == 0
    assert [one.id for one in read_nbest(tmp_path / "c.jsonl")] == ["a.txt:1", "a.txt:2", "b.txt:1", "b.txt:2"]


def split_lists() -> list[NBest]:
    return [nbest(f"talk{i // 5}-{i}", f"Word {i % 10}", f"word {i % 7}") for i in range(40)]


def test_split_by_reference(tmp_path: Path) -> None:
    write_records(tmp_path / "all.jsonl", split_lists())
    fit, held = tmp_path / "fit.jsonl", tmp_path / "held.jsonl"
    code, out, err = ger_data("split", tmp_path / "all.jsonl", "--held", "0.3", "-o", fit, held)
    assert (code, out) == (0, "")
    sides = [list(read_nbest(file)) for file in (fit, held)]
    assert [len(side) for side in sides] == [28, 12]
    assert not {one.reference for one in sides[0]} & {one.reference for one in sides[1]}
    order = [one.id for one in split_lists()]
    assert all([one.id for one in side] == sorted((one.id for one in side), key=order.index) for side in sides)
    assert {one.id for side in sides for one in side} == set(order)
    # "Word" is always wrong, the number where i mod 10 and i mod 7 differ.
    wrong = sum(1 + (i % 10 != i % 7) for i in range(40) if f"talk{i // 5}-{i}" in {one.id for one in sides[1]})
    assert f"{held}: 12 lists, 24 words, 1-best WER {100 * wrong / 24:.2f}" in err
    before = fit.read_text()
    assert ger_data("split", tmp_path / "all.jsonl", "--held", "0.3", "-o", fit, held)[0] == 0
    assert fit.read_text() == before


def test_split_by_recording(tmp_path: Path) -> None:
    write_records(tmp_path / "all.jsonl", split_lists())
    files = (tmp_path / "fit.jsonl", tmp_path / "held.jsonl")
    code, out, _ = ger_data("split", tmp_path / "all.jsonl", "--by", "recording", "-o", *files, "--json")
    assert code == 0
    assert {side: value["lists"] for side, value in json.loads(out).items()} == {"fit": 30, "held": 10}
    talks = [{one.id.split("-")[0] for one in read_nbest(file)} for file in files]
    assert not talks[0] & talks[1]


@pytest.mark.parametrize(
    ("lists", "more", "code", "message"),
    [
        (split_lists(), ["--held", "1.5"], 2, "--held is 1.5"),
        (split_lists(), ["--by", "recordin"], 2, "Did you mean 'recording'?"),
        ([nbest("a", None, "b"), nbest("b", "b", "b")], [], 1, "'a' has no reference"),
        ([nbest("a", "c", "b"), nbest("b", "b", "b")], ["--by", "recording"], 1, "'a' names no recording"),
        ([nbest("a", "b", "b"), nbest("b", "B.", "b")], [], 1, "1 separate references cannot be dealt"),
    ],
)
def test_splits_that_cannot_be(tmp_path: Path, lists: list[NBest], more: list[str], code: int, message: str) -> None:
    write_records(tmp_path / "all.jsonl", lists)
    done = ger_data("split", tmp_path / "all.jsonl", *more, "-o", tmp_path / "fit.jsonl", tmp_path / "held.jsonl")
    assert (done[0], message in done[2]) == (code, True), done[2]
    assert [path.name for path in tmp_path.iterdir()] == ["all.jsonl"]


def test_the_same_file_twice(tmp_path: Path) -> None:
    write_records(tmp_path / "all.jsonl", split_lists())
    assert ger_data("split", tmp_path / "all.jsonl", "-o", tmp_path / "a", tmp_path / "a")[0] == 2
    assert ger_data("split", tmp_path / "all.jsonl", "-o", tmp_path / "a", tmp_path / "all.jsonl")[0] == 2
