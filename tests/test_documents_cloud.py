"""Answers of services and of Vosk: all places that tell the same words follow, and the alternatives stay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cloud_samples import (
    AWS,
    AWS_CHANNELS,
    AWS_SEGMENTS,
    AZURE,
    AZURE_BATCH,
    AZURE_LINES,
    AZURE_LIST,
    CLOUD,
    DEEPGRAM,
    DEEPGRAM_CHANNELS,
    GOOGLE,
    VOSK,
    VOSK_SEVERAL,
)
from hypothesis import given
from hypothesis import strategies as st

from ger.errors import InputError
from ger.io.documents import Change, Document, detect, read_document
from ger.io.documents.follow import Step, steps
from ger.io.documents.passages import passages
from ger.io.jsonl import dumps
from ger.text.normalize import normalize
from ger.types import Hypothesis, Word

Texts = list[list[str]]


def read(name: str, text: str | None = None) -> Document:
    return read_document(name, raw=(text or CLOUD[name][1]).encode())


def changed(document: Document, texts: dict[int, str]) -> str:
    """The document with other texts of some passages."""
    found = passages(document)
    return document.written([change for n, text in texts.items() for change in found[n].changes(text)]).decode()


def split(*texts: str) -> list[str]:
    return [word for text in texts for word in text.split()]


def google(value: Any) -> Iterator[Texts]:
    results = value["response"]["results"]
    if isinstance(results, dict):
        results = results["gs://talks/a.wav"]["inlineResult"]["transcript"]["results"][1:]
    told = [result["alternatives"][0] for result in results]
    for best in told:
        if "transcript" in best and "words" in best:
            yield [split(best["transcript"]), [entry["word"] for entry in best["words"]]]
    if "transcript" not in told[-1]:
        yield [split(*(best["transcript"] for best in told[:-1])), [entry["word"] for entry in told[-1]["words"]]]


def items(found: list[Any]) -> list[str]:
    """The words of Amazon's items."""
    made: list[str] = []
    for item in found:
        text = item["alternatives"][0]["content"] if "alternatives" in item else item["content"]
        if item["type"] == "punctuation":
            made[-1] += text
        else:
            made.append(text)
    return made


def aws(value: Any) -> Iterator[Texts]:
    results = value["results"]
    spoken = [item for item in results["items"] if item["type"] == "pronunciation"]
    if "channel_labels" not in results:
        yield [items(results["items"]), split(results["transcripts"][0]["transcript"])]
    for channel in results.get("channel_labels", {}).get("channels", []):
        own = [item for item in results["items"] if item["channel_label"] == channel["channel_label"]]
        assert own == channel["items"]
    if "speaker_labels" in results:
        labels = [entry for stretch in results["speaker_labels"]["segments"] for entry in stretch["items"]]
        told = [(item["start_time"], item["end_time"], item["speaker_label"]) for item in spoken]
        assert [(entry["start_time"], entry["end_time"], entry["speaker_label"]) for entry in labels] == told
    if "audio_segments" in results:
        assert [item["id"] for item in results["items"]] == list(range(len(results["items"])))
        assert [at for part in results["audio_segments"] for at in part["items"]] == list(range(len(results["items"])))
    for part in results.get("audio_segments", []):
        yield [items([results["items"][at] for at in part["items"]]), split(part["transcript"])]
    segments = [part["alternatives"][0] for part in results.get("segments", [])]
    for best in segments:
        yield [items(best["items"]), split(best["transcript"])]
    if segments:
        yield [items(results["items"]), split(*(best["transcript"] for best in segments))]


def ticks(text: str) -> int:
    """A time such as `PT1.5S` in 100 ns."""
    return round(float(text.removeprefix("PT").removesuffix("S")) * 1e7)


