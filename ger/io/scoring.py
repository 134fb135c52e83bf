"""What scoring tools read: CTM and STM (NIST), SegLST (meeteval), Kaldi's `text`, `.nlp` (Rev's fstalign).

Recordings are called by the name of their file, without spaces; a speaker that is not known is called as `unknown`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from ger.errors import OutputError
from ger.io.documents.nlp import HEADER, case, cut
from ger.io.paths import utf8
from ger.io.recording import Recording, flat
from ger.io.subtitles import span_of
from ger.text.align import carry_times
from ger.types import Correction

__all__ = ["ctm", "kaldi", "nlp", "seglst", "stm"]

_SPACE = re.compile(r"\s+")
_UNKNOWN = "unknown"


def ctm(recording: Recording) -> str:
    """`recording 1 start duration word [confidence]`, a word a line.

    Raises:
        OutputError: a segment has no times for its words.
    """
    rows = []
    for made in _spoken(recording):
        for word in carry_times(made.words, made.text):
            if word.start is None or word.end is None:
                raise OutputError(f"Segment {made.id!r} has no times of words, and CTM needs them.", "Write stm.")
            sure = "" if word.confidence is None else f" {word.confidence:.2f}"
            length = max(0.0, word.end - word.start)
            rows.append(f"{_name(recording, made)} 1 {word.start:.2f} {length:.2f} {word.text}{sure}\n")
    return "".join(rows)


def stm(recording: Recording) -> str:
    """`recording 1 speaker start end text`, a segment a line.

    Raises:
        OutputError: a segment has no times.
    """
    rows = []
    for made in _spoken(recording):
        start, end = span_of(made)
        rows.append(f"{_name(recording, made)} 1 {_speaker(made)} {start:.2f} {end:.2f} {flat(made.text)}\n")
    return "".join(rows)


def seglst(recording: Recording) -> str:
    """A JSON list of segments with `session_id`, `start_time`, `end_time`, `speaker` and `words`.

    Raises:
        OutputError: a segment has no times.
    """
    rows = []
    for made in _spoken(recording):
        start, end = span_of(made)
        row = {"session_id": _name(recording, made), "start_time": round(start, 3), "end_time": round(end, 3)}
        rows.append(row | {"speaker": _speaker(made), "words": flat(made.text)})
    return json.dumps(rows, ensure_ascii=False, indent=2) + "\n"


def kaldi(recording: Recording) -> str:
    """`id word word …`, a segment a line; spaces in ids become underscores."""
    return "".join(f"{_word(made.id)} {flat(made.text)}".rstrip() + "\n" for made in recording.corrections)


def nlp(recording: Recording) -> str:
    """`token|speaker|ts|endTs|punctuation|case|tags` under a header line, a word a line; times where they are known."""
    rows = [f"{HEADER}\n"]
    for made in _spoken(recording):
        for word in carry_times(made.words, made.text):
            token, punctuation = cut(word.text)
            start, end = ("" if time is None else f"{time:.4f}" for time in (word.start, word.end))
            rows.append(f"{token}|{_speaker(made)}|{start}|{end}|{punctuation}|{case(token)}|[]\n")
    return "".join(rows)


def _spoken(recording: Recording) -> Iterator[Correction]:
    return (made for made in recording.corrections if made.text.strip())


def _name(recording: Recording, made: Correction) -> str:
    return _word(Path(made.audio.path if made.audio else utf8(recording.path)).stem)


def _speaker(made: Correction) -> str:
    return _word(str(made.meta.get("speaker") or _UNKNOWN))


def _word(text: str) -> str:
    return _SPACE.sub("_", text.strip()) or _UNKNOWN
