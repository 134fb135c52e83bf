"""The profile: which language models judge, how much each feature weighs, and where the weights come from.

`ger tune` writes it as TOML, `--profile` reads it. It can be written by hand::

    schema = 1
    form = "sentence"

    [weights]
    acoustic = 0.9
    lm = 0.1

    [lms.lm]
    backend = "transformers"
    model = "smollm2-135m-instruct"
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from ger.errors import InputError, UsageError
from ger.io.output import write_atomic
from ger.io.paths import beside, named_from, printable
from ger.io.toml import dumps_value as toml
from ger.io.toml import read_toml, table_rows
from ger.lm.generation import Generation
from ger.lm.select import LmSpec
from ger.prompting import PREVIOUS_WORDS
from ger.registry import suggest
from ger.text.form import FORMS, Form

__all__ = ["DEFAULT", "DEFAULT_WEIGHT", "RANK_PRIOR", "Profile", "interpolation", "read_profile", "write_profile"]

_SCHEMA = 1

Combination = Literal["mbr", "rover"]
COMBINATIONS: tuple[Combination, ...] = get_args(Combination)


@dataclass(frozen=True, slots=True)
class Profile:
    """How hypotheses are judged.

    Attributes:
        weights: Weight of every feature, by name (see `ger.lm.features`); what is not named weighs nothing.
        lms: The language models that are asked.
        form: Written form in which they read the hypotheses.
        min_length: Share of the words of the 1-best that a text must have to be chosen: totals of all models favour
            short texts.
        temperature: The combined scores are divided by it for the posteriors of a list.
        domain: A sentence about what is spoken of, which language models read before each hypothesis.
        previous: How many earlier corrected utterances of the same recording they read before it, at least; see
            `ger.correct.running.Said`.
        previous_words: How many words they read of what was said before, at most: the last ones.
        cross: How many texts made of parts of several hypotheses compete with the listed ones.
        combine: For the mode `combine`: `mbr` or `rover`, see `ger.correct.combine`.
        generation: For the modes that have a language model write; `None` for their defaults.
        rewrites: File of rewrites that `ger tune rewrites` wrote; empty for none.
        gate: File of a gate that `ger tune gate` wrote, for proposals of any corrector; empty for none.
        guard: Whether what a model wrote has to keep the rules of `ger.correct.guard`.
        made: How the weights came about: files, counts, error rates. Not used.

    Raises:
        UsageError: something is out of its range.
    """

    weights: Mapping[str, float]
    lms: tuple[LmSpec, ...] = ()
    form: Form = "sentence"
    min_length: float = 0.8
    temperature: float = 1.0
    domain: str = ""
    previous: int = 0
    previous_words: int = PREVIOUS_WORDS
    cross: int = 0
    combine: Combination = "mbr"
    generation: Generation | None = None
    rewrites: str = ""
    gate: str = ""
    guard: bool = True
    made: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise UsageError(f"There is no written form called {self.form!r}.", suggest(self.form, FORMS))
        for name, weight in self.weights.items():
            if not math.isfinite(weight):
                raise UsageError(f"The weight of {name!r} is {weight}.", "Use a finite number.")
        if self.combine not in COMBINATIONS:
            raise UsageError(
                f"There is no way to combine called {self.combine!r}.", suggest(self.combine, COMBINATIONS)
            )
        counts = min(self.previous, self.previous_words, self.cross)
        if not (0 <= self.min_length <= 1 and 0 < self.temperature < math.inf and counts >= 0):
            raise UsageError(
                "min_length has to be 0 to 1, temperature above 0, previous, previous_words and cross 0 or more.",
                "Correct the profile.",
            )

    def weighted(self, changes: Mapping[str, float]) -> Profile:
        """The same with other weights for some features."""
        return replace(self, weights={**self.weights, **changes})

    @property
    def signature(self) -> str:
        """Every setting that changes the result, on one line; language models by name."""
        weights = ",".join(f"{name}={weight:.4g}" for name, weight in self.weights.items() if weight)
        told = [f"previous={self.previous}"] if self.previous else []
        told += [f"previous_words={self.previous_words}"] if self.previous_words != PREVIOUS_WORDS else []
        told += [f"domain={self.domain!r}"] if self.domain else []
        told += [f"cross={self.cross}"] if self.cross else []
        told += [f"temperature={self.temperature:.4g}"] if self.temperature != 1 else []
        return ",".join([weights, f"form={self.form}", f"min_length={self.min_length:g}", *told])


def interpolation(weight: float, lm: str = "lm") -> dict[str, float]:
    """The weights of `(1 - w) * log p_AM + w * log p_LM`; in lists without scores the rank stands in for the first.

    Besides, a repetition costs a nat a word, in which language models see nothing wrong. Where the recognizer was told
    hotwords, log p_AM has `BIASED_WEIGHT` of what it then says and the rest of what it says without.

    Raises:
        UsageError: the weight is not between 0 and 1.
    """
    if not 0 <= weight <= 1:
        raise UsageError(f"The weight of the language model is {weight}.", "Use a number from 0 to 1.")
    own = {"acoustic": 1 - weight, lm: weight, "rank": RANK_PRIOR * (1 - weight), "repeats": -1.0}
    return own | {"biased": BIASED_WEIGHT * (1 - weight)}


#: How many nats a logarithm of the position counts in lists without scores; measured by `benchmarks/quality.py`.
RANK_PRIOR = 5.0

#: How much a recognizer that was told hotwords counts; measured by `benchmarks/hotwords_audio.py`.
BIASED_WEIGHT = 0.7

#: Weight of the language model; measured by `benchmarks/weights.py`, see docs/how-it-works.md.
DEFAULT_WEIGHT = 0.1

#: What is used without a profile.
DEFAULT = Profile(interpolation(DEFAULT_WEIGHT), (LmSpec(),))


def write_profile(path: Path, profile: Profile) -> None:
    """Write a profile as TOML; models and files that are here are named so that they are found from there.

    Raises:
        OutputError: the file cannot be written.
    """
    profile = _renamed(profile, lambda name: named_from(path, name), os.path.isfile)
    rows = [
        f"schema = {_SCHEMA}",
        f"form = {toml(profile.form)}",
        f"min_length = {toml(profile.min_length)}",
        f"temperature = {toml(profile.temperature)}",
        f"domain = {toml(profile.domain)}",
        f"previous = {profile.previous}",
        f"previous_words = {profile.previous_words}",
        f"cross = {profile.cross}",
        f"combine = {toml(profile.combine)}",
        f"rewrites = {toml(profile.rewrites)}",
        f"gate = {toml(profile.gate)}",
        f"guard = {toml(profile.guard)}",
        "",
        "[weights]",
        *(f"{toml(name)} = {toml(float(weight))}" for name, weight in profile.weights.items()),
    ]
    for spec in profile.lms:
        rows += [
            "",
            f"[lms.{toml(spec.name)}]",
            f"backend = {toml(spec.backend)}",
            f"model = {toml(spec.model)}",
        ]
    if profile.generation:
        rows += ["", "[generation]", *_generation_rows(profile.generation)]
    if profile.made:
        rows += table_rows("How the weights came about.", "made", profile.made)
    write_atomic(path, "\n".join(rows) + "\n")


def read_profile(path: Path) -> Profile:
    """Read a profile.

    Raises:
        InputError: the file cannot be read or is not a profile; names the file and the key.
    """
    name = printable(path)
    value = read_toml(path, "Make a profile with `ger tune`.")
    if unknown := next((key for key in value if key not in _KEYS), None):
        raise InputError(f"{name}: {unknown!r} is not known.", suggest(unknown, _KEYS))
    if value.get("schema", _SCHEMA) != _SCHEMA:
        raise InputError(f"{name}: schema {value['schema']!r} is not known.", f"This version reads schema {_SCHEMA}.")
    try:
        return _renamed(
            _profile(value), lambda name: beside(path, name), lambda name: os.path.isfile(path.parent / name)
        )
    except (TypeError, OverflowError) as error:
        raise InputError(f"{name}: {error}.", "Correct it, or make a profile with `ger tune`.") from error
    except UsageError as error:
        raise InputError(f"{name}: {error.message}", error.hint) from error


def _renamed(profile: Profile, named: Callable[[str], str], is_file: Callable[[str], bool]) -> Profile:
    """With other names of its models and files."""
    how = profile.generation
    if how:
        prompt = named(how.prompt) if is_file(how.prompt) else how.prompt  # not a folder that is called like a prompt
        spec = replace(how.lm, model=named(how.lm.model))
        how = replace(how, lm=spec, adapter=named(how.adapter), prompt=prompt, examples=named(how.examples))
    lms = tuple(replace(spec, model=named(spec.model)) for spec in profile.lms)
    return replace(profile, lms=lms, generation=how, rewrites=named(profile.rewrites), gate=named(profile.gate))


def _profile(value: dict[str, Any]) -> Profile:
    known: dict[str, Any] = {
        name: _typed(value, name, kinds) for name, kinds in _TYPES.items() if name in value or name == "weights"
    }
    if "generation" in known:
        known["generation"] = _generation(known["generation"])
    lms = known.pop("lms", {})
    specs = [_typed(lms, name, (dict,), "lms.") for name in lms]
    known["lms"] = tuple(_spec(name, spec) for name, spec in zip(lms, specs, strict=True))
    known["weights"] = {name: float(_typed(value["weights"], name, _NUMBER, "weights.")) for name in value["weights"]}
    return Profile(**known)


def _spec(name: str, value: dict[str, Any]) -> LmSpec:
    if unknown := next((key for key in value if key not in ("backend", "model")), None):
        raise TypeError(f"'lms.{name}.{unknown}' is not known")
    model = _typed(value, "model", (str,), f"lms.{name}.") if "model" in value else ""
    return LmSpec(name, _typed(value, "backend", (str,), f"lms.{name}."), model)


def _generation_rows(how: Generation) -> list[str]:
    values = {"backend": how.lm.backend, "model": how.lm.model} | {key: getattr(how, key) for key in _GENERATION}
    return [f"{key} = {toml(value)}" for key, value in values.items()]


def _generation(table: dict[str, Any]) -> Generation:
    if unknown := next((key for key in table if key not in (*_GENERATION, "backend", "model")), None):
        raise TypeError(f"'generation.{unknown}' is not known")
    values = {key: _typed(table, key, kinds, "generation.") for key, kinds in _GENERATION.items() if key in table}
    lm = Generation().lm
    backend = _typed(table, "backend", (str,), "generation.") if "backend" in table else lm.backend
    model = _typed(table, "model", (str,), "generation.") if "model" in table else lm.model
    return Generation(replace(lm, backend=backend, model=model), **values)


_GENERATION: dict[str, tuple[type, ...]] = {
    "adapter": (str,),
    "prompt": (str,),
    "decoding": (str,),
    "beams": (int,),
    "examples": (str,),
    "shots": (int,),
    "select": (str,),
    "task": (str,),
}
_NUMBER = (int, float)
_TYPES: dict[str, tuple[type, ...]] = {
    "form": (str,),
    "min_length": _NUMBER,
    "temperature": _NUMBER,
    "domain": (str,),
    "previous": (int,),
    "previous_words": (int,),
    "cross": (int,),
    "combine": (str,),
    "generation": (dict,),
    "rewrites": (str,),
    "gate": (str,),
    "guard": (bool,),
    "weights": (dict,),
    "lms": (dict,),
    "made": (dict,),
}
_KEYS = ("schema", *_TYPES)
_CALLED = {bool: "true or false", str: "text", dict: "a table", int: "a whole number", float: "a number"}


def _typed(table: dict[str, Any], key: str, kinds: tuple[type, ...], where: str = "") -> Any:
    """The value of a key.

    Raises:
        TypeError: it is missing or of another type.
    """
    if key not in table:
        raise TypeError(f"'{where}{key}' is missing")
    value = table[key]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise TypeError(f"'{where}{key}' should be {_CALLED[kinds[-1]]}, found {value!r}")
    return value
