"""The recipe of a hypotheses-to-transcription model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ger.device import device_of
from ger.errors import UsageError
from ger.text.normalize import NORMALIZERS
from ger.train.settings import check, check_files

__all__ = ["Aim", "H2TOptions", "H2TRecipe", "Precision", "Schedule"]

Schedule = Literal["linear", "cosine", "constant"]
Aim = Literal["sft", "dpo", "mwer"]
Precision = Literal["auto", "float32", "bfloat16"]

#: The smallest value of each whole number, 0 where 0 stands for "choose", "all" or "never".
_LEAST = {
    "nbest": 1,
    "max_lists": 0,
    "validation_lists": 0,
    "rank": 1,
    "epochs": 1,
    "patience": 0,
    "batch_lists": 1,
    "batch_tokens": 1,
    "save_steps": 0,
    "seed": 0,
    "threads": 0,
}
_POSITIVE = ("lr", "alpha", "clip")
_NOT_NEGATIVE = (
    "validation",
    "weight_decay",
    "warm_up",
    "average",
    "lora_dropout",
    "drop_hypotheses",
    "shuffle_hypotheses",
)
_SHARES = ("warm_up", "average", "lora_dropout", "drop_hypotheses", "shuffle_hypotheses")


@dataclass(frozen=True, slots=True)
class H2TOptions:
    """How a hypotheses-to-transcription model is trained; `ger.train.h2t` says what for.

    Attributes:
        model: The language model to start from: a catalogue name, a hub id, a folder; empty for the default one.
        prompt: Name of the prompt that it reads, or a file.
        nbest: How many hypotheses it reads at most.
        tags: Whether it reads the task of each list, its `meta.task`, for one model of several tasks (NeKo, Lin et al.
            2024).
        max_lists: Train on so many lists, chosen by the seed; 0 for all.
        validation: Share of the lists that decides which epoch is kept; at 0 the last one is.
        validation_lists: So many of these lists are corrected after each epoch; 0 for all.
        normalizer: Normalizer of the texts whose word errors are counted then.
        rank: Rank of the adapter's matrices (LoRA, Hu et al. 2021).
        alpha: Their product counts alpha / rank times.
        targets: Names of the layers that get an adapter; `all-linear` for all but the head.
        lora_dropout: Share of an adapter's inputs that are left out in training.
        four_bit: Keep the model itself in 4 bits (QLoRA, Dettmers et al. 2023); needs a GPU and bitsandbytes.
        drop_hypotheses: Chance of each hypothesis but one to be left out of a list, anew in each epoch.
        shuffle_hypotheses: Chance of a list's order to be shuffled, anew in each epoch.
        epochs: How often the lists are read at most.
        patience: Stop after so many epochs without fewer validation errors; 0 for never.
        batch_lists: Lists a step.
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
    prompt: str = "h2t"
    nbest: int = 5
    tags: bool = False
    max_lists: int = 0
    validation: float = 0.05
    validation_lists: int = 200
    normalizer: str = "none"
    rank: int = 16
    alpha: float = 32.0
    targets: tuple[str, ...] = ("all-linear",)
    lora_dropout: float = 0.0
    four_bit: bool = False
    drop_hypotheses: float = 0.0
    shuffle_hypotheses: float = 0.0
    epochs: int = 4
    patience: int = 0
    batch_lists: int = 16
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
        choices = {"normalizer": tuple(NORMALIZERS)}
        check(self, least=_LEAST, positive=_POSITIVE, not_negative=_NOT_NEGATIVE, choices=choices)
        if key := next((key for key in _SHARES if getattr(self, key) > 1), None):
            raise UsageError(f"{key} is {getattr(self, key)}.", "Use a share from 0 to 1.")
        if self.validation > 0.9:
            raise UsageError(f"validation is {self.validation}.", "Use a share from 0 to 0.9.")
        if not self.targets or not all(self.targets):
            raise UsageError("targets is empty.", 'Name layers, or use targets = ["all-linear"].')

    @property
    def half(self) -> bool:
        """Whether matrix products are done in bfloat16.

        Raises:
            DependencyError: torch is not installed.
            UsageError: there is no such device.
        """
        return self.precision == "bfloat16" or (self.precision == "auto" and device_of(self.device) == "cuda")


@dataclass(frozen=True, slots=True)
class H2TRecipe:
    """What `ger train h2t` does.

    Attributes:
        lists: Files of N-best lists with references; relative names start at the working folder. `TASK=FILE` gives the
            lists of a file a task.
        validation_files: Files of lists that decide which epoch is kept, instead of a share of `lists`.
        output: Folder of the adapter.
        start: Folder of an adapter to go on from, with its prompt; empty for a new one.
        objective: What is learned: to write the reference (`sft`), or which candidate is better (`dpo`, `mwer`; see
            `ger.train.prefer`), which needs `start`.
        beta: How strongly `dpo` holds the model where it started.
        candidates: Candidates that the model to start from writes for each list, beside the reference; 0 for none.
        listed: Whether the hypotheses are candidates, too.
        sft_weight: Weight of the cross entropy of the reference, beside `dpo` and `mwer`.
        options: How it is trained; its fields are keys of the recipe.

    Raises:
        UsageError: there are no lists or no output, or the objective does not go with the rest.
    """

    lists: tuple[str, ...] = ()
    validation_files: tuple[str, ...] = ()
    output: str = ""
    start: str = ""
    objective: Aim = "sft"
    beta: float = 0.1
    candidates: int = 4
    listed: bool = False
    sft_weight: float = 0.0
    options: H2TOptions = field(default_factory=H2TOptions)

    def __post_init__(self) -> None:
        check_files(self.lists, self.output, "adapter")
        check(self, least={"candidates": 0}, positive=("beta",), not_negative=("sft_weight",))
        if self.objective == "sft":
            return
        if not self.start:
            raise UsageError(f'objective = "{self.objective}" needs start.', "Name an adapter to go on from.")
        if not self.candidates and not self.listed:
            raise UsageError("There are no candidates.", "Use candidates = 4, or listed = true.")
        if self.options.drop_hypotheses or self.options.shuffle_hypotheses:
            hint = "Set drop_hypotheses and shuffle_hypotheses to 0."
            raise UsageError(f'objective = "{self.objective}" compares answers to the same list.', hint)
