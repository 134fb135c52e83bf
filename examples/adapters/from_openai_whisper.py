"""Results of openai-whisper, corrected where they are.

python from_openai_whisper.py AUDIO LLM
LLM is a language model that can follow instructions: there is one hypothesis, so a better text has to be written.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import ger


def corrected(corrector: ger.Corrector, result: dict[str, Any]) -> dict[str, Any]:
    """What `transcribe` returned, with other words in texts and timed words; `tokens` are still what was recognized."""
    made: dict[str, Any] = json.loads(corrector.document(json.dumps(result).encode(), "whisper"))
    return made


def main(audio: str, llm: str) -> None:
    import whisper
    from whisper.utils import get_writer

    result = whisper.load_model("base").transcribe(audio, word_timestamps=True)
    with ger.Corrector.from_profile(mode="generate", llm=llm) as corrector:
        get_writer("srt", ".")(corrected(corrector, result), audio)


if __name__ == "__main__":
    main(*sys.argv[1:])
