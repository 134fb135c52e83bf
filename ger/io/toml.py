"""TOML files: reading one whole, and values as TOML."""

from __future__ import annotations

import json
import math
import tomllib
from pathlib import Path
from typing import Any

from ger.errors import InputError
from ger.io.paths import printable

__all__ = ["dumps_value", "read_toml"]


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
