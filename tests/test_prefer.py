"""Preference training: losses by hand calculation, candidates, and a tiny model that comes to prefer what is right."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from h2t_tools import TOWNS, nbest, rows_of, town_lists, write_model
from typer.testing import CliRunner

from ger import prompting
from ger.cli.train import app
from ger.errors import InputError, ModelError, OutputError, UsageError
from ger.io.jsonl import write_records
from ger.protocols import Answer
from ger.testing import ScriptedLM
from ger.train.candidates import choice, written
from ger.train.h2t import train
from ger.train.h2t_recipe import H2TOptions, H2TRecipe
from ger.train.head import AnswerHead
from ger.train.kept import Kept
from ger.train.lora import going_on
from ger.train.objective import Setting, Transcribe
from ger.train.pairs import Reader
from ger.train.prefer import Preference, Preferred, adapter_digest, dpo_loss, lesson_of
from ger.train.rescorer import list_loss
from ger.train.settings import dump, read
from ger.types import NBest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

# By peft itself, with this version of transformers.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")

EXAMPLE = Path(__file__).parents[1] / "examples" / "recipes" / "h2t-prefer.toml"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def quick(tiny: Path) -> H2TOptions:
    return H2TOptions(
        model=str(tiny), epochs=2, rank=4, lr=1e-2, validation=0.25, batch_lists=6, batch_tokens=600, device="cpu"
    )


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory, quick: H2TOptions) -> Path:
    """An adapter that has learned to write a little."""
    folder = tmp_path_factory.mktemp("adapter") / "sft"
    train(town_lists(), replace(quick, epochs=4), folder)
    return folder


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory, quick: H2TOptions) -> Path:
    """An adapter that has learned to write the two towns of a list in any order."""
    folder = tmp_path_factory.mktemp("torn") / "sft"
    lists = [replace(one, id=f"{one.id}{h.text}", reference=h.text) for one in order_lists() for h in one.hypotheses]
    train(lists, replace(quick, validation=0.0), folder)
    return folder


def order_lists() -> list[NBest]:
    """Lists with two towns, of which `aston` is the first; every second 1-best has them the other way round."""
    made = []
    for i, town in enumerate((*TOWNS[1:], *TOWNS[1:])):
        texts = (f"aston {town}", f"{town} aston")
        made.append(nbest(f"u{i}", texts[0], *(texts if i % 2 else reversed(texts))))
    return made


def loaded(folder: Path) -> tuple[Any, Any]:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval(), tokenizer


def reader(folder: Path, options: H2TOptions) -> Reader:
    return Reader(prompting.load("h2t"), *loaded(folder), "tiny", options)


def setting(options: H2TOptions, adapter: Path, lists: Sequence[NBest]) -> Setting:
    model, tokenizer = loaded(Path(options.model))
    made = Reader(prompting.load("h2t"), model, tokenizer, "tiny", options)
    whole = going_on(model, adapter, train=True)
    return Setting(options, lists, made, AnswerHead(model, half=False), whole)


# Losses


def test_dpo_by_hand() -> None:
    logp, before = torch.tensor([-1.0, -2.0, -3.0]), torch.tensor([-1.5, -2.0, -2.0])
    # Gains 0.5, 0, -1; the second is best: margins 0.2 (0 - 0.5) = -0.1 and 0.2 (0 + 1) = 0.2.
    by_hand = (math.log(1 + math.exp(0.1)) + math.log(1 + math.exp(-0.2))) / 2
    assert dpo_loss(logp, before, torch.tensor([2.0, 0.0, 1.0]), 0.2).item() == pytest.approx(by_hand, abs=1e-6)


def test_dpo_before_the_first_step() -> None:
    logp = torch.tensor([-7.0, -2.0, -3.0])
    assert dpo_loss(logp, logp, torch.tensor([0.0, 0.0, 1.0]), 0.1).item() == pytest.approx(math.log(2), abs=1e-6)


def test_expected_errors_by_hand() -> None:
    # P = 1/2, 1/4, 1/4; the mean of the errors is 1, so 1/2 (0 - 1) + 1/4 (1 - 1) + 1/4 (2 - 1).
    logp = torch.log(torch.tensor([0.2, 0.1, 0.1]))
    assert list_loss("mwer", logp, torch.tensor([0.0, 1.0, 2.0])).item() == pytest.approx(-0.25, abs=1e-6)


@pytest.mark.parametrize("kind", ["dpo", "mwer"])
def test_gradients_are_those_of_differences(kind: str) -> None:
    errors, before = torch.tensor([1.0, 0.0, 3.0], dtype=torch.float64), torch.tensor([-1.0, -2.5, -2.0]).double()
    start = torch.tensor([-1.2, -2.0, -2.2], dtype=torch.float64, requires_grad=True)

    def loss(logp: Any) -> Any:
        return dpo_loss(logp, before, errors, 0.3) if kind == "dpo" else list_loss("mwer", logp, errors)

    assert torch.autograd.gradcheck(loss, (start,))
    loss(start).backward()
    assert start.grad[1] < 0 < start.grad[2]  # descending raises the right one and lowers the worst


# Candidates


def test_candidates_are_different_answers_and_the_reference_is_first(tiny: Path, quick: H2TOptions) -> None:
    one = nbest("a", "fares aston birch", "fairs aston birch")
    made = choice(
        one, ["fairs aston birch", "Fares aston  birch", "fares aston birch", "", "fairs"], reader(tiny, quick)
    )
    assert made.errors == (0, 1, 1, 3, 3)
    assert made.pairs[0] == reader(tiny, quick).of(one)
    assert len({pair.answer for pair in made.pairs}) == 5
    assert {pair.prompt for pair in made.pairs} == {made.pairs[0].prompt}
    assert made.length == 5 * max(pair.length for pair in made.pairs)


def test_errors_go_through_the_normalizer(tiny: Path, quick: H2TOptions) -> None:
    made = choice(nbest("a", "Fares!", "fairs"), ["fares", "fairs"], reader(tiny, quick), "basic")
    assert made.errors == (0, 0, 1)


def test_an_interrupted_search_goes_on(tmp_path: Path, tiny: Path, quick: H2TOptions) -> None:
    lists = town_lists(70)
    asked: list[str] = []

    def answer(prompt: str) -> tuple[Answer, ...]:
        asked.append(prompt)
        if len(asked) == 66:
            raise KeyboardInterrupt
        return Answer("  fares aston\nand more"), Answer("cut off", finished=False)

    told: list[tuple[int, int]] = []
    lm = ScriptedLM(answer=answer)
    call = (lists, lambda: lm, reader(tiny, quick), 2, tmp_path / "kept.jsonl", "key", lambda *n: told.append(n))
    with pytest.raises(KeyboardInterrupt):
        written(*call)
    made = written(*call)
    assert told == [(64, 70), (70, 70)]
    assert [len(requests) for requests in lm.prompted] == [64, 6, 6]
    assert {request.beams for request in lm.prompted[0]} == {2}
    assert lm.prompted[0][0].prompt == prompting.load("h2t").render(lists[0])
    assert made == {one.id: ["fares aston"] for one in lists}
    assert written(lists, lambda: pytest.fail("loaded"), *call[2:]) == made


def test_kept_values(tmp_path: Path) -> None:
    file = tmp_path / "new" / "kept.jsonl"
    with Kept(file, "one") as kept:
        kept.add({"a": [1], "b": "\udcff ä"})
    with file.open("a") as stream:
        stream.write('["c", 3]\n["torn", ')
    with Kept(file, "one") as kept:
        assert kept.made == {"a": [1], "b": "\udcff ä", "c": 3}
        kept.add({"d": None})
    assert Kept(file, "one").made.keys() == {"a", "b", "c", "d"}
    with Kept(file, "two") as kept:
        assert kept.made == {}
    file.write_bytes(b"\xff\xfe")
    assert Kept(file, "one").made == {}
    with pytest.raises(OutputError, match="cannot be written"):
        Kept(tmp_path, "one")


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "kept.jsonl", "one")
    kept._path = Path("/dev/full")
    with kept, pytest.raises(OutputError, match=r"/dev/full cannot be written: No space left on device"):
        kept.add({"a": 1})
    assert kept.made == {}


# Training


def expected_errors(options: H2TOptions, adapter: Path, judged: Sequence[Any]) -> float:
    """Expected word errors of a list's candidates, with exact probabilities by plain peft and transformers."""
    model, _ = loaded(Path(options.model))
    model = peft.PeftModel.from_pretrained(model, adapter).eval()
    total = 0.0
    for item in judged:
        scores = []
        for pair in item.pairs:
            ids = torch.tensor([pair.prompt + pair.answer])
            with torch.inference_mode():
                logp = model(input_ids=ids).logits[0, len(pair.prompt) - 1 : -1].log_softmax(-1)
            scores.append(float(logp[torch.arange(len(pair.answer)), torch.tensor(pair.answer)].sum()))
        total += float(torch.tensor(scores).softmax(0) @ torch.tensor(item.errors, dtype=torch.float32))
    return total / len(judged)


