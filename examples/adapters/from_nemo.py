"""Hypotheses of NeMo 2 or newer as lists, with the scores of its search. `--model nemo:MODEL` has exact ones.

python from_nemo.py MODEL AUDIO ...
MODEL is a transducer, such as nvidia/parakeet-rnnt-0.6b.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import ger


def lists(transcribed: Sequence[Any], paths: Sequence[str], frame: float = 0.08) -> list[ger.NBest]:
    """What `transcribe` returned as lists, which are long where `return_best_hypothesis` is off.

    Args:
        transcribed: One hypothesis, or several with the best first, for each recording.
        paths: The recordings.
        frame: Seconds of a frame of the encoder.
    """
    return [
        ger.NBest(path, tuple(_hypothesis(one, frame) for one in told), ger.AudioSpan(path))
        for path, told in zip(paths, map(_several, transcribed), strict=True)
    ]


def _several(told: Any) -> Sequence[Any]:
    return told if isinstance(told, list) else [told]


def _hypothesis(told: Any, frame: float) -> ger.Hypothesis:
    words = told.timestamp.get("word", []) if isinstance(told.timestamp, dict) else []
    timed = (
        ger.Word(word["word"], float(word["start_offset"] * frame), float(word["end_offset"] * frame)) for word in words
    )
    return ger.Hypothesis(told.text, score=float(told.score), words=tuple(timed))


def search_several(model: Any, beams: int = 8) -> None:
    """Make a transducer return several hypotheses, in the order of their scores, with times of words."""
    from omegaconf import open_dict

    decoding = model.cfg.decoding
    with open_dict(decoding):
        decoding.strategy = "malsd_batch"
        # Normalized scores would give another order than the scores that are returned.
        decoding.beam = {"beam_size": beams, "return_best_hypothesis": False, "score_norm": False}
        decoding.compute_timestamps = True
    model.change_decoding_strategy(decoding)


def main(name: str, *paths: str) -> None:
    from nemo.collections.asr.models import ASRModel

    model = ASRModel.from_pretrained(name)
    search_several(model)
    # timestamps=True fails on lists of hypotheses, and so does return_hypotheses=True with models with CTC.
    transcribed = model.transcribe(list(paths), return_hypotheses=True)
    frame = model.cfg.preprocessor.window_stride * model.encoder.subsampling_factor
    with ger.Corrector.from_profile() as corrector:
        for made in corrector.batch(lists(transcribed, paths, frame)):
            print(made.id, made.text, sep="\t")


if __name__ == "__main__":
    main(*sys.argv[1:])
