"""Reading what others wrote: N-best lists, and texts by id, in whatever format they come.

Formats that hold hypotheses, told apart by what is inside (`read_lists`):

- `records`: our own JSON Lines (`ger.io.jsonl`), lists or corrections;
- `hyporadise`: a JSON list of `{"input": [text …], "output": reference}`;
- `mlm-scoring`: a JSON object of `{"hyp_1": {"text", "score"}, …, "ref"}` under their ids;
- `agwer`: JSON Lines of `{"nbest": [text …], "reference"}`;
- `espnet`: a folder with `1best_recog/`, `2best_recog/` …, each with `text` and maybe `score`;
- `kaldi`: lines `id word word …`, `tsv`: lines `id<TAB>text`, and `txt`: lines of text, called by number; all of them
  lists of one text;
- `kaldi-nbest`: lines `id-1 word …`, `id-2 word …`, with files of costs beside them (`lm_cost`, `ac_cost`);
- `kaldi-lattice`: lattices as text, and `k2-lattice`, of which the best different texts are listed;
- `nemo-nbest`: lines `text<TAB>score` with the manifest beside them, and `nemo`: a manifest with `pred_text`;
- `hypotranslate`: a `.pt` file with a list of `{"input": [text …], "ground_truth"}`.

What some of them need besides, such as words by number, is looked for in the folder of the file or given (`Beside`).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ger.errors import InputError, RecordError, UnknownNameError
from ger.io import (
    lists_espnet,
    lists_json,
    lists_k2,
    lists_kaldi_lattice,
    lists_kaldi_nbest,
    lists_nemo,
    lists_pt,
    lists_text,
)
from ger.io.documents import Document, document_in, is_manifest, read_document
from ger.io.documents.core import decoded, lines_of
from ger.io.documents.passages import recordings, unit_lists
from ger.io.lists_beside import Beside
from ger.io.lists_join import Joined, attach_references, join_references, join_systems, recordings_of
from ger.io.lists_text import Ids, Source
from ger.io.paths import printable, utf8
from ger.registry import suggest
from ger.types import Hypothesis, NBest

__all__ = [
    "FORMATS",
    "Beside",
    "Joined",
    "any_document",
    "attach_references",
    "join_references",
    "join_systems",
    "read_lists",
    "read_texts",
    "recordings_of",
]

_Path = str | os.PathLike[str]

_READERS: dict[str, Callable[[Source, Beside], Iterator[NBest]]] = {
    "records": lambda source, beside: lists_json.records(source, _untold(beside)),
    "hyporadise": lambda source, _: lists_json.hyporadise(source),
    "mlm-scoring": lambda source, _: lists_json.mlm_scoring(source),
    "agwer": lambda source, _: lists_json.agwer(source),
    "kaldi": lambda source, _: _single(lists_text.kaldi(source.name, source.lines())),
    "tsv": lambda source, _: _single(lists_text.tsv(source.name, source.lines())),
    "txt": lambda source, _: _single(lists_text.numbered(source.lines())),
    "kaldi-nbest": lists_kaldi_nbest.read,
    "kaldi-lattice": lists_kaldi_lattice.read,
    "k2-lattice": lists_k2.read,
    "nemo-nbest": lists_nemo.nbest,
    "nemo": lambda source, _: lists_nemo.manifest(source),
}

#: What `read_lists` can read.
FORMATS = [*_READERS, "espnet", "hypotranslate"]

#: Text files that more than an id and a text tell.
_FITS: dict[str, Callable[[Source, Beside], bool]] = {
    "kaldi-lattice": lambda source, _: lists_kaldi_lattice.looks_like(source),
    "k2-lattice": lambda source, _: lists_k2.looks_like(source),
    "kaldi-nbest": lists_kaldi_nbest.looks_like,
    "nemo-nbest": lists_nemo.looks_like,
}

#: A text file without JSON is Kaldi's when its name ends so; others (`.srt`, `.csv`) are something else.
_TEXT_SUFFIXES = ("", ".txt", ".text", ".trn", ".ref", ".hyp")

# A line of text may begin with a bracket, too: [noise] hello.
_JSON_LIST = re.compile(rb"\[\s*($|[{\]])")
_JSON_OBJECT = re.compile(rb"\{\s*($|[\"}])")

#: How compressed files begin, and Kaldi's entries behind their ids.
_GZIP, _BINARY, _UTF16 = b"\x1f\x8b", b" \0B", (b"\xff\xfe", b"\xfe\xff")

_ACCEPTED = (
    "Accepted are records (.jsonl), HyPoradise and mlm-scoring .json, agwer .jsonl, Kaldi text, lists and lattices, "
    "k2 lattices, NeMo lists and manifests, HypoTranslate .pt, tab-separated id and text, lines of text, and ESPnet "
    "output folders."
)


def read_lists(path: _Path, *, format: str | None = None, beside: Beside | None = None) -> Iterator[NBest]:
    """N-best lists out of a file, a folder, or standard input (`-`).

    A score that is infinite or no number is read as unknown, and `meta["scores_not_finite"]` counts such scores of a
    list; positive scores are taken as they are. HyPoradise's averages become estimated totals (`lists_json`). Lines of
    text begin with ids where `read_texts` says so.

    Args:
        path: The file or folder.
        format: One of `FORMATS`; found out from what is inside when left out.
        beside: Files that are read with it, and how lattices become lists.

    Raises:
        InputError: the file cannot be read or is of no known format.
        RecordError: something in it is not what it should be, or an id is there twice; names the place.
        UnknownNameError: there is no format of that name.
        DependencyError: a `.pt` file is to be read, and torch is missing.
    """
    if format is not None and format not in FORMATS:
        raise UnknownNameError(f"There is no list format called {format!r}.", suggest(format, FORMATS))
    beside = beside or Beside()
    if format == "espnet" or (format is None and path != "-" and Path(path).is_dir()):
        yield from _labelled(lists_espnet.read(path), beside)
    elif format == "hypotranslate" or (format is None and _is_torch(path)):
        yield from _labelled(lists_pt.read(path), beside)
    else:
        with lists_text.opened(path) as source:
            kind = format or _detected(source, beside=beside)
            lists = _single(_plain(source)) if kind == "kaldi" and format is None else _READERS[kind](source, beside)
            yield from lists if kind == "records" else _labelled(lists, beside)


def _labelled(lists: Iterable[NBest], beside: Beside) -> Iterator[NBest]:
    """Lists of formats that do not say what they are."""
    for nbest in lists:
        yield replace(nbest, **_untold(beside)) if beside.target and nbest.task == "transcribe" else nbest


def _untold(beside: Beside) -> dict[str, Any]:
    """Fields of lists that do not say what they are."""
    return {"task": "translate", "target": beside.target} if beside.target else {}


def _is_torch(path: _Path) -> bool:
    return Path(path).suffix.lower() in lists_pt.SUFFIXES


def read_texts(path: _Path, *, ids: bool | None = None, reference: bool = False) -> dict[str, str]:
    """Texts by id: of records and answers (`text`, else the first hypothesis), of lists, or of lines.

    Of a document (`ger.io.documents`) it is the text of every recording, called by the file where that has one only.

    Args:
        path: Anything that `read_lists` reads, JSON Lines of `{"id": …, "text": …}`, or plain lines; `-` is
            standard input.
        ids: For a text file, whether its lines begin with ids (Kaldi). Without ids, lines are called `1`, `2` … When
            left out, they do where the first line has a tab, or where the first words of all lines hold a digit and
            at least every second one is new; an id that is there twice is an error then.
        reference: Read the reference of each record or list, not its text.

    Raises:
        InputError: the file cannot be read or is of no known format.
        RecordError: something in it is not what it should be, an id is there twice, or a reference is missing.
    """
    if path != "-" and (Path(path).is_dir() or _is_torch(path)):
        return dict(_chosen(read_lists(path), reference, printable(path)))
    if path != "-" and (document := document_in(path)) and document.format != "nemo":
        if reference and any(unit.reference is not None for unit in document.units):
            return dict(_chosen(unit_lists(document), reference, printable(path)))
        return recordings(document, Path(utf8(path)).stem)
    with lists_text.opened(path) as source:
        kind = _detected(source, "kaldi")
        if kind == "records":
            return dict(_record_texts(source, reference))
        if kind == "nemo":
            return dict(_all(lists_nemo.texts(source, reference), source.name))
        if kind not in ("kaldi", "tsv"):
            return dict(_chosen(_READERS[kind](source, Beside(count=1)), reference, source.name))
        if kind == "tsv" and ids is not False:
            return dict(lists_text.tsv(source.name, source.lines()))
        return dict(_plain(source, ids))


def any_document(path: _Path, format: str = "") -> Document | None:
    """The document in a file (`document_in`); where its format is not named, text files of lines are documents, too.

    Raises:
        InputError: the file cannot be read, or is not what it should be; names the place.
    """
    return document_in(path, format) or (None if format or os.fspath(path) == "-" else _text_document(path))


def _text_document(path: _Path) -> Document | None:
    """A text file of lines, with ids (Kaldi) or without, which is no other document; `None` for anything else."""
    if Path(path).suffix.lower() not in _TEXT_SUFFIXES or Path(path).is_dir():
        return None
    with lists_text.opened(path) as source:
        if _detected(source) != "kaldi":
            return None
        raw = b"".join(source.raw)
    text, _ = decoded(raw, source.name)
    keyed = lists_text.starts_with_ids((number, line) for number, _, line in lines_of(text))
    return read_document(path, format="kaldi" if keyed else "txt", raw=raw)


def _plain(source: Source, ids: bool | None = None) -> Iterator[tuple[str, str]]:
    """The texts of lines, by their ids where they begin with some."""
    lines = list(source.lines())
    keyed = lists_text.starts_with_ids(lines) if ids is None else ids
    return lists_text.kaldi(source.name, lines) if keyed else lists_text.numbered(lines)


def _detected(source: Source, plain: str | None = None, beside: Beside | None = None) -> str:
    """The format of an open file, by its first lines, its suffix, and what lies beside it.

    Args:
        source: The file.
        plain: What a text file without JSON is whatever its name.
        beside: What was given with it.
    """
    first = source.first
    if first.startswith(_GZIP) or (_BINARY in first and not first.startswith(_UTF16)):
        raise InputError(
            f"{source.name} is {'compressed' if first.startswith(_GZIP) else 'a binary archive'}.",
            "Unpack it, and write Kaldi's archives as text, for example with `lattice-copy ark:… ark,t:…`.",
        )
    if _JSON_OBJECT.match(first):
        return _detected_object(source)
    if _JSON_LIST.match(first):
        return "hyporadise"
    if not first or source.suffix == ".jsonl":
        return "records"
    if source.suffix != ".json":
        for kind, fits in _FITS.items():
            if fits(source, beside or Beside()):
                return kind
        if b"\t" in first:
            return "tsv"
        if plain or source.suffix in _TEXT_SUFFIXES:
            return plain or "kaldi"
    raise InputError(f"{source.name} is in no format known to hold hypotheses.", _ACCEPTED)


def _detected_object(source: Source) -> str:
    try:
        value = json.loads(source.first)
    except (ValueError, RecursionError):
        return "records" if source.suffix == ".jsonl" else "mlm-scoring"
    fields = set(value)
    if "nbest" in fields and "hypotheses" not in fields:
        return "agwer"
    if is_manifest(source.first) and ("id" not in fields or "pred_text" in fields):
        return "nemo"
    if source.suffix == ".jsonl" or fields & {"hypotheses", "decision"} or {"id", "text"} <= fields:
        return "records"
    return "mlm-scoring"


def _single(texts: Iterable[tuple[str, str]]) -> Iterator[NBest]:
    return (NBest(key, (Hypothesis(text),)) for key, text in texts)


def _all(texts: Iterable[tuple[str, str | None]], name: str) -> Iterator[tuple[str, str]]:
    for key, text in texts:
        if text is None:
            raise _no_reference(name, key)
        yield key, text


def _chosen(lists: Iterable[NBest], reference: bool, name: str) -> Iterator[tuple[str, str]]:
    return _all(((nbest.id, nbest.reference if reference else nbest.best.text) for nbest in lists), name)


def _record_texts(source: Source, reference: bool) -> Iterator[tuple[str, str]]:
    ids = Ids(source.name)
    for number, value in lists_json.objects(source):
        where = f"{source.name}, line {number}"
        key = value.get("id")
        if not isinstance(key, str):
            raise RecordError(f"{where}: 'id' is missing or no text.")
        ids.add(key, f"line {number}")
        text = _reference(value) if reference else _text(value, where)
        if text is None and reference:
            raise _no_reference(where, key)
        if not isinstance(text, str):
            raise RecordError(f"{where}: expected a text, found {text!r}.")
        yield key, text


def _text(value: Mapping[str, Any], where: str) -> Any:
    if "text" in value:
        return value["text"]
    return NBest.from_json(value, where).best.text


def _reference(value: Mapping[str, Any]) -> Any:
    """The reference; of a plain text, which has no hypotheses, the text itself."""
    text = value.get("reference")
    return value.get("text") if text is None and "hypotheses" not in value else text


def _no_reference(where: str, key: str) -> RecordError:
    return RecordError(f"{where}: {key!r} has no reference.", "Give the references in a file of their own.")