def azure(value: Any) -> Iterator[Texts]:
    for phrase in value if isinstance(value, list) else value.get("recognizedPhrases", [value]):
        best = next(iter(phrase.get("NBest", phrase.get("nBest", []))), None)
        if best:
            found = {key.lower(): told for key, told in best.items()}
            yield [split(found[key]) for key in ("display", "maskeditn", "itn")]
            words = [entry.get("Word") or entry["word"] for entry in found["words"]]
            yield [split(found["lexical"]), words]
            if "displaywords" in found:
                yield [split(found["display"]), [entry["DisplayText"] for entry in found["displaywords"]]]
                yield [split(found["display"]), split(phrase["DisplayText"])]
            if "recognizedPhrases" in value:
                assert all(ticks(entry["offset"]) == entry["offsetInTicks"] for entry in found["words"])
    for whole in [] if isinstance(value, list) else value.get("combinedRecognizedPhrases", []):
        told = [p["nBest"][0] for p in value["recognizedPhrases"] if p["channel"] == whole["channel"]]
        for key in ("display", "itn", "lexical"):
            yield [split(whole[key]), split(*(best[key] for best in told))]


def deepgram(value: Any) -> Iterator[Texts]:
    results = value["results"]
    for channel in results["channels"]:
        best = channel["alternatives"][0]
        yield [split(best["transcript"]), [entry.get("punctuated_word", entry["word"]) for entry in best["words"]]]
        yield [split(best["transcript"]), [entry["word"] for entry in best["words"]]]
        if "paragraphs" in best:
            paragraphs = best["paragraphs"]["paragraphs"]
            sentences = [[sentence["text"] for sentence in part["sentences"]] for part in paragraphs]
            assert [part["num_words"] for part in paragraphs] == [len(split(*texts)) for texts in sentences]
            text = best["paragraphs"]["transcript"]
            assert text.count("Speaker 0: ") == text.count("Speaker 1: ") == 1
            yield [
                split(best["transcript"]),
                split(*(text for texts in sentences for text in texts)),
                split(text.replace("Speaker 0:", "").replace("Speaker 1:", "")),
                split(*(part["transcript"] for part in results["utterances"])),
            ]
            for part in results["utterances"]:
                yield [split(part["transcript"]), [entry["punctuated_word"] for entry in part["words"]]]


def vosk(value: Any) -> Iterator[Texts]:
    for best in value["alternatives"][:1]:
        yield [split(best["text"]), [entry["word"] for entry in best["result"]]]


TOLD = {"google": google, "aws": aws, "azure": azure, "deepgram": deepgram, "vosk": vosk}
NAMES = sorted(name for name in CLOUD if name.endswith(".json"))


def agrees(name: str, text: str) -> None:
    for texts in TOLD[CLOUD[name][0]](json.loads(text)):
        forms = [[normalize(word) for word in said] for said in texts]
        assert all(form == forms[0] for form in forms), texts


@pytest.mark.parametrize("name", NAMES)
def test_the_samples_agree_with_themselves(name: str) -> None:
    if not name.startswith("azure"):  # written in figures and in words
        agrees(name, CLOUD[name][1])


WORDS = st.lists(st.sampled_from(["so", "Good", "day,", "is.", "x&y", "it", "Yes,", "שלום", "fine."]), max_size=9)


@pytest.mark.parametrize("name", NAMES)
@given(texts=st.lists(WORDS, min_size=7, max_size=7))
def test_all_places_follow(name: str, texts: list[list[str]]) -> None:
    document = read(name)
    found = passages(document)
    agrees(name, changed(document, {n: " ".join(words) for n, words in enumerate(texts[: len(found)])}))


