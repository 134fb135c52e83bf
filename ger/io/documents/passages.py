"""Passages: what of a document is corrected at once, and how a corrected passage goes back to its units.

A sentence that goes on from one cue to the next is one passage, so that a model sees it whole; the new text is cut
again where the cues were.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from rapidfuzz.distance import Levenshtein, Opcodes

from ger.io.documents.core import Change, Document, Unit, joined
from ger.text.align import Op, carry_times, diff
from ger.text.tokens import tokenize
from ger.types import AudioSpan, Correction, Hypothesis, NBest, Word

__all__ = ["Passage", "changed", "cuts", "passages", "recordings", "unit_lists"]

#: Units are joined over silences up to so many seconds, and to so many words; fewer where there is no punctuation.
_PAUSE, _PAUSE_UNMARKED = 2.0, 0.5
_MOST, _MOST_UNMARKED = 80, 40
_SENTENCE = re.compile(r"[.!?…。！？؟۔।॥][^\w\s]*$")
#: A document is punctuated where at least one of so many words ends a sentence.
_RARE = 60


@dataclass(frozen=True, slots=True)
class Passage:
    """Some units as one list.

    Attributes:
        nbest: The list; its first hypothesis is the text of the units.
        places: The unit and the number in it of each of its words.
        spans: Start and end of each of the units (seconds), by its number.
    """

    nbest: NBest
    places: tuple[tuple[int, int], ...]
    spans: dict[int, tuple[float | None, float | None]]

    def changes(self, text: str) -> list[Change]:
        """The changes of words that make the text another one, each in the unit where it belongs.

        Times are carried over by alignment and stay inside of the units; as many words in the place of others have
        the times of these, whatever they are.
        """
        old = list(self.nbest.best.words)
        timed = carry_times(old, text)
        new = list(timed) if len(timed) == len(tokenize(text)) else [Word(token.text) for token in tokenize(text)]
        made: list[Change] = []
        ops = diff([word.text for word in old], [word.text for word in new])
        if old and self.places[0][1] and ops[0].tag == "insert":
            ops = _behind_a_turn(*ops)
        for op in ops:
            (b0, b1), (a0, a1) = op.before, op.after
            if op.tag == "equal":
                continue
            if b0 == b1:
                unit, at = self.places[max(b0 - 1, 0)] if old else (next(iter(self.spans)), 0)
                made.append(Change(unit, at + bool(b0), at + bool(b0), self._inside(unit, new[a0:a1])))
            else:
                made += self._replaced(old, new, (b0, b1), (a0, a1))
        return made

    def _replaced(
        self, old: Sequence[Word], new: Sequence[Word], before: tuple[int, int], after: tuple[int, int]
    ) -> Iterator[Change]:
        """Words in the place of others, which may be of several units."""
        same = before[1] - before[0] == after[1] - after[0]
        if same:
            new = [
                *new[: after[0]],
                *(
                    replace(word, start=was.start, end=was.end)
                    for word, was in zip(new[slice(*after)], old[slice(*before)], strict=True)
                ),
                *new[after[1] :],
            ]
        runs = [list(run) for _, run in groupby(range(*before), key=lambda i: self.places[i][0])]
        said, told = ([word.text for word in words] for words in (old[slice(*before)], new[slice(*after)]))
        borders = cuts(said, told, [len(run) for run in runs])
        for run, (first, last) in zip(runs, pairwise(borders), strict=True):
            unit, at = self.places[run[0]]
            words = new[after[0] + first : after[0] + last]
            yield Change(unit, at, at + len(run), tuple(words) if same else self._inside(unit, words))

    def _inside(self, unit: int, words: Sequence[Word]) -> tuple[Word, ...]:
        """Words with times inside of a unit."""
        low, high = self.spans[unit]
        return tuple(replace(w, start=_held(w.start, low, high), end=_held(w.end, low, high)) for w in words)


def _behind_a_turn(first: Op, then: Op, *rest: Op) -> list[Op]:
    """Steps without new words in front of the first one: these would go behind the word before, of another voice."""
    (b0, b1), (a0, a1) = then.before, then.after
    if then.tag == "delete":  # of all there is
        return [Op("replace", (b0, b1), first.after), *rest]
    kept = [Op(then.tag, (b0 + 1, b1), (a0 + 1, a1))] if b1 > b0 + 1 else []
    return [Op("replace", (b0, b0 + 1), (0, a0 + 1)), *kept, *rest]


def _held(time: float | None, low: float | None, high: float | None) -> float | None:
    if time is None:
        return None
    time = time if low is None else max(low, time)
    return time if high is None else min(high, time)


def cuts(old: Sequence[str], new: Sequence[str], counts: Sequence[int]) -> list[int]:
    """Where new words are cut so that each part stands for so many of the old ones.

    The letters of both are aligned; each border goes to the nearest border of a new word.

    Args:
        old: Old words.
        new: New words.
        counts: How many of the old words each part has.

    Returns:
        Where the parts begin in the new words, and where the last one ends.
    """
    if len(old) == len(new):
        return [sum(counts[:i]) for i in range(len(counts) + 1)]
    before, after = " ".join(old).lower(), " ".join(new).lower()
    codes = Levenshtein.opcodes(before, after)
    borders = [0]
    for word in new:
        borders.append(borders[-1] + len(word) + 1)
    cuts, reached = [0], 0
    for count in counts[:-1]:
        reached += count
        at = _mapped(codes, len(" ".join(old[:reached])) + 1)
        right = min(bisect_right(borders, at), len(new))
        nearest = min((right - 1, right), key=lambda i: abs(borders[i] - at))
        cuts.append(max(cuts[-1], nearest))
    return [*cuts, len(new)]


def _mapped(codes: Opcodes, at: int) -> int:
    """Where a place in one text lies in another."""
    for code in codes:
        if at < code.src_end:
            if code.tag == "equal":
                return int(code.dest_start + at - code.src_start)
            share = (at - code.src_start) / (code.src_end - code.src_start)
            return round(code.dest_start + share * (code.dest_end - code.dest_start))
    return int(codes.dest_len)


def passages(document: Document, stem: str = "") -> list[Passage]:
    """The passages of a document, in order; of units without words only those that are utterances by themselves.

    Args:
        document: The document.
        stem: What the ids of the lists begin with. Units that are utterances by themselves keep their own ids.
    """
    units = document.units
    spoken = [i for i, unit in enumerate(units) if unit.words or unit.closed]
    words = sum(len(units[i].words) for i in spoken)
    marked = sum(bool(_SENTENCE.search(word.text)) for i in spoken for word in units[i].words) * _RARE >= words
    groups: list[list[_Piece]] = []
    for piece in (piece for i in spoken for piece in _pieces(i, units[i])):
        if groups and not piece.turn and _goes_on([other.unit for other in groups[-1]], piece.unit, marked):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return [_passage(group, stem) for group in groups]


def unit_lists(document: Document, stem: str = "") -> list[NBest]:
    """Every unit of a document as a list of its own, also those without words."""
    return [_passage([_Piece(i, 0, unit)], stem).nbest for i, unit in enumerate(document.units)]


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one voice says of a unit.

    Attributes:
        number: Number of the unit.
        first: Number of the first word.
        unit: The unit with these words alone.
        turn: Whether another voice began.
    """

    number: int
    first: int
    unit: Unit
    turn: bool = False


