"""Recorded answers of a corrector: JSON Lines of `{"id", "text"}`, our own records, or Kaldi text."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

from ger.errors import RecordError
from ger.io import lists_json, lists_text
from ger.io.lists_text import Ids, Source
from ger.protocols import Answer

__all__ = ["read_answers"]


def read_answers(path: str | os.PathLike[str]) -> dict[str, Answer]:
    """Answers by id.

    Lines of JSON may have, besides `id` and `text`, `score` (log p of the answer), `least` (that of its least probable
    token, both in nats) and `tokens`; in records of `ger correct` the first two are `generator` and `least` of
    `scores`. Any other text file has lines `id word word …` or `id<TAB>text`.

    Raises:
        InputError: the file cannot be read.
        RecordError: a line is no answer, or an id is there twice; names the line.
    """
    with lists_text.opened(path) as source:
        if source.first.startswith(b"{"):
            return dict(_lines(source))
        read = lists_text.tsv if b"\t" in source.first else lists_text.kaldi
        return {key: Answer(text) for key, text in read(source.name, source.lines())}


def _lines(source: Source) -> Iterator[tuple[str, Answer]]:
    ids = Ids(source.name)
    for number, value in lists_json.objects(source):
        where = f"{source.name}, line {number}"
        key, text = value.get("id"), value.get("text")
        if not isinstance(key, str) or not isinstance(text, str):
            raise RecordError(
                f"{where}: 'id' or 'text' is missing or no text.", 'Each line has to be {"id": …, "text": …}.'
            )
        yield ids.add(key, f"line {number}"), _answer(value, text, where)


def _answer(value: dict[str, Any], text: str, where: str) -> Answer:
    scores = value.get("scores")
    told = scores if isinstance(scores, dict) else {}
    tokens = _number(value.get("tokens"), where)
    return Answer(
        text,
        _number(value.get("score", told.get("generator")), where),
        _number(value.get("least", told.get("least")), where),
        tokens=int(tokens or 0),
    )


def _number(value: Any, where: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise RecordError(f"{where}: {value!r} should be a finite number.")
    return float(value)
