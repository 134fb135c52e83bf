"""Reading what others wrote: N-best lists, and texts by id, in whatever format they come.

Formats that hold hypotheses, told apart by what is inside (`read_lists`):

- `records`: our own JSON Lines (`ger.io.jsonl`), lists or corrections;
- `hyporadise`: a JSON list of `{"input": [text …], "output": reference}`;
- `mlm-scoring`: a JSON object of `{"hyp_1": {"text", "score"}, …, "ref"}` under their ids;
- `agwer`: JSON Lines of `{"nbest": [text …], "reference"}`;
- `espnet`: a folder with `1best_recog/`, `2best_recog/` …, each with `text` and maybe `score`;
- `kaldi`: lines `id word word …`, and `tsv`: lines `id<TAB>text`, both lists of one text.
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
from ger.io import lists_espnet, lists_json, lists_text
from ger.io.documents import detected, read_document
from ger.io.documents.passages import recordings
from ger.io.lists_text import Ids, Source
from ger.io.paths import printable, utf8
from ger.registry import suggest
from ger.types import Hypothesis, NBest

__all__ = ["FORMATS", "attach_references", "join_systems", "read_lists", "read_texts"]

_Path = str | os.PathLike[str]

_READERS: dict[str, Callable[[Source], Iterator[NBest]]] = {
    "records": lists_json.records,
    "hyporadise": lists_json.hyporadise,
    "mlm-scoring": lists_json.mlm_scoring,
    "agwer": lists_json.agwer,
    "kaldi": lambda source: _single(lists_text.kaldi(source.name, source.lines())),
    "tsv": lambda source: _single(lists_text.tsv(source.name, source.lines())),
}

#: What `read_lists` can read.
FORMATS = [*_READERS, "espnet"]

#: A text file without JSON is Kaldi's when its name ends so; others (`.srt`, `.csv`) are something else.
_TEXT_SUFFIXES = ("", ".txt", ".text", ".trn", ".ref", ".hyp")

# A line of text may begin with a bracket, too: [noise] hello.
_JSON_LIST = re.compile(rb"\[\s*($|[{\]])")
_JSON_OBJECT = re.compile(rb"\{\s*($|[\"}])")

_ACCEPTED = (
    "Accepted are records (.jsonl), HyPoradise and mlm-scoring .json, agwer .jsonl, Kaldi text, "
    "tab-separated id and text, and ESPnet output folders."
)


def read_lists(path: _Path, *, format: str | None = None) -> Iterator[NBest]:
    """N-best lists out of a file, a folder, or standard input (`-`).

    A score that is infinite or no number is read as unknown, and `meta["scores_not_finite"]` counts such scores of a
    list; positive scores are taken as they are. HyPoradise's averages become estimated totals (`lists_json`).

    Args:
        path: The file or folder.
        format: One of `FORMATS`; found out from what is inside when left out.

    Raises:
        InputError: the file cannot be read or is of no known format.
        RecordError: something in it is not what it should be, or an id is there twice; names the place.
        UnknownNameError: there is no format of that name.
    """
    if format is not None and format not in FORMATS:
        raise UnknownNameError(f"There is no list format called {format!r}.", suggest(format, FORMATS))
    if format == "espnet" or (format is None and path != "-" and Path(path).is_dir()):
        yield from lists_espnet.read(path)
        return
    with lists_text.opened(path) as source:
        yield from _READERS[format or _detected(source)](source)


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
    if path != "-" and Path(path).is_dir():
        return dict(_chosen(read_lists(path), reference, printable(path)))
    if path != "-" and (known := detected(path)):
        return recordings(read_document(path, format=known), Path(utf8(path)).stem)
    with lists_text.opened(path) as source:
        kind = _detected(source, "kaldi")
        if kind == "records":
            return dict(_record_texts(source, reference))
        if kind not in ("kaldi", "tsv"):
            return dict(_chosen(_READERS[kind](source), reference, source.name))
        if kind == "tsv" and ids is not False:
            return dict(lists_text.tsv(source.name, source.lines()))
        lines = list(source.lines())
        keyed = lists_text.starts_with_ids(lines) if ids is None else ids
        return dict(lists_text.kaldi(source.name, lines) if keyed else lists_text.numbered(lines))


def join_systems(systems: Mapping[str, Mapping[str, str]], references: Mapping[str, str] | None = None) -> list[NBest]:
    """One list an utterance out of the texts of several systems: one hypothesis a system, in the order given.

    Each hypothesis has the name of its system in `extra["system"]`; repeats stay. Lists come in the order of the
    references, without these in that of the first system.

    Raises:
        InputError: an utterance is missing in a system or in the references.
    """
    sides = {f"System {name!r}": texts for name, texts in systems.items()}
    if references is not None:
        sides = {"The reference file": references} | sides
    order = list(dict.fromkeys(key for texts in sides.values() for key in texts))
    for side, texts in sides.items():
        _complete(side, texts, order)
    return [
        NBest(
            key,
            tuple(Hypothesis(texts[key], extra={"system": name}) for name, texts in systems.items()),
            reference=references[key] if references is not None else None,
        )
        for key in order
    ]


def attach_references(lists: Iterable[NBest], references: Mapping[str, str]) -> Iterator[NBest]:
    """The lists with their references.

    Raises:
        InputError: a list has no reference, or, told after the last list, a reference has no list.
    """
    seen: set[str] = set()
    for nbest in lists:
        _complete("The reference file", references, [nbest.id])
        seen.add(nbest.id)
        yield replace(nbest, reference=references[nbest.id])
    _complete("The list file", seen, list(references))


def _complete(side: str, has: Iterable[str], wanted: list[str]) -> None:
    held = has if isinstance(has, Mapping | set) else set(has)
    missing = [key for key in wanted if key not in held]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise InputError(
            f"{side} has no utterance {missing[0]!r}{more}.", "Both sides need the same ids: check that they belong."
        )


def _detected(source: Source, plain: str | None = None) -> str:
    """The format of an open file, by its first line and its suffix.

    Args:
        source: The file.
        plain: What a text file without JSON is whatever its name.
    """
    first = source.first
    if _JSON_OBJECT.match(first):
        return _detected_object(source)
    if _JSON_LIST.match(first):
        return "hyporadise"
    if not first or source.suffix == ".jsonl":
        return "records"
    if source.suffix != ".json":
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
    if source.suffix == ".jsonl" or fields & {"hypotheses", "decision"} or {"id", "text"} <= fields:
        return "records"
    return "mlm-scoring"


def _single(texts: Iterable[tuple[str, str]]) -> Iterator[NBest]:
    return (NBest(key, (Hypothesis(text),)) for key, text in texts)


def _chosen(lists: Iterable[NBest], reference: bool, name: str) -> Iterator[tuple[str, str]]:
    for nbest in lists:
        text = nbest.reference if reference else nbest.best.text
        if text is None:
            raise _no_reference(name, nbest.id)
        yield nbest.id, text


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
