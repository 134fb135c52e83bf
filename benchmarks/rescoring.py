"""What does a language model's score of N-best lists cost, packed in prefix trees and as others do it?

One run, one model, float32, the same texts for all:

  ours          llm_backends.transformers: prefix trees, the head where a score is needed
  padded        transformers, 32 texts at a time in file order, padded, logits of all places
  sorted        the same with texts sorted by length
  one-by-one    transformers, one text at a time
  ctranslate2   CTranslate2's Generator.score_batch, 32 texts at a time, sorted by length

    python benchmarks/rescoring.py DATA [--lists 96] [--model smollm2-135m-instruct] [--audio FOLDER…] [--quick]

DATA is a folder with `hyporadise/` in it. Cases: a random sample of the pooled dev lists; half of them after a context
of 100 tokens, the 1-best texts before each in its file; with --audio, 10-best lists that our front end makes of the
clips in a FOLDER with `refs.tsv`. Contenders take turns on parts of the lists, so that what else the machine does hits
all.
Prints lists/s, our speed in times theirs, by the clock and by processor time (which other work on the machine disturbs
less, with --threads 1), tokens that went through the model, those in times ours (the bound on
the speed), floating-point operations a second as a share of what torch.mm reaches in the same run, and the largest
difference from one-by-one in nats. Exit code 2 when the data is missing.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from common import machine, recognized

from ger import models
from ger.lm.tree import Encoded, packs
from ger.protocols import FrontendOptions, LmOptions, ScoreRequest
from ger.text.form import apply
from llm_backends.transformers import TransformersLM

ROWS, CONTEXT = 32, 100
Lists = list[ScoreRequest]
#: Totals in nats by item, tokens through the body, places through the head.
Answer = tuple[dict[int, float], int, int]


@dataclass
class Tally:
    """What one contender did in a case."""

    lists: int = 0
    seconds: float = 0.0
    processor: float = 0.0
    tokens: int = 0
    heads: int = 0
    worst: float = 0.0


class Contenders:
    """The five ways, over one set of weights (CTranslate2 has its own copy)."""

    def __init__(self, model: str, threads: int, folder: Path) -> None:
        import ctranslate2

        path = models.resolve(model, "lm").path
        self.lm = TransformersLM(LmOptions(model=model, device="cpu", compute_type="float32", threads=threads))
        assert self.lm._packed is not None
        self.model: Any = self.lm._model
        converter = ctranslate2.converters.TransformersConverter(str(path))
        converted = converter.convert(str(folder / "ct2"), quantization="float32", force=True)
        self.generator = ctranslate2.Generator(converted, device="cpu", compute_type="float32", intra_threads=threads)
        parameters = sum(p.numel() for p in self.model.parameters())
        self.head_flops = 2 * self.model.get_output_embeddings().weight.numel()
        embedding = self.model.get_input_embeddings().weight.numel()
        untied = self.model.get_output_embeddings().weight is not self.model.get_input_embeddings().weight
        self.body_flops = 2 * (parameters - embedding) - (self.head_flops if untied else 0)
        self.ways: dict[str, Callable[[Lists, list[Encoded]], Answer]] = {
            "ours": self.ours,
            "padded": lambda _lists, items: self.padded(items, ROWS),
            "sorted": lambda _lists, items: self.padded(sorted(items, key=lambda item: -len(item.ids)), ROWS),
            "one-by-one": lambda _lists, items: self.padded(items, 1),
            "ctranslate2": self.ctranslate2,
        }

    def items(self, lists: Lists) -> list[Encoded]:
        """Every text of every list, repeated ones too: that is what the others score."""
        texts = [(request.prefix, text) for request in lists for text in request.continuations]
        return [self.lm._encode(index, *text) for index, text in enumerate(texts)]

    def ours(self, lists: Lists, items: list[Encoded]) -> Answer:
        """Tokens are counted after the clock has stopped: see `count`."""
        scores = [score for row in self.lm.score(lists) for score in row]
        return dict(enumerate(scores)), 0, 0

    def count(self, lists: Lists) -> tuple[int, int]:
        """Places in our packs and nodes at our head."""
        unique = list(dict.fromkeys((r.prefix, text) for r in lists for text in r.continuations))
        made = list(packs([self.lm._encode(i, *text) for i, text in enumerate(unique)], self.lm._budget))
        return sum(pack.tokens.size for pack in made), sum(len(pack.nodes) for pack in made)

    def padded(self, items: list[Encoded], rows: int) -> Answer:
        """The plain way: a padded batch, logits of all places, the next token's less their logsumexp.

        torch.log_softmax in float32 on a CPU is off by some 1e-5 nats a token, so it is no reference.
        """
        totals, tokens = {}, 0
        for start in range(0, len(items), rows):
            batch = items[start : start + rows]
            ids = torch.zeros((len(batch), max(len(item.ids) for item in batch)), dtype=torch.long)
            mask = torch.zeros_like(ids)
            for i, item in enumerate(batch):
                ids[i, : len(item.ids)], mask[i, : len(item.ids)] = torch.tensor(item.ids), 1
            with torch.inference_mode():
                logits = self.model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1]
                logp = (logits.gather(-1, ids[:, 1:, None])[..., 0] - torch.logsumexp(logits, dim=-1)).double()
            for row, item in zip(logp, batch, strict=True):
                totals[item.index] = float(row[item.given - 1 : len(item.ids) - 1].sum())
            tokens += ids.numel()
        return totals, tokens, tokens

    def ctranslate2(self, _lists: Lists, items: list[Encoded]) -> Answer:
        """Tokens go in as strings; it sorts and batches itself."""
        names = [self.lm._tokenizer.convert_ids_to_tokens(item.ids) for item in items]
        done = self.generator.score_batch(names, max_batch_size=ROWS)
        totals = {i.index: sum(r.log_probs[i.given - 1 :]) for i, r in zip(items, done, strict=True)}
        tokens = sum(len(item.ids) - 1 for item in items)
        return totals, tokens, tokens


def pooled(folder: Path, count: int) -> list[tuple[tuple[str, ...], str]]:
    """Lists of all dev files, drawn with a fixed seed, and for each what was said before it."""
    found = []
    for path in sorted(folder.glob("dev_*.json")):
        lists = [
            tuple(apply("" if text == "<UNK>" else text, "sentence") for text in item["input"])
            for item in json.loads(path.read_text(encoding="utf-8"))
        ]
        before = ""
        for texts in lists:
            found.append((texts, before))
            before = f"{before}{texts[0]} "[-8 * CONTEXT :]
    return random.Random(7).sample(found, count)


def with_context(lists: Sequence[tuple[tuple[str, ...], str]], tokenizer: Any) -> Lists:
    """The last 100 tokens of what was said before, which differs from list to list."""
    requests = []
    for n, (texts, before) in enumerate(lists):
        ids = tokenizer(f"{before or 'So much for that. '}" * 60, add_special_tokens=False).input_ids[-CONTEXT:]
        requests.append(ScoreRequest(texts, f"{n}: " + tokenizer.decode(ids)))
    return requests


def rate(repeats: int = 40) -> float:
    """Floating-point operations a second of a float32 matrix product of the model's shape, at the best of many."""
    a, b = torch.randn(1024, 576), torch.randn(576, 1536)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        torch.mm(a, b)
        times.append(time.perf_counter() - start)
    return 2 * 1024 * 576 * 1536 / min(times)


