"""Training a hypotheses-to-transcription model: an adapter learns to write what was spoken from an N-best list.

The model reads the hypotheses and is trained on the reference after them, by cross entropy of the answer's tokens alone
(Chen et al. 2023, HyPoradise). Only the adapter's weights are trained (LoRA, Hu et al. 2021), and the head runs on the
places of the answer only. Pairs of like length share a batch, so little of it is padding.

Which epoch is kept is decided by word errors of texts that the model writes for lists it has not learned from; lists
with the same reference are never on both sides. Training is deterministic for a seed on one machine, and goes on after a
kill from the last saved step with the same order.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ger import prompting
from ger.context import context_of
from ger.device import device_of
from ger.errors import InputError, ModelError
from ger.evaluate.rates import distance
from ger.models import DEFAULT_LM, resolve
from ger.text.normalize import normalize
from ger.train.adapter import MARK, Reading, causal_model
from ger.train.h2t_recipe import H2TOptions
from ger.train.loading import quiet
from ger.train.lora import Merged, adapted
from ger.train.pairs import Pair, Pairs, batches, parts
from ger.train.splits import apart
from ger.train.work import Summary, Validation, Work, finished, writing
from ger.types import NBest

if TYPE_CHECKING:
    import torch

__all__ = ["train"]

#: Called with each line of the log: a step, or an epoch.
Report = Callable[[dict[str, Any]], None]


def train(
    lists: Sequence[NBest],
    options: H2TOptions,
    output: Path,
    *,
    held: Sequence[NBest] = (),
    report: Report | None = None,
    recipe: str = "",
) -> Summary:
    """Train an adapter on lists with references and write it to a folder.

    A folder that holds a finished training with the same lists and options is left as it is; an unfinished one is taken
    up at its last saved step.

    Args:
        lists: N-best lists; all need references.
        options: How to train.
        output: The folder, new or empty.
        held: Lists that decide which epoch is kept, instead of a share of `lists`.
        report: Called with each line of the log.
        recipe: Text that is kept as `recipe.toml` in the folder.

    Raises:
        DependencyError: torch, transformers or peft is not installed.
        InputError: a list has no reference or is too long for the model, or there is none to learn from.
        ModelError: the model to start from cannot be used, or the loss is not a number any more.
        OutputError: the folder cannot be written.
        UsageError: the folder holds something else.
    """
    prompt = prompting.load(options.prompt)
    base = resolve(options.model or DEFAULT_LM, "lm")
    data = _Data.of(lists, held, options)
    key = _key(data, options, base.identity, prompt.hash)
    if (output / MARK).exists():
        return finished(output, Reading.read(output).key == key)
    with _deterministic(options), writing(output):
        work = Work.opened(output, key)
        with _Run(options, data, prompt, _start(options, base.path, base.name), work, report) as run:
            while not run.done:
                run.epoch()
            summary = replace(run.summary(), folder=str(output), lists=len(lists))
        content = prompting.content_of(options.prompt)[0].decode("utf-8-sig")
        reading = Reading(content, prompt.name, options.nbest, options.tags, base.name, base.identity, key)
        work.publish(run.save, (MARK, reading.dumps()), summary, recipe)
    return summary


@dataclass(frozen=True, slots=True)
class _Data:
    """Lists to learn from, and lists to judge by."""

    fit: tuple[NBest, ...]
    held: tuple[NBest, ...]

    @classmethod
    def of(cls, lists: Sequence[NBest], held: Sequence[NBest], options: H2TOptions) -> _Data:
        for nbest in (*lists, *held):
            if nbest.reference is None:
                raise InputError(f"List {nbest.id!r} has no reference.", "Training needs the reference of every list.")
        usable = [nbest for nbest in lists if nbest.hypotheses and (nbest.reference or "").strip()]
        if options.max_lists and len(usable) > options.max_lists:
            usable = apart(usable, options.max_lists / len(usable), options.seed, lambda nbest: nbest.id)[1]
        if not held:
            usable, held = apart(usable, options.validation, options.seed, lambda nbest: nbest.reference or "")
        if not usable:
            raise InputError("No list has hypotheses and a reference.", "Give more lists to train on.")
        return cls(tuple(usable), tuple(held)[: options.validation_lists or None])


def _key(data: _Data, options: H2TOptions, base: str, prompt: str) -> str:
    """Digest of all that the result depends on."""
    digest = hashlib.sha256(repr((replace(options, model=base, threads=0), prompt)).encode())
    for nbest in (*data.fit, *data.held):
        seen = (nbest.id, nbest.reference, [(h.text, h.score) for h in nbest.hypotheses], nbest.context, nbest.meta)
        digest.update(repr(seen).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:16]


@contextmanager
def _deterministic(options: H2TOptions) -> Iterator[None]:
    """The seed, and afterwards torch's generator as it was."""
    import torch

    if options.threads:
        torch.set_num_threads(options.threads)
    with torch.random.fork_rng():
        torch.manual_seed(options.seed)
        yield


