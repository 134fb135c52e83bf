"""Loading recognizers of transformers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ger.errors import ModelError, UsageError
from ger.models import LocalModel
from ger.protocols import FrontendOptions
from ger.registry import suggest

__all__ = ["Loaded", "loading", "precision"]

_PRECISIONS = ("float32", "bfloat16", "float16")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A folder with a recognizer, and where it is going to run.

    Attributes:
        local: The folder, with the names for messages and signatures.
        config: Its configuration, of transformers.
        device: `cpu` or `cuda`.
        precision: Name of a dtype of torch.
        options: What the front end was made with.
    """

    local: LocalModel
    config: Any
    device: str
    precision: str
    options: FrontendOptions

    @property
    def path(self) -> Path:
        """The folder."""
        return self.local.path

    def model(self, auto: Any, **options: Any) -> Any:
        """The model, ready to run.

        Args:
            auto: The class of transformers that loads it.
            options: More arguments for that class.

        Raises:
            ModelError: it cannot be loaded, or weights are missing.
        """
        import torch

        with loading(self.local.name):
            model, info = auto.from_pretrained(
                self.path,
                dtype=getattr(torch, self.precision),
                local_files_only=True,
                output_loading_info=True,
                **options,
            )
        sizes = {name: value.dim() for name, value in model.named_parameters()}
        # What has one dimension, such as the vector that hides frames in training, may be missing.
        missing = sorted(name for name in info["missing_keys"] if sizes.get(name, 0) > 1)
        if missing:
            raise ModelError(
                f"{self.local.name} has no weights for {missing[0]} and cannot recognize speech.",
                "Name a model that was fine-tuned for speech recognition.",
            )
        return model.to(self.device).eval()

    def part(self, auto: Any) -> Any:
        """A tokenizer, feature extractor or processor.

        Raises:
            ModelError: it cannot be loaded.
        """
        with loading(self.local.name):
            return auto.from_pretrained(self.path, local_files_only=True)


@contextmanager
def loading(name: str) -> Iterator[None]:
    """Turn what the library says while a model is loaded into a ModelError."""
    import safetensors

    try:
        yield
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, TypeError, safetensors.SafetensorError) as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise ModelError(f"{name}: the recognizer cannot be loaded: {reason}.") from error


def precision(name: str, device: str) -> str:
    """The precision asked for: float32 on a CPU and float16 on a GPU unless told otherwise.

    Raises:
        UsageError: there is no such precision.
    """
    if name == "auto":
        return "float16" if device == "cuda" else "float32"
    if name not in _PRECISIONS:
        raise UsageError(f"The precision {name!r} is not known to transformers.", suggest(name, _PRECISIONS))
    return name
