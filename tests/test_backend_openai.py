"""The openai backend against a real server on loopback: the scores of a real model, and faults of all kinds."""

from __future__ import annotations

import email.utils
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import server_openai
from server_openai import Engine, Fault, Server

from ger.correct.rescore import Rescorer
from ger.errors import ModelError, UsageError
from ger.http.client import Client, Policy
from ger.http.keys import api_key
from ger.lm.profile import DEFAULT
from ger.protocols import GenerateRequest, LanguageModel, LmOptions, Message, ScoreRequest
from ger.registry import load
from ger.types import Hypothesis, NBest
from llm_backends.http_scores import Token, count_given
from llm_backends.openai import OpenAILM, Served
from llm_backends.transformers import TransformersLM

pytestmark = pytest.mark.usefixtures("no_keys")

pytest.importorskip("torch")
pytest.importorskip("transformers")

TEXTS = (
    "The council voted to raise the toll.",
    "the bridge",
    "",
    "Yes.",
    "Yes.",
    "größere Wagen 🙂🙂 über",
    "toll " * 9,
)
POLICY = Policy(tries=4, timeout=10, patience=3, rest=60)


@pytest.fixture(scope="module")
def tiny_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return server_openai.make_model(tmp_path_factory.mktemp("bytes"))


@pytest.fixture(scope="module")
def spaces_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return server_openai.make_model(tmp_path_factory.mktemp("spaces"), hidden_spaces=True)


@pytest.fixture(scope="module")
def engine(tiny_dir: Path) -> Engine:
    return Engine(tiny_dir)


@pytest.fixture(scope="module")
def local(tiny_dir: Path) -> TransformersLM:
    return TransformersLM(LmOptions(model=str(tiny_dir), device="cpu", compute_type="float32"))


@pytest.fixture
def server(engine: Engine) -> Iterator[Server]:
    with Server(engine) as running:
        yield running


