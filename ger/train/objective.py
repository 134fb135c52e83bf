"""What a training teaches: the items of an epoch and their loss; here, to write the reference (cross entropy)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ger.train.h2t_recipe import H2TOptions
from ger.train.head import AnswerHead
from ger.train.pairs import Pair, Reader
from ger.types import NBest

if TYPE_CHECKING:
    import torch

__all__ = ["Judge", "Lesson", "Objective", "Setting", "Supervised", "Transcribe"]


@dataclass(frozen=True, slots=True)
class Setting:
    """What an objective is made with.

    Attributes:
        options: How is trained.
        lists: Lists to learn from, with references and hypotheses.
        reader: Makes tokens of them.
        head: What the model says at the places of answers.
        adapted: The model with its adapter (`peft.PeftModel`).
    """

    options: H2TOptions
    lists: Sequence[NBest]
    reader: Reader
    head: AnswerHead
    adapted: Any


class Objective(Protocol):
    """What is learned from, and how much of it is still to be learned."""

    def items(self, epoch: int) -> Sequence[Any]:
        """What an epoch reads (`ger.train.pairs.Item`), always as many; epochs count from 1."""
        ...

    def weight(self, batch: Sequence[Any]) -> float:
        """What the losses of a batch are divided by: its answers' tokens, or its items."""
        ...

    def loss(self, part: Sequence[Any]) -> torch.Tensor:
        """Sum of the losses of some items of a batch, with gradients."""
        ...


class Judge(Protocol):
    """What decides which epoch is kept; false where there is nothing to judge by."""

    @property
    def loss(self) -> str:
        """Which number of `measure` has to be small."""
        ...

    def __bool__(self) -> bool: ...

    def measure(self) -> dict[str, Any]:
        """Numbers for the log that tell how good the model is now."""
        ...


class Lesson(Protocol):
    """A kind of training."""

    @property
    def key(self) -> str:
        """Text of all that it depends on beside the lists, the options and the model."""
        ...

    @property
    def start(self) -> Path | None:
        """Folder of an adapter to go on from, whose prompt is read; `None` for a new one."""
        ...

    def objective(self, setting: Setting) -> Objective:
        """What is learned; made before the first step."""
        ...


@dataclass(frozen=True, slots=True)
class Transcribe:
    """Supervised fine-tuning; see `Lesson`."""

    key: str = ""
    start: Path | None = None

    def objective(self, setting: Setting) -> Objective:
        """Pairs of lists and references."""
        return Supervised(setting.head, lambda epoch: [setting.reader.of(nbest, epoch) for nbest in setting.lists])


@dataclass(frozen=True, slots=True)
class Supervised:
    """Cross entropy of the tokens of answers; see `Objective`.

    Attributes:
        head: What the model says at their places.
        pairs: Prompts and answers of an epoch.
    """

    head: AnswerHead
    pairs: Callable[[int], Sequence[Pair]]

    def items(self, epoch: int) -> Sequence[Pair]:
        """The pairs."""
        return self.pairs(epoch)

    def weight(self, batch: Sequence[Pair]) -> float:
        """Tokens of the answers."""
        return float(sum(len(pair.answer) for pair in batch))

    def loss(self, part: Sequence[Pair]) -> torch.Tensor:
        """Their cross entropies in nats."""
        import torch

        logits, labels = self.head.logits(part)
        return torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
