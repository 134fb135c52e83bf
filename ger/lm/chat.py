"""Prompts in tokens: plain text as it is, conversations in the model's chat template."""

from __future__ import annotations

from typing import Any

from ger.protocols import Message
from ger.text.tokens import well_formed

__all__ = ["encoded"]


def encoded(tokenizer: Any, prompt: str | tuple[Message, ...]) -> list[int]:
    """Token ids of a prompt; special tokens written out in it are plain text.

    Args:
        tokenizer: Of transformers.
        prompt: A text, which begins as the model's texts do, or a conversation.
    """
    assert isinstance(prompt, str)
    ids: list[int] = tokenizer(well_formed(prompt), split_special_tokens=True).input_ids
    return ids[:-1] if ids and ids[-1] == tokenizer.eos_token_id else ids
