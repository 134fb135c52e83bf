"""How memory and time grow with the length of a recording.

    python benchmarks/long.py CLIPS… [--minutes 3 60 180] [--again] [--kill] [-- OPTIONS OF ger correct]

CLIPS are folders of audio files. The clips are strung together with half a second of silence until the recording is
long enough, and `ger correct RECORDING -o FOLDER OPTIONS` runs in a process of its own. With `--again`, recognition is
what it was for the first recording, list after list: what is left is decoding, segmentation, correction and writing.
With `--kill`, the last recording is corrected once more, by a process that is killed when half of the segments are
done, and by another one that goes on from there; where a file differs from that of the first time, the exit code is 1.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from common import SUFFIXES, machine

from ger import registry
from ger.io.audio import SAMPLE_RATE, decode
from ger.io.jsonl import read_nbest
from ger.protocols import FrontendOptions
from ger.types import AudioSegment, NBest
from ger.unfinished import FOLDER

#: Where `--again` finds its lists, told to the process that runs `ger`.
_LISTS = "GER_BENCHMARK_LISTS"


class Again:
    """A recognizer that gives the lists of another recording, one after another."""

    signature = "again"

    def __init__(self, options: FrontendOptions) -> None:
        self._lists = list(read_nbest(os.environ[_LISTS]))

    def recognize(self, segments: Sequence[AudioSegment]) -> list[NBest]:
        """See `ger.protocols.AsrFrontend`."""
        made = []
        for segment in segments:
            value = self._lists[int(segment.id.rpartition("/")[2]) % len(self._lists)].to_json()
            made.append(NBest.from_json(value | {"id": segment.id, "audio": segment.span.to_json()}))
        return made


def recording(path: Path, folders: Sequence[Path], seconds: float) -> None:
    """Write a recording of that length."""
    files = [file for folder in folders for file in sorted(folder.iterdir()) if file.suffix in SUFFIXES]
    clips = [np.concatenate([*decode(file), np.zeros(SAMPLE_RATE // 2, dtype=np.float32)]) for file in files]
    left = int(seconds * SAMPLE_RATE)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        while left:
            for clip in clips:
                file.writeframes((clip[:left] * 32767).astype("<i2").tobytes())
                left -= min(left, len(clip))


def measured(
    command: Sequence[str], env: dict[str, str], enough: Callable[[], bool] | None = None
) -> tuple[float, float, float]:
    """Seconds, seconds of the processor, and the most resident memory (MB) of a command; killed once that is enough."""
    started = time.monotonic()
    process = subprocess.Popen(command, env=os.environ | env, stderr=subprocess.DEVNULL)
    pid, status, used = os.wait4(process.pid, os.WNOHANG if enough else 0)
    while enough and not pid:
        if enough():
            os.kill(process.pid, signal.SIGKILL)
            pid, status, used = os.wait4(process.pid, 0)
        else:
            time.sleep(0.2)
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
    if status != (signal.SIGKILL if enough else 0):
        sys.exit(f"{' '.join(command)} ended otherwise than it should: {status}")
    return time.monotonic() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def kept(folder: Path) -> int:
    """Stretches, silent ones too, that an unfinished run has kept."""
    return sum(file.read_bytes().count(b"\n") - 1 for file in (folder / FOLDER).glob("*") if file.is_file())


def lengths(
    folders: Sequence[Path], minutes: Sequence[float], options: Sequence[str], *, again: bool, kill: bool
) -> None:
    """Print a row for each length, and with `kill` one for each of the two parts of the last one."""
    print(machine())
    print("| minutes | segments | seconds | of the processor | resident memory, MB |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        lists = Path(name, "lists.jsonl")
        for i, length in enumerate(minutes):
            path = Path(name, f"{length:g}.wav")
            recording(path, folders, 60 * length)
            program = [sys.executable, __file__ if i and again else "-c"]
            program += [] if i and again else ["from ger.cli import main; main()"]
            env = {_LISTS: str(lists), "PYTHONPATH": os.pathsep.join(sys.path)}
            whole, parts = Path(name, "whole"), Path(name, "parts")
            command = [*program, "correct", str(path), *options, "-o"]
            found = measured([*command, str(whole)], env)
            rows = (whole / f"{length:g}.jsonl").read_text(encoding="utf-8").splitlines()
            if not lists.exists():
                lists.write_text("\n".join(rows) + "\n", encoding="utf-8")
            told(f"{length:g}", len(rows), found)
            if kill and length == minutes[-1]:
                found = measured([*command, str(parts)], env, lambda: kept(parts) > len(rows) / 2)  # noqa: B023
                told(f"{length:g}, killed", done := kept(parts), found)
                told(f"{length:g}, gone on from {done}", len(rows), measured([*command, str(parts)], env))
                written = sorted(whole.glob(f"{length:g}.*"))
                if differ := [file.name for file in written if not same(file, parts / file.name)]:
                    sys.exit(f"After the kill these differ: {', '.join(differ)}")
            path.unlink()


def told(name: str, segments: int, found: tuple[float, float, float]) -> None:
    """Print a row."""
    print(f"| {name} | {segments} | {found[0]:.0f} | {found[1]:.0f} | {found[2]:.0f} |", flush=True)


def same(one: Path, other: Path) -> bool:
    """Whether two files hold the same."""
    return other.is_file() and one.read_bytes() == other.read_bytes()


def main() -> None:
    """Measure and print."""
    if _LISTS in os.environ:
        registry._BUILTIN["frontends"]["faster-whisper"] = "long:Again"
        from ger.cli import main as ger

        ger()
    own, options = sys.argv[1:], []
    if "--" in own:
        own, options = own[: own.index("--")], own[own.index("--") + 1 :]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--minutes", nargs="+", type=float, default=[3, 60, 180])
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--kill", action="store_true")
    given = parser.parse_args(own)
    if missing := next((str(path) for path in given.clips if not path.exists()), None):
        sys.exit(f"{missing} is missing.")
    lengths(given.clips, given.minutes, options, again=given.again, kill=given.kill)


if __name__ == "__main__":
    main()
