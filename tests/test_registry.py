"""Names of plug-ins."""

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ger import registry
from ger.errors import UnknownNameError, UsageError
from ger.needs import ENGINES, NEEDS

KINDS: list[registry.Kind] = ["frontends", "segmenters", "backends", "correctors", "speakers"]


@pytest.fixture
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed distribution with plug-ins: one that works, two that do not, one with a name of ours."""
    info = tmp_path / "plugged-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[ger.frontends]\nmine = plugged_asr:load\n"
        "no-module = plugged_nothing:load\nno-attribute = plugged_asr:nothing\n"
        "faster-whisper = plugged_asr:load\n"
    )
    (tmp_path / "plugged_asr.py").write_text("def load():\n    return 'loaded'\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("plugged_asr", None)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_built_in(kind: registry.Kind) -> None:
    assert registry.names(kind)
    assert list(registry.targets(kind)) == registry.names(kind)
    assert all(target.count(":") == 1 for target in registry.targets(kind).values())


def test_listing_imports_nothing() -> None:
    code = (
        "import sys; from ger import registry\n"
        f"for kind in {KINDS}: registry.names(kind)\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('asr_frontends', 'llm_backends', 'torch')])"
    )
    environment = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout == "[]\n"


def test_third_parties_add_theirs(third_party: None) -> None:
    assert registry.names("frontends") == [*registry.builtin("frontends"), "mine", "no-module", "no-attribute"]
    assert registry.load("frontends", "mine")() == "loaded"
    assert "mine" not in registry.names("backends")


def test_third_parties_do_not_replace_ours(third_party: None) -> None:
    assert registry.targets("frontends")["faster-whisper"].startswith("asr_frontends.")


@pytest.mark.parametrize("name", ["no-module", "no-attribute"])
def test_a_broken_plug_in_is_named(third_party: None, name: str) -> None:
    with pytest.raises(UsageError, match=rf"^The frontend '{name}' \(plugged_\w+:\w+\) cannot be imported: "):
        registry.load("frontends", name)


def test_what_built_ins_need_is_said_of_all_of_them() -> None:
    said = {(kind, name) for kind in KINDS for name in NEEDS[kind]}
    assert said == {(kind, name) for kind in KINDS for name in registry.builtin(kind) if kind != "correctors"}
    assert all(bool(need.extra) == bool(need.packages) for needs in NEEDS.values() for need in needs.values())
    assert all(bool(need.install) == bool(need.program) for needs in NEEDS.values() for need in needs.values())
    assert all(name in NEEDS[kind] for kind, name in ENGINES.values())


def test_extras_of_needs_bring_their_packages() -> None:
    project = Path(__file__).parents[1] / "pyproject.toml"
    if not project.is_file():
        pytest.skip("needs the files of a checkout")
    extras = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert {need.extra for needs in NEEDS.values() for need in needs.values() if need.extra} <= set(extras)


def test_unknown_names() -> None:
    with pytest.raises(UnknownNameError, match=r"no corrector called 'rescoring'\. Did you mean 'rescore'\?$"):
        registry.load("correctors", "rescoring")


def test_suggest() -> None:
    assert registry.suggest("jsn", ["txt", "json"]) == "Did you mean 'json'?"
    assert registry.suggest("zzz", ["txt", "json"]) == "Known: txt, json."
    assert registry.suggest("zzz", iter(())) == "Known: none."
