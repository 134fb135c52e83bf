"""What is scored: references, hypotheses and lists out of whatever files hold them, put together by id."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ger.errors import InputError, RecordError, UsageError
from ger.hotwords import Hotwords
from ger.io.documents import Document, document_in
from ger.io.documents.core import joined
from ger.io.documents.passages import recordings, unit_lists
from ger.io.jsonl import read_corrections
from ger.io.lists import join_references, read_lists, read_texts, recordings_of
from ger.io.lists_join import recording_of
from ger.io.paths import printable, utf8
from ger.types import Correction, NBest

__all__ = ["Item", "read_items", "with_hotwords"]

_Path = str | os.PathLike[str]
_Record = NBest | Correction

_IDS = (
    "Both sides need the same ids, or the references those of whole recordings; --ids and --no-ids say whether lines "
    "of text begin with one."
)
_LINES = "Lines without ids are compared one by one; where one of the files is a single line, both are compared whole."


@dataclass(frozen=True, slots=True)
class Item:
    """One utterance to score.

    Attributes:
        id: Its id.
        reference: What was said.
        hypothesis: The text that is scored.
        hypotheses: The list that the text was made from, best first; `None` where nothing is known of a list.
        against: The text of a second system.
        group: The value of the field that rates are broken down by.
        hotwords: Those of its record.
        target: The language of the texts, where its record says that they are a translation.
    """

    id: str
    reference: str
    hypothesis: str
    hypotheses: tuple[str, ...] | None = None
    against: str | None = None
    group: str | None = None
    hotwords: tuple[str, ...] = ()
    target: str | None = None


@dataclass(frozen=True, slots=True)
class _Side:
    """What one file says: texts by id, and the records they came in, if any.

    Attributes:
        name: What errors call it.
        texts: Texts by id.
        records: The records they came in, by the same ids.
        alone: Whether it is a document of one recording.
        plain: Whether its ids are but numbers of lines.
        whole: Whether a text is that of several records, so that nothing is known of lists.
    """

    name: str
    texts: Mapping[str, str]
    records: Mapping[str, _Record] = field(default_factory=dict)
    alone: bool = False
    plain: bool = False
    whole: bool = False

    def __getitem__(self, key: str) -> str:
        return self.texts[key]

    @property
    def of_one(self) -> bool:
        """Whether it is all of one recording: a document, a single line, or lists of one recording."""
        names = {path or recording_of(key) for key, path in recordings_of(self.records.values()).items()}
        return self.alone or (self.plain and len(self.texts) == 1) or (len(names) == 1 and "" not in names)

    def as_one(self) -> _Side:
        """The same as a document of one recording."""
        return self if self.alone else _gathered(self, {self.name: tuple(self.texts)}, alone=True)


def read_items(
    reference: _Path,
    hypothesis: _Path | None = None,
    *,
    against: _Path | None = None,
    by: str | None = None,
    ids: bool | None = None,
) -> list[Item]:
    """The utterances to score, in the order of the references.

    Args:
        reference: Texts by id (anything `ger.io.lists.read_texts` reads), or lists or corrections that hold
            references; `-` is standard input.
        hypothesis: Texts by id, lists (their first hypothesis counts) or corrections (their text counts). Left out
            when `reference` holds both.
        against: The same of a second system.
        by: A field of the records, with dots between the parts: `language`, `meta.domain`.
        ids: Whether lines of text files begin with an id; found out when left out.

    Raises:
        InputError: a file cannot be read or an id is missing on one side.
        RecordError: a line of a file is not what it should be, or has no reference.
        UsageError: no record has the field, or standard input is to be read twice.
    """
    if [reference, hypothesis, against].count("-") > 1:
        raise UsageError("Standard input can be read only once.", "Give the name of a file for the others.")
    left = _read(reference, ids, reference=True)
    if hypothesis is None and not left.records:
        hint = "Give two files, references and hypotheses, or records that hold both."
        raise UsageError(f"{left.name} holds texts alone.", hint)
    right = _read(hypothesis, ids) if hypothesis is not None else _itself(left)
    other = _read(against, ids) if against is not None else None
    if any(_undivided(left, side) for side in (right, other) if side):
        left = left.as_one()
    right, other = _called_as(left, right), _called_as(left, other) if other else None
    for side in (right, other):
        if side:
            _check(left, side)
    records, listed = _records(right, left), not (left.whole or right.whole)
    groups = _groups(records, by, right.name) if by else {}
    return [
        Item(
            key,
            text,
            right[key],
            _texts(records.get(key)) if listed else None,
            other[key] if other else None,
            groups.get(key),
            _hotwords(key, right.records, left.records),
            records[key].target if key in records else None,
        )
        for key, text in left.texts.items()
    ]


def with_hotwords(items: Iterable[Item], hotwords: Hotwords) -> list[Item]:
    """The same with more hotwords: those of the recording that an id names, with or without a number, and of all."""
    shared = tuple(hotword.text for hotword in hotwords.entries)
    made = []
    for item in items:
        own = hotwords.own(item.id) or hotwords.own(recording_of(item.id))
        more = (*item.hotwords, *(hotword.text for hotword in own))
        made.append(replace(item, hotwords=tuple(dict.fromkeys((*more, *shared))) if more else shared))
    return made


def _undivided(left: _Side, side: _Side) -> bool:
    """Whether two files can only be compared as a whole: lines without ids, and what is of one recording."""
    return left.texts.keys() != side.texts.keys() and ((left.plain and side.of_one) or (left.of_one and side.plain))


def _called_as(left: _Side, side: _Side) -> _Side:
    """A side with the ids of the references.

    What is of one recording goes with a document of one recording whatever their names; the parts of a recording are
    one text where the reference is of the whole.
    """
    if left.alone and (side.plain or side.of_one):
        (key,) = left.texts
        return _gathered(side, {key: tuple(side.texts)}, alone=True)
    if left.texts.keys() == side.texts.keys():
        return side
    found = join_references(dict.fromkeys(side.texts, "") | recordings_of(side.records.values()), left.texts)
    return _gathered(side, {**found.lists, **{key: (key,) for key in found.without}})


def _gathered(side: _Side, keys: Mapping[str, tuple[str, ...]], *, alone: bool = False) -> _Side:
    """A side with new ids, each with those whose texts it is made of."""
    parts = {key: _in_time(own, side.records) for key, own in keys.items()}
    texts = {key: joined([side.texts[part] for part in own if side.texts[part]]) for key, own in parts.items()}
    records = {
        key: _common([side.records[part] for part in own]) for key, own in parts.items() if own[0] in side.records
    }
    whole = side.whole or (bool(records) and any(len(own) > 1 for own in parts.values()))
    return _Side(side.name, texts, records, alone, side.plain, whole)


def _in_time(keys: Sequence[str], records: Mapping[str, _Record]) -> list[str]:
    """Parts of a recording in the order in which they begin, where that is known."""
    spans = {key: records[key].audio for key in keys if key in records}
    begins = {key: span.start for key, span in spans.items() if span and span.start is not None}
    return sorted(keys, key=begins.__getitem__) if len(begins) == len(keys) else list(keys)


def _common(records: Sequence[_Record]) -> _Record:
    """What is the same in all records of a recording, and the hotwords of all."""
    first, *others = records
    if not others:
        return first
    meta = {key: value for key, value in first.meta.items() if all(other.meta.get(key) == value for other in others)}
    hotwords = tuple(dict.fromkeys(text for record in records for text in record.context.hotwords))
    language = first.language if all(other.language == first.language for other in others) else None
    return replace(first, meta=meta, language=language, context=replace(first.context, hotwords=hotwords))


def _itself(side: _Side) -> _Side:
    """The texts that are scored, of the file that holds references too."""
    return _Side(side.name, {key: _text(record) for key, record in side.records.items()}, side.records)


def _records(right: _Side, left: _Side) -> Mapping[str, _Record]:
    """Records with lists: those of the hypotheses, or else those of the references."""
    for side in (right, left):
        if any(record.hypotheses for record in side.records.values()):
            return side.records
    return right.records or left.records


def _texts(record: _Record | None) -> tuple[str, ...] | None:
    return None if record is None else tuple(hypothesis.text for hypothesis in record.hypotheses)


def _hotwords(key: str, *sides: Mapping[str, _Record]) -> tuple[str, ...]:
    """The hotwords of an utterance, of the first of its records that has some."""
    return next((side[key].context.hotwords for side in sides if key in side and side[key].context.hotwords), ())


def _text(record: _Record) -> str:
    return record.text if isinstance(record, Correction) else record.best.text


def _read(path: _Path, ids: bool | None, *, reference: bool = False) -> _Side:
    """What a file says; with `reference` the texts are the references."""
    name = printable(path) if path != "-" else "standard input"
    with _file(path) as file:
        if (document := document_in(file)) and document.format != "nemo":  # one with predictions is lists
            return _of_document(document, path, reference)
        fields = _fields(file)
        if fields is None or ("text" in fields and not fields & {"decision", "reference", "pred_text"}):
            texts = read_texts(file, ids=ids)
            numbers = list(map(str, range(1, len(texts) + 1)))
            return _Side(name, texts, plain=fields is None and list(texts) == numbers != [])
        found = read_corrections(file, name) if "decision" in fields else read_lists(file)
        records = {record.id: record for record in found}
    if not reference:
        return _Side(name, {key: _text(record) for key, record in records.items()}, records)
    return _Side(name, {key: _reference(record, name) for key, record in records.items()}, records)


def _of_document(document: Document, path: _Path, reference: bool) -> _Side:
    """The recordings of a document; or its utterances, which may have references."""
    if not any(unit.closed for unit in document.units):
        texts = recordings(document, Path(utf8(path)).stem)
        return _Side(printable(path), texts, alone=len(texts) == 1)
    records = {nbest.id: nbest for nbest in unit_lists(document)}
    known = all(nbest.reference is not None for nbest in records.values())
    texts = {key: (n.reference or "") if known and reference else n.best.text for key, n in records.items()}
    return _Side(printable(path), texts, records if known else {})


def _reference(record: _Record, name: str) -> str:
    if record.reference is None:
        hint = "Give the references in a file of their own: ger score REF HYP."
        raise RecordError(f"{name}: {record.id!r} has no reference.", hint)
    return record.reference


@contextmanager
def _file(path: _Path) -> Iterator[_Path]:
    """A path that can be read more than once; standard input is kept in a file."""
    if path != "-":
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "standard input")
        with file.open("wb") as stream:
            shutil.copyfileobj(sys.stdin.buffer, stream)
        yield file


def _fields(path: _Path) -> set[str] | None:
    """Fields of the first record of a file that holds lists or records; `None` of a file that holds text."""
    if Path(path).is_dir():
        return set()
    try:
        with open(path, "rb") as stream:
            first = next((line for line in stream if line.strip()), b"").removeprefix(b"\xef\xbb\xbf").strip()
    except OSError as error:
        hint = "Check the name and its permissions."
        raise InputError(f"{printable(path)} cannot be read: {error.strerror}.", hint) from error
    if not first.startswith((b"{", b"[")):
        return None
    try:
        value: Any = json.loads(first)
    except (ValueError, RecursionError):
        return set()  # JSON over several lines, or damaged: the reader knows
    return set(value) if isinstance(value, dict) else set()


def _check(left: _Side, right: _Side) -> None:
    """Raise where an id stands on one side only."""
    for has, lacks in ((left, right), (right, left)):
        missing = [key for key in has.texts if key not in lacks.texts]
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise InputError(
                f"{lacks.name} has no utterance {missing[0]!r}{more} of {has.name} "
                f"({len(lacks.texts)} utterances, {len(has.texts)} there).",
                _LINES if left.plain and right.plain else _IDS,
            )


def _groups(records: Mapping[str, _Record], by: str, name: str) -> dict[str, str]:
    """The value of a field for every record that has it.

    Raises:
        UsageError: no record has it.
    """
    values = {key: _field(record.to_json(), by.split(".")) for key, record in records.items()}
    groups = {key: _shown(value) for key, value in values.items() if value is not None}
    if not groups:
        known = sorted({found for record in list(records.values())[:100] for found in _known(record.to_json())})
        hint = f"Fields there: {', '.join(known)}." if known else "Fields come with records (.jsonl), not with texts."
        raise UsageError(f"{name}: no utterance has a field {by!r} to group by.", hint)
    return groups


def _field(value: Any, path: list[str]) -> Any:
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _known(value: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Paths of all fields that hold a plain value."""
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _known(inner, f"{prefix}{name}.")
        elif inner is not None and not isinstance(inner, list):
            yield prefix + name


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
