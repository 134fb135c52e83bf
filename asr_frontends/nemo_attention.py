"""NeMo's recognizers with attention and prompts, such as Canary."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from asr_frontends import ctc
from asr_frontends.nemo_search import Encoded, Found, Piece, Search, Tokens, frame_of, pieces
from ger.languages import among, unknown

if TYPE_CHECKING:
    from ger.protocols import FrontendOptions

__all__ = ["Attention"]

_SPECIAL = re.compile(r"<\|.+\|>|<pad>")
_LANGUAGE = re.compile(r"<\|[a-z]{2}(-[A-Z]{2})?\|>")
_MORE = 50  # tokens more than frames at most, NeMo's own limit
#: What a prompt holds where the model has no default of its own; without times, which would be tokens of the text.
_SLOTS = {
    "decodercontext": "",
    "emotion": "<|emo:undefined|>",
    "pnc": "yes",
    "itn": "no",
    "timestamp": "no",
    "diarize": "no",
}


class Attention:
    """Models with a Transformer decoder and prompts; see `asr_frontends.nemo_families.Family`."""

    def __init__(self, model: Any, beam: int, options: FrontendOptions) -> None:
        self._model, self._into = model, options.into
        settings = {"beam_size": beam, "len_pen": 0.0, "max_generation_delta": _MORE}
        self._search = Search(model, "beam", settings, options.hotwords, 1.0, options.language or "en")
        self._special = {piece: i for i, piece in enumerate(model.tokenizer.vocab) if _SPECIAL.fullmatch(piece)}
        self._end = int(model.tokenizer.eos_id)

    def encode(self, waves: Any, lengths: Any, languages: Sequence[str]) -> list[Encoded]:
        """The encoder's states, and what the CTC model for times heard."""
        _, frames, states, _ = self._model.forward(input_signal=waves, input_signal_length=lengths)
        aligned: list[Any] = [None] * len(states)
        if self._model.timestamps_asr_model is not None:
            logp, counts, _ = self._model.timestamps_asr_model.forward(input_signal=waves, input_signal_length=lengths)
            aligned = [row[:count].float() for row, count in zip(logp, counts.tolist(), strict=True)]
        return [
            Encoded(row[:count].float(), language, posteriors)
            for row, count, language, posteriors in zip(states, frames.tolist(), languages, aligned, strict=True)
        ]

    def search(self, batch: Sequence[Encoded]) -> list[Found]:
        """One by one: in a batch, NeMo's search gives the decoder's memories of one recording to another."""
        return [self._found(heard) for heard in batch]

    def _found(self, heard: Encoded) -> Found:
        import torch

        prompt = self._prompt(heard.language)
        (found,) = self._search.run(
            lambda decoding: decoding.decode_predictions_tensor(
                encoder_hidden_states=heard.states[None],
                encoder_input_mask=torch.ones_like(heard.states[None, :, 0]),
                decoder_input_ids=torch.tensor([prompt], device=heard.states.device),
                return_hypotheses=True,
            )
        )
        self._model.eval()  # the search leaves the decoder in training, with dropout
        limit = min(self._model.transf_decoder.max_sequence_length, len(heard.states) + _MORE) - len(prompt)
        return Found(self._ended(found.plain, limit), self._ended(found.boosted, limit))

    def _ended(self, texts: list[Tokens], limit: int) -> list[Tokens]:
        """Up to the end of text: one in the first place does not end the search. Without tokens of prompts.

        What has not ended before the limit is no hypothesis, unless there is no other.
        """
        cut = [text[: text.index(self._end)] if self._end in text else text for text in texts]
        ended = [text for text in cut if len(text) <= limit] or [text[:limit] for text in cut[:1]]
        special = set(self._special.values())
        return list(dict.fromkeys(tuple(token for token in text if token not in special) for text in ended))

    def scores(self, heard: Encoded, texts: Sequence[Tokens]) -> list[float]:
        """See `Family`."""
        import torch

        prompt = self._prompt(heard.language)
        rows = [torch.tensor([*prompt, *text, self._end], device=heard.states.device) for text in texts]
        if not rows:
            return []
        ids = torch.nn.utils.rnn.pad_sequence(rows, True, int(self._model.tokenizer.pad_id))
        lengths = torch.tensor([len(row) - 1 for row in rows], device=ids.device)
        mask = (torch.arange(ids.shape[1] - 1, device=ids.device) < lengths[:, None]).to(ids.dtype)
        states = heard.states.expand(len(rows), -1, -1)
        decoded = self._model.transf_decoder(
            input_ids=ids[:, :-1],
            decoder_mask=mask,
            encoder_embeddings=states,
            encoder_mask=torch.ones_like(states[..., 0]),
        )
        logp = self._model.log_softmax(hidden_states=decoded).float().log_softmax(-1)
        each = logp.gather(-1, ids[:, 1:, None])[..., 0].double() * mask
        return [float(total) for total in each[:, len(prompt) - 1 :].sum(1)]

    def timed(self, heard: Encoded, tokens: Tokens) -> list[Piece]:
        """By the CTC model that came along for that, in its own tokens."""
        aligner = self._model.timestamps_asr_model
        if aligner is None:
            return []
        text = [int(token) for token in aligner.tokenizer.text_to_ids(self.decode(tokens))]
        try:
            spans = ctc.align(heard.aligned.cpu().numpy(), text, blank=int(aligner.decoding.blank_id))
        except ValueError:  # more tokens than frames
            return []
        return pieces(text, spans, lambda ids: str(aligner.tokenizer.ids_to_text(list(ids))), frame_of(aligner))

    def decode(self, tokens: Sequence[int]) -> str:
        """See `Family`."""
        return str(self._model.tokenizer.ids_to_text(list(tokens)))

    def language(self, language: str | None) -> str:
        """See `Family`."""
        special = {name[2:-2] for name in self._special}
        chosen = among(str(language or self._defaults().get("source_lang") or "en"), special)
        for wanted in (chosen, self._target(chosen)):
            if wanted not in special:
                known = sorted(name[2:-2] for name in self._special if _LANGUAGE.fullmatch(name))
                raise unknown("The model", wanted, known)
        return chosen

    def _target(self, language: str) -> str:
        return self._into or language

    def _prompt(self, language: str) -> list[int]:
        slots = {
            **_SLOTS,
            **self._defaults(),
            "source_lang": language,
            "target_lang": self._target(language),
            "task": "asr" if self._target(language) == language else "ast",
        }
        wanted = {name: slots[name] for name in self._model.prompt.get_slots("user")}
        turn = {"role": "user", "slots": wanted}
        return [int(token) for token in self._model.prompt.encode_dialog(turns=[turn])["context_ids"]]

    def _defaults(self) -> dict[str, Any]:
        """What the model's own prompt holds where nothing else is said."""
        slots = self._model.prompt.get_default_dialog_slots()[0]["slots"]
        return {name: value for name, value in slots.items() if value is not None}
