"""What icefall, WeNet and NeMo write, with other words."""

from __future__ import annotations

import json

import pytest
from document_samples import ICEFALL, NEMO, WENET

from ger.errors import InputError
from ger.io.documents import Change, Document, detect, read_document
from ger.io.documents.passages import passages
from ger.types import Hypothesis, Word


def read(format: str, text: str) -> Document:
    return read_document("x", raw=text.encode(), format=format)


def corrected(format: str, text: str, *texts: str) -> str:
    """The file with other texts in its first utterances that have words."""
    document = read(format, text)
    found = zip((passage for passage in passages(document) if passage.places), texts, strict=False)
    return document.written([change for passage, new in found for change in passage.changes(new)]).decode()


def test_utterances_of_icefall() -> None:
    units = read("icefall", ICEFALL).units
    assert [unit.id for unit in units] == ["talk-1:0", "talk-2", "talk-3", "talk-4"]
    assert [unit.text for unit in units] == ["GOOD DAY THEY'RE", "你好吗 A", "", "YES SIR"]
    assert [unit.reference for unit in units] == ["GOOD DAY THERE", "你好", None, ""]
    assert all(unit.closed for unit in units)
    assert units[0].words[1] == Word("DAY", 0.44)
    assert [(word.text, word.start, word.end) for word in units[1].words] == [
        ("你", 0.04, 0.12),
        ("好", 0.12, 0.2),
        ("吗", 0.4, 0.52),
        ("A", 0.8, 0.92),
    ]
    assert units[3].words == (Word("YES"), Word("SIR"))


def test_lists_of_icefall_are_written_as_python_does() -> None:
    made = corrected("icefall", ICEFALL, "GOOD DAY OVER THERE", "你号吗 A", "YES SIR, I'M SO").split("\n")
    old = ICEFALL.split("\n")
    assert made[:1] + made[2:3] == old[:1] + old[2:3]
    assert made[1] == "talk-1:0:\thyp=['GOOD', 'DAY', 'OVER', 'THERE']"
    assert made[3] == "talk-1:0:\ttimestamp_hyp=[0.080, 0.440, 0.880, 0.880]"
    # One item of two words is still one, and the dash stays with its time.
    assert made[4:6] == [old[4], "talk-2:\thyp=['你号', '吗', '-', 'A']\r"]
    assert made[6] == old[6]
    assert made[7:] == [*old[7:-1], "talk-4:\thyp=['YES','SIR,',\"I'M\",'SO']"]


@pytest.mark.parametrize("time", ["1e999", "-1e999", f"1{'0' * 400}", "(0, 1e999)"])
def test_times_of_icefall_are_times(time: str) -> None:
    text = f"u:\thyp=['A']\nu:\ttimestamp_hyp=[{time}]\n"
    with pytest.raises(InputError, match="x, line 2: expected a list of times"):
        read("icefall", text)


def test_words_of_icefall_that_come_and_go() -> None:
    document = read("icefall", ICEFALL)
    changes = [
        Change(1, 0, 2, (Word("HI", 0.04, 0.2), Word("HO", 0.2, 0.3))),
        Change(1, 2, 3, ()),
        Change(1, 4, 4, (Word("B", 0.95, 1.0),)),
        Change(2, 0, 0, (Word("OH"),)),
    ]
    made = document.written(changes).decode().split("\n")
    assert made[5] == "talk-2:\thyp=['HI', 'HO', '-', 'A', 'B']\r"
    pairs = "(0.040, 0.200), (0.200, 0.300), (0.600, 0.640), (0.800, 0.920), (0.950, 1.000)"
    assert made[6] == f"talk-2:\ttimestamp_hyp=[{pairs}]\r"
    assert made[7:9] == ["talk-3:\thyp=['OH']", "talk-3:\ttimestamp_hyp=[0.000]"]


def test_times_of_icefall_that_fit_no_words_stay() -> None:
    text = "u:\thyp=['A', 'B']\nu:\ttimestamp_hyp=[0.1]\n"
    assert read("icefall", text).units[0].words == (Word("A"), Word("B"))
    assert corrected("icefall", text, "A C") == "u:\thyp=['A', 'C']\nu:\ttimestamp_hyp=[0.1]\n"


WER_1 = "utt: u1\nWER: 50.00 % N=4 C=3 S=0 D=1 I=1\nlab:     GOOD DAY TO YOU \nrec: WHAT GOOD     TO YOU \n"
WER_2 = "utt: u2\nWER: 33.33 % N=3 C=2 S=1 D=0 I=0\nlab: 你 好 吗 \nrec: 你 号 吗 \n"


