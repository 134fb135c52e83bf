"""N-best lists as a rescorer learns from them: different texts, their word errors, and the first pass's opinion."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from ger.errors import InputError
from ger.text.form import apply
from ger.text.normalize import normalize
from ger.train.recipe import RescorerOptions
from ger.train.scalar import ScalarModel
from ger.train.splits import apart
from ger.types import NBest

__all__ = ["Example", "batches", "encoded", "examples", "parts", "scored", "split"]


@dataclass(frozen=True, slots=True)
class Example:
    """One list as it is learned from: different texts, best first.

    Attributes:
        id: The list's.
        texts: In the written form that the model reads.
        errors: Word errors of each.
        first: The first pass's opinion of each (nats).
        words: Words of the reference.
        reference: The normalized reference.
    """

    id: str
    texts: tuple[str, ...]
    errors: tuple[int, ...]
    first: tuple[float, ...]
    words: int
    reference: str

    @property
    def informative(self) -> bool:
        """Whether one choice is better than another."""
        return len(set(self.errors)) > 1

    def longest(self, rows: Mapping[str, list[int]]) -> int:
        """Most tokens of a text, given the token ids of every text."""
        return max(len(rows[text]) for text in self.texts)


def examples(lists: Sequence[NBest], options: RescorerOptions) -> list[Example]:
    """Lists as they are learned from; those without hypotheses are left out.

    Raises:
        InputError: a list has no reference, or no score where scores are asked for; names the id.
    """
    lists = [nbest for nbest in lists if nbest.hypotheses]
    use_scores = scored(lists, options)
    return [_example(nbest, options, use_scores=use_scores) for nbest in lists]


def _example(nbest: NBest, options: RescorerOptions, *, use_scores: bool) -> Example:
    if nbest.reference is None:
        raise InputError(f"List {nbest.id!r} has no reference.", "Training needs the reference of every list.")
    reference = normalize(nbest.reference, options.normalizer).split()
    firsts: dict[str, int] = {}
    for i, hypothesis in enumerate(nbest.hypotheses):
        firsts.setdefault(apply(hypothesis.text, options.form), i)
    chosen = [nbest.hypotheses[i] for i in firsts.values()]
    return Example(
        id=nbest.id,
        texts=tuple(firsts),
        errors=tuple(Levenshtein.distance(reference, normalize(h.text, options.normalizer).split()) for h in chosen),
        first=tuple(
            float(h.score or 0) if use_scores else -math.log(1 + i)
            for h, i in zip(chosen, firsts.values(), strict=True)
        ),
        words=len(reference),
        reference=" ".join(reference),
    )


def scored(lists: Sequence[NBest], options: RescorerOptions) -> bool:
    """Whether the first pass's scores are used; never in some lists only."""
    if options.first_pass == "rank":
        return False
    missing = next((n for n in lists if any(h.score is None or not math.isfinite(h.score) for h in n.hypotheses)), None)
    if missing and options.first_pass == "score":
        raise InputError(f"List {missing.id!r} has a hypothesis without score.", 'Use first_pass = "rank".')
    return missing is None


def split(data: Sequence[Example], options: RescorerOptions) -> tuple[list[Example], list[Example]]:
    """Training and validation; lists with the same reference stay together, or the validation would be known."""
    if options.max_lists:
        data = random.Random(options.seed).sample(data, min(options.max_lists, len(data)))
    return apart(data, options.validation, options.seed, lambda example: example.reference)


def encoded(data: Sequence[Example], model: ScalarModel) -> dict[str, list[int]]:
    """Token ids of every text.

    Raises:
        InputError: a text is longer than the model's context.
    """
    rows = {}
    for example in data:
        for text in example.texts:
            if text not in rows:
                rows[text] = model.encode(text)
            if len(rows[text]) > model.limit:
                raise InputError(
                    f"List {example.id!r} has a hypothesis of {len(rows[text])} tokens.",
                    f"{model.name} reads {model.limit}: leave that list out or cut it.",
                )
    return rows


def batches(
    data: Sequence[Example], rows: dict[str, list[int]], options: RescorerOptions, number: int
) -> list[list[Example]]:
    """The lists of an epoch in batches of similar length, in an order of the epoch's own."""
    order = random.Random(f"{options.seed}-{number}")
    shuffled = order.sample(data, len(data))
    size = options.batch_lists
    made = []
    for begin in range(0, len(shuffled), 16 * size):
        window = sorted(shuffled[begin : begin + 16 * size], key=lambda example: example.longest(rows))
        made += [window[i : i + size] for i in range(0, len(window), size)]
    order.shuffle(made)
    return made


def parts(batch: Sequence[Example], rows: dict[str, list[int]], budget: int) -> Iterator[list[Example]]:
    """Lists in runs of at most the token budget, padding included, but whole."""
    part: list[Example] = []
    texts = longest = 0
    for example in batch:
        wider = max(longest, example.longest(rows))
        if part and (texts + len(example.texts)) * wider > budget:
            yield part
            part, texts, wider = [], 0, example.longest(rows)
        part.append(example)
        texts, longest = texts + len(example.texts), wider
    if part:
        yield part
