"""What `fuzz.py` looks for, without coverage: samples and some changes of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz_families import FAMILIES, Kind, seeds, tried
from fuzz_mutations import mutated

from ger.errors import InputError


@pytest.mark.parametrize("family", FAMILIES)
def test_samples_and_some_changes_of_them(family: str, tmp_path: Path) -> None:
    given = seeds(FAMILIES[family])
    for seed in range(12 * len(given)):
        data = given[seed % len(given)]
        tried(FAMILIES[family], mutated(data, seed, given) if seed >= len(given) else data, tmp_path)


def test_findings(tmp_path: Path) -> None:
    def refuses(path: Path) -> None:
        raise InputError(path.read_text("utf-8"))

    tried([Kind(("a",), (), refuses)], b"\0there is nothing in a", tmp_path)
    with pytest.raises(AssertionError, match="no file is named: nothing"):
        tried([Kind(("b",), (), refuses)], b"\0nothing", tmp_path)
    with pytest.raises(ValueError, match="invalid literal"):
        tried([Kind(("a",), (), lambda path: int(path.read_text("utf-8")))], b"\0x", tmp_path)
