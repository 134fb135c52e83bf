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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ger.errors import UsageError
from ger.io.output import write_atomic
from ger.io.paths import printable
from ger.io.toml import dumps_value, made_from, read_toml
from ger.text.form import marks
from ger.text.normalize import normalize
from ger.text.tokens import Token, join, spaced, spaceless, tokenize

__all__ = ["LONGEST", "NORMALIZERS", "REWRITES", "Rewrite", "Rewrites", "keys", "read_rewrites", "write_rewrites"]

#: Name of the column among the features, and of its weight.
REWRITES = "rewrites"

_SCHEMA = 1
_HINT = "Make one with `ger tune rewrites`."
_KEYS = ("schema", "kind", "normalizer", "threshold", "made", "rewrites")
#: How words can be compared.
NORMALIZERS = ("none", "basic")
#: Words of a phrase at most.
LONGEST = 4
#: A row without counts counts as so many of as many.
_ALWAYS = 99


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
        if not 0 < self.times <= self.of:
            raise UsageError(f"{phrase!r} was rewritten {self.times} times of {self.of}.", "Count again.")

    @property
    def probability(self) -> float:
        """How likely it is, below 1: its share, with one hypothesis more in which it was not said."""
        return self.times / (self.of + 1)


def keys(text: str, normalizer: str) -> tuple[str, ...]:
    """The words of a text, as they are compared."""
    return tuple(key for token in tokenize(text) if (key := normalize(token.text, normalizer)))


class Rewrites:
    """A table of rewrites.

    Args:
        rewrites: One for each phrase.
        normalizer: How words are compared: `none`, as they are written; `basic`, without case and punctuation, which
            new words then take over from what they replace.
        threshold: How likely a rewrite has to be where nothing else judges it.
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
            raise UsageError(f"Words cannot be rewritten under the normalizer {normalizer!r}.", "Use none or basic.")
        if not 0 < threshold <= 1:
            raise UsageError(f"The threshold is {threshold}.", "Use a probability, above 0 and at most 1.")
        self.normalizer, self.threshold, self.made = normalizer, threshold, dict(made or {})
        self._table: dict[tuple[str, ...], Rewrite] = {}
        for rewrite in rewrites:
            if self._table.setdefault(rewrite.heard, rewrite) is not rewrite:
                raise UsageError(f"The phrase {' '.join(rewrite.heard)!r} is there twice.", "Take one of them out.")

    def __len__(self) -> int:
        return len(self._table)

    def __iter__(self) -> Iterator[Rewrite]:
        return iter(self._table.values())

    @property
    def signature(self) -> str:
        """What identifies it."""
        return hashlib.sha256(_text(self, made=False).encode("utf-8", "backslashreplace")).hexdigest()[:8]

    def rewritten(self, text: str, least: float) -> tuple[str, list[Rewrite]]:
        """A text with the rewrites that are at least so likely, and these; empty where no word is left."""
        tokens = tokenize(text)
        places = self._places(tokens, least)
        for first, last, rewrite in reversed(places):
            tokens[first:last] = self._written(rewrite, tokens[first:last])
        return join(spaced(tokens)) if places else text, [rewrite for _, _, rewrite in places]

    def log_kept(self, text: str) -> float:
        """The logarithm of the probability that a text needs no rewrite, in nats."""
        return sum(math.log1p(-rewrite.probability) for _, _, rewrite in self._places(tokenize(text), 0.0))

    def _places(self, tokens: Sequence[Token], least: float) -> list[tuple[int, int, Rewrite]]:
        """First token, the one after the last, and rewrite: where two overlap the likelier, else the longer one."""
        words = [(i, key) for i, token in enumerate(tokens) if (key := normalize(token.text, self.normalizer))]
        row = tuple(key for _, key in words)
        there = []
        for first in range(len(row)):
            for last in range(first + 1, min(first + LONGEST, len(row)) + 1):
                rewrite = self._table.get(row[first:last])
                if rewrite is not None and rewrite.probability >= least:
                    there.append((first, last, rewrite))
        there.sort(key=lambda place: (-place[2].probability, place[0] - place[1], place[0]))
        taken: list[tuple[int, int, Rewrite]] = []
        for first, last, rewrite in there:
            if all(last <= start or end <= first for start, end, _ in taken):
                taken.append((first, last, rewrite))
        return sorted((words[first][0], words[last - 1][0] + 1, rewrite) for first, last, rewrite in taken)

    def _written(self, rewrite: Rewrite, heard: Sequence[Token]) -> list[Token]:
        """New words, between the marks and in the case of those that they replace where these do not count."""
        said = [Token(word, i > 0 and not spaceless(word)) for i, word in enumerate(rewrite.said)]
        if not said:
            return []
        if self.normalizer != "none":
            (before, _), (_, after) = marks(heard[0].text), marks(heard[-1].text)
            text = "".join(token.text for token in heard)
            if text.isupper() and len(text) > 1:
                said = [replace(token, text=token.text.upper()) for token in said]
            elif heard[0].text[len(before) :][:1].isupper():
                said[0] = replace(said[0], text=said[0].text[:1].upper() + said[0].text[1:])
            said[0] = replace(said[0], text=before + said[0].text)
            said[-1] = replace(said[-1], text=said[-1].text + after)
        return [replace(said[0], spaced=heard[0].spaced), *said[1:]]


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
        "# How likely a rewrite has to be where nothing else judges it.",
        f"threshold = {dumps_value(rewrites.threshold)}",
        "# What was heard, what was said, in how many hypotheses, of how many.",
        "rewrites = [",
        *(f"  {dumps_value([' '.join(one.heard), ' '.join(one.said), one.times, one.of])}," for one in rewrites),
        "]",
    ]
    if made and rewrites.made:
        rows += ["", "# How it came about.", "[made]"]
        rows += [f"{dumps_value(key)} = {dumps_value(value)}" for key, value in rewrites.made.items()]
    return "\n".join(rows) + "\n"


def read_rewrites(path: Path) -> Rewrites:
    """Read a table.

    Raises:
        InputError: the file cannot be read or is no such table; names the file.
    """
    return made_from(
        read_toml(path, _HINT),
        _made,
        name=printable(path),
        kind=REWRITES,
        what="table of rewrites",
        schema=_SCHEMA,
        keys=_KEYS,
        hint=_HINT,
    )


def _made(value: Mapping[str, Any]) -> Rewrites:
    normalizer = str(value.get("normalizer", "none"))
    if normalizer not in NORMALIZERS:
        raise UsageError(f"Words cannot be rewritten under the normalizer {normalizer!r}.", "Use none or basic.")
    return Rewrites(
        [_row(row, normalizer) for row in value["rewrites"]],
        normalizer,
        float(value.get("threshold", 0.5)),
        dict(value.get("made", {})),
    )


def _row(row: Any, normalizer: str) -> Rewrite:
    match row:
        case [str(heard), str(said)] | [str(heard), str(said), int(), int()]:
            return Rewrite(keys(heard, normalizer), tuple(token.text for token in tokenize(said)), *row[2:])
    raise UsageError(f"{dumps_value(row)} is no rewrite.", 'Write ["heard", "said"], and both counts behind if known.')
