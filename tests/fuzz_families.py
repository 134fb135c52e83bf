"""What `fuzz.py` reads: kinds of files, their samples, and what has to hold of those that are accepted."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from zlib import crc32

import list_samples as told
from document_samples import KALDI, SAMPLES, SRT
from fuzz_mutations import BORDER

from ger import prompting
from ger.correct.gate import read_gate
from ger.correct.rewrites import read_rewrites
from ger.errors import GerError
from ger.io import jsonl
from ger.io.answers import read_answers
from ger.io.documents import Document, changes, detect, read_document
from ger.io.documents.core import joined
from ger.io.documents.passages import passages
from ger.io.lists import read_lists, read_texts
from ger.lm.ngram import NGramModel
from ger.lm.profile import read_profile
from ger.train.recipe import read_rescorer
from ger.types import Correction, NBest

__all__ = ["FAMILIES", "Kind", "seeds", "tried"]


@dataclass(frozen=True)
class Kind:
    """Files of a kind.

    Attributes:
        files: What they are called.
        samples: Their contents, as many as there are files, for each sample.
        read: Reads the first of them or their folder; may raise errors of ger that name a file.
        holds: Fails where something is wrong with what was read.
    """

    files: tuple[str, ...]
    samples: tuple[tuple[str, ...], ...]
    read: Callable[[Path], Any]
    holds: Callable[[Any], None] = field(default=lambda _: None)


def tried(kinds: list[Kind], data: bytes, folder: Path) -> None:
    """Read an input: the first byte is the number of its kind.

    Raises:
        Exception: any but ger's own, or one of these that names no file: a finding.
    """
    kind = kinds[data[0] % len(kinds)] if data else kinds[0]
    parts = data[1:].split(BORDER, len(kind.files) - 1)
    for name, raw in zip(kind.files, [*parts, *[b""] * len(kind.files)], strict=False):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(raw)
    try:
        made = kind.read(folder / kind.files[0])
    except GerError as error:
        _names_a_file(error, [*(Path(name).name for name in kind.files), folder.name])
    else:
        kind.holds(made)


def _names_a_file(error: GerError, names: list[str]) -> None:
    if not any(name in error.message for name in names):
        raise AssertionError(f"no file is named: {error}") from error


def seeds(kinds: list[Kind]) -> list[bytes]:
    """The samples as inputs."""
    return [
        bytes([number]) + BORDER.join(text.encode() for text in texts)
        for number, kind in enumerate(kinds)
        for texts in kind.samples
    ]


# Documents

#: Formats whose units are found by their words and these words' times, which may contradict each other; a change then
#: takes with it what stood in several places at once.
_FOUND = ("aws", "ctm", "deepgram", "google", "nlp", "vosk")


def _document(path: Path, format: str) -> tuple[Document, bytes]:
    raw = path.read_bytes()
    found = detect(raw, path.name)
    if found not in (None, format):
        read_document(path.name, format=found, raw=raw)
    return read_document(path.name, format=format, raw=raw), raw


def _keeps(made: tuple[Document, bytes]) -> None:
    """What is not changed stays, what is changed stays in its place, and everything can be told as JSON."""
    document, raw = made
    assert document.written() == raw
    assert len({unit.id for unit in document.units}) == len(document.units)
    found = [passage for passage in passages(document, "a") if passage.places]
    for passage in found:
        assert not passage.changes(passage.nbest.best.text)
    if not found:
        return
    _told([passage.nbest for passage in found])
    passage = found[crc32(raw) % len(found)]
    texts = [word.text for word in passage.nbest.best.words]
    at = crc32(raw[::-1]) % len(texts)
    if set(texts[at]) & set("<>[]{}()|"):
        return  # markup in its middle goes behind it, and what is left may be markup then
    new = re.sub(r"[^\W_]+", "other", texts[at], count=1)
    texts[at] = new if new != texts[at] else f"more{new}"
    wanted = passage.changes(joined(texts))
    again = read_document("again", format=document.format, raw=document.written(wanted))
    assert _times(again) == _times(document)
    said = [word.text for unit in again.units for word in unit.words]
    if document.format in _FOUND:
        assert any(word in said for word in joined([texts[at]]).split())
    else:
        assert len(said) == sum(len(unit.words) for unit in document.units)


def _times(document: Document) -> list[tuple[float | None, float | None]]:
    assert all(time is None or math.isfinite(time) for unit in document.units for time in (unit.start, unit.end))
    return [] if document.format in _FOUND else [(unit.start, unit.end) for unit in document.units]


def _told(records: Sequence[NBest | Correction]) -> None:
    """Records can be written and read."""
    for record in records:
        line = jsonl.dumps(record).encode("utf-8", "backslashreplace")
        read = jsonl.read_nbest if isinstance(record, NBest) else jsonl.read_corrections
        assert [again.id for again in read(BytesIO(line))] == [record.id]


def _documents(*formats: str) -> list[Kind]:
    files = {**SAMPLES, "text": ("kaldi", KALDI)}
    return [
        Kind(
            (next(name for name, (own, _) in files.items() if own == format),),
            tuple((text,) for own, text in files.values() if own == format),
            partial(_document, format=format),
            _keeps,
        )
        for format in formats
    ]


# Lists


def _lists(path: Path, format: str, folder: bool) -> list[NBest]:
    path = path.parents[1] if folder else path
    for guess in (lambda: list(read_lists(path)), lambda: read_texts(path), lambda: read_texts(path, ids=False)):
        try:
            guess()
        except GerError as error:
            _names_a_file(error, [file.name for file in path.parent.iterdir()])
    return list(read_lists(path, format=format))


def _listed(made: list[NBest]) -> None:
    assert len({nbest.id for nbest in made}) == len(made)
    _told(made)


def _list(format: str, names: tuple[str, ...], *samples: tuple[str, ...], folder: bool = False) -> Kind:
    return Kind(names, samples, partial(_lists, format=format, folder=folder), _listed)


_RECOGS = ("1best_recog/text", "1best_recog/score", "2best_recog/text", "2best_recog/score")


# Records


def _applied(path: Path) -> None:
    document = read_document("a.srt", raw=SRT.encode())
    found = changes.read(path)
    made = changes.applied(document, found, path.name)
    changes.reverted(read_document("a.srt", raw=made), found, path.name, every=True)


def _all_of(read: Callable[[Path], Iterable[Any]]) -> Callable[[Path], list[Any]]:
    return lambda path: list(read(path))


_PROFILE = """schema = 1
form = "lower"
min_length = 0.5
generation = {backend = "openai", model = "x", shots = 2, beams = 1, decoding = "free"}
[weights]
acoustic = 0.9
lm = -1
[lms.lm]
backend = "transformers"
model = "x"
[made]
lists = 3
"""
_RECIPE = """# A recipe
lists = ["a.jsonl", 'b']
output = "out"
lr = 1e-3
epochs = 3
pooling = "mean"
train_embeddings = true
"""
_REWRITES = """kind = "rewrites"
normalizer = "basic"
threshold = 0.7
rewrites = [["fairs", "fares", 56, 57], ["uh", ""], ["Kubernetis", "Kubernetes"]]
"""
_GATE = """kind = "gate"
sources = "answer"
threshold = 0.5
start = -0.25
features = ["rank", "lm"]
lm = {backend = "transformers", model = "x"}
[words]
3 = "the and"
[[trees]]
feature = [1, -1, -1]
threshold = [0.5, 0, 0]
right = [2, 0, 0]
value = [0.1, -1.0, 1]
"""
_PROMPT = """purpose = "x"
source = "y"
answer = "json"
marks = ["<a>", "</a>"]
[variables]
hypotheses = "The list."
hotwords = "Words."
[hypotheses]
line = "{number} {text} {score}\\n"
most = 3
[optional]
hotwords = "Words: {hotwords}"
[[turns]]
role = "system"
content = "{hotwords} Choose. {hypotheses}"
"""
_ARPA = r"""\data\
ngram 1=3
ngram 2=1

