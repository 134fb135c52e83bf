"""Errors shown word under word, as sclite shows them."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator

from rapidfuzz.distance import Levenshtein

from ger.evaluate.rates import Counts, word_counts
from ger.evaluate.sources import Item

__all__ = ["aligned", "alignments"]


def aligned(reference: str, hypothesis: str, width: int = 100) -> str:
    """Reference and hypothesis word under word, in blocks of lines.

    Where a word is missing on one side, stars stand; below each difference stands S (another word), D (missing) or I
    (too much).

    Args:
        reference: What was said.
        hypothesis: What was recognized.
        width: Columns of the terminal.
    """
    blocks = []
    rows: tuple[list[str], list[str], list[str]] = ([], [], [])
    used = 6
    for column in _columns(reference.split(), hypothesis.split()):
        size = max(map(_width, column))
        if used + size > width and rows[0]:
            blocks.append(_block(rows))
            rows, used = ([], [], []), 6
        for row, word in zip(rows, column, strict=True):
            row.append(word + " " * (size - _width(word)))
        used += size + 1
    return "\n\n".join([*blocks, _block(rows)])


def alignments(items: list[Item], normalize: Callable[[str], str]) -> Iterator[str]:
    """Every utterance that has errors: its id, its counts and the alignment."""
    for item in items:
        reference, hypothesis = normalize(item.reference), normalize(item.hypothesis)
        counts = word_counts(reference.split(), hypothesis.split())
        if counts.errors:
            yield f"{item.id} {_counts(counts)}\n{aligned(reference, hypothesis)}\n"


def _counts(counts: Counts) -> str:
    return f"(#C {counts.hits} #S {counts.substitutions} #D {counts.deletions} #I {counts.insertions})"


def _columns(reference: list[str], hypothesis: list[str]) -> Iterator[tuple[str, str, str]]:
    """Word of the reference, word of the hypothesis, and what is wrong."""
    for code in Levenshtein.opcodes(reference, hypothesis):
        left, right = reference[code.src_start : code.src_end], hypothesis[code.dest_start : code.dest_end]
        if code.tag == "delete":
            yield from ((word, "*" * _width(word), "D") for word in left)
        elif code.tag == "insert":
            yield from (("*" * _width(word), word, "I") for word in right)
        else:
            mark = "" if code.tag == "equal" else "S"
            yield from ((a, b, mark) for a, b in zip(left, right, strict=True))


def _block(rows: tuple[list[str], list[str], list[str]]) -> str:
    return "\n".join(
        f"{name} {' '.join(row)}".rstrip() for name, row in zip(("REF: ", "HYP: ", "EVAL:"), rows, strict=True)
    )


def _width(word: str) -> int:
    """Columns that a word takes on a terminal."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in word
    )
