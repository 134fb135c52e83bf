"""Where a hotword may have been said: stretches of the hypotheses that sound like one, and what speaks for it.

Every stretch of the text, as it stands and as the other hypotheses read it, is looked up in an index of the hotwords'
sounds; the likeliest pairs are told apart by these features. `sound` and `letters` are log-odds of
`ger.text.confusions` (nats), of the sounds and of the letters.

| feature | of a stretch and a hotword |
| --- | --- |
| `sound`, `letters` | log-odds that the hotword was said and this was heard |
| `sound lost`, `letters lost` | how far that is below a hotword that was heard as it is spelled |
| `sound share`, `letters share` | the log-odds as a share of that |
| `sound of heard`, `letters of heard` | the log-odds as a share of those that what was heard was said |
| `length`, `heard length` | of both: log-odds (sounds) with themselves |
| `behind`, `ahead`, `rival` | to this hotword's best stretch; to the next best hotword here; to one that overlaps |
| `rarest`, `commonest`, `common` | how common the heard words are (`ger.text.common`) |
| `unknown` | number of heard words that no word list has |
| `hotword common` | how common the hotword is, its commonest word |
| `before`, `after` | how common the words beside it are |
| `words` | number of heard words |
| `begins`, `ends` | whether the first, the last sound is the same |
| `unsteady` | share of words of the text that no word list has |
| `listed` | whether another hypothesis has the hotword there |
| `agree` | share of hypotheses that read the stretch as the text does; 0 where there is one |
| `elsewhere` | whether the hotword stands in another place of the text |
| `entries` | logarithm of how many hotwords there are, 100 or more |
| `usual` | number of heard words that are listed as usual; 0 as the next two where none are |
| `all usual`, `none usual` | whether all heard words are, and whether none is |
| `recurs`, `heard again` | logarithm of 1 and how many other places have the hotword; all of what was heard |
"""

from __future__ import annotations

import math
import re
from collections import ChainMap, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ger.hotwords import Hotword
from ger.text.align import diff
from ger.text.common import Commonness
from ger.text.confusions import Confusions
from ger.text.normalize import normalize
from ger.text.retrieval import SoundIndex
from ger.text.sounds import sound
from ger.text.spoken import spoken
from ger.text.tokens import Token, tokenize

__all__ = ["FEATURES", "Entries", "Found", "Heard", "bare", "find", "heard_hotwords", "hotwords_in", "letters"]

FEATURES = (
    *("sound", "letters", "sound lost", "letters lost", "sound share", "letters share", "sound of heard"),
    *("letters of heard", "length", "heard length", "behind", "ahead", "rival", "rarest", "commonest", "common"),
    *("unknown", "hotword common", "before", "after", "words", "begins", "ends", "unsteady", "listed", "agree"),
    *("elsewhere", "entries", "usual", "all usual", "none usual", "recurs", "heard again"),
)
_AT = {name: i for i, name in enumerate(FEATURES)}

#: Hypotheses beside the text that are looked at.
_OTHERS = 9
#: A stretch may have so many words more than the longest hotword, and so many at most.
_MORE, _WORDS = 2, 6
#: Least log-odds, sounds and letters together, of a candidate.
_LEAST = -4.0
#: Stretches a hotword keeps, the best ones, and candidates a list has.
_STRETCHES, _CANDIDATES = 3, 80
_OWNING = "'s"
#: What grammar adds to a hotword: with one of these it is not replaced by the hotword itself.
_GROWN = ("s", "es")
#: So few hotwords, or fewer, are as likely to be said by chance.
_FEW = 100
#: What stands for no word beside the stretch.
_EDGE = 12.0
#: Differences to what is not there.
_FAR = 30.0
#: Marks at the end of a word after which another sentence or clause begins, but for those that close what was quoted.
_STOPS = re.compile(r"(?:[!?;:…。！？]|(?P<point>\.))[\"'”’»)\]]*$")
#: A word before a point that is an abbreviation, or may be one: `Dr.`, `U.S.`, `Mrs.`
_SHORT = re.compile(r"\W*(?:\w{1,3}|(?:\w\.)+\w)\.\W*")
_DASHES = frozenset("-–—―")


