"""Answers of speech services and of Vosk, small and awkward, for the tests of `ger.io.documents`."""

from __future__ import annotations

import json
from typing import Any

Told = tuple[str, float, float]

FIRST: list[Told] = [("Good", 0.0, 0.4), ("day", 0.4, 0.7), ("their,", 1.3, 1.6), ("Ada.", 1.6, 2.0)]
SECOND: list[Told] = [("It", 3601.2, 3601.3), ("cost", 3601.3, 3601.6), ("$5.", 3601.6, 3602.0)]


def _google(words: list[Told], **more: Any) -> list[dict[str, Any]]:
    return [{"startTime": f"{a:.3f}s", "endTime": f"{b:.3f}s", "word": word, **more} for word, a, b in words]


GOOGLE = json.dumps(
    {
        "name": "8214202757943088943",
        "done": True,
        "response": {
            "@type": "type.googleapis.com/google.cloud.speech.v1.LongRunningRecognizeResponse",
            "results": [
                {
                    "alternatives": [
                        {"transcript": "Good day their, Ada.", "confidence": 0.91, "words": _google(FIRST)},
                        {"transcript": "Good day there, Ada.", "confidence": 0.88},
                        {"transcript": "Good day they're Ada"},
                    ],
                    "resultEndTime": "2.100s",
                    "languageCode": "en-us",
                },
                {
                    "alternatives": [{"transcript": " It cost $5.", "confidence": 0, "words": _google(SECOND)}],
                    "resultEndTime": "3602.500s",
                    "languageCode": "en-us",
                },
                {"alternatives": [{"words": _google(FIRST, speakerTag=1) + _google(SECOND, speakerTag=2)}]},
            ],
            "totalBilledTime": "3615s",
        },
    },
    indent=2,
)
GOOGLE_BATCH = json.dumps(
    {
        "response": {
            "results": {
                "gs://talks/a.wav": {
                    "inlineResult": {
                        "transcript": {
                            "results": [
                                {"resultEndOffset": "0.500s", "languageCode": "de-DE"},
                                {
                                    "alternatives": [
                                        {
                                            "transcript": "guten Tach",
                                            "words": [
                                                {"endOffset": "0.900s", "word": "guten", "speakerLabel": "1"},
                                                {
                                                    "startOffset": "0.900s",
                                                    "endOffset": "1.200s",
                                                    "word": "Tach",
                                                    "confidence": 0.5,
                                                    "speakerLabel": "1",
                                                },
                                            ],
                                        }
                                    ],
                                    "resultEndOffset": "1.300s",
                                    "languageCode": "de-DE",
                                },
                            ]
                        }
                    },
                    "metadata": {"totalBilledDuration": "2s"},
                },
                "gs://talks/b.wav": {"transcript": {"results": [{"alternatives": [{"transcript": "Wie geht's?"}]}]}},
                "gs://talks/c.wav": {"error": {"code": 5, "message": "not found"}},
            }
        }
    }
)


def _items(words: list[Told], **more: Any) -> list[dict[str, Any]]:
    """Words as Amazon's items; their punctuation is an item by itself."""
    made: list[dict[str, Any]] = []
    for word, start, end in words:
        text = word.rstrip(".,")
        times = {"start_time": str(start), "end_time": str(end)}
        made.append(
            {"type": "pronunciation", "alternatives": [{"confidence": "0.9", "content": text}], **times, **more}
        )
        if text != word:
            marks = [{"confidence": "0.0", "content": word[len(text) :]}]
            made.append({"type": "punctuation", "alternatives": marks, **more})
    return made


def _numbered(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"id": number, **item} for number, item in enumerate(items)]


def _inline(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: v for key, v in item.items() if key != "alternatives"} | item["alternatives"][0] for item in items]


def _labels(words: list[Told], speaker: str) -> dict[str, Any]:
    own = [{"start_time": str(a), "speaker_label": speaker, "end_time": str(b)} for _, a, b in words]
    return {"start_time": str(words[0][1]), "end_time": str(words[-1][2]), "speaker_label": speaker, "items": own}


