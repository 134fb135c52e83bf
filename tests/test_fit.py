"""Lists with references become numbers, weights, and rates; above all, references never reach what they judge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ger.correct.fit import Problem, fit, problem, validate
from ger.correct.rescore import Rescorer
from ger.errors import InputError, ModelError, UnknownNameError, UsageError
from ger.lm.features import Features
from ger.lm.learned import CrossFitted, ngram
from ger.lm.profile import Profile, read_profile, write_profile
from ger.lm.select import LmSpec
from ger.lm.tune import folds
from ger.protocols import Answer, GenerateRequest, ScoreRequest
from ger.testing import ScriptedLM
from ger.types import AudioSpan, Context, Hypothesis, NBest

BASE = Profile({"lm": 1.0}, (LmSpec(),), form="as-is")


def listed(id: str, reference: str | None, *pairs: tuple[str, float | None], **rest: Any) -> NBest:
    return NBest(id, tuple(Hypothesis(text, score) for text, score in pairs), reference=reference, **rest)


def telling(prefix: str, text: str) -> float:
    """4 nats for what is right where the recognizer is wrong, 2 where it is right; see `TEN`."""
    return {"w": -4.0, "x": -2.0}.get(text.split()[-1], 0.0)


# Five words each. In the first four the second text is right, in the others the first; the recognizer is always sure of
# the first by 1 nat. With weights a and l the second is taken in the first four where 4 l > a, the first in the others
# where a + 2 l > 0 (ties go to the first): only there nothing is wrong. 1-best: 4 of 50 words.
TEN = [
    listed(f"u{i}", f"n{i} one two three r", (f"n{i} one two three w", -1.0), (f"n{i} one two three r", -2.0))
    if i < 4
    else listed(f"u{i}", f"n{i} one two three r", (f"n{i} one two three r", -1.0), (f"n{i} one two three x", -2.0))
    for i in range(10)
]


def test_weights_where_they_are_obvious() -> None:
    fitted = fit(TEN, BASE, {"lm": ScriptedLM(telling)}, features=["acoustic"], folds=5)
    assert (fitted.n, fitted.words, fitted.baseline, fitted.oracle, fitted.tuned) == (10, 50, 8.0, 0.0, 0.0)
    assert (fitted.validated, fitted.validated_interval) == (0.0, (0.0, 0.0))
    weights = fitted.profile.weights
    assert list(weights) == ["acoustic", "lm"]
    assert 4 * weights["lm"] > weights["acoustic"] > -2 * weights["lm"]


def test_a_model_that_is_always_wrong_is_subtracted() -> None:
    lm = ScriptedLM(lambda prefix, text: -telling(prefix, text))
    fitted = fit(TEN, BASE, {"lm": lm}, features=["acoustic"], folds=2)
    assert fitted.tuned == fitted.validated == 0.0
    assert fitted.profile.weights["lm"] < 0


def test_the_profile_rescores_as_it_was_tuned(tmp_path: Any) -> None:
    fitted = fit(TEN, BASE, {"lm": ScriptedLM(telling)})
    write_profile(tmp_path / "p.toml", fitted.profile)
    read = read_profile(tmp_path / "p.toml")
    assert read == fitted.profile
    made = Rescorer({"lm": ScriptedLM(telling)}, read).correct(TEN)
    assert [correction.text for correction in made] == [nbest.reference for nbest in TEN]
    assert read.made["tuned_wer"] == 0.0
    assert read.made["baseline_wer"] == 8.0
    assert (read.made["normalizer"], read.made["seed"]) == ("basic", 0)


def test_json_and_text_keep_the_two_rates_apart() -> None:
    fitted = fit(TEN, BASE, {"lm": ScriptedLM(telling)}, folds=5)
    value = fitted.to_json()
    assert {"tuned_wer", "cv_wer", "cv_wer_ci", "baseline_wer", "oracle_wer", "weights", "folds"} <= set(value)
    assert value["weights"] == fitted.profile.weights
    shown = fitted.render()
    assert "on the tuning lists          0.00 %  (flatters: do not report)" in shown
    assert "cross-validated, 5 folds     0.00 %  [0.00, 0.00]" in shown
    alone = fit(TEN, BASE, {"lm": ScriptedLM(telling)}, folds=0)
    assert alone.validated is None
    assert not {"cv_wer", "cv_wer_ci", "folds"} & set(alone.to_json())
    assert "cross-validated" not in alone.render()


# The leak rule


def fold_of(made: Problem, count: int, number: int) -> set[int]:
    return set(folds(made.keys, count, 0)[number].tolist())


def validated(made: Problem, count: int, **rest: Any) -> list[int]:
    return validate(made, CrossFitted(made.lists, {}, folds(made.keys, count, 0)), **rest)


def choices(made: Problem, count: int, **rest: Any) -> list[int]:
    """Which hypothesis is taken, where the errors of the hypotheses of a list all differ."""
    return [e.tolist().index(found) for e, found in zip(made.errors, validated(made, count, **rest), strict=True)]


def test_references_of_a_fold_decide_for_the_others_and_never_for_itself() -> None:
    # One feature, 1 for the second hypothesis. Where the second is right, its weight becomes positive.
    values = [np.array([[0.0], [1.0]])] * 8
    features = Features(("second",), values, [np.array([True, True])] * 8)
    right, wrong = np.array([1, 0]), np.array([0, 1])
    made = Problem(features, [right] * 8, [1] * 8, [f"u{i}" for i in range(8)], [], [])
    assert choices(made, 2) == [1] * 8
    mine = fold_of(made, 2, 0)
    changed = replace(made, errors=[wrong if i in mine else right for i in range(8)])
    # Those of the fold are still decided by the others' references, those of the others now by the changed ones.
    assert choices(changed, 2) == [1 if i in mine else 0 for i in range(8)]


tables = st.integers(0, 2**32 - 1)


@settings(max_examples=15)
@given(tables, st.sampled_from(["risk", "exact"]), st.integers(0, 2))
def test_no_references_of_a_fold_change_its_own_predictions(seed: int, method: Any, number: int) -> None:
    random = np.random.default_rng(seed)
    values = [random.standard_normal((3, 2)) for _ in range(9)]
    errors = [random.permutation(3) for _ in range(9)]
    features = Features(("a", "b"), values, [np.ones(3, dtype=bool)] * 9)
    made = Problem(features, errors, [5] * 9, [f"u{i}" for i in range(9)], [], [])
    mine = fold_of(made, 3, number)
    changed = replace(made, errors=[random.permutation(3) if i in mine else e for i, e in enumerate(errors)])
    before, after = choices(made, 3, method=method), choices(changed, 3, method=method)
    assert [before[i] for i in sorted(mine)] == [after[i] for i in sorted(mine)]


def test_references_as_texts_do_not_leak_through_the_whole_way() -> None:
    """Lists, features and language models included: the references of a fold are turned into its wrong hypotheses."""
    wide = replace(BASE, min_length=0.0)
    same = [replace(nbest, hypotheses=TEN[0].hypotheses, reference=TEN[0].reference) for nbest in TEN]
    lists = [replace(nbest, id=f"talk{i}/0") for i, nbest in enumerate(same)]
    made = problem(lists, wide, {"lm": ScriptedLM(telling)})
    mine = fold_of(made, 2, 1)
    swapped = [replace(n, reference=n.hypotheses[0].text) if i in mine else n for i, n in enumerate(lists)]
    changed = problem(swapped, wide, {"lm": ScriptedLM(telling)})
    assert [made.errors[i].tolist() for i in sorted(mine)] == [[1, 0]] * 5
    assert [changed.errors[i].tolist() for i in sorted(mine)] == [[0, 1]] * 5
    assert choices(made, 2) == [1] * 10
    assert choices(changed, 2) == [1 if i in mine else 0 for i in range(10)]
    # What `fit` reports is this and nothing else: 5 wrong words in the fold, 5 in the others, of 50.
    fitted = fit(swapped, wide, {"lm": ScriptedLM(telling)}, folds=2)
    assert fitted.validated == 100 * 10 / 50 == changed.rate(validated(changed, 2))


def test_recordings_are_not_torn_apart() -> None:
    """Half of a recording would otherwise tell about its other half."""
    lists = [replace(n, id=f"talk{i // 5}/{i:02d}") for i, n in enumerate(TEN)]
    made = problem(lists, BASE, {"lm": ScriptedLM(telling)})
    assert made.keys == ["talk0"] * 5 + ["talk1"] * 5
    assert sorted(map(sorted, (fold_of(made, 2, 0), fold_of(made, 2, 1)))) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    spans = [replace(n, audio=AudioSpan(f"{i % 3}.wav", i, i + 1)) for i, n in enumerate(TEN)]
    assert problem(spans, BASE, {"lm": ScriptedLM(telling)}).keys == [f"{i % 3}.wav" for i in range(10)]
    with pytest.raises(UsageError, match="2 separate recordings cannot be shared out over 3 folds"):
        fit(lists, BASE, {"lm": ScriptedLM(telling)}, folds=3)


class Recorded(ScriptedLM):
    """Everything that it was shown, as one text."""

    @property
    def shown(self) -> str:
        return repr(self.scored)


def with_references(mark: str) -> list[NBest]:
    """Two recordings in turns, references that no hypothesis has."""
    return [
        listed(
            f"talk{i % 2}/{i:02d}",
            f"{mark} {i}",
            (f"first of {i}", -1.0),
            (f"second by {i}", -2.0),
            (f"third at {i}", -3.0),
        )
        for i in range(8)
    ]


def test_no_reference_is_ever_shown_to_a_language_model() -> None:
    asked: list[list[list[ScoreRequest]]] = []
    profile = replace(BASE, previous=2, cross=4, domain="Ships.", min_length=0.0)
    for mark in ("secret", "hidden"):
        lm = Recorded(lambda prefix, text: -float(len(text)))
        lists = with_references(mark)
        fit(lists, profile, {"lm": lm}, folds=2)
        Rescorer({"lm": lm}, profile).correct(lists)
        assert mark not in lm.shown
        assert "first of 0 first of 2" in lm.shown
        asked.append(lm.scored)
    assert asked[0] == asked[1]


def test_earlier_first_hypotheses_are_the_context() -> None:
    lm = ScriptedLM()
    lists = with_references("said")
    lists[2] = replace(lists[2], context=Context(previous="Told."))
    lists[4] = replace(lists[4], hypotheses=())
    lists.append(listed("alone", "said", ("a", None), ("b", None)))
    problem(lists, replace(BASE, previous=2), {"lm": lm})
    assert [request.prefix for request in lm.scored[0]] == [
        "",
        "",
        "Told. ",
        "first of 1 ",
        "first of 1 first of 3 ",
        "first of 0 first of 2 ",  # nothing was said in 4
        "first of 1 first of 3 first of 5 ",
        "",
    ]


# Odd lists


def test_errors_are_counted_by_word_under_the_normalizer() -> None:
    nbest = listed("u", "Yes, the ship.", ("yes the ship", None), ("yes ship", None), ("", None), ("a b c d", None))
    made = problem([nbest, listed("v", "one two")], BASE, {})
    assert [errors.tolist() for errors in made.errors] == [[0, 1, 3, 4], [2]]
    assert made.words == [3, 2]
    exact = problem([nbest], BASE, {}, normalizer="none")
    assert exact.errors[0].tolist() == [2, 3, 3, 4]


def test_only_columns_that_tell_hypotheses_apart_are_tuned() -> None:
    made = problem(TEN, BASE, {"lm": ScriptedLM(telling)})
    # No rank, as many words and characters, one edit from each other, a vote each.
    assert made.features.names == ("acoustic", "lm")
    mixed = [*TEN, listed("v", "one", ("one", None), ("one two", None))]
    assert problem(mixed, BASE, {"lm": ScriptedLM(telling)}).features.names == (
        "acoustic",
        "rank",
        "words",
        "chars",
        "lm",
    )


def test_a_model_that_tells_nothing_apart_leaves_the_profile(tmp_path: Any) -> None:
    base = Profile({}, (LmSpec("lm"), LmSpec("dull")), form="as-is")
    fitted = fit(TEN, base, {"lm": ScriptedLM(telling), "dull": ScriptedLM()})
    assert fitted.profile.lms == (LmSpec("lm"),)
    assert "dull" not in fitted.profile.weights


def test_lists_of_one_and_of_none_are_counted_and_teach_nothing() -> None:
    odd = [listed("one", "a b", ("a c", -1.0)), listed("none", "d e f")]
    fitted = fit([*TEN, *odd], BASE, {"lm": ScriptedLM(telling)}, folds=2)
    assert (fitted.words, fitted.baseline) == (55, 100 * 8 / 55)
    assert fitted.tuned == fitted.oracle == fitted.validated == 100 * 4 / 55
    same = listed("same", "a b", ("a c", None), ("a c", None))
    for lists, features in ((odd, None), ([same], ["words"]), (TEN, [])):
        with pytest.raises(InputError, match="No feature tells the hypotheses of any list apart"):
            fit(lists, BASE, {}, features=features, folds=0)


def test_crossed_texts_take_part() -> None:
    nbest = listed("u", "the red ship sank", ("the red sheep sank", -1.0), ("a red ship sank", -2.0))
    made = problem([nbest], replace(BASE, cross=4), {"lm": ScriptedLM()})
    assert min(made.errors[0].tolist()) == 0
    assert made.errors[0].tolist()[:2] == [1, 1]


@pytest.mark.parametrize(
    ("lists", "error", "message"),
    [
        ([*TEN[:9], replace(TEN[9], reference=None)], InputError, "The list 'u9' has no reference. Give references"),
        ([replace(nbest, reference=" ... ") for nbest in TEN], InputError, "The references hold no words"),
        ([], UsageError, "There are no lists"),
        (TEN[:3], UsageError, "3 separate recordings cannot be shared out over 5 folds"),
    ],
)
def test_unusable_lists_are_told_before_anything_is_scored(
    lists: list[NBest], error: type[Exception], message: str
) -> None:
    lm = ScriptedLM(telling)
    with pytest.raises(error, match=message):
        fit(lists, BASE, {"lm": lm}, folds=5 if lists else 0)
    assert lm.scored == []


def test_unknown_names_are_told_before_anything_is_scored() -> None:
    lm = ScriptedLM(telling)
    with pytest.raises(UnknownNameError, match="normalizer called 'basik'"):
        fit(TEN, BASE, {"lm": lm}, normalizer="basik")
    with pytest.raises(UsageError, match=r"no feature and no language model called 'wrods'\. Did you mean 'words'"):
        fit(TEN, BASE, {"lm": lm}, features=["wrods"])
    assert lm.scored == []


def test_a_language_model_that_breaks_ends_it() -> None:
    def broken(prefix: str, text: str) -> float:
        raise ModelError("It broke.", "Mend it.")

    with pytest.raises(ModelError, match="It broke"):
        fit(TEN, BASE, {"lm": ScriptedLM(broken)})


def test_progress_counts_every_list() -> None:
    seen: list[int] = []
    many: Sequence[NBest] = [replace(TEN[i % 10], id=f"u{i}x") for i in range(300)]
    problem(many, BASE, {"lm": ScriptedLM(telling)}, progress=seen.append)
    assert sum(seen) == 300
    assert len(seen) > 1


def test_the_same_seed_gives_the_same_weights() -> None:
    random = np.random.default_rng(5)
    lists = [
        listed(
            f"talk{i}/0",
            "a b c",
            *((" ".join(random.choice(list("abc"), 3)), float(random.normal())) for _ in range(4)),
        )
        for i in range(20)
    ]
    first, again = (fit(lists, replace(BASE, lms=()), {}, folds=4, seed=3) for _ in range(2))
    assert first == again
    assert math.isfinite(first.profile.temperature)
    assert first.tuned <= first.baseline
    assert first.oracle <= first.tuned


# Models that learn from the references


@dataclass
class Memory:
    """Knows the references that it has learned by heart, and nothing else."""

    known: frozenset[str]
    asked: list[str]
    signature = "memory"

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
        self.asked += [text for request in requests for text in request.continuations]
        return [[0.0 if text in self.known else -9.0 for text in r.continuations] for r in requests]

    def generate(self, requests: Sequence[GenerateRequest]) -> list[tuple[Answer, ...]]:
        return [(Answer(str(request.prompt)),) for request in requests]


def test_a_model_that_knows_its_references_by_heart_gains_nothing() -> None:
    """It would choose the reference of every list that it has learned from; no list is judged by such a model."""
    made: list[Memory] = []

    def learn(lists: Sequence[NBest]) -> Memory:
        made.append(Memory(frozenset(nbest.reference or "" for nbest in lists), []))
        return made[-1]

    fitted = fit(TEN, replace(BASE, lms=()), {}, learners={"memory": learn}, folds=5)
    assert (fitted.baseline, fitted.oracle) == (8.0, 0.0)
    assert fitted.tuned == fitted.validated == 8.0
    # One without each fold, for the weights, and one without each pair of folds, for the cross-validation.
    assert sorted(len(memory.known) for memory in made) == [6] * 10 + [8] * 5
    for memory in made:
        assert not memory.known & set(memory.asked)
        assert len({text.split()[0] for text in memory.asked}) == 10 - len(memory.known)


@settings(max_examples=5)
@given(tables, st.integers(0, 2))
def test_no_references_of_a_fold_change_its_own_predictions_by_learned_models(seed: int, number: int) -> None:
    random = np.random.default_rng(seed)

    def text() -> str:
        return " ".join(random.choice(list("abcd"), 4))

    # Names keep references different: lists of other folds with the reference of a held one are not learned from.
    lists = [listed(f"u{i}", f"n{i} {text()}", *((text(), float(random.normal())) for _ in range(3))) for i in range(9)]
    made = problem(lists, replace(BASE, lms=()), {})
    made = replace(made, errors=[random.permutation(3) for _ in range(9)])
    mine = fold_of(made, 3, number)
    changed = [replace(n, reference=f"m{i} {text()}") if i in mine else n for i, n in enumerate(lists)]
    parts = folds(made.keys, 3, 0)
    before, after = (validate(made, CrossFitted(given, {"ngram": ngram(2)}, parts)) for given in (lists, changed))
    assert [before[i] for i in sorted(mine)] == [after[i] for i in sorted(mine)]


def test_models_that_learn_need_three_folds() -> None:
    for count in (0, 2):
        with pytest.raises(UsageError, match=r"need 3 folds or more\. Use --folds 5\."):
            fit(TEN, replace(BASE, lms=()), {}, learners={"ngram": ngram(2)}, folds=count)


def test_an_n_gram_model_reads_the_context_in_tuning_as_in_rescoring() -> None:
    model = ngram(2)([listed("r", "red door"), listed("s", "red barn door")])
    alone, behind = (model.score([ScoreRequest(("door", "barn"), prefix)])[0] for prefix in ("", "Red "))
    assert alone != behind == [model.model.score([word], ["red"]) for word in ("door", "barn")]
    lists = [replace(nbest, context=Context(previous=f"n{i}")) for i, nbest in enumerate(TEN)]
    made = problem(lists, replace(BASE, lms=()), {})
    parts = folds(made.keys, 5, 0)
    plain, read = (
        CrossFitted(made.lists, {"ngram": ngram(3)}, parts, prefixes).joined(made.features)
        for prefixes in ((), made.prefixes)
    )
    assert made.prefixes[0].strip() == "n0"
    assert not np.allclose(plain.values[0], read.values[0])


def test_equal_references_in_other_folds_are_not_learned_from() -> None:
    """The same sentence, read in each of ten recordings."""
    made: list[Memory] = []

    def learn(lists: Sequence[NBest]) -> Memory:
        made.append(Memory(frozenset(nbest.reference or "" for nbest in lists), []))
        return made[-1]

    lists = [replace(TEN[i], id=f"talk{i}/0", reference=f"N{i % 2} one two three r.") for i in range(10)]
    fit(lists, replace(BASE, lms=()), {}, learners={"memory": learn}, folds=5)
    assert {len(memory.known) for memory in made} == {0, 1}  # none is left where both are judged
    for memory in made:
        assert not {text.split()[0] for text in memory.known} & {text.split()[0].upper() for text in memory.asked}


def test_equal_references_are_in_one_fold() -> None:
    lists = [replace(TEN[i], reference=f"N{i % 5} one two.") for i in range(10)]
    parts = folds(problem(lists, BASE, {"lm": ScriptedLM(telling)}).keys, 5, 0)
    assert sorted(tuple(i % 5 for i in part) for part in parts) == [(i, i) for i in range(5)]


def test_two_models_of_one_name() -> None:
    with pytest.raises(UsageError, match="Two language models are called 'ngram'"):
        fit(TEN, BASE, {"ngram": ScriptedLM(telling)}, learners={"ngram": ngram(2)})
