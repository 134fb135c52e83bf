"""Hotwords after the fact: what was heard gives way to a listed word or phrase that sounds like it.

For any recognizer, as it works on text. Of the hotwords, however many, those are found that sound like a stretch of a
hypothesis (`ger.correct.hotword_finder`); the language models are told these and no others. In the text that the
corrector behind it chooses, a stretch gives way to a hotword where a learned model (`ger.correct.hotword_model`)
finds it worth it: it sounds alike, and what was heard is rare, no word at all, or read otherwise by other hypotheses.
Where there is a language model, it reads the text with and without the hotword (`ger.correct.hotword_reader`), and that
counts, too. Words that are hotwords as they stand are never touched, and hotwords that the recognizer was told for a
list (`hotwords_told` in `meta`) are left to what was heard then.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ger.correct.hotword_finder import Entries, Found, Heard, find, heard_hotwords, hotwords_in
from ger.correct.hotword_model import HotwordModel, Judge, features
from ger.correct.hotword_reader import Reader, compared
from ger.correct.rescore import recording
from ger.hotwords import Hotword, Hotwords
from ger.protocols import Corrector, result_of
from ger.text.align import carry_times, edits
from ger.text.common import Commonness, commonness
from ger.text.normalize import normalize
from ger.text.tokens import Token, join, spaced
from ger.types import Correction, Hypothesis, NBest, written_in

__all__ = [
    "HotwordCorrector",
    "Likely",
    "Ready",
    "by_sound",
    "doubtful",
    "judged",
    "looked_at",
    "put",
    "read",
    "unmarked",
    "variants",
]

#: So many hotwords at most are told to language models.
_TOLD = 20
#: Whose hotword it is, by the name of the score.
_WHOSE = {"hotwords": "the hotword", "consistent": "the recording's"}
#: So many lists of hotwords are kept ready beside that of the run.
_KEPT = 16
#: From here on a word is an everyday one (`ger.text.common`).
_COMMON = 5.5
#: From which likelihood on a hotword is worth being told to a language model.
_WORTH = 0.02
#: Where a hotword is less likely than this, it is put in because what was heard is wrong, too.
_LIKELY, _ANYWAY = 0.5, ", and what was heard is hardly right"
#: From which likelihood on it is worth being read in its place by one, and how many of a text are.
_DOUBTFUL, _READ = 0.02, 20


@dataclass(frozen=True, slots=True)
class Likely:
    """A hotword that may have been said.

    Attributes:
        found: Where, and which.
        probability: How likely it was said.
        worth: What putting it in is worth, between 0 and 1 (`ger.correct.hotword_model.Judge`).
    """

    found: Found
    probability: float
    worth: float


class Ready:
    """Hotwords of lists, ready to be looked up: those of the run once, and the last ones of recordings and lists.

    Args:
        hotwords: Those of the run; each list's own come in addition.
    """

    def __init__(self, hotwords: Hotwords) -> None:
        self._hotwords = hotwords
        self._of_all = Entries(hotwords.entries)
        self._known = {hotword.text: hotword for hotword in hotwords.entries}
        self._kept: OrderedDict[tuple[Hotword, ...], Entries] = OrderedDict()

    def of(self, nbest: NBest) -> Entries:
        """Those of a list."""
        found = self._hotwords.own(nbest.id) or self._hotwords.own(recording(nbest))
        of_recording = {hotword.text: hotword for hotword in found}
        own = {text: self._known.get(text, Hotword(text)) for text in nbest.context.hotwords} | of_recording
        key = tuple(hotword for text, hotword in own.items() if self._known.get(text) != hotword)
        if not key:
            return self._of_all
        if key not in self._kept:
            self._kept[key] = self._made(key)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _made(self, own: tuple[Hotword, ...]) -> Entries:
        if self._known.keys().isdisjoint(hotword.text for hotword in own):
            return Entries(own, base=self._of_all)
        texts = {hotword.text for hotword in own}  # a recording says otherwise how a hotword is spoken or weighs
        return Entries((*own, *(hotword for hotword in self._hotwords.entries if hotword.text not in texts)))


class HotwordCorrector:
    """Puts in hotwords that sound like what was heard; see `ger.protocols.Corrector`.

    Args:
        inner: What corrects before.
        hotwords: Those of the run; each list's own come in addition.
        model: Decides.
        language: What is spoken in lists that do not say it, for what corrects before as well.
        reader: A language model that has a say, where the model knows what that is worth.
    """

    def __init__(
        self,
        inner: Corrector,
        hotwords: Hotwords,
        model: HotwordModel,
        language: str | None = None,
        reader: Reader | None = None,
    ) -> None:
        self._inner, self._hotwords, self._model, self._language = inner, hotwords, model, language
        self._reader = reader if model.reading else None
        self._ready = Ready(hotwords)

    @property
    def result(self) -> str:
        """What its texts are: those of the corrector inside."""
        return result_of(self._inner)

    @property
    def signature(self) -> str:
        """See `ger.protocols.Corrector`."""
        read = ",read" if self._reader else ""
        return f"{self._inner.signature}+hotwords={len(self._hotwords.entries)},{self._model.signature}{read}"

    def correct(self, lists: Sequence[NBest]) -> list[Correction]:
        """See `ger.protocols.Corrector`."""
        if self._language:
            lists = [nbest if nbest.language else replace(nbest, language=self._language) for nbest in lists]
        entries = [self._ready.of(nbest) for nbest in lists]
        if not any(map(len, entries)):
            return self._inner.correct(lists)
        listed = self._found(lists, [nbest.best.text for nbest in lists], entries)
        made = self._inner.correct([_told(*row) for row in zip(lists, entries, listed, strict=True)])
        if self.result == "transcript":
            again = [i for i, (c, nbest) in enumerate(zip(made, lists, strict=True)) if c.text != nbest.best.text]
            texts = [made[i].text for i in again]
            found = self._found([lists[i] for i in again], texts, [entries[i] for i in again])
            for i, own in zip(again, found, strict=True):
                listed[i] = own
            rows = zip(lists, made, entries, self._decided(lists, made, entries, listed), strict=True)
            made = [as_listed(nbest, put(nbest, one, of, *decided), of) for nbest, one, of, decided in rows]
        return [self._concerned(*row) for row in zip(lists, made, entries, strict=True)]

    def _found(self, lists: Sequence[NBest], texts: Sequence[str], entries: Sequence[Entries]) -> list[list[Likely]]:
        """What may have been said in place of what is in a text of each list, the likeliest first."""
        rows = [looked_at(*row, self._model.usual) for row in zip(lists, texts, entries, strict=True)]
        made = []
        for nbest, of, found in zip(lists, entries, find(rows, self._model.sounds, self._model.letters), strict=True):
            told = _told_before(nbest)
            free = [one for one in found if of.hotwords[one.hotword].text not in told] if told else found
            made.append(judged(free, of, self._model))
        return made

    def _decided(
        self, lists: Sequence[NBest], made: Sequence[Correction], entries: Sequence[Entries], listed: list[list[Likely]]
    ) -> list[tuple[list[Likely], float]]:
        """What hotwords are worth in each corrected text, and what they have to be worth."""
        sounds = [(by_sound(own), self._model.judge.threshold) for own in listed]
        reading = self._model.reading
        if not (self._reader and reading):
            return sounds
        asked = [[] if one.decision == "failed" else doubtful(own) for one, own in zip(made, listed, strict=True)]
        rows = zip(lists, made, entries, asked, strict=True)
        told = zip(sounds, asked, self._reader.gains([variants(*row) for row in rows]), entries, strict=True)
        return [
            sound if gains is None else (read(own, gains, of, reading), reading.threshold)
            for sound, own, gains, of in told
        ]

    def _concerned(self, nbest: NBest, made: Correction, entries: Entries) -> Correction:
        """The correction with the list's own hotwords, and of the run's those that are in one of its texts."""
        texts = [made.text, nbest.reference or "", *(h.text for h in nbest.hypotheses)]
        there = [entries.hotwords[i].text for i in heard_hotwords(entries, texts)] if self._hotwords else []
        every = tuple(dict.fromkeys((*nbest.context.hotwords, *there)))
        return replace(made, context=replace(nbest.context, hotwords=every))


def _told_before(nbest: NBest) -> Sequence[str]:
    """Hotwords that the recognizer was told for this list: whether they were said, it has decided by ear."""
    told = nbest.meta.get("hotwords_told")
    return told if isinstance(told, list) else ()


def looked_at(nbest: NBest, text: str, entries: Entries, usual: frozenset[str]) -> tuple[Heard, Entries, Commonness]:
    """A text of a list as `ger.correct.hotword_finder.find` takes it, and which words are usual."""
    texts = [h.text for h in nbest.hypotheses]
    return Heard.of(text, texts), entries, replace(commonness(written_in(nbest), texts), usual=usual)


def judged(found: Sequence[Found], entries: Entries, model: HotwordModel) -> list[Likely]:
    """How likely each was said by its sound, the likeliest first."""
    return _judged(found, entries, model.judge)


def _judged(
    found: Sequence[Found], entries: Entries, judge: Judge, gains: npt.NDArray[np.float64] | None = None
) -> list[Likely]:
    if not found:
        return []
    weights = np.array([entries.hotwords[one.hotword].weight for one in found])
    likely = judge.judged(features(np.array([one.values for one in found]), gains), weights)
    made = [Likely(one, *values) for one, values in zip(found, likely, strict=True)]
    return sorted(made, key=lambda one: -one.probability)


def by_sound(found: Sequence[Likely]) -> list[Likely]:
    """Those that sound decides on: not where a single everyday word was heard, and by no hypothesis the hotword.

    Sound cannot tell `mark` from Marc.
    """
    return [one for one in found if not _everyday(one.found)]


def _everyday(one: Found) -> bool:
    return one.value("words") == 1 and one.value("commonest") > _COMMON and not one.value("listed")


def doubtful(found: Sequence[Likely]) -> list[Likely]:
    """Those that a language model is asked about, the likeliest first."""
    return [one for one in found if one.probability > _DOUBTFUL][:_READ]


def variants(nbest: NBest, made: Correction, entries: Entries, asked: Sequence[Likely]) -> NBest:
    """A list of the text of a correction, and of what it would be with each of some hotwords."""
    texts = [made.text]
    if asked:
        heard, shape = Heard.of(made.text), _shape(nbest, made, entries)
        texts += [_text(heard, shape, entries, [one.found]) for one in asked]
    return replace(nbest, hypotheses=tuple(map(Hypothesis, texts)))


def read(asked: Sequence[Likely], gains: Sequence[float], entries: Entries, reading: Judge) -> list[Likely]:
    """How likely hotwords are with what a language model gains by each (nats), the likeliest first."""
    found = [one.found for one in asked]
    return _judged(found, entries, reading, compared(found, gains))


def put(
    nbest: NBest, made: Correction, entries: Entries, found: Sequence[Likely], threshold: float, by: str = "hotwords"
) -> Correction:
    """A correction with the hotwords that are worth more than a threshold; the same where none is, or it failed.

    Args:
        nbest: The list that it was made of.
        made: The correction.
        entries: The hotwords.
        found: What may have been said.
        threshold: They have to be worth more than this.
        by: Name of the score that says how likely the least likely one is.
    """
    chosen: list[Likely] = []
    for one in sorted(found, key=lambda one: -one.worth):
        if one.worth > threshold and not any(one.found.overlaps(other.found) for other in chosen):
            chosen.append(one)
    if not chosen or made.decision == "failed":
        return made
    heard = Heard.of(made.text)
    text = _text(heard, _shape(nbest, made, entries), entries, [one.found for one in chosen])
    scores = {**made.scores, by: min(one.probability for one in chosen)}
    return _rewritten(nbest, made, text, _reasons(heard, entries, chosen, _WHOSE[by]), scores)


def _text(heard: Heard, shape: _Shape, entries: Entries, chosen: Sequence[Found]) -> str:
    """A text with hotwords in it."""
    written = []
    for one in chosen:
        said = entries.hotwords[one.hotword].text + one.ending
        written.append((one.start, one.end, shape.of_hotword(said, heard.tokens[one.start : one.end])))
    return _with(heard, written)


def as_listed(nbest: NBest, made: Correction, entries: Entries) -> Correction:
    """A correction with the hotwords in it written as they are listed; not where that says nothing.

    That is in a text of one case, where all hotwords are in capitals, and for everyday words (`us` is hardly the US).
    Figures and symbols that were spoken are written in each text: `gpt four` is GPT-4.

    Args:
        nbest: The list that it was made of.
        made: The correction.
        entries: The hotwords.
    """
    heard = Heard.of(made.text)
    found = sorted(hotwords_in(heard, entries), key=lambda one: (one[0] - one[1], one[0])) if len(entries) else []
    if not found or made.decision == "failed":
        return made
    shape, known = _shape(nbest, made, entries), commonness(written_in(nbest), [made.text])
    telling = shape.telling and not (shape.upper or shape.lower)
    chosen: list[tuple[int, int, str]] = []
    taken: set[int] = set()
    for start, end, number, ending in found:
        there = set(range(start, end))
        if not taken.isdisjoint(there):
            continue
        taken |= there
        hotword, plain = entries.hotwords[number].text, entries.plain[number]
        if " ".join(filter(None, heard.plain[start:end])) == plain + ending:
            everyday = end - start == 1 and known.of(plain) > _COMMON
            if everyday or hotword.islower() or not telling:
                continue
        chosen.append((start, end, shape.of_hotword(hotword + ending, heard.tokens[start:end])))
    text = _with(heard, chosen)
    if text == join(spaced(list(heard.tokens))):
        return made
    return _rewritten(nbest, made, text, ["hotwords are written as listed"])


def _rewritten(
    nbest: NBest, made: Correction, text: str, reasons: Sequence[str], scores: Mapping[str, float] | None = None
) -> Correction:
    """A correction with another text, and what made it so."""
    words = made.words or nbest.best.words
    listed = [hypothesis.text for hypothesis in nbest.hypotheses]
    return replace(
        made,
        text=text,
        decision="kept" if text == nbest.best.text else "reranked" if text in listed else "rewritten",
        reason="; ".join([*([made.reason] if made.changed else []), *reasons]),
        words=carry_times(words, text) if words else (),
        edits=edits(nbest.best.words or nbest.best.text, text),
        scores=made.scores if scores is None else scores,
    )


def _shape(nbest: NBest, made: Correction, entries: Entries) -> _Shape:
    listed = [hypothesis.text for hypothesis in nbest.hypotheses]
    return _Shape.of(listed if made.text in listed else [made.text], entries)


def _told(nbest: NBest, entries: Entries, found: Sequence[Likely]) -> NBest:
    """The list with the hotwords that concern it: all where they are few, else what was heard or may have been."""
    if len(entries) <= _TOLD:
        texts = [hotword.text for hotword in entries.own_first]
    else:
        heard = heard_hotwords(entries, (h.text for h in nbest.hypotheses))
        likely = [one.found.hotword for one in by_sound(found) if one.probability > _WORTH]
        texts = [entries.hotwords[i].text for i in dict.fromkeys([*heard, *likely])][:_TOLD]
    return replace(nbest, context=replace(nbest.context, hotwords=tuple(texts)))


def _with(heard: Heard, written: Iterable[tuple[int, int, str]]) -> str:
    """The text with something else written from a word to before another, between the same marks."""
    tokens = list(heard.tokens)
    for start, end, text in sorted(written, reverse=True):
        before, after = _edges(tokens[start].text)[0], _edges(tokens[end - 1].text)[1]
        after = "" if text.endswith(after) else after
        tokens[start:end] = [Token(f"{before}{text}{after}", tokens[start].spaced)]
    return join(spaced(tokens))


def unmarked(word: str) -> str:
    """A word without the marks before and after its letters."""
    before, after = _edges(word)
    return word[len(before) : len(word) - len(after)]


def _edges(word: str) -> tuple[str, str]:
    """The marks before and after the letters of a word."""
    inside = [i for i, c in enumerate(word) if normalize(c) or c in "'’"]
    return (word[: inside[0]], word[inside[-1] + 1 :]) if inside else (word, "")


@dataclass(frozen=True, slots=True)
class _Shape:
    """How texts are written: all in capitals, all without, or with both; and whether the hotwords tell their own."""

    upper: bool
    lower: bool
    telling: bool

    @classmethod
    def of(cls, texts: Sequence[str], entries: Entries) -> _Shape:
        together = " ".join(texts)
        plain = not any(c in ".,?!" for c in together)
        return cls(together.isupper(), plain and together.islower(), not entries.shouted)

    def of_hotword(self, text: str, heard: Sequence[Token]) -> str:
        """A hotword as it is written here."""
        if self.upper:
            return text.upper()
        if self.lower:
            return text.lower()
        if self.telling:
            begins = heard[0].text[:1].isupper() and text[:1].islower()
            return text[:1].upper() + text[1:] if begins and text.islower() else text
        return text.title() if any(token.text[:1].isupper() for token in heard) else text.lower()


def _reasons(heard: Heard, entries: Entries, chosen: Sequence[Likely], whose: str) -> list[str]:
    return [
        f"{heard.words(one.found)!r} sounds like {whose} {entries.hotwords[one.found.hotword].text!r} "
        f"({one.probability:.0%}{'' if one.probability > _LIKELY else _ANYWAY})"
        for one in sorted(chosen, key=lambda one: one.found.start)
    ]
