"""The recipe of a hypotheses-to-transcription model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ger.errors import UsageError
from ger.text.normalize import NORMALIZERS
from ger.train.adapter_options import AdapterOptions
from ger.train.settings import check, check_files

__all__ = ["Aim", "H2TOptions", "H2TRecipe"]

Aim = Literal["sft", "dpo", "mwer"]

#: The smallest value of each whole number, 0 where 0 stands for "all".
_LEAST = {"nbest": 1, "max_lists": 0, "validation_lists": 0, "batch_lists": 1}
_SHARES = ("drop_hypotheses", "shuffle_hypotheses")


@dataclass(frozen=True, slots=True)
class H2TOptions(AdapterOptions):
    """How a hypotheses-to-transcription model is trained; `ger.train.h2t` says what for.

    Attributes:
        prompt: Name of the prompt that it reads, or a file.
        nbest: How many hypotheses it reads at most.
        tags: Whether it reads the task of each list, its `meta.task`, for one model of several tasks (NeKo, Lin et al.
            2024).
        max_lists: Train on so many lists, chosen by the seed; 0 for all.
        validation_lists: So many of the lists that decide which epoch is kept are corrected after each; 0 for all.
        normalizer: Normalizer of the texts whose word errors are counted then.
        drop_hypotheses: Chance of each hypothesis but one to be left out of a list, anew in each epoch.
        shuffle_hypotheses: Chance of a list's order to be shuffled, anew in each epoch.
        batch_lists: Lists a step.

    Raises:
        UsageError: a value is out of its range; names the key.
    """

    prompt: str = "h2t"
    nbest: int = 5
    tags: bool = False
    max_lists: int = 0
    validation_lists: int = 200
    normalizer: str = "none"
    drop_hypotheses: float = 0.0
    shuffle_hypotheses: float = 0.0
    batch_lists: int = 16

    def __post_init__(self) -> None:
        AdapterOptions.__post_init__(self)
        check(self, least=_LEAST, positive=(), not_negative=_SHARES, choices={"normalizer": tuple(NORMALIZERS)})
        self._check_shares(_SHARES)

    @property
    def step_size(self) -> int:
        """See `AdapterOptions`."""
        return self.batch_lists


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
