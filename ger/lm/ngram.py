"""N-gram models: estimating one from text, the ARPA format, and scoring without any other program.

`train` is interpolated modified Kneser-Ney smoothing without pruning: S. F. Chen and J. Goodman, "An empirical study of
smoothing techniques for language modeling", Computer Speech & Language 13 (1999), equations 22 to 27, with the
conventions of KenLM's `lmplz`: one `<s>` in front of a sentence, counts of n-grams that begin with it are not
replaced by numbers of left neighbours, and unigrams are interpolated with a uniform distribution over all words,
`</s>` and `<unk>`. It holds all n-grams in memory: meant for in-domain text of up to some million words.

Probabilities in a model are base-10 logarithms, as in ARPA files; `NGramModel.score` gives nats.
"""

from __future__ import annotations

import gzip
import json
import math
import os
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ger.errors import InputError, ModelError, UsageError
from ger.io.output import write_atomic
from ger.io.paths import printable

__all__ = ["BOS", "EOS", "ORDERS", "UNK", "NGramModel", "Note", "train"]

BOS, EOS, UNK = "<s>", "</s>", "<unk>"

#: The orders that KenLM can read unless it was built for more.
ORDERS = range(2, 7)

#: Probability (log10) of what is never predicted, and of unknown words in models without `<unk>`; as KenLM has it.
_NEVER = -100.0

#: Discounts where counts of counts do not give any: tiny or repetitive text. KenLM's `--discount_fallback`.
_FALLBACK = (0.0, 0.5, 1.0, 1.5)

Gram = tuple[str, ...]


