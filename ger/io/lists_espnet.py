"""N-best lists in an ESPnet2 output folder: `1best_recog/`, `2best_recog/` …, each with `text` and maybe `score`."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from pathlib import Path

from ger.errors import InputError, RecordError
from ger.io.lists_json import NOT_FINITE
from ger.io.lists_text import kaldi, opened
from ger.io.paths import printable
from ger.types import Hypothesis, NBest

__all__ = ["read"]

_RANK = re.compile(r"(\d+)best_recog")
_SCORE = re.compile(r"(?:tensor\()?([^,)\s]+).*")


def read(folder: str | os.PathLike[str]) -> Iterator[NBest]:
    """Lists in the order of the best texts; an utterance that a lower rank lacks has a shorter list.

    Raises:
        InputError: the folder is not of this shape or cannot be read.
        RecordError: an id is there twice, a lower rank has one that the first lacks, or a score is not a number.
    """
    ranks = sorted((int(match[1]), path) for path in _entries(folder) if (match := _RANK.fullmatch(path.name)))
    if not ranks or ranks[0][0] != 1:
        raise InputError(
            f"{printable(folder)}: no 1best_recog in this folder.", "Give an ESPnet output folder or a file."
        )
    lists: dict[str, list[Hypothesis]] = {}
    for rank, path in ranks:
        texts = _lines(path / "text")
        scores = _lines(path / "score") if (path / "score").exists() else {}
        for key, text in texts.items():
            if len(lists.setdefault(key, [])) != rank - 1:
                raise RecordError(f"{printable(path / 'text')}: {key!r} is not in the rank before.")
            lists[key].append(Hypothesis(text, _score(scores.get(key), path / "score")))
    for key, hypotheses in lists.items():
        bad = sum(h.score is not None and not math.isfinite(h.score) for h in hypotheses)
        finite = (h if h.score is None or math.isfinite(h.score) else Hypothesis(h.text) for h in hypotheses)
        yield NBest(key, tuple(finite), meta={NOT_FINITE: bad} if bad else {})


def _entries(folder: str | os.PathLike[str]) -> list[Path]:
    try:
        return list(Path(folder).iterdir())
    except OSError as error:
        raise InputError(
            f"{printable(folder)} cannot be read: {error.strerror}.", "Check the name and its permissions."
        ) from error


def _lines(path: Path) -> dict[str, str]:
    with opened(path) as source:
        return dict(kaldi(source.name, source.lines()))


def _score(value: str | None, path: Path) -> float | None:
    """A number as `-3.1` or `tensor(-3.1)`."""
    if value is None:
        return None
    try:
        return float(_SCORE.sub(r"\1", value))
    except ValueError as error:
        raise RecordError(f"{printable(path)}: {value[:40]!r} is not a score.") from error
