"""Preference training: an adapter that writes transcripts learns which of its own answers are better.

For each list there are candidates: what the adapter to start from writes (a beam search), the reference, and where
wanted the hypotheses. Their word errors W are counted, and one of two losses is minimized; p is the model that is
trained, q the one it started from, x the prompt.

- `dpo` (Rafailov et al. 2023, equation 7): for the best candidate b and each worse one w,
  -log sigmoid(beta (log p(b|x) / q(b|x) - log p(w|x) / q(w|x))), and the mean over w;
- `mwer` (Prabhavalkar et al. 2018, equation 3): the sum of P(y) (W(y) - mean W), where P is p(y|x) over the sum of p of
  all candidates: expected word errors.

Either can have the cross entropy of the reference, per token, added to it, which keeps the model from forgetting how to
write.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ger.errors import InputError, ModelError
from ger.lm.select import LmSpec, load
from ger.protocols import LanguageModel, LmOptions
from ger.train.candidates import Choice, Told, choice, written
from ger.train.h2t_recipe import Aim, H2TRecipe
from ger.train.objective import Lesson, Objective, Setting, Transcribe
from ger.train.pairs import parts
from ger.train.rescorer import list_loss
from ger.train.work import WORK

if TYPE_CHECKING:
    import torch

__all__ = ["Preference", "Preferred", "adapter_digest", "dpo_loss", "lesson_of"]

_FILES = ("adapter_config.json", "adapter_model.safetensors")


@dataclass(frozen=True, slots=True)
class Preference:
    """Preference training; see `ger.train.objective.Lesson`.

    Attributes:
        start: Folder of the adapter that training goes on from.
        kept: File in which generated candidates are kept.
        kind: Which loss, `dpo` or `mwer`.
        beta: How strongly `dpo` holds the model where it started.
        candidates: Width of the beam search for candidates; 0 for none.
        listed: Whether the hypotheses are candidates, too.
        sft_weight: Weight of the cross entropy of the reference.
        told: Told how many lists have candidates.
    """

    start: Path
    kept: Path
    kind: Aim = "dpo"
    beta: float = 0.1
    candidates: int = 4
    listed: bool = False
    sft_weight: float = 0.0
    told: Told | None = field(default=None, compare=False)

    @property
    def key(self) -> str:
        """See `ger.train.objective.Lesson`."""
        made = (self.kind, self.beta, self.candidates, self.listed, self.sft_weight)
        return f"{made} {adapter_digest(self.start)}"

    def objective(self, setting: Setting) -> Objective:
        """The candidates of all lists, and what the model thinks of them before it learns.

        Raises:
            InputError: no list has candidates that differ in errors, or one is too long; names the id.
            ModelError: the model cannot generate.
            OutputError: the candidates cannot be kept.
        """
        options, made = setting.options, []
        own = self._written(setting)
        for nbest in setting.lists:
            listed = [hypothesis.text for hypothesis in nbest.hypotheses] if self.listed else []
            made.append(choice(nbest, [*own.get(nbest.id, ()), *listed], setting.reader, options.normalizer))
        useful = [item for item in made if item.informative or self.sft_weight]
        if not any(item.informative for item in useful):
            raise InputError(
                "No list has candidates that differ in word errors, so there is nothing to prefer.",
                "Give more lists or more candidates, or use listed = true.",
            )
        return Preferred(self, setting, _judged(useful, setting) if self.kind == "dpo" else useful)

    def _written(self, setting: Setting) -> Any:
        """What the start model writes for each list, by id."""
        if not self.candidates:
            return {}
        asked = [(nbest.id, setting.reader.request(nbest, self.candidates)) for nbest in setting.lists]
        key = f"{adapter_digest(self.start)} {setting.options.model} {asked}".encode("utf-8", "backslashreplace")
        return written(
            setting.lists,
            lambda: self._model(setting),
            setting.reader,
            self.candidates,
            self.kept,
            hashlib.sha256(key).hexdigest(),
            self.told,
        )

    def _model(self, setting: Setting) -> LanguageModel:
        """The start model as a backend runs it."""
        options = setting.options
        precision = "bfloat16" if options.half else "float32"
        wanted = LmOptions(
            adapter=str(self.start), device=options.device, compute_type=precision, threads=options.threads
        )
        return load(LmSpec("start", model=options.model), wanted)


def lesson_of(recipe: H2TRecipe, told: Told | None = None) -> Lesson:
    """What a recipe teaches.

    Raises:
        ModelError: `start` holds no adapter.
    """
    start = Path(recipe.start).expanduser() if recipe.start else None
    if recipe.objective == "sft" or start is None:
        return Transcribe(adapter_digest(start) if start else "", start)
    return Preference(
        start,
        Path(recipe.output, WORK, "candidates.jsonl"),
        recipe.objective,
        recipe.beta,
        recipe.candidates,
        recipe.listed,
        recipe.sft_weight,
        told,
    )


def adapter_digest(folder: Path) -> str:
    """Digest of an adapter's weights and settings.

    Raises:
        ModelError: the folder holds no adapter.
    """
    whole = hashlib.sha256()
    for name in _FILES:
        try:
            whole.update((folder / name).read_bytes())
        except OSError as error:
            raise ModelError(
                f"{folder} holds no adapter: {name} cannot be read: {error.strerror}.", "Train one: ger train h2t."
            ) from error
    return whole.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Preferred:
    """The losses of the candidates; see `ger.train.objective.Objective`."""

    lesson: Preference
    setting: Setting
    choices: Sequence[Choice]

    def items(self, epoch: int) -> Sequence[Choice]:
        """All lists with their candidates."""
        return self.choices

    def weight(self, batch: Sequence[Choice]) -> float:
        """The lists."""
        return float(len(batch))

    def loss(self, part: Sequence[Choice]) -> torch.Tensor:
        """Sum of the lists' losses."""
        import torch

        rows = self.setting.head.logp([pair for item in part for pair in item.pairs])
        losses = []
        for item, logp in zip(part, torch.split(rows, [len(item.pairs) for item in part]), strict=True):
            loss = self._preference(item, logp) if item.informative else logp.new_zeros(())
            if self.lesson.sft_weight:
                loss = loss - self.lesson.sft_weight * logp[0] / len(item.pairs[0].answer)
            losses.append(loss)
        return torch.stack(losses).sum()

    def _preference(self, item: Choice, logp: torch.Tensor) -> torch.Tensor:
        errors = logp.new_tensor(item.errors)
        if self.lesson.kind == "mwer":
            return list_loss("mwer", logp, errors)
        return dpo_loss(logp, logp.new_tensor(item.before), errors, self.lesson.beta)


def dpo_loss(logp: torch.Tensor, before: torch.Tensor, errors: torch.Tensor, beta: float) -> torch.Tensor:
    """Mean loss of the first of the best candidates against each worse one; see the top of this file.

    Args:
        logp: log p of each candidate under the model that is trained (nats).
        before: The same under the model that training started from.
        errors: Word errors of each, not all equal.
        beta: Weight of the difference.
    """
    import torch

    best = int(errors.argmin())
    gained = logp - before
    worse = errors > errors[best]
    return -torch.nn.functional.logsigmoid(beta * (gained[best] - gained[worse])).mean()


def _judged(choices: Sequence[Choice], setting: Setting) -> list[Choice]:
    """The same with their log-probabilities under the model as it is."""
    import torch

    setting.adapted.eval()
    judged = []
    for part in parts(choices, setting.options.batch_tokens):
        with torch.inference_mode():
            rows = setting.head.logp([pair for item in part for pair in item.pairs])
        for item, logp in zip(part, torch.split(rows, [len(item.pairs) for item in part]), strict=True):
            judged.append(replace(item, before=tuple(logp.tolist())))
    return judged
