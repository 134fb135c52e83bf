"""The embedded models, real ones, from the user's cache; fetched at the first use and shared by the whole session."""

from pathlib import Path

import pytest

from ger import models

# Read before any test changes the environment.
_CACHE = models.cache_dir()


def _resolve(name: str, kind: models.ModelKind) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GER_CACHE", str(_CACHE))
        return models.resolve(name, kind, quiet=True).path


@pytest.fixture(scope="session")
def whisper_dir() -> Path:
    """Whisper base in CTranslate2 format."""
    return _resolve(models.DEFAULT_RECOGNIZER, "recognizer")


@pytest.fixture(scope="session")
def smollm2_dir() -> Path:
    """SmolLM2 135M Instruct in safetensors format."""
    return _resolve(models.DEFAULT_LM, "lm")
