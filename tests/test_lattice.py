"""The best texts of lattices, beside those of all paths one by one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ger.errors import RecordError
from ger.io import lattice as module
from ger.io.lattice import Lattice, Path, best

Arc = tuple[int, int, str, float, float]
Finals = dict[int, tuple[float, float]]

#: Eighths, so that sums are the same in any order.
SCORE = st.integers(-40, 8).map(lambda eighths: eighths / 8)
WORD = st.sampled_from(["", "", "a", "a", "b", "c"])


def made(arcs: list[Arc], finals: Finals) -> Lattice:
    lattice = Lattice("x.lat", 1)
    for line, (source, target, word, acoustic, lm) in enumerate(arcs, 2):
        lattice.arc(source, target, word, acoustic, lm, line)
    for state, (acoustic, lm) in finals.items():
        lattice.final(state, acoustic, lm)
    return lattice


@st.composite
def lattices(draw: st.DrawFn) -> tuple[list[Arc], Finals]:
    """Arcs between up to seven states, named in any order; more than one way to say the same is usual."""
    size = draw(st.integers(1, 7))
    names = draw(st.permutations(range(size)))
    pairs = [(i, j) for i in range(size) for j in range(i + 1, size)]
    drawn = draw(st.lists(st.tuples(st.sampled_from(pairs), WORD, SCORE, SCORE), max_size=14)) if pairs else []
    arcs = [(names[i], names[j], word, acoustic, lm) for (i, j), word, acoustic, lm in drawn]
    arcs.sort(key=lambda arc: arc[0] != names[0])  # paths begin where the first arc does
    ends = draw(st.dictionaries(st.sampled_from(names), st.tuples(SCORE, SCORE), max_size=3))
    return arcs, ends


def paths(
    arcs: list[Arc], finals: Finals, state: int, done: tuple[str, float, float]
) -> Iterator[tuple[str, float, float]]:
    """Text and scores of every path."""
    text, a, b = done
    if state in finals:
        yield text.strip(), a + finals[state][0], b + finals[state][1]
    for source, target, word, acoustic, lm in arcs:
        if source == state:
            longer = f"{text} {word}" if word else text
            yield from paths(arcs, finals, target, (longer, a + acoustic, b + lm))


@settings(max_examples=200)
@given(lattices(), st.integers(1, 12), st.sampled_from([1.0, 0.5, 0.0, 2.0]))
def test_the_best_texts_are_those_of_all_paths(drawn: tuple[list[Arc], Finals], count: int, scale: float) -> None:
    arcs, finals = drawn
    found = best(made(arcs, finals), count, scale)
    every: dict[str, set[tuple[float, float]]] = {}
    start = arcs[0][0] if arcs else next(iter(finals), 0)
    for text, acoustic, lm in paths(arcs, finals, start, ("", 0.0, 0.0)):
        every.setdefault(text, set()).add((acoustic, lm))
    totals = {text: max(scale * a + b for a, b in sums) for text, sums in every.items()}
    assert [scale * path.acoustic + path.lm for path in found] == sorted(totals.values(), reverse=True)[:count]
    assert len({path.text for path in found}) == len(found)
    for path in found:
        assert (path.acoustic, path.lm) in every[path.text]
        assert scale * path.acoustic + path.lm == totals[path.text]


def test_many_paths_that_say_the_same_are_one_text() -> None:
    # 2 ** 60 paths say "a", each of thirty pairs of silent arcs on both sides of it; the best has cost 0.
    arcs: list[Arc] = [(i, i + 1, "", -score, 0.0) for i in range(60) for score in (0.0, 1.0)]
    arcs[60:60] = [(60, 61, "a", -1.0, -2.0), (60, 61, "b", -2.0, -2.0)]
    assert best(made(arcs, {61: (0.0, 0.0)}), 5) == [Path("a", -1.0, -2.0), Path("b", -2.0, -2.0)]


def test_scores_that_are_no_eighths() -> None:
    # Sums of tenths differ in the last place with their order; no text may be lost by that.
    arcs: list[Arc] = [(i, i + 1, word, -0.1 * i, -0.3) for i in range(12) for word in ("x", "y")]
    found = best(made(arcs, {12: (0.0, 0.0)}), 4096)
    assert len({path.text for path in found}) == 4096


def test_ways_that_lead_nowhere() -> None:
    arcs: list[Arc] = [(0, 1, "a", -1.0, 0.0), (0, 2, "b", 0.0, 0.0), (5, 1, "c", 0.0, 0.0)]
    assert best(made([*arcs, (0, 1, "d", float("-inf"), 0.0)], {1: (0.0, 0.0)}), 9) == [Path("a", -1.0, 0.0)]
    assert best(made(arcs, {}), 9) == []
    assert best(made(arcs, {1: (0.0, float("-inf"))}), 9) == []
    assert best(made([], {}), 9) == []
    assert best(made([], {3: (-1.0, -2.0)}), 9) == [Path("", -1.0, -2.0)]


def test_a_cycle_is_named_by_one_of_its_arcs() -> None:
    arcs: list[Arc] = [(0, 1, "a", 0, 0), (1, 2, "b", 0, 0), (2, 3, "", 0, 0), (3, 1, "c", 0, 0), (3, 4, "d", 0, 0)]
    with pytest.raises(RecordError, match=r"x\.lat, line [345]: this arc is part of a cycle"):
        best(made(arcs, {4: (0.0, 0.0)}), 1)
    with pytest.raises(RecordError, match=r"x\.lat, line 2: this arc is part of a cycle"):
        best(made([(0, 0, "a", 0, 0)], {0: (0.0, 0.0)}), 1)


def test_too_many_arcs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ARCS", 2)
    with pytest.raises(RecordError, match=r"x\.lat, line 1: the lattice has more than 2 arcs\. Prune it"):
        made([(i, i + 1, "a", 0.0, 0.0) for i in range(3)], {})
