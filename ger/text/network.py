"""Confusion networks: what several texts of the same speech say, word by word.

The texts are aligned one after another, the heaviest first, to the network made so far (ROVER: Fiscus 1997), at the
least expected word errors (Mangu, Brill and Stolcke 2000; Xu, Povey, Mangu and Zhu 2011). The network is a row of
slots; in each slot every text has one word or none, and the arcs of a slot are the different words with their mass.
Words that differ in case and punctuation only (`ger.text.normalize`) are one word, spelled as its heaviest voter does.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, groupby, pairwise, zip_longest

from rapidfuzz.distance import Levenshtein

from ger.text.normalize import normalize
from ger.text.tokens import Token, join, spaceless, tokenize

__all__ = ["Arc", "Network", "Path", "Slot", "Voter", "build"]

#: Cells of one alignment table, words times slots; where two texts have less in common than that, words are aligned
#: by their position.
MAX_CELLS = 2_500
#: What a word of another spelling costs more than one that is alike, in word errors: decides between equal alignments.
UNLIKE = 0.2


@dataclass(frozen=True, slots=True)
class Voter:
    """One text that takes part.

    Attributes:
        tokens: Its words.
        weight: Mass of the whole text, 0 or more.
        confidences: One for each word, 0 to 1; none where they are not known, which counts as 1 each.
    """

    tokens: tuple[Token, ...]
    weight: float = 1.0
    confidences: tuple[float, ...] = ()

    @classmethod
    def of(cls, text: str, weight: float = 1.0, confidences: Sequence[float] = ()) -> Voter:
        """A text as a voter; `confidences` go with `ger.text.tokens.tokenize(text)`."""
        tokens = tokenize(text)
        if tokens and not spaceless(tokens[0].text):
            tokens[0] = replace(tokens[0], spaced=True)
        return cls(tuple(tokens), weight, tuple(confidences))

    @property
    def words(self) -> tuple[str, ...]:
        """What is said, without case and punctuation."""
        return _words(self.tokens)

    @property
    def masses(self) -> tuple[float, ...]:
        """Mass of each word: weight times confidence."""
        return tuple(self.weight * c for c in self.confidences) or (self.weight,) * len(self.tokens)

    @property
    def null(self) -> float:
        """Mass of its having no word in a slot: weight times its mean confidence."""
        return sum(self.masses) / len(self.tokens) if self.tokens else self.weight


@dataclass(frozen=True, slots=True)
class Arc:
    """One way to fill a slot.

    Attributes:
        keys: Its words as they are compared; none for "no word here", several in a network of phrases.
        tokens: Its words as they are written.
        words: Its words without case and punctuation.
        voters: Which texts say so, by number, the heaviest first.
        masses: What each of them adds.
    """

    keys: tuple[str, ...]
    tokens: tuple[Token, ...]
    words: tuple[str, ...]
    voters: tuple[int, ...]
    masses: tuple[float, ...]

    @property
    def mass(self) -> float:
        """Sum over the voters."""
        return sum(self.masses)


Slot = tuple[Arc, ...]


@dataclass(frozen=True, slots=True)
class Path:
    """One way through a network.

    Attributes:
        arcs: One for each slot.
        posteriors: Share of each arc in the mass of its slot.
    """

    arcs: tuple[Arc, ...]
    posteriors: tuple[float, ...]

    @property
    def tokens(self) -> tuple[Token, ...]:
        """The words as they are written; `ger.text.tokens.tokenize` cuts `text` into the same."""
        tokens = [token for arc in self.arcs for token in arc.tokens]
        for i, (before, token) in enumerate(pairwise(tokens), 1):
            if not spaceless(before.text) and not spaceless(token.text):
                tokens[i] = replace(token, spaced=True)
        return tuple(tokens)

    @property
    def text(self) -> str:
        """The words, with spaces where their voters have them."""
        return join(self.tokens)

    @property
    def words(self) -> tuple[str, ...]:
        """What is said, without case and punctuation."""
        return tuple(word for arc in self.arcs for word in arc.words)

    @property
    def confidences(self) -> tuple[float, ...]:
        """The posterior of each of the tokens."""
        return tuple(p for arc, p in zip(self.arcs, self.posteriors, strict=True) for _ in arc.tokens)

    @property
    def logprob(self) -> float:
        """Sum of the log posteriors (nats)."""
        return sum(map(_log, self.posteriors))


@dataclass(frozen=True, slots=True)
class Network:
    """A row of slots; the arcs of a slot are sorted, heaviest first, among equals the one with the heaviest voter."""

    slots: tuple[Slot, ...]

    def posteriors(self, slot: int) -> tuple[float, ...]:
        """Share of each arc in the mass of its slot; equal shares where all have none."""
        masses = [arc.mass for arc in self.slots[slot]]
        total = sum(masses)
        return tuple(mass / total for mass in masses) if total > 0 else (1 / len(masses),) * len(masses)

    def best(self) -> Path:
        """The heaviest arc of every slot."""
        return next(self.paths())

    def path_of(self, voter: int) -> Path:
        """What one voter says, counted as in `Arc.voters`."""
        chosen = [next(i for i, arc in enumerate(slot) if voter in arc.voters) for slot in self.slots]
        arcs = tuple(slot[i] for slot, i in zip(self.slots, chosen, strict=True))
        return Path(arcs, tuple(self.posteriors(s)[i] for s, i in enumerate(chosen)))

    def paths(self) -> Iterator[Path]:
        """All ways through, the most probable first, made as they are asked for; each costs a step of a heap.

        Different paths may have the same words.
        """
        shares = [self.posteriors(s) for s in range(len(self.slots))]
        gaps = {s: _gaps(share) for s, share in enumerate(shares) if len(share) > 1}
        for choices in _cheapest(gaps):
            chosen = [choices.get(s, 0) for s in range(len(shares))]
            arcs = tuple(slot[i] for slot, i in zip(self.slots, chosen, strict=True))
            yield Path(arcs, tuple(share[i] for share, i in zip(shares, chosen, strict=True)))

    def phrases(self) -> Network:
        """Neighbouring slots in which voters differ joined: the arcs are whole phrases that somebody said."""
        joined: list[Slot] = []
        for agreed, group in groupby(self.slots, key=lambda slot: len(slot) == 1):
            run = list(group)
            joined += run if agreed else [_joined(run)]
        return Network(tuple(joined))


def _words(tokens: Sequence[Token]) -> tuple[str, ...]:
    return tuple(word for token in tokens for word in _normal(token.text).split())


def _log(posterior: float) -> float:
    """The logarithm, finite for 0."""
    return math.log(max(posterior, 1e-300))


def _gaps(posteriors: Sequence[float]) -> list[float]:
    """By how much each is less probable than the first (nats)."""
    return [_log(posteriors[0]) - _log(p) for p in posteriors]


@dataclass(frozen=True, slots=True)
class _Step:
    """A choice in one slot, and those made before it."""

    slot: int
    choice: int
    before: _Step | None = None

    def choices(self) -> dict[int, int]:
        found: dict[int, int] = {}
        step: _Step | None = self
        while step:
            found[step.slot] = step.choice
            step = step.before
        return found


def _cheapest(gaps: dict[int, list[float]]) -> Iterator[dict[int, int]]:
    """Every choice of one alternative a slot, the cheapest first: where it is not the first one.

    Args:
        gaps: Costs of the alternatives of each slot, ascending from 0.
    """
    order = sorted(gaps, key=lambda s: gaps[s][1])
    count = 0
    heap: list[tuple[float, int, int, _Step | None]] = [(0.0, 0, -1, None)]
    while heap:
        cost, _, at, step = heapq.heappop(heap)
        yield step.choices() if step else {}
        for more, then, following in _next(gaps, order, at, step):
            count += 1
            heapq.heappush(heap, (cost + more, count, then, following))


def _next(
    gaps: dict[int, list[float]], order: list[int], at: int, step: _Step | None
) -> Iterator[tuple[float, int, _Step]]:
    """The up to three choices that follow from one, none cheaper and each following from one only.

    Slots are changed in the order of their second alternative: go on in the last slot changed, change the next one
    too, or change the next one in its place.
    """
    if step and step.choice + 1 < len(here := gaps[step.slot]):
        yield here[step.choice + 1] - here[step.choice], at, replace(step, choice=step.choice + 1)
    if at + 1 == len(order):
        return
    slot = order[at + 1]
    yield gaps[slot][1], at + 1, _Step(slot, 1, step)
    if step and step.choice == 1:
        yield gaps[slot][1] - gaps[step.slot][1], at + 1, _Step(slot, 1, step.before)


def _joined(run: list[Slot]) -> Slot:
    """The slots of a run as one; a voter's mass is its mean over them."""
    if len(run) == 1:
        return run[0]
    said: dict[int, list[tuple[Arc, float]]] = {}
    for arc in chain.from_iterable(run):
        for voter, mass in zip(arc.voters, arc.masses, strict=True):
            said.setdefault(voter, []).append((arc, mass))
    slot = _Slot()
    for voter in sorted(said):
        arcs = [arc for arc, _ in said[voter]]
        keys = tuple(key for arc in arcs for key in arc.keys)
        tokens = tuple(token for arc in arcs for token in arc.tokens)
        slot.add(keys, tokens, voter, sum(mass for _, mass in said[voter]) / len(run))
    return slot.done()


