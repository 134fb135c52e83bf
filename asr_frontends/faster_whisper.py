"""Whisper on CTranslate2, with real N-best lists.

faster-whisper keeps only the first hypothesis, so its features, tokenizer and alignment are used and the search is
called directly. Three things matter:

- *Scores.* CTranslate2 returns `sum log p / length**length_penalty`; with a length penalty of 0 that is the total
  log-probability (nats) of the tokens and the end of text, equal to teacher forcing among the tokens that Whisper
  does not suppress.
- *Different texts.* Whisper's beams differ mostly in case, punctuation and token boundaries. The search is several
  times as wide as the list; hypotheses that are equal after normalization become one, which keeps the most probable
  surface form and carries the sum of the probabilities. Where too few remain, the most probable deviations from the
  best text are followed up; unlike sampling that gives the same list every time.
- *The window.* Whisper pads everything to 30 s, and the encoder is most of the cost. Segments are padded with two
  seconds of silence instead; a result that looks doubtful is decoded again with the full window.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ger.errors import DependencyError, MemoryLimitError, ModelError, UsageError
from ger.models import DEFAULT_RECOGNIZER, resolve
from ger.protocols import FrontendOptions
from ger.registry import suggest
from ger.text.normalize import normalize
from ger.types import AudioSegment, Hypothesis, NBest, Word

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

__all__ = ["FasterWhisper"]

_RATE = 16_000
_HOP = 160
_FULL_WINDOW = 3000  # frames of 10 ms
_MARGIN = 200  # frames of silence after the longest segment of a batch
_MAX_TOKENS = 224  # half of Whisper's text window, as in the original
_TOKENS_PER_SECOND = 8  # English needs 3 to 5; a text that reaches the limit is decoded again without it
_LONG = 32  # tokens of a text of more than one sentence
_BATCH_FRAMES = {"cpu": 12_000, "cuda": 96_000}  # 10 ms frames of a batch; what memory grows with
# Whisper's own thresholds (Radford et al. 2022, section 4.5).
_LOOP_RATIO = 2.4
_LOW_LOGPROB = -1.0
_NO_SPEECH = 0.6
# In long silence Whisper base says "you" with an average of -0.4, and is sure at the same time that nobody speaks.
_SURELY_NO_SPEECH = 0.9
_MODEST_LOGPROB = -0.3
_UNSPACED = {"zh", "ja", "th", "lo", "my", "yue", "km", "bo"}


@dataclass(frozen=True, slots=True)
class _Path:
    """One token sequence and its total log-probability (nats)."""

    tokens: tuple[int, ...]
    score: float


@dataclass(slots=True)
class _Job:
    """A segment on its way through the search."""

    index: int
    segment: AudioSegment
    language: str = ""
    language_probability: float | None = None
    no_speech: float = 0.0
    paths: list[_Path] = field(default_factory=list)
    candidates: list[Hypothesis] = field(default_factory=list)
    best_tokens: tuple[int, ...] = ()

    @property
    def frames(self) -> int:
        return math.ceil(len(self.segment.samples) / _HOP)

    @property
    def limit(self) -> int:
        """Tokens to search for: by the duration at first, then by the best path."""
        if self.paths:
            return min(_MAX_TOKENS, 8 + len(self.paths[0].tokens) * 5 // 4)
        return min(_MAX_TOKENS, 16 + int(_TOKENS_PER_SECOND * self.segment.duration))


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
        except ImportError as error:
            raise DependencyError("faster-whisper", "faster-whisper") from error
        local = resolve(options.model or DEFAULT_RECOGNIZER, "recognizer")
        self._device, self._compute_type = _hardware(options)
        try:
            self._whisper = faster_whisper.WhisperModel(
                str(local.path),
                device=self._device,
                compute_type=self._compute_type,
                cpu_threads=options.threads,
                local_files_only=True,
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelError(f"{local.name}: the recognizer cannot be loaded: {error}.") from error
        self._model = self._whisper.model
        self._check(options, local.name)
        self._options = options
        self._beam = options.beam_size or max(5, 4 * options.nbest)
        self._batch = options.batch_size or (8 if self._device == "cpu" else 16)
        self._tokenizers: dict[str, Any] = {}
        self._languages: dict[str, tuple[str, float]] = {}
        self._name = local.identity

    @property
    def signature(self) -> str:
        """See `ger.protocols.AsrFrontend`."""
        options = self._options
        return (
            f"faster-whisper:{self._name},{self._compute_type},beam={self._beam},nbest={options.nbest},"
            f"task={options.task},language={options.language or 'auto'}"
        )

    def recognize(self, segments: Sequence[AudioSegment]) -> list[NBest]:
        """See `ger.protocols.AsrFrontend`. Segments are batched by length; more at once means less padding.

        Raises:
            MemoryLimitError: not enough memory, even for one segment.
            ModelError: the recognizer broke, or a segment is longer than the 30 s that Whisper hears at once.
        """
        for segment in segments:
            _check_length(segment)
        jobs = [_Job(index, segment) for index, segment in enumerate(segments)]
        by_length = sorted((job for job in jobs if job.frames), key=lambda job: -job.frames)
        while by_length:
            rows = max(1, min(self._batch, _BATCH_FRAMES[self._device] // (by_length[0].frames + _MARGIN)))
            self._decode(by_length[:rows])
            del by_length[:rows]
        return [self._nbest(job) for job in jobs]

    def _decode(self, jobs: list[_Job]) -> None:
        """One batch; halved when memory does not suffice."""
        try:
            self._search(jobs, full_window=False)
        except (RuntimeError, MemoryError) as error:
            if not _is_memory(error):
                raise ModelError(f"The recognizer failed: {error}.") from error
            if len(jobs) == 1:
                raise MemoryLimitError(
                    f"{jobs[0].segment.id}: not enough memory on {self._device}.", "Use a smaller model or beam."
                ) from error
            middle = len(jobs) // 2
            self._decode(jobs[:middle])
            self._decode(jobs[middle:])

    def _search(self, jobs: list[_Job], *, full_window: bool) -> None:
        for job in jobs:
            job.paths = []
        encoded, frames = self._encode(jobs, full_window=full_window)
        self._detect(jobs, encoded)
        limit = _MAX_TOKENS if full_window else max(job.limit for job in jobs)
        self._generate(jobs, encoded, limit)
        if not full_window:
            doubtful = [job for job in jobs if _doubtful(job, limit)]
            if doubtful:
                self._search(doubtful, full_window=True)
                rows = [row for row, job in enumerate(jobs) if job not in doubtful]
                jobs, encoded = [jobs[row] for row in rows], encoded[rows]
        self._top_up(jobs, encoded)
        self._align(jobs, encoded, frames)

    def _encode(self, jobs: list[_Job], *, full_window: bool) -> tuple[Array, int]:
        """Encoder states, shape (jobs, frames / 2, width), and the number of 10 ms frames they stand for."""
        import ctranslate2
        import numpy as np

        longest = max(job.frames for job in jobs) + _MARGIN
        frames = _FULL_WINDOW if full_window else min(_FULL_WINDOW, longest + longest % 2)
        features = np.stack([self._features(job.segment.samples, frames) for job in jobs])
        states = self._model.encode(ctranslate2.StorageView.from_array(features), to_cpu=True)
        return np.array(states), frames

    def _features(self, samples: Array, frames: int) -> Array:
        import numpy as np

        wave = np.zeros(frames * _HOP, dtype=np.float32)
        kept = samples[: len(wave)]
        wave[: len(kept)] = kept
        return np.ascontiguousarray(self._whisper.feature_extractor(wave, padding=0)[:, :frames], dtype=np.float32)

    def _detect(self, jobs: list[_Job], encoded: Array) -> None:
        """Set the language of each job: as told, as found before in the recording, or as heard now."""
        for job in jobs:
            told = job.segment.language or self._options.language
            if told or not self._model.is_multilingual:
                self._languages[job.segment.span.path] = (told or "en", 1.0)
        unknown = [row for row, job in enumerate(jobs) if job.segment.span.path not in self._languages]
        if unknown:
            heard = self._model.detect_language(_view(encoded[unknown]))
            self._languages |= _vote([jobs[row] for row in unknown], heard)
        for job in jobs:
            job.language, probability = self._languages[job.segment.span.path]
            job.language_probability = round(probability, 4)

    def _generate(self, jobs: list[_Job], encoded: Array, limit: int) -> None:
        """Fill the jobs by beam search; its scores are totals because the length penalty is 0."""
        results = self._model.generate(
            _view(encoded),
            [self._prompt(job.language) for job in jobs],
            beam_size=self._beam,
            num_hypotheses=self._beam,
            length_penalty=0,
            return_scores=True,
            return_no_speech_prob=True,
            max_length=2 * limit,  # CTranslate2 gives half of it to the text
        )
        for job, result in zip(jobs, results, strict=True):
            job.no_speech = max(job.no_speech, result.no_speech_prob)
            for tokens, score in zip(result.sequences_ids, result.scores, strict=True):
                if len(tokens) < limit or not job.paths:  # not ended: no hypothesis, unless there is no other
                    job.paths.append(_Path(tuple(tokens), float(score)))
            job.paths = _whole(job.paths, self._tokenizer(job.language))
            self._merge(job)

    def _top_up(self, jobs: list[_Job], encoded: Array) -> None:
        """Complete the most probable deviations from the best path, for the lists that are still too short."""
        short = [row for row, job in enumerate(jobs) if 0 < len(job.candidates) < self._options.nbest]
        begun = [(row, path) for row in short for path in self._deviations(jobs[row], encoded[row : row + 1])]
        size = max(1, _BATCH_FRAMES[self._device] // (2 * encoded.shape[1]))
        for part in (begun[first : first + size] for first in range(0, len(begun), size)):
            limit = max(jobs[row].limit for row, _ in part)
            prompts = [[*self._prompt(jobs[row].language), *path.tokens] for row, path in part]
            results = self._follow(encoded[[row for row, _ in part]], prompts, limit)
            for (row, path), result in zip(part, results, strict=True):
                tokens = tuple(result.sequences_ids[0])
                if len(tokens) < limit and all(tokens != known.tokens for known in jobs[row].paths):
                    jobs[row].paths.append(_Path(tokens, path.score + float(result.scores[0])))
        for row in short:
            self._merge(jobs[row])

    def _deviations(self, job: _Job, encoded: Array) -> list[_Path]:
        """The most probable beginnings that leave the best path by one token and that no path has taken yet."""
        import numpy as np

        count, tokenizer = 2 * self._options.nbest, self._tokenizer(job.language)
        best = job.paths[0].tokens
        prompt = [*self._prompt(job.language), *best]
        result = self._follow(encoded, [prompt], len(best) + 1, return_logits_vocab=True)[0]
        taken = {path.tokens[:length] for path in job.paths for length in range(len(path.tokens) + 1)}
        found, total = [], 0.0
        for place, token in enumerate(best):
            logits = np.array(result.logits[0][place]).astype(np.float64)
            if place == 0:  # as in the search, no text begins with a blank or ends before it began
                logits[[*tokenizer.encode(" "), tokenizer.eot]] = -np.inf
            logp = logits - logits.max() - math.log(np.exp(logits - logits.max()).sum())
            beginnings = [(*best[:place], int(other)) for other in np.argsort(-logp[: tokenizer.eot])[:count]]
            found += [_Path(new, total + float(logp[new[-1]])) for new in beginnings if new not in taken]
            total += float(logp[token])
        return sorted(found, key=lambda path: -path.score)[:count]

    def _follow(self, encoded: Array, prompts: list[list[int]], limit: int, **extra: Any) -> Any:
        """Greedy completions of prompts that contain the beginning of a text; only what is added is scored."""
        return self._model.generate(
            _view(encoded),
            prompts,
            beam_size=1,
            length_penalty=0,
            return_scores=True,
            max_length=2 * limit,
            suppress_blank=False,  # what it forbids at the first place is forbidden after a beginning too
            **extra,
        )

    def _merge(self, job: _Job) -> None:
        """Hypotheses out of paths: one for each different text, best first."""
        if _silent(job):
            job.candidates = []
            return
        groups: dict[str, list[tuple[_Path, str]]] = {}
        tokenizer = self._tokenizer(job.language)
        for path in sorted(job.paths, key=lambda path: -path.score):
            text = tokenizer.decode(list(path.tokens)).strip()
            groups.setdefault(normalize(text), []).append((path, text))
        ranked = sorted(
            ((_log_sum(path.score for path, _ in group), *group[0]) for group in groups.values()),
            key=lambda item: -item[0],
        )
        ranked = _plausible(ranked)[: self._options.nbest]
        job.candidates = [Hypothesis(text, score=score, acoustic_score=score) for score, _, text in ranked]
        job.best_tokens = ranked[0][1].tokens if ranked else ()

    def _align(self, jobs: list[_Job], encoded: Array, frames: int) -> None:
        """Word times for the best hypothesis, by Whisper's cross-attention."""
        for language in {job.language for job in jobs}:
            rows = [row for row, job in enumerate(jobs) if job.language == language and job.candidates]
            if not rows:
                continue
            aligned = self._whisper.find_alignment(
                self._tokenizer(language),
                [list(jobs[row].best_tokens) for row in rows],
                _view(encoded[rows]),
                [min(frames, jobs[row].frames + 1) for row in rows],
            )
            for row, pieces in zip(rows, aligned, strict=True):
                job = jobs[row]
                words = _words(pieces, job.segment, spaced=language not in _UNSPACED)
                job.candidates[0] = replace(job.candidates[0], words=words)

    def _nbest(self, job: _Job) -> NBest:
        meta: dict[str, Any] = {"frontend": "faster-whisper"}
        if job.language_probability is not None:
            meta |= {"language_probability": job.language_probability, "no_speech_prob": round(job.no_speech, 4)}
        return NBest(
            id=job.segment.id,
            hypotheses=tuple(job.candidates),
            audio=job.segment.span,
            language=job.language or job.segment.language,
            task=self._options.task,
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

    def _check(self, options: FrontendOptions, name: str) -> None:
        known = self._whisper.supported_languages
        if options.language and options.language not in known:
            raise UsageError(
                f"{name} does not know the language {options.language!r}.", suggest(options.language, known)
            )
        if options.task == "translate" and not self._model.is_multilingual:
            raise UsageError(f"{name} cannot translate.", "Use a multilingual Whisper model.")


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
    known = ctranslate2.get_supported_compute_types(device)
    compute_type = options.compute_type
    if compute_type == "auto":
        compute_type = "int8" if device == "cpu" else "float16"
    if compute_type not in known:
        raise UsageError(
            f"The compute type {compute_type!r} does not run on {device}.", suggest(compute_type, sorted(known))
        )
    return device, compute_type


def _check_length(segment: AudioSegment) -> None:
    if len(segment.samples) > _FULL_WINDOW * _HOP:
        raise ModelError(
            f"{segment.id}: {segment.duration:.1f} s are more than the 30 s that Whisper hears at once.",
            "Cut the recording into shorter segments.",
        )


def _is_memory(error: BaseException) -> bool:
    said = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in said or "alloc" in said


def _view(array: Array) -> Any:
    import ctranslate2

    return ctranslate2.StorageView.from_array(array)


def _average(path: _Path) -> float:
    """Log-probability a token, the end of text counted."""
    return path.score / (len(path.tokens) + 1)


def _whole(paths: list[_Path], tokenizer: Any) -> list[_Path]:
    """Without what leaves out half of the text: by its total, "the" beats the text of half a minute.

    The measure is the path with the best average that is no loop; against a short one, only what is hardly believed
    goes.
    """
    straight = [path for path in paths if not _loops(tokenizer.decode(list(path.tokens)))]
    fullest = len(max(straight or paths, key=_average).tokens)
    floor = _LOW_LOGPROB if fullest < _LONG else 0.0
    return [path for path in paths if 2 * len(path.tokens) >= fullest or _average(path) >= floor]


def _silent(job: _Job) -> bool:
    believed = _average(job.paths[0])
    if job.no_speech > _SURELY_NO_SPEECH:
        return believed < _MODEST_LOGPROB
    return job.no_speech > _NO_SPEECH and believed < _LOW_LOGPROB


def _doubtful(job: _Job, limit: int) -> bool:
    """A loop, a text cut off by the limit, or one that the model itself hardly believes."""
    if _average(job.paths[0]) < _LOW_LOGPROB:
        return True
    return bool(job.candidates) and (_loops(job.candidates[0].text) or len(job.best_tokens) >= limit)


def _loops(text: str) -> bool:
    data = text.encode()
    return len(data) > _LOOP_RATIO * len(zlib.compress(data))


def _plausible(ranked: list[tuple[float, _Path, str]]) -> list[tuple[float, _Path, str]]:
    """The list without empty texts, loops, and the best text said again; nothing if nothing was said."""
    best = normalize(ranked[0][2]).split()
    if not best:
        return []
    kept = ranked[:1]
    for item in ranked[1:]:
        words = normalize(item[2]).split()
        again = len(words) > len(best) and words == (best + best * len(words))[: len(words)]
        if words and not again and not _loops(item[2]):
            kept.append(item)
    return kept


def _log_sum(scores: Iterable[float]) -> float:
    values = list(scores)
    top = max(values)
    return top + math.log(sum(math.exp(value - top) for value in values))


def _vote(jobs: list[_Job], heard: list[list[tuple[str, float]]]) -> dict[str, tuple[str, float]]:
    """The language of each recording, its segments weighted by their lengths."""
    votes: dict[str, dict[str, float]] = {}
    for job, probabilities in zip(jobs, heard, strict=True):
        counts = votes.setdefault(job.segment.span.path, {})
        for token, probability in probabilities:
            counts[token[2:-2]] = counts.get(token[2:-2], 0.0) + probability * job.segment.duration
    winners = {}
    for path, counts in votes.items():
        best = max(counts, key=lambda language: counts[language])
        winners[path] = (best, counts[best] / sum(counts.values()))
    return winners


def _words(pieces: list[dict[str, Any]], segment: AudioSegment, *, spaced: bool) -> tuple[Word, ...]:
    """Words with times in the recording; pieces without a leading space belong to the word before."""
    offset = segment.span.start or 0.0
    end = offset + segment.duration
    words: list[Word] = []
    for piece in pieces:
        start_time = round(min(end, offset + float(piece["start"])), 3)
        end_time = round(min(end, offset + float(piece["end"])), 3)
        if words and spaced and not piece["word"].startswith(" "):
            last = words[-1]
            words[-1] = Word(last.text + piece["word"].strip(), last.start, end_time, last.confidence)
        elif piece["word"].strip():
            words.append(Word(piece["word"].strip(), start_time, end_time, round(float(piece["probability"]), 4)))
    return tuple(words)
