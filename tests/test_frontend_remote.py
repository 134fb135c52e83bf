"""The remote front end: `ger serve` with Whisper base behind it, and a scripted server for all that goes wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fakes
import numpy as np
import pytest
from fixtures_cli import AUDIO
from fixtures_serve import Service
from server_openai import Fault, Refusal
from server_speech import SpeechServer, samples
from test_frontend_faster_whisper import clip, segment
from typer.testing import CliRunner

from asr_frontends.remote import Remote
from ger.cli import app
from ger.correct.rescore import Rescorer
from ger.errors import ModelError, UsageError
from ger.http.client import Client, Policy
from ger.protocols import AsrFrontend, FrontendOptions
from ger.registry import load
from ger.testing import ScriptedLM
from ger.text.normalize import normalize
from ger.types import AudioSegment, Context, NBest

pytestmark = pytest.mark.usefixtures("no_keys")

POLICY = Policy(tries=4, timeout=10, patience=3, rest=60)


def plain(heard: Any, temperature: float) -> str:
    """A text that tells how long a segment is."""
    return f"So, the field of {len(heard)} samples."


@pytest.fixture
def server() -> Iterator[SpeechServer]:
    with SpeechServer(plain) as running:
        yield running  # type: ignore[misc]


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def connect(waits: list[float]) -> Callable[..., Remote]:
    def client(url: str, key: str, policy: Policy) -> Client:
        return Client(url, key, policy, sleep=waits.append, clock=lambda: 0.0)

    def made(server: SpeechServer, model: str = "#ear", **options: Any) -> Remote:
        return Remote(FrontendOptions(**{"model": server.url + model} | options), client, POLICY)

    return made


Connect = Callable[..., Remote]


def tone(seconds: float, name: str = "a", start: float = 0.0, language: str | None = None) -> AudioSegment:
    return segment(np.sin(np.arange(int(seconds * 16_000))) / 2, name, language, start)


def texts(nbest: NBest) -> list[str]:
    return [hypothesis.text for hypothesis in nbest.hypotheses]


# --- ger serve, really


@pytest.mark.slow
def test_whisper_behind_our_own_service(service: Service) -> None:
    remote = Remote(FrontendOptions(model=service.url, nbest=1))
    model = service.http.get("/v1/models").json()["data"][0]["id"]
    assert remote.signature == f"remote:{service.url}#{model},words,requests=1,nbest=1,task=transcribe,language=auto"
    names = ("02-toll", "10-snow")
    quiet = segment(np.zeros(32_000), "quiet")
    lists = remote.recognize([segment(clip(names[0]), names[0], None, 60.0), quiet, segment(clip(names[1]), names[1])])
    assert [nbest.id for nbest in lists] == [names[0], "quiet", names[1]]
    for name, nbest in zip(names, (lists[0], lists[2]), strict=True):
        (best,) = nbest.hypotheses
        assert best.text == service.transcribe(AUDIO / f"{name}.flac", language="en").text
        assert (best.score, best.acoustic_score, best.lm_score) == (None, None, None)
        assert [word.text for word in best.words] == best.text.split()
        assert best.extra["avg_logprob"] < 0
        assert nbest.language == "en"
        assert nbest.audio
        times = [time for word in best.words for time in (word.start, word.end)]
        assert times == sorted(times)
        assert nbest.audio.start <= times[0] < times[-1] <= nbest.audio.end
        assert NBest.from_json(json.loads(json.dumps(nbest.to_json()))) == nbest
    assert lists[1].hypotheses == ()


@pytest.mark.slow
def test_noise_without_words_has_no_hypotheses(service: Service) -> None:
    noise = np.random.default_rng(0).normal(0, 0.001, 32_000)
    assert Remote(FrontendOptions(model=service.url)).recognize([segment(noise)])[0].hypotheses == ()


@pytest.mark.slow
def test_translation(service: Service) -> None:
    before = service.counted('ger_requests_total{route="/v1/audio/translations",status="200"}')
    remote = Remote(FrontendOptions(model=service.url, task="translate", language="en", nbest=2))
    (nbest,) = remote.recognize([segment(clip("10-snow"), language=None)])
    assert (nbest.task, remote.signature.count("task=translate")) == ("translate", 1)
    assert "from the main road by dawn" in nbest.best.text
    # The probe, and the segment twice.
    assert service.counted('ger_requests_total{route="/v1/audio/translations",status="200"}') - before == 3


@pytest.mark.slow
def test_from_the_command_line(service: Service) -> None:
    command = ["correct", str(AUDIO / "10-snow.flac"), "--model", f"{service.url}#whisper-1"]
    done = CliRunner().invoke(app, [*command, "--mode", "combine", "--nbest", "2", "-f", "jsonl"])
    assert done.exit_code == 0, done.output
    (line,) = map(json.loads, done.stdout.splitlines())
    assert line["text"] == service.transcribe(AUDIO / "10-snow.flac").text
    assert line["hypotheses"][0]["score"] is None
    assert f"| remote:{service.url}#whisper-1,words,requests=2," in line["signature"]


# --- lists


def test_is_the_plug_in_of_that_name(server: SpeechServer) -> None:
    assert isinstance(load("frontends", "remote")(FrontendOptions(model=server.url)), AsrFrontend)


def test_lists_are_greedy_first_then_by_how_often_a_text_came(connect: Connect) -> None:
    said = ["Sow the field.", "so the field", "Sew the field", "sew the field", "SEW the field!", "..."]
    with SpeechServer(lambda _, temperature: said[round(temperature * 5)]) as server:
        (nbest,) = connect(server, nbest=3, beam_size=6).recognize([tone(1)])
        assert texts(nbest) == ["Sow the field.", "Sew the field", "so the field"]
        assert [h.extra["count"] for h in nbest.hypotheses] == [1, 3, 1]
        assert [h.score for h in nbest.hypotheses] == [None] * 3
        assert sorted(float(form["temperature"]) for form in server.forms) == [0, 0.2, 0.4, 0.6, 0.8, 1]
        assert len({normalize(text) for text in texts(nbest)}) == 3
        assert texts(connect(server, nbest=2, beam_size=6).recognize([tone(1)])[0]) == texts(nbest)[:2]


def test_loops_of_hot_samples_are_no_hypotheses(connect: Connect) -> None:
    with SpeechServer(lambda _, temperature: "the field " * (40 if temperature == 1 else 1)) as server:
        assert texts(connect(server, nbest=2).recognize([tone(1)])[0]) == ["the field"]


def test_such_lists_are_rescored_by_their_order(connect: Connect) -> None:
    with SpeechServer(lambda _, temperature: "sow the field" if temperature else "so the field") as server:
        (nbest,) = connect(server, nbest=2).recognize([tone(1)])
    for better, text in ((0.0, "so the field"), (50.0, "sow the field")):
        lm = ScriptedLM(lambda _, said, more=better: more if said.lower().startswith("sow") else 0.0)
        assert Rescorer({"lm": lm}).correct([nbest])[0].text == text


def test_a_single_hypothesis_is_one_request(server: SpeechServer, connect: Connect) -> None:
    assert texts(connect(server, nbest=1).recognize([tone(1)])[0]) == ["So, the field of 16000 samples."]
    assert [form["temperature"] for form in server.forms] == ["0"]


def test_order_concurrency_and_what_is_sent(server: SpeechServer, connect: Connect) -> None:
    segments = [tone(i / 4, f"s{i}") for i in (1, 5, 2, 9)]
    lists = connect(server, nbest=2, threads=3).recognize(segments)
    assert [(nbest.id, *texts(nbest)) for nbest in lists] == [
        (s.id, f"So, the field of {len(s.samples)} samples.") for s in segments
    ]
    assert 1 < server.most <= 3
    sent = {len(samples(form["file"])): samples(form["file"]) for form in server.forms}
    for made in segments:
        assert np.abs(sent[len(made.samples)] - made.samples * 32767).max() <= 0.5
    assert connect(server).recognize([]) == []


def test_silence_is_not_sent(server: SpeechServer, connect: Connect) -> None:
    remote = connect(server)
    server.asked.clear()
    assert [nbest.hypotheses for nbest in remote.recognize([segment(np.zeros(n)) for n in (0, 16_000)])] == [(), ()]
    assert server.asked == []


@pytest.mark.parametrize(("no_speech", "average", "count"), [(0.9, -1.5, 0), (0.9, -0.5, 1), (0.1, -1.5, 1)])
def test_what_the_model_itself_takes_for_silence(
    server: SpeechServer, connect: Connect, no_speech: float, average: float, count: int
) -> None:
    part = {"text": "Thank you.", "no_speech_prob": no_speech, "avg_logprob": average}
    server.change = lambda value: value | {"text": "Thank you.", "segments": [part]}
    (nbest,) = connect(server).recognize([tone(1)])
    assert len(nbest.hypotheses) == count
    assert len(server.forms) == (5 if count else 1)


def test_times_lie_in_the_recording_and_marks_stay(server: SpeechServer, connect: Connect) -> None:
    (nbest,) = connect(server, nbest=1).recognize([tone(2.75, start=100.0)])
    assert [(word.text, word.start, word.end) for word in nbest.best.words] == [
        ("So,", 100.0, 100.5),
        ("the", 100.5, 101.0),
        ("field", 101.0, 101.5),
        ("of", 101.5, 102.0),
        ("44000", 102.0, 102.5),
        ("samples.", 102.5, 102.75),
    ]
    assert nbest.best.extra == {"count": 1, "avg_logprob": -0.25}
    assert nbest.meta == {"frontend": "remote", "no_speech_prob": 0.125}


def test_language_and_context_are_told(server: SpeechServer, connect: Connect) -> None:
    made = AudioSegment("a", tone(1).span, tone(1).samples, "de", Context(("Löhne", "Lahn"), "Guten Tag."))
    (nbest,) = connect(server, nbest=1).recognize([made])
    assert (nbest.language, nbest.context) == ("de", made.context)
    assert (server.forms[-1]["language"], server.forms[-1]["prompt"]) == ("de", "Löhne, Lahn Guten Tag.")
    connect(server, nbest=1, task="translate", language="de").recognize([tone(1)])
    assert "language" not in server.forms[-1]
    assert server.asked[-1][0] == "/v1/audio/translations"
    hinted = connect(server, nbest=1, hotwords=("Lahn", "Aar"))
    hinted.recognize([made])
    assert server.forms[-1]["prompt"] == "Aar, Löhne, Lahn Guten Tag."  # its own last: Whisper reads the end
    assert re.search(r",language=auto,hotwords=2:[0-9a-f]{8}$", hinted.signature)
    other = connect(server, nbest=1, hotwords=tuple(f"name {i}" for i in range(10_000)))
    assert len(other.signature) < 200
    assert connect(server, nbest=1, language="fr").recognize([tone(1)])[0].language == "fr"
    server.change = lambda value: value | {"language": "english"}
    assert connect(server, nbest=1).recognize([tone(1)])[0].language is None


# --- what servers tell


@pytest.mark.parametrize(
    ("formats", "granularities", "form"),
    [
        (("json", "verbose_json"), True, "words"),
        (("json", "verbose_json"), False, "verbose_json"),
        (("json",), True, "json"),
    ],
)
def test_as_much_as_the_server_tells(
    connect: Connect, formats: tuple[str, ...], granularities: bool, form: str
) -> None:
    with SpeechServer(plain, formats, granularities=granularities) as server:
        remote = connect(server, nbest=1)
        server.asked.clear()
        (nbest,) = remote.recognize([tone(1)])
        assert len(server.asked) == 1
    assert f"#ear,{form},requests=1" in remote.signature
    assert bool(nbest.best.words) == (form == "words")
    assert ("avg_logprob" in nbest.best.extra, nbest.language) == ((False, None) if form == "json" else (True, "en"))


@pytest.mark.parametrize(
    "odd",
    [
        {"words": None, "segments": None},
        {"words": ["so"], "segments": [None, {"avg_logprob": "high"}]},
        {"words": [{"word": "So"}, {"word": None, "start": 0, "end": 1}, {"word": "a", "start": True, "end": 1}]},
        {"segments": [{"text": "So", "avg_logprob": float("nan"), "no_speech_prob": None}], "words": []},
    ],
)
def test_odd_details_are_left_out(server: SpeechServer, connect: Connect, odd: dict[str, Any]) -> None:
    server.change = lambda value: value | {"segments": []} | odd
    (nbest,) = connect(server, nbest=1).recognize([tone(1)])
    assert (nbest.best.words, nbest.best.extra) == ((), {"count": 1})


def test_words_inside_of_segments(server: SpeechServer, connect: Connect) -> None:
    words = [{"word": " So", "start": 0.25, "end": 0.5}]
    server.change = lambda value: value | {"words": None, "text": "So", "segments": [{"text": "So", "words": words}]}
    (nbest,) = connect(server, nbest=1).recognize([tone(1)])
    assert [(word.text, word.start, word.end) for word in nbest.best.words] == [("So", 0.25, 0.5)]


# --- faults


def test_the_first_model_is_used_where_none_is_named(server: SpeechServer, connect: Connect) -> None:
    assert connect(server, "").signature.startswith(f"remote:{server.url}#ear,")


def test_a_model_or_a_path_that_is_not_there(server: SpeechServer, connect: Connect) -> None:
    with pytest.raises(ModelError, match=r"#nose: the server does not transcribe: Not Found \(404\)\. Check the model"):
        connect(server, "#nose")


@pytest.mark.parametrize(
    "fault", [Fault(429, headers={"Retry-After": "7"}), Fault(503), Fault(drop=True), Fault(200, b"<")]
)
def test_passing_faults_are_waited_for(
    server: SpeechServer, connect: Connect, waits: list[float], fault: Fault
) -> None:
    remote = connect(server, nbest=1)
    server.faults.append(fault)
    assert remote.recognize([tone(1)])[0].hypotheses
    assert len(waits) == 1
    assert waits[0] >= (7 if fault.status == 429 else 0.25)


def test_a_slow_server(server: SpeechServer) -> None:
    remote = Remote(FrontendOptions(model=server.url, nbest=1), policy=Policy(tries=1, timeout=0.2))
    server.faults.append(Fault(delay=1.0))
    with pytest.raises(ModelError, match=r"no answer within 0\.2 s"):
        remote.recognize([tone(1)])


def test_a_server_that_goes_away(server: SpeechServer, connect: Connect) -> None:
    remote = connect(server, nbest=1)
    server.dead = True
    for _ in range(POLICY.patience):
        with pytest.raises(ModelError, match=r"\(4 times tried\)\. Check that the server runs\."):
            remote.recognize([tone(1)])
    sent = len(server.asked)
    with pytest.raises(ModelError, match="failed 3 times in a row and is not asked for now"):
        remote.recognize([tone(1)])
    assert len(server.asked) == sent


def test_nobody_there(connect: Connect, server: SpeechServer, waits: list[float]) -> None:
    server.server_close()
    with pytest.raises(ModelError, match=r"no connection: Connection refused \(3 times tried\)"):
        connect(server)
    server.shutdown()


def test_a_segment_that_is_too_large(server: SpeechServer, connect: Connect) -> None:
    remote = connect(server, nbest=1)
    server.faults.append(Fault(413, b"<html>Request Entity Too Large</html>"))
    with pytest.raises(ModelError, match=r"refused big: .*Too Large.* \(413\)\. Raise the limit of the server"):
        remote.recognize([tone(1, "big")])


def test_an_answer_without_text(server: SpeechServer, connect: Connect) -> None:
    remote = connect(server, nbest=1)
    server.change = lambda value: {"task": "transcribe"}
    with pytest.raises(ModelError, match="#ear: the answer has no text"):
        remote.recognize([tone(1)])
    with pytest.raises(ModelError, match="does not transcribe: its answer has no text"):
        connect(server)


def test_the_key_is_sent_and_never_shown(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    with SpeechServer(plain, key="hush-hush") as server:
        with pytest.raises(ModelError, match=r"refused the key \(401\).*Set GER_API_KEY"):
            connect(server)
        monkeypatch.setenv("GER_API_KEY", "hush-hush")
        remote = connect(server, nbest=1)
        (nbest,) = remote.recognize([tone(1)])
        assert "hush" not in remote.signature + json.dumps(nbest.to_json())
        monkeypatch.setenv("GER_API_KEY", "wrong-key")
        with pytest.raises(ModelError, match="refused the key") as caught:
            connect(server)
        assert "wrong-key" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("", r"^The remote front end needs the address of a server\. Give its address and the model's name"),
        ("whisper-base", "The remote front end needs the address"),
        ("ftp://host/v1", "needs the address"),
        ("http://me:secret@host/v1", r"holds a user name or password\. Set GER_API_KEY"),
        ("http://host/v1#ear,beam=4", r"'beam' is no setting of a server's model\. There are none\."),
    ],
)
def test_addresses_that_are_none(model: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Remote(FrontendOptions(model=model))


def test_a_broken_server_fails_its_input_and_not_the_run(
    server: SpeechServer, made: fakes.Made, tmp_path: Path
) -> None:
    files = [fakes.tone(tmp_path / f"{name}.wav", seconds) for name, seconds in (("large", 0.75), ("small", 0.5))]

    def hear(heard: Any, temperature: float) -> str:
        if len(heard) > 8000:
            raise Refusal(413, "Too large")
        return "fine"

    server.script = hear
    options = ["--model", f"remote:{server.url}#ear", "--nbest", "1", "--mode", "combine", "-f", "txt"]
    done = CliRunner().invoke(app, ["correct", *map(str, files), *options])
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (1, "fine")
    assert "large.wav: " in done.stderr
    assert "Too large (413)" in done.stderr
    assert "small.wav: " not in done.stderr
