"""Searches over unpadded sequences against transformers' own `generate` and against brute force, on tiny models."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from ger.errors import MemoryLimitError, ModelError
from ger.lm.constrain import Slots, joined, spaced
from llm_backends import plain
from llm_backends.decoding import Decoder, Job, Written
from llm_backends.rows import Memory, Part, RowModel

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

END, SIZE = 1, 24
ENDS = frozenset([END])
_SHAPE: dict[str, Any] = {
    "vocab_size": SIZE,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 256,
    "bos_token_id": None,
    "eos_token_id": END,
    "pad_token_id": END,
}
CONFIGS = {
    "llama": lambda: transformers.LlamaConfig(**_SHAPE),
    "gpt2": lambda: transformers.GPT2Config(
        vocab_size=SIZE, n_embd=16, n_layer=2, n_head=4, bos_token_id=END, eos_token_id=END
    ),
    "mistral": lambda: transformers.MistralConfig(**_SHAPE, sliding_window=5),
    "gemma2": lambda: transformers.Gemma2Config(**_SHAPE, sliding_window=5, query_pre_attn_scalar=8),
    "gemma3_text": lambda: transformers.Gemma3TextConfig(
        **_SHAPE, sliding_window=5, layer_types=["sliding_attention", "full_attention"]
    ),
    "qwen2": lambda: transformers.Qwen2Config(**_SHAPE),
    "qwen3": lambda: transformers.Qwen3Config(**_SHAPE),
    "olmo2": lambda: transformers.Olmo2Config(**{k: v for k, v in _SHAPE.items() if k != "head_dim"}),
}


def model_of(name: str, seed: int = 0) -> Any:
    """Random weights, strong enough that answers differ."""
    torch.manual_seed(seed)
    model = transformers.AutoModelForCausalLM.from_config(CONFIGS[name]()).eval().float()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model


@pytest.fixture(scope="module")
def llama() -> Any:
    return model_of("llama")


def prompts(count: int, seed: int = 0, longest: int = 14) -> list[list[int]]:
    draw = random.Random(seed)
    return [[draw.randrange(2, SIZE) for _ in range(draw.randint(1, longest))] for _ in range(count)]


def greedy(model: Any, prompt: list[int], limit: int) -> list[int]:
    """What transformers writes, one prompt at a time."""
    config = transformers.GenerationConfig(max_new_tokens=limit, eos_token_id=END, pad_token_id=END)
    with torch.inference_mode():
        ids = torch.tensor([prompt])
        row = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=config)[0]
    return [int(token) for token in row[len(prompt) :]]


def log_probability(model: Any, prompt: list[int], tokens: list[int]) -> list[float]:
    with torch.inference_mode():
        logp = torch.log_softmax(model(torch.tensor([[*prompt, *tokens]])).logits[0].double(), -1)
    return [float(logp[len(prompt) - 1 + n, token]) for n, token in enumerate(tokens)]


def drafts_of(answer: list[int], draw: random.Random) -> list[list[int]]:
    """Texts like the answer, from very much to not at all."""
    made = []
    for _ in range(draw.randint(0, 4)):
        text = [token for token in answer if draw.random() > 0.15]
        text = [draw.randrange(1, SIZE) if draw.random() < 0.2 else token for token in text]
        made.append([*text, *[draw.randrange(2, SIZE) for _ in range(draw.randint(0, 3))], END])
    return made


@pytest.mark.parametrize("name", CONFIGS)
def test_drafted_answers_are_those_of_greedy_search(name: str) -> None:
    model, draw = model_of(name), random.Random(1)
    rows = RowModel(model)
    assert rows.refusal() == ""
    given = prompts(12)
    expected = [greedy(model, prompt, 20) for prompt in given]
    assert len({tuple(answer) for answer in expected}) > 3
    for budget in (1, 30, 1000):
        jobs = [Job(p, 20, ENDS, drafts=drafts_of(a, draw)) for p, a in zip(given, expected, strict=True)]
        made = Decoder(rows, name, budget).run(jobs)
        assert [answer.tokens for (answer,) in made] == expected
        for prompt, (answer,) in zip(given, made, strict=True):
            assert answer.finished == (answer.tokens[-1] == END)
            assert answer.logp == pytest.approx(log_probability(model, prompt, answer.tokens), abs=1e-4)


def test_many_random_drafts(llama: Any) -> None:
    rows, draw = RowModel(llama), random.Random(2)
    given = prompts(40, seed=3)
    expected = [greedy(llama, prompt, 25) for prompt in given]
    for _ in range(8):
        jobs = [Job(p, 25, ENDS, drafts=drafts_of(a, draw)) for p, a in zip(given, expected, strict=True)]
        made = Decoder(rows, "llama", draw.choice([10, 60, 300])).run(jobs)
        assert [answer.tokens for (answer,) in made] == expected


def test_a_right_draft_needs_one_step(llama: Any) -> None:
    prompt = [3, 7, 5, 11]
    expected = greedy(llama, prompt, 18)
    ((right,),) = Decoder(RowModel(llama), "llama", 100).run([Job(prompt, 18, ENDS, drafts=[[*expected, END]])])
    ((none,),) = Decoder(RowModel(llama), "llama", 100).run([Job(prompt, 18, ENDS)])
    assert right.tokens == none.tokens == expected
    assert right.steps == 1 < none.steps


class Counted:
    """Tokens of every call of a model, and a memory that holds so many."""

    def __init__(self, model: Any, room: float = float("inf")) -> None:
        self.room, self.calls, self.refused = room, list[int](), list[int]()
        self.hook = model.base_model.register_forward_pre_hook(self._admit, with_kwargs=True)

    def _admit(self, _module: Any, _args: Any, kwargs: dict[str, Any]) -> None:
        tokens = kwargs["input_ids"].numel()
        if tokens > self.room:
            self.refused.append(tokens)
            raise torch.OutOfMemoryError("CUDA out of memory.")
        self.calls.append(tokens)


def test_what_all_prompts_begin_with_is_computed_once(llama: Any) -> None:
    begun = [random.Random(4).randrange(2, SIZE) for _ in range(30)]
    given = [[*begun, *prompt] for prompt in prompts(6, seed=5)]
    expected = [greedy(llama, prompt, 6) for prompt in given]
    counted = Counted(llama)
    try:
        made = Decoder(RowModel(llama), "llama", 20).run([Job(prompt, 6, ENDS) for prompt in given])
        assert sum(counted.calls) < 30 + sum(map(len, given)) - 6 * 30 + 6 * 6
        equal = Decoder(RowModel(llama), "llama", 20).run([Job(given[0], 6, ENDS)] * 3)
    finally:
        counted.hook.remove()
    assert [answer.tokens for (answer,) in made] == expected
    assert [answer.tokens for (answer,) in equal] == [expected[0]] * 3


@pytest.mark.parametrize("shared", [0, 30])
def test_lack_of_memory(llama: Any, shared: int) -> None:
    given = [[*range(2, 2 + shared % 7), *([5] * shared), *prompt] for prompt in prompts(8, seed=6, longest=8)]
    expected = [greedy(llama, prompt, 8) for prompt in given]
    decoder, counted = Decoder(RowModel(llama), "llama", 500), Counted(llama, 12)
    try:
        jobs = [Job(p, 8, ENDS, drafts=[[5, 6, END]]) for p in given]
        made = decoder.run(jobs)
        assert counted.refused
        assert decoder.budget <= 12
        counted.room = 0
        with pytest.raises(MemoryLimitError, match=r"llama, \d+ tokens: not enough memory"):
            decoder.run(jobs)
    finally:
        counted.hook.remove()
    assert [answer.tokens for (answer,) in made] == expected


def test_searches_under_way_are_split_when_memory_ends(llama: Any) -> None:
    given = prompts(6, seed=7, longest=3)
    expected = [greedy(llama, prompt, 10) for prompt in given]
    decoder, counted = Decoder(RowModel(llama), "llama", 500), Counted(llama, 18)

    def shrink(*_: Any) -> None:
        counted.room = 18 if len(counted.calls) < 2 else 3

    hook = llama.base_model.register_forward_hook(shrink)
    try:
        made = decoder.run([Job(prompt, 10, ENDS) for prompt in given])
    finally:
        counted.hook.remove()
        hook.remove()
    assert counted.refused
    assert [answer.tokens for (answer,) in made] == expected


def beam_search(model: Any, prompt: list[int], limit: int, beams: int) -> list[tuple[list[int], float]]:
    """What transformers finds."""
    config = transformers.GenerationConfig(
        max_new_tokens=limit,
        num_beams=beams,
        num_return_sequences=beams,
        length_penalty=0.0,
        eos_token_id=END,
        pad_token_id=END,
        output_scores=True,
        return_dict_in_generate=True,
    )
    with torch.inference_mode():
        out = model.generate(
            torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)), generation_config=config
        )
    rows = [[int(token) for token in row[len(prompt) :]] for row in out.sequences]
    cut = [row[: row.index(END) + 1] if END in row else row for row in rows]
    return list(zip(cut, out.sequences_scores.tolist(), strict=True))


@pytest.mark.parametrize("name", ["llama", "mistral", "gemma2", "gpt2"])
@pytest.mark.parametrize("beams", [2, 5])
def test_beam_search_is_that_of_transformers(name: str, beams: int) -> None:
    model = model_of(name, seed=1)
    given = prompts(6, seed=8)
    made = Decoder(RowModel(model), name, 60).run([Job(prompt, 9, ENDS, beams=beams) for prompt in given])
    for prompt, answers in zip(given, made, strict=True):
        expected = beam_search(model, prompt, 9, beams)
        assert [answer.tokens for answer in answers] == [tokens for tokens, _ in expected]
        assert [sum(answer.logp) for answer in answers] == pytest.approx([score for _, score in expected], abs=1e-3)


def test_a_wide_beam_finds_the_best_of_all_answers() -> None:
    model = model_of("llama", seed=3)
    prompt = [4, 9, 2]
    every = [
        [*tokens, END] for size in range(3) for tokens in itertools.product(set(range(SIZE)) - {END}, repeat=size)
    ] + [list(tokens) for tokens in itertools.product(set(range(SIZE)) - {END}, repeat=3)]
    with torch.inference_mode():
        logits = model(torch.tensor([[*prompt, *tokens, *([0] * (3 - len(tokens)))] for tokens in every])).logits
    logp = torch.log_softmax(logits.double(), -1)[:, len(prompt) - 1 :]
    totals = [sum(float(row[n, token]) for n, token in enumerate(t)) for row, t in zip(logp, every, strict=True)]
    best = sorted(zip(totals, every, strict=True), reverse=True)[:3]
    ((*answers,),) = Decoder(RowModel(model), "llama", 1000).run([Job(prompt, 3, ENDS, beams=600)])
    assert [answer.tokens for answer in answers[:3]] == [tokens for _, tokens in best]
    assert [sum(answer.logp) for answer in answers[:3]] == pytest.approx([total for total, _ in best], abs=1e-4)
    assert [answer.finished for answer in answers[:3]] == [tokens[-1] == END for _, tokens in best]


def slots_of(draw: random.Random) -> tuple[Slots, set[str]]:
    """Random slots over letters that stand for tokens 2 to 20, a space for 21."""
    texts = [
        tuple({"".join(chr(97 + draw.randrange(19)) for _ in range(draw.randint(0, 3))) for _ in range(3)})
        for _ in range(draw.randint(1, 5))
    ]
    every = {text for slot in texts for text in slot}
    first = {text: encoded(text) for text in every}
    later = {text: encoded(spaced(text)) for text in every}
    return Slots(texts, first, later, END), {joined(way) for way in itertools.product(*texts)}


def encoded(text: str) -> list[int]:
    return [21 if letter == " " else ord(letter) - 95 for letter in text]


def score(model: Any, prompt: list[int], text: str) -> float:
    return sum(log_probability(model, prompt, [*encoded(text), END]))


@pytest.mark.parametrize("beams", [1, 3])
def test_answers_of_slots_lie_in_their_language(llama: Any, beams: int) -> None:
    draw, rows = random.Random(9), RowModel(llama)
    pairs = [slots_of(draw) for _ in range(25)]
    given = prompts(25, seed=10)
    jobs = [
        Job(p, s.longest, ENDS, beams, drafts=[[*encoded(draw.choice(sorted(language))), END]], slots=s)
        for p, (s, language) in zip(given, pairs, strict=True)
    ]
    for prompt, (slots, language), answers in zip(given, pairs, Decoder(rows, "llama", 90).run(jobs), strict=True):
        assert len(answers) == min(beams, len(language))
        for answer in answers:
            assert answer.finished
            text = slots.text(answer.tokens[:-1])
            assert text in language
            assert sum(answer.logp) == pytest.approx(score(llama, prompt, text), abs=1e-3)


def test_slots_without_a_draft_and_with_one_are_the_same(llama: Any) -> None:
    """At each place the likeliest token of those that are allowed."""
    draw = random.Random(11)
    for prompt in prompts(12, seed=12):
        slots, _ = slots_of(draw)
        state, expected = slots.start, list[int]()
        while END not in expected:
            with torch.inference_mode():
                logits = llama(torch.tensor([[*prompt, *expected]])).logits[0, -1]
            expected.append(max(slots.allowed(state), key=lambda token: float(logits[token])))
            state = slots.step(state, expected[-1])
        for drafts in ([], [[*expected]], [[5, 6, 7, END]]):
            ((answer,),) = Decoder(RowModel(llama), "llama", 90).run(
                [Job(prompt, slots.longest, ENDS, drafts=drafts, slots=slots)]
            )
            assert answer.tokens == expected
        assert [answer.tokens for answer in plain.write(llama, Job(prompt, slots.longest, ENDS, slots=slots))] == [
            expected
        ]


def test_a_wide_beam_finds_the_best_of_the_slots(llama: Any) -> None:
    draw = random.Random(13)
    slots, language = slots_of(draw)
    prompt = [8, 3]
    best = sorted(language, key=lambda text: -score(llama, prompt, text))
    ((*answers,),) = Decoder(RowModel(llama), "llama", 500).run(
        [Job(prompt, slots.longest, ENDS, beams=len(language), slots=slots)]
    )
    assert [slots.text(answer.tokens[:-1]) for answer in answers] == best


@pytest.mark.parametrize("beams", [1, 3])
def test_the_plain_way_says_the_same(llama: Any, beams: int) -> None:
    for prompt in prompts(4, seed=14):
        job = Job(prompt, 8, ENDS, beams)
        (expected,) = Decoder(RowModel(llama), "llama", 90).run([job])
        made = plain.write(llama, job)
        assert [(answer.tokens, answer.finished) for answer in made] == [(a.tokens, a.finished) for a in expected]
        for answer, other in zip(made, expected, strict=True):
            assert answer.logp == pytest.approx(other.logp, abs=1e-4)


# What is not exact, or breaks


def test_models_with_another_memory_are_refused() -> None:
    torch.manual_seed(0)
    mamba = transformers.MambaForCausalLM(
        transformers.MambaConfig(vocab_size=SIZE, hidden_size=16, state_size=4, num_hidden_layers=1)
    ).eval()
    assert "mamba are not known to be exact" in RowModel(mamba).refusal()
    bloom = transformers.BloomForCausalLM(
        transformers.BloomConfig(vocab_size=SIZE, hidden_size=16, n_layer=1, n_head=2)
    )
    assert "bloom are not known" in RowModel(bloom.eval()).refusal()


def test_models_whose_attention_or_head_is_not_the_usual_one_are_refused(llama: Any) -> None:
    granite = model_of("llama")
    granite.config.model_type = "other"
    head = granite.lm_head
    granite.lm_head = torch.nn.Sequential(head, torch.nn.Tanh())
    granite.get_output_embeddings = lambda: head
    assert "a check differed by" in RowModel(granite).refusal()
    dynamic = model_of("llama")
    dynamic.config.rope_parameters = {"rope_type": "dynamic", "rope_theta": 1.0}
    assert "positions depend on the length" in RowModel(dynamic).refusal()
    deaf = model_of("llama")
    layer = deaf.model.layers[0].self_attn
    usual = layer.forward
    layer.forward = lambda *args, feed=None, **kwargs: usual(*args, **kwargs)
    assert "a check failed: " in RowModel(deaf).refusal()


def test_the_models_own_attention_is_put_back(llama: Any) -> None:
    rows, usual = RowModel(llama), llama.config._attn_implementation
    rows.run([Part(Memory(4), [2, 3])])
    assert llama.config._attn_implementation == usual
    with pytest.raises(IndexError):
        rows.run([Part(Memory(4), [SIZE + 1])])
    assert llama.config._attn_implementation == usual


def test_other_failures(llama: Any) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("the kernel failed")

    hook = llama.base_model.register_forward_pre_hook(fail)
    try:
        with pytest.raises(ModelError, match="llama, 2 tokens: the language model failed: the kernel failed"):
            Decoder(RowModel(llama), "llama", 90).run([Job([3, 4], 5, ENDS)])
    finally:
        hook.remove()


def test_memory_grows_and_is_shared_until_it_is_written(llama: Any) -> None:
    rows, begun = RowModel(llama), Memory(2)
    rows.run([Part(begun, [3, 4, 5], 0)])
    begun.length = 3
    one, other = Memory(4, begun), Memory(1, begun)
    for memory, tokens in ((one, [6, 7]), (other, [8, 9, 10, 11])):
        ((((token,), (logp,)),),) = rows.run([Part(memory, tokens)])
        with torch.inference_mode():
            expected = torch.log_softmax(llama(torch.tensor([[3, 4, 5, *tokens]])).logits[0, -1], -1)
        assert (token, logp) == (int(expected.argmax()), pytest.approx(float(expected.max()), abs=1e-4))


def test_nothing_to_do(llama: Any) -> None:
    assert Decoder(RowModel(llama), "llama", 90).run([]) == []
    assert Written() == Written()
