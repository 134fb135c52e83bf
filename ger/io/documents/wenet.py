"""WeNet's comparison with references: blocks of `utt:`, `WER:`, `lab:` and `rec:`, aligned words one above the other,
and rates over all of them at the end.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ger.errors import InputError
from ger.io.documents.core import Change, Document, Unit, decoded, joined, lines_of
from ger.io.documents.items import Items
from ger.io.lists_text import Ids
from ger.types import Word

__all__ = ["Wenet", "read"]

_ROW = re.compile(r"(utt|WER|lab|rec)(?:\(.*?\))?: ?")
_KINDS = ("N", "C", "S", "D", "I")
_RATE = re.compile(r"(WER:|(\S+) ->) +[\d.]+ % " + " ".join(rf"{kind}=(?P<{kind}>\d{{1,15}})" for kind in _KINDS))
_PADDED = re.compile(r"_( |$)")
#: Signs that do not count where a word is put down to a script, and the scripts.
_ANY = "&'@℃=.-_#+;"
_SCRIPTS = {
    "CJK UNIFIED": "Mandarin",
    "CJK COMPATIBILITY": "Mandarin",
    "LATIN CAPITAL": "English",
    "LATIN SMALL": "English",
    "HIRAGANA LETTER": "Japanese",
    "DIGIT": "Number",
}
#: Names of rates whose words are known.
_NAMES = {"Overall", "Other", *_SCRIPTS.values()}

#: A word of the reference and one of the hypothesis; empty where there is none.
_Pair = tuple[str, str]


@dataclass(slots=True)
class _Block:
    """An utterance and the numbers of its lines, from 0."""

    id: str
    line: int
    rate: int | None = None
    labs: list[int] = field(default_factory=list)
    recs: list[int] = field(default_factory=list)


class Wenet(Document):
    """See the top of this file and `ger.io.documents.core.Document`.

    `rec` is the text, `lab` the reference. A changed utterance is aligned and counted anew, and so are the rates of all
    and of scripts (`Overall`, `English` …); those of word classes of one's own stay.

    Raises:
        InputError: an utterance has no `rec`, lines are in another order, or one belongs to none; names the line.
    """

    format = "wenet"

    def __init__(self, raw: bytes, name: str) -> None:
        text, self._encode = decoded(raw, name)
        self._lines = [line for _, _, line in lines_of(text)]
        self._blocks = _blocks(self._lines, name)
        rows = [i for block in self._blocks for i in (*block.labs, *block.recs)]
        self._pad = "_" if any(_PADDED.search(_said(self._lines[i])) for i in rows) else " "
        self._labs = [self._words(block.labs) for block in self._blocks]
        self._recs = [Items(self._words(block.recs)) for block in self._blocks]
        self.units = tuple(
            Unit(block.id, tuple(map(Word, rec.texts)), closed=True, reference=joined(lab))
            for block, lab, rec in zip(self._blocks, self._labs, self._recs, strict=True)
        )

    def _words(self, rows: Sequence[int]) -> list[str]:
        words = [word for i in rows for word in _said(self._lines[i]).split()]
        return words if self._pad == " " else [bare for word in words if (bare := word.rstrip(self._pad))]

    def _written(self, changes: Mapping[int, Sequence[Change]]) -> bytes:
        lines, more = list(self._lines), Counter[tuple[str, str]]()
        for unit, own in changes.items():
            block, lab = self._blocks[unit], self._labs[unit]
            rec = [word for item in self._recs[unit].changed(own) for word in item.text.split()]
            pairs = _aligned(lab, rec)
            counts = _counts(pairs)
            more.update(counts)
            more.subtract(_counts(_aligned(lab, self._words(block.recs))))
            self._show(lines, block, pairs)
            if block.rate is not None:
                _rate(lines, block.rate, {kind: counts["Overall", kind] for kind in _KINDS})
        for i, line in enumerate(lines):
            if (row := _RATE.match(line)) and row[2] in _NAMES and any(more[row[2], kind] for kind in _KINDS):
                _rate(lines, i, {kind: int(row[kind]) + more[row[2], kind] for kind in _KINDS})
        return self._encode("".join(lines))

    def _show(self, lines: list[str], block: _Block, pairs: Sequence[_Pair]) -> None:
        """Write aligned words in two lines; those behind them that went on with them go."""
        first, last = block.labs[0], max(block.recs[-1], block.labs[-1])
        for i in range(block.recs[0] + 1, last + 1):
            lines[i] = ""
        widths = [max(map(_width, pair)) for pair in pairs]
        for i, side in ((first, 0), (block.recs[0], 1)):
            old = _said(lines[i])
            words = zip((pair[side] for pair in pairs), widths, strict=True)
            shown = "".join(word + self._pad * (width - _width(word)) + " " for word, width in words)
            head, end = lines[i].removesuffix(old).rstrip(), old[len(old.rstrip("\r\n")) :]
            lines[i] = f"{head} {shown}{end}"


def _said(line: str) -> str:
    """What stands behind the name of a line."""
    row = _ROW.match(line)
    return line[row.end() :] if row else ""


def _blocks(lines: Sequence[str], name: str) -> list[_Block]:
    ids, found = Ids(name), list[_Block]()
    for i, line in enumerate(lines):
        row = _ROW.match(line)
        if row and row[1] == "utt":
            found.append(_Block(ids.add(line[row.end() :].strip(), f"line {i + 1}"), i))
        elif row and not found:
            raise InputError(f"{name}, line {i + 1}: {row[1]!r} belongs to no utterance.", "Begin with 'utt: ID'.")
        elif row and row[1] == "WER":
            found[-1].rate = i
        elif row:
            (found[-1].labs if row[1] == "lab" else found[-1].recs).append(i)
    for block in found:
        if not block.labs or not block.recs:
            raise InputError(f"{name}, line {block.line + 1}: {block.id!r} has no lab or no rec.", "Is it cut off?")
        if not (block.rate or block.line) < block.labs[0] < block.recs[0]:
            raise InputError(
                f"{name}, line {block.line + 1}: {block.id!r} has WER, lab and rec in another order.", "Check the file."
            )
    return found


def _aligned(lab: Sequence[str], rec: Sequence[str]) -> list[_Pair]:
    """Words side by side with the fewest errors; of equally good ways WeNet's."""
    costs = list(range(len(rec) + 1))
    ways = [bytes([1] * len(costs))]
    for i, word in enumerate(lab, 1):
        above, costs, row = costs, [i], bytearray([0])
        for j, other in enumerate(rec, 1):
            cost = min((above[j] + 1, 0), (costs[j - 1] + 1, 1), (above[j - 1] + (word != other), 2))
            costs.append(cost[0])
            row.append(cost[1])
        ways.append(bytes(row))
    pairs, i, j = list[_Pair](), len(lab), len(rec)
    while i or j:
        way = ways[i][j]
        i, j = i - (way != 1), j - (way != 0)
        pairs.append((lab[i] if way != 1 else "", rec[j] if way != 0 else ""))
    return pairs[::-1]


