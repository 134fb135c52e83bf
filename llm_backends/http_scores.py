"""Log-probabilities of a prompt's tokens as servers give them, and what a server turns out to be able to do.

Two formats are known: `prompt_logprobs` (vLLM) and `echo` with `logprobs` (the first completions interface). Neither
is trusted: a server has to give exactly one entry for each token of a known sentence, and their texts have to spell it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ger.errors import ModelError, UsageError

__all__ = ["PROBE", "Scoring", "Token", "count_given", "probe", "read_tokens"]

Format = Literal["prompt_logprobs", "echo"]

#: What a server is probed with.
PROBE = "The weather is fine today."

#: How the two formats are asked for.
_FORMATS: dict[Format, dict[str, Any]] = {
    "prompt_logprobs": {"prompt_logprobs": 0, "max_tokens": 1, "temperature": 0},
    "echo": {"echo": True, "logprobs": 1, "max_tokens": 1, "temperature": 0},
}

#: Ends of text of common models; where several end a text for a server, the first is its tokenizer's.
_ENDS = (
    "<|im_end|>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<|endoftext|>",
    "<eos>",
    "</s>",
    "<end_of_turn>",
    "<|end|>",
    "<|return|>",
    "<｜end▁of▁sentence｜>",
    "<|END_OF_TURN_TOKEN|>",
    "[EOS]",
)

#: Stands before a text where a server has no special token to begin with: its first word needs something before it.
_PLAIN_START = "\n"

#: Takes the body of a completion request and returns the answer; raises `ValueError` where the server refuses it and
#: `ModelError` where it does not answer.
Ask = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a prompt; nothing is known of the first one.

    Attributes:
        logp: Natural log-probability after the tokens before it.
        id: Its number in the vocabulary; empty where the server does not tell.
    """

    text: str = ""
    logp: float = math.nan
    id: str = ""


@dataclass(frozen=True, slots=True)
class Scoring:
    """How a server scores a text.

    Attributes:
        format: `prompt_logprobs` or `echo`.
        start: What is put before each prompt; empty where the server adds a token itself.
        lead: How many tokens stand before a text then.
        end: Text of the token that ends a text; empty where there is none.
        shown: What the server shows that token as.
    """

    format: Format
    start: str
    lead: int
    end: str
    shown: str

    def request(self, prefix: str, text: str) -> dict[str, Any]:
        """The body that asks for the log-probabilities of a text after a prefix."""
        return {**_FORMATS[self.format], "prompt": self.start + prefix + text + self.end}

    def total(self, answer: dict[str, Any], prefix: str, text: str) -> float:
        """log p(text, end of text | prefix) in nats, out of the answer to `request`.

        Raises:
            ValueError: the answer does not hold it.
        """
        tokens = read_tokens(answer, self.format)
        if self.end and tokens[-1].text != self.shown:
            raise ValueError("the server cut the text")
        given = self.lead
        if prefix:
            given += count_given(tokens[self.lead :], prefix + text + self.end, len(prefix))
        total = math.fsum(token.logp for token in tokens[given:])
        if not math.isfinite(total):
            raise ValueError(f"the score of {text[:60]!r} is {total}")
        return total


def read_tokens(answer: dict[str, Any], form: Format) -> list[Token]:
    """The tokens of the prompt, one for each that the server counted.

    Raises:
        ValueError: there is not exactly one entry for each.
    """
    try:
        choice, usage = answer["choices"][0], answer["usage"]
        tokens = list(_READERS[form](choice))
        expected = int(usage["prompt_tokens"])
        generated = int(usage.get("completion_tokens") or 0) if form == "echo" else 0
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"the answer has no usable {form}") from error
    if not tokens or len(tokens) not in (expected, expected + generated):
        raise ValueError(f"{len(tokens)} entries of {form} for {expected} tokens")
    return tokens[:expected]


def _read_prompt_logprobs(choice: dict[str, Any]) -> Iterator[Token]:
    """The first entry is null, each other one an object with one key, the token's number."""
    yield Token()
    for entry in choice["prompt_logprobs"][1:]:
        ((number, value),) = entry.items()
        yield Token(str(value["decoded_token"] or ""), float(value["logprob"]), str(number))


def _read_echo(choice: dict[str, Any]) -> Iterator[Token]:
    """Two parallel lists; the first log-probability is null."""
    logprobs = choice["logprobs"]
    pairs = zip(logprobs["tokens"], logprobs["token_logprobs"], strict=True)
    yield Token(str(next(pairs)[0]))
    for text, logp in pairs:
        yield Token(str(text), float(logp))


_READERS = {"prompt_logprobs": _read_prompt_logprobs, "echo": _read_echo}


