"""The masked backend against one mask at a time, on tiny random BERT and RoBERTa models with tokenizers made here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ger.errors import MemoryLimitError, ModelError, UsageError
from ger.protocols import GenerateRequest, LanguageModel, LmOptions, ScoreRequest
from llm_backends.masked import MaskedLM

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

WORDS = ["the", "toll", "on", "bridge", "was", "raised", "race", "##d", "tall", "over", "##seas", "yes", "it", "is"]
WORDS += ["a", "long", "day"]
TEXTS = (
    "the toll on the bridge was raised",
    "the tall on the bridge was raced",
    "yes",
    "",
    "yes",
    "overseas it is a long long day on the bridge",
)
PREFIX = "it was a long day over "


def wordpieces() -> Any:
    """BERT's kind of tokenizer; id 0 is for padding."""
    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocab = {word: i for i, word in enumerate([*marks, *WORDS])}
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocab, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), marks, strict=True))
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, **names)


def bytepairs() -> Any:
    """RoBERTa's kind of tokenizer; id 1 is for padding, and positions are counted from after it."""
    marks = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = tokenizers.trainers.BpeTrainer(
        special_tokens=marks, vocab_size=330, initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet()
    )
    made.train_from_iterator([PREFIX + text for text in TEXTS * 2], trainer)  # so that " yes" is one token
    made.post_processor = tokenizers.processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=False)
    names = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, cls_token="<s>", sep_token="</s>", mask_token="<mask>", **names
    )


def make(folder: Path, kind: str, **changes: Any) -> Path:
    tokenizer = wordpieces() if kind == "bert" else bytepairs()
    tokenizer.save_pretrained(folder)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = transformers.AutoConfig.for_model(
        kind, vocab_size=len(tokenizer), max_position_embeddings=40, pad_token_id=tokenizer.pad_token_id, **sizes
    )
    config.update(changes)
    torch.manual_seed(5)
    model = transformers.AutoModelForMaskedLM.from_config(config).float()
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.5)  # so that neighbours matter
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=["bert", "roberta"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("bert"), "bert")


def load(folder: Path, **options: Any) -> MaskedLM:
    return MaskedLM(LmOptions(**{"model": str(folder), "device": "cpu", "compute_type": "float32"} | options))


class Reference:
    """What the backend should say, one mask at a time and without padding."""

    def __init__(self, folder: Path, *, masked: bool = True) -> None:
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.model = transformers.AutoModelForMaskedLM.from_pretrained(folder).eval()
        self.masked = masked

    def logp(self, ids: list[int], place: int) -> float:
        given = list(ids)
        if self.masked:
            given[place] = self.tokenizer.mask_token_id
        with torch.no_grad():
            logits = self.model(input_ids=torch.tensor([given])).logits[0, place].double()
        return float(torch.log_softmax(logits, dim=-1)[ids[place]])

    def score(self, text: str, prefix: str = "") -> float:
        """For a border that lies between tokens."""
        given = len(self.tokenizer(prefix.rstrip(), add_special_tokens=False).input_ids)
        ids = self.tokenizer(prefix + text).input_ids
        return sum(self.logp(ids, place) for place in range(1 + given, len(ids) - 1))


