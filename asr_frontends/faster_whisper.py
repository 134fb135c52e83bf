"""Whisper on CTranslate2, with real N-best lists.

faster-whisper keeps only the first hypothesis, so its features, tokenizer and alignment are used and the search is
called directly. What matters:

- *Scores.* CTranslate2 returns `sum log p / length**length_penalty`; with a length penalty of 0 that is the total
  log-probability (nats) of the tokens and the end of text, equal to teacher forcing among the tokens that Whisper
  does not suppress.
- *Different texts.* Whisper's beams differ mostly in case, punctuation and token boundaries. The search is several
  times as wide as the list; hypotheses that are equal after normalization become one, which keeps the most probable
  surface form and carries the sum of the probabilities. Where too few remain, the most probable deviations from the
  best text are followed up; unlike sampling that gives the same list every time.
- *Hotwords.* Those that sound like something in the list stand before the text of a second search, as if they had been
  said before; see `asr_frontends.hotwords`.
- *The window.* Whisper pads everything to 30 s, and the encoder is most of the cost. Segments are padded with two
  seconds of silence instead; a result that looks doubtful is decoded again with the full window.
- *Cores.* Each core decodes batches of its own; see `ger.cores`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from asr_frontends.batches import in_memory
from asr_frontends.beams import LOW_LOGPROB, Path, loops, merge, whole
from asr_frontends.hotwords import Prompt, Shortlist, joined, prompted
from asr_frontends.whisper import (
    MAX_TOKENS,
    PROMPT_TOKENS,
    UNSPACED,
    Languages,
    check_into,
    check_length,
    silent,
    words,
)
from ger.cores import aside, shared, side_by_side
from ger.errors import DependencyError, ModelError, UsageError
from ger.languages import among, unknown
from ger.models import DEFAULT_RECOGNIZER, resolve
from ger.protocols import FrontendOptions
from ger.registry import suggest
from ger.text.normalize import normalize
from ger.types import AudioSegment, Hypothesis, NBest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

__all__ = ["FasterWhisper"]

_HOP = 160
_FULL_WINDOW = 3000  # frames of 10 ms
_MARGIN = 200  # frames of silence after a segment, at least
_STEP = 500  # windows are multiples of this: what shares a batch depends on nothing but its own length
_GROUP = 32  # segments whose encoder states are held at once, where their languages have to be heard first
_TOKENS_PER_SECOND = 8  # English needs 3 to 5; a text that reaches the limit is decoded again without it
_BATCH_FRAMES = {"cpu": 1_500, "cuda": 96_000}  # 10 ms frames of a batch; what memory grows with


@dataclass(slots=True)
class _Job:
    """A segment on its way through the search."""

    segment: AudioSegment
    window: int = 0
    states: Any = None
    language: str = ""
    language_probability: float | None = None
    no_speech: float = 0.0
    paths: list[Path] = field(default_factory=list)
    candidates: list[Hypothesis] = field(default_factory=list)
    best_tokens: tuple[int, ...] = ()
    cut: bool = False
    told: Prompt | None = None

    def __post_init__(self) -> None:
        self.window = min(_FULL_WINDOW, _STEP * math.ceil((self.frames + _MARGIN) / _STEP))

    @property
    def frames(self) -> int:
        return math.ceil(len(self.segment.samples) / _HOP)

    @property
    def limit(self) -> int:
        """Tokens to search for: by the window at first, then by the best text."""
        if self.best_tokens:
            return min(MAX_TOKENS, 8 + len(self.best_tokens) * 5 // 4)
        if self.window == _FULL_WINDOW:
            return MAX_TOKENS
        return 16 + _TOKENS_PER_SECOND * self.window // 100


class FasterWhisper:
    """N-best lists from any Whisper model in CTranslate2 format; see `ger.protocols.AsrFrontend`.

    Raises:
        DependencyError: faster-whisper is not installed.
        ModelError: the model cannot be found or loaded.
        UsageError: the model does not know the language or the task.
    """

    def __init__(self, options: FrontendOptions) -> None:
        try:
            import faster_whisper
            from threadpoolctl import ThreadpoolController
        except ImportError as error:
            raise DependencyError("faster-whisper", "faster-whisper") from error
        local = resolve(options.model or DEFAULT_RECOGNIZER, "recognizer")
        self._device, self._compute_type = _hardware(options)
        self._workers, threads = shared(self._device, options.threads)
        load = partial(
            faster_whisper.WhisperModel,
            str(local.path),
            device=self._device,
            compute_type=self._compute_type,
            cpu_threads=threads,
            num_workers=self._workers,
            local_files_only=True,
        )
        try:
            self._whisper = aside(load)
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelError(f"{local.name}: the recognizer cannot be loaded: {error}.") from error
        self._model = self._whisper.model
        # numpy has helpers even for the small products of Whisper's features, and they keep their cores busy waiting.
        self._blas = ThreadpoolController()
        self._title = local.name
        self._check(options)
        self._options = options
        self._beam = options.beam_size or max(5, 4 * options.nbest)
        self._batch = options.batch_size or (8 if self._device == "cpu" else 16)
        self._tokenizers: dict[str, Any] = {}
        self._languages = Languages()
        self._shortlist = Shortlist(options.hotwords, options.sounds)
        self._name = local.identity

    @property
    def signature(self) -> str:
        """See `ger.protocols.AsrFrontend`."""
        options = self._options
        return (
            f"faster-whisper:{self._name},{self._compute_type},beam={self._beam},nbest={options.nbest},"
            f"task={options.task},language={options.language or 'auto'}" + self._shortlist.signature
        )

    def recognize(self, segments: Sequence[AudioSegment]) -> list[NBest]:
        """See `ger.protocols.AsrFrontend`. A segment's list does not depend on what it is batched with.

        The language of a recording is heard once, from its first half minute in the first call that holds it.

        Raises:
            MemoryLimitError: not enough memory, even for one segment.
            ModelError: the recognizer broke, or a segment is longer than the 30 s that Whisper hears at once.
            UsageError: the model does not know the language of a segment.
        """
        for segment in segments:
            check_length(segment)
            self._check_language(segment.language)
        jobs = [_Job(segment) for segment in segments]
        with self._blas.limit(limits=1, user_api="blas"):
            for first in range(0, len(jobs), _GROUP):
                # Whisper takes digital silence for some language, and then for words of it.
                group = [job for job in jobs[first : first + _GROUP] if job.segment.samples.any()]
                self._detect(group)
                self._in_batches(self._search, group)
        return [self._nbest(job) for job in jobs]

    def _in_batches(self, work: Callable[[list[_Job]], None], jobs: list[_Job]) -> None:
        """Do something with all jobs, batched by their windows; on a CPU several batches at once, if memory allows."""
        batches: list[list[_Job]] = []
        for window in sorted({job.window for job in jobs}, reverse=True):
            alike = [job for job in jobs if job.window == window]
            rows = min(self._batch, _BATCH_FRAMES[self._device] // window, math.ceil(len(alike) / self._workers))
            batches += (alike[first : first + max(1, rows)] for first in range(0, len(alike), max(1, rows)))
        do = partial(in_memory, work, device=self._device, is_memory=_is_memory)
        side_by_side(do, batches, self._workers)

    def _search(self, jobs: list[_Job]) -> None:
        """Fill jobs of one window with hypotheses; what is doubtful is done again with the full window."""
        self._encode([job for job in jobs if job.states is None])
        for job in jobs:
            job.paths, job.best_tokens, job.told = [], (), None
        self._generate(jobs)
        doubtful = [job for job in jobs if job.window < _FULL_WINDOW and _doubtful(job)]
        settled = [job for job in jobs if job not in doubtful]
        if settled:
            self._top_up(settled)
            self._tell(settled)
            self._align(settled)
        for job in doubtful:
            job.window = _FULL_WINDOW
        for job in jobs:
            job.states = None
        self._in_batches(self._search, doubtful)

    def _encode(self, jobs: list[_Job]) -> None:
        """Give each job its encoder states, shape (window / 2, width)."""
        import ctranslate2
        import numpy as np

        if not jobs:
            return
        features = np.stack([self._features(job.segment.samples, job.window) for job in jobs])
        states = np.array(self._model.encode(ctranslate2.StorageView.from_array(features), to_cpu=True))
        for job, rows in zip(jobs, states, strict=True):
            job.states = rows

    def recall(self, nbest: NBest) -> None:
        """See `ger.protocols.Recalling`."""
        self._languages.recall(nbest)

    def _features(self, samples: Array, frames: int) -> Array:
        import numpy as np

        wave = np.zeros(frames * _HOP, dtype=np.float32)
        kept = samples[: len(wave)]
        wave[: len(kept)] = kept
        return np.ascontiguousarray(self._whisper.feature_extractor(wave, padding=0)[:, :frames], dtype=np.float32)

    def _detect(self, jobs: list[_Job]) -> None:
        """Set the language of each job: as told, as found before in the recording, or as heard now."""
        for job in jobs:
            told = job.segment.language or self._options.language
            if told or not self._model.is_multilingual:
                self._languages.tell(job.segment.span.path, among(told or "en", self._whisper.supported_languages))
        deciding = {id(segment) for segment in self._languages.voters([job.segment for job in jobs])}
        voters = [job for job in jobs if id(job.segment) in deciding]
        heard: dict[int, dict[str, float]] = {}

        def listen(batch: list[_Job]) -> None:
            self._encode(batch)
            for job, probabilities in zip(batch, self._model.detect_language(_states(batch)), strict=True):
                heard[id(job)] = {token[2:-2]: probability for token, probability in probabilities}

        self._in_batches(listen, voters)
        self._languages.vote([job.segment for job in voters], [heard[id(job)] for job in voters])
        for job in jobs:
            job.language, probability = self._languages[job.segment.span.path]
            job.language_probability = round(probability, 4)
        self._languages.forget()

    def _generate(self, jobs: list[_Job]) -> None:
        """Fill the jobs by beam search; its scores are totals because the length penalty is 0."""
        limit = max(job.limit for job in jobs)  # the same for all, since they share the window
        results = self._model.generate(
            _states(jobs),
            [self._prompt(job.language) for job in jobs],
            beam_size=self._beam,
            num_hypotheses=self._beam,
            length_penalty=0,
            return_scores=True,
            return_no_speech_prob=True,
            max_length=2 * limit,  # CTranslate2 gives half of it to the text
        )
        for job, result in zip(jobs, results, strict=True):
            job.no_speech = result.no_speech_prob
            paths = [
                Path(tuple(tokens), float(score))
                for tokens, score in zip(result.sequences_ids, result.scores, strict=True)
            ]
            # What has not ended is no hypothesis, unless there is no other.
            job.cut = len(paths[0].tokens) >= limit
            ended = [path for path in paths if len(path.tokens) < limit] or paths[:1]
            job.paths = whole(ended, self._tokenizer(job.language).decode)
            self._merge(job)

    def _top_up(self, jobs: list[_Job]) -> None:
        """Complete the most probable deviations from the best path, for the lists that are still too short."""
        short = [job for job in jobs if 0 < len(job.candidates) < self._options.nbest]
        limits = {id(job): job.limit for job in short}
        begun = [(job, path) for job in short for path in self._deviations(job)]
        size = max(1, _BATCH_FRAMES[self._device] // jobs[0].window)
        for part in (begun[first : first + size] for first in range(0, len(begun), size)):
            prompts = [[*self._prompt(job.language), *path.tokens] for job, path in part]
            results = self._follow([job for job, _ in part], prompts, 2 * max(limits[id(job)] for job, _ in part))
            for (job, path), result in zip(part, results, strict=True):
                tokens = tuple(result.sequences_ids[0])
                if len(tokens) < limits[id(job)] and all(tokens != known.tokens for known in job.paths):
                    job.paths.append(Path(tokens, path.score + float(result.scores[0])))
        for job in short:
            self._merge(job)

    def _deviations(self, job: _Job) -> list[Path]:
        """The most probable beginnings that leave the best path by one token, for another word, and are new."""
        import numpy as np

        count = 2 * (self._options.nbest - len(job.candidates))
        decode = self._tokenizer(job.language).decode
        best = job.best_tokens
        taken = {path.tokens[:length] for path in job.paths for length in range(len(path.tokens) + 1)}
        found, total = [], 0.0
        for place, (token, logp) in enumerate(zip(best, self._forced(job, best), strict=True)):
            # Twice as many, since some are the same word in another case, or a mark.
            likely = np.argpartition(-logp, 2 * count)[: 2 * count]
            said = normalize(decode([token]))
            for other in map(int, likely):
                new = (*best[:place], other)
                if new not in taken and normalize(decode([other])) not in ("", said):
                    found.append(Path(new, total + float(logp[other])))
            total += float(logp[token])
        return sorted(found, key=lambda path: (-path.score, path.tokens))[:count]

    def _tell(self, jobs: list[_Job]) -> None:
        """Search again with the hotwords that sound like something in the list, if there are any."""
        for job in jobs:
            own = job.segment.context.hotwords
            if not job.candidates or not (own or self._options.hotwords):
                continue
            tokenizer = self._tokenizer(job.language)
            likely = self._shortlist.of(own, [candidate.text for candidate in job.candidates])
            job.told = prompted(likely, tokenizer.encode, tokenizer.eot, PROMPT_TOKENS)
            if job.told.hotwords:
                self._search_told(job, job.told)

    def _search_told(self, job: _Job, told: Prompt) -> None:
        """Searches with different prompts cannot share a batch: CTranslate2 wants the text to begin at one place."""
        tokenizer = self._tokenizer(job.language)
        before, limit = [tokenizer.sot_prev, *told.tokens], job.limit
        prompt = [*before, *self._prompt(job.language)]
        result = self._model.generate(
            _states([job]),
            [prompt],
            beam_size=self._beam,
            num_hypotheses=self._beam,
            length_penalty=0,
            return_scores=True,
            max_length=max(2 * limit, limit + len(prompt)),
        )[0]
        paths = [Path(tuple(t), float(s)) for t, s in zip(result.sequences_ids, result.scores, strict=True)]
        made = joined(
            job.paths,
            [path for path in paths if len(path.tokens) < limit],
            told.hotwords,
            score=lambda texts: self._scores(job, [], texts),
            biased=lambda texts: self._scores(job, before, texts),
            decode=tokenizer.decode,
            size=self._options.nbest,
        )
        if made:
            job.paths, job.candidates, job.best_tokens = made.paths, made.hypotheses, made.best

    def _scores(self, job: _Job, before: list[int], texts: list[tuple[int, ...]]) -> list[float]:
        """log p of whole texts behind a prompt, by teacher forcing, as the search scores them."""
        eot, totals = self._tokenizer(job.language).eot, []
        rows = [[*before, *self._prompt(job.language), *tokens] for tokens in texts]
        limit = max(map(len, texts)) + 1
        room = max(2 * limit, limit + len(before) + len(rows[0]))
        results = self._follow([job] * len(rows), rows, room, return_logits_vocab=True)
        for tokens, result in zip(texts, results, strict=True):
            logs = self._logs(job, result.logits[0][: len(tokens) + 1])
            totals.append(sum(float(row[token]) for row, token in zip(logs, (*tokens, eot), strict=True)))
        return totals

    def _forced(self, job: _Job, tokens: tuple[int, ...]) -> Iterator[Any]:
        """Log-probabilities of all text tokens at each place of a text; the end of text counts in the sum."""
        prompt = [*self._prompt(job.language), *tokens]
        result = self._follow([job], [prompt], 2 * (len(tokens) + 1), return_logits_vocab=True)[0]
        eot = self._tokenizer(job.language).eot
        return (row[:eot] for row in self._logs(job, result.logits[0][: len(tokens)]))

    def _logs(self, job: _Job, places: Sequence[Any]) -> Iterator[Any]:
        """Log-probabilities of all tokens at the places of a text, as in the search."""
        import numpy as np

        tokenizer = self._tokenizer(job.language)
        for place, given in enumerate(places):
            logits = np.array(given).astype(np.float64)
            if place == 0:  # as in the search, no text begins with a blank or ends before it began
                logits[[*tokenizer.encode(" "), tokenizer.eot]] = -np.inf
            top = logits.max()
            yield logits - top - math.log(np.exp(logits - top).sum())

    def _follow(self, jobs: list[_Job], prompts: list[list[int]], room: int, **extra: Any) -> Any:
        """Greedy completions of prompts that contain the beginning of a text; only what is added is scored.

        Args:
            jobs: One for each prompt.
            prompts: Tokens.
            room: What CTranslate2 calls the greatest length: half of it, and all that prompts do not fill, is text.
            **extra: More for CTranslate2.
        """
        return self._model.generate(
            _states(jobs),
            prompts,
            beam_size=1,
            length_penalty=0,
            return_scores=True,
            max_length=room,
            suppress_blank=False,  # what it forbids at the first place is forbidden after a beginning too
            **extra,
        )

    def _merge(self, job: _Job) -> None:
        """Hypotheses out of paths: one for each different text, best first."""
        if _silent(job):
            job.candidates = []
            return
        merged = merge(job.paths, self._tokenizer(job.language).decode)[: self._options.nbest]
        job.candidates = [Hypothesis(item.text, score=item.score, acoustic_score=item.score) for item in merged]
        job.best_tokens = merged[0].path.tokens if merged else ()

    def _align(self, jobs: list[_Job]) -> None:
        """Word times for the best hypothesis, by Whisper's cross-attention."""
        for language in {job.language for job in jobs}:
            alike = [job for job in jobs if job.language == language and job.candidates]
            if not alike:
                continue
            aligned = self._whisper.find_alignment(
                self._tokenizer(language),
                [list(job.best_tokens) for job in alike],
                _states(alike),
                [min(job.window, job.frames + 1) for job in alike],
            )
            for job, pieces in zip(alike, aligned, strict=True):
                timed = words(pieces, job.segment, spaced=language not in UNSPACED)
                job.candidates[0] = replace(job.candidates[0], words=timed)

    def _nbest(self, job: _Job) -> NBest:
        meta: dict[str, Any] = {"frontend": "faster-whisper"}
        if job.language_probability is not None:
            meta |= {"language_probability": job.language_probability, "no_speech_prob": round(job.no_speech, 4)}
        if job.told:
            meta["hotwords_told"] = list(job.told.hotwords)
        return NBest(
            id=job.segment.id,
            hypotheses=tuple(job.candidates),
            audio=job.segment.span,
            language=job.language or job.segment.language,
            task=self._options.task,
            target=self._options.into,
            context=job.segment.context,
            meta=meta,
        )

    def _tokenizer(self, language: str) -> Any:
        from faster_whisper.tokenizer import Tokenizer

        if language not in self._tokenizers:
            self._tokenizers[language] = Tokenizer(
                self._whisper.hf_tokenizer, self._model.is_multilingual, task=self._options.task, language=language
            )
        return self._tokenizers[language]

    def _prompt(self, language: str) -> list[int]:
        tokenizer = self._tokenizer(language)
        return [*tokenizer.sot_sequence, tokenizer.no_timestamps]

    def _check_language(self, language: str | None) -> None:
        known = self._whisper.supported_languages
        if language and among(language, known) not in known:
            raise unknown(self._title, language, known)

    def _check(self, options: FrontendOptions) -> None:
        self._check_language(options.language)
        if options.task == "translate" and not self._model.is_multilingual:
            raise UsageError(f"{self._title} cannot translate.", "Use a multilingual Whisper model.")
        check_into(options.into, self._title)


