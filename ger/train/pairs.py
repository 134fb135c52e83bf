"""Lists as a hypotheses-to-transcription model learns from them: prompts and answers, in tokens and in batches."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ger.errors import InputError
from ger.lm.chat import encoded
from ger.prompting import Prompt
from ger.text.tokens import well_formed
from ger.train.h2t_recipe import H2TOptions
from ger.types import Hypothesis, NBest

#: Lists that are corrected together.
_ROWS = 24

__all__ = ["Pair", "Pairs", "batches", "parts", "varied"]


@dataclass(frozen=True, slots=True)
class Pair:
    """A prompt and its answer in tokens, the end of the text included; the answer alone is learned."""

    id: str
    prompt: tuple[int, ...]
    answer: tuple[int, ...]

    @property
    def length(self) -> int:
        """Tokens of both."""
        return len(self.prompt) + len(self.answer)


class Pairs:
    """Makes pairs of lists.

    Args:
        prompt: What is put around a list.
        tokenizer: The model's.
        options: How many hypotheses, and whether the task is told.
        limit: Most tokens of a pair.
    """

    def __init__(self, prompt: Prompt, tokenizer: Any, options: H2TOptions, limit: int) -> None:
        self._prompt = replace(prompt, most=options.nbest)
        self._tokenizer = tokenizer
        self._options = options
        self._limit = limit

    def check(self, lists: Iterable[NBest]) -> None:
        """See that all lists fit into the model's context; what `of` raises."""
        for nbest in lists:
            self.of(nbest)

    def of(self, nbest: NBest, epoch: int | None = None) -> Pair:
        """The pair of a list with a reference; in an epoch, varied as the options say.

        Raises:
            InputError: it is longer than the model's context; names the id.
        """
        task = str(nbest.meta.get("task", "")) if self._options.tags else ""
        seen = nbest if epoch is None else varied(nbest, self._options, epoch)
        prompt = encoded(self._tokenizer, self._prompt.render(seen, task=task))
        answer = self._tokenizer(well_formed(self._prompt.answer_for(nbest)), add_special_tokens=False).input_ids
        pair = Pair(nbest.id, tuple(prompt), (*answer, self._tokenizer.eos_token_id))
        if pair.length > self._limit:
            raise InputError(
                f"List {nbest.id!r} takes {pair.length} tokens, and the model reads {self._limit}.",
                "Leave that list out, lower nbest, or use a model with a longer context.",
            )
        return pair

    def answers(self, model: Any, lists: Sequence[NBest]) -> list[str]:
        """What a model writes for lists, greedily, as texts."""
        import torch

        end = self._tokenizer.eos_token_id
        pairs = sorted(((i, self.of(nbest)) for i, nbest in enumerate(lists)), key=lambda item: -item[1].length)
        texts = [""] * len(pairs)
        for begin in range(0, len(pairs), _ROWS):
            some = pairs[begin : begin + _ROWS]
            longest = max(len(pair.prompt) for _, pair in some)
            ids = torch.tensor([[end] * (longest - len(pair.prompt)) + [*pair.prompt] for _, pair in some])
            mask = torch.tensor([[0] * (longest - len(pair.prompt)) + [1] * len(pair.prompt) for _, pair in some])
            with torch.inference_mode():
                written = model.generate(
                    input_ids=ids.to(model.device),
                    attention_mask=mask.to(model.device),
                    max_new_tokens=max(self._room(lists[i]) for i, _ in some),
                    do_sample=False,
                    pad_token_id=end,
                )
            for (i, _), row in zip(some, written[:, longest:], strict=True):
                text = self._tokenizer.decode(row, skip_special_tokens=True)
                texts[i] = self._prompt.read(text, lists[i]) or ""
        return texts

    def _room(self, nbest: NBest) -> int:
        """Tokens that an answer may have."""
        lengths = [len(self._tokenizer(well_formed(h.text)).input_ids) for h in nbest.hypotheses]
        return 16 + max(lengths, default=0) * 3 // 2


def varied(nbest: NBest, options: H2TOptions, epoch: int) -> NBest:
    """The list with hypotheses left out or in another order; the same for the same epoch, id and seed."""
    if not options.drop_hypotheses and not options.shuffle_hypotheses:
        return nbest
    order = random.Random(f"{options.seed}-{epoch}-{nbest.id}")
    kept: list[Hypothesis] = [h for h in nbest.hypotheses if order.random() >= options.drop_hypotheses]
    kept = kept or [*nbest.hypotheses[:1]]
    if order.random() < options.shuffle_hypotheses:
        order.shuffle(kept)
    return replace(nbest, hypotheses=tuple(kept))


def batches(data: Sequence[Pair], size: int, seed: str) -> list[list[Pair]]:
    """The pairs in batches of like length, in an order that the seed fixes."""
    order = random.Random(seed)
    shuffled = order.sample(data, len(data))
    made = []
    for begin in range(0, len(shuffled), 16 * size):
        window = sorted(shuffled[begin : begin + 16 * size], key=lambda pair: pair.length)
        made += [window[i : i + size] for i in range(0, len(window), size)]
    order.shuffle(made)
    return made


def parts(batch: Sequence[Pair], budget: int) -> Iterator[list[Pair]]:
    """Runs of pairs of at most the token budget, padding included."""
    part: list[Pair] = []
    for pair in sorted(batch, key=lambda pair: -pair.length):
        if part and (len(part) + 1) * part[0].length > budget:
            yield part
            part = []
        part.append(pair)
    if part:
        yield part
