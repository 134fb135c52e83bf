"""What a generator writes joins the list: hybrid correction, tuning with a generator, and profiles that name one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from ger import api, prompting
from ger.correct.factories import generator as made_of
from ger.correct.fit import fit
from ger.correct.generate import Generator
from ger.correct.guard import Guard
from ger.correct.guarded import Guarded
from ger.correct.hybrid import Hybrid, Writer, widened
from ger.errors import InputError, ModelError, UnknownNameError, UsageError
from ger.lm.features import ListJudge
from ger.lm.generation import GENERATOR, Generation
from ger.lm.profile import Profile, read_profile, write_profile
from ger.lm.select import LmSpec
from ger.protocols import Answer, GenerateRequest, ScoreRequest
from ger.settings import Settings
from ger.train.adapter import Reading
from ger.types import Hypothesis, NBest


class Clerk:
    """Writes `answer`, and finds a text the likelier the more of its words stand in `answer`."""

    signature = "clerk"

    def __init__(self, answer: str, *, scores: bool = True) -> None:
        self.answer, self.scores = answer, scores
        self.requests: list[GenerateRequest] = []

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
        raise ModelError("clerk cannot score.")

    def generate(self, requests: Sequence[GenerateRequest]) -> list[tuple[Answer, ...]]:
        self.requests += requests
        return [self._answers(request) for request in requests]

    def _answers(self, request: GenerateRequest) -> tuple[Answer, ...]:
        texts = request.choices or (self.answer,)
        found = [Answer(text, self._logp(text) if self.scores else None) for text in texts]
        ordered = sorted(found, key=lambda answer: -(answer.score or 0))
        return tuple(ordered[: max(1, request.beams)])

    def _logp(self, text: str) -> float:
        wanted = self.answer.split()
        return -float(sum(word not in wanted for word in text.split()) + sum(w not in text.split() for w in wanted))


def generator(answer: str, **options: bool) -> Generator:
    return Generator(Clerk(answer, **options), Generation(), prompting.load("h2t"), verbatim=True)


def nbest(*texts: str, reference: str | None = None, name: str = "a") -> NBest:
    made = tuple(Hypothesis(text, score=-float(i)) for i, text in enumerate(texts))
    return NBest(name, made, reference=reference)


def test_an_unlisted_text_that_the_generator_prefers_is_chosen() -> None:
    corrector = Hybrid({}, Profile({"acoustic": 0.1, GENERATOR: 1.0}), generator=generator("show fares to boston"))
    (made,) = corrector.correct([nbest("show fairs to boston", "show fair to boston")])
    assert (made.text, made.decision) == ("show fares to boston", "rewritten")
    assert made.reason.startswith("a text that the model wrote is ahead by")
    assert [edit.after for edit in made.edits] == ["fares"]
    assert made.scores[GENERATOR] == 0.0
    assert [h.text for h in made.hypotheses] == ["show fairs to boston", "show fair to boston"]


def test_what_the_guard_refuses_falls_back_to_the_best_listed_text() -> None:
    profile = Profile({"acoustic": 0.1, GENERATOR: 1.0})
    inner = Hybrid({}, profile, generator=generator("show two fares to boston"))
    lists = [nbest("show fairs to boston", "show fares to boston")]
    assert inner.correct(lists)[0].extra == {"listed": 1}
    (made,) = Guarded(inner, Guard(style=False)).correct(lists)
    assert (made.text, made.decision, made.extra) == ("show fares to boston", "reranked", {})
    assert "number" in made.reason


def test_the_recognizer_may_outweigh_the_generator() -> None:
    profile = Profile({"acoustic": 1.0, GENERATOR: 0.01, "added": -5.0})
    (made,) = Hybrid({}, profile, generator=generator("show fares")).correct([nbest("show fairs", "so fairs")])
    assert (made.text, made.decision) == ("show fairs", "kept")


def test_a_list_of_one_is_open_and_an_empty_one_is_not() -> None:
    corrector = Hybrid({}, Profile({GENERATOR: 1.0}), generator=generator("show fares"))
    one, none = corrector.correct([nbest("show fairs"), NBest("b", ())])
    assert (one.text, one.decision) == ("show fares", "rewritten")
    assert (none.text, none.decision, none.reason) == ("", "kept", "nothing was said")


def test_what_is_listed_already_is_not_added_again() -> None:
    lists = [nbest("show fairs", "show fares"), nbest("a", "b")]
    wide = widened(lists, generator("show fares"))
    assert wide[0] == lists[0]
    assert [h.text for h in wide[1].hypotheses] == ["a", "b", "show fares"]
    assert wide[1].hypotheses[2].extra == {"added": "generator"}


def test_the_prompt_shows_only_what_was_listed() -> None:
    clerk = Clerk("three")
    writer = Writer(Generator(clerk, Generation(), prompting.load("h2t"), verbatim=True))
    assert isinstance(writer, ListJudge)
    wide = widened([nbest("one", "two")], writer.generator)
    assert writer.score_lists(wide) == [[-2.0, -2.0, 0.0]]
    assert {request.prompt for request in clerk.requests} == {"one\ntwo\n=\n"}
    with pytest.raises(ModelError, match="judges lists"):
        writer.score([])
    with pytest.raises(ModelError, match="does not write"):
        writer.generate([])


def test_a_generator_without_scores_fails_the_list_and_keeps_the_1_best() -> None:
    corrector = Hybrid({}, Profile({GENERATOR: 1.0}), generator=generator("show fares", scores=False))
    (made,) = corrector.correct([nbest("show fairs", "so fairs")])
    assert (made.text, made.decision) == ("show fairs", "failed")
    assert "gives no scores" in made.reason


def test_a_server_that_cannot_judge_may_only_write() -> None:
    clerk = Clerk("show fares")
    clerk.abilities = frozenset({"generate", "choices"})  # type: ignore[attr-defined]
    chatty = Generator(clerk, Generation(), prompting.load("h2t-nbest"))
    with pytest.raises(UsageError, match=r"scores no answers in a chat.*--weight generator=0"):
        Hybrid({}, Profile({GENERATOR: 1.0}), generator=chatty)
    corrector = Hybrid({}, Profile({"added": 1.0, GENERATOR: 0.0}), generator=chatty)
    assert corrector.correct([nbest("show fairs", "so fairs")])[0].text == "show fares"


def test_tuning_finds_that_a_good_generator_is_worth_its_weight() -> None:
    heard = [("show fairs to", "fairs"), ("list fairs in", "fairs"), ("what fairs are", "fairs"), ("find fairs on", "")]
    days = ["monday", "tuesday", "friday", "sunday"]

    class Knowing(Clerk):
        def _answers(self, request: GenerateRequest) -> tuple[Answer, ...]:
            assert isinstance(request.prompt, str)
            self.answer = request.prompt.split("\n")[0].replace("fairs", "fares")
            return super()._answers(request)

    lists = [
        nbest(f"{said} {day}", f"{said} the {day}", reference=f"{said} {day}".replace("fairs", "fares"), name=f"{i}{j}")
        for i, (said, _) in enumerate(heard)
        for j, day in enumerate(days)
    ]
    knowing = Generator(Knowing(""), Generation(), prompting.load("h2t"), verbatim=True)
    fitted = fit(lists, Profile({}, generation=Generation()), {}, generator=knowing, normalizer="none")
    assert fitted.baseline == fitted.oracle == pytest.approx(25.0)
    assert fitted.validated == 0.0
    assert fitted.profile.weights[GENERATOR] > 0
    assert fitted.profile.made["language_models"] == [f"generator: {knowing.signature}"]


def test_a_profile_keeps_how_to_generate(tmp_path: Path) -> None:
    (tmp_path / "my-adapter").mkdir()
    how = Generation(LmSpec("generator", "transformers", "m"), "my-adapter", "h2t", "words", 3, task="asr")
    write_profile(tmp_path / "p.toml", Profile({"generator": 1.0}, generation=how, gate="g.toml", guard=False))
    (tmp_path / "h2t").mkdir()
    found = read_profile(tmp_path / "p.toml")
    assert found.generation is not None
    assert found.generation.prompt == "h2t"  # the prompt, not the folder that is called so
    assert found.generation.adapter == str(tmp_path / "my-adapter")  # found beside the profile
    assert (found.gate, found.guard) == ("g.toml", False)
    assert found.generation.decoding == "words"
    assert (found.generation.lm, found.generation.beams, found.generation.task) == (how.lm, 3, "asr")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("beems = 2", "'generation.beems' is not known"),
        ("beams = true", "'generation.beams' should be a whole number"),
        ('decoding = "wrods"', "Did you mean 'words'"),
        ("shots = 3", "Examples need a file and a number. Give both --examples FILE and --shots N"),
    ],
)
def test_a_profile_says_what_is_wrong_with_generation(tmp_path: Path, row: str, said: str) -> None:
    (tmp_path / "p.toml").write_text(f"[weights]\nacoustic = 1.0\n[generation]\n{row}\n")
    with pytest.raises(InputError, match=said):
        read_profile(tmp_path / "p.toml")


def test_options_choose_mode_and_model() -> None:
    made = api.settings(prompt="h2t-nbest", llm="m")
    assert (made.mode, made.generation.prompt, made.generation.lm) == (
        "generate",
        "h2t-nbest",
        LmSpec("generator", model="m"),
    )
    made = api.settings(mode="generate", llm="http://localhost:1/v1#m")
    assert (made.generation.lm.backend, made.generation.lm.name) == ("openai", "generator")
    made = api.settings(mode="cascade", lms=["x=my-model"])
    assert (made.generation.lm.model, made.generation.lm.name) == ("my-model", "generator")
    weighed = Profile({"generator": 1.0, "acoustic": 0.5}, generation=Generation(prompt="h2t"))
    assert api.settings(profile=weighed).mode == "hybrid"
    assert api.settings(profile=weighed, mode="generate").mode == "generate"  # its weights do not count then
    with pytest.raises(UsageError, match="'rescore' has no language model write"):
        api.settings(profile=weighed, mode="rescore")
    assert api.settings(profile=Profile({"acoustic": 1.0}, generation=Generation())).mode == "generate"
    assert api.settings(gate="off").profile.gate == ""
    with pytest.raises(UsageError, match="has no language model write"):
        api.settings(mode="combine", prompt="h2t")
    for other in ({"adapter": "a"}, {"mode": "generate"}, {"beams": 2}):
        with pytest.raises(UsageError, match=f"'{next(iter(other))}' has no effect"):
            api.settings(answers="answers.jsonl", **other)


def test_wrong_names_are_told_before_models_are_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Settings, "make_lms", lambda self: pytest.fail("a model was loaded"))
    with pytest.raises(UnknownNameError, match="no prompt called 'h2t-nbestt'"):
        api.settings(prompt="h2t-nbestt").make_corrector()
    with pytest.raises(InputError, match=r"none\.toml cannot be read"):
        api.settings(gate=tmp_path / "none.toml").make_corrector()


@pytest.mark.parametrize("prompt", ["h2t-choice", "summarize"])
def test_a_prompt_that_yields_no_transcript_cannot_join_a_list(prompt: str) -> None:
    with pytest.raises(UsageError, match="answered with a transcript"):
        Hybrid({}, Profile({GENERATOR: 1.0}), generator=Generator(Clerk(""), Generation(), prompting.load(prompt)))


def test_texts_are_judged_in_the_form_of_the_answer() -> None:
    clerk = Clerk('{"text": "sow the field"}')
    writer = Generator(clerk, Generation(), prompting.load("h2t-json"))
    asked = [nbest("sew the field", "sow a field")]
    assert writer.judge(asked, [["sew the field", "sow the field"]])[0][1] == 0.0
    assert clerk.requests[0].choices == ('{"text": "sew the field"}', '{"text": "sow the field"}')
    assert writer.write(asked) == [["sow the field"]]


def test_of_what_an_untrained_model_writes_only_what_was_heard_joins_the_list() -> None:
    asked = [nbest("what is two plus two", "what is to plus two")]
    untrained = Generator(Clerk("the answer is four of course"), Generation(), prompting.load("h2t"))
    (texts,) = untrained.write(asked)
    assert "four" not in " ".join(texts)
    nearest = Generator(Clerk("what is too plus two"), Generation(decoding="nearest"), prompting.load("h2t"))
    assert nearest.write(asked) == [["what is two plus two"]]


def test_the_guard_watches_what_a_model_wrote(tmp_path: Path) -> None:
    (tmp_path / "answers.jsonl").write_text('{"id": "a", "text": "As an AI model I cannot help with that request"}\n')
    lists = [nbest("turn the light on", "turn the lights on")]
    guarded = Settings(answers=str(tmp_path / "answers.jsonl")).make_corrector()
    (made,) = guarded.correct(lists)
    assert (made.text, made.decision) == ("turn the light on", "rejected")
    assert "guard" in made.reason
    bare = api.settings(answers=tmp_path / "answers.jsonl", guard=False).make_corrector()
    (made,) = bare.correct(lists)
    assert made.decision == "rewritten"


def test_a_merged_model_knows_the_prompt_of_its_training(tmp_path: Path) -> None:
    plain = Generation(LmSpec("generator", model=str(tmp_path)))
    assert not made_of(Clerk(""), plain).verbatim
    prompt = prompting.load("h2t")
    reading = Reading(base="m", identity="m@1", key="k", prompt=prompt.content, name="h2t", nbest=3, tags=False)
    (tmp_path / Reading.file).write_text(reading.dumps(), "utf-8")
    merged = made_of(Clerk(""), plain)
    assert merged.verbatim
    assert f"prompt=h2t@{prompt.hash}" in merged.signature


@pytest.mark.parametrize(("adapter", "decision"), [("my-adapter", "rewritten"), ("", "rejected")])
def test_a_trained_model_may_write_numbers_its_own_way(
    adapter: str, decision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Settings, "make_lms", lambda self: {"generator": Clerk("the five thirty flight to boston")})
    how = Generation(LmSpec("generator", model="m"), adapter, "h2t")
    corrector = Settings(mode="generate", profile=Profile({}, generation=how)).make_corrector()
    (made,) = corrector.correct([nbest("the nine thirty flight to boston")])
    assert made.decision == decision
