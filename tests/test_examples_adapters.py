"""The adapters of `examples/adapters`: results as recognizers give them, and of recognizers themselves where they are.

A recognizer that is not installed here is stood for by objects of the shape that it documents; its own test skips.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import ger
from ger.correct.outcome import as_it_was, changed
from ger.settings import Settings
from ger.types import AudioSpan, Correction, Hypothesis, NBest, Word

if TYPE_CHECKING:
    from asr_frontends.faster_whisper import FasterWhisper

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SNOW = EXAMPLES / "audio" / "10-snow.flac"

pytestmark = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="needs the examples of a checkout")


class Replacing:
    """Writes some words in the place of others."""

    signature = "replacing"

    def __init__(self, words: dict[str, str]) -> None:
        self._words = words

    def correct(self, lists: Sequence[NBest]) -> list[Correction]:
        return [self._one(nbest) for nbest in lists]

    def _one(self, nbest: NBest) -> Correction:
        text = nbest.best.text
        for before, after in self._words.items():
            text = text.replace(before, after)
        if text == nbest.best.text:
            return as_it_was(nbest, "nothing to replace")
        return changed(nbest, Hypothesis(text), "rewritten", "replaced", {})


@dataclass(frozen=True)
class Given(Settings):
    words: dict[str, str] = field(default_factory=dict)

    def make_corrector(self) -> Any:
        return Replacing(self.words)


def replacing(**words: str) -> ger.Corrector:
    """A corrector that writes `the snow` for `this note`, or other words for others."""
    return ger.Corrector(Given(words=words or {"this note": "the snow"}))


def adapter(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / "adapters" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def timed(words: Sequence[Word]) -> list[tuple[str, float | None, float | None]]:
    """Words with their times to the hundredth."""
    return [(w.text, *(None if t is None else round(t, 2) for t in (w.start, w.end))) for w in words]


def test_every_adapter_is_in_the_table_and_none_needs_its_recognizer_to_be_imported() -> None:
    page = (EXAMPLES.parent / "docs" / "plugging-in.md").read_text(encoding="utf-8")
    names = sorted(path.name for path in (EXAMPLES / "adapters").glob("*.py"))
    assert len(names) == 9
    for name in names:
        assert f"../examples/adapters/{name}" in page
        assert callable(adapter(name.removesuffix(".py")).main)


# Whisper's kin: results go back as they came, with other words.

WORDS = [
    {"word": " cleared", "start": 1.0, "end": 1.5, "probability": 0.9},
    {"word": " this", "start": 1.5, "end": 1.7, "probability": 0.4},
    {"word": " note", "start": 1.7, "end": 2.0, "probability": 0.5},
    {"word": " by", "start": 2.0, "end": 2.2, "probability": 0.9},
    {"word": " dawn.", "start": 2.2, "end": 2.6, "probability": 0.9},
]
SEGMENT = {
    "id": 0,
    "seek": 0,
    "start": 1.0,
    "end": 2.6,
    "text": " cleared this note by dawn.",
    "tokens": [1, 2],
    "temperature": 0.0,
    "avg_logprob": float("nan"),
    "compression_ratio": 1.1,
    "no_speech_prob": 0.01,
    "words": WORDS,
}


def test_results_of_openai_whisper_keep_their_fields_and_times() -> None:
    result = {"text": SEGMENT["text"], "segments": [SEGMENT], "language": "en"}
    with replacing() as corrector:
        made = adapter("from_openai_whisper").corrected(corrector, result)
        empty: dict[str, Any] = {"text": "", "segments": [], "language": "en"}
        assert adapter("from_openai_whisper").corrected(corrector, empty) == empty
    assert made["text"] == made["segments"][0]["text"] == " cleared the snow by dawn."
    assert made["segments"][0]["tokens"] == [1, 2]
    words = [(word["word"], word["start"], word["end"]) for word in made["segments"][0]["words"]]
    assert words[1:3] == [(" the", 1.5, 1.7), (" snow", 1.7, 2.0)]


@pytest.mark.filterwarnings("ignore")
def test_openai_whisper_itself() -> None:
    whisper = pytest.importorskip("whisper", reason="openai-whisper is not installed: only its shape is tested")
    import numpy as np
    import torch

    torch.manual_seed(0)
    size = whisper.model.ModelDimensions(80, 1500, 16, 2, 1, 51865, 448, 16, 2, 1)
    options = {"temperature": 0.0, "fp16": False, "sample_len": 24, "logprob_threshold": None}
    samples = np.random.default_rng(0).normal(size=48_000).astype(np.float32) * 0.1
    model = whisper.model.Whisper(size)
    torch.nn.init.normal_(model.decoder.positional_embedding)
    result = model.transcribe(samples, language="en", word_timestamps=True, no_speech_threshold=None, **options)
    before = next(segment for segment in result["segments"] if segment["text"])
    with replacing(**{before["text"].strip(): "snow"}) as corrector:
        made = adapter("from_openai_whisper").corrected(corrector, result)
    after = made["segments"][result["segments"].index(before)]
    assert (after["text"].strip(), after["start"], after["tokens"]) == ("snow", before["start"], before["tokens"])
    assert {word["word"].strip() for word in after["words"]} == {"snow"}


def test_results_of_whisperx_keep_speakers_and_words_that_could_not_be_aligned() -> None:
    words = [
        {"word": "cleared", "start": 1.0, "end": 1.5, "score": 0.9, "speaker": "SPEAKER_01"},
        {"word": "this", "start": 1.5, "end": 1.7, "score": 0.4, "speaker": "SPEAKER_01"},
        {"word": "note", "start": 1.7, "end": 2.0, "score": 0.5, "speaker": "SPEAKER_01"},
        {"word": "2014."},
    ]
    segment = {
        "start": 1.0,
        "end": 2.6,
        "text": " cleared this note 2014.",
        "avg_logprob": -0.3,
        "words": words,
        "speaker": "SPEAKER_01",
    }
    other = {"start": 2.7, "end": 3.0, "text": " Thanks.", "words": [], "speaker": "SPEAKER_00"}
    result = {"segments": [segment, other], "word_segments": list(words)}
    with replacing() as corrector:
        made = adapter("from_whisperx").corrected(corrector, result)
        plain = {"segments": [{"text": " this note", "start": 0.0, "end": 1.0}], "language": "en"}
        assert adapter("from_whisperx").corrected(corrector, plain)["segments"][0]["text"] == " the snow"
    assert [s["text"] for s in made["segments"]] == [" cleared the snow 2014.", " Thanks."]
    assert made["segments"][1] == other
    assert made["word_segments"] == made["segments"][0]["words"]
    assert made["word_segments"] == [
        words[0],
        {"word": "the", "start": 1.5, "end": 1.7, "score": 0.4, "speaker": "SPEAKER_01"},
        {"word": "snow", "start": 1.7, "end": 2.0, "score": 0.5, "speaker": "SPEAKER_01"},
        words[3],
    ]


def test_segments_of_faster_whisper_stay_segments() -> None:
    from faster_whisper.transcribe import Segment
    from faster_whisper.transcribe import Word as Spoken

    bare = SEGMENT | {"words": None}
    segments = (Segment(**told) for told in (SEGMENT | {"words": [Spoken(**word) for word in WORDS]}, bare))  # type: ignore[arg-type]
    with replacing(**{"this note": "snow"}) as corrector:
        made, without = adapter("from_faster_whisper").corrected(corrector, segments)
    assert (type(made), made.text, made.start, made.end) == (Segment, " cleared snow by dawn.", 1.0, 2.6)
    assert [(type(w), w.word, w.start, w.end) for w in made.words][1:3] == [
        (Spoken, " snow", 1.5, 2.0),
        (Spoken, " by", 2.0, 2.2),
    ]
    assert (without.text, without.words) == (" cleared snow by dawn.", None)


@pytest.mark.slow
def test_faster_whisper_itself(whisper: FasterWhisper) -> None:
    segments, _ = whisper._whisper.transcribe(str(SNOW), language="en", word_timestamps=True)
    told = list(segments)
    with replacing(absent="x") as corrector:
        assert adapter("from_faster_whisper").corrected(corrector, told) == told
    with replacing(mayor="major") as corrector:
        made = adapter("from_faster_whisper").corrected(corrector, told)
    assert [segment.text for segment in made] == [segment.text.replace("mayor", "major") for segment in told]
    assert [(w.start, w.end) for s in made for w in s.words] == [(w.start, w.end) for s in told for w in s.words]
    assert " major" in [word.word for word in made[0].words]


# transformers


def test_chunks_of_transformers_keep_their_times_be_they_segments_or_words() -> None:
    corrected = adapter("from_transformers").corrected
    segments = {
        "text": " They cleared this note. By dawn.",
        "chunks": [
            {"timestamp": (0.0, 2.0), "text": " They cleared this note."},
            {"timestamp": (2.0, None), "text": " By dawn."},
        ],
    }
    words = {
        "text": "CLEARED THIS NOTE BY DAWN",
        "chunks": [
            {"text": word, "timestamp": (float(i), i + 0.5)}
            for i, word in enumerate(["CLEARED", "THIS", "NOTE", "BY", "DAWN"])
        ],
    }
    with replacing() as corrector:
        made = corrected(corrector, segments)
        assert corrected(corrector, {"text": "this note"}) == {"text": "the snow"}
        assert corrected(corrector, {"text": "", "chunks": []}) == {"text": "", "chunks": []}
    assert made == {
        "text": " They cleared the snow. By dawn.",
        "chunks": [
            {"timestamp": (0.0, 2.0), "text": " They cleared the snow."},
            {"timestamp": (2.0, None), "text": " By dawn."},
        ],
    }
    with replacing(**{"THIS NOTE": "SNOW"}) as corrector:
        made = corrected(corrector, words)
        assert made["text"] == "CLEARED SNOW BY DAWN"
        assert [(c["text"], c["timestamp"]) for c in made["chunks"]] == [
            ("CLEARED", (0.0, 0.5)),
            ("SNOW", (2.0, 2.5)),
            ("BY", (3.0, 3.5)),
            ("DAWN", (4.0, 4.5)),
        ]


def corrected_nothing(result: dict[str, Any]) -> Any:
    with replacing(absent="x") as corrector:
        return adapter("from_transformers").corrected(corrector, result)


@pytest.mark.slow
def test_a_pipeline_of_transformers_itself(tmp_path: Path) -> None:
    import numpy as np
    import torch
    from transformers import (
        Wav2Vec2Config,
        Wav2Vec2CTCTokenizer,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2ForCTC,
        pipeline,
    )

    letters = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ABCDEFGHIJ"]
    (tmp_path / "vocab.json").write_text(json.dumps({letter: i for i, letter in enumerate(letters)}))
    torch.manual_seed(1)
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    small = {"conv_dim": (16, 16), "conv_stride": (5, 64), "conv_kernel": (10, 64), "num_conv_pos_embedding_groups": 2}
    model = Wav2Vec2ForCTC(Wav2Vec2Config(vocab_size=len(letters), **size, **small, num_feat_extract_layers=2))
    model.lm_head.bias.data[1:4] = -100.0
    model.lm_head.bias.data[4] += 0.2
    recognize = pipeline(
        "automatic-speech-recognition",
        model=model.eval(),
        tokenizer=Wav2Vec2CTCTokenizer(str(tmp_path / "vocab.json")),
        feature_extractor=Wav2Vec2FeatureExtractor(),
    )
    samples = np.random.default_rng(0).normal(size=32_000).astype(np.float32)
    result = recognize({"raw": samples, "sampling_rate": 16_000}, return_timestamps="word")
    assert len(result["chunks"]) > 2
    word = result["chunks"][1]["text"]
    with replacing(**{f" {word} ": " snow "}) as corrector:
        made = adapter("from_transformers").corrected(corrector, result)
    assert made["chunks"][1] == result["chunks"][1] | {"text": "snow"}
    assert [chunk["timestamp"] for chunk in made["chunks"]] == [chunk["timestamp"] for chunk in result["chunks"]]
    assert corrected_nothing(result) == result
    assert made["text"].split() == [chunk["text"] for chunk in made["chunks"]]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_beams_of_a_whisper_of_transformers_itself(whisper_dir: Path) -> None:
    import numpy as np
    import torch
    from transformers import (
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperProcessor,
        WhisperTokenizerFast,
    )

    tokenizer = WhisperTokenizerFast(tokenizer_file=str(whisper_dir / "tokenizer.json"))
    tokenizer.set_prefix_tokens(language="en", task="transcribe", predict_timestamps=False)
    processor = WhisperProcessor(WhisperFeatureExtractor(), tokenizer)
    torch.manual_seed(0)
    layers = {"encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    model = WhisperForConditionalGeneration(WhisperConfig(vocab_size=51865, d_model=16, **layers, **heads)).eval()
    model.generation_config.max_length = 8
    samples = np.random.default_rng(0).normal(size=16_000).astype(np.float32)
    nbest = adapter("from_transformers").nbest(model, processor, samples, beams=3)
    scores = [hypothesis.score for hypothesis in nbest.hypotheses]
    assert len({hypothesis.text for hypothesis in nbest.hypotheses}) == 3
    assert scores == sorted(scores, reverse=True)


# Recognizers with lists


@pytest.mark.usefixtures("made")
def test_beams_of_pyctcdecode_are_lists_with_both_scores_and_times() -> None:
    state = object()
    beams = [
        ("change so", state, [("change", (0, 25)), ("so", (30, 40))], -1.0, -4.5),
        (
            "change sow the field",
            [("change", (0, 25)), ("sow", (30, 42)), ("the", (45, 50)), ("field", (51, 70))],
            -2,
            -5,
        ),
    ]
    nbest = adapter("from_pyctcdecode").nbest(beams, 0.02, id="call-1")
    assert [(h.text, h.score, h.acoustic_score, h.lm_score) for h in nbest.hypotheses] == [
        ("change so", -4.5, -1.0, None),
        ("change sow the field", -5.0, -2.0, None),
    ]
    with ger.Corrector.from_profile() as corrector:
        made = corrector.correct(nbest)
    assert (made.id, made.text, made.decision) == ("call-1", "change sow the field", "reranked")
    assert timed(made.words)[1:] == [("sow", 0.6, 0.84), ("the", 0.9, 1.0), ("field", 1.02, 1.4)]


def test_pyctcdecode_itself() -> None:
    pyctcdecode = pytest.importorskip("pyctcdecode", reason="pyctcdecode is not installed: only its shape is tested")
    import numpy as np

    decoder = pyctcdecode.build_ctcdecoder(["", " ", *"abcd"])
    logits = np.random.default_rng(0).normal(size=(40, 6)) * 3
    options = {"beam_prune_logp": -100, "prune_history": True}
    beams = decoder.decode_beams(logits, **options)
    nbest = adapter("from_pyctcdecode").nbest(beams, 0.02)
    best = nbest.best
    assert len({hypothesis.text for hypothesis in nbest.hypotheses}) > 3
    assert best.text == decoder.decode(logits, beam_prune_logp=-100)
    assert best.score == best.acoustic_score
    assert [word.text for word in best.words] == best.text.split()
    assert all(0 <= word.start < word.end <= 0.8 for word in best.words)
    (batch,) = decoder.decode_beams_batch(None, [logits], **options)
    assert adapter("from_pyctcdecode").nbest(batch, 0.02) == nbest


@dataclass
class NemoHypothesis:
    """The fields of NeMo's `Hypothesis` that count."""

    score: Any
    y_sequence: Any
    text: str
    timestamp: Any = field(default_factory=list)


