"""Adapters merged while they are trained, against peft's own layers."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from h2t_tools import write_model

from ger.errors import UsageError
from ger.train.h2t_recipe import H2TOptions
from ger.train.lora import Merged, adapted, going_on

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("peft")

IDS = [[5, 6, 7, 8, 9, 10], [11, 12, 13, 14, 15, 16]]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("tiny"))


def made(folder: Path, options: H2TOptions, dtype: str = "float32") -> Any:
    """An adapter whose product is not zero, as it is after a few steps."""
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    torch.manual_seed(1)
    whole = adapted(model, options, "tiny")
    for name, value in whole.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(value, std=0.2)
    return whole


def gradients(whole: Any) -> tuple[Any, dict[str, Any]]:
    whole.zero_grad()
    logits = whole(input_ids=torch.tensor(IDS)).logits
    torch.logsumexp(logits, -1).square().mean().backward()
    return logits.detach(), {n: p.grad.clone() for n, p in whole.named_parameters() if p.requires_grad}


@pytest.mark.parametrize("targets", [("all-linear",), ("q_proj", "down_proj"), ("v_proj", "lm_head")])
def test_merged_layers_have_the_same_outputs_and_gradients(tiny: Path, targets: tuple[str, ...]) -> None:
    whole = made(tiny, H2TOptions(rank=4, targets=targets))
    merged = Merged(whole)
    assert merged.layers == {"all-linear": 14, "q_proj": 4, "v_proj": 3}[targets[0]]
    before, own = gradients(whole)
    with merged.on():
        inside, ours = gradients(whole)
        assert torch.allclose(before, inside, atol=1e-5)
        assert not torch.equal(before, inside)  # it was computed another way
    assert ours.keys() == own.keys()
    for name, gradient in own.items():
        assert torch.allclose(gradient, ours[name], atol=1e-4 * float(gradient.abs().max())), name
        assert float(gradient.abs().max()) > 1e-5
    after, _ = gradients(whole)
    assert torch.equal(before, after)


def test_a_step_counts_once_it_is_taken_in(tiny: Path) -> None:
    whole = made(tiny, H2TOptions(rank=4))
    merged = Merged(whole)
    with merged.on():
        for name, value in whole.named_parameters():
            if "lora_A" in name:
                value.data.mul_(2)
        merged.refresh()
        ours, _ = gradients(whole)
    theirs, _ = gradients(whole)
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_biases_are_added(tmp_path: Path) -> None:
    config = transformers.Qwen2Config(
        vocab_size=400, hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, tie_word_embeddings=False,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.Qwen2ForCausalLM(config)
    for name, value in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(value)
    whole = adapted(model, H2TOptions(rank=2, targets=("q_proj",)), "tiny")
    before, own = gradients(whole)
    with Merged(whole).on():
        inside, ours = gradients(whole)
    assert torch.allclose(before, inside, atol=1e-5)
    assert all(torch.allclose(own[name], ours[name], rtol=1e-3, atol=1e-6) for name in own)


def test_layers_that_peft_computes_itself(tiny: Path) -> None:
    """Dropout, other precisions and switched-on variants stay peft's."""
    assert Merged(made(tiny, H2TOptions(rank=4, lora_dropout=0.1))).layers == 0
    assert Merged(made(tiny, H2TOptions(rank=4), dtype="bfloat16")).layers == 0
    embedded = made(tiny, H2TOptions(rank=4, targets=("embed_tokens", "q_proj")))
    assert Merged(embedded).layers == 2
    before, own = gradients(embedded)
    with Merged(embedded).on():
        inside, ours = gradients(embedded)
    assert torch.allclose(before, inside, atol=1e-5)
    assert all(torch.allclose(own[name], ours[name], rtol=1e-3, atol=1e-6) for name in own)
    two = made(tiny, H2TOptions(rank=4))
    two.add_adapter("other", copy.copy(two.peft_config["default"]))
    assert Merged(two).layers == 0


def test_names_of_layers(tiny: Path) -> None:
    options = H2TOptions(rank=4)
    with pytest.raises(UsageError, match=r"no layer 'k_pro'\. Did you mean 'k_proj'"):
        made(tiny, replace(options, targets=("k_pro",)))
    with pytest.raises(UsageError, match="no layer 'all-linear'"):
        made(tiny, replace(options, targets=("all-linear", "k_proj")))


def test_an_adapter_of_a_folder_goes_on(tiny: Path, tmp_path: Path) -> None:
    whole = made(tiny, H2TOptions(rank=4))
    before, _ = gradients(whole)
    whole.save_pretrained(tmp_path, save_embedding_layers=False)
    model = transformers.AutoModelForCausalLM.from_pretrained(tiny, dtype="float32")
    again = going_on(model, tmp_path, train=True)
    after, found = gradients(again)
    assert torch.allclose(before, after, atol=1e-6)
    assert len(found) == 28
