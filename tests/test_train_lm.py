"""Language models that are adapted to texts: what is learned, what is left behind, and how it is used."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from h2t_tools import TOWNS, nbest, rows_of, write_model
from typer.testing import CliRunner

from ger.cli.train import app
from ger.correct.factories import generator
from ger.errors import InputError, ModelError, UsageError
from ger.lm.generation import Generation
from ger.lm.select import LmSpec, is_adapter, load, parse
from ger.protocols import LanguageModel, LmOptions, ScoreRequest
from ger.text.form import apply
from ger.train.adapter import Adapted, base_of
from ger.train.h2t import train as train_h2t
from ger.train.h2t_recipe import H2TOptions
from ger.train.lm import train
from ger.train.lm_recipe import LmRecipe, TextOptions
from ger.train.merge import merge
from ger.train.settings import read
from ger.train.work import Fluency

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

RECIPES = Path(__file__).parents[1] / "examples" / "recipes"
ADAPTER = "adapter_model.safetensors"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def quick(tiny: Path) -> TextOptions:
    """Three epochs of five steps."""
    return TextOptions(model=str(tiny), lr=1e-2, rank=4, validation=0.25, batch_texts=8, device="cpu")


def texts() -> dict[str, str]:
    """Fares between all towns, 56 of them."""
    return {f"text, {a}-{b}": f"fares {a} {b}" for a in TOWNS for b in TOWNS if a != b}


def scorer(model: Path | str, **options: Any) -> LanguageModel:
    return load(LmSpec(model=str(model)), LmOptions(device="cpu", compute_type="float32", **options))


def logp(lm: LanguageModel, *said: str) -> list[float]:
    (row,) = lm.score([ScoreRequest(said)])
    return row


def test_what_is_learned_is_likelier(tmp_path: Path, quick: TextOptions, tiny: Path) -> None:
    rows: list[dict[str, Any]] = []
    summary = train(texts(), quick, tmp_path / "out", report=rows.append)
    held = summary.validation
    assert held is not None
    assert (held.texts, held.words, summary.trained_on, summary.lists) == (14, 42, 42, 56)
    assert held.perplexity < held.before / 2
    told = [row["validation_perplexity"] for row in rows if "epoch_loss" in row]
    assert held.perplexity == min(told) == told[summary.best_epoch - 1]
    adapted, plain = scorer(tmp_path / "out"), scorer(tiny)
    said, other = "Fares epsom goole.", "Goole fares epsom."
    gained = [a - b for a, b in zip(logp(adapted, said, other), logp(plain, said, other), strict=True)]
    assert gained[0] > gained[1] + 1
    assert "adapter=out@" in adapted.signature


def test_its_perplexity_is_what_a_backend_says(tmp_path: Path, quick: TextOptions) -> None:
    """The same tokens, begun and ended in the same way, as rescoring reads them."""
    held = {"a": "FARES ASTON BIRCH", "b": "fares corby, derby, and epsom"}
    fit = {name: text for name, text in texts().items() if "aston" not in text}
    summary = train(fit, quick, tmp_path / "out", held=held)
    said = [apply(text, "sentence") for text in held.values()]
    nats = -math.fsum(logp(scorer(tmp_path / "out"), *said))
    assert summary.validation is not None
    assert (summary.validation.texts, summary.validation.words) == (2, 8)
    assert summary.validation.perplexity == pytest.approx(math.exp(nats / 10), rel=1e-3)


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # of peft 0.21 itself
def test_the_folder_is_a_peft_adapter(tmp_path: Path, quick: TextOptions, tiny: Path) -> None:
    import peft
    import transformers

    out = tmp_path / "out"
    train(texts(), quick, out, recipe="# a recipe\n", files={"domain.txt": 56})
    assert (base_of(str(out)), Adapted.read(out).form) == (str(tiny), "sentence")
    model = transformers.AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32)
    whole = peft.PeftModel.from_pretrained(model, str(out)).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny)
    ids = torch.tensor([[0, *tokenizer("Fares hythe fleet.", add_special_tokens=False).input_ids, 1]])
    said = whole(input_ids=ids).logits.log_softmax(-1)[0, :-1].gather(-1, ids[0, 1:, None]).sum()
    (ours,) = logp(scorer(out), "Fares hythe fleet.")
    assert ours == pytest.approx(said.item(), abs=1e-3)
    card = (out / "README.md").read_text()
    assert "`domain.txt`: 56 texts" in card
    assert "42 of 56 texts were learned from, 14 to choose the epoch" in card
    assert "perplexity" in card
    assert (out / "recipe.toml").read_text() == "# a recipe\n"
    assert not (out / ".training").exists()


def test_merged_it_says_the_same(tmp_path: Path, quick: TextOptions, tiny: Path) -> None:
    train(texts(), replace(quick, epochs=1), tmp_path / "out")
    merge(tmp_path / "out", tmp_path / "merged")
    said = ("Fares aston birch.", "Birch.")
    assert logp(scorer(tmp_path / "merged"), *said) == pytest.approx(logp(scorer(tmp_path / "out"), *said), abs=1e-4)
    assert not (tmp_path / "merged" / "lm.json").exists()
    mark = json.loads((tmp_path / "out" / "lm.json").read_text())
    (tmp_path / "out" / "lm.json").write_text(json.dumps(mark | {"identity": "tiny@00000000"}))
    with pytest.raises(ModelError, match="was trained on tiny@00000000"):
        merge(tmp_path / "out", tmp_path / "other")


class _Stop(Exception):
    pass


def test_it_goes_on_where_it_was_ended(tmp_path: Path, quick: TextOptions) -> None:
    steps = replace(quick, save_steps=2)
    train(texts(), steps, tmp_path / "whole")

    def stop(row: dict[str, Any]) -> None:
        if row.get("step") == 9:
            raise _Stop

    with pytest.raises(_Stop):
        train(texts(), steps, tmp_path / "out", report=stop)
    seen: list[dict[str, Any]] = []
    summary = train(texts(), steps, tmp_path / "out", report=seen.append)
    assert seen[0]["step"] == 9
    assert (tmp_path / "out" / ADAPTER).read_bytes() == (tmp_path / "whole" / ADAPTER).read_bytes()
    again = train(texts(), steps, tmp_path / "out", report=stop)
    assert again == summary
    assert isinstance(again.validation, Fluency)
    for changed, options in ((texts() | {"more": "fares"}, steps), (texts(), replace(steps, form="lower"))):
        with pytest.raises(UsageError, match="other data or options"):
            train(changed, options, tmp_path / "out")


def test_equal_texts_are_on_one_side(tmp_path: Path, quick: TextOptions) -> None:
    many = {f"{name}, {i}": text for name, text in list(texts().items())[:8] for i in range(4)}
    summary = train(many | {"empty": " "}, replace(quick, epochs=1), tmp_path / "out")
    assert summary.validation is not None
    assert (summary.trained_on, summary.validation.texts, summary.lists) == (24, 8, 33)


def test_without_validation_the_last_epoch_is_kept(tmp_path: Path, quick: TextOptions) -> None:
    summary = train(texts(), replace(quick, validation=0.0, epochs=2), tmp_path / "out")
    assert (summary.validation, summary.best_epoch, summary.trained_on) == (None, 2, 56)
    assert "perplexity" not in (tmp_path / "out" / "README.md").read_text()
    assert all("validation_nats" not in row for row in rows_of(tmp_path / "out"))


def test_what_cannot_be_learned(tmp_path: Path, quick: TextOptions) -> None:
    with pytest.raises(InputError, match="no text to learn from"):
        train({"a": "", "b": "  "}, quick, tmp_path / "out")
    for held in ({}, {"a": " "}):
        with pytest.raises(InputError, match="no text to judge by"):
            train(texts(), quick, tmp_path / "out", held=held)
    with pytest.raises(InputError, match=r"domain\.txt, 7: the text takes \d+ tokens, and .* reads 128"):
        train(texts() | {"domain.txt, 7": "fares " * 200}, quick, tmp_path / "out")


def test_held_texts_are_not_learned(tmp_path: Path, quick: TextOptions) -> None:
    held = {"x": "FARES ASTON BIRCH", "y": "今天天气很好"}
    summary = train(texts(), replace(quick, epochs=1), tmp_path / "out", held=held)
    assert summary.validation is not None
    assert (summary.trained_on, summary.lists) == (55, 58)
    assert (summary.validation.texts, summary.validation.words) == (2, 9)  # six of them Chinese characters


# Where it is used


def test_only_language_models_are_used_as_such(tmp_path: Path, quick: TextOptions, tiny: Path) -> None:
    lists = [nbest(f"u{i}", f"fares aston {i}", f"fairs aston {i}", f"fares aston {i}") for i in range(8)]
    train_h2t(lists, H2TOptions(model=str(tiny), epochs=1, rank=2, validation=0.0, device="cpu"), tmp_path / "h2t")
    with pytest.raises(UsageError, match="it is no language model") as raised:
        scorer(tmp_path / "h2t")
    assert "--adapter" in (raised.value.hint or "")
    assert not is_adapter(str(tiny))
    assert not is_adapter("\0")
    train(texts(), replace(quick, epochs=1), tmp_path / "lm")
    assert parse(str(tmp_path / "lm")).backend == "transformers"
    lm = scorer(tiny)
    with pytest.raises(UsageError, match="was not trained to correct"):
        generator(lm, Generation(adapter=str(tmp_path / "lm")))


def test_backends_that_load_no_adapter_say_so(tmp_path: Path, quick: TextOptions) -> None:
    train(texts(), replace(quick, epochs=1), tmp_path / "lm")
    for backend in ("ctranslate2", "masked", "seq2seq", "kenlm"):
        with pytest.raises(UsageError, match="cannot load an adapter") as raised:
            load(LmSpec(backend=backend, model=str(tmp_path / "lm")), LmOptions())
        assert "ger train merge" in (raised.value.hint or "")


def test_the_default_model_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even in the folder of an adapter, or beside one that is called like a model of the catalogue."""
    (tmp_path / "smollm2-135m-instruct").mkdir()
    for folder in (tmp_path, tmp_path / "smollm2-135m-instruct"):
        (folder / "adapter_config.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert is_adapter(".")
    assert not is_adapter("")
    assert not is_adapter("smollm2-135m-instruct")
    with pytest.raises(ModelError, match="holds no adapter"):
        load(LmSpec(model="."), LmOptions())


# The command


@pytest.fixture
def recipe(tmp_path: Path, quick: TextOptions) -> Path:
    (tmp_path / "domain.txt").write_text("".join(f"{text}\n" for text in texts().values()))
    path = tmp_path / "lm.toml"
    path.write_text(
        f"""
texts = ["{tmp_path / "domain.txt"}"]
ids = "no"
output = "{tmp_path / "out"}"
model = "{quick.model}"
lr = 1e-2
rank = 4
validation = 0.25
batch_texts = 8
device = "cpu"
"""
    )
    return path


def test_the_command(recipe: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["lm", str(recipe), "--set", "epochs=2"])
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == f"{tmp_path / 'out'}: epoch 2 of 2, trained on 42 texts"
    assert lines[1].startswith("Validation (14 texts, chose the epoch): perplexity a word ")
    assert lines[2].startswith("Use it: ger tune LISTS --lm ")
    assert "Epoch 2: loss" in result.stderr
    assert "validation perplexity" in result.stderr
    assert "--set=epochs=2" in (tmp_path / "out" / "recipe.toml").read_text()
    result = CliRunner().invoke(app, ["lm", str(recipe), "--set", "epochs=2", "--json"])
    made = json.loads(result.stdout)
    assert (made["texts"], made["trained_on"], made["validation"]["texts"]) == (56, 42, 14)


def test_references_of_lists_are_texts(recipe: Path, tmp_path: Path) -> None:
    rows = [
        json.dumps({"id": f"u{i}", "hypotheses": [{"text": "fairs"}], "reference": text})
        for i, text in enumerate(texts().values())
    ]
    (tmp_path / "lists.jsonl").write_text("\n".join(rows))
    (tmp_path / "held.txt").write_text("fares aston\n\nfares york\n")
    changes = [f"texts={tmp_path / 'lists.jsonl'}", f"validation_files={tmp_path / 'held.txt'}", "epochs=1"]
    result = CliRunner().invoke(app, ["lm", str(recipe), "--json", *(f"--set={change}" for change in changes)])
    assert result.exit_code == 0, result.stderr
    made = json.loads(result.stdout)
    assert (made["trained_on"], made["validation"]["texts"], made["validation"]["words"]) == (56, 2, 4)


def test_wrong_calls(recipe: Path, tmp_path: Path) -> None:
    for change, said in (
        ("epoch=1", "there is no key 'epoch'. Did you mean 'epochs'?"),
        ("form=sentense", "Did you mean 'sentence'?"),
        ("ids=maybe", "ids is 'maybe'"),
        ("batch_texts=0", "batch_texts is 0. Use 1 or more."),
        ("validation=0.95", "Use a share from 0 to 0.9."),
        ("texts=[]", "texts is missing."),
        ("output=", "output is missing."),
    ):
        result = CliRunner().invoke(app, ["lm", str(recipe), "--set", change])
        assert (result.exit_code, said in result.stderr) == (2, True), result.stderr
    (tmp_path / "domain.txt").unlink()
    result = CliRunner().invoke(app, ["lm", str(recipe)])
    assert (result.exit_code, "domain.txt" in result.stderr) == (1, True)


def test_the_example_is_a_recipe() -> None:
    shown = read(RECIPES / "lm.toml", LmRecipe)
    assert shown.options == TextOptions()
    text = (RECIPES / "lm.toml").read_text()
    assert all(f"\n{key} = " in text for key in TextOptions.__dataclass_fields__)