@pytest.mark.usefixtures("made")
def test_hypotheses_of_nemo_are_lists_with_times() -> None:
    """What NeMo itself returns is tested in tests/engines/nemo."""
    kind = NemoHypothesis
    words = [
        {"word": "change", "start_offset": 0, "end_offset": 5},
        {"word": "so", "start_offset": 6, "end_offset": 10},
    ]
    best = kind(score=-1.5, y_sequence=[1], text="change so", timestamp={"timestep": [0, 6], "word": words})
    other = kind(score=-2.0, y_sequence=[2], text="change sow it")
    lists = adapter("from_nemo").lists([[best, other], best], ["a.wav", "b.wav"])
    assert [(len(nbest.hypotheses), nbest.audio) for nbest in lists] == [
        (2, AudioSpan("a.wav")),
        (1, AudioSpan("b.wav")),
    ]
    with ger.Corrector.from_profile() as corrector:
        several, one = corrector.batch(lists)
    assert (several.id, several.text, several.hypotheses[0].score) == ("a.wav", "change sow it", -1.5)
    assert timed(several.words)[0] == ("change", 0.0, 0.4)
    assert (several.words[1].start, round(several.words[2].end, 2)) == (0.48, 0.8)
    assert timed(one.words) == [("change", 0.0, 0.4), ("so", 0.48, 0.8)]


