"""Sequences of a causal language model of transformers, each with a memory of its own, run together without padding.

The tokens of all sequences of a call stand in one row one after another; the layers work on them as on one text, and
only the attention, which is ours, looks at the sequences one by one, each with the keys and values that it keeps. So
new prompts and sequences that go on share a call, no place is padded, and a sequence that has ended costs nothing. What
was computed in vain is taken back by making a sequence shorter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from llm_backends.packed import MODEL_TYPES, logits_of

__all__ = ["Memory", "Part", "RowModel", "Top"]

_NAME = "ger_rows"
_HEAD_ELEMENTS = {"cpu": 2**23, "cuda": 2**27}


class Memory:
    """Keys and values of one sequence, layer by layer.

    Args:
        room: Places to begin with; it grows where they do not suffice.
        begun: Another one, whose places this one begins with as well.

    Attributes:
        length: Places that are filled; what lies behind them is written over.
    """

    def __init__(self, room: int, begun: Memory | None = None) -> None:
        self.length: int = begun.length if begun else 0
        self._room = room
        self._layers: dict[int, Any] = dict(begun._layers) if begun else {}
        self._borrowed = set(self._layers)

    def extended(self, layer: int, key: Any, value: Any) -> tuple[Any, Any]:
        """Keys and values of a layer, `(1, heads, places, size)`, with new ones behind those that are filled."""
        end = self.length + key.shape[2]
        store = self._store(layer, key, end)
        store[0, :, :, self.length : end] = key
        store[1, :, :, self.length : end] = value
        return store[0, :, :, :end], store[1, :, :, :end]

    def _store(self, layer: int, like: Any, places: int) -> Any:
        import torch

        store, owned = self._layers.get(layer), layer not in self._borrowed
        if store is not None and owned and store.shape[3] >= places:
            return store
        self._room = max(self._room, 2 * places if store is not None and owned else places)
        self._borrowed.discard(layer)
        made = torch.empty((2, 1, like.shape[1], self._room, like.shape[3]), dtype=like.dtype, device=like.device)
        if store is not None:
            made[:, :, :, : self.length] = store[:, :, :, : self.length]
        self._layers[layer] = made
        return made


@dataclass(frozen=True, slots=True)
class Part:
    """Tokens that go through the model as the next ones of a sequence.

    Attributes:
        sequence: The sequence; it is the caller's to make it as much longer as the tokens are worth keeping.
        tokens: One at least.
        answers: After how many of them, from the end, the caller wants to know what follows.
        width: How many of the likeliest tokens are wanted there.
        allowed: For each of the answers the only tokens that may follow; any where it is empty.
        positions: Positions of the tokens; their places where it is empty.
        places: For each token the places before it that it sees, itself left out; all where it is empty.
        ends: Where they are a tree, depth first: for each the number of the first token that is not below it. Each sees
            what is above it, and what was there before.
    """

    memory: Memory
    tokens: Sequence[int]
    answers: int = 1
    width: int = 1
    allowed: Sequence[Sequence[int]] = ()
    positions: Sequence[int] = ()
    places: Sequence[Sequence[int]] = ()
    ends: Sequence[int] = ()


#: Tokens and their log-probabilities over the whole vocabulary (nats), the likeliest first.
Top = tuple[list[int], list[float]]


@dataclass
class _Feed:
    """What the attention has to know of a call."""

    parts: Sequence[Part]
    masks: dict[tuple[int, int | None], Any] = field(default_factory=dict)

    def mask(self, index: int, window: int | None, device: Any) -> Any:
        """What each token of a part sees, `(tokens, places)`; `None` where the kernel knows it by itself."""
        part = self.parts[index]
        size, before = len(part.tokens), part.memory.length
        window = None if window is None or before + size <= window else window
        if window is None and not (part.places or part.ends) and (size == 1 or not before):
            return None
        key = (index, window)
        if key not in self.masks:
            self.masks[key] = _seen(part, window, device)
        return self.masks[key]


def _seen(part: Part, window: int | None, device: Any) -> Any:
    import torch

    size, before = len(part.tokens), part.memory.length
    place = torch.arange(before + size)
    own = place[before:, None]
    if part.ends:
        ends, depth = torch.tensor(part.ends), torch.tensor([*range(before), *part.positions])
        seen = place <= own
        seen[:, before:] &= own - before < ends
        return (seen if window is None else seen & (depth[before:, None] - depth < window)).to(device)
    if not part.places:
        seen = place <= own
        return (seen if window is None else seen & (own - place < window)).to(device)
    seen = place == own
    for row, places in zip(seen, part.places, strict=True):
        row[torch.tensor(places[-window + 1 :] if window else places)] = True
    return seen.to(device)


def _attend(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    scaling: float | None = None,
    softcap: float | None = None,
    sliding_window: int | None = None,
    feed: Any = None,
    **_: Any,
) -> tuple[Any, None]:
    """Attention of each part to its own sequence; see `transformers.AttentionInterface`."""
    import torch

    grouped = query.shape[1] != key.shape[1]
    out = torch.empty_like(query.transpose(1, 2))
    start = 0
    for index, part in enumerate(feed.parts):
        end = start + len(part.tokens)
        keys, values = part.memory.extended(module.layer_idx, key[:, :, start:end], value[:, :, start:end])
        mask = feed.mask(index, sliding_window, query.device)
        attend = _capped if softcap else torch.nn.functional.scaled_dot_product_attention
        more = {"softcap": softcap} if softcap else {}
        made = attend(
            query[:, :, start:end],
            keys,
            values,
            attn_mask=mask,
            is_causal=mask is None and end - start > 1,
            scale=scaling,
            enable_gqa=grouped,
            **more,
        )
        out[:, start:end] = made.transpose(1, 2)
        start = end
    return out, None


def _capped(
    query: Any, keys: Any, values: Any, attn_mask: Any, is_causal: bool, scale: Any, enable_gqa: bool, softcap: float
) -> Any:
    """Attention whose scores are squashed (Gemma 2), which the kernels cannot."""
    import torch

    if enable_gqa:
        times = query.shape[1] // keys.shape[1]
        keys, values = keys.repeat_interleave(times, 1), values.repeat_interleave(times, 1)
    scores = torch.tanh(query @ keys.transpose(2, 3) * scale / softcap) * softcap
    if is_causal:
        attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, float("-inf"))
    return torch.softmax(scores.float(), dim=-1).to(query.dtype) @ values


class RowModel:
    """Runs a causal language model on parts of sequences.

    Args:
        model: A causal language model of transformers.
    """

    def __init__(self, model: Any) -> None:
        from transformers import AttentionInterface

        self._model = model
        self._config = model.config
        AttentionInterface.register(_NAME, _attend)

    def refusal(self) -> str:
        """Why this is not exact for the model; empty where it is.

        Its type has to be known, or all its layers have to attend to everything by a function of choice; its positions
        must not depend on what else is run; and a small check has to say the same.
        """
        if self._config.model_type not in MODEL_TYPES and not self._attends_to_all():
            return f"models of type {self._config.model_type} are not known to be exact with a memory of our own"
        rope = getattr(self._config, "rope_parameters", None) or {}
        if rope.get("rope_type") in ("dynamic", "longrope"):
            return "its positions depend on the length of the batch"
        try:
            error = self._check()
        except (TypeError, ValueError, AttributeError, KeyError) as failure:
            return f"a check failed: {failure}"
        return f"a check differed by {error:.2g}" if not error <= self._tolerance() else ""

    def _attends_to_all(self) -> bool:
        limits = (getattr(self._config, name, None) for name in ("sliding_window", "attention_chunk_size"))
        kinds = set(getattr(self._config, "layer_types", None) or ["full_attention"])
        backend = getattr(self._model, "_supports_attention_backend", False)
        return bool(backend) and not any(limits) and kinds == {"full_attention"}

    def run(self, parts: Sequence[Part]) -> list[list[Top]]:
        """What follows each token of each part that an answer is wanted after."""
        import torch

        with torch.inference_mode(), self._own_attention():
            hidden = self._hidden(parts)
            wanted: list[int] = []
            start = 0
            for part in parts:
                start += len(part.tokens)
                wanted += range(start - part.answers, start)
            asked = [(part, i) for part in parts for i in range(part.answers)]
            tops = [top for chunk in self._chunks(asked, wanted) for top in self._tops(hidden, *chunk)]
        answers = iter(tops)
        return [[next(answers) for _ in range(part.answers)] for part in parts]

    def hidden(self, parts: Sequence[Part]) -> Any:
        """Last hidden states of all tokens of the parts, one after another, `(tokens, size)`."""
        import torch

        with torch.inference_mode(), self._own_attention():
            return self._hidden(parts)

    @contextmanager
    def _own_attention(self) -> Iterator[None]:
        usual = self._config._attn_implementation
        self._config._attn_implementation = _NAME
        try:
            yield
        finally:
            self._config._attn_implementation = usual

    def _hidden(self, parts: Sequence[Part]) -> Any:
        import torch

        tokens = [token for part in parts for token in part.tokens]
        positions: list[int] = []
        for part in parts:
            before = part.memory.length
            positions += part.positions or range(before, before + len(part.tokens))
        device = self._model.device
        return self._model.base_model(
            input_ids=torch.tensor([tokens], device=device),
            position_ids=torch.tensor([positions], device=device),
            use_cache=False,
            feed=_Feed(parts),
        ).last_hidden_state[0]

    def _chunks(self, asked: list[tuple[Part, int]], places: list[int]) -> Iterator[tuple[list[Any], list[int]]]:
        step = max(1, _HEAD_ELEMENTS[self._model.device.type] // int(self._config.vocab_size))
        for first in range(0, len(asked), step):
            yield asked[first : first + step], places[first : first + step]

    def _tops(self, hidden: Any, asked: list[tuple[Part, int]], places: list[int]) -> list[Top]:
        import torch

        logits = logits_of(self._model, hidden[torch.tensor(places, device=hidden.device)])
        norms = torch.logsumexp(logits, dim=-1)
        best = logits.argmax(dim=-1)
        likeliest = list(zip(best.tolist(), (logits.gather(1, best[:, None])[:, 0] - norms).tolist(), strict=True))
        made: list[Top] = []
        for row, (part, index) in enumerate(asked):
            allowed = part.allowed[index] if part.allowed else ()
            if part.width == 1 and not allowed:
                made.append(([likeliest[row][0]], [likeliest[row][1]]))
            else:
                made.append(_widest(logits[row] - norms[row], part.width, allowed))
        return made

    def _check(self) -> float:
        """The largest difference of a log-probability from one sequence at a time, in nats."""
        import torch

        size = min(int(self._config.vocab_size), 2000)
        rows = [[n * n * 31 % size for n in range(1, 9)], [n * 17 % size for n in range(3, 8)]]
        sequences = [Memory(4) for _ in rows]
        self.run([Part(s, row[:-2]) for s, row in zip(sequences, rows, strict=True)])
        for sequence, row in zip(sequences, rows, strict=True):
            sequence.length = len(row) - 2
        made = self.run([Part(s, row[-2:], 2, 3) for s, row in zip(sequences, rows, strict=True)])
        worst = 0.0
        for row, tops in zip(rows, made, strict=True):
            with torch.inference_mode():
                logits = self._model(input_ids=torch.tensor([row], device=self._model.device), use_cache=False).logits
            logp = torch.log_softmax(logits[0, -2:].float(), dim=-1)
            for line, (tokens, values) in zip(logp, tops, strict=True):
                worst = max(worst, float((line[tokens].cpu() - torch.tensor(values)).abs().max()))
        return worst

    def _tolerance(self) -> float:
        import torch

        return 1e-4 if self._model.dtype == torch.float32 else 0.2


def _widest(logp: Any, width: int, allowed: Sequence[int]) -> Top:
    """The likeliest tokens of those that are allowed."""
    import torch

    if not allowed:
        values, tokens = logp.topk(min(width, len(logp)))
        return tokens.tolist(), values.tolist()
    ids = torch.tensor(allowed, device=logp.device)
    values, order = logp[ids].topk(min(width, len(ids)))
    return ids[order].tolist(), values.tolist()
