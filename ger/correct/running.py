"""Running context: the last corrected utterances of a recording are read before its next one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ger.correct.rescore import recording
from ger.prompting import PREVIOUS_WORDS
from ger.protocols import Corrector, result_of
from ger.text.tokens import latest, places
from ger.types import Correction, NBest

__all__ = ["Running", "within"]

#: Of so many recordings at once it is known what was said; then the one that was silent for longest is forgotten.
_RECORDINGS = 1000


class Running:
    """Gives each list, as its previous text, what was made of the lists before it; see `ger.protocols.Corrector`.

    A list that says itself what came before keeps that. Lists of one recording (`ger.correct.rescore.recording`) have
    to come in order of time; those of several go to the corrector together.

    Args:
        inner: The corrector, with all that watches over it, so that a refused text is nobody's context.
        previous: How many earlier utterances there are at most, 1 or more.
        words: How many words they have together at most; of what is more, the earlier utterances are left out.
    """

    def __init__(self, inner: Corrector, previous: int, words: int = PREVIOUS_WORDS) -> None:
        self._inner, self._previous, self._words = inner, previous, words
        self._said: dict[str, deque[str]] = {}

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
            self.remember(corrections)
        return [made[i] for i in range(len(lists))]

    def remember(self, made: Iterable[Correction]) -> None:
        """What was said in a recording, in order: context for its next list."""
        for correction in made:
            if correction.text and (name := recording(correction)):
                said = self._said.pop(name, None) or deque(maxlen=self._previous)
                said.append(correction.text)
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
        return replace(nbest, context=replace(nbest.context, previous=within(said, self._words)))


def within(said: Iterable[str], words: int) -> str:
    """The last texts that have so many words together; where the last one has more, its last words."""
    *earlier, last = said
    kept = [latest(last, words)]
    for text in reversed(earlier):
        words -= len(places(kept[0]))
        if len(places(text)) > words:
            break
        kept.insert(0, text)
    return " ".join(kept)


def _turns(lists: Sequence[NBest]) -> Iterator[list[int]]:
    """What can be corrected at once: the next list of every recording, and at first all that belong to none."""
    waiting: dict[str, deque[int]] = {}
    for i, nbest in enumerate(lists):
        waiting.setdefault(recording(nbest) or f"\0{i}", deque()).append(i)
    while waiting:
        yield [queue.popleft() for queue in waiting.values()]
        waiting = {name: queue for name, queue in waiting.items() if queue}