@lru_cache(maxsize=100_000)
def letters(text: str) -> str:
    """The letters of a text, as symbols of `ger.text.confusions`."""
    return "".join(c for c in normalize(text) if c not in " '")


def bare(words: str) -> str:
    """Words without the `'s` of a possessive, without case and punctuation before and after."""
    return words.removesuffix(_OWNING)


class Entries:
    """Hotwords, ready to be looked up.

    Args:
        hotwords: The hotwords.
        places: In how many places of the recording each word is said, where that was counted.
        base: More of them, which are ready already; they have the first numbers.
    """

    def __init__(
        self, hotwords: Sequence[Hotword], places: Mapping[str, int] | None = None, base: Entries | None = None
    ) -> None:
        self._base = base
        self._own = tuple(hotwords)
        first = len(base) if base else 0
        plain = [normalize(hotword.text) for hotword in self._own]
        self._spoken = [spoken(hotword.text) for hotword in self._own]
        said = [(text, i) for i, ways in enumerate(self._spoken, first) for text in ways]
        phrases = dict(reversed([*((text, i) for i, text in enumerate(plain, first)), *said]))
        self.hotwords: tuple[Hotword, ...] = (*base.hotwords, *self._own) if base else self._own
        self.plain: list[str] = base.plain + plain if base else plain
        self.places = places or {}
        self._phrases: Mapping[str, int] = ChainMap(base._phrases, phrases) if base else phrases  # type: ignore[arg-type]
        self.longest: int = max((len(text.split()) for text in phrases), default=0)
        if base:
            self.longest = max(self.longest, base.longest)

    def __len__(self) -> int:
        return len(self.hotwords)

    @property
    def own_first(self) -> tuple[Hotword, ...]:
        """The hotwords, those of the base last."""
        return (*self._own, *self._base.hotwords) if self._base else self._own

    @cached_property
    def forms(self) -> list[tuple[str, int]]:
        """What may be heard: how it is spoken, and the number of its hotword; single letters say too little."""
        first = len(self) - len(self._own)
        made = [(plain, i) for i, plain in enumerate(self.plain[first:], first)]
        for i, (hotword, ways) in enumerate(zip(self._own, self._spoken, strict=True), first):
            made += [(form, i) for form in (*ways, *map(normalize, hotword.sounds))]
        own = [(form, i) for form, i in made if form and not _is_letter(form)]
        return self._base.forms + own if self._base else own

    def near(self, said: str) -> list[int]:
        """Numbers of the forms that sound like what was said."""
        own: list[int] = self._index.near(said).tolist()
        if not self._base:
            return own
        first = len(self._base.forms)
        return self._base.near(said) + [first + i for i in own]

    @cached_property
    def _index(self) -> SoundIndex:
        first = len(self._base.forms) if self._base else 0
        return SoundIndex([form for form, _ in self.forms[first:]])

    @cached_property
    def shouted(self) -> bool:
        """Whether all are in capitals, which then tell nothing about how one is written."""
        return len(self) > 1 and self._capital

    @cached_property
    def _capital(self) -> bool:
        return (not self._base or self._base._capital) and all(hotword.text.isupper() for hotword in self._own)

    def number(self, words: Sequence[str]) -> int | None:
        """The number of the hotword that these words are, as it is written or as its figures and symbols are spoken."""
        return self._phrases.get(" ".join(words))


