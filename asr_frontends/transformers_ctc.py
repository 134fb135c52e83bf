"""CTC models of transformers: log-posteriors, prefix search, exact scores, word times."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from asr_frontends.beams import distinct
from asr_frontends.ctc import align, prefix_search
from asr_frontends.transformers_jobs import RATE, Job, Recognizer, Stage
from asr_frontends.transformers_loading import Loaded
from ger.errors import UsageError
from ger.types import Word

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

__all__ = ["CtcRecognizer"]


class CtcRecognizer(Recognizer):
    """wav2vec 2.0, HuBERT, WavLM, Parakeet and all others that `AutoModelForCTC` loads.

    A score is the total over all alignments of a text. The language is not asked for; models know one or mix all.
    """

    def __init__(self, loaded: Loaded) -> None:
        import transformers

        super().__init__(loaded)
        self.check(None)
        self._extractor = loaded.part(transformers.AutoFeatureExtractor)
        self._tokenizer = loaded.part(transformers.AutoTokenizer)
        self._model = loaded.model(transformers.AutoModelForCTC)
        # Texts of the same words are many, since they differ in single letters.
        self.beam = self._options.beam_size or max(32, 8 * self._options.nbest)
        self._blank = int(self._model.config.pad_token_id)

    def check(self, language: str | None) -> None:
        """See `Recognizer`."""
        if self._options.task == "translate":
            raise UsageError(
                f"{self._title} cannot translate.",
                "Add --translator MODEL, which translates what it has written, or use a multilingual Whisper model.",
            )

    def stages(self, jobs: list[Job]) -> Iterator[Stage]:
        """See `Recognizer`."""
        yield Stage(self._recognize, jobs)

    def _recognize(self, jobs: list[Job]) -> None:
        for job, logp in zip(jobs, self._outputs([job.samples for job in jobs]), strict=True):
            job.paths = prefix_search(logp, self.beam, blank=self._blank)
            merged = distinct(job.paths, self._decode)
            # Nothing is most probable: nothing was said.
            job.take([item for item in merged if item.words] if merged[0].words else [], self._options.nbest)
            if job.hypotheses:
                job.hypotheses[0] = replace(job.hypotheses[0], words=self._words(job, logp))

    def _outputs(self, samples: list[Array]) -> list[Array]:
        """Log-posteriors of each recording, shape (frames, symbols)."""
        import torch

        inputs = self._extractor(
            samples, sampling_rate=RATE, padding="longest", return_tensors="pt", return_attention_mask=True
        )
        mask = inputs.get("attention_mask")
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Support for mismatched key_padding_mask")  # WavLM mixes kinds of masks
            logits = self._model(**self._tensors(inputs)).logits
            logp = torch.log_softmax(logits.float(), dim=-1).cpu().numpy()
        lengths = self._lengths(mask, logp.shape[1]) if len(samples) > 1 else [logp.shape[1]]
        return [rows[:length] for rows, length in zip(logp, lengths, strict=True)]

    def _lengths(self, mask: Any, frames: int) -> list[int]:
        """Output frames of each recording; the library counts them under different names."""
        for name in ("_get_feat_extract_output_lengths", "_get_subsampling_output_length"):
            for owner in (self._model, self._model.get_encoder() if hasattr(self._model, "get_encoder") else None):
                if count := getattr(owner, name, None):
                    return [min(frames, int(length)) for length in count(mask.sum(-1))]
        return [frames] * len(mask)  # wrong for all but the longest, which the comparison with single ones notices

    def _decode(self, tokens: list[int]) -> str:
        # Repeated symbols are repeated letters here: the search has merged those of one sound already.
        return str(
            self._tokenizer.decode(
                tokens, skip_special_tokens=True, group_tokens=False, clean_up_tokenization_spaces=False
            )
        )

    def _words(self, job: Job, logp: Array) -> tuple[Word, ...]:
        """Words of the best text, from its most probable alignment; confidence is a mean over its letters."""
        step = len(job.samples) / RATE / len(logp)
        offset = job.segment.span.start or 0.0
        end = offset + job.segment.duration
        spans = align(logp, job.best, blank=self._blank)
        made: dict[int, list[tuple[int, int, float]]] = {}
        before = ""
        for place, (token, (first, after)) in enumerate(zip(job.best, spans, strict=True)):
            text = self._decode(list(job.best[: place + 1])).strip()
            if text != before:
                peak = float(logp[first:after, token].max())
                made.setdefault(len(text.split()) - 1, []).append((first, after, peak))
            before = text
        texts = self._decode(list(job.best)).split()
        return tuple(
            Word(
                texts[number],
                round(min(end, offset + letters[0][0] * step), 3),
                round(min(end, offset + letters[-1][1] * step), 3),
                round(math.exp(sum(peak for _, _, peak in letters) / len(letters)), 4),
            )
            for number, letters in made.items()
            if number < len(texts)
        )
