"""Changes of a document as JSON Lines, so that a person can look at them, take some and leave others.

A line says of one change of words: `file`; `unit`, the id of the cue, segment or utterance; `at`, the number of its
first word in the unit, from 0; `before` and `after`; `start` and `end` in seconds, where known; `reason` and `decision`
of the correction, and its `gate` or `posterior` score as `confidence`, where there is one; `accept`, which may be set
to false. `old` and `new` are the words themselves with their times. `after` may be edited: then its words are meant,
with the times of the new ones.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import Any

from ger.errors import InputError, RecordError
from ger.io.documents.core import Change, Document, joined
from ger.io.documents.passages import Passage
from ger.io.paths import printable, utf8
from ger.text.align import carry_times
from ger.text.tokens import tokenize
from ger.types import Correction, Word

__all__ = ["applied", "lines", "of_file", "read", "reverted", "rows"]


def rows(
    document: Document, made: Iterable[tuple[Passage, Correction]], path: str | os.PathLike[str]
) -> Iterator[dict[str, Any]]:
    """The changes of a corrected document, in order.

    Args:
        document: The document as it was.
        made: Its passages and what became of them.
        path: Its file.
    """
    for passage, correction in made:
        if not correction.changed:
            continue
        sure = correction.scores.get("gate", correction.scores.get("posterior"))
        for change in passage.changes(correction.text):
            unit = document.units[change.unit]
            old = unit.words[change.first : change.last]
            times = [word for word in (old or change.words) if word.start is not None and word.end is not None]
            yield {
                "file": utf8(path),
                "unit": unit.id,
                "at": change.first,
                "before": joined([word.text for word in old]),
                "after": joined([word.text for word in change.words]),
                **({"start": times[0].start, "end": times[-1].end} if times else _span(unit.start, unit.end)),
                **({"speaker": unit.speaker} if unit.speaker else {}),
                "reason": correction.reason,
                "decision": correction.decision,
                **({"confidence": sure} if sure is not None else {}),
                "accept": True,
                "old": [word.to_json() for word in old],
                "new": [word.to_json() for word in change.words],
            }


def _span(start: float | None, end: float | None) -> dict[str, float]:
    return {} if start is None or end is None else {"start": start, "end": end}


def lines(found: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Changes as JSON Lines."""
    for row in found:
        yield json.dumps(row, ensure_ascii=False) + "\n"


