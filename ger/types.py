"""The record: N-best lists in, corrections out.

All classes are frozen. Each converts to and from plain JSON values with `to_json` and `from_json`; fields that
`ger` does not know are kept in `extra` and written back. Scores are natural-log probabilities (nats), totals over
the text, `None` when unknown. Times are seconds from the start of the recording.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

from ger.errors import RecordError
from ger.frozen import maker

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = [
    "SCHEMA",
    "AudioSegment",
    "AudioSpan",
    "Context",
    "Correction",
    "Decision",
    "Edit",
    "Hypothesis",
    "NBest",
    "Task",
    "Word",
    "written_in",
]

#: Version of the JSON Lines record, written as `"schema"` on every line. Readers accept this one and lines without.
SCHEMA = 1

Task = Literal["transcribe", "translate"]
Decision = Literal["kept", "reranked", "rewritten", "rejected", "failed"]
Json = Mapping[str, Any]
_TASKS: tuple[str, ...] = get_args(Task)
_DECISIONS: tuple[str, ...] = get_args(Decision)
_Part = TypeVar("_Part", "Word", "Hypothesis")


@dataclass(frozen=True, slots=True)
class Word:
    """One word with its times (seconds) and the recognizer's confidence (0 to 1)."""

    text: str
    start: float | None = None
    end: float | None = None
    confidence: float | None = None
    extra: Json = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A plain JSON value; times and confidence are left out when unknown."""
        known = {"start": self.start, "end": self.end, "confidence": self.confidence}
        return _with(self.extra, {"text": self.text} | {k: v for k, v in known.items() if v is not None})

    @classmethod
    def from_json(cls, value: Any, where: str = "word") -> Word:
        """Read what `to_json` wrote.

        Raises:
            RecordError: a field has the wrong type.
        """
        fields = _fields(value, where)
        return _make_word(
            _text(fields, "text", where),
            _number(fields, "start", where),
            _number(fields, "end", where),
            _number(fields, "confidence", where),
            fields,
        )


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One candidate text with its scores (nats, totals over the text).

    Attributes:
        score: What the recognizer ranks by. For recognizers with one score, the acoustic one.
        acoustic_score: log p(text | audio) where the recognizer tells it apart.
        lm_score: log p(text) of the recognizer's own language model, where it has one.
    """

    text: str
    score: float | None = None
    acoustic_score: float | None = None
    lm_score: float | None = None
    words: tuple[Word, ...] = ()
    extra: Json = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A plain JSON value."""
        value: dict[str, Any] = {
            "text": self.text,
            "score": self.score,
            "acoustic_score": self.acoustic_score,
            "lm_score": self.lm_score,
        }
        if self.words:
            value["words"] = [word.to_json() for word in self.words]
        return _with(self.extra, value)

    @classmethod
    def from_json(cls, value: Any, where: str = "hypothesis") -> Hypothesis:
        """Read what `to_json` wrote.

        Raises:
            RecordError: a field has the wrong type.
        """
        fields = _fields(value, where)
        return _make_hypothesis(
            _text(fields, "text", where),
            _number(fields, "score", where),
            _number(fields, "acoustic_score", where),
            _number(fields, "lm_score", where),
            _words(fields, where),
            fields,
        )


@dataclass(frozen=True, slots=True)
class AudioSpan:
    """Where an utterance lies: a recording and, in it, a start and an end (seconds)."""

    path: str
    start: float | None = None
    end: float | None = None
    extra: Json = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A plain JSON value."""
        return _with(self.extra, {"path": self.path, "start": self.start, "end": self.end})

    @classmethod
    def from_json(cls, value: Any, where: str = "audio") -> AudioSpan:
        """Read what `to_json` wrote.

        Raises:
            RecordError: a field has the wrong type.
        """
        fields = _fields(value, where)
        return _make_span(
            _text(fields, "path", where), _number(fields, "start", where), _number(fields, "end", where), fields
        )


@dataclass(frozen=True, slots=True)
class AudioSegment:
    """A stretch of a recording with its samples.

    Attributes:
        id: Unique within a run, for example `talk/0003`.
        span: The recording and the times (seconds).
        samples: float32, shape `(n,)`, mono, 16 kHz, between -1 and 1.
        language: A language code, or `None` to detect it.
        context: Hotwords and previous text for a front end that can use them.
    """

    id: str
    span: AudioSpan
    samples: npt.NDArray[np.float32]
    language: str | None = None
    context: Context = field(default_factory=lambda: Context())

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / 16_000


