"""The NeMo front end where NeMo is not installed; tests/engines/nemo has the others."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ger import registry
from ger.errors import DependencyError, ModelError, UsageError
from ger.protocols import FrontendOptions


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(sys.modules, "nemo", None)
    (tmp_path / "any.nemo").write_bytes(b"any")
    return tmp_path / "any.nemo"


def test_without_nemo_the_command_that_installs_it(file: Path) -> None:
    with pytest.raises(DependencyError, match=r"^NeMo is not installed\. Run: pip install 'ger-asr\[nemo\]'$"):
        registry.load("frontends", "nemo")(FrontendOptions(model=str(file)))


def test_what_is_no_model_is_told_before_nemo_is_looked_for(file: Path) -> None:
    load = registry.load("frontends", "nemo")
    with pytest.raises(UsageError, match=r"--model nemo:FILE\.nemo"):
        load(FrontendOptions())
    with pytest.raises(ModelError, match=r"There is no file none\.nemo"):
        load(FrontendOptions(model="none.nemo"))
    (file.parent / "empty").mkdir()
    with pytest.raises(ModelError, match=r"empty holds no \.nemo files"):
        load(FrontendOptions(model=str(file.parent / "empty")))
