"""From what a user calls a model to a folder on this machine."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from ger.errors import ModelError, UsageError
from ger.models import hub
from ger.models.entries import Entry, ModelKind, catalogue
from ger.models.store import LocalModel, install_ctranslate2, install_gguf, installed, pull, unknown

__all__ = ["Form", "local_identity", "resolve", "resolve_ctranslate2"]

Form = Literal["ctranslate2", "transformers"]

_KIND = {"recognizer": "a recognizer", "lm": "a language model"}
_FORM: dict[Form, str] = {"ctranslate2": "CTranslate2", "transformers": "transformers"}
#: Weights in CTranslate2's format.
_CT2 = "model.bin"
#: What a folder has to hold: titles, and patterns of which one has to match.
_FILES: dict[Form, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "ctranslate2": (
        ("config.json", ("config.json",)),
        (_CT2, (_CT2,)),
        ("tokenizer.json", ("tokenizer.json",)),
    ),
    "transformers": (
        ("config.json", ("config.json",)),
        ("weights (*.safetensors or pytorch_model*.bin)", ("*.safetensors", "pytorch_model*.bin")),
    ),
}
#: The front end for recognizers of a form.
_FRONTEND: dict[Form, str] = {"ctranslate2": "faster-whisper", "transformers": "transformers"}
#: Files that decide what a model computes.
_SUFFIXES = {".bin", ".gguf", ".jinja", ".json", ".model", ".safetensors", ".txt"}
_SAMPLES, _SAMPLE = 64, 1 << 14


def resolve(name: str, kind: ModelKind, *, form: Form = "ctranslate2", quiet: bool = False) -> LocalModel:
    """The folder of a model, fetched first where that is needed.

    Args:
        name: A name of the catalogue, a local folder or GGUF file, or a hub id (`organization/model@revision`).
        kind: What the model is needed for.
        form: The format of a recognizer; language models are always those of transformers.
        quiet: No progress.

    Raises:
        UnknownNameError: nothing has that name.
        UsageError: the catalogue has it and it is of the other kind or form.
        ModelError: it cannot be fetched, stored or converted, or a file is missing.
    """
    if entry := catalogue().get(name):
        if entry.kind != kind:
            fitting = ", ".join(other.name for other in catalogue().values() if other.kind == kind)
            raise UsageError(f"{name} is {_KIND[entry.kind]}, not {_KIND[kind]}.", f"Known: {fitting}.")
        _check_form(entry, form)
        return pull(name, quiet=quiet)
    form = form if kind == "recognizer" else "transformers"
    if (path := Path(name).expanduser()).exists():
        return _local(path, kind, form, quiet=quiet)
    if found := installed(name):
        _require(found.path, kind, found.name, form)
        return found
    if hub.is_hub_id(name):
        return _from_hub(name, kind, form, quiet=quiet)
    if "/" in name or "\\" in name:
        raise ModelError(f"There is no folder {name}.", "Give a local folder, a hub id, or a name of 'ger models ls'.")
    raise unknown(name, kind, transformers=form == "transformers")


def resolve_ctranslate2(name: str, quantization: str, *, quiet: bool = False) -> LocalModel:
    """The folder of a causal language model in CTranslate2's format.

    Args:
        name: What `resolve` takes, converted at the first use; or a folder or hub id that is in this format already.
        quantization: How weights are kept where the model has to be converted, such as `int8`.
        quiet: No progress.

    Raises:
        GerError: as `resolve`, or it cannot be converted.
    """
    if (path := Path(name).expanduser() / _CT2).is_file():
        return LocalModel(str(path.parent), path.parent.absolute(), local_identity(path.parent))
    if name not in catalogue() and not path.parent.exists():
        found = installed(name) or (pull(name, quiet=quiet) if hub.is_hub_id(name) else None)
        if found and (found.path / _CT2).is_file():
            return found
    return install_ctranslate2(resolve(name, "lm", quiet=quiet), quantization, quiet=quiet)


def _check_form(entry: Entry, form: Form) -> None:
    """Refuse a recognizer of the catalogue that is in another format than the one that is needed."""
    if entry.kind == "recognizer" and (entry.format == "ctranslate2") != (form == "ctranslate2"):
        other: Form = "transformers" if form == "ctranslate2" else "ctranslate2"
        raise UsageError(
            f"{entry.name} is in {_FORM[other]} format, and {_FORM[form]} format is needed.",
            f"Use --model {_FRONTEND[other]}:{entry.name}",
        )


def _from_hub(name: str, kind: ModelKind, form: Form, *, quiet: bool) -> LocalModel:
    found = pull(name, quiet=quiet)
    _require(found.path, kind, found.name, form)
    return found


def _local(path: Path, kind: ModelKind, form: Form, *, quiet: bool) -> LocalModel:
    if path.is_file():
        if kind == "lm" and path.suffix == ".gguf":
            return install_gguf(path.absolute(), quiet=quiet)
        expected = "a folder or a .gguf file" if kind == "lm" else "a folder"
        raise ModelError(f"{path} is not a model.", f"{_KIND[kind].capitalize()} is {expected}.")
    if kind == "lm" and not (path / "config.json").is_file() and (ggufs := sorted(path.glob("*.gguf"))):
        if len(ggufs) > 1:
            raise ModelError(f"{path} holds {len(ggufs)} .gguf files.", "Give the path of one of them.")
        return install_gguf(ggufs[0].absolute(), quiet=quiet)
    _require(path, kind, str(path), form)
    return LocalModel(str(path), path.absolute(), local_identity(path))


def _require(folder: Path, kind: ModelKind, name: str, form: Form) -> None:
    if missing := _missing(folder, form):
        other: Form = "transformers" if form == "ctranslate2" else "ctranslate2"
        hint = f"A model in {_FORM[form]} format is needed."
        if kind == "recognizer" and not _missing(folder, other):
            hint = f"It is in {_FORM[other]} format: use --model {_FRONTEND[other]}:{name}"
        raise ModelError(f"{name} cannot be used as {_KIND[kind]}: it has no {missing}.", hint)


def _missing(folder: Path, form: Form) -> str:
    """What a folder lacks to be a model of a form; empty where it lacks nothing."""
    for title, patterns in _FILES[form]:
        if not any(any(folder.glob(pattern)) for pattern in patterns):
            return title
    return ""


def local_identity(model: Path) -> str:
    """`NAME@` and 8 hex digits for a model folder that has no manifest, or for a model that is one file.

    The digits depend on names and sizes of the model's files and on samples of their contents (1 MiB a file, spread
    evenly), so that they are cheap, the same after copying, and other ones after training.
    """
    digest = hashlib.sha256()
    for path in sorted(model.iterdir()) if model.is_dir() else [model]:
        if path == model or (path.is_file() and path.suffix in _SUFFIXES and not path.name.startswith(".")):
            digest.update(f"{path.name} {path.stat().st_size}\n".encode())
            _sample(path, digest)
    return f"{model.absolute().name}@{digest.hexdigest()[:8]}"


def _sample(path: Path, digest: hashlib._Hash) -> None:
    size = path.stat().st_size
    step = max(_SAMPLE, size // _SAMPLES)
    with path.open("rb") as stream:
        for start in range(0, size, step):
            stream.seek(start)
            digest.update(stream.read(_SAMPLE))