def vosk_result(*texts: str) -> str:
    """A result with alternatives, as Vosk writes it."""
    return json.dumps(
        {
            "alternatives": [
                {
                    "confidence": 344.2 - place / 10,
                    "result": [
                        {"end": i + 0.5, "start": float(i), "word": word} for i, word in enumerate(text.split(), 1)
                    ],
                    "text": f" {text}",
                }
                for place, text in enumerate(texts)
            ]
        },
        indent=2,
    )


@pytest.mark.usefixtures("made")
def test_results_of_vosk_come_back_with_the_better_alternative_in_front() -> None:
    results = [vosk_result("change so the field", "change sow the field"), vosk_result("plain")]
    with ger.Corrector.from_profile() as corrector:
        made = adapter("from_vosk").corrected(corrector, results)
        assert adapter("from_vosk").corrected(corrector, []) == []
    first = made[0]["alternatives"][0]
    assert first["text"].strip() == "change sow the field"
    assert first["result"][1] == {"end": 2.5, "start": 2.0, "word": "sow"}
    assert made[0]["alternatives"][1] == json.loads(results[0])["alternatives"][1]
    assert made[1] == json.loads(results[1])
    plain = json.dumps({"text": "this note", "result": [{"word": "this", "start": 0.0, "end": 0.2, "conf": 0.5}]})
    with replacing() as corrector:
        assert adapter("from_vosk").corrected(corrector, [plain])[0]["text"] == "the snow"


