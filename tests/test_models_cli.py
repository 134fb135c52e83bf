import json
import re

import pytest
from fixtures_models import Shelf
from typer.testing import CliRunner

from ger import models
from ger.cli.models import app
from ger.models.progress import human_size
from ger.needs import NEEDS, Need

run = CliRunner()


def test_ls_shows_every_model_and_its_state(shelf: Shelf) -> None:
    shelf.add_two_parts()
    assert re.search(r"whisper-base +recognizer +not fetched, 133 MB +MIT", run.invoke(app, ["ls"]).stdout)
    models.pull("tiny", quiet=True)
    assert re.search(r"tiny +recognizer +in the cache, 8 B +MIT", run.invoke(app, ["ls"]).stdout)


def test_ls_json(shelf: Shelf) -> None:
    shelf.add_two_parts()
    identity = models.pull("tiny", quiet=True).identity
    rows = {row["name"]: row for row in json.loads(run.invoke(app, ["ls", "--json"]).stdout)}
    assert rows["tiny"]["installed"] is True
    assert rows["tiny"]["path"] == str(shelf.cache / "models" / "tiny")
    assert rows["tiny"]["identity"] == identity
    assert rows["tiny"]["default"] is False
    assert rows["whisper-base"]["installed"] is False
    assert rows["whisper-base"]["default"] is True
    assert rows["whisper-base"]["download_bytes"] == 133_343_666


def test_ls_shows_what_is_not_of_the_catalogue_too(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.add_two_parts()
    models.pull("tiny", quiet=True)
    monkeypatch.setenv("GER_CATALOGUE", "")
    row = json.loads(run.invoke(app, ["ls", "--json"]).stdout)[-1]
    assert (row["name"], row["installed"]) == ("tiny", True)


def test_pull_path_rm(shelf: Shelf) -> None:
    shelf.add_two_parts()
    missing = run.invoke(app, ["path", "tiny"])
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert "Run: ger models pull tiny" in missing.stderr
    first = run.invoke(app, ["pull", "tiny"])
    assert (first.exit_code, first.stdout) == (0, "")
    lines = [line.partition(" (")[0] for line in first.stderr.splitlines()]
    folder = shelf.cache / "models" / "tiny"
    assert lines == ["Downloading tiny", "Downloaded tiny.", f"tiny is in {folder}"]
    again = run.invoke(app, ["pull", "tiny"])
    assert (again.exit_code, again.stderr) == (0, f"tiny was already in {folder}\n")
    assert run.invoke(app, ["path", "tiny"]).stdout == f"{folder}\n"
    assert run.invoke(app, ["rm", "tiny"]).exit_code == 0
    absent = run.invoke(app, ["rm", "tiny"])
    assert absent.exit_code == 1
    assert "tiny is not in" in absent.stderr


def test_verify_tells_the_damaged_file_and_what_to_do(shelf: Shelf) -> None:
    shelf.add_two_parts()
    damaged = models.pull("tiny", quiet=True).path / "model.bin"
    whole = run.invoke(app, ["verify"])
    assert (whole.exit_code, whole.stdout) == (0, "tiny: ok\n")
    damaged.write_bytes(b"abcdeX")
    result = run.invoke(app, ["verify", "tiny"])
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"tiny: {damaged} does not have the SHA-256 of its manifest",
        "tiny: Run: ger models rm tiny; ger models pull tiny",
    ]
    (row,) = json.loads(run.invoke(app, ["verify", "--json"]).stdout)
    assert (row["name"], row["ok"], len(row["problems"])) == ("tiny", False, 1)


def test_what_cannot_be_pulled_is_not_to_be_pulled(shelf: Shelf) -> None:
    result = run.invoke(app, ["path", "foo"])
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: There is no model called 'foo'.")
    assert "pull" not in result.stderr


def test_a_wrong_name_is_a_usage_error(shelf: Shelf) -> None:
    result = run.invoke(app, ["pull", "whisper-bass"])
    assert result.exit_code == 2
    assert "Did you mean 'whisper-base'?" in result.stderr


@pytest.mark.parametrize(
    ("size", "text"), [(12, "12 B"), (1234, "1.2 kB"), (133_343_666, "133 MB"), (2_000_000_000, "2.0 GB")]
)
def test_human_size(size: int, text: str) -> None:
    assert human_size(size) == text


def test_ls_says_what_is_missing_to_run_a_model(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Needs " not in run.invoke(app, ["ls"]).stdout
    monkeypatch.setitem(NEEDS["frontends"], "faster-whisper", Need("ears", ("no_such_package", "numpy")))
    out = run.invoke(app, ["ls"]).stdout
    assert out.count("Needs no-such-package: pip install 'ger-asr[ears]'\n") == 1
    rows = {row["name"]: row for row in json.loads(run.invoke(app, ["ls", "--json"]).stdout)}
    assert rows["whisper-base"]["engine"] == "faster-whisper"
    assert rows["whisper-base"]["missing"] == ["no-such-package"]
    assert rows["gemma-3-270m"]["missing"] == []
