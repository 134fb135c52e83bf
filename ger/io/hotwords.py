"""Hotwords as users give them: a text with commas, a file, a list of texts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from ger.hotwords import Hotword, Hotwords

__all__ = ["hotwords"]

#: What may stand for hotwords: a text with commas or the name of a file, a path, or these in a list.
Given = str | os.PathLike[str] | Hotwords | Iterable[str | os.PathLike[str] | Hotword]


def hotwords(given: Given) -> Hotwords:
    """Hotwords out of whatever stands for them.

    A text is a file if it names one that exists or ends like one (`.txt`, `.csv`, `.tsv`, `.toml`), else hotwords with
    commas between them. A text in a list is one hotword.
    """
    if isinstance(given, Hotwords):
        return given
    if isinstance(given, str):
        given = given.split(",")
    elif isinstance(given, os.PathLike):
        given = [given]
    return Hotwords(tuple({item.text: item for item in _items(given)}.values()))


def _items(given: Iterable[str | os.PathLike[str] | Hotword]) -> Iterator[Hotword]:
    for item in given:
        if isinstance(item, Hotword):
            yield item
        elif text := " ".join(str(item).split()):
            yield Hotword(text)