def _hardware(options: FrontendOptions) -> tuple[str, str]:
    """Device and precision: int8 on a CPU, float16 on a GPU unless told otherwise."""
    import ctranslate2

    device = options.device
    if device == "auto":
        device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
    if device not in ("cpu", "cuda"):
        raise UsageError(f"The device {device!r} is not known to faster-whisper.", "Use auto, cpu or cuda.")
    if device == "cuda" and not ctranslate2.get_cuda_device_count():
        raise UsageError("No CUDA device was found.", "Use --device cpu.")
    # Encoder states pass through numpy, which has no bfloat16.
    known = {name for name in ctranslate2.get_supported_compute_types(device) if "bfloat16" not in name}
    compute_type = options.compute_type
    if compute_type == "auto":
        compute_type = "int8" if device == "cpu" else "float16"
    if compute_type not in known:
        raise UsageError(
            f"The compute type {compute_type!r} does not run on {device}.", suggest(compute_type, sorted(known))
        )
    return device, compute_type


def _is_memory(error: BaseException) -> bool:
    said = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in said or "alloc" in said


def _states(jobs: list[_Job]) -> Any:
    """The encoder states of jobs that share a window, shape (jobs, window / 2, width)."""
    import ctranslate2
    import numpy as np

    return ctranslate2.StorageView.from_array(np.stack([job.states for job in jobs]))


def _silent(job: _Job) -> bool:
    return silent(job.no_speech, max(path.average for path in job.paths))


def _doubtful(job: _Job) -> bool:
    """A loop, a text cut off by the limit, or one that the model itself hardly believes."""
    if job.paths[0].average < LOW_LOGPROB or job.cut:
        return True
    return bool(job.candidates) and loops(job.candidates[0].text)
