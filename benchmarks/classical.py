"""How much do language models gain on the lattices of a classical recognizer?

pocketsphinx with its own English model decodes clips; the best 10 and 100 texts of each lattice are rescored:

    python benchmarks/classical.py AUDIO DATA [--llm smollm2-135m-instruct]

AUDIO is a folder of folders with clips and `refs.tsv`, DATA a folder with `hyporadise/` in it, whose LibriSpeech
references train an n-gram model of books. Clips fall into two halves, every other one; weights are tuned on one and
reported on the other, both ways, so that each clip is chosen for by weights that have not seen it. Prints word error
rates (case and punctuation aside) with bootstrap intervals: the recognizer's first, `score` and the language model at
the default weight, tuned weights of several features, the lattice searched with the language model
(`ger.lm.lattice`), the oracle of the lists and of the whole lattice. Exit code 2 when the data is missing.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from common import clips, machine, segments
from quality import Remembered, aligned, part, told

from asr_frontends.pocketsphinx import PocketSphinx
from asr_frontends.pocketsphinx_lattice import END, START, WordGraph
from ger.correct.fit import Problem, problem
from ger.io.lattice import Lattice
from ger.io.lists import read_lists
from ger.lm.lattice import rescore
from ger.lm.learned import ngram
from ger.lm.profile import DEFAULT, Profile
from ger.lm.tune import choose, tune
from ger.protocols import Answer, FrontendOptions, GenerateRequest, LanguageModel, LmOptions, ScoreRequest
from ger.text.normalize import normalize
from ger.types import Hypothesis, NBest
from llm_backends.transformers import TransformersLM


@dataclass
class Listed:
    """One of the recognizer's own scores as a column."""

    name: str
    signature: str = "listed"

    def score_lists(self, lists: Sequence[NBest]) -> list[list[float]]:
        return [[getattr(hypothesis, self.name) for hypothesis in nbest.hypotheses] for nbest in lists]

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
        raise NotImplementedError

    def generate(self, requests: Sequence[GenerateRequest]) -> list[tuple[Answer, ...]]:
        raise NotImplementedError


def oracle(graph: WordGraph, reference: list[str]) -> int:
    """The least word errors of any path: edit distance between the reference and a graph."""
    # From each node to the end, for each word of the reference where what is left of it begins.
    rest = np.full((len(graph.words), len(reference) + 1), np.inf)
    for node in range(len(graph.words)):
        row = np.full(len(reference) + 1, np.inf)
        if node == graph.last:
            row = np.arange(len(reference), -1, -1, dtype=float)
        for target, _ in graph.edges[node]:
            row = np.minimum(row, rest[target])
        word = graph.words[node]
        if word not in ("", START, END):
            matched = np.append(row[1:] + [word != said for said in reference], np.inf)
            row = np.minimum(row + 1, matched)
        for j in range(len(reference) - 1, -1, -1):
            row[j] = min(row[j], row[j + 1] + 1)
        rest[node] = row
    return int(rest[graph.first, 0])


def report(title: str, made: Problem, errors: Sequence[int]) -> None:
    print(f"{title:44} {told(made, errors)}", flush=True)


def searched(
    lists: list[NBest], graphs: list[Lattice], lm: LanguageModel, weight: float, acoustic_scale: float
) -> None:
    """Errors of the texts that win in the whole lattice; the weight is given, not tuned."""
    found = [rescore(g, lm, weight=weight, acoustic_scale=acoustic_scale, most=200) for g in graphs]
    texts = [Hypothesis(one.path.text if one else "") for one in found]
    made = problem([replace(n, hypotheses=(text,)) for n, text in zip(lists, texts, strict=True)], Profile({}), {})
    seen = sum(one.seen for one in found if one) / len(found)
    report(f"lattice, lm {weight:g}: {seen:.0f} texts read", made, [int(errors[0]) for errors in made.errors])


