"""The Makefile, the pins and the wheel check."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
import time
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import ger

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.skipif(not (ROOT / "Makefile").is_file(), reason="needs the files of a checkout")


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if not line.startswith("#"))
    return {canonicalize_name(name): pin for name, pin in pairs}


def make(*arguments: str, venv: Path) -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", *arguments, f"VENV={venv}"]
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_installed_version_is_the_packages() -> None:
    try:
        installed = version("ger-asr")
    except PackageNotFoundError:
        pytest.skip("ger-asr is imported from a folder, not installed")
    assert installed == ger.__version__


def test_every_requirement_has_a_pin_that_satisfies_it() -> None:
    data = project()
    texts = [*data["project"]["dependencies"], *data["dependency-groups"]["dev"]]
    for name in ("faster-whisper", "transformers"):
        texts += data["project"]["optional-dependencies"][name]
    pinned = pins()
    for requirement in map(Requirement, texts):
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement


def test_torch_is_pinned_to_the_version_with_a_small_build() -> None:
    assert pins()["torch"] == "2.13.0"


def test_prompts_hold_no_python() -> None:
    if not (ROOT / "prompts").is_dir():
        pytest.skip("the wheel's tests have no prompts folder")
    assert list((ROOT / "prompts").rglob("*.py")) == []


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
class TestMakefile:
    """What `make` would do, without installing anything."""

    def test_help_is_the_default_and_names_every_target(self, tmp_path: Path) -> None:
        listed = set(re.findall(r"^  make ([\w-]+)", make(venv=tmp_path).stdout, re.MULTILINE))
        assert listed == {"help", "demo", "test", "coverage", "test-engines", "check", "bench", "clean"}

    def test_old_python_gets_one_sentence(self, tmp_path: Path) -> None:
        done = make("demo", "PYTHON=false", venv=tmp_path / "env")
        assert done.returncode != 0
        assert "ger needs Python 3.11 or newer, and 'false' is not" in done.stderr
        assert not (tmp_path / "env").exists()

    def test_environment_is_used_again_until_the_requirements_change(self, tmp_path: Path) -> None:
        stamps = [tmp_path / name for name in (".made", ".installed", ".installed-dev")]
        for age, stamp in zip((2, 1, 0), stamps, strict=True):
            stamp.touch()
            # From the future, in case the checkout is newer than this test's first line.
            os.utime(stamp, (4e9 - age, 4e9 - age))
        assert "pip install" not in make("-n", "demo", "test", venv=tmp_path).stdout
        os.utime(stamps[1], (1, 1))
        assert "pip install" in make("-n", "demo", venv=tmp_path).stdout


class TestWheelCheck:
    """`problems` of .ci/check_wheel.py on lists of names."""

    GOOD = (
        "ger/__init__.py",
        "ger/py.typed",
        "ger/models/catalogue.toml",
        "ger/conformance/speech.flac",
        "ger/prompts/a.toml",
        "asr_frontends/__init__.py",
        "llm_backends/__init__.py",
        "ger_asr-1.dist-info/METADATA",
        "ger_asr-1.dist-info/licenses/LICENSE",
    )

    @pytest.fixture
    def problems(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        return runpy.run_path(str(ROOT / ".ci" / "check_wheel.py"), run_name="check_wheel")["problems"]

    def test_good_wheel_has_none(self, problems: Any) -> None:
        assert problems(self.GOOD, ["a.toml"]) == []

    def test_importable_prompts_are_one(self, problems: Any) -> None:
        assert problems([*self.GOOD, "prompts/a.toml"], ["a.toml"]) == ["top level holds prompts"]

    @pytest.mark.parametrize("lost", ["ger/py.typed", "ger/models/catalogue.toml", "ger/prompts/a.toml"])
    def test_lost_data_is_one(self, problems: Any, lost: str) -> None:
        assert problems([name for name in self.GOOD if name != lost], ["a.toml"]) == [f"{lost} is missing"]

    def test_lost_package_is_one(self, problems: Any) -> None:
        names = [name for name in self.GOOD if not name.startswith("llm_backends")]
        assert problems(names, ["a.toml"]) == ["package llm_backends is missing"]


class TestEngines:
    """.ci/test_engines.py, with an engine that needs nothing but pytest."""

    PINS = "".join(f"{name}=={pins()[name]}\n" for name in ("iniconfig", "packaging", "pluggy", "pygments", "pytest"))

    @pytest.fixture
    def script(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        monkeypatch.setenv("GER_CACHE", str(tmp_path / "cache"))
        script = runpy.run_path(str(ROOT / ".ci" / "test_engines.py"), run_name="test_engines")
        script["main"].__globals__["ENGINES"] = tmp_path
        self.add(tmp_path / "small")
        return script

    @staticmethod
    def add(folder: Path, test: str = "def test(): import ger, pluggy", pins: str = PINS) -> None:
        folder.mkdir()
        (folder / "requirements.txt").write_text(pins, "utf-8")
        (folder / "test_it.py").write_text(test, "utf-8")

    def test_lists_name_every_version(self) -> None:
        files = list((ROOT / "tests" / "engines").glob("*/requirements.txt"))
        assert files
        for path in files:
            lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
            assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.!+]+", line)] == [], path

    def test_ordinary_tests_leave_them_out(self) -> None:
        command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "tests/engines"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert "::" not in done.stdout

    @pytest.mark.slow
    def test_an_environment_is_made_whole_and_used_again(self, script: Any, tmp_path: Path, capfd: Any) -> None:
        folder = script["environment"]("small")
        (folder / "bin").mkdir(parents=True)  # as a killed process leaves it
        assert script["main"](["small"]) == 0
        assert "1 passed" in (told := capfd.readouterr().out)
        assert "making its environment" in told
        (folder / "kept").touch()
        self.add(tmp_path / "broken", "def test(): assert not 'so'")
        shutil.copytree(folder, script["environment"]("broken"), symlinks=True)
        assert script["main"]([]) == 1
        told = capfd.readouterr().out
        assert "making its environment" not in told
        assert re.search(r"^engine broken: FAILED in \d+ s\nengine small: passed in \d+ s\n", told, re.MULTILINE)
        (tmp_path / "small" / "requirements.txt").write_text(self.PINS + "# another\n", "utf-8")
        assert script["environment"]("small") != folder

    def test_time_that_is_over_is_said_and_no_failure(self, script: Any, capfd: Any) -> None:
        assert script["main"](["--minutes", "0"]) == 0
        assert "engine small: SKIPPED: no time to make its environment" in capfd.readouterr().out
        assert not script["environment"]("small").exists()

    def test_a_command_that_takes_too_long_is_ended_with_what_it_started(self, script: Any, tmp_path: Path) -> None:
        with pytest.raises(TimeoutError):
            script["_run"](["bash", "-c", f"(sleep 2; touch {tmp_path}/late) & sleep 60"], 0.5)
        time.sleep(2.5)
        assert not (tmp_path / "late").exists()

    def test_what_cannot_be_installed_fails(self, script: Any, tmp_path: Path, capfd: Any) -> None:
        self.add(tmp_path / "odd", pins=f"{tmp_path}/no-such-1.0-py3-none-any.whl\n")
        assert script["main"](["odd"]) == 1
        assert "engine odd: FAILED: its environment cannot be made" in capfd.readouterr().out

    def test_unknown_names_are_refused(self, script: Any, capfd: Any) -> None:
        with pytest.raises(SystemExit, match="2"):
            script["main"](["nothing"])
        assert "there is no folder tests/engines/nothing; known: small" in capfd.readouterr().err
