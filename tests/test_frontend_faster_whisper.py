"""The Whisper front end: Whisper base itself where numbers matter, a scripted model where failures have to be made."""

from __future__ import annotations

import copy
import math
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from asr_frontends import faster_whisper as module
from asr_frontends.faster_whisper import FasterWhisper
from asr_frontends.hotwords import Shortlist
from asr_frontends.whisper import Languages
from ger.errors import MemoryLimitError, ModelError, UsageError
from ger.io.audio import SAMPLE_RATE, decode
from ger.protocols import AsrFrontend, FrontendOptions
from ger.text.normalize import normalize
from ger.types import AudioSegment, AudioSpan, Context, NBest

pytest.importorskip("faster_whisper")
ThreadpoolController = pytest.importorskip("threadpoolctl").ThreadpoolController

Samples = npt.NDArray[np.float32]
AUDIO = Path(__file__).parent.parent / "examples" / "audio"


def segment(samples: Samples, name: str = "a", language: str | None = "en", start: float = 0.0) -> AudioSegment:
    span = AudioSpan(f"{name}.wav", start, start + len(samples) / SAMPLE_RATE)
    return AudioSegment(name, span, samples.astype(np.float32), language)


def clip(name: str) -> Samples:
    return np.concatenate(list(decode(AUDIO / f"{name}.flac")))


def spoken(tmp_path: Path, voice: str, text: str) -> Samples:
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    subprocess.run(["espeak-ng", "-v", voice, "-w", str(tmp_path / "s.wav"), text], check=True)
    return np.concatenate(list(decode(tmp_path / "s.wav")))


def with_options(whisper: FasterWhisper, **options: Any) -> FasterWhisper:
    """The same loaded model with other options."""
    made = copy.copy(whisper)
    made._options = FrontendOptions(**{"device": "cpu"} | options)
    made._beam = max(5, 4 * made._options.nbest)
    made._tokenizers, made._languages = {}, Languages()
    made._shortlist = Shortlist(made._options.hotwords)
    return made


def assert_list(nbest: NBest, most: int) -> None:
    """What the protocol promises."""
    scores = [hypothesis.score for hypothesis in nbest.hypotheses]
    assert 1 <= len(scores) <= most
    assert all(before > after for before, after in pairwise(scores))
    assert scores[0] < 0
    assert len({normalize(hypothesis.text) for hypothesis in nbest.hypotheses}) == len(scores)


class Teacher:
    """Teacher forcing: the whole text is forced on the decoder, which says how probable each token was.

    Nothing is searched here. Whisper never writes some tokens (`suppress_tokens`), nor begins with a blank or the end.
    """

    def __init__(self, whisper: FasterWhisper, samples: Samples) -> None:
        job = module._Job(segment(samples), language="en")
        whisper._encode([job])
        self.whisper, self.encoded, self.frames = whisper, job.states[np.newaxis], job.window
        self.tokenizer = whisper._tokenizer("en")

    def score(self, tokens: Sequence[int], before: Sequence[int] = ()) -> float:
        import ctranslate2

        prompt = [*before, *self.tokenizer.sot_sequence, self.tokenizer.no_timestamps, *tokens]
        (result,) = self.whisper._model.generate(
            ctranslate2.StorageView.from_array(self.encoded),
            [prompt],
            beam_size=1,
            max_length=2 * (len(tokens) + len(before) + 1),
            return_logits_vocab=True,
            suppress_blank=False,  # it would also forbid the end right after the forced tokens
        )
        total = 0.0
        wanted = [*tokens, self.tokenizer.eot]
        assert len(result.logits[0]) >= len(wanted)
        for place, (logits, token) in enumerate(zip(result.logits[0], wanted, strict=False)):
            row = np.array(logits).astype(np.float64)
            if place == 0:
                row[[220, self.tokenizer.eot]] = -np.inf  # 220: the blank, see suppress_ids_begin of the model
            total += float(row[token] - row.max() - math.log(np.exp(row - row.max()).sum()))
        return total

    def aligned(self, tokens: Sequence[int]) -> float:
        """The text tokens alone, from CTranslate2's aligner, which forces them by another way."""
        import ctranslate2

        (result,) = self.whisper._model.align(
            ctranslate2.StorageView.from_array(self.encoded),
            list(self.tokenizer.sot_sequence),
            [list(tokens)],
            self.frames,
        )
        return sum(math.log(probability) for probability in result.text_token_probs)


