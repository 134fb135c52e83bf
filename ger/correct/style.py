"""An answer in the spelling of the list it belongs to.

A language model writes as it has learned to: with capitals and full stops. A recognizer may write all in upper case and
without punctuation. Such a difference is no correction, so it is taken back.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from ger.text.align import diff
from ger.text.tokens import Token, join, spaced, tokenize

__all__ = ["styled"]

#: Marks that belong to words or are words.
_SPOKEN = "'’&@#%*/\\_"


def styled(answer: str, texts: Sequence[str]) -> str:
    """An answer, spelled like the listed texts.

    Words that the first text has as well are spelled as there, with its punctuation. Other words are in upper case
    (lower case) where all texts are, and lose the punctuation at their edges where no text has any.

    Args:
        answer: What a model wrote, on one line.
        texts: The hypotheses, best first.
    """
    together = " ".join(texts)
    old = tokenize(texts[0]) if texts else []
    new = [_cased(token, together) for token in tokenize(answer)]
    if not any(map(_is_mark, together)):
        new = [bare for token in new if (bare := _bare(token)).text]
    ops = diff([token.text for token in old], [token.text for token in new])
    kept = [old[slice(*op.before)] if op.tag in ("equal", "form") else new[slice(*op.after)] for op in ops]
    return join(spaced([token for run in kept for token in run]))


def _cased(token: Token, together: str) -> Token:
    if together.isupper():
        return replace(token, text=token.text.upper())
    return replace(token, text=token.text.lower()) if together.islower() else token


def _is_mark(char: str) -> bool:
    return unicodedata.category(char)[0] == "P" and unicodedata.category(char) != "Pd" and char not in _SPOKEN


def _bare(token: Token) -> Token:
    text = token.text
    first = next((i for i, char in enumerate(text) if not _is_mark(char)), len(text))
    last = next((i for i in range(len(text), first, -1) if not _is_mark(text[i - 1])), first)
    return replace(token, text=text[first:last])
