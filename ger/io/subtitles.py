"""Subtitle cues: corrected segments cut into pieces that can be read, in SubRip and WebVTT form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from ger.errors import OutputError
from ger.text.align import carry_times
from ger.text.tokens import Token, join, tokenize
from ger.types import Correction, Word

__all__ = ["COLUMNS", "LINES", "SECONDS", "Cue", "cues", "milliseconds", "span_of", "srt", "vtt"]

#: Limits of a cue: columns of a line (a wide character takes two), lines, and seconds on the screen.
COLUMNS, LINES, SECONDS = 42, 2, 7.0

#: A silence between two words, in seconds, at which a cue may end as well as at a comma.
_PAUSE = 0.3

_SENTENCE_END = re.compile(r"[.!?…。｡！？؟۔।॥]\W*$")
_CLAUSE_END = re.compile(r"[,;:、，；：،؛—–]\W*$")
_WIDE = re.compile(
    "[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff60\U0001f300-\U0003fffd]"
)


@dataclass(frozen=True, slots=True)
class Cue:
    """Lines of text on the screen from `start` to `end` (milliseconds), and who speaks, where that is known."""

    start: int
    end: int
    lines: tuple[str, ...]
    speaker: str = ""


def milliseconds(spans: Iterable[tuple[float, float]]) -> Iterator[tuple[int, int]]:
    """Times in seconds as whole milliseconds.

    Every end lies behind its start. A span that began after the one before it had ended still does.
    """
    last_end, last = 0.0, 0
    for start, end in spans:
        first = max(0, round(start * 1000))
        if start >= last_end:
            first = max(first, last)
        last_end, last = end, max(first + 1, round(end * 1000))
        yield first, last


def srt(corrections: Sequence[Correction]) -> str:
    """SubRip. `-->` in a text becomes `->`, since SubRip cannot escape it.

    Raises:
        OutputError: a segment has no times.
    """
    blocks = []
    for number, cue in enumerate(cues(corrections), 1):
        text = "\n".join(re.sub("-{2,}>", "->", line) for line in cue.lines)
        blocks.append(f"{number}\n{_stamp(cue.start, ',')} --> {_stamp(cue.end, ',')}\n{text}\n")
    return "\n".join(blocks)


def vtt(corrections: Sequence[Correction]) -> str:
    """WebVTT, with `&`, `<` and `>` escaped, and speakers as voices.

    Raises:
        OutputError: a segment has no times.
    """
    blocks = ["WEBVTT\n"]
    for cue in cues(corrections):
        voice = f"<v {_escaped(' '.join(cue.speaker.split()))}>" if cue.speaker.strip() else ""
        text = voice + _escaped("\n".join(cue.lines))
        blocks.append(f"{_stamp(cue.start, '.')} --> {_stamp(cue.end, '.')}\n{text}\n")
    return "\n".join(blocks)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cues(corrections: Sequence[Correction]) -> list[Cue]:
    """The cues of a recording; segments without text have none.

    A segment whose words have times is cut into cues of at most 2 lines of 42 columns and 7 seconds, at the ends of
    sentences, at commas and pauses where that is possible. A segment without word times stays one cue, unless it is a
    translation: its words share the time of the segment by their lengths.

    Raises:
        OutputError: a segment has no times.
    """
    timed = [(cue, made) for made in corrections if made.text.strip() for cue in _cut(made)]
    times = milliseconds((start, end) for (start, end, _), _ in timed)
    return [
        Cue(*span, lines, str(made.meta.get("speaker") or ""))
        for span, ((_, _, lines), made) in zip(times, timed, strict=True)
    ]


def _stamp(time: int, mark: str) -> str:
    seconds, rest = divmod(time, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{mark}{rest:03}"


_Timed = tuple[float, float, tuple[str, ...]]


def _cut(correction: Correction) -> list[_Timed]:
    tokens = tokenize(correction.text)
    words = carry_times(correction.words, correction.text)
    if words[0].start is None and correction.task == "translate":
        words = _spread(tokens, *span_of(correction))
    if words[0].start is None:
        start, end = span_of(correction)
        return [(start, end, tuple(_wrap(tokens)))]
    bounds = _best_cut(tokens, words)
    return [(_time(words[i].start), _time(words[j - 1].end), tuple(_wrap(tokens[i:j]))) for i, j in pairwise(bounds)]


def _spread(tokens: Sequence[Token], start: float, end: float) -> tuple[Word, ...]:
    """Words that share a span (seconds), each as long as its characters and the space behind it."""
    ends = list(accumulate(_width(token.text) + 1 for token in tokens))
    times = [start + (end - start) * place / ends[-1] for place in (0, *ends)]
    return tuple(Word(token.text, *span) for token, span in zip(tokens, pairwise(times), strict=True))


def span_of(correction: Correction) -> tuple[float, float]:
    """Start and end of a segment, in seconds.

    Raises:
        OutputError: it has none.
    """
    audio = correction.audio
    if audio is None or audio.start is None or audio.end is None:
        raise OutputError(
            f"Segment {correction.id!r} has no start and end, and this format needs them.",
            "Write txt, json or jsonl.",
        )
    return audio.start, audio.end


def _time(time: float | None) -> float:
    return time or 0.0  # `carry_times` gives all words times or none


def _best_cut(tokens: Sequence[Token], words: Sequence[Word]) -> list[int]:
    """Bounds of the cues: the cheapest way through the segment, found from its end."""
    count = len(tokens)
    cost = [0.0] * (count + 1)
    follow = [count] * (count + 1)
    for i in reversed(range(count)):
        cost[i] = float("inf")
        for j in range(i + 1, count + 1):
            if j > i + 1 and not _fits(tokens[i:j], words[i:j]):
                break
            price = cost[j] + _price(words, i, j)
            if price < cost[i]:
                cost[i], follow[i] = price, j
    bounds = [0]
    while bounds[-1] < count:
        bounds.append(follow[bounds[-1]])
    return bounds


def _fits(tokens: Sequence[Token], words: Sequence[Word]) -> bool:
    if _time(words[-1].end) - _time(words[0].start) > SECONDS:
        return False
    return _width(join(tokens)) <= COLUMNS or len(_lines(tokens, COLUMNS)) <= LINES


def _price(words: Sequence[Word], i: int, j: int) -> float:
    """What a cue of words i to j costs: one, more for a bad place to end, more for passing too fast."""
    text = words[j - 1].text
    pause = j < len(words) and _time(words[j].start) - _time(words[j - 1].end) >= _PAUSE
    finished = j == len(words) or _SENTENCE_END.search(text)
    end = 0.0 if finished else 0.4 if pause or _CLAUSE_END.search(text) else 1.2
    hurried = _time(words[j - 1].end) - _time(words[i].start) < 1.0
    return 1.0 + end + (0.8 if hurried else 0.0)


def _width(text: str) -> int:
    return len(text) + len(_WIDE.findall(text))


def _wrap(tokens: Sequence[Token]) -> list[str]:
    """Lines of at most 42 columns, as few as possible and about equally long; a longer word has its own line."""
    best = _lines(tokens, COLUMNS)
    if len(best) == 1:
        return best
    # Two lines of 30 read better than one of 42 and one of 18: narrow the lines while their number stays.
    for columns in range(max(1, _width(join(tokens)) // len(best)), COLUMNS):
        lines = _lines(tokens, columns)
        if len(lines) == len(best) and all(_width(line) <= COLUMNS for line in lines):
            return lines
    return best


def _lines(tokens: Sequence[Token], columns: int) -> list[str]:
    lines = [tokens[0].text]
    for token in tokens[1:]:
        longer = lines[-1] + (" " if token.spaced else "") + token.text
        if _width(longer) <= columns:
            lines[-1] = longer
        else:
            lines.append(token.text)
    return lines
