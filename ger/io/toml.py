"""TOML files: reading one whole, and values as TOML."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ger.errors import InputError, UsageError
from ger.io.paths import printable
from ger.registry import suggest

__all__ = ["dumps_value", "made_from", "read_made", "read_toml", "table_rows"]

_Made = TypeVar("_Made")


def read_toml(path: Path, hint: str) -> dict[str, Any]:
    """The content of a file.

    Args:
        path: The file.
        hint: What to do where it is not TOML.

    Raises:
        InputError: it cannot be read or is not TOML; names the file.
    """
    name = printable(path)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}.", "Check the name and its permissions.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is not TOML: {error}.", hint) from error


def made_from(
    value: Mapping[str, Any],
    make: Callable[[Mapping[str, Any]], _Made],
    *,
    name: str,
    kind: str,
    what: str,
    schema: int,
    keys: Sequence[str],
    hint: str,
) -> _Made:
    """What a file of ours holds, such as a gate.

    Args:
        value: The content of the file.
        make: Makes it; may raise what goes with missing keys and wrong values.
        name: Of the file.
        kind: What its key `kind` has to say.
        what: What that is, in words.
        schema: The version that is read.
        keys: All keys that it may have.
        hint: What to do where it is something else.

    Raises:
        InputError: it is not what it should be; names the file.
    """
    if value.get("kind") != kind:
        raise InputError(f'{name} is no {what}: it lacks kind = "{kind}".', hint)
    if value.get("schema", schema) != schema:
        raise InputError(f"{name}: schema {value['schema']!r} is not known.", f"This version reads schema {schema}.")
    if unknown := next((key for key in value if key not in keys), None):
        raise InputError(f"{name}: {unknown!r} is not known.", suggest(unknown, keys))
    try:
        return make(value)
    except KeyError as error:
        raise InputError(f"{name}: {error} is missing.", hint) from error
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"{name} holds something of a wrong type: {error}.", hint) from error
    except UsageError as error:
        raise InputError(f"{name}: {error.message}", error.hint or hint) from error


def read_made(
    path: Path,
    make: Callable[[Mapping[str, Any]], _Made],
    *,
    kind: str,
    what: str,
    schema: int,
    keys: Sequence[str],
    hint: str,
) -> _Made:
    """What a file of ours holds; see `made_from`.

    Raises:
        InputError: it cannot be read or is not what it should be; names the file.
    """
    value = read_toml(path, hint)
    return made_from(value, make, name=printable(path), kind=kind, what=what, schema=schema, keys=keys, hint=hint)


def table_rows(comment: str, name: str, values: Mapping[str, Any]) -> list[str]:
    """A table as rows, a value on each, behind an empty row and a comment."""
    rows = (f"{dumps_value(key)} = {dumps_value(value)}" for key, value in values.items())
    return ["", f"# {comment}", f"[{name}]", *rows]


def dumps_value(value: Any) -> str:
    """A text, number, list or table on one line; JSON's notation of texts, finite numbers and lists is TOML, too.

    Raises:
        ValueError: it holds what is not a number.
    """
    if isinstance(value, float) and math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{dumps_value(key)} = {dumps_value(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("\x7f", "\\u007f")
