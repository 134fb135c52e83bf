"""One spelling for what a recording says again and again: a second look at its texts, when all of them are there.

Rare words that a recording says in several places are hotwords for all of its texts, the earlier ones, too: who heard
`Katarzyna` seven times and `Katarzina` once has misheard once. It is the idea of the cache model (Kuhn and De Mori
1990), with what comes after. How often the word is said elsewhere, and what was heard in its place, counts beside sound
and other hypotheses (`ger.correct.hotword_finder`), in a model of its own that was learned from English.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ger.correct.hotword_finder import Entries, Heard, bare, find
from ger.correct.hotword_model import HotwordModel
from ger.correct.hotwords import Likely, by_sound, judged, looked_at, put, unmarked
from ger.correct.rescore import recording
from ger.hotwords import Hotword
from ger.languages import same
from ger.text.common import RARE, commonness
from ger.text.normalize import normalize
from ger.types import Correction, NBest

__all__ = ["Consistent", "Said"]

#: A word that recurs is said in so many places, and has so many letters.
_PLACES, _LETTERS = 2, 4
#: A place is a text, of a long one so many words.
_WORDS = 20
#: Texts that are looked at together.
_BATCH = 64
#: What grammar adds to a word; `d` is added to an `e`.
_ENDINGS = ("s", "es", "'s", "ed", "d", "er", "ers", "ing", "ly")


@dataclass(slots=True)
class Said:
    """The words of a recording.

    Attributes:
        places: In how many places each word is said.
        written: How often each word is written how.
    """

    places: Counter[str] = field(default_factory=Counter)
    written: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, text: str) -> None:
        """Count a text."""
        heard = Heard.of(text)
        words = list(map(bare, heard.plain))
        for start in range(0, len(words), _WORDS):
            there = words[start : start + _WORDS]
            self.places.update({*there, *(part for word in there for part in word.split())})
        for place, (word, plain, token) in enumerate(zip(words, heard.plain, heard.tokens, strict=True)):
            inside = unmarked(token.text)
            # A word at the beginning may have its capital from there.
            self.written[word][inside[: len(inside) + len(word) - len(plain)]] += 2 if place else 1

    def recurring(self, language: str | None) -> tuple[str, ...]:
        """The rare words that recur, as they are mostly written.

        Args:
            language: What is spoken: English, or `None` where it may be; in others no word is rare.
        """
        if language and not same(language, "en"):
            return ()
        found = [word for word, count in self.places.items() if count >= _PLACES and len(word) >= _LETTERS]
        known = commonness(language, self.places.elements())
        rare = [word for word in found if known.of(word) < RARE and word.replace("'", "").isalpha()]
        return tuple(dict.fromkeys(self.written[word].most_common(1)[0][0] for word in rare if word in self.written))


class Consistent:
    """Looks a second time at corrections of whole recordings.

    Args:
        model: Decides.
    """

    def __init__(self, model: HotwordModel) -> None:
        self._model = model

    @property
    def signature(self) -> str:
        """What identifies it."""
        return f"consistent={self._model.signature}"

    def changes(self, made: Sequence[Correction]) -> dict[int, Correction]:
        """What is to be changed in corrections, by their places.

        Args:
            made: Those of one recording or of several (`ger.correct.rescore.recording`), read twice, a few at a time.
                Translations, what failed, and what is part of no recording, stay as they are.
        """
        said: defaultdict[str, Said] = defaultdict(Said)
        languages: dict[str, str | None] = {}
        for one in made:
            if name := _recording(one):
                said[name].add(one.text)
                languages[name] = languages.get(name) or one.language
        entries = {
            name: Entries(tuple(map(Hotword, words)), own.places)
            for name, own in said.items()
            if (words := own.recurring(languages[name]))
        }
        changed: dict[int, Correction] = {}
        for start in range(0, len(made), _BATCH):
            part = made[start : start + _BATCH]
            rows = [(i, one, of) for i, one in enumerate(part, start) if (of := entries.get(_recording(one)))]
            again = self._again([(one, of) for _, one, of in rows])
            changed |= {i: new for (i, one, _), new in zip(rows, again, strict=True) if new is not one}
        return changed

    def _again(self, rows: Sequence[tuple[Correction, Entries]]) -> list[Correction]:
        lists = [NBest(one.id, one.hypotheses, language=one.language) for one, _ in rows]
        looked = [
            looked_at(nbest, one.text, of, self._model.usual) for nbest, (one, of) in zip(lists, rows, strict=True)
        ]
        found = find(looked, self._model.sounds, self._model.letters)
        made = []
        for nbest, (one, of), (heard, _, _), own in zip(lists, rows, looked, found, strict=True):
            given = {word for hotword in one.context.hotwords for word in normalize(hotword).split()}
            single = [item for item in own if item.end - item.start == 1]
            free = [item for item in single if _may_be(heard.words(item), of.plain[item.hotword], of, given)]
            likely = _alike(by_sound(judged(free, of, self._model)), heard)
            made.append(put(nbest, one, of, likely, self._model.judge.threshold, "consistent"))
        return made


def _may_be(words: str, hotword: str, entries: Entries, given: set[str]) -> bool:
    """Whether a word, which may be written in several (`covid-19`), may be another spelling of a hotword.

    Not those of given hotwords, numbers, what is short, what is said in several places, and other forms of it.
    """
    word = bare(words)
    short, long = sorted((word, hotword), key=len)
    ending = long.removeprefix(short)
    form = long.startswith(short) and ending in _ENDINGS and (ending != "d" or short.endswith("e"))
    several = entries.places.get(word, 0) >= _PLACES
    odd = len(word) < _LETTERS or any(map(str.isdigit, word))
    return not (form or several or odd or not given.isdisjoint((*word.split(), *words.split())))


def _alike(likely: Sequence[Likely], heard: Heard) -> list[Likely]:
    """The same words are the same hotword in all places of a text: each is worth as much as the best of them."""
    best: dict[tuple[str, int], Likely] = {}
    for one in likely:
        key = heard.words(one.found), one.found.hotword
        best[key] = max(one, best.get(key, one), key=lambda one: one.worth)
    return [replace(best[heard.words(one.found), one.found.hotword], found=one.found) for one in likely]


def _recording(made: Correction) -> str:
    return "" if made.task == "translate" or made.decision == "failed" else recording(made)
