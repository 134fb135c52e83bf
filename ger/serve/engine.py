"""What does the work behind the service: recordings of all clients go through one recognizer and one corrector."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ger.batcher import Batcher, OneThread, Run, here
from ger.corrector import Corrector
from ger.errors import AudioError, UsageError
from ger.io.audio import SAMPLE_RATE, decode
from ger.io.paths import printable
from ger.io.recording import Recording
from ger.models import DEFAULT_RECOGNIZER
from ger.types import AudioSegment, AudioSpan, Context, Correction, NBest, Task

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ger.serve.limits import Limits
    from ger.settings import Settings

__all__ = ["Asked", "Engine", "Transcription"]

#: Segments that are recognized together at most, that wait for that, and of these how many of one recording.
_MOST, _BOUND, _AHEAD = 24, 48, 8
_HANDED = 0.02  # seconds in which lists go from the recognizer to the corrector


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client wants of a recording.

    Attributes:
        name: What the client calls it; it is shown and never opened.
        task: Whether to translate.
        language: A language code, or `None` to detect it.
        prompt: What was said before it, or words that occur in it.
        hotwords: Words and phrases that may occur in it.
    """

    name: str
    task: Task = "transcribe"
    language: str | None = None
    prompt: str = ""
    hotwords: tuple[str, ...] = ()

    @property
    def stem(self) -> str:
        """Its name for the ids of records, without folders and extension."""
        return re.split(r"[/\\]", self.name)[-1].rpartition(".")[0] or "audio"


class Engine:
    """The models, loaded, and the threads that run them.

    Args:
        settings: What to use.
        limits: What is taken.

    Raises:
        GerError: a model cannot be had.
        UsageError: whole recordings are to be looked at again.
    """

    def __init__(self, settings: Settings, limits: Limits) -> None:
        if settings.consistent:
            raise UsageError("The service answers before all of a recording is heard.", "Leave consistent out.")
        self.settings, self.limits = settings, limits
        #: Models that use all cores, or the whole device, each by itself get nothing out of working at once.
        self._run: Run = here if _elsewhere(settings) else OneThread()
        self.corrector = Corrector(settings, self._run)
        self.segmenter = settings.make_segmenter()
        self._recognizers: dict[str, Batcher[AudioSegment, NBest]] = {}
        self._loading = threading.Lock()
        self.recognizer(settings.recognizer.task)
        #: Threads that read and decode requests.
        self.pool = ThreadPoolExecutor(limits.requests, thread_name_prefix="ger-request")

    @property
    def model(self) -> str:
        """What clients call the recognizer: its name, and of a folder the last part."""
        return "+".join(
            spec.name if spec.model or spec.frontend != "faster-whisper" else DEFAULT_RECOGNIZER
            for spec in self.settings.recognizers
        )

    @property
    def stages(self) -> list[tuple[str, int, int, int]]:
        """Name, batches done, items done and items waiting of all that works in batches."""
        found = [(f"recognize:{task}", batcher) for task, batcher in list(self._recognizers.items())]
        stages: list[tuple[str, Batcher[AudioSegment, NBest] | Batcher[NBest, Correction]]] = [*found]
        stages.append(("correct", self.corrector.batcher))
        return [(name, stage.batches, stage.items, stage.waiting) for name, stage in stages]

    def recognizer(self, task: Task) -> Batcher[AudioSegment, NBest]:
        """The recognizer for a task, loaded when it is first needed.

        Raises:
            GerError: it cannot be had, or not for this task.
        """
        with self._loading:
            if task not in self._recognizers:
                options = replace(self.settings.recognizer, task=task)
                frontend = self._run(replace(self.settings, recognizer=options).make_frontend)

                def recognize(segments: Sequence[AudioSegment]) -> list[NBest]:
                    lists = self._run(frontend.recognize, segments)
                    self.corrector.batcher.expect(len(lists), _HANDED)
                    return lists

                self._recognizers[task] = Batcher(recognize, most=_MOST, bound=_BOUND, name="recognizer")
            return self._recognizers[task]

    def close(self) -> None:
        """Finish what was accepted, and end all threads."""
        self.pool.shutdown()
        for batcher in self._recognizers.values():
            batcher.close()
        self.corrector.close()


