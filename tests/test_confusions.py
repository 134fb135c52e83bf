"""Log-odds of what was said and heard, and the index of sounds."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ger.errors import UsageError
from ger.text.confusions import Confusions, learn
from ger.text.retrieval import SoundIndex

_SYMBOLS = "abc"


def table(seed: int = 0) -> Confusions:
    chance = np.random.default_rng(seed)
    return Confusions(_SYMBOLS, chance.normal(size=(4, 4)))


def every_alignment(made: Confusions, said: str, heard: str) -> float:
    """The best of all alignments, each looked at."""
    number = {symbol: i for i, symbol in enumerate(made.symbols, 1)}

    def best(i: int, j: int) -> float:
        if i == len(said) and j == len(heard):
            return 0.0
        ways = []
        if i < len(said):
            ways.append(made.table[number[said[i]], 0] + best(i + 1, j))
        if j < len(heard):
            ways.append(made.table[0, number[heard[j]]] + best(i, j + 1))
        if i < len(said) and j < len(heard):
            ways.append(made.table[number[said[i]], number[heard[j]]] + best(i + 1, j + 1))
        return float(max(ways))

    return best(0, 0)


@given(st.lists(st.tuples(st.text(_SYMBOLS, max_size=5), st.text(_SYMBOLS, max_size=5)), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_the_score_is_that_of_the_best_alignment(pairs: list[tuple[str, str]]) -> None:
    made = table()
    found = made.score([said for said, _ in pairs], [heard for _, heard in pairs])
    assert found.tolist() == pytest.approx([every_alignment(made, *pair) for pair in pairs])


def test_symbols_that_were_never_seen_match_themselves_alone() -> None:
    same, other, short = table().score(["東京", "東京", "東京"], ["東京", "大阪", "東"])
    assert same == 6.0
    assert other == -6.0
    assert short == 1.0


def test_what_is_confused_often_costs_little() -> None:
    words = ["".join(letters) for letters in itertools.product("pbta", repeat=4)]
    heard = {(word, word.replace("b", "p", 1)): 5.0 for word in words if "b" in word}
    made = learn(heard | {(word, word): 1.0 for word in words}, lambda text: text)
    at = {symbol: i for i, symbol in enumerate(made.symbols, 1)}
    assert made.table[at["b"], at["p"]] > 0 > made.table[at["a"], at["p"]]
    assert made.table[at["b"], at["p"]] > made.table[at["p"], at["b"]]
    assert made.score(["tab"], ["tap"])[0] > made.score(["tap"], ["tab"])[0]


def test_learned_shares_are_those_of_the_alignment() -> None:
    """Two symbols, always taken as they are: each is half of all, so their log-odds are log 2, smoothed a little."""
    made = learn({("ab", "ab"): 10_000.0}, lambda text: text)
    assert made.table[1, 1] == pytest.approx(math.log(2), abs=0.01)
    assert made.table[1, 2] < -5


def test_what_is_known_before_counts_beside_what_is_seen() -> None:
    chance = random.Random(1)
    words = ["".join(chance.choices("pbta", k=6)) for _ in range(500)]
    known = learn({(word, word.replace("b", "p")): 10.0 for word in words}, str)  # b is heard as p, and t as t

    def seen(count: float) -> Confusions:
        return learn({(word, word.replace("t", "d")): count for word in words}, str, known=known)

    assert learn({}, str, known=known) is known
    alone, few, many = learn({(word, word.replace("t", "d")): 1.0 for word in words}, str), seen(0.01), seen(100.0)
    at = {symbol: i for i, symbol in enumerate(few.symbols, 1)}
    assert few.symbols == many.symbols == "abdpt"
    of_known = [0, *(at[symbol] for symbol in known.symbols)]
    usual = known.table > 0
    assert few.table[np.ix_(of_known, of_known)][usual] == pytest.approx(known.table[usual], abs=0.2)
    b_as_p, t_as_d = (at["b"], at["p"]), (at["t"], at["d"])
    assert few.table[b_as_p] > 0 > many.table[b_as_p]
    assert few.table[t_as_d] < many.table[t_as_d]
    odd = {(word.translate(str.maketrans("pbta", "wxyz")),) * 2: 1.0 for word in words}  # of these nothing is known
    unknown, own = learn(odd, str, known=known), learn(odd, str)
    assert unknown.score(["wxyz"], ["wxyz"]) == pytest.approx(own.score(["wxyz"], ["wxyz"]), abs=0.1)
    of_alone = {symbol: i for i, symbol in enumerate(alone.symbols, 1)}
    assert many.table[t_as_d] == pytest.approx(alone.table[of_alone["t"], of_alone["d"]], abs=0.1)


def test_it_is_written_in_hundredths() -> None:
    made = table()
    again = Confusions.from_json(made.to_json())
    assert np.abs(again.table - made.table).max() <= 0.005001
    with pytest.raises(UsageError, match="3 symbols has 4 rows"):
        Confusions("abc", np.zeros((3, 4)))
    with pytest.raises(UsageError, match="no word that was taken for another"):
        learn({}, str)


def test_the_index_finds_what_sounds_alike() -> None:
    entries = ["Fauchelevent", "Katarzyna", "Reykjavik", "Lübeck", "東京", "Cinderlad", "Kingsley"]
    index = SoundIndex(entries)
    for heard, wanted in [("foshel event", 0), ("catarina", 1), ("rake javick", 2), ("東京", 4), ("cinder lad", 5)]:
        assert wanted in index.near(heard, least=0.35)
    assert index.near("wq", least=0.45).tolist() == []
    assert SoundIndex([]).near("anything").tolist() == []


def test_the_index_keeps_the_likest() -> None:
    chance = random.Random(3)
    entries = ["".join(chance.choices("aeioubdgklmnprst", k=8)) for _ in range(500)]
    index = SoundIndex([*entries, "kingsley"])
    few = set(index.near("kingsly", least=0.1, most=10).tolist())
    assert len(few) == 10
    assert 500 in few
    assert few <= set(index.near("kingsly", least=0.1, most=501).tolist())
