"""Which weight and which written form should the rescorer use by default?

Chosen on: Whisper 5-best lists with scores (HyPoradise `dev_wsj_score.json`, `train_atis.json`), and lists that our
own front end makes of sentences of `dev_td3.json` and `dev_ls_other.json`, spoken by flite with noise. Reported on:
clips of real speech. Prints word errors for every form and weight.

    python benchmarks/weights.py DATA [--lists 150] [--spoken 100] [--audio FOLDER…]

DATA is a folder with `hyporadise/` in it, an audio FOLDER holds clips and `refs.tsv`. Needs the command flite for
--spoken. Exit code 2 when the data is missing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import machine, recognized
from rapidfuzz.distance import Levenshtein

from asr_frontends.faster_whisper import FasterWhisper
from ger.io.audio import SAMPLE_RATE, decode
from ger.lm.profile import DEFAULT
from ger.protocols import FrontendOptions, LmOptions, ScoreRequest
from ger.text.form import FORMS, apply
from ger.text.normalize import normalize
from ger.types import AudioSegment, AudioSpan, Hypothesis, NBest
from llm_backends.transformers import TransformersLM

WEIGHTS = [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0]


def hyporadise(path: Path, key: str, limit: int) -> list[NBest]:
    """Lists whose scores are averages over tokens.

    Totals are estimated with 1.2 tokens a word and the list's mean length, which keeps the recognizer's order.
    """
    lists = []
    for i, item in enumerate(json.loads(path.read_text(encoding="utf-8"))[:limit]):
        seen: dict[str, Hypothesis] = {}
        tokens = 1 + 1.2 * sum(len(text.split()) for text in item["input"]) / len(item["input"])
        for text, score in zip(item["input"], item[key], strict=True):
            text = "" if text == "<UNK>" else text
            seen.setdefault(text, Hypothesis(text, score=score * tokens))
        lists.append(NBest(str(i), tuple(seen.values()), reference=item["output"]))
    return lists


def upper(nbest: NBest) -> NBest:
    """The same list in upper case."""
    return replace(nbest, hypotheses=tuple(replace(h, text=h.text.upper()) for h in nbest.hypotheses))


def spoken(folder: Path, count: int) -> list[NBest]:
    """Lists of our front end for sentences spoken by three voices of flite, with white noise at 15 to 35 dB."""
    noise = np.random.default_rng(1)
    made: list[AudioSegment] = []
    references = []
    for name in ("dev_td3.json", "dev_ls_other.json"):
        texts = [item["output"] for item in json.loads((folder / name).read_text(encoding="utf-8"))]
        for text in [text for text in texts if 6 <= len(text.split()) <= 25][:count]:
            voice = ("slt", "rms", "awb")[len(made) % 3]
            with tempfile.NamedTemporaryFile(suffix=".wav") as file:
                subprocess.run(["flite", "-voice", voice, "-t", text, "-o", file.name], check=True)
                speech = np.concatenate(list(decode(file.name)))
            level = float(np.std(speech)) * 10 ** (-noise.uniform(15, 35) / 20)
            noisy = (speech + noise.normal(0, level, len(speech))).astype(np.float32)
            made.append(AudioSegment(str(len(made)), AudioSpan(name, 0.0, len(speech) / SAMPLE_RATE), noisy, "en"))
            references.append(text)
    lists = FasterWhisper(FrontendOptions()).recognize(made)
    return [replace(nbest, reference=text) for nbest, text in zip(lists, references, strict=True)]


def enough(nbest: NBest, index: int) -> bool:
    """The rescorer's own rule: a text that lost many words of the 1-best is never chosen."""
    words = [len(h.text.split()) for h in nbest.hypotheses]
    return words[index] >= DEFAULT.min_length * words[0]


def errors(nbest: NBest) -> list[int]:
    """Word errors of every hypothesis."""
    reference = normalize(nbest.reference or "").split()
    return [Levenshtein.distance(reference, normalize(h.text).split()) for h in nbest.hypotheses] or [len(reference)]


def table(name: str, lists: Sequence[NBest], lm: TransformersLM) -> None:
    """Word errors by form and weight."""
    words = sum(len(normalize(nbest.reference or "").split()) for nbest in lists)
    counted = [errors(nbest) for nbest in lists]
    first = sum(e[0] for e in counted)
    print(
        f"\n{name}: {len(lists)} lists, {words} words, 1-best {first} ({100 * first / words:.2f} %), "
        f"oracle {sum(min(e) for e in counted)} errors"
    )
    print(f"{'form':10}" + "".join(f"{w:>7.2f}" for w in WEIGHTS))
    for form in FORMS:
        scored = lm.score([ScoreRequest(tuple(apply(h.text, form) for h in nbest.hypotheses)) for nbest in lists])
        row = []
        for weight in WEIGHTS:
            total = 0
            for nbest, scores, wrong in zip(lists, scored, counted, strict=True):
                combined = [
                    (1 - weight) * (h.score or 0) + weight * s for h, s in zip(nbest.hypotheses, scores, strict=True)
                ]
                long = [i for i in range(len(combined)) if i == 0 or enough(nbest, i)]
                total += wrong[max(long, key=lambda i: (combined[i], -i), default=0)]
            row.append(total)
        print(f"{form:10}" + "".join(f"{n:>7}" for n in row), flush=True)


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--lists", type=int, default=150, help="lists of each HyPoradise file")
    parser.add_argument("--spoken", type=int, default=100, help="sentences of each of two files to be spoken")
    parser.add_argument("--audio", type=Path, nargs="*", default=[], help="folders of clips with refs.tsv")
    args = parser.parse_args()
    folder = args.data / "hyporadise"
    if not folder.is_dir():
        print(f"{folder} is missing: give the folder that holds hyporadise/.", file=sys.stderr)
        return 2
    lm = TransformersLM(LmOptions())
    print(machine(), lm.signature, sep="\n")
    if args.spoken:
        table("tuning: spoken", spoken(folder, args.spoken), lm)
    wsj = hyporadise(folder / "dev_wsj_score.json", "score", args.lists)
    table("tuning: WSJ", wsj, lm)
    table("tuning: WSJ in upper case, as Kaldi writes it", [upper(nbest) for nbest in wsj], lm)
    table("tuning: ATIS", hyporadise(folder / "train_atis.json", "am_score", args.lists), lm)
    for clips in args.audio:
        table(f"report: {clips.name}", recognized(clips), lm)
    return 0


if __name__ == "__main__":
    sys.exit(main())
