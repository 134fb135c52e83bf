"""The NeMo front end on tiny models of every kind: promises of lists, exact scores, batches, hotwords, errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from conftest import MAKE

from asr_frontends.nemo import Nemo
from ger import registry
from ger.conformance import check_frontend, speech
from ger.errors import ModelError, UsageError
from ger.io.audio import decode
from ger.protocols import AsrFrontend, FrontendOptions
from ger.text.normalize import normalize
from ger.types import AudioSegment, AudioSpan, NBest

AUDIO = Path(__file__).parents[3] / "examples" / "audio"
KINDS = tuple(MAKE)
Load = Callable[..., Nemo]
Samples = npt.NDArray[np.float32]


def segment(samples: Samples, name: str = "a", start: float = 0.0, language: str | None = None) -> AudioSegment:
    span = AudioSpan(f"{name}.wav", start, start + len(samples) / 16_000)
    return AudioSegment(name, span, samples.astype(np.float32), language)


def clip(name: str, seconds: float) -> Samples:
    return np.concatenate(list(decode(AUDIO / f"{name}.flac")))[: int(16_000 * seconds)]


SPOKEN = (clip("02-toll", 3.0), clip("10-snow", 1.7), clip("09-cache", 0.9))


def segments() -> list[AudioSegment]:
    return [segment(samples, f"s{i}", 10.0 * i) for i, samples in enumerate(SPOKEN)]


def found_by(
    frontend: Nemo, heard: AudioSegment, monkeypatch: pytest.MonkeyPatch
) -> tuple[NBest, list[tuple[int, ...]]]:
    """The list of a segment, and all token sequences that the searches found."""
    family: Any = frontend._family
    search, seen = family.search, []

    def spy(batch: Any) -> Any:
        seen.extend(search(batch))
        return seen

    with monkeypatch.context() as patch:
        patch.setattr(family, "search", spy)
        (nbest,) = frontend.recognize([heard])
    return nbest, list(dict.fromkeys([*seen[0].plain, *seen[0].boosted]))


@pytest.mark.parametrize("hotwords", [(), ("the snow", "router")], ids=["plain", "hotwords"])
@pytest.mark.parametrize("kind", KINDS)
def test_lists_keep_the_promises(kind: str, hotwords: tuple[str, ...], load: Load) -> None:
    frontend = load(kind, nbest=4, hotwords=hotwords)
    assert isinstance(frontend, AsrFrontend)
    lists = frontend.recognize(segments())
    assert [nbest.id for nbest in lists] == ["s0", "s1", "s2"]
    # Canary's leave out texts that say one word again and again, and random weights make many of those.
    assert sum(len(nbest.hypotheses) for nbest in lists) > (2 if kind == "canary" else 6)
    for nbest in lists:
        scores = [hypothesis.score for hypothesis in nbest.hypotheses]
        assert len(scores) <= 4
        assert all(before > after for before, after in pairwise([0.0, *scores]))
        assert [hypothesis.acoustic_score for hypothesis in nbest.hypotheses] == scores
        texts = [normalize(hypothesis.text) for hypothesis in nbest.hypotheses]
        assert len(set(texts)) == len(texts)
        assert all(texts)


@pytest.mark.parametrize("hotwords", [(), ("the snow",)], ids=["plain", "hotwords"])
@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_another_computation(
    kind: str, hotwords: tuple[str, ...], load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    frontend = load(kind, nbest=4, hotwords=hotwords)
    for heard in segments():
        nbest, texts = found_by(frontend, heard, monkeypatch)
        totals: dict[str, float] = {}
        for tokens, score in zip(texts, REFERENCES[kind](frontend._model, heard.samples, texts), strict=True):
            text = normalize(frontend._family.decode(tokens))
            totals[text] = float(np.logaddexp(totals.get(text, -np.inf), score))
        told = {normalize(hypothesis.text): hypothesis.score for hypothesis in nbest.hypotheses}
        assert told == pytest.approx({text: totals[text] for text in told}, abs=1e-3)


def outputs(model: Any, samples: Samples) -> tuple[Any, ...]:
    with torch.inference_mode():
        return model.forward(
            input_signal=torch.from_numpy(samples)[None], input_signal_length=torch.tensor([len(samples)])
        )


def ctc_scores(model: Any, samples: Samples, texts: Sequence[tuple[int, ...]]) -> list[float]:
    """By torch's own CTC loss."""
    logp, frames, _ = outputs(model, samples)
    return [
        -float(
            torch.nn.functional.ctc_loss(
                logp.transpose(0, 1).double(), torch.tensor([text]), frames, torch.tensor([len(text)]),
                blank=logp.shape[-1] - 1, reduction="sum",
            )
        )
        for text in texts
    ]  # fmt: skip


