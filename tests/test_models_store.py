import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock
from fixtures_models import Shelf

from ger import models
from ger.errors import DownloadError, ModelError, UnknownNameError, UsageError
from ger.models.cache import disk_errors, file_sha256


def test_a_pulled_model_holds_what_the_catalogue_names_and_nothing_else(shelf: Shelf) -> None:
    shelf.add_two_parts()
    found = models.pull("tiny", quiet=True)
    assert found.path == shelf.cache / "models" / "tiny"
    assert sorted(path.name for path in found.path.iterdir()) == ["config.json", "ger-manifest.json", "model.bin"]
    assert (found.path / "model.bin").read_bytes() == b"abcdef"
    assert not list(shelf.root.rglob("evil.txt"))
    assert not list((shelf.cache / "tmp").iterdir())
    assert not list((shelf.cache / "downloads").iterdir())


def test_the_manifest_tells_sources_sizes_and_hashes(shelf: Shelf) -> None:
    shelf.add_two_parts()
    manifest = json.loads((models.pull("tiny", quiet=True).path / "ger-manifest.json").read_text())
    assert manifest["source"] == "tiny-part1 1.0 + tiny-part2 1.0"
    assert manifest["licence"] == "MIT"
    # sha256sum of "{}" and of "abcdef"
    assert manifest["files"] == [
        {
            "path": "config.json",
            "bytes": 2,
            "sha256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        },
        {
            "path": "model.bin",
            "bytes": 6,
            "sha256": "bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721",
        },
    ]


def test_the_identity_depends_on_the_contents(shelf: Shelf) -> None:
    shelf.add_two_parts()
    wheel = shelf.wheel("other", {"model.bin": b"abcdeg", "config.json": b"{}"})
    files = shelf.file("model.bin", ["model.bin"], b"abcdeg") + shelf.file("config.json", ["config.json"], b"{}")
    shelf.add("other", wheel + files)
    first = models.pull("tiny", quiet=True).identity
    models.remove("tiny")
    assert models.pull("tiny", quiet=True).identity == first
    assert first.partition("@")[2] != models.pull("other", quiet=True).identity.partition("@")[2]


def test_resolve_pulls_once_and_then_needs_no_network(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.add_two_parts()
    first = models.resolve("tiny", "recognizer", quiet=True)
    monkeypatch.setenv("GER_OFFLINE", "1")
    assert models.resolve("tiny", "recognizer", quiet=True) == first


@pytest.mark.parametrize("variable", ["GER_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_says_what_to_do(shelf: Shelf, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    shelf.add_two_parts()
    monkeypatch.setenv(variable, "1")
    with pytest.raises(ModelError, match=r"network is forbidden.*local folder.*ger models pull.*GER_CACHE"):
        models.pull("tiny")
    assert not (shelf.cache / "models" / "tiny").exists()


def test_a_source_that_is_not_there_is_followed_by_the_next(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    gone = shelf.wheel("gone", {"model.bin": b"x"})
    (shelf.links / "gone-1.0-py3-none-any.whl").unlink()
    here = shelf.wheel("here", {"model.bin": b"x"})
    made = shelf.file("model.bin", ["model.bin"], b"x")
    shelf.add("tiny", gone + made, here + made)
    manifest = json.loads((models.pull("tiny", quiet=True).path / "ger-manifest.json").read_text())
    assert manifest["source"] == "here 1.0"
    assert "gone 1.0: No matching distribution found for gone==1.0" in caplog.text


def test_every_failed_source_is_named_with_its_reason_and_nothing_is_left(shelf: Shelf) -> None:
    made = shelf.file("model.bin", ["model.bin"], b"x")
    forged = shelf.wheel("forged", {"model.bin": b"x"}, sha256="0" * 64)
    torn = shelf.wheel("torn", {"model.bin": b"y"})
    empty = shelf.wheel("empty", {})
    shelf.add("tiny", forged + made, torn + made, empty + made)
    with pytest.raises(DownloadError) as caught:
        models.pull("tiny", quiet=True)
    assert "forged 1.0: forged-1.0-py3-none-any.whl does not have the SHA-256" in caught.value.message
    assert "torn 1.0: model.bin does not have the SHA-256" in caught.value.message
    assert "empty 1.0: no wheel holds model.bin" in caught.value.message
    assert caught.value.retryable
    assert not (shelf.cache / "models").exists()
    assert not list((shelf.cache / "tmp").iterdir())
    assert not list(shelf.cache.rglob("forged*"))


def test_an_interrupted_pull_goes_on_with_the_wheels_that_are_missing(shelf: Shelf) -> None:
    shelf.add_two_parts()
    second = shelf.links / "tiny_part2-1.0-py3-none-any.whl"
    content = second.read_bytes()
    second.unlink()
    with pytest.raises(DownloadError):
        models.pull("tiny", quiet=True)
    assert [path.name for path in (shelf.cache / "downloads" / "tiny").iterdir()] == ["tiny-part1-1.0.whl"]
    (shelf.links / "tiny_part1-1.0-py3-none-any.whl").unlink()
    second.write_bytes(content)
    assert (models.pull("tiny", quiet=True).path / "model.bin").read_bytes() == b"abcdef"


def test_what_a_killed_process_left_is_cleared(shelf: Shelf) -> None:
    shelf.add_two_parts()
    (shelf.cache / "tmp" / "tiny").mkdir(parents=True)
    (shelf.cache / "tmp" / "tiny" / "half").touch()
    assert not (models.pull("tiny", quiet=True).path / "half").exists()


def test_processes_that_pull_at_once_share_one_download(shelf: Shelf) -> None:
    shelf.add_two_parts()
    code = "from ger import models; print(models.pull('tiny').identity)"
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    ended = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], ended
    assert len({out for out, _ in ended}) == 1
    assert sum("Downloading tiny" in err for _, err in ended) == 1
    assert models.verify("tiny")[0].problems == ()


def test_who_waits_is_told_and_finds_it_done(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.add_two_parts()
    lock = shelf.cache / "locks" / "tiny.lock"
    lock.parent.mkdir(parents=True)
    with ThreadPoolExecutor(1) as pool, FileLock(lock):
        pulling = pool.submit(models.pull, "tiny")
        said, until = "", time.monotonic() + 60
        while not said and time.monotonic() < until:
            time.sleep(0.05)
            said = capsys.readouterr().err
        assert said == "Waiting for another process that fetches tiny …\n"
        elsewhere = shelf.root / "elsewhere"
        code = "from ger import models; models.pull('tiny', quiet=True)"
        environment = os.environ | {"GER_CACHE": str(elsewhere)}
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)
        (elsewhere / "models").rename(shelf.cache / "models")
    assert pulling.result().path == shelf.cache / "models" / "tiny"
    assert capsys.readouterr().err == ""


def test_verify_names_the_damaged_file(shelf: Shelf) -> None:
    shelf.add_two_parts()
    path = models.pull("tiny", quiet=True).path
    assert models.verify() == [models.Verification("tiny", path, ())]
    (path / "model.bin").write_bytes(b"abcdeX")
    assert models.verify("tiny")[0].problems == (f"{path / 'model.bin'} does not have the SHA-256 of its manifest",)
    (path / "model.bin").unlink()
    assert models.verify("tiny")[0].problems == (f"{path / 'model.bin'} is missing",)
    (path / "ger-manifest.json").write_text("{")
    assert models.verify("tiny")[0].problems == (f"{path / 'ger-manifest.json'} is damaged or cannot be read",)
    with pytest.raises(ModelError, match="not in"):
        models.verify("other")


def test_a_truncated_file_is_found_before_it_is_used(shelf: Shelf) -> None:
    shelf.add_two_parts()
    (models.pull("tiny", quiet=True).path / "model.bin").write_bytes(b"abc")
    with pytest.raises(ModelError, match=r"model\.bin has 3 bytes and should have 6.*rm tiny; ger models pull tiny"):
        models.resolve("tiny", "recognizer")


def test_remove_takes_the_model_and_unfinished_downloads(shelf: Shelf) -> None:
    shelf.add_two_parts()
    models.pull("tiny", quiet=True)
    (shelf.cache / "downloads" / "tiny").mkdir()
    models.remove("tiny")
    assert models.installed("tiny") is None
    assert not (shelf.cache / "downloads" / "tiny").exists()
    (shelf.cache / "downloads" / "tiny").mkdir()
    models.remove("tiny")
    with pytest.raises(ModelError, match=r"tiny is not in .*ger models ls"):
        models.remove("tiny")


def test_a_name_cannot_lead_out_of_the_cache(shelf: Shelf) -> None:
    (shelf.cache / "precious").mkdir(parents=True)
    with pytest.raises(ModelError):
        models.remove("../precious")
    assert models.installed("../precious") is None
    assert (shelf.cache / "precious").is_dir()


def test_unknown_names_are_answered_with_a_suggestion(shelf: Shelf) -> None:
    for call in (models.pull, lambda name: models.resolve(name, "recognizer")):
        with pytest.raises(UnknownNameError, match="Did you mean 'whisper-base'"):
            call("whisper-bass")


def test_a_full_disk_is_a_sentence() -> None:
    with pytest.raises(ModelError, match=r"disk is full: tiny does not fit.*GER_CACHE"), disk_errors("tiny"):
        Path("/dev/full").write_bytes(b"x")


def test_a_full_disk_leaves_nothing_behind(shelf: Shelf) -> None:
    shelf.cache.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(shelf.cache)]
    if sys.platform != "linux" or os.geteuid() or subprocess.run(mounting, capture_output=True).returncode:
        pytest.skip("needs a file system of its own")
    try:
        content = b"x" * 200_000
        wheel = shelf.wheel("big", {"model.bin": content})
        shelf.add("big", wheel + shelf.file("model.bin", ["model.bin"], content))
        with pytest.raises(ModelError, match=r"disk is full.*Free some space"):
            models.pull("big", quiet=True)
        assert not (shelf.cache / "models").exists()
        assert not list((shelf.cache / "tmp").iterdir())
    finally:
        subprocess.run(["umount", str(shelf.cache)], check=True)


def test_a_cache_that_cannot_be_made_is_a_sentence(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.add_two_parts()
    (shelf.root / "file").touch()
    monkeypatch.setenv("GER_CACHE", str(shelf.root / "file" / "cache"))
    with pytest.raises(ModelError, match=r"cannot be stored in .*Set GER_CACHE"):
        models.pull("tiny", quiet=True)


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/ger"),
        ("linux", {}, "/home/me/.cache/ger"),
        ("darwin", {}, "/home/me/Library/Caches/ger"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/ger"),
        ("linux", {"GER_CACHE": "~/models"}, "/home/me/models"),
    ],
)
def test_the_cache_is_where_the_platform_keeps_caches(
    monkeypatch: pytest.MonkeyPatch, platform: str, environment: dict[str, str], expected: str
) -> None:
    for name in ("GER_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (environment | {"HOME": "/home/me"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert models.cache_dir() == Path(expected)


def test_the_catalogue_names_both_defaults_and_pins_every_wheel() -> None:
    entries = models.catalogue()
    assert entries[models.DEFAULT_RECOGNIZER].kind == "recognizer"
    assert entries[models.DEFAULT_LM].kind == "lm"
    for entry in entries.values():
        for source in entry.sources:
            assert bool(source.hub) != bool(source.wheels)
            assert all(len(pinned.sha256) == 64 for pinned in (*source.wheels, *source.files))
        assert entry.download_bytes == sum(wheel.bytes for wheel in entry.sources[0].wheels)


@pytest.mark.parametrize("text", ["[tiny", "tiny = 1", "[tiny]\nkind = 'lm'", "['../x']\nsources = []"])
def test_a_bad_catalogue_is_named(shelf: Shelf, text: str) -> None:
    shelf.catalogue.write_text(text)
    with pytest.raises(UsageError, match=r"catalogue\.toml is not a catalogue of models"):
        models.catalogue()


def test_importing_is_cheap() -> None:
    heavy = "{'typer', 'rich', 'torch', 'transformers', 'huggingface_hub', 'filelock', 'numpy'}"
    code = f"import sys, ger.models; print({heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


def test_the_real_recognizer_is_whole(whisper_dir: Path) -> None:
    files = {path.name for path in whisper_dir.iterdir()}
    assert {"model.bin", "config.json", "tokenizer.json"} <= files
    assert file_sha256(whisper_dir / "config.json").startswith("56a6d811")
