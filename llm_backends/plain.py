"""Answers by transformers' own `generate`, one at a time, for models whose memory is their own business."""

from __future__ import annotations

from typing import Any

from ger.lm.constrain import Slots
from llm_backends.decoding import Job, Written

__all__ = ["write"]


def write(model: Any, job: Job) -> list[Written]:
    """Answers to one job, best first: plain greedy or beam search, whatever else the model's makers recommend.

    Args:
        model: A causal language model of transformers.
        job: What is wanted; its drafts are of no use here.
    """
    import torch
    import transformers

    given = len(job.prompt)
    config = transformers.GenerationConfig(
        max_new_tokens=job.limit,
        num_beams=job.beams,
        num_return_sequences=job.beams,
        length_penalty=0.0,
        eos_token_id=sorted(job.ends),
        pad_token_id=min(job.ends),
    )
    ids = torch.tensor([list(job.prompt)], device=model.device)
    slots = job.slots
    follow = (lambda _, row: _allowed(slots, row[given:].tolist())) if slots else None
    with torch.inference_mode():
        mask = torch.ones_like(ids)
        rows = model.generate(ids, attention_mask=mask, generation_config=config, prefix_allowed_tokens_fn=follow)
        made = [_measured(model, job, row[given:].tolist()) for row in rows]
    return sorted(made, key=lambda written: -sum(written.logp))


def _allowed(slots: Slots, tokens: list[int]) -> list[int]:
    state = slots.start
    for token in tokens:
        state = slots.step(state, token)
    return [*slots.allowed(state)] or [slots.end]


def _measured(model: Any, job: Job, tokens: list[int]) -> Written:
    """The answer up to its end, with the log-probabilities of its tokens."""
    import torch

    end = next((n for n, token in enumerate(tokens, 1) if token in job.ends), 0)
    tokens = tokens[: end or len(tokens)]
    row = torch.tensor([[*job.prompt, *tokens]], device=model.device)
    logits = model(input_ids=row, use_cache=False).logits[0, len(job.prompt) - 1 : -1].float()
    logp = torch.log_softmax(logits, dim=-1).gather(1, row[0, len(job.prompt) :, None])[:, 0]
    return Written(tokens, logp.tolist(), bool(end), len(tokens))