class _Slot:
    """A slot in the making."""

    def __init__(self) -> None:
        self.tokens: dict[tuple[str, ...], tuple[Token, ...]] = {}
        self.said: dict[tuple[str, ...], dict[int, float]] = {}
        self.mass: dict[tuple[str, ...], float] = {}
        self.total = 0.0
        self.best: tuple[str, ...] = ()

    def add(self, keys: tuple[str, ...], tokens: tuple[Token, ...], voter: int, mass: float) -> None:
        self.tokens.setdefault(keys, tokens)
        self.said.setdefault(keys, {})[voter] = mass
        self.mass[keys] = self.mass.get(keys, 0.0) + mass
        self.total += mass
        if len(self.mass) == 1 or self.mass[keys] > self.mass[self.best]:
            self.best = keys

    def cost(self, keys: tuple[str, ...]) -> float:
        """Expected word errors of having these words here."""
        return 1 - self.mass.get(keys, 0.0) / self.total if self.total > 0 else float(keys not in self.mass)

    def done(self) -> Slot:
        keys = sorted(self.mass, key=lambda k: -round(self.mass[k] / (self.total or 1), 9))  # stable: earlier first
        return tuple(
            Arc(k, self.tokens[k], _words(self.tokens[k]), tuple(self.said[k]), tuple(self.said[k].values()))
            for k in keys
        )


