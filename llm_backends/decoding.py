"""Greedy and beam search over sequences that run together (`llm_backends.rows`).

Greedy search follows drafts (`ger.lm.draft`): the first one goes through the model together with the prompt, and of
each, as much is kept as greedy search would have written anyway. Searches that go on and prompts that begin share the
calls of the model, up to a number of tokens; a search that has ended makes room for the next prompt at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from typing import Protocol

from ger.lm.constrain import Slots, State
from ger.lm.draft import Drafter
from llm_backends.rows import Memory, Part, RowModel, Top
from llm_backends.torch_common import attempt

__all__ = ["Decoder", "Job", "Written"]

#: Places for what an answer has more than its longest draft, before more memory has to be found.
_SPARE = 16
#: Shorter beginnings are not worth being computed apart.
_SHARED = 16


@dataclass(frozen=True, slots=True)
class Job:
    """An answer that is wanted.

    Attributes:
        prompt: Tokens, one at least.
        limit: Most tokens of the answer, the end included.
        ends: Tokens that end an answer.
        beams: Width of the search; 1 is greedy.
        drafts: Tokens of texts that the answer resembles, with the end, the likeliest first.
        slots: What the answer may be made of, if it is restricted.
    """

    prompt: Sequence[int]
    limit: int
    ends: frozenset[int]
    beams: int = 1
    drafts: Sequence[Sequence[int]] = ()
    slots: Slots | None = None


@dataclass(slots=True)
class Written:
    """An answer: its tokens, the end included, their log-probabilities (nats), and how often the model was run."""

    tokens: list[int] = field(default_factory=list)
    logp: list[float] = field(default_factory=list)
    finished: bool = False
    steps: int = 0


class _Search(Protocol):
    """A search that is under way."""

    job: Job
    memory: Memory | None

    def ask(self, memory: Memory) -> Part:
        """What the model is to be run on next; asked again, it says the same."""
        ...

    def tell(self, part: Part, tops: list[Top]) -> bool:
        """Take in what the model said; whether the search has ended."""
        ...

    def written(self) -> list[Written]:
        """The answers, best first."""
        ...


class _Greedy:
    """Greedy search along drafts."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.memory: Memory | None = None
        self._answer = Written()
        self._drafter = Drafter(job.drafts, job.prompt)
        self._state: State = job.slots.start if job.slots else frozenset()

    def ask(self, memory: Memory) -> Part:
        fresh = self._answer.tokens[-1:] or self.job.prompt[memory.length :]
        guess = self._guess()
        return Part(memory, [*fresh, *guess], len(guess) + 1, allowed=self._allowed(guess))

    def tell(self, part: Part, tops: list[Top]) -> bool:
        answer, guess = self._answer, part.tokens[len(part.tokens) - part.answers + 1 :]
        answer.steps += 1
        right = 0
        for number, ((token, *_), (logp, *_)) in enumerate(tops):
            answer.tokens.append(token)
            answer.logp.append(logp)
            if self.job.slots:
                self._state = self.job.slots.step(self._state, token)
            answer.finished = token in self.job.ends
            if answer.finished or len(answer.tokens) == self.job.limit:
                return True
            if number == len(guess) or guess[number] != token:
                break
            right += 1
        part.memory.length += len(part.tokens) - len(guess) + right
        self._drafter.told(answer.tokens, right)
        return False

    def written(self) -> list[Written]:
        return [self._answer]

    def _guess(self) -> Sequence[int]:
        room = self.job.limit - len(self._answer.tokens) - 1
        guess: Sequence[int] = self._drafter.draft()
        if slots := self.job.slots:
            kept = slots.kept(self._state, guess)
            state = self._state
            for token in kept:
                state = slots.step(state, token)
            guess = [*kept, *slots.forced(state)]
        return [*takewhile(lambda token: token not in self.job.ends, guess)][:room]

    def _allowed(self, guess: Sequence[int]) -> list[tuple[int, ...]]:
        if not self.job.slots:
            return []
        state, made = self._state, [self.job.slots.allowed(self._state)]
        for token in guess:
            state = self.job.slots.step(state, token)
            made.append(self.job.slots.allowed(state))
        return made


@dataclass(slots=True)
class _Beam:
    """One way that a beam search has gone: its answer so far, and where the tokens of it lie in the memory."""

    tokens: list[int]
    logp: list[float]
    places: list[int]
    state: State
    total: float = 0.0