@pytest.mark.parametrize(
    ("tokens", "text", "words"),
    [
        (
            [" cl", "eared", " this", " note"],
            "cleared this note",
            ["cleared 10.0 10.5", "this 10.5 11.0", "note 11.0 11.5"],
        ),
        (["▁cl", "eared", "▁this", "▁note"], "This note.", ["This 10.5 11.0", "note. 11.0 11.5"]),
        (
            ["我", "们", " this", " note"],
            "我们 this note",
            ["我 10.0 10.2", "们 10.2 10.5", "this 10.5 11.0", "note 11.0 11.5"],
        ),
        ([], "cleared this note", ["cleared None None", "this None None", "note None None"]),
    ],
)
def test_tokens_of_sherpa_onnx_become_words_with_times(tokens: list[str], text: str, words: list[str]) -> None:
    times = [0.0, 0.2, 0.5, 1.0][: len(tokens)]
    result = SimpleNamespace(text=f" {text}", tokens=tokens, timestamps=times, durations=[], ys_log_probs=[])
    nbest = adapter("from_sherpa_onnx").nbest(result, AudioSpan("talk.wav", 10.0, 11.5), id="talk-1")
    assert (nbest.id, nbest.best.text, nbest.best.score) == ("talk-1", text, None)
    assert [f"{word} {start} {end}" for word, start, end in timed(nbest.best.words)] == words
    with replacing(note="snow") as corrector:
        made = corrector.correct(nbest)
    assert (made.text, made.audio) == (text.replace("note", "snow"), nbest.audio)
    assert timed(made.words)[-1][1:] == timed(nbest.best.words)[-1][1:]


