"""The log of a training as TensorBoard reads it, where the package `tensorboard` is installed."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

__all__ = ["Board"]

_FOLDER = "tensorboard"
_SHOWN = ("loss", "lr", "tokens", "epoch_loss", "validation_errors", "validation_wer", "validation_perplexity")


class Board:
    """Writes the numbers of the log's lines into event files.

    Args:
        output: The folder of the training.
        step: Steps that it has made; what an earlier start wrote after it no longer counts.
    """

    def __init__(self, output: Path, step: int) -> None:
        self._writer: Any = None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # of its own imports
                from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return
        self._writer = SummaryWriter(output / _FOLDER, purge_step=step + 1)

    def __enter__(self) -> Board:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer:
            self._writer.close()

    def add(self, row: dict[str, Any], step: int) -> None:
        """Take in a line of the log."""
        for name in _SHOWN if self._writer else ():
            if name in row:
                self._writer.add_scalar(name, row[name], step)
