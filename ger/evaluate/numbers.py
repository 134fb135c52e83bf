"""English numbers in words and figures, in one form: `nineteen eighty seven`, `1,987`, `1987` are `1987`.

Numbers beside each other are written one after another, as years, flights and telephone numbers are read: so `one two`
and `twelve` are both `12`. Ordinals end in `th` whatever they end in (`1th`), currencies stand behind (`5$`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from ger.text.spoken import TENS, UP_TO_NINETEEN

__all__ = ["NUMBER_WORDS", "SYMBOLS", "is_number", "rewrite"]

_VALUES = {word: value for value, word in enumerate(UP_TO_NINETEEN)} | {
    word: 20 + 10 * i for i, word in enumerate(TENS)
}
_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
#: Currencies and the per cent sign, by all their names.
SYMBOLS = {
    **dict.fromkeys(("$", "dollar", "dollars"), "$"),
    **dict.fromkeys(("£", "pound", "pounds"), "£"),
    **dict.fromkeys(("€", "euro", "euros"), "€"),
    **dict.fromkeys(("¢", "cent", "cents"), "¢"),
    **dict.fromkeys(("%", "percent"), "%"),
}
#: Symbols that are written before the number.
_LEADING = "$£€"
_OH = ("o", "oh")
_LONGEST = 30  # digits; longer ones are no numbers
_FIGURES = re.compile(rf"\d{{1,{_LONGEST}}}(?:\.\d{{1,{_LONGEST}}})?")

#: Words that are numbers by themselves.
NUMBER_WORDS = (*_VALUES, *_SCALES)

# Two dollars and fifty cents: one amount, 2.50.
_CENTS = re.compile(r"(?<![\d.])(\d+)([$£€]) (?:and )?(\d\d?)¢")
# A time written with a point, and maybe without its last zero: 5.3 pm.
_TIME = re.compile(r"(?<![\d.])(\d\d?)\.(\d\d?)(?= [ap] ?m\b)")


def is_number(atom: str) -> bool:
    """Whether a word is a number, in words or in figures."""
    return atom in _VALUES or atom in _SCALES or _FIGURES.fullmatch(atom) is not None


def rewrite(atoms: Sequence[str]) -> str:
    """The words with their numbers in figures, with spaces between them.

    Args:
        atoms: Words in lower case, without punctuation; `-th` behind an ordinal, symbols of currencies by themselves.
    """
    out: list[str] = []
    i = 0
    while i < len(atoms):
        symbol = atoms[i] if atoms[i] in _LEADING and _starts(atoms, i + 1) else ""
        if not _starts(atoms, i + len(symbol)):
            out.append(atoms[i])
            i += 1
            continue
        run = _Run(atoms, i + len(symbol))
        text, i = run.text(), run.end
        named = SYMBOLS.get(atoms[i], "") if i < len(atoms) else ""
        if named and named in (symbol or named):  # "$five dollars" has one of the two too many
            i += 1
        elif list(atoms[i : i + 2]) == ["per", "cent"]:
            named, i = "%", i + 2
        else:
            named = ""
        out.append(text + (symbol or named))
    text = " ".join(out)
    if "¢" in text:
        text = _CENTS.sub(_amount, text)
    return _TIME.sub(_time, text) if "." in text else text


def _starts(atoms: Sequence[str], i: int) -> bool:
    """Whether a number begins there."""
    if i >= len(atoms):
        return False
    following = atoms[i + 1] if i + 1 < len(atoms) else ""
    if atoms[i] == "a":
        return following in _SCALES
    if atoms[i] == "point":
        return following in _VALUES or following in _OH or (following.isdecimal() and len(following) <= _LONGEST)
    return is_number(atoms[i])


class _Run:
    """Reads one number, or several beside each other, off a list of words."""

    def __init__(self, atoms: Sequence[str], start: int) -> None:
        self._atoms = atoms
        self._pieces: list[str] = []
        self._total: Fraction | int = 0
        self._group: Fraction | int | None = None
        # The group can still take a number below this one; the total one below the last scale.
        self._room = 0
        self._scale = 0
        self.end = start
        while self._take():
            pass
        self._flush()

    def text(self) -> str:
        return "".join(self._pieces)

    def _take(self) -> bool:
        """Read one word; false where the number ends."""
        atom = self._atoms[self.end] if self.end < len(self._atoms) else ""
        if atom in _VALUES:
            self._value(_VALUES[atom])
        elif _FIGURES.fullmatch(atom):
            self._figures(atom)
        elif atom in _SCALES:
            self._multiply(_SCALES[atom])
        elif atom == "-th" and not self._empty():
            self._flush()
            self._pieces.append("th")
        elif atom in _OH and not self._empty() and self._before() not in _SCALES:
            self._flush()
            self._pieces.append("0")
        elif atom == "point" and _starts(self._atoms, self.end):
            self._decimals()
            return True
        elif not (atom == "a" and _starts(self._atoms, self.end)) and not self._joins(atom):
            return False
        self.end += 1
        return True

    def _empty(self) -> bool:
        return self._group is None and not self._total and not self._pieces

    def _before(self) -> str:
        return self._atoms[self.end - 1]

    def _joins(self, atom: str) -> bool:
        """Whether it is the `and` of `one hundred and five`."""
        after = self._atoms[self.end + 1] if self.end + 1 < len(self._atoms) else ""
        return atom == "and" and not self._empty() and self._before() in _SCALES and is_number(after)

    def _value(self, value: int) -> None:
        if value == 0:
            self._flush()
            self._pieces.append("0")
            return
        if self._group is not None and value < self._room:
            self._group += value
        else:
            if self._group is not None or (self._total and value >= self._scale):
                self._flush()
            self._group = value
        self._room = 10 if value >= 20 else 0

    def _figures(self, atom: str) -> None:
        value = int(atom) if atom.isdecimal() else Fraction(atom)
        if self._group is not None and value < self._room and atom.isdecimal():
            self._group += value
        elif self._group is None and self._total and value < self._scale:
            self._group = value
        else:
            self._flush()
            if atom.startswith("0") and atom.isdecimal():
                self._pieces.append(atom)
                return
            self._group = value
        self._room = 0

    def _multiply(self, scale: int) -> None:
        if scale == 100:
            if self._group is not None and self._group >= 100:
                self._flush()
            self._group, self._room = 100 * (self._group or 1), 100
            return
        if self._total and scale >= self._scale:
            group, self._group = self._group, None
            self._flush()
            self._group = group
        self._total += (1 if self._group is None else self._group) * scale
        self._group, self._room, self._scale = None, 0, scale

    def _decimals(self) -> None:
        """The digits behind `point`, and the scale that may follow."""
        self.end += 1
        digits = ""
        for atom in self._atoms[self.end :]:
            value = "0" if atom in _OH else str(_VALUES.get(atom, atom))
            if not value.isdecimal() or len(value) > _LONGEST:
                break
            unit = digits[-2:] in _ROUND and len(value) == 1 and value != "0"  # twenty five is 25
            digits = digits[: -1 if unit else None] + value
            self.end += 1
        self._group = Fraction(self._group or 0) + Fraction(int(digits), 10 ** len(digits))
        self._room = 0

    def _flush(self) -> None:
        """End a number."""
        if self._group is not None or self._total:
            # Thousands are said as such: they do not run on into what stands beside them.
            mark = "," if self._total and self._pieces else ""
            self._pieces.append(mark + _decimal(self._total + (self._group or 0)))
        self._total, self._group, self._room, self._scale = 0, None, 0, 0


_ROUND = tuple(str(value) for value in range(20, 100, 10))


def _decimal(value: Fraction | int) -> str:
    """A number in figures, without zeros at the end of its decimals."""
    if value.denominator == 1:
        return str(int(value))
    whole, rest = divmod(Fraction(value), 1)
    digits = ""
    while rest and len(digits) < 20:
        digit, rest = divmod(rest * 10, 1)
        digits += str(digit)
    return f"{whole}.{digits}"


def _amount(match: re.Match[str]) -> str:
    return f"{match[1]}.{int(match[3]):02}".rstrip("0").rstrip(".") + match[2]


def _time(match: re.Match[str]) -> str:
    return match[1] + match[2].ljust(2, "0")