class Waits:
    """Makes clients that wait in no time, and keeps what they would have waited."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.now = 0.0

    def client(self, url: str, key: str, policy: Policy) -> Client:
        return Client(url, key, policy, sleep=self.seconds.append, clock=lambda: self.now)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def connect(waits: Waits) -> Callable[..., OpenAILM]:
    def made(server: Server, rest: str = "#tiny", policy: Policy = POLICY, **options: Any) -> OpenAILM:
        return OpenAILM(LmOptions(model=server.url + rest, **options), waits.client, policy)

    return made


Connect = Callable[..., OpenAILM]


def score(lm: LanguageModel, *texts: str, prefix: str = "") -> list[float]:
    (scores,) = lm.score([ScoreRequest(texts, prefix)])
    return scores


def written(lm: LanguageModel, prompts: Sequence[str], max_tokens: int) -> list[str]:
    """The best answers to prompts."""
    return [answers[0].text for answers in lm.generate([GenerateRequest(p, max_tokens) for p in prompts])]


@pytest.fixture(scope="module", params=["prompt_logprobs", "echo"])
def remote(engine: Engine, request: pytest.FixtureRequest) -> Iterator[OpenAILM]:
    """A server that is asked and never changed."""
    with Server(engine, {"completions", request.param, "bias"}) as server:
        yield OpenAILM(LmOptions(model=server.url + "#tiny,end=<|im_end|>"), policy=POLICY)


def test_scores_are_those_of_the_local_backend(remote: OpenAILM, local: TransformersLM) -> None:
    assert remote.served.end
    assert score(remote, *TEXTS) == pytest.approx(score(local, *TEXTS), abs=1e-4)


@pytest.mark.parametrize(
    "prefix", ["The weather: ", "The weather:", "Two transl", "over the ri", "Zug ü", "🙂", " ", "a\ufffdb "]
)
def test_prefixes_are_not_scored(remote: OpenAILM, local: TransformersLM, prefix: str) -> None:
    """The border can lie inside a token, and tokens can be parts of characters."""
    texts = ("rain", "ations of it", " and snow", "ver", "", "über 🙂", "🙂")
    assert score(remote, *texts, prefix=prefix) == pytest.approx(score(local, *texts, prefix=prefix), abs=1e-4)


@pytest.mark.parametrize("prefix", ["", "The weather ", "Two transl"])
def test_a_tokenizer_that_hides_spaces_and_begins_texts(spaces_dir: Path, connect: Connect, prefix: str) -> None:
    local = TransformersLM(LmOptions(model=str(spaces_dir), device="cpu", compute_type="float32"))
    texts = ("is fine", "ations were read", "toll")
    with Server(Engine(spaces_dir)) as server:
        lm = connect(server)
        assert "start=server,end='</s>'" in lm.signature
        assert score(lm, *texts, prefix=prefix) == pytest.approx(score(local, *texts, prefix=prefix), abs=1e-4)


def test_is_the_plug_in_of_that_name(server: Server) -> None:
    lm = load("backends", "openai")(LmOptions(model=server.url + "#tiny"))
    assert isinstance(lm, LanguageModel)
    port = server.server_address[1]
    assert lm.signature == (
        f"openai:http://127.0.0.1:{port}/v1#tiny,scores=prompt_logprobs,"
        "start='<|im_end|>',end='<|im_end|>',generates=completions"
    )


def test_order_repeats_and_concurrency(server: Server, local: TransformersLM, connect: Connect) -> None:
    lm = connect(server, threads=3)
    server.asked.clear()
    server.most = 0
    requests = [ScoreRequest(TEXTS[3:]), ScoreRequest(()), ScoreRequest(TEXTS[:4])]
    scores = lm.score(requests)
    assert [len(row) for row in scores] == [4, 0, 4]
    assert scores == [pytest.approx(row, abs=1e-4) for row in local.score(requests)]
    assert len(server.asked) == len(set(TEXTS))
    assert 1 < server.most <= 3
    assert lm.score([]) == []


def test_text(server: Server, local: TransformersLM, connect: Connect) -> None:
    prompts = ["The weather", "Two", "The weather"]
    lm = connect(server)
    server.asked.clear()
    assert written(lm, prompts, 7) == written(local, prompts, 7)
    assert len(server.asked) == 2
    assert lm.generate([]) == []


def test_answers_tell_how_they_ended(server: Server, local: TransformersLM, connect: Connect) -> None:
    requests = [GenerateRequest("The weather", max_tokens) for max_tokens in (2, 200)]
    for (told,), (known,) in zip(connect(server).generate(requests), local.generate(requests), strict=True):
        assert (told.text, told.finished, told.tokens) == (known.text, known.finished, known.tokens)
        assert told.score is None
    lm, engine_answer = connect(server), server.answer
    server.answer = lambda path, body: {"choices": engine_answer(path, body)["choices"]}  # type: ignore[method-assign]
    assert lm.generate(requests)[0][0].tokens == 0


TALK = (Message("system", "The"), Message("user", "weather \ud83d"))


def test_conversations_go_to_the_chat(server: Server, local: TransformersLM, connect: Connect) -> None:
    lm = connect(server)
    server.asked.clear()
    assert lm.generate([GenerateRequest(TALK, 7)] * 2)[1][0].text == written(local, ["The\nweather \ufffd"], 7)[0]
    assert [path for path, *_ in server.asked] == ["/v1/chat/completions"] * 2  # how, and the answer
    turns = [{"role": "system", "content": "The"}, {"role": "user", "content": "weather \ufffd"}]
    assert server.asked[-1][1]["messages"] == turns


def test_a_server_without_chat(engine: Engine, connect: Connect) -> None:
    said = r"the server has no chat: Not Found \(404\)\. Use a prompt of plain text"
    with Server(engine, {"completions"}) as server, pytest.raises(ModelError, match=said):
        connect(server).generate([GenerateRequest("The", 3), GenerateRequest(TALK, 7)])


def test_choices_are_scored(server: Server, local: TransformersLM, connect: Connect) -> None:
    choices = ("the toll", "the bridge", "the toll", "")
    requests = [GenerateRequest("The ", choices=choices, beams=9), GenerateRequest("The weather", 3)]
    lm = connect(server)
    ranked, (answer,) = lm.generate(requests)
    (expected,) = local.score([ScoreRequest(choices, "The ")])
    assert {a.text: a.score for a in ranked} == pytest.approx(dict(zip(choices, expected, strict=True)), abs=1e-4)
    assert [a.text for a in ranked] == sorted(set(choices), key=lambda text: -expected[choices.index(text)])
    assert answer.text == written(local, ["The weather"], 3)[0]
    assert lm.generate([GenerateRequest("The ", choices=choices)]) == [ranked[:1]]


def test_what_a_server_cannot_be_asked_for(server: Server, connect: Connect) -> None:
    lm = connect(server)
    for request in (GenerateRequest("The", slots=(("a",),)), GenerateRequest(TALK, choices=("a", "b"))):
        with pytest.raises(ModelError, match="a server cannot be asked for slots, or choices in a chat"):
            lm.generate([request])


@pytest.mark.parametrize("refuses", [(), ("max_tokens",), ("max_tokens", "temperature")])
def test_chat_alone(engine: Engine, local: TransformersLM, connect: Connect, refuses: tuple[str, ...]) -> None:
    with Server(engine, {"chat"}, refuses=refuses) as server:
        lm = connect(server)
        assert lm.served == Served("", False, "chat")
        assert written(lm, ["The weather"], 7) == written(local, ["The weather"], 7)
        with pytest.raises(ModelError, match=r"cannot score: it said Not Found \(404\)\. Use a server that"):
            score(lm, "Yes.")
        with pytest.raises(ModelError, match=r"cannot score: it said Not Found"):
            Rescorer({"lm": lm})
        assert lm.signature.endswith("#tiny,generates=chat")


@pytest.mark.parametrize("status", [500, 501])
def test_one_way_of_writing_that_fails_does_not_hide_another(
    engine: Engine, local: TransformersLM, waits: Waits, connect: Connect, status: int
) -> None:
    with Server(engine, {"chat"}, missing=status) as server:
        lm = connect(server)
        assert lm.served == Served("", False, "chat")
        assert written(lm, ["The weather"], 7) == written(local, ["The weather"], 7)
    assert status == 500 or not waits.seconds


def test_no_way_of_writing_answers(engine: Engine, connect: Connect) -> None:
    with Server(engine, set(), missing=500) as server:
        with pytest.raises(ModelError, match=r"the server said 500: Not Found \(3 times tried\)\. Check that"):
            connect(server)
        assert [path for path, _, _ in server.asked] == ["/v1/completions"] * 3 + ["/v1/chat/completions"] * 3


def test_no_model_named(server: Server, connect: Connect) -> None:
    assert "#tiny," in connect(server, "").signature
    server.faults.append(Fault(404, b""))
    with pytest.raises(ModelError, match=r"names no model: Not Found \(404\)"):
        connect(server, "")


def test_a_model_that_is_not_there(server: Server, connect: Connect) -> None:
    with pytest.raises(ModelError, match="The model `large` does not exist"):
        connect(server, "#large")


def test_a_server_that_gives_no_scores(engine: Engine, connect: Connect) -> None:
    with Server(engine, {"completions"}) as server:
        lm = connect(server)
        assert lm.served == Served("", False, "completions")
        with pytest.raises(ModelError, match=r"cannot score: the answer has no usable prompt_logprobs; .* echo"):
            score(lm, "Yes.")


def _one_less(choice: dict[str, Any]) -> None:
    for name in choice.keys() & {"prompt_logprobs"}:
        del choice[name][-1]
    for name in choice.get("logprobs", {}):
        del choice["logprobs"][name][-2:]


def _others(choice: dict[str, Any]) -> None:
    """The right number of entries, of other words."""
    for entry in choice.get("prompt_logprobs", [])[1:]:
        for value in entry.values():
            value["decoded_token"] = " a"
    if "logprobs" in choice:
        choice["logprobs"]["tokens"] = [" a"] * len(choice["logprobs"]["tokens"])


def _top_only(choice: dict[str, Any]) -> None:
    """Null for each token, as servers do that score only what they write."""
    choice["prompt_logprobs"] = [None for _ in choice.get("prompt_logprobs", [])]
    choice["logprobs"] = {"tokens": ["."], "token_logprobs": [-0.5]}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [(_one_less, r"entries of prompt_logprobs for"), (_others, "do not spell"), (_top_only, "usable")],
)
def test_entries_that_are_not_the_prompts(server: Server, connect: Connect, spoil: Any, said: str) -> None:
    server.spoil = spoil
    lm = connect(server)
    assert lm.served.scores == ""
    with pytest.raises(ModelError, match=said):
        score(lm, "Yes.")


def test_without_an_end(server: Server, tiny_dir: Path, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text begins after a new line, and its end is scored for no hypothesis."""
    monkeypatch.setattr("llm_backends.http_scores._ENDS", ("</s>", "[EOS]"))
    lm = connect(server)
    assert "start='\\n',no-end" in lm.signature
    assert not lm.served.end
    engine = server.engine
    ids = engine.ids("\nthe bridge")
    rows = engine.logp(ids)
    expected = sum(float(rows[i - 1, ids[i]]) for i in range(1, len(ids)))
    assert score(lm, "the bridge", "") == pytest.approx([expected, 0.0], abs=1e-4)


