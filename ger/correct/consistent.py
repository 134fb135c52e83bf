"""One spelling for what a recording says again and again: a second look at its texts, when all of them are there.

Rare words that several texts of a recording have are hotwords for all of its texts, the earlier ones, too: who heard
`Katarzyna` seven times and `Katarzina` once has misheard once. It is the idea of the cache model (Kuhn and De Mori
1990), with what comes after. How often other texts have the word, and what was heard in its place, counts beside sound
and other hypotheses (`ger.correct.hotword_finder`), in a model of its own. A spelling that several texts have stays.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from ger.correct.hotword_finder import Entries, Heard, find
from ger.correct.hotword_model import HotwordModel
from ger.correct.hotwords import judged, looked_at, put, unmarked
from ger.correct.rescore import recording
from ger.hotwords import Hotword
from ger.text.common import RARE, commonness
from ger.text.normalize import normalize
from ger.types import Correction, NBest

__all__ = ["Consistent", "Said"]

#: A word that recurs is in so many texts, and has so many letters.
_TEXTS, _LETTERS = 2, 4
#: Texts that are looked at together.
_BATCH = 64
_OWNING = "'s"


@dataclass(slots=True)
class Said:
    """The words of a recording.

    Attributes:
        texts: How many texts have each word.
        written: How often each word is written how.
    """

    texts: Counter[str] = field(default_factory=Counter)
    written: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, text: str) -> None:
        """Count a text."""
        heard = Heard.of(text)
        words = [plain.removesuffix(_OWNING) for plain in heard.plain]
        self.texts.update(set(words))
        for place, (word, token) in enumerate(zip(words, heard.tokens, strict=True)):
            # A word at the beginning may have its capital from there.
            self.written[word][unmarked(token.text).removesuffix(_OWNING)] += 2 if place else 1

    def recurring(self, language: str | None) -> tuple[str, ...]:
        """The rare words that recur, as they are mostly written.

        Args:
            language: What is spoken; where nothing is known about its words, none is rare.
        """
        found = [word for word, count in self.texts.items() if count >= _TEXTS]
        known = commonness(language, self.texts.elements())
        rare = [word for word in found if known.of(word) < RARE and len(word) >= _LETTERS and word.isalpha()]
        return tuple(dict.fromkeys(self.written[word].most_common(1)[0][0] for word in rare))


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
                Translations, and what is part of no recording, stay as they are.
        """
        said: defaultdict[str, Said] = defaultdict(Said)
        languages: dict[str, str | None] = {}
        for one in made:
            if name := _recording(one):
                said[name].add(one.text)
                languages[name] = languages.get(name) or one.language
        entries = {
            name: Entries(tuple(map(Hotword, words)), own.texts)
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
        for nbest, (one, of), own in zip(lists, rows, found, strict=True):
            given = {word for hotword in one.context.hotwords for word in normalize(hotword).split()}
            free = [item for item in own if _is_word(item.heard) and given.isdisjoint(item.heard.split())]
            made.append(put(nbest, one, of, judged(free, of, self._model), self._model.threshold, "consistent"))
        return made


def _is_word(heard: str) -> bool:
    """Whether what was heard may be another spelling: numbers and abbreviations are none."""
    return len(heard) >= _LETTERS and not any(map(str.isdigit, heard))


def _recording(made: Correction) -> str:
    return "" if made.task == "translate" else recording(made)
