"""The command `ger score`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from ger.cli.score import score
from ger.io.jsonl import write_records
from ger.types import Correction, Hypothesis, NBest

APP = typer.Typer(context_settings={"token_normalize_func": lambda token: token.replace("_", "-")})
APP.command()(score)


def run(*arguments: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(APP, list(map(str, arguments)), input=stdin)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ref.txt").write_text("utt-1 so we met at noon\nutt-2 call me later\n")
    (tmp_path / "hyp.txt").write_text("utt-2 call me late\nutt-1 so we met at noon\n")
    (tmp_path / "other.txt").write_text("utt-1 so he met at new\nutt-2 tall me later\n")
    lists = [
        NBest("a", (Hypothesis("we met it noon"), Hypothesis("we met at noon")), reference="we met at noon"),
        NBest("b", (Hypothesis("call me"),), reference="call me", language="en"),
    ]
    write_records(tmp_path / "out.jsonl", (Correction.of(item, "we met at noon", "reranked") for item in lists))
    return tmp_path


def test_two_files(folder: Path) -> None:
    result = run(folder / "ref.txt", folder / "hyp.txt")
    assert result.exit_code == 0, result.output
    assert "WER         12.50 %" in result.stdout
    assert "1 errors in 8 words, 2 utterances" in result.stdout
    assert "1 substitutions, 0 deletions, 0 insertions" in result.stdout
    assert "normalizer:none" in result.stdout.splitlines()[-1]


def test_json(folder: Path) -> None:
    value = json.loads(run(folder / "out.jsonl", "--json", "--by", "language").stdout)
    assert value["wer"] == pytest.approx(100 * 4 / 6)
    assert value["baseline_wer"] == pytest.approx(100 * 1 / 6)
    assert value["by"]["en"]["wer"] == 200
    assert set(value) >= {
        *("signature", "n", "words", "wer", "wer_ci", "wer_words", "edits", "cer", "baseline_wer", "oracle_wer"),
        *("compositional_oracle", "changed", "helped", "harmed", "harmful_edit_rate", "p_value", "by"),
    }


def test_only_the_number(folder: Path) -> None:
    assert run(folder / "ref.txt", folder / "hyp.txt", "-b").stdout == "12.50\n3.33\n"
    assert run(folder / "ref.txt", folder / "hyp.txt", "-b", "--metric", "wer").stdout == "12.50\n"


def test_against_another_system(folder: Path) -> None:
    result = run(folder / "ref.txt", folder / "hyp.txt", "--against", folder / "other.txt")
    assert "Against     37.50 %   second system" in result.stdout
    assert "2 changed, 1 helped, 0 harmed, harmful 0.0 %" in result.stdout


def test_errors_are_shown_aligned(folder: Path) -> None:
    shown = run(folder / "ref.txt", folder / "hyp.txt", "--align").stdout
    assert shown.startswith(
        "utt-2 (#C 2 #S 1 #D 0 #I 0)\nREF:  call me later\nHYP:  call me late\nEVAL:         S\n\nWER"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["ref.txt", "hyp.txt", "--metric", "mer"], 2, "There is no metric called 'mer'. Did you mean 'wer'?"),
        (["ref.txt", "hyp.txt", "--normalizer", "non"], 2, "Did you mean 'none'?"),
        (["ref.txt", "hyp.txt", "--hotwords", "me"], 2, "--hotwords is for --metric biasing."),
        (["ref.txt", "hyp.txt", "--tokenize", "zh"], 2, "--tokenize is for --metric bleu or ter."),
        (["ref.txt", "hyp.txt", "--metric", "chrf", "--language", "de"], 2, "--language is for --metric bleu or ter."),
        (["ref.txt", "hyp.txt", "--metric", "bleu", "--language", "jp"], 2, "Did you mean 'ja' (Japanese)?"),
        (["ref.txt", "hyp.txt", "--json", "-b"], 2, "Choose one of them."),
        (["ref.txt"], 2, "ref.txt holds texts alone."),
        (["ref.txt", "hyp.txt", "--by", "speaker"], 2, "no utterance has a field 'speaker'"),
        (["ref.txt", "out.jsonl"], 1, "out.jsonl has no utterance 'utt-1' and 1 more of"),
        (["ref.txt", "gone.txt"], 1, "gone.txt cannot be read: No such file or directory."),
        (["ref.txt", "latin.txt"], 1, "not UTF-8"),
        (["ref.txt", "twice.txt"], 1, "'utt-1'"),
    ],
)
def test_bad_calls_and_files(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, message: str
) -> None:
    monkeypatch.chdir(folder)
    Path("latin.txt").write_bytes("utt-1 café\nutt-2 x\n".encode("latin-1"))
    Path("twice.txt").write_text("utt-1 a\nutt-1 b\n")
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert result.stdout == ""


def test_hyphens_or_underscores_and_standard_input(folder: Path) -> None:
    command = [sys.executable, "-c", "import test_cli_score; test_cli_score.APP()", str(folder / "ref.txt"), "-"]
    done = subprocess.run(
        [*command, "--no_ids", "--json"], input="utt-1 so we met\nutt-2 call\n", text=True, capture_output=True,
        cwd=Path(__file__).parent, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["n"] == 2


def test_an_id_that_is_there_twice_is_never_a_word(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for name in ("r.txt", "h.txt"):
        Path(name).write_text("utt-1 so we met\nutt-2 call\nutt-3 yes\nutt-1 so we met\n")
    result = run("r.txt", "h.txt")
    assert result.exit_code == 1
    assert "line 1 and line 4 both have the id 'utt-1'" in result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_behind_standard_output(folder: Path) -> None:
    command = [sys.executable, "-c", "import test_cli_score; test_cli_score.APP()", str(folder / "ref.txt")]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*command, str(folder / "hyp.txt")], stdout=full, stderr=subprocess.PIPE, text=True,
            cwd=Path(__file__).parent,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "Error: Standard output cannot be written: No space left on device.\n")
