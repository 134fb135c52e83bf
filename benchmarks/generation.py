"""What does a model that was trained on lists gain on others, and what do decoding, guard, rescoring and gate add?

    python benchmarks/generation.py DATA atis --work FOLDER         four fifths of train_atis train, one is reported
    python benchmarks/generation.py DATA hyporadise --work FOLDER   halves of all dev files train one adapter

DATA is a folder with `hyporadise/` in it. Lists with equal references are never on both sides. FOLDER keeps the parts
and the adapter; a training goes on where it was ended. `--adapter DIR` takes another adapter instead, `--set key=value`
changes the recipe. Words are compared as they are stored. Rewrites, a 3-gram model and an adapted language model
(`--lm DIR` for one that is there) are learned from the lists that are trained on.
Hybrid weights and gates are cross-validated on the reported lists. Exit code 2 when the data is missing.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from common import machine

from ger.correct.factories import generator
from ger.correct.fit import Problem, held_out, problem
from ger.correct.fit_gate import fit_gate
from ger.correct.fit_rewrites import fit_rewrites
from ger.correct.generate import Generator
from ger.correct.guard import Guard
from ger.correct.guarded import Guarded
from ger.correct.recorded import Recorded
from ger.correct.rewrites import REWRITES
from ger.correct.rewriting import Rewriter, Rewriting
from ger.evaluate.bootstrap import interval, matched_pairs
from ger.evaluate.rates import distance, oracle_errors
from ger.io.jsonl import write_records
from ger.io.lists import read_lists
from ger.lm.features import Features
from ger.lm.generation import GENERATOR, Generation
from ger.lm.learned import CrossFitted, ngram
from ger.lm.profile import Profile
from ger.lm.tune import folds, select
from ger.protocols import Answer, LanguageModel, LmOptions
from ger.train.h2t import train
from ger.train.h2t_recipe import H2TRecipe
from ger.train.lm import train as train_lm
from ger.train.lm_recipe import LmRecipe
from ger.train.settings import read
from ger.train.splits import apart
from ger.types import Correction, NBest
from llm_backends.transformers import TransformersLM

FILES = ("chime4", "cv", "lrs2", "ls_clean", "ls_other", "swbd", "td3", "wsj_score")
RECIPES = Path(__file__).parents[1] / "examples" / "recipes"
FOLDS = 5
#: The language model that learned from the references of the lists that are trained on.
ADAPTED = "adapted"
#: What `ger` puts behind a trained model.
GUARD = Guard.behind(trained=True)


@dataclass(frozen=True)
class Row:
    """Word errors of a way, list by list."""

    name: str
    errors: list[int]
    changed: int
    seconds: float = 0.0

    def told(self, lists: Sequence[NBest]) -> str:
        words = [len(reference(nbest)) for nbest in lists]
        first = [first_errors(nbest) for nbest in lists]
        low, high = interval(self.errors, words)
        harmed = sum(e > b for e, b in zip(self.errors, first, strict=True))
        return (
            f"  {self.name:34} {100 * sum(self.errors) / sum(words):6.2f} [{low:5.2f}, {high:5.2f}]"
            f"  p {matched_pairs(self.errors, first):8.2g}  changed {self.changed:5}  harmed {harmed:4}"
            f" ({100 * harmed / max(1, self.changed):4.1f} %)" + (f"  {self.seconds:5.0f} s" if self.seconds else "")
        )


def reference(nbest: NBest) -> list[str]:
    return (nbest.reference or "").split()


def first_errors(nbest: NBest) -> int:
    return distance(reference(nbest), nbest.best.text.split())


def row(name: str, lists: Sequence[NBest], texts: Sequence[str], seconds: float = 0.0) -> Row:
    errors = [distance(reference(n), text.split()) for n, text in zip(lists, texts, strict=True)]
    return Row(name, errors, sum(t != n.best.text for n, t in zip(lists, texts, strict=True)), seconds)


def parts_of(folder: Path, what: str) -> tuple[list[NBest], list[NBest]]:
    """Lists to train on, and lists to report; `meta.file` says where they come from."""
    names, share = (("train_atis",), 0.2) if what == "atis" else (tuple(f"dev_{name}" for name in FILES), 0.5)
    fit: list[NBest] = []
    held: list[NBest] = []
    for name in names:
        lists = [
            replace(nbest, id=f"{name}:{nbest.id}", meta={**nbest.meta, "file": name})
            for nbest in read_lists(folder / f"{name}.json")
        ]
        known, other = apart(lists, share, 0, lambda nbest: nbest.reference or "")
        fit += known
        held += other
    return fit, held


def timed(make: Callable[[], list[Correction]]) -> tuple[list[Correction], float]:
    began = time.monotonic()
    return make(), time.monotonic() - began


def ways(
    lists: list[NBest],
    fit: list[NBest],
    lm: TransformersLM,
    lms: dict[str, LanguageModel],
    adapter: str,
    *,
    more: bool,
    beams: int,
) -> Iterator[Row]:
    """All ways; hybrid weights and gates come from the other folds, rewrites from what was trained on."""

    def writer(how: Generation) -> Generator:
        return generator(lm, replace(how, adapter=adapter))

    yield row("1-best", lists, [nbest.best.text for nbest in lists])
    rewriting = Rewriting(fit_rewrites(fit).rewrites)
    yield row("rewrites", lists, [made.text for made in Rewriter(rewriting.rewrites).correct(lists)])
    oracle = [oracle_errors(reference(nbest), [h.text.split() for h in nbest.hypotheses]) for nbest in lists]
    yield Row("oracle of the list", oracle, sum(o < first_errors(n) for o, n in zip(oracle, lists, strict=True)))
    free, seconds = timed(lambda: writer(Generation()).correct(lists))
    yield row("generate", lists, [made.text for made in free], seconds)
    answers = {m.id: Answer(m.text, m.scores.get("generator"), m.scores.get("least")) for m in free if m.changed}
    yield row(
        "generate + guard", lists, [m.text for m in Guarded(Recorded(answers), Guard(style=False)).correct(lists)]
    )
    yield from gated("generate", lists, answers)
    if more:
        for name, how in (
            ("generate, 4 beams", Generation(beams=4)),
            ("generate, choice", Generation(decoding="choice")),
            ("generate, words", Generation(decoding="words")),
        ):
            made, seconds = timed(lambda how=how: writer(how).correct(lists))
            yield row(name, lists, [m.text for m in made], seconds)
    wide = writer(Generation(beams=beams)) if beams > 1 else Written(writer(Generation()), free)
    yield from hybrid(lists, wide, rewriting, lms)


class Written:
    """A generator that has written already what it writes, one text a list."""

    def __init__(self, generator: Generator, made: Sequence[Correction]) -> None:
        self._generator = generator
        self._texts = {correction.id: correction.text for correction in made}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._generator, name)

    def write(self, lists: Sequence[NBest]) -> list[list[str]]:
        return [[self._texts[nbest.id]] for nbest in lists]


def gated(name: str, lists: list[NBest], answers: dict[str, Answer]) -> Iterator[Row]:
    """What a gate lets through of answers, and of these and the list; cross-validated."""
    for sources in ("answer", "both"):
        gate = fit_gate(lists, answers, sources=sources, guard=GUARD, harm=0.25)  # type: ignore[arg-type]
        tally = gate.tally
        yield Row(f"{name} + gate ({sources})", tally.errors.tolist(), int(tally.changed.sum()))


def hybrid(lists: list[NBest], wide: Any, rewriting: Rewriting, lms: dict[str, LanguageModel]) -> Iterator[Row]:
    """Rescoring of the lists with what was written for them, weights for each file; cross-validated. And its gate."""
    alone = problem(lists, Profile({}), lms, rewriting=rewriting, normalizer="none")
    made = problem(lists, Profile({}), lms, generator=wide, rewriting=rewriting, normalizer="none")
    learned = {"3-gram", ADAPTED}
    sets = {**{lm: {lm} for lm in lms}, "both learned": learned, "all models": {*lms}}
    for name, of, used in (
        *((f"no generator, {name}", alone, some) for name, some in sets.items()),
        *((f"no generator, rewrites, {name}", alone, {REWRITES, *some}) for name, some in sets.items()),
        ("hybrid, generator alone", made, {GENERATOR}),
        *((f"hybrid with {name}", made, {GENERATOR, *some}) for name, some in sets.items()),
        ("hybrid with rewrites", made, {GENERATOR, REWRITES}),
        *((f"hybrid with rewrites, {name}", made, {GENERATOR, REWRITES, *some}) for name, some in sets.items()),
    ):
        left_out = {GENERATOR, REWRITES, *lms} - used
        names = tuple(column for column in of.features.names if column not in left_out)
        at = [of.features.names.index(column) for column in names]
        allowed = [
            may & np.array([h.extra.get("added") not in left_out for h in nbest.hypotheses])
            for may, nbest in zip(of.features.allowed, of.lists, strict=True)
        ]
        table = Features(names, [values[:, at] for values in of.features.values], allowed)
        chosen = by_file(replace(of, features=table))
        texts = [nbest.hypotheses[i].text for nbest, i in zip(of.lists, chosen, strict=True)]
        yield row(name, lists, texts)
        if used >= {GENERATOR, *lms}:
            answers = {n.id: Answer(text) for n, text in zip(lists, texts, strict=True) if text != n.best.text}
            yield from gated(name.removeprefix("hybrid with "), lists, answers)


def by_file(made: Problem) -> list[int]:
    """Which hypothesis of each list is chosen, with weights of the other folds of its file."""
    chosen = [0] * len(made.lists)
    for name in dict.fromkeys(nbest.meta["file"] for nbest in made.lists):
        own = np.array([i for i, nbest in enumerate(made.lists) if nbest.meta["file"] == name])
        part = replace(
            made,
            features=select(made.features, own),
            errors=[made.errors[i] for i in own],
            words=[made.words[i] for i in own],
            keys=[made.keys[i] for i in own],
            lists=[made.lists[i] for i in own],
            prefixes=[made.prefixes[i] for i in own],
        )
        found = held_out(part, CrossFitted(part.lists, {}, folds(part.keys, FOLDS)))
        for i, choice in zip(own, found, strict=True):
            chosen[i] = int(choice)
    return chosen


def adapted(fit: list[NBest], folder: Path) -> Path:
    """The folder of a language model that was adapted to the references, by the recipe as it is."""
    recipe = read(RECIPES / "lm.toml", LmRecipe)
    texts = {nbest.id: nbest.reference or "" for nbest in fit}
    summary = train_lm(texts, recipe.options, folder, report=lambda r: print(r) if "epoch_loss" in r else None)
    print(f"adapted to {summary.trained_on} texts in {summary.seconds:.0f} s: {summary.validation}")
    return folder


def main() -> int:
    """Train where needed, correct and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("what", choices=("atis", "hyporadise"))
    parser.add_argument("--work", type=Path, required=True, help="folder for the parts and the adapter")
    parser.add_argument("--adapter", type=Path, help="an adapter that is there already")
    parser.add_argument("--lm", type=Path, help="a language model of `ger train lm` that is there already")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the recipe")
    parser.add_argument("--beams", type=int, default=1, help="texts that are written for the hybrid")
    parser.add_argument("--more", action="store_true", help="other ways of decoding, too")
    args = parser.parse_args()
    folder = args.data / "hyporadise"
    if not folder.is_dir():
        print(f"{folder} is missing.", file=sys.stderr)
        return 2
    fit, held = parts_of(folder, args.what)
    print(machine())
    adapter = args.adapter or args.work / f"{args.what}-adapter"
    if not args.adapter:
        for name, lists in (("fit", fit), ("held", held)):
            write_records(args.work / f"{args.what}-{name}.jsonl", lists)
        files = [f"lists={args.work / f'{args.what}-fit.jsonl'}", f"output={adapter}"]
        recipe = read(RECIPES / f"h2t-{args.what}.toml", H2TRecipe, [*args.set, *files])
        summary = train(fit, recipe.options, adapter, report=lambda r: print(r) if "validation_wer" in r else None)
        print(f"trained on {summary.trained_on} lists in {summary.seconds:.0f} s, epoch {summary.best_epoch}")
    own = args.lm or adapted(fit, args.work / f"{args.what}-lm")
    lm, plain, told = (
        TransformersLM(LmOptions(model="smollm2-135m-instruct", adapter=folder, compute_type="float32"))
        for folder in (str(adapter), "", str(own))
    )
    lms = {"3-gram": ngram(3, "none")(fit), "lm": plain, ADAPTED: told}
    print(f"\n{args.what}: {len(held)} lists, {sum(len(reference(n)) for n in held)} words")
    rows = []
    for made in ways(held, fit, lm, lms, str(adapter), more=args.more, beams=args.beams):
        rows.append(made)
        print(made.told(held), flush=True)
    for name in dict.fromkeys(str(nbest.meta["file"]) for nbest in held) if args.what == "hyporadise" else ():
        own = [i for i, nbest in enumerate(held) if nbest.meta["file"] == name]
        print(f"\n{name}: {len(own)} lists")
        for r in rows:
            some = replace(r, errors=[r.errors[i] for i in own], changed=0, seconds=0.0)
            print(some.told([held[i] for i in own]).split("  changed")[0])
    print(f"\n{lm.signature}\n{told.signature}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
