"""Prompts: texts around what a language model reads, one TOML file each, kept as data."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from ger.errors import UnknownNameError
from ger.registry import suggest

__all__ = ["Prompt", "load", "names"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt.

    Attributes:
        name: Name of its file without the extension.
        purpose: What it is for, one sentence.
        source: Where it comes from.
        parts: Templates by name, with variables in braces.
        hash: First 8 hexadecimal digits of the file's SHA-256, for signatures.
    """

    name: str
    purpose: str
    source: str
    parts: Mapping[str, str]
    hash: str

    def fill(self, **variables: str) -> str:
        """The parts named by the variables that are not empty, in the order of the file."""
        filled = {name: text for name, text in variables.items() if text}
        return "".join(self.parts[name].replace(f"{{{name}}}", filled[name]) for name in self.parts if name in filled)


def _folder() -> Any:
    """Inside the package when installed, beside it in a checkout."""
    inside = resources.files("ger") / "prompts"
    return inside if inside.is_dir() else Path(__file__).parents[1] / "prompts"


def names() -> list[str]:
    """The names of the prompts."""
    return sorted(file.name.removesuffix(".toml") for file in _folder().iterdir() if file.name.endswith(".toml"))


@cache
def load(name: str) -> Prompt:
    """The prompt of that name.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in names():
        raise UnknownNameError(f"There is no prompt called {name!r}.", suggest(name, names()))
    content = (_folder() / f"{name}.toml").read_bytes()
    value = tomllib.loads(content.decode())
    digest = hashlib.sha256(content).hexdigest()[:8]
    return Prompt(name, value["purpose"], value["source"], value["parts"], digest)
