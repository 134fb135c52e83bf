"""Edits and their features by hand; gates that learn something obvious, and what becomes of corrections behind them."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ger.correct.fit_gate import FittedGate, Growth, fit_gate
from ger.correct.gate import Gate, deltas, read_gate, write_gate
from ger.correct.guard import Guard
from ger.correct.guarded import LISTED, Guarded
from ger.correct.recorded import Recorded
from ger.errors import DependencyError, InputError, ModelError, UsageError
from ger.lm.edit_features import MISSING, PHRASES, Frequencies, commonness, features
from ger.lm.edits import Change, applied, compatible, propose
from ger.lm.profile import DEFAULT
from ger.lm.select import LmSpec
from ger.lm.trees import Tree, Trees
from ger.protocols import Answer, Corrector, ScoreRequest
from ger.settings import Settings
from ger.testing import ScriptedLM
from ger.text.tokens import Token, tokenize
from ger.types import Correction, Hypothesis, NBest, Word

SMALL = Growth(n_estimators=20)


def nbest(*texts: str, id: str = "u", reference: str | None = None) -> NBest:
    return NBest(id, tuple(map(Hypothesis, texts)), reference=reference)


def told(changes: Sequence[Change], base: str) -> list[tuple[str, str]]:
    words = base.split()
    return [(" ".join(words[c.start : c.end]), " ".join(t.text for t in c.tokens)) for c in changes]


# Edits

BASE = "the hat sat on a mat to day"


def test_edits_of_an_answer() -> None:
    sheet = propose(nbest(BASE, "the cat sat on a mat to day"), Answer("the cat sat on the mat today"))
    assert told(sheet.changes, BASE) == [("hat", "cat"), ("a", "the"), ("to day", "today")]
    assert [change.hypotheses for change in sheet.changes] == [(1,), (), ()]
    assert all(change.answer for change in sheet.changes)


def test_edits_of_the_list_and_of_both() -> None:
    listed = nbest(BASE, "the cat sat on a mat to day", "the cat sat a mat to day")
    assert told(propose(listed, None, "list").changes, BASE) == [("hat", "cat"), ("on", "")]
    both = propose(listed, Answer("the cat sat on a mat today"), "both")
    assert told(both.changes, BASE) == [("hat", "cat"), ("on", ""), ("to day", "today")]
    assert [(c.answer, c.hypotheses) for c in both.changes] == [(True, (1, 2)), (False, (2,)), (True, ())]


def test_an_answer_unlike_the_best_is_one_edit() -> None:
    sheet = propose(nbest("we had a fine time"), Answer("he was in fine lime"))
    assert told(sheet.changes, "we had a fine time") == [("we had a fine time", "he was in fine lime")]


def test_what_others_say_at_a_place() -> None:
    sheet = propose(nbest("a b c d", "a x y d", "a c d", "e a b c d", "a b z c d"), None)
    readings = [[t.text for t in sheet.reading(i, 1, 2)] for i in range(5)]
    assert readings == [["b"], ["x"], [], ["b"], ["b"]]
    assert [[t.text for t in sheet.reading(i, 2, 2)] for i in range(5)] == [[], [], [], [], ["z"]]
    assert [t.text for t in sheet.reading(3, 0, 0)] == ["e"]


@given(st.lists(st.sampled_from("abcde"), max_size=7), st.lists(st.sampled_from("abcde"), max_size=7))
def test_all_edits_together_make_the_answer(base: list[str], answer: list[str]) -> None:
    sheet = propose(nbest(" ".join(base)), Answer(" ".join(answer)))
    assert applied(sheet.base, sheet.changes).split() == answer
    assert applied(sheet.base, ()).split() == base


def change(start: int, end: int) -> Change:
    return Change(start, end, (Token("x", spaced=True),))


def test_edits_that_exclude_each_other() -> None:
    changes = [change(0, 2), change(2, 3), change(1, 4), change(6, 6), change(6, 7)]
    assert compatible(changes, [1.0, 1.0, 1.5, 0.1, 0.2]) == [2, 4]
    assert compatible(changes, [2.0, 0.1, 1.5, 0.3, 0.2]) == [0, 3]
    assert compatible(changes, [-1.0, 0.0, -2.0, 0.0, -1.0]) == []


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.floats(-1, 1)), max_size=7))
def test_no_better_set_of_edits(given_: list[tuple[int, int, float]]) -> None:
    changes, gains = [change(s, s + n) for s, n, _ in given_], [gain for _, _, gain in given_]
    best = 0.0
    for mask in range(1 << len(changes)):
        chosen = [i for i in range(len(changes)) if mask >> i & 1]
        if not any(changes[i].touches(changes[j]) for i in chosen for j in chosen if i < j):
            best = max(best, sum(gains[i] for i in chosen))
    found = compatible(changes, gains)
    assert not any(changes[i].touches(changes[j]) for i in found for j in found if i < j)
    assert sum(gains[i] for i in found) == pytest.approx(best)


# Features


def row(base: NBest, answer: str, at: int = 0) -> dict[str, float]:
    return features(propose(base, Answer(answer)))[at]


def test_features_by_hand() -> None:
    listed = nbest("the hat sat", "the cat sat", "the cat set", "the bat sat")
    found = row(listed, "the cat sat")
    wanted = {
        "votes": 0.5,
        "against": 0.25,
        "readings": 3.0,
        "near": 0.75,
        "first": 2.0,
        "closest": pytest.approx(2 / 3),
        "position": pytest.approx(1 / 3),
        "apart": pytest.approx((1 + 2 + 1) / 3 / 3),
        "before": 1.0,
        "after": 1.0,
        "letters": pytest.approx(2 / 3),
        "distance": 1.0,
        "start": 0.0,
        "end": 2.0,
        "new": 0.0,
        "share": pytest.approx(1 / 3),
        "elsewhere": 1.0,
        "gap": MISSING,
        "confidence": MISSING,
    }
    assert {name: found[name] for name in wanted} == wanted


def test_written_form_and_sound() -> None:
    assert row(nbest("we met to day"), "we met today")["joined"] == 1.0
    assert row(nbest("we met anna"), "we met Anna")["form"] == 1.0
    assert row(nbest("we met anna"), "we met Anna.")["marks"] == 1.0
    assert row(nbest("we met anna"), "we met Anna")["capitals"] == 1.0
    assert row(nbest("in 15 days"), "in 5 days")["digits"] == -1.0
    assert row(nbest("the night fell"), "the knight fell")["sound"] == pytest.approx(5 / 6)  # 50203, 250203
    assert row(nbest("the see fell"), "the zee fell")["sound"] == 1.0
    assert row(nbest("go go home"), "go go go home")["again"] == 1.0


def test_scores_confidences_and_systems() -> None:
    words = (Word("a", confidence=0.9), Word("hat", confidence=0.2))
    hypotheses = (
        Hypothesis("a hat", score=-1.0, words=words, extra={"system": "one"}),
        Hypothesis("a cat", score=-3.5, extra={"system": "two"}),
        Hypothesis("a bat", score=-9.0, extra={"system": "three"}),
    )
    answer = Answer("a cat", -4.0, -2.5, tokens=4)
    of_one = NBest("u", tuple(replace(hypothesis, extra={}) for hypothesis in hypotheses))
    assert features(propose(of_one, answer), [1.5])[0]["gap"] == -2.5
    found = features(propose(NBest("u", hypotheses), answer), [1.5])[0]
    assert (found["gap"], found["confidence"]) == (0.0, 0.2)  # scores of different systems are not compared
    assert [found[f"system:{name}"] for name in ("one", "two", "three")] == [-1.0, 1.0, 0.0]
    assert (found["likelihood"], found["least"], found["lm"], found["lm word"]) == (-1.0, -2.5, 1.5, 1.5)


def test_every_feature_has_a_phrase() -> None:
    sheet = propose(nbest("a hat", "a cat"), Answer("a bat"), "both")
    named = {name for row in features(sheet, [0.0] * len(sheet.changes)) for name in row}
    assert named | set(commonness(sheet, Frequencies())[0]) == set(PHRASES)


def test_common_words() -> None:
    frequencies = Frequencies.of(["the cat and the hat", "the end"], most=4)
    # Of seven words `the` is three, the others one each: log2(3e6 / 7) = 18.7, log2(1e6 / 7) = 17.1.
    assert frequencies.levels == {"the": 19, "and": 17, "cat": 17, "end": 17}
    sheet = propose(nbest("the hat sat"), Answer("the cat sat on"))
    rare, added = commonness(sheet, frequencies)
    assert (rare["rare before"], rare["rare after"], added["rare before"]) == (0.0, 17.0, MISSING)
    assert Frequencies.of(["a a b"], least=2).levels == {"a": 19}


# Gates

#: Accepts what most of the list says: 0.8 words where votes are above one half, else -0.5.
VOTES = Trees(("votes",), 0.1, (Tree((0, -1, -1), (0.5, 0.0, 0.0), (2, 0, 0), (0.0, -0.6, 0.7)),))
GATE = Gate(VOTES, threshold=0.25)
LISTED_CAT = nbest("the hat sat", "the cat sat", "the cat sat", "the cat set")


def test_verdicts() -> None:
    first, second = GATE.judge(propose(LISTED_CAT, Answer("the cat sat down")))
    assert (first.gain, first.accepted) == (pytest.approx(0.8), True)
    assert (second.gain, second.accepted) == (pytest.approx(-0.5), False)
    assert first.why == "share of the list that says so: 0.75"
    assert second.why == "share of the list that says so: 0"
    assert GATE.judge(propose(LISTED_CAT, None)) == []


def test_a_gate_that_abstains() -> None:
    gate = replace(GATE, threshold=math.inf)
    assert gate.abstains
    assert not any(verdict.accepted for verdict in gate.judge(propose(LISTED_CAT, Answer("the cat sat"))))


def test_written_and_read(tmp_path: Path) -> None:
    words = Frequencies({"the": 19, "käse": 3, "'tis": 3, '"': 3})
    gate = Gate(VOTES, math.inf, 1.5, "both", words, LmSpec(model="x"), "lower", {"n": 3, "ci": [1.0, 2.5], "a": "b"})
    write_gate(tmp_path / "g.toml", gate)
    assert read_gate(tmp_path / "g.toml") == gate
    assert gate.signature == replace(gate, made={}).signature != replace(gate, scale=1.0).signature


def test_its_language_model_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lm.arpa").touch()
    monkeypatch.chdir(tmp_path)
    gate = replace(GATE, lm=LmSpec("lm", "kenlm", "lm.arpa"), trained=True)
    write_gate(Path("g.toml"), gate)
    monkeypatch.chdir("/")
    read = read_gate(tmp_path / "g.toml")
    assert read.lm == LmSpec("lm", "kenlm", str(tmp_path / "lm.arpa"))
    assert read.trained
    assert read.signature == gate.signature
    named = Settings(profile=replace(DEFAULT, gate=str(tmp_path / "g.toml")))
    before = named.key
    (tmp_path / "lm.arpa").write_text("another", "utf-8")
    assert named.key != before


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('kind = "gate"', "", "is no gate"),
        ('form = "sentence"', 'form = "sentense"', "Did you mean 'sentence'"),
        ("schema = 1", "schema = 2", "schema 2 is not known"),
        ("scale = 1.0", "scala = 1.0", "'scala' is not known. Did you mean 'scale'"),
        ("scale = 1.0", "scale = 0", "scale above 0"),
        ("threshold = 0.25", "", "'threshold' is missing"),
        ("threshold = 0.25", 'threshold = "much"', "wrong type"),
        ("threshold = 0.25", "threshold = nan", "threshold has to be a number"),
        ("feature = [0, -1, -1]", "feature = [inf, -1, -1]", "wrong type"),
        ("threshold = 0.25", f"threshold = 1{'0' * 400}", "wrong type"),
        ('sources = "answer"', 'sources = "answers"', "Did you mean 'answer'"),
        ("feature = [0, -1, -1]", "feature = [7, -1, -1]", "no name"),
        ("right = [2, 0, 0]", "right = [2, 0]", "different lengths"),
        ("[words]", "[words", "is not TOML"),
    ],
)
def test_files_that_are_no_gates(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "g.toml"
    write_gate(path, GATE)
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(InputError, match=said) as error:
        read_gate(path)
    assert "g.toml" in error.value.message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_gate(tmp_path / "none.toml")


def test_gains_by_a_language_model() -> None:
    lm = ScriptedLM(lambda prefix, text: -float(len(text)))
    sheets = [propose(LISTED_CAT, Answer("the cat sat down")), propose(LISTED_CAT, None)]
    assert deltas(sheets, lm, "lower") == [[0.0, -5.0], []]
    assert deltas([], lm) == []


# Guarded


def corrected(guarded: Corrector, *lists: NBest) -> list[Correction]:
    return guarded.correct(lists)


def one(listed: NBest, answer: str, gate: Gate | None = GATE, **rest: object) -> Correction:
    return Guarded(Recorded({listed.id: answer}), gate=gate, **rest).correct([listed])[0]  # type: ignore[arg-type]


def test_some_edits_are_accepted() -> None:
    words = tuple(Word(w, i, i + 1) for i, w in enumerate(("the", "hat", "sat")))
    listed = NBest("u", (replace(LISTED_CAT.best, words=words), *LISTED_CAT.hypotheses[1:]))
    made = one(listed, "the cat sat down")
    assert (made.text, made.decision) == ("the cat sat", "reranked")
    assert [word.text for word in made.words] == ["the", "cat", "sat"]
    assert made.words[1].start == 1
    assert [(edit.before, edit.after) for edit in made.edits] == [("hat", "cat")]
    assert made.scores == {"gate": pytest.approx(0.8)}
    assert made.reason == (
        "recorded answer; gate: 1 edit accepted, 0.80 fewer word errors expected "
        "('hat' -> 'cat': share of the list that says so: 0.75); gate: 1 edit refused, 0.50 more word errors expected "
        "('' -> 'down': share of the list that says so: 0)"
    )


def test_nothing_is_accepted() -> None:
    made = one(LISTED_CAT, "the bat sat")
    assert (made.text, made.decision, made.edits) == ("the hat sat", "rejected", ())
    assert made.reason.startswith("gate: 1 edit refused, 0.50 more word errors expected ('hat' -> 'bat': ")


def test_the_guard_refuses_by_rule() -> None:
    made = one(LISTED_CAT, "", gate=None)
    assert (made.text, made.decision, made.reason) == (
        "the hat sat",
        "rejected",
        "guard: empty: the answer has no words",
    )
    kept = one(nbest("he had fifteen too"), "he had fifty two", gate=None)
    assert kept.decision == "rejected"
    assert kept.reason == "guard: numbers: the number in 'fifteen too' would change to 'fifty two'"


def test_the_guard_alone_accepts_the_rest() -> None:
    made = one(nbest("we saw fifteen hats over there"), "We saw fifty hats over their house.", gate=None)
    assert (made.text, made.decision) == ("we saw fifteen hats over their house", "rewritten")
    assert "numbers" in made.reason
    whole = one(nbest("we saw a hat"), "we saw a  cat", gate=None)
    assert (whole.text, whole.decision, whole.reason) == ("we saw a cat", "rewritten", "recorded answer")


def test_another_form_alone_changes_nothing() -> None:
    made = one(nbest("we saw a hat"), "We saw a hat.", gate=None)
    assert (made.text, made.decision) == ("we saw a hat", "rejected")
    assert made.reason == "what was proposed is the 1-best written otherwise"


class Fixed:
    """Gives what it was made with."""

    signature = "fixed"

    def __init__(self, *made: Correction) -> None:
        self.made = list(made)

    def correct(self, lists: Sequence[NBest]) -> list[Correction]:
        assert len(lists) == len(self.made)
        return self.made


def test_a_refused_answer_falls_back_to_the_hypothesis_that_its_corrector_names() -> None:
    answer = Correction.of(LISTED_CAT, "", "rewritten")
    made = Guarded(Fixed(replace(answer, extra={LISTED: 3, "kept": 1}))).correct([LISTED_CAT])[0]
    assert (made.text, made.decision, made.extra) == ("the cat set", "reranked", {"kept": 1})
    assert made.reason == "guard: empty: the answer has no words; hypothesis 4 of the list instead"
    for wrong in (0, 4, -1, "2"):
        made = Guarded(Fixed(replace(answer, extra={LISTED: wrong}))).correct([LISTED_CAT])[0]
        assert (made.text, made.decision, made.extra) == ("the hat sat", "rejected", {})


def test_what_was_kept_or_failed_stays() -> None:
    for decision in ("kept", "failed"):
        correction = Correction.of(LISTED_CAT, "the hat sat", decision, reason="so")  # type: ignore[arg-type]
        assert Guarded(Fixed(correction), gate=GATE).correct([LISTED_CAT]) == [correction]


def test_edits_of_the_list_without_any_answer() -> None:
    gate = replace(GATE, sources="list")
    made = Guarded(Recorded({}), gate=gate).correct([LISTED_CAT, nbest("one", "two")])
    assert [(c.text, c.decision) for c in made] == [("the cat sat", "reranked"), ("one", "kept")]
    both = Guarded(Recorded({"u": "the hat sat down"}), gate=replace(GATE, sources="both")).correct([LISTED_CAT])[0]
    assert (both.text, both.decision) == ("the cat sat", "reranked")


def test_a_gate_that_asks_a_language_model() -> None:
    trees = Trees(("lm",), 0.0, (Tree((0, -1, -1), (0.0, 0.0, 0.0), (2, 0, 0), (0.0, -1.0, 1.0)),))
    gate = Gate(trees, 0.0)
    with pytest.raises(UsageError, match="made with a language model"):
        Guarded(Recorded({}), gate=gate)
    lm = ScriptedLM(lambda prefix, text: float(text.count("c")))
    guarded = Guarded(Recorded({"u": "the cat sat down"}), gate=gate, lm=lm)
    assert guarded.correct([LISTED_CAT])[0].text == "the cat sat"
    assert guarded.signature.endswith(lm.signature)

    class Broken(ScriptedLM):
        def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
            raise ModelError("It broke.")

    broken = Guarded(Recorded({"u": "the cat sat down"}), gate=gate, lm=Broken(lambda prefix, text: 0.0))
    failed, kept = broken.correct([LISTED_CAT, nbest("one", id="v")])
    assert (failed.text, failed.decision, failed.reason) == ("the hat sat", "failed", "It broke.")
    assert kept.decision == "kept"


def test_signature_of_a_guarded_corrector() -> None:
    inner = Fixed()
    guarded = Guarded(inner, Guard(slack=1), GATE)
    assert isinstance(guarded, Corrector)
    assert guarded.signature == f"fixed+{Guard(slack=1).signature}+{GATE.signature}"


# Learning

NAMES = [
    *("anna", "bert", "carl", "dora", "emil", "fritz", "gerd", "hans", "ida", "jens"),
    *("karl", "lisa", "mona", "nils", "olga", "paul", "rosa", "sven", "tina", "udo"),
]


def lesson(n: int) -> tuple[list[NBest], dict[str, Answer]]:
    """Where the second hypothesis says `bread`, that is right; a `knight` that only the answer has is wrong."""
    lists, answers = [], {}
    for i in range(n):
        a, b = NAMES[i % 20], NAMES[(3 * i + i // 20) % 20]
        base = f"{a} bought bred and then met {b} late at night"
        right = f"{a} bought bread and then met {b} late at night"
        lists.append(NBest(f"talk{i % 25}/{i}", (Hypothesis(base), Hypothesis(right)), reference=right))
        answers[f"talk{i % 25}/{i}"] = Answer(f"{a} bought bread and then met {b} late at knight")
    return lists, answers


@pytest.fixture(scope="module")
def learned() -> FittedGate:
    return fit_gate(*lesson(100), growth=SMALL)


def test_learning_by_edits(learned: FittedGate) -> None:
    value = learned.to_json()
    wanted = {
        "n": 100,
        "words": 1000,
        "edits": 200,
        "baseline_wer": 10.0,
        "answers_wer": 10.0,
        "cv_wer": 0.0,
        "cv_wer_ci": [0.0, 0.0],
        "oracle_wer": 10.0,
        "changed": 100,
        "helped": 100,
        "harmed": 0,
        "harmful_edit_rate": 0.0,
        "folds": 5,
    }
    assert {name: value[name] for name in wanted} == wanted
    assert 0 <= value["threshold"] < 1
    assert sum(value["features"].values()) == pytest.approx(1)
    shown = learned.render()
    assert "100 lists, 1000 words, 200 proposed edits" in shown
    assert "gated, cross-validated       0.00 %  [0.00, 0.00]" in shown


def test_what_was_learned_is_what_corrects(learned: FittedGate, tmp_path: Path) -> None:
    write_gate(tmp_path / "g.toml", learned.gate)
    gate = read_gate(tmp_path / "g.toml")
    assert gate == learned.gate
    assert gate.made["cv_wer"] == 0.0
    lists, answers = lesson(3)
    made = Guarded(Recorded(answers), gate=gate).correct(lists)
    assert [correction.text for correction in made] == [nbest.reference for nbest in lists]


def test_learning_from_the_list_alone() -> None:
    lists, _ = lesson(60)
    fitted = fit_gate(lists, growth=SMALL)
    assert fitted.gate.sources == "list"
    assert (fitted.to_json()["cv_wer"], fitted.answers, fitted.to_json()["oracle_wer"]) == (0.0, None, 0.0)


def test_where_nothing_can_be_gained_the_gate_abstains() -> None:
    lists, answers = lesson(60)
    answers = {key: Answer(answer.text.replace("bread", "bred")) for key, answer in answers.items()}
    fitted = fit_gate(lists, answers, growth=SMALL)
    value = fitted.to_json()
    assert fitted.gate.abstains
    assert (value["threshold"], value["changed"], value["cv_wer"], value["answers_wer"]) == (None, 0, 10.0, 20.0)
    assert "this gate accepts nothing" in fitted.render()
    made = Guarded(Recorded(answers), gate=fitted.gate).correct(lists)
    assert {correction.decision for correction in made} == {"rejected"}


def test_too_few_lists_give_no_confidence() -> None:
    lists, answers = lesson(100)
    some = [i for i in range(100) if i % 25 < 3][:4]
    few = [replace(lists[i], reference=lists[i].reference if i != some[0] else lists[i].best.text) for i in some]
    assert fit_gate(few, answers, folds=2, growth=SMALL, confidence=0.999).gate.abstains


def test_learning_with_a_language_model() -> None:
    lists, answers = lesson(50)
    lm = ScriptedLM(lambda prefix, text: -3.0 * text.count("knight") - text.count("bred"))
    fitted = fit_gate(lists, answers, lm=lm, growth=SMALL)
    assert fitted.gate.asks
    assert fitted.gate.made["language_model"] == lm.signature
    assert "lm" in fitted.to_json()["features"] or "lm word" in fitted.to_json()["features"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"sources": "both"}, "need answers"),
        ({"sources": "answers"}, "no sources called 'answers'"),
        ({"confidence": 1.0}, "confidence"),
        ({"harm": 0.0}, "limit of harm"),
        ({"folds": 1}, "folds"),
    ],
)
def test_wrong_calls(arguments: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        fit_gate(lesson(30)[0], **arguments)  # type: ignore[arg-type]


def test_lists_that_cannot_be_learned_from() -> None:
    with pytest.raises(InputError, match="no lists"):
        fit_gate([])
    with pytest.raises(InputError, match="'u' has no reference"):
        fit_gate([nbest("a", "b")])
    with pytest.raises(InputError, match="No edit is proposed"):
        fit_gate([nbest("a", id="x", reference="b"), nbest("c", id="y", reference="d")], folds=2)


def test_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(DependencyError, match=r"pip install 'ger-asr\[gate\]'"):
        fit_gate(*lesson(30), growth=SMALL)


def test_tokens_of_a_change_are_kept_as_they_are() -> None:
    base = "我 們 去".replace(" ", "")
    sheet = propose(nbest(base), Answer("我们去"))
    assert applied(sheet.base, sheet.changes) == "我们去"
    assert [token.text for token in tokenize(base)] == ["我", "們", "去"]
