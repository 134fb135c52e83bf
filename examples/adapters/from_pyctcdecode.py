"""Beams of pyctcdecode as a list, with the score of the acoustic model and the whole score.

python from_pyctcdecode.py AUDIO MODEL
MODEL is one of transformers with a decoder of pyctcdecode, such as patrickvonplaten/wav2vec2-base-100h-with-lm.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import ger


def nbest(beams: Sequence[Sequence[Any]], frame: float, id: str = "1") -> ger.NBest:
    """The beams of one utterance, from `decode_beams` or `decode_beams_batch`, as a list.

    Args:
        beams: The beams, best first.
        frame: Seconds of a frame of the logits, such as 0.02.
        id: Name of the utterance.
    """
    return ger.NBest(id, tuple(_hypothesis(beam, frame) for beam in beams))


def _hypothesis(beam: Sequence[Any], frame: float) -> ger.Hypothesis:
    text, *_, frames, acoustic, total = beam
    words = tuple(ger.Word(word, start * frame, end * frame) for word, (start, end) in frames)
    return ger.Hypothesis(text, score=float(total), acoustic_score=float(acoustic), words=words)


def main(audio: str, name: str) -> None:
    from faster_whisper import decode_audio
    from transformers import AutoModelForCTC, AutoProcessor

    processor, model = AutoProcessor.from_pretrained(name), AutoModelForCTC.from_pretrained(name)
    inputs = processor(decode_audio(audio), sampling_rate=16_000, return_tensors="pt")
    logits = model(**inputs).logits[0].detach().numpy()
    frame = model.config.inputs_to_logits_ratio / 16_000
    with ger.Corrector.from_profile() as corrector:
        made = corrector.correct(nbest(processor.decoder.decode_beams(logits)[:10], frame, id=audio))
    for word in made.words:
        print(f"{word.start:8.2f} {word.end:8.2f}  {word.text}")


if __name__ == "__main__":
    main(*sys.argv[1:])
