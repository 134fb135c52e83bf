"""Word alignment: what changed between two texts, when, and at what times the words of the new text lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby
from typing import Literal

from rapidfuzz.distance import Levenshtein

from ger.text.normalize import normalize
from ger.text.tokens import Token, join, spaceless, tokenize
from ger.types import Edit, Word

__all__ = ["Op", "Tag", "carry_times", "diff", "edits"]

Tag = Literal["equal", "form", "replace", "insert", "delete"]


@dataclass(frozen=True, slots=True)
class Op:
    """One step from one list of words to another.

    Attributes:
        tag: `equal`; `form` (the same words written otherwise: case, punctuation); `replace`; `insert`; `delete`.
        before: Half-open range in the old words, empty for `insert`.
        after: Half-open range in the new words, empty for `delete`.
    """

    tag: Tag
    before: tuple[int, int]
    after: tuple[int, int]


def diff(before: Sequence[str], after: Sequence[str], key: Callable[[str], str] = normalize) -> list[Op]:
    """The steps from `before` to `after`: fewest changed words, neighbouring changes in one step.

    Args:
        before: Old words.
        after: New words.
        key: Words with the same key are the same word; where their spelling differs the step is `form`.

    Returns:
        Steps in order that cover both lists completely.
    """
    codes = Levenshtein.opcodes([key(word) for word in before], [key(word) for word in after])
    ops: list[Op] = []
    for same, group in groupby(codes, key=lambda code: code.tag == "equal"):
        run = list(group)
        b0, b1, a0, a1 = run[0].src_start, run[-1].src_end, run[0].dest_start, run[-1].dest_end
        if same:
            ops.extend(_same(before, after, b0, b1, a0))
        else:
            tag: Tag = "insert" if b0 == b1 else "delete" if a0 == a1 else "replace"
            ops.append(Op(tag, (b0, b1), (a0, a1)))
    return ops


def _same(before: Sequence[str], after: Sequence[str], b0: int, b1: int, a0: int) -> Iterator[Op]:
    """Cut a stretch of same words into stretches of equal spelling and of another spelling."""
    shift = a0 - b0
    for equal, group in groupby(range(b0, b1), key=lambda i: before[i] == after[i + shift]):
        run = list(group)
        first, last = run[0], run[-1] + 1
        yield Op("equal" if equal else "form", (first, last), (first + shift, last + shift))


def edits(before: Sequence[Word] | str, after: str) -> tuple[Edit, ...]:
    """Every place where the new text differs from the old one, in case and punctuation too; never in white space.

    Args:
        before: The old text, or its words; with their times the edits have times.
        after: The new text.

    Returns:
        Edits in order. The time of an insertion lies between the words beside it.
    """
    units = [(token, Word(token.text)) for token in tokenize(before)] if isinstance(before, str) else _units(before)
    tokens = tokenize(after)
    ops = diff([token.text for token, _ in units], [token.text for token in tokens])
    words = [word for _, word in units]
    return tuple(
        Edit(
            join(token for token, _ in units[slice(*op.before)]),
            join(tokens[slice(*op.after)]),
            *_when(words, *op.before),
        )
        for op in ops
        if op.tag != "equal"
    )


def _when(words: Sequence[Word], first: int, last: int) -> tuple[float | None, float | None]:
    """Start and end of a range of words; of an empty range, the gap it stands in."""
    if first < last:
        starts = [word.start for word in words[first:last] if word.start is not None]
        ends = [word.end for word in words[first:last] if word.end is not None]
        return min(starts, default=None), max(ends, default=None)
    left = words[first - 1].end if first else None
    right = words[first].start if first < len(words) else None
    start = right if left is None else left
    end = left if right is None else right
    return start, end if start is None or end is None else max(start, end)


def carry_times(words: Sequence[Word], text: str) -> tuple[Word, ...]:
    """The words of a new text, with the times of the old words carried over by alignment.

    The same word keeps its times and confidence, also where it is written otherwise. Words that replace others share
    their time in proportion to their letters. Inserted words, and words that had no times among words that have,
    share the gap they stand in. Starts never decrease, and everything stays inside the span of the old words.

    Args:
        words: Words of the old text, in order; all without times give words without times.
        text: The new text.

    Returns:
        One word for each word of the text (for each character in scripts without spaces).
    """
    old = _in_order([word for _, word in _units(words)])
    new = [Word(token.text) for token in tokenize(text)]
    for op in diff([word.text for word in old], [word.text for word in new]):
        (b0, b1), (a0, a1) = op.before, op.after
        if op.tag in ("equal", "form"):
            new[a0:a1] = [replace(old[b], text=new[a].text) for b, a in zip(range(b0, b1), range(a0, a1), strict=True)]
        elif op.tag == "replace":
            start, end = _when(old, b0, b1)
            limit = next((word.start for word in old[b1:] if word.start is not None), end)
            if start is not None and end is not None and limit is not None:
                new[a0:a1] = _share(new[a0:a1], start, max(start, min(end, limit)))
    return tuple(_filled(new))


def _units(words: Sequence[Word]) -> list[tuple[Token, Word]]:
    """Words cut as `tokenize` cuts text; the parts of a word share its time."""
    units: list[tuple[Token, Word]] = []
    for word in words:
        tokens = tokenize(word.text)
        parts = [replace(word, text=token.text) for token in tokens]
        if len(parts) > 1 and word.start is not None and word.end is not None:
            parts = _share(parts, word.start, word.end)
        if tokens and not spaceless(word.text):
            tokens[0] = Token(tokens[0].text, spaced=True)
        units.extend(zip(tokens, parts, strict=True))
    return units


def _in_order(words: Sequence[Word]) -> list[Word]:
    """The words with starts that never decrease and no end before its start."""
    result = []
    latest = float("-inf")
    for word in words:
        if word.start is None or word.end is None:
            result.append(replace(word, start=None, end=None))
            continue
        latest = max(latest, word.start)
        result.append(replace(word, start=latest, end=max(latest, word.end)))
    return result


def _share(words: Sequence[Word], start: float, end: float) -> list[Word]:
    """The words side by side from start to end, in proportion to their letters."""
    sums = list(accumulate((max(1, len(normalize(word.text))) for word in words), initial=0))
    bounds = [min(end, start + (end - start) * part / sums[-1]) for part in sums[:-1]] + [end]
    return [replace(word, start=bounds[i], end=bounds[i + 1]) for i, word in enumerate(words)]


def _filled(words: Sequence[Word]) -> Iterator[Word]:
    """Words without times put into the gap between the words that have them."""
    index = 0
    before: float | None = None
    for timed, group in groupby(words, key=lambda word: word.start is not None):
        run = list(group)
        index += len(run)
        if not timed:
            after = words[index].start if index < len(words) else before
            start = after if before is None else before
            if start is not None and after is not None:
                run = _share(run, min(start, after), after)
        before = run[-1].end
        yield from run
