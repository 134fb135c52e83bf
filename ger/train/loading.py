"""Loading models of transformers, quietly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ger.errors import DependencyError, ModelError

__all__ = ["loading", "quiet"]


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
