"""Lists out of several files: the texts of several systems, and references from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import PurePath

from ger.errors import InputError
from ger.types import Correction, Hypothesis, NBest

__all__ = ["NAMES", "Joined", "attach_references", "join_references", "join_systems", "recording_of", "recordings_of"]

_NUMBERED = re.compile(r"(.+)(?:/[^/]*|-\d+)")
_REFERENCES = "The reference file"
_SAME = "Both sides need the same ids: check that they belong."
#: What errors say about the ids of references.
NAMES = "References go by the ids of lists, or by the ids or file names of recordings that have one list each."
_SOME = "Where only some lists have one, ger transcribe LISTS --reference FILE -o OUT gives it to these."


@dataclass(frozen=True, slots=True)
class Joined:
    """Which lists references are for.

    Attributes:
        lists: Ids of lists by the id of their reference: one list, or all of a recording, in order.
        without: Ids of the lists that no reference is for.
        unused: Ids of the references that are for no list.
    """

    lists: Mapping[str, tuple[str, ...]]
    without: tuple[str, ...]
    unused: tuple[str, ...]

    @property
    def own(self) -> dict[str, str]:
        """The id of its reference by the id of each list that has one of its own."""
        return {keys[0]: name for name, keys in self.lists.items() if len(keys) == 1}

    @property
    def whole(self) -> dict[str, tuple[str, ...]]:
        """The recordings with several lists: a reference of the whole is that of none of them."""
        return {name: keys for name, keys in self.lists.items() if len(keys) > 1}


def recording_of(id: str) -> str:
    """What an utterance is a part of by its id: `talk` of `talk/0012` and Kaldi's `talk-0012`; empty where unknown."""
    numbered = _NUMBERED.fullmatch(id)
    return numbered[1] if numbered else ""


def recordings_of(lists: Iterable[NBest | Correction]) -> dict[str, str]:
    """The path of its audio by the id of each list, empty where it is not known."""
    return {nbest.id: nbest.audio.path if nbest.audio else "" for nbest in lists}


def join_references(lists: Mapping[str, str | None], references: Collection[str]) -> Joined:
    """Find the lists that references are for.

    A reference is for the list of its id; else for the recording of which it is the id, the path or the name of the
    file, with its extension or without, if none of the recording's lists has a reference by its own id. What may be the
    name of several recordings is the name of none, but ids and paths go before names of files.

    Args:
        lists: The path of its audio by the id of each list (`recordings_of`); `None` for one of a recording that is not
            there as a whole, so that only its own id counts.
        references: Their ids.
    """
    found: dict[str, tuple[str, ...]] = {key: (key,) for key in lists if key in references}
    recordings: dict[str, list[str]] = {}
    for key, path in lists.items():
        if path is not None and (recording := path or recording_of(key)):
            recordings.setdefault(recording, []).append(key)
    names = {recording: _names(keys[0], lists[keys[0]] or "") for recording, keys in recordings.items()}
    owners = _owners(names)
    for recording, keys in recordings.items():
        known = (name for name in chain(*names[recording]) if name in references and owners.get(name) == recording)
        if not any(key in found for key in keys) and (name := next(known, None)):
            found[name] = tuple(keys)
    held = {key for keys in found.values() for key in keys}
    return Joined(
        found, tuple(key for key in lists if key not in held), tuple(key for key in references if key not in found)
    )


def _names(id: str, path: str) -> tuple[list[str], list[str]]:
    """What a recording is called, by the id and the audio of its first list; and what its file is called."""
    pure = PurePath(path)
    files = [str(pure.with_suffix("")), pure.name, pure.stem] if pure.name else []
    return [name for name in (recording_of(id), path) if name], files


def _owners(names: Mapping[str, tuple[list[str], list[str]]]) -> dict[str, str]:
    """The recording of each name that is that of one alone."""
    owners: dict[str, set[str]] = {}
    for level in (1, 0):  # what stands nearer takes the place of names of files
        own: dict[str, set[str]] = {}
        for recording, both in names.items():
            for name in both[level]:
                own.setdefault(name, set()).add(recording)
        owners |= own
    return {name: next(iter(own)) for name, own in owners.items() if len(own) == 1}


def join_systems(systems: Mapping[str, Mapping[str, str]], references: Mapping[str, str] | None = None) -> list[NBest]:
    """One list an utterance out of the texts of several systems: one hypothesis a system, in the order given.

    Each hypothesis has the name of its system in `extra["system"]`; repeats stay. Lists come in the order of the
    references (`join_references`), without these in that of the first system.

    Raises:
        InputError: an utterance is missing in a system or in the references, or a recording with a reference has
            several utterances.
    """
    sides = {f"System {name!r}": texts for name, texts in systems.items()}
    if references is not None:
        joined = join_references({key: "" for texts in systems.values() for key in texts}, references)
        references = _of_lists(joined, references)
        sides = {_REFERENCES: references} | sides
    order = list(dict.fromkeys(key for texts in sides.values() for key in texts))
    for side, texts in sides.items():
        _complete(side, texts, order, _SAME if references is None else NAMES)
    return [
        NBest(
            key,
            tuple(Hypothesis(texts[key], extra={"system": name}) for name, texts in systems.items()),
            reference=references[key] if references is not None else None,
        )
        for key in order
    ]


def attach_references(lists: Sequence[NBest], references: Mapping[str, str]) -> list[NBest]:
    """The lists with their references (`join_references`).

    Raises:
        InputError: a list has no reference, a reference has no list, or a recording with a reference has several lists.
    """
    own = _of_lists(join_references(recordings_of(lists), references), references)
    ids = [nbest.id for nbest in lists]
    _complete(_REFERENCES, own, ids, f"{NAMES} {_SOME}")
    _complete("The list file", ids, own, f"{NAMES} {_SOME}")
    return [replace(nbest, reference=own[nbest.id]) for nbest in lists]


def _of_lists(joined: Joined, references: Mapping[str, str]) -> dict[str, str]:
    """References by the ids of lists, in their order; those without a list stay as they are.

    Raises:
        InputError: one is for several lists.
    """
    if joined.whole:
        name, keys = next(iter(joined.whole.items()))
        more = f" (and {len(joined.whole) - 1} more recordings)" if len(joined.whole) > 1 else ""
        raise InputError(
            f"The reference {name!r}{more} is of a whole recording, of which there are {len(keys)} lists.",
            f"Give references of its segments ({keys[0]!r} …), or score it as a whole: ger score REF HYP. {_SOME}",
        )
    return {(joined.lists[name][0] if name in joined.lists else name): text for name, text in references.items()}


def _complete(side: str, has: Iterable[str], wanted: Iterable[str], hint: str) -> None:
    """Raise where an id is missing; what is there in its place shows what ids look like."""
    held, needed = dict.fromkeys(has), dict.fromkeys(wanted)
    missing = [key for key in needed if key not in held]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        other = next((f" It has {key!r} instead." for key in held if key not in needed), "")
        raise InputError(f"{side} has no utterance {missing[0]!r}{more}.{other}", hint)
