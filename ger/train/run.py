"""The loop of a training: steps, epochs, and what is kept of them; taken up after a kill where it was saved last."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from ger.device import is_memory
from ger.errors import MemoryLimitError, ModelError
from ger.train.adapter_options import AdapterOptions
from ger.train.board import Board
from ger.train.lora import Merged
from ger.train.objective import Judge, Objective
from ger.train.pairs import batches, parts
from ger.train.work import Work

if TYPE_CHECKING:
    import torch

__all__ = ["Report", "Run", "within_memory"]

#: Called with each line of the log: a step, or an epoch.
Report = Callable[[dict[str, Any]], None]


class Run:
    """A training under way: what it has learned so far, and the best of it.

    Args:
        options: How is trained.
        objective: What is learned.
        judge: Decides which epoch is kept; without anything to judge by it is the last.
        adapted: A `peft.PeftModel`; its weights that want gradients are trained.
        work: The folder.
        report: Called with each line of the log.
    """

    def __init__(
        self,
        options: AdapterOptions,
        objective: Objective,
        judge: Judge,
        adapted: Any,
        work: Work,
        report: Report | None = None,
    ) -> None:
        import torch

        self._options, self._objective, self._judge, self._work = options, objective, judge, work
        self._report = report or (lambda row: None)
        self._adapted = adapted
        self._size = len(objective.items(1))
        self._trained = {name: value for name, value in adapted.named_parameters() if value.requires_grad}
        self._optimizer = torch.optim.AdamW(self._trained.values(), lr=options.lr, weight_decay=options.weight_decay)
        self._merged = Merged(adapted)
        self._exit = ExitStack()
        self._history: list[dict[str, Any]] = []
        self._best: dict[str, torch.Tensor] = {}
        self._mean: dict[str, torch.Tensor] = {}
        self._averaged = 0
        self._step = 0
        self._spent = 0.0
        if state := work.read():
            self._restore(state)
        self._board = Board(work.output, self._step)

    def __enter__(self) -> Run:
        self._exit.enter_context(self._board)
        self._exit.enter_context(self._merged.on())
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    @property
    def _steps(self) -> int:
        """Steps of an epoch."""
        return math.ceil(self._size / self._options.step_size)

    @property
    def _total(self) -> int:
        return self._steps * self._options.epochs

    @property
    def epochs(self) -> list[dict[str, Any]]:
        """The log's lines of whole epochs."""
        return [row for row in self._history if "epoch_loss" in row]

    @property
    def seconds(self) -> float:
        """Wall time so far, that of earlier starts included."""
        return round(self._spent, 1)

    @property
    def done(self) -> bool:
        """Whether all epochs were run, or nothing has become better for a while."""
        run = len(self.epochs)
        losses = [row[self._judge.loss] for row in self.epochs] if self._judge else []
        waited = run - 1 - losses.index(min(losses)) if losses else 0
        stopped = self._options.patience and self._judge and waited >= self._options.patience
        return run >= self._options.epochs or bool(stopped)

    @property
    def best_epoch(self) -> int:
        """The best epoch, of several the last; the last one without validation."""
        if not self._judge:
            return len(self.epochs)
        return int(min(self.epochs, key=lambda row: (row[self._judge.loss], -row["epoch"]))["epoch"])

    @property
    def best(self) -> dict[str, Any]:
        """The log's line of that epoch."""
        return self.epochs[self.best_epoch - 1]

    def epoch(self) -> None:
        """Read everything once, or what is left of it, then validate and save."""
        number = len(self.epochs) + 1
        self._learn(number)
        began = time.monotonic()
        losses = [row["loss"] for row in self._history if row.get("epoch") == number and "step" in row]
        with self._averages(number):
            record = {"epoch": number, "epoch_loss": sum(losses) / len(losses)} | self._validated()
            self._spent += time.monotonic() - began
            self._log(record | {"seconds": self.seconds})
            if self.best_epoch == number:
                self._best = {name: value.detach().cpu().clone() for name, value in self._trained.items()}
        self._save()

    def take_best(self) -> None:
        """Give the model the weights of the best epoch."""
        self._take(self._best)

    def _learn(self, number: int) -> None:
        self._adapted.train()
        steps = batches(self._objective.items(number), self._options.step_size, f"{self._options.seed}-{number}")
        for batch in steps[self._step - (number - 1) * self._steps :]:
            began = time.monotonic()
            with within_memory():
                row = {"epoch": number, "step": self._step + 1, "of": self._total} | self._improve(batch)
            self._spent += time.monotonic() - began
            self._log(row | {"seconds": self.seconds})
            if self._options.save_steps and self._step % self._options.save_steps == 0:
                self._save()

    def _improve(self, batch: Sequence[Any]) -> dict[str, Any]:
        """One step."""
        import torch

        torch.manual_seed(self._options.seed * 1_000_003 + self._step)
        rate = self._set_rate()
        loss = self._backward(batch)
        if not math.isfinite(loss):
            raise ModelError(f"The loss is {loss} in step {self._step + 1}.", "Use a lower lr.")
        torch.nn.utils.clip_grad_norm_(self._trained.values(), self._options.clip)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._merged.refresh()
        self._step += 1
        self._remember()
        return {"loss": loss, "tokens": sum(item.length for item in batch), "lr": rate}

    def _set_rate(self) -> float:
        """Up in the first steps, then down."""
        done, rise = self._step / self._total, self._options.warm_up
        left = (1 - done) / (1 - rise) if rise < 1 else 1.0
        shares = {"linear": left, "cosine": 0.5 - 0.5 * math.cos(math.pi * min(1.0, left)), "constant": 1.0}
        rate = self._options.lr * min((self._step + 1) / max(1.0, rise * self._total), shares[self._options.schedule])
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        return rate

    def _backward(self, batch: Sequence[Any]) -> float:
        """Gradients of the mean loss of a batch, part by part; that loss."""
        weight = self._objective.weight(batch)
        total = 0.0
        for part in parts(batch, self._options.batch_tokens):
            loss = self._objective.loss(part) / weight
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.item()
        return total

    def _remember(self) -> None:
        """Take the weights into the average, near the end."""
        if self._step <= self._total * (1 - self._options.average):
            return
        self._averaged += 1
        for name, value in self._trained.items():
            mean = self._mean.setdefault(name, value.detach().clone())
            mean += (value.detach() - mean) / self._averaged

    @contextmanager
    def _averages(self, number: int) -> Iterator[None]:
        """The averaged weights after the last epoch; before, the weights as they are."""
        if number < self._options.epochs or not self._mean:
            yield
            return
        own = {name: value.detach().clone() for name, value in self._trained.items()}
        self._take(self._mean)
        yield
        self._take(own)

    def _take(self, weights: dict[str, torch.Tensor]) -> None:
        import torch

        with torch.no_grad():
            for name, value in self._trained.items():
                value.copy_(weights[name])
        self._merged.refresh()

    def _validated(self) -> dict[str, Any]:
        """What the judge says of the model as it is."""
        if not self._judge:
            return {}
        self._adapted.eval()
        with within_memory():
            return self._judge.measure()

    def _log(self, row: dict[str, Any]) -> None:
        self._history.append(row)
        self._board.add(row, self._step)
        self._report(row)

    def _save(self) -> None:
        weights = {name: value.detach() for name, value in self._trained.items()}
        state = {"history": self._history, "best": self._best, "mean": self._mean, "weights": weights}
        counts = {"averaged": self._averaged, "step": self._step, "spent": self._spent}
        self._work.write(state | counts | {"optimizer": self._optimizer.state_dict()})

    def _restore(self, state: dict[str, Any]) -> None:
        device = next(iter(self._trained.values())).device
        self._history, self._best = state["history"], state["best"]
        self._mean = {name: value.to(device) for name, value in state["mean"].items()}
        self._averaged, self._step, self._spent = state["averaged"], state["step"], state["spent"]
        self._optimizer.load_state_dict(state["optimizer"])
        self._take(state["weights"])


@contextmanager
def within_memory() -> Iterator[None]:
    """Lack of memory becomes one of our errors."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_memory(error):
            raise
        raise MemoryLimitError(
            "There is not enough memory for a step.", "Lower batch_tokens, or use checkpointing = true."
        ) from error
