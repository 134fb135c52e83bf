"""What a language model thinks of hotwords: how much likelier it finds a text that has one in it.

Sound alone cannot tell `mark` from Marc, and knows no names that go with what is spoken of. Rescoring does: the texts
with and without a hotword compete, log p of one minus log p of the other (nats), and what that is worth was learned
(`ger.correct.hotword_model`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ger.correct.hotword_finder import Found
from ger.correct.hotword_model import LIMIT
from ger.correct.rescore import prefixed
from ger.errors import ModelError
from ger.lm.features import compute
from ger.lm.profile import DEFAULT, Profile
from ger.protocols import LanguageModel
from ger.types import NBest

__all__ = ["Reader", "compared"]


class Reader:
    """Compares texts.

    Args:
        lm: Scores them.
        profile: In which form it reads them, and what it is told before; hotwords are not.
    """

    def __init__(self, lm: LanguageModel, profile: Profile = DEFAULT) -> None:
        self._lm, self._profile = lm, profile

    def gains(self, lists: Sequence[NBest]) -> list[list[float] | None]:
        """How much likelier each further text of a list is than its first (nats); `None` where the model breaks."""
        try:
            return list(self._gains(lists))
        except ModelError:
            if len(lists) == 1:
                return [None]
        return [own for nbest in lists for own in self.gains([nbest])]  # only those go without that must

    def _gains(self, lists: Sequence[NBest]) -> list[list[float]]:
        prefixes = [prefixed(replace(one, context=replace(one.context, hotwords=())), self._profile) for one in lists]
        table = compute(lists, ["lm"], {"lm": self._lm}, form=self._profile.form, prefixes=prefixes)
        return [(values[1:, 0] - values[0, 0]).tolist() for values in table.values]


def compared(found: Sequence[Found], gains: Sequence[float]) -> npt.NDArray[np.float64]:
    """Gains, and how far each is ahead of the best other hotword for one of its words (nats), shape `(n, 2)`.

    Args:
        found: Hotwords of one text.
        gains: What a language model gains by each (nats), shape `(n,)`.
    """
    made = []
    for one, gain in zip(found, gains, strict=True):
        others = zip(found, gains, strict=True)
        rivals = [its for other, its in others if other.hotword != one.hotword and other.overlaps(one)]
        made.append((gain, gain - max(rivals, default=-LIMIT)))
    return np.array(made).reshape(-1, 2)
