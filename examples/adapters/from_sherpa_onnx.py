"""Results of sherpa-onnx as lists of one hypothesis, with times of words made of those of tokens.

python from_sherpa_onnx.py AUDIO MODEL LLM
MODEL is a folder with encoder.onnx, decoder.onnx, joiner.onnx and tokens.txt, LLM a language model that can follow
instructions: there is one hypothesis, so a better text has to be written.
"""

from __future__ import annotations

import sys
from typing import Any

import ger
from ger.text.align import carry_times
from ger.text.tokens import spaceless


def nbest(result: Any, span: ger.AudioSpan, id: str = "1") -> ger.NBest:
    """`stream.result` as a list.

    Args:
        result: The result; tokens have times with most models.
        span: The recording, and from where to where in it the stream was heard.
        id: Name of the utterance.
    """
    text = result.text.strip()
    return ger.NBest(id, (ger.Hypothesis(text, words=carry_times(_words(result, span), text)),), span)


def _words(result: Any, span: ger.AudioSpan) -> list[ger.Word]:
    """Tokens as words: one begins at each blank, and at each character in scripts without blanks."""
    told: list[tuple[str, float]] = []
    for token, time in zip(result.tokens, result.timestamps, strict=False):
        if not told or token[:1] in " ▁" or spaceless(token):
            told.append((token.lstrip(" ▁"), time + (span.start or 0.0)))
        else:
            told[-1] = (told[-1][0] + token, told[-1][1])
    ends = [*(time for _, time in told[1:]), span.end]
    return [ger.Word(text, start, end) for (text, start), end in zip(told, ends, strict=False)]


def main(audio: str, folder: str, llm: str) -> None:
    import sherpa_onnx
    from faster_whisper import decode_audio

    names = {name: f"{folder}/{name}.onnx" for name in ("encoder", "decoder", "joiner")}
    recognizer = sherpa_onnx.OfflineRecognizer.from_transducer(**names, tokens=f"{folder}/tokens.txt")
    samples, stream = decode_audio(audio), recognizer.create_stream()
    stream.accept_waveform(16_000, samples)
    recognizer.decode_stream(stream)
    with ger.Corrector.from_profile(mode="generate", llm=llm) as corrector:
        made = corrector.correct(nbest(stream.result, ger.AudioSpan(audio, 0.0, len(samples) / 16_000)))
    for word in made.words:
        print(f"{word.start:8.2f} {word.end:8.2f}  {word.text}")


if __name__ == "__main__":
    main(*sys.argv[1:])
