"""Translation models through transformers: Marian, M2M100, NLLB, mBART, T5, which read one text and write another.

They are given a text alone, and the languages beside it (`GenerateRequest.language`, `target`); how a model is told
them is in its tokenizer. A model that knows one pair of languages is told nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ger.errors import ModelError, UsageError
from ger.languages import canonical, name_of
from ger.protocols import Ability, Answer, GenerateRequest, LmOptions, ScoreRequest
from ger.registry import suggest
from ger.text.tokens import well_formed
from llm_backends.torch_common import Batched, loaded

__all__ = ["Seq2SeqLM"]

_BATCH_TOKENS = {"cpu": 1024, "cuda": 16_384}


@dataclass(frozen=True, slots=True)
class _Row:
    """What the model reads, what its answer begins with, and how it is searched."""

    index: int
    ids: list[int]
    forced: int | None
    limit: int
    beams: int


class Seq2SeqLM(Batched):
    """Any translation model that transformers can load; see `ger.protocols.LanguageModel`.

    The score of an answer is log p(text, end | source) over the whole vocabulary, by teacher forcing; the mark for the
    language that it begins with is given and not scored.

    Raises:
        DependencyError: torch or transformers is not installed.
        ModelError: the model cannot be found or loaded.
        UsageError: no model is named, or the device or the precision is not to be had here.
    """

    translates = True
    abilities: frozenset[Ability] = frozenset({"generate", "beams"})

    def __init__(self, options: LmOptions) -> None:
        example = "Give a hub id or a folder, such as seq2seq:Helsinki-NLP/opus-mt-en-de."
        made = loaded(options, "AutoModelForSeq2SeqLM", "translation model", example)
        self._name, self._device, self._dtype = made.name, made.device, made.dtype
        self._tokenizer, self._model = made.tokenizer, made.model
        self._model.generation_config.forced_eos_token_id = None  # an answer that is cut has not ended
        self._budget = options.batch_tokens or _BATCH_TOKENS[self._device]
        room = getattr(made.model.config, "max_position_embeddings", None)
        self._limit = int(room) if room else 0

    @property
    def signature(self) -> str:
        """See `ger.protocols.LanguageModel`."""
        return f"seq2seq:{self._name},{self._dtype}"

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
        """Translation models judge no texts by themselves.

        Raises:
            ModelError: always.
        """
        raise ModelError(f"{self._name}: a translation model writes texts and scores none.", "Use a causal one.")

    def generate(self, requests: Sequence[GenerateRequest]) -> list[tuple[Answer, ...]]:
        """See `ger.protocols.LanguageModel`; requests with the same width of search share batches.

        Raises:
            ModelError: the model broke, a text is too long for it, or the prompt is a conversation.
            UsageError: the model does not know a language.
        """
        rows = [self._row(i, request) for i, request in enumerate(requests)]
        made: list[tuple[Answer, ...]] = [()] * len(rows)
        for beams in sorted({row.beams for row in rows}):
            alike = sorted((row for row in rows if row.beams == beams), key=lambda row: -len(row.ids))
            for row, answers in self._each(alike, lambda row: row.beams * (len(row.ids) + row.limit), self._search):
                made[row.index] = answers
        return made

    def _row(self, index: int, request: GenerateRequest) -> _Row:
        if not isinstance(request.prompt, str) or request.choices or request.slots:
            raise ModelError(
                f"{self._name}: a translation model is given a text and nothing else.", "Use another prompt."
            )
        text, forced = self._told(well_formed(request.prompt), request)
        ids: list[int] = self._tokenizer(text).input_ids
        limit = min(request.max_tokens, self._limit - 2) if self._limit else request.max_tokens
        if self._limit and len(ids) > self._limit:
            raise ModelError(
                f"{self._name}: it reads {self._limit} tokens, not {len(ids)}: {text[:60]!r}…", "Use shorter segments."
            )
        return _Row(index, ids, forced, limit, max(1, request.beams))

    def _told(self, text: str, request: GenerateRequest) -> tuple[str, int | None]:
        """The text with what the model wants to be told in it, and the token that the answer begins with."""
        if not self._codes:
            return text, None
        target = self._code(request.target)
        if target.startswith(">>"):  # Marian's models of several languages
            return f"{target} {text}", None
        self._tokenizer.src_lang = self._code(request.language)
        return text, int(self._codes[target])

    def _code(self, language: str) -> str:
        """The model's own code for a language.

        Raises:
            UsageError: it has none.
        """
        wanted = canonical(language)
        found = next((code for code in self._codes if code.lower() == language.lower()), None)
        found = found or next((code for code in self._codes if _plain(code) == wanted), None)
        if found is None:
            known = sorted({_plain(code) for code in self._codes})
            if not language:
                raise UsageError(f"{self._name} has to be told the language that is spoken.", "Add --language.")
            raise UsageError(f"{self._name} does not know {name_of(wanted)}.", suggest(wanted, known))
        return found

    @cached_property
    def _codes(self) -> dict[str, int]:
        """Codes of the languages that the model has to be told, with their tokens; none where it knows one pair."""
        tokenizer = self._tokenizer
        if marian := getattr(tokenizer, "supported_language_codes", None):
            return {code: int(tokenizer.convert_tokens_to_ids(code)) for code in marian}
        if hasattr(tokenizer, "get_lang_id"):
            return {code: int(tokenizer.get_lang_id(code)) for code in tokenizer.lang_code_to_token}
        if not hasattr(tokenizer, "src_lang"):
            return {}
        special = [str(token) for token in tokenizer.all_special_tokens]
        return {code: int(tokenizer.convert_tokens_to_ids(code)) for code in special if _is_code(code)}

    def _search(self, batch: list[_Row]) -> list[tuple[Answer, ...]]:
        import torch

        ids, mask = self._padded([row.ids for row in batch])
        extra = {} if batch[0].forced is None else {"forced_bos_token_id": batch[0].forced}
        beams, room = batch[0].beams, max(row.limit for row in batch)
        with torch.inference_mode():
            written = self._model.generate(
                input_ids=ids,
                attention_mask=mask,
                num_beams=beams,
                num_return_sequences=beams,
                length_penalty=0.0,
                early_stopping=False,
                do_sample=False,
                max_new_tokens=room,
                **extra,
            )
            scored = self._scores(ids, mask, written, beams, forced=bool(extra))
        return [
            tuple(self._answer(row, *pair) for pair in scored[i * beams : (i + 1) * beams])
            for i, row in enumerate(batch)
        ]

    def _scores(
        self, ids: Any, mask: Any, written: Any, beams: int, *, forced: bool
    ) -> list[tuple[list[int], list[float]]]:
        """The tokens of each answer, the end included where it has one, and their log-probabilities (nats)."""
        import torch

        logits = self._model(
            input_ids=ids.repeat_interleave(beams, dim=0),
            attention_mask=mask.repeat_interleave(beams, dim=0),
            decoder_input_ids=written[:, :-1],
        ).logits
        known = torch.log_softmax(logits.float(), dim=-1).gather(2, written[:, 1:, None])[:, :, 0]
        end, first = self._end, 1 if forced else 0
        made = []
        for tokens, values in zip(written[:, 1:].tolist(), known.tolist(), strict=True):
            stop = tokens.index(end, first) + 1 if end in tokens[first:] else len(tokens)
            made.append((tokens[first:stop], values[first:stop]))
        return made

    @property
    def _end(self) -> int:
        end = self._model.generation_config.eos_token_id
        return int(end[0] if isinstance(end, list) else end)

    def _answer(self, row: _Row, tokens: list[int], values: list[float]) -> Answer:
        finished = bool(tokens) and tokens[-1] == self._end and len(tokens) <= row.limit
        text = str(self._tokenizer.decode(tokens, skip_special_tokens=True)).strip()
        return Answer(text, sum(values), min(values, default=None), finished, len(tokens))

    def _padded(self, rows: list[list[int]]) -> tuple[Any, Any]:
        import torch

        ids = torch.full((len(rows), max(map(len, rows))), int(self._model.config.pad_token_id or 0))
        mask = torch.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, : len(row)], mask[i, : len(row)] = torch.tensor(row), 1
        return ids.to(self._device), mask.to(self._device)


def _plain(code: str) -> str:
    """A model's code of a language as ours: `>>deu<<`, `deu_Latn` and `de_DE` are `de`."""
    return canonical(code.strip("><").partition("_")[0])


def _is_code(token: str) -> bool:
    return "_" in token and token[:2].isalpha() and token[0].islower() and len(token) <= len("xxx_Xxxx")
