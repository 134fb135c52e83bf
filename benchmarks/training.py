"""How fast does `ger train h2t` learn, beside TRL's `SFTTrainer`, and in how much memory?

Both train the same LoRA adapter (rank 16 on all linear layers, loss on the answer alone, AdamW, linear decay) on
the same lists of a HyPoradise file, as many a step, each in a process of its own, on the CPU in float32. Every list is
read once, so both read the same tokens; padding is not counted. TRL pads each batch to its longest text, as it does
unless told otherwise; `--grouped` has it put lists of like length together. Its own defaults of bfloat16 and of
computing activations twice are switched off, since neither is used here.

    python benchmarks/training.py DATA [--file train_atis] [--steps 24] [--batch 16] [--threads 2] [--grouped]

DATA holds `hyporadise/FILE.json`. Needs `pip install trl`. Exit code 2 when something is missing, 1 when the losses of
the last third of the steps are apart by more than a fifth.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

from common import machine

RANK, ALPHA, SEED = 16, 32, 1


def lists_of(args: argparse.Namespace) -> list[Any]:
    """The lists of the benchmark: some of a file, none of them empty."""
    from ger.io.lists import read_lists

    found = [n for n in read_lists(Path(args.data, "hyporadise", f"{args.file}.json")) if (n.reference or "").strip()]
    return random.Random(SEED).sample(found, min(len(found) // args.batch, args.steps) * args.batch)


def options_of(args: argparse.Namespace) -> Any:
    from ger.train.h2t_recipe import H2TOptions

    return H2TOptions(
        model=args.model, rank=RANK, alpha=ALPHA, lr=args.lr, epochs=1, batch_lists=args.batch, validation=0.0,
        warm_up=0.0, save_steps=0, seed=SEED, precision="float32", device="cpu", threads=args.threads,
    )  # fmt: skip


def ger(args: argparse.Namespace) -> dict[str, Any]:
    """Our trainer."""
    from ger.train.h2t import train

    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        train(lists_of(args), options_of(args), Path(name, "out"), report=rows.append)
    steps = [row for row in rows if "step" in row]
    losses = [row["loss"] for row in steps]
    return {"seconds": steps[-1]["seconds"], "tokens": sum(row["tokens"] for row in steps), "losses": losses}


def trl(args: argparse.Namespace) -> dict[str, Any]:
    """TRL's, on the tokens that ours reads."""
    warnings.simplefilter("ignore")
    import torch
    import transformers
    from datasets import Dataset, disable_progress_bars
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    from ger import prompting
    from ger.models import DEFAULT_LM, resolve
    from ger.train.adapter import causal_model
    from ger.train.pairs import Reader

    torch.set_num_threads(args.threads)
    disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()
    base = resolve(args.model or DEFAULT_LM, "lm")
    model, tokenizer = causal_model(base.path, base.name, {"dtype": torch.float32})
    reader = Reader(prompting.load("h2t"), model, tokenizer, base.name, options_of(args))
    pairs = [reader.of(nbest) for nbest in lists_of(args)]
    data = Dataset.from_list(
        [
            {"input_ids": [*p.prompt, *p.answer], "completion_mask": [0] * len(p.prompt) + [1] * len(p.answer)}
            for p in pairs
        ]
    )

    class Clock(transformers.TrainerCallback):
        seconds = 0.0

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.began = time.monotonic()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.seconds += time.monotonic() - self.began

    clock = Clock()
    with tempfile.TemporaryDirectory() as name:
        config = SFTConfig(
            output_dir=name, per_device_train_batch_size=args.batch, num_train_epochs=1, learning_rate=args.lr,
            lr_scheduler_type="linear", warmup_steps=0, weight_decay=0.0, max_grad_norm=1.0, completion_only_loss=True,
            max_length=None, packing=False, gradient_checkpointing=False, bf16=False, use_cpu=True, seed=SEED,
            logging_steps=1, save_strategy="no", report_to="none", disable_tqdm=True,
            train_sampling_strategy="group_by_length" if args.grouped else "random",
        )  # fmt: skip
        lora = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules="all-linear", task_type="CAUSAL_LM")
        trainer = SFTTrainer(
            model, config, train_dataset=data, processing_class=tokenizer, peft_config=lora, callbacks=[clock]
        )
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()
    losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    return {"seconds": clock.seconds, "tokens": sum(pair.length for pair in pairs), "losses": losses}


def measured(args: argparse.Namespace, name: str) -> dict[str, Any]:
    """What a trainer did in a process of its own."""
    command = [sys.executable, __file__, *sys.argv[1:], "--one", name]
    environment = os.environ | {"OMP_NUM_THREADS": str(args.threads), "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--file", default="train_atis")
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--model", default="")
    parser.add_argument("--grouped", action="store_true")
    parser.add_argument("--one", choices=["ger", "trl"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        found = (ger if args.one == "ger" else trl)(args)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps(found | {"peak": peak}))
        return 0
    missing = [name for name in ("trl", "peft", "datasets") if importlib.util.find_spec(name) is None]
    if missing or not Path(args.data, "hyporadise", f"{args.file}.json").is_file():
        print(f"Missing: {', '.join(missing) or f'hyporadise/{args.file}.json in DATA'}.", file=sys.stderr)
        return 2
    runs = {name: measured(args, name) for name in ("trl", "ger")}
    return told(args, runs)


def told(args: argparse.Namespace, runs: dict[str, dict[str, Any]]) -> int:
    """Print the figures; the exit code."""
    from importlib.metadata import version

    print(f"{machine()}, peft {version('peft')}, trl {version('trl')}, {args.threads} threads")
    print(f"{args.file}: {len(runs['ger']['losses'])} steps of {args.batch} lists, {runs['ger']['tokens']} tokens")
    for name, run in runs.items():
        speed = run["tokens"] / run["seconds"]
        print(f"{name}  {speed:7.1f} tokens/s   {run['seconds']:7.1f} s   peak {run['peak'] / 2**30:.2f} GiB")
    ratio = runs["trl"]["seconds"] / runs["ger"]["seconds"] * runs["ger"]["tokens"] / runs["trl"]["tokens"]
    print(f"ger / trl: {ratio:.2f} x tokens/s, {runs['ger']['peak'] / runs['trl']['peak']:.2f} x memory")
    print("step  trl     ger")
    for i, row in enumerate(zip(runs["trl"]["losses"], runs["ger"]["losses"], strict=True), 1):
        print(f"{i:4}  " + "  ".join(f"{loss:.4f}" for loss in row))
    last = max(1, len(runs["ger"]["losses"]) // 3)
    means = {name: sum(run["losses"][-last:]) / last for name, run in runs.items()}
    print(f"mean of the last {last}: trl {means['trl']:.4f}, ger {means['ger']:.4f}")
    return int(abs(means["ger"] - means["trl"]) > max(means.values()) / 5)


if __name__ == "__main__":
    sys.exit(main())
