"""The filter: a line out for each line in, in order, as they come."""

from __future__ import annotations

import io
import json
import queue
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from ger.correct.outcome import as_it_was
from ger.filter import correct_stream
from ger.types import Correction, NBest


class Keeping:
    """Keeps all 1-bests and notes how many came together."""

    signature = "keeping"

    def __init__(self) -> None:
        self.together: list[int] = []

    def correct(self, lists: Sequence[NBest]) -> list[Correction]:
        self.together.append(len(lists))
        return [as_it_was(nbest, "so", "failed" if nbest.id == "bad" else "kept") for nbest in lists]


class Sink(io.BytesIO):
    """Counts how often it was flushed."""

    flushes = 0

    def flush(self) -> None:
        self.flushes += 1


def line(**fields: Any) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def test_lines_of_all_kinds_keep_their_order() -> None:
    lines = [
        line(id="a", text="hello", speaker="ada"),
        b"\r\n",
        b"nonsense\r\n",
        b'["a list"]\n',
        line(id="b", hypotheses=[{"text": "x", "score": -1}, {"text": "y"}]),
        line(id="bad", text="z"),
        line(id="a", text="the same id again").rstrip(),
    ]
    sink, said = Sink(), list[str]()
    counts = correct_stream(Keeping(), lines, sink, "signed", said.append)
    made = sink.getvalue().split(b"\n")
    assert made[1:4] == [b"", b"nonsense", b'["a list"]']
    values = [json.loads(made[i]) for i in (0, 4, 5, 6)]
    assert [value["text"] for value in values] == ["hello", "x", "z", "the same id again"]
    assert values[0]["speaker"] == "ada"
    assert {value["signature"] for value in values} == {"signed"}
    assert counts == {"kept": 3, "failed": 1, "refused": 2}
    assert [text[:23] for text in said] == ["standard input, line 3:", "standard input, line 4:", "bad: so"]


def test_a_line_is_answered_before_the_next_one_comes() -> None:
    asked: queue.Queue[bytes] = queue.Queue()

    class Answers(Sink):
        def flush(self) -> None:
            super().flush()
            asked.put(self.getvalue())

    def source() -> Iterator[bytes]:
        for i in range(3):
            yield line(id=str(i), text="x")
            assert asked.get(timeout=10).count(b"\n") == i + 1

    sink = Answers()
    assert correct_stream(Keeping(), source(), sink, "s", print)["kept"] == 3
    assert sink.flushes == 3


def test_what_waits_goes_together_and_not_too_much_of_it() -> None:
    keeping = Keeping()
    correct_stream(keeping, (line(id=str(i), text="x") for i in range(2000)), Sink(), "s", print)
    assert sum(keeping.together) == 2000
    assert max(keeping.together) <= 256


def test_a_source_that_breaks_is_no_end() -> None:
    def source() -> Iterator[bytes]:
        yield line(id="a", text="x")
        raise OSError("gone")

    sink = Sink()
    with pytest.raises(OSError, match="gone"):
        correct_stream(Keeping(), source(), sink, "s", print)
    assert sink.getvalue().count(b"\n") == 1
    assert correct_stream(Keeping(), [], Sink(), "s", print) == {}
