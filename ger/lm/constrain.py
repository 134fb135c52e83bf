"""Answers that take one text of each slot in turn: which tokens may come next, and which texts were taken.

The texts of a slot are sequences of tokens. A text has other tokens at the beginning of an answer than behind another
text, where a space stands before it, so each has two forms. A state is the set of all places at which the answer so far
may be, since the same tokens can be cut into texts in several ways.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ger.text.tokens import spaceless

__all__ = ["Slots", "State", "joined", "spaced"]

#: Slot, node of its prefix tree, and whether nothing has been written yet.
_Place = tuple[int, int, bool]
State = frozenset[_Place]


def spaced(text: str) -> str:
    """A text as it stands behind another one: with a space, unless its script is written without."""
    return text if not text or text[0].isspace() or spaceless(text) else f" {text}"


def joined(texts: Iterable[str]) -> str:
    """The answer that takes these texts; empty ones are left out."""
    taken = [text for text in texts if text]
    return "".join([*taken[:1], *map(spaced, taken[1:])])


@dataclass(slots=True)
class _Tree:
    """Prefix tree of the forms of one slot; node 0 is its root."""

    after: list[dict[int, int]] = field(default_factory=lambda: [{}])
    ends: dict[int, int] = field(default_factory=dict)
    depth: int = 0

    def add(self, tokens: Sequence[int], number: int) -> None:
        node = 0
        for token in tokens:
            node = self.after[node].setdefault(token, len(self.after))
            if node == len(self.after):
                self.after.append({})
        self.ends.setdefault(node, number)
        self.depth = max(self.depth, len(tokens))


class Slots:
    """The language of slots.

    Args:
        slots: Texts of each slot, one at least; an empty text leaves the slot out.
        first: Tokens of each text at the beginning of an answer.
        later: Tokens of each text behind another one.
        end: The token that ends an answer.

    Attributes:
        start: The state before the first token.
        end: The token that ends an answer.
        longest: Tokens of the longest answer, the end included.
    """

    def __init__(
        self,
        slots: Sequence[Sequence[str]],
        first: Mapping[str, Sequence[int]],
        later: Mapping[str, Sequence[int]],
        end: int,
    ) -> None:
        self._slots, self.end = slots, end
        self._trees = [{True: _tree(texts, first), False: _tree(texts, later)} for texts in slots]
        self.longest = 1 + self._most_tokens()
        self._allowed: dict[State, tuple[int, ...]] = {}
        self.start = self._closed({(0, 0, True)})

    def allowed(self, state: State) -> tuple[int, ...]:
        """Tokens that may come next, ascending; none only after the end."""
        if state not in self._allowed:
            found = {token for place in state if place[0] < len(self._trees) for token in self._after(place)}
            ended = {self.end} if any(slot == len(self._trees) for slot, _, _ in state) else set()
            self._allowed[state] = tuple(sorted(found | ended))
        return self._allowed[state]

    def step(self, state: State, token: int) -> State:
        """The state after one more token; empty after the end and after a token that is not allowed."""
        places = ((slot, self._after((slot, node, new)).get(token), new) for slot, node, new in self._open(state))
        return self._closed({(slot, node, new) for slot, node, new in places if node is not None})

    def forced(self, state: State) -> list[int]:
        """Tokens that must come next, one after another, up to where there is a choice."""
        made: list[int] = []
        while len(allowed := self.allowed(state)) == 1:
            made.append(allowed[0])
            state = self.step(state, allowed[0])
        return made

    def kept(self, state: State, tokens: Sequence[int]) -> list[int]:
        """As many of these tokens as may come next one after another."""
        made: list[int] = []
        for token in tokens:
            if token not in self.allowed(state):
                break
            made.append(token)
            state = self.step(state, token)
        return made

    def text(self, tokens: Sequence[int]) -> str:
        """The text of an answer.

        Args:
            tokens: A whole answer of the language, without the end.
        """
        ways: dict[_Place, tuple[str, ...]] = {(0, 0, True): ()}
        for token in (*tokens, None):
            ways = self._spread(ways)
            if token is not None:
                ways = {
                    (slot, node, new): texts
                    for (slot, old, new), texts in ways.items()
                    if slot < len(self._trees) and (node := self._after((slot, old, new)).get(token)) is not None
                }
        return joined(next(texts for (slot, _, _), texts in ways.items() if slot == len(self._trees)))

    def _most_tokens(self) -> int:
        """Tokens of the longest answer without the end."""
        most, empty = 0, True
        for trees in self._trees:
            first = trees[True].depth if empty else 0
            most = max(first, most + trees[False].depth if most else 0)
            empty = empty and 0 in trees[True].ends
        return most

    def _open(self, state: State) -> list[_Place]:
        return [place for place in state if place[0] < len(self._trees)]

    def _after(self, place: _Place) -> dict[int, int]:
        slot, node, new = place
        return self._trees[slot][new].after[node]

    def _closed(self, places: set[_Place]) -> State:
        """With the places that are reached without a token: the next slot where a text has ended."""
        return frozenset(self._spread(dict.fromkeys(places, ())))

    def _spread(self, ways: dict[_Place, tuple[str, ...]]) -> dict[_Place, tuple[str, ...]]:
        made, waiting = dict(ways), list(ways)
        while waiting:
            slot, node, new = place = waiting.pop()
            if slot == len(self._trees) or node not in (ends := self._trees[slot][new].ends):
                continue
            text = self._slots[slot][ends[node]]
            after = (slot + 1, 0, new and not node)
            if after not in made:
                made[after] = (*made[place], text)
                waiting.append(after)
        return made


def _tree(texts: Sequence[str], tokens: Mapping[str, Sequence[int]]) -> _Tree:
    made = _Tree()
    for number, text in enumerate(texts):
        made.add(tokens[text] if text else (), number)
    return made
