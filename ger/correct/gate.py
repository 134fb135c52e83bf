"""The gate: a small learned model that accepts or refuses each edit of an answer, and says why.

Boosted trees (`ger.lm.trees`) predict how many word errors fewer a text has with an edit, from what is known about the
list, the edit and the answer (`ger.lm.edit_features`). Edits above a threshold are made, those with the greatest
sum where some exclude each other. `ger tune gate` makes a gate and chooses the threshold (`ger.correct.fit_gate`); its
file is TOML, with all numbers and words that it uses.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ger.errors import UsageError
from ger.io.output import write_atomic
from ger.io.paths import beside, named_from
from ger.io.toml import dumps_value, read_made, table_rows
from ger.lm.edit_features import MISSING, PHRASES, Frequencies, commonness, features
from ger.lm.edits import SOURCES, Change, Sheet, Sources, applied, compatible
from ger.lm.select import LmSpec
from ger.lm.trees import Tree, Trees
from ger.protocols import LanguageModel, ScoreRequest
from ger.registry import suggest
from ger.text.form import FORMS, Form, apply
from ger.text.tokens import join

__all__ = ["Gate", "Verdict", "deltas", "read_gate", "write_gate"]

_SCHEMA = 1
#: So many features are named in a reason.
_NAMED = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate thinks of an edit.

    Attributes:
        change: The edit.
        gain: By how many word errors it is expected to lower the errors.
        accepted: Whether it is made.
        why: The features that moved the gate most in the direction of its decision, in words.
    """

    change: Change
    gain: float
    accepted: bool
    why: str


@dataclass(frozen=True, slots=True)
class Gate:
    """A learned model that decides about edits.

    Attributes:
        trees: Predict the gain of an edit.
        threshold: An edit has to gain more than this (word errors); infinite for a gate that accepts nothing.
        scale: What predictions are multiplied with so that they are right on average.
        sources: Where edits come from: `answer`, `list` (the other hypotheses) or `both`.
        frequencies: How common words are.
        lm: The language model that it asks; `None` for none, or for one that the caller keeps.
        form: Written form in which that model reads texts.
        made: How it came about: counts, error rates. Not used.
        trained: Whether the answers are those of a model trained on lists, which may change numbers and negations.

    Raises:
        UsageError: something is out of its range.
    """

    trees: Trees
    threshold: float
    scale: float = 1.0
    sources: Sources = "answer"
    frequencies: Frequencies = field(default_factory=Frequencies)
    lm: LmSpec | None = None
    form: Form = "sentence"
    made: Mapping[str, Any] = field(default_factory=dict)
    trained: bool = False

    def __post_init__(self) -> None:
        if self.sources not in SOURCES:
            raise UsageError(f"There are no sources called {self.sources!r}.", suggest(self.sources, SOURCES))
        if self.form not in FORMS:
            raise UsageError(f"There is no written form called {self.form!r}.", suggest(self.form, FORMS))
        if math.isnan(self.threshold) or not 0 < self.scale < math.inf:
            raise UsageError("threshold has to be a number, scale above 0.", "Make the gate again.")

    @property
    def abstains(self) -> bool:
        """Whether it accepts nothing at all."""
        return self.threshold == math.inf

    @property
    def asks(self) -> bool:
        """Whether it needs a language model."""
        return any(name in ("lm", "lm word") for name in self.trees.names)

    @property
    def signature(self) -> str:
        """What identifies it, on one line."""
        digest = hashlib.sha256(_text(replace(self, lm=None), made=False).encode()).hexdigest()[:8]
        return f"gate:sources={self.sources},threshold={self.threshold:.3g},{digest}"

    def judge(self, sheet: Sheet, differences: Sequence[float] | None = None) -> list[Verdict]:
        """Accept or refuse each edit of a sheet.

        Args:
            sheet: The list and its edits.
            differences: For a gate that `asks`: see `deltas`.
        """
        if not sheet.changes:
            return []
        rows = self._rows(sheet, differences)
        gains = [self.scale * value for value in self.trees.predict(rows).tolist()]
        chosen = set(compatible(sheet.changes, [gain - self.threshold for gain in gains]))
        return [
            Verdict(change, gain, i in chosen, self._why(rows[i], 1 if i in chosen else -1))
            for i, (change, gain) in enumerate(zip(sheet.changes, gains, strict=True))
        ]

    def _rows(self, sheet: Sheet, differences: Sequence[float] | None) -> Any:
        common = commonness(sheet, self.frequencies)
        return self.trees.rows([a | b for a, b in zip(features(sheet, differences), common, strict=True)], MISSING)

    def _why(self, row: Any, sign: int) -> str:
        parts = self.trees.contributions(row)
        found = sorted((name for name in parts if sign * parts[name] > 0), key=lambda name: -sign * parts[name])
        at = {name: i for i, name in enumerate(self.trees.names)}
        return ", ".join(f"{PHRASES.get(name, name)}: {_told(row[at[name]])}" for name in found[:_NAMED])


