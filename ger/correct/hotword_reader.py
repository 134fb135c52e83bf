"""What a language model thinks of hotwords: how much likelier it finds a text that has one in it.

Sound alone cannot tell `mark` from Marc, and knows no names that go with what is spoken of. Rescoring does: the texts
with and without a hotword compete, log p of one minus log p of the other (nats), and what that is worth was learned
(`ger.correct.hotword_model.Reading`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ger.correct.rescore import prefixed
from ger.errors import ModelError
from ger.lm.profile import DEFAULT, Profile
from ger.protocols import LanguageModel, ScoreRequest
from ger.text.form import apply
from ger.types import NBest

__all__ = ["Reader", "Variants"]


@dataclass(frozen=True, slots=True)
class Variants:
    """A text of a list, and what it would be with each of some hotwords."""

    nbest: NBest
    text: str
    others: tuple[str, ...]


class Reader:
    """Compares texts.

    Args:
        lm: Scores them.
        profile: In which form it reads them, and what it is told before; hotwords are not.
    """

    def __init__(self, lm: LanguageModel, profile: Profile = DEFAULT) -> None:
        self._lm, self._profile = lm, profile
        self._form = getattr(lm, "form", profile.form)

    def gains(self, rows: Sequence[Variants]) -> list[list[float] | None]:
        """How much likelier each of the other texts is than the text (nats); `None` where the model breaks on them."""
        try:
            return list(self._gains(rows))
        except ModelError:
            if len(rows) == 1:
                return [None]
        return [own for row in rows for own in self.gains([row])]  # only those go without that must

    def _gains(self, rows: Sequence[Variants]) -> list[list[float]]:
        requests = [
            ScoreRequest(tuple(apply(text, self._form) for text in (row.text, *row.others)), self._prefix(row.nbest))
            for row in rows
            if row.others
        ]
        scored = iter(self._lm.score(requests) if requests else [])
        made = []
        for row in rows:
            own, *others = next(scored) if row.others else [0.0]
            made.append([other - own for other in others])
        return made

    def _prefix(self, nbest: NBest) -> str:
        return prefixed(replace(nbest, context=replace(nbest.context, hotwords=())), self._profile)
