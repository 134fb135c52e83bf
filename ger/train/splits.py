"""Dealing lists into a part to learn from and a part to judge by."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeVar

__all__ = ["apart"]

_Item = TypeVar("_Item")


def apart(
    items: Sequence[_Item], share: float, seed: int, group: Callable[[_Item], str]
) -> tuple[list[_Item], list[_Item]]:
    """Two parts, the second with about that share of the items.

    Items of one group stay together: a part that is judged by must not hold what was learned by heart. One group at
    least is in the first part.

    Args:
        items: What is dealt out.
        share: Share of the second part, 0 to 1.
        seed: Fixes the parts.
        group: Name of an item's group, such as its reference.
    """
    groups: dict[str, list[_Item]] = defaultdict(list)
    for item in items:
        groups[group(item)].append(item)
    order = list(groups.values())
    random.Random(seed).shuffle(order)
    held: list[_Item] = []
    while len(order) > 1 and len(held) < round(share * len(items)):
        held += order.pop()
    return [item for some in order for item in some], held
