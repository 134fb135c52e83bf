"""Does a language model in int8 choose as well as in float32, and what does it cost?

    python benchmarks/ctranslate2_scoring.py DATA [--files chime4 wsj_score] [--lists N] [--model NAME] [--threads 2]

DATA is a folder with `hyporadise/` in it. Contenders score the same lists, taking turns on parts of them, so that what
else the machine does hits all:

  float32       llm_backends.transformers in float32: what the others are compared with
  ct2-float32   llm_backends.ctranslate2 in float32
  ct2-int8      the same in int8

Prints lists a second by the clock and by processor time (which other work on the machine disturbs less), our float32's
time in times theirs by processor time; the mean absolute difference of a score from float32's (nats), Spearman's
correlation of the scores within a list, averaged over lists whose texts differ, how often the best of a list is the
same; and word error rates of the texts that are chosen with the score beside the features of the list, each list with
weights that were tuned on the other folds, with intervals and the test against float32's choices. Words are compared
as they are stored. Models are converted, and the machine is warmed up, before. Exit code 2 when the data is missing.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from common import machine
from quality import FOLDS, bounds
from scipy.stats import spearmanr

from ger import models
from ger.correct.fit import Problem, problem, validate
from ger.evaluate.bootstrap import interval, matched_pairs
from ger.io.lists import read_lists
from ger.lm.learned import CrossFitted
from ger.lm.profile import Profile
from ger.lm.tune import folds
from ger.protocols import LanguageModel, LmOptions, ScoreRequest
from ger.testing import ScriptedLM
from ger.types import NBest
from llm_backends.ctranslate2 import CTranslate2LM
from llm_backends.transformers import TransformersLM

ROWS = {
    "float32": (TransformersLM, "float32"),
    "ct2-float32": (CTranslate2LM, "float32"),
    "ct2-int8": (CTranslate2LM, "int8"),
}


@dataclass
class Tally:
    """What one contender did: its scores by prefix and text, and what they took."""

    scores: dict[tuple[str, str], float] = field(default_factory=dict)
    seconds: float = 0.0
    processor: float = 0.0

    def take(self, lm: LanguageModel, requests: Sequence[ScoreRequest]) -> None:
        start, used = time.perf_counter(), time.process_time()
        scored = lm.score(requests)
        self.seconds += time.perf_counter() - start
        self.processor += time.process_time() - used
        for request, scores in zip(requests, scored, strict=True):
            self.scores |= {(request.prefix, c): s for c, s in zip(request.continuations, scores, strict=True)}

    def table(self, lists: Sequence[NBest]) -> Problem:
        """The features of lists with these scores."""
        lm = ScriptedLM(lambda prefix, text: self.scores[prefix, text])
        return problem(lists, Profile({}), {"lm": lm}, normalizer="none")


def asked(lists: Sequence[NBest]) -> list[ScoreRequest]:
    """What a language model is asked for these lists."""
    lm = ScriptedLM()
    problem(lists, Profile({}), {"lm": lm}, normalizer="none")
    return [request for requests in lm.scored for request in requests]


def contest(lms: dict[str, LanguageModel], requests: Sequence[ScoreRequest], parts: int) -> dict[str, Tally]:
    """All contenders on one part after the other, in changing order."""
    tallies, order = {name: Tally() for name in lms}, list(lms)
    for part in range(parts):
        turn = part % len(order)
        for name in order[turn:] + order[:turn]:
            tallies[name].take(lms[name], requests[part::parts])
    return tallies


def likeness(ours: Tally, theirs: Tally, requests: Sequence[ScoreRequest]) -> tuple[float, float, float]:
    """Mean absolute difference in nats, mean rank correlation in a list, and share of lists with the same best."""
    differences, correlations, same = [], [], []
    for request in requests:
        texts = list(dict.fromkeys(request.continuations))
        a, b = (np.array([tally.scores[request.prefix, text] for text in texts]) for tally in (ours, theirs))
        differences += list(np.abs(a - b))
        if len(texts) > 1:
            correlations.append(float(spearmanr(a, b).statistic))
            same.append(int(a.argmax() == b.argmax()))
    return float(np.mean(differences)), float(np.mean(correlations)), float(np.mean(same))


def chosen(made: Problem) -> list[int]:
    """Word errors of each list, decided with weights of the other folds."""
    return validate(made, CrossFitted(made.lists, {}, folds(made.keys, FOLDS)))


def report(name: str, lists: Sequence[NBest], lms: dict[str, LanguageModel], parts: int) -> None:
    """Run a file and print it."""
    requests = asked(lists)
    tallies = contest(lms, requests, parts)
    ours = tallies["float32"]
    made = ours.table(lists)
    print(f"\n{name}: {bounds(made)}; {len(requests)} lists scored")
    print(f"{'':12}{'lists/s':>9}{'/cpu s':>9}{'cpu x':>8}{'|nats|':>9}{'Spearman':>10}{'same best':>11}  WER, %")
    base = chosen(made)
    for row, tally in tallies.items():
        difference, correlation, same = likeness(ours, tally, requests)
        errors = chosen(tally.table(lists))
        low, high = interval(errors, made.words)
        print(
            f"{row:12}{len(requests) / tally.seconds:9.2f}{len(requests) / tally.processor:9.2f}"
            f"{ours.processor / tally.processor:8.2f}{difference:9.4f}{correlation:10.4f}{same:11.1%}"
            f"  {made.rate(errors):5.2f} [{low:5.2f}, {high:5.2f}]  p {matched_pairs(errors, base):.2f}",
            flush=True,
        )


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--files", nargs="+", default=["chime4", "wsj_score"], help="dev_NAME.json of HyPoradise")
    parser.add_argument("--lists", type=int, default=None, help="the first so many of each file only")
    parser.add_argument("--model", default=models.DEFAULT_LM)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--parts", type=int, default=8, help="parts on which the contenders take turns")
    args = parser.parse_args()
    paths = {name: args.data / "hyporadise" / f"dev_{name}.json" for name in args.files}
    if missing := next((path for path in paths.values() if not path.is_file()), None):
        print(f"{missing} is missing: give the folder that holds hyporadise/.", file=sys.stderr)
        return 2
    lms: dict[str, LanguageModel] = {
        name: made(LmOptions(model=args.model, device="cpu", compute_type=precision, threads=args.threads))
        for name, (made, precision) in ROWS.items()
    }
    for lm in lms.values():
        lm.score([ScoreRequest(("so the field", "sow the field"))])
    print(machine(), f"{args.threads} threads", *(lm.signature for lm in lms.values()), sep="\n", flush=True)
    for name, path in paths.items():
        report(name, list(read_lists(path))[: args.lists], lms, args.parts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
