"""The record: round trips and errors."""

import dataclasses
import json
import pickle
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ger.errors import RecordError
from ger.types import (
    SCHEMA,
    AudioSegment,
    AudioSpan,
    Context,
    Correction,
    Decision,
    Edit,
    Hypothesis,
    NBest,
    Task,
    Word,
)

# The line of the design document, with values in place of dots.
LINE = """
{"id": "call-7/0003", "audio": {"path": "call-7.wav", "start": 12.48, "end": 17.02}, "language": "en",
 "task": "transcribe",
 "hypotheses": [{"text": "so it goes", "score": -3.1, "acoustic_score": null, "lm_score": null,
                 "words": [{"text": "so", "start": 12.50, "end": 12.71, "confidence": 0.93}]}],
 "context": {"hotwords": ["Vonnegut"], "previous": "He said"}, "reference": null, "meta": {"frontend": "x"}}
"""

numbers = st.floats(allow_nan=False, allow_infinity=False)
maybe = st.none() | numbers
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
# Field names of ours would not be unknown fields.
extras = st.dictionaries(st.text().map(lambda name: f"x-{name}"), plain, max_size=2)
words = st.builds(Word, st.text(), maybe, maybe, maybe, extras)
hypotheses = st.builds(Hypothesis, st.text(), maybe, maybe, maybe, st.lists(words, max_size=2).map(tuple), extras)
spans = st.none() | st.builds(AudioSpan, st.text(), maybe, maybe, extras)
contexts = st.builds(Context, st.lists(st.text(), max_size=2).map(tuple), st.text(), extras)
edits = st.builds(Edit, st.text(), st.text(), maybe, maybe, extras)
tasks = st.sampled_from(get_args(Task))
meta = st.dictionaries(st.text(), plain, max_size=2)
lists = st.builds(
    NBest,
    id=st.text(),
    hypotheses=st.lists(hypotheses, max_size=3).map(tuple),
    audio=spans,
    language=st.none() | st.text(),
    task=tasks,
    context=contexts,
    reference=st.none() | st.text(),
    meta=meta,
    extra=extras,
    target=st.none() | st.text(),
)
corrections = st.builds(
    Correction,
    id=st.text(),
    text=st.text(),
    decision=st.sampled_from(get_args(Decision)),
    reason=st.text(),
    audio=spans,
    language=st.none() | st.text(),
    task=tasks,
    words=st.lists(words, max_size=2).map(tuple),
    edits=st.lists(edits, max_size=2).map(tuple),
    scores=st.dictionaries(st.text(), numbers, max_size=2),
    signature=st.text(),
    hypotheses=st.lists(hypotheses, max_size=2).map(tuple),
    context=contexts,
    reference=st.none() | st.text(),
    meta=meta,
    extra=extras,
    target=st.none() | st.text(),
)


def through_json(value: dict[str, Any]) -> Any:
    return json.loads(json.dumps(value, allow_nan=False))


@given(lists)
def test_nbest_round_trip(record: NBest) -> None:
    assert NBest.from_json(through_json(record.to_json())) == record


@given(corrections)
def test_correction_round_trip(record: Correction) -> None:
    assert Correction.from_json(through_json(record.to_json())) == record


def test_the_line_of_the_design() -> None:
    value = json.loads(LINE)
    record = NBest.from_json(value)
    assert record == NBest(
        id="call-7/0003",
        hypotheses=(Hypothesis("so it goes", -3.1, words=(Word("so", 12.5, 12.71, 0.93),)),),
        audio=AudioSpan("call-7.wav", 12.48, 17.02),
        language="en",
        context=Context(("Vonnegut",), "He said"),
        meta={"frontend": "x"},
    )
    assert record.to_json() == value | {"schema": SCHEMA}


def test_unknown_fields_survive_everywhere() -> None:
    value = {
        "id": "a",
        "mine": [1, {"deep": None}],
        "audio": {"path": "a.wav", "channel": 2},
        "hypotheses": [{"text": "x", "tokens": [1, 2], "words": [{"text": "x", "speaker": "A"}]}],
        "context": {"topic": "cats"},
    }
    written = NBest.from_json(value).to_json()
    assert written["mine"] == value["mine"]
    assert written["audio"]["channel"] == 2
    assert written["hypotheses"][0]["tokens"] == [1, 2]
    assert written["hypotheses"][0]["words"][0]["speaker"] == "A"
    assert written["context"]["topic"] == "cats"
    made = Correction.from_json(
        {"id": "a", "text": "x", "decision": "kept", "edits": [{"before": "a", "after": "b", "by": "me"}], "mine": 1}
    )
    assert made.to_json()["edits"] == [{"before": "a", "after": "b", "by": "me"}]
    assert made.to_json()["mine"] == 1


