"""Hotwords: words and phrases that may occur, in all recordings of a run or in one of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain

__all__ = ["Hotword", "Hotwords"]


@dataclass(frozen=True, slots=True)
class Hotword:
    """A word or phrase that may occur.

    Attributes:
        text: As it is to be written.
        weight: How readily it is put in; 1 as usual, above 0.
        sounds: Spellings that say how it is spoken, where its own does not.
    """

    text: str
    weight: float = 1.0
    sounds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hotwords:
    """The hotwords of a run.

    A recording's own come in addition to those of all.

    Attributes:
        entries: Those of all recordings.
        recordings: Those of one recording, by its path, its file name or that without the ending.
    """

    entries: tuple[Hotword, ...] = ()
    recordings: Mapping[str, tuple[Hotword, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.entries or self.recordings)

    def own(self, recording: str) -> tuple[Hotword, ...]:
        """Those of a recording alone, without those of all.

        Args:
            recording: A path or a name, such as `calls/call-7.wav` or `call-7`; the most exact match counts.
        """
        return self.recordings.get(self.named(recording), ())

    def named(self, recording: str) -> str:
        """The name under which a recording has its own; empty for none.

        Args:
            recording: As for `own`.
        """
        if not self.recordings:
            return ""
        name = re.split(r"[/\\]", recording)[-1]
        names = (recording, name, name.rpartition(".")[0])
        return next((found for found in names if found and found in self.recordings), "")

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of those of all recordings, those of the greatest weight first."""
        return tuple(item.text for item in sorted(self.entries, key=lambda item: -item.weight))

    @property
    def sounds(self) -> tuple[tuple[str, str], ...]:
        """Spellings that say how they are spoken, those of single recordings too: the spelling, the text."""
        every = chain(self.entries, *self.recordings.values())
        return tuple((spelling, item.text) for item in every for spelling in item.sounds)