@dataclass(frozen=True, slots=True)
class Context:
    """What a model is told besides the list."""

    hotwords: tuple[str, ...] = ()
    previous: str = ""
    extra: Json = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A plain JSON value; empty fields are left out."""
        value: dict[str, Any] = {}
        if self.hotwords:
            value["hotwords"] = list(self.hotwords)
        if self.previous:
            value["previous"] = self.previous
        return _with(self.extra, value)

    @classmethod
    def from_json(cls, value: Any, where: str = "context") -> Context:
        """Read what `to_json` wrote.

        Raises:
            RecordError: a field has the wrong type.
        """
        fields = _fields(value, where)
        hotwords = _items(fields, "hotwords", where)
        if not all(isinstance(word, str) for word in hotwords):
            raise RecordError(f"{where}: 'hotwords' holds something that is not text.")
        return _make_context(tuple(hotwords), _text(fields, "previous", where, ""), fields)


@dataclass(frozen=True, slots=True)
class NBest:
    """The hypotheses of one utterance, best first.

    Attributes:
        language: What is spoken, a language code.
        task: Whether the texts say what was said, or translate it.
        target: The language of the texts where they translate; `None` where they do not, or nobody says.
        reference: What was said, or its translation.
    """

    id: str
    hypotheses: tuple[Hypothesis, ...]
    audio: AudioSpan | None = None
    language: str | None = None
    task: Task = "transcribe"
    context: Context = field(default_factory=Context)
    reference: str | None = None
    meta: Json = field(default_factory=dict)
    extra: Json = field(default_factory=dict)
    target: str | None = None

    @property
    def best(self) -> Hypothesis:
        """The first hypothesis; an empty one where the list is empty."""
        return self.hypotheses[0] if self.hypotheses else Hypothesis("")

    def to_json(self) -> dict[str, Any]:
        """A plain JSON value, one line of the interchange format."""
        value = {
            "schema": SCHEMA,
            "id": self.id,
            "audio": self.audio.to_json() if self.audio else None,
            "language": self.language,
            "task": self.task,
            **_target(self),
            "hypotheses": [hypothesis.to_json() for hypothesis in self.hypotheses],
            "context": self.context.to_json(),
            "reference": self.reference,
            "meta": dict(self.meta),
        }
        return _with(self.extra, value)

    @classmethod
    def from_json(cls, value: Any, where: str = "record") -> NBest:
        """Read what `to_json` wrote.

        Raises:
            RecordError: a field is missing or has the wrong type, or the schema is a newer one.
        """
        fields = _fields(value, where)
        _check_schema(fields, where)
        id, hypotheses = _text(fields, "id", where), _hypotheses(fields, where, required=True)
        audio, language = _audio(fields, where), _optional_text(fields, "language", where)
        task = _choice(fields, "task", _TASKS, where, "transcribe")
        target, context = _optional_text(fields, "target", where), _context(fields, where)
        reference, meta = _optional_text(fields, "reference", where), dict(_mapping(fields, "meta", where))
        return _make_nbest(id, hypotheses, audio, language, task, context, reference, meta, fields, target)


@dataclass(frozen=True, slots=True)
class Edit:
    """One place where the result differs from the 1-best: words `before`, words `after`, and when (seconds)."""

    before: str
    after: str
    start: float | None = None
    end: float | None = None
    extra: Json = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A plain JSON value; times are left out when unknown."""
        known = {"start": self.start, "end": self.end}
        value = {"before": self.before, "after": self.after}
        return _with(self.extra, value | {k: v for k, v in known.items() if v is not None})

    @classmethod
    def from_json(cls, value: Any, where: str = "edit") -> Edit:
        """Read what `to_json` wrote.

        Raises:
            RecordError: a field has the wrong type.
        """
        fields = _fields(value, where)
        return cls(
            _text(fields, "before", where),
            _text(fields, "after", where),
            _number(fields, "start", where),
            _number(fields, "end", where),
            fields,
        )


