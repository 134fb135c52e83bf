"""The card of an adapter: a `README.md` as model hubs read it."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from ger import __version__
from ger.io.paths import printable
from ger.train.adapter import Reading, hub_name
from ger.train.h2t_recipe import H2TOptions
from ger.train.work import Summary

__all__ = ["card"]

_PACKAGES = ("torch", "transformers", "peft")


def card(reading: Reading, summary: Summary, recipe: str, files: Mapping[str, int], options: H2TOptions) -> str:
    """What an adapter was made of and what it does, in Markdown.

    Args:
        reading: How the adapter wants to be used.
        summary: What came out of the training.
        recipe: The recipe with its launch command.
        files: Names of the files of lists, and how many are in each.
        options: How was trained.
    """
    sections = [
        _head(reading),
        "# Corrections of a speech recognizer's hypotheses\n",
        f"A LoRA adapter for `{hub_name(reading.base)}`: it reads the N-best list of an utterance and writes the\n"
        f"transcript. It was trained by `ger train h2t` ({options.epochs} epochs at most, rank {options.rank}).\n",
        "## Use\n\n```\nger correct LISTS --mode generate --adapter FOLDER\n```\n",
        "`peft` and `transformers` load it as any adapter. It reads the prompt in `h2t.json` "
        f"(`{printable(reading.name)}`, up to {reading.nbest} hypotheses)\nand answers with the transcript and the "
        "end of the text.\n",
        _data(summary, files),
        _figures(summary),
        f"## Signature\n\n{_signature(reading, options)}\n",
        f"## Recipe\n\n```toml\n{_fenced(recipe)}\n```\n" if recipe else "",
    ]
    return "\n".join(filter(None, sections))


def _head(reading: Reading) -> str:
    """What hubs sort by, as YAML."""
    rows = [f"base_model: {json.dumps(hub_name(reading.base))}", "library_name: peft", "pipeline_tag: text-generation"]
    tags = ["lora", "automatic-speech-recognition", "error-correction", "n-best"]
    return "\n".join(["---", *rows, "tags:", *(f"- {tag}" for tag in tags), "---", ""])


def _data(summary: Summary, files: Mapping[str, int]) -> str:
    rows = [f"- `{printable(name)}`: {count} lists" for name, count in files.items()]
    held = f", {summary.validation.lists} to choose the epoch" if summary.validation else ""
    rows.append(f"- {summary.trained_on} of {summary.lists} lists were learned from{held}.")
    return "\n".join(["## Data", "", *rows, ""])


def _figures(summary: Summary) -> str:
    held = summary.validation
    if not held:
        return ""
    rows = [("first hypothesis", held.first_best), ("this adapter", held.errors), ("best hypothesis", held.oracle)]
    table = [f"| {name} | {errors} | {100 * errors / max(1, held.words):.2f} |" for name, errors in rows]
    return "\n".join(
        [
            "## Figures",
            "",
            f"On {held.lists} lists ({held.words} words) that it did not learn from, after epoch {summary.best_epoch}, "
            "which was chosen by them;\njudge it by lists of your own.",
            "",
            "| text | word errors | WER (%) |",
            "| --- | --- | --- |",
            *table,
            "",
        ]
    )


def _signature(reading: Reading, options: H2TOptions) -> str:
    packages = ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)
    made = f"ger {__version__}, {packages}, Python {platform.python_version()}"
    precision = "bfloat16" if options.half else "float32"
    return f"`{reading.identity}`, seed {options.seed}, {precision}; {made}; training `{reading.key}`."


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"


def _fenced(text: str) -> str:
    """A text that does not end the block it stands in."""
    return text.strip().replace("```", "'''")