@dataclass(frozen=True, slots=True)
class Heard:
    """A text with other readings of it.

    Attributes:
        tokens: Words of the text.
        plain: The same without case and punctuation.
        others: Words of other hypotheses, without case and punctuation.
        steps: How each of them differs from the text.
        ends: The words behind which a sentence or a clause ends.
    """

    tokens: tuple[Token, ...]
    plain: tuple[str, ...]
    others: tuple[tuple[str, ...], ...] = ()
    steps: tuple[tuple[tuple[int, int, int, int], ...], ...] = ()
    ends: frozenset[int] = frozenset()

    @classmethod
    def of(cls, text: str, others: Sequence[str] = ()) -> Heard:
        """A text, and the texts of other hypotheses."""
        tokens = tuple(tokenize(text))
        plain = tuple(normalize(token.text) for token in tokens)
        read = [tuple(normalize(token.text) for token in tokenize(other)) for other in dict.fromkeys(others)]
        read = [words for words in dict.fromkeys(read) if words != plain][:_OTHERS]
        steps = [
            tuple((*op.before, *op.after) for op in diff(plain, words, str) if op.tag != "equal") for words in read
        ]
        return cls(tokens, plain, tuple(read), tuple(steps), frozenset(_ends(tokens, plain)))

    def readings(self, start: int, end: int) -> list[str]:
        """What the text and, where it differs, each other hypothesis have there."""
        found = [" ".join(filter(None, self.plain[start:end]))]
        for words, steps in zip(self.others, self.steps, strict=True):
            first = last = 0
            touched = False
            for b0, b1, a0, a1 in steps:
                if b1 <= start and not (b0 == b1 == start):
                    first = a1 - b1
                    last = a1 - b1
                elif b0 < end or b0 == b1 == start:
                    touched = True
                    last = a1 - b1
                    if b0 < start:
                        first = a0 - b0
            if touched:
                found.append(" ".join(filter(None, words[max(0, start + first) : max(0, end + last)])))
        return found

    def words(self, found: Found) -> str:
        """What the text has where a hotword was found, without case and punctuation."""
        return " ".join(filter(None, self.plain[found.start : found.end]))

    def stretches(self, longest: int) -> Iterator[tuple[int, int]]:
        """All runs of words of a sentence, up to a length; those without a letter do not count and are at no end."""
        words = [i for i, word in enumerate(self.plain) if word]
        for at, start in enumerate(words):
            for end in words[at : at + longest]:
                yield start, end + 1
                if end in self.ends:
                    break


@dataclass(frozen=True, slots=True)
class Found:
    """A hotword that may have been said.

    Attributes:
        start: First word of the text that it stands for.
        end: The word after the last.
        hotword: Its number.
        ending: What is added to it.
        heard: What it stands for.
        values: Values of `FEATURES`.
    """

    start: int
    end: int
    hotword: int
    ending: str
    heard: str
    values: npt.NDArray[np.float64]

    def value(self, feature: str) -> float:
        """One of its values, by name."""
        return float(self.values[_AT[feature]])

    def overlaps(self, other: Found) -> bool:
        """Whether both stand for one of the words."""
        return self.start < other.end and other.start < self.end


class _Pair(NamedTuple):
    """A stretch, one of its readings but for its ending, and a form of a hotword."""

    start: int
    end: int
    heard: str
    ending: str
    form: int
    listed: bool


def find(
    lists: Sequence[tuple[Heard, Entries, Commonness]], sounds: Confusions, spelling: Confusions
) -> list[list[Found]]:
    """Hotwords that may have been said, of each text.

    Args:
        lists: Texts, the hotwords of each, and how common words of its language are.
        sounds: Log-odds of sounds.
        spelling: Log-odds of letters.
    """
    pairs = [list(_pairs(heard, entries)) if len(entries) else [] for heard, entries, _ in lists]
    scored = iter(_scores([(p.heard, lists[k][1].forms[p.form][0]) for k, own in enumerate(pairs) for p in own],
                          sounds, spelling))  # fmt: skip
    return [
        _described(heard, entries, known, [(pair, next(scored)) for pair in own], (sounds, spelling)) if own else []
        for (heard, entries, known), own in zip(lists, pairs, strict=True)
    ]


def _ends(tokens: Sequence[Token], plain: Sequence[str]) -> Iterator[int]:
    """The words behind which a sentence or a clause ends, by its marks."""
    last = -1
    for i, (token, word) in enumerate(zip(tokens, plain, strict=True)):
        last = i if word else last
        mark = _STOPS.search(token.text)
        if mark and mark["point"]:
            capital = i + 1 < len(tokens) and tokens[i + 1].text.lstrip("\"'“‘«([")[:1].isupper()
            mark = mark if capital and not _SHORT.fullmatch(token.text) else None
        if mark or _DASHES.issuperset(token.text):
            yield last


