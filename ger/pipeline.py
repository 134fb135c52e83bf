"""From inputs to results: decoding and segmentation run ahead in a thread, segments of all files are batched together.

inputs ──(thread)──> segments ──> N-best lists ──> corrections ──> one result an input, in order
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeVar

from ger import __version__
from ger.correct.rescore import recording
from ger.correct.running import Running
from ger.errors import AudioError, GerError, InputError, ModelError
from ger.io.audio import SAMPLE_RATE, decode
from ger.io.documents import FORMATS as DOCUMENTS
from ger.io.documents import Document, document_in, is_text
from ger.io.documents.by_unit import by_unit
from ger.io.documents.passages import Passage, changed, passages
from ger.io.formats import Recording
from ger.io.inputs import Input
from ger.io.lists import Beside, any_document, read_lists
from ger.io.media import is_media
from ger.io.paths import printable, utf8
from ger.io.sniff import holds_text
from ger.languages import name_of, same
from ger.memory import give_back
from ger.protocols import AsrFrontend, Corrector, Recalling, Segmenter
from ger.settings import Settings
from ger.types import AudioSegment, AudioSpan, Context, Correction, NBest
from ger.unfinished import Kept, Stretch, Stretches, Unfinished

if TYPE_CHECKING:
    from ger.correct.consistent import Consistent
    from ger.translate import Translator

__all__ = ["Pipeline", "Progress", "Result", "is_audio"]

#: Segments that are recognized together; the front end sorts them by length and batches them.
_WINDOW = 24
#: Segments that are decoded ahead.
_AHEAD = 24

#: What to do about transcripts that are to be translations.
_TRANSLATE = "Add --translator MODEL, or leave out --task and --target."

#: Called with seconds of audio that were dealt with.
Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one input.

    Attributes:
        source: The input.
        recording: The corrections; `None` when nothing could be made of it.
        lists: The N-best lists they were made from.
        error: What is wrong with it, if anything. A file that is damaged in the middle has both.
        document: The input, where it was a document and not audio.
        passages: Its passages, one a correction.
    """

    source: Input
    recording: Recording | None = None
    lists: Sequence[NBest] = ()
    error: GerError | None = None
    document: Document | None = None
    passages: tuple[Passage, ...] = ()

    def rewritten(self) -> bytes:
        """The document with the corrections; only for a document that was corrected."""
        assert self.document
        assert self.recording
        return changed(self.document, list(zip(self.passages, self.recording.corrections, strict=True)))

    def by_unit(self) -> Recording:
        """The recording; of a document with a correction for each of its units, cues for example."""
        assert self.recording
        if not self.document:
            return self.recording
        made = zip(self.passages, self.recording.corrections, strict=True)
        return replace(self.recording, corrections=by_unit(self.document, made, self.source.id))


@dataclass(slots=True)
class _Open:
    """An input on its way; the reading thread writes `seconds` and `error` before it sends the end."""

    source: Input
    made: Stretches = field(default_factory=Stretches)
    waiting: int = 0
    ended: bool = False
    begun: bool = False
    language: str | None = None
    seconds: float | None = None
    error: GerError | None = None
    document: Document | None = None
    passages: tuple[Passage, ...] = ()
    reached: float = 0.0
    lost: dict[str, ModelError] = field(default_factory=dict)
    known: NBest | None = None
    before: list[tuple[str, str]] = field(default_factory=list)

    def reach(self, seconds: float | None) -> float:
        """How much further into the recording this is (seconds)."""
        step = max(0.0, (seconds or 0.0) - self.reached)
        self.reached += step
        return step

    def fail(self, error: GerError) -> None:
        """Keep the first error."""
        self.error = self.error or error

    def lose(self, id: str, error: ModelError) -> None:
        """Note a segment that could not be recognized."""
        self.lost[id] = error
        self.fail(error)

    def take(self, segment: AudioSegment) -> bool:
        """Whether an earlier run has made something of it; then that is what is made of it now."""
        made = self.made.take(segment)
        if made is None:
            return False
        if made.error:
            self.lose(segment.id, made.error)
        self._hear(made.nbest)
        self.known = self.known or (made.nbest if made.nbest.language else None)
        if made.correction:
            self.before.append((recording(made.correction), made.correction.text))
        return True

    def add(self, batch: Sequence[Stretch]) -> None:
        """Keep what was made of a batch."""
        self.waiting -= len(batch)
        self.made.add(batch, more=not self.ended or self.waiting > 0)
        for made in batch:
            self._hear(made.nbest)

    def _hear(self, nbest: NBest) -> None:
        if self.language is None and nbest.hypotheses:
            self.language = nbest.language

    def result(self) -> Result:
        lists, corrections = self.made.lists, self.made.corrections
        usable = self.error is None or lists or self.document or (self.seconds and not self.lost)
        recording = Recording(self.source.path, self.seconds, self.language, corrections) if usable else None
        return Result(self.source, recording, lists, self.error, self.document, self.passages)


