"""`ger doctor`: what is installed, what runs here, what to do next."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import sys
from typing import Annotated, Any

import typer

from ger import __version__, plugins
from ger.cli import common
from ger.needs import NEEDS
from ger.registry import Kind

__all__ = ["doctor"]

#: What `ger correct` uses when nothing else is asked for.
_DEFAULT: tuple[tuple[Kind, str], ...] = (
    ("frontends", "faster-whisper"),
    ("segmenters", "silero"),
    ("backends", "transformers"),
)
#: How kinds of plug-ins are called here, as far as any needs something.
_ENGINES: dict[Kind, str] = {"frontends": "front ends", "segmenters": "segmenters", "backends": "backends"}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Say what is installed, which devices there are, where models lie, and what to do next.

    Exit codes: 0 when `ger correct` can run, 1 when something is missing.
    """
    with common.exit_codes():
        report = _examine()
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        _print(report)
    if report["problems"]:
        raise typer.Exit(1)


def _examine() -> dict[str, Any]:
    engines = {(engine.kind, engine.name): engine for engine in reversed(plugins.every())}
    default = [engines[key] for key in _DEFAULT]
    packages = {name: found for engine in default for name, found in engine.needs.items()}
    cache = _cache()
    missing = sorted({NEEDS[engine.kind][engine.name].extra for engine in default if engine.missing})
    problems = [f"Run: pip install 'ger-asr[{','.join(missing)}]'"] if missing else []
    fetch = not _defaults(cache["models"])  # a cache that has everything may be read-only
    if fetch and not cache["writable"]:
        problems.append(f"The cache {cache['path']} cannot be written: set GER_CACHE to another folder.")
    if fetch and cache["free_bytes"] is not None and cache["free_bytes"] < 10**9:
        problems.append(f"Less than 1 GB is free in {cache['path']}: free some, or set GER_CACHE.")
    return {
        "ger": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "packages": packages,
        "engines": [engine.to_json() for engine in reversed(engines.values()) if engine.kind in _ENGINES],
        "devices": _devices(packages),
        "cache": cache,
        "problems": problems,
        "next": _next(cache["models"], problems),
    }


def _devices(packages: dict[str, str | None]) -> dict[str, list[str]]:
    """Devices for the recognizer and for the language model."""
    found: dict[str, list[str]] = {"recognizer": [], "language model": []}
    if packages["ctranslate2"]:
        try:
            import ctranslate2

            count = ctranslate2.get_cuda_device_count()
            found["recognizer"] = [f"cuda:{i}" for i in range(count)] + ["cpu"]
        except (ImportError, OSError, RuntimeError) as error:
            found["recognizer"] = [f"broken: {error}"]
    if packages["torch"] and importlib.util.find_spec("torch"):
        try:
            import torch

            names = [f"cuda:{i} {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count())]
            found["language model"] = [*names, "cpu"]
        except (ImportError, OSError, RuntimeError) as error:
            found["language model"] = [f"broken: {error}"]
    return found


def _cache() -> dict[str, Any]:
    from ger.models import cache_dir, catalogue, installed_names

    path = cache_dir()
    there = path
    while not there.exists() and there != there.parent:
        there = there.parent
    return {
        "path": str(path),
        "writable": os.access(there, os.W_OK, effective_ids=os.access in os.supports_effective_ids),
        "free_bytes": shutil.disk_usage(there).free if there.exists() else None,
        "models": {name: name in installed_names() for name in catalogue()},
    }


def _defaults(models: dict[str, bool]) -> bool:
    """Whether both default models are in the cache."""
    from ger.models import DEFAULT_LM, DEFAULT_RECOGNIZER

    return bool(models.get(DEFAULT_RECOGNIZER) and models.get(DEFAULT_LM))


def _next(models: dict[str, bool], problems: list[str]) -> str:
    if problems:
        return problems[0]
    from ger.models import DEFAULT_LM, DEFAULT_RECOGNIZER

    absent = [name for name in (DEFAULT_RECOGNIZER, DEFAULT_LM) if not models.get(name)]
    if absent:
        return f"Run: ger models pull {' '.join(absent)} (or just ger correct, which fetches them)"
    return "Run: ger correct FOLDER"


def _print(report: dict[str, Any]) -> None:
    typer.echo(f"ger {report['ger']}, Python {report['python']} ({sys.executable}), {report['platform']}")
    for name, found in report["packages"].items():
        typer.echo(f"  {name:15} {'not installed' if found is None else found}")
    _print_engines(report["engines"])
    for use, devices in report["devices"].items():
        typer.echo(f"  {use:15} {', '.join(devices) or 'none'}")
    cache = report["cache"]
    free = f"{cache['free_bytes'] / 1e9:.0f} GB free" if cache["free_bytes"] is not None else "not there yet"
    typer.echo(f"  {'cache':15} {cache['path']} ({free})")
    for name, there in cache["models"].items():
        typer.echo(f"  {name:24} {'in the cache' if there else 'not fetched'}")
    for problem in report["problems"]:
        typer.echo(f"Problem: {problem}")
    typer.echo(report["next"])


def _print_engines(engines: list[dict[str, Any]]) -> None:
    """The names of what can be used, kind by kind, and what would add the others, each command once."""
    commands: dict[str, list[str]] = {}
    for kind, title in _ENGINES.items():
        own = [engine for engine in engines if engine["kind"] == kind[:-1]]
        typer.echo(f"  {title:15} {', '.join(e['name'] for e in own if e['ready']) or 'none'}")
        for engine in own:
            if engine["install"]:
                commands.setdefault(engine["install"], []).append(engine["name"])
    for command, names in commands.items():
        typer.echo(f"  {'not installed':15} {', '.join(dict.fromkeys(names))}: {command}")
