"""What the kinds of NeMo's recognizers have in common: what is kept of a segment, and how a search is set up."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Encoded", "Found", "Piece", "Search", "Tokens", "frame_of", "lengths_of", "pieces"]

Tokens = tuple[int, ...]

_BOOST = 1.0  # weight of the boosting tree


@dataclass(frozen=True, slots=True)
class Encoded:
    """What the encoder made of a segment.

    Attributes:
        states: A tensor, shape (frames, symbols or width).
        language: The one to write, where the model is told.
        aligned: Log-posteriors of the CTC model that came along for times, shape (frames, symbols), if one did.
    """

    states: Any
    language: str = ""
    aligned: Any = None


@dataclass(frozen=True, slots=True)
class Found:
    """Different token sequences of a recording, best first, and those of the search with hotwords."""

    plain: list[Tokens]
    boosted: list[Tokens]


@dataclass(frozen=True, slots=True)
class Piece:
    """A token of a text: the text up to its end, and its times in the segment (seconds)."""

    text: str
    start: float
    end: float


def pieces(
    tokens: Sequence[int], spans: Sequence[tuple[int, int]], decode: Callable[[Sequence[int]], str], frame: float
) -> list[Piece]:
    """Pieces out of tokens, each with its first frame and the frame after its last; `frame` is in seconds."""
    return [Piece(decode(tokens[: i + 1]), first * frame, after * frame) for i, (first, after) in enumerate(spans)]


def frame_of(model: Any) -> float:
    """Seconds between the encoder's frames."""
    return float(model.cfg.preprocessor.window_stride * model.encoder.subsampling_factor)


class Search:
    """A search of several hypotheses, and where there are hotwords a second one that makes these likelier.

    Args:
        model: A NeMo model.
        strategy: NeMo's name of the search.
        settings: More settings of the search.
        hotwords: What goes into the boosting tree.
        scaling: How much more deeper nodes of that tree count, as NeMo recommends for the kind of model.
        language: Of the hotwords, for models with a tokenizer for each language.
    """

    def __init__(
        self,
        model: Any,
        strategy: str,
        settings: Mapping[str, Any],
        hotwords: Sequence[str],
        scaling: float,
        language: str = "en",
    ) -> None:
        made = {**settings, "return_best_hypothesis": False}
        phrases = {"key_phrases_list": list(hotwords), "source_lang": language}
        tree = {**phrases, "depth_scaling": scaling, "use_triton": False}
        boost = {"boosting_tree": tree, "boosting_tree_alpha": _BOOST, "blank_lm_score_mode": "no_score"}
        self.decoding = _decoding(model, strategy, made)
        self._decodings = [_decoding(model, strategy, made | boost)] if hotwords else []
        self._decodings.append(self.decoding)

    def run(self, search: Callable[[Any], Sequence[Any]]) -> list[Found]:
        """What the searches find in each recording; `search` is given NeMo's decoding."""
        lists = [[_sequences(hypotheses) for hypotheses in search(decoding)] for decoding in self._decodings]
        return [Found(found[-1], found[0] if len(found) > 1 else []) for found in zip(*lists, strict=True)]


def _decoding(model: Any, strategy: str, settings: dict[str, Any]) -> Any:
    """NeMo's decoding of a model with these settings of its beam search."""
    from omegaconf import open_dict

    changed = copy.deepcopy(model.cfg.decoding)
    with open_dict(changed):
        changed.strategy = strategy
        changed.beam = settings
        changed.compute_timestamps = False
        changed.preserve_alignments = False
    model.change_decoding_strategy(changed)
    return model.decoding


def _sequences(hypotheses: Any) -> list[Tokens]:
    """The different token sequences of a list, in its order."""
    return list(dict.fromkeys(tuple(map(int, hypothesis.y_sequence)) for hypothesis in hypotheses))


def lengths_of(batch: Sequence[Encoded]) -> Any:
    """Frames of each, as a tensor."""
    import torch

    return torch.tensor([len(heard.states) for heard in batch], device=batch[0].states.device)