def transducer_scores(model: Any, samples: Samples, texts: Sequence[tuple[int, ...]]) -> list[float]:
    """A loop over the places of the grid, in the order of the equations."""
    durations = list(model.cfg.model_defaults.get("tdt_durations") or ())
    states, frames = outputs(model, samples)
    with torch.inference_mode():
        return [grid_score(model, states[:, :, : int(frames)], text, durations) for text in texts]


def grid_score(model: Any, states: Any, text: tuple[int, ...], durations: list[int]) -> float:
    predicted, *_ = model.decoder(
        targets=torch.tensor([text], dtype=torch.long), target_length=torch.tensor([len(text)])
    )
    output = model.joint(encoder_outputs=states, decoder_outputs=predicted)[0].double()
    symbols = output.shape[-1] - len(durations)
    logp = output[..., :symbols].log_softmax(-1).numpy()
    steps = output[..., symbols:].log_softmax(-1).numpy()
    frames, places, blank = len(logp), len(text) + 1, symbols - 1
    alpha = np.full((frames + 1, places), -np.inf)
    alpha[0, 0] = 0.0
    for t in range(frames + 1):
        for u in range(places):
            for i, step in enumerate(durations or [1]):
                if 0 < step <= t:
                    arc = logp[t - step, u, blank] + (steps[t - step, u, i] if durations else 0.0)
                    alpha[t, u] = np.logaddexp(alpha[t, u], alpha[t - step, u] + arc)
            for i, step in enumerate(durations or [0]):
                if u and step <= t < frames:
                    arc = logp[t - step, u - 1, text[u - 1]] + (steps[t - step, u - 1, i] if durations else 0.0)
                    alpha[t, u] = np.logaddexp(alpha[t, u], alpha[t - step, u - 1] + arc)
    return float(alpha[frames, places - 1])


def canary_scores(model: Any, samples: Samples, texts: Sequence[tuple[int, ...]]) -> list[float]:
    """Teacher forcing by the model's own forward pass, one text at a time."""
    prompt = [model.tokenizer.special_tokens[f"<|{name}|>"] for name in PROMPT]
    totals = []
    for text in texts:
        ids = torch.tensor([[*prompt, *text, model.tokenizer.eos_id]])
        with torch.inference_mode():
            logp, *_ = model.forward(
                input_signal=torch.from_numpy(samples)[None],
                input_signal_length=torch.tensor([len(samples)]),
                transcript=ids[:, :-1],
                transcript_length=torch.tensor([ids.shape[1] - 1]),
            )
        each = logp[0].double().gather(1, ids[0, 1:, None])[:, 0]
        totals.append(float(each[len(prompt) - 1 :].sum()))
    return totals


PROMPT = ("startoftranscript", "en", "transcribe", "en", "nopnc")
REFERENCES: dict[str, Callable[[Any, Samples, Sequence[tuple[int, ...]]], list[float]]] = {
    "ctc": ctc_scores,
    "rnnt": transducer_scores,
    "tdt": transducer_scores,
    "canary": canary_scores,
}


