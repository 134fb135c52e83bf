"""Training of hypotheses-to-transcription adapters: what is read, what is learned and what is left behind."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from h2t_tools import CHATML, nbest, rows_of, town_lists, write_model

from ger import prompting
from ger.errors import DependencyError, InputError, MemoryLimitError, ModelError, OutputError, UsageError
from ger.train.adapter import Reading, base_of, hub_name
from ger.train.h2t import train
from ger.train.h2t_recipe import H2TOptions
from ger.train.head import AnswerHead
from ger.train.judge import ErrorJudge
from ger.train.objective import Setting, Supervised, Transcribe
from ger.train.pairs import Pair, Reader, batches, parts, varied
from ger.train.run import Run

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def chatty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("chatty"), template=CHATML)


@pytest.fixture
def quick(tiny: Path) -> H2TOptions:
    """Two epochs of three steps, in a second."""
    return H2TOptions(
        model=str(tiny), epochs=2, rank=4, lr=1e-2, validation=0.25, batch_lists=6, batch_tokens=300, device="cpu"
    )


def loaded(folder: Path) -> tuple[Any, Any]:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval(), tokenizer


def reader(folder: Path, options: H2TOptions, prompt: prompting.Prompt | None = None) -> Reader:
    return Reader(prompt or prompting.load("h2t"), *loaded(folder), "tiny", options)


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(folder / "adapter_model.safetensors")


CHAT = prompting.parse(
    b"""
