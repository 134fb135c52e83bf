"""N-best lists from a file beside the audio."""

import csv
from collections.abc import Sequence
from pathlib import Path

from ger.errors import ModelError
from ger.protocols import FrontendOptions
from ger.text.normalize import normalize
from ger.types import AudioSegment, Hypothesis, NBest


class Sidecar:
    """Reads FILE.tsv for the recording FILE: log-probability (nats), tab, text."""

    def __init__(self, options: FrontendOptions) -> None:
        self._nbest = options.nbest

    @property
    def signature(self) -> str:
        return f"sidecar:nbest={self._nbest}"

    def recognize(self, segments: Sequence[AudioSegment]) -> list[NBest]:
        return [NBest(s.id, self._read(s), s.span, s.language) for s in segments]

    def _read(self, segment: AudioSegment) -> tuple[Hypothesis, ...]:
        path = Path(segment.span.path + ".tsv")
        try:
            with path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.reader(file, delimiter="\t"))
        except OSError as error:
            raise ModelError(f"{path} cannot be read.", "Run the other recognizer first.") from error
        found: dict[str, Hypothesis] = {}
        for score, text in sorted(((float(score), text) for score, text in rows), reverse=True):
            found.setdefault(normalize(text), Hypothesis(text, score=score))
        return tuple(found.values())[: self._nbest]
