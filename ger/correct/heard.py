"""What an untrained model may change: words that were misheard sound, and so are mostly spelled, like what was said.

A model that answers, obeys, or repeats an example of its prompt writes something else in their place. Such changes are
taken back one by one; those that could have been misheard stay.
"""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz.distance import Levenshtein

from ger.text.align import diff
from ger.text.normalize import normalize
from ger.text.tokens import join, spaced, tokenize

__all__ = ["heard"]

#: Least similarity of the letters before and after a change; bytes of letters that may always come, go or change.
_ALIKE, _SMALL = 0.5, 3


def heard(answer: str, texts: Sequence[str]) -> str:
    """The 1-best with those changes of an answer that could have been misheard.

    Where two thirds of an answer are another hypothesis, it is this one that is changed.

    Args:
        answer: What a model wrote, on one line.
        texts: The hypotheses, best first; one at least.
    """
    words = normalize(answer).split()
    distances = [Levenshtein.distance(words, normalize(text).split()) for text in texts]
    nearest = min(range(len(texts)), key=distances.__getitem__)
    base = texts[nearest if 3 * distances[nearest] <= len(words) else 0]
    old, new = tokenize(base), tokenize(answer)
    taken = []
    for op in diff([token.text for token in old], [token.text for token in new]):
        before, after = old[slice(*op.before)], new[slice(*op.after)]
        taken += after if op.tag in ("equal", "form") or _alike(join(before), join(after)) else before
    return join(spaced(taken))


def _alike(before: str, after: str) -> bool:
    one, other = ("".join(normalize(text).split()) for text in (before, after))
    small = len(one.encode()) + len(other.encode()) <= _SMALL
    return small or Levenshtein.normalized_similarity(one, other) >= _ALIKE
