"""Results of Vosk, with alternatives and words or without, corrected where they are.

python from_vosk.py AUDIO.wav MODEL
AUDIO.wav is mono with 16 bits, MODEL a folder or a name such as vosk-model-small-en-us-0.15.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

import ger


def corrected(corrector: ger.Corrector, results: Iterable[str]) -> list[dict[str, Any]]:
    """What `Result` and `FinalResult` returned, with other words in the first alternative and nothing else changed."""
    made: list[dict[str, Any]] = json.loads(corrector.document(f"[{','.join(results)}]".encode(), "vosk"))
    return made


def main(path: str, folder: str) -> None:
    import wave

    from vosk import KaldiRecognizer, Model

    with wave.open(path) as audio:
        model = Model(folder) if "/" in folder else Model(model_name=folder)
        recognizer = KaldiRecognizer(model, audio.getframerate())
        recognizer.SetMaxAlternatives(10)
        recognizer.SetWords(True)
        results = []
        while data := audio.readframes(4000):
            if recognizer.AcceptWaveform(data):
                results.append(recognizer.Result())
        results.append(recognizer.FinalResult())
    with ger.Corrector.from_profile() as corrector:
        for result in corrected(corrector, results):
            print(result["alternatives"][0]["text"].strip())


if __name__ == "__main__":
    main(*sys.argv[1:])
