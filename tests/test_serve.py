"""The service with scripted models: formats, streams, limits, refusals, many clients at once."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import fakes
import numpy
import openai
import pytest
import soundfile
from fakes import Made, tone
from fixtures_serve import Service

from ger.hotwords import Hotword, Hotwords
from ger.serve import audio
from ger.types import AudioSegment

Start = Callable[..., Service]

TEXT = "change words 0 sow the field change words 1 sow the field"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return tone(tmp_path / "change.wav", 2)


def post(service: Service, path: Path, name: str = "", **data: Any) -> Any:
    with path.open("rb") as file:
        return service.http.post("/v1/audio/transcriptions", files={"file": (name or path.name, file)}, data=data)


FORM = {"content-type": "multipart/form-data; boundary=x"}


def form(content: bytes, name: str, headers: str = "") -> bytes:
    """A form with a file, as it goes over the wire."""
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n{headers}\r\n'
    return head.encode() + content + b"\r\n--x--\r\n"


def error(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    value: dict[str, Any] = answer.json()["error"]
    assert set(value) == {"message", "type", "param", "code"}
    return value


def wait_for(happened: Callable[[], Any]) -> None:
    for _ in range(200):
        if happened():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen")


# Transcriptions


def test_the_five_formats(serve: Start, clip: Path) -> None:
    service = serve()
    made = {name: service.transcribe(clip, response_format=name) for name in ("json", "text", "srt", "vtt")}
    assert made["json"].text == TEXT
    assert made["json"].usage.seconds == 2.0
    assert made["text"] == f"{TEXT}\n"
    assert made["srt"].startswith("1\n00:00:00,000 --> 00:00:01,000\nchange words 0 sow the field\n\n2\n")
    assert made["vtt"].startswith("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nchange words 0 sow the field\n")
    verbose = service.transcribe(clip, response_format="verbose_json", language="de")
    assert (verbose.text, verbose.language, verbose.duration, verbose.words) == (TEXT, "de", 2.0, None)
    assert [(part.id, part.start, part.end, part.text) for part in verbose.segments] == [
        (0, 0.0, 1.0, "change words 0 sow the field"),
        (1, 1.0, 2.0, "change words 1 sow the field"),
    ]
    assert verbose.segments[1].decision == "reranked"
    assert verbose.segments[1].edits == [{"before": "so", "after": "sow"}]
    words = service.transcribe(clip, response_format="verbose_json", timestamp_granularities=["word"])
    assert (words.words, words.segments) == ([], None)


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
def test_a_translation_has_a_recognizer_of_its_own(serve: Start, clip: Path, made: Made) -> None:
    service = serve()
    with service.client() as client:
        for _ in range(2):
            assert client.audio.translations.create(file=clip, model="whisper-1").text == TEXT
    assert len(made.frontends) == 2
    assert service.counted('ger_batches_total{stage="recognize:translate"}') >= 1


def test_the_prompt_is_read_by_the_language_model(serve: Start, clip: Path, made: Made) -> None:
    serve().transcribe(clip, prompt="Ships of the line.")
    assert all("Ships of the line." in request.prefix for call in made.lms[0].scored for request in call)


def test_hotwords_of_a_request_are_read_beside_those_of_the_service(
    serve: Start, clip: Path, made: Made, tmp_path: Path
) -> None:
    (tmp_path / "names.txt").write_text("Ilium\n")
    service = serve(hotwords=Hotwords((Hotword("Trout"),), {clip.name: (Hotword("Ada"),)}), previous=1)
    service.transcribe(clip, prompt="Ships of the line.", extra_body={"hotwords": f" Kilgore,{tmp_path}/names.txt"})
    prefixes = [request.prefix for call in made.lms[0].scored for request in call]
    assert len(prefixes) > 1
    # The name of a file is a text: a client reads no files of the service's machine.
    assert all(f"Kilgore, {tmp_path}/names.txt, Ada, Trout" in prefix for prefix in prefixes)
    with pytest.raises(openai.BadRequestError, match="The hotword ' --' has no letter"):
        service.transcribe(clip, extra_body={"hotwords": "Ada, --"})


def test_with_running_context_the_prompt_stands_before_the_first_segment(serve: Start, clip: Path, made: Made) -> None:
    service = serve(previous=1)
    for _ in range(2):
        made.lms[0].scored.clear()
        service.transcribe(clip, prompt="Ships of the line.")
        prefixes = [request.prefix for call in made.lms[0].scored for request in call]
        assert ["Ships" in prefix for prefix in prefixes] == [True, False]
        assert "hange words 0 sow" in prefixes[1]


def test_silence_has_no_text(serve: Start, tmp_path: Path) -> None:
    service = serve()
    quiet = tone(tmp_path / "quiet.wav", 1, volume=0)
    assert service.transcribe(quiet).text == ""
    assert service.transcribe(quiet, response_format="srt") == ""
    assert [event.type for event in service.transcribe(quiet, stream=True)] == ["transcript.text.done"]


def test_a_stream_gives_the_text_in_parts(serve: Start, clip: Path) -> None:
    service = serve()
    events = list(service.transcribe(clip, stream=True))
    assert [event.type for event in events] == ["transcript.text.delta"] * 2 + ["transcript.text.done"]
    assert "".join(event.delta for event in events[:-1]) == events[-1].text == TEXT
    raw = post(service, clip, stream="true", model="whisper-1")
    assert raw.headers["content-type"].startswith("text/event-stream")
    assert raw.text.count("data: ") == 3


def test_the_first_part_comes_before_the_last_one_is_recognized(
    serve: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, before = threading.Event(), fakes.heard

    def heard(segment: AudioSegment) -> list[tuple[str, float]]:
        assert not segment.id.endswith("/0059") or slow.wait(30)
        return before(segment)

    monkeypatch.setattr(fakes, "heard", heard)
    events = iter(serve().transcribe(tone(tmp_path / "long.wav", 60), stream=True))
    assert next(events).delta.startswith("plain words 0")
    slow.set()
    assert [event.type for event in events][-2:] == ["transcript.text.delta", "transcript.text.done"]


def test_a_model_that_breaks_fails_its_own_recording(serve: Start, tmp_path: Path, clip: Path) -> None:
    service = serve()
    broken = tone(tmp_path / "broken.wav", 2)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: post(service, clip if i % 2 else broken), range(8)))
    assert [answer.status_code for answer in answers] == [500, 200] * 4
    assert error(answers[0], 500)["message"] == "The recognizer broke. Use another one."
    assert answers[1].json()["text"] == TEXT
    with pytest.raises(openai.APIError, match="The recognizer broke"):
        list(service.transcribe(broken, stream=True))


def test_many_clients_at_once_share_batches_and_keep_their_answers(
    serve: Start, tmp_path: Path, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GER_TEST_DELAY", "0.01")
    service = serve()
    paths = [tone(tmp_path / f"{'change' if i % 2 else 'plain'}{i}.wav", 1 + i % 3) for i in range(16)]
    with ThreadPoolExecutor(16) as pool:
        texts = [made.text for made in pool.map(service.transcribe, paths)]
    for i, text in enumerate(texts):
        kind, verb = ("change", "sow") if i % 2 else ("plain", "so")
        assert text == " ".join(f"{kind} words {k} {verb} the field" for k in range(1 + i % 3))
    assert any(len({id.split("/")[0] for id in call}) > 1 for call in made.frontends[0].calls)
    assert service.counted("ger_audio_seconds_total") == sum(1 + i % 3 for i in range(16))


# What cannot be used


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd.wav", "../../etc/passwd.wav"),
        ("C:\\x\\a b.wav", "a b.wav"),
        ("/dev/stdin", "/dev/stdin"),
        ("a\u202e.wav", "a\\u202e.wav"),
        ("x" * 300, "x" * 200),
    ],
)
def test_bad_audio_is_named_as_the_client_called_it(
    serve: Start, tmp_path: Path, name: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    service = serve()
    (tmp_path / "bad").write_bytes(b"not audio")
    message = error(post(service, tmp_path / "bad", name, model="whisper-1"), 400)["message"]
    assert message.startswith(f"{shown} cannot be read as audio")
    assert str(tmp_path) not in message
    assert [path.name for path in tmp_path.iterdir()] == ["bad"]


def test_files_that_lead_to_others_are_refused(serve: Start, tmp_path: Path, clip: Path) -> None:
    service = serve()
    (tmp_path / "list").write_text(f"ffconcat version 1.0\nfile {clip.name}\n")
    (tmp_path / "play").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{clip}\n#EXT-X-ENDLIST\n")
    for name in ("list", "play"):
        assert "cannot be read as audio" in error(post(service, tmp_path / name, "a.wav"), 400)["message"]


@pytest.mark.parametrize(
    "name", ["../../change.wav", "/etc/change", "..\\change", "change\0.wav", "change/..", "change" * 500, "SECRET"]
)
def test_a_name_opens_and_makes_no_file(
    serve: Start, tmp_path: Path, clip: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tone(tmp_path / "change-secret.wav", 5)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    name = name.replace("SECRET", str(secret))
    answer = serve().http.post("/v1/audio/transcriptions", content=form(clip.read_bytes(), name), headers=FORM)
    assert answer.json()["text"].count("the field") == 2  # seconds, where the secret has five
    assert {path.name for path in tmp_path.iterdir()} == {"change.wav", "change-secret.wav"}


def test_archives_are_no_audio_and_are_not_unpacked(
    serve: Start, tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ZipFile(tmp_path / "bomb.zip", "w", ZIP_DEFLATED) as archive:
        archive.writestr("change.wav", bytes(100_000_000))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    service = serve()
    for name in ("bomb.zip", "bomb.wav"):
        assert f"{name} cannot be read as audio" in error(post(service, tmp_path / "bomb.zip", name), 400)["message"]
    packed = form(gzip.compress(clip.read_bytes()), "change.wav", "Content-Encoding: gzip\r\n")
    answer = service.http.post("/v1/audio/transcriptions", content=packed, headers=FORM)
    assert "change.wav cannot be read as audio" in error(answer, 400)["message"]
    assert {path.name for path in tmp_path.iterdir()} == {"change.wav", "bomb.zip"}


@pytest.mark.parametrize(("name", "subtype", "minutes"), [("long.flac", "PCM_16", 60), ("long.ogg", "OPUS", 10)])
def test_a_small_file_of_much_silence_is_refused(
    serve: Start, tmp_path: Path, name: str, subtype: str, minutes: int
) -> None:
    soundfile.write(tmp_path / name, numpy.zeros(minutes * 60 * 16_000, "int16"), 16_000, subtype=subtype)
    assert (tmp_path / name).stat().st_size < 1_000_000
    service = serve(audio=60.0)
    assert error(post(service, tmp_path / name), 400)["message"] == f"{name} is longer than 60 s. Send it in parts."
    assert service.counted("ger_audio_seconds_total") < 100  # and the rest of it was not unpacked


def test_empty_cut_and_enormous_recordings_are_refused(serve: Start, tmp_path: Path, clip: Path) -> None:
    service = serve(audio=3.0)
    (tmp_path / "empty.wav").touch()
    assert "empty.wav: the file is empty" in error(post(service, tmp_path / "empty.wav"), 400)["message"]
    (tmp_path / "cut.wav").write_bytes(clip.read_bytes()[:30_000])
    assert "cut.wav is cut short" in error(post(service, tmp_path / "cut.wav"), 400)["message"]
    long = error(post(service, tone(tmp_path / "long.wav", 4, volume=0)), 400)["message"]
    assert long == "long.wav is longer than 3 s. Send it in parts."
    low = tone(tmp_path / "low.wav", 100, rate=100)
    assert "has a sample rate of 100 Hz" in error(post(service, low), 400)["message"]
    assert service.transcribe(clip).text == TEXT


def test_wrong_fields_are_named(serve: Start, clip: Path) -> None:
    service = serve()
    assert error(post(service, clip, model="gpt-9"), 404) | {"message": ""} == {
        "message": "",
        "type": "invalid_request_error",
        "param": "model",
        "code": "model_not_found",
    }
    assert error(post(service, clip, response_format="xml"), 400)["param"] == "response_format"
    assert error(post(service, clip, response_format="srt", stream="true"), 400)["param"] == "response_format"
    assert error(service.http.post("/v1/audio/transcriptions", data={"model": "whisper-1"}), 400)["param"] == "file"
    assert error(service.http.post("/v1/audio/transcriptions", content=b"{}"), 400)["param"] == "file"
    torn = {"content-type": "multipart/form-data; boundary=x"}
    error(service.http.post("/v1/audio/transcriptions", content=b"--x\r\nnonsense", headers=torn), 400)
    error(service.http.get("/v1/audio/transcriptions"), 405)
    error(service.http.get("/nothing"), 404)


def test_what_nobody_thought_of_is_told_without_what_was_sent(
    serve: Start, clip: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    service, sent = serve(), "secret words"

    def broken(*_: Any) -> None:
        raise RuntimeError(sent)

    monkeypatch.setattr(audio, "answer", broken)
    message = error(post(service, clip), 500)["message"]
    assert message == "The service broke. Its log says where."
    wait_for(lambda: service.counted('ger_requests_total{route="/v1/audio/transcriptions",status="500"}'))
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text
    monkeypatch.setattr(audio, "flat", broken)
    with pytest.raises(openai.APIError, match="The service broke"):
        list(service.transcribe(clip, stream=True))
    assert service.http.get("/health").json()["status"] == "ok"


# Limits


def test_the_key(serve: Start, clip: Path) -> None:
    service = serve(key="hush hush")
    with service.client("hush hush") as client:
        assert client.audio.transcriptions.create(file=clip, model="whisper-1").text == TEXT
        assert [model.id for model in client.models.list()] == ["whisper-base", "whisper-1"]
    with pytest.raises(openai.AuthenticationError) as caught:
        service.transcribe(clip)
    assert caught.value.code == "invalid_api_key"
    for path in ("/v1/models", "/metrics", "/v1/models/whisper-1"):
        error(service.http.get(path), 401)
    error(service.http.get("/v1/models", headers={"Authorization": "hush hush"}), 401)
    error(service.http.get("/v1/models", headers={"Authorization": "Bearer huſh hush".encode()}), 401)
    for path in ("/health", "/docs", "/openapi.json"):
        assert service.http.get(path).status_code == 200


def test_a_large_request_is_refused_by_its_head(serve: Start, tmp_path: Path, clip: Path) -> None:
    service = serve(body=100_000)
    (tmp_path / "large").write_bytes(b"x" * 3_000_000)
    answer = error(post(service, tmp_path / "large"), 413)
    assert answer["message"] == "The request is larger than 100000 bytes. Send less at once."
    assert service.transcribe(clip).text == TEXT


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "deflate", "br", "zstd", "gzip, gzip", "identity, gzip"])
def test_packed_requests_are_refused_as_they_are(serve: Start, clip: Path, coding: str) -> None:
    service = serve()
    records = gzip.compress(json.dumps(RECORD).encode() + b" " * 100_000_000)
    recording = gzip.compress(form(clip.read_bytes(), "change.wav"))
    for path, body, kind in (
        ("/v1/correct", records, {"content-type": "application/json"}),
        ("/v1/audio/transcriptions", recording, FORM),
    ):
        answer = service.http.post(path, content=body, headers=kind | {"content-encoding": coding})
        assert error(answer, 415)["message"] == "Compressed requests are not taken. Send the body as it is."


def test_what_is_packed_on_the_way_is_not_unpacked(serve: Start) -> None:
    service, body = serve(), gzip.compress(json.dumps(RECORD).encode())
    host, port = service.url.removeprefix("http://").removesuffix("/v1").split(":")
    head = f"POST /v1/correct HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(head.encode() + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        assert connection.recv(1000).split()[1] in (b"400", b"501")


@pytest.mark.parametrize("path", ["/v1/audio/transcriptions", "/v1/correct"])
def test_a_request_that_does_not_say_how_large_it_is_is_refused_while_it_is_read(serve: Start, path: str) -> None:
    service = serve(body=100_000)
    host, port = service.url.removeprefix("http://").removesuffix("/v1").split(":")
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n"
    head += "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(head.encode() + b"%x\r\n%s\r\n" % (len(part), part))
        for _ in range(3):
            connection.sendall(b"%x\r\n%s\r\n" % (40_000, b"x" * 40_000))
        assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")  # and the end of it was never sent


def test_a_full_queue_says_when_to_come_again(serve: Start, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GER_TEST_DELAY", "0.4")
    service = serve(requests=2)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(service, clip), range(8)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses.count(429) >= 4
    assert statuses.count(200) >= 2
    assert set(statuses) == {200, 429}
    for answer in answers:
        if answer.status_code == 429:
            assert 1 <= int(answer.headers["retry-after"]) <= 60
            assert error(answer, 429)["code"] == "queue_full"
        else:
            assert answer.json()["text"] == TEXT
    assert post(service, clip).status_code == 200
    service.wait("ger_requests_in_hand", 0)


def test_what_takes_too_long_is_given_up(serve: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = serve(seconds=1.0)
    monkeypatch.setenv("GER_TEST_DELAY", "0.1")
    answer = post(service, tone(tmp_path / "change.wav", 60))
    assert error(answer, 504)["message"] == "The answer was not there within 1 s."
    monkeypatch.setenv("GER_TEST_DELAY", "0")
    assert service.transcribe(tone(tmp_path / "short.wav", 1)).text == "plain words 0 so the field"
    done = service.counted('ger_batched_items_total{stage="recognize:transcribe"}')
    assert done < 60
    assert service.counted('ger_requests_total{route="/v1/audio/transcriptions",status="504"}') == 1


def test_of_a_client_that_has_gone_nothing_more_is_done(
    serve: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GER_TEST_DELAY", "0.1")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    service = serve()
    path = tone(tmp_path / "change.wav", 60)
    with path.open("rb") as file, pytest.raises(Exception, match="timed out"):
        service.http.post("/v1/audio/transcriptions", files={"file": file}, timeout=0.7)
    wait_for(lambda: service.counted('ger_requests_total{route="/v1/audio/transcriptions",status="499"}'))
    service.wait("ger_requests_in_hand", 0)
    assert service.counted('ger_batched_items_total{stage="recognize:transcribe"}') < 60
    assert list(tmp_path.glob("ger-serve-*")) == []


def test_ending_finishes_what_was_accepted(serve: Start, clip: Path, made: Made) -> None:
    from ger.api import settings
    from ger.serve.run import serving

    with ThreadPoolExecutor(6) as pool:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GER_TEST_DELAY", "0.2")
            with serving(settings()) as url:
                service = Service(url)
                futures = [pool.submit(post, service, clip) for _ in range(5)]
                futures.append(pool.submit(post, service, clip, stream="true"))
                wait_for(lambda: service.counted("ger_requests_in_hand") == 6)
            answers = [future.result(30) for future in futures]
        assert [answer.status_code for answer in answers] == [200] * 6
        assert all(TEXT in answer.text for answer in answers)
        with pytest.raises(Exception, match="refused"):
            service.http.get("/health")
        service.close()


# Lists


RECORD = {"id": "a", "hypotheses": [{"text": "change so", "score": -1}, {"text": "change sow it", "score": -2}]}


def test_records_of_translations_are_asked_about_as_such(serve: Start, made: Made) -> None:
    service = serve(mode="generate")
    told = RECORD | {"task": "translate", "language": "en", "target": "de"}
    assert service.http.post("/v1/correct", json=told).json()["target"] == "de"
    assert "You translate what was said from English into German" in str(made.lms[-1].prompted[0][0].prompt)


def test_records_come_back_in_the_shape_they_had(serve: Start) -> None:
    service = serve()
    one = service.http.post("/v1/correct", json=RECORD).json()
    assert (one["id"], one["text"], one["decision"]) == ("a", "change sow it", "reranked")
    many = service.http.post("/v1/correct", json=[RECORD, {"text": "plain"}, RECORD | {"id": "c", "meta": {"x": 1}}])
    assert [(row["id"], row["text"]) for row in many.json()] == [("a", one["text"]), ("2", "plain"), ("c", one["text"])]
    assert many.json()[2]["meta"] == {"x": 1}
    lines = "\n".join(json.dumps(RECORD | {"id": str(i)}) for i in range(3)) + "\n\n"
    for kind in ("application/jsonl", "application/x-ndjson"):
        answer = service.http.post("/v1/correct", content=f"\ufeff{lines}".encode(), headers={"content-type": kind})
        assert [json.loads(row)["id"] for row in answer.text.splitlines()] == ["0", "1", "2"]
        assert answer.headers["content-type"] == "application/jsonl"
    assert service.http.post("/v1/correct", json=[]).json() == []
    assert service.http.post("/v1/correct", json=one).json() == one
    assert service.counted('ger_corrections_total{decision="reranked"}') == 10


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (b'{"id": "a"', "application/json", "The request is not JSON ("),
        (b'{"text": "a"}\n{"text": "b"}', "application/json", "Send JSON Lines as application/jsonl."),
        (b'{"text": "a"}\n{"te', "application/jsonl", "line 2: not JSON ("),
        (b'[{"text": "a"}, 7]', "application/json", "record 2: expected a JSON object, found a number."),
        (b'{"id": "a"}', "application/json", "the record: 'hypotheses' is missing."),
        (b'[{"id": "2", "text": "a"}, {"text": "b"}]', "application/json", "Records 1 and 2 both have the id '2'."),
        (b'{"text": "\xff"}', "application/json", "The request is not JSON ("),
        (b"[" * 100_000, "application/json", "The request is not JSON ("),
        (b'{"id": "a", "hypotheses": [{"text": "a", "score": "x"}]}', "", "should be a finite number"),
    ],
)
def test_what_is_no_record_is_refused(serve: Start, body: bytes, kind: str, message: str) -> None:
    answer = serve().http.post("/v1/correct", content=body, headers={"content-type": kind})
    assert message in error(answer, 400)["message"]


def test_records_of_many_clients_share_batches(serve: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GER_TEST_LM_DELAY", "0.01")
    service = serve()

    def ask(number: int) -> str:
        given = [RECORD | {"id": f"{number}-{i}"} for i in range(4)]
        return ",".join(row["id"] for row in service.http.post("/v1/correct", json=given).json())

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, range(16))) == [",".join(f"{n}-{i}" for i in range(4)) for n in range(16)]
    assert service.counted('ger_batched_items_total{stage="correct"}') == 64
    assert service.counted('ger_batches_total{stage="correct"}') < 64


# What it tells of itself


def test_models_health_and_pages(serve: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    service = serve(model="/models/tiny/")
    with service.client() as client:
        assert [model.id for model in client.models.list()] == ["tiny", "whisper-1"]
        assert client.models.retrieve("tiny").owned_by == "ger"
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("absent")
    health = service.http.get("/health").json()
    assert (health["status"], health["model"]) == ("ok", "tiny")
    page = service.http.get("/openapi.json").json()
    assert {"/v1/audio/transcriptions", "/v1/audio/translations", "/v1/correct", "/health"} <= set(page["paths"])
    assert "timestamp_granularities[]" in json.dumps(page)
    assert "oneOf" in json.dumps(page["paths"]["/v1/correct"])


def test_metrics_are_what_prometheus_reads(serve: Start, clip: Path) -> None:
    service = serve()
    for _ in range(3):
        service.transcribe(clip)
    service.http.get("/secret-path")
    answer = service.http.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = answer.text.splitlines()
    assert 'ger_requests_total{route="/v1/audio/transcriptions",status="200"} 3' in lines
    assert 'ger_request_seconds_bucket{route="/v1/audio/transcriptions",le="+Inf"} 3' in lines
    assert 'ger_corrections_total{decision="reranked"} 6' in lines
    assert "ger_audio_seconds_total 6.000" in lines
    assert "secret" not in answer.text
    counts = [float(line.split()[-1]) for line in lines if 'transcriptions",le=' in line]
    assert counts == sorted(counts)
    typed = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    names = {line.split("{")[0].split(" ")[0] for line in lines if not line.startswith("#")}
    assert {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in names} <= typed


def test_the_log_has_sizes_and_times_and_nothing_of_the_request(
    serve: Start, tmp_path: Path, clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "ger.serve")
    service = serve(key="hush")
    headers = {"Authorization": "Bearer hush"}
    with clip.open("rb") as file:
        files = {"file": ("change private.wav", file)}
        service.http.post("/v1/audio/transcriptions?q=private", files=files, headers=headers)
    service.http.get("/private", headers=headers)
    wait_for(lambda: len(caplog.records) >= 2)
    logged = [record.getMessage() for record in caplog.records if record.name == "ger.serve"]
    assert len(logged) == 2
    assert logged[0].startswith("POST /v1/audio/transcriptions 200, 64")
    assert logged[1].startswith("GET other 404, 0 bytes in, ")
    for word in ("private", "hush", "sow", str(tmp_path)):
        assert word not in "".join(logged)
