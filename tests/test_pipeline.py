"""What happens around the models: order, batches, bounds, errors of one input."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import Made, tone
from fixtures_cli import AUDIO
from hypothesis import given, settings
from hypothesis import strategies as st

from ger.errors import AudioError, DependencyError, ModelError, RecordError
from ger.io.inputs import Input, expand
from ger.lm.profile import Profile
from ger.lm.select import LmSpec
from ger.pipeline import Pipeline, Result
from ger.protocols import Answer, FrontendOptions, GenerateRequest, Message
from ger.recognizers import RecognizerSpec
from ger.settings import Settings
from ger.testing import FixedSegmenter, ScriptedFrontend, ScriptedLM
from ger.types import AudioSegment

pytestmark = pytest.mark.usefixtures("made")

#: A profile whose language model cannot be loaded.
MISSING = Profile({"lm": 1.0}, (LmSpec(model="missing"),))


def inputs(*paths: Path) -> tuple[Input, ...]:
    found = expand(list(paths))
    assert not found.problems
    return found.inputs


def lists(path: Path, count: int, prefix: str = "u") -> Path:
    rows = [
        {"id": f"{prefix}{i}", "hypotheses": [{"text": "so the field", "score": -1}, {"text": "sow", "score": -2}]}
        for i in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def cut(path: Path) -> Path:
    """The first half of the bytes of a clip of 4.8 s."""
    data = (AUDIO / "01-flight.flac").read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def texts(result: Result) -> list[str]:
    assert result.recording is not None
    return [correction.text for correction in result.recording.corrections]


def decoders() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "ger-decode"]


class Endless:
    """A segmenter that finds speech without end, and counts it."""

    def __init__(self) -> None:
        self.pieces = 0

    def split(self, blocks: Any) -> Iterator[tuple[float, Any]]:
        next(iter(blocks))
        while True:
            self.pieces += 1
            yield float(self.pieces), np.ones(160, dtype=np.float32)


def test_results_come_in_the_order_of_the_inputs_and_segments_of_all_share_batches(tmp_path: Path, made: Made) -> None:
    files = [
        tone(tmp_path / "b change.wav", 2.5),
        tone(tmp_path / "quiet.wav", 2, volume=0),
        tone(tmp_path / "a.wav", 1),
    ]
    results = list(Pipeline(Settings()).run(inputs(*files)))
    assert [result.source.path for result in results] == [str(file) for file in files]
    assert made.frontends[0].calls == [["b change/0000", "b change/0001", "b change/0002", "a/0000"]]
    assert texts(results[0]) == [f"change words {i} sow the field" for i in range(3)]
    assert texts(results[1]) == []
    assert texts(results[2]) == ["plain words 0 so the field"]
    assert [result.error for result in results] == [None] * 3
    assert [r.recording and r.recording.duration for r in results] == [2.5, 2.0, 1.0]


def test_segments_know_where_they_come_from(tmp_path: Path) -> None:
    path = tone(tmp_path / "talk.wav", 2.5)
    settings = Settings(recognizer=FrontendOptions(language="cy"))
    [result] = Pipeline(settings).run(inputs(path))
    assert result.recording is not None
    assert result.recording.language == "cy"
    spans = [correction.audio for correction in result.recording.corrections]
    assert [(span.path, span.start, span.end) for span in spans if span] == [
        (str(path), 0.0, 1.0),
        (str(path), 1.0, 2.0),
        (str(path), 2.0, 2.5),
    ]
    assert [correction.id for correction in result.recording.corrections] == ["talk/0000", "talk/0001", "talk/0002"]


def test_segments_are_worked_on_by_the_window(tmp_path: Path, made: Made) -> None:
    [result] = Pipeline(Settings()).run(inputs(tone(tmp_path / "long.wav", 60, rate=8000)))
    assert [len(call) for call in made.frontends[0].calls] == [24, 24, 12]
    assert len(texts(result)) == 60


def test_a_result_comes_as_soon_as_it_is_complete(tmp_path: Path, made: Made) -> None:
    run = Pipeline(Settings()).run(inputs(*(lists(tmp_path / f"{i}.jsonl", 24, f"{i}-") for i in range(3))))
    assert next(run).source.path.endswith("0.jsonl")
    assert len(made.lms[0].scored) == 1
    assert len(list(run)) == 2
    assert len(made.lms[0].scored) == 3


@settings(max_examples=30)
@given(st.lists(st.integers(0, 60), max_size=5))
def test_nothing_is_lost_or_mixed_up(tmp_path_factory: pytest.TempPathFactory, counts: list[int]) -> None:
    folder = tmp_path_factory.mktemp("lists")
    files = [lists(folder / f"{i}.jsonl", count, f"{i}/") for i, count in enumerate(counts)]
    pipeline = Pipeline(Settings())
    results = list(pipeline.run([Input(str(file), file.stem) for file in files]))
    found = [[made.id for made in result.recording.corrections] for result in results if result.recording]
    assert found == [[f"{i}/{n}" for n in range(count)] for i, count in enumerate(counts)]


def test_reading_runs_ahead_but_only_so_far(tmp_path: Path) -> None:
    segmenter = Endless()
    leads: list[int] = []

    def heard(segment: AudioSegment) -> list[tuple[str, float]]:
        if int(segment.id[-4:]) == 0:  # the window holds 24, the queue as many, and one waits for room
            wait_until(lambda: segmenter.pieces >= 24 + 24)
            time.sleep(0.3)
        leads.append(segmenter.pieces - int(segment.id[-4:]))
        return [("yes", -1.0)]

    pipeline = Pipeline(Settings(), correct=False)
    pipeline.segmenter = segmenter
    pipeline.frontend = ScriptedFrontend(heard)
    run = pipeline.run(inputs(tone(tmp_path / "a.wav", 1), tone(tmp_path / "b.wav", 1)), stop_after(200))
    with pytest.raises(KeyboardInterrupt):
        next(run)
    assert 24 + 24 <= max(leads) <= 24 + 24 + 1
    assert not decoders()


def stop_after(count: int) -> Any:
    """A progress function that presses Ctrl-C."""
    left = iter(range(count))

    def progress(seconds: float) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt

    return progress


def wait_until(condition: Any, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_closing_early_stops_the_thread(tmp_path: Path) -> None:
    pipeline = Pipeline(Settings())
    endless = tone(tmp_path / "b.wav", 1)
    run = pipeline.run(inputs(lists(tmp_path / "a.jsonl", 24), endless))
    pipeline.segmenter = Endless()
    assert next(run).source.path.endswith("a.jsonl")
    assert decoders()
    run.close()
    assert not decoders()


def test_progress_counts_the_seconds_of_audio(tmp_path: Path) -> None:
    seconds: list[float] = []
    list(
        Pipeline(Settings()).run(inputs(tone(tmp_path / "a.wav", 2.5), lists(tmp_path / "b.jsonl", 2)), seconds.append)
    )
    assert sum(seconds) == pytest.approx(2.5)


def test_progress_reaches_the_end_where_nobody_speaks(tmp_path: Path) -> None:
    seconds: list[float] = []
    list(Pipeline(Settings()).run(inputs(tone(tmp_path / "quiet.wav", 60, volume=0)), seconds.append))
    assert sum(seconds) == pytest.approx(60)


def test_a_recording_of_which_no_segment_could_be_recognized_is_not_taken_for_silence(tmp_path: Path) -> None:
    pipeline = Pipeline(Settings())
    pipeline.segmenter = FixedSegmenter(9.0)

    class Broken:
        signature = "broken"

        def recognize(self, segments: Any) -> Any:
            raise ModelError("The recognizer broke.")

    pipeline.frontend = Broken()
    (result,) = pipeline.run(inputs(tone(tmp_path / "a.wav", 2)))
    assert result.recording is None
    assert isinstance(result.error, ModelError)


def test_a_segment_that_breaks_the_recognizer_fails_its_own_file_only(tmp_path: Path, made: Made) -> None:
    files = [tone(tmp_path / f"{name}.wav", 2.5) for name in ("before", "broken", "later")]
    before, broken, later = Pipeline(Settings()).run(inputs(*files))
    assert isinstance(broken.error, ModelError)
    assert broken.error.message == f"{files[1]}: The recognizer broke."
    assert broken.error.hint == "Use another one."
    assert texts(broken) == ["plain words 0 so the field", "plain words 2 so the field"]
    assert [before.error, later.error] == [None, None]
    assert len(texts(before)) == len(texts(later)) == 3
    assert [len(call) for call in made.frontends[0].calls] == [9, *[1] * 9]


def test_a_list_that_breaks_the_language_model_keeps_its_best(tmp_path: Path) -> None:
    odd, change = Pipeline(Settings()).run(inputs(tone(tmp_path / "odd.wav", 1), tone(tmp_path / "change.wav", 1)))
    assert odd.recording is not None
    [failed] = odd.recording.corrections
    assert (failed.decision, failed.text) == ("failed", "odd words 0 so the field")
    assert "The language model broke." in failed.reason
    assert texts(change) == ["change words 0 sow the field"]


def test_earlier_utterances_are_those_of_the_same_input(tmp_path: Path, made: Made) -> None:
    """Both files have a recording called talk; the second one begins without what the first one ended with."""
    files = [lists(tmp_path / name, 30, "talk/") for name in ("a.jsonl", "b.jsonl")]
    pipeline = Pipeline(Settings(profile=Profile({"lm": 1.0}, (LmSpec(),), form="as-is", previous=1)))
    assert [len(texts(result)) for result in pipeline.run(inputs(*files))] == [30, 30]
    prefixes = [request.prefix for asked in made.lms[0].scored for request in asked]
    assert (len(prefixes), prefixes.count("")) == (60, 2)
    assert prefixes[0] == prefixes[30] == ""


def test_a_recognizer_that_cannot_be_loaded_ends_the_run_at_its_first_segment(tmp_path: Path) -> None:
    settings = Settings(recognizers=(RecognizerSpec(model="missing"),))
    run = Pipeline(settings).run(inputs(lists(tmp_path / "a.jsonl", 24), tone(tmp_path / "b.wav", 2)))
    assert next(run).error is None
    with pytest.raises(ModelError, match="missing cannot be found"):
        next(run)
    assert not decoders()


def test_a_language_model_that_cannot_be_loaded_ends_the_run_before_recognition(tmp_path: Path, made: Made) -> None:
    run = Pipeline(Settings(profile=MISSING)).run(inputs(tone(tmp_path / "a.wav", 1)))
    with pytest.raises(ModelError, match="missing cannot be found"):
        next(run)
    assert not made.frontends


def test_a_segmenter_that_lacks_its_package_ends_the_run(tmp_path: Path) -> None:
    class Lacking:
        def split(self, blocks: Any) -> Iterator[Any]:
            raise DependencyError("some package", "some-extra")

    pipeline = Pipeline(Settings())
    pipeline.segmenter = Lacking()
    with pytest.raises(DependencyError, match="some-extra"):
        list(pipeline.run(inputs(tone(tmp_path / "a.wav", 1))))
    assert not decoders()


def test_nothing_to_do_loads_nothing(made: Made) -> None:
    assert list(Pipeline(Settings(profile=MISSING)).run([])) == []
    assert made == Made()


def test_lists_need_no_recognizer_and_transcribing_no_language_model(tmp_path: Path, made: Made) -> None:
    list(Pipeline(Settings()).run(inputs(lists(tmp_path / "a.jsonl", 1))))
    assert (len(made.frontends), len(made.segmenters), len(made.lms)) == (0, 0, 1)
    [result] = Pipeline(Settings(), correct=False).run(inputs(tone(tmp_path / "a.wav", 1)))
    assert (len(made.frontends), len(made.segmenters), len(made.lms)) == (1, 1, 1)
    assert [[h.text for h in nbest.hypotheses] for nbest in result.lists] == [
        ["plain words 0 so the field", "plain words 0 sow the field"]
    ]
    assert texts(result) == []


def test_signatures_say_what_made_each_result(tmp_path: Path) -> None:
    from_lists, from_audio = Pipeline(Settings()).run(
        inputs(lists(tmp_path / "a.jsonl", 1), tone(tmp_path / "b.wav", 1))
    )
    assert from_lists.recording is not None
    assert from_audio.recording is not None
    version, frontend, corrector = from_lists.recording.corrections[0].signature.split(" | ")
    assert version.startswith("ger ")
    assert frontend == "lists"
    assert corrector.startswith("rescore:")
    assert "lm=scripted-lm+hotwords=0," in corrector
    assert from_audio.recording.corrections[0].signature == f"{version} | scripted-frontend | {corrector}"


def test_audio_cut_short_is_used_and_named(tmp_path: Path) -> None:
    [result] = Pipeline(Settings()).run(inputs(cut(tmp_path / "half.flac")))
    assert isinstance(result.error, AudioError)
    assert "of the 4.8 s in its header" in str(result.error)
    assert result.recording is not None
    assert 2 < (result.recording.duration or 0) < 4
    assert texts(result)[:2] == ["plain words 0 so the field", "plain words 1 so the field"]


def test_a_file_of_which_nothing_can_be_used_has_no_recording(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_text("not audio at all\n" * 100)
    [result] = Pipeline(Settings()).run(inputs(tmp_path / "a.mp3"))
    assert isinstance(result.error, AudioError)
    assert result.recording is None


def test_lists_in_front_of_a_bad_line_are_used(tmp_path: Path) -> None:
    path = lists(tmp_path / "a.jsonl", 2)
    path.write_text(path.read_text() + "{broken\n")
    [result] = Pipeline(Settings()).run(inputs(path))
    assert isinstance(result.error, RecordError)
    assert "line 3" in str(result.error)
    assert len(texts(result)) == 2


def test_the_first_error_of_an_input_is_kept(tmp_path: Path) -> None:
    # It is read to its end, and found cut short, before the recognizer breaks on it.
    [result] = Pipeline(Settings()).run(inputs(cut(tmp_path / "broken.flac")))
    assert isinstance(result.error, AudioError)
    assert "plain words 1 so the field" not in texts(result)


def test_audio_that_holds_no_speech_gives_an_empty_text(tmp_path: Path) -> None:
    pipeline = Pipeline(Settings())
    pipeline.frontend = ScriptedFrontend(lambda segment: [])
    [silent] = pipeline.run(inputs(tone(tmp_path / "a.wav", 2)))
    assert silent.recording is not None
    assert (silent.recording.text, silent.recording.corrections, silent.error) == ("", (), None)


def test_scripted_parts_keep_a_record() -> None:
    lm = ScriptedLM(lambda prefix, text: -1.0, lambda prompt: prompt.upper())
    asked = [GenerateRequest("a", max_tokens=3), GenerateRequest((Message("system", "b"), Message("user", "c")))]
    assert lm.generate(asked) == [(Answer("A"),), (Answer("B\nC"),)]
    assert lm.prompted == [asked]
    several = (Answer("d", -1.0), Answer("e", -2.0))
    assert ScriptedLM(answer=lambda prompt: several).generate(asked) == [several, several]
    blocks = [np.ones(8000, dtype=np.float32), np.ones(24_000, dtype=np.float32), np.zeros(8000, dtype=np.float32)]
    pieces = [(start, len(samples)) for start, samples in FixedSegmenter(1.0).split(blocks)]
    assert pieces == [(0.0, 16_000), (1.0, 16_000)]
