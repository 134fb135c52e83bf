"""How many names does whisper-base hear when it is told them, and does it hear names that nobody says?

    python benchmarks/hotwords_audio.py [--keep FOLDER] [--llm] [--every N]

Says the 100 sentences of data/names.tsv with two voices (espeak-ng, flite), 70 with names of data/names.txt, 30 with
none, half of these with words that sound like a name. Prints, without hotwords, with those told to the recognizer, with
those put in after the fact, and with both: recall of the names, names written that were not said, sentences without a
name whose words changed, and the word error rate. `--keep` leaves lists in a folder, and takes those that are there;
`--llm` lets SmolLM2 rescore, too; `--every 2` takes every second sentence. Exit code 2 where a voice is missing.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from common import machine, segments

from asr_frontends.faster_whisper import FasterWhisper
from ger.api import settings
from ger.evaluate import report
from ger.evaluate.biasing import biasing
from ger.evaluate.sources import Item
from ger.hotwords import Hotwords
from ger.io.hotwords import read_hotwords
from ger.io.jsonl import dumps
from ger.io.lists import read_lists
from ger.protocols import FrontendOptions
from ger.text.normalize import normalize
from ger.types import NBest

DATA = Path(__file__).parent / "data"
VOICES = {
    "espeak-ng": ("espeak-ng", "-v", "en-gb", "-s", "150", "-w"),
    "flite": ("flite", "-voice", "slt", "-o"),
}


def spoken(folder: Path, every: int) -> Iterator[tuple[Path, str]]:
    """Sound files with what they say."""
    with (DATA / "names.tsv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    for number, row in list(enumerate(rows))[::every]:
        for voice, (program, *options) in VOICES.items():
            path = folder / f"{row['kind']}-{number:03d}-{voice}.wav"
            text = ["-t", row["sentence"]] if program == "flite" else [row["sentence"]]
            last = [*text, *options, str(path)] if program == "flite" else [*options, str(path), *text]
            subprocess.run([program, *last], check=True)
            yield path, row["sentence"]


def heard(kept: Path, audio: Sequence[tuple[Path, str]], hotwords: tuple[str, ...]) -> list[NBest]:
    """Lists with references, made or read again."""
    if not kept.is_file():
        frontend = FasterWhisper(FrontendOptions(language="en", hotwords=hotwords))
        started = perf_counter()
        made = [
            replace(nbest, reference=text) for path, text in audio for nbest in frontend.recognize(segments([path]))
        ]
        kept.write_text("".join(f"{dumps(nbest)}\n" for nbest in made), encoding="utf-8")
        print(f"{len(made)} clips in {perf_counter() - started:.0f} s, {frontend.signature}", flush=True)
    return list(read_lists(kept))


def told(title: str, lists: Sequence[NBest], texts: Sequence[str], first: Sequence[str], hotwords: Hotwords) -> None:
    """Print what became of the names."""
    phrases = [normalize(text).split() for text in hotwords.texts]
    said = right = written = put = changed = quiet = 0
    items = []
    for nbest, text, before in zip(lists, texts, first, strict=True):
        reference = normalize(nbest.reference or "")
        row = biasing(reference.split(), normalize(text).split(), phrases)
        said, right, written, put = said + row[2], right + row[3], written + row[4], put + row[5]
        if nbest.id.split("-")[0] != "name":
            quiet, changed = quiet + 1, changed + (normalize(text) != normalize(before))
        items.append(Item(nbest.id, reference, text))
    rate = report(items, normalizer="basic", metrics=["wer"]).wer
    print(
        f"{title:44} recall {100 * right / said:5.1f} % ({right} of {said}), wrong names {written - put}, "
        f"changed without a name {changed} of {quiet}, WER {rate:.2f}",
        flush=True,
    )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--llm", action="store_true")
    parser.add_argument("--every", type=int, default=1)
    asked = parser.parse_args()
    if missing := next((program for program, *_ in VOICES.values() if not shutil.which(program)), None):
        print(f"{missing} is not installed.", file=sys.stderr)
        return 2
    hotwords = read_hotwords(DATA / "names.txt")
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        kept = asked.keep or Path(folder)
        kept.mkdir(exist_ok=True, parents=True)
        audio = list(spoken(Path(folder), asked.every))
        plain = heard(kept / "plain.jsonl", audio, ())
        biased = heard(kept / "told.jsonl", audio, hotwords.texts)
    options = {} if asked.llm else {"weights": {"lm": 0.0}}
    alone, after = settings(**options).make_corrector(), settings(hotwords=hotwords, **options).make_corrector()
    first = [made.text for made in alone.correct(plain)]
    told("no hotwords", plain, first, first, hotwords)
    told("told to the recognizer", biased, [made.text for made in alone.correct(biased)], first, hotwords)
    told("after the fact", plain, [made.text for made in after.correct(plain)], first, hotwords)
    told("both", biased, [made.text for made in after.correct(biased)], first, hotwords)
    return 0


if __name__ == "__main__":
    sys.exit(main())
