"""Hotwords in a table with a header, as programs for tables and speech services write them.

| column | also called | what it holds |
| --- | --- | --- |
| `text` | `phrase`, `word`, `hotword`, `term`, `name`, `content` | the hotword |
| `weight` | `boost`, `score` | how readily it is put in |
| `sounds` | `sounds_like`, `soundslike`, `spoken` | spellings that say how it is spoken, `\\|` between them |
| `recording` | `file`, `audio` | the recording that it is for; empty for all |
| `display` | `displayas`, `display_as` | how it is written, where `text` is not (Amazon's vocabularies) |

Names are read in any case. In a table of Amazon's, hyphens stand for spaces in `Phrase` and `SoundsLike`; `Phrase` is
then one of the sounds. Other columns are not read.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping

from ger.errors import InputError
from ger.hotwords import Hotword
from ger.io.hotwords_entry import Entry, EntryError, entry, plain, weight_of
from ger.io.lists_text import Source

__all__ = ["entries", "is_table"]

_COLUMNS = {
    "text": ("text", "phrase", "word", "hotword", "term", "name", "content"),
    "weight": ("weight", "boost", "score"),
    "sounds": ("sounds", "sounds_like", "soundslike", "spoken"),
    "recording": ("recording", "file", "audio"),
    "display": ("display", "displayas", "display_as"),
}
_MEANING = {name: column for column, names in _COLUMNS.items() for name in names}
_HEADER = "Begin with a line such as: text,weight,sounds,recording"


def is_table(source: Source) -> bool:
    """Whether the first line names columns, with tabs between them."""
    names = [_MEANING.get(name.strip().lower()) for name in source.first.decode("utf-8", "replace").split("\t")]
    return len(names) > 1 and "text" in names


def entries(source: Source) -> Iterator[Entry]:
    """The rows of a table; tabs, semicolons or commas are between columns, whichever the header has.

    Raises:
        InputError: there is no column of hotwords, or a row holds what is none.
    """
    head = source.first.decode("utf-8", "replace")
    delimiter = next((mark for mark in "\t;" if mark in head), ",")
    rows = csv.reader((f"{line}\n" for _, line in source.lines()), delimiter=delimiter)
    try:
        header = next((row for row in rows if any(map(str.strip, row))), None)
        if header is None:
            return
        columns = [_MEANING.get(name.strip().lower(), "") for name in header]
        if "text" not in columns:
            raise InputError(f"{source.name}: no column is called {' or '.join(_COLUMNS['text'][:2])!r}.", _HEADER)
        for row in rows:
            if not any(map(str.strip, row)):
                continue
            named = {column: value for column, value in zip(columns, row, strict=False) if column}
            try:
                yield _entry(named, hyphens="display" in columns), plain(named.get("recording", ""))
            except EntryError as error:
                where = f"{source.name}, line {rows.line_num}"
                raise InputError(f"{where}: {named.get('text', '')[:60]!r} {error}.", "Mend or remove it.") from error
    except csv.Error as error:
        raise InputError(f"{source.name}, line {rows.line_num}: {error}.", "Check its quotation marks.") from error


def _entry(row: Mapping[str, str], *, hyphens: bool) -> Hotword:
    text, sounds = row.get("text", ""), [part for part in row.get("sounds", "").split("|") if part.strip()]
    if hyphens:
        text, sounds = text.replace("-", " "), [part.replace("-", " ") for part in sounds]
    if written := row.get("display", "").strip():
        sounds += [text] if plain(written) != plain(text) else []
        text = written
    return entry(text, weight_of(row.get("weight", "").strip()), sounds)