def test_results_of_google() -> None:
    document = read("google.json")
    first, second = document.units
    assert [word.text for word in first.words] == ["Good", "day", "their,", "Ada."]
    assert first.words[2] == Word("their,", 1.3, 1.6)
    assert (first.start, first.end, first.speaker, first.language) == (0.0, 2.0, "1", "en-us")
    assert first.best == Hypothesis("Good day their, Ada.", extra={"confidence": 0.91})
    assert first.others == (
        Hypothesis("Good day there, Ada.", extra={"confidence": 0.88}),
        Hypothesis("Good day they're Ada"),
    )
    assert (second.speaker, second.best, second.extra) == ("2", None, {})
    value = json.loads(changed(document, {0: "Good day there, Ada.", 1: "It cost about $5."}))
    results = value["response"]["results"]
    assert results[0]["alternatives"][1:] == json.loads(GOOGLE)["response"]["results"][0]["alternatives"][1:]
    assert results[0]["alternatives"][0]["words"][2] == {"startTime": "1.300s", "endTime": "1.600s", "word": "there,"}
    assert results[1]["alternatives"][0]["transcript"] == " It cost about $5."
    assert results[2]["alternatives"][0]["words"][2]["speakerTag"] == 1
    assert [entry["word"] for entry in results[2]["alternatives"][0]["words"][4:]] == ["It", "cost", "about", "$5."]
    assert results[2]["alternatives"][0]["words"][6]["startTime"] == "3601.6s"
    assert value["response"]["totalBilledTime"] == "3615s"


def test_files_of_a_batch_of_google() -> None:
    document = read("google-batch.json")
    assert [(unit.text, unit.recording, unit.speaker) for unit in document.units] == [
        ("guten Tach", "gs://talks/a.wav", "1"),
        ("Wie geht's?", "gs://talks/b.wav", ""),
    ]
    assert document.units[0].words[1] == Word("Tach", 0.9, 1.2, 0.5)
    made = json.loads(changed(document, {0: "guten Tag"}))["response"]["results"]
    assert made["gs://talks/c.wav"] == {"error": {"code": 5, "message": "not found"}}
    best = made["gs://talks/a.wav"]["inlineResult"]["transcript"]["results"][1]["alternatives"][0]
    assert best["transcript"] == "guten Tag"
    assert best["words"][0] == {"endOffset": "0.900s", "word": "guten", "speakerLabel": "1"}


