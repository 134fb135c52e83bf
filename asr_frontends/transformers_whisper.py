"""Whisper of transformers: what it can do beyond other sequence models.

It hears the language of a recording and whether anybody speaks, both from the first thing that its decoder says, and
its cross-attention tells when words were said.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from asr_frontends.dtw import attended, beginnings
from asr_frontends.hotwords import Shortlist, joined, prompted
from asr_frontends.transformers_jobs import RATE, Job, Stage
from asr_frontends.transformers_search import Search, attention_name
from asr_frontends.transformers_sequences import SequenceRecognizer
from asr_frontends.whisper import LONGEST, PROMPT_TOKENS, UNSPACED, Languages, silent, words
from ger.errors import UsageError
from ger.languages import unknown
from ger.types import NBest, Word

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

__all__ = ["WhisperRecognizer"]

_GROUP = 32  # segments whose encoder states are held at once
_FRAME = 0.02  # seconds of an encoder state


class WhisperRecognizer(SequenceRecognizer):
    """Whisper, always with its full window of 30 s."""

    mixes = True  # all segments have the length of the window

    def _searcher(self) -> Search:
        config = self._model.generation_config
        self._heads: list[list[int]] = getattr(config, "alignment_heads", None) or self._upper_heads()
        self._languages = Languages()
        self._shortlist = Shortlist(self._options.hotwords, self._options.sounds)
        self.told = self._shortlist.signature
        self._start = int(config.decoder_start_token_id)
        self._plain = self._vocabulary["<|notimestamps|>"]
        told = getattr(config, "is_multilingual", None)
        self._multilingual = self._model.config.vocab_size >= 51865 if told is None else bool(told)
        self.check(self._options.language)
        never = {*(config.suppress_tokens or ()), *range(self._plain + 1, self._model.config.vocab_size)}
        config.suppress_tokens = sorted(never)
        return super()._searcher()

    def recall(self, nbest: NBest) -> None:
        """See `ger.protocols.Recalling`."""
        self._languages.recall(nbest)

    def _upper_heads(self) -> list[list[int]]:
        """Where nobody says which heads follow the audio: those of the upper half, as in the original Whisper."""
        config = self._model.config
        layers = range(config.decoder_layers // 2, config.decoder_layers)
        return [[layer, head] for layer in layers for head in range(config.decoder_attention_heads)]

    def check(self, language: str | None) -> None:
        """See `Recognizer`."""
        if language and self.named(language) not in self._known:
            raise unknown(self._title, language, self._known)
        if self._options.task == "translate" and not getattr(self, "_multilingual", True):
            raise UsageError(f"{self._title} cannot translate.", "Use a multilingual Whisper model.")
        self._family.check_into(self._title, self._options.into)

    def padded(self, samples: int) -> int:
        """See `Recognizer`."""
        return LONGEST * RATE

    def stages(self, jobs: list[Job]) -> Iterator[Stage]:
        """See `Recognizer`. The language of a recording is heard once, from its first half minute."""
        for first in range(0, len(jobs), _GROUP):
            group = jobs[first : first + _GROUP]
            for job in group:
                if job.language or not self._multilingual:
                    self._languages.tell(job.segment.span.path, job.language or "en")
            yield Stage(self._encode, group)
            self._decide(group)
            yield Stage(self._find, group)
            for job in group:
                job.states = None

    def _encode(self, jobs: list[Job]) -> None:
        """Give each job its encoder states, shape (1500, width), and what the decoder says first."""
        import torch

        features = self._features([job.samples for job in jobs])
        begin = torch.full((len(jobs), 1), self._start, device=self._device)
        with torch.inference_mode():
            out = self._model(**features, decoder_input_ids=begin)
            first = torch.softmax(out.logits[:, 0].float(), dim=-1).cpu().numpy()
        for job, states, probabilities in zip(jobs, out.encoder_last_hidden_state, first, strict=True):
            job.states = states
            self._hear(job, probabilities)

    def _hear(self, job: Job, first: Array) -> None:
        # The token for "nobody speaks" has had several names; its place is the one before `<|notimestamps|>`.
        job.meta["no_speech_prob"] = float(first[self._plain - 1])
        heard = (
            {code: float(first[self._vocabulary[f"<|{code}|>"]]) for code in self._known} if self._multilingual else {}
        )
        total = sum(heard.values()) or 1.0
        job.meta["heard"] = {code: probability / total for code, probability in heard.items()}

    def _decide(self, jobs: list[Job]) -> None:
        """Set the language of each job: as told, as found before in the recording, or as heard now."""
        heard = {id(job.segment): job.meta.pop("heard") for job in jobs}
        voters = list(self._languages.voters([job.segment for job in jobs]))
        self._languages.vote(voters, [heard[id(segment)] for segment in voters])
        for job in jobs:
            job.language, probability = self._languages[job.segment.span.path]
            job.meta["language_probability"] = round(probability, 4)
        self._languages.forget()

    def _find(self, jobs: list[Job]) -> None:
        super()._find(jobs)
        for job in jobs:
            if job.paths and silent(job.meta["no_speech_prob"], max(path.average for path in job.paths)):
                job.take([], 0)
            job.meta["no_speech_prob"] = round(job.meta["no_speech_prob"], 4)
            self._tell(job)
            if job.hypotheses:
                job.hypotheses[0] = replace(job.hypotheses[0], words=self._words(job))

    def _inputs(self, jobs: list[Job]) -> dict[str, Any]:
        import torch
        from transformers.modeling_outputs import BaseModelOutput

        states = torch.stack([job.states for job in jobs])
        return {
            "encoder_outputs": BaseModelOutput(last_hidden_state=states),
            "attention_mask": torch.ones(states.shape[:2], dtype=torch.long, device=self._device),
            "decoder_input_ids": self._prompts(jobs),
        }

    def _prompts(self, jobs: list[Job]) -> Any:
        import torch

        if self._multilingual:
            return super()._prompts(jobs)
        return torch.tensor([[self._start, self._plain]] * len(jobs), device=self._device)

    def _tell(self, job: Job) -> None:
        """Search again with the hotwords that sound like something in the list, if there are any."""
        own = job.segment.context.hotwords
        if not job.hypotheses or not (own or self._options.hotwords):
            return
        likely = self._shortlist.of(own, [hypothesis.text for hypothesis in job.hypotheses])
        told = prompted(likely, self._encoded, self._vocabulary["<|endoftext|>"], PROMPT_TOKENS)
        job.meta["hotwords_told"] = list(told.hotwords)
        if not told.hotwords:
            return
        before = (self._vocabulary["<|startofprev|>"], *told.tokens)
        inputs = self._after(job, before)
        limit = min(8 + 2 * len(job.best), self._room(inputs["decoder_input_ids"]))
        (found,) = self._search.paths(inputs, limit)
        made = joined(
            job.paths,
            found.paths if found.ended else [],
            told.hotwords,
            score=lambda texts: self._scores(job, (), texts),
            biased=lambda texts: self._scores(job, before, texts),
            decode=self._decode,
            size=self._options.nbest,
        )
        if made:
            job.paths, job.hypotheses, job.best = made.paths, made.hypotheses, made.best

    def _encoded(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False).input_ids)

    def _after(self, job: Job, before: tuple[int, ...]) -> dict[str, Any]:
        """Inputs in which tokens stand before the beginning of the text."""
        import torch

        inputs = self._inputs([job])
        begin = torch.tensor([before], dtype=torch.long, device=self._device)
        return inputs | {"decoder_input_ids": torch.cat([begin, inputs["decoder_input_ids"]], dim=1)}

    def _scores(self, job: Job, before: tuple[int, ...], texts: list[tuple[int, ...]]) -> list[float]:
        """log p of whole texts behind a prompt, by teacher forcing, as the search scores them."""
        import torch

        config, inputs = self._model.generation_config, self._after(job, before)
        begin = inputs.pop("decoder_input_ids")
        end, totals = self._vocabulary["<|endoftext|>"], []
        for text in texts:
            given = torch.tensor([[*text, end]], device=self._device)
            with torch.inference_mode():
                out = self._model(**inputs, decoder_input_ids=torch.cat([begin, given[:, :-1]], dim=1))
            logits = out.logits[0, begin.shape[1] - 1 :].double()
            logits[:, config.suppress_tokens] = -torch.inf
            logits[0, config.begin_suppress_tokens or []] = -torch.inf
            totals.append(float(torch.log_softmax(logits, dim=-1).gather(1, given.T).sum()))
        return totals

    def _words(self, job: Job) -> tuple[Word, ...]:
        """Words of the best text with times, by cross-attention, as in the original Whisper."""
        starts, probabilities = self._forced(job)
        spaced = job.language not in UNSPACED
        pieces: list[dict[str, Any]] = []
        for first, after in self._characters(job.best):
            text = self._decode(list(job.best[first:after]))
            if pieces and spaced and not text.startswith(" "):
                pieces[-1]["word"] += text
                pieces[-1]["after"] = after
            else:
                pieces.append({"word": text, "first": first, "after": after})
        for piece in pieces:
            part = slice(piece["first"], piece["after"])
            piece |= {"start": starts[piece["first"]], "end": starts[piece["after"]]}
            piece["probability"] = sum(probabilities[part]) / len(probabilities[part])
        return words(pieces, job.segment, spaced=spaced)

    def _characters(self, tokens: tuple[int, ...]) -> Iterator[tuple[int, int]]:
        """The smallest runs of tokens that are whole characters."""
        first = 0
        for after in range(1, len(tokens) + 1):
            if after == len(tokens) or "\ufffd" not in self._decode(list(tokens[first:after])):
                yield first, after
                first = after

    def _forced(self, job: Job) -> tuple[list[float], list[float]]:
        """When each token of the best text begins (seconds; behind the last one, the end), and its probability."""
        import torch

        inputs = self._inputs([job])
        begin = inputs["decoder_input_ids"]
        text = torch.tensor([job.best], device=self._device)
        self._model.set_attn_implementation("eager")  # the only one that shows what it attends to
        try:
            with torch.inference_mode():
                out = self._model(
                    **inputs | {"decoder_input_ids": torch.cat([begin, text], dim=1)}, output_attentions=True
                )
        finally:
            self._model.set_attn_implementation(attention_name())
        first = begin.shape[1] - 1  # the place that says the first token of the text
        frames = max(1, math.ceil(min(len(job.segment.samples), LONGEST * RATE) / RATE / _FRAME))
        heads = [out.cross_attentions[layer][0, head, first:, :frames] for layer, head in self._heads]
        weights = torch.stack(heads).double().cpu().numpy()
        starts = [frame * _FRAME for frame in beginnings(attended(weights))]
        said = torch.softmax(out.logits[0, first:-1].float(), dim=-1).gather(1, text[0].unsqueeze(1))
        return starts, said.squeeze(1).cpu().tolist()