@pytest.mark.parametrize("kind", ["mwer", "dpo"])
def test_expected_errors_fall(tmp_path: Path, quick: H2TOptions, torn: Path, kind: Any) -> None:
    lists = order_lists()
    lesson = Preference(torn, tmp_path / "kept.jsonl", kind, beta=0.5, candidates=0, listed=True)
    options = replace(quick, validation=0.0, epochs=8)
    summary = train(lists, options, tmp_path / "made", lesson=lesson)
    assert summary.epochs == 8
    judged = lesson.objective(setting(quick, torn, lists)).items(1)
    before, after = (expected_errors(quick, folder, judged) for folder in (torn, tmp_path / "made"))
    assert before > 0.3
    assert after < 0.7 * before
    losses = [row["epoch_loss"] for row in rows_of(tmp_path / "made") if "epoch_loss" in row]
    assert losses[-1] < losses[0]


def test_start_probabilities_are_those_of_plain_transformers(tmp_path: Path, quick: H2TOptions, adapter: Path) -> None:
    lists = town_lists(4)
    lesson = Preference(adapter, tmp_path / "kept.jsonl", "dpo", candidates=0, listed=True)
    made = lesson.objective(setting(quick, adapter, lists))
    assert not (tmp_path / "kept.jsonl").exists()
    model, _ = loaded(Path(quick.model))
    model = peft.PeftModel.from_pretrained(model, adapter).eval()
    (item, *_) = made.items(1)
    pair = item.pairs[1]
    with torch.inference_mode():
        logp = model(input_ids=torch.tensor([pair.prompt + pair.answer])).logits[0].log_softmax(-1)
    places = range(len(pair.prompt) - 1, pair.length - 1)
    by_hand = sum(float(logp[i, token]) for i, token in zip(places, pair.answer, strict=True))
    assert item.before[1] == pytest.approx(by_hand, abs=1e-3)
    # Before the first step every margin is 0.
    assert made.loss(made.items(1)).item() == pytest.approx(len(made.items(1)) * math.log(2), abs=1e-3)
    assert made.weight(made.items(1)) == len(made.items(1))


