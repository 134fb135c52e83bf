"""The cache: where models lie, what their manifests say, and how a folder gets there in one step.

<cache>/models/NAME/        a finished model with its manifest; never seen half-written
<cache>/downloads/NAME/     verified wheels of a pull that is not finished
<cache>/tmp/NAME/           where a model is put together
<cache>/locks/NAME.lock     held by the process that works on NAME
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from ger.errors import ModelError

__all__ = [
    "MANIFEST",
    "FileRecord",
    "Manifest",
    "cache_dir",
    "discard",
    "disk_errors",
    "file_sha256",
    "fresh_folder",
    "locked",
    "model_folder",
    "offline",
    "publish",
    "records",
    "scratch_folder",
]

#: Name of the manifest in a model's folder.
MANIFEST = "ger-manifest.json"
_BLOCK = 1 << 20


def cache_dir() -> Path:
    """The cache folder: `$GER_CACHE`, or what the platform uses for caches. It may not exist yet."""
    if chosen := os.environ.get("GER_CACHE"):
        return Path(chosen).expanduser().absolute()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "ger"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "ger"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ger"


def offline() -> bool:
    """Whether `GER_OFFLINE` or `HF_HUB_OFFLINE` forbids the network."""
    return any(
        os.environ.get(name, "").lower() in ("1", "true", "yes", "on") for name in ("GER_OFFLINE", "HF_HUB_OFFLINE")
    )


def model_folder(name: str) -> Path:
    """Where a finished model lies, whether it is there or not."""
    return cache_dir() / "models" / name


def scratch_folder(name: str) -> Path:
    """Where a model is put together; only for the holder of the lock."""
    return cache_dir() / "tmp" / name


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file of a model: path inside the folder, size in bytes, SHA-256."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a model folder holds and where it came from.

    Attributes:
        source: The source that was used.
        licence: Of the weights.
        fetched: The files as they were fetched. Differs from `files` where a GGUF file was converted.
        files: The files of the folder, without the manifest.
        converter: What converted `fetched` into `files`; empty where nothing did.
    """

    name: str
    kind: str
    source: str
    licence: str
    fetched: tuple[FileRecord, ...]
    files: tuple[FileRecord, ...]
    converter: str = ""

    @property
    def identity(self) -> str:
        """`NAME@` and 8 hex digits that depend on the contents as fetched and on the converter."""
        lines = sorted(f"{record.sha256} {record.path}" for record in self.fetched)
        digest = hashlib.sha256("\n".join([*lines, self.converter]).encode()).hexdigest()
        return f"{self.name}@{digest[:8]}"

    def write(self, folder: Path) -> None:
        """Put the manifest into a folder."""
        (folder / MANIFEST).write_text(json.dumps(asdict(self), indent=1) + "\n", "utf-8")

    @classmethod
    def read(cls, folder: Path) -> Manifest | None:
        """The manifest of a folder; `None` where there is no folder or no manifest.

        Raises:
            ModelError: the manifest is damaged.
        """
        try:
            table = json.loads((folder / MANIFEST).read_text("utf-8"))
            for key in ("fetched", "files"):
                table[key] = tuple(FileRecord(**record) for record in table[key])
            return cls(**table)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            hint = f"Remove the model and fetch it again: ger models rm {folder.name}"
            raise ModelError(f"{folder / MANIFEST} is damaged or cannot be read.", hint) from error


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def records(folder: Path) -> tuple[FileRecord, ...]:
    """Every file of a folder but the manifest, with size and SHA-256, in the order of their names."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return tuple(FileRecord(p.relative_to(folder).as_posix(), p.stat().st_size, file_sha256(p)) for p in found)


@contextmanager
def disk_errors(name: str) -> Iterator[None]:
    """Turn what the file system says while a model is written into a ModelError.

    Raises:
        ModelError: no space left, or the cache cannot be written.
    """
    try:
        yield
    except OSError as error:
        where = cache_dir()
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            message = f"The disk is full: {name} does not fit into {where}."
            raise ModelError(message, "Free some space, or set GER_CACHE to a folder on another disk.") from error
        message = f"{name} cannot be stored in {where}: {error.strerror or error}."
        raise ModelError(message, "Set GER_CACHE to a folder that you can write to.") from error


@contextmanager
def locked(name: str, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock of a model; `waiting` is called once when another process has it."""
    from filelock import FileLock, Timeout

    path = cache_dir() / "locks" / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        waiting()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def fresh_folder(name: str) -> Iterator[Path]:
    """An empty scratch folder for a model, removed afterwards; what a killed process left there goes first."""
    folder = scratch_folder(name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(folder: Path, name: str) -> None:
    """Move a finished folder to its place, in one step."""
    mode = (folder / MANIFEST).stat().st_mode
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(mode)  # some writers make files that only their owner can read
    target = model_folder(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    folder.replace(target)


def discard(name: str) -> None:
    """Take a model out of its place in one step, then delete it."""
    with fresh_folder(name) as scratch:
        model_folder(name).replace(scratch / "removed")