class Transcription:
    """A recording on its way.

    Attributes:
        seconds: How much of it was decoded.
        language: Its language, as told or heard.
        corrections: What was made of it so far.
    """

    def __init__(self, engine: Engine, asked: Asked) -> None:
        self._engine, self._asked = engine, asked
        self._name = f"{engine.corrector.new_name()}: {asked.name}"
        self._stop = threading.Event()
        self._turn = threading.Lock()
        self._heard: list[Future[NBest]] = []
        self._told: list[Future[Correction]] = []
        self.seconds = 0.0
        self.language = asked.language
        self.corrections: list[Correction] = []

    @property
    def recording(self) -> Recording:
        """For the writers."""
        return Recording(self._asked.name, self.seconds, self.language, tuple(self.corrections))

    async def work(self, path: str) -> AsyncGenerator[Correction, None]:
        """Decode a file, recognize and correct.

        Left early, nothing more of it is begun.

        Yields:
            Corrections in order, each as soon as it is there.

        Raises:
            GerError: it cannot be read as audio, is too long, or a model broke.
        """
        loop, steps = asyncio.get_running_loop(), self._steps(path)
        try:
            while (made := await loop.run_in_executor(self._engine.pool, self._step, steps)) is not None:
                self.corrections.append(made)
                self.language = self.language or made.language
                yield made
        finally:
            self._stop.set()
            for heard in list(self._heard):
                heard.cancel()
            for told in list(self._told):
                told.cancel()
            self._engine.pool.submit(self._end, steps)

    def _step(self, steps: Generator[Correction, None, None]) -> Correction | None:
        with self._turn:
            return next(steps, None)

    def _end(self, steps: Generator[Correction, None, None]) -> None:
        """Close the file when the last step is over."""
        with self._turn:
            steps.close()
            self._engine.corrector.forget([self._name])

    def _steps(self, path: str) -> Generator[Correction, None, None]:
        recognizer = self._engine.recognizer(self._asked.task)
        recognizer.expect()
        for segment in self._segments(path):
            self._heard.append(recognizer.submit(segment))
            self._pass_on(_AHEAD)
            while self._told and self._told[0].done():
                yield self._told.pop(0).result()
        while self._heard or self._told:
            self._pass_on(len(self._heard) - 1)
            while self._told and (self._told[0].done() or not self._heard):
                yield self._told.pop(0).result()

    def _pass_on(self, most: int) -> None:
        """Give the corrector what was recognized; wait for that until so many segments are left at most."""
        while self._heard and (len(self._heard) > most or self._heard[0].done()):
            nbest = self._heard.pop(0).result()
            if nbest.hypotheses:
                self._told.append(self._engine.corrector.submit(nbest))

    def _segments(self, path: str) -> Iterator[AudioSegment]:
        asked = self._asked
        own = tuple(hotword.text for hotword in self._engine.settings.hotwords.own(asked.name))
        context = Context(tuple(dict.fromkeys((*asked.hotwords, *own))), asked.prompt)
        for number, (start, samples) in enumerate(self._engine.segmenter.split(self._blocks(path))):
            span = AudioSpan(self._name, round(start, 3), round(start + len(samples) / SAMPLE_RATE, 3))
            yield AudioSegment(f"{printable(asked.stem)}/{number:04d}", span, samples, asked.language, context)
            if self._engine.corrector.runs_on:
                context = replace(context, previous="")  # from here on, what was said is known

    def _blocks(self, path: str) -> Iterator[npt.NDArray[np.float32]]:
        name, most = printable(self._asked.name), self._engine.limits.audio
        try:
            for block in decode(path, trusted=False):
                if self._stop.is_set():
                    return
                self.seconds += len(block) / SAMPLE_RATE
                if self.seconds > most:
                    raise AudioError(f"{name} is longer than {most:g} s.", "Send it in parts.")
                yield block
        except AudioError as error:
            hint = "Send the whole file again." if 0 < self.seconds <= most else error.hint
            raise AudioError(error.message.replace(printable(path), name), hint) from error


def _elsewhere(settings: Settings) -> bool:
    """Whether a language model runs on another machine."""
    how = settings.profile.generation
    return any(spec.backend == "openai" for spec in (*settings.profile.lms, *([how.lm] if how else [])))
