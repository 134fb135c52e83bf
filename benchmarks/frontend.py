"""What do distinct N-best lists cost, compared with faster-whisper's own single transcripts?

Runs, on the same clips with the same model, precision and threads, each in a process of its own:

  transcribe   faster-whisper's WhisperModel.transcribe(beam_size=5), file by file
  batched      faster-whisper's BatchedInferencePipeline(beam_size=5, batch_size=8), file by file
  ger          our front end's lists of --nbest different texts, files batched together, with word times
  ger-full     the same with Whisper's full 30 s window

    python benchmarks/frontend.py FOLDER… [--nbest 5] [--runs 3] [--model whisper-base] [--device cpu]

FOLDER holds clips and `refs.tsv`. Decoding, voice activity detection and language detection are
timed (transcribe has no voice activity detection), loading the model is not. Prints the best
time of the runs, the ratio to `transcribe`, peak memory of the process, word error rates (1-best and oracle, after
lower-casing and dropping punctuation) and the mean number of different texts. Exit code 2 when a folder is missing.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from common import clips, machine
from rapidfuzz.distance import Levenshtein

from asr_frontends.silero import SileroSegmenter
from ger.io.audio import SAMPLE_RATE, decode
from ger.protocols import FrontendOptions
from ger.text.normalize import normalize
from ger.types import AudioSegment, AudioSpan

SYSTEMS = ("transcribe", "batched", "ger", "ger-full")


def rival(args: argparse.Namespace, *, batched: bool) -> Callable[[list[Path]], list[list[str]]]:
    """faster-whisper as its users call it."""
    import faster_whisper

    from ger.models import resolve

    device, compute = args.device, "int8" if args.device == "cpu" else "float16"
    model = faster_whisper.WhisperModel(
        str(resolve(args.model, "recognizer").path), device=device, compute_type=compute, cpu_threads=args.threads
    )
    engine = faster_whisper.BatchedInferencePipeline(model) if batched else model
    extra = {"batch_size": 8} if batched else {}

    def run(files: list[Path]) -> list[list[str]]:
        texts = []
        for path in files:
            found, _ = engine.transcribe(str(path), beam_size=5, **extra)
            texts.append([" ".join(segment.text.strip() for segment in found)])
        return texts

    return run


def ours(args: argparse.Namespace, *, full: bool) -> Callable[[list[Path]], list[list[str]]]:
    """Our front end."""
    import asr_frontends.faster_whisper as module

    if full:
        module._MARGIN = module._FULL_WINDOW
    frontend = module.FasterWhisper(
        FrontendOptions(model=args.model, nbest=args.nbest, device=args.device, threads=args.threads)
    )

    segmenter = SileroSegmenter()

    def run(files: list[Path]) -> list[list[str]]:
        frontend._languages.clear()
        found = [
            AudioSegment(str(path), AudioSpan(str(path), start, start + len(samples) / SAMPLE_RATE), samples)
            for path in files
            for start, samples in segmenter.split(decode(path))
        ]
        lists: dict[str, list[list[str]]] = {str(path): [] for path in files}
        for nbest in frontend.recognize(found):
            lists[nbest.id].append([h.text for h in nbest.hypotheses])
        # Clips of several segments: the first texts together, the second texts together …
        return [
            [" ".join(texts) for texts in zip(*parts, strict=False)] if len(parts) != 1 else parts[0]
            for parts in lists.values()
        ]

    return run


def measure(args: argparse.Namespace) -> dict[str, object]:
    """One system in this process."""
    files: list[Path] = []
    references: dict[str, str] = {}
    for folder in args.folders:
        found, texts = clips(folder)
        files += found
        references |= texts
    if args.system in ("transcribe", "batched"):
        run = rival(args, batched=args.system == "batched")
    else:
        run = ours(args, full=args.system == "ger-full")
    run(files[:1])
    times = []
    for _ in range(args.runs):
        start = time.perf_counter()
        lists = run(files)
        times.append(time.perf_counter() - start)
    words = first = best = 0
    for path, texts in zip(files, lists, strict=True):
        reference = normalize(references[path.stem]).split()
        errors = [Levenshtein.distance(reference, normalize(text).split()) for text in texts] or [len(reference)]
        words, first, best = words + len(reference), first + errors[0], best + min(errors)
    return {
        "system": args.system,
        "seconds": min(times),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "wer": 100 * first / words,
        "oracle": 100 * best / words,
        "errors": first,
        "words": words,
        "clips": len(files),
        "distinct": sum(len({normalize(text) for text in texts}) for texts in lists) / len(lists),
    }


def main() -> int:
    """Run every system and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*", default=[Path("examples/audio")])
    parser.add_argument("--nbest", type=int, default=5)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--model", default="whisper-base")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--system", choices=SYSTEMS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    missing = [folder for folder in args.folders if not (folder / "refs.tsv").is_file()]
    if missing:
        print(f"{missing[0]} is missing or has no refs.tsv: give folders of clips.", file=sys.stderr)
        return 2
    if args.system:
        print(json.dumps(measure(args)))
        return 0
    print(machine())
    print(f"{'system':11}{'seconds':>9}{'ratio':>7}{'MiB':>7}{'WER %':>8}{'oracle %':>10}{'different':>11}")
    base = 0.0
    for system in SYSTEMS:
        command = [sys.executable, __file__, *sys.argv[1:], "--system", system]
        row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        base = base or row["seconds"]
        print(
            f"{system:11}{row['seconds']:9.1f}{row['seconds'] / base:7.2f}{row['peak_mib']:7.0f}"
            f"{row['wer']:8.2f}{row['oracle']:10.2f}{row['distinct']:11.2f}",
            flush=True,
        )
    print(f"{row['clips']} clips, {row['words']} words, best of {args.runs} runs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