def test_times_of_google_as_objects_and_all_words_with_every_result() -> None:
    def entry(word: str, tenths: int) -> dict[str, Any]:
        times = [{"seconds": str(at // 10), "nanos": at % 10 * 100_000_000} for at in (tenths, tenths + 5)]
        return {"startTime": times[0], "endTime": times[1], "word": word, "confidence": 0, "speakerTag": 1}

    words = [entry("so", 10), entry("it", 15), entry("was", 32)]
    value = {
        "results": [
            {"alternatives": [{"transcript": "so it", "words": words[:2]}], "channelTag": 0},
            {"alternatives": [{"transcript": "was", "words": words}], "channelTag": 0},
        ]
    }
    document = read("a.json", json.dumps(value))
    assert document.format == "google"
    assert [unit.words for unit in document.units] == [
        (Word("so", 1.0, 1.5), Word("it", 1.5, 2.0)),
        (Word("was", 3.2, 3.7),),
    ]
    made = json.loads(document.written([Change(0, 1, 2, (Word("he", 1.6, 1.85),)), Change(1, 0, 1, ())]))
    told = [result["alternatives"][0] for result in made["results"]]
    assert [best["transcript"] for best in told] == ["so he", ""]
    assert told[1]["words"] == told[0]["words"]
    assert told[1]["words"][1]["startTime"] == {"seconds": "1", "nanos": 600_000_000}
    assert told[1]["words"][1]["endTime"] == {"seconds": "1", "nanos": 850_000_000}


def test_items_of_amazon() -> None:
    document = read("aws.json")
    told = [(unit.text, unit.speaker, unit.start, unit.end) for unit in document.units]
    assert told == [
        ("Good day, frend.", "spk_0", 0.5, 1.75),
        ("Yes,", "spk_1", 2.0, 2.25),
        ("it is.", "spk_1", 3.5, 3.75),
    ]
    assert document.units[0].words[1] == Word("day,", 0.9, 1.2, 0.9)
    made = changed(document, {0: "Good day my friend!", 1: "Yes it is"})
    results = json.loads(made)["results"]
    assert results["transcripts"][0]["transcript"] == "Good day my friend! Yes it is"
    assert [segment["items"] for segment in results["audio_segments"]] == [[0, 1, 2, 3, 4], [5], [6, 7]]
    assert results["audio_segments"][0]["transcript"] == "Good day my friend!"
    assert results["items"][1]["end_time"] == "1.2"
    assert results["items"][4] == {
        "id": 4,
        "type": "punctuation",
        "alternatives": [{"confidence": "0.0", "content": "!"}],
        "speaker_label": "spk_0",
    }
    agrees("aws.json", made)


def test_segments_of_amazon() -> None:
    document = read("aws-segments.json")
    first, second = document.units
    assert (first.start, first.end, first.language) == (0.4, 1.9, "en-US")
    assert first.others[0].text == "Good day, friend."
    assert first.others[0].words[1] == Word("day,", 0.9, 1.2, 0.9)
    assert first.best
    assert first.best.text == first.text == "Good day, frend."
    assert (second.text, second.others, second.best) == ("Yes, it is.", (), None)
    value = json.loads(changed(document, {0: "Good day, friend."}))
    told = value["results"]["segments"][0]["alternatives"]
    assert [other["transcript"] for other in told] == ["Good day, friend."] * 2
    assert told[1] == json.loads(AWS_SEGMENTS)["results"]["segments"][0]["alternatives"][1]
    assert told[0]["items"][3]["content"] == "friend"
    assert value["results"]["transcripts"][0]["transcript"] == "Good day, friend. Yes, it is."


def test_channels_of_amazon_are_not_mixed() -> None:
    document = read("aws-channels.json")
    told = [(unit.text, unit.speaker) for unit in document.units]
    assert told == [("Good day, frend.", "ch_0"), ("Oh, hello.", "ch_1")]
    results = json.loads(changed(document, {0: "Good my friend.", 1: "Oh, well, hello."}))["results"]
    assert results["transcripts"][0]["transcript"] == "Good my friend. Oh, well, hello."
    texts = [item["alternatives"][0]["content"] for item in results["items"]]
    assert texts == ["Good", "Oh", ",", "well", ",", "my", "hello", ".", "friend", "."]


def test_a_transcript_of_amazon_that_is_not_that_of_the_items() -> None:
    value = json.loads(AWS)
    value["results"]["transcripts"][0]["transcript"] = "Good day,  frend.\nYes: it is."
    del value["results"]["items"][3]["id"]
    document = read("a.json", json.dumps(value))
    results = json.loads(changed(document, {0: "Good days, friend."}))["results"]
    assert results["transcripts"][0]["transcript"] == "Good days,  friend.\nYes: it is."
    assert results["audio_segments"][0]["transcript"] == "Good days, friend."


def test_items_without_spaces() -> None:
    told = [("今日", 0.0, 0.5), ("は", 0.5, 0.7), ("言い", 0.7, 1.0), ("天気。", 1.0, 1.5)]
    items = [
        {"type": kind, "alternatives": [{"content": text}], **times}
        for word, start, end in told
        for kind, text, times in (
            ("pronunciation", word.rstrip("。"), {"start_time": str(start), "end_time": str(end)}),
            *([("punctuation", "。", {})] if word.endswith("。") else []),
        )
    ]
    value = {"results": {"transcripts": [{"transcript": "今日は言い天気。"}], "items": items}}
    document = read("a.json", json.dumps(value))
    assert [word.text for word in document.units[0].words] == ["今", "日", "は", "言", "い", "天", "気。"]
    assert document.units[0].words[1] == Word("日", 0.25, 0.5)
    made = json.loads(changed(document, {0: "今日は良い天気。"}))["results"]
    assert made["transcripts"] == [{"transcript": "今日は良い天気。"}]
    assert [item["alternatives"][0]["content"] for item in made["items"]] == ["今日", "は", "良", "い", "天気", "。"]


def test_forms_of_azure() -> None:
    document = read("azure.json")
    (unit,) = document.units
    assert unit.text == "It costs $200, Mr. Smyth."
    assert unit.words[2] == Word("$200,", 0.7, 1.75)
    assert (unit.start, unit.end) == (0.01, 3.11)
    assert unit.best
    assert (unit.best.score, unit.best.extra) == (None, {"confidence": 0.93})
    assert unit.others == (Hypothesis("It costs $200, Mr. Smith.", extra={"confidence": 0.71}),)
    value = json.loads(changed(document, {0: "It cost $200, Mr. Smith."}))
    best = value["NBest"][0]
    assert value["DisplayText"] == best["Display"] == "It cost $200, Mr. Smith."
    assert best["Lexical"] == "it cost two hundred dollars mister smith"
    assert best["ITN"] == best["MaskedITN"] == "it cost $200 mr smith"
    assert [entry["Word"] for entry in best["Words"]] == best["Lexical"].split()
    assert best["Words"][1] == {"Word": "cost", "Offset": 2_000_000, "Duration": 5_000_000}
    assert best["DisplayWords"][4] == {"DisplayText": "Smith.", "Offset": 21_000_000, "Duration": 7_000_000}
    assert value["NBest"][1] == json.loads(AZURE)["NBest"][1]


def test_other_figures_of_azure_go_through_all_forms() -> None:
    value = json.loads(changed(read("azure.json"), {0: "it costs $300, said Mr. Smyth"}))
    best = value["NBest"][0]
    assert best["Lexical"] == "it costs $300 said mr smyth"
    assert best["ITN"] == "it costs $300 said mr smyth"
    assert [entry["Word"] for entry in best["Words"]] == best["Lexical"].split()
    assert best["Words"][2]["Offset"] == 7_000_000


def test_a_list_of_azure_and_one_phrase_a_line() -> None:
    for name, sample in (("azure-list.json", AZURE_LIST), ("azure.jsonl", AZURE_LINES)):
        document = read(name)
        assert [unit.id for unit in document.units] == ["1", "2"]
        assert (document.units[1].text, document.units[1].start, document.units[1].end) == ("Good day.", 4.0, 4.5)
        made = changed(document, {1: "Good days."})
        assert "Good days." in made
        assert made.replace("days", "day") == sample


def test_a_batch_of_azure() -> None:
    document = read("azure-batch.json")
    told = [(unit.text, unit.speaker, unit.start, unit.end) for unit in document.units]
    assert told == [
        ("Good day.", "channel 0/1", 0.5, 1.5),
        ("Yes?", "channel 1/2", 1.5, 2.0),
        ("Here, now.", "channel 0/1", 2.0, 3.0),
    ]
    assert document.units[0].words[0] == Word("Good", 0.5, 0.75, 0.5)
    assert [other.text for other in document.units[0].others] == ["GOOD DAY."]
    value = json.loads(changed(document, {2: "Hear me, now."}))
    whole = value["combinedRecognizedPhrases"]
    assert whole[0]["display"] == "Good day. Hear me, now."
    assert whole[0]["lexical"] == "good day hear me now"
    assert whole[1] == json.loads(AZURE_BATCH)["combinedRecognizedPhrases"][1]
    words = value["recognizedPhrases"][2]["nBest"][0]["words"]
    assert [entry["word"] for entry in words] == ["hear", "me", "now"]
    assert words[1]["offsetInTicks"] > 20_000_000.0
    assert ticks(words[1]["offset"]) == words[1]["offsetInTicks"]


def test_everything_of_deepgram() -> None:
    document = read("deepgram.json")
    told = [(unit.text, unit.speaker, unit.start, unit.end) for unit in document.units]
    assert told == [
        ("Good day, frend.", "0", 0.5, 1.75),
        ("Yes,", "1", 2.0, 2.25),
        ("it is.", "1", 3.5, 3.75),
        ("How are you?", "1", 5.0, 5.6),
    ]
    assert document.units[0].words[2] == Word("frend.", 1.25, 1.75, 0.9)
    value = json.loads(changed(document, {0: "Good day, my friend.", 1: "Yes, it was."}))
    best = value["results"]["channels"][0]["alternatives"][0]
    assert best["transcript"] == "Good day, my friend. Yes, it was. How are you?"
    paragraphs = best["paragraphs"]
    assert paragraphs["transcript"] == "\nSpeaker 0: Good day, my friend.\n\nSpeaker 1: Yes, it was. How are you?\n"
    assert [part["num_words"] for part in paragraphs["paragraphs"]] == [4, 6]
    assert paragraphs["paragraphs"][1]["sentences"][0]["text"] == "Yes, it was."
    assert [part["transcript"] for part in value["results"]["utterances"]][1:] == ["Yes,", "it was. How are you?"]
    assert (best["words"][3]["word"], best["words"][3]["punctuated_word"]) == ("friend", "friend.")
    assert best["words"][3]["speaker"] == 0
    assert value["metadata"] == json.loads(DEEPGRAM)["metadata"]


def test_alternatives_of_deepgram() -> None:
    document = read("deepgram-channels.json")
    (unit,) = document.units
    assert (unit.text, unit.speaker, unit.start, unit.end) == ("good day friend", "channel 0", 0.0, 2.5)
    assert unit.others == (Hypothesis("good day fiend", extra={"confidence": 0.25}),)
    value = json.loads(changed(document, {0: "Good day, fiend."}))
    best, other = value["results"]["channels"][0]["alternatives"]
    assert best["transcript"] == "Good day, fiend."
    assert [entry["word"] for entry in best["words"]] == ["Good", "day,", "fiend."]
    assert other == json.loads(DEEPGRAM_CHANNELS)["results"]["channels"][0]["alternatives"][1]


def test_long_recordings_of_azure() -> None:
    phrase = {"RecognitionStatus": "Success", "Offset": 36_000_000_000, "Duration": "20000000", "DisplayText": "Bye."}
    (unit,) = read("azure.json", json.dumps(phrase)).units
    assert (unit.start, unit.end) == (3600.0, 3602.0)
    with pytest.raises(InputError, match="'offset' is no time"):
        read("azure.json", json.dumps(phrase | {"Offset": f"PT{'9' * 400}H"}))


def test_keys_of_azure_in_both_spellings() -> None:
    document = read("azure.json", '{"RecognitionStatus": "Success", "NBest": [{"Display": "a", "display": "b"}]}')
    assert json.loads(changed(document, {0: "c"}))["NBest"] == [{"Display": "a", "display": "c"}]


def test_google_s_times_as_objects_have_to_hold_numbers() -> None:
    words = [{"word": "a", "startTime": {"seconds": "1", "nanos": [5]}}]
    text = json.dumps({"results": [{"alternatives": [{"transcript": "a", "words": words}]}]})
    with pytest.raises(InputError, match=r"result 1: 'nanos' is '\[5\]'"):
        read("google.json", text)


def test_numbers_of_items_of_amazon_are_whole() -> None:
    text = AWS.replace('"items":[5,6]', '"items":[5.0,6]')
    assert text != AWS
    assert [unit.text for unit in read("aws.json", text).units][:1] == ["Good day, frend."]


@pytest.mark.parametrize("sure", ["NaN", "Infinity", "1e999", f"1{'0' * 400}"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("vosk.json", '{"alternatives": [{"text": "a", "confidence": 2}, {"text": "b", "confidence": 0.5}]}'),
        (
            "google.json",
            '{"results": [{"alternatives": [{"transcript": "a"}, {"transcript": "b", "confidence": 0.5}]}]}',
        ),
        ("azure.json", '{"RecognitionStatus": "Success", "NBest": [{"Display": "a", "Confidence": 0.5}]}'),
        ("deepgram.json", '{"results": {"channels": [{"alternatives": [{"transcript": "a", "confidence": 0.5}]}]}}'),
        ("a.json", '{"segments": [{"text": "a", "words": [{"word": "a", "probability": 0.5}]}]}'),
    ],
)
def test_confidences_that_are_no_numbers_are_unknown(name: str, text: str, sure: str) -> None:
    document = read(name, text.replace("0.5", sure))
    told = dumps(passages(document, "a")[0].nbest)
    assert "NaN" not in told
    assert "000000" not in told


def test_alternatives_of_vosk_have_scores() -> None:
    document = read("vosk.json")
    (unit,) = document.units
    assert unit.words == (Word("good", 0.3, 0.9), Word("day", 0.9, 1.2), Word("their", 1.2, 1.8))
    assert unit.best
    assert (unit.best.score, unit.best.extra) == (318.292206, {})
    assert [(other.text, other.score) for other in unit.others] == [("good day there", 316.5), ("", -1.0)]
    value = json.loads(changed(document, {0: "good day there"}))
    assert value["alternatives"][0]["text"] == " good day there"
    assert value["alternatives"][0]["result"][2] == {"end": 1.8, "start": 1.2, "word": "there"}
    assert value["alternatives"][1:] == json.loads(VOSK)["alternatives"][1:]
    sure = json.dumps({"alternatives": [{"text": "a", "confidence": 0.9}, {"text": "b", "confidence": 0.1}]})
    assert read("a.json", sure).units[0].others == (Hypothesis("b", extra={"confidence": 0.1}),)


def test_results_of_vosk_one_behind_the_other() -> None:
    document = read("vosk.jsonl")
    assert [unit.text for unit in document.units] == ["good dey", "", "bye"]
    assert document.units[0].words[1] == Word("dey", 0.9, 1.2, 0.5071)
    made = document.written([Change(0, 1, 2, (Word("day", 0.9, 1.2),))]).decode()
    first, _, rest = made.partition("}\n{\n")
    assert first == VOSK_SEVERAL.partition("}\n{\n")[0]
    value, end = json.JSONDecoder().raw_decode("{\n" + rest)
    assert value["text"] == "good day"
    assert value["result"][1] == {"conf": 0.5071, "end": 1.2, "start": 0.9, "word": "day"}
    assert value["spk"] == [0.25, -1.5]
    assert ("{\n" + rest)[end:] == '\n{\n  "text" : ""\n}\n{"text": "bye"}\n'
    assert detect(VOSK_SEVERAL.encode(), "out.txt") == "vosk"
    listed = json.dumps([{"text": "bye", "result": [{"word": "bye", "start": 1, "end": 2, "conf": 1}]}])
    assert read("a.json", listed).units[0].words == (Word("bye", 1.0, 2.0, 1),)


@pytest.mark.parametrize(
    "text",
    [
        '{"results": [{"alternatives": [{"transcript": "a", "timestamps": [["a", 0, 1]]}]}], "result_index": 0}',
        '{"results": [{"type": "word", "alternatives": [{"content": "a"}]}]}',
        '{"reference": "a", "corrected": "a", "nbest": ["a", "b"]}',
        '{"id": "1", "hypotheses": [{"text": "a"}, {"text": "b"}]}\n{"id": "2", "hypotheses": []}\n',
        '[{"input": ["a", "b"], "output": "a"}]',
        '{"id": "a", "text": "a"}',
        '{"results": []}',
        '{"results": {"a": 1}}',
        '{"text": "a", "result": [1]}',
        '{"alternatives": [{"text": 1}]}',
        '{"result": [',
        "[]",
    ],
)
def test_what_is_none_of_them(text: str) -> None:
    assert detect(text.encode(), "a.json") is None


@pytest.mark.parametrize(
    ("format", "text", "said"),
    [
        ("google", "[]", "expected an object, found '[]'"),
        ("google", "{}", "a.json: 'results' is missing. There are none before"),
        ("google", '{"results": [{"alternatives": 1}]}', "a.json, result 1: 'alternatives' is '1'"),
        ("google", '{"results": [{}, {"alternatives": [{"transcript": 1}]}]}', "result 2: 'transcript' is '1'"),
        (
            "google",
            '{"results": [{"alternatives": [{"words": [{"word": "a", "endTime": "x"}]}]}]}',
            "result 1: 'endTime'",
        ),
        (
            "google",
            '{"results": {"gs://a": {"transcript": {"results": [1]}}}}',
            "a.json, gs://a, result 1: expected an",
        ),
        ("aws", '{"results": {}}', "a.json: 'results' with 'items' is missing. Fetch the transcript"),
        ("aws", '{"results": {"items": [{"type": "pronunciation"}]}}', "a.json, item 1: 'content' is missing"),
        ("aws", '{"results": {"items": [], "audio_segments": 1}}', "a.json: 'audio_segments' is '1'"),
        ("aws", AWS_SEGMENTS.replace('"4.9"', '"late"'), "a.json, segment 2: 'end_time' is no time"),
        ("aws", AWS_CHANNELS.replace('"channel_label": "ch_1"', '"channel_label": 1'), "'channel_label' is '1'"),
        ("azure", '{"text": "a"}', "a.json, result 1: there is neither 'NBest' nor 'DisplayText'"),
        ("azure", '{"NBest": [{"Display": 1}]}', "a.json, result 1: 'Display' is '1'"),
        ("azure", '{"recognizedPhrases": [1]}', "a.json, phrase 1: expected an object"),
        ("azure", AZURE.replace('"Offset": 100000', '"Offset": "soon"'), "a.json, result 1: 'offset' is no time"),
        ("azure", AZURE.replace('"Word": "two"', '"Wort": "two"'), "a.json, result 1: 'word' is missing"),
        ("azure", AZURE_LINES.replace("}\n{", "},\n{"), "a.json, line 1, column"),
        ("deepgram", '{"results": {}}', "a.json: 'results' with 'channels' is missing"),
        ("deepgram", '{"results": {"channels": [1]}}', "a.json, channel 0: expected an object"),
        ("deepgram", DEEPGRAM.replace('"text": "Yes, it is."', '"text": 5'), "channel 0: 'text' is '5'"),
        ("vosk", '{"text": "a"}\n{"text": 1}', "a.json, result 2: 'text' is '1'"),
        ("vosk", '{"text": "a"}\n{"word": 1}', "a.json, result 2: there is neither 'text' nor 'alternatives'"),
        ("vosk", '{"text": "a"}\n{"text": "b', "a.json, line 2, column 10: Unterminated string"),
        ("vosk", '{"text": "a", "result": [{"start": 1}]}', "a.json, result 1: 'word' is missing"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(format: str, text: str, said: str) -> None:
    with pytest.raises(InputError, match=r".*") as error:
        read_document("a.json", raw=text.encode(), format=format)
    assert said in str(error.value)


def heard(text: str) -> list[Word]:
    return [Word(word) for word in text.split()]


@pytest.mark.parametrize(
    ("old", "have", "change", "made"),
    [
        ("a b c", "a b c", Step(1, 2, heard("x")), [Step(1, 2, heard("x"))]),
        ("a b c", "a b c", Step(1, 1, heard("x")), [Step(1, 1, heard("x"))]),
        ("a b c", "a b c", Step(1, 1, heard("x"), behind=True), [Step(1, 2, heard("x b"))]),
        ("a b c", "a b c", Step(0, 2, heard("a x")), [Step(1, 2, heard("x"))]),
        ("Hi, Bo.", "hi bo", Step(0, 2, heard("Hi. Jo!")), [Step(1, 2, heard("jo"))]),
        ("Hi, Bo.", "hi bo", Step(0, 2, heard("hi bo")), []),
        ("it is $5 now", "it is five dollars now", Step(2, 3, heard("$5,")), []),
        ("it is $5 now", "it is five dollars now", Step(2, 3, heard("$6")), [Step(2, 4, heard("$6"))]),
        ("it is $5 now", "it is five dollars now", Step(3, 4, heard("then")), [Step(4, 5, heard("then"))]),
        ("so um yes", "so yes", Step(1, 2, heard("I'm")), []),
        ("so yes", "so um yes", Step(0, 2, heard("so no")), [Step(2, 3, heard("no"))]),
        ("so yes", "so yes", Step(0, 1, []), [Step(0, 1, [])]),
        ("so", "so", Step(1, 1, heard("—")), [Step(1, 1, heard("—"))]),
        ("So.", "so", Step(1, 1, heard("—")), []),
    ],
)
def test_what_repeats_words_follows_them(old: str, have: str, change: Step, made: list[Step]) -> None:
    assert steps(heard(old), have.split(), [change]) == made
