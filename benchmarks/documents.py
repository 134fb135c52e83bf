"""Do recognizers' files come back as they were, and what are several of them together worth?

    python benchmarks/documents.py DATA

DATA is a folder with `earnings21/` in it: two calls, seven recognizers' files each, references as `.nlp`. Words are
compared after the normalizer `whisper-english`, each call as a whole. Exit code 2 when the data is missing.
"""

from __future__ import annotations

import sys
from itertools import combinations
from pathlib import Path

from common import machine

from ger.correct.combine import Combiner, trust
from ger.evaluate.rates import distance
from ger.io.documents import Document, read_document
from ger.io.documents.passages import changed, passages
from ger.io.documents.systems import combined
from ger.text.normalize import normalize

CALLS = ("4384683", "4386541")
FILES = {
    "rev kaldi": "rev/kaldi/ctm/{}.ctm",
    "librispeech kaldi": "kaldi_org/librispeech/ctm/{}.ctm",
    "rev espnet": "rev/espnet/nlp/{}.nlp",
    "speechmatics": "speechmatics/{}.nlp",
    "amazon": "amazon/{}.nlp",
    "google": "google/{}.nlp",
    "microsoft": "microsoft/{}.nlp",
}
TIMED = tuple(FILES)[:2]


def words(document: Document) -> list[str]:
    said = " ".join(word.text for unit in document.units for word in unit.words)
    return normalize(said, "whisper-english").split()


def main() -> int:
    """Read, combine and print."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    folder = Path(sys.argv[1]) / "earnings21"
    if not folder.is_dir():
        print(f"{folder} is missing.", file=sys.stderr)
        return 2
    print(machine())
    for call in CALLS:
        reference = words(read_document(folder / "transcripts" / "nlp_references" / f"{call}.nlp"))
        documents: dict[str, Document] = {}
        rates: dict[str, float] = {}
        print(f"\n{call}: {len(reference)} words")
        for name, file in FILES.items():
            path = folder / "output" / file.format(call)
            documents[name] = read_document(path)
            rates[name] = rate(reference, documents[name])
            same = documents[name].written() == path.read_bytes()
            untouched = all(not passage.changes(passage.nbest.best.text) for passage in passages(documents[name], call))
            print(f"  {name:20} {rates[name]:6.2f}  written again: {'same bytes' if same and untouched else 'DIFFERS'}")
        others = [name for name in FILES if name not in TIMED]
        for four in (*((*TIMED, *two) for two in combinations(others, 2)), tuple(FILES)):
            made = together({name: documents[name] for name in four}, call)
            best = min(rates[name] for name in four)
            name = f"with {', '.join(four[2:])}" if len(four) == 4 else "all seven"
            print(f"  {name:32} {rate(reference, made):6.2f}  best of them {best:6.2f}")
    return 0


def rate(reference: list[str], document: Document) -> float:
    return 100 * distance(reference, words(document)) / len(reference)


def together(documents: dict[str, Document], stem: str) -> Document:
    """The first document with what all of them vote for."""
    found = combined(documents, stem)
    lists = [passage.nbest for passage in found]
    combiner = Combiner("rover", system_weights=trust(lists, Combiner("rover")))
    first = next(iter(documents.values()))
    made = changed(first, list(zip(found, combiner.correct(lists), strict=True)))
    return read_document(f"{stem}.{first.format}", raw=made)


if __name__ == "__main__":
    sys.exit(main())
