"""Lists, lattices and records as programs write them, small, for the tests of what reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any


def lines(values: Iterable[Any]) -> str:
    """JSON Lines."""
    return "".join(f"{json.dumps(value)}\n" for value in values)


# Kaldi's lists: texts and costs.
TEXT = "u-1-1 red door\nu-1-2 read door\nu-2-1\nu-1-10 bread\n"
LM = "u-1-1 1.5\nu-1-2 2.25\nu-1-10 4\nu-2-1 0.5\n"
AC = "u-1-1 10\nu-1-2 9.5\nu-1-10 8\nu-2-1 nan\n"

# NeMo's: a manifest, texts with scores, and a manifest with what was recognized.
MANIFEST = [
    {"audio_filepath": "clips/one.wav", "duration": 2.5, "text": "red door"},
    {"audio_filepath": "clips/two.wav", "offset": 1.0, "duration": 2.0, "text": "", "lang": "en"},
]
TSV = "red door\t-1.5\nread door\t-2.25\n\t-0.5\na\tnan\n"
PREDICTED = [
    {**MANIFEST[0], "pred_text": "read door", "beams": [["read door", -1.5], ["red door", -2.0], ["x", None]]},
    {**MANIFEST[1], "pred_text": "hm", "timestamps_word": [{"word": "hm", "start": 0.25, "end": 0.5}]},
]

# Lattices. The end of Kaldi's red and read: state 2 costs 1 + 2, over the silent arc 0.25 + 0.5 + 1, which is better.
KALDI = """utt-a
0 1 the 1.5,10,1_1_2
0 1 a 2.75,9.5,1_1
1 2 red 0.5,4,3
1 2 read 1.5,3.5,3_3
2 3 <eps> 0.25,0,
2 1,2,
3 0.5,1,4

utt-b
0 1 </s>
1

utt-c
0 1 lost 1,1,

""".replace("-a", "-a ")
NUMBERED = "utt-a\n0 1 7 1.5,10,\n0 1 8 2,10.5,\n0 1 0 9,9,\n1\n\nutt-b\n0 1 9 1,2,\n1 2,1,\n"
WORDS = "<eps> 0\nthe 7\na 8\n#0 9\n"
K2 = "0 1 10 -0.5\n0 2 20 -0.25\n1 2 30 0.125\n1 3 -1 -1.5\n2 3 -1 -0.75\n3\n"
K2_WORDS = "<eps> 0\nten 10\ntwenty 20\nthirty 30\n"

# Lists in JSON.
HYPORADISE = json.dumps(
    [
        {"id": "u1", "input": ["a b c", "a b"], "output": "a b c", "am_score": [-0.5, -0.75]},
        {"input": ["x", "<UNK>", "x"], "output": "x", "input1": "x.", "input2": "y.", "instruction": "correct this"},
        {"id": 7, "input": ["a b", "c d"], "output": "e", "score": [-0.5, None]},
    ]
)
MLM_SCORING = json.dumps(
    {
        "u1": {"hyp_10": {"score": -9.5, "text": "ten"}, "hyp_1": {"score": -1.5, "text": "one"}, "ref": "one"},
        "u2": {"hyp_2": {"text": "two"}},
    },
    indent=1,
)
AGWER = (
    '{"reference": "red door", "corrected": "red door", "nbest": ["read door", "red door"]}\n\n'
    '{"id": "mine", "nbest": []}\n'
)

# Records: lists, corrections, answers, changes of the word `frend` in `document_samples.SRT`.
RECORDS = (
    '{"schema": 1, "id": "a", "audio": {"path": "a.wav", "start": 0.5, "end": 2}, "language": "en", "hypotheses": '
    '[{"text": "read door", "score": -1.5, "words": [{"text": "read", "start": 0.5, "end": 1, "confidence": 0.9}]}, '
    '{"text": "red door", "score": -2, "acoustic_score": -1, "lm_score": -1, "by": "x"}], "context": {"hotwords": '
    '["red"], "previous": "hello"}, "reference": "red door", "meta": {"speaker": "ada"}, "more": [1]}\n'
    '{"id": "b", "hypotheses": []}\n'
)
CORRECTIONS = (
    '{"schema": 1, "id": "a", "text": "red door", "decision": "reranked", "reason": "better", "edits": [{"before": '
    '"read", "after": "red", "start": 0.5, "end": 1}], "words": [{"text": "red"}, {"text": "door"}], "scores": '
    '{"lm": -3.5, "generator": -1}, "signature": "x", "hypotheses": [{"text": "read door"}, {"text": "red door"}]}\r\n'
    '{"id": "b", "text": "", "decision": "kept"}\n'
)
ANSWERS = '{"id": "a", "text": "red door", "score": -3.5, "least": -2, "tokens": 4}\n{"id": "b", "text": ""}\n'
CHANGES = (
    '{"file": "a.srt", "unit": "1", "at": 3, "before": "frend,", "after": "friend,", "reason": "", "accept": true, '
    '"old": [{"text": "frend,"}], "new": [{"text": "friend,"}]}\n'
    '{"unit": "2", "at": 3, "old": [{"text": "find"}], "new": [{"text": "fine", "start": 1.5}, {"text": "old"}], '
    '"accept": false}\n'
)
