"""Causal language models in vLLM, in this process: many texts at once on a GPU, or a CPU with a build for it.

A score is the sum of vLLM's log-probabilities of the prompt's tokens (`prompt_logprobs`), with the tokens of the
transformers backend; vLLM computes texts that begin alike each by itself there. An adapter stays beside the weights
(LoRA) instead of being merged into them. Of choices each is scored: log-probabilities under a grammar would be those
among the allowed tokens. A server of vLLM's is the business of `llm_backends.openai`.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ger.errors import DependencyError, ModelError, UsageError
from ger.lm.chat import PromptReader, shown
from ger.lm.tree import Encoded
from ger.models import DEFAULT_LM, resolve
from ger.protocols import Ability, Answer, GenerateRequest, LmOptions
from llm_backends.adapter import digest
from llm_backends.causal import CausalLM, ends_in, tokenizer_in
from llm_backends.torch_common import dtype_of

__all__ = ["VllmLM"]

_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
#: What an adapter may have that vLLM does not know, and layers at both ends of a model.
_ODD = ("use_dora", "modules_to_save", "bias")
_ENDS = {"lm_head", "embed_tokens", "wte"}
#: Standard output is for results.
_QUIET = {"VLLM_LOGGING_STREAM": "ext://sys.stderr", "VLLM_LOGGING_LEVEL": "WARNING"}

_Made = TypeVar("_Made")


class VllmLM(CausalLM):
    """A causal language model in vLLM; see `ger.protocols.LanguageModel`.

    The context is as long as the model allows and memory lets it be. `options.batch_tokens` is how many tokens go
    through the model at once; vLLM's own environment variables set the rest. A script of yours has to make it under
    `if __name__ == "__main__":`, since vLLM starts processes.

    Raises:
        DependencyError: vllm is not installed.
        ModelError: the model or the adapter cannot be found or loaded, or vLLM does not know such adapters.
        UsageError: the device or the precision is not to be had here.
    """

    abilities: frozenset[Ability] = frozenset({"score", "generate", "beams", "choices", "chat-choices", "adapter"})

    def __init__(self, options: LmOptions) -> None:
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        try:
            import vllm
        except ImportError as error:
            raise DependencyError("vllm", "vllm") from error
        device = _device(options.device)
        self._dtype = dtype_of(options.compute_type, device)
        self._adapter = f",adapter={digest(Path(options.adapter))}" if options.adapter else ""
        more = {"max_num_batched_tokens": options.batch_tokens} if options.batch_tokens else {}
        if options.adapter:
            more |= {"enable_lora": True, "max_loras": 1, **_lora(Path(options.adapter))}
        local = resolve(options.model or DEFAULT_LM, "lm")
        self._name = local.identity
        self._tokenizer = tokenizer_in(local.path, local.name)
        self._reader = PromptReader(self._tokenizer, self._name)
        self._ends = ends_in(local.path, self._tokenizer)
        self._llm: Any = self._run(
            lambda: vllm.LLM(
                model=str(local.path),
                dtype=self._dtype,
                max_model_len=-1,
                max_logprobs=-1,
                use_tqdm_on_load=False,
                **more,
            )
        )
        self._limit = self._llm.model_config.max_model_len - 1  # one token is written after whatever is read
        self._lora = self._loaded(Path(options.adapter)) if options.adapter else None

    @property
    def signature(self) -> str:
        """See `ger.protocols.LanguageModel`."""
        return f"vllm:{self._name},{self._dtype}{self._adapter}"

    def _loaded(self, adapter: Path) -> Any:
        """What asks for an adapter, which is loaded now so that it fails now."""
        from vllm.lora.request import LoRARequest

        lora = LoRARequest(adapter.name, 1, str(adapter.absolute()))
        self._run(lambda: self._llm.llm_engine.add_lora(lora))
        return lora

    def _run(self, work: Callable[[], _Made]) -> _Made:
        try:
            return work()
        except Exception as error:
            said = " ".join(str(error).split())[:300] or type(error).__name__
            raise ModelError(f"{self._name}: vLLM failed: {said}.", "What it wrote before says more.") from error

    def _totals(self, items: list[Encoded]) -> list[float]:
        from vllm import SamplingParams

        if not items:
            return []
        params = SamplingParams(prompt_logprobs=0, max_tokens=1, temperature=0.0, detokenize=False)
        totals = [0.0] * len(items)
        for item, output in zip(items, self._generated([item.ids for item in items], params), strict=True):
            pairs = zip(item.ids, output.prompt_logprobs, strict=True)
            logp = [entry[token].logprob if entry else 0.0 for token, entry in pairs]
            totals[item.index] = math.fsum(logp[item.given :])
        return totals

    def _generated(self, prompts: Sequence[Sequence[int]], params: Any) -> list[Any]:
        """What vLLM's `generate` makes of prompts, with one setting for all or one each."""
        from vllm.inputs import TokensPrompt

        given = [TokensPrompt(prompt_token_ids=[*prompt]) for prompt in prompts]
        outputs: list[Any] = self._run(
            lambda: self._llm.generate(given, params, lora_request=self._lora, use_tqdm=False)
        )
        return outputs

    def _written(self, requests: list[GenerateRequest]) -> list[tuple[Answer, ...]]:
        prompts = [self._prompt(request) for request in requests]
        for request, prompt in zip(requests, prompts, strict=True):
            self._check_length(len(prompt) + max(1, request.max_tokens), shown(request.prompt))
        made: dict[int, tuple[Answer, ...]] = {}
        kinds: dict[tuple[int, int], list[int]] = {}
        for number, request in enumerate(requests):
            kinds.setdefault((request.beams, request.max_tokens) if request.beams > 1 else (1, 0), []).append(number)
        for (beams, limit), numbers in kinds.items():
            asked = [prompts[number] for number in numbers]
            limits = [requests[number].max_tokens for number in numbers]
            found = self._searched(asked, beams, limit) if beams > 1 else self._greedy(asked, limits)
            made |= zip(numbers, found, strict=True)
        return [made[number] for number in range(len(requests))]

    def _greedy(self, prompts: Sequence[list[int]], limits: Sequence[int]) -> list[tuple[Answer, ...]]:
        from vllm import SamplingParams

        ends = sorted(self._ends)
        params = [
            SamplingParams(temperature=0.0, max_tokens=max(1, n), logprobs=0, stop_token_ids=ends, detokenize=False)
            for n in limits
        ]
        answers: list[tuple[Answer, ...]] = []
        for output in self._generated(prompts, params):
            best = output.outputs[0]
            logp = [entry[token].logprob for token, entry in zip(best.token_ids, best.logprobs, strict=True)]
            answers.append((self._answer(list(best.token_ids), logp),))
        return answers

    def _searched(self, prompts: Sequence[list[int]], beams: int, limit: int) -> list[tuple[Answer, ...]]:
        """The answers of vLLM's beam search by total log-probability, best first."""
        from vllm.inputs import TokensPrompt
        from vllm.sampling_params import BeamSearchParams

        given = [TokensPrompt(prompt_token_ids=[*prompt]) for prompt in prompts]
        params = BeamSearchParams(beam_width=beams, max_tokens=max(1, limit), length_penalty=0.0)
        outputs = self._run(lambda: self._llm.beam_search(given, params, lora_request=self._lora))
        made = []
        for prompt, output in zip(prompts, outputs, strict=True):
            answers = []
            for sequence in output.sequences:
                tokens = sequence.tokens[len(prompt) :]
                logp = [entry[token].logprob for token, entry in zip(tokens, sequence.logprobs, strict=True)]
                answers.append(self._answer(tokens, logp))
            made.append(tuple(sorted(dict.fromkeys(answers), key=lambda answer: -(answer.score or 0.0))))
        return made

    def _answer(self, tokens: list[int], logp: list[float]) -> Answer:
        """An answer up to its end."""
        size = next((n for n, token in enumerate(tokens, 1) if token in self._ends), 0)
        kept = tokens[: size or len(tokens)]
        text = self._tokenizer.decode(kept[:-1] if size else kept, skip_special_tokens=True)
        used = logp[: len(kept)]
        return Answer(text, math.fsum(used), min(used), bool(size), len(kept), len(kept))


