"""`/v1/correct`: N-best lists in, corrections out."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from fastapi import APIRouter, Request
from starlette.responses import Response

from ger.errors import RecordError
from ger.io.jsonl import dumps, loads
from ger.serve.engine import Engine
from ger.types import Correction, NBest

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["lists"])

_Shape = Literal["one", "list", "lines"]
_LINES = "application/jsonl"
#: Records of a request at most: the shortest ones become a hundred times as large in memory.
_MOST = 100_000
_RECORD = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "text": {"type": "string", "description": "A single text, in the place of hypotheses."},
        "hypotheses": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"text": {"type": "string"}, "score": {"type": "number", "nullable": True}},
                "required": ["text"],
            },
        },
    },
}
_BODY = {
    "required": True,
    "content": {
        "application/json": {"schema": {"oneOf": [_RECORD, {"type": "array", "items": _RECORD}]}},
        _LINES: {"schema": _RECORD},
    },
}


@router.post("/correct", openapi_extra={"requestBody": _BODY})
async def correct(request: Request) -> Response:
    """Correct a record, a list of records, or JSON Lines; the answer has the same shape."""
    engine: Engine = request.app.state.engine
    body, kind = await request.body(), request.headers.get("content-type", "")
    lists, shape = await asyncio.to_thread(_read, body, lines="jsonl" in kind or "ndjson" in kind)
    made = await engine.corrector.abatch(lists)
    for correction in made:
        request.app.state.metrics.decisions[correction.decision] += 1
    text = await asyncio.to_thread(_written, made, shape)
    media = _LINES if shape == "lines" else "application/json"
    return Response(text.encode("utf-8", "backslashreplace"), media_type=media)


def _read(body: bytes, *, lines: bool) -> tuple[list[NBest], _Shape]:
    """The lists of a body, and what shape it has.

    Raises:
        RecordError: it holds something else; says where.
    """
    if lines:
        # One line at a time: all of them may be many times as large as the body.
        rows = ((row, i) for i, row in enumerate(io.BytesIO(body), 1) if row.strip())
        return _different([loads(row, f"line {i}", str(i)) for row, i in _few(rows)]), "lines"
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        hint = "Send JSON Lines as application/jsonl." if body.count(b"\n") else "Send a record or a list of records."
        raise RecordError(f"The request is not JSON ({error}).", hint) from error
    items = value if isinstance(value, list) else [value]
    rows = ((json.dumps(item).encode(), i) for i, item in enumerate(items, 1))
    made = [loads(row, f"record {i}" if value is items else "the record", str(i)) for row, i in _few(rows)]
    return _different(made), "list" if value is items else "one"


def _few(rows: Iterable[tuple[bytes, int]]) -> Iterator[tuple[bytes, int]]:
    for number, row in enumerate(rows):
        if number == _MOST:
            raise RecordError(f"There are more than {_MOST} records in the request.", "Send them in parts.")
        yield row


def _different(lists: list[NBest]) -> list[NBest]:
    first: dict[str, int] = {}
    for number, nbest in enumerate(lists, 1):
        if (earlier := first.setdefault(nbest.id, number)) != number:
            raise RecordError(f"Records {earlier} and {number} both have the id {nbest.id!r}.", "Rename one of them.")
    return lists


def _written(made: Sequence[Correction], shape: _Shape) -> str:
    rows = [dumps(correction) for correction in made]
    if shape == "lines":
        return "".join(f"{row}\n" for row in rows)
    return rows[0] if shape == "one" else f"[{', '.join(rows)}]"