purpose = "Test"
source = "Test"
answer = "text"
[variables]
hypotheses = "Hypotheses."
[hypotheses]
line = "{text}\\n"
most = 5
[[turns]]
role = "system"
content = "Write what was said."
[[turns]]
role = "user"
content = "{hypotheses}"
""",
    "chat.toml",
)

# What is read


def test_a_pair_is_the_prompt_and_the_reference_with_the_end(tiny: Path, quick: H2TOptions) -> None:
    one = nbest("a", "fares to <|stop|> derby", "fairs  derby", "fairs derby", "fares </s> derby")
    pair = reader(tiny, quick).of(one)
    tokenizer = loaded(tiny)[1]
    assert tokenizer.decode(pair.prompt) == "fairs derby\nfares </s> derby\n=\n"
    assert tokenizer.decode(pair.answer) == "fares to <|stop|> derby</s>"
    assert {1, 3} & {*pair.prompt, *pair.answer[:-1]} == set()
    assert pair.length == len(pair.prompt) + len(pair.answer)


def test_a_conversation_is_the_templates_with_the_answer_as_its_turn(chatty: Path, quick: H2TOptions) -> None:
    one = nbest("a", "fares derby", "fairs derby")
    tokenizer = loaded(chatty)[1]
    turns = [{"role": "system", "content": "Write what was said."}, {"role": "user", "content": "fairs derby"}]
    whole = tokenizer.apply_chat_template(
        [*turns, {"role": "assistant", "content": "fares derby"}], tokenize=False
    ).removesuffix("\n")
    pair = reader(chatty, quick, CHAT).of(one)
    assert tokenizer.decode(pair.prompt + pair.answer) == whole
    assert tokenizer.decode(pair.answer) == "fares derby<|stop|>"
    assert pair.answer[-1] == 3


@pytest.mark.parametrize(
    ("template", "answer"),
    [
        ("{% for m in messages %}[{{ m.role }}] {{ m.content }} </s>{% endfor %}", " fares</s>"),
        ("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}", "fares</s>"),
        (
            "{% for m in messages %}{{ m.content | trim }}|{% endfor %}{% if add_generation_prompt %}!?{% endif %}",
            "fares</s>",
        ),
    ],
)
def test_templates_of_other_kinds(tmp_path: Path, quick: H2TOptions, template: str, answer: str) -> None:
    """A space before the answer, no end of a turn, an answer that does not stand where it was asked for."""
    if answer.startswith(" "):
        template = template.replace("{% endfor %}", "{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}")
    elif "role" in template:
        template += "{% if add_generation_prompt %}assistant: {% endif %}"
    folder = write_model(tmp_path, template=template)
    pair = reader(folder, quick, CHAT).of(nbest("a", "fares", "fairs"))
    assert loaded(folder)[1].decode(pair.answer) == answer


def test_without_a_template_the_answer_stands_behind_the_assistants_name(tiny: Path, quick: H2TOptions) -> None:
    pair = reader(tiny, quick, CHAT).of(nbest("a", "fares", "fairs"))
    said = loaded(tiny)[1].decode(pair.prompt + pair.answer)
    assert said == "System: Write what was said.\nUser: fairs\nAssistant: fares</s>"


def test_the_task_is_told_where_it_is_wanted(tiny: Path, quick: H2TOptions) -> None:
    one, tokenizer = nbest("a", "x", "y", meta={"task": "travel"}), loaded(tiny)[1]
    assert tokenizer.decode(reader(tiny, quick).of(one).prompt) == "y\n=\n"
    assert tokenizer.decode(reader(tiny, replace(quick, tags=True)).of(one).prompt) == "Task: travel\ny\n=\n"


def test_lists_beyond_the_context_are_named(tiny: Path, quick: H2TOptions, tmp_path: Path) -> None:
    long = nbest("long", "fares " * 30, "fares " * 100)
    with pytest.raises(InputError, match=r"List 'long' takes \d+ tokens, and the model reads 128"):
        train([*town_lists(8), long], quick, tmp_path / "a")
    with pytest.raises(InputError, match="List 'long' takes"):  # also where it is only to be corrected
        train(town_lists(8), quick, tmp_path / "b", held=[nbest("long", "x", "fares " * 60)])


def test_varied_lists_are_the_same_for_an_epoch_and_never_empty(quick: H2TOptions) -> None:
    one = nbest("a", "x", "a", "b", "c", "d", "e")
    assert varied(one, quick, 1) is one
    dropped = replace(quick, drop_hypotheses=0.5)
    kept = [[h.text for h in varied(one, dropped, epoch).hypotheses] for epoch in range(300)]
    assert all(texts == sorted(texts) for texts in kept)
    assert 2.2 < sum(map(len, kept)) / 300 < 2.8
    assert varied(one, replace(quick, drop_hypotheses=1.0), 1).hypotheses == one.hypotheses[:1]
    shuffled = replace(quick, shuffle_hypotheses=1.0)
    orders = {tuple(h.text for h in varied(one, shuffled, epoch).hypotheses) for epoch in range(20)}
    assert len(orders) > 10
    assert {frozenset(order) for order in orders} == {frozenset("abcde")}
    assert varied(one, shuffled, 3) == varied(one, shuffled, 3)


def test_batches_hold_every_item_once_and_items_of_like_length(quick: H2TOptions) -> None:
    data = [Pair(str(i), (0,) * (i * 7 % 50 + 1), (1,)) for i in range(100)]
    made = batches(data, 8, "1")
    assert sorted(int(pair.id) for batch in made for pair in batch) == [*range(100)]
    assert sorted(map(len, made)) == [4] + [8] * 12
    spread = sorted(max(p.length for p in batch) - min(p.length for p in batch) for batch in made)
    assert spread[-1] < 10
    assert made == batches(data, 8, "1") != batches(data, 8, "2")
    for batch in made:
        split = [*parts(batch, 100)]
        assert sorted(p.id for part in split for p in part) == sorted(p.id for p in batch)
        assert all(len(part) * max(p.length for p in part) <= 100 for part in split)
    assert [len(part) for part in parts(data[:3], 1)] == [1, 1, 1]


# What is learned


def test_the_head_on_answers_alone_says_the_same(tiny: Path, quick: H2TOptions) -> None:
    model, _ = loaded(tiny)
    pairs = [reader(tiny, quick).of(one) for one in (*town_lists(3), nbest("d", "x", "y", "z z z"))]
    head = AnswerHead(model, half=False)
    assert head._alone
    logp = head.logp(pairs)
    for pair, own in zip(pairs, logp, strict=True):
        ids = torch.tensor([pair.prompt + pair.answer])
        whole = torch.log_softmax(model(ids).logits[0], -1)
        alone = sum(whole[len(pair.prompt) - 1 + i, token] for i, token in enumerate(pair.answer))
        assert own.item() == pytest.approx(alone.item(), rel=1e-4)


def test_models_that_change_their_logits_run_as_a_whole() -> None:
    config = transformers.Gemma2Config(
        vocab_size=60, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=1,
        num_key_value_heads=1, head_dim=16, final_logit_softcapping=0.5,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.Gemma2ForCausalLM(config).eval()
    torch.nn.init.normal_(model.model.embed_tokens.weight, std=3.0)
    head = AnswerHead(model, half=False)
    assert not head._alone
    logits, labels = head.logits([Pair("a", (4, 5), (6, 7)), Pair("b", (4,), (9,))])
    assert labels.tolist() == [6, 7, 9]
    whole = model(torch.tensor([[4, 5, 6, 7]])).logits[0, 1:3]
    assert torch.allclose(logits[:2], whole, atol=1e-5)
    assert float(logits.detach().abs().max()) <= 0.5


def test_gradients_do_not_depend_on_how_a_batch_is_split(tiny: Path, quick: H2TOptions) -> None:
    from ger.train.lora import adapted

    found = []
    for budget in (10_000, 60, 1):
        model, _ = loaded(tiny)
        torch.manual_seed(3)
        whole = adapted(model, quick, "tiny")
        for name, value in whole.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(value, std=0.1)
        setting = Setting(quick, town_lists(7), reader(tiny, quick), AnswerHead(model, half=False), whole)
        objective = Transcribe().objective(setting)
        batch = objective.items(1)
        split = [*parts(batch, budget)]
        for part in split:
            (objective.loss(part) / objective.weight(batch)).backward()
        found.append((len(split), {n: p.grad for n, p in whole.named_parameters() if p.requires_grad}))
    (one, whole_grads), (some, split_grads), (each, single_grads) = found
    assert one == 1 < some < each == 7
    for name, gradient in whole_grads.items():
        assert gradient is not None
        assert torch.allclose(gradient, split_grads[name], atol=1e-6)
        assert torch.allclose(gradient, single_grads[name], atol=1e-6)


def test_what_a_training_leaves_behind(tmp_path: Path, quick: H2TOptions, tiny: Path) -> None:
    lists = [*town_lists(), nbest("silence", " ", "fares"), nbest("noise", "fares", "<UNK>", ""), nbest("none", "x")]
    summary = train(lists, quick, tmp_path / "out", recipe="# ger train h2t r.toml\nrank = 4\n", files={"a.jsonl": 27})
    held = summary.validation
    assert held is not None
    assert (summary.lists, summary.trained_on, summary.epochs, held.lists) == (27, 18, 2, 6)
    assert held.words == 6 * 4
    assert held.oracle == 6  # the number is in no hypothesis
    assert held.oracle <= held.first_best <= 12
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files - {"tensorboard"} == {
        "README.md", "adapter_config.json", "adapter_model.safetensors", "h2t.json", "log.jsonl", "recipe.toml",
    }  # fmt: skip
    rows = rows_of(tmp_path / "out")
    assert [row["step"] for row in rows if "step" in row] == [1, 2, 3, 4, 5, 6]
    assert {row["of"] for row in rows if "step" in row} == {6}
    losses = [row["epoch_loss"] for row in rows if "epoch_loss" in row]
    assert losses[1] < losses[0]
    assert rows[-1]["summary"]["best_epoch"] == summary.best_epoch
    config = json.loads((tmp_path / "out" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(tiny)
    assert config["target_modules"] == sorted(f"{n}_proj" for n in ("q", "k", "v", "o", "gate", "up", "down"))
    card = (tmp_path / "out" / "README.md").read_text()
    assert card.startswith(f'---\nbase_model: "{tiny}"\nlibrary_name: peft\n')
    assert "- `a.jsonl`: 27 lists\n- 18 of 27 lists were learned from, 6 to choose the epoch.\n" in card
    assert f"| this adapter | {held.errors} | {100 * held.errors / 24:.2f} |" in card
    assert "```toml\n# ger train h2t r.toml\nrank = 4\n```" in card
    reading = Reading.read(tmp_path / "out")
    assert (
        (reading.name, reading.nbest, reading.base)
        == ("h2t", 5, str(tiny))
        == ("h2t", 5, base_of(str(tmp_path / "out")))
    )
    assert reading.rendered().render(lists[0]) == "fares aston birch\nfairs aston birch\n=\n"


def test_the_log_is_read_by_tensorboard(tmp_path: Path, quick: H2TOptions) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train(town_lists(), quick, tmp_path / "out")
    log = events.EventAccumulator(str(tmp_path / "out" / "tensorboard")).Reload()
    shown = [(event.step, event.value) for event in log.Scalars("loss")]
    rows = [row for row in rows_of(tmp_path / "out") if "step" in row]
    assert [step for step, _ in shown] == [row["step"] for row in rows]
    assert [value for _, value in shown] == pytest.approx([row["loss"] for row in rows])
    assert [event.step for event in log.Scalars("validation_wer")] == [3, 6]


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # of peft 0.21 itself
def test_plain_peft_and_transformers_write_the_same(tmp_path: Path, quick: H2TOptions, tiny: Path) -> None:
    """Loaded without us and asked one at a time, the adapter makes as many errors as its training said."""
    lists, held = town_lists(), town_lists(40)[30:]
    summary = train(lists, replace(quick, epochs=3), tmp_path / "out", held=held)
    base, tokenizer = loaded(tiny)
    model = peft.PeftModel.from_pretrained(base, str(tmp_path / "out"))
    texts = []
    for one in held:
        prompt = "".join(f"{h.text}\n" for h in one.hypotheses) + "=\n"
        ids = tokenizer(prompt, return_tensors="pt").input_ids
        room = 16 + max(len(tokenizer(h.text).input_ids) for h in one.hypotheses) * 3 // 2
        made = model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=room, pad_token_id=1
        )
        texts.append(tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=True))
    first_lines = [next((" ".join(line.split()) for line in text.splitlines() if line.strip()), "") for text in texts]
    judge = ErrorJudge(held, lambda _: first_lines, "none")
    assert summary.validation == judge.validation(judge.measure()[judge.loss])
    assert len(set(first_lines)) > 1


def test_training_with_a_chat_template(tmp_path: Path, quick: H2TOptions, chatty: Path) -> None:
    prompt = tmp_path / "chat.toml"
    prompt.write_text(CHAT.content)
    options = replace(quick, model=str(chatty), prompt=str(prompt), nbest=1)
    train(town_lists(), options, tmp_path / "out")
    reading = Reading.read(tmp_path / "out")
    (_, user) = reading.rendered().render(town_lists()[0])
    assert user.text == "fares aston birch"


@dataclass(frozen=True)
class Again:
    """A lesson of another kind: goes on from an adapter, and counts what the loop asks of it."""

    start: Path | None
    key: str = "again"

    def objective(self, setting: Setting) -> Any:
        return _Halved(setting.head, _pairs(setting))


def _pairs(setting: Setting) -> Any:
    return lambda epoch: [setting.reader.of(one, epoch) for one in setting.lists]


class _Halved(Supervised):
    def loss(self, part: Sequence[Any]) -> Any:
        return super().loss(part) / 2


def test_other_lessons_go_on_from_an_adapter(tmp_path: Path, quick: H2TOptions) -> None:
    train(town_lists(), replace(quick, nbest=1), tmp_path / "first")
    lists = town_lists()
    still = replace(quick, lr=1e-30, epochs=1)
    train(lists, still, tmp_path / "second", lesson=Again(tmp_path / "first"))
    first, second = weights(tmp_path / "first"), weights(tmp_path / "second")
    assert all(torch.allclose(first[name], second[name]) for name in first)
    with pytest.raises(UsageError, match="other data or options"):
        train(lists, still, tmp_path / "second", lesson=Again(tmp_path / "first", "different"))
    train(lists, quick, tmp_path / "third", lesson=Again(None))
    train(lists, quick, tmp_path / "fourth")
    halved, own = rows_of(tmp_path / "third")[0]["loss"], rows_of(tmp_path / "fourth")[0]["loss"]
    assert halved == pytest.approx(own / 2)
    other = write_model(tmp_path / "other")
    config = json.loads((tmp_path / "first" / "adapter_config.json").read_text())
    (tmp_path / "first" / "adapter_config.json").write_text(json.dumps(config | {"target_modules": ["nothing"]}))
    with pytest.raises(ModelError, match="does not go on this model"):
        train(lists, replace(still, model=str(other)), tmp_path / "x", lesson=Again(tmp_path / "first"))


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
def test_rates_rise_and_fall(tmp_path: Path, quick: H2TOptions, schedule: Any) -> None:
    options = replace(quick, schedule=schedule, warm_up=0.5, validation=0.0, batch_lists=6, lr=1.0, clip=1e-9)
    train(town_lists(), replace(options, epochs=2), tmp_path / "out")
    rates = [row["lr"] for row in rows_of(tmp_path / "out") if "step" in row]
    falling = {"linear": [0.75, 0.5, 0.25], "cosine": [0.853553, 0.5, 0.146447], "constant": [1.0, 1.0, 1.0]}
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0, *falling[schedule]], abs=1e-6)


def test_validation_decides_and_patience_ends(tmp_path: Path, quick: H2TOptions) -> None:
    still = replace(quick, lr=1e-30, patience=2, epochs=9)
    assert train(town_lists(), still, tmp_path / "a").epochs == 3
    last = train(town_lists(), replace(quick, validation=0.0, patience=1), tmp_path / "b")
    assert (last.validation, last.epochs, last.best_epoch) == (None, 2, 2)
    assert "## Figures" not in (tmp_path / "b" / "README.md").read_text()
    few = train(town_lists(), replace(quick, max_lists=10, validation_lists=2, validation=0.5), tmp_path / "c")
    assert few.validation is not None
    assert (few.trained_on, few.validation.lists) == (5, 2)


def test_the_mean_of_the_last_weights(tmp_path: Path, quick: H2TOptions) -> None:
    """One epoch of two steps: the mean of both is between what they are alone."""
    options = replace(quick, epochs=1, batch_lists=8, schedule="constant", warm_up=0.0, validation=0.0)
    train(town_lists(16), options, tmp_path / "last")
    train(town_lists(16), replace(options, average=1.0), tmp_path / "mean")
    watch = Watch(None)
    train(town_lists(16), options, tmp_path / "watched", lesson=watch)
    first = watch.seen[1]  # what the second step began with: the weights after the first
    mean, last = weights(tmp_path / "mean"), weights(tmp_path / "last")
    assert len(watch.seen) == 2
    for name, value in mean.items():
        assert torch.allclose(value, (first[name.replace(".weight", ".default.weight")] + last[name]) / 2, atol=1e-6)


class Watch(Again):
    """Keeps the weights that each step begins with."""

    seen: ClassVar[list[dict[str, Any]]] = []

    def objective(self, setting: Setting) -> Any:
        class Watched(Supervised):
            def weight(self, batch: Sequence[Any]) -> float:
                named = setting.adapted.named_parameters()
                Watch.seen.append({name: value.detach().clone() for name, value in named if value.requires_grad})
                return super().weight(batch)

        return Watched(setting.head, _pairs(setting))


def test_checkpointing_dropout_and_bfloat16(tmp_path: Path, quick: H2TOptions) -> None:
    train(town_lists(), quick, tmp_path / "plain")
    train(town_lists(), replace(quick, checkpointing=True), tmp_path / "again")
    plain, again = weights(tmp_path / "plain"), weights(tmp_path / "again")
    assert all(torch.allclose(plain[name], again[name], atol=1e-5) for name in plain)
    train(town_lists(), replace(quick, lora_dropout=0.5), tmp_path / "dropout")
    train(town_lists(), replace(quick, precision="bfloat16", batch_lists=18), tmp_path / "half")
    half = weights(tmp_path / "half")
    assert {value.dtype for value in half.values()} == {torch.float32}
    for name, other in (("dropout", weights(tmp_path / "dropout")), ("half", half)):
        assert any(not torch.equal(plain[key], other[key]) for key in plain), name
    losses = [row["epoch_loss"] for row in rows_of(tmp_path / "half") if "epoch_loss" in row]
    assert losses[1] < losses[0] < 6.5


# What is refused


def test_lists_that_cannot_be_learned_from(tmp_path: Path, quick: H2TOptions) -> None:
    with pytest.raises(InputError, match="List 'odd' has no reference"):
        train([*town_lists(4), nbest("odd", None, "x")], quick, tmp_path / "out")
    with pytest.raises(InputError, match="List 'odd' has no reference"):
        train(town_lists(4), quick, tmp_path / "out", held=[nbest("odd", None, "x")])
    with pytest.raises(InputError, match="No list has hypotheses and a reference"):
        train([nbest("a", "", "x"), nbest("b", "x")], quick, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_options_that_do_not_fit(tmp_path: Path, quick: H2TOptions) -> None:
    with pytest.raises(UsageError, match=r"targets: the model has no layer 'q_porj'\. Did you mean 'q_proj'\?"):
        train(town_lists(4), replace(quick, targets=("v_proj", "q_porj")), tmp_path / "out")
    with pytest.raises(UsageError, match="four_bit needs a GPU"):
        train(town_lists(4), replace(quick, four_bit=True), tmp_path / "out")
    with pytest.raises(ModelError, match=r"The loss is (nan|inf) in step"):
        train(town_lists(), replace(quick, lr=1e30), tmp_path / "loss")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written: Not a directory"):
        train(town_lists(4), quick, tmp_path / "file" / "out")
    with pytest.raises(UsageError, match="is there already"):
        train(town_lists(4), quick, tmp_path)


def test_some_layers_alone(tmp_path: Path, quick: H2TOptions) -> None:
    train(town_lists(), replace(quick, targets=("v_proj", "layers.1.self_attn.q_proj")), tmp_path / "out")
    assert {name.split(".")[4] + name.split(".")[6] for name in weights(tmp_path / "out")} == {
        "0v_proj",
        "1v_proj",
        "1q_proj",
    }
    config = json.loads((tmp_path / "out" / "adapter_config.json").read_text())
    assert config["target_modules"] == ["layers.1.self_attn.q_proj", "v_proj"]


def test_four_bits_without_their_package(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    from ger.train.base import _check_four_bit

    if importlib.util.find_spec("bitsandbytes"):
        pytest.skip("bitsandbytes is installed")
    with pytest.raises(DependencyError, match=r"bitsandbytes is not installed. Run: pip install 'ger-asr\[four-bit\]'"):
        _check_four_bit("cuda")


class _Huge(Supervised):
    def loss(self, part: Sequence[Any]) -> Any:
        return torch.empty(2**50)


class Greedy(Again):
    def objective(self, setting: Setting) -> Any:
        return _Huge(setting.head, _pairs(setting))


def test_memory_that_does_not_suffice(tmp_path: Path, quick: H2TOptions) -> None:
    with pytest.raises(MemoryLimitError, match="Lower batch_tokens"):
        train(town_lists(), quick, tmp_path / "out", lesson=Greedy(None))


def test_models_that_cannot_compute_twice(tiny: Path) -> None:
    from ger.train.base import use_checkpoints

    model, _ = loaded(tiny)
    model.supports_gradient_checkpointing = False
    with pytest.raises(UsageError, match=r"tiny: LlamaForCausalLM does not support .* Leave out checkpointing"):
        use_checkpoints(model, "tiny")


def test_names_of_models() -> None:
    assert hub_name("smollm2-135m-instruct") == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert hub_name("org/model@main") == "org/model"
    assert hub_name("./folder@x") == "./folder@x"


def test_of_equally_good_epochs_the_last_is_kept() -> None:
    rows = [{"epoch": 1, "validation_errors": 3}, {"epoch": 2, "validation_errors": 2}]
    rows += [{"epoch": 3, "validation_errors": 4}, {"epoch": 4, "validation_errors": 2}]
    rows.append({"epoch": 5, "validation_errors": 9})
    judge = ErrorJudge(town_lists(1), lambda _: [], "none")
    assert Run.best_epoch.fget(SimpleNamespace(_judge=judge, epochs=rows)) == 4  # type: ignore[attr-defined]