def test_the_smallest_records() -> None:
    assert NBest.from_json({"id": "a", "hypotheses": []}) == NBest("a", ())
    assert NBest.from_json({"id": "a", "hypotheses": None, "audio": None, "context": None}) == NBest("a", ())
    assert Correction.from_json({"id": "a", "text": "", "decision": "kept"}) == Correction("a", "", "kept")


def test_reading_leaves_the_value_alone() -> None:
    value = json.loads(LINE)
    NBest.from_json(value)
    assert value == json.loads(LINE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": None}, "here: 'id' is missing."),
        ({"id": 7}, "here: 'id' should be text, found 7."),
        ({"hypotheses": {}}, "here: 'hypotheses' should be a list, found {}."),
        ({"hypotheses": ["x"]}, "here: hypothesis 1: expected a JSON object, found str."),
        ({"hypotheses": [{"text": "a"}, {}]}, "here: hypothesis 2: 'text' is missing."),
        ({"hypotheses": [{"text": "a", "score": "high"}]}, "here: hypothesis 1: 'score' should be a finite number"),
        ({"hypotheses": [{"text": "a", "score": True}]}, "here: hypothesis 1: 'score' should be a finite number"),
        ({"hypotheses": [{"text": "a", "score": float("nan")}]}, "here: hypothesis 1: 'score' should be a finite"),
        (
            {"hypotheses": [{"text": "a", "words": [{"text": "a"}, {"start": 1}]}]},
            "here: hypothesis 1: word 2: 'text' is missing.",
        ),
        ({"audio": "a.wav"}, "here: 'audio' should be an object, found 'a.wav'."),
        ({"audio": {"start": 1}}, "here: audio: 'path' is missing."),
        ({"context": {"hotwords": ["a", 1]}}, "here: context: 'hotwords' holds something that is not text."),
        ({"meta": [1]}, "here: 'meta' should be an object, found [1]."),
        ({"task": "dictate"}, "'task' is 'dictate'."),
        ({"reference": 1}, "here: 'reference' should be text, found 1."),
        ({"schema": 2}, "here: schema 2 is not known."),
    ],
)
def test_errors_of_lists(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecordError) as caught:
        NBest.from_json({"id": "a", "hypotheses": []} | change, "here")
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": None}, "here: 'text' is missing."),
        ({"decision": None}, "here: 'decision' is missing."),
        ({"decision": "improved"}, "'decision' is 'improved'."),
        ({"scores": {"lm": None}}, "here: scores: 'lm' should be a finite number, found None."),
        ({"edits": [{"before": "a"}]}, "here: edit: 'after' is missing."),
        ({"schema": "1"}, "here: schema '1' is not known."),
    ],
)
def test_errors_of_corrections(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecordError) as caught:
        Correction.from_json({"id": "a", "text": "x", "decision": "kept"} | change, "here")
    assert message in caught.value.message


@pytest.mark.parametrize("value", [None, [], "text", 1])
def test_only_objects_are_records(value: Any) -> None:
    with pytest.raises(RecordError, match=r"^record: expected a JSON object"):
        NBest.from_json(value)


def test_a_missing_list_is_not_an_empty_one() -> None:
    with pytest.raises(RecordError, match=r"^here: 'hypotheses' is missing\.$"):
        NBest.from_json({"id": "a"}, "here")


def test_best() -> None:
    assert NBest("a", ()).best == Hypothesis("")
    record = NBest("a", (Hypothesis("x", -1.0), Hypothesis("X", -2.0), Hypothesis("x", -3.0)))
    assert record.best.score == -1.0


@given(lists)
def test_a_correction_repeats_its_list(record: NBest) -> None:
    made = Correction.of(record, "text", "rewritten", reason="why")
    shared = {field.name for field in dataclasses.fields(NBest)}
    assert {name: getattr(made, name) for name in shared} == {name: getattr(record, name) for name in shared}
    assert (made.text, made.decision, made.reason) == ("text", "rewritten", "why")


def test_changed() -> None:
    changed = [decision for decision in get_args(Decision) if Correction("a", "x", decision).changed]
    assert changed == ["reranked", "rewritten"]


def test_records_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        NBest("a", ()).id = "b"  # type: ignore[misc]


@given(corrections)
def test_records_travel_between_processes(record: Correction) -> None:
    assert pickle.loads(pickle.dumps(record)) == record


def test_duration_of_a_segment() -> None:
    segment = AudioSegment("a", AudioSpan("a.wav"), np.zeros(24_000, np.float32))
    assert segment.duration == 1.5
    assert segment.context == Context()


def test_unknown_fields_never_replace_known_ones() -> None:
    line = {"id": "a", "hypotheses": [{"text": "x", "lang": "en"}], "text": "old", "signature": "other", "speaker": "B"}
    made = Correction.of(NBest.from_json(line), "new", "reranked", signature="mine").to_json()
    assert (made["text"], made["signature"], made["speaker"]) == ("new", "mine", "B")
    assert made["hypotheses"][0]["lang"] == "en"
