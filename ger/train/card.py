"""The card of an adapter: a `README.md` as model hubs read it."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ger import __version__
from ger.io.paths import printable
from ger.train.adapter import Adapted, Origin, Reading, hub_name
from ger.train.adapter_options import AdapterOptions
from ger.train.h2t_recipe import H2TOptions
from ger.train.lm_recipe import TextOptions
from ger.train.work import Fluency, Summary, Validation

__all__ = ["card", "lm_card"]

_PACKAGES = ("torch", "transformers", "peft")


def card(
    reading: Reading, summary: Summary[Validation], recipe: str, files: Mapping[str, int], options: H2TOptions
) -> str:
    """What a hypotheses-to-transcription adapter was made of and what it does, in Markdown.

    Args:
        reading: How the adapter wants to be used.
        summary: What came out of the training.
        recipe: The recipe with its launch command.
        files: Names of the files of lists, and how many are in each.
        options: How was trained.
    """
    about = [
        "# Corrections of a speech recognizer's hypotheses\n",
        f"A LoRA adapter for `{hub_name(reading.base)}`: it reads the N-best list of an utterance and writes the\n"
        f"transcript. It was trained by `ger train h2t` ({options.epochs} epochs at most, rank {options.rank}).\n",
        "## Use\n\n```\nger correct LISTS --mode generate --adapter FOLDER\n```\n",
        "`peft` and `transformers` load it as any adapter. It reads the prompt in `h2t.json` "
        f"(`{printable(reading.name)}`, up to {reading.nbest} hypotheses)\nand answers with the transcript and the "
        "end of the text.\n",
    ]
    tags, held = ("error-correction", "n-best"), summary.validation.lists if summary.validation else 0
    return _card(reading, tags, about, _data(summary, files, "lists", held), _figures(summary), recipe, options)


def lm_card(
    mark: Adapted, summary: Summary[Fluency], recipe: str, files: Mapping[str, int], options: TextOptions
) -> str:
    """The same of a language model that was adapted to texts."""
    about = [
        "# A language model for the texts of a domain\n",
        f"A LoRA adapter for `{hub_name(mark.base)}`: it tells how likely a text is. It was trained by `ger train lm`\n"
        f"({options.epochs} epochs at most, rank {options.rank}) on texts in the written form `{mark.form}`.\n",
        f"## Use\n\n```\nger tune LISTS --lm FOLDER --form {mark.form} -o profile.toml\n```\n",
        "`peft` and `transformers` load it as any adapter.\n",
    ]
    held = summary.validation.texts if summary.validation else 0
    return _card(mark, ("rescoring",), about, _data(summary, files, "texts", held), _fluency(summary), recipe, options)


def _card(
    mark: Origin,
    tags: Sequence[str],
    about: Sequence[str],
    data: str,
    figures: str,
    recipe: str,
    options: AdapterOptions,
) -> str:
    sections = [
        _head(mark, tags),
        *about,
        data,
        figures,
        f"## Signature\n\n{_signature(mark, options)}\n",
        f"## Recipe\n\n```toml\n{_fenced(recipe)}\n```\n" if recipe else "",
    ]
    return "\n".join(filter(None, sections))


def _head(mark: Origin, more: Sequence[str]) -> str:
    """What hubs sort by, as YAML."""
    rows = [f"base_model: {json.dumps(hub_name(mark.base))}", "library_name: peft", "pipeline_tag: text-generation"]
    tags = ["lora", "automatic-speech-recognition", *more]
    return "\n".join(["---", *rows, "tags:", *(f"- {tag}" for tag in tags), "---", ""])


def _data(summary: Summary[Any], files: Mapping[str, int], what: str, held: int) -> str:
    rows = [f"- `{printable(name)}`: {count} {what}" for name, count in files.items()]
    to_choose = f", {held} to choose the epoch" if held else ""
    rows.append(f"- {summary.trained_on} of {summary.lists} {what} were learned from{to_choose}.")
    return "\n".join(["## Data", "", *rows, ""])


def _figures(summary: Summary[Validation]) -> str:
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


def _fluency(summary: Summary[Fluency]) -> str:
    held = summary.validation
    if not held:
        return ""
    return (
        f"## Figures\n\nOn {held.texts} texts ({held.words} words) that it did not learn from, after epoch "
        f"{summary.best_epoch}, which was chosen by them:\nperplexity {held.before:.1f} before, {held.perplexity:.1f} "
        "with this adapter (a word, ends of texts counted).\n"
    )


def _signature(mark: Origin, options: AdapterOptions) -> str:
    packages = ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)
    made = f"ger {__version__}, {packages}, Python {platform.python_version()}"
    precision = "bfloat16" if options.half else "float32"
    return f"`{mark.identity}`, seed {options.seed}, {precision}; {made}; training `{mark.key}`."


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"


def _fenced(text: str) -> str:
    """A text that does not end the block it stands in."""
    return text.strip().replace("```", "'''")
