"""Lists from log-posteriors, beside all alignments of all texts one by one."""

from __future__ import annotations

import itertools
import math
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from asr_frontends import lattice_search
from asr_frontends.ctc import align
from asr_frontends.lattice import LatticeASR
from asr_frontends.lattice_grammar import Hotwords, NGrams, Tokens, letters, read_lexicon, spelled
from asr_frontends.lattice_search import Beams, build, kaldi_search
from asr_frontends.posteriors import Posteriors, Saved, Symbols
from ger.conformance import check_frontend, speech
from ger.errors import DependencyError, ModelError, UsageError
from ger.io.lattice import best
from ger.lm.ngram import NGramModel, train
from ger.protocols import AsrFrontend, FrontendOptions
from ger.types import AudioSegment, AudioSpan, Context, NBest

pytest.importorskip("kaldi_decoder")

Frames = npt.NDArray[np.float64]

LETTERS = Symbols(("<pad>", "|", "a", "b"), 0)
SENTENCES = [["ab", "a"], ["ab", "b"], ["a", "b", "ab"], ["ba"], ["ab", "a"]]
STEP = 0.02


def random_logp(seed: int, frames: int, symbols: int, sharp: float = 1.5) -> Frames:
    values = np.random.default_rng(seed).normal(size=(frames, symbols)) * sharp
    return values - np.log(np.exp(values).sum(axis=1, keepdims=True))


def all_alignments(logp: Frames, blank: int = 0) -> dict[tuple[int, ...], tuple[float, float]]:
    """For each token sequence the probability of all its alignments and that of the best one, by writing all down."""
    found: dict[tuple[int, ...], tuple[float, float]] = {}
    for labels in itertools.product(range(logp.shape[1]), repeat=len(logp)):
        tokens = tuple(label for label, _ in itertools.groupby(labels) if label != blank)
        p = math.exp(sum(logp[t, label] for t, label in enumerate(labels)))
        total, top = found.get(tokens, (0.0, 0.0))
        found[tokens] = (total + p, max(top, p))
    return found


def segment(name: str, frames: int, start: float = 0.0, hotwords: tuple[str, ...] = ()) -> AudioSegment:
    samples = np.zeros(round(frames * STEP * 16_000), dtype=np.float32)
    span = AudioSpan(f"{name}.flac", start, start + frames * STEP)
    return AudioSegment(f"{name}/{start}", span, samples, context=Context(hotwords=hotwords))


@dataclass
class Given:
    """Log-posteriors by name of the recording."""

    frames: dict[str, Frames]
    symbols: Symbols = LETTERS
    signature: str = "given"

    def posteriors(self, segments: Sequence[AudioSegment]) -> list[tuple[Frames, float]]:
        return [(self.frames[Path(s.span.path).stem], STEP) for s in segments]


def wide(**settings: Any) -> str:
    rows = {"beam": 200.0, "lattice_beam": 200.0} | settings
    return "\n".join(f"{key} = {value!r}" for key, value in rows.items()) + "\n"


def front_end(
    folder: Path, given: Given, nbest: int = 5, hotwords: tuple[str, ...] = (), **settings: Any
) -> LatticeASR:
    (folder / "lattice.toml").write_text(wide(**settings))
    return LatticeASR(FrontendOptions(model=str(folder), nbest=nbest, hotwords=hotwords), given)


@pytest.fixture(scope="module")
def language() -> NGramModel:
    return train(SENTENCES, 3)


def words_of(tokens: tuple[int, ...], lexicon: dict[str, tuple[int, ...]]) -> str | None:
    """The one text that some tokens spell with a delimiter between words; `None` where a word is not listed."""
    text = "".join(LETTERS.tokens[token] for token in tokens)
    return text.replace("|", " ") if text == "" or all(word in lexicon for word in text.split("|")) else None


def framed(tokens: tuple[int, ...]) -> tuple[int, ...] | None:
    """Without a delimiter at either end; `None` where there are several in a row."""
    if any(a == b == 1 for a, b in pairwise(tokens)):
        return None
    return tokens[tokens[:1] == (1,) : len(tokens) - (tokens[-1:] == (1,) and len(tokens) > 1)]


