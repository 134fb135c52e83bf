"""A corrector that stays loaded."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import Made

import ger
from ger.errors import GerError, InputError, RecordError, UnknownNameError, UsageError
from ger.io.jsonl import dumps
from ger.types import AudioSpan, Hypothesis, NBest

pytestmark = pytest.mark.usefixtures("made")

TEXTS = ["change so the field", "change sow the field"]


def nbest(id: str, *texts: str, **rest: object) -> NBest:
    hypotheses = tuple(Hypothesis(text, score=-1.0 - i) for i, text in enumerate(texts))
    return replace(NBest(id, hypotheses), **rest)  # type: ignore[arg-type]


def test_a_text_texts_and_a_list_each_give_one_correction(made: Made) -> None:
    with ger.Corrector.from_profile() as corrector:
        assert corrector.correct("plain words").text == "plain words"
        assert corrector.correct(TEXTS).text in TEXTS
        correction = corrector.correct(nbest("a", *TEXTS))
        assert (correction.id, correction.text, correction.decision) == ("a", TEXTS[1], "reranked")
        assert correction.signature == corrector.signature
        assert corrector.signature.startswith(f"ger {ger.__version__} | lists | rescore:")
    assert len(made.lms) == 1


def test_a_record_is_a_list() -> None:
    record = nbest("a", *TEXTS).to_json()
    with ger.Corrector.from_profile() as corrector:
        assert corrector.correct(record) == corrector.correct(nbest("a", *TEXTS))
        assert corrector.correct({"hypotheses": record["hypotheses"]}).id == "1"
        with pytest.raises(RecordError, match="list 2: hypothesis 1: 'text' is missing"):
            corrector.batch(["a", {"hypotheses": [{}]}])


@pytest.mark.parametrize("wrong", [5, None, ["a", None], [["a"]], b"a", [0], NBest("a", ("x", "y"))])  # type: ignore[arg-type]
def test_nothing_else_can_be_corrected(wrong: object) -> None:
    with ger.Corrector.from_profile() as corrector, pytest.raises(UsageError):
        corrector.correct(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", ["hey", 5, nbest("a", *TEXTS), {"id": "a"}])
def test_a_batch_is_several(wrong: object) -> None:
    with ger.Corrector.from_profile() as corrector:
        with pytest.raises(UsageError, match=r"is not several things to correct\. Put it into a list\."):
            corrector.batch(wrong)  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="is not several"):
            asyncio.run(corrector.abatch(wrong))  # type: ignore[arg-type]


def test_options_and_profiles_are_those_of_the_other_functions(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text("[weights]\nacoustic = 1.0\n")
    with ger.Corrector.from_profile(tmp_path / "p.toml") as corrector:
        assert corrector.correct(nbest("a", *TEXTS)).text == TEXTS[0]
    (tmp_path / "answers.jsonl").write_text('{"id": "a", "text": "change so the fields"}\n')
    with ger.Corrector.from_profile(answers=tmp_path / "answers.jsonl", guard=False) as corrector:
        assert corrector.correct(nbest("a", *TEXTS)).text == "change so the fields"
    with pytest.raises(UsageError, match="no option called 'wieght'"):
        ger.Corrector.from_profile(wieght=1)
    with pytest.raises(InputError, match="cannot be read"):
        ger.Corrector.from_profile(tmp_path / "absent.toml")
    with pytest.raises(GerError, match="model missing"):
        ger.Corrector.from_profile(llm="missing")


def test_a_batch_keeps_its_order() -> None:
    lists = [nbest(str(i), *(TEXTS if i % 3 else ["plain one", "plain two"])) for i in range(600)]
    with ger.Corrector.from_profile() as corrector:
        made = corrector.batch(lists)
        assert [one.id for one in made] == [str(i) for i in range(600)]
        assert [one.text for one in made] == [TEXTS[1] if i % 3 else "plain one" for i in range(600)]
        assert corrector.batch([]) == []


def test_what_tasks_ask_for_at_once_is_corrected_together() -> None:
    async def all_of_them(corrector: ger.Corrector) -> list[ger.Correction]:
        return await asyncio.gather(*(corrector.acorrect(nbest(str(i), *TEXTS, f"c{i}")) for i in range(50)))

    with ger.Corrector.from_profile() as corrector:
        made = asyncio.run(all_of_them(corrector))
        assert [(one.id, one.hypotheses[2].text) for one in made] == [(str(i), f"c{i}") for i in range(50)]
        assert corrector.batcher.items == 50
        assert corrector.batcher.batches < 50


def test_tasks_wait_where_the_queue_is_full() -> None:
    async def all_of_them(corrector: ger.Corrector) -> list[ger.Correction]:
        return await corrector.abatch(nbest(str(i), *TEXTS) for i in range(40))

    with ger.Corrector.from_profile() as corrector:
        corrector.batcher._bound = 2
        assert [one.id for one in asyncio.run(all_of_them(corrector))] == [str(i) for i in range(40)]


def test_threads_share_batches() -> None:
    made: dict[int, str] = {}

    def ask(corrector: ger.Corrector, number: int) -> None:
        made[number] = corrector.correct(nbest(f"{number}", *TEXTS)).id

    with ger.Corrector.from_profile() as corrector:
        threads = [threading.Thread(target=ask, args=(corrector, i)) for i in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert made == {i: str(i) for i in range(20)}


def test_running_context_stays_within_a_call(made: Made) -> None:
    lists = [nbest(f"{i}", *TEXTS, audio=AudioSpan("talk.wav", i, i + 1.0)) for i in range(2)]
    with ger.Corrector.from_profile(previous=1) as corrector:
        for _ in range(2):
            made.lms[0].scored.clear()
            corrections = corrector.batch(lists)
            assert [one.audio for one in corrections] == [one.audio for one in lists]
            prefixes = [request.prefix for call in made.lms[0].scored for request in call]
            assert [TEXTS[1] in prefix.lower() for prefix in prefixes] == [False, True]
        said = corrector._inner._said  # type: ignore[attr-defined]
        assert said == {}
        said["of another call"] = "words"
        assert corrector.batch([nbest("talk-1", *TEXTS), nbest("alone", *TEXTS)])[0].audio is None
        assert said == {"of another call": "words"}


SRT = """1
00:00:01,000 --> 00:00:02,500
The <i>change</i> so
the field.
"""


def test_a_document_comes_back_in_its_own_format(tmp_path: Path) -> None:
    (tmp_path / "talk.srt").write_text(SRT)
    (tmp_path / "answers.jsonl").write_text(
        '{"id": "talk/1", "text": "The change sows the field."}\n{"id": "document/1", "text": "The change."}\n'
    )
    with ger.Corrector.from_profile(answers=tmp_path / "answers.jsonl", guard=False) as corrector:
        assert corrector.document(tmp_path / "talk.srt") == SRT.replace(" so\n", " sows\n").encode()
        assert b"The <i>change" in corrector.document(SRT.encode())
        assert corrector.document(b"a so the field\n", format="kaldi") == b"a so the field\n"
        with pytest.raises(InputError, match="document is in no format that is known"):
            corrector.document(b"so the field")
        with pytest.raises(InputError, match=r"absent\.srt cannot be read"):
            corrector.document(tmp_path / "absent.srt")
        with pytest.raises(UnknownNameError, match="'sbt'"):
            corrector.document(SRT.encode(), format="sbt")


def test_a_closed_corrector_says_so() -> None:
    corrector = ger.Corrector.from_profile()
    corrector.close()
    with pytest.raises(UsageError, match="The corrector is closed"):
        corrector.correct("a")


def test_what_breaks_is_told_in_the_correction() -> None:
    with ger.Corrector.from_profile() as corrector:
        failed, fine = corrector.batch([nbest("1", "odd so", "odd sow"), nbest("2", *TEXTS)])
        assert (failed.decision, failed.text) == ("failed", "odd so")
        assert fine.text == TEXTS[1]
        assert dumps(failed)
