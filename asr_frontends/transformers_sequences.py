"""Sequence models of transformers: one way for all families, whose differences are in a table.

`asr_frontends.transformers_families` says how a model is asked, `asr_frontends.transformers_search` searches.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from asr_frontends.beams import merge, whole
from asr_frontends.transformers_families import FAMILIES
from asr_frontends.transformers_jobs import RATE, Job, Recognizer, Stage
from asr_frontends.transformers_loading import Loaded
from asr_frontends.transformers_search import Search, attention_name
from asr_frontends.whisper import MAX_TOKENS, check_length
from ger.languages import among
from ger.types import AudioSegment, AudioSpan

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

__all__ = ["SequenceRecognizer"]


_TOKENS_PER_SECOND = 8  # English needs 3 to 5
#: How configurations call the number of tokens that a decoder has room for.
_ROOMS = ("max_target_positions", "max_text_positions", "max_position_embeddings")


class SequenceRecognizer(Recognizer):
    """Models that write text token by token; segments of at most 30 s."""

    def __init__(self, loaded: Loaded) -> None:
        import transformers

        super().__init__(loaded)
        self._family = FAMILIES[loaded.config.model_type]
        if self._family.by_tokens:
            self._extractor = loaded.part(transformers.AutoFeatureExtractor)
            self._tokenizer = loaded.part(transformers.AutoTokenizer)
        else:
            self._processor = loaded.part(transformers.AutoProcessor)
            self._tokenizer = self._processor.tokenizer
        self._vocabulary: dict[str, int] = self._tokenizer.get_vocab()
        if self._options.language or self._options.task == "translate":
            self.check(self._options.language)
        options = {"attn_implementation": attention_name()} if self._family.shared else {}
        self._model = loaded.model(getattr(transformers, self._family.auto), **options)
        self.beam = self._options.beam_size or max(5, 4 * self._options.nbest)
        self._search = self._searcher()

    def _searcher(self) -> Search:
        return Search(self._model, self.beam, shared=self._family.shared)

    def check(self, language: str | None) -> None:
        """See `Recognizer`."""
        self._family.check_into(self._title, self._options.into)
        if self._family.by_tokens:
            self._family.tokens(self._title, self._vocabulary, language, self._options.into)

    def named(self, language: str | None) -> str | None:
        """See `Recognizer`."""
        return language and among(language, self._known)

    @cached_property
    def _known(self) -> list[str]:
        """The codes of the languages that the model has to be told."""
        return self._family.languages(self._vocabulary)

    def check_segment(self, segment: AudioSegment) -> None:
        """See `Recognizer`."""
        check_length(segment, self._title)
        super().check_segment(segment)

    def stages(self, jobs: list[Job]) -> Iterator[Stage]:
        """See `Recognizer`."""
        yield Stage(self._find, jobs)

    def _find(self, jobs: list[Job]) -> None:
        """Fill jobs with hypotheses; what does not end within many tokens is searched again with more."""
        self._fill(jobs, 16 + _TOKENS_PER_SECOND * jobs[0].span)
        for job in jobs:
            if not job.ended:
                self._fill([job], MAX_TOKENS)

    def _fill(self, jobs: list[Job], limit: int) -> None:
        inputs = self._inputs(jobs)
        given = inputs.get("decoder_input_ids", inputs.get("input_ids"))
        for job, found in zip(jobs, self._search.paths(inputs, min(limit, self._room(given))), strict=True):
            job.ended = found.ended
            job.paths = whole(found.paths, self._decode)
            job.take(merge(job.paths, self._decode), self._options.nbest)

    def _room(self, given: Any) -> int:
        """Tokens of a text at most."""
        config = self._model.config.get_text_config(decoder=True)
        rooms = [getattr(config, name, None) for name in _ROOMS]
        taken = int(given.shape[1]) + 1
        return min([MAX_TOKENS, *(int(room) - taken for room in rooms if room)])

    def _decode(self, tokens: list[int]) -> str:
        return str(self._tokenizer.decode(tokens, skip_special_tokens=True))

    def _inputs(self, jobs: list[Job]) -> dict[str, Any]:
        """What the model is called with, the beginning of the text included."""
        samples = [job.samples for job in jobs]
        if self._family.by_tokens:
            return self._features(samples) | {"decoder_input_ids": self._prompts(jobs)}
        if self._family.instruction:
            return self._tensors(self._instructed(samples))
        return self._tensors(self._requested(samples, jobs))

    def _features(self, samples: list[Array]) -> dict[str, Any]:
        return self._tensors(
            self._extractor(
                samples,
                sampling_rate=RATE,
                padding=self._family.padding,
                return_attention_mask=True,
                return_tensors="pt",
            )
        )

    def _prompts(self, jobs: list[Job]) -> Any:
        """The tokens that texts begin with, shape (jobs, tokens)."""
        import torch

        start = self._model.generation_config.decoder_start_token_id
        tokens = [
            [start, *self._family.tokens(self._title, self._vocabulary, job.language, self._options.into)]
            for job in jobs
        ]
        return torch.tensor(tokens, device=self._device)

    def _requested(self, samples: list[Array], jobs: list[Job]) -> Any:
        """Inputs from a processor that knows how its model is asked for a transcript."""
        arguments: dict[str, Any] = {
            name: value.format(model=self._title) for name, value in self._family.arguments.items()
        }
        if all(job.language for job in jobs):
            arguments[self._family.request] = [job.language for job in jobs]
        if self._options.into:
            arguments[self._family.target] = [self._options.into] * len(jobs)
        return self._processor.apply_transcription_request(samples, sampling_rate=RATE, **arguments)

    def _instructed(self, samples: list[Array]) -> Any:
        """Inputs for a model that is told in words what to do."""
        content = [{"type": "audio", "audio": ""}, {"type": "text", "text": self._family.instruction}]
        text = self._processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
        )
        return self._processor(
            text=[text] * len(samples), audio=samples, sampling_rate=RATE, padding=True, return_tensors="pt"
        )

    def _outputs(self, samples: list[Array]) -> list[Array]:
        """Log-probabilities of the first token of each recording's text, shape (1, vocabulary)."""
        import torch

        language = self.named(self._options.language) or next(iter(self._known), None)
        jobs = [Job(AudioSegment("", AudioSpan(""), one), language) for one in samples]
        with torch.inference_mode():
            logits = self._model(**self._inputs(jobs)).logits[:, -1:]
            return list(torch.log_softmax(logits.float(), dim=-1).cpu().numpy())
