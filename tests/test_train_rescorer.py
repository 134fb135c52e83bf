"""Training a rescorer on lists that can be learned by heart, with tiny random models; losses by hand calculation."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ger.cli.train import app
from ger.errors import InputError, ModelError, OutputError, UsageError
from ger.io.jsonl import write_records
from ger.protocols import LmOptions, ScoreRequest
from ger.train.examples import batches, examples, parts, scored, split
from ger.train.recipe import RescorerOptions, RescorerRecipe, read_rescorer
from ger.train.rescorer import Summary, train
from ger.train.settings import dump
from ger.types import Hypothesis, NBest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

EXAMPLE = Path(__file__).parents[1] / "examples" / "recipes" / "rescorer.toml"
TOWNS = ("aston", "birch", "corby", "derby", "epsom", "fleet", "goole", "hythe")


def nbest(key: str, reference: str | None, *texts: str, scores: tuple[float | None, ...] = ()) -> NBest:
    own = scores or (None,) * len(texts)
    return NBest(key, tuple(Hypothesis(t, score=s) for t, s in zip(texts, own, strict=True)), reference=reference)


def town_lists(n: int = 96) -> list[NBest]:
    """Half of the 1-bests say `fairs`, which is never right."""
    made = []
    for i in range(n):
        start, end = TOWNS[i % 8], TOWNS[(i // 8 + i + 1) % 8]
        right, wrong = f"show fares {start} {end} {i}", f"show fairs {start} {end} {i}"
        made.append(nbest(f"u{i}", right, *((wrong, right) if i % 2 else (right, wrong)), f"so {wrong} please"))
    return made


@pytest.fixture(scope="module")
def llama_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of two layers with random weights, and a tokenizer of characters and a few words."""
    folder = tmp_path_factory.mktemp("llama")
    _tokenizer(bos_token="<s>", eos_token="</s>").save_pretrained(folder)
    config = transformers.LlamaConfig(
        vocab_size=512, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=64, bos_token_id=0, eos_token_id=1,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def bert_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers with random weights, whose tokenizer has a class token."""
    from tokenizers.processors import TemplateProcessing

    folder = tmp_path_factory.mktemp("bert")
    tokenizer = _tokenizer(cls_token="<s>", sep_token="</s>")
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    tokenizer.save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=512, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=64,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.BertForMaskedLM(config).save_pretrained(folder)
    return folder


def _tokenizer(**special: str) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=512, special_tokens=["<s>", "</s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator([text.text for one in town_lists() for text in one.hypotheses], trainer)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)


@pytest.fixture
def quick(llama_dir: Path) -> RescorerOptions:
    """A small new encoder that learns the towns within seconds."""
    return RescorerOptions(
        model=str(llama_dir), init="random", hidden=32, layers=1, lr=3e-3, head_lr=1e-2, pooling="mean", epochs=4,
        patience=0, validation=0.25, batch_lists=8, device="cpu",
    )  # fmt: skip


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors") | load_file(folder / "head.safetensors")


def same(a: Path, b: Path) -> bool:
    one, other = weights(a), weights(b)
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


# Recipes


def test_the_example_shows_the_defaults() -> None:
    recipe = read_rescorer(EXAMPLE)
    assert recipe.options == RescorerOptions()
    assert all(f"\n{key} = " in EXAMPLE.read_text() for key in asdict(recipe.options))
    assert EXAMPLE.read_text().startswith("# ger train rescorer ")


def test_changes_of_a_recipe() -> None:
    changes = ["lists=a.jsonl", "lr=1", "layers = 3", 'form="lower"', "loss=mwed", "train_embeddings=true"]
    recipe = read_rescorer(EXAMPLE, changes)
    assert recipe.lists == ("a.jsonl",)
    expected = RescorerOptions(lr=1.0, layers=3, form="lower", loss="mwed", train_embeddings=True)
    assert recipe.options == expected
    assert read_rescorer(EXAMPLE, ['lists=["a", "b"]']).lists == ("a", "b")


def test_a_written_recipe_is_the_same(tmp_path: Path) -> None:
    recipe = RescorerRecipe(("ä b.jsonl", 'q"\\.json'), "out\x7f", RescorerOptions(lr=1e-5, distill="a=b\n"))
    (tmp_path / "r.toml").write_text(dump(recipe, "ger train rescorer x.toml"), encoding="utf-8")
    assert read_rescorer(tmp_path / "r.toml") == recipe
    assert (tmp_path / "r.toml").read_text().startswith("# ger train rescorer x.toml\n")


def test_a_launch_command_of_several_lines_stays_a_comment(tmp_path: Path) -> None:
    recipe = RescorerRecipe(("a",), "out", RescorerOptions(model="x\ny"))
    (tmp_path / "r.toml").write_text(dump(recipe, "ger train rescorer '--set=model=x\ny\0\x7f'"), encoding="utf-8")
    assert read_rescorer(tmp_path / "r.toml") == recipe
    first = (tmp_path / "r.toml").read_text().splitlines()[0]
    assert first == r"# ger train rescorer '--set=model=x\ny\x00\x7f'"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("model=" + "[" * 100_000, "--set model: its value is nested too deeply."),
        ("epochs=" + "9" * 5000, "Use a whole number."),
        ("laiers=3", "no key 'laiers'. Did you mean 'layers'?"),
        ("loss=mwre", "loss is 'mwre'. Did you mean 'mwer'?"),
        ("form=uper", "form is 'uper'"),
        ("normalizer=basics", "Did you mean 'basic'?"),
        ("layers=2.5", "layers is 2.5. Use a whole number."),
        ("layers=true", "layers is True. Use a whole number."),
        ("lr=fast", "lr is 'fast'. Use a number."),
        ("lr=nan", "lr is nan. Use a number above 0."),
        ("lr=1" + "0" * 400, "lr is inf. Use a number above 0."),
        ("lr=0", "lr is 0.0. Use a number above 0."),
        ("acoustic_weight=-1", "acoustic_weight is -1.0. Use a number from 0."),
        ("epochs=0", "epochs is 0. Use 1 or more."),
        ("validation=1", "Use a share from 0 to 0.9."),
        ("lists=[1]", "Use a list of texts"),
        ("lists=[]", "lists is missing."),
        ("output=''", "output is missing."),
        ("model=3", "model is 3. Use a text"),
        ("train_embeddings=1", "Use true or false."),
        ("epochs", "--set 'epochs' has no value. Write --set epochs=VALUE."),
        ("epoch", "--set 'epoch' has no value. Write --set KEY=VALUE. Did you mean 'epochs'?"),
    ],
)
def test_bad_values_are_named(change: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        read_rescorer(EXAMPLE, [change])
    assert said in str(error.value)


@pytest.mark.parametrize("content", [b"lists = [", b"\xff\xfe"])
def test_no_toml(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r.toml").write_bytes(content)
    with pytest.raises(InputError, match=r"r\.toml is not TOML"):
        read_rescorer(tmp_path / "r.toml")
    with pytest.raises(InputError, match="cannot be read"):
        read_rescorer(tmp_path / "none.toml")


# Examples


def test_examples_count_errors_and_keep_the_first_of_equal_texts() -> None:
    lists = [nbest("a", "Go home, now!", "go home now", " Go home", "go home now", "went", ""), nbest("b", "x")]
    (example,) = examples(lists, RescorerOptions())
    assert example.texts == ("go home now", "Go home", "went", "")
    assert example.errors == (0, 1, 3, 3)
    assert example.first == pytest.approx((0, -math.log(2), -math.log(4), -math.log(5)))
    assert (example.words, example.informative) == (3, True)
    assert examples(lists, RescorerOptions(normalizer="none"))[0].errors == (3, 2, 3, 3)
    assert examples(lists, RescorerOptions(form="lower"))[0].texts == ("go home now", "go home", "went", "")


def test_scores_are_used_in_all_lists_or_in_none() -> None:
    with_scores = [nbest("a", "x", "x", "y", scores=(-1.5, -2.0))]
    mixed = [*with_scores, nbest("b", "x", "x", "y", scores=(-1.0, None))]
    assert examples(with_scores, RescorerOptions())[0].first == (-1.5, -2.0)
    assert examples(mixed, RescorerOptions())[0].first == (0, -math.log(2))
    assert not scored(with_scores, RescorerOptions(first_pass="rank"))
    with pytest.raises(InputError, match="'b' has a hypothesis without score"):
        examples(mixed, RescorerOptions(first_pass="score"))
    assert not scored([nbest("c", "x", "x", scores=(math.nan,))], RescorerOptions())


def test_whether_scores_are_used_is_found_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from ger.train import examples as module

    calls: list[int] = []

    def counted(lists: Sequence[NBest], options: RescorerOptions) -> bool:
        calls.append(len(lists))
        return scored(lists, options)

    monkeypatch.setattr(module, "scored", counted)
    examples([nbest(f"u{i}", "x", "x") for i in range(9)], RescorerOptions())
    assert calls == [9]


def test_a_missing_reference_is_named() -> None:
    with pytest.raises(InputError, match="'b' has no reference"):
        examples([nbest("a", "x", "x"), nbest("b", None, "x")], RescorerOptions())


def test_equal_references_stay_on_one_side() -> None:
    data = examples([nbest(f"u{i}", f"word{i % 10}", "a", "b") for i in range(100)], RescorerOptions())
    fit, held = split(data, RescorerOptions(validation=0.2))
    assert (len(fit), len(held)) == (80, 20)
    assert {example.reference for example in fit}.isdisjoint(example.reference for example in held)
    assert split(data, RescorerOptions(validation=0.2)) == (fit, held)
    assert split(data, RescorerOptions(validation=0.2, seed=2)) != (fit, held)
    assert split(data, RescorerOptions(validation=0))[1] == []
    fit, held = split(data, RescorerOptions(validation=0.2, max_lists=30))
    assert len(fit + held) == 30


def test_batches_hold_every_list_once_and_parts_keep_the_budget() -> None:
    lists = [nbest(f"u{i}", "x", "a" * random.Random(i).randint(1, 30), "b") for i in range(70)]
    data = examples(lists, RescorerOptions())
    rows = {text: [0] * len(text) for example in data for text in example.texts}
    options = RescorerOptions(batch_lists=4)
    made = batches(data, rows, options, 1)
    assert Counter(example.id for batch in made for example in batch) == Counter(example.id for example in data)
    assert max(map(len, made)) == 4
    assert made == batches(data, rows, options, 1) != batches(data, rows, options, 2)
    small = list(parts(data, rows, 64))
    assert [example for part in small for example in part] == data
    costs = [sum(len(e.texts) for e in part) * max(e.longest(rows) for e in part) for part in small]
    assert max(costs) <= 64
    assert [len(part) for part in parts(data, rows, 1)] == [1] * 70
    assert list(parts([], rows, 64)) == []


# Losses


def test_losses_by_hand() -> None:
    from ger.train.rescorer import list_loss

    combined = torch.tensor([0.0, math.log(3)])  # probabilities 1/4 and 3/4
    # Expected errors 1/4 * 2 + 3/4 * 0 = 0.5, less their mean 1.
    assert list_loss("mwer", combined, torch.tensor([2.0, 0.0])).item() == pytest.approx(-0.5)
    # softmax(-W) = 3/4 and 1/4 against one half each: log 2.
    errors = torch.tensor([0.0, math.log(3)])
    assert list_loss("mwed", torch.zeros(2), errors).item() == pytest.approx(math.log(2))
    # The same distribution on both sides leaves its entropy.
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert list_loss("mwed", -errors, errors).item() == pytest.approx(entropy)


# Training


@pytest.mark.parametrize("loss", ["mwer", "mwed"])
def test_learns_what_can_be_learned(tmp_path: Path, quick: RescorerOptions, loss: Any) -> None:
    lists = [*town_lists(), nbest("empty", "nothing was said")]
    summary = train(lists, replace(quick, loss=loss), tmp_path / "out")
    held = summary.validation
    assert held is not None
    assert (summary.lists, summary.trained_on, held.lists) == (97, 72, 24)
    assert held.words == 24 * 5
    assert held.first_best > held.errors == held.oracle == 0
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"config.json", "model.safetensors", "head.safetensors", "rescorer.json", "log.jsonl"} <= files
    assert ".training" not in files
    log = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    assert [row.get("epoch") for row in log] == [1, 2, 3, 4, None]
    assert log[-1]["summary"]["best_epoch"] == summary.best_epoch


def test_the_seed_decides_everything(tmp_path: Path, quick: RescorerOptions) -> None:
    lists, before = town_lists(24), torch.random.get_rng_state()
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(lists, replace(quick, epochs=1, seed=seed), tmp_path / name)
    assert same(tmp_path / "a", tmp_path / "b")
    assert not same(tmp_path / "a", tmp_path / "c")
    assert torch.equal(before, torch.random.get_rng_state())


class _KilledError(Exception):
    pass


def _kill(after: int) -> Any:
    def report(row: dict[str, Any]) -> None:
        if row["epoch"] == after:
            raise _KilledError

    return report


def test_goes_on_after_a_kill(tmp_path: Path, quick: RescorerOptions) -> None:
    lists = town_lists(24)
    whole = train(lists, quick, tmp_path / "whole")
    with pytest.raises(_KilledError):
        train(lists, quick, tmp_path / "out", report=_kill(2))
    assert not (tmp_path / "out" / "rescorer.json").exists()
    seen: list[int] = []
    resumed = train(lists, quick, tmp_path / "out", report=lambda row: seen.append(row["epoch"]))
    assert seen == [3, 4]
    assert same(tmp_path / "whole", tmp_path / "out")
    assert replace(resumed, seconds=0, folder="") == replace(whole, seconds=0, folder="")


def test_a_finished_training_is_not_repeated(tmp_path: Path, quick: RescorerOptions) -> None:
    lists = town_lists(24)
    first = train(lists, quick, tmp_path / "out")
    (tmp_path / "out" / ".training").mkdir()  # killed while it was removed
    assert train(lists, quick, tmp_path / "out", report=_kill(1)) == first
    assert not (tmp_path / "out" / ".training").exists()
    for other in (lists[:20], [replace(lists[0], reference="show fares"), *lists[1:]]):
        with pytest.raises(UsageError, match="with other data or options"):
            train(other, quick, tmp_path / "out")
    with pytest.raises(UsageError, match="with other data or options"):
        train(lists, replace(quick, seed=5), tmp_path / "out")
    (tmp_path / "out" / "log.jsonl").write_text("")
    with pytest.raises(UsageError, match="damaged"):
        train(lists, quick, tmp_path / "out")


def test_an_unfinished_training_of_something_else_stays(tmp_path: Path, quick: RescorerOptions) -> None:
    lists, state = town_lists(24), tmp_path / "out" / ".training" / "state.pt"
    with pytest.raises(_KilledError):
        train(lists, quick, tmp_path / "out", report=_kill(1))
    with pytest.raises(UsageError, match="unfinished training with other data or options"):
        train(lists, replace(quick, seed=5), tmp_path / "out")
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(UsageError, match=r"state\.pt is damaged"):
        train(lists, quick, tmp_path / "out")


def test_other_folders_are_left_alone(tmp_path: Path, quick: RescorerOptions) -> None:
    (tmp_path / "thesis.txt").write_text("do not touch")
    with pytest.raises(UsageError, match="is there already"):
        train(town_lists(8), quick, tmp_path)
    with pytest.raises(UsageError, match="is there already"):
        train(town_lists(8), quick, tmp_path / "thesis.txt")
    with pytest.raises(OutputError, match="cannot be written"):
        train(town_lists(8), quick, tmp_path / "thesis.txt" / "out")


def test_only_the_upper_layers_are_trained(tmp_path: Path, quick: RescorerOptions, llama_dir: Path) -> None:
    options = replace(quick, init="pretrained", layers=0, train_layers=1, pooling="auto", epochs=1)
    train(town_lists(24), options, tmp_path / "out")
    base = transformers.AutoModel.from_pretrained(llama_dir).state_dict()
    changed = {
        name for name, value in weights(tmp_path / "out").items() if name in base and not value.equal(base[name])
    }
    assert {name.split(".")[1] for name in changed if name.startswith("layers.")} == {"1"}
    assert "embed_tokens.weight" not in changed
    assert json.loads((tmp_path / "out" / "rescorer.json").read_text())["pooling"] == "last"


def test_the_first_layers_of_a_model(tmp_path: Path, quick: RescorerOptions, llama_dir: Path) -> None:
    options = replace(quick, init="pretrained", layers=1, epochs=1, train_embeddings=True, precision="bfloat16")
    train(town_lists(24), options, tmp_path / "out")
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["num_hidden_layers"] == 1
    base = transformers.AutoModel.from_pretrained(llama_dir).state_dict()
    made = weights(tmp_path / "out")
    assert not any("layers.1." in name for name in made)
    assert not made["embed_tokens.weight"].equal(base["embed_tokens.weight"])
    assert made["embed_tokens.weight"].dtype == torch.float32
    with pytest.raises(UsageError, match="layers is 3"):
        train(town_lists(24), replace(options, layers=3), tmp_path / "more")


def test_masked_models_are_read_by_their_class_token(tmp_path: Path, quick: RescorerOptions, bert_dir: Path) -> None:
    options = replace(quick, model=str(bert_dir), init="pretrained", pooling="auto", layers=0, epochs=1)
    train(town_lists(24), options, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "rescorer.json").read_text())["pooling"] == "first"


def test_a_teacher_is_imitated(tmp_path: Path, quick: RescorerOptions, llama_dir: Path) -> None:
    """Almost only the teacher counts: differences of scores within a list become the teacher's."""
    from llm_backends.rescorer import RescorerLM
    from llm_backends.transformers import TransformersLM

    lists = town_lists(16)
    options = replace(
        quick, distill=f"transformers:{llama_dir}", distill_weight=100.0, epochs=40, pooling="sum", validation=0.0
    )
    assert train(lists, options, tmp_path / "out").trained_on == 16
    requests = [ScoreRequest(tuple(h.text for h in one.hypotheses)) for one in lists]
    student = RescorerLM(LmOptions(model=str(tmp_path / "out"), device="cpu")).score(requests)
    teacher = TransformersLM(LmOptions(model=str(llama_dir), device="cpu", compute_type="float32")).score(requests)
    gaps = [(s[2] - s[0], t[2] - t[0]) for s, t in zip(student, teacher, strict=True)]
    assert min(abs(told) for _, told in gaps) > 5
    assert max(abs(own - told) / abs(told) for own, told in gaps) < 0.3


def test_a_teacher_tells_lists_of_the_same_id_apart(tmp_path: Path, quick: RescorerOptions, llama_dir: Path) -> None:
    lists = [replace(one, hypotheses=one.hypotheses[: 2 + i % 2]) for i, one in enumerate(town_lists(8))]
    options = replace(quick, distill=f"transformers:{llama_dir}", epochs=1, validation=0.0)
    train(lists, options, tmp_path / "apart")
    train([replace(one, id="u") for one in lists], options, tmp_path / "same")
    assert same(tmp_path / "apart", tmp_path / "same")


def test_without_validation_the_last_epoch_is_kept(tmp_path: Path, quick: RescorerOptions) -> None:
    summary = train(town_lists(16), replace(quick, validation=0.0, epochs=2, patience=1), tmp_path / "out")
    assert (summary.validation, summary.epochs, summary.best_epoch) == (None, 2, 2)
    assert summary.to_json()["validation"] is None
    assert train(town_lists(16), replace(quick, validation=0.0, epochs=2, patience=1), tmp_path / "out") == summary


def test_patience_ends_a_training_that_learns_nothing(tmp_path: Path, quick: RescorerOptions) -> None:
    options = replace(quick, lr=1e-30, head_lr=1e-30, patience=2, epochs=9)
    assert train(town_lists(16), options, tmp_path / "out").epochs == 3


def test_nothing_to_learn(tmp_path: Path, quick: RescorerOptions) -> None:
    lists = [nbest(f"u{i}", f"yes {i}", "yes", "yes please") for i in range(4)]
    with pytest.raises(InputError, match="differ in word errors"):
        train(lists, replace(quick, validation=0.0), tmp_path / "out")
    with pytest.raises(InputError, match="differ in word errors"):
        train([], quick, tmp_path / "empty")


def test_texts_beyond_the_context(tmp_path: Path, quick: RescorerOptions) -> None:
    lists = [*town_lists(8), nbest("long", "fares", "fares " * 200, "fares")]
    options = replace(quick, init="pretrained", layers=0, validation=0.0)
    with pytest.raises(InputError, match="'long' has a hypothesis of"):
        train(lists, options, tmp_path / "out")


def test_positions_that_begin_after_the_padding(tmp_path: Path, quick: RescorerOptions) -> None:
    """RoBERTa has two positions less than its configuration says: of 64 the longest text gets 62."""
    from llm_backends.rescorer import RescorerLM

    folder = tmp_path / "roberta"
    tokenizer = _tokenizer(cls_token="<s>", sep_token="</s>", pad_token="</s>")
    tokenizer.save_pretrained(folder)
    config = transformers.RobertaConfig(
        vocab_size=512, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=64, pad_token_id=1,
    )  # fmt: skip
    transformers.RobertaForMaskedLM(config).save_pretrained(folder)
    options = replace(quick, model=str(folder), init="pretrained", layers=0, validation=0.0, epochs=1)
    fits, beyond = ("\x00" * n for n in (62, 63))
    assert [len(tokenizer(text).input_ids) for text in (fits, beyond)] == [62, 63]
    with pytest.raises(InputError, match=r"'long' has a hypothesis of 63 tokens\. .* reads 62:"):
        train([nbest("long", "x", "x", beyond)], options, tmp_path / "none")
    train([*town_lists(8), nbest("fits", "x", "x", fits)], options, tmp_path / "out")
    lm = RescorerLM(LmOptions(model=str(tmp_path / "out"), device="cpu"))
    assert math.isfinite(lm.score([ScoreRequest((fits,))])[0][0])
    with pytest.raises(ModelError, match="63 tokens do not fit in its context of 62"):
        lm.score([ScoreRequest((beyond,))])


def test_a_loss_that_explodes(tmp_path: Path, quick: RescorerOptions) -> None:
    with pytest.raises(ModelError, match=r"The loss is (nan|inf)"):
        train(town_lists(48), replace(quick, lr=1e30, head_lr=1e38, epochs=3), tmp_path / "out")


def test_models_with_a_decoder_of_their_own(tmp_path: Path, quick: RescorerOptions) -> None:
    folder = tmp_path / "t5"
    _tokenizer(eos_token="</s>").save_pretrained(folder)
    config = transformers.T5Config(vocab_size=512, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    transformers.T5ForConditionalGeneration(config).save_pretrained(folder)
    with pytest.raises(ModelError, match="an encoder and a decoder"):
        train(town_lists(8), replace(quick, model=str(folder), init="pretrained", layers=0), tmp_path / "out")


def test_a_tokenizer_without_marks_and_a_width_without_heads(tmp_path: Path, quick: RescorerOptions) -> None:
    _tokenizer().save_pretrained(tmp_path / "bare")
    (tmp_path / "bare" / "config.json").write_text('{"model_type": "llama"}')
    (tmp_path / "bare" / "model.safetensors").touch()
    with pytest.raises(ModelError, match="no mark for the end of a text"):
        train(town_lists(8), replace(quick, model=str(tmp_path / "bare")), tmp_path / "out")
    with pytest.raises(ModelError, match="cannot be loaded"):
        train(town_lists(8), replace(quick, model=str(tmp_path / "bare"), init="pretrained"), tmp_path / "out2")
    with pytest.raises(UsageError, match="hidden is 100"):
        train(town_lists(8), replace(quick, hidden=100), tmp_path / "out3")


# The command


@pytest.fixture
def recipe(tmp_path: Path, quick: RescorerOptions) -> Path:
    write_records(tmp_path / "lists.jsonl", town_lists(24))
    wanted = RescorerRecipe((str(tmp_path / "lists.jsonl"),), str(tmp_path / "made"), replace(quick, epochs=2))
    (tmp_path / "recipe.toml").write_text(dump(wanted, "ger train rescorer"))
    return tmp_path / "recipe.toml"


def test_the_command(recipe: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["rescorer", str(recipe), "--set", "batch_lists=4"])
    assert result.exit_code == 0, result.output
    assert "trained on 18 lists" in result.stdout
    assert "Validation (6 lists, chose the epoch): WER " in result.stdout
    assert f"--lm {tmp_path / 'made'}" in result.stdout
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["Epoch 1", "Epoch 2"]
    kept = (tmp_path / "made" / "recipe.toml").read_text()
    assert kept.startswith(f"# ger train rescorer {recipe} --set=batch_lists=4\n")
    assert read_rescorer(tmp_path / "made" / "recipe.toml").options.batch_lists == 4
    again = CliRunner().invoke(app, ["rescorer", str(recipe), "--set", "batch_lists=4", "--json"])
    assert (again.exit_code, again.stderr) == (0, "")
    summary = json.loads(again.stdout)
    assert set(summary) == set(Summary.__dataclass_fields__)
    assert summary["validation"]["words"] == 30


def test_the_command_without_validation(recipe: Path) -> None:
    result = CliRunner().invoke(app, ["rescorer", str(recipe), "--set", "validation=0", "--set", "epochs=1"])
    assert result.exit_code == 0, result.output
    assert "Validation" not in result.stdout
    assert result.stderr.startswith("Epoch 1: loss ")


def test_lists_of_several_files_keep_ids_of_their_own(recipe: Path, tmp_path: Path) -> None:
    """Two files of the same ids, of which the second has a list without reference: it is named with its file."""
    write_records(tmp_path / "more.jsonl", [replace(one, reference=None) for one in town_lists(2)])
    files = json.dumps([str(tmp_path / "lists.jsonl"), str(tmp_path / "more.jsonl")])
    result = CliRunner().invoke(app, ["rescorer", str(recipe), "--set", f"lists={files}"])
    assert result.exit_code == 1
    assert "List 'more.jsonl:u0' has no reference" in result.stderr


def test_wrong_calls_of_the_command(recipe: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["rescorer", str(recipe), "--set", "epoch=1"])
    assert result.exit_code == 2
    assert "recipe.toml: there is no key 'epoch'. Did you mean 'epochs'?" in result.stderr
    (tmp_path / "lists.jsonl").unlink()
    result = CliRunner().invoke(app, ["rescorer", str(recipe)])
    assert result.exit_code == 1
    assert "lists.jsonl cannot be read" in result.stderr
