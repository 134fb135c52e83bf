"""Options of the commands that have a language model write."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "Adapter",
    "Answers",
    "Beams",
    "Decoding",
    "Examples",
    "GateFile",
    "Guarding",
    "Prompt",
    "Select",
    "Shots",
    "Speak",
    "Tag",
]

_GEN = "Generation"
_SAFE = "Safety"

Adapter = Annotated[
    Path | None,
    typer.Option(help="Folder of a LoRA adapter, such as 'ger train h2t' writes.", rich_help_panel=_GEN),
]
Prompt = Annotated[str | None, typer.Option(help="A name of 'ger prompts ls' or a TOML file.", rich_help_panel=_GEN)]
Decoding = Annotated[
    str | None,
    typer.Option(
        help="free; nearest (the hypothesis nearest to the answer); choice (one of the hypotheses); "
        "words (their words in the order of the word graph).",
        rich_help_panel=_GEN,
    ),
]
Beams = Annotated[int | None, typer.Option(help="Width of the search for answers.", rich_help_panel=_GEN)]
Examples = Annotated[Path | None, typer.Option(help="Lists with references to show as examples.", rich_help_panel=_GEN)]
Shots = Annotated[int | None, typer.Option(help="How many of them.", rich_help_panel=_GEN)]
Select = Annotated[str | None, typer.Option(help="Which of them: fixed, random, nearest.", rich_help_panel=_GEN)]
Tag = Annotated[
    str | None,
    typer.Option(help="Task of all lists, for an adapter that was trained on several.", rich_help_panel=_GEN),
]
Answers = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help='Recorded answers of some corrector instead: JSON Lines of {"id", "text"}, or Kaldi text.',
        rich_help_panel=_GEN,
    ),
]
GateFile = Annotated[
    str | None,
    typer.Option(
        "--gate", metavar="FILE|off", help="Decides about each edit; 'ger tune gate' makes it.", rich_help_panel=_SAFE
    ),
]
Speak = Annotated[
    str | None,
    typer.Option(
        metavar="SPEAKER[:VOICE]",
        help="Speak the result too, into a WAV file beside the others: espeak-ng:de, flite:slt, piper:MODEL.onnx.",
        rich_help_panel=_GEN,
    ),
]
Guarding = Annotated[
    bool | None,
    typer.Option("--guard/--no-guard", help="Rules for what a model wrote (on).", rich_help_panel=_SAFE),
]
