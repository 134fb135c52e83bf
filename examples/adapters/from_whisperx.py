"""Aligned results of whisperX, with speakers or without, corrected where they are.

python from_whisperx.py AUDIO LLM
LLM is a language model that can follow instructions: there is one hypothesis, so a better text has to be written.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import ger


def corrected(corrector: ger.Corrector, result: dict[str, Any]) -> dict[str, Any]:
    """What `transcribe`, `align` or `assign_word_speakers` returned, with other words in segments and word segments."""
    made: dict[str, Any] = json.loads(corrector.document(json.dumps(result).encode(), "whisper"))
    return made


def main(audio: str, llm: str) -> None:
    import whisperx

    samples = whisperx.load_audio(audio)
    result = whisperx.load_model("base", "cpu", compute_type="int8").transcribe(samples)
    aligner, metadata = whisperx.load_align_model(result["language"], "cpu")
    aligned = whisperx.align(result["segments"], aligner, metadata, samples, "cpu")
    with ger.Corrector.from_profile(mode="generate", llm=llm) as corrector:
        for segment in corrected(corrector, aligned)["segments"]:
            print(f"{segment['start']:8.2f} {segment['end']:8.2f}  {segment['text'].strip()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
