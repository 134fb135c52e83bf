"""Recognizers' output in the form that users have it: read, corrected, and written again as it was.

Which format a file is in is found out here, for JSON with the help of `shapes`. Every format has a module with
`read(raw, name)`, which makes a `Document` of the file's bytes.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from importlib import import_module
from io import BytesIO
from pathlib import Path

from ger.errors import InputError, UnknownNameError
from ger.io.documents.core import Change, Document, Unit, in_utf8
from ger.io.paths import printable
from ger.registry import suggest

__all__ = [
    "FORMATS",
    "Change",
    "Document",
    "Unit",
    "detect",
    "document_in",
    "ending",
    "is_manifest",
    "is_named",
    "is_text",
    "read_document",
]

#: The formats by name.
FORMATS = (
    "srt",
    "vtt",
    "ctm",
    "stm",
    "nlp",
    "tsv",
    "kaldi",
    "txt",
    "seglst",
    "whisper",
    "google",
    "aws",
    "azure",
    "deepgram",
    "vosk",
    "icefall",
    "wenet",
    "nemo",
)

_SUFFIXES = {".srt": "srt", ".vtt": "vtt", ".ctm": "ctm", ".stm": "stm", ".nlp": "nlp"}
#: Suffixes of other text files that hold documents.
_TEXTS = (".json", ".tsv", ".txt", ".text")
_RECOGS = re.compile(rb"\S[^\t\r\n]*:\t(ref|hyp)=\[")
_WENET = re.compile(rb"^utt: .*\r?\nWER: ", re.MULTILINE)
_ARROW = re.compile(rb"^[ \t]*+\d[\d:., \t]*-->", re.MULTILINE)


def read_document(path: str | os.PathLike[str], *, format: str | None = None, raw: bytes | None = None) -> Document:
    """A file as a document.

    Args:
        path: The file; `-` for standard input.
        format: One of `FORMATS`; found out from its name and what is inside when left out.
        raw: Its bytes, where they were read already.

    Raises:
        InputError: the file cannot be read, is of no known format or not what it should be; names the place.
        UnknownNameError: there is no format of that name.
    """
    name = "standard input" if os.fspath(path) == "-" else printable(path)
    if format is not None and format not in FORMATS:
        raise UnknownNameError(f"There is no document format called {format!r}.", suggest(format, FORMATS))
    raw = _bytes(path) if raw is None else raw
    known = format or detect(raw, os.fspath(path))
    if known is None:
        raise InputError(f"{name} is in no format that is known.", f"Name one with --format: {', '.join(FORMATS)}.")
    read: Callable[[bytes, str], Document] = import_module(f"{__name__}.{known}").read
    try:
        return read(raw, name)
    except RecursionError as error:
        raise InputError(f"{name} is nested too deeply.", "Check that it is what the recognizer wrote.") from error


def document_in(path: str | os.PathLike[str], format: str = "") -> Document | None:
    """The document in a file, which is read once; `None` where there is none.

    Args:
        path: The file; a folder is no document, and standard input (`-`) is one only where its format is named.
        format: One of `FORMATS`; found out when empty.

    Raises:
        InputError: it cannot be read, or is not what it should be; names the place.
    """
    if Path(path).is_dir() or (os.fspath(path) == "-" and not format):
        return None
    raw = _bytes(path)
    known = format or detect(raw, os.fspath(path))
    return read_document(path, format=known, raw=raw) if known else None


def _bytes(path: str | os.PathLike[str]) -> bytes:
    try:
        return sys.stdin.buffer.read() if os.fspath(path) == "-" else Path(path).read_bytes()
    except OSError as error:
        hint = "Check the name and its permissions."
        raise InputError(f"{printable(path)} cannot be read: {error.strerror}.", hint) from error


def is_named(path: str, format: str = "") -> bool:
    """Whether the format, or the name of a file, is one of documents alone."""
    return format in FORMATS or Path(path).suffix.lower() in _SUFFIXES


def ending(format: str) -> str:
    """The usual extension of files of a format, without the dot."""
    if format in (*_SUFFIXES.values(), "tsv"):
        return format
    return "txt" if format in ("kaldi", "icefall", "wenet") else "json"


def is_text(path: str) -> bool:
    """Whether a file is text, and no audio, by its name."""
    return Path(path).suffix.lower() in (*_SUFFIXES, *_TEXTS)


def detect(raw: bytes, path: str) -> str | None:
    """The format of a file by its name and its first bytes; `None` for one that is no document."""
    suffix = Path(path).suffix.lower()
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    raw = in_utf8(raw)
    head = raw[:4096].lstrip()
    if head.startswith(b"WEBVTT"):
        return "vtt"
    if head.startswith(b"token|speaker|"):
        return "nlp"
    if head.startswith(b"start\tend\ttext"):
        return "tsv"
    if _RECOGS.match(head):
        return "icefall"
    if _WENET.search(head):
        return "wenet"
    if head[:1] == b"{":
        first = next(line for line in BytesIO(raw) if line.strip())
        if is_manifest(first):
            return "nemo"
        if _is_record(first):
            return None
    if head[:1] in (b"{", b"["):
        return _json(raw, lines=suffix == ".jsonl")
    return "srt" if _ARROW.search(head) else None


def is_manifest(line: bytes) -> bool:
    """Whether a line is one of a manifest of NeMo."""
    if b'"audio_filepath"' not in line:
        return False
    try:
        value = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return False
    return (
        isinstance(value, dict)
        and "id" not in value
        and any(key == "text" or key.startswith("pred_text") for key in value)
    )


def _is_record(line: bytes) -> bool:
    """Whether a line is one of our own, so that the many others of the file need not be looked at."""
    if b'"hypotheses"' not in line and b'"decision"' not in line:
        return False
    try:
        value = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and ("hypotheses" in value or "decision" in value)


def _json(raw: bytes, *, lines: bool) -> str | None:
    """The format of a file of JSON; `lines` says that it may be a single line of many, by its name."""
    from ger.io.documents.shapes import is_transcript, of_answer, of_results, of_several

    try:
        value = json.loads(raw)
    except json.JSONDecodeError:
        return of_several(raw)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, list):
        first = value[0] if value and isinstance(value[0], dict) else {}
        return "seglst" if {"words", "session_id"} <= set(first) else of_results(value)
    known = "whisper" if "segments" in value else of_answer(value) or of_results([value])
    return known or ("whisper" if is_transcript(value) and not lines else None)
