"""NeMo's three kinds of recognizers, each behind the same few methods: encode, search, score, align.

NeMo's batched searches find the token sequences. Their scores are put aside, as they hold boosts, length bonuses and
only the ways that the search went, and every sequence is scored anew (nats), by itself:

- CTC: the sum over all alignments (Graves et al. 2006), by `asr_frontends.ctc.forward`;
- transducers: the sum over all ways through the grid (Graves 2012; with durations Xu et al. 2023), by
  `asr_frontends.transducer.forward`. It is what NeMo's own losses compute, with sigma and omega 0;
- attention (Canary): the sum over the tokens and the end of text after the prompt, by teacher forcing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from asr_frontends import ctc, transducer
from asr_frontends.nemo_attention import Attention
from asr_frontends.nemo_search import Encoded, Found, Piece, Search, Tokens, frame_of, lengths_of, pieces
from ger.errors import ModelError, UsageError

if TYPE_CHECKING:
    from ger.protocols import FrontendOptions

__all__ = ["Ctc", "Family", "Transducer", "family_of"]

_JOINT_ELEMENTS = 1 << 24  # of the joint network's output that are held at once


class Family(Protocol):
    """One kind of recognizer."""

    def encode(self, waves: Any, lengths: Any, languages: Sequence[str]) -> list[Encoded]:
        """States of a batch of waves, shape (batch, samples), each without its padding."""
        ...

    def search(self, batch: Sequence[Encoded]) -> list[Found]:
        """Token sequences of each."""
        ...

    def scores(self, heard: Encoded, texts: Sequence[Tokens]) -> list[float]:
        """log p(tokens | audio) in nats."""
        ...

    def timed(self, heard: Encoded, tokens: Tokens) -> list[Piece]:
        """Pieces of the text with times; none where the model cannot tell."""
        ...

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens."""
        ...

    def language(self, language: str | None) -> str:
        """The language to write; empty where the model is not told.

        Raises:
            UsageError: the model does not know it.
        """
        ...


class Ctc:
    """Models with a CTC output; see `Family`."""

    def __init__(self, model: Any, beam: int, hotwords: Sequence[str]) -> None:
        self._model = model
        self._search = Search(model, "beam_batch", {"beam_size": beam, "beam_beta": 0.0}, hotwords, 2.0)
        self._blank = int(model.decoding.blank_id)

    def encode(self, waves: Any, lengths: Any, languages: Sequence[str]) -> list[Encoded]:
        """Log-posteriors."""
        logp, frames, _ = self._model.forward(input_signal=waves, input_signal_length=lengths)
        return [Encoded(row[:count].float()) for row, count in zip(logp, frames.tolist(), strict=True)]

    def search(self, batch: Sequence[Encoded]) -> list[Found]:
        """NeMo's search goes on where a shorter recording has ended: there is nothing but blanks there."""
        import torch

        logp = torch.nn.utils.rnn.pad_sequence([heard.states for heard in batch], True, -1e4)
        for row, heard in zip(logp, batch, strict=True):
            row[len(heard.states) :, self._blank] = 0.0
        lengths = lengths_of(batch)
        return self._search.run(
            lambda decoding: decoding.ctc_decoder_predictions_tensor(logp, lengths, return_hypotheses=True)
        )

    def scores(self, heard: Encoded, texts: Sequence[Tokens]) -> list[float]:
        """See `Family`."""
        return ctc.forward(heard.states.cpu().numpy(), texts, blank=self._blank)

    def timed(self, heard: Encoded, tokens: Tokens) -> list[Piece]:
        """See `Family`."""
        spans = ctc.align(heard.states.cpu().numpy(), tokens, blank=self._blank)
        return pieces(tokens, spans, self.decode, frame_of(self._model))

    def decode(self, tokens: Sequence[int]) -> str:
        """See `Family`."""
        return str(self._model.decoding.decode_ids_to_str(list(tokens)))

    def language(self, language: str | None) -> str:
        """See `Family`."""
        return ""


