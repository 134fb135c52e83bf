"""Hotwords in TOML: those of all recordings, in sets that can be chosen, and of single recordings.

words = ["Ada Lovelace"]

[sets.drugs]
weight = 2
words = ["Tavrelin", {text = "Xyrem", sounds = ["zy rem"]}]

[recordings."call-7"]
words = ["Kowalczyk"]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ger.errors import InputError, UsageError
from ger.hotwords import Hotword
from ger.io.hotwords_entry import Entry, EntryError, entry, weight_of
from ger.io.paths import printable
from ger.io.toml import read_toml
from ger.registry import suggest

__all__ = ["entries"]

_TOP = ("words", "weight", "sets", "recordings")
_GROUP = ("words", "weight")
_WORD = ("text", "weight", "sounds")
_HINT = 'Write for example: words = ["Ada", {text = "Xyrem", weight = 2, sounds = ["zy rem"]}]'


def entries(path: Path, sets: Sequence[str] = ()) -> Iterator[Entry]:
    """The hotwords of a file: those at its top, of the chosen sets or else of all, and of its recordings.

    Raises:
        InputError: it cannot be read, or holds what is no hotword; says where.
        UsageError: there is no such set.
    """
    name = printable(path)
    content = read_toml(path, _HINT)
    _check(content, _TOP, name)
    known, recordings = (_tables(content, part, name) for part in ("sets", "recordings"))
    if unknown := next((chosen for chosen in sets if chosen not in known), None):
        raise UsageError(f"{name} has no set called {unknown!r}.", suggest(unknown, sorted(known)))
    yield from _group({key: content[key] for key in _GROUP if key in content}, name, "")
    for chosen, group in known.items():
        if not sets or chosen in sets:
            yield from _group(group, f"{name}, set {chosen}", "")
    for recording, group in recordings.items():
        yield from _group(group, f"{name}, recording {recording}", recording)


def _tables(content: dict[str, Any], part: str, name: str) -> dict[str, Any]:
    found = content.get(part, {})
    if not isinstance(found, dict):
        raise InputError(f"{name}: {part!r} is no table.", f"Write [{part}.NAME] and words = [...] below it.")
    return found


def _group(group: Any, where: str, recording: str) -> Iterator[Entry]:
    """Hotwords of a table, or of a list alone."""
    group = {"words": group} if isinstance(group, list) else group
    _check(group, _GROUP, where)
    words = group.get("words", [])
    if not isinstance(words, list):
        raise InputError(f"{where}: 'words' is no list.", _HINT)
    for number, word in enumerate(words, 1):
        try:
            yield _entry(word, group.get("weight")), recording
        except EntryError as error:
            told = word.get("text", "") if isinstance(word, dict) else word
            raise InputError(f"{where}, word {number}: {str(told)[:60]!r} {error}.", _HINT) from error


def _entry(word: Any, weight: object) -> Hotword:
    fields = word if isinstance(word, dict) else {"text": word}
    if unknown := next((key for key in fields if key not in _WORD), None):
        raise EntryError(f"has the unknown field {unknown!r}")
    text, sounds = fields.get("text"), fields.get("sounds", [])
    sounds = [sounds] if isinstance(sounds, str) else sounds
    if not isinstance(text, str):
        raise EntryError("is no text")
    if not isinstance(sounds, list) or not all(isinstance(sound, str) for sound in sounds):
        raise EntryError("has sounds that are no texts")
    return entry(text, weight_of(fields.get("weight", weight)), sounds)


def _check(table: Any, known: Sequence[str], where: str) -> None:
    if not isinstance(table, dict):
        raise InputError(f"{where}: it is no table and no list.", _HINT)
    if unknown := next((key for key in table if key not in known), None):
        raise InputError(f"{where}: there is no field {unknown!r}.", suggest(unknown, known))
