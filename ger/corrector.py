"""A corrector that stays loaded: `ger.Corrector`, for programs that have texts, lists or documents to correct."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from queue import Full
from typing import TYPE_CHECKING, Any

from ger import __version__
from ger.batcher import Batcher, OneThread, Run
from ger.correct.rescore import recording
from ger.correct.running import Running
from ger.errors import UsageError
from ger.types import AudioSpan, Correction, Hypothesis, NBest

if TYPE_CHECKING:
    from ger.lm.profile import Profile
    from ger.settings import Settings

__all__ = ["Corrector", "What"]

#: What can be corrected: a text, texts of one utterance with the best first, or a list with all that is known of it,
#: also as the plain JSON value of its record.
What = str | Sequence[str] | NBest | Mapping[str, Any]

_MOST = 256


class Corrector:
    """Corrects texts and N-best lists; the models are loaded once, and callers of all threads and tasks share batches.

    >>> with ger.Corrector.from_profile() as corrector:  # doctest: +SKIP
    ...     corrector.correct(["so the field", "sow the field"]).text

    Args:
        settings: What to use; see `ger.api.settings`.
        run: What loads the models and does the work on each batch; a thread of its own when left out.

    Raises:
        GerError: a model cannot be had.
    """

    def __init__(self, settings: Settings, run: Run | None = None) -> None:
        self._run: Run = run or OneThread()
        self._inner = self._run(settings.make_corrector)
        self._consistent = settings.make_consistent(self._inner)
        self._tokens = itertools.count(1)
        #: Where lists wait for each other.
        self.batcher = Batcher[NBest, Correction](self._corrected, most=_MOST, bound=16 * _MOST, name="corrector")

    @classmethod
    def from_profile(cls, profile: Profile | str | os.PathLike[str] | None = None, **options: Any) -> Corrector:
        """Load a corrector.

        Args:
            profile: A file that `ger tune` wrote, or a `ger.lm.profile.Profile`; the default one when left out.
            **options: Settings by name, such as `llm=…`, `mode="generate"`; see `ger.api.settings`.

        Raises:
            GerError: the profile cannot be read, an option is not known, or a model cannot be had.
        """
        from ger.api import settings

        return cls(settings(profile=profile, **options))

    @property
    def signature(self) -> str:
        """One line that says how corrections are made."""
        again = f" | {self._consistent.signature}" if self._consistent else ""
        return f"ger {__version__} | lists | {self._inner.signature}{again}"

    def correct(self, what: What) -> Correction:
        """Correct a text, texts of one utterance (the best first), or a list, which may be a record's JSON value.

        A correction whose `decision` is `failed` keeps the first text, and says why.

        Raises:
            RecordError: a record is not what it should be.
            UsageError: it was closed, or this is nothing that can be corrected.
        """
        return self.batch([what])[0]

    def batch(self, lists: Iterable[What]) -> list[Correction]:
        """Correct several, in order; with running context (`previous`) each recording's lists follow one another.

        With `consistent`, those that are here of a recording are what is looked at a second time.

        Raises:
            RecordError: a record is not what it should be.
            UsageError: it was closed, or one is nothing that can be corrected.
        """
        call = _Call(self, lists)
        self.batcher.expect(len(call.lists))
        futures = [self.submit(one) for one in call.lists]
        return call.restored(self._again([future.result() for future in futures]))

    async def acorrect(self, what: What) -> Correction:
        """As `correct`, with its errors; what several tasks ask for at once is corrected together."""
        return (await self.abatch([what]))[0]

    async def abatch(self, lists: Iterable[What]) -> list[Correction]:
        """As `batch`, with its errors; cancelled, it gives up what is not being corrected yet."""
        call = _Call(self, lists)
        futures: list[Future[Correction]] = []
        try:
            self.batcher.expect(len(call.lists))
            for nbest in call.lists:
                try:
                    futures.append(self.batcher.submit(nbest, timeout=0))
                except Full:
                    futures.append(await asyncio.to_thread(self.submit, nbest))
            made = [await asyncio.wrap_future(future) for future in futures]
            return call.restored(await asyncio.to_thread(self._again, made) if self._consistent else made)
        finally:
            for future in futures:
                future.cancel()

    def document(self, source: bytes | str | os.PathLike[str], format: str | None = None) -> bytes:
        """A recognizer's file with corrected words, and nothing else changed.

        Args:
            source: A file, or what is in one.
            format: One of `ger.io.documents.FORMATS`; found out when left out, of bytes from what is inside alone.

        Raises:
            InputError: it cannot be read, is of no known format or not what it should be.
            UsageError: there is no format of that name, or the corrector was closed.
        """
        from ger.io.documents import read_document
        from ger.io.documents.passages import changed, passages

        path, raw = ("document", source) if isinstance(source, bytes) else (os.fspath(source), None)
        document = read_document(path, format=format, raw=raw)
        found = passages(document, Path(path).stem)
        return changed(document, list(zip(found, self.batch(passage.nbest for passage in found), strict=True)))

    def submit(self, nbest: NBest) -> Future[Correction]:
        """Correct a list some time soon. With running context its recording should have a name of its own.

        Raises:
            UsageError: it was closed.
        """
        return self.batcher.submit(nbest)

    def forget(self, recordings: Iterable[str]) -> None:
        """What was said in these recordings is no context for what follows."""
        if isinstance(self._inner, Running):
            for name in filter(None, recordings):
                self._inner.forget(name)

    def new_name(self) -> str:
        """A name that no recording has yet."""
        return f"call {next(self._tokens)}"

    @property
    def runs_on(self) -> bool:
        """Whether what was said before in a recording is context for what follows."""
        return isinstance(self._inner, Running)

    def close(self) -> None:
        """Finish what was asked for, and take nothing more."""
        self.batcher.close()

    def __enter__(self) -> Corrector:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _again(self, made: Sequence[Correction]) -> Sequence[Correction]:
        """Corrections after a second look at what they have in common."""
        changes = self._consistent.changes(made) if self._consistent else {}
        return [changes.get(i, one) for i, one in enumerate(made)]

    def _corrected(self, lists: Sequence[NBest]) -> list[Correction]:
        return [replace(made, signature=self.signature) for made in self._run(self._inner.correct, lists)]


class _Call:
    """The lists of one call. With running context their recordings get names of their own while they are corrected."""

    def __init__(self, corrector: Corrector, lists: Iterable[What]) -> None:
        if isinstance(lists, str | bytes | Mapping) or not isinstance(lists, Iterable):
            raise UsageError(f"{_shown(lists)} is not several things to correct.", "Put it into a list.")
        self._corrector = corrector
        self._given = [_list(what, str(number)) for number, what in enumerate(lists, 1)]
        self.lists = self._given
        if corrector.runs_on:
            name = corrector.new_name()
            self.lists = [_renamed(nbest, name) for nbest in self._given]

    def restored(self, made: Sequence[Correction]) -> list[Correction]:
        """The corrections with the names that their recordings had."""
        self._corrector.forget({recording(nbest) for nbest in self.lists})
        return [replace(one, audio=nbest.audio) for one, nbest in zip(made, self._given, strict=True)]


def _renamed(nbest: NBest, name: str) -> NBest:
    if not recording(nbest):
        return nbest
    span = nbest.audio or AudioSpan("")
    return replace(nbest, audio=replace(span, path=f"{name}: {recording(nbest)}"))


def _list(what: What, id: str) -> NBest:
    if isinstance(what, Mapping):
        return NBest.from_json({"id": id, **what}, f"list {id}")
    if isinstance(what, NBest):
        for one in what.hypotheses:
            if not isinstance(one, Hypothesis):
                raise UsageError(f"List {what.id!r} holds {_shown(one)} as a hypothesis.", "Use ger.Hypothesis(text).")
        return what
    texts: list[Any] = [what] if isinstance(what, str) else list(what) if isinstance(what, Iterable) else [what]
    for text in texts:
        if not isinstance(text, str):
            hint = "Give a text, texts of one utterance, a ger.NBest, or the JSON value of a record."
            raise UsageError(f"{_shown(text)} cannot be corrected.", hint)
    return NBest(id, tuple(Hypothesis(text) for text in texts))


def _shown(what: object) -> str:
    return f"{what!r:.60}"
