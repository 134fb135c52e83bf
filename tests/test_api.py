"""The Python interface."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes import Made, tone

import ger
from ger.api import settings
from ger.errors import InputError, ModelError, UnknownNameError, UsageError
from ger.lm.profile import BIASED_WEIGHT, RANK_PRIOR, Profile, write_profile
from ger.lm.select import LmSpec
from ger.settings import Settings

pytestmark = pytest.mark.usefixtures("made")


def test_correct_gives_the_corrected_segments_of_one_file(tmp_path: Path) -> None:
    recording = ger.correct(tone(tmp_path / "change.wav", 2), nbest=5, language="en")
    assert recording.text == "change words 0 sow the field change words 1 sow the field"
    assert [correction.decision for correction in recording.corrections] == ["reranked"] * 2
    assert recording.duration == 2.0


def test_stream_gives_a_result_for_each_file_and_loads_models_once(tmp_path: Path, made: Made) -> None:
    for name in ("b.wav", "a.wav", "change.wav"):
        tone(tmp_path / name, 1)
    (tmp_path / "bad.wav").write_text("not audio")
    results = list(ger.stream([tmp_path]))
    assert [Path(result.source.path).name for result in results] == ["a.wav", "b.wav", "bad.wav", "change.wav"]
    assert [result.error is None for result in results] == [True, True, False, True]
    assert (len(made.frontends), len(made.lms)) == (1, 1)


def test_correct_stays_a_function_beside_the_package_of_that_name(tmp_path: Path) -> None:
    import ger.correct.rescore as package

    path = tone(tmp_path / "a.wav", 1)
    assert ger.correct(path) == ger.correct(str(path)) == ger.api.correct(path)
    assert ger.correct.rescore is package


def test_stream_takes_one_path_as_well(tmp_path: Path) -> None:
    path = tone(tmp_path / "a.wav", 1)
    assert [r.source.path for r in ger.stream(str(path))] == [r.source.path for r in ger.stream(path)] == [str(path)]


def test_correct_raises_what_is_wrong_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "bad.wav").touch()
    with pytest.raises(InputError, match=r"bad\.wav: the file is empty"):
        ger.correct(tmp_path / "bad.wav")
    with pytest.raises(InputError, match="does not exist"):
        ger.correct(tmp_path / "absent.wav")
    with pytest.raises(ModelError, match="The recognizer broke"):
        ger.correct(tone(tmp_path / "broken.wav", 2))
    with pytest.raises(ModelError, match="missing cannot be found"):
        ger.correct(tone(tmp_path / "a.wav", 1), model="missing")


def test_correct_is_for_one_file(tmp_path: Path, made: Made) -> None:
    tone(tmp_path / "a.wav", 1)
    tone(tmp_path / "b.wav", 1)
    with pytest.raises(UsageError, match=r"is 2 files\. Use ger\.stream"):
        ger.correct(tmp_path)
    assert not made.lms  # told before anything is done


def test_options_go_where_they_belong() -> None:
    options = {"model": "m", "language": "de", "task": "translate", "nbest": 3, "beam_size": 7, "batch_size": 2}
    options |= {"compute_type": "int8", "device": "cpu", "threads": 2}
    options |= {"llm": "l", "llm_compute_type": "float32", "batch_tokens": 99, "weight": 0.5, "form": "lower"}
    made = settings(**options)
    recognizer, lm, profile = made.recognizer, made.lm, made.profile
    assert (made.recognizers[0].model, recognizer.language, recognizer.task, recognizer.nbest) == (
        "m",
        "de",
        "translate",
        3,
    )
    assert (recognizer.beam_size, recognizer.batch_size, recognizer.compute_type) == (7, 2, "int8")
    assert (lm.compute_type, lm.batch_tokens) == ("float32", 99)
    assert (recognizer.device, recognizer.threads, lm.device, lm.threads) == ("cpu", 2, "cpu", 2)
    assert profile.lms == (LmSpec("lm", "transformers", "l"),)
    assert profile.weights == {
        "acoustic": 0.5,
        "lm": 0.5,
        "rank": 0.5 * RANK_PRIOR,
        "repeats": -1,
        "biased": 0.5 * BIASED_WEIGHT,
    }
    assert profile.form == "lower"
    assert settings(nbest=None, weight=None) == Settings()


def test_the_language_models_replace_those_of_the_profile() -> None:
    base = Profile({"acoustic": 1.0, "old": 0.5, "words": 2.0}, (LmSpec("old", "kenlm", "old.arpa"),))
    made = settings(profile=base, lms=["new=gpt2", "masked:bert"], weights={"new": 0.3, "lm2": -0.1}).profile
    assert made.lms == (LmSpec("new", "transformers", "gpt2"), LmSpec("lm2", "masked", "bert"))
    assert made.weights == {"acoustic": 1.0, "words": 2.0, "new": 0.3, "lm2": -0.1}
    assert settings(profile=base, llm="gpt2").profile.lms == (LmSpec("old", "transformers", "gpt2"),)
    assert settings(profile=base, backend="masked").profile.lms == (LmSpec("old", "masked", ""),)
    assert settings(lms=["gpt2"]).profile.weights == Settings().profile.weights
    assert settings(lms="gpt2") == settings(lms=Path("gpt2")) == settings(lms=("gpt2",))
    assert settings(profile=base, weight=0.25).profile.weights == {
        "acoustic": 0.75,
        "old": 0.25,
        "words": 2.0,
        "rank": 0.75 * RANK_PRIOR,
        "repeats": -1,
        "biased": 0.75 * BIASED_WEIGHT,
    }


def test_a_profile_may_be_a_file(tmp_path: Path) -> None:
    base = Profile({"acoustic": 1.0, "words": 2.0}, form="lower", previous=2)
    write_profile(tmp_path / "p.toml", base)
    assert settings(profile=tmp_path / "p.toml").profile == base
    made = settings(profile=str(tmp_path / "p.toml"), previous=0, domain="Ships.").profile
    assert (made.previous, made.domain, made.form) == (0, "Ships.", "lower")
    with pytest.raises(InputError, match="cannot be read"):
        settings(profile=tmp_path / "absent.toml")


def test_languages_are_those_of_the_recognizers() -> None:
    def told(language: str, *models: str) -> str | None:
        return settings(language=language, model=models).recognizer.language

    assert [told(text) for text in ("German", "deutsch", "en-US")] == ["de", "de", "en-US"]
    assert told("nds", "transformers:mine") == told("nds", "whisper-base", "nemo:mine") == "nds"
    with pytest.raises(UsageError, match="There is no language called 'nds'"):
        told("nds", "whisper-base")
    with pytest.raises(UsageError, match="English is spoken, and what is to be translated into"):
        settings(language="en-US", target="english")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nbset": 5}, "There is no option called 'nbset'. Did you mean 'nbest'?"),
        ({"nbest": 0}, "--nbest is 0. Use 1 or more."),
        ({"beam_size": -1}, "cannot be negative"),
        ({"batch_size": -1}, "cannot be negative"),
        ({"threads": -1}, "cannot be negative"),
        ({"weight": 1.5}, "The weight of the language model is 1.5. Use a number from 0 to 1."),
        ({"weight": float("nan")}, "The weight of the language model is nan."),
        (
            {"weights": {"wrods": 1.0}},
            "There is no feature and no language model called 'wrods'. Did you mean 'words'?",
        ),
        ({"lms": ["x=a"]}, "The language model 'x' has no weight."),
        ({"lms": ["x=a", "x=b"]}, "Two language models are called 'x'."),
        ({"form": "lowr"}, "There is no written form called 'lowr'. Did you mean 'lower'?"),
        ({"task": "translte"}, "There is no task called 'translte'. Did you mean 'translate'?"),
        ({"nbest": "5"}, "nbest is '5'. Give a whole number."),
        ({"nbest": True}, "nbest is True. Give a whole number."),
        ({"weight": "0.2"}, "weight is '0.2'. Give a number."),
        ({"weights": {"words": "1"}}, "weights is {'words': '1'}. Give numbers by name."),
        ({"guard": "off"}, "guard is 'off'. Give True or False."),
        ({"lms": [5]}, "lms is [5]. Give one model or a list of them."),
        ({"lms": {"lm": "gpt2"}}, "lms is {'lm': 'gpt2'}. Give one model or a list of them."),
        ({"llm": 5}, "llm is 5. Give a text or a path."),
        ({"profile": {}}, "profile is {}. Give a file or a ger.lm.profile.Profile."),
    ],
)
def test_wrong_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        settings(**options)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frontend": "faster-whispr"}, "There is no frontend called 'faster-whispr'. Did you mean 'faster-whisper'?"),
        ({"backend": "transformer"}, "There is no backend called 'transformer'. Did you mean 'transformers'?"),
        ({"mode": "recsore"}, "There is no corrector called 'recsore'. Did you mean 'rescore'?"),
    ],
)
def test_unknown_names(options: dict[str, str], message: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        settings(**options)
    assert str(caught.value) == message


def test_the_key_holds_what_results_depend_on_and_nothing_else() -> None:
    base = Settings().key
    assert ger.__version__ in base
    for option in ({"nbest": 4}, {"model": "x"}, {"llm": "x"}, {"weight": 0.9}, {"form": "lower"}, {"language": "en"}):
        assert settings(**option).key != base
    for other in ({"lms": ["x"]}, {"weights": {"words": 0.1}}, {"domain": "Ships."}, {"previous": 1}):
        assert settings(**other).key != base
    for option in ({"threads": 3}, {"batch_tokens": 7}):
        assert settings(**option).key == base


def test_the_package_offers_its_names_and_no_others() -> None:
    assert all(getattr(ger, name) is not None for name in ger.__all__)
    with pytest.raises(AttributeError, match="no attribute 'corect'"):
        ger.corect  # noqa: B018


@pytest.mark.parametrize("mode", ["combine", "hotwords"])
@pytest.mark.parametrize("option", [{"llm": "x"}, {"weight": 0.5}, {"form": "lower"}, {"previous": 2}, {"lms": ["x"]}])
def test_modes_without_a_language_model_have_no_use_for_its_options(mode: str, option: dict[str, Any]) -> None:
    (name,) = option
    with pytest.raises(UsageError, match=f"The mode '{mode}' asks no language model, '{name}' has no effect."):
        settings(mode=mode, **option)


def test_several_recognizers_vote_or_are_rescored() -> None:
    with pytest.raises(UsageError, match="'combine' asks no language model, 'weight' has no effect"):
        settings(model=["a", "b"], weight=0.5)
    assert settings(model=["a", "b"], weight=0.5, mode="rescore").mode == "rescore"


def test_a_model_for_hotwords_needs_some(tmp_path: Path) -> None:
    tone(tmp_path / "a.wav", 1)
    with pytest.raises(UsageError, match="--hotword-model is for hotwords, and there are none"):
        ger.correct(tmp_path / "a.wav", hotword_model="model.toml")
    lists = tmp_path / "l.jsonl"
    lists.write_text('{"id": "a", "hypotheses": []}\n')
    with pytest.raises(InputError, match=r"model\.toml cannot be read"):  # lists may have hotwords of their own
        ger.correct(lists, hotword_model="model.toml")
