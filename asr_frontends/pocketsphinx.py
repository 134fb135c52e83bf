"""pocketsphinx: a classical recognizer (hidden Markov models, a dictionary, trigrams), with the lattice it searched.

Its wheel carries an English model, so it needs no download. Its own `nbest` gives one mixed score, and texts that
differ in silence only; here the lattice is taken, and its best different texts are found exactly
(`ger.io.lattice.best`). Scores, in nats:

- `acoustic_score`: the acoustic model's log-likelihood of the best path with that text, over word pronunciations,
  silence, noise and their times, with the prior of silence and noise (`silprob`, `fillprob`). As the recognizer has
  it, a frame counts relative to its most likely density: right up to a constant that all texts of a segment share,
  which also takes the word (mostly `</s>`) that all paths end with.
- `lm_score`: log p(text, end of sentence) by its n-grams; nothing for a word's length or number.
- `score`: `acoustic_score / bestpathlw + lm_score`, with the recognizer's language weight (9.5). It ranks by that,
  times the weight, with a small word insertion penalty (`wip`) that is left out here.
"""

from __future__ import annotations

import hashlib
import math
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from asr_frontends.pocketsphinx_lattice import WordGraph, expand, read, times
from ger.errors import DependencyError, ModelError, UsageError
from ger.io.lattice import Lattice, best
from ger.languages import canonical
from ger.protocols import FrontendOptions
from ger.text.normalize import normalize
from ger.types import AudioSegment, Hypothesis, NBest, Word

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["PocketSphinx"]

_ENGLISH = "en-us"
#: Edges of the lattice with a smaller posterior probability are left out, and histories of a node beyond so many.
_LEAST, _WIDTH = 1e-5, 32
_FRAME = 480  # samples that the voice activity detection hears at once
_SPOKEN = 5  # frames of speech that somebody who speaks has at least; noise that begins passes for some three
#: The acoustic model is a folder with an `mdef`; the others are files.
_PATTERNS = {"lm": ("*.lm", "*.lm.bin", "*.lm.gz", "*.lm.dmp", "*.arpa"), "dict": ("*.dict", "*.dic")}


class PocketSphinx:
    """N-best lists from pocketsphinx; see `ger.protocols.AsrFrontend`.

    `options.model` is empty or `en-us` for the model in its wheel, or a folder with one acoustic model (a folder that
    holds `mdef`), one language model and one dictionary. Texts are as the dictionary spells them.

    Raises:
        DependencyError: pocketsphinx is not installed.
        ModelError: the model cannot be found or loaded.
        UsageError: the model does not know the language, or something was asked for that pocketsphinx cannot do.
    """

    def __init__(self, options: FrontendOptions) -> None:
        try:
            import pocketsphinx
        except ImportError as error:
            raise DependencyError("pocketsphinx", "pocketsphinx") from error
        self._english = options.model in ("", _ENGLISH)
        _check(options)
        self._check_language(options.language)
        files = _files(Path(pocketsphinx.get_model_path()) / _ENGLISH if self._english else Path(options.model))
        try:
            self._decoder = pocketsphinx.Decoder(loglevel="FATAL", **{kind: str(path) for kind, path in files.items()})
        except RuntimeError as error:
            raise ModelError(
                f"{options.model or _ENGLISH}: pocketsphinx cannot load {', '.join(map(str, files.values()))}."
            ) from error
        self._options = options
        self._name = f"{_ENGLISH if self._english else Path(options.model).absolute().name}@{_digest(files)}"
        self._weight = float(self._decoder.config["bestpathlw"])
        self._lm = self._decoder.get_lm(self._decoder.current_search())
        self._nat = math.log(self._decoder.config["logbase"])
        self._logp = lru_cache(1 << 20)(self._lookup)
        self._one = threading.Lock()

    @property
    def signature(self) -> str:
        """See `ger.protocols.AsrFrontend`."""
        return f"pocketsphinx:{self._name},{version('pocketsphinx')},nbest={self._options.nbest}"

    def recognize(self, segments: Sequence[AudioSegment]) -> list[NBest]:
        """See `ger.protocols.AsrFrontend`. Segments are decoded one by one, each with a decoder as new.

        Raises:
            ModelError: the recognizer broke.
            UsageError: the model does not know the language of a segment.
        """
        for segment in segments:
            self._check_language(segment.language)
        return [self._nbest(segment) for segment in segments]

    def graph(self, samples: npt.NDArray[np.float32]) -> WordGraph | None:
        """What pocketsphinx heard in mono 16 kHz samples; `None` where nobody speaks.

        Raises:
            ModelError: the recognizer broke.
        """
        import numpy as np

        data = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
        if not _spoken(data):
            return None
        with self._one, tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "lattice.slf"
            try:
                self._decoder.reinit_feat()  # forgets mean and noise of what was decoded before
                self._decoder.start_utt()
                self._decoder.process_raw(data, full_utt=True)
                self._decoder.end_utt()
                # Asking for the hypothesis is what computes the posterior probabilities of the lattice.
                lattice = self._decoder.get_lattice() if self._decoder.hyp() else None
                if lattice is None:
                    return None
                lattice.write_htk(str(path))
            except RuntimeError as error:
                raise ModelError(f"pocketsphinx failed: {error}.") from error
            return read(path, _LEAST)

    def lattice(self, graph: WordGraph) -> Lattice:
        """What was heard with the n-grams' scores; the scale of acoustic scores is `scale`."""
        return expand(graph, self._logp, self._lm.size(), self.scale, _WIDTH)

    @property
    def scale(self) -> float:
        """What `score` multiplies acoustic scores with: one over the recognizer's language weight."""
        return 1 / self._weight

    def _nbest(self, segment: AudioSegment) -> NBest:
        graph = self.graph(segment.samples)
        return NBest(
            id=segment.id,
            hypotheses=tuple(self._hypotheses(graph, segment)) if graph else (),
            audio=segment.span,
            language="en" if self._english else segment.language or self._options.language,
            context=segment.context,
            meta={"frontend": "pocketsphinx"},
        )

    def _hypotheses(self, graph: WordGraph, segment: AudioSegment) -> Iterator[Hypothesis]:
        """The best different texts; none at all where the best one is empty."""
        seen: set[str] = set()
        # Twice as many and one: a few texts differ in what normalization takes away, and one may be empty.
        for path in best(self.lattice(graph), 2 * self._options.nbest + 1, self.scale):
            said = normalize(path.text)
            if not said and not seen:
                return
            if said and said not in seen and len(seen) < self._options.nbest:
                found = Hypothesis(path.text, self.scale * path.acoustic + path.lm, path.acoustic, path.lm)
                yield found if seen else replace(found, words=_words(graph, path.text.split(), segment))
                seen.add(said)

    def _lookup(self, word: str, history: tuple[str, ...]) -> float:
        """log p(word | history) in nats; pocketsphinx takes the word first and then the nearest one."""
        return float(self._lm.prob([word, *reversed(history)]) * self._nat)

    def _check_language(self, language: str | None) -> None:
        if self._english and language and canonical(language) != "en":
            raise UsageError(
                f"pocketsphinx's own model does not know the language {language!r}.",
                "Give a folder with an acoustic model, a language model and a dictionary to --model.",
            )


