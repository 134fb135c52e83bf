"""Prompts as tokens: plain text and conversations, in which what was said never becomes a special token."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from ger.errors import ModelError
from ger.protocols import Message
from ger.text.tokens import well_formed

__all__ = ["PromptReader", "shown"]

_PRIVATE = range(0xF0000, 0xFFFFE)


class PromptReader:
    """Encodes prompts for one model.

    Args:
        tokenizer: The tokenizer of transformers.
        name: The model's name, for messages.
    """

    def __init__(self, tokenizer: Any, name: str) -> None:
        self._tokenizer, self._name = tokenizer, name
        special = sorted({str(token) for token in tokenizer.all_special_tokens} | _added(tokenizer), key=len)
        self._special = re.compile("|".join(map(re.escape, reversed(special)))) if special else None
        self._forms: dict[tuple[str, ...], tuple[str, str]] = {}

    @property
    def start(self) -> int:
        """The token that texts begin with: what the model was trained with, or the end of the text before."""
        bos = self._tokenizer.bos_token_id
        return int(bos if bos is not None else self._tokenizer.eos_token_id)

    def plain(self, text: str) -> list[int]:
        """Tokens of a text, whatever it holds, without any that begin or end it."""
        ids: list[int] = self._tokenizer(
            well_formed(text), add_special_tokens=False, split_special_tokens=True
        ).input_ids
        return ids

    def behind(self, text: str) -> list[int]:
        """Tokens of a text that stands behind another one, where some tokenizers write its first space otherwise."""
        before, whole = self.plain("a"), self.plain(f"a{text}")
        return whole[len(before) :] if whole[: len(before)] == before else self.plain(text)

    def prompt(self, prompt: str | tuple[Message, ...]) -> list[int]:
        """Tokens of a prompt: a text with what the tokenizer puts before texts, a conversation in the model's form.

        Raises:
            ModelError: the model's template refuses the conversation.
        """
        if isinstance(prompt, str):
            return [*self._beginning(), *self.plain(prompt)]
        if not self._tokenizer.chat_template:
            lines = [f"{message.role.capitalize()}: {message.text}\n" for message in prompt]
            return [*self._beginning(), *self.plain("".join([*lines, "Assistant:"]))]
        return self._chat(prompt)

    def answer(self, prompt: str | tuple[Message, ...], text: str, ends: Collection[int]) -> list[int]:
        """Tokens of an answer to a prompt as the model should write them, the one that ends it included.

        Args:
            prompt: The prompt.
            text: The answer.
            ends: Tokens at which the model's makers end an answer.
        """
        before, after = ("", "") if isinstance(prompt, str) else self._around(tuple(m.role for m in prompt))
        tail: list[int] = self._tokenizer(after, add_special_tokens=False).input_ids
        end = next((token for token in tail if token in ends), self._tokenizer.eos_token_id)
        return [*self.plain(before + text), end]

    def _around(self, roles: tuple[str, ...]) -> tuple[str, str]:
        """The white space that the model's form puts before an answer, and what it puts behind."""
        if not self._tokenizer.chat_template:
            return " ", ""
        if roles not in self._forms:
            turns, mark = [(role, "a") for role in roles], chr(_PRIVATE[0])
            asked, whole = self._rendered(turns), self._rendered([*turns, ("assistant", mark)], ask=False)
            before, _, after = whole.removeprefix(asked).partition(mark)
            self._forms[roles] = ("" if before.strip() else before, after)
        return self._forms[roles]

    def _beginning(self) -> list[int]:
        """What the tokenizer puts before a text."""
        text: list[int] = self._tokenizer("a").input_ids
        bare: list[int] = self._tokenizer("a", add_special_tokens=False).input_ids
        starts = [n for n in range(len(text) - len(bare) + 1) if text[n : n + len(bare)] == bare]
        return text[: starts[0]] if starts else []

    def _chat(self, messages: Sequence[Message]) -> list[int]:
        """The template's tokens; special tokens that messages spell are held out of it and read as plain text."""
        marks: dict[str, str] = {}
        spelled = "".join(message.text for message in messages)
        free = (chr(code) for code in _PRIVATE if chr(code) not in spelled)

        def hold(match: re.Match[str]) -> str:
            if match.group() not in marks:
                marks[match.group()] = next(free)
            return marks[match.group()]

        texts = [well_formed(message.text) for message in messages]
        safe = [self._special.sub(hold, text) if self._special else text for text in texts]
        whole = self._rendered([(m.role, text) for m, text in zip(messages, safe, strict=True)])
        held = {mark: text for text, mark in marks.items()}
        pieces = re.split(f"([{''.join(held)}])", whole) if held else [whole]
        ids: list[int] = []
        for piece in filter(None, pieces):
            known = held.get(piece)
            ids += self.plain(known) if known else self._tokenizer(piece, add_special_tokens=False).input_ids
        return ids

    def _rendered(self, turns: list[tuple[str, str]], *, ask: bool = True) -> str:
        """The conversation as the template writes it; a system turn that it does not know joins the next one."""
        from jinja2 import TemplateError

        try:
            return self._template(turns, ask=ask)
        except TemplateError as error:
            refused = error
        if len(turns) > 1 and turns[0][0] == "system":
            (_, first), (role, second), *rest = turns
            try:
                return self._template([(role, f"{first}\n\n{second}"), *rest], ask=ask)
            except TemplateError as error:
                refused = error
        raise ModelError(
            f"{self._name}: its chat template refuses the conversation: {refused}.",
            "Begin with the user's turn and let the roles take turns, or use a prompt of plain text.",
        ) from refused

    def _template(self, turns: list[tuple[str, str]], *, ask: bool) -> str:
        """The template's text; models that would think aloud first are told not to."""
        return str(
            self._tokenizer.apply_chat_template(
                [{"role": role, "content": text} for role, text in turns],
                tokenize=False,
                add_generation_prompt=ask,
                enable_thinking=False,
            )
        )


def shown(prompt: str | tuple[Message, ...]) -> str:
    """A prompt as one text."""
    return prompt if isinstance(prompt, str) else "\n".join(message.text for message in prompt)


def _added(tokenizer: Any) -> set[str]:
    """Special tokens that have no role of their own but a number."""
    return {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