def _pairs(heard: Heard, entries: Entries) -> Iterator[_Pair]:
    """Stretches and forms that sound somewhat alike; nothing of a hotword that was heard is touched."""
    longest = min(entries.longest + _MORE, _WORDS)
    done = {i for start, end, _, _ in hotwords_in(heard, entries) for i in range(start, end)}
    grown = {(i, n) for start, end, n, _ in hotwords_in(heard, entries, _GROWN) for i in range(start, end)}
    for start, end in heard.stretches(longest):
        if any(i in done for i in range(start, end)):
            continue
        readings = heard.readings(start, end)
        seen: dict[tuple[int, str], _Pair] = {}
        for reading in dict.fromkeys(readings):
            for said, ending in _endings(reading):
                for form in entries.near(said):
                    name, number = entries.forms[form]
                    twice = bool(ending) and name.endswith(ending)
                    if twice or _figures(said) != _figures(name):
                        continue
                    if grown and any((i, number) in grown for i in range(start, end)):
                        continue
                    listed = said == name
                    if listed or (form, ending) not in seen:
                        seen[form, ending] = _Pair(start, end, said, ending, form, listed)
        yield from seen.values()


def _endings(reading: str) -> Iterator[tuple[str, str]]:
    """A reading whole, and what is before an `'s` at its end, which a hotword may have, too."""
    if reading:
        yield reading, ""
    if len(reading) > len(_OWNING) and reading.endswith(_OWNING):
        yield bare(reading), _OWNING


def hotwords_in(
    heard: Heard, entries: Entries, endings: Sequence[str] = ("", _OWNING)
) -> Iterator[tuple[int, int, int, str]]:
    """Where a text has hotwords with an ending: first word, the word after the last, number, ending."""
    for start, end in heard.stretches(entries.longest):
        words = [word for word in heard.plain[start:end] if word]
        for ending in endings:
            if not words[-1].endswith(ending):
                continue
            if (number := entries.number([*words[:-1], words[-1].removesuffix(ending)])) is not None:
                yield start, end, number, ending


