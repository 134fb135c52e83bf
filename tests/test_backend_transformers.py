"""The transformers backend against transformers itself, one text at a time, on a tiny random Llama and on SmolLM2."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ger.errors import MemoryLimitError, ModelError, UsageError
from ger.protocols import GenerateRequest, LanguageModel, LmOptions, ScoreRequest
from llm_backends.transformers import TransformersLM

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

TEXTS = (
    "The council voted to raise the toll.",
    "the council voted to raise the toll",
    "",
    "Yes.",
    "Yes.",
    "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich 🙂.",
    "word " * 60,
)


def written(lm: LanguageModel, prompts: Sequence[str], max_tokens: int) -> list[str]:
    """The best answers to prompts."""
    return [answers[0].text for answers in lm.generate([GenerateRequest(p, max_tokens) for p in prompts])]


@pytest.fixture(scope="module")
def tiny_dir(smollm2_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama with random weights, two layers and a context of 128, and SmolLM2's tokenizer."""
    folder = tmp_path_factory.mktemp("tiny")
    for file in smollm2_dir.iterdir():
        if file.suffix in (".json", ".txt", ".jinja") and file.name != "config.json":
            shutil.copy(file, folder)
    config = transformers.AutoConfig.from_pretrained(smollm2_dir)
    config.hidden_size, config.intermediate_size, config.num_hidden_layers = 48, 64, 2
    config.num_attention_heads, config.num_key_value_heads, config.head_dim = 4, 2, 12
    config.max_position_embeddings, config.layer_types = 128, None
    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM(config).float()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)  # so that answers are not all alike
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def loaded(tiny_dir: Path) -> TransformersLM:
    return TransformersLM(LmOptions(model=str(tiny_dir), device="cpu", compute_type="float32"))


@pytest.fixture
def tiny(loaded: TransformersLM) -> TransformersLM:
    """A backend of the test's own, whose budget it may spoil; the weights are shared."""
    assert loaded._packed is not None
    return copy.copy(loaded)


