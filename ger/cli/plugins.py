"""`ger plugins`: see the plug-ins and what they lack, and check one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ger import plugins
from ger.cli.common import exit_codes
from ger.errors import UsageError
from ger.registry import suggest

if TYPE_CHECKING:
    from ger.registry import Kind

__all__ = ["app", "check", "ls"]

app = typer.Typer(help="List recognizers, language models and other plug-ins with what they lack; check your own.")

_TITLES: dict[Kind, str] = {
    "frontends": "Front ends (--frontend)",
    "segmenters": "Segmenters (--segmenter)",
    "backends": "Language models (--backend)",
    "correctors": "Correctors (--mode)",
    "speakers": "Voices (--speak)",
}


@app.callback(invoke_without_command=True)
def ls(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the plug-ins, unless there is a command; nothing of them is imported."""
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


@app.command()
def check(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name that 'ger plugins' lists.")],
    audio: Annotated[
        Path | None, typer.Argument(metavar="AUDIO", help="A recording of speech; without, one that ger has.")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="frontend, segmenter, backend, corrector, speaker: where several have the name."),
    ] = None,
    model: Annotated[
        str, typer.Option(help="What a front end or backend gets as its model; of a corrector its language model.")
    ] = "",
    language: Annotated[str | None, typer.Option(help="Language of the recording, such as en.")] = None,
    nbest: Annotated[int, typer.Option(help="Different texts in a list.")] = 5,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    compute_type: Annotated[
        str, typer.Option(help="Precision; without, the front end's choice, of a backend float32.")
    ] = "auto",
    tolerance: Annotated[
        float | None, typer.Option(help="How far equal scores may lie apart (nats, default 0.001).")
    ] = None,
) -> None:
    """See whether a plug-in keeps what its kind promises: a line a check.

    Exit codes: 0 nothing failed, 1 a check failed or the plug-in cannot be made, 2 wrong call.
    """
    failed = False
    with exit_codes():
        from ger.conformance import check_plugin
        from ger.protocols import FrontendOptions

        plugin = plugins.find(name, _kind(kind))
        options = FrontendOptions(model, language=language, nbest=nbest, device=device, compute_type=compute_type)
        for outcome in check_plugin(plugin, options, audio, tolerance):
            typer.echo(f"{outcome.check:16} {outcome}")
            failed = failed or outcome.state == "failed"
    if failed:
        raise typer.Exit(1)


def _kind(given: str | None) -> Kind | None:
    """The kind that is meant, in the singular or the plural.

    Raises:
        UsageError: there is none of that name.
    """
    found = next((kind for kind in plugins.KINDS if given in (kind, kind[:-1])), None)
    if given and not found:
        kinds = [kind[:-1] for kind in plugins.KINDS]
        raise UsageError(f"There is no kind of plug-ins called {given!r}.", suggest(given, kinds))
    return found
