"""What an answer goes on with, guessed from texts that it resembles.

A language model can check many tokens at the price of few, so a guess that is mostly right makes it write faster, and a
wrong one changes nothing (Leviathan et al. 2023; with the guess from a text at hand: Yang et al. 2023, "Inference with
Reference"). Here the texts are the hypotheses of a list. The answer follows the first of them. Where it leaves it, the
last tokens of the answer are looked for: behind the place in the same text, in the other texts, and last in what the
model has read. If they are nowhere, one token was replaced by another.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["Drafter"]

#: So many tokens of the answer are looked for at most.
_LONGEST = 4
#: A draft is at most twice as long as what was right of the last one, and this.
_SPARE = 4


class Drafter:
    """Drafts of one answer.

    Args:
        texts: Tokens of the texts, the likeliest first, each with the end of text.
        read: Tokens of what the model has read, looked at last.
        most: No draft is longer.
    """

    def __init__(self, texts: Sequence[Sequence[int]], read: Sequence[int] = (), most: int = 64) -> None:
        self._texts = [*dict.fromkeys(tuple(text) for text in texts if text)]
        self._read = tuple(read)
        self._most = most
        self._length = most
        #: The text that is followed, and the place of its next token.
        self._at: tuple[Sequence[int], int] = (self._texts[0] if self._texts else (), 0)

    def draft(self) -> Sequence[int]:
        """What probably comes next; may be empty."""
        text, place = self._at
        return text[place : place + self._length]

    def told(self, answer: Sequence[int], right: int) -> None:
        """Learn how the answer really goes on.

        Args:
            answer: All of it so far; its last token is the model's own, after what was right of the draft.
            right: How many tokens of the last draft were right.
        """
        text, place = self._at
        place += right
        if place < len(text) and text[place] == answer[-1]:
            self._at, self._length = (text, place + 1), self._most
            return
        self._length = min(self._most, 2 * right + _SPARE)
        self._at = self._found(answer, place) or (text, place + 1)

    def _found(self, answer: Sequence[int], place: int) -> tuple[Sequence[int], int] | None:
        """Where the last tokens of the answer stand, as many of them as possible, with something behind them."""
        for size in range(min(_LONGEST, len(answer)), 0, -1):
            last = tuple(answer[-size:])
            if after := _behind(self._at[0], last, place, place):
                return self._at[0], after
            for text in self._texts:
                if after := _behind(text, last, 0, len(answer)):
                    return text, after
            if size > 1 and (after := _behind(self._read, last, 0, len(self._read))):
                return self._read, after
        return None


def _behind(text: Sequence[int], tokens: tuple[int, ...], first: int, near: int) -> int:
    """The place behind the tokens in a text that is nearest to a place; 0 where there is none.

    Args:
        text: The text.
        tokens: One at least.
        first: The last of them stands here or later.
        near: The place.
    """
    size, best = len(tokens), 0
    for end in range(max(first + 1, size), len(text)):
        if text[end - 1] == tokens[-1] and tuple(text[end - size : end]) == tokens:
            best = end if not best or abs(end - near) < abs(best - near) else best
    return best
