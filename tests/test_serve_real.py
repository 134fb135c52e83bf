"""The service with the default models and OpenAI's own client."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from fixtures_cli import AUDIO
from fixtures_serve import Service

from ger.evaluate.rates import word_counts
from ger.text.normalize import normalize

pytestmark = pytest.mark.slow

REFERENCES = dict(line.split("\t") for line in (AUDIO / "refs.tsv").read_text().splitlines())
CLIP = "02-toll"


def rate(text: str, name: str) -> float:
    """The share of the words of a clip that are wrong in a text."""
    reference = normalize(REFERENCES[name]).split()
    return word_counts(reference, normalize(text).split()).errors / len(reference)


def bare(subtitles: str) -> str:
    lines = re.sub(r"^WEBVTT$|^\d+$|.* --> .*", "", subtitles, flags=re.MULTILINE).split()
    return " ".join(lines)


def test_a_clip_in_all_five_formats(service: Service) -> None:
    path = AUDIO / f"{CLIP}.flac"
    made = {name: service.transcribe(path, response_format=name) for name in ("json", "text", "srt", "vtt")}
    text = made["json"].text
    assert rate(text, CLIP) < 0.2
    assert made["text"] == f"{text}\n"
    assert re.match(r"1\n00:00:0\d,\d{3} --> 00:00:0\d,\d{3}\n", made["srt"])
    assert re.match(r"WEBVTT\n\n00:00:0\d\.\d{3} --> 00:00:0\d\.\d{3}\n", made["vtt"])
    assert bare(made["srt"]) == bare(made["vtt"]) == text
    granularities = ["word", "segment"]
    verbose = service.transcribe(path, response_format="verbose_json", timestamp_granularities=granularities)
    assert (verbose.text, verbose.language) == (text, "en")
    assert 3 < verbose.duration < 9
    assert " ".join(segment.text for segment in verbose.segments) == text
    assert all(segment.avg_logprob < 0 < segment.compression_ratio for segment in verbose.segments)
    assert [word.word for word in verbose.words] == text.split()
    times = [time for word in verbose.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] <= verbose.duration


def test_a_stream_has_the_same_text(service: Service) -> None:
    path = AUDIO / f"{CLIP}.flac"
    *deltas, done = service.transcribe(path, stream=True, language="en")
    assert done.type == "transcript.text.done"
    assert "".join(event.delta for event in deltas) == done.text == service.transcribe(path, language="en").text


def test_sixteen_clients_at_once_get_their_own_answers(service: Service) -> None:
    names = [sorted(REFERENCES)[i % len(REFERENCES)] for i in range(16)]
    batches = service.counted('ger_batches_total{stage="recognize:transcribe"}')
    with ThreadPoolExecutor(16) as pool:
        texts = list(pool.map(lambda name: service.transcribe(AUDIO / f"{name}.flac", language="en").text, names))
    assert [min(REFERENCES, key=lambda name: rate(text, name)) for text in texts] == names
    for name, text in zip(names, texts, strict=True):
        assert text == texts[names.index(name)]
        assert rate(text, name) < 0.35
    assert service.counted('ger_batches_total{stage="recognize:transcribe"}') - batches < 16


def test_a_language_that_the_model_does_not_know_fails_nobody_else(service: Service) -> None:
    with ThreadPoolExecutor(2) as pool:
        fine = pool.submit(service.transcribe, AUDIO / f"{CLIP}.flac")
        with (AUDIO / f"{CLIP}.flac").open("rb") as file:
            answer = service.http.post("/v1/audio/transcriptions", files={"file": file}, data={"language": "qq"})
        assert rate(fine.result().text, CLIP) < 0.2
    assert answer.status_code == 400
    assert "does not know the language 'qq'" in answer.json()["error"]["message"]
