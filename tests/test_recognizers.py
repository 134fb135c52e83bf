"""Which recognizers are meant, and several of them as one."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import Made, tone

import ger
from ger.api import settings
from ger.errors import ModelError, UsageError
from ger.hotwords import Hotword, Hotwords
from ger.lm.features import acoustic
from ger.protocols import FrontendOptions
from ger.recognizers import RecognizerSpec, Together, parse, parse_all
from ger.testing import ScriptedFrontend
from ger.types import AudioSegment, AudioSpan, Context, Hypothesis, NBest


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("whisper-base", ("whisper-base", "faster-whisper", "whisper-base")),
        ("faster-whisper", ("faster-whisper", "faster-whisper", "")),
        ("faster-whisper:models/large.v3", ("large.v3", "faster-whisper", "models/large.v3")),
        ("big=faster-whisper:models/large", ("big", "faster-whisper", "models/large")),
        ("org/model@main", ("model@main", "faster-whisper", "org/model@main")),
        ("nets/conformer.nemo", ("conformer", "nemo", "nets/conformer.nemo")),
        ("http://127.0.0.1:8000/v1#whisper-1", ("whisper-1", "remote", "http://127.0.0.1:8000/v1#whisper-1")),
    ],
)
def test_a_recognizer_is_named(text: str, spec: tuple[str, str, str]) -> None:
    assert parse(text) == RecognizerSpec(*spec)


def test_a_folder_of_transformers_is_known_by_its_files(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert parse(str(tmp_path)).frontend == "transformers"
    (tmp_path / "model.bin").write_bytes(b"")
    assert parse(str(tmp_path)).frontend == "faster-whisper"


def test_a_front_end_of_ones_own_choice_takes_every_model() -> None:
    assert parse("http://here", "faster-whisper") == RecognizerSpec("here", "faster-whisper", "http://here")
    assert parse_all([], "silent") == (RecognizerSpec("silent", "silent"),)
    assert parse_all([]) == (RecognizerSpec(),)


def test_names_are_needed_once() -> None:
    with pytest.raises(UsageError, match="Two recognizers are called 'base'"):
        parse_all(["a/base", "b/base"])
    assert [spec.name for spec in parse_all(["a=a/base", "b=b/base"])] == ["a", "b"]
    with pytest.raises(UsageError, match="name of a recognizer is empty"):
        parse("")


SEGMENTS = [
    AudioSegment(f"a/{number:04d}", AudioSpan("a.wav", number, number + 1), np.zeros(16_000, dtype=np.float32))
    for number in range(3)
]


def test_lists_of_several_hold_the_hypotheses_of_each_with_its_own_scores() -> None:
    first = ScriptedFrontend(lambda segment: [("so", -1.0), ("sow", -2.0)] if segment.id != "a/0001" else [])
    second = ScriptedFrontend(lambda segment: [("sow", -30.0)] if segment.id != "a/0002" else [])
    both, silent, alone = Together({"one": first, "two": second}).recognize(SEGMENTS)
    said = [[(h.text, h.score, h.extra["system"]) for h in nbest.hypotheses] for nbest in (both, silent, alone)]
    assert said == [
        [("so", -1.0, "one"), ("sow", -2.0, "one"), ("sow", -30.0, "two")],
        [("", None, "one"), ("sow", -30.0, "two")],
        [("so", -1.0, "one"), ("sow", -2.0, "one"), ("", None, "two")],
    ]
    assert [nbest.id for nbest in (both, silent, alone)] == [segment.id for segment in SEGMENTS]
    assert NBest.from_json(both.to_json()) == both


def test_where_nobody_hears_anything_the_list_is_empty() -> None:
    silent = ScriptedFrontend(lambda segment: [])
    assert [nbest.hypotheses for nbest in Together({"one": silent, "two": silent}).recognize(SEGMENTS)] == [()] * 3


def test_the_one_that_breaks_is_named() -> None:
    def broken(segment: AudioSegment) -> list[tuple[str, float]]:
        raise ModelError(f"{segment.id}: out of tune.")

    works = ScriptedFrontend(lambda segment: [("so", -1.0)])
    with pytest.raises(ModelError, match="two: a/0000: out of tune"):
        Together({"one": works, "two": ScriptedFrontend(broken)}).recognize(SEGMENTS)


def of(system: str, *said: tuple[str, float | None]) -> tuple[Hypothesis, ...]:
    return tuple(Hypothesis(text, score=score, extra={"system": system}) for text, score in said)


def test_scores_of_several_systems_are_compared_as_shares() -> None:
    two = NBest("u", (*of("one", ("a", -1.0), ("b", -1.0)), *of("two", ("c", -500.0))))
    assert acoustic(two) == pytest.approx([-math.log(2), -math.log(2), 0.0])
    unscored = NBest("u", (*of("one", ("a", -9.0)), *of("two", ("c", None), ("d", None))))
    assert acoustic(unscored) == pytest.approx([0.0, math.log(2 / 3), math.log(1 / 3)])
    assert acoustic(NBest("u", (*of("one", ("a", None)), *of("two", ("c", None))))) is None
    added = NBest("u", (*two.hypotheses, Hypothesis("e", extra={"added": "crossed"})))
    assert acoustic(added) == pytest.approx([-math.log(2), -math.log(2), 0.0, -math.log(2)])


def test_several_recognizers_vote_unless_something_else_is_asked_for() -> None:
    made = settings(model=["whisper-base", "other=faster-whisper:x"])
    assert (made.mode, made.profile.combine) == ("combine", "rover")
    weights = made.profile.weights
    assert weights["system:other"] < weights["system:whisper-base"] < 2 * weights["system:other"]
    assert settings(model=["whisper-base", "x"], llm="gpt2").mode == "rescore"
    assert settings(model=["whisper-base"]).mode == "rescore"
    assert made.key != settings(model=["other=faster-whisper:x", "whisper-base"]).key


@pytest.mark.usefixtures("made")
def test_the_first_leads_and_two_others_together_outvote_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Made
) -> None:
    said = {"a": "one field", "b": "won field", "c": "won feel"}
    monkeypatch.setattr(
        "fakes.frontend", lambda options: ScriptedFrontend(lambda segment: [(said[options.model], -1.0)])
    )
    path = tone(tmp_path / "a.wav", 2)
    assert ger.correct(path, model=["a", "b"]).text == "one field one field"
    assert ger.correct(path, model=["a", "b", "c"]).text.startswith("won field")


def test_hotwords_reach_the_recognizer_and_the_language_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Made
) -> None:
    told = []

    def frontend(options: FrontendOptions) -> ScriptedFrontend:
        told.append(options.hotwords)
        return ScriptedFrontend(lambda segment: [("so", -1.0), ("sow", -2.0)])

    monkeypatch.setattr("fakes.frontend", frontend)
    (recording,) = ger.stream(tone(tmp_path / "a.wav", 1), hotwords="Vonnegut,  Kilgore \n Trout, ,Vonnegut")
    assert told == [("Vonnegut", "Kilgore Trout")]
    assert recording.recording is not None
    (correction,) = recording.recording.corrections
    assert "+hotwords=2" in correction.signature
    assert "Vonnegut, Kilgore Trout" in made.lms[0].scored[0][0].prefix


def test_a_recording_has_hotwords_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Made) -> None:
    heard = {}

    def recognize(segment: AudioSegment) -> list[tuple[str, float]]:
        heard[segment.id.split("/")[0]] = segment.context.hotwords
        return [("so", -1.0), ("sow", -2.0)]

    monkeypatch.setattr("fakes.frontend", lambda options: ScriptedFrontend(recognize))
    files = [tone(tmp_path / f"{name}.wav", 1) for name in ("call-7", "call-8")]
    own = Hotwords((Hotword("Trout"),), {"call-7.wav": (Hotword("Ilium"), Hotword("Ada", 2.0))})
    results = list(ger.stream(files, hotwords=own))
    assert heard == {"call-7": ("Ilium", "Ada"), "call-8": ()}
    assert [result.lists[0].context.hotwords for result in results] == [("Ilium", "Ada"), ()]
    read = [request.prefix for request in made.lms[0].scored[0]]
    assert ["Ilium, Ada, Trout" in prefix for prefix in read] == [True, False]
    assert all("Trout" in prefix for prefix in read)


def test_long_lists_of_hotwords_are_one_short_part_of_the_key() -> None:
    names = [f"name {i}" for i in range(10_000)]
    keys = [settings(hotwords=words).key for words in ((), names, names[1:], [Hotword(names[0], 2.0), *names[1:]])]
    assert len(set(keys)) == len(keys)
    assert max(map(len, keys)) < len(keys[0]) + 100


def test_hotwords_of_a_list_come_before_those_of_the_run(made: Made) -> None:
    corrector = settings(hotwords=["Trout"]).make_corrector()
    own = NBest("u", (Hypothesis("so", -1.0), Hypothesis("sow", -2.0)), context=Context(hotwords=("Ilium",)))
    corrector.correct([own, replace(own, context=Context())])
    prefixes = [request.prefix for request in made.lms[0].scored[0]]
    assert ["Ilium" in prefix for prefix in prefixes] == [True, False]
    assert ["Ilium, Trout" in prefix for prefix in prefixes] == [True, False]
    assert all("Trout" in prefix for prefix in prefixes)
