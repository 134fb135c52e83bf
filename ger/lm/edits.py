"""Where a text differs from the 1-best of its list, edit by edit, and what is known about each edit, as numbers.

An edit exchanges a stretch of words of the 1-best for others. Edits come from an answer, from the other hypotheses of
the list, or from both; the same edit from several sources is one edit with several supporters. An answer that shares
too little with the 1-best to be taken apart is one edit of the whole text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from ger.protocols import Answer
from ger.text.align import Op, diff
from ger.text.tokens import Token, join, spaced, tokenize
from ger.types import NBest

__all__ = ["SOURCES", "Change", "Sheet", "Sources", "applied", "compatible", "propose"]

Sources = Literal["answer", "list", "both"]
SOURCES: tuple[Sources, ...] = get_args(Sources)

#: An answer that changes a larger share of the words than this is one edit as a whole.
SEPARABLE = 0.6
#: So many changed words can always be taken apart.
FEW = 3
#: So many hypotheses, the first ones, propose and support edits.
MOST = 20


@dataclass(frozen=True, slots=True)
class Change:
    """One edit.

    Attributes:
        start: First word of the 1-best that goes.
        end: The word after the last that goes; `start` for an insertion.
        tokens: The words that come.
        answer: Whether the answer has it.
        hypotheses: Numbers of the hypotheses that have it, from 0.
    """

    start: int
    end: int
    tokens: tuple[Token, ...]
    answer: bool = False
    hypotheses: tuple[int, ...] = ()

    def touches(self, other: Change) -> bool:
        """Whether both cannot be made: they overlap, or nothing stands between them."""
        return self.start <= other.end and other.start <= self.end


@dataclass(frozen=True, slots=True)
class Sheet:
    """A list, the words of its 1-best, and the edits that are proposed.

    Attributes:
        nbest: The list.
        base: Words of the 1-best.
        answer: The answer, where there is one.
        changes: The proposed edits, in order of their place.
        steps: How each hypothesis differs from the 1-best.
        hypotheses: Words of each hypothesis.
    """

    nbest: NBest
    base: tuple[Token, ...]
    answer: Answer | None
    changes: tuple[Change, ...]
    hypotheses: tuple[tuple[Token, ...], ...] = ()
    steps: tuple[tuple[Op, ...], ...] = ()

    def reading(self, number: int, start: int, end: int) -> tuple[Token, ...]:
        """What a hypothesis has in place of words of the 1-best."""
        first, last = _place(self.steps[number], start, end)
        return self.hypotheses[number][first:last]


def propose(nbest: NBest, answer: Answer | None, sources: Sources = "answer") -> Sheet:
    """The edits that an answer, the other hypotheses or both propose to the 1-best of a list."""
    base = tuple(tokenize(nbest.best.text))
    hypotheses = tuple(tuple(tokenize(h.text)) for h in nbest.hypotheses[:MOST])
    steps = tuple(tuple(_diff(base, tokens)) for tokens in hypotheses)
    found: dict[tuple[int, int, tuple[str, ...]], Change] = {}
    if answer is not None and sources != "list":
        for change in _changes(base, tuple(tokenize(answer.text))):
            found[_key(change)] = Change(change.start, change.end, change.tokens, answer=True)
    if sources != "answer":
        for tokens in hypotheses[1:]:
            for change in _changes(base, tokens):
                found.setdefault(_key(change), change)
    sheet = Sheet(nbest, base, answer, (), hypotheses, steps)
    changes = [_supported(sheet, change) for change in found.values()]
    ordered = sorted(changes, key=lambda change: (change.start, change.end))
    return Sheet(nbest, base, answer, tuple(ordered), hypotheses, steps)


def applied(base: Sequence[Token], changes: Iterable[Change]) -> str:
    """The text with some edits made, none of which touches another."""
    tokens: list[Token] = []
    done = 0
    for change in sorted(changes, key=lambda change: change.start):
        tokens += base[done : change.start]
        tokens += change.tokens
        done = change.end
    return join(spaced([*tokens, *base[done:]]))


def compatible(changes: Sequence[Change], gains: Sequence[float]) -> list[int]:
    """Which edits to make: those with the greatest sum of gains of which no two touch; weighted interval scheduling.

    Args:
        changes: Edits.
        gains: What each gains; what gains nothing is not made.

    Returns:
        Their numbers, in order of their place.
    """
    order = [i for i in sorted(range(len(changes)), key=lambda i: (changes[i].end, changes[i].start)) if gains[i] > 0]
    best: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    for at, i in enumerate(order):
        free = next((j for j in range(at, 0, -1) if not changes[order[j - 1]].end >= changes[i].start), 0)
        taken = (best[free][0] + gains[i], (*best[free][1], i))
        best.append(max(best[-1], taken, key=lambda pair: pair[0]))
    return sorted(best[-1][1], key=lambda i: changes[i].start)


def _diff(base: Sequence[Token], tokens: Sequence[Token]) -> list[Op]:
    return diff([token.text for token in base], [token.text for token in tokens])


def _changes(base: tuple[Token, ...], tokens: tuple[Token, ...]) -> list[Change]:
    ops = [op for op in _diff(base, tokens) if op.tag != "equal"]
    changed = sum(max(op.before[1] - op.before[0], op.after[1] - op.after[0]) for op in ops if op.tag != "form")
    if changed > max(FEW, SEPARABLE * len(base)):
        return [Change(0, len(base), tokens)]
    return [Change(*op.before, tokens[slice(*op.after)]) for op in ops]


def _key(change: Change) -> tuple[int, int, tuple[str, ...]]:
    return change.start, change.end, tuple(token.text for token in change.tokens)


def _supported(sheet: Sheet, change: Change) -> Change:
    said = tuple(token.text for token in change.tokens)
    supporters = [
        i
        for i in range(len(sheet.hypotheses))
        if tuple(token.text for token in sheet.reading(i, change.start, change.end)) == said
    ]
    return Change(change.start, change.end, change.tokens, change.answer, tuple(supporters))


def _place(ops: Sequence[Op], start: int, end: int) -> tuple[int, int]:
    """The range of new words that stands for a range of old ones; stretches of other lengths are never cut."""
    first = last = None
    for op in ops:
        (b0, b1), (a0, a1) = op.before, op.after
        cut = b1 - b0 == a1 - a0  # word by word
        if (b0 == b1 and start == end == b0) or (b0 < end and start < b1):
            low = a0 + max(0, start - b0) if cut else a0
            high = a1 - max(0, b1 - end) if cut else a1
            first = low if first is None else first
            last = high
        elif first is None and start == end and b0 <= start <= b1 and cut:
            first = last = a0 + start - b0
    if first is None or last is None:
        return 0, 0
    return first, last
