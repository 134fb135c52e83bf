"""What a causal language model has read is kept for texts that begin alike: with running context, all of a recording.

Each text of a recording stands behind what was said before it, which is mostly what stood before the last one. The keys
and values of these tokens are kept from call to call, so only what is new goes through the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import filterfalse
from typing import Any

import numpy as np

from ger.lm.tree import Ints, Pack, Tree
from llm_backends.packed import Logp, target_logp
from llm_backends.rows import Memory, Part, RowModel

__all__ = ["KeptScorer", "worth_keeping"]

#: A beginning of so many tokens is worth keeping.
_LEAST = 32

#: So many tokens are kept; one of SmolLM2 135M in float32 takes 46 KB.
_MOST = {"cpu": 2048, "cuda": 8192}


def worth_keeping(tree: Tree) -> bool:
    """Whether a tree begins with enough tokens that are given."""
    return tree.given >= _LEAST


@dataclass(frozen=True, slots=True)
class _Kept:
    """Tokens that texts began with, and what the model computed of them."""

    tokens: Ints
    memory: Memory

    def common(self, tokens: Ints) -> int:
        """How many tokens others begin with that these begin with, too."""
        size = min(len(self.tokens), len(tokens))
        differ = np.flatnonzero(self.tokens[:size] != tokens[:size])
        return int(differ[0]) if len(differ) else size


class KeptScorer:
    """Scores trees, and keeps what they begin with.

    Args:
        rows: Runs the model.
        model: The same model.
    """

    def __init__(self, rows: RowModel, model: Any) -> None:
        self._rows, self._model = rows, model
        self._most = _MOST[model.device.type]
        self._kept: list[_Kept] = []  # that of last use comes last

    @property
    def tokens(self) -> int:
        """How many tokens are kept."""
        return sum(len(one.tokens) for one in self._kept)

    def split(self, grown: Sequence[Tree]) -> tuple[list[Tree], list[Tree]]:
        """Trees that begin with something worth keeping, none where that is more than is kept, and the others."""
        going = [*filter(worth_keeping, grown)]
        if sum(tree.given for tree in going) > self._most:
            return [], list(grown)
        return going, [*filterfalse(worth_keeping, grown)]

    def groups(self, grown: Sequence[Tree], budget: int) -> Iterator[list[Tree]]:
        """Trees that go through the model together: at most `budget` tokens that are new, one tree at least."""
        group: list[Tree] = []
        size = 0
        for tree in grown:
            new = len(tree.tokens) - self._longest(tree)[0]
            if group and size + new > budget:
                yield group
                group, size = [], 0
            group.append(tree)
            size += new
        if group:
            yield group

    def logp(self, grown: Sequence[Tree], pack: Pack) -> Logp:
        """log p of each target (nats) of a pack that is these trees end to end."""
        import torch

        parts = [self._part(tree) for tree in grown]
        new = np.concatenate([np.arange(len(t.tokens)) >= p.memory.length for t, p in zip(grown, parts, strict=True)])
        with torch.inference_mode():
            hidden = self._rows.hidden(parts)
            nodes = (np.cumsum(new) - 1)[pack.nodes]
            logp = target_logp(self._model, hidden, nodes, pack.edges, pack.targets)
        for tree, part in zip(grown, parts, strict=True):
            part.memory.length = tree.given
            self._keep(_Kept(tree.tokens[: tree.given], part.memory))
        return logp

    def forget(self) -> None:
        """Keep nothing."""
        self._kept.clear()

    def _longest(self, tree: Tree) -> tuple[int, Memory | None]:
        """How many tokens of the beginning of a tree are kept, and where."""
        begin = tree.tokens[: tree.given]
        return max(((one.common(begin), one.memory) for one in self._kept), key=lambda row: row[0], default=(0, None))

    def _part(self, tree: Tree) -> Part:
        """What of a tree is new."""
        known, begun = self._longest(tree)
        memory = Memory(len(tree.tokens), begun)
        memory.length = known
        ends = (tree.ends[known:] - known).tolist()
        return Part(memory, tree.tokens[known:].tolist(), positions=tree.depths[known:].tolist(), ends=ends)

    def _keep(self, new: _Kept) -> None:
        """Keep one more in the place of those that it begins with, and let go of those that were not used for long."""
        longest = next((one for one in self._kept if one.common(new.tokens) == len(new.tokens)), new)
        self._kept = [one for one in self._kept if one.common(longest.tokens) < len(one.tokens)]
        self._kept.append(longest)
        while self.tokens > self._most:
            del self._kept[0]
