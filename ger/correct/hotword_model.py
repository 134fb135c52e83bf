"""What decides whether a hotword was said: learned confusions of sounds, and a logistic model of the features.

The file is TOML: the log-odds of the confusions in hundredths of a nat, and a weight for each feature of
`ger.correct.hotword_finder`. Where a language model reads the texts, too, a second logistic model of two features has
the last word. `ger tune hotwords` learns one from lists with references.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ger.correct.hotword_finder import FEATURES
from ger.errors import UsageError
from ger.io.output import write_atomic
from ger.io.paths import printable
from ger.io.toml import dumps_value, made_from, read_toml, table_rows
from ger.registry import suggest
from ger.text.confusions import Confusions

__all__ = ["HotwordModel", "Reading", "default", "read_model", "write_model"]

_SCHEMA = 1
#: Words in a row of the file.
_ROW = 10
_KIND = "hotwords"
_HINT = "Make one with `ger tune hotwords`."
_KEYS = ("schema", "kind", "threshold", "bias", "weights", "usual", "sounds", "letters", "made", "lm")
_READING_KEYS = ("threshold", "bias", "odds", "gain")
#: Gains count up to here (nats): a rare name says nothing for or against itself beyond.
_MOST = 15.0
#: Log-odds count up to here.
_SURE = 14.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What a language model's opinion is worth: the log-odds are `bias + odds * log-odds without it + gain * gain`.

    Attributes:
        odds: Weight of the log-odds without it.
        gain: Weight of the gain, log p of the text with the hotword minus log p of the text without (nats).
        bias: What is added.
        threshold: A hotword has to be likelier than this.

    Raises:
        UsageError: something is out of its range.
    """

    odds: float
    gain: float
    bias: float
    threshold: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1 or not all(map(math.isfinite, (self.odds, self.gain, self.bias))):
            raise UsageError("lm: threshold has to be above 0 and at most 1, weights numbers.", "Make the file again.")

    @staticmethod
    def features(probabilities: npt.ArrayLike, gains: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Log-odds and gains within their limits, shape `(n, 2)`, of probabilities without it and gains (nats)."""
        likely = np.asarray(probabilities, dtype=np.float64)
        with np.errstate(divide="ignore"):
            odds = np.log(likely) - np.log1p(-likely)
        return np.stack([np.clip(odds, -_SURE, _SURE), np.clip(np.asarray(gains, np.float64), -_MOST, _MOST)], axis=1)

    def probabilities(self, probabilities: npt.ArrayLike, gains: npt.ArrayLike) -> list[float]:
        """How likely hotwords were said, by how likely they are without it and by gains (nats), each shape `(n,)`."""
        return _logistic(self.features(probabilities, gains) @ np.array([self.odds, self.gain]) + self.bias)


@dataclass(frozen=True, slots=True)
class HotwordModel:
    """A logistic model of whether a hotword was said.

    Attributes:
        sounds: Log-odds of sounds.
        letters: Log-odds of letters.
        weights: A weight for each feature; 0 for one that is not named.
        bias: Log-odds where all features are 0.
        threshold: A hotword has to be likelier than this.
        made: How it came about. Not used.
        usual: Words that are said without being hotwords, without case and punctuation; empty where nobody listed any.
        reading: What is made of it and of a language model's opinion; `None` where none was learned.

    Raises:
        UsageError: something is out of its range, or there is no such feature.
    """

    sounds: Confusions
    letters: Confusions
    weights: Mapping[str, float]
    bias: float
    threshold: float = 0.5
    made: Mapping[str, Any] = field(default_factory=dict)
    usual: frozenset[str] = frozenset()
    reading: Reading | None = None

    def __post_init__(self) -> None:
        if unknown := next((name for name in self.weights if name not in FEATURES), None):
            raise UsageError(f"There is no feature called {unknown!r}.", suggest(unknown, FEATURES))
        if not 0 < self.threshold <= 1 or not all(map(math.isfinite, (self.bias, *self.weights.values()))):
            raise UsageError("threshold has to be above 0 and at most 1, weights numbers.", "Make the file again.")

    @property
    def signature(self) -> str:
        """What identifies it."""
        return hashlib.sha256(_text(self, made=False).encode()).hexdigest()[:8]

    def probabilities(self, values: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]) -> list[float]:
        """How likely each hotword was said.

        Args:
            values: Their features, shape `(n, len(FEATURES))`.
            weights: How readily each is put in, shape `(n,)`: multiplies its odds.
        """
        odds = values @ np.array([self.weights.get(name, 0.0) for name in FEATURES]) + self.bias + np.log(weights)
        return _logistic(odds)


def _logistic(odds: npt.NDArray[np.float64]) -> list[float]:
    return [float(p) for p in 1 / (1 + np.exp(-np.clip(odds, -50, 50)))]


def write_model(path: Path, model: HotwordModel) -> None:
    """Write a model as TOML.

    Raises:
        OutputError: the file cannot be written.
    """
    write_atomic(path, _text(model))


def _text(model: HotwordModel, *, made: bool = True) -> str:
    rows = [
        f"schema = {_SCHEMA}",
        f'kind = "{_KIND}"',
        "# How likely a hotword has to be.",
        f"threshold = {dumps_value(model.threshold)}",
        f"bias = {dumps_value(model.bias)}",
        *_listed(model.usual),
        *table_rows("What each feature adds to the log-odds.", "weights", model.weights),
    ]
    if model.reading:
        told = {name: getattr(model.reading, name) for name in _READING_KEYS}
        rows += table_rows(
            "Where a language model reads the texts: weights of the log-odds and of its gain.", "lm", told
        )
    if made and model.made:
        rows += table_rows("How it came about.", "made", model.made)
    for name, table in (("sounds", model.sounds), ("letters", model.letters)):
        value = table.to_json()
        rows += ["", "# Log-odds of what was said (rows) and heard (columns), the first for none; hundredths of a nat."]
        rows += [f"[{name}]", f"symbols = {dumps_value(value['symbols'])}", "table = ["]
        rows += [f"  [{', '.join(map(str, row))}]," for row in value["table"]] + ["]"]
    return "\n".join(rows) + "\n"


def _listed(usual: frozenset[str]) -> list[str]:
    """The rows of the usual words, none where there are none."""
    words = [dumps_value(word) for word in sorted(usual)]
    rows = [f"  {', '.join(words[i : i + _ROW])}," for i in range(0, len(words), _ROW)]
    return ["# Words that are said without being hotwords.", "usual = [", *rows, "]"] if rows else []


def read_model(path: Path) -> HotwordModel:
    """Read a model.

    Raises:
        InputError: the file cannot be read or is no such model; names the file.
    """
    return _model(read_toml(path, _HINT), printable(path))


@lru_cache
def default(name: str = "hotwords") -> HotwordModel:
    """A model that comes with ger.

    Args:
        name: `hotwords`, or `consistent` for those that a recording itself has; `benchmarks/hotwords.py` and
            `benchmarks/consistent.py` tell what they were learned from and what they are worth.
    """
    text = importlib.resources.files("ger.correct").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return _model(tomllib.loads(text), f"{name}.toml")


def _model(value: Mapping[str, Any], name: str) -> HotwordModel:
    return made_from(
        value, _made, name=name, kind=_KIND, what="model of hotwords", schema=_SCHEMA, keys=_KEYS, hint=_HINT
    )


def _made(value: Mapping[str, Any]) -> HotwordModel:
    return HotwordModel(
        Confusions.from_json(value["sounds"]),
        Confusions.from_json(value["letters"]),
        {str(key): float(weight) for key, weight in value["weights"].items()},
        float(value["bias"]),
        float(value["threshold"]),
        dict(value.get("made", {})),
        _words(value.get("usual", [])),
        _reading(value["lm"]) if "lm" in value else None,
    )


def _reading(value: Mapping[str, Any]) -> Reading:
    if unknown := next((key for key in value if key not in _READING_KEYS), None):
        raise UsageError(f"lm: {unknown!r} is not known.", suggest(unknown, _READING_KEYS))
    return Reading(**{name: float(value[name]) for name in _READING_KEYS})


def _words(value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise TypeError("usual has to be a list of words")
    return frozenset(value)
