"""What a user's file is made of: units of text that keep their place, and all the rest, which stays as it is.

A document is read into units (a cue, a segment, a row, the words between two pauses), each with its words. Corrections
come as changes of words; what is written is the file with these words changed and nothing else.
"""

from __future__ import annotations

import html
import re
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from typing import Any

from ger.errors import InputError
from ger.text.tokens import places, spaceless
from ger.types import Hypothesis, Word

__all__ = ["Change", "Document", "Row", "Slots", "TextDocument", "Unit", "decoded", "in_utf8", "joined", "lines_of"]

_SAID = re.compile(r"[^\W_]|[&%+=@$€£]")
_ENTITY = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|[A-Za-z]\w*);")
#: Marks of the direction of writing, which are no part of words.
_MARKS = "[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of a document with a place of its own.

    Attributes:
        id: Its name in the document, no two alike.
        words: Its words, in order; their texts have no white space. Times are in seconds, confidences 0 to 1.
        start: Where it begins (seconds); `None` where that is not known.
        end: Where it ends.
        speaker: Who speaks; empty where that is not known.
        recording: The recording that it is a part of, where a document has several.
        language: A language code.
        others: Further hypotheses, best first, where the format carries some.
        best: The first hypothesis with its scores, where there are others; its text is that of the words.
        closed: Whether it is an utterance by itself, never the half of a sentence.
        reference: What was said, where the format carries that, too.
        channel: The channel of the recording, where a document names several.
        turns: Numbers of words with which another voice begins, and whose it is where that is known.
        extra: What else is known and may be useful to somebody.
    """

    id: str
    words: tuple[Word, ...] = ()
    start: float | None = None
    end: float | None = None
    speaker: str = ""
    recording: str = ""
    language: str | None = None
    others: tuple[Hypothesis, ...] = ()
    best: Hypothesis | None = None
    closed: bool = False
    reference: str | None = None
    channel: str = ""
    turns: tuple[tuple[int, str], ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Its words as a text."""
        return joined([word.text for word in self.words])


@dataclass(frozen=True, slots=True)
class Change:
    """Other words in the place of some words of a unit.

    Attributes:
        unit: Number of the unit, from 0.
        first: The first word that goes, or before which new ones come.
        last: The word behind the last one that goes; `first` where none goes.
        words: The new words, with times where the old ones have some.
    """

    unit: int
    first: int
    last: int
    words: tuple[Word, ...]


class Document(ABC):
    """A file that can be written again with other words.

    Attributes:
        format: Name of its format.
        units: Its units, in order.
    """

    format: str
    units: tuple[Unit, ...]

    def written(self, changes: Sequence[Change] = ()) -> bytes:
        """The file with these changes.

        Args:
            changes: Changes of different words, in any order; those without any words change nothing.

        Raises:
            ValueError: two changes overlap, or there are no such words.
        """
        by_unit: dict[int, list[Change]] = {}
        wanted = [change for change in changes if change.words or change.first < change.last]
        for change in sorted(wanted, key=lambda change: (change.unit, change.first, change.last)):
            own = by_unit.setdefault(change.unit, [])
            count = len(self.units[change.unit].words)
            if not 0 <= change.first <= change.last <= count or (own and own[-1].last > change.first):
                raise ValueError(f"{change} does not fit the document.")
            own.append(change)
        return self._written(by_unit)

    @abstractmethod
    def _written(self, changes: Mapping[int, Sequence[Change]]) -> bytes:
        """The file with the changes of each unit, in order."""


