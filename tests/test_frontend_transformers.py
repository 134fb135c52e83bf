"""The front end for recognizers of transformers: Whisper base itself, and tiny models of other families."""

from __future__ import annotations

import math
import shutil
import subprocess
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tiny_recognizers as tiny
import whisper_weights

from asr_frontends.ctc import align, forward
from asr_frontends.transformers import TransformersASR
from ger.conformance import check_frontend, speech
from ger.errors import ModelError, UsageError
from ger.io.audio import SAMPLE_RATE, decode
from ger.protocols import AsrFrontend, FrontendOptions
from ger.text.normalize import normalize
from ger.types import AudioSegment, AudioSpan, NBest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

Samples = npt.NDArray[np.float32]
AUDIO = Path(__file__).parent.parent / "examples" / "audio"
SILENCE = np.zeros(3 * SAMPLE_RATE, dtype=np.float32)


def clip(name: str) -> Samples:
    return np.concatenate(list(decode(AUDIO / f"{name}.flac")))


def segment(samples: Samples, name: str = "a", language: str | None = "en", start: float = 0.0) -> AudioSegment:
    span = AudioSpan(f"{name}.wav", start, start + len(samples) / SAMPLE_RATE)
    return AudioSegment(name, span, samples, language)


def load(folder: Path, **options: Any) -> TransformersASR:
    return TransformersASR(FrontendOptions(**{"model": str(folder), "device": "cpu", "threads": 1} | options))


def assert_list(nbest: NBest, most: int) -> None:
    """What the protocol promises."""
    scores = [hypothesis.score or 0.0 for hypothesis in nbest.hypotheses]
    assert 1 <= len(scores) <= most
    assert all(before > after for before, after in pairwise(scores))
    assert scores[0] < 0
    assert len({normalize(hypothesis.text) for hypothesis in nbest.hypotheses}) == len(scores)
    assert [hypothesis.acoustic_score for hypothesis in nbest.hypotheses] == scores


def assert_words(nbest: NBest, given: AudioSegment) -> None:
    """Words of the best hypothesis, in order, inside of the segment."""
    words = nbest.best.words
    assert [word.text for word in words] == nbest.best.text.split()
    edges = [edge for word in words for edge in (word.start, word.end)]
    assert edges == sorted(edges)
    assert edges[0] >= given.span.start
    assert edges[-1] <= given.span.end + 5e-4  # rounded to milliseconds
    assert all(0 < word.confidence <= 1 for word in words)
    assert not any(hypothesis.words for hypothesis in nbest.hypotheses[1:])


def jobs_of(frontend: TransformersASR, segments: Sequence[AudioSegment]) -> tuple[list[Any], list[NBest]]:
    """What `recognize` returns, and what it was made of."""
    jobs: list[Any] = []
    made = frontend._nbest
    frontend._nbest = lambda job: jobs.append(job) or made(job)  # type: ignore[method-assign, func-returns-value]
    try:
        lists = frontend.recognize(segments)
    finally:
        frontend._nbest = made  # type: ignore[method-assign]
    return jobs, lists


def assert_sums(nbest: NBest, paths: Sequence[Any], text: Any) -> None:
    """Every score is the sum over the forms of its text."""
    forms: dict[str, float] = {}
    for path in paths:
        key = normalize(text(path.tokens))
        forms[key] = forms.get(key, 0.0) + math.exp(path.score)
    for hypothesis in nbest.hypotheses:
        assert hypothesis.score == pytest.approx(math.log(forms[normalize(hypothesis.text)]), abs=1e-6)


class Teacher:
    """Teacher forcing: a text is forced on a model loaded by itself, all at once and without a cache.

    Nothing is searched here. `never` are tokens that are not written, `first` those that no text begins with.
    """

    def __init__(self, model: Any, never: Sequence[int], first: Sequence[int], end: int) -> None:
        self.model, self.never, self.first, self.end = model.eval(), list(never), list(first), end

    def score(self, inputs: dict[str, Any], prompt: Sequence[int], tokens: Sequence[int]) -> float:
        ids = torch.tensor([[*prompt, *tokens]])
        with torch.no_grad():
            logits = self.model(**inputs, decoder_input_ids=ids).logits[0, len(prompt) - 1 :].double()
        logits[:, self.never] = -math.inf
        logits[0, self.first] = -math.inf
        logp = torch.log_softmax(logits, dim=-1)
        return sum(float(logp[place, token]) for place, token in enumerate([*tokens, self.end]))


# Whisper base, its embedded weights in the format of transformers.


