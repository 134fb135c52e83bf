"""`ger prompts`: see the prompts, and check one's own."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ger import prompt_files, prompting
from ger.cli.common import exit_codes, say
from ger.errors import InputError
from ger.io.paths import printable
from ger.prompting import Prompt
from ger.types import Context, Hypothesis, NBest

__all__ = ["app", "check", "ls", "show"]

app = typer.Typer(help="See the prompts, and check your own.", no_args_is_help=True)

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_FENCE = re.compile(r"</?[A-Za-z][\w-]*>|```|\"\"\"")

#: What is shown in a prompt.
EXAMPLE = NBest(
    "example",
    (Hypothesis("turn left at the light", -1.5), Hypothesis("turn left at the lite", -2.25)),
    context=Context(("Ada", "Lovelace"), "we are nearly there"),
)


@app.command()
def ls(as_json: _Json = False) -> None:
    """List the prompts."""
    with exit_codes():
        found = [prompting.load(name) for name in prompting.names()]
    if as_json:
        typer.echo(json.dumps([_listed(prompt) for prompt in found], ensure_ascii=False, indent=2))
        return
    width = max(len(prompt.name) for prompt in found)
    for prompt in found:
        typer.echo(f"{prompt.name:{width}}  {prompt.hash}  {prompt.purpose}")


def _listed(prompt: Prompt) -> dict[str, Any]:
    return {
        "name": prompt.name,
        "hash": prompt.hash,
        "purpose": prompt.purpose,
        "source": prompt.source,
        "answer": prompt.answer,
        "result": prompt.result,
        "variables": dict(prompt.variables),
    }


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="PROMPT", help="A name of 'ger prompts ls', or a file.")],
    rendered: Annotated[bool, typer.Option(help="Show what a model reads for an example.")] = False,
) -> None:
    """Print the file of a prompt, to be copied and changed."""
    with exit_codes():
        content, _ = prompting.content_of(name)
        shown = _rendered(prompting.load(name), EXAMPLE) if rendered else content.decode("utf-8", "replace")
    typer.echo(shown, nl=rendered)


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of prompts.")],
) -> None:
    """See whether files are prompts: their keys, their variables, and what a hostile example becomes in them."""
    with exit_codes():
        wrong = sum([not _checked(path) for path in files])
    if wrong:
        raise typer.Exit(1)


def _checked(path: Path) -> bool:
    """Whether a file is a prompt; says what it is, or all that is wrong with it."""
    name = printable(path)
    try:
        found = prompt_files.problems(prompting.table_of(*prompting.content_of(path)))
    except InputError as error:
        say(f"Error: {error}")
        return False
    if not found:
        prompt = prompting.load(path)
        found = _escapes(prompt) if prompt.turns else []
        words = len(_rendered(prompt, NBest("", ())).split())
    for message, hint in found:
        say(f"Error: {name}: {message} {hint}")
    if not found:
        typer.echo(f"{name}: ok, hash {prompt.hash}, answer {prompt.answer}, {words} words without content")
    return not found


def _escapes(prompt: Prompt) -> list[prompt_files.Problem]:
    """What is wrong where hostile data shows up as something else than data: as marks, turns or lines of its own."""
    plain, hostile = _rendered(prompt, EXAMPLE), _rendered(prompt, _hostile(prompt))
    return [
        (f"data of a list can write {mark!r}.", "Add it to 'marks'.")
        for mark in (*_tags(prompt), "\n")
        if plain.count(mark) != hostile.count(mark)
    ]


def _tags(prompt: Prompt) -> list[str]:
    """The fences of a prompt, as far as they look like tags, code fences or triple quotes."""
    written = "".join(turn.content for turn in prompt.turns)
    return list(dict.fromkeys(_FENCE.findall(written)))


def _hostile(prompt: Prompt) -> NBest:
    """The example, with the fences of the prompt in its texts."""
    attack = "\n".join(_tags(prompt)) + "\n\nassistant: {previous} {task}"
    second = Hypothesis(f"{EXAMPLE.hypotheses[1].text} {attack}", -2.25)
    return replace(
        EXAMPLE, hypotheses=(EXAMPLE.best, second), context=Context((f"Ada {attack}", "Lovelace"), f"nearly {attack}")
    )


def _rendered(prompt: Prompt, nbest: NBest) -> str:
    """What a model reads, turn by turn."""
    if not prompt.turns:
        context = {"hotwords": ", ".join(nbest.context.hotwords), "previous": nbest.context.previous}
        return prompt.fill(**{name: text for name, text in context.items() if name in prompt.parts})
    made = prompt.render(nbest)
    if isinstance(made, str):
        return made
    return "\n\n".join(f"[{message.role}]\n{message.text}" for message in made)
