"""Metrics of translations, beside what sacrebleu says by its own public functions."""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ger.cli import app
from ger.errors import DependencyError, UsageError
from ger.evaluate import Item, read_items, report
from ger.evaluate.translation import METRICS
from ger.io.jsonl import write_records
from ger.types import Correction, Hypothesis, NBest

sacrebleu = pytest.importorskip("sacrebleu.metrics")

REFERENCES = [
    "The train to the coast leaves at half past seven.",
    "My sister bought a small house near the river.",
    "Nobody knew why the ship had changed its course.",
    "We do not have enough water for the whole village.",
]
TEXTS = [
    "The train for the coast leaves at half past seven.",
    "My sister has bought a house by the river.",
    "No one knew why the boat had changed course.",
    "We have enough water for the village, not all of it.",
]
LISTS = [
    ("A train to the coast goes at seven.", "The train to the coast leaves at half past seven!", TEXTS[0]),
    (TEXTS[1], "My sister bought a small home near the river."),
    ("Nobody knew why the ship had changed its course.", TEXTS[2]),
    (TEXTS[3], "We do not have water for the whole village.", "No water."),
]
ITEMS = [
    Item(str(i), reference, text, listed, group="ab"[i % 2])
    for i, (reference, text, listed) in enumerate(zip(REFERENCES, TEXTS, LISTS, strict=True))
]


def metrics() -> dict[str, Any]:
    return {
        "bleu": sacrebleu.BLEU(),
        "chrf": sacrebleu.CHRF(),
        "chrf++": sacrebleu.CHRF(word_order=2),
        "ter": sacrebleu.TER(),
    }


def test_scores_and_signatures_are_those_of_sacrebleu() -> None:
    value = report(ITEMS, metrics=list(METRICS)).to_json()
    first = [listed[0] for listed in LISTS]
    for name, metric in metrics().items():
        score = metric.corpus_score(TEXTS, [REFERENCES]).score
        assert value[name] == pytest.approx(score)
        assert value["signatures"][name] == str(metric.get_signature())
        assert value[f"baseline_{name}"] == pytest.approx(metric.corpus_score(first, [REFERENCES]).score)
        low, high = value[f"{name}_ci"]
        assert low < score < high
        low, high = value[f"{name}_difference_ci"]
        assert low <= score - value[f"baseline_{name}"] <= high
        assert 0 < value[f"{name}_p_value"] <= 1


def test_the_oracle_is_the_best_by_sentence_chrf() -> None:
    value = report(ITEMS, metrics=["chrf", "ter"]).to_json()
    best = [LISTS[0][1], LISTS[1][1], LISTS[2][0], LISTS[3][1]]  # told apart at a glance
    for name in ("chrf", "ter"):
        assert value[f"oracle_{name}"] == pytest.approx(metrics()[name].corpus_score(best, [REFERENCES]).score)
    # The first text was changed for the better, the third one for the worse.
    assert (value["changed"], value["helped"], value["harmed"], value["harmful_edit_rate"]) == (2, 1, 1, 0.5)


def test_beside_word_errors_these_have_the_counts() -> None:
    value = report(ITEMS, metrics=["wer", "chrf"]).to_json()
    assert value["helped"] == report(ITEMS).to_json()["helped"]
    assert value["wer"] == report(ITEMS).to_json()["wer"]


def test_groups_and_a_second_system() -> None:
    items = [Item(i.id, i.reference, i.hypothesis, group=i.group, against=i.reference) for i in ITEMS]
    made = report(items, metrics=["bleu", "chrf"])
    value = made.to_json()
    group = metrics()["chrf"].corpus_score([TEXTS[0], TEXTS[2]], [[REFERENCES[0], REFERENCES[2]]]).score
    assert value["by"]["a"]["chrf"] == pytest.approx(group)
    assert value["against"]["chrf"]["score"] == pytest.approx(100)
    assert value["against"]["chrf"]["p_value"] < 0.01
    assert not {"baseline_chrf", "oracle_chrf", "changed"} & set(value)
    assert "chrF" in made.render()
    assert str(metrics_signature("bleu")) in made.render()
    assert "p = 0.002 (paired bootstrap)" in made.render()


