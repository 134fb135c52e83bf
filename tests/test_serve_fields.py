"""Forms that clients send: fields of OpenAI's interface, and what is sent to do harm."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest
from fakes import tone
from fixtures_serve import Service

Start = Callable[..., Service]

ROUTE = "/v1/audio/transcriptions"
FORM = {"content-type": "multipart/form-data; boundary=x"}
END = b"--x--\r\n"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return tone(tmp_path / "plain.wav", 1)


def sent(service: Service, clip: Path, route: str = ROUTE, **fields: Any) -> Any:
    with clip.open("rb") as file:
        return service.http.post(route, files={"file": file}, data=fields)


def refused(answer: Any, param: str | None) -> str:
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    message: str = error["message"]
    return message


def part(name: bytes, content: bytes = b"v", file: bytes | None = None) -> bytes:
    """A part of a form as it goes over the wire."""
    called = b"" if file is None else b'; filename="' + file + b'"'
    return b'--x\r\nContent-Disposition: form-data; name="' + name + b'"' + called + b"\r\n\r\n" + content + b"\r\n"


# Fields of OpenAI's interface


@pytest.mark.parametrize("route", [ROUTE, "/v1/audio/translations"])
def test_what_makes_no_difference_is_taken(serve: Start, clip: Path, route: str) -> None:
    service = serve()
    plain = sent(service, clip, route).json()
    for fields in ({"temperature": "0"}, {"temperature": "0.8", "chunking_strategy": "auto"}, {"seed": "7", "": "x"}):
        assert sent(service, clip, route, **fields).json() == plain


def test_a_temperature_that_is_none_is_refused(serve: Start, clip: Path) -> None:
    service = serve()
    for given in ("hot", "-0.1", "1.5", "nan", "inf"):
        assert refused(sent(service, clip, temperature=given), "temperature").startswith("temperature: ")


def test_what_would_have_to_make_a_difference_is_refused(serve: Start, clip: Path) -> None:
    service = serve()
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"include[]": "logprobs"}, "include", "Tokens have no log-probabilities here."),
        ({"keywords[]": ["Ada", "Trout"]}, "keywords", "Words that may occur are called hotwords here"),
        ({"languages[]": "de"}, "languages", "Send it as language"),
        ({"known_speaker_names[]": "Ada"}, "known_speaker_names", "Speakers are not told apart here."),
        ({"known_speaker_references[]": "data:,"}, "known_speaker_references", "Speakers are not told apart here."),
        ({"chunking_strategy": "server_vad"}, "chunking_strategy", "Use auto, or leave it out."),
        ({"chunking_strategy[type]": "server_vad"}, "chunking_strategy", "Use auto, or leave it out."),
        ({"timestamp_granularities": "word"}, "timestamp_granularities", "Call it timestamp_granularities[]."),
        ({"timestamp_granularities[]": "word"}, "timestamp_granularities", "Times are in verbose_json only."),
        ({"response_format": "diarized_json"}, "response_format", "Input should be 'json', 'text'"),
    ]
    for fields, param, message in cases:
        said = refused(sent(service, clip, **fields), param)
        assert said.startswith(f"{param}: ")
        assert message in said


def test_openais_client_comes_to_read_what_is_refused(serve: Start, clip: Path) -> None:
    service = serve()
    for options in (
        {"include": ["logprobs"]},
        {"chunking_strategy": {"type": "server_vad", "threshold": 0.7}},
        {"timestamp_granularities": ["word"]},
    ):
        (name,) = options
        with pytest.raises(openai.BadRequestError, match=f"{name}: ") as caught:
            service.transcribe(clip, **options)
        assert caught.value.param == name
    assert service.transcribe(clip, temperature=0.2, chunking_strategy="auto").text == "plain words 0 so the field"


# What is sent to do harm


def test_forms_that_would_become_large_are_refused(serve: Start, clip: Path) -> None:
    service = serve()
    for body, message in (
        (b"".join(part(b"f%d" % i) for i in range(5000)) + END, "Too many fields."),
        (b"".join(part(b"file", file=b"a.wav") for _ in range(5000)) + END, "Too many files."),
        (part(b"prompt", b"x" * 20_000_000) + END, "Part exceeded maximum size"),
        (part(b"n" * 20_000_000) + END, "Invalid multipart data."),
        (part(b"file", file=b"n" * 20_000_000) + END, "Invalid multipart data."),
        (b"--x\r\nX-A: " + b"y" * 20_000_000 + b"\r\n\r\n", "Invalid multipart data."),
        (b"--x\r\n" + b"X-A: y\r\n" * 1_000_000, "Invalid multipart data."),
        (b"--x\r\n" * 1_000_000, "Invalid multipart data."),
    ):
        with grown(200):
            answer = service.http.post(ROUTE, content=body, headers=FORM)
        assert message in refused(answer, None)
    assert sent(service, clip).status_code == 200


def test_what_is_no_form_in_parts_is_refused_unread(serve: Start) -> None:
    service, message = serve(), "file: Send the recording in a form (multipart/form-data)."
    for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/mixed; boundary=x", ""):
        with grown(200):
            answer = service.http.post(ROUTE, content=b"a&" * 5_000_000, headers={"content-type": kind})
        assert refused(answer, "file") == message


def test_lines_are_read_one_by_one_and_only_so_many(serve: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    service, kind = serve(), {"content-type": "application/jsonl"}
    with grown(200):
        answer = service.http.post("/v1/correct", content=b"x\n" * 10_000_000, headers=kind)
    assert refused(answer, None).startswith("line 1: not JSON (")
    monkeypatch.setattr("ger.serve.records._MOST", 3)
    for body, headers in ((b'{"text":"a"}\n' * 3, kind), (b'[{"text":"a"},{"text":"b"},{"text":"c"}]', {})):
        assert service.http.post("/v1/correct", content=body, headers=headers).status_code == 200
        more = body.replace(b'{"text":"a"}', b'{"text":"a"}\n{"text":"d"}' if headers else b'{"text":"a"},{"text":"d"}')
        message = "There are more than 3 records in the request. Send them in parts."
        assert refused(service.http.post("/v1/correct", content=more, headers=headers), None) == message


@contextmanager
def grown(most: float) -> Iterator[None]:
    """Fails where the process has needed so many megabytes more than ever before, client and service together."""
    before = _peak()
    yield
    assert _peak() - before < most


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
