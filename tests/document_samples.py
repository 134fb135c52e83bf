"""Files as recognizers write them, small and awkward, for the tests of `ger.io.documents`."""

from __future__ import annotations

import json

from cloud_samples import CLOUD

SRT = (
    "\ufeff1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>Hello</i> my dear frend, how\r\nare you\r\n\r\n"
    "2\r\n00:00:02,500 --> 00:00:04,000 X1:40 Y1:10\r\n{\\an8}doing on this find day?\r\n\r\n"
    "3\r\n00:00:03,500 --> 00:00:05,000\r\n\r\n"
    "4\r\n00:00:04,500 --> 00:00:06,000\r\n- [music] 50 % of it -\r\n- שלום עולם\r\n\r\n\r\n"
)
VTT = (
    "WEBVTT Kind: captions\n\nNOTE made by nobody\nin two lines\n\nSTYLE\n::cue { color: red }\n\n"
    "intro\n00:01.000 --> 00:02.500 align:start position:10%\n<v Ada Byron>Salt &amp; pepper and <b>fri</b>ends\n\n"
    "01:00:02.500 --> 01:00:04.000\nA &lt; B\nno voice\n"
)
CTM = (
    ";; made by nobody\ncall A 0.50 0.25 good 0.98\ncall A 0.75 0.30 day 1.00\ncall A 1.05 0.10 <eps> 1.00\n"
    "call A * * <ALT_BEGIN>\ncall A 1.20 0.20 their 0.51\ncall A * * <ALT>\ncall A 1.20 0.20 there 0.49\n"
    "call A * * <ALT_END>\ncall A 3.20 0.40 bye 0.70\ncall B 0.10 0.20 yes\n"
)
STM = (
    ';; CATEGORY "0"\ncall A ada 0.50 2.00 <o,f0,female> good day there\n'
    "call A ada 2.00 3.00 <o,f0,female> IGNORE_TIME_SEGMENT_IN_SCORING\n\ncall B bob 2.10 4.00 yes (%hesitation) sure\n"
)
NLP = (
    "token|speaker|ts|endTs|punctuation|case|tags\nGood|2|4.04|4.35||UC|[]\nday|2|4.35|4.66|,|LC|[]\n"
    "<laugh>|2|4.66|4.7|||[]\nMcAnnally|2|4.88|5.28|.|MC|['0:NAME']\nthanks|1|5.4|5.51||LC|[]\n"
)
TSV = "start\tend\ttext\n0\t1200\tHello there\n1200\t2500\tand good bye.\n"
KALDI = "u1 HELLO THERE\nu2\nu3\tGOOD BYE NOW\n"
SEGLST = json.dumps(
    [
        {"session_id": "s", "start_time": 0.5, "end_time": "2.25", "speaker": "ada", "words": "good day there", "x": 1},
        {"session_id": "s", "start_time": 2.5, "end_time": 3, "speaker": "bob", "words": ""},
    ],
    indent=2,
)
_SEGMENT = {"seek": 0, "tokens": [1, 2], "temperature": 0.0, "avg_logprob": -0.25, "no_speech_prob": 0.01}
WHISPER = json.dumps(
    {
        "text": " Good day there. Bye, now.",
        "segments": [
            {
                **_SEGMENT,
                "id": 0,
                "start": 0.0,
                "end": 2.0,
                "text": " Good day there.",
                "words": [
                    {"word": " Good", "start": 0.1, "end": 0.5, "probability": 0.9},
                    {"word": " day", "start": 0.5, "end": 0.8, "probability": 0.8},
                    {"word": " there.", "start": 0.9, "end": 1.5, "probability": 0.7},
                ],
            },
            {**_SEGMENT, "id": 1, "start": 2.0, "end": 4.0, "text": " Bye, now."},
        ],
        "language": "en",
    }
)
VERBOSE = json.dumps(
    {
        "task": "transcribe",
        "language": "english",
        "duration": 4.0,
        "text": "Good day there. Bye, now.",
        "segments": [
            {**_SEGMENT, "id": 0, "start": 0.0, "end": 2.0, "text": "Good day there."},
            {**_SEGMENT, "id": 1, "start": 2.0, "end": 4.0, "text": "Bye, now."},
        ],
        "words": [
            {"word": "Good", "start": 0.1, "end": 0.5},
            {"word": "day", "start": 0.5, "end": 0.8},
            {"word": "there", "start": 0.9, "end": 1.5},
            {"word": "Bye", "start": 2.1, "end": 2.5},
            {"word": "now", "start": 2.5, "end": 2.8},
        ],
    },
    indent=4,
)