# Decoding graphs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_a_lattice_of_tokens_has_the_best_alignments(seed: int) -> None:
    logp = random_logp(seed, 5, 3)
    graph = build(Tokens([1, 2], Hotwords([], 0.0)), 0)
    lattice = kaldi_search(graph, Beams(beam=200.0, lattice=200.0))(logp)
    found = {tuple(map(int, path.text.split())): path for path in best(lattice, 1000)}
    truth = all_alignments(logp)
    assert found.keys() == truth.keys()
    for tokens, path in found.items():
        assert path.acoustic == pytest.approx(math.log(truth[tokens][1]), abs=1e-3)
        assert path.lm == 0.0
    assert [p.acoustic for p in found.values()] == sorted((p.acoustic for p in found.values()), reverse=True)


@pytest.mark.parametrize("scale", [0.5, 1.0])
def test_a_lattice_of_words_keeps_both_scores_apart(language: NGramModel, scale: float) -> None:
    logp = random_logp(3, 6, 4)
    lexicon = spelled(language.words(), LETTERS.tokens, LETTERS.delimiter)
    graph = build(NGrams(language, lexicon, Hotwords([], 0.0), 1), 0)
    lattice = kaldi_search(graph, Beams(scale, 200.0, 200.0))(logp)
    single = {word: spellings[0] for word, spellings in lexicon.items()}
    truth = {}
    for tokens, (_, top) in all_alignments(logp).items():
        if (text := words_of(tokens, single)) is not None:
            truth[text] = math.log(top), language.score(text.split())
    found = {path.text: path for path in best(lattice, 1000, scale)}
    assert found.keys() == truth.keys()
    for text, path in found.items():
        assert path.acoustic == pytest.approx(truth[text][0], abs=2e-3)
        # A path may back off although the n-gram is there, which only this kind of smoothing makes dearer.
        assert path.lm == pytest.approx(truth[text][1], abs=2e-3) or path.lm > truth[text][1]
    assert sum(path.lm == pytest.approx(truth[text][1], abs=2e-3) for text, path in found.items()) > len(found) / 2


def test_paths_without_empty_arcs_are_the_same(language: NGramModel) -> None:
    logp = random_logp(4, 6, 4)
    lexicon = spelled(language.words(), LETTERS.tokens, LETTERS.delimiter)
    graph = build(NGrams(language, lexicon, Hotwords([], 0.0), 1), 0)
    plain = graph.without_empty()
    assert any(arc[2] is None for arc in graph.arcs)
    assert not any(arc[2] is None for arc in plain.arcs)
    beams = Beams(beam=200.0, lattice=200.0)
    one, other = (best(kaldi_search(g, beams)(logp), 50) for g in (graph, plain))
    assert [path.text for path in one] == [path.text for path in other]
    assert [path.lm for path in one] == pytest.approx([path.lm for path in other], abs=1e-3)


def test_graphs_have_a_limit(language: NGramModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lattice_search, "_MOST_STATES", 20)
    lexicon = spelled(language.words(), LETTERS.tokens, LETTERS.delimiter)
    with pytest.raises(UsageError, match="more than 20 states"):
        build(NGrams(language, lexicon, Hotwords([], 0.0), 1), 0)


