"""What may stand in the file of a prompt, and what is wrong with one that has something else in it.

| key | what it says |
| --- | --- |
| `purpose`, `source` | what the prompt is for, and where the idea comes from; both are required |
| `name` | may repeat the name of the file |
| `answer` | what the model is asked for: `text`, the `number` of a hypothesis, or `json` with the key `text` |
| `result` | `transcript`, or `other` where the answer says something about the transcript, such as a summary |
| `scope` | `utterance`, or `recording` where the model reads all of one at once; with `result = "other"` |
| `max_tokens` | how long an answer may become, else 128, of a whole recording 512; with `result = "other"` |
| `marks` | texts that fence the data in; they never come out of the data themselves |
| `[variables]` | every variable that the turns use, and what it holds |
| `[hypotheses]` | `line`: how one is written, with `{number}`, `{text}`, `{score}`; `most`: how many at most |
| `[optional]` | what a variable becomes where it has content; without content it becomes nothing |
| `[[turns]]` | `role` (`system`, `user`, `assistant`; or `text`, which is read without chat template) and `content` |
| `[parts]` | instead of turns: texts that are put together, each with the variable of its own name |
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ger.registry import suggest

__all__ = ["ANSWERS", "RESULTS", "ROLES", "SCOPES", "VARIABLE", "Problem", "problems"]

ANSWERS = ("text", "number", "json")
RESULTS = ("transcript", "other")
SCOPES = ("utterance", "recording")
ROLES = ("text", "system", "user", "assistant")

#: A variable in a template; other braces are text.
VARIABLE = re.compile(r"\{([a-z_]+)\}")

#: Message and hint, without the name of the file.
Problem = tuple[str, str]

_KEYS: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "purpose": str,
    "source": str,
    "answer": str,
    "result": str,
    "scope": str,
    "max_tokens": int,
    "marks": list,
    "variables": dict,
    "hypotheses": dict,
    "optional": dict,
    "turns": list,
    "parts": dict,
}
#: What a list gives to the turns of a prompt, and a hypothesis to its line.
_GIVEN = ("hypotheses", "hotwords", "previous", "task", "language", "target")
_IN_LINE = ("number", "text", "score")
_TYPES = {str: "a text", int: "a whole number", list: "a list", dict: "a table"}


def problems(table: Mapping[str, Any]) -> list[Problem]:
    """Everything that is wrong with the content of a file; nothing where it is a prompt."""
    found = list(_shape(table))
    if found:
        return found  # the rest would follow from these
    return list(_parts(table) if "parts" in table else _turns(table))


def _shape(table: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _keys(table, _KEYS, "")
    for key in ("purpose", "source"):
        if not table.get(key):
            yield f"'{key}' is missing.", "Say in a sentence what the prompt is for, and where it comes from."
    for key, choices in (("answer", ANSWERS), ("result", RESULTS), ("scope", SCOPES)):
        if (value := table.get(key, choices[0])) not in choices:
            yield f"'{key}' is {value!r}.", suggest(str(value), choices)
    if ("parts" in table) == ("turns" in table):
        yield "it needs either [[turns]] or [parts].", "See docs/prompts.md."
    for key in ("variables", "optional", "parts"):
        yield from _texts(table.get(key), f"{key}.")
    marks = table.get("marks", [])
    if isinstance(marks, list) and not all(isinstance(mark, str) and mark.strip() for mark in marks):
        yield "'marks' holds something that is no text.", 'Use texts such as marks = ["<list>", "</list>"].'
    elif isinstance(marks, list) and (plain := next((mark for mark in marks if "".join(mark.split()).isalnum()), "")):
        yield f"the mark {plain!r} has letters and digits only, which stay.", 'Use one such as "<list>".'
    yield from _keys(table.get("hypotheses"), {"line": str, "most": int}, "hypotheses.")
    for number, turn in enumerate(turns if isinstance(turns := table.get("turns"), list) else [], 1):
        yield from _turn(turn, f"turns[{number}]")


def _keys(table: Any, known: Mapping[str, Any], prefix: str) -> Iterator[Problem]:
    """Keys that are not known, and values of another type; what is no table is told elsewhere."""
    for key, value in table.items() if isinstance(table, dict) else ():
        if key not in known:
            yield f"there is no key '{prefix}{key}'.", suggest(key, known)
        elif type(value) is not known[key]:
            yield f"'{prefix}{key}' is {value!r}.", f"Use {_TYPES[known[key]]}."


def _texts(table: Any, prefix: str) -> Iterator[Problem]:
    for key, value in table.items() if isinstance(table, dict) else ():
        if not isinstance(value, str):
            yield f"'{prefix}{key}' is {value!r}.", "Use a text."


def _turn(turn: Any, where: str) -> Iterator[Problem]:
    if not isinstance(turn, dict):
        yield f"'{where}' is {turn!r}.", "Use [[turns]] with 'role' and 'content'."
        return
    yield from _keys(turn, {"role": str, "content": str}, f"{where}.")
    for key in ("role", "content"):
        if key not in turn:
            yield f"'{where}.{key}' is missing.", "A turn has a 'role' and a 'content'."
    if isinstance(role := turn.get("role"), str) and role not in ROLES:
        yield f"'{where}.role' is {role!r}.", suggest(role, ROLES)


def _parts(table: Mapping[str, Any]) -> Iterator[Problem]:
    for name, template in table["parts"].items():
        if VARIABLE.findall(template) != [name]:
            yield f"'parts.{name}' has to use {{{name}}} once and no other variable.", "Correct the text."
    if extra := set(table) - {"name", "purpose", "source", "variables", "parts"}:
        yield f"'{min(extra)}' goes with [[turns]], not with [parts].", "Leave it out."
    yield from _declared(table, set(table["parts"]), ())


def _turns(table: Mapping[str, Any]) -> Iterator[Problem]:
    form, optional, turns = table.get("hypotheses", {}), table.get("optional", {}), table["turns"]
    used = {name for turn in turns for name in VARIABLE.findall(turn["content"])}
    yield from _declared(table, used, _GIVEN)
    for name, template in optional.items():
        if VARIABLE.findall(template) != [name]:
            yield f"'optional.{name}' has to use {{{name}}} once and no other variable.", "Correct the text."
        if name not in used:
            yield f"'optional.{name}' is used in no turn.", f"Put {{{name}}} into a turn or leave it out."
    yield from _line(form.get("line", "{text}\n"), table.get("answer"))
    if form.get("most", 1) < 1:
        yield f"'hypotheses.most' is {form['most']}.", "Use 1 or more."
    yield from _order(turns)
    if "max_tokens" in table and table.get("result") != "other":
        yield "how long a transcript may become, the list says.", 'Leave out max_tokens, or use result = "other".'
    if table.get("max_tokens", 1) < 1:
        yield f"'max_tokens' is {table['max_tokens']}.", "Use 1 or more."
    if table.get("scope") == "recording" and table.get("result") != "other":
        yield "a transcript of a whole recording has no utterances.", 'Leave out scope, or use result = "other".'


def _line(line: str, answer: str | None) -> Iterator[Problem]:
    used = VARIABLE.findall(line)
    if unknown := next((name for name in used if name not in _IN_LINE), None):
        yield f"'hypotheses.line' uses {{{unknown}}}, which it is not given.", suggest(unknown, _IN_LINE)
    if "text" not in used:
        yield "'hypotheses.line' does not use {text}.", "Without it no hypothesis can be read."
    if answer == "number" and "number" not in used:
        yield "the answer is a number, but 'hypotheses.line' does not use {number}.", "Number the hypotheses."


def _declared(table: Mapping[str, Any], used: set[str], given: tuple[str, ...]) -> Iterator[Problem]:
    declared = table.get("variables", {})
    for name in sorted(used - declared.keys()):
        yield f"it uses {{{name}}}, which [variables] does not declare.", suggest(name, declared)
    for name in sorted(declared.keys() - used):
        yield f"'variables.{name}' is declared but never used.", f"Use {{{name}}} or leave it out."
    for name in sorted(declared.keys() - set(given)) if given else ():
        yield f"'variables.{name}' is nothing that a list gives.", suggest(name, given)


def _order(turns: list[dict[str, str]]) -> Iterator[Problem]:
    """Roles in an order that chat templates accept."""
    roles = [turn["role"] for turn in turns]
    if not roles:
        yield "it has no turns.", "Write [[turns]] with 'role' and 'content'."
    elif "text" in roles:
        if set(roles) != {"text"}:
            yield "turns of role 'text' stand among turns of a conversation.", "Use one kind only."
    else:
        spoken = roles[1:] if roles[0] == "system" else roles
        if not spoken or len(spoken) % 2 == 0 or spoken != [("user", "assistant")[i % 2] for i in range(len(spoken))]:
            yield "the turns are out of order.", "An optional system turn, then user and assistant in turn, user last."
    if "{hypotheses}" not in (turns[-1]["content"] if turns else "{hypotheses}"):
        yield "the last turn does not use {hypotheses}.", "Without it the model does not know the list."