@dataclass(frozen=True, slots=True)
class Correction:
    """What became of one N-best list.

    Attributes:
        text: The text to use.
        decision: `kept` (the 1-best stays), `reranked` (another listed hypothesis), `rewritten` (a text that was
            not listed), `rejected` (a change was proposed and refused), `failed` (the corrector broke; the 1-best is
            kept, or where no transcript was asked for, there is no text).
        reason: Why, in a few words.
        words: Words of `text` with times, where known.
        edits: The differences from the 1-best.
        scores: What decided: by name, in nats.
        signature: One line that says how this was made.
        hypotheses: The list it was made from, unchanged.
        reference: Kept from the input.
        target: The language of the text where it is a translation; kept from the input.
    """

    id: str
    text: str
    decision: Decision
    reason: str = ""
    audio: AudioSpan | None = None
    language: str | None = None
    task: Task = "transcribe"
    words: tuple[Word, ...] = ()
    edits: tuple[Edit, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    signature: str = ""
    hypotheses: tuple[Hypothesis, ...] = ()
    context: Context = field(default_factory=Context)
    reference: str | None = None
    meta: Json = field(default_factory=dict)
    extra: Json = field(default_factory=dict)
    target: str | None = None

    @property
    def changed(self) -> bool:
        """Whether the text differs from the recognizer's 1-best."""
        return self.decision in ("reranked", "rewritten")

    @classmethod
    def of(
        cls,
        nbest: NBest,
        text: str,
        decision: Decision,
        reason: str = "",
        words: tuple[Word, ...] = (),
        edits: tuple[Edit, ...] = (),
        scores: Mapping[str, float] | None = None,
        signature: str = "",
    ) -> Correction:
        """A correction of a list, with everything of the list that a correction repeats."""
        return _make_correction(
            nbest.id,
            text,
            decision,
            reason,
            nbest.audio,
            nbest.language,
            nbest.task,
            words,
            edits,
            {} if scores is None else scores,
            signature,
            nbest.hypotheses,
            nbest.context,
            nbest.reference,
            nbest.meta,
            nbest.extra,
            nbest.target,
        )

    def to_json(self) -> dict[str, Any]:
        """A plain JSON value, one line of the interchange format."""
        value = {
            "schema": SCHEMA,
            "id": self.id,
            "audio": self.audio.to_json() if self.audio else None,
            "language": self.language,
            "task": self.task,
            **_target(self),
            "text": self.text,
            "decision": self.decision,
            "reason": self.reason,
            "edits": [edit.to_json() for edit in self.edits],
            "words": [word.to_json() for word in self.words],
            "scores": dict(self.scores),
            "signature": self.signature,
            "hypotheses": [hypothesis.to_json() for hypothesis in self.hypotheses],
            "context": self.context.to_json(),
            "reference": self.reference,
            "meta": dict(self.meta),
        }
        return _with(self.extra, value)

    @classmethod
    def from_json(cls, value: Any, where: str = "record") -> Correction:
        """Read what `to_json` wrote.

        Raises:
            RecordError: a field is missing or has the wrong type, or the schema is a newer one.
        """
        fields = _fields(value, where)
        _check_schema(fields, where)
        return cls(
            id=_text(fields, "id", where),
            text=_text(fields, "text", where),
            decision=_choice(fields, "decision", _DECISIONS, where),
            reason=_text(fields, "reason", where, ""),
            audio=_audio(fields, where),
            language=_optional_text(fields, "language", where),
            task=_choice(fields, "task", _TASKS, where, "transcribe"),
            target=_optional_text(fields, "target", where),
            words=_words(fields, where),
            edits=tuple(Edit.from_json(edit, f"{where}: edit") for edit in _items(fields, "edits", where)),
            scores=_numbers(_mapping(fields, "scores", where), f"{where}: scores"),
            signature=_text(fields, "signature", where, ""),
            hypotheses=_hypotheses(fields, where, required=False),
            context=_context(fields, where),
            reference=_optional_text(fields, "reference", where),
            meta=dict(_mapping(fields, "meta", where)),
            extra=fields,
        )


_make_word, _make_hypothesis, _make_span = maker(Word), maker(Hypothesis), maker(AudioSpan)
_make_context, _make_nbest, _make_correction = maker(Context), maker(NBest), maker(Correction)
#: The context of most records.
_NOTHING = Context()


def _target(record: NBest | Correction) -> dict[str, Any]:
    return {} if record.target is None else {"target": record.target}


def _with(extra: Json, value: dict[str, Any]) -> dict[str, Any]:
    """The unknown fields behind the known ones, which win."""
    return value | {name: extra[name] for name in extra if name not in value} if extra else value


def _fields(value: Any, where: str) -> dict[str, Any]:
    """The fields of a JSON object; those that are read are taken out, and the rest is what nobody knows."""
    if type(value) is not dict and not isinstance(value, Mapping):
        raise RecordError(f"{where}: expected a JSON object, found {type(value).__name__}.")
    return dict(value)


def _check_schema(fields: dict[str, Any], where: str) -> None:
    version = fields.pop("schema", SCHEMA)
    if version != SCHEMA:
        raise RecordError(f"{where}: schema {version!r} is not known.", f"This version of ger reads schema {SCHEMA}.")


def _text(fields: dict[str, Any], name: str, where: str, default: str | None = None) -> str:
    value = fields.pop(name, None)
    if isinstance(value, str):
        return value
    if value is not None:
        raise RecordError(f"{where}: '{name}' should be text, found {value!r}.")
    if default is None:
        raise RecordError(f"{where}: '{name}' is missing.")
    return default


def _optional_text(fields: dict[str, Any], name: str, where: str) -> str | None:
    value = fields.pop(name, None)
    if value is not None and not isinstance(value, str):
        raise RecordError(f"{where}: '{name}' should be text, found {value!r}.")
    return value


def _number(fields: dict[str, Any], name: str, where: str) -> float | None:
    value = fields.pop(name, None)
    if value is None or (type(value) is float and math.isfinite(value)):
        return value
    return _finite(value, f"{where}: '{name}'")


def _mapping(fields: dict[str, Any], name: str, where: str) -> Json:
    value = fields.pop(name, None)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise RecordError(f"{where}: '{name}' should be an object, found {value!r}.")
    return value


def _items(fields: dict[str, Any], name: str, where: str) -> list[Any]:
    value = fields.pop(name, None)
    if value is None:
        return []
    if not isinstance(value, list):
        raise RecordError(f"{where}: '{name}' should be a list, found {value!r}.")
    return value


def _finite(value: Any, where: str) -> float:
    try:
        number = math.nan if isinstance(value, bool | str) else float(value)
    except (TypeError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise RecordError(f"{where} should be a finite number, found {value!r:.40}.")
    return number


def _numbers(value: Json, where: str) -> Mapping[str, float]:
    return {name: _finite(number, f"{where}: '{name}'") for name, number in value.items()}


def _choice(fields: dict[str, Any], name: str, choices: tuple[str, ...], where: str, default: str | None = None) -> Any:
    value = _text(fields, name, where, default)
    if value not in choices:
        raise RecordError(f"{where}: '{name}' is {value!r}.", f"Use one of: {', '.join(choices)}.")
    return value


def written_in(made: NBest | Correction) -> str | None:
    """The language that the texts of a list, or of what was made of it, are in; `None` where it is not known."""
    return made.target if made.task == "translate" else made.language


def _audio(fields: dict[str, Any], where: str) -> AudioSpan | None:
    value = _mapping(fields, "audio", where)
    return AudioSpan.from_json(value, f"{where}: audio") if value else None


def _context(fields: dict[str, Any], where: str) -> Context:
    value = _mapping(fields, "context", where)
    return Context.from_json(value, f"{where}: context") if value else _NOTHING


def _words(fields: dict[str, Any], where: str) -> tuple[Word, ...]:
    return _each(Word, _items(fields, "words", where), where, "word") if "words" in fields else ()


def _hypotheses(fields: dict[str, Any], where: str, *, required: bool) -> tuple[Hypothesis, ...]:
    if required and "hypotheses" not in fields:
        raise RecordError(f"{where}: 'hypotheses' is missing.")
    return _each(Hypothesis, _items(fields, "hypotheses", where), where, "hypothesis")


def _each(kind: type[_Part], items: list[Any], where: str, name: str) -> tuple[_Part, ...]:
    """The parts of a record; the place of one that is wrong is told only then, as telling takes longer than reading."""
    made = []
    for number, item in enumerate(items, 1):
        try:
            made.append(kind.from_json(item))
        except RecordError:
            kind.from_json(item, f"{where}: {name} {number}")
            raise
    return tuple(made)
