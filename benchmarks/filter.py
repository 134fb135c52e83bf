"""How many lines a second goes through the filter, does it keep their order, and does its memory grow?

    python benchmarks/filter.py [LINES]

Lists of two hypotheses go through `ger.filter` with a corrector that keeps every 1-best, so all that is measured is
reading, converting, writing. Printed are lines a second of processor time and by the clock, and the slope of the
resident memory over the second half.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from common import machine

from ger.correct.outcome import as_it_was
from ger.filter import correct_stream
from ger.types import Correction, NBest

CHUNK = 100


class Keeping:
    """Keeps every 1-best."""

    signature = "keeping"

    def correct(self, lists: Sequence[NBest]) -> list[Correction]:
        return [as_it_was(nbest, "kept") for nbest in lists]


class Sink:
    """Checks the order of what is written, and keeps nothing."""

    def __init__(self) -> None:
        self.lines = 0

    def write(self, data: bytes) -> int:
        for line in data.splitlines():
            number = int(line[line.index(b"call-7/") + 7 :][:9])
            assert number == self.lines, f"line {self.lines} is {number}"
            self.lines += 1
        return len(data)

    def flush(self) -> None: ...


def line(number: int) -> bytes:
    hypotheses = [
        {"text": "so the field is full of stones", "score": -3.1},
        {"text": "sow the field is full of stones", "score": -3.4},
    ]
    span = {"path": "call-7.wav", "start": 12.48, "end": 17.02}
    value = {"id": f"call-7/{number:09d}", "audio": span, "language": "en", "hypotheses": hypotheses}
    return json.dumps(value).encode() + b"\n"


def resident() -> float:
    """Resident memory of this process (MiB)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


def main() -> int:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    spent = 0.0
    seen: list[tuple[int, float]] = []

    def chunks() -> Iterator[bytes]:
        nonlocal spent
        for start in range(0, count, CHUNK):
            began = time.thread_time()
            chunk = b"".join(line(i) for i in range(start, start + CHUNK))
            if start % (count // 100) == 0:
                seen.append((start, resident()))
            spent += time.thread_time() - began
            yield chunk

    sink = Sink()
    gc.freeze()  # as the command does
    began, clock = time.process_time(), time.monotonic()
    counts = correct_stream(Keeping(), chunks(), sink, "signed", print)  # type: ignore[arg-type]
    seconds, clock = time.process_time() - began - spent, time.monotonic() - clock - spent
    later = [(n, m) for n, m in seen if n >= count // 2]
    slope = (later[-1][1] - later[0][1]) / max(1, later[-1][0] - later[0][0]) * 1e6
    print(machine())
    print(f"{counts['kept']} lines in order")
    print(f"a second of processor time {count / seconds:,.0f}, by the clock {count / clock:,.0f}")
    print(f"resident {seen[0][1]:.1f} -> {later[0][1]:.1f} -> {later[-1][1]:.1f} MiB, {slope:+.2f} MiB a million lines")
    return 0 if sink.lines == count else 1


if __name__ == "__main__":
    sys.exit(main())