ICEFALL = (
    "talk-1:0:\tref=['GOOD', 'DAY', 'THERE']\ntalk-1:0:\thyp=['GOOD', 'DAY', \"THEY'RE\"]\n"
    "talk-1:0:\ttimestamp_ref=[0.040, 0.400, 0.800]\ntalk-1:0:\ttimestamp_hyp=[0.080, 0.440, 0.880]\n"
    "talk-2:\tref=['你', '好']\r\ntalk-2:\thyp=['你好', '吗', '-', 'A']\r\n"
    "talk-2:\ttimestamp_hyp=[(0.040, 0.200), (0.400, 0.520), (0.600, 0.640), (0.800, 0.920)]\r\n"
    "talk-3:\thyp=[]\ntalk-3:\ttimestamp_hyp=[]\n\ntalk-4:\tref=[]\ntalk-4:\thyp=['YES','SIR']"
)
WENET = (
    "\nutt: u1\nWER: 50.00 % N=4 C=3 S=0 D=1 I=1\n"
    "lab:     GOOD DAY TO YOU \nrec: WHAT GOOD     TO YOU \n"
    "\nutt: u2\nWER: 33.33 % N=3 C=2 S=1 D=0 I=0\nlab: 你 好 吗 \nrec: 你 号 吗 \n"
    "\nutt: u3\nWER: 0.00 % N=0 C=0 S=0 D=0 I=0\nlab: \nrec: \n\n"
    "===========================================================================\n\n"
    "Overall -> 42.86 % N=7 C=5 S=1 D=1 I=1\nEnglish -> 50.00 % N=4 C=3 S=0 D=1 I=1\n"
    "Mandarin -> 33.33 % N=3 C=2 S=1 D=0 I=0\nNames -> 0.00 % N=1 C=1 S=0 D=0 I=0\n\n"
    "===========================================================================\n"
)
NEMO = (
    '{"audio_filepath": "clips/one.wav", "duration": 2.5, "text": "good day there", "pred_text": "good day their", '
    '"beams": [["good day their", -1.5], ["good day there", -2.25]], "timestamps_word": ['
    '{"word": "good", "start_offset": 1, "end_offset": 5, "start": 0.08, "end": 0.4}, '
    '{"word": "day", "start_offset": 6, "end_offset": 9, "start": 0.48, "end": 0.72}, '
    '{"word": "their", "start_offset": 11, "end_offset": 16, "start": 0.88, "end": 1.28}], "timestamps_segment": ['
    '{"segment": "good day", "start": 0.08, "end": 0.72}, {"segment": "their", "start": 0.88, "end": 1.28}], '
    '"wer": 33.33}\r\n\r\n'
    '{"audio_filepath":"clips/two.wav","offset":10.0,"duration":2,'
    '"pred_text":"caf\\u00e9 \\u05e9\\u05dc\\u05d5\\u05dd","speaker":3,"lang":"fr"}\n'
    '{"audio_filepath": "clips/three.wav", "text": "", "pred_text": ""}'
)

#: A name, the format it is in, and the file.
SAMPLES: dict[str, tuple[str, str]] = {
    "a.srt": ("srt", SRT),
    "a.vtt": ("vtt", VTT),
    "a.ctm": ("ctm", CTM),
    "a.stm": ("stm", STM),
    "a.nlp": ("nlp", NLP),
    "a.tsv": ("tsv", TSV),
    "a.seglst.json": ("seglst", SEGLST),
    "a.json": ("whisper", WHISPER),
    "verbose.json": ("whisper", VERBOSE),
    "recogs-a.txt": ("icefall", ICEFALL),
    "wer": ("wenet", WENET),
    "manifest.json": ("nemo", NEMO),
    **CLOUD,
}
