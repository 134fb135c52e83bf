"""Hotwords as users give them: a text with commas, a file, a list of texts; several add up.

| file | what it holds |
| --- | --- |
| `.txt`, others that are text | a hotword a line, its weight behind a tab or as ` :2.0`; no lines that begin with `#` |
| `.csv`, `.tsv` | columns by name, see `ger.io.hotwords_table`; a `.txt` with such a first line is one, too |
| `.toml` | sets, weights, sounds, and those of single recordings, see `ger.io.hotwords_toml` |

What looks like a file that is missing, or that no hotwords are read from, is refused and never taken for a hotword.
A hotword is data, whatever it says: it stands on one line with single spaces, control characters are taken for white
space, and where it goes into a prompt it is fenced in as a transcript is (`ger.prompting`). The same text given twice
is one hotword with the greater weight and the sounds of both.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from ger.errors import InputError, UsageError
from ger.hotwords import Hotword, Hotwords
from ger.io import hotwords_table, hotwords_toml
from ger.io.hotwords_entry import Entry, EntryError, entry
from ger.io.lists_text import Line, Source, opened
from ger.io.paths import printable
from ger.text.normalize import normalize

__all__ = ["Given", "hotwords", "read_hotwords", "read_words"]

#: What may stand for hotwords: a text with commas or the name of a file, a path, or texts, paths, hotwords in a list.
Given = str | os.PathLike[str] | Hotwords | Iterable[str | os.PathLike[str] | Hotword | Hotwords]

_SUFFIXES = (".txt", ".csv", ".tsv", ".toml")
#: Files of text that are likelier meant than hotwords that end so.
_PLAIN = (".list", ".lst", ".md")
#: Files that no hotwords are read from.
_UNREAD = (
    *(".json", ".jsonl", ".yaml", ".yml", ".xml", ".html"),
    *(".doc", ".docx", ".odt", ".rtf", ".pdf", ".xls", ".xlsx", ".ods"),
)
_FORMATS = "Write one hotword a line into a .txt, or a table (.csv, .tsv) or sets (.toml)."
_COMMA = "if it is a hotword, put a comma behind it"
#: A weight at the end of a line: behind a tab, or behind a colon as in sherpa's files.
_WEIGHTED = re.compile(r"(.*?)(?:\t\s*|\s:\s?)([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*")


def hotwords(given: Given) -> Hotwords:
    """Hotwords out of whatever stands for them.

    A text is a file if it names one that exists or ends in `.txt`, `.csv`, `.tsv` or `.toml` (`FILE.toml#SET,SET` takes
    those sets alone), else hotwords with commas between them. A text in a list is one hotword.

    Raises:
        InputError: a file cannot be read, or holds what is no hotword, or nothing; or a text looks like a file that is
            not there.
        UsageError: what is given is no hotword, or sets are asked of a file that has none.
    """
    if isinstance(given, Hotwords):
        return given
    if isinstance(given, str):
        return _named(given)
    if isinstance(given, os.PathLike):
        return read_hotwords(given)
    return _together(_one(item) for item in given)


def read_hotwords(path: str | os.PathLike[str], sets: Iterable[str] = ()) -> Hotwords:
    """The hotwords of a file.

    Args:
        path: The file.
        sets: Of a TOML file, the sets to take; without any, all.

    Raises:
        InputError: it cannot be read, or holds what is no hotword, or nothing; names the line where it can.
        UsageError: there is no such set.
    """
    name, suffix = printable(path), Path(path).suffix.lower()
    if suffix in _UNREAD:
        raise InputError(f"{name}: no hotwords are read from {suffix} files.", _FORMATS)
    if suffix == ".toml":
        found: Iterable[Entry] = hotwords_toml.entries(Path(path), tuple(sets))
        made = _collected(found)
    else:
        with opened(path) as source:
            table = suffix in (".csv", ".tsv") or hotwords_table.is_table(source)
            made = _collected(hotwords_table.entries(source) if table else _lines(source))
    if not made:
        raise InputError(f"{name} holds no hotwords.", "Write one a line.")
    return made


def read_words(path: str | os.PathLike[str]) -> frozenset[str]:
    """The words of a file of such forms, without case and punctuation.

    Raises:
        InputError: it cannot be read, or holds nothing.
    """
    return frozenset(word for item in read_hotwords(path).entries for word in normalize(item.text).split())


def _named(text: str) -> Hotwords:
    """What a text with commas or the name of a file stands for."""
    file, mark, sets = text.rpartition("#")
    if (os.path.exists(text) and not os.path.isdir(text)) or text.lower().endswith(_SUFFIXES):
        return read_hotwords(text)
    if mark and file.lower().endswith(".toml"):
        return read_hotwords(file, [name.strip() for name in sets.split(",") if name.strip()])
    if sets and (os.path.isfile(file) or file.lower().endswith((*_SUFFIXES, *_UNREAD))):
        raise UsageError(f"{printable(file)} has no sets such as {sets!r}.", "Sets are in .toml files.")
    _check_no_file(text)
    return _together(_one(part) for part in text.split(",") if part.strip())


def _check_no_file(text: str) -> None:
    """Refuse a text that was meant as a file or a folder; `TCP/IP` and `and/or` are hotwords.

    Raises:
        InputError: it was.
    """
    if "," in text or len(text.split()) != 1:
        return
    folder, name = os.path.split(text)
    if folder and os.path.isdir(text):
        raise InputError(f"{printable(text)} is a folder.", f"Name a file in it; {_COMMA}.")
    rooted = text.startswith(("/", "./", "../", "~/"))
    if rooted or (name and os.path.isdir(folder)) or text.lower().endswith((*_PLAIN, *_UNREAD)):
        raise InputError(f"There is no file {printable(text)} to read hotwords from.", f"Check its name; {_COMMA}.")


def _one(item: str | os.PathLike[str] | Hotword | Hotwords) -> Hotwords:
    if isinstance(item, Hotwords):
        return item
    if isinstance(item, os.PathLike):
        return read_hotwords(item)
    told = item if isinstance(item, Hotword) else Hotword(item)
    if isinstance(item, str) and not item.strip():
        return Hotwords()
    try:
        return Hotwords((entry(told.text, told.weight, told.sounds),))
    except EntryError as error:
        raise UsageError(f"The hotword {told.text[:60]!r} {error}.", "Leave it out.") from error


def _together(parts: Iterable[Hotwords]) -> Hotwords:
    """Several as one."""
    pairs: list[Entry] = []
    for part in parts:
        pairs += ((item, "") for item in part.entries)
        pairs += ((item, name) for name, own in part.recordings.items() for item in own)
    return _collected(pairs)


def _collected(found: Iterable[Entry]) -> Hotwords:
    """Each text once for all recordings, and once for each recording that has its own."""
    all_of: dict[str, dict[str, Hotword]] = {}
    for item, recording in found:
        known = all_of.setdefault(recording, {})
        known[item.text] = _merged(known[item.text], item) if item.text in known else item
    entries = tuple(all_of.pop("", {}).values())
    return Hotwords(entries, {name: tuple(known.values()) for name, known in all_of.items()})


def _merged(one: Hotword, other: Hotword) -> Hotword:
    sounds = tuple(dict.fromkeys((*one.sounds, *other.sounds)))
    return replace(one, weight=max(one.weight, other.weight), sounds=sounds)


def _lines(source: Source) -> Iterator[Entry]:
    """A hotword a line."""
    for number, line in _no_json(source):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        weight = 1.0
        try:
            if ("\t" in text or " :" in text) and (found := _WEIGHTED.fullmatch(text)):
                text, weight = found[1], float(found[2])
            if "\t" in text:
                hint = "Columns belong in a .tsv with names in its first line, such as text, weight and sounds."
                raise InputError(f"{source.name}, line {number}: {line.strip()[:60]!r} has columns.", hint)
            yield entry(text, weight), ""
        except ValueError as error:
            raise InputError(f"{source.name}, line {number}: {text[:60]!r} {error}.", "Mend or remove it.") from error


def _no_json(source: Source) -> Iterable[Line]:
    """The lines of a file.

    Raises:
        InputError: they are JSON, or the first of them is.
    """
    if not source.first.startswith((b"[", b"{")):
        return source.lines()
    lines = list(source.lines())
    for text in (source.first.decode("utf-8", "replace"), "\n".join(line for _, line in lines)):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            continue
        raise InputError(f"{source.name} holds JSON.", _FORMATS)
    return lines
