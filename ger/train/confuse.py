"""What recognizers confuse, learned from N-best lists with references.

The hypotheses of a list are aligned with its reference. A *site* is a stretch of the reference (or a gap between two of
its words) that at least one hypothesis has otherwise; overlapping ones are one site. Of each site three things are
kept: which words of the reference it covers, what was heard instead, and its *pattern*: which of the hypotheses are
right there and which of them say the same. Differences of case and punctuation only are none.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from ger.errors import InputError
from ger.evaluate.rates import Counts, word_counts
from ger.text.align import Op, diff
from ger.text.normalize import normalize
from ger.text.tokens import Token, join, tokenize
from ger.types import NBest

__all__ = ["LONGEST", "Confusions", "Pattern", "Site", "keys", "learn", "sites", "words_of"]

#: Words of the longest site that is kept; what is longer is mostly a reference that does not belong.
LONGEST = 4

#: For each hypothesis, best first: 0 where it is right, else the number of what it says, 1 for the first that occurs.
Pattern = tuple[int, ...]
#: Words without case and punctuation.
Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """A place where hypotheses differ from the reference.

    Attributes:
        start: First word of the reference.
        end: The one after the last; equal to `start` in a gap, before that word.
        said: What each different wrong hypothesis says there, in order.
        pattern: Which hypothesis says what.
    """

    start: int
    end: int
    said: tuple[str, ...]
    pattern: Pattern


@dataclass(slots=True)
class Confusions:
    """Counts of what was confused.

    Attributes:
        said: What was heard instead of some words, and how often; of no words, what was put in.
        sites: How often these words were a site.
        seen: How often these words stood in references; no words: the gaps.
        patterns: The patterns of the sites of each list that has any.
        spread: How much more than by chance the sites gather in some lists: the variance of the lists' own rates
            around 1.
        rows: Hypotheses of the lists, by number of lists.
        words: Words that occur, in references and hypotheses, as they are written.
        errors: Of the first hypotheses, without regard to case and punctuation.
    """

    said: dict[Words, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    sites: Counter[Words] = field(default_factory=Counter)
    seen: Counter[Words] = field(default_factory=Counter)
    patterns: list[tuple[Pattern, ...]] = field(default_factory=list)
    spread: float = 0.0
    rows: Counter[int] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)
    errors: Counts = field(default_factory=Counts)


def words_of(text: str) -> list[Token]:
    """The words of a text, without marks that stand alone."""
    return [token for token in tokenize(text) if _key(token.text)]


def keys(tokens: Iterable[Token]) -> list[str]:
    """The words as they are compared."""
    return [_key(token.text) for token in tokens]


#: The same words come again and again.
_key = lru_cache(maxsize=100_000)(normalize)


def learn(lists: Iterable[NBest]) -> Confusions:
    """Count what the hypotheses of lists confuse.

    Raises:
        InputError: a list has no reference, or there is no list with hypotheses.
    """
    made = Confusions()
    numbers: list[tuple[int, int]] = []
    for nbest in lists:
        if nbest.reference is None:
            raise InputError(f"List {nbest.id!r} has no reference.", "Confusions are learned from lists that have one.")
        if nbest.hypotheses:
            numbers.append(_add(made, words_of(nbest.reference), [words_of(h.text) for h in nbest.hypotheses]))
    if not numbers:
        raise InputError("There is no list with hypotheses to learn confusions from.", "Check the file of --like.")
    made.spread = _spread(numbers)
    return made


def _add(made: Confusions, reference: list[Token], hypotheses: list[list[Token]]) -> tuple[int, int]:
    """Take in a list; returns the words of its reference, and its sites."""
    words = keys(reference)
    made.errors += word_counts(words, keys(hypotheses[0]))
    made.rows[len(hypotheses)] += 1
    made.words.update(token.text for row in (reference, *hypotheses) for token in row)
    made.seen[()] += len(words) + 1
    for length in range(1, LONGEST + 1):
        made.seen.update(tuple(words[i : i + length]) for i in range(len(words) - length + 1))
    found = [site for site in sites(reference, hypotheses) if site.end - site.start <= LONGEST]
    for site in found:
        at = tuple(words[site.start : site.end])
        made.sites[at] += 1
        made.said[at].update(text for text in site.said if len(tokenize(text)) <= LONGEST)
    if found:
        made.patterns.append(tuple(site.pattern for site in found))
    return len(words), len(found)


def _spread(numbers: Sequence[tuple[int, int]]) -> float:
    """Variance of a list's rate of sites around the mean rate, by moments, as share of its square.

    With a rate that differs from list to list, the variance of the number is mean + spread mean^2 (negative binomial).
    """
    rate = sum(found for _, found in numbers) / max(1, sum(words for words, _ in numbers))
    means = [(rate * words, found) for words, found in numbers]
    square = sum(mean**2 for mean, _ in means)
    return max(0.0, sum((found - mean) ** 2 - mean for mean, found in means) / square) if square else 0.0


def sites(reference: Sequence[Token], hypotheses: Sequence[Sequence[Token]]) -> list[Site]:
    """The sites of a list, in order."""
    words = [token.text for token in reference]
    different = {tuple(token.text for token in row) for row in hypotheses}
    known = {row: diff(words, row, _key) for row in different}
    steps = [known[tuple(token.text for token in row)] for row in hypotheses]
    found = []
    for start, end in _joined(op.before for ops in steps for op in ops if _changed(op)):
        right = keys(reference[start:end])
        texts = [_said(ops, row, start, end) for ops, row in zip(steps, hypotheses, strict=True)]
        wrong = dict.fromkeys(text for text in texts if keys(words_of(text)) != right)
        numbers = {text: number for number, text in enumerate(wrong, 1)}
        found.append(Site(start, end, tuple(wrong), tuple(numbers.get(text, 0) for text in texts)))
    return found


def _changed(op: Op) -> bool:
    return op.tag not in ("equal", "form")


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges that overlap as one; a gap at the edge of a range stays by itself."""
    made: list[tuple[int, int]] = []
    for start, end in sorted(set(ranges)):
        if made and start < made[-1][1]:
            made[-1] = (made[-1][0], max(made[-1][1], end))
        else:
            made.append((start, end))
    return made


def _said(ops: Sequence[Op], row: Sequence[Token], start: int, end: int) -> str:
    """What a hypothesis has in the place of a range of the reference."""
    parts: list[Token] = []
    for op in ops:
        first, last = op.before
        if not _changed(op):
            low, high, shift = max(first, start), min(last, end), op.after[0] - first
            parts += row[low + shift : max(low, high) + shift]
        elif (first, last) == (start, end) or (first < end and last > start and (first < last or first > start)):
            parts += row[slice(*op.after)]
    return join(parts)
