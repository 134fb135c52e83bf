"""Rewrites: learning them from lists, making them, letting rewritten texts compete, and the file."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from test_cli import call
from test_hybrid import generator

from ger import api
from ger.correct.fit import fit
from ger.correct.fit_rewrites import fit_rewrites, learn
from ger.correct.hybrid import Hybrid
from ger.correct.rescore import Rescorer
from ger.correct.rewrites import Rewrite, Rewrites, keys, read_rewrites, write_rewrites
from ger.correct.rewriting import Rewriter, Rewriting
from ger.errors import InputError, ModelError, UsageError
from ger.io.jsonl import write_records
from ger.lm.features import acoustic, compute
from ger.lm.profile import Profile, read_profile, write_profile
from ger.protocols import GenerateRequest
from ger.settings import Settings
from ger.types import Hypothesis, NBest, Word


def nbest(name: str, *texts: str, reference: str | None = None) -> NBest:
    return NBest(name, tuple(Hypothesis(t, score=-float(i)) for i, t in enumerate(texts)), reference=reference)


def lesson(n: int = 30) -> list[NBest]:
    """The recognizer hears `fairs` for fares and `p m` as one word; `flight` is right as often as it is wrong."""
    towns = ("boston", "denver", "dallas", "oakland", "memphis", "houston")
    made = []
    for i in range(n):
        town = towns[i % len(towns)]
        said = "flights" if i % 2 else "flight"
        heard = f"show the fairs to {town} {i} flight at five pm"
        made.append(nbest(f"u{i}", heard, heard.replace("show", "so"), reference=heard_right(town, i, said)))
    return made


def heard_right(town: str, i: int, said: str) -> str:
    return f"show the fares to {town} {i} {said} at five p m"


def table(*rows: tuple[str, str] | tuple[str, str, int, int], normalizer: str = "none") -> Rewrites:
    made = [Rewrite(keys(heard, "none"), keys(said, "none"), *counts) for heard, said, *counts in rows]
    return Rewrites(made, normalizer)


def test_what_is_wrong_again_and_again_is_learned() -> None:
    learned = {one.heard: one for one in learn(lesson())}
    assert learned["fairs",] == Rewrite(("fairs",), ("fares",), 60, 60)  # in both hypotheses of each list
    assert learned["pm",] == Rewrite(("pm",), ("p", "m"), 60, 60)
    assert learned["flight",] == Rewrite(("flight",), ("flights",), 30, 60)
    assert learned["the", "fairs"].said == ("the", "fares")  # with a word beside
    assert learned["so",].said == ("show",)
    assert ("show",) not in learned
    assert ("boston",) not in learned


def test_once_is_not_again_and_again() -> None:
    assert learn([nbest("a", "a fair", reference="a fare"), nbest("b", "good", reference="good")]) == []


def test_what_is_nearly_always_right_is_left_alone() -> None:
    right = [nbest(f"r{i}", "a fair price", reference="a fair price") for i in range(40)]
    wrong = [nbest(f"w{i}", "the fair", reference="the fare") for i in range(2)]
    learned = {one.heard: one for one in learn(right + wrong)}
    assert ("fair",) not in learned
    assert learned["the", "fair"].probability == pytest.approx(2 / 3)


def test_words_that_were_not_said_and_words_that_were_left_out() -> None:
    lists = [nbest(f"u{i}", f"uh number {i} or los", reference=f"number {i} or los angeles") for i in range(3)]
    learned = {one.heard: one.said for one in learn(lists)}
    assert learned["uh",] == ()
    assert learned["los",] == ("los", "angeles")  # beside the word that was there
    assert table(("uh", ""), ("los", "los angeles")).rewritten("uh go to los", 0.5)[0] == "go to los angeles"


def test_of_two_that_overlap_the_likelier_and_of_equal_ones_the_longer() -> None:
    rows = table(("a b", "x", 6, 9), ("b", "y", 8, 9), ("c d", "z", 9, 9), ("d", "w", 9, 9))
    assert rows.rewritten("a b c d", 0.1)[0] == "a y z"
    assert rows.rewritten("a b c d", 0.85)[0] == "a b z"
    assert [" ".join(one.heard) for one in rows.rewritten("a b c d", 0.1)[1]] == ["b", "c d"]
    assert rows.rewritten("e  f", 0.1)[0] == "e  f"  # as it was
    assert rows.log_kept("a b") == pytest.approx(math.log1p(-0.8))
    assert rows.log_kept("e f") == 0


def test_case_and_marks_stay_where_they_do_not_count() -> None:
    rows = table(("fairs", "fares"), ("pm", "p m"), ("kubernetis", "Kubernetes"), normalizer="basic")
    assert rows.rewritten("the 'fairs' were, the ‘fairs’ were", 0.5)[0] == "the 'fares' were, the ‘fares’ were"
    assert rows.rewritten("“Fairs” at 5 pm, say: kubernetis!", 0.5)[0] == "“Fares” at 5 p m, say: Kubernetes!"
    assert table(("uhm", ""), normalizer="basic").rewritten("Uhm, we met", 0.5)[0] == "We met"
    assert rows.rewritten("THE FAIRS", 0.5)[0] == "THE FARES"
    assert rows.rewritten("the – fairs", 0.5)[0] == "the – fares"
    assert table(("fairs", "fares")).rewritten("Fairs, fairs", 0.5)[0] == "Fairs, fares"


def test_nothing_is_rewritten_across_the_end_of_a_sentence() -> None:
    rows = table(("patch fix is", "patch fixes"), normalizer="basic")
    assert rows.rewritten("The patch fix is a leak", 0.5)[0] == "The patch fixes a leak"
    for text in ("The patch fix. Is it done?", "The patch – fix is a leak"):
        assert rows.rewritten(text, 0.5) == (text, [])
    assert rows.rewritten("The patch fix, is a leak", 0.5)[0] == "The patch fixes a leak"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("We met, uhm.", "We met."),
        ("“Uhm, we met” he said", "“We met” he said"),
        ("Really? Uhm. Yes.", "Really? Yes."),
        ("Hello. Uhm, we met", "Hello. We met"),
        ("He said uhm no", "He said no"),
        ("Uhm –", ""),
        ("Uhm", ""),
    ],
)
def test_words_that_go_leave_the_marks_of_the_sentence(before: str, after: str) -> None:
    assert table(("uhm", ""), normalizer="basic").rewritten(before, 0.5)[0] == after


def test_the_spelling_of_the_table_wins() -> None:
    rows = table(("i phone", "iPhone"), ("ok", "okay"), ("u s", "U.S."), normalizer="basic")
    assert rows.rewritten("I phone is good", 0.5)[0] == "iPhone is good"
    assert rows.rewritten("An OK job from the U S.", 0.5)[0] == "An Okay job from the U.S."


def test_what_was_said_already_is_not_said_again() -> None:
    rows = table(("los", "los angeles"), ("the", "to the", 3, 9))
    assert rows.rewritten("to los angeles", 0.5) == ("to los angeles", [])
    text, _ = rows.rewritten("the los", 0.1)
    assert text == "to the los angeles"
    assert rows.rewritten(text, 0.1) == (text, [])
    assert rows.log_kept(text) == 0
    right = [nbest(f"r{i}", f"to los angeles {i}", reference=f"to los angeles {i}") for i in range(20)]
    wrong = [nbest(f"w{i}", f"to los {i}", reference=f"to los angeles {i}") for i in range(2)]
    assert Rewrite(("los",), ("los", "angeles"), 2, 2) in learn(right + wrong)


def test_every_occurrence_counts() -> None:
    lists = [nbest(f"u{i}", f"to go to {i}", reference=f"two go to {i}") for i in range(4)]
    learned = {one.heard: one for one in learn(lists)}
    assert learned["to",] == Rewrite(("to",), ("two",), 4, 8)
    assert learned["to", "go"].probability == 0.8


def test_mixed_scripts() -> None:
    assert table(("手机", "手机iPhone")).rewritten("买手机了", 0.5)[0] == "买手机iPhone了"
    assert table(("a b", "c d")).rewritten("我a b好", 0.5)[0] == "我c d好"


def test_learning_without_case_and_marks() -> None:
    lists = [nbest(f"u{i}", f"The fairs, {i}.", reference=f"the fares {i}") for i in range(3)]
    assert {one.heard for one in learn(lists, "basic")} >= {("fairs",)}
    assert fit_rewrites(lists, normalizer="basic", folds=3).validated == 0


def test_a_table_without_case_and_marks_is_the_same_in_its_file(tmp_path: Path) -> None:
    said = ("One-way air fares, 3.5 dollars, to Boston", "One-way air fares and/or 10:30 to Boston")
    lists = [
        nbest(f"u{i}", s.replace("fares", "fairs").replace("Boston", "bosten"), reference=s)
        for s in said
        for i in (1, 2)
    ]
    made = Rewrites(learn(lists, "basic"), "basic")
    assert Rewrite(("bosten",), ("Boston",), 4, 4) in list(made)
    write_rewrites(tmp_path / "rewrites.toml", made)
    assert list(read_rewrites(tmp_path / "rewrites.toml")) == list(made)


def test_scripts_without_spaces() -> None:
    lists = [nbest(f"u{i}", f"我在背京{i}", reference=f"我在北京{i}") for i in range(3)]
    made = Rewrites(learn(lists))
    assert made.rewritten("他去背京了", 0.5)[0] == "他去北京了"


def test_alone_the_first_hypothesis_is_rewritten() -> None:
    words = tuple(Word(w, start, start + 0.5) for start, w in enumerate(["the", "fairs"]))
    lists = [
        NBest("a", (Hypothesis("the fairs", words=words), Hypothesis("a fair"))),
        nbest("b", "the fairs", "the fares"),
        nbest("c", "good"),
        nbest("d"),
        nbest("e", "uh"),
    ]
    made = Rewriter(table(("fairs", "fares", 56, 57), ("uh", ""))).correct(lists)
    assert [(m.text, m.decision) for m in made] == [
        ("the fares", "rewritten"),
        ("the fares", "reranked"),
        ("good", "kept"),
        ("", "kept"),
        ("uh", "rejected"),
    ]
    assert made[0].reason == "'fairs' -> 'fares' (56 of 57 times)"
    assert made[0].scores["posterior"] == pytest.approx(56 / 58)
    assert made[1].reason.startswith("hypothesis 2: ")
    assert [(word.text, word.start) for word in made[0].words] == [("the", 0), ("fares", 1)]
    assert [(edit.before, edit.after) for edit in made[0].edits] == [("fairs", "fares")]


def test_rewritten_texts_compete() -> None:
    rewriting = Rewriting(table(("fairs", "fares", 9, 9), ("the", "a", 3, 9)))
    (widened,) = rewriting.widened([nbest("a", "the fairs")])
    assert [h.text for h in widened.hypotheses] == ["the fairs", "the fares", "a fares"]
    assert rewriting.score_lists([widened])[0] == pytest.approx(
        [math.log(0.1) + math.log(0.7), math.log(0.9) + math.log(0.7), math.log(0.9) + math.log(0.3)]
    )
    profile = Profile({"acoustic": 1.0, "added": -0.5, "rewrites": 1.0})
    (made,) = Rewriter(rewriting.rewrites).correct([nbest("a", "the fairs")])
    (judged,) = Rescorer({"rewrites": rewriting}, profile).correct([nbest("a", "the fairs")])
    assert (made.text, judged.text) == ("the fares", "the fares")
    assert judged.reason.startswith("a rewritten text is ahead by")
    assert judged.scores["rewrites"] == pytest.approx(math.log(0.9) + math.log(0.7))
    with pytest.raises(ModelError, match="does not generate"):
        rewriting.generate([GenerateRequest("x", max_tokens=3)])


def test_a_rewritten_text_has_the_score_of_what_it_was_made_of() -> None:
    rewriting = Rewriting(table(("fair", "fare")))
    (widened,) = rewriting.widened([nbest("a", "the x", "the fair", "the z")])
    assert acoustic(widened) == [0, -1, -2, -1]
    ranked = NBest("a", tuple(map(Hypothesis, ("the x", "the fair", "the z"))))
    (widened,) = rewriting.widened([ranked])
    assert compute([widened], ["rank"], {}).values[0][:, 0].tolist() == pytest.approx(
        [0, -math.log(2), -math.log(3), -math.log(2)]
    )


def test_a_generator_does_not_read_rewritten_texts() -> None:
    rewriting = Rewriting(table(("fairs", "fares")))
    clerk = generator("show the fairs")
    profile = Profile({"acoustic": 0.1, "generator": 0.1, "rewrites": 1.0})
    (made,) = Hybrid({"rewrites": rewriting}, profile, generator=clerk).correct([nbest("a", "so the fairs")])
    assert made.text == "show the fares"  # what was written is rewritten, too


def test_without_a_weight_they_weigh_one() -> None:
    rewriting = Rewriting(table(("fairs", "fares", 9, 9)))
    (made,) = Rescorer({"rewrites": rewriting}, Profile({"acoustic": 1.0})).correct([nbest("a", "the fairs")])
    assert (made.text, made.scores["rewrites"]) == ("the fares", pytest.approx(math.log(0.9)))
    (kept,) = Rescorer({"rewrites": rewriting}, Profile({"rewrites": 0.0, "added": -1.0})).correct(
        [nbest("a", "the fairs")]
    )
    assert kept.text == "the fairs"


def test_weights_with_rewritten_texts() -> None:
    lists = lesson()
    rewriting = Rewriting(Rewrites(learn(lesson(40)[30:])))  # of others
    fitted = fit(lists, Profile({}), {}, rewriting=rewriting, folds=3, normalizer="none")
    assert fitted.profile.weights["rewrites"] > 0
    assert fitted.baseline == pytest.approx(100 * (30 + 2 * 30 + 15) / (30 * 11))
    assert fitted.validated is not None
    assert fitted.validated < fitted.baseline / 2
    assert any(told.startswith("rewrites: ") for told in fitted.profile.made["language_models"])


def test_what_they_are_worth_is_cross_validated() -> None:
    fitted = fit_rewrites(lesson(), folds=5)
    assert fitted.n == 30
    assert fitted.words == 30 * 11
    assert fitted.changed == 30
    assert fitted.harmed == 0
    assert fitted.validated < fitted.baseline / 3
    assert "30 lists changed, 0 of them for the worse" in fitted.render()
    assert "fairs -> fares  60 of 60" in fitted.render()
    assert fitted.rewrites.made["cv_wer"] == fitted.validated


def test_where_nothing_is_wrong_again_and_again_nothing_is_rewritten() -> None:
    lists = [nbest(f"u{i}", f"word{i} a", reference=f"word{i} b" if i % 9 == 0 else f"word{i} a") for i in range(30)]
    fitted = fit_rewrites(lists)
    assert fitted.rewrites.threshold == 1
    assert fitted.validated == fitted.baseline
    assert fitted.changed == 0
    assert "alone none is made: errors become no fewer" in fitted.render()
    (made,) = Rewriter(fitted.rewrites).correct([nbest("x", "word1 a")])
    assert made.text == "word1 a"


def test_rewrites_that_harm_too_often_are_not_made_alone() -> None:
    """Most of the time right, and yet every third list becomes worse."""
    lists = [nbest(f"u{i}", f"a fair {i}", reference=f"a {'fair' if i % 3 == 0 else 'fare'} {i}") for i in range(60)]
    assert (safe := fit_rewrites(lists)).changed == 0
    assert safe.rewrites.threshold == 1
    bold = fit_rewrites(lists, harm=0.5)
    assert (bold.changed, bold.harmed) == (60, 20)
    assert bold.validated < bold.baseline
    assert bold.rewrites.threshold <= 0.6
    with pytest.raises(UsageError, match="limit of harm is 2"):
        fit_rewrites(lists, harm=2)


def test_a_file_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "rewrites.toml"
    made = Rewrites([Rewrite(('"a"', "\\b"), ("c\u007fd", "é")), Rewrite(("x",), (), 2, 5)], "none", 0.7, {"n": 3})
    write_rewrites(path, made)
    read = read_rewrites(path)
    assert list(read) == list(made)
    assert (read.threshold, read.normalizer, read.made) == (0.7, "none", {"n": 3})
    assert read.signature == made.signature


def test_a_file_written_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    rows = 'rewrites = [["Kubernetis", "Kubernetes"], ["uhm,", ""]]\n'
    path.write_text('kind = "rewrites"\nnormalizer = "basic"\n' + rows, "utf-8")
    assert read_rewrites(path).rewritten("Uhm, kubernetis.", 0.5)[0] == "Kubernetes."


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("x", "is not TOML"),
        ("schema = 1", 'lacks kind = "rewrites"'),
        ('kind = "gate"', 'lacks kind = "rewrites"'),
        ('kind = "rewrites"', "'rewrites' is missing"),
        ('kind = "rewrites"\nschema = 9\nrewrites = []', "schema 9 is not known"),
        ('kind = "rewrites"\nrewrite = []', "'rewrite' is not known"),
        ('kind = "rewrites"\nrewrites = 3', "wrong type"),
        ('kind = "rewrites"\nrewrites = [["a"]]', "no rewrite"),
        ('kind = "rewrites"\nrewrites = [["a", 2]]', "no rewrite"),
        ('kind = "rewrites"\nrewrites = [["a", "b", 3]]', "no rewrite"),
        ('kind = "rewrites"\nrewrites = [["a", "b", true, true]]', "no rewrite"),
        ('kind = "rewrites"\nrewrites = [3]', "no rewrite"),
        ('kind = "rewrites"\nrewrites = [["a", "b", 3, 2]]', "3 times of 2"),
        ('kind = "rewrites"\nrewrites = [["a", "b", 0, 2]]', "0 times of 2"),
        ('kind = "rewrites"\nrewrites = [["", "b"]]', "has 0 words"),
        ('kind = "rewrites"\nrewrites = [["a b c d e", "b"]]', "has 5 words"),
        ('kind = "rewrites"\nrewrites = [["a", "b"], ["a", "c"]]', "'a' is there twice"),
        ('kind = "rewrites"\nnormalizer = "x"\nrewrites = []', "normalizer 'x'"),
        ('kind = "rewrites"\nthreshold = 0\nrewrites = []', "threshold is 0"),
        ('kind = "rewrites"\nthreshold = true\nrewrites = []', "wrong type"),
        ('kind = "rewrites"\nrewrites = [["a", "b", 100000000000, 100000000000]]', "of 100000000000"),
        ('kind = "rewrites"\nthreshold = "a"\nrewrites = []', "wrong type"),
    ],
)
def test_files_that_hold_no_rewrites(content: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(content, "utf-8")
    with pytest.raises(InputError, match=r"bad\.toml") as caught:
        read_rewrites(path)
    assert told in str(caught.value)


def test_lists_without_references() -> None:
    with pytest.raises(InputError, match="'a' has no reference"):
        fit_rewrites([nbest("a", "x")])
    with pytest.raises(InputError, match="no words"):
        fit_rewrites([nbest("a", "x", reference=""), nbest("b", "x", reference="")], folds=2)


def test_which_modes_rewrite(tmp_path: Path) -> None:
    path = tmp_path / "rewrites.toml"
    write_rewrites(path, table(("fairs", "fares")))
    assert api.settings(rewrites=path).mode == "rewrite"
    assert api.settings(rewrites=path, weight=0.2).mode == "rescore"
    assert api.settings(rewrites=path, adapter="folder").mode == "hybrid"
    profile = Profile({"acoustic": 1.0, "rewrites": 2.0}, rewrites=str(path))
    assert api.settings(profile=profile).mode == "rescore"
    assert api.settings(profile=profile, rewrites="off").profile.weights == {"acoustic": 1.0}
    assert api.settings(profile=profile, rewrites="off", mode="combine").mode == "combine"
    assert api.settings(rewrites="off").mode == "rescore"
    assert api.settings(rewrites=path, domain="Flights.").mode == "rescore"
    with pytest.raises(UsageError, match="'combine' has no use for rewrites"):
        api.settings(rewrites=path, model=["whisper-base", "pocketsphinx"])
    with pytest.raises(UsageError, match="rewrites"):
        api.settings(rewrites=path, lms=["rewrites=domain.arpa"])
    with pytest.raises(UsageError, match="'generate' has no use for rewrites"):
        api.settings(rewrites=path, mode="generate")
    with pytest.raises(UsageError, match="'rewrites' has no effect"):
        api.settings(rewrites=path, answers="answers.jsonl")
    with pytest.raises(UsageError, match="needs rewrites"):
        Settings(mode="rewrite")
    with pytest.raises(UsageError, match="no feature and no language model called 'rewrites'"):
        api.settings(profile=Profile({"acoustic": 1.0, "rewrites": 2.0}))
    before = api.settings(rewrites=path).key
    write_rewrites(path, table(("fairs", "fares"), ("a", "b")))
    assert api.settings(rewrites=path).key != before


def test_a_profile_finds_its_rewrites_from_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "rewrites.toml"
    write_rewrites(path, table(("fairs", "fares")))
    write_profile(tmp_path / "profile.toml", Profile({"acoustic": 1.0, "rewrites": 1.0}, rewrites=str(path)))
    assert 'rewrites = "rewrites.toml"' in (tmp_path / "profile.toml").read_text("utf-8")
    assert Path(read_profile(tmp_path / "profile.toml").rewrites) == path


@pytest.mark.usefixtures("made")
def test_from_the_command_line(tmp_path: Path) -> None:
    write_records(tmp_path / "train.jsonl", lesson(40)[30:])
    write_records(tmp_path / "dev.jsonl", lesson())
    learned, profile = tmp_path / "rewrites.toml", tmp_path / "profile.toml"
    result = call("tune", "rewrites", tmp_path / "train.jsonl", "-o", learned, "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["rewrites"] == len(read_rewrites(learned))
    result = call("rescore", tmp_path / "dev.jsonl", "--rewrites", learned)
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert {row["decision"] for row in rows} == {"rewritten"}
    assert "fares" in rows[0]["text"]
    assert rows[0]["signature"].split(" | ")[2].startswith("rewrite:")
    tuned = call("tune", tmp_path / "dev.jsonl", "--no-lm", "--rewrites", learned, "--folds", "3", "-o", profile)
    assert tuned.exit_code == 0, tuned.stderr
    result = call("rescore", tmp_path / "dev.jsonl", "--profile", profile)
    assert all("fares" in json.loads(line)["text"] for line in result.stdout.splitlines())
    wrong = call("tune", "rewrites", tmp_path / "train.jsonl", "-o", tmp_path / "train.jsonl")
    assert wrong.exit_code == 2
    assert "is read, too" in wrong.stderr
    missing = call("rescore", tmp_path / "dev.jsonl", "--rewrites", tmp_path / "none.toml")
    assert missing.exit_code == 1
    assert "none.toml cannot be read" in missing.stderr


@pytest.mark.usefixtures("made")
def test_subtitles_keep_their_cues(tmp_path: Path) -> None:
    rewrites, subtitles = tmp_path / "rewrites.toml", tmp_path / "talk.srt"
    write_rewrites(rewrites, table(("fairs", "fares"), ("two day", "today"), normalizer="basic"))
    cues = "1\n00:00:01,000 --> 00:00:02,000\nThe fairs, two\n\n2\n00:00:02,500 --> 00:00:04,000\nday – to Boston.\n"
    subtitles.write_text(cues, "utf-8")
    result = call("correct", subtitles, "--rewrites", rewrites, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    text = (tmp_path / "out" / "talk.srt").read_text("utf-8")
    assert "The fares," in text
    assert text.count(" --> ") == 2
    assert "two\n" not in text
    assert "today" in text


@pytest.mark.usefixtures("made")
def test_as_a_filter(tmp_path: Path) -> None:
    rewrites = tmp_path / "rewrites.toml"
    write_rewrites(rewrites, table(("fairs", "fares")))
    lines = '{"id": "a", "text": "the fairs"}\n{"id": "b", "text": "good"}\n'
    result = call("correct", "-", "--format", "jsonl", "--rewrites", rewrites, stdin=lines)
    assert [json.loads(line)["text"] for line in result.stdout.splitlines()] == ["the fares", "good"]
