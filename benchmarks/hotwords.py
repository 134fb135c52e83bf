"""Hotwords after the fact: what they are worth on the rare-word benchmark of LibriSpeech, and how fast they are.

The model is learned from other data than it is measured on: LibriSpeech's development sets as WeNet's four decoders
heard them, and HyPoradise's lists, with made-up hotwords. Measured is on `librispeech_biasing` (Le et al. 2021), the
1-best of two systems, with its lists of 100 words and with longer ones, to which words of other utterances' lists are
added. `--halves` knows the set's 5,000 common words, outside of which a word counts as rare there, unless `--no-usual`.

    python benchmarks/hotwords.py DATA --learn MODEL.toml     # makes the model that comes with ger
    python benchmarks/hotwords.py DATA [--model MODEL.toml] [--sizes 100,1000,2000] [--every 1]
    python benchmarks/hotwords.py DATA --halves [--loss 0.02] [--no-usual] [--sizes 100,1000,2000]
                                                              # tuned on half of each set, reported on the other
    python benchmarks/hotwords.py DATA --speed                # lists a second with 100 and with 100,000 hotwords

With `--lm`, the default language model has a say, too, or another (`--lm NAME`). What that is worth to the model that
comes with ger is learned from some of the same lists (`--reading MODEL.toml --most 8000`). One that knows how the books
are read is made from the references of the development sets:

    ger train lm examples/recipes/lm.toml --set model=gemma-3-270m --set precision=bfloat16 --set output=adapted \\
        --set 'texts=["DATA/wenet_librispeech/dev_clean/text", "DATA/wenet_librispeech/dev_other/text"]'
    ger train merge adapted -o merged
    python benchmarks/hotwords.py DATA --halves --lm merged

DATA holds `librispeech_biasing`, `wenet_librispeech` and `hyporadise`. Exit code 2 when something is missing.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from zlib import crc32

from common import machine
from rapidfuzz.distance import Levenshtein

from ger.api import settings
from ger.correct.first import FirstBest
from ger.correct.fit_hotwords import fit_hotwords, fit_reading
from ger.correct.fitted_hotwords import Rates
from ger.correct.hotword_model import HotwordModel, default, read_model, write_model
from ger.correct.hotword_reader import Reader
from ger.correct.hotwords import HotwordCorrector
from ger.correct.made_up_hotwords import with_made_up
from ger.evaluate.biasing import biasing
from ger.hotwords import Hotword, Hotwords
from ger.io.hotwords import read_words
from ger.io.lists import read_lists
from ger.protocols import Answer, GenerateRequest, LanguageModel, ScoreRequest
from ger.types import Context, Hypothesis, NBest

SYSTEMS = ("attention", "attention_rescoring", "ctc_greedy_search", "ctc_prefix_beam_search")
FILES = ("chime4", "cv", "lrs2", "td3", "swbd", "wsj_score")
#: For recognizers and hotwords of every kind the model has to be surer than on the lists that it is learned from.
LEAST = 0.7
SETS = [(part, system) for part in ("clean", "other") for system in ("b1", "b2")]


def kaldi(path: Path) -> dict[str, str]:
    """A Kaldi text file in lower case."""
    rows = (line.split(maxsplit=1) for line in path.read_text(encoding="utf-8").splitlines())
    return {row[0]: row[1].lower() if len(row) > 1 else "" for row in rows}


def heard(data: Path) -> Iterator[NBest]:
    """What WeNet's decoders heard: each by itself, and every fifth utterance as a list of all four."""
    for part in ("dev_clean", "dev_other"):
        folder = data / "wenet_librispeech" / part
        references = kaldi(folder / "text")
        texts = {system: kaldi(folder / system / "text") for system in SYSTEMS}
        for number, (key, reference) in enumerate(references.items()):
            found = [texts[system].get(key, "") for system in SYSTEMS]
            if number % 5 == 0:
                hypotheses = tuple(map(Hypothesis, dict.fromkeys(found)))
                yield NBest(f"all-{key}", hypotheses, reference=reference, language="en")
            else:
                system = number % len(SYSTEMS)
                yield NBest(f"{system}-{key}", (Hypothesis(found[system]),), reference=reference, language="en")


def learned_from(data: Path, most: int) -> list[NBest]:
    """Lists with made-up hotwords of different numbers."""
    lists = list(heard(data))
    for name in FILES:
        rows = [n for n in read_lists(data / "hyporadise" / f"dev_{name}.json") if (n.reference or "").strip()]
        lists += [replace(nbest, id=f"{name}-{nbest.id}", language="en") for nbest in rows]
    lists = random.Random(1).sample(lists, min(most, len(lists)))
    sizes = (30, 100, 100, 100, 300, 1000)
    made = [with_made_up(lists[i :: len(sizes)], size, seed=size) for i, size in enumerate(sizes)]
    return [nbest for part in made for nbest in part]


