"""What are hotwords after the fact worth behind other people's recognizers, on whole earnings calls?

    python benchmarks/hotwords_earnings.py DATA [--distractors N] [--lm]

DATA is a folder with `earnings21/` in it: two calls, seven recognizers' files each, references as `.nlp`, and the lists
of what is said there (`oracle_list.txt`) and what is not (`distractor_list.txt`), together the hotwords. Prints for
each recognizer, before and after: recall of the hotwords that were said, those written where they were not said, and
the word error rate, each call as a whole after the normalizer `whisper-english`. With `--lm` the default language
model has a say. Exit code 2 when the data is missing.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from time import perf_counter

from common import machine
from documents import CALLS, FILES, words

from ger.api import settings
from ger.evaluate.biasing import biasing
from ger.evaluate.rates import distance
from ger.hotwords import Hotword, Hotwords
from ger.io.documents import read_document
from ger.io.documents.passages import changed, passages
from ger.io.hotwords import read_hotwords
from ger.protocols import Corrector
from ger.text.normalize import normalize


def corrected(path: Path, corrector: Corrector) -> list[str]:
    """The words of a document after correction."""
    document = read_document(path)
    found = list(passages(document, path.stem))
    made = corrector.correct([passage.nbest for passage in found])
    return words(
        read_document(f"{path.stem}.{document.format}", raw=changed(document, list(zip(found, made, strict=True))))
    )


def counted(reference: list[str], text: list[str], phrases: list[list[str]]) -> Counter[str]:
    row = biasing(reference, text, phrases)
    counts = {"said": row[2], "right": row[3], "false": row[4] - row[5]}
    return Counter(counts | {"errors": distance(reference, text), "words": len(reference)})


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--distractors", type=int, default=100_000)
    parser.add_argument("--lm", action="store_true")
    asked = parser.parse_args()
    folder = asked.data / "earnings21"
    if not folder.is_dir():
        print(f"{folder} is missing.", file=sys.stderr)
        return 2
    said = read_hotwords(folder / "bias_lists" / "oracle_list.txt").texts
    others = read_hotwords(folder / "bias_lists" / "distractor_list.txt").texts
    listed = list(dict.fromkeys((*said, *[text for text in others if text not in set(said)][: asked.distractors])))
    phrases = [normalize(text, "whisper-english").split() for text in listed]
    hotwords = Hotwords(tuple(map(Hotword, listed)))
    corrector = settings(mode="rescore" if asked.lm else "hotwords", hotwords=hotwords).make_corrector()
    print(machine())
    print(f"{len(listed)} hotwords, {len(said)} of them said, {corrector.signature}")
    for name, file in FILES.items():
        before, after, started = Counter[str](), Counter[str](), perf_counter()
        for call in CALLS:
            path = folder / "output" / file.format(call)
            reference = words(read_document(folder / "transcripts" / "nlp_references" / f"{call}.nlp"))
            before += counted(reference, words(read_document(path)), phrases)
            after += counted(reference, corrected(path, corrector), phrases)
        print(f"{name:20} {told(before)}  ->  {told(after)}  ({perf_counter() - started:.0f} s)", flush=True)
    return 0


def told(counts: Counter[str]) -> str:
    recall = 100 * counts["right"] / counts["said"]
    rate = 100 * counts["errors"] / counts["words"]
    return f"recall {recall:5.1f} % of {counts['said']}, {counts['false']:3} false, WER {rate:5.2f}"


if __name__ == "__main__":
    sys.exit(main())