class Reference:
    """What the backend should say, computed the plain way."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def score(self, text: str, prefix: str = "") -> float:
        """The tokens that do not end within the prefix, and the end of text."""
        bos, eos = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        ids = [bos, *self.tokenizer(prefix + text, add_special_tokens=False).input_ids, eos]
        given = 1
        while prefix and given < len(ids) - 1 and len(self.tokenizer.decode(ids[1 : given + 1])) <= len(prefix):
            given += 1
        with torch.no_grad():
            logp = torch.log_softmax(self.model(torch.tensor([ids])).logits[0].double(), dim=-1)
        return sum(float(logp[i - 1, ids[i]]) for i in range(given, len(ids)))

    def greedy(self, prompt: str, max_tokens: int) -> str:
        """Token by token, without a cache."""
        ids = self.tokenizer(prompt, add_special_tokens=False).input_ids
        start = len(ids)
        for _ in range(max_tokens):
            with torch.no_grad():
                best = int(self.model(torch.tensor([ids])).logits[0, -1].argmax())
            ids.append(best)
            if best == self.tokenizer.eos_token_id:
                break
        return str(self.tokenizer.decode(ids[start:], skip_special_tokens=True))


@pytest.fixture(scope="module")
def reference(tiny_dir: Path) -> Reference:
    return Reference(tiny_dir)


def test_is_a_language_model(tiny: TransformersLM, tiny_dir: Path) -> None:
    assert isinstance(tiny, LanguageModel)
    assert tiny.signature.startswith("transformers:")
    assert tiny.signature.endswith(",float32")


def test_scores_are_those_of_one_text_at_a_time(tiny: TransformersLM, reference: Reference) -> None:
    (scores,) = tiny.score([ScoreRequest(TEXTS)])
    assert scores == pytest.approx([reference.score(text) for text in TEXTS], abs=1e-3)
    assert scores[3] == scores[4]
    assert len(set(scores)) == len(TEXTS) - 1


def test_order_over_several_requests(tiny: TransformersLM, reference: Reference) -> None:
    requests = [ScoreRequest(TEXTS[3:]), ScoreRequest(()), ScoreRequest(TEXTS[:3])]
    scores = tiny.score(requests)
    assert [len(row) for row in scores] == [4, 0, 3]
    for request, row in zip(requests, scores, strict=True):
        assert row == pytest.approx([reference.score(text) for text in request.continuations], abs=1e-3)
    assert tiny.score([]) == []


@pytest.mark.parametrize("prefix", ["The weather: ", "The weather:", "Two transl", "übergroß"])
def test_prefixes_are_not_scored(tiny: TransformersLM, reference: Reference, prefix: str) -> None:
    """Without a space in between, a token can begin in the prefix and end in the text."""
    texts = ("rain", "ations of it", " and snow", "")
    (scores,) = tiny.score([ScoreRequest(texts, prefix)])
    assert scores == pytest.approx([reference.score(text, prefix) for text in texts], abs=1e-3)


def test_a_border_inside_a_token_is_really_met(reference: Reference) -> None:
    tokenizer = reference.tokenizer
    whole = tokenizer("Two transl" + "ations of it", add_special_tokens=False).input_ids
    assert whole[: len(tokenizer("Two transl").input_ids)] != tokenizer("Two transl").input_ids


class Counted:
    """A record of the shapes that a model was given, and a memory that holds so many tokens."""

    def __init__(
        self, model: Any, room: float = float("inf"), error: Callable[[], BaseException] | None = None
    ) -> None:
        self._room, self._error = room, error
        self.shapes: list[tuple[int, int]] = []
        self.refused: list[tuple[int, int]] = []
        self.hook = model.base_model.register_forward_pre_hook(self._admit, with_kwargs=True)

    def _admit(self, _module: Any, _args: Any, kwargs: dict[str, Any]) -> None:
        rows, longest = kwargs["input_ids"].shape
        if rows * longest > self._room:
            self.refused.append((rows, longest))
            raise self._error() if self._error else torch.OutOfMemoryError("CUDA out of memory.")
        self.shapes.append((rows, longest))


Counting = Callable[..., Counted]


@pytest.fixture
def counted(loaded: TransformersLM) -> Iterator[Counting]:
    """Puts a record on the shared model, for one test."""
    made: list[Counted] = []

    def count(*limits: Any) -> Counted:
        assert loaded._packed is not None  # the self-check is over
        made.append(Counted(loaded._model, *limits))
        return made[-1]

    yield count
    for record in made:
        record.hook.remove()


@pytest.mark.parametrize("budget", [1, 40, 100, 100_000])
@pytest.mark.parametrize("packed", [True, False])
def test_token_budget(tiny: TransformersLM, reference: Reference, counted: Counting, budget: int, packed: bool) -> None:
    model = counted()
    tiny._budget = budget
    tiny._packed = tiny._packed if packed else None
    (scores,) = tiny.score([ScoreRequest(TEXTS)])
    assert scores == pytest.approx([reference.score(text) for text in TEXTS], abs=1e-3)
    assert all(rows * longest <= budget or rows == 1 for rows, longest in model.shapes)
    if budget == 100_000:
        assert len(model.shapes) == 1


def test_the_budget_is_an_option(tiny_dir: Path) -> None:
    lm = TransformersLM(LmOptions(model=str(tiny_dir), device="cpu", compute_type="float32", batch_tokens=70))
    assert lm._packed is not None
    model = Counted(lm._model)
    lm.score([ScoreRequest(TEXTS)])
    assert model.shapes
    assert all(rows * longest <= 70 for rows, longest in model.shapes)


def _allocator() -> BaseException:
    return RuntimeError("[enforce fail at alloc_cpu.cpp:125] DefaultCPUAllocator: can't allocate memory: you tried…")


@pytest.mark.parametrize("error", [None, MemoryError, _allocator])
@pytest.mark.parametrize("packed", [True, False])
def test_lack_of_memory_makes_batches_smaller_for_good(
    tiny: TransformersLM,
    reference: Reference,
    counted: Counting,
    error: Callable[[], BaseException] | None,
    packed: bool,
) -> None:
    texts = tuple(f"number {n} of {'many ' * (n % 3)}" for n in range(12))
    model = counted(40, error)
    tiny._packed = tiny._packed if packed else None
    (scores,) = tiny.score([ScoreRequest(texts)])
    assert scores == pytest.approx([reference.score(text) for text in texts], abs=1e-3)
    assert model.refused
    model.refused.clear()
    tiny.score([ScoreRequest(texts)])
    assert model.refused == []


def test_packs_after_a_lack_of_memory_are_smaller_within_the_same_call(
    tiny: TransformersLM, reference: Reference, counted: Counting
) -> None:
    """Each budget but the last, 100, 50, 25 …, fails once, however many packs of it there would have been."""
    texts = tuple(f"{n} {'more ' * 9}" for n in range(40))
    model = counted(30)
    tiny._budget = 100
    (scores,) = tiny.score([ScoreRequest(texts)])
    assert scores == pytest.approx([reference.score(text) for text in texts], abs=1e-3)
    assert len(model.refused) == 2


def test_lack_of_memory_while_writing(tiny: TransformersLM, counted: Counting) -> None:
    prompts = ["one", "two words", "three more words", "four"]
    expected = written(tiny, prompts, 5)
    model = counted(2 * 3)
    assert written(tiny, prompts, 5) == expected
    assert model.refused[0] == (1, 7)  # all prompts in one row
    model.refused.clear()
    assert written(tiny, prompts, 5) == expected
    assert model.refused == []


@pytest.mark.parametrize("packed", [True, False])
def test_one_item_too_big(tiny: TransformersLM, counted: Counting, packed: bool) -> None:
    counted(2)
    tiny._packed = tiny._packed if packed else None
    with pytest.raises(MemoryLimitError, match=r"\d+ tokens: not enough memory"):
        tiny.score([ScoreRequest(TEXTS)])


@pytest.mark.parametrize("said", ["the kernel failed", "CUDA error: an illegal memory access was encountered"])
def test_other_failures(tiny: TransformersLM, counted: Counting, said: str) -> None:
    counted(0, lambda: RuntimeError(said))
    with pytest.raises(ModelError, match=f"the language model failed: {said}") as caught:
        tiny.score([ScoreRequest(TEXTS)])
    assert not isinstance(caught.value, MemoryLimitError)


def test_half_surrogates_are_read_as_replacement_characters(tiny: TransformersLM) -> None:
    ((broken, replaced),) = tiny.score([ScoreRequest(("a \ud83d b", "a \ufffd b"))])
    assert broken == replaced


def test_longer_than_the_context(tiny: TransformersLM) -> None:
    with pytest.raises(ModelError, match=r"\d+ tokens do not fit in its context of 128: 'endless"):
        tiny.score([ScoreRequest(("short", "endless " * 130))])
    with pytest.raises(ModelError, match="do not fit in its context of 128: 'prompt'"):
        written(tiny, ["prompt"], 128)


PROMPTS = ["The", "Three blind mice ran after the farmer's wife", "Once upon a time", "The"]


def test_generation_is_greedy(tiny: TransformersLM, reference: Reference) -> None:
    for prompt in PROMPTS:
        assert written(tiny, [prompt], 8) == [reference.greedy(prompt, 8)]


def test_padding_changes_no_answer(tiny: TransformersLM, reference: Reference) -> None:
    answers = written(tiny, PROMPTS, 8)
    assert answers == [reference.greedy(prompt, 8) for prompt in PROMPTS]
    assert len(set(answers)) == 3
    assert tiny.generate([]) == []


@pytest.mark.parametrize("dtype", ["auto", "float32", "bfloat16"])
def test_precision(tiny_dir: Path, dtype: str) -> None:
    lm = TransformersLM(LmOptions(model=str(tiny_dir), compute_type=dtype, threads=torch.get_num_threads()))
    chosen = lm.signature.rpartition(",")[2]
    assert chosen in (("float32", "bfloat16") if dtype == "auto" else (dtype,))
    ((score,),) = lm.score([ScoreRequest(("A text.",))])
    assert score < 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"device": "tpu"}, "'tpu' is not known"),
        ({"compute_type": "bfloat"}, "Did you mean 'bfloat16'"),
        ({"compute_type": "int8"}, "precision 'int8' is not known"),
    ],
)
def test_wrong_options(tiny_dir: Path, options: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        TransformersLM(LmOptions(model=str(tiny_dir), **options))


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is there")
def test_no_cuda(tiny_dir: Path) -> None:
    with pytest.raises(UsageError, match="No CUDA device"):
        TransformersLM(LmOptions(model=str(tiny_dir), device="cuda"))


def test_a_broken_model(tiny_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(tiny_dir, folder)
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(ModelError, match="cannot be loaded"):
        TransformersLM(LmOptions(model=str(folder)))


@pytest.mark.slow
def test_smollm2(smollm2: TransformersLM, smollm2_dir: Path) -> None:
    plain = Reference(smollm2_dir)
    texts = (
        "The council voted to raise the toll on the bridge.",
        "The counsel voted to raise the tall on the bridge.",
        "Yes.",
        "",
    )
    (scores,) = smollm2.score([ScoreRequest(texts)])
    assert scores == pytest.approx([plain.score(text) for text in texts], abs=1e-3)
    assert scores[0] > scores[1] + 3
    prompt = "The capital of France is"
    long = "One, two, three, four, five, six, seven, eight, nine,"
    assert written(smollm2, [prompt, long], 4) == [plain.greedy(prompt, 4), plain.greedy(long, 4)]
    assert "Paris" in written(smollm2, [prompt], 4)[0]
