"""The service in a thread, with scripted parts or with real ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fakes
import pytest

from ger.api import settings

if TYPE_CHECKING:
    import openai


class Service:
    """A running service and clients of it."""

    def __init__(self, url: str) -> None:
        import httpx2

        self.url = url
        self.http = httpx2.Client(base_url=url.removesuffix("/v1"), timeout=60)
        self._openai = self.client()

    def close(self) -> None:
        self.http.close()
        self._openai.close()

    def client(self, key: str = "none") -> openai.OpenAI:
        import openai

        return openai.OpenAI(base_url=self.url, api_key=key, max_retries=0, timeout=300)

    def transcribe(self, path: Path, **options: Any) -> Any:
        return self._openai.audio.transcriptions.create(file=path, **({"model": "whisper-1"} | options))

    def counted(self, start: str) -> float:
        """The number on the line of /metrics that begins like that; 0 where there is none."""
        lines = self.http.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(start))

    def wait(self, start: str, number: float) -> None:
        """Wait until it is that number: a client may have its answer before the service has noted so."""
        end = time.monotonic() + 20
        while self.counted(start) != number:
            assert time.monotonic() < end, start
            time.sleep(0.05)


@pytest.fixture
def serve(made: fakes.Made) -> Iterator[Callable[..., Service]]:
    """Starts the service with scripted parts; options are those of `Limits` and `ger.api.settings`."""
    from ger.serve.limits import Limits
    from ger.serve.run import serving

    with ExitStack() as stack:

        def start(**options: Any) -> Service:
            limits = Limits(**{name: options.pop(name) for name in Limits.__slots__ if name in options})
            service = Service(stack.enter_context(serving(settings(**options), limits)))
            stack.callback(service.close)
            return service

        yield start


@pytest.fixture(scope="session")
def service(whisper_dir: Path, smollm2_dir: Path) -> Iterator[Service]:
    """The service with the default models."""
    from ger.serve.run import serving

    with serving(settings(model=str(whisper_dir), llm=str(smollm2_dir), device="cpu")) as url:
        service = Service(url)
        yield service
        service.close()


@pytest.fixture
def no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No keys and no configuration of whoever runs the tests."""
    for name in ("GER_API_KEY", "OPENAI_API_KEY", "GER_API_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # a proxy that must not be asked
