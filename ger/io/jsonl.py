"""The record as JSON Lines: one utterance a line, UTF-8, read and written as a stream."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from typing import IO, Any, TypeVar

from ger.errors import InputError, RecordError
from ger.io.media import check_text
from ger.io.output import write_atomic
from ger.io.paths import printable
from ger.io.written import encode, written
from ger.types import Correction, NBest

__all__ = ["dumps", "loads", "read_corrections", "read_nbest", "write_records"]

_Source = str | os.PathLike[str] | IO[bytes]
_Record = TypeVar("_Record", NBest, Correction)

_BOM = b"\xef\xbb\xbf"


def read_nbest(source: _Source, name: str | None = None, untold: Mapping[str, Any] | None = None) -> Iterator[NBest]:
    """N-best lists, one a line; a line that holds a correction gives the list it was made from, a text one of itself.

    A byte order mark, empty lines and Windows line ends are accepted, and so is a last line without line end.

    Args:
        source: A file, `-` for standard input, or a binary stream.
        name: What errors call the source.
        untold: Fields of records that do not have them.

    Raises:
        InputError: the file cannot be read, or is audio.
        RecordError: a line is not a record, or has the id of an earlier one; names file and line.
    """
    return _records(source, name, (lambda value, where: _nbest({**untold, **value}, where)) if untold else _nbest)


def read_corrections(source: _Source, name: str | None = None) -> Iterator[Correction]:
    """Corrections, one a line; otherwise as `read_nbest`.

    Raises:
        InputError: the file cannot be read.
        RecordError: a line is not a correction, or has the id of an earlier one; names file and line.
    """
    return _records(source, name, _correction)


def write_records(path: str | os.PathLike[str], records: Iterable[NBest | Correction]) -> None:
    """Write records to a file, which appears when the last one is written.

    Raises:
        OutputError: the file cannot be written.
        RecordError: a record holds a number that JSON has no form for.
    """
    write_atomic(path, (dumps(record) + "\n" for record in records))


def loads(line: bytes, where: str, id: str = "", *, cut: bool = False) -> NBest:
    """The list in a line: a list, the list that a correction was made from, or an id and a text.

    Args:
        line: The line; a byte order mark in front of it is accepted.
        where: What errors call it.
        id: The id of a list that has none; it has to have one when this is empty.
        cut: Whether it is the last line of something and has no end, so that it may have been cut off.

    Raises:
        RecordError: it holds none; names the place.
    """
    value = _object(line.removeprefix(_BOM), where, cut=cut)
    if id:
        value.setdefault("id", id)
    return _nbest(value, where)


def dumps(record: NBest | Correction, signature: str | None = None) -> str:
    """A record as one line of JSON, without the line end.

    Args:
        record: The record.
        signature: That of a correction, in place of its own.

    Raises:
        RecordError: it holds a number that JSON has no form for (infinite or not a number), or not plain JSON values.
    """
    try:
        if isinstance(record, NBest):
            return encode(record.to_json())
        return written(record, record.signature if signature is None else signature)
    except (ValueError, TypeError, RecursionError) as error:
        raise RecordError(f"Record {record.id!r} cannot be written as JSON: {error}.") from error


def _nbest(value: Any, where: str) -> NBest:
    if "decision" not in value:
        if "hypotheses" not in value and isinstance(value.get("text"), str):
            value = {"hypotheses": [{"text": value["text"]}]} | {key: value[key] for key in value if key != "text"}
        return NBest.from_json(value, where)
    if "hypotheses" not in value:
        raise RecordError(f"{where}: this correction does not hold the list it was made from.")
    made = Correction.from_json(value, where)
    return NBest(
        id=made.id,
        hypotheses=made.hypotheses,
        audio=made.audio,
        language=made.language,
        task=made.task,
        context=made.context,
        reference=made.reference,
        meta=made.meta,
        extra=made.extra,
        target=made.target,
    )


def _correction(value: Any, where: str) -> Correction:
    if "decision" not in value and "hypotheses" in value:
        raise RecordError(f"{where}: this is an N-best list, not a correction.", "Run `ger correct` on the file first.")
    return Correction.from_json(value, where)


def _records(source: _Source, name: str | None, read: Callable[[Any, str], _Record]) -> Iterator[_Record]:
    name = printable(name or _name(source))
    lines: dict[str, int] = {}
    for number, value in _objects(source, name):
        record = read(value, f"{name}, line {number}")
        earlier = lines.setdefault(record.id, number)
        if earlier != number:
            raise RecordError(
                f"{name}: lines {earlier} and {number} both have the id {record.id!r}.",
                "Every line needs an id of its own: remove one of them or rename it.",
            )
        yield record


def _name(source: _Source) -> str:
    if isinstance(source, str | os.PathLike):
        return "standard input" if source == "-" else os.fspath(source)
    return str(getattr(source, "name", "stream"))


def _objects(source: _Source, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and value of every line that is not empty."""
    try:
        with _opened(source) as stream:
            for number, line in enumerate(stream, 1):
                if number == 1:
                    line = line.removeprefix(_BOM)
                    check_text(source if isinstance(source, str | os.PathLike) else "", line, name)
                if line.strip():
                    yield number, _object(line, f"{name}, line {number}", cut=not line.endswith(b"\n"))
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}.", "Check the name and its permissions.") from error


def _opened(source: _Source) -> Any:
    if isinstance(source, str | os.PathLike):
        return nullcontext(sys.stdin.buffer) if source == "-" else open(source, "rb")
    return nullcontext(source)


def _object(line: bytes, where: str, *, cut: bool) -> dict[str, Any]:
    try:
        value = _DECODER.decode(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise RecordError(
            f"{where}: byte {error.start + 1} (0x{line[error.start]:02x}) is not UTF-8.",
            "Save the file as UTF-8, for example with `iconv -f latin1 -t utf-8`.",
        ) from error
    except (ValueError, RecursionError) as error:
        if cut:
            hint = "The last line seems cut off: write the file again or remove that line."
        else:
            hint = "Each line has to be one complete JSON object."
        raise RecordError(f"{where}: not JSON ({error}).", hint) from error
    if not isinstance(value, dict):
        raise RecordError(
            f"{where}: expected a JSON object, found {_kind(value)}.", "Each line has to be one complete JSON object."
        )
    return value


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not a JSON number, write null where a value is unknown")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def _kind(value: Any) -> str:
    kinds = {list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")
