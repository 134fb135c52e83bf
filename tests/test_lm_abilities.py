"""What backends say they can do, and that what they cannot do is refused before a model is looked for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any, get_args

import pytest

from ger import api, prompting, registry
from ger.correct.generate import Generator
from ger.errors import UsageError
from ger.lm.abilities import abilities_of, check, needed
from ger.lm.generation import Generation
from ger.protocols import Ability, GenerateRequest, LmOptions, ScoreRequest
from ger.testing import ScriptedLM

#: Nothing of this name is anywhere, so a model that is looked for is missed.
NOWHERE = "/nowhere/at-all"


@pytest.mark.parametrize("name", [n for n, t in registry.targets("backends").items() if t.startswith("llm_backends.")])
def test_our_backends_say_what_they_can_do(name: str) -> None:
    found = abilities_of(registry.load("backends", name))
    assert found
    assert found <= set(get_args(Ability))


@pytest.mark.parametrize("name", ["masked", "kenlm", "rescorer"])
def test_what_only_scores_says_so(name: str) -> None:
    assert abilities_of(registry.load("backends", name)) == {"score"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"llm": f"kenlm:{NOWHERE}.arpa"}, r"'kenlm' cannot write text\. Use one of the backends transformers, "),
        ({"llm": f"masked:{NOWHERE}"}, r"'masked' cannot write text\."),
        ({"llm": "openai:http://x.example/v1#a", "beams": 4}, r"'openai' gives one answer only\. Use --beams 1, or"),
        (
            {"llm": "openai:http://x.example/v1#a", "decoding": "words"},
            r"'openai' cannot be held to the words of the hypotheses\. Use another --decoding, or the backend transf",
        ),
    ],
)
@pytest.mark.parametrize("mode", ["generate", "hybrid"])
def test_settings_refuse_it(options: dict[str, Any], said: str, mode: str) -> None:
    with pytest.raises(UsageError, match=said):
        api.settings(mode=mode, **options)


def test_what_is_not_asked_for_is_not_refused() -> None:
    api.settings(lms=[f"domain=kenlm:{NOWHERE}.arpa"], weights={"domain": 0.2})
    api.settings(mode="generate", llm="openai:http://x.example/v1#a", decoding="nearest")
    api.settings(mode="generate", llm="openai:http://x.example/v1#a", decoding="choice", beams=4)


def test_what_each_way_of_writing_needs() -> None:
    assert needed(Generation()) == ("generate",)
    assert needed(Generation(beams=2, decoding="words")) == ("generate", "slots", "beams")
    assert needed(Generation(beams=2, decoding="choice")) == ("choices",)


class Silent:
    """A plug-in that says nothing about what it can do, and can do nothing."""

    signature = "silent"

    def __init__(self, options: LmOptions) -> None: ...

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
        raise NotImplementedError

    def generate(self, requests: Sequence[GenerateRequest]) -> list[tuple[Any, ...]]:
        raise NotImplementedError


class Scorer(Silent):
    abilities = frozenset({"score"})


class Old(Silent):
    """A plug-in whose attribute of this name is its own business."""

    abilities = "many"


@pytest.mark.parametrize(("plugin", "refused"), [(Silent, False), (Old, False), (Scorer, True)])
def test_plug_ins_of_others(plugin: type, refused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("a_plugin")
    module.Plugin = plugin  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "a_plugin", module)
    point = EntryPoint("mine", "a_plugin:Plugin", "ger.backends")
    monkeypatch.setattr(registry, "entry_points", lambda group: [point] if group == "ger.backends" else [])
    if refused:
        with pytest.raises(UsageError, match=r"The backend 'mine' cannot write text\."):
            api.settings(mode="generate", llm="mine:a")
    else:
        assert api.settings(mode="generate", llm="mine:a", beams=3, decoding="words").mode == "generate"


def test_a_model_that_can_do_less_than_its_backend_is_refused_before_the_first_list() -> None:
    lm = ScriptedLM()
    lm.abilities = frozenset({"generate"})  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match=r"scripted-lm cannot choose among given texts\. Use --decoding nearest"):
        Generator(lm, Generation(decoding="choice"), prompting.load("h2t-nbest"))
    assert not lm.prompted
    Generator(ScriptedLM(), Generation(decoding="choice"), prompting.load("h2t-nbest"))


def test_the_first_that_is_missing_is_named() -> None:
    with pytest.raises(UsageError, match=r"^It cannot load an adapter\. Merge it into the model first \(ger train mer"):
        check("It", Scorer, ("score", "adapter", "generate"))
