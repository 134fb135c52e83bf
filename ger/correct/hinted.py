"""Hotwords of a run: lists are corrected with these and with those that they name themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ger.correct.rescore import recording
from ger.hotwords import Hotwords
from ger.protocols import Corrector
from ger.types import Correction, NBest

__all__ = ["Hinted"]


class Hinted:
    """Gives each list the hotwords of the run after its own, as its context; see `ger.protocols.Corrector`.

    Args:
        inner: The corrector, whose model reads them.
        hotwords: Words and phrases that may occur.
    """

    def __init__(self, inner: Corrector, hotwords: Hotwords) -> None:
        self._inner, self._hotwords = inner, hotwords

    @property
    def signature(self) -> str:
        """See `ger.protocols.Corrector`."""
        return f"{self._inner.signature}+hotwords={len(self._hotwords.entries)}"

    def correct(self, lists: Sequence[NBest]) -> list[Correction]:
        """See `ger.protocols.Corrector`."""
        return self._inner.correct([self._told(nbest) for nbest in lists])

    def _told(self, nbest: NBest) -> NBest:
        told = (item.text for item in self._hotwords.of(recording(nbest)))
        hotwords = tuple(dict.fromkeys((*nbest.context.hotwords, *told)))
        return replace(nbest, context=replace(nbest.context, hotwords=hotwords))
