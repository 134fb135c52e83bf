"""Correctors that have a language model write, made from a profile, and what watches over them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ger import prompting
from ger.correct.cascade import Cascade
from ger.correct.gate import Gate, read_gate
from ger.correct.generate import Generator
from ger.correct.guard import RULES, Guard
from ger.correct.guarded import Guarded
from ger.correct.hybrid import Hybrid
from ger.correct.recorded import Recorded
from ger.correct.shots import Examples, read_examples
from ger.errors import UsageError
from ger.io.answers import read_answers
from ger.lm.generation import GENERATOR, Generation
from ger.lm.profile import Profile
from ger.lm.select import load
from ger.prompting import Prompt
from ger.protocols import Corrector, LanguageModel, LmOptions, result_of

__all__ = ["cascade", "gate", "generate", "generator", "hybrid", "recorded", "watched"]

_PROMPT, _TRANSLATIONS = "h2t-nbest", "h2tt-nbest"
_INSTRUCTION = "cascade-correct"


def generate(lms: Mapping[str, LanguageModel], profile: Profile) -> Generator:
    """The corrector `generate`; the model is called `generator`.

    Raises:
        GerError: the prompt, the adapter or the examples cannot be used.
    """
    return generator(lms[GENERATOR], profile.generation or Generation(), raw=not profile.guard)


def cascade(lms: Mapping[str, LanguageModel], profile: Profile) -> Cascade:
    """The corrector `cascade`; see `generate`."""
    how = profile.generation or Generation()
    prompt, trained = _prompt(how, _INSTRUCTION)
    return Cascade(lms[GENERATOR], how, prompt, _examples(how), verbatim=trained or not profile.guard)


def hybrid(lms: Mapping[str, LanguageModel], profile: Profile) -> Hybrid:
    """The corrector `hybrid`; see `generate`. A generator that the profile gives no weight weighs 1."""
    made = generate(lms, profile)
    weighed = profile if GENERATOR in profile.weights else profile.weighted({GENERATOR: 1.0})
    return Hybrid({name: lm for name, lm in lms.items() if name != GENERATOR}, weighed, generator=made)


def generator(lm: LanguageModel, how: Generation, *, raw: bool = False) -> Generator:
    """What writes, by its settings.

    Args:
        lm: The language model.
        how: Prompt and all that.
        raw: Whether a model that was not trained for it may write what it likes, too.

    Raises:
        GerError: as `generate` says.
    """
    prompt, trained = _prompt(how, _PROMPT)
    other = None if how.prompt or trained else prompting.load(_TRANSLATIONS)
    return Generator(lm, how, prompt, _examples(how), translations=other, verbatim=trained or raw)


def _prompt(how: Generation, default: str) -> tuple[Prompt, bool]:
    """The prompt, and whether the model was trained on it: an adapter, or a model that `ger train merge` made."""
    from ger.train.adapter import Adapted, Reading

    named = how.adapter or how.lm.model
    folder = Path(named).expanduser()
    ours = bool(named) and (folder / Reading.file).is_file()
    if ours and not how.prompt:
        return Reading.read(folder).rendered(), True
    if how.adapter and not how.prompt and (folder / Adapted.file).is_file():
        raise UsageError(f"{how.adapter} tells how likely a text is, and was not trained to correct.", "Use --lm.")
    if how.adapter and not how.prompt:
        raise UsageError(f"{how.adapter} does not say which prompt it was trained on.", "Name it with --prompt.")
    return prompting.load(how.prompt or default), ours or bool(how.adapter)


def _examples(how: Generation) -> Examples | None:
    return read_examples(how.examples, how.shots, how.select) if how.examples else None


def recorded(path: Path) -> Recorded:
    """Recorded answers as a corrector.

    Raises:
        InputError: the file cannot be read, or a line is no answer.
    """
    return Recorded(read_answers(path), path.name)


def gate(profile: Profile) -> Gate | None:
    """The gate of a profile.

    Raises:
        InputError: it cannot be read or is none.
    """
    return read_gate(Path(profile.gate)) if profile.gate else None


def watched(corrector: Corrector, gate: Gate | None, options: LmOptions, *, rules: bool) -> Corrector:
    """A corrector with the guard and the gate that watch over it; as it is where none does or its texts are no
    transcripts.

    Args:
        corrector: The corrector.
        gate: The gate.
        options: What the gate's language model is made with, if it asks one.
        rules: Whether the guard's rules apply.

    Raises:
        GerError: the gate's language model cannot be loaded.
    """
    if result_of(corrector) != "transcript":
        return corrector
    if not (gate or rules or isinstance(corrector, Hybrid)):
        return corrector
    guard = Guard(off=RULES, style=False)
    if rules:
        trained = getattr(corrector, "verbatim", False) or bool(gate and gate.trained)
        guard = Guard.behind(trained, getattr(corrector, "instructions", ()))
    lm = load(gate.lm, options) if gate and gate.asks and gate.lm else None
    return Guarded(corrector, guard, gate, lm)
