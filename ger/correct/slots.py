"""What may stand at each place of an answer that uses only the words of a list and the hotwords.

The hypotheses are aligned into a confusion network (`ger.text.network`); an answer takes one way through it, so every
word of it was heard at its place by some hypothesis. A hotword may stand where something was heard that is spelled or
sounds like it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product

from rapidfuzz.distance import Levenshtein

from ger.text.network import Slot, Voter, build
from ger.text.normalize import normalize
from ger.text.tokens import join

__all__ = ["near", "slots"]

#: A hotword may stand for so many words; a place has at most so many texts.
_SPAN, _MOST = 3, 24
#: From which similarity of spelling on a hotword is near; and where it sounds the same, too.
_SPELLED, _SOUNDED = 0.65, 0.4

_SOUNDS = [
    (r"[^a-z]", ""),
    (r"^(?:kn|gn|pn)", "n"),
    (r"^wr", "r"),
    (r"ph", "f"),
    (r"gh(?=[^aeiou]|$)", ""),
    (r"sch|sh|ch|tch|j|dg", "j"),
    (r"c(?=[eiy])|z|x", "s"),
    (r"ck|c|q", "k"),
    (r"v", "f"),
    (r"d", "t"),
    (r"(?<=.)[aeiouyhw]", ""),
    (r"^[aeiouyhw]", "a"),
    (r"(.)\1+", r"\1"),
]


def slots(texts: Sequence[str], hotwords: Sequence[str] = ()) -> tuple[tuple[str, ...], ...]:
    """The texts that each place of an answer may take, the heaviest first; an empty text leaves the place out.

    Args:
        texts: The different hypotheses, best first.
        hotwords: Words or phrases that may occur.
    """
    network = build([Voter.of(text, 1 / rank) for rank, text in enumerate(texts, 1)])
    made = [[join(arc.tokens) for arc in slot] for slot in network.slots]
    for first, last, hotword in _places(network.slots, hotwords):
        if last > first + 1 and made[first + 1]:  # not joined yet
            ways = [" ".join(filter(None, way)) for way in product(*made[first:last])]
            made[first:last] = [[*dict.fromkeys(ways)][:_MOST], *([] for _ in range(last - first - 1))]
        made[first].append(hotword)
    return tuple(tuple(dict.fromkeys(slot)) for slot in made if slot)


def _places(network: Sequence[Slot], hotwords: Sequence[str]) -> list[tuple[int, int, str]]:
    """Where a hotword may stand: ranges of places that are the same or do not overlap, the nearest matches first."""
    heard = [[_letters(join(arc.tokens)) for arc in slot] for slot in network]
    found = []
    for hotword in dict.fromkeys(hotwords):
        letters = _letters(hotword)
        for first in range(len(heard)):
            for last in range(first + 1, min(first + _SPAN, len(heard)) + 1):
                ways = heard[first] if last == first + 1 else ["".join(texts[0] for texts in heard[first:last])]
                if best := max(_near(letters, way) for way in ways):
                    found.append((-best, last - first, first, hotword))
    taken: list[tuple[int, int, str]] = []
    for _, span, first, hotword in sorted(found):
        place = (first, first + span)
        if all(place == t[:2] or place[1] <= t[0] or t[1] <= first for t in taken):
            taken.append((*place, hotword))
    return taken


def near(hotword: str, heard: str) -> float:
    """How alike two words or phrases are spelled, 0 to 1; 0 where they are no near match. Spaces do not count."""
    return _near(_letters(hotword), _letters(heard))


def _near(one: str, other: str) -> float:
    alike = float(Levenshtein.normalized_similarity(one, other, score_cutoff=_SOUNDED)) if one and other else 0.0
    if alike >= _SPELLED or not alike:
        return alike
    sound = _sound(one)
    return alike if len(sound) > 1 and sound == _sound(other) else 0.0


def _letters(text: str) -> str:
    return "".join(normalize(text).split())


def _sound(letters: str) -> str:
    """English consonants as they sound, roughly; nothing for other scripts."""
    for pattern, sound in _SOUNDS:
        letters = re.sub(pattern, sound, letters)
    return letters
