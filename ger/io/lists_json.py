"""N-best lists in other programs' JSON: HyPoradise, mlm-scoring, agwer."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, cast

from ger.errors import RecordError
from ger.io.jsonl import read_nbest
from ger.io.lists_text import Ids, Source
from ger.types import Hypothesis, NBest

__all__ = ["NOT_FINITE", "agwer", "finite", "hyporadise", "mlm_scoring", "objects", "records", "tokens_of", "whole"]

#: The field of `NBest.meta` that counts the scores of a list that were infinite or no number, and are unknown now.
NOT_FINITE = "scores_not_finite"

#: Tokens of a text, estimated: one that ends it, and so many a word (as counted for Whisper and English).
_TOKENS_A_WORD = 1.2

_MAYBE_NOT_FINITE = re.compile(rb"NaN|Infinity|[eE]\+?\d{3}|\d{300}")
_HYPOTHESIS = re.compile(r"hyp_(\d{1,9})")
_SCORES = ("score", "acoustic_score", "lm_score")


def records(source: Source, untold: Mapping[str, Any] | None = None) -> Iterator[NBest]:
    """Our own records (`ger.io.jsonl.read_nbest`), but a score that is infinite or no number is an unknown one.

    Args:
        source: The file.
        untold: Fields of records that do not have them.

    Raises:
        RecordError: a line is not a record, or an id is there twice.
    """
    lines = (_finite(line) if _MAYBE_NOT_FINITE.search(line) else line for line in source.raw)
    return read_nbest(cast("IO[bytes]", lines), source.name, untold)


def _finite(line: bytes) -> bytes:
    """The line with `null` for scores without a value; one that cannot be read is left for the reader to refuse."""
    try:
        value = json.loads(line.decode("utf-8-sig"))
        hypotheses = [item for item in value["hypotheses"] if isinstance(item, dict)]
    except (ValueError, TypeError, KeyError, RecursionError):
        return line
    bad = [(item, name) for item in hypotheses for name in _SCORES if _is_bad(item.get(name))]
    for item, name in bad:
        item[name] = None
    if bad and isinstance(value.get("meta") or {}, dict):
        value["meta"] = (value.get("meta") or {}) | {NOT_FINITE: len(bad)}
    return json.dumps(value).encode()


def _is_bad(value: Any) -> bool:
    return isinstance(value, float | int) and not math.isfinite(_float(value))


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def hyporadise(source: Source) -> Iterator[NBest]:
    """Items `{"input": [text …], "output": reference}`, with `id` and scores where there are some.

    `<UNK>` is an empty text, repeats stay, an item without `id` is called `FILE/NUMBER`. `score` and `am_score` are
    averages over tokens there; a `Hypothesis.score` is a total, so each is multiplied by an estimate of the list's
    tokens, 1 + 1.2 * the mean number of words: one factor a list, which keeps the order. `meta["scores"]` says so.

    Raises:
        RecordError: the file is not JSON, an item is not of this shape, or an id is there twice.
    """
    items = whole(source)
    if not isinstance(items, list):
        raise RecordError(f"{source.name}: expected a JSON list of items with 'input' and 'output'.")
    ids = Ids(source.name)
    for number, item in enumerate(items, 1):
        where = f"{source.name}, item {number}"
        if not isinstance(item, dict) or "input" not in item:
            raise RecordError(f"{where}: 'input', the list of hypotheses, is missing.")
        nbest = _hyporadise(item, f"{source.stem}:{number:04d}", where)
        ids.add(nbest.id, f"item {number}")
        yield nbest


def _hyporadise(item: Mapping[str, Any], key: str, where: str) -> NBest:
    texts = ["" if text.strip() == "<UNK>" else text for text in _texts(item["input"], where)]
    name = next((name for name in ("score", "am_score") if item.get(name) is not None), None)
    scores = _numbers(item[name], len(texts), f"{where}: '{name}'") if name else [None] * len(texts)
    tokens = tokens_of(texts)
    known = {"id", "input", "output", "input1", "input2", "score", "am_score"}
    return finite(
        _id(item, key, where),
        texts,
        [None if score is None else score * tokens for score in scores],
        reference=_optional_text(item, "output", where),
        meta={"scores": "estimated totals"} if name else {},
        extra={name: value for name, value in item.items() if name not in known},
    )


def tokens_of(texts: Sequence[str]) -> float:
    """How many tokens the texts of a list have on average, estimated."""
    return 1 + _TOKENS_A_WORD * sum(len(text.split()) for text in texts) / max(1, len(texts))


def mlm_scoring(source: Source) -> Iterator[NBest]:
    """`{"ID": {"hyp_1": {"score": …, "text": …}, …, "ref": …}, …}`, hypotheses by their numbers.

    Raises:
        RecordError: the file is not JSON, an utterance is not of this shape, or an id is there twice.
    """
    utterances = whole(source)
    if not isinstance(utterances, dict):
        raise RecordError(f"{source.name}: expected a JSON object with utterances under their ids.")
    names = [name for value in utterances.values() if isinstance(value, dict) for name in value]
    if utterances and not any(map(_HYPOTHESIS.fullmatch, names)):
        raise RecordError(
            f"{source.name} is JSON in no format that is known, and no utterance of it has a 'hyp_1'.",
            "Say with --format what it is.",
        )
    for key, value in utterances.items():
        where = f"{source.name}, utterance {key!r}"
        if not isinstance(value, dict):
            raise RecordError(f"{where}: expected an object with 'hyp_1', 'hyp_2' …")
        ranks = sorted((int(match[1]), name) for name in value if (match := _HYPOTHESIS.fullmatch(name)))
        hypotheses = [value[name] for _, name in ranks]
        if not all(isinstance(hypothesis, dict) for hypothesis in hypotheses):
            raise RecordError(f"{where}: every 'hyp_…' should be an object with 'text' and 'score'.")
        texts = _texts([hypothesis.get("text") for hypothesis in hypotheses], where)
        scores = _numbers([hypothesis.get("score") for hypothesis in hypotheses], len(texts), f"{where}: 'score'")
        yield finite(key, texts, scores, reference=_optional_text(value, "ref", where))


def agwer(source: Source) -> Iterator[NBest]:
    """Lines `{"reference": …, "nbest": [text …]}`; a line without `id` is called `FILE/NUMBER`.

    Raises:
        RecordError: a line is not JSON or not of this shape, or an id is there twice.
    """
    ids = Ids(source.name)
    for number, value in objects(source):
        where = f"{source.name}, line {number}"
        texts = _texts(value.get("nbest"), where)
        key = ids.add(_id(value, f"{source.stem}:{number:04d}", where), f"line {number}")
        extra = {name: value[name] for name in value if name not in ("id", "nbest", "reference")}
        reference = _optional_text(value, "reference", where)
        yield finite(key, texts, [None] * len(texts), reference=reference, extra=extra)


def objects(source: Source) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and value of every line that is not blank.

    Raises:
        RecordError: a line is not a JSON object.
    """
    for number, line in source.lines():
        if line.strip():
            value = _parsed(line, f"{source.name}, line {number}")
            if not isinstance(value, dict):
                raise RecordError(f"{source.name}, line {number}: expected a JSON object, one on each line.")
            yield number, value


