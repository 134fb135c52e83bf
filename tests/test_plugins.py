"""`ger plugins`: the list, and checks from the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import fakes
import pytest
from typer.testing import CliRunner

from ger import __version__, plugins, registry
from ger.cli import app
from ger.errors import UnknownNameError, UsageError
from ger.needs import NEEDS, Need

_MODULE = """
from ger.testing import FixedSegmenter, ScriptedFrontend

class Late(FixedSegmenter):
    def split(self, blocks):
        for start, samples in super().split(blocks):
            yield start + 0.101, samples

def segmenter():
    return FixedSegmenter()

def frontend(options):
    return ScriptedFrontend(lambda s: [("so the field", -1.0), ("sow the field", -2.0)] if s.samples.any() else [])

def broken(options):
    return options.no_such_option

def nothing(options):
    return object()
"""
_POINTS = """
[ger.frontends]
mine = plugged:frontend
broken = plugged:broken
nothing = plugged:nothing
lost = plugged_elsewhere:frontend
remote = plugged:frontend
[ger.segmenters]
mine = plugged:segmenter
late = plugged:Late
"""


@pytest.fixture
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed distribution with plug-ins of all qualities."""
    info = tmp_path / "plugged-2.5.dist-info"
    info.mkdir()
    needs = ["ger-asr>=0.1", "numpy>=1", "no-such-thing (>=2)", 'pytest ; extra == "test"']
    lines = ["Metadata-Version: 2.1", "Name: plugged", "Version: 2.5", *(f"Requires-Dist: {need}" for need in needs)]
    (info / "METADATA").write_text("\n".join(lines) + "\n")
    (info / "entry_points.txt").write_text(_POINTS)
    (tmp_path / "plugged.py").write_text(_MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "plugged", raising=False)


def ger(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner(env={"COLUMNS": "80"}).invoke(app, ["plugins", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


def test_the_list_names_every_plug_in() -> None:
    code, out, err = ger()
    assert (code, err) == (0, "")
    assert [line for line in out.splitlines() if not line.startswith(" ")] == [
        "Front ends (--frontend)",
        "Segmenters (--segmenter)",
        "Language models (--backend)",
        "Correctors (--mode)",
        "Voices (--speak)",
    ]
    named = [line.split()[0] for line in out.splitlines() if line.startswith("  ")]
    assert named == [name for kind in plugins.KINDS for name in registry.names(kind)]


def test_voices_are_ready_where_their_programs_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "flite").write_text("#!/bin/sh\n")
    (tmp_path / "flite").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    voices = [" ".join(line.split()) for line in ger()[1].partition("Voices (--speak)\n")[2].splitlines()]
    assert voices == [
        f"espeak-ng ger {__version__} needs espeak-ng: apt install espeak-ng, or brew install espeak-ng",
        f"flite ger {__version__} ready: flite",
        f"piper ger {__version__} needs piper: pip install piper-tts",
    ]


def test_what_is_missing_and_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NEEDS["frontends"], "remote", Need("ears", ("numpy", "no_such_package")))
    monkeypatch.setitem(NEEDS["segmenters"], "silero", Need("ears", ("numpy",)))
    out = ger()[1]
    assert f"remote          ger {__version__}  needs no-such-package: pip install 'ger-asr[ears]'\n" in out
    assert f"silero  ger {__version__}  ready: numpy {version('numpy')}\n" in out
    rows = {(row["kind"], row["name"]): row for row in json.loads(ger("--json")[1])}
    assert rows["frontend", "remote"] == {
        "kind": "frontend",
        "name": "remote",
        "target": "asr_frontends.remote:Remote",
        "source": "ger",
        "version": __version__,
        "ready": False,
        "needs": {"numpy": version("numpy"), "no-such-package": None},
        "missing": ["no-such-package"],
        "install": "pip install 'ger-asr[ears]'",
        "problem": "",
    }


def test_plug_ins_of_others(third_party: None) -> None:
    out = ger()[1]
    for name, state in [
        ("mine", "needs no-such-thing: pip install no-such-thing"),
        ("lost", "not usable: there is no module plugged_elsewhere"),
        ("remote", "not usable: the name is taken already"),
    ]:
        assert f"  {name:14}  plugged 2.5{' ' * (len(f'ger {__version__}') - 11)}  {state}\n" in out
    mine = plugins.find("late")
    assert (mine.source, mine.version, mine.target) == ("plugged", "2.5", "plugged:Late")
    assert mine.needs == {"numpy": version("numpy"), "no-such-thing": None}


def test_listing_imports_none_of_them(third_party: None) -> None:
    code = (
        "import sys; from ger import plugins; plugins.every()\n"
        "print([m for m in sys.modules if m.split('.')[0] in "
        "('asr_frontends', 'llm_backends', 'torch', 'numpy', 'plugged', 'ctranslate2')])"
    )
    environment = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout == "[]\n"


def test_find(third_party: None) -> None:
    assert plugins.find("remote").source == "ger"
    assert plugins.find("mine", "segmenters").kind == "segmenters"
    with pytest.raises(UsageError, match=r"'mine' is the name of several plug-ins\. Say which: --kind frontend"):
        plugins.find("mine")
    with pytest.raises(UnknownNameError, match=r"There is no plug-in called 'meine'\. Did you mean 'mine'\?"):
        plugins.find("meine")
    with pytest.raises(UnknownNameError, match=r"There is no backend called 'silero'\."):
        plugins.find("silero", "backends")


def test_a_check_prints_a_line_each(third_party: None, tmp_path: Path) -> None:
    audio = fakes.tone(tmp_path / "a.wav", 3.0)
    code, out, err = ger("check", "mine", audio, "--kind", "frontend", "--nbest", "2")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "made             ok",
        "signature        ok",
        "empty-batch      ok",
        "hears            ok: 2, 2, 2, 2 hypotheses of at most 2",
        "order            ok",
        "span             ok",
        "distinct         ok",
        "scores           ok",
        "batch-is-single  ok",
        "silence          ok",
        "words            skipped: words have no times.",
        "record           ok",
        "recomputed       skipped: it has no score_texts (see ger.protocols.Forced).",
    ]


