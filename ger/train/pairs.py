"""Lists as a hypotheses-to-transcription model learns from them: prompts and answers, in tokens and in batches."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from ger.context import context_of
from ger.errors import InputError
from ger.lm.chat import PromptReader
from ger.prompting import Prompt
from ger.protocols import GenerateRequest
from ger.train.h2t_recipe import H2TOptions
from ger.types import Hypothesis, NBest

__all__ = ["Item", "Pair", "Reader", "batches", "parts", "varied"]

#: Lists that are corrected together.
_ROWS = 24


class Item(Protocol):
    """What is learned from at once."""

    @property
    def length(self) -> int:
        """Tokens that it takes in a batch of its like, padding included."""
        ...


_Item = TypeVar("_Item", bound=Item)


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


class Reader:
    """Makes pairs of lists, and texts of what the model writes.

    Args:
        prompt: What is put around a list.
        model: A causal language model of transformers.
        tokenizer: Its tokenizer.
        name: Its name, for messages.
        options: How many hypotheses, and whether the task is told.
    """

    def __init__(self, prompt: Prompt, model: Any, tokenizer: Any, name: str, options: H2TOptions) -> None:
        self._prompt = replace(prompt, most=options.nbest)
        self._model, self._tokenizer, self._options = model, tokenizer, options
        self._reader = PromptReader(tokenizer, name)
        self._limit = context_of(model)
        named = getattr(model.generation_config, "eos_token_id", None)
        self._ends = {tokenizer.eos_token_id, *(named if isinstance(named, list) else [named])} - {None}

    def of(self, nbest: NBest, epoch: int | None = None) -> Pair:
        """The pair of a list with a reference; in an epoch, varied as the options say.

        Raises:
            InputError: it is longer than the model's context; names the id.
        """
        return self.pair(nbest, self._prompt.answer_for(nbest), epoch)

    def pair(self, nbest: NBest, answer: str, epoch: int | None = None) -> Pair:
        """The same with another answer."""
        seen = nbest if epoch is None else varied(nbest, self._options, epoch)
        prompt = self._rendered(seen)
        pair = Pair(nbest.id, self._tokens(prompt), tuple(self._reader.answer(prompt, answer, self._ends)))
        self._check(nbest, pair.length)
        return pair

    def request(self, nbest: NBest, beams: int) -> GenerateRequest:
        """What a backend is asked, so that it writes several answers to a list."""
        return GenerateRequest(self._rendered(nbest), self._room(nbest), beams)

    def text(self, answer: str, nbest: NBest) -> str:
        """The transcript that an answer stands for; empty where it stands for none."""
        return self._prompt.read(answer, nbest) or ""

    def check(self, lists: Sequence[NBest], held: Sequence[NBest]) -> None:
        """See that lists fit into the model's context: to be learned from, and to be corrected; what `of` raises."""
        for nbest in lists:
            self.of(nbest)
        for nbest in held:
            self._check(nbest, len(self._tokens(self._rendered(nbest))) + self._room(nbest))

    def answers(self, lists: Sequence[NBest]) -> list[str]:
        """What the model writes for lists, greedily, as texts; nothing for lists without hypotheses."""
        asked = [(i, self._tokens(self._rendered(nbest))) for i, nbest in enumerate(lists) if nbest.hypotheses]
        asked.sort(key=lambda item: -len(item[1]))
        texts = [""] * len(lists)
        for begin in range(0, len(asked), _ROWS):
            some = asked[begin : begin + _ROWS]
            room = max(self._room(lists[i]) for i, _ in some)
            for (i, _), row in zip(some, self._written([tokens for _, tokens in some], room), strict=True):
                text = self._tokenizer.decode(row, skip_special_tokens=True)
                texts[i] = self.text(text, lists[i])
        return texts

    def _written(self, prompts: Sequence[Sequence[int]], room: int) -> Any:
        """Tokens that the model writes behind prompts, the longest of which comes first."""
        import torch

        end, longest = self._tokenizer.eos_token_id, len(prompts[0])
        ids = torch.tensor([[end] * (longest - len(prompt)) + [*prompt] for prompt in prompts])
        mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        with torch.inference_mode():
            written = self._model.generate(
                input_ids=ids.to(self._model.device),
                attention_mask=mask.to(self._model.device),
                max_new_tokens=room,
                do_sample=False,
                num_beams=1,
                eos_token_id=sorted(self._ends),
                pad_token_id=end,
            )
        return written[:, longest:]

    def _rendered(self, nbest: NBest) -> Any:
        return self._prompt.render(nbest, task=str(nbest.meta.get("task", "")) if self._options.tags else "")

    def _tokens(self, prompt: Any) -> tuple[int, ...]:
        return tuple(self._reader.prompt(prompt)) or (self._tokenizer.eos_token_id,)

    def _check(self, nbest: NBest, length: int) -> None:
        if length > self._limit:
            raise InputError(
                f"List {nbest.id!r} takes {length} tokens, and the model reads {self._limit}.",
                "Leave that list out, lower nbest, or use a model with a longer context.",
            )

    def _room(self, nbest: NBest) -> int:
        """Tokens that an answer may have."""
        lengths = [len(self._reader.plain(hypothesis.text)) for hypothesis in self._prompt.shown(nbest)]
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


def batches(data: Sequence[_Item], size: int, seed: str) -> list[list[_Item]]:
    """The items in batches of like length, in an order that the seed fixes."""
    order = random.Random(seed)
    shuffled = order.sample(data, len(data))
    made = []
    for begin in range(0, len(shuffled), 16 * size):
        window = sorted(shuffled[begin : begin + 16 * size], key=lambda item: item.length)
        made += [window[i : i + size] for i in range(0, len(window), size)]
    order.shuffle(made)
    return made


def parts(batch: Sequence[_Item], budget: int) -> Iterator[list[_Item]]:
    """Runs of items of at most the token budget, padding included."""
    part: list[_Item] = []
    for item in sorted(batch, key=lambda item: -item.length):
        if part and (len(part) + 1) * part[0].length > budget:
            yield part
            part = []
        part.append(item)
    if part:
        yield part