def test_the_end_is_what_stops_the_server(engine: Engine, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llm_backends.http_scores._ENDS", ("<|endoftext|>", "<|im_end|>", "</s>"))
    with Server(engine) as server:
        assert "end='<|im_end|>'" in connect(server).signature
    with Server(engine, {"completions", "echo"}) as server:  # numbers are not known: the likelier one
        rows, ids = engine.logp(engine.ids("The weather is fine today.")), engine.tokenizer.convert_tokens_to_ids
        likelier = max("<|endoftext|>", "<|im_end|>", key=lambda text: float(rows[-1, ids(text)]))
        assert f"end={likelier!r}" in connect(server).signature


def test_special_tokens_that_are_asked_for(server: Server, connect: Connect) -> None:
    lm = connect(server, "#tiny,start=<|endoftext|>,end=<|endoftext|>")
    assert "start='<|endoftext|>',end='<|endoftext|>'" in lm.signature
    ids = server.engine.ids("<|endoftext|>Yes.<|endoftext|>")
    rows = server.engine.logp(ids)
    expected = sum(float(rows[i - 1, ids[i]]) for i in range(1, len(ids)))
    assert score(lm, "Yes.") == [pytest.approx(expected, abs=1e-4)]
    with pytest.raises(UsageError, match="does not read the end '<none>' as one token"):
        connect(server, "#tiny,end=<none>")
    with pytest.raises(UsageError, match="The start ' ' is not apart from the text"):
        connect(server, "#tiny,start= ,end=<|im_end|>")


def test_longer_than_the_context(server: Server, connect: Connect) -> None:
    lm = connect(server)
    with pytest.raises(ModelError, match=r"refused 'toll toll .*maximum context length is 256 tokens \(400\)\. If"):
        score(lm, "short", "toll " * 300)
    with pytest.raises(ModelError, match=r"refused 'short': .*maximum context length"):
        written(lm, ["short"], 300)


def test_a_server_that_cuts(server: Server, connect: Connect) -> None:
    lm = connect(server)
    whole = server.engine.ids
    server.engine = type("Cutting", (), {**vars(server.engine), "ids": lambda _, text: whole(text)[:5]})()
    for name in ("logp", "write"):
        setattr(type(server.engine), name, getattr(Engine, name))
    with pytest.raises(ModelError, match="the server cut the text"):
        score(lm, "The council voted to raise the toll.")


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_scores_that_are_no_numbers(server: Server, connect: Connect, value: float) -> None:
    lm = connect(server)

    def spoil(choice: dict[str, Any]) -> None:
        next(iter(choice["prompt_logprobs"][1].values()))["logprob"] = value

    server.spoil = spoil
    with pytest.raises(ModelError, match=r"the score of 'Yes\.' is (nan|-inf)"):
        score(lm, "Yes.")


def test_an_answer_without_text(server: Server, connect: Connect) -> None:
    lm = connect(server)
    server.spoil = lambda choice: choice.pop("text")
    with pytest.raises(ModelError, match="the answer has no text"):
        written(lm, ["The"], 5)
    server.spoil = lambda choice: choice.update(text=3)
    with pytest.raises(ModelError, match="the answer has no text"):
        written(lm, ["The"], 5)


def test_half_surrogates(server: Server, connect: Connect) -> None:
    broken, replaced = score(connect(server), "a \ud83d b", "a \ufffd b")
    assert broken == replaced


def _listening(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def transformers_serve(tiny_dir: Path) -> Iterator[str]:
    """The server of transformers with the tiny model; its address."""
    from transformers.utils.import_utils import is_serve_available

    if not is_serve_available():
        pytest.skip("transformers serve needs fastapi, uvicorn and openai: pip install 'transformers[serving]'")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = [sys.executable, "-c", "from transformers.cli.transformers import main; main()", "serve", str(tiny_dir)]
    options = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"]
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([*program, *options], env=environment, **quiet) as process:  # type: ignore[call-overload]
        try:
            while not _listening(port):
                assert process.poll() is None
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}/v1#{tiny_dir}"
        finally:
            process.terminate()


@pytest.mark.slow
def test_transformers_serve(transformers_serve: str, local: TransformersLM) -> None:
    lm = OpenAILM(LmOptions(model=transformers_serve))
    assert lm.served == Served("", False, "completions")
    prompts = ["The weather", "Two"]
    assert written(lm, prompts, 7) == written(local, prompts, 7)
    with pytest.raises(
        ModelError, match=r"the server cannot score: it said .*prompt_logprobs.* \(422\); .* echo\. Use"
    ):
        score(lm, "Yes.")


# What goes wrong on the way


@pytest.mark.parametrize(
    "fault",
    [
        Fault(500),
        Fault(503, b"<html>busy</html>"),
        Fault(200, b'{"choices": ['),
        Fault(200, b"[1]"),
        Fault(drop=True),
        Fault(429),
        Fault(200, b"{}", {"Content-Length": "99"}),
    ],
)
def test_passing_faults_are_waited_for(
    server: Server, local: TransformersLM, connect: Connect, waits: Waits, fault: Fault
) -> None:
    lm = connect(server)
    server.faults.extend([fault, fault])
    assert score(lm, "Yes.") == pytest.approx(score(local, "Yes."), abs=1e-4)
    assert 0.25 <= waits.seconds[0] <= 0.5 <= waits.seconds[1] <= 1.0
    assert len(waits.seconds) == 2


def test_waits_grow_up_to_a_limit(server: Server, connect: Connect, waits: Waits) -> None:
    lm = connect(server, policy=Policy(tries=12, longest_wait=8))
    server.faults.extend([Fault(500)] * 12)
    with pytest.raises(ModelError, match=r"the server said 500: out of luck \(12 times tried\)\. Check"):
        score(lm, "Yes.")
    expected = [min(0.5 * 2**n, 8.0) for n in range(11)]
    assert all(e / 2 <= got <= e for got, e in zip(waits.seconds, expected, strict=True))


@pytest.mark.parametrize("asked", ["7", "7.0", "date"])
def test_retry_after(server: Server, connect: Connect, waits: Waits, asked: str) -> None:
    lm = connect(server)
    value = email.utils.formatdate(time.time() + 8, usegmt=True) if asked == "date" else asked
    server.faults.append(Fault(429, headers={"Retry-After": value}))
    score(lm, "Yes.")
    assert 6 <= waits.seconds[0] <= 8.5


def test_retry_after_that_cannot_be_read_or_waited_for(server: Server, connect: Connect, waits: Waits) -> None:
    lm = connect(server)
    server.faults.append(Fault(429, headers={"Retry-After": "soon"}))
    score(lm, "Yes.")
    assert waits.seconds.pop() <= 0.5
    server.faults.append(Fault(429, headers={"Retry-After": "3600"}))
    with pytest.raises(ModelError, match=r"said 429: out of luck \(once tried\)"):
        score(lm, "Yes.")
    assert waits.seconds == []


def test_a_slow_server(server: Server, connect: Connect) -> None:
    server.faults.extend([Fault(delay=1.0)] * 2)
    with pytest.raises(ModelError, match=r"no answer within 0\.3 s \(once tried\)"):
        connect(server, policy=Policy(tries=1, timeout=0.3))


def test_nobody_there(connect: Connect, waits: Waits) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        with pytest.raises(ModelError, match=r"no connection: Connection refused \(3 times tried\)"):
            OpenAILM(LmOptions(model=url), waits.client, POLICY)
    assert len(waits.seconds) == 2


def test_a_server_that_dies_fails_each_list_fast_and_may_come_back(
    server: Server, connect: Connect, waits: Waits
) -> None:
    lm = connect(server, threads=1)
    hypotheses = (Hypothesis("toll the bridge", -1.0), Hypothesis("raise the toll", -1.1))
    lists = [NBest(f"u{n}", (hypotheses[0], Hypothesis(f"raise the toll {n}", -1.1))) for n in range(40)]
    rescorer = Rescorer({spec.name: lm for spec in DEFAULT.lms})
    assert all(made.decision in ("kept", "reranked") for made in rescorer.correct(lists[:2]))
    server.dead = True
    server.asked.clear()
    made = rescorer.correct(lists)
    assert [one.decision for one in made] == ["failed"] * 40
    assert [one.text for one in made] == ["toll the bridge"] * 40
    assert "the connection broke" in made[0].reason
    assert "failed 3 times in a row and is not asked for now" in made[-1].reason
    assert len(server.asked) == POLICY.tries * POLICY.patience
    waits.now = 61.0
    assert rescorer.correct(lists[:2])[0].decision == "failed"
    assert len(server.asked) == POLICY.tries * POLICY.patience + 1
    server.dead, waits.now = False, 200.0
    assert all(one.decision != "failed" for one in rescorer.correct(lists))


def test_a_server_without_encryption(server: Server, waits: Waits) -> None:
    with pytest.raises(ModelError, match=r"https://127.*: no connection: .*SSL"):
        OpenAILM(LmOptions(model=server.url.replace("http:", "https:")), waits.client, POLICY)


def test_a_failure_ends_the_rest_of_the_batch(server: Server, connect: Connect) -> None:
    lm = connect(server, threads=2)
    server.asked.clear()
    with pytest.raises(ModelError, match="context"):
        score(lm, "toll " * 300, *(f"text {n}" for n in range(100)))
    assert len(server.asked) < 20


def test_redirects_are_not_followed(server: Server, connect: Connect) -> None:
    server.faults.extend([Fault(302, headers={"Location": "http://elsewhere.example/v1/completions?token=1"})] * 2)
    with pytest.raises(ModelError, match=r"sends us on to http://elsewhere\.example/v1/completions\. Give"):
        connect(server)
    assert len(server.asked) == 2


# Keys


def test_the_key_is_sent_and_never_shown(engine: Engine, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(engine, key="right-key") as server:
        with pytest.raises(
            ModelError, match=r"refused the key \(401\): Incorrect API key provided: None\. Set GER_API"
        ):
            connect(server)
        monkeypatch.setenv("OPENAI_API_KEY", "wrong-key")
        with pytest.raises(ModelError, match=r"refused the key \(401\): .* Bearer …\.") as caught:
            connect(server)
        assert "wrong-key" not in repr(caught.value)
        monkeypatch.setenv("GER_API_KEY", "right-key\n")
        lm = connect(server, "?api-version=7#tiny")
        assert lm.served.scores
        assert "right" not in lm.signature
        assert "version" not in lm.signature
        assert server.asked[-1][0] == "/v1/completions?api-version=7"


def test_key_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    url = "http://models.example/v1"
    assert api_key(url) == ""
    default = tmp_path / "config" / "ger" / "api-key"
    default.parent.mkdir(parents=True)
    default.write_text("from the default\n")
    default.chmod(0o600)
    assert api_key(url) == "from the default"
    named = tmp_path / "named"
    monkeypatch.setenv("GER_API_KEY_FILE", str(named))
    with pytest.raises(ModelError, match="named does not exist"):
        api_key(url)
    named.write_bytes(b"\xff\xfe\x00")
    named.chmod(0o600)
    with pytest.raises(ModelError, match="cannot be read: it is not text"):
        api_key(url)
    named.write_text("secret")
    named.chmod(0o644)
    with pytest.raises(ModelError, match=r"can be read by others \(mode 0644\)\. chmod 600") as caught:
        api_key(url)
    assert "secret" not in str(caught.value)
    named.chmod(0o400)
    assert api_key(url) == "secret"
    monkeypatch.setenv("GER_API_KEY_FILE", str(tmp_path))
    with pytest.raises(ModelError, match="cannot be read: Is a directory"):
        api_key(url)


def test_another_programs_key_is_not_sent_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "theirs")
    assert api_key("http://models.example/v1") == ""
    for url in ("https://models.example/v1", "http://localhost:8000/v1", "http://[::1]:8000", "http://127.0.0.2"):
        assert api_key(url) == "theirs"
    monkeypatch.setenv("GER_API_KEY", "ours")
    assert api_key("http://models.example/v1") == "ours"
    monkeypatch.setenv("GER_API_KEY", "two\nlines")
    with pytest.raises(UsageError, match="characters that cannot be sent"):
        api_key("http://models.example/v1")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("", "needs the address of a server"),
        ("gpt-4", "needs the address of a server"),
        ("file:///etc/passwd", "needs the address of a server"),
        ("http://", "needs the address of a server"),
        ("http://host:99999/v1", "needs the address of a server"),
        ("http://[::1/v1", "needs the address of a server"),
        ("http://a host/v1", "needs the address of a server"),
        ("http://a..b/v1#m", "needs the address of a server"),
        (f"http://{'a' * 64}.org/v1#m", "needs the address of a server"),
        ("http://me:secret@host/v1#m", "address of host holds a user name"),
        ("http://host/v1#m,stop=x", "'stop' is no setting"),
    ],
)
def test_addresses_that_are_none(model: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        OpenAILM(LmOptions(model=model))
    assert "secret" not in str(caught.value)


def test_an_address_without_a_path(server: Server, waits: Waits) -> None:
    for rest in ("#tiny", "/#tiny", "/v1/#tiny"):
        lm = OpenAILM(LmOptions(model=server.url.removesuffix("/v1") + rest), waits.client)
        assert lm.signature.startswith(f"openai:{server.url}#tiny,")


# Which tokens lie in a prefix, on cases written by hand


@pytest.mark.parametrize(
    ("pieces", "source", "border", "expected"),
    [
        (["ab", "cd"], "abcd", 2, 1),
        (["ab", "cd"], "abcd", 3, 1),
        (["ab", "cd"], "abcd", 4, 2),
        (["a", "\ufffd", "\ufffd", "b"], "aüb", 1, 1),
        (["a", "\ufffd", "\ufffd", "b"], "aüb", 2, 3),
        (["a", "", "ü", "b"], "aüb", 1, 1),
        (["a", "", "ü", "b"], "aüb", 2, 3),
        (["a", " \ufffd", "\ufffd", "b"], "a üb", 3, 3),
        (["a", " \ufffd", "\ufffd", "b"], "a üb", 2, 1),
        (["The", "toll"], "The toll", 3, 1),
        (["The", "toll"], "The toll", 4, 1),
        ([" The", " toll"], "The toll", 3, 1),
        ([" ", "The", "toll"], "The toll", 3, 2),
        (["a\ufffd", "b"], "a\ufffdb", 2, 1),
        (["a", "\ufffd", "\ufffd", "\ufffd", "\ufffd", "b"], "aüäb", 2, 3),
        (["a", "\ufffd", "\ufffd", "\ufffd", "\ufffd"], "aüä", 2, 3),
        (["a", "\ufffd", "\ufffd"], "aü", 2, 3),
    ],
)
def test_border(pieces: list[str], source: str, border: int, expected: int) -> None:
    assert count_given([Token(piece) for piece in pieces], source, border) == expected


def test_tokens_of_another_text() -> None:
    with pytest.raises(ValueError, match="do not spell the text at 'cd'"):
        count_given([Token("ab"), Token("xy")], "abcd", 4)
