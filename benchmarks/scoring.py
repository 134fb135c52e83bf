"""How long does `ger score` take, beside the `jiwer` command on the same corpus?

Makes a corpus of lines with errors, scores it with both commands, each in a process of its own, in turns, and prints
the medians, the ratio of processor times and both word error rates, which have to be equal. `ger score` also tells
written form from recognition, draws intervals and counts characters; with `--metric wer` it leaves the characters out.

    python benchmarks/scoring.py [--lines 100000] [--repeats 3]

Exit code 1 when the rates differ, 2 when one of the packages is missing.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from itertools import accumulate
from pathlib import Path

SEED = 20
_NUMBERS = ["one", "two", "five", "nine", "twenty", "thirty", "hundred", "thousand", "twenty-five", "dollars"]
_SYLLABLES = ["ba", "den", "fo", "gri", "la", "men", "no", "pur", "ra", "ser", "ti", "ven", "wo", "zu"]


def corpus(folder: Path, lines: int) -> tuple[Path, Path]:
    """References and hypotheses, 15 words a line, about one word in ten wrong."""
    draw = random.Random(SEED)
    words = ["".join(draw.choices(_SYLLABLES, k=draw.randint(1, 4))) for _ in range(8000)]
    weights = list(accumulate(1 / (rank + 10) for rank in range(len(words))))
    paths = folder / "ref.txt", folder / "hyp.txt"
    with paths[0].open("w") as left, paths[1].open("w") as right:
        for _ in range(lines):
            said = draw.choices(words, cum_weights=weights, k=draw.randint(5, 25))
            if draw.random() < 0.2:
                said[2:2] = draw.choices(_NUMBERS, k=3)
            heard: list[str] = []
            for word in said:
                chance = draw.random()
                if chance > 0.03:
                    heard.append(draw.choice(words) if chance < 0.08 else word)
                if chance > 0.98:
                    heard.append(draw.choice(words))
            print(*said, file=left)
            print(*heard, file=right)
    return paths


def timed(command: list[str]) -> tuple[float, float, str]:
    """Seconds, seconds of processor time, and what the command printed."""
    start, used = time.perf_counter(), _used()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return time.perf_counter() - start, _used() - used, done.stdout.strip()


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def machine() -> str:
    """Cores and versions, on one line."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("jiwer", "rapidfuzz", "numpy"))
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {packages}"


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    jiwer = shutil.which("jiwer", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if jiwer is None or importlib.util.find_spec("ger") is None:
        print("Both packages have to be installed: pip install ger-asr jiwer.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as name:
        reference, hypothesis = map(str, corpus(Path(name), args.lines))
        ger = [
            sys.executable,
            "-c",
            "from ger.cli import main; main()",
            "score",
            reference,
            hypothesis,
            "--no-ids",
            "-b",
        ]
        commands = {
            "jiwer": [jiwer, "-r", reference, "-h", hypothesis],
            "ger score --metric wer": [*ger, "--metric", "wer"],
            "ger score": [*ger, "--metric", "wer,cer"],
        }
        runs: dict[str, list[tuple[float, float, str]]] = {title: [] for title in commands}
        for _ in range(args.repeats):
            for title, command in commands.items():
                runs[title].append(timed(command))
    print(f"{machine()}\n{args.lines} lines, medians of {args.repeats}")
    base = statistics.median(used for _, used, _ in runs["jiwer"])
    for title, found in runs.items():
        seconds, used = (statistics.median(run[i] for run in found) for i in (0, 1))
        rates = " ".join(found[0][2].split())
        print(f"{title:24} {seconds:7.2f} s   processor {used:7.2f} s   {used / base:5.2f} x   {rates}")
    theirs, ours = 100 * float(runs["jiwer"][0][2]), float(runs["ger score"][0][2].split()[0])
    if f"{theirs:.2f}" != f"{ours:.2f}":
        print(f"The rates differ: {theirs:.2f} and {ours:.2f}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
