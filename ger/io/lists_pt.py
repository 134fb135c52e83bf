"""HypoTranslate's and Robust HyPoradise's `.pt` files: a list of `{"input": [text …], "ground_truth": text, …}`.

Names of HypoTranslate's files tell the languages: `SPLIT_DATASET_SOURCE_TARGET_st_MODEL.pt`, with `mt` for `st` where
text was translated and not speech. Their lists are translations.
"""

from __future__ import annotations

import os
import pickle
import re
import struct
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ger.errors import DependencyError, InputError, RecordError
from ger.io.lists_text import Ids
from ger.io.paths import printable
from ger.languages import canonical
from ger.types import Hypothesis, NBest

__all__ = ["SUFFIXES", "read"]

#: What names of such files end in.
SUFFIXES = (".pt", ".pth")

_PAIR = re.compile(r".+_([a-z]{2,3})_([a-z]{2,3})_(?:st|mt)(?:_[^_]+)?", re.IGNORECASE)

#: What reading bytes as a pickle may raise that are none.
_DAMAGED = (RuntimeError, EOFError, ValueError, TypeError, LookupError, AttributeError, AssertionError, struct.error)


def read(path: str | os.PathLike[str]) -> Iterator[NBest]:
    """Lists in the order of the file; one without `id` is called `FILE:NUMBER`.

    Nothing of the file is run: what is not plain data is refused. Tensors are left where they are.

    Raises:
        InputError: the file cannot be read, or holds more than plain data.
        RecordError: an item is not of this shape, or an id is there twice.
        DependencyError: torch is missing.
    """
    name, stem = printable(path), Path(path).stem
    items = _loaded(path, name)
    if not isinstance(items, list):
        raise RecordError(f"{name}: expected a list of utterances, found {type(items).__name__}.")
    ids = Ids(name)
    for number, item in enumerate(items, 1):
        yield _list(item, stem, number, name, ids)


def _list(item: Any, stem: str, number: int, name: str, ids: Ids) -> NBest:
    where = f"{name}, item {number}"
    if not isinstance(item, dict):
        raise RecordError(f"{where}: expected an utterance with 'input' and 'ground_truth'.")
    texts, reference, key = item.get("input"), item.get("ground_truth"), item.get("id")
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise RecordError(
            f"{where}: there is no list of texts in 'input'{', only token ids' if 'input_ids' in item else ''}.",
            'Decode them with their tokenizer and write [{"input": [text …], "output": reference}] as JSON.',
        )
    if reference is not None and not isinstance(reference, str):
        raise RecordError(f"{where}: 'ground_truth' should be text.")
    key = ids.add(f"{stem}:{number:04d}" if key is None else str(key), f"item {number}")
    nbest = NBest(key, tuple(Hypothesis(text) for text in texts), reference=reference)
    pair = _PAIR.fullmatch(stem)
    return replace(nbest, task="translate", language=canonical(pair[1]), target=canonical(pair[2])) if pair else nbest


def _loaded(path: str | os.PathLike[str], name: str) -> Any:
    try:
        import torch
    except ImportError as error:
        raise DependencyError("torch", "transformers") from error
    try:
        with warnings.catch_warnings(action="ignore"):  # about files that are refused in the end
            return torch.load(path, weights_only=True, map_location="cpu", mmap=_zipped(path))
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}.", "Check the name and its permissions.") from error
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{name} is damaged, or holds more than plain data: to load it could run code that is in it.",
            'Where you trust the file, load it yourself and write [{"input": [text …], "output": reference}] as JSON.',
        ) from error
    except _DAMAGED as error:
        raise InputError(f"{name} is no file that torch has saved.", "It may be damaged or cut off.") from error


def _zipped(path: str | os.PathLike[str]) -> bool:
    """Whether tensors can stay in the file, which older ones do not let them."""
    with open(path, "rb") as stream:
        return stream.read(2) == b"PK"
