"""What may be said, and how probable it is: any tokens, or words with an n-gram model; and a bonus for hotwords.

A grammar is a graph whose arcs say a unit of one or more tokens. Its states are made when they are asked for.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from asr_frontends.posteriors import SPACE, Symbols
from ger.errors import ModelError
from ger.lm.ngram import BOS, EOS, UNK, NGramModel

__all__ = ["Arc", "Grammar", "Hotwords", "NGrams", "Spelling", "Tokens", "letters", "read_lexicon", "spelled"]


#: The tokens of a word.
Spelling = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Arc:
    """One unit: its tokens, the word it says, log p (nats) with the bonus, and the state after it."""

    tokens: tuple[int, ...]
    word: str
    score: float
    target: Hashable


class Grammar(Protocol):
    """What may be said."""

    start: Hashable

    def arcs(self, state: Hashable) -> Iterator[Arc]:
        """What may be said in a state."""
        ...

    def backoff(self, state: Hashable) -> tuple[float, Hashable] | None:
        """The state that has what this one has not, and what it costs (nats); `None` where there is none."""
        ...

    def final(self, state: Hashable) -> float | None:
        """What it costs (nats) to end in a state; `None` where nothing can end."""
        ...


class Hotwords:
    """Phrases with a bonus for each unit of theirs, taken back where a phrase is not said to its end.

    The automaton of A. V. Aho and M. J. Corasick, "Efficient string matching", CACM 18 (1975). A state is how much of
    which phrase has been said.

    Args:
        phrases: Phrases as sequences of units.
        bonus: What each unit of a phrase adds (nats).
    """

    def __init__(self, phrases: Sequence[Sequence[Hashable]], bonus: float) -> None:
        self._whole = {tuple(phrase) for phrase in phrases if phrase}
        self._begun = {phrase[:n] for phrase in self._whole for n in range(len(phrase) + 1)} | {()}
        self._longest = max(map(len, self._whole), default=0)
        self._bonus = bonus

    def step(self, state: tuple[Hashable, ...], unit: Hashable) -> tuple[float, tuple[Hashable, ...]]:
        """The bonus (nats) of a unit, less what was given for a beginning that does not go on; and the next state."""
        said = (*state, unit)
        after = next(said[n:] for n in range(len(said) + 1) if said[n:] in self._begun)
        gained = self._bonus * (len(after) - len(state))
        return gained, () if after in self._whole else after

    def end(self, state: tuple[Hashable, ...]) -> float:
        """What is taken back at the end of the text."""
        return -self._bonus * len(state)

    def bonus(self, units: Sequence[Hashable]) -> float:
        """What a whole text is given (nats)."""
        total, state = 0.0, tuple[Hashable, ...]()
        for unit in units:
            gained, state = self.step(state, unit)
            total += gained
        return total + self.end(state)


class Tokens:
    """Any of some tokens in any order; the words of its arcs are the tokens' numbers. See `Grammar`."""

    def __init__(self, tokens: Sequence[int], hotwords: Hotwords) -> None:
        self._tokens, self._hotwords = tokens, hotwords
        self.start: Hashable = ()

    def arcs(self, state: Hashable) -> Iterator[Arc]:
        """See `Grammar`."""
        assert isinstance(state, tuple)
        for token in self._tokens:
            gained, after = self._hotwords.step(state, token)
            yield Arc((token,), str(token), gained, after)

    def backoff(self, state: Hashable) -> tuple[float, Hashable] | None:
        """See `Grammar`."""
        return None

    def final(self, state: Hashable) -> float | None:
        """See `Grammar`."""
        assert isinstance(state, tuple)
        return self._hotwords.end(state)


