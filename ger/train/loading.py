"""What trainings share about torch and transformers: loading models quietly, and the same numbers in every run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ger.errors import DependencyError, ModelError

__all__ = ["deterministic", "loading", "quiet"]


@contextmanager
def loading(name: str) -> Iterator[Any]:
    """transformers, told to be quiet; what goes wrong in loading becomes one of our errors."""
    try:
        import safetensors
        import transformers
    except ImportError as error:
        raise DependencyError("torch or transformers", "transformers") from error
    try:
        with quiet():
            yield transformers
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, safetensors.SafetensorError) as error:
        raise ModelError(f"{name}: the model cannot be loaded: {error}.") from error


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars and no word on weights that are left out on purpose."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)


@contextmanager
def deterministic(seed: int, threads: int) -> Iterator[None]:
    """A seed and a number of threads (0 leaves them), and afterwards torch's generator as it was."""
    import torch

    if threads:
        torch.set_num_threads(threads)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
