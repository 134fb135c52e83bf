"""Errors told apart: which edits are written form, and which are recognition?

Edits are taken together with the words of numbers beside them, and each such stretch is aligned anew so that words of
the same form (`ger.evaluate.forms`) match at no cost, whatever their number. What this alignment still has to change
is recognition; the rest is written form. So `wer_words` is never above `wer`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product
from operator import itemgetter
from typing import Any

from ger.evaluate.forms import FORM_CLASSES, form_class, number_like, numeric, written
from ger.evaluate.rates import distance

__all__ = ["CLASSES", "classed", "stretches"]

#: What edits are: kinds of written form, and `other`, the errors of recognition.
CLASSES = (*FORM_CLASSES, "other")

#: Longest stretch that can be one form, in words; of numbers and of everything else.
_LONGEST_NUMBER = 14
_LONGEST = 6
#: Larger stretches (words of the one times words of the other) are another text, not another form.
_LARGEST = 40_000

_Words = tuple[str, ...]
_Seq = Sequence[str]


def classed(reference: Sequence[str], hypothesis: Sequence[str], codes: Sequence[Any]) -> tuple[int, ...]:
    """Word errors by class, in the order of `CLASSES`; they add up to the errors of the alignment.

    Args:
        reference: Words of the reference.
        hypothesis: Words of the hypothesis.
        codes: Steps of their shortest alignment (rapidfuzz opcodes), without the equal ones.
    """
    total = [0] * len(CLASSES)
    for a, b in stretches(reference, hypothesis, codes):
        for i, number in enumerate(_stretch(a, b)):
            total[i] += number
    return tuple(total)


def stretches(reference: _Seq, hypothesis: _Seq, codes: Sequence[Any]) -> list[tuple[_Words, _Words]]:
    """Edits, each with the words of numbers around it; those that touch are one."""
    spans: list[tuple[int, int, int, int]] = []
    for i, code in enumerate(codes):
        floor = codes[i - 1].src_end if i else 0
        ceiling = codes[i + 1].src_start if i + 1 < len(codes) else len(reference)
        left, right = _around(reference, hypothesis, code, floor, ceiling)
        start, end, first, last = (
            code.src_start - left,
            code.src_end + right,
            code.dest_start - left,
            code.dest_end + right,
        )
        if spans and start <= spans[-1][1]:
            start, _, first, _ = spans.pop()
        spans.append((start, end, first, last))
    return [(tuple(reference[a:b]), tuple(hypothesis[c:d])) for a, b, c, d in spans]


def _around(reference: _Seq, hypothesis: _Seq, code: Any, floor: int, ceiling: int) -> tuple[int, int]:
    """How many equal words before and after an edit belong to the numbers in it or beside it."""
    start, end = code.src_start, code.src_end
    near = (*reference[max(floor, start - 1) : min(ceiling, end + 1)], *hypothesis[code.dest_start : code.dest_end])
    if not any(map(number_like, near)):
        return 0, 0
    while start > floor and numeric(reference[start - 1]):
        start -= 1
    while end < ceiling and numeric(reference[end]):
        end += 1
    return code.src_start - start, end - code.src_end


_ONE_ERROR = tuple(int(name == "other") for name in CLASSES)


@lru_cache(maxsize=1 << 16)
def _stretch(a: _Words, b: _Words) -> tuple[int, ...]:
    """Errors of a stretch by class."""
    if len(a) == len(b) == 1 and written(a) != written(b):
        return _ONE_ERROR
    left = errors = distance(a, b)
    counts: Counter[str] = Counter()
    if len(a) * len(b) <= _LARGEST:
        matches = _matches(a, b)
        if matches or not all(map(_sounded, a + b)):
            left, used = _align(a, b, matches)
            for kind, saved in used:
                counts[kind] += min(saved, errors - left - counts.total())
    counts["other"] = left
    return tuple(counts[name] for name in CLASSES)


def _sounded(word: str) -> bool:
    """Whether anything is to be said; of a dash by itself nothing is."""
    return written((word,)) != ""


_Ends = dict[tuple[int, int], list[tuple[int, int]]]


def _matches(a: _Words, b: _Words) -> _Ends:
    """Where stretches of the same form, differently written, end in `a` and `b`: their lengths, short ones first."""
    longest = _LONGEST_NUMBER if any(map(number_like, a + b)) else _LONGEST
    forms: dict[str, list[tuple[int, int]]] = {}
    for start, end in _spans(len(b), longest):
        forms.setdefault(written(b[start:end]), []).append((start, end))
    found: _Ends = {}
    for start, end in _spans(len(a), longest):
        form = written(a[start:end])
        for first, last in forms.get(form, ()) if form else ():
            if a[start:end] != b[first:last]:
                found.setdefault((end, last), []).append((end - start, last - first))
    return {ends: sorted(lengths) for ends, lengths in found.items()}


def _spans(words: int, longest: int) -> Iterator[tuple[int, int]]:
    for start in range(words):
        for end in range(start + 1, min(words, start + longest) + 1):
            yield start, end


def _align(a: _Words, b: _Words, matches: _Ends) -> tuple[int, list[tuple[str, int]]]:
    """Errors of the alignment in which stretches of the same form cost nothing, and what each of these saves."""
    drop = [int(_sounded(word)) for word in a]
    add = [int(_sounded(word)) for word in b]
    costs = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    steps = [[(0, 0)] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, j in product(range(len(a) + 1), range(len(b) + 1)):
        options = []
        if i and j:
            options.append((costs[i - 1][j - 1] + int(a[i - 1] != b[j - 1]), (1, 1)))
        if i:
            options.append((costs[i - 1][j] + drop[i - 1], (1, 0)))
        if j:
            options.append((costs[i][j - 1] + add[j - 1], (0, 1)))
        options += [(costs[i - m][j - n], (m, n)) for m, n in matches.get((i, j), ())]
        if options:
            costs[i][j], steps[i][j] = min(options, key=itemgetter(0))
    return costs[-1][-1], list(_saved(a, b, costs, steps))


def _saved(
    a: _Words, b: _Words, costs: list[list[int]], steps: list[list[tuple[int, int]]]
) -> Iterator[tuple[str, int]]:
    """Class and errors of every step that cost nothing where the words differ."""
    i, j = len(a), len(b)
    while i or j:
        m, n = steps[i][j]
        old, new = a[i - m : i], b[j - n : j]
        if old != new and costs[i][j] == costs[i - m][j - n]:
            yield form_class(old, new), distance(old, new)
        i, j = i - m, j - n
