"""The hypothesis nearest to the others."""

from collections.abc import Mapping, Sequence

from rapidfuzz.distance import Levenshtein

from ger.lm.profile import Profile
from ger.protocols import LanguageModel
from ger.text.align import edits
from ger.text.normalize import normalize
from ger.types import Correction, NBest


class Consensus:
    """Fewest word errors, summed over the other hypotheses taken as references."""

    signature = "consensus"

    def __init__(self, lms: Mapping[str, LanguageModel], profile: Profile) -> None:
        pass

    def correct(self, lists: Sequence[NBest]) -> list[Correction]:
        return [self._one(nbest) for nbest in lists]

    def _one(self, nbest: NBest) -> Correction:
        words = [normalize(h.text).split() for h in nbest.hypotheses]
        costs = [sum(Levenshtein.distance(a, b) for b in words) for a in words]
        chosen = costs.index(min(costs)) if costs else 0
        if chosen == 0:
            return Correction.of(nbest, nbest.best.text, "kept", words=nbest.best.words)
        text = nbest.hypotheses[chosen].text
        return Correction.of(nbest, text, "reranked", edits=edits(nbest.best.words or nbest.best.text, text))
