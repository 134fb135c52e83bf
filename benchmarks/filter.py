"""How many lines a second go through the filter, does it keep their order, and does its memory grow?

    python benchmarks/filter.py [LINES]

Lists of two hypotheses go through `ger correct - --format jsonl --mode hotwords`, from a file into a file, so that
nothing else is at work. Without hotwords it keeps every 1-best, and all that is measured is reading, converting,
writing. Printed are lines a second of that process's processor time and by the clock, from when the first ones have
come out, and the slope of its resident memory over the second half. Then order and number of the lines are checked.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import machine

COMMAND = [sys.executable, "-c", "from ger.cli import main; main()"]
FILTER = ["correct", "-", "--format", "jsonl", "--mode", "hotwords"]


def line(number: int) -> bytes:
    hypotheses = [
        {"text": "so the field is full of stones", "score": -3.1},
        {"text": "sow the field is full of stones", "score": -3.4},
    ]
    span = {"path": "call-7.wav", "start": 12.48, "end": 17.02}
    value = {"id": f"call-7/{number:09d}", "audio": span, "language": "en", "hypotheses": hypotheses}
    return json.dumps(value).encode() + b"\n"


def resident(pid: int) -> float:
    """Resident memory of a process (MiB)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def processor(pid: int) -> float:
    """Seconds of processor time of a process, of all its threads, in user and in system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def in_order(path: Path) -> int:
    """How many lines there are, each the correction of its list."""
    number = -1
    with path.open("rb") as lines:
        for number, made in enumerate(lines):
            assert made.startswith(b'{"schema": 1, "id": "call-7/%09d", ' % number), f"line {number} is {made!r}"
            assert b'"decision": "kept"' in made
    return number + 1


def main() -> int:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with tempfile.TemporaryDirectory() as name:
        source, made = Path(name, "lists.jsonl"), Path(name, "made.jsonl")
        with source.open("wb") as lines:
            lines.writelines(map(line, range(count)))
        with source.open("rb") as lines, made.open("wb") as sink:
            process = subprocess.Popen([*COMMAND, *FILTER], stdin=lines, stdout=sink)
            seen: list[tuple[int, float, float, float]] = []  # bytes written, processor time, the clock, memory
            while not os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if size := made.stat().st_size:
                    seen.append((size, processor(process.pid), time.monotonic(), resident(process.pid)))
                time.sleep(0.05)
            spent, clock = processor(process.pid) - seen[0][1], time.monotonic() - seen[0][2]
            process.wait()
        size = made.stat().st_size
        found = in_order(made)
    done = count * (1 - seen[0][0] / size)  # lines are of one length
    later = [row for row in seen[:-1] if row[0] >= size / 2]  # at the last look it may have been ending
    slope = (later[-1][3] - later[0][3]) / max(1, later[-1][0] - later[0][0]) * size / count * 1e6
    print(machine())
    print(f"{found} of {count} lines in order, exit code {process.returncode}")
    print(f"a second of processor time {done / spent:,.0f}, by the clock {done / clock:,.0f}")
    print(f"resident {seen[0][3]:.1f} -> {later[0][3]:.1f} -> {later[-1][3]:.1f} MiB, {slope:+.2f} MiB a million lines")
    return process.returncode or int(found != count)


if __name__ == "__main__":
    sys.exit(main())
