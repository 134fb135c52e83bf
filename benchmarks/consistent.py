"""Spelling rare words of a recording one way: what it is worth behind recognizers, and what it is learned from.

The model is learned from LibriSpeech's development sets as WeNet's four decoders heard them (`wenet_librispeech`), a
chapter a recording: two decoders as the first hypothesis, with the others' texts behind it and without. Measured is on
`librispeech_biasing` (the 1-best of two other systems on the test sets, other speakers and books) and on the whole
calls of `earnings21` behind seven recognizers. Prints texts that changed, and word errors before and after.

    python benchmarks/consistent.py DATA --learn MODEL.toml    # makes the model that comes with ger
    python benchmarks/consistent.py DATA [--model MODEL.toml] [--show]

Exit code 2 when something is missing.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from common import machine
from documents import CALLS, FILES, words
from hotwords import SETS, SYSTEMS, biased, kaldi

from ger.correct.consistent import Consistent, Said
from ger.correct.fit_hotwords import fit_hotwords
from ger.correct.hotword_finder import Entries
from ger.correct.hotword_model import HotwordModel, default, read_model, write_model
from ger.correct.outcome import as_it_was
from ger.correct.rescore import recording
from ger.evaluate.rates import distance
from ger.hotwords import Hotword
from ger.io.documents import read_document
from ger.io.documents.passages import changed, passages
from ger.types import AudioSpan, Correction, Hypothesis, NBest

FIRST = ("ctc_greedy_search", "attention_rescoring")


def chapter(key: str) -> str:
    """The chapter that an utterance of LibriSpeech is of."""
    return key.rpartition("-")[0]


def heard(data: Path) -> Iterator[list[NBest]]:
    """What WeNet's decoders heard: two of them as the best, alone and with what the others heard."""
    for first in FIRST:
        order = (first, *(system for system in SYSTEMS if system != first))
        for systems in (order, order[:1]):
            made = []
            for part in ("dev_clean", "dev_other"):
                folder = data / "wenet_librispeech" / part
                texts = {system: kaldi(folder / system / "text") for system in systems}
                for key, reference in kaldi(folder / "text").items():
                    found = dict.fromkeys(texts[system].get(key, "") for system in systems)
                    span = AudioSpan(chapter(key))
                    made.append(NBest(key, tuple(map(Hypothesis, found)), span, reference=reference, language="en"))
            yield made


def learned(data: Path) -> HotwordModel:
    """A model of all that was heard, cross-validated by chapters."""
    lists: list[NBest] = []
    entries: dict[str, Entries] = {}
    for number, part in enumerate(heard(data)):
        said: defaultdict[str, Said] = defaultdict(Said)
        for nbest in part:
            said[recording(nbest)].add(nbest.best.text)
        ready = {name: Entries(tuple(map(Hotword, own.recurring("en"))), own.places) for name, own in said.items()}
        for nbest in part:
            lists.append(replace(nbest, id=f"{number}-{nbest.id}"))
            entries[lists[-1].id] = ready[recording(nbest)]
    fitted = fit_hotwords(lists, entries=lambda nbest: entries[nbest.id])
    print(fitted.render())
    return fitted.model


def measured(name: str, made: Sequence[Correction], consistent: Consistent, *, show: bool) -> list[Correction]:
    """The corrections after a second look, shown if asked for."""
    changes = consistent.changes(made)
    if show:
        for one in changes.values():
            print(f"    {name} {one.id}: {one.reason}")
    return [changes.get(i, one) for i, one in enumerate(made)]


def told(name: str, before: int, after: int, said: int, made: int, count: int) -> None:
    """Print a row."""
    rates = f"{before:6} ->{after:6} errors of {said} words, {100 * before / said:.2f} -> {100 * after / said:.2f} %"
    print(f"{name:24}{made:4} of {count:5} texts changed, {rates}", flush=True)


def utterances(data: Path, consistent: Consistent, *, show: bool) -> None:
    """Chapters of read books."""
    for part, system in SETS:
        lists = [replace(nbest, audio=AudioSpan(chapter(nbest.id))) for nbest in biased(data, part, system)]
        first = [as_it_was(nbest, "") for nbest in lists]
        last = measured(f"{part} {system}", first, consistent, show=show)
        said = [(nbest.reference or "").split() for nbest in lists]
        before, after = (
            sum(distance(reference, one.text.split()) for reference, one in zip(said, made, strict=True))
            for made in (first, last)
        )
        count = sum(a is not b for a, b in zip(first, last, strict=True))
        told(f"test-{part} {system}", before, after, sum(map(len, said)), count, len(lists))


def calls(data: Path, consistent: Consistent, *, show: bool) -> None:
    """Whole earnings calls."""
    folder = data / "earnings21"
    for name, file in FILES.items():
        before = after = said = count = total = 0
        for call in CALLS:
            document = read_document(folder / "output" / file.format(call))
            found = list(passages(document, call))
            first = [as_it_was(passage.nbest, "") for passage in found]
            last = measured(name, first, consistent, show=show)
            raw = changed(document, list(zip(found, last, strict=True)))
            reference = words(read_document(folder / "transcripts" / "nlp_references" / f"{call}.nlp"))
            before += distance(reference, words(document))
            after += distance(reference, words(read_document(f"{call}.{document.format}", raw=raw)))
            said, total = said + len(reference), total + len(found)
            count += sum(a is not b for a, b in zip(first, last, strict=True))
        told(name, before, after, said, count, total)


def main() -> int:
    """Learn or measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--learn", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--show", action="store_true")
    asked = parser.parse_args()
    needed = ["wenet_librispeech"] if asked.learn else ["librispeech_biasing", "earnings21"]
    if missing := [name for name in needed if not (asked.data / name).is_dir()]:
        print(f"Missing in {asked.data}: {', '.join(missing)}.", file=sys.stderr)
        return 2
    print(machine())
    if asked.learn:
        write_model(asked.learn, learned(asked.data))
        return 0
    model = read_model(asked.model) if asked.model else default("consistent")
    consistent = Consistent(model)
    print(f"{consistent.signature}, threshold {model.judge.threshold:g}")
    utterances(asked.data, consistent, show=asked.show)
    calls(asked.data, consistent, show=asked.show)
    return 0


if __name__ == "__main__":
    sys.exit(main())
