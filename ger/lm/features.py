"""What is known about every hypothesis of every list, as numbers: the table that weights are applied to and tuned on.

| column | value for a hypothesis |
| --- | --- |
| `acoustic` | the recognizer's score (nats), of several recognizers see `acoustic()`; 0 in a list that lacks any |
| `biased` | how many nats likelier it is when the recognizer is told hotwords (`biased_score`), else 0 |
| `rank` | minus the logarithm of the position, in lists that lack scores; else 0 |
| a language model's name | log p(text, end of text, given the context) (nats); 0 where all texts are alike |
| `words`, `chars` | number of words, of characters without white space |
| `repeats` | number of words at which it has said the last four before: recognizers and language models like loops |
| `agree` | minus the mean word distance to the hypotheses of the list |
| `votes` | logarithm of the share of hypotheses that say the same |
| `added` | 1 for a text that was added to the list: put together of others (`crossed`), or written by a generator |
| `rewrites` | log p of the rewrites in it and of none in the rest (nats), see `ger.correct.rewriting` |
| `system:NAME` | minus the word distance to what that system says |

Weighted together they are a log-linear model; a negative weight of a language model subtracts it, as the density ratio
method does with a model of the recognizer's own training text (McDermott et al. 2019).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ger.errors import ModelError, UsageError
from ger.protocols import LanguageModel, ScoreRequest
from ger.registry import suggest
from ger.text.form import Form, apply
from ger.text.normalize import normalize
from ger.text.tokens import tokenize
from ger.types import Hypothesis, NBest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = [
    "AGREE_WITH",
    "OWN",
    "SOURCE",
    "Features",
    "ListJudge",
    "acoustic",
    "allowed",
    "check",
    "compute",
    "system_columns",
    "with_crossed",
]

#: Columns that need no language model.
OWN = ("acoustic", "biased", "rank", "words", "chars", "repeats", "agree", "votes", "added")

#: Agreement is measured with this many hypotheses at most, the first ones.
AGREE_WITH = 100

#: So many words in a row that are said again are a repetition.
_RUN = 4

#: Scores from here on, infinity among them, are no log-probabilities.
_ABSURD = 1e100

_SYSTEM = "system:"

#: In `extra` of an added text: the number, from 0, of the one that it was made of.
SOURCE = "source"


@dataclass(frozen=True, slots=True)
class Features:
    """Feature values of lists.

    Attributes:
        names: Names of the columns, such as `acoustic`, `lm`, `words`, `rank`.
        values: One array a list, shape `(hypotheses, len(names))`; a list without hypotheses has no rows.
        allowed: One array a list, shape `(hypotheses,)`: which may be chosen. The first always may.
    """

    names: tuple[str, ...]
    values: Sequence[npt.NDArray[np.float64]]
    allowed: Sequence[npt.NDArray[np.bool_]]


@runtime_checkable
class ListJudge(Protocol):
    """A language model that judges the texts of a list knowing all of it."""

    def score_lists(self, lists: Sequence[NBest]) -> list[list[float]]:
        """A score for every hypothesis of every list, in nats.

        Raises:
            ModelError: the model broke.
        """
        ...


def compute(
    lists: Sequence[NBest],
    names: Sequence[str],
    lms: Mapping[str, LanguageModel],
    *,
    form: Form = "sentence",
    min_length: float = 0.0,
    prefixes: Sequence[str] | None = None,
) -> Features:
    """The table of some columns for lists.

    Args:
        lists: The lists.
        names: The columns, of `OWN`, `system:NAME`, and names of language models.
        lms: The language models by name.
        form: Written form in which they read the hypotheses; one with a form of its own (attribute `form`) keeps it.
        min_length: Share of the words of the first hypothesis that another must have to be allowed.
        prefixes: What language models read before the hypotheses of each list.

    Raises:
        ModelError: a language model broke, or a score is not a finite number.
        UsageError: there is no column of some name.
    """
    import numpy as np

    check(names, lms)
    columns = [_column(name, lists, lms, form, prefixes or [""] * len(lists)) for name in names]
    values = []
    for i, nbest in enumerate(lists):
        rows = np.array([column[i] for column in columns], dtype=np.float64).reshape(len(names), len(nbest.hypotheses))
        values.append(np.ascontiguousarray(rows.T))
    return Features(tuple(names), values, [np.array(allowed(nbest, min_length), dtype=bool) for nbest in lists])


def check(names: Iterable[str], lms: Iterable[str]) -> None:
    """See that there are columns of these names, with language models of those.

    Raises:
        UsageError: there is no column of some name.
    """
    known = [*OWN, f"{_SYSTEM}NAME", *lms]
    if unknown := next((name for name in names if name not in known and not name.startswith(_SYSTEM)), None):
        raise UsageError(f"There is no feature and no language model called {unknown!r}.", suggest(unknown, known))


def allowed(nbest: NBest, min_length: float) -> list[bool]:
    """Which hypotheses may be chosen: the first, and those that have words and not far fewer than it."""
    counts = [len(tokenize(h.text)) for h in nbest.hypotheses]
    return [
        i == 0 or (counts[i] >= min_length * counts[0] and bool(normalize(h.text)))
        for i, h in enumerate(nbest.hypotheses)
    ]


def acoustic(nbest: NBest) -> list[float] | None:
    """The acoustic scores where every hypothesis has one, else what the recognizer ranks by; never a mixture.

    What it ranks by goes first where every hypothesis has a score of the recognizer's own language model: acoustic
    scores alone would forget that, and those of classical recognizers are larger than others by their language weight.

    A score that is no number, or beyond any probability (1e100), is not there. Scores of different systems cannot be
    compared: in a list of several, a hypothesis has the logarithm of its share in the list of its own system. Texts
    that were added to the list (`added` in `extra`) take the score of the hypothesis that they were made of, where
    that is known, else the lowest.
    """
    own = [h for h in nbest.hypotheses if not h.extra.get("added")]
    added = nbest.hypotheses[len(own) :]
    systems = [h.extra.get("system") for h in own]
    known = _of_one(own) if len(set(systems)) < 2 else _of_several(own, systems)
    return known and known + [known[i] if (i := _source(h, len(own))) is not None else min(known) for h in added]


def _source(hypothesis: Hypothesis, own: int) -> int | None:
    """The number of the listed hypothesis that an added text was made of; `None` for others."""
    number = hypothesis.extra.get(SOURCE) if hypothesis.extra.get("added") else None
    return number if isinstance(number, int) and 0 <= number < own else None


def _of_one(hypotheses: Sequence[Hypothesis]) -> list[float] | None:
    combined = all(h.lm_score is not None and h.score is not None for h in hypotheses)
    for read in (_score, _acoustic_score) if combined else (_acoustic_score, _score):
        known = [score for h in hypotheses if (score := read(h)) is not None and abs(score) < _ABSURD]
        if known and len(known) == len(hypotheses):
            return known
    return None


def _of_several(hypotheses: Sequence[Hypothesis], systems: Sequence[object]) -> list[float] | None:
    """Logarithms of shares; a system without scores has them by position, and without any score there is nothing."""
    shares = [0.0] * len(hypotheses)
    scored = False
    for system in dict.fromkeys(systems):
        places = [i for i, other in enumerate(systems) if other == system]
        scores = _of_one([hypotheses[i] for i in places])
        scored = scored or scores is not None
        scores = scores or [-math.log(position) for position in range(1, len(places) + 1)]
        total = max(scores) + math.log(sum(math.exp(score - max(scores)) for score in scores))
        for i, score in zip(places, scores, strict=True):
            shares[i] = score - total
    return shares if scored else None


def _acoustic_score(hypothesis: Hypothesis) -> float | None:
    return hypothesis.acoustic_score


def _score(hypothesis: Hypothesis) -> float | None:
    return hypothesis.score


def system_columns(lists: Sequence[NBest]) -> tuple[str, ...]:
    """A column for each system that the hypotheses name, in order of appearance."""
    names = dict.fromkeys(h.extra.get("system") for nbest in lists for h in nbest.hypotheses)
    return tuple(f"{_SYSTEM}{name}" for name in names if isinstance(name, str))


_Column = list[list[float]]


def _column(
    name: str, lists: Sequence[NBest], lms: Mapping[str, LanguageModel], form: Form, prefixes: Sequence[str]
) -> _Column:
    if name in lms:
        return _lm(lms[name], lists, form, prefixes)
    if name.startswith(_SYSTEM):
        return [_distances(nbest, lambda h: h.extra.get("system") == name.removeprefix(_SYSTEM)) for nbest in lists]
    return [_COLUMNS[name](nbest) for nbest in lists]


def _lm(lm: LanguageModel, lists: Sequence[NBest], form: Form, prefixes: Sequence[str]) -> _Column:
    form = getattr(lm, "form", form)
    texts = [tuple(apply(h.text, form) for h in nbest.hypotheses) for nbest in lists]
    told = [i for i, row in enumerate(texts) if len(set(row)) > 1]  # others need no choice
    if isinstance(lm, ListJudge):
        scored = lm.score_lists([lists[i] for i in told])
    else:
        scored = lm.score([ScoreRequest(texts[i], prefixes[i]) for i in told]) if told else []
    scores = [[0.0] * len(row) for row in texts]
    for i, row in zip(told, scored, strict=True):
        scores[i] = row
        for hypothesis, score in zip(lists[i].hypotheses, row, strict=True):
            if not math.isfinite(score):
                said = hypothesis.text[:60]
                raise ModelError(f"The language model's score of {said!r} is {score}.", "Use another precision.")
    return scores


def _acoustic(nbest: NBest) -> list[float]:
    return acoustic(nbest) or [0.0] * len(nbest.hypotheses)


def _biased(nbest: NBest) -> list[float]:
    own = [h for h in nbest.hypotheses if not h.extra.get("added")]
    gained = [told - h.acoustic_score for h in own if h.acoustic_score is not None and (told := _told(h)) is not None]
    if not own or len(gained) < len(own):
        return [0.0] * len(nbest.hypotheses)
    return gained + [min(gained)] * (len(nbest.hypotheses) - len(own))


def _told(hypothesis: Hypothesis) -> float | None:
    score = hypothesis.extra.get("biased_score")
    return score if isinstance(score, float) and abs(score) < _ABSURD else None


def _rank(nbest: NBest) -> list[float]:
    if acoustic(nbest) is not None:
        return [0.0] * len(nbest.hypotheses)
    own = sum(not h.extra.get("added") for h in nbest.hypotheses)
    positions = [i if (i := _source(h, own)) is not None else n for n, h in enumerate(nbest.hypotheses)]
    return [-math.log(position + 1) for position in positions]


def _words(nbest: NBest) -> list[float]:
    return [float(len(tokenize(h.text))) for h in nbest.hypotheses]


def _chars(nbest: NBest) -> list[float]:
    return [float(sum(len(token.text) for token in tokenize(h.text))) for h in nbest.hypotheses]


def _repeats(nbest: NBest) -> list[float]:
    return [float(_repeated(_compared(h.text))) for h in nbest.hypotheses]


def _repeated(words: tuple[str, ...]) -> int:
    runs = [words[i : i + _RUN] for i in range(len(words) - _RUN + 1)]
    return len(runs) - len(set(runs))


def _agree(nbest: NBest) -> list[float]:
    return _distances(nbest, lambda h: not h.extra.get("added"))


def _votes(nbest: NBest) -> list[float]:
    texts = [normalize(h.text) for h in nbest.hypotheses]
    voters = [text for text, h in zip(texts, nbest.hypotheses, strict=True) if not h.extra.get("added")]
    return [math.log((voters.count(text) or 0.5) / len(voters)) for text in texts]


def _added(nbest: NBest) -> list[float]:
    return [float(bool(h.extra.get("added"))) for h in nbest.hypotheses]


def _compared(text: str) -> tuple[str, ...]:
    """The words without case and punctuation."""
    return tuple(token.text for token in tokenize(normalize(text)))


_COLUMNS: dict[str, Callable[[NBest], list[float]]] = {
    "acoustic": _acoustic,
    "biased": _biased,
    "rank": _rank,
    "words": _words,
    "chars": _chars,
    "repeats": _repeats,
    "agree": _agree,
    "votes": _votes,
    "added": _added,
}


def _distances(nbest: NBest, counts: Callable[[Hypothesis], bool]) -> list[float]:
    """Minus the mean number of word edits to the hypotheses that count; 0 where none does."""
    from rapidfuzz.distance import Levenshtein

    texts = [_compared(h.text) for h in nbest.hypotheses]
    others = [text for text, h in zip(texts, nbest.hypotheses, strict=True) if counts(h)][:AGREE_WITH]
    if not others:
        return [0.0] * len(texts)
    known: dict[tuple[str, ...], float] = {}
    for text in texts:
        if text not in known:
            known[text] = -sum(Levenshtein.distance(text, other) for other in others) / len(others)
    return [known[text] for text in texts]


def with_crossed(nbest: NBest, texts: Sequence[str]) -> NBest:
    """The list with texts put together of parts of its hypotheses behind them."""
    made = tuple(Hypothesis(text, extra={"added": "crossed"}) for text in texts)
    return replace(nbest, hypotheses=nbest.hypotheses + made)