# The front end -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_scores_are_sums_over_all_alignments(tmp_path: Path, seed: int) -> None:
    logp = random_logp(seed, 6, 4)
    (nbest,) = front_end(tmp_path, Given({"a": logp}), nbest=200).recognize([segment("a", 6)])
    truth: Counter[str] = Counter()
    for tokens, (total, _) in all_alignments(logp).items():
        if framed(tokens) is not None:
            truth[LETTERS.text(tokens)] += total
    ranked = [(text, math.log(p)) for text, p in truth.most_common()]
    if not ranked[0][0]:
        assert nbest.hypotheses == ()
        return
    assert_list(nbest)
    said = [(text, score) for text, score in ranked if text]
    assert [h.text for h in nbest.hypotheses][:10] == [text for text, _ in said][:10]
    for hypothesis, (_, score) in zip(nbest.hypotheses, said[:10], strict=False):
        assert hypothesis.score == hypothesis.acoustic_score == pytest.approx(score, abs=1e-6)
        assert hypothesis.lm_score is None


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_words_have_both_scores(tmp_path: Path, language: NGramModel, scale: float) -> None:
    language.write(tmp_path / "words.arpa")
    read = NGramModel.read(tmp_path / "words.arpa")
    logp = random_logp(5, 7, 4)
    made = front_end(tmp_path, Given({"a": logp}), nbest=8, lm="words.arpa", acoustic_scale=scale)
    (nbest,) = made.recognize([segment("a", 7)])
    assert_list(nbest)
    lexicon = {word: ways[0] for word, ways in spelled(language.words(), LETTERS.tokens, 1).items()}
    totals: Counter[str] = Counter()
    for tokens, (total, _) in all_alignments(logp).items():
        if (plain := framed(tokens)) is not None and (text := words_of(plain, lexicon)) is not None:
            totals[text] += total
    truth = {text: (math.log(total), read.score(text.split())) for text, total in totals.items()}
    assert len(nbest.hypotheses) == min(8, len(truth) - 1)
    for hypothesis in nbest.hypotheses:
        assert (hypothesis.acoustic_score, hypothesis.lm_score) == pytest.approx(truth[hypothesis.text], abs=1e-6)
        assert hypothesis.acoustic_score is not None
        assert hypothesis.lm_score is not None
        assert hypothesis.score == pytest.approx(scale * hypothesis.acoustic_score + hypothesis.lm_score)
    top = max((scale * a + b, text) for text, (a, b) in truth.items() if text)
    assert (nbest.best.score, nbest.best.text) == (pytest.approx(top[0]), top[1])


def test_spellings_of_a_word_add_up(tmp_path: Path) -> None:
    train([["x"], ["x"], ["y"]], 2).write(tmp_path / "words.arpa")
    (tmp_path / "lexicon.txt").write_text("x a\nx b a\n\ny b\n")
    logp = random_logp(1, 5, 4)
    (nbest,) = front_end(tmp_path, Given({"a": logp}), lm="words.arpa", lexicon="lexicon.txt").recognize(
        [segment("a", 5)]
    )
    truth = all_alignments(logp)
    found = {h.text: h.acoustic_score for h in nbest.hypotheses}
    assert found["x"] == pytest.approx(math.log(truth[(2,)][0] + truth[(3, 2)][0]), abs=1e-6)
    assert found["y"] == pytest.approx(math.log(truth[(3,)][0]), abs=1e-6)


def assert_list(nbest: NBest) -> None:
    scores = [hypothesis.score or 0.0 for hypothesis in nbest.hypotheses]
    assert scores
    assert all(before > after for before, after in pairwise(scores))
    assert len({hypothesis.text for hypothesis in nbest.hypotheses}) == len(scores)


def test_words_have_the_times_of_the_best_alignment(tmp_path: Path) -> None:
    logp = np.full((10, 4), math.log(0.01))
    for frame, symbol in enumerate([0, 2, 2, 0, 1, 0, 3, 0, 2, 0]):
        logp[frame, symbol] = math.log(0.97)
    (nbest,) = front_end(tmp_path, Given({"a": logp})).recognize([segment("a", 10, start=5.0)])
    assert nbest.best.text == "a ba"
    assert [(w.text, w.start, w.end) for w in nbest.best.words] == [("a", 5.02, 5.06), ("ba", 5.12, 5.18)]
    assert align(logp, [2, 1, 3, 2])[0] == (1, 3)


def test_silence_is_an_empty_list(tmp_path: Path) -> None:
    silent = np.log(np.array([[0.97, 0.01, 0.01, 0.01]] * 8))
    made = front_end(tmp_path, Given({"a": silent, "b": silent[:0]}))
    lists = made.recognize([segment("a", 8), segment("b", 0), segment("b", 1)])
    assert [nbest.hypotheses for nbest in lists] == [(), (), ()]


