"""Build the wheel, look at what is in it, install it elsewhere, import all of it and run tests of commands against it.

    .venv/bin/python .ci/check_wheel.py

This happens outside the checkout, in a new environment that holds the wheel and borrows all other packages from the
environment of the Python that runs this script. The tests are the quick ones of what a wheel can lack: the commands,
what they find as data, what Python programs use. Exits with 1 and one line a problem if something is wrong.
"""

# ruff: noqa: T201

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Collection
from pathlib import Path
from zipfile import ZipFile

__all__ = ["PACKAGES", "main", "problems"]

ROOT = Path(__file__).resolve().parents[1]
#: The importable names of the wheel; `prompts` is data and must not be one.
PACKAGES = frozenset({"ger", "asr_frontends", "llm_backends"})
#: Files that code finds with importlib.resources, or tools by their name.
DATA = ("ger/py.typed", "ger/models/catalogue.toml", "ger/conformance/speech.flac")
TESTS = (
    "api",
    "cli*",
    "corrector",
    "documents",
    "models_*",
    "packaging",
    "plugins",
    "prompting",
    "registry",
    "serve_process",
)
IMPORT_ALL = """
import importlib, pkgutil
for package in map(importlib.import_module, ("ger", "asr_frontends", "llm_backends")):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
"""


def main() -> int:
    """Check the wheel; the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        wheel = _build(Path(folder, "dist"))
        with ZipFile(wheel) as archive:
            found = problems(archive.namelist(), [path.name for path in (ROOT / "prompts").iterdir()])
        if found:
            print(*(f"{wheel.name}: {problem}" for problem in found), sep="\n", file=sys.stderr)
            return 1
        print(f"{wheel.name}: {wheel.stat().st_size / 1000:.0f} kB, contents as they should be")
        return _test(_install(wheel, Path(folder, "env")), Path(folder, "checkout"))


def problems(names: Collection[str], prompts: Collection[str]) -> list[str]:
    """What is wrong with a wheel that holds these files, one sentence each; `prompts` are the prompt files it needs."""
    top = {name.partition("/")[0] for name in names}
    info = {name for name in top if name.endswith(".dist-info")}
    found = [f"top level holds {name}" for name in sorted(top - PACKAGES - info)]
    found += [f"package {name} is missing" for name in sorted(PACKAGES - top)]
    if len(info) != 1:
        found.append(f"{len(info)} dist-info folders instead of one")
    wanted = [*DATA, *(f"ger/prompts/{name}" for name in prompts), *(f"{name}/licenses/LICENSE" for name in info)]
    return found + [f"{name} is missing" for name in wanted if name not in names]


def _build(folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)], check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def _install(wheel: Path, env: Path) -> Path:
    """A new environment with the wheel and, after it on the path, this one's packages; its Python."""
    venv.create(env, symlinks=True)
    python = env / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*command, str(wheel)], check=True)
    (site,) = env.glob("lib/python*/site-packages")
    # A path named in a .pth file is searched, but .pth files in it are not read: the editable install stays out.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return python


def _test(python: Path, copy: Path) -> int:
    """Import the wheel and run tests in a copy of the checkout that lacks the packages; the exit status."""
    left_out = PACKAGES | {"prompts"}
    copy.mkdir()
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, copy)
        elif path.name not in left_out and (path.name == ".ci" or not path.name.startswith(".")):
            shutil.copytree(path, copy / path.name, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["HYPOTHESIS_PROFILE"] = "few"
    environment["PATH"] = f"{python.parent}{os.pathsep}{environment.get('PATH', '')}"
    where = subprocess.run(
        [python, "-c", "import ger; print(ger.__file__)"], cwd=copy, env=environment, check=True, capture_output=True
    )
    if not Path(where.stdout.decode().strip()).is_relative_to(python.parents[1]):
        print(f"The tests would run against {where.stdout.decode().strip()}, not the wheel.", file=sys.stderr)
        return 1
    if status := subprocess.run([python, "-c", IMPORT_ALL], cwd=copy, env=environment, check=False).returncode:
        return status
    tests = sorted(path for name in TESTS for path in (copy / "tests").glob(f"test_{name}.py"))
    side_by_side = ["-n", "auto", "--maxprocesses", "4", "--dist", "loadfile"]
    command = [python, "-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider", *side_by_side, *tests]
    return subprocess.run(command, cwd=copy, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
