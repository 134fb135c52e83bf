"""Output formats: the text of one file out of the corrections of one recording.

- `txt`: one line a segment, in order; nothing at all where nothing was said.
- `json`: one object in the shape of Whisper's: `text`, `language`, and `segments` with `id` (a number from 0), `start`,
  `end`, `text` and, where known, `words` (`word`, `start`, `end`, `probability`). Beside these: `schema`, `path` and
  `duration` at the top; in a segment `record` (the id of its record) and the other fields of a correction under their
  own names (`decision`, `reason`, `edits`, `scores`, `signature`, `hypotheses` …). Times are in seconds, to the
  millisecond; unlike Whisper's, texts and words have no space at their beginning.
- `jsonl`: one correction record a line, complete (`ger.io.jsonl`).
- `srt`, `vtt`: subtitles (`ger.io.subtitles`).
- `ctm`, `stm`, `seglst`, `kaldi`, `nlp`: what scoring tools read (`ger.io.scoring`).
- `tsv`: Whisper's: start and end in milliseconds and the text, separated by tabs, under a header line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ger.errors import OutputError, UnknownNameError
from ger.io import jsonl, scoring, subtitles
from ger.io.paths import utf8
from ger.io.recording import Recording, flat
from ger.registry import suggest
from ger.types import SCHEMA, Correction, Word

__all__ = ["AUTO", "FORMATS", "SAME", "SCORING", "Recording", "Writer", "formats", "pieces", "render"]


Writer = Callable[[Recording], str | Iterator[str]]


def _txt(recording: Recording) -> str:
    lines = [flat(correction.text) for correction in recording.corrections]
    return "".join(f"{line}\n" for line in lines) if any(lines) else ""


def _json(recording: Recording) -> Iterator[str]:
    """Segment by segment, as `json.dumps` would write the whole."""
    value = {
        "schema": SCHEMA,
        "path": utf8(recording.path),
        "duration": _rounded(recording.duration),
        "language": recording.language,
        "text": recording.text,
        "segments": [],
    }
    head, tail = _dumped(value, recording).rsplit("[]", 1)
    yield f"{head}["
    for i, correction in enumerate(recording.corrections):
        text = f"\n{_dumped(_segment(i, correction), recording)}".replace("\n", "\n    ")
        yield f",{text}" if i else text
    yield ("\n  " if recording.corrections else "") + f"]{tail}\n"


def _dumped(value: Any, recording: Recording) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2)
    except (ValueError, TypeError) as error:
        raise OutputError(f"{utf8(recording.path)} cannot be written as JSON: {error}.") from error


def _segment(index: int, correction: Correction) -> dict[str, Any]:
    rest = correction.to_json()
    for name in ("schema", "id", "audio", "text", "words"):
        del rest[name]
    audio = correction.audio
    segment: dict[str, Any] = {
        "id": index,
        "start": _rounded(audio.start) if audio else None,
        "end": _rounded(audio.end) if audio else None,
        "text": correction.text.strip(),
    }
    if correction.words:
        segment["words"] = [_word(word) for word in correction.words]
    return segment | {"record": correction.id} | {name: rest[name] for name in rest if name not in segment}


def _word(word: Word) -> dict[str, Any]:
    known = {"start": _rounded(word.start), "end": _rounded(word.end), "probability": word.confidence}
    return {"word": word.text} | {name: value for name, value in known.items() if value is not None}


def _jsonl(recording: Recording) -> Iterator[str]:
    return (f"{jsonl.dumps(correction)}\n" for correction in recording.corrections)


def _srt(recording: Recording) -> str:
    return subtitles.srt(recording.corrections)


def _vtt(recording: Recording) -> str:
    return subtitles.vtt(recording.corrections)


def _tsv(recording: Recording) -> str:
    spoken = [(subtitles.span_of(made), flat(made.text)) for made in recording.corrections if made.text.strip()]
    times = subtitles.milliseconds([span for span, _ in spoken])
    rows = [f"{start}\t{end}\t{text}\n" for (start, end), (_, text) in zip(times, spoken, strict=True)]
    return "start\tend\ttext\n" + "".join(rows)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


#: The writers by name; the name is also the extension of the file.
FORMATS: dict[str, Writer] = {
    "txt": _txt,
    "json": _json,
    "jsonl": _jsonl,
    "srt": _srt,
    "vtt": _vtt,
    "tsv": _tsv,
}


#: The format of an input that is a document (`ger.io.documents`), and what is written when nothing is said: that, or
#: for audio all formats.
SAME, AUTO = "same", "auto"

#: Writers of formats that scoring tools read; they are not among `all`.
SCORING: dict[str, Writer] = {
    "ctm": scoring.ctm,
    "stm": scoring.stm,
    "seglst": scoring.seglst,
    "kaldi": scoring.kaldi,
    "nlp": scoring.nlp,
}


def formats(names: Sequence[str] | str) -> list[str]:
    """Format names as a user gives them (`"txt,srt"`, `["json"]`, `"all"`): checked, in order, each once.

    Raises:
        UnknownNameError: there is no format of that name.
    """
    given = names.split(",") if isinstance(names, str) else names
    chosen: dict[str, None] = {}
    for name in (name.strip().lower() for name in given):
        if name not in (known := (*FORMATS, *SCORING, SAME, "all", AUTO)):
            raise UnknownNameError(f"There is no output format called {name!r}.", suggest(name, known[:-1]))
        chosen.update(dict.fromkeys({"all": FORMATS, AUTO: (*FORMATS, SAME)}.get(name, [name])))
    return list(chosen)


def pieces(format: str, recording: Recording) -> Iterable[str]:
    """The contents of one output file, piece by piece where it holds everything that is known of a recording.

    Raises:
        UnknownNameError: there is no format of that name.
        OutputError: the recording does not hold what the format needs, for example times.
    """
    writers = FORMATS | SCORING
    if format not in writers:
        raise UnknownNameError(f"There is no output format called {format!r}.", suggest(format, writers))
    made = writers[format](recording)
    return [made] if isinstance(made, str) else made


def render(format: str, recording: Recording) -> str:
    """The contents of one output file as one text; errors are those of `pieces`."""
    return "".join(pieces(format, recording))
