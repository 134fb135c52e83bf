"""The tiny models as `.nemo` files, and front ends that were loaded from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch

from asr_frontends.nemo import Nemo
from ger.protocols import FrontendOptions

torch.set_num_threads(1)  # more are of no use to models as small as these

MAKE: dict[str, Callable[[Path], Any]] = {
    "ctc": tiny.ctc,
    "rnnt": tiny.transducer,
    "tdt": lambda folder: tiny.transducer(folder, tiny.DURATIONS),
    "canary": tiny.canary,
}


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The models, saved."""
    folder = tmp_path_factory.mktemp("models")
    for name, make in MAKE.items():
        make(folder / name).save_to(str(folder / f"{name}.nemo"))
    return {name: folder / f"{name}.nemo" for name in MAKE}


@pytest.fixture(scope="session")
def load(files: dict[str, Path]) -> Callable[..., Nemo]:
    """A front end of a kind with options; the same ones are loaded once."""
    loaded: dict[Any, Nemo] = {}

    def of(kind: str, **options: Any) -> Nemo:
        key = kind, *sorted(options.items())
        if key not in loaded:
            loaded[key] = Nemo(
                FrontendOptions(**{"model": str(files[kind]), "device": "cpu", "beam_size": 12} | options)
            )
        return loaded[key]

    return of
