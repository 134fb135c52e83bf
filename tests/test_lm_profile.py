"""The profile: ranges, signature, TOML and back."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ger.errors import InputError, OutputError, UsageError
from ger.lm.generation import Generation
from ger.lm.profile import BIASED_WEIGHT, DEFAULT, RANK_PRIOR, Profile, interpolation, read_profile, write_profile
from ger.lm.select import LmSpec
from ger.text.form import FORMS

HAND = """
schema = 1
form = "lower."
temperature = 2

[weights]
acoustic = 0.9
lm = 0.1
"system:big one" = -1

[lms.lm]
backend = "transformers"
model = "smollm2-135m-instruct"
"""


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "p.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_written_by_hand(tmp_path: Path) -> None:
    weights = {"acoustic": 0.9, "lm": 0.1, "system:big one": -1.0}
    expected = Profile(weights, (LmSpec(model="smollm2-135m-instruct"),), form="lower.", temperature=2.0)
    assert read_profile(written(tmp_path, HAND)) == expected
    assert read_profile(written(tmp_path, HAND.replace("\n", "\r\n").encode("utf-8-sig"))) == expected


def test_only_weights_are_needed(tmp_path: Path) -> None:
    assert read_profile(written(tmp_path, "[weights]\n")) == Profile({})


def test_models_beside_the_profile_are_found_there(tmp_path: Path) -> None:
    (tmp_path / "p.arpa").touch()
    text = '[weights]\na = 1\nb = 1\n[lms.a]\nbackend = "kenlm"\nmodel = "p.arpa"\n'
    long = "x" * 9000
    made = read_profile(written(tmp_path, f'{text}[lms.b]\nbackend = "kenlm"\nmodel = "{long}"\n'))
    assert [spec.model for spec in made.lms] == [str(tmp_path / "p.arpa"), long]


def test_a_profile_names_what_is_here_so_that_it_is_found_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("run/adapter", "h2t"):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("run/own.toml", "domain.arpa", "gate.toml"):
        (tmp_path / file).touch()
    monkeypatch.chdir(tmp_path)
    how = Generation(adapter="run/adapter", prompt="run/own.toml", examples="gone.jsonl", shots=1)
    specs = (LmSpec("a", "kenlm", "domain.arpa"), LmSpec("b", "transformers", "gpt2"))
    write_profile(Path("run/p.toml"), Profile({"a": 1.0, "b": 1.0}, specs, generation=how, gate="gate.toml"))
    text = Path("run/p.toml").read_text("utf-8")
    assert 'adapter = "adapter"' in text
    assert 'prompt = "own.toml"' in text
    monkeypatch.chdir("/")
    made = read_profile(tmp_path / "run" / "p.toml")
    assert [spec.model for spec in made.lms] == [str(tmp_path / "domain.arpa"), "gpt2"]
    assert made.gate == str(tmp_path / "gate.toml")
    assert made.generation
    found = (made.generation.adapter, made.generation.prompt, made.generation.examples)
    assert found == (str(tmp_path / "run" / "adapter"), str(tmp_path / "run" / "own.toml"), "gone.jsonl")
    monkeypatch.chdir(tmp_path)
    write_profile(Path("p.toml"), Profile({}, generation=Generation(prompt="h2t")))
    assert read_profile(Path("p.toml")).generation == Generation(prompt="h2t")  # a folder has that name, too


def test_a_model_left_out_is_the_default_of_its_backend(tmp_path: Path) -> None:
    made = read_profile(written(tmp_path, '[weights]\nx = 1\n[lms.x]\nbackend = "masked"\n'))
    assert made.lms == (LmSpec("x", "masked", ""),)


numbers = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = texts.filter(bool)
models = texts.filter(lambda text: not text or set(text) - set("./"))  # folders that are there
values = st.one_of(numbers, st.integers(-(2**63), 2**63 - 1), texts, st.lists(numbers, max_size=3))
profiles = st.builds(
    Profile,
    weights=st.dictionaries(names, numbers, max_size=4),
    lms=st.lists(st.builds(LmSpec, names, texts, models), max_size=3, unique_by=lambda spec: spec.name).map(tuple),
    form=st.sampled_from(FORMS),
    min_length=st.floats(0, 1),
    temperature=st.floats(1e-6, 1e6),
    domain=texts,
    previous=st.integers(0, 9),
    cross=st.integers(0, 99),
    combine=st.sampled_from(["mbr", "rover"]),
    made=st.dictionaries(texts, values, max_size=4),
)


@given(profiles)
def test_what_is_written_is_read(profile: Profile) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "p.toml")
        write_profile(path, profile)
        again = read_profile(path)
    assert again == profile
    assert list(again.weights) == list(profile.weights)  # the order of features, too


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"[weights]": "[wieghts]"}, r"'wieghts' is not known. Did you mean 'weights'\?"),
        ({"schema = 1": "schema = 2"}, r"schema 2 is not known. This version reads schema 1\."),
        ({"acoustic = 0.9": 'acoustic = "0.9"'}, "'weights.acoustic' should be a number, found '0.9'"),
        ({"acoustic = 0.9": "acoustic = true"}, "'weights.acoustic' should be a number, found True"),
        ({"acoustic = 0.9": "acoustic = nan"}, "The weight of 'acoustic' is nan"),
        ({"lm = 0.1": "lm = inf"}, "The weight of 'lm' is inf"),
        ({"lm = 0.1": f"lm = 1{'0' * 400}"}, "int too large to convert to float"),
        ({"temperature = 2": 'temperature = "2"'}, "'temperature' should be a number, found '2'"),
        ({"temperature = 2": "temperature = 0"}, "temperature above 0"),
        ({"temperature = 2": "temperature = nan"}, "temperature above 0"),
        ({"temperature = 2": "temperature = inf"}, "temperature above 0"),
        ({"temperature = 2": "min_length = 1.01"}, "min_length has to be 0 to 1"),
        ({"temperature = 2": "previous = 1.5"}, "'previous' should be a whole number, found 1.5"),
        ({"temperature = 2": "previous = -1"}, "previous, previous_words and cross 0 or more"),
        ({"temperature = 2": 'cross = "x"'}, "'cross' should be a whole number, found 'x'"),
        ({"temperature = 2": "cross = -1"}, "previous_words and cross 0 or more"),
        ({"temperature = 2": "domain = 3"}, "'domain' should be text, found 3"),
        ({"temperature = 2": "made = 3"}, "'made' should be a table, found 3"),
        ({'form = "lower."': 'form = "lowr"'}, r"no written form called 'lowr'. Did you mean 'lower'\?"),
        ({'form = "lower."': "form = []"}, r"'form' should be text, found \[\]"),
        ({"temperature = 2": 'combine = "rovr"'}, r"no way to combine called 'rovr'. Did you mean 'rover'\?"),
        ({"[lms.lm]": "[lms]"}, "'lms.backend' should be a table, found 'transformers'"),
        ({'backend = "transformers"': ""}, "'lms.lm.backend' is missing"),
        ({'backend = "transformers"': "backend = 1"}, "'lms.lm.backend' should be text, found 1"),
        ({'model = "smollm2-135m-instruct"': "model = 1"}, "'lms.lm.model' should be text, found 1"),
        ({'model = "smollm2-135m-instruct"': 'modl = "x"'}, "'lms.lm.modl' is not known"),
        ({"schema = 1": "schema = "}, "is not TOML: Invalid value"),
    ],
)
def test_what_is_wrong_is_named_with_its_file_and_key(tmp_path: Path, change: dict[str, str], message: str) -> None:
    ((old, new),) = change.items()
    assert old in HAND
    path = written(tmp_path, HAND.replace(old, new))
    with pytest.raises(InputError, match=message) as caught:
        read_profile(path)
    assert str(caught.value).startswith(f"{path}")


def test_weights_are_missing_or_no_table(tmp_path: Path) -> None:
    for text, message in (("", "'weights' is missing"), ("weights = 3", "'weights' should be a table, found 3")):
        with pytest.raises(InputError, match=message):
            read_profile(written(tmp_path, text))


def test_what_is_no_profile(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.toml cannot be read: No such file"):
        read_profile(tmp_path / "absent.toml")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_profile(tmp_path)
    for content in (b"\xff\xfe", b"PK\x03\x04", b"a=" + b"[" * 100_000):
        with pytest.raises(InputError, match="is not TOML"):
            read_profile(written(tmp_path, content))


def test_a_profile_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is a folder"):
        write_profile(tmp_path, DEFAULT)


@pytest.mark.parametrize("weight", [math.nan, math.inf, -math.inf])
def test_weights_are_finite(weight: float) -> None:
    with pytest.raises(UsageError, match="The weight of 'x' is"):
        Profile({"x": weight})


def test_interpolation() -> None:
    whole = {"acoustic": 0.75, "lm": 0.25, "rank": 0.75 * RANK_PRIOR, "repeats": -1, "biased": 0.75 * BIASED_WEIGHT}
    assert interpolation(0.25) == whole
    assert interpolation(1, "big") == {"acoustic": 0, "big": 1, "rank": 0, "repeats": -1, "biased": 0}
    for weight in (-0.01, 1.01, math.nan):
        with pytest.raises(UsageError, match="Use a number from 0 to 1"):
            interpolation(weight)


def test_weighted_changes_some_weights() -> None:
    made = Profile({"a": 1.0, "b": 2.0}).weighted({"b": 3.0, "c": 4.0})
    assert made.weights == {"a": 1.0, "b": 3.0, "c": 4.0}


@pytest.mark.parametrize(
    "change",
    [
        {"weights": {"a": 2.0}},
        {"form": "lower"},
        {"min_length": 0.5},
        {"previous": 1},
        {"domain": "Ships."},
        {"cross": 4},
    ],
)
def test_the_signature_tells_what_changes_the_result(change: dict[str, Any]) -> None:
    base: dict[str, Any] = {"weights": {"a": 1.0}}
    signature = Profile(**base).signature
    assert signature == "a=1,form=sentence,min_length=0.8"
    assert Profile(**(base | change)).signature != signature
    assert Profile(**base, made={"n": 3}).signature == signature
