"""How long does `ger score` take, beside the `jiwer` command on the same corpus?

Makes a corpus of lines with errors, scores it with both commands, each in a process of its own, in turns, and prints
the medians, their ratio and both word error rates, which have to be equal. `ger score` also counts characters, tells
written form from recognition and draws intervals; with `--metric wer` it leaves the characters out.

    python benchmarks/scoring.py [--lines 100000] [--repeats 3]

Exit code 1 when the rates differ, 2 when one of the commands is missing.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

SEED = 20
_NUMBERS = ["one", "two", "five", "nine", "twenty", "thirty", "hundred", "thousand", "twenty-five", "dollars"]
_SYLLABLES = ["ba", "den", "fo", "gri", "la", "men", "no", "pur", "ra", "ser", "ti", "ven", "wo", "zu"]


def corpus(folder: Path, lines: int) -> tuple[Path, Path]:
    """References and hypotheses, 15 words a line, about one word in ten wrong."""
    draw = random.Random(SEED)
    words = ["".join(draw.choices(_SYLLABLES, k=draw.randint(1, 4))) for _ in range(8000)]
    weights = [1 / (rank + 10) for rank in range(len(words))]
    paths = folder / "ref.txt", folder / "hyp.txt"
    with paths[0].open("w") as left, paths[1].open("w") as right:
        for _ in range(lines):
            said = draw.choices(words, weights, k=draw.randint(5, 25))
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


def timed(command: list[str]) -> tuple[float, str]:
    """Seconds, and what the command printed."""
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return time.perf_counter() - start, done.stdout.strip()


def machine() -> str:
    """Cores and versions, on one line."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("ger-asr", "jiwer", "rapidfuzz", "numpy"))
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {packages}"


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    tools = {
        name: shutil.which(name, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        for name in ("ger", "jiwer")
    }
    for name, found in tools.items():
        if found is None:
            print(f"The command {name} is missing: pip install {name.replace('ger', 'ger-asr')}.", file=sys.stderr)
            return 2
    with tempfile.TemporaryDirectory() as name:
        reference, hypothesis = map(str, corpus(Path(name), args.lines))
        ger = [str(tools["ger"]), "score", reference, hypothesis, "--no-ids", "-b"]
        commands = {
            "jiwer": [str(tools["jiwer"]), "-r", reference, "-h", hypothesis],
            "ger score --metric wer": [*ger, "--metric", "wer"],
            "ger score": [*ger, "--metric", "wer,cer"],
        }
        runs: dict[str, list[tuple[float, str]]] = {title: [] for title in commands}
        for _ in range(args.repeats):
            for title, command in commands.items():
                runs[title].append(timed(command))
    print(f"{machine()}\n{args.lines} lines, medians of {args.repeats}")
    base = statistics.median(seconds for seconds, _ in runs["jiwer"])
    for title, found in runs.items():
        seconds = statistics.median(seconds for seconds, _ in found)
        print(f"{title:24} {seconds:7.2f} s   {seconds / base:5.2f} x   {' '.join(found[0][1].split())}")
    theirs, ours = 100 * float(runs["jiwer"][0][1]), float(runs["ger score"][0][1].split()[0])
    if f"{theirs:.2f}" != f"{ours:.2f}":
        print(f"The rates differ: {theirs:.2f} and {ours:.2f}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
