"""One loaded recognizer and one loaded language model for the whole session: the embedded ones, real."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ger.protocols import FrontendOptions, LmOptions

if TYPE_CHECKING:
    from asr_frontends.faster_whisper import FasterWhisper
    from llm_backends.transformers import TransformersLM


@pytest.fixture(scope="session")
def whisper(whisper_dir: Path) -> FasterWhisper:
    """Whisper base on the CPU, five hypotheses, language detected."""
    from asr_frontends.faster_whisper import FasterWhisper

    return FasterWhisper(FrontendOptions(model=str(whisper_dir), nbest=5, device="cpu", threads=2))


@pytest.fixture(scope="session")
def smollm2(smollm2_dir: Path) -> TransformersLM:
    """SmolLM2 135M Instruct on the CPU in float32."""
    from llm_backends.transformers import TransformersLM

    return TransformersLM(LmOptions(model=str(smollm2_dir), device="cpu", compute_type="float32"))
