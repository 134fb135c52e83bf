"""Lists out of several files: the texts of several systems, and references from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ger.errors import InputError
from ger.types import Hypothesis, NBest

__all__ = ["attach_references", "join_systems"]


def join_systems(systems: Mapping[str, Mapping[str, str]], references: Mapping[str, str] | None = None) -> list[NBest]:
    """One list an utterance out of the texts of several systems: one hypothesis a system, in the order given.

    Each hypothesis has the name of its system in `extra["system"]`; repeats stay. Lists come in the order of the
    references, without these in that of the first system.

    Raises:
        InputError: an utterance is missing in a system or in the references.
    """
    sides = {f"System {name!r}": texts for name, texts in systems.items()}
    if references is not None:
        sides = {"The reference file": references} | sides
    order = list(dict.fromkeys(key for texts in sides.values() for key in texts))
    for side, texts in sides.items():
        _complete(side, texts, order)
    return [
        NBest(
            key,
            tuple(Hypothesis(texts[key], extra={"system": name}) for name, texts in systems.items()),
            reference=references[key] if references is not None else None,
        )
        for key in order
    ]


def attach_references(lists: Iterable[NBest], references: Mapping[str, str]) -> Iterator[NBest]:
    """The lists with their references.

    Raises:
        InputError: a list has no reference, or, told after the last list, a reference has no list.
    """
    seen: set[str] = set()
    for nbest in lists:
        _complete("The reference file", references, [nbest.id])
        seen.add(nbest.id)
        yield replace(nbest, reference=references[nbest.id])
    _complete("The list file", seen, list(references))


def _complete(side: str, has: Iterable[str], wanted: list[str]) -> None:
    held = has if isinstance(has, Mapping | set) else set(has)
    missing = [key for key in wanted if key not in held]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise InputError(
            f"{side} has no utterance {missing[0]!r}{more}.", "Both sides need the same ids: check that they belong."
        )