class NGramModel:
    """A back-off model.

    Args:
        order: Words in the longest n-grams.
        probabilities: log10 p(last word | words before) by n-gram, for all lengths.
        backoffs: log10 of the back-off weight by context; 0 where there is none.
    """

    def __init__(self, order: int, probabilities: Mapping[Gram, float], backoffs: Mapping[Gram, float]) -> None:
        self.order = order
        self._probabilities = probabilities
        self._backoffs = backoffs

    def __contains__(self, word: str) -> bool:
        return (word,) in self._probabilities

    def counts(self) -> list[int]:
        """How many n-grams of each length there are."""
        lengths = Counter(map(len, self._probabilities))
        return [lengths[n] for n in range(1, self.order + 1)]

    def words(self) -> list[str]:
        """The vocabulary, `<unk>` and `</s>` included and `<s>` not."""
        return [gram[0] for gram in self._probabilities if len(gram) == 1 and gram[0] != BOS]

    def score(self, words: Iterable[str], prefix: Iterable[str] = ()) -> float:
        """log p(words, end of sentence | begin of sentence, prefix) in nats."""
        context: Gram = (BOS,)
        for word in prefix:
            context = self._after(context, self._known(word))
        total = 0.0
        for word in (*map(self._known, words), EOS):
            total += self.log10(context, word)
            context = self._after(context, word)
        return total * math.log(10)

    def log10(self, context: Gram, word: str) -> float:
        """log10 p(word | context), by the longest n-gram there is."""
        context = self._after(context)
        weight = 0.0
        while (found := self._probabilities.get((*context, word))) is None:
            if not context:
                return weight + _NEVER
            weight += self._backoffs.get(context, 0.0)
            context = context[1:]
        return weight + found

    def followers(self) -> dict[Gram, dict[str, float]]:
        """For each context the words that stand after it in an n-gram, with their log-probability (nats)."""
        found: defaultdict[Gram, dict[str, float]] = defaultdict(dict)
        for gram, value in self._probabilities.items():
            found[gram[:-1]][gram[-1]] = value * math.log(10)
        return dict(found)

    def backoff(self, context: Gram) -> float:
        """What going on without the first word of a context costs (nats)."""
        return self._backoffs.get(context, 0.0) * math.log(10)

    def _known(self, word: str) -> str:
        return word if (word,) in self._probabilities else UNK

    def _after(self, context: Gram, *words: str) -> Gram:
        """The end of a context that matters for what comes next."""
        whole = (*context, *words)
        return whole[max(0, len(whole) - self.order + 1) :]

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write an ARPA file.

        Raises:
            OutputError: it cannot be written.
        """
        write_atomic(path, self._arpa())

    def _arpa(self) -> Iterator[str]:
        by_length: list[list[Gram]] = [[] for _ in range(self.order + 1)]
        for gram in self._probabilities:
            by_length[len(gram)].append(gram)
        yield "\\data\\\n" + "".join(f"ngram {n}={len(by_length[n])}\n" for n in range(1, self.order + 1))
        for n, grams in enumerate(by_length[1:], 1):
            yield f"\n\\{n}-grams:\n"
            for gram in grams:
                weight = f"\t{self._backoffs.get(gram, 0.0):.7g}" if n < self.order else ""
                yield f"{self._probabilities[gram]:.7g}\t{' '.join(gram)}{weight}\n"
        yield "\n\\end\\\n"

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> NGramModel:
        """Read an ARPA file, also one that gzip has packed.

        Raises:
            ModelError: the file cannot be read or is no complete ARPA file; names the line.
        """
        name = printable(path)
        try:
            with open(path, "rb") as stream:
                packed = stream.read(2) == b"\x1f\x8b"
            with gzip.open(path, "rb") if packed else open(path, "rb") as lines:
                return _Reader(name).read(lines)
        except (OSError, EOFError, zlib.error) as error:
            raise ModelError(f"{name} cannot be read: {error}.", "Check the name, or write the file again.") from error


class _Reader:
    """Reads one ARPA file; knows where it is."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._number = 0
        self._expected: dict[int, int] = {}
        self._probabilities: dict[Gram, float] = {}
        self._backoffs: dict[Gram, float] = {}
        self._words: dict[str, str] = {}

    def read(self, lines: Iterable[bytes]) -> NGramModel:
        section = -1  # before \data\; 0 is \data\, n is \n-grams:
        for self._number, raw in enumerate(lines, 1):
            line = self._decoded(raw)
            if line.startswith("\\"):
                if line == "\\end\\":
                    return self._model()
                section = self._section(line)
            elif line and section == 0:
                self._count(line)
            elif line and section > 0:
                self._gram(line, section)
        raise ModelError(f"{self._name}: no \\end\\ was found.", "The file is no ARPA model or was cut off.")

    def _model(self) -> NGramModel:
        found = Counter(map(len, self._probabilities))
        for n, count in self._expected.items():
            if found[n] != count:
                raise self._error(f"{count} {n}-grams are announced, {found[n]} are there")
        if not self._expected:
            raise self._error("no n-grams are announced")
        return NGramModel(max(self._expected), self._probabilities, self._backoffs)

    def _decoded(self, raw: bytes) -> str:
        try:
            return raw.decode("utf-8").strip(" \t\r\n")
        except UnicodeDecodeError as error:
            raise self._error("not UTF-8") from error

    def _section(self, line: str) -> int:
        if line == "\\data\\":
            return 0
        match = re.fullmatch(r"\\(\d{1,2})-grams:", line)
        if not match or int(match[1]) not in self._expected:
            raise self._error(f"unexpected {line[:40]!r}")
        return int(match[1])

    def _count(self, line: str) -> None:
        match = re.fullmatch(r"ngram\s+(\d{1,2})\s*=\s*(\d{1,18})", line)
        if not match:
            raise self._error(f"unexpected {line[:40]!r}")
        self._expected[int(match[1])] = int(match[2])

    def _gram(self, line: str, n: int) -> None:
        first, *rest = line.replace("\t", " ").split(" ")
        gram = tuple(self._word(word) for word in rest[:n])
        try:
            self._probabilities[gram] = float(first)
            if len(rest) > n:
                self._backoffs[gram] = float(rest[n])
        except ValueError:
            rest = []
        if not n <= len(rest) <= n + 1:
            raise self._error(f"expected a number, {n} words and maybe a number, found {line[:40]!r}")

    def _word(self, word: str) -> str:
        """One object a word, however often it is there; SRILM and others also write `<UNK>`."""
        return self._words.setdefault(word, UNK if word == "<UNK>" else word)

    def _error(self, what: str) -> ModelError:
        return ModelError(f"{self._name}, line {self._number}: {what}.", "The file is no ARPA model or is damaged.")


