"""The folder of an adapter: taken up after a kill, saved on a full disk, merged; and the commands."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from h2t_tools import TOWNS, nbest, rows_of, town_lists, write_model
from typer.testing import CliRunner

from ger.cli.train import app
from ger.errors import ModelError, OutputError, UsageError
from ger.io.jsonl import write_records
from ger.train.h2t import train
from ger.train.h2t_recipe import H2TOptions, H2TRecipe
from ger.train.merge import merge
from ger.train.settings import dump, read
from ger.train.work import Summary
from ger.types import NBest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("peft")

RECIPES = Path(__file__).parents[1] / "examples" / "recipes"
ADAPTER = "adapter_model.safetensors"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def quick(tiny: Path) -> H2TOptions:
    """Three epochs of three steps, saved at every second step."""
    return H2TOptions(
        model=str(tiny), epochs=3, rank=4, lr=1e-2, validation=0.25, batch_lists=6, device="cpu", save_steps=2
    )


class _StoppedError(Exception):
    pass


def _stop(kind: str, number: int) -> Any:
    """Ends a training like a kill would: when a step or an epoch is told, before it is saved."""

    def report(row: dict[str, Any]) -> None:
        if number == (row.get("step") if kind == "step" else row["epoch"] if "epoch_loss" in row else None):
            raise _StoppedError

    return report


# Taken up again


@pytest.mark.parametrize(
    ("kind", "number", "save_steps", "saved"),
    [
        ("step", 1, 0, 0),
        ("step", 5, 0, 3),
        ("step", 6, 2, 4),
        ("epoch", 1, 3, 3),
        ("epoch", 2, 2, 6),
        ("epoch", 3, 0, 6),
    ],
)
def test_goes_on_where_it_was_saved(
    tmp_path: Path, quick: H2TOptions, kind: str, number: int, save_steps: int, saved: int
) -> None:
    """Stopped within an epoch, after its last step before it was validated, and after the validation."""
    options = replace(quick, save_steps=save_steps, drop_hypotheses=0.3, lora_dropout=0.1, average=0.5)
    whole = train(town_lists(), options, tmp_path / "whole")
    with pytest.raises(_StoppedError):
        train(town_lists(), options, tmp_path / "out", report=_stop(kind, number))
    assert not (tmp_path / "out" / "h2t.json").exists()
    seen: list[dict[str, Any]] = []
    again = train(town_lists(), options, tmp_path / "out", report=seen.append)
    assert [row["step"] for row in seen if "step" in row] == [*range(saved + 1, 10)]
    assert replace(again, folder="", seconds=0) == replace(whole, folder="", seconds=0)
    for name in (ADAPTER, "adapter_config.json", "h2t.json"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    rows = rows_of(tmp_path / "out")
    assert [row["epoch"] for row in rows if "epoch_loss" in row] == [1, 2, 3]
    assert [row["step"] for row in rows if "step" in row] == [*range(1, 10)]


_KILLED = """
import json, os, signal, sys
from pathlib import Path
from h2t_tools import town_lists
from ger.train.h2t import train
from ger.train.h2t_recipe import H2TOptions

def report(row):
    if row.get("step") == int(sys.argv[3]) or row.get("epoch_loss") and row["epoch"] == int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)

