"""How fast does a model trained to correct N-best lists write its answers, and are they those of greedy search?

One run, one model in float32, the same prompts for all:

  ours        llm_backends.transformers: drafted from the hypotheses, without padding, all lists of a part at once
  one         transformers' greedy `generate`, one list at a time
  batch N     the same, N lists at a time in file order, padded on the left
  sorted N    the same with lists sorted by the length of their prompts (with --sort)

    python benchmarks/decoding.py DATA [--adapter DIR] [--lists 128] [--batches 4,8,16,32] [--sort] [--quick]

DATA is a folder with `hyporadise/train_atis.json` in it; the lists are drawn from it with a fixed seed. With --held
they are those of a file of lists instead, such as the ones that training kept back. Without an adapter the model has
not learned to end its answers, so all contenders stop 8 tokens after the length of the 1-best.
Contenders take turns on parts of the lists, so that what else the machine does hits all. Prints answers/s, answer
tokens/s, our speed in times theirs by the clock and by processor time, our tokens a step, and how many answers differ
from one at a time: of those, how near the two likeliest tokens were where they part. Exit code 2 when the data is
missing, 1 when an answer differs although its tokens were more than 0.001 nats apart.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

import torch
from common import machine
from transformers import GenerationConfig

from ger import models, prompting
from ger.io.lists import read_lists
from ger.prompting import cleaned
from ger.protocols import Answer, GenerateRequest, LmOptions
from llm_backends.transformers import TransformersLM

SPARE, LONGEST, NEAR = 8, 96, 1e-3
Tokens = list[int]


@dataclass
class Tally:
    """What one contender did."""

    answers: int = 0
    tokens: int = 0
    seconds: float = 0.0
    processor: float = 0.0
    differ: int = 0
    gaps: list[float] = field(default_factory=list)


class Contenders:
    """The ways, over one set of weights."""

    def __init__(self, lm: TransformersLM, batches: list[int], sort: bool) -> None:
        self.lm, self.model = lm, lm._model
        self.tokenizer: Any = lm._tokenizer
        self.ours_made: list[Answer] = []
        self.ways: dict[str, Callable[[list[GenerateRequest]], list[Tokens]]] = {"ours": self.ours}
        self.ways["one"] = lambda requests: self.plain(requests, 1)
        for size in batches:
            self.ways[f"batch {size}"] = lambda requests, size=size: self.plain(requests, size)
            if sort:
                self.ways[f"sorted {size}"] = lambda requests, size=size: self.sorted(requests, size)

    def ours(self, requests: list[GenerateRequest]) -> list[Tokens]:
        made = [answers[0] for answers in self.lm.generate(requests)]
        self.ours_made += made
        return [[*self.ids(answer.text), *([self.tokenizer.eos_token_id] * answer.finished)] for answer in made]

    def sorted(self, requests: list[GenerateRequest], size: int) -> list[Tokens]:
        order = sorted(range(len(requests)), key=lambda i: len(self.ids(str(requests[i].prompt))))
        made = dict(zip(order, self.plain([requests[i] for i in order], size), strict=True))
        return [made[i] for i in range(len(requests))]

    def plain(self, requests: list[GenerateRequest], size: int) -> list[Tokens]:
        made: list[Tokens] = []
        for start in range(0, len(requests), size):
            batch = requests[start : start + size]
            rows = [self.ids(str(request.prompt)) for request in batch]
            longest = max(map(len, rows))
            ids = torch.tensor([[self.tokenizer.eos_token_id] * (longest - len(row)) + row for row in rows])
            mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
            config = GenerationConfig(
                max_new_tokens=max(request.max_tokens for request in batch),
                eos_token_id=self.tokenizer.eos_token_id,
                pad_token_id=self.tokenizer.eos_token_id,
            )
            with torch.inference_mode():
                out = self.model.generate(ids, attention_mask=mask, generation_config=config)[:, longest:].tolist()
            made += [self.cut(row, request.max_tokens) for row, request in zip(out, batch, strict=True)]
        return made

    def cut(self, row: Tokens, limit: int) -> Tokens:
        end = self.tokenizer.eos_token_id
        kept = [*takewhile(lambda token: token != end, row[:limit])]
        return [*kept, end] if len(kept) < min(limit, len(row)) else kept

    def ids(self, text: str) -> Tokens:
        ids: Tokens = self.tokenizer(text, add_special_tokens=False).input_ids
        return ids

    def gap(self, request: GenerateRequest, tokens: Tokens, other: Tokens) -> float:
        """How much likelier (nats) the first token that differs was than the other one, seen alone."""
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(tokens, other, strict=False)))
        ids = torch.tensor([[*self.ids(str(request.prompt)), *tokens[:same]]])
        with torch.inference_mode():
            best = torch.log_softmax(self.model(ids).logits[0, -1].double(), -1).topk(2).values
        return float(best[0] - best[1])


def requests_of(path: Path, count: int, lm: TransformersLM, adapted: bool) -> list[GenerateRequest]:
    """The prompts of so many lists, in file order."""
    lists = [nbest for nbest in read_lists(path) if nbest.hypotheses]
    chosen = sorted(random.Random(7).sample(range(len(lists)), min(count, len(lists))))
    prompt = prompting.load("h2t")
    made = []
    for i in chosen:
        texts = tuple(dict.fromkeys(cleaned(hypothesis.text) for hypothesis in prompt.shown(lists[i])))
        rendered = prompt.render(lists[i])
        limit = LONGEST if adapted else len(lm._reader.plain(texts[0])) + SPARE
        made.append(GenerateRequest(rendered, max_tokens=limit, drafts=texts))
    return made


def run(contenders: Contenders, requests: list[GenerateRequest], part: int) -> dict[str, Tally]:
    """All contenders on one part after the other, in changing order."""
    tallies = {name: Tally() for name in contenders.ways}
    order = list(contenders.ways)
    for number, first in enumerate(range(0, len(requests), part)):
        mine = requests[first : first + part]
        made: dict[str, list[Tokens]] = {}
        turn = number % len(order)
        for name in order[turn:] + order[:turn]:
            start, used = time.perf_counter(), time.process_time()
            made[name] = contenders.ways[name](mine)
            took = time.perf_counter() - start
            tallies[name].seconds += took
            tallies[name].processor += time.process_time() - used
            tallies[name].answers += len(mine)
            tallies[name].tokens += sum(map(len, made[name]))
            print(f"lists {first + 1} to {first + len(mine)}: {name}, {took:.1f} s", file=sys.stderr, flush=True)
        for name, answers in made.items():
            for request, tokens, alone in zip(mine, answers, made["one"], strict=True):
                if tokens != alone:
                    tallies[name].differ += 1
                    tallies[name].gaps.append(contenders.gap(request, alone, tokens))
    return tallies


def show(contenders: Contenders, tallies: dict[str, Tally], requests: list[GenerateRequest]) -> None:
    """Print a table."""
    ours, answers = tallies["ours"], contenders.ours_made
    steps = sum(answer.steps for answer in answers)
    given = sum(len(contenders.ids(str(request.prompt))) for request in requests)
    print(
        f"{len(answers)} lists, {given / len(answers):.1f} tokens a prompt, {ours.tokens / len(answers):.1f} an answer"
        f"; ours {ours.tokens / steps:.2f} tokens a step, {steps / len(answers):.2f} steps an answer"
    )
    print(f"{'':12}{'answers/s':>10}{'tokens/s':>10}{'ours x':>8}{'cpu x':>8}{'differ':>8}{'widest gap':>12}")
    for name, tally in tallies.items():
        print(
            f"{name:12}{tally.answers / tally.seconds:10.2f}{tally.tokens / tally.seconds:10.1f}"
            f"{tally.seconds / ours.seconds:8.2f}{tally.processor / ours.processor:8.2f}"
            f"{tally.differ:8}{max(tally.gaps, default=0.0):12.1e}",
            flush=True,
        )


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--adapter", default="", help="folder of a PEFT adapter")
    parser.add_argument("--held", type=Path, help="a file of lists to take instead of train_atis")
    parser.add_argument("--lists", type=int, default=128)
    parser.add_argument("--part", type=int, default=64, help="lists that a contender has before the next one's turn")
    parser.add_argument("--batches", default="4,8,16,32", help="batch sizes of generate; empty for none")
    parser.add_argument("--sort", action="store_true", help="batches of prompts of like length, too")
    parser.add_argument("--model", default=models.DEFAULT_LM)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="8 lists only")
    args = parser.parse_args()
    path = args.held or args.data / "hyporadise" / "train_atis.json"
    if not path.is_file():
        print(f"{path} is missing: give the folder that holds hyporadise/.", file=sys.stderr)
        return 2
    lm = TransformersLM(LmOptions(args.model, args.adapter, device="cpu", compute_type="float32", threads=args.threads))
    requests = requests_of(path, 8 if args.quick else args.lists, lm, bool(args.adapter))
    print(machine(), f"{lm.signature}, {args.threads} threads", sep="\n", flush=True)
    contenders = Contenders(lm, [int(size) for size in args.batches.split(",") if size], args.sort)
    for way in contenders.ways.values():
        way(requests[:2])
    contenders.ours_made.clear()
    tallies = run(contenders, requests, args.part)
    show(contenders, tallies, requests)
    return int(max(tallies["ours"].gaps, default=0.0) > NEAR)


if __name__ == "__main__":
    sys.exit(main())
