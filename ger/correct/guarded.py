"""A corrector whose every proposal goes through the guard's rules and the gate before it replaces anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ger.correct.gate import Gate, Verdict, deltas
from ger.correct.guard import Guard, Refusal
from ger.errors import ModelError, UsageError
from ger.lm.edits import Change, Sheet, Sources, applied, propose
from ger.protocols import Answer, Corrector, LanguageModel
from ger.text.align import carry_times, edits
from ger.text.tokens import join
from ger.types import Correction, Decision, NBest

__all__ = ["LISTED", "Guarded", "sheet_of"]

#: In `extra` of a correction: the number, from 0, of the hypothesis to fall back to. It is taken out again.
LISTED = "listed"


class Guarded:
    """Puts the corrections of another corrector through guard and gate; see `ger.protocols.Corrector`.

    What is proposed is taken apart into edits. The guard refuses the whole or single edits by rule, the gate accepts
    or refuses each of the others. What is accepted makes the text: all of the answer as the corrector gave it, or the
    1-best with some edits. Where nothing is accepted, the list falls back to the hypothesis that the correction names
    in `extra["listed"]`, else to the 1-best. Corrections that failed, and those of lists that were kept, stay as they
    are, unless the gate takes edits from the list as well.

    `scores` get `gate`, the word errors that the accepted edits are expected to gain.

    Args:
        inner: The corrector.
        guard: The rules.
        gate: The learned model; `None` for the rules alone.
        lm: The language model that a gate with its features asks.

    Raises:
        UsageError: the gate needs a language model and there is none.
    """

    def __init__(
        self, inner: Corrector, guard: Guard | None = None, gate: Gate | None = None, lm: LanguageModel | None = None
    ) -> None:
        if gate is not None and gate.asks and lm is None:
            raise UsageError("The gate was made with a language model, and there is none.", "Give it with --lm.")
        self._inner, self._guard, self._gate, self._lm = inner, guard or Guard(), gate, lm

    @property
    def signature(self) -> str:
        """See `ger.protocols.Corrector`."""
        gate = f"+{self._gate.signature}" if self._gate else ""
        asked = f",{self._lm.signature}" if self._lm and self._gate and self._gate.asks else ""
        return f"{self._inner.signature}+{self._guard.signature}{gate}{asked}"

    def correct(self, lists: Sequence[NBest]) -> list[Correction]:
        """See `ger.protocols.Corrector`."""
        made = self._inner.correct(lists)
        sources = self._gate.sources if self._gate else "answer"
        found = [self._sheet(nbest, correction, sources) for nbest, correction in zip(lists, made, strict=True)]
        sheets = [sheet for sheet, _ in found]
        try:
            differences = self._differences(sheets)
        except ModelError as error:
            return [_failed(*pair, str(error)) for pair in zip(lists, made, strict=True)]
        return [
            self._decide(*case)
            for case in zip(lists, made, sheets, (refusal for _, refusal in found), differences, strict=True)
        ]

    def _sheet(self, nbest: NBest, made: Correction, sources: Sources) -> tuple[Sheet, Refusal | None]:
        """The edits that are left when the guard has seen them."""
        if made.decision == "failed":
            return propose(nbest, None), None
        answer = None
        if made.changed:
            answer = Answer(made.text, made.scores.get("generator"), made.scores.get("least"))
        return sheet_of(nbest, answer, self._guard, sources)

    def _differences(self, sheets: Sequence[Sheet]) -> Sequence[Any]:
        if self._gate is None or not self._gate.asks or self._lm is None:
            return [None] * len(sheets)
        return deltas(sheets, self._lm, self._gate.form)

    def _decide(
        self, nbest: NBest, made: Correction, sheet: Sheet, refusal: Refusal | None, differences: Any
    ) -> Correction:
        made, listed = _without_listed(made)
        if made.decision == "failed" or not (made.changed or sheet.changes):
            return made
        verdicts = self._gate.judge(sheet, differences) if self._gate else _all(sheet)
        accepted = [verdict for verdict in verdicts if verdict.accepted]
        scores = dict(made.scores)
        if self._gate and verdicts:
            scores["gate"] = sum(verdict.gain for verdict in accepted)
        reason = _reason(sheet, verdicts, refusal, made.reason)
        if not accepted:
            if not made.changed:
                return made
            return _fallen_back(nbest, made, listed, reason, scores)
        return _accepted(nbest, made, sheet, [verdict.change for verdict in accepted], reason, scores)


def sheet_of(nbest: NBest, answer: Answer | None, guard: Guard, sources: Sources) -> tuple[Sheet, Refusal | None]:
    """The edits of a list that a guard lets pass, and the last thing that it refused.

    Args:
        nbest: The list.
        answer: What a corrector proposes; `None` for nothing.
        guard: The rules.
        sources: Where edits come from.
    """
    refusal = None
    if answer is not None:
        answer = replace(answer, text=guard.clean(answer.text, nbest))
        if refusal := guard.check(answer.text, nbest):
            answer = None
    if answer is None and sources == "answer":
        return propose(nbest, None), refusal
    sheet = propose(nbest, answer, sources)
    kept = []
    for change in sheet.changes:
        found = guard.check_edit(sheet, change) if change.answer else None
        refusal = found or refusal
        kept += [] if found else [change]
    return replace(sheet, changes=tuple(kept)), refusal


def _all(sheet: Sheet) -> list[Verdict]:
    """Without a gate, what the guard has let pass is accepted."""
    return [Verdict(change, 0.0, True, "") for change in sheet.changes]


def _without_listed(made: Correction) -> tuple[Correction, int]:
    extra = dict(made.extra)
    listed = extra.pop(LISTED, 0)
    known = isinstance(listed, int) and 0 <= listed < len(made.hypotheses)
    return (replace(made, extra=extra) if extra != made.extra else made), listed if known else 0


def _reason(sheet: Sheet, verdicts: Sequence[Verdict], refusal: Refusal | None, before: str) -> str:
    """What was refused and why; else what speaks for the edits."""
    accepted = [verdict for verdict in verdicts if verdict.accepted]
    refused = [verdict for verdict in verdicts if not verdict.accepted and verdict.change.answer]
    told = [before] if before and accepted else []
    if accepted and accepted[0].why:
        gain = sum(verdict.gain for verdict in accepted)
        told.append(f"gate: {_edits(len(accepted))} accepted, {_expected(gain)} ({_one(sheet, accepted[0])})")
    if refused:
        worst = min(refused, key=lambda verdict: verdict.gain)
        told.append(f"gate: {_edits(len(refused))} refused, {_expected(worst.gain)} ({_one(sheet, worst)})")
    if refusal:
        told.append(f"guard: {refusal}")
    return "; ".join(told)


def _expected(gain: float) -> str:
    return f"{abs(gain):.2f} {'fewer' if gain > 0 else 'more'} word errors expected"


def _edits(n: int) -> str:
    return "1 edit" if n == 1 else f"{n} edits"


def _one(sheet: Sheet, verdict: Verdict) -> str:
    change = verdict.change
    before, after = join(sheet.base[change.start : change.end]), join(change.tokens)
    return f"'{before}' -> '{after}': {verdict.why}" if verdict.why else f"'{before}' -> '{after}'"


def _fallen_back(nbest: NBest, made: Correction, listed: int, reason: str, scores: dict[str, float]) -> Correction:
    """The hypothesis to fall back to; the proposal was refused."""
    chosen = nbest.hypotheses[listed] if nbest.hypotheses else nbest.best
    decision: Decision = "rejected"
    reason = reason or "what was proposed is the 1-best written otherwise"
    if listed and chosen.text != nbest.best.text:
        decision, reason = "reranked", f"{reason}; hypothesis {listed + 1} of the list instead"
    return _made(nbest, made, chosen.text, decision, reason, scores)


def _accepted(
    nbest: NBest, made: Correction, sheet: Sheet, changes: Sequence[Change], reason: str, scores: dict[str, float]
) -> Correction:
    text = applied(sheet.base, changes)
    if sheet.answer is not None and text == " ".join(sheet.answer.text.split()):
        text = sheet.answer.text
    listed = any(text == hypothesis.text for hypothesis in nbest.hypotheses)
    return _made(nbest, made, text, "reranked" if listed else "rewritten", reason, scores)


def _made(
    nbest: NBest, made: Correction, text: str, decision: Decision, reason: str, scores: dict[str, float]
) -> Correction:
    """The correction with another text; word times come from the hypothesis that says it, else from the 1-best."""
    if text == made.text and decision == made.decision:
        return replace(made, reason=reason, scores=scores)
    best = nbest.best
    said = next((h for h in nbest.hypotheses if h.text == text), None)
    words = said.words if said and said.words else carry_times(best.words, text) if best.words else ()
    changes = edits(best.words or best.text, text) if text != best.text else ()
    return replace(made, text=text, decision=decision, reason=reason, words=words, edits=changes, scores=scores)


def _failed(nbest: NBest, made: Correction, reason: str) -> Correction:
    made, _ = _without_listed(made)
    if not made.changed:
        return made
    return _made(nbest, made, nbest.best.text, "failed", reason, dict(made.scores))