options = json.loads(sys.argv[1])
train(town_lists(), H2TOptions(**options | {"targets": tuple(options["targets"])}), Path(sys.argv[2]), report=report)
"""


def test_killed_without_warning(tmp_path: Path, quick: H2TOptions) -> None:
    """A process of its own is killed (SIGKILL) within the first epoch, between epochs, and within the last one."""
    from dataclasses import asdict

    train(town_lists(), quick, tmp_path / "whole")
    out, environment = tmp_path / "out", os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    for step, epoch in ((3, 0), (0, 2), (8, 0)):
        command = [sys.executable, "-c", _KILLED, json.dumps(asdict(quick)), str(out), str(step), str(epoch)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == -signal.SIGKILL, done.stderr
    seen: list[dict[str, Any]] = []
    train(town_lists(), quick, out, report=seen.append)
    assert [row["step"] for row in seen if "step" in row] == [7, 8, 9]
    assert (out / ADAPTER).read_bytes() == (tmp_path / "whole" / ADAPTER).read_bytes()


def test_a_finished_training_is_not_repeated(tmp_path: Path, quick: H2TOptions) -> None:
    first = train(town_lists(), quick, tmp_path / "out")
    made = (tmp_path / "out" / ADAPTER).stat().st_mtime_ns
    assert train(town_lists(), replace(quick, threads=1), tmp_path / "out", report=_stop("step", 1)) == first
    assert (tmp_path / "out" / ADAPTER).stat().st_mtime_ns == made
    lists = town_lists()
    for other, options in (
        (lists[1:], quick),
        (lists, replace(quick, rank=8)),
        (lists, replace(quick, prompt="h2t-1best")),
    ):
        with pytest.raises(UsageError, match="with other data or options"):
            train(other, options, tmp_path / "out")


def test_an_unfinished_training_of_something_else_stays(tmp_path: Path, quick: H2TOptions) -> None:
    with pytest.raises(_StoppedError):
        train(town_lists(), quick, tmp_path / "out", report=_stop("epoch", 2))
    state = tmp_path / "out" / ".training" / "state.pt"
    before = state.read_bytes()
    with pytest.raises(UsageError, match="unfinished training with other data or options"):
        train(town_lists(), replace(quick, seed=2), tmp_path / "out")
    assert state.read_bytes() == before
    state.write_bytes(before[:1000])
    with pytest.raises(UsageError, match=r"state\.pt is damaged"):
        train(town_lists(), quick, tmp_path / "out")


@pytest.mark.skipif(os.name != "posix", reason="limits of processes")
def test_a_disk_that_is_full(tmp_path: Path, quick: H2TOptions) -> None:
    """Files may not grow beyond a limit: too little for the state, then for the adapter; then there is room again."""
    out, state = tmp_path / "out", tmp_path / "out" / ".training" / "state.pt"
    with pytest.raises(_StoppedError):
        train(town_lists(), quick, out, report=_stop("step", 4))
    kept = state.read_bytes()
    for limit in (len(kept) // 2, len(kept) - 1000):
        with _at_most(limit), pytest.raises(OutputError, match=r"cannot be written: .* the same command goes on"):
            train(town_lists(), quick, out)
        assert state.read_bytes() == kept
        assert [path.name for path in state.parent.iterdir()] == ["state.pt"]
    train(town_lists(), quick, tmp_path / "whole")
    train(town_lists(), quick, out)
    assert (out / ADAPTER).read_bytes() == (tmp_path / "whole" / ADAPTER).read_bytes()


class _at_most:
    """No file of this process may be larger."""

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def __enter__(self) -> None:
        self._signal = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        self._before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._limit, self._before[1]))

    def __exit__(self, *_: object) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._before)
        signal.signal(signal.SIGXFSZ, self._signal)


def test_an_adapter_that_cannot_be_put_in_its_place(tmp_path: Path, quick: H2TOptions) -> None:
    """Something is in the way at the very end; once it is gone, nothing has to be learned again."""
    out = tmp_path / "out"

    def block(row: dict[str, Any]) -> None:
        if row["epoch"] == 3 and "epoch_loss" in row:
            (out / ADAPTER).mkdir()

    with pytest.raises(OutputError, match="cannot be written: Is a directory"):
        train(town_lists(), quick, out, report=block)
    assert not (out / "h2t.json").exists()
    (out / ADAPTER).rmdir()
    seen: list[dict[str, Any]] = []
    train(town_lists(), quick, out, report=seen.append)
    assert seen == []
    assert (out / ADAPTER).is_file()
    assert not (out / ".training").exists()


# The default model


@pytest.mark.slow
def test_the_default_model_learns_what_a_recognizer_confuses(tmp_path: Path, smollm2_dir: Path) -> None:
    """Ten steps: it writes `fares`, which is in no hypothesis."""

    def heard(key: str, start: str, end: str) -> NBest:
        texts = (f"show fairs from {start} to {end}", f"show fair from {start} to {end}")
        return nbest(key, f"show fares from {start} to {end}", *texts)

    lists = [heard(f"{a}-{b}", a, b) for a in TOWNS[:6] for b in TOWNS if a != b][:40]
    held = [heard(f"h{i}", "york", town) for i, town in enumerate(TOWNS)]
    options = H2TOptions(
        model=str(smollm2_dir), epochs=2, batch_lists=8, rank=8, lr=2e-3, warm_up=0.1, nbest=2, device="cpu"
    )
    summary = train(lists, options, tmp_path / "out", held=held)
    assert summary.validation is not None
    assert summary.validation.oracle == summary.validation.first_best == 8
    assert summary.validation.errors < 4
    losses = [row["loss"] for row in rows_of(tmp_path / "out") if "step" in row]
    assert sum(losses[-3:]) < sum(losses[:3]) / 4


# Merged


def test_a_merged_model_says_the_same(tmp_path: Path, quick: H2TOptions, tiny: Path) -> None:
    from ger.train.lora import going_on

    train(town_lists(), quick, tmp_path / "adapter")
    assert merge(tmp_path / "adapter", tmp_path / "merged") == tmp_path / "merged"
    whole = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype="float32")
    assert transformers.AutoTokenizer.from_pretrained(tmp_path / "merged").eos_token == "</s>"
    base = transformers.AutoModelForCausalLM.from_pretrained(tiny, dtype="float32")
    ids = torch.tensor([[5, 6, 7, 8]])
    plain = base(ids).logits
    apart = going_on(base, tmp_path / "adapter")(input_ids=ids).logits
    assert torch.allclose(whole(ids).logits, apart, atol=1e-5)
    assert not torch.allclose(plain, apart, atol=1e-3)
    assert (tmp_path / "merged" / "h2t.json").read_bytes() == (tmp_path / "adapter" / "h2t.json").read_bytes()


def test_what_cannot_be_merged(tmp_path: Path, quick: H2TOptions, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = write_model(tmp_path / "base", seed=1)
    train(town_lists(), replace(quick, model=str(base)), tmp_path / "adapter")
    with pytest.raises(ModelError, match="holds no adapter"):
        merge(base, tmp_path / "merged")
    with pytest.raises(UsageError, match="is there already"):
        merge(tmp_path / "adapter", base)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="File exists"):
        merge(tmp_path / "adapter", tmp_path / "file" / "merged")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(UsageError, match="the folder that you are in"):
        merge(tmp_path / "adapter", Path())
    write_model(base, seed=2)
    with pytest.raises(ModelError, match=r"was trained on base@\w+, and .*base is base@\w+ here\. Name the model"):
        merge(tmp_path / "adapter", tmp_path / "merged")
    assert not (tmp_path / "merged").exists()
    merge(tmp_path / "adapter", tmp_path / "merged", str(base))
    (tmp_path / "adapter" / "h2t.json").unlink()
    merge(tmp_path / "adapter", tmp_path / "plain")  # any adapter of peft that names its model
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    (tmp_path / "adapter" / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": None}))
    with pytest.raises(ModelError, match="does not say which model"):
        merge(tmp_path / "adapter", tmp_path / "nameless")


def test_a_merged_model_on_a_full_disk_is_not_there(tmp_path: Path, quick: H2TOptions) -> None:
    train(town_lists(), quick, tmp_path / "adapter")
    with _at_most(20_000), pytest.raises(OutputError, match="cannot be written"):
        merge(tmp_path / "adapter", tmp_path / "merged")
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]


# The commands


@pytest.fixture
def recipe(tmp_path: Path, quick: H2TOptions) -> Path:
    write_records(tmp_path / "lists.jsonl", town_lists())
    write_records(tmp_path / "more.jsonl", town_lists(4))
    wanted = H2TRecipe(
        (str(tmp_path / "lists.jsonl"),), output=str(tmp_path / "made"), options=replace(quick, epochs=2)
    )
    (tmp_path / "recipe.toml").write_text(dump(wanted, "ger train h2t"))
    return tmp_path / "recipe.toml"


def test_the_command(recipe: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["h2t", str(recipe), "--set", "batch_lists=4"])
    assert result.exit_code == 0, result.output
    assert "trained on 18 lists" in result.stdout
    assert "Validation (6 lists, chose the epoch): WER " in result.stdout
    assert f"ger correct LISTS --mode generate --adapter {tmp_path / 'made'}" in result.stdout
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["Epoch 1", "Epoch 2"]
    assert "validation WER" in result.stderr
    kept = tmp_path / "made" / "recipe.toml"
    assert kept.read_text().startswith(f"# ger train h2t {recipe} --set=batch_lists=4\n")
    assert read(kept, H2TRecipe).options.batch_lists == 4
    assert f"- `{tmp_path / 'lists.jsonl'}`: 24 lists" in (tmp_path / "made" / "README.md").read_text()
    again = CliRunner().invoke(app, ["h2t", str(recipe), "--set", "batch_lists=4", "--json"])
    assert (again.exit_code, again.stderr) == (0, "")
    assert set(json.loads(again.stdout)) == set(Summary.__dataclass_fields__)
    result = CliRunner().invoke(app, ["merge", str(tmp_path / "made"), "-o", str(tmp_path / "whole")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "whole" / "model.safetensors").exists()


def test_files_with_tasks_and_validation_files(recipe: Path, tmp_path: Path) -> None:
    files = json.dumps([f"air={tmp_path / 'lists.jsonl'}", f"rail={tmp_path / 'more.jsonl'}"])
    changes = [f"lists={files}", f"validation_files=rail={tmp_path / 'more.jsonl'}", "tags=true", "epochs=1"]
    result = CliRunner().invoke(app, ["h2t", str(recipe), *(f"--set={change}" for change in changes)])
    assert result.exit_code == 0, result.output
    assert "trained on 28 lists" in result.stdout
    assert "Validation (4 lists" in result.stdout
    assert "left out" not in result.stdout
    card = (tmp_path / "made" / "README.md").read_text()
    assert f"- `rail={tmp_path / 'more.jsonl'}`: 4 lists" in card


def test_ids_that_are_in_two_files_are_told_apart(recipe: Path, tmp_path: Path) -> None:
    write_records(tmp_path / "more.jsonl", [replace(one, reference=None) for one in town_lists(2)])
    files = json.dumps([str(tmp_path / "lists.jsonl"), f"rail={tmp_path / 'more.jsonl'}"])
    result = CliRunner().invoke(app, ["h2t", str(recipe), "--set", f"lists={files}"])
    assert result.exit_code == 1
    assert f"List 'rail={tmp_path / 'more.jsonl'}:u0' has no reference" in result.stderr


def test_wrong_calls_of_the_command(recipe: Path, tmp_path: Path) -> None:
    for change, said in (
        ("epoch=1", "there is no key 'epoch'. Did you mean 'epochs'?"),
        ("schedule=liner", "Did you mean 'linear'?"),
        ("warm_up=2", "warm_up is 2.0. Use a share from 0 to 1."),
        ("validation=0.95", "Use a share from 0 to 0.9."),
        ("targets=[]", "targets is empty."),
        ("prompt=h2", "no prompt called 'h2'"),
        ("output=", "output is missing."),
    ):
        result = CliRunner().invoke(app, ["h2t", str(recipe), "--set", change])
        assert (result.exit_code, said in result.stderr) == (2, True), result.stderr
    (tmp_path / "lists.jsonl").unlink()
    result = CliRunner().invoke(app, ["h2t", str(recipe)])
    assert result.exit_code == 1
    assert "lists.jsonl cannot be read" in result.stderr


def test_a_log_now_and_then(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ger.cli.train._PAUSE", 0.0)
    result = CliRunner().invoke(app, ["h2t", str(recipe), "--set", "epochs=1"])
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == [
        "Step 1 of 3", "Step 2 of 3", "Step 3 of 3", "Epoch 1",
    ]  # fmt: skip
    assert result.stderr.splitlines()[2].endswith("0 min left")


def test_the_examples_are_recipes() -> None:
    shown = read(RECIPES / "h2t.toml", H2TRecipe)
    assert shown.options == H2TOptions()
    text = (RECIPES / "h2t.toml").read_text()
    assert all(f"\n{key} = " in text for key in H2TOptions.__dataclass_fields__)
    assert text.startswith("# ger train h2t ")
    assert read(RECIPES / "h2t-atis.toml", H2TRecipe).options.epochs == 4