class _Beams:
    """Beam search by total log-probability; all ways share one memory, each sees the prompt and its own tokens.

    As in transformers with `length_penalty=0` and `early_stopping=False`: of the best candidates of all ways those
    that end and are among the first `beams` are answers, and the search goes on until no way can become better than
    the worst of `beams` answers.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.memory: Memory | None = None
        self._live = [_Beam([], [], [], job.slots.start if job.slots else frozenset())]
        self._done: list[tuple[float, Written]] = []
        self._width = max(2, 1 + len(job.ends)) * job.beams
        self._steps = 0

    def ask(self, memory: Memory) -> Part:
        allowed = [self.job.slots.allowed(beam.state) for beam in self._live] if self.job.slots else []
        if not self._steps:
            return Part(memory, self.job.prompt[memory.length :], 1, self._width, allowed)
        given = len(self.job.prompt)
        return Part(
            memory,
            [beam.tokens[-1] for beam in self._live],
            len(self._live),
            self._width,
            allowed,
            [given + len(beam.tokens) - 1 for beam in self._live],
            [[*range(given), *beam.places] for beam in self._live],
        )

    def tell(self, part: Part, tops: list[Top]) -> bool:
        if self._steps:
            for place, beam in enumerate(self._live, part.memory.length):
                beam.places.append(place)
        part.memory.length += len(part.tokens)
        self._steps += 1
        candidates = [
            (beam.total + logp, beam, token, logp)
            for beam, (tokens, values) in zip(self._live, tops, strict=True)
            for token, logp in zip(tokens, values, strict=True)
        ]
        self._live = []
        for rank, candidate in enumerate(sorted(candidates, key=lambda one: -one[0])[: self._width]):
            self._sort_out(rank, *candidate)
        self._done = sorted(self._done, key=lambda pair: -pair[0])[: self.job.beams]
        full = len(self._done) == self.job.beams
        return not self._live or (full and self._live[0].total <= self._done[-1][0])

    def _sort_out(self, rank: int, total: float, beam: _Beam, token: int, logp: float) -> None:
        """Keep a candidate as an answer or as a way to go on, or drop it."""
        tokens, logps, ends = [*beam.tokens, token], [*beam.logp, logp], token in self.job.ends
        if ends or len(tokens) == self.job.limit:
            if rank < self.job.beams:
                self._done.append((total, Written(tokens, logps, ends)))
        elif len(self._live) < self.job.beams:
            state = self.job.slots.step(beam.state, token) if self.job.slots else beam.state
            self._live.append(_Beam(tokens, logps, [*beam.places], state, total))

    def written(self) -> list[Written]:
        for _, answer in self._done:
            answer.steps = self._steps
        return [answer for _, answer in self._done]


class Decoder:
    """Runs searches together.

    Args:
        model: What runs the language model.
        name: Its name, for messages.
        budget: Tokens that go through the model at once; less after a lack of memory.
    """

    def __init__(self, model: RowModel, name: str, budget: int) -> None:
        self._model, self._name = model, name
        self.budget = budget

    def run(self, jobs: Sequence[Job]) -> list[list[Written]]:
        """The answers to each job, best first.

        Raises:
            ModelError: the model failed.
            MemoryLimitError: memory did not suffice for one search.
        """
        searches: list[_Search] = [_Beams(job) if job.beams > 1 else _Greedy(job) for job in jobs]
        begun = self._begun([job.prompt for job in jobs])
        waiting: deque[_Search] = deque(sorted(searches, key=lambda search: -len(search.job.prompt)))
        active: deque[_Search] = deque()
        while waiting or active:
            batch = self._batch(active, waiting, begun)
            tops = self._attempt([part for _, part in batch], alone=len(batch) == 1)
            if tops is None:
                _take_back(batch, active, waiting)
                continue
            for (search, part), said in zip(batch, tops, strict=True):
                search.memory = part.memory
                if search.tell(part, said):
                    search.memory = None
                else:
                    active.append(search)
        return [search.written() for search in searches]

    def _batch(
        self, active: deque[_Search], waiting: deque[_Search], begun: Memory | None
    ) -> list[tuple[_Search, Part]]:
        """The searches of the next call and what they ask for: those under way first."""
        batch: list[tuple[_Search, Part]] = []
        left = self.budget
        for queue in (active, waiting):
            while queue:
                search = queue[0]
                part = search.ask(search.memory or _memory(search.job, begun))
                left -= len(part.tokens)
                if batch and left < 0:
                    return batch
                batch.append((queue.popleft(), part))
        return batch

    def _begun(self, prompts: Sequence[Sequence[int]]) -> Memory | None:
        """What all prompts begin with, computed once; nothing where that is too little."""
        if len(prompts) < 2:
            return None
        first, last = min(map(tuple, prompts)), max(map(tuple, prompts))
        most = min(len(first), len(last)) - 1  # each prompt has a token to ask about
        size = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first[:most], last, strict=False)))
        if size < _SHARED:
            return None
        memory = Memory(size)
        while memory.length < size:
            part = Part(memory, first[memory.length : min(memory.length + self.budget, size)], 0)
            if self._attempt([part], alone=len(part.tokens) == 1) is not None:
                memory.length += len(part.tokens)
        return memory

    def _attempt(self, parts: list[Part], *, alone: bool) -> list[list[Top]] | None:
        """What the model says; `None` where memory did not suffice, and the budget is half of what was tried."""
        tokens = sum(len(part.tokens) for part in parts)
        tops = attempt(partial(self._model.run, parts), f"{self._name}, {tokens} tokens", alone=alone)
        if tops is None:
            self.budget = min(self.budget, max(1, tokens // 2))
        return tops


def _memory(job: Job, begun: Memory | None) -> Memory:
    longest = max(map(len, job.drafts), default=0)
    return Memory(len(job.prompt) + job.beams * min(job.limit, longest + _SPARE), begun)


def _take_back(batch: list[tuple[_Search, Part]], active: deque[_Search], waiting: deque[_Search]) -> None:
    """Put the searches of a call that failed back to where they were."""
    for search, _ in reversed(batch):
        (active if search.memory else waiting).appendleft(search)