_Made = TypeVar("_Made", NBest, Stretch)
_Work = tuple[_Open, AudioSegment | NBest]
_Item = tuple[_Open, AudioSegment | NBest | None]  # None: the input's end


class Pipeline:
    """Recognizes and corrects; models are loaded when the first input needs them.

    Args:
        settings: What to use.
        correct: Whether to correct; without, results have lists only.
        documents: Whether nothing else than documents is taken.
    """

    def __init__(self, settings: Settings, *, correct: bool = True, documents: bool = False) -> None:
        self.settings = settings
        self._correct, self._documents = correct, documents

    @cached_property
    def frontend(self) -> AsrFrontend:
        """The recognizer."""
        return self.settings.make_frontend()

    @cached_property
    def translator(self) -> Translator | None:
        """What translates the lists; `None` where nothing does."""
        return self.settings.make_translator()

    @cached_property
    def segmenter(self) -> Segmenter:
        """The voice activity detector."""
        return self.settings.make_segmenter()

    @cached_property
    def corrector(self) -> Corrector:
        """The corrector with its language model."""
        return self.settings.make_corrector(whole=True)

    @cached_property
    def consistent(self) -> Consistent | None:
        """What looks a second time at whole recordings; `None` where nothing does."""
        return self.settings.make_consistent(self.corrector)

    def run(
        self,
        inputs: Sequence[Input],
        progress: Progress = lambda seconds: None,
        unfinished: Unfinished | None = None,
    ) -> Iterator[Result]:
        """Work through the inputs; without any, nothing is loaded.

        Args:
            inputs: The inputs.
            progress: Called with seconds of audio that were dealt with.
            unfinished: Where what is made of recordings is kept while they are on their way; in memory without it.

        Yields:
            One result for each input, in order, as soon as it is complete.

        Raises:
            ModelError: a model cannot be loaded; what breaks on one segment fails that segment only.
            OutputError: what is made of a recording cannot be kept.
        """
        if inputs:
            _ = self.translator, self._correct and self.corrector  # fails now rather than after the first recognition
        pending: list[_Open] = []
        window: list[_Work] = []
        with self._reader(inputs) as items:
            for opened, item in items:
                if not pending or pending[-1] is not opened:
                    pending.append(opened)
                    if unfinished and isinstance(item, AudioSegment):
                        opened.made = unfinished.open(opened.source)
                if item is None:
                    opened.ended = True
                elif isinstance(item, AudioSegment) and opened.take(item):
                    progress(opened.reach(item.span.end))
                else:
                    opened.waiting += 1
                    window.append((opened, item))
                if len(window) == _WINDOW:
                    self._work(window, progress)
                    window = []
                yield from self._complete(pending, progress)
            self._work(window, progress)
            yield from self._complete(pending, progress)

    def _reader(self, inputs: Sequence[Input]) -> AbstractContextManager[Iterable[_Item]]:
        """What gives the items of all inputs; a thread that waits for standard input could not be stopped."""
        items = self._items(inputs)
        return nullcontext(items) if any(source.stdin for source in inputs) else _Ahead(items)

    def _items(self, inputs: Iterable[Input]) -> Iterator[_Item]:
        """Segments and lists of all inputs, each input closed by its end."""
        for source in inputs:
            opened = _Open(source)
            try:
                for item in self._read(opened):
                    yield opened, item
            except InputError as error:
                opened.fail(error)
            yield opened, None

    def _read(self, opened: _Open) -> Iterable[AudioSegment | NBest]:
        """What an input holds.

        Raises:
            InputError: it cannot be read, or is no document where nothing else is taken.
        """
        found = self._held(opened)
        if self._documents and opened.document is None:
            raise InputError(
                f"{printable(opened.source.path)} is no document, which could be written with other words.",
                "Leave out --in-place, --diff and --changes, or name a document's format with --format.",
            )
        return found

    def _held(self, opened: _Open) -> Iterable[AudioSegment | NBest]:
        """The lists of an input that holds some, the passages of a document, the segments of anything else."""
        source = opened.source
        if source.lists:
            return self._told(source, source.lists)
        if is_audio(source):
            return self._segments(opened)
        if source.format not in DOCUMENTS and (source.format or _holds_records(source)):
            return self._told(source, self._listed(source, source.format or "records"))
        read = document_in if self.settings.recognizer.into else any_document
        document, found = source.document or (read(source.path, source.format), None)
        if document is None:
            return self._told(source, self._listed(source))
        if self.settings.recognizer.into:
            raise self._untranslated(source)
        opened.document = document
        opened.passages = tuple(passages(document, source.id)) if found is None else found
        return [passage.nbest for passage in opened.passages]

    def _untranslated(self, source: Input) -> InputError:
        """What is wrong with a document where translations are wanted."""
        path = printable(source.path)
        if self.settings.translator:
            return InputError(
                f"{path}: its words have places and times, which a translation's have not.",
                "Translate the recording, or N-best lists.",
            )
        return InputError(f"{path} does not say that it is a translation, and nothing translates it.", _TRANSLATE)

    @cached_property
    def _target(self) -> str:
        """The language that lists are translations into where they do not say what they are; empty for none."""
        return "" if self.settings.translator else self.settings.recognizer.into or ""

    def _listed(self, source: Input, format: str | None = None) -> Iterator[NBest]:
        return read_lists(source.path, format=format, beside=Beside(target=self._target))

    def _told(self, source: Input, lists: Iterable[NBest]) -> Iterator[NBest]:
        """The lists of an input: translations where these are wanted and nothing translates; and in what language."""
        for nbest in lists:
            told = self._translation(source, nbest) if self._target else nbest
            yield told if told.language else replace(told, language=self.settings.recognizer.language)

    def _translation(self, source: Input, nbest: NBest) -> NBest:
        """A list that is taken for a translation.

        Raises:
            InputError: it is none: it says that it is a transcript, and of what.
        """
        where = f"{printable(source.path)}: {printable(nbest.id)}"
        if _is_said(nbest):
            if nbest.language or nbest.audio:
                raise InputError(f"{where} is a transcript, and nothing translates it.", _TRANSLATE)
            nbest = replace(nbest, task="translate", target=self._target)
        if same(nbest.language, nbest.target):
            spoken = f"{name_of(nbest.language)} is spoken, and what is translated into."
            raise InputError(f"{where}: {spoken}", "Leave out --task and --target.")
        return nbest

    def _segments(self, opened: _Open) -> Iterator[AudioSegment]:
        path = utf8(opened.source.path)
        own = self.settings.hotwords.own(path) or self.settings.hotwords.own(opened.source.id)
        context = Context(hotwords=tuple(hotword.text for hotword in own))
        for number, (start, samples) in enumerate(self.segmenter.split(_blocks(opened))):
            span = AudioSpan(path, round(start, 3), round(start + len(samples) / SAMPLE_RATE, 3))
            key, language = f"{opened.source.id}/{number:04d}", self.settings.recognizer.language
            yield AudioSegment(key, span, samples, language, context)

    def _work(self, window: Sequence[_Work], progress: Progress) -> None:
        """Recognize and correct a window; results go to their inputs."""
        if not window:
            return
        lists = self._recognize(window)
        give_back()  # or what the recognizer needed at most would be there while the language model is at work
        corrections = self._corrected(window, lists) if self._correct and not self._whole else [None] * len(lists)
        made: list[Stretch] = []
        for (opened, item), nbest, correction in zip(window, lists, corrections, strict=True):
            segment = item if isinstance(item, AudioSegment) else None
            if segment:
                progress(opened.reach(segment.span.end))
            if correction and not nbest.hypotheses and segment:
                correction = None  # nothing was said there
            if correction:
                correction = replace(correction, signature=self._signed(heard=segment is not None))
            made.append(Stretch(nbest, correction, segment, opened.lost.get(nbest.id)))
        for own in _by_input(list(zip(window, made, strict=True))):
            own[0][0][0].add([stretch for _, stretch in own])
        give_back()

    @cached_property
    def _whole(self) -> bool:
        """Whether the corrector reads all of a recording at once."""
        return self._correct and self.settings.whole

    def _complete(self, pending: list[_Open], progress: Progress) -> Iterator[Result]:
        """The results of the inputs in front that are complete."""
        while pending and pending[0].ended and not pending[0].waiting:
            opened = pending.pop(0)
            progress(opened.reach(opened.seconds))
            result = opened.result()
            yield self._at_once(result, heard=opened.seconds is not None) if self._whole else self._again(result)

    def _at_once(self, result: Result, *, heard: bool) -> Result:
        """A result with one correction, of all that was said."""
        from ger.correct.cascade import joined

        if not (result.lists and result.recording):
            return result
        (made,) = self.corrector.correct([joined(result.source.id, result.lists)])
        recording = replace(result.recording, corrections=(replace(made, signature=self._signed(heard=heard)),))
        return replace(result, recording=recording, document=None, passages=())

    def _again(self, result: Result) -> Result:
        """A result after a second look at all that was said."""
        if not (self._correct and self.consistent and result.recording):
            return result
        made = result.recording.corrections
        changes = self.consistent.changes(made)
        if not changes:
            return result
        again: Sequence[Correction] = Kept(range(len(made)), lambda i: changes[i] if i in changes else made[i])
        corrections = tuple(again) if isinstance(made, tuple) else again
        return replace(result, recording=replace(result.recording, corrections=corrections))

    def _corrected(self, window: Sequence[_Work], lists: Sequence[NBest]) -> list[Correction]:
        """Corrections of a window; with earlier utterances as context input by input, as names may recur."""
        if not self.settings.profile.previous:
            return self.corrector.correct(lists)
        corrections: list[Correction] = []
        for own in _by_input(list(zip(window, lists, strict=True))):
            opened = own[0][0][0]
            if not opened.begun and isinstance(self.corrector, Running):
                self.corrector.forget()
                for said in opened.before:
                    self.corrector.remember(*said)
            opened.begun = True
            corrections += self.corrector.correct([nbest for _, nbest in own])
        return corrections

    def _signed(self, *, heard: bool) -> str:
        """One line that says how a result is made: version, front end if it was heard, corrector with its model."""
        stages = [self.frontend.signature if heard else "lists"]
        if self.translator:
            stages.append(self.translator.signature)
        stages.append(self.corrector.signature)
        if self.consistent:
            stages.append(self.consistent.signature)
        return " | ".join([f"ger {__version__}", *stages])

    def _recognize(self, window: Sequence[_Work]) -> list[NBest]:
        """The lists of a window: what is one already, and what the recognizer makes of the segments; translated."""
        segments = [(opened, item) for opened, item in window if isinstance(item, AudioSegment)]
        made = iter(self._lists(segments))
        lists = [item if isinstance(item, NBest) else next(made) for _, item in window]
        if self.translator is None:
            return lists
        waiting = [(opened, nbest) for (opened, _), nbest in zip(window, lists, strict=True) if _is_said(nbest)]
        done = iter(self._translated(self.translator, waiting))
        return [next(done) if _is_said(nbest) else nbest for nbest in lists]

    def _translated(self, translator: Translator, work: list[tuple[_Open, NBest]]) -> list[NBest]:
        """Translate; where that breaks, one by one, so that only the inputs fail that must."""
        target = self.settings.recognizer.target
        checked = [
            _foreign(opened, replace(nbest, task="translate", target=target)) if same(nbest.language, target) else nbest
            for opened, nbest in work
        ]
        try:
            return translator.translate(checked) if checked else []
        except ModelError as error:
            if len(work) > 1:
                return [nbest for item in work for nbest in self._translated(translator, [item])]
            opened, nbest = work[0]
            opened.lose(nbest.id, ModelError(f"{printable(opened.source.path)}: {error.message}", error.hint))
            return [replace(nbest, hypotheses=(), task="translate", target=target)]

    def _lists(self, work: list[tuple[_Open, AudioSegment]]) -> list[NBest]:
        """Recognize; where that breaks, one by one, so that only the inputs fail that must."""
        if not work:
            return []
        frontend = self.frontend  # one that cannot be loaded ends the run
        for opened, _ in work:
            if opened.known and isinstance(frontend, Recalling):
                frontend.recall(opened.known)
            opened.known = None
        try:
            heard = frontend.recognize([segment for _, segment in work])
        except ModelError as error:
            if len(work) > 1:
                return [nbest for item in work for nbest in self._lists([item])]
            opened, segment = work[0]
            opened.lose(segment.id, ModelError(f"{printable(opened.source.path)}: {error.message}", error.hint))
            return [NBest(segment.id, (), segment.span)]
        return [_foreign(opened, nbest) for (opened, _), nbest in zip(work, heard, strict=True)]


