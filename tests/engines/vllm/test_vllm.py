"""vLLM against the transformers backend and peft, with SmolLM2 in float32 and an adapter that ger trains here."""

from __future__ import annotations

import json
import math
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ger import api, models
from ger.errors import ModelError, UsageError
from ger.io.lists import read_lists
from ger.protocols import GenerateRequest, LanguageModel, LmOptions, Message, ScoreRequest
from ger.types import Hypothesis, NBest
from llm_backends.openai import OpenAILM, Served
from llm_backends.transformers import TransformersLM
from llm_backends.vllm import VllmLM

ROOT = Path(__file__).parents[3]
#: In nats a hypothesis.
CLOSE = 1e-2
#: What the local backend puts around a text; a server is to do the same.
ENDS = ",start=<|im_start|>,end=<|im_end|>"
TALK = (Message("user", "What is the capital of France?"),)


@pytest.fixture(scope="module", autouse=True)
def small_memory() -> Iterator[None]:
    """A gigabyte for keys and values is enough, and leaves the machine to others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
        yield


@pytest.fixture(scope="module")
def smollm2_dir() -> Path:
    return models.resolve(models.DEFAULT_LM, "lm", quiet=True).path


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `ger train h2t` makes of a few lists in a few steps."""
    from ger.train.h2t import train
    from ger.train.h2t_recipe import H2TOptions

    folder = tmp_path_factory.mktemp("adapter") / "corrector"
    quick = H2TOptions(rank=12, lr=2e-3, schedule="constant", warm_up=0.0, epochs=1, batch_lists=2, validation=0.0)
    train(lists(8), quick, folder)
    return folder


