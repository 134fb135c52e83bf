"""How much do language models gain when they choose among the hypotheses of others' recognizers?

    python benchmarks/quality.py DATA wenet        tuned on dev_*, reported on test_*
    python benchmarks/quality.py DATA hyporadise   cross-validated on each file, and pooled
    python benchmarks/quality.py DATA atis         train_atis: three fifths train, one tunes, one is reported
    python benchmarks/quality.py DATA ranks        which rank prior should the default have for lists without scores?

DATA is a folder with `wenet_librispeech/` (Kaldi texts of four decoders) and `hyporadise/` in it. Words are compared as
they are stored. `--scores FOLDER` keeps the language model's scores for the next run. Exit code 2 when the data is
missing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
from common import machine

from ger.correct.fit import Problem, problem, validate
from ger.evaluate.bootstrap import interval, matched_pairs
from ger.io.lists import join_systems, read_lists, read_texts
from ger.lm.features import Features
from ger.lm.learned import CrossFitted, ngram
from ger.lm.profile import DEFAULT, Profile
from ger.lm.tune import choose, folds, select, tune
from ger.protocols import Answer, GenerateRequest, LanguageModel, LmOptions, ScoreRequest
from ger.train.recipe import RescorerOptions
from ger.train.rescorer import train
from ger.types import NBest
from llm_backends.rescorer import RescorerLM
from llm_backends.transformers import TransformersLM

SYSTEMS = ("attention_rescoring", "attention", "ctc_greedy_search", "ctc_prefix_beam_search")
FILES = ("chime4", "cv", "lrs2", "ls_clean", "ls_other", "swbd", "td3", "wsj_score")
FOLDS = 5
#: A rescorer that learns within minutes on a CPU.
SMALL = RescorerOptions(init="random", layers=2, hidden=128, pooling="mean", lr=1e-3, epochs=6, normalizer="none")


class Remembered:
    """A language model whose scores are kept in a file; it is loaded when one is missing."""

    def __init__(self, load: Callable[[], LanguageModel], path: Path | None) -> None:
        self._load = load
        self._path = path
        self._lm: LanguageModel | None = None
        self._known: dict[str, float] = json.loads(path.read_text()) if path and path.exists() else {}

    @property
    def signature(self) -> str:
        self._lm = self._lm or self._load()
        return self._lm.signature

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
        missing = [r for r in requests if any(r.prefix + c not in self._known for c in r.continuations)]
        if missing:
            self._lm = self._lm or self._load()
            for request, scores in zip(missing, self._lm.score(missing), strict=True):
                self._known |= {request.prefix + c: s for c, s in zip(request.continuations, scores, strict=True)}
            if self._path:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._path.write_text(json.dumps(self._known))
        return [[self._known[r.prefix + c] for c in r.continuations] for r in requests]

    def generate(self, requests: Sequence[GenerateRequest]) -> list[tuple[Answer, ...]]:
        raise NotImplementedError


def wenet(folder: Path, name: str) -> list[NBest]:
    """The outputs of the four decoders, the best one first."""
    texts = {system: read_texts(folder / name / system / "text", ids=True) for system in SYSTEMS}
    return join_systems(texts, read_texts(folder / name / "text", ids=True))


def told(made: Problem, errors: Sequence[int]) -> str:
    """Rate with interval, and the test against the first hypotheses."""
    first = [int(e[0]) for e in made.errors]
    low, high = interval(errors, made.words)
    return f"{made.rate(errors):6.2f} [{low:5.2f}, {high:5.2f}]  p {matched_pairs(errors, first):.4f}"


def bounds(made: Problem) -> str:
    """1-best and oracle."""
    return (
        f"{len(made.errors):5} lists {sum(made.words):6} words"
        f"  1-best {made.rate([int(e[0]) for e in made.errors]):6.2f}"
        f"  oracle {made.rate([int(e.min()) for e in made.errors]):6.2f}"
    )


def aligned(table: Features, names: tuple[str, ...]) -> Features:
    """The columns of another table; those that are missing do not tell hypotheses apart."""
    at = [table.names.index(name) if name in table.names else None for name in names]
    values = [np.stack([np.zeros(len(v)) if i is None else v[:, i] for i in at], axis=1) for v in table.values]
    return Features(names, values, table.allowed)


def run_wenet(folder: Path, lm: LanguageModel) -> None:
    """Tune on all of dev_clean and dev_other together; report test_clean and test_other."""
    dev = [nbest for name in ("dev_clean", "dev_other") for nbest in wenet(folder, name)]
    for method, lms in (("without a language model", {}), ("with the language model", {"lm": lm})):
        made = problem(dev, Profile({}), lms, normalizer="none")
        tuned = tune(made.features, made.errors)
        print(f"\n{method}; weights { ({n: round(w, 3) for n, w in tuned.by_name().items()}) }")
        validated = validate(made, CrossFitted(made.lists, {}, folds(made.keys, FOLDS)))
        print(f"dev, tuned on it (flatters)  {made.rate(made.chosen_errors(choose(made.features, tuned.weights))):.2f}")
        print(f"dev, cross-validated         {made.rate(validated):.2f}")
        for name in ("test_clean", "test_other"):
            test = problem(wenet(folder, name), Profile({}), lms, normalizer="none")
            chosen = test.chosen_errors(choose(aligned(test.features, tuned.names), tuned.weights))
            print(f"{name:12} {bounds(test)}  chosen {told(test, chosen)}", flush=True)


def run_hyporadise(folder: Path, lm: LanguageModel) -> None:
    """Weights, and n-gram models of the references, from the other four folds of each file."""
    pooled: dict[str, list[int]] = {}
    words: list[int] = []
    first: list[int] = []
    for name in FILES:
        lists = list(read_lists(folder / f"dev_{name}.json"))
        made = problem(lists, Profile({}), {"lm": lm}, normalizer="none")
        print(f"\n{name:10} {bounds(made)}")
        words += made.words
        first += [int(e[0]) for e in made.errors]
        for method, errors in methods(made).items():
            print(f"{'':10} {method:28} {told(made, errors)}", flush=True)
            pooled.setdefault(method, []).extend(errors)
    print(f"\npooled     1-best {100 * sum(first) / sum(words):.2f}")
    for method, errors in pooled.items():
        low, high = interval(errors, words)
        rate, p = 100 * sum(errors) / sum(words), matched_pairs(errors, first)
        print(f"{'':10} {method:28} {rate:6.2f} [{low:5.2f}, {high:5.2f}]  p {p:.2g}")


def methods(made: Problem) -> dict[str, list[int]]:
    """Cross-validated word errors of each list by method."""
    parts = folds(made.keys, FOLDS)
    own = [name for name in made.features.names if name != "lm"]
    tables = {"no language model": own, "lm": made.features.names}
    result = {}
    for learners in ({}, {"ngram": ngram(3, "none")}):
        for method, names in tables.items():
            table = replace(made, features=aligned(made.features, tuple(names)))
            label = f"{method} + in-domain 3-gram" if learners else method
            result[label] = validate(table, CrossFitted(made.lists, learners, parts))
    return result


def part(made: Problem, indices: npt.NDArray[np.int64]) -> Problem:
    """Some of the lists."""
    return Problem(
        select(made.features, indices),
        [made.errors[i] for i in indices],
        [made.words[i] for i in indices],
        [made.keys[i] for i in indices],
        [made.lists[i] for i in indices],
        [made.prefixes[i] for i in indices],
    )


def run_atis(folder: Path, lm: LanguageModel) -> None:
    """Fold 1 is reported, fold 2 tunes the weights, models are trained on folds 3 to 5."""
    lists = list(read_lists(folder / "train_atis.json"))
    held, tuning, *others = folds([nbest.reference or "" for nbest in lists], FOLDS)  # equal ones in one fold
    known = [lists[i] for i in np.concatenate(others)]
    lms: dict[str, LanguageModel] = {"lm": lm, "3-gram": ngram(3, "none")(known), "4-gram": ngram(4, "none")(known)}
    with TemporaryDirectory() as output:
        train(known, SMALL, Path(output, "rescorer"))
        lms["rescorer"] = RescorerLM(LmOptions(model=str(Path(output, "rescorer"))))
        made = problem(lists, Profile({}), lms, normalizer="none")
    dev, test = part(made, tuning), part(made, held)
    print(f"\natis, one fifth: {bounds(test)}")
    own = [name for name in made.features.names if name not in lms]
    for used in (
        [],
        ["lm"],
        ["3-gram"],
        ["4-gram"],
        ["rescorer"],
        ["4-gram", "rescorer"],
        ["lm", "4-gram", "rescorer"],
    ):
        names = (*own, *used)
        tuned = tune(aligned(dev.features, names), dev.errors)
        chosen = test.chosen_errors(choose(aligned(test.features, names), tuned.weights))
        print(f"{' + '.join(used) or 'no language model':28} {told(test, chosen)}", flush=True)


def run_ranks(folder: Path, lm: LanguageModel) -> None:
    """Word errors by the weight of the rank beside 0.1 for the language model, as fractions of 0.9."""
    priors = (0.0, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0)
    total = np.zeros(len(priors), dtype=np.int64)
    print(f"{'':10}{'1-best':>8}{'oracle':>8}" + "".join(f"{prior:>8}" for prior in priors))
    for name in FILES:
        if name in ("wsj_score", "ls_clean"):  # with scores, and with hardly an error
            continue
        lists = list(read_lists(folder / f"dev_{name}.json"))
        made = problem(lists, DEFAULT, {"lm": lm}, features=["rank"], normalizer="basic")
        chosen = [sum(made.chosen_errors(choose(made.features, [0.9 * prior, 0.1]))) for prior in priors]
        total += chosen
        ends = (sum(int(e[0]) for e in made.errors), sum(int(e.min()) for e in made.errors))
        print(f"{name:10}" + "".join(f"{number:>8}" for number in (*ends, *chosen)), flush=True)
    print(f"{'sum':26}" + "".join(f"{number:>8}" for number in total))


RUNS = {"ranks": run_ranks, "wenet": run_wenet, "hyporadise": run_hyporadise, "atis": run_atis}


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("what", choices=RUNS)
    parser.add_argument("--llm", default="", help="the language model")
    parser.add_argument("--scores", type=Path, help="a folder that keeps scores")
    args = parser.parse_args()
    folder = args.data / ("wenet_librispeech" if args.what == "wenet" else "hyporadise")
    if not folder.is_dir():
        print(f"{folder} is missing.", file=sys.stderr)
        return 2
    path = args.scores / f"{folder.name}.json" if args.scores else None
    lm = Remembered(lambda: TransformersLM(LmOptions(model=args.llm, compute_type="float32")), path)
    print(machine())
    RUNS[args.what](folder, lm)
    print(f"\n{lm.signature}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
