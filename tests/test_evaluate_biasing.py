"""Errors in hotwords."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from ger.cli.score import score
from ger.errors import InputError
from ger.evaluate import report
from ger.evaluate.biasing import COUNTS, biasing
from ger.evaluate.sources import Item


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(score)
    return CliRunner().invoke(app, arguments)


def counted(reference: str, hypothesis: str, *hotwords: str) -> dict[str, int]:
    row = biasing(reference.split(), hypothesis.split(), [text.split() for text in hotwords])
    return {name: value for name, value in zip(COUNTS, row, strict=True) if value}


def test_errors_belong_to_the_words_they_are_made_in() -> None:
    # Substituted in the list, deleted outside of it.
    assert counted("ask ilium then", "ask him", "ilium", "tralfamadore") == {
        "biased_words": 1,
        "biased_errors": 1,
        "said": 1,
    }


def test_an_insertion_belongs_where_the_inserted_word_does() -> None:
    assert counted("ask then", "ask ilium then", "ilium") == {"biased_errors": 1, "written": 1}
    assert counted("ask then", "ask him then", "ilium") == {}


def test_a_phrase_counts_as_a_whole() -> None:
    said = "kilgore trout met a trout"
    found = counted(said, "kilgore trout met a scout", "kilgore trout")
    assert found == {"biased_words": 2, "said": 1, "recognized": 1, "written": 1, "right": 1}
    assert counted(said, "gilgore trout met a trout", "kilgore trout") == {
        "biased_words": 2,
        "biased_errors": 1,
        "said": 1,
    }


def test_the_longer_of_two_hotwords_is_meant() -> None:
    assert counted("new york city", "new york city", "york", "new york city")["said"] == 1


def test_a_hotword_that_is_written_elsewhere_is_not_right() -> None:
    assert counted("a b ilium", "ilium a b", "ilium") == {
        "biased_words": 1,
        "biased_errors": 2,
        "said": 1,
        "written": 1,
    }


def test_marks_around_a_word_are_no_part_of_it() -> None:
    found = counted('at the "airport."', "at the airport", "airport")
    assert found == {"biased_words": 1, "biased_errors": 1, "said": 1, "recognized": 1, "written": 1, "right": 1}
    assert counted("he met Nowak, too", "he met Nova, too", "Nowak")["said"] == 1
    assert counted("what Yahoo! said", "what Yahoo! said", "Yahoo!")["recognized"] == 1
    assert counted("DOGS' C# -", "DOGS' C# -", "DOGS", "C") == {}


ITEMS = [
    Item("1", "ask ilium then", "ask him then", hotwords=("Ilium",)),
    Item("2", "so it goes", "so it ilium goes", hotwords=("ilium",)),
    Item("3", "ilium at last", "ilium at least", hotwords=("ilium",)),
]


def test_rates_are_sums_over_the_corpus() -> None:
    made = report(ITEMS, normalizer="basic", metrics=("wer", "biasing"))
    assert made.biasing
    assert (made.biasing.words, made.biasing.errors) == (2, 2)
    assert (made.biasing.other_words, made.biasing.other_errors) == (7, 1)
    assert made.counts.errors == 3
    assert (made.biasing.b_wer, made.biasing.u_wer) == (100.0, pytest.approx(100 / 7))
    assert (made.biasing.recall, made.biasing.precision) == (50.0, 50.0)


def test_without_hotwords_there_is_nothing_to_measure() -> None:
    with pytest.raises(InputError, match="No utterance has hotwords"):
        report([Item("1", "a", "a")], metrics=("biasing",))


def test_hotwords_of_a_file_go_with_any_texts(tmp_path: Path) -> None:
    (tmp_path / "ref.txt").write_text("a/1 ask ilium then\na/2 so it goes\nb/1 trout at last\n")
    (tmp_path / "hyp.txt").write_text("a/1 ask ilium then\na/2 so it trout goes\nb/1 trot at last\n")
    (tmp_path / "names.toml").write_text("words = ['Trout']\n[recordings.a]\nwords = ['Ilium']\n")
    files = [str(tmp_path / name) for name in ("ref.txt", "hyp.txt")]
    asked = ["--metric", "biasing", "--normalizer", "basic", "--json"]
    value = json.loads(run(*files, "--hotwords", str(tmp_path / "names.toml"), *asked).stdout)
    assert value["hotwords"] == {"words": 2, "errors": 2, "said": 2, "written": 2}
    assert (value["hotword_recall"], value["hotword_precision"]) == (50.0, 50.0)
    value = json.loads(run(*files, "--hotwords", "trout, so", "--hotwords", "goes", *asked).stdout)
    assert value["hotwords"] == {"words": 3, "errors": 2, "said": 3, "written": 3}


def test_no_hotword_in_any_reference_is_told(tmp_path: Path) -> None:
    (tmp_path / "ref.txt").write_text("a1 at the Airport.\n")
    files = [str(tmp_path / "ref.txt")] * 2
    asked = [*files, "--metric", "biasing", "--hotwords", "airport"]
    told = run(*asked)
    assert (told.exit_code, told.stderr) == (
        0,
        "Warning: No hotword is in any reference. Try --normalizer basic, for which case does not count.\n",
    )
    found = run(*asked, "--normalizer", "basic")
    assert ("1 of 1 hotwords" in found.stdout, found.stderr) == (True, "")


def test_lists_name_their_hotwords(tmp_path: Path) -> None:
    rows = [
        {"id": item.id, "reference": item.reference, "hypotheses": [{"text": item.hypothesis}]}
        | {"context": {"hotwords": list(item.hotwords)}}
        for item in ITEMS
    ]
    path = tmp_path / "lists.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = run(str(path), "--metric", "biasing", "--normalizer", "basic", "--json")
    assert result.exit_code == 0
    value = json.loads(result.stdout)
    assert value["b_wer"] == 100.0
    assert value["hotword_recall"] == value["hotword_precision"] == 50.0
    assert value["hotwords"] == {"words": 2, "errors": 2, "said": 2, "written": 2}
    assert "wer" not in value
    told = run(str(path), "--metric", "wer,biasing", "--normalizer", "basic").stdout
    assert "B-WER      100.00 %   2 errors in 2 words of hotwords" in told
    assert run(str(path), "--metric", "biasing", "-b").stdout == "100.00\n"
