"""Hotwords for lists that name none: what a model of hotwords can be learned from."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from ger.text.common import RARE, Commonness, commonness
from ger.text.normalize import normalize
from ger.types import NBest

__all__ = ["with_made_up"]


def with_made_up(lists: Sequence[NBest], size: int = 100, seed: int = 0) -> list[NBest]:
    """Lists that name no hotwords with some made up: the rare words of the reference among others.

    The others are as many rare words of other references as of the word list of the language, where there is one.

    Args:
        lists: Lists with references.
        size: How many hotwords a list gets.
        seed: Of the choice.
    """
    rare = [_rare(nbest) for nbest in lists]
    pool = sorted(set().union(*rare)) if rare else []
    listed = {known: known.below(RARE) for known in set(map(_known, lists))}
    chance = random.Random(seed)
    made = []
    for nbest, own in zip(lists, rare, strict=True):
        pools = [words for words in (pool, listed[_known(nbest)]) if words]
        others = [chance.choice(chance.choice(pools)) for _ in range(2 * size)] if pools else []
        more = [word for word in dict.fromkeys(others) if word not in own][: max(0, size - len(own))]
        context = replace(nbest.context, hotwords=nbest.context.hotwords or tuple(sorted([*own, *more])))
        made.append(replace(nbest, context=context))
    return made


def _known(nbest: NBest) -> Commonness:
    return commonness(nbest.language, [nbest.reference or ""])


def _rare(nbest: NBest) -> set[str]:
    words, known = normalize(nbest.reference or "").split(), _known(nbest)
    return {word for word in words if known.of(word) < RARE and not word.isdigit()}
