"""Running context: the last corrected utterances of a recording are read before its next one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ger.correct.rescore import recording
from ger.prompting import PREVIOUS_WORDS
from ger.protocols import Corrector, result_of
from ger.text.tokens import latest, places
from ger.types import Correction, NBest

__all__ = ["Running", "Said"]

#: Of so many recordings at once it is known what was said; then the one that was silent for longest is forgotten.
_RECORDINGS = 1000


class Said:
    """The last texts of one recording: N of them at least, where there are as many and they fit.

    Texts come behind others, so that what a language model has read stays the beginning of what it reads next, and need
    not be read again (`llm_backends.kept`). Where there are 2 N of them it begins anew with the last N, and where they
    have too many words with the last ones that have half as many.

    Args:
        texts: How many texts there are at least, N, 1 or more.
        words: How many words they have together at most; of a last text that has more, its last words.
    """

    def __init__(self, texts: int, words: int = PREVIOUS_WORDS) -> None:
        self._least, self._words = texts, words
        self._texts: list[tuple[str, int]] = []

    def add(self, text: str) -> None:
        """What was said next."""
        if not (text := latest(text, self._words)):
            return
        self._texts.append((text, len(places(text))))
        if len(self._texts) >= 2 * self._least:
            del self._texts[: -self._least]
        if sum(size for _, size in self._texts) > self._words:
            room = self._words // 2 - self._texts[-1][1]
            keep = 1
            for _, size in reversed(self._texts[:-1]):
                room -= size
                keep += room >= 0
            del self._texts[:-keep]

    def __str__(self) -> str:
        return " ".join(text for text, _ in self._texts)


class Running:
    """Gives each list, as its previous text, what was made of the lists before it; see `ger.protocols.Corrector`.

    A list that says itself what came before keeps that. Lists of one recording (`ger.correct.rescore.recording`) have
    to come in order of time; those of several go to the corrector together.

    Args:
        inner: The corrector, with all that watches over it, so that a refused text is nobody's context.
        previous: How many earlier utterances there are at least, 1 or more; see `Said`.
        words: How many words they have together at most.
    """

    def __init__(self, inner: Corrector, previous: int, words: int = PREVIOUS_WORDS) -> None:
        self._inner, self._previous, self._words = inner, previous, words
        self._said: dict[str, Said] = {}

    @property
    def result(self) -> str:
        """What its texts are: those of the corrector inside."""
        return result_of(self._inner)

    @property
    def signature(self) -> str:
        """See `ger.protocols.Corrector`."""
        return f"{self._inner.signature}+previous={self._previous}"

    def correct(self, lists: Sequence[NBest]) -> list[Correction]:
        """See `ger.protocols.Corrector`."""
        made: dict[int, Correction] = {}
        for turn in _turns(lists):
            corrections = self._inner.correct([self._told(lists[i]) for i in turn])
            made |= zip(turn, corrections, strict=True)
            for correction in corrections:
                self.remember(recording(correction), correction.text)
        return [made[i] for i in range(len(lists))]

    def remember(self, name: str, text: str) -> None:
        """What was said next in a recording: context for its next list; nothing where it has no name."""
        if name and text:
            said = self._said.pop(name, None) or Said(self._previous, self._words)
            said.add(text)
            self._said[name] = said
            if len(self._said) > _RECORDINGS:
                del self._said[next(iter(self._said))]

    def forget(self, name: str = "") -> None:
        """What was said so far, in one recording or in all, is no context for what follows."""
        if name:
            self._said.pop(name, None)
        else:
            self._said.clear()

    def _told(self, nbest: NBest) -> NBest:
        said = self._said.get(recording(nbest))
        if not said or nbest.context.previous.strip():
            return nbest
        return replace(nbest, context=replace(nbest.context, previous=str(said)))


def _turns(lists: Sequence[NBest]) -> Iterator[list[int]]:
    """What can be corrected at once: the next list of every recording, and at first all that belong to none."""
    waiting: dict[str, deque[int]] = {}
    for i, nbest in enumerate(lists):
        waiting.setdefault(recording(nbest) or f"\0{i}", deque()).append(i)
    while waiting:
        yield [queue.popleft() for queue in waiting.values()]
        waiting = {name: queue for name, queue in waiting.items() if queue}