def test_sherpa_onnx_itself(tmp_path: Path) -> None:
    reason = "sherpa-onnx and onnx are not installed: only the shape of its results is tested"
    sherpa_onnx = pytest.importorskip("sherpa_onnx", reason=reason)
    pytest.importorskip("onnx", reason=reason)
    import numpy as np

    tokens = ["▁snow", "▁the", "s", "▁a", "▁this", "ed", "▁note", "<blk>"]
    (tmp_path / "tokens.txt").write_text("".join(f"{token} {i}\n" for i, token in enumerate(tokens)))
    write_ctc(tmp_path / "model.onnx", len(tokens))
    recognizer = sherpa_onnx.OfflineRecognizer.from_nemo_ctc(
        model=str(tmp_path / "model.onnx"), tokens=str(tmp_path / "tokens.txt")
    )
    stream = recognizer.create_stream()
    stream.accept_waveform(16_000, np.random.default_rng(0).normal(size=8_000).astype(np.float32) * 0.1)
    recognizer.decode_stream(stream)
    nbest = adapter("from_sherpa_onnx").nbest(stream.result, AudioSpan("a.wav", 1.0, 1.5))
    assert nbest.best.text == stream.result.text.strip()
    assert [word.text for word in nbest.best.words] == nbest.best.text.split()
    assert len(nbest.best.words) > 1
    assert all(1.0 <= word.start <= word.end <= 1.5 for word in nbest.best.words)


