"""The Makefile, the pins and the wheel check."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
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
        listed = set(re.findall(r"^  make (\w+)", make(venv=tmp_path).stdout, re.MULTILINE))
        assert listed == {"help", "demo", "test", "check", "bench", "clean"}

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
