"""The rescorer backend against transformers itself, one text at a time, on tiny random models."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ger.errors import MemoryLimitError, ModelError, UsageError
from ger.lm import select
from ger.protocols import GenerateRequest, LanguageModel, LmOptions, ScoreRequest
from ger.train.recipe import RescorerOptions
from ger.train.scalar import Reading, start
from llm_backends.rescorer import RescorerLM

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

TEXTS = ("a short one", "A Short One", "", "yes", "yes", "Zwölf Boxkämpfer 🙂", "word " * 9)


def _tokenizer(**special: str) -> Any:
    """Bytes, and the marks that are asked for around a text."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    marks = ["<s>", "</s>"]
    vocabulary = {name: i for i, name in enumerate([*marks, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if "cls_token" in special:
        pairs = [("<s>", 0), ("</s>", 1)]
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=pairs)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)


def _made(folder: Path, pooling: Any) -> Path:
    """An untrained rescorer: a BERT for `first`, a Llama for the others."""
    size = {"vocab_size": 258, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    size |= {"num_attention_heads": 2, "max_position_embeddings": 64}
    base = folder / "base"
    torch.manual_seed(0)
    if pooling == "first":
        _tokenizer(cls_token="<s>", sep_token="</s>").save_pretrained(base)
        model = transformers.BertModel(transformers.BertConfig(**size))
    else:
        _tokenizer(eos_token="</s>").save_pretrained(base)
        model = transformers.LlamaModel(transformers.LlamaConfig(**size))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)  # so that scores are not all alike
    model.save_pretrained(base)
    scalar = start(RescorerOptions(pooling=pooling), base, "tiny")
    scalar.save(folder / "made")
    reading = Reading(scalar.pooling, form="lower", base="tiny@1")
    (folder / "made" / "rescorer.json").write_text(reading.dumps())
    return folder / "made"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {pooling: _made(tmp_path_factory.mktemp(pooling), pooling) for pooling in ("first", "last", "mean", "sum")}


@pytest.fixture(scope="module")
def loaded(folders: dict[str, Path]) -> RescorerLM:
    return RescorerLM(LmOptions(model=str(folders["last"]), device="cpu"))


@pytest.fixture
def tiny(loaded: RescorerLM) -> RescorerLM:
    """A backend of the test's own, whose budget it may spoil; the weights are shared."""
    return copy.copy(loaded)


@pytest.fixture
def spoiled(folders: dict[str, Path], tmp_path: Path) -> Path:
    """A rescorer that a test may damage."""
    return Path(shutil.copytree(folders["last"], tmp_path / "spoiled"))


def reference(folder: Path, pooling: str, text: str) -> float:
    """What the backend should say, computed the plain way."""
    from safetensors.torch import load_file

    body = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    ids = transformers.AutoTokenizer.from_pretrained(folder)(text, add_special_tokens=False).input_ids
    head = load_file(folder / "head.safetensors")
    ids = [0 if pooling == "first" else 1, *ids, 1]  # without a begin mark, a text begins where another has ended
    with torch.no_grad():
        states = body(torch.tensor([ids])).last_hidden_state[0].double()
    each = [float(state @ head["weight"][0].double() + head["bias"][0].double()) for state in states]
    return {"first": each[0], "last": each[-1], "mean": sum(each) / len(each), "sum": sum(each)}[pooling]


@pytest.mark.parametrize("pooling", ["first", "last", "mean", "sum"])
def test_scores_are_those_of_one_text_at_a_time(folders: dict[str, Path], pooling: str) -> None:
    lm = RescorerLM(LmOptions(model=str(folders[pooling]), device="cpu"))
    (scores,) = lm.score([ScoreRequest(TEXTS)])
    assert scores == pytest.approx([reference(folders[pooling], pooling, text) for text in TEXTS], abs=1e-4)
    assert scores[3] == scores[4]
    assert len(set(scores)) == len(TEXTS) - (2 if pooling == "first" and scores[0] == scores[1] else 1)


def test_is_a_language_model_that_reads_lower_case(tiny: RescorerLM, folders: dict[str, Path]) -> None:
    assert isinstance(tiny, LanguageModel)
    assert tiny.form == "lower"
    assert tiny.signature.startswith("rescorer:made@")
    assert tiny.signature.endswith(",float32,form=lower")
    other = RescorerLM(LmOptions(model=str(folders["sum"]), device="cpu", threads=torch.get_num_threads()))
    assert other.signature != tiny.signature
    assert select.parse(str(folders["sum"])).backend == "rescorer"


def test_order_over_several_requests(tiny: RescorerLM) -> None:
    (expected,) = tiny.score([ScoreRequest(TEXTS)])
    rows = tiny.score([ScoreRequest(TEXTS[3:]), ScoreRequest(()), ScoreRequest(TEXTS[:3])])
    assert rows == [pytest.approx(expected[3:], abs=1e-4), [], pytest.approx(expected[:3], abs=1e-4)]
    assert tiny.score([]) == []


def test_a_prefix_is_not_read(tiny: RescorerLM) -> None:
    assert tiny.score([ScoreRequest(TEXTS, "The weather: ")]) == tiny.score([ScoreRequest(TEXTS)])


def test_half_a_surrogate(tiny: RescorerLM) -> None:
    broken, replaced = tiny.score([ScoreRequest(("a \ud83d b", "a \ufffd b"))])[0]
    assert broken == replaced


def test_it_does_not_write(tiny: RescorerLM) -> None:
    with pytest.raises(ModelError, match="only scores"):
        tiny.generate([GenerateRequest("Once upon a time")])


def test_a_text_beyond_the_context(tiny: RescorerLM) -> None:
    with pytest.raises(ModelError, match="102 tokens do not fit in its context of 64: 'xxx"):
        tiny.score([ScoreRequest(("x" * 100,))])


def test_other_precisions(folders: dict[str, Path], tiny: RescorerLM) -> None:
    half = RescorerLM(LmOptions(model=str(folders["last"]), device="cpu", compute_type="bfloat16"))
    assert half.signature.endswith(",bfloat16,form=lower")
    (scores,), (exact,) = half.score([ScoreRequest(TEXTS)]), tiny.score([ScoreRequest(TEXTS)])
    assert scores == pytest.approx(exact, abs=0.1)
    assert scores != exact


class Counted:
    """The body, with a record of the shapes it was given, and a memory that holds so many tokens."""

    def __init__(self, body: Any, room: float, error: Callable[[], BaseException]) -> None:
        self._body, self._room, self._error = body, room, error
        self.shapes: list[tuple[int, int]] = []
        self.refused: list[tuple[int, int]] = []
        self.config, self.device, self.base_model = body.config, body.device, body

    def __call__(self, input_ids: Any, **rest: Any) -> Any:
        shape = tuple(input_ids.shape)
        if shape[0] * shape[1] > self._room:
            self.refused.append(shape)
            raise self._error()
        self.shapes.append(shape)
        return self._body(input_ids=input_ids, **rest)


def counted(lm: RescorerLM, room: float = float("inf"), error: Callable[[], BaseException] = MemoryError) -> Counted:
    from dataclasses import replace

    body = Counted(lm._model.body, room, error)
    lm._model = replace(lm._model, body=body)
    return body


@pytest.mark.parametrize("budget", [1, 60, 100_000])
def test_token_budget(folders: dict[str, Path], tiny: RescorerLM, budget: int) -> None:
    limited = RescorerLM(LmOptions(model=str(folders["last"]), device="cpu", batch_tokens=budget))
    body = counted(limited)
    (scores,) = limited.score([ScoreRequest(TEXTS)])
    assert scores == pytest.approx(tiny.score([ScoreRequest(TEXTS)])[0], abs=1e-4)
    assert all(rows * longest <= budget or rows == 1 for rows, longest in body.shapes)
    assert sum(rows for rows, _ in body.shapes) == len(set(TEXTS))
    if budget == 100_000:
        assert len(body.shapes) == 1


def _allocator() -> BaseException:
    return RuntimeError("[enforce fail at alloc_cpu.cpp:125] DefaultCPUAllocator: can't allocate memory: you tried…")


def _cuda() -> BaseException:
    return torch.OutOfMemoryError("CUDA out of memory.")


@pytest.mark.parametrize("error", [MemoryError, _allocator, _cuda])
def test_lack_of_memory_makes_batches_smaller_for_good(tiny: RescorerLM, error: Callable[[], BaseException]) -> None:
    (expected,) = tiny.score([ScoreRequest(TEXTS)])
    body = counted(tiny, 70, error)
    assert tiny.score([ScoreRequest(TEXTS)])[0] == pytest.approx(expected, abs=1e-4)
    assert body.refused
    body.refused.clear()
    tiny.score([ScoreRequest(TEXTS)])
    assert body.refused == []


def test_no_memory_for_one_text_and_other_failures(tiny: RescorerLM) -> None:
    counted(tiny, 4)
    with pytest.raises(MemoryLimitError, match="47 tokens: not enough memory"):
        tiny.score([ScoreRequest(TEXTS)])
    counted(tiny, 0, lambda: RuntimeError("the kernel is not there"))
    with pytest.raises(ModelError, match="failed: the kernel is not there"):
        tiny.score([ScoreRequest(TEXTS)])


def test_wrong_options(folders: dict[str, Path]) -> None:
    with pytest.raises(UsageError, match="No rescorer is named"):
        RescorerLM(LmOptions())
    with pytest.raises(UsageError, match="Did you mean 'bfloat16'"):
        RescorerLM(LmOptions(model=str(folders["last"]), compute_type="bfloat"))
    with pytest.raises(UsageError, match="device 'tpu' is not known"):
        RescorerLM(LmOptions(model=str(folders["last"]), device="tpu"))
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="No CUDA device"):
            RescorerLM(LmOptions(model=str(folders["last"]), device="cuda"))