@pytest.fixture(scope="module")
def whisper_folder(whisper_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whisper")
    whisper_weights.convert(whisper_dir, folder)
    return folder


@pytest.fixture(scope="module")
def whisper_asr(whisper_folder: Path) -> TransformersASR:
    """Five hypotheses of a search that is no wider than it has to be here."""
    return load(whisper_folder, beam_size=8)


@pytest.mark.slow
def test_whisper(whisper_asr: TransformersASR, whisper_folder: Path) -> None:
    """A batch, alone, silence, scores, words: one search for all, since each takes seconds."""
    assert isinstance(whisper_asr, AsrFrontend)
    given = [segment(clip("02-toll"), "02-toll", start=7.5), segment(clip("10-snow"), "10-snow", None, start=1.0)]
    empty, silence = segment(SILENCE[:0], "empty"), segment(SILENCE, "silence")
    jobs, (toll, nothing, snow, quiet) = jobs_of(whisper_asr, [given[0], empty, given[1], silence])
    assert [one.id for one in (toll, nothing, snow, quiet)] == ["02-toll", "empty", "10-snow", "silence"]
    assert nothing.hypotheses == quiet.hypotheses == ()
    assert normalize(snow.best.text).startswith("the mayor thanked the crews")
    assert snow.language == "en"
    assert 0.5 < snow.meta["language_probability"] < toll.meta["language_probability"] == 1
    for nbest, one in zip((toll, snow), given, strict=True):
        assert_list(nbest, 5)
        assert len(nbest.hypotheses) > 2
        assert_words(nbest, one)
        assert nbest.audio == one.span
    (alone,) = whisper_asr.recognize([given[0]])
    assert [h.text for h in alone.hypotheses] == [h.text for h in toll.hypotheses]
    assert [h.score for h in alone.hypotheses] == pytest.approx([h.score for h in toll.hypotheses], abs=1e-3)
    assert_scores_of_whisper(whisper_asr, whisper_folder, jobs[0], toll)


def assert_scores_of_whisper(frontend: TransformersASR, folder: Path, job: Any, nbest: NBest) -> None:
    model = transformers.WhisperForConditionalGeneration.from_pretrained(folder, attn_implementation="eager")
    config = model.generation_config
    timestamps = range(config.no_timestamps_token_id + 1, model.config.vocab_size)
    teacher = Teacher(model, [*config.suppress_tokens, *timestamps], config.begin_suppress_tokens, config.eos_token_id)
    extractor = transformers.WhisperFeatureExtractor.from_pretrained(folder)
    features = extractor(job.segment.samples, sampling_rate=SAMPLE_RATE, return_tensors="pt")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    prompt = tokenizer.convert_tokens_to_ids(["<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>"])
    assert len({path.tokens for path in job.paths}) == len(job.paths) > 5
    for path in job.paths:
        assert path.score == pytest.approx(teacher.score(dict(features), prompt, path.tokens), abs=1e-3)
    assert_sums(nbest, job.paths, lambda tokens: tokenizer.decode(tokens, skip_special_tokens=True))


@pytest.mark.slow
def test_whisper_is_told_hotwords(whisper_folder: Path, tmp_path: Path) -> None:
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    text = "Professor Szymanski will open the conference on Monday."
    subprocess.run(["espeak-ng", "-v", "en-gb", "-w", str(tmp_path / "s.wav"), text], check=True)
    given = segment(np.concatenate(list(decode(tmp_path / "s.wav"))))
    told = load(whisper_folder, beam_size=8, hotwords=("Szymanski", "<|endoftext|>", "Brixworth"))
    (job,), (nbest,) = jobs_of(told, [given])
    assert_list(nbest, 5)
    assert "Szymanski" in nbest.meta["hotwords_told"]
    best = max(nbest.hypotheses, key=lambda h: h.extra["biased_score"])
    assert "Szymanski" in best.text
    assert best.extra["biased_score"] > (best.score or 0.0)
    assert_scores_of_whisper(told, whisper_folder, job, nbest)


@pytest.mark.slow
def test_whisper_agrees_with_ctranslate2(
    whisper_asr: TransformersASR, whisper_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same weights in another engine, both with the full window; `benchmarks/transformers_whisper.py` has more."""
    pytest.importorskip("faster_whisper")
    from asr_frontends import faster_whisper

    monkeypatch.setattr(faster_whisper, "_MARGIN", faster_whisper._FULL_WINDOW)
    options = FrontendOptions(model=str(whisper_dir), device="cpu", compute_type="float32", beam_size=8)
    other = faster_whisper.FasterWhisper(options)
    given = [segment(clip(name), name) for name in ("03-router", "04-storm", "10-snow")]
    for one, two in zip(whisper_asr.recognize(given), other.recognize(given), strict=True):
        assert normalize(one.best.text) == normalize(two.best.text)
        tokens = len(one.best.text.split())  # no more than there are
        assert one.best.score == pytest.approx(two.best.score, abs=0.05 * tokens)


@pytest.mark.slow
def test_whisper_in_other_precisions_and_tasks(whisper_folder: Path) -> None:
    made = load(whisper_folder, beam_size=2, nbest=1, compute_type="bfloat16", task="translate", language="en")
    assert ",bfloat16,beam=2,nbest=1,task=translate,language=en" in made.signature
    (nbest,) = made.recognize([segment(clip("10-snow"), language=None)])
    assert (nbest.task, nbest.target) == ("translate", "en")
    assert normalize(nbest.best.text).startswith("the mayor thanked the crews")


@pytest.mark.slow
def test_what_whisper_refuses(whisper_asr: TransformersASR, whisper_folder: Path) -> None:
    with pytest.raises(ModelError, match=r"long: 30\.1 s are more than the 30 s that .* hears at once"):
        whisper_asr.recognize([segment(np.zeros(int(30.1 * SAMPLE_RATE), dtype=np.float32), "long")])
    with pytest.raises(UsageError, match=r"does not know the language 'jp'\. Did you mean 'ja'"):
        whisper_asr.recognize([segment(clip("10-snow"), language="jp")])
    with pytest.raises(UsageError, match=r"does not know the language 'xx'"):
        load(whisper_folder, language="xx")


# Tiny models: three segments of one length class, one of them shorter than what is padded.

GIVEN = tuple(
    segment(clip("02-toll")[start : start + length], f"s{start}", start=2.0)
    for start, length in ((8_000, 21_000), (16_000, 17_500), (0, 100), (9_000, 40_000))
)


@pytest.mark.parametrize("kind", sorted(tiny.ENDS))
def test_a_sequence_model(tmp_path: Path, kind: str) -> None:
    tiny.sequence(tmp_path, kind)
    frontend = load(tmp_path, nbest=4, beam_size=8)
    jobs, lists = jobs_of(frontend, GIVEN)
    model = getattr(transformers, tiny.SEQUENCES[kind][0]).from_pretrained(tmp_path)
    teacher = Teacher(model, tiny.SUPPRESSED, [tiny.END], tiny.END)
    prompt = [tiny.END, *tiny.PROMPTS.get(kind, [])]
    assert any(job.ended and len(job.paths) > 1 for job in jobs)
    for job, nbest in zip(jobs, lists, strict=True):
        assert_list(nbest, 4)
        assert len({path.tokens for path in job.paths}) == len(job.paths)
        if not job.ended:  # a text without its end, which has another score
            continue
        features = frontend._recognizer._features([job.samples])  # type: ignore[attr-defined]
        for path in job.paths:
            assert path.score == pytest.approx(teacher.score(features, prompt, path.tokens), abs=1e-3)
    assert_alone(frontend, lists)


def assert_alone(frontend: TransformersASR, lists: Sequence[NBest]) -> None:
    """A segment's list does not depend on what it is batched with."""
    for nbest, one in zip(lists, GIVEN, strict=True):
        (alone,) = frontend.recognize([one])
        assert [h.text for h in alone.hypotheses] == [h.text for h in nbest.hypotheses]
        assert [h.score for h in alone.hypotheses] == pytest.approx([h.score for h in nbest.hypotheses], abs=1e-3)


@pytest.mark.parametrize("kind", sorted(tiny.CTC))
def test_a_ctc_model(tmp_path: Path, kind: str) -> None:
    tiny.ctc(tmp_path, kind)
    frontend = load(tmp_path, nbest=4)
    jobs, lists = jobs_of(frontend, GIVEN)
    # Group normalization is over all frames, those of silence too.
    assert frontend._recognizer.mixes == (kind != "wav2vec2")
    model = getattr(transformers, tiny.CTC[kind][0]).from_pretrained(tmp_path).eval()
    extractor = transformers.Wav2Vec2FeatureExtractor.from_pretrained(tmp_path)
    for job, nbest, one in zip(jobs, lists, GIVEN, strict=True):
        values = extractor(job.samples, sampling_rate=SAMPLE_RATE, return_tensors="pt").input_values
        with torch.no_grad():
            logp = torch.log_softmax(model(values).logits[0].double(), dim=-1).numpy()
        exact = forward(logp, [path.tokens for path in job.paths])
        assert [path.score for path in job.paths] == pytest.approx(exact, abs=1e-3)
        if not nbest.hypotheses:  # no letters are the most probable text of a tenth of a second
            assert len(one.samples) == 100
            continue
        assert_list(nbest, 4)
        assert_sums(nbest, job.paths, spelled)
        assert_words(nbest, one)
        letter = next(place for place, token in enumerate(job.best) if token > tiny.LETTERS.index("|"))
        begin = align(logp, job.best)[letter][0] * len(job.samples) / SAMPLE_RATE / len(logp)
        assert nbest.best.words[0].start == pytest.approx(min(2.0 + begin, one.span.end), abs=1e-3)
    assert_alone(frontend, lists)


def spelled(tokens: Sequence[int]) -> str:
    return "".join(tiny.LETTERS[token] for token in tokens if token > 3).replace("|", " ")


def test_a_ctc_model_that_is_sure_of_nothing_hears_nothing(tmp_path: Path) -> None:
    tiny.ctc(tmp_path, "hubert")
    frontend = load(tmp_path)
    head = frontend._recognizer._model.lm_head  # type: ignore[attr-defined]
    with torch.no_grad():
        head.bias[0] += 50.0
    (nbest,) = frontend.recognize([GIVEN[0]])
    assert nbest.hypotheses == ()


@pytest.fixture(scope="module")
def hubert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.ctc(tmp_path_factory.mktemp("hubert"), "hubert")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": ""}, "has no model of its own.*--model"),
        ({"device": "tpu"}, "'tpu' is not known"),
        ({"compute_type": "int8"}, "'int8' is not known to transformers.*Known: float32"),
        ({"task": "translate"}, "cannot translate"),
        ({"model": "whisper-base"}, "whisper-base is in CTranslate2 format.*Use --model faster-whisper:whisper-base$"),
    ],
)
def test_wrong_options(hubert_folder: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load(hubert_folder, **options)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is there")
def test_no_cuda(hubert_folder: Path) -> None:
    with pytest.raises(UsageError, match=r"No CUDA device was found\. Use --device cpu"):
        load(hubert_folder, device="cuda")


def test_a_model_that_has_to_be_told_the_language(tmp_path: Path) -> None:
    tiny.sequence(tmp_path, "seamless_m4t_v2")
    frontend = load(tmp_path)
    with pytest.raises(UsageError, match=r"has to be told the language\..*--language"):
        frontend.recognize([segment(GIVEN[0].samples, language=None)])
    with pytest.raises(UsageError, match="does not know the language 'fra'"):
        frontend.recognize([segment(GIVEN[0].samples, language="fr")])


def test_other_models_are_refused(hubert_folder: Path, smollm2_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="of type 'llama', which the front end transformers does not know"):
        load(smollm2_dir)
    headless = tmp_path / "headless"
    shutil.copytree(hubert_folder, headless)
    model = transformers.HubertForCTC.from_pretrained(hubert_folder)
    model.hubert.save_pretrained(headless)
    with pytest.raises(ModelError, match=r"has no weights for lm_head\.weight and cannot recognize speech"):
        load(headless)
    (headless / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="the recognizer cannot be loaded"):
        load(headless)


def test_formats_are_told_apart(hubert_folder: Path, whisper_dir: Path) -> None:
    with pytest.raises(ModelError, match="It is in CTranslate2 format: use --model faster-whisper:/"):
        load(whisper_dir)
    faster_whisper = pytest.importorskip("asr_frontends.faster_whisper")
    with pytest.raises(
        ModelError, match=r"it has no model\.bin\. It is in transformers format: use --model transformers:/"
    ):
        faster_whisper.FasterWhisper(FrontendOptions(model=str(hubert_folder)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("kind", ["hubert", "moonshine"])
def test_on_a_gpu(tmp_path: Path, kind: str) -> None:
    (tiny.ctc if kind in tiny.CTC else tiny.sequence)(tmp_path, kind)
    here = load(tmp_path).recognize(GIVEN)
    there = load(tmp_path, device="cuda", compute_type="float32").recognize(GIVEN)
    for one, two in zip(here, there, strict=True):
        assert one.best.score == pytest.approx(two.best.score, abs=1e-2)


@pytest.mark.parametrize(("kind", "make"), [("hubert", tiny.ctc), ("moonshine", tiny.sequence)])
def test_it_keeps_the_promises_of_a_front_end(tmp_path: Path, kind: str, make: Callable[[Path, str], object]) -> None:
    make(tmp_path, kind)
    outcomes = {outcome.check: outcome for outcome in check_frontend(load(tmp_path, nbest=3), speech(), nbest=3)}
    assert not [outcome for outcome in outcomes.values() if outcome.state == "failed"]
    assert outcomes["batch-is-single"].state == outcomes["silence"].state == "ok"
