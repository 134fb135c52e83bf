"""Corrections of passages as corrections of units, for formats with a segment for each cue, segment or utterance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ger.correct.outcome import as_it_was, changed
from ger.io.documents.core import Document, joined
from ger.io.documents.passages import Passage, unit_lists
from ger.types import Correction, Hypothesis, NBest

__all__ = ["by_unit"]


def by_unit(document: Document, made: Iterable[tuple[Passage, Correction]], stem: str = "") -> list[Correction]:
    """A correction for each unit of a document, in order, also for those without words.

    A passage that is one unit has its own correction. Of one that is several, each unit has the words that come into
    its place, and no other hypotheses than its text.

    Args:
        document: The document as it was.
        made: Its passages and what became of them.
        stem: What the ids of the corrections begin with.
    """
    lists = unit_lists(document, stem)
    found = [as_it_was(nbest, "no words") for nbest in lists]
    for passage, correction in made:
        for unit, own in _cut(passage, correction, lists):
            found[unit] = own
    return found


def _cut(passage: Passage, correction: Correction, lists: list[NBest]) -> Iterator[tuple[int, Correction]]:
    """The number and the correction of each unit of a passage."""
    if len(passage.spans) == 1:
        yield next(iter(passage.spans)), correction
        return
    changes = passage.changes(correction.text) if correction.changed else []
    changes.sort(key=lambda change: (change.first, change.last), reverse=True)
    for unit in passage.spans:
        nbest = lists[unit]
        words = list(nbest.best.words)
        for change in changes:
            if change.unit == unit:
                words[change.first : change.last] = change.words
        text = joined([word.text for word in words])
        if text != nbest.best.text:
            best = Hypothesis(text, words=tuple(words))
            made = changed(nbest, best, correction.decision, correction.reason, correction.scores)
        else:
            same = "kept" if correction.changed else correction.decision
            made = as_it_was(nbest, correction.reason, same, correction.scores)
        yield unit, replace(made, signature=correction.signature, context=correction.context)