\1-grams:
-1 <unk>
-99 <s> -0.5
-0.5 </s>

\2-grams:
-1 <s> </s>

\end\
"""

FAMILIES: dict[str, list[Kind]] = {
    "subtitles": _documents("srt", "vtt"),
    "rows": _documents("ctm", "stm", "kaldi", "tsv", "icefall", "wenet", "nlp"),
    "json": _documents("seglst", "whisper", "google", "aws", "azure", "deepgram", "vosk", "nemo"),
    "lists": [
        _list("records", ("a.jsonl",), (told.RECORDS,), (told.CORRECTIONS,)),
        _list("hyporadise", ("a.json",), (told.HYPORADISE,)),
        _list("mlm-scoring", ("a.json",), (told.MLM_SCORING,)),
        _list("agwer", ("a.jsonl",), (told.AGWER,)),
        _list("kaldi", ("text",), (KALDI,)),
        _list("tsv", ("refs.tsv",), ("u1\tred door\t0.5\n\nu2\t\nu3\n",)),
        _list("kaldi-nbest", ("nbest/text", "nbest/lm_cost", "nbest/ac_cost"), (told.TEXT, told.LM, told.AC)),
        _list("nemo-nbest", ("nemo/a.tsv", "nemo/all.json"), (told.TSV, told.lines(told.MANIFEST))),
        _list("nemo", ("a.manifest",), (told.lines(told.PREDICTED),)),
        _list("espnet", _RECOGS, ("u1 a b\nu2\n", "u1 tensor(-1.5)\nu2 nan\n", "u1 a\n", "u1 -2e1\n"), folder=True),
    ],
    "lattices": [
        _list("kaldi-lattice", ("kaldi/a", "kaldi/words.txt"), (told.KALDI, told.WORDS), (told.NUMBERED, told.WORDS)),
        _list("k2-lattice", ("k2/a.txt", "k2/words.txt"), (told.K2, told.K2_WORDS)),
    ],
    "records": [
        Kind(("a.jsonl",), ((told.RECORDS,), (told.CORRECTIONS,)), _all_of(jsonl.read_nbest), _told),
        Kind(("b.jsonl",), ((told.CORRECTIONS,),), _all_of(jsonl.read_corrections), _told),
        Kind(("answers.jsonl",), ((told.ANSWERS,), (told.CORRECTIONS,), (KALDI,)), read_answers),
        Kind(("changes.jsonl",), ((told.CHANGES,),), _applied),
        Kind(("profile.toml",), ((_PROFILE,),), read_profile),
        Kind(("recipe.toml",), ((_RECIPE,),), read_rescorer),
        Kind(("gate.toml",), ((_GATE,),), read_gate),
        Kind(("rewrites.toml",), ((_REWRITES,),), read_rewrites),
        Kind(("prompt.toml",), ((_PROMPT,),), prompting.load),
        Kind(("small.arpa",), ((_ARPA,),), NGramModel.read),
    ],
}
