"""Corrections of passages as corrections of units, for formats with a segment for each cue, segment or utterance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ger.correct.outcome import as_it_was, changed
from ger.io.documents.core import Change, Document, joined
from ger.io.documents.passages import Passage, unit_lists
from ger.types import Correction, Hypothesis, NBest

__all__ = ["by_unit"]


def by_unit(document: Document, made: Iterable[tuple[Passage, Correction]], stem: str = "") -> list[Correction]:
    """A correction for each unit of a document, in order, also for those without words.

    A passage that is one unit has its own correction. Of one that is several, and where several are of one unit, each
    unit has the words that come into its place, and no other hypotheses than its text.

    Args:
        document: The document as it was.
        made: Its passages and what became of them.
        stem: What the ids of the corrections begin with.
    """
    parts: dict[int, list[tuple[Passage, Correction, list[Change]]]] = {}
    for passage, correction in made:
        changes = passage.changes(correction.text) if correction.changed else []
        for unit in passage.spans:
            own = [change for change in changes if change.unit == unit]
            parts.setdefault(unit, []).append((passage, correction, own))
    return [_of_unit(nbest, parts.get(unit, [])) for unit, nbest in enumerate(unit_lists(document, stem))]


def _of_unit(nbest: NBest, parts: Sequence[tuple[Passage, Correction, list[Change]]]) -> Correction:
    """The correction of a unit, of which there may be several passages: those of a dialogue."""
    if not parts:
        return as_it_was(nbest, "no words")
    passage, correction, _ = parts[0]
    if len(parts) == len(passage.spans) == 1:
        return correction
    words = list(nbest.best.words)
    changes = [change for _, _, own in parts for change in own]
    for change in sorted(changes, key=lambda change: (change.first, change.last), reverse=True):
        words[change.first : change.last] = change.words
    correction = next((one for _, one, own in parts if own), correction)
    text = joined([word.text for word in words])
    if text != nbest.best.text:
        best = Hypothesis(text, words=tuple(words))
        made = changed(nbest, best, correction.decision, correction.reason, correction.scores)
    else:
        same = "kept" if correction.changed else correction.decision
        made = as_it_was(nbest, correction.reason, same, correction.scores)
    return replace(made, signature=correction.signature, context=correction.context)
