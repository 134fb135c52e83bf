"""`ger plugins`: see the plug-ins and what they lack, and check one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from ger import plugins
from ger.cli.common import exit_codes

if TYPE_CHECKING:
    from ger.registry import Kind

__all__ = ["app", "ls"]

app = typer.Typer(help="See recognizers, language models and other plug-ins, and check your own.")

_TITLES: dict[Kind, str] = {
    "frontends": "Front ends (--frontend)",
    "segmenters": "Segmenters",
    "backends": "Language models (--backend)",
    "correctors": "Correctors (--mode)",
}


@app.callback(invoke_without_command=True)
def ls(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """See recognizers, language models and other plug-ins, what they need, and how to install it; check your own.

    Without a command it lists them. Nothing of them is imported.
    """
    if context.invoked_subcommand:
        return
    with exit_codes():
        found = plugins.every()
    if as_json:
        typer.echo(json.dumps([plugin.to_json() for plugin in found], ensure_ascii=False, indent=2))
        return
    for kind, title in _TITLES.items():
        typer.echo(title)
        for row in _rows([plugin for plugin in found if plugin.kind == kind]):
            typer.echo(f"  {row}")


def _rows(found: list[plugins.Plugin]) -> list[str]:
    sources = [f"{plugin.source} {plugin.version}".strip() for plugin in found]
    name, source = max(len(plugin.name) for plugin in found), max(map(len, sources))
    return [f"{p.name:{name}}  {s:{source}}  {_state(p)}" for p, s in zip(found, sources, strict=True)]


def _state(plugin: plugins.Plugin) -> str:
    if plugin.problem:
        return f"not usable: {plugin.problem}"
    if plugin.missing:
        return f"needs {', '.join(plugin.missing)}: {plugin.install}"
    there = ", ".join(f"{name} {version}".strip() for name, version in plugin.needs.items())
    return f"ready: {there}" if there else "ready"
