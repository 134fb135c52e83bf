"""What the commands on N-best lists share: reading them, and which language models judge."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ger.cli import common
from ger.errors import UsageError
from ger.io.paths import printable

if TYPE_CHECKING:
    from ger.types import NBest

__all__ = [
    "BatchTokens",
    "Domain",
    "Form",
    "Format",
    "Lists",
    "LlmPrecision",
    "Lms",
    "Previous",
    "PreviousWords",
    "References",
    "Systems",
    "Weights",
    "check_output",
    "check_systems",
    "files",
    "models",
    "named",
    "read",
    "references",
    "unweighted",
    "weights",
]

_IN = "Input"
_LM = "Language model"

Lists = Annotated[
    list[str] | None,
    typer.Argument(metavar="LISTS...", help="Files with N-best lists (records, HyPoradise, ESPnet …), '-'."),
]
Systems = Annotated[
    list[str] | None,
    typer.Option(
        "--system",
        metavar="NAME=FILE",
        help="Texts of one recognizer by utterance; several systems make lists of one hypothesis each, "
        "several files of one system are joined.",
        rich_help_panel=_IN,
    ),
]
References = Annotated[
    list[Path] | None,
    typer.Option(
        "--reference",
        help="References by the ids of lists, or by ids or file names of recordings that have one list each; kept in "
        "the output.",
        rich_help_panel=_IN,
    ),
]
Format = Annotated[
    str | None,
    typer.Option("--format", "--input-format", help="Format of LISTS; found out when left out.", rich_help_panel=_IN),
]
Lms = Annotated[
    list[str] | None,
    typer.Option(
        "--lm",
        metavar="[NAME=][BACKEND:]MODEL",
        help="A language model: a name of 'ger models ls', a hub id, a folder, such as 'ger train lm' writes, "
        "an .arpa or .bin file, the URL of a server. Several are weighted together.",
        rich_help_panel=_LM,
    ),
]
Form = Annotated[
    str | None,
    typer.Option(help="Written form that they read: as-is, lower, lower., sentence.", rich_help_panel=_LM),
]
Domain = Annotated[
    str | None, typer.Option(help="A sentence about what is spoken of, read before each text.", rich_help_panel=_LM)
]
Previous = Annotated[
    int | None,
    typer.Option(help="Earlier utterances of the same recording, read before each text.", rich_help_panel=_LM),
]
PreviousWords = Annotated[
    int | None,
    typer.Option(help="Words of them that are read at most (default 200).", rich_help_panel=_LM),
]
LlmPrecision = Annotated[
    str | None,
    typer.Option(
        "--llm-compute-type",
        help="float32, bfloat16, float16, with ctranslate2 int8 (default the fastest).",
        rich_help_panel=_LM,
    ),
]
BatchTokens = Annotated[
    int | None, typer.Option(help="Tokens that go through the model at once.", rich_help_panel=common.RUN)
]
Weights = Annotated[
    list[str] | None,
    typer.Option(
        "--weight",
        metavar="[NAME=]VALUE",
        help="Weight of a feature; without a name that of the language model, 0 to 1.",
        rich_help_panel=_LM,
    ),
]

_WEIGHT = re.compile(r"(?:(?P<name>.+)=)?(?P<value>[^=]+)")


def read(
    paths: Sequence[str] | None,
    systems: Sequence[str] | None = None,
    reference: Sequence[Path] | None = None,
    format: str | None = None,
    *,
    empty: bool = False,
) -> list[NBest]:
    """The lists of files, or those made of several systems' texts.

    Ids that occur in several files get the file's name in front.

    Args:
        paths: The files.
        systems: Texts of several systems instead, `NAME=FILE`.
        reference: Files of references.
        format: Format of the files; found out when left out.
        empty: Whether there may be no lists, as of a recording in which nothing was said.

    Raises:
        InputError: a file cannot be read, ids do not belong together, or there are no lists.
        UsageError: neither or both were given, or one has no name.
    """
    from ger.errors import InputError
    from ger.io.lists import Beside, attach_references, join_systems, read_lists, read_texts

    if bool(paths) == bool(systems):
        raise UsageError("Give either LISTS or --system NAME=FILE.", "See --help.")
    known = references(reference)
    if systems:
        texts = {name: _joined((file, read_texts(file)) for file in files) for name, files in named(systems).items()}
        lists = join_systems(texts, known if reference else None)
    else:
        beside = Beside(manifest=reference[0] if reference and len(reference) == 1 else None)
        files = {path: list(read_lists(path, format=format, beside=beside)) for path in dict.fromkeys(paths or ())}
        lists = _with_own_ids(files)
        if reference and lists:
            lists = attach_references(lists, known)
    if not lists and not empty:
        raise InputError(f"{', '.join(systems or paths or ())} holds no lists.", "Check the file.")
    return lists


def references(files: Sequence[Path] | None) -> dict[str, str]:
    """The references of several files.

    Raises:
        InputError: a file cannot be read, or an utterance is in two of them.
    """
    from ger.io.lists import read_texts

    return _joined((str(path), read_texts(path, reference=_holds_references(path))) for path in files or ())


def check_output(output: Path | None, *inputs: str | Path, option: str = "") -> None:
    """See, before anything is done, that a file can be written, and is none of those that are read.

    Raises:
        OutputError: it cannot be written.
        UsageError: it is read, too, or a folder.
    """
    from ger.io.output import check_writable

    if output is None:
        return
    if os.path.isdir(output):
        raise UsageError(f"{printable(output)} is a folder.", "Give the name of a file.")
    for path in map(Path, inputs):
        # What may not be looked at is told where it is read or written.
        if os.path.exists(output) and os.path.exists(path) and output.samefile(path):
            raise UsageError(f"{printable(output)} is read, too.", f"Name another file{option and f' with {option}'}.")
    check_writable(output)


def models(given: Sequence[str] | None) -> list[str]:
    """What `--lm` names, which may be files.

    Raises:
        UsageError: one cannot be read, or two have the same name.
    """
    from ger.lm.select import parse_all

    return [spec.model for spec in parse_all(given or ())]


def files(paths: Sequence[str] | None, systems: Sequence[str] | None, reference: Sequence[Path] | None) -> list[str]:
    """All files that `read` reads."""
    of_systems = (file for found in named(systems or ()).values() for file in found)
    return [*(paths or ()), *of_systems, *map(str, reference or ())]


def check_systems(weighed: Iterable[str], lists: Iterable[NBest]) -> None:
    """See that there is a hypothesis of each system that weights are for.

    Raises:
        UsageError: there is none of one.
    """
    from ger.lm.features import system_columns

    wanted = [name for name in weighed if name.startswith("system:")]
    there = system_columns(list(lists)) if wanted else ()
    if missing := next((name for name in wanted if name not in there), None):
        raise UsageError(
            f"The profile has a weight for {missing}, and no list has a hypothesis of that system.",
            f"Name the systems as they were named for `ger tune`: {', '.join(wanted)}.",
        )


def weights(given: Sequence[str] | None) -> tuple[float | None, dict[str, float]]:
    """The weight of the language model, and weights by name.

    Raises:
        UsageError: one is not a number.
    """
    alone: float | None = None
    named: dict[str, float] = {}
    for text in given or ():
        parts = _WEIGHT.fullmatch(text)
        try:
            value = float(parts["value"]) if parts else float(text)
        except ValueError:
            raise UsageError(f"--weight {text} is not a number.", "Write --weight 0.2 or --weight words=0.5.") from None
        if parts and parts["name"]:
            named[parts["name"]] = value
        else:
            alone = value
    return alone, named


def unweighted(given: Sequence[str] | None) -> dict[str, float]:
    """Language models by name with weights that are still to be found.

    Raises:
        UsageError: one cannot be read, or two have the same name.
    """
    from ger.lm.select import parse_all

    return {spec.name: 1.0 for spec in parse_all(given or ())}


def _holds_references(path: Path) -> bool:
    return path.suffix in (".json", ".jsonl")


def named(systems: Sequence[str]) -> dict[str, list[str]]:
    """The files of each system."""
    files: dict[str, list[str]] = {}
    for text in systems:
        name, _, file = text.partition("=")
        if not name or not file:
            raise UsageError(f"--system {text} has no name and file.", "Write --system NAME=FILE.")
        files.setdefault(name, []).append(file)
    return files


def _joined(files: Iterable[tuple[str, dict[str, str]]]) -> dict[str, str]:
    """The texts of several files.

    Raises:
        InputError: an utterance is in two of them.
    """
    from ger.errors import InputError

    whole: dict[str, str] = {}
    for name, texts in files:
        if twice := next((key for key in texts if key in whole), None):
            raise InputError(f"{printable(name)}: {twice!r} is in an earlier file, too.", "Give each utterance once.")
        whole |= texts
    return whole


def _with_own_ids(files: dict[str, list[NBest]]) -> list[NBest]:
    from dataclasses import replace

    lists = [nbest for found in files.values() for nbest in found]
    if len({nbest.id for nbest in lists}) == len(lists):
        return lists
    names = {path: Path(path).name for path in files}
    if len(set(names.values())) < len(names):
        names = {path: path.replace("/", ":") for path in files}  # what is before a slash is a recording
    return [replace(nbest, id=f"{names[path]}:{nbest.id}") for path, found in files.items() for nbest in found]