def test_utterances_of_wenet() -> None:
    units = read("wenet", WENET).units
    assert [(unit.id, unit.text, unit.reference) for unit in units] == [
        ("u1", "WHAT GOOD TO YOU", "GOOD DAY TO YOU"),
        ("u2", "你号吗", "你好吗"),
        ("u3", "", ""),
    ]
    assert all(unit.closed for unit in units)
    assert WER_1 in WENET
    assert WER_2 in WENET


def test_changed_utterances_of_wenet_are_aligned_and_counted_anew() -> None:
    made = corrected("wenet", WENET, "GOOD DAZE TO")
    told = (
        "utt: u1\nWER: 50.00 % N=4 C=2 S=1 D=1 I=0\nlab: GOOD DAY  TO YOU \nrec: GOOD DAZE TO     \n",
        "Overall -> 42.86 % N=7 C=4 S=2 D=1 I=0\nEnglish -> 50.00 % N=4 C=2 S=1 D=1 I=0\n",
    )
    old = WENET.replace(WER_1, told[0])
    at = old.index("Overall")
    assert made == old[:at] + told[1] + old[old.index("Mandarin") :]


def test_rates_of_scripts_follow() -> None:
    made = corrected("wenet", WENET, "GOOD DAY TO YOU", "你好吗 OK 2 OK2")
    assert "utt: u1\nWER: 0.00 % N=4 C=4 S=0 D=0 I=0\nlab: GOOD DAY TO YOU \nrec: GOOD DAY TO YOU \n" in made
    assert "WER: 100.00 % N=3 C=3 S=0 D=0 I=3\nlab: 你 好 吗          \nrec: 你 好 吗 OK 2 OK2 \n" in made
    assert "Overall -> 42.86 % N=7 C=7 S=0 D=0 I=3\n" in made
    assert "English -> 25.00 % N=4 C=4 S=0 D=0 I=1\nMandarin -> 0.00 % N=3 C=3 S=0 D=0 I=0\n" in made
    assert "Names -> 0.00 % N=1 C=1 S=0 D=0 I=0\n" in made  # whose words are not known


def test_all_words_of_an_utterance_go() -> None:
    document = read("wenet", WENET)
    made = document.written([Change(1, 0, 3, ()), Change(2, 0, 0, (Word("YES"),))]).decode()
    assert "WER: 100.00 % N=3 C=0 S=0 D=3 I=0\nlab: 你 好 吗 \nrec:          \n" in made
    assert "utt: u3\nWER: 0.00 % N=0 C=0 S=0 D=0 I=1\nlab:     \nrec: YES \n" in made


def test_other_ways_that_wenet_writes() -> None:
    block = "utt: u\nWER: 33.33 % N=3 C=2 S=0 D=1 I=0\n"
    text = f"{block}lab: A BCD E \nrec: A ___ E \n\n"
    assert read("wenet", text).units[0].text == "A E"
    assert corrected("wenet", text, "A BC") == (
        "utt: u\nWER: 66.67 % N=3 C=1 S=1 D=1 I=0\nlab: A BCD E \nrec: A BC_ _ \n\n"
    )
    text = f"{block}lab(b'u'): A BCD \nrec(b'u'): A     \n\nlab(b'u'): E \nrec(b'u'): E \n\nutt: v\nlab: \nrec:\n"
    assert [unit.text for unit in read("wenet", text).units] == ["A E", ""]
    assert read("wenet", text).units[0].reference == "A BCD E"
    assert corrected("wenet", text, "A BCD E") == (
        "utt: u\nWER: 0.00 % N=3 C=3 S=0 D=0 I=0\nlab(b'u'): A BCD E \nrec(b'u'): A BCD E \n\nutt: v\nlab: \nrec:\n"
    )
    assert read("wenet", text).written([Change(1, 0, 0, (Word("YES"),))]).endswith(b"lab:     \nrec: YES \n")