def train(sentences: Iterable[Sequence[str]], order: int = 3) -> NGramModel:
    """Estimate a model from sentences, which are lists of words.

    Raises:
        UsageError: the order is not 2 to 6.
        InputError: there is no sentence, or a word is one of the model's own marks.
    """
    if order not in ORDERS:
        raise UsageError(f"An n-gram model of order {order} cannot be made.", f"Use {ORDERS[0]} to {ORDERS[-1]}.")
    probabilities: dict[Gram, float] = {}
    backoffs: dict[Gram, float] = {}
    counts = _adjusted_counts(sentences, order)
    # A word without any history: the uniform distribution.
    lower: Mapping[Gram, float] = {(): 1 / (len(counts[0]) + 1)}
    for grams in counts:
        shares, rests = _discounted(grams)
        current = {gram: share + rests[gram[:-1]] * lower[gram[1:]] for gram, share in shares.items()}
        if () in lower:
            current[UNK,] = rests[()] * lower[()]
        backoffs |= {context: math.log10(rest) for context, rest in rests.items() if context}
        probabilities |= {gram: math.log10(p) for gram, p in current.items()}
        lower = current
    probabilities[BOS,] = _NEVER
    return NGramModel(order, probabilities, backoffs)


def _adjusted_counts(sentences: Iterable[Sequence[str]], order: int) -> list[Counter[Gram]]:
    """Counts by length: of occurrences for the longest and for those that begin a sentence, else of left neighbours."""
    longest: Counter[Gram] = Counter()
    begins: list[Counter[Gram]] = [Counter() for _ in range(order)]
    for words in sentences:
        marked = (BOS, *words, EOS)
        _check(words)
        longest.update(zip(*(marked[i:] for i in range(order)), strict=False))
        for n in range(2, min(order, len(marked) + 1)):
            begins[n][marked[:n]] += 1
    counts = [longest]
    for n in range(order - 1, 0, -1):
        neighbours = Counter(gram[1:] for gram in counts[-1])
        neighbours.update(begins[n])
        counts.append(neighbours)
    if not counts[-1]:
        raise InputError("There is no sentence to train on.", "Give a file with one sentence a line.")
    return counts[::-1]


def _check(words: Sequence[str]) -> None:
    for mark in (BOS, EOS, UNK):
        if mark in words:
            raise InputError(
                f"The training text holds {mark}, which is a mark of the model: {' '.join(words)[:60]!r}.",
                "Remove such marks from the text, or use the normalizer basic.",
            )


def _discounted(grams: Counter[Gram]) -> tuple[dict[Gram, float], dict[Gram, float]]:
    """Discounted share of each n-gram in its context, and what each context has left for shorter ones (eq. 22, 25)."""
    discounts = _discounts(Counter(grams.values()))
    totals: defaultdict[Gram, int] = defaultdict(int)
    freed: defaultdict[Gram, float] = defaultdict(float)
    for gram, count in grams.items():
        totals[gram[:-1]] += count
        freed[gram[:-1]] += discounts[min(count, 3)]
    shares = {gram: (count - discounts[min(count, 3)]) / totals[gram[:-1]] for gram, count in grams.items()}
    return shares, {context: amount / totals[context] for context, amount in freed.items()}


def _discounts(having: Mapping[int, int]) -> Sequence[float]:
    """Discounts of n-grams that are there 0, 1, 2, 3 or more times (eq. 26).

    Args:
        having: How many n-grams have a count.
    """
    if not all(having.get(count) for count in (1, 2, 3, 4)):
        return _FALLBACK
    y = having[1] / (having[1] + 2 * having[2])
    found = [0.0] + [count - (count + 1) * y * having[count + 1] / having[count] for count in (1, 2, 3)]
    return found if all(0 < found[count] <= count for count in (1, 2, 3)) else _FALLBACK


@dataclass(frozen=True, slots=True)
class Note:
    """What a model file does not say about itself; kept beside it as `FILE.json`.

    Attributes:
        normalizer: What the text went through before training (`ger.text.normalize`); texts to be scored do, too.
        order: Words in the longest n-grams.
        sentences: Of the training text.
        words: Of the training text, without marks.
    """

    normalizer: str
    order: int
    sentences: int
    words: int

    def write(self, model: str | os.PathLike[str]) -> None:
        """Write the note of a model file.

        Raises:
            OutputError: it cannot be written.
        """
        write_atomic(_note_path(model), json.dumps(asdict(self)) + "\n")

    @classmethod
    def read(cls, model: str | os.PathLike[str]) -> Note | None:
        """The note of a model file; `None` where there is none, as with models of other programs.

        Raises:
            ModelError: there is a file of that name that is not a note.
        """
        path = _note_path(model)
        try:
            return cls(**json.loads(path.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise ModelError(f"{printable(path)} is not the note of a model: {error}.", "Train it again.") from error


def _note_path(model: str | os.PathLike[str]) -> Path:
    return Path(f"{os.fspath(model)}.json")