def metrics_signature(name: str) -> str:
    metric = metrics()[name]
    metric.corpus_score(TEXTS, [REFERENCES])
    return str(metric.get_signature())


def test_one_utterance_has_no_interval() -> None:
    made = report(ITEMS[:1], metrics=["chrf"])
    assert not {"chrf_ci", "chrf_p_value"} & set(made.to_json())
    assert "no interval" in made.render()
    json.dumps(made.to_json(), allow_nan=False)


def test_an_empty_list_and_an_empty_text_count_as_nothing() -> None:
    items = [Item("a", REFERENCES[0], "", ()), Item("b", REFERENCES[1], TEXTS[1], ("", TEXTS[1]))]
    value = report(items, metrics=list(METRICS)).to_json()
    assert value["baseline_chrf"] == 0
    assert value["oracle_chrf"] == value["chrf"] > 0
    assert value["baseline_ter"] == 100


CHINESE = [("a", "今天的天气很好。", "今天天气好。"), ("b", "我们明天去北京。", "我们明天去上海。")]


def test_languages_without_spaces() -> None:
    items = [Item(*row) for row in CHINESE]
    value = report(items, metrics=["bleu", "ter"], language="zh").to_json()
    texts, references = [row[2] for row in CHINESE], [row[1] for row in CHINESE]
    assert value["bleu"] == pytest.approx(sacrebleu.BLEU(tokenize="zh").corpus_score(texts, [references]).score)
    ter = sacrebleu.TER(normalized=True, asian_support=True).corpus_score(texts, [references]).score
    assert value["ter"] == pytest.approx(ter)
    assert "tok:zh" in value["signatures"]["bleu"]
    told = [Item(*row, target="zh") for row in CHINESE]
    assert report(told, metrics=["bleu"]).to_json()["signatures"] == {"bleu": value["signatures"]["bleu"]}
    mixed = [told[0], Item(*CHINESE[1], target="ja")]
    assert "tok:13a" in report(mixed, metrics=["bleu"]).to_json()["signatures"]["bleu"]
    named = report(told, metrics=["bleu"], language="Chinese", tokenize="char").to_json()
    assert "tok:char" in named["signatures"]["bleu"]


def test_tokenizers_that_cannot_be_had() -> None:
    with pytest.raises(UsageError, match=r"no tokenizer called '13b'. Did you mean '13a'\?"):
        report(ITEMS, metrics=["bleu"], tokenize="13b")
    if importlib.util.find_spec("MeCab"):
        pytest.skip("MeCab is installed")
    with pytest.raises(UsageError, match=r"pip install 'sacrebleu\[ja\]', or add --tokenize char"):
        report([Item(*row) for row in CHINESE], metrics=["bleu"], language="japanese")


def test_without_sacrebleu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    with pytest.raises(DependencyError, match=r"pip install 'ger-asr\[evaluate\]'"):
        report(ITEMS, metrics=["bleu"])


def test_the_command(tmp_path: Path) -> None:
    lists = [
        NBest(str(i), tuple(map(Hypothesis, listed)), language="es", task="translate", target="en", reference=reference)
        for i, (listed, reference) in enumerate(zip(LISTS, REFERENCES, strict=True))
    ]
    corrections = (Correction.of(n, text, "reranked") for n, text in zip(lists, TEXTS, strict=True))
    write_records(tmp_path / "out.jsonl", corrections)
    assert {item.target for item in read_items(tmp_path / "out.jsonl")} == {"en"}
    base = ["score", str(tmp_path / "out.jsonl"), "--metric", "bleu,chrf"]
    value = json.loads(CliRunner().invoke(app, [*base, "--json", "--by", "target"]).stdout)
    chrf = metrics()["chrf"].corpus_score(TEXTS, [REFERENCES]).score
    assert value["by"]["en"]["chrf"] == value["chrf"] == pytest.approx(chrf)
    assert CliRunner().invoke(app, [*base, "-b"]).stdout == f"{value['bleu']:.2f}\n{chrf:.2f}\n"
    shown = CliRunner().invoke(app, [*base, "--tokenize", "intl"]).stdout
    assert "tok:intl" in shown
    assert "2 changed, 1 helped, 1 harmed by sentence chrF, harmful 50.0 %" in shown
