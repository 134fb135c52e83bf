"""Causal language models through transformers: exact scores and text, on CPU and GPU.

Texts to be scored are merged into prefix trees (`ger.lm.tree`), so work grows with distinct tokens; where trees are
not exact for a model, texts are sorted by length and padded. Answers are searched together (`llm_backends.decoding`),
or one at a time where that is not exact. Either way work is batched by tokens, padding included, never by rows: a batch
costs at most `batch_tokens`. A batch that does not fit in memory is halved, and the smaller size is kept.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import Any, get_args

from ger.context import context_of
from ger.device import device_of
from ger.errors import DependencyError, ModelError
from ger.lm.chat import PromptReader, shown
from ger.lm.constrain import Slots, spaced
from ger.lm.tree import Encoded, Pack, Tree, end_to_end, packed, trees
from ger.models import DEFAULT_LM, resolve
from ger.protocols import Ability, Answer, GenerateRequest, LmOptions
from ger.text.tokens import well_formed
from llm_backends.adapter import digest, merged
from llm_backends.causal import CausalLM
from llm_backends.decoding import Decoder, Job, Written
from llm_backends.kept import KeptScorer, worth_keeping
from llm_backends.packed import Logp, PackedScorer
from llm_backends.plain import write
from llm_backends.rows import RowModel
from llm_backends.torch_common import Batched, attempt, dtype_of, reason

__all__ = ["TransformersLM"]

_BATCH_TOKENS = {"cpu": 1024, "cuda": 16_384}

_LOG = logging.getLogger(__name__)


class TransformersLM(Batched, CausalLM):
    """Any causal language model that transformers can load; see `ger.protocols.LanguageModel`.

    Tokens that texts begin with in common are computed once. Drafts make greedy search faster. A text of slots stands
    behind another one with a space in between, where its script has spaces; it may be longer than `max_tokens`, since a
    part of it would be none.

    Raises:
        DependencyError: torch or transformers is not installed.
        ModelError: the model cannot be found or loaded.
        UsageError: the device or the precision is not to be had here.
    """

    abilities: frozenset[Ability] = frozenset(get_args(Ability))

    def __init__(self, options: LmOptions) -> None:
        try:
            import safetensors
            import torch
            import transformers
        except ImportError as error:
            raise DependencyError("torch or transformers", "transformers") from error
        self._adapter = f",adapter={digest(Path(options.adapter))}" if options.adapter else ""
        local = resolve(options.model or DEFAULT_LM, "lm")
        transformers.utils.logging.disable_progress_bar()
        if options.threads:
            torch.set_num_threads(options.threads)
        self._device = device_of(options.device)
        self._dtype = dtype_of(options.compute_type, self._device)
        try:
            self._tokenizer: Any = transformers.AutoTokenizer.from_pretrained(local.path, local_files_only=True)
            dtype = torch.float32 if options.adapter else getattr(torch, self._dtype)
            model: Any = transformers.AutoModelForCausalLM.from_pretrained(
                local.path, dtype=dtype, local_files_only=True
            )
        except (OSError, ValueError, KeyError, ImportError, RuntimeError, safetensors.SafetensorError) as error:
            raise ModelError(f"{local.name}: the language model cannot be loaded: {reason(error)}.") from error
        if options.adapter:
            model = merged(model, Path(options.adapter)).to(getattr(torch, self._dtype))
        self._model = model.to(self._device).eval()
        self._name = local.identity
        self._reader = PromptReader(self._tokenizer, self._name)
        self._budget = options.batch_tokens or _BATCH_TOKENS[self._device]
        self._limit = context_of(model)

    @property
    def signature(self) -> str:
        """See `ger.protocols.LanguageModel`."""
        return f"transformers:{self._name},{self._dtype}{self._adapter}"

    def _written(self, requests: list[GenerateRequest]) -> list[tuple[Answer, ...]]:
        jobs = [self._job(request) for request in requests]
        written = self._decode(jobs) if jobs else []
        return [tuple(self._answer(job, w) for w in made) for job, made in zip(jobs, written, strict=True)]

    def _job(self, request: GenerateRequest) -> Job:
        prompt, slots = self._prompt(request), self._slots(request) if request.slots else None
        limit = slots.longest if slots else max(1, request.max_tokens)
        self._check_length(len(prompt) + limit, shown(request.prompt))
        end = self._tokenizer.eos_token_id
        drafts = [[*self._reader.plain(draft), end] for draft in request.drafts] if request.beams == 1 else []
        return Job(prompt, limit, frozenset([end]) if slots else self._ends, max(1, request.beams), drafts, slots)

    def _slots(self, request: GenerateRequest) -> Slots:
        """The language of a request's slots; no tokens of a text depend on those of another one."""
        if not all(request.slots):
            raise ModelError(f"{self._name}: a slot without texts cannot be filled.", "Leave it out.")
        slots = [[well_formed(text) for text in slot] for slot in request.slots]
        first = {text: self._reader.plain(text) for slot in slots for text in slot}
        later = {text: self._reader.behind(spaced(text)) for text in first}
        return Slots(slots, first, later, self._tokenizer.eos_token_id)

    def _answer(self, job: Job, written: Written) -> Answer:
        tokens = written.tokens[:-1] if written.finished else written.tokens
        text = job.slots.text(tokens) if job.slots else self._tokenizer.decode(tokens, skip_special_tokens=True)
        score, least = math.fsum(written.logp), min(written.logp)
        return Answer(text, score, least, written.finished, len(written.tokens), written.steps)

    def _decode(self, jobs: list[Job]) -> list[list[Written]]:
        """Answers to jobs, all of one call together where the model lets us."""
        if self._rows is None:
            return [attempt(partial(write, self._model, job), self._name, alone=True) or [] for job in jobs]
        decoder = Decoder(self._rows, self._name, self._budget)
        try:
            return decoder.run(jobs)
        finally:
            self._budget = decoder.budget

    @cached_property
    def _ends(self) -> frozenset[int]:
        """The tokens at which the model's makers end an answer."""
        named = getattr(self._model.generation_config, "eos_token_id", None)
        listed = named if isinstance(named, list) else [named] if named is not None else []
        return frozenset([self._tokenizer.eos_token_id, *listed])

    @cached_property
    def _rows(self) -> RowModel | None:
        """What decodes many answers together, if that is exact for this model; found out at the first use."""
        rows, refusal = self._checked_rows
        if refusal:
            _LOG.warning("%s: generating one answer at a time, which is slower: %s.", self._name, refusal)
        return None if refusal else rows

    @cached_property
    def _checked_rows(self) -> tuple[RowModel, str]:
        """What runs sequences with a memory of their own, and why it does not for this model."""
        rows = RowModel(self._model)
        return rows, attempt(rows.refusal, f"{self._name}, self-check", alone=True) or ""

    @cached_property
    def _kept(self) -> KeptScorer | None:
        """What keeps the beginnings of trees, if that is exact for this model."""
        rows, refusal = self._checked_rows
        return None if refusal else KeptScorer(rows, self._model)

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
        left = {item.index: item for item in items}
        for pack, run in self._calls(list(trees(items, self._budget))):
            alone = len(pack.items) == 1 and not self._keeps
            logp = attempt(run, f"{self._name}, {pack.tokens.shape[1]} tokens", alone=alone)
            if logp is None:
                self._budget = min(self._budget, pack.tokens.size // 2)
                self._forget()
                yield from self._score_packed([*left.values()])
                return
            for item, total in zip(pack.items, pack.totals(logp), strict=True):
                del left[item.index]
                yield item, total

    @property
    def _keeps(self) -> bool:
        """Whether beginnings of texts are kept; `_kept` is not made for it where none was worth keeping."""
        kept: KeptScorer | None = vars(self).get("_kept")
        return bool(kept and kept.tokens)

    def _forget(self) -> None:
        """Keep no beginnings of texts."""
        if self._keeps and self._kept:
            self._kept.forget()

    def _calls(self, grown: list[Tree]) -> Iterator[tuple[Pack, Callable[[], Logp]]]:
        """All trees in packs, and what computes log p of the targets of each."""
        assert self._packed is not None
        if any(map(worth_keeping, grown)) and self._kept:
            going, grown = self._kept.split(grown)
            for group in self._kept.groups(going, self._budget):
                pack = end_to_end(group)
                yield pack, partial(self._kept.logp, group, pack)
        for pack in packed(grown, self._budget):
            yield pack, partial(self._packed.logp, pack)

    def _score_padded(self, items: list[Encoded]) -> Iterator[tuple[Encoded, float]]:
        return self._each(_sorted(items), lambda item: len(item.ids), self._forward)

    def _forward(self, batch: list[Encoded]) -> list[float]:
        import torch

        ids, mask = self._padded([item.ids for item in batch])
        with torch.inference_mode():
            logits = self._model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1]
            picked = logits.gather(-1, ids[:, 1:].unsqueeze(-1)).squeeze(-1).float()
            logp = picked - torch.logsumexp(logits.float(), dim=-1)
        return [float(row[s.given - 1 : len(s.ids) - 1].double().sum()) for row, s in zip(logp, batch, strict=True)]

    def _padded(self, rows: list[list[int]]) -> tuple[Any, Any]:
        import torch

        longest = max(map(len, rows))
        ids = torch.full((len(rows), longest), self._tokenizer.eos_token_id, dtype=torch.long)
        mask = torch.zeros((len(rows), longest), dtype=torch.long)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
            mask[i, : len(row)] = 1
        return ids.to(self._device), mask.to(self._device)


def _sorted(sequences: list[Encoded]) -> list[Encoded]:
    """Long ones first."""
    return sorted(sequences, key=lambda sequence: -len(sequence.ids))
