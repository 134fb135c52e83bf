"""The recipe of a discriminative rescorer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ger.errors import UsageError
from ger.text.form import Form
from ger.text.normalize import NORMALIZERS
from ger.train.settings import check, check_files, read

__all__ = [
    "FirstPass",
    "Init",
    "Loss",
    "Pooling",
    "Precision",
    "RescorerOptions",
    "RescorerRecipe",
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
        choices = {"normalizer": tuple(NORMALIZERS)}
        check(self, least=_LEAST, positive=_POSITIVE, not_negative=_NOT_NEGATIVE, choices=choices)
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
        check_files(self.lists, self.output, "rescorer")


def read_rescorer(path: Path, changes: Sequence[str] = ()) -> RescorerRecipe:
    """Read a recipe, with changes of the form `key=value`; see `ger.train.settings.read`."""
    return read(path, RescorerRecipe, changes)
