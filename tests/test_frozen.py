"""Frozen records, made quickly, are no others."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

from ger.frozen import maker


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 2
    more: list[int] = field(default_factory=list)


make = maker(Point)


def test_the_same_records() -> None:
    made = make(1)
    assert type(made) is Point
    assert made == Point(1)
    assert make(1, 3, [4]) == Point(1, 3, [4]) == make(more=[4], y=3, x=1)
    assert repr(made) == repr(Point(1))
    assert replace(made, y=5) == Point(1, 5)
    assert pickle.loads(pickle.dumps(made)) == made


def test_frozen_and_with_slots_alone() -> None:
    made = make(1)
    with pytest.raises(FrozenInstanceError):
        made.x = 2  # type: ignore[misc]
    assert not hasattr(made, "__dict__")


def test_defaults_are_their_own() -> None:
    make(1).more.append(1)
    assert make(1).more == []


def test_missing_and_unknown_values() -> None:
    with pytest.raises(TypeError, match=r"Point\.__init__\(\) missing 1 required positional argument: 'x'"):
        make()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        make(1, z=1)  # type: ignore[call-arg]
