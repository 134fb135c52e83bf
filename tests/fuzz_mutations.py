"""Changed files for `fuzz.py`: JSON stays JSON for the most part, and lines stay lines."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from typing import Any

__all__ = ["BORDER", "mutated"]

#: Between the files of an input; the kind of files is its first byte.
BORDER = b"\x1c"

#: Values and words that readers may not expect.
_DEEP = "[" * 600 + "]" * 600
_VALUES = (
    *(None, True, False, 0, -1, 2, 0.5, 1e9, 1e308, 10**400, float("nan"), float("inf"), "", " ", "x", [], {}),
    json.loads(_DEEP),
)
_SIGNS = "0 -1 1e999 1e308 -1e308 nan inf - * % <b> &#1; [x] {x} <eps> null a|b # ;; --> 00:00:01,000 99:99:99.999 PT1S"
_LETTERS = "٣ ² שלום 你好 \u200b e\u0301 \ufeff \x00 \ud800 \" ' \\"
_SPACES = ("", " ", "\t", "\r", "\n\n", "\x0b", "\x85", "\u2028", "\xa0")
_WORDS = (*_SIGNS.split(), *_LETTERS.split(" "), *_SPACES, "x" * 300, "9" * 5000)
_PARTS = re.compile(r"\s+|[^\s\w]|[\w.]+")


def mutated(data: bytes, seed: int, others: Sequence[bytes]) -> bytes:
    """An input with one to four changes.

    Args:
        data: The input.
        seed: What the changes depend on.
        others: Inputs that lines and values are taken from.
    """
    chance = random.Random(seed)
    kind, files = data[:1], data[1:].split(BORDER)
    at = chance.randrange(len(files))
    for _ in range(chance.randint(1, 4)):
        other = chance.choice(others)[1:].replace(BORDER, b"\n")
        files[at] = _changed(files[at], other, chance)
    return kind + BORDER.join(files)


def _changed(raw: bytes, other: bytes, chance: random.Random) -> bytes:
    text, more = (part.decode("utf-8", "surrogateescape") for part in (raw, other))
    lines = text.splitlines(keepends=True) or [""]
    at = chance.randrange(len(lines))
    if chance.random() < 0.75:
        for told in (text, lines[at]):
            try:
                made = _written(_tree(json.loads(told), more, chance), chance) + "\n"
            except (ValueError, RecursionError):
                continue
            return _bytes(made if told is text else "".join((*lines[:at], made, *lines[at + 1 :])))
    if chance.random() < 0.05:
        return _bytes(text, chance.choice(("utf-16", "utf-8-sig", "latin-1")))
    if chance.random() < 0.05:
        return _bytes(text.replace("\r\n", "\n").replace("\n", chance.choice(("\r\n", "\r"))))
    _lines(lines, at, more.splitlines(keepends=True) or [""], chance)
    return _bytes("".join(lines))


def _bytes(text: str, encoding: str = "utf-8") -> bytes:
    try:
        return text.encode(encoding, "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _lines(lines: list[str], at: int, others: Sequence[str], chance: random.Random) -> None:
    """Change one line, or where it stands."""
    match chance.randrange(8):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[chance.randrange(len(lines))])
        case 2:
            lines.insert(at, chance.choice(others))
        case 3:
            other = chance.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        case _:
            parts = _PARTS.findall(lines[at]) or [""]
            place, borrowed = chance.randrange(len(parts)), _PARTS.findall(chance.choice(others)) or [""]
            parts[place] = chance.choice(("", parts[place] * 2, chance.choice(_WORDS), chance.choice(borrowed)))
            lines[at] = "".join(parts)


def _tree(value: Any, more: str, chance: random.Random) -> Any:
    """A value with a change somewhere in it."""
    places = list(_places([value]))
    holder, key = chance.choice(places)
    old = holder[key]
    match chance.randrange(8):
        case 0 if len(places) > 1 and (holder, key) != places[0]:
            del holder[key]
        case 1 if isinstance(holder, list):
            holder.insert(key, json.loads(_written(old)))
        case 2:
            other, place = chance.choice(places)
            if places[0] not in ((other, place), (holder, key)):
                holder[key] = json.loads(_written(other[place]))
        case 3 if isinstance(holder, dict):
            holder[chance.choice((*holder, *_WORDS))] = holder.pop(key)
        case 4:
            holder[key] = _retyped(old)
        case 5 if words := re.findall(r"\w+", more):
            holder[key] = chance.choice(words)
        case 6 if isinstance(old, str):
            holder[key] = old.replace(chance.choice(old.split() or [""]), chance.choice(_WORDS), 1)
        case _:
            holder[key] = json.loads(_written(chance.choice(_VALUES)))
    return places[0][0][0]


def _places(holder: Any) -> Any:
    """Every value in a list or an object, by what holds it and its key there, from the outside in."""
    for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
        yield holder, key
        if isinstance(holder[key], list | dict):
            yield from _places(holder[key])


def _retyped(value: Any) -> Any:
    """The same as another type."""
    if isinstance(value, str):
        try:
            return float(value.removesuffix("s"))
        except ValueError:
            return [value]
    if isinstance(value, bool | int | float):
        return str(value)
    return list(value.values()) if isinstance(value, dict) else {"x": value}


def _written(value: Any, chance: random.Random | None = None) -> str:
    if chance is None:
        return json.dumps(value)
    return json.dumps(value, ensure_ascii=chance.random() < 0.5, indent=chance.choice((None, None, None, 2)))