def test_transducer_scores_are_nemos_own_loss(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    from nemo.collections.asr.losses.rnnt_pytorch import RNNTLossPytorch

    frontend = load("rnnt", nbest=4)
    model, heard = frontend._model, segments()[1]
    _, texts = found_by(frontend, heard, monkeypatch)
    texts = [text for text in texts if text]
    (encoded,) = frontend._encode([frontend._job(heard)])
    states, frames = outputs(model, heard.samples)
    with torch.inference_mode():
        for text, score in zip(texts, frontend._family.scores(encoded, texts), strict=True):
            labels, count = torch.tensor([text]), torch.tensor([len(text)])
            predicted, *_ = model.decoder(targets=labels, target_length=count)
            joint = model.joint(encoder_outputs=states, decoder_outputs=predicted)
            loss = RNNTLossPytorch(blank=model.joint.num_classes_with_blank - 1, reduction="sum")
            assert score == pytest.approx(
                -float(loss(acts=joint, labels=labels, act_lens=frames, label_lens=count)), abs=1e-3
            )


def test_a_hybrid_is_searched_as_a_transducer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tiny

    tiny.transducer(tmp_path, tiny.DURATIONS, hybrid=True).save_to(str(tmp_path / "hybrid.nemo"))
    frontend = Nemo(FrontendOptions(model=str(tmp_path / "hybrid.nemo"), nbest=3, beam_size=4, device="cpu"))
    nbest, texts = found_by(frontend, segments()[2], monkeypatch)
    scores = dict(zip(texts, transducer_scores(frontend._model, SPOKEN[2], texts), strict=True))
    alike = [scores[tokens] for tokens in texts if frontend._family.decode(tokens).strip() == nbest.best.text]
    assert nbest.best.score == pytest.approx(float(np.logaddexp.reduce(alike)), abs=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_does_not_depend_on_its_batch(kind: str, load: Load) -> None:
    frontend = load(kind, nbest=4, hotwords=("router",))
    together = frontend.recognize(segments())
    for heard, nbest in zip(segments(), together, strict=True):
        (alone,) = frontend.recognize([heard])
        assert [h.text for h in alone.hypotheses] == [h.text for h in nbest.hypotheses]
        assert [h.score for h in alone.hypotheses] == pytest.approx([h.score for h in nbest.hypotheses], abs=1e-3)
        assert alone.best.words == nbest.best.words


def test_nemos_search_with_attention_depends_on_the_batch(load: Load) -> None:
    """Else recordings could be searched together."""
    frontend = load("canary", nbest=4)
    family: Any = frontend._family
    encoded = frontend._encode([frontend._job(heard) for heard in segments()[:2]])
    states = torch.nn.utils.rnn.pad_sequence([heard.states for heard in encoded], True)
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones(len(heard.states)) for heard in encoded], True)
    prompts = torch.tensor([family._prompt("en")] * 2)
    together = family._search.decoding.decode_predictions_tensor(states, mask, prompts, return_hypotheses=True)
    frontend._model.eval()
    alone = family.search(encoded)[1].plain
    assert [tuple(h.y_sequence.tolist()) for h in together[1]][: len(alone)] != alone


