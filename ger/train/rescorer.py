"""Training a discriminative rescorer: a scalar head learns to choose among the hypotheses of a list.

Each hypothesis y of a list is read alone and gets a score s(y). With the first pass's a(y) (its log-probability, or
minus the logarithm of the rank) the list has the distribution P(y) = softmax(s(y) + w a(y)). The losses of a list are

- `mwer`: sum of P(y) (W(y) - mean W), the expected number of word errors W (Prabhavalkar et al. 2018, equation 3);
- `mwed`: cross entropy of P against softmax(-W), the distribution of word errors (Xu et al. 2022, section 2.3);
- `distill`: mean squared difference between s and a larger model's score, both centred within the list: only
  differences within a list matter to the choice.

Training is deterministic for a seed on one machine, keeps the epoch with the fewest validation errors, and after a kill
goes on from the last whole epoch.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ger.device import device_of
from ger.errors import InputError, ModelError
from ger.models import DEFAULT_LM, resolve
from ger.protocols import LmOptions, ScoreRequest
from ger.train.examples import Example, batches, encoded, examples, parts, scored, split
from ger.train.loading import deterministic
from ger.train.recipe import Loss, RescorerOptions
from ger.train.scalar import DESCRIPTION, Reading, ScalarModel, start
from ger.train.work import Summary, Validation, Work, finished, writing
from ger.types import NBest

if TYPE_CHECKING:
    import torch

__all__ = ["Summary", "Validation", "list_loss", "train"]

_CLIP = 1.0
_WARM_UP = 0.1


def train(
    lists: Sequence[NBest],
    options: RescorerOptions,
    output: Path,
    *,
    report: Callable[[dict[str, Any]], None] | None = None,
    recipe: str = "",
) -> Summary[Validation]:
    """Train a rescorer on lists with references and write it to a folder.

    A folder that holds a finished training with the same lists and options is left as it is; an unfinished one is
    taken up after its last whole epoch.

    Args:
        lists: N-best lists; all need references.
        options: How to train.
        output: The folder, new or empty.
        report: Called with each line of the log, one an epoch.
        recipe: Text that is kept as `recipe.toml` in the folder.

    Raises:
        InputError: a list cannot be used, or none teaches anything.
        ModelError: the model to start from cannot be used, or the loss is not a number any more.
        OutputError: the folder cannot be written.
        UsageError: the folder holds something else.
    """
    data = examples(lists, options)
    base = resolve(options.model or DEFAULT_LM, "lm")
    key = _key(data, options, base.identity)
    if (output / DESCRIPTION).exists():
        return finished(output, Reading.read(output).key == key, Validation)
    with deterministic(options.seed, options.threads), writing(output):
        work = Work.opened(output, key)
        run = _Run(options, data, start(options, base.path, base.name), work)
        while not run.done:
            record = run.epoch()
            if report:
                report(record)
        summary = replace(run.summary(), folder=str(output), lists=len(lists))
        first_pass = "score" if scored(lists, options) else "rank"
        pooling = run.model.pooling
        reading = Reading(pooling, options.form, first_pass, options.acoustic_weight, base.identity, key)
        work.publish(run.model.save, (DESCRIPTION, reading.dumps()), summary, recipe)
    return summary


def _key(data: Sequence[Example], options: RescorerOptions, base: str) -> str:
    """Digest of all that the result depends on."""
    fixed = replace(options, model=base, threads=0)
    digest = hashlib.sha256(repr(fixed).encode())
    for example in data:
        digest.update(repr(example).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:16]


class _Run:
    """A training: the model, what it has learned so far, and the best of it."""

    def __init__(self, options: RescorerOptions, data: Sequence[Example], model: ScalarModel, work: Work) -> None:
        import torch

        self._options, self._work, self.model = options, work, model
        fit, self._held = split(data, options)
        self._fit = [example for example in fit if example.informative or (options.distill and len(example.texts) > 1)]
        if not self._fit:
            raise InputError("No list has hypotheses that differ in word errors.", "Give more lists to train on.")
        self._rows = encoded(self._fit + self._held, model)
        self._teacher = _teacher(self._fit, options)
        device = device_of(options.device)
        model.body.to(device)
        model.head.to(device)
        self._trained = _trainable(model, options)
        heads = set(map(id, model.head.parameters()))
        body = [value for value in self._trained.values() if id(value) not in heads]
        groups = [{"params": body, "peak": options.lr}, {"params": model.head.parameters(), "peak": options.head_lr}]
        self._optimizer = torch.optim.AdamW(groups, weight_decay=options.weight_decay)
        self._history: list[dict[str, Any]] = []
        self._best: dict[str, torch.Tensor] = {}
        if state := work.read():
            self._restore(state)

    @property
    def done(self) -> bool:
        """Whether all epochs were run, or nothing has become better for a while."""
        run = len(self._history)
        waited = run - self._best_epoch if run else 0
        stopped = self._options.patience and self._held and waited >= self._options.patience
        return run >= self._options.epochs or bool(stopped)

    @property
    def _best_epoch(self) -> int:
        """The epoch with the fewest validation errors, then with the fewest expected ones; the last without any."""
        if not self._held:
            return len(self._history)
        best = min(self._history, key=lambda row: (row["validation_errors"], row["validation_expected"]))
        return int(best["epoch"])

    def epoch(self) -> dict[str, Any]:
        """Read all lists once, then validate and save; returns the line of the log."""
        began = time.perf_counter()
        number = len(self._history) + 1
        loss = self._learn(number)
        record = {"epoch": number, "loss": loss, "lists": len(self._fit)} | self._validated()
        record["seconds"] = round(time.perf_counter() - began, 3)
        self._history.append(record)
        if self._best_epoch == number:
            self._best = {name: value.detach().cpu().clone() for name, value in self._trained.items()}
        self._save()
        return record

    def summary(self) -> Summary[Validation]:
        """The best epoch, whose weights the model has from now on."""
        import torch

        with torch.no_grad():
            for name, value in self._trained.items():
                value.copy_(self._best[name])
        best = self._history[self._best_epoch - 1]
        held = None
        if self._held:
            held = Validation(
                lists=len(self._held),
                words=sum(example.words for example in self._held),
                first_best=sum(example.errors[0] for example in self._held),
                oracle=sum(min(example.errors) for example in self._held),
                errors=best["validation_errors"],
            )
        seconds = round(sum(row["seconds"] for row in self._history), 3)
        return Summary("", 0, len(self._fit), len(self._history), self._best_epoch, held, seconds)

    def _learn(self, number: int) -> float:
        """One epoch of steps; returns the mean loss of a list."""
        import torch

        torch.manual_seed(self._options.seed * 100_003 + number)
        self.model.body.train()
        steps = batches(self._fit, self._rows, self._options, number)
        total = 0.0
        for i, batch in enumerate(steps):
            self._set_rate((number - 1 + i / len(steps)) / self._options.epochs)
            for part in parts(batch, self._rows, self._options.batch_tokens):
                loss = self._loss(part)
                (loss / len(batch)).backward()  # type: ignore[no-untyped-call]
                total += loss.item()
            if not math.isfinite(total):
                raise ModelError(f"The loss is {total} in epoch {number}.", "Use a lower lr and head_lr.")
            torch.nn.utils.clip_grad_norm_(self._trained.values(), _CLIP)
            self._optimizer.step()
            self._optimizer.zero_grad()
        return total / len(self._fit)

    def _set_rate(self, progress: float) -> None:
        """Up to the peak in the first tenth, then down to 0 in a line."""
        share = min((progress + 1e-3) / _WARM_UP, (1 - progress) / (1 - _WARM_UP))
        for group in self._optimizer.param_groups:
            group["lr"] = group["peak"] * share

    def _scores(self, batch: Sequence[Example]) -> Sequence[torch.Tensor]:
        """The scores of each list's texts."""
        import torch

        half = self._options.precision == "bfloat16"
        with torch.autocast(self.model.body.device.type, dtype=torch.bfloat16, enabled=half):
            scores = self.model.scores([self._rows[text] for example in batch for text in example.texts]).float()
        return torch.split(scores, [len(example.texts) for example in batch])

    def _loss(self, batch: Sequence[Example]) -> torch.Tensor:
        """Sum of the lists' losses."""
        import torch

        losses = []
        for example, own in zip(batch, self._scores(batch), strict=True):
            first = own.new_tensor(example.first)
            loss = list_loss(
                self._options.loss, own + self._options.acoustic_weight * first, own.new_tensor(example.errors)
            )
            if self._teacher:
                told = own.new_tensor([self._teacher[text] for text in example.texts])
                gap = (own - own.mean()) - (told - told.mean())
                loss = loss + self._options.distill_weight * gap.square().mean()
            losses.append(loss)
        return torch.stack(losses).sum()

    def _validated(self) -> dict[str, Any]:
        """Errors of the choices and the expected ones on the validation lists."""
        import torch

        if not self._held:
            return {}
        self.model.body.eval()
        errors, expected = 0, 0.0
        for batch in parts(
            sorted(self._held, key=lambda example: example.longest(self._rows)), self._rows, self._options.batch_tokens
        ):
            with torch.inference_mode():
                scores = self._scores(batch)
            for example, own in zip(batch, scores, strict=True):
                combined = own.cpu() + self._options.acoustic_weight * torch.tensor(example.first)
                errors += example.errors[int(combined.argmax())]
                expected += float(combined.softmax(0) @ torch.tensor(example.errors, dtype=torch.float32))
        return {"validation_errors": errors, "validation_expected": round(expected, 3)}

    def _save(self) -> None:
        state = {"history": self._history, "best": self._best, "optimizer": self._optimizer.state_dict()}
        self._work.write(state | {"weights": {name: value.detach() for name, value in self._trained.items()}})

    def _restore(self, state: dict[str, Any]) -> None:
        import torch

        self._history, self._best = state["history"], state["best"]
        self._optimizer.load_state_dict(state["optimizer"])
        with torch.no_grad():
            for name, value in self._trained.items():
                value.copy_(state["weights"][name])