@lru_cache(maxsize=100_000)
def _figures(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _is_letter(form: str) -> bool:
    return len(form) == 1 and form.isascii()


def heard_hotwords(entries: Entries, texts: Iterable[str]) -> list[int]:
    """Numbers of the hotwords that are in a text as they are, in order."""
    found: dict[int, None] = {}
    for text in texts:
        words = normalize(text).split()
        for start in range(len(words)):
            for end in range(start + 1, min(start + entries.longest, len(words)) + 1):
                if (number := entries.number(words[start:end])) is not None:
                    found[number] = None
    return list(found)


def _scores(texts: Sequence[tuple[str, str]], sounds: Confusions, spelling: Confusions) -> list[tuple[float, float]]:
    """Log-odds, of sounds and of letters, of what was heard and what may have been said."""
    different = list(dict.fromkeys(texts))
    by_sound = sounds.score([sound(said) for _, said in different], [sound(heard) for heard, _ in different])
    by_letter = spelling.score([letters(said) for _, said in different], [letters(heard) for heard, _ in different])
    found = dict(zip(different, zip(by_sound.tolist(), by_letter.tolist(), strict=True), strict=True))
    return [found[pair] for pair in texts]


def _described(
    heard: Heard,
    entries: Entries,
    known: Commonness,
    scored: Sequence[tuple[_Pair, tuple[float, float]]],
    tables: tuple[Confusions, Confusions],
) -> list[Found]:
    """The likeliest pairs of a text, with their features."""
    kept = _likeliest(entries, scored)
    if not kept:
        return []
    forms = [entries.forms[pair.form] for pair, _ in kept]
    selves = _scores([(pair.heard, pair.heard) for pair, _ in kept], *tables)
    perfect = _scores([(form, form) for form, _ in forms], *tables)
    common = [known.of(word) for word in heard.plain]
    spoken = [value for value, word in zip(common, heard.plain, strict=True) if word]
    unsteady = sum(not value for value in spoken) / max(1, len(spoken))
    text = f" {' '.join(filter(None, heard.plain))} "
    made = []
    rows = zip(kept, forms, selves, perfect, _compared(entries, kept), strict=True)
    for (pair, (s, w)), (form, number), (hs, hw), (ps, pw), beside in rows:
        there = [common[i] for i in range(pair.start, pair.end) if heard.plain[i]]
        readings = heard.readings(pair.start, pair.end)
        of_heard, of_form = sound(pair.heard), sound(form)
        values = [
            *(s, w, ps - s, pw - w, s / max(ps, 1.0), w / max(pw, 1.0), s / max(hs, 1.0), w / max(hw, 1.0), ps, hs),
            *beside,
            *(min(there), max(there), sum(there) / len(there), sum(not value for value in there)),
            max(known.of(word) for word in form.split()),
            common[pair.start - 1] if pair.start else _EDGE,
            common[pair.end] if pair.end < len(common) else _EDGE,
            len(there),
            *(of_heard[:1] == of_form[:1], of_heard[-1:] == of_form[-1:], unsteady, pair.listed),
            1 - (len(readings) - 1) / len(heard.others) if heard.others else 0.0,
            *(f" {entries.plain[number]} " in text, math.log(max(_FEW, len(entries)))),
            *_usual([word for word in heard.plain[pair.start : pair.end] if word], known),
            *(_again([entries.plain[number]], text, entries), _again(pair.heard.split(), text, entries)),
        ]
        made.append(Found(pair.start, pair.end, number, pair.ending, pair.heard, np.array(values, dtype=np.float64)))
    return made


def _again(words: Sequence[str], text: str, entries: Entries) -> float:
    """Logarithm of 1 and in how many other places than this text the words are said, the rarest of them."""
    if not entries.places:
        return 0.0
    others = (entries.places.get(bare(word), 0) - (f" {word} " in text) for word in words)
    return math.log1p(max(0, min(others)))


def _usual(words: Sequence[str], known: Commonness) -> tuple[int, bool, bool]:
    """How many of the words are usual ones, whether all are, and whether none is."""
    count = sum(map(known.is_usual, words))
    return count, count == len(words), bool(known.usual) and not count


def _likeliest(
    entries: Entries, scored: Sequence[tuple[_Pair, tuple[float, float]]]
) -> list[tuple[_Pair, tuple[float, float]]]:
    """The best stretches of each hotword, and the best of those of all."""
    found = sorted((item for item in scored if sum(item[1]) > _LEAST), key=lambda item: -sum(item[1]))
    taken: dict[int, int] = defaultdict(int)
    kept = []
    for item in found:
        number = entries.forms[item[0].form][1]
        if taken[number] < _STRETCHES:
            taken[number] += 1
            kept.append(item)
    return kept[:_CANDIDATES]


def _compared(entries: Entries, kept: Sequence[tuple[_Pair, tuple[float, float]]]) -> list[tuple[float, float, float]]:
    """How each pair does beside the others: `behind`, `ahead`, `rival`."""
    totals = [sum(score) for _, score in kept]
    numbers = [entries.forms[pair.form][1] for pair, _ in kept]
    best: dict[int, float] = {}
    for number, total in zip(numbers, totals, strict=True):
        best[number] = max(total, best.get(number, total))
    made = []
    for (pair, _), number, total in zip(kept, numbers, totals, strict=True):
        here, over = total - _FAR, total - _FAR
        for (other, _), its, value in zip(kept, numbers, totals, strict=True):
            if its != number and other.start < pair.end and pair.start < other.end:
                over = max(over, value)
                if (other.start, other.end) == (pair.start, pair.end):
                    here = max(here, value)
        made.append((total - best[number], total - here, total - over))
    return made
