"""The environment of these tests: NeMo with torch for CPUs, and the checkout on its path."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import ger


def test_versions_are_those_of_the_list() -> None:
    listed = (Path(__file__).parent / "requirements.txt").read_text(encoding="utf-8").splitlines()
    for name, wanted in (line.split("==") for line in listed if not line.startswith("#")):
        assert version(name).partition("+")[0] == wanted, name


def test_ger_is_the_checkouts() -> None:
    assert Path(ger.__file__).parents[1] == Path(__file__).parents[3]
