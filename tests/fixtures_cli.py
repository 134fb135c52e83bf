"""Running commands: in this process and in another, with scripted parts and with real ones, on a terminal or not."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fakes
import pytest

import ger
from ger import registry

AUDIO = Path(__file__).parents[1] / "examples" / "audio"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> fakes.Made:
    """Scripted parts in the places of the built-in ones; what was made of them."""
    for kind, parts in fakes.PARTS.items():
        for name, target in parts.items():
            monkeypatch.setitem(registry._BUILTIN[kind], name, target)
    monkeypatch.setattr(fakes, "MADE", fakes.Made())
    return fakes.MADE


def start(*arguments: str | Path, real: bool = False, env: dict[str, str] | None = None, **rest: Any) -> Any:
    """Start `ger` in a process of its own; with scripted parts unless `real`."""
    program = ["-c", "from ger.cli import main; main()"] if real else ["-m", "fakes"]
    paths = [str(Path(__file__).parent), str(Path(ger.__file__).parents[1])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "COLUMNS": "80"} | (env or {})
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"} | rest
    return subprocess.Popen([sys.executable, *program, *map(str, arguments)], env=environment, **pipes)


def run(*arguments: str | Path, timeout: float = 300, stdin: str | None = None, **rest: Any) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `ger` in a process of its own."""
    with start(*arguments, stdin=subprocess.PIPE, **rest) as process:
        try:
            out, err = process.communicate(stdin, timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return process.returncode, out, err


class Terminal:
    """A terminal that keeps what is shown on it."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        self.file = open(slave, "w", encoding="utf-8", buffering=1)  # noqa: SIM115  # closed by `text`
        self._data = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        try:
            while chunk := os.read(self._master, 65536):
                self._data += chunk
        except OSError:  # that is how Linux says that the other side has closed it
            return

    def text(self) -> str:
        """Close it and return everything that was written to it."""
        self.file.close()
        self._reader.join(10)
        if self._master >= 0:
            os.close(self._master)
            self._master = -1
        return self._data.decode().replace("\r\n", "\n")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    made = Terminal()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    yield made
    made.text()