def test_utterances_of_nemo() -> None:
    one, two, three = read("nemo", NEMO).units
    assert (one.id, one.recording, one.start, one.end) == ("one", "clips/one.wav", 0.0, 2.5)
    assert (one.text, one.reference) == ("good day their", "good day there")
    assert one.words[2] == Word("their", 0.88, 1.28)
    assert (one.best, one.others) == (Hypothesis("good day their", -1.5), (Hypothesis("good day there", -2.25),))
    assert (two.start, two.end, two.speaker, two.language, two.reference) == (10.0, 12.0, "3", "fr", None)
    assert (two.text, two.best, three.text, three.reference, three.end) == ("café שלום", None, "", "", None)
    assert all(unit.closed for unit in (one, two, three))
    (first, _, last) = passages(read("nemo", NEMO))
    assert (last.nbest.best.text, last.changes("")) == ("", [])
    assert (first.nbest.id, [h.score for h in first.nbest.hypotheses]) == ("one", [-1.5, -2.25])


def test_what_repeats_the_text_of_nemo_follows() -> None:
    made = corrected("nemo", NEMO, "a good day over there")
    line, *others = made.split("\n")
    assert others == NEMO.split("\n")[1:]
    assert line.endswith("\r")
    value, old = json.loads(line), json.loads(NEMO.split("\n")[0])
    assert value["pred_text"] == "a good day over there"
    assert value["beams"] == [["a good day over there", -1.5], ["good day there", -2.25]]
    assert [entry["word"] for entry in value["timestamps_word"]] == ["a", "good", "day", "over", "there"]
    assert value["timestamps_word"][2] == old["timestamps_word"][1]
    assert 0.72 <= value["timestamps_word"][3]["start"] <= value["timestamps_word"][4]["start"] <= 1.28
    assert [entry["segment"] for entry in value["timestamps_segment"]] == ["a good day", "over there"]
    kept = ("audio_filepath", "duration", "text", "wer")
    assert {key: value[key] for key in kept} == {key: old[key] for key in kept}
    assert list(value) == list(old)


def test_lines_of_nemo_are_written_in_their_own_way() -> None:
    document = read("nemo", NEMO)
    made = document.written([Change(1, 0, 1, (Word("thé"),)), Change(2, 0, 0, (Word("oui"),))]).decode()
    lines = made.split("\n")
    assert lines[:2] == NEMO.split("\n")[:2]
    assert lines[2] == NEMO.split("\n")[2].replace("caf\\u00e9", "th\\u00e9")
    assert lines[3] == '{"audio_filepath": "clips/three.wav", "text": "", "pred_text": "oui"}'


def test_a_change_over_several_segments_of_nemo() -> None:
    document = read("nemo", NEMO)
    made = document.written([Change(0, 1, 3, (Word("night", 0.5, 1.0), Word("all", 1.0, 1.2)))])
    value = json.loads(made.split(b"\r\n")[0])
    assert value["pred_text"] == "good night all"
    assert [entry["segment"] for entry in value["timestamps_segment"]] == ["good night all", ""]
    other = NEMO.replace('"segment": "their"', '"segment": "else"')
    value = json.loads(read("nemo", other).written([Change(0, 0, 1, ())]).split(b"\r\n")[0])
    assert [entry["segment"] for entry in value["timestamps_segment"]] == ["good day", "else"]


def test_times_of_nemo_are_those_in_the_utterance() -> None:
    entry = {"audio_filepath": "a.wav", "offset": 5, "duration": 2, "pred_text": "red dore"}
    words = [{"word": "red", "start": 0.5, "end": 0.75}, {"word": "dore", "start": 1.0, "end": 1.5}]
    text = json.dumps({**entry, "timestamps_word": words})
    assert read("nemo", text).units[0].words[1] == Word("dore", 6.0, 6.5)
    made = json.loads(corrected("nemo", text, "red door"))
    assert made["timestamps_word"] == [words[0], {"word": "door", "start": 1.0, "end": 1.5}]


def test_names_of_nemo() -> None:
    lines = [{"audio_filepath": path, "text": "a"} for path in ("x/a.wav", "y/a.wav", "b.wav", "")]
    text = "\n".join(map(json.dumps, lines))
    assert [unit.id for unit in read("nemo", text).units] == ["a:0001", "a:0002", "b:0003", ":0004"]
    assert [unit.reference for unit in read("nemo", text).units] == [None] * 4


def test_texts_of_a_model_of_nemo() -> None:
    text = '{"audio_filepath": "a.wav", "text": "a", "pred_text_x": "b", "beams": [["c", null], ["d", true]]}\n'
    (unit,) = read("nemo", text).units
    assert (unit.text, unit.reference, unit.best) == ("b", "a", Hypothesis("b"))
    assert unit.others == (Hypothesis("c"), Hypothesis("d"))
    assert corrected("nemo", text, "e") == text.replace('"b"', '"e"')


