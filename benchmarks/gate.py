"""What do guard and gate make of a corrector's answers?

    python benchmarks/gate.py DATA recorded     answers of two large models: trained on one half, reported on the other
    python benchmarks/gate.py DATA hyporadise   edits between listed hypotheses, no model: cross-validated on all files

DATA is a folder with `wenet_librispeech/` (Kaldi texts of four decoders and of two language models) and `hyporadise/`
in it. Words are compared as they are stored. The halves are halves of the recordings, and each has its turn. Exit code
2 when the data is missing.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ger.correct.fit_gate import fit_gate
from ger.correct.gate import Gate
from ger.correct.guarded import Guarded
from ger.correct.recorded import Recorded
from ger.correct.rescore import recording
from ger.evaluate.bootstrap import interval, matched_pairs
from ger.evaluate.rates import distance
from ger.io.lists import join_systems, read_lists, read_texts
from ger.lm.tune import folds
from ger.protocols import Answer
from ger.types import NBest

SYSTEMS = ("attention_rescoring", "attention", "ctc_greedy_search", "ctc_prefix_beam_search")
SETS = ("test_clean", "test_other")
MODELS = ("llm_gpt4o", "llm_deepseek")
FILES = ("chime4", "cv", "lrs2", "ls_clean", "ls_other", "swbd", "td3", "wsj_score")


def errors(lists: Sequence[NBest], texts: Sequence[str]) -> list[int]:
    """Word errors of each text."""
    return [distance((n.reference or "").split(), text.split()) for n, text in zip(lists, texts, strict=True)]


def row(name: str, lists: Sequence[NBest], texts: Sequence[str]) -> str:
    """Rate with interval, and what became of the utterances."""
    words = [len((nbest.reference or "").split()) for nbest in lists]
    base, made = errors(lists, [n.best.text for n in lists]), errors(lists, texts)
    low, high = interval(made, words)
    changed = sum(text != nbest.best.text for text, nbest in zip(texts, lists, strict=True))
    helped = sum(e < b for e, b in zip(made, base, strict=True))
    harmed = sum(e > b for e, b in zip(made, base, strict=True))
    return (
        f"  {name:30} {100 * sum(made) / sum(words):6.2f} [{low:5.2f}, {high:5.2f}]  changed {changed:4} "
        f"helped {helped:4} harmed {harmed:4} ({100 * harmed / max(1, changed):4.1f} %)  "
        f"p {matched_pairs(made, base):.2g}"
    )


def better(nbest: NBest, text: str) -> str:
    """The text or the 1-best, whichever has fewer errors: a perfect gate of whole answers."""
    pair = [nbest.best.text, text]
    return pair[int(np.argmin(errors([nbest, nbest], pair)))]


def run_recorded(folder: Path) -> None:
    """A gate for each half of the recordings, made of the other half."""
    sets = {name: wenet(folder, name) for name in SETS}
    lists = [nbest for found in sets.values() for nbest in found]
    halves = folds([recording(nbest) for nbest in lists], 2)
    for model in MODELS:
        started = time.monotonic()
        answers = {key: Answer(text) for name in SETS for key, text in texts_of(folder, name, model).items()}
        gates: dict[str, Gate] = {}
        for train, held in (halves, halves[::-1]):
            fitted = fit_gate([lists[i] for i in train], answers)
            gates |= {lists[i].id: fitted.gate for i in held}
        print(f"\n{model}, both gates made in {time.monotonic() - started:.0f} s")
        for name, found in sets.items():
            recorded = Recorded(answers)
            ruled = [c.text for c in Guarded(recorded).correct(found)]
            gated = [Guarded(recorded, gate=gates[n.id]).correct([n])[0].text for n in found]
            told = [answers[n.id].text for n in found]
            print(name)
            print(row("1-best", found, [n.best.text for n in found]))
            print(row("answers as they are", found, told))
            print(row("guard alone", found, ruled))
            print(row("guard and gate", found, gated))
            print(
                row("perfect gate of whole answers", found, [better(*pair) for pair in zip(found, told, strict=True)])
            )


def run_hyporadise(folder: Path) -> None:
    """One gate for all files, and one for each; edits are differences between listed hypotheses."""
    files = {name: [replace(n, id=f"{name}:{n.id}") for n in read_lists(folder / f"dev_{name}.json")] for name in FILES}
    together = fit_gate([nbest for found in files.values() for nbest in found], harm=0.25)
    print(f"one gate for all files\n{together.render()}\n")
    place, alone = 0, 0
    for name, found in files.items():
        part = slice(place, place := place + len(found))
        own = fit_gate(found, harm=0.25)
        alone += int(own.tally.errors.sum())
        total = sum(together.words[part]) / 100
        base, made = together.tally.base[part], together.tally.errors[part]
        print(
            f"{name:10} 1-best {base.sum() / total:6.2f}  one gate for all {made.sum() / total:6.2f} "
            f"p {matched_pairs(made, base):.2g}  its own {own.tally.errors.sum() / total:6.2f}",
            flush=True,
        )
    print(f"{'pooled':10} its own {100 * alone / sum(together.words):6.2f}")


def texts_of(folder: Path, name: str, system: str) -> dict[str, str]:
    """Texts of one system."""
    return read_texts(folder / name / system / "text", ids=True)


def wenet(folder: Path, name: str) -> list[NBest]:
    """The outputs of the four decoders, the best one first."""
    references = read_texts(folder / name / "text", ids=True)
    return join_systems({system: texts_of(folder, name, system) for system in SYSTEMS}, references)


RUNS = {"recorded": ("wenet_librispeech", run_recorded), "hyporadise": ("hyporadise", run_hyporadise)}


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("what", choices=RUNS)
    args = parser.parse_args()
    name, run = RUNS[args.what]
    if not (args.data / name).is_dir():
        print(f"{args.data / name} is missing.", file=sys.stderr)
        return 2
    run(args.data / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