@pytest.fixture(scope="module")
def precise(whisper_dir: Path) -> FasterWhisper:
    """The same model in float32, where a sum is a sum; int8 adds up to some 0.05 nats of rounding."""
    return FasterWhisper(FrontendOptions(model=str(whisper_dir), device="cpu", compute_type="float32"))


@pytest.mark.slow
def test_scores_are_total_log_probabilities(precise: FasterWhisper, monkeypatch: pytest.MonkeyPatch) -> None:
    whisper = precise
    samples = clip("02-toll")
    jobs: list[Any] = []
    monkeypatch.setattr(whisper, "_nbest", lambda job: jobs.append(job) or FasterWhisper._nbest(whisper, job))
    (nbest,) = whisper.recognize([segment(samples)])
    assert_list(nbest, 5)
    (job,) = jobs
    teacher = Teacher(whisper, samples)
    for path in job.paths[:8]:
        assert path.score == pytest.approx(teacher.score(path.tokens), abs=1e-3)
    best = job.paths[0]
    assert -0.5 < best.score - teacher.aligned(best.tokens) < 0.1  # what the aligner leaves out is the end of text
    # Surface forms of one text: their probabilities add up.
    forms: dict[str, float] = {}
    for path in job.paths:
        text = normalize(teacher.tokenizer.decode(list(path.tokens)))
        forms[text] = forms.get(text, 0.0) + math.exp(path.score)
    for hypothesis in nbest.hypotheses:
        assert hypothesis.score == pytest.approx(math.log(forms[normalize(hypothesis.text)]), abs=1e-6)
    assert len(job.paths) > len(forms)


NAMES = ("Szymanski", "Ravenscar", "<|endoftext|>", "Solvanta", "Brixworth", "Pemberley Crane")


