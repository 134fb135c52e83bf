"""What is told of what was said before: how much, and never of another recording."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fakes import Made, tone
from hypothesis import given
from hypothesis import strategies as st
from test_pipeline import inputs

from ger.api import settings
from ger.correct.rescore import Rescorer, prefixed
from ger.correct.running import Running, Said
from ger.corrector import Corrector
from ger.errors import ModelError, UsageError
from ger.lm.profile import DEFAULT, Profile, read_profile, write_profile
from ger.lm.select import LmSpec
from ger.pipeline import Pipeline
from ger.prompting import PREVIOUS_WORDS, load
from ger.protocols import ScoreRequest
from ger.settings import Settings
from ger.testing import ScriptedFrontend, ScriptedLM
from ger.text.tokens import latest, places
from ger.types import AudioSegment, AudioSpan, Context, Hypothesis, NBest

PROFILE = Profile({"lm": 1.0}, (LmSpec(),), form="as-is", previous=3)


def nbest(id: str, text: str = "so the field", previous: str = "") -> NBest:
    return NBest(id, (Hypothesis(text, -1.0), Hypothesis(f"{text} sow", -2.0)), context=Context(previous=previous))


@pytest.mark.parametrize(
    ("said", "words", "told"),
    [
        (["a b c"], 3, "a b c"),
        (["a b c"], 2, "b c"),
        (["a b", "c d"], 4, "a b c d"),
        (["a b", "c d"], 3, "c d"),
        (["a b", "c d e f"], 3, "d e f"),
        (["a", "b b b", "c"], 2, "c"),
        (["a b", "c d"], 0, ""),
        (["今天天气", "很好"], 3, "很好"),
    ],
)
def test_whole_utterances_are_told_while_they_fit(said: list[str], words: int, told: str) -> None:
    kept = Said(10, words)
    for text in said:
        kept.add(text)
    assert str(kept) == told


def test_earlier_utterances_stay_until_there_are_twice_as_many() -> None:
    """So what a language model has read is the beginning of what it reads next, most of the time."""
    kept, told = Said(3), []
    for n in range(10):
        kept.add(f"{n}")
        told.append("".join(str(kept).split()))
    assert told == ["0", "01", "012", "0123", "01234", "345", "3456", "34567", "678", "6789"]


def test_it_begins_anew_with_half_of_the_words() -> None:
    kept, told = Said(100, 8), []
    for n in range(8):
        kept.add(f"w{n} w{n}" if n != 5 else "w5 w5 w5 w5 w5 w5")
        told.append([int(word[1:]) for word in str(kept).split()[::2]])
    assert told == [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3], [3, 4], [5, 5, 5], [5, 5, 5, 6], [6, 7]]


@given(st.lists(st.integers(1, 12), min_size=1), st.integers(1, 4), st.integers(1, 20))
def test_the_last_ones_are_told_within_the_words(sizes: list[int], least: int, words: int) -> None:
    kept = Said(least, words)
    texts = [" ".join([f"{n}"] * size) for n, size in enumerate(sizes)]
    for n, text in enumerate(texts):
        kept.add(text)
        told, said = str(kept).split(), " ".join(texts[: n + 1]).split()
        assert told == said[-len(told) :]
        assert min(words, sizes[n]) <= len(told) <= words
        fits = sum(sizes[max(0, n + 1 - least) : n + 1]) <= words // 2
        assert not fits or len(set(told)) >= min(least, n + 1)


@given(st.text(max_size=300), st.integers(0, 20))
def test_the_latest_words_end_the_text_and_are_no_more(text: str, words: int) -> None:
    found = latest(text, words)
    assert len(places(found)) <= words
    assert len(found) <= 20 * words
    assert text.strip().endswith(found)


def test_what_a_language_model_reads_does_not_grow_with_what_was_said() -> None:
    lm = ScriptedLM()
    long = " ".join(f"word{i}" for i in range(150))
    Running(Rescorer({"lm": lm}, PROFILE), 10).correct([nbest(f"a/{i}", long) for i in range(12)])
    lengths = [len(places(request.prefix)) for asked in lm.scored for request in asked]
    assert (lengths[0], max(lengths), lengths[-1]) == (0, 150, 150)  # two of them would be more than 200


@pytest.mark.parametrize("words", [PREVIOUS_WORDS, 7])
def test_a_lists_own_context_has_the_same_bound(words: int) -> None:
    own = nbest("a/1", previous="before " * 100_000)
    told = prefixed(own, Profile({"lm": 1.0}, (LmSpec(),), previous_words=words))
    assert len(places(told)) == words


def test_the_bound_holds_for_models_that_write() -> None:
    for name in ("h2t", "h2t-nbest", "cascade-correct"):
        asked = load(name).render(nbest("a/1", previous="yonder " * 100_000))
        read = asked if isinstance(asked, str) else " ".join(message.text for message in asked)
        assert read.count("yonder") == PREVIOUS_WORDS


def test_the_bound_is_an_option_and_part_of_a_profile(tmp_path: Path) -> None:
    assert settings(previous_words=50).profile.previous_words == 50
    assert settings().profile.previous_words == DEFAULT.previous_words == PREVIOUS_WORDS
    path = tmp_path / "p.toml"
    write_profile(path, Profile({"lm": 1.0}, (LmSpec(),), previous_words=50))
    assert read_profile(path).previous_words == 50
    assert "previous_words=50" in read_profile(path).signature
    assert "previous_words" not in DEFAULT.signature
    with pytest.raises(UsageError, match="0 or more"):
        settings(previous_words=-1)


def strangers(scored: Sequence[Sequence[ScoreRequest]]) -> list[ScoreRequest]:
    """Requests that tell of another recording than the one they are about; texts begin with its name."""
    found = []
    for request in (request for asked in scored for request in asked):
        said = re.findall(r"(\w+)-said", " ".join([request.prefix, *request.continuations]))
        found += [] if len(set(said)) == 1 else [request]
    return found


def test_contexts_never_leak_between_the_recordings_of_a_run(tmp_path: Path, made: Made) -> None:
    """Some share batches, one has several, two are damaged, and the whole is done twice."""
    lengths = {"first": 30, "short": 2, "deaf": 5, "quiet": 3, "mute": 4, "last": 26}
    files = [
        tone(tmp_path / f"{name}.wav", n, rate=8000, volume=0.3 * (name != "quiet")) for name, n in lengths.items()
    ]
    (tmp_path / "no.wav").write_text("not audio")

    def heard(segment: AudioSegment) -> list[tuple[str, float]]:
        name, number = segment.id.split("/")
        if name == "deaf" and int(number) > 1:
            raise ModelError("The recognizer broke.")
        return [(f"{name}-said {number}", -1.0), (f"{name}-said it {number}", -2.0)]

    def score(prefix: str, text: str) -> float:
        if "mute" in text:
            raise ModelError("The language model broke.")
        return -1.0

    pipeline = Pipeline(Settings(profile=PROFILE))
    pipeline.frontend = ScriptedFrontend(heard)
    lm = ScriptedLM(score)
    pipeline.corrector = Running(Rescorer({"lm": lm}, PROFILE), 3)
    for _ in range(2):
        lm.scored.clear()
        results = list(pipeline.run(inputs(*files[:3], tmp_path / "no.wav", *files[3:])))
        assert [len(result.recording.corrections) if result.recording else None for result in results] == [
            *(30, 2, 2, None, 0, 4, 26)
        ]
        assert not strangers(lm.scored)
        first = {}
        for asked in lm.scored:
            for request in asked:
                first.setdefault(request.continuations[0].split("-said")[0], request.prefix)
        assert set(first.values()) == {""}
        assert sorted(first) == ["deaf", "first", "last", "mute", "short"]
        told = [request.prefix for asked in lm.scored for request in asked]
        assert "last-said 0021 last-said 0022 last-said 0023 last-said 0024 " in told


def test_contexts_never_leak_between_callers_at_once(made: Made) -> None:
    """Sixteen callers at once, each with a recording of the same name."""
    corrector = Corrector(Settings(profile=PROFILE))
    talk = AudioSpan("talk.wav")

    def call(name: int) -> list[str]:
        lists = [
            NBest(f"{i}", (Hypothesis(f"n{name}-said {i}", -1.0), Hypothesis(f"n{name}-said it {i}", -2.0)), talk)
            for i in range(8)
        ]
        return [made.context.previous for made in corrector.batch(lists)]

    with corrector, ThreadPoolExecutor(16) as threads:
        told = list(threads.map(call, range(16)))
    assert not strangers([asked for lm in made.lms for asked in lm.scored])
    for name, previous in enumerate(told):
        assert previous[0] == ""
        assert [len(places(text)) for text in previous] == [0, 2, 4, 6, 8, 10, 6, 8]
        assert all(re.findall(r"n(\d+)-said", text) == [str(name)] * (len(places(text)) // 2) for text in previous)