class TextDocument(Document):
    """A text file whose units are stretches of it; only their words change.

    Args:
        format: Name of the format.
        text: The file.
        encode: Makes bytes of the changed text.
        units: Units, still without words, each with where its text begins and ends in the file; in that order.
        markup: What is no speech in them.
        entities: Whether they write `&` as `&amp;`.
        turns: Finds where in the text of a unit another voice begins, and whose it is.
        gap: What has to stand in front of the words of a unit that had no text.
    """

    def __init__(
        self,
        format: str,
        text: str,
        encode: Callable[[str], bytes],
        units: Sequence[tuple[Unit, int, int]],
        markup: re.Pattern[str] | None = None,
        *,
        entities: bool = False,
        turns: Callable[[str], Iterable[tuple[int, str]]] = lambda text: (),
        gap: str = "",
    ) -> None:
        self.format, self._gap = format, gap
        self._text, self._encode = text, encode
        self._extents = [(begins, ends) for _, begins, ends in units]
        self._slots = [Slots(text[begins:ends], markup, entities=entities) for begins, ends in self._extents]
        self.units = tuple(
            replace(
                unit,
                words=tuple(map(Word, slots.texts)),
                turns=tuple((slots.number(at), whose) for at, whose in turns(text[begins:ends])),
            )
            for (unit, begins, ends), slots in zip(units, self._slots, strict=True)
        )

    def _written(self, changes: Mapping[int, Sequence[Change]]) -> bytes:
        made, reached = [], 0
        for unit, own in sorted(changes.items()):
            begins, ends = self._extents[unit]
            made += [self._text[reached:begins], self._gap * (begins == ends), self._slots[unit].changed(own)]
            reached = ends
        return self._encode("".join((*made, self._text[reached:])))


@dataclass(frozen=True, slots=True)
class Row:
    """A line that is one word.

    Attributes:
        line: Its number, from 0.
        word: The word.
    """

    line: int
    word: Word


class Slots:
    """The words of a text that holds other things, too: markup, line breaks, dashes.

    What has no letter, no digit and no sign that is read aloud, such as a dash or a note, is no word.

    Args:
        raw: The text.
        markup: What is no speech, as are marks of direction. It does not end a word unless it ends in white space.
        entities: Whether characters may be written as HTML entities.
    """

    def __init__(self, raw: str, markup: re.Pattern[str] | None = None, *, entities: bool = False) -> None:
        self._raw, self._markup, self._entities = raw, _hidden(markup), entities
        chars, spans = self._visible()
        text = "".join(chars)
        found = [(a, b) for a, b in places(text) if _SAID.search(text, a, b)]
        #: The words.
        self.texts = tuple(text[a:b] for a, b in found)
        self._places = [(spans[a][0], spans[b - 1][1]) for a, b in found]

    def _visible(self) -> tuple[list[str], list[tuple[int, int]]]:
        """The characters that are no markup, and where each of them lies."""
        raw, chars, spans, at = self._raw, [], [], 0
        hidden = [match.span() for match in self._markup.finditer(raw)]
        for start, end in [*hidden, (len(raw), len(raw))]:
            while at < start:
                entity = _ENTITY.match(raw, at, start) if self._entities else None
                stop = entity.end() if entity else at + 1
                char = html.unescape(entity[0])[:1] or "\ufffd" if entity else raw[at]
                chars.append(char)
                spans.append((at, stop))
                at = stop
            at = end
        return chars, spans

    def number(self, at: int) -> int:
        """Number of the first word that begins at a place of the text or behind it."""
        return bisect_left(self._places, (at, at))

    def changed(self, changes: Sequence[Change]) -> str:
        """The text with other words; what lies between words that stay does not change."""
        made, reached = [], 0
        for change in changes:
            start, end, text = self._replaced(change)
            made += [self._raw[reached:start], self._apart(change, start, end, text)]
            reached = end
        return "".join((*made, self._raw[reached:]))

    def _replaced(self, change: Change) -> tuple[int, int, str]:
        """What goes, from where to where, and what comes."""
        first, last = change.first, change.last
        new = [word.text for word in change.words]
        if first == last:
            return self._inserted(first, new)
        if not new:
            return self._deleted(first, last)
        old = self._places[first:last]
        gaps = [self._raw[a[1] : b[0]] for a, b in pairwise(old)]
        made = ""
        for i in range(max(len(new), len(old))):
            if i:
                gap = gaps[i - 1] if i <= len(gaps) else _between(new[i - 1], new[i])
                made += (gap or _border(new[i - 1], new[i])) if i < len(new) else gap.rstrip()
            made += self._written(new[i]) if i < len(new) else ""
            made += self._inside(old[i]) if i < len(old) else ""
        return old[0][0], old[-1][1], made

    def _apart(self, change: Change, start: int, end: int, text: str) -> str:
        """A new text with spaces where it would make one word of two, of which one was in a script without spaces."""
        first, last, new = change.first, change.last, change.words
        before, after = self.texts[:first][-1:], self.texts[last : last + 1]
        left = self._shown(self._raw[self._places[first - 1][1] : start]) if before else " "
        right = self._shown(self._raw[end : self._places[last][0]]) if after else " "
        if not new:
            together = not left + self._shown(text) + right
            return text + _border(before[0], after[0]) if together else text
        if not left and not text[:1].isspace():
            text = _border(before[0], new[0].text) + text
        return text if right or text[-1:].isspace() else text + _border(new[-1].text, after[0])

    def _shown(self, raw: str) -> str:
        return self._markup.sub("", raw)

    def _inside(self, place: tuple[int, int]) -> str:
        """Markup in the middle of a word, which stays behind it."""
        return "".join(self._markup.findall(self._raw, *place))

    def _inserted(self, at: int, new: Sequence[str]) -> tuple[int, int, str]:
        text = self._written(joined(new))
        if at:
            end = self._places[at - 1][1]
            return end, end, _between(self._raw[:end], new[0]) + text
        if self._places:
            start = self._places[0][0]
            return start, start, text + _between(new[-1], self._raw[start:])
        return len(self._raw), len(self._raw), text

    def _deleted(self, first: int, last: int) -> tuple[int, int, str]:
        """Without some words and the white space on one side of them, rather a space than a line break."""
        start, end = self._places[first][0], self._places[last - 1][1]
        before = self._raw[self._places[first - 1][1] : start] if first else ""
        after = self._raw[end : self._places[last][0]] if last < len(self._places) else ""
        kept = "".join(self._inside(place) for place in self._places[first:last])
        kept += "".join(self._raw[a[1] : b[0]].rstrip() for a, b in pairwise(self._places[first:last]))
        if first and (last == len(self._places) or "\n" in after):
            return start - len(before), end, before.rstrip() + kept
        return start, end + len(after), kept + after.lstrip()

    def _written(self, text: str) -> str:
        return html.escape(text, quote=False) if self._entities else text