def count_given(tokens: Sequence[Token], source: str, border: int) -> int:
    """How many leading tokens end within the first `border` characters of the text that the tokens spell.

    A token that is a part of a character (shown as U+FFFD or as nothing) ends where the next complete one begins, or
    with it. White space that a tokenizer hides or adds is passed over.

    Raises:
        ValueError: the tokens do not spell the text.
    """
    given = position = 0
    room = 0  # characters that the parts of characters just passed may stand for
    for index, token in enumerate(tokens):
        found = _find(source, position, token.text, room)
        if found is None:
            room += len(token.text) if "\ufffd" in token.text else 0
            continue
        if found[1] > border:
            return given + _share(index - given, source[position : found[0]], border - position)
        given, position, room = index + 1, found[1], 0
    return given + _share(len(tokens) - given, source[position:], border - position)


def _share(parts: int, text: str, border: int) -> int:
    """How many of the parts of a text's characters end before the border; by bytes, so not always exact."""
    return parts * len(text[:border].encode()) // len(text.encode()) if text and border > 0 else 0


def _find(source: str, position: int, piece: str, room: int) -> tuple[int, int] | None:
    """Start and end of a token's text, at most `room` characters after `position`; `None` for one that is no text."""
    for skipped in (*range(1, room + 1), 0):
        start = position + skipped
        if piece and source.startswith(piece, start):
            return start, start + len(piece)
        start += len(source[start:]) - len(source[start:].lstrip())
        if piece.strip() and source.startswith(piece.lstrip(), start):
            return start, start + len(piece.lstrip())
    if piece.strip() and "\ufffd" not in piece:
        raise ValueError(f"the server's tokens do not spell the text at {source[position : position + 30]!r}")
    return None


def probe(ask: Ask, start: str = "", end: str = "") -> Scoring:
    """Find out how a server scores.

    Args:
        ask: Sends the body of a completion request.
        start: What to begin with where the server adds no token; empty to choose.
        end: The token that ends a text; empty to find out.

    Raises:
        ValueError: it cannot score, and why.
        UsageError: `start` runs into the text, or `end` is not one token of the model.
    """
    reasons = []
    for form in _FORMATS:
        try:
            plain = _tokens(ask, form, PROBE)
            ends = _end(ask, form, plain, end)
            return _started(ask, Scoring(form, "", 0, *ends), plain, start)
        except (ValueError, ModelError) as error:
            reasons.append((error.message if isinstance(error, ModelError) else str(error)).rstrip("."))
    raise ValueError("; ".join(dict.fromkeys(reasons)))


def _tokens(ask: Ask, form: Format, text: str) -> list[Token]:
    return read_tokens(ask({**_FORMATS[form], "prompt": text}), form)


def _started(ask: Ask, scoring: Scoring, plain: list[Token], asked: str) -> Scoring:
    """What to begin with: nothing where the server adds a token, else the start asked for, the end of text, a new line.

    A model without a token for the start was trained on texts that follow the end of another one.
    """
    if lead := _lead(plain):
        return replace(scoring, lead=lead)
    for start in [asked] if asked else filter(None, (scoring.end, _PLAIN_START)):
        if lead := _lead(_tokens(ask, scoring.format, start + PROBE)):
            return replace(scoring, start=start, lead=lead)
    if asked:
        raise UsageError(f"The start {asked!r} is not apart from the text after it.", "Leave start= out to choose one.")
    raise ValueError(f"its tokens do not spell {PROBE!r}")


def _lead(tokens: Sequence[Token]) -> int:
    """How many tokens, at least one, stand before those that spell the probe; 0 where they do not spell all of it."""
    spelled = PROBE.replace(" ", "")
    texts = ["".join(token.text.replace(" ", "") for token in tokens[n:]) for n in range(1, len(tokens))]
    return texts.index(spelled) + 1 if spelled in texts else 0


def _end(ask: Ask, form: Format, plain: list[Token], asked: str) -> tuple[str, str]:
    """Text of the end of text, and what the server shows it as; empty texts where there is none.

    Among the texts that are one token for the server it is the first one that makes it stop, where that can be tried,
    else the most probable one after the probe.
    """
    found: dict[str, Token] = {}
    for text in [asked] if asked else _ENDS:
        if token := _added(ask, form, plain, text):
            if token.id and _stops(ask, token.id):
                return text, token.text
            found[text] = token
    if asked and not found:
        raise UsageError(f"The server does not read the end {asked!r} as one token.", "Leave end= out to find it out.")
    text = max(found, key=lambda text: found[text].logp, default="")
    return text, found[text].text if text else ""


def _added(ask: Ask, form: Format, plain: list[Token], text: str) -> Token | None:
    """The token that a text becomes after the probe, if it is one."""
    tokens = _tokens(ask, form, PROBE + text)
    same = [token.text for token in tokens[:-1]] == [token.text for token in plain]
    return tokens[-1] if same else None


def _stops(ask: Ask, number: str) -> bool:
    """Whether the server stops when made to write this token."""
    body = {"prompt": PROBE, "max_tokens": 2, "temperature": 0, "logit_bias": {number: 100}}
    try:
        return bool(ask(body)["choices"][0]["finish_reason"] == "stop")
    except (ModelError, ValueError, KeyError, IndexError, TypeError):
        return False