def biased(data: Path, part: str, system: str) -> list[NBest]:
    """The lists of one test set and system, in the order of the file."""
    folder = data / "librispeech_biasing"
    (file,) = (folder / "hyp").glob(f"test-{part}.{system}.*")
    texts = dict((f"{line}\t").split("\t")[:2] for line in file.read_text(encoding="utf-8").splitlines())
    made = []
    for line in (folder / "ref" / f"test-{part}.biasing_100.tsv").read_text(encoding="utf-8").splitlines():
        key, reference, _, hotwords = line.split("\t")
        context = Context(hotwords=tuple(json.loads(hotwords)))
        if key in texts:
            hypotheses = (Hypothesis(texts[key]),)
            made.append(NBest(key, hypotheses, reference=reference, context=context, language="en"))
    return made


def longer(lists: Sequence[NBest], size: int) -> list[NBest]:
    """The lists with words of the other utterances' lists added, up to a size."""
    pool = sorted({word for nbest in lists for word in nbest.context.hotwords})
    chance = random.Random(size)
    made = []
    for nbest in lists:
        own = nbest.context.hotwords
        more = [word for word in chance.sample(pool, min(len(pool), size)) if word not in own][: size - len(own)]
        made.append(replace(nbest, context=Context(hotwords=(*own, *more))))
    return made


def counted(reference: str, text: str, hotwords: Sequence[str]) -> Rates:
    """Errors of one utterance, words as they are stored."""
    said, put = reference.split(), text.split()
    found = biasing(said, put, [hotword.split() for hotword in hotwords])
    return Rates(found[0], found[1], len(said), Levenshtein.distance(said, put))


class Remembering:
    """A language model that reads each text once."""

    def __init__(self, lm: LanguageModel) -> None:
        self._lm, self._known = lm, dict[tuple[str, str], float]()

    @property
    def signature(self) -> str:
        """See `ger.protocols.LanguageModel`."""
        return self._lm.signature

    def generate(self, requests: Sequence[GenerateRequest]) -> list[tuple[Answer, ...]]:
        """See `ger.protocols.LanguageModel`."""
        return self._lm.generate(requests)

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
        """See `ger.protocols.LanguageModel`."""
        new = [
            replace(one, continuations=tuple(t for t in one.continuations if not self._has(one, t))) for one in requests
        ]
        new = [one for one in new if one.continuations]
        for one, scores in zip(new, self._lm.score(new) if new else [], strict=True):
            self._known |= {(one.prefix, text): score for text, score in zip(one.continuations, scores, strict=True)}
        return [[self._known[one.prefix, text] for text in one.continuations] for one in requests]

    def _has(self, request: ScoreRequest, text: str) -> bool:
        return (request.prefix, text) in self._known


def measured(
    lists: Sequence[NBest], own: Mapping[str, Sequence[str]], model: HotwordModel, reader: Reader | None
) -> tuple[Rates, Rates, float]:
    """Errors before and after, told apart by the benchmark's own lists, and the seconds it took."""
    corrector = HotwordCorrector(FirstBest(), Hotwords(), model, reader=reader)
    before, after, seconds = Rates(), Rates(), 0.0
    for start in range(0, len(lists), 64):
        part = lists[start : start + 64]
        began = time.process_time()
        corrections = corrector.correct(part)
        seconds += time.process_time() - began
        for nbest, correction in zip(part, corrections, strict=True):
            before += counted(nbest.reference or "", nbest.best.text, own[nbest.id])
            after += counted(nbest.reference or "", correction.text, own[nbest.id])
    return before, after, seconds


def table(data: Path, model: HotwordModel, sizes: Sequence[int], every: int, reader: Reader | None) -> None:
    """Print the table."""
    print(f"{'test':8}{'system':8}{'list':>6}{'WER':>17}{'B-WER':>17}{'U-WER':>17}{'B-WER less':>12}{'lists/s':>9}")
    for size in sizes:
        for part, system in SETS:
            lists = biased(data, part, system)
            own = {nbest.id: nbest.context.hotwords for nbest in lists}
            lists = (longer(lists, size) if size > 100 else lists)[::every]
            before, after, seconds = measured(lists, own, model, reader)
            less = 100 * (1 - after.biased / before.biased)
            rates = [f"{b:8.2f} ->{a:6.2f}" for b, a in zip(told(before), told(after), strict=True)]
            speed = len(lists) / seconds
            print(f"{part:8}{system:8}{size:6}{''.join(rates)}{less:7.1f} %{speed:9.1f}", flush=True)