GREETING: list[Told] = [("Good", 0.5, 0.9), ("day,", 0.9, 1.2), ("frend.", 1.25, 1.75)]
ANSWER: list[Told] = [("Yes,", 2.0, 2.25), ("it", 3.5, 3.625), ("is.", 3.625, 3.75)]
AWS = json.dumps(
    {
        "jobName": "job",
        "accountId": "1",
        "status": "COMPLETED",
        "results": {
            "transcripts": [{"transcript": "Good day, frend. Yes, it is."}],
            "speaker_labels": {
                "segments": [_labels(GREETING, "spk_0"), _labels(ANSWER, "spk_1")],
                "channel_label": "ch_0",
                "speakers": 2,
            },
            "items": _numbered(_items(GREETING, speaker_label="spk_0") + _items(ANSWER, speaker_label="spk_1")),
            "audio_segments": [
                {"id": 0, "transcript": "Good day, frend.", "start_time": "0.5", "items": [0, 1, 2, 3, 4]},
                {"id": 1, "transcript": "Yes,", "start_time": "2.0", "items": [5, 6]},
                {"id": 2, "transcript": "it is.", "start_time": "3.4", "items": [7, 8, 9]},
            ],
        },
    },
    separators=(",", ":"),
)
AWS_SEGMENTS = json.dumps(
    {
        "results": {
            "language_code": "en-US",
            "transcripts": [{"transcript": "Good day, frend. Yes, it is."}],
            "items": _items(GREETING + ANSWER),
            "segments": [
                {
                    "start_time": "0.4",
                    "end_time": "1.9",
                    "alternatives": [
                        {"transcript": "Good day, frend.", "items": _inline(_items(GREETING))},
                        {"transcript": "Good day, friend.", "items": _inline(_items(GREETING[:2]))},
                    ],
                },
                {
                    "start_time": "1.9",
                    "end_time": "4.9",
                    "alternatives": [{"transcript": "Yes, it is.", "items": _inline(_items(ANSWER))}],
                },
            ],
        }
    }
)
OVER: list[Told] = [("Oh,", 0.6, 0.8), ("hello.", 1.0, 1.3)]
_LEFT, _RIGHT = _items(GREETING, channel_label="ch_0"), _items(OVER, channel_label="ch_1")
AWS_CHANNELS = json.dumps(
    {
        "results": {
            "transcripts": [{"transcript": "Good day, frend. Oh, hello."}],
            "channel_labels": {
                "channels": [{"channel_label": "ch_0", "items": _LEFT}, {"channel_label": "ch_1", "items": _RIGHT}],
                "number_of_channels": 2,
            },
            "items": [*_LEFT[:1], *_RIGHT[:2], *_LEFT[1:3], *_RIGHT[2:], *_LEFT[3:]],
        }
    }
)


def _azure(*words: Told, key: str = "Word") -> list[dict[str, Any]]:
    return [{key: word, "Offset": round(a * 1e7), "Duration": round((b - a) * 1e7)} for word, a, b in words]


AZURE = json.dumps(
    {
        "Id": "5f",
        "RecognitionStatus": "Success",
        "Offset": 100_000,
        "Duration": 31_000_000,
        "Channel": 0,
        "DisplayText": "It costs $200, Mr. Smyth.",
        "NBest": [
            {
                "Confidence": 0.93,
                "Lexical": "it costs two hundred dollars mister smyth",
                "ITN": "it costs $200 mr smyth",
                "MaskedITN": "it costs $200 mr smyth",
                "Display": "It costs $200, Mr. Smyth.",
                "Words": _azure(
                    ("it", 0.02, 0.2),
                    ("costs", 0.2, 0.7),
                    ("two", 0.7, 0.9),
                    ("hundred", 0.9, 1.25),
                    ("dollars", 1.25, 1.75),
                    ("mister", 1.75, 2.1),
                    ("smyth", 2.1, 2.8),
                ),
                "DisplayWords": [
                    *_azure(("It", 0.02, 0.2), ("costs", 0.2, 0.7), ("$200,", 0.7, 1.75), key="DisplayText"),
                    *_azure(("Mr.", 1.75, 2.1), ("Smyth.", 2.1, 2.8), key="DisplayText"),
                ],
            },
            {
                "Confidence": 0.71,
                "Lexical": "it costs two hundred dollars mister smith",
                "ITN": "it costs $200 mr smith",
                "MaskedITN": "it costs $200 mr smith",
                "Display": "It costs $200, Mr. Smith.",
            },
        ],
    }
)
_SIMPLE = {"RecognitionStatus": "Success", "Offset": "40000000", "Duration": "5000000", "DisplayText": "Good day."}
AZURE_LIST = json.dumps(
    [json.loads(AZURE), {"RecognitionStatus": "NoMatch", "Offset": 3, "Duration": 0}, _SIMPLE], indent=1
)
AZURE_LINES = f"{AZURE}\n{json.dumps(_SIMPLE)}\n"


def _phrase(channel: int, display: str, lexical: str, words: list[Told]) -> dict[str, Any]:
    def times(start: float, end: float) -> dict[str, Any]:
        told = {"offset": f"PT{start}S", "duration": f"PT{round(end - start, 7)}S"}
        return told | {"offsetInTicks": start * 1e7, "durationInTicks": round((end - start) * 1e7, 1)}

    best = {"confidence": 0.8, "lexical": lexical, "itn": lexical, "maskedITN": lexical, "display": display}
    listed = [{"word": word, **times(a, b), "confidence": 0.5} for word, a, b in words]
    return {
        "recognitionStatus": "Success",
        "channel": channel,
        "speaker": channel + 1,
        **times(words[0][1], words[-1][2]),
        "nBest": [best | {"words": listed}, best | {"display": display.upper()}],
    }