def _pieces(number: int, unit: Unit) -> Iterator[_Piece]:
    turns = {at: speaker for at, speaker in unit.turns if at < len(unit.words)}
    borders = sorted({0, len(unit.words), *turns})
    if len(borders) < 3:
        yield _Piece(number, 0, unit, 0 in turns)
        return
    for k, (first, last) in enumerate(pairwise(borders), 1):
        words, speaker = unit.words[first:last], turns.get(first) or unit.speaker
        own = replace(unit, id=f"{unit.id}.{k}", words=words, speaker=speaker)
        yield _Piece(number, first, own, first in turns)


def recordings(document: Document, stem: str) -> dict[str, str]:
    """The whole text of every recording of a document; `stem` is the name of one that it does not name.

    Units that are utterances by themselves are called by their ids.
    """
    units = list(document.units)
    if any(unit.closed for unit in units):
        return {unit.id: unit.text for unit in units}
    if all(unit.start is not None for unit in units):
        units.sort(key=lambda unit: unit.start or 0.0)
    names = list(dict.fromkeys(unit.recording or stem for unit in document.units)) or [stem]
    return {
        name: joined([word.text for unit in units if (unit.recording or stem) == name for word in unit.words])
        for name in names
    }


def _goes_on(before: Sequence[Unit], after: Unit, marked: bool) -> bool:
    """Whether a unit is likely to go on with the sentence of those before it."""
    last = before[-1]
    if last.closed or after.closed or last.others or after.others:
        return False
    if (last.speaker, last.recording, last.channel) != (after.speaker, after.recording, after.channel):
        return False
    if _SENTENCE.search(last.words[-1].text):
        return False
    if sum(len(unit.words) for unit in (*before, after)) > (_MOST if marked else _MOST_UNMARKED):
        return False
    if last.end is None or after.start is None:
        return True
    # Cues that overlap are of two voices, or one on top of the other.
    return -0.1 <= after.start - last.end <= (_PAUSE if marked else _PAUSE_UNMARKED)


def _passage(group: Sequence[_Piece], stem: str) -> Passage:
    own = [piece.unit for piece in group]
    first, last = own[0], own[-1]
    words = tuple(word for unit in own for word in unit.words)
    text = joined([word.text for word in words])
    best = replace(first.best, text=text, words=words) if first.best else Hypothesis(text, words=words)
    name = first.id if first is last else f"{first.id}-{last.id}"
    timed = first.start is not None and last.end is not None
    span = AudioSpan(first.recording or stem, first.start, last.end) if timed and (first.recording or stem) else None
    nbest = NBest(
        first.id if first.closed or not stem else f"{stem}/{name}",
        (best, *first.others),
        span,
        language=first.language,
        reference=first.reference,
        meta={"speaker": first.speaker} if first.speaker else {},
    )
    places = tuple((piece.number, piece.first + k) for piece in group for k in range(len(piece.unit.words)))
    return Passage(nbest, places, {piece.number: (piece.unit.start, piece.unit.end) for piece in group})


def changed(document: Document, made: Sequence[tuple[Passage, Correction]]) -> bytes:
    """The document with what was made of its passages; those that were not changed stay byte for byte."""
    texts = [(passage, correction.text) for passage, correction in made if correction.changed]
    return document.written([change for passage, text in texts for change in passage.changes(text)])
