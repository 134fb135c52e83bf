"""Several recognizers' outputs of the same recordings: what each says in the place of each passage of the first.

The words of each recording are aligned with those of the first system (fewest changed words), channel by channel where
both name the same ones; where they differ at the border of two passages, times decide on which side a word is.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

from ger.errors import InputError
from ger.io.documents.core import Document, Unit, joined
from ger.io.documents.passages import Passage, passages
from ger.text.align import Op, diff
from ger.types import Hypothesis, Word

__all__ = ["combined"]

#: From this share of capital letters on a system writes nothing but capitals.
_CAPITALS = 0.9
_PUNCTUATION = re.compile(r"[^\w\s%$€£'’]+$")

#: A recording and a channel of it; an empty name where there is no other.
_Part = tuple[str, str]


def combined(documents: Mapping[str, Document], stem: str = "") -> list[Passage]:
    """The passages of the first document, with what the others say there as further hypotheses.

    Hypotheses have the name of their system in `extra["system"]`. Words that the first system says, too, are spelled as
    it spells them; others have no punctuation and no capitals where it has none, and are capitals where it writes
    nothing else.

    Args:
        documents: The documents by system; that which is written again is the first.
        stem: What the ids of the lists begin with.

    Raises:
        InputError: they are not of the same recordings; names one that is missing.
    """
    (first, base), *rest = documents.items()
    found = passages(base, stem)
    units = [base.units[passage.places[0][0]] for passage in found]
    respell = _respelling([word.text for passage in found for word in passage.nbest.best.words])
    hypotheses = [[_named(passage.nbest.best, first)] for passage in found]
    for name, document in rest:
        part = _parting((first, base), (name, document))
        said = _by_part(document.units, part)
        for own, numbers in _by_part(units, part).items():
            others = [word for i in said.get(own, ()) for word in document.units[i].words]
            texts = _aligned([found[i].nbest.best.words for i in numbers], others, respell)
            for i, words in zip(numbers, texts, strict=True):
                text = joined([word.text for word in words])
                hypotheses[i].append(_named(Hypothesis(text, words=tuple(words)), name))
    return [
        replace(passage, nbest=replace(passage.nbest, hypotheses=tuple(own)))
        for passage, own in zip(found, hypotheses, strict=True)
    ]


def _parting(ours: tuple[str, Document], theirs: tuple[str, Document]) -> Callable[[Unit], _Part]:
    """Which part of two systems' outputs a unit belongs to; parts are aligned each by itself.

    Raises:
        InputError: they are not of the same recordings or channels.
    """
    several = any(len({unit.recording for unit in document.units}) > 1 for _, document in (ours, theirs))
    have, told = (_channels(document, several) for _, document in (ours, theirs))
    if several:
        _check((ours[0], have), (theirs[0], told))
        _check((theirs[0], told), (ours[0], have))
    split = set()
    for recording, channels in have.items():
        if len(channels) > 1 and len(others := told.get(recording, set())) > 1:
            if channels != others:
                raise InputError(
                    f"Channels of {recording or 'the recording'} are called {', '.join(sorted(channels))} by "
                    f"{ours[0]!r} and {', '.join(sorted(others))} by {theirs[0]!r}.",
                    "Call them alike in all files.",
                )
            split.add(recording)

    def part(unit: Unit) -> _Part:
        recording = unit.recording if several else ""
        return recording, unit.channel if recording in split else ""

    return part


def _channels(document: Document, several: bool) -> dict[str, set[str]]:
    """The channels of each recording; those of one recording under no name, as its name may be another elsewhere."""
    made: dict[str, set[str]] = {}
    for unit in document.units:
        made.setdefault(unit.recording if several else "", set()).add(unit.channel)
    return made


def _check(ours: tuple[str, Mapping[str, object]], theirs: tuple[str, Mapping[str, object]]) -> None:
    """See that all recordings of one system are those of another, too.

    Raises:
        InputError: one is not.
    """
    if missing := [recording or "without a name" for recording in ours[1] if recording not in theirs[1]]:
        raise InputError(
            f"Recordings of {ours[0]!r} are missing in the output of {theirs[0]!r}: {', '.join(missing[:5])}.",
            "Give files of the same recordings, called alike in all of them.",
        )


def _named(hypothesis: Hypothesis, system: str) -> Hypothesis:
    return replace(hypothesis, extra={**hypothesis.extra, "system": system})


def _respelling(words: Sequence[str]) -> Callable[[str], str]:
    """How words of others are written among these."""
    letters = [char for word in words for char in word if char.isalpha()]
    capitals = sum(map(str.isupper, letters))
    case = str.upper if capitals > _CAPITALS * len(letters) else str.lower if not capitals else str
    bare = not any(_PUNCTUATION.search(word) for word in words)
    return lambda word: case(_PUNCTUATION.sub("", word) or word if bare else word)


def _by_part(units: Sequence[Unit], part: Callable[[Unit], _Part]) -> dict[_Part, list[int]]:
    """The numbers of the units of each part; by time where that is known, as units may overlap."""
    made: dict[_Part, list[int]] = {}
    for i, unit in enumerate(units):
        made.setdefault(part(unit), []).append(i)
    if all(unit.start is not None for unit in units):
        for numbers in made.values():
            numbers.sort(key=lambda i: units[i].start or 0.0)
    return made


def _aligned(
    passages: Sequence[Sequence[Word]], others: Sequence[Word], respell: Callable[[str], str]
) -> Iterator[list[Word]]:
    """What another system says in the place of each passage, spelled alike."""
    words = [word for passage in passages for word in passage]
    borders = list(accumulate(map(len, passages), initial=0))
    ops = diff([word.text for word in words], [word.text for word in others])
    cuts = _cuts(ops, words, others, borders)
    said = [replace(word, text=respell(word.text)) for word in others]
    for op in ops:
        if op.tag in ("equal", "form"):
            pairs = zip(words[slice(*op.before)], said[slice(*op.after)], strict=True)
            said[slice(*op.after)] = [replace(other, text=word.text) for word, other in pairs]
    return (said[start:end] for start, end in pairwise(cuts))


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
