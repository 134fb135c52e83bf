"""Beam search over the texts of a sequence model, with exact scores, by the search of transformers itself.

`generate` of a model may do more than search: Whisper's gives the same text N times. That of the library is used
instead, without anything that changes scores: no length penalty, no penalty for repetition, nothing of the model's own
settings but the tokens that it must not write. Scores are then totals of log-probabilities (nats), the end of text
included, renormalized among the tokens that may be written.

All hypotheses of a recording attend to the same encoder states. transformers gives each hypothesis a copy of their keys
and values and copies all again after every token, which for Whisper base and 20 beams is 740 MB a recording; here they
attend to one (`shared`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from asr_frontends.beams import Path

__all__ = ["Found", "Search", "attention_name"]

_IMPOSSIBLE = -1e8  # what transformers gives to a hypothesis that it did not find is below
_NAME = "ger_shared_beams"


@dataclass(frozen=True, slots=True)
class Found:
    """Texts of a recording, best first, and whether they ended before the limit."""

    paths: list[Path]
    ended: bool


class Search:
    """Finds texts with a model.

    Args:
        model: Of transformers, with a `generation_config`, which is replaced.
        beam: Hypotheses kept after every token.
        shared: Whether the model was loaded with the attention of `attention_name`.
    """

    def __init__(self, model: Any, beam: int, *, shared: bool) -> None:
        self._model, self._beam, self._shared = model, beam, shared
        model.generation_config = _plain(model.generation_config)
        ends = model.generation_config.eos_token_id
        self._ends = set(ends if isinstance(ends, list) else [ends])

    def paths(self, inputs: dict[str, Any], limit: int) -> list[Found]:
        """The most probable texts of each recording, best first.

        Args:
            inputs: What the model is called with; the beginning of the text in `decoder_input_ids` or `input_ids`.
            limit: Tokens of a text at most, the end not counted.

        Returns:
            For each recording the texts that ended; where there is none, the best one that did not.
        """
        import torch
        from transformers import GenerationMixin

        given = inputs.get("decoder_input_ids", inputs.get("input_ids"))
        assert given is not None
        with torch.inference_mode():
            # The attribute is looked up in the class: a model may have a `generate` of its own.
            made = GenerationMixin.generate(
                self._model,
                **(self._prefilled(inputs) if self._shared else inputs),
                num_beams=self._beam,
                num_return_sequences=self._beam,
                max_new_tokens=limit + 1,
                length_penalty=0.0,
                early_stopping=False,
                do_sample=False,
                renormalize_logits=True,
                return_dict_in_generate=True,
                output_scores=True,
            )
        scores = made.sequences_scores.double().tolist()
        written = [self._cut(row) for row in made.sequences[:, given.shape[1] :].tolist()]
        rows = [range(first, first + self._beam) for first in range(0, len(written), self._beam)]
        return [self._found([(*written[i], scores[i]) for i in row]) for row in rows]

    def _cut(self, row: list[int]) -> tuple[tuple[int, ...], bool]:
        """The tokens before the end of text, and whether there is one."""
        for place, token in enumerate(row):
            if token in self._ends:
                return tuple(row[:place]), True
        return tuple(row), False

    def _found(self, row: list[tuple[tuple[int, ...], bool, float]]) -> Found:
        possible = [(Path(tokens, score), ended) for tokens, ended, score in row if score > _IMPOSSIBLE]
        ended = [path for path, ended in possible if ended]
        return Found(ended or [path for path, _ in possible[:1]], bool(ended))

    def _prefilled(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The same inputs with keys and values of the encoder's states, one copy for all beams."""
        from transformers import DynamicCache

        kept = {name: value for name, value in inputs.items() if name != self._model.main_input_name}
        if "encoder_outputs" not in kept:
            heard = {name: value for name, value in inputs.items() if not name.startswith("decoder_")}
            kept["encoder_outputs"] = self._model.get_encoder()(**heard, return_dict=True)
        out = self._model(**kept, use_cache=True)
        cache = _cache_class()(DynamicCache(), out.past_key_values.cross_attention_cache)
        return kept | {"past_key_values": cache}


def _plain(config: Any) -> Any:
    """The settings of a model without those that change how texts are searched and scored."""
    from transformers import GenerationConfig

    kept = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id", "suppress_tokens")
    return GenerationConfig(**{name: getattr(config, name, None) for name in (*kept, "begin_suppress_tokens")})


def _cache_class() -> Any:
    from transformers import EncoderDecoderCache

    class SharedCache(EncoderDecoderCache):  # type: ignore[misc]
        """A cache whose part for the encoder's states has one row a recording, not one a beam."""

        def reorder_cache(self, beam_idx: Any) -> None:
            """Reorder what belongs to single beams."""
            self.self_attention_cache.reorder_cache(beam_idx)

    return SharedCache


def attention_name() -> str:
    """The name of an attention that lets several rows of queries share one row of keys; it is registered here."""
    from transformers import AttentionInterface
    from transformers.integrations.sdpa_attention import sdpa_attention_forward
    from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

    def attend(module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **options: Any) -> tuple[Any, None]:
        rows, beams = len(key), len(query) // len(key)
        if beams == 1:
            made, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **options)
            return made, None
        _, heads, steps, width = query.shape
        query = query.view(rows, beams, heads, steps, width).transpose(1, 2).reshape(rows, heads, -1, width)
        if attention_mask is not None:
            attention_mask = attention_mask[::beams, :, :1]  # the same for all beams and all their tokens
        made, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **options | {"is_causal": False})
        return made.reshape(rows * beams, steps, heads, -1), None

    AttentionInterface.register(_NAME, attend)
    AttentionMaskInterface.register(_NAME, sdpa_mask)
    return _NAME
