"""Results of the speech recognition pipeline of transformers, corrected where they are; and lists from beam search.

python from_transformers.py AUDIO
"""

from __future__ import annotations

import json
import sys
from typing import Any

import ger


def corrected(corrector: ger.Corrector, result: dict[str, Any]) -> dict[str, Any]:
    """What a pipeline returned for a recording, with other words in its text and chunks; chunks keep their times.

    Chunks may be segments or words; those of which nothing is left are gone.
    """
    chunks = result.get("chunks") or [{"text": result["text"], "timestamp": (None, None)}]
    segments = [{"text": c["text"], "start": c["timestamp"][0], "end": c["timestamp"][1]} for c in chunks]
    made = json.loads(corrector.document(json.dumps({"segments": segments}).encode(), "whisper"))["segments"]
    told = [{**chunk, "text": new["text"]} for chunk, new in zip(chunks, made, strict=True) if new["text"].strip()]
    glue = "" if _joined(chunks, "").strip() == result["text"].strip() else " "
    return {**result, "text": _joined(told, glue)} | ({"chunks": told} if "chunks" in result else {})


def _joined(chunks: list[dict[str, Any]], glue: str) -> str:
    return glue.join(chunk["text"] for chunk in chunks)


def nbest(model: Any, processor: Any, samples: Any, id: str = "1", beams: int = 5) -> ger.NBest:
    """The hypotheses of a Whisper model for at most 30 seconds of mono audio at 16 kHz.

    Whisper's own `generate` gives the best one several times, so that of all models is called.
    """
    from transformers import GenerationMixin

    features = processor(samples, sampling_rate=16_000, return_tensors="pt").input_features
    told = GenerationMixin.generate(
        model,
        features.to(model.device, model.dtype),
        decoder_input_ids=features.new_tensor([processor.tokenizer.prefix_tokens]).long().to(model.device),
        num_beams=beams,
        num_return_sequences=beams,
        length_penalty=0.0,  # scores are totals
        return_dict_in_generate=True,
        output_scores=True,
    )
    texts = processor.batch_decode(told.sequences, skip_special_tokens=True)
    scores = told.sequences_scores.tolist()
    return ger.NBest(
        id, tuple(ger.Hypothesis(text.strip(), score=score) for text, score in zip(texts, scores, strict=True))
    )


def main(audio: str, name: str = "openai/whisper-base.en") -> None:
    from faster_whisper import decode_audio
    from transformers import AutoProcessor, WhisperForConditionalGeneration

    processor, model = AutoProcessor.from_pretrained(name), WhisperForConditionalGeneration.from_pretrained(name)
    with ger.Corrector.from_profile() as corrector:
        print(corrector.correct(nbest(model, processor, decode_audio(audio))).text)


if __name__ == "__main__":
    main(*sys.argv[1:])
