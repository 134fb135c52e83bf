"""What all front ends for Whisper share: its limits, its silence, the language of a recording, words out of pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from asr_frontends.beams import LOW_LOGPROB
from ger.errors import ModelError, UsageError
from ger.languages import name_of
from ger.types import AudioSegment, NBest, Word

__all__ = [
    "LONGEST",
    "MAX_TOKENS",
    "PROMPT_TOKENS",
    "UNSPACED",
    "Languages",
    "check_into",
    "check_length",
    "silent",
    "words",
]

#: Seconds that Whisper hears at once.
LONGEST = 30
#: Tokens of a text: half of Whisper's text window, as in the original.
MAX_TOKENS = 224
#: Tokens of what stands before a text at most; Whisper has room for 223.
PROMPT_TOKENS = 120
#: Languages written without spaces.
UNSPACED = {"zh", "ja", "th", "lo", "my", "yue", "km", "bo"}

_RATE = 16_000
_NO_SPEECH = 0.6  # Whisper's own threshold (Radford et al. 2022, section 4.5)
# In silence Whisper base says "you" with an average of -0.5, and is sure at the same time that nobody speaks.
_SURELY_NO_SPEECH = 0.85
_MODEST_LOGPROB = -0.3
_VOTE_SECONDS = 30.0  # of a recording decide on its language
_RECORDINGS = 10_000  # whose languages are remembered


def silent(no_speech: float, believed: float) -> bool:
    """Whether nobody speaks.

    Args:
        no_speech: Probability of Whisper's token for that.
        believed: The best log-probability a token (nats) of a text.
    """
    if no_speech > _SURELY_NO_SPEECH:
        return believed < _MODEST_LOGPROB
    return no_speech > _NO_SPEECH and believed < LOW_LOGPROB


def check_length(segment: AudioSegment, name: str = "Whisper") -> None:
    """Refuse what the model cannot hear at once.

    Raises:
        ModelError: a segment is longer than 30 s.
    """
    if len(segment.samples) > LONGEST * _RATE:
        raise ModelError(
            f"{segment.id}: {segment.duration:.1f} s are more than the {LONGEST} s that {name} hears at once.",
            "Cut the recording into shorter segments.",
        )


def check_into(target: str | None, name: str) -> None:
    """Refuse a language that a model that translates into English only is to translate into.

    Raises:
        UsageError: it is to translate into another one.
    """
    if target not in (None, "en"):
        raise UsageError(
            f"{name} translates into English only, not into {name_of(target)}.",
            "Add --translator MODEL, which translates what it has written, or use a SeamlessM4T model.",
        )


class Languages:
    """The language of each recording with its probability: told, or voted for by what was heard first."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, float]] = {}

    def __contains__(self, path: str) -> bool:
        return path in self._known

    def __getitem__(self, path: str) -> tuple[str, float]:
        return self._known[path]

    def tell(self, path: str, language: str, probability: float = 1.0) -> None:
        """Set the language of a recording."""
        self._known[path] = (language, probability)

    def recall(self, nbest: NBest) -> None:
        """Set the language of a recording by a list of it."""
        if nbest.audio and nbest.language:
            self.tell(nbest.audio.path, nbest.language, float(nbest.meta.get("language_probability", 1.0)))

    def voters(self, segments: Iterable[AudioSegment]) -> Iterator[AudioSegment]:
        """The segments that decide: the first half minute of each recording whose language is not known."""
        heard: dict[str, float] = {}
        for segment in segments:
            path = segment.span.path
            if path not in self._known and heard.get(path, 0.0) < _VOTE_SECONDS:
                heard[path] = heard.get(path, 0.0) + segment.duration
                yield segment

    def vote(self, segments: Sequence[AudioSegment], heard: Sequence[Mapping[str, float]]) -> None:
        """Set the language of each recording by the probabilities of its segments, weighted by their lengths."""
        votes: dict[str, dict[str, float]] = {}
        for segment, probabilities in zip(segments, heard, strict=True):
            counts = votes.setdefault(segment.span.path, {})
            for language, probability in probabilities.items():
                counts[language] = counts.get(language, 0.0) + probability * segment.duration
        for path, counts in votes.items():
            best = max(counts, key=lambda language: counts[language])
            self._known[path] = (best, counts[best] / sum(counts.values()))

    def forget(self) -> None:
        """Keep the languages of the latest recordings only."""
        for path in list(self._known)[:-_RECORDINGS]:
            del self._known[path]

    def clear(self) -> None:
        """Forget all."""
        self._known.clear()


def words(pieces: Iterable[Mapping[str, Any]], segment: AudioSegment, *, spaced: bool) -> tuple[Word, ...]:
    """Words with times in the recording; pieces without a leading space belong to the word before.

    Args:
        pieces: Each with `word`, `start` and `end` (seconds from the segment's start) and `probability`.
        segment: What they were heard in.
        spaced: Whether the language is written with spaces.
    """
    offset = segment.span.start or 0.0
    end = offset + segment.duration
    made: list[Word] = []
    for piece in pieces:
        start_time = round(min(end, offset + float(piece["start"])), 3)
        end_time = round(min(end, offset + float(piece["end"])), 3)
        if made and spaced and not piece["word"].startswith(" "):
            last = made[-1]
            made[-1] = Word(last.text + piece["word"].strip(), last.start, end_time, last.confidence)
        elif piece["word"].strip():
            made.append(Word(piece["word"].strip(), start_time, end_time, round(float(piece["probability"]), 4)))
    return tuple(made)
