"""The filter: a line out for each line in, in order, as they come."""

from __future__ import annotations

import io
import json
import queue
import time
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


def test_a_byte_order_mark_and_the_hint_for_a_last_line() -> None:
    rows = [b"\xef\xbb\xbf" + line(id="a", text="x"), b'{"id": \n', line(id="b", text="y"), b'{"id": "c", "te']
    sink, said = Sink(), list[str]()
    counts = correct_stream(Keeping(), [b"".join(rows)], sink, "s", said.append)
    assert counts == {"kept": 2, "refused": 2}
    assert ["cut off" in text for text in said] == [False, True]
    assert [text[:23] for text in said] == ["standard input, line 2:", "standard input, line 4:"]


def test_a_line_that_is_too_long_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ger.filter.LONGEST", 100)
    short, long = line(id="a", text="x"), line(id="b", text="y" * 100)
    exact = line(id="c", text="z" * (100 - len(line(id="c", text="")) + 1))
    source = short + long + exact + long[:-1]
    sink, said = Sink(), list[str]()
    counts = correct_stream(Keeping(), (source[i : i + 7] for i in range(0, len(source), 7)), sink, "s", said.append)
    assert counts == {"kept": 2, "refused": 2}
    assert [row[:7] for row in sink.getvalue().split(b"\n")] == [b'{"schem', b"", b'{"schem', b"", b""]
    assert [text[:35] for text in said] == [f"standard input, line {i}: longer than" for i in (2, 4)]


def test_a_long_line_costs_no_more_than_its_bytes() -> None:
    text = b'{"id": "a", "text": "' + b"x " * 4_000_000 + b'"}\n'
    chunks = (text[i : i + 1000] for i in range(0, len(text), 1000))
    begin = time.process_time()
    assert correct_stream(Keeping(), chunks, Sink(), "s", print)["kept"] == 1
    assert time.process_time() - begin < 2.5


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
