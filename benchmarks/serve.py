"""The service with 16 clients at once against one client at a time: recordings a second, and the ratio.

    python benchmarks/serve.py [--clients 16] [--requests 48] [FOLDER]

The default models on this machine, the clips of examples/audio (or the audio files of FOLDER) through OpenAI's client
over loopback; every request is a whole clip with its language given. Both runs ask for the same clips in the same
order, after one request that is not timed. An answer that differs between the runs is an error. What is measured is
what working side by side and sharing batches gain over a client that waits for each answer.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
from common import machine

from ger.api import settings
from ger.io.inputs import expand
from ger.serve.limits import Limits
from ger.serve.run import serving

EXAMPLES = Path(__file__).parents[1] / "examples" / "audio"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=EXAMPLES)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--requests", type=int, default=48)
    parser.add_argument("--language", default="en")
    arguments = parser.parse_args()
    clips = [Path(source.path) for source in expand([arguments.folder]).inputs]
    wanted = [clips[i % len(clips)] for i in range(arguments.requests)]
    print(machine())
    limits = Limits(requests=2 * arguments.clients)
    with serving(settings(), limits) as url, openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:

        def ask(path: Path) -> str:
            options = {"model": "whisper-1", "language": arguments.language}
            return client.audio.transcriptions.create(file=path, **options).text

        ask(clips[0])
        alone, one_by_one = timed(ask, wanted, 1)
        together, at_once = timed(ask, wanted, arguments.clients)
    print(f"ratio: {alone / together:.2f}")
    differ = sum(a != b for a, b in zip(one_by_one, at_once, strict=True))
    if differ:
        print(f"{differ} answers differ", file=sys.stderr)
    return bool(differ)


def timed(ask: Callable[[Path], str], wanted: list[Path], clients: int) -> tuple[float, list[str]]:
    """Seconds for all requests, and the answers; prints rate and processor time of service and clients together."""
    started, used = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(clients) as pool:
        answers = list(pool.map(ask, wanted))
    seconds, used = time.perf_counter() - started, (time.process_time() - used) / len(wanted)
    print(
        f"{clients:3} clients: {len(wanted)} recordings in {seconds:.1f} s, {len(wanted) / seconds:.2f} a second, "
        f"{used:.2f} s of processor time each",
        flush=True,
    )
    return seconds, answers


if __name__ == "__main__":
    sys.exit(main())
