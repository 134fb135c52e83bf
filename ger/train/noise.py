"""N-best lists made of plain text: what a recognizer might have heard.

Sites of errors are drawn word by word, with rates and alternatives learned from real lists (`ger.train.confuse`), or
without any by sound: words of the text's own vocabulary that sound alike, words that are split or joined, short words
that go missing or come in. Which hypotheses are right at a site is drawn, too, so that lists have good and bad ones as
real lists do. All rates are then scaled to the word error rate that is wanted.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ger.errors import InputError, UsageError
from ger.evaluate.rates import Counts, distance, word_counts
from ger.text.tokens import Token, join, spaceless, tokenize
from ger.train.alternatives import Alternatives
from ger.train.confuse import LONGEST, Confusions, Pattern, keys, words_of
from ger.types import Hypothesis, NBest

__all__ = ["Noise", "noised"]

#: Hypotheses and word error rate (percent) where neither lists nor the caller say.
_NBEST, _WER = 5, 8.0
#: Without lists: how often the first hypothesis is wrong at a site; how often another one is right, says what the
#: first wrong one says, or something else; how often one is a copy of an earlier one; how much sites gather.
_FIRST, _OTHERS, _COPIED, _SPREAD = 0.5, (0.4, 0.5, 0.1), 0.4, 0.3
#: Rounds in which the rates are scaled, how near is near enough (share of the rate), and on how many texts.
_ROUNDS, _NEAR, _TRIED = 8, 0.02, 2_000
#: Start and end of a site, and what can be said there, with weights.
_Place = tuple[int, int, Mapping[str, float]]
_TAIL = re.compile(r"[^\w\s'’]+$")


@dataclass(frozen=True, slots=True)
class Noise:
    """Lists made of texts, and how they came out; case and punctuation do not count.

    Attributes:
        lists: The lists.
        counts: Errors of the first hypotheses.
        oracle: Errors of the best hypotheses.
        hypotheses: Different hypotheses, all lists together.
    """

    lists: tuple[NBest, ...]
    counts: Counts
    oracle: int
    hypotheses: int


def noised(
    texts: Mapping[str, str],
    confusions: Confusions | None = None,
    *,
    nbest: int = 0,
    wer: float = 0.0,
    seed: int = 1,
) -> Noise:
    """Make a list of every text that is not empty; the same for the same texts, confusions and seed.

    Args:
        texts: Texts by id; each becomes the reference of its list.
        confusions: What is confused, and how often; without any, words that sound alike.
        nbest: Hypotheses of a list at most; 0 for what the lists behind `confusions` have, or 5. Where there are too
            few errors to make that many different ones, a list has fewer.
        wer: Word error rate of the first hypotheses, in percent; 0 for that of the lists behind `confusions`, or 8.
        seed: Fixes all choices.

    Raises:
        InputError: no text has words.
        UsageError: `nbest` or `wer` is out of its range.
    """
    if nbest < 0:
        raise UsageError(f"--nbest is {nbest}.", "Use 0 or more.")
    if not 0 <= wer <= 90:
        raise UsageError(f"--wer is {wer}.", "Use a rate from 0 to 90, in percent.")
    rows = {key: row for key, text in texts.items() if (row := words_of(text))}
    if not rows:
        raise InputError("There is no text to make lists of.", "Give files with sentences, one a line.")
    maker = _Maker(rows, confusions or Confusions(), nbest, seed)
    scale = _scale(maker, rows, wer or (confusions.errors.rate if confusions else _WER))
    made = [
        NBest(
            key,
            tuple(map(Hypothesis, maker.hypotheses(key, scale))),
            reference=texts[key].strip(),
            meta={"frontend": "confusions"},
        )
        for key in rows
    ]
    return _measured(made)


def _measured(lists: Sequence[NBest]) -> Noise:
    counts, oracle = Counts(), 0
    for nbest in lists:
        words, *rows = (keys(words_of(text)) for text in (nbest.reference or "", *(h.text for h in nbest.hypotheses)))
        counts += word_counts(words, rows[0])
        oracle += min(distance(words, row) for row in rows)
    return Noise(tuple(lists), counts, oracle, sum(len(nbest.hypotheses) for nbest in lists))


def _scale(maker: _Maker, rows: Mapping[str, Sequence[Token]], wer: float) -> float:
    """The factor of all rates with which the first hypotheses come nearest to a word error rate (percent)."""
    some = random.Random(0).sample([*rows], min(_TRIED, len(rows)))
    words = {key: keys(rows[key]) for key in some}
    scale, best = 1.0, (float("inf"), 1.0)
    for _ in range(_ROUNDS):
        errors = sum(distance(words[key], keys(words_of(maker.hypotheses(key, scale)[0]))) for key in some)
        got = 100 * errors / sum(map(len, words.values()))
        best = min(best, (abs(got - wer), scale))
        if best[0] <= _NEAR * wer:
            break
        scale *= min(3.0, wer / got) if got else 3.0
    return best[1]


class _Maker:
    """Makes the hypotheses of a text."""

    def __init__(self, rows: Mapping[str, list[Token]], known: Confusions, nbest: int, seed: int) -> None:
        self._rows, self._seed = rows, seed
        self._size = nbest or max(known.rows, key=lambda size: (known.rows[size], size), default=_NBEST)
        self._alternatives = Alternatives(rows.values(), known)
        self._all = known.patterns
        self._templates: dict[int, list[tuple[Pattern, ...]]] = defaultdict(list)
        for patterns in known.patterns:
            self._templates[len(patterns)].append(patterns)
        self._spread = known.spread if known.rows else _SPREAD

    def hypotheses(self, key: str, scale: float) -> list[str]:
        """The different hypotheses of a text, the first one first; the same for the same id, scale and seed."""
        dice = random.Random(f"{self._seed}-{key}")
        if self._spread > 0.01:
            scale *= dice.gammavariate(1 / self._spread, self._spread)
        tokens = self._rows[key]
        places = list(self._places(keys(tokens), scale, dice))
        made: list[list[Token]] = [[] for _ in range(self._size)]
        done = 0
        for (start, end, weights), pattern in zip(places, self._patterns(len(places), dice), strict=True):
            said = _drawn(weights, pattern, dice)
            for row, text in zip(made, said, strict=True):
                row += tokens[done:start]
                row += tokens[start:end] if text is None else _written(text, tokens[start:end], tokens[:start])
            done = end
        return [*dict.fromkeys(join([*row, *tokens[done:]]) for row in made)]

    def _places(self, words: Sequence[str], scale: float, dice: random.Random) -> Iterator[_Place]:
        """Start and end of each site, and what can be said there."""
        place = 0
        while place <= len(words):
            if dice.random() < scale * self._alternatives.rate(()) and (weights := self._alternatives.of(())):
                yield place, place, weights
            length = self._length(words, place, scale, dice)
            if length and (weights := self._alternatives.of(tuple(words[place : place + length]))):
                yield place, place + length, weights
            place += length or 1

    def _length(self, words: Sequence[str], place: int, scale: float, dice: random.Random) -> int:
        """Words of the site that begins here; 0 for none."""
        drawn = dice.random()
        for length in range(1, min(LONGEST, len(words) - place) + 1):
            drawn -= scale * self._alternatives.rate(tuple(words[place : place + length]))
            if drawn < 0:
                return length
        return 0

    def _patterns(self, sites: int, dice: random.Random) -> list[Pattern]:
        """A pattern for each site of a list; those of a real list with as many sites where there is one."""
        if not self._templates:
            return self._invented(sites, dice)
        if sites in self._templates:
            chosen = dice.choice(self._templates[sites])
        else:
            chosen = tuple(dice.choice(dice.choice(self._all)) for _ in range(sites))
        size = self._size
        return [pattern[:size] + tuple(dice.choices(pattern, k=size - len(pattern))) for pattern in chosen]

    def _invented(self, sites: int, dice: random.Random) -> list[Pattern]:
        """Patterns where nothing is known: some hypotheses are copies of an earlier one."""
        copied = [dice.randrange(row) if row and dice.random() < _COPIED else row for row in range(self._size)]
        made = []
        for _ in range(sites):
            first = int(dice.random() < _FIRST)
            rows = [first, *dice.choices((0, 1, 2), _OTHERS, k=self._size - 1)]
            pattern = tuple(rows[row] for row in copied)
            made.append(pattern if any(pattern) else (1,) * self._size)
        return made


def _drawn(weights: Mapping[str, float], pattern: Pattern, dice: random.Random) -> list[str | None]:
    """What every hypothesis says at a site; `None` where it is right."""
    left = dict(weights)
    chosen: list[str] = []
    while left and len(chosen) < max(pattern):
        chosen += dice.choices([*left], [*left.values()])
        del left[chosen[-1]]
    return [chosen[(number - 1) % len(chosen)] if number and chosen else None for number in pattern]


def _written(text: str, instead: Sequence[Token], before: Sequence[Token]) -> list[Token]:
    """A text with the capitals and the final punctuation of what it stands for."""
    if not text:
        return []
    old = join(instead)
    tail = _TAIL.search(old)
    if old.isupper() and len(old) > 1:
        text = text.upper()
    elif old[:1].isupper():
        text = text[:1].upper() + text[1:]
    spaced = instead[0].spaced if instead else bool(before) and not spaceless(text)
    first, *rest = tokenize(text + (tail.group() if tail else ""))
    return [Token(first.text, spaced), *rest]