def run(contenders: Contenders, lists: Lists, parts: int) -> tuple[dict[str, Tally], float]:
    """All contenders on one part after the other, in changing order."""
    tallies = {name: Tally() for name in contenders.ways}
    rates = []
    for part in range(parts):
        mine = lists[part::parts]
        items = contenders.items(mine)
        answers: dict[str, Answer] = {}
        order = list(contenders.ways)
        for name in order[part % len(order) :] + order[: part % len(order)]:
            start, used = time.perf_counter(), time.process_time()
            answers[name] = contenders.ways[name](mine, items)
            tallies[name].seconds += time.perf_counter() - start
            tallies[name].processor += time.process_time() - used
        rates.append(rate())
        answers["ours"] = (answers["ours"][0], *contenders.count(mine))
        for name, (totals, tokens, heads) in answers.items():
            tally = tallies[name]
            tally.lists, tally.tokens, tally.heads = tally.lists + len(mine), tally.tokens + tokens, tally.heads + heads
            tally.worst = max(tally.worst, *(abs(totals[i] - alone) for i, alone in answers["one-by-one"][0].items()))
    return tallies, max(rates)


def table(name: str, contenders: Contenders, lists: Lists, parts: int) -> None:
    """Run a case and print it."""
    parts = min(parts, len(lists))
    tallies, peak = run(contenders, lists, parts)
    ours = tallies["ours"]
    print(f"\n{name}: {len(lists)} lists, torch.mm {peak / 1e9:.0f} GFLOP/s")
    print(f"{'':12}{'lists/s':>9}{'ours x':>9}{'cpu x':>9}{'tokens':>9}{'bound x':>9}{'of mm':>8}{'max nats':>11}")
    for way, tally in tallies.items():
        flops = tally.tokens * contenders.body_flops + tally.heads * contenders.head_flops
        print(
            f"{way:12}{tally.lists / tally.seconds:9.2f}{tally.seconds / ours.seconds:9.2f}"
            f"{tally.processor / ours.processor:9.2f}{tally.tokens:9}"
            f"{tally.tokens / ours.tokens:9.2f}{flops / tally.seconds / peak:8.0%}{tally.worst:11.1e}",
            flush=True,
        )


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--lists", type=int, default=96)
    parser.add_argument("--model", default=models.DEFAULT_LM)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--parts", type=int, default=2, help="parts on which the contenders take turns")
    parser.add_argument("--audio", type=Path, nargs="*", default=[], help="folders of clips with refs.tsv")
    parser.add_argument("--quick", action="store_true", help="4 lists only")
    args = parser.parse_args()
    folder = args.data / "hyporadise"
    if not folder.is_dir():
        print(f"{folder} is missing: give the folder that holds hyporadise/.", file=sys.stderr)
        return 2
    lists = pooled(folder, 4 if args.quick else args.lists)
    with tempfile.TemporaryDirectory() as temporary:
        contenders = Contenders(args.model, args.threads, Path(temporary))
        print(machine(), f"{contenders.lm.signature}, {args.threads} threads", sep="\n", flush=True)
        table("HyPoradise dev, pooled", contenders, [ScoreRequest(texts) for texts, _ in lists], args.parts)
        context = with_context(lists[::2], contenders.lm._tokenizer)
        table(f"half of them, after {CONTEXT} tokens", contenders, context, args.parts)
        for clips in args.audio:
            found = recognized(clips, FrontendOptions(nbest=10, threads=args.threads))
            requests = [ScoreRequest(tuple(h.text for h in nbest.hypotheses)) for nbest in found]
            table(f"10-best of {clips.name}", contenders, requests, args.parts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
