"""pocketsphinx: its own sums over segments, another implementation of its n-grams, and all paths of small graphs."""

from __future__ import annotations

import itertools
import math
import random
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from asr_frontends.pocketsphinx import PocketSphinx
from asr_frontends.pocketsphinx_lattice import END, START, WordGraph, expand, read, times
from ger.errors import DependencyError, ModelError, UsageError
from ger.io.audio import decode
from ger.io.lattice import best
from ger.lm.ngram import NGramModel, train
from ger.protocols import AsrFrontend, FrontendOptions
from ger.text.normalize import normalize
from ger.types import AudioSegment, AudioSpan, NBest

pocketsphinx = pytest.importorskip("pocketsphinx")

AUDIO = Path(__file__).parent.parent / "examples" / "audio"
CLIPS = ("01-flight", "03-router", "04-storm")


def clip(name: str, start: float = 0.0) -> AudioSegment:
    samples = np.concatenate(list(decode(AUDIO / f"{name}.flac")))
    return segment(samples, name, start)


def segment(samples: npt.NDArray[np.floating], name: str = "a", start: float = 0.0) -> AudioSegment:
    span = AudioSpan(f"{name}.flac", start, start + len(samples) / 16_000)
    return AudioSegment(name, span, samples.astype(np.float32))


def references() -> dict[str, list[str]]:
    rows = (line.split("\t") for line in (AUDIO / "refs.tsv").read_text(encoding="utf-8").splitlines())
    return {row[0]: normalize(row[1]).split() for row in rows}


