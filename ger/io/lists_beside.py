"""Files that a file of lists needs beside it: words by number, costs, a manifest."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ger.errors import RecordError
from ger.io.lists_text import Source, opened
from ger.io.paths import printable

__all__ = ["Beside", "Symbols", "found"]

_Path = str | os.PathLike[str]

_NUMBER = re.compile(r"\d+")
_SILENT = re.compile(r"<eps>|<s>|</s>|#\d+")
#: Labels that say nothing, whether labels are numbers or words.
_NOTHING = ("0", "<eps>")


@dataclass(frozen=True, slots=True)
class Beside:
    """What is read besides a file of lists, and how lattices become lists.

    Attributes:
        words: Words and their numbers, such as Kaldi's `words.txt`; looked for in the folder of the lists, as all of
            the following are.
        lm_cost: Kaldi's costs of the language model (graph) by key.
        ac_cost: Kaldi's acoustic costs by key.
        manifest: The manifest that NeMo has decoded.
        count: How many texts of a lattice are listed.
        acoustic_scale: What Kaldi's acoustic scores are multiplied by where hypotheses are ranked, as with Kaldi's
            `--acoustic-scale`; lattices of most recipes are meant for about 0.1.
        target: The language that lists are translations into where they do not say what they are; empty for
            transcripts.
    """

    words: _Path | None = None
    lm_cost: _Path | None = None
    ac_cost: _Path | None = None
    manifest: _Path | None = None
    count: int = 10
    acoustic_scale: float = 1.0
    target: str = ""


def found(source: Source, given: _Path | None, names: Sequence[str]) -> Path | None:
    """A file that was given, or else lies in the folder of a source under one of some names."""
    if given is not None:
        return Path(given)
    if source.folder is None:
        return None
    return next((path for name in names if (path := source.folder / name).is_file()), None)


class Symbols:
    """Labels as words: labels that are numbers are looked up in a table.

    Whether labels are numbers is decided by the first one that says something.

    Args:
        source: The file with the labels.
        words: The table, if it was given.
    """

    def __init__(self, source: Source, words: _Path | None) -> None:
        self._source, self._words = source, words
        self._table: dict[str, str] | None = None

    def word(self, label: str, line: int) -> str:
        """The word of a label; empty for what is not spoken, such as `<eps>` and `</s>`.

        Raises:
            InputError: labels are numbers, and there is no table of them, or it is none, or has no such number.
        """
        if self._table is None:
            if label in _NOTHING:
                return ""
            self._table = self._read() if _NUMBER.fullmatch(label) else {}
        if self._table and label not in _NOTHING:
            if label not in self._table:
                raise RecordError(
                    f"{self._source.name}, line {line}: no word has the number {label}.",
                    "Give the words.txt of the model that made the file.",
                )
            label = self._table[label]
        return "" if _SILENT.fullmatch(label) or (self._table and label == "0") else label

    def _read(self) -> dict[str, str]:
        path = found(self._source, self._words, ["words.txt"])
        if path is None:
            raise RecordError(
                f"{self._source.name}: words are numbers, and there is no words.txt beside it.",
                "Copy the words.txt of the language folder or the graph there.",
            )
        table: dict[str, str] = {}
        with opened(path) as source:
            for number, line in source.lines():
                fields = line.split()
                if fields and (len(fields) != 2 or not _NUMBER.fullmatch(fields[1])):
                    raise RecordError(f"{source.name}, line {number}: expected a word and its number.", "Check it.")
                if fields:
                    table[fields[1]] = fields[0]
        if not table:
            raise RecordError(f"{printable(path)} holds no words.", "Check the file.")
        return table
