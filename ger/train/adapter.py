"""The folder of an adapter: what peft writes, a card, and a file of ours that says what it is.

`adapter_model.safetensors` and `adapter_config.json` are what peft, transformers and vLLM load. `h2t.json` makes it a
hypotheses-to-transcription model: the prompt as it was in training, word for word, and how many hypotheses it shows.
`lm.json` makes it a language model that was adapted to texts.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from ger import prompting
from ger.errors import ModelError
from ger.models import catalogue, hub
from ger.prompting import Prompt
from ger.train.loading import loading, quiet

__all__ = [
    "Adapted",
    "Origin",
    "Reading",
    "base_of",
    "causal_model",
    "hub_name",
    "origin_of",
    "save",
]

_SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where an adapter of ours comes from.

    Attributes:
        base: Which model the adapter belongs to, as it was named in training.
        identity: The same with a digest.
        key: Digest of all that the training depended on.
    """

    #: Name of the file that says it, and what makes such a folder.
    file: ClassVar[str]
    command: ClassVar[str]

    base: str
    identity: str
    key: str

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read it from the folder of an adapter.

        Raises:
            ModelError: the folder holds none of this kind.
        """
        try:
            value = json.loads((folder / cls.file).read_text(encoding="utf-8"))
            schema = value.pop("schema")
            made = cls(**value)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelError(
                f"{folder} holds no adapter of ger: {cls.file} cannot be read: {error}.", f"Train one: {cls.command}."
            ) from error
        if schema != _SCHEMA:
            raise ModelError(f"{folder}: {cls.file} is not known to this version of ger.", "Train it again.")
        return made

    def dumps(self) -> str:
        """The file's content."""
        return json.dumps({"schema": _SCHEMA} | asdict(self), ensure_ascii=False, indent=2) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Origin):
    """How a hypotheses-to-transcription adapter wants to be used.

    Attributes:
        prompt: The prompt file, word for word.
        name: Its name.
        nbest: How many hypotheses it shows at most.
        tags: Whether it tells the task.
    """

    file = "h2t.json"
    command = "ger train h2t"

    prompt: str
    name: str
    nbest: int
    tags: bool

    def rendered(self) -> Prompt:
        """The prompt.

        Raises:
            UsageError: it is none for this version of ger.
        """
        return replace(prompting.parse(self.prompt.encode(), self.name), most=self.nbest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapted(Origin):
    """What an adapted language model is.

    Attributes:
        form: Written form of the texts that it learned.
    """

    file = "lm.json"
    command = "ger train lm"

    form: str


def origin_of(folder: Path) -> Origin | None:
    """What an adapter of ours is; `None` of one that others made.

    Raises:
        ModelError: it is not known to this version of ger.
    """
    kinds: tuple[type[Origin], ...] = (Reading, Adapted)
    return next((kind.read(folder) for kind in kinds if (folder / kind.file).is_file()), None)


def base_of(folder: str) -> str:
    """The model that an adapter belongs to, as it says itself.

    Raises:
        ModelError: the folder holds no adapter.
    """
    path = Path(folder).expanduser()
    if ours := origin_of(path):
        return ours.base
    try:
        named = json.loads((path / "adapter_config.json").read_text(encoding="utf-8"))["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder} holds no adapter: {error}.", "Train one: ger train h2t, ger train lm.") from error
    if not named:
        raise ModelError(f"{folder} does not say which model it is for.", "Name the model.")
    return str(named)


def hub_name(name: str) -> str:
    """The hub's id of a model that has one, without its revision; other names as they are."""
    entry = catalogue().get(name)
    hubs = [source.hub for source in entry.sources if source.hub] if entry else []
    if not entry and not Path(name).exists() and hub.is_hub_id(name):
        hubs = [name.partition("@")[0]]
    return hubs[0] if hubs else name


def save(model: Any, folder: Path, card: str) -> None:
    """Write an adapter as peft does, with a card of our own.

    Args:
        model: A `peft.PeftModel`.
        folder: A new folder.
        card: Text of its `README.md`.
    """
    for config in model.peft_config.values():
        config.target_modules = _short(model, config.target_modules)
    with quiet():
        model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").write_text(card, encoding="utf-8")


def _short(model: Any, names: Collection[str]) -> list[str]:
    """The ends of layers' names, sorted, where they mean the same layers; of all-linear peft makes whole names."""
    ends = {name.rpartition(".")[2] for name in names}
    adapted = sum(hasattr(module, "lora_A") for module in model.modules())
    called = sum(name.rpartition(".")[2] in ends for name, _ in model.get_base_model().named_modules())
    return sorted(ends if called == adapted else names)


def causal_model(folder: Path, name: str, options: Mapping[str, Any]) -> tuple[Any, Any]:
    """A causal language model and its tokenizer, from a local folder.

    Args:
        folder: The model in transformers format.
        name: What errors call it.
        options: For `from_pretrained`.

    Raises:
        DependencyError: torch or transformers is not installed.
        ModelError: the model cannot be loaded.
    """
    with loading(name) as transformers:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, **options)
    if tokenizer.eos_token_id is None:
        raise ModelError(f"{name}: its tokenizer has no mark for the end of a text.", "Use another model.")
    return model, tokenizer
