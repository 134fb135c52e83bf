"""How what repeats some words, maybe written otherwise, follows a change of them."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby, pairwise

from ger.io.documents.core import Change
from ger.io.documents.passages import cuts
from ger.text.align import diff
from ger.text.normalize import normalize
from ger.types import Word

__all__ = ["Step", "bare", "placed", "steps"]

#: Punctuation that is read aloud or belongs to a word.
_SAID = frozenset("%&@#'’")
_Form = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Step:
    """Other words in the place of some words.

    Attributes:
        first: The first word that goes, or before which new ones come.
        last: The word behind the last one that goes; `first` where none goes.
        words: The new words.
        behind: Whether new words that replace none belong to the word behind them.
    """

    first: int
    last: int
    words: Sequence[Word]
    behind: bool = False


@dataclass(frozen=True, slots=True)
class _Cell:
    """Words (`before`) and what repeats them (`after`), as small as they can be told apart."""

    before: tuple[int, int]
    after: tuple[int, int]


def steps(old: Sequence[Word], have: Sequence[str], changes: Sequence[Step]) -> list[Step]:
    """The changes of what repeats some words.

    What is written in another number of words (`$5` for `five dollars`) stays where only form changes, and follows as
    a whole where more does. Words that are not repeated stay so. Without capitals, or without punctuation, it goes on.

    Args:
        old: The words, as they were.
        have: What repeats them.
        changes: Changes of the words, in order.
    """
    said = [word.text for word in old]
    cells = list(_cells(said, have))
    groups: list[tuple[int, int, list[Step]]] = []
    of = [number for number, cell in enumerate(cells) for _ in range(*cell.before)]
    for change in [part for whole in changes for part in _parts(whole)]:
        low, high = _reach(change, of)
        if groups and low < groups[-1][1]:
            before = groups.pop()
            low, high, own = before[0], max(high, before[1]), [*before[2], change]
        else:
            own = [change]
        groups.append((low, high, own))
    form = _form(said, have)
    made = []
    for low, high, own in groups:
        if low == high:
            at = cells[low].after[0] if low < len(cells) else len(have)
            made.append(Step(at, at, _formed(own[0].words, form), own[0].behind))
        else:
            made.append(_replaced(old, have, cells[low:high], own, form))
    return list(_anchored([step for step in made if step.words or step.first < step.last], have))


def _anchored(changes: Sequence[Step], have: Sequence[str]) -> Iterator[Step]:
    """The changes, where new words that belong to the word behind them replace it with themselves and it."""
    waiting: list[Word] = []
    for number, change in enumerate(changes, 1):
        words, waiting = [*waiting, *change.words], []
        if change.first < change.last or not change.behind or change.first == len(have):
            yield Step(change.first, change.last, words)
        elif number < len(changes) and changes[number].first == change.first:
            waiting = words
        else:
            yield Step(change.first, change.first + 1, [*words, Word(have[change.first])])


def _cells(old: Sequence[str], have: Sequence[str]) -> Iterator[_Cell]:
    whole = _borders(old, have) if len(old) != len(have) else []
    if len(whole) > 2:  # the same letters, cut otherwise
        yield from (_Cell((b, d), (a, c)) for (b, a), (d, c) in pairwise(whole))
        return
    for op in diff(old, have):
        (b0, b1), (a0, a1) = op.before, op.after
        if b1 - b0 == a1 - a0:
            yield from (_Cell((b0 + k, b0 + k + 1), (a0 + k, a0 + k + 1)) for k in range(b1 - b0))
        elif op.tag == "delete":
            yield from (_Cell((k, k + 1), (a0, a0)) for k in range(b0, b1))
        else:
            borders = _borders(old[b0:b1], have[a0:a1])
            yield from (_Cell((b0 + b, b0 + d), (a0 + a, a0 + c)) for (b, a), (d, c) in pairwise(borders))


def _borders(old: Sequence[str], have: Sequence[str]) -> list[tuple[int, int]]:
    """Where both can be cut: where words of the same letters end, as in scripts without spaces, and at the ends."""
    before, after = ([normalize(word).replace(" ", "") for word in words] for words in (old, have))
    ends = [(0, 0), (len(old), len(have))]
    if "".join(before) != "".join(after):
        return ends
    reached = {length: at for at, length in enumerate(accumulate(map(len, after)), 1)}
    shared = ((at, reached[n]) for at, n in enumerate(accumulate(map(len, before)), 1) if n in reached)
    return sorted({*ends, *shared})


def _parts(change: Step) -> Iterator[Step]:
    """As many words in the place of others, one by one."""
    if len(change.words) == change.last - change.first:
        for k, word in enumerate(change.words, change.first):
            yield Step(k, k + 1, [word])
    else:
        yield change


def _reach(change: Step, of: Sequence[int]) -> tuple[int, int]:
    """The cells that a change touches; of an insertion between cells, the one before which it is.

    Args:
        change: The change.
        of: The cell of every word.
    """
    first, last = change.first, change.last
    if first < last:
        return of[first], of[last - 1] + 1
    if 0 < first < len(of) and of[first - 1] == of[first]:
        return of[first], of[first] + 1
    at = of[first] if change.behind and first < len(of) else of[first - 1] + 1 if first else 0
    return at, at


def _replaced(
    old: Sequence[Word],
    have: Sequence[str],
    cells: Sequence[_Cell],
    changes: Sequence[Step],
    form: _Form,
) -> Step:
    """The change of what repeats the words of some cells."""
    b0, b1 = cells[0].before[0], cells[-1].before[1]
    a0, a1 = cells[0].after[0], cells[-1].after[1]
    new: list[Word] = []
    reached = b0
    for change in changes:
        new += [*old[reached : change.first], *change.words]
        reached = change.last
    new += old[reached:b1]
    if a1 - a0 != b1 - b0 and (a0 == a1 or _same(old[b0:b1], new)):
        return Step(a0, a0, ())
    new = _formed(new, form)
    while new and a0 < a1 and new[0].text == have[a0]:
        new, a0 = new[1:], a0 + 1
    while new and a0 < a1 - 1 and new[-1].text == have[a1 - 1]:
        new, a1 = new[:-1], a1 - 1
    return Step(a0, a1, new)


def _same(old: Sequence[Word], new: Sequence[Word]) -> bool:
    before, after = (normalize(" ".join(word.text for word in words)) for words in (old, new))
    return before == after


def _formed(words: Sequence[Word], form: _Form) -> list[Word]:
    return [replace(word, text=text) for word in words if (text := form(word.text))]


def _form(said: Sequence[str], have: Sequence[str]) -> _Form:
    """How words are written in what repeats them."""
    lower = all(text == text.lower() for text in have) and any(text != text.lower() for text in said)
    strip = all(text == _stripped(text) for text in have) and any(text != _stripped(text) for text in said)

    def form(text: str) -> str:
        text = _stripped(text) if strip else text
        return text.lower() if lower else text

    return form


def _stripped(text: str) -> str:
    """A word without punctuation at its edges."""
    marks = [unicodedata.category(char)[0] == "P" and char not in _SAID for char in text]
    if all(marks):
        return ""
    return text[marks.index(False) : len(text) - marks[::-1].index(False)]


def bare(text: str) -> str:
    """A word as it is spoken: in lower case, without punctuation at its edges."""
    return _stripped(text).lower()


def placed(counts: Sequence[int], have: Sequence[str], changes: Sequence[Step]) -> dict[int, list[Change]]:
    """Changes cut to places that hold the words one behind the other.

    Args:
        counts: How many words each place has.
        have: The words.
        changes: Changes of the words, in order.

    Returns:
        The changes of each place that has some.
    """
    starts = list(accumulate(counts, initial=0))[:-1]
    made: dict[int, list[Change]] = {}

    def add(place: int, first: int, last: int, words: Sequence[Word]) -> None:
        own, first, last = made.setdefault(place, []), first - starts[place], last - starts[place]
        if own and own[-1].last == first and not own[-1].words and (first == last or not words):
            first = own.pop().first
        own.append(Change(0, first, last, tuple(words)))

    def place_of(word: int) -> int:
        return bisect_right(starts, word) - 1

    for change in changes:
        first, last, words = change.first, change.last, change.words
        if first == last:
            add(place_of(max(first - 1, 0)), first, last, words)
            continue
        runs = [(place, len(list(run))) for place, run in groupby(range(first, last), key=place_of)]
        borders = cuts(have[first:last], [word.text for word in words], [count for _, count in runs])
        for (place, count), (begins, ends) in zip(runs, pairwise(borders), strict=True):
            add(place, first, first + count, words[begins:ends])
            first += count
    return made
