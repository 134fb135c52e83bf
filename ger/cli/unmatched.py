"""Hotwords of single recordings that belong to nothing in a run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ger.cli import common
from ger.io.paths import printable, utf8

if TYPE_CHECKING:
    from ger.hotwords import Hotwords
    from ger.pipeline import Result
    from ger.types import NBest

__all__ = ["Unmatched"]

_NAMED = 3


class Unmatched:
    """Recordings that hotwords are for and that have not been seen in a run.

    Args:
        hotwords: Those of the run.
    """

    def __init__(self, hotwords: Hotwords) -> None:
        self._hotwords = hotwords
        self._left = dict.fromkeys(hotwords.recordings)

    def see(self, lists: Iterable[NBest]) -> None:
        """Take note of lists."""
        from ger.correct.rescore import recording

        if self._left:
            self._drop(name for nbest in lists for name in (nbest.id, recording(nbest)))

    def take(self, result: Result) -> None:
        """Take note of an input and its lists; a file of lists is no recording itself."""
        from ger.pipeline import is_audio

        if self._left and (result.document or result.error or is_audio(result.source)):
            self._drop((utf8(result.source.path), result.source.id))
        self.see(result.lists)

    def _drop(self, names: Iterable[str]) -> None:
        for name in names:
            self._left.pop(self._hotwords.named(name), None)

    def tell(self) -> None:
        """Warn of those that were not seen."""
        if not self._left:
            return
        shown = ", ".join(repr(printable(name)) for name in list(self._left)[:_NAMED])
        more = f" and {len(self._left) - _NAMED} more" if len(self._left) > _NAMED else ""
        common.say(f"Warning: There are hotwords for {shown}{more}, and no recording of that name.")
