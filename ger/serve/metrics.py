"""Counts of the service, in the text form that Prometheus reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

__all__ = ["Metrics"]

#: Upper bounds of the classes of request times (seconds).
_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)


class Metrics:
    """Counts; all but `text` is called in one thread."""

    def __init__(self) -> None:
        self.in_hand = 0
        self.audio_seconds = 0.0
        self.decisions: Counter[str] = Counter()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._seconds: dict[str, list[float]] = {}

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered, or given up."""
        self._requests[route, status] += 1
        row = self._seconds.setdefault(route, [0.0] * (len(_BOUNDS) + 2))
        for i, bound in enumerate(_BOUNDS):
            row[i] += seconds <= bound
        row[-2] += 1
        row[-1] += seconds

    def mean(self, route: str) -> float:
        """Seconds that a request takes; 0 before the first one."""
        row = self._seconds.get(route)
        return row[-1] / row[-2] if row else 0.0

    def text(self, stages: Iterable[tuple[str, int, int, int]] = ()) -> str:
        """All counts.

        Args:
            stages: Name, batches done, items done and items waiting of each thing that works in batches.
        """
        return "".join(f"{line}\n" for line in self._lines(list(stages)))

    def _lines(self, stages: list[tuple[str, int, int, int]]) -> Iterator[str]:
        yield "# HELP ger_requests_total Requests answered."
        yield "# TYPE ger_requests_total counter"
        for (route, status), count in sorted(self._requests.items()):
            yield f'ger_requests_total{{route="{route}",status="{status}"}} {count}'
        yield "# HELP ger_request_seconds Time from the head of a request to the end of its answer."
        yield "# TYPE ger_request_seconds histogram"
        for route, row in sorted(self._seconds.items()):
            for name, value in zip((*_BOUNDS, "+Inf"), row, strict=False):
                yield f'ger_request_seconds_bucket{{route="{route}",le="{name}"}} {value:.0f}'
            yield f'ger_request_seconds_sum{{route="{route}"}} {row[-1]:.6f}'
            yield f'ger_request_seconds_count{{route="{route}"}} {row[-2]:.0f}'
        yield "# HELP ger_corrections_total Utterances by what was decided."
        yield "# TYPE ger_corrections_total counter"
        for decision, count in sorted(self.decisions.items()):
            yield f'ger_corrections_total{{decision="{decision}"}} {count}'
        yield from _single("ger_audio_seconds_total", "counter", "Audio recognized.", f"{self.audio_seconds:.3f}")
        yield from _single("ger_requests_in_hand", "gauge", "Requests accepted and not answered yet.", self.in_hand)
        columns = (
            ("ger_batches_total", "counter", "Batches done."),
            ("ger_batched_items_total", "counter", "Segments or lists done in batches."),
            ("ger_waiting_items", "gauge", "Segments or lists that wait for a batch."),
        )
        for i, (name, kind, help) in enumerate(columns, 1):
            yield f"# HELP {name} {help}"
            yield f"# TYPE {name} {kind}"
            for stage in stages:
                yield f'{name}{{stage="{stage[0]}"}} {stage[i]}'


def _single(name: str, kind: str, help: str, value: object) -> Iterator[str]:
    yield f"# HELP {name} {help}"
    yield f"# TYPE {name} {kind}"
    yield f"{name} {value}"
