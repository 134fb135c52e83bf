"""Causal language models through CTranslate2: int8 on a CPU, and what else it knows.

A model in transformers format is converted at its first use and kept in ger's cache. Texts are scored whole, each by
itself: unlike in `llm_backends.transformers`, what they have in common is computed again. Weights are rounded where the
precision says so, so scores are near those of transformers, and equal to them in float32.

Answers are written by CTranslate2's own greedy and beam search. What it wrote is scored afterwards in one more pass, so
that `score` and `least` are those of `score_batch`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path

from ger.cores import aside, shared, side_by_side
from ger.errors import DependencyError, ModelError, UsageError
from ger.lm.chat import PromptReader, shown
from ger.lm.tree import Encoded
from ger.models import DEFAULT_LM, resolve_ctranslate2
from ger.models.convert import CONTEXT_FILE
from ger.protocols import Ability, Answer, GenerateRequest, LmOptions
from ger.registry import suggest
from llm_backends.causal import CausalLM, context_in, ends_in, tokenizer_in
from llm_backends.torch_common import attempt

__all__ = ["CTranslate2LM"]

_BATCH_TOKENS = {"cpu": 1024, "cuda": 16_384}
_SCORED_TOKENS = {"cpu": 128, "cuda": 16_384}  # a core is quickest with a few texts at a time, alike in length
_TOKENIZER = "Convert it again: ct2-transformers-converter … --copy_files tokenizer.json tokenizer_config.json"


class CTranslate2LM(CausalLM):
    """A causal language model in CTranslate2; see `ger.protocols.LanguageModel`.

    `options.model` is a folder that `ct2-transformers-converter` wrote, with the tokenizer, or what the transformers
    backend takes. `options.compute_type` is a type of CTranslate2; `auto` is int8 on a CPU and float16 on a GPU.

    Raises:
        DependencyError: ctranslate2 or transformers is not installed.
        ModelError: the model cannot be found, converted or loaded, or its tokenizer belongs to another one.
        UsageError: an adapter is given, or the device or the precision is not to be had here.
    """

    abilities: frozenset[Ability] = frozenset({"score", "generate", "beams", "choices", "chat-choices"})

    def __init__(self, options: LmOptions) -> None:
        try:
            import ctranslate2
        except ImportError as error:
            raise DependencyError("ctranslate2", "ctranslate2") from error
        if options.adapter:
            raise UsageError(
                "CTranslate2 cannot load an adapter.", f"Merge it first: ger train merge {options.adapter} -o FOLDER"
            )
        device, compute_type = _hardware(options)
        local = resolve_ctranslate2(options.model or DEFAULT_LM, compute_type)
        self._name = local.identity
        if not (local.path / "tokenizer.json").is_file():
            raise ModelError(f"{local.name} has no tokenizer.json.", _TOKENIZER)
        self._tokenizer = tokenizer_in(local.path, local.name)
        self._check_vocabulary(local.path)
        self._workers, threads = shared(device, options.threads)
        load = partial(
            ctranslate2.Generator,
            str(local.path),
            device=device,
            compute_type=compute_type,
            inter_threads=self._workers,
            intra_threads=threads,
        )
        try:
            self._generator = aside(load)
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelError(f"{local.name}: the language model cannot be loaded: {error}.") from error
        self._reader = PromptReader(self._tokenizer, self._name)
        self._ends = ends_in(local.path, self._tokenizer)
        self._limit = context_in(local.path / CONTEXT_FILE)
        self._budget = options.batch_tokens or _BATCH_TOKENS[device]
        self._scored = options.batch_tokens or _SCORED_TOKENS[device]

    @property
    def signature(self) -> str:
        """See `ger.protocols.LanguageModel`."""
        return f"ctranslate2:{self._name},{self._generator.compute_type}"

    def _check_vocabulary(self, folder: Path) -> None:
        """See that the tokenizer is the model's: tokens that CTranslate2 does not know would silently be others."""
        try:
            known = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        for token, number in self._tokenizer.get_vocab().items():
            if number < len(known) and known[number] != token:
                raise ModelError(f"{self._name}: its tokenizer is that of another model.", _TOKENIZER)

    def _totals(self, items: list[Encoded]) -> list[float]:
        totals = [0.0] * len(items)
        for item, logp in zip(items, self._logp(items), strict=True):
            totals[item.index] = math.fsum(logp)
        return totals

    def _logp(self, items: Sequence[Encoded]) -> list[list[float]]:
        """Log-probabilities (nats) of the tokens of each item that are not given."""
        if not items:
            return []
        rows = [self._tokenizer.convert_ids_to_tokens(item.ids) for item in items]
        longest = max(map(len, rows))
        while True:
            results = attempt(
                partial(
                    self._generator.score_batch,
                    rows,
                    max_batch_size=max(self._scored, longest),
                    batch_type="tokens",
                    max_input_length=0,
                ),
                f"{self._name}, {longest} tokens",
                alone=len(rows) == 1,
            )
            if results is not None:
                return [result.log_probs[item.given - 1 :] for item, result in zip(items, results, strict=True)]
            if self._scored <= longest:
                return [logp for item in items for logp in self._logp([item])]
            self._scored //= 2

    def _written(self, requests: list[GenerateRequest]) -> list[tuple[Answer, ...]]:
        prompts = [self._prompt(request) for request in requests]
        for request, prompt in zip(requests, prompts, strict=True):
            self._check_length(len(prompt) + max(1, request.max_tokens), shown(request.prompt))
        made: list[list[list[int]]] = [[] for _ in requests]
        batches = list(_batches(requests, prompts, self._budget, self._workers))
        work = [[(requests[n], prompts[n]) for n in batch] for batch in batches]
        for batch, found in zip(batches, side_by_side(self._search, work, self._workers), strict=True):
            for number, answers in zip(batch, found, strict=True):
                made[number] = answers
        return self._measured(prompts, made)

    def _search(self, batch: Sequence[tuple[GenerateRequest, list[int]]]) -> list[list[list[int]]]:
        """Tokens of the answers to prompts with one width of search, best first, the end included."""
        limits = [max(1, request.max_tokens) for request, _ in batch]
        beams = max(1, batch[0][0].beams)
        said = f"{self._name}, {len(batch)} prompts"
        results = attempt(
            partial(
                self._generator.generate_batch,
                [self._tokenizer.convert_ids_to_tokens(prompt) for _, prompt in batch],
                beam_size=beams,
                num_hypotheses=beams,
                length_penalty=0,
                max_length=max(limits),
                end_token=sorted(self._ends),
                return_end_token=True,
                include_prompt_in_result=False,
            ),
            said,
            alone=len(batch) == 1,
        )
        if results is None:
            half = len(batch) // 2
            return self._search(batch[:half]) + self._search(batch[half:])
        return [
            [[*map(int, ids[:limit])] for ids in result.sequences_ids]
            for result, limit in zip(results, limits, strict=True)
        ]

    def _measured(self, prompts: Sequence[list[int]], made: Sequence[Sequence[list[int]]]) -> list[tuple[Answer, ...]]:
        """Answers with their scores, best first."""
        pairs = [(prompt, tokens) for prompt, answers in zip(prompts, made, strict=True) for tokens in answers]
        items = [Encoded(n, [*prompt, *tokens], len(prompt)) for n, (prompt, tokens) in enumerate(pairs)]
        measured = iter(zip(items, self._logp(items), strict=True))
        answers = [[self._answer(*next(measured)) for _ in rows] for rows in made]
        return [tuple(sorted(row, key=lambda answer: -(answer.score or 0.0))) for row in answers]

    def _answer(self, item: Encoded, logp: list[float]) -> Answer:
        tokens = item.ids[item.given :]
        finished = bool(tokens) and tokens[-1] in self._ends
        text = self._tokenizer.decode(tokens[:-1] if finished else tokens, skip_special_tokens=True)
        answer = Answer(text, math.fsum(logp), min(logp, default=0.0), finished, len(tokens))
        return replace(answer, steps=len(tokens))


