"""NeMo's recognizers, from `.nemo` files or the hub: CTC, transducers (RNNT, TDT, hybrid) and Canary.

- *Lists.* NeMo's batched beam searches find token sequences: `beam_batch` (CTC), `malsd_batch` (transducers), `beam`
  (Canary). Sequences whose texts are equal after normalization become one hypothesis.
- *Scores.* What the search says is put aside, see `asr_frontends.nemo_families`. The score of a hypothesis is the
  logarithm (nats) of the sum of the exact probabilities of its token sequences, as far as the search found them.
- *Hotwords* go into the boosting tree of a second search. Half of a list are the most probable texts, the others those
  that this search ranks highest. Scores and order are those without the boost.
"""

from __future__ import annotations

import contextlib
import logging
import math
import pickle
import tarfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from asr_frontends.batches import in_memory
from asr_frontends.beams import Merged, Path, distinct, merge, whole
from asr_frontends.hotwords import signature
from asr_frontends.nemo_attention import Attention
from asr_frontends.nemo_families import family_of
from asr_frontends.nemo_search import Encoded, Piece, Tokens, frame_of
from ger.device import device_of, is_memory
from ger.errors import DependencyError, DownloadError, ModelError, UsageError
from ger.models import hub
from ger.models.locate import local_identity
from ger.protocols import FrontendOptions
from ger.registry import suggest
from ger.text.normalize import normalize
from ger.text.tokens import places
from ger.types import AudioSegment, Hypothesis, NBest, Word

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Nemo"]

_RATE = 16_000
_SHORTEST = 0.2  # seconds; less is filled with silence, as the features are normalized over time
_ATTENTION_SECONDS = 40.0  # what Canary was trained on
#: What NeMo raises where it breaks.
_ERRORS = (RuntimeError, ValueError, IndexError, AssertionError, MemoryError)
_BATCH_SECONDS = {"cpu": 120.0, "cuda": 960.0}  # of a batch with its padding
_PRECISIONS = ("float32", "bfloat16", "float16")


@dataclass(slots=True)
class _Job:
    """A segment on its way through the recognizer."""

    segment: AudioSegment
    language: str
    hypotheses: list[Hypothesis] = field(default_factory=list)


