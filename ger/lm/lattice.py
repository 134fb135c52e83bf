"""Rescoring a lattice rather than a list cut off at some length.

Texts leave a lattice best first, and in the order of what the recognizer thinks of them; a language model's score is
never above zero. So it is known when no text that has not been seen can win, and before that, when none will that the
language model likes as much as the best text so far. Texts are taken in growing numbers, each number in one call:
backends that merge texts into prefix trees (`ger.lm.tree`) do the work of what is new in them.
"""

from __future__ import annotations

from dataclasses import dataclass

from ger.io.lattice import Lattice, Path, best
from ger.protocols import LanguageModel, ScoreRequest
from ger.text.form import Form, apply

__all__ = ["Rescored", "rescore"]

_FIRST = 32


@dataclass(frozen=True, slots=True)
class Rescored:
    """The best text of a lattice.

    Attributes:
        path: The text with the recognizer's scores.
        lm: The language model's score (nats).
        score: What it was chosen by (nats).
        seen: How many texts the language model read.
        exact: Whether no other text of the lattice can have a greater score.
    """

    path: Path
    lm: float
    score: float
    seen: int
    exact: bool


def rescore(
    lattice: Lattice,
    lm: LanguageModel,
    *,
    weight: float = 0.5,
    acoustic_scale: float = 1.0,
    most: int = 1000,
    optimism: float = 0.0,
    form: Form = "sentence",
    prefix: str = "",
) -> Rescored | None:
    """The text of a lattice with the greatest `(1 - weight) * own + weight * log p_LM(text)`.

    `own` is `acoustic_scale * acoustic + lm` of the lattice. `None` where the lattice has no text.

    Args:
        lattice: The lattice.
        lm: The language model.
        weight: Its weight, above 0 and at most 1.
        acoustic_scale: What acoustic scores are multiplied with.
        most: The search ends when so many texts were read.
        optimism: It also ends where a text would have to be likelier for the language model than the likeliest one so
            far by more than this (nats) to win; infinity for the exact answer, if `most` allows it.
        form: Written form in which the language model reads texts; one with a form of its own (`form`) keeps it.
        prefix: What the language model reads before the text.

    Raises:
        ModelError: the language model broke.
        RecordError: the lattice has a cycle.
    """
    scores: dict[str, float] = {}
    count = min(_FIRST, most)
    while True:
        found = best(lattice, count, acoustic_scale)
        if not found:
            return None
        new = tuple(path.text for path in found if path.text not in scores)
        if new:
            read = tuple(apply(text, getattr(lm, "form", form)) for text in new)
            scores |= zip(new, lm.score([ScoreRequest(read, prefix)])[0], strict=True)
        own = [(1 - weight) * (acoustic_scale * path.acoustic + path.lm) for path in found]
        totals = [value + weight * scores[path.text] for value, path in zip(own, found, strict=True)]
        total = max(totals)
        path = found[totals.index(total)]
        # Whatever comes next is not above the last one for the recognizer, nor above zero for the language model.
        exact = len(found) < count or own[-1] <= total
        hopeless = own[-1] + weight * min(0.0, max(scores.values()) + optimism) <= total
        if exact or hopeless or count >= most:
            return Rescored(path, scores[path.text], total, len(found), exact)
        count = min(most, 2 * count)
