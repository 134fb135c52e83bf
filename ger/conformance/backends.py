"""Whether a language model keeps what `ger.protocols.LanguageModel` promises."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise, product

from ger.conformance.outcome import TOLERANCE, Outcome, SkippedError, carried_out, keep, near, signature
from ger.errors import ModelError
from ger.protocols import Answer, GenerateRequest, LanguageModel, Message, ScoreRequest
from ger.text.normalize import normalize

__all__ = ["check_backend"]

_TEXTS = ("the council raised the toll", "yes", "the cat sat on the mat and went to sleep")
_PREFIX = "we went home"
_NEXT = (" and slept", " and then we ate", " late")
#: After these words the next ones are nearly certain: a model that leaves out the end gives each of the alternatives
#: nearly all of the probability.
_COUNT = "one two three four five six one two three four five six one two three four five six"
_ALTERNATIVES = ("", " one", " one two", " one two three", " one two three four")
_PROMPT = "The weather today is"
_TOKENS = 8
_CHOICES = ("sunny and warm", "cold", "none of your business")
_SLOTS = (("the", "a"), ("cat", "hat", ""), ("sat", "sits"))


def check_backend(lm: LanguageModel, *, tolerance: float = TOLERANCE) -> Iterator[Outcome]:
    """Check a language model.

    Its scores are taken for probabilities unless it has an attribute `probabilities` that is `False`.

    Args:
        lm: The language model.
        tolerance: How far equal scores may lie apart (nats); half precisions need more.
    """
    return carried_out(_CHECKS, _Reading(lm, tolerance))


class _Reading:
    """A language model; what it says that it cannot do is no fault."""

    def __init__(self, lm: LanguageModel, tolerance: float) -> None:
        self.lm, self.tolerance = lm, tolerance

    @property
    def probabilities(self) -> bool:
        return bool(getattr(self.lm, "probabilities", True))

    def need_probabilities(self) -> None:
        if not self.probabilities:
            raise SkippedError("its scores are no probabilities (its attribute probabilities is False).")

    def score(self, *requests: ScoreRequest) -> list[list[float]]:
        try:
            return self.lm.score(requests)
        except ModelError as error:
            raise SkippedError(f"it does not score: {error}") from error

    def generate(self, *requests: GenerateRequest) -> list[tuple[Answer, ...]]:
        try:
            return self.lm.generate(requests)
        except ModelError as error:
            raise SkippedError(f"it does not write so: {error}") from error

    def same(self, rows: Sequence[Sequence[float]], others: Sequence[Sequence[float]], said: str) -> None:
        flat, flat_others = ([score for row in part for score in row] for part in (rows, others))
        same = len(flat) == len(flat_others) and all(
            near(one, other, self.tolerance) for one, other in zip(flat, flat_others, strict=True)
        )
        keep(same, f"{said}: {flat} and {flat_others}.")


def _signature(reading: _Reading) -> None:
    signature(reading.lm)


def _empty_batch(reading: _Reading) -> None:
    made = reading.score()
    keep(made == [], f"No requests made {made}.")
    made = reading.score(ScoreRequest(()))
    keep([list(row) for row in made] == [[]], f"A request without texts made {made}.")


def _scores(reading: _Reading) -> None:
    scores = [score for prefix in ("", _PREFIX) for row in reading.score(ScoreRequest(_TEXTS, prefix)) for score in row]
    odd = [score for score in scores if not math.isfinite(score)]
    keep(not odd, f"A score is {odd[:1]}.")
    if reading.probabilities:
        high = max(scores)
        keep(high <= reading.tolerance, f"A score is {high}, and no logarithm of a probability lies above 0.")


def _equal_requests(reading: _Reading) -> None:
    twice = ScoreRequest(_TEXTS + _TEXTS)
    first, second = reading.score(twice, twice)
    reading.same([first], [second], "The same request scores otherwise the second time")
    reading.same([sorted(first)[::2]], [sorted(first)[1::2]], "The same texts in one request score differently")
    reading.same([first], reading.score(twice), "The same request scores otherwise in another call")


def _order(reading: _Reading) -> None:
    requests = [ScoreRequest(_TEXTS), ScoreRequest(_TEXTS[:1], _PREFIX)]
    made, turned = reading.score(*requests), reading.score(*requests[::-1])
    counts = [len(row) for row in made]
    keep(counts == [len(_TEXTS), 1], f"Requests of {len(_TEXTS)} texts and of 1 made rows of {counts} scores.")
    reading.same(made, turned[::-1], "Requests in another order score otherwise")
    (backwards,) = reading.score(ScoreRequest(_TEXTS[::-1]))
    reading.same(made[:1], [backwards[::-1]], "Texts in another order score otherwise")


def _batch_is_single(reading: _Reading) -> None:
    requests = [ScoreRequest((text,), prefix) for prefix in ("", _PREFIX) for text in _TEXTS]
    together = reading.score(*requests)
    alone = [reading.score(request)[0] for request in requests]
    reading.same(sorted(together), sorted(alone), "Scores of a batch are not those of its texts alone")


def _prefixes(reading: _Reading) -> None:
    """log p(a b) - log p(b | a) is log p(a), whatever b is."""
    reading.need_probabilities()
    (whole,) = reading.score(ScoreRequest(tuple(_PREFIX + text for text in _NEXT)))
    (rest,) = reading.score(ScoreRequest(_NEXT, _PREFIX))
    prefixes = [one - other for one, other in zip(whole, rest, strict=True)]
    same = max(prefixes) - min(prefixes) <= reading.tolerance
    keep(same, f"log p(a b) - log p(b | a) should be log p(a) for every b, and is {prefixes}.")
    keep(prefixes[0] <= reading.tolerance, f"A beginning has the log-probability {prefixes[0]}.")


def _end_of_text(reading: _Reading) -> None:
    """With its end, a text and one that goes on after it exclude each other, so that probabilities add up to 1."""
    reading.need_probabilities()
    abilities = getattr(reading.lm, "abilities", None)
    if abilities is not None and not getattr(abilities, "end", True):
        raise SkippedError("it says that it does not score the end of texts (abilities.end).")
    (scores,) = reading.score(ScoreRequest(_ALTERNATIVES, _COUNT))
    keep(scores[0] < 0, f"The empty text has the log-probability {scores[0]}: the end of the text is not counted.")
    total = sum(math.exp(min(score, 1.0)) for score in scores)
    said = f"Probabilities of {len(scores)} texts that exclude each other add up to {total:.6f}: is the end counted?"
    keep(total <= 1 + reading.tolerance, said)


def _writes(reading: _Reading) -> None:
    asked = [GenerateRequest(_PROMPT, _TOKENS, beams=beams) for beams in (1, 2)]
    made = reading.generate(*asked)
    keep(len(made) == len(asked), f"{len(asked)} prompts got answers to {len(made)}.")
    for request, answers in zip(asked, made, strict=True):
        _check_answers(request, answers)


def _check_answers(request: GenerateRequest, answers: Sequence[Answer]) -> None:
    keep(1 <= len(answers) <= max(1, request.beams), f"{request.beams} beams gave {len(answers)} answers.")
    scores = [answer.score for answer in answers if answer.score is not None]
    keep(all(math.isfinite(score) for score in scores), f"Answers have the scores {scores}.")
    keep(all(a >= b for a, b in pairwise(scores)), f"Answers are not best first: {scores}.")
    for answer in answers:
        keep(isinstance(answer.text, str), f"An answer has the text {answer.text!r}.")
        long = answer.tokens > request.max_tokens and not (request.choices or request.slots)
        keep(not long, f"An answer has {answer.tokens} tokens where {request.max_tokens} were allowed.")


def _writes_the_same(reading: _Reading) -> None:
    asked = [GenerateRequest(prompt, _TOKENS) for prompt in (_PROMPT, "Two and two are")]
    together = [answers[0].text for answers in reading.generate(*asked)]
    alone = [reading.generate(request)[0][0].text for request in asked]
    keep(together == alone, f"Answers are {alone} one by one, and together {together}.")


def _conversation(reading: _Reading) -> None:
    (answers,) = reading.generate(GenerateRequest((Message("user", _PROMPT),), _TOKENS))
    _check_answers(GenerateRequest(_PROMPT, _TOKENS), answers)


def _choices(reading: _Reading) -> None:
    request = GenerateRequest(_PROMPT, _TOKENS, len(_CHOICES), choices=tuple(f" {choice}" for choice in _CHOICES))
    (answers,) = reading.generate(request)
    _check_answers(request, answers)
    keep(answers[0].text.strip() in _CHOICES, f"Of {list(_CHOICES)} it chose {answers[0].text!r}.")
    total = sum(math.exp(min(answer.score, 1.0)) for answer in answers if answer.score is not None)
    keep(total <= 1 + reading.tolerance, f"Probabilities of {len(answers)} choices add up to {total:.6f}.")


def _slots(reading: _Reading) -> None:
    (answers,) = reading.generate(GenerateRequest(_PROMPT, _TOKENS, slots=_SLOTS))
    ways = {normalize(" ".join(way)) for way in product(*_SLOTS)}
    keep(normalize(answers[0].text) in ways, f"{answers[0].text!r} does not take one text of each of {_SLOTS}.")


_CHECKS: tuple[Callable[[_Reading], str | None], ...] = (
    _signature,
    _empty_batch,
    _scores,
    _equal_requests,
    _order,
    _batch_is_single,
    _prefixes,
    _end_of_text,
    _writes,
    _writes_the_same,
    _conversation,
    _choices,
    _slots,
)
