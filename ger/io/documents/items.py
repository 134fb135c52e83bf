"""Texts that are written as a list of words, where one may hold several words in scripts without spaces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from ger.io.documents.core import Change, Slots, joined
from ger.types import Word

__all__ = ["Item", "Items"]


@dataclass(frozen=True, slots=True)
class Item:
    """A word as it is listed after a change.

    Attributes:
        text: How it is written.
        old: Which of the old items it is or stands in the place of; `None` for one that came.
        word: What it says, with times where they are known; `None` where it is as it was.
    """

    text: str
    old: int | None
    word: Word | None = None


@dataclass(frozen=True, slots=True)
class _Said:
    """A word of the changed text and the item that it is a part of."""

    word: Word
    owner: int | None
    new: bool


class Items:
    """The words of a list; items without letters, digits and signs that are read aloud have none.

    Attributes:
        texts: The words.
        owners: Which item each of them is a part of.
    """

    def __init__(self, items: Sequence[str]) -> None:
        self._items = items
        found = [(text, i) for i, item in enumerate(items) for text in Slots(item).texts]
        self.texts = [text for text, _ in found]
        self.owners = [i for _, i in found]

    def by_item(self) -> Iterator[tuple[int, list[str]]]:
        """The words of each item that has some, by its number."""
        for owner, run in groupby(zip(self.owners, self.texts, strict=True), key=lambda found: found[0]):
            yield owner, [text for _, text in run]

    def changed(self, changes: Sequence[Change]) -> list[Item]:
        """The items with other words; those without words stay where they are."""
        silent = sorted(set(range(len(self._items))) - set(self.owners))
        made: list[Item] = []
        for owner, run in groupby(self._said(changes), key=lambda said: said.owner):
            own = list(run)
            if owner is None:
                made += [Item(said.word.text, None, said.word) for said in own]
                continue
            while silent and silent[0] < owner:
                made.append(Item(self._items[silent[0]], silent.pop(0)))
            if self.owners.count(owner) == len(own) and not any(said.new for said in own):
                made.append(Item(self._items[owner], owner))
            else:
                first, *others = _cut([said.word for said in own])
                made += [Item(first.text, owner, first), *(Item(word.text, None, word) for word in others)]
        return [*made, *(Item(self._items[i], i) for i in silent)]

    def _said(self, changes: Sequence[Change]) -> Iterator[_Said]:
        """The words of the changed text; those in the place of others, or inside of an item, are a part of it."""
        at, owners = 0, self.owners
        for change in changes:
            yield from self._kept(at, change.first)
            at = change.last
            inside = owners[at] if 0 < at < len(owners) and owners[at - 1] == owners[at] else None
            for i, word in enumerate(change.words, change.first):
                yield _Said(word, owners[i] if i < at else inside, True)
        yield from self._kept(at, len(owners))

    def _kept(self, first: int, last: int) -> Iterator[_Said]:
        return (_Said(Word(self.texts[i]), self.owners[i], False) for i in range(first, last))


def _cut(words: Sequence[Word]) -> list[Word]:
    """Words, those in scripts without spaces as one."""
    made: list[Word] = []
    for word in words:
        if made and " " not in (both := joined([made[-1].text, word.text])):
            made[-1] = Word(both, made[-1].start, word.end)
        else:
            made.append(word)
    return made
