"""Several recognizers' outputs of one recording: what each of them says in the place of each passage of the first.

The words of all units are aligned with those of the first system (fewest changed words); where they differ at the
border of two passages, times decide on which side a word is.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

from ger.io.documents.core import Document, joined
from ger.io.documents.passages import Passage, passages
from ger.text.align import Op, diff
from ger.types import Hypothesis, Word

__all__ = ["combined"]

#: From this share of capital letters on a system writes nothing but capitals.
_CAPITALS = 0.9
_PUNCTUATION = re.compile(r"[^\w\s%$€£'’]+$")


def combined(documents: Mapping[str, Document], stem: str = "") -> list[Passage]:
    """The passages of the first document, with what the others say there as further hypotheses.

    Hypotheses have the name of their system in `extra["system"]`. Words that the first system says, too, are spelled as
    it spells them; others have no punctuation and no capitals where it has none, and are capitals where it writes
    nothing else.

    Args:
        documents: The documents by system; that which is written again is the first.
        stem: What the ids of the lists begin with.
    """
    (first, base), *rest = documents.items()
    found = passages(base, stem)
    words = [word for passage in found for word in passage.nbest.best.words]
    borders = list(accumulate((len(passage.nbest.best.words) for passage in found), initial=0))
    respell = _respelling([word.text for word in words])
    hypotheses = [[_named(passage.nbest.best, first)] for passage in found]
    for name, document in rest:
        said = _stream(document)
        ops = diff([word.text for word in words], [word.text for word in said])
        cuts = _cuts(ops, words, said, borders)
        said = [replace(word, text=respell(word.text)) for word in said]
        for op in ops:
            if op.tag in ("equal", "form"):
                pairs = zip(words[slice(*op.before)], said[slice(*op.after)], strict=True)
                said[slice(*op.after)] = [replace(other, text=word.text) for word, other in pairs]
        for own, (start, end) in zip(hypotheses, pairwise(cuts), strict=True):
            text = joined([word.text for word in said[start:end]])
            own.append(_named(Hypothesis(text, words=tuple(said[start:end])), name))
    return [
        replace(passage, nbest=replace(passage.nbest, hypotheses=tuple(own)))
        for passage, own in zip(found, hypotheses, strict=True)
    ]


def _named(hypothesis: Hypothesis, system: str) -> Hypothesis:
    return replace(hypothesis, extra={**hypothesis.extra, "system": system})


def _respelling(words: Sequence[str]) -> Callable[[str], str]:
    """How words of others are written among these."""
    letters = [char for word in words for char in word if char.isalpha()]
    capitals = sum(map(str.isupper, letters))
    case = str.upper if capitals > _CAPITALS * len(letters) else str.lower if not capitals else str
    bare = not any(_PUNCTUATION.search(word) for word in words)
    return lambda word: case(_PUNCTUATION.sub("", word) or word if bare else word)


def _stream(document: Document) -> list[Word]:
    """All words of a document; by time where units overlap."""
    units = list(document.units)
    if all(unit.start is not None for unit in units):
        units.sort(key=lambda unit: unit.start or 0.0)
    return [word for unit in units for word in unit.words]


def _cuts(ops: Sequence[Op], words: Sequence[Word], others: Sequence[Word], borders: Sequence[int]) -> list[int]:
    """Where the words of another system are cut, for borders between words of the first."""
    ends = [op.before[1] for op in ops]
    cuts = [0]
    for border in borders[1:-1]:
        k = bisect_left(ends, border)
        cut = _cut(ops[k], border, words, others)
        after = ops[k + 1] if k + 1 < len(ops) and ends[k] == border else None
        if after is not None and after.tag == "insert":  # new words between two passages
            cut = _by_time(range(*after.after), border, words, others, after.after[0])
        cuts.append(max(cuts[-1], cut))
    return [*cuts, len(others)]


def _cut(op: Op, border: int, words: Sequence[Word], others: Sequence[Word]) -> int:
    (b0, b1), (a0, a1) = op.before, op.after
    if op.tag in ("equal", "form"):
        return a0 + border - b0
    if border == b1:
        return a1
    share = a0 + round((border - b0) / (b1 - b0) * (a1 - a0))
    return _by_time(range(a0, a1), border, words, others, share)


def _by_time(places: range, border: int, words: Sequence[Word], others: Sequence[Word], default: int) -> int:
    """The first of some words that is spoken behind a border; a given one where times are not known."""
    before, after = words[border - 1].end, words[border].start
    if before is None or after is None or any(others[i].start is None or others[i].end is None for i in places):
        return default
    middle = (before + after) / 2
    for i in places:
        if ((others[i].start or 0.0) + (others[i].end or 0.0)) / 2 > middle:
            return i
    return places.stop
