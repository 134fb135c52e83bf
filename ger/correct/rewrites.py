"""Rewrites: what a recognizer writes again and again where something else was said.

A table of phrases, learned from lists with references: where a hypothesis has `fairs`, `fares` was said, 56 times of
57. This is statistical post-editing (Simard et al. 2007) in its plainest form: the most frequent translation of
each phrase, without reordering.

The file is TOML, a row for each phrase, and can be written by hand::

    schema = 1
    kind = "rewrites"
    rewrites = [
      ["fairs", "fares", 56, 57],
      ["kubernetis", "kubernetes"],
    ]
"""

from __future__ import annotations

import hashlib
import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from ger.errors import UsageError
from ger.io.output import write_atomic
from ger.io.toml import dumps_value, read_made, table_rows
from ger.registry import suggest
from ger.text.normalize import normalize
from ger.text.tokens import Token, join, spaced, tokenize

__all__ = [
    "LONGEST",
    "REWRITES",
    "Rewrite",
    "Rewrites",
    "bare",
    "keys",
    "read_rewrites",
    "said_there",
    "write_rewrites",
]

#: Name of the column among the features, and of its weight.
REWRITES = "rewrites"
#: How words can be compared.
NORMALIZERS = ("none", "basic")
#: Words of a phrase at most.
LONGEST = 4