AZURE_BATCH = json.dumps(
    {
        "source": "https://there/a.wav",
        "durationInTicks": 50_000_000,
        "combinedRecognizedPhrases": [
            {
                "channel": 0,
                "lexical": "good day here now",
                "itn": "good day here now",
                "display": "Good day. Here, now.",
            },
            {"channel": 1, "lexical": "yes", "itn": "yes", "display": "Yes?"},
        ],
        "recognizedPhrases": [
            _phrase(0, "Good day.", "good day", [("good", 0.5, 0.75), ("day", 0.75, 1.5)]),
            _phrase(1, "Yes?", "yes", [("yes", 1.5, 2.0)]),
            _phrase(0, "Here, now.", "here now", [("here", 2.0, 2.5), ("now", 2.5, 3.0)]),
        ],
    },
    indent=2,
)


def _deepgram(words: list[Told], **more: Any) -> list[dict[str, Any]]:
    told = [{"word": word.strip(".,?").lower(), "start": a, "end": b, "confidence": 0.9} for word, a, b in words]
    return [{**entry, **more, "punctuated_word": word} for entry, (word, _, _) in zip(told, words, strict=True)]


ASKED: list[Told] = [("How", 5.0, 5.2), ("are", 5.2, 5.3), ("you?", 5.3, 5.6)]
DEEPGRAM = json.dumps(
    {
        "metadata": {"request_id": "r", "channels": 1, "duration": 6.0},
        "results": {
            "channels": [
                {
                    "alternatives": [
                        {
                            "transcript": "Good day, frend. Yes, it is. How are you?",
                            "confidence": 0.98,
                            "words": [*_deepgram(GREETING, speaker=0), *_deepgram(ANSWER + ASKED, speaker=1)],
                            "paragraphs": {
                                "transcript": "\nSpeaker 0: Good day, frend.\n\nSpeaker 1: Yes, it is. How are you?\n",
                                "paragraphs": [
                                    {
                                        "sentences": [{"text": "Good day, frend.", "start": 0.5, "end": 1.75}],
                                        "speaker": 0,
                                        "num_words": 3,
                                    },
                                    {
                                        "sentences": [
                                            {"text": "Yes, it is.", "start": 2.0, "end": 3.75},
                                            {"text": "How are you?", "start": 5.0, "end": 5.6},
                                        ],
                                        "speaker": 1,
                                        "num_words": 6,
                                    },
                                ],
                            },
                        }
                    ]
                }
            ],
            "utterances": [
                {"channel": 0, "transcript": "Good day, frend.", "words": _deepgram(GREETING, speaker=0), "speaker": 0},
                {"channel": 0, "transcript": "Yes,", "words": _deepgram(ANSWER[:1], speaker=1), "speaker": 1},
                {
                    "channel": 0,
                    "transcript": "it is. How are you?",
                    "words": _deepgram(ANSWER[1:] + ASKED, speaker=1),
                    "speaker": 1,
                },
            ],
        },
    }
)
DEEPGRAM_CHANNELS = json.dumps(
    {
        "results": {
            "channels": [
                {
                    "alternatives": [
                        {
                            "transcript": "good day friend",
                            "confidence": 0.5,
                            "words": [
                                {"word": w, "start": a, "end": a + 0.5} for a, w in enumerate(["good", "day", "friend"])
                            ],
                        },
                        {"transcript": "good day fiend", "confidence": 0.25, "words": []},
                    ]
                },
                {"alternatives": [{"transcript": "", "confidence": 0.0, "words": []}]},
            ]
        }
    }
)
VOSK = json.dumps(
    {
        "alternatives": [
            {
                "confidence": 318.292206,
                "result": [
                    {"end": 0.9, "start": 0.3, "word": "good"},
                    {"end": 1.2, "start": 0.9, "word": "day"},
                    {"end": 1.8, "start": 1.2, "word": "their"},
                ],
                "text": " good day their",
            },
            {"confidence": 316.5, "result": [], "text": " good day there"},
            {"confidence": -1.0, "text": ""},
        ]
    }
)
VOSK_SEVERAL = """{
  "partial" : "good"
}
{
  "result" : [{
      "conf" : 1.000000,
      "end" : 0.900000,
      "start" : 0.300000,
      "word" : "good"
    }, {
      "conf" : 0.507100,
      "end" : 1.200000,
      "start" : 0.900000,
      "word" : "dey"
    }],
  "spk" : [0.25, -1.5],
  "text" : "good dey"
}
{
  "text" : ""
}
{"text": "bye"}
"""

#: A name, the format it is in, and the file.
CLOUD: dict[str, tuple[str, str]] = {
    "google.json": ("google", GOOGLE),
    "google-batch.json": ("google", GOOGLE_BATCH),
    "aws.json": ("aws", AWS),
    "aws-segments.json": ("aws", AWS_SEGMENTS),
    "aws-channels.json": ("aws", AWS_CHANNELS),
    "azure.json": ("azure", AZURE),
    "azure-list.json": ("azure", AZURE_LIST),
    "azure.jsonl": ("azure", AZURE_LINES),
    "azure-batch.json": ("azure", AZURE_BATCH),
    "deepgram.json": ("deepgram", DEEPGRAM),
    "deepgram-channels.json": ("deepgram", DEEPGRAM_CHANNELS),
    "vosk.json": ("vosk", VOSK),
    "vosk.jsonl": ("vosk", VOSK_SEVERAL),
}
