"""CTranslate2 against the transformers backend: a tiny random Llama in float32, and SmolLM2 in int8."""

from __future__ import annotations

import json
import math
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fixtures_models import _CACHE
from h2t_tools import CHATML, write_model

from ger import models
from ger.conformance import check_backend
from ger.errors import DependencyError, MemoryLimitError, ModelError, UsageError
from ger.io.lists import read_lists
from ger.models.cache import Manifest
from ger.protocols import GenerateRequest, LanguageModel, LmOptions, Message, ScoreRequest
from ger.settings import Settings
from llm_backends.transformers import TransformersLM

ctranslate2 = pytest.importorskip("ctranslate2")
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from llm_backends.ctranslate2 import CTranslate2LM  # noqa: E402

EXAMPLES = Path(__file__).parents[1] / "examples"
TEXTS = ("fares aston", "fairs aston birch", "", "Zwölf 🙂", "<s> </s> <|start|>", "fares " * 30)
REQUESTS = [ScoreRequest(TEXTS), ScoreRequest(TEXTS[:4], "corby der"), ScoreRequest(TEXTS[:2], "corby derby ")]
TALK = (Message("system", "Be brief."), Message("user", "fares <|stop|> aston"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of this module's own."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GER_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two ends of text, and a context of 128."""
    folder = write_model(tmp_path_factory.mktemp("model") / "tiny", template=CHATML)
    model = transformers.LlamaForCausalLM.from_pretrained(folder)
    torch.manual_seed(1)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)  # so that answers are not all alike
    model.save_pretrained(folder)
    return folder


def options(folder: Path, **more: Any) -> LmOptions:
    return LmOptions(**{"model": str(folder), "device": "cpu", "compute_type": "float32"} | more)


@pytest.fixture(scope="module")
def lm(cache: Path, tiny: Path) -> CTranslate2LM:
    return CTranslate2LM(options(tiny))


@pytest.fixture(scope="module")
def plain(tiny: Path) -> TransformersLM:
    return TransformersLM(options(tiny))


def test_it_keeps_the_promises_of_a_language_model(lm: CTranslate2LM) -> None:
    assert isinstance(lm, LanguageModel)
    assert not [outcome for outcome in check_backend(lm) if outcome.state == "failed"]
    assert lm.signature.startswith("ctranslate2:tiny-")
    assert lm.signature.endswith(",float32")


def test_scores_are_those_of_transformers(lm: CTranslate2LM, plain: TransformersLM) -> None:
    for ours, theirs in zip(lm.score(REQUESTS), plain.score(REQUESTS), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-3)
    assert lm.score([]) == []


@pytest.mark.parametrize("budget", [1, 64])
def test_scores_do_not_depend_on_the_batch(lm: CTranslate2LM, tiny: Path, budget: int) -> None:
    small = CTranslate2LM(options(tiny, batch_tokens=budget))
    for request, together in zip(REQUESTS, lm.score(REQUESTS), strict=True):
        alone = [small.score([ScoreRequest((text,), request.prefix)])[0][0] for text in request.continuations]
        assert alone == pytest.approx(together, abs=1e-3)
        assert small.score([request])[0] == pytest.approx(together, abs=1e-3)


def test_greedy_answers_are_those_of_transformers(lm: CTranslate2LM, plain: TransformersLM) -> None:
    prompts = [*TEXTS[:5], TALK, (Message("user", "fares"),)]
    requests = [GenerateRequest(prompt, 5 + 3 * n) for n, prompt in enumerate(prompts)]
    for (ours,), (theirs,) in zip(lm.generate(requests), plain.generate(requests), strict=True):
        assert (ours.text, ours.finished, ours.tokens) == (theirs.text, theirs.finished, theirs.tokens)
        assert (ours.score, ours.least) == pytest.approx((theirs.score, theirs.least), abs=1e-3)
    assert lm.generate([]) == []


def test_beams_are_different_and_their_scores_true(lm: CTranslate2LM, plain: TransformersLM) -> None:
    requests = [GenerateRequest("fares ", 4, beams=3), GenerateRequest(TALK, 6, beams=3), GenerateRequest("a", 4)]
    wide, chat, greedy = lm.generate(requests)
    assert (len(wide), len(chat), len(greedy)) == (3, 3, 1)
    for answers, request in ((wide, requests[0]), (chat, requests[1])):
        prompt = plain._prompt(request)
        (found,) = lm._search([(request, prompt)])
        assert len(set(map(tuple, found))) == 3
        forced = sorted((_forced(plain, prompt, tokens) for tokens in found), reverse=True)
        assert [answer.score for answer in answers] == pytest.approx(forced, abs=1e-3)
        (best,) = plain.generate([GenerateRequest(request.prompt, request.max_tokens)])[0]
        assert best.score is not None
        assert forced[0] >= best.score - 1e-3


def _forced(plain: TransformersLM, prompt: list[int], tokens: list[int]) -> float:
    """log p of tokens after a prompt, by a plain call of the model."""
    ids = [*prompt, *tokens]
    with torch.inference_mode():
        logp = torch.log_softmax(plain._model(torch.tensor([ids])).logits[0].double(), dim=-1)
    return math.fsum(float(logp[i - 1, ids[i]]) for i in range(len(prompt), len(ids)))


class _Small:
    """A generator of CTranslate2 in a memory that suffices for one text, and for one call at a time."""

    def __init__(self, generator: Any) -> None:
        self._generator, self._busy = generator, threading.Lock()

    def score_batch(self, rows: list[list[str]], **options: Any) -> Any:
        return self._alone(self._generator.score_batch, rows, options)

    def generate_batch(self, rows: list[list[str]], **options: Any) -> Any:
        return self._alone(self._generator.generate_batch, rows, options)

    def _alone(self, call: Any, rows: list[list[str]], options: dict[str, Any]) -> Any:
        if len(rows) > 1 or not self._busy.acquire(blocking=False):
            raise RuntimeError("failed to allocate memory")
        try:
            time.sleep(0.02)
            return call(rows, **options)
        finally:
            self._busy.release()


def test_memory_for_one_at_a_time(lm: CTranslate2LM, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [GenerateRequest((Message("user", text),), max_tokens=4) for text in ("fares", "aston", "birch", "corby")]
    scores, answers = lm.score(REQUESTS), lm.generate(asked)
    monkeypatch.setattr(lm, "_generator", _Small(lm._generator))
    monkeypatch.setattr(lm, "_workers", 2)
    for found, whole in zip(lm.score(REQUESTS), scores, strict=True):
        assert found == pytest.approx(whole, abs=1e-3)
    assert [[one.text for one in row] for row in lm.generate(asked)] == [[one.text for one in row] for row in answers]


def test_no_memory_for_one(lm: CTranslate2LM, monkeypatch: pytest.MonkeyPatch) -> None:
    small = _Small(lm._generator)
    small._busy.acquire()
    monkeypatch.setattr(lm, "_generator", small)
    with pytest.raises(MemoryLimitError, match="not enough memory"):
        lm.score(REQUESTS)
    with pytest.raises(MemoryLimitError, match="not enough memory"):
        lm.generate([GenerateRequest(TALK, max_tokens=4)])


def test_choices_are_scored(lm: CTranslate2LM, plain: TransformersLM) -> None:
    for prompt in ("fares ", TALK):
        request = GenerateRequest(prompt, choices=("aston", "birch", "corby"), beams=3)
        ours, theirs = (model.generate([request])[0] for model in (lm, plain))
        assert [answer.text for answer in ours] == [answer.text for answer in theirs]
        assert [answer.score for answer in ours] == pytest.approx([answer.score for answer in theirs], abs=1e-3)


def test_slots_are_refused(lm: CTranslate2LM) -> None:
    with pytest.raises(ModelError, match=r"cannot fill slots\. Use the transformers backend"):
        lm.generate([GenerateRequest("a", slots=(("a", "b"),))])
    with pytest.raises(UsageError, match="'ctranslate2' cannot be held to the words"):
        _settings(decoding="words")


def test_an_adapter_is_refused_before_the_model_is_looked_for(tiny: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot load an adapter\. Merge it first: ger train merge some -o FOLDER"):
        CTranslate2LM(LmOptions(model="/nowhere/at-all", adapter="some"))
    with pytest.raises(UsageError, match=r"'ctranslate2' cannot load an adapter\. Merge it .* transformers, "):
        _settings(adapter="some", prompt="h2t")


def _settings(**generation: Any) -> Settings:
    from ger import api

    return api.settings(mode="generate", llm="ctranslate2:/nowhere/at-all", **generation)


def test_too_long_a_text_is_refused(lm: CTranslate2LM) -> None:
    with pytest.raises(ModelError, match=r"tokens do not fit in its context of 128"):
        lm.score([ScoreRequest(("🙂" * 60,))])
    with pytest.raises(ModelError, match=r"tokens do not fit in its context of 128"):
        lm.generate([GenerateRequest("a", 200)])


def test_a_model_is_converted_once_for_each_precision(
    cache: Path, tiny: Path, lm: CTranslate2LM, capsys: pytest.CaptureFixture[str]
) -> None:
    def made() -> set[str]:
        return {name for name in models.installed_names() if name.startswith("tiny-")}

    before = made()
    capsys.readouterr()
    assert CTranslate2LM(options(tiny)).signature == lm.signature
    assert (made(), capsys.readouterr().err) == (before, "")
    coarse = CTranslate2LM(options(tiny, compute_type="auto"))
    assert coarse.signature.endswith("int8_float32")
    assert "Converting" in capsys.readouterr().err
    (new,) = made() - before
    assert new.endswith("-ct2-int8")
    manifest = Manifest.read(cache / "models" / new)
    assert manifest is not None
    assert "model.safetensors" in {record.path for record in manifest.fetched}
    assert "model.bin" in {record.path for record in manifest.files}
    assert models.verify(new)[0].problems == ()
    assert CTranslate2LM(options(Path(new), compute_type="int8")).signature == coarse.signature
    with pytest.raises(ModelError, match=r"cannot be used as a language model: it has no weights .* transformers form"):
        models.resolve(new, "lm")


@pytest.fixture(scope="module")
def converted(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a user makes with ct2-transformers-converter."""
    folder = tmp_path_factory.mktemp("user") / "mine"
    files = ["tokenizer.json", "tokenizer_config.json"]
    ctranslate2.converters.TransformersConverter(str(tiny), copy_files=files).convert(str(folder))
    return folder


def test_a_folder_of_the_users(converted: Path, plain: TransformersLM) -> None:
    mine = CTranslate2LM(options(converted))
    assert mine.signature.startswith("ctranslate2:mine@")
    assert mine.score(REQUESTS[:1])[0] == pytest.approx(plain.score(REQUESTS[:1])[0], abs=1e-3)


def test_a_folder_without_tokenizer(converted: Path, tmp_path: Path) -> None:
    shutil.copytree(converted, tmp_path / "a")
    (tmp_path / "a" / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"has no tokenizer\.json\. Convert it again: ct2-transformers-converter"):
        CTranslate2LM(options(tmp_path / "a"))


def test_a_folder_with_the_tokenizer_of_another_model(converted: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(converted, tmp_path / "a")
    table = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = table["model"]["vocab"]
    vocabulary["a"], vocabulary["b"] = vocabulary["b"], vocabulary["a"]
    (folder / "tokenizer.json").write_text(json.dumps(table), encoding="utf-8")
    with pytest.raises(ModelError, match="its tokenizer is that of another model"):
        CTranslate2LM(options(folder))


def test_broken_weights_are_named(converted: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(converted, tmp_path / "a")
    (folder / "model.bin").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="the language model cannot be loaded"):
        CTranslate2LM(options(folder))


def test_a_kind_of_model_that_ctranslate2_does_not_know(cache: Path, tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "odd")
    (folder / "config.json").write_text('{"model_type": "mamba", "architectures": ["MambaForCausalLM"]}')
    before = models.installed_names()
    with pytest.raises(ModelError, match=r"odd cannot be converted for CTranslate2: .*Use the transformers backend"):
        CTranslate2LM(options(folder))
    assert models.installed_names() == before


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"device": "tpu"}, r"The device 'tpu' is not known\. Use auto, cpu or cuda"),
        ({"compute_type": "int4"}, r"The precision 'int4' does not run in CTranslate2 on cpu\. Did you mean 'int"),
    ],
)
def test_wrong_hardware(wrong: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        CTranslate2LM(options(Path("/nowhere/at-all"), **wrong))


@pytest.mark.skipif(ctranslate2.get_cuda_device_count() > 0, reason="there is a CUDA device")
def test_no_gpu() -> None:
    with pytest.raises(UsageError, match=r"No CUDA device was found\. Use --device cpu"):
        CTranslate2LM(options(Path("/nowhere/at-all"), device="cuda"))


def test_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    with pytest.raises(DependencyError, match=r"pip install 'ger-asr\[ctranslate2\]'"):
        CTranslate2LM(LmOptions())


@pytest.mark.slow
def test_smollm2_in_int8_ranks_like_in_float32(
    smollm2: TransformersLM, smollm2_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GER_CACHE", str(_CACHE))
    lm = CTranslate2LM(LmOptions(device="cpu", compute_type="int8"))
    lists = [n for n in read_lists(EXAMPLES / "lists.jsonl") if len(n.hypotheses) > 1]
    requests = [ScoreRequest(tuple(h.text for h in nbest.hypotheses)) for nbest in lists]
    pairs = list(zip(lm.score(requests), smollm2.score(requests), strict=True))
    assert sum(ours.index(max(ours)) == theirs.index(max(theirs)) for ours, theirs in pairs) >= 0.7 * len(pairs)
    relative = [abs(a - b) / abs(b) for ours, theirs in pairs for a, b in zip(ours, theirs, strict=True)]
    assert 0 < sum(relative) / len(relative) < 0.1
