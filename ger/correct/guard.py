"""Rules that an answer has to keep before it may replace the 1-best.

A language model may say nothing, repeat its instruction, answer what was said, run in circles, add or leave out much,
switch the language, or change a number or a "not". Each rule has a name, looks at the answer and the list alone, and
says in words what it found. Rules of the whole answer refuse it; rules of edits (`numbers`, `negation`, `sure`) refuse
the edit alone. What another hypothesis says as well is never refused by the latter.

| rule | refuses |
| --- | --- |
| `empty` | no words, where the recognizer heard some |
| `echo` | words of the instruction, or marks of the prompt, that no hypothesis has |
| `reply` | an answer to what was said: it begins like a reply, or hardly shares letters with any hypothesis |
| `repetition` | the same words again and again |
| `script` | letters of a script that neither the list nor the hotwords have |
| `length` | far fewer or far more words than any hypothesis has, or any where nothing was heard |
| `distance` | too large a share of the words changed, compared with the nearest hypothesis |
| `numbers` | an edit that changes a number |
| `negation` | an edit that adds or removes a negation |
| `sure` | in a list of one hypothesis, an edit of words of all of which the recognizer is sure |
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from rapidfuzz.distance import Levenshtein

from ger.correct.clean import cleaned
from ger.correct.style import styled
from ger.errors import UsageError
from ger.evaluate.forms import atoms, same_form
from ger.evaluate.numbers import NUMBER_WORDS, is_number, rewrite
from ger.lm.edit_features import confidence
from ger.lm.edits import Change, Sheet
from ger.registry import suggest
from ger.text.normalize import normalize
from ger.text.tokens import tokenize
from ger.types import NBest

__all__ = ["EDIT_RULES", "RULES", "Guard", "Refusal", "Rule"]

Rule = Literal["empty", "echo", "reply", "repetition", "script", "length", "distance", "numbers", "negation", "sure"]
RULES: tuple[Rule, ...] = get_args(Rule)
EDIT_RULES: tuple[Rule, ...] = ("numbers", "negation", "sure")

_MARKS = re.compile(
    r"<\|?/?\w*(?:hypothes|transcri)\w*\|?>|\b(?:hypothes[ie]s|option|candidate) ?\d\b|\[/?INST\]", re.I
)
# How long a run of words of the instruction is an echo.
_ECHO = 5
_LONGEST_LOOP = 12

# How replies begin, without case and punctuation.
_REPLIES = (
    "sure", "of course", "certainly", "absolutely", "i'm sorry", "i am sorry", "sorry i", "i apologize", "i cannot",
    "i can't", "i'm unable", "as an ai", "as a language model", "here is", "here's", "the corrected", "the correct",
    "corrected", "the transcription", "the transcript", "the answer", "based on", "i think the", "note that",
    "natürlich", "gerne hier", "hier ist", "es tut mir leid", "entschuldigung", "bien sûr", "voici", "je suis désolé",
    "désolé", "por supuesto", "claro aquí", "aquí está", "lo siento", "aqui está", "desculpe", "claro aqui",
    "ecco", "mi dispiace", "certo ecco", "конечно", "вот", "извините", "к сожалению", "当然", "以下是", "抱歉",
    "对不起", "もちろん", "申し訳", "以下は", "물론", "죄송",
)  # fmt: skip

# Words that deny: English, German, French, Spanish, Italian, Portuguese, Dutch, Swedish, Polish, Russian.
_NEGATIONS = frozenset(
    [
        "not",
        "no",
        "never",
        "none",
        "nobody",
        "nothing",
        "nowhere",
        "neither",
        "nor",
        "cannot",
        "without",
        "nicht",
        "kein",
        "keine",
        "keinen",
        "keinem",
        "keiner",
        "keines",
        "nie",
        "niemals",
        "niemand",
        "nichts",
        "ohne",
        "ne",
        "pas",
        "jamais",
        "rien",
        "aucun",
        "aucune",
        "personne",
        "sans",
        "nunca",
        "nadie",
        "nada",
        "ningún",
        "ninguna",
        "ninguno",
        "sin",
        "non",
        "mai",
        "nessuno",
        "nessuna",
        "niente",
        "senza",
        "não",
        "nem",
        "ninguém",
        "nenhum",
        "nenhuma",
        "sem",
        "niet",
        "geen",
        "nooit",
        "niemand",
        "niets",
        "zonder",
        "inte",
        "ingen",
        "inget",
        "aldrig",
        "utan",
        "nie",
        "nigdy",
        "nikt",
        "nic",
        "bez",
        "не",
        "нет",
        "ни",
        "никогда",
        "никто",
        "ничего",
        "без",
    ]
)
# Characters that deny, in scripts where every character is a word.
_NEGATION_SIGNS = frozenset("不没沒無无非未别別")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Which rule refuses, and why, in words."""

    rule: Rule
    why: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.why}"


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules and their limits; see the top of this file.

    Attributes:
        alike: Least share of letters that an answer has in common with the nearest hypothesis.
        changed: Largest share of words that differ from the nearest hypothesis.
        shortest: Least number of words, as a share of the shortest hypothesis.
        longest: Largest number of words, as a share of the longest hypothesis.
        slack: So many words may always change, come or go.
        repeats: So often in a row the same words may not be said.
        sure: From this confidence on the recognizer is sure of a word.
        instructions: Texts that are no answer when they come back, such as the prompt's instruction.
        style: Whether an answer is put into the written form of the list.
        off: Rules that do not apply.

    Raises:
        UsageError: a limit is out of its range, or there is no such rule.
    """

    alike: float = 0.4
    changed: float = 0.6
    shortest: float = 0.5
    longest: float = 1.5
    slack: int = 3
    repeats: int = 4
    sure: float = 0.99
    instructions: tuple[str, ...] = ()
    style: bool = True
    off: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        if not (0 <= self.alike <= 1 and self.changed >= 0 and 0 <= self.shortest <= 1 <= self.longest):
            raise UsageError("alike and shortest have to be 0 to 1, changed 0 or more, longest 1 or more.")
        if self.slack < 0 or self.repeats < 2 or self.sure < 0:
            raise UsageError("slack and sure have to be 0 or more, repeats 2 or more.")
        if wrong := next((rule for rule in self.off if rule not in RULES), None):
            raise UsageError(f"There is no rule called {wrong!r}.", suggest(wrong, RULES))

    @classmethod
    def behind(cls, trained: bool, instructions: tuple[str, ...] = ()) -> Guard:
        """The rules behind a model; one that was trained on lists has learned how to write, numbers among others."""
        return cls(instructions=instructions, style=not trained, off=EDIT_RULES if trained else ())

    @property
    def signature(self) -> str:
        """Every setting that changes the result, on one line."""
        limits = f"alike={self.alike:g},changed={self.changed:g},length={self.shortest:g}-{self.longest:g}"
        rest = f"slack={self.slack},repeats={self.repeats},sure={self.sure:g}" + ("" if self.style else ",style=off")
        return f"guard:{limits},{rest}" + "".join(f",{rule}=off" for rule in self.off)

    def clean(self, answer: str, nbest: NBest) -> str:
        """The answer without what models put around it, in the written form of the list where `style` is set."""
        texts = [h.text for h in nbest.hypotheses]
        bare = cleaned(answer, texts)
        return styled(bare, texts) if self.style and texts and normalize(bare) else bare

    def check(self, answer: str, nbest: NBest) -> Refusal | None:
        """Why the answer as a whole is refused, if it is."""
        if any(h.text == answer for h in nbest.hypotheses):
            return None
        case = _Case.of(answer, nbest)
        for rule, find in _WHOLE.items():
            if rule not in self.off and (why := find(self, case)):
                return Refusal(rule, why)
        return None

    def check_edit(self, sheet: Sheet, change: Change) -> Refusal | None:
        """Why one edit is refused, if it is."""
        before = [token.text for token in sheet.base[change.start : change.end]]
        after = [token.text for token in change.tokens]
        if same_form(before, after):
            return None
        readings = [
            [token.text for token in sheet.reading(i, change.start, change.end)]
            for i in range(1, len(sheet.hypotheses))
        ]
        for rule, read, what in (("numbers", _numbers, "the number"), ("negation", _denied, "the negation")):
            old, new = read(before), read(after)
            if rule not in self.off and old != new and all(read(reading) != new for reading in readings):
                return Refusal(rule, f"{what} in {_shown(before)} would change to {_shown(after)}")  # type: ignore[arg-type]
        if (
            "sure" not in self.off
            and not readings
            and (least := confidence(sheet, change.start, change.end)) >= self.sure
        ):
            return Refusal("sure", f"the recognizer is sure of {_shown(before)} ({least:.2f})")
        return None


@dataclass(frozen=True, slots=True)
class _Case:
    """An answer and its list, in the forms that the rules look at.

    Attributes:
        answer: The answer as it is.
        words: Its words without case and punctuation.
        heard: The same of each hypothesis.
        nearest: The hypothesis with the fewest different words.
        allowed: Texts whose scripts may be used.
    """

    answer: str
    words: tuple[str, ...]
    heard: tuple[tuple[str, ...], ...]
    nearest: tuple[str, ...]
    allowed: tuple[str, ...]

    @classmethod
    def of(cls, answer: str, nbest: NBest) -> _Case:
        words = _words(answer)
        heard = tuple(_words(h.text) for h in nbest.hypotheses) or ((),)
        nearest = min(heard, key=lambda other: Levenshtein.distance(words, other))
        texts = (*(h.text for h in nbest.hypotheses), *nbest.context.hotwords)
        return cls(answer, words, heard, nearest, texts)


def _empty(guard: Guard, case: _Case) -> str:
    return "the answer has no words" if not case.words and any(case.heard) else ""


def _echo(guard: Guard, case: _Case) -> str:
    mark = _MARKS.search(case.answer)
    if mark and not any(_MARKS.search(text) for text in case.allowed):
        return f"the answer holds {mark.group()!r}, a mark of the prompt"
    told = {run for text in guard.instructions for run in _runs(_words(text), _ECHO)}
    heard = {run for words in case.heard for run in _runs(words, _ECHO)}
    found = next((run for run in _runs(case.words, _ECHO) if run in told - heard), None)
    return f"the answer repeats the instruction ({_shown(found)})" if found else ""


def _reply(guard: Guard, case: _Case) -> str:
    said = " ".join(case.words)
    alike = max(Levenshtein.normalized_similarity(said, " ".join(words)) for words in case.heard)
    begun = next((start for start in _REPLIES if _begins(case.words, start)), None)
    grown = len(case.words) - len(case.nearest) >= guard.slack
    if begun and (grown or alike < 0.6) and not any(_begins(words, begun) for words in case.heard):
        return f"the answer begins like a reply ({begun!r})"
    if any(case.heard) and alike < guard.alike:
        return f"only {alike:.0%} of the letters agree with the nearest hypothesis"
    return ""


def _repetition(guard: Guard, case: _Case) -> str:
    words, times = _loop(case.words)
    heard = max(_loop(other)[1] for other in case.heard)
    if times >= guard.repeats and times > heard:
        return f"{_shown(words)} is said {times} times in a row"
    return ""


def _script(guard: Guard, case: _Case) -> str:
    known = set().union(*map(_scripts, case.allowed))
    new = sorted(_scripts(case.answer) - known)
    return f"the answer has {', '.join(new)} letters and the list has none" if new and known else ""


def _length(guard: Guard, case: _Case) -> str:
    lengths = [len(words) for words in case.heard]
    least, most = guard.shortest * min(lengths), guard.longest * max(lengths)
    n = len(case.words)
    if n and not any(lengths):
        return f"{n} words, where nothing was heard"
    if n < least and n < min(lengths) - guard.slack:
        return f"{n} words, where the shortest hypothesis has {min(lengths)}"
    if n > most and n > max(lengths) + guard.slack:
        return f"{n} words, where the longest hypothesis has {max(lengths)}"
    return ""


def _distance(guard: Guard, case: _Case) -> str:
    changed = Levenshtein.distance(case.words, case.nearest)
    if changed > guard.slack and changed > guard.changed * max(1, len(case.nearest)):
        return f"{changed} of {len(case.nearest)} words differ from the nearest hypothesis"
    return ""


_WHOLE: dict[Rule, Callable[[Guard, _Case], str]] = {
    "empty": _empty,
    "echo": _echo,
    "reply": _reply,
    "repetition": _repetition,
    "script": _script,
    "length": _length,
    "distance": _distance,
}


@lru_cache(maxsize=1 << 12)
def _words(text: str) -> tuple[str, ...]:
    return tuple(token.text for token in tokenize(normalize(text)))


def _begins(words: tuple[str, ...], start: str) -> bool:
    wanted = _words(start)
    return words[: len(wanted)] == wanted


def _runs(words: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def _loop(words: tuple[str, ...]) -> tuple[tuple[str, ...], int]:
    """The words that are said most often in a row, and how often."""
    best: tuple[tuple[str, ...], int] = ((), 1)
    for n in range(1, min(_LONGEST_LOOP, len(words) // 2) + 1):
        same = 0
        for i in range(n, len(words)):
            same = same + 1 if words[i] == words[i - n] else 0
            if same and same % n == 0 and same // n + 1 > best[1]:
                best = words[i - n + 1 : i + 1], same // n + 1
    return best


@lru_cache(maxsize=1 << 12)
def _scripts(text: str) -> frozenset[str]:
    """The scripts of the letters: first words of their names, such as LATIN; kana and Han are one."""
    names = (unicodedata.name(char, "").split(" ")[0].split("-")[0] for char in text if char.isalpha())
    one = {"HIRAGANA": "CJK", "KATAKANA": "CJK", "HALFWIDTH": "CJK", "FULLWIDTH": "LATIN"}
    return frozenset(one.get(name, name) for name in names if name not in ("", "MODIFIER", "FEMININE", "MASCULINE"))


def _numbers(words: Sequence[str]) -> str:
    """The numbers of some words, in figures."""
    parts = [part for word in words for part in normalize(word).split()]
    found = [part for part in parts if part in NUMBER_WORDS or any(map(str.isdigit, part))]
    return rewrite([atom for part in found for atom in atoms(part) if is_number(atom)])


def _denied(words: Sequence[str]) -> int:
    """How often some words deny."""
    plain = [normalize(word) for word in words]
    signs = sum(char in _NEGATION_SIGNS for word in plain for char in word)
    return signs + sum(word in _NEGATIONS or word.endswith("n't") for word in plain)


def _shown(words: Sequence[str] | None) -> str:
    text = " ".join(words or ())
    return f"'{text if len(text) <= 60 else text[:57] + '…'}'"
