"""`ger serve` in a process of its own, with scripted models: signals, addresses, warnings."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fakes import tone
from fixtures_cli import run, start

import ger
from ger.serve.run import bind


@contextmanager
def started(*arguments: str, **rest: Any) -> Iterator[tuple[Any, str, list[str]]]:
    """The process, its address, and what it said before that."""
    with start("serve", "--port", "0", *arguments, **rest) as process:
        said: list[str] = []
        try:
            for line in process.stderr:
                said.append(line)
                if match := re.match(r"Listening on (http://\S+)/v1\n", line):
                    yield process, match[1], said
                    return
            raise AssertionError("".join(said))
        finally:
            process.kill()


def end(process: Any, number: int) -> tuple[int, str]:
    """Exit code and the rest of standard error after a signal."""
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    return process.returncode, err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_after_the_accepted_requests(tmp_path: Path, number: int) -> None:
    clip = tone(tmp_path / "change.wav", 3)

    def post(url: str) -> Any:
        with clip.open("rb") as file:
            return httpx2.post(f"{url}/v1/audio/transcriptions", files={"file": file}, timeout=60)

    with started(env={"GER_TEST_DELAY": "0.3"}) as (process, url, _), ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(post, url) for _ in range(4)]
        while "ger_requests_in_hand 4" not in httpx2.get(f"{url}/metrics").text:
            pass
        code, err = end(process, number)
        assert code == 0, err
        assert err.endswith("All accepted requests are answered.\n")
        assert [answer.result().json()["text"].count("sow the field") for answer in answers] == [3] * 4
        assert len(re.findall(r"INFO POST /v1/audio/transcriptions 200, ", err)) == 4
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(f"{url}/health")


def test_whoever_can_be_reached_without_a_key_is_warned() -> None:
    warning = "Warning: everybody who reaches this machine can use the service."
    with started("--host", "0.0.0.0", "--log-level", "error") as (process, url, said):
        assert url.startswith("http://0.0.0.0:")
        assert said[0].startswith(warning)
        assert end(process, signal.SIGTERM) == (0, "All accepted requests are answered.\n")
    with started("--host", "0.0.0.0", env={"GER_API_KEY": "hush"}) as (process, url, said):
        assert len(said) == 1
        assert httpx2.get(f"{url.replace('0.0.0.0', '127.0.0.1')}/v1/models").status_code == 401
        end(process, signal.SIGTERM)
    with started() as (process, _, said):
        assert len(said) == 1
        end(process, signal.SIGTERM)


def test_what_cannot_be_is_told_before_it_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = run("serve", "--port", str(port))
        assert (code, err.startswith(f"Error: 127.0.0.1 port {port} cannot be used: Address already in use.")) == (
            2,
            True,
        )
    assert run("serve", "--host", "no such host")[0] == 2


def test_the_key_of_a_model_server_is_not_that_of_clients() -> None:
    server = "http://localhost:9/v1#m"
    for option in (["--llm", server], ["--model", server], ["--mode", "generate", "--llm", server]):
        code, out, err = run("serve", "--port", "0", *option, env={"GER_API_KEY": "hush"})
        assert (code, out) == (2, "")
        assert "GER_API_KEY is sent to the server of http://localhost:9/v1#m, so it cannot be what clients" in err
    with started(env={"GER_API_KEY": "theirs", "GER_SERVE_API_KEY": "ours"}) as (process, url, _):
        for key, status in (("theirs", 401), ("ours", 200)):
            assert httpx2.get(f"{url}/v1/models", headers={"Authorization": f"Bearer {key}"}).status_code == status
        end(process, signal.SIGTERM)
    code, _, err = run("serve", "--port", "0", "--log-level", "loud")
    assert (code, "There is no log level called 'loud'" in err) == (2, True)
    code, _, err = run("serve", "--port", "0", "--queue", "0")
    assert (code, "have to be positive" in err) == (2, True)
    code, _, err = run("serve", "--port", "0", "--hotword-model", "missing.toml")
    assert (code, "missing.toml cannot be read" in err) == (1, True), err
    code, _, err = run("serve", "--port", "0", "--llm", "missing")
    assert (code, err) == (1, "Error: The model missing cannot be found. Check the name.\n")


def test_without_the_packages_it_names_the_command(tmp_path: Path) -> None:
    (tmp_path / "fastapi.py").write_text("raise ImportError\n")
    paths = [tmp_path, Path(__file__).parent, Path(ger.__file__).parents[1]]
    code, _, err = run("serve", env={"PYTHONPATH": os.pathsep.join(map(str, paths))})
    assert (code, "Run: pip install 'ger-asr[serve]'" in err) == (1, True)


def test_answers_do_not_wait_for_acknowledgements() -> None:
    """asyncio sets TCP_NODELAY on connections whose socket names its protocol."""
    with bind("127.0.0.1", 0) as listener:
        listener.listen()
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
            assert accepted.proto == socket.IPPROTO_TCP