def test_a_segment_alone_gets_the_list_that_it_gets_among_others(tmp_path: Path, language: NGramModel) -> None:
    language.write(tmp_path / "words.arpa")
    made = front_end(tmp_path, Given({name: random_logp(i, 9, 4) for i, name in enumerate("abc")}), lm="words.arpa")
    segments = [segment(name, 9) for name in "abc"]
    together = made.recognize(segments)
    assert isinstance(made, AsrFrontend)
    assert [made.recognize([one])[0] for one in segments] == together
    assert all(nbest.hypotheses for nbest in together)


# Hotwords ------------------------------------------------------------------------------------------------------------


def test_hotwords_are_paid_for_whole_phrases() -> None:
    hotwords = Hotwords([("new", "york"), ("york", "minster")], 2.0)
    assert hotwords.bonus(["in", "new", "york", "now"]) == 4.0
    assert hotwords.bonus(["in", "new", "town"]) == 0.0
    assert hotwords.bonus(["new"]) == 0.0
    assert hotwords.bonus(["new", "new", "york", "york", "minster"]) == 8.0
    assert hotwords.bonus([]) == 0.0
    assert Hotwords([], 2.0).bonus(["new"]) == 0.0


@pytest.mark.parametrize(("lm", "boost"), [(True, 6.0), (False, 2.0)])
def test_hotwords_are_found_and_scores_stay_as_they_are(
    tmp_path: Path, language: NGramModel, lm: bool, boost: float
) -> None:
    """With a narrow lattice the text is lost; with a bonus it is there, with the scores of a wide one without."""
    language.write(tmp_path / "words.arpa")
    logp = random_logp(2, 8, 4, sharp=3.0)
    settings = {"lm": "words.arpa"} if lm else {}
    everything = front_end(tmp_path, Given({"a": logp}), nbest=60, **settings).recognize([segment("a", 8)])[0]
    narrow = {"lattice_beam": 1.5} | settings
    few = front_end(tmp_path, Given({"a": logp}), nbest=60, **narrow).recognize([segment("a", 8)])[0]
    lost = next(h for h in everything.hypotheses if h.text not in {h.text for h in few.hypotheses})
    boosted = front_end(tmp_path, Given({"a": logp}), nbest=60, hotwords=(lost.text,), boost=boost, **narrow)
    (found,) = [h for h in boosted.recognize([segment("a", 8)])[0].hypotheses if h.text == lost.text]
    assert (found.score, found.acoustic_score, found.lm_score) == (lost.score, lost.acoustic_score, lost.lm_score)
    own = front_end(tmp_path, Given({"a": logp}), nbest=60, boost=boost, **narrow)
    (by_segment,) = own.recognize([segment("a", 8, hotwords=(lost.text,))])
    assert lost.text in {h.text for h in by_segment.hypotheses}
    assert_list(by_segment)


def test_phrases_in_tokens() -> None:
    assert letters("ab a", LETTERS) == (2, 3, 1, 2)
    assert letters("AB", LETTERS) == (2, 3)
    assert letters("abc", LETTERS) == ()
    pieces = Symbols(("<blk>", "▁a", "b", "▁", "ab", "<unk>"), 0)
    assert letters("a ab", pieces) == (1, 1, 2)
    assert pieces.text((1, 1, 2, 3, 2, 4)) == "a ab bab"
    assert pieces.words((3, 2, 1, 2)) == [("b", 1, 2), ("ab", 2, 4)]


# Log-posteriors from files -------------------------------------------------------------------------------------------


def saved(folder: Path, logp: Frames) -> Path:
    (folder / "tokens.txt").write_text("<blk> 0\n| 1\na 2\nb 3\n")
    np.savez(folder / "talk.npz", logp=logp.astype(np.float32), frame_seconds=STEP)
    return folder


