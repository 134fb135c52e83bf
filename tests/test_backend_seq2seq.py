"""Translation models: tiny ones with random weights, so that only the arithmetic counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ger.errors import ModelError, UsageError
from ger.lm.select import parse
from ger.protocols import GenerateRequest, LmOptions, Message, ScoreRequest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from llm_backends.seq2seq import Seq2SeqLM  # noqa: E402

WORDS = ["the", "a", "sea", "ship", "bridge", "toll", "was", "is", "in", "on", "of", "das", "ein", "meer", "schiff"]
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
CODES = ["deu_Latn", "eng_Latn", "zho_Hans"]
_SIZES = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 2, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48}
_SIZES |= {"encoder_attention_heads": 4, "decoder_attention_heads": 4, "max_position_embeddings": 40}


def tokenizer(codes: list[str]) -> Any:
    """Words, with the mark for the end behind a text, and for a language before it."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    vocabulary = {token: number for number, token in enumerate([*SPECIAL, *WORDS, *codes])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    inner.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)])
    marks = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=inner, **marks)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of one pair of languages."""
    path = tmp_path_factory.mktemp("pair")
    torch.manual_seed(3)
    config = transformers.MarianConfig(
        vocab_size=len(SPECIAL) + len(WORDS), pad_token_id=1, eos_token_id=2, decoder_start_token_id=1, **_SIZES
    )
    model = transformers.MarianMTModel(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3.0)  # less alike, so that searches differ
    model.generation_config.forced_eos_token_id = 2
    model.generation_config.suppress_tokens = [0, 1, 3]  # which no text shows
    model.save_pretrained(path)
    tokenizer([]).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of several languages, told by tokens as in NLLB."""
    path = tmp_path_factory.mktemp("many")
    torch.manual_seed(4)
    vocabulary = {token: i for i, token in enumerate([*SPECIAL, *(f"▁{word}" for word in WORDS)])}
    made = transformers.NllbTokenizer(vocab=vocabulary, merges=[])
    made.add_special_tokens({"additional_special_tokens": CODES})
    config = transformers.M2M100Config(
        vocab_size=len(made), pad_token_id=1, eos_token_id=2, decoder_start_token_id=2, **_SIZES
    )
    transformers.M2M100ForConditionalGeneration(config).save_pretrained(path)
    made.save_pretrained(path)
    return path


def lm(path: Path, **options: Any) -> Seq2SeqLM:
    return Seq2SeqLM(LmOptions(model=str(path), compute_type="float32", device="cpu", **options))


def ask(text: str, beams: int = 1, **rest: Any) -> GenerateRequest:
    return GenerateRequest(text, max_tokens=12, beams=beams, **rest)


TEXTS = ["the ship was in the sea", "a toll", "the bridge is on the sea of the ship"]


def test_scores_are_those_of_teacher_forcing(folder: Path) -> None:
    made = lm(folder)
    model = transformers.MarianMTModel.from_pretrained(folder).eval()
    words = tokenizer([])
    for text, answers in zip(TEXTS, made.generate([ask(text, 4) for text in TEXTS]), strict=True):
        assert len(answers) == 4
        for answer in answers:
            tokens = words(answer.text, add_special_tokens=False).input_ids + ([2] if answer.finished else [])
            assert len(tokens) == answer.tokens
            with torch.inference_mode():
                loss = model(input_ids=torch.tensor([words(text).input_ids]), labels=torch.tensor([tokens])).loss
            assert answer.score == pytest.approx(-float(loss) * len(tokens), abs=1e-3)
            assert answer.least is not None
            assert answer.least <= answer.score / len(tokens) + 1e-6


def test_a_batch_changes_nothing(folder: Path) -> None:
    together = lm(folder).generate([ask(text, beams) for text in TEXTS for beams in (1, 3)])
    alone = [lm(folder, batch_tokens=1).generate([ask(text, beams)])[0] for text in TEXTS for beams in (1, 3)]
    for one, other in zip(together, alone, strict=True):
        assert [answer.text for answer in one] == [answer.text for answer in other]
        assert [answer.score for answer in one] == pytest.approx([answer.score for answer in other], abs=1e-4)


def test_an_answer_that_is_cut_says_so(folder: Path) -> None:
    for answers in lm(folder).generate([GenerateRequest(TEXTS[0], max_tokens=1, beams=2)]):
        assert all(answer.finished == (answer.text == "") for answer in answers)


def test_languages_are_told(many: Path) -> None:
    made = lm(many)
    for target, code in (("de", "deu_Latn"), ("en", "eng_Latn"), ("zh", "zho_Hans")):
        rows = [made._row(0, ask("das schiff", language="de" if target != "de" else "en", target=target))]
        assert rows[0].forced == made._tokenizer.convert_tokens_to_ids(code)
    german = made._row(0, ask("das schiff", language="de", target="en"))
    assert made._tokenizer.convert_tokens_to_ids("deu_Latn") in german.ids
    (answers,) = made.generate([ask("das schiff", 2, language="de", target="en")])
    assert all(answer.score is not None and not answer.text.startswith("eng") for answer in answers)


def test_languages_that_a_model_does_not_know(many: Path) -> None:
    made = lm(many)
    with pytest.raises(UsageError, match=r"does not know French. Known: de, en, zh"):
        made.generate([ask("das schiff", language="de", target="fr")])
    with pytest.raises(UsageError, match=r"has to be told the language that is spoken. Add --language."):
        made.generate([ask("das schiff", target="en")])


def test_what_it_cannot_do(folder: Path) -> None:
    made = lm(folder)
    with pytest.raises(ModelError, match="scores none"):
        made.score([ScoreRequest(("a",))])
    with pytest.raises(ModelError, match="is given a text and nothing else"):
        made.generate([GenerateRequest((Message("user", "a"),))])
    with pytest.raises(ModelError, match="it reads 40 tokens, not 61"):
        made.generate([ask("sea " * 60)])
    with pytest.raises(UsageError, match="No translation model is named"):
        Seq2SeqLM(LmOptions())


def test_it_is_known_by_its_configuration(folder: Path, tmp_path: Path) -> None:
    assert parse(str(folder)).backend == "seq2seq"
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"]}))
    assert parse(str(tmp_path)).backend == "transformers"
