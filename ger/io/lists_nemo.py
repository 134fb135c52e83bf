"""NeMo's N-best lists: lines `text<TAB>score`, equally many for each line of a manifest; and manifests as lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ger.errors import InputError, RecordError
from ger.io.documents import is_manifest
from ger.io.documents.core import Unit
from ger.io.lists_beside import Beside
from ger.io.lists_json import finite
from ger.io.lists_text import Source, opened
from ger.types import AudioSpan, Hypothesis, NBest

if TYPE_CHECKING:
    from ger.io.documents.nemo import Nemo

__all__ = ["looks_like", "manifest", "nbest", "texts"]

_SCORED = re.compile(rb"(.*)\t-?(\d*\.\d+(e[-+]?\d+)?|\d+e[-+]?\d+|inf|nan)")
_WIDTH = re.compile(r"preds_out_width(\d+)")
#: What manifests are called.
_SUFFIXES = (".json", ".jsonl", ".manifest", ".nemo")


def looks_like(source: Source, beside: Beside) -> bool:
    """Whether a file is named as NeMo does, or begins with texts and scores, not with ids and texts."""
    if _WIDTH.match(source.stem):
        return True
    found = [_SCORED.fullmatch(line) for line in (source.first, source.second) if line]
    if not found or not all(found):
        return False
    return any(match and b" " in match[1] for match in found) or sum(map(_is_manifest, _manifests(source, beside))) == 1


def nbest(source: Source, beside: Beside) -> Iterator[NBest]:
    """The lists of the utterances of a manifest, in its order; names, references and audio are those of the manifest.

    The manifest is the one that is given, or else the only one in the folder.

    Raises:
        InputError: there is no manifest, or it is not what it should be.
        RecordError: a line is no text with a score, or there are not equally many for each utterance.
    """
    hypotheses = [_hypothesis(source.name, number, line) for number, line in source.lines() if line]
    path = _manifest(source, beside)
    with opened(path) as told:
        document, name = _document(told), told.name
    width, over = divmod(len(hypotheses), len(document.units)) if document.units else (0, len(hypotheses))
    named = _WIDTH.match(source.stem)
    if over or (document.units and not width) or (named and document.units and width != int(named[1])):
        raise RecordError(
            f"{source.name} has {len(hypotheses)} hypotheses for the {len(document.units)} utterances of {name}.",
            "They belong together if there are equally many for each, as many as the beam is wide.",
        )
    for i, (unit, reference) in enumerate(zip(document.units, document.transcripts, strict=True)):
        texts, scores = zip(*hypotheses[i * width : (i + 1) * width], strict=True)
        yield finite(unit.id, texts, scores, reference=reference, audio=_audio(unit), language=unit.language)


def manifest(source: Source) -> Iterator[NBest]:
    """The recognized texts of a manifest with their `beams`, and `text` as the reference; without any, `text` alone.

    Raises:
        InputError: the manifest is not what it should be.
    """
    document = _document(source)
    for unit, text in zip(document.units, document.texts, strict=True):
        timed = any(word.start is not None for word in unit.words)
        first = replace(unit.best or Hypothesis(text), words=unit.words if timed else ())
        yield NBest(unit.id, (first, *unit.others), _audio(unit), unit.language, reference=unit.reference)


def texts(source: Source, reference: bool) -> Iterator[tuple[str, str | None]]:
    """The recognized text of each utterance of a manifest, or its `text` where there is none or references are wanted.

    Raises:
        InputError: the manifest is not what it should be.
    """
    document = _document(source)
    wanted = document.transcripts if reference else document.texts
    return zip((unit.id for unit in document.units), wanted, strict=True)


def _document(source: Source) -> Nemo:
    from ger.io.documents.nemo import read

    return read(b"".join(source.raw), source.name)


def _audio(unit: Unit) -> AudioSpan:
    return AudioSpan(unit.recording, unit.start, unit.end)


def _hypothesis(name: str, number: int, line: str) -> tuple[str, float]:
    text, tab, score = line.rpartition("\t")
    try:
        value = float(score) if tab else None
    except ValueError:
        value = None
    if value is None:
        raise RecordError(f"{name}, line {number}: expected a text, a tab and a score.", "NeMo writes one a line.")
    return text, value


def _manifest(source: Source, beside: Beside) -> Path:
    there = _manifests(source, beside)
    if len(there) == 1:
        return there[0]
    what = "there are several manifests" if there else "there is no manifest"
    raise InputError(
        f"{source.name} needs the manifest that was decoded, and {what} beside it.",
        "Name it with --reference.",
    )


def _manifests(source: Source, beside: Beside) -> list[Path]:
    """The manifest that was given, or all beside the lists."""
    if beside.manifest is not None:
        return [Path(beside.manifest)]
    if source.folder is None:
        return []
    there = sorted(path for path in source.folder.iterdir() if path.suffix in _SUFFIXES)
    return list(filter(_is_manifest, there))


def _is_manifest(path: Path) -> bool:
    try:
        with opened(path) as source:
            return is_manifest(source.first)
    except InputError:
        return False
