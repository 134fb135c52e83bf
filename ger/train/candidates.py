"""Answers of different worth to the same list: what a model writes, the reference, the hypotheses; and their errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ger.evaluate.rates import distance
from ger.protocols import LanguageModel
from ger.text.normalize import normalize
from ger.train.kept import Kept
from ger.train.pairs import Pair, Reader
from ger.types import NBest

__all__ = ["Choice", "Told", "choice", "written"]

#: Lists whose candidates are generated at once, and kept.
_CHUNK = 64
#: Told how many lists have candidates, and of how many.
Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Choice:
    """A list with its candidates.

    Attributes:
        pairs: The prompt with each candidate; the reference comes first.
        errors: Word errors of each.
        before: log p of each under the model that training starts from (nats).
    """

    pairs: tuple[Pair, ...]
    errors: tuple[int, ...]
    before: tuple[float, ...] = ()

    @property
    def length(self) -> int:
        """Tokens of all of it, padding included."""
        return len(self.pairs) * max(pair.length for pair in self.pairs)

    @property
    def informative(self) -> bool:
        """Whether one candidate is better than another."""
        return len(set(self.errors)) > 1


def choice(nbest: NBest, texts: Sequence[str], reader: Reader, normalizer: str = "none") -> Choice:
    """A list with its reference and other texts as candidates; texts that make the same answer are one.

    Args:
        nbest: A list with a reference.
        texts: The other candidates.
        reader: Makes tokens of them.
        normalizer: Normalizer of the texts whose word errors are counted.

    Raises:
        InputError: a candidate is too long for the model; names the id.
    """
    right = normalize(nbest.reference or "", normalizer).split()
    made: dict[tuple[int, ...], tuple[Pair, int]] = {}
    for text in (nbest.reference or "", *texts):
        pair = reader.of(replace(nbest, reference=text))
        made.setdefault(pair.answer, (pair, distance(right, normalize(text, normalizer).split())))
    return Choice(tuple(pair for pair, _ in made.values()), tuple(errors for _, errors in made.values()))


def written(
    lists: Sequence[NBest],
    load: Callable[[], LanguageModel],
    reader: Reader,
    beams: int,
    kept: Path,
    key: str,
    told: Told | None = None,
) -> Mapping[str, Sequence[str]]:
    """What a model writes for lists, by id: the texts of a beam search, best first.

    Args:
        lists: The lists.
        load: Loads the model; not called where all texts are there already.
        reader: Makes its prompts and reads its answers.
        beams: Width of the search.
        kept: File in which texts are kept, so that an interrupted run can go on.
        key: What the texts depend on beside the lists.
        told: Told now and then how far it is.

    Raises:
        InputError: a list is too long for the model; names the id.
        ModelError: the model cannot be loaded or cannot generate.
        OutputError: the file cannot be written.
    """
    reader.check((), lists)
    with Kept(kept, key) as store:
        left = [nbest for nbest in lists if nbest.id not in store.made]
        model = load() if left else None
        for begin in range(0, len(left), _CHUNK):
            assert model is not None
            store.add(dict(_answers(left[begin : begin + _CHUNK], model, reader, beams)))
            if told:
                told(len(store.made), len(lists))
        return store.made


def _answers(
    lists: Sequence[NBest], model: LanguageModel, reader: Reader, beams: int
) -> Iterator[tuple[str, list[str]]]:
    answers = model.generate([reader.request(nbest, beams) for nbest in lists])
    for nbest, own in zip(lists, answers, strict=True):
        yield nbest.id, [reader.text(answer.text, nbest) for answer in own if answer.finished]
