"""One spelling for what a recording repeats: what gives way, what stays, and where a recording ends."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import fakes
import numpy as np
import pytest
from fakes import Made, tone
from fixtures_cli import run
from hypothesis import event, given
from hypothesis import strategies as st
from test_hotwords import made_up
from test_pipeline import inputs, texts

from ger import api
from ger.correct.consistent import Consistent, Said
from ger.correct.fit_hotwords import fit_hotwords
from ger.correct.hotword_finder import Entries, Heard, find
from ger.correct.hotword_model import default
from ger.correct.hotwords import Ready
from ger.correct.made_up_hotwords import with_made_up
from ger.correct.outcome import as_it_was, changed
from ger.corrector import Corrector
from ger.errors import UsageError
from ger.hotwords import Hotword, Hotwords
from ger.pipeline import Pipeline
from ger.serve.engine import Engine
from ger.serve.limits import Limits
from ger.settings import Settings
from ger.text.common import commonness
from ger.text.normalize import normalize
from ger.types import AudioSpan, Context, Correction, Hypothesis, NBest, Word
from ger.unfinished import Kept, Unfinished

MEETING = [
    "We met Katarzina at the airport.",
    "Katarzyna has been there since noon.",
    "Then Katarzyna's brother came.",
    '"And you, Katarzyna?" he said.',
    "Everybody knew that it was late.",
]


def lists(said: Sequence[str], name: str = "call", language: str | None = "en") -> list[NBest]:
    return [NBest(f"{name}/{i}", (Hypothesis(text),), language=language) for i, text in enumerate(said)]


def corrections(said: Sequence[str], name: str = "call", language: str | None = "en") -> list[Correction]:
    return [as_it_was(nbest, "as it was") for nbest in lists(said, name, language)]


def again(made: Sequence[Correction]) -> list[str]:
    """The texts after a second look."""
    changes = Consistent(default("consistent")).changes(made)
    return [changes.get(i, one).text for i, one in enumerate(made)]


# What gives way


def test_an_odd_spelling_gives_way_to_what_the_recording_has_later() -> None:
    made = corrections(MEETING)
    changes = Consistent(default("consistent")).changes(made)
    assert list(changes) == [0]
    (new,) = changes.values()
    assert new.text == "We met Katarzyna at the airport."
    assert new.decision == "rewritten"
    assert new.reason.startswith("'katarzina' sounds like the recording's 'Katarzyna' (")
    assert [(edit.before, edit.after) for edit in new.edits] == [("Katarzina", "Katarzyna")]
    assert 0.3 < new.scores["consistent"] < 1
    assert new.hypotheses == made[0].hypotheses


def test_times_go_over() -> None:
    words = tuple(Word(text, i, i + 0.9) for i, text in enumerate(MEETING[0].split()))
    first = NBest("call/0", (Hypothesis(MEETING[0], words=words),), language="en")
    made = [as_it_was(first, ""), *corrections(MEETING)[1:]]
    (new,) = Consistent(default("consistent")).changes(made).values()
    assert [(word.text, word.start, word.end) for word in new.words][2] == ("Katarzyna", 2, 2.9)


def test_it_is_written_as_within_sentences() -> None:
    said = Said()
    for text in ("Fauchelevent came.", "And fauchelevent went.", "FAUCHELEVENT stayed.", "So did fauchelevent's dog."):
        said.add(text)
    assert said.recurring("en") == ("fauchelevent",)
    assert said.places["fauchelevent"] == 4


@pytest.mark.parametrize("form", [str, str.upper, lambda text: text.replace("'", "’")])
def test_possessives_count_as_their_word(form: Callable[[str], str]) -> None:
    said = Said()
    for text in MEETING[2:4]:
        said.add(form(text))
    assert said.recurring("en") == (form("Katarzyna"),)
    assert again(corrections([form(text) for text in MEETING]))[0] == form("We met Katarzyna at the airport.")


def test_an_odd_spelling_gives_way_wherever_a_text_has_it() -> None:
    said = ["It was Katarzina, not the old Katarzina, who met Katarzina's brother there.", *MEETING[1:]]
    assert again(corrections(said))[0] == (
        "It was Katarzyna, not the old Katarzyna, who met Katarzyna's brother there."
    )


def test_it_is_written_as_the_text_is_and_not_as_the_hypotheses_are() -> None:
    heard = [replace(nbest, hypotheses=(Hypothesis(nbest.best.text.upper()),)) for nbest in lists(MEETING)]
    made = [changed(nbest, Hypothesis(text), "rewritten", "", {}) for nbest, text in zip(heard, MEETING, strict=True)]
    assert again(made)[0] == "We met Katarzyna at the airport."


def test_long_texts_are_several_places() -> None:
    said = " ".join(text.rstrip(".").lower() for text in MEETING[1:])
    assert Said().recurring("en") == ()
    several = corrections(["we met katarzina at the airport and went home", " ".join([said] * 4)])
    assert again(several)[0] == "we met katarzyna at the airport and went home"


def test_what_another_hypothesis_has_is_reranked_and_the_1_best_is_kept() -> None:
    first, other = MEETING[0], MEETING[0].replace("Katarzina", "Katarzyna")
    rest = corrections(MEETING)[1:]
    listed = NBest("call/0", (Hypothesis(first), Hypothesis(other)), language="en")
    (new,) = Consistent(default("consistent")).changes([as_it_was(listed, ""), *rest]).values()
    assert (new.text, new.decision) == (other, "reranked")
    assert new.reason.startswith("'katarzina' sounds like the recording's 'Katarzyna'")
    best = NBest("call/0", (Hypothesis(other),), language="en")
    wrong = changed(best, Hypothesis(first), "rewritten", "so it was", {})
    (new,) = Consistent(default("consistent")).changes([wrong, *rest]).values()
    assert (new.text, new.decision, new.edits) == (other, "kept", ())


# What stays


@pytest.mark.parametrize(
    "said",
    [
        [
            "We met Katarzina.",
            "Katarzina left.",
            "Katarzyna came.",
            "It was Katarzyna.",
            "Ask Katarzyna.",
        ],  # two of them
        ["The report is late.", "Whose reports are these?", "Her report is not.", "It reported nothing."],
        ["We saw covid 19 numbers.", "It was covid again.", "After covid came.", "No covid here.", "So covid went."],
        ["We met Mary.", "Mary came.", "Is Mary there?", "Then Marie left.", "The merry men sang."],
        ["We met Nowak.", "Nowak came.", "It was Nowak.", "Then Nowak left.", "The Nowaks are rich."],
        ["We met O'Halloran.", "O'Halloran left.", "Ohalloran came.", "It was Ohalloran.", "Ask Ohalloran."],
        ["We met Katar-zina.", "Katar-zina left.", "Katarzyna came.", "It was Katarzyna.", "Ask Katarzyna."],
    ],
)
def test_what_may_be_right_stays(said: list[str]) -> None:
    assert again(corrections(said)) == said


@pytest.mark.parametrize("alternative", [False, True])
def test_hotwords_that_were_given_stay(alternative: bool) -> None:
    made = corrections(MEETING)
    listed = made[0].hypotheses + ((Hypothesis("We met Katarzyna at the airport."),) if alternative else ())
    made[0] = replace(made[0], hypotheses=listed, context=Context(hotwords=("Katarzina Nowak",)))
    assert again(made) == MEETING


@pytest.mark.parametrize("heard", ["It was the 747.", "Ask IBM.", "Use the A380 there."])
def test_numbers_and_abbreviations_stay_whatever_other_hypotheses_have(heard: str) -> None:
    word = heard.rstrip(".").split()[-1] if "A380" not in heard else "A380"
    listed = NBest("call/9", (Hypothesis(heard), Hypothesis(heard.replace(word, "Katarzyna"))), language="en")
    assert again([*corrections(MEETING[1:]), as_it_was(listed, "")])[-1] == heard


def test_what_failed_stays_failed() -> None:
    made = corrections(MEETING)
    made[0] = replace(made[0], decision="failed", reason="no answer")
    assert again(made) == MEETING


def test_recordings_do_not_know_of_each_other() -> None:
    made = [*corrections(MEETING[:1], "one"), *corrections(MEETING[1:], "other")]
    assert again(made) == MEETING
    alone = [replace(one, id=f"text {i}") for i, one in enumerate(corrections(MEETING))]
    assert again(alone) == MEETING  # of no recording that anybody knows
    mixed = [*made, *corrections(MEETING, "third")]
    assert again(mixed)[5] == "We met Katarzyna at the airport."


def test_translations_stay() -> None:
    assert again([replace(one, task="translate") for one in corrections(MEETING)]) == MEETING


def test_other_languages_than_english_stay() -> None:
    for language in ("pl", "de"):
        assert again(corrections(MEETING, language=language)) == MEETING
    assert again(corrections(MEETING, language=None))[0] != MEETING[0]  # it looks English
    assert again([]) == []


_NAMES = (
    "Katarzyna",
    "Katarzina",
    "katerzyna",
    "KATARZYNA",
    "O'Hara",
    "Ohara",
    "Nowak",
    "Nowaks",
    "Novak",
    "747",
    "東京",
)
_AROUND = ("", "’s", "'s", ",", "!", "-based")


@given(st.lists(st.tuples(st.sampled_from(_NAMES), st.sampled_from(_AROUND), st.booleans()), max_size=9))
def test_any_texts(drawn: list[tuple[str, str, bool]]) -> None:
    """Words change one by one, into words of the recording; those that several texts have stay."""
    said = [f"We met {name}{end} there" if late else f"{name}{end} was there" for name, end, late in drawn]
    made = corrections(said)
    changes = Consistent(default("consistent")).changes(made)
    counts = Counter(part for text in said for part in {part for word in plain(text) for part in (word, *word.split())})
    for i, new in changes.items():
        pairs = [(a, b) for a, b in zip(plain(said[i]), plain(new.text), strict=True) if a != b]
        assert pairs
        assert all(counts[a] == 1 and counts[b] >= 2 for a, b in pairs)
        assert (new.id, new.decision) == (made[i].id, "rewritten")
    event(f"{len(changes)} changes")


def plain(text: str) -> list[str]:
    return [normalize(word).removesuffix("'s") for word in text.split()]


# The features, and learning


def test_features_by_hand() -> None:
    model = default("consistent")
    entries = Entries([Hotword("Katarzyna")], {"katarzyna": 3, "katarzina": 1, "met": 5})
    for text, recurs, heard_again in (
        ("we met katarzina", 3, 0),
        ("katarzina met katarzyna", 2, 0),
        ("so katarzin", 3, 0),
    ):
        (found,) = find([(Heard.of(text), entries, commonness("en"))], model.sounds, model.letters)
        (one,) = [one for one in found if one.heard.startswith("katarzin") and " " not in one.heard]
        assert one.value("recurs") == pytest.approx(np.log1p(recurs))
        assert one.value("heard again") == pytest.approx(np.log1p(heard_again))
    (found,) = find([(Heard.of("so katarzina"), Entries([Hotword("Katarzyna")]), commonness("en"))],
                    model.sounds, model.letters)  # fmt: skip
    assert all(one.value("recurs") == one.value("heard again") == 0 for one in found)  # nobody counted


def test_hotwords_of_lists_can_be_given_by_a_function() -> None:
    made = with_made_up(made_up(100), 10)
    plain, given = fit_hotwords(made, folds=2), fit_hotwords(made, entries=Ready(Hotwords()).of, folds=2)
    assert (plain.model.signature, plain.after) == (given.model.signature, given.after)
    with_counts = fit_hotwords(
        made, entries=lambda nbest: Entries(Ready(Hotwords()).of(nbest).hotwords, {"prynhild": 2}), folds=2
    )
    counted, uncounted = (fitted.model.judge.said.weights for fitted in (with_counts, plain))
    assert counted["heard again"] > 0  # always misheard
    assert "heard again" not in uncounted


# Where it is used


def heard_in(said: list[str]) -> object:
    return lambda segment: [(said[int(segment.id.rpartition("/")[2])], -1.0)]


@pytest.mark.usefixtures("made")
def test_a_long_recording_is_looked_at_again_from_disk(
    tmp_path: Path, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [*MEETING, *(f"It was Katarzyna in minute {i}." for i in range(70)), "In the end only Katerzyna laughed."]
    monkeypatch.setattr(fakes, "heard", heard_in(said))
    talk = tone(tmp_path / "talk.wav", len(said), rate=8000)
    options = Settings(mode="hotwords", consistent=True)
    (result,) = Pipeline(options).run(inputs(talk), unfinished=Unfinished())
    assert result.recording
    assert isinstance(result.recording.corrections, Kept)
    found = texts(result)
    assert [found[0], found[-1]] == ["We met Katarzyna at the airport.", "In the end only Katarzyna laughed."]
    assert found[1:-1] == said[1:-1]
    assert result.recording.corrections[0].text == found[0]
    assert [one.text for one in result.recording.corrections[-1:]] == found[-1:]
    signature = Consistent(default("consistent")).signature
    assert all(one.signature.endswith(f" | {signature}") for one in result.recording.corrections)
    (plain,) = Pipeline(replace(options, consistent=False)).run(inputs(talk), unfinished=Unfinished())
    assert texts(plain) == said


def test_subtitles_keep_all_but_the_name(tmp_path: Path) -> None:
    cues = [f"{i + 1}\n00:00:0{i},000 --> 00:00:0{i},900\n{text}\n" for i, text in enumerate(MEETING)]
    (path := tmp_path / "talk.srt").write_text("\n".join(cues), encoding="utf-8")
    code, out, err = run("correct", path, "--consistent")
    assert code == 0, err
    assert out == path.read_text(encoding="utf-8").replace("Katarzina", "Katarzyna")
    code, out, err = run("correct", path, "--mode", "hotwords")
    assert code == 0, err
    assert out == path.read_text(encoding="utf-8")


def test_python() -> None:
    with Corrector(api.settings(mode="hotwords", consistent=True)) as corrector:
        made = corrector.batch(lists(MEETING))
        assert [one.text for one in made] == ["We met Katarzyna at the airport.", *MEETING[1:]]
        assert asyncio.run(corrector.abatch(lists(MEETING))) == made
        assert corrector.correct(lists(MEETING)[0]).text == MEETING[0]  # the others are not there
        document = json.dumps({"segments": [{"start": i, "end": i + 1, "text": t} for i, t in enumerate(MEETING)]})
        assert json.loads(corrector.document(document.encode()))["segments"][0]["text"] == made[0].text
        assert made[0].signature == corrector.signature
        assert "consistent=" in corrector.signature


def test_names_of_recordings_come_back_with_running_context() -> None:
    span = [replace(nbest, audio=AudioSpan("call.wav", i, i + 1)) for i, nbest in enumerate(lists(MEETING))]
    options = Settings(mode="hotwords", consistent=True)
    with Corrector(replace(options, profile=replace(options.profile, previous=2))) as corrector:
        made = corrector.batch(span)
    assert made[0].text == "We met Katarzyna at the airport."
    assert {one.audio.path for one in made if one.audio} == {"call.wav"}


def test_where_it_makes_no_sense(tmp_path: Path) -> None:
    for options in ({"target": "de"}, {"mode": "cascade"}, {"translator": "some-model", "target": "de"}):
        with pytest.raises(UsageError, match="Spelling one way is for transcripts"):
            api.settings(consistent=True, **options)
    code, _, err = run("correct", "-", "--format", "jsonl", "--consistent")
    assert code == 2
    assert "A filter has no whole recordings" in err
    assert Settings().key != Settings(consistent=True).key


@pytest.mark.usefixtures("made")
def test_the_service_answers_before_a_recording_is_whole() -> None:
    with pytest.raises(UsageError, match="The service answers before all"):
        Engine(Settings(consistent=True), Limits())
