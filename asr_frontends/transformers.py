"""Recognizers of the transformers library, with real N-best lists.

Two kinds of models are known, each with one way for all of its families:

- *Sequence models* write text token by token (Whisper, SeamlessM4T, Moonshine ...): beam search, several times as wide
  as the list, merged by text; see `asr_frontends.transformers_sequences`.
- *CTC models* give probabilities of symbols for every frame (wav2vec 2.0, HuBERT, WavLM, Parakeet ...): prefix search
  and exact scores; see `asr_frontends.transformers_ctc`.

A score is the log-probability (nats) of a text, summed over the forms of it that were found (case, punctuation,
tokens).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from asr_frontends.batches import in_memory
from asr_frontends.transformers_jobs import RATE, Job, Recognizer
from asr_frontends.transformers_loading import Loaded, loading, precision
from ger.device import device_of, is_memory
from ger.errors import DependencyError, ModelError, UsageError
from ger.models import resolve
from ger.protocols import FrontendOptions, Recalling
from ger.types import AudioSegment, NBest

__all__ = ["TransformersASR"]

# Seconds of audio in a batch; what memory grows with.
_BATCH_SECONDS = {"cpu": 60.0, "cuda": 480.0}


class TransformersASR:
    """N-best lists from recognizers that transformers can load; see `ger.protocols.AsrFrontend`.

    Raises:
        DependencyError: torch or transformers is not installed.
        ModelError: the model cannot be found or loaded, or is no recognizer of a known kind.
        UsageError: no model was named; the device or the precision is not to be had here; the model does not know the
            language or the task.
    """

    def __init__(self, options: FrontendOptions) -> None:
        try:
            import safetensors  # noqa: F401
            import torch
            import transformers
        except ImportError as error:
            raise DependencyError("torch or transformers", "transformers") from error
        if not options.model:
            raise UsageError(
                "The front end transformers has no model of its own.",
                "Name a folder or a hub id, for example --model transformers:openai/whisper-base",
            )
        self._device = device_of(options.device)
        self._precision = precision(options.compute_type, self._device)
        local = resolve(options.model, "recognizer", form="transformers")
        transformers.utils.logging.disable_progress_bar()
        if options.threads:
            torch.set_num_threads(options.threads)
        with loading(local.name):
            config = transformers.AutoConfig.from_pretrained(local.path, local_files_only=True)
        self._name, self._options = local.identity, options
        self._recognizer = _recognizer(Loaded(local, config, self._device, self._precision, options))

    @property
    def signature(self) -> str:
        """See `ger.protocols.AsrFrontend`."""
        options = self._options
        target = f",target={options.into}" if options.into not in (None, "en") else ""
        return (
            f"transformers:{self._name},{self._precision},beam={self._recognizer.beam},nbest={options.nbest},"
            f"task={options.task}{target},language={options.language or 'auto'}" + self._recognizer.told
        )

    def recognize(self, segments: Sequence[AudioSegment]) -> list[NBest]:
        """See `ger.protocols.AsrFrontend`. A segment's list does not depend on what it is batched with.

        Raises:
            MemoryLimitError: not enough memory, even for one segment.
            ModelError: the recognizer broke, or a segment is longer than the model hears at once.
            UsageError: the model does not know the language of a segment.
        """
        for segment in segments:
            self._recognizer.check_segment(segment)
        told = [self._recognizer.named(segment.language or self._options.language) for segment in segments]
        jobs = list(map(Job, segments, told))
        heard = [job for job in jobs if job.segment.samples.any()]
        for stage in self._recognizer.stages(heard):
            self._in_batches(stage.work, stage.jobs)
        return [self._nbest(job) for job in jobs]

    def recall(self, nbest: NBest) -> None:
        """See `ger.protocols.Recalling`."""
        if isinstance(self._recognizer, Recalling):
            self._recognizer.recall(nbest)

    def _in_batches(self, work: Any, jobs: list[Job]) -> None:
        """Do something with all jobs, batched with others of about their length, long ones first."""
        ordered = sorted(jobs, key=lambda job: -len(job.segment.samples))
        while ordered:
            rows = self._rows(ordered)
            in_memory(work, ordered[:rows], device=self._device, is_memory=is_memory)
            del ordered[:rows]

    def _rows(self, ordered: list[Job]) -> int:
        """How many of the next jobs share a batch."""
        first = ordered[0]
        longest = self._recognizer.padded(len(first.segment.samples))
        most = self._options.batch_size or max(1, int(_BATCH_SECONDS[self._device] * RATE / longest))
        if self._recognizer.mixes:
            return sum(job.span == first.span for job in ordered[:most])
        return sum(len(job.segment.samples) == len(first.segment.samples) for job in ordered[:most])

    def _nbest(self, job: Job) -> NBest:
        return NBest(
            id=job.segment.id,
            hypotheses=tuple(job.hypotheses),
            audio=job.segment.span,
            language=job.language,
            task=self._options.task,
            target=self._options.into,
            context=job.segment.context,
            meta={"frontend": "transformers"} | job.meta,
        )


def _recognizer(loaded: Loaded) -> Recognizer:
    """The way for a model's type.

    Raises:
        ModelError: there is none.
    """
    from transformers.models.auto.modeling_auto import MODEL_FOR_CTC_MAPPING_NAMES as CTC

    from asr_frontends.transformers_ctc import CtcRecognizer
    from asr_frontends.transformers_families import FAMILIES
    from asr_frontends.transformers_sequences import SequenceRecognizer
    from asr_frontends.transformers_whisper import WhisperRecognizer

    kind = loaded.config.model_type
    if kind == "whisper":
        return WhisperRecognizer(loaded)
    if kind in FAMILIES:
        return SequenceRecognizer(loaded)
    if kind in CTC:
        return CtcRecognizer(loaded)
    raise ModelError(
        f"{loaded.local.name} is a model of type {kind!r}, which the front end transformers does not know.",
        f"Known: {', '.join(sorted({*FAMILIES, *CTC}))}.",
    )