class Memory:
    """A record of the shapes that a model was given, and room for so many tokens."""

    def __init__(self, lm: MaskedLM, room: float = float("inf")) -> None:
        self.room = room
        self.shapes: list[tuple[int, int]] = []
        self.refused = 0
        lm._model.base_model.register_forward_pre_hook(self._admit, with_kwargs=True)

    def _admit(self, _module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        rows, width = (args[0] if args else kwargs["input_ids"]).shape
        if rows * width > self.room:
            self.refused += 1
            raise torch.OutOfMemoryError("CUDA out of memory.")
        self.shapes.append((rows, width))


@pytest.mark.parametrize("prefix", ["", PREFIX])
def test_equal_to_one_mask_at_a_time(folder: Path, prefix: str) -> None:
    lm, plain = load(folder), Reference(folder)
    requests = [ScoreRequest(TEXTS[:4], prefix), ScoreRequest((), prefix), ScoreRequest(TEXTS[4:], prefix)]
    scores = lm.score(requests)
    assert [len(row) for row in scores] == [4, 0, 2]
    for request, row in zip(requests, scores, strict=True):
        expected = [plain.score(text, prefix) if text else 0.0 for text in request.continuations]
        assert row == pytest.approx(expected, abs=1e-3)
    assert scores[0][2] == scores[2][0]
    assert isinstance(lm, LanguageModel)


def test_the_empty_text_has_nothing_to_score(folder: Path) -> None:
    assert load(folder).score([ScoreRequest(("",)), ScoreRequest(("",), "it was a day")]) == [[0.0], [0.0]]
    assert load(folder).score([]) == []


def test_a_token_across_the_border_counts(bert: Path) -> None:
    """`race` + `d`: the prefix ends with a whole token, the text `d` is one that continues it."""
    ids = Reference(bert).tokenizer("the raced").input_ids
    expected = Reference(bert).logp(ids, 3)
    assert load(bert).score([ScoreRequest(("d",), "the race")])[0] == pytest.approx([expected], abs=1e-3)
    whole = Reference(bert).tokenizer("the toll").input_ids  # `to` + `ll` is one token, and counts whole
    expected = Reference(bert).logp(whole, 2)
    assert load(bert).score([ScoreRequest(("ll",), "the to")])[0] == pytest.approx([expected], abs=1e-3)


def test_neighbours_on_both_sides_matter(bert: Path) -> None:
    (scores,) = load(bert).score([ScoreRequest(("yes it is", "it is yes"))])
    assert abs(scores[0] - scores[1]) > 0.01


def test_maskless(tmp_path: Path) -> None:
    """One pass of the text as it is; the folder says so."""
    folder = make(tmp_path, "bert", ger_maskless=True)
    lm, plain = load(folder), Reference(folder, masked=False)
    memory = Memory(lm)
    (scores,) = lm.score([ScoreRequest(TEXTS, PREFIX)])
    for text, score in zip(TEXTS, scores, strict=True):
        assert score == pytest.approx(plain.score(text, PREFIX) if text else 0, abs=1e-3)
    assert [rows for rows, _ in memory.shapes] == [len(set(TEXTS)) - 1]
    assert lm.signature.endswith(",float32,maskless")
    assert json.loads((folder / "config.json").read_text())["ger_maskless"] is True


@pytest.mark.parametrize("budget", [1, 30, 10_000])
def test_token_budget(folder: Path, budget: int) -> None:
    lm = load(folder, batch_tokens=budget)
    memory = Memory(lm)
    (scores,) = lm.score([ScoreRequest(TEXTS)])
    assert scores == pytest.approx(load(folder).score([ScoreRequest(TEXTS)])[0], abs=1e-3)
    assert all(rows * width <= budget or rows == 1 for rows, width in memory.shapes)
    assert len(memory.shapes) == 1 or budget < 10_000


def test_lack_of_memory_makes_batches_smaller_for_good(bert: Path) -> None:
    lm = load(bert)
    expected = load(bert).score([ScoreRequest(TEXTS)])[0]
    memory = Memory(lm, 40)
    assert lm.score([ScoreRequest(TEXTS)])[0] == pytest.approx(expected, abs=1e-3)
    assert memory.refused
    memory.refused = 0
    lm.score([ScoreRequest(TEXTS)])
    assert memory.refused == 0
    memory.room = 2
    with pytest.raises(MemoryLimitError, match="not enough memory"):
        lm.score([ScoreRequest(TEXTS)])


def test_too_long(folder: Path) -> None:
    lm = load(folder)
    fits = 40 - 2 - (2 if "roberta" in lm.signature else 0)
    lm.score([ScoreRequest(("on " * (fits // 2),))])
    with pytest.raises(ModelError, match=r"it reads (38|40) tokens, not \d+: 'on on"):
        lm.score([ScoreRequest(("yes", "on " * 60))])


def test_half_surrogates(bert: Path) -> None:
    ((broken, replaced),) = load(bert).score([ScoreRequest(("a \ud83d day", "a \ufffd day"))])
    assert broken == pytest.approx(replaced, abs=1e-3)


def test_it_writes_nothing(bert: Path) -> None:
    with pytest.raises(ModelError, match="writes none"):
        load(bert).generate([GenerateRequest("the")])


def test_wrong_options(bert: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No masked language model is named"):
        MaskedLM(LmOptions())
    with pytest.raises(UsageError, match="'tpu' is not known"):
        load(bert, device="tpu")
    transformers.LlamaConfig().save_pretrained(make(tmp_path, "bert"))
    with pytest.raises(ModelError, match=r"cannot be loaded: Unrecognized configuration class .*Llama") as caught:
        load(tmp_path)
    assert len(str(caught.value)) < 400


def test_a_tokenizer_without_a_mask(tmp_path: Path) -> None:
    folder = make(tmp_path, "bert")
    tokenizer = wordpieces()
    tokenizer.mask_token = None
    tokenizer.save_pretrained(folder)
    with pytest.raises(ModelError, match="no mask token"):
        load(folder)


def test_precision_and_threads(bert: Path) -> None:
    lm = load(bert, compute_type="bfloat16", threads=torch.get_num_threads())
    assert lm.signature.endswith(",bfloat16")
    expected = load(bert).score([ScoreRequest(TEXTS[:1])])[0]
    assert lm.score([ScoreRequest(TEXTS[:1])])[0] == pytest.approx(expected, rel=0.1)
