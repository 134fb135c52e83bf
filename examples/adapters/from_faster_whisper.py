"""Segments of faster-whisper, corrected where they are.

python from_faster_whisper.py AUDIO LLM
LLM is a language model that can follow instructions: there is one hypothesis, so a better text has to be written.
`ger.correct(AUDIO, model=...)` uses the same recognizers, and lists of hypotheses.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

import ger


def corrected(corrector: ger.Corrector, segments: Iterable[Any]) -> list[Any]:
    """The segments with other texts and timed words; `tokens` are still what was recognized."""
    told = list(segments)
    value = {"segments": [asdict(segment) for segment in told]}
    made = json.loads(corrector.document(json.dumps(value).encode(), "whisper"))["segments"]
    return [
        replace(segment, text=new["text"], words=_words(segment, new)) for segment, new in zip(told, made, strict=True)
    ]


def _words(segment: Any, new: dict[str, Any]) -> Any:
    return [type(segment.words[0])(**word) for word in new["words"]] if segment.words else segment.words


def main(audio: str, llm: str) -> None:
    from faster_whisper import WhisperModel

    segments, _ = WhisperModel("base").transcribe(audio, word_timestamps=True)
    with ger.Corrector.from_profile(mode="generate", llm=llm) as corrector:
        for segment in corrected(corrector, segments):
            print(f"{segment.start:8.2f} {segment.end:8.2f} {segment.text}")


if __name__ == "__main__":
    main(*sys.argv[1:])
