"""The corrector `hotwords`: every 1-best as it is, for what comes after it, hotwords, to work on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ger.correct.outcome import as_it_was
from ger.lm.profile import Profile
from ger.protocols import LanguageModel
from ger.types import Correction, NBest

__all__ = ["FirstBest"]


class FirstBest:
    """Keeps every 1-best; see `ger.protocols.Corrector`.

    Args:
        lms: Not used.
        profile: Not used.
    """

    signature = "first"

    def __init__(self, lms: Mapping[str, LanguageModel] | None = None, profile: Profile | None = None) -> None:
        pass

    def correct(self, lists: Sequence[NBest]) -> list[Correction]:
        """See `ger.protocols.Corrector`."""
        return [
            as_it_was(nbest, "no hotword sounds like it" if nbest.hypotheses else "nothing was said") for nbest in lists
        ]
