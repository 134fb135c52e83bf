"""What earlier utterances are worth to rescoring, and what reading them costs.

The lists are LibriSpeech's as WeNet's four decoders heard it, read books with a chapter as the recording. Worth: WER
with weights that `ger tune --previous N` learns, cross-validated, no chapter in two folds. Cost: the lists with several
texts are rescored in order, each behind the corrected texts before it; once with what the model has read kept from call
to call (`kept`), and once with all of it read again (`anew`), in turn for each chapter.

    python benchmarks/context.py DATA [--part dev_other] [--every 3] [--previous 0,1,3,10] [--timed 150]

DATA holds `wenet_librispeech`. Exit code 2 when something is missing.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from common import machine
from consistent import chapter
from hotwords import SYSTEMS, kaldi

from ger.correct.fit import fit
from ger.correct.rescore import Rescorer, recording
from ger.correct.running import Running
from ger.lm.profile import DEFAULT, Profile
from ger.protocols import LanguageModel, LmOptions
from ger.types import AudioSpan, Correction, Hypothesis, NBest
from llm_backends.transformers import TransformersLM

FIRST = "attention_rescoring"


def heard(folder: Path, every: int) -> list[NBest]:
    """What the decoders heard of every so many chapters, in order; the best decoder first."""
    order = (FIRST, *(system for system in SYSTEMS if system != FIRST))
    texts = {system: kaldi(folder / system / "text") for system in order}
    references = kaldi(folder / "text")
    chosen = set(sorted({chapter(key) for key in references})[::every])
    made = []
    for key in sorted(references):
        if chapter(key) in chosen:
            found = tuple(Hypothesis(texts[system].get(key, ""), extra={"system": system}) for system in order)
            made.append(NBest(key, found, AudioSpan(chapter(key)), reference=references[key], language="en"))
    return made


class Cost:
    """Rescoring in order: lists, words told, tokens through the model, and processor time."""

    def __init__(self, lm: TransformersLM) -> None:
        self._lm = lm
        self.lists = self.tokens = self.words = 0
        self.seconds = 0.0
        lm._model.base_model.register_forward_pre_hook(self._count, with_kwargs=True)
        self._on = False

    def _count(self, _module: Any, _args: Any, kwargs: Any) -> None:
        self.tokens += self._on * kwargs["input_ids"].numel()

    def run(self, lists: Sequence[NBest], profile: Profile, *, kept: bool) -> list[Correction]:
        """Correct the lists of a recording."""
        inner: Any = Rescorer({"lm": self._lm if kept else Forgetful(self._lm)}, profile)
        corrector = Running(inner, profile.previous, profile.previous_words) if profile.previous else inner
        self._lm._forget()
        self._on, start = True, time.process_time()
        made: list[Correction] = corrector.correct(lists)
        self.seconds += time.process_time() - start
        self._on = False
        self.lists += len(made)
        self.words += sum(len(one.context.previous.split()) for one in made)
        return made


class Forgetful:
    """A language model that keeps nothing of what it has read."""

    def __init__(self, lm: TransformersLM) -> None:
        self._lm = lm

    def __getattr__(self, name: str) -> Any:
        if name == "score":
            self._lm._forget()
        return getattr(self._lm, name)


def several(nbest: NBest) -> bool:
    """Whether there is something to choose."""
    return len({hypothesis.text for hypothesis in nbest.hypotheses}) > 1


def timed(lists: Sequence[NBest], profile: Profile, lm: TransformersLM) -> None:
    """Print what it costs."""
    kept, anew = Cost(lm), Cost(lm)
    same = total = 0
    for _, own in groupby(lists, recording):
        chapters = list(own)
        one = kept.run(chapters, profile, kept=True)
        other = anew.run(chapters, profile, kept=False)
        same += sum(a.text == b.text for a, b in zip(one, other, strict=True))
        total += len(one)
    rates = [(cost.tokens / cost.lists, 1000 * cost.seconds / cost.lists) for cost in (kept, anew)]
    (tokens, mine), (all_tokens, other_ms) = rates
    print(
        f"{profile.previous:8} {kept.words / kept.lists:6.0f} {tokens:8.0f} {all_tokens:8.0f}"
        f" {mine:8.0f} {other_ms:8.0f} {other_ms / mine:6.2f}  {same} of {total}",
        flush=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--part", default="dev_other")
    parser.add_argument("--every", type=int, default=3, help="every so many chapters")
    parser.add_argument("--previous", default="0,1,3,10", help="numbers of earlier utterances")
    parser.add_argument("--timed", type=int, default=150, help="lists that are timed; 0 for none")
    parser.add_argument("--no-worth", action="store_true", help="only the cost")
    arguments = parser.parse_args()
    folder = arguments.data / "wenet_librispeech" / arguments.part
    if not folder.is_dir():
        print(f"{folder} is missing.", file=sys.stderr)
        return 2
    lists = heard(folder, arguments.every)
    lm = TransformersLM(LmOptions(compute_type="float32"))
    lms: dict[str, LanguageModel] = {"lm": lm}
    print(machine())
    print(f"{len(lists)} lists, {sum(map(several, lists))} with several texts")
    numbers = [int(number) for number in arguments.previous.split(",")]
    if arguments.timed:
        some = [nbest for nbest in lists if several(nbest)][: arguments.timed]
        Cost(lm).run(some[:5], replace(DEFAULT, previous=3), kept=True)  # warm up
        print("previous  words   tokens a list    ms of processor a list  times  texts alike")
        print("         told     kept     anew     kept     anew")
        for number in numbers:
            timed(some, replace(DEFAULT, previous=number), lm)
    if not arguments.no_worth:
        for number in numbers:
            made = fit(lists, replace(DEFAULT, previous=number), lms)
            print(f"previous {number}\n{made.render()}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
