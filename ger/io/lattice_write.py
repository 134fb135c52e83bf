"""Writing lattices as text of Kaldi and k2, with words as numbers and the table of them beside; `lists_kaldi_lattice`
and `lists_k2` read both.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ger.errors import OutputError
from ger.io.lattice import Lattice, order
from ger.io.output import write_atomic
from ger.io.paths import printable

__all__ = ["write_k2", "write_kaldi"]

_Path = str | os.PathLike[str]


def write_kaldi(path: _Path, lattices: Mapping[str, Lattice]) -> None:
    """Write lattices by utterance, as `lattice-copy ark,t:FILE …` reads them, and `words.txt` beside the file.

    Costs are minus the scores, the acoustic ones without a scale; there are no alignments.

    Raises:
        OutputError: a file cannot be written, or an id or a word holds white space.
    """
    numbers = _write_words(Path(path).parent, lattices)
    write_atomic(path, (line for name, lattice in lattices.items() for line in _kaldi(name, lattice, numbers)))


def write_k2(folder: _Path, lattices: Mapping[str, Lattice], acoustic_scale: float = 1.0) -> None:
    """Write each lattice to `ID.txt`, as `k2.Fsa.from_str` reads it, and `words.txt` with the words of all.

    A score is `acoustic_scale * acoustic + lm`.

    Raises:
        OutputError: a file cannot be written, or an id or a word holds white space or a slash.
        RecordError: a lattice has a cycle.
    """
    numbers = _write_words(Path(folder), lattices)
    for name, lattice in lattices.items():
        if "/" in name or name == "words":
            raise OutputError(f"{printable(folder)}: {name!r} is no name for a lattice.", "Rename it.")
        write_atomic(Path(folder, f"{name}.txt"), _k2(lattice, acoustic_scale, numbers))


def _write_words(folder: Path, lattices: Mapping[str, Lattice]) -> dict[str, int]:
    """Write the words of all lattices, and return their numbers."""
    words = dict.fromkeys(word for lattice in lattices.values() for word in lattice.words if word)
    for name in (*lattices, *words):
        if name.split() != [name]:
            raise OutputError(f"{printable(folder)}: {name!r} cannot be written, since a space ends it.", "Rename it.")
    numbers = {word: number for number, word in enumerate(("", *words))}
    write_atomic(folder / "words.txt", (f"{word or '<eps>'} {number}\n" for word, number in numbers.items()))
    return numbers


def _kaldi(name: str, lattice: Lattice, numbers: Mapping[str, int]) -> Iterator[str]:
    yield f"{name}\n"
    for source, target, word, acoustic, lm in _arcs(lattice):
        yield f"{source} {target} {numbers[lattice.words[word]]} {0.0 - lm!r},{0.0 - acoustic!r},\n"
    for state, (acoustic, lm) in lattice.finals.items():
        yield f"{state} {0.0 - lm!r},{0.0 - acoustic!r},\n"
    yield "\n"


def _k2(lattice: Lattice, scale: float, numbers: Mapping[str, int]) -> Iterator[str]:
    """Arcs in the order of the states that they leave; the first state is 0, and the final one the last."""
    place = {state: number for number, state in enumerate(sorted(order(lattice), key=bool))}
    last = len(place)
    rows = [
        (place[source], place[target], numbers[lattice.words[word]], scale * acoustic + lm)
        for source, target, word, acoustic, lm in _arcs(lattice)
    ]
    rows += [(place[state], last, -1, scale * acoustic + lm) for state, (acoustic, lm) in lattice.finals.items()]
    for source, target, label, score in sorted(rows):
        yield f"{source} {target} {label} {score!r}\n"
    yield f"{last}\n"


def _arcs(lattice: Lattice) -> Iterable[tuple[int, int, int, float, float]]:
    return zip(lattice.source, lattice.target, lattice.word, lattice.acoustic, lattice.lm, strict=True)
