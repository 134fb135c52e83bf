"""Prompts: texts around what a language model reads, one TOML file each, kept as data (`ger.prompt_files`).

Transcript text is data. It is put into a prompt on one line, without control characters; braces in it are no variables;
and the marks that a prompt fences its data in with are taken out of it. So it cannot leave its place.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from ger.errors import InputError, UnknownNameError, UsageError
from ger.io.paths import printable
from ger.languages import name_of
from ger.prompt_files import VARIABLE, problems
from ger.protocols import Message
from ger.registry import suggest
from ger.text.tokens import latest
from ger.types import Hypothesis, NBest

__all__ = ["PREVIOUS_WORDS", "Prompt", "Turn", "cleaned", "content_of", "load", "names", "parse", "shown", "table_of"]

#: So many words of what was said before are told, the last ones, unless something else is said: some 300 tokens.
PREVIOUS_WORDS = 200
#: Format characters that are part of the spelling of some scripts.
_JOINERS = "\u200c\u200d"
#: What a model puts around or before an answer.
_LABEL = re.compile(
    r"(?:(?:the|my|this|here is|here's|sure|corrected|correct|final|best|most|likely|true) ?){0,6}"
    r"(?:transcript|transcription|translation|sentence|hypothesis|text|answer|output|correct|correction|heard|said)"
    r"(?: is| was| heard)?\s*:\s*",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"\d{1,3}[.)]\s+")
_QUOTES = {'"': '"', "“": "”", "'": "'", "‘": "’", "«": "»", "`": "`"}


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a prompt: who speaks, and a text with variables in braces."""

    role: Literal["text", "system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt.

    Attributes:
        name: Name of its file without the extension.
        purpose: What it is for, one sentence.
        source: Where it comes from.
        parts: Templates by name, with variables in braces; for `fill`.
        hash: First 8 hexadecimal digits of the file's SHA-256, for signatures.
        answer: How the model's answer is read.
        result: Whether what comes out is a `transcript`; `other` for a summary and the like.
        scope: Whether the model reads each `utterance` by itself, or the whole `recording`.
        variables: What each variable holds.
        line: How one hypothesis is written.
        most: How many hypotheses are written at most.
        max_tokens: How many tokens an answer that is no transcript may have; `None` for the usual number.
        optional: What a variable becomes where it has content.
        marks: Texts that fence the data in.
        turns: The turns; for `render`.
        content: The file, word for word.
    """

    name: str
    purpose: str
    source: str
    parts: Mapping[str, str]
    hash: str
    answer: Literal["text", "number", "json"] = "text"
    result: Literal["transcript", "other"] = "transcript"
    scope: Literal["utterance", "recording"] = "utterance"
    variables: Mapping[str, str] = field(default_factory=dict)
    line: str = "{text}\n"
    most: int = 5
    optional: Mapping[str, str] = field(default_factory=dict)
    marks: tuple[str, ...] = ()
    turns: tuple[Turn, ...] = ()
    content: str = ""
    max_tokens: int | None = None

    def fill(self, **variables: str) -> str:
        """The parts named by the variables that are not empty, in the order of the file."""
        filled = {name: text for name, text in variables.items() if text}
        return "".join(self.parts[name].replace(f"{{{name}}}", filled[name]) for name in self.parts if name in filled)

    def render(
        self,
        nbest: NBest,
        *,
        hotwords: Sequence[str] = (),
        previous: str = "",
        task: str = "",
        shots: Sequence[NBest] = (),
    ) -> str | tuple[Message, ...]:
        """What a model reads for a list.

        Args:
            nbest: The list.
            hotwords: Words that may occur; the list's own where none are given.
            previous: What was said before; the list's own where none is given.
            task: Task tag for a model of several tasks.
            shots: Lists with references that are shown as examples, with their answers.

        Returns:
            A text for a prompt of role `text`, else a conversation.
        """
        values = self._values(nbest, hotwords, previous, task)
        examples = [(self._values(shot, (), "", task), self.answer_for(shot)) for shot in shots]
        return self._text(values, examples) if self.turns[0].role == "text" else self._conversation(values, examples)

    def shown(self, nbest: NBest) -> tuple[Hypothesis, ...]:
        """The hypotheses that a model sees, as they are in the list; their place here plus one is their number."""
        return shown(nbest, self.most, self._clean)

    def read(self, answer: str, nbest: NBest) -> str | None:
        """The transcript that an answer stands for; `None` where it is not of the expected kind.

        A number is the hypothesis of that number, as it stands in the list. Of a text, the first line is taken, or the
        first one after a mark, without a label (`Transcript:`), a number or quotation marks around it that the 1-best
        has not. What is no transcript is taken as a whole, on one line.
        """
        if self.answer == "number":
            return self._numbered(answer, nbest)
        if self.result == "other":
            return cleaned(answer) or None
        text = _from_json(answer) if self.answer == "json" else _within(answer, self.marks)
        return None if text is None else _plain(text, nbest.best.text) or None

    def answer_for(self, nbest: NBest) -> str:
        """What the model should answer to a list with a reference; empty where the list has none.

        For a number, that of the hypothesis with the fewest word errors, of several the first.
        """
        reference = self._clean(nbest.reference or "")
        if self.answer == "text" or not reference:
            return reference
        if self.answer == "json":
            return json.dumps({"text": reference}, ensure_ascii=False)
        return str(_nearest(reference, [hypothesis.text for hypothesis in self.shown(nbest)]) + 1)

    def _text(self, values: Mapping[str, str], examples: Sequence[tuple[Mapping[str, str], str]]) -> str:
        def written(given: Mapping[str, str]) -> str:
            return "".join(_filled(turn.content, given) for turn in self.turns)

        asked = [(written(given), answer) for given, answer in examples]
        shown = [f"{text}{'' if text[-1:].isspace() else ' '}{answer}\n\n" for text, answer in asked]
        return "".join(shown) + written(values)

    def _conversation(
        self, values: Mapping[str, str], examples: Sequence[tuple[Mapping[str, str], str]]
    ) -> tuple[Message, ...]:
        """The turns; examples are earlier turns, with the last one's question."""
        *before, last = self.turns
        messages = [self._message(turn, values) for turn in before]
        for given, answer in examples:
            messages += [self._message(last, given), Message("assistant", answer)]
        return (*messages, self._message(last, values))

    def _message(self, turn: Turn, values: Mapping[str, str]) -> Message:
        assert turn.role != "text"
        return Message(turn.role, _filled(turn.content, values).strip())

    def _values(self, nbest: NBest, hotwords: Sequence[str], previous: str, task: str) -> dict[str, str]:
        lines = [self._line(i, hypothesis) for i, hypothesis in enumerate(self.shown(nbest), 1)]
        words = dict.fromkeys(filter(None, map(self._clean, hotwords or nbest.context.hotwords)))
        given = {"hypotheses": "".join(lines), "hotwords": ", ".join(words), "task": self._clean(task)}
        given["previous"] = self._clean(latest(previous or nbest.context.previous, PREVIOUS_WORDS))
        given |= {"language": name_of(nbest.language), "target": name_of(nbest.target)}
        return {
            name: _filled(self.optional.get(name, f"{{{name}}}"), {name: v}) if v else "" for name, v in given.items()
        }

    def _line(self, number: int, hypothesis: Hypothesis) -> str:
        score = "unknown" if hypothesis.score is None else f"{hypothesis.score:.2f}"
        return _filled(self.line, {"number": str(number), "text": self._clean(hypothesis.text), "score": score})

    def _clean(self, text: str) -> str:
        return cleaned(text, self.marks)

    def _numbered(self, answer: str, nbest: NBest) -> str | None:
        found = re.match(r"\D{0,20}?(\d{1,4})(?!\d)", answer.strip())
        listed = self.shown(nbest)
        number = int(found[1]) if found else 0
        return listed[number - 1].text if 1 <= number <= len(listed) else None


def shown(nbest: NBest, most: int, clean: Callable[[str], str] | None = None) -> tuple[Hypothesis, ...]:
    """The first different hypotheses that say something: no repeats, no empty texts, no `<UNK>`."""
    found: dict[str, Hypothesis] = {}
    for hypothesis in nbest.hypotheses:
        text = (clean or cleaned)(hypothesis.text)
        if text.upper() != "<UNK>" and any(map(str.isalnum, text)):
            found.setdefault(text, hypothesis)
    return tuple(found.values())[:most]


def cleaned(text: str, marks: Sequence[str] = ()) -> str:
    """A text as data: on one line, single spaces, nothing hidden, and letters and digits only where a mark stood."""
    if not (text.isascii() and text.isprintable()):
        text = "".join(map(_visible, text))
    text = " ".join(text.split())
    for pattern, bare in map(_mark, marks):
        while pattern.search(text):
            text = pattern.sub(bare, text)
    return " ".join(text.split())


def _visible(char: str) -> str:
    """The character; a space for white space, control characters and half surrogates, nothing for hidden formats."""
    category = unicodedata.category(char)
    if char.isspace() or category in ("Cc", "Cs"):
        return " "
    return "" if category == "Cf" and char not in _JOINERS else char


@cache
def _mark(mark: str) -> tuple[re.Pattern[str], str]:
    """How a mark is found, however it is spaced and cased, and what stays of it: no more than its words."""
    characters = "".join(mark.split())
    pattern = rf"[\s{_JOINERS}]*".join(map(re.escape, characters))
    return re.compile(pattern, re.IGNORECASE), f" {''.join(c for c in characters if c.isalnum())} "


def _filled(template: str, values: Mapping[str, str]) -> str:
    """The template with its variables; what is put in is not looked at again."""
    return VARIABLE.sub(lambda found: values.get(found[1], found[0]), template)


def _from_json(answer: str) -> str | None:
    start, end = answer.find("{"), answer.rfind("}")
    try:
        value = json.loads(answer[start : end + 1])
    except (ValueError, RecursionError):
        return None
    text = value.get("text") if isinstance(value, dict) else None
    return text if isinstance(text, str) else None


def _within(answer: str, marks: Sequence[str]) -> str:
    """What stands between the first mark and the next one, for models that answer with the fence around it."""
    patterns = [_mark(mark)[0] for mark in marks]
    text = patterns[0].split(answer, maxsplit=1)[-1] if patterns else answer
    for pattern in patterns:
        text = pattern.split(text, maxsplit=1)[0]
    return text


def _plain(answer: str, best: str) -> str:
    """The first line that says something, without what was put around it."""
    lines = [line for line in map(cleaned, answer.splitlines()) if line]
    if len(lines) > 1 and lines[0].endswith(":"):
        lines = lines[1:]  # "Here is the transcript:"
    text = lines[0] if lines else ""
    for pattern in (_LABEL, _NUMBERED):
        if not pattern.match(best):
            text = text[found.end() :] if (found := pattern.match(text)) else text
    while len(text) > 1 and _QUOTES.get(text[0]) == text[-1] and best[:1] != text[0]:
        text = text[1:-1].strip()
    return text


def _nearest(reference: str, texts: Sequence[str]) -> int:
    from rapidfuzz.distance import Levenshtein

    from ger.text.normalize import normalize

    distances = [Levenshtein.distance(normalize(reference).split(), normalize(text).split()) for text in texts]
    return min(range(len(texts)), key=distances.__getitem__, default=0)


def _folder() -> Any:
    """Inside the package when installed, beside it in a checkout."""
    inside = resources.files("ger") / "prompts"
    return inside if inside.is_dir() else Path(__file__).parents[1] / "prompts"


def names() -> list[str]:
    """The names of the prompts."""
    return [*_shipped()]


@cache
def _shipped() -> dict[str, bytes]:
    """The files by name; read once."""
    files = sorted((file for file in _folder().iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return {file.name.removesuffix(".toml"): file.read_bytes() for file in files}


def load(name: str | os.PathLike[str]) -> Prompt:
    """The prompt of that name, or in that file; see `content_of`.

    Raises:
        UnknownNameError: there is no prompt of that name.
        InputError: the file cannot be read or is not TOML.
        UsageError: it is no prompt; names the file and the key.
    """
    return parse(*content_of(name))


def content_of(name: str | os.PathLike[str]) -> tuple[bytes, str]:
    """The content of a prompt's file, and how the file is named in messages.

    Args:
        name: A name of `names()`, or a file: what has a folder in it or ends in `.toml`.

    Raises:
        UnknownNameError: there is no prompt of that name.
        InputError: the file cannot be read.
    """
    if isinstance(name, str) and name in _shipped():
        return _shipped()[name], f"{name}.toml"
    path = Path(name)
    if not (isinstance(name, os.PathLike) or len(path.parts) > 1 or path.suffix == ".toml"):
        raise UnknownNameError(f"There is no prompt called {name!r}.", suggest(name, names()))
    try:
        return path.read_bytes(), printable(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        hint = "Check the name, or see 'ger prompts ls'."
        raise InputError(f"{printable(path)} cannot be read: {reason}.", hint) from error


def table_of(content: bytes, where: str) -> dict[str, Any]:
    """The content of a file as a table.

    Raises:
        InputError: it is not TOML.
    """
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is not TOML: {error}.", "See 'ger prompts show h2t' for a file that is.") from error


@cache
def parse(content: bytes, where: str) -> Prompt:
    """A prompt out of the content of its file.

    Args:
        content: The bytes of the file.
        where: How the file is named in errors; its last part without extension is the name of the prompt.

    Raises:
        InputError: it is not TOML.
        UsageError: it is no prompt; names the file and the key.
    """
    table = table_of(content, where)
    for message, hint in problems(table):
        raise UsageError(f"{where}: {message}", hint)
    form = table.get("hypotheses", {})
    return Prompt(
        name=Path(where).name.removesuffix(".toml"),
        purpose=table["purpose"],
        source=table["source"],
        parts=table.get("parts", {}),
        hash=hashlib.sha256(content).hexdigest()[:8],
        content=content.decode("utf-8-sig"),
        answer=table.get("answer", "text"),
        result=table.get("result", "transcript"),
        scope=table.get("scope", "utterance"),
        variables=table.get("variables", {}),
        line=form.get("line", "{text}\n"),
        most=form.get("most", 5),
        optional=table.get("optional", {}),
        marks=tuple(table.get("marks", ())),
        turns=tuple(Turn(**turn) for turn in table.get("turns", ())),
        max_tokens=table.get("max_tokens"),
    )
