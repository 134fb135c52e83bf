"""Which language model `--lm` means."""

from __future__ import annotations

import json
from pathlib import Path

import fakes
import pytest
from fakes import Made

from ger.errors import ModelError, UsageError
from ger.lm.select import RESERVED, LmSpec, load, parse, parse_all
from ger.protocols import LmOptions


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("gpt2", LmSpec("lm", "transformers", "gpt2")),
        ("my-org/some.model", LmSpec("lm", "transformers", "my-org/some.model")),
        ("domain=lm.arpa", LmSpec("domain", "kenlm", "lm.arpa")),
        ("LM.ARPA.GZ", LmSpec("lm", "kenlm", "LM.ARPA.GZ")),
        ("a/b.bin", LmSpec("lm", "kenlm", "a/b.bin")),
        ("masked:bert-base-uncased", LmSpec("lm", "masked", "bert-base-uncased")),
        ("m2=masked:bert", LmSpec("m2", "masked", "bert")),
        ("masked:", LmSpec("lm", "masked", "")),
        ("http://localhost:8000/v1#gpt2", LmSpec("lm", "openai", "http://localhost:8000/v1#gpt2")),
        ("far=https://host/v1?key=x", LmSpec("far", "openai", "https://host/v1?key=x")),
        ("http://host/v1?key=x", LmSpec("lm", "openai", "http://host/v1?key=x")),
        ("transformers:C:/models/x", LmSpec("lm", "transformers", "C:/models/x")),
        ("a/b=c", LmSpec("lm", "transformers", "a/b=c")),
        ("nothing:known", LmSpec("lm", "transformers", "nothing:known")),
    ],
)
def test_names_backends_and_models(text: str, spec: LmSpec) -> None:
    assert parse(text) == spec


def test_the_name_given_is_for_those_without_one() -> None:
    assert parse("gpt2", "other").name == "other"
    assert parse("mine=gpt2", "other").name == "mine"


def folder(path: Path, name: str, content: str) -> Path:
    path.mkdir()
    (path / name).write_text(content)
    return path


def test_a_folder_tells_by_its_files(tmp_path: Path) -> None:
    config = json.dumps({"architectures": ["BertForMaskedLM"]})
    assert parse(str(folder(tmp_path / "bert", "config.json", config))).backend == "masked"
    config = json.dumps({"architectures": ["LlamaForCausalLM"]})
    assert parse(str(folder(tmp_path / "llama", "config.json", config))).backend == "transformers"
    assert parse(str(folder(tmp_path / "mwer", "rescorer.json", "{}"))).backend == "rescorer"


@pytest.mark.parametrize("content", ["", "[]", "{", '{"architectures": "BertForMaskedLM"}', '{"architectures": [1]}'])
def test_a_folder_with_an_odd_configuration_is_left_to_transformers(tmp_path: Path, content: str) -> None:
    assert parse(str(folder(tmp_path / "odd", "config.json", content))).backend == "transformers"


@pytest.mark.parametrize("text", ["~nobody-of-that-name/lm", "nul\0", "x" * 5000])
def test_what_cannot_be_a_folder_is_told_when_it_is_loaded(text: str) -> None:
    assert parse(text) == LmSpec("lm", "transformers", text)


@pytest.mark.parametrize("text", ["", "  ", "big=", "big= "])
def test_empty(text: str) -> None:
    with pytest.raises(UsageError, match="is empty"):
        parse(text)


@pytest.mark.parametrize("name", RESERVED)
def test_names_of_other_features_are_taken(name: str) -> None:
    with pytest.raises(UsageError, match=rf"cannot be called '{name}'"):
        parse(f"{name}=gpt2")


def test_several() -> None:
    assert [spec.name for spec in parse_all(["a", "b", "big=c", "d"])] == ["lm", "lm2", "big", "lm4"]
    assert parse_all([]) == ()


@pytest.mark.parametrize("texts", [["x=a", "x=b"], ["lm2=a", "b"], ["a", "lm=b"]])
def test_two_of_one_name(texts: list[str]) -> None:
    with pytest.raises(UsageError, match="Two language models are called"):
        parse_all(texts)


def test_load_gives_the_model_to_the_backend(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fakes, "lm", lambda options: options)
    assert load(LmSpec(model="m"), LmOptions(model="other", device="cpu")) == LmOptions(model="m", device="cpu")


def test_load_fails_as_the_backend_does(made: Made) -> None:
    with pytest.raises(ModelError, match="missing cannot be found"):
        load(LmSpec(model="missing"), LmOptions())
    with pytest.raises(UsageError, match="no backend called 'transformer'"):
        load(LmSpec(backend="transformer"), LmOptions())
