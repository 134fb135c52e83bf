"""What lists of translations are worth: spoken Spanish, French and German, translated into English by Whisper base.

Sentences and references are those of `benchmarks/translation.toml`, ours, spoken by espeak-ng; the voices were chosen
by Whisper's word errors on five training sentences, transcribed. Printed are, by chrF and BLEU of sacrebleu with their
signatures: the first translation, the best one of each list, what a language model chooses, and what minimum Bayes risk
chooses by chrF and by word errors. The weight of the language model is chosen on the other two languages.

    benchmarks/translation.py FOLDER              audio and lists are kept in FOLDER, and used again
    benchmarks/translation.py FOLDER --adapter A  also what an adapter writes that `ger train h2t` made of
                                                  FOLDER/train.jsonl
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import machine

from asr_frontends.faster_whisper import FasterWhisper
from ger.api import settings
from ger.correct.combine import Combiner
from ger.evaluate import Item, report
from ger.io.audio import SAMPLE_RATE, decode
from ger.io.jsonl import read_nbest, write_records
from ger.lm.features import Features, compute
from ger.protocols import FrontendOptions, LanguageModel
from ger.types import AudioSegment, AudioSpan, Correction, NBest

LANGUAGES = ("es", "fr", "de")
#: Voice and words per minute.
VOICES = {
    "test": {"es": ("es+f2", 115), "fr": ("fr+m3", 140), "de": ("de+m3", 115)},
    "train": {"es": ("es", 150), "fr": ("fr+m3", 150), "de": ("de", 165)},
}
WEIGHTS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
TEMPERATURES = (0.5, 1.0, 2.0, 4.0, 8.0)
#: Translations at most, and width of the search.
SEARCH = {"test": (10, 20), "train": (5, 5)}
#: Sentences that are spoken in each language, the first ones.
SENTENCES = {"test": 24, "train": 20}
SIZES = (5, 10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--adapter", help="of 'ger train h2t', trained on FOLDER/train.jsonl")
    parser.add_argument("--make", action="store_true", help="make the lists and stop")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    test, train = (made(arguments.folder, part) for part in ("test", "train"))
    print(machine())
    print(f"{len(test)} test lists, {len(train)} training lists")
    if arguments.make:
        return
    lms = settings().make_lms()
    for size in SIZES:
        compared(test, size, lms)
    if arguments.adapter:
        written(test, arguments.adapter)


def made(folder: Path, part: str) -> list[NBest]:
    """The lists of the test or the training sentences; recognized once, then read."""
    path = folder / f"{part}.jsonl"
    if not path.exists():
        table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))[part][: SENTENCES[part]]
        nbest, beam = SEARCH[part]
        frontend = FasterWhisper(FrontendOptions(task="translate", nbest=nbest, beam_size=beam))
        lists: list[NBest] = []
        for language, (voice, speed) in VOICES[part].items():
            rows = list(enumerate(table))
            segments = [spoken(f"{voice}-{speed}/{i:02d}", row[language], language) for i, row in rows]
            heard = frontend.recognize(segments)
            lists += [replace(made, reference=row["en"]) for made, row in zip(heard, table, strict=True)]
            print(f"{part}: {voice} at {speed}, {len(rows)} sentences", flush=True)
        write_records(path, lists)
    return [nbest for nbest in read_nbest(path) if nbest.hypotheses]


def spoken(key: str, text: str, language: str) -> AudioSegment:
    """A sentence, with some silence around it."""
    voice, speed = key.split("/")[0].rsplit("-", 1)
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder, "speech.wav")
        subprocess.run(["espeak-ng", "-v", voice, "-s", speed, "-w", str(wav), text], check=True)
        samples = np.concatenate([*decode(wav)])
    rest = np.zeros(int(0.3 * SAMPLE_RATE), dtype=np.float32)
    samples = np.concatenate([rest, samples * np.float32(0.3 / np.abs(samples).max()), rest])
    span = AudioSpan(f"{key}.wav", 0.0, len(samples) / SAMPLE_RATE)
    return AudioSegment(key, span, samples, language)


def compared(test: Sequence[NBest], size: int, lms: Mapping[str, LanguageModel]) -> None:
    """What choosing gains with lists of a size."""
    lists = [replace(nbest, hypotheses=nbest.hypotheses[:size]) for nbest in test]
    print(f"\nLists of {size}\n")
    told("minimum Bayes risk, chrF", lists, Combiner("mbr").correct(lists))
    words = [replace(nbest, task="transcribe") for nbest in lists]
    told("minimum Bayes risk, word errors", lists, Combiner("mbr").correct(words))
    flat = {value: Combiner("mbr", value).correct(lists) for value in TEMPERATURES}
    told("minimum Bayes risk, chrF", lists, elsewhere(lists, flat, "temperature"))
    features = compute(lists, ["acoustic", "lm", "repeats"], lms)
    rescored = {weight: chosen(lists, features, weight) for weight in WEIGHTS}
    told("SmolLM2, default weight 0.1", lists, rescored[0.1])
    told("SmolLM2", lists, elsewhere(lists, rescored, "weight"))


def chosen(lists: Sequence[NBest], features: Features, weight: float) -> list[Correction]:
    """What a weight of the language model chooses."""
    weights = [1 - weight, weight, -1.0]  # of the recognizer, the language model, and repetitions, as by default
    best = [int(np.argmax(values @ weights)) for values in features.values]
    return [Correction.of(n, n.hypotheses[i].text, "reranked") for n, i in zip(lists, best, strict=True)]


def elsewhere(lists: Sequence[NBest], made: Mapping[float, Sequence[Correction]], what: str) -> list[Correction]:
    """Of each language the corrections with the setting that has the highest chrF on the others."""
    taken: list[Correction] = []
    for language in LANGUAGES:
        others = [i for i, nbest in enumerate(lists) if nbest.language != language]
        best = max(made, key=lambda value: _score([made[value][i] for i in others]))
        print(f"{language}: {what} {best:g}, chosen on the other languages")
        taken += [one for one, nbest in zip(made[best], lists, strict=True) if nbest.language == language]
    return taken


def written(test: Sequence[NBest], adapter: str) -> None:
    """What an adapter writes, alone, behind the guard, and as a part of the list."""
    lists = [replace(nbest, hypotheses=nbest.hypotheses[:5]) for nbest in test]
    print("\nAdapter\n")
    told("generate, without guard", lists, corrected(lists, mode="generate", adapter=adapter, guard=False))
    told("generate", lists, corrected(lists, mode="generate", adapter=adapter))
    told("hybrid", lists, corrected(lists, mode="hybrid", adapter=adapter))


def corrected(lists: Sequence[NBest], **options: object) -> list[Correction]:
    return settings(**options).make_corrector().correct(lists)


def told(name: str, lists: Sequence[NBest], made: Sequence[Correction]) -> None:
    """A line for all languages together, then one for each."""
    started = time.monotonic()
    items = _items(lists, made)
    whole = report(items, metrics=["chrf", "bleu"]).to_json()
    print(f"{name}: {_line(whole)}")
    for language, part in whole["by"].items():
        print(f"    {language}: {_line(part)}")
    for metric, signature in whole["signatures"].items():
        print(f"    {metric}|{signature}")
    print(f"    scored in {time.monotonic() - started:.1f} s", flush=True)


def _line(value: dict[str, object]) -> str:
    shown: Callable[[object], str] = lambda number: f"{number:.2f}"  # noqa: E731
    parts = [
        f"{name} {shown(value[f'baseline_{name}'])} -> {shown(value[name])} "
        f"(oracle {shown(value[f'oracle_{name}'])}, p {shown(value[f'{name}_p_value'])})"
        for name in ("chrf", "bleu")
    ]
    counts = f"{value['changed']} changed, {value['helped']} helped, {value['harmed']} harmed"
    return f"n {value['n']}, {', '.join(parts)}, {counts}"


def _items(lists: Sequence[NBest], made: Sequence[Correction]) -> list[Item]:
    return [
        Item(n.id, n.reference or "", c.text, tuple(h.text for h in n.hypotheses), group=n.language, target=n.target)
        for n, c in zip(lists, made, strict=True)
    ]


def _score(made: Sequence[Correction]) -> float:
    items = [Item(c.id, c.reference or "", c.text) for c in made]
    return report(items, metrics=["chrf"]).value("chrf")


if __name__ == "__main__":
    main()
