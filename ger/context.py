"""How much text a model of transformers reads at once."""

from __future__ import annotations

from typing import Any

__all__ = ["context_of"]


def context_of(model: Any) -> int:
    """Most tokens of a text, special ones included; a million where the model sets no limit.

    RoBERTa and its kin count positions from after the one for padding, so theirs is less than the configuration says.

    Args:
        model: A model of transformers, with or without a head.
    """
    limit = int(getattr(model.config, "max_position_embeddings", 0) or 1_000_000)
    embeddings = getattr(model.base_model, "embeddings", None)
    padding = getattr(embeddings, "padding_idx", None)
    return limit if padding is None else limit - padding - 1