def test_cross_entropy_of_the_reference_beside_it(tmp_path: Path, quick: H2TOptions, adapter: Path) -> None:
    lists = [*town_lists(3), nbest("right", "fares aston", "fares aston")]
    own = setting(quick, adapter, lists)
    plain = Preference(adapter, tmp_path / "kept.jsonl", "mwer", candidates=0, listed=True)
    both = replace(plain, sft_weight=0.5)
    bare, whole = plain.objective(own), both.objective(own)
    assert isinstance(whole, Preferred)
    assert (len(bare.items(1)), len(whole.items(1))) == (3, 4)
    with torch.inference_mode():
        part = whole.items(1)
        logp = own.head.logp([item.pairs[0] for item in part])
        by_hand = -0.5 * sum(float(x) / len(item.pairs[0].answer) for x, item in zip(logp, part, strict=True))
        assert whole.loss(part).item() == pytest.approx(bare.loss(bare.items(1)).item() + by_hand, abs=1e-4)


def test_nothing_to_prefer(tmp_path: Path, quick: H2TOptions, adapter: Path) -> None:
    lesson = Preference(adapter, tmp_path / "kept.jsonl", candidates=0, listed=True)
    lists = [nbest(str(i), f"fares {i}", f"fares {i}") for i in range(4)]
    with pytest.raises(InputError, match="nothing to prefer"):
        train(lists, replace(quick, validation=0.0), tmp_path / "made", lesson=lesson)


