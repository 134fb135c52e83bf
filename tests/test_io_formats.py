"""Output formats: by hand-written examples, and read back by libav, which did not write them."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ger.errors import OutputError, RecordError, UnknownNameError
from ger.io.formats import FORMATS, Recording, formats, render
from ger.io.jsonl import read_corrections
from ger.io.subtitles import COLUMNS, Cue, cues, milliseconds
from ger.text.tokens import tokenize
from ger.types import AudioSpan, Correction, Edit, Hypothesis, Word


def segment(text: str, start: float | None = 0.0, end: float | None = 1.0, words: tuple[Word, ...] = ()) -> Correction:
    return Correction(f"talk/{start}", text, "kept", audio=AudioSpan("talk.wav", start, end), words=words)


def spoken(text: str, step: float = 0.3, start: float = 0.0) -> Correction:
    """A segment whose words follow each other without a pause."""
    tokens = [token.text for token in tokenize(text)]
    words = tuple(Word(token, start + i * step, start + (i + 1) * step) for i, token in enumerate(tokens))
    return segment(text, start, start + step * len(tokens), words)


def recording(*corrections: Correction) -> Recording:
    return Recording("talk.wav", 60.0, "en", corrections)


TALK = recording(
    segment("Hello there.", 0.0, 1.5),
    segment("", 1.5, 2.0),
    segment(" Tabs\tand\nlines --> & <i>all</i> ", 3661.0004, 3662.9996),
)

TXT = """\
Hello there.

Tabs and lines --> & <i>all</i>
"""

SRT = """\
1
00:00:00,000 --> 00:00:01,500
Hello there.

2
01:01:01,000 --> 01:01:03,000
Tabs and lines -> & <i>all</i>
"""

VTT = """\
WEBVTT

00:00:00.000 --> 00:00:01.500
Hello there.

