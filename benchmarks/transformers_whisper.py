"""Do Whisper in transformers and Whisper in CTranslate2 say the same, with the same scores?

    python benchmarks/transformers_whisper.py FOLDER… [--nbest 5] [--model whisper-base] [--threads 0]

FOLDER holds clips and `refs.tsv`. The weights of `--model` (CTranslate2 format) are converted to that of transformers
(`tests/whisper_weights.py`), both run in float32 with the full window of 30 s, and for every clip the 1-best texts are
compared, after normalization, and their scores, in nats a token. Prints a line a clip, and of each front end seconds,
texts a list and word error rates. Exit code 2 when a folder is missing, 1 when more than one clip in 21 differs or two
scores of one text are 0.05 nats a token or more apart.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from common import clips, machine, segments

import asr_frontends.faster_whisper as ctranslate2_module
from asr_frontends.transformers import TransformersASR
from ger.evaluate.rates import distance
from ger.models import resolve
from ger.protocols import AsrFrontend, FrontendOptions
from ger.text.normalize import normalize
from ger.types import AudioSegment, NBest

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from whisper_weights import convert

NEAR = 0.05


def timed(make: Callable[[], AsrFrontend], given: list[AudioSegment]) -> tuple[list[NBest], float]:
    frontend = make()
    frontend.recognize(given[:1])
    start = time.perf_counter()
    return frontend.recognize(given), time.perf_counter() - start


def best(nbest: NBest) -> tuple[str, float]:
    return normalize(nbest.best.text), nbest.best.score or 0.0


def report(name: str, lists: list[NBest], seconds: float, references: dict[str, str]) -> None:
    first = oracle = words = 0
    for nbest in lists:
        reference = normalize(references[nbest.id]).split()
        errors = [distance(reference, normalize(h.text).split()) for h in nbest.hypotheses] or [len(reference)]
        first, oracle, words = first + errors[0], oracle + min(errors), words + len(reference)
    texts = sum(len(nbest.hypotheses) for nbest in lists) / len(lists)
    print(
        f"{name:14} {seconds:6.1f} s   {texts:.2f} texts a list   WER {100 * first / words:.2f} %"
        f"   best of the list {100 * oracle / words:.2f} %"
    )


def main() -> int:
    """Run both and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--nbest", type=int, default=5)
    parser.add_argument("--model", default="whisper-base")
    parser.add_argument("--threads", type=int, default=0)
    args = parser.parse_args()
    if missing := [folder for folder in args.folders if not (folder / "refs.tsv").is_file()]:
        print(f"{missing[0]} has no refs.tsv.", file=sys.stderr)
        return 2
    found = [clips(folder) for folder in args.folders]
    references = {key: text for _, texts in found for key, text in texts.items()}
    given = segments([path for files, _ in found for path in files])
    options = {"nbest": args.nbest, "device": "cpu", "compute_type": "float32", "threads": args.threads}
    print(machine())
    ctranslate2_module._MARGIN = ctranslate2_module._FULL_WINDOW  # as transformers does
    source = resolve(args.model, "recognizer").path
    with tempfile.TemporaryDirectory() as folder:
        convert(source, Path(folder))
        ours, took = timed(lambda: TransformersASR(FrontendOptions(model=folder, **options)), given)
    theirs, theirs_took = timed(
        lambda: ctranslate2_module.FasterWhisper(FrontendOptions(model=str(source), **options)), given
    )
    same, worst = compare(ours, theirs, source)
    report("transformers", ours, took, references)
    report("faster-whisper", theirs, theirs_took, references)
    print(f"{same} of {len(given)} 1-best texts are the same; their scores are at most {worst:.4f} nats a token apart.")
    return 0 if 21 * same >= 20 * len(given) and worst < NEAR else 1


def compare(ours: list[NBest], theirs: list[NBest], source: Path) -> tuple[int, float]:
    """How many 1-best texts are the same, and the largest difference of their scores (nats a token)."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    same, worst = 0, 0.0
    print(f"{'clip':45} {'1-best':9} {'transformers':>12} {'CTranslate2':>12} {'nats a token':>13}")
    for our, their in zip(ours, theirs, strict=True):
        (text, score), (other, other_score) = best(our), best(their)
        tokens = len(tokenizer.encode(" " + our.best.text, add_special_tokens=False).ids) + 1
        apart = abs(score - other_score) / tokens
        print(
            f"{our.id:45} {'same' if text == other else 'different':9} {score:12.4f} {other_score:12.4f} {apart:13.4f}"
        )
        if text == other:
            same, worst = same + 1, max(worst, apart)
    return same, worst


if __name__ == "__main__":
    sys.exit(main())