def test_saved_log_posteriors(tmp_path: Path) -> None:
    logp = random_logp(7, 20, 4)
    made = LatticeASR(FrontendOptions(model=str(saved(tmp_path, logp))))
    whole, part = made.recognize([segment("talk", 20), segment("talk", 8, start=0.2)])
    assert isinstance(Saved(tmp_path), Posteriors)
    (alone,) = LatticeASR(FrontendOptions(), Given({"talk": logp[10:18]})).recognize([segment("talk", 8, start=0.2)])
    assert [h.text for h in part.hypotheses] == [h.text for h in alone.hypotheses]
    assert part.best.score == pytest.approx(alone.best.score, abs=1e-4)
    assert whole.best.score < part.best.score
    np.save(tmp_path / "other.npy", logp)
    with pytest.raises(ModelError, match="does not say how long a frame is"):
        made.recognize([segment("other", 20)])
    (tmp_path / "lattice.toml").write_text("frame_seconds = 0.02\n")
    again = LatticeASR(FrontendOptions(model=str(tmp_path)))
    assert again.recognize([segment("other", 20)])[0].best.text == whole.best.text


@pytest.mark.parametrize(
    ("logp", "said"),
    [
        (np.zeros((4, 4)), "natural logarithms of probabilities"),
        (random_logp(0, 4, 3), r"shape \(4, 3\), and there are 4 tokens"),
    ],
)
def test_what_are_no_log_posteriors(tmp_path: Path, logp: Frames, said: str) -> None:
    made = LatticeASR(FrontendOptions(model=str(saved(tmp_path, logp))))
    with pytest.raises(ModelError, match=said):
        made.recognize([segment("talk", 4)])
    with pytest.raises(ModelError, match=r"has no other\.npz"):
        made.recognize([segment("other", 4)])
    (tmp_path / "talk.npz").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="cannot be read"):
        made.recognize([segment("talk", 4)])


# Errors --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ("beams = 3.0", UsageError, "Did you mean 'beam'"),
        ("beam = 'wide'", UsageError, "beam should be a number above 0"),
        ("beam = 0", UsageError, "beam should be a number above 0"),
        ("lm = 3", UsageError, "lm should be text"),
        ("lm = 'none.arpa'", ModelError, "which is not there"),
        ("engine = 'htk'", UsageError, "no engine 'htk'"),
        ("lm = 'words.arpa'\nlexicon = 'lexicon.txt'", ModelError, "line 1: the recognizer has no token 'q'"),
        ("lm = 'foreign.arpa'", ModelError, "No word of"),
    ],
)
def test_what_settings_cannot_be(
    tmp_path: Path, language: NGramModel, settings: str, error: type[Exception], said: str
) -> None:
    language.write(tmp_path / "words.arpa")
    train([["q", "z"]], 2).write(tmp_path / "foreign.arpa")
    (tmp_path / "lexicon.txt").write_text("ab q\n")
    (tmp_path / "lattice.toml").write_text(settings)
    saved(tmp_path, random_logp(0, 4, 4))
    with pytest.raises(error, match=said):
        LatticeASR(FrontendOptions(model=str(tmp_path)))


def test_what_it_cannot_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = Given({})
    for options, said in (
        (FrontendOptions(), "needs a model"),
        (FrontendOptions(task="translate"), "cannot translate"),
        (FrontendOptions(model=str(tmp_path)), "neither tokens.txt nor config.json"),
        (FrontendOptions(model=str(tmp_path / "none")), "There is no folder"),
    ):
        with pytest.raises((UsageError, ModelError), match=said):
            LatticeASR(options)
    (tmp_path / "lattice.toml").write_text("engine = 'kaldi'")
    with pytest.raises(UsageError, match="does not run on a GPU"):
        LatticeASR(FrontendOptions(model=str(tmp_path), device="cuda"), given)
    monkeypatch.setitem(sys.modules, "kaldi_decoder", None)
    with pytest.raises(DependencyError, match=r"ger-asr\[lattice\]"):
        LatticeASR(FrontendOptions(device="cpu"), given)


def test_pieces_need_a_lexicon(tmp_path: Path, language: NGramModel) -> None:
    language.write(tmp_path / "words.arpa")
    pieces = Given({}, Symbols(("<blk>", "▁a", "b"), 0))
    with pytest.raises(ModelError, match="Name a lexicon"):
        front_end(tmp_path, pieces, lm="words.arpa")
    with pytest.raises(ModelError, match="cannot be read"):
        read_lexicon(tmp_path / "none.txt", ["a"])


