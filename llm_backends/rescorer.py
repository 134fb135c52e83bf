"""Discriminative rescorers: one number for a text, learned from N-best lists (`ger train rescorer`).

The number is no log-probability. It counts in nats: added to what the rescorer was trained with (the first pass's score
or minus the logarithm of the rank, see `rescorer.json`), a difference of 1 makes a text e times as likely to be chosen.
"""

from __future__ import annotations

from collections.abc import Sequence

from ger.device import device_of
from ger.errors import ModelError, UsageError
from ger.models import resolve
from ger.protocols import Ability, Answer, GenerateRequest, LmOptions, ScoreRequest
from ger.text.form import Form
from ger.train.scalar import load
from llm_backends.torch_common import Batched, dtype_of

__all__ = ["RescorerLM"]

_BATCH_TOKENS = {"cpu": 2048, "cuda": 32_768}


class RescorerLM(Batched):
    """A folder that `ger train rescorer` has written; see `ger.protocols.LanguageModel`.

    Texts are read in the form of the training, which whoever calls takes from `form`. A prefix is not read: training
    knows single texts only. `auto` precision is float32: the differences that decide are small.

    Raises:
        DependencyError: torch or transformers is not installed.
        ModelError: the folder is not that of a rescorer.
        UsageError: no folder is named, or the device or the precision is not to be had here.
    """

    abilities: frozenset[Ability] = frozenset({"score"})
    #: What is learned is which text to choose.
    probabilities = False

    def __init__(self, options: LmOptions) -> None:
        if not options.model:
            raise UsageError("No rescorer is named.", "Give its folder: --lm FOLDER. Train one: ger train rescorer.")
        self._device = device_of(options.device)
        precision = "float32" if options.compute_type == "auto" else options.compute_type
        self._dtype = dtype_of(precision, self._device)
        local = resolve(options.model, "lm")
        self._name = local.identity
        self._model, self._reading = load(local.path, local.name, self._device, self._dtype)
        self._budget = options.batch_tokens or _BATCH_TOKENS[self._device]
        if options.threads:
            import torch

            torch.set_num_threads(options.threads)

    @property
    def signature(self) -> str:
        """See `ger.protocols.LanguageModel`."""
        return f"rescorer:{self._name},{self._dtype},form={self.form}"

    @property
    def form(self) -> Form:
        """The written form in which it wants to read texts, whatever form other models read."""
        return self._reading.form

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
        """The number of every continuation, higher is better; equal texts are scored once.

        Raises:
            ModelError: a text is longer than the model's context, or the model broke.
            MemoryLimitError: the device has too little memory for one text.
        """
        texts = dict.fromkeys(text for request in requests for text in request.continuations)
        rows = {text: self._encoded(text) for text in texts}
        ordered = sorted(rows.items(), key=lambda item: -len(item[1]))
        scored = self._each(ordered, lambda item: len(item[1]), self._scores)
        scores = {text: score for (text, _), score in scored}
        return [[scores[text] for text in request.continuations] for request in requests]

    def generate(self, requests: Sequence[GenerateRequest]) -> list[tuple[Answer, ...]]:
        """A rescorer has no vocabulary to write with.

        Raises:
            ModelError: always.
        """
        raise ModelError(f"{self._name}: a rescorer only scores, it cannot write.", "Use a causal language model.")

    def _encoded(self, text: str) -> list[int]:
        row = self._model.encode(text)
        if len(row) > self._model.limit:
            raise ModelError(
                f"{self._name}: {len(row)} tokens do not fit in its context of {self._model.limit}: {text[:60]!r}…",
                "Use shorter segments.",
            )
        return row

    def _scores(self, batch: list[tuple[str, list[int]]]) -> list[float]:
        import torch

        with torch.inference_mode():
            scores: list[float] = self._model.scores([row for _, row in batch]).cpu().tolist()
        return scores