@cache
def _hidden(markup: re.Pattern[str] | None) -> re.Pattern[str]:
    """What is no speech, marks of direction among it."""
    return re.compile(f"{markup.pattern}|{_MARKS}" if markup else _MARKS)


def joined(texts: Sequence[str]) -> str:
    """Words as a text, without spaces in scripts that have none."""
    made = list(texts[:1])
    for before, after in pairwise(texts):
        made += [_between(before, after), after]
    return "".join(made)


def _between(before: str, after: str) -> str:
    return "" if before and spaceless(before[-1]) and spaceless(after) else " "


def _border(before: str, after: str) -> str:
    """What has to stand between two words so that they stay two."""
    return "" if spaceless(before) or spaceless(after) else " "


def decoded(raw: bytes, name: str) -> tuple[str, Callable[[str], bytes]]:
    """A file as text with all its line ends, and how to make bytes of such a text again.

    Half surrogates, which UTF-8 has no form for, are written as `\\udcff`, the way JSON writes them.

    Args:
        raw: The bytes; UTF-8, or UTF-16 with a byte order mark.
        name: What errors call the file.

    Raises:
        InputError: it is neither; names the line.
    """
    bom, encoding = _encoding(raw)
    try:
        text = raw[len(bom) :].decode(encoding)
    except UnicodeDecodeError as error:
        line = raw[: len(bom) + error.start].count(b"\n") + 1
        raise InputError(
            f"{name}, line {line}: byte 0x{error.object[error.start]:02x} is not {encoding.upper()}.",
            "Save the file as UTF-8, for example with `iconv -f WINDOWS-1252 -t UTF-8`.",
        ) from error
    return text, lambda changed: bom + changed.encode(encoding, "backslashreplace")


def in_utf8(raw: bytes) -> bytes:
    """A file in UTF-8 where it is in UTF-16 with a byte order mark; without one."""
    bom, encoding = _encoding(raw)
    raw = raw[len(bom) :]
    return raw if encoding == "utf-8" else raw.decode(encoding, "replace").encode("utf-8", "replace")


def _encoding(raw: bytes) -> tuple[bytes, str]:
    """The byte order mark of a file and its encoding."""
    return next(((bom, encoding) for bom, encoding in _BOMS if raw.startswith(bom)), (b"", "utf-8"))


def lines_of(text: str) -> Iterator[tuple[int, int, str]]:
    r"""Number from 1, offset and text of every line, with its line end; only `\n`, `\r\n` and `\r` end lines."""
    for number, match in enumerate(_LINE.finditer(text), 1):
        yield number, match.start(), match.group()
