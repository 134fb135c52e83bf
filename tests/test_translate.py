"""Translating lists, and lists of translations through the pipeline."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import Made
from test_cli import call

from ger import prompting
from ger.api import settings
from ger.errors import ModelError, UsageError
from ger.io.inputs import expand
from ger.io.jsonl import dumps, loads, read_nbest, write_records
from ger.pipeline import Pipeline
from ger.protocols import Answer, GenerateRequest
from ger.testing import FixedSegmenter, ScriptedFrontend, ScriptedLM
from ger.text.chrf import chrf_table
from ger.translate import Translator
from ger.types import Correction, Hypothesis, NBest

LIST = NBest("u", (Hypothesis("der Hund", score=-1.0), Hypothesis("der Hunt", score=-2.0)), language="de")
ANSWERS = {
    "der Hund": (Answer("the dog", -0.5), Answer("a dog", -1.5)),
    "der Hunt": (Answer("the dog", -2.0), Answer("the hunt", -0.1)),
}


class MT(ScriptedLM):
    """A translation model that looks its answers up."""

    translates = True
    signature = "mt"

    def generate(self, requests: Any) -> list[tuple[Answer, ...]]:
        self.prompted.append(list(requests))
        return [ANSWERS[request.prompt] for request in requests]


def translator(lm: ScriptedLM, **options: Any) -> Translator:
    return Translator(lm, "en", prompting.load(options.pop("prompt", "translate")), **options)


def test_translations_of_all_hypotheses_make_a_list() -> None:
    lm = MT()
    (made,) = translator(lm, beams=2).translate([LIST])
    assert (made.id, made.language, made.task, made.target) == ("u", "de", "translate", "en")
    assert [h.text for h in made.hypotheses] == ["the dog", "the hunt", "a dog"]
    # log(exp(-1 - 0.5) + exp(-2 - 2)) = log(0.22313 + 0.01832)
    assert made.hypotheses[0].score == pytest.approx(-1.4211, abs=1e-4)
    assert made.hypotheses[0].extra == {"source": "der Hund"}
    assert made.hypotheses[1].score == pytest.approx(-2.1)
    assert [type(r) for r in lm.prompted[0]] == [GenerateRequest] * 2
    assert {(r.language, r.target, r.beams) for r in lm.prompted[0]} == {("de", "en", 2)}


def test_lists_without_scores() -> None:
    bare = replace(LIST, hypotheses=tuple(Hypothesis(h.text) for h in LIST.hypotheses))
    (made,) = translator(MT(), beams=2).translate([bare])
    assert [h.text for h in made.hypotheses] == ["the dog", "a dog", "the hunt"]
    assert all(h.score is None for h in made.hypotheses)


def test_a_language_model_is_asked_with_a_prompt() -> None:
    lm = ScriptedLM(answer=lambda _: 'Translation: "The dog."')
    (made,) = translator(lm, nbest=1).translate([LIST])
    assert [h.text for h in made.hypotheses] == ["The dog."]
    asked = str(lm.prompted[0][0].prompt)
    assert "from German into English" in asked
    assert "der Hund" in asked
    lm = ScriptedLM(answer=lambda _: "The dog.")
    translator(lm, nbest=1, prompt="translate-t5").translate([LIST])
    assert lm.prompted[0][0].prompt == "translate German to English: der Hund"


def test_nothing_said_and_nothing_written() -> None:
    silent = NBest("s", (), language="de")
    assert translator(MT()).translate([silent])[0].hypotheses == ()
    assert translator(MT()).translate([]) == []
    for answer in ((Answer("the", finished=False),), (Answer(" "),), (Answer("…"),)):
        with pytest.raises(ModelError, match="u: the translator wrote nothing that can be used"):
            translator(ScriptedLM(answer=lambda _, a=answer: a)).translate([LIST])


def test_prompts_that_ask_for_no_text() -> None:
    with pytest.raises(UsageError, match="'h2t-choice' does not ask for a text"):
        translator(MT(), prompt="h2t-choice")
    with pytest.raises(UsageError, match="The answer to the prompt 'summarize' is no translation"):
        translator(MT(), prompt="summarize")


def piped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frontend: ScriptedFrontend, lm: Any, **options: Any) -> Any:
    """What becomes of a second of noise."""
    from ger.settings import Settings

    audio = tmp_path / "talk.wav"
    _noise(audio)
    monkeypatch.setattr(Settings, "make_frontend", lambda self: frontend)
    monkeypatch.setattr(Settings, "make_segmenter", lambda self: FixedSegmenter(10))
    if lm:
        monkeypatch.setattr("ger.settings.load", lambda spec, options: lm)
    pipeline = Pipeline(settings(**options), correct=False)
    (result,) = pipeline.run(expand([str(audio)]).inputs)
    return result


def _noise(path: Path) -> None:
    import wave

    samples = np.random.default_rng(1).integers(-3000, 3000, 16_000, dtype=np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.tobytes())


def test_what_is_recognized_is_translated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frontend = ScriptedFrontend(lambda _: [("der Hund", -1.0), ("der Hunt", -2.0)])
    result = piped(tmp_path, monkeypatch, frontend, MT(), language="german", translator="seq2seq:x", target="english")
    (made,) = result.lists
    assert [h.text for h in made.hypotheses] == ["the dog", "the hunt", "a dog"]
    assert (made.task, made.language, made.target) == ("translate", "de", "en")


def test_what_cannot_be_translated_fails_its_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frontend = ScriptedFrontend(lambda _: [("der Hund", -1.0)])
    lm = ScriptedLM(answer=lambda _: (Answer("the", finished=False),))
    result = piped(tmp_path, monkeypatch, frontend, lm, language="de", translator="x", target="en")
    assert result.lists == ()
    assert "the translator wrote nothing that can be used" in str(result.error)


class English(ScriptedFrontend):
    """Says that English is spoken, and that it translates."""

    def recognize(self, segments: Any) -> list[NBest]:
        return [replace(n, language="en", task="translate", target="en") for n in super().recognize(segments)]


def test_the_language_that_is_spoken_is_no_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frontend = English(lambda _: [("the dog", -1.0)])
    result = piped(tmp_path, monkeypatch, frontend, None, task="translate")
    assert result.lists == ()
    assert str(result.error) == (
        f"{tmp_path}/talk.wav: English is spoken, and what is to be translated into. "
        "Use --task transcribe; or say with --language what is spoken."
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "translate", "target": "grman"}, "no language called 'grman'. Did you mean 'german'"),
        ({"language": "de", "target": "German"}, "German is spoken, and what .* Use --task transcribe."),
        ({"language": "en", "task": "translate"}, "English is spoken"),
        ({"task": "transcribe", "target": "de"}, "--task transcribe has no use for --target de"),
        ({"task": "transcribe", "translator": "x"}, "--task transcribe has no use for --translator. Leave one out."),
        ({"translation_beams": 3}, "--translation-beams is for a translator. Add --translator MODEL."),
        ({"translator": "seq2seq:x", "translation_beams": 0}, "--translation-beams is 0"),
        ({"translator": "masked:x"}, "The backend 'masked' cannot write text"),
        ({"task": "transalte"}, "no task called 'transalte'. Did you mean 'translate'"),
    ],
)
def test_settings_that_do_not_go_together(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        settings(**options)


def test_the_target_is_in_the_record() -> None:
    plain = NBest("u", (Hypothesis("a"),))
    assert "target" not in plain.to_json()
    told = replace(plain, task="translate", target="de")
    assert loads(dumps(told).encode(), "line 1") == told
    correction = Correction.of(told, "b", "rewritten")
    assert Correction.from_json(correction.to_json()).target == "de"


def test_lists_may_be_said_to_be_translations(tmp_path: Path) -> None:
    write_records(tmp_path / "lists.jsonl", [NBest("u", (Hypothesis("a dog"), Hypothesis("the dog")))])
    made = Pipeline(settings(target="en"), correct=False)
    (result,) = made.run(expand([str(tmp_path / "lists.jsonl")]).inputs)
    assert (result.lists[0].task, result.lists[0].target) == ("translate", "en")
    write_records(tmp_path / "out.jsonl", [Correction.of(result.lists[0], "a dog", "kept")])
    assert [n.target for n in read_nbest(tmp_path / "out.jsonl")] == ["en"]


ENGLISH = {"id": "u", "language": "en", "hypotheses": [{"text": "a dog"}, {"text": "the dog"}]}


def listed(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"task": "transcribe"}, "u is a transcript, and nothing translates it. Add --translator MODEL, or leave out"),
        ({"task": "transcribe", "language": None, "audio": {"path": "a.wav"}}, "u is a transcript, and nothing"),
        ({"language": "de"}, "u: German is spoken, and what is translated into. Leave out --task and --target."),
    ],
)
def test_what_is_no_translation_is_not_called_one(tmp_path: Path, told: dict[str, Any], message: str) -> None:
    path = listed(tmp_path / "lists.jsonl", ENGLISH | told)
    for command in ("transcribe", "correct"):
        result = call(command, path, "--target", "de")
        assert (result.exit_code, result.stdout) == (1, "")
        assert message in result.stderr


def test_lists_that_do_not_say_what_they_are(tmp_path: Path) -> None:
    said = ENGLISH | {"id": "v", "task": "translate", "target": "fr"}
    path = listed(tmp_path / "lists.jsonl", ENGLISH, said, {"id": "w", "task": "translate", "hypotheses": []})
    rows = [json.loads(row) for row in call("transcribe", path, "--target", "de").stdout.splitlines()]
    assert [(row["task"], row["target"]) for row in rows] == [
        *(("translate", "de"), ("translate", "fr"), ("translate", "de"))
    ]
    (tmp_path / "hyporadise.json").write_text('[{"input": ["ein Hund", "der Hund"], "output": "der Hund"}]')
    row = json.loads(call("transcribe", tmp_path / "hyporadise.json", "--target", "de").stdout)
    assert (row["task"], row["target"], row["reference"]) == ("translate", "de", "der Hund")


def test_documents_are_no_translations(tmp_path: Path, made: Made) -> None:
    (tmp_path / "talk.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nso the field\n")
    call_it = ("correct", tmp_path / "talk.srt", "--target", "de")
    alone = call(*call_it, "--mode", "hotwords", "--hotwords", "Foo")
    assert (alone.exit_code, alone.stdout) == (1, "")
    assert "talk.srt does not say that it is a translation, and nothing translates it. Add --translator" in alone.stderr
    translated = call(*call_it, "--translator", "x", "-o", tmp_path / "out")
    assert (translated.exit_code, translated.stdout) == (1, "")
    assert "which a translation's have not" in translated.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_a_filter_does_not_translate() -> None:
    result = call("correct", "-", "--format", "jsonl", "--target", "de", stdin="")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "A filter does not translate. Leave out --task, --target and --translator." in result.stderr


TEXTS = ["the dog ran home.", "A dog ran home", "", "a", "the the the", "犬が走る"]


def test_chrf_of_all_pairs_is_that_of_sacrebleu() -> None:
    chrf = pytest.importorskip("sacrebleu.metrics").CHRF()
    table = chrf_table(TEXTS)
    for i, text in enumerate(TEXTS):
        for j, reference in enumerate(TEXTS):
            assert table[i, j] == pytest.approx(chrf.sentence_score(text, [reference]).score), (text, reference)
    assert chrf_table([]).shape == (0, 0)


def test_minimum_bayes_risk_of_translations_is_by_chrf() -> None:
    from ger.correct.combine import Combiner

    texts = ["he wnt hme", "he went home late", "he went home", "she saw it"]
    scores = [math.log(p) for p in (0.3, 0.25, 0.25, 0.2)]
    nbest = NBest("u", tuple(Hypothesis(t, score=s) for t, s in zip(texts, scores, strict=True)), task="translate")
    (made,) = Combiner("mbr").correct([nbest])
    expected = chrf_table(texts) @ np.exp(scores)
    assert (made.decision, made.text) == ("reranked", texts[int(np.argmax(expected))])
    assert made.scores["expected_chrf"] == pytest.approx(expected.max())
    assert "expected chrF" in made.reason
    (kept,) = Combiner("mbr").correct([replace(nbest, hypotheses=nbest.hypotheses[1:])])
    assert (kept.decision, kept.text) == ("kept", "he went home late")


LONG = (
    "The mayor opened the new library on Saturday. Many people came, although it rained all day, "
    "and the children were allowed to stay until midnight."
)


def test_subtitles_of_a_translation_share_the_time_of_the_segment() -> None:
    from ger.io.subtitles import cues
    from ger.types import AudioSpan

    audio = AudioSpan("talk.wav", 10.0, 30.0)
    made = Correction("u", LONG, "kept", audio=audio, language="de", task="translate", target="en")
    found = cues([made])
    assert len(found) > 2
    assert (found[0].start, found[-1].end) == (10_000, 30_000)
    assert all(one.end == other.start for one, other in pairwise(found))
    assert " ".join(line for cue in found for line in cue.lines) == LONG
    assert found[0].lines[-1].endswith("Saturday.")
    # As many characters as pass in its time.
    share = len("The mayor opened the new library on Saturday. ") / (len(LONG) + 1)
    assert found[0].end == pytest.approx(10_000 + 20_000 * share, abs=1)
    assert len(cues([replace(made, task="transcribe", target=None)])) == 1


def test_what_front_ends_translate_into() -> None:
    from asr_frontends.transformers_families import FAMILIES

    seamless = {"__eng__": 5, "__deu__": 6}
    assert FAMILIES["seamless_m4t"].tokens("seamless", seamless, "en", "de") == [6]
    for english in ("en", "eng", "en-US"):
        assert FAMILIES["seamless_m4t"].tokens("seamless", seamless, english, None) == [5]
    whisper = {"<|de|>": 1, "<|translate|>": 2, "<|transcribe|>": 3, "<|notimestamps|>": 4}
    assert FAMILIES["whisper"].tokens("whisper", whisper, "de", "en") == [1, 2, 4]
    with pytest.raises(UsageError, match=r"whisper translates into English only, not into Spanish. Add --translator"):
        FAMILIES["whisper"].tokens("whisper", whisper, "de", "es")
    with pytest.raises(UsageError, match="seamless does not know the language 'fra'"):
        FAMILIES["seamless_m4t"].tokens("seamless", seamless, "en", "fr")
    with pytest.raises(UsageError, match=r"moon cannot translate. Add --translator"):
        FAMILIES["moonshine"].tokens("moon", {}, "en", "de")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("train_fleurs_es_en_st_large", ("translate", "es", "en")),
        ("test_covost2_eng_deu_st_large", ("translate", "en", "de")),
        ("test_wmt20_en_zh_mt", ("translate", "en", "zh")),
        ("train_chime4", ("transcribe", None, None)),
    ],
)
def test_files_of_hypotranslate_tell_their_languages(name: str, told: tuple[Any, ...], tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from ger.io.lists import read_lists

    torch.save([{"input": ["a dog", "the dog"], "ground_truth": "the dog"}], tmp_path / f"{name}.pt")
    (made,) = read_lists(tmp_path / f"{name}.pt")
    assert (made.task, made.language, made.target) == told
