"""Hotwords of a run: lists that name none of their own are corrected with these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ger.protocols import Corrector
from ger.types import Correction, NBest

__all__ = ["Hinted"]


class Hinted:
    """Gives each list without hotwords those of the run as its context; see `ger.protocols.Corrector`.

    Args:
        inner: The corrector, whose model reads them.
        hotwords: Words and phrases that may occur.
    """

    def __init__(self, inner: Corrector, hotwords: tuple[str, ...]) -> None:
        self._inner, self._hotwords = inner, hotwords

    @property
    def signature(self) -> str:
        """See `ger.protocols.Corrector`."""
        return f"{self._inner.signature}+hotwords={len(self._hotwords)}"

    def correct(self, lists: Sequence[NBest]) -> list[Correction]:
        """See `ger.protocols.Corrector`."""
        return self._inner.correct([self._told(nbest) for nbest in lists])

    def _told(self, nbest: NBest) -> NBest:
        if nbest.context.hotwords:
            return nbest
        return replace(nbest, context=replace(nbest.context, hotwords=self._hotwords))
