"""Which recognizers are meant, `[NAME=][FRONTEND:]MODEL` as given to `--model`, and several of them as one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ger import registry
from ger.errors import ModelError, UsageError
from ger.protocols import AsrFrontend, FrontendOptions, Recalling
from ger.types import AudioSegment, Hypothesis, NBest

__all__ = ["RecognizerSpec", "Together", "load", "parse", "parse_all"]


@dataclass(frozen=True, slots=True)
class RecognizerSpec:
    """A recognizer by name.

    Attributes:
        name: What its hypotheses carry as their system where several recognizers work together.
        frontend: Name of the plug-in that runs it.
        model: What the plug-in is given; empty for its default.
    """

    name: str = "faster-whisper"
    frontend: str = "faster-whisper"
    model: str = ""


def parse(text: str, frontend: str = "") -> RecognizerSpec:
    """Read `[NAME=][FRONTEND:]MODEL`; the name of a front end alone means its default model.

    Without a front end, a URL is a server (`remote`), a `.nemo` file is `nemo`, a folder of transformers is
    `transformers`, and all else, Whisper in CTranslate2's format, is `faster-whisper`.

    Args:
        text: For example `whisper-base`, `pocketsphinx`, `mine=nemo:conformer.nemo`.
        frontend: The front end where the text names none; empty to tell it by the model.

    Raises:
        UsageError: the text is empty.
    """
    name, text = registry.named(text)
    known = registry.names("frontends")
    chosen, colon, model = text.partition(":")
    if text in known and not frontend:
        chosen, model = text, ""
    elif not (colon and chosen in known):
        if not text.strip():
            raise UsageError("The name of a recognizer is empty.", "Name a model, a folder, a file or a front end.")
        chosen, model = frontend or _frontend(text), text
    return RecognizerSpec(name or _short(model) or chosen, chosen, model)


def parse_all(texts: Sequence[str], frontend: str = "") -> tuple[RecognizerSpec, ...]:
    """Read several; without any, the default model of the front end.

    Raises:
        UsageError: two have the same name, or one cannot be read.
    """
    if not texts:
        return (RecognizerSpec(frontend, frontend),) if frontend else (RecognizerSpec(),)
    specs = tuple(parse(text, frontend) for text in texts)
    names = [spec.name for spec in specs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"Two recognizers are called {twice!r}.", "Give names: --model big=… --model small=…")
    return specs


def load(specs: Sequence[RecognizerSpec], options: FrontendOptions) -> AsrFrontend:
    """Load one recognizer, or several that work together.

    Raises:
        GerError: as their plug-ins do.
    """
    loaded: dict[str, AsrFrontend] = {
        spec.name: registry.load("frontends", spec.frontend)(replace(options, model=spec.model)) for spec in specs
    }
    return Together(loaded) if len(loaded) > 1 else next(iter(loaded.values()))


class Together:
    """Several recognizers that hear the same segments; see `ger.protocols.AsrFrontend`.

    A list has the hypotheses of the first recognizer, then those of the second, and so on, each with the name of its
    recognizer in `extra["system"]` and with that recognizer's own scores: equal texts stay, and only scores of the same
    system can be compared. One that heard nothing where another heard something says the empty text. Language and
    context of a list are those of the first recognizer that heard something.

    Args:
        frontends: The recognizers by name, the most trusted first.
    """

    def __init__(self, frontends: Mapping[str, AsrFrontend]) -> None:
        self._frontends = dict(frontends)

    @property
    def signature(self) -> str:
        """See `ger.protocols.AsrFrontend`."""
        return " + ".join(f"{name}={frontend.signature}" for name, frontend in self._frontends.items())

    def recognize(self, segments: Sequence[AudioSegment]) -> list[NBest]:
        """See `ger.protocols.AsrFrontend`.

        Raises:
            ModelError: one of them broke on this batch.
        """
        heard = []
        for name, frontend in self._frontends.items():
            try:
                heard.append(frontend.recognize(segments))
            except ModelError as error:
                raise ModelError(f"{name}: {error.message}", error.hint) from error
        return [self._merged(lists) for lists in zip(*heard, strict=True)]

    def recall(self, nbest: NBest) -> None:
        """See `ger.protocols.Recalling`."""
        metas = nbest.meta.get("systems", {})
        for name, frontend in self._frontends.items():
            if isinstance(frontend, Recalling):
                frontend.recall(replace(nbest, meta=metas.get(name, {})))

    def _merged(self, lists: Sequence[NBest]) -> NBest:
        told = next((nbest for nbest in lists if nbest.hypotheses), None)
        if told is None:
            return lists[0]
        hypotheses = tuple(
            replace(hypothesis, extra={**hypothesis.extra, "system": name})
            for name, nbest in zip(self._frontends, lists, strict=True)
            for hypothesis in nbest.hypotheses or (Hypothesis(""),)
        )
        metas = {name: nbest.meta for name, nbest in zip(self._frontends, lists, strict=True)}
        return replace(told, hypotheses=hypotheses, meta={"systems": metas})


def _short(model: str) -> str:
    """The last part of a path or URL, without the ending of a NeMo file."""
    last = re.split(r"[/\\#]", model.rstrip("/\\"))[-1]
    return last.removesuffix(".nemo")


def _frontend(text: str) -> str:
    """The front end for a model: by how it is named, and by its files if it is a folder."""
    if re.match(r"https?://", text):
        return "remote"
    if text.endswith(".nemo"):
        return "nemo"
    folder = Path(text).expanduser()
    try:
        transformers = folder.is_dir() and (folder / "config.json").is_file() and not (folder / "model.bin").is_file()
    except OSError:
        return "faster-whisper"
    return "transformers" if transformers else "faster-whisper"