def test_a_check_that_fails_is_exit_code_1(third_party: None, tmp_path: Path) -> None:
    audio = fakes.tone(tmp_path / "a.wav", 3.0)
    code, out, _ = ger("check", "mine", audio, "--kind", "frontends", "--nbest", "1")
    assert (code, out.count("FAILED")) == (1, 1)
    assert "distinct         FAILED: check/0000 has 2 hypotheses, asked for were 1.\n" in out
    code, out, _ = ger("check", "late", audio)
    assert code == 1
    assert "samples          FAILED: The samples of the stretch at 1.101 s are not those of the recording" in out


def test_the_sample_of_our_own_is_used_where_none_is_named(third_party: None) -> None:
    code, out, _ = ger("check", "mine", "--kind", "segmenter")
    assert "finds            ok: 1.00 to 2.00 s, 2.00 to 3.00 s" in out
    assert code == 0


def test_plug_ins_that_cannot_be_made(third_party: None) -> None:
    code, out, _ = ger("check", "broken")
    assert (code, out.count("\n")) == (1, 1)
    assert out.startswith("made             FAILED: Making it raised AttributeError: 'FrontendOptions' object has no")
    code, out, _ = ger("check", "nothing")
    assert (code, out) == (1, "made             FAILED: object is no AsrFrontend, it lacks recognize, signature.\n")
    code, _, err = ger("check", "lost")
    assert (code, "cannot be imported: No module named 'plugged_elsewhere'" in err) == (2, True)
    code, _, err = ger("check", "kenlm")
    assert (code, err) == (1, "Error: An n-gram model needs a file. Make one with `ger lm train TEXT -o lm.arpa`.\n")


def test_wrong_calls() -> None:
    code, _, err = ger("check", "silero", "--kind", "segmentor")
    assert (code, "no kind of plug-ins called 'segmentor'. Did you mean 'segmenter'?" in err) == (2, True)
    code, _, err = ger("check", "silver")
    assert (code, "Did you mean 'silero'?" in err) == (2, True)
    code, _, err = ger("check", "silero", "nowhere.wav")
    assert (code, "nowhere.wav" in err) == (1, True)
