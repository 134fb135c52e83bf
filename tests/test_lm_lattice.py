"""Lattices that are rescored beside all their texts one by one, and lattices that are written and read back."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest

from ger.errors import OutputError, RecordError
from ger.io.lattice import Lattice, best, order
from ger.io.lattice_write import write_k2, write_kaldi
from ger.io.lists import Beside, read_lists
from ger.lm.lattice import rescore
from ger.protocols import ScoreRequest
from ger.testing import ScriptedLM


def made(seed: int, states: int = 9, words: str = "abcdef") -> Lattice:
    """Several arcs between neighbours, some that leave one out, some silent; finals at the end and before it."""
    chance, lattice = random.Random(seed), Lattice("x", 1)
    for state in range(states - 1):
        for _ in range(3):
            target = min(states - 1, state + chance.choice([1, 1, 2]))
            word = chance.choice(["", *words])
            lattice.arc(state + 7, target + 7, word, -chance.random() * 4, -chance.random() * 4, 0)
    lattice.final(states + 6, -0.5, -0.25)
    lattice.final(states + 5, -1.0, 0.0)
    return lattice


def judge(seed: int) -> ScriptedLM:
    return ScriptedLM(lambda prefix, text: -40 * random.Random(f"{seed} {prefix}{text}").random() ** 2)


@pytest.mark.parametrize("seed", range(8))
def test_the_best_of_all_texts(seed: int) -> None:
    lattice, lm = made(seed), judge(seed)
    everything = best(lattice, 100_000, 0.7)
    assert len(everything) > 100
    totals = {p.text: 0.6 * (0.7 * p.acoustic + p.lm) + 0.4 * lm._score("so ", p.text) for p in everything}
    found = rescore(
        lattice, lm, weight=0.4, acoustic_scale=0.7, most=100_000, optimism=math.inf, form="as-is", prefix="so "
    )
    assert found is not None
    assert found.exact
    assert found.score == pytest.approx(max(totals.values()))
    assert totals[found.path.text] == pytest.approx(found.score)
    assert found.lm == lm._score("so ", found.path.text)
    assert sum(len(request.continuations) for call in lm.scored for request in call) == found.seen


def test_the_search_is_shorter_than_the_lattice() -> None:
    lattice, lm = made(1), ScriptedLM(lambda prefix, text: -random.Random(text).random() - 0.2)
    everything = len(best(lattice, 100_000))
    exact = rescore(lattice, lm, most=100_000, optimism=math.inf)
    hopeful = rescore(lattice, lm, most=100_000)
    harsh = ScriptedLM(lambda prefix, text: -30 - random.Random(text).random())
    cut = rescore(lattice, harsh, most=40, optimism=math.inf, weight=0.9)
    assert exact is not None
    assert hopeful is not None
    assert cut is not None
    assert 32 <= hopeful.seen <= exact.seen < everything
    assert (cut.seen, cut.exact) == (40, False)


def test_small_lattices() -> None:
    one = Lattice("x", 1)
    assert rescore(one, judge(0)) is None
    one.arc(0, 1, "a", -1.0, -2.0, 0)
    assert rescore(one, judge(0)) is None
    one.final(1, 0.0, 0.0)
    found = rescore(one, ScriptedLM(lambda prefix, text: -5.0), weight=0.5)
    assert found is not None
    assert (found.path.text, found.score, found.exact, found.seen) == ("a", -4.0, True, 1)
    lm = ScriptedLM(lambda prefix, text: -5.0)
    rescore(one, lm, prefix="So. ")
    assert lm.scored == [[ScoreRequest(("A.",), "So. ")]]


@pytest.mark.parametrize("seed", range(5))
def test_what_is_written_for_kaldi_is_read_back(tmp_path: Path, seed: int) -> None:
    lattices = {"one": made(seed), "two": made(seed + 50, words="efgh"), "none": Lattice("x", 1)}
    write_kaldi(tmp_path / "lat.txt", lattices)
    read = list(read_lists(tmp_path / "lat.txt", beside=Beside(count=30, acoustic_scale=0.3)))
    assert [nbest.id for nbest in read] == list(lattices)
    for nbest in read:
        want = best(lattices[nbest.id], 30, 0.3)
        assert [(h.text, h.acoustic_score, h.lm_score) for h in nbest.hypotheses] == [
            (p.text, pytest.approx(p.acoustic), pytest.approx(p.lm)) for p in want
        ]


def test_what_is_written_for_k2_is_read_back(tmp_path: Path) -> None:
    lattices = {"one": made(3), "two": made(4, words="efgh")}
    write_k2(tmp_path, lattices, 0.3)
    for name, lattice in lattices.items():
        lines = (tmp_path / f"{name}.txt").read_text().splitlines()
        sources = [int(line.split()[0]) for line in lines]
        assert sources == sorted(sources)
        assert all(int(a) < int(b) for a, b, *_ in map(str.split, lines[:-1]))
        (nbest,) = read_lists(tmp_path / f"{name}.txt", format="k2-lattice", beside=Beside(count=30))
        want = best(lattice, 30, 0.3)
        assert nbest.id == name
        assert [(h.text, h.score) for h in nbest.hypotheses] == [
            (p.text, pytest.approx(0.3 * p.acoustic + p.lm)) for p in want
        ]


def test_what_cannot_be_written(tmp_path: Path) -> None:
    spaced = Lattice("x", 1)
    spaced.arc(0, 1, "New York", 0.0, 0.0, 0)
    for lattices in ({"a": spaced}, {"a b": made(0)}):
        with pytest.raises(OutputError, match="since a space ends it"):
            write_kaldi(tmp_path / "lat.txt", lattices)
    for name in ("a/b", "words"):
        with pytest.raises(OutputError, match="is no name"):
            write_k2(tmp_path, {name: made(0)})
    cycle = Lattice("x", 1)
    cycle.arc(0, 1, "a", 0.0, 0.0, 4)
    cycle.arc(1, 0, "b", 0.0, 0.0, 5)
    with pytest.raises(RecordError, match="part of a cycle"):
        write_k2(tmp_path, {"c": cycle})


def test_states_in_order() -> None:
    lattice = made(2)
    place = {state: i for i, state in enumerate(order(lattice))}
    assert sorted(place) == list(range(len(lattice)))
    assert all(place[a] < place[b] for a, b in zip(lattice.source, lattice.target, strict=True))
