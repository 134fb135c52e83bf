"""N-gram models: ARPA files, packed with gzip or not, and KenLM's binaries.

The package kenlm answers where it is installed, otherwise ARPA files are read by `ger.lm.ngram`: the same scores, more
memory and a slower start. Texts go through the normalizer that the model's note names (`FILE.json`, written by
`ger lm train`); models without one get `basic`, in upper case where their words are.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from ger.errors import DependencyError, ModelError, UnknownNameError
from ger.io.paths import printable
from ger.lm.ngram import NGramModel, Note
from ger.protocols import Ability, Answer, GenerateRequest, LmOptions, ScoreRequest
from ger.text.form import Form
from ger.text.normalize import normalize

__all__ = ["KenLM"]

#: How a binary begins: it is mapped into memory.
_BINARY = b"mmap"

#: Words that models of many languages know, to see in which case they know them.
_COMMON = ("a", "e", "i", "o", "y", "the", "and", "to", "of", "de", "la", "le", "en", "et", "der", "und", "и", "не")


class _Model(Protocol):
    def __contains__(self, word: str) -> bool: ...

    def score(self, words: Iterable[str], prefix: Iterable[str] = ()) -> float: ...


class KenLM:
    """An n-gram model that scores; see `ger.protocols.LanguageModel`. Device and precision do not matter to it.

    The words of a prefix stand between the begin of the sentence and what is scored; those that the model does not
    know, there and elsewhere, count as `<unk>`.

    Raises:
        DependencyError: the model is a binary and kenlm is not installed.
        ModelError: there is no such file, or it is no n-gram model.
    """

    #: Texts come as they are: the model's own normalizer is what counts.
    form: Form = "as-is"

    abilities: frozenset[Ability] = frozenset({"score"})

    def __init__(self, options: LmOptions) -> None:
        if not options.model:
            raise ModelError("An n-gram model needs a file.", "Make one with `ger lm train TEXT -o lm.arpa`.")
        path = Path(options.model).expanduser()
        head, digest = _identity(path)
        note = Note.read(path)
        self._model = _load(path, binary=head.startswith(_BINARY))
        self._normalizer = note.normalizer if note else "basic"
        self._upper = note is None and _is_upper(self._model)
        self._name = f"{printable(path.name)}@{digest[:12]}"
        self._normalized("")  # an unknown normalizer is told now

    @property
    def signature(self) -> str:
        """See `ger.protocols.LanguageModel`."""
        return f"kenlm:{self._name},{self._normalizer}{',upper' if self._upper else ''}"

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
        """See `ger.protocols.LanguageModel`."""
        return [self._scores(request) for request in requests]

    def generate(self, requests: Sequence[GenerateRequest]) -> list[tuple[Answer, ...]]:
        """See `ger.protocols.LanguageModel`.

        Raises:
            ModelError: always; an n-gram model only scores.
        """
        raise ModelError(f"{self._name}: an n-gram model cannot generate text.", "Choose another language model.")

    def _scores(self, request: ScoreRequest) -> list[float]:
        prefix = self._normalized(request.prefix)
        return [self._model.score(self._normalized(text), prefix) for text in request.continuations]

    def _normalized(self, text: str) -> list[str]:
        try:
            text = normalize(text, self._normalizer)
        except UnknownNameError as error:
            raise ModelError(f"{self._name}: the note beside the model is not usable: {error}") from error
        text = text.encode("utf-8", "replace").decode()  # half surrogates
        return (text.upper() if self._upper else text).split()


class _Installed:
    """A model in the package kenlm."""

    def __init__(self, kenlm: Any, path: Path) -> None:
        config = kenlm.Config()
        config.show_progress = False
        config.arpa_complain = kenlm.ARPALoadComplain.NONE
        try:
            self._model = kenlm.Model(str(path), config)
        except (OSError, RuntimeError) as error:
            raise ModelError(f"{printable(path)}: the n-gram model cannot be loaded: {error}.") from error
        self._state = kenlm.State

    def __contains__(self, word: str) -> bool:
        return word in self._model

    def score(self, words: Iterable[str], prefix: Iterable[str] = ()) -> float:
        """As `NGramModel.score`."""
        state, after = self._state(), self._state()
        self._model.BeginSentenceWrite(state)
        for word in prefix:
            self._model.BaseScore(state, word, after)
            state, after = after, state
        total = 0.0
        for word in (*words, "</s>"):
            total += self._model.BaseScore(state, word, after)
            state, after = after, state
        return total * math.log(10)


def _load(path: Path, *, binary: bool) -> _Model:
    try:
        kenlm = import_module("kenlm")
    except ImportError as error:
        if binary:
            raise DependencyError("kenlm", "kenlm") from error
        return NGramModel.read(path)
    return _Installed(kenlm, path)


def _identity(path: Path) -> tuple[bytes, str]:
    """The first bytes of a file, and its SHA-256."""
    try:
        with path.open("rb") as stream:
            head = stream.read(8)
            stream.seek(0)
            return head, hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(
            f"{printable(path)} cannot be read: {error.strerror}.", "Make one with `ger lm train TEXT -o lm.arpa`."
        ) from error


def _is_upper(model: _Model) -> bool:
    return sum(word.upper() in model for word in _COMMON) > sum(word in model for word in _COMMON)
