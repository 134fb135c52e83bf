"""examples/adapters/from_nemo.py on what NeMo returns for real audio."""

from __future__ import annotations

import runpy
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CLIPS = [str(ROOT / "examples" / "audio" / f"{name}.flac") for name in ("10-snow", "02-toll")]


@pytest.mark.parametrize("kind", ["rnnt", "tdt"])
def test_what_a_transducer_returns_are_lists_with_times(kind: str, files: dict[str, Path]) -> None:
    from nemo.collections.asr.models import ASRModel
    from omegaconf import open_dict

    adapter = runpy.run_path(str(ROOT / "examples" / "adapters" / "from_nemo.py"), run_name="adapter")
    model = ASRModel.restore_from(str(files[kind]), map_location="cpu")
    with open_dict(model.cfg):
        model.cfg.validation_ds = {}  # trained models have one, and transcribe looks into it
    adapter["search_several"](model, beams=4)
    transcribed = model.transcribe(CLIPS, return_hypotheses=True, verbose=False)
    lists = adapter["lists"](transcribed, CLIPS)
    assert [nbest.id for nbest in lists] == CLIPS
    for nbest in lists:
        scores = [hypothesis.score for hypothesis in nbest.hypotheses]
        assert len(scores) > 1
        assert all(before >= after for before, after in pairwise(scores))
        words = nbest.best.words
        assert " ".join(word.text for word in words) == " ".join(nbest.best.text.split())
        assert all(type(time) is float for word in words for time in (word.start, word.end))
        assert 0.0 <= words[0].start < words[-1].end < 5.0
