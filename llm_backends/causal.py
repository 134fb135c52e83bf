"""What the backends of causal language models share: texts and prompts as tokens, and what becomes of requests.

A text is tokenized as a whole with its prefix, begins with the token that texts begin with, and ends with the end of
text, so that all these backends score the same tokens.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ger.errors import DependencyError, ModelError
from ger.lm.chat import PromptReader
from ger.lm.tree import Encoded
from ger.protocols import Ability, Answer, GenerateRequest, ScoreRequest
from ger.text.tokens import well_formed

__all__ = ["CausalLM", "context_in", "ends_in", "tokenizer_in"]


class CausalLM:
    """A causal language model with a tokenizer of transformers; see `ger.protocols.LanguageModel`."""

    abilities: frozenset[Ability]
    _name: str
    _tokenizer: Any
    _reader: PromptReader
    _limit: int

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
        """See `ger.protocols.LanguageModel`. Equal texts after equal prefixes are scored once.

        Raises:
            ModelError: a text with its prefix is longer than the model's context.
        """
        texts = list(dict.fromkeys((r.prefix, c) for r in requests for c in r.continuations))
        items = [self._encode(index, *text) for index, text in enumerate(texts)]
        totals = dict(zip(texts, self._totals(items), strict=True))
        return [[totals[r.prefix, c] for c in r.continuations] for r in requests]

    def generate(self, requests: Sequence[GenerateRequest]) -> list[tuple[Answer, ...]]:
        """See `ger.protocols.LanguageModel`. Equal requests are answered once.

        Of choices the one with the greatest score is taken.

        Raises:
            ModelError: a prompt with its answer is longer than the model's context, there are slots and the backend
                cannot fill them, or the model failed.
        """
        unique = list(dict.fromkeys(requests))
        if "slots" not in self.abilities and any(request.slots for request in unique):
            raise ModelError(f"{self._name}: this backend cannot fill slots.", "Use the transformers backend.")
        chosen = [r for r in unique if r.choices]
        answers = dict(zip(chosen, self._chosen(chosen), strict=True))
        free = [r for r in unique if not r.choices]
        answers |= zip(free, self._written(free), strict=True)
        return [answers[request] for request in requests]

    def _totals(self, items: list[Encoded]) -> list[float]:
        """Each item's log-probability (nats), by its index."""
        raise NotImplementedError

    def _written(self, requests: list[GenerateRequest]) -> list[tuple[Answer, ...]]:
        """The answers to requests without choices."""
        raise NotImplementedError

    def _chosen(self, requests: list[GenerateRequest]) -> list[tuple[Answer, ...]]:
        """The choices with the greatest scores."""
        choices = [list(dict.fromkeys(map(well_formed, request.choices))) for request in requests]
        items: list[Encoded] = []
        for request, texts in zip(requests, choices, strict=True):
            prompt = self._prompt(request)
            for text in texts:
                ids = [*prompt, *self._reader.plain(text), self._tokenizer.eos_token_id]
                self._check_length(len(ids), text)
                items.append(Encoded(len(items), ids, len(prompt)))
        scored = iter(zip(self._totals(items), items, strict=True))
        made = []
        for request, texts in zip(requests, choices, strict=True):
            found = [(text, *next(scored)) for text in texts]
            best = sorted(found, key=lambda one: -one[1])[: max(1, request.beams)]
            made.append(tuple(Answer(text, score, tokens=len(i.ids) - i.given, steps=1) for text, score, i in best))
        return made

    def _prompt(self, request: GenerateRequest) -> list[int]:
        return self._reader.prompt(request.prompt) or [self._reader.start]

    def _encode(self, index: int, prefix: str, text: str) -> Encoded:
        """Tokens of the whole, so that the border between prefix and text is tokenized as it would be read."""
        start, prefix, text = self._reader.start, well_formed(prefix), well_formed(text)
        encoded = self._tokenizer(
            prefix + text, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=bool(prefix)
        )
        given = sum(end <= len(prefix) for _, end in encoded.offset_mapping) if prefix else 0
        ids = [start, *encoded.input_ids, self._tokenizer.eos_token_id]
        self._check_length(len(ids), text)
        return Encoded(index, ids, 1 + given)

    def _check_length(self, length: int, text: str) -> None:
        if length > self._limit:
            raise ModelError(
                f"{self._name}: {length} tokens do not fit in its context of {self._limit}: {text[:60]!r}…",
                "Use a model with a longer context or shorter segments.",
            )


def tokenizer_in(folder: Path, name: str) -> Any:
    """The tokenizer of transformers in a folder.

    Args:
        folder: The folder.
        name: The model's name, for messages.

    Raises:
        DependencyError: transformers is not installed.
        ModelError: it cannot be loaded, or has no mark for the end of a text.
    """
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise DependencyError("transformers", "transformers") from error
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, ImportError, TypeError, AttributeError) as error:
        raise ModelError(f"{name}: the tokenizer cannot be loaded: {error}.") from error
    if tokenizer.eos_token_id is None:
        raise ModelError(f"{name}: its tokenizer has no mark for the end of a text.", "Use another model.")
    return tokenizer


def ends_in(folder: Path, tokenizer: Any) -> frozenset[int]:
    """The tokens at which the model's makers end an answer."""
    named = _json(folder / "generation_config.json").get("eos_token_id")
    listed = named if isinstance(named, list) else [named] if named is not None else []
    return frozenset([tokenizer.eos_token_id, *listed])


def context_in(config: Path) -> int:
    """Most tokens of a text by a configuration of transformers; a million where it sets no limit."""
    table = _json(config)
    inner = table.get("text_config")
    found = (inner if isinstance(inner, dict) else table).get("max_position_embeddings")
    return int(found or 1_000_000)


def _json(path: Path) -> dict[str, Any]:
    """A JSON object; an empty one where there is none."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
