"""Logits of answers alone: the head of a language model is a large part of it, and most places are the prompt's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ger.train.pairs import Pair

if TYPE_CHECKING:
    import torch

__all__ = ["AnswerHead"]


class AnswerHead:
    """What a model says at the places of the answers.

    The head runs on those alone, unless the model does more to its logits than its head does (some scale or cap them).

    Args:
        model: A causal language model of transformers.
        half: Whether matrix products are done in bfloat16.
    """

    def __init__(self, model: Any, *, half: bool) -> None:
        self._model, self._half = model, half
        self._alone = _is_plain(model)

    def logits(self, part: Sequence[Pair]) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of all answers' tokens, `(tokens, vocabulary)` in float32, and the tokens."""
        import torch

        device = self._model.device
        longest = max(pair.length for pair in part)
        ids = torch.zeros((len(part), longest), dtype=torch.long)
        mask = torch.zeros((len(part), longest), dtype=torch.long)
        rows: list[int] = []
        places: list[int] = []
        for i, pair in enumerate(part):
            ids[i, : pair.length] = torch.tensor(pair.prompt + pair.answer)
            mask[i, : pair.length] = 1
            rows += [i] * len(pair.answer)
            places += range(len(pair.prompt) - 1, pair.length - 1)
        where = torch.tensor(rows, device=device), torch.tensor(places, device=device)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=self._half):
            logits = self._run(ids.to(device), mask.to(device), where)
        return logits.float(), torch.tensor([token for pair in part for token in pair.answer], device=device)

    def logp(self, part: Sequence[Pair]) -> torch.Tensor:
        """log p(answer | prompt) of each pair, in nats."""
        import torch

        logits, labels = self.logits(part)
        lost = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
        return torch.stack([-row.sum() for row in torch.split(lost, [len(pair.answer) for pair in part])])

    def _run(self, ids: torch.Tensor, mask: torch.Tensor, where: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        run = self._model.base_model if self._alone else self._model
        states = run(input_ids=ids, attention_mask=mask, use_cache=False)
        if not self._alone:
            whole: torch.Tensor = states.logits[where]
            return whole
        made: torch.Tensor = self._model.get_output_embeddings()(states.last_hidden_state[where])
        return made


def _is_plain(model: Any) -> bool:
    """Whether the logits are what the head makes of the last states, and no more."""
    import torch

    ids = torch.tensor([[1, 2, 3]], device=model.device)
    with torch.inference_mode():
        whole = model(input_ids=ids, use_cache=False).logits
        alone = model.get_output_embeddings()(model.base_model(input_ids=ids, use_cache=False).last_hidden_state)
    return bool(torch.allclose(whole, alone, rtol=1e-3, atol=1e-3 * float(whole.abs().max())))