class Nemo:
    """N-best lists from NeMo's models; see `ger.protocols.AsrFrontend` and the top of this file.

    Raises:
        DependencyError: NeMo is not installed.
        ModelError: the model cannot be found or loaded, or gives no lists.
        UsageError: no model is named, the device or the precision is not to be had, or the model does not know the
            language or the task.
    """

    def __init__(self, options: FrontendOptions) -> None:
        path, self._name = _located(options.model)
        asr_model = _nemo()
        self._device = device_of(options.device)
        self._precision = "float32" if options.compute_type == "auto" else options.compute_type
        if self._precision not in _PRECISIONS:
            raise UsageError(
                f"The precision {self._precision!r} is not known to NeMo.", suggest(self._precision, _PRECISIONS)
            )
        if options.threads:
            import torch

            torch.set_num_threads(options.threads)
        model = _loaded(asr_model, path, self._device)
        self._options = options
        self._beam = options.beam_size or max(5, 4 * options.nbest)
        self._model = model
        self._family = family_of(model, self._beam, options)
        self._family.language(options.language)
        self._batch = options.batch_size or (8 if self._device == "cpu" else 16)
        self._seconds = _longest(model, attention=isinstance(self._family, Attention))

    @property
    def signature(self) -> str:
        """See `ger.protocols.AsrFrontend`."""
        options = self._options
        target = f",target={options.into}" if options.into not in (None, "en") else ""
        return (
            f"nemo:{self._name},{self._precision},beam={self._beam},nbest={options.nbest},"
            f"task={options.task}{target},language={options.language or 'auto'}{signature(options.hotwords)}"
        )

    def recognize(self, segments: Sequence[AudioSegment]) -> list[NBest]:
        """See `ger.protocols.AsrFrontend`.

        Raises:
            MemoryLimitError: not enough memory, even for one segment.
            ModelError: the recognizer broke, or a segment is longer than what the model hears at once.
            UsageError: the model does not know the language of a segment.
        """
        jobs = [self._job(segment) for segment in segments]
        said = [job for job in jobs if job.segment.samples.any()]
        for batch in self._batches(said):
            in_memory(
                self._recognize,
                batch,
                device=self._device,
                is_memory=is_memory,
                errors=_ERRORS,
                title=f"{self._name}: the recognizer",
            )
        return [self._nbest(job) for job in jobs]

    def _job(self, segment: AudioSegment) -> _Job:
        if segment.duration > self._seconds:
            raise ModelError(
                f"{segment.id}: {segment.duration:.1f} s are more than the {self._seconds:.0f} s that "
                f"{self._name} hears at once.",
                "Cut the recording into shorter segments.",
            )
        return _Job(segment, self._family.language(segment.language or self._options.language))

    def _batches(self, jobs: Sequence[_Job]) -> Iterator[list[_Job]]:
        """Jobs of similar length together."""
        batch: list[_Job] = []
        for job in sorted(jobs, key=lambda job: -job.segment.duration):
            longest = batch[0].segment.duration if batch else 0.0
            if batch and (len(batch) == self._batch or (len(batch) + 1) * longest > _BATCH_SECONDS[self._device]):
                yield batch
                batch = []
            batch.append(job)
        if batch:
            yield batch

    def _recognize(self, jobs: list[_Job]) -> None:
        import torch

        with torch.inference_mode():
            encoded = self._encode(jobs)
            for job, heard, found in zip(jobs, encoded, self._family.search(encoded), strict=True):
                texts = list(dict.fromkeys([*found.plain, *found.boosted]))
                scores = self._family.scores(heard, texts)
                merged = self._merged([Path(*path) for path in zip(texts, scores, strict=True)], found.boosted)
                job.hypotheses = [Hypothesis(item.text, score=item.score, acoustic_score=item.score) for item in merged]
                if merged:
                    words = _words(self._family.timed(heard, merged[0].path.tokens), job.segment)
                    job.hypotheses[0] = replace(job.hypotheses[0], words=words)

    def _encode(self, jobs: list[_Job]) -> list[Encoded]:
        import torch

        waves = [_filled(job.segment.samples) for job in jobs]
        padded = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(wave) for wave in waves], batch_first=True)
        lengths = torch.tensor([len(wave) for wave in waves])
        languages = [job.language for job in jobs]
        mixed = self._precision != "float32"
        with torch.autocast(self._device, dtype=getattr(torch, self._precision), enabled=mixed):
            return self._family.encode(padded.to(self._device), lengths.to(self._device), languages)

    def _merged(self, paths: list[Path], boosted: list[Tokens]) -> list[Merged]:
        """Different texts, most probable first; with hotwords, half of them are those that the boosted search found."""
        decode = self._family.decode
        possible = [path for path in paths if math.isfinite(path.score)]
        if isinstance(self._family, Attention):
            ranked = merge(whole(possible, decode), decode) if possible else []
        else:
            # Frames are shared out among the tokens: no text is favoured because it is short.
            ranked = distinct(possible, decode)
            ranked = [item for item in ranked if item.words] if ranked and ranked[0].words else []
        size = self._options.nbest
        if boosted:
            found = {normalize(decode(tokens)): None for tokens in boosted}
            order = [item for text in found for item in ranked if " ".join(item.words) == text]
            wanted = list(dict.fromkeys([*ranked[: size // 2], *order, *ranked]))[:size]
            ranked = [item for item in ranked if item in wanted]
        return _descending(ranked)[:size]

    def _nbest(self, job: _Job) -> NBest:
        return NBest(
            id=job.segment.id,
            hypotheses=tuple(job.hypotheses),
            audio=job.segment.span,
            language=job.language or job.segment.language or self._options.language,
            task=self._options.task,
            target=self._options.into,
            context=job.segment.context,
            meta={"frontend": "nemo"},
        )


def _nemo() -> Any:
    """NeMo's class of all recognizers. Importing it takes some ten seconds, and it says much on the way."""
    try:
        with _quiet():
            from nemo.collections.asr.models import ASRModel
            from nemo.utils import logging as nemo_logging
    except ImportError as error:
        raise DependencyError("NeMo", "nemo") from error
    nemo_logging.setLevel(logging.CRITICAL)
    return ASRModel


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without warnings and log records: what matters is raised."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _located(name: str) -> tuple[FilePath, str]:
    """The `.nemo` file of a model and its identity, fetched first where that is needed."""
    if not name:
        raise UsageError("nemo has no model of its own.", "Name a .nemo file or a hub id: --model nemo:FILE.nemo")
    path = FilePath(name).expanduser()
    if path.is_dir():
        path = _only(path, name)
    if path.is_file():
        return path, local_identity(path)
    if path.suffix == ".nemo" or not hub.is_hub_id(name):
        raise ModelError(f"There is no file {name}.", "Give a .nemo file, or a hub id (organization/model).")
    repo, _, revision = name.partition("@")
    try:
        folder, commit = hub.snapshot(repo, revision or None, wanted=["*.nemo"])
    except (DownloadError, ModelError) as error:
        hint = "Fetch its .nemo file on a machine with a network, and name the file."
        raise type(error)(error.message, hint) from error
    return _only(folder, name), f"{repo}@{commit}"


def _only(folder: FilePath, name: str) -> FilePath:
    files = sorted(folder.glob("*.nemo"))
    if len(files) != 1:
        raise ModelError(f"{name} holds {len(files) or 'no'} .nemo files.", "Give the path of one file.")
    return files[0]


def _loaded(asr_model: Any, path: FilePath, device: str) -> Any:
    try:
        with _quiet():
            model = asr_model.restore_from(str(path), map_location=device)
    except (
        *(OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, RuntimeError, AssertionError),
        *(tarfile.TarError, pickle.UnpicklingError),
    ) as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise ModelError(f"{path}: the recognizer cannot be loaded: {reason}.", "A .nemo file is needed.") from error
    rate = model.cfg.get("sample_rate") or model.cfg.get("preprocessor", {}).get("sample_rate")
    if rate not in (None, _RATE):
        raise ModelError(f"{path.name} hears audio of {rate} Hz, and ger gives 16000 Hz.", "Use another model.")
    return model.to(device).eval()


def _longest(model: Any, *, attention: bool) -> float:
    """Seconds that a model hears at once: as far as its encoder counts, and what Canary was trained on."""
    counted = float(model.cfg.encoder.get("pos_emb_max_len") or 5000) * frame_of(model)
    return min(counted, _ATTENTION_SECONDS) if attention else counted


def _filled(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The samples, with silence behind what is too short for the features."""
    import numpy as np

    return np.pad(samples, (0, max(0, int(_SHORTEST * _RATE) - len(samples)))).astype(np.float32)


def _descending(ranked: Sequence[Merged]) -> list[Merged]:
    """Without what has the very score of the one before: scores descend strictly."""
    return [item for i, item in enumerate(ranked) if i == 0 or item.score < ranked[i - 1].score]


def _words(items: Sequence[Piece], segment: AudioSegment) -> tuple[Word, ...]:
    """Words with times in the recording: from the first to the last piece that has characters of the word."""
    if not items:
        return ()
    full = items[-1].text
    ends = [len(piece.text) for piece in items]
    starts = [0, *ends[:-1]]
    offset, last = segment.span.start or 0.0, segment.duration
    words = []
    for first, after in places(full):
        own = [i for i in range(len(items)) if starts[i] < after and ends[i] > first]
        if not own:
            return ()
        start, end = (round(offset + min(last, at), 3) for at in (items[own[0]].start, items[own[-1]].end))
        words.append(Word(full[first:after], start, end))
    return tuple(words)