def _device(name: str) -> str:
    """`cpu` or `cuda`: what this build of vLLM runs on.

    Raises:
        UsageError: another device is asked for.
    """
    from vllm.platforms import current_platform

    runs_on = "cpu" if current_platform.is_cpu() else "cuda"
    if name not in ("auto", runs_on):
        raise UsageError(f"This build of vLLM does not run on {name!r}.", f"Use --device {runs_on}.")
    return runs_on


def _lora(adapter: Path) -> dict[str, Any]:
    """What vLLM has to make room for: rank and layers of an adapter.

    Layers that are not named stay as they are, above all the head: with an adapter there, log-probabilities of prompts
    that run together are wrong in vLLM or fail.

    Raises:
        ModelError: vLLM cannot use such an adapter.
    """
    try:
        config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
        rank = max(config["r"], *(config.get("rank_pattern") or {}).values(), 1)
        layers = {str(name).rpartition(".")[2] for name in config["target_modules"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{adapter}: the adapter's settings cannot be read: {error!r}.") from error
    odd = [f"{name} is {config[name]!r}" for name in _ODD if config.get(name) not in (None, False, "none", [], {})]
    odd += [f"it changes {name}" for name in sorted(layers & _ENDS)]
    odd += [f"its rank is {rank}"] if rank > _RANKS[-1] else []
    odd += ["it does not list its layers"] if isinstance(config["target_modules"], str) else []
    if odd:
        hint = f"Merge it first: ger train merge {adapter} -o FOLDER"
        raise ModelError(f"{adapter}: this adapter cannot be used in vLLM: {odd[0]}.", hint)
    return {
        "max_lora_rank": next(fitting for fitting in _RANKS if fitting >= rank),
        "lora_target_modules": sorted(layers),
    }
