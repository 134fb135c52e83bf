"""Recipes: one commented TOML file that fixes a training run, and its launch command on top.

Every key of a recipe is a field of a dataclass, flat, without tables. `--set key=value` changes one; the value is read
as TOML, and as text where it is not TOML.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ger.errors import InputError, UsageError
from ger.io.paths import printable
from ger.registry import suggest
from ger.text.form import Form
from ger.text.normalize import NORMALIZERS

__all__ = [
    "FirstPass",
    "Init",
    "Loss",
    "Pooling",
    "Precision",
    "RescorerOptions",
    "RescorerRecipe",
    "dump",
    "read_rescorer",
]

Init = Literal["pretrained", "random"]
Loss = Literal["mwer", "mwed"]
Pooling = Literal["auto", "first", "last", "mean", "sum"]
FirstPass = Literal["auto", "score", "rank"]
Precision = Literal["float32", "bfloat16"]

#: The smallest value of each whole number, 0 where 0 stands for "choose" or "all".
_LEAST = {
    "layers": 0,
    "train_layers": 0,
    "hidden": 8,
    "max_lists": 0,
    "epochs": 1,
    "patience": 0,
    "batch_lists": 1,
    "batch_tokens": 1,
    "seed": 0,
    "threads": 0,
}
_POSITIVE = ("lr", "head_lr")
_NOT_NEGATIVE = ("acoustic_weight", "distill_weight", "weight_decay", "validation")


@dataclass(frozen=True, slots=True)
class RescorerOptions:
    """How a discriminative rescorer is trained; `ger.train.rescorer` says what for.

    Attributes:
        model: The language model to start from: a catalogue name, a hub id, a folder; empty for the default one.
        init: `pretrained`, or `random` for a small new encoder over that model's tokenizer.
        layers: Use only the first layers of it; 0 for all. Of a new model: how many it has, 0 for two.
        hidden: Width of a new model.
        train_layers: How many of the upper layers are trained; 0 for all.
        train_embeddings: Whether the token embeddings of a pretrained model are trained, too.
        pooling: What the scalar head reads: the `first` token's state, the `last` one's, their `mean`, or the `sum` of
            a score for every token. `auto` is `first` for models with a class token, else `last`.
        form: Written form in which the model reads the hypotheses.
        normalizer: Normalizer of the texts whose word errors are counted.
        loss: `mwer` (expected word errors) or `mwed` (their distribution).
        first_pass: What the score is added to: the recognizer's `score`, minus the logarithm of the `rank`, or `auto`:
            the score where every hypothesis has one.
        acoustic_weight: Weight of that in the sum.
        distill: A language model whose scores are learned, too, as given to `--lm`; empty for none.
        distill_weight: Weight of that loss (nats squared).
        max_lists: Train on so many lists, chosen by the seed; 0 for all.
        validation: Share of the lists that decides which epoch is kept; at 0 the last one is.
        epochs: How often the lists are read at most.
        patience: Stop after so many epochs without fewer validation errors; 0 for never.
        batch_lists: Lists a step.
        batch_tokens: Tokens, padding included, that go through the model at once.
        lr: Highest learning rate of the model; it rises over the first tenth of the steps and falls to 0.
        head_lr: The same of the scalar head.
        weight_decay: Of AdamW.
        seed: Fixes the order, the split and all new weights.
        precision: Of the matrix products in training; weights are always float32. Many CPUs and all newer GPUs are
            faster in `bfloat16`.
        device: `auto`, `cpu`, `cuda`.
        threads: CPU threads; 0 leaves them.

    Raises:
        UsageError: a value is out of its range; names the key.
    """

    model: str = ""
    init: Init = "pretrained"
    layers: int = 0
    hidden: int = 128
    train_layers: int = 0
    train_embeddings: bool = False
    pooling: Pooling = "auto"
    form: Form = "as-is"
    normalizer: str = "basic"
    loss: Loss = "mwer"
    first_pass: FirstPass = "auto"
    acoustic_weight: float = 1.0
    distill: str = ""
    distill_weight: float = 0.01
    max_lists: int = 0
    validation: float = 0.1
    epochs: int = 5
    patience: int = 2
    batch_lists: int = 16
    batch_tokens: int = 4096
    lr: float = 1e-4
    head_lr: float = 1e-3
    weight_decay: float = 0.01
    seed: int = 1
    precision: Precision = "float32"
    device: str = "auto"
    threads: int = 0

    def __post_init__(self) -> None:
        for key, choices in (("normalizer", tuple(NORMALIZERS)), *_literals(type(self))):
            if (value := getattr(self, key)) not in choices:
                raise UsageError(f"{key} is {value!r}.", suggest(value, choices))
        for key, least in _LEAST.items():
            if getattr(self, key) < least:
                raise UsageError(f"{key} is {getattr(self, key)}.", f"Use {least} or more.")
        for key in (*_POSITIVE, *_NOT_NEGATIVE):
            value = getattr(self, key)
            if not math.isfinite(value) or value < 0 or (value == 0 and key in _POSITIVE):
                raise UsageError(f"{key} is {value}.", f"Use a number {'above 0' if key in _POSITIVE else 'from 0'}.")
        if self.validation > 0.9:
            raise UsageError(f"validation is {self.validation}.", "Use a share from 0 to 0.9.")


@dataclass(frozen=True, slots=True)
class RescorerRecipe:
    """What `ger train rescorer` does.

    Attributes:
        lists: Files of N-best lists with references; relative names start at the working folder.
        output: Folder of the trained rescorer.
        options: How it is trained; its fields are keys of the recipe.

    Raises:
        UsageError: there are no lists or no output.
    """

    lists: tuple[str, ...] = ()
    output: str = ""
    options: RescorerOptions = field(default_factory=RescorerOptions)

    def __post_init__(self) -> None:
        if not self.lists:
            raise UsageError("lists is missing.", 'Name files of N-best lists: lists = ["train.jsonl"]')
        if not self.output:
            raise UsageError("output is missing.", 'Name a folder for the rescorer: output = "my-rescorer"')


def read_rescorer(path: Path, changes: Sequence[str] = ()) -> RescorerRecipe:
    """Read a recipe, with changes of the form `key=value`.

    Raises:
        InputError: the file cannot be read or is not TOML.
        UsageError: a key is not known, or a value of the wrong type or out of its range; names the file and the key.
    """
    name = printable(path)
    types = {key: kind for key, kind in get_type_hints(RescorerRecipe).items() if key != "options"}
    types |= get_type_hints(RescorerOptions)
    settings = _toml(path, name) | dict(_change(change, types) for change in changes)
    try:
        values = {key: _typed(key, value, types) for key, value in settings.items()}
        chosen = {key: values.pop(key) for key in ("lists", "output") if key in values}
        return RescorerRecipe(**chosen, options=RescorerOptions(**values))
    except UsageError as error:
        raise UsageError(f"{name}: {error.message}", error.hint) from error


def dump(recipe: RescorerRecipe, launch: str) -> str:
    """A recipe as TOML, every key spelled out, under its launch command."""
    settings = {"lists": list(recipe.lists), "output": recipe.output} | asdict(recipe.options)
    rows = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in settings.items()]
    return "\n".join([f"# {printable(launch)}", "", *rows, ""]).replace("\x7f", "\\u007f")


def _toml(path: Path, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}.", "Check the name and its permissions.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is not TOML: {error}.", "See examples/recipes for recipes that are.") from error


def _change(change: str, types: Iterable[str]) -> tuple[str, Any]:
    key, equals, value = change.partition("=")
    if not equals:
        raise UsageError(f"--set {change!r} has no value.", f"Use key=value; {suggest(key, types)}")
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
        return float(value)
    if type(value) is not kind:
        names = {str: "a text in quotation marks", int: "a whole number", float: "a number", bool: "true or false"}
        raise UsageError(f"{key} is {value!r}.", f"Use {names[kind]}.")
    return value


def _literals(cls: type) -> list[tuple[str, tuple[str, ...]]]:
    """The fields with a choice of values, and the choices."""
    return [(name, get_args(kind)) for name, kind in get_type_hints(cls).items() if get_origin(kind) is Literal]
