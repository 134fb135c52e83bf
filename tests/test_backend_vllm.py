"""vLLM's backend where vLLM is not installed, and what can be told before it is asked; see tests/engines/vllm."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from ger import api
from ger.errors import DependencyError, ModelError, UsageError
from ger.protocols import LmOptions
from llm_backends.vllm import VllmLM, _lora


def test_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(DependencyError, match=r"^vllm is not installed\. Run: pip install 'ger-asr\[vllm\]'$"):
        VllmLM(LmOptions(model="/nowhere/at-all"))


def test_slots_are_refused_before_anything_is_loaded() -> None:
    with pytest.raises(UsageError, match=r"The backend 'vllm' cannot be held to the words of the hypotheses\."):
        api.settings(mode="generate", llm="vllm:/nowhere/at-all", decoding="words")
    api.settings(mode="hybrid", llm="vllm:/nowhere/at-all", beams=4)


def adapter(folder: Path, **changes: Any) -> Path:
    config = {"r": 16, "target_modules": ["q_proj", "model.layers.0.mlp.up_proj"], "bias": "none", "use_dora": False}
    (folder / "adapter_config.json").write_text(json.dumps(config | changes), encoding="utf-8")
    return folder


@pytest.mark.parametrize(("rank", "room"), [(1, 8), (16, 16), (17, 32), (512, 512)])
def test_room_for_an_adapter(tmp_path: Path, rank: int, room: int) -> None:
    layers = ["q_proj", "up_proj"]
    assert _lora(adapter(tmp_path, r=rank)) == {"max_lora_rank": room, "lora_target_modules": layers}
    assert _lora(adapter(tmp_path, r=1, rank_pattern={"q_proj": rank}))["max_lora_rank"] == room


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"use_dora": True}, "use_dora is True"),
        ({"modules_to_save": ["lm_head"]}, r"modules_to_save is \['lm_head'\]"),
        ({"bias": "all"}, "bias is 'all'"),
        ({"target_modules": ["q_proj", "lm_head"]}, "it changes lm_head"),
        ({"target_modules": "all-linear"}, "it does not list its layers"),
        ({"r": 513}, "its rank is 513"),
    ],
)
def test_adapters_that_vllm_cannot_use(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(
        ModelError, match=rf"cannot be used in vLLM: {said}\. Merge it first: ger train merge .* -o FOL"
    ):
        _lora(adapter(tmp_path, **changes))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"r": 8}'])
def test_settings_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "adapter_config.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match="the adapter's settings cannot be read"):
        _lora(tmp_path)