def read(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The changes in a file.

    Raises:
        InputError: the file cannot be read.
        RecordError: a line is no change; names it.
    """
    name = printable(path)
    try:
        text = Path(path).read_text("utf-8-sig")
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}.", "Check the name and its permissions.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8.", "Give what --changes wrote.") from error
    numbered = ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())
    return [_change(line, f"{name}, line {number}") | {"line": number} for number, line in numbered]


def _change(line: str, where: str) -> dict[str, Any]:
    """A line as a change, with its words as words; `made` are the new ones where others were written into `after`."""
    try:
        row: dict[str, Any] = json.loads(line)
        for key in ("old", "new"):
            row[key] = tuple(Word.from_json(word, where) for word in row[key])
        fits = isinstance(row["unit"], str) and isinstance(row["at"], int) and row["at"] >= 0
        fits = fits and all(word.text.split() == [word.text] for word in (*row["old"], *row["new"]))
        fits = fits and all(isinstance(row.get(key, ""), str) for key in ("file", "after"))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RecordError(f"{where} is no change: {error}.", "Give what --changes wrote.") from error
    if not fits:
        raise RecordError(f"{where} is no change.", "Give what --changes wrote.")
    if not isinstance(row.get("accept", True), bool):
        raise RecordError(f"{where}: 'accept' is {row['accept']!r}.", "Write true or false, without quotation marks.")
    texts = [word.text for word in row["new"]]
    if row.get("after", joined(texts)) == joined(texts):
        return row
    wanted = [token.text for token in tokenize(row["after"])]
    return row | ({} if wanted == texts else {"made": row["new"], "new": _worded(row["new"] or row["old"], wanted)})


def _worded(words: Sequence[Word], texts: Sequence[str]) -> tuple[Word, ...]:
    """Other texts with the times of some words."""
    if len(words) == len(texts):
        return tuple(replace(word, text=text) for word, text in zip(words, texts, strict=True))
    timed = carry_times(words, " ".join(texts))
    return timed if len(timed) == len(texts) else tuple(map(Word, texts))


def of_file(found: Sequence[Mapping[str, Any]], path: str | os.PathLike[str], name: str) -> list[Mapping[str, Any]]:
    """The changes of one file: those of that path, or else of the path that ends as it does, at least in its name.

    Changes of a single file are of any file, as it may be called otherwise now; so are those that name none.

    Args:
        found: The changes.
        path: The file.
        name: What errors call the file of the changes.

    Raises:
        InputError: they are of several files, and of none or more than one of that name.
    """
    files = {row["file"]: _same_parts(row["file"], utf8(path)) for row in found if row.get("file")}
    if len(files) < 2:
        return list(found)
    most = max(files.values())
    best = [file for file in files if files[file] == most]
    if not most or len(best) > 1:
        several = ", ".join(map(printable, best[:3])) + (" …" if len(best) > 3 else "")
        raise InputError(
            f"{name} holds changes of {several}, and which are those of {printable(path)} cannot be told.",
            "Call the file as it was called then.",
        )
    return [row for row in found if row.get("file") in (*best, "", None)]


def _same_parts(first: str, second: str) -> int:
    """How many parts at their ends two paths have in common."""
    parts = (reversed(Path(os.path.abspath(path)).parts) for path in (first, second))
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*parts, strict=False)))


def applied(document: Document, found: Sequence[Mapping[str, Any]], name: str = "") -> bytes:
    """The document with the changes that are accepted.

    Args:
        document: The document as it was before any of them.
        found: The changes.
        name: What errors call their file.

    Raises:
        RecordError: a change does not fit the document; names its line.
    """
    return _made(document, [(row, row["at"], row["old"], row["new"]) for row in found if row.get("accept", True)], name)


def reverted(document: Document, found: Sequence[Mapping[str, Any]], name: str = "", *, every: bool = False) -> bytes:
    """The document without the changes that are not accepted.

    Args:
        document: The document with all of the changes.
        found: The changes.
        name: What errors call their file.
        every: Undo those that are accepted, too.

    Raises:
        RecordError: a change does not fit the document; names its line.
    """
    try:
        return _without(document, found, name, every=every)
    except RecordError:
        if not any("made" in row for row in found):
            raise
    # The document is from before they were edited.
    return _without(document, [{**row, "new": row.get("made", row["new"])} for row in found], name, every=every)


def _without(document: Document, found: Sequence[Mapping[str, Any]], name: str, *, every: bool) -> bytes:
    undone = []
    moved: dict[str, int] = {}
    for row in sorted(found, key=lambda row: (row["unit"], row["at"])):
        at = row["at"] + moved.get(row["unit"], 0)
        moved[row["unit"]] = moved.get(row["unit"], 0) + len(row["new"]) - len(row["old"])
        if every or not row.get("accept", True):
            undone.append((row, at, row["new"], row["old"]))
    return _made(document, undone, name)


def _made(
    document: Document,
    found: Iterable[tuple[Mapping[str, Any], int, Sequence[Word], Sequence[Word]]],
    name: str,
) -> bytes:
    number = {unit.id: i for i, unit in enumerate(document.units)}
    changes = []
    for row, at, here, wanted in found:
        unit = number.get(row["unit"], -1)
        words = document.units[unit].words[at : at + len(here)] if unit >= 0 else ()
        if unit < 0 or [word.text for word in words] != [word.text for word in here]:
            raise RecordError(
                f"{name}, line {row['line']}: there is no {joined([word.text for word in here])!r} at word {at} of "
                f"{row['unit']!r}.",
                "Give the file that the changes are of.",
            )
        changes.append(Change(unit, at, at + len(here), tuple(wanted)))
    try:
        return document.written(changes)
    except ValueError as error:
        raise RecordError(f"{name}: changes overlap.", "Give each change once.") from error
