"""The backend for n-gram models: with the package kenlm where it is installed, and always without."""

import math
import sys
from pathlib import Path

import pytest

from ger.errors import DependencyError, ModelError
from ger.lm.ngram import Note, train
from ger.protocols import GenerateRequest, LanguageModel, LmOptions, ScoreRequest
from ger.registry import load
from llm_backends.kenlm import KenLM

TEXT = ["the cat sat", "the cat ran home", "a dog sat on the mat", "the dog", "home"]


@pytest.fixture(params=["kenlm", "python"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "kenlm":
        pytest.importorskip("kenlm")
    else:
        monkeypatch.setitem(sys.modules, "kenlm", None)
    return str(request.param)


@pytest.fixture
def arpa(tmp_path: Path) -> Path:
    path = tmp_path / "lm.arpa"
    train(text.split() for text in TEXT).write(path)
    return path


def backend(path: Path) -> KenLM:
    return KenLM(LmOptions(model=str(path)))


def one(model: KenLM, text: str, prefix: str = "") -> float:
    return model.score([ScoreRequest((text,), prefix)])[0][0]


def test_scores_as_kenlms_own_program(engine: str, arpa: Path, capfd: pytest.CaptureFixture[str]) -> None:
    # Totals that `query` prints for an lmplz model of the same text.
    model = backend(arpa)
    requests = [ScoreRequest(("the cat", "Home: a dog!")), ScoreRequest(()), ScoreRequest(("something sat",))]
    scores = model.score(requests)
    assert [len(row) for row in scores] == [2, 0, 1]
    found = [score / math.log(10) for row in scores for score in row]
    assert found == pytest.approx([-2.1404066, -3.5874767, -3.1251516], abs=1e-5)
    assert capfd.readouterr() == ("", "")


def test_prefix(engine: str, arpa: Path) -> None:
    model = backend(arpa)
    assert one(model, "sat", "The cat") > one(model, "sat", "a")
    # Summing what follows: p(the cat ran) = p(the cat) without its end * p(ran | the cat).
    # By `query`: the -0.45493776, cat -0.36179557 of a sentence that begins so.
    begin = (-0.45493776 - 0.36179557) * math.log(10)
    assert one(model, "ran", "the cat") == pytest.approx(one(model, "the cat ran") - begin, abs=1e-5)


def test_empty_and_long_texts(engine: str, arpa: Path) -> None:
    model = backend(arpa)
    assert one(model, "") == one(model, "…!") > one(model, "mat mat")
    assert one(model, "cat " * 10_000) < -1000
    assert math.isfinite(one(model, "x\udcff\0 \u2028"))


def test_note_names_the_normalizer(engine: str, arpa: Path) -> None:
    with_basic = backend(arpa)
    Note("none", 3, 5, 16).write(arpa)
    model = backend(arpa)
    assert one(model, "the cat") == one(with_basic, "The cat.")
    assert one(model, "The cat.") < one(model, "the cat")
    assert math.isfinite(one(model, "x\udcff"))
    assert with_basic.signature.endswith(",basic")
    assert model.signature.endswith(",none")
    Note("nonsense", 3, 5, 16).write(arpa)
    with pytest.raises(ModelError, match="note beside the model is not usable: There is no normalizer called"):
        backend(arpa)


def test_models_in_upper_case(engine: str, arpa: Path, tmp_path: Path) -> None:
    path = tmp_path / "upper.arpa"
    train(text.upper().split() for text in TEXT).write(path)
    model = backend(path)
    assert one(model, "the cat") == pytest.approx(one(backend(arpa), "the cat"))
    assert model.signature.endswith(",basic,upper")


def test_signature_changes_with_the_file(engine: str, arpa: Path, tmp_path: Path) -> None:
    signature = backend(arpa).signature
    assert signature.startswith("kenlm:lm.arpa@")
    assert backend(arpa).signature == signature
    (tmp_path / "b").mkdir()
    train([["other"]]).write(tmp_path / "b" / "lm.arpa")
    assert backend(tmp_path / "b" / "lm.arpa").signature != signature


def test_what_it_cannot_do(engine: str, arpa: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot generate text"):
        backend(arpa).generate([GenerateRequest("the")])
    with pytest.raises(ModelError, match=r"needs a file\. Make one with `ger lm train"):
        KenLM(LmOptions())
    with pytest.raises(ModelError, match=r"none\.arpa cannot be read: No such file"):
        backend(tmp_path / "none.arpa")
    (tmp_path / "text").write_text("no model\n")
    with pytest.raises(ModelError, match=str(tmp_path / "text")):
        backend(tmp_path / "text")


def test_a_binary_needs_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kenlm", None)
    (tmp_path / "lm.bin").write_bytes(b"mmap lm http://kheafield.com/code format version 5\n\0")
    with pytest.raises(DependencyError, match=r"pip install 'ger-asr\[kenlm\]'"):
        backend(tmp_path / "lm.bin")


def test_is_a_plug_in(arpa: Path) -> None:
    made = load("backends", "kenlm")(LmOptions(model=str(arpa)))
    assert isinstance(made, LanguageModel)