def _is_said(nbest: NBest) -> bool:
    """Whether a list tells what was said, in the language in which it was."""
    return nbest.task == "transcribe"


def _foreign(opened: _Open, nbest: NBest) -> NBest:
    """A list; an empty one where it would translate into the language that was found to be spoken."""
    if nbest.task == "transcribe" or not same(nbest.language, nbest.target) or not nbest.hypotheses:
        return nbest
    opened.lose(
        nbest.id,
        ModelError(
            f"{printable(opened.source.path)}: {name_of(nbest.language)} is spoken, and what is to be translated into.",
            "Use --task transcribe; or say with --language what is spoken.",
        ),
    )
    return replace(nbest, hypotheses=())


def is_audio(source: Input) -> bool:
    """Whether an input is neither lists nor a document."""
    if source.lists or source.document or source.format or _holds_records(source) or is_text(source.path):
        return False
    return is_media(source.path) or not holds_text(source.path)


def _holds_records(source: Input) -> bool:
    return source.stdin or source.path.lower().endswith(".jsonl")


def _by_input(work: Sequence[tuple[_Work, _Made]]) -> Iterator[list[tuple[_Work, _Made]]]:
    """What was made in a window, input by input."""
    return (list(group) for _, group in groupby(work, key=lambda pair: id(pair[0][0])))


def _blocks(opened: _Open) -> Iterator[Any]:
    """Decoded audio; damage ends it and is noted, so that what came before is used."""
    opened.seconds = 0.0
    try:
        for block in decode(opened.source.path):
            opened.seconds += len(block) / SAMPLE_RATE
            yield block
    except AudioError as error:
        if opened.seconds or is_media(opened.source.path):
            opened.fail(error)
        else:
            opened.fail(AudioError(error.message, f"{error.hint} If it is no audio, name its format with --format."))


class _Ahead:
    """Iterates in a thread of its own, a bounded number of items ahead."""

    def __init__(self, items: Iterator[_Item]) -> None:
        self._items = items
        self._queue: queue.Queue[_Item | BaseException | None] = queue.Queue(_AHEAD)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ger-decode", daemon=True)

    def __enter__(self) -> _Ahead:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def __iter__(self) -> Iterator[_Item]:
        while (item := self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    def _run(self) -> None:
        try:
            for item in self._items:
                if not self._put(item):
                    return
            self._put(None)
        except BaseException as error:  # noqa: BLE001  # raised again where the items are used
            self._put(error)

    def _put(self, item: _Item | BaseException | None) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False