01:01:01.000 --> 01:01:03.000
Tabs and lines --&gt; &amp; &lt;i&gt;all&lt;/i&gt;
"""

TSV = """\
start\tend\ttext
0\t1500\tHello there.
3661000\t3663000\tTabs and lines --> & <i>all</i>
"""


@pytest.mark.parametrize(("name", "expected"), [("txt", TXT), ("srt", SRT), ("vtt", VTT), ("tsv", TSV)])
def test_text_formats(name: str, expected: str) -> None:
    assert render(name, TALK) == expected


@pytest.mark.parametrize(
    ("name", "expected"), [("txt", ""), ("srt", ""), ("vtt", "WEBVTT\n"), ("tsv", "start\tend\ttext\n"), ("jsonl", "")]
)
def test_nothing_was_said(name: str, expected: str) -> None:
    assert render(name, recording()) == expected
    if name != "jsonl":
        assert render(name, recording(segment(" "), segment(""))) == expected


def test_json_has_the_shape_of_whispers() -> None:
    made = Correction(
        "talk/0001",
        " the hat",
        "reranked",
        reason="lm",
        audio=AudioSpan("talk.wav", 1.23456, 2.5),
        language="en",
        words=(Word("the", 1.23456, 1.5, 0.9), Word("hat")),
        edits=(Edit("cat", "hat"),),
        scores={"lm": -1.5},
        signature="s",
        hypotheses=(Hypothesis("the cat", -1.0),),
        extra={"speaker": "A", "start": "mine"},
    )
    value = json.loads(render("json", Recording("talk\udcff.wav", 60.00049, "en", (made, segment("next", 3.0, 4.0)))))
    first, second = value.pop("segments")
    assert value == {"schema": 1, "path": r"talk\xff.wav", "duration": 60.0, "language": "en", "text": "the hat next"}
    assert {name: first[name] for name in ("id", "start", "end", "text", "words")} == {
        "id": 0,
        "start": 1.235,
        "end": 2.5,
        "text": "the hat",
        "words": [{"word": "the", "start": 1.235, "end": 1.5, "probability": 0.9}, {"word": "hat"}],
    }
    assert first["record"] == "talk/0001"
    assert first["edits"] == [{"before": "cat", "after": "hat"}]
    assert (first["decision"], first["reason"], first["signature"]) == ("reranked", "lm", "s")
    assert first["scores"] == {"lm": -1.5}
    assert first["hypotheses"][0]["text"] == "the cat"
    assert first["speaker"] == "A"
    assert second["id"] == 1
    assert "words" not in second


def test_json_without_segments_and_times() -> None:
    value = json.loads(render("json", Recording("a.wav")))
    assert value == {"schema": 1, "path": "a.wav", "duration": None, "language": None, "text": "", "segments": []}
    (only,) = json.loads(render("json", recording(Correction("a", "text", "kept"))))["segments"]
    assert (only["start"], only["end"], only["text"]) == (None, None, "text")


def test_jsonl_is_read_back(tmp_path: Path) -> None:
    talk = recording(segment("one", 0.0), segment("two\n", 1.0))
    (tmp_path / "out.jsonl").write_text(render("jsonl", talk), encoding="utf-8")
    assert tuple(read_corrections(tmp_path / "out.jsonl")) == talk.corrections


def test_json_refuses_numbers_without_a_form() -> None:
    bad = Correction("a", "text", "kept", scores={"lm": float("nan")})
    with pytest.raises(OutputError, match=r"talk\.wav cannot be written as JSON"):
        render("json", recording(bad))
    with pytest.raises(RecordError):
        render("jsonl", recording(bad))


@pytest.mark.parametrize("name", ["srt", "vtt", "tsv"])
@pytest.mark.parametrize("audio", [None, AudioSpan("a"), AudioSpan("a", 1.0)])
def test_formats_with_times_need_times(name: str, audio: AudioSpan | None) -> None:
    with pytest.raises(OutputError, match=r"^Segment 'a' has no start and end.*Write txt"):
        render(name, recording(Correction("a", "text", "kept", audio=audio)))
    assert render("txt", recording(Correction("a", "text", "kept", audio=audio))) == "text\n"


def test_format_names() -> None:
    assert formats("srt, TXT,srt") == ["srt", "txt"]
    assert formats("all") == formats(["all", "txt"]) == list(FORMATS) == ["txt", "json", "jsonl", "srt", "vtt", "tsv"]
    assert formats([]) == []
    with pytest.raises(UnknownNameError, match=r"no output format called 'jsn'\. Did you mean 'json'\?"):
        formats("txt,jsn")
    with pytest.raises(UnknownNameError, match="Did you mean 'vtt'"):
        render("webvtt", TALK)


def test_hours_beyond_99() -> None:
    assert "100:00:00,000 --> 100:00:01,000" in render("srt", recording(segment("late", 360_000.0, 360_001.0)))


def test_arrows_of_every_length() -> None:
    shown = render("srt", recording(segment("a ---> b --> c -> d ----->")))
    assert shown.splitlines()[2] == "a -> b -> c -> d ->"


def test_one_cue_without_word_times() -> None:
    text = "word " * 40
    (cue,) = cues([segment(text, 1.0, 31.0)])
    assert (cue.start, cue.end) == (1000, 31000)
    assert " ".join(cue.lines) == text.strip()
    assert all(len(line) <= COLUMNS for line in cue.lines)


def test_cues_end_with_sentences() -> None:
    made = spoken("One two three four five six. Seven eight nine ten, eleven twelve thirteen fourteen fifteen.", 0.5)
    assert cues([made]) == [
        Cue(0, 3000, ("One two three four five six.",)),
        Cue(3000, 7500, ("Seven eight nine ten, eleven", "twelve thirteen fourteen fifteen.")),
    ]


def test_cues_end_at_a_pause() -> None:
    before, after = spoken("it was late and nobody came", 0.5), spoken("so we all went home in the end", 0.5, 4.0)
    words = before.words + after.words
    made = segment(f"{before.text} {after.text}", 0.0, 8.0, words)
    assert [" ".join(cue.lines) for cue in cues([made])] == [before.text, after.text]


def test_cues_of_a_changed_text_have_the_times_of_the_old_words() -> None:
    made = segment("the hat", 0.0, 2.0, (Word("the", 0.1, 0.5), Word("cat", 0.5, 1.7)))
    assert cues([made]) == [Cue(100, 1700, ("the hat",))]


def test_wide_characters_take_two_columns() -> None:
    made = spoken("今日は天気がいいので公園まで散歩に行きました、そして友達と一緒にお弁当を食べました。", 0.15)
    shown = cues([made])
    assert "".join("".join(cue.lines) for cue in shown) == made.text
    assert all(len(line) <= COLUMNS // 2 for cue in shown for line in cue.lines)
    assert all(len(cue.lines) <= 2 for cue in shown)


def test_a_word_longer_than_a_line_stays_whole() -> None:
    made = spoken("a " + "x" * 60 + " b", 2.0)
    assert "x" * 60 in [line for cue in cues([made]) for line in cue.lines]


sentences = st.lists(st.sampled_from(["a", "the", "word,", "end.", "extraordinarily", "no?", "你"]), min_size=1).map(
    " ".join
)


@given(sentences, st.floats(0.01, 3.0), st.floats(0, 1e6))
def test_cues_are_readable_and_in_order(text: str, step: float, start: float) -> None:
    shown = cues([spoken(text, step, start)])
    assert " ".join(line for cue in shown for line in cue.lines) == text
    for cue in shown:
        assert len(cue.lines) <= 2
        assert all(len(line) <= COLUMNS for line in cue.lines)
        assert cue.end - cue.start <= 7001
        assert cue.start < cue.end
    assert all(one.end <= two.start for one, two in pairwise(shown))


@given(st.lists(st.tuples(st.floats(0, 2), st.floats(0, 2)), max_size=8))
def test_milliseconds_never_overlap_by_rounding(steps: list[tuple[float, float]]) -> None:
    spans, at = [], 0.0
    for pause, length in steps:
        spans.append((at + pause, at + pause + length))
        at = spans[-1][1]
    times = list(milliseconds(spans))
    assert all(start < end for start, end in times)
    assert all(one[1] <= two[0] for one, two in pairwise(times))
    for (start, end), (first, last) in zip(spans, times, strict=True):
        assert abs(first - start * 1000) <= 0.5 + len(spans)
        assert abs(last - end * 1000) <= 0.5 + len(spans)


def test_milliseconds_by_hand() -> None:
    assert list(milliseconds([(0.0004, 1.0), (1.0, 1.0), (1.0, 1.0), (1.0006, 2.0)])) == [
        (0, 1000),
        (1000, 1001),
        (1001, 1002),
        (1002, 2000),
    ]
    # What overlapped before still does, and nothing starts before the beginning.
    assert list(milliseconds([(-1.0, 2.0), (1.5, 3.0)])) == [(0, 2000), (1500, 3000)]


@pytest.mark.parametrize("name", ["srt", "vtt"])
def test_libav_reads_the_same_cues(name: str, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    hello, silence, marks = TALK.corrections
    long = spoken("One two three. Four --> five six, seven eight nine ten eleven twelve.", 0.61, start=10.0)
    talk = recording(hello, silence, long, marks)
    path = tmp_path / f"talk.{name}"
    path.write_text(render(name, talk), encoding="utf-8")
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux() if packet.size]
    read = [(float(p.pts * p.time_base), float((p.pts + p.duration) * p.time_base)) for p in packets]
    shown = cues(talk.corrections)
    assert len(shown) > 3
    assert read == [(cue.start / 1000, cue.end / 1000) for cue in shown]
    texts = [
        bytes(packet).decode().replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&") for packet in packets
    ]
    arrow = "->" if name == "srt" else "-->"
    assert texts == ["\n".join(cue.lines).replace("-->", arrow) for cue in shown]


@given(st.text(), st.sampled_from(list(FORMATS)))
def test_no_text_breaks_a_format(text: str, name: str) -> None:
    made = render(name, recording(segment(text, 0.0, 1.0), segment("last", 1.0, 2.0)))
    said = 2 if text.strip() else 1
    if name == "txt":
        assert len(made.splitlines()) == 2
    elif name == "tsv":
        assert [line.count("\t") for line in made.rstrip("\n").split("\n")] == [2] * (said + 1)
    elif name == "json":
        assert [item["text"] for item in json.loads(made)["segments"]] == [text.strip(), "last"]
    elif name == "jsonl":
        assert [json.loads(line)["text"] for line in made.split("\n")[:-1]] == [text, "last"]
    else:
        arrows = [line for line in made.split("\n") if "-->" in line]
        assert len(arrows) == said
        assert all(line.startswith("00:00:0") for line in arrows)
        assert made.rstrip("\n").count("\n\n") == said - 1 + (name == "vtt")
