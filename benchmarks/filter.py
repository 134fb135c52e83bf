"""How many lines a second go through the filter, does it keep their order, and does its memory grow?

    python benchmarks/filter.py [LINES]

Lists of two hypotheses go through standard input and output of `ger correct - --format jsonl --mode hotwords` in a
process of its own. Without hotwords it keeps every 1-best, so all that is measured is reading, converting, writing.
Printed are lines a second of that process's processor time and by the clock, from when the first thousand have come
back, and the slope of its resident memory over the second half.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

from common import machine

COMMAND = [sys.executable, "-c", "from ger.cli import main; main()"]
FILTER = ["correct", "-", "--format", "jsonl", "--mode", "hotwords"]
FIRST, CHUNK = 1000, 100


def line(number: int) -> bytes:
    hypotheses = [
        {"text": "so the field is full of stones", "score": -3.1},
        {"text": "sow the field is full of stones", "score": -3.4},
    ]
    span = {"path": "call-7.wav", "start": 12.48, "end": 17.02}
    value = {"id": f"call-7/{number:09d}", "audio": span, "language": "en", "hypotheses": hypotheses}
    return json.dumps(value).encode() + b"\n"


def feed(sink: IO[bytes], first: int, last: int) -> None:
    for start in range(first, last, CHUNK):
        sink.write(b"".join(map(line, range(start, min(start + CHUNK, last)))))
    sink.flush()


def check(source: IO[bytes], number: int) -> None:
    """The next line is the correction of that list."""
    made = source.readline()
    assert made.startswith(b'{"schema": 1, "id": "call-7/%09d", ' % number), f"line {number} is {made!r}"
    assert b'"decision": "kept"' in made


def processor(pid: int) -> float:
    """Seconds of processor time of a process, of all its threads, in user and in system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> float:
    """Resident memory of a process (MiB)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> int:
    """Measure and print."""
    count = FIRST + (int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
    with subprocess.Popen([*COMMAND, *FILTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        feed(process.stdin, 0, FIRST)
        for number in range(FIRST):
            check(process.stdout, number)
        began, clock = processor(process.pid), time.monotonic()
        feeding = threading.Thread(target=feed, args=(process.stdin, FIRST, count))
        feeding.start()
        seen = []
        for number in range(FIRST, count):
            check(process.stdout, number)
            if number % max(1, count // 100) == 0:
                seen.append((number, resident(process.pid)))
        spent, clock = processor(process.pid) - began, time.monotonic() - clock
        feeding.join()
        process.stdin.close()
        rest = process.stdout.read()
    later = [row for row in seen if row[0] >= count // 2]
    slope = (later[-1][1] - later[0][1]) / max(1, later[-1][0] - later[0][0]) * 1e6
    print(machine())
    print(f"{count - FIRST} lines in order, {len(rest)} bytes more, exit code {process.returncode}")
    print(f"a second of processor time {(count - FIRST) / spent:,.0f}, by the clock {(count - FIRST) / clock:,.0f}")
    print(f"resident {seen[0][1]:.1f} -> {later[0][1]:.1f} -> {later[-1][1]:.1f} MiB, {slope:+.2f} MiB a million lines")
    return process.returncode or bool(rest)


if __name__ == "__main__":
    sys.exit(main())