class NGrams:
    """Words with the probabilities of a back-off n-gram model; see `Grammar`.

    A path may leave an n-gram that the model has and back off instead, as in all decoding graphs of this kind; where
    that matters, score the words again.

    Args:
        model: The model.
        lexicon: Ways to spell each word with tokens; other words of the model cannot be said.
        hotwords: Phrases of words.
        delimiter: The token between words, if there is one.
    """

    def __init__(
        self, model: NGramModel, lexicon: Mapping[str, Sequence[Spelling]], hotwords: Hotwords, delimiter: int | None
    ) -> None:
        self._model, self._lexicon, self._hotwords = model, lexicon, hotwords
        self._delimiter = () if delimiter is None else (delimiter,)
        self._followers = model.followers()
        # The words before, whether there were any (a delimiter is needed then), and the state of the hotwords.
        self.start: Hashable = (self._known((BOS,)), False, ())

    def arcs(self, state: Hashable) -> Iterator[Arc]:
        """See `Grammar`."""
        context, begun, heard = self._parts(state)
        for word, score in self._followers.get(context, {}).items():
            if word in (BOS, EOS, UNK) or word not in self._lexicon:
                continue
            gained, after = self._hotwords.step(heard, word)
            target = (self._known((*context, word)), True, after)
            for spelling in self._lexicon[word]:
                yield Arc((self._delimiter if begun else ()) + spelling, word, score + gained, target)

    def backoff(self, state: Hashable) -> tuple[float, Hashable] | None:
        """See `Grammar`."""
        context, begun, heard = self._parts(state)
        if not context:
            return None
        return self._model.backoff(context), (self._known(context[1:]), begun, heard)

    def final(self, state: Hashable) -> float | None:
        """See `Grammar`."""
        context, _, heard = self._parts(state)
        return self._model.log10(context, EOS) * math.log(10) + self._hotwords.end(heard)

    def _known(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """The longest end of some words that makes a difference to what comes next."""
        words = words[max(0, len(words) + 1 - self._model.order) :]
        while words and words not in self._followers and not self._model.backoff(words):
            words = words[1:]
        return words

    def _parts(self, state: Hashable) -> tuple[tuple[str, ...], bool, tuple[Hashable, ...]]:
        assert isinstance(state, tuple)
        return state


def read_lexicon(path: Path, tokens: Sequence[str]) -> dict[str, list[Spelling]]:
    """Spellings of words from a file: a word and its tokens a line; a word may have several lines.

    Raises:
        ModelError: the file cannot be read, or a line has a token that the recognizer does not have.
    """
    numbers = {token: i for i, token in enumerate(tokens)}
    found: dict[str, list[Spelling]] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}.", "Write a word and its tokens a line.") from error
    for number, line in enumerate(lines, 1):
        word, *spelled = line.split() or [""]
        if unknown := [token for token in spelled if token not in numbers]:
            raise ModelError(f"{path}, line {number}: the recognizer has no token {unknown[0]!r}.")
        if spelled:
            found.setdefault(word, []).append(tuple(numbers[token] for token in spelled))
    return found


def spelled(words: Iterable[str], tokens: Sequence[str], delimiter: int | None) -> dict[str, list[Spelling]]:
    """Spellings of words letter by letter, for recognizers that write letters; words with other signs are left out.

    Letters are taken as the recognizer has them, in capitals or not.
    """
    numbers = {token: i for i, token in enumerate(tokens) if len(token) == 1 and i != delimiter}
    found = {}
    for word in words:
        letters = next((form for form in (word, word.upper(), word.lower()) if set(form) <= numbers.keys()), "")
        if letters:
            found[word] = [tuple(numbers[letter] for letter in letters)]
    return found


def letters(text: str, symbols: Symbols) -> Spelling:
    """A text in tokens, the longest ones first; nothing where it cannot be spelled."""
    numbers = {symbols.tokens[i]: i for i in symbols.written}
    if (sign := symbols.delimiter) is not None:
        numbers[" "] = sign
    space = " " if sign is not None else SPACE
    for form in (text, text.upper(), text.lower()):
        left = form if sign is not None else space + form
        left, found = left.replace(" ", space), []
        while left and (token := next((left[:n] for n in range(len(left), 0, -1) if left[:n] in numbers), "")):
            found.append(numbers[token])
            left = left[len(token) :]
        if not left:
            return tuple(found)
    return ()