def whole(source: Source) -> Any:
    """The JSON value that the file holds.

    Raises:
        RecordError: it is not JSON, or an object has the same key twice.
    """
    return _parsed("\n".join(line for _, line in source.lines()), source.name)


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object)
    except _RepeatedError as error:
        raise RecordError(f"{where}: {error}.", "Every id needs to be there once: remove one or rename it.") from error
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{where}: not JSON ({error}).", "The file seems damaged or cut off.") from error


class _RepeatedError(Exception):
    """A key that is twice in one object."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        key, _ = Counter(keys).most_common(1)[0]
        first = keys.index(key)
        second = keys.index(key, first + 1)
        raise _RepeatedError(f"entries {first + 1} and {second + 1} of an object both have the key {key!r}")
    return value


def finite(key: str, texts: Sequence[str], scores: Sequence[float | None], **rest: Any) -> NBest:
    """A list; scores without a value become unknown and are counted."""
    bad = sum(score is not None and not math.isfinite(score) for score in scores)
    known = [score if score is not None and math.isfinite(score) else None for score in scores]
    meta, extra = rest.pop("meta", {}) | ({NOT_FINITE: bad} if bad else {}), _plain(rest.pop("extra", {}))
    hypotheses = tuple(Hypothesis(text, score) for text, score in zip(texts, known, strict=True))
    return NBest(key, hypotheses, meta=meta, extra=extra, **rest)


def _plain(value: Any) -> Any:
    """The value with `null` for what is no number or infinite, which records have no form for."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _texts(value: Any, where: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise RecordError(f"{where}: the hypotheses should be a list of texts.")
    return value


def _numbers(value: Any, count: int, where: str) -> list[float | None]:
    """Numbers or nulls, one for each text."""
    if not isinstance(value, list) or len(value) != count:
        raise RecordError(f"{where} should be a list of {count} numbers, one for each hypothesis.")
    if not all(
        number is None or (isinstance(number, float | int) and not isinstance(number, bool)) for number in value
    ):
        raise RecordError(f"{where} should be numbers, or null where unknown.")
    return [None if number is None else _float(number) for number in value]


def _id(value: Mapping[str, Any], default: str, where: str) -> str:
    key = value.get("id")
    if key is None or key == "":
        return default
    if isinstance(key, bool) or not isinstance(key, str | int):
        raise RecordError(f"{where}: 'id' should be text or a number, found {key!r}.")
    return str(key)


def _optional_text(value: Mapping[str, Any], name: str, where: str) -> str | None:
    text = value.get(name)
    if text is not None and not isinstance(text, str):
        raise RecordError(f"{where}: '{name}' should be text, found {text!r}.")
    return text