def halves(data: Path, size: int, every: int, loss: float, usual: frozenset[str], reader: Reader | None) -> None:
    """Print what models are worth that are tuned on half of a test set behind one system, on the other half."""
    for part, system in SETS:
        lists = biased(data, part, system)
        own = {nbest.id: nbest.context.hotwords for nbest in lists}
        lists = (longer(lists, size) if size > 100 else lists)[::every]
        halved = [[n for n in lists if crc32(n.id.encode()) % 2 == half] for half in (0, 1)]
        before, after, thresholds = Rates(), Rates(), []
        for tuned_on, rest in (halved, halved[::-1]):
            model = fit_hotwords(tuned_on, known=default(), reader=reader, least=0.1, loss=loss, usual=usual).model
            thresholds.append((model.reading or model.judge).threshold)
            was, made, _ = measured(rest, own, model, reader)
            before, after = before + was, after + made
        rates = [f"{b:8.2f} ->{a:6.2f}" for b, a in zip(told(before), told(after), strict=True)]
        less, more = 100 * (1 - after.biased / before.biased), after.u_wer - before.u_wer
        print(f"{part:8}{system:8}{size:6}{''.join(rates)}{less:7.1f} %{more:+9.3f}  {thresholds}", flush=True)


def told(rates: Rates) -> tuple[float, float, float]:
    """The three rates (percent)."""
    return rates.wer, rates.b_wer, rates.u_wer


def fast(data: Path, model: HotwordModel) -> None:
    """Print lists a second of processor time with one list of hotwords for all utterances."""
    lists = biased(data, "other", "b1")
    words = sorted(
        {word for part, _ in SETS[::2] for nbest in biased(data, part, "b1") for word in nbest.context.hotwords}
    )
    more = [f"{a} {b}" for a, b in pairwise(words)]
    texts = [replace(nbest, context=Context()) for nbest in lists]
    for size in (100, 1000, 10_000, 100_000):
        entries = random.Random(size).sample([*words, *more], min(size, len(words) + len(more)))
        corrector = HotwordCorrector(FirstBest(), Hotwords(tuple(map(Hotword, entries))), model)
        began = time.process_time()
        corrector.correct(texts[:1])
        ready = time.process_time() - began
        began = time.process_time()
        for start in range(1, 257, 32):
            corrector.correct(texts[start : start + 32])
        seconds = time.process_time() - began
        print(f"{len(entries):7} hotwords: {256 / seconds:7.1f} lists a second, after {ready:.2f} s", flush=True)


def main() -> int:
    """Learn or measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--learn", type=Path)
    parser.add_argument("--reading", type=Path)
    parser.add_argument("--most", type=int, default=12_000)
    parser.add_argument("--lm", nargs="?", const="")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--sizes", default="100")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--halves", action="store_true")
    parser.add_argument("--loss", type=float, default=0.02)
    parser.add_argument("--usual", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--speed", action="store_true")
    args = parser.parse_args()
    needed = ["librispeech_biasing", *(["wenet_librispeech", "hyporadise"] if args.learn or args.reading else [])]
    if missing := [name for name in needed if not (args.data / name).is_dir()]:
        print(f"Missing in {args.data}: {', '.join(missing)}.", file=sys.stderr)
        return 2
    print(machine())
    reader = None
    if args.lm is not None or args.reading:
        made = settings(lms=[args.lm] if args.lm else None, mode="rescore")
        (model,) = made.make_lms().values()
        reader = Reader(Remembering(model), made.profile)
    if args.learn:
        fitted = fit_hotwords(learned_from(args.data, args.most), least=LEAST)
        print(fitted.render())
        write_model(args.learn, fitted.model)
        return 0
    sizes = [int(size) for size in args.sizes.split(",")]
    if args.halves:
        usual = read_words(args.data / "librispeech_biasing" / "common_words_5k.txt") if args.usual else frozenset()
        for size in sizes:
            halves(args.data, size, args.every, args.loss, usual, reader)
        return 0
    model = read_model(args.model) if args.model else default()
    if args.reading and reader:
        write_model(args.reading, fit_reading(learned_from(args.data, args.most), model, reader, least=LEAST))
    elif args.speed:
        fast(args.data, model)
    else:
        table(args.data, model, sizes, args.every, reader)
    return 0


if __name__ == "__main__":
    sys.exit(main())
