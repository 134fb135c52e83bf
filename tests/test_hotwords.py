"""Hotwords after the fact: where they are found, what is left alone, how they are written, and learning when."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fixtures_cli import run

from ger import api
from ger.correct import fit_hotwords as fit
from ger.correct.first import FirstBest
from ger.correct.fit_hotwords import fit_hotwords
from ger.correct.fitted_hotwords import FittedHotwords, Rates
from ger.correct.hotword_finder import FEATURES, Entries, Found, Heard, find, letters
from ger.correct.hotword_model import Judge, Logistic, default, read_model, write_model
from ger.correct.hotwords import HotwordCorrector, Likely, Ready
from ger.correct.made_up_hotwords import with_made_up
from ger.correct.outcome import changed
from ger.errors import InputError, UsageError
from ger.hotwords import Hotword, Hotwords
from ger.io.inputs import Input
from ger.protocols import Corrector
from ger.settings import Settings
from ger.text.common import Commonness, commonness
from ger.text.sounds import sound
from ger.types import Context, Correction, Hypothesis, NBest, Word

NAMES = ("Katarzyna Nowak", "Fauchelevent", "Reykjavik", "Dr. Szczepanski", "Kubernetes")


def nbest(*texts: str, own: Sequence[str] = (), reference: str | None = None, id: str = "call/1") -> NBest:
    hypotheses = tuple(map(Hypothesis, texts))
    return NBest(id, hypotheses, context=Context(tuple(own)), reference=reference, language="en")


def corrected(given: NBest, *names: str | Hotword, inner: Corrector | None = None) -> Correction:
    entries = tuple(Hotword(name) if isinstance(name, str) else name for name in names)
    corrector = HotwordCorrector(inner or FirstBest(), Hotwords(entries), default())
    return corrector.correct([given])[0]


def text(heard: str, *names: str | Hotword) -> str:
    return corrected(nbest(heard), *names).text


# What is put in


@pytest.mark.parametrize(
    ("heard", "wanted"),
    [
        ("We met Catarina Novack in the rain.", "We met Katarzyna Nowak in the rain."),
        ("Then foshel event, the gardener, replied.", "Then Fauchelevent, the gardener, replied."),
        ("They flew to (Rakyavik)!", "They flew to (Reykjavik)!"),
        ("The pods run on Cubernetties.", "The pods run on Kubernetes."),
        ("That is Catarina Novack's umbrella.", "That is Katarzyna Nowak's umbrella."),
        ("It was Missus Foshlevant's house.", "It was Missus Fauchelevant's house."),
    ],
)
def test_what_sounds_like_a_hotword_gives_way(heard: str, wanted: str) -> None:
    made = corrected(nbest(heard), *NAMES, "Fauchelevant's")
    assert made.text == wanted
    assert made.decision == "rewritten"
    assert "sounds like the hotword" in made.reason
    assert 0.2 < made.scores["hotwords"] <= 1


@pytest.mark.parametrize(
    "heard",
    [
        "We met Katarzyna Nowak in the rain.",
        "It was a fine day and we went for a walk.",
        "the event was over before no one could see it",
        "",
        "…",
    ],
)
def test_what_is_right_stays(heard: str) -> None:
    made = corrected(nbest(heard), *NAMES)
    assert made.text == heard
    assert made.decision == "kept"


def test_a_hotword_that_was_heard_is_not_replaced_by_one_that_sounds_like_it() -> None:
    for heard in ("Jon called.", "John called.", "The knight rode on."):
        assert text(heard, "Jon", "John", "Jan", "knight", "Nite") == heard


def test_common_words_are_left_alone() -> None:
    """Names that sound like common words, in sentences that have the words."""
    for heard in ("I will be there at two.", "She had a rose in her hand.", "May I look at the mark on it?"):
        assert text(heard, "Will", "Bea", "Rhos", "Handt", "Maye", "Marc", "Luke") == heard


def test_upper_and_lower_case_are_those_of_the_text_where_it_has_but_one() -> None:
    assert text("WE MET CATARINA NOVACK IN THE RAIN", *NAMES) == "WE MET KATARZYNA NOWAK IN THE RAIN"
    assert text("we met catarina novack in the rain", *NAMES) == "we met katarzyna nowak in the rain"
    shouted = [name.upper() for name in NAMES]
    assert text("We met Catarina Novack in the rain.", *shouted) == "We met Katarzyna Nowak in the rain."


@pytest.mark.parametrize(
    ("heard", "wanted"),
    [
        ("We met katarzyna nowak, didn't we?", "We met Katarzyna Nowak, didn't we?"),
        ("We met KATARZYNA nowak's brother.", "We met Katarzyna Nowak's brother."),
        ("It was a Kubernetes, Fauchelevent.", "It was a Kubernetes, Fauchelevent."),
        ("An Iphone has no kubernetes.", "An iPhone has no Kubernetes."),
        ("we met katarzyna nowak", "we met katarzyna nowak"),
        ("WE MET KATARZYNA NOWAK", "WE MET KATARZYNA NOWAK"),
        ("May I see the mark, Will?", "May I see the mark, Will?"),
        ("Why did it not tell us?", "Why did it not tell us?"),
    ],
)
def test_what_was_heard_right_is_written_as_listed(heard: str, wanted: str) -> None:
    """But for everyday words, which may be what they look like."""
    made = corrected(nbest(heard), *NAMES, "iPhone", "Mark", "will", "US", "IT")
    assert made.text == wanted
    assert made.decision == ("kept" if heard == wanted else "rewritten")
    assert bool(made.edits) is made.changed
    assert not made.scores


@pytest.mark.parametrize(
    ("heard", "wanted"),
    [
        ("I asked gpt four about it.", "I asked GPT-4 about it."),
        ("we had covid nineteen", "we had covid-19"),
        ("It is written in C plus plus, he said.", "It is written in C++, he said."),
        ("In section g we see five g phones.", "In section g we see 5G phones."),
        ("The gpt is good.", "The gpt is good."),
        ("The note was a g and an e.", "The note was a g and an e."),
    ],
)
def test_figures_and_symbols_are_spoken(heard: str, wanted: str) -> None:
    assert text(heard, "C++", "GPT-4", "COVID-19", "AT&T", ".NET", "5G", "iPhone") == wanted


def test_other_forms_of_a_hotword_stay() -> None:
    for heard in ("The Kowalskis came.", "He takes two tavrelins.", "Both Katarzyna Nowaks were there."):
        assert text(heard, "Kowalski", "Tavrelin", *NAMES) == heard


def test_a_hotword_is_said_within_a_sentence() -> None:
    for heard in ("I like Katarina. Novack is here.", "I saw Katarina - Novack was away.", "(Catarina!) Novack left."):
        assert "Katarzyna Nowak" not in text(heard, "Katarzyna Nowak").replace("Katarzyna Nowak!)", "")
    assert text("We saw Dr. Stepansky there.", *NAMES) == "We saw Dr. Szczepanski there."
    assert text('He said "Catarina Novack." Then he left.', *NAMES) == 'He said "Katarzyna Nowak." Then he left.'


def test_a_translation_has_words_of_the_language_it_is_in() -> None:
    names = ("Mae", "Marquet", "Trane", "Boughton", "Bridget", "Hauss", "Rote", "Thay")
    heard = "My sister bought a small house near the bridge."
    given = replace(nbest(heard), language="de", task="translate", target="en")
    assert corrected(given, *names).text == heard


def test_times_go_over_to_the_hotword() -> None:
    heard = "we met catarina novack in the rain"
    words = tuple(Word(w, i / 2, (i + 1) / 2) for i, w in enumerate(heard.split()))
    given = nbest(heard)
    given = replace(given, hypotheses=(replace(given.best, words=words),))
    made = corrected(given, *NAMES)
    assert [(w.text, w.start, w.end) for w in made.words[2:4]] == [
        ("katarzyna", 1.0, pytest.approx(1 + 9 / 14)),
        ("nowak", pytest.approx(1 + 9 / 14), 2.0),
    ]
    (edit,) = made.edits
    assert (edit.before, edit.after, edit.start, edit.end) == ("catarina novack", "katarzyna nowak", 1.0, 2.0)


def test_another_hypothesis_can_have_the_hotword() -> None:
    alone = "they took the road to rake a vic in the morning"
    other = "they took the road to reykjavik in the morning"
    found = {number: corrected(nbest(*texts), *NAMES).text for number, texts in enumerate([(alone,), (alone, other)])}
    assert found[1] == other


def test_a_spelling_says_how_it_sounds() -> None:
    heard = "The clip by sebba stan was long."
    assert text(heard, "XQ7") == heard
    assert text(heard, Hotword("XQ7", sounds=("sebastan",))) == "The clip by XQ7 was long."


def test_weight_says_how_readily() -> None:
    heard = "They drove past louis in the morning."
    names = [corrected(nbest(heard), Hotword("Lewes", weight=weight)).text for weight in (1e-6, 1e9)]
    assert names[0] == heard
    assert "Lewes" in names[1]


def test_lists_have_hotwords_of_their_own() -> None:
    corrector = HotwordCorrector(FirstBest(), Hotwords(recordings={"call": (Hotword("Fauchelevent"),)}), default())
    heard = "then foshel event replied to catarina novack"
    found = corrector.correct(
        [nbest(heard), nbest(heard, own=["Katarzyna Nowak"]), nbest(heard, own=["Katarzyna Nowak"], id="other/1")]
    )
    assert [made.text for made in found] == [
        "then fauchelevent replied to catarina novack",
        "then fauchelevent replied to katarzyna nowak",
        "then foshel event replied to katarzyna nowak",
    ]
    assert found[0].context.hotwords == ("Fauchelevent",)
    assert found[2].context.hotwords == ("Katarzyna Nowak",)


def test_a_list_may_be_named_itself() -> None:
    run_of = Hotwords((Hotword("Tavrelin"),), {"call-7": (Hotword("Fauchelevent"),)})
    heard = "then foshel event replied"
    given = [nbest(heard, id=id) for id in ("call-7", "call-7/0012", "call-8", "call")]
    found = HotwordCorrector(FirstBest(), run_of, default()).correct(given)
    assert ["fauchelevent" in made.text for made in found] == [True, True, False, False]


def test_hotwords_of_the_run_are_prepared_once() -> None:
    """Those of a list or a recording come to them, and what they say of one of them counts."""
    ready = Ready(Hotwords((Hotword("Ada"), Hotword("XQ7")), {"call": (Hotword("XQ7", sounds=("sebastan",)),)}))
    of_all = ready.of(nbest("a", id="x"))
    assert ready.of(nbest("a", own=["Ada"], id="y")) is of_all
    more = ready.of(nbest("a", own=["Foshel Event"], id="y"))
    assert more is ready.of(nbest("b", own=["Foshel Event"], id="z"))
    assert [hotword.text for hotword in more.hotwords] == ["Ada", "XQ7", "Foshel Event"]
    assert (more.number(["ada"]), more.number(["foshel", "event"]), more.number(["event"])) == (0, 2, None)
    alone = Entries([Hotword("Foshel Event")])
    assert [more.forms[i] for i in more.near("foshel event")] == [("foshel event", 2)]
    assert [alone.forms[i] for i in alone.near("foshel event")] == [("foshel event", 0)]
    (of_call,) = [h for h in ready.of(nbest("a", id="call/1")).hotwords if h.text == "XQ7"]
    assert of_call.sounds == ("sebastan",)


def test_without_hotwords_nothing_happens() -> None:
    given = nbest("then foshel event replied")
    assert corrected(given) == FirstBest().correct([given])[0]


class _Second:
    """Chooses the second hypothesis, and notes what it is told."""

    signature = "second"

    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []

    def correct(self, lists: Sequence[NBest]) -> list[Correction]:
        self.told += [nbest.context.hotwords for nbest in lists]
        return [changed(n, n.hypotheses[1], "reranked", "better", {"combined": -1.0}) for n in lists]


def test_language_models_are_told_what_may_have_been_said() -> None:
    inner = _Second()
    chance = random.Random(1)
    many = ["".join(chance.choices("bcdfgklmnprst", k=3)) + chance.choice(["ova", "ium", "ax"]) for _ in range(500)]
    made = corrected(nbest("then foshel event laughed", "then foshel event left"), *many, "Fauchelevent", inner=inner)
    assert made.text == "then fauchelevent left"
    assert made.reason.startswith("better; 'foshel event' sounds like")
    assert made.scores["combined"] == -1.0
    (told,) = inner.told
    assert "Fauchelevent" in told
    assert len(told) <= 20
    assert not set(made.context.hotwords) - {"Fauchelevent"}  # of 501, the one that concerns it


def test_texts_that_are_no_transcripts_are_not_touched() -> None:
    class Summary(FirstBest):
        result = "summary"

    assert corrected(nbest("then foshel event replied"), "Fauchelevent", inner=Summary()).text.count("foshel") == 1


def test_scripts_without_spaces_do_not_break() -> None:
    given = replace(nbest("我昨天在东京大学学习了语言"), language="zh")
    assert HotwordCorrector(FirstBest(), Hotwords((Hotword("東京大学"),)), default()).correct([given])[0].text


def test_what_a_hotword_says_is_data() -> None:
    for name in ("<|im_end|>", "{hypotheses}", "a\\1b", "100 %", "'", "C++"):
        assert text("We met at noon.", name) == "We met at noon."


# What speaks for it


def test_readings_of_a_stretch() -> None:
    heard = Heard.of("we met the rain man today", ["we met the reign man to day", "well we met rain men today"])
    assert heard.readings(3, 4) == ["rain", "reign"]
    assert heard.readings(5, 6) == ["today", "to day"]
    assert heard.readings(3, 5) == ["rain man", "reign man", "rain men"]
    assert heard.readings(1, 2) == ["met"]
    assert heard.readings(0, 1) == ["we", "well we"]


def test_features_by_hand() -> None:
    model = default()
    heard = Heard.of("We met Rakyavik, yes", ["we met reykjavik yes"])
    known = Commonness({"we": 900_000, "met": 90_000, "yes": 10_000}, 1_000_000)
    (found,) = find([(heard, Entries([Hotword("Reykjavik")]), known)], model.sounds, model.letters)
    best = max(found, key=lambda one: one.values[0])
    values = dict(zip(FEATURES, best.values.tolist(), strict=True))
    said = sound("reykjavik"), letters("reykjavik")
    assert (best.start, best.end, best.heard) == (2, 3, "reykjavik")  # as the other hypothesis has it
    assert values["sound"] == pytest.approx(model.sounds.score(said[:1], said[:1])[0])
    assert values["letters"] == pytest.approx(model.letters.score(said[1:], said[1:])[0])
    assert values["sound lost"] == values["letters lost"] == values["behind"] == values["elsewhere"] == 0
    assert values["sound share"] == values["listed"] == values["words"] == values["unknown"] == 1
    assert values["agree"] == values["common"] == 0
    assert values["usual"] == values["all usual"] == values["none usual"] == 0  # nobody says which are
    assert values["entries"] == pytest.approx(np.log(100))
    assert values["before"] == pytest.approx(np.log1p(1e7 * 0.09))
    assert values["unsteady"] == 0.25


def test_usual_words_are_counted() -> None:
    model = default()
    known = Commonness(usual=frozenset({"we", "met", "rakya", "vic"}))
    features = ("usual", "all usual", "none usual")
    for heard, wanted in (("rakyavik", (0, 0, 1)), ("rakya vic", (2, 1, 0)), ("rakya vick", (1, 0, 0))):
        (found,) = find([(Heard.of(f"we met {heard}"), Entries([Hotword("Reykjavik")]), known)], model.sounds,
                        model.letters)  # fmt: skip
        (whole,) = [one for one in found if one.heard == heard]
        assert tuple(map(whole.value, features)) == wanted
    assert known.is_usual("we met")
    assert not known.is_usual("we meet")


def test_how_common_words_are() -> None:
    english = commonness("en")
    assert english.of("the") > english.of("gardener") > english.of("fauchelevent") == 0
    assert 0 < english.of("gardener's") < english.of("gardener")
    assert commonness("pt-BR").of("você") > 5
    assert commonness(None, ["we went to the river"]) == english
    assert commonness(None, ["poszliśmy wczoraj nad rzekę"]).of("anything") == commonness("pl").of("rzekę") == 6


# The model


def test_a_model_is_written_and_read(tmp_path: Path) -> None:
    write_model(tmp_path / "own.toml", default())
    again = read_model(tmp_path / "own.toml")
    assert again.signature == default().signature
    assert again.judge == default().judge
    words = frozenset(f"word{i}" for i in range(25))
    write_model(tmp_path / "own.toml", replace(default(), usual=words))
    assert read_model(tmp_path / "own.toml").usual == words
    assert read_model(tmp_path / "own.toml").signature != default().signature


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (("kind", '"gate"'), "no model of hotwords"),
        (("schema", "9"), "schema 9 is not known"),
        (("threshold", "7"), "threshold has to be above 0"),
        (("threshold", '"high"'), "wrong type"),
        (("usual", '"the"'), "wrong type"),
        (("bais", "1"), "'bais' is not known"),
        (('"soundd"', "1"), "no feature called 'soundd'"),
    ],
)
def test_a_model_that_is_none(tmp_path: Path, changes: tuple[str, str], told: str) -> None:
    write_model(tmp_path / "own.toml", default())
    lines = (tmp_path / "own.toml").read_text().splitlines()
    key, value = changes
    if key.startswith('"'):
        lines.insert(lines.index("[judge.harm]") + 1, f"{key} = {value}")
    else:
        plain = [line for line in lines if not line.startswith((f"{key} =", f'"{key}" ='))]
        plain.insert(plain.index("[judge]") + 1 if key == "threshold" else 0, f"{key} = {value}")
        lines = plain
    (tmp_path / "own.toml").write_text("\n".join(lines))
    with pytest.raises(InputError, match=told):
        read_model(tmp_path / "own.toml")


# Learning


_ODD = ["zarathustra", "northfield", "cinderlad", "menahem", "sharduris", "brynhild", "palaestra", "heriot"]
_PLAIN = ["the", "old", "man", "went", "down", "to", "river", "and", "saw", "a", "boat", "with", "two", "people"]


def made_up(count: int) -> list[NBest]:
    """Lists in which b is heard as p, and t as d, in rare words alone."""
    chance = random.Random(5)
    lists = []
    for i in range(count):
        words = chance.choices(_PLAIN, k=8)
        words[chance.randrange(8)] = chance.choice(_ODD)
        heard = [w.translate(str.maketrans("bt", "pd")) if w in _ODD and chance.random() < 0.7 else w for w in words]
        lists.append(nbest(" ".join(heard), reference=" ".join(words), id=f"talk{i}/0"))
    return lists


@pytest.fixture(scope="module")
def fitted() -> FittedHotwords:
    return fit_hotwords(with_made_up(made_up(300), 10), folds=3)


def test_a_model_learns_when_a_hotword_was_said(fitted: FittedHotwords) -> None:
    assert fitted.before.biased > 80
    assert fitted.after.biased < fitted.before.biased / 4
    assert fitted.after.errors - fitted.after.biased <= 2
    assert fitted.model.judge.threshold < 1
    made = HotwordCorrector(FirstBest(), Hotwords((Hotword("Brynhild"),)), fitted.model)
    assert made.correct([nbest("and prynhild saw a boat")])[0].text == "and brynhild saw a boat"
    assert "with hotwords" in fitted.render()


def test_more_errors_in_other_words_can_be_allowed() -> None:
    lists = with_made_up(made_up(100), 10)
    usual = frozenset(_PLAIN)
    tight, loose = (fit_hotwords(lists, folds=2, least=0.1, loss=loss, usual=usual) for loss in (0, 100))
    assert loose.model.judge.threshold <= tight.model.judge.threshold < 1
    assert loose.after.biased <= tight.after.biased < tight.before.biased / 2
    assert tight.model.usual == usual
    assert any(tight.model.judge.harm.weights.get(name) for name in ("usual", "all usual", "none usual"))


def test_what_the_recognizer_was_told_is_not_put_in_after_the_fact() -> None:
    corrector = HotwordCorrector(FirstBest(), Hotwords((Hotword("Katarzyna"), Hotword("Reykjavik"))), default())
    one = nbest("we met Catarzyna in Reykyavik", "we met Katarzyna in Reykyavik")
    for meta, text in (
        ({}, "we met Katarzyna in Reykjavik"),
        ({"hotwords_told": ["Katarzyna"]}, "we met Catarzyna in Reykjavik"),
        ({"hotwords_told": ["Katarzyna", "Reykjavik"]}, one.best.text),
        ({"hotwords_told": 3}, "we met Katarzyna in Reykjavik"),
    ):
        assert corrector.correct([replace(one, meta=meta)])[0].text == text


def test_errors_in_other_words_stay_a_standard_error_below_what_is_allowed() -> None:
    none, one = Found(0, 1, 0, "", "", np.zeros(len(FEATURES))), Rates(2, 2, 12, 3)
    own = fit._Examples(nbest("a"), Entries([]), [], [])

    def held(worth: float, more: int) -> fit._Held:
        """A list in which a hotword takes an error away, and makes so many more in other words."""
        return fit._Held(own, [Likely(none, worth, worth)], {0: one, 1: Rates(2, 1, 12, 2 + more)})

    lists = [held(0.5, 0)] * 50 + [held(0.2, 1), held(0.2, -1)] * 5  # 5 more and 5 fewer: 0 with an error of 3.2
    assert [fit._threshold(lists, loss) for loss in (0, 0.5, 0.6)] == [0.475, 0.475, 0.175]  # of 600 words
    assert fit._threshold([held(0.5, 0)] * 50, 0) == 0.475


def test_few_lists_learn_confusions_from_what_is_known() -> None:
    lists = with_made_up(made_up(40), 10)
    alone, known = fit_hotwords(lists, folds=2), fit_hotwords(lists, known=default(), folds=2)
    v_as_f = [model.letters.score(["v"], ["f"])[0] for model in (alone.model, known.model, default())]
    assert v_as_f[0] < 0 < v_as_f[1]  # nobody of these lists says one
    assert v_as_f[1] == pytest.approx(v_as_f[2], abs=1)
    assert known.after.biased < known.before.biased / 4


def test_where_what_was_heard_is_wrong_anyway_less_has_to_speak_for_a_hotword() -> None:
    """`brenhild` is never said, `heriod` half of the times: one hotword or another is right as often for both."""
    chance, lists = random.Random(7), []
    for i in range(300):
        words = chance.choices(_PLAIN, k=8)
        word, said = chance.choice([("brenhild", ("brynhild", "brunhild")), ("heriod", ("heriot", "heriod"))])
        lists.append(
            nbest(
                " ".join([*words[:4], word, *words[4:]]),
                own=("brynhild", "brunhild", "heriot"),
                reference=" ".join([*words[:4], chance.choice(said), *words[4:]]),
                id=f"talk{i}/0",
            )
        )
    fitted = fit_hotwords(lists, folds=3)
    corrector = HotwordCorrector(FirstBest(), Hotwords(), fitted.model)
    heard = [f"the old man saw {word} with two people" for word in ("brenhild", "heriod")]
    wrong, may_be = corrector.correct([nbest(text, own=lists[0].context.hotwords) for text in heard])
    assert wrong.text in {f"the old man saw {said} with two people" for said in ("brynhild", "brunhild")}
    assert may_be.text == "the old man saw heriod with two people"
    assert fitted.after.errors < fitted.before.errors


def test_a_hotword_that_is_hardly_likely_says_why_it_is_there() -> None:
    never, ever = Logistic({}, -20.0), Logistic({}, 20.0)
    for said, told in ((Logistic({}, -1.0), "(27%, and what was heard is hardly right)"), (ever, "(100%)")):
        model = replace(default(), judge=Judge(said, never))
        (made,) = HotwordCorrector(FirstBest(), Hotwords((Hotword("Brynhild"),)), model).correct([nbest("so prynhild")])
        assert made.reason.endswith(f"'prynhild' sounds like the hotword 'Brynhild' {told}")
    model = replace(model, judge=Judge(Logistic({}, -1.0), never, least=0.3))
    (made,) = HotwordCorrector(FirstBest(), Hotwords((Hotword("Brynhild"),)), model).correct([nbest("so prynhild")])
    assert made.text == "so prynhild"


def test_rates_add_up() -> None:
    one = Rates.of("we met Katarzyna", "we meet Catarina", ["katarzyna"])
    assert (one.biased_words, one.biased, one.words, one.errors) == (1, 1, 3, 2)
    both = one + Rates.of("yes", "yes", [])
    assert (both.wer, both.b_wer, both.u_wer) == (50.0, 100.0, pytest.approx(100 / 3))


def test_made_up_hotwords_hold_the_rare_words() -> None:
    made = with_made_up(made_up(20), 5)
    assert all(len(n.context.hotwords) == 5 for n in made)
    assert all(set(n.context.hotwords) & set((n.reference or "").split()) for n in made)
    own = [nbest("a", own=["x"], reference="a")]
    assert with_made_up(own) == own


def test_what_cannot_be_learned_from() -> None:
    with pytest.raises(InputError, match="has no reference"):
        fit_hotwords([nbest("a")])
    with pytest.raises(UsageError, match="separate recordings"):
        fit_hotwords([nbest("a", reference="b")])
    right = [nbest("we met", reference="we met", id=f"{i}/1") for i in range(9)]
    with pytest.raises(InputError, match="No word was taken"):
        fit_hotwords(right, Hotwords((Hotword("met"),)), folds=2)


# Commands


def test_hotwords_alone_correct_lists_where_nothing_else_is_asked_for() -> None:
    lists, audio = Input("a.jsonl", "a"), Input("a.wav", "a")
    made = api.settings(hotwords="Katarzyna")
    assert api.alone(made, [lists]).mode == "hotwords"
    assert api.alone(made, [lists, audio]).mode == "rescore"
    assert api.alone(api.settings(), [lists]).mode == "rescore"
    assert api.alone(api.settings(hotwords="Katarzyna", llm="other"), [lists]).mode == "rescore"
    assert isinstance(Settings(mode="hotwords").make_corrector(), HotwordCorrector)


def test_ger_correct_puts_hotwords_into_subtitles(tmp_path: Path) -> None:
    cue = "1\n00:00:01,000 --> 00:00:04,000\n{}\n"
    (tmp_path / "talk.srt").write_text(cue.format("<i>We met Catarina Novack</i> in the rain."))
    (tmp_path / "names.txt").write_text("# people\nKatarzyna Nowak\n")
    code, out, err = run("correct", tmp_path / "talk.srt", "--hotwords", tmp_path / "names.txt", real=True)
    assert code == 0, err
    assert out == cue.format("<i>We met Katarzyna Nowak</i> in the rain.")


def test_ger_correct_is_told_the_language_of_what_is_no_audio(tmp_path: Path) -> None:
    heard = "Wir trafen gestern die Katarina Novack in der Stadt."
    (tmp_path / "lists.jsonl").write_text(json.dumps({"id": "a", "hypotheses": [{"text": heard}]}) + "\n")
    command = ["correct", tmp_path / "lists.jsonl", "--hotwords", "Katarzyna Nowak", "--language", "de", "-f", "jsonl"]
    code, out, err = run(*command, real=True)
    assert code == 0, err
    made = json.loads(out)
    assert made["text"] == "Wir trafen gestern die Katarzyna Nowak in der Stadt."
    assert made["language"] == "de"


def test_ger_tune_hotwords(tmp_path: Path) -> None:
    with (tmp_path / "lists.jsonl").open("w") as file:
        file.writelines(json.dumps(made.to_json()) + "\n" for made in made_up(150))
    model = tmp_path / "own.toml"
    (tmp_path / "usual.txt").write_text("\n".join(_PLAIN))
    command = ["tune", "hotwords", tmp_path / "lists.jsonl", "--size", "10", "--folds", "3", "--json", "-o", model]
    command += ["--loss", "0.1", "--usual", tmp_path / "usual.txt"]
    code, out, err = run(*command, real=True)
    assert code == 0, err
    found = json.loads(out)
    assert found["n"] == 150
    assert found["cv_b_wer"] < found["baseline_b_wer"] / 2
    assert read_model(model).judge.threshold == found["threshold"]
    assert read_model(model).usual == set(_PLAIN)
    for option, value, said in (("--loss", -1, "--loss is -1"), ("--threads", 2, "no effect without --lm")):
        code, _, err = run("tune", "hotwords", tmp_path / "lists.jsonl", option, value, real=True)
        assert code == 2
        assert said in err
    line = json.dumps(nbest("and prynhild saw a boat").to_json()) + "\n"
    command = ["correct", "-", "--format", "jsonl", "--hotwords", "Brynhild", "--hotword-model", model]
    code, out, err = run(*command, real=True, stdin=line)
    assert code == 0, err
    assert json.loads(out)["text"] == "and brynhild saw a boat"
    command = ["rescore", "-", "--mode", "hotwords", "--hotwords", "Brynhild", "--hotword-model", model]
    code, again, err = run(*command, real=True, stdin=line)
    assert (code, json.loads(again)["text"]) == (0, json.loads(out)["text"]), err
    for name in ("correct", "rescore"):
        code, _, err = run(
            name, tmp_path / "lists.jsonl", "--hotwords", "x y", "--hotword-model", "none.toml", real=True
        )
        assert (code, "none.toml" in err) == (1, True)
