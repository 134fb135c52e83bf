"""`lattice.toml`: which log-posteriors are searched, under which grammar, and how.

    posteriors = "."            # a folder with tokens.txt and files, or a CTC model of transformers
    frame_seconds = 0.02        # from a frame to the next, where files do not say so
    lm = "words.arpa"           # an n-gram model; without one, any tokens may follow each other
    lexicon = "lexicon.txt"     # a word and its tokens a line; without one, words are spelled by their letters
    acoustic_scale = 1.0        # what acoustic scores are multiplied with beside the n-gram model's
    beam = 16.0                 # width of the search, and of the lattice
    lattice_beam = 10.0
    boost = 3.0                 # nats that each word of a hotword (each token without an n-gram model) is given
    engine = "auto"             # k2 or kaldi

Names are of files beside it. All may be left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asr_frontends.lattice_grammar import Spelling, read_lexicon, spelled
from asr_frontends.posteriors import Posteriors, Saved, Symbols, TransformersCtc
from ger.errors import ModelError, UsageError
from ger.io.toml import read_toml
from ger.lm.ngram import NGramModel
from ger.registry import suggest

__all__ = ["FILE", "Settings", "read_settings"]

FILE = "lattice.toml"
_LETTERS = 2  # a recognizer with tokens of more letters than one needs a lexicon


@dataclass(frozen=True, slots=True)
class Settings:
    """What `lattice.toml` says, with files found; see the module."""

    source: Path | None = None
    frame_seconds: float | None = None
    lm: Path | None = None
    lexicon: Path | None = None
    acoustic_scale: float = 1.0
    beam: float = 16.0
    lattice_beam: float = 10.0
    boost: float = 3.0
    engine: str = "auto"

    @property
    def signature(self) -> str:
        """Everything that changes the result but the log-posteriors and the engine."""
        files = [hashlib.sha256(p.read_bytes()).hexdigest()[:8] for p in (self.lm, self.lexicon) if p]
        numbers = (self.acoustic_scale, self.beam, self.lattice_beam, self.boost)
        return "+".join(["ngrams" if self.lm else "tokens", *files, *(f"{number:g}" for number in numbers)])

    def posteriors(self) -> Posteriors:
        """What gives log-posteriors.

        Raises:
            DependencyError: a package is missing.
            ModelError: it cannot be loaded.
            UsageError: nothing was named.
        """
        if self.source is None:
            raise UsageError("The lattice front end needs a model.", f"Give --model a folder with {FILE}.")
        if (self.source / "tokens.txt").is_file():
            return Saved(self.source, self.frame_seconds)
        if (self.source / "config.json").is_file():
            return TransformersCtc(self.source, self.source.absolute().name)
        raise ModelError(
            f"{self.source} holds neither tokens.txt nor config.json.",
            "Save log-posteriors and their tokens there, or a CTC model of transformers.",
        )

    def spellings(self, model: NGramModel, symbols: Symbols) -> Mapping[str, list[Spelling]]:
        """How the words of a model are spelled.

        Raises:
            ModelError: the lexicon cannot be read, one is needed, or no word of the model is in it.
        """
        if self.lexicon:
            found = read_lexicon(self.lexicon, symbols.tokens)
        elif any(len(symbols.tokens[i]) >= _LETTERS for i in symbols.written):
            raise ModelError("Words cannot be spelled letter by letter.", f"Name a lexicon in {FILE}.")
        else:
            found = spelled(model.words(), symbols.tokens, symbols.delimiter)
        if not any(word in model for word in found):
            raise ModelError(f"No word of {self.lm} can be spelled.", "Check whether both are in capitals or not.")
        return found

    def delimiter(self, symbols: Symbols) -> int | None:
        """The token between words; those of a lexicon say themselves what is between them."""
        return None if self.lexicon else symbols.delimiter


def read_settings(model: str, *, given: bool) -> Settings:
    """The settings of a folder; one without `lattice.toml` is itself what gives log-posteriors.

    Args:
        model: The folder; may be empty where log-posteriors are given.
        given: Whether they are.

    Raises:
        InputError: the file is not TOML.
        ModelError: the folder or a file that it names is not there.
        UsageError: a setting has the wrong name or type.
    """
    if not model:
        return Settings()
    folder = Path(model).expanduser()
    if not folder.is_dir():
        raise ModelError(f"There is no folder {folder}.", f"Give --model a folder with {FILE}.")
    if not (folder / FILE).is_file():
        return Settings(folder)
    said: dict[str, Any] = read_toml(folder / FILE, "See asr_frontends/lattice_settings.py for an example.")
    said = {"source" if name == "posteriors" else name: value for name, value in said.items()}
    for name, value in said.items():
        _check(folder / FILE, name, value)
    paths = {name: folder / said[name] for name in ("source", "lm", "lexicon") if name in said}
    if missing := next((path for path in paths.values() if not path.exists()), None):
        raise ModelError(f"{folder / FILE} names {missing}, which is not there.")
    if not given:
        paths.setdefault("source", folder)
    return Settings(**(said | paths))


def _check(path: Path, name: str, value: object) -> None:
    """Whether there is such a setting and it may have such a value."""
    texts = ("source", "lm", "lexicon", "engine")
    numbers = ("frame_seconds", "acoustic_scale", "beam", "lattice_beam", "boost")
    if name not in (*texts, *numbers):
        raise UsageError(f"{path} has a setting {name!r}.", suggest(name, ["posteriors", *texts[1:], *numbers]))
    if name in texts and not isinstance(value, str):
        raise UsageError(f"{path}: {name} should be text.")
    if name in numbers and (isinstance(value, bool) or not isinstance(value, int | float) or not value > 0):
        raise UsageError(f"{path}: {name} should be a number above 0.")
