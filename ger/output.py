"""An output folder: results under their final names, and a journal so that an interrupted run goes on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ger.errors import InputError, ModelError, OutputError
from ger.io.formats import AUTO, SAME, Recording, formats, pieces
from ger.io.inputs import Input
from ger.io.jsonl import dumps
from ger.io.output import clean_stale, write_atomic
from ger.io.paths import printable
from ger.journal import Journal, stamp
from ger.pipeline import Result
from ger.protocols import Speaker
from ger.speech import wav
from ger.types import written_in
from ger.unfinished import Unfinished

if TYPE_CHECKING:
    from ger.speech import Samples

__all__ = ["LISTS", "SPEECH", "OutputFolder", "lists_text", "rendered", "spoken"]

#: The name under which N-best lists are written, one file an input.
LISTS = "nbest.jsonl"

#: The ending of what is spoken.
SPEECH = "speech.wav"

#: Formats in which every segment has a start and an end.
_TIMED = ("srt", "vtt", "tsv")

#: The speaker for a language, or for one that is not known.
Voices = Callable[[str | None], Speaker]


class OutputFolder:
    """Writes the results of inputs, each under its own name.

    Args:
        folder: Made when needed.
        names: Output formats (`ger.io.formats`), or `LISTS`. With `all` and `auto`, formats that need times are left
            out where there are none.
        key: Everything that results depend on beside the input; with another key inputs are done again.
        resume: Whether inputs that are done already are left alone.
        voices: Gives the speaker for each result, which goes into a file of its own; `None` for none.

    Raises:
        OutputError: the folder cannot be made or written to.
    """

    def __init__(
        self, folder: Path, names: Iterable[str], key: str, *, resume: bool = True, voices: Voices | None = None
    ) -> None:
        self.folder, self._voices = folder, voices
        self._names = [LISTS] if LISTS in (given := list(names)) else formats(given)
        self._all, self._auto = "all" in given or AUTO in given, AUTO in given
        _make(folder)
        spoken = f" {voices(None).signature}" if voices else ""
        self._journal = Journal(folder, f"{key} {self._names}{spoken}")
        self._resume = resume
        #: Where what is made of inputs waits until it is written.
        self.unfinished = Unfinished(folder, key, resume=resume)
        self._stamps: dict[Input, list[int]] = {}

    def split(self, inputs: Sequence[Input]) -> tuple[list[Input], list[Input]]:
        """Inputs that are still to do, and those that are done. Removes what a killed run left half-written."""
        todo: list[Input] = []
        done: list[Input] = []
        for parent in {(self.folder / source.stem).parent for source in inputs}:
            clean_stale(parent)
        for source in inputs:
            self._stamps[source] = stamp(source)
            (done if self._resume and self._done(source) else todo).append(source)
        return todo, done

    def _done(self, source: Input) -> bool:
        try:
            outputs = [self._target(source, name) for name in (*self._names, *([SPEECH] if self._voices else []))]
        except OutputError:  # told when its turn comes
            return False
        return self._journal.done(source, outputs)

    def write(self, result: Result) -> dict[str, Path]:
        """Write what became of an input; one with an error, or with a failed correction, is not noted as done.

        Raises:
            OutputError: a file cannot be written, or the speaker failed; then the texts are there.
        """
        done = False
        try:
            written = self._written(result) if result.recording else {}
            if result.recording and result.error is None and not _failed(result.recording):
                before = self._stamps.get(result.source, stamp(result.source))
                self._journal.add(result.source, written.values(), before)
                done = True
        finally:
            self.unfinished.close(result.source, done=done)
        return written

    def _written(self, result: Result) -> dict[str, Path]:
        """The files of an input, what is spoken after all texts."""
        written: dict[str, Path] = {}
        for name, text in self._texts(result).items():
            target = self._target(result.source, name)
            if target in written.values():
                raise OutputError(f"{printable(target)} would be written twice.", f"Leave {name} or another out of -f.")
            written[name] = target
            write_atomic(target, text)
        if self._voices and result.recording:
            speaker = self._voices(_language(result.recording))
            written[SPEECH] = self._target(result.source, SPEECH)
            write_atomic(written[SPEECH], wav(spoken(speaker, result.recording)))
        return written

    def _target(self, source: Input, name: str) -> Path:
        return source.output(self.folder, source.suffix if name == SAME else name)

    def _texts(self, result: Result) -> Mapping[str, str | bytes | Iterable[str]]:
        if self._names == [LISTS]:
            return {LISTS: lists_text(result)}
        assert result.recording is not None
        texts: dict[str, str | bytes | Iterable[str]] = {}
        if result.document and SAME in self._names:
            texts[SAME] = result.rewritten()
            if self._auto:
                return texts
        units = result.by_unit().corrections if self._all else ()
        timed = all(made.audio and made.audio.start is not None for made in units if made.text.strip())
        names = [name for name in self._names if name != SAME and (timed or not self._all or name not in _TIMED)]
        return texts | rendered(result, names)


def rendered(result: Result, names: Iterable[str]) -> dict[str, str | bytes | Iterable[str]]:
    """A result in some formats.

    A document in its own format is the file with other words. In others it has a segment for each of its units; as
    `jsonl` it has a record for each passage that was corrected.
    """
    assert result.recording is not None
    own = (SAME, result.document.format) if result.document else ()
    wanted = list(names)
    units = result.by_unit() if {*wanted} - {*own, "jsonl"} else result.recording
    made: dict[str, str | bytes | Iterable[str]] = {}
    for name in wanted:
        made[name] = result.rewritten() if name in own else pieces(name, result.recording if name == "jsonl" else units)
    return made


def _make(folder: Path) -> None:
    """Make the folder, so that one that cannot be written to is told before anything is recognized."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise OutputError(f"{printable(folder)} is a file, not a folder.", "Choose another folder with -o.") from error
    except OSError as error:
        raise OutputError(
            f"{printable(folder)} cannot be made: {error.strerror}.", "Choose another folder with -o."
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        raise OutputError(
            f"{printable(folder)} cannot be written to.", "Change its permissions or choose another folder with -o."
        )


def spoken(speaker: Speaker, recording: Recording) -> Iterator[Samples]:
    """The texts of a recording as speech, one after the other; those of which nothing can be said are left out.

    Raises:
        OutputError: the speaker failed.
    """
    for text in filter(None, (correction.text.strip() for correction in recording.corrections)):
        try:
            yield speaker.speak(text)
        except InputError:
            continue
        except ModelError as error:
            raise OutputError(f"{printable(recording.path)} cannot be spoken: {error.message}", error.hint) from error


def _language(recording: Recording) -> str | None:
    """The language that the texts of a recording are in, where one of them says so."""
    return next(filter(None, map(written_in, recording.corrections)), None)


def _failed(recording: Recording) -> bool:
    return any(made.decision == "failed" for made in recording.corrections)


def lists_text(result: Result) -> Iterator[str]:
    """The N-best lists of an input as JSON Lines, line by line."""
    return (f"{dumps(nbest)}\n" for nbest in result.lists)
