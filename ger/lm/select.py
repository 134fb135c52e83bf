"""Which language model is meant: `[NAME=][BACKEND:]MODEL`, as given to `--lm`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ger import registry
from ger.errors import UsageError
from ger.protocols import LanguageModel, LmOptions

__all__ = ["RESERVED", "LmSpec", "is_adapter", "load", "parse", "parse_all"]

_NGRAM = (".arpa", ".arpa.gz", ".bin", ".binary", ".klm")
#: What names of classes end in, and which backend runs them.
_BACKENDS = {"ForMaskedLM": "masked", "(ForConditionalGeneration|MTModel)": "seq2seq"}
#: Names of columns that are not language models'.
RESERVED = (
    *("acoustic", "words", "chars", "repeats", "biased", "rank", "agree", "votes", "added"),
    *("generator", "rewrites", "combined", "posterior"),
)


@dataclass(frozen=True, slots=True)
class LmSpec:
    """A language model by name.

    Attributes:
        name: Name of its column among the features, and of its weight.
        backend: Name of the plug-in that runs it.
        model: What the plug-in is given; empty for its default.
    """

    name: str = "lm"
    backend: str = "transformers"
    model: str = ""


def parse(text: str, name: str = "lm") -> LmSpec:
    """Read `[NAME=][BACKEND:]MODEL`.

    Without a backend, a URL is a server (`openai`), `.arpa` and `.bin` are n-gram models (`kenlm`), a folder tells by
    its files whether it holds a rescorer (`rescorer`), a masked model (`masked`) or a translation model (`seq2seq`),
    all else is `transformers`.

    Args:
        text: For example `gpt2`, `domain=lm.arpa`, `masked:bert-base-uncased`, `http://localhost:8000/v1#gpt2`.
        name: The name where the text gives none.

    Raises:
        UsageError: the text is empty, or the name is one of another feature.
    """
    given, text = registry.named(text)
    name = given or name
    if name in RESERVED:
        raise UsageError(f"A language model cannot be called {name!r}.", f"Not free: {', '.join(RESERVED)}.")
    backend, colon, model = text.partition(":")
    if colon and backend in registry.names("backends"):
        return LmSpec(name, backend, model)
    if not text.strip():
        raise UsageError("The name of a language model is empty.", "Name a model, a folder, a file or a URL.")
    return LmSpec(name, _backend(text), text)


def parse_all(texts: Sequence[str]) -> tuple[LmSpec, ...]:
    """Read several; those without a name are `lm`, `lm2`, `lm3` …

    Raises:
        UsageError: two have the same name, or one cannot be read.
    """
    specs = tuple(parse(text, "lm" if i == 0 else f"lm{i + 1}") for i, text in enumerate(texts))
    names = [spec.name for spec in specs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"Two language models are called {twice!r}.", "Give names: --lm big=… --lm small=…")
    return specs


def load(spec: LmSpec, options: LmOptions) -> LanguageModel:
    """Load a language model; the folder of an adapter stands for its model with the adapter.

    Raises:
        GerError: as its plug-in does.
        ModelError: the adapter does not say what it is for.
        UsageError: it was trained to correct, or the backend loads none.
    """
    wanted = replace(options, model=spec.model)
    if not options.adapter and is_adapter(spec.model):
        wanted = replace(options, model=_base(spec), adapter=str(Path(spec.model).expanduser()))
    lm: LanguageModel = registry.load("backends", spec.backend)(wanted)
    return lm


def _base(spec: LmSpec) -> str:
    """The model of an adapter that stands for it."""
    from ger.lm.abilities import check_backend
    from ger.train.adapter import Reading, base_of, origin_of

    check_backend(spec.backend, ["adapter"])
    if isinstance(origin_of(Path(spec.model).expanduser()), Reading):
        hint = "Name it with --adapter; `ger train lm` trains language models."
        raise UsageError(f"{spec.model} was trained to correct lists: it is no language model.", hint)
    return base_of(spec.model)


def is_adapter(model: str) -> bool:
    """Whether a model's name is the folder of an adapter, such as `ger train lm` writes."""
    from ger.models import catalogue

    if not model or model in catalogue():
        return False
    try:
        folder = Path(model).expanduser()
        return (folder / "adapter_config.json").is_file() and not (folder / "config.json").is_file()
    except (OSError, RuntimeError, ValueError):  # no name of a folder
        return False


def _backend(text: str) -> str:
    if "://" in text:
        return "openai"
    if text.lower().endswith(_NGRAM):
        return "kenlm"
    try:
        folder = Path(text).expanduser()
        if (folder / "rescorer.json").is_file():
            return "rescorer"
        made = " ".join(_architectures(folder))
        return next((backend for end, backend in _BACKENDS.items() if re.search(rf"{end}\b", made)), "transformers")
    except (OSError, RuntimeError, ValueError):  # no name of a folder; told when the model is loaded
        return "transformers"


def _architectures(folder: Path) -> list[str]:
    """What a model folder says it holds; nothing where there is no readable configuration."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    found = config.get("architectures") if isinstance(config, dict) else None
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []
