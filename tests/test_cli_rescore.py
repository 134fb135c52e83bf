"""`ger rescore` with scripted language models: inputs, weights, resuming, failures, exit codes; and with a real one."""

from __future__ import annotations

import json
import os
import re
import resource
from pathlib import Path
from typing import Any

import fakes
import pytest
from fakes import Made
from fixtures_cli import run, start
from test_cli import call, nbest
from test_cli_process import kill_when

from ger.errors import ModelError
from ger.lm.profile import Profile, write_profile
from ger.lm.select import LmSpec

pytestmark = pytest.mark.usefixtures("made")

# The scripted model has -10 for "sow" beside "change", -40 for all else: with the default weight of 0.1 that is 3 nats
# against the 0.9 between neighbours.
CHANGE = ("so change", "they sow change now")


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def lists(path: Path, *lines: str) -> Path:
    path.write_text("".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A list that is changed and one that is not, with references."""
    return lists(
        tmp_path / "lists.jsonl", nbest("a", *CHANGE, reference="they sow", mine=1), nbest("b", "as is", "as it is")
    )


def test_to_a_file_with_an_object_about_the_run(two: Path, tmp_path: Path) -> None:
    result = call("rescore", two, "-o", tmp_path / "out.jsonl", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    value = json.loads(result.stdout)
    assert {k: value[k] for k in ("n", "changed", "failed")} == {"n": 2, "changed": 1, "failed": 0}
    made = rows(tmp_path / "out.jsonl")
    assert [(row["id"], row["text"], row["decision"]) for row in made] == [
        ("a", CHANGE[1], "reranked"),
        ("b", "as is", "kept"),
    ]
    assert (made[0]["reference"], made[0]["mine"], len(made[0]["hypotheses"])) == ("they sow", 1, 2)
    assert {row["signature"] for row in made} == {value["signature"]}
    assert re.match(r"ger \S+ \| lists \| rescore:acoustic=0\.9,lm=0\.1,", value["signature"])
    assert sorted(os.listdir(tmp_path)) == ["lists.jsonl", "out.jsonl"]


def test_hotwords_are_read_before_the_hypotheses(two: Path, tmp_path: Path, made: Made) -> None:
    (tmp_path / "names.txt").write_text("Ilium\n")
    assert call("rescore", two, "--hotwords", tmp_path / "names.txt", "--hotwords", "Ada, Trout").exit_code == 0
    assert all("Ilium, Ada, Trout" in request.prefix for request in made.lms[0].scored[0])
    result = call("rescore", two, "--hotwords", tmp_path / "absent.txt")
    assert result.exit_code == 1
    assert "absent.txt cannot be read" in result.stderr


@pytest.mark.parametrize("nothing", ["", " , "])
def test_hotwords_that_are_empty_are_a_wrong_call(nothing: str, two: Path) -> None:
    result = call("rescore", two, "--hotwords", nothing)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: --hotwords is empty.")


def test_to_standard_output(two: Path) -> None:
    result = call("rescore", two)
    assert result.exit_code == 0
    assert [json.loads(line)["text"] for line in result.stdout.splitlines()] == [CHANGE[1], "as is"]
    assert re.fullmatch(r"2 lists, 1 changed \(\d+ s\)\.\n", result.stderr)


def test_from_standard_input(two: Path) -> None:
    assert call("rescore", "-", stdin=two.read_text()).stdout == call("rescore", two).stdout


def test_never_over_what_is_read(two: Path, tmp_path: Path) -> None:
    text = two.read_text()
    (tmp_path / "again.jsonl").symlink_to(two)
    for arguments in ([two, "-o", two], ["--system", f"a={two}", "-o", tmp_path / "again.jsonl"]):
        result = call("rescore", *arguments)
        assert result.exit_code == 2
        assert result.stderr == f"Error: {arguments[-1]} is read, too. Name another file.\n"
    assert two.read_text() == text


def test_systems_and_references(tmp_path: Path) -> None:
    one = lists(tmp_path / "one.txt", "u1 so change\n", "u2 same words\n")
    two = lists(tmp_path / "two.txt", "u1 they sow change now\n", "u2 same words\n")
    reference = lists(tmp_path / "ref.txt", "u2 same words\n", "u1 they sow\n")
    out = tmp_path / "o.jsonl"
    systems = ["--system", f"A={one}", "--system", f"B={two}"]
    result = call("rescore", *systems, "--weight", "0.2", "--reference", reference, "-o", out)
    assert result.exit_code == 0
    made = rows(out)
    assert [(row["id"], row["text"], row["reference"]) for row in made] == [
        ("u2", "same words", "same words"),
        ("u1", CHANGE[1], "they sow"),
    ]
    assert [h["system"] for h in made[1]["hypotheses"]] == ["A", "B"]
    combined = call("rescore", *systems, "--mode", "combine")
    assert (combined.exit_code, len(combined.stdout.splitlines())) == (0, 2)


def test_combining_loads_no_language_model(two: Path, made: Made) -> None:
    assert call("rescore", two, "--mode", "combine").exit_code == 0
    assert made.lms == []


def test_a_profile_decides(two: Path, tmp_path: Path, made: Made) -> None:
    profile = tmp_path / "p.toml"
    write_profile(profile, Profile({"acoustic": 1.0, "words": -9.0}, form="as-is"))
    result = call("rescore", two, "--profile", profile)
    assert [json.loads(line)["text"] for line in result.stdout.splitlines()] == ["so change", "as is"]
    assert made.lms == []
    write_profile(profile, Profile({"big": 1.0, "small": 0.0}, (LmSpec("big"), LmSpec("small"))))
    result = call("rescore", two, "--profile", profile)
    assert [json.loads(line)["text"] for line in result.stdout.splitlines()] == [CHANGE[1], "as is"]
    assert len(made.lms) == 1  # one that weighs nothing is not loaded


def test_systems_that_the_profile_knows_have_to_be_there(tmp_path: Path) -> None:
    one, two = lists(tmp_path / "a.txt", "u1 red door\n"), lists(tmp_path / "b.txt", "u1 bread door\n")
    profile = tmp_path / "p.toml"
    write_profile(profile, Profile({"system:a": 0.1, "system:b": 0.2}))
    flags = ["--system", f"b={two}", "--profile", profile]
    result = call("rescore", "--system", f"a={one}", *flags)
    assert (result.exit_code, json.loads(result.stdout.splitlines()[0])["text"]) == (0, "bread door")
    result = call("rescore", "--system", f"typo={one}", *flags)
    assert result.exit_code == 2
    assert "weight for system:a, and no list has a hypothesis of that system. Name the systems as" in result.stderr


def test_flags_go_before_the_profile(two: Path, tmp_path: Path, made: Made) -> None:
    profile = tmp_path / "p.toml"
    write_profile(profile, Profile({"acoustic": 1.0, "old": 0.5}, (LmSpec("old"),), form="as-is"))
    flags = ["--weight", "acoustic=0", "--weight", "new=0.5", "--lm", "new=any", "--form", "lower", "--domain", "Sea."]
    result = call("rescore", two, "--profile", profile, *flags)
    assert result.exit_code == 0
    signature = json.loads(result.stdout.splitlines()[0])["signature"]
    assert "rescore:new=0.5,form=lower,min_length=0.8,domain='Sea.'," in signature
    assert {request.prefix for request in made.lms[0].scored[0]} == {"Sea. "}


def test_several_models_with_weights(two: Path, made: Made) -> None:
    result = call("rescore", two, "--lm", "x", "--lm", "far=y", "--weight", "0.4", "--weight", "far=-0.4")
    assert result.exit_code == 0
    assert len(made.lms) == 2
    first = json.loads(result.stdout.splitlines()[0])
    assert first["text"] == "so change"  # equal scores cancel out, and the recognizer's order stays
    assert first["scores"]["lm"] == first["scores"]["far"] == -40.0
    named = call("rescore", two, "--lm", "big=x", "--weight", "0.4")
    assert "rescore:acoustic=0.6,rank=3,repeats=-1,biased=0.42,big=0.4,form" in named.stdout


def test_earlier_utterances_are_context(tmp_path: Path, made: Made) -> None:
    source = lists(tmp_path / "l.jsonl", nbest("talk/1", *CHANGE), nbest("talk/2", "one", "two"), nbest("x", "y", "z"))
    assert call("rescore", source, "--previous", "1").exit_code == 0
    prefixes = [request.prefix for asked in made.lms[0].scored for request in asked]
    assert sorted(prefixes) == ["", "", f"{CHANGE[1]} "]


# Wrong calls


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--weight", "x"], "--weight x is not a number. Write --weight 0.2 or --weight words=0.5."),
        (["--weight", "lm="], "--weight lm= is not a number."),
        (["--weight", "words=one"], "--weight words=one is not a number."),
        (["--weight", "2"], "The weight of the language model is 2.0. Use a number from 0 to 1."),
        (["--weight", "nan"], "The weight of the language model is nan."),
        (["--weight", "words=inf"], "The weight of 'words' is inf. Use a finite number."),
        (["--weight", "wrods=1"], "There is no feature and no language model called 'wrods'. Did you mean 'words'?"),
        (["--lm", "big=x"], "The language model 'big' has no weight. Give one, or a profile that `ger tune` wrote."),
        (["--lm", "x", "--lm", "y"], "The language model 'lm2' has no weight."),
        (["--lm", "a=x", "--lm", "a=y"], "Two language models are called 'a'."),
        (["--lm", "words=x"], "A language model cannot be called 'words'."),
        (["--lm", ""], "The name of a language model is empty."),
        (["--form", "lowr"], "There is no written form called 'lowr'. Did you mean 'lower'?"),
        (["--mode", "recsore"], "There is no corrector called 'recsore'. Did you mean 'rescore'?"),
        (["--previous", "-1"], "previous_words and cross 0 or more"),
        (["--json"], "--json and the corrections both want standard output. Name a file with -o."),
        (["--system", "A=x"], "Give either LISTS or --system NAME=FILE."),
        (["--format", "recrods"], "There is no list format called 'recrods'. Did you mean 'records'?"),
    ],
)
def test_a_wrong_call_is_told_and_loads_nothing(two: Path, made: Made, arguments: list[str], message: str) -> None:
    result = call("rescore", two, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert made == Made()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Give either LISTS or --system"),
        (["--system", "A"], "--system A has no name and file. Write --system NAME=FILE."),
        (["--system", "=f"], "has no name and file"),
    ],
)
def test_wrong_inputs(arguments: list[str], message: str) -> None:
    result = call("rescore", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_no_lists_are_no_error_as_nothing_may_have_been_said(tmp_path: Path) -> None:
    empty = lists(tmp_path / "empty.jsonl", "")
    result = call("rescore", empty, "-o", tmp_path / "o.jsonl")
    assert (result.exit_code, result.stderr) == (0, "0 lists, 0 changed (0 s).\n")
    assert (tmp_path / "o.jsonl").read_text() == ""
    assert (call("rescore", empty).exit_code, call("correct", empty).exit_code) == (0, 0)


def test_inputs_that_cannot_be_used(two: Path, tmp_path: Path, made: Made) -> None:
    bad = lists(tmp_path / "bad.toml", "[weights]\nlm = 'x'\n")
    reference = lists(tmp_path / "ref.txt", "a\tthey sow\n")
    texts = lists(tmp_path / "t.txt", "u1 so\n")
    for arguments, message in (
        (["--system", f"A={texts}", "--system", f"A={texts}"], "t.txt: 'u1' is in an earlier file, too"),
        ([tmp_path / "absent.jsonl"], "absent.jsonl cannot be read"),
        ([two, "--profile", bad], "bad.toml: 'weights.lm' should be a number, found 'x'"),
        ([two, "--reference", reference], "The reference file has no utterance 'b'"),
    ):
        result = call("rescore", *arguments, "-o", tmp_path / "o")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith("Error: ")
        assert message in result.stderr
    assert made == Made()
    assert not (tmp_path / "o").exists()


def test_a_model_that_cannot_be_loaded(two: Path, tmp_path: Path) -> None:
    result = call("rescore", two, "--lm", "missing", "-o", tmp_path / "o")
    assert (result.exit_code, result.stderr) == (1, "Error: The model missing cannot be found. Check the name.\n")
    assert sorted(os.listdir(tmp_path)) == ["lists.jsonl"]


def test_ids_of_several_files(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    one, two = (lists(tmp_path / name, nbest("talk/1", *CHANGE)) for name in ("x.jsonl", "y.jsonl"))
    other = lists(tmp_path / "z.jsonl", nbest("talk/2", *CHANGE))
    again = lists(tmp_path / "sub/x.jsonl", nbest("talk/1", *CHANGE))

    def ids(*files: Path) -> list[str]:
        return [json.loads(line)["id"] for line in call("rescore", *files).stdout.splitlines()]

    assert ids(one, other) == ["talk/1", "talk/2"]
    assert ids(one, one) == ["talk/1"]
    assert ids(one, two) == ["x.jsonl:talk/1", "y.jsonl:talk/1"]
    path = str(tmp_path).replace("/", ":")
    assert ids(one, again) == [f"{path}:x.jsonl:talk/1", f"{path}:sub:x.jsonl:talk/1"]


# Odd lists


def record(id: str, *hypotheses: tuple[str, str], reference: str | None = None) -> str:
    """A record with scores as they stand in the file."""
    texts = ", ".join(f'{{"text": {json.dumps(text)}, "score": {score}}}' for text, score in hypotheses)
    return f'{{"id": "{id}", "hypotheses": [{texts}], "reference": {json.dumps(reference)}}}\n'


def test_odd_lists_are_all_written(tmp_path: Path) -> None:
    source = lists(
        tmp_path / "l.jsonl",
        nbest("one", "alone"),
        nbest("none"),
        nbest("blank", "", "  "),
        nbest("unscored", *CHANGE, scored=False),
        record("partly", ("so change", "-1"), ("they sow change now", "null")),
        record("positive", ("so change", "7.5"), ("they sow change now", "7.25")),
        record("nan", ("so change", "NaN"), ("they sow change now", "-2"), ("more", "Infinity")),
        record("huge", ("so change", "-1e300"), ("they sow change now", "-2e300")),
        nbest("many", "so change", *(f"they sow change number {i}" for i in range(999))),
        nbest("long", "so change " * 1000, "they sow change " * 700),
        nbest("mixed", "船が来た", "Корабль пришёл", "السفينة وصلت", "so 船", "ships 🚢"),
        nbest("same", "one", "One.", "one"),
    )
    result = call("rescore", source, "--weight", "0.2", "-o", tmp_path / "o", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    made = {row["id"]: row for row in rows(tmp_path / "o")}
    assert len(made) == 12
    changed = {"unscored", "partly", "positive", "nan", "huge", "many"}
    assert {id for id, row in made.items() if row["decision"] == "reranked"} == changed
    assert {row["decision"] for id, row in made.items() if id not in changed} == {"kept"}
    assert made["nan"]["text"] == CHANGE[1]
    assert made["nan"]["meta"] == {"scores_not_finite": 2}
    assert made["many"]["text"] == "they sow change number 0"
    assert len(made["long"]["text"]) == 10_000
    assert (made["none"]["text"], made["none"]["reason"]) == ("", "nothing was said")
    assert made["mixed"]["text"] == "船が来た"
    assert made["same"]["scores"]["posterior"] == 1.0


def test_a_model_that_breaks_on_some_lists(tmp_path: Path) -> None:
    source = lists(tmp_path / "l.jsonl", nbest("a", *CHANGE), nbest("b", "odd one", "odd two"), nbest("c", *CHANGE))
    result = call("rescore", source, "-o", tmp_path / "o", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["failed"] == 1
    assert result.stderr == "Error: b: The language model broke. Use another one.\n"
    assert [(row["text"], row["decision"]) for row in rows(tmp_path / "o")] == [
        (CHANGE[1], "reranked"),
        ("odd one", "failed"),
        (CHANGE[1], "reranked"),
    ]
    assert call("rescore", source).stderr.splitlines()[-1].startswith("3 lists, 2 changed, 1 failed (")


def test_a_model_that_dies_on_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    def dying(prefix: str, text: str) -> float:
        nonlocal asked
        asked += 1
        if asked > 600:
            raise ModelError("The server is gone.", "Start it again.")
        return fakes.score(prefix, text)

    monkeypatch.setattr(fakes, "lm", lambda options: fakes.ScriptedLM(dying))
    source = lists(tmp_path / "l.jsonl", *(nbest(f"u{i}", *CHANGE) for i in range(600)))
    result = call("rescore", source, "-o", tmp_path / "o")
    assert result.exit_code == 1
    made = rows(tmp_path / "o")
    assert [row["id"] for row in made] == [f"u{i}" for i in range(600)]
    # 256 lists at once; of the next 256 the first 44 were scored in vain.
    assert [row["decision"] for row in made] == ["reranked"] * 256 + ["failed"] * 344
    assert {row["text"] for row in made[256:]} == {CHANGE[0]}
    assert result.stderr.count("Error: u") == 344


# Resuming


def part(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def kept(path: Path) -> list[str]:
    """Ids in what an interrupted run has left."""
    lines = part(path).read_text().split("\n")[1:] if part(path).exists() else []
    return [json.loads(line)["id"] for line in lines if line.endswith("}")]


def test_interrupted_it_goes_on_and_changes_begin_anew(
    tmp_path: Path, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = lists(tmp_path / "l.jsonl", *(nbest(f"talk/{i}", *CHANGE) for i in range(300)))
    out = tmp_path / "o"

    def interrupting(prefix: str, text: str) -> float:
        if len(made.lms[-1].scored) > 1:
            raise KeyboardInterrupt
        return -1.0

    def asked(*arguments: object) -> int:
        """How many lists the model was asked about until it was interrupted again."""
        with monkeypatch.context() as patch:
            patch.setattr(fakes, "score", interrupting)
            result = call("rescore", source, "-o", out, *arguments)
        assert result.exit_code == 130
        assert "Interrupted." in result.stderr
        return len(made.lms[-1].scored[0])

    assert asked() == 256
    assert len(kept(out)) == 256
    assert call("rescore", source, "-o", out, "--weight", "0.2").exit_code == 0  # other settings: anew
    assert sum(len(requests) for requests in made.lms[-1].scored) == 300
    assert not part(out).exists()
    assert asked() == 256
    assert call("rescore", source, "-o", out, "--json").exit_code == 0
    assert [len(requests) for requests in made.lms[-1].scored] == [44]
    assert [row["id"] for row in rows(out)] == [f"talk/{i}" for i in range(300)]
    assert asked() == 256
    assert call("rescore", source, "-o", out, "--no-resume").exit_code == 0
    assert sum(len(requests) for requests in made.lms[-1].scored) == 300
    assert asked() == 256
    lists(source, *(nbest(f"talk/{i}", *CHANGE) for i in range(299)))
    assert call("rescore", source, "-o", out).exit_code == 0  # other lists: anew
    assert sum(len(requests) for requests in made.lms[-1].scored) == 299


def test_going_on_with_running_context_is_the_same_as_never_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [*(f"short/{i}" for i in range(40)), *(f"long/{i}" for i in range(260))]
    source = lists(tmp_path / "l.jsonl", *(nbest(name, f"{name} a", f"{name} b") for name in names))
    seen: list[str] = []

    def scored(prefix: str, text: str) -> float:
        seen.append(prefix)
        # What was said before decides, so that a lost context shows.
        return -float(len(prefix + text) * 7 % 5) - 9.0 * (prefix.endswith(" b ") == text.endswith(" b"))

    def stopping(prefix: str, text: str) -> float:
        if prefix == "long/229 b " or text == "long/230 a":
            raise KeyboardInterrupt
        return scored(prefix, text)

    flags = ["--previous", "1", "--form", "as-is", "--weight", "0.9"]
    monkeypatch.setattr(fakes, "score", scored)
    assert call("rescore", source, "-o", tmp_path / "whole", *flags).exit_code == 0
    monkeypatch.setattr(fakes, "score", stopping)
    assert call("rescore", source, "-o", tmp_path / "o", *flags).exit_code == 130
    monkeypatch.setattr(fakes, "score", scored)
    assert call("rescore", source, "-o", tmp_path / "o", *flags).exit_code == 0
    assert (tmp_path / "o").read_text() == (tmp_path / "whole").read_text()
    texts = [row["text"] for row in rows(tmp_path / "o")]
    assert {text[-1] for text in texts} == {"a", "b"}


def test_killed_and_started_again(tmp_path: Path) -> None:
    source = lists(tmp_path / "l.jsonl", *(nbest(f"u{i}", *CHANGE) for i in range(1500)))
    out = tmp_path / "o"
    command = ["rescore", source, "-o", out]
    process = start(*command, env={"GER_TEST_LM_DELAY": "0.001"})
    kill_when(process, lambda: len(kept(out)) >= 256)
    before = len(kept(out))
    assert before < 1500
    assert not out.exists()
    code, printed, said = run(*command, "--json")
    assert (code, json.loads(printed)["n"]) == (0, 1500), said
    assert [row["text"] for row in rows(out)] == [CHANGE[1]] * 1500
    assert sorted(os.listdir(tmp_path)) == ["l.jsonl", "o"]


# What cannot be written


def test_an_output_that_cannot_be_written_is_told_before_scoring(two: Path, unprivileged: Path, made: Made) -> None:
    (unprivileged / "folder").mkdir()
    (unprivileged / "locked").mkdir()
    (unprivileged / "locked").chmod(0o500)
    text = nbest("a", *CHANGE)
    for name, code, told in (
        ("folder", 2, r"is a folder\. Give the name of a file\."),
        ("locked/o", 1, r"cannot be written: .* change the permissions or choose another folder\."),
    ):
        result = call("rescore", "-", "-o", unprivileged / name, stdin=text)
        assert (result.exit_code, result.stdout) == (code, "")
        assert re.match(rf"Error: \S+ {told}\n", result.stderr)
    assert all(lm.scored == [] for lm in made.lms)


def test_a_full_disk_keeps_what_is_done(tmp_path: Path) -> None:
    source = lists(tmp_path / "l.jsonl", *(nbest(f"u{i}", *CHANGE) for i in range(600)))
    out = tmp_path / "o"
    whole = tmp_path / "whole"
    assert run("rescore", source, "-o", whole)[0] == 0
    limit = whole.stat().st_size // 2 + 4096  # bytes a file may have, as if the disk were full
    code, _, said = run(
        "rescore", source, "-o", out, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    )
    assert code == 1
    assert "Traceback" not in said
    assert f"{part(out).name} cannot be written: File too large." in said
    assert 256 <= len(kept(out)) < 512
    assert not out.exists()
    assert run("rescore", source, "-o", out)[0] == 0
    assert out.read_text() == whole.read_text()


# The real model


@pytest.mark.slow
def test_a_real_model(tmp_path: Path, smollm2_dir: Path) -> None:
    source = lists(
        tmp_path / "l.jsonl",
        nbest("plain", "he rode a letter to his mother", "he wrote a letter to his mother", reference="x"),
        nbest("same", "the sun rises in the east", "the son rises in the east"),
        nbest("one", "alone"),
        nbest("none"),
        nbest("long", "the tide went out " * 300, "the tide went out " * 299 + "the tied went out"),
        nbest("many", "good morning", *(f"good morning number {i}" for i in range(99))),
        nbest("mixed", "船が来た", "Корабль пришёл", "ships 🚢"),
    )
    arguments = ["--lm", str(smollm2_dir), "--weight", "0.9", "--device", "cpu", "--threads", "2"]
    code, out, said = run("rescore", source, "-o", tmp_path / "o", "--json", *arguments, real=True)
    assert code == 0, said
    assert json.loads(out)["n"] == 7
    texts = {row["id"]: row["text"] for row in rows(tmp_path / "o")}
    assert texts["plain"] == "he wrote a letter to his mother"
    assert texts["same"] == "the sun rises in the east"
    assert texts["many"] == "good morning"
    assert (texts["one"], texts["none"]) == ("alone", "")
    assert texts["long"].startswith("the tide went out the tide")