@pytest.mark.parametrize("kind", KINDS)
def test_hotwords_are_found_and_the_most_probable_text_stays(
    kind: str, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    hotwords, totals = ("the", "toll", "ben"), np.zeros(4)
    for heard in segments():
        plain, texts = found_by(load(kind, nbest=8), heard, monkeypatch)
        boosted, more = found_by(load(kind, nbest=8, hotwords=hotwords), heard, monkeypatch)
        assert boosted.best.score >= plain.best.score - 1e-3
        decode = load(kind, nbest=8)._family.decode
        lists = [[hypothesis.text for hypothesis in nbest.hypotheses] for nbest in (plain, boosted)]
        totals += [said(hotwords, told) for told in (*lists, map(decode, texts), map(decode, more))]
    assert totals[3] > totals[2]
    if kind != "canary":  # whose lists leave out texts that say one word again and again
        assert totals[1] > totals[0]


def said(words: Sequence[str], texts: Iterable[str]) -> int:
    """How often words are written."""
    return sum(text.count(word) for text in texts for word in words)


@pytest.mark.parametrize("kind", ["ctc", "rnnt", "tdt"])
def test_words_have_times_in_the_recording(kind: str, load: Load) -> None:
    heard = segments()[2]
    (nbest,) = load(kind, nbest=4).recognize([heard])
    words = nbest.best.words
    assert " ".join(word.text for word in words) == nbest.best.text
    assert all(20.0 <= word.start < word.end <= 20.9 for word in words)
    assert all(before.end <= after.start for before, after in pairwise(words))
    assert all(not hypothesis.words for hypothesis in nbest.hypotheses[1:])


def test_canary_has_times_from_the_model_that_comes_along(load: Load, files: dict[str, Path]) -> None:
    from nemo.collections.asr.models import ASRModel

    frontend = load("canary", nbest=3)
    heard = segments()[0]
    (without,) = frontend.recognize([heard])
    assert without.best.words == ()
    aligner = ASRModel.restore_from(str(files["ctc"]), map_location="cpu").eval()
    object.__setattr__(frontend._model, "timestamps_asr_model", aligner)
    try:
        (timed,) = frontend.recognize([heard])
    finally:
        object.__setattr__(frontend._model, "timestamps_asr_model", None)
    assert [h.score for h in timed.hypotheses] == pytest.approx([h.score for h in without.hypotheses])
    assert " ".join(word.text for word in timed.best.words) == timed.best.text
    assert all(0.0 <= word.start < word.end <= 3.0 for word in timed.best.words)


@pytest.mark.parametrize("kind", KINDS)
def test_silence_and_very_short_audio(kind: str, load: Load) -> None:
    silence = segment(np.zeros(16_000, dtype=np.float32), "silence")
    short = [segment(SPOKEN[0][8000 : 8000 + count], f"{count}") for count in (1, 100, 500)]
    lists = load(kind, nbest=4).recognize([silence, *short, segment(np.zeros(0, dtype=np.float32), "nothing")])
    assert lists[0].hypotheses == lists[-1].hypotheses == ()
    assert all(math.isfinite(h.score or 0.0) for nbest in lists for h in nbest.hypotheses)


def test_no_segments(load: Load) -> None:
    assert load("ctc", nbest=4).recognize([]) == []


def test_by_name_and_from_a_folder(files: dict[str, Path], tmp_path: Path, load: Load) -> None:
    (tmp_path / "any.nemo").symlink_to(files["ctc"])
    options = FrontendOptions(model=str(tmp_path), nbest=4, beam_size=12, device="cpu", batch_size=2, threads=1)
    frontend = registry.load("frontends", "nemo")(options)
    for nbest, other in zip(frontend.recognize(segments()), load("ctc", nbest=4).recognize(segments()), strict=True):
        assert [h.text for h in nbest.hypotheses] == [h.text for h in other.hypotheses]
        assert nbest.best.score == pytest.approx(other.best.score, abs=1e-3)
    assert frontend.signature.startswith("nemo:any.nemo@")
    assert frontend.signature.endswith(",float32,beam=12,nbest=4,task=transcribe,language=auto")


def test_half_precision(files: dict[str, Path], load: Load) -> None:
    options = FrontendOptions(model=str(files["ctc"]), nbest=4, beam_size=12, device="cpu", compute_type="bfloat16")
    (nbest,) = Nemo(options).recognize(segments()[:1])
    (precise,) = load("ctc", nbest=4).recognize(segments()[:1])
    assert nbest.best.score == pytest.approx(precise.best.score, rel=0.05)
    assert nbest.best.score != precise.best.score


def test_canary_is_told_the_language_and_the_task(load: Load) -> None:
    def prompt(frontend: Nemo, language: str | None) -> list[int]:
        family: Any = frontend._family
        return family._prompt(family.language(language))

    special = load("canary", nbest=4)._model.tokenizer.special_tokens
    assert prompt(load("canary", nbest=4), None) == [special[f"<|{name}|>"] for name in PROMPT]
    told = ("startoftranscript", "de", "translate", "en", "nopnc")
    assert prompt(load("canary", nbest=4, task="translate"), "de") == [special[f"<|{name}|>"] for name in told]
    (nbest,) = load("canary", nbest=4).recognize([segment(SPOKEN[0], language="de")])
    assert nbest.language == "de"


class TestErrors:
    """One sentence each, before anything is recognized."""

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"model": ""}, UsageError, "nemo has no model of its own. Name a .nemo file"),
            ({"model": "nowhere/none.nemo"}, ModelError, "There is no file nowhere/none.nemo"),
            ({"device": "cuda"}, UsageError, "No CUDA device was found. Use --device cpu."),
            ({"compute_type": "int8"}, UsageError, "The precision 'int8' is not known to NeMo."),
            ({"task": "translate"}, UsageError, "EncDecCTCModelBPE cannot translate. Use Canary."),
        ],
    )
    def test_options(self, options: Any, error: type[Exception], message: str, files: dict[str, Path]) -> None:
        if options.get("device") == "cuda" and torch.cuda.is_available():
            pytest.skip("there is a CUDA device")
        with pytest.raises(error, match=message):
            Nemo(FrontendOptions(**{"model": str(files["ctc"]), "device": "cpu"} | options))

    def test_a_file_that_is_no_model(self, tmp_path: Path) -> None:
        (tmp_path / "text.nemo").write_text("so", encoding="utf-8")
        with pytest.raises(
            ModelError, match=r"text\.nemo: the recognizer cannot be loaded: .* A \.nemo file is needed"
        ):
            Nemo(FrontendOptions(model=str(tmp_path / "text.nemo"), device="cpu"))

    def test_a_folder_of_several(self, files: dict[str, Path]) -> None:
        with pytest.raises(ModelError, match=r"holds 4 \.nemo files\. Give the path of one file"):
            Nemo(FrontendOptions(model=str(files["ctc"].parent), device="cpu"))

    def test_offline(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("GER_OFFLINE", "1")
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
        with pytest.raises(ModelError, match=r"example/none is not in the cache, .* name the file"):
            Nemo(FrontendOptions(model="example/none", device="cpu"))

    def test_models_that_give_no_lists(self, tmp_path: Path) -> None:
        import tiny
        from omegaconf import open_dict

        model = tiny.transducer(tmp_path)
        with open_dict(model.cfg.decoding):
            model.cfg.decoding.big_blank_durations = [2]
        from asr_frontends.nemo_families import family_of

        with pytest.raises(ModelError, match="Multi-blank transducers have no batched search"):
            family_of(model, 4, FrontendOptions())
        with pytest.raises(ModelError, match="A model of the type Linear gives no lists"):
            family_of(torch.nn.Linear(1, 1), 4, FrontendOptions())

    def test_too_long(self, load: Load) -> None:
        long = segment(np.ones(16_000 * 41, dtype=np.float32), "long")
        with pytest.raises(ModelError, match=r"long: 41\.0 s are more than the 40 s that canary\.nemo.* hears at once"):
            load("canary", nbest=4).recognize([long])

    def test_languages(self, load: Load) -> None:
        with pytest.raises(UsageError, match=r"does not know the language 'fr'\. Known: de, en\."):
            load("canary", nbest=4).recognize([segment(SPOKEN[0], language="fr")])


@pytest.mark.parametrize("kind", ["ctc", "rnnt", "tdt"])
def test_it_keeps_the_promises_of_a_front_end(kind: str, load: Load) -> None:
    outcomes = {outcome.check: outcome for outcome in check_frontend(load(kind, nbest=3), speech(), nbest=3)}
    assert not [outcome for outcome in outcomes.values() if outcome.state == "failed"]
    assert outcomes["batch-is-single"].state == outcomes["silence"].state == "ok"
