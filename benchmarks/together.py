"""What do several recognizers give together that none gives alone?

    python benchmarks/together.py AUDIO [--model whisper-base --model pocketsphinx]

AUDIO is a folder of folders with clips and `refs.tsv`. All recognizers hear all clips; nothing is tuned. Prints word
error rates (case and punctuation aside) of each one alone, of their vote (what `ger correct` does with several of
them), of SmolLM2 choosing among the texts of the first and among those of all, and the oracles. Exit code 2 when the
data is missing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from common import clips, machine, segments

from ger.api import settings
from ger.evaluate import report
from ger.evaluate.sources import Item
from ger.types import NBest

MODELS = ["whisper-base", "pocketsphinx"]


def told(title: str, lists: Sequence[NBest], texts: Sequence[str]) -> None:
    rows = zip(lists, texts, strict=True)
    items = [Item(n.id, n.reference or "", text, tuple(h.text for h in n.hypotheses)) for n, text in rows]
    made = report(items, normalizer="basic", metrics=["wer"])
    low, high = made.interval
    oracle = 100 * (made.oracle or 0) / made.counts.total
    print(f"{title:42} {made.wer:6.2f} [{low:.2f}, {high:.2f}]   oracle {oracle:6.2f}", flush=True)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--model", action="append")
    asked = parser.parse_args()
    if not asked.audio.is_dir():
        print(f"{asked.audio} is not there.", file=sys.stderr)
        return 2
    made = settings(model=asked.model or MODELS)
    frontend = made.make_frontend()
    lists: list[NBest] = []
    for folder in sorted(path for path in asked.audio.iterdir() if (path / "refs.tsv").is_file()):
        files, references = clips(folder)
        for segment in segments(files):
            (nbest,) = frontend.recognize([segment])
            lists.append(replace(nbest, reference=references[nbest.id]))
    print(machine())
    print(f"{len(lists)} clips, {made.key}")
    alone = {}
    for spec in made.recognizers:
        said = [tuple(h for h in nbest.hypotheses if h.extra.get("system") == spec.name) for nbest in lists]
        alone[spec.name] = [replace(nbest, hypotheses=own) for nbest, own in zip(lists, said, strict=True)]
        told(spec.name, alone[spec.name], [nbest.best.text for nbest in alone[spec.name]])
    told("vote", lists, [correction.text for correction in made.make_corrector().correct(lists)])
    choosing = settings(mode="rescore").make_corrector()
    first = alone[made.recognizers[0].name]
    told("SmolLM2 among the texts of the first", first, [correction.text for correction in choosing.correct(first)])
    told("SmolLM2 among all texts", lists, [correction.text for correction in choosing.correct(lists)])
    return 0


if __name__ == "__main__":
    sys.exit(main())
