"""What SubRip and WebVTT have in common: cues, each some lines of text under a line with its times."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ger.errors import InputError
from ger.io.documents.core import TextDocument, Unit, lines_of

__all__ = ["Block", "blocks", "document"]

#: Tags, and notes such as `[music]`: no speech.
MARKUP = re.compile(r"<[^<>\n]*>|\{\\[^{}\n]*\}|\[[^\[\]\n]*\]")

#: Where another voice begins: dashes in front of lines, and WebVTT's voices.
_TURN = re.compile(
    rf"^(?:{MARKUP.pattern}|[ \t])*+[-\u2010\u2011\u2013\u2014](?![-\u2013\u2014\d])|<v[. \t][^<>]*>", re.MULTILINE
)

_GAP = r"[ \t]*+"
_TIME = rf"(?:(\d{{1,6}}){_GAP}:{_GAP})?(\d{{1,2}}){_GAP}:{_GAP}(\d{{1,2}})(?:{_GAP}[.,]{_GAP}(\d{{1,3}}))?"
_TIMES = re.compile(rf"{_GAP}{_TIME}{_GAP}-->{_GAP}{_TIME}(?:[ \t]++(.*\S))?{_GAP}$")
#: What was meant as a time: digits, a colon and more of them, such as `00:00:01;5`.
_FIRST, _MORE = rf"[-+]?\d++{_GAP}:{_GAP}\w++", rf"(?:{_GAP}[:.,;]{_GAP}\w++)"
#: A line with times, well written or not; those with `->` have to have more than hours and minutes.
_ARROW = re.compile(
    rf"{_GAP}(?:(?:[\d:.,]++{_GAP})?-->"
    rf"|(?:\d++[ \t]++)?{_FIRST}{_MORE}*+{_GAP}-->{_GAP}{_FIRST}"
    rf"|{_FIRST}{_MORE}++{_GAP}->{_GAP}{_FIRST}{_MORE})"
)
_NUMBER = re.compile(r"\d{1,9}")


@dataclass(frozen=True, slots=True)
class Block:
    """A cue as it stands in the file.

    Attributes:
        start: Seconds.
        end: Seconds.
        settings: What stands behind the times.
        begins: Where its text begins in the file.
        ends: Where its text ends, without the last line's end.
        name: The line above the times, if it belongs to the cue.
    """

    start: float
    end: float
    settings: str
    begins: int
    ends: int
    name: str


def document(
    format: str,
    text: str,
    found: Sequence[Block],
    encode: Callable[[str], bytes],
    *,
    entities: bool = False,
    speaker: Callable[[str], str] = lambda text: "",
) -> TextDocument:
    """Subtitles; only the words of the cues change.

    Args:
        format: Name of the format.
        text: The file.
        found: Its cues.
        encode: Makes bytes of the changed text.
        entities: Whether `&amp;` stands for `&`.
        speaker: Finds the speaker of a cue in its text.
    """
    units = [
        (
            Unit(
                str(number),
                start=block.start,
                end=block.end,
                speaker=speaker(text[block.begins : block.ends]),
                extra={"cue": block.name} if block.name else {},
            ),
            block.begins,
            block.ends,
        )
        for number, block in enumerate(found, 1)
    ]

    def turns(cue: str) -> Iterator[tuple[int, str]]:
        return ((match.start(), speaker(match[0])) for match in _TURN.finditer(cue))

    return TextDocument(format, text, encode, units, MARKUP, entities=entities, turns=turns)


def blocks(text: str, name: str, *, numbered: bool) -> list[Block]:
    """The cues of a file.

    A cue's text goes on to the next line with times, without the line above that where it is the number or name of the
    next cue, and without blank lines at its end.

    Args:
        text: The file.
        name: What errors call it.
        numbered: Whether the line above the times is a number, and may follow the text without a blank line.

    Raises:
        InputError: a line with an arrow holds no times, or a cue ends before it begins; names the line.
    """
    lines = list(lines_of(text))
    at = [i for i, (_, _, line) in enumerate(lines) if _ARROW.match(line)]
    named: list[bool] = []
    for i in at:
        before = lines[at[len(named) - 1] - 1][2].strip() if named and named[-1] else ""
        named.append(_has_name(lines, i, numbered, before))
    found = []
    for k, i in enumerate(at):
        number, _, line = lines[i]
        times = _TIMES.match(line.rstrip())
        if not times:
            raise InputError(f"{name}, line {number}: no times around '-->'.", "Write 00:00:01,000 --> 00:00:02,500.")
        start, end = _seconds(times.groups()[:4]), _seconds(times.groups()[4:8])
        if end < start:
            raise InputError(f"{name}, line {number}: the cue ends before it begins.", "Correct its times.")
        below = lines[i + 1 : (at[k + 1] - named[k + 1]) if k + 1 < len(at) else len(lines)]
        begins, ends = _extent(below, numbered)
        if begins < 0:
            begins = ends = lines[i][1] + len(line)
        found.append(Block(start, end, times[9] or "", begins, ends, lines[i - 1][2].strip() if named[k] else ""))
    return found


def _has_name(lines: Sequence[tuple[int, int, str]], at: int, numbered: bool, before: str) -> bool:
    """Whether the line above some times belongs to them; `before` is the number of the last cue."""
    above = lines[at - 1][2].strip() if at else ""
    if not above or "-->" in above:
        return False
    blank_before = at < 2 or not lines[at - 2][2].strip()
    if not numbered:
        return blank_before
    if blank_before:
        return above.isdecimal()
    both = _NUMBER.fullmatch(above) and _NUMBER.fullmatch(before)
    return both is not None and int(above) == int(before) + 1


def _extent(lines: Sequence[tuple[int, int, str]], numbered: bool) -> tuple[int, int]:
    """Where the text of a cue lies; -1 where it has none."""
    said: list[tuple[int, int]] = []
    for _, start, line in lines:
        bare = line.rstrip("\r\n")
        if not bare.strip():
            if numbered:
                continue
            break
        said.append((start, start + len(bare)))
    return (said[0][0], said[-1][1]) if said else (-1, -1)


def _seconds(parts: Sequence[str | None]) -> float:
    hours, minutes, seconds, fraction = parts
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return whole + int((fraction or "").ljust(3, "0")) / 1000