@pytest.mark.slow
def test_hotwords_are_found_and_scores_are_those_without_them(
    precise: FasterWhisper, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    samples = spoken(tmp_path, "en-gb", "Professor Szymanski will open the conference on Monday.")
    plain, told = with_options(precise), with_options(precise, hotwords=NAMES)
    jobs: list[Any] = []
    monkeypatch.setattr(told, "_nbest", lambda job: jobs.append(job) or FasterWhisper._nbest(told, job))
    (before,), (after,) = plain.recognize([segment(samples)]), told.recognize([segment(samples)])
    assert not any("Szymanski" in h.text for h in before.hypotheses)
    assert_list(after, 5)
    assert after.best.text == before.best.text  # the list is sorted by the scores without hotwords
    names = [h for h in after.hypotheses if "Szymanski" in h.text]
    assert names
    biased = {h.text: h.extra["biased_score"] for h in after.hypotheses}
    gained = [biased[h.text] - h.score for h in after.hypotheses if h not in names]
    assert gained == pytest.approx([gained[0]] * len(gained))
    assert max(biased, key=lambda text: biased[text]) in {h.text for h in names}
    assert "Szymanski" in after.meta["hotwords_told"]
    assert set(after.meta["hotwords_told"]) <= set(NAMES)
    assert "hotwords=6:" in told.signature
    assert "hotwords" not in plain.signature

    teacher, (job,) = Teacher(told, samples), jobs
    for path in job.paths[-4:]:
        assert path.score == pytest.approx(teacher.score(path.tokens), abs=1e-3)
    prompt = [teacher.tokenizer.sot_prev, *job.told.tokens]
    assert all(token < teacher.tokenizer.eot for token in job.told.tokens)
    (path,) = [p for p in job.paths if teacher.tokenizer.decode(list(p.tokens)).strip() == names[0].text]
    alone = teacher.score(path.tokens, prompt)
    assert alone - 1e-3 <= biased[names[0].text] < alone + 1.0  # forms of the text add up


@pytest.mark.slow
def test_silence_and_other_sentences_do_not_echo_hotwords(precise: FasterWhisper, tmp_path: Path) -> None:
    told = with_options(precise, hotwords=NAMES)
    noise = np.random.default_rng(0).normal(0, 0.001, 3 * SAMPLE_RATE).astype(np.float32)
    said = spoken(tmp_path, "en-us", "Please close the door.")
    own = replace(segment(said, "c"), context=Context(hotwords=("Clothilde Orr",)))
    quiet, door, other = told.recognize([segment(noise, "a"), segment(said, "b"), own])
    assert quiet.hypotheses == ()
    assert normalize(door.best.text) == normalize(other.best.text) == "please close the door"
    assert "Clothilde Orr" in other.meta["hotwords_told"]
    assert "Clothilde Orr" not in door.meta["hotwords_told"]


@pytest.mark.slow
def test_deviations_carry_the_same_scores(
    precise: FasterWhisper, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    samples = spoken(tmp_path, "en-us", "Please close the door.")
    narrow = with_options(precise, nbest=10)
    narrow._beam = 5
    jobs: list[Any] = []
    monkeypatch.setattr(narrow, "_nbest", lambda job: jobs.append(job) or FasterWhisper._nbest(narrow, job))
    (nbest,) = narrow.recognize([segment(samples)])
    assert_list(nbest, 10)
    assert len(nbest.hypotheses) > 5
    teacher = Teacher(narrow, samples)
    added = jobs[0].paths[5:]
    assert len(added) >= 5
    assert len({path.tokens for path in jobs[0].paths}) == len(jobs[0].paths)
    for path in added:
        assert path.score == pytest.approx(teacher.score(path.tokens), abs=1e-3)


@pytest.mark.slow
def test_a_batch(whisper: FasterWhisper) -> None:
    assert isinstance(whisper, AsrFrontend)
    names = ["09-cache", "03-router", "10-snow"]
    segments = [segment(clip(name), name, start=7.5) for name in names]
    empty = segment(np.zeros(0, dtype=np.float32), "empty")
    lists = whisper.recognize([segments[0], empty, *segments[1:]])
    assert [nbest.id for nbest in lists] == ["09-cache", "empty", "03-router", "10-snow"]
    assert lists.pop(1).hypotheses == ()
    for nbest, given in zip(lists, segments, strict=True):
        assert_list(nbest, 5)
        assert len(nbest.hypotheses) == 5
        assert nbest.audio == given.span
        assert nbest.language == "en"
        words = nbest.best.words
        assert [word.text for word in words] == nbest.best.text.split()
        edges = [edge for word in words for edge in (word.start, word.end)]
        assert edges == sorted(edges)
        assert edges[0] >= given.span.start
        assert edges[-1] <= given.span.end
        assert all(0 <= word.confidence <= 1 for word in words)
        assert not any(hypothesis.words for hypothesis in nbest.hypotheses[1:])
    assert normalize(lists[2].best.text).startswith("the mayor thanked the crews")
    assert whisper.recognize(segments[1:2]) == lists[1:2]  # alone as in company, scores and times too


@pytest.mark.slow
def test_threads_change_nothing(whisper: FasterWhisper, whisper_dir: Path) -> None:
    """Neither lists nor how many threads torch has, which shares OpenMP with the recognizer."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    one = FasterWhisper(FrontendOptions(model=str(whisper_dir), device="cpu", threads=1))
    assert (one._workers, whisper._workers) == (1, 2)
    assert torch.get_num_threads() == before
    segments = [segment(clip(name), name) for name in ("09-cache", "03-router", "10-snow")]
    assert one.recognize(segments) == whisper.recognize(segments)
    assert torch.get_num_threads() == before


@pytest.mark.slow
def test_the_same_call_gives_the_same_lists(whisper: FasterWhisper, tmp_path: Path) -> None:
    """Also where lists have to be topped up."""
    segments = [segment(spoken(tmp_path, "en-us", "Thank you."), "a"), segment(clip("03-router"), "b")]
    first = whisper.recognize(segments)
    assert whisper.recognize(segments) == first
    assert len(first[0].hypotheses) == 5


@pytest.mark.slow
@pytest.mark.parametrize("nbest", [1, 10])
def test_length_of_the_list(whisper: FasterWhisper, nbest: int) -> None:
    (made,) = with_options(whisper, nbest=nbest).recognize([segment(clip("03-router"))])
    assert_list(made, nbest)
    assert len(made.hypotheses) == nbest


TIME = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
NOISE = np.random.default_rng(0).standard_normal(4 * SAMPLE_RATE)
NO_SPEECH = {
    "silence": 0 * TIME,
    "long-silence": np.zeros(20 * SAMPLE_RATE),
    "quiet-noise": 0.001 * NOISE,
    "loud-noise": (0.3 * NOISE).clip(-1, 1),
    "hum": 0.1 * np.sin(2 * np.pi * 50 * TIME) + 0.05 * np.sin(2 * np.pi * 100 * TIME),
    "click": 0.1 * NOISE[:160],
}


@pytest.mark.slow
def test_no_text_where_nobody_speaks(whisper: FasterWhisper) -> None:
    segments = [segment(samples.astype(np.float32), name) for name, samples in NO_SPEECH.items()]
    said = {nbest.id: [h.text for h in nbest.hypotheses] for nbest in whisper.recognize(segments)}
    assert said == {name: [] for name in NO_SPEECH}


@pytest.mark.slow
def test_the_language_of_each_recording(whisper: FasterWhisper, tmp_path: Path) -> None:
    spanish = spoken(tmp_path, "es", "Buenos días, hoy hace mucho calor y vamos a la playa con los niños.")
    german = spoken(tmp_path, "de", "Guten Morgen, heute ist das Wetter sehr schön und wir gehen in den Park.")
    given = [segment(clip("04-storm"), "en", None), segment(spanish, "es", None), segment(german, "de", None)]
    lists = with_options(whisper).recognize(given)
    assert [nbest.language for nbest in lists] == ["en", "es", "de"]
    assert all(0.5 < nbest.meta["language_probability"] <= 1 for nbest in lists)
    assert "playa" in lists[1].best.text
    translated = with_options(whisper, task="translate", language="es", nbest=2).recognize(
        [segment(spanish, "t", None)]
    )
    assert translated[0].task == "translate"
    assert "beach" in translated[0].best.text


@pytest.mark.slow
def test_a_region_goes_with_its_language(whisper: FasterWhisper) -> None:
    for told in ("en-US", "English"):
        (nbest,) = with_options(whisper, nbest=1).recognize([segment(clip("04-storm"), "a", told)])
        assert (nbest.language, "weather" in nbest.best.text) == ("en", True)


@pytest.mark.slow
def test_a_full_window(whisper: FasterWhisper) -> None:
    """30 s without a pause at the end; the whole is heard, although a total favours short texts."""
    names = ("01-flight", "02-toll", "03-router", "04-storm", "05-school", "06-budget", "10-snow")
    samples = np.concatenate([clip(name) for name in names])[: 30 * SAMPLE_RATE]
    (nbest,) = with_options(whisper, nbest=2).recognize([segment(samples)])
    assert_list(nbest, 2)
    assert all(len(hypothesis.text.split()) > 70 for hypothesis in nbest.hypotheses)
    assert nbest.best.words[-1].end <= 30.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"language": "jp"}, r"does not know the language 'jp'. Did you mean 'ja' \(Japanese\)"),
        ({"device": "tpu"}, "'tpu' is not known"),
        ({"compute_type": "int9"}, r"'int9' does not run on cpu. Did you mean 'int"),
    ],
)
def test_wrong_options(whisper_dir: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        FasterWhisper(FrontendOptions(**{"model": str(whisper_dir), "device": "cpu"} | options))


def test_no_cuda(whisper_dir: Path) -> None:
    import ctranslate2

    if ctranslate2.get_cuda_device_count():
        pytest.skip("a CUDA device is there")
    with pytest.raises(UsageError, match="No CUDA device"):
        FasterWhisper(FrontendOptions(model=str(whisper_dir), device="cuda"))


def test_a_broken_model(whisper_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(whisper_dir, folder)
    data = (whisper_dir / "model.bin").read_bytes()
    (folder / "model.bin").write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match="the recognizer cannot be loaded"):
        FasterWhisper(FrontendOptions(model=str(folder), device="cpu"))


# From here on the model is scripted: what is tested is what becomes of its answers and of its failures.

VOCABULARY = ["the", "sea", "see", "is", "calm", ".", *(f"{7919**n % 10**9:x}" for n in range(1, 35))]


class Tokenizer:
    sot_sequence, no_timestamps, eot = (100,), 101, 99

    def decode(self, tokens: list[int]) -> str:
        return " ".join(VOCABULARY[token] for token in tokens)

    def encode(self, text: str) -> list[int]:
        return [98]


class Model:
    """Answers each search with the paths it is given, full windows with others; room for so many rows."""

    is_multilingual = True

    def __init__(self, paths: list[tuple[list[int], float]], room: int = 100, full: Any = None) -> None:
        self.paths, self.full, self.room = paths, full or paths, room
        self.no_speech, self.error = 0.0, Exception()
        self.calls: list[tuple[int, int]] = []

    def encode(self, features: Any, to_cpu: bool) -> Any:
        rows, _, frames = np.array(features).shape
        return np.zeros((rows, frames // 2, 1), dtype=np.float32)

    def generate(self, encoded: Any, prompts: list[list[int]], **options: Any) -> list[Any]:
        rows, frames, _ = np.array(encoded).shape
        self.calls.append((rows, 2 * frames))
        if rows > self.room:
            raise self.error
        paths = self.full if 2 * frames == 3000 else self.paths
        tokens, scores = [path[0] for path in paths], [path[1] for path in paths]
        result = SimpleNamespace(sequences_ids=tokens, scores=scores, no_speech_prob=self.no_speech)
        return [result for _ in prompts]


def scripted(model: Model, nbest: int = 2, workers: int = 1) -> FasterWhisper:
    made = FasterWhisper.__new__(FasterWhisper)
    made._options, made._device, made._beam, made._batch = FrontendOptions(nbest=nbest), "cpu", 5, 8
    made._workers, made._blas = workers, ThreadpoolController()
    made._model, made._tokenizers, made._languages = model, {"en": Tokenizer()}, Languages()
    made._whisper = SimpleNamespace(
        supported_languages=["en", "de"],
        feature_extractor=lambda wave, padding: np.zeros((1, len(wave) // 160 + 1), dtype=np.float32),
        find_alignment=lambda tokenizer, tokens, *_: [
            [{"word": " " + VOCABULARY[t], "start": i, "end": i + 1.0, "probability": 0.5} for i, t in enumerate(row)]
            for row in tokens
        ],
    )
    return made


SEA, SEE = ([0, 1, 3, 4], -1.0), ([0, 2, 3, 4], -2.0)
NOISY = np.full(2 * SAMPLE_RATE, 0.01, dtype=np.float32)


def texts(frontend: FasterWhisper, count: int = 1) -> list[list[str]]:
    lists = frontend.recognize([segment(NOISY, f"s{i}") for i in range(count)])
    assert [nbest.id for nbest in lists] == [f"s{i}" for i in range(count)]
    return [[hypothesis.text for hypothesis in nbest.hypotheses] for nbest in lists]


def test_forms_of_one_text_become_one() -> None:
    frontend = scripted(Model([SEA, ([0, 1, 3, 4, 5], -1.5), SEE]))
    (nbest,) = frontend.recognize([segment(NOISY)])
    assert [hypothesis.text for hypothesis in nbest.hypotheses] == ["the sea is calm", "the see is calm"]
    assert nbest.best.score == pytest.approx(math.log(math.exp(-1.0) + math.exp(-1.5)))
    assert nbest.hypotheses[1].score == pytest.approx(-2.0)
    assert [word.end for word in nbest.best.words] == [1.0, 2.0, 2.0, 2.0]  # never after the segment


def test_two_forms_together_can_win() -> None:
    model = Model([SEA, ([0, 2, 3, 4], -1.2), ([0, 2, 3, 4, 5], -1.3)])
    assert texts(scripted(model)) == [["the see is calm", "the sea is calm"]]


@pytest.mark.parametrize("error", [RuntimeError("CUDA failed with error out of memory"), MemoryError("bad allocation")])
def test_lack_of_memory_halves_the_batch(error: Exception) -> None:
    model = Model([SEA, SEE], room=2)
    model.error = error
    assert texts(scripted(model), 7) == [["the sea is calm", "the see is calm"]] * 7
    assert [rows for rows, _ in model.calls] == [3, 1, 2, 3, 1, 2, 1]


def test_batches_side_by_side() -> None:
    """Two are in the model at the same time, and no thread has more than one."""
    met = threading.Barrier(2, timeout=10)

    class Shared(Model):
        def generate(self, encoded: Any, prompts: list[list[int]], **options: Any) -> list[Any]:
            met.wait()
            return super().generate(encoded, prompts, **options)

    model = Shared([SEA, SEE])
    assert texts(scripted(model, workers=2), 4) == [["the sea is calm", "the see is calm"]] * 4
    assert model.calls == [(2, 500)] * 2


def test_memory_for_one_batch_at_a_time() -> None:
    busy = threading.Lock()

    class Small(Model):
        def generate(self, encoded: Any, prompts: list[list[int]], **options: Any) -> list[Any]:
            if not busy.acquire(blocking=False):
                raise MemoryError("bad allocation")
            try:
                time.sleep(0.05)
                return super().generate(encoded, prompts, **options)
            finally:
                busy.release()

    assert texts(scripted(Small([SEA, SEE]), workers=2), 4) == [["the sea is calm", "the see is calm"]] * 4


@pytest.mark.parametrize("workers", [1, 2])
def test_no_memory_for_one(workers: int) -> None:
    model = Model([SEA, SEE], room=0)
    model.error = RuntimeError("failed to allocate memory")
    with pytest.raises(MemoryLimitError, match="s0: not enough memory on cpu"):
        texts(scripted(model, workers=workers), workers)


@pytest.mark.parametrize("said", ["something broke", "CUDA error: an illegal memory access was encountered"])
def test_other_failures(said: str) -> None:
    model = Model([SEA, SEE], room=0)
    model.error = RuntimeError(said)
    with pytest.raises(ModelError, match=f"The recognizer failed: {said}") as caught:
        texts(scripted(model))
    assert not isinstance(caught.value, MemoryLimitError)


LOOP = ([0, 1] * 15, -2.0)


@pytest.mark.parametrize("doubtful", [[LOOP], [([0, 1], -4.0)], [([0] * 40, -3.0)]], ids=["loop", "doubt", "limit"])
def test_what_is_doubtful_is_heard_again_with_the_full_window(doubtful: Any) -> None:
    model = Model(doubtful, full=[SEA, SEE])
    assert texts(scripted(model)) == [["the sea is calm", "the see is calm"]]
    assert model.calls == [(1, 500), (1, 3000)]


def test_only_the_doubtful_are_heard_again() -> None:
    class Mixed(Model):
        def generate(self, encoded: Any, prompts: list[list[int]], **options: Any) -> list[Any]:
            results = super().generate(encoded, prompts, **options)
            if np.array(encoded).shape[1] < 1500:
                tokens, score = LOOP
                results[0] = SimpleNamespace(sequences_ids=[tokens], scores=[score], no_speech_prob=0.0)
            return results

    model = Mixed([SEA, SEE], full=[([0, 1], -0.5), ([0, 2], -1.5)])
    assert texts(scripted(model), 2) == [["the sea", "the see"], ["the sea is calm", "the see is calm"]]
    assert model.calls == [(2, 500), (1, 3000)]


def test_loops_and_repetitions_are_no_candidates() -> None:
    again = (SEA[0] * 2, -1.5)
    assert texts(scripted(Model([SEA, again, LOOP, SEE]))) == [["the sea is calm", "the see is calm"]]


def test_what_leaves_out_half_and_is_hardly_believed_is_no_candidate() -> None:
    long = [0, 1, 3, 4, 0, 2, 3, 4]
    other = [*long[:5], 1, 4, 3]
    model = Model([([0], -4.0), (other, -5.0), (long, -4.5)])
    assert texts(scripted(model)) == [["the sea is calm the see is calm", "the sea is calm the sea calm is"]]


def test_a_believed_sentence_of_many_is_no_candidate() -> None:
    words = list(range(6, 40))
    model = Model([(words[:15], -5.0), (words, -6.0), (words[1:], -7.0)])
    (nbest,) = scripted(model).recognize([segment(np.tile(NOISY, 5))])
    assert [len(hypothesis.text.split()) for hypothesis in nbest.hypotheses] == [34, 33]


def test_a_text_that_ends_early_is_no_candidate() -> None:
    """Its total is the better one, but on average Whisper believes the whole more."""
    sentence, both = [0, 1, 3, 4], [0, 1, 3, 4, 0, 2, 3, 4]
    model = Model([(sentence, -2.0), (both, -3.0), ([0, 2, 3, 4], -3.5)])
    assert texts(scripted(model)) == [["the sea is calm the see is calm", "the see is calm"]]


def test_a_text_that_goes_on_without_belief_is_not_preferred() -> None:
    sentence, both = [0, 1, 3, 4], [0, 1, 3, 4, 0, 2, 3, 4]
    assert texts(scripted(Model([(sentence, -1.0), (both, -9.0)])))[0][0] == "the sea is calm"


def test_a_loop_is_no_measure_for_a_short_text() -> None:
    assert texts(scripted(Model([SEA, ([0, 1] * 20, -2.0), SEE]))) == [["the sea is calm", "the see is calm"]]


@pytest.mark.parametrize(
    ("no_speech", "score", "silent"), [(0.5, -9.0, False), (0.7, -9.0, True), (0.7, -3.0, False), (0.95, -3.0, True)]
)
def test_no_speech(no_speech: float, score: float, silent: bool) -> None:
    model = Model([([0, 1, 3, 4], score), ([0, 2, 3, 4], score - 1)])
    model.no_speech = no_speech
    assert texts(scripted(model)) == [[] if silent else ["the sea is calm", "the see is calm"]]


def test_an_empty_text_first_means_that_nothing_was_said() -> None:
    assert texts(scripted(Model([([5], -0.1), SEA]))) == [[]]


def test_longer_than_whisper_hears() -> None:
    model = Model([SEA, SEE])
    with pytest.raises(ModelError, match=r"long: 30\.1 s are more than the 30 s that Whisper hears at once"):
        scripted(model).recognize([segment(np.zeros(int(30.1 * SAMPLE_RATE), dtype=np.float32), "long")])
    assert model.calls == []
    scripted(model).recognize([segment(np.full(30 * SAMPLE_RATE, 0.01, dtype=np.float32))])
    assert model.calls == [(1, 3000)]


def test_no_segments() -> None:
    assert scripted(Model([])).recognize([]) == []
