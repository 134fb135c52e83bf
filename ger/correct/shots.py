"""Few-shot examples: which lists with references a model is shown before the one it is asked about.

Showing the lists that are nearest to the one in question instead of fixed ones is what helps most in-context (Liu et
al. 2022, "What makes good in-context examples for GPT-3?"); the nearest one comes last, right before the question.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ger.errors import UsageError
from ger.io.lists import read_lists
from ger.io.paths import printable
from ger.lm.generation import Shots
from ger.prompting import shown
from ger.text.normalize import normalize
from ger.types import NBest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Examples", "read_examples"]


class Examples:
    """Lists to choose examples from; never the list itself, known by its id or its reference.

    Args:
        lists: Lists with references; those without, and those in which nothing was said, are left out.
        count: How many examples a list is given; fewer where there are not so many.
        select: `fixed`: the first ones; `random`: drawn by the id of the list, so the same in every run; `nearest`:
            those whose 1-best is spelled most like that of the list, the nearest last.

    Raises:
        UsageError: no list can be an example.
    """

    def __init__(self, lists: Sequence[NBest], count: int, select: Shots = "nearest") -> None:
        self._lists = [nbest for nbest in lists if normalize(nbest.reference or "") and shown(nbest, 1)]
        if not self._lists:
            raise UsageError("None of the examples has a reference and a hypothesis.", "Give lists with references.")
        self._count, self._select = count, select
        self._references = [normalize(nbest.reference or "") for nbest in self._lists]
        self._bests = [normalize(nbest.best.text) for nbest in self._lists]

    @property
    def signature(self) -> str:
        """How many, which, and a hash of all of them, on one line."""
        told = json.dumps([nbest.to_json() for nbest in self._lists], sort_keys=True)
        return f"{self._count} {self._select} of {hashlib.sha256(told.encode()).hexdigest()[:8]}"

    def choose(self, lists: Sequence[NBest]) -> list[tuple[NBest, ...]]:
        """The examples for each of some lists."""
        orders = self._nearest(lists) if self._select == "nearest" else [self._order(nbest) for nbest in lists]
        return [self._taken(nbest, order) for nbest, order in zip(lists, orders, strict=True)]

    def _order(self, nbest: NBest) -> Sequence[int]:
        order = list(range(len(self._lists)))
        if self._select == "random":
            random.Random(nbest.id).shuffle(order)
        return order

    def _nearest(self, lists: Sequence[NBest]) -> list[Sequence[int]]:
        import numpy as np
        from rapidfuzz.distance import Levenshtein
        from rapidfuzz.process import cdist

        bests = [normalize(nbest.best.text) for nbest in lists]
        table: npt.NDArray[np.float32] = cdist(bests, self._bests, scorer=Levenshtein.normalized_distance)
        return [np.argsort(row, kind="stable").tolist() for row in table]

    def _taken(self, nbest: NBest, order: Sequence[int]) -> tuple[NBest, ...]:
        said = normalize(nbest.reference or "")
        taken: list[NBest] = []
        for i in order:
            if len(taken) == self._count:
                break
            if self._lists[i].id != nbest.id and self._references[i] != said:
                taken.append(self._lists[i])
        return tuple(reversed(taken) if self._select == "nearest" else taken)


def read_examples(path: str | os.PathLike[str], count: int, select: Shots = "nearest") -> Examples:
    """Examples out of a file of lists, of any format that `ger.io.lists.read_lists` reads.

    Raises:
        InputError: the file cannot be read.
        UsageError: no list in it can be an example; names the file.
    """
    try:
        return Examples(list(read_lists(path)), count, select)
    except UsageError as error:
        raise UsageError(f"{printable(path)}: {error.message}", error.hint) from error
