"""Prompts as data."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

import pytest

from ger import prompting
from ger.errors import UnknownNameError
from ger.prompting import Prompt


def test_every_prompt_is_complete() -> None:
    assert "context" in prompting.names()
    for name in prompting.names():
        made = prompting.load(name)
        assert made.name == name
        assert made.purpose
        assert made.source
        for variable, template in made.parts.items():
            assert f"{{{variable}}}" in template


def test_the_hash_is_of_the_file() -> None:
    path = Path(str(prompting._folder())) / "context.toml"
    content = path.read_bytes()
    made = prompting.load("context")
    assert made.hash == hashlib.sha256(content).hexdigest()[:8]
    assert set(tomllib.loads(content.decode())["variables"]) == set(made.parts)


def test_context_is_put_together_in_order() -> None:
    fill = prompting.load("context").fill
    assert fill() == ""
    assert fill(domain="", hotwords="", previous="") == ""
    assert fill(previous="So it was.", hotwords="Ada, Babbage", domain="A talk.") == (
        "A talk. Keywords: Ada, Babbage. So it was. "
    )
    assert fill(hotwords="Ada") == "Keywords: Ada. "


def test_what_is_filled_in_is_no_template() -> None:
    made = Prompt("x", "", "", {"a": "<{a}>", "b": "[{b}]"}, "")
    assert made.fill(a="{b} {a}", b="{a}") == "<{b} {a}>[{a}]"


def test_unknown() -> None:
    with pytest.raises(UnknownNameError, match=r"no prompt called 'contxt'. Did you mean 'context'\?"):
        prompting.load("contxt")
