"""What becomes of a list, as a correction: the 1-best as it was, or another text with its words and edits."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ger.text.align import carry_times, edits
from ger.types import Correction, Decision, Hypothesis, NBest

__all__ = ["as_it_was", "changed", "written"]


def as_it_was(
    nbest: NBest, reason: str, decision: Decision = "kept", scores: Mapping[str, float] | None = None
) -> Correction:
    """The 1-best, with its own words."""
    best = nbest.best
    return Correction.of(nbest, best.text, decision, reason=reason, words=best.words, scores=scores or {})


def changed(
    nbest: NBest, chosen: Hypothesis, decision: Decision, reason: str, scores: Mapping[str, float]
) -> Correction:
    """Another text, with its own words, or else with the times of those of the 1-best."""
    best = nbest.best
    return Correction.of(
        nbest,
        chosen.text,
        decision,
        reason=reason,
        words=chosen.words or (carry_times(best.words, chosen.text) if best.words else ()),
        edits=edits(best.words or best.text, chosen.text),
        scores=scores,
    )


def written(
    nbest: NBest, text: str, reason: str, listed: Callable[[int], str], scores: Mapping[str, float]
) -> Correction:
    """A text that was written for the list: `rewritten`, or `reranked` where the list has it.

    Args:
        nbest: The list.
        text: The text, not the 1-best.
        reason: Why, where it is new.
        listed: Why, where it is a hypothesis; given its number, from 1.
        scores: Features of the text.
    """
    rank = next((i for i, hypothesis in enumerate(nbest.hypotheses) if hypothesis.text == text), None)
    if rank is None:
        return changed(nbest, Hypothesis(text), "rewritten", reason, scores)
    return changed(nbest, nbest.hypotheses[rank], "reranked", listed(rank + 1), scores)
