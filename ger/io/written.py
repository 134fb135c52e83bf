"""Corrections as JSON, written from their fields: what the encoder makes of `to_json`, in a third of the time.

No values are made for the encoder to walk through. It is asked for what is rare: unknown fields, words, and values of
other types than the usual one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from json.encoder import encode_basestring
from math import isfinite
from typing import Any

from ger.types import SCHEMA, AudioSpan, Correction, Edit, Hypothesis, Word

__all__ = ["encode", "written"]

#: A value as JSON; refuses numbers that JSON has no form for.
encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False).encode


def written(made: Correction, signature: str) -> str:
    """A correction with a signature as one line of JSON, without the line end.

    Raises:
        ValueError, TypeError, RecursionError: as the encoder does.
    """
    if made.extra:
        return encode(made.to_json() | {"signature": signature})
    target = "" if made.target is None else f'"target": {_text(made.target)}, '
    return (
        f'{{"schema": {SCHEMA}, "id": {_text(made.id)}, "audio": {_span(made.audio)}, '
        f'"language": {_text(made.language)}, "task": {_text(made.task)}, {target}"text": {_text(made.text)}, '
        f'"decision": {_text(made.decision)}, "reason": {_text(made.reason)}, "edits": {_parts(made.edits)}, '
        f'"words": {_parts(made.words)}, "scores": {_object(made.scores)}, "signature": {_text(signature)}, '
        f'"hypotheses": [{", ".join([_hypothesis(one) for one in made.hypotheses])}], '
        f'"context": {_object(made.context.to_json())}, "reference": {_text(made.reference)}, '
        f'"meta": {_object(made.meta)}}}'
    )


def _hypothesis(one: Hypothesis) -> str:
    if one.extra or one.words:
        return encode(one.to_json())
    return (
        f'{{"text": {_text(one.text)}, "score": {_number(one.score)}, '
        f'"acoustic_score": {_number(one.acoustic_score)}, "lm_score": {_number(one.lm_score)}}}'
    )


def _span(span: AudioSpan | None) -> str:
    if not span or span.extra:
        return encode(span and span.to_json())
    return f'{{"path": {_text(span.path)}, "start": {_number(span.start)}, "end": {_number(span.end)}}}'


def _parts(parts: Iterable[Word | Edit]) -> str:
    return encode([part.to_json() for part in parts]) if parts else "[]"


def _object(value: Any) -> str:
    return encode(dict(value)) if value else "{}"


def _text(value: str | None) -> str:
    return encode_basestring(value) if type(value) is str else "null" if value is None else encode(value)


def _number(value: float | None) -> str:
    return repr(value) if type(value) is float and isfinite(value) else "null" if value is None else encode(value)
