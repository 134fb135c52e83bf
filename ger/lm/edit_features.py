"""What is known about an edit, as numbers for a gate; what is not known is `MISSING`."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from rapidfuzz.distance import Levenshtein

from ger.lm.edits import Change, Sheet
from ger.lm.features import acoustic
from ger.text.normalize import normalize
from ger.text.tokens import Token

__all__ = ["MISSING", "PHRASES", "Frequencies", "commonness", "confidence", "features"]

#: Stands for a value that is not known.
MISSING = -99.0

#: The features, and how a person would call them.
PHRASES = {
    "votes": "share of the list that says so",
    "against": "share of the list that says what the 1-best says",
    "readings": "different readings of the list at this place",
    "near": "share of the list that agrees around this place",
    "first": "place in the list of the first that says so",
    "gap": "score of the best hypothesis that says so, beside the 1-best's",
    "apart": "differences within the list, a word",
    "listed": "hypotheses in the list",
    "closest": "likeness to the nearest other reading of the list",
    "confidence": "the recognizer's least confidence in the old words",
    "words": "words of the 1-best",
    "position": "place in the sentence",
    "before": "number of old words",
    "after": "number of new words",
    "grows": "new words more than old ones",
    "letters before": "letters of the old words",
    "letters after": "letters of the new words",
    "letters": "likeness of letters",
    "distance": "letters that change",
    "sound": "likeness of sound",
    "start": "letters that both begin with",
    "end": "letters that both end with",
    "form": "only written otherwise",
    "joined": "only spaces, hyphens or apostrophes differ",
    "new": "new words that no hypothesis has",
    "rare before": "how common the rarest old word is",
    "rare after": "how common the rarest new word is",
    "common before": "how common the commonest old word is",
    "common after": "how common the commonest new word is",
    "digits": "digits that come or go",
    "capitals": "words with capitals that come or go",
    "marks": "punctuation that comes or goes",
    "again": "new words that stand beside the edit already",
    "answer": "whether the answer has it",
    "changes": "edits of the answer",
    "share": "share of the words that the answer changes",
    "elsewhere": "whether the answer as a whole is listed",
    "likelihood": "log-probability of the answer, a token",
    "least": "least log-probability of a token of the answer",
    "lm": "the language model's log-probability with the edit, beside without",
    "lm word": "the same, an exchanged word",
}

_AROUND = 2


@dataclass(frozen=True, slots=True)
class Frequencies:
    """How common words are, without case and punctuation.

    Attributes:
        levels: By word: the logarithm to base 2 of how often it occurs in a million words, rounded.
    """

    levels: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, texts: Iterable[str], most: int = 3000, least: int = 1) -> Frequencies:
        """Count words.

        Args:
            texts: What to count in.
            most: So many words at most, the commonest.
            least: Words that occur less often are left out.
        """
        counts = Counter(word for text in texts for word in normalize(text).split())
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]
        total = counts.total()
        return cls({word: round(math.log2(1 + 1e6 * n / total)) for word, n in ordered if n >= least})

    def common(self, word: str) -> float:
        """The level of a word; 0 for one that is not known."""
        return float(self.levels.get(word, 0))


def features(sheet: Sheet, deltas: Sequence[float] | None = None) -> list[dict[str, float]]:
    """The features of each edit of a sheet but for `commonness`.

    Args:
        sheet: The list and its edits.
        deltas: The language model's log-probability of the text with each edit less that without (nats).
    """
    common = _of_list(sheet) | _of_answer(sheet)
    scores = acoustic(sheet.nbest)
    made = []
    for i, change in enumerate(sheet.changes):
        row = common | _of_place(sheet, change, scores) | _of_words(sheet, change)
        if deltas is not None:
            row["lm"] = deltas[i]
            row["lm word"] = deltas[i] / max(1, len(change.tokens), change.end - change.start)
        made.append(row)
    return made


def commonness(sheet: Sheet, frequencies: Frequencies) -> list[dict[str, float]]:
    """How common the words of each edit of a sheet are."""
    found = []
    for change in sheet.changes:
        old = [frequencies.common(word) for word in keys(sheet.base[change.start : change.end])]
        new = [frequencies.common(word) for word in keys(change.tokens)]
        found.append(
            {
                "rare before": min(old, default=MISSING),
                "rare after": min(new, default=MISSING),
                "common before": max(old, default=MISSING),
                "common after": max(new, default=MISSING),
            }
        )
    return found


def _of_list(sheet: Sheet) -> dict[str, float]:
    words = [keys(tokens) for tokens in sheet.hypotheses]
    own = keys(sheet.base)
    others = words[1:]
    apart = sum(Levenshtein.distance(own, other) for other in others) / max(1, len(others))
    return {
        "words": float(len(sheet.base)),
        "listed": float(len(words)),
        "apart": apart / max(1, len(sheet.base)),
    }


def _of_answer(sheet: Sheet) -> dict[str, float]:
    if sheet.answer is None:
        return {}
    mine = [c for c in sheet.changes if c.answer]
    size = sum(max(c.end - c.start, len(c.tokens)) for c in mine)
    answer = normalize(sheet.answer.text)
    score, tokens = sheet.answer.score, sheet.answer.tokens or len(answer.split()) + 1
    return {
        "changes": float(len(mine)),
        "share": size / max(1, len(sheet.base)),
        "elsewhere": float(any(normalize(h.text) == answer for h in sheet.nbest.hypotheses[1:])),
        "likelihood": MISSING if score is None else score / tokens,
        "least": MISSING if sheet.answer.least is None else sheet.answer.least,
    }


def _of_place(sheet: Sheet, change: Change, scores: Sequence[float] | None) -> dict[str, float]:
    n = max(1, len(sheet.hypotheses))
    start, end = change.start, change.end
    said, old = keys(change.tokens), keys(sheet.base[start:end])
    readings = [keys(sheet.reading(i, start, end)) for i in range(len(sheet.hypotheses))]
    form = said == old
    support = list(change.hypotheses) if form else [i for i, r in enumerate(readings) if r == said]
    others = {r for r in readings if r not in (old, said)}
    low, high = max(0, start - _AROUND), min(len(sheet.base), end + _AROUND)
    left, right = keys(sheet.base[low:start]), keys(sheet.base[end:high])
    near = sum(
        keys(sheet.reading(i, low, start)) == left and keys(sheet.reading(i, end, high)) == right
        for i in range(len(sheet.hypotheses))
    )
    row = {
        "votes": len(support) / n,
        "against": sum(r == old for r in readings) / n,
        "readings": float(len(set(readings))),
        "near": near / n,
        "first": float(min(support, default=n) + 1),
        "closest": max((_like("".join(r), "".join(said)) for r in others), default=MISSING),
        "position": start / max(1, len(sheet.base)),
        "gap": MISSING,
        "answer": float(change.answer),
        "confidence": confidence(sheet, start, end),
    }
    if scores and support:
        row["gap"] = max(scores[i] for i in support) - scores[0]
    for i, hypothesis in enumerate(sheet.nbest.hypotheses[: len(readings)]):
        if system := hypothesis.extra.get("system"):
            row[f"system:{system}"] = 1.0 if i in support else -1.0 if readings[i] == old else 0.0
    return row


def _of_words(sheet: Sheet, change: Change) -> dict[str, float]:
    start, end = change.start, change.end
    said, old = keys(change.tokens), keys(sheet.base[start:end])
    a, b = "".join(old), "".join(said)
    listed = {word for tokens in sheet.hypotheses for word in keys(tokens)}
    beside = {*keys(sheet.base[max(0, start - 2) : start]), *keys(sheet.base[end : end + 2])}
    before, after = _surface(sheet.base[start:end]), _surface(change.tokens)
    return {
        "before": float(end - start),
        "after": float(len(said)),
        "grows": float(len(said) - len(old)),
        "letters before": float(len(a)),
        "letters after": float(len(b)),
        "letters": _like(a, b),
        "distance": float(Levenshtein.distance(a, b)),
        "sound": _like(sound(a), sound(b)),
        "start": float(_prefix(a, b)),
        "end": float(_prefix(a[::-1], b[::-1])),
        "form": float(said == old),
        "joined": float(_bare(a) == _bare(b)),
        "new": float(sum(word not in listed for word in said)),
        "digits": float(_count(after, str.isdigit) - _count(before, str.isdigit)),
        "capitals": float(_capitals(change.tokens) - _capitals(sheet.base[start:end])),
        "marks": float(_count(after, _is_mark) - _count(before, _is_mark)),
        "again": float(sum(word in beside for word in said)),
    }


def keys(tokens: Sequence[Token]) -> tuple[str, ...]:
    """The words without case and punctuation."""
    return tuple(key for token in tokens if (key := normalized(token.text)))


@lru_cache(maxsize=1 << 16)
def normalized(word: str) -> str:
    """`normalize`, remembered."""
    return normalize(word)


def _surface(tokens: Sequence[Token]) -> str:
    return " ".join(token.text for token in tokens)


def _like(a: str, b: str) -> float:
    return Levenshtein.normalized_similarity(a, b)


def _prefix(a: str, b: str) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _count(text: str, kind: Callable[[str], bool]) -> int:
    return sum(map(kind, text))


def _is_mark(char: str) -> bool:
    return unicodedata.category(char)[0] == "P"


def _capitals(tokens: Sequence[Token]) -> int:
    return sum(token.text[:1].isupper() and not token.text.isupper() for token in tokens)


def confidence(sheet: Sheet, start: int, end: int) -> float:
    """The recognizer's least confidence in some words of the 1-best; `MISSING` where it tells none."""
    words = sheet.nbest.best.words
    if len(words) != len(sheet.base):
        return MISSING
    known = [word.confidence for word in words[start:end] if word.confidence is not None]
    return min(known, default=MISSING)


# Letters that sound alike have one sign (Soundex, and vowels apart); all others stay.
_SOUNDS = str.maketrans(
    "bfpvcgjkqsxzdtlmnraeiouyhw",
    "1111" + "22222222" + "33" + "4" + "55" + "6" + "00000000",
    "'",
)


def sound(text: str) -> str:
    """Signs of the sounds of a text in Latin letters, repeats left out; other letters as they are."""
    signs = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c)).translate(_SOUNDS)
    return "".join(c for i, c in enumerate(signs) if i == 0 or c != signs[i - 1])
