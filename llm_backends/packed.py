"""Log-probabilities of packs of prefix trees (`ger.lm.tree`) by a causal language model of transformers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ger.lm.tree import Encoded, Ints, Pack, packs

__all__ = ["MODEL_TYPES", "Logp", "PackedScorer", "logits_of", "target_logp"]

#: Log-probabilities.
Logp = npt.NDArray[np.float64]

#: Model types whose attention is all that joins tokens, and how they take a mask: one for all layers (`full`), one of
#: a sliding window (`window`), or one for each type of layer (`layers`).
MODEL_TYPES = {
    "gemma": "full",
    "gemma2": "layers",
    "gemma3_text": "layers",
    "gpt2": "full",
    "llama": "full",
    "mistral": "window",
    "qwen2": "layers",
    "qwen3": "layers",
}

_HEAD_ELEMENTS = {"cpu": 2**23, "cuda": 2**28}


class PackedScorer:
    """One model's log-probabilities, pack by pack.

    The body runs once over all nodes of a pack; the head runs where a score is needed, a chunk of nodes at a time.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._config = model.config
        self._form = MODEL_TYPES.get(str(self._config.model_type), "")

    def refusal(self) -> str:
        """Why trees are not exact for this model; empty where they are.

        The model's type has to be known, its positions must not depend on what else is in the batch, and a small
        tree has to get the scores of one sequence at a time.
        """
        if not self._form:
            return f"models of type {self._config.model_type} are not known to be exact with a tree mask"
        rope = getattr(self._config, "rope_parameters", None) or {}
        if rope.get("rope_type") in ("dynamic", "longrope"):
            return "its positions depend on the length of the batch"
        error = self._check()
        return f"a check differed by {error:.2g}" if not error <= self._tolerance() else ""

    def logp(self, pack: Pack) -> Logp:
        """log p of each target of the pack (nats)."""
        import torch

        with torch.inference_mode():
            return target_logp(self._model, self._body(pack), pack.nodes, pack.edges, pack.targets)

    def _body(self, pack: Pack) -> Any:
        """Last hidden states, `(places, size)`."""
        positions = self._tensor(pack.positions)
        state = self._model.base_model(
            input_ids=self._tensor(pack.tokens),
            attention_mask=self._mask(positions, self._tensor(pack.ends), int(pack.positions.max())),
            position_ids=positions,
            use_cache=False,
        ).last_hidden_state
        return state.flatten(0, 1)

    def _mask(self, positions: Any, ends: Any, deepest: int) -> Any:
        """Additive masks `(rows, 1, width, width)`: ancestors, and of them the near ones for a sliding window."""
        import torch

        place = torch.arange(ends.shape[1], device=ends.device)
        seen = (place <= place[:, None]) & (place[:, None] < ends[:, None, :])
        window = getattr(self._config, "sliding_window", None)
        if self._form == "full" or window is None or deepest < window:
            return self._additive(seen)
        near = self._additive(seen & (positions[:, :, None] - positions[:, None, :] < window))
        return near if self._form == "window" else {"full_attention": self._additive(seen), "sliding_attention": near}

    def _additive(self, seen: Any) -> Any:
        import torch

        dtype = self._model.dtype
        return torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill_(~seen, torch.finfo(dtype).min)[
            :, None
        ]

    def _tensor(self, values: npt.NDArray[np.int64]) -> Any:
        import torch

        return torch.from_numpy(values).to(self._model.device)

    def _check(self) -> float:
        """The largest difference of a small pack from one sequence at a time, in nats a token."""
        import torch

        size = min(int(self._config.vocab_size), 2000)
        ids = [[n * n * 31 % size for n in range(1, 8)], [n * 17 % size for n in range(3, 9)]]
        rows = [ids[0], ids[0][:4] + ids[1], ids[0][:2] + ids[1][1:4], ids[1]]
        (pack,) = packs([Encoded(i, row, 1) for i, row in enumerate(rows)], 1000)
        worst = 0.0
        for item, total in zip(pack.items, pack.totals(self.logp(pack)), strict=True):
            row = torch.tensor([item.ids], device=self._model.device)
            with torch.inference_mode():
                logits = self._model(input_ids=row, use_cache=False).logits[0, :-1].float()
            alone = torch.log_softmax(logits, dim=-1).gather(-1, row[0, 1:, None]).double().sum().item()
            worst = max(worst, abs(alone - total) / len(item.ids))
        return worst

    def _tolerance(self) -> float:
        import torch

        return 1e-4 if self._model.dtype == torch.float32 else 0.2


def logits_of(model: Any, hidden: Any) -> Any:
    """Logits in float32 of last hidden states."""
    import torch

    logits = model.get_output_embeddings()(hidden)
    cap = getattr(model.config, "final_logit_softcapping", None)
    return (torch.tanh(logits / cap) * cap if cap else logits).float()


def target_logp(model: Any, hidden: Any, nodes: Ints, edges: Ints, targets: Ints) -> Logp:
    """log p of tokens (nats): the softmax in float32, whatever the model's precision, a chunk of nodes at a time.

    Args:
        model: A causal language model of transformers.
        hidden: Its last hidden states, `(places, size)`.
        nodes: The places where the next token's probability is needed.
        edges: For each probability its place in `nodes`, ascending.
        targets: And its token.
    """
    import torch

    def tensor(values: Ints) -> Any:
        return torch.from_numpy(values).to(hidden.device)

    step = max(1, _HEAD_ELEMENTS[hidden.device.type] // int(model.config.vocab_size))
    there, chosen, parts = tensor(nodes), tensor(targets), []
    for first in range(0, len(nodes), step):
        logits = logits_of(model, hidden[there[first : first + step]])
        low, high = np.searchsorted(edges, [first, first + step])
        rows = tensor(edges[low:high]) - first
        picked = logits[rows, chosen[low:high]]
        top = logits.amax(-1, keepdim=True)
        norm = logits.sub_(top).exp_().sum(-1).log_() + top[:, 0]  # in place: logits are large
        parts.append(picked - norm[rows])
    logp: Logp = torch.cat(parts).double().cpu().numpy()
    return logp
