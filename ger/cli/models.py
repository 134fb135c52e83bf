"""`ger models`: see, fetch, remove and check the models."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from ger import models, plugins
from ger.cli.common import exit_codes
from ger.errors import ModelError
from ger.models.cache import Manifest, model_folder
from ger.models.hub import is_hub_id
from ger.models.progress import human_size
from ger.models.store import repair_hint, unknown
from ger.needs import ENGINES

__all__ = ["app", "ls", "path", "pull", "rm", "verify"]

app = typer.Typer(help="See, fetch, remove and check the models.", no_args_is_help=True)

_Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="Names of 'ger models ls', or hub ids.")]
_Name = Annotated[str, typer.Argument(metavar="NAME", help="A name of 'ger models ls'.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def ls(as_json: _Json = False) -> None:
    """List the models that ger knows by name, and those that it converted from GGUF files."""
    with exit_codes():
        rows = [_listed(entry) for entry in models.catalogue().values()]
        rows += [_converted(name) for name in models.installed_names() if name not in models.catalogue()]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        state = f"{'in the cache' if row['installed'] else 'not fetched'}, {human_size(row['bytes'])}"
        typer.echo(f"{row['name']:{width}}  {row['kind']:10}  {state:21}  {row['licence']}".rstrip())
        typer.echo(f"{'':{width}}  {row['description']}")
        if row["missing"]:
            typer.echo(f"{'':{width}}  Needs {', '.join(row['missing'])}: {row['install']}")
    typer.echo(f"Cache: {models.cache_dir()}")


def _listed(entry: models.Entry) -> dict[str, Any]:
    manifest = Manifest.read(model_folder(entry.name))
    return {
        "name": entry.name,
        "kind": entry.kind,
        "format": entry.format,
        "licence": entry.licence,
        "description": entry.description,
        "default": entry.name in (models.DEFAULT_RECOGNIZER, models.DEFAULT_LM),
        "download_bytes": entry.download_bytes,
        "disk_bytes": entry.disk_bytes,
    } | _state(entry.download_bytes, manifest, entry.kind, entry.format)


def _converted(name: str) -> dict[str, Any]:
    manifest = Manifest.read(model_folder(name))
    source = manifest.source if manifest else ""
    row = {"name": name, "kind": "lm", "format": "gguf", "licence": "", "description": f"Converted from {source}."}
    return row | {"default": False} | _state(0, manifest, "lm", "gguf")


def _state(download_bytes: int, manifest: Manifest | None, kind: str, form: str) -> dict[str, Any]:
    """Whether a model is in the cache, from where, how many bytes it takes or would take to fetch; what runs it."""
    engine = plugins.find(ENGINES[kind, form][1], ENGINES[kind, form][0])
    runs = {"engine": engine.name, "missing": engine.missing, "install": engine.install}
    if manifest is None:
        return {"installed": False, "bytes": download_bytes, "path": None, "source": None, "identity": None} | runs
    return runs | {
        "installed": True,
        "bytes": sum(record.bytes for record in manifest.files),
        "path": str(model_folder(manifest.name)),
        "source": manifest.source,
        "identity": manifest.identity,
    }


@app.command()
def pull(names: _Names) -> None:
    """Fetch models. One that is there already is left as it is."""
    with exit_codes():
        for name in names:
            there = models.installed(name)
            found = there or models.pull(name)
            typer.echo(f"{name} {'was already' if there else 'is'} in {found.path}", err=True)


@app.command()
def path(name: _Name) -> None:
    """Print the folder of a model that is in the cache."""
    with exit_codes():
        found = models.installed(name)
        if found is None and name not in models.catalogue() and not is_hub_id(name):
            raise unknown(name)
        if found is None:
            raise ModelError(f"{name} is not in {models.cache_dir()}.", f"Run: ger models pull {name}")
        typer.echo(found.path)


@app.command()
def rm(names: _Names) -> None:
    """Delete models from the cache."""
    with exit_codes():
        for name in names:
            models.remove(name)
            typer.echo(f"Removed {name}.", err=True)


@app.command()
def verify(
    name: Annotated[str | None, typer.Argument(help="One model; all in the cache when left out.")] = None,
    as_json: _Json = False,
) -> None:
    """Compare models in the cache with their SHA-256 sums; exit code 1 when one is damaged."""
    with exit_codes():
        results = models.verify(name)
    if as_json:
        rows = [{"name": r.name, "ok": not r.problems, "path": str(r.path), "problems": r.problems} for r in results]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        for result in results:
            _print(result)
    if any(result.problems for result in results):
        raise typer.Exit(1)


def _print(result: models.Verification) -> None:
    if not result.problems:
        typer.echo(f"{result.name}: ok")
        return
    for problem in result.problems:
        typer.echo(f"{result.name}: {problem}")
    typer.echo(f"{result.name}: {repair_hint(result.name)}")
