"""Language models behind an OpenAI-compatible server: scores where it gives those of the prompt, and text.

What the server can do is found out when the backend is made, with requests of a few tokens; see
`llm_backends.http_scores` for the scores and `ger.http.client` for retries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from ger.errors import ModelError
from ger.http.address import Address
from ger.http.calls import CONNECTIONS, PROBE_TRIES, each, first_model
from ger.http.client import Client, Policy
from ger.http.keys import api_key
from ger.lm.chat import shown
from ger.protocols import Ability, Answer, GenerateRequest, LmOptions, Message, ScoreRequest
from ger.text.tokens import well_formed
from llm_backends.http_scores import PROBE, Scoring, probe

__all__ = ["OpenAILM", "Served"]

_EXAMPLE = "Give its address and the model's name there, such as http://localhost:8000/v1#Qwen/Qwen3-4B."
_SETTINGS = ("start", "end")
_NO_SCORES = "Use a server that gives log-probabilities of the prompt, such as vLLM, or the transformers backend."
_TOO_LONG = "If the text is too long for the model, use one with a longer context or shorter segments."

_RESTRICTED = "Use the transformers backend."


@dataclass(frozen=True, slots=True)
class Served:
    """How a server scores and writes.

    Attributes:
        scores: How it scores; empty where it cannot.
        end: Whether the end of text is part of a score.
        generates: With which interface it writes; empty where it cannot.
    """

    scores: Literal["prompt_logprobs", "echo", ""]
    end: bool
    generates: Literal["completions", "chat", ""]


@dataclass(frozen=True, slots=True)
class _Writing:
    """One way of asking for text: the path, the name of the limit, and whether greedy search may be asked for."""

    path: Literal["completions", "chat/completions"]
    limit: str = "max_tokens"
    greedy: dict[str, Any] = field(default_factory=lambda: {"temperature": 0})

    @property
    def name(self) -> Literal["completions", "chat"]:
        return "completions" if self.path == "completions" else "chat"

    def body(self, prompt: str | tuple[Message, ...], max_tokens: int) -> dict[str, Any]:
        turns = (Message("user", prompt),) if isinstance(prompt, str) else prompt
        messages = [{"role": turn.role, "content": well_formed(turn.text)} for turn in turns]
        asked = {"prompt": well_formed(shown(prompt))} if self.name == "completions" else {"messages": messages}
        return {**asked, self.limit: max_tokens, **self.greedy}

    def answer(self, value: dict[str, Any]) -> Answer:
        """What an answer of the server says; its length only where the server counts.

        Raises:
            ValueError: it has no text.
        """
        try:
            choice = value["choices"][0]
            text = choice["text"] if self.name == "completions" else choice["message"]["content"] or ""
        except (KeyError, IndexError, TypeError) as error:
            raise ValueError("the answer has no text") from error
        if not isinstance(text, str):
            raise ValueError("the answer has no text")
        usage = value.get("usage")
        tokens = usage.get("completion_tokens") if isinstance(usage, dict) else 0
        finished = choice.get("finish_reason") != "length"
        return Answer(text, finished=finished, tokens=tokens if isinstance(tokens, int) else 0)


#: Tried in this order; the newest hosted models take no other limit, and some no temperature.
_WRITINGS = (
    _Writing("completions"),
    _Writing("chat/completions"),
    _Writing("chat/completions", "max_completion_tokens"),
    _Writing("chat/completions", "max_completion_tokens", {}),
)


class OpenAILM:
    """A model of an OpenAI-compatible server; see `ger.protocols.LanguageModel`.

    `options.model` is `URL#MODEL`; without a model the first one of the server is used. `,start=TOKEN` and `,end=TOKEN`
    after it name the special tokens around a text where the server is not to be asked for them. `options.threads` is
    how many requests run at the same time (8 if 0). An adapter is expected to be in the model that the server serves.
    Other options are the server's own business.

    Args:
        options: What the backend is made with.
        client: Makes the client for a URL and a policy; for tests and special transports.
        policy: How patient to be.

    Raises:
        UsageError: the address, the key or a special token is wrong.
        ModelError: the server does not answer, refuses the key, or can neither score nor generate.
    """

    abilities: frozenset[Ability] = frozenset({"score", "generate", "choices", "adapter"})

    def __init__(
        self,
        options: LmOptions,
        client: Callable[[str, str, Policy], Client] = Client,
        policy: Policy | None = None,
    ) -> None:
        self._address = Address.parse(options.model, "openai backend", _EXAMPLE, _SETTINGS)
        self._connections = options.threads or CONNECTIONS
        policy, key = policy or Policy(), api_key(self._address.url)
        self._client = client(self._address.url, key, replace(policy, tries=min(policy.tries, PROBE_TRIES)))
        self._model = self._address.model or first_model(self._client, self._address.shown, _EXAMPLE)
        self._name = f"{self._address.shown}#{self._model}"
        self._writing, self._no_text = self._probe_writing()
        self._scoring, self._no_scores = self._probe_scoring()
        if not self._writing and not self._scoring:
            raise ModelError(f"{self._name}: the server is of no use: {self._no_text}.", "Check the model's name.")
        self._client = client(self._address.url, key, policy)
        lacking: set[Ability] = set() if self._writing else {"generate"}
        self.abilities -= lacking if self._scoring else lacking | {"score", "choices"}

    @property
    def served(self) -> Served:
        """How the server scores and writes, as found out at the start."""
        scoring = self._scoring
        return Served(
            scores=scoring.format if scoring else "",
            end=bool(scoring and scoring.end),
            generates=self._writing.name if self._writing else "",
        )

    @property
    def signature(self) -> str:
        """See `ger.protocols.LanguageModel`; with what the server can do, without the key."""
        scoring, parts = self._scoring, [f"openai:{self._name}"]
        if scoring:
            parts += [f"scores={scoring.format}", f"start={scoring.start!r}" if scoring.start else "start=server"]
            parts += [f"end={scoring.end!r}" if scoring.end else "no-end"]
        parts += [f"generates={self.served.generates}"] if self._writing else []
        return ",".join(parts)

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[float]]:
        """See `ger.protocols.LanguageModel`. Equal texts after an equal prefix are sent once.

        Raises:
            ModelError: the server cannot score, did not answer, or refused a text, for example as too long.
        """
        if self._scoring is None:
            raise ModelError(f"{self._name}: the server cannot score: {self._no_scores}.", _NO_SCORES)
        texts = list(dict.fromkeys((r.prefix, c) for r in requests for c in r.continuations))
        totals = dict(zip(texts, each(self._total, texts, self._connections), strict=True))
        return [[totals[r.prefix, c] for c in r.continuations] for r in requests]

    def generate(self, requests: Sequence[GenerateRequest]) -> list[tuple[Answer, ...]]:
        """See `ger.protocols.LanguageModel`. Equal prompts are sent once; answers have no scores, but choices do.

        A server with chat alone is asked with the prompt as the user's message; what it answers is its reply to it.
        Of choices the one with the greatest score is taken, which needs a server that can score.

        Raises:
            ModelError: the server cannot generate, did not answer, or refused a prompt, for example as too long; or a
                restriction that it cannot be asked for.
        """
        if any(r.slots or (r.choices and not isinstance(r.prompt, str)) for r in requests):
            raise ModelError(f"{self._name}: a server cannot be asked for slots, or choices in a chat.", _RESTRICTED)
        chosen = iter(self._chosen([r for r in requests if r.choices]))
        asked = {(r.prompt, r.max_tokens): self._way(r.prompt) for r in requests if not r.choices}
        items = [(*key, way) for key, way in asked.items()]
        answers = dict(zip(asked, each(self._write, items, self._connections), strict=True))
        return [next(chosen) if r.choices else (answers[r.prompt, r.max_tokens],) for r in requests]

    def _chosen(self, requests: list[GenerateRequest]) -> list[tuple[Answer, ...]]:
        """The choices with the greatest scores."""
        if not requests:
            return []
        texts = [tuple(dict.fromkeys(request.choices)) for request in requests]
        scores = self.score([ScoreRequest(t, shown(r.prompt)) for r, t in zip(requests, texts, strict=True)])
        made = []
        for request, names, values in zip(requests, texts, scores, strict=True):
            pairs = sorted(zip(values, names, strict=True), key=lambda pair: -pair[0])
            made.append(tuple(Answer(name, value) for value, name in pairs[: request.beams]))
        return made

    def _way(self, prompt: str | tuple[Message, ...]) -> _Writing:
        """How to ask for an answer to a prompt."""
        if self._writing is None:
            raise ModelError(f"{self._name}: the server cannot generate: {self._no_text}.", "Use another server.")
        if isinstance(prompt, str) or self._writing.name == "chat":
            return self._writing
        writing, reason = self._chat
        if writing is None:
            raise ModelError(f"{self._name}: the server has no chat: {reason}.", "Use a prompt of plain text.")
        return writing

    @cached_property
    def _chat(self) -> tuple[_Writing | None, str]:
        return self._probe_writing([writing for writing in _WRITINGS if writing.name == "chat"])

    def _total(self, item: tuple[str, str]) -> float:
        """log p of a text after a prefix; 0 for a text without a token to score."""
        assert self._scoring is not None
        prefix, text = map(well_formed, item)
        if not text and not self._scoring.end:
            return 0.0
        try:
            return self._scoring.total(
                self._ask("completions", self._scoring.request(prefix, text), text), prefix, text
            )
        except ValueError as error:
            raise ModelError(f"{self._name}: {error}.", "Check the server; its answer is not as it was.") from error

    def _write(self, item: tuple[str | tuple[Message, ...], int, _Writing]) -> Answer:
        prompt, max_tokens, writing = item
        try:
            return writing.answer(self._ask(writing.path, writing.body(prompt, max_tokens), shown(prompt)))
        except ValueError as error:
            raise ModelError(f"{self._name}: {error}.", "Check the server; its answer is not as it was.") from error

    def _ask(self, path: str, body: dict[str, Any], text: str) -> dict[str, Any]:
        reply = self._client.post(path, {"model": self._model, **body})
        if reply.refusal:
            raise ModelError(f"{self._name}: the server refused {text[:60]!r}: {reply.refusal}.", _TOO_LONG)
        return reply.value

    def _probe_writing(self, writings: Sequence[_Writing] = _WRITINGS) -> tuple[_Writing | None, str]:
        """How the server generates; else nothing and the reason.

        Raises:
            ModelError: a path does not answer, and no other one writes.
        """
        reasons: list[str] = []
        failed: dict[str, ModelError] = {}
        for writing in writings:
            if writing.path in failed:
                continue
            try:
                reply = self._client.post(writing.path, {"model": self._model, **writing.body(PROBE, 16)})
                writing.answer(reply.value)
            except ModelError as error:
                failed[writing.path] = error
            except ValueError as error:
                reasons.append(reply.refusal or str(error))
            else:
                return writing, ""
        if failed:
            raise next(iter(failed.values()))
        return None, "; ".join(dict.fromkeys(reasons))

    def _probe_scoring(self) -> tuple[Scoring | None, str]:
        """How the server scores; else nothing and the reason."""

        def ask(body: dict[str, Any]) -> dict[str, Any]:
            reply = self._client.post("completions", {"model": self._model, **body})
            if reply.refusal:
                raise ValueError(f"it said {reply.refusal}")
            return reply.value

        try:
            return probe(ask, *(self._address.settings.get(name, "") for name in _SETTINGS)), ""
        except ValueError as error:
            return None, str(error)
