"""What the trainings of adapters have in common: the model, the size of the adapter, and how it learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ger.device import device_of
from ger.errors import UsageError
from ger.train.settings import check

__all__ = ["AdapterOptions", "Precision", "Schedule"]

Schedule = Literal["linear", "cosine", "constant"]
Precision = Literal["auto", "float32", "bfloat16"]

#: The smallest value of each whole number, 0 where 0 stands for "never" or "leave them".
_LEAST = {"rank": 1, "epochs": 1, "patience": 0, "batch_tokens": 1, "save_steps": 0, "seed": 0, "threads": 0}
_POSITIVE = ("lr", "alpha", "clip")
_SHARES = ("warm_up", "average", "lora_dropout")
_NOT_NEGATIVE = ("validation", "weight_decay", *_SHARES)


@dataclass(frozen=True, slots=True)
class AdapterOptions:
    """How an adapter is trained, whatever it learns.

    Attributes:
        model: The language model to start from: a catalogue name, a hub id, a folder; empty for the default one.
        validation: Share of what is given that decides which epoch is kept; at 0 the last one is.
        rank: Rank of the adapter's matrices (LoRA, Hu et al. 2021).
        alpha: Their product counts alpha / rank times.
        targets: Names of the layers that get an adapter; `all-linear` for all but the head.
        lora_dropout: Share of an adapter's inputs that are left out in training.
        four_bit: Keep the model itself in 4 bits (QLoRA, Dettmers et al. 2023); needs a GPU and bitsandbytes.
        epochs: How often everything is read at most.
        patience: Stop after so many epochs that are not better; 0 for never.
        batch_tokens: Tokens, padding included, that go through the model at once; gradients add up over a step.
        lr: Highest learning rate.
        schedule: How it falls from there to 0: `linear`, `cosine`, or `constant`, not at all.
        warm_up: Share of the steps in which it rises.
        average: Weights are averaged over the last share of the steps; 0 for the last ones as they are.
        weight_decay: Of AdamW.
        clip: Largest norm of a gradient.
        save_steps: Keep the state every so many steps, to go on from after an interruption; 0 for every epoch.
        seed: Fixes the order, the split and the new weights.
        precision: Of the matrix products; `auto` is `bfloat16` on a GPU, `float32` on a CPU: of CPUs, only those with
            instructions for bfloat16 (AMX, AVX512-BF16) are faster with it, others many times slower.
        checkpointing: Compute activations twice instead of keeping them: less memory, more time.
        device: `auto`, `cpu`, `cuda`.
        threads: CPU threads; 0 leaves them.

    Raises:
        UsageError: a value is out of its range; names the key.
    """

    model: str = ""
    validation: float = 0.05
    rank: int = 16
    alpha: float = 32.0
    targets: tuple[str, ...] = ("all-linear",)
    lora_dropout: float = 0.0
    four_bit: bool = False
    epochs: int = 4
    patience: int = 0
    batch_tokens: int = 2048
    lr: float = 5e-4
    schedule: Schedule = "linear"
    warm_up: float = 0.05
    average: float = 0.0
    weight_decay: float = 0.0
    clip: float = 1.0
    save_steps: int = 100
    seed: int = 1
    precision: Precision = "auto"
    checkpointing: bool = False
    device: str = "auto"
    threads: int = 0

    def __post_init__(self) -> None:
        check(self, least=_LEAST, positive=_POSITIVE, not_negative=_NOT_NEGATIVE)
        self._check_shares(_SHARES)
        if self.validation > 0.9:
            raise UsageError(f"validation is {self.validation}.", "Use a share from 0 to 0.9.")
        if not self.targets or not all(self.targets):
            raise UsageError("targets is empty.", 'Name layers, or use targets = ["all-linear"].')

    def _check_shares(self, keys: tuple[str, ...]) -> None:
        if key := next((key for key in keys if getattr(self, key) > 1), None):
            raise UsageError(f"{key} is {getattr(self, key)}.", "Use a share from 0 to 1.")

    @property
    def step_size(self) -> int:
        """How many items are learned from in a step."""
        raise NotImplementedError

    @property
    def half(self) -> bool:
        """Whether matrix products are done in bfloat16.

        Raises:
            DependencyError: torch is not installed.
            UsageError: there is no such device.
        """
        return self.precision == "bfloat16" or (self.precision == "auto" and device_of(self.device) == "cuda")