def build(voters: Sequence[Voter], null_confidence: float = 1.0) -> Network:
    """Align texts into a network.

    Args:
        voters: The texts. Where the order of alignment matters, the heaviest come first, then the earlier.
        null_confidence: Factor on the mass of having no word; above 1 words go more easily, below 1 they stay.

    Returns:
        Slots in which every voter has one arc. `Arc.voters` counts from the heaviest voter here too: 0 is the first
        of `voters` sorted by weight, stable. No voters, or empty ones only, make no slots.
    """
    slots: list[_Slot] = []
    nulls: list[float] = []
    for number, voter in enumerate(sorted(voters, key=lambda voter: -voter.weight)):
        keys = [_key(token) for token in voter.tokens]
        masses, null = voter.masses, null_confidence * voter.null
        grown: list[_Slot] = []
        for s, w in _align(slots, keys):
            slot = slots[s] if s is not None else _empty(nulls)
            if w is None:
                slot.add((), (), number, null)
            else:
                slot.add((keys[w],), (voter.tokens[w],), number, masses[w])
            grown.append(slot)
        slots = grown
        nulls.append(null)
    return Network(tuple(slot.done() for slot in slots))


def _key(token: Token) -> str:
    """The form in which a word is compared; a mark that stands alone is compared as it is."""
    return _normal(token.text) or token.text


#: The same words come again and again within a list.
_normal = lru_cache(maxsize=100_000)(normalize)


def _empty(nulls: Sequence[float]) -> _Slot:
    """A slot in which those who were there before have no word."""
    slot = _Slot()
    for number, null in enumerate(nulls):
        slot.add((), (), number, null)
    return slot


Pair = tuple[int | None, int | None]


def _align(slots: Sequence[_Slot], keys: Sequence[str]) -> Iterator[Pair]:
    """Slot and word, or a slot without word, or a word without slot, in order.

    What the text shares with the heaviest words of the network is found first; the table of expected word errors is
    worked out in the gaps only.
    """
    held = [(s, best[0]) for s, slot in enumerate(slots) if (best := slot.best)]
    shared = Levenshtein.opcodes([key for _, key in held], keys)
    s0 = w0 = 0
    for op in shared:
        if op.tag != "equal":
            continue
        for h, w in zip(range(op.src_start, op.src_end), range(op.dest_start, op.dest_end), strict=True):
            s = held[h][0]
            yield from _gap(slots, keys, range(s0, s), range(w0, w))
            yield s, w
            s0, w0 = s + 1, w + 1
    yield from _gap(slots, keys, range(s0, len(slots)), range(w0, len(keys)))


def _gap(slots: Sequence[_Slot], keys: Sequence[str], ss: range, ws: range) -> Iterator[Pair]:
    """Align some slots with some words."""
    if not ws or not ss or len(ss) * len(ws) > MAX_CELLS:
        yield from zip_longest(ss, ws)
        return
    yield from reversed(list(_back(_table(slots, keys, ss, ws), ss, ws)))


def _table(slots: Sequence[_Slot], keys: Sequence[str], ss: range, ws: range) -> list[list[tuple[float, str]]]:
    """Least expected word errors up to each slot and word, and the last step that leads there."""
    skips = [slots[s].cost(()) for s in ss]
    table = [[(float(w), "word") for w in range(len(ws) + 1)]]
    for i, s in enumerate(ss):
        above = table[-1]
        row = [(above[0][0] + skips[i], "slot")]
        for j, w in enumerate(ws):
            both = above[j][0] + slots[s].cost((keys[w],)) + _unlike(slots[s], keys[w])
            row.append(min((both, "both"), (above[j + 1][0] + skips[i], "slot"), (row[j][0] + 1, "word")))
        table.append(row)
    return table


def _unlike(slot: _Slot, key: str) -> float:
    """Surcharge on a word that is not in a slot yet, less where it looks like one that is."""
    if (key,) in slot.mass:
        return 0.0
    return UNLIKE * min((Levenshtein.normalized_distance(key, k[0]) for k in slot.mass if k), default=1.0)


def _back(table: list[list[tuple[float, str]]], ss: range, ws: range) -> Iterator[Pair]:
    """The steps of the cheapest way, last first."""
    i, j = len(ss), len(ws)
    while i or j:
        step = table[i][j][1]
        i -= step != "word"
        j -= step != "slot"
        yield (None if step == "word" else ss[i]), (None if step == "slot" else ws[j])