def test_only_manifests_are_manifests() -> None:
    assert detect(b'\n\xef\xbb\xbf{"a": "audio_filepath"}', "x") is None
    assert detect(b'{"audio_filepath": 1,\n"text": ""}', "x") is None
    assert detect(b'{"audio_filepath": 1}', "x") is None
    assert detect(b'\xef\xbb\xbf{"audio_filepath": "", "text": ""}\n{', "x") == "nemo"
    assert detect(b'{"segments": [], "text": "", "audio_filepath_": 1}', "x") == "whisper"


@pytest.mark.parametrize(
    ("format", "text", "said"),
    [
        ("icefall", "u:\tref=['A']\n", "x, line 1: 'u' has no hyp. The file may be cut off."),
        ("icefall", "u:\thyp=['A']\nu hyp\n", "x, line 2: expected ID:<TAB>ref=[…] or hyp=[…]"),
        ("icefall", "u:\thyp=['A'", "x, line 1: expected a list of words, found \"['A'\""),
        ("icefall", "u:\thyp=['A', 1]", "x, line 1: expected a list of words"),
        ("icefall", "u:\thyp=[" + "[" * 5000, "x, line 1: expected a list of words"),
        ("icefall", "u:\thyp=['A']\nu:\ttimestamp_hyp=[(1, 2, 3)]", "x, line 2: expected a list of times"),
        ("icefall", "u:\thyp=['A']\nu:\ttimestamp_hyp=[True]", "x, line 2: expected a list of times"),
        ("icefall", "u:\thyp=['A']\nu:\thyp=['A']", "x: line 1 and line 2 both have the id 'u'"),
        ("wenet", "utt: u\nlab: A\n", "x, line 1: 'u' has no lab or no rec"),
        ("wenet", "\nlab: A\n", "x, line 2: 'lab' belongs to no utterance"),
        ("wenet", WER_1 + WER_1, "x: line 1 and line 5 both have the id 'u1'"),
        ("nemo", '{"audio_filepath": "a", "text": "b"}\n{"text": "b"}', "x, line 2: 'audio_filepath' is missing"),
        (
            "nemo",
            '{"audio_filepath": "a", "pred_text": "b"}\n\n{"audio_filepath": "c"}',
            "x, line 3: 'pred_text' is miss",
        ),
        ("nemo", '{"audio_filepath": "a", "text": 5}', "x, line 1: 'text' is '5'"),
        ("nemo", '{"audio_filepath": "a", "text": "b"}\n{"audio', "x, line 2, column 2: Unterminated string"),
        (
            "nemo",
            '{"audio_filepath": "a", "text": "b", "beams": [["b"]]}',
            "x, line 1: 'beams' should hold texts with sc",
        ),
        (
            "nemo",
            '{"audio_filepath": "a", "pred_text_a": "b", "pred_text_b": "b"}',
            "of several models: pred_text_a, pre",
        ),
        ("nemo", "[1]", "x, line 1: expected an object"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(format: str, text: str, said: str) -> None:
    with pytest.raises(InputError, match=r".*") as error:
        read(format, text)
    assert said in str(error.value)


def test_rates_of_wenet_that_do_not_change_stay_as_they_are() -> None:
    text = WENET.replace("-> 42.86 %", "-> 42.9 %")
    document = read("wenet", text)
    assert document.written().decode() == text
    made = document.written([Change(1, 1, 2, (Word("好"),))]).decode()
    assert "Overall -> 28.57 % N=7 C=6 S=0 D=1 I=1\nEnglish -> 50.00 %" in made


def test_numbers_of_wenet_may_be_long() -> None:
    text = WENET.replace("N=7", f"N={'7' * 5000}")
    assert read("wenet", text).written([Change(1, 1, 2, (Word("好"),))]).decode().count("7" * 5000) == 1


def test_lines_of_wenet_in_another_order() -> None:
    with pytest.raises(InputError, match="x, line 1: 'u' has WER, lab and rec in another order"):
        read("wenet", "utt: u\nrec: A\nWER: 0.00 % N=1 C=1 S=0 D=0 I=0\nlab: A\nrec: A\n")


def test_scores_of_nemo_may_be_too_large() -> None:
    text = f'{{"audio_filepath": "a.wav", "pred_text": "a", "beams": [["a", 1{"0" * 400}], ["b", NaN]]}}\n'
    (unit,) = read("nemo", text).units
    assert (unit.best, unit.others) == (Hypothesis("a"), (Hypothesis("b"),))