def test_k2_finds_the_same(language: NGramModel) -> None:
    pytest.importorskip("k2")
    logp = random_logp(4, 6, 4)
    lexicon = spelled(language.words(), LETTERS.tokens, LETTERS.delimiter)
    graph = build(NGrams(language, lexicon, Hotwords([], 0.0), 1), 0)
    beams = Beams(0.7, 200.0, 200.0)
    one, other = (best(search(graph, beams)(logp), 20, 0.7) for search in (kaldi_search, lattice_search.k2_search))
    assert [path.text for path in one] == [path.text for path in other]
    for a, b in zip(one, other, strict=True):
        assert (a.acoustic, a.lm) == pytest.approx((b.acoustic, b.lm), abs=1e-3)


# A model of transformers ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wav2vec2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny wav2vec 2.0 with random weights."""
    pytest.importorskip("torch")
    import json

    import torch
    import transformers

    folder = tmp_path_factory.mktemp("wav2vec2")
    tokens = ["<pad>", "<s>", "</s>", "<unk>", "|", "A", "B"]
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}))
    transformers.Wav2Vec2CTCTokenizer(str(folder / "vocab.json")).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(feature_size=1, sampling_rate=16_000).save_pretrained(folder)
    torch.manual_seed(5)
    config = transformers.Wav2Vec2Config(
        vocab_size=len(tokens), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        conv_dim=(8, 8), conv_stride=(20, 16), conv_kernel=(20, 16), num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2, pad_token_id=0, mask_time_prob=0.0,
    )  # fmt: skip
    model = transformers.Wav2Vec2ForCTC(config)
    torch.nn.init.normal_(model.lm_head.weight, std=3.0)
    model.save_pretrained(folder)
    return folder


@pytest.mark.slow
def test_a_model_of_transformers(wav2vec2: Path) -> None:
    import torch
    import transformers

    made = LatticeASR(FrontendOptions(model=str(wav2vec2)))
    samples = np.random.default_rng(0).normal(size=3200).astype(np.float32)
    one = AudioSegment("a", AudioSpan("a.flac", 1.0, 1.2), samples)
    (nbest,) = made.recognize([one])
    assert_list(nbest)
    assert set(nbest.best.text) <= set("AB ")
    # Without the front end: the model's own output, scored for a text in its four spellings.
    inputs = transformers.AutoFeatureExtractor.from_pretrained(wav2vec2)(
        samples, sampling_rate=16_000, return_tensors="pt"
    )
    with torch.inference_mode():
        logits = transformers.AutoModelForCTC.from_pretrained(wav2vec2)(**inputs).logits[0]
    logp = torch.log_softmax(logits, -1)
    for hypothesis in nbest.hypotheses:
        core = [{" ": 4, "A": 5, "B": 6}[letter] for letter in hypothesis.text]
        ways = [[4] * a + core + [4] * b for a in (0, 1) for b in (0, 1)]
        losses = [
            torch.nn.functional.ctc_loss(logp[:, None], torch.tensor([way]), [len(logp)], [len(way)], reduction="sum")
            for way in ways
        ]
        assert hypothesis.score == pytest.approx(float(torch.logsumexp(-torch.stack(losses), 0)), abs=1e-3)
    assert made.recognize([one, one]) == [nbest, nbest]
    assert 1.0 <= (nbest.best.words[0].start or 0.0) <= (nbest.best.words[-1].end or 0.0) <= 1.2


@pytest.mark.slow
def test_it_keeps_the_promises_of_a_front_end(wav2vec2: Path) -> None:
    made = LatticeASR(FrontendOptions(str(wav2vec2), nbest=3))
    outcomes = {outcome.check: outcome for outcome in check_frontend(made, speech(), nbest=3)}
    del outcomes["silence"]  # random weights hear something there
    assert not [outcome for outcome in outcomes.values() if outcome.state == "failed"]
    assert outcomes["batch-is-single"].state == "ok"


def test_what_is_no_ctc_model(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(ModelError, match="no CTC model of transformers can be loaded"):
        LatticeASR(FrontendOptions(model=str(tmp_path)))
