"""What front ends for Whisper share."""

from __future__ import annotations

import numpy as np
import pytest

from asr_frontends.whisper import Languages, words
from ger.io.audio import SAMPLE_RATE
from ger.types import AudioSegment, AudioSpan


def segment(path: str, seconds: float, start: float = 0.0) -> AudioSegment:
    return AudioSegment("s", AudioSpan(path, start), np.zeros(int(seconds * SAMPLE_RATE), np.float32))


@pytest.mark.parametrize("spaced", [True, False])
def test_pieces_without_a_space_belong_to_the_word_before(spaced: bool) -> None:
    pieces = [
        {"word": word, "start": i, "end": i + 1, "probability": 0.5}
        for i, word in enumerate([" well", "-known", " ", " sea"])
    ]
    made = words(pieces, segment("a.wav", 10, start=3.0), spaced=spaced)
    assert [word.text for word in made] == (["well-known", "sea"] if spaced else ["well", "-known", "sea"])
    assert (made[0].start, made[0].end) == (3.0, 5.0 if spaced else 4.0)


def test_votes_are_weighted_by_length() -> None:
    languages = Languages()
    heard = [{"en": 0.9, "de": 0.1}, {"de": 0.6, "en": 0.4}, {"fr": 1.0}]
    languages.vote([segment("a", 1), segment("a", 9), segment("b", 1)], heard)
    # a: German 0.1 + 5.4 of 10, English 0.9 + 3.6
    assert languages["a"] == ("de", pytest.approx(0.55))
    assert languages["b"] == ("fr", 1.0)


def test_the_first_half_minute_of_each_unknown_recording_votes() -> None:
    languages = Languages()
    languages.tell("c", "fi")
    given = [segment("a", 20), segment("b", 1), segment("c", 1), segment("a", 20), segment("a", 1), segment("b", 1)]
    order = [id(one) for one in given]
    assert [order.index(id(one)) for one in languages.voters(given)] == [0, 1, 3, 5]
    assert languages["c"] == ("fi", 1.0)
    assert "a" not in languages