@pytest.fixture(scope="module")
def language() -> NGramModel:
    """Trigrams of the clips' references."""
    return train(references().values(), 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, language: NGramModel) -> Path:
    """A model of the wheel's acoustic model and the words of the clips."""
    made, source = tmp_path_factory.mktemp("clips"), Path(pocketsphinx.get_model_path()) / "en-us"
    (made / "acoustic").symlink_to(source / "en-us", target_is_directory=True)
    language.write(made / "clips.lm")
    known = set(language.words())
    lines = (source / "cmudict-en-us.dict").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.split()[0].split("(")[0] in known]
    (made / "clips.dict").write_text("\n".join(kept) + "\n", encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def recognizer(folder: Path) -> PocketSphinx:
    return PocketSphinx(FrontendOptions(model=str(folder), nbest=8))


@pytest.fixture(scope="module")
def lists(recognizer: PocketSphinx) -> list[NBest]:
    return recognizer.recognize([clip(name) for name in CLIPS])


def test_it_is_a_front_end(recognizer: PocketSphinx) -> None:
    assert isinstance(recognizer, AsrFrontend)
    assert recognizer.signature.startswith("pocketsphinx:clips0@")


def test_lists_are_what_the_protocol_promises(lists: list[NBest]) -> None:
    for nbest in lists:
        scores = [h.score for h in nbest.hypotheses if h.score is not None]
        assert len(scores) == len(nbest.hypotheses) == 8
        assert all(before > after for before, after in pairwise(scores))
        texts = [normalize(h.text) for h in nbest.hypotheses]
        assert all(texts)
        assert len(set(texts)) == len(texts)
        assert not any(mark in text for text in texts for mark in "()[]<>")


def test_the_speech_is_recognized(lists: list[NBest]) -> None:
    """With the words of the clips the storm is heard right, as is most of the others."""
    assert normalize(lists[2].best.text).split() == references()["04-storm"]
    for nbest in lists[:2]:
        heard, said = set(nbest.best.text.split()), set(references()[nbest.id])
        assert len(heard & said) > 0.8 * len(said)


def test_acoustic_scores_are_sums_over_segments(recognizer: PocketSphinx, lists: list[NBest]) -> None:
    """pocketsphinx names the segments of its best path with their scores; the last one repeats the one before."""
    for name, nbest in zip(CLIPS, lists, strict=True):
        recognizer.graph(clip(name).samples)
        segments, text = list(recognizer._decoder.seg()), recognizer._decoder.hyp().hypstr
        total = sum(math.log(part.ascore) for part in segments[:-1])
        (same,) = [h for h in nbest.hypotheses if h.text == text]
        assert same.acoustic_score == pytest.approx(total, abs=1e-3)
        words = [(s.start_frame / 100, (s.end_frame + 1) / 100) for s in segments if s.word[0] not in "<["]
        if same is nbest.best:
            assert [(w.start, w.end) for w in same.words] == words


def test_language_model_scores_are_those_of_the_n_grams(lists: list[NBest], language: NGramModel) -> None:
    for hypothesis in (h for nbest in lists for h in nbest.hypotheses):
        assert hypothesis.lm_score == pytest.approx(language.score(hypothesis.text.split()), abs=1e-3)


def test_scores_are_weighted_sums(recognizer: PocketSphinx, lists: list[NBest]) -> None:
    assert recognizer.scale == pytest.approx(1 / 9.5)
    for h in (h for nbest in lists for h in nbest.hypotheses):
        assert h.acoustic_score is not None
        assert h.lm_score is not None
        assert h.score == pytest.approx(h.acoustic_score / 9.5 + h.lm_score, abs=1e-6)


def test_a_segment_alone_gets_the_list_that_it_gets_among_others(
    recognizer: PocketSphinx, lists: list[NBest], folder: Path
) -> None:
    assert recognizer.recognize([clip(CLIPS[2])]) == lists[2:]
    assert PocketSphinx(FrontendOptions(model=str(folder), nbest=8)).recognize([clip(CLIPS[1])]) == lists[1:2]


def test_words_have_times_in_the_recording(recognizer: PocketSphinx, lists: list[NBest]) -> None:
    (later,) = recognizer.recognize([clip(CLIPS[0], start=100.0)])
    early = lists[0].best.words
    assert [word.text for word in early] == lists[0].best.text.split()
    assert not any(h.words for h in lists[0].hypotheses[1:])
    for word, same in zip(early, later.best.words, strict=True):
        assert same.start == pytest.approx(100 + (word.start or 0.0))
        assert 0 < (word.end or 0.0) - (word.start or 0.0) < 2
    for word, after in pairwise(early):
        assert (word.end or 0.0) <= (after.start or 0.0)


def test_silence_is_an_empty_list(recognizer: PocketSphinx) -> None:
    noise = np.random.default_rng(1).normal(size=32_000) * 1e-3
    quiet = [np.zeros(0), np.zeros(100), np.zeros(32_000), noise]
    assert [nbest.hypotheses for nbest in recognizer.recognize(list(map(segment, quiet)))] == [()] * 4


@pytest.mark.slow
def test_the_model_of_the_wheel() -> None:
    recognizer = PocketSphinx(FrontendOptions())
    (nbest,) = recognizer.recognize([clip("04-storm")])
    assert recognizer.signature.startswith("pocketsphinx:en-us@")
    assert len(nbest.hypotheses) == 5
    assert nbest.language == "en"
    assert {"weather", "service", "heavy"} <= set(nbest.best.text.split())


def test_what_it_cannot_do(folder: Path) -> None:
    for options, said in (
        (FrontendOptions(language="fr"), "does not know the language 'fr'"),
        (FrontendOptions(task="translate"), "cannot translate"),
        (FrontendOptions(device="cuda"), "does not run on 'cuda'"),
        (FrontendOptions(compute_type="int8"), "one precision"),
    ):
        with pytest.raises(UsageError, match=said):
            PocketSphinx(options)
    assert PocketSphinx(FrontendOptions(model=str(folder), language="fr")).recognize([]) == []
    assert PocketSphinx(FrontendOptions(language="en-US")).recognize([]) == []


def test_a_folder_has_one_of_each(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no folder"):
        PocketSphinx(FrontendOptions(model=str(tmp_path / "none")))
    with pytest.raises(ModelError, match="holds 0 folders with 'mdef'"):
        PocketSphinx(FrontendOptions(model=str(tmp_path)))
    (tmp_path / "acoustic").symlink_to(folder / "acoustic", target_is_directory=True)
    for name in ("a.lm", "b.lm"):
        (tmp_path / name).write_text("")
    with pytest.raises(ModelError, match="holds 2 language models"):
        PocketSphinx(FrontendOptions(model=str(tmp_path)))


def test_a_file_that_is_no_model(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "acoustic").symlink_to(folder / "acoustic", target_is_directory=True)
    for name in ("a.lm", "a.dict"):
        (tmp_path / name).write_text("nothing\n")
    with pytest.raises(ModelError, match=r"pocketsphinx cannot load .*a\.lm"):
        PocketSphinx(FrontendOptions(model=str(tmp_path)))


def test_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(DependencyError, match=r"ger-asr\[pocketsphinx\]"):
        PocketSphinx(FrontendOptions())


def made_up(chance: random.Random) -> WordGraph:
    """Up to eight nodes, each of which leads to nodes with smaller numbers; words are few, so that texts repeat."""
    size = chance.randint(3, 8)
    words = [END, *(chance.choice(["", "", "a", "b", "c"]) for _ in range(size - 2)), START]
    edges = [[(t, -chance.random() * 9) for t in range(node) if chance.random() < 0.7] for node in range(size)]
    return WordGraph(words, [float(size - node) for node in range(size)], edges, size - 1, 0)


def paths(graph: WordGraph, node: int) -> Iterator[list[tuple[int, float]]]:
    """All ways from a node to the end: its successors with the scores of the edges to them."""
    if node == graph.last:
        yield []
    for target, score in graph.edges[node]:
        for rest in paths(graph, target):
            yield [(target, score), *rest]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_best_texts_of_all_paths(order: int) -> None:
    for seed in range(60):
        chance = random.Random(seed)
        graph = made_up(chance)
        grams = itertools.product(["a", "b", "c", END], itertools.product([START, "a", "b", "c"], repeat=order - 1))
        table = {gram: -chance.random() * 5 for gram in grams}

        def lm(word: str, history: tuple[str, ...], table: dict[tuple[str, tuple[str, ...]], float] = table) -> float:
            padded = (START,) * (order - 1) + history
            return table[word, padded[len(padded) - order + 1 :]]

        truth: dict[str, tuple[float, float]] = {}
        for path in paths(graph, graph.first):
            said = [word for word in (graph.words[node] for node, _ in path) if word not in ("", END)]
            score = sum(lm(word, (START, *said[:i])) for i, word in enumerate([*said, END]))
            acoustic = sum(score for _, score in path)
            truth[" ".join(said)] = max(truth.get(" ".join(said), (-math.inf, 0.0)), (acoustic, score))
        ranked = sorted(((0.5 * a + b, text) for text, (a, b) in truth.items()), reverse=True)
        found = best(expand(graph, lm, order, 0.5, 1000), 1000, 0.5)
        assert [path.text for path in found] == [text for _, text in ranked]
        for path in found:
            assert (path.acoustic, path.lm) == pytest.approx(truth[path.text])
            assert_times(graph, path.text.split())


def assert_times(graph: WordGraph, words: list[str]) -> None:
    """Times are those of the nodes on the acoustically best path."""
    with_words = [
        [(graph.first, 0.0), *path]
        for path in paths(graph, graph.first)
        if [graph.words[node] for node, _ in path if graph.words[node] not in ("", END)] == words
    ]
    path = max(with_words, key=lambda path: sum(score for _, score in path))
    spans = [
        (graph.starts[node], graph.starts[after])
        for (node, _), (after, _) in pairwise(path)
        if graph.words[node] not in ("", START)
    ]
    assert times(graph, words) == spans


def test_words_that_no_path_has() -> None:
    graph = WordGraph([END, "a", START], [2.0, 1.0, 0.0], [[], [(0, -1.0)], [(1, -1.0)]], 2, 0)
    assert times(graph, ["a"]) == [(1.0, 2.0)]
    with pytest.raises(ValueError, match="b"):
        times(graph, ["b"])


def test_a_lattice_that_ends_in_a_word(tmp_path: Path) -> None:
    """Where nothing ended with the recording, the last word is one of the text, and the end of sentence follows."""
    path = tmp_path / "a.slf"
    nodes = "I=0\tt=0.10\tW=b\tv=2\nI=1\tt=0.05\tW=!NULL\tv=1\nI=2\tt=0.00\tW=!SENT_START\tv=1\n"
    links = "J=0\tS=1\tE=0\ta=-2.0\tp=1\nJ=1\tS=2\tE=1\ta=-1.0\tp=1\nJ=2\tS=2\tE=0\ta=-1.0\tp=1e-9\n"
    path.write_text(f"# Header\nVERSION=1.0\nstart=2\nend=0\nN=3\tL=3\n{nodes}{links}")
    (found,) = best(expand(read(path, 1e-5), lambda word, _: {"b": -4.0, END: -0.5}[word], 3, 1.0, 8), 5)
    assert (found.text, found.acoustic, found.lm) == ("b", -3.0, -4.5)
    assert best(expand(read(path), lambda *_: 0.0, 3, 1.0, 8), 1)[0].acoustic == -1.0


def test_what_is_no_lattice(tmp_path: Path) -> None:
    (tmp_path / "a.slf").write_text("I=0\tt=0.10\n")
    with pytest.raises(ModelError, match="no lattice of pocketsphinx"):
        read(tmp_path / "a.slf")
