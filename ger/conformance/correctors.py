"""Whether a corrector keeps what `ger.protocols.Corrector` promises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

from ger.conformance.outcome import Outcome, SkippedError, carried_out, keep, signature, survives
from ger.protocols import Corrector
from ger.types import AudioSpan, Context, Correction, Hypothesis, NBest, Word

__all__ = ["LISTS", "check_corrector"]


def _list(id: str, *texts: str, step: float | None = 0.5, **rest: object) -> NBest:
    scores = [None if step is None else -3.0 - step * i for i in range(len(texts))]
    hypotheses = tuple(Hypothesis(text, score, score) for text, score in zip(texts, scores, strict=True))
    return NBest(id, hypotheses, **rest)  # type: ignore[arg-type]


_TIMES = tuple(Word(word, 7 + i / 2, 7.5 + i / 2) for i, word in enumerate(["so", "the", "field", "with", "oats"]))

#: Lists of all kinds: scored and not, of one text, of none, with everything that a list can hold.
LISTS = (
    _list("scored", "we sew the field with oats", "we sow the field with oats", "we sow a field with oats"),
    _list("unscored", "turn left at the lite", "turn left at the light", "turn left at a light", step=None),
    _list("single", "yes"),
    _list("nothing"),
    NBest(
        "full",
        (Hypothesis("so the field with oats", -4.0, -3.0, -9.0, _TIMES, {"rank": 1}), Hypothesis("sow the oats", -5.0)),
        AudioSpan("call.wav", 7.0, 10.0),
        language="en",
        context=Context(("oats",), "it rained"),
        reference="sow the field with oats",
        meta={"frontend": "other"},
        extra={"speaker": "B"},
    ),
)
_CARRIED = ("audio", "language", "task", "hypotheses", "context", "reference", "meta", "extra")


def check_corrector(corrector: Corrector) -> Iterator[Outcome]:
    """Check a corrector on lists that are made up.

    Args:
        corrector: The corrector.
    """
    return carried_out(_CHECKS, _Correcting(corrector))


class _Correcting:
    """A corrector and what it makes of the lists, together and one by one."""

    def __init__(self, corrector: Corrector) -> None:
        self.corrector = corrector

    @cached_property
    def together(self) -> list[Correction]:
        return list(self.corrector.correct(LISTS))

    @cached_property
    def alone(self) -> list[Correction]:
        made = []
        for nbest in LISTS:
            corrections = self.corrector.correct([nbest])
            keep(len(corrections) == 1, f"One list made {len(corrections)} corrections.")
            made += corrections
        return made


def _signature(correcting: _Correcting) -> None:
    signature(correcting.corrector, lambda: correcting.corrector.correct(LISTS[:1]))


def _empty_batch(correcting: _Correcting) -> None:
    made = list(correcting.corrector.correct([]))
    keep(made == [], f"No lists made {len(made)} corrections.")


def _works(correcting: _Correcting) -> str:
    for made in correcting.alone:
        keep(made.decision != "failed", f"It failed on the list {made.id}: {made.reason.rstrip('.')}.")
    return ", ".join(f"{made.id} {made.decision}" for made in correcting.alone)


def _order(correcting: _Correcting) -> None:
    ids, wanted = [made.id for made in correcting.together], [nbest.id for nbest in LISTS]
    keep(ids == wanted, f"Corrections of a batch came back as {ids}, not in the order of lists, {wanted}.")


def _empty_list(correcting: _Correcting) -> None:
    """What is said of a list without hypotheses."""
    (made,) = [made for made, nbest in zip(correcting.alone, LISTS, strict=True) if not nbest.hypotheses]
    said = (
        f"A list without hypotheses became {made.text[:60]!r}, {made.decision}; it should be kept, with an empty text."
    )
    keep(made.decision == "kept" and made.text == "", said)


def _decision(correcting: _Correcting) -> None:
    for nbest, made in zip(LISTS, correcting.alone, strict=True):
        texts = [hypothesis.text for hypothesis in nbest.hypotheses]
        first, said = made.text == nbest.best.text, f"{made.id} is {made.decision}, and its text {made.text[:60]!r}"
        keep(first or made.decision in ("reranked", "rewritten"), f"{said} is not that of the first hypothesis.")
        keep(not first or made.decision not in ("reranked", "rewritten"), f"{said} is that of the first hypothesis.")
        keep(made.decision != "reranked" or made.text in texts, f"{said} is that of no hypothesis.")


def _carries_over(correcting: _Correcting) -> None:
    for nbest, made in zip(LISTS, correcting.alone, strict=True):
        lost = [name for name in _CARRIED if getattr(made, name) != getattr(nbest, name)]
        keep(not lost, f"{made.id} has lost of its list: {', '.join(lost)}. Correction.of carries that over.")


def _edits(correcting: _Correcting) -> None:
    changed = [made for made in correcting.alone if made.changed]
    for made in correcting.alone:
        keep(made.changed or not made.edits, f"{made.id} is {made.decision} and has edits.")
        keep(
            not made.changed or bool(made.edits),
            f"{made.id} is {made.decision} and has no edits (ger.text.align.edits).",
        )
    if not changed:
        raise SkippedError("it changed nothing.")


def _batch_is_single(correcting: _Correcting) -> None:
    together = {made.id: made for made in correcting.together}
    for made in correcting.alone:
        other = together.get(made.id)
        if other is None:
            raise SkippedError("the corrections of a batch cannot be told apart, see order.")
        same = (made.text, made.decision) == (other.text, other.decision)
        alone, batch = (f"{one.text[:60]!r} ({one.decision})" for one in (made, other))
        keep(same, f"{made.id} alone becomes {alone}, and in a batch {batch}.")


def _record(correcting: _Correcting) -> None:
    for made in correcting.alone:
        survives(made)


_CHECKS: tuple[Callable[[_Correcting], str | None], ...] = (
    _signature,
    _empty_batch,
    _works,
    _order,
    _empty_list,
    _decision,
    _carries_over,
    _edits,
    _batch_is_single,
    _record,
)
