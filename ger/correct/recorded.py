"""Answers that some corrector gave earlier, read from a file, as a corrector of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ger.correct.outcome import as_it_was, written
from ger.errors import InputError
from ger.protocols import Answer
from ger.types import Correction, NBest

__all__ = ["Recorded", "check_ids"]


def check_ids(answers: Iterable[str], lists: Iterable[str]) -> None:
    """See that every answer belongs to a list.

    Args:
        answers: Ids of answers.
        lists: Ids of lists.

    Raises:
        InputError: one does not.
    """
    known = set(lists)
    unknown = [key for key in answers if key not in known]
    if unknown:
        more = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
        raise InputError(
            f"There is an answer for {unknown[0]!r}{more}, and no such list.",
            "Check that the answers belong to these lists.",
        )


class Recorded:
    """Gives recorded answers by the ids of lists; see `ger.protocols.Corrector`.

    A list without an answer keeps its 1-best. Answers of unknown lists are for `check_ids` to find.

    Args:
        answers: Texts, or answers with their log-probabilities, by id.
        name: What the signature calls them, such as the file.
    """

    def __init__(self, answers: Mapping[str, str | Answer], name: str = "answers") -> None:
        self._answers = {key: Answer(found) if isinstance(found, str) else found for key, found in answers.items()}
        self._name = name

    @property
    def signature(self) -> str:
        """See `ger.protocols.Corrector`."""
        return f"recorded:{self._name}"

    def correct(self, lists: Sequence[NBest]) -> list[Correction]:
        """See `ger.protocols.Corrector`."""
        return [self._correct(nbest) for nbest in lists]

    def _correct(self, nbest: NBest) -> Correction:
        answer = self._answers.get(nbest.id)
        if answer is None or answer.text == nbest.best.text:
            return as_it_was(nbest, "no recorded answer" if answer is None else "the recorded answer is the 1-best")
        told = {"generator": answer.score, "least": answer.least}
        scores = {name: value for name, value in told.items() if value is not None}
        return written(
            nbest, answer.text, "recorded answer", lambda number: f"the recorded answer is hypothesis {number}", scores
        )