def write_ctc(path: Path, tokens: int) -> None:
    """A CTC model of one layer with random weights, as sherpa-onnx reads NeMo's."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = np.random.default_rng(0).normal(size=(1, 80, tokens)).astype(np.float32)
    nodes = [
        helper.make_node("Transpose", ["audio_signal"], ["frames"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["frames", "weights"], ["logits"]),
        helper.make_node("LogSoftmax", ["logits"], ["logprobs"], axis=2),
    ]
    inputs = [
        helper.make_tensor_value_info("audio_signal", TensorProto.FLOAT, ["N", 80, "T"]),
        helper.make_tensor_value_info("length", TensorProto.INT64, ["N"]),
    ]
    outputs = [helper.make_tensor_value_info("logprobs", TensorProto.FLOAT, ["N", "T", tokens])]
    graph = helper.make_graph(nodes, "ctc", inputs, outputs, [numpy_helper.from_array(weights, "weights")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    told = {"vocab_size": str(tokens - 1), "normalize_type": "per_feature", "subsampling_factor": "1"}
    helper.set_model_props(model, told)
    onnx.save(model, str(path))


# Functions and commands


@pytest.mark.usefixtures("made")
def test_what_functions_hear_is_a_list() -> None:
    heard = {"change.wav": ["change so the field\n", "change sow the field"]}
    recognizers = [lambda path, i=i: heard[path][i] for i in range(2)]
    with ger.Corrector.from_profile(weight=0.5) as corrector:
        made = adapter("from_functions").corrected(corrector, "change.wav", *recognizers)
        alone = adapter("from_functions").corrected(corrector, "change.wav", recognizers[0])
    assert (made.text, made.audio) == ("change sow the field", AudioSpan("change.wav"))
    assert (alone.text, alone.decision) == ("change so the field", "kept")


@pytest.mark.usefixtures("made")
def test_what_commands_print_is_corrected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "talk 1.txt").write_text("change so the field\n")
    same = f"{sys.executable} -c 'import sys; print(open(sys.argv[1]).read())'"
    adapter("from_functions").main(str(tmp_path / "talk 1.txt"), "cat", same)
    assert capsys.readouterr().out == "change so the field\n"
