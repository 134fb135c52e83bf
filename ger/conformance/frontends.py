"""Whether a front end keeps what `ger.protocols.AsrFrontend` promises."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import pairwise

from ger.conformance.outcome import TOLERANCE, Outcome, SkippedError, carried_out, keep, near, signature, survives
from ger.conformance.sample import RATE, Sample
from ger.errors import ModelError
from ger.protocols import AsrFrontend, Forced
from ger.text.normalize import normalize
from ger.types import AudioSegment, AudioSpan, NBest

__all__ = ["check_frontend"]

#: Parts of the recording that are recognized, as shares of it: of different lengths, and not sorted by them.
_PARTS = ((0.0, 0.6), (0.0, 1.0), (0.4, 0.6), (0.5, 1.0))
_SILENCE = 2.0  # seconds


def check_frontend(
    frontend: AsrFrontend,
    sample: Sample,
    *,
    nbest: int = 5,
    language: str | None = None,
    tolerance: float = TOLERANCE,
) -> Iterator[Outcome]:
    """Check a front end; parts of a recording are recognized, together and one by one.

    Args:
        frontend: The front end.
        sample: A recording of speech that it can recognize.
        nbest: How many hypotheses it was made to give at most.
        language: What segments say their language is.
        tolerance: How far equal scores may lie apart (nats).
    """
    return carried_out(_CHECKS, _Hearing(frontend, sample, nbest, language, tolerance))


class _Hearing:
    """A front end and what it has heard, together and one by one."""

    def __init__(
        self, frontend: AsrFrontend, sample: Sample, nbest: int, language: str | None, tolerance: float
    ) -> None:
        self.frontend, self.nbest, self.tolerance = frontend, nbest, tolerance
        self.segments = [_part(sample, i, *part, language) for i, part in enumerate(_PARTS)]

    @cached_property
    def together(self) -> list[NBest]:
        return list(self.frontend.recognize(self.segments))

    @cached_property
    def alone(self) -> list[NBest]:
        made = []
        for segment in self.segments:
            lists = self.frontend.recognize([segment])
            keep(len(lists) == 1, f"One segment made {len(lists)} lists.")
            made += lists
        return made


def _part(sample: Sample, number: int, first: float, last: float, language: str | None) -> AudioSegment:
    count = len(sample.samples)
    start, end = int(first * count), int(last * count)
    span = AudioSpan(sample.path, round(start / RATE, 3), round(end / RATE, 3))
    return AudioSegment(f"check/{number:04d}", span, sample.samples[start:end], language)


def _signature(hearing: _Hearing) -> None:
    signature(hearing.frontend, lambda: hearing.frontend.recognize(hearing.segments[:1]))


def _empty_batch(hearing: _Hearing) -> None:
    made = list(hearing.frontend.recognize([]))
    keep(made == [], f"No segments made {len(made)} lists.")


def _hears(hearing: _Hearing) -> str:
    counts = [len(nbest.hypotheses) for nbest in hearing.alone]
    keep(any(counts), "Nothing was heard in any part of the recording.")
    return f"{', '.join(map(str, counts))} hypotheses of at most {hearing.nbest}"


def _order(hearing: _Hearing) -> None:
    ids = [nbest.id for nbest in hearing.together]
    keep(ids == [s.id for s in hearing.segments], f"Lists of a batch came back as {ids}, not in the order of segments.")


def _span(hearing: _Hearing) -> None:
    for segment, nbest in zip(hearing.segments, hearing.alone, strict=True):
        keep(nbest.audio == segment.span, f"{segment.id}: the list says {nbest.audio}, its segment {segment.span}.")


def _distinct(hearing: _Hearing) -> None:
    for nbest in hearing.alone:
        texts = [normalize(hypothesis.text) for hypothesis in nbest.hypotheses]
        keep(len(texts) <= hearing.nbest, f"{nbest.id} has {len(texts)} hypotheses, asked for were {hearing.nbest}.")
        keep(all(texts), f"{nbest.id} has a hypothesis without words.")
        twice = next((text for text in texts if texts.count(text) > 1), "")
        keep(not twice, f"{nbest.id} has the text {twice[:60]!r} twice (after normalization).")


def _scores(hearing: _Hearing) -> str | None:
    known = 0
    for nbest in hearing.alone:
        values = [(h.score, h.acoustic_score, h.lm_score) for h in nbest.hypotheses]
        odd = next((v for row in values for v in row if v is not None and not math.isfinite(v)), None)
        keep(odd is None, f"{nbest.id} has the score {odd}.")
        scores = [score for score, _, _ in values if score is not None]
        keep(len(scores) in (0, len(values)), f"{nbest.id} has scores for some hypotheses and not for others.")
        keep(all(a > b for a, b in pairwise(scores)), f"{nbest.id} has scores that do not descend strictly: {scores}.")
        known += len(scores)
    return None if known else "hypotheses have no scores, which is allowed"


def _batch_is_single(hearing: _Hearing) -> str | None:
    """Of lists without scores only the first text counts: further ones may have been sampled."""
    together = {nbest.id: nbest for nbest in hearing.together}
    for nbest in hearing.alone:
        other = together.get(nbest.id)
        if other is None:
            raise SkippedError("the lists of a batch cannot be told apart, see order.")
        scored = nbest.best.score is not None
        texts, others = ([h.text for h in made.hypotheses] for made in (nbest, other))
        same = texts == others if scored else texts[:1] == others[:1]
        keep(same, f"{nbest.id} alone is {texts}, and in a batch {others}.")
        for one, two in zip(nbest.hypotheses, other.hypotheses, strict=False):
            near_enough = near(one.score, two.score, hearing.tolerance)
            keep(near_enough, f"{nbest.id}: {one.text[:60]!r} scores {one.score} alone and {two.score} in a batch.")
    return None


def _silence(hearing: _Hearing) -> str | None:
    import numpy as np

    samples = np.zeros(int(_SILENCE * RATE), dtype=np.float32)
    segment = AudioSegment(
        "silence/0000", AudioSpan("silence.wav", 0.0, _SILENCE), samples, hearing.segments[0].language
    )
    try:
        (nbest,) = hearing.frontend.recognize([segment])
    except ModelError as error:
        return f"it says {error}"
    keep(not nbest.hypotheses, f"It heard {nbest.best.text[:60]!r} in {_SILENCE:g} s of digital silence.")
    return None


def _words(hearing: _Hearing) -> None:
    timed = 0
    for segment, nbest in zip(hearing.segments, hearing.alone, strict=True):
        first, last = segment.span.start or 0.0, segment.span.end or 0.0
        for hypothesis in nbest.hypotheses:
            times = [t for word in hypothesis.words for t in (word.start, word.end) if t is not None]
            inside = all(first - hearing.tolerance <= time <= last + hearing.tolerance for time in times)
            keep(inside, f"{segment.id} lies from {first} to {last} s, times of its words are {times}.")
            keep(times == sorted(times), f"{segment.id}: times of words go back: {times}.")
            timed += len(times)
    if not timed:
        raise SkippedError("words have no times.")


def _record(hearing: _Hearing) -> None:
    for nbest in hearing.alone:
        survives(nbest)


def _recomputed(hearing: _Hearing) -> None:
    if not isinstance(hearing.frontend, Forced):
        raise SkippedError("it has no score_texts (see ger.protocols.Forced).")
    for segment, nbest in zip(hearing.segments, hearing.alone, strict=True):
        scores = [h.acoustic_score if h.acoustic_score is not None else h.score for h in nbest.hypotheses]
        texts = [hypothesis.text for hypothesis in nbest.hypotheses]
        again = hearing.frontend.score_texts(segment, texts) if texts else []
        keep(len(again) == len(texts), f"score_texts gave {len(again)} scores for {len(texts)} texts.")
        for text, score, other in zip(texts, scores, again, strict=True):
            same = near(score, other, hearing.tolerance)
            keep(same, f"{segment.id}: {text[:60]!r} scores {score}, recomputed {other}.")


_CHECKS: tuple[Callable[[_Hearing], str | None], ...] = (
    _signature,
    _empty_batch,
    _hears,
    _order,
    _span,
    _distinct,
    _scores,
    _batch_is_single,
    _silence,
    _words,
    _record,
    _recomputed,
)
