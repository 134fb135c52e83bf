"""Test with engines that cannot share ger's environment, each in an environment of its own.

    .venv/bin/python .ci/test_engines.py [NAME ...] [--minutes M]

An engine is a folder `tests/engines/NAME`: tests, and `requirements.txt` with every package of its environment and its
version. Environments lie in ger's cache (`GER_CACHE` moves it) and are used again until their requirements change; the
checkout is put on their path. Without a name, all engines are tested. With `--minutes`, nothing is begun after so many:
what was not done is said, and is no failure. Exits with 1 if an environment cannot be made or a test fails.
"""

# ruff: noqa: T201

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from pathlib import Path

from ger.models.cache import cache_dir, locked

__all__ = ["engines", "environment", "main"]

ROOT = Path(__file__).resolve().parents[1]
ENGINES = ROOT / "tests" / "engines"
#: The last thing that is put into an environment; one without it is not finished and is made again.
COMPLETE = "complete"
TEST_SECONDS = 480
UNUSED_DAYS = 30


def main(arguments: Sequence[str] | None = None) -> int:
    """Test engines; the exit status."""
    parser = argparse.ArgumentParser(description="Test engines that need environments of their own.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(engines())}; all if none is given")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin nothing after so many minutes")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.names) - set(engines())):
        parser.error(f"there is no folder tests/engines/{unknown[0]}; known: {', '.join(engines())}")
    deadline = time.monotonic() + 60 * options.minutes
    outcomes = {name: _test(name, deadline) for name in options.names or engines()}
    print(*(f"engine {name}: {said}" for name, said in outcomes.items()), sep="\n")
    return int(any(said.startswith("FAILED") for said in outcomes.values()))


def engines() -> list[str]:
    """Names of the engines that have tests."""
    return sorted(path.parent.name for path in ENGINES.glob("*/requirements.txt"))


def environment(name: str) -> Path:
    """The folder of an engine's environment, made or not: another one for other requirements or another Python."""
    digest = hashlib.sha256((ENGINES / name / "requirements.txt").read_bytes() + sys.version.encode()).hexdigest()
    return cache_dir() / "engines" / f"{name}-{digest[:12]}"


def _test(name: str, deadline: float) -> str:
    """What became of the tests of an engine, in words that begin with passed, SKIPPED or FAILED."""
    with locked(f"engine-{name}", lambda: print(f"engine {name}: another process uses it", flush=True)):
        try:
            python = _made(name, deadline)
        except TimeoutError:
            return f"SKIPPED: no time to make its environment; run: make test-engines ENGINES={name}"
        except subprocess.CalledProcessError:
            return "FAILED: its environment cannot be made, see above"
        if time.monotonic() > deadline:
            return f"SKIPPED: no time for its tests; run: make test-engines ENGINES={name}"
        start = time.monotonic()
        try:
            status = _run([python, "-m", "pytest", ENGINES / name], TEST_SECONDS)
        except TimeoutError:
            return f"FAILED: its tests took more than {TEST_SECONDS} s"
        return f"{'FAILED' if status else 'passed'} in {time.monotonic() - start:.0f} s"


def _made(name: str, deadline: float) -> Path:
    """The Python of an engine's environment, which is made first if it is not there or not whole."""
    folder = environment(name)
    python = folder / "bin" / "python"
    if not (folder / COMPLETE).exists():
        _sweep(folder)
        if time.monotonic() > deadline:
            raise TimeoutError
        print(f"engine {name}: making its environment in {folder}", flush=True)
        venv.create(folder, symlinks=True)
        # Without dependencies: the list is complete, also where engines ask for what they can do without.
        pip = [sys.executable, "-m", "pip", "--python", python, "install", "-qq", "--no-deps"]
        if status := _run([*pip, "-r", ENGINES / name / "requirements.txt"], deadline - time.monotonic()):
            raise subprocess.CalledProcessError(status, pip)
    (folder / COMPLETE).touch()  # its time says when it was last used
    return python


def _sweep(folder: Path) -> None:
    """Remove an engine's environments that are not finished, and those that nobody has used for long."""
    oldest = time.time() - 86_400 * UNUSED_DAYS
    for other in folder.parent.glob(f"{folder.name.rpartition('-')[0]}-{'?' * 12}"):
        if not (other / COMPLETE).exists() or (other / COMPLETE).stat().st_mtime < oldest:
            shutil.rmtree(other)


def _run(command: Sequence[str | Path], seconds: float) -> int:
    """The exit status of a command that finds the checkout on its path; with it end the processes that it started.

    Raises:
        TimeoutError: it took longer.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    process = subprocess.Popen(command, cwd=ROOT, env=kept | {"PYTHONPATH": str(ROOT)}, start_new_session=True)
    try:
        return process.wait(None if seconds == float("inf") else max(0.0, seconds))
    except subprocess.TimeoutExpired as error:
        raise TimeoutError from error
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