def _start(options: H2TOptions, folder: Path, name: str) -> tuple[Any, Any]:
    """The model with a new adapter, and its tokenizer."""
    import torch

    loaded: dict[str, Any] = {"dtype": torch.float32}
    if options.four_bit:
        import transformers

        loaded = {"quantization_config": transformers.BitsAndBytesConfig(load_in_4bit=True), "device_map": "cuda"}
    model, tokenizer = causal_model(folder, name, loaded)
    if not options.four_bit:
        model.to(device_of(options.device))
    model.requires_grad_(False)
    if options.checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    return adapted(model, options, name), tokenizer


class _Run:
    """A training: the model, what it has learned so far, and the best of it."""

    def __init__(
        self,
        options: H2TOptions,
        data: _Data,
        prompt: prompting.Prompt,
        start: tuple[Any, Any],
        work: Work,
        report: Report | None,
    ) -> None:
        import torch

        self._options, self._data, self._work = options, data, work
        self._report = report or (lambda row: None)
        self._adapted, self._tokenizer = start
        self._model = self._adapted.get_base_model()
        self._pairs = Pairs(prompt, self._tokenizer, options, context_of(self._model))
        self._pairs.check(data.fit)
        self._trained = {name: value for name, value in self._adapted.named_parameters() if value.requires_grad}
        self._optimizer = torch.optim.AdamW(self._trained.values(), lr=options.lr, weight_decay=options.weight_decay)
        self._merged = Merged(self._adapted)
        self._exit = ExitStack()
        self._history: list[dict[str, Any]] = []
        self._best: dict[str, torch.Tensor] = {}
        self._mean: dict[str, torch.Tensor] = {}
        self._averaged = 0
        self._step = 0
        self._spent = 0.0
        if state := work.read():
            self._restore(state)

    def __enter__(self) -> _Run:
        if self._merged.usable:
            self._exit.enter_context(self._merged.on())
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    @property
    def _steps(self) -> int:
        """Steps of an epoch."""
        return math.ceil(len(self._data.fit) / self._options.batch_lists)

    @property
    def _total(self) -> int:
        return self._steps * self._options.epochs

    @property
    def _epochs(self) -> list[dict[str, Any]]:
        """The log's lines of whole epochs."""
        return [row for row in self._history if "epoch_loss" in row]

    @property
    def done(self) -> bool:
        """Whether all epochs were run, or nothing has become better for a while."""
        run = len(self._epochs)
        waited = run - self._best_epoch if run else 0
        stopped = self._options.patience and self._data.held and waited >= self._options.patience
        return run >= self._options.epochs or bool(stopped)

    @property
    def _best_epoch(self) -> int:
        """The epoch with the fewest validation errors; the last without validation."""
        if not self._data.held:
            return len(self._epochs)
        return int(min(self._epochs, key=lambda row: row["validation_errors"])["epoch"])

    def epoch(self) -> None:
        """Read all lists once, or what is left of them, then validate and save."""
        number = self._step // self._steps + 1
        self._learn(number)
        began = time.monotonic()
        rows = [row["loss"] for row in self._history if row.get("epoch") == number and "step" in row]
        with self._averages(number):
            record = {"epoch": number, "epoch_loss": sum(rows) / max(1, len(rows))} | self._validated()
            self._spent += time.monotonic() - began
            self._log(record | {"seconds": round(self._spent, 1)})
            if self._best_epoch == number:
                self._best = {name: value.detach().cpu().clone() for name, value in self._trained.items()}
        self._save()

    def summary(self) -> Summary:
        """The best epoch, whose weights the model has from now on."""
        self._take(self._best)
        best = self._epochs[self._best_epoch - 1]
        held = None
        if self._data.held:
            texts = [self._words(nbest.reference or "") for nbest in self._data.held]
            listed = [[self._words(h.text) for h in nbest.hypotheses] or [[]] for nbest in self._data.held]
            held = Validation(
                lists=len(texts),
                words=sum(map(len, texts)),
                first_best=sum(distance(text, rows[0]) for text, rows in zip(texts, listed, strict=True)),
                oracle=sum(min(distance(text, row) for row in rows) for text, rows in zip(texts, listed, strict=True)),
                errors=best["validation_errors"],
            )
        seconds = round(self._spent, 1)
        return Summary("", 0, len(self._data.fit), len(self._epochs), self._best_epoch, held, seconds)

    def save(self, folder: Path) -> None:
        """Write the adapter as peft does."""
        with quiet():
            self._adapted.save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)  # peft's own card is a form to be filled in

    def _learn(self, number: int) -> None:
        import torch

        self._adapted.train()
        data = [self._pairs.of(nbest, number) for nbest in self._data.fit]
        steps = batches(data, self._options.batch_lists, f"{self._options.seed}-{number}")
        for batch in steps[self._step % self._steps :]:
            began = time.monotonic()
            torch.manual_seed(self._options.seed * 1_000_003 + self._step)
            self._set_rate()
            loss, tokens = self._backward(batch)
            if not math.isfinite(loss):
                raise ModelError(f"The loss is {loss} in epoch {number}.", "Use a lower lr.")
            torch.nn.utils.clip_grad_norm_(self._trained.values(), self._options.clip)
            self._optimizer.step()
            self._optimizer.zero_grad()
            if self._merged.usable:
                self._merged.refresh()
            self._step += 1
            self._remember()
            self._spent += time.monotonic() - began
            row = {"epoch": number, "step": self._step, "of": self._total, "loss": loss, "tokens": tokens}
            self._log(row | {"seconds": round(self._spent, 1)})
            if self._options.save_steps and self._step % self._options.save_steps == 0:
                self._save()

    def _set_rate(self) -> None:
        """Up in the first steps, then down."""
        done, rise = self._step / self._total, self._options.warm_up
        left = (1 - done) / (1 - rise) if rise < 1 else 1.0
        shares = {"linear": left, "cosine": 0.5 - 0.5 * math.cos(math.pi * min(1.0, left)), "constant": 1.0}
        share = min((self._step + 1) / max(1.0, rise * self._total), shares[self._options.schedule])
        for group in self._optimizer.param_groups:
            group["lr"] = self._options.lr * share

    def _backward(self, batch: Sequence[Pair]) -> tuple[float, int]:
        """Gradients of the mean loss of the answers' tokens; that loss in nats, and the tokens that were read."""
        import torch

        answers = sum(len(pair.answer) for pair in batch)
        total = 0.0
        half = self._options.precision == "bfloat16"
        for part in parts(batch, self._options.batch_tokens):
            with torch.autocast(self._model.device.type, dtype=torch.bfloat16, enabled=half):
                logits, labels = self._answered(part)
            loss = torch.nn.functional.cross_entropy(logits.float(), labels, reduction="sum") / answers
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.item()
        return total, sum(pair.length for pair in batch)

    def _answered(self, part: Sequence[Pair]) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of all answers' tokens, `(tokens, vocabulary)`, and the tokens."""
        import torch

        device = self._model.device
        longest = max(pair.length for pair in part)
        ids = torch.zeros((len(part), longest), dtype=torch.long)
        mask = torch.zeros((len(part), longest), dtype=torch.long)
        rows, places = [], []
        for i, pair in enumerate(part):
            ids[i, : pair.length] = torch.tensor(pair.prompt + pair.answer)
            mask[i, : pair.length] = 1
            rows += [i] * len(pair.answer)
            places += range(len(pair.prompt) - 1, pair.length - 1)
        states = self._model.base_model(input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False)
        hidden = states.last_hidden_state[torch.tensor(rows, device=device), torch.tensor(places, device=device)]
        labels = torch.tensor([token for pair in part for token in pair.answer], device=device)
        return self._model.get_output_embeddings()(hidden), labels

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
        if self._merged.usable:
            self._merged.refresh()

    def _words(self, text: str) -> list[str]:
        return normalize(text, self._options.normalizer).split()

    def _validated(self) -> dict[str, Any]:
        """Errors of the texts that the model writes for the validation lists."""
        if not self._data.held:
            return {}
        self._adapted.eval()
        texts = self._pairs.answers(self._model, self._data.held)
        pairs = zip(self._data.held, texts, strict=True)
        errors = sum(distance(self._words(nbest.reference or ""), self._words(text)) for nbest, text in pairs)
        words = sum(len(self._words(nbest.reference or "")) for nbest in self._data.held)
        return {"validation_errors": errors, "validation_wer": round(100 * errors / max(1, words), 3)}

    def _log(self, row: dict[str, Any]) -> None:
        self._history.append(row)
        self._report(row)

    def _save(self) -> None:
        weights = {name: value.detach() for name, value in self._trained.items()}
        state = {"history": self._history, "best": self._best, "mean": self._mean, "weights": weights}
        counts = {"averaged": self._averaged, "step": self._step, "spent": self._spent}
        self._work.write(state | counts | {"optimizer": self._optimizer.state_dict()})

    def _restore(self, state: dict[str, Any]) -> None:
        self._history, self._best, self._mean = state["history"], state["best"], state["mean"]
        self._averaged, self._step, self._spent = state["averaged"], state["step"], state["spent"]
        self._optimizer.load_state_dict(state["optimizer"])
        self._take(state["weights"])
