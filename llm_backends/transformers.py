"""Causal language models through transformers: exact scores and greedy text, on CPU and GPU.

Texts to be scored are merged into prefix trees (`ger.lm.tree`), so work grows with distinct tokens; where trees are
not exact for a model, and for writing, sequences are sorted by length and padded. Either way work is batched by tokens,
padding included, never by rows: a batch costs at most `batch_tokens`. A batch that does not fit in memory is halved,
and the smaller size is kept.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from typing import Any

from ger.context import context_of
from ger.device import device_of
from ger.errors import DependencyError, ModelError
from ger.lm.tree import Encoded, packs
from ger.models import DEFAULT_LM, resolve
from ger.protocols import Answer, GenerateRequest, LmOptions, ScoreRequest
from ger.text.tokens import well_formed
from llm_backends.packed import PackedScorer
from llm_backends.torch_common import Batched, attempt, dtype_of

__all__ = ["TransformersLM"]

_BATCH_TOKENS = {"cpu": 1024, "cuda": 16_384}

_LOG = logging.getLogger(__name__)


class TransformersLM(Batched):
    """Any causal language model that transformers can load; see `ger.protocols.LanguageModel`.

    Raises:
        DependencyError: torch or transformers is not installed.
        ModelError: the model cannot be found or loaded.
        UsageError: the device or the precision is not to be had here.
    """

    def __init__(self, options: LmOptions) -> None:
        try:
            import safetensors
            import torch
            import transformers
        except ImportError as error:
            raise DependencyError("torch or transformers", "transformers") from error
        local = resolve(options.model or DEFAULT_LM, "lm")
        transformers.utils.logging.disable_progress_bar()
        if options.threads:
            torch.set_num_threads(options.threads)
        self._device = device_of(options.device)
        self._dtype = dtype_of(options.compute_type, self._device)
        try:
            self._tokenizer: Any = transformers.AutoTokenizer.from_pretrained(local.path, local_files_only=True)
            model: Any = transformers.AutoModelForCausalLM.from_pretrained(
                local.path, dtype=getattr(torch, self._dtype), local_files_only=True
            )
        except (OSError, ValueError, KeyError, ImportError, RuntimeError, safetensors.SafetensorError) as error:
            raise ModelError(f"{local.name}: the language model cannot be loaded: {error}.") from error
        self._model = model.to(self._device).eval()
        self._name = local.identity
        self._budget = options.batch_tokens or _BATCH_TOKENS[self._device]
        self._limit = context_of(model)

    @property
    def signature(self) -> str:
        """See `ger.protocols.LanguageModel`."""
        return f"transformers:{self._name},{self._dtype}"

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
        """See `ger.protocols.LanguageModel`. Tokens that texts begin with in common are computed once.

        Raises:
            ModelError: a text with its prefix is longer than the model's context.
        """
        texts = list(dict.fromkeys((r.prefix, c) for r in requests for c in r.continuations))
        items = [self._encode(index, *text) for index, text in enumerate(texts)]
        totals = dict(zip(texts, self._totals(items), strict=True))
        return [[totals[r.prefix, c] for c in r.continuations] for r in requests]

    def generate(self, requests: Sequence[GenerateRequest]) -> list[tuple[Answer, ...]]:
        """See `ger.protocols.LanguageModel`.

        Raises:
            ModelError: a prompt with its answer is longer than the model's context.
        """
        answers = [""] * len(requests)
        for limit in {request.max_tokens for request in requests}:
            mine = [(i, request) for i, request in enumerate(requests) if request.max_tokens == limit]
            sequences = [Encoded(i, self._ids(_text(request)), 0) for i, request in mine]
            for sequence, (_, request) in zip(sequences, mine, strict=True):
                self._check_length(len(sequence.ids) + limit, _text(request))
            run = partial(self._generate, max_tokens=limit)
            for sequence, text in self._each(_sorted(sequences), lambda s, limit=limit: len(s.ids) + limit, run):
                answers[sequence.index] = text
        return [(Answer(answer),) for answer in answers]

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(well_formed(text), add_special_tokens=False).input_ids
        return ids

    def _encode(self, index: int, prefix: str, text: str) -> Encoded:
        """Tokens of the whole, so that the border between prefix and text is tokenized as it would be read."""
        start, prefix, text = self._start(), well_formed(prefix), well_formed(text)
        encoded = self._tokenizer(prefix + text, add_special_tokens=False, return_offsets_mapping=bool(prefix))
        given = sum(end <= len(prefix) for _, end in encoded.offset_mapping) if prefix else 0
        ids = [start, *encoded.input_ids, self._tokenizer.eos_token_id]
        self._check_length(len(ids), text)
        return Encoded(index, ids, 1 + given)

    def _start(self) -> int:
        """The token that texts begin with: what the model was trained with, or the end of the text before."""
        bos = self._tokenizer.bos_token_id
        return int(bos if bos is not None else self._tokenizer.eos_token_id)

    def _check_length(self, length: int, text: str) -> None:
        if length > self._limit:
            raise ModelError(
                f"{self._name}: {length} tokens do not fit in its context of {self._limit}: {text[:60]!r}…",
                "Use a model with a longer context or shorter segments.",
            )

    def _totals(self, items: list[Encoded]) -> list[float]:
        """Each item's log-probability (nats), by its index."""
        totals = [0.0] * len(items)
        for item, total in self._score_packed(items) if items and self._packed else self._score_padded(items):
            totals[item.index] = total
        return totals

    @cached_property
    def _packed(self) -> PackedScorer | None:
        """What scores prefix trees, if they are exact for this model; found out at the first use."""
        packed = PackedScorer(self._model)
        refusal = attempt(packed.refusal, f"{self._name}, self-check", alone=True)
        if refusal:
            _LOG.warning("%s: scoring without prefix trees, which is slower: %s.", self._name, refusal)
        return None if refusal else packed

    def _score_packed(self, items: list[Encoded]) -> Iterator[tuple[Encoded, float]]:
        """Totals, pack by pack; on lack of memory all that is left goes into packs of half the size."""
        assert self._packed is not None
        left = {item.index: item for item in items}
        for pack in packs(items, self._budget):
            said = f"{self._name}, {pack.tokens.shape[1]} tokens"
            logp = attempt(partial(self._packed.logp, pack), said, alone=len(pack.items) == 1)
            if logp is None:
                self._budget = min(self._budget, pack.tokens.size // 2)
                yield from self._score_packed([*left.values()])
                return
            for item, total in zip(pack.items, pack.totals(logp), strict=True):
                del left[item.index]
                yield item, total

    def _score_padded(self, items: list[Encoded]) -> Iterator[tuple[Encoded, float]]:
        return self._each(_sorted(items), lambda item: len(item.ids), self._forward)

    def _forward(self, batch: list[Encoded]) -> list[float]:
        import torch

        ids, mask = self._padded([item.ids for item in batch], left=False)
        with torch.inference_mode():
            logits = self._model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1]
            picked = logits.gather(-1, ids[:, 1:].unsqueeze(-1)).squeeze(-1).float()
            logp = picked - torch.logsumexp(logits.float(), dim=-1)
        return [float(row[s.given - 1 : len(s.ids) - 1].double().sum()) for row, s in zip(logp, batch, strict=True)]

    def _generate(self, batch: list[Encoded], max_tokens: int) -> list[str]:
        import torch

        ids, mask = self._padded([item.ids for item in batch], left=True)
        with torch.inference_mode():
            out = self._model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=max_tokens,
                do_sample=False,
                pad_token_id=self._tokenizer.eos_token_id,
            )
        texts: list[str] = self._tokenizer.batch_decode(out[:, ids.shape[1] :], skip_special_tokens=True)
        return texts

    def _padded(self, rows: list[list[int]], *, left: bool) -> tuple[Any, Any]:
        import torch

        longest = max(map(len, rows))
        ids = torch.full((len(rows), longest), self._tokenizer.eos_token_id, dtype=torch.long)
        mask = torch.zeros((len(rows), longest), dtype=torch.long)
        for i, row in enumerate(rows):
            span = slice(longest - len(row), longest) if left else slice(0, len(row))
            ids[i, span] = torch.tensor(row)
            mask[i, span] = 1
        return ids.to(self._device), mask.to(self._device)


def _text(request: GenerateRequest) -> str:
    return request.prompt if isinstance(request.prompt, str) else "\n".join(m.text for m in request.prompt)


def _sorted(sequences: list[Encoded]) -> list[Encoded]:
    """Long ones first."""
    return sorted(sequences, key=lambda sequence: -len(sequence.ids))