_SCHEMA = 1
_HINT = "Make one with `ger tune rewrites`."
_KEYS = ("schema", "kind", "normalizer", "threshold", "made", "rewrites")
#: A row without counts counts as so many of as many.
_ALWAYS = 99
#: More than anybody counts; so probabilities stay below 1.
_MOST = 10**9
#: What ends a sentence or a part of it.
_ENDS, _STOPS = ".?!…", ".?!…:;"


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What was said in place of a phrase.

    Attributes:
        heard: Words of the phrase, 1 to `LONGEST`.
        said: What was said; no words where nothing was.
        times: How often, counted in hypotheses.
        of: How often the phrase was heard.

    Raises:
        UsageError: the phrase has no words or too many, or the counts are impossible.
    """

    heard: tuple[str, ...]
    said: tuple[str, ...]
    times: int = _ALWAYS
    of: int = _ALWAYS

    def __post_init__(self) -> None:
        phrase = " ".join(self.heard)
        if not 0 < len(self.heard) <= LONGEST:
            raise UsageError(f"The phrase {phrase!r} has {len(self.heard)} words.", f"Use 1 to {LONGEST}.")
        if not 0 < self.times <= self.of <= _MOST:
            raise UsageError(f"{phrase!r} was rewritten {self.times} times of {self.of}.", "Count again.")

    @property
    def probability(self) -> float:
        """How likely it is, below 1: its share, with one hypothesis more in which it was not said."""
        return self.times / (self.of + 1)


class _Place(NamedTuple):
    """First token, the one after the last, and what becomes of them."""

    first: int
    last: int
    rewrite: Rewrite

    def overlaps(self, other: _Place) -> bool:
        return self.first < other.last and other.first < self.last


def keys(text: str, normalizer: str) -> tuple[str, ...]:
    """The words of a text, as they are compared."""
    return tuple(key for token in tokenize(text) if (key := normalize(token.text, normalizer)))


def bare(word: str) -> str:
    """A word without the marks around it."""
    before, after = _marks(word)
    return word[len(before) : len(word) - len(after)]


def said_there(row: Sequence[str], first: int, last: int, said: Sequence[str]) -> bool:
    """Whether a phrase stands where what was said for it is written already, as `los` in `los angeles`."""
    length = last - first
    return any(
        tuple(said[i : i + length]) == tuple(row[first:last])
        and tuple(row[first - i : first - i + len(said)]) == tuple(said)
        for i in range(min(first, len(said) - length) + 1)
    )


class Rewrites:
    """A table of rewrites.

    Args:
        rewrites: One for each phrase.
        normalizer: How words are compared: `none`, as they are written; `basic`, without case and punctuation, which
            new words then take over from what they replace.
        threshold: How likely a rewrite has to be where nothing else judges it; at 1 none is.
        made: How the table came about. Not used.

    Raises:
        UsageError: a phrase is there twice, or something is out of its range.
    """

    def __init__(
        self,
        rewrites: Iterable[Rewrite],
        normalizer: str = "none",
        threshold: float = 0.5,
        made: Mapping[str, Any] | None = None,
    ) -> None:
        if normalizer not in NORMALIZERS:
            hint = suggest(normalizer, NORMALIZERS)
            raise UsageError(f"Words cannot be rewritten under the normalizer {normalizer!r}.", hint)
        if not 0 < threshold <= 1:
            raise UsageError(f"The threshold is {threshold}.", "Use a probability, above 0 and at most 1.")
        self.normalizer, self.threshold, self.made = normalizer, threshold, dict(made or {})
        self._table: dict[tuple[str, ...], tuple[Rewrite, tuple[str, ...]]] = {}
        for rewrite in rewrites:
            if rewrite.heard in self._table:
                raise UsageError(f"The phrase {' '.join(rewrite.heard)!r} is there twice.", "Take one of them out.")
            self._table[rewrite.heard] = rewrite, tuple(normalize(word, normalizer) for word in rewrite.said)

    def __len__(self) -> int:
        return len(self._table)

    def __iter__(self) -> Iterator[Rewrite]:
        return (rewrite for rewrite, _ in self._table.values())

    @cached_property
    def signature(self) -> str:
        """What identifies it."""
        return hashlib.sha256(_text(self, made=False).encode("utf-8", "backslashreplace")).hexdigest()[:8]

    def rewritten(self, text: str, least: float) -> tuple[str, list[Rewrite]]:
        """A text with the rewrites that are at least so likely, and these; empty where no word is left."""
        return self.at_levels(text, [least])[0]

    def at_levels(self, text: str, levels: Sequence[float]) -> list[tuple[str, list[Rewrite]]]:
        """The same for several likelihoods."""
        tokens = tokenize(text)
        there = self._there(tokens)
        return [self._made(text, [*tokens], _apart(there, least)) for least in levels]

    def _made(self, text: str, tokens: list[Token], places: Sequence[_Place]) -> tuple[str, list[Rewrite]]:
        for first, last, rewrite in reversed(places):
            words = list(rewrite.said)
            if self.normalizer != "none":
                if words:
                    words = _styled(words, tokens[first], tokens[last - 1], shouted=text.isupper())
                else:
                    _hand_over(tokens, first, last)
            tokens[first:last] = [Token(word, i == 0 and tokens[first].spaced) for i, word in enumerate(words)]
        if not places:
            return text, []
        made = join(spaced(tokens))
        return made if normalize(made) else "", [rewrite for _, _, rewrite in places]

    def log_kept(self, text: str) -> float:
        """The logarithm of the probability that a text needs no rewrite, in nats."""
        return sum(math.log1p(-rewrite.probability) for _, _, rewrite in _apart(self._there(tokenize(text)), 0.0))

    def _there(self, tokens: Sequence[Token]) -> list[_Place]:
        """All that could be rewritten, the likelier and the longer ones first."""
        words = [(i, key) for i, token in enumerate(tokens) if (key := normalize(token.text, self.normalizer))]
        row = tuple(key for _, key in words)
        there = []
        for first in range(len(row)):
            for last in range(first + 1, min(first + LONGEST, len(row)) + 1):
                rewrite, said = self._table.get(row[first:last], (None, ()))
                if rewrite is None or said_there(row, first, last, said):
                    continue
                start, end = words[first][0], words[last - 1][0] + 1
                if self._together(tokens[start:end]):
                    there.append((-rewrite.probability, first - last, _Place(start, end, rewrite)))
        return [place for *_, place in sorted(there, key=lambda item: (*item[:2], item[2].first))]

    def _together(self, tokens: Sequence[Token]) -> bool:
        """Whether nothing ends between words whose marks do not count."""
        return self.normalizer == "none" or not any(
            _marks(token.text)[1][-1:] in tuple(_STOPS) or not normalize(token.text) for token in tokens[:-1]
        )


def _apart(there: Sequence[_Place], least: float) -> list[_Place]:
    """Those that are at least so likely and do not overlap, of two that do the first one; in order of the text."""
    taken: list[_Place] = []
    for place in there:
        if place.rewrite.probability >= least and not any(place.overlaps(other) for other in taken):
            taken.append(place)
    return sorted(taken, key=lambda place: place.first)


def _styled(said: Sequence[str], first: Token, last: Token, *, shouted: bool) -> list[str]:
    """New words, between the marks and in the case of those from a first to a last one that they replace."""
    (before, _), (_, after) = _marks(first.text), _marks(last.text)
    words = [word.upper() for word in said] if shouted else list(said)
    if _capital(first) and words[0].islower():
        words[0] = _begun(words[0])
    words[0] = before + words[0]
    words[-1] += "" if words[-1].endswith(after) else after
    return words


def _hand_over(tokens: list[Token], first: int, last: int) -> None:
    """What words that are taken out leave to those beside them.

    A mark that ends the sentence goes to the word before; what opens, and a capital that begins the sentence, to the
    word behind.
    """
    (before, _), (_, after) = _marks(tokens[first].text), _marks(tokens[last - 1].text)
    begins = not first or tokens[first - 1].text[-1:] in tuple(_ENDS) or bool(before)
    if last < len(tokens):
        word = _begun(tokens[last].text) if begins and _capital(tokens[first]) else tokens[last].text
        tokens[last] = replace(tokens[last], text=before + word)
    if first and after[-1:] in tuple(_ENDS) and tokens[first - 1].text[-1:] not in tuple(_ENDS):
        tokens[first - 1] = replace(tokens[first - 1], text=tokens[first - 1].text.rstrip(",;:") + after)


def _capital(token: Token) -> bool:
    """Whether a word begins with a capital, behind its marks."""
    return bare(token.text)[:1].isupper()


def _begun(word: str) -> str:
    return word[:1].upper() + word[1:]


def _marks(word: str) -> tuple[str, str]:
    """The marks before and after a word; all of it is before where it is nothing else."""
    inside = [i for i, char in enumerate(word) if unicodedata.category(char)[0] not in "PS"]
    return (word[: inside[0]], word[inside[-1] + 1 :]) if inside else (word, "")


def write_rewrites(path: Path, rewrites: Rewrites) -> None:
    """Write a table as TOML.

    Raises:
        OutputError: the file cannot be written.
    """
    write_atomic(path, _text(rewrites))


def _text(rewrites: Rewrites, *, made: bool = True) -> str:
    rows = [
        f"schema = {_SCHEMA}",
        f'kind = "{REWRITES}"',
        "# How words are compared.",
        f"normalizer = {dumps_value(rewrites.normalizer)}",
        "# How likely a rewrite has to be where nothing else judges it; at 1 none is.",
        f"threshold = {dumps_value(rewrites.threshold)}",
        "# What was heard, what was said, in how many hypotheses, of how many.",
        "rewrites = [",
        *(f"  {dumps_value([' '.join(one.heard), ' '.join(one.said), one.times, one.of])}," for one in rewrites),
        "]",
    ]
    if made and rewrites.made:
        rows += table_rows("How it came about.", "made", rewrites.made)
    return "\n".join(rows) + "\n"


def read_rewrites(path: Path) -> Rewrites:
    """Read a table.

    Raises:
        InputError: the file cannot be read or is no such table; names the file.
    """
    return read_made(path, _made, kind=REWRITES, what="table of rewrites", schema=_SCHEMA, keys=_KEYS, hint=_HINT)


def _made(value: Mapping[str, Any]) -> Rewrites:
    threshold = value.get("threshold", 0.5)
    if type(threshold) not in (int, float):
        raise TypeError(f"threshold is {threshold!r}")
    normalizer = str(value.get("normalizer", "none"))
    Rewrites((), normalizer)  # says what is wrong with it
    return Rewrites(
        [_row(row, normalizer) for row in value["rewrites"]], normalizer, threshold, dict(value.get("made", {}))
    )


def _row(row: Any, normalizer: str) -> Rewrite:
    match row:
        case [str(heard), str(said), *counts] if list(map(type, counts)) in ([], [int, int]):
            return Rewrite(keys(heard, normalizer), tuple(token.text for token in tokenize(said)), *counts)
    raise UsageError(f"{dumps_value(row)} is no rewrite.", 'Write ["heard", "said"], and both counts behind if known.')
