"""Lattices: acyclic graphs of words, and their best texts.

Acoustic and language model scores are kept apart; texts are ranked by `acoustic_scale * acoustic + lm`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush, nsmallest
from itertools import count as counter
from math import inf

from ger.errors import RecordError

__all__ = ["HIGHEST", "MOST_ARCS", "Lattice", "Path", "best", "order"]

#: A lattice with more arcs is refused; one with as many takes some 300 MB.
MOST_ARCS = 2_000_000

#: What is above it is no score, so that sums of scores stay finite.
HIGHEST = 1e30

#: Totals that differ by less, relatively, may be those of one path summed up in another order.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Path:
    """One text of a lattice with the scores of the best path that says it (nats)."""

    text: str
    acoustic: float
    lm: float


class Lattice:
    """Arcs and final states, as a file tells them one by one.

    Args:
        name: What errors call the file.
        first: The line at which the lattice begins.
    """

    def __init__(self, name: str, first: int) -> None:
        self.name, self.first = name, first
        self.words: list[str] = [""]
        self.finals: dict[int, tuple[float, float]] = {}
        self.source, self.target, self.word, self.line = array("i"), array("i"), array("i"), array("q")
        self.acoustic, self.lm = array("d"), array("d")
        self._states: dict[int, int] = {}
        self._numbers = {"": 0}

    def __len__(self) -> int:
        return len(self._states)

    def arc(self, source: int, target: int, word: str, acoustic: float, lm: float, line: int) -> None:
        """Add an arc; an empty word is silent. All paths begin in the first state that is named.

        An arc with a score of minus infinity is none.

        Raises:
            RecordError: there are too many.
        """
        if len(self.source) == MOST_ARCS:
            raise RecordError(
                f"{self.name}, line {self.first}: the lattice has more than {MOST_ARCS} arcs.",
                "Prune it, for example with `lattice-prune --beam=8`.",
            )
        begin, end = self._state(source), self._state(target)
        if acoustic + lm == -inf:
            return
        number = self._numbers.setdefault(word, len(self.words))
        if number == len(self.words):
            self.words.append(word)
        self.source.append(begin)
        self.target.append(end)
        self.word.append(number)
        self.acoustic.append(acoustic)
        self.lm.append(lm)
        self.line.append(line)

    def final(self, state: int, acoustic: float, lm: float) -> None:
        """Let paths end in a state, unless a score is minus infinity."""
        number = self._state(state)
        if acoustic + lm > -inf:
            self.finals[number] = (acoustic, lm)

    def _state(self, state: int) -> int:
        return self._states.setdefault(state, len(self._states))


@dataclass(slots=True)
class _Graph:
    """A lattice in order: which arcs leave each state, where each state stands, and what is best from there on."""

    lattice: Lattice
    scale: float
    arcs: list[int] = field(init=False)
    begins: array[int] = field(init=False)
    place: array[int] = field(init=False)
    rest: array[float] = field(init=False)

    def __post_init__(self) -> None:
        lattice, states = self.lattice, len(self.lattice)
        self.arcs = sorted(range(len(lattice.source)), key=lattice.source.__getitem__)
        self.begins = array("q", bytes(8 * (states + 1)))
        for source in lattice.source:
            self.begins[source + 1] += 1
        for i in range(states):
            self.begins[i + 1] += self.begins[i]
        order = self._order()
        self.place = array("i", bytes(4 * states))
        for i, state in enumerate(order):
            self.place[state] = i
        self.rest = array("d", [-inf]) * states
        for state in reversed(order):
            ends = lattice.finals.get(state)
            self.rest[state] = max(
                self.total(*ends) if ends else -inf,
                max((self.weight(arc) + self.rest[lattice.target[arc]] for arc in self.leaving(state)), default=-inf),
            )

    def total(self, acoustic: float, lm: float) -> float:
        return self.scale * acoustic + lm

    def weight(self, arc: int) -> float:
        return self.total(self.lattice.acoustic[arc], self.lattice.lm[arc])

    def leaving(self, state: int) -> Iterator[int]:
        return (self.arcs[i] for i in range(self.begins[state], self.begins[state + 1]))

    def _order(self) -> list[int]:
        """The states, each before those that follow it."""
        lattice = self.lattice
        incoming = array("q", bytes(8 * len(lattice)))
        for target in lattice.target:
            incoming[target] += 1
        order = [state for state, number in enumerate(incoming) if not number]
        for state in order:  # grows
            for arc in self.leaving(state):
                target = lattice.target[arc]
                incoming[target] -= 1
                if not incoming[target]:
                    order.append(target)
        if len(order) < len(lattice):
            line = lattice.line[_cycle(lattice, set(order))]
            raise RecordError(
                f"{lattice.name}, line {line}: this arc is part of a cycle.",
                "Only lattices without cycles have paths that can be listed.",
            )
        return order


def _cycle(lattice: Lattice, ordered: set[int]) -> int:
    """An arc of a cycle: going back among states that are in no order ends in one."""
    into = {
        target: arc
        for arc, (source, target) in enumerate(zip(lattice.source, lattice.target, strict=True))
        if source not in ordered and target not in ordered
    }
    state, seen = next(iter(into)), set[int]()
    while state not in seen:
        seen.add(state)
        state = lattice.source[into[state]]
    return into[state]


#: Best scores on the way to a state: their total, acoustic, language model.
_Sums = tuple[float, float, float]
_Reached = dict[int, _Sums]

#: Words that a text begins with: those before the last one, and that one.
_Said = tuple["_Said", int] | None


@dataclass(frozen=True, slots=True)
class _Prefix:
    """Words that a text begins with, the states that they lead to, and the scores if that is the whole text."""

    said: _Said
    reached: _Reached
    ended: _Sums | None = None


def best(lattice: Lattice, count: int, acoustic_scale: float = 1.0) -> list[Path]:
    """The best different texts of a lattice, best first; exact, whatever paths say the same.

    The lattice is made deterministic as far as it is looked at: beginnings of texts wait in a queue, each with all the
    states it leads to and the score of the best text that begins so (A* with the exact rest, so what comes first out
    of the queue is on the way to the next best text). No more beginnings wait than texts are wanted.

    Raises:
        RecordError: the lattice has a cycle; names the line.
    """
    if not len(lattice) or count < 1:
        return []
    graph = _Graph(lattice, acoustic_scale)
    start = _Prefix(None, {0: (0.0, 0.0, 0.0)})
    ties = counter()
    queue: list[tuple[float, int, _Prefix]] = [(-graph.rest[0], next(ties), start)] if graph.rest[0] > -inf else []
    found: list[Path] = []
    floor = -inf
    while queue and len(found) < count:
        _, _, prefix = heappop(queue)
        if prefix.ended:
            found.append(Path(_text(lattice, prefix.said), prefix.ended[1], prefix.ended[2]))
            continue
        for total, longer in _longer(graph, prefix, floor):
            heappush(queue, (-total, next(ties), longer))
        left = count - len(found)
        if len(queue) >= left:
            queue = nsmallest(left, queue)  # in order, and so a heap
            floor = -queue[-1][0] - _ROUNDING * (1 + abs(queue[-1][0]))
    return found


def order(lattice: Lattice) -> list[int]:
    """The states, each before those that follow it.

    Raises:
        RecordError: the lattice has a cycle; names the line.
    """
    place = _Graph(lattice, 1.0).place
    return sorted(range(len(lattice)), key=place.__getitem__)


def _longer(graph: _Graph, prefix: _Prefix, floor: float) -> Iterator[tuple[float, _Prefix]]:
    """What a beginning can become, with the best total of each: a whole text, or a beginning with one word more."""
    lattice, rest = graph.lattice, graph.rest
    reached = dict(prefix.reached)
    waiting = [(graph.place[state], state) for state in reached]
    heapify(waiting)
    by_word: dict[int, _Reached] = {}
    ended: _Sums | None = None
    while waiting:
        _, state = heappop(waiting)
        sums = reached[state]
        if ends := lattice.finals.get(state):
            ended = _better(ended, _sum(graph, sums, *ends))
        for arc in graph.leaving(state):
            target, word = lattice.target[arc], lattice.word[arc]
            new = _sum(graph, sums, lattice.acoustic[arc], lattice.lm[arc])
            if new[0] + rest[target] < floor or rest[target] == -inf:
                continue
            states = by_word.setdefault(word, {}) if word else reached
            if not word and target not in states:
                heappush(waiting, (graph.place[target], target))
            states[target] = _better(states.get(target), new)
    if ended:
        yield ended[0], _Prefix(prefix.said, {}, ended)
    for word, states in by_word.items():
        yield max(sums[0] + rest[state] for state, sums in states.items()), _Prefix((prefix.said, word), states)


def _text(lattice: Lattice, said: _Said) -> str:
    words = []
    while said:
        said, word = said
        words.append(lattice.words[word])
    return " ".join(reversed(words))


def _sum(graph: _Graph, sums: _Sums, acoustic: float, lm: float) -> _Sums:
    acoustic, lm = sums[1] + acoustic, sums[2] + lm
    return graph.total(acoustic, lm), acoustic, lm


def _better(one: _Sums | None, other: _Sums) -> _Sums:
    return one if one is not None and one[0] >= other[0] else other