def halves(made: Problem) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """What is tuned on and what is reported, both ways."""
    order = np.arange(len(made.errors))
    yield order[::2], order[1::2]
    yield order[1::2], order[::2]


def tuned_errors(made: Problem, names: tuple[str, ...]) -> list[int]:
    """Errors of each clip with the weights of the other half."""
    errors = [0] * len(made.errors)
    for known, new in halves(made):
        dev, test = part(made, known), part(made, new)
        weights = tune(aligned(dev.features, names), dev.errors).weights
        for place, count in zip(new, test.chosen_errors(choose(aligned(test.features, names), weights)), strict=True):
            errors[place] = count
    return errors


def at_default(made: Problem, lists: list[NBest]) -> list[int]:
    """Errors with the default weights of `score` and the language model."""
    chosen = []
    for nbest, values in zip(lists, made.features.values, strict=True):
        lm = values[:, made.features.names.index("lm")]
        own = np.array([hypothesis.score for hypothesis in nbest.hypotheses])
        chosen.append(int(np.argmax(DEFAULT.weights["acoustic"] * own + DEFAULT.weights["lm"] * lm)))
    return made.chosen_errors(np.array(chosen))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("audio", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--llm", default="smollm2-135m-instruct")
    args = parser.parse_args()
    folders = sorted(path.parent for path in args.audio.glob("*/refs.tsv"))
    books = [args.data / "hyporadise" / f"dev_ls_{part}.json" for part in ("clean", "other")]
    if not folders or not all(path.is_file() for path in books):
        print(f"{args.audio} or {args.data} is missing.", file=sys.stderr)
        return 2
    print(machine())
    recognizer = PocketSphinx(FrontendOptions(nbest=100))
    print(recognizer.signature)
    lists, best_of_lattice, graphs, seconds, duration = [], [], [], 0.0, 0.0
    for folder in folders:
        files, references = clips(folder)
        for segment in segments(files):
            started = time.perf_counter()
            graph = recognizer.graph(segment.samples)
            assert graph
            hypotheses = tuple(recognizer._hypotheses(graph, segment))
            seconds, duration = seconds + time.perf_counter() - started, duration + segment.duration
            lists.append(NBest(segment.id, hypotheses, segment.span, reference=references[segment.id]))
            graphs.append(recognizer.lattice(graph))
            best_of_lattice.append(oracle(graph, normalize(references[segment.id]).split()))
    mean = np.mean([len(nbest.hypotheses) for nbest in lists])
    print(f"{len(lists)} clips, {duration:.0f} s of audio in {seconds:.0f} s, {mean:.0f} different texts a clip\n")
    lms: dict[str, LanguageModel] = {
        "likelihood": Listed("acoustic_score"),
        "trigrams": Listed("lm_score"),
        "lm": Remembered(lambda: TransformersLM(LmOptions(model=args.llm, compute_type="float32")), None),
        "books": ngram(3, "basic")([nbest for path in books for nbest in read_lists(path)]),
    }
    for weight in (DEFAULT.weights["lm"], 0.3, 0.5):
        searched(lists, graphs, lms["lm"], weight, recognizer.scale)
    for count in (10, 100):
        short = [replace(nbest, hypotheses=nbest.hypotheses[:count]) for nbest in lists]
        made = problem(short, Profile({}), lms)
        if count == 10:
            print(f"{sum(made.words)} words")
            report("first of the list", made, [int(errors[0]) for errors in made.errors])
            report("oracle of the lattice", made, best_of_lattice)
        report(f"oracle of {count}", made, [int(errors.min()) for errors in made.errors])
        report(f"{count}: score and lm, default weights", made, at_default(made, short))
        for extra in ((), ("books",), ("lm",), ("lm", "books")):
            title = " + ".join(("likelihood", "trigrams", *extra))
            report(f"{count}: {title}", made, tuned_errors(made, ("likelihood", "trigrams", *extra)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
