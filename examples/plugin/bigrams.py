"""Probabilities of word pairs, counted in a text."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from ger.errors import ModelError
from ger.protocols import Answer, GenerateRequest, LmOptions, ScoreRequest
from ger.text.normalize import normalize


class Bigrams:
    """Word pairs with one added to every count; `--llm` names a text file, one sentence a line."""

    def __init__(self, options: LmOptions) -> None:
        self._path = Path(options.model)
        lines = self._path.read_text(encoding="utf-8").splitlines()
        sentences = [["<s>", *normalize(line).split(), "</s>"] for line in lines]
        self._pairs = Counter(pair for words in sentences for pair in pairwise(words))
        self._words = Counter(word for words in sentences for word in words[:-1])

    @property
    def signature(self) -> str:
        return f"bigrams:{self._path.name}"

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
        return [[self._score(r.prefix, text) for text in r.continuations] for r in requests]

    def generate(self, requests: Sequence[GenerateRequest]) -> list[tuple[Answer, ...]]:
        raise ModelError("bigrams cannot generate text.", "Use another backend.")

    def _score(self, prefix: str, text: str) -> float:
        given = ["<s>", *normalize(prefix).split()]
        words = [given[-1], *normalize(text).split(), "</s>"]
        total = len(self._words) + 1
        return sum(math.log((self._pairs[a, b] + 1) / (self._words[a] + total)) for a, b in pairwise(words))