def lists(count: int) -> list[NBest]:
    """Lists of the example file, again and again with other endings, so that there are enough of them."""
    made = []
    known = [n for n in read_lists(ROOT / "examples" / "lists.jsonl") if len(n.hypotheses) > 1]
    for i in range(count):
        nbest, tail = known[i % len(known)], ("", " again", " at noon", " I said", " in town", " too")[i // len(known)]
        texts = tuple(Hypothesis(h.text.rstrip(".") + tail) for h in nbest.hypotheses)
        made.append(NBest(f"{i}", texts, reference=(nbest.reference or "") + tail))
    return made


@pytest.fixture(scope="module")
def plain(smollm2_dir: Path) -> TransformersLM:
    return TransformersLM(LmOptions(model=str(smollm2_dir), device="cpu", compute_type="float32"))


@pytest.fixture(scope="module")
def merged(smollm2_dir: Path, adapter: Path) -> TransformersLM:
    return TransformersLM(LmOptions(str(smollm2_dir), str(adapter), device="cpu", compute_type="float32"))


@pytest.fixture(scope="module")
def lm(smollm2_dir: Path, adapter: Path) -> VllmLM:
    return VllmLM(LmOptions(str(smollm2_dir), str(adapter), device="cpu", compute_type="float32"))


def requests(count: int) -> list[ScoreRequest]:
    """Every third with something before it."""
    asked = []
    for i, nbest in enumerate(lists(count)):
        texts = (*(h.text for h in nbest.hypotheses), *(("", "Größe 🙂") if i == 0 else ()))
        asked.append(ScoreRequest(texts, "What was said before. " if i % 3 == 2 else ""))
    return asked


def assert_close(found: list[list[float]], expected: list[list[float]]) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        assert ours == pytest.approx(theirs, abs=CLOSE)


def test_scores_are_those_of_transformers(smollm2_dir: Path, plain: TransformersLM) -> None:
    lm = VllmLM(LmOptions(str(smollm2_dir), device="cpu", compute_type="float32", batch_tokens=512))
    assert isinstance(lm, LanguageModel)
    assert lm.signature == plain.signature.replace("transformers:", "vllm:")
    asked = [*requests(50), ScoreRequest(("<|im_end|> so",))]
    together = lm.score(asked)
    assert_close(together, plain.score(asked))
    assert_close([lm.score([asked[2]])[0]], [together[2]])
    assert lm.score([]) == []
    with pytest.raises(ModelError, match="do not fit in its context"):
        lm.score([ScoreRequest(("a " * 9000,))])
    lm._llm.llm_engine.engine_core.shutdown()


def test_scores_with_an_adapter(lm: VllmLM, merged: TransformersLM, plain: TransformersLM) -> None:
    asked = requests(12)
    expected = merged.score(asked)
    assert_close(lm.score(asked), expected)
    assert abs(expected[0][0] - plain.score(asked[:1])[0][0]) > 1  # the adapter has learned something


def test_greedy_answers_with_an_adapter_are_pefts(lm: VllmLM, merged: TransformersLM, adapter: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(
        models.resolve(models.DEFAULT_LM, "lm", quiet=True).path, dtype=torch.float32
    )
    model = PeftModel.from_pretrained(model, str(adapter)).eval()
    prompts = ["so the field\nsow the field\n=\n", "The weather", TALK]
    answers = lm.generate([GenerateRequest(prompt, 20 + n) for n, prompt in enumerate(prompts)])
    for n, (prompt, (answer,)) in enumerate(zip(prompts, answers, strict=True)):
        ids = torch.tensor([merged._prompt(GenerateRequest(prompt))])
        with torch.inference_mode():
            row = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=20 + n, do_sample=False)[0]
            logp = torch.log_softmax(model(row[None]).logits[0].double(), dim=-1)
        tokens = row[ids.shape[1] :].tolist()
        assert answer.tokens == len(tokens)
        assert answer.text == merged._tokenizer.decode(tokens, skip_special_tokens=True)
        forced = [float(logp[ids.shape[1] + i - 1, token]) for i, token in enumerate(tokens)]
        assert (answer.score, answer.least) == pytest.approx((math.fsum(forced), min(forced)), abs=CLOSE)


def test_beams(lm: VllmLM, merged: TransformersLM) -> None:
    (answers,), ((greedy,),) = (
        lm.generate([GenerateRequest("The capital of France is", 8, beams=beams)]) for beams in (4, 1)
    )
    scores = [answer.score or 0.0 for answer in answers]
    assert len({answer.text for answer in answers}) == 4
    assert scores == sorted(scores, reverse=True)
    assert scores[0] >= (greedy.score or 0.0) - CLOSE
    ended = [answer for answer in answers if answer.finished]
    choices = tuple(answer.text for answer in ended)
    assert ended
    (forced,) = merged.generate([GenerateRequest("The capital of France is", choices=choices, beams=len(choices))])
    assert {answer.text: answer.score for answer in ended} == pytest.approx(
        {answer.text: answer.score for answer in forced}, abs=CLOSE
    )


def test_choices_and_slots(lm: VllmLM, merged: TransformersLM) -> None:
    for prompt in ("The capital of France is", TALK):
        request = GenerateRequest(prompt, choices=("Rome", "Paris", "a"), beams=3)
        (ours,), (theirs,) = lm.generate([request]), merged.generate([request])
        assert [answer.text for answer in ours] == [answer.text for answer in theirs]
        assert [answer.score for answer in ours] == pytest.approx([answer.score for answer in theirs], abs=CLOSE)
    with pytest.raises(ModelError, match="cannot fill slots"):
        lm.generate([GenerateRequest("a", slots=(("a",),))])


def test_a_corrector_with_an_adapter(lm: VllmLM, adapter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llm_backends.vllm.VllmLM", lambda options: lm)
    made = api.settings(mode="hybrid", llm="vllm:", adapter=str(adapter), device="cpu").make_corrector()
    corrections = made.correct(lists(4))
    assert "vllm:" in made.signature
    assert {correction.decision for correction in corrections} <= {"kept", "reranked", "rewritten", "rejected"}


def test_wrong_device(smollm2_dir: Path) -> None:
    with pytest.raises(UsageError, match=r"This build of vLLM does not run on 'cuda'\. Use --device cpu\."):
        VllmLM(LmOptions(str(smollm2_dir), device="cuda"))


@pytest.fixture(scope="module")
def server(smollm2_dir: Path, adapter: Path, lm: VllmLM) -> Iterator[str]:
    """The address of `vllm serve` with SmolLM2, called `smol`, and the adapter, called `corrector`."""
    lm._llm.llm_engine.engine_core.shutdown()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(smollm2_dir)]
    command += ["--served-model-name", "smol", "--host", "127.0.0.1", "--port", str(port), "--dtype", "float32"]
    command += ["--max-model-len", "1024", "--enable-lora", "--lora-modules", f"corrector={adapter}"]
    layers = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))["target_modules"]
    command += ["--max-lora-rank", "16", "--lora-target-modules", *layers]
    with subprocess.Popen(command, start_new_session=True) as process:
        try:
            while not _answers(port):
                assert process.poll() is None
                time.sleep(0.5)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            os.killpg(process.pid, 15)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_a_server(server: str, plain: TransformersLM) -> None:
    lm = OpenAILM(LmOptions(f"{server}#smol{ENDS}"))
    assert lm.served == Served("prompt_logprobs", True, "completions")
    asked = requests(6)
    assert_close(lm.score(asked), plain.score(asked))
    _same_answers(lm, plain)


def test_a_server_with_an_adapter(server: str, merged: TransformersLM) -> None:
    lm = OpenAILM(LmOptions(f"{server}#corrector{ENDS}"))
    asked = requests(6)
    assert_close(lm.score(asked), merged.score(asked))
    _same_answers(lm, merged)


def _same_answers(lm: Any, local: TransformersLM) -> None:
    asked = [GenerateRequest("so the field\nsow the field\n=\n", 12), GenerateRequest(TALK, 12)]
    for (ours,), (theirs,) in zip(lm.generate(asked), local.generate(asked), strict=True):
        assert (ours.text, ours.finished) == (theirs.text, theirs.finished)