def list_loss(kind: Loss, combined: torch.Tensor, errors: torch.Tensor) -> torch.Tensor:
    """`mwer` or `mwed` of one list; see the top of this file."""
    if kind == "mwer":
        return (combined.softmax(0) * (errors - errors.mean())).sum()
    return -((-errors).softmax(0) * combined.log_softmax(0)).sum()


def _teacher(data: Sequence[Example], options: RescorerOptions) -> dict[str, float]:
    """The larger model's score of each text; nothing without one."""
    if not options.distill:
        return {}
    from ger.lm.select import load, parse

    lm = load(parse(options.distill), LmOptions(device=options.device, threads=options.threads))
    scores = lm.score([ScoreRequest(example.texts) for example in data])
    return {
        text: score
        for example, own in zip(data, scores, strict=True)
        for text, score in zip(example.texts, own, strict=True)
    }


def _trainable(model: ScalarModel, options: RescorerOptions) -> dict[str, torch.nn.Parameter]:
    """The parameters that are trained, by name; the others are frozen."""
    import torch

    if options.init == "pretrained":
        blocks = max((m for m in model.body.modules() if isinstance(m, torch.nn.ModuleList)), key=len)
        frozen = [*blocks[: len(blocks) - options.train_layers]] if options.train_layers else []
        if not options.train_embeddings:
            frozen += [m for m in model.body.modules() if isinstance(m, torch.nn.Embedding)]
        for module in frozen:
            module.requires_grad_(False)
    named = [(f"body.{name}", value) for name, value in model.body.named_parameters()]
    named += [(f"head.{name}", value) for name, value in model.head.named_parameters()]
    return {name: value for name, value in named if value.requires_grad}
