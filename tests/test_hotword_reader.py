"""Hotwords that a language model has a say about: what it is asked, what its opinion is worth, and learning that."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fixtures_cli import run

from ger.correct.first import FirstBest
from ger.correct.fit_hotwords import fit_hotwords, fit_reading
from ger.correct.fitted_hotwords import FittedHotwords
from ger.correct.hotword_finder import FEATURES, Found
from ger.correct.hotword_model import HotwordModel, Judge, Logistic, default, features, read_model, write_model
from ger.correct.hotword_reader import Reader, compared
from ger.correct.hotwords import HotwordCorrector
from ger.errors import InputError, ModelError, UsageError
from ger.hotwords import Hotword, Hotwords
from ger.lm.ngram import train
from ger.lm.profile import DEFAULT, Profile
from ger.protocols import LanguageModel
from ger.settings import Settings
from ger.testing import ScriptedLM
from ger.types import Context, Correction, Hypothesis, NBest


def _with_gain(judge: Judge) -> Judge:
    """A judge by sound to whom a nat of gain is a nat, for and against."""
    said, harm = ({**own.weights, "gain": sign} for own, sign in ((judge.said, 1.0), (judge.harm, -1.0)))
    return Judge(Logistic(said, judge.said.bias), Logistic(harm, judge.harm.bias))


SURE = _with_gain(default().judge)


def nbest(text: str, *own: str, reference: str | None = None, id: str = "call/1") -> NBest:
    return NBest(id, (Hypothesis(text),), context=Context(own), reference=reference, language="en")


def texts(*said: str) -> NBest:
    return NBest("call/1", tuple(map(Hypothesis, said)), language="en")


def likes(*words: str) -> ScriptedLM:
    """A language model to which each of these words is worth 12 nats."""
    return ScriptedLM(lambda _, text: 12.0 * sum(text.count(word) for word in words))


def corrected(
    heard: str | NBest, hotword: str, lm: LanguageModel | None, model: HotwordModel | None = None
) -> Correction:
    given = nbest(heard) if isinstance(heard, str) else heard
    model = model or replace(default(), reading=SURE)
    reader = Reader(lm, Profile({}, form="as-is")) if lm else None
    return HotwordCorrector(FirstBest(), Hotwords((Hotword(hotword),)), model, reader=reader).correct([given])[0]


# What it is worth


def _odds(p: float) -> float:
    return math.log(p / (1 - p))


def _rows(count: int, **values: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    made = np.zeros((count, len(FEATURES)))
    for name, value in values.items():
        made[:, FEATURES.index(name)] = value
    return made


def test_features_and_gains_add_up() -> None:
    judge = Judge(Logistic({"sound": 0.5, "gain": 0.25, "gain ahead": 2.0}, -1.0), Logistic({"sound": -1.0}, 0.0))
    ((said, worth),) = judge.judged(features(_rows(1, sound=2.0), np.array([[3.0, 1.0]])), np.ones(1))
    assert _odds(said) == pytest.approx(0.5 * 2.0 + 0.25 * 3.0 + 2.0 - 1.0)
    harm = 1 / (1 + math.exp(2.0))
    assert worth == pytest.approx(said / (said + harm + 0.05))


def test_where_what_was_heard_is_wrong_anyway_a_hotword_is_worth_more() -> None:
    judge = Judge(Logistic({}, _odds(0.3)), Logistic({"unknown": -9.0}, _odds(0.7)))
    (_, right), (_, wrong) = (judge.judged(features(_rows(1, unknown=n)), np.ones(1))[0] for n in (0.0, 1.0))
    assert right < 0.3 < 0.8 < wrong


def test_where_nothing_speaks_for_it_it_is_worth_nothing() -> None:
    judge = Judge(Logistic({}, _odds(0.001)), Logistic({}, _odds(1e-6)))
    ((_, worth),) = judge.judged(features(_rows(1)), np.ones(1))
    assert worth < 0.03


def test_no_gain_counts_without_end() -> None:
    judge = Judge(Logistic({"gain": 1.0}, 0.0), Logistic({"gain": -1.0}, 0.0))
    found = judge.judged(features(_rows(4), np.array([[gain, gain] for gain in (1e9, 15.0, -1e9, -15.0)])), np.ones(4))
    assert found[0] == found[1]
    assert found[2] == found[3]


def test_weights_multiply_odds_for_and_divide_those_against() -> None:
    judge = Judge(Logistic({}, _odds(0.2)), Logistic({}, _odds(0.6)))
    (plain, liked), values = judge.judged(features(_rows(2)), np.array([1.0, 4.0])), []
    assert _odds(liked[0]) == pytest.approx(_odds(plain[0]) + math.log(4))
    values = [said * (1 / worth - 1) - 0.05 for said, worth in (plain, liked)]
    assert _odds(values[1]) == pytest.approx(_odds(values[0]) - math.log(4))


def test_what_is_out_of_range_is_refused() -> None:
    with pytest.raises(UsageError, match="threshold has to be above 0"):
        replace(SURE, threshold=0.0)
    with pytest.raises(UsageError, match="Weights have to be numbers"):
        Logistic({"gain": math.nan}, 0.0)
    with pytest.raises(UsageError, match="no feature called 'gian'"):
        Logistic({"gian": 1.0}, 0.0)


def test_a_file_keeps_it(tmp_path: Path) -> None:
    model = replace(default(), reading=replace(SURE, threshold=0.75))
    write_model(tmp_path / "own.toml", model)
    assert read_model(tmp_path / "own.toml").reading == model.reading
    assert model.signature != replace(model, reading=None).signature
    text = (tmp_path / "own.toml").read_text()
    (tmp_path / "own.toml").write_text(text.replace("[lm.said]", "[lm.siad]"))
    with pytest.raises(InputError, match="lm: 'siad' is not known"):
        read_model(tmp_path / "own.toml")


# What the language model is asked


def test_a_gain_is_the_difference_of_two_texts() -> None:
    lm = ScriptedLM(lambda prefix, text: {"we met marc": -20.0, "we met mark": -23.5, "we met mars": -30.0}[text])
    reader = Reader(lm, Profile({}, form="as-is"))
    rows = [
        texts("we met mark", "we met marc", "we met mars"),
        texts("yes"),
    ]
    assert reader.gains(rows) == [[3.5, -6.5], []]
    assert len(lm.scored[0]) == 1  # of the other one it has nothing to say


def test_a_gain_is_ahead_of_those_of_other_hotwords_for_its_words() -> None:
    places = [(0, 1, 0), (0, 2, 1), (1, 2, 1), (1, 2, 0), (5, 6, 2)]
    found = [Found(start, end, number, "", "", np.zeros(len(FEATURES))) for start, end, number in places]
    gains = [3.0, 1.0, 4.0, -2.0, -6.0]
    wanted = [3.0 - 1.0, 1.0 - 3.0, 4.0 + 2.0, -2.0 - 4.0, -6.0 + 15.0]
    assert compared(found, gains).tolist() == [list(pair) for pair in zip(gains, wanted, strict=True)]
    assert compared([], []).shape == (0, 2)


def test_it_reads_the_form_and_the_context_of_the_profile_and_no_hotwords() -> None:
    lm = ScriptedLM()
    profile = Profile({}, form="sentence", domain="A talk.")
    context = Context(("Marc", "Kubernetes"), "Good morning.")
    Reader(lm, profile).gains([replace(texts("we met mark", "we met Marc"), context=context)])
    ((request,),) = lm.scored
    assert request.prefix == "A talk. Good morning. "
    assert request.continuations == ("We met mark.", "We met Marc.")


def test_where_it_breaks_on_a_list_the_others_are_read() -> None:
    def score(_: str, text: str) -> float:
        if "bad" in text:
            raise ModelError("scripted: broke.")
        return float(len(text))

    rows = [texts(word, f"{word}s") for word in ("one", "bad", "two")]
    assert Reader(ScriptedLM(score), Profile({}, form="as-is")).gains(rows) == [[1.0], None, [1.0]]


def test_a_score_that_is_no_number_is_no_opinion() -> None:
    lm = ScriptedLM(lambda _, text: -math.inf if "marc" in text else -20.0)
    assert Reader(lm, Profile({}, form="as-is")).gains([texts("we met mark", "we met marc")]) == [None]


# What it decides


def test_it_puts_in_what_sound_alone_leaves() -> None:
    heard = "then mark told the others about the picture"
    assert corrected(heard, "Marc", None).text == heard  # an everyday word
    assert corrected(heard, "Marc", likes("Marc", "marc")).text == "then marc told the others about the picture"
    assert corrected(heard, "Marc", likes("mark")).text == heard


def test_it_keeps_out_what_sound_alone_puts_in() -> None:
    heard = "We met Catarina Novack in the rain."
    assert corrected(heard, "Katarzyna Nowak", None).text == "We met Katarzyna Nowak in the rain."
    assert corrected(heard, "Katarzyna Nowak", likes("Catarina")).text == heard


def test_where_it_breaks_sound_decides() -> None:
    def breaks(_: str, text: str) -> float:
        raise ModelError("scripted: broke.")

    made = corrected("We met Catarina Novack in the rain.", "Katarzyna Nowak", ScriptedLM(breaks))
    assert made.text == "We met Katarzyna Nowak in the rain."


def test_a_model_that_does_not_know_what_it_is_worth_does_not_ask() -> None:
    lm = likes("Catarina")
    model = replace(default(), reading=None)
    made = corrected("We met Catarina Novack in the rain.", "Katarzyna Nowak", lm, model)
    assert made.text == "We met Katarzyna Nowak in the rain."
    assert not lm.scored


def test_nothing_is_asked_where_nothing_sounds_alike() -> None:
    lm = ScriptedLM()
    assert corrected("We went home.", "Katarzyna Nowak", lm).text == "We went home."
    assert not lm.scored


def test_the_signature_says_that_it_was_asked() -> None:
    model = replace(default(), reading=SURE)
    alone = HotwordCorrector(FirstBest(), Hotwords((Hotword("Marc"),)), model)
    asked = HotwordCorrector(FirstBest(), Hotwords((Hotword("Marc"),)), model, reader=Reader(ScriptedLM()))
    assert asked.signature == f"{alone.signature},read"


# Which language model


@pytest.mark.parametrize(
    ("mode", "backend", "model", "there"),
    [
        ("rescore", "transformers", "", True),
        ("hybrid", "ctranslate2", "", True),
        ("rescore", "kenlm", "", False),
        ("rescore", "kenlm", "own.toml", True),
        ("combine", "transformers", "", False),
        ("generate", "transformers", "", False),
    ],
)
def test_the_one_that_rescores_is_asked(mode: str, backend: str, model: str, there: bool) -> None:
    profile = replace(DEFAULT, lms=(replace(DEFAULT.lms[0], backend=backend),))
    settings = Settings(mode=mode, profile=profile, hotword_model=model)
    assert (settings.make_reader({profile.lms[0].name: ScriptedLM()}) is not None) == there


# Learning


_PLAIN = ["the", "old", "man", "went", "down", "to", "river", "and", "saw", "boat", "with", "two", "people"]


def made_up(count: int) -> list[NBest]:
    """Lists in which `brynhild` or `brunhild` is said, `brenhild` always heard; the next word tells them apart."""
    chance = random.Random(3)
    lists = []
    for i in range(count):
        words = chance.choices(_PLAIN, k=8)
        said, beside = chance.choice([("brynhild", "castle"), ("brunhild", "river")])
        words[3:5] = said, beside
        heard = [*words[:3], "brenhild", *words[4:]]
        lists.append(nbest(" ".join(heard), "brynhild", "brunhild", reference=" ".join(words), id=f"talk{i}/0"))
    return lists


def knows(_: str, text: str) -> float:
    """log p by what goes with what."""
    return -5.0 * (text.count("brynhild river") + text.count("brunhild castle")) - text.count("brenhild")


@pytest.fixture(scope="module")
def fitted() -> FittedHotwords:
    return fit_hotwords(made_up(200), reader=Reader(ScriptedLM(knows), Profile({}, form="as-is")), folds=3)


def test_it_is_learned_what_a_language_model_is_worth(fitted: FittedHotwords) -> None:
    assert fitted.read is not None
    assert fitted.model.reading is not None
    assert fitted.model.reading.said.weights["gain"] > 0
    assert fitted.after.biased > 50  # sound cannot tell the two
    assert fitted.read.biased < fitted.after.biased / 5
    assert "and a language model" in fitted.render()
    assert fitted.to_json()["cv_b_wer_lm"] < fitted.to_json()["cv_b_wer"]


def test_a_learned_model_uses_it(fitted: FittedHotwords) -> None:
    for beside, said in (("river", "brunhild"), ("castle", "brynhild")):
        given = nbest(f"and saw brenhild {beside} with people", "brynhild", "brunhild")
        assert corrected(given, "x y z", ScriptedLM(knows), fitted.model).text == f"and saw {said} {beside} with people"


def test_it_can_be_learned_for_a_model_that_is_there() -> None:
    model = fit_reading(made_up(200), default(), Reader(ScriptedLM(knows), Profile({}, form="as-is")), folds=3)
    assert model.reading is not None
    assert model.reading.said.weights["gain"] > 0
    assert replace(model, reading=None) == replace(default(), reading=None)


def test_lists_that_it_cannot_read_are_named() -> None:
    def breaks(_: str, text: str) -> float:
        raise ModelError("scripted: broke.")

    with pytest.raises(ModelError, match=r"talk\d+/0: the language model cannot read it"):
        fit_hotwords(made_up(60), reader=Reader(ScriptedLM(breaks)), folds=3)


def test_from_the_command_line(tmp_path: Path) -> None:
    lists, lm, model = (str(tmp_path / name) for name in ("lists.jsonl", "lm.arpa", "own.toml"))
    Path(lists).write_text("".join(json.dumps(made.to_json()) + "\n" for made in made_up(150)))
    train(str(made.reference).split() for made in made_up(400)[150:]).write(Path(lm))
    command = ["tune", "hotwords", lists, "--lm", lm, "--folds", "3", "--json", "-o", model]
    code, out, err = run(*command, real=True)
    assert code == 0, err
    found = json.loads(out)
    assert found["cv_b_wer_lm"] < found["cv_b_wer"] / 2
    assert read_model(Path(model)).reading is not None
    line = json.dumps(nbest("and saw brenhild river with people", "brynhild", "brunhild").to_json()) + "\n"
    code, out, err = run("rescore", "-", "--lm", lm, "--hotword-model", model, real=True, stdin=line)
    assert code == 0, err
    assert json.loads(out)["text"] == "and saw brunhild river with people"
    code, _, err = run(*command, "--lm", lm, real=True)
    assert (code, "--lm is given several times" in err) == (2, True)
