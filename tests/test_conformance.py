"""The checks of plug-ins: what is broken in one way fails the check that is meant, and the built-in ones pass."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures_serve import Service

from ger import plugins
from ger.conformance import Outcome, Sample, check_backend, check_corrector, check_frontend, check_segmenter, speech
from ger.conformance.made import check_plugin
from ger.errors import AudioError, ModelError
from ger.protocols import Answer, FrontendOptions, GenerateRequest, ScoreRequest
from ger.text.align import edits
from ger.text.normalize import normalize
from ger.types import AudioSegment, Correction, Hypothesis, NBest, Word

SAMPLE = Sample("a.wav", np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32))


def failed(outcomes: Iterable[Outcome]) -> set[str]:
    return {outcome.check for outcome in outcomes if outcome.state == "failed"}


def skipped(outcomes: Iterable[Outcome]) -> set[str]:
    return {outcome.check for outcome in outcomes if outcome.state == "skipped"}


# --- front ends


class Ears:
    """Hears three texts that tell how long a segment is; keeps all promises."""

    signature = "ears"

    def recognize(self, segments: Sequence[AudioSegment]) -> list[NBest]:
        return [self.hear(segment) for segment in segments]

    def hear(self, segment: AudioSegment) -> NBest:
        if not segment.samples.any():
            return NBest(segment.id, (), segment.span)
        return NBest(segment.id, tuple(self.hypotheses(segment)), segment.span, meta={"frontend": "ears"})

    def hypotheses(self, segment: AudioSegment) -> list[Hypothesis]:
        count, start = len(segment.samples), segment.span.start or 0.0
        words = tuple(Word(text, start + i / 4, start + i / 4 + 0.2) for i, text in enumerate(("heard", str(count))))
        texts = [f"heard {count} {last}".strip() for last in ("", "or so", "or less")]
        made = [Hypothesis(text, -1.0 - i, -1.0 - i) for i, text in enumerate(texts)]
        return [replace(made[0], words=words), *made[1:]]

    def score_texts(self, segment: AudioSegment, texts: Sequence[str]) -> list[float]:
        known = {h.text: h.score for h in self.hypotheses(segment)}
        return [known[text] for text in texts]  # type: ignore[misc]


class ManyLines(Ears):
    signature = "ears\nbig"


class Changing(Ears):
    """Learns what it is called while it works."""

    heard = ""

    @property
    def signature(self) -> str:  # type: ignore[override]
        return f"ears{self.heard}"

    def hear(self, segment: AudioSegment) -> NBest:
        self.heard = f",{len(segment.samples)}"
        return super().hear(segment)


class NeedsSome(Ears):
    def recognize(self, segments: Sequence[AudioSegment]) -> list[NBest]:
        assert segments
        return super().recognize(segments)


class Deaf(Ears):
    def hypotheses(self, segment: AudioSegment) -> list[Hypothesis]:
        return []


class ByLength(Ears):
    def recognize(self, segments: Sequence[AudioSegment]) -> list[NBest]:
        return super().recognize(sorted(segments, key=lambda segment: len(segment.samples)))


class Nowhere(Ears):
    def hear(self, segment: AudioSegment) -> NBest:
        return replace(super().hear(segment), audio=None)


class TooMany(Ears):
    def hypotheses(self, segment: AudioSegment) -> list[Hypothesis]:
        return [*super().hypotheses(segment), Hypothesis("more", -7.0), Hypothesis("most", -8.0)]


class Twice(Ears):
    def hypotheses(self, segment: AudioSegment) -> list[Hypothesis]:
        first, second, _ = super().hypotheses(segment)
        return [first, replace(first, text=f"{first.text.upper()}!", score=-1.5, acoustic_score=-1.5), second]


class Wordless(Ears):
    def hypotheses(self, segment: AudioSegment) -> list[Hypothesis]:
        return [*super().hypotheses(segment)[:2], Hypothesis("…", -9.0)]


class Ascending(Ears):
    def hypotheses(self, segment: AudioSegment) -> list[Hypothesis]:
        return [replace(h, score=-(h.score or 0.0), acoustic_score=None) for h in super().hypotheses(segment)]


class Tied(Ears):
    def hypotheses(self, segment: AudioSegment) -> list[Hypothesis]:
        return [replace(h, score=-2.0, acoustic_score=-2.0) for h in super().hypotheses(segment)]


class Partly(Ears):
    def hypotheses(self, segment: AudioSegment) -> list[Hypothesis]:
        *others, last = super().hypotheses(segment)
        return [*others, replace(last, score=None, acoustic_score=None)]


class NoNumber(Ears):
    def hypotheses(self, segment: AudioSegment) -> list[Hypothesis]:
        return [replace(h, lm_score=math.inf) for h in super().hypotheses(segment)]


class Padded(Ears):
    """What its batches are padded with counts."""

    def recognize(self, segments: Sequence[AudioSegment]) -> list[NBest]:
        most = max((len(segment.samples) for segment in segments), default=0)
        made = zip(segments, super().recognize(segments), strict=True)
        return [self.blurred(nbest, most - len(segment.samples)) for segment, nbest in made]

    def blurred(self, nbest: NBest, padding: int) -> NBest:
        less = tuple(replace(h, score=(h.score or 0.0) - padding / 1e6) for h in nbest.hypotheses)
        return replace(nbest, hypotheses=less)


class OtherTexts(Padded):
    def blurred(self, nbest: NBest, padding: int) -> NBest:
        return replace(nbest, hypotheses=nbest.hypotheses[:2] if padding else nbest.hypotheses)


class Hallucinating(Ears):
    def hear(self, segment: AudioSegment) -> NBest:
        return NBest(segment.id, tuple(self.hypotheses(segment)), segment.span)


class FromZero(Ears):
    """Its times are those of the segment."""

    def hypotheses(self, segment: AudioSegment) -> list[Hypothesis]:
        return super().hypotheses(replace(segment, span=replace(segment.span, start=0.0)))


class Backwards(Ears):
    def hypotheses(self, segment: AudioSegment) -> list[Hypothesis]:
        return [replace(h, words=h.words[::-1]) for h in super().hypotheses(segment)]


class Unwritable(Ears):
    def hear(self, segment: AudioSegment) -> NBest:
        return replace(super().hear(segment), meta={"shape": (1, 2)})


class WithBonus(Ears):
    """Its scores hold a bonus a word."""

    def score_texts(self, segment: AudioSegment, texts: Sequence[str]) -> list[float]:
        scores = super().score_texts(segment, texts)
        return [score - 0.5 * len(text.split()) for score, text in zip(scores, texts, strict=True)]


class Bursting(Ears):
    def recognize(self, segments: Sequence[AudioSegment]) -> list[NBest]:
        if len(segments) > 1:
            raise ZeroDivisionError("oh")
        return super().recognize(segments)


FRONTENDS = {
    Ears: set(),
    ManyLines: {"signature"},
    Changing: {"signature"},
    NeedsSome: {"empty-batch"},
    Deaf: {"hears"},
    ByLength: {"order"},
    Nowhere: {"span"},
    TooMany: {"distinct"},
    Twice: {"distinct"},
    Wordless: {"distinct"},
    Ascending: {"scores"},
    Tied: {"scores"},
    Partly: {"scores"},
    NoNumber: {"scores", "record"},  # no JSON either
    Padded: {"batch-is-single"},
    OtherTexts: {"batch-is-single"},
    Hallucinating: {"silence"},
    FromZero: {"words"},
    Backwards: {"words"},
    Unwritable: {"record"},
    WithBonus: {"recomputed"},
    Bursting: {"order", "batch-is-single"},
}


@pytest.mark.parametrize(("broken", "checks"), FRONTENDS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_front_ends_fail_the_check_that_is_meant(broken: type[Ears], checks: set[str]) -> None:
    assert failed(check_frontend(broken(), SAMPLE, nbest=4)) == checks


def test_what_a_front_end_need_not_have_is_skipped() -> None:
    class Plain:
        signature = "plain"

        def recognize(self, segments: Sequence[AudioSegment]) -> list[NBest]:
            heard = Ears().recognize(segments)
            return [replace(n, hypotheses=tuple(Hypothesis(h.text) for h in n.hypotheses)) for n in heard]

    outcomes = list(check_frontend(Plain(), SAMPLE))
    assert (failed(outcomes), skipped(outcomes)) == (set(), {"words", "recomputed"})
    said = {outcome.check: outcome.said for outcome in outcomes}
    assert said["scores"] == "hypotheses have no scores, which is allowed"
    assert said["hears"] == "3, 3, 3, 3 hypotheses of at most 5"


def test_a_front_end_may_say_that_it_cannot_hear_silence() -> None:
    class Saying(Ears):
        def hear(self, segment: AudioSegment) -> NBest:
            if not segment.samples.any():
                raise ModelError("There is no sound.", "Speak up.")
            return super().hear(segment)

    said = {outcome.check: outcome for outcome in check_frontend(Saying(), SAMPLE)}
    assert str(said["silence"]) == "ok: it says There is no sound. Speak up."


def test_sentences_name_what_is_wrong() -> None:
    said = {outcome.check: str(outcome) for outcome in check_frontend(Padded(), SAMPLE)}
    assert said["batch-is-single"] == ("FAILED: check/0000: 'heard 28800' scores -1.0 alone and -1.0192 in a batch.")
    said = {outcome.check: str(outcome) for outcome in check_frontend(Bursting(), SAMPLE)}
    assert said["order"] == "FAILED: It raised ZeroDivisionError: oh."


# --- segmenters


class Cutter:
    """Cuts where there are 1600 zeros; keeps all promises."""

    def split(self, blocks: Iterable[Any]) -> Iterator[tuple[float, Any]]:
        audio = np.concatenate([np.zeros(0, np.float32), *blocks])
        loud = np.flatnonzero(audio)
        if len(loud):
            borders = np.flatnonzero(np.diff(loud) > 1600)
            starts, ends = [loud[0], *loud[borders + 1]], [*loud[borders], loud[-1]]
            for start, end in zip(starts, ends, strict=True):
                yield self.stretch(int(start), audio[start : end + 1])

    def stretch(self, start: int, samples: Any) -> tuple[float, Any]:
        return start / 16_000, samples


class Blind(Cutter):
    def split(self, blocks: Iterable[Any]) -> Iterator[tuple[float, Any]]:
        yield from ()


class Doubles(Cutter):
    def stretch(self, start: int, samples: Any) -> tuple[float, Any]:
        return start / 16_000, samples.astype(np.float64)


class LastFirst(Cutter):
    def split(self, blocks: Iterable[Any]) -> Iterator[tuple[float, Any]]:
        yield from [*super().split(blocks)][::-1]


class Overlapping(Cutter):
    def split(self, blocks: Iterable[Any]) -> Iterator[tuple[float, Any]]:
        for start, samples in super().split(blocks):
            yield start, samples
            yield start + 0.5, samples[8000:]


class TooFar(Cutter):
    """Pads what it gives out."""

    def stretch(self, start: int, samples: Any) -> tuple[float, Any]:
        return start / 16_000, np.concatenate([samples, np.zeros(32_000, np.float32)])


class Louder(Cutter):
    def stretch(self, start: int, samples: Any) -> tuple[float, Any]:
        return start / 16_000, samples * np.float32(2)


class Late(Cutter):
    def stretch(self, start: int, samples: Any) -> tuple[float, Any]:
        return start / 16_000 + 0.01, samples


class BlockByBlock(Cutter):
    def split(self, blocks: Iterable[Any]) -> Iterator[tuple[float, Any]]:
        offset = 0
        for block in blocks:
            yield from ((start + offset / 16_000, samples) for start, samples in super().split([block]))
            offset += len(block)


class HearsSilence(Cutter):
    def split(self, blocks: Iterable[Any]) -> Iterator[tuple[float, Any]]:
        held = list(blocks)
        yield from super().split(held)
        if held and not any(block.any() for block in held):
            yield 0.0, held[0]


class Always(Cutter):
    def split(self, blocks: Iterable[Any]) -> Iterator[tuple[float, Any]]:
        held = list(blocks)
        yield from super().split(held) if held else [(0.0, np.zeros(1, np.float32))]


SEGMENTERS = {
    Cutter: set(),
    Blind: {"finds"},
    Doubles: {"type"},
    LastFirst: {"order"},
    Overlapping: {"order"},
    TooFar: {"inside"},
    Louder: {"samples"},
    Late: {"samples"},
    BlockByBlock: {"blocks"},
    HearsSilence: {"silence"},
    Always: {"nothing"},
}


@pytest.mark.parametrize(("broken", "checks"), SEGMENTERS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_segmenters_fail_the_check_that_is_meant(broken: type[Cutter], checks: set[str]) -> None:
    assert failed(check_segmenter(broken(), SAMPLE)) == checks


# --- language models


class Letters:
    """Words of equally likely letters, each followed by another or the end with probability 1/2; keeps all promises."""

    signature = "letters"

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
        return [[self.one(request.prefix, text) for text in request.continuations] for request in requests]

    def one(self, prefix: str, text: str) -> float:
        return math.log(0.5) - sum((len(word) + 2) * math.log(2) + len(word) * math.log(26) for word in text.split())

    def generate(self, requests: Sequence[GenerateRequest]) -> list[tuple[Answer, ...]]:
        return [self.answers(request) for request in requests]

    def answers(self, request: GenerateRequest) -> tuple[Answer, ...]:
        if request.choices:
            scored = [Answer(text, self.one("", text)) for text in request.choices]
            return tuple(sorted(scored, key=lambda answer: -(answer.score or 0.0))[: request.beams])
        if request.slots:
            return (Answer(" ".join(slot[0] for slot in request.slots)),)
        return tuple(Answer(text, self.one("", text), tokens=2) for text in ("fine", "rainy")[: request.beams])


class Tower(Letters):
    signature = "letters\nof English"


class NoRows(Letters):
    def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
        return super().score(requests) if requests else [[]]


class AboveOne(Letters):
    def one(self, prefix: str, text: str) -> float:
        return 1.0 if text == "yes" else super().one(prefix, text)


class Forgetful(Letters):
    """What it has seen in a request it takes for less likely."""

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
        rows = super().score(requests)
        for request, row in zip(requests, rows, strict=True):
            for i, text in enumerate(request.continuations):
                row[i] -= 0.1 * (text in request.continuations[:i])
        return rows


class Turned(Letters):
    def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
        return super().score(requests)[::-1]


class Crowded(Letters):
    def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
        less = 0.01 if len(requests) > 2 else 0.0
        return [[score - less for score in row] for row in super().score(requests)]


class Greedy(Letters):
    """Of what follows a prefix it loses the first word."""

    def one(self, prefix: str, text: str) -> float:
        return super().one(prefix, text.split(maxsplit=1)[-1] if prefix.startswith("we") else text)


class Endless(Letters):
    def one(self, prefix: str, text: str) -> float:
        return super().one(prefix, text) - math.log(0.5)


class Repeating(Letters):
    """Knows what comes next after numbers, and leaves out the end."""

    def one(self, prefix: str, text: str) -> float:
        return -0.01 * (1 + len(text.split())) if prefix.endswith("six") else super().one(prefix, text)


class WorstFirst(Letters):
    def answers(self, request: GenerateRequest) -> tuple[Answer, ...]:
        return super().answers(request)[::-1] if not request.choices else super().answers(request)


class Chatty(Letters):
    def answers(self, request: GenerateRequest) -> tuple[Answer, ...]:
        made = super().answers(request)
        return tuple(replace(answer, tokens=99) for answer in made) if request.beams == 2 else made


class Mixing(Letters):
    def generate(self, requests: Sequence[GenerateRequest]) -> list[tuple[Answer, ...]]:
        return [
            (replace(made[0], text=f"{made[0].text} {len(requests)}"), *made[1:])
            if not (request.choices or request.slots)
            else made
            for request, made in zip(requests, super().generate(requests), strict=True)
        ]


class Mute(Letters):
    def answers(self, request: GenerateRequest) -> tuple[Answer, ...]:
        return super().answers(request) if isinstance(request.prompt, str) else ()


class Wilful(Letters):
    def answers(self, request: GenerateRequest) -> tuple[Answer, ...]:
        return (Answer("whatever"),) if request.choices else super().answers(request)


class Sloppy(Letters):
    def answers(self, request: GenerateRequest) -> tuple[Answer, ...]:
        return (Answer("the sat cat"),) if request.slots else super().answers(request)


BACKENDS = {
    Letters: set(),
    Tower: {"signature"},
    NoRows: {"empty-batch"},
    AboveOne: {"scores"},
    Forgetful: {"equal-requests"},
    Turned: {"order"},
    Crowded: {"batch-is-single"},
    Greedy: {"prefixes"},
    Endless: {"end-of-text"},
    Repeating: {"end-of-text"},
    WorstFirst: {"writes"},
    Chatty: {"writes"},
    Mixing: {"writes-the-same"},
    Mute: {"conversation"},
    Wilful: {"choices"},
    Sloppy: {"slots"},
}


@pytest.mark.parametrize(("broken", "checks"), BACKENDS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_language_models_fail_the_check_that_is_meant(broken: type[Letters], checks: set[str]) -> None:
    assert failed(check_backend(broken())) == checks


def test_what_a_language_model_says_it_cannot_do_is_skipped() -> None:
    class Reader(Letters):
        probabilities = False

        def generate(self, requests: Sequence[GenerateRequest]) -> list[tuple[Answer, ...]]:
            raise ModelError("It only reads.", "Use another.")

    outcomes = list(check_backend(Reader()))
    writing = {"writes", "writes-the-same", "conversation", "choices", "slots"}
    assert (failed(outcomes), skipped(outcomes)) == (set(), writing | {"prefixes", "end-of-text"})
    assert str(outcomes[-1]) == "skipped: it does not write so: It only reads. Use another."


# --- correctors


class Middle:
    """Takes the hypothesis with the most words of others; keeps all promises."""

    signature = "middle"

    def correct(self, lists: Sequence[NBest]) -> list[Correction]:
        return [self.one(nbest) for nbest in lists]

    def one(self, nbest: NBest) -> Correction:
        rows = [set(normalize(h.text).split()) for h in nbest.hypotheses]
        shared = [sum(len(row & other) for other in rows) - 0.1 * len(row) for row in rows]
        chosen = shared.index(max(shared)) if shared else 0
        if nbest.id == "scored":
            chosen = 1
        if not chosen:
            return Correction.of(nbest, nbest.best.text, "kept", words=nbest.best.words)
        text = nbest.hypotheses[chosen].text
        return Correction.of(nbest, text, "reranked", edits=edits(nbest.best.text, text))


class Counting(Middle):
    count = 0

    @property
    def signature(self) -> str:  # type: ignore[override]
        return f"middle {self.count}"

    def correct(self, lists: Sequence[NBest]) -> list[Correction]:
        self.count += len(lists)
        return super().correct(lists)


class Sorting(Middle):
    def correct(self, lists: Sequence[NBest]) -> list[Correction]:
        return sorted(super().correct(lists), key=lambda made: made.id)


class NeedsLists(Middle):
    def correct(self, lists: Sequence[NBest]) -> list[Correction]:
        assert lists
        return super().correct(lists)


class Failing(Middle):
    def one(self, nbest: NBest) -> Correction:
        return (
            replace(super().one(nbest), decision="failed", reason="broke")
            if nbest.id == "single"
            else super().one(nbest)
        )


class Inventive(Middle):
    def one(self, nbest: NBest) -> Correction:
        if nbest.hypotheses:
            return super().one(nbest)
        return Correction.of(nbest, "hello", "rewritten", edits=edits("", "hello"))


class Undecided(Middle):
    """Says that it kept what it changed."""

    def one(self, nbest: NBest) -> Correction:
        made = super().one(nbest)
        return replace(made, decision="kept", edits=()) if made.id == "scored" else made


class Boasting(Middle):
    def one(self, nbest: NBest) -> Correction:
        made = super().one(nbest)
        return replace(made, decision="rewritten", edits=edits("a", "b")) if made.id == "single" else made


class Losing(Middle):
    def one(self, nbest: NBest) -> Correction:
        return replace(super().one(nbest), context=NBest("", ()).context, meta={})


class Silent(Middle):
    def one(self, nbest: NBest) -> Correction:
        return replace(super().one(nbest), edits=())


class InCompany(Middle):
    def correct(self, lists: Sequence[NBest]) -> list[Correction]:
        made = super().correct(lists)
        return [Correction.of(n, n.best.text, "kept") for n in lists] if len(lists) > 1 else made


class Unjson(Middle):
    def one(self, nbest: NBest) -> Correction:
        return replace(super().one(nbest), scores={"lm": math.nan})


CORRECTORS = {
    Middle: set(),
    Counting: {"signature"},
    Sorting: {"order"},
    NeedsLists: {"empty-batch"},
    Failing: {"works"},
    Inventive: {"empty-list"},
    Undecided: {"decision"},
    Boasting: {"decision"},
    Losing: {"carries-over"},
    Silent: {"edits"},
    InCompany: {"batch-is-single"},
    Unjson: {"record"},
}


@pytest.mark.parametrize(("broken", "checks"), CORRECTORS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_correctors_fail_the_check_that_is_meant(broken: type[Middle], checks: set[str]) -> None:
    assert failed(check_corrector(broken())) == checks


def test_every_check_can_fail() -> None:
    kinds: list[tuple[Any, Any, dict[Any, set[str]]]] = [
        (check_frontend, (Ears(), SAMPLE), FRONTENDS),
        (check_segmenter, (Cutter(), SAMPLE), SEGMENTERS),
        (check_backend, (Letters(),), BACKENDS),
        (check_corrector, (Middle(),), CORRECTORS),
    ]
    for check, given, broken in kinds:
        assert {outcome.check for outcome in check(*given)} == set().union(*broken.values())


# --- the sample


def test_there_is_speech_of_our_own() -> None:
    made = speech()
    assert 3 < len(made.samples) / 16_000 < 6
    assert made.samples.dtype == np.float32
    assert Path(made.path).is_file()


def test_a_sample_is_a_second_at_least(tmp_path: Path) -> None:
    import fakes

    with pytest.raises(AudioError, match="is shorter than a second"):
        speech(fakes.tone(tmp_path / "a.wav", 0.5))
    assert len(speech(fakes.tone(tmp_path / "b.wav", 25.0)).samples) == 20 * 16_000


# --- the built-in ones


def checked(name: str, model: str = "", kind: Any = None, **options: Any) -> list[Outcome]:
    return list(check_plugin(plugins.find(name, kind), FrontendOptions(model, device="cpu", **options)))


@pytest.mark.slow
def test_faster_whisper_passes(whisper_dir: Path) -> None:
    outcomes = checked("faster-whisper", str(whisper_dir), language="en", threads=2)
    assert (failed(outcomes), skipped(outcomes)) == (set(), {"recomputed"})
    assert outcomes[3].said == "5, 5, 5, 5 hypotheses of at most 5"


@pytest.mark.slow
def test_faster_whisper_hears_nothing_in_silence_of_any_language(whisper: Any) -> None:
    silence = next(o for o in check_frontend(whisper, speech()) if o.check == "silence")
    assert silence.state == "ok"


@pytest.mark.slow
def test_remote_passes(service: Service) -> None:
    outcomes = checked("remote", service.url, nbest=2)
    assert (failed(outcomes), skipped(outcomes)) == (set(), {"recomputed"})


@pytest.mark.slow
def test_pocketsphinx_passes() -> None:
    outcomes = checked("pocketsphinx", nbest=3)
    assert (failed(outcomes), skipped(outcomes)) == (set(), {"recomputed"})


@pytest.mark.slow
def test_silero_passes() -> None:
    assert {outcome.state for outcome in checked("silero")} == {"ok"}


@pytest.mark.slow
def test_transformers_passes(smollm2: Any) -> None:
    assert {str(outcome) for outcome in check_backend(smollm2)} == {"ok"}


@pytest.mark.slow
def test_masked_passes(tmp_path: Path) -> None:
    from test_backend_masked import make

    outcomes = checked("masked", str(make(tmp_path, "bert")))
    assert failed(outcomes) == set()
    assert {"prefixes", "end-of-text", "writes"} <= skipped(outcomes)


@pytest.mark.slow
def test_rescorer_passes(tmp_path: Path) -> None:
    from test_backend_rescorer import _made

    assert failed(checked("rescorer", str(_made(tmp_path, "last")))) == set()


def test_kenlm_passes(tmp_path: Path) -> None:
    from test_backend_kenlm import TEXT, train

    train(text.split() for text in TEXT).write(tmp_path / "lm.arpa")
    outcomes = checked("kenlm", str(tmp_path / "lm.arpa"))
    assert failed(outcomes) == set()
    assert skipped(outcomes) == {"writes", "writes-the-same", "conversation", "choices", "slots"}


@pytest.mark.slow
@pytest.mark.parametrize("scores", ["prompt_logprobs", "echo"])
def test_openai_passes(tmp_path: Path, scores: str) -> None:
    from server_openai import Engine, Server, make_model

    with Server(Engine(make_model(tmp_path)), {"completions", "chat", scores, "bias"}) as server:
        outcomes = checked("openai", f"{server.url}#tiny,end=<|im_end|>")
    assert (failed(outcomes), skipped(outcomes)) == (set(), {"slots"})


@pytest.mark.parametrize("name", ["rescore", "combine", "generate", "hybrid", "cascade"])
def test_correctors_pass(name: str) -> None:
    outcomes = checked(name)
    assert failed(outcomes) == set()
    assert {outcome.check: outcome for outcome in outcomes}["works"].said.count("reranked") >= 1


@pytest.mark.slow
def test_a_corrector_with_a_real_language_model(smollm2_dir: Path) -> None:
    assert failed(checked("rescore", str(smollm2_dir))) == set()
