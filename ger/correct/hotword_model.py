"""What decides whether a hotword is put in: learned confusions of sounds, and logistic models of the features.

Two things are asked about a stretch of text: whether the hotword was said there, so that putting it in takes an error
away, and whether that would make an error more. They are not opposites: where what was heard is wrong in any case,
another wrong word does no harm. The decision is that of the fewest errors to be expected (minimum Bayes risk), with a
price on those that are made.

The file is TOML: the log-odds of the confusions in hundredths of a nat, and weights for the features of
`ger.correct.hotword_finder`; a second set of them for where a language model reads the texts, too.
`ger tune hotwords` learns one from lists with references.
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

__all__ = [
    "LIMIT",
    "NAMES",
    "HotwordModel",
    "Judge",
    "Logistic",
    "default",
    "features",
    "read_model",
    "write_model",
]

_SCHEMA = 2
#: Words in a row of the file.
_ROW = 10
_KIND = "hotwords"
_HINT = "Make one with `ger tune hotwords`."
_KEYS = ("schema", "kind", "usual", "judge", "lm", "made", "sounds", "letters")
_JUDGE_KEYS = ("threshold", "least", "said", "harm")
_BIAS = "bias"
#: What only a language model knows (nats): log p of the text with the hotword minus log p without; and how far that is
#: above the same of the best other hotword for one of the words.
_READ = ("gain", "gain ahead")
#: What judges look at.
NAMES = (*FEATURES, *_READ)
#: Gains count up to here (nats): a rare name says nothing for or against itself beyond.
LIMIT = 15.0
#: Added to the likelihood of harm: where nothing speaks for a hotword, that none speaks against it is not enough.
_NEITHER = 0.05


def features(values: npt.NDArray[np.float64], gains: npt.NDArray[np.float64] | None = None) -> npt.NDArray[np.float64]:
    """What judges look at, shape `(n, len(NAMES))`.

    Args:
        values: The features of hotwords, shape `(n, len(FEATURES))`.
        gains: What a language model gains by each, and how far that is ahead (nats), shape `(n, 2)`; without one 0.
    """
    read = np.zeros((len(values), len(_READ))) if gains is None else np.clip(gains, -LIMIT, LIMIT)
    return np.hstack([values, read])


@dataclass(frozen=True, slots=True)
class Logistic:
    """A logistic model.

    Attributes:
        weights: A weight for each feature; 0 for one that is not named.
        bias: Log-odds where all features are 0.

    Raises:
        UsageError: a weight is no number, or there is no such feature.
    """

    weights: Mapping[str, float]
    bias: float

    def __post_init__(self) -> None:
        if unknown := next((name for name in self.weights if name not in NAMES), None):
            raise UsageError(f"There is no feature called {unknown!r}.", suggest(unknown, NAMES))
        if not all(map(math.isfinite, (self.bias, *self.weights.values()))):
            raise UsageError("Weights have to be numbers.", "Make the file again.")

    def probabilities(
        self, values: npt.NDArray[np.float64], more: npt.NDArray[np.float64] | float = 0.0
    ) -> npt.NDArray[np.float64]:
        """Probabilities, shape `(n,)`, of `features`, with something added to the log-odds of each."""
        odds = values @ np.array([self.weights.get(name, 0.0) for name in NAMES]) + self.bias + more
        return np.asarray(1 / (1 + np.exp(-np.clip(odds, -50, 50))), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Judge:
    """What says how likely a hotword was said, and what putting it in is worth.

    Attributes:
        said: That it was said, and an error goes away with it.
        harm: That there is an error more with it.
        threshold: A hotword has to be worth more than this.
        least: One that is no likelier than this is worth nothing.

    Raises:
        UsageError: a limit is out of its range.
    """

    said: Logistic
    harm: Logistic
    threshold: float = 0.5
    least: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise UsageError("threshold has to be above 0 and at most 1.", "Make the file again.")
        if not 0 <= self.least < 1:
            raise UsageError("least has to be 0 or more and below 1.", "Make the file again.")

    def judged(self, values: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]) -> list[tuple[float, float]]:
        """How likely each hotword was said, and what it is worth.

        What it is worth is p(said) as a share of p(said) and p(harm), and somewhat less where both are small.

        Args:
            values: What `features` gives, a row for each.
            weights: How readily each is put in, shape `(n,)`: multiplies the odds that it was said, and divides those
                of harm.
        """
        more = np.log(weights)
        said, harm = self.said.probabilities(values, more), self.harm.probabilities(values, -more)
        worth = np.where(said > self.least, said / (said + harm + _NEITHER), 0.0)
        return list(zip(said.tolist(), worth.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class HotwordModel:
    """What decides whether a hotword is put in.

    Attributes:
        sounds: Log-odds of sounds.
        letters: Log-odds of letters.
        judge: Decides by sound and what else the texts tell.
        reading: Decides where a language model has read the texts, too; `None` where that was not learned.
        made: How it came about. Not used.
        usual: Words that are said without being hotwords, without case and punctuation; empty where nobody listed any.
    """

    sounds: Confusions
    letters: Confusions
    judge: Judge
    reading: Judge | None = None
    made: Mapping[str, Any] = field(default_factory=dict)
    usual: frozenset[str] = frozenset()

    @property
    def signature(self) -> str:
        """What identifies it."""
        return hashlib.sha256(_text(self, made=False).encode()).hexdigest()[:8]


def write_model(path: Path, model: HotwordModel) -> None:
    """Write a model as TOML.

    Raises:
        OutputError: the file cannot be written.
    """
    write_atomic(path, _text(model))


def _text(model: HotwordModel, *, made: bool = True) -> str:
    rows = [f"schema = {_SCHEMA}", f'kind = "{_KIND}"', *_listed(model.usual)]
    rows += _judge_rows(
        "By sound: a hotword is worth more than the threshold, and likelier than the least.",
        "judge",
        model.judge,
    )
    if model.reading:
        rows += _judge_rows("Where a language model reads the texts, too.", "lm", model.reading)
    if made and model.made:
        rows += table_rows("How it came about.", "made", model.made)
    for name, table in (("sounds", model.sounds), ("letters", model.letters)):
        value = table.to_json()
        rows += ["", "# Log-odds of what was said (rows) and heard (columns), the first for none; hundredths of a nat."]
        rows += [f"[{name}]", f"symbols = {dumps_value(value['symbols'])}", "table = ["]
        rows += [f"  [{', '.join(map(str, row))}]," for row in value["table"]] + ["]"]
    return "\n".join(rows) + "\n"


def _judge_rows(comment: str, name: str, judge: Judge) -> list[str]:
    rows = table_rows(comment, name, {"threshold": judge.threshold, "least": judge.least})
    for part, what, own in (
        ("said", "What speaks for it: log-odds that it was said.", judge.said),
        ("harm", "What speaks against it: log-odds that there is an error more with it.", judge.harm),
    ):
        rows += table_rows(what, f"{name}.{part}", {_BIAS: own.bias, **own.weights})
    return rows


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
        _judge("judge", value["judge"]),
        _judge("lm", value["lm"]) if "lm" in value else None,
        dict(value.get("made", {})),
        _words(value.get("usual", [])),
    )


def _judge(name: str, value: Mapping[str, Any]) -> Judge:
    if unknown := next((key for key in value if key not in _JUDGE_KEYS), None):
        raise UsageError(f"{name}: {unknown!r} is not known.", suggest(unknown, _JUDGE_KEYS))
    limits = float(value["threshold"]), float(value["least"])
    return Judge(_logistic(value["said"]), _logistic(value["harm"]), *limits)


def _logistic(value: Mapping[str, Any]) -> Logistic:
    weights = {str(key): float(weight) for key, weight in value.items()}
    return Logistic(weights, weights.pop(_BIAS))


def _words(value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise TypeError("usual has to be a list of words")
    return frozenset(value)