class Transducer:
    """Transducers, also with durations; see `Family`."""

    def __init__(self, model: Any, beam: int, hotwords: Sequence[str]) -> None:
        if model.cfg.decoding.get("big_blank_durations"):
            raise ModelError("Multi-blank transducers have no batched search in NeMo.", "Use another model.")
        self._model = model
        self._search = Search(model, "malsd_batch", {"beam_size": beam, "score_norm": False}, hotwords, 2.0)
        self._durations = [int(duration) for duration in model.cfg.decoding.get("durations") or ()]
        self._blank = int(model.decoding.blank_id)

    def encode(self, waves: Any, lengths: Any, languages: Sequence[str]) -> list[Encoded]:
        """The encoder's states."""
        states, frames = self._model.forward(input_signal=waves, input_signal_length=lengths)
        return [Encoded(row.T[:count].float()) for row, count in zip(states, frames.tolist(), strict=True)]

    def search(self, batch: Sequence[Encoded]) -> list[Found]:
        """See `Family`."""
        import torch

        states = torch.nn.utils.rnn.pad_sequence([heard.states for heard in batch], True)
        states, lengths = states.transpose(1, 2), lengths_of(batch)
        return self._search.run(
            lambda decoding: decoding.rnnt_decoder_predictions_tensor(states, lengths, return_hypotheses=True)
        )

    def scores(self, heard: Encoded, texts: Sequence[Tokens]) -> list[float]:
        """See `Family`."""
        return transducer.forward(self._arcs(heard, texts), [len(text) for text in texts]) if texts else []

    def timed(self, heard: Encoded, tokens: Tokens) -> list[Piece]:
        """See `Family`."""
        spans = transducer.align(self._arcs(heard, [tokens]), len(tokens))
        return pieces(tokens, spans, self.decode, frame_of(self._model))

    def decode(self, tokens: Sequence[int]) -> str:
        """See `Family`."""
        return str(self._model.decoding.decode_ids_to_str(list(tokens)))

    def language(self, language: str | None) -> str:
        """See `Family`."""
        return ""

    def _arcs(self, heard: Encoded, texts: Sequence[Tokens]) -> transducer.Arcs:
        """The steps on the grids of texts. What texts begin with in common goes through the joint network once."""
        import torch

        prefixes = {prefix: i for i, prefix in enumerate(sorted({t[:u] for t in texts for u in range(len(t) + 1)}))}
        longest = max(map(len, texts))
        # What lies behind the end of a text is filled with its last prefix; it has no effect.
        rows = [[prefixes[text[:u]] for u in range(longest + 1)] for text in texts]
        following = [[text[u] if u < len(text) else 0 for u in range(longest)] for text in texts]
        at = torch.tensor(rows, device=heard.states.device)
        pairs = torch.tensor(following, device=at.device), at[:, :-1]
        told = self._predicted(list(prefixes))
        stretches = [self._joined(part, told, at, pairs) for part in self._parts(heard.states, len(prefixes))]
        blank, token, durations = (torch.cat(parts, 1).cpu().numpy() for parts in zip(*stretches, strict=True))
        if not self._durations:
            return transducer.Arcs({1: blank}, {0: token})
        steps = list(enumerate(self._durations))
        return transducer.Arcs(
            {step: blank + durations[..., i] for i, step in steps if step},
            {step: token + durations[:, :, :-1, i] for i, step in steps},
        )

    def _predicted(self, prefixes: Sequence[Tokens]) -> Any:
        """The prediction network's states after prefixes, projected for the joint network; shape (prefixes, width)."""
        import torch

        ends = [p for i, p in enumerate(prefixes) if i + 1 == len(prefixes) or prefixes[i + 1][: len(p)] != p]
        device = next(self._model.decoder.parameters()).device
        padded = torch.zeros((len(ends), max(map(len, ends))), dtype=torch.long, device=device)
        for row, text in zip(padded, ends, strict=True):
            row[: len(text)] = torch.tensor(text, dtype=torch.long)
        states, *_ = self._model.decoder.predict(padded, state=None, add_sos=True)
        places = {text[:u]: (i, u) for i, text in enumerate(ends) for u in range(len(text) + 1)}
        chosen = torch.tensor([places[prefix] for prefix in prefixes], device=device)
        return self._model.joint.project_prednet(states[chosen[:, 0], chosen[:, 1]][None])[0]

    def _parts(self, states: Any, prefixes: int) -> Any:
        """The encoder's states, projected, in stretches whose joint output has a bounded size."""
        symbols = self._model.joint.num_classes_with_blank
        return self._model.joint.project_encoder(states[None])[0].split(max(1, _JOINT_ELEMENTS // (prefixes * symbols)))

    def _joined(self, encoded: Any, told: Any, at: Any, pairs: tuple[Any, Any]) -> tuple[Any, ...]:
        """Log-probabilities of the blank, of the next tokens and of the durations; shape (texts, frames, places, …)."""
        output = self._model.joint.joint_after_projection(encoded[None], told[None])[0].float()
        symbols = output.shape[-1] - len(self._durations)
        logp = output[..., :symbols].log_softmax(-1)
        durations = output[..., symbols:].log_softmax(-1)
        following, before = pairs
        found = logp[:, at, self._blank], logp[:, before, following], durations[:, at]
        return tuple(part.transpose(0, 1) for part in found)


def family_of(model: Any, beam: int, options: FrontendOptions) -> Family:
    """The kind of a NeMo model, ready to search.

    Raises:
        ModelError: NeMo has no search of several hypotheses for it.
        UsageError: it cannot translate.
    """
    from nemo.collections.asr import models as known

    if isinstance(model, known.EncDecMultiTaskModel):
        return Attention(model, beam, options)
    if options.task == "translate":
        raise UsageError(f"{type(model).__name__} cannot translate.", "Use Canary.")
    if not type(model).__name__.endswith("WithPrompt"):
        if isinstance(model, known.EncDecRNNTModel):
            return Transducer(model, beam, options.hotwords)
        if isinstance(model, known.EncDecCTCModel):
            return Ctc(model, beam, options.hotwords)
    raise ModelError(
        f"A model of the type {type(model).__name__} gives no lists.", "Use a CTC model, a transducer or Canary."
    )
