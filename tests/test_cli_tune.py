"""`ger tune` on lists where the right weights are obvious, with a scripted language model and with the real one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from fakes import Made
from fixtures_cli import run
from test_cli import call, nbest
from test_cli_rescore import lists, record, rows

from ger.errors import UsageError
from ger.lm.ngram import NGramModel
from ger.lm.profile import read_profile
from ger.lm.select import LmSpec
from ger.models import DEFAULT_LM
from ger.settings import Settings

pytestmark = pytest.mark.usefixtures("made")

# Four words each. In the first four the second text is right, and the language model likes it 30 nats better; in the
# six others the first is right, and the model does not care. The recognizer likes the first by 1 nat everywhere.
# Nothing is wrong where 30 lm > acoustic >= 0. 1-best: 4 of 40 words.
WRONG = [nbest(f"u{i}", f"we so change {i}", f"we sow change {i}", reference=f"we sow change {i}") for i in range(4)]
RIGHT = [
    nbest(f"u{i}", f"plain words {i} here", f"plane words {i} here", reference=f"plain words {i} here")
    for i in range(4, 10)
]


@pytest.fixture
def ten(tmp_path: Path) -> Path:
    return lists(tmp_path / "dev.jsonl", *WRONG, *RIGHT)


def tuned(*arguments: object) -> dict[str, Any]:
    result = call("tune", *arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    value: dict[str, Any] = json.loads(result.stdout)
    return value


def test_obvious_weights(ten: Path, tmp_path: Path) -> None:
    value = tuned(ten, "--feature", "acoustic", "-o", tmp_path / "p.toml")
    assert {k: value[k] for k in ("n", "words", "baseline_wer", "oracle_wer", "tuned_wer", "cv_wer", "cv_wer_ci")} == {
        "n": 10,
        "words": 40,
        "baseline_wer": 10.0,
        "oracle_wer": 0.0,
        "tuned_wer": 0.0,
        "cv_wer": 0.0,
        "cv_wer_ci": [0.0, 0.0],
    }
    assert list(value["weights"]) == ["acoustic", "lm"]
    assert 30 * value["weights"]["lm"] > value["weights"]["acoustic"] >= 0
    profile = read_profile(tmp_path / "p.toml")
    assert profile.weights == value["weights"]
    assert profile.lms == (LmSpec(model=DEFAULT_LM),)
    assert (profile.made["tuned_wer"], profile.made["cv_wer"]) == (0.0, 0.0)


def test_translations_are_told_that_words_are_counted(tmp_path: Path) -> None:
    given = [nbest(f"u{i}", "one text", "two texts", reference="two texts", task="translate") for i in range(4)]
    result = call("tune", lists(tmp_path / "dev.jsonl", *given, *RIGHT), "--no-lm", "--folds", "0")
    assert result.exit_code == 0
    assert result.stderr.startswith("Warning: 4 of 10 lists are translations. The weights are to make the fewest word")


def test_without_the_model_nothing_can_be_gained(ten: Path, made: Made) -> None:
    value = tuned(ten, "--no-lm", "--feature", "acoustic", "--folds", "0")
    assert made.lms == []
    assert value["tuned_wer"] == value["baseline_wer"] == 10.0
    assert "cv_wer" not in value
    assert "lm" not in value["weights"]


def test_what_was_tuned_is_what_rescores(ten: Path, tmp_path: Path) -> None:
    profile, out = tmp_path / "p.toml", tmp_path / "o.jsonl"
    tuned(ten, "--form", "lower", "--domain", "Farming.", "--previous", "1", "-o", profile)
    assert call("rescore", ten, "--profile", profile, "-o", out).exit_code == 0
    made = rows(out)
    assert [row["decision"] for row in made] == ["reranked"] * 4 + ["kept"] * 6
    assert all(row["text"] == row["reference"] for row in made)
    assert "form=lower,min_length=0.8,previous=1,domain='Farming.'" in made[0]["signature"]


def test_words_are_compared_under_the_normalizer(tmp_path: Path) -> None:
    source = lists(tmp_path / "l.jsonl", nbest("u", "yes the ship", "yes a ship", reference="Yes, the ship!"))
    assert tuned(source, "--no-lm", "--folds", "0")["baseline_wer"] == pytest.approx(100 * 2 / 3)
    assert tuned(source, "--no-lm", "--folds", "0", "--normalizer", "basic")["baseline_wer"] == 0.0


def test_shown_for_people(ten: Path) -> None:
    result = call("tune", ten, "--folds", "2")
    assert result.exit_code == 0
    shown = re.sub(r" +", " ", result.stdout)
    assert "10 lists, 40 words\n 1-best 10.00 %\n oracle 0.00 %\n" in shown
    assert "on the tuning lists 0.00 % (flatters: do not report)" in shown
    assert re.search(r"cross-validated, 2 folds 0\.00 % \[0\.00, 0\.00\]\nweights\n acoustic ", shown)


def test_several_models(ten: Path, tmp_path: Path, made: Made) -> None:
    value = tuned(ten, "--lm", "big=x", "--lm", "y", "-o", tmp_path / "p.toml")
    assert {"big", "lm2"} <= set(value["weights"])
    assert len(made.lms) == 2
    assert read_profile(tmp_path / "p.toml").lms == (LmSpec("big", model="x"), LmSpec("lm2", model="y"))
    assert call("rescore", ten, "--profile", tmp_path / "p.toml").exit_code == 0


def test_systems_are_features(tmp_path: Path) -> None:
    """The second system is always right."""
    names = [f"u{i}" for i in range(8)]
    bad = lists(tmp_path / "bad.txt", *(f"{name} a wrong {name}\n" for name in names))
    good = lists(tmp_path / "good.txt", *(f"{name} a right {name}\n" for name in names))
    arguments = ["--system", f"bad={bad}", "--system", f"good={good}", "--reference", good, "--no-lm", "--folds", "4"]
    value = tuned(*arguments, "-o", tmp_path / "p.toml")
    assert value["baseline_wer"] == pytest.approx(100 / 3)
    assert value["tuned_wer"] == value["cv_wer"] == 0.0
    assert value["weights"]["system:good"] > value["weights"]["system:bad"]
    result = call("rescore", "--system", f"bad={bad}", "--system", f"good={good}", "--profile", tmp_path / "p.toml")
    assert {json.loads(line)["decision"] for line in result.stdout.splitlines()} == {"reranked"}


def test_references_of_a_file_of_their_own(tmp_path: Path) -> None:
    source = lists(tmp_path / "l.jsonl", *(re.sub('"reference": "[^"]*"', '"reference": null', row) for row in WRONG))
    result = call("tune", source, "--folds", "0")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: The list 'u0' has no reference. Give references with --reference.\n"
    reference = lists(tmp_path / "ref.txt", *(f"u{i} we sow change {i}\n" for i in range(4)))
    assert tuned(source, "--folds", "0", "--reference", reference)["tuned_wer"] == 0.0


def test_an_n_gram_model_of_the_references(tmp_path: Path) -> None:
    """Every reference ends with the same words, so a model of the others' references knows a list's own."""
    source = lists(
        tmp_path / "l.jsonl",
        *(
            nbest(f"u{i}", f"n{i} good mourning all", f"n{i} good morning all", reference=f"n{i} good morning all")
            for i in range(12)
        ),
    )
    value = tuned(source, "--no-lm", "--ngram", "2", "--feature", "acoustic", "-o", tmp_path / "p.toml")
    assert (value["baseline_wer"], value["tuned_wer"], value["cv_wer"]) == (25.0, 0.0, 0.0)
    assert value["weights"]["ngram"] > 0
    profile = read_profile(tmp_path / "p.toml")
    assert profile.lms == (LmSpec("ngram", "kenlm", str(tmp_path / "p.ngram.arpa")),)
    assert NGramModel.read(tmp_path / "p.ngram.arpa").order == 2


# Wrong calls and lists


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--no-lm", "--lm", "x"], "--no-lm and --lm exclude each other. Leave one out."),
        (["--feature", "wrods"], "There is no feature and no language model called 'wrods'. Did you mean 'words'?"),
        (["--folds", "1"], "10 separate recordings cannot be shared out over 1 folds."),
        (["--folds", "11"], "10 separate recordings cannot be shared out over 11 folds."),
        (["--cross", "-1"], "previous_words and cross 0 or more"),
        (["--normalizer", "basik"], "There is no normalizer called 'basik'. Did you mean 'basic'?"),
        (["--lm", "a=x", "--lm", "a=y"], "Two language models are called 'a'."),
        (["--form", "lowr"], "There is no written form called 'lowr'."),
        (["--ngram", "3", "--folds", "2"], "need 3 folds or more"),
    ],
)
def test_a_wrong_call_scores_nothing(ten: Path, tmp_path: Path, made: Made, arguments: list[str], message: str) -> None:
    result = call("tune", ten, *arguments, "-o", tmp_path / "p.toml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert all(lm.scored == [] for lm in made.lms)
    assert not (tmp_path / "p.toml").exists()


def test_lists_that_teach_nothing(tmp_path: Path) -> None:
    for text, message in (
        (nbest("a", "one", reference="two"), "No feature tells the hypotheses of any list apart."),
        (nbest("a", "one", "two", reference=" "), "The references hold no words."),
        ("", "holds no lists"),
    ):
        result = call("tune", lists(tmp_path / "l.jsonl", text), "--folds", "0")
        assert (result.exit_code, result.stdout) == (1, "")
        assert message in result.stderr


def test_a_model_that_breaks_is_one_sentence(tmp_path: Path) -> None:
    source = lists(tmp_path / "l.jsonl", nbest("a", "odd one", "odd two", reference="odd two"))
    result = call("tune", source, "--folds", "0", "-o", tmp_path / "p.toml")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: The language model broke. Use another one.\n"
    assert not (tmp_path / "p.toml").exists()


def test_a_profile_that_cannot_be_written_is_still_shown(ten: Path) -> None:
    result = call("tune", ten, "-o", "/dev/full", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["weights"]
    assert result.stderr.startswith("Error: /dev/full cannot be written: ")


@pytest.mark.parametrize("command", ["", "gate", "hotwords", "rewrites"])
def test_an_output_that_cannot_be_written_is_told_first(tmp_path: Path, made: Made, command: str) -> None:
    (tmp_path / "file").touch()
    for output, code in ((tmp_path / "file" / "p.toml", 1), (tmp_path, 2)):
        result = call("tune", *filter(None, [command]), "-", "-o", output, stdin="".join(WRONG + RIGHT))
        assert (result.exit_code, result.stdout) == (code, "")
        assert result.stderr.startswith(f"Error: {output} ")
    assert made.lms == []


def test_no_file_of_hotwords_is_overwritten(ten: Path, tmp_path: Path) -> None:
    words = tmp_path / "w.txt"
    words.write_text("kanban\n")
    for option in ("--hotwords", "--usual"):
        result = call("tune", "hotwords", ten, option, words, "-o", words)
        assert (result.exit_code, "is read, too" in result.stderr) == (2, True)
    assert words.read_text() == "kanban\n"


def test_never_over_what_is_read(ten: Path, tmp_path: Path) -> None:
    text = ten.read_text()
    assert call("tune", ten, "--no-lm", "-o", ten).exit_code == 2
    assert ten.read_text() == text
    model = tmp_path / "p.ngram.arpa"
    assert call("tune", ten, "--no-lm", "--ngram", "2", "-o", tmp_path / "p.toml").exit_code == 0
    before = model.read_text()
    result = call("tune", ten, "--lm", f"mine={model}", "--ngram", "3", "-o", tmp_path / "p.toml")
    assert result.exit_code == 2
    assert result.stderr == f"Error: {model} is read, too. Name another file.\n"
    assert model.read_text() == before
    assert call("lm", "train", ten, "-o", ten).exit_code == 2
    assert ten.read_text() == text


def test_weights_that_do_harm_are_told(tmp_path: Path) -> None:
    """Nothing in the lists says which text is right."""
    rows = [nbest(f"u{i}", f"{w} a", f"{w} b", reference=f"{w} {'ab'[i % 2]}") for i, w in enumerate("cdefghij")]
    result = call("tune", lists(tmp_path / "l.jsonl", *rows), "--no-lm", "--feature", "acoustic")
    assert result.exit_code == 0
    assert "of no use: they are not better than the first hypotheses" in result.stdout


def test_odd_lists_take_part(tmp_path: Path) -> None:
    odd = [
        nbest("one", "alone", reference="alone now"),
        nbest("none", reference="lost words"),
        nbest("blank", "", "a", reference=""),
        nbest("unscored", "we so change x", "we sow change x", scored=False, reference="we sow change x"),
        record("nan", ("a b", "NaN"), ("a c", "3"), reference="a b"),
        nbest("many", "so change", *(f"we sow change {i}" for i in range(999)), reference="so change"),
        nbest("long", "so change " * 1000, "we sow change " * 700, reference="so change " * 1000),
        nbest("mixed", "船が来た", "Корабль пришёл", reference="船が来た"),
    ]
    value = tuned(lists(tmp_path / "l.jsonl", *WRONG, *odd), "--folds", "3")
    # 16 words of the first four, then 2, 2, 0, 4, 2, 2, 2000 and 1.
    assert (value["n"], value["words"]) == (12, 2029)
    assert value["baseline_wer"] == pytest.approx(100 * (4 + 1 + 2 + 1) / 2029)
    assert value["tuned_wer"] <= value["baseline_wer"]


@pytest.mark.slow
def test_a_real_model(tmp_path: Path, smollm2_dir: Path) -> None:
    """English of which the recognizer is unsure: the model should decide."""
    pairs = [
        ("he rode a letter to his mother", "he wrote a letter to his mother"),
        ("she red the book before dinner", "she read the book before dinner"),
        ("the whether was cold and windy", "the weather was cold and windy"),
        ("we went too the market on friday", "we went to the market on friday"),
        ("they new the answer at once", "they knew the answer at once"),
        ("please right your name here", "please write your name here"),
    ]
    rows = [nbest(f"w{i}", bad, good, reference=good) for i, (bad, good) in enumerate(pairs)]
    rows += [nbest(f"r{i}", good, bad, reference=good) for i, (bad, good) in enumerate(pairs)]
    source = lists(tmp_path / "l.jsonl", *rows)
    profile = tmp_path / "p.toml"
    flags = ["--lm", smollm2_dir, "--device", "cpu", "--folds", "3", "--json", "-o", profile]
    code, out, said = run("tune", source, *flags, real=True)
    assert code == 0, said
    value = json.loads(out)
    assert value["baseline_wer"] == pytest.approx(100 * 6 / 74)
    assert value["tuned_wer"] == value["cv_wer"] == 0.0
    code, out, said = run("rescore", source, "--profile", profile, real=True)
    assert code == 0, said
    made = [json.loads(line) for line in out.splitlines()]
    assert [row["text"] for row in made] == [row["reference"] for row in made]


def test_beams_alone_mean_a_generator_among_the_features(ten: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[str] = []

    def stop(self: Settings) -> None:
        modes.append(self.mode)
        raise UsageError("stop.", "")

    monkeypatch.setattr(Settings, "make_lms", stop)
    assert call("tune", ten, "--beams", 2).exit_code == 2
    assert modes == ["hybrid"]
