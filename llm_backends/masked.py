"""Masked language models through transformers: pseudo-log-likelihoods, on CPU and GPU.

The score of a text is the sum over its tokens of log p(token | all other tokens): in one copy of the text for each
token, that token is replaced by the mask (Salazar et al. 2020, Masked Language Model Scoring, equation 1). It does
not contain the end of the text, and a text of n tokens costs n copies of it.

In the maskless form (section 3.2 there) the text goes through the model once, nothing is masked, and each token's
probability is read at its own place. That is for models fine-tuned or distilled so, whose `config.json` holds
`"ger_maskless": true`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ger.context import context_of
from ger.errors import ModelError
from ger.protocols import Ability, Answer, GenerateRequest, LmOptions, ScoreRequest
from ger.text.tokens import well_formed
from llm_backends.torch_common import Batched, loaded

__all__ = ["MaskedLM"]

_BATCH_TOKENS = {"cpu": 2048, "cuda": 32_768}


@dataclass(frozen=True, slots=True)
class _Row:
    """What the model reads, and which tokens' probabilities count, at which places, for which text."""

    index: int
    ids: list[int]
    places: list[int]
    tokens: list[int]


class MaskedLM(Batched):
    """Any masked language model that transformers can load; see `ger.protocols.LanguageModel`.

    Raises:
        DependencyError: torch or transformers is not installed.
        ModelError: the model cannot be found or loaded, or is no masked language model.
        UsageError: no model is named, or the device or the precision is not to be had here.
    """

    #: Of a text with all of it known, so that those of different texts do not add up to 1.
    probabilities = False
    abilities: frozenset[Ability] = frozenset({"score"})

    def __init__(self, options: LmOptions) -> None:
        made = loaded(options, "AutoModelForMaskedLM", "masked language model", "Give a hub id or a folder.")
        if made.tokenizer.mask_token_id is None or not made.tokenizer.is_fast:
            raise ModelError(f"{made.shown}: its tokenizer has no mask token or does not tell where tokens lie.")
        self._name, self._device, self._dtype = made.name, made.device, made.dtype
        self._tokenizer, self._model = made.tokenizer, made.model
        self._maskless = bool(getattr(made.model.config, "ger_maskless", False))
        self._budget = options.batch_tokens or _BATCH_TOKENS[self._device]
        self._limit = context_of(made.model)

    @property
    def signature(self) -> str:
        """See `ger.protocols.LanguageModel`."""
        return f"masked:{self._name},{self._dtype}" + (",maskless" if self._maskless else "")

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
        """The pseudo-log-likelihood of every continuation, in nats; the prefix is read and not scored.

        Raises:
            ModelError: the model broke, or a text with its prefix is longer than it can read.
        """
        texts = list(dict.fromkeys((r.prefix, c) for r in requests for c in r.continuations))
        read = [self._encode(index, *text) for index, text in enumerate(texts)]
        totals = [0.0] * len(texts)
        rows: Iterable[_Row] = sorted((row for row in read if row.places), key=lambda row: -len(row.ids))
        if not self._maskless:
            rows = (copy for row in rows for copy in self._copies(row))
        for row, total in self._each(rows, lambda row: len(row.ids), self._forward):
            totals[row.index] += total
        by_text = dict(zip(texts, totals, strict=True))
        return [[by_text[r.prefix, c] for c in r.continuations] for r in requests]

    def generate(self, requests: Sequence[GenerateRequest]) -> list[tuple[Answer, ...]]:
        """Masked language models do not write.

        Raises:
            ModelError: always.
        """
        raise ModelError(f"{self._name}: a masked language model scores texts and writes none.", "Use a causal one.")

    def _encode(self, index: int, prefix: str, text: str) -> _Row:
        """The whole, with the model's own marks around it; only what ends within the text counts."""
        prefix, text = well_formed(prefix), well_formed(text)
        encoded = self._tokenizer(prefix + text, return_offsets_mapping=True, return_special_tokens_mask=True)
        ids: list[int] = encoded.input_ids
        if len(ids) > self._limit:
            raise ModelError(
                f"{self._name}: it reads {self._limit} tokens, not {len(ids)}: {text[:60]!r}…", "Use shorter segments."
            )
        marks = zip(encoded.special_tokens_mask, encoded.offset_mapping, strict=True)
        places = [i for i, (special, (_, end)) in enumerate(marks) if not special and end > len(prefix)]
        return _Row(index, ids, places, [ids[place] for place in places])

    def _copies(self, row: _Row) -> Iterator[_Row]:
        """One copy for each token that counts, with the mask in its place."""
        for place, token in zip(row.places, row.tokens, strict=True):
            ids = row.ids.copy()
            ids[place] = self._tokenizer.mask_token_id
            yield _Row(row.index, ids, [place], [token])

    def _forward(self, batch: list[_Row]) -> list[float]:
        """The log-probability (nats, softmax in float32) of each row's tokens."""
        import torch

        ids = torch.full((len(batch), len(batch[0].ids)), self._tokenizer.pad_token_id or 0)
        mask = torch.zeros_like(ids)
        for i, row in enumerate(batch):
            ids[i, : len(row.ids)], mask[i, : len(row.ids)] = torch.tensor(row.ids), 1
        rows = [i for i, row in enumerate(batch) for _ in row.places]
        places = [place for row in batch for place in row.places]
        with torch.inference_mode():
            logits = self._logits(ids.to(self._device), mask.to(self._device), (rows, places)).float()
            tokens = torch.tensor([token for row in batch for token in row.tokens], device=self._device)
            logp = torch.log_softmax(logits, dim=-1).gather(-1, tokens[:, None])[:, 0].double()
        return [float(part.sum()) for part in torch.split(logp.cpu(), [len(row.places) for row in batch])]

    def _logits(self, ids: Any, mask: Any, wanted: tuple[list[int], list[int]]) -> Any:
        """Logits `(wanted, vocabulary)`: the head, which works place by place, runs at the wanted ones only."""

        def choose(_module: Any, _args: Any, output: Any) -> Any:
            output.last_hidden_state = output.last_hidden_state[wanted][None]
            return output

        hook = self._model.base_model.register_forward_hook(choose)
        try:
            return self._model(input_ids=ids, attention_mask=mask).logits[0]
        finally:
            hook.remove()