@pytest.mark.parametrize("content", [None, "{", "[]", '{"schema": 1}', '{"schema": 1, "pooling": "last", "new": 1}'])
def test_not_a_rescorer(spoiled: Path, content: str | None) -> None:
    (spoiled / "rescorer.json").unlink()
    if content is not None:
        (spoiled / "rescorer.json").write_text(content)
    with pytest.raises(ModelError, match="is not a rescorer"):
        RescorerLM(LmOptions(model=str(spoiled), device="cpu"))


@pytest.mark.parametrize("change", [{"schema": 2}, {"form": "upper"}, {"pooling": "auto"}])
def test_a_rescorer_of_another_version(spoiled: Path, change: dict[str, Any]) -> None:
    value = json.loads((spoiled / "rescorer.json").read_text())
    (spoiled / "rescorer.json").write_text(json.dumps(value | change))
    with pytest.raises(ModelError, match="not known to this version"):
        RescorerLM(LmOptions(model=str(spoiled), device="cpu"))


@pytest.mark.parametrize("name", ["head.safetensors", "model.safetensors"])
def test_damaged_weights(spoiled: Path, name: str) -> None:
    (spoiled / name).write_bytes((spoiled / name).read_bytes()[:100])
    with pytest.raises(ModelError, match="cannot be loaded"):
        RescorerLM(LmOptions(model=str(spoiled), device="cpu"))