def _told(value: float) -> str:
    return "none" if value == MISSING else f"{value:.3g}"


def deltas(sheets: Iterable[Sheet], lm: LanguageModel, form: Form = "sentence") -> list[list[float]]:
    """log p of the text with each edit alone, less that of the 1-best (nats), by a language model.

    Raises:
        ModelError: the model broke.
    """
    sheets = list(sheets)
    asked = [sheet for sheet in sheets if sheet.changes]
    requests = [
        ScoreRequest(
            tuple(apply(text, form) for text in (join(sheet.base), *(applied(sheet.base, [c]) for c in sheet.changes)))
        )
        for sheet in asked
    ]
    scored = iter(lm.score(requests) if requests else [])
    found = []
    for sheet in sheets:
        first, *rest = next(scored) if sheet.changes else [0.0]
        found.append([value - first for value in rest])
    return found


def write_gate(path: Path, gate: Gate) -> None:
    """Write a gate as TOML; a language model that is here is named so that it is found from there.

    Raises:
        OutputError: the file cannot be written.
    """
    if gate.lm:
        gate = replace(gate, lm=replace(gate.lm, model=named_from(path, gate.lm.model)))
    write_atomic(path, _text(gate))


def _text(gate: Gate, *, made: bool = True) -> str:
    rows = [
        f"schema = {_SCHEMA}",
        'kind = "gate"',
        f"sources = {dumps_value(gate.sources)}",
        f"form = {dumps_value(gate.form)}",
        f"trained = {dumps_value(gate.trained)}",
        "# Word errors that an edit has to gain at least; inf accepts nothing.",
        f"threshold = {dumps_value(gate.threshold)}",
        f"scale = {dumps_value(gate.scale)}",
        f"start = {dumps_value(gate.trees.start)}",
        f"features = {dumps_value(list(gate.trees.names))}",
        *([f"lm = {dumps_value({'backend': gate.lm.backend, 'model': gate.lm.model})}"] if gate.lm else []),
        "",
        "# Words by how common they are: the logarithm to base 2 of how often they occur in a million words.",
        "[words]",
    ]
    for level in sorted(set(gate.frequencies.levels.values()), reverse=True):
        words = " ".join(word for word, at in gate.frequencies.levels.items() if at == level)
        rows.append(f"{level} = {dumps_value(words)}")
    if made and gate.made:
        rows += table_rows("How the gate came about.", "made", gate.made)
    rows += ["", "# Nodes depth first: the left child follows, for what is not above the threshold; -1 is a leaf."]
    for tree in gate.trees.to_json():
        rows += ["[[trees]]", *(f"{key} = {dumps_value(value)}" for key, value in tree.items())]
    return "\n".join(rows) + "\n"


_KEYS = (
    *("schema", "kind", "sources", "form", "trained", "threshold", "scale", "start", "features", "lm", "words"),
    *("made", "trees"),
)


def read_gate(path: Path) -> Gate:
    """Read a gate.

    Raises:
        InputError: the file cannot be read or is no gate; names the file.
    """
    hint = "Make a gate with `ger tune gate`."
    gate = read_made(path, _gate, kind="gate", what="gate", schema=_SCHEMA, keys=_KEYS, hint=hint)
    return replace(gate, lm=replace(gate.lm, model=beside(path, gate.lm.model))) if gate.lm else gate


def _gate(value: Mapping[str, Any]) -> Gate:
    trees = tuple(
        Tree(
            tuple(map(int, tree["feature"])),
            tuple(map(float, tree["threshold"])),
            tuple(map(int, tree["right"])),
            tuple(map(float, tree["value"])),
        )
        for tree in value["trees"]
    )
    lm = value.get("lm")
    levels = {word: int(level) for level, words in value.get("words", {}).items() for word in words.split()}
    return Gate(
        Trees(tuple(map(str, value["features"])), float(value["start"]), trees),
        float(value["threshold"]),
        float(value.get("scale", 1.0)),
        value.get("sources", "answer"),
        Frequencies(levels),
        LmSpec(backend=str(lm["backend"]), model=str(lm["model"])) if lm else None,
        value.get("form", "sentence"),
        dict(value.get("made", {})),
        trained=value.get("trained", False) is True,
    )
