"""Recipes: one commented TOML file that fixes a training run, and its launch command on top.

Every key of a recipe is a field of a dataclass, flat, without tables. `--set key=value` changes one; the value is read
as TOML, and as text where it is not TOML.
"""

from __future__ import annotations

import json
import math
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from ger.errors import UsageError
from ger.io.paths import printable
from ger.io.toml import read_toml
from ger.registry import suggest

__all__ = ["check", "check_files", "dump", "read"]

_Recipe = TypeVar("_Recipe")


def read(path: Path, recipe: Callable[..., _Recipe], changes: Sequence[str] = ()) -> _Recipe:
    """Read a recipe, with changes of the form `key=value`.

    Args:
        path: The file.
        recipe: What it is read as: a dataclass whose field `options` is a dataclass, too. The fields of both are keys.
        changes: Changes.

    Raises:
        InputError: the file cannot be read or is not TOML.
        UsageError: a key is not known, or a value of the wrong type or out of its range; names the file and the key.
    """
    name = printable(path)
    own = get_type_hints(recipe)
    options = own.pop("options")
    types = own | get_type_hints(options)
    settings = read_toml(path, "See examples/recipes for recipes that are.") | dict(
        _change(change, types) for change in changes
    )
    try:
        values = {key: _typed(key, value, types) for key, value in settings.items()}
        chosen = {key: values.pop(key) for key in own if key in values}
        return recipe(**chosen, options=options(**values))
    except UsageError as error:
        raise UsageError(f"{name}: {error.message}", error.hint) from error


def dump(recipe: Any, launch: str) -> str:
    """A recipe as TOML, every key spelled out, under its launch command."""
    own = {field.name: getattr(recipe, field.name) for field in fields(recipe) if field.name != "options"}
    settings = own | asdict(recipe.options)
    rows = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in settings.items()]
    return "\n".join([f"# {printable(launch)}", "", *rows, ""]).replace("\x7f", "\\u007f")


def check(
    options: Any,
    *,
    least: Mapping[str, int],
    positive: Iterable[str],
    not_negative: Iterable[str],
    choices: Mapping[str, Iterable[str]] | None = None,
) -> None:
    """See that options are in their ranges.

    Args:
        options: A dataclass; fields of a `Literal` type have to have one of its values.
        least: The smallest value of whole numbers.
        positive: Numbers above 0.
        not_negative: Numbers from 0.
        choices: The values that further fields can have.

    Raises:
        UsageError: one is not; names the key.
    """
    for key, known in [*(choices or {}).items(), *_literals(type(options))]:
        if (value := getattr(options, key)) not in known:
            raise UsageError(f"{key} is {value!r}.", suggest(value, known))
    for key, number in least.items():
        if getattr(options, key) < number:
            raise UsageError(f"{key} is {getattr(options, key)}.", f"Use {number} or more.")
    for key, above in [*((key, True) for key in positive), *((key, False) for key in not_negative)]:
        value = getattr(options, key)
        if not math.isfinite(value) or value < 0 or (above and value == 0):
            raise UsageError(f"{key} is {value}.", f"Use a number {'above 0' if above else 'from 0'}.")


def check_files(lists: Sequence[str], output: str, what: str) -> None:
    """See that a recipe says what to read and where to write.

    Raises:
        UsageError: it does not.
    """
    if not lists:
        raise UsageError("lists is missing.", 'Name files of N-best lists: lists = ["train.jsonl"]')
    if not output:
        raise UsageError("output is missing.", f'Name a folder for the {what}: output = "my-{what}"')


def _change(change: str, types: Iterable[str]) -> tuple[str, Any]:
    key, equals, value = change.partition("=")
    if not equals:
        known = list(types)
        hint = f"Write --set {key}=VALUE." if key in known else f"Write --set KEY=VALUE. {suggest(key, known)}"
        raise UsageError(f"--set {change!r} has no value.", hint)
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except ValueError:
        return key.strip(), value.strip()
    except RecursionError as error:
        raise UsageError(f"--set {key}: its value is nested too deeply.", "Use a text, a number or a list.") from error


def _typed(key: str, value: Any, types: dict[str, Any]) -> Any:
    """A value of TOML as its field wants it."""
    if key not in types:
        raise UsageError(f"there is no key {key!r}.", suggest(key, types))
    kind = types[key]
    if get_origin(kind) is tuple:
        value = [value] if isinstance(value, str) else value
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise UsageError(f"{key} is {value!r}.", "Use a list of texts in quotation marks.")
    kind = str if get_origin(kind) is Literal else kind
    if kind is float and type(value) is int:
        return float(value) if abs(value) <= sys.float_info.max else math.inf
    if type(value) is not kind:
        names = {str: "a text in quotation marks", int: "a whole number", float: "a number", bool: "true or false"}
        raise UsageError(f"{key} is {value!r}.", f"Use {names[kind]}.")
    return value


def _literals(cls: type) -> list[tuple[str, tuple[str, ...]]]:
    """The fields with a choice of values, and the choices."""
    return [(name, get_args(kind)) for name, kind in get_type_hints(cls).items() if get_origin(kind) is Literal]