def test_a_killed_training_ends_in_the_same_weights(tmp_path: Path, quick: H2TOptions, adapter: Path) -> None:
    from safetensors.torch import load_file

    options = replace(quick, save_steps=1, validation=0.0)

    def run(name: str, report: Any = None) -> dict[str, Any]:
        lesson = Preference(adapter, tmp_path / name / ".training" / "candidates.jsonl", "dpo", candidates=2)
        train(town_lists(), options, tmp_path / name, lesson=lesson, report=report)
        return load_file(tmp_path / name / "adapter_model.safetensors")

    def killed(row: dict[str, Any]) -> None:
        if row.get("step") == 4:
            raise KeyboardInterrupt

    whole = run("whole")
    with pytest.raises(KeyboardInterrupt):
        run("torn", killed)
    assert (tmp_path / "torn" / ".training" / "candidates.jsonl").exists()
    torn = run("torn")
    assert all(torch.equal(whole[name], torn[name]) for name in whole)
    assert not (tmp_path / "torn" / ".training").exists()


# Recipes


def test_the_example_shows_its_keys() -> None:
    recipe = read(EXAMPLE, H2TRecipe)
    assert (recipe.objective, recipe.start) == ("mwer", "my-adapter")
    assert EXAMPLE.read_text().startswith("# ger train h2t examples/recipes/h2t-prefer.toml")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"objective": "dpo"}, "needs start"),
        ({"objective": "ppo"}, "objective is 'ppo'"),
        ({"objective": "dpo", "start": "a", "candidates": 0}, "no candidates"),
        ({"objective": "dpo", "start": "a", "beta": 0.0}, "beta is 0"),
        ({"objective": "dpo", "start": "a", "candidates": -1}, "candidates is -1"),
        ({"objective": "mwer", "start": "a", "sft_weight": -0.1}, "sft_weight is -0.1"),
        ({"objective": "mwer", "start": "a", "options": H2TOptions(drop_hypotheses=0.1)}, "same list"),
    ],
)
def test_recipes_that_do_not_fit(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        H2TRecipe(lists=("a",), output="b", **settings)


def test_lessons_of_recipes(tmp_path: Path, adapter: Path) -> None:
    assert lesson_of(H2TRecipe(("a",), output="b")) == Transcribe()
    on = lesson_of(H2TRecipe(("a",), output="b", start=str(adapter)))
    assert on == Transcribe(adapter_digest(adapter), adapter)
    made = lesson_of(H2TRecipe(("a",), output="b", start=str(adapter), objective="mwer", candidates=2))
    assert made == Preference(adapter, Path("b/.training/candidates.jsonl"), "mwer", candidates=2)
    assert made.key != replace(made, beta=0.2).key  # type: ignore[type-var]
    with pytest.raises(ModelError, match=r"holds no adapter: adapter_config\.json cannot be read"):
        lesson_of(H2TRecipe(("a",), output="b", start=str(tmp_path)))


def test_the_command(tmp_path: Path, adapter: Path, quick: H2TOptions) -> None:
    write_records(tmp_path / "lists.jsonl", town_lists(12))
    recipe = H2TRecipe(
        (f"towns={tmp_path / 'lists.jsonl'}",),
        output=str(tmp_path / "made"),
        start=str(adapter),
        objective="dpo",
        candidates=2,
        options=replace(quick, model="", epochs=1),
    )
    (tmp_path / "recipe.toml").write_text(dump(recipe, "ger train h2t recipe.toml"))
    done = CliRunner().invoke(app, ["h2t", str(tmp_path / "recipe.toml"), "--json"])
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["epochs"] == 1
    assert "Candidates of 9 of 9 lists" in done.stderr


# Tasks


def test_task_tags_reach_the_prompt(tmp_path: Path, tiny: Path, quick: H2TOptions) -> None:
    """From `lists = ["asr=…", "ocr=…"]` and `tags = true` to what the model is trained on and asked."""
    from ger.cli.train import _tagged

    write_records(tmp_path / "a.jsonl", town_lists(2))
    write_records(tmp_path / "b.jsonl", town_lists(2))
    found = [one for own in _tagged([f"asr={tmp_path}/a.jsonl", f"ocr={tmp_path}/b.jsonl"]).values() for one in own]
    assert len({one.id for one in found}) == 4
    made = reader(tiny, replace(quick, tags=True))
    plain = reader(tiny, quick)
    decode = loaded(tiny)[1].decode
    prompts = [str(made.request(one, 1).prompt) for one in found]
    assert [prompt.split("\n")[0] for prompt in prompts] == ["Task: asr", "Task: asr", "Task: ocr", "Task: ocr"]
    assert [decode(made.of(one).prompt) for one in found] == prompts
    assert prompts[0] == f"Task: asr\n{plain.request(found[0], 1).prompt}"
    assert prompts[0] == prompting.load("h2t").render(found[0], task="asr")
