"""Writing N-best lists as other programs' JSON: HyPoradise, mlm-scoring, agwer (`ger.io.lists_json` reads them)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ger.io import jsonl
from ger.io.lists_json import tokens_of
from ger.types import NBest

__all__ = ["WRITERS"]


def _records(lists: Iterable[NBest]) -> Iterator[str]:
    return (f"{jsonl.dumps(nbest)}\n" for nbest in lists)


def _hyporadise(lists: Iterable[NBest]) -> Iterator[str]:
    """A JSON list, an item a line; scores are averages over an estimated number of tokens, as they are read."""
    yield "["
    for number, nbest in enumerate(lists):
        texts = [hypothesis.text or "<UNK>" for hypothesis in nbest.hypotheses]
        item: dict[str, Any] = {"id": nbest.id, "input": texts}
        if nbest.reference is not None:
            item["output"] = nbest.reference
        scores = [hypothesis.score for hypothesis in nbest.hypotheses]
        if any(score is not None for score in scores):
            tokens = tokens_of([hypothesis.text for hypothesis in nbest.hypotheses])
            item["score"] = [None if score is None else float(f"{score / tokens:.15g}") for score in scores]
        yield f"{',' if number else ''}\n{_dumped(dict(nbest.extra) | item)}"
    yield "\n]\n"


def _mlm_scoring(lists: Iterable[NBest]) -> Iterator[str]:
    """A JSON object, an utterance a line."""
    yield "{"
    for number, nbest in enumerate(lists):
        value: dict[str, Any] = {}
        for rank, hypothesis in enumerate(nbest.hypotheses, 1):
            score = {} if hypothesis.score is None else {"score": hypothesis.score}
            value[f"hyp_{rank}"] = score | {"text": hypothesis.text}
        if nbest.reference is not None:
            value["ref"] = nbest.reference
        yield f"{',' if number else ''}\n{_dumped(nbest.id)}: {_dumped(value)}"
    yield "\n}\n"


def _agwer(lists: Iterable[NBest]) -> Iterator[str]:
    for nbest in lists:
        value: dict[str, Any] = {"id": nbest.id}
        if nbest.reference is not None:
            value["reference"] = nbest.reference
        texts = [hypothesis.text for hypothesis in nbest.hypotheses]
        yield f"{_dumped(dict(nbest.extra) | value | {'nbest': texts})}\n"


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


#: What writes lists, piece by piece, by the name of the format (`ger.io.lists.FORMATS`).
WRITERS: dict[str, Callable[[Iterable[NBest]], Iterator[str]]] = {
    "records": _records,
    "hyporadise": _hyporadise,
    "mlm-scoring": _mlm_scoring,
    "agwer": _agwer,
}
