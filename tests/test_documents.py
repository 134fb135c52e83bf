"""Documents: what is not changed stays, what is changed stays in its place; for every format alike."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from document_samples import KALDI, NLP, SAMPLES, SRT, VERBOSE, VTT, WHISPER
from hypothesis import given
from hypothesis import strategies as st

from ger.errors import InputError, RecordError, UnknownNameError
from ger.io.documents import Change, Document, changes, detect, read_document
from ger.io.documents.passages import passages
from ger.text.normalize import normalize
from ger.types import Correction, Word

NAMES = sorted(SAMPLES)
#: Those whose units are stretches of words.
STRETCHES = ("a.ctm", "a.nlp", "aws.json", "aws-channels.json", "deepgram.json")


def read(name: str) -> Document:
    return read_document(name, raw=SAMPLES[name][1].encode())


def again(document: Document, name: str, changes: Sequence[Change]) -> Document:
    return read_document(name, raw=document.written(changes))


def frame(document: Document) -> list[object]:
    """All of the units but their words, and what these tell."""
    made = [
        replace(unit, words=(), turns=(), best=unit.best and replace(unit.best, text="", words=()))
        for unit in document.units
    ]
    told = document.format in ("google", "deepgram", "vosk")
    return [replace(unit, start=None, end=None, speaker="") for unit in made] if told else list(made)


@pytest.mark.parametrize("name", NAMES)
def test_a_format_is_found_and_nothing_changes_by_itself(name: str) -> None:
    format, text = SAMPLES[name]
    assert detect(text.encode(), name) == format
    document = read(name)
    assert document.format == format
    assert document.written() == document.written([Change(0, 1, 1, ())]) == text.encode()
    assert document.units
    assert len({unit.id for unit in document.units}) == len(document.units)
    for passage in passages(document, "a"):
        assert document.written(passage.changes(passage.nbest.best.text)) == text.encode()


WORDS = st.lists(st.sampled_from(["so", "Good", "day,", "there", "x&y", "fine.", "שלום"]), max_size=9)


@pytest.mark.parametrize("name", NAMES)
@given(texts=st.lists(WORDS, min_size=4, max_size=4))
def test_a_changed_document_keeps_its_frame(name: str, texts: list[list[str]]) -> None:
    document = read(name)
    found = passages(document, "a")
    wanted = [" ".join(words) for words, _ in zip(texts, found, strict=False)]
    changes = [change for passage, text in zip(found, wanted, strict=False) for change in passage.changes(text)]
    made = again(document, name, changes)
    if name in STRETCHES:
        assert {unit.speaker for unit in made.units} <= {unit.speaker for unit in document.units}
    else:
        assert frame(made) == frame(document)
    said = [word.text for unit in made.units for word in unit.words]
    kept = [unit.words for passage in found[len(wanted) :] for unit in _units(document, passage.places)]
    meant = [word for text in wanted for word in text.split()] + [word.text for words in kept for word in words]
    assert [normalize(word) for word in said] == [normalize(word) for word in meant]
    _in_order(made)


def _units(document: Document, places: Sequence[tuple[int, int]]) -> list[object]:
    return [document.units[i] for i in dict.fromkeys(unit for unit, _ in places)]


def _in_order(document: Document) -> None:
    """Times of words never go back, and lie in their units."""
    for unit in document.units:
        times = [time for word in unit.words for time in (word.start, word.end) if time is not None]
        assert all(after >= before - 1e-9 for before, after in pairwise(times))
        if times and unit.start is not None and unit.end is not None:
            assert unit.start - 0.006 <= times[0] <= times[-1] <= unit.end + 0.006


def test_a_sentence_over_two_cues_is_one_passage() -> None:
    document = read_document("a.srt", raw=SRT.encode())
    first, *_, last = passages(document, "talk")
    assert first.nbest.best.text == "Hello my dear frend, how are you doing on this find day?"
    assert (first.nbest.id, last.nbest.id) == ("talk/1-2", "talk/4.2")
    assert first.nbest.audio
    assert (first.nbest.audio.start, first.nbest.audio.end) == (1.0, 4.0)
    made = document.written(first.changes("Hello, my dear friend, how are you to be doing on this fine day?"))
    text = made.decode()
    assert "<i>Hello,</i> my dear friend, how\r\nare you to be\r\n" in text
    assert "X1:40 Y1:10\r\n{\\an8}doing on this fine day?\r\n" in text
    assert text[text.index("3\r\n") :] == SRT[SRT.index("3\r\n") :]


def test_voices_of_a_cue_are_passages_of_their_own() -> None:
    raw = (
        "1\n00:00:01,000 --> 00:00:02,000\nso we go\n\n2\n00:00:02,000 --> 00:00:03,000\n- are you coming\n<i>- yes I "
        "am</i>\n\n3\n00:00:03,000 --> 00:00:04,000\nof coarse it is\n-5 or -- six\n"
    )
    document = read_document("a.srt", raw=raw.encode())
    found = passages(document, "a")
    assert [(p.nbest.id, p.nbest.best.text) for p in found] == [
        ("a/1", "so we go"),
        ("a/2.1", "are you coming"),
        ("a/2.2-3", "yes I am of coarse it is -5 or six"),
    ]
    wanted = ["so we go", "are you all coming now", "oh yes, I am of course it is -5 or six"]
    made = document.written([c for p, text in zip(found, wanted, strict=True) for c in p.changes(text)]).decode()
    assert made == raw.replace("coming", "all coming now").replace("yes", "oh yes,").replace("coarse", "course")
    for text, left in (("no", "no"), ("well then", "well then"), ("", "")):
        two = read_document("a.srt", raw=raw[: raw.index("3\n00")].encode())
        last = two.written(passages(two, "a")[-1].changes(text)).decode()
        assert f"- are you coming\n<i>- {left}</i>" in last or not left
    voices = b"WEBVTT\n\n00:01.000 --> 00:02.000\n<v Bob>their is</v>\n<v Ann>yes\n"
    first, second = passages(read_document("a.vtt", raw=voices), "a")
    assert (first.nbest.best.text, first.nbest.meta["speaker"]) == ("their is", "Bob")
    assert (second.nbest.best.text, second.nbest.meta["speaker"]) == ("yes", "Ann")


def test_words_leave_their_markup_and_line_breaks_behind() -> None:
    document = read_document("a.vtt", raw=VTT.encode())
    assert [unit.speaker for unit in document.units] == ["Ada Byron", ""]
    assert document.units[0].text == "Salt & pepper and friends"
    made = document.written([Change(0, 4, 5, (Word("R&D"),)), Change(1, 0, 1, ()), Change(1, 2, 2, (Word("x"),))])
    assert "<v Ada Byron>Salt & pepper" not in made.decode()
    assert "Salt &amp; pepper and <b>R&amp;D</b>\n" in made.decode()
    assert "&lt; B x\nno voice" in made.decode()


def test_rows_of_words_come_and_go() -> None:
    document = read_document("a.nlp", raw=NLP.encode())
    first, last = passages(document, "a")
    assert first.nbest.best.text == "Good day, McAnnally."
    made = document.written([*first.changes("Good day, Mr. McNally."), *last.changes("thanks a lot")]).decode()
    rows = made.splitlines()
    assert rows[1:4] == ["Good|2|4.04|4.35||UC|[]", "day|2|4.35|4.66|,|LC|[]", "<laugh>|2|4.66|4.7|||[]"]
    assert [row.split("|")[0::4] for row in rows[4:6]] == [["Mr", "."], ["McNally", "."]]
    assert [row.split("|")[1] for row in rows[1:]] == ["2"] * 5 + ["1"] * 3
    assert "thanks|1|5.4|5.51||LC|[]" in rows


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_last_row_without_an_end_stays_without_one(end: str) -> None:
    rows = ["r 1 0.50 0.25 their", "r 1 0.75 0.25 house"]
    for count in (1, 2):
        document = read_document("a.ctm", raw=end.join(rows[:count]).encode())
        new = Change(0, count, count, (Word("own", 1.0, 1.25),))
        line = end if count > 1 else "\n"
        assert document.written([new]).decode() == line.join([*rows[:count], "r 1 1.00 0.25 own"])
    assert document.written([Change(0, 1, 2, ())]).decode() == rows[0]
    assert (
        document.written([Change(0, 1, 2, (Word("home", 0.75, 1.0),))]).decode() == f"{rows[0]}{end}{rows[1][:-5]}home"
    )


def test_alternatives_and_noises_of_a_ctm_stay() -> None:
    document = read("a.ctm")
    assert [unit.text for unit in document.units] == ["good day their", "bye", "yes"]
    made = document.written([Change(0, 2, 3, (Word("there", 1.2, 1.4),)), Change(0, 0, 1, ())]).decode()
    assert "call A 1.20 0.20 there 0.51\ncall A * * <ALT>\n" in made
    assert "<eps>" in made
    assert " good " not in made


def test_of_alternatives_of_an_stm_the_first_is_what_was_said() -> None:
    raw = "call A ada 0 2 so { their / there / the air } and { @ / uh } w/o { a }\n"
    document = read_document("a.stm", raw=raw.encode())
    assert document.units[0].text == "so their and w/o a"
    assert document.written([Change(0, 1, 2, (Word("there"),))]).decode() == raw.replace("their /", "there /")


def test_rows_of_words_in_a_script_without_spaces_stay_whole() -> None:
    text = "call A 0.00 1.00 你好\ncall A 1.00 1.00 世界\ncall A 2.00 0.50 ok\n"
    document = read_document("a.ctm", raw=text.encode())
    (passage,) = passages(document, "a")
    assert [(word.text, word.start) for word in document.units[0].words[:3]] == [("你", 0.0), ("好", 0.5), ("世", 1.0)]
    assert passage.nbest.best.text == "你好世界 ok"
    assert document.written(passage.changes("你好十界 ok")).decode() == text.replace("世", "十")
    assert document.written(passage.changes("好世界 so ok")).decode().splitlines() == [
        "call A 0.00 1.00 好",
        "call A 1.00 1.00 世界",
        "call A 2.00 0.00 so",
        "call A 2.00 0.50 ok",
    ]


@pytest.mark.parametrize("rows", ["r 1 0.5 .25 a\nr 1 .75 0.5 b\n", "r 1 0.50 0.3 a\nr 1 0.75 0.5 b\n"])
def test_times_of_new_words_end_before_the_next_one(rows: str) -> None:
    document = read_document("a.ctm", raw=rows.encode())
    for count in (1, 2, 3):
        words = [Word(f"w{i}", 0.5 + 0.25 * i / count, 0.5 + 0.25 * (i + 1) / count) for i in range(count)]
        made = document.written([Change(0, 0, 1, tuple(words))]).decode().splitlines()
        times = [(float(row.split()[2]), float(row.split()[3])) for row in made]
        assert all(start + length <= after + 1e-9 for (start, length), (after, _) in pairwise(times))
        assert made[-1] == rows.splitlines()[1]
    first = document.written([Change(0, 0, 1, (replace(document.units[0].words[0], text="x"),))]).decode()
    assert first == rows.replace(" a\n", " x\n")


def test_new_rows_at_the_beginning_keep_their_order() -> None:
    changes = [Change(0, 0, 0, (Word(text),)) for text in ("one", "two")]
    made = read("a.ctm").written([*changes, Change(0, 0, 1, ())]).decode()
    assert [row.split()[4] for row in made.splitlines()[1:4]] == ["one", "two", "day"]


def test_as_many_words_keep_their_times_outside_of_their_unit() -> None:
    words = [{"word": "good", "start": 0.5, "end": 0.9}, {"word": "dey", "start": 1.1, "end": 1.25}]
    raw = json.dumps({"segments": [{"start": 0, "end": 1, "text": "good dey", "words": words}]}).encode()
    document = read_document("a.json", raw=raw)
    made = document.written(passages(document, "a")[0].changes("good day"))
    assert made == raw.replace(b"dey", b"day")


def test_words_of_whisper_follow_the_text() -> None:
    document = read_document("a.json", raw=WHISPER.encode())
    assert document.units[0].words[1] == Word("day", 0.5, 0.8, 0.8)
    value = json.loads(document.written([Change(0, 1, 2, (Word("days", 0.5, 0.7), Word("out", 0.7, 0.8)))]))
    assert value["text"] == " Good days out there. Bye, now."
    assert value["segments"][0]["text"] == " Good days out there."
    assert [word["word"] for word in value["segments"][0]["words"]] == [" Good", " days", " out", " there."]
    assert value["segments"][0]["tokens"] == [1, 2]
    assert value["segments"][1] == json.loads(WHISPER)["segments"][1]


def test_words_beside_the_segments_follow_the_text() -> None:
    document = read_document("verbose.json", raw=VERBOSE.encode())
    made = document.written([Change(0, 0, 1, ()), Change(1, 1, 2, (Word("then.", 2.5, 2.8),))])
    value = json.loads(made)
    assert value["text"] == "day there. Bye, then."
    assert [word["word"] for word in value["words"]] == ["day", "there", "Bye", "then"]
    assert made.decode().startswith("{\n    ")


def split_words() -> list[dict[str, object]]:
    """Words as openai-whisper cuts them: `-five` is one of its own."""
    said = (" It", " was", " twenty", "-five", " five", " dollers", " then.")
    return [{"word": word, "start": i / 2, "end": i / 2 + 0.4, "probability": 0.9} for i, word in enumerate(said)]


@pytest.mark.parametrize("shared", ["", "words", "word_segments"])
def test_words_that_do_not_change_keep_what_they_have(shared: str) -> None:
    words, other = split_words(), [{"word": " So", "score": 0.5}]  # whisperX has no times for some words
    segments = [
        {"start": 0, "end": 3.5, "text": " It was twenty-five five dollers then.", "words": words},
        {"start": 4, "end": 5, "text": " So", "words": other},
    ]
    value = {"segments": segments} | ({shared: [*words, *other]} if shared else {})
    document = read_document("a.json", raw=json.dumps(value).encode())
    found = passages(document, "a")
    first = document.written(found[0].changes("It was twenty-five five dollars then."))
    made = json.loads(first)
    expected = [*words[:5], {**words[5], "word": " dollars"}, words[6]]
    assert made["segments"][0]["words"] == expected
    assert made["segments"][1] == segments[1]
    assert made.get(shared or "none", [*expected, *other]) == [*expected, *other]
    more = json.loads(document.written(found[0].changes("It was really twenty-six five dollers then.")))
    assert [word["word"] for word in more["segments"][0]["words"]] == [
        *(" It", " was", " really", " twenty-six", " five", " dollers", " then."),
    ]
    assert (more["segments"][0]["words"][2]["start"], more["segments"][0]["words"][3]["end"]) == (1.0, 1.9)
    assert [*more["segments"][0]["words"][:2], *more["segments"][0]["words"][4:]] == [*words[:2], *words[4:]]


@pytest.mark.parametrize("words", [True, False])
def test_an_answer_without_segments_is_one(words: bool) -> None:
    value = {"task": "transcribe", "language": "english", "duration": 4.0, "text": "Its is there."}
    told = [{"word": w, "start": i + 0.5, "end": i + 1.0} for i, w in enumerate(("Its", "is", "there"))]
    raw = json.dumps(value | ({"words": told} if words else {})).encode()
    assert detect(raw, "a.json") == "whisper"
    assert detect(raw, "a.jsonl") is None
    document = read_document("a.json", raw=raw)
    (unit,) = document.units
    assert (unit.text, unit.start, unit.end) == ("Its is there.", *((0.5, 3.0) if words else (None, None)))
    made = document.written(passages(document, "a")[0].changes("It is there."))
    assert made == raw.replace(b"Its", b"It")


def test_wide_files_are_found_by_what_is_inside() -> None:
    for text, name, format in ((WHISPER, "a.json", "whisper"), (SRT.removeprefix("\ufeff"), "a.txt", "srt")):
        raw = text.encode("utf-16")
        assert detect(raw, name) == format
        document = read_document(name, raw=raw)
        assert document.units[0].words[0].text in ("Good", "Hello")
        assert document.written() == raw
        assert document.written([Change(0, 0, 1, (Word("Well"),))]).decode("utf-16").count("Well") in (1, 3)


def test_a_service_that_has_no_words() -> None:
    value = {"words": None, "segments": [{"text": "good day", "start": 0.0, "end": 1.0}]}
    document = read_document("a.json", raw=json.dumps(value).encode())
    assert document.units[0].words == (Word("good"), Word("day"))


def test_half_surrogates_are_written_as_json_does() -> None:
    raw = '{"segments": [{"text": "caf\\ud800 שלום a", "start": 0, "end": 1}]}'.encode()
    document = read_document("a.json", raw=raw)
    made = document.written([Change(0, 2, 3, (Word("b"),))])
    assert made == raw.replace(b" a", b" b")
    assert read_document("a.json", raw=made).units[0].words[2].text == "b"


def test_utterances_of_kaldi_keep_their_ids() -> None:
    document = read_document("text", raw=KALDI.encode(), format="kaldi")
    assert [passage.nbest.id for passage in passages(document, "text")] == ["u1", "u2", "u3"]
    empty = passages(document, "text")[1]
    assert document.written(empty.changes("SO IT IS")) == KALDI.replace("u2", "u2 SO IT IS").encode()
    assert document.written([Change(2, 1, 2, ())]) == b"u1 HELLO THERE\nu2\nu3\tGOOD NOW\n"


@pytest.mark.parametrize(
    ("said", "change", "made"),
    [
        ("用 A股 吧", Change(0, 2, 3, (Word("x"),)), "用 A x 吧"),
        ("股A", Change(0, 0, 1, (Word("x"),)), "x A"),
        ("你好", Change(0, 0, 2, (Word("you"), Word("too"))), "you too"),
        ("A股B", Change(0, 1, 2, ()), "A B"),
        ("A股 B", Change(0, 1, 2, ()), "A B"),
        ("你A", Change(0, 1, 1, (Word("x"),)), "你 x A"),
        ("你好吗", Change(0, 1, 2, (Word("x"),)), "你x吗"),
    ],
)
def test_words_beside_a_script_without_spaces_stay_words(said: str, change: Change, made: str) -> None:
    document = read_document("text", raw=f"u1 {said}\n".encode(), format="kaldi")
    assert document.written([change]).decode() == f"u1 {made}\n"


@pytest.mark.parametrize("name", ["a.srt", "a.json"])
def test_marks_of_direction_stay_where_they_are(name: str) -> None:
    said = "\u202b\u200fשלום עולם\u200e.\u202c \u2067AB\u2069C"
    json_ = json.dumps({"segments": [{"text": said, "start": 0, "end": 1}]}, ensure_ascii=False)
    raw = json_ if name == "a.json" else f"1\n00:00:00,000 --> 00:00:01,000\n{said}\n"
    document = read_document(name, raw=raw.encode())
    assert [word.text for word in document.units[0].words] == ["שלום", "עולם.", "ABC"]
    made = document.written([Change(0, 0, 1, (Word("היי"),)), Change(0, 2, 3, (Word("AB"), Word("D")))]).decode()
    assert made == raw.replace("שלום", "היי").replace("AB\u2069C", "AB\u2069 D")


def test_characters_that_html_does_not_have() -> None:
    document = read_document("a.vtt", raw=b"WEBVTT\n\n00:01.000 --> 00:02.000\na&#1;b c d\n")
    assert [word.text for word in document.units[0].words] == ["a\ufffdb", "c", "d"]
    assert document.written([Change(0, 1, 2, (Word("x"),))]).endswith(b"\na&#1;b x d\n")


def test_changes_of_a_speaker_with_a_line_separator(tmp_path: Path) -> None:
    raw = "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ada\u2028Byron>good dey\n".encode()
    document = read_document("a.vtt", raw=raw)
    (passage,) = passages(document, "a")
    made = [(passage, Correction.of(passage.nbest, "good day", "rewritten"))]
    (tmp_path / "c.jsonl").write_text("".join(changes.lines(changes.rows(document, made, "a\u2028.vtt"))), "utf-8")
    found = changes.read(tmp_path / "c.jsonl")
    assert changes.applied(document, found) == raw.replace(b"dey", b"day")


@pytest.mark.parametrize("word", ["", "a b", "a\\n"])
def test_changes_hold_words(tmp_path: Path, word: str) -> None:
    row = f'{{"unit": "1", "at": 0, "old": [{{"text": "good"}}], "new": [{{"text": "{word}"}}]}}\n'
    (tmp_path / "c.jsonl").write_text(row)
    with pytest.raises(RecordError, match=r"c\.jsonl, line 1 is no change"):
        changes.read(tmp_path / "c.jsonl")


def test_changes_have_to_fit() -> None:
    document = read("a.tsv")
    for wrong in ([Change(0, 1, 3, ())], [Change(0, 0, 2, ()), Change(0, 1, 2, ())]):
        with pytest.raises(ValueError, match="does not fit"):
            document.written(wrong)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.srt", "1\n00:00:01,000 --> soon\nx\n", "a.srt, line 2: no times"),
        ("a.srt", "1\n00:00:02,000 --> 00:00:01,000\nx\n", "a.srt, line 2: the cue ends before it begins"),
        ("a.srt", f"1\n{'9' * 5000}:00:01,000 --> 00:00:02,000\nx\n", "a.srt, line 2: no times"),
        ("a.vtt", "00:01.000 --> 00:02.000\nx\n", "a.vtt, line 1: a WebVTT file begins with WEBVTT"),
        ("a.ctm", "call A 0 1 x\ncall A x 1 y\n", "a.ctm, line 2: x and 1 are no start"),
        ("a.ctm", "call A 0 -1 x\n", "a.ctm, line 1: the duration is negative"),
        ("a.ctm", "call A 0\n", "a.ctm, line 1: expected recording"),
        ("a.stm", "call A ada 2 1 x\n", "a.stm, line 1: 2 and 1 are no start and end"),
        ("a.stm", "call A ada\n", "a.stm, line 1: expected recording"),
        ("a.nlp", "word|speaker\n", "a.nlp, line 1: there is no column 'token'"),
        ("a.nlp", "token|speaker|ts\na|1\n", "a.nlp, line 2: expected 3 columns, found 2"),
        ("a.nlp", "token|speaker|ts\na|1|x\n", "a.nlp, line 2: 'x' is no time"),
        ("a.nlp", "token|speaker|ts|endTs\na|1|2|1\n", "a.nlp, line 2: the word ends before it begins"),
        ("a.tsv", "start\tend\ttext\n1\t2\n", "a.tsv, line 2: expected start, end and text"),
        ("a.json", WHISPER[:400], "It may be cut off"),
        ("a.json", '{"segments": [{"text": 1}]}', "a.json, segment 1: 'text' is '1'"),
        ("a.json", '{"segments": [{"text": "a", "start": 2, "end": 1}]}', "a.json, segment 1 ends before it begins"),
        ("a.json", '{"segments": [{"start": 2, "end": 1}]}', "a.json, segment 1: 'text' is missing"),
        ("a.json", '{"segments": [3]}', "a.json, segment 1: expected an object, found '3'"),
        (
            "a.json",
            '{"segments": [{"text": ""}, {"text": "a", "start": NaN}]}',
            "a.json, segment 2: 'start' is no time",
        ),
        ("a.json", '{"segments": ' + "[" * 5000, "a.json is nested too deeply"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(name: str, text: str, said: str) -> None:
    format = {"srt": "srt", "tsv": "tsv", "json": "whisper"}.get(name.rpartition(".")[2])
    with pytest.raises(InputError, match=r".*") as error:
        read_document(name, raw=text.encode(), format=format)
    assert said in str(error.value)


def test_times_may_have_blanks_inside() -> None:
    raw = b"1\n00:00:01, 000 --> 00:00:02, 500\ntheir house\n\n2\n00: 00 :03,000  -->00:00:04 ,5 X1:40\nis big\n"
    assert detect(raw, "a.txt") == "srt"
    document = read_document("a.srt", raw=raw)
    assert [(unit.text, unit.start, unit.end) for unit in document.units] == [
        ("their house", 1.0, 2.5),
        ("is big", 3.0, 4.5),
    ]
    assert document.written([Change(0, 0, 1, (Word("there"),))]) == raw.replace(b"their", b"there")


@pytest.mark.parametrize(
    "times",
    [
        "00:00:02,00x --> 00:00:03,000",
        "-00:00:02,000 --> 00:00:03,000",
        "00:00:02,000 -> 00:00:03,000",
        "00:02:000 ->00:03:000",
        "00:00:02;000 --> 00:00:03;000",
        "2 00:00:02,000 --> 00:00:03,000",
    ],
)
def test_badly_written_times_are_no_text(times: str) -> None:
    first = "1\n00:00:00,000 --> 00:00:01,000\na\n\n"
    for before, line in ((first, 6), ("", 2)):
        with pytest.raises(InputError, match=rf"a\.srt, line {line}: no times around"):
            read_document("a.srt", raw=f"{before}2\n{times}\nb\n".encode())


def test_arrows_in_texts_are_no_times() -> None:
    said = ["a --> b", "10:30 is when we go --> to 11:30", "10:30 -> 11:30", "from 1 -> 2"]
    raw = "1\n00:00:00,000 --> 00:00:01,000\n" + "\n".join(said)
    (unit,) = read_document("a.srt", raw=raw.encode()).units
    assert unit.text.startswith("a b 10:30 is when")
    assert unit.text.endswith("1 2")


def test_subtitles_without_cues_are_refused() -> None:
    with pytest.raises(InputError, match=r"a\.srt holds no cues\. Write times as"):
        read_document("a.srt", raw=b"1\nhello\n")
    assert read_document("a.srt", raw=b"\n").units == ()


def test_numbers_of_cues_may_be_long() -> None:
    cue = "\n00:00:01,000 --> 00:00:02,000\nhello\n"
    document = read_document("a.srt", raw=f"{'9' * 5000}{cue}{'8' * 5000}{cue}".encode())
    assert [unit.text for unit in document.units] == [f"hello {'8' * 5000}", "hello"]


def test_a_long_line_of_spaces_is_read_at_once() -> None:
    raw = f"1\n00:00:01,000 --> 00:00:02,000\n{' ' * 200_000}x\n".encode()
    assert read_document("a.srt", raw=raw).units[0].text == "x"
    for times in (f"0{' ' * 200_000}", f"00:00{' ' * 200_000}", "00:" * 100_000, f"1{' ' * 200_000}00:00:01,5 -"):
        read_document("a.srt", raw=raw + times.encode() + b"x")


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(InputError, match=r"a\.srt, line 3: byte 0xe9 is not UTF-8.*iconv"):
        read_document("a.srt", raw="1\n00:00:01,000 --> 00:00:02,000\ncafé\n".encode("latin-1"))
    wide = b"\xff\xfe" + SRT.removeprefix("\ufeff").encode("utf-16-le")
    document = read_document("a.srt", raw=wide)
    assert document.written() == wide
    assert document.units[0].words[0].text == "Hello"


def test_unknown_formats() -> None:
    with pytest.raises(UnknownNameError, match=r"'srtt'.*Did you mean 'srt'"):
        read_document("a", raw=b"", format="srtt")
    with pytest.raises(InputError, match="in no format that is known"):
        read_document("a.bin", raw=b"hello")
    with pytest.raises(InputError, match="cannot be read"):
        read_document("nowhere.srt")


def long_srt(count: int) -> str:
    """Cues that overlap, are empty, hold tags, several lines, and text from right to left."""
    said = (
        "<i>Hello</i> there,",
        "you all.\r\nAnd {\\an8}you",
        "",
        "- שלום לכם,\r\n- مرحبا بكم.",
        "50 % of [noise] it",
    )
    cues = []
    for i in range(count):
        start, end = divmod(i * 400, 60_000), divmod(i * 400 + 900, 60_000)
        times = [f"{m // 60:02}:{m % 60:02}:{ms // 1000:02},{ms % 1000:03}" for m, ms in (start, end)]
        cues.append(f"{i + 1}\r\n{times[0]} --> {times[1]}{' X1:10' * (i % 7 == 0)}\r\n{said[i % 5]}\r\n\r\n")
    return "\ufeff" + "".join(cues)


def test_two_thousand_awkward_cues() -> None:
    raw = long_srt(2000).encode()
    document = read_document("a.srt", raw=raw)
    assert len(document.units) == 2000
    assert document.written() == raw
    found = passages(document, "a")
    texts = [p.nbest.best.text for p in found]
    changes = [
        c for p, text in zip(found, texts, strict=True) for c in p.changes(text.replace("there", "dear friends"))
    ]
    made = again(document, "a.srt", changes)
    assert frame(made) == frame(document)
    before, after = (d.written().decode().split("\r\n\r\n") for d in (document, made))
    assert len(before) == len(after)
    assert [b.replace("there", "dear friends") for b in before] == after