def _batches(
    requests: Sequence[GenerateRequest], prompts: Sequence[list[int]], budget: int, workers: int
) -> Iterator[list[int]]:
    """Numbers of requests that are searched together: of one width, wide searches of one limit, too.

    Their prompts have one length: where they differ, CTranslate2 4.8 gives back what the longer ones have more. What is
    alike makes a batch for each worker at least.
    """

    def kind(n: int) -> tuple[int, int, int]:
        beams = max(1, requests[n].beams)
        return beams, len(prompts[n]), requests[n].max_tokens if beams > 1 else 0

    for _, numbers in groupby(sorted(range(len(requests)), key=kind), key=kind):
        alike = list(numbers)
        most, batch = math.ceil(len(alike) / workers), list[int]()
        for n in alike:
            cost = (len(batch) + 1) * (len(prompts[n]) + requests[n].max_tokens) * max(1, requests[n].beams)
            if batch and (cost > budget or len(batch) == most):
                yield batch
                batch = []
            batch.append(n)
        yield batch


def _hardware(options: LmOptions) -> tuple[str, str]:
    """Device and precision: int8 on a CPU, float16 on a GPU unless told otherwise."""
    import ctranslate2

    gpus = ctranslate2.get_cuda_device_count()
    if options.device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"The device {options.device!r} is not known.", "Use auto, cpu or cuda.")
    if options.device == "cuda" and not gpus:
        raise UsageError("No CUDA device was found.", "Use --device cpu.")
    device = ("cuda" if gpus else "cpu") if options.device == "auto" else options.device
    known = sorted(ctranslate2.get_supported_compute_types(device))
    precision = {"cpu": "int8", "cuda": "float16"}[device] if options.compute_type == "auto" else options.compute_type
    if precision not in known:
        raise UsageError(
            f"The precision {precision!r} does not run in CTranslate2 on {device}.", suggest(precision, known)
        )
    return device, precision
