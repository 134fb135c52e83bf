"""What the catalogue says about a model, and reading it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

__all__ = ["DEFAULT_LM", "DEFAULT_RECOGNIZER", "Entry", "Made", "ModelKind", "Source", "Wheel", "catalogue", "parse"]

ModelKind = Literal["recognizer", "lm"]

#: The models that are used when none is named.
DEFAULT_RECOGNIZER = "whisper-base"
DEFAULT_LM = "smollm2-135m-instruct"


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


@cache
def catalogue() -> dict[str, Entry]:
    """The models that `ger` knows by name, in the order of the catalogue."""
    return parse(files("ger.models").joinpath("catalogue.toml").read_text("utf-8"))


def parse(text: str) -> dict[str, Entry]:
    """Read a catalogue."""
    return {name: _entry(name, table) for name, table in tomllib.loads(text).items()}


def _entry(name: str, table: dict[str, Any]) -> Entry:
    sources = tuple(_source(source) for source in table.pop("sources"))
    return Entry(name=name, sources=sources, **table)


def _source(table: dict[str, Any]) -> Source:
    return Source(
        wheels=tuple(Wheel(**wheel) for wheel in table.get("wheels", ())),
        files=tuple(Made(made["path"], tuple(made["parts"]), made["sha256"]) for made in table.get("files", ())),
        hub=table.get("hub", ""),
        revision=table.get("revision", ""),
    )
