"""The written form in which a hypothesis is shown to a language model.

A causal language model is trained on edited text. Recognizers write otherwise: all in upper case, all in lower case,
without punctuation. Such text is improbable to the model for reasons that have nothing to do with what was said, and
upper case costs it many more tokens, so differences between hypotheses drown. A form changes what the model reads,
never what is returned to the user.

- `as-is`: unchanged.
- `lower`: lower case.
- `lower.`: lower case, with a final full stop.
- `sentence`: a text all in upper case or all in lower case is put in lower case, then the first letter in upper case
  and a final full stop. Mixed case stays as it is but for the first letter.

A final full stop is added only where no final punctuation stands, replaces a comma, colon, semicolon or dash, and goes
only behind a script with case: scripts without case have their own final punctuation or none.
White space around the text is always stripped; an empty text stays empty.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

from ger.errors import UnknownNameError
from ger.registry import suggest

__all__ = ["FORMS", "Form", "apply"]

Form = Literal["as-is", "lower", "lower.", "sentence"]

#: The names of the forms.
FORMS: tuple[Form, ...] = get_args(Form)

_FINAL = re.compile(r"[.!?…。｡！？؟۔।॥]\W*$")
_HANGING = re.compile(r"[\s,;:–—-]+$")


def apply(text: str, form: Form) -> str:
    """A text in a written form; see the top of this file.

    Raises:
        UnknownNameError: there is no form of that name.
    """
    text = text.strip()
    if form == "as-is":
        return text
    if form == "lower":
        return text.lower()
    if form == "lower.":
        return _stopped(text.lower())
    if form == "sentence":
        return _stopped(_capitalized(text.lower() if text.isupper() else text))
    raise UnknownNameError(f"There is no written form called {form!r}.", suggest(form, FORMS))


def _capitalized(text: str) -> str:
    """The text with its first letter in upper case, unless a digit comes first."""
    for index, char in enumerate(text):
        if char.isalnum():
            return text[:index] + char.title() + text[index + 1 :]
    return text


def _stopped(text: str) -> str:
    """The text with a full stop at its end where it needs one."""
    if _FINAL.search(text) or not _cased(text):
        return text
    return _HANGING.sub("", text) + "."


def _cased(text: str) -> bool:
    """Whether the last letter belongs to a script that has case."""
    last = next((char for char in reversed(text) if char.isalpha()), "")
    return last.upper() != last.lower()