def _spoken(data: bytes) -> bool:
    """Whether anybody speaks, by WebRTC's voice activity detection."""
    import pocketsphinx

    vad, size = pocketsphinx.Vad(pocketsphinx.Vad.STRICT), 2 * _FRAME
    frames = (data[first : first + size] for first in range(0, len(data) - size + 1, size))
    return sum(1 for frame in frames if vad.is_speech(frame)) >= _SPOKEN


def _words(graph: WordGraph, words: list[str], segment: AudioSegment) -> tuple[Word, ...]:
    offset = segment.span.start or 0.0
    spans = times(graph, words)
    return tuple(Word(w, round(offset + a, 3), round(offset + b, 3)) for w, (a, b) in zip(words, spans, strict=True))


def _check(options: FrontendOptions) -> None:
    if options.task == "translate":
        raise UsageError("pocketsphinx cannot translate.", "Use a multilingual Whisper model.")
    if options.device not in ("auto", "cpu"):
        raise UsageError(f"pocketsphinx does not run on {options.device!r}.", "Use --device cpu.")
    if options.compute_type != "auto":
        raise UsageError("pocketsphinx has one precision.", "Leave out --compute-type.")


def _files(folder: Path) -> dict[str, Path]:
    """Acoustic model, language model and dictionary of a folder.

    Raises:
        ModelError: one is missing, or there are several.
    """
    if not folder.is_dir():
        raise ModelError(f"There is no folder {folder}.", "Leave out --model for pocketsphinx's own English model.")
    files = sorted(Path(parent) / name for parent, _, names in os.walk(folder, followlinks=True) for name in names)
    found = {"hmm": [file.parent for file in files if file.name == "mdef"]}
    for kind, patterns in _PATTERNS.items():
        # Language models of phones stand beside those of words.
        found[kind] = [f for f in files if any(map(f.match, patterns)) and "phone" not in f.name]
    for kind, paths in found.items():
        if len(paths) != 1:
            title = {"hmm": "folders with 'mdef'", "lm": "language models", "dict": "dictionaries"}[kind]
            raise ModelError(
                f"{folder} holds {len(paths)} {title}.",
                f"One acoustic model, one {', '.join(_PATTERNS['lm'])} and one {' or '.join(_PATTERNS['dict'])} "
                "are needed.",
            )
    return {kind: paths[0] for kind, paths in found.items()}


def _digest(files: dict[str, Path]) -> str:
    """8 hex digits that depend on everything in the model."""
    digest = hashlib.sha256()
    for path in files.values():
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            digest.update(f"{file.name} {file.stat().st_size}\n".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:8]