def _counts(pairs: Sequence[_Pair]) -> Counter[tuple[str, str]]:
    """Words of the reference (N), correct ones, and errors of each kind: of all and of each script."""
    counts = Counter[tuple[str, str]]()
    for lab, rec in pairs:
        kind = "I" if not lab else "D" if not rec else "C" if lab == rec else "S"
        for name in ("Overall", _script(lab or rec)):
            counts[name, kind] += 1
            counts[name, "N"] += bool(lab)
    return counts


def _script(word: str) -> str:
    names = (unicodedata.name(char, "") for char in word if char not in _ANY)
    found = {next((script for start, script in _SCRIPTS.items() if name.startswith(start)), "Other") for name in names}
    return found.pop() if len(found) == 1 else "Other"


def _width(text: str) -> int:
    """Columns on a terminal."""
    return sum(2 if unicodedata.east_asian_width(char) in "AFW" else 1 for char in text)


def _rate(lines: list[str], at: int, counts: Mapping[str, int]) -> None:
    """Write a line of a rate anew, if it is one."""
    if row := _RATE.match(lines[at]):
        wrong = sum(counts[kind] for kind in "SDI")
        rate = 100 * wrong / counts["N"] if counts["N"] else 0.0
        told = " ".join(f"{kind}={counts[kind]}" for kind in _KINDS)
        lines[at] = f"{row[1]} {rate:4.2f} % {told}" + lines[at][row.end() :]


def read(raw: bytes, name: str) -> Wenet:
    """See `Wenet`."""
    return Wenet(raw, name)
