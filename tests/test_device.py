"""How many cores models use unless told otherwise."""

from __future__ import annotations

import os

import pytest

from ger.device import cores


@pytest.mark.parametrize(
    ("told", "usable", "used"),
    [("", 2, 2), ("", 64, 8), ("3", 64, 3), (" 16,4 ", 64, 16), ("0", 2, 2), ("many", 4, 4)],
)
def test_cores(told: str, usable: int, used: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(usable)), raising=False)
    assert cores() == used


def test_cores_where_a_process_cannot_say_which_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores() == 1
